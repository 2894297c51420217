//! What the probe `interfaces` would have seen, out of counters since boot and of rates.

use jiff::civil::{DateTime, Time};
use serde_json::{Map, Value, json};

use super::here::moment_of;
use super::links::{self, Counters, Shown};
use super::samples::{Rates, Report, Sample, time_of};
use crate::units;

/// Interfaces in the list, as in the probe's.
const LISTED: usize = 256;
/// Samples that are listed of an interface.
const LISTED_SAMPLES: usize = 600;
/// From this interval on the samples are of a recorded day and not of a window: `sar` was not watched.
const RECORDED: f64 = 30.0;
/// A time stands out that has so many times the usual traffic, and more than noise.
const STANDS_OUT: f64 = 4.0;
const NOISE_BITS: f64 = 1e6;
const NOISE_PACKETS: f64 = 200.0;
/// Times that are told.
const MOST_TOLD: usize = 4;

/// Bytes, if they are known, and packets per second of a sample, in one direction.
type Direction = fn(&Sample) -> (Option<f64>, f64);

/// What is judged of rates, and what is said of it.
#[derive(Debug, Default)]
pub(super) struct Chosen<'r> {
    report: Option<&'r Report>,
    /// Times of the samples that are judged; none: all of them.
    times: Option<(u32, u32)>,
    /// The interface that is watched.
    pub watched: Option<String>,
    /// Sentences of what else there is.
    pub told: Vec<String>,
}

impl Chosen<'_> {
    /// When the judged samples end.
    pub fn end(&self) -> Option<DateTime> {
        let report = self.report?;
        let last = self.times.map(|(_, last)| last).or_else(|| last_of(report))?;
        moment_of(report.date?, last)
    }

    /// The time of day at which they end, where the day is not known.
    pub fn end_time(&self) -> Option<u32> {
        self.times.map(|(_, last)| last).or_else(|| last_of(self.report?))
    }

    /// Packets per second that come in at what is watched, and their mean size.
    pub fn small(&self) -> Option<(f64, f64)> {
        let mean = self.of(self.watched.as_deref()?).mean()?;
        Some((mean.rx_packets, mean.rx_bytes? / mean.rx_packets)).filter(|_| mean.rx_packets > 0.0)
    }

    fn of(&self, name: &str) -> Rates {
        let Some(rates) = self.report.and_then(|report| report.interfaces.get(name)) else { return Rates::default() };
        match self.times {
            None => rates.clone(),
            Some((first, last)) => Rates {
                samples: rates
                    .samples
                    .iter()
                    .filter(|s| s.at.is_some_and(|at| (first..=last).contains(&at)))
                    .copied()
                    .collect(),
                mean: None,
            },
        }
    }
}

fn last_of(report: &Report) -> Option<u32> {
    report.interfaces.values().flat_map(|rates| &rates.samples).filter_map(|sample| sample.at).max()
}

/// Chooses the report and the times that are judged: those of `at`, else the newest report, and of a recorded day the times that
/// stand out.
pub(super) fn choose<'r>(reports: &[&'r Report], all: &[Shown], route: Option<&str>, at: Option<Time>) -> Chosen<'r> {
    let with_rates: Vec<&&Report> = reports.iter().filter(|report| !report.interfaces.is_empty()).collect();
    let second = at
        .map(|at| (i32::from(at.hour()) * 3600 + i32::from(at.minute()) * 60 + i32::from(at.second())).unsigned_abs());
    let holds = |report: &Report| {
        second.is_some_and(|second| {
            let times = report.interfaces.values().flat_map(|rates| &rates.samples).filter_map(|sample| sample.at);
            let (first, last) = times.fold((u32::MAX, 0), |(first, last), at| (first.min(at), last.max(at)));
            (first.saturating_sub(1)..=last).contains(&second)
        })
    };
    let newest = with_rates
        .iter()
        .enumerate()
        .max_by_key(|(place, report)| (holds(report), report.date, last_of(report), *place));
    let Some((place, report)) = newest else { return Chosen::default() };
    let mut chosen = Chosen { report: Some(report), ..Chosen::default() };
    let rate = |name: &str| {
        let rates = report.interfaces.get(name)?;
        let peak = |of: fn(&Sample) -> f64| rates.samples.iter().chain(&rates.mean).map(of).fold(0.0, f64::max);
        // Packets whose bytes are not known count as small ones.
        let bytes = |known: Option<f64>, packets: f64| known.unwrap_or(packets * 64.0);
        let all = rates
            .samples
            .iter()
            .chain(&rates.mean)
            .map(|s| bytes(s.rx_bytes, s.rx_packets) + bytes(s.tx_bytes, s.tx_packets))
            .fold(0.0, f64::max);
        Some((all, peak(|s| s.rx_packets) + peak(|s| s.tx_packets)))
    };
    let is_loopback = |name: &str| name == "lo" || all.iter().any(|link| link.name == name && link.loopback);
    chosen.watched = route.filter(|name| report.interfaces.contains_key(*name)).map(str::to_owned).or_else(|| {
        let names =
            report.interfaces.keys().filter(|name| !is_loopback(name)).filter_map(|name| Some((name, rate(name)?)));
        // Of equals the first.
        names.rev().max_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))).map(|(name, _)| name.clone())
    });
    for (other, report) in with_rates.iter().enumerate().filter(|(other, _)| *other != place).take(MOST_TOLD) {
        let Some(name) = chosen.watched.as_ref() else { break };
        if let Some(mean) = report.interfaces.get(name).and_then(Rates::mean) {
            let at = last_of(report)
                .map_or_else(|| format!("in output {}", other + 1), |at| format!("until {}", time_of(at)));
            chosen.told.push(format!(
                "{name} {at}: {}; the output that ends last is judged (--at HH:MM picks another)",
                flow_of(&mean)
            ));
        }
    }
    let Some(rates) = chosen.watched.as_ref().and_then(|name| report.interfaces.get(name)) else { return chosen };
    if let (Some(name), Some(mean)) =
        (&chosen.watched, rates.mean().filter(|mean| mean.rx_bytes.is_none() && mean.rx_packets >= 1.0))
    {
        chosen.told.push(format!("{name}: {} packets/s without bytes cannot be: its bytes are unknown (a counter of 32 bits, or an old sysstat)", units::count(mean.rx_packets)));
    }
    let interval = rates.interval().unwrap_or(1.0);
    if let Some(second) = second.filter(|_| holds(report)) {
        let ends = rates.samples.iter().filter_map(|sample| sample.at).filter(|at| *at >= second).min();
        chosen.times = ends.map(|end| (end, end));
        return chosen;
    }
    if interval < RECORDED || rates.samples.len() < 3 {
        return chosen;
    }
    day(&mut chosen, rates, interval);
    chosen
}

/// Of a recorded day: the times that stand out are judged, or else its mean.
fn day(chosen: &mut Chosen<'_>, rates: &Rates, interval: f64) {
    let Some(name) = chosen.watched.clone() else { return };
    let median = |of: fn(&Sample) -> f64| {
        let mut all: Vec<f64> = rates.samples.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let bits: fn(&Sample) -> f64 = |s| s.rx_bytes.unwrap_or(0.0).max(s.tx_bytes.unwrap_or(0.0)) * 8.0;
    let packets: fn(&Sample) -> f64 = |s| s.rx_packets.max(s.tx_packets);
    let (usual_bits, usual_packets) = (median(bits), median(packets));
    let stands = |s: &Sample| {
        bits(s) > NOISE_BITS.max(STANDS_OUT * usual_bits) || packets(s) > NOISE_PACKETS.max(STANDS_OUT * usual_packets)
    };
    // Neighbours belong together.
    let mut spans: Vec<Vec<Sample>> = Vec::new();
    let mut before = false;
    for sample in rates.samples.iter().filter(|sample| sample.at.is_some()) {
        match (stands(sample), spans.last_mut()) {
            (true, Some(span)) if before => span.push(*sample),
            (true, _) => spans.push(vec![*sample]),
            (false, _) => {}
        }
        before = stands(sample);
    }
    let usual: Vec<Sample> = rates.samples.iter().filter(|sample| !stands(sample)).copied().collect();
    let usual = Rates::mean_of(&usual).map(|mean| flow_of(&mean)).unwrap_or_default();
    let begin = |span: &[Sample]| {
        span.first().and_then(|s| s.at).map(|at| at.saturating_sub(interval as u32)).unwrap_or_default()
    };
    let size = |span: &[Sample]| span.iter().map(bits).sum::<f64>();
    let Some(worst) = spans.iter().max_by(|a, b| size(a).total_cmp(&size(b)).then(a.len().cmp(&b.len()))) else {
        let (first, last) = (rates.samples.first().and_then(|s| s.at), rates.samples.last().and_then(|s| s.at));
        if let (Some(first), Some(last)) = (first, last) {
            chosen.told.push(format!(
                "{name} from {} to {}: no time stands out; the mean is judged ({usual})",
                time_of(first),
                time_of(last)
            ));
        }
        return;
    };
    for span in spans.iter().take(MOST_TOLD) {
        let mean = Rates::mean_of(span).map(|mean| flow_of(&mean)).unwrap_or_default();
        let end = span.last().and_then(|s| s.at).unwrap_or_default();
        chosen.told.push(format!(
            "{name} from {} to {}: {mean}; at other times {usual}",
            time_of(begin(span)),
            time_of(end)
        ));
    }
    if spans.len() > MOST_TOLD {
        chosen.told.push(format!("{} more times stand out", spans.len() - MOST_TOLD));
    }
    chosen.told.push(format!(
        "judged are the samples from {} to {}; --at HH:MM picks another time",
        time_of(begin(worst)),
        time_of(worst.last().and_then(|s| s.at).unwrap_or_default())
    ));
    chosen.times = worst.first().and_then(|s| s.at).zip(worst.last().and_then(|s| s.at));
}

/// `93.4 Mbit/s and 9,100 packets/s in, 41 kbit/s out`.
pub(super) fn flow_of(sample: &Sample) -> String {
    let rate = |bytes: Option<f64>| bytes.map(|bytes| units::bitrate(bytes * 8.0));
    let known = rate(sample.rx_bytes).map_or_else(|| "bytes unknown, ".to_owned(), |rate| format!("{rate}, "));
    let out = rate(sample.tx_bytes).unwrap_or_else(|| format!("{} packets/s", units::count(sample.tx_packets)));
    format!("{known}{} packets/s in, {out} out", units::count(sample.rx_packets))
}

/// The interfaces that outputs show, with the one that is watched: that of the name, else the default route's, else the busiest.
pub(super) fn output(
    shown: Vec<Shown>,
    chosen: &Chosen<'_>,
    route: Option<&str>,
    wanted: &str,
) -> Result<Value, String> {
    let mut links = shown;
    if let Some(report) = chosen.report {
        let unknown = report.interfaces.keys().filter(|name| !links.iter().any(|link| link.name == **name));
        let unknown: Vec<Shown> =
            unknown.map(|name| Shown { name: name.clone(), loopback: name == "lo", ..Shown::default() }).collect();
        links.extend(unknown);
    }
    if links.is_empty() {
        return Err("no output of ip -s, ifconfig, sar -n DEV or /proc/net/dev is there".into());
    }
    let sum = |link: &Shown| {
        let figure = |counters: &Counters| counters.bytes.or(counters.packets).unwrap_or_default();
        figure(&link.rx).saturating_add(figure(&link.tx))
    };
    let watched = match wanted {
        "auto" => chosen
            .watched
            .as_deref()
            .or(route)
            .and_then(|name| links.iter().find(|link| link.name == *name))
            .or_else(|| links.iter().filter(|link| !link.loopback).max_by_key(|link| sum(link)))
            .or(links.first()),
        name => {
            let owner = name.split(':').next().unwrap_or(name);
            links.iter().find(|link| link.name == owner)
        }
    };
    let watched = watched.ok_or_else(|| format!("the outputs show no interface {wanted}"))?;
    let with_samples = |link: &Shown| {
        let rates = chosen.of(&link.name);
        let mut shown = interface(link, &rates);
        shown.insert("samples".into(), listed(&rates));
        Value::Object(shown)
    };
    let mut busiest: Vec<&Shown> = links.iter().collect();
    busiest.sort_by_key(|link| std::cmp::Reverse(sum(link)));
    let mut output = json!({
        "watched": with_samples(watched),
        "watched_alias": (wanted != "auto" && wanted != watched.name).then_some(wanted),
        "interfaces": busiest.iter().take(LISTED).map(|link| {
            let mut shown = interface(link, &chosen.of(&link.name));
            shown.insert("samples".into(), json!([]));
            Value::Object(shown)
        }).collect::<Vec<_>>(),
        "interfaces_left_out": busiest.len().saturating_sub(LISTED),
    });
    let rates = chosen.of(&watched.name);
    let interval = chosen.report.and_then(|report| report.interfaces.get(&watched.name)).and_then(Rates::interval);
    if let Some(interval) = interval.filter(|_| !rates.samples.is_empty()) {
        output["seconds"] = json!(interval * rates.samples.len() as f64);
    }
    if let Some(loopback) = links.iter().find(|link| link.loopback) {
        output["loopback"] = with_samples(loopback);
    }
    if let Some(route) = route {
        output["default_route"] = json!(route);
    }
    Ok(output)
}

/// What several outputs show of the same interfaces, together.
pub(super) fn together<'l>(all: impl Iterator<Item = &'l Vec<Shown>>) -> Vec<Shown> {
    links::together(all.cloned())
}

fn interface(link: &Shown, rates: &Rates) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.into(), value);
        }
    };
    put("name", Some(json!(link.name)));
    put("index", link.index.map(Value::from));
    let kind = if link.loopback { Some("loopback") } else { link.ethernet.then_some("ethernet") };
    put("link", kind.map(Value::from));
    put("up", link.up.map(Value::from));
    put("carrier", link.carrier.map(Value::from));
    put("mac", link.mac.clone().map(Value::from));
    put("master", link.master.clone().map(Value::from));
    put("mtu", link.mtu.map(Value::from));
    put("allowance_exceeded", link.allowance.map(Value::from));
    if let Some(speed) = link.speed {
        put("speed_bits_per_second", Some(json!(speed)));
        let busiest = rates.mean().map(|mean| mean.rx_bytes.unwrap_or(0.0).max(mean.tx_bytes.unwrap_or(0.0)) * 8.0);
        put("utilisation", busiest.filter(|_| speed > 0).map(|bits| json!(bits / speed as f64)));
    }
    if !link.addresses.is_empty() {
        let address = |(address, prefix, label): &(std::net::IpAddr, u8, Option<String>)| json!({"address": address, "prefix": prefix, "label": label});
        put("addresses", Some(link.addresses.iter().map(address).collect()));
        put("addresses_left_out", Some(json!(0)));
    }
    let rx: Direction = |sample| (sample.rx_bytes, sample.rx_packets);
    let tx: Direction = |sample| (sample.tx_bytes, sample.tx_packets);
    put("rx", Some(flow(rates, rx)));
    put("tx", Some(flow(rates, tx)));
    put("since_boot", since_boot(&link.rx, &link.tx));
    shown
}

/// One direction. Bytes and packets themselves were not counted, only rates were printed.
fn flow(rates: &Rates, of: Direction) -> Value {
    let Some(mean) = rates.mean() else { return json!({}) };
    let (bytes, packets) = of(&mean);
    let mut flow = json!({"packets_per_second": packets});
    if let Some(bytes) = bytes {
        let peak = rates.samples.iter().filter_map(|sample| of(sample).0).fold(bytes, f64::max);
        flow["bytes_per_second"] = json!(bytes);
        flow["bits_per_second"] = json!(bytes * 8.0);
        flow["peak_bits_per_second"] = json!(peak * 8.0);
        if packets > 0.0 {
            flow["mean_packet_bytes"] = json!(bytes / packets);
        }
    }
    flow
}

fn since_boot(rx: &Counters, tx: &Counters) -> Option<Value> {
    let mut totals = Map::new();
    for (name, figure) in [
        ("rx_bytes", rx.bytes),
        ("rx_packets", rx.packets),
        ("rx_dropped", rx.dropped),
        ("rx_errors", rx.errors),
        ("tx_bytes", tx.bytes),
        ("tx_packets", tx.packets),
    ] {
        if let Some(figure) = figure {
            totals.insert(name.into(), json!(figure));
        }
    }
    (!totals.is_empty()).then_some(Value::Object(totals))
}

fn listed(rates: &Rates) -> Value {
    let interval = rates.interval().unwrap_or(1.0);
    let sample = |(index, sample): (usize, &Sample)| {
        json!({
            "at": interval * (index + 1) as f64,
            "rx_bits_per_second": sample.rx_bytes.map(|bytes| bytes * 8.0),
            "rx_packets_per_second": sample.rx_packets,
            "tx_bits_per_second": sample.tx_bytes.map(|bytes| bytes * 8.0),
            "tx_packets_per_second": sample.tx_packets,
        })
    };
    rates.samples.iter().take(LISTED_SAMPLES).enumerate().map(sample).collect()
}
