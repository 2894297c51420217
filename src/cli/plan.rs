//! `casebook plan`.

use std::io::Write;

use super::arguments::{ShowArguments, trust};
use super::run::load;
use crate::engine;
use crate::probe::{self, AnyProbe};
use crate::runbook::Target;

pub(super) fn plan(arguments: &ShowArguments) -> anyhow::Result<u8> {
    let runbook = load(&arguments.runbook, trust(arguments.trust))?;
    let mut out = std::io::stdout().lock();
    let plan = engine::plan(&runbook);
    for (number, wave) in plan.waves.iter().enumerate() {
        let watching = wave.iter().filter(|step| step.watches).count();
        let how = if watching > 1 { format!(" ({watching} of them watch the same window)") } else { String::new() };
        writeln!(out, "{}. {}{how}", number + 1, if number == 0 { "Together, at once" } else { "Then" })?;
        for planned in wave {
            let step = &runbook.steps[planned.index];
            writeln!(out, "   {:<12} {}", step.id, step.title)?;
            let probes: Vec<&dyn AnyProbe> = match &step.target {
                Target::Probe(name) => probe::find(name).into_iter().collect(),
                Target::Check(check) => {
                    writeln!(out, "   {:<12}   check {}, from {}", "", check.name, check.script.origin)?;
                    check.needs.iter().filter_map(|name| probe::find(name)).collect()
                }
            };
            for probe in &probes {
                writeln!(out, "   {:<12}   probe {}: {}", "", probe.name(), probe.source())?;
            }
            if !planned.needs.is_empty() {
                writeln!(out, "   {:<12}   after {}", "", planned.needs.join(", "))?;
            }
            if let Some(when) = &step.when {
                writeln!(out, "   {:<12}   when {}", "", when.text)?;
            }
            for need in probes.iter().flat_map(|probe| probe.needs()) {
                writeln!(out, "   {:<12}   without {}: {}", "", need.what, need.without)?;
            }
        }
    }
    writeln!(out, "\nThen {} causes are weighed.", runbook.causes.len())?;
    Ok(0)
}
