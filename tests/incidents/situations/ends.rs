//! Where packets end that no listener and no counting rule shows: by the way on which they meet it.

use std::net::{Ipv4Addr, SocketAddr};

use crate::incident::Incident;
use crate::judgement::{Expect, Said};
use crate::service::{Hook, Role};
use crate::stage::{SERVER, Setting, Stage};
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl};

const GUEST: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
const SINKS: &[&str] = &["bulk-transfer-in", "discard-sink", "udp-flood-open-port", "dropped-by-firewall", "forwarded"];

fn udp(to: Ipv4Addr, port: u16) -> Vec<Traffic> {
    shaped(Shape::Udp { ports: Ports::One(port), payload: 600 }, to)
}

fn shaped(shape: Shape, to: Ipv4Addr) -> Vec<Traffic> {
    vec![Traffic::Flood(Flood { shape, to, from: Sources::Few(300), ttl: Ttl::BySource, per_second: 3000 })]
}

fn at(port: u16) -> SocketAddr {
    (SERVER, port).into()
}

/// A guest behind the server, on a network of its own.
const WITH_A_GUEST: [&str; 6] = [
    "ip link add g0 type veth peer name g1",
    "ip link set g1 up",
    "ip addr add 10.99.0.1/24 dev g0",
    "ip link set g0 up",
    "ip neigh replace 10.99.0.2 lladdr 02:99:00:00:00:02 dev g0 nud permanent",
    "sysctl -qw net.ipv4.ip_forward=1",
];

/// What is not said in the summary, the headlines and the ledger's labels, though it must be.
fn unsaid(said: &Said, wanted: &[&str]) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let mut text = case.diagnosis.summary.clone();
    case.diagnosis.headlines.iter().for_each(|headline| text += headline);
    for entry in case.ledger.iter().flat_map(|ledger| &ledger.entries) {
        text.push('\n');
        text += &entry.label;
    }
    wanted.iter().filter(|word| !text.contains(**word)).map(|word| format!("`{word}` is not said")).collect()
}

#[test]
fn a_flood_by_an_interface_that_has_no_default_route() {
    Incident {
        name: "other-interface",
        firewall: &[
            "ip link add up0 type veth peer name up1",
            "ip addr add 10.98.0.1/24 dev up0",
            "ip link set up0 up",
            "ip link set up1 up",
            "ip route replace default via 10.98.0.2 dev up0",
        ],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["eth0 receives"])),
        expect: Expect { first: Some("udp-flood-closed-port"), bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn what_comes_by_another_interface_is_named_when_one_is_asked_for() {
    Incident {
        name: "other-interface-named",
        firewall: &[
            "ip link add up0 type veth peer name up1",
            "ip addr add 10.98.0.1/24 dev up0",
            "ip link set up0 up",
            "ip link set up1 up",
        ],
        ask: &["--set", "interface=up0", "--set", "reported_rate=16Mbit/s"],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["eth0 receives"])),
        expect: Expect { first: None, exit: &[0, 1, 2, 3], unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_policy_of_the_forward_hook_drops_what_was_to_be_sent_on() {
    const LINES: [&str; 8] = [
        WITH_A_GUEST[0],
        WITH_A_GUEST[1],
        WITH_A_GUEST[2],
        WITH_A_GUEST[3],
        WITH_A_GUEST[4],
        WITH_A_GUEST[5],
        "nft add table ip f",
        "nft add chain ip f forward '{ type filter hook forward priority 0; policy drop; }'",
    ];
    Incident {
        name: "forward-policy",
        firewall: &LINES,
        traffic: udp(GUEST, 9999),
        expect: Expect {
            first: Some("dropped-by-firewall"),
            not: &["forwarded", "bulk-transfer-in", "not-reaching-host"],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_filter_of_the_socket_refuses_and_no_queue_is_full() {
    Incident {
        name: "socket-filter",
        services: vec![Role::Filtered { at: at(27015) }],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["refused by a filter of the socket of stage-filter"])),
        expect: Expect { first: Some("dropped-by-kernel"), not: SINKS, bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_published_port_goes_to_the_guest_though_a_process_holds_it() {
    const LINES: [&str; 9] = [
        WITH_A_GUEST[0],
        WITH_A_GUEST[1],
        WITH_A_GUEST[2],
        WITH_A_GUEST[3],
        WITH_A_GUEST[4],
        WITH_A_GUEST[5],
        "nft add table ip n",
        "nft add chain ip n pre '{ type nat hook prerouting priority -100; }'",
        "nft add rule ip n pre udp dport 8053 dnat to 10.99.0.2:53",
    ];
    Incident {
        name: "published-port",
        services: vec![Role::DatagramSink { at: at(8053) }],
        firewall: &LINES,
        traffic: udp(SERVER, 8053),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["forwarded to 10.99.0.2, UDP port 53"])),
        expect: Expect {
            first: Some("forwarded"),
            not: &["udp-flood-open-port", "discard-sink", "udp-flood-closed-port"],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_redirected_port_belongs_to_the_process_behind_it() {
    Incident {
        name: "redirected-port",
        services: vec![Role::DatagramSink { at: (Ipv4Addr::UNSPECIFIED, 8080).into() }],
        firewall: &[
            "nft add table ip n",
            "nft add chain ip n pre '{ type nat hook prerouting priority -100; }'",
            "nft add rule ip n pre udp dport 80 redirect to :8080",
        ],
        traffic: udp(SERVER, 80),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-sink"])),
        expect: Expect {
            first: Some("udp-flood-open-port"),
            not: &["udp-flood-closed-port", "forwarded"],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_filter_of_traffic_control_drops_at_the_ingress() {
    Incident {
        name: "tc-ingress",
        services: vec![Role::Dropper { at: Hook::TrafficControl }],
        setting: Setting { alone: true, ..Setting::default() },
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["dropped by traffic control at the ingress of eth0"])),
        expect: Expect { first: Some("dropped-by-kernel"), not: SINKS, bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn an_xdp_program_drops_before_the_stack() {
    Incident {
        name: "xdp-drop",
        services: vec![Role::Dropper { at: Hook::Xdp }],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["taken by the XDP program"])),
        expect: Expect { first: Some("dropped-by-kernel"), not: SINKS, bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn frames_of_a_vlan_without_a_device() {
    Incident {
        name: "vlan-without-device",
        traffic: shaped(Shape::Tagged { vlan: 30, payload: 600 }, SERVER),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["VLAN 30, for which this host has no device"])),
        expect: Expect {
            first: Some("dropped-by-kernel"),
            not: &["not-for-us", "udp-flood-closed-port"],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_protocol_that_nothing_here_handles() {
    Incident {
        name: "unknown-protocol",
        traffic: shaped(Shape::Protocol { number: 253, payload: 600 }, SERVER),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["nothing here handles IP protocol"])),
        expect: Expect { first: Some("dropped-by-kernel"), not: SINKS, bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn addresses_that_are_routed_here_and_configured_nowhere() {
    Incident {
        name: "no-such-address",
        traffic: udp(Ipv4Addr::new(10, 77, 1, 200), 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["this host neither has"])),
        expect: Expect { first: Some("dropped-by-kernel"), not: SINKS, bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn addresses_that_a_blackhole_swallows() {
    Incident {
        name: "blackhole",
        firewall: &["sysctl -qw net.ipv4.ip_forward=1", "ip route add blackhole 10.66.0.0/16"],
        traffic: udp(Ipv4Addr::new(10, 66, 0, 9), 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["blackhole"])),
        expect: Expect { first: Some("dropped-by-kernel"), not: SINKS, bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_socket_with_addresses_of_a_whole_network() {
    Incident {
        name: "any-ip",
        services: vec![Role::DatagramSink { at: (Ipv4Addr::UNSPECIFIED, 27015).into() }],
        firewall: &["ip route add local 10.66.0.0/16 dev lo"],
        traffic: udp(Ipv4Addr::new(10, 66, 0, 9), 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-sink"])),
        expect: Expect {
            first: Some("udp-flood-open-port"),
            not: &["forwarded", "dropped-by-kernel"],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_guest_behind_the_bridge_of_the_watched_interface() {
    Incident {
        name: "bridged-guest",
        firewall: &[
            "ip link add g0 type veth peer name g1",
            "ip link add br0 type bridge",
            "ip link set br0 up",
            "ip link set g1 up",
            "ip link set g0 up",
            "ip link set g0 master br0",
            "ip link set eth0 master br0",
            "ip addr del 10.77.1.2/24 dev eth0",
            "ip addr add 10.77.1.2/24 dev br0",
            "ip route replace default via 10.77.1.1 dev br0",
            "bridge fdb add 02:77:00:00:00:99 dev g0 master static",
        ],
        traffic: shaped(Shape::ForOthers { payload: 600 }, Ipv4Addr::new(10, 77, 1, 99)),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["eth0 receives", "guest 02:77:00:00:00:99 behind g0"])),
        expect: Expect {
            first: Some("forwarded"),
            not: &["not-for-us", "not-reaching-host"],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_guest_on_a_macvlan_of_the_watched_interface() {
    Incident {
        name: "macvlan-guest",
        firewall: &[
            "ip link add mv0 link eth0 address 02:77:00:00:00:99 type macvlan mode bridge",
            // Away from this namespace, as a guest's device is: only the interface's own list of addresses tells of it.
            "unshare -n sleep 20 >/dev/null 2>&1 & sleep 0.3; ip link set mv0 netns $! && nsenter -n -t $! ip link set mv0 up",
        ],
        traffic: shaped(Shape::ForOthers { payload: 600 }, Ipv4Addr::new(10, 77, 1, 99)),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["for this host's guest 02:77:00:00:00:99"])),
        expect: Expect {
            first: Some("forwarded"),
            not: &["not-for-us"],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
