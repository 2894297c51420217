//! `casebook replay`.

use std::path::Path;

use anyhow::Context;
use serde_json::{Map, Value};

use super::arguments::ReplayArguments;
use super::{Usage, case_file, given, output, screen};
use crate::archive::CaseFile;
use crate::case::Case;
use crate::engine::{self, Recorded, Request};
use crate::printable;
use crate::redact;
use crate::runbook::{self, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;
use crate::tool_output::Printouts;

/// Files that nothing was taken from, as far as they are named.
const NAMED: usize = 8;
/// The runbook that outputs of tools are judged by when none is named.
const USUAL: &str = "high-inbound-traffic";

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
    let anew = given::params(&arguments.set, [])?;
    given::refuse_bare_rates(&anew, &runbook.params)?;
    params.extend(anew);
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
    let (name, None) = (arguments.case.as_deref().unwrap_or(USUAL), &arguments.runbook) else {
        return Err(Usage("with --from there is no case: name the folder and a runbook".to_owned()).into());
    };
    let runbook = super::run::load(name, arguments.scripts.trusting())?;
    let mut params = given::params(&arguments.set, [])?;
    given::refuse_bare_rates(&params, &runbook.params)?;
    let printouts = Printouts::read(folder).map_err(|why| Usage(format!("{} {why}", folder.display())))?;
    super::say(format_args!("{} shows something of: {}", folder.display(), printouts.shows().join(", ")));
    if let Some(links) = printouts.links() {
        super::say(links);
    }
    let unread = printouts.unread();
    if !unread.is_empty() {
        let named = unread.iter().take(NAMED).map(printable::printable).collect::<Vec<_>>().join(", ");
        let more = match unread.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        super::say(format_args!("nothing could be taken from {named}{more}: damaged, or in a form that is not known"));
    }
    // What was watched is as long as it is in the outputs, whatever the runbook would have watched.
    if let (Some(window), Some(seconds)) = (runbook.params.get("window"), printouts.seconds()) {
        let seconds = Value::String(format!("{seconds}s"));
        if window.read("window", &seconds).is_ok() {
            params.entry("window").or_insert(seconds);
        }
    }
    let request = Request {
        runbook: &runbook,
        params,
        host: printouts.host(),
        started: printouts.started(),
        cancelled: &|| false,
        limits: arguments.scripts.limits(),
        printed: &|_, _| {},
    };
    Ok(engine::run(&request, &printouts).map_err(|error| Usage(error.to_string()))?)
}

/// The runbook that the case was made by.
pub(super) fn own(case: &Case) -> anyhow::Result<Runbook> {
    runbook::load_recorded(&case.runbook)
        .map_err(|problems| Usage(problems.render(screen::stderr_color())))
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
