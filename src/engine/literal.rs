//! An observer that a test speaks for: literal evidence, maybe on top of a recorded case.

use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::Value;

use super::observer::{Observer, ProbeRequest, Recorded, derive};
use crate::case::{Evidence, Gap, Missing, Reason};

/// Evidence that was written by hand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiteralEvidence {
    /// What the probe saw; none when there is a gap.
    pub output: Option<Value>,
    /// Why it saw nothing.
    pub gap: Option<Gap>,
    /// Parts that it could not see.
    pub missing: Vec<Missing>,
    /// What was lost while looking.
    pub loss: Vec<String>,
    /// How long it looked, in seconds; as long as it was asked to, when none is given.
    pub seconds: Option<f64>,
}

/// An ask that found no evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Unanswered {
    /// What the evidence would be filed under: `sockets`, `dns#2`, a step's id.
    pub key: String,
    /// The probe that was asked.
    pub probe: &'static str,
    /// What it was asked with.
    pub params: Value,
}

/// Answers from literal evidence. It is filed under the step's id or the probe's name; that of a check under `PROBE`, and
/// `PROBE#2` for its second call, in a runbook maybe with `STEP.` before it.
pub struct Literal {
    evidence: IndexMap<String, LiteralEvidence>,
    recorded: Option<Recorded>,
    without: Vec<String>,
    now: Timestamp,
    unanswered: Mutex<Vec<Unanswered>>,
}

impl Literal {
    /// An observer that answers from the evidence, else from the record, of which `without` is left out by step or probe.
    pub fn new(
        evidence: IndexMap<String, LiteralEvidence>,
        recorded: Option<Recorded>,
        without: Vec<String>,
        now: Timestamp,
    ) -> Self {
        Literal { evidence, recorded, without, now, unanswered: Mutex::default() }
    }

    /// What was asked for and not there.
    pub fn unanswered(self) -> Vec<Unanswered> {
        self.unanswered.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, ask: &ProbeRequest) -> Evidence {
        let keys = keys(ask);
        if let Some(literal) = keys.iter().find_map(|key| self.evidence.get(*key)) {
            return self.evidence(ask, literal.clone());
        }
        let gap = |why: &str| Gap::new(Reason::Absent, format!("ask probe {}", ask.probe.name()), why);
        let blind = |gap| self.evidence(ask, LiteralEvidence { gap: Some(gap), ..LiteralEvidence::default() });
        if self.without.iter().any(|without| keys.contains(&without.as_str()) || without == ask.probe.name()) {
            return blind(gap("the test leaves it out"));
        }
        let derives = !ask.probe.derives_from().is_empty();
        match &self.recorded {
            Some(recorded) if derives || recorded.find(ask).is_some() => recorded.answer(ask),
            None if derives && !ask.inputs.is_empty() => derive(ask),
            _ => {
                let key = keys.get(1).filter(|_| ask.by_check).unwrap_or(&keys[0]);
                self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).push(Unanswered {
                    key: (*key).to_owned(),
                    probe: ask.probe.name(),
                    params: ask.params.clone(),
                });
                blind(gap("the test gives no evidence for it").to_fix(format!("add `{key}:` to its `evidence:`")))
            }
        }
    }

    fn evidence(&self, ask: &ProbeRequest, literal: LiteralEvidence) -> Evidence {
        Evidence {
            probe: ask.probe.name().to_owned(),
            params: ask.params.clone(),
            started: self.now,
            seconds: literal.seconds.or(ask.window.map(|window| window.as_secs_f64())).unwrap_or_default(),
            cpu_seconds: None,
            peak_memory_bytes: None,
            output: literal.output,
            gap: literal.gap,
            missing: literal.missing,
            loss: literal.loss,
        }
    }
}

/// What evidence for an ask can be filed under, the nearest first.
fn keys(ask: &ProbeRequest) -> [&str; 2] {
    let other = match ask.step.split_once('.') {
        Some((_, call)) if ask.by_check => call,
        _ => ask.probe.name(),
    };
    [ask.step.as_str(), other]
}

impl Observer for Literal {
    fn observe(&self, asks: Vec<ProbeRequest>) -> Vec<Evidence> {
        asks.iter().map(|ask| self.answer(ask)).collect()
    }
}
