//! What a case was made of, where no probe looked at a host: texts that somebody pasted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Texts that were read in place of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// When the texts were made, and what tells it.
    pub moment: String,
    /// The outputs that were recognised, in their order.
    pub recognised: Vec<Recognised>,
    /// Lines that were not recognised, each with its file and range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrecognised: Vec<String>,
    /// How many lines those are, without words of somebody between the outputs: nothing is known of what they say.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unrecognised_lines: u64,
    /// What stands out in them, a sentence each: figures since boot, queues, patterns of logs. None of it is a rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stands_out: Vec<String>,
    /// Commands whose outputs would tell what is not known, the most telling first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

fn is_none(lines: &u64) -> bool {
    *lines == 0
}

/// An output that was recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recognised {
    /// The tool or file that it is of.
    pub tool: String,
    /// What was taken from it.
    pub taken: String,
    /// The file and the lines.
    pub place: String,
}
