//! How long casebook takes to begin.

use std::time::Duration;

use anyhow::Result;

use crate::Bench;
use crate::measure::{Tool, alternately};
use crate::table::{Row, time};

/// What loads the runbook that ships, and nothing more.
const LOADS: [&str; 3] = ["show", "plan", "lint"];
/// The share of the older build's CPU time that loading it may take.
const MOST: f64 = 0.25;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (command, most) in [("--version", 5), ("list", 10)] {
        let contest = alternately(bench, &Tool::casebook(&[command]), &[Tool::new("ss -V")], 31)?;
        let most = Duration::from_millis(most);
        let row = Row::new("start", &format!("`casebook {command}`")).contest(&contest);
        rows.push(row.check(time(contest.ours.wall), format!("≤ {}", time(most)), contest.ours.wall <= most));
    }
    for command in LOADS {
        let contest = alternately(bench, &Tool::casebook(&[command, "high-inbound-traffic"]), &[], 15)?;
        let row = Row::new("load of the shipped runbook", &format!("`casebook {command} high-inbound-traffic`"));
        rows.push(row.contest(&contest).less(MOST));
    }
    Ok(rows)
}
