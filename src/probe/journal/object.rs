//! The objects that a journal consists of: a kind, flags and a size, then what the kind says. All numbers are little-endian.

/// Bytes before what the kind says.
pub(super) const HEAD: u64 = 16;

/// Where objects begin.
const ALIGNMENT: u64 = 8;

/// Kinds of objects.
pub(super) const DATA: u8 = 1;
pub(super) const ENTRY: u8 = 3;
pub(super) const ENTRY_ARRAY: u8 = 6;

/// The beginning of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Object {
    pub kind: u8,
    /// How a value is packed.
    pub flags: u8,
    /// With its beginning.
    pub size: u64,
}

impl Object {
    /// Reads the beginning of an object.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Object { kind: *bytes.first()?, flags: *bytes.get(1)?, size: le64(bytes, 8)? })
    }
}

/// Whether an object may lie there.
pub(super) fn is_place(offset: u64, start: u64, end: u64) -> bool {
    offset >= start && offset < end && offset.is_multiple_of(ALIGNMENT)
}

/// Four bytes as a number.
pub(super) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Eight bytes as a number.
pub(super) fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Sixteen bytes.
pub(super) fn bytes16(bytes: &[u8], at: usize) -> Option<[u8; 16]> {
    bytes.get(at..)?.first_chunk().copied()
}
