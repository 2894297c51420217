//! What changed from one case to another: causes, findings, where the bytes went, figures, what could be seen.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Case, Likelihood, Verdict};

/// A figure changed when it is so many times what it was, or what it was is so many times it.
const MARKED: f64 = 1.5;
/// Figures below this are noise against each other: some packets, some bytes.
const SMALL: f64 = 1.0;
/// Figures that are listed at most.
const MOST_FIGURES: usize = 200;
/// How deep evidence is searched for figures.
const DEPTH: usize = 8;
/// Parts of evidence that differ between any two runs and tell nothing.
const IDLE: &[&str] = &["since_boot", "seconds", "settings", "uptime_seconds", "pid"];

/// The difference of two cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The case before.
    pub before: Side,
    /// The case after.
    pub after: Side,
    /// Whether things are the same, otherwise, better or worse.
    pub trend: Trend,
    /// Parameters that differ; none where one has it not.
    pub params: Vec<Changed<Value>>,
    /// Causes whose likelihood changed.
    pub causes: Vec<CauseChange>,
    /// Findings whose verdict or sentence changed.
    pub findings: Vec<FindingChange>,
    /// Where the inbound bytes went, in bits per second, by label.
    pub ledger: Vec<Changed<f64>>,
    /// Figures of the evidence that changed most, by step and path.
    pub figures: Vec<Changed<f64>>,
    /// Figures that changed besides.
    pub other_figures: usize,
    /// Steps that could look in one case only.
    pub sight: Vec<SightChange>,
}

/// A case in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// The host's name.
    pub host: String,
    /// The runbook's name.
    pub runbook: String,
    /// When the run began.
    pub started: Timestamp,
    /// How long it watched, in seconds.
    pub window_seconds: f64,
    /// Whether it was ended early.
    pub partial: bool,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its summary.
    pub summary: String,
}

/// How things changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Same verdicts, and the same causes at work.
    Same,
    /// Something changed, and nothing for the worse.
    Changed,
    /// The verdict is less grave, or fewer causes are at work.
    Better,
    /// The verdict is graver, or a cause is at work that was not.
    Worse,
}

impl Trend {
    /// The exit status that stands for it.
    pub const fn exit_status(self) -> u8 {
        match self {
            Trend::Same => 0,
            Trend::Changed | Trend::Better => 1,
            Trend::Worse => 2,
        }
    }
}

/// Something that has another value, or that only one side has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed<T> {
    /// What.
    pub name: String,
    /// Its value before.
    pub before: Option<T>,
    /// Its value after.
    pub after: Option<T>,
}

/// A cause that became more or less likely.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CauseChange {
    /// The cause.
    pub id: String,
    /// Its title, of the side on which it is likelier.
    pub title: String,
    /// How likely it was; none where it was not weighed.
    pub before: Option<Likelihood>,
    /// How likely it is.
    pub after: Option<Likelihood>,
}

/// A finding that says something else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingChange {
    /// The step.
    pub step: String,
    /// Its title.
    pub title: String,
    /// The verdict before; none where the step was not there.
    pub before: Option<Verdict>,
    /// The verdict after.
    pub after: Option<Verdict>,
    /// The sentence before.
    pub said_before: String,
    /// The sentence after.
    pub said_after: String,
}

/// A step that could look in one case only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SightChange {
    /// The step or the call of a probe.
    pub step: String,
    /// Whether it is the case after that could look.
    pub gained: bool,
    /// Why the other could not.
    pub why: String,
}

impl Difference {
    /// Compares two cases.
    pub fn between(before: &Case, after: &Case) -> Self {
        let causes = causes(before, after);
        let findings = findings(before, after);
        let (figures, other_figures) = figures(before, after);
        let mut difference = Difference {
            before: side(before),
            after: side(after),
            trend: Trend::Same,
            params: params(&before.params, &after.params),
            causes,
            findings,
            ledger: ledger(before, after),
            figures,
            other_figures,
            sight: sight(before, after),
        };
        difference.trend = difference.judged();
        difference
    }

    fn judged(&self) -> Trend {
        let at_work = |likelihood: Option<Likelihood>| likelihood.is_some_and(|l| l >= Likelihood::Likely);
        let began = self.causes.iter().any(|cause| at_work(cause.after) && !at_work(cause.before));
        let ended = self.causes.iter().any(|cause| at_work(cause.before) && !at_work(cause.after));
        let (was, is) = (self.before.verdict.gravity(), self.after.verdict.gravity());
        let verdicts = self.findings.iter().any(|finding| finding.before != finding.after);
        match () {
            () if is > was || (began && is == was) => Trend::Worse,
            () if is < was || (ended && !began) => Trend::Better,
            () if began || ended || verdicts => Trend::Changed,
            () => Trend::Same,
        }
    }
}

fn side(case: &Case) -> Side {
    Side {
        host: case.host.name.clone(),
        runbook: case.runbook.name.clone(),
        started: case.started,
        window_seconds: case.window_seconds,
        partial: case.partial,
        verdict: case.verdict,
        summary: case.diagnosis.summary.clone(),
    }
}

fn params(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Changed<Value>> {
    let new = after.keys().filter(|name| !before.contains_key(*name));
    before
        .keys()
        .chain(new)
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| Changed { name: name.clone(), before: before.get(name).cloned(), after: after.get(name).cloned() })
        .collect()
}

fn causes(before: &Case, after: &Case) -> Vec<CauseChange> {
    let (was, is) = (&before.diagnosis.causes, &after.diagnosis.causes);
    let new = is.iter().filter(|cause| was.iter().all(|other| other.id != cause.id));
    let mut changes: Vec<CauseChange> = was
        .iter()
        .chain(new)
        .filter_map(|cause| {
            let of = |causes: &[super::Cause]| causes.iter().find(|other| other.id == cause.id).cloned();
            let (was, is) = (of(was), of(is));
            let likelihood = |cause: &Option<super::Cause>| cause.as_ref().map(|cause| cause.likelihood);
            let (before, after) = (likelihood(&was), likelihood(&is));
            let telling = if after > before { is } else { was };
            let title = telling.map(|cause| cause.title).unwrap_or_default();
            (before != after).then(|| CauseChange { id: cause.id.clone(), title, before, after })
        })
        .collect();
    changes.sort_by_key(|change| std::cmp::Reverse(change.before.max(change.after)));
    changes
}

fn findings(before: &Case, after: &Case) -> Vec<FindingChange> {
    let (was, is) = (&before.findings, &after.findings);
    let new = is.iter().filter(|finding| was.iter().all(|other| other.step != finding.step));
    was.iter()
        .chain(new)
        .filter_map(|finding| {
            let of = |findings: &[super::Finding]| findings.iter().find(|other| other.step == finding.step).cloned();
            let (was, is) = (of(was), of(is));
            let verdict = |finding: &Option<super::Finding>| finding.as_ref().map(|finding| finding.verdict);
            let said =
                |finding: &Option<super::Finding>| finding.as_ref().map(|f| f.sentence.clone()).unwrap_or_default();
            let change = FindingChange {
                step: finding.step.clone(),
                title: finding.title.clone(),
                before: verdict(&was),
                after: verdict(&is),
                said_before: said(&was),
                said_after: said(&is),
            };
            (change.before != change.after || change.said_before != change.said_after).then_some(change)
        })
        .collect()
}

/// Whether two rates or counts differ by more than they do anyway.
fn marked(before: f64, after: f64) -> bool {
    let (low, high) = (before.abs().min(after.abs()), before.abs().max(after.abs()));
    (high - low > SMALL || before * after < 0.0 || (high <= SMALL && high - low > 0.1)) && high > low * MARKED
}

fn ledger(before: &Case, after: &Case) -> Vec<Changed<f64>> {
    let rates = |case: &Case| -> BTreeMap<String, f64> {
        let Some(account) = &case.ledger else { return BTreeMap::new() };
        if account.seconds <= 0.0 {
            return BTreeMap::new();
        }
        let rate = |bytes: u64| bytes as f64 * 8.0 / account.seconds;
        let mut rates = BTreeMap::from([("unexplained".to_owned(), rate(account.unexplained_bytes))]);
        for entry in &account.entries {
            *rates.entry(entry.label.clone()).or_default() += rate(entry.bytes);
        }
        rates
    };
    let (was, is) = (rates(before), rates(after));
    let mut changes: Vec<Changed<f64>> = was
        .keys()
        .chain(is.keys().filter(|label| !was.contains_key(*label)))
        .map(|label| Changed { name: label.clone(), before: was.get(label).copied(), after: is.get(label).copied() })
        .filter(|change| marked(change.before.unwrap_or_default(), change.after.unwrap_or_default()))
        .collect();
    let size = |change: &Changed<f64>| change.before.unwrap_or_default().max(change.after.unwrap_or_default());
    changes.sort_by(|a, b| size(b).total_cmp(&size(a)));
    changes
}

fn figures(before: &Case, after: &Case) -> (Vec<Changed<f64>>, usize) {
    let mut changes = Vec::new();
    for (step, was) in &before.evidence {
        let Some(is) = after.evidence.get(step).filter(|is| is.probe == was.probe) else { continue };
        if let (Some(was), Some(is)) = (&was.output, &is.output) {
            compare(step, was, is, DEPTH, &mut changes);
        }
    }
    let weight = |change: &Changed<f64>| {
        let (was, is) = (change.before.unwrap_or_default().abs(), change.after.unwrap_or_default().abs());
        ((is + SMALL) / (was + SMALL)).ln().abs()
    };
    changes.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let others = changes.len().saturating_sub(MOST_FIGURES);
    changes.truncate(MOST_FIGURES);
    (changes, others)
}

fn compare(path: &str, was: &Value, is: &Value, depth: usize, changes: &mut Vec<Changed<f64>>) {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) if depth > 0 => {
            for (name, was) in was.iter().filter(|(name, _)| !IDLE.contains(&name.as_str())) {
                if let Some(is) = is.get(name) {
                    compare(&format!("{path}.{name}"), was, is, depth - 1, changes);
                }
            }
        }
        (Value::Number(was), Value::Number(is)) => {
            let (before, after) = (was.as_f64().unwrap_or_default(), is.as_f64().unwrap_or_default());
            if marked(before, after) {
                changes.push(Changed { name: path.to_owned(), before: Some(before), after: Some(after) });
            }
        }
        _ => {}
    }
}

fn sight(before: &Case, after: &Case) -> Vec<SightChange> {
    let mut changes = Vec::new();
    for (step, was) in &before.evidence {
        let Some(is) = after.evidence.get(step) else { continue };
        match (&was.gap, &is.gap) {
            (Some(gap), None) => changes.push(SightChange { step: step.clone(), gained: true, why: gap.to_string() }),
            (None, Some(gap)) => changes.push(SightChange { step: step.clone(), gained: false, why: gap.to_string() }),
            _ => {}
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(name: &str) -> Case {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
        Case::from_json(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn a_case_does_not_differ_from_itself() {
        let case = recorded("syn-flood.json");
        let difference = Difference::between(&case, &case);
        assert_eq!(difference.trend, Trend::Same);
        assert!(difference.causes.is_empty() && difference.findings.is_empty() && difference.figures.is_empty());
        assert!(difference.ledger.is_empty() && difference.params.is_empty() && difference.sight.is_empty());
    }

    #[test]
    fn a_flood_that_ended_is_better_and_one_that_began_is_worse() {
        let (flood, quiet) = (recorded("udp-flood-closed-port.json"), recorded("quiet.json"));
        let better = Difference::between(&flood, &quiet);
        assert_eq!(better.trend, Trend::Better);
        assert_eq!(better.causes[0].id, "udp-flood-closed-port");
        assert!(better.causes[0].before >= Some(Likelihood::Likely));
        assert!(better.figures.iter().any(|figure| figure.name == "rates.watched.rx.bits_per_second"));
        assert!(better.ledger.iter().any(|entry| entry.name.contains("no listener")));
        assert!(better.findings.iter().any(|finding| finding.step == "rates"));
        assert_eq!(Difference::between(&quiet, &flood).trend, Trend::Worse);
    }

    #[test]
    fn small_figures_are_noise() {
        assert!(!marked(0.0, 0.05) && !marked(100.0, 140.0) && !marked(0.02, 0.09));
        assert!(marked(0.0, 5.0) && marked(100.0, 151.0) && marked(151.0, 100.0) && marked(0.1, 0.9));
    }
}
