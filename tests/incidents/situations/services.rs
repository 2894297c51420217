//! Services that are asked too much, or are too slow, and those that are just busy.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::incident::Incident;
use crate::judgement::{Expect, Said};
use crate::service::Role;
use crate::stage::{CLIENTS, SERVER, STRANGER, Stage, WORLD};
use crate::traffic::{Flood, Shape, Sources, Traffic, Ttl};

#[test]
fn one_client_floods_the_web_server() {
    Incident {
        name: "http-flood",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: vec![Traffic::Requests { to: (SERVER, 80).into(), from: STRANGER, clients: 1, per_second: 400 }],
        expect: Expect {
            first: Some("http-flood"),
            not: &["syn-flood", "ack-flood", "discard-sink", "bulk-transfer-in", "port-scan"],
            subject: &[("http-flood", &["stage-web", "198.51.100.200", "80"])],
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
        traffic: vec![Traffic::Requests { to: (SERVER, 80).into(), from: CLIENTS, clients: 200, per_second: 300 }],
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
        traffic: vec![Traffic::Requests { to: (SERVER, 80).into(), from: CLIENTS, clients: 200, per_second: 150 }],
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
        traffic: vec![Traffic::Requests { to: (SERVER, 8080).into(), from: CLIENTS, clients: 20, per_second: 20 }],
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
fn logins_wait_for_a_resolver_that_does_not_answer() {
    Incident {
        name: "slow-reverse-dns",
        services: vec![Role::Login { at: (SERVER, 22).into() }],
        deaf_resolver: true,
        // Somebody is logged in, and others try to.
        traffic: vec![
            Traffic::Upload { to: (SERVER, 22).into(), bytes_per_second: 2_000 },
            Traffic::Requests { to: (SERVER, 22).into(), from: CLIENTS, clients: 1, per_second: 1 },
        ],
        expect: Expect {
            first: Some("slow-reverse-dns"),
            not: &["bulk-transfer-in", "discard-sink", "ssh-brute-force"],
            subject: &[("slow-reverse-dns", &["sshd", "10.77.1.1"])],
            exit: &[1],
            unexplained: None,
            bytes_at_most: 500_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// What `ss` shows of the connections to a port: the remote port, what was received, and the ids of the processes.
fn by_ss(stage: &Stage, port: u16) -> Vec<(u16, u64, Vec<i64>)> {
    let shown = stage.server.shell(&format!("ss -tniHOp state established sport = :{port}"));
    let number = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
    let row = |line: &str| {
        let remote = line.split_whitespace().nth(3)?.rsplit_once(':')?.1.parse().ok()?;
        let received = line.split_once("bytes_received:").and_then(|(_, rest)| number(rest)).unwrap_or(0);
        let pids = line.split("pid=").skip(1).filter_map(number).map(|pid| pid as i64).collect();
        Some((remote, received, pids))
    };
    shown.lines().filter_map(row).collect()
}

/// Each connection must be its child's, with no more bytes than `ss` shows later, and with the same part of them as the other:
/// both flow steadily.
fn as_ss_has_it(stage: &Stage, said: &Said) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let sockets = case.evidence.values().find(|evidence| evidence.probe == "sockets");
    let connections = sockets.and_then(|sockets| sockets.output.as_ref()?["connections"].as_array());
    let connections: Vec<_> =
        connections.into_iter().flatten().filter(|connection| connection["local_port"] == 8080).collect();
    let shown = by_ss(stage, 8080);
    let (mut faults, mut parts) = (Vec::new(), Vec::new());
    if connections.len() != 2 || shown.len() != 2 {
        faults.push(format!("{} connections to 8080 were found, and {} by ss, not 2", connections.len(), shown.len()));
    }
    for connection in connections {
        let Some((_, received, pids)) = shown.iter().find(|(port, ..)| connection["remote_port"] == *port) else {
            faults.push(format!("ss does not show {connection}"));
            continue;
        };
        let process = &connection["process"];
        let child = process["pid"].as_i64().filter(|pid| pids.contains(pid));
        if child.is_none() || process["name"] != "stage-child" || pids.len() != 2 {
            faults.push(format!("{process} is not the child among the processes {pids:?} that ss shows"));
        }
        let total = connection["rx_total"].as_u64().unwrap_or(0);
        if total == 0 || total > *received {
            faults.push(format!("{total} bytes received by {process}, where ss shows {received} a moment later"));
        }
        parts.push(total as f64 / *received as f64);
    }
    let (least, most) = parts.iter().fold((f64::MAX, 0f64), |(least, most), part| (least.min(*part), most.max(*part)));
    if most > 1.2 * least {
        faults.push(format!("of what ss shows later, these parts had been received: {parts:?}"));
    }
    faults
}

#[test]
fn children_of_a_forking_server_are_told_apart() {
    Incident {
        name: "forking-server",
        services: vec![Role::Forking { at: (SERVER, 8080).into() }],
        traffic: vec![
            Traffic::Upload { to: (SERVER, 8080).into(), bytes_per_second: 5_000_000 },
            Traffic::Upload { to: (SERVER, 8080).into(), bytes_per_second: 400_000 },
        ],
        also: Some(as_ss_has_it),
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: &["discard-sink", "syn-flood", "http-flood"],
            subject: &[("bulk-transfer-in", &["stage-child", "8080", "10.77.1.1"])],
            exit: &[1, 2],
            bytes: 5_000_000,
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
