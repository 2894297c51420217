//! Why bytes are no case file.

use super::{ARCHIVE_FORMAT, FLEET_FORMAT, LARGEST, LARGEST_ATTACHED};
use crate::bounded_json::TooMuch;
use crate::case::NoCase;
use crate::units;

/// Bytes that are no case file, or not a whole one. The message goes on from the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// Neither packed nor text.
    #[error("is not a case: it is neither a case file nor text; byte {0} is not UTF-8")]
    NotText(usize),
    /// The packing is damaged, or the file ends too early.
    #[error("is damaged or cut short: {0}; copy it anew from where it was made")]
    Damaged(String),
    /// It unpacks to more than is read.
    #[error("unpacks to more than {}, or names more, so it is not read", units::bytes(LARGEST as f64))]
    TooLarge,
    /// What is attached to it unpacks to more than is read.
    #[error("has more than {} attached to it, so it is not read", units::bytes(LARGEST_ATTACHED as f64))]
    TooMuchAttached,
    /// It holds too many values.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// More members than a case has.
    #[error("has more than {0} members, so it is not read")]
    TooMany(usize),
    /// A member that no case file has.
    #[error("is not a case file: its member {name} {why}")]
    Member {
        /// The member, control characters escaped.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The content of a member is not what the manifest says.
    #[error(
        "was changed or damaged: the digest of {0} is not what its manifest says; copy it anew from where it was made"
    )]
    Digest(String),
    /// The manifest is not there or cannot be read.
    #[error("is not a case file: {0}")]
    Manifest(String),
    /// It was written by a newer casebook.
    #[error("is a case file of form {0}; this casebook reads up to {ARCHIVE_FORMAT}: use a newer one")]
    Newer(u64),
    /// The file of a fleet that was written by a newer casebook.
    #[error("is a file of many hosts of form {0}; this casebook reads up to {FLEET_FORMAT}: use a newer one")]
    NewerFleet(u64),
    /// More hosts than are read.
    #[error("has more than {0} hosts, so it is not read")]
    TooManyHosts(usize),
    /// The case in it cannot be read.
    #[error(transparent)]
    Case(#[from] NoCase),
}

impl Broken {
    /// A member that no case file has.
    pub(super) fn member(name: &str, why: &'static str) -> Self {
        let shown: String = name.chars().take(100).flat_map(char::escape_debug).collect();
        Broken::Member { name: format!("`{shown}`"), why }
    }
}
