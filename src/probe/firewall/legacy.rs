//! Legacy tables: their chains, found in the table's blob, and how the counters of two looks compare.

use std::collections::HashMap;

use super::growth::{Figures, growth, split};
use super::legacy_rule::{Entry, Target};
use super::reach::Jumps;
use super::rule::{Matches, Rule, shortened};
use super::rule_counters::{Reached, RuleCounters, Source};
use super::{BackendKind, Chain, MOST_IN_NAME, MOST_TEXT};
use crate::printable::printable;
use crate::sys::nftables::until_nul;
use crate::sys::xtables::{Family, Table};

const HOOKS: [(&str, &str); 5] = [
    ("PREROUTING", "prerouting"),
    ("INPUT", "input"),
    ("FORWARD", "forward"),
    ("OUTPUT", "output"),
    ("POSTROUTING", "postrouting"),
];

const ARP_HOOKS: [(&str, &str); 3] = [("INPUT", "input"), ("OUTPUT", "output"), ("FORWARD", "forward")];

/// The built-in chains of a family's tables and their hooks, by number.
fn hooks(family: Family) -> &'static [(&'static str, &'static str)] {
    if family == Family::Arp { &ARP_HOOKS } else { &HOOKS }
}

/// A table that was read, and its chains.
#[derive(Debug)]
pub struct Look {
    pub family: Family,
    pub table: Table,
    chains: Vec<Stretch>,
}

/// A chain as a stretch of the table.
#[derive(Debug, Default)]
struct Stretch {
    name: String,
    hook: Option<usize>,
    /// Where its first rule stands.
    start: usize,
    /// Offsets of its rules.
    rules: Vec<usize>,
    /// Offset of its policy.
    policy: Option<usize>,
}

/// The name of the family as nftables has it, and the tool of the family.
fn names(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::V4 => ("ip", "iptables"),
        Family::V6 => ("ip6", "ip6tables"),
        Family::Arp => ("arp", "arptables"),
    }
}

/// The priority at which the kernel hooks a table in (`NF_IP_PRI_*`).
fn priority(table: &str, hook: usize) -> Option<i32> {
    match (table, hook) {
        ("raw", _) => Some(-300),
        ("mangle", _) => Some(-150),
        ("nat", 0 | 3) => Some(-100),
        ("nat", _) => Some(100),
        ("filter", _) => Some(0),
        ("security", _) => Some(50),
        _ => None,
    }
}

impl Look {
    /// Finds the chains of a table.
    pub fn new(family: Family, table: Table) -> Self {
        let mut chains: Vec<Stretch> = Vec::new();
        let mut offset = 0;
        while let Some(entry) = Entry::at(family, table.entries(), offset) {
            let begins = |hook: &usize| {
                table.valid_hooks >> *hook & 1 == 1
                    && table.hook_entries.get(*hook).is_some_and(|&at| at as usize == offset)
            };
            if let Target::Named(b"ERROR", data) = entry.target() {
                let name = printable(until_nul(data));
                chains.push(Stretch { name, start: offset + entry.length(), ..Stretch::default() });
            } else {
                if let Some(hook) = (0..hooks(family).len()).find(begins) {
                    let name = hooks(family)[hook].0.to_owned();
                    chains.push(Stretch { name, hook: Some(hook), start: offset, ..Stretch::default() });
                }
                if let Some(chain) = chains.last_mut() {
                    let policy = chain.hook.and_then(|hook| table.underflows.get(hook));
                    if policy.is_some_and(|&at| at as usize == offset) {
                        chain.policy = Some(offset);
                    } else {
                        chain.rules.push(offset);
                    }
                }
            }
            offset += entry.length().max(1);
        }
        // The table ends with an ERROR that is no chain; and a chain of one's own ends with a return that is no rule.
        chains.pop_if(|chain| chain.name == "ERROR" && chain.rules.is_empty());
        for chain in chains.iter_mut().filter(|chain| chain.hook.is_none()) {
            chain.rules.pop();
        }
        Look { family, table, chains }
    }

    /// How many rules it has; policies are none.
    pub fn rules(&self) -> usize {
        self.chains.iter().map(|chain| chain.rules.len()).sum()
    }

    fn entry(&self, offset: usize) -> Option<Entry<'_>> {
        Entry::at(self.family, self.table.entries(), offset)
    }

    /// The counters of an entry, compared with the same rule of an earlier look.
    fn figures(&self, entry: &Entry<'_>, before: Option<Entry<'_>>) -> Figures {
        let total = Some(entry.count());
        let before = before.filter(|before| entry.is_same_rule(before)).map(|before| before.count());
        Figures { total, growth: growth(before, total), exact: true, drops: entry.drops() }
    }

    /// Enters every rule and policy into the counters, as table number `number`. Says how many were not the same before.
    pub fn enter(&self, number: usize, before: Option<&Look>, counters: &mut RuleCounters) -> u32 {
        let mut changed = 0;
        let earlier: HashMap<&str, &Stretch> =
            before.into_iter().flat_map(|look| &look.chains).map(|chain| (chain.name.as_str(), chain)).collect();
        for (index, chain) in self.chains.iter().enumerate() {
            let earlier = earlier.get(chain.name.as_str());
            let places = chain.rules.iter().copied().enumerate().chain(chain.policy.map(|at| (chain.rules.len(), at)));
            for (place, offset) in places {
                let Some(entry) = self.entry(offset) else { continue };
                let is_policy = chain.policy == Some(offset);
                let twin = earlier.and_then(
                    |earlier| {
                        if is_policy { earlier.policy } else { earlier.rules.get(place).copied() }
                    },
                );
                let twin = twin.and_then(|at| before?.entry(at));
                let figures = self.figures(&entry, twin);
                changed += u32::from(!twin.is_some_and(|twin| entry.is_same_rule(&twin)));
                if is_policy && !figures.drops {
                    continue;
                }
                counters.enter(&figures, || Source::Legacy { table: number, chain: index, place, figures });
            }
        }
        changed
    }

    /// The base chains, with the growth of their policies.
    pub fn base_chains(&self, before: Option<&Look>) -> Vec<Chain> {
        let policy_before = |name: &str| {
            let look = before?;
            let chain = look.chains.iter().find(|chain| chain.name == name)?;
            look.entry(chain.policy?)
        };
        let bases = self.chains.iter().filter_map(|chain| Some((chain, chain.hook?, self.entry(chain.policy?)?)));
        bases
            .map(|(chain, hook, policy)| {
                let grown = self.figures(&policy, policy_before(&chain.name)).growth;
                Chain {
                    backend: BackendKind::Legacy.word().to_owned(),
                    family: names(self.family).0.to_owned(),
                    table: self.table.name.clone(),
                    chain: chain.name.clone(),
                    hook: hooks(self.family).get(hook).map_or("", |hook| hook.1).to_owned(),
                    priority: priority(&self.table.name, hook).unwrap_or_default(),
                    policy: if policy.drops() { "drop" } else { "accept" }.to_owned(),
                    packets: grown.map(|grown| grown.packets),
                    bytes: grown.map(|grown| grown.bytes),
                    device: None,
                }
            })
            .collect()
    }

    /// From which base chains each chain is reached.
    pub fn reach(&self) -> Vec<Reached> {
        let starts: HashMap<usize, usize> =
            self.chains.iter().enumerate().map(|(index, chain)| (chain.start, index)).collect();
        let mut jumps = Jumps::default();
        for (index, chain) in self.chains.iter().enumerate() {
            for entry in chain.rules.iter().filter_map(|&offset| self.entry(offset)) {
                if let Target::Jump(offset) = entry.target()
                    && let Some(&target) = starts.get(&(offset as usize))
                    && self.chains.get(target).is_some_and(|chain| chain.hook.is_none())
                {
                    jumps.add(index, target);
                }
            }
        }
        let bases: Vec<usize> =
            self.chains.iter().enumerate().filter(|(_, chain)| chain.hook.is_some()).map(|(index, _)| index).collect();
        let hook_of = |base: &usize| {
            let hook = self.chains.get(*base)?.hook?;
            Some((hooks(self.family).get(hook)?.1.to_owned(), priority(&self.table.name, hook)?))
        };
        jumps.bases(self.chains.len(), &bases).iter().map(|bases| bases.iter().filter_map(hook_of).collect()).collect()
    }

    /// The rule at a place of a chain.
    pub fn rule(&self, chain: usize, place: usize, figures: &Figures, reach: &[Reached]) -> Option<Rule> {
        let stretch = self.chains.get(chain)?;
        let offset = stretch.rules.get(place).copied().or(stretch.policy)?;
        let is_policy = stretch.policy == Some(offset);
        let entry = self.entry(offset)?;
        let next = offset + entry.length();
        let chain_at = |at: u32| {
            let chain = self.chains.iter().find(|chain| chain.start == at as usize && at as usize != next)?;
            chain.hook.is_none().then(|| chain.name.clone())
        };
        let (verdict, text, matches) = entry.describe(chain_at);
        let (family, tool) = names(self.family);
        let (table, chain_name) = (&self.table.name, &stretch.name);
        let (name, text, matches) = if is_policy {
            let matches = Matches { family: Some(family.to_owned()), complete: true, ..Matches::default() };
            let text = format!("policy {}", verdict.to_uppercase());
            (format!("{tool} {table} {chain_name} {text}"), text, matches)
        } else {
            let place = place + 1;
            let name = format!("{tool} {table} {chain_name} #{place} ({})", shortened(&text, MOST_IN_NAME));
            (name, shortened(&text, MOST_TEXT), matches)
        };
        let reached = reach.get(chain).cloned().unwrap_or_default();
        let (packets, bytes) = split(figures.growth);
        let (total_packets, total_bytes) = split(figures.total);
        Some(Rule {
            name,
            backend: BackendKind::Legacy.word().to_owned(),
            family: family.to_owned(),
            table: table.clone(),
            chain: chain_name.clone(),
            hook: reached.only_hook(),
            priority: reached.only_priority(),
            hooks: reached.hooks(),
            position: u32::try_from(place + 1).unwrap_or(u32::MAX),
            handle: None,
            policy: is_policy,
            text,
            verdict,
            drops: figures.drops,
            packets,
            bytes,
            total_packets,
            total_bytes,
            counter_exact: figures.exact,
            link_header_included: false,
            matches,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An entry of IPv4 without matches.
    fn entry(name: &[u8], data: &[u8], packets: u64) -> Vec<u8> {
        let mut target = vec![0; 32];
        target[2..2 + name.len()].copy_from_slice(name);
        target.extend_from_slice(data);
        target.resize(target.len().next_multiple_of(8), 0);
        let mut bytes = vec![0; 112];
        let length = u16::try_from(112 + target.len()).unwrap();
        bytes[88..90].copy_from_slice(&112_u16.to_ne_bytes());
        bytes[90..92].copy_from_slice(&length.to_ne_bytes());
        bytes[96..104].copy_from_slice(&packets.to_ne_bytes());
        bytes[104..112].copy_from_slice(&(packets * 100).to_ne_bytes());
        bytes.extend(target);
        bytes
    }

    fn standard(verdict: i32, packets: u64) -> Vec<u8> {
        entry(b"", &verdict.to_ne_bytes(), packets)
    }

    /// The chain INPUT with rules and a policy, and a chain of one's own that the rules may jump to.
    fn table(rules: &[Vec<u8>], policy: Vec<u8>) -> Look {
        let rules = rules.concat();
        let underflow = u32::try_from(rules.len()).unwrap();
        let mut own = b"guard".to_vec();
        own.resize(30, 0);
        let mut end = b"ERROR".to_vec();
        end.resize(30, 0);
        let entries =
            [rules, policy, entry(b"ERROR", &own, 0), standard(-1, 7), standard(-5, 0), entry(b"ERROR", &end, 0)]
                .concat();
        Look::new(Family::V4, Table::new("filter", 2, [0; 5], [0, underflow, 0, 0, 0], &entries))
    }

    /// Where the chain of one's own begins behind so many rules and a policy.
    fn guard(rules: usize) -> i32 {
        let standard_length = standard(0, 0).len();
        i32::try_from((rules + 1) * standard_length + entry(b"ERROR", &[0; 30], 0).len()).unwrap()
    }

    fn shown(look: &Look, before: Option<&Look>) -> (Vec<Rule>, RuleCounters, u32) {
        let mut counters = RuleCounters::new(10, 10);
        let changed = look.enter(0, before, &mut counters);
        let (kept, _) = std::mem::replace(&mut counters.rules, super::super::growth::Heaviest::new(1)).finish();
        let reach = look.reach();
        let rule = |source: &Source| match source {
            Source::Legacy { chain, place, figures, .. } => look.rule(*chain, *place, figures, &reach),
            Source::Nft(_) => None,
        };
        (kept.iter().filter_map(rule).collect(), counters, changed)
    }

    #[test]
    fn chains_policies_and_jumps_are_found_in_the_blob() {
        let look = table(&[standard(guard(1), 9)], standard(-1, 2));
        assert_eq!(look.rules(), 2);
        let before = table(&[standard(guard(1), 4)], standard(-1, 2));
        let (rules, counters, changed) = shown(&look, Some(&before));
        assert_eq!(changed, 0);
        let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        let jump = "iptables filter INPUT #1 (-j guard)";
        assert_eq!(names, [jump, "iptables filter INPUT policy DROP", "iptables filter guard #1 (-j DROP)"]);
        assert_eq!((rules[0].packets, rules[0].bytes), (Some(5), Some(500)));
        assert_eq!(rules[2].hook.as_deref(), Some("input"));
        assert_eq!((counters.dropped.packets, counters.unknown_drops), (0, 0));
    }

    #[test]
    fn a_rule_in_front_makes_the_growth_of_changed_places_unknown_and_jumps_stay_the_same_rules() {
        let before = table(&[standard(guard(1), 4)], standard(-2, 0));
        let look = table(&[standard(guard(2), 5), standard(-1, 3)], standard(-2, 0));
        let (rules, counters, changed) = shown(&look, Some(&before));
        assert_eq!(changed, 1);
        assert_eq!((rules[0].verdict.as_str(), rules[0].packets), ("jump", Some(1)));
        assert!(rules.iter().any(|rule| rule.chain == "INPUT" && rule.verdict == "drop" && rule.packets.is_none()));
        assert!(counters.lost);
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_table_make_the_reading_panic(
            noise in proptest::collection::vec((0_usize..1200, any::<u8>()), 0..40),
            hooks in any::<[u32; 5]>(),
            family in 0_usize..3,
        ) {
            let mut entries = table(&[standard(guard(2), 5), standard(-1, 3)], standard(-2, 0)).table.entries().to_vec();
            let length = entries.len();
            for (at, byte) in noise {
                entries[at % length] = byte;
            }
            let family = [Family::V4, Family::V6, Family::Arp][family];
            let look = Look::new(family, Table::new("filter", hooks[0], [0, 0, 152, 304, 456], hooks, &entries));
            shown(&look, Some(&look));
            look.base_chains(None);
        }
    }
}
