//! All outputs of a text or of several, as an observer that answers the probes.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::data::Data;
use super::here::{Here, moment_of};
use super::input::{Gathered, NoOutput};
use super::interfaces::Chosen;
use super::prompt::Prompt;
use super::recognisers::{RECOGNISERS, Recogniser};
use super::text::Document;
use super::{fill, firewall, input, interfaces, links, machine, packets, prompt, samples, sockets, taken};
use crate::case::{Evidence, Gap, Host, Missing, Observed, Reason, Recognised};
use crate::engine::{Observer, ProbeRequest, derive, observe_one, trim};
use crate::probe::{Context, ResourceLimits, capture, logs};
use crate::sys::beneath::Folder;

/// Senders that are counted.
const MOST_DISTINCT: usize = 16_384;
/// Ranges of lines that are named.
const MOST_NAMED: usize = 20;
/// From this span on packets of a text tell a rate.
const LEAST_SECONDS: f64 = 1.0;

/// An output that was recognised.
struct Piece {
    recogniser: &'static Recogniser,
    document: usize,
    first: usize,
    after: usize,
    data: Data,
}

/// Lines that were not.
struct Unrecognised {
    document: usize,
    first: usize,
    after: usize,
    /// Words between outputs are no output.
    prose: bool,
}

/// When texts were made.
struct Moment {
    at: Timestamp,
    said: String,
    /// Nothing in the texts tells it.
    unknown: bool,
}

/// What tools printed.
pub struct ToolOutput {
    gathered: Gathered,
    pieces: Vec<Piece>,
    unrecognised: Vec<Unrecognised>,
    host: Host,
    moment: Moment,
    at: Option<Time>,
    /// What two outputs with times between them tell.
    pub(super) grown: Grown,
}

impl ToolOutput {
    /// Reads what is named: files, folders, and `-` for `stdin`. `at` picks a time of a recorded day; `now` is when it is read.
    pub fn read(paths: &[PathBuf], stdin: &mut dyn Read, at: Option<Time>, now: Timestamp) -> Result<Self, NoOutput> {
        let gathered = input::gather(paths, stdin)?;
        let (mut pieces, mut unrecognised) = (Vec::new(), Vec::new());
        let (mut prompt_host, mut log_host) = (None, None);
        for (number, document) in gathered.documents.iter().enumerate() {
            recognise(document, number, &mut pieces, &mut unrecognised, &mut prompt_host);
        }
        for piece in &pieces {
            if let Data::Logs(run) = &piece.data {
                log_host = log_host.or_else(|| run.host.clone());
            }
        }
        let machines = || {
            pieces
                .iter()
                .filter_map(|piece| if let Data::Machine(machine) = &piece.data { Some(machine) } else { None })
        };
        let reports = || {
            pieces.iter().filter_map(|piece| if let Data::Rates(report) = &piece.data { Some(report) } else { None })
        };
        let name = machines()
            .find_map(|machine| machine.name.clone())
            .or_else(|| reports().find_map(|report| report.host.clone()))
            .or(prompt_host)
            .or_else(|| by_name(&gathered))
            .or(log_host);
        let kernel = machines()
            .find_map(|machine| machine.kernel.clone())
            .or_else(|| reports().find_map(|report| report.kernel.clone()));
        let unknown = || "unknown".to_owned();
        let host = Host {
            name: name.unwrap_or_else(unknown),
            kernel: kernel.unwrap_or_else(unknown),
            root: false,
            local_time: None,
        };
        let moment = Moment { at: now, said: String::new(), unknown: true };
        let grown = Grown::of(&pieces);
        let mut output = ToolOutput { gathered, pieces, unrecognised, host, moment, at, grown };
        output.moment = output.find_moment(now);
        match output.pieces.is_empty() {
            true => Err(NoOutput::Nothing(output.nothing())),
            false => Ok(output),
        }
    }

    /// What is said where nothing is known.
    fn nothing(&self) -> String {
        let lines: usize = self.gathered.documents.iter().map(Document::len).sum();
        let first = self
            .gathered
            .documents
            .iter()
            .flat_map(|document| (0..document.len()).map(|at| document.line(at).trim()))
            .find(|line| !line.is_empty());
        let first = first
            .map(|line| {
                format!(", the first is `{}`", crate::printable::printable(line.chars().take(60).collect::<String>()))
            })
            .unwrap_or_default();
        let links = self.gathered.links.sentence().map(|links| format!("; {links}")).unwrap_or_default();
        let known: Vec<&str> = RECOGNISERS.iter().map(|recogniser| recogniser.name).collect();
        format!(
            "nothing is known in what was given ({lines} lines{first}){links}; understood are: {}",
            known.join("; ")
        )
    }

    /// Which links hide something, in a sentence.
    pub fn links(&self) -> Option<String> {
        self.gathered.links.sentence()
    }

    /// When the outputs were made; their clock is taken for UTC.
    pub fn started(&self) -> Timestamp {
        self.moment.at
    }

    /// The host that they are of.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// How long rates were watched, in seconds, where the outputs show it.
    pub fn seconds(&self) -> Option<f64> {
        self.interfaces("auto").ok()?.0["seconds"].as_f64()
    }

    /// When the texts were made, and what tells it.
    pub fn moment(&self) -> &str {
        &self.moment.said
    }

    /// The outputs that were recognised.
    pub fn recognised(&self) -> Vec<Recognised> {
        let told = |piece: &Piece| Recognised {
            tool: piece.recogniser.name.to_owned(),
            taken: taken::taken(&piece.data),
            place: self.place(piece.document, piece.first, piece.after),
        };
        self.pieces.iter().map(told).collect()
    }

    /// What was not, by file and line.
    pub fn not_recognised(&self) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        // A file that has the name of a tool, and nothing of it.
        let is_empty = |number: usize| !self.pieces.iter().any(|piece| piece.document == number);
        let damaged = |number: usize| {
            let name = self
                .gathered
                .documents
                .get(number)
                .map_or("", |document| document.name.rsplit('/').next().unwrap_or_default());
            is_empty(number) && prompt::is_program(name.split(['-', '_', '.']).next().unwrap_or_default())
        };
        let named: Vec<&str> = (0..self.gathered.documents.len())
            .filter(|number| damaged(*number))
            .take(MOST_NAMED)
            .map(|number| self.gathered.documents[number].name.as_str())
            .collect();
        if !named.is_empty() {
            told.push(format!(
                "nothing could be taken from {}: damaged, or in a form that is not known",
                named.join(", ")
            ));
        }
        let lost: Vec<&Unrecognised> =
            self.unrecognised.iter().filter(|lines| !lines.prose && !damaged(lines.document)).collect();
        for lines in lost.iter().take(MOST_NAMED) {
            let text = self.gathered.documents[lines.document].line(lines.first).trim();
            let text = crate::printable::printable(text.chars().take(48).collect::<String>());
            told.push(format!("{}: {text}", self.place(lines.document, lines.first, lines.after)));
        }
        if lost.len() > MOST_NAMED {
            let lines: usize = lost.iter().skip(MOST_NAMED).map(|lines| lines.after - lines.first).sum();
            told.push(format!("and {lines} lines in {} more places", lost.len() - MOST_NAMED));
        }
        let prose: usize =
            self.unrecognised.iter().filter(|lines| lines.prose).map(|lines| lines.after - lines.first).sum();
        if prose > 0 {
            told.push(format!("{prose} {} of words between outputs", if prose == 1 { "line" } else { "lines" }));
        }
        for (why, named, others) in &self.gathered.left_out {
            let more = if *others > 0 { format!(" and {others} more") } else { String::new() };
            told.push(format!("{}{more}: {why}", named.join(", ")));
        }
        told
    }

    fn place(&self, document: usize, first: usize, after: usize) -> String {
        let name = self.gathered.documents.get(document).map_or("", |document| document.name.as_str());
        let name = if name == "-" { "standard input" } else { name };
        if after - first <= 1 {
            format!("{name} line {}", first + 1)
        } else {
            format!("{name} lines {}-{after}", first + 1)
        }
    }

    pub(super) fn data(&self) -> impl Iterator<Item = &Data> {
        self.pieces.iter().map(|piece| &piece.data)
    }

    pub(super) fn shown(&self) -> Vec<links::Shown> {
        let all = self.data().filter_map(|data| if let Data::Links(links) = data { Some(links) } else { None });
        let mut shown = interfaces::together(all);
        for nic in self.data().filter_map(|data| if let Data::Nic(nic) = data { Some(nic) } else { None }) {
            // A card whose rates alone are known is an interface, too.
            if let Some(name) = nic.interface.as_ref().filter(|name| !shown.iter().any(|link| link.name == **name)) {
                shown.push(links::Shown { name: name.clone(), ..links::Shown::default() });
            }
            if let Some(link) = shown.iter_mut().find(|link| Some(&link.name) == nic.interface.as_ref()) {
                link.speed = link.speed.or(nic.speed);
                let allowances = nic.counters.iter().filter(|(name, _)| name.ends_with("allowance_exceeded"));
                link.allowance =
                    link.allowance.or_else(|| allowances.map(|(_, count)| *count).reduce(u64::saturating_add));
            }
        }
        shown
    }

    fn route(&self) -> Option<&str> {
        self.data().find_map(|data| if let Data::Route(name) = data { Some(name.as_str()) } else { None })
    }

    pub(super) fn chosen(&self) -> Chosen<'_> {
        let printed = self.data().filter_map(|data| if let Data::Rates(report) = data { Some(report) } else { None });
        let reports: Vec<&samples::Report> = self.grown.rates.iter().chain(printed).collect();
        interfaces::choose(&reports, &self.shown(), self.route(), self.at)
    }

    fn interfaces(&self, wanted: &str) -> Result<(Value, Vec<String>), String> {
        let chosen = self.chosen();
        let mut output = interfaces::output(self.shown(), &chosen, self.route(), wanted)?;
        output["from_text"] = json!(true);
        let jumped =
            self.data().filter_map(|data| if let Data::Rates(report) = data { Some(&report.left_out) } else { None });
        Ok((output, jumped.flatten().cloned().collect()))
    }

    fn settings(&self) -> impl Iterator<Item = &(String, String)> {
        self.data().filter_map(|data| if let Data::Settings(settings) = data { Some(settings) } else { None }).flatten()
    }

    pub(super) fn setting(&self, name: &str) -> Option<u64> {
        self.settings().find(|(known, _)| known == name)?.1.split_whitespace().next()?.parse().ok()
    }

    /// What the outputs show of what a probe would have seen, with what was lost; fields that they do not show are left out.
    fn output(&self, probe: &str, params: &Value) -> Result<(Value, Vec<String>), String> {
        let plain =
            |output: Option<Value>, why: &str| output.map(|output| (output, Vec::new())).ok_or_else(|| why.to_owned());
        match probe {
            "host" => {
                let machines =
                    self.data().filter_map(|data| if let Data::Machine(machine) = data { Some(machine) } else { None });
                let known = |name: &String| (name != "unknown").then(|| name.clone());
                let cpus = self.data().find_map(|data| match data {
                    Data::Rates(report) => report.cpus,
                    Data::Softnet(rows) if rows.len() > 1 => u32::try_from(rows.len()).ok(),
                    _ => None,
                });
                let shares = self
                    .data()
                    .filter_map(|data| if let Data::Rates(report) = data { Some(&report.softirq) } else { None });
                let softirq = shares.flatten().map(|(cpu, share)| (*cpu, *share)).max_by(|a, b| a.1.total_cmp(&b.1));
                let mut output = machine::host(
                    machines,
                    known(&self.host.name).as_deref(),
                    known(&self.host.kernel).as_deref(),
                    cpus,
                    softirq,
                );
                if let Some(output) = &mut output {
                    output["from_text"] = json!(true);
                }
                plain(output, "no output of uptime, top, free, uname, or /proc/meminfo is there")
            }
            "interfaces" => self.interfaces(params["interface"].as_str().unwrap_or("auto")),
            "sockets" => {
                let tables: Vec<&sockets::Table> = self
                    .data()
                    .filter_map(|data| if let Data::Sockets(table) = data { Some(table) } else { None })
                    .collect();
                let counts: Vec<(&'static str, u64)> = self
                    .data()
                    .flat_map(|data| match data {
                        Data::SocketCounts(counts) => counts.clone(),
                        Data::Told(told) => told.states.clone(),
                        _ => Vec::new(),
                    })
                    .collect();
                plain(
                    sockets::output(&tables, &counts),
                    "no output of ss or netstat is there, nor /proc/net/tcp and udp",
                )
            }
            "firewall" => {
                let rules: Vec<&firewall::Rules> = self
                    .data()
                    .filter_map(|data| if let Data::Rules(rules) = data { Some(rules) } else { None })
                    .collect();
                plain(firewall::output(&rules), "no output of iptables or nft is there")
            }
            "kernel" => plain(
                self.kernel(),
                "counters since boot say nothing of a window; two of them with times between would",
            ),
            "conntrack" => plain(self.conntrack(), "no output of conntrack is there"),
            _ => Err("tools print nothing of the kind".into()),
        }
    }

    /// What the outputs show of the kernel's limits and tables; what grew only where two outputs tell it.
    fn kernel(&self) -> Option<Value> {
        let mut output = self.grown.kernel();
        let count = self.data().find_map(|data| {
            if let Data::Conntrack(tracked) = data {
                tracked.count.or((tracked.entries > 0).then_some(tracked.entries))
            } else {
                None
            }
        });
        let count = count.or_else(|| self.setting("net.netfilter.nf_conntrack_count"));
        let max = self.setting("net.netfilter.nf_conntrack_max").or_else(|| self.setting("net.nf_conntrack_max"));
        let mut conntrack = serde_json::Map::new();
        conntrack.extend(count.map(|count| ("count".to_owned(), json!(count))));
        conntrack.extend(max.map(|max| ("max".to_owned(), json!(max))));
        if let (Some(count), Some(max)) = (count, max.filter(|max| *max > 0)) {
            conntrack.insert("used_share".into(), json!(count as f64 / max as f64));
        }
        if !conntrack.is_empty() {
            output.insert("conntrack".into(), Value::Object(conntrack));
        }
        if let Some(rows) = self.data().find_map(|data| if let Data::Softnet(rows) = data { Some(rows) } else { None })
        {
            let all: u64 = rows.iter().map(|row| row[0]).sum();
            let busiest = rows.iter().enumerate().max_by_key(|(_, row)| row[0]);
            if let Some((cpu, row)) = busiest.filter(|_| all > 0) {
                output.insert(
                    "softnet".into(),
                    json!({
                        "cpus": rows.len(),
                        "since_boot": {
                            "processed": all,
                            "dropped": rows.iter().map(|row| row[1]).sum::<u64>(),
                            "time_squeeze": rows.iter().map(|row| row[2]).sum::<u64>(),
                            "busiest_cpu": cpu,
                            "busiest_cpu_share": row[0] as f64 / all as f64,
                        },
                    }),
                );
            }
        }
        let settings: serde_json::Map<String, Value> = [
            ("somaxconn", "net.core.somaxconn"),
            ("rmem_max", "net.core.rmem_max"),
            ("rmem_default", "net.core.rmem_default"),
            ("netdev_max_backlog", "net.core.netdev_max_backlog"),
            ("tcp_max_syn_backlog", "net.ipv4.tcp_max_syn_backlog"),
            ("tcp_syncookies", "net.ipv4.tcp_syncookies"),
        ]
        .into_iter()
        .filter_map(|(field, name)| Some((field.to_owned(), json!(self.setting(name)?))))
        .collect();
        if !settings.is_empty() {
            output.insert("settings".into(), Value::Object(settings));
        }
        (!output.is_empty()).then_some(Value::Object(output))
    }

    fn conntrack(&self) -> Option<Value> {
        let tracked =
            self.data().find_map(|data| if let Data::Conntrack(tracked) = data { Some(tracked) } else { None })?;
        let ranked = |map: &std::collections::BTreeMap<String, u64>, name: &str| {
            let mut rows: Vec<(&String, &u64)> = map.iter().collect();
            rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            rows.into_iter()
                .map(|(word, count)| json!({name: word.to_lowercase(), "entries": count}))
                .collect::<Vec<_>>()
        };
        let mut output = json!({"tracking": true});
        if tracked.entries > 0 {
            output["count"] = json!(tracked.entries);
            output["entries_read"] = json!(tracked.entries);
            output["unreplied"] = json!(tracked.unreplied);
            output["assured"] = json!(tracked.assured);
            output["tcp_states"] = json!(ranked(&tracked.states, "state"));
            output["protocols"] = json!(ranked(&tracked.protocols, "protocol"));
        }
        if let Some(count) = tracked.count {
            output["count"] = json!(count);
        }
        Some(output)
    }

    /// The packets of all texts of `tcpdump` together.
    fn packets(&self) -> Option<packets::File> {
        let packets: Vec<&packets::Printed> = self
            .data()
            .filter_map(|data| if let Data::Packets(packets) = data { Some(packets) } else { None })
            .flatten()
            .collect();
        let known: Vec<std::net::IpAddr> =
            self.shown().iter().flat_map(|link| link.addresses.iter().map(|(address, ..)| *address)).collect();
        let day = (!self.moment.unknown).then(|| self.moment.at.to_zoned(TimeZone::UTC).date());
        let day = day.or_else(|| Some(self.moment.at.to_zoned(TimeZone::UTC).date()));
        (!packets.is_empty()).then(|| packets::file(&packets, day, &known))
    }

    fn capture(&self, ask: &ProbeRequest) -> Evidence {
        let blank = self.blank(ask);
        let Some(file) = self.packets() else {
            return Evidence { gap: Some(self.gap("capture", "what", "no text of tcpdump is there")), ..blank };
        };
        let observed: Result<Observed<Value>, Gap> = capture::of_text(&file.bytes, &file.local, &ask.params);
        match observed {
            Ok(Observed { mut output, missing, mut loss }) => {
                let mut missing = missing;
                output["excerpt"] = json!(true);
                if self.moment.unknown {
                    output["started"] = Value::Null;
                }
                let enough = file.seconds.is_some_and(|seconds| seconds >= LEAST_SECONDS);
                if !enough {
                    let span = file.seconds.map_or_else(
                        || "without times".to_owned(),
                        |seconds| format!("of {}", crate::units::span(seconds)),
                    );
                    output["seconds"] = Value::Null;
                    let why = format!("{} packets {span} were printed, an excerpt", file.packets);
                    let gap = Gap::new(Reason::Absent, "tell a rate of packets", why)
                        .to_fix("add what sar -n DEV 1 10 prints, or packets of some seconds: tcpdump -c 5000 -w FILE");
                    missing.push(Missing { fields: vec!["seconds".into(), "timeline".into()], gap });
                }
                for (name, address) in file.names.iter().take(MOST_NAMED) {
                    loss.push(format!(
                        "{address} stands for the name {}: tcpdump -n prints addresses",
                        crate::printable::printable(name)
                    ));
                }
                Evidence {
                    output: Some(output),
                    missing,
                    loss,
                    seconds: if enough { file.seconds.unwrap_or_default() } else { 0.0 },
                    ..blank
                }
            }
            Err(gap) => Evidence { gap: Some(gap), ..blank },
        }
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
        match probe {
            "logs" => return self.logs(ask),
            "capture" => return self.capture(ask),
            _ => {}
        }
        let mut evidence = self.blank(ask);
        match self.output(probe, &ask.params) {
            Ok((mut output, loss)) => {
                evidence.seconds = output["seconds"].as_f64().unwrap_or_default();
                evidence.loss = loss;
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
            "logs" => Some("journalctl -n 500, or tail -n 500 /var/log/messages"),
            "conntrack" => Some("conntrack -C, and sysctl net.netfilter.nf_conntrack_max"),
            "kernel" => Some("nstat -az; sleep 10; nstat -az, with date before each"),
            "capture" => Some("tcpdump -nn -c 500"),
            _ => None,
        };
        let way_out = match by_hand {
            Some(by_hand) => format!("add what {by_hand} prints, or run casebook on the host"),
            None => "run casebook on the host".to_owned(),
        };
        // What is behind a link may be the very thing that is missed.
        let why = self.links().map_or_else(|| why.to_owned(), |links| format!("{why}; {links}"));
        Gap::new(Reason::Absent, format!("find in the outputs {how_much} the probe {probe} sees"), why).to_fix(way_out)
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

    /// The texts of logs, with where they stand.
    pub(super) fn log_texts(&self) -> Vec<(String, logs::Kind, &str, bool)> {
        let mut texts = Vec::new();
        for piece in &self.pieces {
            let (Data::Logs(run), Some(document)) = (&piece.data, self.gathered.documents.get(piece.document)) else {
                continue;
            };
            let text = run.text.as_deref().unwrap_or_else(|| document.slice(piece.first, piece.after));
            texts.push((self.place(piece.document, piece.first, piece.after), run.kind, text, run.timeless));
        }
        texts
    }

    /// How many different words follow these in the lines of logs, up to their last colon.
    pub(super) fn distinct(&self, after: &str) -> usize {
        let mut seen = std::collections::HashSet::new();
        for (_, _, text, _) in self.log_texts() {
            let finder = memchr::memmem::find_iter(text.as_bytes(), after.as_bytes());
            for at in finder {
                let word = text.get(at + after.len()..).and_then(|rest| rest.split_whitespace().next());
                if let Some((address, _)) = word.and_then(|word| word.rsplit_once(':'))
                    && seen.len() < MOST_DISTINCT
                {
                    seen.insert(address);
                }
            }
        }
        seen.len()
    }

    /// All lines of logs, whenever they were written.
    fn logs(&self, ask: &ProbeRequest) -> Evidence {
        let blank = self.blank(ask);
        // Files that a runbook names are those of the folder, by their names.
        let named = ask.params["files"].as_array().is_some_and(|files| !files.is_empty());
        if let Some(folder) = self.gathered.folder.as_ref().filter(|_| named) {
            return self.logs_of_folder(ask, folder);
        }
        let texts = self.log_texts();
        if texts.is_empty() {
            return Evidence { gap: Some(self.gap("logs", "what", "no line of a log is there")), ..blank };
        }
        let last_of_kernel = texts
            .iter()
            .filter(|(_, kind, ..)| *kind == logs::Kind::Kernel)
            .filter_map(|(_, _, text, _)| logs::kernel_span(text.as_bytes()))
            .map(|(_, last)| last)
            .fold(0.0, f64::max);
        // Whether lines of the kernel can be dated: by how long the host was up.
        let up = self.data().find_map(|data| if let Data::Machine(machine) = data { machine.uptime } else { None });
        let since = up.map_or(last_of_kernel, |up| (up as f64).max(last_of_kernel));
        let boot = SignedDuration::try_from_secs_f64(since)
            .ok()
            .and_then(|since| self.moment.at.checked_sub(since).ok())
            .unwrap_or(self.moment.at);
        let given: Vec<logs::Text<'_>> = texts
            .iter()
            .map(|(name, kind, text, _)| logs::Text { name, kind: *kind, bytes: text.as_bytes() })
            .collect();
        let params: logs::Params = serde_json::from_value(ask.params.clone()).unwrap_or_default();
        // Seconds since the kernel started say when only where it is known when that was.
        let is_dated = |text: &logs::Text<'_>| {
            text.kind != logs::Kind::Kernel
                || up.is_some_and(|up| up as f64 >= last_of_kernel) && !self.moment.unknown
                || logs::span(text.bytes, self.moment.at).is_some()
        };
        let timeless: Vec<bool> = texts.iter().map(|(.., timeless)| *timeless).collect();
        let (mut dated, mut undated_texts) = (Vec::new(), Vec::new());
        for (text, timeless) in given.into_iter().zip(timeless) {
            if !timeless && is_dated(&text) { dated.push(text) } else { undated_texts.push(text) }
        }
        // A year that is not written is that of the moment, where something else tells it.
        let reference = if self.moment.unknown { self.reference() } else { self.moment.at };
        let search =
            |texts: &[logs::Text<'_>]| (!texts.is_empty()).then(|| logs::search(texts, &params, reference, boot));
        let (with_times, without) = match (search(&dated).transpose(), search(&undated_texts).transpose()) {
            (Ok(with_times), Ok(without)) => (with_times, without),
            (Err(gap), _) | (_, Err(gap)) => return Evidence { gap: Some(gap), ..blank },
        };
        let without = without.map(|observed| {
            let mut output = serde_json::to_value(observed.output).unwrap_or_default();
            undated(&mut output);
            (output, observed.missing, observed.loss)
        });
        let with_times = with_times.map(|observed| {
            (serde_json::to_value(observed.output).unwrap_or_default(), observed.missing, observed.loss)
        });
        let (output, missing, loss) = match (with_times, without) {
            (Some((mut output, missing, loss)), Some((more, ..))) => {
                added(&mut output, more);
                (output, missing, loss)
            }
            (Some(all), None) | (None, Some(all)) => all,
            (None, None) => return blank,
        };
        Evidence { output: Some(output), missing, loss, ..blank }
    }

    /// The log files of a folder that a runbook names, read by the probe itself up to the moment of the outputs.
    fn logs_of_folder(&self, ask: &ProbeRequest, folder: &Arc<Folder>) -> Evidence {
        let of_system = folder.metadata(Path::new("var/log")).is_ok_and(|metadata| metadata.is_dir());
        let mut ask = ask.clone();
        ask.params["dir"] = json!(if of_system { "var/log" } else { "." });
        if ask.params["until"].is_null() {
            ask.params["until"] = json!(self.moment.at.to_string());
        }
        let seen = observe_one(&ask, &Context::alone().below(Arc::clone(folder)));
        Evidence {
            seconds: 0.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            started: self.started(),
            params: ask.params,
            ..seen
        }
    }

    /// What a time without a year lies before: when the newest file was changed, else the moment of reading.
    fn reference(&self) -> Timestamp {
        self.gathered.documents.iter().filter_map(|document| document.modified).max().unwrap_or_else(Timestamp::now)
    }

    /// When the texts were made: what `date` says; the heading of `sar`; the time of `uptime` with the day of a log; the last line
    /// of a log; else the last change of the file, else now. It is said which.
    fn find_moment(&self, now: Timestamp) -> Moment {
        let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        let known = |at: Timestamp, how: &str| Moment {
            at,
            said: format!("{}, by {how}; the clock of the outputs is taken for UTC", at.strftime("%Y-%m-%d %H:%M:%S")),
            unknown: false,
        };
        if let Some(at) = self.data().find_map(|data| if let Data::Moment(at) = data { utc(*at) } else { None }) {
            return known(at, "what date printed");
        }
        let chosen = self.chosen();
        if let Some(at) = chosen.end().and_then(utc) {
            let ambiguous = self.data().any(|data| matches!(data, Data::Rates(report) if report.date_ambiguous));
            let doubt = if ambiguous { " (the month is taken to stand first)" } else { "" };
            return known(at, &format!("the heading and the times of sar{doubt}"));
        }
        let reference = self.reference().max(Timestamp::UNIX_EPOCH);
        let mut last: Option<(Timestamp, bool)> = None;
        for (_, _, text, timeless) in self.log_texts() {
            if let Some((_, at, inferred)) = logs::span(text.as_bytes(), reference).filter(|_| !timeless) {
                last =
                    Some(last.map_or(
                        (at, inferred),
                        |last: (Timestamp, bool)| if at > last.0 { (at, inferred) } else { last },
                    ));
            }
        }
        let time = self
            .data()
            .find_map(|data| if let Data::Machine(machine) = data { machine.time } else { None })
            .or_else(|| chosen.end_time());
        if let Some((at, inferred)) = last {
            let year = if inferred { ", which names no year: the latest that fits is taken" } else { "" };
            let with_time = time
                .and_then(|time| moment_of(at.to_zoned(TimeZone::UTC).date(), time))
                .and_then(utc)
                .filter(|with| *with >= at);
            return match with_time {
                Some(at) => {
                    known(at, &format!("the time of uptime or sar, and the day of the last line of a log{year}"))
                }
                None => known(at, &format!("the last line of a log{year}")),
            };
        }
        let day = self.data().find_map(|data| match data {
            Data::Packets(packets) => packets.iter().rev().find_map(|packet| packet.day.zip(packet.at)),
            _ => None,
        });
        if let Some(at) =
            day.and_then(|(day, nanos)| moment_of(day, u32::try_from(nanos / 1_000_000_000).ok()?)).and_then(utc)
        {
            return known(at, "the times of tcpdump");
        }
        let renewed = self.data().find_map(|data| if let Data::Told(told) = data { told.moment } else { None });
        if let Some(at) = renewed.and_then(utc) {
            return known(at, "when vnstat renewed its figures");
        }
        let changed = self.gathered.documents.iter().filter_map(|document| document.modified).max();
        let at = changed.unwrap_or(now);
        let of_day = time.and_then(|time| moment_of(at.to_zoned(TimeZone::UTC).date(), time)).and_then(utc);
        let of_day_said = of_day.map(|_| " The time of day is that of the outputs.").unwrap_or_default();
        let at = of_day.unwrap_or(at);
        let what = if changed.is_some() { "the last change of the file" } else { "when it was read" };
        Moment {
            at,
            said: format!(
                "unknown: the text shows no day. The case bears {what}, {}.{of_day_said}",
                at.strftime("%Y-%m-%d %H:%M:%S UTC")
            ),
            unknown: true,
        }
    }
}

/// Adds the hits of lines without a time to those of others.
fn added(output: &mut Value, more: Value) {
    let sum = |a: &Value, b: &Value| json!(a.as_u64().unwrap_or(0).saturating_add(b.as_u64().unwrap_or(0)));
    for field in ["lines", "hits"] {
        output[field] = sum(&output[field], &more[field]);
    }
    if let (Some(files), Some(others)) = (output["files"].as_array_mut(), more["files"].as_array()) {
        files.extend(others.iter().cloned());
    }
    for (name, hits) in more["patterns"].as_object().into_iter().flatten() {
        let known = &mut output["patterns"][name];
        if known["count"] == 0 {
            *known = hits.clone();
        } else {
            known["count"] = sum(&known["count"], &hits["count"]);
        }
    }
}

/// What two outputs of one counter tell, with times between them.
#[derive(Debug, Default)]
pub(super) struct Grown {
    rates: Vec<samples::Report>,
    pub counters: std::collections::BTreeMap<String, u64>,
    pub seconds: Option<f64>,
}

/// Fields of the probe `kernel`, with the counters that they are of.
const KERNEL: &[(&str, &str, &[&str])] = &[
    ("ip", "in_receives", &["Ip.InReceives"]),
    ("ip", "forwarded", &["Ip.ForwDatagrams"]),
    ("tcp", "listen_overflows", &["TcpExt.ListenOverflows"]),
    ("tcp", "listen_drops", &["TcpExt.ListenDrops"]),
    ("tcp", "syncookies_sent", &["TcpExt.SyncookiesSent"]),
    ("tcp", "req_q_full_drop", &["TcpExt.TCPReqQFullDrop"]),
    ("tcp", "req_q_full_do_cookies", &["TcpExt.TCPReqQFullDoCookies"]),
    ("tcp", "out_rsts", &["Tcp.OutRsts"]),
    ("udp", "no_ports", &["Udp.NoPorts", "Udp6.NoPorts"]),
    ("udp", "rcvbuf_errors", &["Udp.RcvbufErrors", "Udp6.RcvbufErrors"]),
    ("udp", "in_csum_errors", &["Udp.InCsumErrors", "Udp6.InCsumErrors"]),
    ("icmp", "in_msgs", &["Icmp.InMsgs"]),
    ("icmp", "out_echo_reps", &["Icmp.OutEchoReps"]),
];

impl Grown {
    /// Goes through the outputs in order: each is of the time that was printed last before it.
    fn of(pieces: &[Piece]) -> Self {
        let mut grown = Grown::default();
        let mut now: Option<(i64, Option<jiff::civil::Date>)> = None;
        let mut links: Option<(i64, &Vec<links::Shown>)> = None;
        let mut counters: Option<(i64, &Vec<(String, u64)>)> = None;
        for piece in pieces {
            match &piece.data {
                Data::Moment(at) => {
                    let seconds = at.to_zoned(TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_second());
                    now = Some((seconds, Some(at.date())));
                }
                Data::Machine(machine) => {
                    if let Some(time) = machine.time {
                        let midnight = now
                            .and_then(|(_, day)| day?.to_zoned(TimeZone::UTC).ok())
                            .map_or(0, |zoned| zoned.timestamp().as_second());
                        now = Some((midnight + i64::from(time), now.and_then(|(_, day)| day)));
                    }
                }
                Data::Links(after) => {
                    let Some((at, day)) = now else { continue };
                    if let Some((before_at, before)) =
                        links.filter(|(before_at, _)| at > *before_at && at - before_at < 86_400)
                    {
                        grown.rates.extend(rates_of(before, after, (at - before_at) as f64, at, day));
                    }
                    links = Some((at, after));
                }
                Data::Counters(after) => {
                    let Some((at, _)) = now else { continue };
                    if let Some((before_at, before)) =
                        counters.filter(|(before_at, _)| at > *before_at && at - before_at < 86_400)
                    {
                        grown.seconds = Some((at - before_at) as f64);
                        for (name, value) in after {
                            let earlier = before.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
                            if let Some(more) = earlier.and_then(|earlier| value.checked_sub(earlier)) {
                                grown.counters.insert(name.clone(), more);
                            }
                        }
                    }
                    counters = Some((at, after));
                }
                _ => {}
            }
        }
        grown
    }

    /// The part of the probe `kernel` that grew.
    fn kernel(&self) -> serde_json::Map<String, Value> {
        let mut output = serde_json::Map::new();
        let Some(seconds) = self.seconds else { return output };
        output.insert("seconds".into(), json!(seconds));
        for (group, field, counters) in KERNEL {
            let known: Vec<u64> = counters.iter().filter_map(|name| self.counters.get(*name)).copied().collect();
            if !known.is_empty() {
                let group = output.entry(*group).or_insert_with(|| json!({}));
                group[*field] = json!(known.iter().sum::<u64>());
            }
        }
        let grew: std::collections::BTreeMap<&String, &u64> =
            self.counters.iter().filter(|(_, more)| **more > 0).collect();
        output.insert("grew".into(), json!(grew));
        output
    }
}

/// Rates of the interfaces that both outputs show.
fn rates_of(
    before: &[links::Shown],
    after: &[links::Shown],
    seconds: f64,
    at: i64,
    date: Option<jiff::civil::Date>,
) -> Option<samples::Report> {
    let mut report = samples::Report { date, ..samples::Report::default() };
    for link in after {
        let Some(earlier) = before.iter().find(|earlier| earlier.name == link.name) else { continue };
        let grew = |now: Option<u64>, then: Option<u64>| Some(now?.checked_sub(then?)? as f64 / seconds);
        let (Some(rx_packets), Some(tx_packets)) =
            (grew(link.rx.packets, earlier.rx.packets), grew(link.tx.packets, earlier.tx.packets))
        else {
            continue;
        };
        let sample = samples::Sample {
            at: u32::try_from(at.rem_euclid(86_400)).ok(),
            rx_packets,
            tx_packets,
            rx_bytes: grew(link.rx.bytes, earlier.rx.bytes),
            tx_bytes: grew(link.tx.bytes, earlier.tx.bytes),
        };
        report.interfaces.insert(link.name.clone(), samples::Rates { samples: vec![sample], mean: None });
    }
    (!report.interfaces.is_empty()).then_some(report)
}

/// Takes out times that were counted from an unknown beginning; how far they are apart stays, in the minutes of each pattern.
fn undated(output: &mut Value) {
    for pattern in output["patterns"].as_object_mut().into_iter().flat_map(|patterns| patterns.values_mut()) {
        let moment = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        if let (Some(first), Some(last)) = (moment(&pattern["first"]), moment(&pattern["last"])) {
            pattern["apart_seconds"] = json!(last.duration_since(first).as_secs_f64());
        }
        pattern["first"] = Value::Null;
        pattern["last"] = Value::Null;
        pattern["per_minute"] = json!([]);
    }
    output["per_minute"] = json!([]);
}

/// The host by a file that is called `hostname`.
fn by_name(gathered: &Gathered) -> Option<String> {
    let document = gathered.documents.iter().find(|document| document.name.rsplit('/').next() == Some("hostname"))?;
    let first = document.line(0).split_whitespace().next()?;
    (first.len() <= 253).then(|| crate::printable::printable(first))
}

/// Goes through a text once.
fn recognise(
    document: &Document,
    number: usize,
    pieces: &mut Vec<Piece>,
    unrecognised: &mut Vec<Unrecognised>,
    host: &mut Option<String>,
) {
    let file = document.name.rsplit('/').next().unwrap_or_default();
    let file = ["txt", "log", "out", "text"]
        .iter()
        .find_map(|ending| file.strip_suffix(&format!(".{ending}")))
        .unwrap_or(file);
    let of_name: Vec<&str> = file.split(['-', '_', '.', ' ', ',']).filter(|word| !word.is_empty()).collect();
    let (mut command, mut by_name) = (of_name.clone(), true);
    let mut at = 0;
    while at < document.len() {
        let line = document.line(at);
        let trimmed = line.trim();
        if trimmed.is_empty() {
            at += 1;
            continue;
        }
        if let Some(prompt) = Prompt::of(line).filter(|prompt| !is_rule(prompt.command)) {
            if host.is_none() {
                *host = prompt.host.map(crate::printable::printable);
            }
            (command, by_name) = (prompt.words(), false);
            if let Some(pipe) = command.iter().position(|word| *word == "|") {
                command.truncate(pipe);
            }
            at += 1;
            continue;
        }
        let here = Here { document, at, command: command.clone(), by_name };
        let taken = RECOGNISERS.iter().find_map(|recogniser| {
            let (lines, data) = (recogniser.take)(&here)?;
            (lines > 0).then_some((recogniser, lines, data))
        });
        if let Some((recogniser, lines, data)) = taken {
            pieces.push(Piece { recogniser, document: number, first: at, after: at + lines, data });
            at += lines;
            continue;
        }
        let prose = is_prose(trimmed);
        match unrecognised.last_mut() {
            Some(last) if last.document == number && last.after == at && last.prose == prose => last.after = at + 1,
            _ => unrecognised.push(Unrecognised { document: number, first: at, after: at + 1, prose }),
        }
        if prose {
            (command, by_name) = (of_name.clone(), true);
        }
        at += 1;
    }
}

/// `iptables -A …` is a rule, pasted as it was typed.
fn is_rule(command: &str) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| *word == "sudo");
    matches!(words.next(), Some("iptables" | "ip6tables")) && words.any(|word| matches!(word, "-A" | "-I" | "-P"))
}

/// Whether a line is words of somebody and no output.
fn is_prose(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let plain = |word: &&&str| {
        let word = word.trim_matches(|c: char| c.is_ascii_punctuation());
        !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-'))
    };
    let plains = words.iter().filter(plain).count();
    if line.contains("  ") && plains < words.len() {
        return false;
    }
    words.len() <= 3 && plains == words.len()
        || (words.len() >= 3 && plains * 10 >= words.len() * 7)
        || line.chars().all(|c| c.is_ascii_punctuation())
}

impl Observer for ToolOutput {
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
#[path = "tests.rs"]
mod tests;
