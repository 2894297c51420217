//! Parameters as an operator gives them: what is plainly wrong with one is said before anything is asked.

use std::io::ErrorKind;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Usage;
use crate::config;
use crate::probe;
use crate::runbook::{ParamSpec, ParamType};

/// The parameter that names a file of packets.
pub(super) const CAPTURE: &str = "pcap";
/// The parameter of the probe `capture` that names such a file.
pub(super) const PACKETS: &str = "file";
/// The parameter that names what is watched, for which `-i` is short.
pub(super) const INTERFACE: &str = "interface";
/// Its value that names none.
const AUTO: &str = "auto";

/// `KEY=VALUE` as its two parts.
pub(super) fn key_and_value(text: &str) -> Result<(String, Value), Usage> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.trim().to_owned(), Value::String(value.to_owned()))),
        _ => Err(Usage(format!("`{text}` does not set anything: write it like window=10s"))),
    }
}

/// The parameters of `--set`, and those that have flags of their own.
pub(super) fn params(
    set: &[String],
    flags: impl IntoIterator<Item = (&'static str, Option<String>)>,
) -> Result<Map<String, Value>, Usage> {
    let mut params: Map<String, Value> = set.iter().map(|text| key_and_value(text)).collect::<Result<_, _>>()?;
    for (name, value) in flags {
        params.extend(value.map(|value| (name.to_owned(), Value::String(value))));
    }
    Ok(params)
}

/// Refuses what reads as something else than was meant: a rate without a unit is bits per second, which nobody types.
pub(super) fn refuse_bare_rates(given: &Map<String, Value>, specs: &IndexMap<String, ParamSpec>) -> Result<(), Usage> {
    let bare = |(name, value): (&String, &Value)| config::bare_rate(name, specs.get(name)?, value);
    given.iter().find_map(bare).map_or(Ok(()), |why| Err(Usage(why)))
}

/// What a live run is about to watch and read, looked at before it gives up its rights.
pub(super) struct Surroundings {
    interfaces: Option<probe::Interfaces>,
}

impl Surroundings {
    /// Looks, where something is given that could name an interface.
    pub fn look(wanted: bool) -> Self {
        Surroundings { interfaces: wanted.then(probe::Interfaces::look).flatten() }
    }

    /// Looks, where one of the names that are given is not that of an interface: else there is nothing to refuse.
    pub fn look_for<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Surroundings::look(!probe::are_interfaces(names.filter(|name| *name != AUTO)))
    }

    /// Refuses an interface that does not exist, and a file that holds no packets.
    pub fn refuse(&self, given: &Map<String, Value>, specs: &IndexMap<String, ParamSpec>) -> Result<(), Usage> {
        let kind = |name: &String| specs.get(name).map(|spec| spec.kind);
        let text = |name: &str| given.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let (Some(path), true) = (text(CAPTURE), specs.contains_key(CAPTURE)) {
            return refuse_capture(path);
        }
        let named = given.iter().filter(|(name, _)| kind(name) == Some(ParamType::Interface));
        named.filter_map(|(_, value)| value.as_str()).try_for_each(|name| self.refuse_interface(name))
    }

    /// Refuses an interface that does not exist.
    pub fn refuse_interface(&self, name: &str) -> Result<(), Usage> {
        let gap = self.interfaces.as_ref().and_then(|interfaces| interfaces.gap(name));
        gap.map_or(Ok(()), |gap| {
            let help = gap.to_fix.map(|help| format!("; {help}")).unwrap_or_default();
            Err(Usage(format!("cannot {}: {}{help}", gap.tried, gap.why)))
        })
    }
}

/// Refuses what is no file of packets: a wrong name is an error before the run, not a report that saw nothing.
pub(super) fn refuse_capture(path: &str) -> Result<(), Usage> {
    let refused = |why: &dyn std::fmt::Display| {
        Usage(format!("cannot read packets from {}: {why}", crate::printable::printable(path)))
    };
    match std::fs::metadata(Path::new(path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(refused(&"there is no such file")),
        Err(error) => Err(refused(&error)),
        Ok(metadata) if !metadata.is_file() => Err(refused(&"it is not a regular file; name a pcap or pcapng file")),
        Ok(_) => match probe::capture_fault(path) {
            Some(gap) => {
                let help = gap.to_fix.map(|help| format!("; {help}")).unwrap_or_default();
                Err(refused(&format!("{}{help}", gap.why)))
            }
            None => Ok(()),
        },
    }
}
