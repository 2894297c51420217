//! Files that somebody named: regular files only and of bounded size, so that no name makes the reader hang or run
//! out of memory.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, StdinLock};
use std::path::Path;

use super::trust::{self, Trust};
pub use super::unreadable::Unreadable;

/// Reads a text file of at most `largest` bytes.
pub fn read(path: &Path, largest: u64) -> Result<String, Unreadable> {
    read_trusted(path, largest, Trust::Waived)
}

/// Reads a text file of at most `largest` bytes, which is about to be acted by.
pub fn read_trusted(path: &Path, largest: u64, trust: Trust) -> Result<String, Unreadable> {
    text_of(trust::open_trusted(path, trust)?, largest)
}

/// Reads a file of at most `largest` bytes.
pub fn read_bytes(path: &Path, largest: u64) -> Result<Vec<u8>, Unreadable> {
    read_bytes_trusted(path, largest, Trust::Waived)
}

/// Reads a file of at most `largest` bytes, which is about to be acted by.
pub fn read_bytes_trusted(path: &Path, largest: u64, trust: Trust) -> Result<Vec<u8>, Unreadable> {
    bytes_from(trust::open_trusted(path, trust)?, largest)
}

/// Standard input. Nothing is waited for that somebody would have to type.
pub fn stdin() -> Result<StdinLock<'static>, Unreadable> {
    let stdin = io::stdin();
    if stdin.is_terminal() { Err(Unreadable::NotRegular("a terminal")) } else { Ok(stdin.lock()) }
}

/// What comes by standard input, of at most `largest` bytes.
pub fn read_stdin(largest: u64) -> Result<Vec<u8>, Unreadable> {
    bytes_from(stdin()?, largest)
}

/// The text of an open file of at most `largest` bytes.
pub fn text_of(file: File, largest: u64) -> Result<String, Unreadable> {
    let bytes = bytes_from(file, largest)?;
    String::from_utf8(bytes).map_err(|error| Unreadable::NotText(error.utf8_error().valid_up_to()))
}

/// What an open file gives, at most `largest` bytes.
pub fn bytes_from(file: impl Read, largest: u64) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    // The size that the kernel names may be a lie (/proc) or outdated: what is read counts.
    file.take(largest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(Unreadable::TooLarge(largest));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        assert!(matches!(read(Path::new("/dev/zero"), 10), Err(Unreadable::NotRegular("a device"))));
        assert!(matches!(read(Path::new("/proc"), 10), Err(Unreadable::NotRegular("a folder"))));
        assert!(matches!(read(Path::new("/proc/no-such-file"), 10), Err(Unreadable::Absent)));
    }

    #[test]
    fn a_file_is_read_up_to_the_bound_and_not_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "0123456789").unwrap();
        assert_eq!(read(&path, 10).unwrap(), "0123456789");
        assert!(matches!(read(&path, 9), Err(Unreadable::TooLarge(9))));
    }

    #[test]
    fn bytes_that_are_not_text_are_placed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(matches!(read(&path, 10), Err(Unreadable::NotText(2))));
    }
}
