//! Entries, read one after another: when each was written, and the values of the fields that are looked at.

use std::rc::Rc;

use super::arrays::Arrays;
use super::choice::{Choice, Faults};
use super::fields::{Data, FIELDS, Field, Fields};
use super::header::Header;
use super::object::{le32, le64};
use super::pages::Pages;
use super::stamp::{self, Dating, Stamp};

/// Fields of an entry that are looked at: what journald writes at most.
const MOST_FIELDS: u64 = 1024;

/// Entries and values that are read before it is asked whether to stop.
const WORK: u64 = 4096;

/// What reads entries.
pub(super) struct EntryReader<'f> {
    pub pages: Pages<'f>,
    pub header: &'f Header,
    arrays: &'f Arrays,
    dating: Option<&'f Dating>,
    pub choice: &'f Choice,
    fields: Fields,
    /// Where the fields of the entry lie.
    places: Vec<u64>,
    /// Says whether to stop, and how much was done since that was asked.
    stop: &'f (dyn Fn() -> bool + 'f),
    work: u64,
    /// Whether it was told to stop.
    pub stopped: bool,
    /// What could not be read so far.
    pub faults: Faults,
}

/// An entry.
pub(super) struct Entry {
    /// When it was written, in microseconds since 1970.
    pub at: u64,
    /// Whether the wall clock said another time then.
    pub redated: bool,
    values: [Option<Rc<[u8]>>; FIELDS],
    /// Where its message lies.
    pub message: Option<u64>,
}

impl Entry {
    /// The first value of a field.
    pub(super) fn value(&self, field: Field) -> Option<&[u8]> {
        self.values.get(field as usize).and_then(Option::as_deref)
    }
}

impl<'f> EntryReader<'f> {
    pub(super) fn new(
        pages: Pages<'f>,
        header: &'f Header,
        arrays: &'f Arrays,
        dating: Option<&'f Dating>,
        choice: &'f Choice,
        stop: &'f (dyn Fn() -> bool + 'f),
    ) -> Self {
        EntryReader {
            pages,
            header,
            arrays,
            dating,
            choice,
            fields: Fields::new(),
            places: Vec::new(),
            stop,
            work: 0,
            stopped: false,
            faults: Faults::default(),
        }
    }

    /// Asks from time to time, also where no entry is taken.
    pub(super) fn is_to_stop(&mut self) -> bool {
        self.work += 1;
        if self.work >= WORK {
            self.work = 0;
            self.stopped |= (self.stop)();
        }
        self.stopped
    }

    /// Reads an entry. The outer None: it is damaged; the inner: it is of another time or boot than is asked for.
    pub(super) fn read(&mut self, number: u64) -> Option<Option<Entry>> {
        let offset = self.arrays.offset(&mut self.pages, number)?;
        let stamp = Stamp::read(&mut self.pages, self.header, offset)?;
        let (at, redated) = stamp::time(self.dating, stamp.realtime, stamp.monotonic, &stamp.boot);
        let in_boot = self.choice.boot.is_none_or(|boot| boot == stamp.boot);
        if at < self.choice.from || at > self.choice.to || !in_boot {
            return Some(None);
        }
        let width: u64 = if self.header.compact { 4 } else { 16 };
        let items = ((stamp.size - stamp::HEAD) / width).min(MOST_FIELDS);
        let bytes = self.pages.get(offset + stamp::HEAD, usize::try_from(items * width).ok()?)?;
        self.places.clear();
        self.places.extend(
            bytes
                .chunks_exact(width as usize)
                .filter_map(|item| if width == 4 { le32(item, 0).map(u64::from) } else { le64(item, 0) }),
        );
        let mut entry = Entry { at, redated, values: [const { None }; FIELDS], message: None };
        let mut damaged = false;
        let read_before = self.fields.read;
        for place in &self.places {
            match self.fields.data(&mut self.pages, self.header, *place) {
                Data::Other => {}
                Data::Value(field, value) => {
                    if let Some(place) = entry.values.get_mut(field as usize) {
                        place.get_or_insert(value);
                    }
                }
                // The first, as journalctl shows it.
                Data::Message => {
                    entry.message.get_or_insert(*place);
                }
                Data::Damaged => damaged = true,
                Data::Foreign => self.faults.foreign += 1,
            }
        }
        self.work += self.places.len() as u64 / 8 + (self.fields.read - read_before);
        if entry.message.is_none() && damaged {
            return None;
        }
        Some(Some(entry))
    }

    /// The text of a message.
    pub(super) fn message(&mut self, place: u64) -> Option<&[u8]> {
        self.fields.message(&mut self.pages, self.header, place)
    }
}
