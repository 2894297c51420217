//! One entry of a legacy table: where its parts stand, its verdict, and its text in the syntax of iptables.

use super::growth::Count;
use super::network::{address, prefix};
use super::rule::{Condition, Matches, protocol_word};
use super::xt;
use super::xt_target::{target_drops, target_text, target_verdict};
use crate::printable::printable;
use crate::sys::nftables::until_nul;
use crate::sys::xtables::Family;

/// The head of a match or target: its size, its name, its revision.
const HEAD: usize = 32;
const NAME: std::ops::Range<usize> = 2..31;
const INTERFACE: usize = 16;

const INVERTED_IN: u8 = 0x01;
const INVERTED_OUT: u8 = 0x02;
const INVERTED_SOURCE: u8 = 0x08;
const INVERTED_DESTINATION: u8 = 0x10;
const INVERTED_FRAGMENT: u8 = 0x20;
const INVERTED_PROTOCOL: u8 = 0x40;

/// An entry: `struct ipt_entry`, `struct ip6t_entry` or `struct arpt_entry`, its matches and its target.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    family: Family,
    bytes: &'a [u8],
    target_at: usize,
}

/// Where an entry sends its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    Accept,
    Drop,
    Queue,
    Return,
    /// On to the entry at this offset of the table.
    Jump(u32),
    /// To a target by name, such as `REJECT`; its data follow.
    Named(&'a [u8], &'a [u8]),
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl<'a> Entry<'a> {
    /// The entry at an offset of a table, when there is one that is whole.
    pub fn at(family: Family, entries: &'a [u8], offset: usize) -> Option<Self> {
        let bytes = entries.get(offset..)?;
        let offsets = match family {
            Family::V4 => 88,
            Family::V6 => 140,
            Family::Arp => 164,
        };
        let target_at = usize::from(half(bytes, offsets)?);
        let length = usize::from(half(bytes, offsets + 2)?);
        let entry = Entry { family, bytes: bytes.get(..length)?, target_at };
        (target_at >= entry.matches_at() && target_at + HEAD <= length).then_some(entry)
    }

    /// Its length, after which the next one begins.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The size of the fixed part.
    fn matches_at(&self) -> usize {
        match self.family {
            Family::V4 => 112,
            Family::V6 => 168,
            Family::Arp => 192,
        }
    }

    /// Its counter.
    pub fn count(&self) -> Count {
        let at = self.matches_at() - 16;
        let read = |at| long(self.bytes, at).unwrap_or_default();
        Count { packets: read(at), bytes: read(at + 8) }
    }

    /// Its target.
    pub fn target(&self) -> Target<'a> {
        let target = self.bytes.get(self.target_at..).unwrap_or_default();
        let name = until_nul(target.get(NAME).unwrap_or_default());
        let data = target.get(HEAD..).unwrap_or_default();
        if !name.is_empty() {
            return Target::Named(name, data);
        }
        let verdict = data.first_chunk().map_or(-1, |bytes| i32::from_ne_bytes(*bytes));
        match verdict {
            -1 => Target::Drop,
            -2 => Target::Accept,
            -4 => Target::Queue,
            -5 => Target::Return,
            verdict => u32::try_from(verdict).map_or(Target::Named(b"unknown", &[]), Target::Jump),
        }
    }

    /// Whether it is the same rule as another: alike in all but counters, and in where a jump's chain stands.
    pub fn is_same_rule(&self, other: &Entry<'_>) -> bool {
        let marks = match self.family {
            Family::V4 => 92,
            Family::V6 => 144,
            Family::Arp => 168,
        };
        let end = |entry: &Entry<'_>| match entry.target() {
            Target::Jump(_) => entry.target_at + HEAD,
            _ => entry.length(),
        };
        self.length() == other.length()
            && self.bytes.get(..marks) == other.bytes.get(..marks)
            && self.bytes.get(self.matches_at()..end(self)) == other.bytes.get(other.matches_at()..end(other))
    }

    /// Whether the verdict drops.
    pub fn drops(&self) -> bool {
        match self.target() {
            Target::Drop => true,
            Target::Named(name, _) => target_drops(name),
            _ => false,
        }
    }

    /// The verdict as rules give it, its text, and what the entry selects. `chain_at` names the chain whose first rule
    /// stands at an offset; none is the next entry, which means that there is no target.
    pub fn describe(&self, chain_at: impl Fn(u32) -> Option<String>) -> (String, String, Matches) {
        let mut matches = Matches { complete: true, ..Matches::default() };
        let mut text = self.header(&mut matches);
        for found in self.matches() {
            for condition in found.conditions() {
                matches.require(condition);
            }
            text.push(found.text());
        }
        let goto = match self.family {
            Family::V4 => self.flags().0 & 2 != 0,
            Family::V6 => self.flags().0 & 4 != 0,
            Family::Arp => false,
        };
        let (verdict, target) = match self.target() {
            Target::Accept => ("accept".to_owned(), "-j ACCEPT".to_owned()),
            Target::Drop => ("drop".to_owned(), "-j DROP".to_owned()),
            Target::Queue => ("queue".to_owned(), "-j QUEUE".to_owned()),
            Target::Return => ("return".to_owned(), "-j RETURN".to_owned()),
            Target::Jump(offset) => match chain_at(offset) {
                Some(chain) if goto => ("goto".to_owned(), format!("-g {chain}")),
                Some(chain) => ("jump".to_owned(), format!("-j {chain}")),
                None => ("continue".to_owned(), String::new()),
            },
            Target::Named(name, data) => (target_verdict(name), target_text(self.family, name, data)),
        };
        text.push(target);
        text.retain(|part| !part.is_empty());
        (verdict, text.join(" "), matches)
    }

    /// Flags and inverse flags of the IP header's conditions.
    fn flags(&self) -> (u8, u8) {
        let at = match self.family {
            Family::V4 => 82,
            Family::V6 => 131,
            Family::Arp => 158,
        };
        let byte = |at: usize| self.bytes.get(at).copied().unwrap_or_default();
        (byte(at), byte(at + 1))
    }

    /// The conditions of the fixed part.
    fn header(&self, matches: &mut Matches) -> Vec<String> {
        if self.family == Family::Arp {
            return self.arp_header(matches);
        }
        let (size, family) = match self.family {
            Family::V4 => (4, "ip"),
            _ => (16, "ip6"),
        };
        matches.require(Condition::Family(family));
        let (flags, inverse) = self.flags();
        let field = |at: usize, length: usize| self.bytes.get(at..at + length).unwrap_or_default();
        let mut text = Vec::new();
        let mut add = |option: String, inverted: bool, condition: Condition| {
            text.push(if inverted { format!("! {option}") } else { option });
            matches.require(if inverted { Condition::Inverted } else { condition });
        };
        for (option, at, bit) in [("-s", 0, INVERTED_SOURCE), ("-d", size, INVERTED_DESTINATION)] {
            let (host, mask) = (field(at, size), field(at + 2 * size, size));
            let inverted = inverse & bit != 0;
            if mask.iter().all(|&byte| byte == 0) && !inverted {
                continue;
            }
            let host = address(host).unwrap_or_default();
            let (network, condition) = match prefix(mask) {
                Some(length) => {
                    let network = format!("{host}/{length}");
                    let networks = vec![network.clone()];
                    let source = option == "-s";
                    (network, if source { Condition::Sources(networks) } else { Condition::Destinations(networks) })
                }
                None => (format!("{host}/{}", address(mask).unwrap_or_default()), Condition::Other),
            };
            add(format!("{option} {network}"), inverted, condition);
        }
        let names = 4 * size;
        let (masks, protocol_at) = (names + 2 * INTERFACE, names + 4 * INTERFACE);
        for (option, index, bit) in [("-i", 0, INVERTED_IN), ("-o", 1, INVERTED_OUT)] {
            let mask = field(masks + index * INTERFACE, INTERFACE);
            if mask.first().is_none_or(|&byte| byte == 0) {
                continue;
            }
            // The mask covers the NUL at the end of a whole name; of the beginning of a name it covers just that.
            let name = until_nul(field(names + index * INTERFACE, INTERFACE));
            let covered = mask.iter().take_while(|&&byte| byte != 0).count();
            let begins = covered <= name.len();
            let name = printable(name.get(..covered).unwrap_or(name));
            let shown = if begins { format!("{name}+") } else { name.clone() };
            let pattern = if begins { format!("{name}*") } else { name };
            let condition = if index == 0 { Condition::Interface(pattern) } else { Condition::Other };
            add(format!("{option} {shown}"), inverse & bit != 0, condition);
        }
        let protocol = half(self.bytes, protocol_at).unwrap_or_default();
        if protocol != 0 {
            let word = u8::try_from(protocol).map_or_else(|_| protocol.to_string(), protocol_word);
            let condition = Condition::Protocols(vec![word.clone()]);
            add(format!("-p {word}"), inverse & INVERTED_PROTOCOL != 0, condition);
        }
        if self.family == Family::V4 && flags & 1 != 0 {
            add("-f".to_owned(), inverse & INVERTED_FRAGMENT != 0, Condition::Other);
        }
        if self.family == Family::V6 && flags & 2 != 0 {
            add("xt match traffic class".to_owned(), false, Condition::Other);
        }
        text
    }

    /// The conditions of the fixed part, `struct arpt_arp`, as far as they have words here: addresses and interfaces.
    fn arp_header(&self, matches: &mut Matches) -> Vec<String> {
        matches.require(Condition::Family("arp"));
        let field = |at: usize, length: usize| self.bytes.get(at..at + length).unwrap_or_default();
        let inverse = half(self.bytes, 160).unwrap_or_default();
        let mut text = Vec::new();
        // Where value and mask stand, and how long they are; the bit that inverts it. Whatever it is, it narrows the rule.
        let conditions = [
            ("-s", 0, 8, 4, 2),
            ("-d", 4, 12, 4, 4),
            ("--source-mac", 18, 34, 16, 8),
            ("--destination-mac", 50, 66, 16, 16),
            ("--opcode", 82, 84, 2, 32),
            ("--h-type", 86, 88, 2, 64),
            ("--proto-type", 90, 92, 2, 128),
            ("-i", 94, 126, INTERFACE, 1),
            ("-o", 110, 142, INTERFACE, 256),
        ];
        for (option, at, mask_at, length, bit) in conditions {
            if field(mask_at, length).iter().all(|byte| *byte == 0) {
                continue;
            }
            let value = field(at, length);
            let shown = match option {
                "-s" | "-d" => {
                    let length = prefix(field(mask_at, 4)).map_or(String::new(), |length| format!("/{length}"));
                    format!("{}{length}", address(value).unwrap_or_default())
                }
                "-i" | "-o" => printable(until_nul(value)),
                "--source-mac" | "--destination-mac" => {
                    let bytes: Vec<String> = value.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
                    bytes.join(":")
                }
                _ => value.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes)).to_string(),
            };
            let inverted = inverse & bit != 0;
            text.push(if inverted { format!("! {option} {shown}") } else { format!("{option} {shown}") });
            let interface = option == "-i" && !inverted;
            matches.require(if interface { Condition::Interface(shown) } else { Condition::Other });
        }
        text
    }

    /// The matches between the fixed part and the target.
    fn matches(&self) -> Vec<xt::Match> {
        let mut rest = self.bytes.get(self.matches_at()..self.target_at).unwrap_or_default();
        let mut found = Vec::new();
        while let Some(size) = half(rest, 0).map(usize::from).filter(|&size| size >= HEAD) {
            let Some((this, after)) = rest.split_at_checked(size) else { break };
            let name = until_nul(this.get(NAME).unwrap_or_default());
            let revision = this.get(HEAD - 1).copied().unwrap_or_default();
            found.push(xt::decode(name, revision, this.get(HEAD..).unwrap_or_default()));
            rest = after;
        }
        found
    }
}
