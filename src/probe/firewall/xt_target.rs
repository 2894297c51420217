//! Targets of the xtables kind: what they do with packets, and their text.

use super::xt::quoted;
use crate::printable::printable;
use crate::sys::nftables::until_nul;
use crate::sys::xtables::Family;

/// Whether a target of that name keeps the packets from going on to anybody.
pub fn target_drops(name: &[u8]) -> bool {
    matches!(name, b"REJECT" | b"TARPIT" | b"DELUDE" | b"CHAOS" | b"STEAL")
}

/// The verdict of a target as a rule gives it.
pub fn target_verdict(name: &[u8]) -> String {
    match name {
        b"REJECT" => "reject".to_owned(),
        b"LOG" | b"NFLOG" => "log".to_owned(),
        b"NFQUEUE" | b"QUEUE" => "queue".to_owned(),
        name => printable(name).to_lowercase(),
    }
}

/// How packets are rejected, in the order of `enum ipt_reject_with` and `enum ip6t_reject_with`; empty where the
/// kernel sends nothing or what it sends has no name.
const REJECT_V4: [&str; 9] = [
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp-proto-unreachable",
    "icmp-port-unreachable",
    "",
    "icmp-net-prohibited",
    "icmp-host-prohibited",
    "tcp-reset",
    "icmp-admin-prohibited",
];
const REJECT_V6: [&str; 8] = [
    "icmp6-no-route",
    "icmp6-adm-prohibited",
    "",
    "icmp6-addr-unreachable",
    "icmp6-port-unreachable",
    "",
    "tcp-reset",
    "icmp6-policy-fail",
];

/// A target in the syntax of iptables: `-j REJECT --reject-with tcp-reset`.
pub fn target_text(family: Family, name: &[u8], data: &[u8]) -> String {
    let mut text = format!("-j {}", printable(name));
    let with = data.first_chunk().map_or(usize::MAX, |bytes| u32::from_ne_bytes(*bytes) as usize);
    let with = match family {
        _ if name != b"REJECT" => None,
        Family::V4 => REJECT_V4.get(with),
        Family::V6 => REJECT_V6.get(with),
        Family::Arp => None,
    };
    if let Some(with) = with.filter(|with| !with.is_empty()) {
        text.push_str(" --reject-with ");
        text.push_str(with);
    }
    if name == b"LOG" {
        // struct xt_log_info: level, flags, prefix
        let prefix = printable(until_nul(data.get(2..).unwrap_or_default()));
        if !prefix.is_empty() {
            text.push_str(" --log-prefix ");
            text.push_str(&quoted(&prefix));
        }
    }
    text
}
