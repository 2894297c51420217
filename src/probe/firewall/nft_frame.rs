//! Tables, chains and named counters of nftables at one moment: what rules are attached to.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::ops::ControlFlow;

use super::growth::Count;
use crate::printable::printable;
use crate::sys::nftables::{Ask, Attributes, Message, NfTables, until_nul};

/// Chains, tables and named counters that are remembered.
pub const MOST_NAMES: usize = 100_000;
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
const NF_DROP: u32 = 0;

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

/// A family and one or two names inside it.
pub type Name = (u8, Vec<u8>, Vec<u8>);

/// Tables, chains and named counters at one moment.
#[derive(Debug, Default)]
pub struct Frame {
    /// Changes with every change of the rules.
    pub generation: u32,
    /// Whether the rules changed at each attempt to read them.
    pub restless: bool,
    pub tables: HashMap<(u8, Vec<u8>), u64>,
    pub chains: Vec<NftChain>,
    chain_numbers: HashMap<Name, usize>,
    pub counters: HashMap<Name, NamedCounter>,
    /// Whether there were more names than are remembered.
    pub overfull: bool,
}

/// A chain.
#[derive(Debug)]
pub struct NftChain {
    pub family: u8,
    pub table: Vec<u8>,
    pub name: Vec<u8>,
    pub base: Option<Base>,
    pub rules: u32,
}

/// What makes a chain a base chain.
#[derive(Debug)]
pub struct Base {
    pub hook: &'static str,
    pub priority: i32,
    pub drops: bool,
    pub counter: Option<Count>,
    pub device: Option<String>,
}

/// A named counter.
#[derive(Debug, Clone, Copy)]
pub struct NamedCounter {
    pub handle: Option<u64>,
    pub count: Count,
    pub uses: Option<u32>,
}

fn count(counter: Attributes<'_>) -> Option<Count> {
    Some(Count { packets: counter.long(NFTA_COUNTER_PACKETS)?, bytes: counter.long(NFTA_COUNTER_BYTES)? })
}

fn base(family: u8, chain: Attributes<'_>) -> Option<Base> {
    let hook = chain.find(NFTA_CHAIN_HOOK).map(Attributes)?;
    let mut devices: Vec<String> = hook.string(NFTA_HOOK_DEV).into_iter().map(printable).collect();
    for (_, device) in hook.inside(NFTA_HOOK_DEVS).take(MOST_DEVICES) {
        let device = printable(until_nul(device));
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
    /// Reads them; says whether they changed meanwhile.
    pub fn read(nft: &mut NfTables) -> io::Result<(Self, bool)> {
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

    /// What tells a table from another that had its name before.
    pub fn table_handle(&self, family: u8, table: &[u8]) -> u64 {
        self.tables.get(&(family, table.to_vec())).copied().unwrap_or_default()
    }

    /// The number of the chain of a rule; `last` is that of the rule before, which is mostly the same.
    pub fn chain_number(&self, family: u8, table: &[u8], chain: &[u8], last: Option<usize>) -> Option<usize> {
        let is = |number: &usize| {
            self.chains.get(*number).is_some_and(|it| it.family == family && it.table == table && it.name == chain)
        };
        last.filter(is).or_else(|| self.chain_numbers.get(&(family, table.to_vec(), chain.to_vec())).copied())
    }

    /// How many tables and rules each family has.
    pub fn sizes(&self) -> impl Iterator<Item = (&'static str, u32, u32)> {
        let mut families: BTreeSet<u8> = BTreeSet::new();
        families.extend(self.tables.keys().map(|(family, _)| *family));
        families.into_iter().map(|family| {
            let tables = self.tables.keys().filter(|(this, _)| *this == family).count();
            let rules = self.chains.iter().filter(|chain| chain.family == family).map(|chain| chain.rules).sum();
            (family_word(family), u32::try_from(tables).unwrap_or(u32::MAX), rules)
        })
    }
}
