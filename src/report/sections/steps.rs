//! The steps, each with its verdict and sentence.

use serde_json::Value;

use super::{name, sentence, titled};
use crate::case::{Case, Finding, Verdict};
use crate::units;

/// The steps in the runbook's order.
pub struct Steps {
    /// The gravest of their verdicts.
    pub verdict: Verdict,
    /// How many could look: "11 of 12 could look".
    pub coverage: String,
    /// Whether all that apply could look.
    pub complete: bool,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step.
pub struct Step {
    /// Its id.
    pub id: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its title.
    pub title: String,
    /// What it found.
    pub sentence: String,
    /// What a check found besides: less grave, or the same again of something else.
    pub besides: Vec<(Verdict, String)>,
    /// The figures that a check gave: the name in words, and the value on one line.
    pub data: Vec<(String, String)>,
}

impl Steps {
    pub(super) fn of(case: &Case) -> Self {
        let coverage = case.coverage;
        Steps {
            verdict: case.verdict,
            coverage: match coverage.applicable {
                0 => "none applied".to_owned(),
                _ => format!("{} of {} could look", coverage.looked, coverage.applicable),
            },
            complete: coverage.applicable > 0 && coverage.looked >= coverage.applicable,
            steps: case
                .findings
                .iter()
                .map(|finding| Step {
                    id: name(&finding.step),
                    verdict: finding.verdict,
                    title: titled(&finding.step, Some(finding)),
                    sentence: sentence(&said(finding)),
                    besides: finding.besides.iter().map(|said| (said.verdict, sentence(&said.sentence))).collect(),
                    data: finding
                        .data
                        .iter()
                        .map(|(key, value)| (name(&spaced(key)), sentence(&figure(value))))
                        .collect(),
                })
                .collect(),
        }
    }
}

/// Lines of details that are shown of a step where there is little room.
const MOST_DETAILS: usize = 12;

impl Step {
    /// What a check found besides, and its figures, a line each, as many as fit where there is little room.
    pub fn details(&self) -> Vec<String> {
        let besides = self.besides.iter().map(|(verdict, said)| format!("{verdict}: {said}"));
        let data = self.data.iter().map(|(name, value)| format!("{name}: {value}"));
        let mut details: Vec<String> = besides.chain(data).map(|line| sentence(&line)).collect();
        if details.len() > MOST_DETAILS {
            let more = details.len() - (MOST_DETAILS - 1);
            details.truncate(MOST_DETAILS - 1);
            details.push(format!("and {more} more in the case"));
        }
        details
    }
}

/// A field's name as words.
fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// How long a figure may be.
const LONGEST_FIGURE: usize = 200;

/// A value on one line.
fn figure(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Null => "none".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => units::count(float),
            _ => number.to_string(),
        },
        Value::Array(items) => items.iter().map(figure).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{} {}", spaced(name), figure(value)))
            .collect::<Vec<_>>()
            .join(", "),
    };
    match text.char_indices().nth(LONGEST_FIGURE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The step's sentence. How to fix a gap is left to the section that collects them.
fn said(finding: &Finding) -> String {
    let text = finding.sentence.trim();
    for gap in &finding.gaps {
        let end = gap.to_fix.as_ref().and_then(|to_fix| text.strip_suffix(to_fix.as_str())?.strip_suffix("; "));
        if let Some(text) = end {
            return text.to_owned();
        }
    }
    match finding.gaps.first() {
        Some(gap) if text.is_empty() => format!("could not {}: {}", gap.tried, gap.why),
        _ => text.to_owned(),
    }
}
