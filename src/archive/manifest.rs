//! The table of contents of a case file.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{ARCHIVE_FORMAT, Broken};
use crate::bounded_json::{self, Budget, Unread};

/// The name of the manifest, which is the first member.
pub(super) const MANIFEST: &str = "manifest.json";
/// The most bytes of a manifest.
pub(super) const LARGEST_MANIFEST: u64 = 4 * 1024 * 1024;
/// The most members: a run has some tens of steps, each with some calls of probes.
pub(super) const MOST_MEMBERS: usize = 4096;
/// Memory for the values of a manifest with the most members, of which each has six.
const MANIFEST_MEMORY: u64 = 8 * 1024 * 1024;
/// The most bytes of a member's name; the tar format has room for 100.
const LONGEST_NAME: usize = 99;

/// The table of contents.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The version of this form.
    pub format: u32,
    /// The casebook that wrote it.
    pub casebook: String,
    /// Every member but the manifest itself, in their order.
    pub members: Vec<Member>,
}

/// A member, as the manifest names it. A field that is not known is a damaged one: without `at` evidence would be taken for what is
/// attached, and be missing in silence.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    /// Its path in the archive.
    pub name: String,
    /// How it is read.
    pub form: Form,
    /// Where in the case it belongs, as a JSON pointer; the whole of it when empty, none for what is attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its digest, in hexadecimal.
    pub sha256: String,
}

/// How a member is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    /// As JSON.
    Json,
    /// As text, which is one JSON string of the case.
    Text,
    /// Not at all.
    Bytes,
}

impl Manifest {
    /// Reads a manifest of this form or an older one.
    ///
    /// It has a budget of its own: what it may hold does not hang on what the case may.
    pub fn read(bytes: &[u8]) -> Result<Self, Broken> {
        let bad = |error: serde_json::Error| Broken::Manifest(format!("its manifest cannot be read: {error}"));
        let value: Value =
            bounded_json::from_slice(bytes, &mut Budget::new(MANIFEST_MEMORY)).map_err(|unread| match unread {
                Unread::TooMuch(_) => Broken::TooMany(MOST_MEMBERS),
                Unread::Json(error) => bad(error),
            })?;
        match value.get("format").and_then(Value::as_u64) {
            Some(format) if format > u64::from(ARCHIVE_FORMAT) => return Err(Broken::Newer(format)),
            Some(_) => {}
            None => return Err(Broken::Manifest("its manifest has no `format`".to_owned())),
        }
        let manifest: Manifest = serde_json::from_value(value).map_err(bad)?;
        if manifest.members.len() > MOST_MEMBERS {
            return Err(Broken::TooMany(MOST_MEMBERS));
        }
        Ok(manifest)
    }
}

/// The digest of a member.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a member may have this name: a plain relative path that is safe wherever the archive is unpacked.
pub(super) fn is_plain(name: &str) -> bool {
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._#-".contains(c))
    };
    name.len() <= LONGEST_NAME && name.split('/').all(plain)
}
