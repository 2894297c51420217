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
fn everything_that_is_shipped_has_tests() {
    for kind in [Kind::Runbook, Kind::Check] {
        for found in runbook::embedded(kind) {
            assert!(!runbook::embedded_tests(kind, Some(&found.name)).is_empty(), "{} has no tests", found.name);
        }
    }
}
