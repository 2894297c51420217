//! Services that are asked too much, or are too slow, and those that are just busy.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::incident::Incident;
use crate::judgement::Expect;
use crate::service::Role;
use crate::stage::{SERVER, WORLD};
use crate::traffic::{Flood, Shape, Sources, Traffic, Ttl};

#[test]
fn one_client_floods_the_web_server() {
    Incident {
        name: "http-flood",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Requests { to: (SERVER, 80).into(), clients: 1, per_second: 400 }],
        expect: Expect {
            first: Some("http-flood"),
            not: &["syn-flood", "ack-flood", "discard-sink", "bulk-transfer-in", "port-scan"],
            subject: &[("http-flood", &["stage-web", "10.88.0.1", "80"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn many_clients_ask_for_one_page_with_one_agent() {
    let mut log = String::new();
    let now = Timestamp::now();
    for number in 0..3000i64 {
        let at = now - jiff::SignedDuration::from_millis(60_000 - number * 20);
        let at = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
        let client = format!("10.88.0.{}", number % 200);
        writeln!(log, r#"{client} - - [{at}] "GET /search?q={number} HTTP/1.1" 200 512 "-" "stress/1""#)
            .expect("a string takes it");
    }
    Incident {
        name: "http-flood-many",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        logs: vec![("nginx/access.log", log)],
        ask: &["--set", "since=5m"],
        traffic: vec![Traffic::Requests { to: (SERVER, 80).into(), clients: 200, per_second: 300 }],
        expect: Expect {
            first: Some("http-flood"),
            not: &["syn-flood", "ack-flood", "discard-sink", "bulk-transfer-in", "port-scan"],
            subject: &[("http-flood", &["stage-web", "/search", "stress/1"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_busy_web_server_is_fine() {
    Incident {
        name: "busy-web-server",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Requests { to: (SERVER, 80).into(), clients: 200, per_second: 150 }],
        expect: Expect { exit: &[0], ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_server_that_does_not_accept() {
    Incident {
        name: "listen-overflow",
        services: vec![Role::Stuck { at: (SERVER, 8080).into() }],
        traffic: vec![Traffic::Requests { to: (SERVER, 8080).into(), clients: 20, per_second: 20 }],
        expect: Expect {
            first: Some("listen-overflow"),
            not: &["bulk-transfer-in", "discard-sink", "http-flood"],
            subject: &[("listen-overflow", &["stage-stuck", "8080"])],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn one_source_scans_ports() {
    Incident {
        name: "port-scan",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Scan { last: 2000 },
            to: SERVER,
            from: Sources::One([203, 0, 113, 9].into()),
            ttl: Ttl::Same(51),
            per_second: 400,
        })],
        expect: Expect {
            first: Some("port-scan"),
            not: &["syn-flood", "ack-flood", "bulk-transfer-in", "http-flood"],
            subject: &[("port-scan", &["203.0.113.9"])],
            exit: &[1, 2],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn somebody_guesses_passwords() {
    let mut log = String::new();
    let now = Timestamp::now();
    for number in 0..120i64 {
        let at = now - jiff::SignedDuration::from_secs(120 - number);
        let user = ["root", "admin", "oracle", "test", "git", "ubuntu"][number as usize % 6];
        let pid = 4000 + number;
        writeln!(
            log,
            "{at} server sshd[{pid}]: Failed password for {user} from 203.0.113.9 port {} ssh2",
            40_000 + number
        )
        .expect("a string takes it");
    }
    Incident {
        name: "ssh-brute-force",
        logs: vec![("auth.log", log)],
        expect: Expect {
            first: Some("ssh-brute-force"),
            not: &["port-scan", "syn-flood"],
            subject: &[("ssh-brute-force", &["203.0.113.9", "root"])],
            exit: &[1, 2],
            unexplained: None,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn several_equal_downloads_are_named_together() {
    let one = Traffic::Download { from: (WORLD, 443).into(), bytes_per_second: 1_000_000 };
    Incident {
        name: "eight-downloads",
        traffic: vec![one; 8],
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: &["discard-sink", "syn-flood", "http-flood"],
            subject: &[("bulk-transfer-in", &["stage-fetch", "10.77.1.1", "\"processes\":8"])],
            exit: &[1, 2],
            bytes: 5_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_download_that_ends_within_the_window() {
    Incident {
        name: "download-that-ended",
        traffic: vec![Traffic::ShortDownload {
            from: (WORLD, 443).into(),
            bytes_per_second: 5_000_000,
            bytes: 9_000_000,
        }],
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: &["discard-sink", "syn-flood", "ack-flood"],
            subject: &[("bulk-transfer-in", &["10.77.1.1"])],
            exit: &[1, 2],
            bytes: 1_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
