//! When an entry was written.

use std::time::Duration;

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
pub(in super::super) struct Dating {
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
    pub(in super::super) fn of_host() -> Option<Self> {
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
pub(in super::super) fn this_boot() -> Option<BootId> {
    boot_id(std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim())
}

/// The id of a boot, with dashes or without.
pub(in super::super) fn boot_id(text: &str) -> Option<BootId> {
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
pub(in super::super) struct Entries {
    /// The number of the first that may belong to it.
    pub start: u64,
    /// That of the first behind the last.
    pub end: u64,
    /// Whether the times seen rise; if not, the range is all entries.
    pub sorted: bool,
}

/// Finds the entries from one time to another, both in microseconds since 1970, with a margin for clocks that were corrected.
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
    for place in 0..PLACES {
        let entry = u64::try_from(u128::from(all) * u128::from(place) / u128::from(PLACES)).unwrap_or(0);
        search.time_from(entry, all);
    }
    search.time_from(all.saturating_sub(1), all);
    let start = search.first(0, |at| at >= from.saturating_sub(DISORDER));
    let end = search.first(start, |at| at > to.saturating_add(DISORDER));
    let sorted = search.rises();
    if sorted { Entries { start, end, sorted } } else { Entries { start: 0, end: all, sorted } }
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

impl Search<'_, '_> {
    /// The first entry whose time is `late`, from `low` on.
    fn first(&mut self, mut low: u64, late: impl Fn(u64) -> bool) -> u64 {
        let mut high = self.arrays.entries;
        let mut found = high;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.time_from(middle, high) {
                Some((entry, at)) if !late(at) => low = entry + 1,
                Some((entry, _)) => {
                    found = entry;
                    high = middle;
                }
                None => high = middle,
            }
        }
        found
    }

    /// The time of an entry, or of the next one that is whole.
    fn time_from(&mut self, entry: u64, limit: u64) -> Option<(u64, u64)> {
        for entry in entry..limit.min(entry.saturating_add(REACH)) {
            let stamp = self.arrays.offset(self.pages, entry);
            let stamp = stamp.and_then(|offset| Stamp::read(self.pages, self.header, offset));
            if let Some(stamp) = stamp {
                let (at, _) = time(self.dating, stamp.realtime, stamp.monotonic, &stamp.boot);
                self.seen.push((entry, at));
                return Some((entry, at));
            }
        }
        None
    }

    /// Whether the times seen rise along the entries.
    fn rises(&mut self) -> bool {
        self.seen.sort_unstable();
        let mut latest = 0;
        self.seen.iter().all(|(_, at)| {
            latest = latest.max(*at);
            at.saturating_add(DISORDER) >= latest
        })
    }
}
