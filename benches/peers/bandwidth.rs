//! Which process takes how much of the TCP traffic.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::measure::{Cost, Tool, median};
use crate::table::Row;
use crate::{Bench, load};

/// Processes beside the one that receives, each with fifty sockets.
const BYSTANDERS: u32 = 60;

/// How often casebook watches.
const ROUNDS: u64 = 3;

/// What a further packet may cost, in microseconds of CPU time: nothing, but measured.
const MOST: f64 = 0.1;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = if bench.quick { 2 } else { 5 };
    let [slow, fast] = [1_000, 20_000].map(|rate| load::in_namespace(|| watch(bench, rate, seconds)));
    let (slow, fast) = (slow?, fast?);
    let mut rows = Vec::new();
    for seen in [&slow, &fast] {
        let rate = seen.packets as f64 / f64::from(seconds) / 1e3;
        let load = format!("{rate:.1} kpps of TCP beside {BYSTANDERS} processes");
        let mut row = Row::new("TCP bandwidth per process", &load).cost(seen.ours);
        if let Some(nethogs) = seen.nethogs {
            let name = format!("nethogs -t, {:.2} µs a packet", micros(nethogs.cpu) / seen.packets as f64);
            row = row.peer(&name, nethogs);
        }
        rows.push(row);
    }
    let more = fast.packets.saturating_sub(slow.packets).max(1);
    let each = (micros(fast.ours.cpu) - micros(slow.ours.cpu)).max(0.0) / more as f64;
    if let Some(row) = rows.pop() {
        rows.push(row.check(format!("{each:.2} µs CPU a further packet"), format!("≤ {MOST}"), each <= MOST));
    }
    Ok(rows)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

struct Seen {
    packets: u64,
    ours: Cost,
    nethogs: Option<Cost>,
}

fn watch(bench: &Bench, rate: u32, seconds: u32) -> Result<Seen> {
    let _bystanders = load::sockets(BYSTANDERS * 50)?;
    let one =
        |words: &[&str]| load::Players::start(std::iter::once(words.iter().map(|word| (*word).to_owned()).collect()));
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
    let tool = Tool::casebook(&["probe", "sockets", &window, "--format", "json"]);
    let (mut ours, before) = (Vec::new(), received()?);
    for _ in 0..ROUNDS {
        ours.push(tool.run(bench)?.cost);
    }
    let (ours, packets) = (median(&ours), (received()? - before) / ROUNDS);
    let nethogs = Tool::new(&format!("timeout {seconds} nethogs -t -d 1 ours"));
    let nethogs = Tool::new("nethogs").is_installed().then(|| nethogs.run(bench)).transpose()?.map(|run| run.cost);
    Ok(Seen { packets, ours, nethogs })
}

/// Packets that `ours` has received.
fn received() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("ours:")).context("the wire")?;
    Ok(line.split_whitespace().nth(1).context("a count")?.parse()?)
}
