//! Who sends what leaves, where it is not plain to see: connections that are gone, guests behind the host's address, losses of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::incident::Incident;
use crate::judgement::{Expect, Said, unsaid};
use crate::service::Role;
use crate::stage::{Setting, Stage, WORLD};
use crate::traffic::Traffic;

const FAST: u64 = 4_000_000;
const TAKER: SocketAddr = SocketAddr::new(IpAddr::V4(WORLD), 7300);

fn leaves(name: &'static str, first: Option<&'static str>, not: &'static [&'static str]) -> Incident {
    Incident {
        name,
        runbook: "high-outbound-traffic",
        window: Duration::from_secs(2),
        expect: Expect { first, not, exit: &[1], unexplained: None, ..Expect::default() },
        ..Incident::default()
    }
}

fn uploads() -> Vec<Role> {
    vec![Role::Daemon(Daemon::Uploader { to: TAKER, bytes_per_second: FAST })]
}

fn takes() -> Vec<Traffic> {
    vec![Traffic::Takes { at: TAKER }]
}

/// What a step said.
fn finding_unsaid(said: &Said, step: &str, wanted: &[&str]) -> Vec<String> {
    let Ok(case) = &said.case else { return Vec::new() };
    let sentence = case.findings.iter().find(|finding| finding.step == step).map_or("", |finding| &finding.sentence);
    let missing = wanted.iter().filter(|word| !sentence.contains(**word));
    missing.map(|word| format!("{step} does not say `{word}`, but `{sentence}`")).collect()
}

/// A connection for each letter, none of which is open for long.
#[test]
fn connections_that_are_gone_are_of_who_wrote_to_them() {
    Incident {
        services: vec![Role::Daemon(Daemon::Poster { to: TAKER, bytes: 40_000, per_second: 100 })],
        traffic: takes(),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-poster (pid", "to 10.77.1.1"])),
        ..leaves("outbound-short-connections", Some("bulk-transfer-out"), &["outbound-flood", "retry-loop", "spam"])
    }
    .play();
}

#[test]
fn one_port_after_the_other_is_a_scan() {
    Incident {
        services: vec![Role::Daemon(Daemon::PortScanner { of: WORLD, per_second: 300 })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-portscan (pid", "tries the ports of 10.77.1.1"])),
        ..leaves("outbound-port-scan", Some("outbound-port-scan"), &["retry-loop", "spam", "outbound-flood"])
    }
    .play();
}

#[test]
fn questions_for_names_that_nobody_answers_are_a_loop() {
    let to = (Ipv4Addr::new(203, 0, 113, 50), 53).into();
    Incident {
        services: vec![Role::Daemon(Daemon::Sender { to, payload: 40, per_second: 300 })],
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["stage-sender (pid", "gets no answer", "203.0.113.50 port 53"])
        }),
        ..leaves(
            "outbound-dead-resolver",
            Some("retry-loop"),
            &["outbound-flood", "tunnel-out", "outbound-scan", "spam"],
        )
    }
    .play();
}

#[test]
fn questions_for_all_neighbours_are_a_storm() {
    Incident {
        services: vec![Role::Daemon(Daemon::ArpAsker { per_second: 1000 })],
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["ARP packets leave each second", "stage-arper (pid"])),
        ..leaves("outbound-arp", Some("arp-flood-sent"), &["outbound-flood", "outbound-scan", "bulk-transfer-out"])
    }
    .play();
}

/// Its packets bear the address of the host, and are too many for any list.
#[test]
fn a_guest_that_scans_behind_the_hosts_address_is_told_as_the_guest() {
    let incident = leaves("outbound-guest-scan", Some("outbound-scan"), &["bulk-transfer-out", "retry-loop"]);
    Incident {
        guest: vec![Role::Daemon(Daemon::Scanner { port: 23, per_second: 300 })],
        firewall: &[
            "nft add table ip nat",
            "nft add chain ip nat post '{ type nat hook postrouting priority 100; }'",
            "nft add rule ip nat post oifname eth0 masquerade",
        ],
        also: Some(|_: &Stage, said: &Said| {
            unsaid(said, &["a guest or container behind g0 scans others", "forwarded for 10.99.0.2"])
        }),
        expect: Expect { exit: &[1, 2], ..incident.expect },
        ..incident
    }
    .play();
}

#[test]
fn a_process_behind_another_address_of_the_host_is_named() {
    Incident {
        prepared: &[
            "ip addr add 10.77.1.20/24 dev eth0",
            "nft add table ip nat",
            "nft add chain ip nat post '{ type nat hook postrouting priority 100; }'",
            "nft add rule ip nat post oifname eth0 snat to 10.77.1.20",
        ],
        services: uploads(),
        traffic: takes(),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["stage-upload (pid"])),
        ..leaves("outbound-own-translation", Some("bulk-transfer-out"), &["guest-sends", "outbound-flood"])
    }
    .play();
}

/// The path loses nothing.
#[test]
fn what_the_own_queue_drops_is_lost_here() {
    Incident {
        prepared: &["tc qdisc add dev eth0 root tbf rate 20mbit burst 6k limit 8k"],
        services: (0..6).flat_map(|_| uploads()).collect(),
        traffic: takes(),
        also: Some(|_: &Stage, said: &Said| unsaid(said, &["they are lost here, before they leave"])),
        ..leaves("outbound-own-queue", Some("retransmissions"), &["outbound-flood"])
    }
    .play();
}

#[test]
fn what_a_rule_keeps_from_leaving_is_told_where_nothing_leaves() {
    let to = (Ipv4Addr::new(203, 0, 113, 50), 9000).into();
    Incident {
        services: vec![Role::Daemon(Daemon::Sender { to, payload: 600, per_second: 2000 })],
        firewall: &[
            "nft add table inet f",
            "nft add chain inet f o '{ type filter hook output priority 0; }'",
            "nft add rule inet f o udp dport 9000 counter drop",
        ],
        also: Some(|_: &Stage, said: &Said| finding_unsaid(said, "leaving", &["never left", "udp dport 9000"])),
        ..leaves("outbound-kept-by-a-rule", None, &["outbound-flood"])
    }
    .play();
}

#[test]
fn what_leaves_by_another_interface_than_was_asked_for_is_told() {
    let to = SocketAddr::new(Ipv4Addr::new(10, 78, 1, 1).into(), 7300);
    Incident {
        setting: Setting { second: true, ..Setting::default() },
        services: vec![Role::Daemon(Daemon::Uploader { to, bytes_per_second: FAST })],
        traffic: vec![Traffic::Takes { at: to }],
        ask: &["--set", "interface=eth0"],
        also: Some(|_: &Stage, said: &Said| finding_unsaid(said, "rates", &["eth1 sends", "--set interface=eth1"])),
        ..leaves("outbound-elsewhere", None, &["outbound-flood"])
    }
    .play();
}
