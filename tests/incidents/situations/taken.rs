//! What programs, control groups and tables take on the way, and traffic that comes in by several interfaces or is taken by
//! several workers.

use std::net::{Ipv4Addr, SocketAddr};

use crate::daemon::Daemon;
use crate::incident::Incident;
use crate::judgement::{Expect, Said, disagreement_unsaid, first_entry, unsaid};
use crate::programs::Hook;
use crate::service::Role;
use crate::stage::{SECOND, SERVER, Setting, Stage, WORLD};
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl};

const SINKS: &[&str] = &["bulk-transfer-in", "discard-sink", "udp-flood-open-port", "forwarded", "not-reaching-host"];

fn at(port: u16) -> SocketAddr {
    (SERVER, port).into()
}

fn flood(shape: Shape, to: Ipv4Addr, per_second: u32) -> Flood {
    Flood { shape, to, from: Sources::Few(300), ttl: Ttl::BySource, per_second }
}

fn udp(to: Ipv4Addr, port: u16) -> Flood {
    flood(Shape::Udp { ports: Ports::One(port), payload: 600 }, to, 3000)
}

/// A flood of datagrams ends where the kernel drops it, and this is said.
fn dropped(
    name: &'static str,
    services: Vec<Role>,
    firewall: &'static [&'static str],
    said: fn(&Stage, &Said) -> Vec<String>,
) {
    Incident {
        name,
        setting: Setting { alone: true, ..Setting::default() },
        services,
        firewall,
        traffic: vec![Traffic::Flood(udp(SERVER, 27015))],
        also: Some(said),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

/// A link to which everything may be redirected.
const ELSEWHERE: [&str; 3] = ["ip link add r0 type veth peer name r1", "ip link set r0 up", "ip link set r1 up"];

#[test]
fn an_xdp_program_sends_on_by_another_interface() {
    Incident {
        name: "xdp-redirect",
        prepared: &ELSEWHERE,
        services: vec![Role::Dropper { at: Hook::XdpRedirect("r0".to_owned()) }],
        traffic: vec![Traffic::Flood(udp(SERVER, 27015))],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["taken by the XDP program", "eth0"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_process_takes_all_frames_past_the_stack() {
    dropped("xdp-socket", vec![Role::XdpConsumer], &[], |_, said| unsaid(said, &["taken by the XDP program"]));
}

#[test]
fn an_xdp_program_that_lets_all_pass_takes_nothing() {
    Incident {
        name: "xdp-pass",
        services: vec![Role::Dropper { at: Hook::XdpPass }],
        traffic: vec![Traffic::Flood(flood(Shape::Udp { ports: Ports::One(27015), payload: 20 }, SERVER, 3000))],
        also: Some(|_: &Stage, said: &Said| {
            let mut faults = first_entry(said, &["no listener: UDP port 27015"]);
            if unsaid(said, &["XDP"]).is_empty() {
                faults.push("a program that lets all pass is said to take something".to_owned());
            }
            // A program in the driver of a veth: its counter has no link headers.
            faults.extend(disagreement_unsaid(said, "14 bytes a packet more"));
            faults
        }),
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            not: &["dropped-by-kernel", "bulk-transfer-in"],
            bytes: 200_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_filter_redirects_what_comes_in_to_another_interface() {
    const LINES: [&str; 5] = [
        ELSEWHERE[0],
        ELSEWHERE[1],
        ELSEWHERE[2],
        "tc qdisc add dev eth0 ingress",
        "tc filter add dev eth0 parent ffff: protocol ip u32 match u32 0 0 action mirred egress redirect dev r0",
    ];
    Incident {
        name: "mirred-redirect",
        firewall: &LINES,
        traffic: vec![Traffic::Flood(udp(SERVER, 27015))],
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["redirected to r0", "traffic control", "redirects 15", "Mbit/s to r0"])
        }),
        expect: Expect {
            first: Some("forwarded"),
            not: &["udp-flood-closed-port", "bulk-transfer-in", "dropped-by-kernel"],
            bytes: 1_000_000,
            exit: &[1, 2],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_bpf_program_drops_at_a_hook_of_netfilter() {
    dropped("netfilter-program", vec![Role::Dropper { at: Hook::Netfilter }], &[], |_, said| {
        first_entry(said, &["BPF program", "prerouting"])
    });
}

#[test]
fn a_control_group_lets_no_datagram_in() {
    dropped("cgroup-datagrams", vec![Role::Denied { at: at(27015), tcp: false }], &[], |_, said| {
        first_entry(said, &["refused by a filter of the socket of stage-denied", "or of its control group"])
    });
}

#[test]
fn a_control_group_lets_no_connection_in() {
    Incident {
        name: "cgroup-connections",
        setting: Setting { alone: true, ..Setting::default() },
        services: vec![Role::Denied { at: at(80), tcp: true }],
        traffic: vec![Traffic::Flood(flood(Shape::Syn { port: 80 }, SERVER, 3000))],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["refused by a filter", "stage-denied"])),
        expect: Expect {
            first: Some("dropped-by-kernel"),
            not: &["syn-flood", "listen-overflow", "bulk-transfer-in"],
            bytes: 200_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_legacy_table_drops_arp() {
    Incident {
        name: "arptables",
        firewall: &["arptables-legacy -A INPUT -j DROP"],
        traffic: vec![Traffic::Flood(flood(Shape::ArpOfMany { stations: 1000 }, SERVER, 2000))],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["dropped by arptables filter INPUT #1"])),
        expect: Expect {
            first: Some("dropped-by-firewall"),
            not: &["bulk-transfer-in", "not-reaching-host"],
            bytes: 100_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn what_comes_in_a_pppoe_session_is_counted_once() {
    Incident {
        name: "pppoe-beside-its-carrier",
        services: vec![Role::Dialer],
        traffic: vec![Traffic::Flood(flood(Shape::Session { payload: 600 }, Ipv4Addr::new(10, 66, 0, 9), 3000))],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["eth0 receives"])),
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            not: &["bulk-transfer-in", "tunnel-inbound", "broadcast-storm"],
            subject: &[("udp-flood-closed-port", &["10.66.0.9", "9987"])],
            bytes: 1_000_000,
            // Twice would be 12 MB.
            bytes_at_most: 8_500_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn two_interfaces_each_with_a_flood_of_its_own() {
    Incident {
        name: "two-interfaces-two-floods",
        setting: Setting { second: true, ..Setting::default() },
        traffic: vec![
            Traffic::Flood(udp(SERVER, 27015)),
            Traffic::Beside(flood(Shape::Syn { port: 8088 }, SECOND, 3000)),
        ],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["eth0 receives", "eth1 receives"])),
        expect: Expect {
            first: Some("syn-flood"),
            beside: &["udp-flood-closed-port"],
            not: &["bulk-transfer-in"],
            subject: &[("udp-flood-closed-port", &["10.77.1.2", "27015"]), ("syn-flood", &["10.78.1.2", "8088"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn four_workers_of_one_port_are_named_as_a_group() {
    let worker = || Role::Daemon(Daemon::Worker { at: at(27015) });
    Incident {
        name: "four-workers",
        services: vec![worker(), worker(), worker(), worker()],
        traffic: vec![Traffic::Flood(udp(SERVER, 27015))],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["4 × stage-worker"])),
        expect: Expect {
            exit: &[1, 2],
            ..Expect::flood("bulk-transfer-in", &["discard-sink", "udp-flood-closed-port"])
        },
        ..Incident::default()
    }
    .play();
}

/// As on a kernel before 6.3: the packets tell what came for the port, and nothing tells what each worker took.
#[test]
fn workers_whose_calls_cannot_be_counted_are_said_to_be_guessed() {
    let worker = || Role::Daemon(Daemon::Worker { at: at(27015) });
    Incident {
        name: "workers-not-counted",
        without_programs: true,
        services: vec![worker(), worker()],
        traffic: vec![Traffic::Flood(udp(SERVER, 27015))],
        also: Some(|_: &Stage, said: &Said| {
            let mut faults = unsaid(said, &["2 × stage-worker"]);
            faults.extend(disagreement_unsaid(said, "UDP port 27015 is shared by 2 processes"));
            let sockets = said.case.as_ref().ok().and_then(|case| case.evidence.get("sockets"));
            if !format!("{sockets:?}").contains("CAP_BPF and CAP_PERFMON") {
                faults.push(format!("the evidence does not say why: {sockets:?}"));
            }
            faults
        }),
        expect: Expect {
            exit: &[1, 2],
            ..Expect::flood("bulk-transfer-in", &["discard-sink", "udp-flood-closed-port"])
        },
        ..Incident::default()
    }
    .play();
}

/// What netfilter drops in another network namespace is none of this one, where nothing at its hooks can drop.
#[test]
fn a_blackhole_beside_drops_of_another_namespace() {
    Incident {
        name: "blackhole-beside-other-drops",
        setting: Setting { alone: true, ..Setting::default() },
        services: vec![Role::Daemon(Daemon::Sender { to: (WORLD, 9).into(), payload: 10, per_second: 1500 })],
        firewall: &["sysctl -qw net.ipv4.ip_forward=1", "ip route add blackhole 10.66.0.0/16"],
        elsewhere: &[
            "nft add table ip x",
            "nft add chain ip x in '{ type filter hook prerouting priority 0; }'",
            "nft add rule ip x in udp dport 9 drop",
        ],
        traffic: vec![Traffic::Flood(udp(Ipv4Addr::new(10, 66, 0, 9), 27015))],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["blackhole"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

/// What lacks to the claim slows no link and no host.
#[test]
fn a_claim_below_what_matters_is_no_cause() {
    Incident {
        name: "small-claim",
        setting: Setting { light: true, ..Setting::default() },
        ask: &["--set", "reported_rate=200kbit/s"],
        traffic: vec![Traffic::Flood(flood(Shape::Udp { ports: Ports::Any, payload: 40 }, SERVER, 4))],
        expect: Expect { first: None, exit: &[0], not: &["not-reaching-host"], unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}
