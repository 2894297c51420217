//! Answers that nobody on the host asked for.

use crate::incident::Incident;
use crate::judgement::Expect;
use crate::service::Role;
use crate::stage::SERVER;
use crate::traffic::{Flood, Ports, Shape, Six, Sources, Traffic, Ttl};

/// What reflection is never taken for.
const NOT: &[&str] = &["bulk-transfer-in", "discard-sink", "dropped-by-firewall", "udp-flood-open-port", "syn-flood"];

fn answers(from: u16, begins: &'static [u8], size: usize, per_second: u32) -> Traffic {
    Traffic::Flood(Flood {
        shape: Shape::Answer { from, begins, size, ports: Ports::One(80) },
        to: SERVER,
        from: Sources::Few(300),
        ttl: Ttl::BySource,
        per_second,
    })
}

fn reflection(
    name: &'static str,
    traffic: Vec<Traffic>,
    first: &'static str,
    subject: &'static [(&'static str, &'static [&'static str])],
) {
    Incident {
        name,
        traffic,
        expect: Expect { first: Some(first), not: NOT, subject, bytes: 1_000_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn ntp_reflection() {
    reflection(
        "reflection-ntp",
        vec![answers(123, &[0xd7, 0, 3, 42], 440, 4000)],
        "reflection-ntp",
        &[("reflection-ntp", &["10.77.1.2", "123", "ntp"])],
    );
}

#[test]
fn ssdp_reflection() {
    let traffic = vec![answers(1900, b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\n", 320, 4000)];
    reflection("reflection-ssdp", traffic, "reflection-ssdp", &[("reflection-ssdp", &["10.77.1.2", "1900"])]);
}

#[test]
fn memcached_reflection() {
    let traffic = vec![answers(11211, b"\0\0\0\0\0\x01\0\0VALUE a 0 1024\r\n", 1400, 2000)];
    reflection("reflection-memcached", traffic, "reflection-memcached", &[("reflection-memcached", &["11211"])]);
}

#[test]
fn cldap_reflection() {
    let traffic = vec![answers(389, &[0x30, 0x84, 0, 0], 1400, 2000)];
    reflection("reflection-cldap", traffic, "reflection-cldap", &[("reflection-cldap", &["10.77.1.2", "389"])]);
}

#[test]
fn ubiquiti_reflection() {
    let traffic = vec![answers(10001, &[1, 0, 0, 0x9a], 600, 3000)];
    reflection(
        "reflection-ubiquiti",
        traffic,
        "reflection-ubiquiti",
        &[("reflection-ubiquiti", &["10001", "ubiquiti"])],
    );
}

#[test]
fn reflection_by_several_services() {
    let traffic = vec![
        answers(123, &[0xd7, 0, 3, 42], 440, 3000),
        answers(1900, b"HTTP/1.1 200 OK\r\n", 320, 3000),
        answers(19, b"abcdefgh", 1000, 1000),
    ];
    Incident {
        name: "reflection-multi-vector",
        traffic,
        expect: Expect {
            first: Some("reflection-multi-vector"),
            beside: &["reflection-ntp", "reflection-ssdp", "reflection-chargen"],
            not: NOT,
            subject: &[("reflection-multi-vector", &["10.77.1.2", "ntp", "ssdp", "chargen"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn syn_ack_reflection() {
    Incident {
        name: "reflection-tcp-synack",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::SynAck,
            to: SERVER,
            from: Sources::Few(900),
            ttl: Ttl::BySource,
            per_second: 8000,
        })],
        expect: Expect {
            first: Some("reflection-tcp-synack"),
            not: &["syn-flood", "ack-flood", "bulk-transfer-in", "port-scan"],
            subject: &[("reflection-tcp-synack", &["10.77.1.2", "tcp", "80"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn ntp_reflection_over_ipv6() {
    Incident {
        name: "reflection-ntp-ipv6",
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Six(Six::NtpAnswer { port: 80, size: 440 }),
            to: SERVER,
            from: Sources::Few(300),
            ttl: Ttl::BySource,
            per_second: 4000,
        })],
        expect: Expect {
            first: Some("reflection-ntp"),
            not: NOT,
            subject: &[("reflection-ntp", &["fd77:1::2", "123", "ntp"])],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn our_resolver_is_abused() {
    Incident {
        name: "open-resolver-abuse",
        services: vec![Role::Amplifier { at: (SERVER, 53).into(), size: 1400 }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::DnsQuestion,
            to: SERVER,
            from: Sources::Few(3),
            ttl: Ttl::Same(55),
            per_second: 1500,
        })],
        expect: Expect {
            first: Some("open-resolver-abuse"),
            not: &["reflection-dns", "udp-flood-closed-port", "discard-sink", "bulk-transfer-in"],
            subject: &[("open-resolver-abuse", &["stage-named", "53"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn another_service_is_abused() {
    Incident {
        name: "reflector-abuse",
        services: vec![Role::Amplifier { at: (SERVER, 11211).into(), size: 1400 }],
        traffic: vec![Traffic::Datagrams { to: (SERVER, 11211).into(), payload: 15, per_second: 1500 }],
        expect: Expect {
            first: Some("reflector-abuse"),
            not: &["reflection-memcached", "udp-flood-closed-port", "discard-sink", "bulk-transfer-in"],
            subject: &[("reflector-abuse", &["stage-named", "11211", "memcached"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
