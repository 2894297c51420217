//! From text to a checked runbook: every name exists, every expression compiles, every parameter fits, or all that is wrong
//! is said at once.

use std::ops::Range;

use indexmap::IndexMap;
use serde_json::Value;

use super::document::{CauseDocument, Document, OutcomeDocument, ParamDocument, RemedyDocument, StepDocument, Text};
use super::fields::{self, Meaning, Names};
use super::model::{Argument, Binding, CausePlan, Outcome, RemedyPlan, Runbook, SignPlan, Step};
use super::params::{ParamSpec, ParamType};
use super::problem::{Problem, Problems};
use crate::case::SignSide;
use crate::nearest::nearest;
use crate::probe::{self, AnyProbe};
use crate::script::{Condition, Expression, Scope, SyntaxError, Template};
use crate::units::Span;

/// Reads and checks a runbook.
pub fn load(text: &str, origin: &str) -> Result<Runbook, Problems> {
    let problems = |problems| Problems { origin: origin.to_owned(), text: text.to_owned(), problems };
    let document: Document = serde_yaml::from_str(text).map_err(|error| problems(vec![yaml_problem(text, &error)]))?;
    let scope = Scope::new().map_err(|error| {
        problems(vec![Problem::new(None, format!("cannot start Lua to check expressions: {error}"))])
    })?;
    let mut check = Check { text, origin, scope, problems: Vec::new(), names: Vec::new(), late: Vec::new() };
    let runbook = check.runbook(document);
    if check.problems.is_empty() {
        Ok(runbook)
    } else {
        check.problems.sort_by_key(|problem| problem.range.as_ref().map_or(0, |range| range.start));
        check.problems.dedup();
        Err(problems(check.problems))
    }
}

fn yaml_problem(text: &str, error: &serde_yaml::Error) -> Problem {
    let error = error.without_snippet();
    let location = error.location();
    let message = error.to_string();
    // The library's message begins with the place, which the snippet shows better.
    let message = match (message.strip_prefix("error: "), &location) {
        (Some(rest), _) => rest.to_owned(),
        (None, _) => message.clone(),
    };
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest.to_owned(),
        _ => message,
    };
    let message = message.lines().next().unwrap_or_default().to_owned();
    let range = location.map(|at| {
        let start = byte_offset(text, at.line() as usize, at.column() as usize);
        let rest = &text[start..];
        let length = rest.find(|c: char| c.is_whitespace() || c == ':' || c == ',').unwrap_or(rest.len()).max(1);
        start..(start + length).min(text.len())
    });
    let help = message
        .split_once("unknown field `")
        .and_then(|(_, rest)| rest.split_once('`'))
        .and_then(|(name, rest)| {
            let candidates = rest.rsplit("expected one of ").next().unwrap_or_default();
            nearest(name, candidates.split(", ").map(|candidate| candidate.trim_matches('`')))
        })
        .map(|near| format!("did you mean `{near}`?"));
    Problem::new(range, message).help(help)
}

/// The byte at a line and column, both from 1.
fn byte_offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(index, _)| index);
    (start + within).min(text.len())
}

struct Check<'a> {
    text: &'a str,
    origin: &'a str,
    scope: Scope,
    problems: Vec<Problem>,
    names: Names,
    /// Names that are known only when all steps have looked.
    late: Vec<String>,
}

impl Check<'_> {
    fn report(&mut self, range: Option<Range<usize>>, message: impl Into<String>, help: Option<String>) {
        self.problems.push(Problem::new(range, message).help(help));
    }

    /// Where a text stands.
    fn range(&self, text: &Text) -> Range<usize> {
        let location = text.referenced;
        let start = byte_offset(self.text, location.line() as usize, location.column() as usize);
        start..(start + text.value.len()).min(self.text.len())
    }

    /// Where `part`, which stands `offset` bytes into the text, is in the source. Folding and quotes shift texts, so it is
    /// looked for from where it must at least be.
    fn range_of(&self, text: &Text, offset: usize, part: &str) -> Range<usize> {
        let whole = self.range(text);
        let from = (whole.start + offset).min(self.text.len());
        let found = |from: usize| self.text.get(from..).and_then(|rest| rest.find(part)).map(|index| from + index);
        match found(from).filter(|at| *at <= from + 2 + text.value.lines().count() * 16).or_else(|| found(whole.start))
        {
            Some(at) if !part.is_empty() => at..at + part.len(),
            _ => whole,
        }
    }

    fn place(&self, text: &Text) -> String {
        format!("{}:{}:{}", self.origin, text.referenced.line(), text.referenced.column())
    }

    fn runbook(&mut self, document: Document) -> Runbook {
        self.identifier(&document.name, "runbook", '-');
        let params = self.params(document.params);
        self.names.push(("params".into(), Meaning::Params(params.keys().cloned().collect())));
        if document.steps.is_empty() {
            self.report(Some(self.range(&document.name)), "the runbook has no steps", None);
        }
        let mut seen = Vec::new();
        for step in &document.steps {
            self.identifier(&step.id, "step", '_');
            if seen.contains(&step.id.value) || step.id.value == "params" {
                let range = self.range(&step.id);
                self.report(Some(range), format!("the id `{}` is taken already", step.id.value), None);
            }
            seen.push(step.id.value.clone());
            if let Some(probe) = probe::find(&step.probe.value) {
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

    fn params(&mut self, documents: IndexMap<String, ParamDocument>) -> IndexMap<String, ParamSpec> {
        documents
            .into_iter()
            .map(|(name, document)| {
                let spec = self.param(&name, document);
                (name, spec)
            })
            .collect()
    }

    fn param(&mut self, name: &str, document: ParamDocument) -> ParamSpec {
        let kind = ParamType::ALL.iter().copied().find(|kind| kind.word() == document.kind.value);
        let range = self.range(&document.kind);
        if kind.is_none() {
            let words = ParamType::ALL.iter().map(|kind| kind.word());
            let help = match nearest(&document.kind.value, words.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the types are: {}", words.collect::<Vec<_>>().join(", ")),
            };
            self.report(Some(range.clone()), format!("`{}` is not a type", document.kind.value), Some(help));
        }
        let kind = kind.unwrap_or(ParamType::String);
        let mut read = |what: &str, value: &Option<Value>| {
            let value = value.as_ref().filter(|value| !value.is_null())?;
            kind.read(value)
                .map_err(|why| self.report(Some(range.clone()), format!("{what} of `{name}`: {why}"), None))
                .ok()
        };
        let mut spec = ParamSpec {
            kind,
            min: read("the least value", &document.min),
            max: read("the greatest value", &document.max),
            default: None,
            default_text: document
                .default
                .as_ref()
                .filter(|value| !value.is_null())
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            choices: document.choices,
            help: document.help,
            required: document.required,
            secret: document.secret,
        };
        if let Some(default) = document.default.as_ref().filter(|value| !value.is_null()) {
            match spec.read(name, default) {
                Ok(value) => spec.default = Some(value),
                Err(error) => self.report(Some(range), format!("the default of {error}"), None),
            }
        }
        spec
    }

    fn step(&mut self, document: StepDocument, ids: &[String]) -> Step {
        let probe = probe::find(&document.probe.value);
        if probe.is_none() {
            let range = self.range(&document.probe);
            let names = probe::PROBES.iter().map(|probe| probe.name());
            let help = match nearest(&document.probe.value, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
            };
            self.report(Some(range), format!("there is no probe `{}`", document.probe.value), Some(help));
        }
        let mut needs: Vec<String> = Vec::new();
        for need in &document.needs {
            if ids.contains(&need.value) {
                needs.push(need.value.clone());
            } else {
                let range = self.range(need);
                let help =
                    nearest(&need.value, ids.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                self.report(Some(range), format!("there is no step `{}`", need.value), help);
            }
        }
        let arguments = probe.map(|probe| self.arguments(probe, document.with, &document.probe)).unwrap_or_default();
        let when = document.when.as_ref().and_then(|text| self.condition(text));
        let used =
            when.iter().flat_map(Condition::atoms).chain(arguments.iter().flat_map(|(_, argument)| match argument {
                Argument::Literal(_) => Vec::new(),
                Argument::Value(expression) => vec![expression],
                Argument::Text(template) => template.expressions().map(|(expression, _)| expression).collect(),
            }));
        for name in used.flat_map(|expression| expression.uses()).map(|used| &used.name) {
            if self.late.contains(name) {
                let range = document.id.referenced;
                let start = byte_offset(self.text, range.line() as usize, range.column() as usize);
                let problem = format!("step `{}` is asked before `{name}` is known", document.id.value);
                let help = "names of `let` are known when all steps have looked: use them in outcomes and causes";
                self.problems
                    .push(Problem::new(Some(start..start + document.id.value.len()), problem).help(Some(help.into())));
            }
            if ids.contains(name) && !needs.contains(name) {
                needs.push(name.clone());
            }
        }
        if document.outcomes.last().is_none_or(|last| last.when.is_some()) {
            let range = self.range(&document.id);
            self.report(
                Some(range),
                format!("step `{}` has no last outcome without a condition", document.id.value),
                Some("add one, so that every answer is judged: `- verdict: ok` with a sentence".into()),
            );
        }
        let otherwise = document.otherwise.as_ref().and_then(|text| self.template(text));
        let timeout_seconds = document.timeout.as_ref().and_then(|text| match text.value.parse::<Span>() {
            Ok(span) => Some(span.0.as_secs_f64()),
            Err(error) => {
                let range = self.range(text);
                self.report(Some(range), error.to_string(), None);
                None
            }
        });
        let stop = document.stop.as_ref().and_then(|text| self.condition(text));
        let outcomes = document.outcomes.into_iter().filter_map(|outcome| self.outcome(outcome)).collect();
        Step {
            id: document.id.value,
            title: document.title,
            probe: probe.map_or("", AnyProbe::name),
            arguments,
            when,
            otherwise,
            needs,
            timeout_seconds,
            outcomes,
            stop,
        }
    }

    fn arguments(
        &mut self,
        probe: &dyn AnyProbe,
        with: IndexMap<String, serde_yaml::Spanned<Value>>,
        at: &Text,
    ) -> Vec<(String, Argument)> {
        let schema = probe.params_schema().to_value();
        let known: Vec<String> = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default();
        let mut arguments = Vec::new();
        let mut literals = serde_json::Map::new();
        for (name, value) in with {
            let text = Text::new(
                value.value.as_str().map_or_else(|| value.value.to_string(), str::to_owned),
                value.referenced,
                value.defined,
            );
            if !known.contains(&name) {
                let range = self.key_range(&text, &name);
                let help = match nearest(&name, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", known.join(", ")),
                };
                self.report(Some(range), format!("probe {} has no parameter `{name}`", probe.name()), Some(help));
                continue;
            }
            let argument = match &value.value {
                Value::String(template) if template.contains("{{") => match self.template(&text) {
                    Some(template) => match template.sole_expression() {
                        Some(expression) => Argument::Value(expression.clone()),
                        None => Argument::Text(template),
                    },
                    None => continue,
                },
                literal => {
                    literals.insert(name.clone(), literal.clone());
                    Argument::Literal(literal.clone())
                }
            };
            arguments.push((name, argument));
        }
        if let Err(why) = probe.complete_params(&Value::Object(literals)) {
            let range = self.range(at);
            self.report(Some(range), format!("the parameters of probe {}: {why}", probe.name()), None);
        }
        arguments
    }

    /// Where the key of a value stands: before the value, on the same line or one above.
    fn key_range(&self, value: &Text, key: &str) -> Range<usize> {
        let at = self.range(value).start;
        match self.text[..at].rfind(&format!("{key}:")) {
            Some(start) => start..start + key.len(),
            None => at..at,
        }
    }

    fn outcome(&mut self, document: OutcomeDocument) -> Option<Outcome> {
        let when = match &document.when {
            Some(text) => Some(self.condition(text)?),
            None => None,
        };
        let say = self.template(&document.say)?;
        let remedy = document.remedy.and_then(|remedy| self.remedy(remedy));
        Some(Outcome { when, verdict: document.verdict, say, remedy })
    }

    fn cause(&mut self, document: CauseDocument) -> Option<CausePlan> {
        self.identifier(&document.id, "cause", '-');
        let names = self.names.len();
        let bindings = self.bindings(document.bindings);
        let subject: Vec<Binding> = document
            .subject
            .into_iter()
            .filter_map(|(name, text)| self.expression(&text).map(|value| Binding { name, value }))
            .collect();
        self.names.push(("subject".into(), Meaning::Value));
        let title = self.template(&document.title);
        if document.signs.is_empty() {
            let range = self.range(&document.id);
            self.report(
                Some(range),
                format!("cause `{}` has no signs: nothing could make it likely", document.id.value),
                None,
            );
        }
        let mut signs = Vec::new();
        for sign in document.signs {
            let (side, weight) = match (sign.speaks_for, sign.speaks_against) {
                (Some(weight), None) => (SignSide::For, weight),
                (None, Some(weight)) => (SignSide::Against, weight),
                _ => {
                    let range = self.range(&sign.when);
                    let help = Some("write `for: strong` or `against: strong`".to_owned());
                    self.report(Some(range), "a sign speaks either for or against its cause", help);
                    continue;
                }
            };
            let say = sign.say.as_ref().and_then(|text| self.template(text));
            if let Some(when) = self.condition(&sign.when) {
                signs.push(SignPlan { side, weight, when, say });
            }
        }
        let remedies = document.remedies.into_iter().filter_map(|remedy| self.remedy(remedy)).collect();
        self.names.truncate(names);
        Some(CausePlan {
            name: document.name.unwrap_or_else(|| document.id.value.replace('-', " ")),
            id: document.id.value,
            title: title?,
            severity: document.severity,
            rank: document.rank,
            bindings,
            subject,
            signs,
            remedies,
        })
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
    fn bindings(&mut self, documents: IndexMap<String, Text>) -> Vec<Binding> {
        let mut bindings = Vec::new();
        for (name, text) in documents {
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

    /// Steps that need one another can never be asked.
    fn cycles(&mut self, steps: &[Step], at: &Text) {
        let mut done: Vec<&str> = Vec::new();
        let mut left: Vec<&Step> = steps.iter().collect();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|step| {
                let ready = step.needs.iter().all(|need| done.contains(&need.as_str()));
                if ready {
                    done.push(&step.id);
                }
                !ready
            });
            if left.len() == before {
                let chain: Vec<String> =
                    left.iter().map(|step| format!("{} needs {}", step.id, step.needs.join(" and "))).collect();
                let range = self.range(at);
                self.report(Some(range), format!("steps need one another: {}", chain.join("; ")), None);
                return;
            }
        }
    }
}
