//! From text to a checked runbook: every name exists, every expression compiles, every parameter fits, or all that is wrong
//! is said at once.

mod arguments;
mod causes;
mod params;
mod steps;

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::document::{CheckDocument, Document, RemedyDocument, Text};
use super::fields::{self, Meaning, Names};
use super::model::{Binding, Check, RemedyPlan, Runbook, Step};
use super::place::{byte_offset, in_source};
use super::problem::{Problem, Problems};
use super::yaml;
use crate::nearest::nearest;
use crate::probe;
use crate::script::{Condition, Expression, Scope, Script, SyntaxError, Template, is_keyword};

/// Finds the checks that a runbook's steps call, by name.
pub(super) type FindCheck<'a> = &'a dyn Fn(&str) -> Result<Arc<Check>, NoCheck>;

/// Why a check cannot be called: what is wrong, and what to do about it.
pub(super) struct NoCheck {
    pub message: String,
    pub help: Option<String>,
}

/// Reads and checks a runbook.
pub(super) fn runbook(text: &str, origin: &str, find: FindCheck<'_>) -> Result<Runbook, Problems> {
    checked(text, origin, find, |check, document: Document| check.runbook(document))
}

/// Reads and checks the header of a check, which has come to be YAML.
pub(super) fn header(text: &str, origin: &str, script: &Script) -> Result<Check, Problems> {
    let none = |_: &str| Err(NoCheck { message: String::new(), help: None });
    checked(text, origin, &none, |check, document: CheckDocument| check.header(document, script))
}

fn checked<D: serde::de::DeserializeOwned, T>(
    text: &str,
    origin: &str,
    find: FindCheck<'_>,
    check_all: impl FnOnce(&mut Checker<'_>, D) -> T,
) -> Result<T, Problems> {
    let problems = |problems| Problems { origin: origin.to_owned(), text: text.to_owned(), problems };
    let document: D =
        serde_yaml::from_str(text).map_err(|error| problems(vec![yaml::problem(text, &error, yaml::Form::Runbook)]))?;
    let scope = Scope::new().map_err(|error| {
        problems(vec![Problem::new(None, format!("cannot start Lua to check expressions: {error}"))])
    })?;
    let mut check = Checker { text, origin, scope, find, problems: Vec::new(), names: Vec::new(), late: Vec::new() };
    let whole = check_all(&mut check, document);
    if check.problems.is_empty() {
        Ok(whole)
    } else {
        check.problems.sort_by_key(|problem| problem.range.as_ref().map_or(0, |range| range.start));
        check.problems.dedup();
        Err(problems(check.problems))
    }
}

/// The last boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn first_word(text: &str) -> usize {
    text.find(char::is_whitespace).unwrap_or(text.len())
}

/// How many steps a runbook can have: each takes a thread while it looks.
const STEPS: usize = 256;
/// How many problems are told at once.
const PROBLEMS: usize = 50;

struct Checker<'a> {
    text: &'a str,
    origin: &'a str,
    scope: Scope,
    find: FindCheck<'a>,
    problems: Vec<Problem>,
    names: Names,
    /// Names that are known only when all steps have looked.
    late: Vec<String>,
}

impl Checker<'_> {
    fn report(&mut self, range: Option<Range<usize>>, message: impl Into<String>, help: Option<String>) {
        // More help nobody; the first ones often explain the rest.
        if self.problems.len() >= PROBLEMS {
            return;
        }
        self.problems.push(Problem::new(range, message).help(help));
    }

    /// Where a text stands.
    fn range(&self, text: &Text) -> Range<usize> {
        let location = text.referenced;
        let start = byte_offset(self.text, location.line() as usize, location.column() as usize);
        let source = &self.text[start..];
        // A text that differs in the source, by quotes or folding, is shown by its first line.
        let line = source.lines().next().unwrap_or_default().len();
        let length = if source.starts_with(&text.value) { text.value.len() } else { line.min(text.value.len() + 2) };
        start..floor(self.text, start + length)
    }

    /// Where `part`, which stands `offset` bytes into the text, is in the source; the alias, where the text is one.
    fn range_of(&self, text: &Text, offset: usize, part: &str) -> Range<usize> {
        let whole = self.range(text);
        let source = self.text.get(whole.start..).unwrap_or_default();
        match in_source(source, &text.value, offset) {
            Some(at) => {
                let start = whole.start + at;
                // A part that is folded or escaped is longer in the source: its first word is enough to find it.
                let same = self.text.get(start..).is_some_and(|rest| rest.starts_with(part));
                let length = if same { part.len() } else { first_word(source.get(at..).unwrap_or_default()) };
                start..(start + length).min(self.text.len())
            }
            None => whole.start..whole.start + first_word(source),
        }
    }

    fn place(&self, text: &Text) -> String {
        format!("{}:{}:{}", self.origin, text.referenced.line(), text.referenced.column())
    }

    fn runbook(&mut self, mut document: Document) -> Runbook {
        self.identifier(&document.name, "runbook", '-');
        if document.steps.len() > STEPS {
            let message = format!("the runbook has {} steps, more than the {STEPS} there can be", document.steps.len());
            self.report(Some(self.range(&document.name)), message, Some("split it".to_owned()));
            document.steps.truncate(STEPS);
        }
        let params = self.params(document.params);
        self.names.push(("params".into(), Meaning::Params(params.keys().cloned().collect())));
        if document.steps.is_empty() {
            self.report(Some(self.range(&document.name)), "the runbook has no steps", None);
        }
        let mut seen = Vec::new();
        for step in &document.steps {
            self.lua_name(&step.id, "step");
            self.free(&step.id);
            seen.push(step.id.value.clone());
            let probe = step.probe.as_ref().and_then(|probe| probe::find(&probe.value));
            if let Some(probe) = probe {
                self.names.push((step.id.value.clone(), Meaning::Evidence(probe.output_schema().to_value())));
            } else {
                self.names.push((step.id.value.clone(), Meaning::Value));
            }
        }
        let first_binding = self.names.len();
        let bindings = self.bindings(document.bindings);
        self.late = self.names[first_binding..].iter().map(|(name, _)| name.clone()).collect();
        let steps: Vec<Step> = document.steps.into_iter().map(|step| self.step(step, &seen)).collect();
        self.cycles(&steps, &document.name);
        let headlines = document.headlines.iter().filter_map(|text| self.template(text)).collect();
        let calm = document.calm.as_ref().and_then(|text| self.template(text));
        let causes = document.causes.into_iter().filter_map(|cause| self.cause(cause)).collect();
        Runbook {
            name: document.name.value,
            title: document.title,
            summary: document.summary,
            tags: document.tags,
            symptoms: document.symptoms,
            params,
            bindings,
            steps,
            headlines,
            calm,
            causes,
            around: None,
            overrides_embedded: false,
            origin: self.origin.to_owned(),
            text: self.text.to_owned(),
        }
    }

    /// Ids are lower case words joined by one kind of character.
    fn identifier(&mut self, text: &Text, what: &str, joint: char) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint;
        let id = &text.value;
        if id.is_empty() || !id.chars().all(fits) || !id.starts_with(|c: char| c.is_ascii_lowercase()) {
            let range = self.range(text);
            self.report(
                Some(range),
                format!("`{id}` cannot be the name of a {what}"),
                Some(format!("use lower case letters, digits and `{joint}`, beginning with a letter")),
            );
        }
    }

    /// Names that expressions use are Lua's: words joined by `_`, and none of its own.
    fn lua_name(&mut self, text: &Text, what: &str) {
        if is_keyword(&text.value) {
            let help = Some(format!("use another word, such as `the_{}`", text.value));
            self.report(Some(self.range(text)), format!("`{}` is a word of Lua's own", text.value), help);
        } else {
            self.identifier(text, what, '_');
        }
    }

    /// A name stands for one thing.
    fn free(&mut self, text: &Text) {
        let name = &text.value;
        if self.names.iter().any(|(taken, _)| taken == name) {
            let help = Some("take another name; each stands for one thing".to_owned());
            self.report(Some(self.range(text)), format!("the name `{name}` is taken already"), help);
        } else if fields::is_built_in(name) || name == "subject" {
            let help = Some("take another name".to_owned());
            self.report(Some(self.range(text)), format!("the name `{name}` is one of casebook's own"), help);
        }
    }

    fn header(&mut self, document: CheckDocument, script: &Script) -> Check {
        self.lua_name(&document.name, "check");
        let params = self.params(document.params);
        let mut needs = Vec::new();
        if document.needs.len() > probe::PROBES.len() {
            let message = format!("the check needs {} probes, more than there are", document.needs.len());
            self.report(Some(self.range(&document.name)), message, Some("name each once".to_owned()));
        }
        for need in document.needs.iter().take(probe::PROBES.len()) {
            match probe::find(&need.value) {
                Some(probe) => needs.push(probe.name()),
                None => {
                    let names = probe::PROBES.iter().map(|probe| probe.name());
                    let help = nearest(&need.value, names).map(|near| format!("did you mean `{near}`?"));
                    self.report(Some(self.range(need)), format!("there is no probe `{}`", need.value), help);
                }
            }
        }
        Check {
            overrides_embedded: false,
            name: document.name.value,
            summary: document.summary,
            tags: document.tags,
            symptoms: document.symptoms,
            params,
            declared_params: Value::Null,
            needs,
            script: script.clone(),
        }
    }

    fn remedy(&mut self, document: RemedyDocument) -> Option<RemedyPlan> {
        let when = document.when.as_ref().and_then(|text| self.condition(text));
        let run = document.run.as_ref().and_then(|text| self.template(text));
        let undo = document.undo.as_ref().and_then(|text| self.template(text));
        let risk = document.risk.as_ref().and_then(|text| self.template(text));
        let action = self.template(&document.action)?;
        Some(RemedyPlan { urgency: document.urgency, when, action, run, undo, risk })
    }

    /// Later bindings can use earlier ones.
    fn bindings(&mut self, documents: IndexMap<Text, Text>) -> Vec<Binding> {
        let mut bindings = Vec::new();
        for (key, text) in documents {
            self.lua_name(&key, "value");
            self.free(&key);
            let name = key.value;
            if let Some(value) = self.expression(&text) {
                bindings.push(Binding { name: name.clone(), value });
            }
            self.names.push((name, Meaning::Value));
        }
        bindings
    }

    fn condition(&mut self, text: &Text) -> Option<Condition> {
        match Condition::parse(&text.value, &self.place(text)) {
            Ok(condition) => {
                let atoms = condition.atoms();
                atoms.iter().for_each(|atom| self.names_and_grammar(atom, text, 0));
                Some(condition)
            }
            Err(error) => self.syntax(text, &error),
        }
    }

    fn expression(&mut self, text: &Text) -> Option<Expression> {
        match Expression::parse(&text.value, &self.place(text)) {
            Ok(expression) => {
                self.names_and_grammar(&expression, text, 0);
                Some(expression)
            }
            Err(error) => self.syntax(text, &error),
        }
    }

    fn template(&mut self, text: &Text) -> Option<Template> {
        match Template::parse(&text.value, &self.place(text)) {
            Ok(template) => {
                for (expression, offset) in template.expressions() {
                    self.names_and_grammar(expression, text, offset);
                }
                Some(template)
            }
            Err(error) => self.syntax(text, &error),
        }
    }

    fn syntax<T>(&mut self, text: &Text, error: &SyntaxError) -> Option<T> {
        let rest = text.value.get(error.offset..).unwrap_or_default();
        let part = rest.split(char::is_whitespace).next().unwrap_or_default();
        let range = self.range_of(text, error.offset, part);
        self.report(Some(range), error.message.clone(), None);
        None
    }

    fn names_and_grammar(&mut self, expression: &Expression, text: &Text, offset: usize) {
        if let Err(message) = self.scope.check(expression) {
            let range = self.range_of(text, offset, expression.text.trim());
            // Lua's message begins with the chunk's name and a line that counts from the expression.
            let message = message.rsplit_once(": ").map_or(message.clone(), |(_, said)| said.to_owned());
            self.report(Some(range), format!("Lua cannot read this expression: {message}"), None);
            return;
        }
        for used in expression.uses() {
            if let Err(misnomer) = fields::check(used, &self.names) {
                let range = self.range_of(text, offset + misnomer.offset, &misnomer.name);
                self.report(Some(range), misnomer.message, misnomer.help);
            }
        }
    }
}
