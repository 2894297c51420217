//! One run, from a checked runbook to a case.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::Value;

use super::checks::ScriptBudget;
use super::conclusion::{ledger, read_summary, summary, watched_seconds};
use super::differential;
use super::execute::{RunContext, observe};
use super::judge;
use super::observer::Observer;
use super::request::{Request, RunError};
use super::step_result::StepResult;
use super::trace::Trace;
use crate::case::{CASE_FORMAT, Case, Cost, Coverage, Diagnosis, Evidence, Likelihood, RunbookRef, Verdict};
use crate::redact;
use crate::runbook::Runbook;
use crate::script::Scope;
use crate::sys::usage;

/// The window when the runbook has no parameter for it.
const WINDOW: f64 = 10.0;

/// Runs a runbook against an observer. Parameters are checked before anything is asked.
pub fn run(request: &Request<'_>, observer: &dyn Observer) -> Result<Case, RunError> {
    run_traced(request, observer).map(|(case, _)| case)
}

/// Runs a runbook, and says which parts of it held.
pub fn run_traced(request: &Request<'_>, observer: &dyn Observer) -> Result<(Case, Trace), RunError> {
    let (clock, cpu) = (Instant::now(), usage::process_cpu_seconds());
    let runbook = request.runbook;
    let scope = Scope::new().map_err(|error| RunError::Lua(error.to_string()))?;
    scope.set_value("params", Ok(Value::Object(request.params.visible())));
    let window = request.params.all.get("window").and_then(Value::as_f64).unwrap_or(WINDOW);
    let window = Duration::try_from_secs_f64(window).unwrap_or(Duration::from_secs(10));

    for (name, list) in &runbook.data {
        scope.set_value(name, Ok(list.clone()));
    }
    let scripts = ScriptBudget::new(request.limits.script_time);
    let context = RunContext { request, scope: &scope, window, scripts };
    let seen = observe(&context, observer);
    observer.observed();

    runbook.bindings.iter().for_each(|binding| binding.set(&scope));
    let mut trace = Trace::default();
    let mut findings = Vec::with_capacity(runbook.steps.len());
    for (step, seen) in runbook.steps.iter().zip(&seen) {
        let (finding, outcome) = judge::judge(step, seen, &scope);
        trace.judged(step, seen, &finding, outcome);
        findings.push(finding);
    }
    let causes = differential::weigh(&runbook.causes, &scope, &mut trace);
    let coverage = Coverage::of(&findings);
    let mut headlines: Vec<String> = runbook
        .headlines
        .iter()
        .map(|headline| scope.render(headline))
        .filter(|(_, gaps)| gaps.is_empty())
        .map(|(text, _)| text)
        .filter(|text| !text.trim().is_empty())
        .collect();
    headlines.extend(request.provenance.record().into_iter().flat_map(|record| record.said_redacted.iter().cloned()));
    let mut limits = scope.lacking();
    limits.extend(context.scripts.lacking());
    let likely = causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
    let found = findings.iter().map(|finding| finding.verdict).chain(likely.map(|cause| cause.severity));
    // What was not judged is not fine.
    let verdict = Verdict::gravest(found.chain(limits.first().map(|_| Verdict::Unknown)));
    let summary = summary(runbook, &causes, &findings, coverage, &limits, &scope);
    let reference = reference(runbook, &seen);
    // All is judged: what nobody holds any more need not be copied.
    drop(scope);
    let evidence: IndexMap<String, Evidence> = runbook
        .steps
        .iter()
        .zip(seen)
        .flat_map(|(step, seen)| match seen {
            StepResult::Evidence(evidence) => vec![(step.id.clone(), Arc::unwrap_or_clone(evidence))],
            StepResult::Checked(checked) => {
                // What a probe saw has no secrets any more; what a check made of it may have its own.
                let mut own = Arc::unwrap_or_clone(checked.evidence);
                redact::evidence(&mut own);
                std::iter::once((step.id.clone(), own)).chain(checked.told).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    let record = request.provenance.record();
    let reading = record.and_then(|record| record.reading.as_ref()).map(|reading| reading(&evidence));
    let read = reading.as_ref().and_then(|reading| read_summary(&causes, &findings, reading));
    let summary = read.unwrap_or(summary);
    let usage = usage::process();
    let (before_wall, before_cpu) = request.provenance.spent_before();
    let mut case = Case {
        format: CASE_FORMAT,
        casebook: env!("CARGO_PKG_VERSION").to_owned(),
        runbook: reference,
        foreign_commands: record.is_some_and(|record| record.foreign_commands),
        host: request.provenance.host().clone(),
        started: request.provenance.started(),
        window_seconds: watched_seconds(&evidence),
        partial: record.map_or_else(|| request.provenance.cancelled(), |record| record.partial),
        params: request.params.recorded(),
        given: request.params.given.clone(),
        verdict,
        coverage,
        diagnosis: Diagnosis { summary, headlines, causes },
        ledger: ledger(&evidence),
        findings,
        evidence,
        reading,
        fleet: None,
        limits,
        redacted: record.map(|record| record.redacted.clone()).unwrap_or_default(),
        cost: record.and_then(|record| record.cost).unwrap_or_else(|| Cost {
            wall_seconds: clock.elapsed().as_secs_f64() + before_wall,
            cpu_seconds: usage.cpu_seconds - cpu + before_cpu,
            peak_memory_bytes: usage.peak_memory_bytes,
        }),
    };
    // What ships holds no secret, which a test has looked for.
    let ours = runbook.ships.then(|| std::mem::take(&mut case.runbook.text));
    redact::secrets_concluded(&mut case);
    case.runbook.text = ours.unwrap_or(case.runbook.text);
    Ok((case, trace))
}

/// What the case keeps of the runbook, with the modules that its checks required in this run.
fn reference(runbook: &Runbook, seen: &[StepResult]) -> RunbookRef {
    let mut reference = runbook.reference();
    for (step, seen) in runbook.steps.iter().zip(seen) {
        let kept = step.check().and_then(|check| reference.checks.get_mut(&check.name));
        if let (Some(kept), StepResult::Checked(checked)) = (kept, seen) {
            kept.modules.extend(checked.modules.clone());
        }
    }
    reference
}
