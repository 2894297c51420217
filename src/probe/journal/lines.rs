//! Entries as lines of a log: `2026-11-22T15:04:05.123456Z host sshd[77]: message`. Bytes that no line can hold are written as
//! rsyslog writes them (`#012`), so that the same message is the same text in both.

use std::io::{self, Read};
use std::ops::Range;
use std::rc::Rc;

use jiff::Timestamp;

use super::arrays::Arrays;
use super::author::{Identity, word};
use super::fields::{Data, FIELDS, Field, Fields};
use super::header::{BootId, Header};
use super::object::{le32, le64};
use super::pages::Pages;
use super::stamp::{self, Dating, Stamp};

/// Fields of an entry that are looked at: what journald writes at most.
const MOST_FIELDS: u64 = 1024;

/// Entries and values that are read before it is asked whether to stop.
const WORK: u64 = 4096;

/// Which entries are asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::probe) struct Choice {
    /// From when on, in microseconds since 1970.
    pub from: u64,
    /// Until when; that moment belongs to it.
    pub to: u64,
    /// Those of these units; of all, if there is none.
    pub units: Vec<String>,
    /// Those of this priority and of graver ones.
    pub priority: Option<u8>,
    /// Those of this boot.
    pub boot: Option<BootId>,
}

impl Choice {
    /// The same, of another span of time.
    pub(in crate::probe) fn within(&self, from: Timestamp, to: Timestamp) -> Self {
        let micros = |at: Timestamp| u64::try_from(at.as_microsecond()).unwrap_or(0);
        Choice { from: micros(from), to: micros(to), ..self.clone() }
    }
}

/// What could not be read of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::probe) struct Faults {
    /// Entries that are cut off or damaged.
    pub damaged: u64,
    /// Messages that are packed in a way that is not read here.
    pub foreign: u64,
    /// Entries that were dated by the time since the boot, for the wall clock was set after them.
    pub redated: u64,
}

/// The lines of some entries, in their order.
pub(in crate::probe) struct Lines<'f> {
    pages: Pages<'f>,
    header: &'f Header,
    arrays: &'f Arrays,
    dating: Option<&'f Dating>,
    choice: &'f Choice,
    next: u64,
    end: u64,
    fields: Fields,
    /// Where the fields of the entry lie.
    places: Vec<u64>,
    /// Lines that were not taken yet, from `taken` on.
    text: Vec<u8>,
    taken: usize,
    /// A second, and how it is written.
    second: (i64, String),
    /// Whether to stop, and what was done since that was asked.
    stop: &'f (dyn Fn() -> bool + 'f),
    work: u64,
    /// Whether it was told to stop.
    pub stopped: bool,
    /// What could not be read so far.
    pub faults: Faults,
}

impl<'f> Lines<'f> {
    pub(super) fn new(
        pages: Pages<'f>,
        header: &'f Header,
        arrays: &'f Arrays,
        dating: Option<&'f Dating>,
        choice: &'f Choice,
        entries: Range<u64>,
        stop: &'f (dyn Fn() -> bool + 'f),
    ) -> Self {
        Lines {
            pages,
            header,
            arrays,
            dating,
            choice,
            next: entries.start,
            end: entries.end,
            fields: Fields::new(),
            places: Vec::new(),
            text: Vec::new(),
            taken: 0,
            second: (i64::MIN, String::new()),
            stop,
            work: 0,
            stopped: false,
            faults: Faults::default(),
        }
    }

    /// Entries that were not read yet.
    pub(in crate::probe) fn left(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }

    /// Why bytes that should be there could not be read.
    pub(in crate::probe) fn error(&mut self) -> Option<io::Error> {
        self.pages.error.take()
    }

    /// Asks from time to time, also where no entry makes a line.
    fn is_to_stop(&mut self) -> bool {
        self.work += 1;
        if self.work >= WORK {
            self.work = 0;
            self.stopped |= (self.stop)();
        }
        self.stopped
    }

    /// Writes the line of an entry, if it is asked for. None: it is damaged.
    fn entry(&mut self, entry: u64) -> Option<()> {
        let offset = self.arrays.offset(&mut self.pages, entry)?;
        let stamp = Stamp::read(&mut self.pages, self.header, offset)?;
        let (at, redated) = stamp::time(self.dating, stamp.realtime, stamp.monotonic, &stamp.boot);
        let in_boot = self.choice.boot.is_none_or(|boot| boot == stamp.boot);
        if at < self.choice.from || at > self.choice.to || !in_boot {
            return Some(());
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
        let mut values: [Option<Rc<[u8]>>; FIELDS] = [const { None }; FIELDS];
        let (mut message, mut damaged) = (None, false);
        let read_before = self.fields.read;
        for place in &self.places {
            match self.fields.data(&mut self.pages, self.header, *place) {
                Data::Other => {}
                Data::Value(field, value) => {
                    if let Some(place) = values.get_mut(field as usize) {
                        place.get_or_insert(value);
                    }
                }
                // The first, as journalctl shows it.
                Data::Message => {
                    message.get_or_insert(*place);
                }
                Data::Damaged => damaged = true,
                Data::Foreign => self.faults.foreign += 1,
            }
        }
        self.work += self.places.len() as u64 / 8 + (self.fields.read - read_before);
        if message.is_none() && damaged {
            return None;
        }
        let value = |field: Field| values.get(field as usize).and_then(Option::as_deref);
        if !self.is_asked_for(&value) {
            return Some(());
        }
        self.faults.redated += u64::from(redated);
        let begin = self.text.len();
        self.time(at)?;
        word(&mut self.text, value(Field::Hostname).unwrap_or(b"-"));
        self.text.push(b' ');
        let identity = Identity {
            transport: value(Field::Transport),
            identifier: value(Field::Identifier),
            command: value(Field::Command),
            executable: value(Field::Executable),
            user: value(Field::User),
            unit: value(Field::Unit),
        };
        identity.author().write(&mut self.text);
        let of_kernel = identity.transport == Some(b"kernel");
        let pid = value(Field::SyslogPid).or(value(Field::Pid)).filter(|_| !of_kernel);
        if let Some(pid) = pid.filter(|pid| !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)) {
            self.text.push(b'[');
            self.text.extend_from_slice(pid);
            self.text.push(b']');
        }
        self.text.extend_from_slice(b": ");
        if let Some(place) = message {
            match self.fields.message(&mut self.pages, self.header, place) {
                Some(message) => in_line(&mut self.text, message),
                None => {
                    self.text.truncate(begin);
                    return None;
                }
            }
        }
        self.text.push(b'\n');
        Some(())
    }

    fn is_asked_for<'v>(&self, value: &impl Fn(Field) -> Option<&'v [u8]>) -> bool {
        if let Some(most) = self.choice.priority {
            let priority = match value(Field::Priority) {
                Some([digit @ b'0'..=b'7']) => digit - b'0',
                _ => return false,
            };
            if priority > most {
                return false;
            }
        }
        let units = &self.choice.units;
        if units.is_empty() {
            return true;
        }
        let named = |unit: Option<&[u8]>| unit.is_some_and(|unit| units.iter().any(|asked| asked.as_bytes() == unit));
        // As `journalctl -u` does: what the unit said, and what was said about it by those who may.
        named(value(Field::Unit))
            || (named(value(Field::UnitOfManager)) && value(Field::Pid) == Some(b"1"))
            || (named(value(Field::ObjectUnit)) && value(Field::User) == Some(b"0"))
    }

    fn time(&mut self, at: u64) -> Option<()> {
        let (second, micros) = (i64::try_from(at / 1_000_000).ok()?, at % 1_000_000);
        if self.second.0 != second {
            self.second = (second, Timestamp::from_second(second).ok()?.to_string());
        }
        self.text.extend_from_slice(self.second.1.strip_suffix('Z')?.as_bytes());
        self.text.push(b'.');
        let mut digits = [b'0'; 6];
        let mut rest = micros;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.text.extend_from_slice(&digits);
        self.text.extend_from_slice(b"Z ");
        Some(())
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            let ready = self.text.get(self.taken..).unwrap_or_default();
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let taken = ready.len().min(room.len());
            if let (Some(room), Some(ready)) = (room.get_mut(..taken), ready.get(..taken)) {
                room.copy_from_slice(ready);
            }
            (filled, self.taken) = (filled + taken, self.taken + taken);
            if filled == buffer.len() {
                return Ok(filled);
            }
            self.text.clear();
            self.taken = 0;
            if self.next >= self.end || self.is_to_stop() {
                return Ok(filled);
            }
            let entry = self.next;
            self.next += 1;
            if self.entry(entry).is_none() {
                self.faults.damaged += 1;
            }
        }
    }
}

/// Writes a message so that it stays one line.
fn in_line(line: &mut Vec<u8>, message: &[u8]) {
    let is_control = |byte: &u8| *byte < 0x20 || *byte == 0x7f;
    let mut rest = message;
    while let Some(at) = rest.iter().position(is_control) {
        let (plain, after) = rest.split_at(at);
        line.extend_from_slice(plain);
        let byte = after.first().copied().unwrap_or_default();
        line.extend([b'#', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
        rest = after.get(1..).unwrap_or_default();
    }
    line.extend_from_slice(rest);
}
