//! Which process takes how much of the TCP traffic.

use anyhow::{Context, Result};

use crate::measure::{Cost, Tool};
use crate::table::Row;
use crate::{Bench, load};

/// Processes beside the one that receives, each with fifty sockets.
const BYSTANDERS: u32 = 60;

/// The share of what a packet costs nethogs that a packet may cost here: nothing, but measured.
const MOST_SHARE: f64 = 0.05;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = if bench.quick { 2 } else { 5 };
    let [slow, fast] = [1_000, 10_000].map(|rate| load::in_namespace(|| watch(bench, rate, seconds)));
    let (slow, fast) = (slow?, fast?);
    let more = fast.packets.saturating_sub(slow.packets).max(1);
    let per_packet =
        |slow: &Cost, fast: &Cost| (fast.cpu.as_secs_f64() - slow.cpu.as_secs_f64()).max(0.0) * 1e6 / more as f64;
    let ours = per_packet(&slow.ours, &fast.ours);
    let mut rows = Vec::new();
    for seen in [&slow, &fast] {
        let load = format!("{:.1} kpps of TCP beside {BYSTANDERS} processes", seen.packets as f64 / f64::from(seconds) / 1e3);
        let mut row = Row::new("TCP bandwidth per process", &load).cost(seen.ours);
        if let Some(nethogs) = seen.nethogs {
            row = row.peer("nethogs -t", nethogs);
        }
        rows.push(row);
    }
    if let (Some(slow), Some(fast), Some(row)) = (&slow.nethogs, &fast.nethogs, rows.pop()) {
        let theirs = per_packet(slow, fast);
        let figure = format!("{ours:.2} µs CPU for each further packet, nethogs {theirs:.2}");
        let met = ours <= MOST_SHARE * theirs;
        rows.push(row.check(figure, format!("≤ {MOST_SHARE} × nethogs"), met));
    }
    Ok(rows)
}

struct Seen {
    packets: u64,
    ours: Cost,
    nethogs: Option<Cost>,
}

fn watch(bench: &Bench, rate: u32, seconds: u32) -> Result<Seen> {
    let _bystanders = load::sockets(BYSTANDERS * 50)?;
    let one = |words: &[&str]| load::Players::start(std::iter::once(words.iter().map(|word| (*word).to_owned()).collect()));
    load::run("ip link add ours type veth peer name theirs")?;
    load::run("ip address add 192.0.2.1/24 dev ours")?;
    load::run("ip link set ours up")?;
    let _receiver = one(&["as-near-end"])?;
    let sender = one(&["as-far-end", &rate.to_string()])?;
    let pid = sender.pids().next().context("the sender")?;
    load::run(&format!("ip link set theirs netns {pid}"))?;
    // Once it sends, both sides watch the same.
    while received()? < 100 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let window = format!("window={seconds}s");
    let before = received()?;
    let ours = Tool::casebook(&["probe", "sockets", &window, "--format", "json"]).run(bench)?.cost;
    let packets = received()? - before;
    let nethogs = Tool::new(&format!("nethogs -t -d 1 -c {seconds} ours"));
    let nethogs = nethogs.is_installed().then(|| nethogs.run(bench)).transpose()?.map(|run| run.cost);
    Ok(Seen { packets, ours, nethogs })
}

/// Packets that `ours` has received.
fn received() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("ours:")).context("the wire")?;
    Ok(line.split_whitespace().nth(1).context("a count")?.parse()?)
}
