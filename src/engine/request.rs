//! What is to be run: a runbook, its parameters, and where the evidence comes from.

use indexmap::IndexMap;
use jiff::Timestamp;

use super::parameters::ResolvedParams;
use crate::case::{Case, Cost, Evidence, Host, Reading, Redacted};
use crate::runbook::{BadParam, Runbook};
use crate::script::sandbox::Limits;

/// What to run. All that a case says beside what is judged comes from here: nothing changes a case after the engine made it.
pub struct Request<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// Its parameters.
    pub params: ResolvedParams,
    /// Where the evidence comes from.
    pub provenance: Provenance<'a>,
    /// What a script may use up.
    pub limits: Limits,
    /// Takes what a check prints: its step, and a line.
    pub printed: &'a (dyn Fn(&str, &str) + Sync),
}

/// Where the evidence of a run comes from.
pub enum Provenance<'a> {
    /// This host, which is looked at now.
    Live {
        /// The host.
        host: Host,
        /// When the run began.
        started: Timestamp,
        /// Seconds on the clock and of CPU time that went into what was looked at before the runbook was chosen, if anything was.
        before: Option<(f64, f64)>,
        /// Says whether the operator has ended the run.
        cancelled: &'a (dyn Fn() -> bool + Sync),
    },
    /// A record: what it says of the run that it is of stays as it is.
    Recorded(Record<'a>),
}

/// What a record says of the run that it is of.
pub struct Record<'a> {
    /// The host.
    pub host: Host,
    /// When the run began.
    pub started: Timestamp,
    /// Whether the run was ended before all was seen.
    pub partial: bool,
    /// What looking cost; none where nothing says it, and judging is all that is counted.
    pub cost: Option<Cost>,
    /// What had been redacted.
    pub redacted: Redacted,
    /// What casebook 0.1 said of that in a headline.
    pub said_redacted: Vec<String>,
    /// Whether the commands are those of somebody else's runbook.
    pub foreign_commands: bool,
    /// What was read in place of a host, if something was, by what the probes were answered with.
    pub reading: Option<ReadingOf<'a>>,
}

/// What was read in place of a host, by the evidence of each step.
pub type ReadingOf<'a> = Box<dyn Fn(&IndexMap<String, Evidence>) -> Reading + 'a>;

impl Record<'_> {
    /// A record of which no more is known.
    pub fn new(host: Host, started: Timestamp) -> Self {
        Record {
            host,
            started,
            partial: false,
            cost: None,
            redacted: Redacted::default(),
            said_redacted: Vec::new(),
            foreign_commands: false,
            reading: None,
        }
    }

    /// What a case says.
    pub fn of(case: &Case) -> Self {
        Record {
            partial: case.partial,
            cost: Some(case.cost),
            redacted: case.redacted.clone(),
            said_redacted: case.said_redacted().cloned().collect(),
            reading: case.reading.clone().map(|reading| -> ReadingOf<'static> { Box::new(move |_| reading.clone()) }),
            ..Record::new(case.host.clone(), case.started)
        }
    }
}

impl Provenance<'_> {
    /// The host.
    pub(super) fn host(&self) -> &Host {
        match self {
            Provenance::Live { host, .. } => host,
            Provenance::Recorded(record) => &record.host,
        }
    }

    /// When the run began.
    pub(super) fn started(&self) -> Timestamp {
        match self {
            Provenance::Live { started, .. } => *started,
            Provenance::Recorded(record) => record.started,
        }
    }

    /// Whether the operator has ended the run.
    pub(super) fn cancelled(&self) -> bool {
        match self {
            Provenance::Live { cancelled, .. } => cancelled(),
            Provenance::Recorded(_) => false,
        }
    }

    /// What was spent before it began: seconds on the clock, and of CPU time.
    pub(super) fn spent_before(&self) -> (f64, f64) {
        match self {
            Provenance::Live { before, .. } => before.unwrap_or_default(),
            Provenance::Recorded(_) => (0.0, 0.0),
        }
    }

    /// The record, where there is one.
    pub(super) fn record(&self) -> Option<&Record<'_>> {
        match self {
            Provenance::Live { .. } => None,
            Provenance::Recorded(record) => Some(record),
        }
    }
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A parameter is wrong.
    #[error(transparent)]
    Param(#[from] BadParam),
    /// Lua could not be started.
    #[error("cannot start Lua: {0}")]
    Lua(String),
}
