//! What the probe `interfaces` would have seen, out of counters since boot and of rates.

use serde_json::{Map, Value, json};

use super::Printed;
use super::links::{self, Counters, Shown};
use super::samples::{self, Rates, Sample};

/// Interfaces in the list, as in the probe's.
const LISTED: usize = 256;

/// Bytes and packets per second of a sample, in one direction.
type Direction = fn(&Sample) -> (f64, f64);

/// The interfaces that outputs show, with the one that is watched: that of the name, else the busiest since boot.
pub(super) fn output(outputs: &[Printed], wanted: &str) -> Result<Value, String> {
    let links = links::together(outputs.iter().map(|output| links::read(&output.text)));
    if links.is_empty() {
        return Err("no output of ip -s, ifconfig, or /proc/net/dev is there".into());
    }
    let rates =
        outputs.iter().map(|output| samples::read(&output.text)).find(|rates| !rates.is_empty()).unwrap_or_default();
    let route = outputs.iter().find_map(|output| default_route(&output.text));
    let sum = |link: &Shown| link.rx.bytes.unwrap_or_default().saturating_add(link.tx.bytes.unwrap_or_default());
    let watched = match wanted {
        "auto" => route
            .as_ref()
            .and_then(|name| links.iter().find(|link| link.name == *name))
            .or_else(|| links.iter().filter(|link| !link.loopback).max_by_key(|link| sum(link)))
            .or(links.first()),
        name => {
            let owner = name.split(':').next().unwrap_or(name);
            links.iter().find(|link| link.name == owner)
        }
    };
    let watched = watched.ok_or_else(|| format!("the outputs show no interface {wanted}"))?;
    let none = Rates::default();
    let of = |link: &Shown| rates.get(&link.name).unwrap_or(&none);
    let with_samples = |link: &Shown| {
        let mut shown = interface(link, of(link));
        shown.insert("samples".into(), listed(of(link)));
        Value::Object(shown)
    };
    let mut busiest: Vec<&Shown> = links.iter().collect();
    busiest.sort_by_key(|link| std::cmp::Reverse(sum(link)));
    let mut output = json!({
        "watched": with_samples(watched),
        "watched_alias": (wanted != "auto" && wanted != watched.name).then_some(wanted),
        "interfaces": busiest.iter().take(LISTED).map(|link| {
            let mut shown = interface(link, of(link));
            shown.insert("samples".into(), json!([]));
            Value::Object(shown)
        }).collect::<Vec<_>>(),
        "interfaces_left_out": busiest.len().saturating_sub(LISTED),
    });
    let watched = of(watched);
    if let Some(interval) = watched.interval() {
        output["seconds"] = json!(interval * watched.samples.len() as f64);
    }
    if let Some(loopback) = links.iter().find(|link| link.loopback) {
        output["loopback"] = with_samples(loopback);
    }
    if let Some(route) = route {
        output["default_route"] = json!(route);
    }
    Ok(output)
}

/// The interface of `default via … dev eth0`, of `0.0.0.0 … eth0` in `route -n`, or of /proc/net/route.
fn default_route(text: &str) -> Option<String> {
    for line in text.lines().take(2000) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let name = match words.as_slice() {
            ["default", "via", ..] | ["default", "dev", ..] => {
                words.iter().position(|word| *word == "dev").and_then(|place| words.get(place + 1)).copied()
            }
            ["0.0.0.0", _, "0.0.0.0", flags, _, _, _, name] if flags.starts_with('U') => Some(*name),
            [name, "00000000", _, _, _, _, _, "00000000", ..] => Some(*name),
            _ => None,
        };
        if let Some(name) = name {
            return Some(crate::printable::printable(name));
        }
    }
    None
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
    put("mtu", link.mtu.map(Value::from));
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
    let peak = rates.samples.iter().map(|sample| of(sample).0).fold(bytes, f64::max);
    let mut flow = json!({
        "bytes_per_second": bytes,
        "bits_per_second": bytes * 8.0,
        "packets_per_second": packets,
        "peak_bits_per_second": peak * 8.0,
    });
    if packets > 0.0 {
        flow["mean_packet_bytes"] = json!(bytes / packets);
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
            "rx_bits_per_second": sample.rx_bytes * 8.0,
            "rx_packets_per_second": sample.rx_packets,
            "tx_bits_per_second": sample.tx_bytes * 8.0,
            "tx_packets_per_second": sample.tx_packets,
        })
    };
    rates.samples.iter().enumerate().map(sample).collect()
}
