//! Asks the steps of a runbook, wave by wave: the probes of a wave together, and its checks beside them.

use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::checks::{self, CheckContext, CheckRequest, Checked, ScriptBudget};
use super::observer::{Observer, ProbeRequest};
use super::plan::{PlannedStep, plan, time_limit};
use super::request::Request;
use super::step_result::StepResult;
use crate::case::{Evidence, Gap, Reason, Truth};
use crate::probe::{self, AnyProbe, Inputs};
use crate::runbook::{Argument, Check, ParamType, Runbook, Step, Target};
use crate::script::{Scope, Unknown, outline};

/// What the asking of the steps goes by.
pub(super) struct RunContext<'a> {
    pub request: &'a Request<'a>,
    pub scope: &'a Scope,
    pub window: Duration,
    /// What all checks may take together.
    pub scripts: ScriptBudget,
}

pub(super) fn observe(context: &RunContext<'_>, observer: &dyn Observer) -> Vec<StepResult> {
    let RunContext { request, scope, .. } = context;
    let secrets = &request.params.secrets;
    let runbook = request.runbook;
    let mut seen: Vec<Option<StepResult>> = runbook.steps.iter().map(|_| None).collect();
    let mut stopped: Option<String> = None;
    for wave in plan(runbook).waves {
        let (mut asks, mut asked) = (Vec::new(), Vec::new());
        let (mut check_asks, mut checked) = (Vec::new(), Vec::new());
        for planned in wave {
            let step = &runbook.steps[planned.index];
            let outcome = match &stopped {
                Some(by) => Err(StepResult::Skipped(format!("the run ended after step {by}"))),
                None => prepare(context, step, &planned, &seen),
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
        let (answers, findings) = ask_together(context, observer, asks, &check_asks);
        for (index, evidence) in asked.iter().zip(answers) {
            let step = &runbook.steps[*index];
            seen[*index] = Some(record(scope, step, StepResult::Evidence(Arc::new(secrets.take_out(evidence)))));
        }
        for (index, found) in checked.iter().zip(findings) {
            let step = &runbook.steps[*index];
            found.printed.iter().for_each(|line| (request.printed)(&step.id, line));
            seen[*index] = Some(record(scope, step, StepResult::Checked(Box::new(found))));
        }
        asked.extend(checked);
        asked.sort();
        for index in asked {
            let step = &runbook.steps[index];
            if step.stop.is_some() {
                step.bindings.iter().for_each(|place| runbook.bindings[*place].set(scope));
            }
            if step.stop.as_ref().is_some_and(|stop| scope.judge(stop).truth == Truth::Yes) {
                stopped.get_or_insert_with(|| step.id.clone());
            }
        }
    }
    seen.into_iter().map(|seen| seen.unwrap_or_else(|| StepResult::Unasked(Vec::new()))).collect()
}

/// Checks that run at the same time; each has a thread and a Lua state of its own.
const CHECKS_AT_ONCE: usize = 16;

/// Asks the probes and runs the checks of a wave at the same time.
fn ask_together(
    context: &RunContext<'_>,
    observer: &dyn Observer,
    asks: Vec<ProbeRequest>,
    check_asks: &[CheckRequest],
) -> (Vec<Evidence>, Vec<Checked>) {
    let RunContext { request, window, scripts, .. } = context;
    let secrets = &request.params.secrets;
    let check_context = CheckContext {
        observer,
        window: *window,
        now: request.provenance.started(),
        limits: &request.limits,
        secrets,
        scripts,
    };
    let checked = |ask: &CheckRequest| checks::run(ask, &check_context);
    if check_asks.is_empty() {
        return (if asks.is_empty() { Vec::new() } else { observer.observe(asks) }, Vec::new());
    }
    std::thread::scope(|threads| {
        let checked = &checked;
        let checks = Builder::new().name("checks".into()).spawn_scoped(threads, move || run_all(check_asks, checked));
        let answers = if asks.is_empty() { Vec::new() } else { observer.observe(asks) };
        let all = match checks {
            Ok(checks) => checks.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // Where no thread can be made they come after the probes.
            Err(_) => run_all(check_asks, checked),
        };
        (answers, all)
    })
}

/// Runs checks, some at a time; those for which no thread can be made one after the other.
fn run_all(asks: &[CheckRequest], checked: &(impl Fn(&CheckRequest) -> Checked + Sync)) -> Vec<Checked> {
    let mut all = Vec::with_capacity(asks.len());
    for some in asks.chunks(CHECKS_AT_ONCE) {
        std::thread::scope(|threads| {
            let start = |ask| Builder::new().name("check".into()).spawn_scoped(threads, move || checked(ask));
            let running: Vec<_> = some.iter().map(|ask| (ask, start(ask))).collect();
            all.extend(running.into_iter().map(|(ask, thread)| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => checked(ask),
            }));
        });
    }
    all
}

/// Makes what came of a step known to the expressions.
fn record(scope: &Scope, step: &Step, seen: StepResult) -> StepResult {
    match &seen {
        StepResult::Evidence(evidence) => {
            // Of what has no output nobody asks for a field.
            let schema = evidence.output.as_ref().and(step.probe()).map(outline);
            scope.set_evidence(&step.id, Arc::clone(evidence), schema);
        }
        StepResult::Checked(checked) => {
            scope.set_evidence(&step.id, Arc::clone(&checked.evidence), Some(Arc::new(checks::output_schema())))
        }
        StepResult::Skipped(why) => {
            let gap = Gap::new(Reason::Absent, format!("see {}", step.id), format!("the step was skipped: {why}"));
            scope.set_value(&step.id, Err(Unknown { gaps: vec![gap] }));
        }
        StepResult::Unasked(gaps) => scope.set_value(&step.id, Err(Unknown { gaps: gaps.clone() })),
    }
    seen
}

/// What is asked for a step.
enum Prepared {
    Probe(ProbeRequest),
    Check(CheckRequest),
}

/// The ask of a step, or why there is none.
fn prepare(
    context: &RunContext<'_>,
    step: &Step,
    planned: &PlannedStep,
    seen: &[Option<StepResult>],
) -> Result<Prepared, StepResult> {
    let RunContext { request, scope, .. } = context;
    step.bindings.iter().for_each(|place| request.runbook.bindings[*place].set(scope));
    let unasked =
        |reason, why: String| StepResult::Unasked(vec![Gap::new(reason, format!("ask step {}", step.id), why)]);
    if let Some(condition) = &step.when {
        let judged = scope.judge(condition);
        match judged.truth {
            Truth::Yes => {}
            Truth::No => {
                let why = step.skip_message.as_ref().map(|message| scope.render(message).0);
                return Err(StepResult::Skipped(
                    why.unwrap_or_else(|| format!("does not apply here: not {}", condition.text)),
                ));
            }
            Truth::Unknown => return Err(StepResult::Unasked(judged.gaps)),
        }
    }
    let derives = step.probe().is_some_and(|probe| !probe.derives_from().is_empty());
    if request.provenance.cancelled() && !derives {
        return Err(unasked(Reason::Cancelled, "the run was ended before".into()));
    }
    let arguments = arguments(scope, step)?;
    match &step.target {
        Target::Check(check) => {
            let ask = prepare_check(context, step, check, arguments);
            ask.map(Prepared::Check).map_err(|why| unasked(Reason::Malformed, why))
        }
        Target::Probe(name) => match probe::find(name) {
            Some(probe) => {
                let ask = prepare_probe(context, step, probe, planned, arguments, seen);
                ask.map(Prepared::Probe).map_err(|why| unasked(Reason::Malformed, why))
            }
            None => Err(unasked(Reason::Absent, format!("there is no probe {name}"))),
        },
    }
}

/// The arguments of a step, filled in; one that was not given is left out.
fn arguments(scope: &Scope, step: &Step) -> Result<Map<String, Value>, StepResult> {
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
            Err(unknown) => return Err(StepResult::Unasked(unknown.gaps)),
        }
    }
    Ok(params)
}

/// The ask of a step that calls a probe, or what is wrong with its parameters.
fn prepare_probe(
    context: &RunContext<'_>,
    step: &Step,
    probe: &'static dyn AnyProbe,
    planned: &PlannedStep,
    mut params: Map<String, Value>,
    seen: &[Option<StepResult>],
) -> Result<ProbeRequest, String> {
    let RunContext { request, window, .. } = context;
    let secrets = &request.params.secrets;
    if planned.watches {
        params.entry("window").or_insert_with(|| json!(window.as_secs_f64()));
    }
    // What ships is known to send nothing that it should not.
    let mut derived = derived(step, request.runbook);
    if !derived.is_empty() && request.runbook.is_shipped() {
        derived.clear();
    }
    let params = probe
        .complete_params(&secrets.put_in(Value::Object(params)))
        .map_err(|why| secrets.hide(format!("its parameters are wrong: {why}")))?;
    let own_window = params.get("window").and_then(Value::as_f64).and_then(|s| Duration::try_from_secs_f64(s).ok());
    Ok(ProbeRequest {
        step: step.id.clone(),
        title: step.title.clone(),
        probe,
        params,
        window: planned.watches.then(|| own_window.unwrap_or(*window)),
        time_limit: time_limit(step, planned.watches, own_window.unwrap_or(*window)),
        inputs: inputs(planned, request.runbook, seen),
        by_check: false,
        typed_alone: false,
        derived,
    })
}

/// The arguments of a step that evidence fills, where its probe could do with them what takes a right.
fn derived(step: &Step, runbook: &Runbook) -> Vec<String> {
    if step.probe().is_none_or(|probe| probe.rights().is_empty()) {
        return Vec::new();
    }
    let filled = step.arguments.iter().filter(|(_, argument)| !argument.derived_from(&runbook.steps).is_empty());
    filled.map(|(name, _)| name.clone()).collect()
}

/// The ask of a step that calls a check, or what is wrong with its parameters.
fn prepare_check(
    context: &RunContext<'_>,
    step: &Step,
    check: &Arc<Check>,
    given: Map<String, Value>,
) -> Result<CheckRequest, String> {
    let mut params = Map::new();
    for (name, spec) in &check.params {
        let value = match given.get(name) {
            Some(value) => spec.read(name, value).map_err(|error| error.to_string())?,
            None if spec.required => return Err(format!("the check {} needs `{name}`: {}", check.name, spec.help)),
            // Who watches with others watches as long as they do.
            None if name == "window" && spec.kind == ParamType::Duration => json!(context.window.as_secs_f64()),
            None => spec.default.clone().unwrap_or(Value::Null),
        };
        params.insert(name.clone(), value);
    }
    Ok(CheckRequest {
        step: step.id.clone(),
        title: step.title.clone(),
        check: Arc::clone(check),
        params,
        time_limit: step.timeout_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    })
}

/// The evidence that a step may use, by the name of the probe that gave it.
fn inputs(planned: &PlannedStep, runbook: &Runbook, seen: &[Option<StepResult>]) -> Inputs {
    let mut inputs = Inputs::new();
    for (step, seen) in runbook.steps.iter().zip(seen) {
        if planned.needs.contains(&step.id)
            && let Some(StepResult::Evidence(evidence)) = seen
            && !evidence.is_of_elsewhere()
        {
            inputs.entry(evidence.probe.clone()).or_insert_with(|| Arc::clone(evidence));
        }
    }
    inputs
}
