//! Log lines that are at hand as text: pasted, or in a folder of outputs. The same patterns, read to the end.

use std::path::PathBuf;
use std::sync::Mutex;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::access::Access;
use super::copies::{Copies, OfFile, OfJournal};
use super::find::Found;
use super::frame::LineFrame;
use super::kind::Kind;
use super::origin::LogOrigin;
use super::output::{self, Logs};
use super::patterns::{Patterns, Searcher};
use super::reading::{Question, Reading};
use super::rotation::Packing;
use super::scan::{Buffer, Task, scan};
use super::telling::{self, Moments};
use super::timestamp::{Clock, Format, Memory, kernel_nanos, past_level};
use super::window::Window;
use super::{MOST_SAMPLES, Params, Rights, usual};
use crate::abreast::abreast;
use crate::case::{Gap, Observed};
use crate::printable::printable;
use crate::probe::journal::{Choice, Faults};
use crate::probe::place::Place;

/// Lines of one kind of log.
#[derive(Debug, Clone, Copy)]
pub struct Text<'t> {
    /// Where they stand.
    pub name: &'t str,
    /// What kind of log they are of.
    pub kind: Kind,
    /// The daemon that keeps that log alone.
    pub keeper: Option<&'static str>,
    /// The lines.
    pub bytes: &'t [u8],
    /// Whether they are entries of a journal: what other texts have of them is not counted again.
    pub of_journal: bool,
    /// Whether their times are times. Else only how far they are apart is told.
    pub dated: bool,
}

/// What a line is, by its form; none where it is no line of a log.
pub fn kind_of(line: &[u8]) -> Option<Kind> {
    LineFrame::parse(line).map(|frame| frame.kind).or_else(|| Access::parse(line).map(|_| Kind::Access))
}

/// Whether a line begins with facility and level: `kern: info: `.
pub fn has_level(line: &[u8]) -> bool {
    past_level(line).is_some()
}

/// The host that a line of syslog names.
pub fn host_of(line: &[u8]) -> Option<String> {
    let frame = LineFrame::parse(line)?;
    let host = frame.host.filter(|host| frame.program.is_some() && host.len() < 254)?;
    (host != b"-").then(|| printable(host))
}

/// The first and the last time in some lines, as far as they have one; a year that is not written is that of the last such day
/// before `reference`. And whether that was so.
pub fn span(bytes: &[u8], reference: Timestamp) -> Option<(Timestamp, Timestamp, bool)> {
    between(bytes, &Clock::new(TimeZone::UTC, reference))
}

/// The seconds since the kernel started that stand in the first and the last line.
pub fn kernel_span(bytes: &[u8]) -> Option<(f64, f64)> {
    let lines = || bytes.split(|byte| *byte == b'\n');
    let first = lines().find_map(kernel_nanos)?;
    let last = bytes.rsplit(|byte| *byte == b'\n').find_map(kernel_nanos)?;
    Some((first as f64 / 1e9, last as f64 / 1e9))
}

fn between(bytes: &[u8], clock: &Clock) -> Option<(Timestamp, Timestamp, bool)> {
    let mut memory = Memory::new();
    let mut span: Option<(Timestamp, Timestamp)> = None;
    let mut format = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(at) = memory.read(clock, line) else { continue };
        format = format.or_else(|| clock.read(line).map(|(_, format)| format));
        span = Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }
    span.map(|(first, last)| (first, last, format == Some(Format::Rfc3164)))
}

/// Searches the lines for the patterns of the parameters, all of them whenever they were written. `boot` is when the kernel
/// started: what lines are dated by that have no other time.
pub fn search(
    texts: &[Text<'_>],
    params: &Params,
    reference: Timestamp,
    boot: Timestamp,
) -> Result<Observed<Logs>, Gap> {
    let searched = if params.patterns.is_empty() { usual::all() } else { params.patterns.clone() };
    let patterns = Patterns::compile(&searched)?;
    let clock = Clock::new(TimeZone::UTC, reference).started_at(boot);
    let samples = params.samples.min(MOST_SAMPLES) as usize;
    let (dated, undated): (Vec<&Text<'_>>, Vec<_>) = texts.iter().partition(|text| text.dated);
    let mut found = search_all(&dated, &patterns, &clock, reference, samples)?;
    if !undated.is_empty() {
        let mut others = search_all(&undated, &patterns, &clock, reference, samples)?;
        forget_times(&mut others.output);
        if dated.is_empty() {
            found = others;
        } else {
            add(&mut found.output, others.output);
            found.loss.extend(others.loss);
        }
    }
    telling::tell(&mut found.output, &TimeZone::UTC, Moments::FromTo);
    Ok(found)
}

/// Takes out times that were counted from an unknown beginning; how far they are apart stays.
fn forget_times(logs: &mut Logs) {
    for hits in logs.patterns.values_mut() {
        if let (Some(first), Some(last)) = (hits.first.take(), hits.last.take()) {
            hits.apart_seconds = Some(last.duration_since(first).as_secs_f64());
        }
        hits.quiet_seconds = None;
        hits.per_minute.clear();
    }
    logs.per_minute.clear();
    logs.silence = None;
}

/// Adds the hits of lines without a time to those of others.
fn add(logs: &mut Logs, more: Logs) {
    logs.lines += more.lines;
    logs.hits += more.hits;
    logs.files.extend(more.files);
    for (name, hits) in more.patterns {
        match logs.patterns.get_mut(&name) {
            Some(known) if known.count > 0 => known.count += hits.count,
            _ => drop(logs.patterns.insert(name, hits)),
        }
    }
}

fn search_all(
    texts: &[&Text<'_>],
    patterns: &Patterns,
    clock: &Clock,
    reference: Timestamp,
    samples: usize,
) -> Result<Observed<Logs>, Gap> {
    let spans: Vec<_> = texts.iter().filter_map(|text| between(text.bytes, clock)).collect();
    let from = spans.iter().map(|(first, ..)| *first).min().unwrap_or(reference);
    let to = spans.iter().map(|(_, last, _)| *last).max().unwrap_or(reference);
    let window = Window { from, to: to.saturating_add(SignedDuration::from_secs(1)).unwrap_or(to) };
    let question = Question {
        place: &Place::Host,
        patterns,
        window,
        zone: TimeZone::UTC,
        now: reference,
        samples,
        rights: Rights { of_operator: false },
        stop: &|| None,
        unpacking: Mutex::default(),
        journal: &Choice::default(),
        dating: None,
    };
    let read = |searcher: &mut Searcher<'_>, buffer: &mut Buffer, text: &Text<'_>, copies: Copies<'_>| {
        let origin = LogOrigin { kind: Some(text.kind), program: text.keeper };
        let bytes = Some(text.bytes.len());
        let task = Task { patterns, window, clock, origin, sorted: false, samples, copies, bytes };
        // Each text is read by itself.
        let (tally, _) = scan(task, searcher, buffer, &mut { text.bytes }, None, || false);
        Reading {
            found: Found {
                path: PathBuf::from(text.name),
                rotated: false,
                packing: Packing::Plain,
                origin,
                modified: None,
            },
            format: if text.of_journal { Format::Journal } else { tally.format.unwrap_or(Format::Unknown) },
            sorted: true,
            tally: Some(tally),
            unreadable: None,
            cut_short: None,
            faults: Faults::default(),
            loss: Vec::new(),
        }
    };
    let bytes = |texts: &[&Text<'_>]| texts.iter().map(|text| text.bytes.len() as u64).sum();
    let (of_journal, others): (Vec<&Text<'_>>, Vec<_>) = texts.iter().copied().partition(|text| text.of_journal);
    let noted = OfJournal::default();
    let note = if of_journal.is_empty() || others.is_empty() { Copies::None } else { Copies::Note(&noted) };
    let read_journal = abreast(of_journal.len(), bytes(&of_journal), || {
        let (mut searcher, mut buffer) = (patterns.searcher(), Buffer::default());
        let (read, of_journal) = (&read, &of_journal);
        move |index| of_journal.get(index).map(|text| read(&mut searcher, &mut buffer, text, note))
    });
    let (lines, _) = noted.noted();
    let read_others = abreast(others.len(), bytes(&others), || {
        let (mut searcher, mut buffer) = (patterns.searcher(), Buffer::default());
        let (read, others, lines) = (&read, &others, &lines);
        move |index| {
            let of_file = OfFile::new(lines);
            let copies = if lines.is_empty() { Copies::None } else { Copies::Know(&of_file) };
            others.get(index).map(|text| read(&mut searcher, &mut buffer, text, copies))
        }
    });
    let readings: Vec<Reading> = read_journal.into_iter().chain(read_others).flatten().collect();
    output::assemble(&PathBuf::from("-"), &question, readings, Vec::new(), 0)
}
