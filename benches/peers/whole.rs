//! The main job: the shipped runbook, on a quiet host, under a flood, among many sockets.

use std::time::Duration;

use anyhow::Result;

use crate::measure::{Tool, alternately};
use crate::table::{Row, time};
use crate::{Bench, load};

/// What looking at everything may cost, as a share of the CPU time of one runbook.
const SHELF: f64 = 1.5;

const JOB: &str = "`run high-inbound-traffic`";

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = if bench.quick { 2 } else { 5 };
    let number = if bench.quick { 10_000 } else { 50_000 };
    let quiet = load::in_namespace(|| {
        load::wire()?;
        // Its default window: what a quiet host pays is told as a share.
        run(bench, "quiet", if bench.quick { 2 } else { 10 }, Most { beyond: 60, cpu_share: Some(0.02), peak: 20 })
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
    let shelf = load::in_namespace(|| {
        load::wire()?;
        shelf(bench, seconds)
    })?;
    Ok(vec![quiet, flood, sockets, shelf])
}

/// What looking at everything costs beside one runbook.
fn shelf(bench: &Bench, seconds: u32) -> Result<Row> {
    let window = format!("{seconds}s");
    let words = ["--window", &window, "--format", "json"];
    let one = Tool::casebook(&[&["run", "high-inbound-traffic"][..], &words].concat()).named("one runbook");
    let contest = alternately(bench, &Tool::casebook(&[&["diagnose"][..], &words].concat()), &[one], 3)?;
    let row = Row::new("`diagnose`, every runbook", &format!("quiet, window {seconds} s")).contest(&contest);
    let Some((_, one)) = contest.peers.first() else { return Ok(row.note("`CASEBOOK` must be an absolute path")) };
    let ratio = contest.ours.cpu.as_secs_f64() / one.cpu.as_secs_f64();
    Ok(row.check(format!("{ratio:.2} × the CPU of one runbook"), format!("≤ {SHELF} ×"), ratio <= SHELF))
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
    let contest = alternately(bench, &tool, &[], 3)?;
    let cost = contest.ours;
    let beyond = cost.wall.saturating_sub(Duration::from_secs(seconds.into()));
    let budget = Duration::from_millis(most.beyond);
    let mut row = Row::new(JOB, &format!("{load}, window {seconds} s"))
        .contest(&contest)
        .check(format!("window + {}", time(beyond)), format!("≤ {}", time(budget)), beyond <= budget)
        .peak(most.peak);
    if let Some(share) = most.cpu_share {
        let taken = cost.cpu.as_secs_f64() / cost.wall.as_secs_f64();
        row =
            row.check(format!("{:.1} % of a core", taken * 100.0), format!("≤ {:.0} %", share * 100.0), taken <= share);
    }
    Ok(row)
}
