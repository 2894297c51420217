//! A runbook that was checked: what the engine runs.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::params::ParamSpec;
use super::parts;
use super::problem::Problem;
use crate::case::{CheckRef, Choice, RunbookRef, SignSide, Urgency, Verdict, Weight};
use crate::embedded;
use crate::probe::{self, AnyProbe};
use crate::script::{Condition, Expression, Scope, Script, Template};

/// A checked runbook: every name in it exists, every expression compiles.
#[derive(Debug, Clone)]
pub struct Runbook {
    /// Its name, by which it is run.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub summary: String,
    /// Words that it is found by.
    pub tags: Vec<String>,
    /// What people complain about when they need it.
    pub symptoms: Vec<String>,
    /// Words and phrases of the complaints that it is picked by.
    pub complaints: Vec<String>,
    /// What picks it in a first look; the last says what was seen where nothing does.
    pub suspect: Vec<Suspect>,
    /// What picks it of lines of logs that were pasted: patterns of the probe `logs`, by name.
    pub lines: Map<String, Value>,
    /// Its parameters.
    pub params: IndexMap<String, ParamSpec>,
    /// Lists that expressions can use, by name.
    pub data: Vec<(String, Value)>,
    /// Names that expressions share, each behind those that it uses; all are known when all steps have looked.
    pub bindings: Vec<Binding>,
    /// Its steps.
    pub steps: Vec<Step>,
    /// The sentences of the report's head.
    pub headlines: Vec<Template>,
    /// The first sentence when no cause is likely.
    pub all_clear: Option<Template>,
    /// The hypotheses that it weighs.
    pub causes: Vec<CausePlan>,
    /// The check that it was made for, to run it by hand.
    pub wraps_check: Option<String>,
    /// It was found by its name, and goes before one that ships with casebook.
    pub overrides_embedded: bool,
    /// It was read out of this program, with all that it includes.
    pub ships: bool,
    /// Which runbooks it was made of, and why of these, where it was made of several.
    pub choice: Option<Choice>,
    /// Where it was read from.
    pub origin: String,
    /// Where its text is.
    pub(super) written: Written,
    /// What works, but has a newer name or was hardly meant so.
    pub warnings: Vec<Problem>,
}

/// Where the text of a runbook is.
#[derive(Debug, Clone)]
pub(super) enum Written {
    /// Here.
    Here(String),
    /// In the program, by the path of its first file: it is unpacked when it is first asked for.
    Packed(String, OnceLock<String>),
}

impl Runbook {
    /// Its text, whole: what it includes and the lists that probes know are written in it. A Lua runbook's is in the form that it
    /// was read as.
    pub fn text(&self) -> &str {
        match &self.written {
            Written::Here(text) => text,
            Written::Packed(path, text) => {
                text.get_or_init(|| parts::with_lists(embedded::whole_yaml(path).unwrap_or_default(), &self.data))
            }
        }
    }

    /// The checks that its steps call.
    pub fn checks(&self) -> impl Iterator<Item = &Arc<Check>> {
        self.steps.iter().filter_map(Step::check)
    }

    /// What a case keeps of it; which modules its checks required is known only when they have run.
    pub fn reference(&self) -> RunbookRef {
        let kept = |check: &Arc<Check>| CheckRef {
            origin: check.script.origin.clone(),
            overrides_embedded: check.overrides_embedded,
            text: check.script.text.clone(),
            modules: BTreeMap::new(),
        };
        RunbookRef {
            name: self.name.clone(),
            title: self.title.clone(),
            text: self.text().to_owned(),
            wraps_check: self.wraps_check.clone(),
            overrides_embedded: self.overrides_embedded.then(|| self.origin.clone()),
            choice: self.choice.clone(),
            checks: self.checks().map(|check| (check.name.clone(), kept(check))).collect(),
        }
    }
}

/// A sign in the first look that a runbook is wanted.
#[derive(Debug, Clone)]
pub struct Suspect {
    /// When it holds; always, if there is none.
    pub when: Option<Condition>,
    /// What was seen.
    pub say: Template,
}

/// A name for a value or a condition.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub meaning: Bound,
}

impl Binding {
    /// Makes the name known, with what it stands for as far as the evidence is there when it is first used.
    pub fn set(&self, scope: &Scope) {
        match &self.meaning {
            Bound::Value(expression) => scope.set_expression(&self.name, expression),
            Bound::Fact(condition) => scope.set_fact(&self.name, condition),
        }
    }
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Bound {
    /// The value of an expression (`let`); unknown as a whole where a part is.
    Value(Expression),
    /// What a condition comes to (`facts`): yes, no or unknown.
    Fact(Condition),
}

/// A figure of what a cause is about.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// The expression that gives it.
    pub value: Expression,
}

/// A step: what to ask, and how to judge the answer.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id, by which conditions name its evidence.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it calls.
    pub target: Target,
    /// The arguments of the probe or check.
    pub arguments: Vec<(String, Argument)>,
    /// It is skipped when this does not hold.
    pub when: Option<Condition>,
    /// The sentence when it is skipped.
    pub skip_message: Option<Template>,
    /// Places in the runbook's bindings of those that `when`, `with` and `stop` use, those that these use included.
    pub bindings: Vec<usize>,
    /// Ids of steps that must be observed before it can be asked.
    pub needs: Vec<String>,
    /// How long it may take, in seconds; the window and a little more when none is given.
    pub timeout_seconds: Option<f64>,
    /// Its outcomes; the first that holds wins.
    pub outcomes: Vec<Outcome>,
    /// Further lists of outcomes, each judged by itself: the gravest finding counts.
    pub also: Vec<Also>,
    /// The run ends after this step when this holds.
    pub stop: Option<Condition>,
}

/// A further list of outcomes of a step.
#[derive(Debug, Clone)]
pub struct Also {
    /// What its findings are called.
    pub title: String,
    /// The first that holds wins.
    pub outcomes: Vec<Outcome>,
}

/// What a step calls.
#[derive(Debug, Clone)]
pub enum Target {
    /// A probe, by its name.
    Probe(&'static str),
    /// A check.
    Check(Arc<Check>),
}

impl Step {
    /// The probe that it calls, if it calls one.
    pub fn probe(&self) -> Option<&'static dyn AnyProbe> {
        match &self.target {
            Target::Probe(name) => probe::find(name),
            Target::Check(_) => None,
        }
    }

    /// The check that it calls, if it calls one.
    pub fn check(&self) -> Option<&Arc<Check>> {
        match &self.target {
            Target::Probe(_) => None,
            Target::Check(check) => Some(check),
        }
    }

    /// What it calls, for people: "probe sockets".
    pub fn called(&self) -> String {
        match &self.target {
            Target::Probe(name) => format!("probe {name}"),
            Target::Check(check) => format!("check {}", check.name),
        }
    }
}

/// A check that was read: a unit written in Lua that may call probes and says what it found.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name, by which steps call it.
    pub name: String,
    /// What it finds out, in a sentence.
    pub summary: String,
    /// Words that it is found by.
    pub tags: Vec<String>,
    /// Complaints that call for it.
    pub symptoms: Vec<String>,
    /// Its parameters.
    pub params: IndexMap<String, ParamSpec>,
    /// Its parameters as its header declares them.
    pub declared_params: Value,
    /// The probes that it may call.
    pub needs: Vec<&'static str>,
    /// It was found by its name, and goes before one that ships with casebook.
    pub overrides_embedded: bool,
    /// Its text.
    pub script: Script,
}

/// An argument of a probe or a check.
#[derive(Debug, Clone)]
pub enum Argument {
    /// A value as it stands.
    Literal(Value),
    /// The value of an expression.
    Value(Expression),
    /// A text with expressions in it.
    Text(Template),
}

impl Argument {
    /// The steps whose evidence fills it, by id; empty where parameters and literals alone do.
    pub fn derived_from(&self, steps: &[Step]) -> Vec<String> {
        let expressions: Vec<&Expression> = match self {
            Argument::Literal(_) => Vec::new(),
            Argument::Value(expression) => vec![expression],
            Argument::Text(template) => template.expressions().map(|(expression, _)| expression).collect(),
        };
        let mut from: Vec<String> = Vec::new();
        for name in expressions.iter().flat_map(|expression| expression.uses()).map(|used| &used.name) {
            if steps.iter().any(|step| step.id == *name) && from.iter().all(|known| known != name) {
                from.push(name.to_string());
            }
        }
        from
    }

    /// As it is written.
    pub fn written(&self) -> String {
        match self {
            Argument::Literal(value) => value.to_string(),
            Argument::Value(expression) => expression.text.trim().to_owned(),
            Argument::Text(template) => template.text.trim().to_owned(),
        }
    }
}

/// A way a step can end.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When; always, if there is none.
    pub when: Option<Condition>,
    /// The verdict.
    pub verdict: Verdict,
    /// The sentence.
    pub say: Template,
    /// What to do about it.
    pub remedy: Option<RemedyPlan>,
}

/// A hypothesis.
#[derive(Debug, Clone)]
pub struct CausePlan {
    /// Its id.
    pub id: String,
    /// The runbook that looks into it.
    pub left_to: Option<String>,
    /// The runbooks that it is from, where several were made one.
    pub runbooks: Vec<String>,
    /// Where it is considered at all; none: everywhere.
    pub when: Option<Condition>,
    /// The entry of a list that it stands for, and the id as it is written for all of them.
    pub each: Option<Each>,
    /// What it is called when nothing is known of its subject: "SYN flood".
    pub name: String,
    /// What happens.
    pub title: Template,
    /// The verdict of a run in which it is likely.
    pub severity: Verdict,
    /// Among causes that are equally likely, the higher comes first: the one whose remedy helps most.
    pub rank: i64,
    /// Values that its signs and sentences share. These and what follows are held together by all that stand for one list.
    pub bindings: Arc<[Binding]>,
    /// What it is about.
    pub subject: Arc<[Figure]>,
    /// Signs for and against.
    pub signs: Arc<[SignPlan]>,
    /// What to do.
    pub remedies: Arc<[RemedyPlan]>,
}

/// The entry of a list that a cause stands for.
#[derive(Debug, Clone)]
pub struct Each {
    /// The cause's id as it is written: `reflection-{{ each.service }}`.
    pub written: String,
    /// The entry.
    pub entry: Value,
}

/// A sign.
#[derive(Debug, Clone)]
pub struct SignPlan {
    /// For or against.
    pub side: SignSide,
    /// How much it counts.
    pub weight: Weight,
    /// When it holds.
    pub when: Condition,
    /// The sentence, shown when it holds.
    pub say: Option<Template>,
}

/// A remedy before its figures are filled in.
#[derive(Debug, Clone)]
pub struct RemedyPlan {
    /// When and where it helps.
    pub urgency: Urgency,
    /// It applies only when this holds.
    pub when: Option<Condition>,
    /// The sentence.
    pub action: Template,
    /// Commands.
    pub run: Option<Template>,
    /// Commands that take it back.
    pub undo: Option<Template>,
    /// What may go wrong.
    pub risk: Option<Template>,
}
