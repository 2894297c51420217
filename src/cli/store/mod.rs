//! What is kept of each run under the state directory: its case, and while it runs a journal of its evidence.
//!
//! Nothing here may hold up a diagnosis: a host in trouble may have a full, read-only or hanging disk. All writing is done
//! by threads that are waited for only so long, and what fails is one line on stderr.

mod journal;
mod state;

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Map, Value};

pub(super) use journal::{Recovered, recover};
pub(super) use state::{KEPT, Keep, State, Unfinished};

use super::{case_file, say};
use crate::archive::CaseFile;
use crate::engine::{OnEvidence, Secrets};
use crate::runbook::Runbook;
use crate::sys::thread;
use journal::Journal;

/// How long the end of a run waits for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps one run, as far as the disk lets it.
pub(super) struct CaseStore {
    state: Option<State>,
    journals: bool,
    id: Option<String>,
    journal: Option<Journal>,
    quiet: bool,
}

impl CaseStore {
    /// A store of a run; one that keeps nothing when the operator wants none of it, and no journal of one whose evidence
    /// gets pseudonyms: it has them when all of it is there.
    pub fn new(keeps: bool, redacts: bool, quiet: bool) -> Self {
        let state = keeps.then(|| within(State::open)).and_then(|opened| match opened {
            Some(Ok(state)) => Some(state),
            Some(Err(why)) => {
                not_kept(&why);
                None
            }
            None => {
                not_kept("the disk does not answer");
                None
            }
        });
        CaseStore { state, journals: !redacts, id: None, journal: None, quiet }
    }

    /// The folder that it keeps runs in.
    pub fn folder(&self) -> Option<&Path> {
        self.state.as_ref().map(State::folder)
    }

    /// Begins the journal of a run. What it returns takes the evidence as it comes.
    pub fn begin(&mut self, run: &Begun<'_>, secrets: Secrets) -> Option<OnEvidence> {
        let state = self.state.clone().filter(|_| self.journals)?;
        let id = state::id(run.started, &run.runbook.name);
        let header = journal::header(run);
        match within(move || Journal::create(&state, &id, header).map_err(|error| error.to_string())) {
            Some(Ok((id, journal))) => {
                let noted = journal.noted(secrets);
                self.id = Some(id);
                self.journal = Some(journal);
                Some(noted)
            }
            Some(Err(why)) => {
                // Where no journal can be written, no case can.
                not_kept(&why);
                self.state = None;
                None
            }
            None => {
                not_kept("the disk does not answer");
                self.state = None;
                None
            }
        }
    }

    /// Keeps the case, and then drops the journal. If it cannot be kept, the journal stays behind.
    pub fn keep(mut self, file: CaseFile) {
        let Some(state) = self.state.take() else { return };
        let id = self.id.take().unwrap_or_else(|| state::id(file.case.started, &file.case.runbook.name));
        let packed = match case_file::packed(file) {
            Ok(packed) => packed,
            Err(error) => return not_kept(&error.to_string()),
        };
        let journal = self.journal.take();
        let kept = within(move || {
            let id = state.put(&id, &packed).map_err(|error| format!("{}: {error}", state.folder().display()))?;
            if let Some(journal) = journal {
                journal.drop_it();
            }
            state.prune(&KEPT);
            Ok::<_, String>(id)
        });
        match kept {
            Some(Ok(id)) if !self.quiet => say(format_args!("case kept: {id}")),
            Some(Ok(_)) => {}
            Some(Err(why)) => not_kept(&why),
            None => not_kept("the disk does not answer"),
        }
    }
}

/// What a journal begins with.
pub(super) struct Begun<'a> {
    /// The runbook.
    pub runbook: &'a Runbook,
    /// The host.
    pub host: &'a crate::case::Host,
    /// When the run began.
    pub started: jiff::Timestamp,
    /// All parameters, without secrets.
    pub params: Map<String, Value>,
    /// Those that were given, without secrets.
    pub given: Map<String, Value>,
}

fn not_kept(why: &str) {
    say(format_args!("casebook: this run is not kept: {why}"));
}

/// Does something on a thread of its own; nothing, if it takes too long. Where no thread can be made it is done here.
fn within<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, answer) = channel();
    // Nobody listens any more when the disk answers too late.
    let started = thread::start("store", (work, sender), |(work, sender)| drop(sender.send(work())));
    match started {
        Ok(()) => answer.recv_timeout(PATIENCE).ok(),
        Err((work, _)) => Some(work()),
    }
}
