//! The steps, each with its verdict and sentence.

use super::{name, sentence, titled};
use crate::case::{Case, Finding, Verdict};

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
                })
                .collect(),
        }
    }
}

/// The step's sentence. The way out of a gap is left to the section that collects them.
fn said(finding: &Finding) -> String {
    let text = finding.sentence.trim();
    for gap in &finding.gaps {
        let end = gap.way_out.as_ref().and_then(|way_out| text.strip_suffix(way_out.as_str())?.strip_suffix("; "));
        if let Some(text) = end {
            return text.to_owned();
        }
    }
    match finding.gaps.first() {
        Some(gap) if text.is_empty() => format!("could not {}: {}", gap.tried, gap.why),
        _ => text.to_owned(),
    }
}
