//! `casebook replay`.

use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value};

use super::arguments::{ReplayArguments, key_and_value};
use super::{Usage, case_file, output, read};
use crate::archive::CaseFile;
use crate::case::Case;
use crate::engine::{self, Recorded, Request};
use crate::redact;
use crate::runbook::{self, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;
use crate::tool_output;

pub(super) fn replay(arguments: &ReplayArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    if let Some(folder) = &arguments.from {
        let (file, map) = sinks.leaving(from(folder, arguments)?)?;
        map.and(sinks.write(&file))?;
        return Ok(file.case.verdict.exit_status());
    }
    let CaseFile { case: recorded, attached } =
        case_file::read(arguments.case.as_deref().unwrap_or_default(), Trust::Waived, &mut arguments.reading.budget())?;
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
    // Judged again by the case's own runbook, the commands are its author's, unless this casebook carries the same.
    let foreign = arguments.runbook.is_none()
        && !case_file::is_kept(arguments.case.as_deref().unwrap_or_default())
        && !runbook::is_shipped(&recorded.runbook);
    let mut case = judge(recorded, &runbook, params, &set, arguments.scripts.limits())?;
    case.foreign_commands = foreign;
    // What lay beside the case goes on with it; where its evidence says that files lie, nobody looks.
    let (file, map) = sinks.leaving(CaseFile { case, attached })?;
    map.and(sinks.write(&file))?;
    Ok(file.case.verdict.exit_status())
}

/// Judges what tools printed.
fn from(folder: &Path, arguments: &ReplayArguments) -> anyhow::Result<Case> {
    let (name, None) = (arguments.case.as_deref().unwrap_or(read::USUAL), &arguments.runbook) else {
        return Err(Usage("with --from there is no case: name the folder and a runbook".to_owned()).into());
    };
    read::judge(&[folder.to_owned()], None, false, name, &arguments.set, &arguments.scripts)
}

/// The runbook that the case was made by.
pub(super) fn own(case: &Case) -> anyhow::Result<Runbook> {
    runbook::load_recorded(&case.runbook)
        .map_err(|problems| Usage(problems.render(output::stderr_color())))
        .context("the case's own runbook cannot be read by this casebook; name one to judge by")
}

/// Judges the evidence of a case again, with these parameters, some of which were set anew.
fn judge(
    mut recorded: Case,
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
    let observer = Recorded::new(std::mem::take(&mut recorded.evidence), runbook);
    let mut case = engine::run(&request, &observer).map_err(|error| Usage(error.to_string()))?;
    redact::carry(&recorded, &mut case);
    if let Some(reading) = recorded.reading.take() {
        tool_output::attach(&mut case, reading);
    }
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
    // They stand as they were typed, so that the same command is advised again.
    let mut given: Map<String, Value> =
        recorded.given.keys().filter_map(|name| Some((name.clone(), case.given.get(name)?.clone()))).collect();
    for (name, value) in &case.given {
        given.entry(name.clone()).or_insert_with(|| value.clone());
    }
    case.given = given;
    Ok(case)
}
