//! What tools printed, as evidence: a folder of outputs of `ifconfig`, `ip`, `sar`, `ss`, `uptime`, `free` and the like, an
//! sosreport, and log files.
//!
//! Each output is known by its content, not by its name. What the outputs do not show is a gap; nothing is guessed.

mod fill;
mod filter;
mod folder;
mod interfaces;
mod links;
mod machine;
mod moment;
mod proc_sockets;
mod samples;
mod socket_row;
mod sockets;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

pub use folder::NoPrintouts;

use crate::case::{Evidence, Gap, Host, Missing, Reason};
use crate::engine::{Observer, ProbeRequest, derive, observe_one, trim};
use crate::probe::{Context, ResourceLimits, find};
use crate::sys::beneath::Folder;
use folder::{Contents, Links, Logs};

/// How the files of outputs that are read are named, in sosreports and by hand. Their content decides; a name says only that
/// somebody meant it for one.
const NAMES: &[&str] = &[
    "ifconfig",
    "ip-s",
    "ip_-s",
    "sar",
    "ss-",
    "ss_",
    "netstat-t",
    "netstat_-t",
    "iptables-save",
    "ip6tables-save",
    "uptime",
    "free",
    "meminfo",
    "uname",
    "date",
];

/// The outputs of a folder.
pub struct Printouts {
    folder: Arc<Folder>,
    outputs: Vec<Printed>,
    links: Links,
    logs: Logs,
    moment: DateTime,
}

/// The text of a file, with its path below the folder.
#[derive(Debug)]
struct Printed {
    path: String,
    text: String,
}

impl Printouts {
    /// Reads the outputs in a folder and below.
    pub fn read(folder: &Path) -> Result<Self, NoPrintouts> {
        let folder = Arc::new(Folder::open(folder)?);
        let Contents { outputs, newest, links } = folder::read(&folder)?;
        let logs = folder::logs(&folder);
        let moment = moment::of(&outputs).unwrap_or(newest);
        let printouts = Printouts { folder, outputs, links, logs, moment };
        match printouts.shows().is_empty() {
            true => Err(printouts.links().map_or(NoPrintouts::Nothing, NoPrintouts::Links)),
            false => Ok(printouts),
        }
    }

    /// Which links hide something, in a sentence.
    pub fn links(&self) -> Option<String> {
        self.links.sentence()
    }

    /// The probes that the outputs have something for.
    pub fn shows(&self) -> Vec<&'static str> {
        let mut shown = Vec::new();
        for name in PRINTED {
            if self.output(name, &Value::Null).is_ok() {
                shown.push(name);
            }
        }
        shown.extend(matches!(self.logs, Logs::In(_)).then_some("logs"));
        shown
    }

    /// The files that have the name of an output but nothing that could be taken from it: they are damaged, or in a form
    /// that is not known.
    pub fn unread(&self) -> Vec<&str> {
        let is_read = |output: &Printed| {
            let alone = std::slice::from_ref(output);
            let (name, kernel) = machine::identity(alone);
            machine::host(alone).is_some()
                || interfaces::output(alone, "auto").is_ok()
                || sockets::output(alone).is_some()
                || filter::output(alone).is_some()
                || moment::of(alone).is_some()
                || name.or(kernel).is_some()
        };
        let is_named = |output: &Printed| {
            let name = output.path.rsplit('/').next().unwrap_or_default();
            NAMES.iter().any(|known| name.starts_with(known))
        };
        let unread = self.outputs.iter().filter(|output| is_named(output) && !is_read(output));
        unread.map(|output| output.path.as_str()).collect()
    }

    /// When the outputs were made; their clock is taken for UTC.
    pub fn started(&self) -> Timestamp {
        self.moment.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
    }

    /// How long rates were watched, in seconds, where the outputs show it.
    pub fn seconds(&self) -> Option<f64> {
        self.output("interfaces", &Value::Null).ok()?["seconds"].as_f64()
    }

    /// The host that they are of.
    pub fn host(&self) -> Host {
        let (name, kernel) = machine::identity(&self.outputs);
        let unknown = || "unknown".to_owned();
        Host {
            name: name.unwrap_or_else(unknown),
            kernel: kernel.unwrap_or_else(unknown),
            root: false,
            local_time: None,
        }
    }

    fn output(&self, probe: &str, params: &Value) -> Result<Value, String> {
        output(&self.outputs, probe, params)
    }

    fn answer(&self, ask: &ProbeRequest) -> Evidence {
        let probe = ask.probe.name();
        if !ask.probe.derives_from().is_empty() {
            let derived = derive(ask);
            let gap = derived.gap.map(|_| self.gap(probe, "what", "they show too little of what it is made from"));
            return Evidence {
                started: self.started(),
                seconds: 0.0,
                cpu_seconds: None,
                peak_memory_bytes: None,
                gap,
                ..derived
            };
        }
        if probe == "logs" {
            return self.logs(ask);
        }
        let mut evidence = self.blank(ask);
        match self.output(probe, &ask.params) {
            Ok(mut output) => {
                evidence.seconds = output["seconds"].as_f64().unwrap_or_default();
                let schema = ask.probe.output_schema().to_value();
                let fields = fill::fill(&mut output, &schema);
                if !fields.is_empty() {
                    let gap = self.gap(probe, "all that", "they show only a part of it");
                    evidence.missing.push(Missing { fields, gap });
                }
                evidence.output = Some(output);
            }
            Err(why) => evidence.gap = Some(self.gap(probe, "what", &why)),
        }
        evidence
    }

    fn gap(&self, probe: &str, how_much: &str, why: &str) -> Gap {
        let by_hand = match probe {
            "sockets" => Some("ss -tunap"),
            "interfaces" => Some("ip -s addr, and sar -n DEV 1 10"),
            "firewall" => Some("iptables-save -c"),
            "host" => Some("uptime, free, uname -a"),
            _ => None,
        };
        let to_fix = match by_hand {
            Some(by_hand) => format!("add what {by_hand} prints, or run casebook on the host"),
            None if probe == "capture" => {
                "run casebook on the host, or on packets that tcpdump -w wrote: --pcap FILE".into()
            }
            None => "run casebook on the host".to_owned(),
        };
        // What is behind a link may be the very thing that is missed.
        let why = self.links().map_or_else(|| why.to_owned(), |links| format!("{why}; {links}"));
        Gap::new(Reason::Absent, format!("find in the outputs {how_much} the probe {probe} sees"), why).to_fix(to_fix)
    }

    fn blank(&self, ask: &ProbeRequest) -> Evidence {
        Evidence {
            probe: ask.probe.name().to_owned(),
            params: ask.params.clone(),
            started: self.started(),
            seconds: 0.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            output: None,
            gap: None,
            missing: Vec::new(),
            loss: Vec::new(),
            typed: Default::default(),
        }
    }

    /// Logs are read by the probe itself, up to the moment of the outputs.
    fn logs(&self, ask: &ProbeRequest) -> Evidence {
        let blank = self.blank(ask);
        let place = match &self.logs {
            Logs::In(place) => place,
            Logs::Behind(link) => {
                let why = format!("no log file is there, for {} is a link", link.display());
                return Evidence { gap: Some(self.gap("logs", "what", &why)), ..blank };
            }
            Logs::Nowhere => {
                return Evidence { gap: Some(self.gap("logs", "what", "no log file is there")), ..blank };
            }
        };
        let mut ask = ask.clone();
        ask.params["dir"] = json!(place);
        if ask.params["until"].is_null() {
            ask.params["until"] = json!(self.moment.strftime("%Y-%m-%d %H:%M:%S").to_string());
        }
        let seen = observe_one(&ask, &Context::alone().below(Arc::clone(&self.folder)));
        Evidence {
            seconds: 0.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            started: blank.started,
            params: ask.params,
            ..seen
        }
    }
}

/// The probes for which tools print something, logs left out.
const PRINTED: [&str; 4] = ["host", "interfaces", "sockets", "firewall"];

/// What outputs show of what a probe would have seen; fields that they do not show are left out.
fn output(outputs: &[Printed], probe: &str, params: &Value) -> Result<Value, String> {
    match probe {
        "host" => machine::host(outputs).ok_or("no output of uptime, free, uname, or /proc/meminfo is there".into()),
        "interfaces" => interfaces::output(outputs, params["interface"].as_str().unwrap_or("auto")),
        "sockets" => sockets::output(outputs)
            .ok_or("no output of ss or netstat with its heading is there, nor /proc/net/tcp and udp".into()),
        "firewall" => filter::output(outputs).ok_or("no output of iptables-save is there".into()),
        _ => Err("tools print nothing of the kind".into()),
    }
}

/// What the text of one output shows, for each probe that it shows something of; what it does not show of that is null.
pub fn of_text(text: &str) -> Vec<(&'static str, Value)> {
    let outputs = [Printed { path: String::new(), text: text.to_owned() }];
    let shown = |probe: &'static str| {
        let mut output = output(&outputs, probe, &Value::Null).ok()?;
        fill::fill(&mut output, &find(probe)?.output_schema().to_value());
        Some((probe, output))
    };
    let moment = moment::of(&outputs).map(|moment| ("moment", json!(moment.to_string())));
    PRINTED.into_iter().filter_map(shown).chain(moment).collect()
}

impl Observer for Printouts {
    fn observe(&self, asks: Vec<ProbeRequest>) -> Vec<Evidence> {
        let answered = |ask| {
            let mut evidence = self.answer(ask);
            // What tools print can be as long as somebody likes.
            trim(&mut evidence, ResourceLimits::MEMORY);
            evidence
        };
        asks.iter().map(answered).collect()
    }
}

#[cfg(test)]
mod tests;
