//! Runs one test.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::expect::Difference;
use super::read::{Test, TestFile};
use crate::case::Host;
use crate::engine::{
    Literal, Provenance, Record, Recorded, Request, RunError, Trace, Unanswered, resolve_params, run_traced,
};
use crate::script::sandbox::Limits;

/// What came of a test.
#[derive(Debug)]
pub struct Trial {
    /// Its name, with that of what it tests: `open_resolver::a resolver that refuses strangers is fine`.
    pub name: String,
    /// Its file.
    pub origin: String,
    /// Its line there, as far as it is known.
    pub line: Option<usize>,
    /// How long it took.
    pub took: Duration,
    /// What is not as it was expected; none, when it passed.
    pub differences: Vec<Difference>,
    /// What was asked for and not in the test.
    pub unanswered: Vec<Unanswered>,
    /// What the script printed.
    pub printed: Vec<String>,
    /// What held in it.
    pub trace: Trace,
}

impl Trial {
    /// Whether all was as expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Runs one test. Nothing of the host is looked at.
pub fn run(file: &TestFile, test: &Test, limits: &Limits) -> Trial {
    let clock = Instant::now();
    let recorded = test.recorded.as_ref().map(|case| Recorded::new(case.evidence.clone(), &file.runbook));
    let host = match &test.recorded {
        Some(case) => case.host.clone(),
        None => Host {
            name: "test".to_owned(),
            kernel: "none".to_owned(),
            root: true,
            local_time: None,
            clock: None,
            vantage: None,
        },
    };
    let literal = Literal::new(test.evidence.clone(), recorded, test.without.clone(), test.now);
    let printed = Mutex::new(Vec::new());
    let print =
        |_: &str, line: &str| printed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line.to_owned());
    let request = |params| Request {
        runbook: &file.runbook,
        params,
        provenance: Provenance::Recorded(Record::new(host, test.now)),
        limits: *limits,
        printed: &print,
    };
    let ran = resolve_params(&file.runbook, &test.params)
        .map_err(RunError::from)
        .and_then(|params| run_traced(&request(params), &literal));
    let (differences, trace) = match ran {
        Ok((case, trace)) => (test.expect.differences(&file.subject, &case), trace),
        Err(error) => {
            let expected = "a run".to_owned();
            let refused = Difference { what: "run".to_owned(), expected, found: error.to_string(), gaps: Vec::new() };
            (vec![refused], Trace::default())
        }
    };
    Trial {
        name: format!("{}::{}", file.name(), test.name),
        origin: file.origin.clone(),
        line: test.line,
        took: clock.elapsed(),
        differences,
        unanswered: literal.unanswered(),
        printed: printed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner),
        trace,
    }
}
