//! Runs the binary on an input, and what must hold whatever the input was.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// What stands in files that no input may make the program read.
pub const CANARY: &str = "canary-73be04d1";

/// An end that is allowed.
pub struct Outcome {
    pub status: i32,
    pub took: Duration,
    printed: Vec<u8>,
}

/// An end that is not allowed, and how it comes again.
pub struct Fault {
    pub corpus: &'static str,
    pub number: usize,
    pub line: Vec<String>,
    pub why: String,
    pub folder: PathBuf,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Fault { corpus, number, line, why, folder } = self;
        write!(f, "  {corpus} {number}: {why}\n    in {}: casebook {}", folder.display(), line.join(" "))
    }
}

/// The statuses that a run may end with, each with its column.
pub const STATUSES: [i32; 6] = [0, 1, 2, 3, 64, 141];

/// The column of a status.
pub fn place(status: i32) -> usize {
    STATUSES.iter().position(|&known| known == status).unwrap_or(STATUSES.len() - 1)
}

/// Runs the binary in a folder of the input's own, with an empty environment.
pub fn run(line: &[String], place: &Path, longest: Duration) -> Result<Outcome, String> {
    let state = place.join(".state");
    let mut child = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(line)
        .current_dir(place)
        .env_clear()
        .env("HOME", place)
        .env("XDG_STATE_HOME", &state)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("does not start: {error}"))?;
    let drain = |mut stream: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            bytes
        })
    };
    let out = drain(Box::new(child.stdout.take().unwrap()));
    let err = drain(Box::new(child.stderr.take().unwrap()));
    let began = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().map_err(|error| error.to_string())? {
            break ended;
        }
        if began.elapsed() > longest {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("still runs after {} s", longest.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut printed = out.join().unwrap();
    printed.extend(err.join().unwrap());
    if let Some(signal) = ended.signal() {
        return Err(format!("ended by signal {signal}: {}", tail(&printed)));
    }
    let status = ended.code().unwrap_or(-1);
    if !STATUSES[..5].contains(&status) {
        return Err(format!("exit status {status}: {}", tail(&printed)));
    }
    if String::from_utf8_lossy(&printed).contains("panicked") {
        return Err(format!("panicked: {}", tail(&printed)));
    }
    Ok(Outcome { status, took: began.elapsed(), printed })
}

fn tail(printed: &[u8]) -> String {
    let text = String::from_utf8_lossy(printed);
    let kept: Vec<char> = text.chars().rev().take(600).collect();
    kept.into_iter().rev().collect()
}

/// Nothing that lies beside the input was read into what was printed.
pub fn canary_kept(outcome: &Outcome, place: &Path) -> Result<(), String> {
    let shown = outcome.printed.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    if shown && place.join("canary").exists() {
        return Err("shows what stands in a file that nobody named".to_owned());
    }
    Ok(())
}

/// The files of a folder and below, but what the program keeps for itself.
pub fn names(place: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![place.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name() == ".state" {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
            found.insert(entry.path());
        }
    }
    found
}

/// No file came into being, and none vanished.
pub fn nothing_written(before: &BTreeSet<PathBuf>, place: &Path) -> Result<(), String> {
    let after = names(place);
    match after.symmetric_difference(before).next() {
        Some(changed) => Err(format!("made or removed {}", changed.display())),
        None => Ok(()),
    }
}

/// The most memory that a child of this process held, in kB (`ru_maxrss`).
pub fn largest_child_kb() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).map(|usage| usage.max_rss()).unwrap_or_default()
}
