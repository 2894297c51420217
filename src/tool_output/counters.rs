//! Counters since boot: of protocols, of CPUs, of cards, of connection tracking. None is a rate.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::here::Here;
use super::sentences;
use super::text::{Words, split, without_note};
use crate::printable::printable;

/// Rows that are taken from one output.
const MOST: usize = 20_000;
/// CPUs, interrupts, counters of a card.
const MOST_CPUS: usize = 8192;
/// Senders that are counted.
const MOST_SENDERS: usize = 16_384;

/// `netstat -s` from that line on.
pub(super) fn netstat(here: &Here<'_>) -> Option<(usize, Counted)> {
    let document = here.document;
    let Some(first) = section(document.line(here.at)) else { return alone(here) };
    let mut group = first.to_owned();
    let mut counters = Vec::new();
    let mut place = here.at + 1;
    let mut histogram = false;
    let mut sections = vec![first];
    while place < document.len() && counters.len() < MOST {
        let line = without_note(document.line(place));
        let line = line.trim();
        if let Some(named) = section(line) {
            // A section that was there is the same command again.
            if sections.contains(&named) && !counters.is_empty() {
                break;
            }
            sections.push(named);
            group = named.to_owned();
            histogram = false;
        } else if line.is_empty() || line == "..." {
        } else if line.ends_with("histogram:") {
            histogram = true;
        } else if let Some(counter) = counter(&group, line)
            .filter(|_| !document.ends_within(place) || !line.ends_with(|c: char| c.is_ascii_digit()))
        {
            if !histogram || !line.contains(':') || group.ends_with("Ext") {
                counters.push(counter);
            }
        } else if histogram && line.contains(':') && line.bytes().any(|byte| byte.is_ascii_digit()) {
            // A row of a histogram: how many messages of a kind came.
        } else if counters.is_empty() && place > here.at + 50 {
            break;
        } else if (60..=100).contains(&document.line(place - 1).len())
            && line.split(' ').count() <= 4
            && !line.bytes().any(|byte| byte.is_ascii_digit())
            && !counters.is_empty()
        {
            // The end of a sentence that mail wrapped.
        } else if document.line(place).starts_with([' ', '\t'])
            && !line.bytes().any(|byte| byte.is_ascii_digit())
            && document.line(place + 1).trim().bytes().any(|byte| byte.is_ascii_digit())
        {
            // The heading of a histogram, in another language.
            histogram = true;
        } else if !line.contains("recvmsg")
            && !line.starts_with("Forwarding is")
            && !line.starts_with("Detected reordering")
            && !line.starts_with("Quick ack mode")
        {
            break;
        }
        place += 1;
    }
    while place > here.at + 1 && document.line(place - 1).trim().is_empty() {
        place -= 1;
    }
    (!counters.is_empty()).then_some((place - here.at, Counted { counters, since_boot: true }))
}

/// Sentences that stand without their section, as `netstat -s | grep -i listen` leaves them.
fn alone(here: &Here<'_>) -> Option<(usize, Counted)> {
    let document = here.document;
    let asked = here.command.first() == Some(&"netstat");
    let row = |at: usize| -> Option<(String, u64)> {
        let line = without_note(document.line(at));
        let line = line.trim();
        if document.ends_within(at) && line.ends_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if let Some((name, figure)) = sentences::alone(line) {
            return Some((name.to_owned(), figure));
        }
        // What has no sentence has the kernel's name.
        let (name, figure) = line.split_once(": ").filter(|(name, _)| asked && name.starts_with("TCP"))?;
        let plain = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Some((format!("TcpExt.{name}"), figure.trim().parse().ok().filter(|_| plain)?))
    };
    let counters: Vec<(String, u64)> = (here.at..document.len()).map_while(row).take(MOST).collect();
    (!counters.is_empty()).then_some((counters.len(), Counted { counters, since_boot: true }))
}

/// `Ip:`, `TcpExt:`.
fn section(line: &str) -> Option<&'static str> {
    let name = line.trim().strip_suffix(':')?;
    let known = [
        "Ip", "Icmp", "IcmpMsg", "Tcp", "Udp", "UdpLite", "TcpExt", "IpExt", "Ip6", "Icmp6", "Udp6", "UdpLite6",
        "MPTcpExt", "Sctp",
    ];
    known.into_iter().find(|known| *known == name)
}

fn counter(group: &str, line: &str) -> Option<(String, u64)> {
    if let Some((name, figure)) = sentences::counter(group, line) {
        let name = name.split_once('.').map_or(name, |(_, name)| name);
        return Some((format!("{group}.{name}"), figure));
    }
    if let Some((name, figure)) = line.split_once(": ") {
        if name.len() <= 64
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
            && let Ok(figure) = figure.trim().parse()
        {
            return Some((format!("{group}.{}", name.replace(' ', "")), figure));
        }
        return None;
    }
    let (figure, words) = line.split_once(' ').unwrap_or((line, ""));
    if let Ok(figure) = figure.parse() {
        let plain = words.trim_end_matches('.').trim();
        return (!words.is_empty() && words.len() < 120).then(|| (format!("{group}: {}", printable(plain)), figure));
    }
    // A figure within the sentence: `Detected reordering 5 times using SACK`.
    let figure = line.split_whitespace().find_map(|word| word.parse().ok())?;
    (line.len() < 120 && group.ends_with("Ext")).then(|| (format!("{group}: {}", printable(line)), figure))
}

/// `nstat`, /proc/net/snmp and netstat, snmp6 from that line on.
pub(super) fn named(here: &Here<'_>) -> Option<(usize, Counted)> {
    let document = here.document;
    let mut counters = Vec::new();
    let mut place = here.at;
    // `nstat` without -a counts since it was called last.
    let asked = |word: &&str| (word.starts_with('-') || here.by_name) && word.contains(['a', 's', 'z']);
    let whole = here.command.first() != Some(&"nstat") || here.command.iter().skip(1).any(asked);
    while place < document.len() && counters.len() < MOST {
        let line = document.line(place).trim();
        let words = here.words(place);
        if line.starts_with("#kernel") {
            if !counters.is_empty() {
                break;
            }
            place += 1;
            continue;
        }
        if let Some((group, names)) = line.split_once(": ").filter(|(group, _)| section(&format!("{group}:")).is_some())
            && let Some((other, values)) = document.line(place + 1).trim().split_once(": ")
            && group == other
            && !document.ends_within(place + 1)
        {
            let rows = names.split_whitespace().zip(values.split_whitespace());
            counters.extend(
                rows.filter_map(|(name, value)| Some((format!("{group}.{}", printable(name)), value.parse().ok()?))),
            );
            place += 2;
            continue;
        }
        let row = match words.as_slice() {
            [name, figure, rate] if rate.parse::<f64>().is_ok() => Some((*name, *figure)),
            [name, figure] if name.starts_with("Ip6") || name.starts_with("Icmp6") || name.starts_with("Udp6") => {
                Some((*name, *figure)).filter(|_| !document.ends_within(place))
            }
            _ => None,
        };
        let Some((group, name, figure)) = row.and_then(|(name, figure)| {
            let (group, name) = grouped(name)?;
            Some((group, name, figure.parse().ok()?))
        }) else {
            break;
        };
        counters.push((format!("{group}.{}", printable(name)), figure));
        place += 1;
    }
    (!counters.is_empty()).then(|| (place - here.at, Counted { counters, since_boot: whole }))
}

/// `nstat -j`, as the rows of `nstat`.
pub(super) fn of_json(kernel: &serde_json::Map<String, serde_json::Value>, since_boot: bool) -> Option<Counted> {
    let counters = kernel.iter().take(MOST).filter_map(|(name, figure)| {
        let (group, name) = grouped(name)?;
        Some((format!("{group}.{}", printable(name)), figure.as_u64()?))
    });
    let counters: Vec<(String, u64)> = counters.collect();
    (!counters.is_empty()).then_some(Counted { counters, since_boot })
}

/// The group that a name of `nstat` begins with, and the rest.
fn grouped(name: &str) -> Option<(&'static str, &str)> {
    let groups = [
        "TcpExt", "IpExt", "Icmp6", "IcmpMsg", "Icmp", "UdpLite6", "UdpLite", "Udp6", "Udp", "Ip6", "Tcp", "Ip",
        "MPTcpExt",
    ];
    let group = groups.into_iter().find(|group| name.starts_with(group) && name.len() > group.len())?;
    Some((group, name.get(group.len()..)?))
}

/// Counters of protocols: since boot, or since `nstat` was called last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    pub counters: Vec<(String, u64)>,
    pub since_boot: bool,
}

/// `softnet_stat`: what each CPU received, dropped and left over.
pub(super) fn softnet(here: &Here<'_>) -> Option<(usize, Vec<[u64; 3]>)> {
    let row = |at: usize| -> Option<[u64; 3]> {
        let words = here.words(at);
        let hex = |word: &&str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if words.len() < 9 || !words.iter().all(hex) {
            return None;
        }
        let figure = |at: usize| u64::from_str_radix(words.get(at)?, 16).ok();
        Some([figure(0)?, figure(1)?, figure(2)?])
    };
    let rows: Vec<[u64; 3]> = (here.at..here.document.len()).map_while(row).take(MOST_CPUS).collect();
    (!rows.is_empty()).then_some((rows.len(), rows))
}

/// Interrupts of one source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interrupts {
    pub name: String,
    pub by_cpu: Vec<u64>,
}

/// /proc/interrupts from that line on.
pub(super) fn interrupts(here: &Here<'_>) -> Option<(usize, Vec<Interrupts>)> {
    let document = here.document;
    let mut place = here.at;
    let is_heading = |line: &str| split(line).next() == Some("CPU0") && split(line).all(|word| word.starts_with("CPU"));
    let headed = is_heading(document.line(place));
    if headed {
        place += 1;
    }
    let mut rows = Vec::new();
    while place < document.len() && rows.len() < MOST {
        let line = document.line(place).trim();
        let Some((number, rest)) = line.split_once(':') else { break };
        if number.len() > 4 || !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            break;
        }
        let by_cpu: Vec<u64> = split(rest).map_while(|word| word.parse().ok()).take(MOST_CPUS).collect();
        let name: Words<'_> = split(rest).skip(by_cpu.len()).collect();
        let device = name.iter().any(|word| {
            word.contains("MSI")
                || word.contains("APIC")
                || word.contains("edge")
                || word.contains("fasteoi")
                || word.contains("GIC")
                || word.contains("xen")
        });
        if by_cpu.is_empty() || !(headed || device) {
            break;
        }
        if let Some(name) = name.last().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit())) {
            rows.push(Interrupts { name: printable(name), by_cpu });
        }
        place += 1;
    }
    (!rows.is_empty()).then_some((place - here.at, rows))
}

/// What `conntrack` and /proc/net/nf_conntrack show.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tracked {
    pub count: Option<u64>,
    /// Entries that were read.
    pub entries: u64,
    pub states: BTreeMap<String, u64>,
    pub protocols: BTreeMap<String, u64>,
    pub unreplied: u64,
    pub assured: u64,
    pub sources: BTreeMap<IpAddr, u64>,
    /// Statistics since boot, by name, over all CPUs.
    pub trouble: BTreeMap<String, u64>,
}

/// `conntrack -S`, `-C`, `-L`, /proc/net/nf_conntrack from that line on.
pub(super) fn tracked(here: &Here<'_>) -> Option<(usize, Tracked)> {
    let document = here.document;
    let first = document.line(here.at).trim();
    let mut tracked = Tracked::default();
    if here.command.first() == Some(&"conntrack") || here.command.iter().any(|word| word.contains("nf_conntrack_count"))
    {
        let counts = here.command.iter().any(|word| {
            matches!(*word, "-C" | "C" | "--count" | "nf_conntrack_count") || word.ends_with("/nf_conntrack_count")
        });
        if let Some(count) = first.parse().ok().filter(|_| counts && !document.ends_within(here.at)) {
            tracked.count = Some(count);
            return Some((1, tracked));
        }
    }
    let mut place = here.at;
    while place < document.len() {
        let line = document.line(place).trim();
        let words = here.words(place);
        if words.first().is_some_and(|word| word.starts_with("cpu=")) {
            if words[0] == "cpu=0" && !tracked.trouble.is_empty() {
                break;
            }
            for word in words.iter().skip(1) {
                if let Some((name, figure)) = word.split_once('=')
                    && let Ok(figure) = figure.parse::<u64>()
                    && name.len() < 32
                    && !(document.ends_within(place) && line.ends_with(word))
                {
                    let sum = tracked.trouble.entry(printable(name)).or_default();
                    *sum = sum.saturating_add(figure);
                }
            }
        } else if let Some(entry) = entry(&words) {
            tracked.entries += 1;
            if let Some(state) = entry.state {
                *tracked.states.entry(state.to_owned()).or_default() += 1;
            }
            if tracked.protocols.len() < 64 {
                *tracked.protocols.entry(printable(entry.protocol)).or_default() += 1;
            }
            tracked.unreplied += u64::from(line.contains("[UNREPLIED]"));
            tracked.assured += u64::from(line.contains("[ASSURED]"));
            if tracked.sources.len() < MOST_SENDERS || tracked.sources.contains_key(&entry.source) {
                *tracked.sources.entry(entry.source).or_default() += 1;
            }
        } else if line.starts_with("conntrack v") && line.contains("flow entries") || line == "..." {
        } else {
            break;
        }
        place += 1;
    }
    (tracked.entries > 0 || !tracked.trouble.is_empty()).then_some((place - here.at, tracked))
}

struct Entry<'l> {
    protocol: &'l str,
    state: Option<&'l str>,
    source: IpAddr,
}

/// `tcp 6 431999 ESTABLISHED src=192.0.2.1 dst=… sport=…`, with `ipv4 2` before it in /proc.
fn entry<'l>(words: &[&'l str]) -> Option<Entry<'l>> {
    let words = if matches!(words.first(), Some(&("ipv4" | "ipv6"))) { words.get(2..)? } else { words };
    let [protocol, number, ..] = words else { return None };
    number.parse::<u8>().ok()?;
    let source = words.iter().find_map(|word| word.strip_prefix("src="))?.parse().ok()?;
    words.iter().find(|word| word.starts_with("dst="))?;
    let states = [
        "NONE",
        "SYN_SENT",
        "SYN_RECV",
        "ESTABLISHED",
        "FIN_WAIT",
        "CLOSE_WAIT",
        "LAST_ACK",
        "TIME_WAIT",
        "CLOSE",
        "SYN_SENT2",
    ];
    let state = words.iter().take(5).copied().find(|word| states.contains(word));
    Some(Entry { protocol, state, source })
}

/// `net.core.rmem_default = 8388608` from that line on.
pub(super) fn settings(here: &Here<'_>) -> Option<(usize, Vec<(String, String)>)> {
    let document = here.document;
    let setting = |at: usize| -> Option<(String, String)> {
        let line = document.line(at).trim().trim_end_matches(';');
        let (name, value) = line.split_once('=').or_else(|| line.split_once(": "))?;
        // Several numbers stand behind tabs.
        let (name, value) = (name.trim(), value.split_whitespace().collect::<Vec<_>>().join(" "));
        let known = ["net.", "kernel.", "vm.", "fs.", "dev.", "debug.", "user.", "abi.", "crypto.", "sunrpc."]
            .iter()
            .any(|root| name.starts_with(root));
        let plain =
            name.len() < 120 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte));
        (known && plain && !document.ends_within(at)).then(|| {
            (name.replace('/', "."), printable(value.get(..value.floor_char_boundary(200)).unwrap_or_default()))
        })
    };
    let settings: Vec<(String, String)> = (here.at..document.len()).map_while(setting).take(MOST).collect();
    if settings.is_empty() {
        // `sysctl -n NAME` and `cat /proc/sys/…` print the value alone.
        let name = match here.command.as_slice() {
            ["sysctl", "-n" | "-nq" | "--values", name] => name.replace('/', "."),
            ["cat", path] => path.strip_prefix("/proc/sys/")?.replace('/', "."),
            _ => return None,
        };
        let value = document.line(here.at).trim();
        let is_value = value.len() < 64 && value.split_whitespace().all(|word| word.parse::<u64>().is_ok());
        return (is_value && !value.is_empty() && name.len() < 120 && !document.ends_within(here.at))
            .then(|| (1, vec![(printable(&name), value.to_owned())]));
    }
    Some((settings.len(), settings))
}
