//! `casebook read`: what tools printed, pasted or in files.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::thread;

use jiff::Timestamp;
use jiff::civil::Time;
use serde_json::{Map, Value};

use super::arguments::{ReadArguments, ScriptArguments};
use super::shelf::{self, Shelf};
use super::{Usage, given, output};
use crate::case::Case;
use crate::config::Config;
use crate::engine::{self, Provenance, Record, Request};
use crate::printable::printable;
use crate::runbook::Runbook;
use crate::script::sandbox::Limits;
use crate::tool_output::{self, ToolOutput};

/// Outputs that are listed on the terminal.
const LISTED: usize = 40;

pub(super) fn read(arguments: &ReadArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let mut paths = arguments.paths.clone();
    if paths.is_empty() {
        if io::stdin().is_terminal() {
            return Err(Usage(
                "name a file or a folder with what tools printed, or give it as input: xclip -o | casebook read -"
                    .to_owned(),
            )
            .into());
        }
        paths.push(PathBuf::from("-"));
    }
    let by = By {
        runbook: arguments.runbook.as_deref(),
        complaint: arguments.complaint.as_deref().unwrap_or_default(),
        set: &arguments.set,
        scripts: &arguments.scripts,
    };
    let case = judge(&paths, arguments.at, arguments.quiet, &by)?;
    let (file, map) = sinks.leaving(case)?;
    map.and(sinks.write(&file))?;
    Ok(file.case.verdict.exit_status())
}

/// What outputs of tools are judged by.
pub(super) struct By<'a> {
    /// The runbook, if one was named.
    pub runbook: Option<&'a str>,
    /// What is complained of.
    pub complaint: &'a str,
    pub set: &'a [String],
    pub scripts: &'a ScriptArguments,
}

/// Judges what tools printed, and says first what was recognised.
pub(super) fn judge(paths: &[PathBuf], at: Option<Time>, quiet: bool, by: &By<'_>) -> anyhow::Result<Case> {
    let given = given::params(by.set, [])?;
    let trust = by.scripts.trusting();
    // A short text takes no longer to read than its runbook to load.
    let (found, read) = thread::scope(|scope| {
        let find = || match by.runbook {
            Some(name) => super::run::load(name, trust).map(Box::new).map(Found::Named),
            None => Shelf::find(trust, &Config::default(), &given).map(Found::Shelf),
        };
        let finding = thread::Builder::new().spawn_scoped(scope, find);
        let read = ToolOutput::read(paths, &mut io::stdin().lock(), at, Timestamp::now());
        let found = match finding {
            Ok(finding) => finding.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => find(),
        };
        (found, read)
    });
    let (found, read) = (found?, read.map_err(|why| Usage(why.to_string()))?);
    if !quiet {
        let recognised = read.recognised();
        for output in recognised.iter().take(LISTED) {
            super::say(format_args!("read: {} ({}): {}", output.tool, output.place, output.taken));
        }
        if recognised.len() > LISTED {
            super::say(format_args!("read: {} more outputs", recognised.len() - LISTED));
        }
        for lines in read.not_recognised() {
            super::say(format_args!("not recognised: {lines}"));
        }
        if let Some(links) = read.links() {
            super::say(links);
        }
    }
    let (runbook, params) = match found {
        Found::Named(runbook) => (*runbook, given),
        Found::Shelf(shelf) => {
            let choice = shelf.choose_for(&shelf::complaint(by.complaint), &read)?;
            shelf.for_outputs(choice, &given, |name| super::run::load(name, trust))?
        }
    };
    if !quiet {
        for picked in runbook.choice.iter().flat_map(|choice| &choice.picked) {
            let why = Some(picked.why()).filter(|why| !why.is_empty()).map(|why| format!(": {}", printable(why)));
            super::say(format_args!("judged by {}{}", picked.runbook, why.unwrap_or_default()));
        }
    }
    Ok(judge_read(&read, &runbook, params, by.scripts.limits())?)
}

/// What is there to judge by.
enum Found {
    Named(Box<Runbook>),
    Shelf(Shelf),
}

/// Judges what was read.
pub(super) fn judge_read(
    read: &ToolOutput,
    runbook: &Runbook,
    mut params: Map<String, Value>,
    limits: Limits,
) -> Result<Case, Usage> {
    given::refuse_bare_rates(&params, &runbook.params)?;
    let typed: Vec<String> = params.keys().cloned().collect();
    // What was watched is as long as it is in the outputs, whatever the runbook would have watched.
    if let (Some(window), Some(seconds)) = (runbook.params.get("window"), read.seconds()) {
        // Of a recorded day more than a run may last.
        let most = window.max.as_ref().and_then(|most| window.kind.read(most).ok()?.as_f64()).unwrap_or(seconds);
        let seconds = Value::String(format!("{}s", seconds.min(most)));
        if window.read("window", &seconds).is_ok() {
            params.entry("window").or_insert(seconds);
        }
    }
    let mut resolved = engine::resolve_params(runbook, &params).map_err(|error| Usage(error.to_string()))?;
    // What nobody typed is not part of a command line.
    resolved.given.retain(|name, _| typed.contains(name));
    let record = Record {
        reading: Some(Box::new(|evidence| tool_output::reading(read, evidence))),
        ..Record::new(read.host(), read.started())
    };
    let request =
        Request { runbook, params: resolved, provenance: Provenance::Recorded(record), limits, printed: &|_, _| {} };
    engine::run(&request, read).map_err(|error| Usage(error.to_string()))
}
