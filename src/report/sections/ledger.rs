//! The ledger: where the inbound bytes of the interface went, and where its outbound bytes came from.

use super::{Depth, name, sentence, window};
use crate::case::{Account, CameBy, Entry, LostOnTheWay, Outbound};
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

/// What was lost on its way out that is told one by one; and in the short answer, where more than a few were.
const MOST_LOST: usize = 8;
const MOST_LOST_IN_BRIEF: usize = 1;
const FEW_LOST: u64 = 10;
/// How many times as much as came in must have left for that side to come first in the short answer.
const FAR_MORE: u64 = 3;

/// Where the inbound bytes went, or where the outbound bytes came from.
pub struct LedgerSection {
    /// Which side it is, as a heading.
    pub heading: &'static str,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// What the column of labels is headed by: `Where`, `From`.
    pub column: &'static str,
    /// How much, and on which interface: "56.4 MB on eth0".
    pub total: String,
    /// The same with packets and the window.
    pub total_in_full: String,
    /// The interface counted nothing: the sentence that says so.
    pub nothing: Option<String>,
    /// The entries in falling order, what is summed up, what is unexplained.
    pub bars: Vec<Bar>,
    /// What is told beside the sum: how both sides compare, what never left.
    pub notes: Vec<String>,
    /// Figures of different sources that disagree.
    pub disagreements: Vec<String>,
    /// It is what matters more, and comes first in the short answer.
    pub leads: bool,
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
        let interface = by_interfaces(&account.interfaces, &account.interface);
        let bytes = units::bytes(account.bytes as f64);
        let packets = packets_said(account.packets);
        let nothing = (account.packets == 0)
            .then(|| format!("Nothing came in: {interface} counted no packet in {}.", window(account.seconds)));
        let sum = Sum {
            entries: &account.entries,
            bytes: account.bytes,
            unexplained_bytes: account.unexplained_bytes,
            unexplained_share: account.unexplained_share,
        };
        LedgerSection {
            heading: "Where the inbound bytes went",
            direction: "inbound",
            column: "Where",
            total: format!("{bytes} on {interface}"),
            total_in_full: format!("{bytes} in {packets} on {interface}, in {}", window(account.seconds)),
            bars: if nothing.is_some() { Vec::new() } else { bars(&sum, depth) },
            nothing,
            notes: Vec::new(),
            disagreements: account.disagreements.iter().map(|text| sentence(text)).take(MOST_DISAGREEMENTS).collect(),
            leads: !account.outbound.as_ref().is_some_and(|outbound| leads(outbound, account)),
        }
    }

    /// The other side; none where it was not accounted for.
    pub(super) fn of_sent(account: &Account, depth: Depth) -> Option<Self> {
        let outbound = account.outbound.as_ref()?;
        let interface = by_interfaces(&outbound.interfaces, &account.interface);
        let bytes = units::bytes(outbound.bytes as f64);
        let packets = packets_said(outbound.packets);
        let nothing = (outbound.packets == 0)
            .then(|| format!("Nothing left: {interface} counted no packet in {}.", window(account.seconds)));
        let sum = Sum {
            entries: &outbound.entries,
            bytes: outbound.bytes,
            unexplained_bytes: outbound.unexplained_bytes,
            unexplained_share: outbound.unexplained_share,
        };
        let ratio = |ratio: f64| match ratio {
            ratio if ratio >= 10.0 => format!("{ratio:.0}"),
            ratio if ratio >= 0.095 => format!("{ratio:.1}"),
            ratio if ratio >= 0.005 => format!("{ratio:.2}"),
            ratio if ratio > 0.0 => "< 0.01".to_owned(),
            _ => "0".to_owned(),
        };
        let now = outbound.ratio.map(|now| format!("{} × what came in", ratio(now)));
        let ever = outbound.ratio_since_boot.map(|ever| format!("{} × since boot", ratio(ever)));
        let beside: String = now.iter().chain(&ever).map(|part| format!(", {part}")).collect();
        Some(LedgerSection {
            heading: "Where the outbound bytes came from",
            direction: "outbound",
            column: "From",
            total: format!("{bytes} on {interface}{beside}"),
            total_in_full: format!("{bytes} in {packets} on {interface}, in {}{beside}", window(account.seconds)),
            bars: if nothing.is_some() { Vec::new() } else { bars(&sum, depth) },
            nothing,
            notes: lost(&outbound.lost, depth),
            disagreements: outbound.disagreements.iter().map(|text| sentence(text)).take(MOST_DISAGREEMENTS).collect(),
            leads: leads(outbound, account),
        })
    }

    /// What stays unexplained, for people.
    pub fn unexplained(&self) -> Option<&Bar> {
        self.bars.iter().find(|bar| matches!(bar.part, Part::Unexplained | Part::MuchUnexplained))
    }
}

/// Whether so much more left that this side tells more.
fn leads(outbound: &Outbound, account: &Account) -> bool {
    outbound.bytes > account.bytes.saturating_mul(FAR_MORE)
}

fn packets_said(packets: u64) -> String {
    match packets {
        1 => "1 packet".to_owned(),
        packets => format!("{} packets", units::count(packets as f64)),
    }
}

/// What never left, as sentences.
fn lost(lost: &[LostOnTheWay], depth: Depth) -> Vec<String> {
    let (most, least) = match depth {
        Depth::Brief => (MOST_LOST_IN_BRIEF, FEW_LOST),
        Depth::Short => (MOST_LOST, FEW_LOST),
        Depth::Full => (MOST_LOST, 1),
    };
    let told = lost.iter().filter(|of| of.packets >= least).take(most);
    told.map(|of| sentence(&format!("Never left, and in no sum: {}, {}", packets_said(of.packets), of.label))).collect()
}

/// One side's entries and what they leave over.
struct Sum<'a> {
    entries: &'a [Entry],
    bytes: u64,
    unexplained_bytes: u64,
    unexplained_share: Option<f64>,
}

/// The interface; of several that brought more than a little each with its bytes; with the way that packets take within the
/// host, where they cross several devices.
fn by_interfaces(interfaces: &[CameBy], only: &str) -> String {
    let way = |of: &CameBy| match &of.way[..] {
        [] => name(&of.interface),
        way => way.iter().map(|part| name(part)).collect::<Vec<_>>().join(" → "),
    };
    let several: Vec<&CameBy> = interfaces.iter().filter(|of| of.share >= LEAST_SHARE).collect();
    match several[..] {
        [of] => way(of),
        [] => name(only),
        _ => several
            .iter()
            .map(|of| format!("{} ({})", way(of), units::bytes(of.bytes as f64)))
            .collect::<Vec<_>>()
            .join(" and "),
    }
}

fn bars(account: &Sum<'_>, depth: Depth) -> Vec<Bar> {
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
