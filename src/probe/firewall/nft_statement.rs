//! The texts of statements and limits in nftables rules.

use crate::printable::printable;
use crate::sys::nftables::Attributes;

/// The text of a `limit`.
pub fn limit(data: Attributes<'_>) -> String {
    let long = |kind| data.long(kind);
    let unit = match long(2) {
        Some(1) => "second",
        Some(60) => "minute",
        Some(3600) => "hour",
        Some(86400) => "day",
        Some(604_800) => "week",
        _ => "unit",
    };
    let over = if data.number(5).unwrap_or_default() & 1 != 0 { "over " } else { "" };
    let rate = long(1).unwrap_or_default();
    let bytes = if data.number(4) == Some(1) { " bytes" } else { "" };
    let burst = match data.number(3) {
        Some(burst) if bytes.is_empty() && burst != 5 => format!(" burst {burst} packets"),
        _ => String::new(),
    };
    format!("limit rate {over}{rate}{bytes}/{unit}{burst}")
}

/// The text of a `reject` in a rule that has asked for this version of IP.
pub fn reject(data: Attributes<'_>, version: Option<u8>) -> String {
    let code = data.find(2).and_then(|code| code.first().copied()).unwrap_or_default();
    let with = match (data.number(1), version, code) {
        (Some(1), ..) => "tcp reset",
        (Some(0), Some(4), 0) => "icmp net-unreachable",
        (Some(0), Some(4), 1) => "icmp host-unreachable",
        (Some(0), Some(4), 2) => "icmp prot-unreachable",
        (Some(0), Some(4), 3) => "icmp port-unreachable",
        (Some(0), Some(4), 9) => "icmp net-prohibited",
        (Some(0), Some(4), 10) => "icmp host-prohibited",
        (Some(0), Some(4), 13) => "icmp admin-prohibited",
        (Some(0), Some(6), 0) => "icmpv6 no-route",
        (Some(0), Some(6), 1) => "icmpv6 admin-prohibited",
        (Some(0), Some(6), 3) => "icmpv6 addr-unreachable",
        (Some(0), Some(6), 4) => "icmpv6 port-unreachable",
        (Some(2), _, 0) => "icmpx no-route",
        (Some(2), _, 1) => "icmpx port-unreachable",
        (Some(2), _, 2) => "icmpx host-unreachable",
        (Some(2), _, 3) => "icmpx admin-prohibited",
        _ => return "reject".to_owned(),
    };
    format!("reject with {with}")
}

/// The text of a reference to a named object, and whether every packet passes it.
pub fn object(data: Attributes<'_>) -> (String, bool) {
    let kind = match data.number(1) {
        Some(1) => "counter",
        Some(2) => "quota",
        Some(3) => "ct helper",
        Some(4) => "limit",
        Some(5) => "connlimit",
        Some(7) => "ct timeout",
        Some(8) => "secmark",
        Some(9) => "ct expectation",
        Some(10) => "synproxy",
        _ => "object",
    };
    let text = match data.string(2) {
        Some(name) => format!("{kind} name \"{}\"", printable(name)),
        None => format!("{kind} map @{}", printable(data.string(4).unwrap_or_default())),
    };
    let passes = matches!(kind, "counter" | "ct helper" | "ct timeout" | "secmark") && data.string(2).is_some();
    (text, passes)
}
