//! Hosts that are not in trouble, or only with themselves.

use crate::incident::Incident;
use crate::judgement::Expect;
use crate::service::Role;
use crate::stage::{SERVER, WORLD};
use crate::traffic::{Traffic, background_noise};

#[test]
fn quiet_host() {
    Incident {
        name: "quiet-host",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        expect: Expect { exit: &[0], unexplained: None, bytes_at_most: 10_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn background_noise_alone_is_no_incident() {
    Incident {
        name: "background-noise",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        traffic: background_noise(),
        expect: Expect { exit: &[0], bytes_at_most: 50_000, ..Expect::default() },
        ..Incident::default()
    }
    .play();
}

#[test]
fn what_a_graph_shows_does_not_reach_the_host() {
    Incident {
        name: "not-reaching-host",
        services: vec![Role::Web { at: (SERVER, 80).into() }],
        ask: &["--set", "reported_rate=94Mbit/s"],
        traffic: background_noise(),
        expect: Expect {
            first: Some("not-reaching-host"),
            not: &["bulk-transfer-in", "local-loopback"],
            subject: &[("not-reaching-host", &["eth0", "94000000"])],
            exit: &[1],
            bytes_at_most: 50_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn what_a_graph_shows_does_reach_the_host() {
    Incident {
        name: "reported-and-there",
        ask: &["--set", "reported_rate=52Mbit/s"],
        traffic: vec![Traffic::Download { from: (WORLD, 443).into(), bytes_per_second: 6_000_000 }],
        expect: Expect {
            first: Some("bulk-transfer-in"),
            not: &["not-reaching-host"],
            subject: &[("bulk-transfer-in", &["stage-fetch"])],
            exit: &[1, 2],
            bytes: 10_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn loopback_transfer_leaves_the_interface_calm() {
    Incident {
        name: "loopback-transfer",
        traffic: vec![Traffic::Loopback { port: 7100, bytes_per_second: 20_000_000 }],
        expect: Expect {
            first: Some("local-loopback"),
            not: &["bulk-transfer-in", "discard-sink"],
            subject: &[("local-loopback", &["stage-lo-recv", "stage-lo-send", "7100"])],
            exit: &[0, 1],
            unexplained: None,
            bytes_at_most: 10_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
