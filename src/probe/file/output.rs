//! The result of the probe `file`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Text files and their lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Files {
    /// The files, in the order in which they were named, those of one pattern by their paths. A pattern that nothing fits is
    /// here by itself, as a file that does not exist.
    pub files: Vec<TextFile>,
    /// The folders that were named, in that order.
    #[serde(default)]
    pub folders: Vec<CountedFolder>,
}

/// A text file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TextFile {
    /// Its path, as it was named.
    pub path: String,
    /// Whether it exists; null with a gap when that cannot be told.
    pub exists: Option<bool>,
    /// Its size in bytes; for files of the kernel what was read of it.
    pub bytes: Option<u64>,
    /// When it was changed last (UTC); null for files of the kernel.
    pub modified: Option<String>,
    /// The lines that fit `pattern`, or all, in their order; null when it does not exist or could not be read.
    pub lines: Option<Vec<Line>>,
    /// Lines in what was read, whether they fit or not.
    pub lines_read: Option<u64>,
    /// Lines that fit but are beyond the most that are kept.
    pub lines_left_out: Option<u64>,
    /// Lines with a secret that was left out of them (`Password = …`).
    pub secrets_left_out: Option<u64>,
    /// The certificates in it, in their order, 64 at most; null unless they were asked for and the file could be read.
    #[serde(default)]
    pub certificates: Option<Vec<Certificate>>,
}

/// A certificate (X.509).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Whom it is of, as RFC 4514 writes it: `CN=www.example.org`; empty where only `names` say. At most 256 characters.
    pub subject: String,
    /// Who signed it: `CN=R11,O=Let's Encrypt,C=US`.
    pub issuer: String,
    /// The names and addresses that it is for (`subjectAltName`), 64 at most.
    pub names: Vec<String>,
    /// From when on it holds (UTC).
    pub not_before: String,
    /// When it ends (UTC).
    pub not_after: String,
    /// Whether it signs others (`basicConstraints`).
    pub authority: bool,
    /// Whether `subject` and `issuer` are the same: its own work, or a root.
    pub self_issued: bool,
}

/// A folder whose files were counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountedFolder {
    /// Its path, as it was named.
    pub path: String,
    /// Whether it exists; null with a gap when that cannot be told.
    pub exists: Option<bool>,
    /// Regular files in it and in folders below, four levels deep; links are not followed. Null when it does not exist or
    /// could not be read.
    pub files: Option<u64>,
    /// Their sizes together, in bytes.
    pub bytes: Option<u64>,
    /// When the one that was not changed for longest was changed (UTC); null without files.
    pub oldest: Option<String>,
    /// When one was changed last.
    pub newest: Option<String>,
    /// Whether all were counted. If not, there are more files than this: 50,000 are counted at most, for two seconds.
    pub complete: bool,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its number; the first is 1.
    pub number: u64,
    /// Its text without the end of the line, clipped after 1,000 characters; bytes that are not UTF-8 are replaced.
    pub text: String,
}
