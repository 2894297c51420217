//! What stands out in the outputs, told in sentences: figures since boot with their share, queues that nobody reads, patterns of
//! logs, packets that were printed. None of it is a rate.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::counters::{Counted, Interrupts, Tracked};
use super::data::Data;
use super::interfaces::Chosen;
use super::links::Shown;
use super::pieces::Pieces;
use super::sentences::percent;
use super::sockets::{Row, Table};
use crate::case::Evidence;
use crate::units;

/// Sentences of one kind.
const MOST: usize = 4;
/// Bytes that wait at a socket from which on nobody reads it.
const QUEUED: u32 = 64 * 1024;
/// Shares of lost packets: below the first nobody notices, above the second somebody does.
const HARMLESS: f64 = 0.0001;
const HARMFUL: f64 = 0.001;
/// Bytes sent from which on the ratio of both ways says something, and the ratio.
const MUCH: u64 = 100_000_000;
const RATIO: f64 = 5.0;

/// Services over UDP that answer a small question of anybody with much, and that nobody needs to reach from outside.
const REFLECTING: &[(u16, &str)] =
    &[(17, "qotd"), (19, "chargen"), (389, "CLDAP"), (1900, "SSDP"), (3702, "WS-Discovery"), (11211, "memcached")];
/// Connections that are being opened, from which on they are told.
const OPENING: usize = 20;
/// Packets per second that are small, from which on they are told, and how small.
const MANY_SMALL: f64 = 10_000.0;
const SMALL: f64 = 128.0;
/// A CPU that receives so much of its time, and so many times as much as the others, receives for all.
const RECEIVES: f64 = 0.5;
const LOPSIDED: f64 = 4.0;

/// Counters of trouble, with what they mean.
const TROUBLE: &[(&str, &str)] = &[
    ("TcpExt.ListenOverflows", "handshakes ended at the full queue of a service that accepts too slowly"),
    ("TcpExt.ListenDrops", "SYNs and handshakes were dropped by listeners"),
    ("TcpExt.TCPReqQFullDrop", "SYNs were dropped because the backlog was full"),
    ("TcpExt.TCPReqQFullDoCookies", "SYN cookies were sent because the backlog was full"),
    ("TcpExt.SyncookiesSent", "SYN cookies were sent"),
    ("TcpExt.SyncookiesFailed", "packets claimed a SYN cookie that was never sent, or came too late"),
    ("TcpExt.EmbryonicRsts", "half-open connections were reset by the other side"),
    (
        "TcpExt.TCPTimeWaitOverflow",
        "connections did not find room among those that wait for their end (tcp_max_tw_buckets)",
    ),
    ("TcpExt.TCPAbortOnData", "connections were reset for unexpected data"),
    ("TcpExt.TCPAbortOnMemory", "connections were aborted for want of memory"),
    ("TcpExt.TCPBacklogDrop", "segments were dropped at the backlog of their socket"),
    ("TcpExt.PruneCalled", "times a receive queue was pruned"),
    ("TcpExt.TCPRcvQDrop", "segments were dropped at a full receive queue"),
    ("Tcp.RetransSegs", "segments were sent again"),
    ("Tcp.InErrs", "bad segments came"),
    ("Udp.RcvbufErrors", "datagrams were lost at full receive queues"),
    ("Udp6.RcvbufErrors", "datagrams over IPv6 were lost at full receive queues"),
    ("Udp.NoPorts", "datagrams came to ports where nothing listens"),
    ("Udp.InErrors", "datagrams could not be received"),
    ("Udp.InCsumErrors", "datagrams had a wrong checksum"),
    ("Ip.InDiscards", "packets were discarded"),
    ("Ip.ReasmFails", "fragmented packets were never put together"),
    ("Ip.InAddrErrors", "packets had an address that is not this host's"),
];

/// Tasks that run or wait for each CPU, from which on it is told.
const CROWDED: f64 = 3.0;

/// That many more tasks run or wait than there are CPUs.
fn overloaded(host: &Evidence) -> Option<String> {
    let output = host.output.as_ref()?;
    let (load, cpus) = (output["load"]["one"].as_f64()?, output["cpus"].as_u64().filter(|cpus| *cpus > 0)?);
    (load >= CROWDED * cpus as f64).then(|| {
        format!("the load is {load:.1} on {cpus} CPUs: so many tasks run, wait for a CPU, or wait for a disk or another host")
    })
}

/// The sentences, the most telling first.
pub(super) fn sentences(output: &Pieces, chosen: &Chosen<'_>, evidence: &IndexMap<String, Evidence>) -> Vec<String> {
    let crowded = evidence.values().filter(|evidence| evidence.probe == "host").find_map(overloaded);
    let mut told = Vec::new();
    for data in output.data() {
        if let Data::Rates(report) = data {
            told.extend(report.left_out.iter().cloned());
        }
    }
    told.extend(chosen.told.iter().cloned());
    told.extend(chosen.small().filter(|(packets, size)| *packets >= MANY_SMALL && *size <= SMALL).map(|(packets, size)| {
        format!(
            "{} packets/s of {size:.0} bytes on average come in: as small as those of a flood of SYNs or empty datagrams; downloads have some 1,000 and more",
            units::count(packets)
        )
    }));
    let evidence = |probe: &str| {
        evidence.values().find(|evidence| evidence.probe == probe).and_then(|evidence| evidence.output.as_ref())
    };
    if let Some(logs) = evidence("logs") {
        told.extend(logs_of(logs));
    }
    for data in output.data() {
        match data {
            Data::Sockets(table) => told.extend(queues(output, table)),
            Data::Packets(packets) => told.extend(super::packets::sentences(packets)),
            Data::Rates(report) => {
                for (name, lost) in
                    report.lost.iter().filter(|(_, lost)| lost.dropped + lost.errors + lost.overruns > 0.0).take(MOST)
                {
                    told.push(format!(
                        "{name} loses {} packets/s and has {} errors/s, {} overruns/s",
                        units::count(lost.dropped),
                        units::count(lost.errors),
                        units::count(lost.overruns)
                    ));
                }
                if let Some(softirq) = report.cpu.and_then(|cpu| cpu.softirq).filter(|share| *share >= 0.1) {
                    told.push(softirq_of(softirq));
                }
                for (meaning, value) in report
                    .noted
                    .iter()
                    .filter(|(meaning, value)| super::samples::is_noteworthy(meaning, **value))
                    .take(MOST)
                {
                    told.push(format!("sar: {} {meaning}", units::count(*value)));
                }
            }
            _ => {}
        }
        let by_cpu = match data {
            Data::Rates(report) => &report.softirq,
            Data::Machine(machine) => &machine.softirq_by_cpu,
            _ => continue,
        };
        told.extend(lopsided(by_cpu));
    }
    for (name, lost) in output.growth.rates.iter().flat_map(|report| &report.lost).take(MOST) {
        told.push(format!(
            "{name} lost {} packets/s between the two outputs, and had {} errors/s, {} overruns/s",
            units::count(lost.dropped),
            units::count(lost.errors),
            units::count(lost.overruns)
        ));
    }
    let shown = output.shown();
    let watched = chosen.watched.as_deref();
    for link in shown.iter().filter(|link| !link.loopback && is_counted(link)).take(MOST) {
        told.push(since_boot(link, watched.is_some()));
    }
    let last_counted =
        output.data().filter_map(|data| if let Data::Counters(counted) = data { Some(counted) } else { None }).last();
    for data in output.data() {
        match data {
            Data::Softnet(rows) => told.extend(softnet(rows)),
            Data::Interrupts(rows) => {
                let many = |row: &&Interrupts| row.by_cpu.iter().sum::<u64>() > 1_000_000;
                let of_cards: Vec<&Interrupts> =
                    rows.iter().filter(|row| row.by_cpu.len() > 1 && is_of_network(&row.name)).filter(many).collect();
                // A queue of a card has a CPU of its own: all of them together tell whether one CPU receives for all.
                let mut by_cpu: Vec<u64> = Vec::new();
                for row in &of_cards {
                    by_cpu.resize(by_cpu.len().max(row.by_cpu.len()), 0);
                    by_cpu.iter_mut().zip(&row.by_cpu).for_each(|(sum, count)| *sum += count);
                }
                let alone =
                    by_cpu.iter().max().is_some_and(|most| *most as f64 >= 0.95 * by_cpu.iter().sum::<u64>() as f64);
                for row in of_cards.iter().filter(|_| alone) {
                    let all: u64 = row.by_cpu.iter().sum();
                    let busiest = row.by_cpu.iter().enumerate().max_by_key(|(_, count)| **count);
                    if let Some((cpu, count)) = busiest {
                        told.push(format!(
                            "/proc/interrupts: {} of {} of {} came to CPU {cpu} of {}, since boot",
                            units::count(*count as f64),
                            units::count(all as f64),
                            row.name,
                            row.by_cpu.len()
                        ));
                    }
                }
            }
            Data::Nic(nic) => {
                let again = |data: &Data| matches!(data, Data::Nic(other) if other.interface == nic.interface && !other.counters.is_empty());
                let last = output.data().filter(|data| again(data)).last();
                if nic.counters.is_empty() || last.is_some_and(|last| std::ptr::eq(last, data)) {
                    told.extend(nic.stands_out(output.driver_of(nic)));
                }
            }
            // Of two the last is told, and what grew.
            Data::Counters(counted) => {
                let is_last = last_counted.is_some_and(|last| std::ptr::eq(last, counted));
                if is_last || output.growth.seconds.is_none() {
                    told.extend(counters_of(counted));
                }
            }
            Data::Conntrack(tracked) => told.extend(tracked_of(output, tracked)),
            Data::Rules(rules) => {
                told.extend(rules.stands_out());
                let policies: Vec<String> = rules
                    .chains
                    .iter()
                    .filter(|chain| chain.policy == "drop")
                    .map(|chain| chain.name.clone())
                    .take(MOST)
                    .collect();
                if !policies.is_empty() {
                    told.push(format!(
                        "firewall: the policy of {} is drop, {} rules",
                        policies.join(", "),
                        rules.rules
                    ));
                }
                if !rules.counted && rules.rules > 0 && rules.kind != "ipset" {
                    told.push("the firewall was printed without counters: iptables -L -v -n, or iptables-save -c, prints them".into());
                }
            }
            Data::Machine(machine) => {
                told.extend(machine.told.iter().cloned());
                for (name, share) in machine
                    .busiest
                    .iter()
                    .filter(|(name, share)| *share >= 0.5 && name.starts_with("ksoftirqd"))
                    .take(MOST)
                {
                    told.push(format!(
                        "{name} takes {} of a CPU: the kernel is busy with packets",
                        units::percent(*share)
                    ));
                }
                if let Some(softirq) = machine.softirq.filter(|share| *share >= 0.1) {
                    told.push(softirq_of(softirq));
                }
            }
            Data::SocketCounts(counts) => told.extend(waiting(counts)),
            Data::Disks(_) | Data::Deleted(_) => told.extend(super::storage::sentences(data)),
            Data::Told(other) => told.extend(other.stands_out.iter().cloned()),
            _ => {}
        }
    }
    told.extend(short_of_ports(output));
    told.extend(crowded);
    for (of, counter, more, seconds) in
        output.growth.others.iter().filter(|(_, counter, ..)| is_trouble(counter)).take(2 * MOST)
    {
        let rate = units::count(*more as f64 / seconds);
        told.push(format!(
            "in {}: {counter} of {of} grew by {}, {rate}/s",
            units::span(*seconds),
            units::count(*more as f64)
        ));
    }
    if let Some((rows, seconds)) = &output.growth.softnet {
        let (dropped, squeezed) = rows.iter().fold((0, 0), |(d, s), row| (d + row[1], s + row[2]));
        told.push(format!(
            "in {}: {} packets were dropped at queues of CPUs, and {} times there was more to do than time for it",
            units::span(*seconds),
            units::count(dropped as f64),
            units::count(squeezed as f64)
        ));
    }
    if let Some(seconds) = output.growth.seconds {
        let mut grew: Vec<(&str, u64, &str)> = TROUBLE
            .iter()
            .filter_map(|(name, meaning)| Some((*name, *output.growth.counters.get(*name)?, *meaning)))
            .filter(|(_, more, _)| *more > 0)
            .collect();
        grew.sort_by_key(|(_, more, _)| std::cmp::Reverse(*more));
        for (name, more, meaning) in grew.into_iter().take(MOST) {
            let rate = units::count(more as f64 / seconds);
            told.push(format!(
                "in {}: {} {meaning}, {rate}/s ({})",
                units::span(seconds),
                units::count(more as f64),
                name.replace('.', " ")
            ));
        }
    }
    if let Some(seconds) = output.growth.slept {
        told.push(format!(
            "two outputs are taken to be {} apart, as the `sleep` between their command lines says: what was waited at the prompt \
             beside it makes the rates lower",
            units::span(seconds)
        ));
    }
    let mut seen = std::collections::HashSet::new();
    told.retain(|sentence| seen.insert(sentence.clone()));
    told
}

fn softirq_of(share: f64) -> String {
    format!("{} of the CPU time goes to receiving packets (softirq)", units::percent(share))
}

/// One CPU that spends its time on receiving packets while the others do not.
fn lopsided(by_cpu: &BTreeMap<u32, f64>) -> Option<String> {
    let (cpu, most) = by_cpu.iter().max_by(|a, b| a.1.total_cmp(b.1))?;
    let others = by_cpu.len().checked_sub(1).filter(|others| *others > 0)?;
    let mean = (by_cpu.values().sum::<f64>() - most) / others as f64;
    (*most >= RECEIVES && *most >= LOPSIDED * mean).then(|| {
        let rest = match others {
            1 => "the other".to_owned(),
            _ => format!("the other {others} on average"),
        };
        let (most, mean) = (units::percent(*most), units::percent(mean));
        format!("CPU {cpu} spends {most} of its time on receiving packets, {rest} {mean}: one CPU receives for all")
    })
}

/// Names of interrupts of network cards.
fn is_of_network(name: &str) -> bool {
    let of_disk = name.contains("-req") || name.contains("nvme");
    !of_disk
        && ["eth", "ens", "eno", "enp", "em", "mlx", "virtio", "rx", "tx", "i40e", "ixgbe", "bnx", "ena", "nic", "wl"]
            .iter()
            .any(|word| name.contains(word))
}

/// Whether anything of it was counted.
fn is_counted(link: &Shown) -> bool {
    let lost = [link.rx.dropped, link.rx.errors, link.rx.missed];
    link.rx.packets.is_some_and(|packets| packets > 0)
        || (link.rx.packets.is_none() && lost.iter().flatten().any(|lost| *lost > 0))
}

fn since_boot(link: &Shown, with_rates: bool) -> String {
    let Some(packets) = link.rx.packets else {
        let lost =
            [(link.rx.dropped, "dropped"), (link.rx.errors, "with errors"), (link.rx.missed, "missed by the card")];
        let lost = lost.iter().filter_map(|(figure, word)| {
            let figure = figure.filter(|figure| *figure > 0)?;
            Some(format!("{} {word}", units::count(figure as f64)))
        });
        let lost: Vec<String> = lost.collect();
        return format!("{}: {} since boot; of how many is not shown", link.name, lost.join(", "));
    };
    let bytes = link.rx.bytes.map_or_else(String::new, |bytes| format!("{} in ", units::bytes(bytes as f64)));
    let mut said = format!(
        "{}: {bytes}{}{} packets received since boot",
        link.name,
        if bytes.is_empty() { "" } else { "with " },
        units::count(packets as f64)
    );
    for (figure, word) in [
        (link.rx.dropped, "dropped"),
        (link.rx.errors, "with errors"),
        (link.rx.missed, "missed by the card (overruns)"),
    ] {
        let Some(figure) = figure.filter(|figure| *figure > 0) else { continue };
        let share = figure as f64 / packets.max(1) as f64;
        let weight = match share {
            share if share < HARMLESS && word == "dropped" => {
                ": not a problem (frames of protocols that nobody here takes count as dropped)"
            }
            share if share > HARMFUL => ": worth a look",
            _ => "",
        };
        said.push_str(&format!(", {} {word} ({} %){weight}", units::count(figure as f64), percent(share)));
    }
    if let Some(crc) = link.rx.crc.filter(|crc| *crc > 0) {
        said.push_str(&format!(
            "; {} of the errors are checksums of frames (crc): a cable, a port or a card",
            units::count(crc as f64)
        ));
    }
    if let (Some(rx), Some(tx)) =
        (link.rx.bytes.filter(|bytes| *bytes > 0), link.tx.bytes.filter(|bytes| *bytes > MUCH))
    {
        let ratio = tx as f64 / rx as f64;
        if ratio >= RATIO {
            said.push_str(&format!("; it has sent {} times as much as it received", units::count(ratio)));
        } else if ratio <= 1.0 / RATIO {
            said.push_str(&format!("; it has received {} times as much as it sent", units::count(1.0 / ratio)));
        }
    }
    if !with_rates {
        said.push_str("; how much comes now is not shown (sar -n DEV 1 10)");
    }
    said
}

fn softnet(rows: &[[u64; 3]]) -> Vec<String> {
    let all: u64 = rows.iter().map(|row| row[0]).sum();
    let Some((cpu, row)) = rows.iter().enumerate().max_by_key(|(_, row)| row[0]).filter(|_| all > 0) else {
        return Vec::new();
    };
    let mut told = Vec::new();
    let share = row[0] as f64 / all as f64;
    // Of two CPUs one always has half.
    let even = (all - row[0]) as f64 / rows.len().saturating_sub(1).max(1) as f64;
    if rows.len() > 1 && share >= 0.5 && row[0] as f64 >= 4.0 * even {
        let others: Vec<u64> =
            rows.iter().enumerate().filter(|(other, _)| *other != cpu).map(|(_, row)| row[0]).collect();
        let (least, most) = (others.iter().min().copied().unwrap_or(0), others.iter().max().copied().unwrap_or(0));
        told.push(format!(
            "/proc/net/softnet_stat: {} packets on CPU {cpu}, {} to {} on each other ({} of all), {} squeezes there: one CPU receives for all, since boot",
            units::count(row[0] as f64),
            units::count(least as f64),
            units::count(most as f64),
            units::percent(share),
            units::count(row[2] as f64)
        ));
    }
    let (dropped, squeezed): (u64, u64) = rows.iter().fold((0, 0), |(d, s), row| (d + row[1], s + row[2]));
    if dropped > 0 {
        told.push(format!(
            "{} packets were dropped at queues of CPUs since boot ({} %)",
            units::count(dropped as f64),
            percent(dropped as f64 / all as f64)
        ));
    } else if told.is_empty() && squeezed > 0 {
        told.push(format!(
            "no packet was dropped at a queue of a CPU since boot; {} times there was more to do than time for it",
            units::count(squeezed as f64)
        ));
    }
    told
}

/// Whether a counter of a card or of connection tracking is one of packets that were lost.
fn is_trouble(counter: &str) -> bool {
    let counter = counter.to_ascii_lowercase().replace(' ', "_");
    [
        "missed",
        "no_buffer",
        "no_dma",
        "discard",
        "drop",
        "fifo_err",
        "over_err",
        "crc_err",
        "allowance_exceeded",
        "out_of_buffer",
        "no_desc",
        "oversize",
        "nobuf",
        "alloc_fail",
        "ring_full",
        "insert_failed",
        "rx_oob",
        "buf_alloc_fail",
    ]
    .iter()
    .any(|word| counter.contains(word))
        && !counter.contains("tx_")
}

fn counters_of(counted: &Counted) -> Vec<String> {
    let counters = &counted.counters;
    let value = |name: &str| counters.iter().find(|(known, _)| known == name).map(|(_, count)| *count);
    let mut told: Vec<(u64, String)> = TROUBLE
        .iter()
        .filter_map(|(name, meaning)| {
            let count = value(name).filter(|count| *count > 0)?;
            let base = match name.split('.').next() {
                Some("Udp") => value("Udp.InDatagrams"),
                Some("Tcp") if name.ends_with("RetransSegs") => value("Tcp.OutSegs"),
                _ => None,
            };
            let share = base
                .filter(|base| *base > 0)
                .map(|base| format!(", {} % of all", percent(count as f64 / base as f64)))
                .unwrap_or_default();
            Some((count, format!("{} {meaning} ({}{share})", units::count(count as f64), name.replace('.', " "))))
        })
        .collect();
    told.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let told: Vec<String> = told.into_iter().take(8).map(|(_, sentence)| sentence).collect();
    let since = if counted.since_boot { "boot" } else { "nstat was called last (or boot)" };
    // Sentences that are not known here have no name: of TCP and UDP nearly all are, in the languages that are.
    let of_ports = |name: &str| name.starts_with("Tcp.") || name.starts_with("Udp.");
    let unknown = counters.iter().filter(|(name, _)| name.starts_with("Tcp: ") || name.starts_with("Udp: ")).count();
    let known = counters.iter().filter(|(name, _)| of_ports(name)).count();
    if unknown > known {
        return vec![format!(
            "netstat -s is in a language that is not known here: {unknown} sentences of TCP and UDP are not understood. Run LC_ALL=C netstat -s"
        )];
    }
    if !told.is_empty() {
        let all = told.join("; ");
        return vec![format!(
            "counters since {since}: {all}. They say nothing of now: print them twice, ten seconds apart"
        )];
    }
    if known > 0 {
        return vec![format!("counters since {since}: none of trouble stands out; they say nothing of now")];
    }
    Vec::new()
}

fn tracked_of(output: &Pieces, tracked: &Tracked) -> Vec<String> {
    let mut told = Vec::new();
    let trouble: Vec<String> = ["drop", "early_drop", "insert_failed", "invalid"]
        .iter()
        .filter_map(|name| {
            tracked
                .trouble
                .get(*name)
                .filter(|count| **count > 0)
                .map(|count| format!("{name} {}", units::count(*count as f64)))
        })
        .collect();
    if !trouble.is_empty() {
        told.push(format!("connection tracking since boot: {}", trouble.join(", ")));
    }
    if let (Some(count), Some(max)) = (
        tracked.count.or((tracked.entries > 0).then_some(tracked.entries)),
        output.setting("net.netfilter.nf_conntrack_max").filter(|max| *max > 0),
    ) {
        told.push(format!(
            "{} of {} entries of the connection tracking table are used ({})",
            units::count(count as f64),
            units::count(max as f64),
            units::percent(count as f64 / max as f64)
        ));
    }
    if let Some((source, count)) =
        tracked.sources.iter().max_by_key(|(_, count)| **count).filter(|_| tracked.entries >= 10)
    {
        let states: Vec<String> = tracked
            .states
            .iter()
            .map(|(state, count)| format!("{} {state}", units::count(*count as f64)))
            .take(5)
            .collect();
        told.push(format!(
            "{} began {} of {} tracked connections; {} are unreplied{}",
            source,
            units::count(*count as f64),
            units::count(tracked.entries as f64),
            units::count(tracked.unreplied as f64),
            if states.is_empty() { String::new() } else { format!("; {}", states.join(", ")) }
        ));
    }
    told
}

/// Queues that nobody reads, and states that say something.
fn queues(output: &Pieces, table: &Table) -> Vec<String> {
    let mut told = Vec::new();
    let who = |row: &Row| {
        row.process.as_ref().map_or_else(|| "a process".to_owned(), |(pid, name)| format!("{name} (pid {pid})"))
    };
    let mut full: Vec<&Row> = table.rows.iter().filter(|row| row.udp && row.queues.0 >= QUEUED).collect();
    full.sort_by_key(|row| std::cmp::Reverse(row.queues.0));
    for row in full.iter().take(MOST) {
        let may = row.buffer.map(|buffer| (u64::from(buffer), "the socket's buffer".to_owned())).or_else(|| {
            output.setting("net.core.rmem_default").map(|default| (default, format!("net.core.rmem_default {default}")))
        });
        let limit = match may {
            Some((may, name)) if u64::from(row.queues.0) >= may - may / 10 => {
                format!(", as much as it may hold ({name}); further datagrams are lost")
            }
            _ => String::new(),
        };
        told.push(format!("{} does not read UDP port {}: {} wait in its queue{limit}; restart or fix it, for a larger buffer only fills later", who(row), row.local.1, units::bytes(f64::from(row.queues.0))));
    }
    let mut dropping: Vec<&Row> =
        table.rows.iter().filter(|row| row.udp && row.drops.is_some_and(|drops| drops > 0)).collect();
    dropping.sort_by_key(|row| std::cmp::Reverse(row.drops));
    for row in dropping.iter().take(MOST) {
        told.push(format!(
            "{} lost {} datagrams on UDP port {} since it opened it",
            who(row),
            units::count(row.drops.unwrap_or(0) as f64),
            row.local.1
        ));
    }
    let mut waiting: Vec<&Row> = table.rows.iter().filter(|row| row.state == "listen" && row.queues.0 > 0).collect();
    waiting.sort_by_key(|row| std::cmp::Reverse(row.queues.0));
    for row in waiting.iter().take(MOST) {
        // `ss` prints the length of the queue of what listens as Send-Q; `netstat` prints 0.
        let full = match row.queues {
            (waiting, most) if most > 0 && waiting >= most => {
                format!("; its queue takes {most}: it is full, and further connections are dropped")
            }
            _ => String::new(),
        };
        told.push(format!(
            "{} connections wait for {} to accept them on port {}{full}",
            row.queues.0,
            who(row),
            row.local.1
        ));
    }
    for row in table.rows.iter().filter(|row| row.udp && row.any && table.listening).take(MOST) {
        if let Some((_, service)) = REFLECTING.iter().find(|(port, _)| *port == row.local.1) {
            told.push(format!(
                "{} takes UDP port {} on every address ({service}): strangers may abuse it as a reflector; bind it to an address of the inside, switch UDP off, or filter it",
                who(row),
                row.local.1
            ));
        }
    }
    let count = |state: &str| table.rows.iter().filter(|row| row.state == state).count();
    let asked: Vec<&Row> = table.rows.iter().filter(|row| row.state == "syn_sent").collect();
    if asked.len() >= OPENING {
        let mut ports = BTreeMap::<u16, usize>::new();
        for (_, port) in asked.iter().filter_map(|row| row.remote) {
            *ports.entry(port).or_default() += 1;
        }
        let port = ports.iter().max_by_key(|(_, count)| **count).map(|(port, _)| format!(", most to port {port}"));
        let by = asked.iter().find(|row| row.process.is_some()).map(|row| format!(", by {}", who(row)));
        told.push(format!(
            "{} connections are being opened to others (SYN_SENT){}{}: what is asked does not answer, or this host scans",
            asked.len(),
            port.unwrap_or_default(),
            by.unwrap_or_default()
        ));
    }
    for (state, least, meaning) in [
        ("syn_recv", 20, "are half-open (SYN_RECV)"),
        ("close_wait", 50, "were ended by the other side and are not closed here (CLOSE_WAIT)"),
    ] {
        let found = count(state);
        if found >= least {
            let ports = table.rows.iter().filter(|row| row.state == state).fold(
                BTreeMap::<u16, usize>::new(),
                |mut ports, row| {
                    *ports.entry(row.local.1).or_default() += 1;
                    ports
                },
            );
            let most = ports
                .iter()
                .max_by_key(|(_, count)| **count)
                .map(|(port, _)| format!(", most on port {port}"))
                .unwrap_or_default();
            told.push(format!("{found} connections {meaning}{most}"));
        }
    }
    told
}

/// What the lines of logs tell; what happens all day comes last.
fn logs_of(logs: &Value) -> Vec<String> {
    let told = logs["stands_out"].as_array().into_iter().flatten();
    told.filter_map(|told| {
        let sentence = told["sentence"].as_str()?;
        // Of what is grave it is said what it means.
        match told["means"].as_str().filter(|_| told["weight"] == "grave") {
            Some(means) => Some(format!("{sentence}: {means}")),
            None => Some(sentence.to_owned()),
        }
    })
    .collect()
}
/// Connections in TIME_WAIT from which on they are told.
const MANY_WAIT: u64 = 1000;

/// That many connections wait for their end, of `ss -s`.
fn waiting(counts: &[(&str, u64)]) -> Option<String> {
    let (_, waiting) = counts.iter().find(|(state, _)| *state == "tcp_time_wait")?;
    (*waiting >= MANY_WAIT)
        .then(|| format!("{} TCP connections wait for their end (TIME_WAIT)", units::count(*waiting as f64)))
}

/// That as many connections wait for their end as there are local ports for new ones.
fn short_of_ports(output: &Pieces) -> Option<String> {
    let range = output.data().find_map(|data| match data {
        Data::Settings(settings) => settings.iter().find(|(name, _)| name == "net.ipv4.ip_local_port_range"),
        _ => None,
    });
    let mut ends = range?.1.split_whitespace().map(|port| port.parse::<u16>().ok().map(u64::from));
    let (low, high) = (ends.next()??, ends.next()??);
    let ports = high.checked_sub(low)? + 1;
    let counts = output.data().filter_map(|data| match data {
        Data::SocketCounts(counts) => Some(counts),
        Data::Told(told) => Some(&told.states),
        _ => None,
    });
    let waiting = counts.flatten().filter(|(state, _)| *state == "tcp_time_wait").map(|(_, count)| *count).max()?;
    (waiting * 10 >= ports * 8).then(|| {
        format!(
            "{} connections in TIME_WAIT, and {} local ports for new ones: where they went to one and the same service, it can be called no more until some are free",
            units::count(waiting as f64),
            units::count(ports as f64)
        )
    })
}
