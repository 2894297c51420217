//! Interfaces as `ifconfig`, `ip -s link`, `ip -s addr` and `/proc/net/dev` show them.

use std::net::{IpAddr, Ipv4Addr};

use crate::printable::printable;

/// Interfaces that are taken from one output.
const MOST: usize = 4096;
/// Addresses of an interface.
const MOST_ADDRESSES: usize = 64;

/// An interface, as far as it was shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shown {
    pub name: String,
    pub index: Option<u32>,
    pub loopback: bool,
    pub ethernet: bool,
    pub up: Option<bool>,
    pub carrier: Option<bool>,
    pub mac: Option<String>,
    pub mtu: Option<u32>,
    pub addresses: Vec<(IpAddr, u8, Option<String>)>,
    pub rx: Counters,
    pub tx: Counters,
}

/// Counters since boot of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Counters {
    pub bytes: Option<u64>,
    pub packets: Option<u64>,
    pub errors: Option<u64>,
    pub dropped: Option<u64>,
}

impl Counters {
    fn or(self, other: Counters) -> Counters {
        Counters {
            bytes: self.bytes.or(other.bytes),
            packets: self.packets.or(other.packets),
            errors: self.errors.or(other.errors),
            dropped: self.dropped.or(other.dropped),
        }
    }
}

/// All interfaces of an output; empty when it is of another tool.
pub(super) fn read(text: &str) -> Vec<Shown> {
    let mut links: Vec<Shown> = Vec::new();
    let mut direction: Option<(bool, Vec<String>)> = None;
    let in_proc = text.lines().take(5).any(|line| line.trim_start().starts_with("face |"));
    for line in text.lines() {
        if in_proc {
            links.extend(proc_line(line));
        } else if let Some(link) = heading(line) {
            direction = None;
            links.push(link);
        } else if let Some(link) = links.last_mut() {
            detail(link, line.trim(), &mut direction);
        }
        if links.len() > MOST {
            break;
        }
    }
    aliased(links)
}

/// The first line of an interface, of either tool.
fn heading(line: &str) -> Option<Shown> {
    let first = line.chars().next().filter(|c| !c.is_whitespace())?;
    if first.is_ascii_digit() {
        // 2: eth0@if3: <BROADCAST,UP> mtu 1500 …
        let (index, rest) = line.split_once(": ")?;
        let (name, rest) = rest.split_once(": <")?;
        let (flags, rest) = rest.split_once('>')?;
        let flag = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
        return Some(Shown {
            name: plain(name.split('@').next()?)?,
            index: index.parse().ok(),
            loopback: flag("LOOPBACK"),
            up: Some(flag("UP")),
            carrier: Some(flag("LOWER_UP")),
            mtu: after(rest, "mtu ").and_then(number),
            ..Shown::default()
        });
    }
    let name = plain(line.split_whitespace().next()?.trim_end_matches(':'))?;
    if let Some(kind) = after(line, "Link encap:") {
        return Some(Shown {
            name,
            loopback: kind.starts_with("Local"),
            ethernet: kind.starts_with("Ethernet"),
            mac: after(line, "HWaddr ").and_then(mac),
            ..Shown::default()
        });
    }
    let flags = after(line, "flags=")?.split_once('<')?.1.split_once('>')?.0;
    let flag = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
    Some(Shown {
        name,
        loopback: flag("LOOPBACK"),
        up: Some(flag("UP")),
        carrier: Some(flag("RUNNING")),
        mtu: after(line, "mtu ").and_then(number),
        ..Shown::default()
    })
}

fn detail(link: &mut Shown, line: &str, direction: &mut Option<(bool, Vec<String>)>) {
    // `ip`: a heading of columns, and the figures in the next line.
    if let Some((received, columns)) = direction.take() {
        let counters = if received { &mut link.rx } else { &mut link.tx };
        for (column, figure) in columns.iter().zip(line.split_whitespace()) {
            match column.as_str() {
                "bytes" => counters.bytes = figure.parse().ok(),
                "packets" => counters.packets = figure.parse().ok(),
                "errors" => counters.errors = figure.parse().ok(),
                "dropped" => counters.dropped = figure.parse().ok(),
                _ => {}
            }
        }
        return;
    }
    let columns = |rest: &str| rest.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (word, received) in [("RX:", true), ("TX:", false)] {
        if let Some(rest) = line.strip_prefix(word).filter(|rest| rest.contains("bytes") && rest.contains("packets")) {
            *direction = Some((received, columns(rest)));
            return;
        }
    }
    if line.starts_with("RX ") || line.starts_with("TX ") {
        ifconfig_counters(link, line);
    } else if let Some(rest) = line.strip_prefix("link/") {
        link.ethernet = rest.starts_with("ether");
        link.mac = after(rest, "ether ").and_then(mac);
    } else if let Some(rest) = line.strip_prefix("ether ") {
        (link.ethernet, link.mac) = (true, mac(rest));
    } else if line.starts_with("inet") {
        address(link, line);
    } else if let Some(rest) = after(line, "MTU:") {
        link.mtu = number(rest);
        link.up = Some(line.split_whitespace().any(|word| word == "UP"));
        link.carrier = Some(line.split_whitespace().any(|word| word == "RUNNING"));
    }
}

/// `RX packets:1 errors:0 dropped:0`, `RX bytes:1 (1 b)  TX bytes:1 (1 b)`, `RX packets 1  bytes 1 (1.0 B)`.
fn ifconfig_counters(link: &mut Shown, line: &str) {
    let spaced = line.replace(':', " ");
    let mut words = spaced.split_whitespace();
    let mut received = true;
    while let Some(word) = words.next() {
        match word {
            "RX" => received = true,
            "TX" => received = false,
            "packets" | "bytes" | "errors" | "dropped" => {
                let figure = words.next().and_then(|figure| figure.parse().ok());
                let counters = if received { &mut link.rx } else { &mut link.tx };
                match word {
                    "packets" => counters.packets = figure,
                    "bytes" => counters.bytes = figure,
                    "errors" => counters.errors = figure,
                    _ => counters.dropped = figure,
                }
            }
            _ => {}
        }
    }
}

/// `inet 10.0.0.1/8 … eth0:1`, `inet addr:10.0.0.1 … Mask:255.0.0.0`, `inet 10.0.0.1 netmask 255.0.0.0`,
/// `inet6 fe80::1 prefixlen 64`, `inet6 addr: fe80::1/64`.
fn address(link: &mut Shown, line: &str) {
    let spaced = line.replace("addr:", "").replace("Mask:", "netmask ");
    let mut words = spaced.split_whitespace().skip(1);
    let Some(first) = words.next() else { return };
    let (address, prefix) = first.split_once('/').map_or((first, None), |(address, prefix)| (address, Some(prefix)));
    let Ok(address) = address.parse::<IpAddr>() else { return };
    let prefix = prefix
        .and_then(|prefix| prefix.parse().ok())
        .or_else(|| after(&spaced, "prefixlen ").and_then(number))
        .or_else(|| {
            let mask: Ipv4Addr = after(&spaced, "netmask ")?.split_whitespace().next()?.parse().ok()?;
            u8::try_from(u32::from(mask).count_ones()).ok()
        })
        .unwrap_or(if address.is_ipv4() { 32 } else { 128 });
    let label = line.split_whitespace().last().filter(|last| last.starts_with(&format!("{}:", link.name)));
    if link.addresses.len() < MOST_ADDRESSES {
        link.addresses.push((address, prefix, label.and_then(plain)));
    }
}

/// `  eth0: 1 2 …`: of /proc/net/dev, bytes packets errs drop fifo frame compressed multicast, twice.
fn proc_line(line: &str) -> Option<Shown> {
    let (name, rest) = line.rsplit_once(':')?;
    let figures: Vec<u64> = rest.split_whitespace().map_while(|figure| figure.parse().ok()).collect();
    let counters = |at: usize| Counters {
        bytes: figures.get(at).copied(),
        packets: figures.get(at + 1).copied(),
        errors: figures.get(at + 2).copied(),
        dropped: figures.get(at + 3).copied(),
    };
    let name = plain(name.trim())?;
    (figures.len() >= 12).then(|| Shown {
        loopback: name == "lo",
        name,
        rx: counters(0),
        tx: counters(8),
        ..Shown::default()
    })
}

/// Aliases, which older tools show as interfaces, as addresses of the interface that they belong to.
fn aliased(links: Vec<Shown>) -> Vec<Shown> {
    let mut real: Vec<Shown> = Vec::new();
    for link in links {
        let owner = link.name.split_once(':').map(|(owner, _)| owner.to_owned());
        match owner.and_then(|owner| real.iter_mut().find(|other| other.name == owner)) {
            Some(owner) => {
                let labelled =
                    link.addresses.into_iter().map(|(address, prefix, _)| (address, prefix, Some(link.name.clone())));
                owner.addresses.extend(labelled.take(MOST_ADDRESSES));
            }
            None => real.push(link),
        }
    }
    real
}

/// What several outputs show of the same interfaces, together.
pub(super) fn together(all: impl Iterator<Item = Vec<Shown>>) -> Vec<Shown> {
    let mut links: Vec<Shown> = Vec::new();
    for link in all.flatten() {
        let Some(known) = links.iter_mut().find(|known| known.name == link.name) else {
            if links.len() < MOST {
                links.push(link);
            }
            continue;
        };
        known.index = known.index.or(link.index);
        known.up = known.up.or(link.up);
        known.carrier = known.carrier.or(link.carrier);
        known.mtu = known.mtu.or(link.mtu);
        known.ethernet |= link.ethernet;
        known.loopback |= link.loopback;
        if known.mac.is_none() {
            known.mac = link.mac;
        }
        if known.addresses.is_empty() {
            known.addresses = link.addresses;
        }
        // Counters of one moment belong together.
        if known.rx.bytes.is_none() {
            known.rx = known.rx.or(link.rx);
            known.tx = known.tx.or(link.tx);
        }
    }
    links
}

fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.split_once(word).map(|(_, rest)| rest)
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The name of an interface: the kernel allows 15 bytes.
fn plain(name: &str) -> Option<String> {
    (!name.is_empty() && name.len() <= 31).then(|| printable(name))
}

fn mac(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    let is_mac =
        first.len() == 17 && first.split(':').all(|byte| byte.len() == 2 && u8::from_str_radix(byte, 16).is_ok());
    is_mac.then(|| first.to_ascii_lowercase())
}
