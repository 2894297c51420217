//! `casebook replay`.

use std::path::Path;

use anyhow::Context;
use indexmap::IndexMap;

use super::arguments::ReplayArguments;
use super::{Usage, case_file, given, output, read, screen};
use crate::archive::CaseFile;
use crate::case::{Case, Evidence};
use crate::engine::{self, Provenance, Record, Recorded, Request, ResolvedParams};
use crate::runbook::{self, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;

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
    let (name, None) = (arguments.case.as_deref().unwrap_or(read::USUAL), &arguments.runbook) else {
        return Err(Usage("with --from there is no case: name the folder and a runbook".to_owned()).into());
    };
    read::judge(&[folder.to_owned()], None, false, name, &arguments.set, &arguments.scripts)
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
    record: Record<'_>,
    limits: Limits,
) -> Result<Case, Usage> {
    let provenance = Provenance::Recorded(record);
    let request = Request { runbook, params, provenance, limits, printed: &|_, _| {} };
    engine::run(&request, &Recorded::new(evidence, runbook)).map_err(|error| Usage(error.to_string()))
}
