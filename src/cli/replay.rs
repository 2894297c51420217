//! `casebook replay`.

use anyhow::Context;
use serde_json::{Map, Value};

use super::arguments::{ReplayArguments, key_and_value};
use super::{Usage, case_file, output};
use crate::case::Case;
use crate::engine::{self, Recorded, Request};
use crate::runbook::{self, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;

pub(super) fn replay(arguments: &ReplayArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let recorded = case_file::read(arguments.case.as_deref().unwrap_or_default(), Trust::Waived)?.case;
    let runbook = match &arguments.runbook {
        Some(name) => super::run::load(name, arguments.scripts.trusting())?,
        None => own(&recorded)?,
    };
    let mut params: Map<String, Value> = recorded
        .params
        .iter()
        .filter(|(name, _)| runbook.params.contains_key(*name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    for (key, value) in arguments.set.iter().map(|text| key_and_value(text)).collect::<Result<Vec<_>, _>>()? {
        params.insert(key, value);
    }
    let set: Vec<&str> =
        arguments.set.iter().filter_map(|text| text.split_once('=')).map(|(key, _)| key.trim()).collect();
    let case = judge(recorded, &runbook, params, &set, arguments.scripts.limits())?;
    sinks.write(&case)?;
    Ok(case.verdict.exit_status())
}

/// The runbook that the case was made by.
pub(super) fn own(case: &Case) -> anyhow::Result<Runbook> {
    runbook::load_recorded(&case.runbook)
        .map_err(|problems| Usage(problems.render(output::stderr_color())))
        .context("the case's own runbook cannot be read by this casebook; name one to judge by")
}

/// Judges the evidence of a case again, with these parameters, some of which were set anew.
fn judge(
    recorded: Case,
    runbook: &Runbook,
    params: Map<String, Value>,
    set: &[&str],
    limits: Limits,
) -> Result<Case, Usage> {
    let request = Request {
        runbook,
        params,
        host: recorded.host.clone(),
        started: recorded.started,
        cancelled: &|| false,
        limits,
        printed: &|_, _| {},
    };
    let mut case =
        engine::run(&request, &Recorded::new(recorded.evidence, runbook)).map_err(|error| Usage(error.to_string()))?;
    // What the looking cost, and whether it was cut short, are facts of the recorded run.
    case.cost = recorded.cost;
    case.partial = recorded.partial;
    // What was given is what somebody typed, then or now; the others are as they were.
    case.given.retain(|name, _| recorded.given.contains_key(name) || set.contains(&name.as_str()));
    for (name, value) in case.given.iter_mut().filter(|(name, _)| !set.contains(&name.as_str())) {
        if let Some(given) = recorded.given.get(name) {
            value.clone_from(given);
        }
    }
    Ok(case)
}
