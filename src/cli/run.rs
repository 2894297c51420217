//! `casebook run`.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::arguments::{RunArguments, key_and_value};
use super::confinement::Start;
use super::display::Display;
use super::output;
use super::store::{Begun, CaseStore};
use super::{Usage, case_file, say};
use crate::archive::CaseFile;
use crate::engine::{self, Live, ProbeThreads, Provenance, Request};
use crate::printable::printable;
use crate::probe::{Cancel, ResourceLimits, Rights, Wrote};
use crate::runbook::{self, Kind, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::identity;
use crate::sys::trust::Trust;

/// The runbook of that name or file, checked.
pub(super) fn load(name: &str, trust: Trust) -> Result<Runbook, Usage> {
    let found = runbook::find(Kind::Runbook, name, None, trust).map_err(|error| Usage(error.to_string()))?;
    let runbook = runbook::load_found(&found, trust).map_err(|problems| {
        let shown = problems.render(output::stderr_color());
        Usage(format!("the runbook {name} cannot be run\n{shown}"))
    })?;
    if runbook.overrides_embedded {
        say_override("runbook", &runbook.name, &runbook.origin);
    }
    for check in runbook.checks().filter(|check| check.overrides_embedded) {
        say_override("check", &check.name, &check.script.origin);
    }
    Ok(runbook)
}

/// Says that a file is taken in place of what ships under its name.
pub(super) fn say_override(kind: &str, name: &str, origin: &str) {
    say(format_args!("casebook: WARNING: {} is taken in place of the {kind} `{name}` that ships", printable(origin)));
}

pub(super) fn run(arguments: &RunArguments, start: Start) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let mut runbook = load(&arguments.runbook, arguments.scripts.trusting())?;
    if let Some(timeout) = arguments.timeout {
        for step in &mut runbook.steps {
            step.timeout_seconds.get_or_insert(timeout.0.as_secs_f64());
        }
    }
    let mut params = Map::new();
    for (key, value) in arguments.set.iter().map(|text| key_and_value(text)).collect::<Result<Vec<_>, _>>()? {
        params.insert(key, value);
    }
    if let Some(window) = &arguments.window {
        params.insert("window".into(), Value::String(window.clone()));
    }
    if let Some(pcap) = &arguments.pcap {
        params.insert("pcap".into(), Value::String(readable(pcap)?));
    }
    if !arguments.local.is_empty() {
        let addresses: Vec<String> = arguments.local.iter().map(ToString::to_string).collect();
        params.insert("pcap_local".into(), Value::String(addresses.join(", ")));
    }
    let Start { threads, mut store, .. } = start;
    let bounds = Bounds {
        limits: arguments.scripts.limits(),
        resources: arguments.resources.limits(),
        rights: arguments.allow.rights(),
    };
    let case = live(&runbook, params, bounds, arguments.quiet, threads, &mut store)?;
    let (file, map) = sinks.leaving(case)?;
    let written = sinks.write(&file);
    // What could not be written where it was wanted is all the more worth keeping.
    store.keep(&file);
    map.and(written)?;
    Ok(file.case.verdict.exit_status())
}

/// What a run may take: its scripts, and all of it.
pub(super) struct Bounds {
    pub limits: Limits,
    pub resources: ResourceLimits,
    pub rights: Rights,
}

/// Runs a runbook on this host, with a journal. The packets that it wrote down are attached to its case.
pub(super) fn live(
    runbook: &Runbook,
    params: Map<String, Value>,
    bounds: Bounds,
    quiet: bool,
    threads: ProbeThreads,
    store: &mut CaseStore,
) -> Result<CaseFile, Usage> {
    let params = engine::resolve_params(runbook, &params).map_err(|error| Usage(error.to_string()))?;
    let (host, started) = (identity::host(), Timestamp::now());
    let begun = Begun { runbook, host: &host, started, params: params.recorded(), given: params.given.clone() };
    let noted = store.begin(&begun, params.secrets.clone());
    let cancel = Arc::new(Cancel::default());
    end_on_signals(Arc::clone(&cancel));
    let display = Display::new(quiet);
    let wrote = Wrote::default();
    let mut observer = Live::new(Arc::clone(&cancel), display.progress())
        .with_limits(bounds.resources)
        .allowing(bounds.rights)
        .leaving(wrote.clone())
        .on(threads);
    if let Some(noted) = noted {
        observer = observer.on_evidence(noted);
    }
    let cancelled = Arc::clone(&cancel);
    let request = Request {
        runbook,
        params,
        provenance: Provenance::Live { host, started, cancelled: &move || cancelled.is_cancelled() },
        limits: bounds.limits,
        printed: &|step, line| match runbook.wraps_check {
            Some(_) => say(line),
            None => say(format_args!("{step}: {line}")),
        },
    };
    let case = engine::run(&request, &observer).map_err(|error| Usage(error.to_string()));
    display.finish();
    Ok(CaseFile { case: case?, attached: case_file::captures(&wrote.take()) })
}

/// A capture file that can be opened: a wrong name is an error before the run, not a report that saw nothing.
fn readable(path: &Path) -> Result<String, Usage> {
    let refused = |why: &dyn std::fmt::Display| Usage(format!("cannot read packets from {}: {why}", path.display()));
    let text = path.to_str().ok_or_else(|| refused(&"its name is not UTF-8; rename it"))?;
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(refused(&"there is no such file")),
        Err(error) => Err(refused(&error)),
        Ok(metadata) if !metadata.is_file() => Err(refused(&"it is not a regular file; name a pcap or pcapng file")),
        Ok(_) => Ok(text.to_owned()),
    }
}

/// The first Ctrl-C or SIGTERM ends the watching and still gives a report; the second ends the program.
pub(super) fn end_on_signals(cancel: Arc<Cancel>) {
    let again = AtomicBool::new(false);
    let handler = move || {
        if again.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        cancel.cancel();
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        say(format_args!("casebook: Ctrl-C will end the run without a report: {error}"));
    }
}
