//! Cards, as `ethtool` and `tc -s qdisc` show them: what they are, how they are set, what they and their queues lost since boot.

use serde_json::{Map, Value, json};

use super::here::Here;
use super::sentences::percent;
use super::text::{split, without_note};
use super::told::Told;
use crate::printable::printable;
use crate::probe::devices::{Loss, Meaning, drivers, statistics};
use crate::units;

/// Rows that are taken from one output.
const MOST: usize = 20_000;
/// Offloads that are taken from one output.
const MOST_OFFLOADS: usize = 256;
/// Sentences of one kind.
const MOST_TOLD: usize = 4;
/// Queueing disciplines that are taken from one output.
const MOST_DISCIPLINES: usize = 4096;
/// Shares of what was received below which a loss is no problem.
const HARMLESS: f64 = 0.0001;

/// What `ethtool` says of a card.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Nic {
    pub interface: Option<String>,
    /// Statistics in their order; names may come more than once, one for each queue.
    pub counters: Vec<(String, u64)>,
    pub driver: Option<String>,
    pub version: Option<String>,
    pub firmware: Option<String>,
    pub bus: Option<String>,
    /// Bits per second.
    pub speed: Option<u64>,
    /// The most that it can, and whether it sends and receives by turns.
    pub fastest: Option<u64>,
    pub half_duplex: bool,
    /// Whether both ends of the link agree by themselves.
    pub autonegotiation: Option<bool>,
    /// Receive ring: now, and at most.
    pub ring: Option<(u64, u64)>,
    /// Queues that receive: now, and at most.
    pub queues: Option<(u64, u64)>,
    /// Offloads by the names of `ethtool -k`.
    pub offloads: Vec<(String, bool)>,
}

/// `ethtool` with any option from that line on.
pub(super) fn nic(here: &Here<'_>) -> Option<(usize, Nic)> {
    let document = here.document;
    let first = document.line(here.at).trim();
    let named = first
        .strip_prefix("Settings for ")
        .or_else(|| first.strip_prefix("Ring parameters for "))
        .or_else(|| first.strip_prefix("Channel parameters for "))
        .or_else(|| first.strip_prefix("Features for "))
        .map(|name| name.trim_end_matches(':'));
    let is_driver = first.starts_with("driver: ");
    // `ethtool -S eth0 | grep drop` leaves rows alone.
    let is_count = |line: &str| {
        let line = without_note(line);
        let (name, figure) = line.trim().split_once(": ").unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']' | b' ');
        !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) && figure.trim().parse::<u64>().is_ok()
    };
    let rows_alone = here.command.first() == Some(&"ethtool") && is_count(first);
    if !(first == "NIC statistics:" || named.is_some() || is_driver || rows_alone) {
        return None;
    }
    let counted = rows_alone || first == "NIC statistics:";
    let of_command = || {
        let known = ["ethtool", "S", "i", "g", "k", "l", "txt", "log", "out"];
        here.command
            .iter()
            .rev()
            .find(|word| !word.starts_with('-') && !known.contains(word))
            .copied()
            .filter(|_| here.command.first() == Some(&"ethtool"))
    };
    let mut nic =
        Nic { interface: named.or_else(of_command).filter(|name| name.len() <= 31).map(printable), ..Nic::default() };
    let begun = here.at + usize::from(!is_driver && !rows_alone);
    let mut place = begun;
    let (mut rings, mut queues, mut combined) = (Vec::new(), Vec::new(), Vec::new());
    let (of_queues, of_offloads) = (first.starts_with("Channel "), first.starts_with("Features "));
    // `1000baseT/Full` in bits per second.
    let mode = |word: &str| word.split_once("base")?.0.parse::<u64>().ok()?.checked_mul(1_000_000);
    let mut supported = false;
    while place < document.len() && nic.counters.len() < MOST {
        let line = without_note(document.line(place));
        let line = line.trim();
        // Of some cards the queue stands before the name: `[0]: rx_bytes: 123`.
        let parted = if counted { line.rsplit_once(':') } else { line.split_once(':') };
        let Some((name, value)) = parted else {
            let listed = line.bytes().any(|byte| byte == b'/') && line.len() < 80 && named.is_some();
            if listed && supported && !document.ends_within(place) {
                nic.fastest = split(line).filter_map(mode).chain(nic.fastest).max();
            }
            if listed || (line.is_empty() && place == here.at + 1) {
                place += 1;
                continue;
            }
            break;
        };
        let value = value.trim();
        if name.len() > 64 || line.len() > 200 || (counted && value.parse::<u64>().is_err()) {
            break;
        }
        let whole = !document.ends_within(place);
        supported = name == "Supported link modes";
        match (name, value.parse::<u64>()) {
            ("Supported link modes", _) if whole => nic.fastest = split(value).filter_map(mode).max(),
            ("Duplex", _) if whole => nic.half_duplex = value == "Half",
            ("driver", _) => nic.driver = Some(printable(value)),
            ("version", _) if is_driver && whole => nic.version = said(value),
            ("firmware-version", _) if is_driver && whole => nic.firmware = said(value),
            ("bus-info", _) if is_driver && whole => nic.bus = said(value),
            ("Auto-negotiation", _) if whole => nic.autonegotiation = Some(value == "on"),
            (name, _) if of_offloads && whole && nic.offloads.len() < MOST_OFFLOADS => {
                // `on [fixed]`, `off [requested on]`.
                let on = match split(value).next() {
                    Some("on") => true,
                    Some("off") => false,
                    _ => break,
                };
                nic.offloads.push((printable(name), on));
            }
            ("Combined", Ok(count)) if of_queues && whole => combined.push(count),
            ("RX", _) if of_queues && whole => queues.push(value.parse().unwrap_or(0)),
            ("Speed", _) => {
                let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                nic.speed = value
                    .get(..digits)
                    .and_then(|digits| digits.parse::<u64>().ok())
                    .filter(|_| value.ends_with("Mb/s"))
                    .and_then(|mega| mega.checked_mul(1_000_000));
            }
            ("RX", Ok(size)) if named.is_some() && whole => rings.push(size),
            (name, Ok(figure)) if counted && whole => nic.counters.push((printable(name), figure)),
            _ => {}
        }
        place += 1;
    }
    if let [most, now] = rings.as_slice() {
        nic.ring = Some((*now, *most));
    }
    // Those that receive alone and those that send, too; some drivers print `n/a`, or leave a row out.
    let count = |place: usize| {
        let of = |of: &[u64]| of.get(place).copied();
        of(&queues)
            .into_iter()
            .chain(of(&combined))
            .reduce(|alone, both| if place == 0 { alone.max(both) } else { alone.saturating_add(both) })
    };
    nic.queues = count(1).zip(count(0)).filter(|_| of_queues);
    (place > begun).then_some((place - here.at, nic))
}

/// What a driver says of itself; it writes nothing, or `N/A`, for what it has not.
fn said(value: &str) -> Option<String> {
    (!value.is_empty() && value.len() <= 64 && value != "N/A").then(|| printable(value))
}

impl Nic {
    /// What its statistics tell, by the table that a live host is read by; the driver where it is named, else by its names.
    pub(super) fn told(&self, driver: Option<&str>) -> statistics::Told {
        let driver = driver.or_else(|| drivers::driver_of(self.counters.iter().map(|(name, _)| name.as_str())));
        statistics::told(driver.unwrap_or_default(), None, &self.counters)
    }

    /// What stands out of it, in sentences. `driver` is what another output says of the same card.
    pub(super) fn stands_out(&self, driver: Option<&str>) -> Vec<String> {
        let name = self.interface.as_deref().unwrap_or("the card");
        let received = self.counters.iter().find(|(name, _)| name == "rx_packets").map(|(_, count)| *count);
        let of_driver = driver.map_or_else(String::new, |driver| format!(" ({driver})"));
        let losses = self.told(driver).losses;
        let (limits, lost): (Vec<&Loss>, Vec<&Loss>) =
            losses.iter().filter(|loss| loss.lost).partition(|loss| loss.meaning == Meaning::Allowance);
        let said = |loss: &Loss| {
            let plural = if loss.ever == 1 { "" } else { "s" };
            format!("{} {}{plural} {} ({})", units::count(loss.ever as f64), loss.unit, loss.says, loss.name)
        };
        let mut told: Vec<String> = Vec::new();
        if !limits.is_empty() {
            let limits: Vec<String> = limits.into_iter().map(said).collect();
            told.push(format!("{name}{of_driver}: since boot {}", limits.join(", ")));
        }
        if let Some(most) = lost.first() {
            let share = received.filter(|count| *count > 0).map(|count| most.ever as f64 / count as f64);
            let weight = share.map_or_else(String::new, |share| {
                let problem = if share < HARMLESS { ": not a problem" } else { "" };
                format!(" ({} % of what it received{problem})", percent(share))
            });
            let lost: Vec<String> = lost.into_iter().take(MOST_TOLD).map(said).collect();
            told.push(format!("{name}{of_driver}: since boot {}{weight}", lost.join(", ")));
        }
        told.extend(self.strange(name));
        if let Some((speed, fastest)) = self.speed.zip(self.fastest).filter(|(speed, fastest)| speed < fastest) {
            told.push(format!(
                "{name}: its link runs at {}, though the card can {}: a cable, the port at the other end, or what both agreed on",
                units::bitrate(speed as f64),
                units::bitrate(fastest as f64)
            ));
        }
        if self.half_duplex {
            told.push(format!(
                "{name}: its link is half duplex: where the other end is not, frames are lost as soon as there is traffic"
            ));
        }
        if let Some((now, most)) = self.ring.filter(|(now, most)| now * 2 <= *most) {
            told.push(format!("{name}: its receive ring has {now} places of {most} (ethtool -G {name} rx {most})"));
        }
        if let Some((now, most)) = self.queues.filter(|(now, most)| *now == 1 && *most > 1) {
            told.push(format!(
                "{name}: it has {now} receive queue of {most}: one CPU receives for all, unless RPS hands packets on; ethtool -L {name} gives it more"
            ));
        }
        if self.offloads.iter().any(|(name, on)| *on && name == "large-receive-offload") {
            told.push(format!(
                "{name}: LRO is on: packets that are sent on, or seen by a capture, are not those that came"
            ));
        }
        told
    }

    /// What sounds of loss and no table knows, as it is.
    fn strange(&self, name: &str) -> Option<String> {
        let driver = drivers::driver_of(self.counters.iter().map(|(name, _)| name.as_str())).unwrap_or_default();
        let is_strange = |counter: &str| {
            let shape = drivers::shape(counter);
            drivers::of(driver, &shape).is_none() && drivers::sounds_of_loss(&shape) && !shape.contains("tx_")
        };
        let mut strange: Vec<&(String, u64)> =
            self.counters.iter().filter(|(counter, count)| *count > 0 && is_strange(counter)).collect();
        strange.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let rows: Vec<String> = strange
            .into_iter()
            .take(MOST_TOLD)
            .map(|(counter, count)| format!("{} {}", counter.trim(), units::count(*count as f64)))
            .collect();
        (!rows.is_empty()).then(|| format!("{name}: ethtool: {}", rows.join(", ")))
    }
}

/// The cards of all outputs together, as the probe `devices` gives them; none where no output of `ethtool` is there.
pub(super) fn devices<'a>(all: impl Iterator<Item = &'a Nic> + Clone) -> Option<Value> {
    let mut names: Vec<Option<&str>> = Vec::new();
    for nic in all.clone() {
        if !names.contains(&nic.interface.as_deref()) {
            names.push(nic.interface.as_deref());
        }
    }
    // What has no name is of the only card that has one.
    let only = names.iter().flatten().count() <= 1;
    let named: Vec<&str> = names.iter().flatten().copied().collect();
    let cards: Vec<&str> = if named.is_empty() { vec!["the card"] } else { named };
    let devices: Vec<Value> = cards
        .iter()
        .take(MOST_DEVICES)
        .map(|name| {
            let own =
                all.clone().filter(|nic| nic.interface.as_deref() == Some(*name) || only && nic.interface.is_none());
            device(name, &own.collect::<Vec<_>>())
        })
        .collect();
    (!names.is_empty()).then(
        || json!({"from_text": true, "devices_left_out": cards.len().saturating_sub(MOST_DEVICES), "devices": devices}),
    )
}

/// Cards in the evidence.
const MOST_DEVICES: usize = 16;

/// One card, of all that was printed of it: the last of each kind.
fn device(name: &str, parts: &[&Nic]) -> Value {
    let mut device = Map::new();
    let mut put = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            device.insert(field.to_owned(), value);
        }
    };
    let last = |of: &dyn Fn(&Nic) -> Option<Value>| parts.iter().rev().find_map(|nic| of(nic));
    let text = |of: fn(&Nic) -> &Option<String>| last(&|nic: &Nic| of(nic).as_deref().map(Value::from));
    put("name", Some(json!(name)));
    put("watched", Some(json!(true)));
    let driver = text(|nic| &nic.driver);
    put("driver_version", text(|nic| &nic.version));
    put("firmware", text(|nic| &nic.firmware));
    put("bus", text(|nic| &nic.bus));
    put("speed_bits_per_second", last(&|nic| nic.speed.map(Value::from)));
    put("duplex", last(&|nic| nic.half_duplex.then(|| json!("half"))));
    put("autonegotiation", last(&|nic| nic.autonegotiation.map(Value::from)));
    put("rings", last(&|nic| nic.ring.map(|(rx, most)| json!({"rx": rx, "rx_most": most}))));
    put("queues", last(&|nic| nic.queues.map(|(rx, most)| json!({"rx": rx, "rx_most": most}))));
    put("offloads", last(&|nic| offloads(&nic.offloads)));
    if let Some(nic) = parts.iter().rev().find(|nic| !nic.counters.is_empty()) {
        let named = driver.as_ref().and_then(Value::as_str);
        let told = nic.told(named);
        put("statistics", Some(json!(nic.counters.len())));
        let mut losses = json!(told.losses);
        // When it grew is not known: one figure was printed, or nobody knows how far apart two were.
        losses.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut).for_each(|loss| {
            loss.remove("grew");
        });
        put("losses", Some(losses));
        put("losses_left_out", Some(json!(told.left_out)));
        let known = || drivers::driver_of(nic.counters.iter().map(|(name, _)| name.as_str())).map(Value::from);
        put("driver", driver.clone().or_else(known));
    } else {
        put("driver", driver);
    }
    Value::Object(device)
}

/// Offloads by the names of the probe, from those of `ethtool -k`.
fn offloads(printed: &[(String, bool)]) -> Option<Value> {
    const NAMES: [(&str, &str); 10] = [
        ("gro", "generic-receive-offload"),
        ("gro_hw", "rx-gro-hw"),
        ("lro", "large-receive-offload"),
        ("udp_gro_forwarding", "rx-udp-gro-forwarding"),
        ("tso", "tcp-segmentation-offload"),
        ("gso", "generic-segmentation-offload"),
        ("rx_checksum", "rx-checksumming"),
        ("rx_hash", "receive-hashing"),
        ("rx_vlan", "rx-vlan-offload"),
        ("ntuple", "ntuple-filters"),
    ];
    let known = |name: &str| printed.iter().find(|(printed, _)| printed == name).map(|(_, on)| json!(on));
    let fields: Map<String, Value> =
        NAMES.iter().filter_map(|(field, name)| Some(((*field).to_owned(), known(name)?))).collect();
    (!fields.is_empty()).then_some(Value::Object(fields))
}

/// `tc -s qdisc` from that line on: what each discipline sent and dropped since it was set.
pub(super) fn disciplines(here: &Here<'_>) -> Option<(usize, Told)> {
    let document = here.document;
    // `qdisc tbf 8001: dev eth0 root refcnt 2 rate 8Mbit …`
    let heading = |at: usize| -> Option<(String, String)> {
        let mut words = split(document.line(at).trim());
        let ("qdisc", kind, handle) = (words.next()?, words.next()?, words.next()?) else { return None };
        let device = words.find(|word| *word == "dev").and_then(|_| words.next())?;
        (handle.ends_with(':') && device.len() <= 31).then(|| (printable(kind), printable(device)))
    };
    heading(here.at)?;
    let mut told = Told { tool: "tc", ..Told::default() };
    let mut current: Option<(String, String)> = None;
    let (mut place, mut seen) = (here.at, 0);
    while place < document.len() && seen < MOST_DISCIPLINES {
        let line = document.line(place);
        if let Some(next) = heading(place) {
            current = Some(next);
            seen += 1;
        } else if let Some((kind, device)) = current.as_ref().filter(|_| line.starts_with([' ', '\t'])) {
            let figures = || split(line).map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()));
            let before =
                |name: &str| figures().zip(figures().skip(1)).find(|(_, word)| *word == name)?.0.parse::<u64>().ok();
            let after =
                |name: &str| figures().zip(figures().skip(1)).find(|(word, _)| *word == name)?.1.parse::<u64>().ok();
            let whole = !document.ends_within(place);
            if let (Some(sent), Some(dropped)) = (before("pkt"), after("dropped"))
                && whole
                && dropped > 0
                && told.stands_out.len() < MOST_TOLD
            {
                told.stands_out.push(format!(
                    "{device}: its queue ({kind}) dropped {} packets that were to be sent and sent {}, since it was set",
                    units::count(dropped as f64),
                    units::count(sent as f64)
                ));
            }
        } else {
            break;
        }
        place += 1;
    }
    Some((place - here.at, told))
}
