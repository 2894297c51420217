//! `casebook replay`.

use std::path::Path;

use anyhow::Context;
use indexmap::IndexMap;
use serde_json::Value;

use super::arguments::ReplayArguments;
use super::{Usage, case_file, given, output, screen};
use crate::archive::CaseFile;
use crate::case::{Case, Evidence};
use crate::engine::{self, Provenance, Record, Recorded, Request, ResolvedParams};
use crate::printable;
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
    let set = given::params(&arguments.set, [])?;
    given::refuse_bare_rates(&set, &runbook.params)?;
    // Judged again by the case's own runbook, the commands are its author's, unless this casebook carries the same.
    let foreign = arguments.runbook.is_none()
        && !case_file::is_kept(arguments.case.as_deref().unwrap_or_default())
        && !runbook::is_shipped(&recorded.runbook);
    let params = ResolvedParams::again(&runbook, &recorded, set).map_err(|error| Usage(error.to_string()))?;
    let record = Record { foreign_commands: foreign, ..Record::of(&recorded) };
    let case = judge(recorded.evidence, &runbook, params, record, arguments.scripts.limits())?;
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
        params: engine::resolve_params(&runbook, &params).map_err(|error| Usage(error.to_string()))?,
        provenance: Provenance::Recorded(Record::new(printouts.host(), printouts.started())),
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

/// Judges the evidence of a case again.
fn judge(
    evidence: IndexMap<String, Evidence>,
    runbook: &Runbook,
    params: ResolvedParams,
    record: Record,
    limits: Limits,
) -> Result<Case, Usage> {
    let provenance = Provenance::Recorded(record);
    let request = Request { runbook, params, provenance, limits, printed: &|_, _| {} };
    engine::run(&request, &Recorded::new(evidence, runbook)).map_err(|error| Usage(error.to_string()))
}
