//! What the link brings that is not for this host, or not for it alone.

use std::net::Ipv4Addr;

use crate::incident::Incident;
use crate::judgement::Expect;
use crate::service::Role;
use crate::stage::{SERVER, WORLD};
use crate::traffic::{Flood, Shape, Sources, Traffic, Ttl};

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
            Shape::Udp { ports: crate::traffic::Ports::One(9999), payload: 1200 },
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
            shape: Shape::Udp { ports: crate::traffic::Ports::One(9987), payload: 1000 },
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
            shape: Shape::Udp { ports: crate::traffic::Ports::One(9987), payload: 1000 },
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
