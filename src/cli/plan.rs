//! `casebook plan`.

use std::io::Write;

use serde_json::{Map, Value};

use super::arguments::{PlanArguments, trust};
use super::run::load;
use super::{Usage, given};
use crate::engine::{self, Foreseen, Foresight};
use crate::printable::printable;
use crate::probe::{self, AnyProbe, Right, Rights};
use crate::runbook::{Runbook, Step, Target};

/// Characters that are shown of a value.
const LONGEST: usize = 200;

pub(super) fn plan(arguments: &PlanArguments) -> anyhow::Result<u8> {
    let runbook = load(&arguments.runbook, trust(arguments.trust))?;
    let mut given = arguments.config.params(&runbook).map_err(|bad| Usage(bad.to_string()))?;
    given.extend(given::params(&arguments.set, [(given::INTERFACE, arguments.watch.interface.clone())])?);
    given::refuse_bare_rates(&given, &runbook.params)?;
    show(&runbook, &given, &arguments.allow.rights(), Vec::new())
}

/// Prints the plan of a runbook below what is there already.
pub(super) fn show(
    runbook: &Runbook,
    given: &Map<String, Value>,
    rights: &Rights,
    mut out: Vec<u8>,
) -> anyhow::Result<u8> {
    let foresights = engine::foresee(runbook, given).map_err(|error| Usage(error.to_string()))?;
    write_plan(&mut out, runbook, &foresights, rights)?;
    super::output::read_enough(super::screen::stdout().write_all(&out))?;
    Ok(0)
}

fn write_plan(out: &mut Vec<u8>, runbook: &Runbook, foresights: &[Foresight], rights: &Rights) -> std::io::Result<()> {
    let plan = engine::plan(runbook);
    for (number, wave) in plan.waves.iter().enumerate() {
        let watching = wave.iter().filter(|step| step.watches).count();
        let how = if watching > 1 { format!(" ({watching} of them watch the same window)") } else { String::new() };
        writeln!(out, "{}. {}{how}", number + 1, if number == 0 { "Together, at once" } else { "Then" })?;
        for planned in wave {
            let step = &runbook.steps[planned.index];
            writeln!(out, "   {:<12} {}", step.id, printable(&step.title))?;
            let mut line = |text: String| writeln!(out, "   {:<12}   {text}", "");
            let probes = probes(step);
            if let Target::Check(check) = &step.target {
                line(format!("check {}, from {}", check.name, check.script.origin))?;
            }
            for probe in &probes {
                line(format!("probe {}: {}", probe.name(), probe.source()))?;
            }
            if let Some(foresight) = foresights.get(planned.index) {
                for text in asked(foresight, rights) {
                    line(text)?;
                }
            }
            if !planned.needs.is_empty() {
                line(format!("after {}", planned.needs.join(", ")))?;
            }
            if let Some(when) = &step.when {
                line(format!("when {}", printable(&when.text)))?;
            }
            for need in probes.iter().flat_map(|probe| probe.needs()) {
                line(format!("without {}: {}", need.what, need.without))?;
            }
        }
    }
    writeln!(out, "\nThen {} causes are weighed.", runbook.causes.len())?;
    let wanting: Vec<&str> = missing(foresights, rights).into_iter().map(Right::word).collect();
    if !wanting.is_empty() {
        let flags = wanting.join(",");
        writeln!(
            out,
            "\nIt asks for more than it is given. Steps that need it will not look, unless you run it with --allow {flags}."
        )?;
    }
    Ok(())
}

/// The rights that are asked for and not given.
fn missing(foresights: &[Foresight], rights: &Rights) -> Vec<Right> {
    let asked = |right: Right| foresights.iter().any(|foresight| foresight.rights().contains(&right));
    Right::ALL.into_iter().filter(|right| asked(*right) && !rights.has(*right)).collect()
}

fn probes(step: &Step) -> Vec<&'static dyn AnyProbe> {
    match &step.target {
        Target::Probe(name) => probe::find(name).into_iter().collect(),
        Target::Check(check) => check.needs.iter().filter_map(|name| probe::find(name)).collect(),
    }
}

/// The parameters of a step, and what it does with them.
fn asked(foresight: &Foresight, rights: &Rights) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, foreseen) in &foresight.params {
        lines.push(match foreseen {
            Foreseen::Known(value) => format!("with {name} = {}", short(&value.to_string())),
            Foreseen::Derived { from, written } => {
                format!("with {name} from evidence of {}: {}", from.join(", "), short(written))
            }
            Foreseen::Wrong(written) => format!("with {name}, not known before the run: {}", short(written)),
        });
    }
    for used in &foresight.uses {
        let right = match used.right {
            Some(right) if rights.has(right) => format!(" (allowed by --allow {right})"),
            Some(right) => format!(": needs --allow {right}"),
            None => String::new(),
        };
        lines.push(format!("will {}{right}", used.what));
    }
    for (right, probe) in &foresight.open {
        lines.push(format!(
            "may ask probe {probe} for what needs --allow {right}: the check chooses its parameters itself"
        ));
    }
    lines
}

/// In one line, harmless to print.
fn short(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = printable(&text).chars().take(LONGEST).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}
