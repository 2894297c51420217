//! The recorded cases of `tests/cases`, and how they are judged again.

use std::fs;
use std::path::{Path, PathBuf};

use casebook::case::{Case, Evidence};
use casebook::engine::{self, Provenance, Record, Recorded, Request, ResolvedParams};
use casebook::runbook::{self, Kind, Runbook};
use casebook::script::sandbox::Limits;
use casebook::sys::trust::Trust;
use indexmap::IndexMap;
use serde_json::Map;

/// Where the cases lie.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// Every recorded case by its name.
pub fn all() -> Vec<(String, Case)> {
    let entries = fs::read_dir(folder()).expect("the folder of the cases can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry can be read").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a case can be read");
        let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name} is not a case: {error}"));
        (name, case)
    };
    paths.into_iter().map(read).collect()
}

/// The runbook of that name as it is shipped.
pub fn shipped(name: &str) -> Runbook {
    let found =
        runbook::embedded(Kind::Runbook).into_iter().find(|found| found.name == name).expect("the runbook is shipped");
    runbook::load_found(&found, Trust::Required).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
}

/// The case judged again by the runbook, as if `evidence` had been all there was to see.
pub fn judge(runbook: &Runbook, case: &Case, evidence: IndexMap<String, Evidence>) -> Case {
    let request = Request {
        runbook,
        params: ResolvedParams::again(runbook, case, Map::new()).expect("recorded parameters are right"),
        provenance: Provenance::Recorded(Record::of(case)),
        limits: Limits::default(),
        printed: &|_, _| {},
    };
    engine::run(&request, &Recorded::new(evidence, runbook)).expect("Lua starts")
}
