//! One run, from a checked runbook to a case.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::checks::{self, CheckAsk, CheckTerms, Checked};
use super::differential;
use super::judge;
use super::observer::{Ask, Observer};
use super::plan::{PlannedStep, plan, time_limit};
use super::secret::{Secrets, stand_in};
use super::trace::Trace;
use crate::case::{
    Account, CASE_FORMAT, Case, CheckRef, Cost, Coverage, Diagnosis, Evidence, Finding, Gap, Host, Likelihood, Reason,
    RunbookRef, Truth, Verdict,
};
use crate::nearest::nearest;
use crate::probe::{self, AnyProbe, Inputs};
use crate::runbook::{Argument, BadParam, Check, ParamType, Runbook, Step, Target};
use crate::script::sandbox::Limits;
use crate::script::{Scope, Unknown};
use crate::sys::usage;

/// The window when the runbook has no parameter for it.
const WINDOW: f64 = 10.0;

/// What to run.
pub struct Request<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// Parameters that were given, as written or read.
    pub params: Map<String, Value>,
    /// The host to name in the case.
    pub host: Host,
    /// When the run began; the recorded time in a replay.
    pub started: Timestamp,
    /// Says whether the operator has ended the run.
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
    /// What a script may use up.
    pub limits: Limits,
    /// Takes what a check prints: its step, and a line.
    pub printed: &'a (dyn Fn(&str, &str) + Sync),
}

/// What came of asking a step.
pub(super) enum Seen {
    /// It does not apply here.
    Skipped(String),
    /// It could not be asked.
    Unasked(Vec<Gap>),
    /// It was asked.
    Evidence(Arc<Evidence>),
    /// A check was asked.
    Checked(Box<Checked>),
}

/// Runs a runbook against an observer. Parameters are checked before anything is asked.
pub fn run(request: &Request<'_>, observer: &dyn Observer) -> Result<Case, RunError> {
    run_traced(request, observer).map(|(case, _)| case)
}

/// Runs a runbook, and says which parts of it held.
pub fn run_traced(request: &Request<'_>, observer: &dyn Observer) -> Result<(Case, Trace), RunError> {
    let (clock, cpu) = (Instant::now(), usage::process_cpu_seconds());
    let runbook = request.runbook;
    let mut params = check_params(runbook, &request.params)?;
    let secrets = Secrets::take(runbook, &mut params);
    let scope = Scope::new().map_err(|error| RunError::Lua(error.to_string()))?;
    scope.set_value("params", Ok(Value::Object(visible(&params))));
    let window = params.get("window").and_then(Value::as_f64).unwrap_or(WINDOW);
    let window = Duration::try_from_secs_f64(window).unwrap_or(Duration::from_secs(10));

    let terms = Terms { request, scope: &scope, window, secrets };
    let seen = observe(&terms, observer);

    for binding in &runbook.bindings {
        scope.set_expression(&binding.name, &binding.value);
    }
    let mut trace = Trace::default();
    let mut findings = Vec::with_capacity(runbook.steps.len());
    for (step, seen) in runbook.steps.iter().zip(&seen) {
        let (finding, outcome) = judge::judge(step, seen, &scope);
        trace.judged(step, seen, &finding, outcome);
        findings.push(finding);
    }
    let causes = differential::weigh(&runbook.causes, &scope, &mut trace);
    let coverage = Coverage::of(&findings);
    let likely = causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
    let verdict =
        Verdict::gravest(findings.iter().map(|finding| finding.verdict).chain(likely.map(|cause| cause.severity)));
    let headlines = runbook
        .headlines
        .iter()
        .map(|headline| scope.render(headline))
        .filter(|(_, gaps)| gaps.is_empty())
        .map(|(text, _)| text)
        .filter(|text| !text.trim().is_empty())
        .collect();
    let summary = summary(runbook, &causes, &findings, coverage, &scope);
    let evidence: IndexMap<String, Evidence> = runbook
        .steps
        .iter()
        .zip(&seen)
        .flat_map(|(step, seen)| match seen {
            Seen::Evidence(evidence) => vec![(step.id.clone(), Evidence::clone(evidence))],
            Seen::Checked(checked) => {
                let told = checked.told.iter().map(|(key, evidence)| (key.clone(), evidence.clone()));
                std::iter::once((step.id.clone(), Evidence::clone(&checked.evidence))).chain(told).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    let usage = usage::process();
    let case = Case {
        format: CASE_FORMAT,
        casebook: env!("CARGO_PKG_VERSION").to_owned(),
        runbook: RunbookRef {
            name: runbook.name.clone(),
            title: runbook.title.clone(),
            text: runbook.text.clone(),
            around: runbook.around.clone(),
            checks: checks(runbook, &seen),
        },
        host: request.host.clone(),
        started: request.started,
        window_seconds: file_seconds(&evidence).unwrap_or(window.as_secs_f64()),
        partial: (request.cancelled)(),
        params: shown(runbook, &params),
        given: shown(runbook, &request.params),
        verdict,
        coverage,
        diagnosis: Diagnosis { summary, headlines, causes },
        ledger: ledger(&evidence),
        findings,
        evidence,
        cost: Cost {
            wall_seconds: clock.elapsed().as_secs_f64(),
            cpu_seconds: usage.cpu_seconds - cpu,
            peak_memory_bytes: usage.peak_memory_bytes,
        },
    };
    Ok((case, trace))
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A parameter is wrong.
    #[error(transparent)]
    Param(#[from] BadParam),
    /// Lua could not be started.
    #[error("cannot start Lua: {0}")]
    Lua(String),
}

fn check_params(runbook: &Runbook, given: &Map<String, Value>) -> Result<Map<String, Value>, BadParam> {
    for name in given.keys() {
        if !runbook.params.contains_key(name) {
            let names = || runbook.params.keys().map(String::as_str);
            let help = match nearest(name, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if runbook.params.is_empty() => "it takes none".to_owned(),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(BadParam::Unknown { name: name.clone(), help });
        }
    }
    let mut params = Map::new();
    for (name, spec) in &runbook.params {
        let value = match given.get(name) {
            // A case holds the stand-in of a secret; judging it again needs no more.
            Some(value) if spec.secret && value.as_str() == Some(stand_in(name).as_str()) => value.clone(),
            Some(value) => spec.read(name, value)?,
            None if spec.required => return Err(BadParam::Missing { name: name.clone(), help: spec.help.clone() }),
            None => spec.default.clone().unwrap_or(Value::Null),
        };
        params.insert(name.clone(), value);
    }
    Ok(params)
}

/// Parameters as expressions see them: one that was not given and has no default is false, so that `params.x` can be
/// asked for.
fn visible(params: &Map<String, Value>) -> Map<String, Value> {
    params
        .iter()
        .map(|(name, value)| (name.clone(), if value.is_null() { json!(false) } else { value.clone() }))
        .collect()
}

/// Parameters as the case records them: secrets are left out.
fn shown(runbook: &Runbook, params: &Map<String, Value>) -> Map<String, Value> {
    params
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let secret = runbook.params.get(name).is_some_and(|spec| spec.secret);
            (name.clone(), if secret { json!(stand_in(name)) } else { value.clone() })
        })
        .collect()
}

/// What the asking of the steps goes by.
struct Terms<'a> {
    request: &'a Request<'a>,
    scope: &'a Scope,
    window: Duration,
    secrets: Secrets,
}

fn observe(terms: &Terms<'_>, observer: &dyn Observer) -> Vec<Seen> {
    let Terms { request, scope, secrets, .. } = terms;
    let runbook = request.runbook;
    let mut seen: Vec<Option<Seen>> = runbook.steps.iter().map(|_| None).collect();
    let mut stopped: Option<String> = None;
    for wave in plan(runbook).waves {
        let (mut asks, mut asked) = (Vec::new(), Vec::new());
        let (mut check_asks, mut checked) = (Vec::new(), Vec::new());
        for planned in wave {
            let step = &runbook.steps[planned.index];
            let outcome = match &stopped {
                Some(by) => Err(Seen::Skipped(format!("the run ended after step {by}"))),
                None => prepare(terms, step, &planned, &seen),
            };
            match outcome {
                Ok(Prepared::Probe(ask)) => {
                    asks.push(ask);
                    asked.push(planned.index);
                }
                Ok(Prepared::Check(ask)) => {
                    check_asks.push(ask);
                    checked.push(planned.index);
                }
                Err(unasked) => seen[planned.index] = Some(record(scope, step, unasked)),
            }
        }
        let (answers, findings) = ask_together(terms, observer, asks, &check_asks);
        for (index, evidence) in asked.iter().zip(answers) {
            let step = &runbook.steps[*index];
            seen[*index] = Some(record(scope, step, Seen::Evidence(Arc::new(secrets.take_out(evidence)))));
        }
        for (index, found) in checked.iter().zip(findings) {
            let step = &runbook.steps[*index];
            found.printed.iter().for_each(|line| (request.printed)(&step.id, line));
            seen[*index] = Some(record(scope, step, Seen::Checked(Box::new(found))));
        }
        asked.extend(checked);
        asked.sort_unstable();
        for index in asked {
            let step = &runbook.steps[index];
            if step.stop.as_ref().is_some_and(|stop| scope.judge(stop).truth == Truth::Yes) {
                stopped.get_or_insert_with(|| step.id.clone());
            }
        }
    }
    seen.into_iter().map(|seen| seen.unwrap_or_else(|| Seen::Unasked(Vec::new()))).collect()
}

/// Checks that run at the same time; each has a thread and a Lua state of its own.
const CHECKS_AT_ONCE: usize = 16;

/// Asks the probes and runs the checks of a wave at the same time.
fn ask_together(
    terms: &Terms<'_>,
    observer: &dyn Observer,
    asks: Vec<Ask>,
    check_asks: &[CheckAsk],
) -> (Vec<Evidence>, Vec<Checked>) {
    let Terms { request, window, secrets, .. } = terms;
    let check_terms = CheckTerms { observer, window: *window, now: request.started, limits: &request.limits, secrets };
    let checked = |ask: &CheckAsk| {
        let mut checked = checks::run(ask, &check_terms);
        if let Some(recorded) = observer.recorded(&ask.step) {
            // When and how long are the record's: the same evidence gives the same case.
            let evidence = Evidence::clone(&checked.evidence);
            let (started, seconds, cpu_seconds) = (recorded.started, recorded.seconds, recorded.cpu_seconds);
            checked.evidence = Arc::new(Evidence { started, seconds, cpu_seconds, ..evidence });
        }
        checked
    };
    std::thread::scope(|threads| {
        let (checked, checked_asks) = (&checked, check_asks);
        let checks = threads.spawn(move || {
            let mut all = Vec::with_capacity(checked_asks.len());
            for some in checked_asks.chunks(CHECKS_AT_ONCE) {
                std::thread::scope(|threads| {
                    let running: Vec<_> = some.iter().map(|ask| threads.spawn(move || checked(ask))).collect();
                    all.extend(running.into_iter().map(|thread| thread.join()));
                });
            }
            all
        });
        let answers = if asks.is_empty() { Vec::new() } else { observer.observe(asks) };
        let all = checks.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let all = all.into_iter().map(|one| one.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (answers, all.collect())
    })
}

/// Makes what came of a step known to the expressions.
fn record(scope: &Scope, step: &Step, seen: Seen) -> Seen {
    match &seen {
        Seen::Evidence(evidence) => {
            let schema = step.probe().map(probe::output_schema);
            scope.set_evidence(&step.id, Arc::clone(evidence), schema);
        }
        Seen::Checked(checked) => {
            scope.set_evidence(&step.id, Arc::clone(&checked.evidence), Some(Arc::new(checks::output_schema())))
        }
        Seen::Skipped(why) => {
            let gap = Gap::new(Reason::Absent, format!("see {}", step.id), format!("the step was skipped: {why}"));
            scope.set_value(&step.id, Err(Unknown { gaps: vec![gap] }));
        }
        Seen::Unasked(gaps) => scope.set_value(&step.id, Err(Unknown { gaps: gaps.clone() })),
    }
    seen
}

/// What is asked for a step.
enum Prepared {
    Probe(Ask),
    Check(CheckAsk),
}

/// The ask of a step, or why there is none.
fn prepare(terms: &Terms<'_>, step: &Step, planned: &PlannedStep, seen: &[Option<Seen>]) -> Result<Prepared, Seen> {
    let Terms { request, scope, .. } = terms;
    let unasked = |reason, why: String| Seen::Unasked(vec![Gap::new(reason, format!("ask step {}", step.id), why)]);
    if let Some(condition) = &step.when {
        let judged = scope.judge(condition);
        match judged.truth {
            Truth::Yes => {}
            Truth::No => {
                let why = step.otherwise.as_ref().map(|otherwise| scope.render(otherwise).0);
                return Err(Seen::Skipped(
                    why.unwrap_or_else(|| format!("does not apply here: not {}", condition.text)),
                ));
            }
            Truth::Unknown => return Err(Seen::Unasked(judged.gaps)),
        }
    }
    let derives = step.probe().is_some_and(|probe| !probe.derives_from().is_empty());
    if (request.cancelled)() && !derives {
        return Err(unasked(Reason::Cancelled, "the run was ended before".into()));
    }
    let arguments = arguments(scope, step)?;
    match &step.target {
        Target::Check(check) => {
            let ask = prepare_check(terms, step, check, arguments);
            ask.map(Prepared::Check).map_err(|why| unasked(Reason::Malformed, why))
        }
        Target::Probe(name) => match probe::find(name) {
            Some(probe) => {
                let ask = prepare_probe(terms, step, probe, planned, arguments, seen);
                ask.map(Prepared::Probe).map_err(|why| unasked(Reason::Malformed, why))
            }
            None => Err(unasked(Reason::Absent, format!("there is no probe {name}"))),
        },
    }
}

/// The arguments of a step, filled in; one that was not given is left out.
fn arguments(scope: &Scope, step: &Step) -> Result<Map<String, Value>, Seen> {
    let mut params = Map::new();
    for (name, argument) in &step.arguments {
        let value = match argument {
            Argument::Literal(value) => Ok(value.clone()),
            Argument::Value(expression) => scope.value(expression),
            Argument::Text(template) => match scope.render(template) {
                (text, gaps) if gaps.is_empty() => Ok(Value::String(text)),
                (_, gaps) => Err(Unknown { gaps }),
            },
        };
        match value {
            // A parameter that was not given leaves the probe's own default in place.
            Ok(Value::Null | Value::Bool(false)) => {}
            Ok(value) => {
                params.insert(name.clone(), value);
            }
            Err(unknown) => return Err(Seen::Unasked(unknown.gaps)),
        }
    }
    Ok(params)
}

/// The ask of a step that calls a probe, or what is wrong with its parameters.
fn prepare_probe(
    terms: &Terms<'_>,
    step: &Step,
    probe: &'static dyn AnyProbe,
    planned: &PlannedStep,
    mut params: Map<String, Value>,
    seen: &[Option<Seen>],
) -> Result<Ask, String> {
    let Terms { request, window, secrets, .. } = terms;
    if planned.watches {
        params.entry("window").or_insert_with(|| json!(window.as_secs_f64()));
    }
    let params = probe
        .complete_params(&secrets.put_in(Value::Object(params)))
        .map_err(|why| secrets.hide(format!("its parameters are wrong: {why}")))?;
    let own_window = params.get("window").and_then(Value::as_f64).and_then(|s| Duration::try_from_secs_f64(s).ok());
    Ok(Ask {
        step: step.id.clone(),
        title: step.title.clone(),
        probe,
        params,
        window: planned.watches.then(|| own_window.unwrap_or(*window)),
        time_limit: time_limit(step, planned.watches, own_window.unwrap_or(*window)),
        inputs: inputs(planned, request.runbook, seen),
        by_check: false,
    })
}

/// The ask of a step that calls a check, or what is wrong with its parameters.
fn prepare_check(
    terms: &Terms<'_>,
    step: &Step,
    check: &Arc<Check>,
    given: Map<String, Value>,
) -> Result<CheckAsk, String> {
    let mut params = Map::new();
    for (name, spec) in &check.params {
        let value = match given.get(name) {
            Some(value) => spec.read(name, value).map_err(|error| error.to_string())?,
            None if spec.required => return Err(format!("the check {} needs `{name}`: {}", check.name, spec.help)),
            // Who watches with others watches as long as they do.
            None if name == "window" && spec.kind == ParamType::Duration => json!(terms.window.as_secs_f64()),
            None => spec.default.clone().unwrap_or(Value::Null),
        };
        params.insert(name.clone(), value);
    }
    Ok(CheckAsk {
        step: step.id.clone(),
        title: step.title.clone(),
        check: Arc::clone(check),
        params,
        time_limit: step.timeout_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

/// The checks that the run called, with the modules that they required.
fn checks(runbook: &Runbook, seen: &[Seen]) -> IndexMap<String, CheckRef> {
    let mut checks: IndexMap<String, CheckRef> = IndexMap::new();
    for (step, seen) in runbook.steps.iter().zip(seen) {
        let Some(check) = step.check() else { continue };
        let kept = checks.entry(check.name.clone()).or_insert_with(|| CheckRef {
            origin: check.script.origin.clone(),
            text: check.script.text.clone(),
            modules: BTreeMap::new(),
        });
        if let Seen::Checked(checked) = seen {
            kept.modules.extend(checked.modules.clone());
        }
    }
    checks
}

/// The evidence that a step may use, by the name of the probe that gave it.
fn inputs(planned: &PlannedStep, runbook: &Runbook, seen: &[Option<Seen>]) -> Inputs {
    let mut inputs = Inputs::new();
    for (step, seen) in runbook.steps.iter().zip(seen) {
        if planned.needs.contains(&step.id)
            && let Some(Seen::Evidence(evidence)) = seen
        {
            inputs.entry(evidence.probe.clone()).or_insert_with(|| Arc::clone(evidence));
        }
    }
    inputs
}

/// The span of the capture file that was read instead of watching.
fn file_seconds(evidence: &IndexMap<String, Evidence>) -> Option<f64> {
    let outputs = evidence.values().filter(|evidence| evidence.probe == "capture").filter_map(|e| e.output.as_ref());
    outputs
        .filter(|output| output.get("file").is_some_and(|file| !file.is_null()))
        .find_map(|o| o.get("seconds")?.as_f64())
}

fn ledger(evidence: &IndexMap<String, Evidence>) -> Option<Account> {
    let output = evidence.values().find(|evidence| evidence.probe == "ledger")?.output.as_ref()?;
    serde_json::from_value(output.clone()).ok()
}

/// The sentence with an end.
fn ended(mut sentence: String) -> String {
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

fn summary(
    runbook: &Runbook,
    causes: &[crate::case::Cause],
    findings: &[Finding],
    coverage: Coverage,
    scope: &Scope,
) -> String {
    let likely: Vec<_> = causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely).collect();
    if let Some((first, others)) = likely.split_first() {
        let sure = if first.likelihood == Likelihood::Certain { "Almost certain" } else { "Very likely" };
        let mut summary = format!("{sure}: {}.", first.title.trim_end_matches('.'));
        if let Some(second) = others.first() {
            summary.push_str(&format!(" Beside it: {}.", second.title.trim_end_matches('.')));
        }
        return summary;
    }
    if let (true, [only]) = (runbook.causes.is_empty(), findings) {
        return ended(only.sentence.clone());
    }
    let calm = runbook.calm.as_ref().map(|calm| scope.render(calm)).filter(|(_, gaps)| gaps.is_empty());
    let trouble = findings.iter().find(|finding| matches!(finding.verdict, Verdict::Critical | Verdict::Warning));
    let blind = coverage.applicable - coverage.looked;
    match (calm, trouble) {
        (_, Some(finding)) => format!("No known cause stands out, but: {}.", finding.sentence.trim_end_matches('.')),
        (Some((calm, _)), None) if blind == 0 => calm,
        (Some((calm, _)), None) => {
            let steps = if blind == 1 { "one step" } else { "some steps" };
            format!(
                "{} This is no all-clear: {steps} could not look ({blind} of {}).",
                calm.trim(),
                coverage.applicable
            )
        }
        (None, None) => {
            format!("No cause stands out; {} of {} steps could look.", coverage.looked, coverage.applicable)
        }
    }
}
