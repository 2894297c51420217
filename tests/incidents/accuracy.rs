//! The table of all incidents: what was expected, what casebook found, and how much stayed unexplained.

use std::fs;
use std::path::{Path, PathBuf};

use casebook::case::Likelihood;
use casebook::units;
use serde_json::{Value, json};

use crate::incident::Incident;
use crate::judgement::Said;

/// The file that an incident leaves beside its case.
const ROW: &str = "accuracy.json";

/// Keeps what became of an incident.
pub fn keep(incident: &Incident, folder: &Path, said: &Said, faults: &[String]) {
    let case = said.case.as_ref().ok();
    let first = case.and_then(|case| case.diagnosis.causes.first());
    let ledger = case.and_then(|case| case.ledger.as_ref());
    let likely = first.filter(|cause| cause.likelihood > Likelihood::Possible);
    let row = json!({
        "name": incident.name,
        "expected": incident.expect.first,
        "found": likely.map(|cause| &cause.id),
        "likelihood": likely.map(|cause| cause.likelihood),
        "bytes": ledger.map(|ledger| ledger.bytes),
        "unexplained": ledger.and_then(|ledger| ledger.unexplained_share),
        "right": faults.is_empty(),
    });
    fs::write(folder.join(ROW), row.to_string()).expect("the target folder can be written");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("incidents")
}

fn rows() -> Vec<Value> {
    let entries = fs::read_dir(folder()).expect("incidents were played before");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        serde_json::from_str(&fs::read_to_string(entry.ok()?.path().join(ROW)).ok()?).ok()
    };
    let mut rows: Vec<Value> = entries.filter_map(read).collect();
    rows.sort_by_key(|row| row["name"].to_string());
    rows
}

fn line(row: &Value) -> String {
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
    let right = if row["right"] == json!(true) { "yes" } else { "**no**" };
    format!("| {} | {expected} | {found} | {unexplained} | {right} |\n", word("name"))
}

/// Run it after the incidents: `just incidents` does.
#[test]
#[ignore = "writes docs/accuracy.md from what the last run of the incidents left"]
fn the_table_is_written() {
    let rows = rows();
    let right = rows.iter().filter(|row| row["right"] == json!(true)).count();
    let mut page = format!(
        "# How often the runbook is right\n\n\
         Real traffic in network namespaces, judged by what the binary prints. `just incidents` plays them all and writes this\n\
         table. \"Right\" means the first cause, its subject, the exit status and the unexplained share are as they must be.\n\n\
         The last run: {right} of {} incidents right.\n\n\
         | Incident | Expected first | Found first | Unexplained | Right |\n|:--|:--|:--|:--|:--|\n",
        rows.len()
    );
    rows.iter().for_each(|row| page.push_str(&line(row)));
    print!("{page}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md");
    fs::write(path, page).expect("the table can be written");
}
