//! Lines of logs: in a whole file, in its last minutes, in a packed rotation.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Bench;
use crate::measure::{Contest, Tool, alternately};
use crate::table::Row;

/// Five things to look for.
const PATTERNS: [(&str, &str); 5] = [
    ("login", r"Failed password for (?P<user>\S+) from (?P<address>\S+)"),
    ("conntrack", "table full, dropping packet"),
    ("syn", r"SYN flooding on port (?P<port>\d+)"),
    ("martian", "martian source"),
    ("memory", "Out of memory"),
];

/// The end of every log.
const UNTIL: &str = "2026-11-22T12:00:00Z";

/// The beginning of its last fifteen minutes.
const SINCE: &str = "2026-11-22T11:45:00";

/// Where more than this is free, the largest file is made too.
const ROOM: u64 = 12_000_000_000;

/// All rows.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let scale = if bench.quick { 10 } else { 1 };
    let mut rows = Vec::new();
    for (megabytes, most) in [(1_000, 1.0), (250, 1.0), (25, 1.2)] {
        rows.extend(one_size(bench, megabytes / scale, most)?);
    }
    let megabytes = 4_000 / scale;
    if free(&bench.folder)? > ROOM / scale {
        write(&bench.folder.join("messages"), megabytes)?;
        rows.push(minutes(bench, megabytes)?);
        fs::remove_file(bench.folder.join("messages"))?;
    } else {
        rows.push(Row::new("log, last 15 minutes", &format!("{megabytes} MB")).note("no room for the file"));
    }
    Ok(rows)
}

fn one_size(bench: &Bench, megabytes: u64, most: f64) -> Result<Vec<Row>> {
    let path = bench.folder.join("messages");
    write(&path, megabytes)?;
    let (any, file) = (any(), path.display().to_string());
    let (rg, grep) = (format!("rg -c '{any}' {file}"), format!("grep -cE '{}' {file}", posix(&any)));
    let whole = alternately(
        bench,
        &casebook(bench, "messages", "365d"),
        &[Tool::shell("rg -c", &rg), Tool::shell("grep -cE", &grep)],
        9,
    )?;
    let mut rows = vec![
        counted(Row::new("log search, whole file", &format!("{megabytes} MB, 5 patterns")), &whole)?.ratio(most),
        minutes(bench, megabytes)?,
    ];
    Tool::shell("gzip", &format!("gzip -1 {file}")).run(bench)?;
    let packed = alternately(
        bench,
        &casebook(bench, "messages.gz", "365d"),
        &[
            Tool::shell("pigz -dc | rg -c", &format!("pigz -dc {file}.gz | rg -c '{any}'")),
            Tool::shell("rg -zc", &format!("rg -zc '{any}' {file}.gz")),
            Tool::shell("zgrep -cE", &format!("zgrep -cE '{}' {file}.gz", posix(&any))),
        ],
        3,
    )?;
    rows.push(counted(Row::new("rotated log, packed", &format!("{megabytes} MB in .gz")), &packed)?.ratio(1.0));
    fs::remove_file(bench.folder.join("messages.gz"))?;
    Ok(rows)
}

/// The last fifteen minutes of the file that is there.
fn minutes(bench: &Bench, megabytes: u64) -> Result<Row> {
    let (any, file) = (any(), bench.folder.join("messages").display().to_string());
    let tac = format!("tac {file} | awk '$1 < \"{SINCE}\" {{exit}} {{print}}' | grep -cE '{}'", posix(&any));
    let rg = format!("rg -c '^2026-11-22T(11:(4[5-9]|5.)|12:).*({any})' {file}");
    let contest = alternately(
        bench,
        &casebook(bench, "messages", "15m"),
        &[Tool::shell("tac | awk | grep -cE", &tac), Tool::shell("rg -c", &rg)],
        9,
    )?;
    Ok(counted(Row::new("log, last 15 minutes", &format!("{megabytes} MB")), &contest)?.ratio(1.0))
}

/// The row, with a remark when the two sides count differently.
fn counted(row: Row, contest: &Contest) -> Result<Row> {
    let evidence: Value = serde_json::from_str(&contest.output).context("read the probe's JSON")?;
    let hits = evidence.pointer("/output/hits").and_then(Value::as_u64).context("the probe counts no hits")?;
    let other = contest.said.iter().find(|(_, said)| said.trim().parse() != Ok(hits));
    let row = row.contest(contest);
    Ok(match other {
        Some((name, said)) => row.check(format!("{hits} hits, `{name}` {}", said.trim()), "equal".to_owned(), false),
        None => row.note(&format!("{hits} hits")),
    })
}

fn casebook(bench: &Bench, file: &str, since: &str) -> Tool {
    let patterns: serde_json::Map<_, _> =
        PATTERNS.iter().map(|(name, pattern)| ((*name).to_owned(), json!(pattern))).collect();
    Tool::casebook(&[
        "probe",
        "logs",
        &format!("dir={}", bench.folder.display()),
        &format!("files={file}"),
        &format!("since={since}"),
        &format!("until={UNTIL}"),
        "budget=60s",
        &format!("patterns={}", Value::Object(patterns)),
        "--format",
        "json",
    ])
}

/// The patterns as alternatives, without names.
fn any() -> String {
    let mut any = PATTERNS.map(|(_, pattern)| pattern).join("|");
    for name in ["?P<user>", "?P<address>", "?P<port>"] {
        any = any.replace(name, "");
    }
    any
}

/// The same for `grep -E`.
fn posix(pattern: &str) -> String {
    pattern.replace(r"\S", "[^ ]").replace(r"\d", "[0-9]")
}

/// Bytes that are free where the folder lies.
fn free(folder: &Path) -> Result<u64> {
    let space = nix::sys::statvfs::statvfs(folder)?;
    Ok(space.blocks_available() * space.fragment_size())
}

/// A log that ends at noon: a hundred lines a second, one in a hundred of interest. It is written a page at a time, as loggers do:
/// how the kernel keeps it in memory hangs on that, and what reading it costs.
fn write(path: &Path, megabytes: u64) -> Result<()> {
    let until: Timestamp = UNTIL.parse()?;
    let lines = megabytes * 1_000_000 / 104;
    let mut log = BufWriter::with_capacity(4096, File::create(path)?);
    let mut stamp = String::new();
    for line in 0..lines {
        let back = lines - 1 - line;
        if line == 0 || back % 100 == 99 {
            let at = until - SignedDuration::from_secs((back / 100) as i64);
            stamp = at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        }
        let daemon = ["systemd", "kernel", "postfix/smtpd", "CRON", "named"][(line % 5) as usize];
        let number = line % 32_768;
        if line % 100 == 50 {
            let (address, port) = (line.wrapping_mul(2_654_435_761) % 251, line % 60_000);
            let said = format!("Failed password for root from 203.0.113.{address} port {port} ssh2");
            writeln!(log, "{stamp} host sshd[{number}]: {said}")?;
        } else {
            writeln!(log, "{stamp} host {daemon}[{number}]: session {line} opened, nothing of interest in here")?;
        }
    }
    log.flush()?;
    // What is still to be written to the disk would slow down whoever comes first.
    log.get_ref().sync_all()?;
    Ok(())
}
