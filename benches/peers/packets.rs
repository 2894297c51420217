//! A burst of packets, analysed by flow.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::measure::{Cost, Tool, alternately};
use crate::table::Row;
use crate::{Bench, load};

/// What a packet may cost, in microseconds of CPU time.
const MOST_CPU: f64 = 0.5;

/// The share of one core that the probe may take, whatever the rate.
const MOST_SHARE: f64 = 0.3;

/// The share of `tcpdump -w`'s CPU time that it may take where nothing is lost.
const MOST_RATIO: f64 = 1.2;

/// Packets of a capture that is judged, and the share of the older build's CPU time that it may take.
const JUDGED: u32 = 10_000;
const MOST_JUDGED: f64 = 0.4;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = if bench.quick { 2 } else { 5 };
    let mut rows = Vec::new();
    for rate in [100_000, 300_000, 0] {
        rows.push(load::in_namespace(|| {
            load::wire()?;
            let _flood = load::flood(rate)?;
            burst(bench, rate, seconds)
        })?);
    }
    rows.push(judged(bench)?);
    Ok(rows)
}

/// A capture in a file, judged by the shipped runbook.
fn judged(bench: &Bench) -> Result<Row> {
    let file = bench.folder.join("judged.pcap");
    std::fs::write(&file, load::capture(JUDGED)?)?;
    let path = file.display().to_string();
    let words = ["run", "high-inbound-traffic", "--pcap", &path, "--local", "192.0.2.1", "--format", "json"];
    let contest = alternately(bench, &Tool::casebook(&words), &[], 7)?;
    let row = Row::new("judging a capture (`--pcap`)", &format!("{JUDGED} packets, each a flow of its own"));
    Ok(row.contest(&contest).less(MOST_JUDGED))
}

fn burst(bench: &Bench, rate: u32, seconds: u32) -> Result<Row> {
    let window = format!("window={seconds}s");
    let casebook = Tool::casebook(&["probe", "capture", "interface=ours", &window, "--format", "json"]);
    let run = casebook.run(bench)?;
    let before = casebook.before(bench)?.map(|before| before.run(bench)).transpose()?;
    let seen: Seen = Seen::of(&run.output)?;
    let wall = f64::from(seconds);
    let load = if rate == 0 { "as fast as can be sent".to_owned() } else { format!("{} kpps asked for", rate / 1000) };
    let load = format!("{load}: {:.0} kpps of 64-byte UDP, random sources", seen.offered as f64 / wall / 1e3);
    let mut row = Row::new("packet burst by flow", &load).cost(run.cost).before(before.map(|run| run.cost));
    let mut written = None;
    for (name, words) in [("tcpdump -w", "-w"), ("tcpdump as text", "-l")] {
        let file = bench.folder.join("burst.pcap");
        let target = if words == "-w" { format!("-w {}", file.display()) } else { "-l".to_owned() };
        let tcpdump = Tool::new(&format!("timeout -s INT {seconds} tcpdump -n -i ours -s 128 {target}"));
        if !Tool::new("tcpdump").is_installed() {
            continue;
        }
        let run = tcpdump.run(bench)?;
        let _ = std::fs::remove_file(file);
        let [received, dropped] = ["received by filter", "dropped by kernel"].map(|what| said(&run.errors, what));
        let name = format!(
            "{name}, {:.0} % lost, {:.2} µs a packet",
            share(dropped, received),
            per_packet(&run.cost, received)
        );
        row = row.peer(&name, run.cost);
        written = written.or(Some(run.cost.cpu));
    }
    let cost = per_packet(&run.cost, seen.offered);
    Ok(if rate == 0 {
        let taken = run.cost.cpu.as_secs_f64() / run.cost.wall.as_secs_f64();
        let lost = share(seen.dropped, seen.offered);
        row.check(format!("{:.0} % of a core", taken * 100.0), "≤ 30 %".to_owned(), taken <= MOST_SHARE)
            .peak(96)
            .note(&format!("{lost:.1} % lost by the ring, {cost:.2} µs a packet"))
    } else {
        if let Some(written) = written {
            let ratio = run.cost.cpu.as_secs_f64() / written.as_secs_f64();
            let budget = format!("≤ {MOST_RATIO} ×");
            row = row.check(format!("{ratio:.2} × the CPU of `tcpdump -w`"), budget, ratio <= MOST_RATIO);
        }
        row.check(format!("{:.2} % lost", share(seen.dropped, seen.offered)), "0".to_owned(), seen.dropped == 0)
            .check(format!("{cost:.2} µs a packet"), format!("≤ {MOST_CPU}"), cost <= MOST_CPU)
            .peak(96)
    })
}

/// What the probe says of its burst.
struct Seen {
    /// Packets that came by.
    offered: u64,
    /// Packets that the ring had no room for.
    dropped: u64,
}

impl Seen {
    fn of(json: &str) -> Result<Self> {
        let evidence: Value = serde_json::from_str(json).context("read the probe's JSON")?;
        let number = |at: &str| evidence.pointer(at).and_then(Value::as_u64);
        let packets = number("/output/rx/packets").unwrap_or(0) + number("/output/tx/packets").unwrap_or(0);
        Ok(Seen {
            offered: number("/output/ring/received").unwrap_or(packets).max(packets),
            dropped: number("/output/ring/dropped").context("the probe says nothing of its ring")?,
        })
    }
}

/// The number before some words.
fn said(text: &str, words: &str) -> u64 {
    let line = text.lines().find(|line| line.contains(words)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn share(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn per_packet(cost: &Cost, packets: u64) -> f64 {
    cost.cpu.as_secs_f64() * 1e6 / packets.max(1) as f64
}
