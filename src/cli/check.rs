//! `casebook check`: one check, by hand.

use std::io::Write;
use std::sync::Arc;

use super::arguments::CheckArguments;
use super::confinement::Start;
use super::run::{Bounds, How};
use super::{Usage, given, output, screen};
use crate::runbook::{self, Check, Kind, Problems};

/// The check of that name or file.
pub(super) fn load(arguments: &CheckArguments) -> Result<Arc<Check>, Usage> {
    let name = &arguments.check;
    let found = runbook::find(Kind::Check, name, None, arguments.scripts.trusting())
        .map_err(|error| Usage(error.to_string()))?;
    let check =
        runbook::load_check(&found, arguments.scripts.trusting()).map_err(|problems| cannot_run(name, &problems))?;
    if check.overrides_embedded {
        super::run::say_override("check", &check.name, &check.script.origin);
    }
    Ok(Arc::new(check))
}

fn cannot_run(name: &str, problems: &Problems) -> Usage {
    Usage(format!("the check {name} cannot be run\n{}", problems.render(screen::stderr_color())))
}

pub(super) fn check(arguments: &CheckArguments, start: Start) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let check = load(arguments)?;
    if arguments.help_params {
        explain(&check)?;
        return Ok(0);
    }
    let runbook = runbook::wrap_check(&check).map_err(|problems| cannot_run(&arguments.check, &problems))?;
    let mut params = arguments.config.params(&runbook).map_err(|bad| Usage(bad.to_string()))?;
    params.extend(given::params(&arguments.params, [(given::INTERFACE, arguments.watch.interface.clone())])?);
    given::refuse_bare_rates(&params, &runbook.params)?;
    start.surroundings.refuse(&params, &runbook.params)?;
    let Start { threads, mut store, clock, vantage, .. } = start;
    let bounds = Bounds {
        limits: arguments.scripts.limits(),
        resources: arguments.resources.limits(),
        rights: arguments.allow.rights(),
    };
    let how = How { quiet: arguments.quiet, begin: None, clock, vantage };
    let case = super::run::live(&runbook, params, bounds, how, threads, &mut store)?;
    let (file, map) = sinks.leaving(case)?;
    let written = sinks.write(&file);
    let status = file.case.verdict.exit_status();
    store.keep(file);
    map.and(written)?;
    Ok(status)
}

fn explain(check: &Check) -> anyhow::Result<()> {
    let mut out = screen::stdout();
    writeln!(out, "{} · {}", check.name, check.summary)?;
    writeln!(out, "from {}\n\nParameters (casebook check {} KEY=VALUE)", check.script.origin, check.name)?;
    for (name, spec) in &check.params {
        let default = spec.default_text.as_ref().map(|default| format!("{default}, ")).unwrap_or_default();
        writeln!(out, "  {name:<24} {} ({default}{})", spec.help, spec.kind.word())?;
    }
    writeln!(out, "\nProbes\n  {}", check.needs.join(", "))?;
    Ok(())
}
