//! `casebook retest`: the runbook of a case on this host again, held against the case.

use serde_json::{Map, Value};

use super::arguments::{OutputArguments, RedactArguments, RetestArguments};
use super::confinement::Start;
use super::output::{self, Sinks};
use super::{Usage, case_file, diff, given, replay, run, say};
use crate::case::Difference;
use crate::sys::identity;

pub(super) fn retest(arguments: &RetestArguments, start: Start) -> anyhow::Result<u8> {
    if arguments.save.as_deref().is_some_and(output::is_stdout) {
        let why = "standard output has the comparison: name a file for the new case, as in --save after.case";
        return Err(Usage(why.to_owned()).into());
    }
    let reports = OutputArguments {
        files: arguments.files.clone(),
        format: None,
        verbose: arguments.verbose,
        color: Some("never".to_owned()),
        redact: RedactArguments { redact: Vec::new(), redact_map: None },
    };
    let sinks = Sinks::prepare(&reports, arguments.save.as_deref())?;
    let mut budget = arguments.resources.reading();
    // What the case says is about to be done, so it must be as trustworthy as a runbook.
    let before = case_file::read(&arguments.case, arguments.scripts.trusting(), &mut budget)?.case;
    if before.fleet.is_some() {
        let why = format!("{} is a case of many hosts: this is one; name the case of one host", arguments.case);
        return Err(Usage(why).into());
    }
    let runbook = replay::own(&before)?;
    let set = given::params(&arguments.set, [(given::INTERFACE, arguments.watch.interface.clone())])?;
    given::refuse_bare_rates(&set, &runbook.params)?;
    let mut params: Map<String, Value> = before.given.clone();
    params.extend(set);
    start.surroundings.refuse(&params, &runbook.params)?;
    for (name, spec) in runbook.params.iter().filter(|(_, spec)| spec.secret) {
        if params.get(name).is_some_and(|value| value.as_str() == Some(&format!("(secret {name})"))) {
            let help =
                format!("the secret `{name}` is not in the case; give it again: --set {name}=... ({})", spec.help);
            return Err(Usage(help).into());
        }
    }
    let host = identity::host();
    if host.name != before.host.name {
        say(format_args!("casebook: the case is of {}; this is {}", before.host.name, host.name));
    }
    let Start { threads, mut store, clock, vantage, .. } = start;
    let bounds = run::Bounds {
        limits: arguments.scripts.limits(),
        resources: arguments.resources.limits(),
        rights: arguments.allow.rights(),
    };
    let how = run::How { quiet: arguments.quiet, begin: None, clock, vantage };
    let after = run::live(&runbook, params, bounds, how, threads, &mut store)?;
    let difference = Difference::between(&before, &after.case);
    let written = sinks.write_files(&after);
    let status = after.case.verdict.exit_status();
    store.keep(after);
    output::read_enough(diff::print(&difference, &arguments.format, arguments.verbose))?;
    written?;
    Ok(status)
}
