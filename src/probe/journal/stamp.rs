//! When an entry was written.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};

use super::arrays::Arrays;
use super::header::{BootId, Header};
use super::object::{ENTRY, Object, bytes16, is_place, le64};
use super::pages::Pages;
use crate::sys::clock;

/// Bytes of an entry before the places of its fields.
pub(super) const HEAD: u64 = 64;

/// By so much may a wall clock be off without being wrong, in microseconds.
const CLOSE: u64 = 1_000_000;

/// How far behind an entry that is damaged a whole one is looked for.
const REACH: u64 = 64;

/// Places along the entries that are looked at to see whether their times rise.
const PLACES: u64 = 32;

/// Places where the wall clock may have gone back that are looked for, at most.
const MOST_BREAKS: usize = 64;

/// Entries may stand this much out of order, in microseconds: a wall clock is corrected while it goes.
pub(super) const DISORDER: u64 = 10_000_000;

/// When an entry was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// By the wall clock, in microseconds since 1970.
    pub realtime: u64,
    /// In microseconds since the boot.
    pub monotonic: u64,
    /// The boot.
    pub boot: BootId,
    /// The entry's size, with its beginning.
    pub size: u64,
}

impl Stamp {
    /// Reads the beginning of an entry.
    pub(super) fn read(pages: &mut Pages<'_>, header: &Header, offset: u64) -> Option<Self> {
        if !is_place(offset, header.start, header.end) {
            return None;
        }
        let head = pages.get(offset, HEAD as usize)?;
        let object = Object::parse(head)?;
        if object.kind != ENTRY || object.size < HEAD || object.size > header.end - offset {
            return None;
        }
        Some(Stamp {
            realtime: le64(head, 24)?,
            monotonic: le64(head, 32)?,
            boot: bytes16(head, 40)?,
            size: object.size,
        })
    }
}

/// Tells what the wall clock of now makes of a stamp: entries of this boot are dated by the clock that nobody sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe) struct Dating {
    /// This boot.
    pub boot: BootId,
    /// Now by the wall clock, in microseconds since 1970.
    pub realtime: u64,
    /// Now in microseconds since the boot (`CLOCK_MONOTONIC`).
    pub monotonic: u64,
}

impl Dating {
    /// Of this host as it is now. None where it slept, for nobody counted how long it was awake since an entry, or where the kernel
    /// does not tell the boot.
    pub(in crate::probe) fn of_host() -> Option<Self> {
        if clock::suspended()? >= Duration::from_micros(CLOSE) {
            return None;
        }
        let micros = |clock| u64::try_from(Duration::from(clock_gettime(clock).ok()?).as_micros()).ok();
        Some(Dating {
            boot: this_boot()?,
            realtime: micros(ClockId::CLOCK_REALTIME)?,
            monotonic: micros(ClockId::CLOCK_MONOTONIC)?,
        })
    }
}

/// The boot that this host is in.
pub(in crate::probe) fn this_boot() -> Option<BootId> {
    boot_id(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim())
}

/// The id of a boot, with dashes or without.
pub(in crate::probe) fn boot_id(text: &str) -> Option<BootId> {
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32).map(u128::to_be_bytes)
}

/// The time of an entry in microseconds since 1970, and whether the wall clock said another one when it was written.
pub(super) fn time(dating: Option<&Dating>, realtime: u64, monotonic: u64, boot: &BootId) -> (u64, bool) {
    let Some(dating) = dating.filter(|dating| dating.boot == *boot && monotonic <= dating.monotonic) else {
        return (realtime, false);
    };
    let by_boot = dating.realtime.saturating_sub(dating.monotonic - monotonic);
    if by_boot.abs_diff(realtime) <= CLOSE { (realtime, false) } else { (by_boot, true) }
}

/// Entries of a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe) struct Entries {
    /// The number of the first that may belong to it.
    pub start: u64,
    /// That of the first behind the last.
    pub end: u64,
    /// Whether the times seen rise from one to the other.
    pub sorted: bool,
    /// Where the wall clock went back by more than a correction and into the span or past it, the last time.
    pub set_back: Option<SetBack>,
}

/// A wall clock that went back, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe) struct SetBack {
    /// The time of the last entry before.
    pub from: u64,
    /// That of the first one after.
    pub to: u64,
}

impl SetBack {
    pub(super) fn is_more_than_a_correction(self) -> bool {
        self.to.saturating_add(DISORDER) < self.from
    }

    /// Whether a time of the span may stand for two moments, or for the wrong one.
    pub(super) fn reaches(self, from: u64, to: u64) -> bool {
        self.from >= from && self.to <= to
    }
}

impl fmt::Display for SetBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = |at: u64| Timestamp::from_second(i64::try_from(at / 1_000_000).unwrap_or(0)).unwrap_or_default();
        write!(
            f,
            "the wall clock went back from {} to {}; entries keep the time that it showed",
            second(self.from),
            second(self.to)
        )
    }
}

/// Finds the entries from one time to another, both in microseconds since 1970, with a margin for clocks that were corrected.
///
/// The times of entries rise unless the wall clock is set back, or is behind when the host starts anew. Where that happened is told by
/// the boot and the time since it, which nobody sets: from one such place to the next the entries are found by bisection, and the
/// range is from the first of all to the last.
pub(super) fn entries(
    pages: &mut Pages<'_>,
    header: &Header,
    arrays: &Arrays,
    dating: Option<&Dating>,
    from: u64,
    to: u64,
) -> Entries {
    let mut search = Search { pages, header, arrays, dating, seen: Vec::new() };
    let all = arrays.entries;
    let whole = Entries { start: 0, end: all, sorted: false, set_back: None };
    let places = (0..PLACES).map(|place| u64::try_from(u128::from(all) * u128::from(place) / u128::from(PLACES)));
    let mut marks: Vec<Mark> = Vec::new();
    for entry in places.map(|entry| entry.unwrap_or(0)).chain([all.saturating_sub(1)]) {
        let Some(mark) = search.mark_from(entry, all) else { continue };
        if marks.last().is_none_or(|last| last.entry < mark.entry) {
            marks.push(mark);
        }
    }
    let breaks = search.breaks(&marks);
    let (mut start, mut begun, mut found) = (all, 0, Entries { end: 0, sorted: true, ..whole });
    for end in breaks.iter().map(|(before, _)| before.entry + 1).chain([all]) {
        let first = search.first(begun, end, |at| at >= from.saturating_sub(DISORDER));
        let past = search.first(first, end, |at| at > to.saturating_add(DISORDER));
        if first < past {
            start = start.min(first);
            found.end = past;
        }
        begun = end;
    }
    found.start = start.min(found.end);
    for (before, after) in &breaks {
        let back = SetBack { from: before.at, to: after.at };
        if back.is_more_than_a_correction() {
            found.sorted &= before.entry < found.start || after.entry >= found.end;
            found.set_back = Some(back).filter(|back| back.reaches(from, to)).or(found.set_back);
        }
    }
    if search.rises(&breaks) { found } else { Entries { set_back: found.set_back, ..whole } }
}

/// The last entry of another boot than this one, which is that of the last entries of the file or of none.
pub(super) fn before_boot(pages: &mut Pages<'_>, header: &Header, arrays: &Arrays, boot: &BootId) -> Option<Stamp> {
    let mut stamp = |entry: u64| {
        let offset = arrays.offset(pages, entry)?;
        Stamp::read(pages, header, offset)
    };
    let mut whole_from = |entry: u64, limit: u64| {
        (entry..limit.min(entry.saturating_add(REACH))).find_map(|entry| Some((entry, stamp(entry)?)))
    };
    // Boots follow each other along the entries.
    let (mut low, mut high) = (0, arrays.entries);
    while low < high {
        let middle = low + (high - low) / 2;
        match whole_from(middle, high) {
            Some((entry, stamp)) if stamp.boot != *boot => low = entry + 1,
            _ => high = middle,
        }
    }
    (low.saturating_sub(REACH)..low).rev().find_map(|entry| whole_from(entry, entry + 1)).map(|(_, stamp)| stamp)
}

struct Search<'a, 'f> {
    pages: &'a mut Pages<'f>,
    header: &'a Header,
    arrays: &'a Arrays,
    dating: Option<&'a Dating>,
    seen: Vec<(u64, u64)>,
}

/// An entry that was looked at.
#[derive(Debug, Clone, Copy)]
struct Mark {
    entry: u64,
    at: u64,
    monotonic: u64,
    boot: BootId,
}

impl Mark {
    /// Whether the wall clock may have gone back from here to a later entry: the host started anew, or it seems to have started
    /// earlier than it did.
    fn may_fall_to(&self, later: &Mark) -> bool {
        let began = |mark: &Mark| i128::from(mark.at) - i128::from(mark.monotonic);
        self.boot != later.boot || began(later) + i128::from(DISORDER) < began(self)
    }
}

impl Search<'_, '_> {
    /// The first entry from `low` to `high` whose time is `late`.
    fn first(&mut self, mut low: u64, mut high: u64, late: impl Fn(u64) -> bool) -> u64 {
        let mut found = high;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.mark_from(middle, high) {
                Some(mark) if !late(mark.at) => low = mark.entry + 1,
                Some(mark) => {
                    found = mark.entry;
                    high = middle;
                }
                None => high = middle,
            }
        }
        found
    }

    /// An entry, or the next one that is whole.
    fn mark_from(&mut self, entry: u64, limit: u64) -> Option<Mark> {
        for entry in entry..limit.min(entry.saturating_add(REACH)) {
            let stamp = self.arrays.offset(self.pages, entry);
            let stamp = stamp.and_then(|offset| Stamp::read(self.pages, self.header, offset));
            if let Some(Stamp { realtime, monotonic, boot, .. }) = stamp {
                let (at, _) = time(self.dating, realtime, monotonic, &boot);
                self.seen.push((entry, at));
                return Some(Mark { entry, at, monotonic, boot });
            }
        }
        None
    }

    /// Where the wall clock may have gone back: the entries before and after.
    fn breaks(&mut self, marks: &[Mark]) -> Vec<(Mark, Mark)> {
        let mut breaks = Vec::new();
        for (mark, next) in marks.iter().zip(marks.iter().skip(1)) {
            let mut mark = *mark;
            while mark.may_fall_to(next) && breaks.len() < MOST_BREAKS {
                let (mut before, mut after, mut high) = (mark, *next, next.entry);
                while before.entry + 1 < high {
                    let middle = before.entry + (high - before.entry) / 2;
                    match self.mark_from(middle, high) {
                        Some(seen) if !mark.may_fall_to(&seen) => before = seen,
                        Some(seen) => (after, high) = (seen, middle),
                        None => high = middle,
                    }
                }
                breaks.push((before, after));
                mark = after;
            }
        }
        breaks
    }

    /// Whether the times seen rise along the entries from one break to the next.
    fn rises(&mut self, breaks: &[(Mark, Mark)]) -> bool {
        self.seen.sort_unstable();
        let mut breaks = breaks.iter().map(|(before, _)| before.entry).peekable();
        let mut latest = 0;
        self.seen.iter().all(|(entry, at)| {
            while breaks.next_if(|before| before < entry).is_some() {
                latest = 0;
            }
            latest = latest.max(*at);
            at.saturating_add(DISORDER) >= latest
        })
    }
}
