//! The ranked causes of a run, each with its signs and remedies.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Gap, Truth, Verdict};

/// What the run concludes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// One sentence: the most likely cause with its subject, or that nothing stands out.
    pub summary: String,
    /// Headline figures, one sentence each.
    pub headlines: Vec<String>,
    /// The causes, the one whose remedy helps most first.
    pub causes: Vec<Cause>,
}

/// A hypothesis, weighed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The id from the runbook: `syn-flood`.
    pub id: String,
    /// The runbooks that it is from, where several were run as one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runbooks: Vec<String>,
    /// What happens, with its subject filled in.
    pub title: String,
    /// How sure the signs make it.
    pub likelihood: Likelihood,
    /// The verdict of a run in which it is likely.
    pub severity: Verdict,
    /// What it is about: `local`, `ports`, `process`, `rule` …, whatever applies. Of what was dismissed nothing is said.
    pub subject: Map<String, Value>,
    /// The signs for and against, held or not.
    pub signs: Vec<Sign>,
    /// What to do, filled from evidence.
    pub remedies: Vec<Remedy>,
    /// How many more remedies the runbook has that need what could not be seen.
    #[serde(default, skip_serializing_if = "is_none")]
    pub withheld: usize,
}

/// Whether there is none.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

/// How sure a cause is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Likelihood {
    /// The evidence excludes it.
    RuledOut,
    /// The evidence speaks against it.
    Unlikely,
    /// It fits, but not enough speaks for it, or what would tell could not be seen.
    Possible,
    /// The evidence speaks for it.
    Likely,
    /// Little doubt is left.
    Certain,
}

impl Likelihood {
    /// The word in reports and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Likelihood::RuledOut => "ruled-out",
            Likelihood::Unlikely => "unlikely",
            Likelihood::Possible => "possible",
            Likelihood::Likely => "likely",
            Likelihood::Certain => "certain",
        }
    }
}

impl fmt::Display for Likelihood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A condition that speaks for or against a cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sign {
    /// For or against.
    pub side: SignSide,
    /// How much it counts.
    pub weight: Weight,
    /// Whether it holds; `unknown` reads "not observable".
    #[schemars(with = "String")]
    pub holds: Truth,
    /// Of a sign that holds its sentence, empty where the runbook gives none; of another its condition, which no report shows.
    pub say: String,
    /// Why it is not observable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
}

/// The side a sign speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignSide {
    /// It makes the cause likelier.
    For,
    /// It makes the cause less likely.
    Against,
}

/// How much a sign counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// A hint.
    Weak,
    /// Worth something.
    Moderate,
    /// Worth much.
    Strong,
    /// Settles it.
    Decisive,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// When and where it helps.
    pub urgency: Urgency,
    /// The sentence.
    #[serde(rename = "do")]
    pub action: String,
    /// Commands, ready to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Commands that take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// What may go wrong: `none`, `low`, `medium`, `high`, maybe with a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// A check put the commands together itself: what it filled in may not be quoted for the shell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unquoted: bool,
}

/// When and where a remedy helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// On this host, at once.
    Now,
    /// On this host, for good.
    Lasting,
    /// Outside this host: a text for the provider or the network's owner.
    Upstream,
}

impl Urgency {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Urgency::Now => "now",
            Urgency::Lasting => "lasting",
            Urgency::Upstream => "upstream",
        }
    }
}
