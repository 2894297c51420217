//! The main job: the shipped runbook, on a quiet host, under a flood, among many sockets.

use std::time::Duration;

use anyhow::Result;

use crate::measure::{Tool, median};
use crate::table::{Row, time};
use crate::{Bench, load};

const JOB: &str = "`run high-inbound-traffic`";

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = if bench.quick { 2 } else { 5 };
    let number = if bench.quick { 10_000 } else { 50_000 };
    let quiet = load::in_namespace(|| {
        load::wire()?;
        // Its default window: what a quiet host pays is told as a share.
        run(bench, "quiet", if bench.quick { 2 } else { 10 }, Most { beyond: 300, cpu_share: Some(0.02), peak: 48 })
    })?;
    let flood = load::in_namespace(|| {
        load::wire()?;
        let _flood = load::flood(300_000)?;
        run(bench, "flood of 300 kpps, random sources", seconds, Most { beyond: 2_000, cpu_share: None, peak: 128 })
    })?;
    let sockets = load::in_namespace(|| {
        load::wire()?;
        let _held = load::sockets(number)?;
        run(bench, &format!("{number} sockets"), seconds, Most { beyond: 1_000, cpu_share: None, peak: 128 })
    })?;
    Ok(vec![quiet, flood, sockets])
}

/// The budget.
struct Most {
    /// Milliseconds beyond the window.
    beyond: u64,
    cpu_share: Option<f64>,
    /// Megabytes.
    peak: u64,
}

fn run(bench: &Bench, load: &str, seconds: u32, most: Most) -> Result<Row> {
    let window = format!("{seconds}s");
    let words = ["run", "high-inbound-traffic", "--window", &window, "--set", "interface=ours", "--format", "json"];
    let tool = Tool::casebook(&words);
    let costs = (0..3).map(|_| Ok(tool.run(bench)?.cost)).collect::<Result<Vec<_>>>()?;
    let cost = median(&costs);
    let beyond = cost.wall.saturating_sub(Duration::from_secs(seconds.into()));
    let budget = Duration::from_millis(most.beyond);
    let mut row = Row::new(JOB, &format!("{load}, window {seconds} s"))
        .cost(cost)
        .check(format!("window + {}", time(beyond)), format!("≤ {}", time(budget)), beyond <= budget)
        .peak(most.peak);
    if let Some(share) = most.cpu_share {
        let taken = cost.cpu.as_secs_f64() / cost.wall.as_secs_f64();
        row =
            row.check(format!("{:.1} % of a core", taken * 100.0), format!("≤ {:.0} %", share * 100.0), taken <= share);
    }
    Ok(row)
}
