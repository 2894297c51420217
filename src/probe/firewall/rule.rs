//! A rule as the probe gives it: its name, its text, what it selects, and its counters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule, or the policy of a base chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// As reports name it: `nft inet filter input #4 (udp dport 27015 drop)`, `iptables filter INPUT policy DROP`.
    pub name: String,
    /// `nftables` or `legacy`. Rules made with iptables-nft are in `nftables`.
    pub backend: String,
    /// The family of its table: `ip`, `ip6`, `inet`, `netdev`, `bridge` or `arp`.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// The hook from which packets reach it, directly or by jumps: `input`. None when there are several, or none.
    pub hook: Option<String>,
    /// The priority of the base chain from which packets reach it. None when there are several, or none.
    pub priority: Option<i32>,
    /// All the hooks from which packets reach it.
    pub hooks: Vec<String>,
    /// Its place in the chain, from 1. A policy stands after the last rule.
    pub position: u32,
    /// Its handle, with which `nft delete rule` names it (`NFTA_RULE_HANDLE`).
    pub handle: Option<u64>,
    /// Whether it is the policy of a base chain.
    pub policy: bool,
    /// The rule in the syntax of its tool, as far as it can be decoded. What cannot be is named: `xt match string`.
    pub text: String,
    /// What becomes of the packets: `drop` `reject` `accept` `return` `jump` `goto` `queue` `map` `log` `count`
    /// `continue`, or the name of another target, in lower case.
    pub verdict: String,
    /// Whether the packets end here: dropped, rejected, or held in a tarpit; of a verdict map, whether some are.
    pub drops: bool,
    /// Packets that the rule counted in the window. None when it has no counter, was not there at the beginning, or its
    /// counter went backwards. The kernel counts packets as it handles them: several that receive offload merged are
    /// one; and tables of type nat see only the first packet of a connection.
    pub packets: Option<u64>,
    /// Bytes that the rule counted in the window: lengths of IP packets with their IP header; see
    /// `link_header_included`.
    pub bytes: Option<u64>,
    /// Packets counted since the counter was last zeroed.
    pub total_packets: Option<u64>,
    /// Bytes counted since the counter was last zeroed.
    pub total_bytes: Option<u64>,
    /// Whether the verdict took all packets that were counted. False when conditions stand between counter and verdict,
    /// when rules share a named counter, for a verdict map, and without a counter; then the figures are an upper bound.
    pub counter_exact: bool,
    /// Whether the bytes include the link layer's header: so at the egress hook of a device, and for ARP packets that
    /// leave; not at any inbound hook.
    pub link_header_included: bool,
    /// What the rule selects.
    pub matches: Matches,
}

/// What a rule selects, as far as it was decoded. Conditions of different fields hold together; the items of one list
/// are alternatives. Conditions of the rules that jump to its chain are not in here, nor what rules before it took away: a
/// policy selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matches {
    /// Whether the fields below hold every condition of the rule, so that exactly the packets they describe reach its
    /// verdict.
    pub complete: bool,
    /// Whether some condition is negated. It is then in the text only.
    pub inverted: bool,
    /// The IP version: `ip` or `ip6`. None when the rule takes both.
    pub family: Option<String>,
    /// The interface where the packets came in. A `*` at the end stands for any ending.
    pub interface: Option<String>,
    /// `udp` `tcp` `icmp` `icmpv6`, or the protocol's number. Empty: any.
    pub protocols: Vec<String>,
    /// Destination ports. Empty: any.
    pub local_ports: Vec<PortRange>,
    /// Source ports. Empty: any.
    pub remote_ports: Vec<PortRange>,
    /// Source addresses, as networks: `10.0.0.0/8`. Empty: any.
    pub sources: Vec<String>,
    /// Destination addresses, as networks. Empty: any.
    pub destinations: Vec<String>,
}

/// Ports from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl PortRange {
    /// As tools write it, with their sign between the ends.
    pub fn text(self, between: char) -> String {
        if self.first == self.last { self.first.to_string() } else { format!("{}{between}{}", self.first, self.last) }
    }
}

/// Conditions on one field that come from one place in the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    Family(&'static str),
    Interface(String),
    Protocols(Vec<String>),
    LocalPorts(Vec<PortRange>),
    RemotePorts(Vec<PortRange>),
    Sources(Vec<String>),
    Destinations(Vec<String>),
    /// One that [`Matches`] has no field for.
    Other,
    /// A negated one.
    Inverted,
}

impl Matches {
    /// Adds a condition that must hold too. A second one on the same field is not represented: it only makes the first
    /// narrower.
    pub fn require(&mut self, condition: Condition) {
        fn fill<T>(field: &mut Vec<T>, items: Vec<T>) -> bool {
            let fits = field.is_empty() && !items.is_empty();
            if fits {
                *field = items;
            }
            fits
        }
        let represented = match condition {
            Condition::Family(family) => {
                let agrees = self.family.as_deref().is_none_or(|known| known == family);
                self.family.get_or_insert_with(|| family.to_owned());
                agrees
            }
            Condition::Interface(name) => {
                let agrees = self.interface.as_ref().is_none_or(|known| *known == name);
                self.interface.get_or_insert(name);
                agrees
            }
            Condition::Protocols(items) => self.protocols == items || fill(&mut self.protocols, items),
            Condition::LocalPorts(items) => fill(&mut self.local_ports, items),
            Condition::RemotePorts(items) => fill(&mut self.remote_ports, items),
            Condition::Sources(items) => fill(&mut self.sources, items),
            Condition::Destinations(items) => fill(&mut self.destinations, items),
            Condition::Other => false,
            Condition::Inverted => {
                self.inverted = true;
                false
            }
        };
        self.complete &= represented;
    }
}

/// A protocol as [`Matches`] names it.
pub fn protocol_word(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmpv6".to_owned(),
        number => number.to_string(),
    }
}

/// The beginning of a text that may be long, with a sign that it goes on.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_condition_on_the_same_field_leaves_the_first_and_the_record_incomplete() {
        let mut matches = Matches { complete: true, ..Matches::default() };
        let first = PortRange { first: 1, last: 100 };
        matches.require(Condition::LocalPorts(vec![first]));
        assert!(matches.complete);
        matches.require(Condition::LocalPorts(vec![PortRange { first: 50, last: 60 }]));
        assert_eq!((matches.complete, matches.local_ports), (false, vec![first]));
    }

    #[test]
    fn a_long_text_ends_in_an_ellipsis_and_between_characters() {
        assert_eq!(shortened("üüü", 2), "üü…");
        assert_eq!(shortened("üü", 2), "üü");
    }
}
