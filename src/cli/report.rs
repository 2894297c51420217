//! `casebook report`: the report of a case as it was judged, in any format.

use super::arguments::ReportArguments;
use super::{case_file, output};
use crate::sys::trust::Trust;

pub(super) fn report(arguments: &ReportArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, None)?;
    let mut file = case_file::read(&arguments.case, Trust::Waived, &mut arguments.reading.budget())?;
    // What it advises stands in it as text, whoever wrote that; only what this host's own runs kept is known to be theirs.
    file.case.foreign_commands = !case_file::is_kept(&arguments.case);
    // Nothing but the report is written: what is attached stays where it is.
    let (file, map) = sinks.leaving(file)?;
    map.and(sinks.write(&file))?;
    Ok(file.case.verdict.exit_status())
}
