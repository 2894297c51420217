//! The table of all incidents: what was expected, what casebook found, and how much stayed unexplained.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use casebook::case::Likelihood;
use casebook::units;
use serde_json::{Value, json};

use crate::judgement::{Expect, Said};

/// An incident that is played: what becomes of it is a line of its file, also when it fails before it is judged.
pub struct Played(Value);

impl Played {
    /// It begins, and is wrong until it is judged.
    pub fn begin(name: &str, expect: &Expect) -> Played {
        Played(json!({"name": name, "expected": expect.first, "right": false}))
    }

    /// What was said of it, and what is wrong with that.
    pub fn judged(&mut self, said: &Said, faults: &[String]) {
        let case = said.case.as_ref().ok();
        let first = case.and_then(|case| case.diagnosis.causes.first());
        let ledger = case.and_then(|case| case.ledger.as_ref());
        let likely = first.filter(|cause| cause.likelihood > Likelihood::Possible);
        self.0["found"] = json!(likely.map(|cause| &cause.id));
        self.0["likelihood"] = json!(likely.map(|cause| cause.likelihood));
        self.0["bytes"] = json!(ledger.map(|ledger| ledger.bytes));
        self.0["unexplained"] = json!(ledger.and_then(|ledger| ledger.unexplained_share));
        self.0["right"] = json!(faults.is_empty());
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

/// What became of each incident, by its name, each time that it was played.
fn played() -> BTreeMap<String, Vec<Value>> {
    let entries = fs::read_dir(folder()).expect("incidents were played before");
    let mut played: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in entries {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            played.entry(row["name"].as_str().unwrap().to_owned()).or_default().push(row);
        }
    }
    played
}

fn is_right(row: &Value) -> bool {
    row["right"] == json!(true)
}

/// The line of an incident: its first wrong run, else the one with most unexplained, and how many of all runs were right.
fn worst(rows: &[Value], runs: usize) -> String {
    let share = |row: &&Value| row["unexplained"].as_f64().unwrap_or(0.0);
    let wrong = rows.iter().find(|row| !is_right(row));
    let most = rows.iter().max_by(|a, b| share(a).total_cmp(&share(b)));
    let right = rows.iter().filter(|row| is_right(row)).count();
    wrong.or(most).map_or(String::new(), |row| line(row, right, runs))
}

fn line(row: &Value, right: usize, runs: usize) -> String {
    let word = |name: &str| row[name].as_str().unwrap_or("nothing").to_owned();
    let found = match row["likelihood"].as_str() {
        Some(likelihood) => format!("`{}`, {likelihood}", word("found")),
        None => "nothing above possible".to_owned(),
    };
    let expected = row["expected"].as_str().map_or("nothing above possible".to_owned(), |id| format!("`{id}`"));
    let unexplained = match (row["bytes"].as_f64(), row["unexplained"].as_f64()) {
        (Some(bytes), Some(share)) => format!("{} of {}", units::percent(share), units::bytes(bytes)),
        (Some(bytes), None) => format!("{} in all", units::bytes(bytes)),
        _ => "no ledger".to_owned(),
    };
    let right = if right == runs { format!("{right} of {runs}") } else { format!("**{right} of {runs}**") };
    format!("| {} | {expected} | {found} | {unexplained} | {right} |\n", word("name"))
}

/// Run it after the incidents: `just incidents` does.
#[test]
#[ignore = "writes docs/accuracy.md from what the runs of the incidents left"]
fn the_table_is_written() {
    let played = played();
    // One that is missing in a run was not right in it.
    let runs = played.values().map(Vec::len).max().unwrap_or(0);
    let right = played.values().filter(|rows| rows.len() == runs && rows.iter().all(is_right)).count();
    let mut page = format!(
        "# How often the runbook is right\n\n\
         Real traffic in network namespaces, judged by what the binary prints. `just incidents` plays them all three times and\n\
         writes this table. \"Right\" means the first cause, its subject, the exit status and the unexplained share are as they must\n\
         be; of several runs the worst one is shown. `nic-overrun` is not among them: no virtual interface counts what a card\n\
         loses, so a recorded host stands in for it (`cargo test --test replay`).\n\n\
         Right each time: {right} of {} incidents.\n\n\
         | Incident | Expected first | Found first | Unexplained | Right |\n|:--|:--|:--|:--|:--|\n",
        played.len()
    );
    played.values().for_each(|rows| page.push_str(&worst(rows, runs)));
    print!("{page}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md");
    fs::write(path, page).expect("the table can be written");
}

/// The names of all incidents, as they are written: of the field, and as the first argument of functions that take a name.
fn written() -> Vec<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents/situations")).unwrap();
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.ends_with("recorded.rs") {
            continue; // captures of others, which are read and not played
        }
        let text = fs::read_to_string(path).unwrap();
        let tight: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
        let takes_one = |rest: &&str| rest.starts_with("name: &'static str");
        let heads = tight.match_indices("(").map(|(at, _)| tight.split_at(at));
        let functions = heads
            .filter(|(_, rest)| takes_one(&&rest[1..]))
            .filter_map(|(head, _)| head.rsplit_once("fn ").map(|(_, name)| format!("{name}(\"")));
        for before in functions.chain(["name: \"".to_owned()]) {
            let written = tight.split(&before).skip(1).filter_map(|rest| rest.split('"').next());
            names.extend(written.map(str::to_owned));
        }
    }
    names
}

#[test]
fn no_two_incidents_have_one_name() {
    let mut names = written();
    assert!(names.len() > 150, "{} names are found", names.len());
    names.sort();
    let twice: Vec<&[String]> = names.chunk_by(PartialEq::eq).filter(|same| same.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// A sweep over values of one thing is a table of a test of that thing, not so many incidents.
#[test]
fn the_table_counts_incidents_that_are_staged() {
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&project.join("docs/accuracy.md"));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let names: Vec<&str> = rows.filter(|name| *name != "Incident").collect();
    assert!(page.contains(&format!("of {} incidents", names.len())), "{} rows", names.len());
    let entries = fs::read_dir(project.join("tests/incidents/situations")).unwrap();
    let staged: String = entries.map(|entry| read(&entry.unwrap().path())).collect();
    for name in names {
        assert!(staged.contains(&format!("\"{name}\",")), "{name} is not staged");
    }
}
