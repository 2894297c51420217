//! Damaged and hostile inputs against the binary, by the thousand: no input may make it panic, die by a signal, hang, take
//! more memory than it says, or touch a file that nobody named.
//!
//! Each input comes from a seed that is fixed by its corpus and number, so a failure comes back: its message names the
//! corpus, the number and the kept folder. `cargo test` tries a few of each corpus; `just attack` tries thousands and
//! writes the table of docs/security.md.

mod corpus;
mod mutate;
mod outcome;
mod table;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use corpus::{CORPORA, Corpus};
use mutate::Dice;
use outcome::{Fault, Outcome};

/// Inputs of each corpus when nobody says how many (`CASEBOOK_ATTACK`).
const FEW: usize = 8;
/// Children at once.
const WORKERS: usize = 2;
/// What a child may take of the wall clock; the longest deadline of a probe is 15 s.
const LONGEST: Duration = Duration::from_secs(40);
/// What a child may hold, in kB: the run's own bound of 128 MB, and as much again for what is read and printed.
const MOST_MEMORY_KB: i64 = 256 * 1024;

/// What came of a corpus.
struct Summary {
    name: &'static str,
    about: &'static str,
    inputs: usize,
    statuses: [usize; 6],
    longest: Duration,
    memory_kb: i64,
}

fn attack(corpus: &'static Corpus, inputs: usize) -> Summary {
    let home = tempfile::tempdir().unwrap();
    let seeds = (corpus.seeds)(home.path());
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= inputs {
                        break;
                    }
                    match attempt(corpus, &seeds, number) {
                        Ok(outcome) => outcomes.lock().unwrap().push(outcome),
                        Err(fault) => faults.lock().unwrap().push(fault),
                    }
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    let said: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(faults.is_empty(), "{} of {inputs} inputs of `{}`:\n{}", faults.len(), corpus.name, said.join("\n"));
    let outcomes: Vec<Outcome> = outcomes.into_inner().unwrap();
    let mut statuses = [0; 6];
    for outcome in &outcomes {
        statuses[outcome::place(outcome.status)] += 1;
    }
    Summary {
        name: corpus.name,
        about: corpus.about,
        inputs,
        statuses,
        longest: outcomes.iter().map(|outcome| outcome.took).max().unwrap_or_default(),
        memory_kb: outcome::largest_child_kb(),
    }
}

/// One input: made, given to the binary, judged.
fn attempt(corpus: &Corpus, seeds: &[corpus::Seed], number: usize) -> Result<Outcome, Fault> {
    let mut dice = Dice::of(corpus.name, number);
    let place = tempfile::tempdir().unwrap();
    let line = (corpus.stage)(&mut dice, seeds, place.path());
    let before = outcome::names(place.path());
    let outcome = outcome::run(&line, place.path(), LONGEST);
    let judged = outcome.and_then(|outcome| {
        outcome::canary_kept(&outcome, place.path())?;
        outcome::nothing_written(&before, place.path())?;
        Ok(outcome)
    });
    judged.map_err(|why| Fault { corpus: corpus.name, number, line, why, folder: place.keep() })
}

#[test]
fn no_damaged_or_hostile_input_breaks_the_program() {
    let inputs = std::env::var("CASEBOOK_ATTACK").ok().and_then(|many| many.parse().ok()).unwrap_or(FEW);
    let began = Instant::now();
    let mut summaries = Vec::new();
    for corpus in CORPORA {
        let summary = attack(corpus, (inputs * corpus.share).div_ceil(100).max(1));
        assert!(summary.memory_kb <= MOST_MEMORY_KB, "{}: a child held {} kB", summary.name, summary.memory_kb);
        println!("{}", table::row(&summary));
        summaries.push(summary);
    }
    if let Some(page) = std::env::var_os("CASEBOOK_ATTACK_PAGE") {
        table::write(Path::new(&page), &summaries, began.elapsed());
    }
}
