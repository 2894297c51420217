//! `casebook plan`.

use std::io::Write;

use super::arguments::ShowArguments;
use super::run::load;
use crate::engine;
use crate::probe;

pub(super) fn plan(arguments: &ShowArguments) -> anyhow::Result<u8> {
    let runbook = load(&arguments.runbook)?;
    let mut out = std::io::stdout().lock();
    let plan = engine::plan(&runbook);
    for (number, wave) in plan.waves.iter().enumerate() {
        let watching = wave.iter().filter(|step| step.watches).count();
        let how = if watching > 1 { format!(" ({watching} of them watch the same window)") } else { String::new() };
        writeln!(out, "{}. {}{how}", number + 1, if number == 0 { "Together, at once" } else { "Then" })?;
        for planned in wave {
            let step = &runbook.steps[planned.index];
            let Some(probe) = probe::find(step.probe) else { continue };
            writeln!(out, "   {:<12} {}", step.id, step.title)?;
            writeln!(out, "   {:<12}   probe {}: {}", "", probe.name(), probe.source())?;
            if !planned.needs.is_empty() {
                writeln!(out, "   {:<12}   after {}", "", planned.needs.join(", "))?;
            }
            if let Some(when) = &step.when {
                writeln!(out, "   {:<12}   when {}", "", when.text)?;
            }
            for need in probe.needs() {
                writeln!(out, "   {:<12}   without {}: {}", "", need.what, need.without)?;
            }
        }
    }
    writeln!(out, "\nThen {} causes are weighed.", runbook.causes.len())?;
    Ok(0)
}
