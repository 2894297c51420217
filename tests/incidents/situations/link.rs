//! What the link brings that is not for this host, or not for it alone.

use std::net::Ipv4Addr;

use crate::incident::Incident;
use crate::judgement::{Expect, Said, first_entry};
use crate::service::Role;
use crate::stage::{SERVER, Setting, Stage, WORLD};
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl};

const NOT: &[&str] = &["bulk-transfer-in", "discard-sink", "dropped-by-firewall", "udp-flood-closed-port", "syn-flood"];
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

fn from_the_world(shape: Shape, to: Ipv4Addr, per_second: u32) -> Traffic {
    Traffic::Flood(Flood { shape, to, from: Sources::One(WORLD), ttl: Ttl::Same(64), per_second })
}

#[test]
fn broadcast_storm() {
    let to = Ipv4Addr::new(10, 77, 1, 255);
    Incident {
        name: "broadcast-storm",
        traffic: vec![from_the_world(Shape::Broadcast { port: 137, payload: 300 }, to, 4000)],
        expect: Expect {
            first: Some("broadcast-storm"),
            not: NOT,
            subject: &[("broadcast-storm", &["02:77:00:00:00:01", "udp", "eth0"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn arp_storm() {
    Incident {
        name: "arp-storm",
        traffic: vec![from_the_world(Shape::Arp, SERVER, 5000)],
        expect: Expect {
            first: Some("broadcast-storm"),
            not: NOT,
            subject: &[("broadcast-storm", &["02:77:00:00:00:01", "arp"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn multicast_that_nobody_joined() {
    Incident {
        name: "multicast-flood",
        traffic: vec![from_the_world(Shape::Multicast { port: 5004, payload: 1300 }, GROUP, 2000)],
        expect: Expect {
            first: Some("multicast-flood"),
            not: NOT,
            subject: &[("multicast-flood", &["239.1.2.3", "10.77.1.1"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn multicast_that_a_process_joined_is_its_own() {
    Incident {
        name: "multicast-joined",
        services: vec![Role::GroupReceiver { group: GROUP, port: 5004 }],
        traffic: vec![from_the_world(Shape::Multicast { port: 5004, payload: 1300 }, GROUP, 2000)],
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: &["multicast-flood", "udp-flood-closed-port", "discard-sink"],
            subject: &[("bulk-transfer-in", &["stage-group", "5004"])],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn frames_for_another_machine() {
    let other = Ipv4Addr::new(10, 77, 1, 99);
    Incident {
        name: "not-for-us",
        traffic: vec![from_the_world(Shape::ForOthers { payload: 1300 }, other, 2500)],
        expect: Expect {
            first: Some("not-for-us"),
            not: NOT,
            subject: &[("not-for-us", &["02:77:00:00:00:99", "eth0"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn traffic_for_a_guest_behind_this_host() {
    Incident {
        name: "forwarded",
        firewall: &[
            "ip link add g0 type veth peer name g1",
            "ip link set g1 up",
            "ip addr add 10.99.0.1/24 dev g0",
            "ip link set g0 up",
            "ip neigh replace 10.99.0.2 lladdr 02:99:00:00:00:02 dev g0 nud permanent",
            "sysctl -qw net.ipv4.ip_forward=1",
        ],
        traffic: vec![from_the_world(
            Shape::Udp { ports: Ports::One(9999), payload: 1200 },
            Ipv4Addr::new(10, 99, 0, 2),
            2500,
        )],
        expect: Expect {
            first: Some("forwarded"),
            not: NOT,
            subject: &[("forwarded", &["10.99.0.2", "g0"])],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn sources_that_the_reverse_path_filter_drops() {
    Incident {
        name: "dropped-by-rp-filter",
        firewall: &[
            "ip link add g0 type veth peer name g1",
            "ip link set g1 up",
            "ip link set g0 up",
            "ip route add 198.18.0.0/15 dev g0",
            "sysctl -qw net.ipv4.conf.eth0.rp_filter=1",
        ],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
            to: SERVER,
            from: Sources::Few(200),
            ttl: Ttl::BySource,
            per_second: 4000,
        })],
        expect: Expect {
            first: Some("dropped-by-rp-filter"),
            not: &["bulk-transfer-in", "discard-sink", "dropped-by-firewall"],
            subject: &[("dropped-by-rp-filter", &["198.1", "eth0"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn traffic_in_a_gre_tunnel_that_nobody_has() {
    Incident {
        name: "tunnel-inbound",
        traffic: vec![from_the_world(Shape::Gre { payload: 1200 }, SERVER, 2500)],
        expect: Expect {
            first: Some("tunnel-inbound"),
            not: NOT,
            subject: &[("tunnel-inbound", &["gre", "10.77.1.1"])],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn sources_that_no_packet_may_bear() {
    Incident {
        name: "martian-sources",
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
            to: SERVER,
            from: Sources::One([127, 0, 0, 9].into()),
            ttl: Ttl::Same(60),
            per_second: 2000,
        })],
        expect: Expect {
            first: Some("dropped-by-rp-filter"),
            not: &["bulk-transfer-in", "discard-sink", "dropped-by-firewall"],
            subject: &[("dropped-by-rp-filter", &["127.0.0.9", "eth0"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn one_peer_sends_to_the_port_of_a_tunnel_that_is_gone() {
    Incident {
        name: "tunnel-vxlan-gone",
        traffic: vec![Traffic::Datagrams { to: (SERVER, 4789).into(), payload: 1200, per_second: 2500 }],
        expect: Expect {
            first: Some("tunnel-inbound"),
            not: &["bulk-transfer-in", "discard-sink", "udp-flood-closed-port"],
            subject: &[("tunnel-inbound", &["vxlan", "10.77.1.1", "4789"])],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// The table of one namespace is as large as that of the machine, and only the machine's own namespace may change its size: so
/// it is filled. The kernel then throws out connections that nobody has answered, to make room for new ones.
#[test]
fn a_full_table_of_tracked_connections() {
    let max = std::fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_max").ok();
    let max: u32 = max.and_then(|text| text.trim().parse().ok()).unwrap_or(262_144);
    let strangers = Flood {
        shape: Shape::Udp { ports: Ports::One(9987), payload: 16 },
        to: SERVER,
        from: Sources::Forged,
        ttl: Ttl::BySource,
        per_second: 8000,
    };
    Incident {
        name: "conntrack-exhaustion",
        // Datagrams to a port that somebody reads, so that they are no flood on a closed one.
        services: vec![Role::DatagramSink { at: (SERVER, 9987).into() }],
        setting: Setting { alone: true, ..Setting::default() },
        firewall: &[
            "nft add table inet stage",
            "nft add chain inet stage in '{ type filter hook input priority 0; }'",
            "nft add rule inet stage in ct state new accept",
        ],
        // Flows that were answered, so that none makes room for another.
        tracked: Some((max, 53)),
        traffic: vec![Traffic::Flood(strangers)],
        expect: Expect {
            first: Some("conntrack-exhaustion"),
            not: &["dropped-by-firewall", "udp-flood-closed-port", "forwarded"],
            subject: &[("conntrack-exhaustion", &["count", "max"])],
            bytes: 500_000,
            ..Expect::default()
        },
        also: Some(|_: &Stage, said: &Said| first_entry(said, &["the table of tracked connections is full"])),
        ..Incident::default()
    }
    .play();
}

/// One CPU takes all packets of the interface (RPS) and has thousands of rules to look at for each: its queue overflows.
#[test]
fn a_cpu_that_is_too_slow_for_the_packets() {
    Incident {
        name: "softnet-drop",
        setting: Setting { alone: true, ..Setting::default() },
        firewall: &[
            "nft add table inet stage",
            "nft add chain inet stage in '{ type filter hook input priority 0; }'",
            "(for n in $(seq 20000); do echo \"add rule inet stage in ip saddr 198.18.$((n / 250)).$((n % 250))\"; done) | nft -f -",
            "echo 2 > /sys/class/net/eth0/queues/rx-0/rps_cpus",
        ],
        // Each sender waits for what it has under way, 277 datagrams; together they fill the queue of 1,000.
        traffic: vec![
            Traffic::Flood(Flood {
                shape: Shape::Udp { ports: Ports::One(9987), payload: 64 },
                to: SERVER,
                from: Sources::Forged,
                ttl: Ttl::BySource,
                per_second: 4_000,
            });
            12
        ],
        expect: Expect {
            first: Some("softnet-drop"),
            beside: &["udp-flood-closed-port"],
            subject: &[("softnet-drop", &["eth0"])],
            bytes: 500_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
