//! Which runbooks were run as one, which were not, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `casebook diagnose` chose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What was complained of, in the operator's words; empty where nothing was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub complaint: String,
    /// No runbook knows a word of the complaint, so that all were run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// The runbooks that were run.
    pub picked: Vec<Picked>,
    /// Those that were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Left>,
    /// The look before, where one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<FirstLook>,
}

/// A runbook that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Picked {
    /// Its name.
    pub runbook: String,
    /// Words and phrases of the complaint that it knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// What the first look showed, or why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign: Option<String>,
    /// Its parameters that were set for it alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<String>,
}

/// A runbook that was not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// Its name.
    pub runbook: String,
    /// Why: what the first look showed instead, or what is wrong with it.
    pub why: String,
}

/// The look that was taken before runbooks were picked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstLook {
    /// The probes that looked; the case has the evidence of each as that of the step `look_PROBE`.
    pub probes: Vec<String>,
    /// How long they watched, in milliseconds.
    pub milliseconds: u64,
}

impl Picked {
    /// Why it was run, for people.
    pub fn why(&self) -> String {
        let words: Vec<String> = self.words.iter().map(|word| format!("\"{word}\"")).collect();
        let words = (!words.is_empty()).then(|| words.join(", "));
        words.into_iter().chain(self.sign.clone()).collect::<Vec<_>>().join("; ")
    }
}
