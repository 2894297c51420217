//! The header of a journal file: what it is, and where its entries are listed.

use super::object::{bytes16, le32, le64};

/// What a journal begins with.
pub(super) const SIGNATURE: &[u8; 8] = b"LPKSHHRH";

/// Bytes of the first headers that there were.
const SHORTEST: u64 = 208;

/// Bytes of a header that are looked at.
pub(super) const LOOK: usize = 264;

/// `HEADER_INCOMPATIBLE_COMPRESSED_XZ`, `_COMPRESSED_LZ4`, `_KEYED_HASH`, `_COMPRESSED_ZSTD`: known, and told by each object.
const KNOWN: u32 = 1 | 2 | 4 | 8 | COMPACT;

/// `HEADER_INCOMPATIBLE_COMPACT`: offsets have 32 bits.
const COMPACT: u32 = 16;

/// The id of a boot.
pub(in crate::probe) type BootId = [u8; 16];

/// The header of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether offsets have 32 bits.
    pub compact: bool,
    /// The first byte behind the header.
    pub start: u64,
    /// The byte after the last that objects have.
    pub end: u64,
    /// Entries that it lists.
    pub entries: u64,
    /// Where the first array of entries lies; 0 where there is none.
    pub arrays: u64,
    /// What numbers its entries: files of one journald share it. The numbers of its first entry and of its last.
    pub numbering: [u8; 16],
    pub first_number: u64,
    pub last_number: u64,
    /// When the first entry was written and when the last, in microseconds since 1970; 0 where there is none.
    pub first_realtime: u64,
    pub last_realtime: u64,
    /// The boot of the last entry, and its microseconds.
    pub last_boot: BootId,
    pub last_monotonic: u64,
}

/// Why a file is no journal that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe) enum Unreadable {
    /// It does not begin as a journal.
    NoJournal,
    /// It ends within its header.
    Cut,
    /// It has features that its reader must know, and they are not known here.
    Unknown(u32),
}

impl Header {
    /// Reads the beginning of a file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(if SIGNATURE.starts_with(bytes) { Unreadable::Cut } else { Unreadable::NoJournal });
        }
        let flags = le32(bytes, 12).ok_or(Unreadable::Cut)?;
        if flags & !KNOWN != 0 {
            return Err(Unreadable::Unknown(flags & !KNOWN));
        }
        let word = |at| le64(bytes, at).ok_or(Unreadable::Cut);
        let start = word(88)?;
        if start < SHORTEST {
            return Err(Unreadable::NoJournal);
        }
        Ok(Header {
            compact: flags & COMPACT != 0,
            start,
            end: start.saturating_add(word(96)?),
            entries: word(152)?,
            arrays: word(176)?,
            numbering: bytes16(bytes, 72).ok_or(Unreadable::Cut)?,
            first_number: word(168)?,
            last_number: word(160)?,
            first_realtime: word(184)?,
            last_realtime: word(192)?,
            last_boot: bytes16(bytes, 56).ok_or(Unreadable::Cut)?,
            last_monotonic: word(200)?,
        })
    }
}
