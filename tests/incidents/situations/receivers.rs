//! Traffic that a process of the host takes, wanted or not.

use std::time::Duration;

use crate::incident::Incident;
use crate::judgement::{Expect, Said};
use crate::service::Role;
use crate::stage::{SERVER, Setting, Stage, WORLD, WORLD6};
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl, background_noise};

/// Causes that no transfer of a process may be taken for.
const FLOODS: &[&str] = &[
    "syn-flood",
    "udp-flood-closed-port",
    "udp-flood-open-port",
    "icmp-flood",
    "reflection-dns",
    "dropped-by-firewall",
    "discard-sink",
    "not-reaching-host",
    "local-loopback",
];
/// A window of three seconds is longer than anybody holds back what it takes.
const WATCHED: &[&str] = &["--set", "flush=2s"];
/// A rate far above what counts as high.
const FAST: u64 = 6_000_000;

#[test]
fn download() {
    download_on("download", Setting::default(), 3);
}

/// A download on a stage of this setting, watched for so many seconds.
fn download_on(name: &'static str, setting: Setting, seconds: u64) {
    Incident {
        name,
        setting,
        traffic: vec![Traffic::Download { from: (WORLD, 443).into(), bytes_per_second: FAST }],
        window: Duration::from_secs(seconds),
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: FLOODS,
            subject: &[("bulk-transfer-in", &["stage-fetch", "10.77.1.1"])],
            exit: &[1, 2],
            bytes: 5_000_000 * seconds,
            bytes_at_most: 10_000_000 * seconds,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn download_in_merged_segments() {
    download_on("download-merged", Setting { merging: Some(true), ..Setting::default() }, 1);
}

#[test]
fn download_in_single_segments() {
    download_on("download-unmerged", Setting { merging: Some(false), ..Setting::default() }, 1);
}

#[test]
fn download_over_ipv6() {
    Incident {
        name: "download-ipv6",
        traffic: vec![Traffic::Download { from: (WORLD6, 443).into(), bytes_per_second: FAST }],
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: FLOODS,
            subject: &[("bulk-transfer-in", &["stage-fetch", "fd77:1::1"])],
            exit: &[1, 2],
            bytes: 15_000_000,
            bytes_at_most: 30_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn download_beside_background_noise() {
    let mut traffic = background_noise();
    traffic.push(Traffic::Download { from: (WORLD, 443).into(), bytes_per_second: FAST });
    Incident {
        name: "download-beside-noise",
        traffic,
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: FLOODS,
            subject: &[("bulk-transfer-in", &["stage-fetch", "10.77.1.1"])],
            exit: &[1, 2],
            bytes: 15_000_000,
            bytes_at_most: 30_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn flood_beside_a_download_is_found() {
    Incident {
        name: "flood-beside-download",
        traffic: vec![
            Traffic::Download { from: (WORLD, 443).into(), bytes_per_second: 3_000_000 },
            Traffic::Flood(Flood {
                shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
                to: SERVER,
                from: Sources::Forged,
                ttl: Ttl::BySource,
                per_second: 6000,
            }),
        ],
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            beside: &["bulk-transfer-in"],
            not: &["dropped-by-firewall", "discard-sink", "syn-flood"],
            subject: &[("udp-flood-closed-port", &["10.77.1.2", "9987"])],
            bytes: 20_000_000,
            bytes_at_most: 42_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn process_that_discards_a_stream() {
    Incident {
        name: "discard-sink-tcp",
        ask: WATCHED,
        services: vec![Role::Sink { at: (SERVER, 7000).into() }],
        traffic: vec![Traffic::Upload { to: (SERVER, 7000).into(), bytes_per_second: FAST }],
        expect: Expect {
            first: Some("discard-sink"),
            not: &["syn-flood", "udp-flood-closed-port", "dropped-by-firewall", "bulk-transfer-in"],
            subject: &[("discard-sink", &["stage-sink", "7000", "10.77.1.1"])],
            exit: &[1, 2],
            bytes: 15_000_000,
            bytes_at_most: 30_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// What takes 48 Mbit/s and is no sink.
fn used(name: &'static str, services: Vec<Role>, also: fn(&Stage, &Said) -> Vec<String>) {
    Incident {
        name,
        services,
        ask: WATCHED,
        traffic: vec![Traffic::Upload { to: (SERVER, 7000).into(), bytes_per_second: FAST }],
        also: Some(also),
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: FLOODS,
            exit: &[1],
            bytes: 15_000_000,
            bytes_at_most: 30_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// The summary says this, and nobody is told to end a process or to close a port.
fn says(said: &Said, words: &[&str]) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let lacking = words.iter().filter(|word| !case.diagnosis.summary.contains(**word));
    let mut faults: Vec<String> =
        lacking.map(|word| format!("`{word}` is not in: {}", case.diagnosis.summary)).collect();
    let remedies =
        case.diagnosis.causes.iter().flat_map(|cause| &cause.remedies).filter_map(|remedy| remedy.run.as_ref());
    faults.extend(
        remedies.filter(|run| run.contains("kill") || run.contains("drop")).map(|run| format!("advises {run}")),
    );
    faults
}

#[test]
fn proxy_hands_on_to_a_process_of_this_host() {
    let behind = (std::net::Ipv4Addr::LOCALHOST, 7300).into();
    let services = vec![Role::Store { at: behind }, Role::Relay { at: (SERVER, 7000).into(), to: behind }];
    used("relay-local", services, |_, said| says(said, &["stage-relay", "hands", "on to stage-store"]));
}

#[test]
fn store_keeps_what_it_takes_in_memory() {
    let services = vec![Role::Store { at: (SERVER, 7000).into() }];
    used("store-in-memory", services, |_, said| says(said, &["stage-store", "a transfer"]));
}

#[test]
fn cache_answers_a_little_to_what_it_takes() {
    let services = vec![Role::Cache { at: (SERVER, 7000).into() }];
    used("cache-that-answers", services, |_, said| says(said, &["stage-cache", "a transfer"]));
}

#[test]
fn process_that_was_watched_too_briefly_is_no_sink() {
    Incident {
        name: "sink-watched-briefly",
        services: vec![Role::Sink { at: (SERVER, 7000).into() }],
        traffic: vec![Traffic::Upload { to: (SERVER, 7000).into(), bytes_per_second: FAST }],
        also: Some(|_, said| says(said, &["stage-sink", "what becomes of it does not show within"])),
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: FLOODS,
            bytes: 15_000_000,
            bytes_at_most: 30_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn process_that_discards_datagrams() {
    Incident {
        name: "discard-sink-udp",
        ask: WATCHED,
        services: vec![Role::DatagramSink { at: (SERVER, 7001).into() }],
        traffic: vec![Traffic::Datagrams { to: (SERVER, 7001).into(), payload: 1200, per_second: 5000 }],
        expect: Expect {
            first: Some("discard-sink"),
            not: &["syn-flood", "udp-flood-closed-port", "dropped-by-firewall", "bulk-transfer-in"],
            subject: &[("discard-sink", &["stage-sink", "7001"])],
            exit: &[1, 2],
            bytes: 15_000_000,
            bytes_at_most: 30_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn strangers_swamp_a_process_that_reads_it_all() {
    Incident {
        name: "udp-flood-read",
        services: vec![Role::DatagramSink { at: (SERVER, 7001).into() }],
        traffic: vec![Traffic::Flood(Flood {
            shape: Shape::Udp { ports: Ports::One(7001), payload: 200 },
            to: SERVER,
            from: Sources::Forged,
            ttl: Ttl::BySource,
            per_second: 1500,
        })],
        expect: Expect {
            first: Some("udp-flood-open-port"),
            not: &["discard-sink", "bulk-transfer-in", "udp-flood-closed-port", "dropped-by-firewall"],
            subject: &[("udp-flood-open-port", &["stage-sink", "7001"])],
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
