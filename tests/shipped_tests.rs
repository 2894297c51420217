//! The tests that are shipped beside runbooks and checks pass.

use casebook::runbook::{self, Kind};
use casebook::script::sandbox::Limits;
use casebook::sys::trust::Trust;
use casebook::testing;

#[test]
fn every_shipped_test_passes() {
    let sources = testing::shipped();
    assert!(!sources.is_empty(), "tests are shipped");
    let mut failed = Vec::new();
    for source in sources {
        let file = match testing::read(&source, Trust::Required) {
            Ok(file) => file,
            Err(problems) => {
                failed.push(problems.render(false));
                continue;
            }
        };
        let trials: Vec<_> = file.tests.iter().map(|test| testing::run(&file, test, &Limits::default())).collect();
        let text = testing::failures(&trials, testing::Shown { color: false });
        failed.extend((!text.is_empty()).then_some(text));
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
fn every_cause_of_a_shipped_runbook_is_expected_by_a_test() {
    let mut coverage = testing::Coverage::default();
    for source in testing::shipped() {
        coverage.add(&testing::read(&source, Trust::Required).unwrap_or_else(|problems| panic!("{problems}")));
    }
    let missed: Vec<_> = coverage.unexpected().filter(|(_, causes)| !causes.is_empty()).collect();
    assert!(missed.is_empty(), "no test expects {missed:?}");
}

/// The lines of the shipped runbooks' files, tests left out.
fn runbook_files() -> Vec<(String, Vec<String>)> {
    let mut files = Vec::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml")
                && !path.to_string_lossy().contains(".test.")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path.display().to_string(), text.lines().map(str::to_owned).collect()));
            }
        }
    }
    files
}

#[test]
fn the_shipped_runbook_is_small_enough_to_be_read() {
    let lines: usize = runbook_files().iter().map(|(_, lines)| lines.len()).sum();
    let found = runbook::embedded(Kind::Runbook);
    let causes: usize = found.iter().map(|it| runbook::load_found(it, Trust::Required).unwrap().causes.len()).sum();
    assert!(
        lines <= 35 * causes,
        "{lines} lines for {causes} causes; what is alike is written once, with `each`, `facts` or an alias"
    );
}

#[test]
fn nothing_that_is_shipped_has_a_warning() {
    for found in runbook::embedded(Kind::Runbook) {
        let loaded = runbook::inspect_found(&found, Trust::Required).unwrap();
        let warnings: Vec<_> = loaded.warnings.iter().map(|it| format!("{}: {it:?}", found.name)).collect();
        assert!(warnings.is_empty(), "\n{}", warnings.join("\n"));
    }
}

#[test]
fn no_six_lines_of_the_shipped_runbook_stand_there_twice() {
    const RUN: usize = 6;
    let files = runbook_files();
    let mut seen: std::collections::HashMap<Vec<&str>, String> = std::collections::HashMap::new();
    let mut twice = Vec::new();
    for (path, lines) in &files {
        for (number, run) in lines.windows(RUN).enumerate() {
            let run: Vec<&str> = run.iter().map(|line| line.trim()).collect();
            let place = format!("{path}:{}", number + 1);
            if let Some(first) = seen.insert(run, place.clone()) {
                twice.push(format!("{place} is {first} again"));
            }
        }
    }
    assert!(twice.is_empty(), "\n{}", twice.join("\n"));
}

#[test]
fn everything_that_is_shipped_has_tests() {
    for kind in [Kind::Runbook, Kind::Check] {
        for found in runbook::embedded(kind) {
            assert!(!runbook::embedded_tests(kind, Some(&found.name)).is_empty(), "{} has no tests", found.name);
        }
    }
}
