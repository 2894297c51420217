//! How fast logs are read, against the tools that people use: whole commands, run alternately on the same file.
//!
//! Run it with `cargo bench --bench logs`; it needs `rg`, and 2.5 GB where temporary files lie.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use casebook::probe;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Five things to look for, as names and as alternatives.
const PATTERNS: [(&str, &str); 5] = [
    ("login", r"Failed password for (?P<user>\S+) from (?P<address>\S+)"),
    ("conntrack", "table full, dropping packet"),
    ("syn", r"SYN flooding on port (?P<port>\d+)"),
    ("martian", "martian source"),
    ("memory", "Out of memory"),
];
const UNTIL: &str = "2026-11-22T12:00:00Z";
const ROUNDS: usize = 7;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, dir, file, since] = arguments.as_slice()
        && mode == "look"
    {
        return look(dir, file, since);
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    for megabytes in [256, 1024] {
        measure(dir.path(), megabytes);
    }
}

/// What is measured: the probe, as a whole command.
fn look(dir: &str, file: &str, since: &str) {
    let patterns: serde_json::Map<_, _> =
        PATTERNS.iter().map(|(name, pattern)| ((*name).to_owned(), json!(pattern))).collect();
    let params = json!({
        "dir": dir, "files": [file], "since": since, "until": UNTIL, "budget": "60s", "patterns": patterns,
    });
    let logs = probe::find("logs").expect("the probe");
    let seen = logs.observe_json(&params, &probe::Context::alone()).expect("a result");
    println!("{}", seen.output["hits"]);
}

fn measure(dir: &Path, megabytes: u64) {
    let path = dir.join("messages");
    write(&path, megabytes * 1_000_000);
    let any = PATTERNS.map(|(_, pattern)| pattern).join("|").replace("?P<user>", "").replace("?P<address>", "");
    let any = any.replace("?P<port>", "");
    let path = path.to_str().expect("a path");
    let casebook = |file: &str, since: &str| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["look", dir.to_str().expect("a path"), file, since]);
        command
    };
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    };
    let tac = format!(
        "tac {path} | awk '$1 < \"2026-11-22T11:45:00\" {{exit}} {{print}}' | grep -cE '{}'",
        any.replace("\\S", "[^ ]").replace("\\d", "[0-9]")
    );
    println!("{megabytes} MB");
    compare(
        "  whole file        ",
        &mut casebook("messages", "365d"),
        "rg -c",
        Command::new("rg").args(["-c", &any, path]),
    );
    compare("  last 15 minutes   ", &mut casebook("messages", "15m"), "tac trick", &mut shell(&tac));
    let packed = format!("gzip -1 -c {path} > {path}.1.gz");
    shell(&packed).status().expect("gzip");
    let unpacker = if shell("command -v pigz").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        "pigz"
    } else {
        "gzip"
    };
    let zipped = format!("{unpacker} -dc {path}.1.gz | rg -c '{any}'");
    compare(
        "  whole file, packed",
        &mut casebook("messages.1.gz", "365d"),
        &format!("{unpacker} -dc | rg -c"),
        &mut shell(&zipped),
    );
    std::fs::remove_file(format!("{path}.1.gz")).expect("to remove it");
}

/// Runs both alternately and prints the medians and their ratio.
fn compare(what: &str, ours: &mut Command, name: &str, theirs: &mut Command) {
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    let (mut our_count, mut their_count) = (String::new(), String::new());
    for _ in 0..ROUNDS {
        our_times.push(time(ours, &mut our_count));
        their_times.push(time(theirs, &mut their_count));
    }
    assert_eq!(our_count, their_count, "{what}: both count the same");
    let (ours, theirs) = (median(our_times), median(their_times));
    println!(
        "{what} casebook {ours:>9.1?}  {name} {theirs:>9.1?}  ratio {:.2}  ({} hits)",
        ours.as_secs_f64() / theirs.as_secs_f64(),
        our_count.trim()
    );
}

fn time(command: &mut Command, count: &mut String) -> Duration {
    let started = Instant::now();
    let output = command.output().expect("the command runs");
    let elapsed = started.elapsed();
    *count = String::from_utf8_lossy(&output.stdout).into_owned();
    elapsed
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A log of that many bytes that ends at noon: a hundred lines a second, one in a hundred of interest.
fn write(path: &Path, bytes: u64) {
    let until: Timestamp = UNTIL.parse().expect("a moment");
    let lines = bytes / 104;
    let mut log = BufWriter::new(File::create(path).expect("a log"));
    let mut stamp = String::new();
    for line in 0..lines {
        let back = lines - 1 - line;
        if line == 0 || back % 100 == 99 {
            let at = until - SignedDuration::from_secs((back / 100) as i64);
            stamp = at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        }
        let daemon = ["systemd", "kernel", "postfix/smtpd", "CRON", "named"][(line % 5) as usize];
        if line % 100 == 50 {
            let address = line.wrapping_mul(2_654_435_761) % 251;
            writeln!(
                log,
                "{stamp} host sshd[{}]: Failed password for root from 203.0.113.{address} port {} ssh2",
                line % 32_768,
                line % 60_000
            )
        } else {
            writeln!(
                log,
                "{stamp} host {daemon}[{}]: session {line} opened, nothing of interest in here",
                line % 32_768
            )
        }
        .expect("room for a log");
    }
    log.flush().expect("room for a log");
}
