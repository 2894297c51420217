//! The small print: host, versions, parameters, how to run it again, where each figure comes from.

use jiff::tz::Offset;
use serde_json::Value;

use super::{name, sentence, title_of, window};
use crate::case::{Case, Clock, Evidence, Redacted};
use crate::printable::shell_word;
use crate::units;

/// The small print.
pub struct About {
    /// The run had no root.
    pub without_root: bool,
    /// Host, kernel, privileges.
    pub host: String,
    /// When it began, and how long it watched.
    pub when: String,
    /// The casebook and the case's form.
    pub versions: String,
    /// The runbook's name and title, and the file when that went before the one that ships.
    pub runbook: String,
    /// The parameters.
    pub params: Vec<(String, String)>,
    /// The command that runs it again; where outputs were read, the one that looks at the host itself.
    pub again: String,
    /// Outputs were read in place of a host: nothing was run.
    pub read: bool,
    /// What the run cost.
    pub cost: String,
    /// Where the figures of each step come from.
    pub provenance: Vec<Provenance>,
}

/// Where the figures of one step come from.
pub struct Provenance {
    /// The step's id.
    pub step: String,
    /// Its title.
    pub title: String,
    /// The probe.
    pub probe: String,
    /// Its parameters.
    pub params: String,
    /// When it began.
    pub started: String,
    /// How long it looked, and what that cost.
    pub looked: String,
    /// What it saw: all, all but some, nothing.
    pub complete: String,
}

impl About {
    pub(super) fn of(case: &Case) -> Self {
        let read = case.reading.is_some();
        let user = match (read, case.host.root) {
            (true, _) => "as its outputs show it",
            (false, true) => "run as root",
            (false, false) => "run without root",
        };
        let runbook = name(&case.runbook.name);
        let title = name(&case.runbook.title);
        let watched = if case.window_seconds > 0.0 {
            format!(", watched for {}", window(case.window_seconds))
        } else {
            String::new()
        };
        let early = if case.partial { ", ended early" } else { "" };
        About {
            without_root: !case.host.root && !read,
            read,
            host: format!(
                "{}, kernel {}, {user}{}",
                name(&case.host.name),
                name(&case.host.kernel),
                case.host.clock.map(clock).unwrap_or_default()
            ),
            when: format!("{}{watched}{early}", moment(case)),
            versions: format!("casebook {}, case format {}", name(&case.casebook), case.format),
            runbook: {
                let named = if title.is_empty() || title == runbook { runbook } else { format!("{runbook}: {title}") };
                overrides(case).map_or(named.clone(), |overrides| format!("{named}, {overrides}"))
            },
            params: case.params.iter().map(|(key, value)| (name(key), sentence(&figure(value)))).collect(),
            again: again(case),
            cost: format!(
                "{:.1} s, {:.2} s of CPU, {} of memory",
                case.cost.wall_seconds,
                case.cost.cpu_seconds,
                units::bytes(case.cost.peak_memory_bytes as f64)
            ),
            provenance: case.evidence.iter().map(|(step, evidence)| Provenance::of(case, step, evidence)).collect(),
        }
    }
}

/// A value as it is written on a command line. `10.0` is `10` there.
fn figure(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            let text = number.to_string();
            text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
        }
        other => other.to_string(),
    }
}

/// How far the host's clock can be held against those of others.
fn clock(clock: Clock) -> String {
    match clock.maximum_error_seconds.filter(|_| clock.synchronised) {
        Some(error) => format!(", clock kept within {}", units::span(error)),
        None => ", clock not synchronised".to_owned(),
    }
}

/// Letters of a zone's name that are shown.
const LONGEST_ZONE: usize = 12;

/// When the run began: in UTC, and by the clock of the host where that is another.
pub(super) fn moment(case: &Case) -> String {
    let utc = case.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let local = case.host.local_time.as_ref().and_then(|local| {
        let offset = Offset::from_seconds(local.offset_seconds).ok().filter(|offset| offset.seconds() != 0)?;
        let zone: String = name(&local.abbreviation).chars().take(LONGEST_ZONE).collect();
        Some(format!(" ({} {zone})", offset.to_datetime(case.started).strftime("%H:%M:%S")))
    });
    format!("{utc}{}", local.unwrap_or_default())
}

/// What was taken from files in place of what ships under the same names.
pub(super) fn overrides(case: &Case) -> Option<String> {
    let runbook = case.runbook.overrides_embedded.iter().map(|file| format!("from {}", name(file)));
    let checks = case.runbook.checks.iter().filter(|(_, check)| check.overrides_embedded);
    let checks = checks.map(|(id, check)| format!("check {} from {}", name(id), name(&check.origin)));
    let all: Vec<String> = runbook.chain(checks).collect();
    let ship = if all.len() == 1 { "the one that ships" } else { "those that ship" };
    (!all.is_empty()).then(|| format!("{}, in place of {ship}", all.join(", ")))
}

/// The command line that runs the same runbook with the same parameters.
fn again(case: &Case) -> String {
    let (mut command, set) = match &case.runbook.wraps_check {
        Some(check) => (format!("casebook check {}", shell_word(check)), " "),
        // What outputs were judged by alone is a runbook that can be run.
        None => match case.runbook.choice.as_ref().filter(|it| case.reading.is_none() || it.picked.len() > 1) {
            Some(choice) if choice.complaint.is_empty() => ("casebook diagnose".to_owned(), " --set "),
            Some(choice) => (format!("casebook diagnose {}", shell_word(&choice.complaint)), " --set "),
            None => (format!("casebook run {}", shell_word(&case.runbook.name)), " --set "),
        },
    };
    for (key, value) in case.given.iter().filter(|(_, value)| !value.is_null()) {
        command.push_str(set);
        let unit = if is_bare_rate(case, key, value) { "bit/s" } else { "" };
        command.push_str(&shell_word(&format!("{key}={}{unit}", figure(value))));
    }
    let Redacted { addresses, users, hosts, .. } = case.redacted;
    let kinds = [(addresses, "addresses"), (users, "users"), (hosts, "hosts")];
    let kinds: Vec<&str> = kinds.into_iter().filter(|(figure, _)| *figure > 0).map(|(_, word)| word).collect();
    if !kinds.is_empty() {
        command.push_str(&format!(" --redact {}", kinds.join(",")));
    }
    command
}

/// Whether a rate was given by a number alone, which a run refuses today.
fn is_bare_rate(case: &Case, name: &str, value: &Value) -> bool {
    figure(value).parse::<f64>().is_ok() && declares_rate(&case.runbook.text, name)
}

/// Whether the text of a runbook, YAML, JSON or Lua, declares a parameter as a rate.
fn declares_rate(text: &str, name: &str) -> bool {
    let declared = |at: usize| -> Option<bool> {
        let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return None;
        }
        let rest = text.get(at + name.len()..)?.trim_start_matches(['"', '\'', ']', ' ']);
        let inside = rest.strip_prefix([':', '='])?.trim_start().trim_start_matches('{').trim_start();
        // What it is stands first; of JSON and Lua, anywhere before the end of its declaration.
        let inside = inside.get(..inside.find('}').unwrap_or(inside.len()).min(400)).unwrap_or_default();
        let (_, kind) = inside.split_once("type")?;
        let kind = kind.trim_start_matches(['"', '\'', ':', '=', ' ']);
        Some(kind.starts_with("bitrate"))
    };
    text.match_indices(name).filter_map(|(at, _)| declared(at)).next().unwrap_or(false)
}

impl Provenance {
    fn of(case: &Case, step: &str, evidence: &Evidence) -> Self {
        let params = match &evidence.params {
            Value::Object(params) => {
                let params = params.iter().filter(|(_, value)| !value.is_null());
                params.map(|(key, value)| format!("{key}={}", figure(value))).collect::<Vec<_>>().join(" ")
            }
            Value::Null => String::new(),
            other => figure(other),
        };
        let missing = evidence.missing.iter().map(|missing| missing.fields.len()).sum::<usize>();
        let complete = if let Some(gap) = &evidence.gap {
            format!("saw nothing: {}", gap.reason)
        } else if missing > 0 || !evidence.loss.is_empty() {
            let mut parts = Vec::new();
            if missing > 0 {
                parts.push(format!("{missing} {} missing", if missing == 1 { "field" } else { "fields" }));
            }
            if !evidence.loss.is_empty() {
                parts.push("with losses".to_owned());
            }
            parts.join(", ")
        } else {
            "complete".to_owned()
        };
        let cpu = evidence.cpu_seconds.map(|cpu| format!(", {} of CPU", units::span(cpu))).unwrap_or_default();
        let memory = evidence.peak_memory_bytes.map(|bytes| format!(", {} in use by then", units::bytes(bytes as f64)));
        Provenance {
            step: name(step),
            title: title_of(case, step),
            probe: name(&evidence.probe),
            params: sentence(&params),
            started: evidence.started.strftime("%H:%M:%S%.3f UTC").to_string(),
            looked: format!("{}{cpu}{}", units::span(evidence.seconds), memory.unwrap_or_default()),
            complete,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_from_other_parameters_in_every_form_of_a_runbook() {
        for text in [
            "params:\n  window: {type: duration}\n  busy: {type: bitrate, default: 1Mbit/s}\n  busy_packets: {type: number}\n",
            "params:\n  window:\n    type: duration\n  busy:\n    type: bitrate\n  busy_packets:\n    type: number\n",
            "{\"params\":{\"window\":{\"type\":\"duration\"},\"busy\":{\"default\":1,\"type\":\"bitrate\"},\"busy_packets\":{\"type\":\"number\"}}}",
            "params = { window = { type = \"duration\" }, busy = { type = \"bitrate\" }, busy_packets = { type = \"number\" } }",
        ] {
            let rates: Vec<&str> = ["window", "busy", "busy_packets", "gone"]
                .into_iter()
                .filter(|name| declares_rate(text, name))
                .collect();
            assert_eq!(rates, ["busy"], "{text}");
        }
    }
}
