//! The two looks at nftables: the counters of the first, and the rules of the second with what they grew by.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::ops::ControlFlow;

use super::growth::{Count, Figures, growth, split};
use super::nft_frame::{Frame, MOST_NAMES, NamedCounter, NftChain, family_word};
use super::nft_set::{Set, read_set};
use super::nft_verdict::{Counter, Scan, Verdict, scan};
use super::reach::Jumps;
use super::rule_counters::{Candidate, Reached, RuleCounters, Source};
use super::{BackendKind, Chain};
use crate::printable::printable;
use crate::sys::nftables::{Ask, NfTables};

/// A look during which the rules change is taken again, so often.
/// Rules whose counters are remembered from the first look: 32 MB.
pub const MOST_RULES: usize = 1_000_000;
/// Rules with verdict maps whose elements are read.
const MOST_MAPS: usize = 1000;

const ATTEMPTS: u32 = 4;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
const NFTA_RULE_EXPRESSIONS: u16 = 4;

/// The counters at the beginning of the window.
#[derive(Debug)]
pub struct FirstLook {
    pub frame: Frame,
    /// Table, handle and counter of every rule, in the order of the dump.
    rules: Vec<(u64, u64, Option<Count>)>,
    /// Whether there were more rules than are remembered.
    pub overfull: bool,
}

impl FirstLook {
    /// Reads them; again when the rules change meanwhile.
    pub fn take(nft: &mut NfTables) -> io::Result<Self> {
        let mut attempt = 1;
        loop {
            let (mut look, interrupted) = Self::attempt(nft)?;
            if !interrupted || attempt == ATTEMPTS {
                look.frame.restless = interrupted;
                return Ok(look);
            }
            attempt += 1;
        }
    }

    /// How many rules it saw.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    fn attempt(nft: &mut NfTables) -> io::Result<(Self, bool)> {
        let (frame, mut interrupted) = Frame::read(nft)?;
        let mut look = FirstLook { frame, rules: Vec::new(), overfull: false };
        let mut last: (u8, Vec<u8>, u64) = Default::default();
        interrupted |= nft.dump(Ask::Rules, &mut |message| {
            if look.rules.len() == MOST_RULES {
                look.overfull = true;
                return ControlFlow::Break(());
            }
            let table = message.attributes.string(NFTA_RULE_TABLE).unwrap_or_default();
            if (last.0, last.1.as_slice()) != (message.family, table) {
                last = (message.family, table.to_vec(), look.frame.table_handle(message.family, table));
            }
            let handle = message.attributes.long(NFTA_RULE_HANDLE).unwrap_or_default();
            let own = match scan(message.attributes.inside(NFTA_RULE_EXPRESSIONS)).counter {
                Some(Counter::Own(count)) => Some(count),
                _ => None,
            };
            look.rules.push((last.2, handle, own));
            ControlFlow::Continue(())
        })?;
        interrupted |= nft.generation()? != look.frame.generation;
        Ok((look, interrupted))
    }
}

/// The counters of the first look, found mostly in the order of the second.
struct Earlier<'a> {
    look: Option<&'a FirstLook>,
    next: usize,
    index: Option<HashMap<(u64, u64), usize>>,
}

impl<'a> Earlier<'a> {
    fn find(&mut self, table: u64, handle: u64) -> Option<&'a (u64, u64, Option<Count>)> {
        let rules = &self.look?.rules;
        let is_same = |rule: &&(u64, u64, Option<Count>)| (rule.0, rule.1) == (table, handle);
        if let Some(rule) = rules.get(self.next).filter(is_same) {
            self.next += 1;
            return Some(rule);
        }
        let index = self
            .index
            .get_or_insert_with(|| rules.iter().enumerate().map(|(number, rule)| ((rule.0, rule.1), number)).collect());
        let number = *index.get(&(table, handle))?;
        self.next = number + 1;
        rules.get(number)
    }
}

/// The rules at the end of the window.
#[derive(Debug)]
pub struct SecondLook {
    pub frame: Frame,
    /// Rules that were not there at the first look.
    pub new_rules: u32,
    /// Whether there were more verdict maps than are read.
    pub maps_left: bool,
    pub reach: Vec<Reached>,
}

/// A rule with a verdict map, of which only the elements know whether it drops.
struct MapRule {
    set: Vec<u8>,
    candidate: Candidate,
}

impl SecondLook {
    /// Reads the rules, compares them with the first look, and gives the counters what they hold.
    pub fn take(
        nft: &mut NfTables,
        first: Option<&FirstLook>,
        empty: impl Fn() -> RuleCounters,
    ) -> io::Result<(Self, RuleCounters)> {
        let mut attempt = 1;
        loop {
            let mut counters = empty();
            let (mut look, interrupted) = Self::attempt(nft, first, &mut counters)?;
            if !interrupted || attempt == ATTEMPTS {
                look.frame.restless = interrupted;
                return Ok((look, counters));
            }
            attempt += 1;
        }
    }

    fn attempt(nft: &mut NfTables, first: Option<&FirstLook>, counters: &mut RuleCounters) -> io::Result<(Self, bool)> {
        let (mut frame, mut interrupted) = Frame::read(nft)?;
        let mut jumps: BTreeSet<(usize, Vec<u8>)> = BTreeSet::new();
        let mut maps: Vec<MapRule> = Vec::new();
        let mut earlier = Earlier { look: first, next: 0, index: None };
        let (mut last, mut table_handle) = (None, 0);
        let (mut new_rules, mut maps_left) = (0, false);
        interrupted |= nft.dump(Ask::Rules, &mut |message| {
            let attributes = message.attributes;
            let table = attributes.string(NFTA_RULE_TABLE).unwrap_or_default();
            let chain = attributes.string(NFTA_RULE_CHAIN).unwrap_or_default();
            let Some(number) = frame.chain_number(message.family, table, chain, last) else {
                return ControlFlow::Continue(());
            };
            if last != Some(number) {
                table_handle = frame.table_handle(message.family, table);
                last = Some(number);
            }
            let position = match frame.chains.get_mut(number) {
                Some(chain) => {
                    chain.rules += 1;
                    chain.rules
                }
                None => 0,
            };
            let handle = attributes.long(NFTA_RULE_HANDLE);
            let found = scan(attributes.inside(NFTA_RULE_EXPRESSIONS));
            let before = earlier.find(table_handle, handle.unwrap_or_default());
            if before.is_none() && first.is_some_and(|first| !first.overfull) {
                new_rules += 1;
            }
            let figures = figures(&found, before.is_some(), before.and_then(|rule| rule.2), |name| {
                let key = (message.family, table.to_vec(), name.to_vec());
                (first.and_then(|first| first.frame.counters.get(&key)).copied(), frame.counters.get(&key).copied())
            });
            let candidate =
                || Candidate { chain: number, position, handle, figures, attributes: Some(attributes.0.into()) };
            if let Some(target) = found.verdict.chain()
                && jumps.len() < MOST_NAMES
            {
                jumps.insert((number, target.to_vec()));
            }
            match found.verdict {
                Verdict::Map(set) if maps.len() < MOST_MAPS => {
                    maps.push(MapRule { set: set.to_vec(), candidate: candidate() });
                }
                Verdict::Map(_) => maps_left = true,
                _ => counters.enter(&figures, || Source::Nft(candidate())),
            }
            ControlFlow::Continue(())
        })?;
        for mut rule in maps {
            let Some(chain) = frame.chains.get(rule.candidate.chain) else { continue };
            let set = read_set(nft, chain.family, &chain.table, &rule.set);
            for item in set.iter().flat_map(|set| &set.items) {
                if let Some(target) = item.verdict.as_ref().and_then(Verdict::chain)
                    && jumps.len() < MOST_NAMES
                {
                    jumps.insert((rule.candidate.chain, target.to_vec()));
                }
            }
            let drops =
                |set: &Set| set.more || set.items.iter().any(|item| item.verdict.as_ref().is_some_and(Verdict::drops));
            // A map that could not be read may drop.
            rule.candidate.figures.drops = set.as_ref().is_none_or(drops);
            counters.enter(&rule.candidate.figures, || Source::Nft(rule.candidate.clone()));
        }
        interrupted |= nft.generation()? != frame.generation;
        let reach = reach(&frame, &jumps);
        let look = SecondLook { frame, new_rules, maps_left, reach };
        look.enter_policies(first, counters);
        Ok((look, interrupted))
    }

    fn enter_policies(&self, first: Option<&FirstLook>, counters: &mut RuleCounters) {
        for (number, chain) in self.frame.chains.iter().enumerate() {
            let Some(base) = chain.base.as_ref().filter(|base| base.drops) else { continue };
            let figures = Figures {
                total: base.counter,
                growth: self.policy_growth(chain, first),
                exact: base.counter.is_some(),
                drops: true,
            };
            let position = chain.rules + 1;
            counters.enter(&figures, || {
                Source::Nft(Candidate { chain: number, position, handle: None, figures, attributes: None })
            });
        }
    }

    fn policy_growth(&self, chain: &NftChain, first: Option<&FirstLook>) -> Option<Count> {
        let first = &first?.frame;
        if first.table_handle(chain.family, &chain.table) != self.frame.table_handle(chain.family, &chain.table) {
            return None;
        }
        let number = first.chain_number(chain.family, &chain.table, &chain.name, None)?;
        growth(first.chains.get(number)?.base.as_ref()?.counter, chain.base.as_ref()?.counter)
    }

    /// The base chains.
    pub fn base_chains(&self, first: Option<&FirstLook>) -> Vec<Chain> {
        let bases = self.frame.chains.iter().filter_map(|chain| Some((chain, chain.base.as_ref()?)));
        bases
            .map(|(chain, base)| {
                let (packets, bytes) = split(self.policy_growth(chain, first));
                Chain {
                    backend: BackendKind::Nftables.word().to_owned(),
                    family: family_word(chain.family).to_owned(),
                    table: printable(&chain.table),
                    chain: printable(&chain.name),
                    hook: base.hook.to_owned(),
                    priority: base.priority,
                    policy: if base.drops { "drop" } else { "accept" }.to_owned(),
                    packets,
                    bytes,
                    device: base.device.clone(),
                }
            })
            .collect()
    }
}

/// The figures of a rule: `seen` when it was there before, with its own counter of then; `named` gives a named counter
/// before and after.
fn figures(
    found: &Scan<'_>,
    seen: bool,
    own_before: Option<Count>,
    named: impl FnOnce(&[u8]) -> (Option<NamedCounter>, Option<NamedCounter>),
) -> Figures {
    let drops = found.verdict.drops();
    match found.counter {
        None => Figures { drops, ..Figures::default() },
        Some(Counter::Own(now)) => {
            Figures { total: Some(now), growth: growth(own_before, Some(now)), exact: found.exact, drops }
        }
        Some(Counter::Named(name)) => {
            let (before, now) = named(name);
            let same = seen && before.map(|before| before.handle) == now.map(|now| now.handle);
            Figures {
                total: now.map(|now| now.count),
                growth: growth(before.filter(|_| same).map(|before| before.count), now.map(|now| now.count)),
                exact: found.exact && now.is_some_and(|now| now.uses == Some(1)),
                drops,
            }
        }
    }
}

fn reach(frame: &Frame, jumps: &BTreeSet<(usize, Vec<u8>)>) -> Vec<Reached> {
    let mut links = Jumps::default();
    for (from, target) in jumps {
        let Some(chain) = frame.chains.get(*from) else { continue };
        if let Some(to) = frame.chain_number(chain.family, &chain.table, target, None) {
            links.add(*from, to);
        }
    }
    let bases: Vec<usize> =
        frame.chains.iter().enumerate().filter(|(_, chain)| chain.base.is_some()).map(|(number, _)| number).collect();
    let hook = |number: &usize| {
        let base = frame.chains.get(*number)?.base.as_ref()?;
        Some((base.hook.to_owned(), base.priority))
    };
    links.bases(frame.chains.len(), &bases).iter().map(|bases| bases.iter().filter_map(hook).collect()).collect()
}
