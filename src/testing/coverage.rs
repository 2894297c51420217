//! Which parts of checks and runbooks no test has reached.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use super::read::TestFile;
use super::subject::Subject;
use crate::case::SignSide;
use crate::engine::Trace;
use crate::runbook::CausePlan;
use crate::script::verdict_lines;

/// How many parts are shown for each check or runbook, unless all are asked for.
const SHOWN: usize = 8;
/// How much of a condition is shown.
const WIDTH: usize = 90;

/// A part of a check or a runbook that can hold: an outcome, a sign, a remedy, a line that gives a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is, for people.
    pub what: String,
    /// In how many tests it held.
    pub held: usize,
}

/// What is told apart in a trace.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Place {
    Outcome(String, usize),
    OutcomeRemedy(String, usize),
    Sign(String, usize),
    Remedy(String, usize),
    Line(usize),
}

/// Which parts held, of everything that was tested.
#[derive(Debug, Default)]
pub struct Coverage {
    subjects: Vec<Tested>,
    places: HashMap<String, usize>,
}

/// What is tested, with its parts and its causes.
#[derive(Debug)]
struct Tested {
    name: String,
    parts: Vec<(Place, Part)>,
    /// The causes of a runbook, each with whether a test expects it to be at work.
    causes: Vec<(String, bool)>,
}

impl Coverage {
    /// Adds what a file tests; its parts have not held yet.
    pub fn add(&mut self, file: &TestFile) {
        let key = key(file);
        if !self.places.contains_key(&key) {
            self.places.insert(key.clone(), self.subjects.len());
            let causes = file.runbook.causes.iter().map(|cause| (cause.id.clone(), false)).collect();
            self.subjects.push(Tested { name: file.name().to_owned(), parts: parts(file), causes });
        }
        let Some(tested) = self.places.get(&key).and_then(|place| self.subjects.get_mut(*place)) else { return };
        for (cause, expected) in &mut tested.causes {
            *expected |= file.tests.iter().any(|test| test.expect.expects(cause));
        }
    }

    /// Notes what held in a test.
    pub fn note(&mut self, file: &TestFile, trace: &Trace) {
        let Some(subject) = self.places.get(&key(file)).and_then(|place| self.subjects.get_mut(*place)) else { return };
        // What is written once for each entry of a list is one part, whichever entry it held for.
        let causes = &file.runbook.causes;
        let of = |held: &BTreeSet<(String, usize)>, written: &str, index: usize| {
            let same = causes.iter().filter(|cause| written_id(cause) == written);
            same.into_iter().any(|cause| held.contains(&(cause.id.clone(), index)))
        };
        let held = |place: &Place| match place {
            Place::Outcome(step, index) => trace.outcomes.contains(&(step.clone(), *index)),
            Place::OutcomeRemedy(step, index) => trace.outcome_remedies.contains(&(step.clone(), *index)),
            Place::Sign(written, index) => of(&trace.signs, written, *index),
            Place::Remedy(written, index) => of(&trace.remedies, written, *index),
            Place::Line(line) => trace.said_at.get(file.name()).is_some_and(|lines| lines.contains(line)),
        };
        for (place, part) in &mut subject.parts {
            part.held += usize::from(held(place));
        }
    }

    /// The parts of everything that was tested, by its name.
    pub fn subjects(&self) -> impl Iterator<Item = (&str, Vec<&Part>)> {
        self.subjects.iter().map(|tested| (tested.name.as_str(), tested.parts.iter().map(|(_, part)| part).collect()))
    }

    /// The causes that no test expects to be at work, by the runbook's name.
    pub fn unexpected(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.subjects.iter().map(|tested| {
            let missed = tested.causes.iter().filter(|(_, expected)| !expected);
            (tested.name.as_str(), missed.map(|(cause, _)| cause.as_str()).collect())
        })
    }

    /// How many parts held in some test, and how many there are.
    pub fn counts(&self) -> (usize, usize) {
        let parts = || self.subjects.iter().flat_map(|tested| &tested.parts);
        (parts().filter(|(_, part)| part.held > 0).count(), parts().count())
    }

    /// The share of the parts that held; all, where there are none.
    pub fn share(&self) -> f64 {
        match self.counts() {
            (_, 0) => 1.0,
            (held, all) => held as f64 / all as f64,
        }
    }

    /// The parts that never held, and the causes that no test expects; with the parts that held, when all are asked for.
    pub fn show(&self, all: bool) -> String {
        let most = if all { usize::MAX } else { SHOWN };
        let never = self.listed("Never held in any test", most, |part| {
            let line = || if all { format!("{:>4}  {}", 0, part.what) } else { part.what.clone() };
            (part.held == 0).then(line)
        });
        let missed: Vec<(&str, Vec<String>)> =
            self.unexpected().map(|(name, causes)| (name, causes.into_iter().map(str::to_owned).collect())).collect();
        let missed = list("Causes that no test expects", most, missed);
        let held = match all {
            true => self.listed("Held in so many tests", most, |part| {
                (part.held > 0).then(|| format!("{:>4}  {}", part.held, part.what))
            }),
            false => String::new(),
        };
        let shown = [never, missed, held].into_iter().filter(|text| !text.is_empty());
        shown.collect::<Vec<_>>().join("\n")
    }

    fn listed(&self, head: &str, most: usize, line: impl Fn(&Part) -> Option<String>) -> String {
        let lines = |parts: Vec<&Part>| parts.into_iter().filter_map(&line).collect();
        list(head, most, self.subjects().map(|(name, parts)| (name, lines(parts))).collect())
    }
}

/// A list with a head, by what is tested; nothing, when there is nothing to list.
fn list(head: &str, most: usize, subjects: Vec<(&str, Vec<String>)>) -> String {
    let mut text = String::new();
    for (name, lines) in subjects.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        // Writing to a text cannot fail.
        if text.is_empty() {
            let _ = writeln!(text, "{head}:");
        }
        let _ = writeln!(text, "  {name}");
        for line in lines.iter().take(most) {
            let _ = writeln!(text, "    {line}");
        }
        if lines.len() > most {
            let _ = writeln!(text, "    … and {} more; --coverage shows all", lines.len() - most);
        }
    }
    text
}

/// A cause's id as it is written in the runbook.
fn written_id(cause: &CausePlan) -> &str {
    cause.each.as_ref().map_or(&cause.id, |each| &each.written)
}

fn key(file: &TestFile) -> String {
    let origin = match &file.subject {
        Subject::Check(check) => &check.script.origin,
        Subject::Runbook => &file.runbook.origin,
    };
    format!("{origin}\n{}", file.name())
}

fn parts(file: &TestFile) -> Vec<(Place, Part)> {
    let mut parts = Vec::new();
    let mut add = |place, what: String| parts.push((place, Part { what: short(&what), held: 0 }));
    if let Subject::Check(check) = &file.subject {
        let mut lines = verdict_lines(&check.script.text);
        // A line is reached or not, however many verdicts stand on it.
        lines.dedup_by_key(|(line, _)| *line);
        for (line, _) in lines {
            let source = check.script.text.lines().nth(line - 1).unwrap_or_default().trim();
            add(Place::Line(line), format!("line {line}: {source}"));
        }
        return parts;
    }
    for step in &file.runbook.steps {
        for (index, outcome) in step.outcomes.iter().enumerate() {
            let when = outcome.when.as_ref().map_or("always", |condition| condition.text.as_str());
            let number = index + 1;
            add(
                Place::Outcome(step.id.clone(), index),
                format!("{}: outcome {number}, {}: {when}", step.id, outcome.verdict),
            );
            if let Some(remedy) = &outcome.remedy {
                let what = format!("{}: remedy of outcome {number}: {}", step.id, remedy.action.text);
                add(Place::OutcomeRemedy(step.id.clone(), index), what);
            }
        }
    }
    let mut known = BTreeSet::new();
    for cause in file.runbook.causes.iter().filter(|cause| known.insert(written_id(cause))) {
        let id = written_id(cause);
        for (index, sign) in cause.signs.iter().enumerate() {
            let side = if sign.side == SignSide::For { "for" } else { "against" };
            let what = format!("{id}: sign {}, {side}: {}", index + 1, sign.when.text);
            add(Place::Sign(id.to_owned(), index), what);
        }
        for (index, remedy) in cause.remedies.iter().enumerate() {
            let what = format!("{id}: remedy {}: {}", index + 1, remedy.action.text);
            add(Place::Remedy(id.to_owned(), index), what);
        }
    }
    parts
}

fn short(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
