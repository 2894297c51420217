//! Answers the calls of probes that a script makes, and keeps what it was told.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::observer::{Observer, ProbeRequest};
use super::plan::{GRACE, PATIENCE, watches};
use super::secret::Secrets;
use crate::case::{Evidence, Gap, Reason};
use crate::probe::{self, AnyProbe, Inputs};
use crate::runbook::Check;
use crate::script::{Call, constants};

/// Between a script and the observer.
pub struct ScriptProbeBridge<'a> {
    observer: &'a dyn Observer,
    secrets: &'a Secrets,
    window: Duration,
    now: Timestamp,
    step: String,
    title: String,
    time_limit: Option<Duration>,
    began: Instant,
    calls: HashMap<&'static str, usize>,
    latest: Inputs,
    told: IndexMap<String, Evidence>,
    check: Option<(Arc<Check>, Map<String, Value>)>,
    own: OnceCell<HashSet<String>>,
}

impl<'a> ScriptProbeBridge<'a> {
    /// A bridge whose probes watch for `window` unless they are told otherwise.
    pub fn new(observer: &'a dyn Observer, secrets: &'a Secrets, window: Duration, now: Timestamp) -> Self {
        ScriptProbeBridge {
            observer,
            secrets,
            window,
            now,
            step: String::new(),
            title: String::new(),
            time_limit: None,
            began: Instant::now(),
            calls: HashMap::new(),
            latest: Inputs::new(),
            told: IndexMap::new(),
            check: None,
            own: OnceCell::new(),
        }
    }

    /// Asks in the name of a step, which may take so long in all.
    pub fn asks_for(&mut self, step: &str, title: &str, time_limit: Option<Duration>) {
        step.clone_into(&mut self.step);
        title.clone_into(&mut self.title);
        self.time_limit = time_limit;
    }

    /// Asks for a check that was given these parameters: what it passes on beyond them and its own text comes from evidence.
    pub fn for_check(&mut self, check: &Arc<Check>, params: &Map<String, Value>) {
        self.check = Some((Arc::clone(check), params.clone()));
    }

    /// The parameters of a call that are filled from evidence, where the probe could do with them what takes a right.
    fn derived(&self, probe: &dyn AnyProbe, call: &Call) -> Vec<String> {
        let Some((check, given)) = self.check.as_ref().filter(|_| !probe.rights().is_empty()) else {
            return Vec::new();
        };
        let names: Vec<String> = call.params.keys().cloned().collect();
        let uses = probe.uses(&Value::Object(call.params.clone()), &names);
        if uses.iter().all(|it| it.right.is_none()) || check.is_shipped() {
            return Vec::new();
        }
        let own = self.own.get_or_init(|| constants(&check.script.text));
        let is_own = |text: &str| own.contains(text) || given.values().any(|value| value.as_str() == Some(text));
        names.into_iter().filter(|name| call.params.get(name).is_some_and(|value| !all_texts(value, &is_own))).collect()
    }

    /// What the probes told, each answer under its name in the case.
    pub fn told(self) -> IndexMap<String, Evidence> {
        self.told
    }

    /// Asks the probes that a script calls in one moment, together.
    pub fn answer(&mut self, calls: Vec<Call>) -> Vec<Evidence> {
        let keys: Vec<String> = calls.iter().map(|call| self.key(call.probe)).collect();
        let mut answers: Vec<Option<Evidence>> = calls.iter().map(|_| None).collect();
        // What derives its result from others is asked when they have answered.
        for derives in [false, true] {
            let (mut asks, mut places) = (Vec::new(), Vec::new());
            for (place, call) in calls.iter().enumerate() {
                let Some(probe) = probe::find(call.probe) else { continue };
                if probe.derives_from().is_empty() == derives {
                    continue;
                }
                match self.prepare(&keys[place], probe, call) {
                    Ok(ask) => {
                        asks.push(ask);
                        places.push(place);
                    }
                    Err(gap) => answers[place] = Some(self.refused(call, gap)),
                }
            }
            if asks.is_empty() {
                continue;
            }
            for (place, evidence) in places.into_iter().zip(self.observer.observe(asks)) {
                let evidence = self.secrets.take_out(evidence);
                self.latest.insert(evidence.probe.clone(), Arc::new(evidence.clone()));
                answers[place] = Some(evidence);
            }
        }
        let answers: Vec<Evidence> = answers.into_iter().flatten().collect();
        self.told.extend(keys.into_iter().zip(answers.iter().cloned()));
        answers
    }

    /// The name of the next answer of a probe: `step.probe`, `step.probe#2`.
    fn key(&mut self, probe: &'static str) -> String {
        let number = self.calls.entry(probe).or_default();
        *number += 1;
        let step = if self.step.is_empty() { String::new() } else { format!("{}.", self.step) };
        if *number == 1 { format!("{step}{probe}") } else { format!("{step}{probe}#{number}") }
    }

    fn prepare(&self, key: &str, probe: &'static dyn AnyProbe, call: &Call) -> Result<ProbeRequest, Gap> {
        let refused = |reason, why: String| Gap::new(reason, format!("ask probe {}", call.probe), why);
        let left = self.time_limit.map(|limit| limit.saturating_sub(self.began.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(refused(Reason::TimedOut, "the time of its step is over".to_owned()));
        }
        let watches = watches(probe);
        let mut params = call.params.clone();
        if watches && !params.contains_key("window") {
            params.insert("window".into(), json!(self.window.as_secs_f64()));
        }
        let params = probe::complete(probe, &self.secrets.put_in(Value::Object(params)))
            .map_err(|why| refused(Reason::Malformed, self.secrets.hide(why)))?;
        let window = params.get("window").and_then(Value::as_f64).and_then(|s| Duration::try_from_secs_f64(s).ok());
        let window = window.filter(|_| watches);
        let patience = window.map_or(PATIENCE, |window| window.saturating_add(GRACE));
        Ok(ProbeRequest {
            step: key.to_owned(),
            title: if self.title.is_empty() { key.to_owned() } else { format!("{}: {}", self.title, call.probe) },
            probe,
            params,
            window,
            time_limit: left.map_or(patience, |left| left.min(patience)),
            inputs: if probe.derives_from().is_empty() { Inputs::new() } else { self.latest.clone() },
            by_check: true,
            typed_alone: false,
            derived: self.derived(probe, call),
        })
    }

    fn refused(&self, call: &Call, gap: Gap) -> Evidence {
        Evidence {
            probe: call.probe.to_owned(),
            params: Value::Object(call.params.clone()),
            started: self.now,
            seconds: 0.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            output: None,
            gap: Some(gap),
            missing: Vec::new(),
            loss: Vec::new(),
            typed: Default::default(),
        }
    }
}

/// Whether all texts in a value are such.
fn all_texts(value: &Value, is_such: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_such(text),
        Value::Array(items) => items.iter().all(|item| all_texts(item, is_such)),
        Value::Object(fields) => fields.iter().all(|(name, field)| is_such(name) && all_texts(field, is_such)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}
