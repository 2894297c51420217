//! casebook against the tools that it replaces: each load is built here, and both sides run alternately on it.
//!
//! `cargo bench --bench peers` measures everything, prints the table and writes it into `docs/performance.md`;
//! `-- --quick` takes smaller loads, `-- sockets logs` only those jobs, and neither writes. As root: the loads lie in
//! network namespaces of their own. Files lie in a temporary folder that is removed at the end.

mod bandwidth;
mod devices;
mod firewall;
mod interfaces;
mod journal;
mod load;
mod logs;
mod measure;
mod namespaces;
mod packets;
mod page;
mod sockets;
mod start;
mod table;
mod whole;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::table::Row;

/// What the jobs share.
pub struct Bench {
    /// Where files lie.
    pub folder: PathBuf,
    /// Smaller loads and fewer rounds.
    pub quick: bool,
}

/// Builds the loads of a job, measures both sides, and gives the rows.
type Job = fn(&Bench) -> Result<Vec<Row>>;

/// The jobs by name, in the order of the table.
const JOBS: [(&str, Job); 11] = [
    ("sockets", sockets::measure),
    ("packets", packets::measure),
    ("bandwidth", bandwidth::measure),
    ("logs", logs::measure),
    ("journal", journal::measure),
    ("firewall", firewall::measure),
    ("interfaces", interfaces::measure),
    ("devices", devices::measure),
    ("namespaces", namespaces::measure),
    ("start", start::measure),
    ("whole", whole::measure),
];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    // This program is also what holds the loads, and what measures a command.
    if let Some((role, rest)) = words.split_first()
        && let Some(role) = role.strip_prefix("as-")
    {
        return match role {
            "meter" => measure::meter(rest),
            role => load::play(role, rest),
        };
    }
    let quick = words.iter().any(|word| word == "--quick");
    let chosen: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    if let Some(strange) = words.iter().find(|word| *word != "--quick" && !JOBS.iter().any(|(name, _)| name == word)) {
        bail!("there is no job `{strange}`: there are {}; and --quick", JOBS.map(|(name, _)| name).join(", "));
    }
    let folder = tempfile::Builder::new().prefix("casebook-bench").tempdir().context("make a temporary folder")?;
    let path = folder.path().to_owned();
    ctrlc::set_handler(move || {
        let _ = std::fs::remove_dir_all(&path);
        std::process::exit(130);
    })?;
    let bench = Bench { folder: folder.path().to_owned(), quick };

    let (began, load_before) = (Instant::now(), load_average());
    let mut rows = Vec::new();
    for (name, job) in JOBS {
        if !chosen.is_empty() && !chosen.iter().any(|chosen| *chosen == name) {
            continue;
        }
        eprintln!("{name} …");
        match job(&bench) {
            Ok(measured) => {
                measured.iter().for_each(|row| eprintln!("  {row}"));
                rows.extend(measured);
            }
            Err(error) => rows.push(Row::not_measured(name, &error)),
        }
    }
    println!("{}", table::markdown(&rows));
    println!(
        "{:.0} s in all; load average {load_before} before, {} after",
        began.elapsed().as_secs_f64(),
        load_average()
    );
    if !quick && chosen.is_empty() {
        page::write(&rows, &load_before)?;
    }
    Ok(())
}

/// Of the last minute.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
