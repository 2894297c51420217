//! What a step concludes, and how many steps could look.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Gap, Remedy, Verdict};

/// A step's verdict with its sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The step's id; the evidence behind it is filed under the same id.
    pub step: String,
    /// The step's title.
    pub title: String,
    /// The judgement.
    pub verdict: Verdict,
    /// One sentence with the figures.
    pub sentence: String,
    /// Why it is unknown, when it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// What to do about it, if the outcome or the check says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<Remedy>,
    /// Figures that a check gave with it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
    /// What a check found besides: less grave, or the same again of something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<Said>,
}

/// A verdict with its sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Said {
    /// The judgement.
    pub verdict: Verdict,
    /// One sentence with the figures.
    pub sentence: String,
}

/// How many of the steps that apply here could look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Steps that could look.
    pub looked: usize,
    /// Steps that apply here: all but the skipped.
    pub applicable: usize,
}

impl Coverage {
    /// Counts the findings.
    pub fn of(findings: &[Finding]) -> Self {
        let applicable = findings.iter().filter(|finding| finding.verdict != Verdict::Skipped).count();
        let blind = findings.iter().filter(|finding| finding.verdict == Verdict::Unknown).count();
        Coverage { looked: applicable - blind, applicable }
    }
}
