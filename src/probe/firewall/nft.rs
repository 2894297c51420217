//! The two looks at nftables: the counters of the first, and the rules of the second with what they grew by.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::ops::ControlFlow;

use super::books::{Books, Reached, Source};
use super::growth::{Count, Figures, growth};
use super::legacy::split;
use super::nft_rule::{Surroundings, describe};
use super::nft_set::{Set, elements, items};
use super::nft_verdict::{Counter, Scan, Verdict, scan};
use super::reach::Jumps;
use super::rule::{Condition, Matches, Rule, printable, shortened};
use super::{BackendKind, Chain, MOST_IN_NAME, MOST_TEXT};
use crate::sys::nftables::{Ask, Attributes, Message, NfTables};

/// A look during which the rules change is taken again, so often.
const ATTEMPTS: u32 = 4;
/// Rules whose counters are remembered from the first look: 32 MB.
pub const MOST_RULES: usize = 1_000_000;
/// Chains, tables and named counters that are remembered.
const MOST_NAMES: usize = 100_000;
/// Elements of one set that are read.
const MOST_ELEMENTS: usize = 4096;
/// Rules with verdict maps whose elements are read.
const MOST_MAPS: usize = 1000;
/// Names of devices that one chain lists.
const MOST_DEVICES: usize = 16;

const NFTA_TABLE_NAME: u16 = 1;
const NFTA_TABLE_HANDLE: u16 = 4;
const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_CHAIN_COUNTERS: u16 = 8;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;
const NFTA_HOOK_DEV: u16 = 3;
const NFTA_HOOK_DEVS: u16 = 4;
const NFTA_COUNTER_BYTES: u16 = 1;
const NFTA_COUNTER_PACKETS: u16 = 2;
const NFTA_OBJ_TABLE: u16 = 1;
const NFTA_OBJ_NAME: u16 = 2;
const NFTA_OBJ_DATA: u16 = 4;
const NFTA_OBJ_USE: u16 = 5;
const NFTA_OBJ_HANDLE: u16 = 6;
const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_RULE_USERDATA: u16 = 7;
const NF_DROP: u32 = 0;

/// A family and one or two names inside it.
type Name = (u8, Vec<u8>, Vec<u8>);

/// A rule that is to be shown.
#[derive(Debug, Clone)]
pub struct Candidate {
    chain: usize,
    position: u32,
    handle: Option<u64>,
    figures: Figures,
    /// The rule's attributes; none for a policy.
    attributes: Option<Box<[u8]>>,
}

/// The name of a family (`NFPROTO_*`).
pub fn family_word(family: u8) -> &'static str {
    match family {
        1 => "inet",
        2 => "ip",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "other",
    }
}

fn hook_word(family: u8, hook: u32) -> &'static str {
    match (family, hook) {
        (5, 0) | (1, 5) => "ingress",
        (5, 1) => "egress",
        (3, 0) => "input",
        (3, 1) => "output",
        (3, 2) => "forward",
        (_, 0) => "prerouting",
        (_, 1) => "input",
        (_, 2) => "forward",
        (_, 3) => "output",
        (_, 4) => "postrouting",
        _ => "other",
    }
}

/// Tables, chains and named counters at one moment.
#[derive(Debug, Default)]
pub struct Frame {
    /// Changes with every change of the rules.
    pub generation: u32,
    /// Whether the rules changed at each attempt to read them.
    pub restless: bool,
    tables: HashMap<(u8, Vec<u8>), u64>,
    chains: Vec<NftChain>,
    chain_numbers: HashMap<Name, usize>,
    counters: HashMap<Name, NamedCounter>,
    /// Whether there were more names than are remembered.
    pub overfull: bool,
}

#[derive(Debug)]
struct NftChain {
    family: u8,
    table: Vec<u8>,
    name: Vec<u8>,
    base: Option<Base>,
    rules: u32,
}

#[derive(Debug)]
struct Base {
    hook: &'static str,
    priority: i32,
    drops: bool,
    counter: Option<Count>,
    device: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct NamedCounter {
    handle: Option<u64>,
    count: Count,
    uses: Option<u32>,
}

fn count(counter: Attributes<'_>) -> Option<Count> {
    Some(Count { packets: counter.long(NFTA_COUNTER_PACKETS)?, bytes: counter.long(NFTA_COUNTER_BYTES)? })
}

fn base(family: u8, chain: Attributes<'_>) -> Option<Base> {
    let hook = chain.find(NFTA_CHAIN_HOOK).map(Attributes)?;
    let mut devices: Vec<String> = hook.string(NFTA_HOOK_DEV).into_iter().map(printable).collect();
    for (_, device) in hook.inside(NFTA_HOOK_DEVS).take(MOST_DEVICES) {
        let device = printable(crate::sys::nftables::until_nul(device));
        if !devices.contains(&device) {
            devices.push(device);
        }
    }
    Some(Base {
        hook: hook_word(family, hook.number(NFTA_HOOK_HOOKNUM)?),
        priority: hook.number(NFTA_HOOK_PRIORITY).unwrap_or_default().cast_signed(),
        drops: chain.number(NFTA_CHAIN_POLICY) == Some(NF_DROP),
        counter: chain.find(NFTA_CHAIN_COUNTERS).map(Attributes).and_then(count),
        device: (!devices.is_empty()).then(|| devices.join(", ")),
    })
}

impl Frame {
    fn read(nft: &mut NfTables) -> io::Result<(Self, bool)> {
        let mut frame = Frame { generation: nft.generation()?, ..Frame::default() };
        let mut interrupted = nft.dump(Ask::Tables, &mut |message| frame.table(message))?;
        interrupted |= nft.dump(Ask::Chains, &mut |message| frame.chain(message))?;
        // Kernels before 4.10 have no named counters.
        interrupted |= nft.dump(Ask::Counters, &mut |message| frame.counter(message)).unwrap_or_default();
        Ok((frame, interrupted))
    }

    fn room(&mut self, taken: usize) -> ControlFlow<()> {
        if taken < MOST_NAMES {
            return ControlFlow::Continue(());
        }
        self.overfull = true;
        ControlFlow::Break(())
    }

    fn table(&mut self, message: Message<'_>) -> ControlFlow<()> {
        self.room(self.tables.len())?;
        let name = message.attributes.string(NFTA_TABLE_NAME).unwrap_or_default();
        // A table that was made anew has a new handle. Kernels before 4.16 give none.
        let handle = message.attributes.long(NFTA_TABLE_HANDLE).unwrap_or_else(|| {
            let mut hasher = DefaultHasher::new();
            (message.family, name).hash(&mut hasher);
            hasher.finish()
        });
        self.tables.insert((message.family, name.to_vec()), handle);
        ControlFlow::Continue(())
    }

    fn chain(&mut self, message: Message<'_>) -> ControlFlow<()> {
        self.room(self.chains.len())?;
        let chain = NftChain {
            family: message.family,
            table: message.attributes.string(NFTA_CHAIN_TABLE).unwrap_or_default().to_vec(),
            name: message.attributes.string(NFTA_CHAIN_NAME).unwrap_or_default().to_vec(),
            base: base(message.family, message.attributes),
            rules: 0,
        };
        self.chain_numbers.insert((chain.family, chain.table.clone(), chain.name.clone()), self.chains.len());
        self.chains.push(chain);
        ControlFlow::Continue(())
    }

    fn counter(&mut self, message: Message<'_>) -> ControlFlow<()> {
        self.room(self.counters.len())?;
        let attributes = message.attributes;
        let name = |kind| attributes.string(kind).unwrap_or_default().to_vec();
        if let Some(count) = count(attributes.inside(NFTA_OBJ_DATA)) {
            let counter =
                NamedCounter { handle: attributes.long(NFTA_OBJ_HANDLE), count, uses: attributes.number(NFTA_OBJ_USE) };
            self.counters.insert((message.family, name(NFTA_OBJ_TABLE), name(NFTA_OBJ_NAME)), counter);
        }
        ControlFlow::Continue(())
    }

    fn table_handle(&self, family: u8, table: &[u8]) -> u64 {
        self.tables.get(&(family, table.to_vec())).copied().unwrap_or_default()
    }

    /// The number of the chain of a rule; `last` is that of the rule before, which is mostly the same.
    fn chain_number(&self, family: u8, table: &[u8], chain: &[u8], last: Option<usize>) -> Option<usize> {
        let is = |number: &usize| {
            self.chains.get(*number).is_some_and(|it| it.family == family && it.table == table && it.name == chain)
        };
        last.filter(is).or_else(|| self.chain_numbers.get(&(family, table.to_vec(), chain.to_vec())).copied())
    }

    /// How many tables and rules each family has.
    pub fn sizes(&self) -> impl Iterator<Item = (&'static str, u32, u32)> {
        let families: BTreeSet<u8> = self.tables.keys().map(|(family, _)| *family).collect();
        families.into_iter().map(|family| {
            let tables = self.tables.keys().filter(|(this, _)| *this == family).count();
            let rules = self.chains.iter().filter(|chain| chain.family == family).map(|chain| chain.rules).sum();
            (family_word(family), u32::try_from(tables).unwrap_or(u32::MAX), rules)
        })
    }
}

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
            let (look, interrupted) = Self::attempt(nft)?;
            if !interrupted || attempt == ATTEMPTS {
                return Ok(look);
            }
            attempt += 1;
        }
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
    reach: Vec<Reached>,
}

/// A rule with a verdict map, of which only the elements know whether it drops.
struct MapRule {
    set: Vec<u8>,
    candidate: Candidate,
}

impl SecondLook {
    /// Reads the rules, compares them with the first look, and gives the books what they hold.
    pub fn take(nft: &mut NfTables, first: Option<&FirstLook>, empty: impl Fn() -> Books) -> io::Result<(Self, Books)> {
        let mut attempt = 1;
        loop {
            let mut books = empty();
            let (mut look, interrupted) = Self::attempt(nft, first, &mut books)?;
            if !interrupted || attempt == ATTEMPTS {
                look.frame.restless = interrupted;
                return Ok((look, books));
            }
            attempt += 1;
        }
    }

    fn attempt(nft: &mut NfTables, first: Option<&FirstLook>, books: &mut Books) -> io::Result<(Self, bool)> {
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
                _ => books.enter(&figures, || Source::Nft(candidate())),
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
            books.enter(&rule.candidate.figures, || Source::Nft(rule.candidate.clone()));
        }
        interrupted |= nft.generation()? != frame.generation;
        let reach = reach(&frame, &jumps);
        let look = SecondLook { frame, new_rules, maps_left, reach };
        look.enter_policies(first, books);
        Ok((look, interrupted))
    }

    fn enter_policies(&self, first: Option<&FirstLook>, books: &mut Books) {
        for (number, chain) in self.frame.chains.iter().enumerate() {
            let Some(base) = chain.base.as_ref().filter(|base| base.drops) else { continue };
            let figures = Figures {
                total: base.counter,
                growth: self.policy_growth(chain, first),
                exact: base.counter.is_some(),
                drops: true,
            };
            let position = chain.rules + 1;
            books.enter(&figures, || {
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
                matches.complete &= figures.exact || figures.total.is_none();
                if let Some(comment) = comment(attributes.find(NFTA_RULE_USERDATA).unwrap_or_default()) {
                    text.push_str(&format!(" comment \"{comment}\""));
                }
                let position = candidate.position;
                let name = format!("{place} #{position} ({})", shortened(text.trim(), MOST_IN_NAME));
                (name, shortened(text.trim(), MOST_TEXT), scan(list).verdict.word(), matches)
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

/// The comment in the data that the tool keeps with a rule: type, length, value.
fn comment(mut data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = data {
        let (value, after) = rest.split_at_checked(usize::from(*length))?;
        if *kind == 0 {
            return Some(printable(crate::sys::nftables::until_nul(value)));
        }
        data = after;
    }
    None
}

/// Reads the elements of a set, so many at most.
fn read_set(nft: &mut NfTables, family: u8, table: &[u8], set: &[u8]) -> Option<Set> {
    let mut found = Vec::new();
    let mut more = false;
    nft.dump(Ask::Elements { family, table, set }, &mut |message| {
        found.extend(elements(message.attributes));
        more = found.len() > MOST_ELEMENTS;
        if more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .ok()?;
    Some(Set { items: items(found), more })
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
        let names = super::nft_verdict::expressions(list)
            .filter(|(name, _)| *name == b"lookup")
            .filter_map(|(_, data)| data.string(1));
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
