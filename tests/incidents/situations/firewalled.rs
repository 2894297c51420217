//! Floods that meet a firewall rule.

use std::net::Ipv4Addr;

use crate::incident::Incident;
use crate::judgement::Expect;
use crate::service::Role;
use crate::stage::SERVER;
use crate::traffic::{Flood, Ports, Shape, Sources, Traffic, Ttl};

/// A flood to a closed port, for rules to meet.
fn flood(from: Sources) -> Traffic {
    Traffic::Flood(Flood {
        shape: Shape::Udp { ports: Ports::One(9987), payload: 1000 },
        to: SERVER,
        from,
        ttl: Ttl::Same(57),
        per_second: 6000,
    })
}

#[test]
fn flood_dropped_by_an_nft_rule() {
    Incident {
        name: "dropped-by-nft",
        firewall: &[
            "nft add table inet guard",
            "nft 'add chain inet guard door { type filter hook input priority 0; policy accept; }'",
            "nft add rule inet guard door tcp dport 22 counter accept",
            "nft add rule inet guard door udp dport 9987 counter drop",
        ],
        traffic: vec![flood(Sources::Forged)],
        expect: Expect {
            first: Some("dropped-by-firewall"),
            beside: &["udp-flood-closed-port|udp-flood-open-port"],
            not: &["bulk-transfer-in"],
            subject: &[("dropped-by-firewall", &["guard", "door"])],
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn flood_dropped_by_a_legacy_iptables_rule() {
    Incident {
        name: "dropped-by-iptables-legacy",
        firewall: &[
            "iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT",
            "iptables-legacy -A INPUT -p udp --dport 9987 -j DROP",
        ],
        traffic: vec![flood(Sources::One(Ipv4Addr::new(203, 0, 113, 7)))],
        expect: Expect {
            first: Some("dropped-by-firewall"),
            beside: &["udp-flood-closed-port|udp-flood-open-port"],
            not: &["bulk-transfer-in"],
            subject: &[("dropped-by-firewall", &["INPUT"])],
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn a_rule_that_counts_and_accepts_drops_nothing() {
    Incident {
        name: "rule-that-accepts",
        firewall: &[
            "nft add table inet guard",
            "nft 'add chain inet guard door { type filter hook input priority 0; policy accept; }'",
            "nft add rule inet guard door udp dport 9987 counter accept",
        ],
        traffic: vec![flood(Sources::Forged)],
        expect: Expect {
            first: Some("udp-flood-closed-port"),
            not: &["dropped-by-firewall", "bulk-transfer-in"],
            subject: &[("udp-flood-closed-port", &["10.77.1.2", "9987"])],
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

/// A flood that the firewall set up by these commands drops, whatever they look like.
fn dropped_by(
    name: &'static str,
    firewall: &'static [&'static str],
    subject: &'static [(&'static str, &'static [&'static str])],
) {
    Incident {
        name,
        firewall,
        traffic: vec![flood(Sources::Forged)],
        expect: Expect {
            first: Some("dropped-by-firewall"),
            beside: &["udp-flood-closed-port|udp-flood-open-port"],
            subject,
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}

#[test]
fn flood_dropped_by_an_nft_rule_without_a_counter() {
    dropped_by(
        "dropped-by-nft-uncounted",
        &[
            "nft add table inet guard",
            "nft 'add chain inet guard door { type filter hook input priority 0; policy accept; }'",
            "nft add rule inet guard door udp dport 9987 drop",
        ],
        &[("dropped-by-firewall", &["guard", "door"])],
    );
}

#[test]
fn flood_dropped_by_an_nft_policy() {
    dropped_by(
        "dropped-by-nft-policy",
        &[
            "nft add table inet guard",
            "nft 'add chain inet guard door { type filter hook input priority 0; policy drop; }'",
            "nft add rule inet guard door ct state established,related accept",
            "nft add rule inet guard door tcp dport 22 accept",
        ],
        &[("dropped-by-firewall", &["guard", "door", "policy"])],
    );
}

#[test]
fn flood_dropped_by_a_legacy_policy() {
    dropped_by(
        "dropped-by-legacy-policy",
        &["iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT", "iptables-legacy -P INPUT DROP"],
        &[("dropped-by-firewall", &["INPUT", "policy"])],
    );
}

#[test]
fn flood_dropped_before_routing() {
    dropped_by(
        "dropped-by-legacy-raw",
        &["iptables-legacy -t raw -A PREROUTING -p udp -m multiport --dports 9980:9990 -j DROP"],
        &[("dropped-by-firewall", &["raw", "PREROUTING"])],
    );
}

#[test]
fn flood_dropped_at_the_device() {
    dropped_by(
        "dropped-by-nft-ingress",
        &[
            "nft add table netdev guard",
            "nft 'add chain netdev guard door { type filter hook ingress device eth0 priority -500; }'",
            "nft add rule netdev guard door udp dport 9987 counter drop",
        ],
        &[("dropped-by-firewall", &["guard", "door"])],
    );
}

#[test]
fn flood_rejected_by_a_rule_of_iptables_nft() {
    dropped_by(
        "rejected-by-iptables-nft",
        &["iptables-nft -A INPUT -p udp --dport 9987 -j REJECT"],
        &[("dropped-by-firewall", &["INPUT"])],
    );
}

/// A limit is no closed port: who is served behind it stays served.
#[test]
fn flood_that_a_rule_limits_on_a_port_in_use() {
    Incident {
        name: "limited-on-a-served-port",
        services: vec![Role::Game { at: (SERVER, 9987).into() }],
        firewall: &[
            "nft add table inet guard",
            "nft 'add chain inet guard door { type filter hook input priority 0; policy accept; }'",
            "nft add rule inet guard door udp dport 9987 limit rate over 700/second counter drop",
        ],
        traffic: vec![flood(Sources::Few(300))],
        also: Some(|_, said| {
            let Ok(case) = &said.case else { return Vec::new() };
            let remedies = case.diagnosis.causes.iter().flat_map(|cause| &cause.remedies);
            let said: Vec<String> =
                remedies.map(|remedy| format!("{} {}", remedy.action, remedy.run.as_deref().unwrap_or(""))).collect();
            let cuts =
                |advice: &&String| advice.contains("dport 9987 counter drop") || advice.contains("please drop UDP");
            let mut faults: Vec<String> =
                said.iter().filter(cuts).map(|advice| format!("cuts who is served: {advice}")).collect();
            if !said.iter().any(|advice| advice.contains("stage-game") && advice.contains("takes what it lets pass")) {
                faults.push(format!("does not say who is served: {said:?}"));
            }
            faults
        }),
        expect: Expect {
            first: Some("dropped-by-firewall"),
            not: &["udp-flood-closed-port", "discard-sink"],
            subject: &[("dropped-by-firewall", &["guard", "door", "9987"])],
            bytes: 12_000_000,
            bytes_at_most: 27_000_000,
            ..Expect::default()
        },
        ..Incident::default()
    }
    .play();
}
