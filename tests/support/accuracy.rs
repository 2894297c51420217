//! What becomes of each incident that is staged: a line of a file for each time that it is played, of which docs/accuracy.md is
//! made. Test programs write beside each other.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use casebook::case::{Case, Cause, Likelihood};
use serde_json::{Value, json};

/// An incident that is played: what becomes of it is a line of its file, also when it fails before it is judged.
pub struct Played(Value);

impl Played {
    /// It begins, and is wrong until it is judged. `first` is the cause that must come first, none where nothing is wrong.
    pub fn begin(runbook: &str, name: &str, first: Option<&str>) -> Played {
        Played(json!({"runbook": runbook, "name": name, "expected": first, "right": false}))
    }

    /// What was said of it: `first` is the likeliest cause of what is staged.
    pub fn found(&mut self, case: &Case, first: Option<&Cause>) {
        let likely = first.filter(|cause| cause.likelihood > Likelihood::Possible);
        self.0["found"] = json!(likely.map(|cause| &cause.id));
        self.0["likelihood"] = json!(likely.map(|cause| cause.likelihood));
        self.0["bytes"] = json!(case.ledger.as_ref().map(|ledger| ledger.bytes));
        self.0["unexplained"] = json!(case.ledger.as_ref().and_then(|ledger| ledger.unexplained_share));
    }

    /// Whether all was as it must be.
    pub fn judged(&mut self, right: bool) {
        self.0["right"] = json!(right);
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let path = folder().join(format!("{}.jsonl", self.0["name"].as_str().unwrap_or_default()));
        let written = fs::create_dir_all(folder())
            .and_then(|()| OpenOptions::new().create(true).append(true).open(path))
            .and_then(|mut file| file.write_all(format!("{}\n", self.0).as_bytes()));
        // A second panic while one unwinds would end all tests.
        if let Err(error) = written {
            eprintln!("what became of {} is not kept: {error}", self.0["name"]);
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("accuracy")
}

/// What became of each incident, by its runbook and its name, each time that it was played.
pub fn played() -> BTreeMap<String, BTreeMap<String, Vec<Value>>> {
    let entries = fs::read_dir(folder()).expect("incidents were played before");
    let mut played: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for entry in entries {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let word = |name: &str| row[name].as_str().unwrap().to_owned();
            played.entry(word("runbook")).or_default().entry(word("name")).or_default().push(row);
        }
    }
    played
}
