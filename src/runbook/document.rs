//! The YAML form of a runbook, as it is written.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use serde_yaml::Spanned;

use crate::case::{Urgency, Verdict, Weight};

/// A text that knows where it stands.
pub(super) type Text = Spanned<String>;

/// A runbook: parameters, steps that look and judge, and causes that are weighed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The name by which it is run: lower case, digits and hyphens.
    #[schemars(with = "String")]
    pub name: Text,
    /// The title.
    pub title: String,
    /// What it finds out, in a sentence.
    #[serde(default)]
    pub summary: String,
    /// Words that it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Complaints that call for it: "the server is slow".
    #[serde(default)]
    pub symptoms: Vec<String>,
    /// Parameters, by name.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, ParamDocument>")]
    pub params: IndexMap<Text, ParamDocument>,
    /// Names for expressions that conditions share.
    #[serde(default, rename = "let")]
    #[schemars(with = "IndexMap<String, String>")]
    pub bindings: IndexMap<Text, Text>,
    /// Sentences with the headline figures.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub headlines: Vec<Text>,
    /// The first sentence of the report when no cause is likely.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub calm: Option<Text>,
    /// Steps.
    pub steps: Vec<StepDocument>,
    /// Hypotheses.
    #[serde(default)]
    pub causes: Vec<CauseDocument>,
}

/// A parameter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParamDocument {
    /// Its type.
    #[serde(rename = "type")]
    #[schemars(with = "super::params::ParamType")]
    pub kind: Text,
    /// Its value when none is given; none makes it optional.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    pub default: Option<Spanned<Value>>,
    /// The least value.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    pub min: Option<Spanned<Value>>,
    /// The greatest value.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    pub max: Option<Spanned<Value>>,
    /// The values that it can have.
    #[serde(default)]
    #[schemars(with = "Vec<Value>")]
    pub choices: Vec<Spanned<Value>>,
    /// What it is for, and the reason for its default.
    pub help: String,
    /// Its value must be given.
    #[serde(default)]
    pub required: bool,
    /// Its value is kept out of cases and reports. Expressions see a stand-in for it; only `with:` passes the value on.
    #[serde(default)]
    pub secret: bool,
}

/// A step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepDocument {
    /// The name by which conditions reach its evidence: a Lua name.
    #[schemars(with = "String")]
    pub id: Text,
    /// The title.
    pub title: String,
    /// The probe that looks.
    #[schemars(with = "String")]
    pub probe: Text,
    /// The probe's parameters; `{{ }}` fills in values.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, Value>")]
    pub with: IndexMap<Text, Spanned<Value>>,
    /// The step applies only when this holds.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// The sentence when it does not apply.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub otherwise: Option<Text>,
    /// Steps that must be observed before.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub needs: Vec<Text>,
    /// How long it may take.
    #[serde(default)]
    #[schemars(with = "Option<crate::units::Span>")]
    pub timeout: Option<Text>,
    /// Outcomes; the first whose condition holds wins.
    pub outcomes: Vec<OutcomeDocument>,
    /// The run ends after this step when this holds.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub stop: Option<Text>,
}

/// An outcome.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeDocument {
    /// When it holds; always, if there is none.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// The verdict.
    pub verdict: Verdict,
    /// The sentence, with figures from evidence.
    #[schemars(with = "String")]
    pub say: Text,
    /// What to do about it.
    #[serde(default)]
    pub remedy: Option<RemedyDocument>,
}

/// A hypothesis.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CauseDocument {
    /// Its id: lower case, digits and hyphens.
    #[schemars(with = "String")]
    pub id: Text,
    /// What it is called when nothing is known of its subject: "SYN flood". The id, when there is none.
    #[serde(default)]
    pub name: Option<String>,
    /// What happens, with its subject filled in.
    #[schemars(with = "String")]
    pub title: Text,
    /// The verdict of a run in which it is likely: `critical` or `warning`.
    #[serde(default = "critical")]
    pub severity: Verdict,
    /// Among causes that are equally likely the higher comes first.
    #[serde(default)]
    pub rank: i64,
    /// Names for expressions that its signs and sentences share.
    #[serde(default, rename = "let")]
    #[schemars(with = "IndexMap<String, String>")]
    pub bindings: IndexMap<Text, Text>,
    /// What it is about: expressions by name.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, String>")]
    pub subject: IndexMap<Text, Text>,
    /// Signs for and against.
    pub signs: Vec<SignDocument>,
    /// What to do.
    #[serde(default)]
    pub remedies: Vec<RemedyDocument>,
}

/// A sign: either `for` or `against`, with its weight.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignDocument {
    /// It speaks for the cause, with this weight.
    #[serde(default, rename = "for")]
    pub speaks_for: Option<Weight>,
    /// It speaks against the cause, with this weight.
    #[serde(default, rename = "against")]
    pub speaks_against: Option<Weight>,
    /// When it holds.
    #[schemars(with = "String")]
    pub when: Text,
    /// The sentence.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub say: Option<Text>,
}

/// A remedy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemedyDocument {
    /// When and where it helps.
    #[serde(default = "now")]
    pub urgency: Urgency,
    /// It applies only when this holds.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// The sentence.
    #[serde(rename = "do")]
    #[schemars(with = "String")]
    pub action: Text,
    /// Commands; what is filled in is quoted for the shell.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub run: Option<Text>,
    /// Commands that take it back.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub undo: Option<Text>,
    /// What may go wrong: none, low, medium or high, and why.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub risk: Option<Text>,
}

fn critical() -> Verdict {
    Verdict::Critical
}

fn now() -> Urgency {
    Urgency::Now
}

/// The JSON schema of a runbook, for editors.
pub fn schema() -> Schema {
    schema_for!(Document)
}
