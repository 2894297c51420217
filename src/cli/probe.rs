//! `casebook probe`: one probe, by hand.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::arguments::ProbeArguments;
use super::confinement::Start;
use super::display::Display;
use super::run::end_on_signals;
use super::{Usage, given, say, screen};
use crate::bounded_json::{self, Budget};
use crate::case::Evidence;
use crate::engine::{Live, Observer, ProbeRequest, ProbeThreads, Progress, most_evidence, trim};
use crate::generate;
use crate::probe::{self, AnyProbe, Cancel, Inputs, PROBES, ResourceLimits, Rights};
use crate::redact;
use crate::suggest::Suggestion;

/// How much longer than its window a probe may take.
const GRACE: Duration = Duration::from_secs(30);

pub(super) fn probe(arguments: &ProbeArguments, start: Start) -> anyhow::Result<u8> {
    let probe = probe::find(&arguments.name).ok_or_else(|| unknown(&arguments.name))?;
    if arguments.help_params {
        write!(screen::stdout(), "{}", generate::probe_page(probe))?;
        return Ok(0);
    }
    let given = given::params(&arguments.params, [(given::INTERFACE, arguments.watch.interface.clone())])?;
    let schema = if given.is_empty() { Value::Null } else { probe.params_schema().to_value() };
    let mut params = Map::new();
    for (key, value) in given {
        let value = typed(probe, &schema, &key, value)?;
        match (key.as_str(), value.as_str()) {
            (given::INTERFACE, Some(name)) => start.surroundings.refuse_interface(name)?,
            (given::PACKETS, Some(path)) if probe.name() == "capture" => given::refuse_capture(path)?,
            _ => {}
        }
        params.insert(key, value);
    }
    let params = probe.complete_params(&Value::Object(params)).map_err(|why| {
        Usage(format!("probe {}: {why}; `casebook probe {0} --help-params` explains them", probe.name()))
    })?;
    let cancel = Arc::new(Cancel::default());
    end_on_signals(Arc::clone(&cancel));
    let display = Display::new(false);
    let resources = arguments.resources.limits();
    let asking = Asking {
        typed_alone: arguments.format == "json",
        time_limit: arguments.timeout.map(|timeout| timeout.0),
        resources,
        rights: arguments.allow.rights(),
        threads: Arc::new(start.threads),
        cancel,
        progress: display.progress(),
    };
    let mut evidence = observe(probe, params, asking);
    display.finish();
    match print(probe, &mut evidence, &arguments.format, resources.memory_bytes()) {
        Err(error) if super::is_closed_pipe(&error) => {}
        other => other?,
    }
    let status = if evidence.gap.is_some() { 3 } else { 0 };
    // The process ends: the kernel takes back all memory at once.
    std::mem::forget(evidence);
    Ok(status)
}

pub(super) fn unknown(name: &str) -> Usage {
    let suggestion = Suggestion::of(name, PROBES.iter().map(|probe| probe.name()));
    Usage(suggestion.or_list_behind(&format!("there is no probe `{name}`")))
}

/// A value from the command line in the type that the probe's schema wants.
fn typed(probe: &dyn AnyProbe, schema: &Value, key: &str, value: Value) -> Result<Value, Usage> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let Some(property) = properties.and_then(|properties| properties.get(key)) else {
        let names = properties.into_iter().flat_map(|all| all.keys()).map(String::as_str);
        let help = Suggestion::of(key, names).or_none();
        return Err(Usage(format!("probe {} has no parameter `{key}`; {help}", probe.name())));
    };
    let text = value.as_str().unwrap_or_default();
    let types = |name: &str| match property.get("type") {
        Some(Value::String(kind)) => kind == name,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        _ => false,
    };
    if types("array") {
        return Ok(text
            .split(',')
            .filter(|part| !part.is_empty())
            .map(|part| Value::String(part.to_owned()))
            .collect());
    }
    if !types("string") && (types("integer") || types("number") || types("boolean") || types("object")) {
        return bounded_json::from_slice(text.as_bytes(), &mut Budget::default())
            .map_err(|_| Usage(format!("probe {}: `{key}` cannot be `{text}`", probe.name())));
    }
    Ok(value)
}

/// What one probe may take and do.
pub(super) struct Asking {
    pub time_limit: Option<Duration>,
    pub resources: ResourceLimits,
    pub rights: Rights,
    pub threads: Arc<ProbeThreads>,
    /// Whether its result is wanted as its own type alone.
    pub typed_alone: bool,
    /// Ends it early.
    pub cancel: Arc<Cancel>,
    pub progress: Progress,
}

/// Asks the probe, and before it those whose evidence it derives its result from.
pub(super) fn observe(probe: &'static dyn AnyProbe, params: Value, asking: Asking) -> Evidence {
    let Asking { time_limit, resources, rights, threads, typed_alone, cancel, progress } = asking;
    let live = Live::new(cancel, progress).with_limits(resources).allowing(rights).on(threads);
    let mut inputs = Inputs::new();
    let others: Vec<ProbeRequest> = probe
        .derives_from()
        .iter()
        .filter_map(|name| probe::find(name))
        .map(|other| {
            let mut given = Map::new();
            let wanted = other.params_schema().to_value();
            for shared in ["window", "interface"] {
                if let (Some(value), Some(_)) = (params.get(shared), wanted.pointer(&format!("/properties/{shared}"))) {
                    given.insert(shared.into(), value.clone());
                }
            }
            let params = other.complete_params(&Value::Object(given)).unwrap_or_default();
            ask(other, params, Inputs::new())
        })
        .collect();
    if !others.is_empty() {
        for evidence in live.observe(others) {
            inputs.insert(evidence.probe.clone(), Arc::new(evidence));
        }
    }
    let mut asked = ask(probe, params, inputs);
    asked.time_limit = time_limit.unwrap_or(asked.time_limit);
    asked.typed_alone = typed_alone;
    let mut answers = live.observe(vec![asked]);
    let mut evidence = answers.remove(0);
    redact::evidence(&mut evidence);
    evidence
}

fn ask(probe: &'static dyn AnyProbe, params: Value, inputs: Inputs) -> ProbeRequest {
    let window = params.get("window").and_then(Value::as_f64).and_then(|s| Duration::try_from_secs_f64(s).ok());
    let window = window.filter(|_| probe.derives_from().is_empty());
    ProbeRequest {
        step: probe.name().to_owned(),
        title: probe.name().to_owned(),
        probe,
        params,
        window,
        time_limit: window.unwrap_or_default().saturating_add(GRACE),
        inputs,
        by_check: false,
        typed_alone: false,
        derived: Vec::new(),
    }
}

fn print(probe: &'static dyn AnyProbe, evidence: &mut Evidence, format: &str, memory_bytes: u64) -> anyhow::Result<()> {
    if format == "json" {
        let text = match as_json(probe, evidence, most_evidence(memory_bytes))? {
            Some(text) => text,
            // It is longer than the run may keep of it.
            None => {
                evidence.output = Some(probe.as_json(&evidence.typed).map_err(|gap| anyhow::anyhow!("{gap}"))?);
                trim(evidence, memory_bytes);
                redact::evidence(evidence);
                let mut text = serde_json::to_vec_pretty(evidence)?;
                text.push(b'\n');
                text
            }
        };
        let mut out = screen::out();
        out.write_all(&text).and_then(|()| out.flush())?;
    } else {
        // By itself stdout is written line by line, and ten thousand rules are a hundred thousand lines.
        let mut out = screen::buffered().of_data(format == "yaml");
        let written = print_output(evidence, format, &mut out).and_then(|()| Ok(out.flush()?));
        // What is still buffered for a reader that is gone is not tried again.
        let _ = out.into_inner().into_parts();
        written?;
    }
    if !matches!(format, "json" | "yaml") {
        for missing in &evidence.missing {
            say(format_args!("not seen: {}: {}", missing.fields.join(", "), missing.gap));
        }
        for loss in &evidence.loss {
            say(format_args!("lost: {loss}"));
        }
    }
    if let Some(gap) = &evidence.gap {
        say(format_args!("casebook: {gap}"));
    }
    Ok(())
}

/// The evidence as JSON, the result from its own type; none where it would be longer.
fn as_json(probe: &'static dyn AnyProbe, evidence: &Evidence, most: u64) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let Evidence {
        probe: name,
        params,
        started,
        seconds,
        cpu_seconds,
        peak_memory_bytes,
        output: _,
        gap,
        missing,
        loss,
        typed,
    } = evidence;
    redact::object(most, |fields| {
        fields.field("probe", name)?;
        fields.field("params", params)?;
        fields.field("started", started)?;
        fields.field("seconds", seconds)?;
        cpu_seconds.iter().try_for_each(|seconds| fields.field("cpu_seconds", seconds))?;
        peak_memory_bytes.iter().try_for_each(|bytes| fields.field("peak_memory_bytes", bytes))?;
        match gap {
            Some(gap) => fields.field("gap", gap)?,
            None => probe.print(typed, fields)?,
        }
        [missing]
            .into_iter()
            .filter(|missing| !missing.is_empty())
            .try_for_each(|missing| fields.field("missing", missing))?;
        [loss].into_iter().filter(|loss| !loss.is_empty()).try_for_each(|loss| fields.field("loss", loss))
    })
}

fn print_output(evidence: &Evidence, format: &str, out: &mut impl Write) -> anyhow::Result<()> {
    match (format, &evidence.output) {
        ("yaml", _) => write!(out, "{}", serde_yaml::to_string(evidence)?)?,
        (_, Some(output)) => {
            let width = terminal_size::terminal_size().map_or(120, |(width, _)| width.0.into());
            write!(out, "{}", crate::report::table(output, width))?;
        }
        (_, None) => {}
    }
    Ok(())
}
