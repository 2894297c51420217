//! One cheap look before runbooks are picked: the probes that their signs name, each once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::observer::{Observer, ProbeRequest};
use super::parameters::ResolvedParams;
use super::plan::{GRACE, PATIENCE, watches};
use super::request::RunError;
use crate::case::{Evidence, Gap, Reason, Truth};
use crate::probe::{self, AnyProbe, Inputs, PROBES};
use crate::runbook::{Runbook, Suspect};
use crate::script::{Condition, Expression, Scope, outline};
use crate::units;

/// What the first look says of a runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// It should be run: something was seen, or could not be told.
    pub suspected: bool,
    /// What was seen; empty where the runbook has nothing to say.
    pub said: String,
}

/// What outputs of tools show of a runbook, in place of a first look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// What they show that it is for: a sign that holds, or lines of logs.
    pub sign: Option<String>,
    /// The sign is of figures of the network alone.
    pub of_network: bool,
    /// They show what it looks at, and no sign of trouble: what they show.
    pub calm: Option<String>,
    /// Why its lines of logs could not be looked for.
    pub unseen: Option<String>,
}

/// Probes that see the network.
const NETWORK: [&str; 6] = ["interfaces", "kernel", "sockets", "capture", "conntrack", "firewall"];
/// Sentences of logs that are told of a runbook.
const TOLD: usize = 2;

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
    let (scope, seen) = look(runbooks, window, observer)?;
    let said = runbooks.iter().map(|(runbook, params)| {
        scope.set_value("params", Ok(Value::Object(params.visible())));
        suspicion(&runbook.suspect, &scope)
    });
    Ok((seen, said.collect()))
}

/// What outputs of tools show of each of these runbooks. What they do not show is no sign of anything: people paste what they hold for
/// telling.
///
/// # Errors
/// Lua could not be started.
pub fn shown(runbooks: &[(&Runbook, &ResolvedParams)], observer: &dyn Observer) -> Result<Vec<Shown>, RunError> {
    let (scope, seen) = look(runbooks, Duration::ZERO, observer)?;
    let answered: BTreeSet<&str> =
        seen.iter().filter(|(_, evidence)| evidence.output.is_some()).map(|(probe, _)| probe.as_str()).collect();
    let lines = lines(runbooks, observer);
    let of_each = runbooks.iter().zip(lines).map(|((runbook, params), told)| {
        let (told, unseen) = match told {
            Ok(told) => (told, None),
            Err(gap) => (None, Some(gap.to_string())),
        };
        scope.set_value("params", Ok(Value::Object(params.visible())));
        let (calm, signs) = match runbook.suspect.split_last() {
            Some((calm, signs)) => (Some(calm), signs),
            None => (None, &[][..]),
        };
        let holds = |sign: &&Suspect| sign.when.as_ref().is_some_and(|when| scope.judge(when).truth == Truth::Yes);
        let holding = signs.iter().find(holds);
        let of_network = told.is_none()
            && holding.is_some_and(|sign| names(sign).iter().all(|name| NETWORK.contains(name) || !is_probe(name)));
        let sign = holding.map(|sign| scope.render(&sign.say).0);
        let sign = sign.into_iter().chain(told).collect::<Vec<_>>().join("; ");
        let calm = calm.filter(|calm| names(calm).iter().any(|name| answered.contains(name)));
        // A probe may be answered with what another runbook is for: outputs that show nothing of the sentence are none of its business.
        let calm = calm.filter(|calm| {
            let mut said = calm.say.expressions().map(|(expression, _)| expression).peekable();
            said.peek().is_none() || said.any(|expression| scope.value(expression).is_ok())
        });
        let calm = calm.map(|calm| match scope.render(&calm.say) {
            (said, gaps) if gaps.is_empty() => said,
            _ => String::new(),
        });
        Shown { sign: (!sign.is_empty()).then_some(sign), of_network, calm, unseen }
    });
    Ok(of_each.collect())
}

fn is_probe(name: &str) -> bool {
    probe::find(name).is_some()
}

/// What lines of logs say of each runbook, in one look for the patterns of all; or why they could not be looked for.
fn lines(runbooks: &[(&Runbook, &ResolvedParams)], observer: &dyn Observer) -> Vec<Result<Option<String>, Gap>> {
    let all: Vec<&Runbook> = runbooks.iter().map(|(runbook, _)| *runbook).collect();
    match lines_of(&all, observer) {
        Ok(told) => told.into_iter().map(Ok).collect(),
        // One that cannot be looked for keeps the others from nothing.
        Err(_) => {
            all.iter().map(|one| lines_of(&[*one], observer).map(|told| told.into_iter().flatten().next())).collect()
        }
    }
}

fn lines_of(runbooks: &[&Runbook], observer: &dyn Observer) -> Result<Vec<Option<String>>, Gap> {
    // A pattern that a runbook wrote itself is its own; built-in ones are the same to all.
    let own = |runbook: &Runbook, name: &str, wanted: &Value| match wanted.as_object().is_some_and(Map::is_empty) {
        true => name.to_owned(),
        false => format!("{}.{name}", runbook.name),
    };
    let all = runbooks
        .iter()
        .flat_map(|runbook| runbook.lines.iter().map(|(name, wanted)| (own(runbook, name, wanted), wanted.clone())));
    let patterns: Map<String, Value> = all.collect();
    let Some(logs) = probe::find("logs").filter(|_| !patterns.is_empty()) else {
        return Ok(vec![None; runbooks.len()]);
    };
    let malformed = |why: String| Gap::new(Reason::Malformed, "look for the lines of the runbook", why);
    let params = logs.complete_params(&json!({ "patterns": patterns })).map_err(malformed)?;
    let ask = ask(logs, Duration::ZERO).map(|ask| ProbeRequest { params, ..ask });
    let Some(evidence) = ask.and_then(|ask| observer.observe(vec![ask]).pop()) else {
        return Ok(vec![None; runbooks.len()]);
    };
    let output = match (evidence.output, evidence.gap) {
        (Some(output), _) => output,
        (None, Some(gap)) if gap.reason == Reason::Malformed => return Err(gap),
        // No log is there.
        (None, _) => Value::Null,
    };
    let of = |runbook: &Runbook| -> Option<String> {
        let told = runbook.lines.iter().filter_map(|(name, wanted)| {
            let own = own(runbook, name, wanted);
            let count = output["patterns"][&own]["count"].as_u64().filter(|count| *count > 0)?;
            let sentence = output["stands_out"].as_array().into_iter().flatten().find(|it| it["pattern"] == *own);
            let sentence = sentence.and_then(|it| it["sentence"].as_str()).filter(|_| own == *name);
            let plain = || format!("{} of logs: {}", plural(count), name.replace('_', " "));
            Some(sentence.map_or_else(plain, str::to_owned))
        });
        let told: Vec<String> = told.take(TOLD).collect();
        (!told.is_empty()).then(|| told.join("; "))
    };
    Ok(runbooks.iter().map(|runbook| of(runbook)).collect())
}

fn plural(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{} lines", units::count(count as f64)) }
}

/// Asks each probe that the signs name, once, and makes their answers known.
fn look(
    runbooks: &[(&Runbook, &ResolvedParams)],
    window: Duration,
    observer: &dyn Observer,
) -> Result<(Scope, Seen), RunError> {
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
    Ok((scope, seen))
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
