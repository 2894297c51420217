//! Finds the part of a file that a span of time lies in, by binary search over its bytes.

use std::io;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use memchr::memchr;

use super::plain::{Plain, is_blank};
use super::timestamp::{Clock, Format, HEAD, HEAD_OF_JSON, is_kernel};

/// Lines may stand this much out of order: web servers stamp a request when it begins and write it when it ends, and
/// relays are late.
pub(super) const DISORDER: SignedDuration = SignedDuration::from_secs(60);

/// How many places along a file are looked at to see whether its times rise.
const PLACES: u64 = 32;

/// How far a line with a time is looked for from such a place.
const REACH: u64 = 64 * 1024;

/// Bytes per look: many heads of lines, few pages.
const LOOK: usize = 4096;

/// The span of time that is asked for; both ends belong to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// `22:41`, with the day where it is another one than that of `to`.
pub(super) fn clock_time(at: Timestamp, to: Timestamp, zone: &TimeZone) -> String {
    let (at, to) = (zone.to_datetime(at), zone.to_datetime(to));
    at.strftime(if at.date() == to.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}

impl Window {
    /// A span as long that ends right behind a moment.
    pub(super) fn ending(self, at: Timestamp) -> Window {
        let to = at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(at);
        Window { from: to.checked_sub(self.to.duration_since(self.from)).unwrap_or(Timestamp::MIN), to }
    }

    /// Whether a line of that time lies in it.
    pub(super) fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }

    /// Whether all lines near that time lie in it, disorder considered.
    pub(super) fn surely_contains(&self, at: Timestamp) -> bool {
        self.contains(earlier(at)) && self.contains(later(at))
    }

    /// Whether lines before one of that time lie before it, disorder considered.
    pub(super) fn surely_after(&self, at: Timestamp) -> bool {
        later(at) < self.from
    }

    /// Whether lines after one of that time lie after it, disorder considered.
    pub(super) fn surely_before(&self, at: Timestamp) -> bool {
        earlier(at) > self.to
    }
}

/// Whether a line of time `after` stands too late in a file, behind one of time `before`.
pub(super) fn is_disorder(before: Timestamp, after: Timestamp) -> bool {
    later(after) < before
}

fn earlier(at: Timestamp) -> Timestamp {
    at.saturating_sub(DISORDER).unwrap_or(at)
}

fn later(at: Timestamp) -> Timestamp {
    at.saturating_add(DISORDER).unwrap_or(at)
}

/// Where a span of time lies in a file.
#[derive(Debug)]
pub(super) struct Place {
    /// The first byte that may belong to it.
    pub start: u64,
    /// The byte after the last that may.
    pub end: u64,
    /// Whether the times seen along the file rise; if not, the place is the whole file.
    pub sorted: bool,
    /// The form of the lines' times.
    pub format: Format,
}

/// Finds the lines of `window`, with a margin for lines out of order; the form alone if no line is seen that carries a
/// time. Ends with an error of kind `TimedOut` when `stop` says so.
pub(super) fn find(
    plain: &Plain,
    clock: &Clock,
    window: Window,
    stop: &dyn Fn() -> bool,
) -> io::Result<Result<Place, Format>> {
    let mut search = Search { plain, clock, stop, seen: Vec::new(), format: None, block: vec![0; LOOK] };
    let length = plain.length();
    for place in 0..PLACES {
        let offset = u64::try_from(u128::from(length) * u128::from(place) / u128::from(PLACES)).unwrap_or(0);
        search.line_after(offset, length.min(offset.saturating_add(REACH)))?;
    }
    search.line_after(length.saturating_sub(REACH), length)?;
    let Some(format) = search.format else {
        let read = plain.read_at(0, &mut search.block)?;
        let kernel = search.block[..read].split(|byte| *byte == b'\n').next().is_some_and(is_kernel);
        return Ok(Err(if kernel { Format::Kernel } else { Format::Unknown }));
    };
    let start = search.first(0, |at| at >= earlier(window.from))?;
    let end = search.first(start, |at| at > later(window.to))?;
    // Disorder hurts most near the place that was found: look there more closely, ever farther away from it.
    let mut distance = LOOK as u64;
    while distance < length {
        for offset in [start.saturating_sub(distance), end.saturating_add(distance).min(length)] {
            search.line_after(offset, length.min(offset.saturating_add(REACH)))?;
        }
        distance *= 2;
    }
    let sorted = search.rises();
    Ok(Ok(if sorted { Place { start, end, sorted, format } } else { Place { start: 0, end: length, sorted, format } }))
}

/// The time of the last line before `offset` that carries one, if one does within `reach` bytes.
pub(super) fn time_before(plain: &Plain, clock: &Clock, offset: u64, reach: u64) -> io::Result<Option<Timestamp>> {
    let start = offset.saturating_sub(reach);
    let mut block = vec![0; usize::try_from(offset - start).unwrap_or(0)];
    let read = plain.read_at(start, &mut block)?;
    block.truncate(read);
    let whole = if start > 0 { memchr(b'\n', &block).map_or(block.len(), |newline| newline + 1) } else { 0 };
    Ok(block[whole..].rsplit(|byte| *byte == b'\n').find_map(|line| clock.read(line)).map(|(at, _)| at))
}

/// The beginning of the first line at `offset` or after it.
pub(super) fn line_start(plain: &Plain, offset: u64) -> io::Result<u64> {
    if offset == 0 {
        return Ok(0);
    }
    let mut block = vec![0; LOOK];
    let mut at = offset - 1;
    loop {
        let read = plain.read_at(at, &mut block)?;
        if read == 0 {
            return Ok(plain.length());
        }
        if let Some(newline) = memchr(b'\n', &block[..read]) {
            return Ok(at + newline as u64 + 1);
        }
        at += read as u64;
        if is_blank(&block[..read]) {
            at = plain.past_hole(at);
        }
    }
}

struct Search<'a> {
    plain: &'a Plain,
    clock: &'a Clock,
    stop: &'a dyn Fn() -> bool,
    /// Lines that were looked at: where they begin, and their time.
    seen: Vec<(u64, Timestamp)>,
    format: Option<Format>,
    block: Vec<u8>,
}

impl Search<'_> {
    /// The beginning of the first line whose time is `late`, from `low` on: all before it are not. The file's length if
    /// there is none.
    fn first(&mut self, mut low: u64, late: impl Fn(Timestamp) -> bool) -> io::Result<u64> {
        let mut high = self.plain.length();
        let mut found = high;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.line_after(middle, high)? {
                Some((offset, at)) if !late(at) => low = offset + 1,
                Some((offset, _)) => {
                    found = offset;
                    high = middle;
                }
                None => high = middle,
            }
        }
        Ok(found)
    }

    /// The first line with a time that begins at `offset` or after it, and before `limit`.
    fn line_after(&mut self, offset: u64, limit: u64) -> io::Result<Option<(u64, Timestamp)>> {
        let mut at = offset.saturating_sub(1);
        let mut in_line = offset > 0;
        while at < limit {
            if (self.stop)() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let read = self.plain.read_at(at, &mut self.block)?;
            let block = &self.block[..read];
            if read == 0 {
                return Ok(None);
            }
            if is_blank(block) {
                at = self.plain.past_hole(at + read as u64);
                continue;
            }
            let at_end = at + read as u64 >= self.plain.length();
            let mut position = 0;
            loop {
                if in_line {
                    let Some(newline) = memchr(b'\n', &block[position..]) else {
                        position = read;
                        break;
                    };
                    position += newline + 1;
                    in_line = false;
                }
                if at + position as u64 >= limit {
                    return Ok(None);
                }
                // A line whose head is not all in the block is read again, from its beginning.
                let head = if block.get(position) == Some(&b'{') { HEAD_OF_JSON } else { HEAD };
                if position >= read || (position > 0 && read - position < head && !at_end) {
                    break;
                }
                let line = &block[position..];
                let line = &line[..memchr(b'\n', line).unwrap_or(line.len())];
                if let Some((time, format)) = self.clock.read(line) {
                    let start = at + position as u64;
                    self.seen.push((start, time));
                    self.format.get_or_insert(format);
                    return Ok(Some((start, time)));
                }
                in_line = true;
            }
            at += position as u64;
        }
        Ok(None)
    }

    /// Whether the times seen rise along the file, but for the disorder that is allowed.
    fn rises(&mut self) -> bool {
        self.seen.sort();
        let mut latest = Timestamp::MIN;
        self.seen.iter().all(|(_, at)| {
            latest = latest.max(*at);
            !is_disorder(latest, *at)
        })
    }
}
