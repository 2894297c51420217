//! Reads the files that were found: the parts of them that the window lies in, on as many cores as are worth it.

use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::abreast::abreast;
use crate::case::{Gap, Reason, advice};
use crate::probe::journal::{Choice, Dating, Faults, Journal, NotRead, WHO_MAY_READ};
use crate::probe::place::Place;
use crate::probe::xz::TooLarge;

use super::Rights;
use super::copies::{Copies, OfFile, OfJournal};
use super::find::Found;
use super::kind::Kind;
use super::origin::LogOrigin;
use super::packed::{Packer, unpack};
use super::patterns::{Patterns, Searcher};
use super::plain::{Part, Plain};
use super::rotation::Packing;
use super::scan::{Buffer, Ending, Task, scan};
use super::tally::Tally;
use super::timestamp::{Clock, Format};
use super::window::{self, Window};

/// Bytes of a file that one thread takes at a time, and how many parts a smaller one is cut into, so that all threads end together.
const SEGMENT: u64 = 16 * 1024 * 1024;
const SMALLEST_SEGMENT: u64 = 1024 * 1024;
const SEGMENTS: u64 = 16;

/// Bytes that are read of a file whose lines are not in order of time, at most; they are its last.
pub(super) const MOST_UNSORTED: u64 = 512 * 1024 * 1024;

/// How far before a segment the time of its first lines is looked for.
const BEFORE: u64 = 64 * 1024;

/// Bytes of a file that its first lines are looked for in.
const HEAD_OF_FILE: usize = 16 * 1024;

/// Entries of a journal that one thread takes at a time, and about how many bytes one has.
const ENTRIES: u64 = 32 * 1024;
const BYTES_OF_ENTRY: u64 = 512;

/// A year: no log without years in its lines goes back further.
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What all files are read for.
pub(super) struct Question<'a> {
    pub place: &'a Place,
    pub patterns: &'a Patterns,
    pub window: Window,
    pub zone: TimeZone,
    pub now: Timestamp,
    pub samples: usize,
    /// Whose rights the files are opened with.
    pub rights: Rights,
    /// Which entries of the journal are asked for, and how those of this boot are dated.
    pub journal: &'a Choice,
    pub dating: Option<&'a Dating>,
    /// Held while a file is unpacked that may take much memory.
    pub unpacking: Mutex<()>,
    /// Why to stop, when it is time to.
    pub stop: &'a (dyn Fn() -> Option<Reason> + Sync),
}

/// What was read of a file.
pub(super) struct Reading {
    pub found: Found,
    pub format: Format,
    pub sorted: bool,
    /// What was counted; none when no byte could be read, or no line carries a time.
    pub tally: Option<Tally>,
    /// Why it could not be read at all.
    pub unreadable: Option<Gap>,
    /// Why it could not be read to the end.
    pub cut_short: Option<Gap>,
    /// What could not be read of the entries of a journal.
    pub faults: Faults,
    /// What was lost, as sentences.
    pub loss: Vec<String>,
}

/// A file that was opened.
struct Opened {
    clock: Clock,
    origin: LogOrigin,
    sorted: bool,
    source: Source,
}

enum Source {
    Plain(Plain),
    Journal(Journal),
    Packed(Packer, Mutex<Option<File>>),
}

/// A part of a file, to be scanned by one thread: from one byte to another, or of a journal from one entry to another.
struct Segment {
    file: usize,
    start: u64,
    end: u64,
    /// About how many bytes it has.
    bytes: u64,
}

/// What became of a segment.
struct Scanned {
    tally: Tally,
    ending: io::Result<Ending>,
    vanished: u64,
    left: u64,
    faults: Faults,
}

/// Reads all files.
pub(super) fn read(question: &Question<'_>, files: Vec<Found>) -> Vec<Reading> {
    let mut readings = Vec::with_capacity(files.len());
    let mut opened = Vec::with_capacity(files.len());
    let mut segments = Vec::new();
    for found in files {
        let mut reading = Reading {
            found,
            format: Format::Unknown,
            sorted: true,
            tally: None,
            unreadable: None,
            cut_short: None,
            faults: Faults::default(),
            loss: Vec::new(),
        };
        let file = match (question.stop)() {
            None => prepare(question, &mut reading, readings.len(), &mut segments),
            Some(reason) => Err(ended(reason, &reading.found)),
        };
        match file {
            Ok(file) => opened.push(file),
            Err(gap) => {
                reading.unreadable = Some(gap);
                opened.push(None);
            }
        }
        readings.push(reading);
    }
    // What the journal has is not counted again where a file has it, too.
    let is_journal =
        |segment: &Segment| matches!(opened.get(segment.file), Some(Some(Opened { source: Source::Journal(_), .. })));
    let (of_journal, of_files): (Vec<Segment>, Vec<Segment>) = segments.into_iter().partition(is_journal);
    let noted = OfJournal::default();
    let note = if of_files.is_empty() { Copies::None } else { Copies::Note(&noted) };
    let scanned = scan_all(question, &opened, &of_journal, &|_| note);
    take_all(&mut readings, question, &of_journal, scanned);
    let (lines, left_out) = noted.noted();
    let met: Vec<OfFile<'_>> = opened.iter().map(|_| OfFile::new(&lines)).collect();
    let know = |file: usize| match met.get(file) {
        Some(of_file) if !lines.is_empty() => Copies::Know(of_file),
        _ => Copies::None,
    };
    let scanned = scan_all(question, &opened, &of_files, &know);
    take_all(&mut readings, question, &of_files, scanned);
    if left_out > 0
        && let Some(first) = readings.first_mut()
    {
        first.loss.push(format!(
            "{left_out} lines of the journal that patterns match were too many to keep: those that a log file has, too, count twice"
        ));
    }
    readings.iter_mut().for_each(Reading::conclude);
    readings
}

fn take_all(readings: &mut [Reading], question: &Question<'_>, segments: &[Segment], scanned: Vec<Option<Scanned>>) {
    for (segment, scanned) in segments.iter().zip(scanned).rev() {
        let Some(reading) = readings.get_mut(segment.file) else { continue };
        match scanned {
            Some(scanned) => reading.take(scanned, question),
            None => reading.not_read(segment.end.saturating_sub(segment.start), question),
        }
    }
}

/// Opens a file and says which of its parts to scan. None: there is nothing to scan.
fn prepare(
    question: &Question<'_>,
    reading: &mut Reading,
    index: usize,
    segments: &mut Vec<Segment>,
) -> Result<Option<Opened>, Gap> {
    let path = reading.found.path.display();
    let failed = |error: &io::Error| {
        let gap = question.rights.gap(format!("read {path}"), error);
        if reading.found.packing == Packing::Journal && gap.reason == Reason::Denied {
            return gap.to_fix(WHO_MAY_READ);
        }
        if gap.to_fix.as_deref() == Some(advice::AS_ROOT) {
            gap.to_fix("run with sudo, or as a member of the group that owns it (adm)")
        } else {
            gap
        }
    };
    if let Packing::Foreign(tool) = reading.found.packing {
        let why = "it is packed in a format that casebook does not read";
        return Err(Gap::new(Reason::Failed, format!("read {path}"), why).to_fix(format!("use {tool}, or unpack it")));
    }
    let opened = question.rights.to(|| question.place.open(&reading.found.path));
    let (file, metadata) = opened.map_err(|error| failed(&error))?;
    if reading.found.packing == Packing::Journal {
        return prepare_journal(question, reading, file, index, segments);
    }
    let clock = Clock::new(question.zone.clone(), reference(question, reading.found.modified));
    if let Packing::Packed(packer) = reading.found.packing {
        segments.push(Segment { file: index, start: 0, end: metadata.len(), bytes: metadata.len() });
        let origin = reading.found.origin;
        return Ok(Some(Opened {
            clock,
            origin,
            sorted: true,
            source: Source::Packed(packer, Mutex::new(Some(file))),
        }));
    }
    let plain = Plain::new(file, metadata.len());
    let none = Tally::new(question.window, question.patterns);
    if plain.length() == 0 {
        reading.tally = Some(none);
        return Ok(None);
    }
    let stop = || (question.stop)().is_some();
    let place = match window::find(&plain, &clock, question.window, &stop) {
        Ok(Ok(place)) => place,
        Ok(Err(format)) => {
            reading.format = format;
            return Err(no_time(&reading.found));
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            return Err(ended((question.stop)().unwrap_or(Reason::TimedOut), &reading.found));
        }
        Err(error) => return Err(failed(&error)),
    };
    (reading.format, reading.sorted) = (place.format, place.sorted);
    reading.tally = Some(none);
    let mut start = place.start;
    if !place.sorted && place.end - place.start > MOST_UNSORTED {
        start = window::line_start(&plain, place.end - MOST_UNSORTED).map_err(|error| failed(&error))?;
        reading.loss.push(format!(
            "{path}: its lines are not in order of time, so all of it would have to be read; its first {} bytes were not",
            start - place.start
        ));
    }
    // The newest first: if time runs out, the oldest are missing.
    let mut end = place.end;
    let length = ((end - start) / SEGMENTS).clamp(SMALLEST_SEGMENT, SEGMENT);
    while end > start {
        let cut = end.saturating_sub(length).max(start);
        let from =
            if cut == start { start } else { window::line_start(&plain, cut).map_err(|error| failed(&error))? };
        // A line longer than a segment begins before it.
        let from = if from >= end { start } else { from };
        segments.push(Segment { file: index, start: from, end, bytes: end - from });
        end = from;
    }
    let origin = judged(&plain, reading.found.origin).map_err(|error| failed(&error))?;
    Ok(Some(Opened { clock, origin, sorted: place.sorted, source: Source::Plain(plain) }))
}

/// Finds the entries of a journal that the window lies in. None: there are none.
fn prepare_journal(
    question: &Question<'_>,
    reading: &mut Reading,
    file: File,
    index: usize,
    segments: &mut Vec<Segment>,
) -> Result<Option<Opened>, Gap> {
    let path = reading.found.path.display().to_string();
    reading.format = Format::Journal;
    let journal = Journal::open(file).map_err(|why| why.gap(&path))?;
    let found = journal.entries(question.dating, question.journal);
    let entries = found.map_err(|error| NotRead::Io(error).gap(&path))?;
    reading.sorted = entries.sorted;
    reading.loss.extend(entries.set_back.map(|back| format!("{path}: {back}")));
    reading.tally = Some(Tally::new(question.window, question.patterns));
    reading.faults.damaged = journal.lost();
    let mut end = entries.end;
    while end > entries.start {
        let start = end.saturating_sub(ENTRIES).max(entries.start);
        segments.push(Segment { file: index, start, end, bytes: (end - start).saturating_mul(BYTES_OF_ENTRY) });
        end = start;
    }
    let clock = Clock::new(TimeZone::UTC, question.now);
    let origin = LogOrigin { kind: Some(Kind::Syslog), program: None };
    Ok(Some(Opened { clock, origin, sorted: entries.sorted, source: Source::Journal(journal) }))
}

/// Whose lines a file holds, by its name, or by its first lines where the name says nothing.
fn judged(plain: &Plain, origin: LogOrigin) -> io::Result<LogOrigin> {
    let mut head = vec![0; HEAD_OF_FILE];
    let read = plain.read_at(plain.past_hole(0), &mut head)?;
    let lines = head.get(..read).unwrap_or_default().split(|byte| *byte == b'\n');
    Ok(LogOrigin { kind: Some(origin.judge(lines)), ..origin })
}

/// About when the last line of a file was written: what a line without a year is dated by.
fn reference(question: &Question<'_>, modified: Option<Timestamp>) -> Timestamp {
    let modified = modified.unwrap_or(question.now).min(question.now);
    // A log that was copied long after the window that is asked for.
    if modified.duration_since(question.window.to) > YEAR { question.window.to } else { modified }
}

/// Scans the segments, in their order; none for those that were not begun in time.
fn scan_all<'a>(
    question: &Question<'_>,
    opened: &[Option<Opened>],
    segments: &[Segment],
    copies: &(dyn Fn(usize) -> Copies<'a> + Sync),
) -> Vec<Option<Scanned>> {
    let bytes = segments.iter().fold(0_u64, |sum, segment| sum.saturating_add(segment.bytes));
    abreast(segments.len(), bytes, || {
        let (mut searcher, mut buffer) = (question.patterns.searcher(), Buffer::default());
        move |index| {
            let segment = segments.get(index).filter(|_| (question.stop)().is_none())?;
            let file = opened.get(segment.file)?.as_ref()?;
            Some(scan_one(question, (&mut searcher, &mut buffer), file, segment, copies(segment.file)))
        }
    })
}

fn scan_one(
    question: &Question<'_>,
    (searcher, buffer): (&mut Searcher<'_>, &mut Buffer),
    file: &Opened,
    segment: &Segment,
    copies: Copies<'_>,
) -> Scanned {
    let task = Task {
        patterns: question.patterns,
        window: question.window,
        clock: &file.clock,
        origin: file.origin,
        sorted: file.sorted,
        samples: question.samples,
        copies,
        bytes: None,
    };
    let stop = || (question.stop)().is_some();
    match &file.source {
        Source::Plain(plain) => {
            let before = window::time_before(plain, &file.clock, segment.start, BEFORE).unwrap_or_default();
            let mut part = Part::new(plain, segment.start, segment.end);
            let (tally, ending) = scan(task, searcher, buffer, &mut part, before, stop);
            Scanned { tally, ending, vanished: part.vanished, left: part.left(), faults: Faults::default() }
        }
        Source::Journal(journal) => {
            let mut lines = journal.lines(question.dating, question.journal, segment.start..segment.end, &stop);
            let (tally, ending) = scan(task, searcher, buffer, &mut lines, None, stop);
            let ending = if lines.stopped() { Ok(Ending::Stopped) } else { lines.error().map_or(ending, Err) };
            Scanned { tally, ending, vanished: 0, left: lines.left(), faults: lines.faults() }
        }
        Source::Packed(packer, packed) => {
            let packed = packed.lock().unwrap_or_else(PoisonError::into_inner).take();
            // One at a time of those that may take much memory.
            let _large = packer.is_large().then(|| question.unpacking.lock().unwrap_or_else(PoisonError::into_inner));
            let (tally, ending) = match packed {
                Some(packed) => scan(task, searcher, buffer, &mut unpack(packed, *packer), None, stop),
                None => scan(task, searcher, buffer, &mut io::empty(), None, stop),
            };
            Scanned { tally, ending, vanished: 0, left: 0, faults: Faults::default() }
        }
    }
}

impl Reading {
    fn take(&mut self, scanned: Scanned, question: &Question<'_>) {
        let path = self.found.path.display();
        match scanned.ending {
            Ok(Ending::Whole | Ending::Past) => {}
            Ok(Ending::Stopped) => {
                let left = match scanned.left {
                    0 => "some".to_owned(),
                    left => format!("{left} {}", self.unit()),
                };
                self.loss.push(format!("{path}: {left} of it not read, for the time was over"));
                self.cut_short = Some(ended((question.stop)().unwrap_or(Reason::TimedOut), &self.found));
            }
            Err(error) => {
                self.loss.push(format!("{path}: not read to its end: {error}"));
                let gap = Gap::io(format!("read {path} to its end"), &error);
                self.cut_short = Some(match (self.found.packing, TooLarge::of(&error)) {
                    (Packing::Packed(packer), Some(_)) => {
                        Gap { reason: Reason::Failed, ..gap }.to_fix(format!("search it with {}", packer.tool()))
                    }
                    (Packing::Packed(_), None) => Gap { reason: Reason::Malformed, ..gap },
                    _ => gap,
                });
            }
        }
        if scanned.vanished > 0 {
            self.loss.push(format!("{path}: cut by {} bytes while it was read", scanned.vanished));
        }
        self.faults.damaged += scanned.faults.damaged;
        self.faults.foreign += scanned.faults.foreign;
        self.faults.redated += scanned.faults.redated;
        match &mut self.tally {
            Some(tally) => tally.merge(scanned.tally, question.samples),
            None => self.tally = Some(scanned.tally),
        }
    }

    fn not_read(&mut self, amount: u64, question: &Question<'_>) {
        let (path, unit) = (self.found.path.display(), self.unit());
        self.loss.push(format!("{path}: {amount} {unit} of it not read, for the time was over"));
        self.cut_short = Some(ended((question.stop)().unwrap_or(Reason::TimedOut), &self.found));
    }

    /// What parts of it are counted in.
    fn unit(&self) -> &'static str {
        if self.found.packing == Packing::Journal { "entries" } else { "bytes" }
    }

    /// Says what could not be read of a journal.
    fn conclude_journal(&mut self) {
        let Faults { damaged, foreign, redated } = self.faults;
        let path = self.found.path.display().to_string();
        if redated > 0 {
            self.loss.push(format!(
                "{path}: the wall clock was set while the host ran; {redated} entries from before are dated by the time since the boot"
            ));
        }
        let tried = format!("read all entries of {path}");
        if foreign > 0 {
            let why = format!("{foreign} values are packed in a way that casebook does not know");
            let gap = Gap::new(Reason::Failed, tried.clone(), why);
            self.cut_short.get_or_insert(gap.to_fix(format!("look with journalctl --file={path}")));
        }
        if damaged > 0 {
            let why = format!("it is cut or damaged: {damaged} entries cannot be read");
            let gap = Gap::new(Reason::Malformed, tried, why);
            self.cut_short
                .get_or_insert(gap.to_fix(format!("see what is left with journalctl --verify --file={path}")));
        }
    }

    /// Says what follows from the parts together.
    fn conclude(&mut self) {
        self.conclude_journal();
        let Some(tally) = &self.tally else { return };
        let path = self.found.path.display();
        if tally.cut_lines > 0 {
            self.loss.push(format!(
                "{path}: {} lines were longer than 64 KiB; their tails were not searched",
                tally.cut_lines
            ));
        }
        if tally.disorder && self.sorted {
            if self.found.packing == Packing::Plain {
                self.loss.push(format!(
                    "{path}: not in order of time; lines of the window that stand elsewhere in it were missed"
                ));
            }
            self.sorted = false;
        }
        if matches!(self.found.packing, Packing::Packed(_)) {
            self.format = tally.format.unwrap_or(Format::Unknown);
            if tally.format.is_none() && tally.bytes > 0 {
                self.unreadable = Some(no_time(&self.found));
                self.tally = None;
            } else if tally.bytes == 0 && self.cut_short.is_some() {
                self.unreadable = self.cut_short.take();
                self.tally = None;
            }
        }
    }
}

fn no_time(found: &Found) -> Gap {
    let tried = format!("tell when the lines of {} were written", found.path.display());
    Gap::new(Reason::Malformed, tried, "none of the lines looked at begins with a time in a known form")
        .to_fix("let the logger write RFC 3339 times")
}

fn ended(reason: Reason, found: &Found) -> Gap {
    let gap = |why| Gap::new(reason, format!("read {} to its end", found.path.display()), why);
    match reason {
        Reason::Cancelled => gap("the run was ended before"),
        _ => gap("the time for reading logs was over").to_fix("give the parameter `budget` more time, or `since` less"),
    }
}
