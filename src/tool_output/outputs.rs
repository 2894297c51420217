//! All outputs of a text or of several: of which host, of which moment, what was recognised and what was not.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use jiff::civil::Time;

use super::data::Data;
use super::input::{Gathered, NoOutput, Text};
use super::piece::{Piece, Unrecognised};
use super::pieces::Pieces;
use super::recognise::recognise;
use super::recognisers::RECOGNISERS;
use super::text::Document;
use super::when::Moment;
use super::{input, prompt, taken};
use crate::abreast::abreast;
use crate::case::{Host, Recognised};

/// Ranges of lines that are named.
pub(super) const MOST_NAMED: usize = 20;

/// Letters of a run of words between outputs that are read.
const LONGEST_PROSE: usize = 1000;

/// What tools printed.
pub struct ToolOutput {
    pub(super) pieces: Pieces,
    pub(super) host: Host,
    pub(super) moment: Moment,
    /// The outputs, as they are told: some thousand in a long text, which the terminal and the report both ask for.
    told: OnceLock<Vec<Recognised>>,
}

impl ToolOutput {
    /// Reads what is named: files, folders, and `-` for `stdin`. `at` picks a time of a recorded day; `now` is when it is read.
    pub fn read(paths: &[PathBuf], stdin: &mut dyn Read, at: Option<Time>, now: Timestamp) -> Result<Self, NoOutput> {
        let mut gathered = input::gather(paths, stdin)?;
        let (mut pieces, mut unrecognised) = (Vec::new(), Vec::new());
        let (mut prompt_host, mut log_host) = (None, None);
        let texts: Vec<Mutex<Option<Text>>> =
            std::mem::take(&mut gathered.texts).into_iter().map(|text| Mutex::new(Some(text))).collect();
        let read = abreast(texts.len(), gathered.bytes, || {
            |number| {
                let text = texts.get(number)?.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                let document = Document::new(text.name, text.bytes, text.modified);
                let document = match super::margins::without(&document) {
                    Some(plain) => Document::new(document.name, plain.into_bytes(), document.modified),
                    None => document,
                };
                let recognised = recognise(&document, number);
                Some((document, recognised))
            }
        });
        for (document, recognised) in read.into_iter().flatten() {
            gathered.documents.push(document);
            // Command lines are counted over all texts.
            let before = pieces.last().map_or(0, |piece: &Piece| piece.command + 1);
            pieces
                .extend(recognised.pieces.into_iter().map(|piece| Piece { command: piece.command + before, ..piece }));
            unrecognised.extend(recognised.unrecognised);
            prompt_host = prompt_host.or(recognised.host);
        }
        for piece in &pieces {
            if let Data::Logs(run) = &piece.data {
                log_host = log_host.or_else(|| run.host.clone());
            }
        }
        let machines = || {
            pieces
                .iter()
                .filter_map(|piece| if let Data::Machine(machine) = &piece.data { Some(machine) } else { None })
        };
        let reports = || {
            pieces.iter().filter_map(|piece| if let Data::Rates(report) = &piece.data { Some(report) } else { None })
        };
        let name = machines()
            .find_map(|machine| machine.name.clone())
            .or_else(|| reports().find_map(|report| report.host.clone()))
            .or(prompt_host)
            .or_else(|| by_name(&gathered))
            .or(log_host);
        let kernel = machines()
            .find_map(|machine| machine.kernel.clone())
            .or_else(|| reports().find_map(|report| report.kernel.clone()));
        let unknown = || "unknown".to_owned();
        let host = Host {
            name: name.unwrap_or_else(unknown),
            kernel: kernel.unwrap_or_else(unknown),
            root: false,
            local_time: None,
            clock: None,
            vantage: None,
        };
        let pieces = Pieces::new(gathered, pieces, unrecognised, at);
        if pieces.all.is_empty() {
            return Err(NoOutput::Nothing(nothing(&pieces.gathered)));
        }
        let moment = Moment::of(&pieces, now);
        Ok(ToolOutput { pieces, host, moment, told: OnceLock::new() })
    }

    /// Which links hide something, in a sentence.
    pub fn links(&self) -> Option<String> {
        self.pieces.gathered.links.sentence()
    }

    /// When the outputs were made; their clock is taken for UTC.
    pub fn started(&self) -> Timestamp {
        self.moment.at
    }

    /// The host that they are of.
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// When the texts were made, and what tells it.
    pub fn moment(&self) -> &str {
        &self.moment.said
    }

    /// The outputs that were recognised.
    pub fn recognised(&self) -> &[Recognised] {
        let told = |piece: &Piece| Recognised {
            tool: piece.recogniser.name.to_owned(),
            taken: taken::taken(&piece.data),
            place: self.pieces.place(piece.document, piece.first, piece.after),
        };
        self.told.get_or_init(|| self.pieces.all.iter().map(told).collect())
    }

    /// Whether they show anything of the network.
    pub fn shows_network(&self) -> bool {
        self.pieces.data().any(Data::is_of_network)
    }

    /// What somebody who pastes such outputs complains of.
    pub fn about(&self) -> String {
        let about = self.pieces.data().filter_map(|data| match data {
            Data::Told(told) if !told.about.is_empty() => Some(told.about),
            _ => None,
        });
        let mut words: Vec<&str> = about.take(MOST_NAMED).collect();
        words.dedup();
        words.join(", ")
    }

    /// The words between the outputs, the first of them where there are many.
    pub fn prose(&self) -> String {
        let prose = self.pieces.unrecognised.iter().filter(|lines| lines.prose).take(MOST_NAMED);
        let text = prose.filter_map(|lines| {
            let document = self.pieces.gathered.documents.get(lines.document)?;
            Some(document.slice(lines.first, lines.after).chars().take(LONGEST_PROSE))
        });
        text.flat_map(|words| words.chain(['\n'])).collect()
    }

    /// Lines that are no words of somebody, and were not recognised.
    pub fn lines_not_recognised(&self) -> u64 {
        let lost = self.pieces.unrecognised.iter().filter(|lines| !lines.prose);
        lost.map(|lines| (lines.after - lines.first) as u64).sum()
    }

    /// What was not, by file and line.
    pub fn not_recognised(&self) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        // A file that has the name of a tool, and nothing of it.
        let is_empty = |number: usize| !self.pieces.all.iter().any(|piece| piece.document == number);
        let damaged = |number: usize| {
            let name = self
                .pieces
                .gathered
                .documents
                .get(number)
                .map_or("", |document| document.name.rsplit('/').next().unwrap_or_default());
            is_empty(number) && prompt::is_program(name.split(['-', '_', '.']).next().unwrap_or_default())
        };
        let named: Vec<&str> = (0..self.pieces.gathered.documents.len())
            .filter(|number| damaged(*number))
            .take(MOST_NAMED)
            .map(|number| self.pieces.gathered.documents[number].name.as_str())
            .collect();
        if !named.is_empty() {
            told.push(format!(
                "nothing could be taken from {}: damaged, or in a form that is not known",
                named.join(", ")
            ));
        }
        let lost: Vec<&Unrecognised> =
            self.pieces.unrecognised.iter().filter(|lines| !lines.prose && !damaged(lines.document)).collect();
        for lines in lost.iter().take(MOST_NAMED) {
            let text = self.pieces.gathered.documents[lines.document].line(lines.first).trim();
            let text = crate::printable::printable(text.chars().take(48).collect::<String>());
            told.push(format!("{}: {text}", self.pieces.place(lines.document, lines.first, lines.after)));
        }
        if lost.len() > MOST_NAMED {
            let lines: usize = lost.iter().skip(MOST_NAMED).map(|lines| lines.after - lines.first).sum();
            told.push(format!("and {lines} lines in {} more places", lost.len() - MOST_NAMED));
        }
        let prose: usize =
            self.pieces.unrecognised.iter().filter(|lines| lines.prose).map(|lines| lines.after - lines.first).sum();
        if prose > 0 {
            told.push(format!("{prose} {} of words between outputs", if prose == 1 { "line" } else { "lines" }));
        }
        for (why, named, others) in &self.pieces.gathered.left_out {
            let more = if *others > 0 { format!(" and {others} more") } else { String::new() };
            told.push(format!("{}{more}: {why}", named.join(", ")));
        }
        told
    }
}

/// What is said where nothing is known.
fn nothing(gathered: &Gathered) -> String {
    let lines: usize = gathered.documents.iter().map(Document::len).sum();
    let first = gathered
        .documents
        .iter()
        .flat_map(|document| (0..document.len()).map(|at| document.line(at).trim()))
        .find(|line| !line.is_empty());
    let first = first
        .map(|line| {
            format!(", the first is `{}`", crate::printable::printable(line.chars().take(60).collect::<String>()))
        })
        .unwrap_or_default();
    let links = gathered.links.sentence().map(|links| format!("; {links}")).unwrap_or_default();
    let left_out = gathered.left_out.iter().map(|(why, named, others)| {
        let more = if *others > 0 { format!(" and {others} more") } else { String::new() };
        format!("; {}{more}: {why}", named.join(", "))
    });
    let left_out: String = left_out.collect();
    let known: Vec<&str> = RECOGNISERS.iter().map(|recogniser| recogniser.name).collect();
    format!(
        "nothing is known in what was given ({lines} lines{first}){links}{left_out}; understood are: {}",
        known.join("; ")
    )
}

/// The host by a file that is called `hostname`.
fn by_name(gathered: &Gathered) -> Option<String> {
    let document = gathered.documents.iter().find(|document| document.name.rsplit('/').next() == Some("hostname"))?;
    let first = document.line(0).split_whitespace().next()?;
    (first.len() <= 253).then(|| crate::printable::printable(first))
}
