//! A log file as it lies on the disk, read by offset.
//!
//! Files are read by `pread` in chunks and not mapped: a mapped file that is cut while it is looked at (logrotate's
//! `copytruncate`) ends the whole process by SIGBUS, and chunks that stay in the processor's cache cost no more than the
//! page faults of a map.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

use nix::unistd::{Whence, lseek};

/// The kernel keeps files in pages of this size, or of a multiple.
pub(super) const PAGE: usize = 4096;

/// A log file of the length that it had when it was opened; what is appended later is not looked at.
#[derive(Debug)]
pub(super) struct Plain {
    file: File,
    length: u64,
}

impl Plain {
    /// The file, as long as it is now.
    pub(super) fn new(file: File, length: u64) -> Self {
        Plain { file, length }
    }

    /// Its length when it was opened, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `buffer` from `offset` on as far as the file goes; gives the bytes read. None means the end: of the file as
    /// it was opened, or of what was left of it.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let mut filled = 0;
        while filled < room {
            match self.file.read_at(&mut buffer[filled..room], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    /// Where the next byte that was ever written stands, at `offset` or after it: beyond the holes that a truncated log
    /// leaves behind.
    pub(super) fn past_hole(&self, offset: u64) -> u64 {
        let Ok(start) = i64::try_from(offset) else { return offset };
        match lseek(&self.file, start, Whence::SeekData) {
            Ok(data) => u64::try_from(data).unwrap_or(offset).max(offset),
            Err(nix::errno::Errno::ENXIO) => self.length.max(offset),
            Err(_) => offset,
        }
    }
}

/// Whether nothing but NULs is in it: perhaps a hole.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0) && bytes.last() == Some(&0) && bytes.iter().all(|byte| *byte == 0)
}

/// A part of a file, from first to last byte, with holes left out.
#[derive(Debug)]
pub(super) struct Part<'a> {
    plain: &'a Plain,
    offset: u64,
    end: u64,
    /// Bytes that were there when the file was opened, and are not now.
    pub(super) vanished: u64,
}

impl<'a> Part<'a> {
    /// The bytes from `start` until before `end`.
    pub(super) fn new(plain: &'a Plain, start: u64, end: u64) -> Self {
        Part { plain, offset: start, end: end.min(plain.length), vanished: 0 }
    }

    /// Bytes that are still to be read.
    pub(super) fn left(&self) -> u64 {
        self.end.saturating_sub(self.offset)
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let room = usize::try_from(self.left()).unwrap_or(usize::MAX).min(buffer.len());
            if room == 0 {
                return Ok(0);
            }
            // To the end of a page, so that the next read begins with one.
            let over = usize::try_from((self.offset + room as u64) % PAGE as u64).unwrap_or(0);
            let room = if over < room && (room as u64) < self.left() { room - over } else { room };
            let read = self.plain.read_at(self.offset, &mut buffer[..room])?;
            if read == 0 {
                self.vanished = self.left();
                self.offset = self.end;
                return Ok(0);
            }
            self.offset += read as u64;
            if !is_blank(&buffer[..read]) {
                return Ok(read);
            }
            self.offset = self.plain.past_hole(self.offset);
        }
    }
}
