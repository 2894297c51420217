//! The result of the probe `file`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Text files and their lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Files {
    /// The files, in the order in which they were named.
    pub files: Vec<TextFile>,
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
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its number; the first is 1.
    pub number: u64,
    /// Its text without the end of the line, clipped after 1,000 characters; bytes that are not UTF-8 are replaced.
    pub text: String,
}
