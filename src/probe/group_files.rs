//! The files of control groups: read as far as they are of use, and what could not be read is counted.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::io::Errno;

use crate::case::Gap;
use crate::printable::printable;

/// Bytes of a file that are read: the longest that is has some 40 lines.
const LONGEST: u64 = 4096;
/// Bytes of a list of processes that are read: some 30,000 of them.
const LONG: u64 = 256 * 1024;

/// Reads that failed though what was to be read is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) count: u64,
    pub(super) first: Option<Gap>,
}

impl Failures {
    /// The text of a file of the kernel, its first 4 KiB; none where it is not there, or could not be read.
    pub(super) fn text(&mut self, path: &Path) -> Option<String> {
        self.beginning(path, LONGEST)
    }

    fn beginning(&mut self, path: &Path, most: u64) -> Option<String> {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(most).read_to_string(&mut text));
        self.kept(path, read).map(|_| text)
    }

    /// Adds those of another look.
    pub(super) fn add(&mut self, others: &Failures) {
        self.count += others.count;
        self.first = self.first.take().or_else(|| others.first.clone());
    }

    /// The text of a file of the kernel that may be long, its first 256 KiB.
    pub(super) fn long_text(&mut self, path: &Path) -> Option<String> {
        self.beginning(path, LONG)
    }

    /// What was got; an error is noted.
    pub(super) fn kept<T>(&mut self, path: &Path, result: io::Result<T>) -> Option<T> {
        result.map_err(|error| self.note(path, &error)).ok()
    }

    /// Notes an error, unless it says that the group or the file is not there (any more), or that the kernel does not count this.
    pub(super) fn note(&mut self, path: &Path, error: &io::Error) {
        let errno = Errno::from_io_error(error);
        if matches!(errno, Some(Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP)) {
            return;
        }
        self.count += 1;
        self.first.get_or_insert_with(|| Gap::io(format!("read {}", printable(&*path.to_string_lossy())), error));
    }
}

/// The number behind a word of a flat file: `nr_periods 12`.
pub(super) fn number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}
