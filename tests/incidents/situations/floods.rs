//! Floods that reach the host's IP stack.

use std::time::Duration;

use crate::incident::Incident;
use crate::judgement::Expect;
use crate::service::Role;
use crate::stage::{ALIAS, SERVER, SERVER6, Setting};
use crate::traffic::{Flood, Ports, Segment, Shape, Six, Sources, Traffic, Ttl};

#[test]
fn syn_flood_to_a_port_with_a_listener() {
    Incident {
        name: "syn-flood",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Syn { port: 80 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::Same(58),
            per_second: 15_000,
        })],
        expect: Expect {
            first: Some("syn-flood"),
            not: &["bulk-transfer-in", "discard-sink", "dropped-by-firewall", "reflection-dns"],
            subject: &[("syn-flood", &["80", "stage-web"])],
            bytes: 1_500_000,
            bytes_at_most: 4_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn udp_flood_to_a_closed_port() {
    Incident {
        name: "udp-flood-closed-port",
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 6000,
        })],
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            not: &["bulk-transfer-in", "udp-flood-open-port", "dropped-by-firewall", "syn-flood"],
            subject: &[("udp-flood-closed-port", &["10.77.1.2", "9987"])],
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn udp_flood_to_a_closed_port_of_an_alias_address() {
    Incident {
        name: "udp-flood-alias",
        setting: Setting { alias: true, ..Setting::default() },
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
            to: ALIAS,
            from: Sources::Few(40),
            ttl: Ttl::BySource,
            per_second: 6000,
        })],
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            not: &["bulk-transfer-in", "udp-flood-open-port", "dropped-by-firewall"],
            subject: &[("udp-flood-closed-port", &["10.77.1.3", "9987"])],
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn udp_flood_to_a_slow_owner() {
    Incident {
        name: "udp-flood-open-port",
        services: vec![Role::SlowReader { at: (SERVER, 5514).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(5514), payload: 600 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 8000,
        })],
        expect: Expect {
            first: Some("udp-flood-open-port"),
            not: &["bulk-transfer-in", "udp-flood-closed-port", "dropped-by-firewall"],
            subject: &[("udp-flood-open-port", &["stage-slow", "5514"])],
            bytes: 10_000_000,
            bytes_at_most: 22_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn icmp_flood() {
    Incident {
        name: "icmp-flood",
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Echo { payload: 1000 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 5000,
        })],
        expect: Expect {
            first: Some("icmp-flood"),
            not: &["bulk-transfer-in", "udp-flood-closed-port", "dropped-by-firewall"],
            bytes: 10_000_000,
            bytes_at_most: 22_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn dns_reflection() {
    Incident {
        name: "dns-reflection",
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::DnsAnswer { ports: Ports::Any, size: 1400 },
            to: SERVER,
            from: Sources::Few(400),
            ttl: Ttl::BySource,
            per_second: 5000,
        })],
        expect: Expect {
            first: Some("reflection-dns"),
            not: &["bulk-transfer-in", "dropped-by-firewall", "udp-flood-open-port"],
            subject: &[("reflection-dns", &["10.77.1.2"])],
            bytes: 14_000_000,
            bytes_at_most: 29_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// Segments of no connection to a port with a listener.
fn strays(name: &'static str, kind: Segment, subject: &'static [(&'static str, &'static [&'static str])]) {
    Incident {
        name,
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Segment { kind, ports: Ports::One(80) },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::Same(61),
            per_second: 8000,
        })],
        expect: Expect {
            first: Some("ack-flood"),
            not: &["bulk-transfer-in", "discard-sink", "syn-flood", "port-scan", "reflection-tcp-synack"],
            subject,
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn ack_flood() {
    strays("ack-flood", Segment::Ack, &[("ack-flood", &["10.77.1.2", "80", "ACK", "stage-web"])]);
}

#[test]
fn rst_flood() {
    strays("rst-flood", Segment::Rst, &[("ack-flood", &["10.77.1.2", "80", "RST"])]);
}

#[test]
fn fin_flood() {
    strays("fin-flood", Segment::Fin, &[("ack-flood", &["10.77.1.2", "80", "FIN"])]);
}

#[test]
fn syn_flood_with_ecn() {
    Incident {
        name: "syn-flood-ecn",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::SynWithEcn { port: 80 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::Same(242),
            per_second: 8000,
        })],
        expect: Expect {
            first: Some("syn-flood"),
            not: &["ack-flood", "bulk-transfer-in", "port-scan"],
            subject: &[("syn-flood", &["80", "stage-web"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn fragments_that_never_complete() {
    Incident {
        name: "fragment-flood",
        // Fragments wait for half a minute where nobody says otherwise, and so does a test of what relieves it.
        firewall: &["sysctl -qw net.ipv4.ipfrag_time=1"],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::LoneFragment { payload: 1000 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::Same(61),
            per_second: 5000,
        })],
        expect: Expect {
            first: Some("fragment-flood"),
            not: &["bulk-transfer-in", "discard-sink", "udp-flood-closed-port", "dropped-by-firewall"],
            subject: &[("fragment-flood", &["10.77.1.2"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// A flood over IPv6.
fn six(
    name: &'static str,
    shape: Six,
    first: &'static str,
    subject: &'static [(&'static str, &'static [&'static str])],
) {
    Incident {
        name,
        services: vec![Role::Web { at: (SERVER6, 80).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Six(shape),
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::Same(58),
            per_second: 6000,
        })],
        expect: Expect {
            first: Some(first),
            not: &["bulk-transfer-in", "discard-sink", "dropped-by-firewall", "port-scan"],
            subject,
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn udp_flood_over_ipv6() {
    let shape = Six::Udp { port: 9987, payload: 800 };
    six("udp-flood-ipv6", shape, "udp-flood-closed-port", &[("udp-flood-closed-port", &["fd77:1::2", "9987"])]);
}

#[test]
fn syn_flood_over_ipv6() {
    six("syn-flood-ipv6", Six::Syn { port: 80 }, "syn-flood", &[("syn-flood", &["fd77:1::2", "80", "stage-web"])]);
}

#[test]
fn icmp_flood_over_ipv6() {
    six("icmp-flood-ipv6", Six::Echo { payload: 800 }, "icmp-flood", &[("icmp-flood", &["fd77:1::2", "echo-request"])]);
}

#[test]
fn ack_flood_over_ipv6() {
    six(
        "ack-flood-ipv6",
        Six::Ack { port: 80 },
        "ack-flood",
        &[("ack-flood", &["fd77:1::2", "80", "ACK", "stage-web"])],
    );
}

#[test]
fn two_floods_at_once() {
    Incident {
        name: "two-floods",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![
            Traffic::Flood(Flood {
                shape: Shape::Syn { port: 80 },
                to: SERVER,
                from: Sources::Forged,
                ttl: Ttl::Same(58),
                per_second: 5000,
            }),
            Traffic::Flood(Flood {
                shape: Shape::Udp { ports: Ports::One(9987), payload: 800 },
                to: SERVER,
                from: Sources::Few(50),
                ttl: Ttl::BySource,
                per_second: 3000,
            }),
        ],
        expect: Expect {
            first: Some("syn-flood"),
            beside: &["udp-flood-closed-port"],
            not: &["bulk-transfer-in", "discard-sink", "dropped-by-firewall", "port-scan"],
            subject: &[("syn-flood", &["80", "stage-web"]), ("udp-flood-closed-port", &["9987"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_flood_that_begins_in_mid_window() {
    Incident {
        name: "late-flood",
        traffic: vec![Traffic::LateFlood {
            flood: Flood {
                shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
                to: SERVER,
                from: Sources::Forged,
                ttl: Ttl::BySource,
                per_second: 6000,
            },
            after: Duration::from_millis(1500),
        }],
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            not: &["bulk-transfer-in", "dropped-by-firewall"],
            subject: &[("udp-flood-closed-port", &["10.77.1.2", "9987"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
