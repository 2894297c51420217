//! The case file: a tar of the case's parts, packed by Zstandard, with a manifest that names each part and its digest.
//!
//! Bytes in, a case out, and the other way round. No file is touched here, and nothing of an archive is ever written to
//! a path that the archive names: a hostile one has nowhere to escape to.

mod broken;
mod fleet;
mod manifest;
mod pack;
mod parts;
mod summary;
mod unpack;

pub use broken::Broken;
pub use fleet::{
    Ended, FleetHead, FleetPart, FleetWriter, MOST_HOSTS, PackedPart, SEEN_BY, is_fleet, read_fleet, read_packed_fleet,
};
pub use pack::pack;
pub use summary::{Summary, summary};
pub use unpack::unpack;

use crate::bounded_json::Budget;
use crate::case::Case;

/// The version of the archive's form; it grows when a reader of the older form would be misled.
pub const ARCHIVE_FORMAT: u32 = 1;
/// The version of the form of a merged case's file; it grows when a reader of the older form would be misled.
pub const FLEET_FORMAT: u32 = 1;
/// The most bytes that a case file may have, packed and unpacked: all of it is held in memory.
pub const LARGEST: u64 = 256 * 1024 * 1024;
/// The most bytes of all that is attached to a case: its report, the lines of logs, one capture.
const LARGEST_ATTACHED: u64 = 128 * 1024 * 1024;
/// What a Zstandard frame begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a case file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseFile {
    /// The case.
    pub case: Case,
    /// What lies beside it for people and other programs: the report, packets, lines of logs.
    pub attached: Vec<Attached>,
}

/// A file in a case file that is no part of the case itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl From<Case> for CaseFile {
    fn from(case: Case) -> Self {
        CaseFile { case, attached: Vec::new() }
    }
}

/// Whether a case is packed, and no plain JSON.
pub fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Reads a case in either form: packed, or the plain JSON of a case. It may take as much memory as is usual.
pub fn read(bytes: &[u8]) -> Result<CaseFile, Broken> {
    read_within(bytes, &mut Budget::default())
}

/// Reads a case in either form, whose values fit into the budget.
pub fn read_within(bytes: &[u8], budget: &mut Budget) -> Result<CaseFile, Broken> {
    read_with(bytes, budget, LARGEST_ATTACHED)
}

/// Reads one of several cases that are read at once: its values take no more than this `share` of memory, and so does what is
/// attached to it.
pub fn read_sharing(bytes: &[u8], share: u64) -> Result<CaseFile, Broken> {
    read_with(bytes, &mut Budget::new(share), share.min(LARGEST_ATTACHED))
}

fn read_with(bytes: &[u8], budget: &mut Budget, most_attached: u64) -> Result<CaseFile, Broken> {
    if bytes.len() as u64 > LARGEST {
        return Err(Broken::TooLarge);
    }
    if is_packed(bytes) {
        return unpack(bytes, budget, most_attached);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| Broken::NotText(error.valid_up_to()))?;
    Ok(Case::from_json_within(text, budget)?.into())
}

#[cfg(test)]
mod tests;
