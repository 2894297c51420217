//! The tools that look at this host: a runbook, a probe.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::probe::{Asking, observe, unknown};
use super::super::run::{Bounds, Looking, look};
use super::super::{Usage, case_file, given};
use super::answer::{Answer, Probed};
use super::asked::{CONCLUSION, RunProbe, RunRunbook, USUAL, bytes};
use super::desk::Desk;
use crate::archive::CaseFile;
use crate::case::{CASE_FORMAT, Case, Cost, Coverage, Diagnosis, Evidence, Host, RunbookRef, Verdict};
use crate::engine::{self, Progress};
use crate::probe::{self, AnyProbe, Cancel};
use crate::runbook::{ParamType, Runbook};
use crate::sys::identity;
use crate::units;

/// The longest window of a probe that is run by itself.
const LONGEST: Duration = Duration::from_secs(600);
/// Parameters of probes that name a file to read or to write: the client names none. The probe `file` does nothing else.
const NAMES_FILES: &[(&str, &str)] = &[
    ("capture", "file"),
    ("capture", "local"),
    ("capture", "write"),
    ("capture", "write_limit"),
    ("dns", "resolv_conf"),
    ("file", "paths"),
    ("logs", "dir"),
    ("logs", "files"),
];
/// The probe that only reads files that are named.
const READS_FILES: &str = "file";

/// The run that a client waits for.
pub(super) struct Call {
    /// Ends it early.
    pub cancel: Arc<Cancel>,
    /// Takes what happens.
    pub progress: Progress,
}

/// The probes that a client may run.
pub(super) fn probes() -> impl Iterator<Item = &'static dyn AnyProbe> {
    probe::PROBES.iter().copied().filter(|probe| probe.name() != READS_FILES)
}

/// The parameters of a probe that a client may not give.
pub(super) fn is_refused(probe: &str, param: &str) -> bool {
    NAMES_FILES.contains(&(probe, param))
}

/// Refuses parameters of a runbook that name files.
pub(super) fn refuse_paths(runbook: &Runbook, params: &Map<String, Value>) -> Result<(), Usage> {
    let is_path = |name: &str| runbook.params.get(name).is_some_and(|spec| spec.kind == ParamType::Path);
    match params.keys().find(|name| is_path(name)) {
        Some(name) => Err(Usage(format!(
            "`{name}` names a file of the host, and a client names none: its operator runs casebook run {} --set {name}=…",
            runbook.name
        ))),
        None => Ok(()),
    }
}

pub(super) fn run_runbook(desk: &Desk, asked: RunRunbook, call: &Call) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, CONCLUSION)?;
    let runbook = desk.runbook(&asked.runbook)?;
    let mut set = asked.params;
    if let Some(window) = asked.window {
        set.insert("window".to_owned(), Value::String(window));
    }
    refuse_paths(&runbook, &set)?;
    let mut params = desk.config.params(&runbook).map_err(|bad| Usage(bad.to_string()))?;
    params.extend(set);
    given::refuse_bare_rates(&params, &runbook.params)?;
    let params = engine::resolve_params(&runbook, &params).map_err(|error| Usage(error.to_string()))?;
    let started = Timestamp::now();
    let bounds = Bounds { limits: desk.limits(), resources: desk.resources(), rights: desk.rights() };
    let looking = Looking {
        host: host(desk, started),
        started,
        window_begins: None,
        cancel: Arc::clone(&call.cancel),
        progress: Arc::clone(&call.progress),
        on_evidence: None,
        threads: Arc::clone(&desk.threads),
        printed: &|_, _| {},
    };
    let file = look(&runbook, params, bounds, looking)?;
    desk.judged("run", &file, most)
}

/// This host, as a case names it.
fn host(desk: &Desk, started: Timestamp) -> Host {
    // The kernel said something of its clock when the server began, which may be long ago: nothing is told of it.
    Host { local_time: identity::local_time(started), vantage: desk.vantage.clone(), ..identity::host() }
}

pub(super) fn run_probe(desk: &Desk, asked: RunProbe, call: &Call) -> anyhow::Result<Answer> {
    let most = bytes(asked.max_bytes, USUAL)?;
    let probe = probe::find(&asked.probe).ok_or_else(|| unknown(&asked.probe))?;
    if probe.name() == READS_FILES {
        return Err(Usage("the probe `file` reads files that are named, and a client names none".to_owned()).into());
    }
    if let Some(param) = asked.params.keys().find(|param| is_refused(probe.name(), param)) {
        let why = format!("`{param}` names a file of the host, and a client names none");
        return Err(Usage(why).into());
    }
    let params = probe
        .complete_params(&Value::Object(asked.params))
        .map_err(|why| Usage(format!("probe {}: {why}; list_probes with its name gives the schema", probe.name())))?;
    if params.get("window").and_then(Value::as_f64).is_some_and(|seconds| seconds > LONGEST.as_secs_f64()) {
        let longest = units::span(LONGEST.as_secs_f64());
        return Err(Usage(format!("the window of a probe may be {longest} at most")).into());
    }
    let started = Timestamp::now();
    let asking = Asking {
        typed_alone: false,
        time_limit: None,
        resources: desk.resources(),
        rights: desk.rights(),
        threads: Arc::clone(&desk.threads),
        cancel: Arc::clone(&call.cancel),
        progress: Arc::clone(&call.progress),
    };
    let evidence = observe(probe, params, asking);
    let case = alone(host(desk, started), started, evidence);
    let packed = case_file::packed(CaseFile::from(case.clone()))?;
    let mut case = desk.hidden(case)?;
    let name = desk.keep("probe", &case, packed);
    let text = case.diagnosis.summary.clone();
    let Some(evidence) = case.evidence.shift_remove(probe.name()) else {
        anyhow::bail!("the probe has left no evidence");
    };
    let probed = Probed { case: name, host: case.host.name, evidence, left_out: Vec::new() };
    desk.leaving(Answer::of(&probed, &text, most)?)
}

/// A case of one probe, in which nothing is judged.
fn alone(host: Host, started: Timestamp, evidence: Evidence) -> Case {
    let name = evidence.probe.clone();
    let looked = usize::from(evidence.gap.is_none());
    let summary = match &evidence.gap {
        Some(gap) => format!("probe {name} saw nothing: {gap}"),
        None => {
            let missing = match evidence.missing.len() {
                0 => String::new(),
                _ => format!("; not seen: {}", evidence.missing[0].gap),
            };
            format!("probe {name} looked for {}; nothing is judged{missing}", units::span(evidence.seconds))
        }
    };
    Case {
        format: CASE_FORMAT,
        casebook: env!("CARGO_PKG_VERSION").to_owned(),
        runbook: RunbookRef {
            name: format!("probe {name}"),
            title: format!("Probe {name}"),
            text: String::new(),
            wraps_check: None,
            overrides_embedded: None,
            checks: IndexMap::new(),
            choice: None,
        },
        foreign_commands: false,
        host,
        started,
        window_seconds: evidence.seconds,
        partial: false,
        params: Map::new(),
        given: Map::new(),
        verdict: Verdict::Unknown,
        coverage: Coverage { looked, applicable: 1 },
        diagnosis: Diagnosis { summary, headlines: Vec::new(), causes: Vec::new() },
        ledger: None,
        findings: Vec::new(),
        cost: Cost {
            wall_seconds: evidence.seconds,
            cpu_seconds: evidence.cpu_seconds.unwrap_or_default(),
            peak_memory_bytes: evidence.peak_memory_bytes.unwrap_or_default(),
        },
        evidence: IndexMap::from([(name, evidence)]),
        reading: None,
        fleet: None,
        limits: Vec::new(),
        redacted: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters of probes that are texts, or lists of texts, and name no file: each was looked at.
    const NO_FILES: &[(&str, &str)] = &[
        ("capture", "interface"),
        // Of a container, a pod or `ip netns`: it is compared with the names of those that were found.
        ("capture", "namespace"),
        ("conntrack", "namespaces"),
        ("firewall", "namespaces"),
        ("kernel", "namespaces"),
        ("sockets", "namespaces"),
        ("devices", "interface"),
        ("interfaces", "interface"),
        ("dns", "addresses"),
        ("dns", "names"),
        ("dns", "server"),
        ("dns", "stranger_name"),
        ("dns", "stranger_type"),
        ("dns", "types"),
        ("logs", "boot"),
        ("logs", "namespace"),
        ("logs", "patterns"),
        ("logs", "priority"),
        ("logs", "units"),
        ("logs", "until"),
        ("service", "address"),
        ("service", "from"),
        ("service", "host"),
        // The path of an address that is asked for.
        ("service", "path"),
        ("service", "request"),
        ("service", "targets"),
        ("sockets", "state"),
        // A place on a file system, of which sizes and names are told; no file is opened.
        ("space", "path"),
        ("sysctl", "names"),
    ];

    #[test]
    fn every_parameter_that_could_name_a_file_is_refused_or_was_looked_at() {
        let mut unknown = Vec::new();
        for probe in probes() {
            let schema = probe.params_schema().to_value();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let text = property.to_string();
                let is_quantity = text.contains("\"format\"") || text.contains("$ref");
                let known = is_refused(probe.name(), name) || NO_FILES.contains(&(probe.name(), name.as_str()));
                if text.contains("\"string\"") && !is_quantity && !known {
                    unknown.push(format!("(\"{}\", \"{name}\"): {text}", probe.name()));
                }
            }
        }
        assert!(unknown.is_empty(), "say of each whether it names a file:\n{}", unknown.join("\n"));
    }
}
