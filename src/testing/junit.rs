//! What came of tests, as JUnit's XML, which most build servers read.

use std::time::Duration;

use indexmap::IndexMap;

use super::show::{Shown, details};
use super::trial::Trial;
use crate::report::suites::{End, Suite, Suites, Test, Trouble};

/// The XML. Each file is a suite; a file that cannot be read is a suite with an error.
pub fn junit(trials: &[Trial], broken: &[(String, String)], took: Duration) -> String {
    let mut of_files: IndexMap<&str, Vec<&Trial>> = IndexMap::new();
    for trial in trials {
        of_files.entry(&trial.origin).or_default().push(trial);
    }
    let read = of_files.into_iter().map(|(origin, trials)| {
        let seconds = trials.iter().map(|trial| trial.took.as_secs_f64()).sum();
        suite(origin, seconds, trials.into_iter().map(test).collect())
    });
    let unread = broken.iter().map(|(origin, why)| suite(origin, 0.0, vec![unreadable(origin, why)]));
    Suites { name: "casebook".to_owned(), seconds: took.as_secs_f64(), suites: read.chain(unread).collect() }.text()
}

fn suite(origin: &str, seconds: f64, tests: Vec<Test>) -> Suite {
    Suite {
        name: origin.to_owned(),
        timestamp: None,
        hostname: None,
        seconds,
        properties: Vec::new(),
        tests,
        output: String::new(),
    }
}

fn test(trial: &Trial) -> Test {
    let (class, name) = trial.name.split_once("::").unwrap_or(("", &trial.name));
    let end = match trial.differences.first() {
        None => End::Passed,
        Some(first) => End::Failed(Trouble {
            message: format!("{}: expected {}, found {}", first.what, first.expected, first.found),
            kind: "difference".to_owned(),
            text: details(trial, Shown { color: false }),
        }),
    };
    Test {
        class: class.to_owned(),
        name: name.to_owned(),
        place: Some((trial.origin.clone(), trial.line)),
        seconds: trial.took.as_secs_f64(),
        end,
        output: String::new(),
    }
}

fn unreadable(origin: &str, why: &str) -> Test {
    Test {
        class: origin.to_owned(),
        name: "can be read".to_owned(),
        place: None,
        seconds: 0.0,
        end: End::Errored(Trouble {
            message: why.lines().next().unwrap_or_default().to_owned(),
            kind: "broken".to_owned(),
            text: why.to_owned(),
        }),
        output: String::new(),
    }
}
