//! The journal of systemd, read as it lies on the disk: without its library, and without journalctl.
//!
//! `discover` finds the files; `header` and `object` take bytes apart that `pages` reads; `arrays` and `stamp` find the entries of a
//! span of time, by bisection; `fields` and `packed` say what they hold, `author` who wrote them. `lines` makes lines of a log of
//! them, that patterns are searched in as in any other.
//!
//! A journal may be cut, damaged or made by somebody who wants harm: every offset and size in it is checked where it is used, and
//! what is kept of it has a bound. Hashes in it are not needed: nothing is looked up by them.

mod arrays;
mod author;
mod choice;
mod copy;
mod discover;
mod entry;
mod fields;
mod header;
mod lines;
mod manager;
mod object;
mod packed;
mod pages;
mod said;
mod stamp;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;

use crate::case::{Gap, Reason};

use arrays::Arrays;
use entry::EntryReader;
use header::{Header, Unreadable};
use jiff::Timestamp;
use pages::Pages;

pub(in crate::probe) use author::{as_claimed, claimed};
pub(in crate::probe) use choice::{Choice, Faults};
pub use copy::{JournalFile, LastLines, is_journal};
pub(in crate::probe) use discover::{
    Asked, Found, Journals, dirs_of_host, discover, is_name, machine_id, previous_boot,
};
pub(in crate::probe) use header::BootId;
pub(in crate::probe) use lines::Lines;
pub(in crate::probe) use manager::OfUnit;
pub(in crate::probe) use said::SaidLine;
pub(in crate::probe) use stamp::{Dating, Entries, boot_id, this_boot};

/// Who may read a journal.
pub(in crate::probe) const WHO_MAY_READ: &str = "run with sudo, or as a member of the group systemd-journal or adm: others see the entries of their own user alone, \
    and only where the journal is kept by user";

/// A journal file.
#[derive(Debug)]
pub(in crate::probe) struct Journal {
    file: File,
    header: Header,
    arrays: Arrays,
}

impl Journal {
    /// Reads the header of a file, and where its entries are listed.
    pub(in crate::probe) fn open(file: File) -> Result<Self, NotRead> {
        let header = header(&file)?;
        let mut pages = Pages::new(&file);
        let arrays = Arrays::read(&mut pages, &header);
        if let Some(error) = pages.error {
            return Err(NotRead::Io(error));
        }
        Ok(Journal { file, header, arrays })
    }

    /// Entries that the journal says it has, and that no array lists any more: the last.
    pub(in crate::probe) fn lost(&self) -> u64 {
        self.arrays.lost
    }

    /// The entries that the span of time lies in.
    pub(in crate::probe) fn entries(&self, dating: Option<&Dating>, choice: &Choice) -> io::Result<Entries> {
        let mut pages = Pages::new(&self.file);
        let entries = stamp::entries(&mut pages, &self.header, &self.arrays, dating, choice.from, choice.to);
        pages.error.map_or(Ok(entries), Err)
    }

    /// Of the last entry that is of another boot than this one, the boot and the time.
    pub(in crate::probe) fn before(&self, boot: &BootId) -> Option<(BootId, Timestamp)> {
        let mut pages = Pages::new(&self.file);
        let stamp = stamp::before_boot(&mut pages, &self.header, &self.arrays, boot)?;
        Some((stamp.boot, Timestamp::from_microsecond(i64::try_from(stamp.realtime).ok()?).ok()?))
    }

    /// When its first entry was written, as its header says; none where it has none.
    pub(in crate::probe) fn first(&self) -> Option<Timestamp> {
        let first = (self.header.entries > 0).then_some(self.header.first_realtime)?;
        Timestamp::from_microsecond(i64::try_from(first).ok()?).ok()
    }

    /// Hands on what systemd wrote of units in these entries, one after another.
    pub(in crate::probe) fn of_units(
        &self,
        dating: Option<&Dating>,
        choice: &Choice,
        entries: Range<u64>,
        stop: &dyn Fn() -> bool,
        take: &mut dyn FnMut(&OfUnit<'_>),
    ) -> io::Result<manager::Done> {
        manager::of_units(
            EntryReader::new(Pages::new(&self.file), &self.header, &self.arrays, dating, choice, stop),
            entries,
            take,
        )
    }

    /// The last lines that the processes of a unit wrote in these entries, the last first, `most` at most.
    pub(in crate::probe) fn last_said(
        &self,
        dating: Option<&Dating>,
        choice: &Choice,
        entries: Range<u64>,
        unit: &str,
        most: usize,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Vec<SaidLine>> {
        let reader = EntryReader::new(Pages::new(&self.file), &self.header, &self.arrays, dating, choice, stop);
        said::last_said(reader, entries, unit, most)
    }

    /// Some entries as lines.
    pub(in crate::probe) fn lines<'f>(
        &'f self,
        dating: Option<&'f Dating>,
        choice: &'f Choice,
        entries: Range<u64>,
        stop: &'f (dyn Fn() -> bool + 'f),
    ) -> Lines<'f> {
        Lines::new(Pages::new(&self.file), &self.header, &self.arrays, dating, choice, entries, stop)
    }
}

/// Reads a file as a journal from end to end, as far as a search would: for what strangers wrote.
pub(in crate::probe) fn read_through(file: File) {
    let Ok(journal) = Journal::open(file) else { return };
    let choice = Choice { to: u64::MAX, ..Choice::default() };
    let Ok(entries) = journal.entries(None, &choice) else { return };
    let end = entries.end.min(entries.start.saturating_add(MOST_OF_STRANGER));
    let asked = Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) >= STOPS_OF_STRANGER;
    let mut lines = journal.lines(None, &choice, entries.start..end, &stop);
    let mut text = vec![0; 64 * 1024];
    while lines.read(&mut text).is_ok_and(|read| read > 0) {}
}

/// Entries that are read so, and how often it may be asked whether to stop.
const MOST_OF_STRANGER: u64 = 4096;
const STOPS_OF_STRANGER: u32 = 16;

/// Why a file is not read as a journal.
#[derive(Debug)]
pub(in crate::probe) enum NotRead {
    Io(io::Error),
    Header(Unreadable),
}

impl NotRead {
    /// The gap that it is.
    pub(in crate::probe) fn gap(&self, path: &str) -> Gap {
        let tried = format!("read the journal {path}");
        match self {
            NotRead::Io(error) => Gap::io(tried, error),
            NotRead::Header(Unreadable::NoJournal) => {
                Gap::new(Reason::Malformed, tried, "it does not begin as a journal does")
                    .to_fix(format!("look at it with journalctl --header --file={path}"))
            }
            NotRead::Header(Unreadable::Cut) => {
                Gap::new(Reason::Malformed, tried, "it ends within its header, as a file that was cut or is being made")
            }
            NotRead::Header(Unreadable::Unknown(flags)) => Gap::new(
                Reason::Failed,
                tried,
                format!("its header names features that casebook does not know (incompatible flags {flags:#x})"),
            )
            .to_fix(format!("look at it with the journalctl of the host that wrote it: journalctl --file={path}")),
        }
    }
}

fn header(file: &File) -> Result<Header, NotRead> {
    let mut pages = Pages::new(file);
    let header = Header::parse(pages.get(0, header::LOOK).unwrap_or_default());
    match pages.error {
        Some(error) => Err(NotRead::Io(error)),
        None => header.map_err(NotRead::Header),
    }
}

#[cfg(test)]
pub(in crate::probe) mod tests;
