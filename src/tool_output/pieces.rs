//! The outputs of all texts, in the order in which they stand, and what several of them say together.

use std::sync::OnceLock;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};

use super::cards::Nic;
use super::data::Data;
use super::growth::Growth;
use super::input::Gathered;
use super::interfaces::{self, Chosen};
use super::piece::{Piece, Unrecognised};
use super::{links, samples};
use crate::probe::logs;

/// The outputs of all texts.
pub(super) struct Pieces {
    pub gathered: Gathered,
    pub all: Vec<Piece>,
    pub unrecognised: Vec<Unrecognised>,
    /// The time of a recorded day that is asked for.
    pub at: Option<Time>,
    /// What two outputs with times between them tell.
    pub growth: Growth,
    shown: OnceLock<Vec<links::Shown>>,
    reference: OnceLock<Timestamp>,
}

/// The lines of a log within a text.
#[derive(Debug)]
pub(super) struct LogText<'p> {
    /// Where they stand.
    pub place: String,
    pub kind: logs::Kind,
    /// The daemon that keeps such a log itself.
    pub keeper: Option<&'static str>,
    pub text: &'p str,
    /// They carry no time at all.
    pub timeless: bool,
    /// They are entries of a journal.
    pub of_journal: bool,
}

/// Bytes of texts up to which lines with a year are looked for, for those that have none; files of a host have a time of their own.
const SMALL: u64 = 4 * 1024 * 1024;
/// What was pasted together is not further apart, most often.
const APART: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Pieces {
    pub(super) fn new(gathered: Gathered, all: Vec<Piece>, unrecognised: Vec<Unrecognised>, at: Option<Time>) -> Self {
        let growth = Growth::of(&all);
        Pieces { gathered, all, unrecognised, at, growth, shown: OnceLock::new(), reference: OnceLock::new() }
    }

    pub(super) fn place(&self, document: usize, first: usize, after: usize) -> String {
        let name = self.gathered.documents.get(document).map_or("", |document| document.name.as_str());
        let name = if name == "-" { "standard input" } else { name };
        if after - first <= 1 {
            format!("{name} line {}", first + 1)
        } else {
            format!("{name} lines {}-{after}", first + 1)
        }
    }

    pub(super) fn data(&self) -> impl Iterator<Item = &Data> + Clone {
        self.all.iter().map(|piece| &piece.data)
    }

    /// The interfaces of all outputs.
    pub(super) fn shown(&self) -> &[links::Shown] {
        self.shown.get_or_init(|| self.interfaces())
    }

    fn interfaces(&self) -> Vec<links::Shown> {
        let all = self.data().filter_map(|data| if let Data::Links(links) = data { Some(links) } else { None });
        let mut shown = interfaces::together(all);
        for nic in self.data().filter_map(|data| if let Data::Nic(nic) = data { Some(nic) } else { None }) {
            // A card whose rates alone are known is an interface, too.
            if let Some(name) = nic.interface.as_ref().filter(|name| !shown.iter().any(|link| link.name == **name)) {
                shown.push(links::Shown { name: name.clone(), ..links::Shown::default() });
            }
            if let Some(link) = shown.iter_mut().find(|link| Some(&link.name) == nic.interface.as_ref()) {
                link.speed = link.speed.or(nic.speed);
                let allowances = nic.counters.iter().filter(|(name, _)| name.ends_with("allowance_exceeded"));
                link.allowance =
                    link.allowance.or_else(|| allowances.map(|(_, count)| *count).reduce(u64::saturating_add));
            }
        }
        shown
    }

    /// What `ethtool` shows of cards.
    pub(super) fn cards(&self) -> impl Iterator<Item = &Nic> + Clone {
        self.all.iter().filter_map(|piece| if let Data::Nic(nic) = &piece.data { Some(nic) } else { None })
    }

    /// The driver of a card, of whatever output says it.
    pub(super) fn driver_of<'s>(&'s self, card: &'s Nic) -> Option<&'s str> {
        let own = self.cards().filter(|nic| nic.interface == card.interface);
        card.driver.as_deref().or_else(|| own.filter_map(|nic| nic.driver.as_deref()).last())
    }

    pub(super) fn route(&self) -> Option<&str> {
        self.data().find_map(|data| if let Data::Route(name) = data { Some(name.as_str()) } else { None })
    }

    pub(super) fn chosen(&self) -> Chosen<'_> {
        let printed = self.data().filter_map(|data| if let Data::Rates(report) = data { Some(report) } else { None });
        let reports: Vec<&samples::Report> = self.growth.rates.iter().chain(printed).collect();
        interfaces::choose(&reports, self.shown(), self.route(), self.at)
    }

    pub(super) fn settings(&self) -> impl Iterator<Item = &(String, String)> {
        self.data().filter_map(|data| if let Data::Settings(settings) = data { Some(settings) } else { None }).flatten()
    }

    /// The number that a setting has, the last of several.
    pub(super) fn setting(&self, name: &str) -> Option<u64> {
        self.settings().find(|(known, _)| known == name)?.1.split_whitespace().next_back()?.parse().ok()
    }

    /// The texts of logs.
    pub(super) fn log_texts(&self) -> Vec<LogText<'_>> {
        let mut texts = Vec::new();
        for piece in &self.all {
            if let Data::Told(told) = &piece.data
                && !told.lines.is_empty()
            {
                texts.push(LogText {
                    place: self.place(piece.document, piece.first, piece.after),
                    kind: logs::Kind::Syslog,
                    keeper: None,
                    text: &told.lines,
                    timeless: true,
                    of_journal: false,
                });
            }
            let (Data::Logs(run), Some(document)) = (&piece.data, self.gathered.documents.get(piece.document)) else {
                continue;
            };
            let text = run.text.as_deref().unwrap_or_else(|| document.slice(piece.first, piece.after));
            texts.push(LogText {
                place: self.place(piece.document, piece.first, piece.after),
                kind: run.kind,
                keeper: run.keeper,
                text: text.get(..text.len().saturating_sub(run.cut)).unwrap_or(text),
                timeless: run.timeless,
                of_journal: logs::is_journal_name(&document.name),
            });
        }
        texts
    }

    /// What a time without a year lies before: soon after the newest line that has one; else when the newest file was changed, else
    /// the moment of reading.
    pub(super) fn reference(&self) -> Timestamp {
        *self.reference.get_or_init(|| {
            let changed = self.gathered.documents.iter().filter_map(|document| document.modified).max();
            let latest = changed.unwrap_or_else(Timestamp::now);
            let texts = if self.gathered.bytes <= SMALL { self.log_texts() } else { Vec::new() };
            let dated = texts.iter().filter(|text| !text.timeless).filter_map(|text| {
                let (_, last, inferred) = logs::span(text.text.as_bytes(), latest)?;
                (!inferred).then_some(last)
            });
            dated.max().and_then(|last| last.checked_add(APART).ok()).map_or(latest, |soon| soon.min(latest))
        })
    }
}
