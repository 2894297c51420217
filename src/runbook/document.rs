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
    /// Its title, for people.
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
    /// What can be set when it is run, by name: `--set NAME=VALUE`.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, ParamDocument>")]
    pub params: IndexMap<Text, ParamDocument>,
    /// Names for expressions that conditions and sentences share; evaluated in order when all steps have looked.
    #[serde(default, rename = "let")]
    #[schemars(with = "IndexMap<String, String>")]
    pub bindings: IndexMap<Text, Text>,
    /// Sentences with the headline figures; one whose figures could not be seen is left out.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub headlines: Vec<Text>,
    /// The first sentence of the report when no cause is likely.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub calm: Option<Text>,
    /// What is asked, and how the answers are judged. Steps that need nothing of each other look at the same time.
    pub steps: Vec<StepDocument>,
    /// Hypotheses that are weighed and ranked.
    #[serde(default)]
    pub causes: Vec<CauseDocument>,
}

/// A parameter. It is checked before anything runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParamDocument {
    /// What its value must be.
    #[serde(rename = "type")]
    #[schemars(with = "super::params::ParamType")]
    pub kind: Text,
    /// Its value when none is given. Without one the parameter is false in conditions until it is given.
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

/// The header of a check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckDocument {
    /// The name by which steps call it: a Lua name, that of its file.
    #[schemars(with = "String")]
    pub name: Text,
    /// What it finds out, in a sentence.
    pub summary: String,
    /// Words that it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Complaints that call for it: "logging in takes ages".
    #[serde(default)]
    pub symptoms: Vec<String>,
    /// What can be set, by name.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, ParamDocument>")]
    pub params: IndexMap<Text, ParamDocument>,
    /// The probes that it may call.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub needs: Vec<Text>,
}

/// A step: one probe or check looks, and the first outcome that holds is the finding. What could not be seen makes it unknown,
/// never ok.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepDocument {
    /// The name by which conditions reach its evidence: a Lua name, `rates` in `rates.watched.rx.packets`.
    #[schemars(with = "String")]
    pub id: Text,
    /// What it asks, for people: "How much arrives".
    pub title: String,
    /// The probe that looks.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub probe: Option<Text>,
    /// The check, written in Lua, that looks and judges; instead of `probe`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub check: Option<Text>,
    /// The parameters of the probe or check, by name; `{{ }}` fills in values.
    #[serde(default)]
    #[schemars(with = "IndexMap<String, Value>")]
    pub with: IndexMap<Text, Spanned<Value>>,
    /// A condition: the step is skipped when this does not hold.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// The sentence when it is skipped.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub otherwise: Option<Text>,
    /// Ids of steps that must have looked before; what a probe derives its result from is known without it.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub needs: Vec<Text>,
    /// How long it may take; the window and 5 s more when none is given.
    #[serde(default)]
    #[schemars(with = "Option<crate::units::Span>")]
    pub timeout: Option<Text>,
    /// What it can find; the first whose condition holds wins. Without any, a check's own findings count.
    #[serde(default)]
    pub outcomes: Vec<OutcomeDocument>,
    /// A condition: the run ends after this step when this holds.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub stop: Option<Text>,
}

/// What a step can find.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeDocument {
    /// A condition; the outcome always holds if there is none.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// What it means for the host.
    pub verdict: Verdict,
    /// The sentence, with figures filled in by `{{ }}`.
    #[schemars(with = "String")]
    pub say: Text,
    /// What to do about it.
    #[serde(default)]
    pub remedy: Option<RemedyDocument>,
}

/// A hypothesis: signs that hold move the scale, signs that could not be seen widen the doubt.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CauseDocument {
    /// Its id: lower case, digits and hyphens.
    #[schemars(with = "String")]
    pub id: Text,
    /// What it is called when nothing is known of its subject: "SYN flood". The id, when there is none.
    #[serde(default)]
    pub name: Option<String>,
    /// What happens, with its subject filled in by `{{ }}`.
    #[schemars(with = "String")]
    pub title: Text,
    /// The verdict of a run in which it is likely: `critical` or `warning`.
    #[serde(default = "critical")]
    pub severity: Verdict,
    /// Among causes that are equally likely the higher comes first.
    #[serde(default)]
    pub rank: i64,
    /// Names for expressions that its signs, sentences and remedies share.
    #[serde(default, rename = "let")]
    #[schemars(with = "IndexMap<String, String>")]
    pub bindings: IndexMap<Text, Text>,
    /// What it is about: expressions by name, such as `process`, `ports`, `rule`. What is none is left out.
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
    /// A condition.
    #[schemars(with = "String")]
    pub when: Text,
    /// The sentence when it holds; the condition itself, if there is none.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub say: Option<Text>,
}

/// What to do about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemedyDocument {
    /// When and where it helps.
    #[serde(default = "now")]
    pub urgency: Urgency,
    /// A condition: the remedy is left out when this does not hold.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// What to do, as a sentence.
    #[serde(rename = "do")]
    #[schemars(with = "String")]
    pub action: Text,
    /// Commands, ready to paste; what `{{ }}` fills in is quoted for the shell. A remedy whose commands cannot be filled in is
    /// left out.
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
