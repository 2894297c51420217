//! `casebook run`.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::arguments::RunArguments;
use super::begin::{self, Begin};
use super::confinement::Start;
use super::display::Display;
use super::store::{Begun, CaseStore};
use super::{Usage, case_file, given, output, say, screen};
use crate::archive::CaseFile;
use crate::case::{Clock, Evidence, Host, Vantage};
use crate::engine::{
    self, Live, LookedBefore, OnEvidence, ProbeThreads, Progress, Provenance, Request, ResolvedParams,
};
use crate::printable::printable;
use crate::probe::{Cancel, ResourceLimits, Rights, Wrote};
use crate::runbook::{self, Kind, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::trust::Trust;
use crate::sys::{identity, usage};

/// The runbook of that name or file, checked.
pub(super) fn load(name: &str, trust: Trust) -> Result<Runbook, Usage> {
    let found = runbook::find(Kind::Runbook, name, None, trust).map_err(|error| Usage(error.to_string()))?;
    let runbook = runbook::load_found(&found, trust).map_err(|problems| {
        let shown = problems.render(screen::stderr_color());
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
    let capture = arguments.pcap.as_deref().map(readable).transpose()?;
    let local = arguments.local.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let flags = [
        (given::INTERFACE, arguments.watch.interface.clone()),
        ("window", arguments.window.clone()),
        (given::CAPTURE, capture),
        ("pcap_local", Some(local).filter(|local| !local.is_empty())),
    ];
    let mut params = arguments.config.params(&runbook).map_err(|bad| Usage(bad.to_string()))?;
    params.extend(given::params(&arguments.set, flags)?);
    given::refuse_bare_rates(&params, &runbook.params)?;
    start.surroundings.refuse(&params, &runbook.params)?;
    let Start { threads, mut store, clock, vantage, .. } = start;
    let bounds = Bounds {
        limits: arguments.scripts.limits(),
        resources: arguments.resources.limits(),
        rights: arguments.allow.rights(),
    };
    let how = How { quiet: arguments.quiet, begin: arguments.begin.map(Begin::moment).transpose()?, clock, vantage };
    let case = live(&runbook, params, bounds, how, threads, &mut store)?;
    let (file, map) = sinks.leaving(case)?;
    let written = sinks.write(&file);
    // What could not be written where it was wanted is all the more worth keeping.
    let status = file.case.verdict.exit_status();
    store.keep(file);
    map.and(written)?;
    Ok(status)
}

/// What a run may take: its scripts, and all of it.
pub(super) struct Bounds {
    pub limits: Limits,
    pub resources: ResourceLimits,
    pub rights: Rights,
}

/// How a run goes on.
pub(super) struct How {
    /// Without progress, and without a word of what is kept.
    pub quiet: bool,
    /// When the window is to begin.
    pub begin: Option<Timestamp>,
    /// What the kernel said of its clock.
    pub clock: Option<Clock>,
    /// From where it looks, when it is not from the host itself.
    pub vantage: Option<Vantage>,
}

/// Runs a runbook on this host, with a journal. The packets that it wrote down are attached to its case.
pub(super) fn live(
    runbook: &Runbook,
    params: Map<String, Value>,
    bounds: Bounds,
    how: How,
    threads: ProbeThreads,
    store: &mut CaseStore,
) -> Result<CaseFile, Usage> {
    let chosen = |_: &Live| Ok(Chosen { runbook: Cow::Borrowed(runbook), params, looked: Vec::new() });
    live_chosen(chosen, bounds, how, threads, store)
}

/// What is run.
pub(super) struct Chosen<'a> {
    /// The runbook.
    pub runbook: Cow<'a, Runbook>,
    /// Its parameters, as they were given.
    pub params: Map<String, Value>,
    /// What probes saw when it was chosen, by their names.
    pub looked: Vec<(String, Evidence)>,
}

/// Runs a runbook that is chosen by what this host shows.
pub(super) fn live_chosen<'a>(
    choose: impl FnOnce(&Live) -> Result<Chosen<'a>, Usage>,
    bounds: Bounds,
    how: How,
    threads: ProbeThreads,
    store: &mut CaseStore,
) -> Result<CaseFile, Usage> {
    let cancel = Arc::new(Cancel::default());
    end_on_signals(Arc::clone(&cancel));
    let display = Display::new(how.quiet);
    let wrote = Wrote::default();
    let observer = observer(&cancel, display.progress(), &bounds, &wrote, Arc::new(threads));
    let began = Instant::now();
    let cpu = usage::process_cpu_seconds();
    let Chosen { runbook, params, looked } = choose(&observer)?;
    let before = (!looked.is_empty()).then(|| (began.elapsed().as_secs_f64(), usage::process_cpu_seconds() - cpu));
    let runbook = runbook.as_ref();
    let params = engine::resolve_params(runbook, &params).map_err(|error| Usage(error.to_string()))?;
    let window_begins = how.begin.and_then(|moment| begin::wait_until(moment, how.quiet, &cancel));
    let started = Timestamp::now();
    let host =
        Host { local_time: identity::local_time(started), clock: how.clock, vantage: how.vantage, ..identity::host() };
    let begun = Begun { runbook, host: &host, started, params: params.recorded(), given: params.given.clone() };
    let noted = store.begin(&begun, params.secrets.clone());
    let mut observer = observer.not_before(window_begins);
    if let Some(noted) = noted {
        observer = observer.on_evidence(noted);
    }
    let cancelled = Arc::clone(&cancel);
    let request = Request {
        runbook,
        params,
        provenance: Provenance::Live { host, started, before, cancelled: &move || cancelled.is_cancelled() },
        limits: bounds.limits,
        printed: &|step, line| match runbook.wraps_check {
            Some(_) => say(line),
            None => say(format_args!("{step}: {line}")),
        },
    };
    let observer = LookedBefore::new(&observer, looked);
    let case = engine::run(&request, &observer).map_err(|error| Usage(error.to_string()));
    display.finish();
    Ok(CaseFile { case: case?, attached: case_file::captures(&wrote.take()) })
}

/// What asks the probes, within its bounds.
fn observer(
    cancel: &Arc<Cancel>,
    progress: Progress,
    bounds: &Bounds,
    wrote: &Wrote,
    threads: Arc<ProbeThreads>,
) -> Live {
    Live::new(Arc::clone(cancel), progress)
        .with_limits(bounds.resources)
        .allowing(bounds.rights.clone())
        .leaving(wrote.clone())
        .on(threads)
}

/// What a run looks at this host with.
pub(super) struct Looking<'a> {
    pub host: Host,
    pub started: Timestamp,
    /// When the window is to begin, if not at once.
    pub window_begins: Option<Instant>,
    /// Ends it early.
    pub cancel: Arc<Cancel>,
    pub progress: Progress,
    /// Takes each answer as it comes.
    pub on_evidence: Option<OnEvidence>,
    pub threads: Arc<ProbeThreads>,
    /// Takes what a check prints: its step, and a line.
    pub printed: &'a (dyn Fn(&str, &str) + Sync),
}

/// Looks at this host and judges what is seen. The packets that were written down are attached to the case.
pub(super) fn look(
    runbook: &Runbook,
    params: ResolvedParams,
    bounds: Bounds,
    looking: Looking<'_>,
) -> Result<CaseFile, Usage> {
    let Looking { host, started, window_begins, cancel, progress, on_evidence, threads, printed } = looking;
    let wrote = Wrote::default();
    let mut observer = observer(&cancel, progress, &bounds, &wrote, threads).not_before(window_begins);
    if let Some(on_evidence) = on_evidence {
        observer = observer.on_evidence(on_evidence);
    }
    let request = Request {
        runbook,
        params,
        provenance: Provenance::Live { host, started, before: None, cancelled: &move || cancel.is_cancelled() },
        limits: bounds.limits,
        printed,
    };
    let case = engine::run(&request, &observer).map_err(|error| Usage(error.to_string()))?;
    Ok(CaseFile { case, attached: case_file::captures(&wrote.take()) })
}

/// A path that can stand in a case.
fn readable(path: &Path) -> Result<String, Usage> {
    let refused = || Usage(format!("cannot read packets from {}: its name is not UTF-8; rename it", path.display()));
    path.to_str().map(str::to_owned).ok_or_else(refused)
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
