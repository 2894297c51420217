//! Puts the table into `docs/performance.md`, between two marks; what people wrote around it stays.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::table::{self, Row};

const BEGIN: &str = "<!-- what follows is written by `just bench` -->\n";
const END: &str = "<!-- until here -->";

/// Writes the table.
pub fn write(rows: &[Row], load_before: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let page = fs::read_to_string(&path).context("read docs/performance.md")?;
    let (head, rest) = page.split_once(BEGIN).context("docs/performance.md lacks the mark before the table")?;
    let (_, tail) = rest.split_once(END).context("docs/performance.md lacks the mark after the table")?;
    let table = table::markdown(rows);
    fs::write(&path, format!("{head}{BEGIN}\n{}\n\n{table}\n{END}{tail}", host(load_before)))?;
    Ok(())
}

/// What it was measured on.
fn host(load_before: &str) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = if load_before.parse().is_ok_and(|load: f64| load < 0.5) {
        "The machine was quiet".to_owned()
    } else {
        format!("The machine was not quiet (load average {load_before} at the beginning): ratios count, not times")
    };
    format!("Measured on {cores} cores of {model}, Linux {}. {load}.", kernel.trim())
}
