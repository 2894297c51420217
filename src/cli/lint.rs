//! `casebook lint`.

use std::io::Write;

use super::arguments::LintArguments;
use super::{output, say};
use crate::runbook::{self, Kind};
use crate::sys::trust::Trust;

pub(super) fn lint(arguments: &LintArguments) -> anyhow::Result<u8> {
    let mut bad = 0;
    for name in &arguments.files {
        let found = match runbook::find(Kind::Runbook, name, None, Trust::Waived) {
            Ok(found) => found,
            Err(error) => {
                say(format_args!("casebook: {error}"));
                bad += 1;
                continue;
            }
        };
        match runbook::load_found(&found, Trust::Waived) {
            Ok(runbook) => output::read_enough(writeln!(
                std::io::stdout(),
                "{name}: good: {} steps, {} causes, {} parameters",
                runbook.steps.len(),
                runbook.causes.len(),
                runbook.params.len()
            ))?,
            Err(problems) => {
                bad += 1;
                say(problems.render(output::stderr_color()));
            }
        }
    }
    Ok(if bad == 0 { 0 } else { super::BAD_USAGE })
}
