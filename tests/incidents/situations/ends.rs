//! Where packets end that no listener and no counting rule shows: by the way on which they meet it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::incident::Incident;
use crate::judgement::{Expect, Said, disagreement_unsaid, first_entry, unsaid};
use crate::programs::Hook;
use crate::service::Role;
use crate::stage::{GUEST, SERVER, Setting, Stage};
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl};

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
        expect: Expect::flood("dropped-by-firewall", &["forwarded", "bulk-transfer-in", "not-reaching-host"]),
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
        also: Some(|_: &Stage, said: &Said| first_entry(said, &["refused by a filter of the socket of stage-filter"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
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
            exit: &[1, 2],
            ..Expect::flood("forwarded", &["udp-flood-open-port", "discard-sink", "udp-flood-closed-port"])
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
        expect: Expect::flood("udp-flood-open-port", &["udp-flood-closed-port", "forwarded"]),
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
        also: Some(|_: &Stage, said: &Said| first_entry(said, &["dropped by traffic control at the ingress of eth0"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
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
        also: Some(|_: &Stage, said: &Said| first_entry(said, &["taken by the XDP program"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

#[test]
fn an_xdp_program_drops_behind_the_driver() {
    Incident {
        name: "xdp-drop-generic",
        setting: Setting { light: true, ..Setting::default() },
        services: vec![Role::Dropper { at: Hook::XdpGeneric }],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| first_entry(said, &["taken by the XDP program"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

/// The interface counts such frames as dropped only while nobody captures, so its figure stands still.
#[test]
fn frames_of_a_protocol_that_nothing_here_takes() {
    Incident {
        name: "strange-frames",
        setting: Setting { light: true, ..Setting::default() },
        traffic: shaped(Shape::Strange { ether_type: 0x88b5, payload: 600 }, SERVER),
        also: Some(|_: &Stage, said: &Said| {
            let mut faults = first_entry(said, &["frames of protocols that nothing on this host takes"]);
            faults.extend(disagreement_unsaid(said, "rx_dropped grew by 0"));
            faults
        }),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

#[test]
fn frames_of_a_vlan_without_a_device() {
    Incident {
        name: "vlan-without-device",
        traffic: shaped(Shape::Tagged { vlan: 30, payload: 600 }, SERVER),
        also: Some(|_: &Stage, said: &Said| first_entry(said, &["VLAN 30, for which this host has no device"])),
        // The tag of a frame is 4 bytes of 646.
        expect: Expect {
            unexplained: Some(0.001),
            ..Expect::flood("dropped-by-kernel", &["not-for-us", "udp-flood-closed-port"])
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
        expect: Expect::flood("dropped-by-kernel", SINKS),
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
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

#[test]
fn addresses_that_a_blackhole_swallows() {
    Incident {
        name: "blackhole",
        setting: Setting { alone: true, ..Setting::default() },
        firewall: &["sysctl -qw net.ipv4.ip_forward=1", "ip route add blackhole 10.66.0.0/16"],
        traffic: udp(Ipv4Addr::new(10, 66, 0, 9), 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["blackhole"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
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
        expect: Expect::flood("udp-flood-open-port", &["forwarded", "dropped-by-kernel"]),
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
        also: Some(|_: &Stage, said: &Said| {
            unsaid(
                said,
                &["eth0 receives", "guest 02:77:00:00:00:99: eth0 → br0 → g0", "on to 02:77:00:00:00:99: eth0"],
            )
        }),
        expect: Expect { exit: &[1, 2], ..Expect::flood("forwarded", &["not-for-us", "not-reaching-host"]) },
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
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["for this host's guest 02:77:00:00:00:99 on eth0, the network namespace of sleep (pid "])),
        expect: Expect { exit: &[1, 2], ..Expect::flood("forwarded", &["not-for-us"]) },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_published_port_of_a_service_that_answers() {
    Incident {
        name: "published-tcp-port",
        window: Duration::from_secs(5),
        // As an engine's proxy does, it holds the port and gets nothing of it.
        services: vec![Role::Stuck { at: at(8080) }],
        guest: vec![Role::Sink { at: (GUEST, 80).into() }],
        firewall: &[
            "nft add table ip n",
            "nft add chain ip n pre '{ type nat hook prerouting priority -100; }'",
            "nft add rule ip n pre tcp dport 8080 dnat to 10.99.0.2:80",
        ],
        traffic: vec![Traffic::Upload { to: at(8080), bytes_per_second: 3_000_000 }],
        also: Some(|_: &Stage, said: &Said| {
            let mut faults = unsaid(
                said,
                &[
                    "forwarded to 10.99.0.2, TCP port 80 (published as port 8080), network namespace casebook-stage-",
                    "-guest (stage-sink, pid ",
                    "on to 10.99.0.2",
                    "eth0 receives",
                ],
            );
            let entered =
                said.case.as_ref().ok().and_then(|case| case.ledger.as_ref()).map(|ledger| &ledger.interfaces);
            let both = entered.is_some_and(|entered| {
                ["eth0", "g0"].iter().all(|name| entered.iter().any(|of| of.interface == *name))
            });
            if !both {
                faults.push(format!("not by eth0 and g0: {entered:?}"));
            }
            faults
        }),
        expect: Expect {
            first: Some("forwarded"),
            not: &["discard-sink", "bulk-transfer-in", "listen-overflow", "syn-flood", "ack-flood"],
            exit: &[1, 2],
            bytes: 3_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_published_port_of_a_guest_where_nothing_listens() {
    Incident {
        name: "published-unheard",
        guest: vec![Role::Sink { at: (GUEST, 80).into() }],
        firewall: &[
            "nft add table ip n",
            "nft add chain ip n pre '{ type nat hook prerouting priority -100; }'",
            "nft add rule ip n pre udp dport 8053 dnat to 10.99.0.2:53",
        ],
        traffic: udp(SERVER, 8053),
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["forwarded to 10.99.0.2, UDP port 53", "-guest, where nothing listens on UDP port 53"])
        }),
        expect: Expect {
            beside: &["forwarded"],
            ..Expect::flood("guest-unheard", &["udp-flood-closed-port", "discard-sink"])
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn traffic_that_is_routed_to_a_guest_is_said_to_be_for_the_process_there() {
    Incident {
        name: "routed-to-a-process",
        guest: vec![Role::DatagramSink { at: (GUEST, 9999).into() }],
        traffic: shaped(Shape::Udp { ports: Ports::One(9999), payload: 1200 }, GUEST),
        also: Some(|_: &Stage, said: &Said| {
            unsaid(
                said,
                &[
                    "forwarded to 10.99.0.2, UDP port 9999, network namespace casebook-stage-",
                    "-guest (stage-sink, pid ",
                ],
            )
        }),
        expect: Expect { exit: &[1, 2], ..Expect::flood("forwarded", &["udp-flood-open-port", "discard-sink"]) },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_rule_of_the_forward_hook_without_a_counter() {
    Incident {
        name: "forward-rule",
        setting: Setting { alone: true, ..Setting::default() },
        guest: vec![Role::DatagramSink { at: (GUEST, 9999).into() }],
        firewall: &[
            "nft add table ip f",
            "nft add chain ip f forward '{ type filter hook forward priority 0; }'",
            "nft add rule ip f forward udp dport 9999 drop",
        ],
        traffic: udp(GUEST, 9999),
        expect: Expect::flood("dropped-by-firewall", &["forwarded", "bulk-transfer-in", "not-reaching-host"]),
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_port_that_is_translated_to_loopback() {
    Incident {
        name: "dnat-to-loopback",
        services: vec![Role::DatagramSink { at: (Ipv4Addr::LOCALHOST, 8080).into() }],
        firewall: &[
            "sysctl -qw net.ipv4.conf.eth0.route_localnet=1",
            "nft add table ip n",
            "nft add chain ip n pre '{ type nat hook prerouting priority -100; }'",
            "nft add rule ip n pre udp dport 80 dnat to 127.0.0.1:8080",
        ],
        traffic: udp(SERVER, 80),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-sink"])),
        expect: Expect::flood("udp-flood-open-port", &["udp-flood-closed-port", "forwarded"]),
        ..Incident::default()
    }
    .play();
}

#[test]
fn what_a_transparent_proxy_takes_is_not_routed_on() {
    Incident {
        name: "tproxy",
        services: vec![Role::Transparent { at: (Ipv4Addr::UNSPECIFIED, 5353).into() }],
        firewall: &[
            "sysctl -qw net.ipv4.ip_forward=1",
            "ip rule add fwmark 1 lookup 100",
            "ip route add local default dev lo table 100",
            "nft add table ip m",
            "nft add chain ip m pre '{ type filter hook prerouting priority -150; }'",
            "nft add rule ip m pre udp dport 53 tproxy to :5353 meta mark set 1 accept",
        ],
        traffic: udp(Ipv4Addr::new(198, 51, 100, 7), 53),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-tproxy"])),
        expect: Expect {
            first: None,
            not: &["forwarded", "dropped-by-firewall", "dropped-by-kernel"],
            exit: &[0, 1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_queue_for_a_program_that_is_not_there() {
    Incident {
        name: "nfqueue-without-reader",
        setting: Setting { alone: true, ..Setting::default() },
        firewall: &["iptables-legacy -A INPUT -p udp --dport 27015 -j NFQUEUE --queue-num 7"],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| first_entry(said, &["handed to a program's queue", "not let on"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_filter_of_the_bridge_drops_what_was_for_the_host() {
    Incident {
        name: "bridge-family",
        setting: Setting { alone: true, ..Setting::default() },
        firewall: &[
            "ip link add br0 address 02:77:00:00:00:02 type bridge",
            "ip link set br0 up",
            "ip link set eth0 master br0",
            "ip addr del 10.77.1.2/24 dev eth0",
            "ip addr add 10.77.1.2/24 dev br0",
            "ip route replace default via 10.77.1.1 dev br0",
            "nft add table bridge f",
            "nft add chain bridge f in '{ type filter hook input priority 0; }'",
            "nft add rule bridge f in udp dport 27015 counter drop",
        ],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["eth0 receives", "bridge f in"])),
        expect: Expect::flood("dropped-by-firewall", &["bulk-transfer-in"]),
        ..Incident::default()
    }
    .play();
}

#[test]
fn esp_that_nothing_here_handles() {
    Incident {
        name: "esp-flood",
        traffic: shaped(Shape::Protocol { number: 50, payload: 600 }, SERVER),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["nothing here handles IP protocol esp"])),
        expect: Expect::flood("dropped-by-kernel", SINKS),
        ..Incident::default()
    }
    .play();
}

#[test]
fn synproxy_answers_in_the_place_of_the_service() {
    Incident {
        name: "synproxy",
        services: vec![Role::Web { at: at(80) }],
        firewall: &[
            "sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
            "nft add table ip s",
            "nft add chain ip s raw '{ type filter hook prerouting priority -300; }'",
            "nft add rule ip s raw tcp dport 80 tcp flags syn notrack",
            "nft add chain ip s in '{ type filter hook input priority 0; }'",
            "nft add rule ip s in tcp dport 80 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm",
        ],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Syn { port: 80 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 3000,
        })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["SYNPROXY answers them", "answered by SYNPROXY in the place of the service"])),
        expect: Expect { first: Some("syn-flood"), not: &["dropped-by-kernel", "dropped-by-firewall"], ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn what_comes_in_is_shaped_to_less() {
    Incident {
        name: "shaped-ingress",
        services: vec![Role::DatagramSink { at: at(27015) }],
        firewall: &[
            "ip link add ifb0 type ifb",
            "ip link set ifb0 up",
            "tc qdisc add dev eth0 ingress",
            "tc filter add dev eth0 parent ffff: protocol ip u32 match u32 0 0 action mirred egress redirect dev ifb0",
            "tc qdisc add dev ifb0 root tbf rate 3mbit burst 32k latency 50ms",
        ],
        traffic: udp(SERVER, 27015),
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["dropped by the queue of ifb0, which shapes what comes in"])
        }),
        expect: Expect::flood("dropped-by-kernel", &["udp-flood-closed-port"]),
        ..Incident::default()
    }
    .play();
}

#[test]
fn equal_senders_are_named_as_a_group() {
    Incident {
        name: "equal-senders",
        services: vec![Role::Game { at: at(27015) }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(27015), payload: 600 },
            to: SERVER,
            from: Sources::Few(8),
            ttl: Ttl::BySource,
            per_second: 2000,
        })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["8 addresses"])),
        expect: Expect {
            exit: &[1, 2],
            ..Expect::flood("bulk-transfer-in", &["discard-sink", "udp-flood-closed-port"])
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn an_interface_that_is_down_is_said_first() {
    Incident {
        name: "link-down-of-the-only-entrance",
        firewall: &["ip link set eth0 down"],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["eth0 is down: nothing can come in by it"])),
        expect: Expect { first: Some("link-down"), unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}
