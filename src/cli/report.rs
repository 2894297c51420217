//! `casebook report`: the report of a case as it was judged, in any format.

use super::arguments::ReportArguments;
use super::{case_file, output};
use crate::sys::trust::Trust;

pub(super) fn report(arguments: &ReportArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, None)?;
    let (case, map) = sinks.leaving(case_file::read(&arguments.case, Trust::Waived)?.case)?;
    map.and(sinks.write(&case))?;
    Ok(case.verdict.exit_status())
}
