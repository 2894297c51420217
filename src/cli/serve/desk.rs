//! What the server keeps between two questions: the cases that it made, the folders of the operator, pseudonyms.

use std::collections::VecDeque;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::arguments::{RedactArguments, ServeArguments};
use super::super::redact::Redaction;
use super::super::{Usage, case_file, fleet_file};
use super::answer::{Answer, Made, judged};
use super::folders::Folders;
use crate::archive::{self, CaseFile};
use crate::bounded_json::{self, Budget};
use crate::case::{Case, Vantage};
use crate::config::Config;
use crate::engine::ProbeThreads;
use crate::printable::printable;
use crate::probe::{ResourceLimits, Rights};
use crate::runbook::{self, Kind, Runbook};
use crate::script::sandbox::Limits;
use crate::sys::text_file;
use crate::sys::trust::Trust;

/// Cases that are kept, and the bytes that they may take, packed.
const MOST_CASES: usize = 16;
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A case that the server made, packed.
struct Held {
    made: Made,
    packed: Arc<Vec<u8>>,
}

#[derive(Default)]
struct Kept {
    cases: VecDeque<Held>,
    /// How many were made.
    number: u64,
}

/// The state of the server.
pub(super) struct Desk {
    pub folders: Folders,
    pub threads: Arc<ProbeThreads>,
    pub config: Config,
    pub vantage: Option<Vantage>,
    trust: Trust,
    limits: Limits,
    max_cpu: f64,
    max_memory: u64,
    reading: Budget,
    redaction: Option<Mutex<Redaction>>,
    kept: Mutex<Kept>,
}

impl Desk {
    pub fn new(arguments: &ServeArguments, threads: ProbeThreads, vantage: Option<Vantage>) -> Result<Self, Usage> {
        let redact = RedactArguments { redact: arguments.redact.clone(), redact_map: None };
        Ok(Desk {
            folders: Folders::open(&arguments.folders)?,
            threads: Arc::new(threads),
            config: arguments.config.clone(),
            vantage,
            trust: arguments.scripts.trusting(),
            limits: arguments.scripts.limits(),
            max_cpu: arguments.resources.max_cpu.0,
            max_memory: arguments.resources.memory(),
            reading: arguments.resources.reading(),
            redaction: Redaction::prepare(&redact)?.map(Mutex::new),
            kept: Mutex::default(),
        })
    }

    /// What a run may take, from now.
    pub fn resources(&self) -> ResourceLimits {
        super::super::arguments::limits(self.max_cpu, self.max_memory)
    }

    /// What a script may use up.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// No right is given to what a client asks for.
    pub fn rights(&self) -> Rights {
        Rights::default()
    }

    /// The memory for the values of a case.
    pub fn budget(&self) -> Budget {
        self.reading.clone()
    }

    /// The runbook of that name: one that ships, or one of the operator's folders of runbooks. A path is none.
    pub fn runbook(&self, name: &str) -> Result<Runbook, Usage> {
        let unknown = || Usage(format!("there is no runbook `{}`: list_runbooks names them", printable(name)));
        if !runbook::names(Kind::Runbook).iter().any(|known| known == name) {
            return Err(unknown());
        }
        let found = runbook::find(Kind::Runbook, name, None, self.trust).map_err(|error| Usage(error.to_string()))?;
        runbook::load_found(&found, self.trust)
            .map_err(|problems| Usage(format!("the runbook {name} cannot be run\n{}", problems.render(false))))
    }

    /// Whether files of runbooks must be trustworthy.
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Keeps a case, and answers with what it says.
    pub fn judged(&self, kind: &str, file: &CaseFile, most: usize) -> anyhow::Result<Answer> {
        self.judged_and_packed(kind, file.case.clone(), case_file::packed(file.clone())?, most)
    }

    /// The same of a case that is packed already.
    pub fn judged_and_packed(&self, kind: &str, case: Case, packed: Vec<u8>, most: usize) -> anyhow::Result<Answer> {
        let case = self.hidden(case)?;
        let name = self.keep(kind, &case, packed);
        self.leaving(judged(&name, &case, most)?)
    }

    /// Keeps a packed case under a name of its own; the oldest go. What is listed of it is taken from `case`.
    pub fn keep(&self, kind: &str, case: &Case, packed: Vec<u8>) -> String {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.number += 1;
        let name = format!("{kind}-{}", kept.number);
        let made = Made {
            case: name.clone(),
            host: case.host.name.clone(),
            runbook: case.runbook.name.clone(),
            verdict: case.verdict,
            summary: case.diagnosis.summary.clone(),
        };
        kept.cases.push_front(Held { made, packed: Arc::new(packed) });
        let bytes = |cases: &VecDeque<Held>| cases.iter().map(|held| held.packed.len()).sum::<usize>();
        while kept.cases.len() > MOST_CASES || (kept.cases.len() > 1 && bytes(&kept.cases) > MOST_BYTES) {
            kept.cases.pop_back();
        }
        name
    }

    /// The cases that are kept, the newest first.
    pub fn made(&self) -> Vec<Made> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.cases.iter().map(|held| held.made.clone()).collect()
    }

    /// Whether a name is that of a case that this server made.
    pub fn is_made(&self, name: &str) -> bool {
        self.packed(name).is_some()
    }

    fn packed(&self, name: &str) -> Option<Arc<Vec<u8>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.cases.iter().find(|held| held.made.case == name).map(|held| Arc::clone(&held.packed))
    }

    /// The bytes of a case: of one that is kept, or of a file below a folder of the operator.
    pub fn bytes(&self, name: &str) -> Result<Arc<Vec<u8>>, Usage> {
        if let Some(packed) = self.packed(name) {
            return Ok(packed);
        }
        if !name.contains('/') {
            let why = format!(
                "there is no case `{}`: list_cases names those that there are; the server keeps the last {MOST_CASES} that it made",
                printable(name)
            );
            return Err(Usage(why));
        }
        let file = self.folders.file(name)?;
        let bytes = text_file::bytes_from(file, archive::LARGEST)
            .map_err(|why| Usage(format!("cannot read {}: {why}", printable(name))))?;
        Ok(Arc::new(bytes))
    }

    /// A case of one host or of many, and whether it is of many.
    pub fn case(&self, name: &str) -> Result<(CaseFile, bool), Usage> {
        let bytes = self.bytes(name)?;
        if archive::is_fleet(&bytes) {
            let file = fleet_file::read(Cursor::new(bytes.as_slice()), &self.budget());
            return Ok((file.map_err(|why| Usage(format!("{} {why}", printable(name))))?, true));
        }
        let file = archive::read_within(&bytes, &mut self.budget());
        Ok((file.map_err(|why| Usage(format!("{} {why}", printable(name))))?, false))
    }

    /// A text file below a folder of the operator.
    pub fn text(&self, name: &str, largest: u64) -> Result<Vec<u8>, Usage> {
        let file = self.folders.file(name)?;
        let mut bytes = Vec::new();
        let refused = |why: &dyn std::fmt::Display| Usage(format!("cannot read {}: {why}", printable(name)));
        file.take(largest + 1).read_to_end(&mut bytes).map_err(|why| refused(&why))?;
        if bytes.len() as u64 > largest {
            return Err(refused(&format!("it is larger than {}", crate::units::bytes(largest as f64))));
        }
        Ok(bytes)
    }

    /// The case under pseudonyms, where the operator wants them.
    pub fn hidden(&self, case: Case) -> anyhow::Result<Case> {
        let Some(redaction) = &self.redaction else { return Ok(case) };
        let redaction = redaction.lock().unwrap_or_else(PoisonError::into_inner);
        let (case, kept) = redaction.apply(case)?;
        kept?;
        Ok(case)
    }

    /// Whether originals are hidden from the client.
    pub fn hides(&self) -> bool {
        self.redaction.is_some()
    }

    /// An answer as it may leave: looked through for every original of the case that was hidden last.
    pub fn leaving(&self, answer: Answer) -> anyhow::Result<Answer> {
        let Some(redaction) = &self.redaction else { return Ok(answer) };
        let redaction = redaction.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8(redaction.clean(answer.text.into_bytes())?)?;
        let value = redaction.clean(serde_json::to_vec(&answer.value)?)?;
        Ok(Answer { text, value: bounded_json::from_slice(&value, &mut self.budget())? })
    }
}
