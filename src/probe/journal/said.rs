//! What a unit said last: the lines of its own processes, by what journald noted of them.

use std::io;
use std::ops::Range;

use super::entry::{Entry, EntryReader};
use super::fields::Field;
use crate::printable::{printable, without_colours};

/// Bytes of a message that are kept.
const LONGEST: usize = 300;
/// The kind of message that systemd leaves where it could not start a program (`SD_MESSAGE_SPAWN_FAILED`). What writes it is about to
/// become that program, and belongs to the unit by its word alone, which is root's.
const NOT_STARTED: &[u8] = b"641257651c1b4ec9a8624d7a40a9e1e7";

/// A line of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probe) struct SaidLine {
    /// When it was written, in microseconds since 1970.
    pub at: u64,
    /// What it says, without colours, other control characters escaped.
    pub text: String,
}

/// The last lines of a unit's processes in these entries, the last first, `most` at most.
pub(super) fn last_said(
    mut reader: EntryReader<'_>,
    entries: Range<u64>,
    unit: &str,
    most: usize,
) -> io::Result<Vec<SaidLine>> {
    let mut said = Vec::new();
    for number in entries.rev() {
        if reader.is_to_stop() || said.len() >= most {
            break;
        }
        let Some(Some(entry)) = reader.read(number) else { continue };
        let Some(place) = entry.message.filter(|_| is_of(&entry, unit.as_bytes())) else { continue };
        let Some(message) = reader.message(place) else { continue };
        // Of a message of several lines the last are what it ends with, and the first may be all that tells why.
        let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let mut lines: Vec<SaidLine> = lines
            .take(most)
            .map(|line| String::from_utf8_lossy(line.get(..LONGEST).unwrap_or(line)).into_owned())
            .map(|line| SaidLine { at: entry.at, text: printable(&*without_colours(&line)) })
            .collect();
        lines.reverse();
        said.extend(lines);
    }
    said.truncate(most);
    reader.pages.error.take().map_or(Ok(said), Err)
}

/// Whether a process of the unit wrote it.
fn is_of(entry: &Entry, unit: &[u8]) -> bool {
    let by_manager = entry.value(Field::Pid) == Some(b"1");
    let of_process = entry.value(Field::Unit) == Some(unit);
    let not_started = entry.value(Field::MessageId) == Some(NOT_STARTED)
        && entry.value(Field::UnitOfManager) == Some(unit)
        && entry.value(Field::User) == Some(b"0");
    !by_manager && (of_process || not_started)
}
