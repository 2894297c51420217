//! Entries as lines of a log: `2026-11-22T15:04:05.123456Z host sshd[77]: message`. Bytes that no line can hold are written as
//! rsyslog writes them (`#012`), so that the same message is the same text in both.

use std::io::{self, Read};
use std::ops::Range;

use jiff::Timestamp;

use super::arrays::Arrays;
use super::author::{Identity, word};
use super::choice::{Choice, Faults};
use super::entry::{Entry, EntryReader};
use super::fields::Field;
use super::header::Header;
use super::pages::Pages;
use super::stamp::Dating;

/// The lines of some entries, in their order.
pub(in crate::probe) struct Lines<'f> {
    reader: EntryReader<'f>,
    next: u64,
    end: u64,
    /// Lines that were not taken yet, from `taken` on.
    text: Vec<u8>,
    taken: usize,
    /// A second, and how it is written.
    second: (i64, String),
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
        let reader = EntryReader::new(pages, header, arrays, dating, choice, stop);
        Lines {
            reader,
            next: entries.start,
            end: entries.end,
            text: Vec::new(),
            taken: 0,
            second: (i64::MIN, String::new()),
        }
    }

    /// Whether it was told to stop.
    pub(in crate::probe) fn stopped(&self) -> bool {
        self.reader.stopped
    }

    /// What could not be read so far.
    pub(in crate::probe) fn faults(&self) -> Faults {
        self.reader.faults
    }

    /// Entries that were not read yet.
    pub(in crate::probe) fn left(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }

    /// Why bytes that should be there could not be read.
    pub(in crate::probe) fn error(&mut self) -> Option<io::Error> {
        self.reader.pages.error.take()
    }

    /// Writes the line of an entry, if it is asked for. None: it is damaged.
    fn entry(&mut self, number: u64) -> Option<()> {
        let Some(entry) = self.reader.read(number)? else { return Some(()) };
        let value = |field: Field| entry.value(field);
        if !is_asked_for(self.reader.choice, &entry) {
            return Some(());
        }
        self.reader.faults.redated += u64::from(entry.redated);
        let begin = self.text.len();
        self.time(entry.at)?;
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
        if let Some(place) = entry.message {
            match self.reader.message(place) {
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

fn is_asked_for(choice: &Choice, entry: &Entry) -> bool {
    let value = |field: Field| entry.value(field);
    if let Some(most) = choice.priority {
        let priority = match value(Field::Priority) {
            Some([digit @ b'0'..=b'7']) => digit - b'0',
            _ => return false,
        };
        if priority > most {
            return false;
        }
    }
    let units = &choice.units;
    if units.is_empty() {
        return true;
    }
    let named = |unit: Option<&[u8]>| unit.is_some_and(|unit| units.iter().any(|asked| asked.as_bytes() == unit));
    // As `journalctl -u` does: what the unit said, and what was said about it by those who may.
    named(value(Field::Unit))
        || (named(value(Field::UnitOfManager)) && value(Field::Pid) == Some(b"1"))
        || (named(value(Field::ObjectUnit)) && value(Field::User) == Some(b"0"))
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
            if self.next >= self.end || self.reader.is_to_stop() {
                return Ok(filled);
            }
            let entry = self.next;
            self.next += 1;
            if self.entry(entry).is_none() {
                self.reader.faults.damaged += 1;
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
