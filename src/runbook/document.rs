//! The YAML form of a runbook, as it is written.

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_yaml::Spanned;

use crate::case::{Urgency, Verdict};

/// A text that knows where it stands.
pub(super) type Text = Spanned<String>;

/// A runbook: parameters, steps that look and judge, and causes that are weighed.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The name by which it is run: lower case, digits and hyphens.
    #[schemars(with = "String")]
    pub name: Text,
    /// Its title, for people.
    pub title: String,
    /// What it finds out, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Words that it is found by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Complaints that call for it: "the server is slow".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<String>,
    /// Words and phrases of the complaints by which `casebook diagnose` picks it: `ssh`, `no space left`. Capital letters, endings
    /// (hang, hangs, hanging) and small words between those of a phrase do not matter; two words may be written as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub complaints: Vec<Text>,
    /// What `casebook diagnose` suspects without a word of it: judged by one look of a second or two that is taken before anything is
    /// picked. The first that holds picks the runbook; what is not known picks it, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspect: Vec<SuspectDocument>,
    /// What picks it of the lines of logs that were pasted (`casebook read`): patterns by name, as the probe `logs` takes them. A live
    /// host's logs are not read before something is picked.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, Value>")]
    pub lines: IndexMap<Text, Spanned<Value>>,
    /// Further files of the runbook, by their paths from its folder: each may hold `params`, `data`, `let`, `facts`, `steps` and
    /// `causes`, which are added to those of this file in the order of the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub include: Vec<Text>,
    /// A condition over parameters: whether the run looks at a live host. Steps, causes, signs and remedies that say `live_only: true` do
    /// not apply where this does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub live_when: Option<Text>,
    /// What can be set when it is run, by name: `--set NAME=VALUE`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, ParamDocument>")]
    pub params: IndexMap<Text, ParamDocument>,
    /// Lists that expressions and `each` can use, by name: written out, or the name of a list that a probe knows, such as
    /// `capture.reflectors`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, Value>")]
    pub data: IndexMap<Text, Spanned<Value>>,
    /// Names for values that conditions and sentences share. One unknown part makes the whole value unknown; conditions get their
    /// names under `facts`.
    #[serde(default, rename = "let", skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, String>")]
    pub bindings: IndexMap<Text, Text>,
    /// Names for conditions: yes, no or unknown, judged as if the condition stood where the name stands.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, String>")]
    pub facts: IndexMap<Text, Text>,
    /// Sentences with the headline figures; one whose figures could not be seen is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub headlines: Vec<Text>,
    /// The first sentence of the report when no cause is likely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub all_clear: Option<Text>,
    /// The name that `all_clear` had in version 0.1.
    #[serde(default, skip_serializing)]
    #[schemars(skip)]
    pub calm: Option<Text>,
    /// What is asked, and how the answers are judged. Steps that need nothing of each other look at the same time. They may all stand
    /// in files that are included.
    #[serde(default)]
    pub steps: Vec<StepDocument>,
    /// Hypotheses that are weighed and ranked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<CauseDocument>,
}

/// A sign in the first look that a runbook is wanted. Its expressions name probes, each of which looks once with its defaults
/// (`disk.fullest_share`), and the runbook's `params`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SuspectDocument {
    /// A condition. The last entry has none: it says what was seen where nothing is suspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// What was seen, as part of a sentence: why the runbook was picked, or why it was left out.
    #[schemars(with = "String")]
    pub say: Text,
}

/// A further file of a runbook.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartDocument {
    #[serde(default)]
    pub params: IndexMap<Text, ParamDocument>,
    #[serde(default)]
    pub data: IndexMap<Text, Spanned<Value>>,
    #[serde(default, rename = "let")]
    pub bindings: IndexMap<Text, Text>,
    #[serde(default)]
    pub facts: IndexMap<Text, Text>,
    #[serde(default)]
    pub steps: Vec<StepDocument>,
    #[serde(default)]
    pub causes: Vec<CauseDocument>,
}

/// A parameter. It is checked before anything runs.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ParamDocument {
    /// What its value must be.
    #[serde(rename = "type")]
    #[schemars(with = "super::params::ParamType")]
    pub kind: Text,
    /// Its value when none is given. Without one the parameter is false in conditions until it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub default: Option<Spanned<Value>>,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub min: Option<Spanned<Value>>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub max: Option<Spanned<Value>>,
    /// The values that it can have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Value>")]
    pub choices: Vec<Spanned<Value>>,
    /// What it is for, and the reason for its default.
    pub help: String,
    /// Its value must be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Its value is kept out of cases and reports. Expressions see a stand-in for it; only `with:` passes the value on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// The header of a check.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckDocument {
    /// The name by which steps call it: a Lua name, that of its file.
    #[schemars(with = "String")]
    pub name: Text,
    /// What it finds out, in a sentence.
    pub summary: String,
    /// Words that it is found by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Complaints that call for it: "logging in takes ages".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<String>,
    /// What can be set, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, ParamDocument>")]
    pub params: IndexMap<Text, ParamDocument>,
    /// The probes that it may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub needs: Vec<Text>,
}

/// A step: one probe or check looks, and the first outcome that holds is the finding. What could not be seen makes it unknown,
/// never ok.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StepDocument {
    /// The name by which conditions reach its evidence: a Lua name, `rates` in `rates.watched.rx.packets`.
    #[schemars(with = "String")]
    pub id: Text,
    /// What it asks, for people: "How much arrives".
    pub title: String,
    /// The probe that looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub probe: Option<Text>,
    /// The check, written in Lua, that looks and judges; instead of `probe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub check: Option<Text>,
    /// The parameters of the probe or check, by name; `{{ }}` fills in values.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, Value>")]
    pub with: IndexMap<Text, Spanned<Value>>,
    /// A condition: the step is skipped when this does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// It looks at a live host only: it is skipped where the runbook's `live_when` does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live_only: bool,
    /// The sentence when it is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub skip_message: Option<Text>,
    /// The name that `skip_message` had in version 0.1.
    #[serde(default, skip_serializing)]
    #[schemars(skip)]
    pub otherwise: Option<Text>,
    /// Ids of steps that must have looked before; what a probe derives its result from is known without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub needs: Vec<Text>,
    /// How long it may take; the window and 5 s more when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<crate::units::Span>")]
    pub timeout: Option<Text>,
    /// What it can find; the first whose condition holds wins. Without any, a check's own findings count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<OutcomeDocument>,
    /// Further lists of outcomes, each judged by itself as `outcomes` is: the gravest finding is that of the step. So runbooks that
    /// judge the same evidence are one in `casebook diagnose`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<AlsoDocument>,
    /// A condition: the run ends after this step when this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stop: Option<Text>,
}

/// A further list of outcomes of a step.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AlsoDocument {
    /// What its findings are called; the step's title when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// As those of the step.
    pub outcomes: Vec<OutcomeDocument>,
}

/// What a step can find: its verdict and its sentence, as `ok: SENTENCE`, `warning: SENTENCE`, `critical: SENTENCE`,
/// `unknown: SENTENCE` or `skipped: SENTENCE`; or in two fields, `verdict` and `say`.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeDocument {
    /// A condition; the outcome always holds if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// All is well: the sentence, with figures filled in by `{{ }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub ok: Option<Text>,
    /// Worth attention: the sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub warning: Option<Text>,
    /// Bad: the sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub critical: Option<Text>,
    /// It cannot be told: the sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub unknown: Option<Text>,
    /// It does not apply here: the sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub skipped: Option<Text>,
    /// What it means for the host, where the sentence stands under `say`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The sentence, beside `verdict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub say: Option<Text>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<RemedyDocument>,
}

/// A hypothesis: signs that hold move the scale, signs that could not be seen widen the doubt.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CauseDocument {
    /// A list: the cause stands for as many causes as the list has entries, and `each` is the entry in its expressions. The name of
    /// a list under `data`, or a list written out. `id` and `name` fill it in: `reflection-{{ each.service }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub each: Option<Spanned<Value>>,
    /// Its id: lower case, digits and hyphens.
    #[schemars(with = "String")]
    pub id: Text,
    /// The runbook that looks into it: where `casebook diagnose` runs that as well, the cause is left to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub left_to: Option<Text>,
    /// The runbooks that it is from, where several were made one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runbooks: Vec<String>,
    /// What it is called when nothing is known of its subject: "SYN flood". The id, when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub name: Option<Text>,
    /// What happens, with its subject filled in by `{{ }}`.
    #[schemars(with = "String")]
    pub title: Text,
    /// The verdict of a run in which it is likely: `critical` or `warning`.
    #[serde(default = "critical", skip_serializing_if = "is_critical")]
    pub severity: Verdict,
    /// Among causes that are equally likely the higher comes first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rank: i64,
    /// Only a live host tells of it: it is not considered where the runbook's `live_when` does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live_only: bool,
    /// Names for expressions that its signs, sentences and remedies share.
    #[serde(default, rename = "let", skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, String>")]
    pub bindings: IndexMap<Text, Text>,
    /// Names for conditions of its own.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, String>")]
    pub facts: IndexMap<Text, Text>,
    /// What it is about: expressions by name, such as `process`, `ports`, `rule`. What is none is left out.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    #[schemars(with = "IndexMap<String, String>")]
    pub subject: IndexMap<Text, Text>,
    /// Signs for and against.
    pub signs: Vec<SignDocument>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<RemedyDocument>,
}

/// A sign: either `for` or `against` the cause.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignDocument {
    /// It speaks for the cause: `WEIGHT when CONDITION`, or the weight alone and the condition under `when`. The weights are
    /// `weak`, `moderate`, `strong` and `decisive`.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub speaks_for: Option<Text>,
    /// It speaks against the cause; written as `for` is.
    #[serde(default, rename = "against", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub speaks_against: Option<Text>,
    /// A condition, where it does not stand behind the weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// It is looked for on a live host only: elsewhere it does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live_only: bool,
    /// The sentence when it holds; the condition itself, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub say: Option<Text>,
}

/// What to do about it: `now: SENTENCE` (on this host, at once), `lasting: SENTENCE` (on this host, for good) or
/// `upstream: SENTENCE` (a text for the provider); or in two fields, `urgency` and `do`.
#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemedyDocument {
    /// What to do on this host at once, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub now: Option<Text>,
    /// What to do on this host for good, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lasting: Option<Text>,
    /// A text for the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub upstream: Option<Text>,
    /// When and where it helps, where the sentence stands under `do`; `now` unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// What to do, as a sentence, beside `urgency`.
    #[serde(default, rename = "do", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub action: Option<Text>,
    /// A condition: the remedy is left out when this does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub when: Option<Text>,
    /// It helps on a live host only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live_only: bool,
    /// Commands, ready to paste; what `{{ }}` fills in is quoted for the shell. A remedy whose commands cannot be filled in is
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub run: Option<Text>,
    /// Commands that take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub undo: Option<Text>,
    /// What may go wrong: none, low, medium or high, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub risk: Option<Text>,
}

fn critical() -> Verdict {
    Verdict::Critical
}

fn is_critical(severity: &Verdict) -> bool {
    *severity == Verdict::Critical
}

fn is_zero(rank: &i64) -> bool {
    *rank == 0
}

/// The JSON schema of a runbook, for editors.
pub fn schema() -> Schema {
    schema_for!(Document)
}
