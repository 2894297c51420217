//! The nftables rules that are shown, made from what was kept of them.

use std::collections::HashMap;

use super::growth::split;
use super::nft::SecondLook;
use super::nft_frame::{Name, family_word};
use super::nft_rule::{Surroundings, describe};
use super::nft_set::{Set, read_set};
use super::nft_verdict::{expressions, scan};
use super::rule::{Condition, Matches, Rule, shortened};
use super::rule_counters::Candidate;
use super::xt::quoted;
use super::{BackendKind, MOST_IN_NAME, MOST_TEXT};
use crate::printable::printable;
use crate::sys::nftables::{Attributes, NfTables, until_nul};

const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_RULE_USERDATA: u16 = 7;

impl SecondLook {
    /// The rule of a candidate. Sets are read now, each once.
    pub fn rule(&self, candidate: &Candidate, sets: &mut Sets<'_>) -> Option<Rule> {
        let chain = self.frame.chains.get(candidate.chain)?;
        let family = family_word(chain.family);
        let (table, chain_name) = (printable(&chain.table), printable(&chain.name));
        let figures = candidate.figures;
        let reached = self.reach.get(candidate.chain).cloned().unwrap_or_default();
        let place = format!("nft {family} {table} {chain_name}");
        let (name, text, verdict, matches) = match &candidate.attributes {
            None => {
                let mut matches = Matches { complete: true, ..Matches::default() };
                if let "ip" | "ip6" = family {
                    matches.require(Condition::Family(family));
                }
                (format!("{place} policy drop"), "policy drop".to_owned(), "drop".to_owned(), matches)
            }
            Some(bytes) => {
                let attributes = Attributes(bytes);
                let list = attributes.inside(NFTA_RULE_EXPRESSIONS);
                let (mut text, mut matches) = sets.describe(chain.family, &chain.table, list);
                let found = scan(list);
                matches.complete &= found.exact || found.counter.is_none();
                if let Some(comment) = comment(attributes.find(NFTA_RULE_USERDATA).unwrap_or_default()) {
                    text.push_str(&format!(" comment {}", quoted(&comment)));
                }
                let position = candidate.position;
                let name = format!("{place} #{position} ({})", shortened(text.trim(), MOST_IN_NAME));
                (name, shortened(text.trim(), MOST_TEXT), found.verdict.word(), matches)
            }
        };
        let (packets, bytes) = split(figures.growth);
        let (total_packets, total_bytes) = split(figures.total);
        let hooks = reached.hooks();
        Some(Rule {
            name,
            backend: BackendKind::Nftables.word().to_owned(),
            family: family.to_owned(),
            table,
            chain: chain_name,
            hook: reached.only_hook(),
            priority: reached.only_priority(),
            link_header_included: hooks.iter().any(|hook| match family {
                "netdev" => hook == "egress",
                "arp" => hook == "output",
                _ => false,
            }),
            hooks,
            position: candidate.position,
            handle: candidate.handle,
            policy: candidate.attributes.is_none(),
            text,
            verdict,
            drops: figures.drops,
            packets,
            bytes,
            total_packets,
            total_bytes,
            counter_exact: figures.exact && figures.total.is_some(),
            matches,
        })
    }
}

/// The comment in the data that the tool keeps with a rule: type, length, value.
fn comment(mut data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = data {
        let (value, after) = rest.split_at_checked(usize::from(*length))?;
        if *kind == 0 {
            return Some(printable(until_nul(value)));
        }
        data = after;
    }
    None
}

/// The sets that the shown rules look up, each read once.
pub struct Sets<'a> {
    nft: &'a mut NfTables,
    known: HashMap<Name, Option<Set>>,
    interface: &'a dyn Fn(u32) -> Option<String>,
}

impl<'a> Sets<'a> {
    /// No set is read yet; `interface` names the interface of a number.
    pub fn new(nft: &'a mut NfTables, interface: &'a dyn Fn(u32) -> Option<String>) -> Self {
        Sets { nft, known: HashMap::new(), interface }
    }

    fn describe(&mut self, family: u8, table: &[u8], list: Attributes<'_>) -> (String, Matches) {
        let names = expressions(list).filter(|(name, _)| *name == b"lookup").filter_map(|(_, data)| data.string(1));
        for set in names {
            let key = (family, table.to_vec(), set.to_vec());
            if !self.known.contains_key(&key) {
                let contents = read_set(self.nft, family, table, set);
                self.known.insert(key, contents);
            }
        }
        let known = &self.known;
        let set = |name: &[u8]| known.get(&(family, table.to_vec(), name.to_vec())).cloned().flatten();
        describe(family, list, &Surroundings { set: &set, interface: self.interface })
    }
}
