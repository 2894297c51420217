//! The other side of the account: what left by the watched interfaces, by who sent it, and what was to leave and did not.

use super::buckets::{Allocation, End, Entries, Scale};
use super::counted::Counted;
use super::edge::{EDGE, LATE, Part, SAMPLED, TOLERANCE, part_watched};
use super::guests::Guests;
use super::senders::{Holders, Sender, senders};
use super::{Ledger, OutboundShares, WindowEvidence};
use crate::case::{CameBy, Entry, EntryKind, Gap, LostOnTheWay, Outbound, Reason};
use crate::probe::capture::Capture;
use crate::probe::capture::output::{IcmpType, SentParts};
use crate::probe::interfaces::Interface;
use crate::units;

/// Places of loss in the list.
const LOST: usize = 16;

/// What left, and who sent it.
struct Side {
    account: Outbound,
    senders: Option<Vec<Sender>>,
}

/// Draws up the account of what left, beside that of what came in.
pub(super) fn add(evidence: &WindowEvidence<'_>, ledger: &mut Ledger) -> Result<(), Gap> {
    let counted = Counted::of(evidence.interfaces, evidence.capture);
    if let Some(Side { account, senders }) = outbound(evidence, &counted, &Guests::of(evidence))? {
        ledger.outbound_shares = Some(shares(&account.entries));
        ledger.outbound_top = account.entries.first().cloned();
        ledger.senders = senders;
        ledger.account.outbound = Some(account);
    }
    Ok(())
}

fn shares(entries: &[Entry]) -> OutboundShares {
    let mut shares = OutboundShares::default();
    for entry in entries {
        let sum = match entry.kind {
            EntryKind::Process | EntryKind::UnseenOwner => &mut shares.process,
            EntryKind::Answer => &mut shares.answer,
            EntryKind::SentAgain => &mut shares.sent_again,
            EntryKind::Forwarded => &mut shares.forwarded,
            _ => &mut shares.kernel,
        };
        *sum += entry.share;
    }
    shares
}

fn outbound(evidence: &WindowEvidence<'_>, counted: &[Counted<'_>], guests: &Guests<'_>) -> Result<Option<Side>, Gap> {
    let parts = evidence.capture.and_then(|capture| capture.sent.as_ref()?.parts.as_ref());
    // Older records do not tell apart who sent.
    if evidence.capture.is_some() && parts.is_none() {
        return Ok(None);
    }
    let interfaces: Vec<&Interface> = counted.iter().filter_map(|of| of_name(evidence, of.name)).collect();
    let sum = |of: fn(&Interface) -> Option<u64>| interfaces.iter().map(|interface| of(interface)).sum::<Option<u64>>();
    let (Some(bytes), Some(packets)) = (sum(|interface| interface.tx.bytes), sum(|interface| interface.tx.packets))
    else {
        return Err(Gap::new(
            Reason::Malformed,
            "account for the bytes that were sent",
            "the counters of what was sent went backwards within the window",
        )
        .to_fix("run it again"));
    };
    let mut disagreements = Vec::new();
    let mut entries = Entries::default();
    let mut sent = Vec::new();
    match evidence.capture.zip(parts) {
        Some((capture, parts)) => {
            let scale = scale(evidence, capture, parts, (packets, bytes), interfaces.len(), &mut disagreements);
            book_kernel(parts, scale, evidence, &mut entries);
            let mut holders = Holders::of(evidence, capture, scale);
            holders.book(parts, guests, &mut entries);
            sent = holders.sent;
        }
        None => by_sockets(evidence, &mut entries),
    }
    let mut entries = entries.settle(bytes);
    guests.name_containers_here(&mut entries);
    let explained: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let unexplained = bytes - explained.min(bytes);
    let received = Counted::sum(counted).map(|(_, bytes)| bytes);
    let ever =
        |of: fn(&Interface) -> u64| interfaces.iter().fold(0u64, |sum, interface| sum.saturating_add(of(interface)));
    let (ever_sent, ever_received) = (ever(|of| of.since_boot.tx_bytes), ever(|of| of.since_boot.rx_bytes));
    let ratio = |sent: u64, received: u64| (received > 0).then(|| sent as f64 / received as f64);
    let account = Outbound {
        interfaces: left_by(&interfaces, counted, bytes),
        bytes,
        packets,
        unexplained_bytes: unexplained,
        unexplained_share: (bytes > 0 && parts.is_some()).then(|| unexplained as f64 / bytes as f64),
        entries,
        lost: lost(evidence, &interfaces),
        ratio: received.and_then(|received| ratio(bytes, received)),
        ratio_since_boot: ratio(ever_sent, ever_received),
        since_boot_bytes: ever_sent,
        disagreements,
    };
    let senders = parts.map(|_| senders(sent, bytes, evidence, guests));
    Ok(Some(Side { account, senders }))
}

/// The interface of that name.
fn of_name<'a>(evidence: &WindowEvidence<'a>, name: &str) -> Option<&'a Interface> {
    let watched = Some(&evidence.interfaces.watched).filter(|watched| watched.name == name);
    watched.or_else(|| evidence.interfaces.interfaces.iter().find(|interface| interface.name == name))
}

fn left_by(interfaces: &[&Interface], counted: &[Counted<'_>], bytes: u64) -> Vec<CameBy> {
    let mut left: Vec<CameBy> = interfaces
        .iter()
        .map(|interface| CameBy {
            interface: interface.name.clone(),
            bytes: interface.tx.bytes.unwrap_or(0),
            packets: interface.tx.packets.unwrap_or(0),
            share: if bytes == 0 { 0.0 } else { interface.tx.bytes.unwrap_or(0) as f64 / bytes as f64 },
            way: counted.iter().find(|of| of.name == interface.name).map_or(&[][..], |of| of.way).to_vec(),
        })
        .collect();
    left.sort_by_key(|of| std::cmp::Reverse(of.bytes));
    left
}

/// How the capture's bytes become those that the interfaces counted. The kernel cuts large packets into segments behind the
/// capture: some drivers count the headers of each, some only what they were handed.
fn scale(
    evidence: &WindowEvidence<'_>,
    capture: &Capture,
    parts: &SentParts,
    (packets, bytes): (u64, u64),
    interfaces: usize,
    disagreements: &mut Vec<String>,
) -> Scale {
    let (seen, counted) = (capture.tx.bytes as f64, bytes as f64);
    let watched = &evidence.interfaces.watched;
    let part = match interfaces {
        1 => part_watched(capture, watched, |interface| &interface.tx, |sample| sample.tx_bits_per_second),
        // The samples are those of one.
        _ if capture.late_seconds.is_some_and(|late| late > evidence.interfaces.seconds * LATE) => Part::Unknown,
        _ => Part::All,
    };
    let merged = parts.merged_header_bytes as f64;
    let with_merged_headers = merged > 0.0 && part.of(counted) - seen > merged / 2.0;
    let whole = if with_merged_headers { seen + merged } else { seen };
    let mut scale = Scale { with_merged_headers, left_out_of_each: 0.0, factor: 1.0, in_time: 1.0, unsure: false };
    if whole <= 0.0 {
        return scale;
    }
    let lost = capture.ring.map_or(0, |ring| ring.dropped);
    let sampled = capture.sampled > 1 || lost > 0;
    let unseen = part.of(counted) - whole;
    let edge = part.edge(capture, watched.tx.peak_bits_per_second.unwrap_or(0.0), evidence.interfaces.seconds);
    let contradicted = matches!(part, Part::Some(_)) && unseen < -counted * LATE;
    if lost > 0
        || (unseen <= edge.min(counted * LATE) && !contradicted)
        || (capture.sampled > 1 && unseen <= counted * SAMPLED)
    {
        scale.factor = counted / whole;
    } else if let (Part::Some(part), false) = (part, contradicted) {
        scale.in_time = 1.0 / part;
        scale.factor = scale.in_time;
    }
    let seen = || {
        format!(
            "the interfaces sent {} in {} packets, the capture saw {}",
            units::bytes(counted),
            units::count(packets as f64),
            units::bytes(whole),
        )
    };
    let is_much = |bytes: f64| bytes.abs() > counted.max(whole) * TOLERANCE && bytes.abs() > EDGE;
    if !sampled && scale.factor > 1.0 && is_much(counted - whole) {
        disagreements.push(format!("{}: what was sent while nothing was watched is taken to be like the rest", seen()));
    }
    if !sampled && scale.factor == scale.in_time && is_much(unseen) {
        disagreements.push(if part == Part::Unknown || contradicted {
            format!(
                "{}: it watched for {} of {}, and how much was sent meanwhile is not told by the interface",
                seen(),
                units::span(capture.seconds),
                units::span(evidence.interfaces.seconds)
            )
        } else if unseen > 0.0 {
            format!(
                "{}: no capture sees what an XDP program sends back, what a packet socket sends past the queues \
                 (PACKET_QDISC_BYPASS, AF_XDP), and what a card sends by itself",
                seen()
            )
        } else {
            format!("{}: what the driver did not send is in no counter of it, or belongs to another moment", seen())
        });
    } else if !sampled && scale.factor < 1.0 && is_much(unseen) {
        disagreements.push(format!(
            "{}: what the driver did not send is in no counter of it, or belongs to another moment",
            seen()
        ));
    }
    scale
}

/// Books what the kernel sends of itself: ARP, ICMP by type.
fn book_kernel(parts: &SentParts, scale: Scale, evidence: &WindowEvidence<'_>, entries: &mut Entries) {
    let scaled = |packets: u64, bytes: u64| Allocation {
        packets: (packets as f64 * scale.factor).round() as u64,
        bytes: bytes as f64 * scale.factor,
    };
    for (label, count) in [("ARP", parts.arp), ("other protocols that are not IP", parts.no_ip)] {
        let end = End { label: label.to_owned(), ..End::default() };
        entries.book(EntryKind::NonIp, end, scaled(count.packets, count.bytes));
    }
    for kind in &parts.icmp {
        let (entry, end) = of_icmp(kind, evidence);
        entries.book(entry, end, scaled(kind.packets, kind.bytes));
    }
}

/// What makes the kernel send ICMP of a type, or who sends it.
fn of_icmp(kind: &IcmpType, evidence: &WindowEvidence<'_>) -> (EntryKind, End) {
    let v6 = kind.family == "ipv6";
    let protocol = Some(if v6 { "icmpv6" } else { "icmp" }.to_owned());
    let end = |label: String| End { label, protocol: protocol.clone(), ..End::default() };
    let is_error = if v6 { (1..=4).contains(&kind.kind) } else { matches!(kind.kind, 3 | 4 | 5 | 11 | 12) };
    let is_reply = kind.kind == if v6 { 129 } else { 0 };
    let is_request = kind.kind == if v6 { 128 } else { 8 };
    if is_error {
        let label = format!("ICMP errors, answers to what came in ({})", kind.name);
        return (EntryKind::Answer, end(label));
    }
    if is_reply {
        return (EntryKind::Answer, end("ICMP echo replies, answers to pings".to_owned()));
    }
    if is_request {
        let mut holders = super::senders::holders_below(evidence, |socket| {
            socket.kind == "ping"
                || matches!((socket.kind.as_str(), socket.number), ("raw", 1 | 58 | 255) | ("packet", _))
        });
        return match (holders.len(), holders.pop()) {
            (1, Some(process)) => {
                let end = End { process: Some(process.clone()), ..end(format!("{process}, ICMP echo requests")) };
                (EntryKind::Process, end)
            }
            _ => (EntryKind::UnseenOwner, end("ICMP echo requests of processes that were not seen".to_owned())),
        };
    }
    let label = match v6 && matches!(kind.kind, 130..=137 | 143) {
        true => "the kernel (neighbour discovery, multicast groups)".to_owned(),
        false => format!("ICMP ({})", kind.name),
    };
    (EntryKind::Kernel, end(label))
}

/// Without a capture only what TCP sockets sent to others can be told, and only its payload.
fn by_sockets(evidence: &WindowEvidence<'_>, entries: &mut Entries) {
    let own = |address: std::net::IpAddr| {
        let interfaces = evidence.interfaces.interfaces.iter().flat_map(|interface| &interface.addresses);
        address.is_loopback() || interfaces.into_iter().any(|of| of.address == address.to_canonical())
    };
    let connections = evidence.sockets.iter().flat_map(|sockets| &sockets.connections);
    for connection in connections.filter(|connection| !own(connection.remote_address)) {
        let Some(process) = &connection.process else { continue };
        let end = End {
            label: process.to_string(),
            protocol: Some("tcp".into()),
            process: Some(process.clone()),
            ..End::default()
        };
        let bytes = connection.tx_bytes.unwrap_or(0) as f64;
        entries.book(EntryKind::Process, end, Allocation { packets: 0, bytes });
    }
}

/// What was to leave by the interfaces and did not, most packets first.
fn lost(evidence: &WindowEvidence<'_>, interfaces: &[&Interface]) -> Vec<LostOnTheWay> {
    let mut lost: Vec<LostOnTheWay> = Vec::new();
    let nothing = LostOnTheWay {
        label: String::new(),
        kind: String::new(),
        packets: 0,
        bytes: None,
        interface: None,
        rule: None,
        reason: None,
    };
    for interface in interfaces {
        let of = [
            (
                "queue",
                interface.queue_dropped,
                format!("the queue of {} dropped them (its queueing discipline)", interface.name),
            ),
            ("device", interface.tx.dropped, format!("the driver of {} did not send them", interface.name)),
        ];
        for (kind, packets, label) in of {
            lost.extend(packets.filter(|packets| *packets > 0).map(|packets| LostOnTheWay {
                label,
                kind: kind.to_owned(),
                packets,
                interface: Some(interface.name.clone()),
                ..nothing.clone()
            }));
        }
    }
    let queued = lost.iter().any(|of| of.kind == "queue");
    let leaves = |hook: &String| matches!(hook.as_str(), "output" | "postrouting" | "egress");
    let rules = evidence.firewall.iter().flat_map(|firewall| &firewall.rules);
    for rule in
        rules.filter(|rule| rule.drops && rule.counter_exact && !rule.hooks.is_empty() && rule.hooks.iter().all(leaves))
    {
        lost.extend(rule.packets.filter(|packets| *packets > 0).map(|packets| LostOnTheWay {
            label: rule.name.clone(),
            kind: "firewall_rule".to_owned(),
            packets,
            bytes: rule.bytes,
            rule: Some(rule.name.clone()),
            ..nothing.clone()
        }));
    }
    let ruled = lost.iter().any(|of| of.kind == "firewall_rule");
    let places = evidence.drops.and_then(|drops| drops.places.as_ref()).into_iter().flatten();
    let on_its_way = |place: &&crate::probe::drops::DropPlace| {
        place.namespace.as_deref() == Some("this")
            && place.direction != "in"
            && place.interface.as_deref() != Some("lo")
            && !(queued && place.reason == "QDISC_DROP")
            && !(ruled && place.reason == "NETFILTER_DROP")
    };
    for place in places.filter(on_its_way) {
        let what = place.protocol.as_ref().map_or(String::new(), |protocol| {
            let port = place.port.map_or(String::new(), |port| format!(" from port {port}"));
            format!(", {}{port}", protocol.to_uppercase())
        });
        lost.push(LostOnTheWay {
            label: format!("{} ({}){what}", place.meaning, place.reason),
            kind: "kernel".to_owned(),
            packets: evidence.of_window(place.packets),
            bytes: Some(evidence.of_window(place.bytes)),
            interface: place.interface.clone(),
            reason: Some(place.reason.clone()),
            ..nothing.clone()
        });
    }
    lost.sort_by_key(|of| std::cmp::Reverse(of.packets));
    lost.truncate(LOST);
    lost
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::close;
    use super::*;

    /// A host with one interface on which nothing is received, that sends `bytes` in `packets`, in the parts that the capture saw.
    struct Host {
        evidence: Value,
    }

    impl Host {
        fn sends(packets: u64, bytes: u64, parts: Value) -> Self {
            let mut case: Value =
                serde_json::from_str(include_str!("../../../tests/cases/udp-flood-closed-port.json")).unwrap();
            let mut host = Host { evidence: case["evidence"].take() };
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
            let (parent, field) =
                pointer.rsplit_once('/').map_or((String::new(), pointer), |(p, f)| (format!("/{p}"), f));
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
                translations: &[],
                drops: None,
                namespaces: None,
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
        let errors =
            json!({"family": "ipv4", "kind": 3, "name": "destination-unreachable", "packets": 10, "bytes": 700});
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
        let raw = json!([{"kind": "raw", "number": 255, "process": {"pid": 3, "name": "hping3", "user": "root", "unit": null}}]);
        let forged = Host::sends(1_000, 60_000, foreign.clone())
            .with("sockets/raw", raw.clone())
            .with("kernel/ip/forwarded", json!(0));
        let entries = forged.entries();
        assert!(entries[0].0 == EntryKind::UnseenOwner && entries[0].2.contains("possibly of hping3"), "{entries:?}");
        let routed =
            Host::sends(1_000, 60_000, foreign).with("sockets/raw", raw).with("kernel/ip/forwarded", json!(1_000));
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
        let raw = json!([{"kind": "raw", "number": 255, "process": {"pid": 3, "name": "hping3", "user": "root", "unit": null}}]);
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
        let raw = json!([{"kind": "packet", "number": 3, "process": {"pid": 3, "name": "sniff", "user": "root", "unit": null}}]);
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
}
