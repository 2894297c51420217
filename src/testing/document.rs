//! The form of a file of tests, as it is written.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use serde_yaml::Spanned;

use super::node::{Node, Text};
use crate::case::{Reason, Verdict};

/// Tests of a check or of a runbook: given this evidence, it must say that.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The check that is tested, by its name. The one beside this file goes first, then the usual places.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub check: Option<Text>,
    /// The runbook that is tested, by its name; instead of `check`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub runbook: Option<Text>,
    /// The tests.
    pub tests: Vec<TestDocument>,
}

/// One test: what there is to see, and what must be said of it. No probe looks at the host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestDocument {
    /// The situation and its answer, in a sentence: "a resolver that answers strangers is critical".
    #[schemars(with = "String")]
    pub name: Text,
    /// Parameters of the check or runbook, as they are written on the command line. With `recorded`, those of the case are
    /// the base.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, Value>")]
    pub params: IndexMap<Text, Spanned<Node>>,
    /// When it happens, as in 2026-01-02T03:04:05Z; when the recorded case began, else the start of 2026.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub now: Option<Text>,
    /// What the probes saw. For a check by the probe's name, `sockets`, and `sockets#2` for its second call; for a runbook by
    /// the step's id or the probe's name, and `STEP.sockets#2` for what a check that it calls asks.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, EvidenceDocument>")]
    pub evidence: IndexMap<Text, EvidenceDocument>,
    /// A case, by its path from this file, whose evidence is there where `evidence` gives none. `casebook run --save` writes
    /// one. It lies in the project, which is the folder that holds `runbooks` or `lua/checks`, or else beside this file or below;
    /// links are not followed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub recorded: Option<Text>,
    /// Steps or probes whose recorded evidence is left out, as if they could not look.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub without: Vec<Text>,
    /// What must be said.
    #[schemars(with = "ExpectDocument")]
    pub expect: Spanned<ExpectDocument>,
}

/// What one probe saw: its output, or the gap that kept it from looking.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EvidenceDocument {
    /// The probe's output, as far as it matters; `casebook probe NAME --format yaml` shows a whole one. A field that is not
    /// given is null: the host did not say.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    pub output: Option<Spanned<Node>>,
    /// Why it saw nothing, instead of an output.
    #[serde(default)]
    pub gap: Option<GapDocument>,
    /// Parts of the output that it could not see.
    #[serde(default)]
    pub missing: Vec<MissingDocument>,
    /// What was lost while it looked, as sentences.
    #[serde(default)]
    pub loss: Vec<String>,
    /// How long it looked, in seconds; the window that it was asked for, when there is one.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// Why something could not be seen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GapDocument {
    /// What was tried, as a phrase: "read /proc/1423/fd".
    pub tried: String,
    /// The kind of failure.
    pub reason: Reason,
    /// Why it failed, in words.
    pub why: String,
    /// How to see it next time.
    #[serde(default)]
    pub to_fix: Option<String>,
}

/// A part of an output that could not be seen.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MissingDocument {
    /// Paths in the output: `processes`, `connections.process`.
    #[schemars(with = "Vec<String>")]
    pub fields: Vec<Text>,
    /// Why.
    pub gap: GapDocument,
}

/// What must be said. What is not named here may be anything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectDocument {
    /// The verdict of the check or of the run.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// A part of the check's sentence or of the runbook's summary; `{matches: REGEX}` for a regular expression.
    #[serde(default)]
    #[schemars(with = "Option<PatternForm>")]
    pub sentence: Option<Spanned<Node>>,
    /// Figures that the check gives with its finding; it may give more.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, Value>")]
    pub data: IndexMap<String, Node>,
    /// Parts of what remedies say or run, or `{matches: REGEX}`; each must be found in one of them. An empty list: there is
    /// no remedy.
    #[serde(default)]
    #[schemars(with = "Option<Vec<PatternForm>>")]
    pub remedies: Option<Vec<Spanned<Node>>>,
    /// Parts of the sentences that a check finds besides the gravest; each must be found.
    #[serde(default)]
    #[schemars(with = "Vec<PatternForm>")]
    pub besides: Vec<Spanned<Node>>,
    /// Findings of a runbook, by the step's id.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, FindingDocument>")]
    pub findings: IndexMap<Text, FindingDocument>,
    /// How likely causes of a runbook are, by their ids: `certain`, `likely`, `possible`, `unlikely` or `ruled-out`, maybe
    /// with a comparison: `">= likely"`, `"< possible"`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub causes: IndexMap<Text, Text>,
    /// The cause that comes first. `none`: no cause is likely.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub first_cause: Option<Text>,
}

/// What must be said of a step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FindingDocument {
    /// Its verdict.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// A part of its sentence, or `{matches: REGEX}`.
    #[serde(default)]
    #[schemars(with = "Option<PatternForm>")]
    pub sentence: Option<Spanned<Node>>,
    /// Figures that come with it, where the step calls a check.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, Value>")]
    pub data: IndexMap<String, Node>,
    /// Parts of what its remedies say or run.
    #[serde(default)]
    #[schemars(with = "Option<Vec<PatternForm>>")]
    pub remedies: Option<Vec<Spanned<Node>>>,
}

/// A part of a text, or a regular expression.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it stands in the schema only")]
pub(super) enum PatternForm {
    /// A part of the text.
    Part(String),
    /// A regular expression that it matches.
    Expression {
        /// The regular expression.
        matches: String,
    },
}

/// The JSON schema of a file of tests, for editors.
pub fn schema() -> Schema {
    schema_for!(Document)
}
