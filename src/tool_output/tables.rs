//! Tables that little is taken from: routes, neighbours, traffic by month, counts, processes; and outputs as JSON.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::data::Data;
use super::firewall;
use super::here::Here;
use super::links;
use super::samples::{Rates, Report, Sample};
use super::told::Told;
use crate::printable::printable;
use crate::units;

/// Rows that are looked at.
const MOST: usize = 100_000;
/// Bytes of JSON that are read.
const LONGEST_JSON: usize = 8 * 1024 * 1024;
/// Times that JSON is looked for in one text.
const MOST_JSON: u8 = 16;
/// Rows that are told.
const TOLD: usize = 3;

/// `default via … dev eth0`, `0.0.0.0 … eth0` of `route -n`, /proc/net/route.
pub(super) fn routes(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let mut place = here.at;
    let mut default = None;
    let mut rows = 0;
    while place < document.len() && rows < MOST {
        let line = document.line(place).trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        let whole = !document.ends_within(place);
        let is_title = line.starts_with("Kernel IP")
            || line.starts_with("Kernel-IP")
            || line.starts_with("Destination ")
            || line.starts_with("Iface\tDestination")
            || line.starts_with("Iface Destination")
            || line.starts_with("Ziel ")
            || line.starts_with("Destino ")
            || line.starts_with("Table de routage");
        let device = |words: &[&str]| {
            words.iter().position(|word| *word == "dev").and_then(|at| words.get(at + 1)).map(|name| (*name).to_owned())
        };
        match words.as_slice() {
            _ if is_title => {}
            ["default", "via", ..] | ["default", "dev", ..] => {
                default = default.or_else(|| device(&words).filter(|_| whole || words.len() > 5));
            }
            [to, _, mask, flags, metric, _, _, name]
                if to.parse::<IpAddr>().is_ok() && mask.parse::<IpAddr>().is_ok() && metric.parse::<u32>().is_ok() =>
            {
                if *to == "0.0.0.0" && *mask == "0.0.0.0" && flags.starts_with('U') && whole {
                    default = default.or(Some((*name).to_owned()));
                }
            }
            ["default", _, "0.0.0.0", flags, _, _, _, name] if flags.starts_with('U') => {
                default = default.or(Some((*name).to_owned()))
            }
            [name, to, gateway, _, _, _, _, mask, ..]
                if [to, gateway, mask].iter().all(|word| word.len() == 8 && u32::from_str_radix(word, 16).is_ok()) =>
            {
                if *to == "00000000" && *mask == "00000000" {
                    default = default.or(Some((*name).to_owned()));
                }
            }
            [to, "dev", ..] | [to, "via", ..]
                if to.split('/').next().is_some_and(|to| to.parse::<IpAddr>().is_ok()) => {}
            _ => break,
        }
        rows += 1;
        place += 1;
    }
    if rows == 0 {
        return None;
    }
    let data = match default.filter(|name| name.len() <= 31) {
        Some(name) => Data::Route(printable(name)),
        None => Data::Told(Told { tool: "routes", ..Told::default() }),
    };
    Some((place - here.at, data))
}

/// `ip neigh`, `arp -n`, `arp -a`.
pub(super) fn neighbours(here: &Here<'_>) -> Option<(usize, Data)> {
    let (mut all, mut failed, mut place) = (0_u64, 0_u64, here.at);
    while place < here.document.len() {
        let line = here.document.line(place).trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_row = match words.as_slice() {
            ["Address", "HWtype", ..] => {
                place += 1;
                continue;
            }
            [address, "dev", _, ..] => {
                address.parse::<IpAddr>().is_ok()
                    && ["REACHABLE", "STALE", "DELAY", "PROBE", "FAILED", "INCOMPLETE", "PERMANENT", "NOARP"]
                        .iter()
                        .any(|state| words.contains(state))
            }
            [address, "ether" | "(incomplete)", ..] => address.len() <= 255,
            [_, address, "at", ..] => address.starts_with('(') && address.ends_with(')'),
            _ => false,
        };
        if !is_row {
            break;
        }
        all += 1;
        failed += u64::from(line.contains("FAILED") || line.contains("INCOMPLETE") || line.contains("incomplete"));
        place += 1;
    }
    if all == 0 {
        return None;
    }
    let mut told = Told { tool: "neighbours", ..Told::default() };
    if failed > 10 && failed * 2 > all {
        told.stands_out
            .push(format!("{failed} of {all} neighbours do not answer: somebody asks for addresses that nobody has"));
    }
    Some((place - here.at, Data::Told(told)))
}

/// Bytes as `vnstat` writes them: `20.25 TiB`, `1,03 PiB`.
fn volume(figure: &str, unit: &str) -> Option<f64> {
    let figure: f64 = figure.replace(',', ".").parse().ok()?;
    let power = match unit {
        "B" => 0,
        "KiB" | "KB" | "kB" => 1,
        "MiB" | "MB" => 2,
        "GiB" | "GB" => 3,
        "TiB" | "TB" => 4,
        "PiB" | "PB" => 5,
        _ => return None,
    };
    Some(figure * 1024_f64.powi(power))
}

/// `vnstat` with any option.
pub(super) fn vnstat(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let first = document.line(here.at).trim();
    let is_begin = first.starts_with("Database updated:")
        || (first.contains(" since ")
            && first.split_whitespace().count() <= 4
            && (here.at..here.at + 4).any(|at| document.line(at).contains("rx:")))
        || ((first.contains("rx") && first.contains('|') && first.contains("tx"))
            && (here.at..here.at + 3).any(|at| document.line(at).contains("--+--")));
    if !is_begin {
        return None;
    }
    let mut told = Told { tool: "vnstat", ..Told::default() };
    let mut place = here.at;
    let mut name = String::from("the interface");
    let mut blanks = 0;
    let mut last_row = None;
    while place < document.len() {
        let line = document.line(place).trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        if line.is_empty() {
            blanks += 1;
            if blanks > 2 {
                break;
            }
            place += 1;
            continue;
        }
        blanks = 0;
        let whole = !document.ends_within(place);
        match words.as_slice() {
            ["Database", "updated:", day, time] if whole => told.moment = format!("{day}T{time}").parse().ok(),
            ["Database", "updated:", ..] => {}
            [interface, "since", ..] if words.len() <= 4 => name = printable(interface),
            ["rx:", rx, ru, "tx:", tx, tu, ..] => {
                if let (Some(rx), Some(tx)) = (volume(rx, ru), volume(tx, tu)) {
                    told.totals = Some((name.clone(), rx, tx));
                }
            }
            [only]
                if matches!(*only, "monthly" | "daily" | "hourly" | "yearly" | "day" | "month")
                    || only.contains("---") => {}
            [interface, "/", kind] if ["monthly", "daily", "hourly", "yearly", "top"].contains(kind) => {
                name = printable(interface)
            }
            words if line.contains('|') => {
                let figures: Vec<f64> = words.windows(2).filter_map(|pair| volume(pair[0], pair[1])).collect();
                if let ([rx, tx, ..], true) = (figures.as_slice(), whole) {
                    let rate = line.rsplit('|').next().unwrap_or_default().trim();
                    last_row = Some((words[0].to_owned(), *rx, *tx, rate.to_owned()));
                }
            }
            words if words.iter().all(|word| word.contains("---") || word.contains('+')) => {}
            [figure, ..] if figure.ends_with(':') || figure.len() == 2 || line.contains('[') => {}
            _ => break,
        }
        place += 1;
    }
    if let Some((name, rx, tx)) = &told.totals
        && *rx > 0.0
        && tx / rx >= 5.0
    {
        told.stands_out.push(format!(
            "{name} has sent {} and received {}: {:.0} times as much out as in; a graph drawn from the other side shows that as inbound",
            units::bytes(*tx),
            units::bytes(*rx),
            tx / rx
        ));
    }
    if let Some((row, rx, tx, rate)) = last_row {
        let rate = if rate.contains("bit/s") {
            format!(", {} both ways together on average", printable(&rate))
        } else {
            String::new()
        };
        told.stands_out.push(format!("{}: {} in, {} out{rate}", printable(&row), units::bytes(rx), units::bytes(tx)));
    }
    Some((place - here.at, Data::Told(told)))
}

/// `… | sort | uniq -c`: a count and what was counted.
pub(super) fn counted(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let row = |at: usize| -> Option<(u64, &str)> {
        let line = document.line(at).trim();
        let (count, what) = line.split_once(' ')?;
        let what = what.trim();
        let counts = what.parse::<IpAddr>().is_ok()
            || state(what).is_some()
            || what.rsplit_once(':').is_some_and(|(address, port)| {
                address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() && port.parse::<u16>().is_ok()
            })
            || matches!(what, "Address" | "servers)" | "Foreign" | "Local" | "established)");
        (counts && !document.ends_within(at)).then_some((count.parse().ok()?, what))
    };
    let rows: Vec<(u64, &str)> = (here.at..document.len()).map_while(row).take(MOST).collect();
    if rows.len() < 2 {
        return None;
    }
    let mut told = Told { tool: "counts", ..Told::default() };
    let sum: u64 = rows.iter().map(|(count, _)| count).sum();
    told.states = rows.iter().filter_map(|(count, what)| Some((state(what)?, *count))).collect();
    if told.states.is_empty() {
        let most = rows.iter().filter(|(_, what)| what.contains(['.', ':'])).max_by_key(|(count, _)| count);
        if let Some((count, what)) = most {
            told.stands_out.push(format!(
                "{}: {} of {} counted, {} different",
                printable(what),
                units::count(*count as f64),
                units::count(sum as f64),
                rows.len()
            ));
        }
    } else if let Some((count, name)) = rows.iter().max_by_key(|(count, _)| count) {
        told.stands_out.push(format!(
            "{} of {} connections are {}",
            units::count(*count as f64),
            units::count(sum as f64),
            printable(name)
        ));
    }
    Some((rows.len(), Data::Told(told)))
}

fn state(word: &str) -> Option<&'static str> {
    Some(match word {
        "ESTABLISHED" | "ESTAB" => "tcp_established",
        "SYN_RECV" | "SYN-RECV" => "tcp_syn_recv",
        "TIME_WAIT" | "TIME-WAIT" => "tcp_time_wait",
        "CLOSE_WAIT" | "CLOSE-WAIT" => "tcp_close_wait",
        "LISTEN" => "tcp_listen",
        "FIN_WAIT1" | "FIN_WAIT2" | "FIN-WAIT-1" | "FIN-WAIT-2" | "LAST_ACK" | "LAST-ACK" | "CLOSING" | "SYN_SENT"
        | "SYN-SENT" => "tcp_other",
        _ => return None,
    })
}

/// A table with a heading: what its first words are, and the column by which its rows are ranked.
struct Known {
    tool: &'static str,
    heading: &'static [&'static str],
    /// The fewest words that a row has.
    words: usize,
}

const KNOWN: &[Known] = &[
    Known { tool: "ps", heading: &["USER", "PID", "%CPU"], words: 11 },
    Known { tool: "ps", heading: &["UID", "PID", "PPID"], words: 8 },
    Known { tool: "ps", heading: &["PID", "TTY"], words: 4 },
    Known { tool: "lsof", heading: &["COMMAND", "PID", "USER"], words: 8 },
    Known { tool: "docker ps", heading: &["CONTAINER", "ID"], words: 5 },
    Known { tool: "vmstat", heading: &["procs"], words: 15 },
    Known { tool: "vmstat", heading: &["r", "b", "swpd"], words: 15 },
    Known { tool: "df", heading: &["Filesystem"], words: 5 },
    Known { tool: "df", heading: &["Dateisystem"], words: 5 },
    Known { tool: "dropwatch", heading: &["Initializing", "null"], words: 4 },
    Known { tool: "nethogs", heading: &["Refreshing:"], words: 3 },
    Known { tool: "iftop", heading: &["#", "Host", "name"], words: 3 },
    Known { tool: "iftop", heading: &["interface:"], words: 2 },
    Known { tool: "iostat", heading: &["Device"], words: 5 },
    Known { tool: "last", heading: &["reboot", "system", "boot"], words: 4 },
];

/// Another table.
pub(super) fn other(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let words = |at: usize| -> Vec<&str> { document.line(at).split_whitespace().collect() };
    let first = words(here.at);
    let bare_drops = first.len() >= 4 && first[1] == "drops" && first[2] == "at";
    let known = if bare_drops {
        KNOWN.iter().find(|known| known.tool == "dropwatch")?
    } else {
        KNOWN.iter().find(|known| first.starts_with(known.heading))?
    };
    let tool = known.tool;
    let mut told = Told { tool, ..Told::default() };
    let mut place = here.at + usize::from(!bare_drops);
    let mut rows: Vec<(f64, String)> = Vec::new();
    let mut blanks = 0;
    while place < document.len() && rows.len() < MOST {
        let line = document.line(place).trim();
        let row = words(place);
        let loose = matches!(tool, "iftop" | "nethogs" | "dropwatch" | "vmstat");
        if row.is_empty() {
            blanks += 1;
            place += 1;
            if blanks > usize::from(loose) {
                break;
            }
            continue;
        }
        let figure = |at: usize| {
            row.get(at).and_then(|word| word.replace(',', ".").parse::<f64>().ok()).filter(|figure| figure.is_finite())
        };
        let whole = !document.ends_within(place);
        match tool {
            "ps" | "lsof" | "docker ps" | "df" | "iostat" | "last" if row.len() < known.words || blanks > 0 => break,
            "ps" if known.heading.get(2) == Some(&"%CPU") => {
                rows.extend(figure(2).filter(|share| *share >= 50.0).map(|share| {
                    (
                        share,
                        format!(
                            "{} (pid {}) takes {share:.0} % of a CPU",
                            printable(row[10..].join(" ").chars().take(60).collect::<String>()),
                            printable(row[1])
                        ),
                    )
                }))
            }
            "vmstat" if !(row[0].parse::<u32>().is_ok() || row.starts_with(&["r", "b"])) => break,
            "dropwatch" if row.len() >= 4 && row[1] == "drops" && row[2] == "at" => {
                rows.extend(
                    figure(0).filter(|_| whole).map(|drops| {
                        (drops, format!("the kernel dropped {drops:.0} packets at {}", printable(row[3])))
                    }),
                );
            }
            "nethogs" if line.starts_with("Refreshing") => rows.clear(),
            "nethogs" if row.len() >= 3 => {
                let of = |at: usize| row.get(row.len() - at).and_then(|word| word.parse::<f64>().ok());
                rows.extend(of(1).zip(of(2)).filter(|_| whole).map(|(rx, tx)| {
                    (
                        rx + tx,
                        format!(
                            "{}: {} in, {} out",
                            printable(row[..row.len() - 2].join(" ").chars().take(80).collect::<String>()),
                            units::bitrate(rx * 8000.0),
                            units::bitrate(tx * 8000.0)
                        ),
                    )
                }));
            }
            "nethogs" if !line.starts_with("Refreshing") => break,
            "iftop" if row.len() < 2 && !line.starts_with(['-', '=']) => break,
            "dropwatch" if row.len() > 6 => break,
            _ => {}
        }
        blanks = 0;
        place += 1;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    told.stands_out.extend(rows.into_iter().take(TOLD).map(|(_, sentence)| sentence));
    (place > here.at + 1 || bare_drops).then(|| (place - here.at, Data::Told(told)))
}

/// Outputs as JSON: of `ip -j`, `nft -j`, `sadf -j`, `vnstat --json`.
pub(super) fn json(here: &Here<'_>) -> Option<(usize, Data)> {
    let document = here.document;
    let first = document.line(here.at).trim_start();
    let begins = first.starts_with("[{")
        || first == "["
        || first.starts_with("{\"nftables\"")
        || first.starts_with("{\"sysstat\"")
        || first.starts_with("{\"vnstatversion\"")
        || first == "{";
    if !begins {
        return None;
    }
    // A text of nothing but brackets would be read from each of them to its end.
    if document.json.fetch_add(1, Ordering::Relaxed) >= MOST_JSON {
        document.json.store(MOST_JSON, Ordering::Relaxed);
        return None;
    }
    let text = document.slice(here.at, document.len());
    let mut end = text.len().min(LONGEST_JSON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let lines = text.get(..values.byte_offset())?.matches('\n').count() + 1;
    let data = if let Some(items) = value.as_array() {
        Data::Links(links::of_json(items)?)
    } else if let Some(items) = value["nftables"].as_array() {
        Data::Rules(firewall::of_json(items))
    } else if value["sysstat"]["hosts"].is_array() {
        Data::Rates(sadf(&value)?)
    } else if value["vnstatversion"].is_string() {
        Data::Told(vnstat_json(&value))
    } else {
        return None;
    };
    Some((lines, data))
}

fn sadf(value: &Value) -> Option<Report> {
    let host = value["sysstat"]["hosts"].as_array()?.first()?;
    let mut report = Report {
        host: host["nodename"].as_str().map(printable),
        kernel: host["release"].as_str().map(printable),
        cpus: host["number-of-cpus"].as_u64().and_then(|cpus| u32::try_from(cpus).ok()),
        date: host["file-date"].as_str().and_then(|date| date.parse().ok()),
        ..Report::default()
    };
    for statistic in host["statistics"].as_array()?.iter().take(MOST) {
        let at = statistic["timestamp"]["time"].as_str().and_then(|time| super::samples::clock(&[time]));
        for device in statistic["network"]["net-dev"].as_array().into_iter().flatten().take(4096) {
            let (Some(name), Some(rx), Some(tx)) =
                (device["iface"].as_str(), device["rxpck"].as_f64(), device["txpck"].as_f64())
            else {
                continue;
            };
            let sample = Sample {
                at,
                rx_packets: rx,
                tx_packets: tx,
                rx_bytes: device["rxkB"].as_f64().map(|kilo| kilo * 1024.0),
                tx_bytes: device["txkB"].as_f64().map(|kilo| kilo * 1024.0),
            };
            let rates: &mut Rates = report.interfaces.entry(printable(name)).or_default();
            rates.samples.push(sample);
        }
    }
    Some(report)
}

fn vnstat_json(value: &Value) -> Told {
    let mut told = Told { tool: "vnstat", ..Told::default() };
    for interface in value["interfaces"].as_array().into_iter().flatten().take(16) {
        let name = interface["name"].as_str().or_else(|| interface["id"].as_str()).map(printable).unwrap_or_default();
        let total = &interface["traffic"]["total"];
        // Up to version 1 in KiB.
        let scale = if value["jsonversion"] == "1" { 1024.0 } else { 1.0 };
        if let (Some(rx), Some(tx)) = (total["rx"].as_f64(), total["tx"].as_f64()) {
            let (rx, tx) = (rx * scale, tx * scale);
            told.stands_out.push(format!("{name}: {} in, {} out in all", units::bytes(rx), units::bytes(tx)));
            told.totals = Some((name, rx, tx));
        }
    }
    told
}
