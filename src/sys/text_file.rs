//! Files that somebody named: regular files only and of bounded size, so that no name makes the reader hang or run
//! out of memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use super::trust::{self, Trust};
use crate::units;

/// Why a text file cannot be had, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Nothing of that name.
    #[error("there is no such file")]
    Absent,
    /// The kernel refused.
    #[error("this user may not read it; run with sudo, or let this user read it")]
    Denied,
    /// A folder, a pipe or a device.
    #[error("it is {0}, not a regular file; name a file")]
    NotRegular(&'static str),
    /// More than is read.
    #[error("it is larger than {}, more than is read here", units::bytes(*.0 as f64))]
    TooLarge(u64),
    /// Bytes that are not UTF-8.
    #[error("it is not text: byte {0} is not UTF-8")]
    NotText(usize),
    /// Somebody else could have written what root is about to act by.
    #[error(
        "{0}, so somebody else decides what root does here; run it as another user, let only root write to it, or trust it with --trust"
    )]
    Untrusted(String),
    /// Anything else.
    #[error("{0}")]
    Other(io::Error),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Unreadable::Absent,
            io::ErrorKind::PermissionDenied => Unreadable::Denied,
            _ => Unreadable::Other(error),
        }
    }
}

/// Reads a text file of at most `largest` bytes.
pub fn read(path: &Path, largest: u64) -> Result<String, Unreadable> {
    read_trusted(path, largest, Trust::Waived)
}

/// Reads a text file of at most `largest` bytes, which root may be about to act by.
pub fn read_trusted(path: &Path, largest: u64, trust: Trust) -> Result<String, Unreadable> {
    read_vetted(path, largest, |file| match trust {
        Trust::Required => trust::vet(file, path),
        Trust::Waived => Ok(()),
    })
}

/// Reads a text file of at most `largest` bytes, when the open file passes.
pub fn read_vetted(
    path: &Path,
    largest: u64,
    vet: impl FnOnce(&File) -> Result<(), Unreadable>,
) -> Result<String, Unreadable> {
    let bytes = bytes_vetted(path, largest, vet)?;
    String::from_utf8(bytes).map_err(|error| Unreadable::NotText(error.utf8_error().valid_up_to()))
}

/// Reads a file of at most `largest` bytes.
pub fn read_bytes(path: &Path, largest: u64) -> Result<Vec<u8>, Unreadable> {
    read_bytes_trusted(path, largest, Trust::Waived)
}

/// Reads a file of at most `largest` bytes, which root may be about to act by.
pub fn read_bytes_trusted(path: &Path, largest: u64, trust: Trust) -> Result<Vec<u8>, Unreadable> {
    bytes_vetted(path, largest, |file| match trust {
        Trust::Required => trust::vet(file, path),
        Trust::Waived => Ok(()),
    })
}

fn bytes_vetted(
    path: &Path,
    largest: u64,
    vet: impl FnOnce(&File) -> Result<(), Unreadable>,
) -> Result<Vec<u8>, Unreadable> {
    let file = open(path)?;
    vet(&file)?;
    let mut bytes = Vec::new();
    // The size that the kernel names may be a lie (/proc) or outdated: what is read counts.
    file.take(largest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(Unreadable::TooLarge(largest));
    }
    Ok(bytes)
}

/// Opens a file for reading; a regular one only.
pub fn open(path: &Path) -> Result<File, Unreadable> {
    // Without O_NONBLOCK the opening of a named pipe waits for a writer, maybe for ever.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let kind = file.metadata()?.file_type();
    if !kind.is_file() {
        return Err(Unreadable::NotRegular(match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        }));
    }
    Ok(file)
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
