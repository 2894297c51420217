//! `casebook diagnose`: from a complaint to the runbooks that it is for, and these as one.

use std::borrow::Cow;
use std::io::Write;

use super::arguments::DiagnoseArguments;
use super::begin::Begin;
use super::confinement::Start;
use super::run::{Bounds, Chosen, How, live_chosen};
use super::shelf::{self, Shelf};
use super::{given, output, plan, say};
use crate::engine;
use crate::printable::printable;

pub(super) fn diagnose(arguments: &DiagnoseArguments, start: Start) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let complaint = shelf::complaint(&arguments.complaint.join(" "));
    let flags = [(given::INTERFACE, arguments.watch.interface.clone()), ("window", arguments.window.clone())];
    let given = given::params(&arguments.set, flags)?;
    let shelf = Shelf::find(arguments.scripts.trusting(), &arguments.config, &given)?;
    for member in &shelf.members {
        given::refuse_bare_rates(&member.params, &member.runbook.params)?;
        start.surroundings.refuse(&member.params, &member.runbook.params)?;
    }
    if arguments.plan {
        let (runbook, params) = shelf.composed(shelf.choose(&complaint, None), &given, arguments.timeout)?;
        let mut out = Vec::new();
        runbook.choice.iter().flat_map(shelf::said).try_for_each(|line| writeln!(out, "{}", printable(&line)))?;
        let picked = runbook.choice.as_ref().map_or(0, |choice| choice.picked.len());
        if picked > 0 && picked < shelf.members.len() {
            writeln!(out, "A look of a second or two at what else there is may add to them.\n")?;
        }
        return plan::show(&runbook, &params, &arguments.allow.rights(), out);
    }
    let Start { threads, mut store, clock, vantage, .. } = start;
    let bounds = Bounds {
        limits: arguments.scripts.limits(),
        resources: arguments.resources.limits(),
        rights: arguments.allow.rights(),
    };
    let how = How { quiet: arguments.quiet, begin: arguments.begin.map(Begin::moment).transpose()?, clock, vantage };
    let choose = |observer: &engine::Live| {
        let looked = shelf.look(&complaint, observer)?;
        let choice = shelf.choose(&complaint, looked.as_ref());
        let (runbook, params) = shelf.composed(choice, &given, arguments.timeout)?;
        if !arguments.quiet {
            runbook.choice.iter().flat_map(shelf::said).for_each(|line| say(format_args!("casebook: {line}")));
        }
        Ok(Chosen {
            runbook: Cow::Owned(runbook),
            params,
            looked: looked.map(|looked| looked.evidence).unwrap_or_default(),
        })
    };
    let case = live_chosen(choose, bounds, how, threads, &mut store)?;
    let (file, map) = sinks.leaving(case)?;
    let written = sinks.write(&file);
    // What could not be written where it was wanted is all the more worth keeping.
    let status = file.case.verdict.exit_status();
    store.keep(file);
    map.and(written)?;
    Ok(status)
}
