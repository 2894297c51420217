//! Messages that nobody has seen before: those of the span whose words the hours before do not have.
//!
//! Two messages are of one kind when the same program wrote them with the same words, whatever figures, addresses, paths and quoted
//! texts stand between. Lines that a pattern knows are of the pattern's kind, since strangers choose words in them.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use memchr::memrchr;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find::Found;
use super::frame::LineFrame;
use super::kind::Kind;
use super::origin::LogOrigin;
use super::packed::{Packer, unpack};
use super::patterns::{LONGEST_LINE, Look, Searcher};
use super::plain::{Part, Plain};
use super::reading::Question;
use super::rotation::Packing;
use super::text::escaped;
use super::timestamp::{Clock, Memory};
use super::window::{self, Window};
use crate::probe::hash::KeyedHash;
use crate::probe::journal::Journal;

/// Kinds that are remembered of the span.
const MOST_KINDS: usize = 32 * 1024;
/// Kinds that are told.
const MOST_TOLD: usize = 10;
/// Bytes that are read of each file's hours before, and of its span: the last ones.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// The same of a journal, in entries.
const MOST_ENTRIES: u64 = 128 * 1024;
/// Bytes that are read of a packed file, unpacked: the first ones, for there is no way to the last but through them.
const MOST_UNPACKED: u64 = 64 * 1024 * 1024;
/// Bytes of a file that its first lines are looked for in.
const HEAD_OF_FILE: usize = 16 * 1024;
/// How long the comparing may take.
const MOST_TIME: Duration = Duration::from_secs(1);
/// Words of a message that tell its kind.
const MOST_WORDS: usize = 16;
/// Bytes of the words that are told, and of a sample.
const LONGEST_WORDS: usize = 120;
const LONGEST_SAMPLE: usize = 300;
/// Bytes at a time.
const CHUNK: usize = 128 * 1024;

/// Messages of a kind that the hours before do not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewMessages {
    /// The time of the first line that they were compared with.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Lines that they were compared with.
    pub compared: u64,
    /// How many kinds of messages are new.
    pub kinds: u64,
    /// How many lines are of them.
    pub lines: u64,
    /// The most frequent of them.
    pub messages: Vec<NewMessage>,
}

/// A kind of messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewMessage {
    /// The program that wrote them, if the logger or the place of the file says it.
    pub program: Option<String>,
    /// Their words, with `*` for figures, addresses, paths and quoted texts.
    pub words: String,
    /// How many there are.
    pub count: u64,
    /// When the first was written.
    #[schemars(with = "String")]
    pub first: Timestamp,
    /// The first of them, escaped and cut to 300 bytes.
    pub sample: String,
}

/// What is compared.
pub(super) struct Compared {
    pub new: Option<NewMessages>,
    /// What was lost, as sentences.
    pub loss: Vec<String>,
}

/// Compares the messages of the span with those of the hours before it: which kinds the span has, and then which of them the hours
/// before have, too.
pub(super) fn compare(question: &Question<'_>, files: &[Found], hours: SignedDuration) -> Compared {
    let mut kinds = Kinds::new(question);
    let before = Window {
        from: question.window.from.checked_sub(hours).unwrap_or(Timestamp::MIN),
        to: question.window.from.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN),
    };
    for (window, is_before) in [(question.window, false), (before, true)] {
        kinds.begin(is_before);
        for found in files {
            // A file that cannot be read is told where its lines are counted.
            let _ = kinds.read(question, found, window);
        }
    }
    kinds.conclude()
}

/// A kind of the span.
struct Fresh {
    program: Option<Vec<u8>>,
    words: Vec<u8>,
    /// How many the files have, and how many the journal: a syslog daemon writes to files what the journal has, too.
    counts: [u64; 2],
    first: Timestamp,
    sample: Vec<u8>,
}

impl Fresh {
    fn count(&self) -> u64 {
        self.counts[0].max(self.counts[1])
    }
}

struct Kinds<'a> {
    searcher: Searcher<'a>,
    key: KeyedHash,
    is_before: bool,
    /// 1 while the journal is read, else 0.
    of_journal: usize,
    /// The kinds of the span that the hours before have not shown yet.
    fresh: HashMap<u64, Fresh, KeyedHash>,
    /// How many of them are of lines that a pattern knows.
    of_patterns: usize,
    compared: u64,
    since: Option<Timestamp>,
    /// Not all of the span, or of the hours before, could be remembered or read in time.
    span_cut: bool,
    before_cut: bool,
    end: Option<Instant>,
    words: Vec<u8>,
}

impl<'a> Kinds<'a> {
    fn new(question: &Question<'a>) -> Self {
        let key = question.patterns.key();
        Kinds {
            searcher: question.patterns.searcher(),
            key,
            of_journal: 0,
            is_before: false,
            fresh: HashMap::with_hasher(key),
            of_patterns: 0,
            compared: 0,
            since: None,
            span_cut: false,
            before_cut: false,
            end: None,
            words: Vec::new(),
        }
    }

    /// The lines that follow are of the span, or of the hours before; each has half of the time.
    fn begin(&mut self, is_before: bool) {
        self.is_before = is_before;
        self.end = Instant::now().checked_add(MOST_TIME / 2);
    }

    fn cut(&mut self) {
        if self.is_before {
            self.before_cut = true;
        } else {
            self.span_cut = true;
        }
    }

    fn read(&mut self, question: &Question<'_>, found: &Found, window: Window) -> io::Result<()> {
        match found.packing {
            Packing::Plain => {
                self.of_journal = 0;
                self.read_file(question, found, window)
            }
            Packing::Journal => {
                self.of_journal = 1;
                self.read_journal(question, found, window)
            }
            Packing::Packed(packer) => {
                self.of_journal = 0;
                self.read_packed(question, found, packer, window)
            }
            Packing::Foreign(_) => Ok(()),
        }
    }

    fn read_packed(
        &mut self,
        question: &Question<'_>,
        found: &Found,
        packer: Packer,
        window: Window,
    ) -> io::Result<()> {
        let (file, _) = question.rights.to(|| question.place.open(&found.path))?;
        let mut source = unpack(file, packer).take(MOST_UNPACKED);
        let mut head = Vec::new();
        let read = source.by_ref().take(HEAD_OF_FILE as u64).read_to_end(&mut head);
        let kind = found.origin.judge(head.split(|byte| *byte == b'\n'));
        if kind == Kind::Access {
            return Ok(());
        }
        self.searcher.turn_to(kind, found.origin.program);
        let clock = Clock::new(question.zone.clone(), found.modified.unwrap_or(question.now).min(question.now));
        let end = self.end;
        let over = || (question.stop)().is_some() || end.is_some_and(|end| Instant::now() >= end);
        let mut whole = head.chain(source);
        let read = read.and_then(|_| self.lines(&mut whole, &clock, found.origin, window, &over));
        let (_, source) = whole.into_inner();
        if read.is_err() || source.limit() == 0 {
            self.cut();
        }
        read
    }

    fn read_journal(&mut self, question: &Question<'_>, found: &Found, window: Window) -> io::Result<()> {
        let (file, _) = question.rights.to(|| question.place.open(&found.path))?;
        let Ok(journal) = Journal::open(file) else { return Ok(()) };
        let choice = question.journal.within(window.from, window.to);
        let entries = journal.entries(question.dating, &choice)?;
        let start = entries.start.max(entries.end.saturating_sub(MOST_ENTRIES));
        if start > entries.start {
            self.cut();
        }
        let end = self.end;
        let over = || (question.stop)().is_some() || end.is_some_and(|end| Instant::now() >= end);
        self.searcher.turn_to(Kind::Syslog, None);
        let origin = LogOrigin { kind: Some(Kind::Syslog), program: None };
        let clock = Clock::new(TimeZone::UTC, question.now);
        let mut lines = journal.lines(question.dating, &choice, start..entries.end, &over);
        self.lines(&mut lines, &clock, origin, window, &over)
    }

    fn read_file(&mut self, question: &Question<'_>, found: &Found, window: Window) -> io::Result<()> {
        let (file, metadata) = question.rights.to(|| question.place.open(&found.path))?;
        let plain = Plain::new(file, metadata.len());
        let clock = Clock::new(question.zone.clone(), found.modified.unwrap_or(question.now).min(question.now));
        let end = self.end;
        let over = || (question.stop)().is_some() || end.is_some_and(|end| Instant::now() >= end);
        let place = match window::find(&plain, &clock, window, &over) {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Ok(()),
            Err(error) => {
                self.cut();
                return Err(error);
            }
        };
        let mut start = place.start;
        if place.end - start > MOST_BYTES {
            self.cut();
            start = window::line_start(&plain, place.end - MOST_BYTES)?;
        }
        let mut head = vec![0; HEAD_OF_FILE];
        let read = plain.read_at(plain.past_hole(0), &mut head)?;
        let kind = found.origin.judge(head.get(..read).unwrap_or_default().split(|byte| *byte == b'\n'));
        if kind == Kind::Access {
            return Ok(());
        }
        self.searcher.turn_to(kind, found.origin.program);
        let mut part = Part::new(&plain, start, place.end);
        self.lines(&mut part, &clock, found.origin, window, &over)
    }

    fn lines(
        &mut self,
        source: &mut impl io::Read,
        clock: &Clock,
        origin: LogOrigin,
        window: Window,
        over: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let (mut buffer, mut filled) = (vec![0; 2 * CHUNK], 0);
        let mut memory = Memory::new();
        loop {
            if over() {
                self.cut();
                return Ok(());
            }
            let read = source.read(&mut buffer[filled..filled + CHUNK])?;
            filled += read;
            let whole = if read == 0 { filled } else { memrchr(b'\n', &buffer[..filled]).map_or(0, |at| at + 1) };
            for line in buffer[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let line = line.get(..LONGEST_LINE).unwrap_or(line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if let Some(at) = memory.read(clock, line).filter(|at| window.contains(*at)) {
                    self.line(origin, at, line);
                }
            }
            // Nothing of the span is left that the hours before might have.
            if read == 0 || (self.is_before && self.fresh.is_empty() && self.since.is_some()) {
                return Ok(());
            }
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
            // The rest of a line that is longer than is looked at.
            if filled >= CHUNK {
                filled = 0;
            }
        }
    }

    fn line(&mut self, origin: LogOrigin, at: Timestamp, line: &[u8]) {
        let frame = match origin.program {
            Some(program) => LineFrame::of_daemon(line, program.as_bytes()),
            None => LineFrame::parse(line),
        };
        let Some(frame) = frame else { return };
        let program = frame.program.or(origin.program.map(str::as_bytes));
        let mut words = std::mem::take(&mut self.words);
        kind_of(program, frame.message, &mut words);
        let own = self.key.bytes(&words);
        self.words = words;
        if self.is_before {
            self.compared += 1;
            self.since = Some(self.since.map_or(at, |since| since.min(at)));
            if self.fresh.remove(&own).is_none()
                && self.of_patterns > 0
                && let Some(kind) = self.known(line)
                && self.fresh.remove(&kind).is_some()
            {
                self.of_patterns -= 1;
            }
            return;
        }
        if let Some(fresh) = self.fresh.get_mut(&own) {
            fresh.counts[self.of_journal] += 1;
            return;
        }
        // Strangers choose words in the lines of patterns: these are of one kind, whatever they say.
        let known = self.known(line);
        let kind = known.unwrap_or(own);
        if let Some(fresh) = self.fresh.get_mut(&kind) {
            fresh.counts[self.of_journal] += 1;
        } else if self.fresh.len() >= MOST_KINDS {
            self.cut();
        } else {
            let mut counts = [0, 0];
            counts[self.of_journal] = 1;
            let fresh = Fresh {
                program: program.map(<[u8]>::to_vec),
                words: self.words.splitn(2, |byte| *byte == b'\0').nth(1).unwrap_or_default().to_vec(),
                counts,
                first: at,
                sample: line.get(..LONGEST_SAMPLE).unwrap_or(line).to_vec(),
            };
            self.of_patterns += usize::from(known.is_some());
            self.fresh.insert(kind, fresh);
        }
    }

    /// The kind of a line that a pattern knows.
    fn known(&mut self, line: &[u8]) -> Option<u64> {
        self.searcher.next_candidate(line, 0)?;
        match self.searcher.look(line) {
            Look::Hits(_) => self.searcher.matched(0).map(|index| self.key.bytes(&index.to_le_bytes())),
            _ => None,
        }
    }

    fn conclude(self) -> Compared {
        let mut loss = Vec::new();
        if self.span_cut {
            loss.push(
                "not all messages of the span could be compared with the hours before: new ones may be missing"
                    .to_owned(),
            );
        }
        let Some(since) = self.since else {
            if !self.fresh.is_empty() {
                loss.push(
                    "no line of the hours before could be read: whether messages are new is not known".to_owned(),
                );
            }
            return Compared { new: None, loss };
        };
        if self.before_cut && !self.fresh.is_empty() {
            loss.push("not all of the hours before could be read: messages that seem new may not be".to_owned());
        }
        let mut fresh: Vec<Fresh> = self.fresh.into_values().collect();
        fresh.sort_by(|one, other| other.count().cmp(&one.count()).then_with(|| one.words.cmp(&other.words)));
        let (kinds, lines) = (fresh.len() as u64, fresh.iter().map(Fresh::count).sum());
        let told = fresh.into_iter().take(MOST_TOLD).map(|fresh| NewMessage {
            program: fresh.program.as_deref().map(|program| escaped(program, 64)),
            words: escaped(&fresh.words, LONGEST_WORDS),
            count: fresh.count(),
            first: fresh.first,
            sample: escaped(&fresh.sample, LONGEST_SAMPLE),
        });
        Compared {
            new: Some(NewMessages { since, compared: self.compared, kinds, lines, messages: told.collect() }),
            loss,
        }
    }
}

/// The program, a NUL, and the words of a message, with `*` for what differs between messages of a kind.
fn kind_of(program: Option<&[u8]>, message: &[u8], words: &mut Vec<u8>) {
    words.clear();
    words.extend_from_slice(program.unwrap_or_default());
    words.push(b'\0');
    let (mut quoted, mut starred) = (false, false);
    for word in message.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).take(MOST_WORDS) {
        let quotes = word.iter().filter(|byte| **byte == b'"').count();
        let inside = quoted || quotes > 0;
        quoted ^= quotes % 2 == 1;
        let plain = |byte: &u8| {
            byte.is_ascii_alphabetic()
                || matches!(byte, b':' | b',' | b'.' | b';' | b'-' | b'_' | b'(' | b')' | b'\'' | b'!')
        };
        if inside || !word.iter().all(plain) || word.len() > 32 {
            if !starred {
                words.extend_from_slice(b"* ");
            }
            starred = true;
        } else {
            words.extend_from_slice(word);
            words.push(b' ');
            starred = false;
        }
    }
    words.pop();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(message: &str) -> String {
        let mut words = Vec::new();
        kind_of(Some(b"app"), message.as_bytes(), &mut words);
        String::from_utf8(words).unwrap().replace('\0', "|")
    }

    #[test]
    fn messages_that_differ_in_figures_addresses_paths_and_quotes_are_of_one_kind() {
        assert_eq!(words("worker 77 of /srv/a failed: code 3"), "app|worker * of * failed: code *");
        assert_eq!(words("worker 78 of /srv/b failed: code 4"), words("worker 77 of /srv/a failed: code 3"));
        assert_eq!(words("from 203.0.113.9 2001:db8::9 user=x"), "app|from *");
        assert_eq!(words("request \"GET / HTTP/1.1\" of a client"), "app|request * of a client");
        assert_ne!(words("disk is full"), words("disk is fine"));
        assert_eq!(words(""), "app");
    }
}
