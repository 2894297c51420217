//! Reads the time at the head of a log line, in the forms that loggers write.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use memchr::{memchr_iter, memrchr_iter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What lines begin with that are `key=value` all along.
pub(super) const KEYED_TIME: &[u8] = b"time=\"";

/// How far into a line a time is looked for: access logs put address and user before it.
pub(super) const HEAD: usize = 512;

/// The same for a line of JSON: Traefik writes the time behind what was asked for.
pub(super) const HEAD_OF_JSON: usize = 2048;

/// A line may be this much later than the file's last change: clocks of senders differ.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The form in which a file's lines carry their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `Nov 22 15:04:05 host …`: no year and no zone; the year is inferred from the file's last change.
    Rfc3164,
    /// `2026-11-22T15:04:05.123456+00:00`, or with a blank and without a zone (dpkg, fail2ban, PostgreSQL); Traefik (JSON).
    Rfc3339,
    /// `… [22/Nov/2026:15:04:05 +0000] "GET …`: access logs.
    Clf,
    /// `2026/11/22 15:04:05 [error] …`: nginx's error log.
    Nginx,
    /// `[Sun Nov 22 15:04:05.123456 2026]`, with or without brackets: Apache's error log.
    Ctime,
    /// `22-Nov-2026 15:04:05.123`: BIND's own files, PHP.
    Bind,
    /// Seconds since 1970: audit, Squid, unbound, Caddy (JSON).
    Epoch,
    /// `[   12.345678]`: seconds since the kernel started; no time of day.
    Kernel,
    /// Microseconds since 1970, in the journal of systemd.
    Journal,
    /// No form that is known here.
    Unknown,
}

/// Turns the times of one file's lines into moments.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    zone: TimeZone,
    /// The latest local time that a line without a year can have.
    latest: DateTime,
    /// When the kernel started, where lines that say nothing else are dated by that.
    boot: Option<Timestamp>,
}

impl Clock {
    /// A clock for lines that were written until about `reference`, in `zone` where they name none.
    pub(super) fn new(zone: TimeZone, reference: Timestamp) -> Self {
        let latest = zone.to_datetime(reference.saturating_add(AHEAD).unwrap_or(reference));
        Clock { zone, latest, boot: None }
    }

    /// A clock that knows when the kernel started.
    pub(super) fn started_at(self, boot: Timestamp) -> Self {
        Clock { boot: Some(boot), ..self }
    }

    /// The time at the head of `line` and the form in which it is written.
    pub(super) fn read(&self, line: &[u8]) -> Option<(Timestamp, Format)> {
        if line.first() == Some(&b'{') {
            let head = line.get(..HEAD_OF_JSON).unwrap_or(line);
            return self.json(memchr::memchr(b'\n', head).map_or(head, |end| &head[..end]));
        }
        let line = line.get(..HEAD).unwrap_or(line);
        let head = past_priority(line);
        match head.first()? {
            b'0'..=b'9' => self
                .iso(head)
                .map(as_form(Format::Rfc3339))
                .or_else(|| self.slashed(head))
                .or_else(|| self.dashed(head))
                .or_else(|| epoch(head))
                .or_else(|| access(line)),
            b'A'..=b'Z' => {
                let form = self.syslog(head).map(as_form(Format::Rfc3164)).or_else(|| self.ctime(head));
                form.or_else(|| self.weekday(head)).or_else(|| access(line))
            }
            b'[' => {
                let inner = head.get(1..)?;
                self.ctime(inner)
                    .or_else(|| self.dashed(inner))
                    .or_else(|| self.iso(inner).map(as_form(Format::Rfc3339)))
                    .or_else(|| self.slashed(inner))
                    .or_else(|| self.kernel(head))
                    .or_else(|| seconds(inner, b']'))
                    .or_else(|| access(line))
            }
            b'a'..=b'z' if past_level(head).is_some_and(|rest| self.boot.is_some() || !is_kernel(rest)) => {
                past_level(head).and_then(|rest| self.read(rest)).or_else(|| access(line))
            }
            b't' if head.starts_with(b"type=") => audit(head),
            b't' if head.starts_with(KEYED_TIME) => {
                let value = head.get(KEYED_TIME.len()..)?;
                self.iso(value).map(as_form(Format::Rfc3339)).or_else(|| self.day_first(value))
            }
            _ => access(line),
        }
    }

    /// An object of JSON as Caddy writes it: `{"level":"info","ts":1234567890.123,…`, or Traefik: `{"ClientAddr":…,"StartUTC":"…`. In a
    /// text that a client chose, every quote is escaped, so that none holds a key.
    fn json(&self, head: &[u8]) -> Option<(Timestamp, Format)> {
        const KEYS: [&[u8]; 3] = [b"\"ts\":", b"\"StartUTC\":", b"\"time\":"];
        KEYS.iter().find_map(|key| {
            let value = head.get(memchr::memmem::find(head, key)? + key.len()..)?;
            match value.strip_prefix(b"\"") {
                Some(text) => self.iso(text).map(as_form(Format::Rfc3339)),
                None => seconds_of_json(value),
            }
        })
    }

    fn local(&self, at: DateTime) -> Option<Timestamp> {
        self.zone.to_timestamp(at).ok()
    }

    fn at(&self, date: Date, time: Time, offset: Option<Offset>) -> Option<Timestamp> {
        let at = DateTime::from_parts(date, time);
        match offset {
            Some(offset) => offset.to_timestamp(at).ok(),
            None => self.local(at),
        }
    }

    /// `Nov 22 15:04:05`, `Nov  2 15:04:05.123`, `Nov 22 2026 15:04:05`; with how many bytes of the head decide on it.
    fn syslog(&self, head: &[u8]) -> Option<(Timestamp, usize)> {
        let mut text = Cursor(head);
        let month = text.month()?;
        text.blanks()?;
        let day = text.number(1, 2)?;
        text.blanks()?;
        let mut ahead = text;
        if let (Some(year), Some(())) = (ahead.number(4, 4), ahead.blanks()) {
            let at = self.at(date(year, month, day)?, ahead.time()?, None)?;
            return Some((at, head.len() - ahead.0.len() + 1));
        }
        let time = text.time()?;
        // The latest year in which the line is not of the future. A 29th of February needs up to eight years.
        let newest = i32::from(self.latest.year());
        let at = (newest - 8..=newest)
            .rev()
            .filter_map(|year| Some(DateTime::from_parts(date(year, month, day)?, time)))
            .find(|at| *at <= self.latest)?;
        Some((self.local(at)?, head.len() - text.0.len() + 1))
    }

    /// `2026-11-22T15:04:05.123456+00:00`, `2026-11-22 15:04:05,123`; with how many bytes of the head decide on it, which is
    /// all of it where a zone might follow.
    fn iso(&self, head: &[u8]) -> Option<(Timestamp, usize)> {
        let mut text = Cursor(head);
        let year = text.number(4, 4)?;
        text.byte(b'-')?;
        let month = text.number(2, 2)?;
        text.byte(b'-')?;
        let day = text.number(2, 2)?;
        text.one_of(b"Tt ")?;
        let time = text.time()?;
        let offset = text.offset();
        let deciding = if offset.is_some() { head.len() - text.0.len() + 1 } else { head.len() };
        Some((self.at(date(year, month, day)?, time, offset)?, deciding))
    }

    /// `Sun 2026-11-22 15:04:05 UTC`.
    fn weekday(&self, head: &[u8]) -> Option<(Timestamp, Format)> {
        let mut text = Cursor(head);
        text.weekday()?;
        text.byte(b' ')?;
        self.iso(text.0).map(as_form(Format::Rfc3339))
    }

    /// `[   12.345678]`, where it is known when the kernel started.
    fn kernel(&self, head: &[u8]) -> Option<(Timestamp, Format)> {
        let since = SignedDuration::from_nanos(kernel_nanos(head)?);
        Some((self.boot?.checked_add(since).ok()?, Format::Kernel))
    }

    /// `2026/11/22 15:04:05`.
    fn slashed(&self, head: &[u8]) -> Option<(Timestamp, Format)> {
        let mut text = Cursor(head);
        let year = text.number(4, 4)?;
        text.byte(b'/')?;
        let month = text.number(2, 2)?;
        text.byte(b'/')?;
        let day = text.number(2, 2)?;
        text.byte(b' ')?;
        let time = text.time()?;
        Some((self.at(date(year, month, day)?, time, None)?, Format::Nginx))
    }

    /// `22-Nov-2026 15:04:05.123`.
    fn dashed(&self, head: &[u8]) -> Option<(Timestamp, Format)> {
        let mut text = Cursor(head);
        let day = text.number(1, 2)?;
        text.byte(b'-')?;
        let month = text.month()?;
        text.byte(b'-')?;
        let year = text.number(4, 4)?;
        text.one_of(b" T")?;
        let time = text.time()?;
        Some((self.at(date(year, month, day)?, time, text.offset())?, Format::Bind))
    }

    /// `22-11-2026 15:04:05`.
    fn day_first(&self, head: &[u8]) -> Option<(Timestamp, Format)> {
        let mut text = Cursor(head);
        let day = text.number(2, 2)?;
        text.byte(b'-')?;
        let month = text.number(2, 2)?;
        text.byte(b'-')?;
        let year = text.number(4, 4)?;
        text.byte(b' ')?;
        Some((self.at(date(year, month, day)?, text.time()?, None)?, Format::Rfc3339))
    }

    /// `Sun Nov 22 15:04:05.123456 2026`.
    fn ctime(&self, head: &[u8]) -> Option<(Timestamp, Format)> {
        let mut text = Cursor(head);
        text.weekday()?;
        text.blanks()?;
        let month = text.month()?;
        text.blanks()?;
        let day = text.number(1, 2)?;
        text.blanks()?;
        let time = text.time()?;
        text.blanks()?;
        let year = text.number(4, 4)?;
        Some((self.at(date(year, month, day)?, time, None)?, Format::Ctime))
    }
}

/// A time in a form whose bytes decide on nothing else.
fn as_form(form: Format) -> impl Fn((Timestamp, usize)) -> (Timestamp, Format) {
    move |(at, _)| (at, form)
}

/// The time that was read last, with the bytes that decided on it: lines of one second begin alike.
#[derive(Debug)]
pub(super) struct Memory {
    head: [u8; Memory::LONGEST],
    length: usize,
    at: Timestamp,
}

impl Memory {
    const LONGEST: usize = 40;

    /// Nothing read yet.
    pub(super) fn new() -> Self {
        Memory { head: [0; Memory::LONGEST], length: 0, at: Timestamp::UNIX_EPOCH }
    }

    /// The time at the head of `line`, as [`Clock::read`] reads it.
    pub(super) fn read(&mut self, clock: &Clock, line: &[u8]) -> Option<Timestamp> {
        if self.length > 0 && line.get(..self.length) == Some(&self.head[..self.length]) {
            return Some(self.at);
        }
        let head = line.get(..HEAD).unwrap_or(line);
        let read = match head.first()? {
            b'0'..=b'9' => clock.iso(head),
            b'A'..=b'Z' => clock.syslog(head),
            _ => None,
        };
        let Some((at, deciding)) = read else { return clock.read(line).map(|(at, _)| at) };
        let short = deciding <= Memory::LONGEST && deciding <= line.len();
        self.length = if short { deciding } else { 0 };
        self.head[..self.length].copy_from_slice(&line[..self.length]);
        self.at = at;
        Some(at)
    }
}

/// Whether a line carries the kernel's own seconds, and so no time of day.
pub(super) fn is_kernel(line: &[u8]) -> bool {
    kernel_nanos(line).is_some()
}

/// Nanoseconds since the kernel started, of `[   12.345678]`; some kernels write the CPU behind it: `[   12.345678@2]`.
pub(super) fn kernel_nanos(line: &[u8]) -> Option<i64> {
    let line = past_priority(line);
    let mut text = Cursor(past_level(line).unwrap_or(line));
    text.byte(b'[')?;
    let _ = text.blanks();
    let seconds = text.number(1, 9)?;
    text.byte(b'.')?;
    let micros = text.number(6, 6)?;
    Some(i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1000)
}

/// What follows facility and level as `dmesg -x` writes them, `kern  :warn  : `, and Talos, `kern:    info: `.
pub(super) fn past_level(line: &[u8]) -> Option<&[u8]> {
    let word = |text: &[u8]| -> Option<usize> {
        let letters = text.iter().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()).count();
        let blanks = text.get(letters..)?.iter().take_while(|byte| **byte == b' ').count();
        (letters > 2 && letters < 10 && text.get(letters + blanks) == Some(&b':')).then_some(letters + blanks + 1)
    };
    let first = word(line)?;
    let rest = line.get(first..)?.trim_ascii_start();
    let second = word(rest)?;
    rest.get(second..)?.strip_prefix(b" ")
}

/// What follows `<34>` or `<34>1 `.
fn past_priority(line: &[u8]) -> &[u8] {
    let after = || {
        let mut text = Cursor(line);
        text.priority()?;
        let mut version = text;
        if version.byte(b'1').is_some() && version.byte(b' ').is_some() { Some(version.0) } else { Some(text.0) }
    };
    after().unwrap_or(line)
}

/// `[22/Nov/2026:15:04:05 +0000]`. The user's name stands before it and is the client's choice, but holds no quote that is not
/// escaped: so it is the time behind which the first such quote begins the request. Without a request, the last one counts.
fn access(line: &[u8]) -> Option<(Timestamp, Format)> {
    let quote = memchr_iter(b'"', line).find(|at| line[..*at].ends_with(b"] "));
    let head = &line[..quote.unwrap_or(line.len())];
    let places = memrchr_iter(b'[', head).map(|start| &head[start + 1..]);
    places.take(if quote.is_some() { 1 } else { usize::MAX }).find_map(|place| {
        let mut text = Cursor(place);
        let day = text.number(2, 2)?;
        text.byte(b'/')?;
        let month = text.month()?;
        text.byte(b'/')?;
        let year = text.number(4, 4)?;
        text.byte(b':')?;
        let time = text.time()?;
        let offset = text.offset()?;
        text.byte(b']')?;
        let at = offset.to_timestamp(DateTime::from_parts(date(year, month, day)?, time)).ok()?;
        Some((at, Format::Clf))
    })
}

/// `1234567890.123`.
fn epoch(head: &[u8]) -> Option<(Timestamp, Format)> {
    let mut text = Cursor(head);
    let seconds = text.number(10, 10)?;
    text.byte(b'.')?;
    let millis = text.number(3, 3)?;
    let at = Timestamp::from_millisecond(i64::from(seconds) * 1000 + i64::from(millis)).ok()?;
    Some((at, Format::Epoch))
}

/// `1234567890`, with `end` behind it.
fn seconds(head: &[u8], end: u8) -> Option<(Timestamp, Format)> {
    let mut text = Cursor(head);
    let seconds = text.number(10, 10)?;
    text.byte(end)?;
    Some((Timestamp::from_second(i64::from(seconds)).ok()?, Format::Epoch))
}

/// `1234567890.123`, with any number of digits.
fn seconds_of_json(value: &[u8]) -> Option<(Timestamp, Format)> {
    let mut text = Cursor(value);
    let seconds = i64::from(text.number(10, 10)?);
    let mut nanos = 0;
    if text.byte(b'.').is_some() {
        let mut unit = 100_000_000;
        while let Some(digit @ b'0'..=b'9') = text.0.first() {
            nanos += i32::from(digit - b'0') * unit;
            unit /= 10;
            text.skip(1)?;
        }
    }
    Some((Timestamp::new(seconds, nanos).ok()?, Format::Epoch))
}

/// `type=AVC msg=audit(1234567890.123:456): …`.
fn audit(head: &[u8]) -> Option<(Timestamp, Format)> {
    let mark = b"msg=audit(";
    let start = head.iter().take(64).enumerate().find(|(at, _)| head[*at..].starts_with(mark))?.0;
    epoch(head.get(start + mark.len()..)?)
}

fn date(year: impl TryInto<i16>, month: impl TryInto<i8>, day: impl TryInto<i8>) -> Option<Date> {
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

/// A line while it is being read from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub &'a [u8]);

impl Cursor<'_> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn one_of(&mut self, wanted: &[u8]) -> Option<u8> {
        let first = *self.0.first()?;
        wanted.contains(&first).then_some(())?;
        self.skip(1)?;
        Some(first)
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, wanted: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        (*first == wanted).then(|| self.0 = rest)
    }

    /// One blank or more.
    pub(super) fn blanks(&mut self) -> Option<()> {
        self.byte(b' ')?;
        while self.byte(b' ').is_some() {}
        Some(())
    }

    /// A number of so many digits and no more.
    pub(super) fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let (mut number, mut digits) = (0u32, 0);
        while let Some(digit @ b'0'..=b'9') = self.0.get(digits) {
            number = number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
            digits += 1;
            if digits > most {
                return None;
            }
        }
        if digits < least {
            return None;
        }
        self.skip(digits)?;
        Some(number)
    }

    /// `<34>`.
    pub(super) fn priority(&mut self) -> Option<u32> {
        self.byte(b'<')?;
        let priority = self.number(1, 3)?;
        self.byte(b'>')?;
        Some(priority)
    }

    /// `Sun`.
    pub(super) fn weekday(&mut self) -> Option<()> {
        const DAYS: &[u8; 21] = b"MonTueWedThuFriSatSun";
        let name = self.0.get(..3)?;
        DAYS.chunks(3).any(|day| day == name).then_some(())?;
        self.skip(3)
    }

    /// `Nov`, as a number.
    pub(super) fn month(&mut self) -> Option<u32> {
        const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        let name = self.0.get(..3)?;
        let index = MONTHS.chunks(3).position(|month| month == name)?;
        self.skip(3)?;
        u32::try_from(index + 1).ok()
    }

    /// `15:04:05` and a fraction if there is one.
    pub(super) fn time(&mut self) -> Option<Time> {
        let hour = self.number(2, 2)?;
        self.byte(b':')?;
        let minute = self.number(2, 2)?;
        self.byte(b':')?;
        // A leap second has no place in the kernel's time: it reads as the second before it.
        let second = self.number(2, 2)?.min(60);
        let second = if second == 60 { 59 } else { second };
        let mut nanosecond = 0i32;
        if matches!(self.0.first(), Some(b'.' | b',')) && self.0.get(1).is_some_and(u8::is_ascii_digit) {
            self.skip(1)?;
            let mut unit = 100_000_000;
            while let Some(digit @ b'0'..=b'9') = self.0.first() {
                nanosecond += i32::from(digit - b'0') * unit;
                unit /= 10;
                self.skip(1)?;
            }
        }
        Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, nanosecond).ok()
    }

    /// `Z`, `+00:00`, `+0000`, `+00`, ` +0000`, ` UTC`; none when the line names no zone.
    pub(super) fn offset(&mut self) -> Option<Offset> {
        let mut ahead = *self;
        if ahead.one_of(b"Zz").is_some() {
            *self = ahead;
            return Some(Offset::UTC);
        }
        let _ = ahead.byte(b' ');
        if ahead.0.starts_with(b"UTC") || ahead.0.starts_with(b"GMT") {
            ahead.skip(3)?;
            *self = ahead;
            return Some(Offset::UTC);
        }
        let sign = if ahead.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let (hours, minutes) = match ahead.number(4, 4) {
            Some(both) => (both / 100, both % 100),
            None => {
                let hours = ahead.number(2, 2)?;
                let mut after = ahead;
                match after.byte(b':').and_then(|()| after.number(2, 2)) {
                    Some(minutes) => {
                        ahead = after;
                        (hours, minutes)
                    }
                    None => (hours, 0),
                }
            }
        };
        *self = ahead;
        Offset::from_seconds(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(reference: &str) -> Clock {
        Clock::new(TimeZone::UTC, reference.parse().unwrap())
    }

    fn read(line: &str) -> Option<(String, Format)> {
        let (at, format) = clock("2026-11-22T15:10:00Z").read(line.as_bytes())?;
        Some((at.to_string(), format))
    }

    #[test]
    fn what_is_remembered_of_one_line_misleads_in_no_other() {
        let clock = clock("2026-11-22T15:10:00Z");
        let lines = [
            "2026-11-22T15:04:05+00:00 a",
            "2026-11-22T15:04:05+00:00 b",
            "2026-11-22T15:04:05+00:30 b",
            "2026-11-22T15:04:05+0030 b",
            "2026-11-22T15:04:05.25+01:00 b",
            "2026-11-22T15:04:05Z",
            "2026-11-22 15:04:05 a",
            "2026-11-22 15:04:05 UTC a",
            "2026-11-22 15:04:05 +0200 a",
            "Nov 22 15:04:05 host a",
            "Nov 22 15:04:05 host b",
            "Nov 22 15:04:05.5 host a",
            "Nov 22 15:04:05",
            "Nov 22 15:04:0",
            "Nov 22 2026 15:04:05: a",
            "192.0.2.1 - - [22/Nov/2026:15:04:05 +0000] \"GET / HTTP/1.1\" 200 1",
            "",
        ];
        for (one, other) in lines.iter().flat_map(|one| lines.map(|other| (one, other))) {
            let mut memory = Memory::new();
            memory.read(&clock, one.as_bytes());
            for line in [other, one, other] {
                let expected = clock.read(line.as_bytes()).map(|(at, _)| at);
                assert_eq!(memory.read(&clock, line.as_bytes()), expected, "{line} after {one}");
            }
        }
    }

    #[test]
    fn every_form_that_loggers_write_is_read() {
        let same = "2026-11-22T15:04:05Z";
        for (line, at, format) in [
            ("Nov 22 15:04:05 host sshd[1]: x", same, Format::Rfc3164),
            ("<34>Nov 22 15:04:05 host x", same, Format::Rfc3164),
            ("Nov 22 2026 15:04:05: %ASA-6", same, Format::Rfc3164),
            ("Nov  2 15:04:05 host x", "2026-11-02T15:04:05Z", Format::Rfc3164),
            ("2026-11-22T15:04:05+00:00 host x", same, Format::Rfc3339),
            ("2026-11-22T16:04:05.25+0100 host x", "2026-11-22T15:04:05.25Z", Format::Rfc3339),
            ("<165>1 2026-11-22T15:04:05Z host x", same, Format::Rfc3339),
            ("2026-11-22 15:04:05 install x", same, Format::Rfc3339),
            ("2026-11-22 15:04:05,123 fail2ban.filter", "2026-11-22T15:04:05.123Z", Format::Rfc3339),
            ("2026-11-22 15:04:05.5 UTC [99] LOG:", "2026-11-22T15:04:05.5Z", Format::Rfc3339),
            ("Sun 2026-11-22 15:04:05 UTC host sshd[1]: x", same, Format::Rfc3339),
            ("192.0.2.1 - - [22/Nov/2026:15:04:05 +0000] \"GET / HTTP/1.1\" 200 1", same, Format::Clf),
            ("2001:db8::1 - joe [22/Nov/2026:10:04:05 -0500] \"GET /\" 200", same, Format::Clf),
            ("2026/11/22 15:04:05 [error] 1#1: x", same, Format::Nginx),
            ("[Sun Nov 22 15:04:05.5 2026] [core:error] x", "2026-11-22T15:04:05.5Z", Format::Ctime),
            ("Sun Nov 22 15:04:05 2026 x", same, Format::Ctime),
            ("22-Nov-2026 15:04:05.000 client @0x", same, Format::Bind),
            ("[22-Nov-2026 15:04:05 UTC] PHP Warning", same, Format::Bind),
            ("1795359845.000    123 192.0.2.1 TCP_MISS/200", same, Format::Epoch),
            ("type=AVC msg=audit(1795359845.000:7): x", same, Format::Epoch),
            ("[1795359845] unbound[14687:0] info: x", same, Format::Epoch),
            ("{\"level\":\"info\",\"ts\":1795359845.25,\"logger\":\"x\"}", "2026-11-22T15:04:05.25Z", Format::Epoch),
            (
                "{\"ClientHost\":\"x\",\"RequestPath\":\"/\\\"ts\\\":1\",\"StartUTC\":\"2026-11-22T15:04:05Z\",\"time\":\"2020-01-01T00:00:00Z\"}",
                same,
                Format::Rfc3339,
            ),
            ("time=\"2026-11-22T15:04:05Z\" level=info", same, Format::Rfc3339),
            ("time=\"22-11-2026 15:04:05\" level=fatal", same, Format::Rfc3339),
            ("2026-11-22T15:04:60Z x", "2026-11-22T15:04:59Z", Format::Rfc3339),
        ] {
            assert_eq!(read(line), Some((at.to_owned(), format)), "{line}");
        }
    }

    #[test]
    fn lines_without_a_time_of_day_have_none() {
        for line in [
            "",
            "\tat java.lang.Thread",
            "[   12.345678] eth0: up",
            "Nov 31 15:04:05 x",
            "2026-13-01 00:00:00",
            "Novem",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
        assert!(is_kernel(b"[   12.345678] eth0: up"));
        assert!(!is_kernel(b"Nov 22 15:04:05 [   12.345678] eth0: up"));
    }

    #[test]
    fn a_year_that_is_not_written_leaps_over_new_year() {
        let after = clock("2027-01-01T00:03:00Z");
        assert_eq!(after.read(b"Dec 31 23:59:59 x").unwrap().0, "2026-12-31T23:59:59Z".parse().unwrap());
        assert_eq!(after.read(b"Jan  1 00:02:00 x").unwrap().0, "2027-01-01T00:02:00Z".parse().unwrap());
        let before = clock("2026-12-31T23:59:58Z");
        assert_eq!(before.read(b"Jan  1 00:00:01 x").unwrap().0, "2027-01-01T00:00:01Z".parse().unwrap());
        assert_eq!(before.read(b"Feb 29 00:00:01 x").unwrap().0, "2024-02-29T00:00:01Z".parse().unwrap());
    }

    #[test]
    fn times_without_a_zone_are_local() {
        let zone = TimeZone::fixed(Offset::from_hours(2).unwrap());
        let clock = Clock::new(zone, "2026-11-22T15:10:00Z".parse().unwrap());
        assert_eq!(clock.read(b"Nov 22 17:04:05 x").unwrap().0, "2026-11-22T15:04:05Z".parse().unwrap());
        assert_eq!(clock.read(b"2026-11-22T15:04:05Z x").unwrap().0, "2026-11-22T15:04:05Z".parse().unwrap());
    }

    #[test]
    fn a_client_cannot_forge_the_time_by_its_user_name() {
        let line = "192.0.2.1 - [01/Jan/2020:00:00:00 +0000] [22/Nov/2026:15:04:05 +0000] \"GET /[02/Jan/2020:00:00:00 +0000]\" 200";
        assert_eq!(read(line).unwrap().0, "2026-11-22T15:04:05Z");
        let line = "192.0.2.1 - [ [22/Nov/2026:15:04:05 +0000] \"GET / HTTP/1.1\" 200 1";
        assert_eq!(read(line).unwrap().0, "2026-11-22T15:04:05Z");
        let line = "192.0.2.1 - a [01/Jan/2020:00:00:00 +0000] \\\"GET [22/Nov/2026:15:04:05 +0000] \"GET /\" 200 1";
        assert_eq!(read(line).unwrap().0, "2026-11-22T15:04:05Z");
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_reading_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = clock("2026-11-22T15:10:00Z").read(&line);
            let _ = is_kernel(&line);
        }

        #[test]
        fn nearly_a_time_does_not_panic(line in "[<]?[0-9]{0,3}>?[A-Z][a-z]{2} ?[0-9]{1,2} [0-9:.,TZ+-]{0,30}|[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9:.,Z+ -]{0,40}|\\[[0-9A-Za-z/: +-]{0,40}\\] \"") {
            let _ = clock("2026-11-22T15:10:00Z").read(line.as_bytes());
        }

        #[test]
        fn what_is_written_is_read_back(second in 1_770_000_000i64..1_795_000_000, form in 0..5usize) {
            let at = Timestamp::from_second(second).unwrap();
            let written = at.strftime(["%b %e %H:%M:%S x", "%Y-%m-%dT%H:%M:%SZ x", "a - - [%d/%b/%Y:%H:%M:%S +0000] \"", "%Y/%m/%d %H:%M:%S x", "%d-%b-%Y %H:%M:%S.000 x"][form]).to_string();
            proptest::prop_assert_eq!(clock("2026-11-22T15:10:00Z").read(written.as_bytes()).map(|(at, _)| at), Some(at));
        }
    }
}
