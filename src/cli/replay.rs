//! `casebook replay`.

use anyhow::Context;
use serde_json::{Map, Value};

use super::Usage;
use super::arguments::{ReplayArguments, key_and_value};
use super::output;
use crate::case::Case;
use crate::engine::{self, Recorded, Request};
use crate::runbook;
use crate::sys::text_file;

/// The largest case that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

fn read(arguments: &ReplayArguments) -> anyhow::Result<Case> {
    let path = arguments.case.display();
    let text = text_file::read(&arguments.case, LARGEST)
        .map_err(|error| Usage(format!("cannot read the case {path}: {error}")))?;
    Ok(Case::from_json(&text).map_err(|error| Usage(format!("{path} {error}")))?)
}

pub(super) fn replay(arguments: &ReplayArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, None)?;
    let recorded = read(arguments)?;
    let runbook = match &arguments.runbook {
        Some(name) => super::run::load(name, arguments.scripts.trusting())?,
        None => runbook::load_recorded(&recorded.runbook)
            .map_err(|problems| Usage(problems.render(output::stderr_color())))
            .context("the case's own runbook cannot be read by this casebook; name one to judge by")?,
    };
    let mut params: Map<String, Value> = recorded
        .params
        .iter()
        .filter(|(name, _)| runbook.params.contains_key(*name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    for (key, value) in arguments.set.iter().map(|text| key_and_value(text)).collect::<Result<Vec<_>, _>>()? {
        params.insert(key, value);
    }
    let request = Request {
        runbook: &runbook,
        params,
        host: recorded.host.clone(),
        started: recorded.started,
        cancelled: &|| false,
        limits: arguments.scripts.limits(),
        printed: &|_, _| {},
    };
    let mut case =
        engine::run(&request, &Recorded::new(recorded.evidence, &runbook)).map_err(|error| Usage(error.to_string()))?;
    // What the looking cost, and whether it was cut short, are facts of the recorded run.
    case.cost = recorded.cost;
    case.partial = recorded.partial;
    sinks.write(&case)?;
    Ok(case.verdict.exit_status())
}
