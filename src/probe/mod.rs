//! The probes: Rust-native observers with typed parameters and typed results.
//!
//! A probe looks; it never judges, prints, or changes the host. It is added by one file and one line in [`PROBES`]; the
//! manual, the JSON schema, `list`, `doctor`, completions and lint follow from its types and their doc comments.

pub mod capture;
mod cgroup;
pub mod cgroups;
pub mod conntrack;
mod context;
mod descriptor_walk;
pub mod devices;
pub mod disk;
pub mod dns;
pub mod drops;
mod elsewhere;
pub mod file;
mod file_systems;
pub mod firewall;
mod group_files;
mod group_limits;
mod hash;
mod heavy;
pub mod host;
mod hyperloglog;
pub mod interfaces;
mod journal;
pub mod kernel;
pub mod ledger;
pub mod logs;
mod named;
pub mod namespaces;
mod place;
mod process;
pub mod processes;
mod protocol;
mod refused;
mod resource_limits;
mod rights;
pub mod service;
mod socket_owners;
pub mod sockets;
pub mod space;
pub mod sysctl;
mod sysfs;
pub mod units;
mod watched;
mod xz;

pub use capture::fault as capture_fault;
pub use context::{Cancel, Context, Inputs, LONGER, StartBarrier, Stopped, Wrote};
pub use resource_limits::ResourceLimits;
pub use rights::{Right, Rights, Use};
pub use watched::{Interfaces, are_interfaces};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};

use crate::case::{Gap, Observed, Reason, Typed};
use crate::redact::Fields;
use crate::suggest::Suggestion;

/// Every probe, in the order that lists show them.
pub const PROBES: &[&dyn AnyProbe] = &[
    &host::HostProbe,
    &interfaces::InterfacesProbe,
    &devices::DevicesProbe,
    &processes::ProcessesProbe,
    &cgroups::CgroupsProbe,
    &units::UnitsProbe,
    &disk::DiskProbe,
    &space::SpaceProbe,
    &sockets::SocketsProbe,
    &namespaces::NamespacesProbe,
    &capture::CaptureProbe,
    &firewall::FIREWALL,
    &conntrack::ConntrackProbe,
    &kernel::KernelProbe,
    &drops::DropsProbe,
    &logs::Logs,
    &dns::DnsProbe,
    &service::ServiceProbe,
    &file::FileProbe,
    &sysctl::SysctlProbe,
    &ledger::LedgerProbe,
];

/// A list of what a probe knows beforehand, by its name.
pub type KnownList = (&'static str, fn() -> Value);

/// Lists of what probes know beforehand: runbooks can use them as `data`.
pub const KNOWN_LISTS: &[KnownList] = &[("capture.reflectors", capture::reflectors)];

/// The list of that name.
pub fn known_list(name: &str) -> Option<Value> {
    KNOWN_LISTS.iter().find(|(known, _)| *known == name).map(|(_, list)| list())
}

/// An observer of the host.
pub trait Probe: Sync {
    /// Its name: a noun in snake case.
    const NAME: &'static str;
    /// What it observes, in one line.
    const ABOUT: &'static str;
    /// Where it looks: the kernel's interfaces.
    const SOURCE: &'static str;
    /// What an admin would type instead.
    const REPLACES: &'static [&'static str] = &[];
    /// Capabilities and kernel features that it can use, and what is lost without each.
    const NEEDS: &'static [Need];
    /// Names of probes whose evidence it derives its result from; it then looks at nothing itself.
    const DERIVES_FROM: &'static [&'static str] = &[];
    /// Rights that it can make use of.
    const RIGHTS: &'static [Right] = &[];
    /// Whether it loses what it watches when it gets no CPU time: it keeps its priority on a busy host, where others give way.
    const KEEPS_UP: bool = false;
    /// Parameters that only add to the result: who wants less is served by one look that was asked for more.
    const WIDENED_BY: &'static [&'static str] = &[];
    /// Its parameters. Doc comments are the manual; `#[serde(default, deny_unknown_fields)]` throughout.
    type Params: DeserializeOwned + Serialize + JsonSchema + Default;
    /// Its result. `Option` is "the host did not say"; a figure that could not be had is never 0.
    type Output: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// What it does with these parameters beyond what [`Probe::SOURCE`] says: files, hosts, rights that it takes. `derived` names
    /// the parameters that somebody filled from what was observed; in a plan they have no value yet.
    fn uses(_params: &Self::Params, _derived: &[String]) -> Vec<Use> {
        Vec::new()
    }

    /// Whether the values of these parameters mean something to it: a pattern that compiles. What it says is told by `lint`.
    fn understands(_params: &Self::Params) -> Result<(), String> {
        Ok(())
    }

    /// Looks. Ends by the deadline of `cx`, or soon after `cx` is cancelled, with what it has seen until then.
    fn observe(&self, params: Self::Params, cx: &Context) -> Result<Observed<Self::Output>, Gap>;
}

/// A capability or kernel feature that a probe can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Its name: `CAP_NET_RAW`, `tracefs`.
    pub what: &'static str,
    /// What is lost without it.
    pub without: &'static str,
}

/// A probe whose types are known to itself only; made for every [`Probe`].
pub trait AnyProbe: Sync {
    /// See [`Probe::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Probe::ABOUT`].
    fn about(&self) -> &'static str;
    /// See [`Probe::SOURCE`].
    fn source(&self) -> &'static str;
    /// See [`Probe::REPLACES`].
    fn replaces(&self) -> &'static [&'static str];
    /// See [`Probe::NEEDS`].
    fn needs(&self) -> &'static [Need];
    /// See [`Probe::DERIVES_FROM`].
    fn derives_from(&self) -> &'static [&'static str];
    /// See [`Probe::RIGHTS`].
    fn rights(&self) -> &'static [Right];
    /// See [`Probe::KEEPS_UP`].
    fn keeps_up(&self) -> bool;
    /// See [`Probe::WIDENED_BY`].
    fn widened_by(&self) -> &'static [&'static str];
    /// The schema of the parameters.
    fn params_schema(&self) -> Schema;
    /// The schema of the result, with all its parts in place.
    fn output_schema(&self) -> Schema;
    /// The parameters with every default filled in, or what is wrong with them.
    fn complete_params(&self, params: &Value) -> Result<Value, String>;
    /// Whether it can take these parameters and understands them, or why not.
    fn takes(&self, params: &Value) -> Result<(), String>;
    /// See [`Probe::uses`]; nothing for parameters that are wrong, with which nothing is done.
    fn uses(&self, params: &Value, derived: &[String]) -> Vec<Use>;
    /// Looks, with parameters as JSON and the result as its own type.
    fn observe_typed(&self, params: &Value, cx: &Context) -> Result<Observed<Typed>, Gap>;
    /// A result of this probe as JSON.
    fn as_json(&self, result: &Typed) -> Result<Value, Gap>;
    /// Prints a result of this probe as the field `output`, its secrets left out.
    fn print(&self, result: &Typed, to: &mut Fields<'_>) -> Result<(), serde_json::Error>;
}

impl<P: Probe> AnyProbe for P {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn about(&self) -> &'static str {
        P::ABOUT
    }

    fn source(&self) -> &'static str {
        P::SOURCE
    }

    fn replaces(&self) -> &'static [&'static str] {
        P::REPLACES
    }

    fn needs(&self) -> &'static [Need] {
        P::NEEDS
    }

    fn rights(&self) -> &'static [Right] {
        P::RIGHTS
    }

    fn keeps_up(&self) -> bool {
        P::KEEPS_UP
    }

    fn widened_by(&self) -> &'static [&'static str] {
        P::WIDENED_BY
    }

    fn derives_from(&self) -> &'static [&'static str] {
        P::DERIVES_FROM
    }

    fn params_schema(&self) -> Schema {
        generator().into_root_schema_for::<P::Params>()
    }

    fn output_schema(&self) -> Schema {
        generator().into_root_schema_for::<P::Output>()
    }

    fn complete_params(&self, params: &Value) -> Result<Value, String> {
        let params = P::Params::deserialize(params).map_err(|error| error.to_string())?;
        serde_json::to_value(params).map_err(|error| error.to_string())
    }

    fn takes(&self, params: &Value) -> Result<(), String> {
        let params = P::Params::deserialize(params).map_err(|error| error.to_string())?;
        P::understands(&params)
    }

    fn uses(&self, params: &Value, derived: &[String]) -> Vec<Use> {
        P::Params::deserialize(params).map(|params| P::uses(&params, derived)).unwrap_or_default()
    }

    fn observe_typed(&self, params: &Value, cx: &Context) -> Result<Observed<Typed>, Gap> {
        let params = P::Params::deserialize(params)
            .map_err(|error| malformed(&format!("read the parameters of probe {}", P::NAME), &error))?;
        let Observed { output, mut missing, loss } = self.observe(params, cx).map_err(refused::for_this_process)?;
        for missing in &mut missing {
            missing.gap = refused::for_this_process(missing.gap.clone());
        }
        Ok(Observed { output: Typed::of(output), missing, loss })
    }

    fn as_json(&self, result: &Typed) -> Result<Value, Gap> {
        serde_json::to_value(result.get::<P::Output>().as_deref())
            .map_err(|error| malformed(&format!("write the result of probe {}", P::NAME), &error))
    }

    fn print(&self, result: &Typed, to: &mut Fields<'_>) -> Result<(), serde_json::Error> {
        to.scrubbed("output", &result.get::<P::Output>().as_deref())
    }
}

fn malformed(tried: &str, error: &serde_json::Error) -> Gap {
    Gap::new(Reason::Malformed, tried, error.to_string())
}

/// Schemas with every part inlined, so that a path can be followed without looking anything up.
fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.into_generator()
}

/// The schema of a probe's result, made once.
pub fn output_schema(probe: &dyn AnyProbe) -> Arc<Value> {
    static MADE: Mutex<BTreeMap<&'static str, Arc<Value>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(made.entry(probe.name()).or_insert_with(|| Arc::new(probe.output_schema().to_value())))
}

/// The parameters of a probe with every default filled in, or what is wrong with them, with the nearest name where one is
/// misspelt.
pub fn complete(probe: &dyn AnyProbe, params: &Value) -> Result<Value, String> {
    let schema = probe.params_schema().to_value();
    let known: Vec<&str> = schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let given = params.as_object().into_iter().flat_map(|params| params.keys());
    if let Some(name) = given.into_iter().find(|name| !known.contains(&name.as_str())) {
        let help = Suggestion::of(name, known.iter().copied()).or_none();
        return Err(format!("probe {} has no parameter `{name}`; {help}", probe.name()));
    }
    probe.complete_params(params).map_err(|why| format!("probe {}: {why}", probe.name()))
}

/// Whether a probe has a parameter of that name. Its defaults tell it, for which no schema is made.
pub fn takes(probe: &dyn AnyProbe, name: &str) -> bool {
    probe.complete_params(&Value::Object(Map::new())).is_ok_and(|all| all.get(name).is_some())
}

/// The probe of that name.
pub fn find(name: &str) -> Option<&'static dyn AnyProbe> {
    PROBES.iter().copied().find(|probe| probe.name() == name)
}
