//! `casebook replay`.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use indexmap::IndexMap;
use jiff::Timestamp;

use super::arguments::ReplayArguments;
use super::case_file::Opened;
use super::fleet_file::{Gathered, stem};
use super::{Usage, case_file, given, merge, output, read, screen};
use crate::archive::{self, CaseFile, Ended, FleetPart};
use crate::case::{Case, Evidence, Gap, Reason, RunbookRef};
use crate::engine::{self, Provenance, Record, Recorded, Request, ResolvedParams};
use crate::printable::printable;
use crate::runbook::{self, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;
use crate::units;

/// The most bytes of cases of one fleet that are judged again and saved; packed, a host's are some ten thousand.
const MOST_JUDGED: usize = 256 * 1024 * 1024;

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
    let mut judged = Judged::default();
    let keeps = arguments.save.is_some();
    let mut not_judged = None;
    let mut foreign = false;
    let mut take = |part: FleetPart| -> anyhow::Result<()> {
        let FleetPart::Case { name, case: Ok(file), .. } = part else {
            // What cannot be read cannot get pseudonyms: then it does not leave, and its host is one without a case.
            if let (FleetPart::Case { name, packed, .. }, true) = (&part, keeps && !sinks.hides()) {
                judged.add(stem(name), packed.clone(), None)?;
            }
            gathered.take(part);
            return Ok(());
        };
        let CaseFile { case: recorded, attached } = *file;
        let arrived = gathered.arrival();
        let runbook = match &named {
            Some(runbook) => runbook,
            None => {
                foreign |= !runbook::is_shipped(&recorded.runbook);
                if own_of.as_ref().is_none_or(|(of, _)| *of != recorded.runbook) {
                    match own(&recorded) {
                        Ok(loaded) => own_of = Some((recorded.runbook.clone(), loaded)),
                        Err(error) => {
                            // The others can be judged all the same.
                            gathered
                                .miss(printable(&recorded.host.name).chars().take(100).collect::<String>(), unjudged());
                            not_judged.get_or_insert(error.context(format!("{name} cannot be judged again")));
                            return Ok(());
                        }
                    }
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
            let file = CaseFile { case: case.clone(), attached };
            judged.add(case.host.name.clone(), case_file::packed(file)?, arrived)?;
        }
        gathered.add_of(case, None, arrived);
        Ok(())
    };
    archive::read_fleet(opened.into_reader(), &arguments.reading.budget(), &mut take).map_err(|why| match why {
        Ended::Taker(error) => error,
        Ended::Broken(broken) => Usage(format!("{} {broken}", arguments.case.as_deref().unwrap_or_default())).into(),
    })?;
    let Some(mut case) = gathered.merged() else {
        let none = || Usage("it holds no case of a host that can be read".to_owned()).into();
        return Err(not_judged.unwrap_or_else(none));
    };
    case.foreign_commands = foreign;
    let (file, map) = sinks.leaving(case)?;
    let mut pack = |out: &mut dyn Write| -> anyhow::Result<()> {
        let mut writer = merge::begun(out, judged.arrived.clone(), &file.case)?;
        for (host, packed) in &judged.cases {
            if sinks.hides() {
                // Only now that all cases were seen is it known what none of them may name.
                let hidden = sinks.hidden(archive::read_within(packed, &mut arguments.reading.budget())?)?;
                let host = hidden.case.host.name.clone();
                writer.add(&host, &case_file::packed(hidden)?)?;
            } else {
                writer.add(host, packed)?;
            }
        }
        sinks.keep_map()?;
        writer.finish()?;
        Ok(())
    };
    map.and(sinks.write_packing(&file, &mut pack))?;
    Ok(file.case.verdict.exit_status())
}

/// Cases that were judged again, packed, until they are written: what the hosts have in common stands before them in their file.
#[derive(Default)]
struct Judged {
    cases: Vec<(String, Vec<u8>)>,
    /// When each came.
    arrived: Vec<Option<Timestamp>>,
    bytes: usize,
}

impl Judged {
    fn add(&mut self, host: String, packed: Vec<u8>, arrived: Option<Timestamp>) -> Result<(), Usage> {
        self.bytes += packed.len();
        if self.bytes > MOST_JUDGED {
            let most = units::bytes(MOST_JUDGED as f64);
            let why = format!(
                "the cases come to more than {most}, the most that is judged again and saved: take parts of them"
            );
            return Err(Usage(why));
        }
        self.cases.push((host, packed));
        self.arrived.push(arrived);
        Ok(())
    }
}

/// The case of a host is there, and its runbook is none that this casebook reads.
fn unjudged() -> Gap {
    Gap::new(Reason::Malformed, "judge its case again", "this casebook cannot read the runbook in it")
        .to_fix("name a runbook to judge all by: casebook replay fleet.case high-inbound-traffic")
}

/// Judges what tools printed.
fn from(folder: &Path, arguments: &ReplayArguments) -> anyhow::Result<Case> {
    let (runbook, None) = (arguments.case.as_deref(), &arguments.runbook) else {
        return Err(Usage("with --from there is no case: name the folder and a runbook".to_owned()).into());
    };
    let by = read::By { runbook, complaint: "", set: &arguments.set, scripts: &arguments.scripts };
    read::judge(&[folder.to_owned()], None, false, &by)
}

/// The runbook that the case was made by.
pub(super) fn own(case: &Case) -> anyhow::Result<Runbook> {
    runbook::load_recorded(&case.runbook)
        .map_err(|problems| Usage(problems.render(screen::stderr_color())))
        .context("the case's own runbook cannot be read by this casebook; name one to judge by")
}

/// Judges the evidence of a case again.
pub(super) fn judge(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_that_wait_to_be_written_are_bounded() {
        let mut judged = Judged::default();
        judged.add("a".into(), vec![0; MOST_JUDGED], None).unwrap();
        let refused = judged.add("b".into(), vec![0], None).unwrap_err().to_string();
        assert!(refused.contains("take parts of them") && judged.cases.len() == 1, "{refused}");
    }
}
