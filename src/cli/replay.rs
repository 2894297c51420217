//! `casebook replay`.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use indexmap::IndexMap;

use super::arguments::ReplayArguments;
use super::case_file::Opened;
use super::fleet_file::{Gathered, stem};
use super::{Usage, case_file, given, merge, output, read, screen};
use crate::archive::{self, CaseFile, Ended, FleetPart};
use crate::case::{Case, Evidence, RunbookRef};
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
    let opened = case_file::open(arguments.case.as_deref().unwrap_or_default(), Trust::Waived)?;
    if opened.is_fleet() {
        return of_many(opened, arguments, &sinks);
    }
    let CaseFile { case: recorded, attached } = opened.read(&mut arguments.reading.budget())?;
    if recorded.fleet.is_some() {
        let why = "this is what many hosts have in common, without their cases: name the file that `casebook merge --save` wrote";
        return Err(Usage(why.to_owned()).into());
    }
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

/// Judges the cases of many hosts again, one after the other, and says anew what they have in common.
fn of_many(opened: Opened, arguments: &ReplayArguments, sinks: &output::Sinks) -> anyhow::Result<u8> {
    let named = match &arguments.runbook {
        Some(name) => Some(super::run::load(name, arguments.scripts.trusting())?),
        None => None,
    };
    let set = given::params(&arguments.set, [])?;
    // Hosts that were looked at by one runbook are judged by one.
    let mut own_of: Option<(RunbookRef, Runbook)> = None;
    let mut gathered = Gathered::default();
    let mut judged: Vec<(String, Vec<u8>)> = Vec::new();
    let keeps = arguments.save.is_some();
    let mut foreign = false;
    let mut take = |part: FleetPart| -> anyhow::Result<()> {
        let FleetPart::Case { name, case: Ok(file), .. } = part else {
            if let (FleetPart::Case { name, packed, .. }, true) = (&part, keeps) {
                judged.push((stem(name), packed.clone()));
            }
            gathered.take(part);
            return Ok(());
        };
        let CaseFile { case: recorded, attached } = *file;
        let runbook = match &named {
            Some(runbook) => runbook,
            None => {
                foreign |= !runbook::is_shipped(&recorded.runbook);
                if own_of.as_ref().is_none_or(|(of, _)| *of != recorded.runbook) {
                    let loaded = own(&recorded).with_context(|| format!("{name} cannot be judged again"))?;
                    own_of = Some((recorded.runbook.clone(), loaded));
                }
                own_of.as_ref().map(|(_, runbook)| runbook).context("a runbook was loaded")?
            }
        };
        given::refuse_bare_rates(&set, &runbook.params)?;
        let params =
            ResolvedParams::again(runbook, &recorded, set.clone()).map_err(|error| Usage(error.to_string()))?;
        let record = Record { foreign_commands: false, ..Record::of(&recorded) };
        let case = judge(recorded.evidence, runbook, params, record, arguments.scripts.limits())?;
        if keeps {
            let file = sinks.hidden(CaseFile { case: case.clone(), attached })?;
            judged.push((file.case.host.name.clone(), case_file::packed(&file)?));
        }
        gathered.add(case);
        Ok(())
    };
    archive::read_fleet(opened.into_reader(), &arguments.reading.budget(), &mut take).map_err(|why| match why {
        Ended::Taker(error) => error,
        Ended::Broken(broken) => Usage(format!("{} {broken}", arguments.case.as_deref().unwrap_or_default())).into(),
    })?;
    let mut case = gathered.merged().ok_or_else(|| Usage("it holds no case of a host that can be read".to_owned()))?;
    case.foreign_commands = foreign;
    let (file, map) = sinks.leaving(case)?;
    let mut pack = |out: &mut dyn Write| -> anyhow::Result<()> {
        sinks.keep_map()?;
        let mut writer = merge::begun(out, judged.len(), &file.case)?;
        judged.iter().try_for_each(|(host, packed)| writer.add(host, packed))?;
        writer.finish()?;
        Ok(())
    };
    map.and(sinks.write_packing(&file, &mut pack))?;
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
