//! The whole record of one run.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Account, Choice, Clock, Coverage, Diagnosis, Evidence, Finding, Fleet, Gap, Reading, Redacted, Vantage, Verdict,
};
use crate::bounded_json::{self, Budget, TooMuch, Unread};

/// The version of the case's JSON form; it grows when a reader of the older form would be misled.
pub const CASE_FORMAT: u32 = 1;

/// The whole record of one run: what a report renders and a replay judges again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// The version of this form, [`CASE_FORMAT`].
    pub format: u32,
    /// The casebook that wrote it.
    pub casebook: String,
    /// The runbook that was run.
    pub runbook: RunbookRef,
    /// Its remedies come from the author of the case: they were neither made on this host nor by a runbook that this casebook
    /// carries. Set by who reads a case, never believed from one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign_commands: bool,
    /// Where.
    pub host: Host,
    /// When the run began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The window that the probes shared, in seconds.
    pub window_seconds: f64,
    /// The run was ended before its window was over.
    pub partial: bool,
    /// The parameters, all of them, in their base units: seconds, bits per second, bytes, shares.
    pub params: serde_json::Map<String, Value>,
    /// The parameters that were given, as they were written.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub given: serde_json::Map<String, Value>,
    /// The gravest finding.
    pub verdict: Verdict,
    /// How many steps could look.
    pub coverage: Coverage,
    /// The conclusion.
    pub diagnosis: Diagnosis,
    /// Where the inbound bytes went, when the run has a ledger.
    pub ledger: Option<Account>,
    /// A finding for each step, in the runbook's order.
    pub findings: Vec<Finding>,
    /// What each step observed, by the step's id.
    pub evidence: IndexMap<String, Evidence>,
    /// What was read in place of a host, where outputs of tools were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// What many hosts have in common, where this is a case of many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Fleet>,
    /// What was not judged because the runbook or its checks used up what a run may take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Gap>,
    /// What was taken out of it before it was written.
    #[serde(default, skip_serializing_if = "Redacted::is_nothing")]
    pub redacted: Redacted,
    /// What the run cost.
    pub cost: Cost,
}

/// Text that is not a case that this casebook reads. The message goes on from the name of its file.
#[derive(Debug, thiserror::Error)]
pub enum NoCase {
    /// It is not the JSON of a case.
    #[error("is not a case: {0}")]
    Json(#[from] serde_json::Error),
    /// It holds too many values.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// It does not say which form it has.
    #[error("is not a case: it has no `format`; save one with --save or --format json")]
    Formless,
    /// It was written by a newer casebook.
    #[error("has form {0}; this casebook reads up to {CASE_FORMAT}: use a newer one")]
    Newer(u64),
}

impl From<Unread> for NoCase {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooMuch(error) => NoCase::TooMuch(error),
            Unread::Json(error) => NoCase::Json(error),
        }
    }
}

/// How the headline begins by which casebook 0.1 said that a case was redacted.
const SAID_REDACTED: &str = "Redacted: ";

impl Case {
    /// Whether something in it may have pseudonyms: it says so, by the field or by the headline that casebook 0.1 wrote. Then nothing
    /// may join it that shows what they hide. It never means that pseudonyms are there.
    pub fn may_have_pseudonyms(&self) -> bool {
        self.redacted.has_pseudonyms() || self.said_redacted().next().is_some()
    }

    /// The headlines by which casebook 0.1 said what was redacted.
    pub fn said_redacted(&self) -> impl Iterator<Item = &String> {
        self.diagnosis.headlines.iter().filter(|headline| headline.starts_with(SAID_REDACTED))
    }

    /// Reads the JSON of a case that takes no more memory than is usual.
    pub fn from_json(text: &str) -> Result<Self, NoCase> {
        Self::from_json_within(text, &mut Budget::default())
    }

    /// Reads the JSON of a case whose values fit into the budget.
    pub fn from_json_within(text: &str, budget: &mut Budget) -> Result<Self, NoCase> {
        Self::from_value(bounded_json::from_slice(text.as_bytes(), budget)?)
    }

    /// Reads a case from its JSON, of this form or an older one.
    pub fn from_value(value: Value) -> Result<Self, NoCase> {
        match value.get("format").and_then(Value::as_u64) {
            Some(format) if format <= u64::from(CASE_FORMAT) => Ok(serde_json::from_value(value)?),
            Some(format) => Err(NoCase::Newer(format)),
            None => Err(NoCase::Formless),
        }
    }
}

/// The runbook that was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunbookRef {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its text, so that the case can be judged again without the file; a Lua runbook's in the form that it was read as.
    pub text: String,
    /// The check that was run by hand, by its name or file; the runbook is then no more than what it takes to run it.
    #[serde(default, alias = "around", skip_serializing_if = "Option::is_none")]
    pub wraps_check: Option<String>,
    /// The file that it was read from, when that was found by its name and went before the runbook that ships under this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides_embedded: Option<String>,
    /// Which runbooks it was made of and why, where it was made of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// The checks that its steps call, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub checks: IndexMap<String, CheckRef>,
}

/// A check that a runbook called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRef {
    /// Where it was read from.
    pub origin: String,
    /// It was found by its name, and went before the check that ships under this name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overrides_embedded: bool,
    /// Its text.
    pub text: String,
    /// The modules of its own folder that it required, by name, with their texts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, String>,
}

/// The host of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// The host's name.
    pub name: String,
    /// The kernel's release.
    pub kernel: String,
    /// Whether the run had root's effective user id.
    pub root: bool,
    /// Its own time when the run began; none where that is UTC, or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_time: Option<LocalTime>,
    /// What its kernel says of its clock; none where it was not asked, or did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// From where it looked; none where that was the host itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vantage: Option<Vantage>,
}

/// How a host's clock differs from UTC at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocalTime {
    /// Seconds that it is ahead of UTC; negative west of Greenwich.
    pub offset_seconds: i32,
    /// What the zone is called then: `IST`, `-03`.
    pub abbreviation: String,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Wall time in seconds.
    pub wall_seconds: f64,
    /// CPU time in seconds, user and system.
    pub cpu_seconds: f64,
    /// Peak resident memory in bytes.
    pub peak_memory_bytes: u64,
}
