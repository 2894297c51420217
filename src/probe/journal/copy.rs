//! A journal file that lies somewhere as a copy: its last entries as the text of a log.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::header::SIGNATURE;
use super::{Choice, Journal, header};

/// Entries that are read at a time, from the last on.
const ENTRIES: u64 = 4096;

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// How long one file is read.
const LONGEST: Duration = Duration::from_secs(5);

/// A journal file.
#[derive(Debug)]
pub struct JournalFile(Journal);

/// The last lines of a journal.
#[derive(Debug, Default)]
pub struct LastLines {
    /// A line for each entry: `2026-11-22T15:04:05.123456Z host sshd[77]: message`.
    pub text: Vec<u8>,
    /// Whether there are entries before them.
    pub more: bool,
    /// Whether that is because the time was over.
    pub late: bool,
    /// Whether entries are cut off, damaged, or packed in a way that is not read here.
    pub damaged: bool,
}

/// Whether a file begins as a journal does.
pub fn is_journal(file: &File) -> bool {
    let mut head = [0; SIGNATURE.len()];
    file.read_exact_at(&mut head, 0).is_ok() && head == *SIGNATURE
}

impl JournalFile {
    /// Opens a journal; none if it cannot be read.
    pub fn open(file: File) -> Option<Self> {
        Journal::open(file).ok().map(JournalFile)
    }

    /// When the last entry of a file was written, as its header says.
    pub fn last(file: &File) -> Option<Timestamp> {
        let header = header(file).ok().filter(|header| header.entries > 0)?;
        Timestamp::from_microsecond(i64::try_from(header.last_realtime).ok()?).ok()
    }

    /// The last lines, of about so many bytes.
    pub fn last_lines(&self, most: usize) -> LastLines {
        let choice = Choice { to: u64::MAX, ..Choice::default() };
        let mut last = LastLines { damaged: self.0.lost() > 0, ..LastLines::default() };
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let (mut bytes, mut end) = (0, self.0.arrays.entries);
        let began = Instant::now();
        let stop = || began.elapsed() > LONGEST;
        while end > 0 && bytes < most {
            let start = end.saturating_sub(ENTRIES);
            let mut lines = self.0.lines(None, &choice, start..end, &stop);
            let (mut part, mut piece) = (Vec::new(), vec![0; PIECE]);
            while let Ok(read @ 1..) = lines.read(&mut piece) {
                part.extend(piece.iter().take(read));
                // Of entries that are larger than all that is wanted, the last count.
                if part.len() > most.saturating_mul(2).max(PIECE) {
                    last.more |= keep_last(&mut part, most);
                }
            }
            if lines.stopped() || stop() {
                last.late = true;
                break;
            }
            last.damaged |= lines.faults().damaged > 0 || lines.faults().foreign > 0 || lines.error().is_some();
            last.more |= keep_last(&mut part, most.saturating_sub(bytes));
            bytes += part.len();
            parts.push(part);
            end = start;
            if last.more {
                break;
            }
        }
        last.more |= end > 0;
        last.text = parts.into_iter().rev().flatten().collect();
        last
    }
}

/// Keeps the last whole lines, of so many bytes at most. Whether something was left out.
fn keep_last(lines: &mut Vec<u8>, most: usize) -> bool {
    let Some(over) = lines.len().checked_sub(most).filter(|over| *over > 0) else { return false };
    let rest = lines.get(over - 1..).unwrap_or_default();
    let first = rest.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |newline| over + newline);
    lines.drain(..first);
    true
}
