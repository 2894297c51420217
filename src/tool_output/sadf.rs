//! Rates of interfaces as `sadf` prints them for programs: for databases (`-d`), by field (`-p`), as JSON (`-j`).

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::here::Here;
use super::samples::{self, Rates, Report, Sample};
use crate::printable::printable;

/// Rows that are taken.
const MOST: usize = 100_000;
/// Interfaces, and samples of each, as `sar` has them.
const MOST_INTERFACES: usize = 4096;
const MOST_SAMPLES: usize = 14_400;
/// `sar` counts 1024 bytes to the kB.
const KILO: f64 = 1024.0;

/// `sadf -d` or `sadf -p` from that line on, of `-n DEV`.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Report)> {
    for_databases(here).or_else(|| by_field(here))
}

/// The day and the second of the day of `2026-11-28 20:24:10 UTC`, or of seconds since 1970.
fn moment(text: &str) -> Option<(Date, u32)> {
    let at: DateTime = match text.parse::<i64>() {
        Ok(seconds) => jiff::Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).datetime(),
        Err(_) => text.trim_end_matches(" UTC").replace(' ', "T").parse().ok()?,
    };
    let second = i32::from(at.hour()) * 3600 + i32::from(at.minute()) * 60 + i32::from(at.second());
    Some((at.date(), second.unsigned_abs()))
}

/// `# hostname;interval;timestamp;IFACE;rxpck/s;…`, and a row for each sample.
fn for_databases(here: &Here<'_>) -> Option<(usize, Report)> {
    let document = here.document;
    let heading = document.line(here.at).trim();
    let columns: Vec<&str> = heading.strip_prefix("# ")?.split(';').collect();
    let place_of = |name: &str| columns.iter().position(|column| *column == name);
    let (host, time, name) = (place_of("hostname")?, place_of("timestamp")?, place_of("IFACE")?);
    let (rx, tx) = (place_of("rxpck/s")?, place_of("txpck/s")?);
    let mut report = Report::default();
    let mut place = here.at + 1;
    while place < document.len() && place - here.at < MOST {
        let line = document.line(place).trim();
        let cells: Vec<&str> = line.split(';').collect();
        if line == heading || line.contains("LINUX-RESTART") {
            place += 1;
            continue;
        }
        if cells.len() != columns.len() {
            break;
        }
        if !document.ends_within(place)
            && let Some((day, at)) = moment(cells[time])
            && let (Some(rx), Some(tx)) = (samples::figure(cells[rx]), samples::figure(cells[tx]))
        {
            let bytes = |name: &str| place_of(name).and_then(|at| samples::figure(cells[at])).map(|kilo| kilo * KILO);
            let sample = Sample {
                at: Some(at),
                rx_packets: rx,
                tx_packets: tx,
                rx_bytes: bytes("rxkB/s"),
                tx_bytes: bytes("txkB/s"),
            };
            report.date = Some(day);
            report.host.get_or_insert_with(|| printable(cells[host]));
            add(&mut report, cells[name], sample);
        }
        place += 1;
    }
    finished(report).map(|report| (place - here.at, report))
}

/// `host<tab>1<tab>2026-11-28 20:24:10 UTC<tab>eth0<tab>rxpck/s<tab>12.00`.
fn by_field(here: &Here<'_>) -> Option<(usize, Report)> {
    let document = here.document;
    let mut report = Report::default();
    let mut place = here.at;
    let mut rows: BTreeMap<(Date, u32, String), BTreeMap<&str, f64>> = BTreeMap::new();
    while place < document.len() && place - here.at < MOST {
        let cells: Vec<&str> = document.line(place).split('\t').map(str::trim).collect();
        let [host, interval, time, name, field, value] = cells.as_slice() else { break };
        let (Some((day, at)), Ok(_), Some(value)) = (moment(time), interval.parse::<i64>(), samples::figure(value))
        else {
            break;
        };
        if !document.ends_within(place) {
            report.host.get_or_insert_with(|| printable(host));
            report.date = Some(day);
            rows.entry((day, at, (*name).to_owned())).or_default().insert(field, value);
        }
        place += 1;
    }
    for ((_, at, name), fields) in rows {
        let (Some(rx), Some(tx)) = (fields.get("rxpck/s"), fields.get("txpck/s")) else { continue };
        let bytes = |name: &str| fields.get(name).map(|kilo| kilo * KILO);
        let (rx_bytes, tx_bytes) = (bytes("rxkB/s"), bytes("txkB/s"));
        add(&mut report, &name, Sample { at: Some(at), rx_packets: *rx, tx_packets: *tx, rx_bytes, tx_bytes });
    }
    finished(report).map(|report| (place - here.at, report))
}

fn add(report: &mut Report, name: &str, sample: Sample) {
    let name = printable(name);
    if report.interfaces.len() >= MOST_INTERFACES && !report.interfaces.contains_key(&name) {
        return;
    }
    let rates: &mut Rates = report.interfaces.entry(name).or_default();
    if rates.samples.len() < MOST_SAMPLES {
        rates.samples.push(sample);
    }
}

fn finished(mut report: Report) -> Option<Report> {
    samples::left_out(&mut report);
    (!report.interfaces.is_empty()).then_some(report)
}

/// `sadf -j -- -n DEV`.
pub(super) fn of_json(value: &Value) -> Option<Report> {
    let host = value["sysstat"]["hosts"].as_array()?.first()?;
    let mut report = Report {
        host: host["nodename"].as_str().map(printable),
        kernel: host["release"].as_str().map(printable),
        cpus: host["number-of-cpus"].as_u64().and_then(|cpus| u32::try_from(cpus).ok()),
        date: host["file-date"].as_str().and_then(|date| date.parse().ok()),
        ..Report::default()
    };
    for statistic in host["statistics"].as_array()?.iter().take(MOST) {
        let at = statistic["timestamp"]["time"].as_str().and_then(|time| samples::clock(&[time]));
        for device in statistic["network"]["net-dev"].as_array().into_iter().flatten().take(MOST_INTERFACES) {
            let (Some(name), Some(rx), Some(tx)) =
                (device["iface"].as_str(), device["rxpck"].as_f64(), device["txpck"].as_f64())
            else {
                continue;
            };
            let bytes = |way: &str| device[way].as_f64().map(|kilo| kilo * KILO);
            let (rx_bytes, tx_bytes) = (bytes("rxkB"), bytes("txkB"));
            add(&mut report, name, Sample { at, rx_packets: rx, tx_packets: tx, rx_bytes, tx_bytes });
        }
        for device in statistic["network"]["net-edev"].as_array().into_iter().flatten().take(MOST_INTERFACES) {
            let rate = |name: &str| device[name].as_f64();
            let (Some(name), Some(errors), Some(dropped)) = (device["iface"].as_str(), rate("rxerr"), rate("rxdrop"))
            else {
                continue;
            };
            let kept = report.lost.entry(printable(name)).or_default();
            if dropped + errors > kept.dropped + kept.errors {
                *kept = samples::Lost { errors, dropped, overruns: rate("rxfifo").unwrap_or_default() };
            }
        }
    }
    samples::left_out(&mut report);
    Some(report)
}
