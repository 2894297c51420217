//! Matches of the xtables kind, which legacy rules are made of and which rules of iptables-nft contain.

use std::fmt::Write as _;

use super::rule::{Condition, PortRange};
use crate::printable::printable;
use crate::sys::nftables::until_nul;

/// A match, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// Of `tcp`, `udp` and `multiport`.
    Ports {
        /// Source ports; none when any will do.
        remote: Option<Ports>,
        /// Destination ports; none when any will do.
        local: Option<Ports>,
        /// What stands in front of the options: `-m multiport`, or nothing.
        module: &'static str,
        /// Whether there are conditions that are not decoded, such as TCP flags.
        more: Option<String>,
    },
    /// Ports of which either end may be one.
    EitherPorts(Ports),
    /// Of `state` and `conntrack`: the states as a tool writes them, and whether they are negated.
    State(Vec<&'static str>, bool),
    /// It holds always.
    Comment(String),
    /// Of `limit`.
    Limit(String),
    /// Of `icmp` and `icmp6`.
    Icmp { family: &'static str, kind: u8, codes: (u8, u8), inverted: bool },
    /// Any other, by name.
    Other(String),
}

/// Ports, and whether they are negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    ranges: Vec<PortRange>,
    inverted: bool,
}

fn byte(info: &[u8], at: usize) -> Option<u8> {
    info.get(at).copied()
}

fn half(info: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*info.get(at..)?.first_chunk()?))
}

fn word(info: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*info.get(at..)?.first_chunk()?))
}

/// Decodes a match from its name, revision and data.
pub fn decode(name: &[u8], revision: u8, info: &[u8]) -> Match {
    let decoded = match (name, revision) {
        (b"tcp", 0) => tcp(info),
        (b"udp", 0) => plain_ports(info, byte(info, 8).unwrap_or_default(), None),
        (b"multiport", 0 | 1) => multiport(revision, info),
        (b"comment", 0) => Some(Match::Comment(printable(until_nul(info)))),
        (b"state", 0) => word(info, 0).map(|mask| Match::State(states(mask, 6), false)),
        (b"conntrack", 1..=3) => conntrack(revision, info),
        (b"limit", 0) => limit(info),
        (b"icmp", 0) => icmp("icmp", info),
        (b"icmp6", 0) => icmp("icmpv6", info),
        _ => None,
    };
    decoded.unwrap_or_else(|| Match::Other(printable(name)))
}

/// `struct xt_tcp` and `struct xt_udp` begin with the ranges of source and destination ports.
fn plain_ports(info: &[u8], inverse: u8, more: Option<String>) -> Option<Match> {
    let ports = |at: usize, bit: u8| {
        let range = PortRange { first: half(info, at)?, last: half(info, at + 2)? };
        let any = range == PortRange { first: 0, last: u16::MAX };
        Some((!any).then(|| Ports { ranges: vec![range], inverted: inverse & bit != 0 }))
    };
    Some(Match::Ports { remote: ports(0, 1)?, local: ports(4, 2)?, module: "", more })
}

const TCP_FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

fn tcp(info: &[u8]) -> Option<Match> {
    let (option, mask, compare, inverse) = (byte(info, 8)?, byte(info, 9)?, byte(info, 10)?, byte(info, 11)?);
    let flags = |bits: u8| {
        let set: Vec<&str> =
            TCP_FLAGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, flag)| *flag).collect();
        if set.is_empty() { "NONE".to_owned() } else { set.join(",") }
    };
    let mut more = Vec::new();
    if mask != 0 {
        let not = if inverse & 4 != 0 { "! " } else { "" };
        more.push(format!("{not}--tcp-flags {} {}", flags(mask), flags(compare)));
    }
    if option != 0 {
        let not = if inverse & 8 != 0 { "! " } else { "" };
        more.push(format!("{not}--tcp-option {option}"));
    }
    plain_ports(info, inverse, (!more.is_empty()).then(|| more.join(" ")))
}

/// `struct xt_multiport` and `struct xt_multiport_v1`.
fn multiport(revision: u8, info: &[u8]) -> Option<Match> {
    let (which, count) = (byte(info, 0)?, usize::from(byte(info, 1)?).min(15));
    let port = |index: usize| half(info, 2 + 2 * index);
    let goes_on = |index: usize| revision == 1 && byte(info, 32 + index).is_some_and(|flag| flag != 0);
    let inverted = revision == 1 && byte(info, 47)? != 0;
    let mut ranges = Vec::new();
    let mut index = 0;
    while index < count {
        let first = port(index)?;
        if goes_on(index) && index + 1 < count {
            index += 1;
        }
        ranges.push(PortRange { first, last: port(index)? });
        index += 1;
    }
    let ports = Ports { ranges, inverted };
    let module = "-m multiport ";
    Some(match which {
        0 => Match::Ports { remote: Some(ports), local: None, module, more: None },
        1 => Match::Ports { remote: None, local: Some(ports), module, more: None },
        _ => Match::EitherPorts(ports),
    })
}

/// The states of a mask, where `untracked` is the bit of that state.
fn states(mask: u32, untracked: u32) -> Vec<&'static str> {
    [(0, "INVALID"), (3, "NEW"), (2, "RELATED"), (1, "ESTABLISHED"), (untracked, "UNTRACKED")]
        .into_iter()
        .filter(|(bit, _)| mask >> bit & 1 == 1)
        .map(|(_, state)| state)
        .collect()
}

/// `struct xt_conntrack_mtinfo1` to `3`, when nothing but the state is asked for.
fn conntrack(revision: u8, info: &[u8]) -> Option<Match> {
    const STATE: u16 = 1;
    let (asked, inverse) = (half(info, 146)?, half(info, 148)?);
    let mask = if revision == 1 { u16::from(byte(info, 150)?) } else { half(info, 150)? };
    // SNAT and DNAT share the field.
    if asked != STATE || mask >> 6 & 0b11 != 0 {
        return None;
    }
    Some(Match::State(states(u32::from(mask), 8), inverse & STATE != 0))
}

/// `struct xt_rateinfo`: the average is the time for one packet, in ten-thousandths of a second.
fn limit(info: &[u8]) -> Option<Match> {
    const SECOND: u32 = 10_000;
    let (average, burst) = (word(info, 0)?, word(info, 4)?);
    let units = [(SECOND, "second"), (SECOND * 60, "minute"), (SECOND * 3600, "hour"), (SECOND * 86400, "day")];
    let (unit, word) = units.into_iter().find(|(unit, _)| average != 0 && unit / average != 0)?;
    Some(Match::Limit(format!("{}/{word} burst {burst}", unit / average)))
}

/// `struct ipt_icmp` and `struct ip6t_icmp`.
fn icmp(family: &'static str, info: &[u8]) -> Option<Match> {
    Some(Match::Icmp {
        family,
        kind: byte(info, 0)?,
        codes: (byte(info, 1)?, byte(info, 2)?),
        inverted: byte(info, 3)? & 1 != 0,
    })
}

impl Match {
    /// The conditions that it makes.
    pub fn conditions(&self) -> Vec<Condition> {
        match self {
            Match::Ports { remote, local, more, .. } => {
                let side = |ports: &Option<Ports>, make: fn(Vec<PortRange>) -> Condition| {
                    ports
                        .as_ref()
                        .map(|ports| if ports.inverted { Condition::Inverted } else { make(ports.ranges.clone()) })
                };
                side(remote, Condition::RemotePorts)
                    .into_iter()
                    .chain(side(local, Condition::LocalPorts))
                    .chain(more.as_ref().map(|_| Condition::Other))
                    .collect()
            }
            Match::Comment(_) => Vec::new(),
            Match::State(_, true) | Match::Icmp { inverted: true, .. } => vec![Condition::Inverted],
            // Type 255 of ICMP over IPv4 stands for any.
            Match::Icmp { family: "icmp", kind: 255, .. } => Vec::new(),
            _ => vec![Condition::Other],
        }
    }

    /// In the syntax of iptables, which rules of nftables may contain too.
    pub fn text(&self) -> String {
        let not = |inverted: bool| if inverted { "! " } else { "" };
        match self {
            Match::Ports { remote, local, module, more } => {
                let plural = if module.is_empty() { "" } else { "s" };
                let mut text = (*module).to_owned();
                for (option, ports) in [("sport", remote), ("dport", local)] {
                    let Some(ports) = ports else { continue };
                    let _ = write!(text, "{}--{option}{plural} {} ", not(ports.inverted), ports.text());
                }
                text.push_str(more.as_deref().unwrap_or_default());
                text.trim_end().to_owned()
            }
            Match::EitherPorts(ports) => format!("-m multiport {}--ports {}", not(ports.inverted), ports.text()),
            Match::State(states, inverted) => format!("-m conntrack {}--ctstate {}", not(*inverted), states.join(",")),
            Match::Comment(comment) => format!("-m comment --comment {}", quoted(comment)),
            Match::Limit(rate) => {
                let (rate, burst) = rate.split_once(" burst ").unwrap_or((rate, "5"));
                format!("-m limit --limit {rate} --limit-burst {burst}")
            }
            Match::Icmp { family: "icmp", kind: 255, .. } => "--icmp-type any".to_owned(),
            Match::Icmp { family, kind, codes, inverted } => {
                let code = if *codes == (0, 255) { String::new() } else { format!("/{}", codes.0) };
                format!("{}--{family}-type {kind}{code}", not(*inverted))
            }
            Match::Other(name) => format!("xt match {name}"),
        }
    }
}

/// Text in quotation marks.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

impl Ports {
    fn text(&self) -> String {
        self.ranges.iter().map(|range| range.text(':')).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn udp(spts: [u16; 2], dpts: [u16; 2], inverse: u8) -> Vec<u8> {
        let mut info: Vec<u8> = [spts, dpts].concat().iter().flat_map(|port| port.to_ne_bytes()).collect();
        info.push(inverse);
        info
    }

    #[test]
    fn udp_ports_are_read_and_the_full_range_is_no_condition() {
        let decoded = decode(b"udp", 0, &udp([0, 65535], [27015, 27020], 0));
        assert_eq!(decoded.text(), "--dport 27015:27020");
        assert_eq!(decoded.conditions(), [Condition::LocalPorts(vec![PortRange { first: 27015, last: 27020 }])]);
        let decoded = decode(b"udp", 0, &udp([53, 53], [0, 65535], 1));
        assert_eq!(decoded.text(), "! --sport 53");
        assert_eq!(decoded.conditions(), [Condition::Inverted]);
    }

    #[test]
    fn multiport_of_revision_1_has_ranges_among_its_ports() {
        let mut info = vec![0_u8; 48];
        info[0] = 1;
        info[1] = 3;
        for (index, port) in [80_u16, 1000, 2000].into_iter().enumerate() {
            info[2 + 2 * index..4 + 2 * index].copy_from_slice(&port.to_ne_bytes());
        }
        info[32 + 1] = 1;
        assert_eq!(decode(b"multiport", 1, &info).text(), "-m multiport --dports 80,1000:2000");
    }

    #[test]
    fn a_match_that_is_not_known_is_named_and_a_condition_all_the_same() {
        let decoded = decode(b"string", 1, &[1, 2, 3]);
        assert_eq!(decoded.text(), "xt match string");
        assert_eq!(decoded.conditions(), [Condition::Other]);
    }

    #[test]
    fn a_limit_is_read_in_the_unit_in_which_it_is_one_or_more() {
        let info = [120_000_u32.to_ne_bytes(), 5_u32.to_ne_bytes()].concat();
        assert_eq!(decode(b"limit", 0, &info).text(), "-m limit --limit 5/minute --limit-burst 5");
    }

    proptest! {
        #[test]
        fn no_data_of_a_match_makes_the_decoding_panic(
            name in prop::sample::select(
                vec!["tcp", "udp", "multiport", "comment", "state", "conntrack", "limit", "icmp", "icmp6", "x"]),
            revision in 0_u8..5,
            info in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let decoded = decode(name.as_bytes(), revision, &info);
            decoded.text();
            decoded.conditions();
        }
    }
}
