//! `casebook lint`.

use super::arguments::LintArguments;
use super::output;
use crate::runbook;

pub(super) fn lint(arguments: &LintArguments) -> anyhow::Result<u8> {
    let mut bad = 0;
    for name in &arguments.files {
        let found = match runbook::find(name) {
            Ok(found) => found,
            Err(error) => {
                eprintln!("casebook: {error}");
                bad += 1;
                continue;
            }
        };
        match runbook::load(&found.text, &found.origin) {
            Ok(runbook) => println!(
                "{name}: good: {} steps, {} causes, {} parameters",
                runbook.steps.len(),
                runbook.causes.len(),
                runbook.params.len()
            ),
            Err(problems) => {
                bad += 1;
                eprintln!("{}", problems.render(output::stderr_color()));
            }
        }
    }
    Ok(if bad == 0 { 0 } else { super::BAD_USAGE })
}
