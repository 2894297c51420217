//! The table of all incidents: what was expected, what casebook found, and how much stayed unexplained.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use casebook::runbook::{self, Kind};
use casebook::units;
use serde_json::{Value, json};

use crate::incident::DIAGNOSE;
use crate::support::accuracy::played;

/// What is expected of a host on which nothing is wrong.
const CALM: &str = "nothing above possible";
/// Of each runbook at least so many hosts are in trouble.
const TROUBLES: usize = 3;

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
        None => CALM.to_owned(),
    };
    let expected = row["expected"].as_str().map_or(CALM.to_owned(), |id| format!("`{id}`"));
    let unexplained = match (row["bytes"].as_f64(), row["unexplained"].as_f64()) {
        (Some(bytes), Some(share)) => format!("{} of {}", units::percent(share), units::bytes(bytes)),
        (Some(bytes), None) => format!("{} in all", units::bytes(bytes)),
        _ => "no ledger".to_owned(),
    };
    let right = if right == runs { format!("{right} of {runs}") } else { format!("**{right} of {runs}**") };
    format!("| {} | {expected} | {found} | {unexplained} | {right} |\n", word("name"))
}

/// The runbooks that ship, in the order of the page, and what a complaint finds.
fn runbooks() -> Vec<String> {
    let shipped = runbook::embedded(Kind::Runbook).into_iter().map(|found| found.name);
    shipped.chain([DIAGNOSE.to_owned()]).collect()
}

/// The section of a runbook: how often it was right, and a line of each incident.
fn section(name: &str, played: &BTreeMap<String, Vec<Value>>, runs: usize) -> String {
    let right = played.values().filter(|rows| rows.len() == runs && rows.iter().all(is_right)).count();
    let lines: String = played.values().map(|rows| worst(rows, runs)).collect();
    format!(
        "\n## {name}\n\nRight each time: {right} of {} incidents.\n\n\
         | Incident | Expected first | Found first | Unexplained | Right |\n|:--|:--|:--|:--|:--|\n{lines}",
        played.len()
    )
}

/// Run it after the incidents: `just incidents` does.
#[test]
#[ignore = "writes docs/accuracy.md from what the runs of the incidents left"]
fn the_table_is_written() {
    let played = played();
    // One that is missing in a run was not right in it.
    let runs = played.values().flat_map(BTreeMap::values).map(Vec::len).max().unwrap_or(0);
    let mut page = "# How often the runbooks are right\n\n\
         Real traffic and real troubles in namespaces, judged by what the binary prints. `just incidents` plays them all three\n\
         times and writes these tables. \"Right\" means the first cause, what is said of it, the exit status and the unexplained share\n\
         are as they must be; of several runs the worst one is shown. \"Nothing above possible\" is expected of hosts on which nothing is\n\
         wrong: each runbook has quiet ones and busy ones. What the machine itself is short of while they run is not counted.\n\
         \"No ledger\" stands where a runbook keeps no account of bytes. `nic-overrun` is not among them: no virtual interface counts\n\
         what a card loses, so a recorded host stands in for it (`cargo test --test replay`).\n"
        .to_owned();
    for name in runbooks() {
        page.push_str(&section(&name, played.get(&name).unwrap_or(&BTreeMap::new()), runs));
    }
    print!("{page}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md");
    fs::write(path, page).expect("the table can be written");
}

/// Where incidents are written: those of traffic, and those of what else a host is short of.
const STAGED: [&str; 2] = ["tests/incidents/situations", "tests/cli/situations"];

fn texts() -> Vec<String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = STAGED.iter().flat_map(|folder| fs::read_dir(project.join(folder)).unwrap());
    // Captures of others are read and not played.
    let of_systemd = project.join("tests/engines/systemd.rs");
    let paths =
        entries.map(|entry| entry.unwrap().path()).chain([of_systemd]).filter(|path| !path.ends_with("recorded.rs"));
    paths.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The names of all incidents, as they are written: of the field, and as the first argument of functions that take a name.
fn written() -> Vec<String> {
    let mut names = Vec::new();
    for text in texts() {
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
    assert!(names.len() > 200, "{} names are found", names.len());
    names.sort();
    let twice: Vec<&[String]> = names.chunk_by(PartialEq::eq).filter(|same| same.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// The sections of the page: a runbook, and the name and the expected cause of each incident.
fn sections(page: &str) -> Vec<(&str, Vec<(&str, &str)>)> {
    let of = |text| {
        let (name, lines): (&str, &str) = str::split_once(text, '\n').expect("a section has lines");
        let rows = lines.lines().filter_map(|line| {
            let mut columns = line.strip_prefix("| ")?.split(" | ");
            Some((columns.next()?, columns.next()?))
        });
        (name, rows.filter(|(name, _)| *name != "Incident").collect())
    };
    page.split("\n## ").skip(1).map(of).collect()
}

/// A sweep over values of one thing is a table of a test of that thing, not so many incidents.
#[test]
fn the_table_counts_incidents_that_are_staged() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md")).unwrap();
    let staged = texts().concat();
    for (runbook, rows) in sections(&page) {
        assert!(page.contains(&format!("of {} incidents", rows.len())), "{runbook}: {} rows", rows.len());
        for (name, _) in rows {
            assert!(staged.contains(&format!("\"{name}\"")), "{name} is not staged");
        }
    }
}

#[test]
fn every_runbook_is_played_in_trouble_on_a_quiet_host_and_on_a_busy_one() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md")).unwrap();
    let sections = sections(&page);
    let named: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, runbooks());
    for (runbook, rows) in sections {
        let (calm, troubled): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, first)| *first == CALM);
        assert!(troubled.len() >= TROUBLES, "{runbook}: {troubled:?}");
        for kind in ["quiet", "busy"] {
            assert!(calm.iter().any(|(name, _)| name.contains(kind)), "{runbook} is not played on a {kind} host");
        }
    }
}
