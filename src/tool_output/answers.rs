//! What the outputs show of what each probe would have seen.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::data::Data;
use super::outputs::{MOST_NAMED, ToolOutput};
use super::{cards, fill, firewall, interfaces, machine, packets, sockets, storage};
use crate::case::{Evidence, Gap, Missing, Observed, Reason};
use crate::engine::{Observer, ProbeRequest, derive, observe_one, trim};
use crate::probe::{Context, ResourceLimits, capture, logs};
use crate::sys::beneath::Folder;

/// What prints what a probe sees.
fn by_hand(probe: &str) -> Option<&'static str> {
    Some(match probe {
        "sockets" => "ss -tunap",
        "interfaces" => "ip -s addr, and sar -n DEV 1 10",
        "devices" => "ethtool -S, and ethtool -i of the card",
        "firewall" => "iptables-save -c",
        "host" => "uptime, free, uname -a",
        "logs" => "journalctl -n 500, or tail -n 500 /var/log/messages",
        "conntrack" => "conntrack -C, and sysctl net.netfilter.nf_conntrack_max",
        "kernel" => "nstat -az; sleep 10; nstat -az, with date before each",
        "capture" => "tcpdump -nn -c 500",
        "disk" => "df -h, df -i, iostat -x 1 5",
        "space" => "lsof -nP +L1, and du -xh / | sort -h | tail -30",
        "processes" => "top -b -n 1 | head -40",
        _ => return None,
    })
}

/// As many times as much as it receives sends a host that is asked why it sends so much.
const SENDS_MOST: f64 = 4.0;

/// From this span on packets of a text tell a rate.
const LEAST_SECONDS: f64 = 1.0;

impl ToolOutput {
    /// How long rates were watched, in seconds, where the outputs show it.
    pub fn seconds(&self) -> Option<f64> {
        self.interfaces("auto").ok()?.0["seconds"].as_f64()
    }

    /// Whether a host sends several times as much as it receives, as far as rates tell it.
    pub fn sends_most(&self) -> bool {
        let rates = self.interfaces("auto").ok().map(|(output, _)| output["watched"].clone()).unwrap_or_default();
        let of = |way: &str| rates[way]["bits_per_second"].as_f64();
        of("tx").zip(of("rx")).is_some_and(|(sent, received)| sent > SENDS_MOST * received)
    }

    fn interfaces(&self, wanted: &str) -> Result<(Value, Vec<String>), String> {
        let chosen = self.pieces.chosen();
        let mut output = interfaces::output(self.pieces.shown().to_vec(), &chosen, self.pieces.route(), wanted)?;
        output["from_text"] = json!(true);
        let jumped = self
            .pieces
            .data()
            .filter_map(|data| if let Data::Rates(report) = data { Some(&report.left_out) } else { None });
        Ok((output, jumped.flatten().cloned().collect()))
    }

    /// What the outputs show of what a probe would have seen, with what was lost; fields that they do not show are left out.
    pub(super) fn output(&self, probe: &str, params: &Value) -> Result<(Value, Vec<String>), String> {
        let plain =
            |output: Option<Value>, why: &str| output.map(|output| (output, Vec::new())).ok_or_else(|| why.to_owned());
        match probe {
            "host" => {
                let machines = self
                    .pieces
                    .data()
                    .filter_map(|data| if let Data::Machine(machine) = data { Some(&**machine) } else { None });
                // What `mpstat` and `sar -u` say of all CPUs.
                let cpu =
                    self.pieces.data().find_map(|data| if let Data::Rates(report) = data { report.cpu } else { None });
                let cpu = cpu.map(|cpu| machine::Machine {
                    busy: Some(cpu.busy),
                    softirq: cpu.softirq,
                    waiting: cpu.waiting,
                    stolen: cpu.stolen,
                    ..Default::default()
                });
                let machines = machines.chain(&cpu);
                let known = |name: &String| (name != "unknown").then(|| name.clone());
                let cpus = self.pieces.data().find_map(|data| match data {
                    Data::Rates(report) => report.cpus,
                    Data::Softnet(rows) if rows.len() > 1 => u32::try_from(rows.len()).ok(),
                    _ => None,
                });
                let shares = self
                    .pieces
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
                    .pieces
                    .data()
                    .filter_map(|data| if let Data::Sockets(table) = data { Some(table) } else { None })
                    .collect();
                let counts: Vec<(&'static str, u64)> = self
                    .pieces
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
                    .pieces
                    .data()
                    .filter_map(|data| if let Data::Rules(rules) = data { Some(rules) } else { None })
                    .collect();
                plain(firewall::output(&rules), "no output of iptables or nft is there")
            }
            "kernel" => plain(
                self.kernel(),
                "counters since boot say nothing of a window; two of them with times between would",
            ),
            "disk" => plain(storage::disk(self.pieces.data()), "no output of df or iostat -x is there"),
            "space" => plain(
                storage::space(self.pieces.data(), params["path"].as_str().unwrap_or_default()),
                "no output of df is there that tells of it",
            ),
            "processes" => plain(self.processes(), "no output of top or ps aux is there"),
            "conntrack" => plain(self.conntrack(), "no output of conntrack is there"),
            "devices" => plain(cards::devices(self.pieces.cards()), "no output of ethtool is there"),
            _ => Err("tools print nothing of the kind".into()),
        }
    }

    /// What the outputs show of the kernel's limits and tables; what grew only where two outputs tell it.
    fn kernel(&self) -> Option<Value> {
        let mut output = self.pieces.growth.kernel();
        let count = self.pieces.data().find_map(|data| {
            if let Data::Conntrack(tracked) = data {
                tracked.count.or((tracked.entries > 0).then_some(tracked.entries))
            } else {
                None
            }
        });
        let count = count.or_else(|| self.pieces.setting("net.netfilter.nf_conntrack_count"));
        let max = self
            .pieces
            .setting("net.netfilter.nf_conntrack_max")
            .or_else(|| self.pieces.setting("net.nf_conntrack_max"));
        let mut conntrack = Map::new();
        conntrack.extend(count.map(|count| ("count".to_owned(), json!(count))));
        conntrack.extend(max.map(|max| ("max".to_owned(), json!(max))));
        if let (Some(count), Some(max)) = (count, max.filter(|max| *max > 0)) {
            conntrack.insert("used_share".into(), json!(count as f64 / max as f64));
        }
        if !conntrack.is_empty() {
            output.insert("conntrack".into(), Value::Object(conntrack));
        }
        if let Some(rows) =
            self.pieces.data().find_map(|data| if let Data::Softnet(rows) = data { Some(rows) } else { None })
        {
            let all: u64 = rows.iter().map(|row| row[0]).sum();
            let busiest = rows.iter().enumerate().max_by_key(|(_, row)| row[0]);
            if let Some((cpu, row)) = busiest.filter(|_| all > 0) {
                // Beside what grew, where two outputs tell it.
                let softnet = output.entry("softnet").or_insert_with(|| json!({"cpus": rows.len()}));
                softnet["since_boot"] = json!({
                    "processed": all,
                    "dropped": rows.iter().map(|row| row[1]).sum::<u64>(),
                    "time_squeeze": rows.iter().map(|row| row[2]).sum::<u64>(),
                    "busiest_cpu": cpu,
                    "busiest_cpu_share": row[0] as f64 / all as f64,
                });
            }
        }
        let sockstat: Map<String, Value> = self
            .pieces
            .data()
            .filter_map(|data| if let Data::Told(told) = data { Some(&told.sockstat) } else { None })
            .flatten()
            .map(|(field, figure)| ((*field).to_owned(), json!(figure)))
            .collect();
        if !sockstat.is_empty() {
            output.insert("sockets".into(), Value::Object(sockstat));
        }
        let settings: Map<String, Value> = [
            ("somaxconn", "net.core.somaxconn"),
            ("rmem_max", "net.core.rmem_max"),
            ("rmem_default", "net.core.rmem_default"),
            ("netdev_max_backlog", "net.core.netdev_max_backlog"),
            ("tcp_max_syn_backlog", "net.ipv4.tcp_max_syn_backlog"),
            ("tcp_syncookies", "net.ipv4.tcp_syncookies"),
            ("tcp_mem_max", "net.ipv4.tcp_mem"),
            ("tcp_max_orphans", "net.ipv4.tcp_max_orphans"),
        ]
        .into_iter()
        .filter_map(|(field, name)| Some((field.to_owned(), json!(self.pieces.setting(name)?))))
        .collect();
        if !settings.is_empty() {
            output.insert("settings".into(), Value::Object(settings));
        }
        (!output.is_empty()).then_some(Value::Object(output))
    }

    fn conntrack(&self) -> Option<Value> {
        let tracked = self
            .pieces
            .data()
            .find_map(|data| if let Data::Conntrack(tracked) = data { Some(tracked) } else { None })?;
        let ranked = |map: &BTreeMap<String, u64>, name: &str| {
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

    /// What `top` shows of CPU time, and it and `ps aux` of memory. How many processes there are more is not known.
    fn processes(&self) -> Option<Value> {
        let of_top = self.pieces.data().filter_map(|data| match data {
            Data::Machine(machine) if !machine.processes.is_empty() => Some(&machine.processes),
            _ => None,
        });
        // Of several the last one is of now.
        let of_top: Vec<Value> = of_top.last().cloned().unwrap_or_default();
        let of_ps = self.pieces.data().filter_map(|data| match data {
            Data::Told(told) if !told.processes.is_empty() => Some(&told.processes),
            _ => None,
        });
        let of_ps: Vec<Value> = of_ps.last().cloned().unwrap_or_default();
        if of_top.is_empty() && of_ps.is_empty() {
            return None;
        }
        let ranked = |all: &[Value], field: &str| {
            let figure = |process: &Value| process[field].as_f64().unwrap_or(0.0);
            let mut ranked: Vec<Value> = all.iter().filter(|process| figure(process) > 0.0).cloned().collect();
            ranked.sort_by(|a, b| figure(b).total_cmp(&figure(a)));
            ranked
        };
        let more = if of_ps.is_empty() { &of_top } else { &of_ps };
        let mut output = json!({"top_memory": ranked(more, "resident_bytes")});
        if !of_top.is_empty() {
            output["top_cpu"] = json!(ranked(&of_top, "cpu_share"));
        }
        let blocked: Vec<&Value> = more.iter().filter(|process| process["state"] == "disk_sleep").collect();
        // `ps aux` shows all, `top` the busiest: that none of them waits is not that none does.
        if !blocked.is_empty() || !of_ps.is_empty() {
            output["blocked"] = json!(blocked);
        }
        Some(output)
    }

    /// The packets of all texts of `tcpdump` together.
    pub(super) fn packets(&self) -> Option<packets::File> {
        let packets: Vec<&packets::Printed> = self
            .pieces
            .data()
            .filter_map(|data| if let Data::Packets(packets) = data { Some(packets) } else { None })
            .flatten()
            .collect();
        let known: Vec<IpAddr> =
            self.pieces.shown().iter().flat_map(|link| link.addresses.iter().map(|(address, ..)| *address)).collect();
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
                let flagless = self
                    .pieces
                    .data()
                    .any(|data| matches!(data, Data::Packets(packets) if packets.iter().any(|packet| packet.flagless)));
                if flagless {
                    output["tcp"] = Value::Null;
                    let gap =
                        Gap::new(Reason::Absent, "tell SYNs from other packets", "tcpdump -q prints no flags of TCP")
                            .to_fix("add what tcpdump -nn -c 500 prints, without -q");
                    missing.push(Missing { fields: vec!["tcp".into()], gap });
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
                let fields = fill::fill(&mut output, &crate::probe::output_schema(ask.probe));
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

    pub(super) fn gap(&self, probe: &str, how_much: &str, why: &str) -> Gap {
        let way_out = match by_hand(probe) {
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

    /// All lines of logs, whenever they were written.
    fn logs(&self, ask: &ProbeRequest) -> Evidence {
        let blank = self.blank(ask);
        // Files that a runbook names are those of the folder, by their names.
        let named = ask.params["files"].as_array().is_some_and(|files| !files.is_empty());
        if let Some(folder) = self.pieces.gathered.folder.as_ref().filter(|_| named) {
            return self.logs_of_folder(ask, folder);
        }
        let texts = self.pieces.log_texts();
        if texts.is_empty() {
            return Evidence { gap: Some(self.gap("logs", "what", "no line of a log is there")), ..blank };
        }
        let last_of_kernel = texts
            .iter()
            .filter(|text| text.kind == logs::Kind::Kernel)
            .filter_map(|text| logs::kernel_span(text.text.as_bytes()))
            .map(|(_, last)| last)
            .fold(0.0, f64::max);
        // Whether lines of the kernel can be dated: by how long the host was up.
        let up =
            self.pieces.data().find_map(|data| if let Data::Machine(machine) = data { machine.uptime } else { None });
        let since = up.map_or(last_of_kernel, |up| (up as f64).max(last_of_kernel));
        let boot = SignedDuration::try_from_secs_f64(since)
            .ok()
            .and_then(|since| self.moment.at.checked_sub(since).ok())
            .unwrap_or(self.moment.at);
        let params: logs::Params = serde_json::from_value(ask.params.clone()).unwrap_or_default();
        // Seconds since the kernel started say when only where it is known when that was.
        let known_start = up.is_some_and(|up| up as f64 >= last_of_kernel) && !self.moment.unknown;
        let given: Vec<logs::Text<'_>> = texts
            .iter()
            .map(|text| logs::Text {
                name: &text.place,
                kind: text.kind,
                keeper: text.keeper,
                bytes: text.text.as_bytes(),
                of_journal: text.of_journal,
                dated: !text.timeless
                    && (text.kind != logs::Kind::Kernel
                        || known_start
                        || logs::span(text.text.as_bytes(), self.moment.at).is_some()),
            })
            .collect();
        // A year that is not written is that of the moment, where something else tells it.
        let reference = if self.moment.unknown { self.pieces.reference() } else { self.moment.at };
        match logs::search(&given, &params, reference, boot) {
            Ok(observed) => Evidence {
                output: Some(serde_json::to_value(observed.output).unwrap_or_default()),
                missing: observed.missing,
                loss: observed.loss,
                ..blank
            },
            Err(gap) => Evidence { gap: Some(gap), ..blank },
        }
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
