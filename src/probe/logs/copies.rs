//! Lines that a host keeps twice: in the journal, and in the files that a syslog daemon writes of it. They are known by what
//! follows time and host, and count once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Different lines that are kept, at most.
const MOST: usize = 131_072;

/// Lines of the journal that patterns match, by the hash of what follows time and host, and how often each came.
#[derive(Debug, Default)]
pub(super) struct OfJournal(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    lines: HashMap<u64, u64>,
    /// Lines that there was no place for.
    left_out: u64,
}

impl OfJournal {
    /// Notes a line that came so many times.
    fn note(&self, text: u64, times: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.lines.len() >= MOST;
        match counts.lines.get_mut(&text) {
            Some(count) => *count = count.saturating_add(times),
            None if full => counts.left_out = counts.left_out.saturating_add(times),
            None => drop(counts.lines.insert(text, times)),
        }
    }

    /// What was noted, and how many lines were not.
    pub(super) fn noted(self) -> (HashMap<u64, u64>, u64) {
        let counts = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (counts.lines, counts.left_out)
    }
}

/// What a file holds of the journal's lines. Each file is held against the whole journal: a daemon writes some lines to several.
#[derive(Debug)]
pub(super) struct OfFile<'j> {
    journal: &'j HashMap<u64, u64>,
    met: Mutex<HashMap<u64, u64>>,
}

impl<'j> OfFile<'j> {
    pub(super) fn new(journal: &'j HashMap<u64, u64>) -> Self {
        OfFile { journal, met: Mutex::default() }
    }

    /// How often of so many times a line is the journal's.
    fn known(&self, text: u64, times: u64) -> u64 {
        let Some(in_journal) = self.journal.get(&text) else { return 0 };
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let met = met.entry(text).or_default();
        let known = times.min(in_journal.saturating_sub(*met));
        *met += known;
        known
    }
}

/// What a scan has to do with lines that are kept twice.
#[derive(Debug, Clone, Copy)]
pub(super) enum Copies<'a> {
    /// There is nothing that they could be copies of.
    None,
    /// They are of the journal.
    Note(&'a OfJournal),
    /// They may be of the journal, too.
    Know(&'a OfFile<'a>),
}

impl Copies<'_> {
    /// How often of so many times a line was counted already.
    pub(super) fn counted(self, text: impl FnOnce() -> u64, times: u64) -> u64 {
        match self {
            Copies::None => 0,
            Copies::Note(journal) => {
                journal.note(text(), times);
                0
            }
            Copies::Know(file) => file.known(text(), times),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_has_beyond_the_journal_is_not_counted_yet() {
        let journal = OfJournal::default();
        let note = Copies::Note(&journal);
        assert_eq!((note.counted(|| 1, 1), note.counted(|| 1, 2), note.counted(|| 2, 1)), (0, 0, 0));
        let (lines, left_out) = journal.noted();
        assert_eq!(left_out, 0);
        for _ in 0..2 {
            // The same lines in a second file are copies again.
            let file = OfFile::new(&lines);
            let known = Copies::Know(&file);
            assert_eq!(known.counted(|| 1, 1), 1);
            assert_eq!(known.counted(|| 1, 4), 2, "the journal has three");
            assert_eq!(known.counted(|| 1, 1), 0);
            assert_eq!((known.counted(|| 2, 1), known.counted(|| 3, 1)), (1, 0));
        }
    }

    #[test]
    fn lines_beyond_the_most_are_said_and_not_kept() {
        let journal = OfJournal::default();
        (0..MOST as u64 + 7).for_each(|text| journal.note(text, 1));
        let (lines, left_out) = journal.noted();
        assert_eq!((lines.len(), left_out), (MOST, 7));
    }
}
