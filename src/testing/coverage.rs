//! Which parts of checks and runbooks no test has reached.

use std::collections::HashMap;
use std::fmt::Write;

use super::read::{Subject, TestFile};
use crate::case::SignSide;
use crate::engine::Trace;
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
    subjects: Vec<(String, Vec<(Place, Part)>)>,
    places: HashMap<String, usize>,
}

impl Coverage {
    /// Adds what a file tests; its parts have not held yet.
    pub fn add(&mut self, file: &TestFile) {
        let key = key(file);
        if !self.places.contains_key(&key) {
            self.places.insert(key, self.subjects.len());
            self.subjects.push((file.name().to_owned(), parts(file)));
        }
    }

    /// Notes what held in a test.
    pub fn note(&mut self, file: &TestFile, trace: &Trace) {
        let Some(subject) = self.places.get(&key(file)).and_then(|place| self.subjects.get_mut(*place)) else { return };
        let held = |place: &Place| match place {
            Place::Outcome(step, index) => trace.outcomes.contains(&(step.clone(), *index)),
            Place::OutcomeRemedy(step, index) => trace.outcome_remedies.contains(&(step.clone(), *index)),
            Place::Sign(cause, index) => trace.signs.contains(&(cause.clone(), *index)),
            Place::Remedy(cause, index) => trace.remedies.contains(&(cause.clone(), *index)),
            Place::Line(line) => trace.said_at.get(file.name()).is_some_and(|lines| lines.contains(line)),
        };
        for (place, part) in &mut subject.1 {
            part.held += usize::from(held(place));
        }
    }

    /// The parts of everything that was tested, by its name.
    pub fn subjects(&self) -> impl Iterator<Item = (&str, Vec<&Part>)> {
        self.subjects.iter().map(|(name, parts)| (name.as_str(), parts.iter().map(|(_, part)| part).collect()))
    }

    /// How many parts held in some test, and how many there are.
    pub fn counts(&self) -> (usize, usize) {
        let parts = || self.subjects.iter().flat_map(|(_, parts)| parts);
        (parts().filter(|(_, part)| part.held > 0).count(), parts().count())
    }

    /// The share of the parts that held; all, where there are none.
    pub fn share(&self) -> f64 {
        match self.counts() {
            (_, 0) => 1.0,
            (held, all) => held as f64 / all as f64,
        }
    }

    /// The parts that never held; all parts with how often they held, when that is asked for.
    pub fn show(&self, all: bool) -> String {
        let mut text = String::new();
        for (name, parts) in self.subjects() {
            let (shown, head): (Vec<&Part>, _) = match all {
                true => (parts, "Held in so many tests"),
                false => (parts.into_iter().filter(|part| part.held == 0).collect(), "Never held in any test"),
            };
            if shown.is_empty() {
                continue;
            }
            // Writing to a text cannot fail.
            if text.is_empty() {
                let _ = writeln!(text, "{head}:");
            }
            let _ = writeln!(text, "  {name}");
            let most = if all { usize::MAX } else { SHOWN };
            for part in shown.iter().take(most) {
                let held = if all { format!("{:>4}  ", part.held) } else { String::new() };
                let _ = writeln!(text, "    {held}{}", part.what);
            }
            if shown.len() > most {
                let _ = writeln!(text, "    … and {} more; --coverage shows all", shown.len() - most);
            }
        }
        text
    }
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
    for cause in &file.runbook.causes {
        for (index, sign) in cause.signs.iter().enumerate() {
            let side = if sign.side == SignSide::For { "for" } else { "against" };
            let what = format!("{}: sign {}, {side}: {}", cause.id, index + 1, sign.when.text);
            add(Place::Sign(cause.id.clone(), index), what);
        }
        for (index, remedy) in cause.remedies.iter().enumerate() {
            let what = format!("{}: remedy {}: {}", cause.id, index + 1, remedy.action.text);
            add(Place::Remedy(cause.id.clone(), index), what);
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
