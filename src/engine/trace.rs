//! Which parts of a runbook held in a run: what a case does not say, and tests want to know.

use std::collections::{BTreeMap, BTreeSet};

use super::step_result::StepResult;
use crate::case::Finding;
use crate::runbook::Step;

/// Which parts of a runbook held in a run, each by what it belongs to and its place there, from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// Outcomes that held, by the step's id.
    pub outcomes: BTreeSet<(String, usize)>,
    /// Outcomes whose remedy was filled in, by the step's id.
    pub outcome_remedies: BTreeSet<(String, usize)>,
    /// Signs that held, by the cause's id.
    pub signs: BTreeSet<(String, usize)>,
    /// Remedies that were filled in, by the cause's id.
    pub remedies: BTreeSet<(String, usize)>,
    /// Lines of checks that gave a verdict, by the check's name; lines count from 1.
    pub said_at: BTreeMap<String, BTreeSet<usize>>,
}

impl Trace {
    /// Notes what a step came to.
    pub(super) fn judged(&mut self, step: &Step, seen: &StepResult, finding: &Finding, outcome: Option<usize>) {
        if let Some(place) = outcome {
            self.outcomes.insert((step.id.clone(), place));
            if !finding.remedies.is_empty() {
                self.outcome_remedies.insert((step.id.clone(), place));
            }
        }
        if let (StepResult::Checked(checked), Some(check)) = (seen, step.check()) {
            self.said_at.entry(check.name.clone()).or_default().extend(&checked.said_at);
        }
    }
}
