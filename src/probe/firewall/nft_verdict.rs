//! What the expressions of an nftables rule come to: its verdict and its counter. Looks at every rule of the host, so it
//! copies nothing.

use super::growth::Count;
use super::xt_target::{target_drops, target_verdict};
use crate::printable::printable;
use crate::sys::nftables::{Attributes, big_u32, until_nul};

pub const NFTA_LIST_ELEM: u16 = 1;
pub const NFTA_EXPR_NAME: u16 = 1;
pub const NFTA_EXPR_DATA: u16 = 2;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;
const NFTA_COUNTER_BYTES: u16 = 1;
const NFTA_COUNTER_PACKETS: u16 = 2;
const NFTA_IMMEDIATE_DREG: u16 = 1;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_LOOKUP_SET: u16 = 1;
const NFTA_LOOKUP_DREG: u16 = 3;
const NFTA_OBJREF_IMM_TYPE: u16 = 1;
const NFTA_OBJREF_IMM_NAME: u16 = 2;
const NFT_OBJECT_COUNTER: u32 = 1;
const NFTA_TARGET_NAME: u16 = 1;
const NFTA_MATCH_NAME: u16 = 1;
const REG_VERDICT: u32 = 0;

/// What becomes of a packet; chains and names are borrowed from the message, or owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<Text = Vec<u8>> {
    Accept,
    Drop,
    Reject,
    Queue,
    Continue,
    Return,
    Jump(Text),
    Goto(Text),
    /// By the elements of the verdict map of that name.
    Map(Text),
    /// A target of the xtables kind.
    Target(Text),
    /// A statement that ends the rule and has this name.
    Statement(&'static str),
}

impl<'a> Verdict<&'a [u8]> {
    /// The verdict in an attribute of data.
    pub fn in_data(data: Attributes<'a>) -> Option<Self> {
        let verdict = data.find(NFTA_DATA_VERDICT).map(Attributes)?;
        let chain = verdict.string(NFTA_VERDICT_CHAIN).unwrap_or_default();
        Some(match verdict.number(NFTA_VERDICT_CODE)?.cast_signed() {
            -1 | -2 => Verdict::Continue,
            -3 => Verdict::Jump(chain),
            -4 => Verdict::Goto(chain),
            -5 => Verdict::Return,
            // The upper bits hold an error number or a queue.
            code => match code & 0xff {
                0 => Verdict::Drop,
                1 => Verdict::Accept,
                3 => Verdict::Queue,
                _ => Verdict::Statement("other"),
            },
        })
    }

    /// The same, on its own.
    pub fn owned(&self) -> Verdict {
        match self {
            Verdict::Accept => Verdict::Accept,
            Verdict::Drop => Verdict::Drop,
            Verdict::Reject => Verdict::Reject,
            Verdict::Queue => Verdict::Queue,
            Verdict::Continue => Verdict::Continue,
            Verdict::Return => Verdict::Return,
            Verdict::Jump(chain) => Verdict::Jump(chain.to_vec()),
            Verdict::Goto(chain) => Verdict::Goto(chain.to_vec()),
            Verdict::Map(name) => Verdict::Map(name.to_vec()),
            Verdict::Target(name) => Verdict::Target(name.to_vec()),
            Verdict::Statement(name) => Verdict::Statement(name),
        }
    }
}

impl<Text: AsRef<[u8]>> Verdict<Text> {
    /// Whether packets end here. Of a map only its elements know.
    pub fn drops(&self) -> bool {
        match self {
            Verdict::Drop | Verdict::Reject => true,
            Verdict::Target(name) => target_drops(name.as_ref()),
            _ => false,
        }
    }

    /// The chain that it leads to.
    pub fn chain(&self) -> Option<&[u8]> {
        match self {
            Verdict::Jump(chain) | Verdict::Goto(chain) => Some(chain.as_ref()),
            _ => None,
        }
    }

    /// In one word.
    pub fn word(&self) -> String {
        match self {
            Verdict::Accept => "accept".to_owned(),
            Verdict::Drop => "drop".to_owned(),
            Verdict::Reject => "reject".to_owned(),
            Verdict::Queue => "queue".to_owned(),
            Verdict::Continue => "continue".to_owned(),
            Verdict::Return => "return".to_owned(),
            Verdict::Jump(_) => "jump".to_owned(),
            Verdict::Goto(_) => "goto".to_owned(),
            Verdict::Map(_) => "map".to_owned(),
            Verdict::Target(name) => target_verdict(name.as_ref()),
            Verdict::Statement(name) => (*name).to_owned(),
        }
    }

    /// As a rule has it: `jump f2b`.
    pub fn text(&self) -> String {
        match self.chain() {
            Some(chain) => format!("{} {}", self.word(), printable(chain)),
            None => self.word(),
        }
    }
}

/// The counter of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter<'a> {
    /// Its own.
    Own(Count),
    /// The one of that name, which other rules may share.
    Named(&'a [u8]),
}

/// What a rule comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<'a> {
    pub verdict: Verdict<&'a [u8]>,
    /// The last counter before the verdict.
    pub counter: Option<Counter<'a>>,
    /// Whether nothing between counter and verdict could turn a packet away.
    pub exact: bool,
}

/// The expressions of a rule: names and data.
pub fn expressions(list: Attributes<'_>) -> impl Iterator<Item = (&[u8], Attributes<'_>)> {
    list.filter(|(kind, _)| *kind == NFTA_LIST_ELEM).map(|(_, payload)| {
        let expression = Attributes(payload);
        (expression.string(NFTA_EXPR_NAME).unwrap_or_default(), expression.inside(NFTA_EXPR_DATA))
    })
}

/// Reads counter and verdict of a rule.
pub fn scan(list: Attributes<'_>) -> Scan<'_> {
    let mut scan = Scan { verdict: Verdict::Continue, counter: None, exact: false };
    let mut logs = false;
    for (name, data) in expressions(list) {
        let verdict = match name {
            b"counter" => {
                let read = |kind| data.long(kind).unwrap_or_default();
                let count = Count { packets: read(NFTA_COUNTER_PACKETS), bytes: read(NFTA_COUNTER_BYTES) };
                (scan.counter, scan.exact) = (Some(Counter::Own(count)), true);
                continue;
            }
            b"objref" => {
                match data.string(NFTA_OBJREF_IMM_NAME) {
                    Some(name) if data.number(NFTA_OBJREF_IMM_TYPE) == Some(NFT_OBJECT_COUNTER) => {
                        (scan.counter, scan.exact) = (Some(Counter::Named(name)), true);
                    }
                    _ => scan.exact = false,
                }
                continue;
            }
            b"immediate" if data.number(NFTA_IMMEDIATE_DREG) == Some(REG_VERDICT) => {
                Verdict::in_data(data.inside(NFTA_IMMEDIATE_DATA))
            }
            b"lookup" if data.number(NFTA_LOOKUP_DREG) == Some(REG_VERDICT) => {
                scan.exact = false;
                data.string(NFTA_LOOKUP_SET).map(Verdict::Map)
            }
            b"reject" => Some(Verdict::Reject),
            b"queue" => Some(Verdict::Queue),
            b"target" => target(data.string(NFTA_TARGET_NAME).unwrap_or_default(), &mut logs),
            b"masq" => Some(Verdict::Statement("masquerade")),
            b"redir" => Some(Verdict::Statement("redirect")),
            b"nat" => Some(Verdict::Statement("nat")),
            b"fwd" => Some(Verdict::Statement("fwd")),
            b"synproxy" => Some(Verdict::Statement("synproxy")),
            b"log" => {
                logs = true;
                None
            }
            b"immediate" | b"last" | b"notrack" | b"dup" => None,
            b"match" if data.string(NFTA_MATCH_NAME) == Some(b"comment") => None,
            _ => {
                scan.exact = false;
                None
            }
        };
        if let Some(verdict) = verdict {
            scan.verdict = verdict;
            return scan;
        }
    }
    scan.verdict = match (logs, scan.counter) {
        (true, _) => Verdict::Statement("log"),
        (false, Some(_)) => Verdict::Statement("count"),
        (false, None) => Verdict::Continue,
    };
    scan
}

/// The verdict of a target of the xtables kind, when it ends the rule.
fn target<'a>(name: &'a [u8], logs: &mut bool) -> Option<Verdict<&'a [u8]>> {
    match name {
        b"LOG" | b"NFLOG" => {
            *logs = true;
            None
        }
        b"REJECT" => Some(Verdict::Reject),
        b"NFQUEUE" => Some(Verdict::Queue),
        name => Some(Verdict::Target(name)),
    }
}

/// Whether a name is one that the kernel gave to a set that has none: `__set0`, `__map1`.
pub fn is_anonymous(set: &[u8]) -> bool {
    until_nul(set).starts_with(b"__set") || until_nul(set).starts_with(b"__map")
}

/// A number of one to four bytes in network byte order.
pub fn big_number(bytes: &[u8]) -> Option<u32> {
    match *bytes {
        [a] => Some(u32::from(a)),
        [a, b] => Some(u32::from(u16::from_be_bytes([a, b]))),
        [_, _, _, _] => big_u32(bytes),
        _ => None,
    }
}
