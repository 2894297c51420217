//! The journal of a run: its evidence as it comes, a line each, on the disk before the run goes on to the next.
//!
//! What is left of a run that was killed is judged from it: `casebook cases finish`.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use indexmap::IndexMap;
use jiff::Timestamp;
use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Begun;
use super::state::State;
use crate::bounded_json::{self, Budget, Unread};
use crate::case::{Cost, Evidence, Host, RunbookRef};
use crate::engine::{OnEvidence, Secrets};
use crate::sys::{thread, usage};

/// The version of the journal's form. Only the casebook that wrote a journal has to read it.
const FORMAT: u32 = 1;
/// The most bytes of a journal; what comes after is left out of it.
const LARGEST: usize = 64 * 1024 * 1024;
/// Answers that may wait for the disk.
const WAITING: usize = 256;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    journal: u32,
    casebook: String,
    runbook: RunbookRef,
    host: Host,
    started: Timestamp,
    params: Map<String, Value>,
    given: Map<String, Value>,
}

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<K, E> {
    key: K,
    cost: Cost,
    evidence: E,
}

pub(super) fn header(run: &Begun<'_>) -> Header {
    Header {
        journal: FORMAT,
        casebook: env!("CARGO_PKG_VERSION").to_owned(),
        runbook: run.runbook.reference(),
        host: run.host.clone(),
        started: run.started,
        params: run.params.clone(),
        given: run.given.clone(),
    }
}

/// A journal that is being written.
pub(super) struct Journal {
    state: State,
    id: String,
    lines: SyncSender<Vec<u8>>,
    /// Set when the case is kept: what still waits for the disk is not worth it any more.
    over: Arc<AtomicBool>,
    began: Instant,
}

impl Journal {
    /// Begins a journal. Its header is on the disk when this returns.
    pub fn create(state: &State, id: &str, header: Header) -> io::Result<(String, Self)> {
        let (id, file) = state.new_journal(id)?;
        let written = line(&header).and_then(|line| write(&file, &line));
        if let Err(error) = written {
            forget(state, &id);
            return Err(error);
        }
        let (lines, waiting) = sync_channel(WAITING);
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let started = thread::start("journal", (file, waiting, ended), |(file, waiting, ended)| {
            keep_writing(&file, &waiting, &ended);
        });
        if started.is_err() {
            // The case is kept all the same, at the end.
            crate::cli::say("casebook: this run leaves no journal while it goes on: no thread can be made for it");
        }
        let state = state.clone();
        Ok((id.clone(), Journal { state, id, lines, over, began: Instant::now() }))
    }

    /// Takes the evidence as it comes. It never waits for the disk: an answer that finds the queue full is left out.
    pub fn noted(&self, secrets: Secrets) -> OnEvidence {
        let (lines, began) = (self.lines.clone(), self.began);
        Box::new(move |key, evidence| {
            let usage = usage::process();
            let cost = Cost {
                wall_seconds: began.elapsed().as_secs_f64(),
                cpu_seconds: usage.cpu_seconds,
                peak_memory_bytes: usage.peak_memory_bytes,
            };
            secrets.clean(evidence);
            if let Ok(line) = line(&Entry { key, cost, evidence: &*evidence }) {
                let _ = lines.try_send(line);
            }
        })
    }

    /// The run has come to its case: the journal is not needed any more.
    pub fn drop_it(self) {
        self.over.store(true, Ordering::Relaxed);
        forget(&self.state, &self.id);
    }
}

fn forget(state: &State, id: &str) {
    // What stays is listed as unfinished, and pruned one day.
    let _ = state.forget_journal(id);
}

fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

fn write(mut file: &File, line: &[u8]) -> io::Result<()> {
    file.write_all(line)?;
    file.sync_data()
}

fn keep_writing(file: &Flock<File>, waiting: &Receiver<Vec<u8>>, over: &AtomicBool) {
    let mut room = LARGEST;
    while let Ok(mut lines) = waiting.recv() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        // Answers that came meanwhile are brought to the disk together.
        let mut fits = lines.len() <= room;
        while fits && let Ok(line) = waiting.try_recv() {
            fits = lines.len() + line.len() <= room;
            if fits {
                lines.extend(line);
            }
        }
        // A disk that is full stays full; the lines that are there are whole but for the last.
        if lines.len() > room || write(file, &lines).is_err() || !fits {
            return;
        }
        room -= lines.len();
    }
}

/// What is left of a run.
pub(in crate::cli) struct Recovered {
    /// The runbook that was run.
    pub runbook: RunbookRef,
    /// Where.
    pub host: Host,
    /// When it began.
    pub started: Timestamp,
    /// The parameters, without secrets.
    pub params: Map<String, Value>,
    /// Those that were given, without secrets.
    pub given: Map<String, Value>,
    /// What was observed until it ended.
    pub evidence: IndexMap<String, Evidence>,
    /// What it had cost until the last of it.
    pub cost: Cost,
    /// Whether the last line was cut off.
    pub torn: bool,
}

/// Reads a journal as far as it is whole.
///
/// The values of all its lines must fit into the budget.
pub(in crate::cli) fn recover(bytes: &[u8], budget: &mut Budget) -> Result<Recovered, String> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let header = lines.next().filter(|line| line.ends_with(b"\n")).ok_or("the run ended before it began to look")?;
    let header: Header = bounded_json::from_slice(header, budget).map_err(|unread| match unread {
        Unread::TooMuch(error) => format!("it {error}"),
        Unread::Json(error) => format!("it is no journal: {error}"),
    })?;
    if header.journal > FORMAT {
        return Err(format!("it has form {}; use the casebook that wrote it, {}", header.journal, header.casebook));
    }
    let mut evidence = IndexMap::new();
    let mut cost = Cost { wall_seconds: 0.0, cpu_seconds: 0.0, peak_memory_bytes: 0 };
    let mut torn = false;
    for line in lines {
        match bounded_json::from_slice::<Entry<String, Evidence>>(line, budget) {
            Err(Unread::TooMuch(error)) => return Err(format!("it {error}")),
            Ok(entry) if line.ends_with(b"\n") => {
                cost = entry.cost;
                evidence.insert(entry.key, entry.evidence);
            }
            // After a line that is not whole nothing can be trusted.
            _ => {
                torn = true;
                break;
            }
        }
    }
    let Header { runbook, host, started, params, given, .. } = header;
    Ok(Recovered { runbook, host, started, params, given, evidence, cost, torn })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn journal() -> Vec<u8> {
        let header = Header {
            journal: FORMAT,
            casebook: "0".into(),
            runbook: RunbookRef {
                name: "a".into(),
                title: "A".into(),
                text: String::new(),
                wraps_check: None,
                overrides_embedded: None,
                choice: None,
                checks: IndexMap::new(),
            },
            host: Host {
                name: "h".into(),
                kernel: "6".into(),
                root: true,
                local_time: None,
                clock: None,
                vantage: None,
            },
            started: Timestamp::UNIX_EPOCH,
            params: Map::new(),
            given: Map::new(),
        };
        let mut bytes = line(&header).unwrap();
        for key in ["one", "two"] {
            let evidence = Evidence {
                probe: "host".into(),
                params: Value::Null,
                started: Timestamp::UNIX_EPOCH,
                seconds: 1.0,
                cpu_seconds: None,
                peak_memory_bytes: None,
                output: Some(serde_json::json!({"load": 1})),
                gap: None,
                missing: Vec::new(),
                loss: Vec::new(),
                typed: Default::default(),
            };
            let cost = Cost { wall_seconds: 1.0, cpu_seconds: 0.1, peak_memory_bytes: 1 };
            bytes.extend(line(&Entry { key, cost, evidence }).unwrap());
        }
        bytes
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_said() {
        let bytes = journal();
        let whole = recover(&bytes, &mut Budget::default()).unwrap();
        assert_eq!((whole.evidence.len(), whole.torn), (2, false));
        for cut in 1..100 {
            let part = recover(&bytes[..bytes.len() - cut], &mut Budget::default()).unwrap();
            assert_eq!((part.evidence.len(), part.torn), (1, true), "cut by {cut}");
        }
        assert!(recover(b"", &mut Budget::default()).is_err_and(|why| why.contains("before it began")));
    }

    #[test]
    fn the_lines_of_a_journal_share_one_budget() {
        let bytes = journal();
        let refused = recover(&bytes, &mut Budget::new(bytes.len() as u64 + 1000)).err().unwrap_or_default();
        assert!(refused.contains("more values than fit") && refused.contains("--max-memory"), "{refused}");
    }

    proptest! {
        #[test]
        fn no_journal_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>()) {
            let _ = recover(&bytes, &mut Budget::default());
            let mut journal = journal();
            let place = place.index(journal.len());
            let end = (place + bytes.len()).min(journal.len());
            journal.splice(place..end, bytes);
            let _ = recover(&journal, &mut Budget::default());
        }
    }
}
