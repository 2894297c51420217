//! Tests of the account of what left.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::close;
use super::*;
use crate::probe::conntrack::Mapping;
use crate::probe::namespaces::{HostEnd, Namespace, NamespaceInterface, Namespaces};

/// A host with one interface on which nothing is received, that sends `bytes` in `packets`, in the parts that the capture saw.
struct Host {
    evidence: Value,
    translations: Vec<Mapping>,
    guests: Option<Namespaces>,
}

impl Host {
    fn sends(packets: u64, bytes: u64, parts: Value) -> Self {
        let mut case: Value =
            serde_json::from_str(include_str!("../../../../tests/cases/udp-flood-closed-port.json")).unwrap();
        let mut host = Host { evidence: case["evidence"].take(), translations: Vec::new(), guests: None };
        let tx = json!({"packets": packets, "wire_packets": packets, "bytes": bytes, "link_header_bytes": 0});
        host.change("rates/watched/tx", json!({"packets": packets, "bytes": bytes}));
        let side = &mut host.evidence["traffic"]["output"]["tx"];
        for (field, value) in tx.as_object().unwrap() {
            side[field] = value.clone();
        }
        let foreign = parts["foreign"].as_array().into_iter().flatten();
        let sum = |of: &str| foreign.clone().filter_map(|row| row[of].as_u64()).sum::<u64>();
        let mut whole = json!({"left": [], "merged_header_bytes": 0, "endpoints": [], "others": [], "icmp": [], "foreign": [],
            "arp": {"packets": 0, "bytes": 0}, "no_ip": {"packets": 0, "bytes": 0}});
        for (field, value) in parts.as_object().unwrap() {
            whole[field] = value.clone();
        }
        host.evidence["traffic"]["output"]["sent"] = json!({"remotes": 1, "syn_remotes": 0, "syn_port": null,
            "udp_remotes": 1, "udp_port": null, "foreign_packets": sum("packets"), "foreign_bytes": sum("bytes"), "to": [],
            "from": [], "parts": whole});
        for list in ["listeners", "connections", "processes"] {
            host.change(&format!("sockets/{list}"), json!([]));
        }
        host.change("rates/interfaces", json!([]));
        host
    }

    fn change(&mut self, path: &str, value: Value) {
        let (step, pointer) = path.split_once('/').unwrap();
        let (parent, field) = pointer.rsplit_once('/').map_or((String::new(), pointer), |(p, f)| (format!("/{p}"), f));
        let output = &mut self.evidence[step]["output"];
        output.pointer_mut(&parent).expect("there is such a place")[field] = value;
    }

    fn with(mut self, path: &str, value: Value) -> Self {
        self.change(path, value);
        self
    }

    fn ledger(&self) -> Ledger {
        fn of<T: serde::de::DeserializeOwned>(evidence: &Value, step: &str) -> T {
            serde_json::from_value(evidence[step]["output"].clone()).unwrap()
        }
        let (interfaces, capture) = (of(&self.evidence, "rates"), of(&self.evidence, "traffic"));
        let (sockets, kernel) = (of(&self.evidence, "sockets"), of(&self.evidence, "kernel"));
        let evidence = WindowEvidence {
            interfaces: &interfaces,
            capture: Some(&capture),
            sockets: Some(&sockets),
            firewall: None,
            kernel: Some(&kernel),
            translations: &self.translations,
            drops: None,
            namespaces: self.guests.as_ref(),
        };
        let mut ledger = close::close(&evidence).unwrap();
        add(&evidence, &mut ledger).unwrap();
        ledger
    }

    /// The kind, bytes and label of each entry.
    fn entries(&self) -> Vec<(EntryKind, u64, String)> {
        let outbound = self.ledger().account.outbound.expect("it is accounted for");
        outbound.entries.into_iter().map(|entry| (entry.kind, entry.bytes, entry.label)).collect()
    }
}

fn endpoint(protocol: &str, port: u16, packets: u64, bytes: u64) -> Value {
    json!({"protocol": protocol, "address": "10.77.1.2", "port": port, "packets": packets, "wire_packets": packets,
        "bytes": bytes, "payload_bytes": bytes - 42 * packets, "merged_header_bytes": 0, "rx_packets": 0, "rx_bytes": 0,
        "syn": 0, "syn_ack": {"packets": 0, "bytes": 0}, "rx_syn_ack": 0, "rx_rst": 0, "handshakes_completed": 0,
        "rst": {"packets": 0, "bytes": 0}, "again": {"packets": 0, "bytes": 0}, "top_remote": "203.0.113.9",
        "top_remote_port": 9, "top_remote_share": 1.0, "remotes": 1, "opened_by": null})
}

fn listener(port: u16, name: &str) -> Value {
    json!({"protocol": "udp", "address": "0.0.0.0", "port": port, "any_address": true, "owners": 1, "in_kernel": false,
        "process": {"pid": 7, "name": name, "user": "root", "unit": null}, "unit": null, "queue": 0, "backlog": null,
        "syn_recv": 0, "drops": 0, "drops_total": 0, "receive_buffer": 1, "connected": false, "transparent": false,
        "remote_address": null, "remote_port": null})
}

#[test]
fn datagrams_are_of_who_holds_the_port_that_they_left_from() {
    let host = Host::sends(1_000, 500_000, json!({"endpoints": [endpoint("udp", 9000, 1_000, 500_000)]}))
        .with("sockets/listeners", json!([listener(9000, "flooder")]));
    assert_eq!(host.entries(), [(EntryKind::Process, 500_000, "flooder (pid 7)".to_owned())]);
    let [sender] = &host.ledger().senders.unwrap()[..] else { panic!("one sends") };
    assert_eq!((sender.bytes, sender.packets, &sender.ports[..]), (500_000, 1_000, &[9000][..]));
}

#[test]
fn what_the_kernel_answers_is_not_what_processes_send() {
    let mut refused = endpoint("tcp", 22, 50, 2_700);
    refused["rst"] = json!({"packets": 40, "bytes": 2_160});
    refused["syn_ack"] = json!({"packets": 10, "bytes": 540});
    let errors = json!({"family": "ipv4", "kind": 3, "name": "destination-unreachable", "packets": 10, "bytes": 700});
    let pings = json!({"family": "ipv4", "kind": 0, "name": "echo-reply", "packets": 5, "bytes": 490});
    let entries = Host::sends(
        66,
        3_932,
        json!({"endpoints": [refused], "icmp": [errors, pings], "arp": {"packets": 1, "bytes": 42}}),
    )
    .entries();
    let answers = entries.iter().filter(|entry| entry.0 == EntryKind::Answer);
    assert_eq!(answers.map(|entry| entry.1).sum::<u64>(), 3_890, "{entries:?}");
    assert!(entries.iter().any(|entry| entry.0 == EntryKind::NonIp && entry.1 == 42), "{entries:?}");
    assert!(entries[0].2.contains("resets"), "{entries:?}");
}

#[test]
fn what_is_sent_again_has_a_line_of_its_own() {
    let mut upload = endpoint("tcp", 40_000, 100, 140_000);
    upload["again"] = json!({"packets": 20, "bytes": 28_000});
    let connection = json!({"protocol": "tcp", "local_address": "10.77.1.2", "local_port": 40_000, "remote_address":
        "203.0.113.9", "remote_port": 873, "state": "established", "opened_by": "local", "process": {"pid": 9, "name":
        "rsync", "user": "root", "unit": null}, "unit": null, "rx_bytes": 0, "tx_bytes": 100_000, "rx_total": 0, "tx_total":
        100_000, "rx_bits_per_second": null, "rx_queue": 0, "tx_queue": 0, "rtt_ms": null, "retransmits": 20});
    let host =
        Host::sends(100, 140_000, json!({"endpoints": [upload]})).with("sockets/connections", json!([connection]));
    let entries = host.entries();
    assert_eq!((entries[0].0, entries[0].1), (EntryKind::Process, 112_000), "{entries:?}");
    assert_eq!((entries[1].0, entries[1].1), (EntryKind::SentAgain, 28_000), "{entries:?}");
    let sender = &host.ledger().senders.unwrap()[0];
    assert_eq!((sender.bytes, sender.again_bytes, sender.opened_by.as_deref()), (140_000, 28_000, Some("local")));
}

#[test]
fn addresses_of_others_are_forged_where_nothing_was_sent_on() {
    let foreign = json!({"foreign": [{"address": "198.51.100.7", "packets": 1_000, "bytes": 60_000}]});
    let raw =
        json!([{"kind": "raw", "number": 255, "process": {"pid": 3, "name": "hping3", "user": "root", "unit": null}}]);
    let forged = Host::sends(1_000, 60_000, foreign.clone())
        .with("sockets/raw", raw.clone())
        .with("kernel/ip/forwarded", json!(0));
    let entries = forged.entries();
    assert!(entries[0].0 == EntryKind::UnseenOwner && entries[0].2.contains("possibly of hping3"), "{entries:?}");
    let routed = Host::sends(1_000, 60_000, foreign).with("sockets/raw", raw).with("kernel/ip/forwarded", json!(1_000));
    assert_eq!(routed.entries()[0], (EntryKind::Forwarded, 60_000, "forwarded for 198.51.100.7".to_owned()));
}

#[test]
fn forged_packets_are_not_sent_on_where_a_bridge_brought_nothing() {
    let mut port = Host::sends(1, 60, json!({})).evidence["rates"]["output"]["watched"].take();
    for (field, value) in [("name", json!("veth1")), ("master", json!("docker0")), ("addresses", json!([]))] {
        port[field] = value;
    }
    (port["rx"]["packets"], port["rx"]["bytes"]) = (json!(0), json!(0));
    let foreign = json!({"foreign": [{"address": "198.51.100.7", "packets": 1_000, "bytes": 60_000}]});
    let raw =
        json!([{"kind": "raw", "number": 255, "process": {"pid": 3, "name": "hping3", "user": "root", "unit": null}}]);
    let entries = Host::sends(1_000, 60_000, foreign)
        .with("sockets/raw", raw)
        .with("kernel/ip/forwarded", json!(0))
        .with("rates/interfaces", json!([port]))
        .entries();
    assert!(entries[0].0 == EntryKind::UnseenOwner && entries[0].2.contains("forged"), "{entries:?}");
}

#[test]
fn a_tunnel_of_the_kernel_is_nobodys_raw_socket() {
    let mut row = endpoint("udp", 59_654, 1_000, 500_000);
    row["top_remote_port"] = json!(4789);
    let mut kernels = listener(4789, "none");
    (kernels["process"], kernels["in_kernel"]) = (Value::Null, json!(true));
    let raw =
        json!([{"kind": "packet", "number": 3, "process": {"pid": 3, "name": "sniff", "user": "root", "unit": null}}]);
    let entries = Host::sends(1_000, 500_000, json!({"endpoints": [row]}))
        .with("sockets/raw", raw)
        .with("sockets/listeners", json!([kernels]))
        .with("kernel/udp/out_datagrams", json!(0))
        .entries();
    assert_eq!(entries, [(EntryKind::Kernel, 500_000, "the kernel (VXLAN, UDP to port 4789)".to_owned())]);
}

#[test]
fn a_port_that_two_hold_is_of_one_or_of_the_other() {
    let mut other = listener(7001, "beta");
    other["process"]["pid"] = json!(8);
    let entries = Host::sends(1_000, 500_000, json!({"endpoints": [endpoint("udp", 7001, 1_000, 500_000)]}))
        .with("sockets/listeners", json!([listener(7001, "alpha"), other]))
        .entries();
    let label = "UDP port 7001, of alpha (pid 7) or of beta (pid 8)".to_owned();
    assert_eq!(entries, [(EntryKind::UnseenOwner, 500_000, label)]);
}

#[test]
fn what_came_back_to_ports_that_are_not_listed_is_not_known() {
    let others = json!([{"protocol": "tcp", "packets": 900, "bytes": 450_000, "syn": 0, "syn_ack": {"packets": 0, "bytes": 0},
        "rst": {"packets": 0, "bytes": 0}, "rx_rst": null, "rx_syn_ack": null}]);
    let host = Host::sends(900, 450_000, json!({"others": others}));
    let sender = &host.ledger().senders.unwrap()[0];
    assert_eq!((sender.received_packets, sender.syn_ack, sender.remotes_count), (None, None, None));
}

#[test]
fn what_no_capture_saw_stays_unexplained() {
    let host = Host::sends(1_000, 500_000, json!({"endpoints": [endpoint("udp", 9000, 1_000, 500_000)]}))
        .with("rates/watched/tx", json!({"packets": 2_000, "bytes": 1_000_000}));
    let outbound = host.ledger().account.outbound.unwrap();
    assert_eq!((outbound.unexplained_bytes, outbound.unexplained_share), (500_000, Some(0.5)));
    assert!(outbound.disagreements[0].contains("XDP"), "{:?}", outbound.disagreements);
}

/// One of two interfaces in the capture: what it saw leave, and what the interface counted meanwhile.
fn left(name: &str, bytes: u64, counted: u64) -> Value {
    json!({"interface": name, "packets": bytes / 500, "wire_packets": bytes / 500, "bytes": bytes, "merged_header_bytes": 0,
        "stripped_tag_bytes": 0, "counted_bytes": counted})
}

#[test]
fn what_left_in_a_moment_when_nothing_was_watched_is_taken_to_be_like_the_rest() {
    let sends = |counted_meanwhile: u64| {
        let parts = json!({"endpoints": [endpoint("udp", 53, 900, 450_000)], "left": [left("eth0", 450_000, counted_meanwhile)]});
        let host = Host::sends(900, 450_000, parts)
            .with("sockets/listeners", json!([listener(53, "dnsmasq")]))
            .with("rates/watched/tx", json!({"packets": 1_000, "bytes": 500_000}));
        host.ledger().account.outbound.unwrap()
    };
    let burst = sends(450_000);
    assert!(burst.unexplained_share.unwrap() <= 0.01, "{burst:?}");
    assert!(burst.disagreements[0].ends_with("what was sent while nothing was watched is taken to be like the rest"));
    // The interface counted it while its packets were watched: no edge of a window.
    let unseen = sends(500_000);
    assert!((0.099..0.101).contains(&unseen.unexplained_share.unwrap()), "{unseen:?}");
    assert!(unseen.disagreements[0].contains("PACKET_QDISC_BYPASS"), "{:?}", unseen.disagreements);
    // Most of it was not watched: what was seen does not tell of that.
    let mostly = sends(200_000);
    assert!(mostly.disagreements[0].contains("is not told by the interface"), "{:?}", mostly.disagreements);
}

#[test]
fn what_no_capture_saw_may_be_of_who_holds_a_packet_socket() {
    let host = Host::sends(0, 0, json!({}))
        .with("rates/watched/tx", json!({"packets": 2_000, "bytes": 1_000_000}))
        .with("sockets/raw", json!([{"kind": "packet", "number": 0, "process": process(3, "pktgen")}]));
    let outbound = host.ledger().account.outbound.unwrap();
    let label = "past the queues, where no capture sees it, possibly of pktgen (pid 3)";
    let past = host.ledger().outbound_shares.unwrap().past_the_capture;
    assert!((past - 1.0).abs() < 1e-9, "{past}");
    assert_eq!((outbound.entries[0].label.as_str(), outbound.entries[0].packets), (label, 2_000));
    assert_eq!((outbound.entries[0].kind, outbound.unexplained_bytes), (EntryKind::UnseenOwner, 0));
    assert!(outbound.disagreements[0].contains("PACKET_QDISC_BYPASS"), "{:?}", outbound.disagreements);
    // A program may have sent it back as well.
    let outbound = host.with("rates/watched/xdp_program", json!(7)).ledger().account.outbound.unwrap();
    assert_eq!(outbound.unexplained_bytes, 1_000_000);
}

/// A process with nothing but what it sent.
fn traffic(pid: i32, name: &str, tcp: u64, udp: u64) -> Value {
    let mut traffic: Value = serde_json::from_str(PROCESS).unwrap();
    traffic["process"] = process(pid, name);
    (traffic["tx_bytes"], traffic["udp_tx_bytes"]) = (json!(tcp), json!(udp));
    traffic
}

fn process(pid: i32, name: &str) -> Value {
    json!({"pid": pid, "name": name, "user": "root", "unit": null})
}

const PROCESS: &str = r#"{"process": null, "connections": 0, "listening_ports": [], "udp_sockets": 0, "rx_bytes": 0, "tx_bytes": 0,
    "local_rx_bytes": 0, "rx_bits_per_second": null, "io": null, "discards_input": null, "other_sockets": null,
    "memory_growth_bytes": null, "sharers": 0, "sharers_written_bytes": null, "assumed_rx_bytes": null, "ignores_children": null,
    "cpu_share": null, "udp_rx_bytes": null, "udp_rx_datagrams": null, "udp_tx_bytes": null, "udp_tx_datagrams": null,
    "tcp_read_bytes": null, "tcp_written_bytes": null}"#;

/// A TCP connection that sent so much.
fn connection(local: (&str, u16), remote: &str, pid: i32, name: &str, tx_bytes: u64) -> Value {
    json!({"protocol": "tcp", "local_address": local.0, "local_port": local.1, "remote_address": remote, "remote_port": 50_000,
        "state": "established", "opened_by": "remote", "process": process(pid, name), "unit": null, "rx_bytes": 0, "tx_bytes": tx_bytes,
        "rx_total": 0, "tx_total": tx_bytes, "rx_bits_per_second": null, "rx_queue": 0, "tx_queue": 0, "rtt_ms": null, "retransmits": 0})
}

/// The port of this host that stands for one of 10.79.0.2, which may be its own.
fn mapping(port: u16, inner_is_local: bool) -> Mapping {
    serde_json::from_value(json!({"kind": "source", "protocol": "tcp", "outer_address": "10.77.1.2", "outer_port": port,
        "inner_address": "10.79.0.2", "inner_port": port, "inner_is_local": inner_is_local, "entries": 1, "rx_bytes": null,
        "rx_packets": null, "tx_bytes": null, "rx_total": null, "tx_total": null}))
    .unwrap()
}

/// An interface beside the one that is watched, with a network.
fn interface(name: &str, network: &str, tx_bytes: u64) -> Value {
    let mut of = Host::sends(1, 60, json!({})).evidence["rates"]["output"]["watched"].take();
    (of["name"], of["tx"]["bytes"]) = (json!(name), json!(tx_bytes));
    of["link"] = json!(if name == "lo" { "loopback" } else { "ethernet" });
    let mut address = of["addresses"][0].take();
    (address["address"], address["prefix"]) = (json!(network), json!(24));
    of["addresses"] = json!([address]);
    of
}

#[test]
fn what_a_guest_uploads_keeps_its_own_bytes_beside_forged_packets() {
    let foreign = json!({"foreign": [{"address": "10.99.0.2", "packets": 600, "bytes": 900_000},
        {"address": "198.51.100.7", "packets": 1_000, "bytes": 60_000}]});
    let raw = json!([{"kind": "raw", "number": 255, "process": process(3, "hping3")}]);
    let mut quiet = interface("br0", "10.99.0.1", 0);
    (quiet["rx"]["packets"], quiet["rx"]["bytes"]) = (json!(600), json!(900_000));
    let entries = Host::sends(1_600, 960_000, foreign)
        .with("sockets/raw", raw)
        .with("kernel/ip/forwarded", json!(600))
        .with("rates/interfaces", json!([quiet]))
        .entries();
    assert_eq!(entries[0], (EntryKind::Forwarded, 900_000, "forwarded for 10.99.0.2".to_owned()));
    assert!(entries[1].0 == EntryKind::UnseenOwner && entries[1].2.contains("forged"), "{entries:?}");
}

#[test]
fn bytes_of_connections_that_closed_are_not_a_servers_that_sent_its_own() {
    let mut web = endpoint("tcp", 8080, 100, 140_000);
    web["payload_bytes"] = json!(130_000);
    let mut gone = endpoint("tcp", 40_001, 500, 700_000);
    gone["payload_bytes"] = json!(670_000);
    let mut server = listener(8080, "web");
    server["protocol"] = json!("tcp");
    let host = Host::sends(600, 840_000, json!({"endpoints": [web, gone]}))
        .with("sockets/listeners", json!([server]))
        .with("sockets/processes", json!([traffic(7, "web", 130_000, 0)]));
    let entries = host.entries();
    assert_eq!((entries[0].0, entries[0].1), (EntryKind::UnseenOwner, 700_000), "{entries:?}");
    assert_eq!((entries[1].1, entries[1].2.as_str()), (140_000, "web (pid 7)"));
}

/// Calls tell who wrote to connections that nobody saw open.
#[test]
fn what_connections_that_closed_carried_is_of_those_who_wrote_it() {
    let mut gone = endpoint("tcp", 40_001, 500, 700_000);
    gone["payload_bytes"] = json!(670_000);
    let wrote = |pid: i32, name: &str, bytes: u64| {
        let mut of = traffic(pid, name, 0, 0);
        of["tcp_written_bytes"] = json!(bytes);
        of
    };
    let of = |processes: Value| {
        Host::sends(500, 700_000, json!({"endpoints": [gone.clone()]})).with("sockets/processes", processes).entries()
    };
    let two = of(json!([wrote(7, "posts", 500_000), wrote(8, "also", 170_000)]));
    assert_eq!((two[0].0, two[0].2.as_str()), (EntryKind::Process, "posts (pid 7)"));
    assert_eq!((two[1].0, two[1].2.as_str()), (EntryKind::Process, "also (pid 8)"));
    assert_eq!(two.iter().map(|entry| entry.1).sum::<u64>(), 700_000);
    // The kernel may still end what the process closed.
    let mut ends = connection(("10.77.1.2", 40_001), "203.0.113.9", 7, "", 670_000);
    (ends["state"], ends["process"]) = (json!("fin_wait2"), Value::Null);
    let ended = Host::sends(500, 700_000, json!({"endpoints": [gone.clone()]}))
        .with("sockets/processes", json!([wrote(7, "posts", 670_000)]))
        .with("sockets/connections", json!([ends]));
    assert_eq!(ended.entries(), [(EntryKind::Process, 700_000, "posts (pid 7)".to_owned())]);
    let part = of(json!([wrote(7, "posts", 335_000)]));
    assert_eq!((part[0].0, part[0].1, part[1].0), (EntryKind::Process, 350_000, EntryKind::UnseenOwner), "{part:?}");
    assert!(part[1].2.ends_with("possibly of posts (pid 7)"), "{part:?}");
    // What it opened and did not write to by calls that are counted (splice) is nobody else's.
    let mut opened_here = gone.clone();
    opened_here["syn"] = json!(1);
    let by = |who: Value| {
        Host::sends(500, 700_000, json!({"endpoints": [opened_here.clone()]}))
            .with("sockets/processes", json!([wrote(7, "posts", 335_000)]))
            .with("sockets/opened", json!([who]))
            .entries()
    };
    assert_eq!(by(opened(7, "posts", 9, 1)), [(EntryKind::Process, 700_000, "posts (pid 7)".to_owned())]);
    assert_eq!(by(opened(8, "other", 9, 1))[1].0, EntryKind::UnseenOwner);
}

#[test]
fn connections_that_are_too_many_to_be_listed_did_not_close() {
    let mut idle = endpoint("tcp", 40_001, 50, 3_300);
    idle["payload_bytes"] = json!(0);
    let mut keeper = traffic(7, "mqtt", 0, 0);
    keeper["connections"] = json!(300);
    let host = Host::sends(50, 3_300, json!({"endpoints": [idle]}))
        .with("sockets/processes", json!([keeper]))
        .with("sockets/connections_left_out", json!(300));
    let [(EntryKind::UnseenOwner, 3_300, label)] = &host.entries()[..] else { panic!("{:?}", host.entries()) };
    assert!(label.contains("too many to be listed, possibly of mqtt (pid 7)"), "{label}");
}

#[test]
fn what_guests_send_by_ports_that_no_table_lists_is_sent_on() {
    let mut rows = [50_001, 50_002].map(|port| endpoint("tcp", port, 100, 6_000));
    rows.iter_mut().for_each(|row| (row["syn"], row["payload_bytes"]) = (json!(100), json!(0)));
    let mut host = Host::sends(200, 12_000, json!({"endpoints": rows}))
        .with("traffic/tcp/tx_packets", json!(200))
        .with("traffic/udp/tx_packets", json!(0))
        .with("kernel/tcp/out_segs", json!(0))
        .with("kernel/udp/out_datagrams", json!(0))
        .with("kernel/ip/forwarded", json!(200));
    let forwarded = |host: &Host, label: &str| {
        assert_eq!(host.entries(), [(EntryKind::Forwarded, 12_000, label.to_owned())]);
    };
    forwarded(&host, "forwarded for others, behind an address of this host");
    host.translations = vec![mapping(50_009, false)];
    forwarded(&host, "forwarded for 10.79.0.2");
    host.change("kernel/ip/forwarded", json!(0));
    assert_eq!(host.entries()[0].0, EntryKind::UnseenOwner);
}

#[test]
fn what_a_process_sends_behind_another_address_of_the_host_is_its_own() {
    let mut host = Host::sends(100, 140_000, json!({"endpoints": [endpoint("tcp", 50_001, 100, 140_000)]}))
        .with("sockets/connections", json!([connection(("10.79.0.2", 50_001), "203.0.113.9", 8, "backup", 134_000)]));
    host.translations = vec![mapping(50_001, true)];
    assert_eq!(host.entries(), [(EntryKind::Process, 140_000, "backup (pid 8)".to_owned())]);
}

#[test]
fn datagrams_that_stay_on_the_host_make_nobody_a_sender() {
    let gone = endpoint("udp", 40_001, 500, 500_000);
    let host = |lo: u64| {
        Host::sends(500, 500_000, json!({"endpoints": [gone.clone()]}))
            .with("sockets/processes", json!([traffic(7, "local", 0, 480_000)]))
            .with("kernel/udp/out_datagrams", json!(1_000))
            .with("rates/interfaces", json!([interface("lo", "127.0.0.1", lo)]))
            .entries()
    };
    let (local, real) = (host(500_000), host(0));
    assert_eq!((local[0].0, local[0].1), (EntryKind::UnseenOwner, 500_000), "{local:?}");
    assert_eq!((real[0].0, real[0].2.as_str()), (EntryKind::Process, "local (pid 7)"), "{real:?}");
}

#[test]
fn a_socket_that_is_bound_to_anothers_address_forges_nothing() {
    let foreign = json!({"foreign": [{"address": "10.90.0.9", "packets": 100, "bytes": 140_000}]});
    let raw = json!([{"kind": "raw", "number": 255, "process": process(3, "hping3")}]);
    let entries = Host::sends(100, 140_000, foreign)
        .with("sockets/raw", raw)
        .with("sockets/connections", json!([connection(("10.90.0.9", 80), "203.0.113.9", 8, "tproxy", 134_000)]))
        .with("kernel/ip/forwarded", json!(0))
        .entries();
    assert_eq!(entries, [(EntryKind::Process, 140_000, "tproxy (pid 8)".to_owned())]);
}

#[test]
fn the_connections_of_a_guest_whose_address_is_translated_are_one_sender() {
    let rows = [50_001, 50_002].map(|port| endpoint("tcp", port, 100, 140_000));
    let mut host = Host::sends(200, 280_000, json!({"endpoints": rows}));
    host.translations = [50_001, 50_002].map(|port| mapping(port, false)).to_vec();
    let ledger = host.ledger();
    let [sender] = &ledger.senders.unwrap()[..] else { panic!("one sends") };
    assert_eq!((sender.label.as_str(), sender.bytes), ("forwarded for 10.79.0.2", 280_000));
}

#[test]
fn who_opened_most_bytes_counts_and_each_remote_once() {
    let rows = [40_001, 443].map(|port| endpoint("tcp", port, 100, 140_000));
    let mut small = connection(("10.77.1.2", 443), "203.0.113.8", 9, "proxy", 1_000);
    small["opened_by"] = json!("local");
    let big = connection(("10.77.1.2", 40_001), "203.0.113.9", 9, "proxy", 130_000);
    let flows =
        json!([flow(40_001, "203.0.113.9", 130_000), flow(443, "203.0.113.9", 500), flow(443, "203.0.113.8", 500)]);
    let sender = Host::sends(200, 280_000, json!({"endpoints": rows}))
        .with("sockets/connections", json!([small, big]))
        .with("traffic/flows", flows)
        .ledger()
        .senders
        .unwrap()
        .remove(0);
    assert_eq!(sender.opened_by.as_deref(), Some("remote"));
    assert_eq!((sender.remotes.len(), sender.remotes_count.is_some_and(|count| count <= 2)), (2, true), "{sender:?}");
}

/// What a process opened to a remote port.
fn opened(pid: i32, name: &str, port: u16, connections: u64) -> Value {
    json!({"process": process(pid, name), "remote_port": port, "connections": connections})
}

#[test]
fn connections_that_are_refused_at_once_are_of_who_opened_them() {
    let refused = |port: u16, to: u16| {
        let mut of = endpoint("tcp", port, 1, 74);
        (of["syn"], of["rx_rst"], of["top_remote_port"], of["payload_bytes"]) =
            (json!(1), json!(1), json!(to), json!(0));
        of
    };
    let others = json!([{"protocol": "tcp", "packets": 500, "bytes": 37_000, "syn": 500, "syn_ack": {"packets": 0, "bytes": 0},
        "rst": {"packets": 0, "bytes": 0}, "rx_rst": 500, "rx_syn_ack": 0}]);
    let sends = |others: &Value, rows: &[Value]| {
        let mut host = Host::sends(
            500,
            37_000,
            json!({"endpoints": [refused(40_001, 5432), refused(40_002, 25)], "others": others}),
        )
        .with("sockets/opened", rows.into());
        host.change("traffic/sent/syn_port", json!(5432));
        host.change("traffic/tcp/tx_syn", json!(502));
        host.entries().into_iter().map(|(kind, _, label)| (kind, label)).collect::<Vec<_>>()
    };
    let rows = [opened(9, "app", 5432, 501), opened(7, "postfix", 25, 1)];
    let named = |label: &str| (EntryKind::Process, label.to_owned());
    assert_eq!(sends(&others, &rows), [named("app (pid 9)"), named("postfix (pid 7)")]);
    // Two that call one place are told apart by nobody.
    let two = [opened(9, "app", 5432, 300), opened(8, "cron", 5432, 201), opened(7, "postfix", 25, 1)];
    let unsure = (
        EntryKind::UnseenOwner,
        "connections that were refused, possibly of app (pid 9) or of cron (pid 8)".to_owned(),
    );
    assert_eq!(sends(&others, &two), [unsure, named("postfix (pid 7)")]);
    // Who opened far more than left opened it elsewhere, maybe all of it.
    let here = [opened(9, "proxy", 5432, 90_000), opened(8, "cron", 5432, 201), opened(7, "postfix", 25, 1)];
    assert!(sends(&others, &here)[0].1.ends_with("possibly of proxy (pid 9) or of cron (pid 8)"));
    let nobody = (EntryKind::UnseenOwner, "connections that were refused, whose process was not seen".to_owned());
    assert_eq!(sends(&others, &[]), [nobody]);
}

#[test]
fn packets_and_bytes_of_a_sample_are_scaled_apart() {
    let host = Host::sends(1_000, 500_000, json!({"endpoints": [endpoint("udp", 9000, 1_000, 500_000)]}))
        .with("sockets/listeners", json!([listener(9000, "flooder")]))
        .with("traffic/sampled", json!(10))
        .with("rates/watched/tx", json!({"packets": 1_400, "bytes": 510_000}));
    let ledger = host.ledger();
    let sender = &ledger.senders.unwrap()[0];
    assert_eq!((sender.bytes, sender.packets), (510_000, 1_400));
    let said = ledger.account.outbound.unwrap().disagreements;
    assert_eq!(said, ["the capture looked at one packet of 10: its figures are estimates"]);
}

#[test]
fn a_table_that_is_full_says_so() {
    let other = |back: Value| {
        json!([{"protocol": "tcp", "packets": 900, "bytes": 450_000, "syn": 0, "syn_ack": {"packets": 0, "bytes": 0},
            "rst": {"packets": 0, "bytes": 0}, "rx_rst": back, "rx_syn_ack": back}])
    };
    let gap = |back: Value| {
        let host = Host::sends(900, 450_000, json!({"others": other(back)}));
        let capture: Capture = serde_json::from_value(host.evidence["traffic"]["output"].clone()).unwrap();
        unlisted(Some(&capture))
    };
    assert!(gap(Value::Null).unwrap().why.contains("900 packets"));
    assert_eq!(gap(json!(0)), None);
}

/// What went from a port of this host to a remote.
fn flow(port: u16, remote: &str, bytes: u64) -> Value {
    let mut case: Value = serde_json::from_str(include_str!("../../../../tests/cases/download.json")).unwrap();
    let mut flow = case["evidence"]["traffic"]["output"]["flows"][0].take();
    (flow["protocol"], flow["local_address"], flow["local_port"]) = (json!("tcp"), json!("10.77.1.2"), json!(port));
    (flow["remote_address"], flow["tx_bytes"]) = (json!(remote), json!(bytes));
    flow
}

/// A router: what it sends leaves by an interface that leads to a guest.
fn sends_inward(packets: u64, bytes: u64, mut parts: Value) -> Host {
    parts["left"] = json!([{"interface": "veth1", "packets": packets, "wire_packets": packets, "bytes": bytes,
        "merged_header_bytes": 0, "stripped_tag_bytes": 0}]);
    let mut host = Host::sends(packets, bytes, parts)
        .with("rates/default_route", json!("eth0"))
        .with("rates/interfaces", json!([interface("veth1", "10.99.0.1", bytes)]));
    let interface = NamespaceInterface {
        name: "eth0".to_owned(),
        addresses: vec!["10.99.0.2".parse().unwrap()],
        ..NamespaceInterface::default()
    };
    let guest = Namespace {
        number: 1,
        label: "guest".to_owned(),
        visited: true,
        interfaces: vec![interface],
        ends: vec![HostEnd { name: "veth1".to_owned(), ..HostEnd::default() }],
        ..Namespace::default()
    };
    host.guests = Some(Namespaces { namespaces: vec![guest], ..Namespaces::default() });
    host
}

#[test]
fn what_a_guest_downloads_is_sent_by_no_guest() {
    let foreign = json!([{"address": "10.77.0.9", "packets": 1_000, "bytes": 500_000, "interface": "veth1"}]);
    let host = sends_inward(1_000, 500_000, json!({"foreign": foreign}));
    let said = "sent on to guests of this host by veth1".to_owned();
    assert_eq!(host.entries(), [(EntryKind::Forwarded, 500_000, said)]);
    assert_eq!(host.ledger().senders.unwrap().len(), 0);
}

#[test]
fn what_this_host_uploads_to_its_own_guest_makes_nobody_a_sender() {
    let host = sends_inward(100, 140_000, json!({"endpoints": [endpoint("tcp", 40_001, 100, 140_000)]}))
        .with("sockets/connections", json!([connection(("10.77.1.2", 40_001), "10.99.0.2", 9, "rsync", 134_000)]))
        .with("traffic/flows", json!([flow(40_001, "10.99.0.2", 140_000)]));
    let said = "sent to guests of this host, by this host itself".to_owned();
    assert_eq!(host.entries(), [(EntryKind::Forwarded, 140_000, said)]);
    assert_eq!(host.ledger().senders.unwrap().len(), 0);
}

proptest! {
    #[test]
    fn both_sides_always_add_up(
        rows in proptest::collection::vec((0usize..3, 1u16..9, 1u64..1_000, 42u64..1_500, 0u64..3), 0..20),
        held in proptest::collection::vec(1u16..9, 0..4), more in 0u64..100_000, lost in 0u64..50,
    ) {
        let mut rows: Vec<Value> = rows.into_iter().map(|(protocol, port, packets, each, part)| {
            let mut row = endpoint(["tcp", "udp", "gre"][protocol], port, packets, packets * each);
            let count = json!({"packets": packets * part / 4, "bytes": packets * part / 4 * each});
            row["rst"] = count.clone();
            row["again"] = count;
            row
        }).collect();
        rows.dedup_by_key(|row| row["port"].clone());
        let sum = |of: &str| rows.iter().filter_map(|row| row[of].as_u64()).sum::<u64>();
        let (packets, bytes) = (sum("packets"), sum("bytes"));
        let listeners: Vec<Value> = held.iter().map(|port| listener(*port, "one")).collect();
        let outbound = Host::sends(packets, bytes, json!({"endpoints": rows}))
            .with("sockets/listeners", listeners.into())
            .with("rates/watched/tx", json!({"packets": packets, "bytes": bytes.saturating_sub(bytes * lost / 100) + more}))
            .ledger().account.outbound.unwrap();
        let entries: u64 = outbound.entries.iter().map(|entry| entry.bytes).sum();
        prop_assert_eq!(entries + outbound.unexplained_bytes, outbound.bytes);
        prop_assert!(outbound.unexplained_bytes <= more + 20 || lost > 0, "{:?}", outbound);
    }
}
