//! Checks: their calls of probes go to the observer, and what they were told becomes evidence of the case.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::observer::Observer;
use super::script_probe_bridge::ScriptProbeBridge;
use super::secret::Secrets;
use crate::case::{Evidence, Gap, Reason};
use crate::runbook::{Check, SHIPPED};
use crate::script::sandbox::{self, Limits, ScriptStop};
use crate::script::{CheckFinding, CheckRun, Given, run_check};
use crate::sys::usage;
use crate::units;

/// What is asked of a check.
pub(super) struct CheckRequest {
    /// The step that asks.
    pub step: String,
    /// The step's title.
    pub title: String,
    /// The check.
    pub check: Arc<Check>,
    /// Its parameters, all of them.
    pub params: Map<String, Value>,
    /// How long the check may take, with all that it looks at.
    pub time_limit: Option<Duration>,
}

/// What goes for every check of a run.
pub(super) struct CheckContext<'a> {
    /// Answers the calls of probes.
    pub observer: &'a dyn Observer,
    /// The window of the run.
    pub window: Duration,
    /// When the run began.
    pub now: Timestamp,
    /// What a script may use up.
    pub limits: &'a Limits,
    /// What scripts do not see.
    pub secrets: &'a Secrets,
    /// What all checks may take together.
    pub scripts: &'a ScriptBudget,
}

/// How many times the limits of one script all checks of a run may take together.
const SCRIPTS: u32 = 6;
/// Bytes that all checks of a run may give back and print.
const OUTPUT_BYTES: usize = 32 * 1024 * 1024;

/// What all checks of a run may take together.
pub(super) struct ScriptBudget {
    whole: Duration,
    left: Mutex<ScriptsLeft>,
}

#[derive(Clone, Copy)]
struct ScriptsLeft {
    time: Duration,
    bytes: usize,
    lacked: bool,
}

impl ScriptBudget {
    /// Time for all checks, where one may take `script_time`.
    pub fn new(script_time: Duration) -> Self {
        let whole = script_time.saturating_mul(SCRIPTS);
        ScriptBudget { whole, left: Mutex::new(ScriptsLeft { time: whole, bytes: OUTPUT_BYTES, lacked: false }) }
    }

    fn with<T>(&self, change: impl FnOnce(&mut ScriptsLeft) -> T) -> T {
        change(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The limits of the next check: what is left at most; none when nothing is left.
    fn limits(&self, each: &Limits) -> Option<Limits> {
        self.with(|left| {
            left.lacked |= left.time.is_zero() || left.bytes == 0;
            (!left.lacked).then(|| Limits {
                script_time: each.script_time.min(left.time),
                output_bytes: each.output_bytes.min(left.bytes),
                ..*each
            })
        })
    }

    fn spend(&self, seconds: f64, bytes: usize) {
        let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.with(|left| {
            left.time = left.time.saturating_sub(time);
            left.bytes = left.bytes.saturating_sub(bytes);
        });
    }

    /// Why a check was not run.
    fn gap(&self) -> Gap {
        let time = units::span(self.whole.as_secs_f64());
        let why = format!(
            "the run's budget for checks is used up: {time} of computing, {} of output",
            units::bytes(OUTPUT_BYTES as f64)
        );
        Gap::new(Reason::TimedOut, "run all checks", why)
            .to_fix("let checks compute less, run them one by one, or allow more with --script-time")
    }

    /// What was not run because the budget is used up.
    pub fn lacking(&self) -> Option<Gap> {
        self.with(|left| left.lacked).then(|| self.gap())
    }
}

/// What came of a check.
pub(super) struct Checked {
    /// Its own evidence: what it found, or why it found nothing.
    pub evidence: Arc<Evidence>,
    /// What the probes told it, each under its name in the case.
    pub told: IndexMap<String, Evidence>,
    /// What it found, the gravest first.
    pub findings: Vec<CheckFinding>,
    /// What it printed.
    pub printed: Vec<String>,
    /// The modules that it required, with their texts.
    pub modules: BTreeMap<String, String>,
    /// The lines of its file that gave a verdict.
    pub said_at: BTreeSet<usize>,
}

/// Runs one check.
pub(super) fn run(ask: &CheckRequest, context: &CheckContext<'_>) -> Checked {
    let (started, clock, cpu) = (Timestamp::now(), Instant::now(), usage::thread_cpu_seconds());
    let mut bridge = ScriptProbeBridge::new(context.observer, context.secrets, context.window, context.now);
    bridge.asks_for(&ask.step, &ask.title, ask.time_limit);
    bridge.for_check(&ask.check, &ask.params);
    let given = Given {
        params: ask.params.clone(),
        needs: ask.check.needs.clone(),
        now: context.now,
        window_seconds: context.window.as_secs_f64(),
    };
    let limits = context.scripts.limits(context.limits);
    let ran = match (sandbox::refusal(), &limits) {
        (Some(refusal), _) => CheckRun::refused(refusal),
        (None, Some(limits)) => run_check(&ask.check.script, given, limits, |calls| bridge.answer(calls)),
        (None, None) => CheckRun::refused(ScriptStop::NotKnown {
            path: ask.check.name.clone(),
            gap: Box::new(context.scripts.gap()),
            place: None,
        }),
    };
    let printed_bytes: usize = ran.printed.iter().map(String::len).sum();
    let found_bytes = ran.outcome.as_ref().map_or(0, |findings| output(findings, &[]).to_string().len());
    context.scripts.spend(ran.script_seconds, printed_bytes + found_bytes);
    let mut printed = ran.printed;
    let (output, gap, findings) = match ran.outcome {
        Ok(findings) => (Some(output(&findings, &printed)), None, findings),
        Err(stopped) => {
            if let ScriptStop::Failed(error) = &stopped {
                let script = &ask.check.script;
                let text = if error.file == script.origin { script.text.as_str() } else { "" };
                printed.extend(error.snippet(text, false).lines().map(str::to_owned));
            }
            (None, Some(gap(&ask.check, stopped)), Vec::new())
        }
    };
    // When, how long and how dear are the record's, where there is one: the same evidence gives the same case.
    let (started, seconds, cpu_seconds, peak_memory_bytes) = match context.observer.recorded(&ask.step) {
        Some(record) => (record.started, record.seconds, record.cpu_seconds, record.peak_memory_bytes),
        None => (
            started,
            clock.elapsed().as_secs_f64(),
            usage::thread_cpu_seconds().zip(cpu).map(|(after, before)| after - before),
            Some(usage::process().peak_memory_bytes).filter(|bytes| *bytes > 0),
        ),
    };
    let evidence = Evidence {
        probe: format!("check {}", ask.check.name),
        params: Value::Object(ask.params.clone()),
        started,
        seconds,
        cpu_seconds,
        peak_memory_bytes,
        output,
        gap,
        missing: Vec::new(),
        loss: Vec::new(),
        typed: Default::default(),
    };
    Checked {
        evidence: Arc::new(evidence),
        told: bridge.told(),
        findings,
        printed,
        modules: ran.modules,
        said_at: ran.said_at,
    }
}

/// What conditions see of a check.
fn output(findings: &[CheckFinding], printed: &[String]) -> Value {
    let value = |finding: &CheckFinding| json!({"verdict": finding.verdict, "sentence": finding.sentence, "data": finding.data});
    let mut first = findings.first().map(value).unwrap_or_default();
    if let Some(first) = first.as_object_mut() {
        first.insert("findings".into(), findings.iter().map(value).collect());
        first.insert("log".into(), json!(printed));
    }
    first
}

/// The shape of what conditions see of a check.
pub(super) fn output_schema() -> Value {
    let finding = json!({
        "verdict": {"type": "string"},
        "sentence": {"type": "string"},
        "data": {"type": "object", "additionalProperties": {}},
    });
    let mut whole = finding.clone();
    whole["findings"] = json!({"type": "array", "items": {"type": "object", "properties": finding}});
    whole["log"] = json!({"type": "array", "items": {"type": "string"}});
    json!({"type": "object", "properties": whole})
}

/// Why a check found nothing.
fn gap(check: &Check, stopped: ScriptStop) -> Gap {
    let name = &check.name;
    match stopped {
        ScriptStop::NotKnown { gap, .. } => *gap,
        ScriptStop::Failed(error) => {
            let by_itself = if check.script.origin == SHIPPED { name } else { &check.script.origin };
            Gap::new(Reason::Failed, format!("run the check {name}"), error.to_string())
                .to_fix(format!("mend it and try it by itself: casebook check {by_itself}"))
        }
        // These say themselves how to fix it.
        other => Gap::new(Reason::Failed, format!("run the check {name}"), other.to_string()),
    }
}
