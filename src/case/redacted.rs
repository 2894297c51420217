//! What was taken out of a case before it was written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much was taken out of a case before it was written, by kind; reports say it in words. A case of somebody else says here
/// what it likes, so this switches nothing off: only the seal shows that the pseudonyms are those of one's own map.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Redacted {
    /// Secrets that were left out.
    pub secrets: u64,
    /// Addresses that have pseudonyms.
    pub addresses: u64,
    /// Users that have pseudonyms.
    pub users: u64,
    /// Host names that have pseudonyms.
    pub hosts: u64,
    /// HMAC-SHA256 of the texts of the evidence under the key of the map that the pseudonyms are from, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

impl Redacted {
    /// Whether nothing was taken out.
    pub fn is_nothing(&self) -> bool {
        *self == Redacted::default()
    }

    /// Whether anything has a pseudonym.
    pub fn has_pseudonyms(&self) -> bool {
        self.addresses > 0 || self.users > 0 || self.hosts > 0
    }
}
