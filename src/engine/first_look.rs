//! One cheap look before runbooks are picked: the probes that their signs name, each once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::observer::{Observer, ProbeRequest};
use super::parameters::ResolvedParams;
use super::plan::{GRACE, PATIENCE, watches};
use super::request::RunError;
use crate::case::{Evidence, Truth};
use crate::probe::{AnyProbe, Inputs, PROBES};
use crate::runbook::{Runbook, Suspect};
use crate::script::{Condition, Expression, Scope, outline};

/// What the first look says of a runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// It should be run: something was seen, or could not be told.
    pub suspected: bool,
    /// What was seen; empty where the runbook has nothing to say.
    pub said: String,
}

/// What probes saw, by their names.
pub type Seen = Vec<(String, Evidence)>;

/// Looks once with every probe that the signs of these runbooks name, and judges them. Also: the evidence, by the name of its
/// probe. Nothing is asked where no runbook has a sign.
///
/// # Errors
/// Lua could not be started.
pub fn first_look(
    runbooks: &[(&Runbook, &ResolvedParams)],
    window: Duration,
    observer: &dyn Observer,
) -> Result<(Seen, Vec<Suspicion>), RunError> {
    let named: BTreeSet<&str> = runbooks.iter().flat_map(|(runbook, _)| &runbook.suspect).flat_map(names).collect();
    let probes: Vec<&'static dyn AnyProbe> =
        PROBES.iter().copied().filter(|probe| named.contains(probe.name())).collect();
    let asks: Vec<ProbeRequest> = probes.iter().filter_map(|probe| ask(*probe, window)).collect();
    let answers = if asks.is_empty() { Vec::new() } else { observer.observe(asks) };
    let scope = Scope::new().map_err(|error| RunError::Lua(error.to_string()))?;
    let mut seen = Vec::new();
    for (probe, evidence) in probes.iter().zip(answers) {
        let evidence = Arc::new(evidence);
        scope.set_evidence(probe.name(), Arc::clone(&evidence), Some(outline(*probe)));
        seen.push((probe.name().to_owned(), Evidence::clone(&evidence)));
    }
    let said = runbooks.iter().map(|(runbook, params)| {
        scope.set_value("params", Ok(Value::Object(params.visible())));
        suspicion(&runbook.suspect, &scope)
    });
    Ok((seen, said.collect()))
}

/// The names that a sign uses.
fn names(suspect: &Suspect) -> Vec<&str> {
    let when = suspect.when.iter().flat_map(Condition::atoms);
    let said = suspect.say.expressions().map(|(expression, _)| expression);
    when.chain(said).flat_map(Expression::uses).map(|used| used.name.as_str()).collect()
}

fn ask(probe: &'static dyn AnyProbe, window: Duration) -> Option<ProbeRequest> {
    let watches = watches(probe);
    let given = if watches { json!({"window": window.as_secs_f64()}) } else { json!({}) };
    Some(ProbeRequest {
        step: format!("look_{}", probe.name()),
        title: format!("First look: {}", probe.name()),
        probe,
        params: probe.complete_params(&given).ok()?,
        window: watches.then_some(window),
        time_limit: if watches { window + GRACE } else { PATIENCE },
        inputs: Inputs::new(),
        by_check: false,
        typed_alone: false,
        derived: Vec::new(),
    })
}

/// What the first sign that holds says. What could not be told is no reason to leave a runbook out.
fn suspicion(signs: &[Suspect], scope: &Scope) -> Suspicion {
    let mut untold = None;
    for sign in signs {
        let judged = sign.when.as_ref().map(|when| scope.judge(when));
        match &judged {
            Some(judged) if judged.truth == Truth::No => continue,
            Some(judged) if judged.truth == Truth::Unknown => {
                let why = judged.gaps.first().map(|gap| format!("could not {}: {}", gap.tried, gap.why));
                untold = untold.or(why);
                continue;
            }
            _ => {}
        }
        let (said, gaps) = scope.render(&sign.say);
        return match (judged, untold) {
            (Some(_), _) => Suspicion { suspected: true, said },
            (None, Some(why)) => Suspicion { suspected: true, said: why },
            (None, None) => Suspicion { suspected: false, said: if gaps.is_empty() { said } else { String::new() } },
        };
    }
    Suspicion { suspected: false, said: String::new() }
}

/// Answers the steps of the first look with what it saw, and asks another observer for all else.
pub struct LookedBefore<'a> {
    observer: &'a dyn Observer,
    seen: HashMap<String, Evidence>,
}

impl<'a> LookedBefore<'a> {
    /// An observer that knows what each probe saw.
    pub fn new(observer: &'a dyn Observer, seen: Seen) -> Self {
        let seen = seen.into_iter().map(|(probe, evidence)| (format!("look_{probe}"), evidence)).collect();
        LookedBefore { observer, seen }
    }
}

impl Observer for LookedBefore<'_> {
    fn observe(&self, asks: Vec<ProbeRequest>) -> Vec<Evidence> {
        let known: Vec<Option<Evidence>> = asks.iter().map(|ask| self.seen.get(&ask.step).cloned()).collect();
        let unknown: Vec<ProbeRequest> =
            asks.into_iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(ask, _)| ask).collect();
        let mut answers = if unknown.is_empty() { Vec::new() } else { self.observer.observe(unknown) }.into_iter();
        known.into_iter().filter_map(|known| known.or_else(|| answers.next())).collect()
    }

    fn observed(&self) {
        self.observer.observed();
    }
}
