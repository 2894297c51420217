//! Capture files: what a file can show comes out right, and what it cannot is not claimed.

use std::fs;
use std::path::Path;
use std::process::Command;

use casebook::case::{Case, Likelihood};

use crate::judgement::Expect;
use crate::stage::SERVER;
use crate::traffic::{Flood, Frames, Ports, Segment, Shape, Sources, Ttl};

/// How long a recorded incident lasts.
const SECONDS: f64 = 4.0;

fn flood(shape: Shape, from: Sources, ttl: Ttl, per_second: u32) -> Flood {
    Flood { shape, to: SERVER, from, ttl, per_second }
}

fn answers(from: u16, begins: &'static [u8], size: usize, per_second: u32) -> Flood {
    let shape = Shape::Answer { from, begins, size, ports: Ports::One(80) };
    flood(shape, Sources::Few(400), Ttl::BySource, per_second)
}

/// A pcap file of Ethernet frames with these floods in it, each for as long as the file.
fn file(name: &str, floods: &[Flood]) -> std::path::PathBuf {
    let mut packets: Vec<(f64, Vec<u8>)> = Vec::new();
    for flood in floods {
        let mut frames = Frames::of(flood);
        let count = (f64::from(flood.per_second) * SECONDS) as usize;
        packets.extend((0..count).map(|at| (at as f64 / f64::from(flood.per_second), frames.next().to_vec())));
    }
    packets.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut bytes = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1] {
        bytes.extend(u32::to_le_bytes(word));
    }
    for (at, frame) in &packets {
        let (seconds, length) = (1_700_000_000 + *at as u32, frame.len() as u32);
        for word in [seconds, (at.fract() * 1e6) as u32, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(frame);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let path = folder.join(format!("{name}.pcap"));
    fs::write(&path, bytes).expect("the target folder can be written");
    path
}

/// Diagnoses a file. Nothing but the packets is known, so there is no ledger.
fn diagnose(name: &'static str, floods: &[Flood], expect: &Expect) -> Case {
    let path = file(name, floods);
    let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["run", "high-inbound-traffic", "--format", "json", "--pcap"])
        .arg(&path)
        .env("XDG_STATE_HOME", path.with_extension("state"))
        .output()
        .expect("casebook runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let case: Case = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{name}: {error}\n{stderr}"));
    let told: Vec<String> = case
        .diagnosis
        .causes
        .iter()
        .filter(|cause| cause.likelihood >= Likelihood::Possible)
        .map(|cause| format!("{}: {} ({})", cause.likelihood, cause.id, cause.title))
        .collect();
    let mut faults = Vec::new();
    expect.causes(&case.diagnosis.causes, &mut faults);
    if !output.status.code().is_some_and(|status| expect.exit.contains(&status)) {
        faults.push(format!("the exit status is {:?}, not one of {:?}", output.status.code(), expect.exit));
    }
    assert!(faults.is_empty(), "{name}: {faults:#?}\n{told:#?}\n{}", case.diagnosis.summary);
    case
}

#[test]
fn a_file_of_a_spoofed_syn_flood() {
    let floods = [flood(Shape::Syn { port: 80 }, Sources::Forged, Ttl::Same(242), 4000)];
    let expect = Expect {
        first: Some("syn-flood"),
        not: &["ack-flood", "port-scan", "reflection-tcp-synack"],
        subject: &[("syn-flood", &["10.77.1.2", "80"])],
        ..Expect::default()
    };
    diagnose("syn-flood", &floods, &expect);
}

/// Who listens is not in the file, so neither "nothing listens" nor a letter is.
#[test]
fn a_file_of_datagrams_of_one_sender_does_not_tell_that_nobody_reads_them() {
    let floods = [flood(Shape::Udp { ports: Ports::One(5514), payload: 900 }, Sources::Few(1), Ttl::Same(60), 4000)];
    let expect = Expect { first: None, not: &["udp-flood-closed-port"], exit: &[1], ..Expect::default() };
    let case = diagnose("udp-one-sender", &floods, &expect);
    for id in ["discard-sink", "bulk-transfer-in", "forwarded", "ssh-brute-force", "dropped-by-firewall", "link-down"] {
        assert!(case.diagnosis.causes.iter().all(|cause| cause.id != id), "{id} is considered, though nobody looked");
    }
    let text = serde_json::to_string(&case.diagnosis).unwrap();
    for claim in ["where nothing listens", "Send this to your provider"] {
        assert!(!text.contains(claim), "{claim}: {text}");
    }
}

/// Forged sources are no clients, so the file tells a flood although it does not tell who listens.
#[test]
fn a_file_of_datagrams_with_forged_sources() {
    let floods = [flood(Shape::Udp { ports: Ports::One(27015), payload: 22 }, Sources::Forged, Ttl::Same(60), 1500)];
    let expect = Expect {
        first: Some("udp-flood-closed-port"),
        not: &["reflection", "port-scan", "udp-flood-open-port"],
        subject: &[("udp-flood-closed-port", &["10.77.1.2", "27015"])],
        ..Expect::default()
    };
    let text = serde_json::to_string(&diagnose("udp-forged", &floods, &expect).diagnosis).unwrap();
    assert!(!text.contains("where nothing listens"), "{text}");
}

#[test]
fn a_file_of_a_syn_flood_with_ecn() {
    let floods = [flood(Shape::SynWithEcn { port: 443 }, Sources::Forged, Ttl::Same(244), 3000)];
    let expect = Expect { first: Some("syn-flood"), subject: &[("syn-flood", &["443"])], ..Expect::default() };
    diagnose("syn-flood-ecn", &floods, &expect);
}

#[test]
fn a_file_of_syn_ack_reflection() {
    let floods = [
        flood(Shape::SynAck, Sources::Few(900), Ttl::BySource, 1700),
        flood(Shape::Segment { kind: Segment::Rst, ports: Ports::Any }, Sources::Few(400), Ttl::BySource, 200),
    ];
    let expect = Expect {
        first: Some("reflection-tcp-synack"),
        not: &["syn-flood", "ack-flood", "port-scan"],
        subject: &[("reflection-tcp-synack", &["10.77.1.2", "80"])],
        ..Expect::default()
    };
    diagnose("reflection-tcp-synack", &floods, &expect);
}

#[test]
fn a_file_of_reflection_by_building_controllers_and_recorders() {
    let floods = [answers(47808, &[0x81, 0x0a, 0, 0x20], 260, 1400), answers(37810, b"\x20\0\0\0DHIP", 260, 500)];
    let expect = Expect {
        first: Some("reflection-multi-vector"),
        beside: &["reflection-bacnet", "reflection-dvr"],
        not: &["udp-flood-closed-port"],
        subject: &[("reflection-multi-vector", &["47808", "37810", "10.77.1.2"])],
        ..Expect::default()
    };
    diagnose("reflection-bacnet", &floods, &expect);
}

#[test]
fn a_file_of_reflection_by_vpn_gateways() {
    let shape = Shape::Answer { from: 4500, begins: &[0, 0, 0, 0, 1], size: 190, ports: Ports::Any };
    let floods = [flood(shape, Sources::Few(2000), Ttl::BySource, 2000)];
    let expect = Expect {
        first: Some("reflection-ipsec-nat"),
        not: &["udp-flood-closed-port", "tunnel-inbound"],
        subject: &[("reflection-ipsec-nat", &["4500", "10.77.1.2"])],
        ..Expect::default()
    };
    diagnose("reflection-ipsec-nat", &floods, &expect);
}

#[test]
fn a_file_of_snmp_reflection_at_a_low_rate() {
    let floods = [answers(161, &[0x30, 0x82, 0, 0xb4], 185, 60)];
    let expect = Expect {
        first: Some("reflection-snmp"),
        not: &["udp-flood-closed-port"],
        subject: &[("reflection-snmp", &["161", "10.77.1.2"])],
        ..Expect::default()
    };
    diagnose("reflection-snmp", &floods, &expect);
}

#[test]
fn a_file_of_fragmented_dns_answers_beside_a_download() {
    let floods = [
        flood(Shape::FragmentedAnswer, Sources::Few(230), Ttl::BySource, 600),
        flood(Shape::Segment { kind: Segment::Ack, ports: Ports::One(50_000) }, Sources::Few(1), Ttl::Same(57), 60),
    ];
    let expect = Expect {
        first: Some("reflection-dns"),
        not: &["fragment-flood", "udp-flood-closed-port"],
        subject: &[("reflection-dns", &["53", "10.77.1.2"])],
        ..Expect::default()
    };
    diagnose("reflection-dns-fragments", &floods, &expect);
}

#[test]
fn a_file_of_fragments_that_never_complete() {
    let floods = [flood(Shape::LoneFragment { payload: 1000 }, Sources::Forged, Ttl::Same(61), 2000)];
    let expect =
        Expect { first: Some("fragment-flood"), subject: &[("fragment-flood", &["10.77.1.2"])], ..Expect::default() };
    diagnose("fragment-flood", &floods, &expect);
}

#[test]
fn a_file_of_background_noise_shows_no_incident() {
    let floods = [
        flood(Shape::Syn { port: 23 }, Sources::Forged, Ttl::BySource, 3),
        flood(Shape::SynAck, Sources::Few(20), Ttl::BySource, 2),
        flood(Shape::Udp { ports: Ports::Any, payload: 40 }, Sources::Forged, Ttl::BySource, 2),
    ];
    diagnose("noise", &floods, &Expect { exit: &[0, 3], ..Expect::default() });
}
