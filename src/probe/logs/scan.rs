//! Goes through bytes of a log once, at the speed of the memory: counts the lines of the window by minute and finds the
//! lines that match.

use std::io::{self, Read};

use jiff::Timestamp;
use memchr::{memchr, memrchr};

use super::copies::Copies;
use super::frame::LineFrame;
use super::origin::LogOrigin;
use super::patterns::{LONGEST_LINE, Look, Patterns, Searcher, Seen};
use super::plain::PAGE;
use super::tally::{Hits, Tally, minute};
use super::timestamp::{Clock, Memory};
use super::window::{Window, is_disorder};
use crate::probe::journal;

/// Bytes at a time: what stays in a core's own cache, and is more than the longest line that is matched.
const CHUNK: usize = 128 * 1024;

/// Lines that are counted one by one rather than halved further.
const FEW: usize = 1024;

/// What a scan is about; the same for all parts of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task<'a> {
    pub patterns: &'a Patterns,
    pub window: Window,
    pub clock: &'a Clock,
    /// Whose lines the file holds.
    pub origin: LogOrigin,
    /// Whether times rise along the file: then lines between two of one minute are of that minute.
    pub sorted: bool,
    /// Samples to keep of each pattern.
    pub samples: usize,
    /// Lines that are kept twice.
    pub copies: Copies<'a>,
    /// Bytes that the source has, where they are known: so much room is made for them, and no more.
    pub bytes: Option<usize>,
}

impl Task<'_> {
    /// The time of the last of these whole lines that has one.
    fn last_time(&self, lines: &[u8]) -> Option<Timestamp> {
        let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
        last_lines(lines).find_map(|line| self.clock.read(line)).map(|(time, _)| time)
    }
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// All was read.
    Whole,
    /// The rest is later than the window.
    Past,
    /// It was told to stop.
    Stopped,
}

/// Where a source is read to: always at a page's beginning, with the unfinished line before it. Pages that are copied to
/// pages are copied fastest.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Where a page begins, with room for a chunk before it and after it.
    page: usize,
    /// What was read and not taken: less than a chunk of it when more is to come.
    start: usize,
    end: usize,
    /// Bytes that are read at a time.
    chunk: usize,
}

impl Buffer {
    /// For a source of so many bytes, if that is known: a smaller one fits a chunk of its own with room to spare, and never fills it.
    /// The room that there is serves again: fresh pages cost more than a file of some megabytes takes to be searched.
    fn begin(&mut self, bytes: Option<usize>) {
        self.chunk = bytes.map_or(CHUNK, |bytes| CHUNK.min(bytes.saturating_add(1)));
        if self.bytes.len() < 2 * self.chunk + PAGE {
            self.bytes = vec![0; 2 * self.chunk + PAGE];
            // Where the address is not known, any place will do.
            self.page = self.chunk + self.bytes[self.chunk..].as_ptr().align_offset(PAGE).min(PAGE);
        }
        (self.start, self.end) = (self.page, self.page);
    }

    /// What was read and not taken.
    fn text(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether a chunk is there, and no line ends in it.
    fn is_full(&self) -> bool {
        self.end - self.start >= self.chunk
    }

    /// Lets go of so much of the text.
    fn take(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Reads on; gives how many bytes came.
    fn fill(&mut self, source: &mut impl Read) -> io::Result<usize> {
        let left = self.end - self.start;
        self.bytes.copy_within(self.start..self.end, self.page - left);
        self.start = self.page - left;
        self.end = self.page;
        let read = source.read(&mut self.bytes[self.page..self.page + self.chunk])?;
        self.end += read;
        Ok(read)
    }
}

/// A scan in progress.
#[derive(Debug)]
struct Scan<'a, 's> {
    task: Task<'a>,
    searcher: &'a mut Searcher<'s>,
    tally: Tally,
    /// The time of the line before.
    time: Option<Timestamp>,
    memory: Memory,
    /// The last line of the chunk before, as far as it is matched: the next one may say that it came again.
    last: Vec<u8>,
}

/// Reads lines until the source ends, `stop` says so, or the window is over. `before` is the time of the line before the
/// first; the room of `buffer` is that of the thread.
pub(super) fn scan(
    task: Task<'_>,
    searcher: &mut Searcher<'_>,
    buffer: &mut Buffer,
    source: &mut impl Read,
    before: Option<Timestamp>,
    stop: impl Fn() -> bool,
) -> (Tally, io::Result<Ending>) {
    let mut scan = Scan {
        task,
        searcher,
        tally: Tally::new(task.window, task.patterns),
        time: before,
        memory: Memory::new(),
        last: Vec::new(),
    };
    let ending = scan.run(buffer, source, stop);
    (scan.tally, ending)
}

impl Scan<'_, '_> {
    fn run(&mut self, buffer: &mut Buffer, source: &mut impl Read, stop: impl Fn() -> bool) -> io::Result<Ending> {
        buffer.begin(self.task.bytes);
        // Inside a line that was longer than the buffer, and is done with.
        let mut skipping = false;
        loop {
            if stop() {
                return Ok(Ending::Stopped);
            }
            let fresh = match buffer.fill(source) {
                Ok(fresh) => fresh,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // What came before the damage counts.
                    self.lines(buffer.text());
                    return Err(error);
                }
            };
            self.tally.bytes += fresh as u64;
            if fresh == 0 {
                if !skipping {
                    self.lines(buffer.text());
                }
                return Ok(Ending::Whole);
            }
            if skipping {
                let Some(newline) = memchr(b'\n', buffer.text()) else {
                    buffer.take(buffer.text().len());
                    continue;
                };
                buffer.take(newline + 1);
                skipping = false;
            }
            let text = buffer.text();
            match memrchr(b'\n', &text[text.len().saturating_sub(fresh)..]) {
                Some(newline) => {
                    let whole = text.len().saturating_sub(fresh) + newline + 1;
                    self.lines(&text[..whole]);
                    buffer.take(whole);
                }
                None if buffer.is_full() => {
                    self.lines(text);
                    buffer.take(text.len());
                    skipping = true;
                }
                None => {}
            }
            if self.task.sorted && self.time.is_some_and(|time| self.task.window.surely_before(time)) {
                return Ok(Ending::Past);
            }
        }
    }

    /// Goes through whole lines.
    fn lines(&mut self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        if self.tally.format.is_none() {
            let mut heads = lines.split(|byte| *byte == b'\n');
            self.tally.format = heads.find_map(|line| self.task.clock.read(line)).map(|(_, format)| format);
        }
        if self.tally.kind.is_none() {
            let kind = self.task.origin.judge(lines.split(|byte| *byte == b'\n'));
            self.searcher.turn_to(kind, self.task.origin.program);
            self.tally.kind = Some(kind);
        }
        // Matching needs the time before the chunk; counting then moves it on.
        self.find(lines);
        let last = last_lines(lines.strip_suffix(b"\n").unwrap_or(lines)).next().unwrap_or_default();
        self.last.clear();
        self.last.extend_from_slice(last.get(..LONGEST_LINE).unwrap_or(last));
        let before = self.time;
        self.count(lines);
        if let (Some(before), Some(after)) = (before, self.time)
            && is_disorder(before, after)
        {
            self.task.sorted = false;
            self.tally.disorder = true;
        }
    }

    /// Finds the lines that match.
    fn find(&mut self, lines: &[u8]) {
        let task = self.task;
        let mut position = 0;
        // Where the time of the line before is known, so that no line is looked back over twice.
        let mut known = (0, self.time);
        while let Some(at) = self.searcher.next_candidate(lines, position) {
            let at = at.min(lines.len());
            let start = memrchr(b'\n', &lines[position..at]).map_or(position, |newline| position + newline + 1);
            let end = memchr(b'\n', &lines[at..]).map_or(lines.len(), |newline| at + newline);
            position = end + 1;
            let line = self.cut(&lines[start..end]);
            let look = self.searcher.look(line);
            if matches!(look, Look::Nothing) {
                self.claim(line);
                continue;
            }
            let time = self.memory.read(task.clock, line);
            let time = time.or_else(|| task.last_time(&lines[known.0..start])).or(known.1);
            known = (start, time);
            let Some(time) = time.filter(|time| task.window.contains(*time)) else {
                continue;
            };
            match look {
                Look::Hits(seen) => self.hit(time, line, &seen, None),
                Look::Repeats(times, host) => {
                    let before = last_lines(lines[..start].strip_suffix(b"\n").unwrap_or_default()).next();
                    let last = std::mem::take(&mut self.last);
                    let before = if start == 0 { last.as_slice() } else { before.unwrap_or_default() };
                    let before = before.strip_suffix(b"\r").unwrap_or(before);
                    let before = before.get(..LONGEST_LINE).unwrap_or(before);
                    // On a relay, the line before may be another host's.
                    if let Look::Hits(seen) = self.searcher.look(before)
                        && LineFrame::parse(before).is_some_and(|frame| frame.host == host)
                    {
                        self.hit(time, line, &seen, Some(times));
                    }
                    self.last = last;
                }
                Look::Nothing => {}
            }
        }
    }

    /// Counts a line for each pattern that matches it, or the line before it if that came so many times more.
    fn hit(&mut self, time: Timestamp, line: &[u8], seen: &Seen<'_>, again: Option<u64>) {
        let came = again.unwrap_or(seen.times);
        let counted = self.task.copies.counted(|| self.searcher.text(seen), came);
        if counted >= came && counted > 0 {
            return;
        }
        let mark = self.searcher.mark(line);
        let mut nth = 0;
        while let Some(index) = self.searcher.matched(nth) {
            nth += 1;
            let Some(place) = self.tally.hits.get_mut(index) else { continue };
            let times = self.searcher.times(index, seen, again);
            // Of a pattern of no author each line is one.
            let times = if times == came { times - counted } else { times };
            if times == 0 {
                continue;
            }
            let hits = place.get_or_insert_with(|| Box::new(Hits::new(self.task.window)));
            hits.add(time, line, mark, times, self.task.samples);
            let patterns = self.task.patterns;
            let groups = patterns.each().get(index).map_or(0, |pattern| pattern.groups.len());
            self.searcher.captures(index, seen, |group, text| hits.count(group, groups, patterns.key(), text, times));
        }
    }

    /// Notes a line of the journal that would match if its author were whom it claims to be: a syslog daemon writes the claim alone,
    /// and the line is not to count there.
    fn claim(&mut self, line: &[u8]) {
        if let Copies::Note(_) = self.task.copies
            && let Some(claimed) = journal::as_claimed(line)
            && let Look::Hits(seen) = self.searcher.look(&claimed)
        {
            self.task.copies.counted(|| self.searcher.text(&seen), seen.times);
        }
    }

    /// The line without its line end, and not longer than is matched.
    fn cut<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.get(..LONGEST_LINE) {
            Some(cut) if line.len() > LONGEST_LINE => {
                self.tally.cut_lines += 1;
                cut
            }
            _ => line,
        }
    }

    /// Counts the lines by minute.
    fn count(&mut self, lines: &[u8]) {
        let window = self.task.window;
        if self.task.sorted && lines.len() > FEW {
            let first = self.task.clock.read(lines).map(|(time, _)| time).or(self.time);
            let last = self.task.last_time(lines);
            if let (Some(first), Some(last)) = (first, last) {
                let inside = window.surely_contains(first) && window.surely_contains(last);
                if inside && minute(first) == minute(last) {
                    self.tally.add(minute(first), newlines(lines));
                    self.time = Some(last);
                    return;
                }
                if window.surely_after(first.max(last)) || window.surely_before(first.min(last)) {
                    self.time = Some(last);
                    return;
                }
            }
            let middle = lines.len() / 2;
            if let Some(newline) = memchr(b'\n', &lines[middle..]).filter(|newline| middle + newline + 1 < lines.len())
            {
                let (one, two) = lines.split_at(middle + newline + 1);
                self.count(one);
                self.count(two);
                return;
            }
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
            let (line, after) = rest.split_at(end);
            rest = after;
            if let Some(time) = self.memory.read(self.task.clock, line) {
                self.time = Some(time);
            }
            if let Some(time) = self.time.filter(|time| window.contains(*time)) {
                self.tally.add(minute(time), 1);
            }
        }
    }
}

/// Lines, a last one that is not ended included.
fn newlines(lines: &[u8]) -> u64 {
    bytecount::count(lines, b'\n') as u64 + u64::from(!lines.ends_with(b"\n"))
}

/// The lines of a text, the last one first.
fn last_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let start = memrchr(b'\n', text);
        rest = start.map(|newline| &text[..newline]);
        Some(start.map_or(text, |newline| &text[newline + 1..]))
    })
}
