//! The ledger: where the inbound bytes of the interface went.

use super::{Depth, name, sentence, window};
use crate::case::{Account, CameBy, Entry};
use crate::units;

/// Entries of the short answer that are shown one by one; one more takes no more room than a row of "others".
const MOST_ENTRIES_IN_BRIEF: usize = 3;
/// Entries that are shown one by one; what is smaller is summed up.
const MOST_ENTRIES: usize = 8;
/// The same when the reader asks for more.
const MOST_ENTRIES_IN_FULL: usize = 40;
/// The share of all from which on an interface is named.
const LEAST_SHARE: f64 = 0.01;
/// Disagreements that are shown.
const MOST_DISAGREEMENTS: usize = 6;
/// An unexplained share that a reader must not overlook.
const MUCH_UNEXPLAINED: f64 = 0.05;

/// Where the inbound bytes went.
pub struct LedgerSection {
    /// How much, and on which interface: "56.4 MB on eth0".
    pub total: String,
    /// The same with packets and the window.
    pub total_in_full: String,
    /// The interface counted nothing: the sentence that says so.
    pub nothing: Option<String>,
    /// The entries in falling order, what is summed up, what is unexplained.
    pub bars: Vec<Bar>,
    /// Figures of different sources that disagree.
    pub disagreements: Vec<String>,
}

/// One row of the ledger.
pub struct Bar {
    /// Which row it is.
    pub part: Part,
    /// Its share of the interface's bytes; none when that is not known.
    pub share: Option<f64>,
    /// The share for people.
    pub percent: String,
    /// Bytes for people.
    pub bytes: String,
    /// Packets for people, where they are known.
    pub packets: Option<String>,
    /// Where these bytes went.
    pub label: String,
}

/// The kinds of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One end.
    Entry,
    /// The sum of the ends that are too small to show.
    Others,
    /// What no end explains, which is little.
    Unexplained,
    /// What no end explains, which is much.
    MuchUnexplained,
}

impl LedgerSection {
    pub(super) fn of(account: &Account, depth: Depth) -> Self {
        let interface = came_by(account);
        let bytes = units::bytes(account.bytes as f64);
        let packets = match account.packets {
            1 => "1 packet".to_owned(),
            packets => format!("{} packets", units::count(packets as f64)),
        };
        let nothing = (account.packets == 0)
            .then(|| format!("Nothing came in: {interface} counted no packet in {}.", window(account.seconds)));
        LedgerSection {
            total: format!("{bytes} on {interface}"),
            total_in_full: format!("{bytes} in {packets} on {interface}, in {}", window(account.seconds)),
            bars: if nothing.is_some() { Vec::new() } else { bars(account, depth) },
            nothing,
            disagreements: account.disagreements.iter().map(|text| sentence(text)).take(MOST_DISAGREEMENTS).collect(),
        }
    }
}

/// The interface; of several that brought more than a little each with its bytes; with the way that packets take within the
/// host, where they cross several devices.
fn came_by(account: &Account) -> String {
    let way = |of: &CameBy| of.way.iter().map(|part| name(part)).collect::<Vec<_>>().join(" → ");
    let several: Vec<&CameBy> = account.interfaces.iter().filter(|of| of.share >= LEAST_SHARE).collect();
    match several[..] {
        [only] if only.way.len() > 1 => way(only),
        [] | [_] => name(&account.interface),
        _ => several
            .iter()
            .map(|of| format!("{} ({})", way(of), units::bytes(of.bytes as f64)))
            .collect::<Vec<_>>()
            .join(" and "),
    }
}

fn bars(account: &Account, depth: Depth) -> Vec<Bar> {
    let most = match depth {
        Depth::Brief => MOST_ENTRIES_IN_BRIEF,
        Depth::Short => MOST_ENTRIES,
        Depth::Full => MOST_ENTRIES_IN_FULL,
    };
    // A single entry beyond the limit is shown: a row of "others" would take its place and say less.
    let shown = if account.entries.len() <= most + 1 { account.entries.len() } else { most };
    let (large, small) = account.entries.split_at(shown);
    let mut bars: Vec<Bar> = large
        .iter()
        .map(|entry| Bar::new(Part::Entry, Some(entry.share), entry.bytes, Some(entry.packets), name(&entry.label)))
        .collect();
    if !small.is_empty() {
        let sum = |figure: fn(&Entry) -> u64| small.iter().map(figure).fold(0, u64::saturating_add);
        let bytes = sum(|entry| entry.bytes);
        let share = (account.bytes > 0).then(|| bytes as f64 / account.bytes as f64);
        let label = format!("{} others", units::count(small.len() as f64));
        bars.push(Bar::new(Part::Others, share, bytes, Some(sum(|entry| entry.packets)), label));
    }
    let much = account.unexplained_share.is_some_and(|share| share > MUCH_UNEXPLAINED);
    let part = if much { Part::MuchUnexplained } else { Part::Unexplained };
    bars.push(Bar::new(part, account.unexplained_share, account.unexplained_bytes, None, "unexplained".to_owned()));
    bars
}

impl Bar {
    fn new(part: Part, share: Option<f64>, bytes: u64, packets: Option<u64>, label: String) -> Self {
        let share = share.filter(|share| share.is_finite());
        Bar {
            part,
            share,
            percent: share.map_or_else(|| "?".to_owned(), units::percent),
            bytes: units::bytes(bytes as f64),
            packets: packets.map(|packets| units::count(packets as f64)),
            label,
        }
    }
}
