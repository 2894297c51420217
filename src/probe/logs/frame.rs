//! The frame of a log line: what the logger put around the message, by which alone it is told who wrote the line.
//!
//! A frame stands at the line's beginning, and is read from there. What follows it is the program's own text, of which a
//! stranger may have chosen parts: it is never searched for a frame.

use super::kind::Kind;
use super::timestamp::{Cursor, KEYED_TIME, past_level};

/// A line, taken apart.
///
/// `Nov 22 15:04:05 web01 sshd[77]: Invalid user x` is of kind syslog, with time `Nov 22 15:04:05`, host `web01`, program
/// `sshd`, pid 77 and message `Invalid user x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineFrame<'l> {
    /// Syslog, kernel or application, as the form of the line says; never access.
    pub kind: Kind,
    /// The time as it is written, without brackets around it.
    pub time: &'l [u8],
    /// The host that a syslog line names.
    pub host: Option<&'l [u8]>,
    /// The program that a syslog line names; `kernel` for a line of the kernel's own log.
    pub program: Option<&'l [u8]>,
    /// Its process id.
    pub pid: Option<u32>,
    /// What the program said.
    pub message: &'l [u8],
}

/// What the kernel is called in logs.
const KERNEL: &[u8] = b"kernel";

/// Facilities and priorities by the names that BusyBox and OpenWrt write between time and tag.
const FACILITIES: &[&[u8]] = &[
    b"kern",
    b"user",
    b"mail",
    b"daemon",
    b"auth",
    b"syslog",
    b"lpr",
    b"news",
    b"uucp",
    b"cron",
    b"authpriv",
    b"ftp",
    b"local0",
    b"local1",
    b"local2",
    b"local3",
    b"local4",
    b"local5",
    b"local6",
    b"local7",
];
const PRIORITIES: &[&[u8]] =
    &[b"emerg", b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug", b"panic", b"error", b"warning"];

impl<'l> LineFrame<'l> {
    /// Takes a line apart; none if it begins with no time in a form of a logger.
    pub(super) fn parse(line: &'l [u8]) -> Option<Self> {
        let mut text = Cursor(line);
        let mut numbered = text;
        if numbered.priority().is_some() {
            text = numbered;
            let mut version = text;
            if version.byte(b'1').is_some() && version.byte(b' ').is_some() {
                let time = shaped(&mut version, iso)?;
                version.byte(b' ')?;
                return rfc5424(time, version.0);
            }
        }
        match text.0.first()? {
            b'[' => bracketed(text),
            b'0'..=b'9' => numeric(text),
            b'A'..=b'Z' => worded(text),
            b't' if text.0.starts_with(KEYED_TIME) => keyed(text),
            b'a'..=b'z' => levelled(text.0, past_level(text.0)?),
            _ => None,
        }
    }

    /// Takes a line apart of a file that a program keeps alone: what follows the time is that program's, whatever it looks like.
    /// Some programs write their name there as a logger does.
    pub(super) fn of_daemon(line: &'l [u8], program: &[u8]) -> Option<Self> {
        let frame = Self::parse(line)?;
        if frame.kind == Kind::Application {
            return Some(frame);
        }
        if frame.program == Some(program) {
            return Some(Self::application(frame.time, frame.message));
        }
        let end = frame.time.as_ptr_range().end as usize - line.as_ptr() as usize;
        let rest = line.get(end..)?;
        Some(Self::application(frame.time, after_blank(rest.strip_prefix(b"]").unwrap_or(rest))))
    }

    /// A line of an application: nothing but a time before the message.
    fn application(time: &'l [u8], message: &'l [u8]) -> Self {
        LineFrame { kind: Kind::Application, time, host: None, program: None, pid: None, message }
    }

    /// A line of the kernel's own log.
    fn kernel(time: &'l [u8], message: &'l [u8]) -> Self {
        let message = without_stamps(message);
        LineFrame { kind: Kind::Kernel, time, host: None, program: Some(KERNEL), pid: None, message }
    }

    /// Whether the kernel wrote it.
    pub(super) fn is_kernel(&self) -> bool {
        self.program == Some(KERNEL)
    }
}

/// Lines that begin with a bracket: `dmesg`, `dmesg -T`, Apache's error log and others.
fn bracketed<'l>(text: Cursor<'l>) -> Option<LineFrame<'l>> {
    let mut inner = text;
    inner.byte(b'[')?;
    let mut seconds = inner;
    let _ = seconds.blanks();
    if let Some(time) = shaped(&mut seconds, |text| {
        text.number(1, 9)?;
        text.byte(b'.')?;
        text.number(6, 6).map(drop)
    }) && past_cpu(&mut seconds).byte(b']').is_some()
    {
        return Some(LineFrame::kernel(time, after_blank(seconds.0)));
    }
    let mut dated = inner;
    if let Some(time) = shaped(&mut dated, ctime) {
        dated.byte(b']')?;
        let message = after_blank(dated.0);
        // Apache names the module, or the level, in brackets, and writes fractions of the second.
        return Some(if message.first() == Some(&b'[') || time.contains(&b'.') {
            LineFrame::application(time, message)
        } else {
            LineFrame::kernel(time, message)
        });
    }
    let time = shaped(&mut inner, |text| one_of(text, &[iso, dashed, slashed, seconds_of_unbound]))?;
    inner.byte(b']')?;
    Some(LineFrame::application(time, after_blank(inner.0)))
}

/// Lines that begin with facility and level: `dmesg -x`, and Talos, which writes `kern:    info: [2026-11-28T10:00:00.123Z]: `.
fn levelled<'l>(line: &[u8], rest: &'l [u8]) -> Option<LineFrame<'l>> {
    let frame = bracketed(Cursor(rest))?;
    if frame.is_kernel() {
        return Some(frame);
    }
    let message = frame.message.strip_prefix(b":")?.trim_ascii_start();
    Some(match line.starts_with(b"kern:") {
        true => LineFrame::kernel(frame.time, message),
        false => LineFrame::application(frame.time, message),
    })
}

/// Lines of `key=value`, the time first: crowdsec, older releases of Traefik, other programs in Go.
fn keyed<'l>(text: Cursor<'l>) -> Option<LineFrame<'l>> {
    let mut rest = Cursor(text.0.strip_prefix(KEYED_TIME)?);
    let time = shaped(&mut rest, |text| one_of(text, &[iso, day_first]))?;
    rest.byte(b'"')?;
    Some(LineFrame::application(time, after_blank(rest.0)))
}

/// Some kernels write the CPU behind the seconds: `@2`.
fn past_cpu<'c, 'l>(text: &'c mut Cursor<'l>) -> &'c mut Cursor<'l> {
    let mut cpu = *text;
    if cpu.byte(b'@').is_some() && cpu.number(1, 4).is_some() {
        *text = cpu;
    }
    text
}

/// Lines that begin with a number.
fn numeric<'l>(mut text: Cursor<'l>) -> Option<LineFrame<'l>> {
    let mut dated = text;
    if let Some(time) = shaped(&mut dated, iso) {
        // lighttpd writes a colon there.
        if time.get(10) == Some(&b' ') {
            let _ = dated.byte(b':');
        }
        dated.byte(b' ')?;
        // `dmesg --time-format iso` alone writes a comma before the fraction, and names no host.
        if time.contains(&b',') && time.get(10) == Some(&b'T') {
            return Some(LineFrame::kernel(time, dated.0));
        }
        // Loggers write a `T`; what has a blank there is an application's own log.
        return Some(if time.get(10).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'T')) {
            new_syslog(time, dated.0)
        } else {
            LineFrame::application(time, dated.0)
        });
    }
    let time = shaped(&mut text, |text| one_of(text, &[dashed, slashed, epoch]))?;
    text.byte(b' ')?;
    Some(LineFrame::application(time, after_blank(text.0)))
}

/// Lines that begin with the name of a month or of a day.
fn worded<'l>(mut text: Cursor<'l>) -> Option<LineFrame<'l>> {
    let mut dated = text;
    if let Some(time) = shaped(&mut dated, syslog_time) {
        dated.byte(b' ')?;
        return Some(old_syslog(time, dated.0));
    }
    let mut dated = text;
    if let Some(time) = shaped(&mut dated, ctime) {
        dated.byte(b' ')?;
        // OpenWrt's logger names no host, but facility and priority.
        let (level, rest) = word(dated.0);
        return Some(match tag(rest).filter(|_| is_level(level)) {
            Some(tagged) => of_syslog(time, None, tagged),
            None => LineFrame::application(time, dated.0),
        });
    }
    // `journalctl -o short-full`.
    let time = shaped(&mut text, |text| {
        text.weekday()?;
        text.byte(b' ')?;
        let before = text.0;
        iso(text)?;
        let read = before.get(..before.len() - text.0.len())?;
        // The zone is a word there: one that says how far it is from UTC was read.
        if read.iter().skip(19).all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')) {
            zone_name(text);
        }
        Some(())
    })?;
    text.byte(b' ')?;
    Some(old_syslog(time, text.0))
}

/// ` CET`, ` CEST`: of a zone by its name nobody knows how far it is from UTC.
fn zone_name(text: &mut Cursor<'_>) {
    let letters = text.0.iter().skip(1).take_while(|byte| byte.is_ascii_uppercase()).count();
    if text.0.first() == Some(&b' ') && (2..=5).contains(&letters) && text.0.get(letters + 1) == Some(&b' ') {
        text.0 = text.0.get(letters + 1..).unwrap_or_default();
    }
}

/// The tag of a syslog line, and what follows it.
struct Tagged<'l> {
    program: Option<&'l [u8]>,
    pid: Option<u32>,
    message: &'l [u8],
}

fn of_syslog<'l>(time: &'l [u8], host: Option<&'l [u8]>, tagged: Tagged<'l>) -> LineFrame<'l> {
    let Tagged { program, pid, message } = tagged;
    let message = if program == Some(KERNEL) { without_stamps(message) } else { message };
    LineFrame { kind: Kind::Syslog, time, host, program, pid, message }
}

/// What follows the time in RFC 3164 and what descends from it: `host tag: message`, with BusyBox `host facility.priority
/// tag: message`, or no host at all.
fn old_syslog<'l>(time: &'l [u8], rest: &'l [u8]) -> LineFrame<'l> {
    if let Some(tagged) = tag(rest) {
        return of_syslog(time, None, tagged);
    }
    let (host, rest) = word(rest);
    let (level, after) = word(rest);
    let rest = if is_level(level) { after } else { rest };
    let tagged = tag(rest).unwrap_or(Tagged { program: None, pid: None, message: rest });
    of_syslog(time, Some(host), tagged)
}

/// What follows the time where it is written as in RFC 3339: the fields of RFC 5424 if they are all there.
fn new_syslog<'l>(time: &'l [u8], rest: &'l [u8]) -> LineFrame<'l> {
    let (_, after_host) = word(rest);
    if tag(rest).is_none()
        && tag(after_host).is_none()
        && let Some(frame) = rfc5424(time, rest)
    {
        return frame;
    }
    old_syslog(time, rest)
}

/// `host program 77 - - message`, with structured data instead of the last `-` or not.
fn rfc5424<'l>(time: &'l [u8], rest: &'l [u8]) -> Option<LineFrame<'l>> {
    let (host, rest) = word(rest);
    let (program, rest) = word(rest);
    let (pid, rest) = word(rest);
    let (id, rest) = word(rest);
    let plain = |word: &[u8]| word == b"-" || (!word.is_empty() && word.iter().all(u8::is_ascii_digit));
    if host.is_empty() || program.is_empty() || id.is_empty() || !plain(pid) {
        return None;
    }
    let message = match rest.first()? {
        b'-' => rest.get(1..)?,
        b'[' => past_data(rest)?,
        _ => return None,
    };
    let message = match message.split_first() {
        Some((b' ', message)) => message.strip_prefix("\u{feff}".as_bytes()).unwrap_or(message),
        Some(_) => return None,
        None => message,
    };
    let named = |word: &'l [u8]| (word != b"-").then_some(word);
    let tagged = Tagged { program: named(program), pid: number(pid), message };
    Some(of_syslog(time, named(host), tagged))
}

/// What follows elements of structured data: `[id name="value \" \]"]`.
fn past_data(mut rest: &[u8]) -> Option<&[u8]> {
    while let Some((b'[', inner)) = rest.split_first() {
        let mut quoted = false;
        let mut at = 0;
        loop {
            match inner.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
            at += 1;
        }
        rest = inner.get(at + 1..)?;
    }
    Some(rest)
}

/// `sshd[77]: message`, `kernel: message`, `postfix/smtpd[5]:message`.
fn tag(text: &[u8]) -> Option<Tagged<'_>> {
    let end = text.iter().position(|byte| matches!(byte, b' ' | b'\t' | b':' | b'['))?;
    let (program, rest) = text.split_at(end);
    if program.is_empty() {
        return None;
    }
    let (pid, after) = match rest.split_first()? {
        (b':', after) if after.is_empty() || after.first() == Some(&b' ') => (None, after),
        (b'[', inner) => {
            let close = inner.iter().position(|byte| matches!(byte, b' ' | b']'))?;
            (number(inner.get(..close)?), inner.get(close..)?.strip_prefix(b"]:")?)
        }
        _ => return None,
    };
    Some(Tagged { program: Some(program), pid, message: after_blank(after) })
}

fn is_level(word: &[u8]) -> bool {
    let mut parts = word.splitn(2, |byte| *byte == b'.');
    matches!((parts.next(), parts.next()), (Some(facility), Some(priority)) if FACILITIES.contains(&facility) && PRIORITIES.contains(&priority))
}

/// A kernel's message without the seconds since boot and the thread that `printk` puts before it.
fn without_stamps(message: &[u8]) -> &[u8] {
    let stamp = |text: &mut Cursor<'_>| {
        text.byte(b'[')?;
        let _ = text.blanks();
        if text.byte(b'T').or_else(|| text.byte(b'C')).is_some() {
            text.number(1, 9)?;
        } else {
            text.number(1, 9)?;
            text.byte(b'.')?;
            text.number(6, 6)?;
        }
        text.byte(b']')
    };
    let mut text = Cursor(message);
    loop {
        let mut after = text;
        if stamp(&mut after).is_none() {
            return text.0;
        }
        text = Cursor(after_blank(after.0));
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The first word, and what follows the blanks behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (word, mut rest) = text.split_at(end);
    while let Some((b' ', after)) = rest.split_first() {
        rest = after;
    }
    (word, rest)
}

fn after_blank(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}

/// The form of a time.
type Form = fn(&mut Cursor<'_>) -> Option<()>;

/// Takes a time of that form, and gives how it is written.
fn shaped<'l>(text: &mut Cursor<'l>, form: impl Fn(&mut Cursor<'l>) -> Option<()>) -> Option<&'l [u8]> {
    let mut after = *text;
    form(&mut after)?;
    let time = text.0.get(..text.0.len() - after.0.len())?;
    *text = after;
    Some(time)
}

fn one_of(text: &mut Cursor<'_>, forms: &[Form]) -> Option<()> {
    forms.iter().find_map(|form| {
        let mut after = *text;
        form(&mut after)?;
        text.0 = text.0.get(text.0.len() - after.0.len()..)?;
        Some(())
    })
}

/// `2026-11-22T15:04:05.123456+00:00`.
fn iso(text: &mut Cursor<'_>) -> Option<()> {
    text.number(4, 4)?;
    text.byte(b'-')?;
    text.number(2, 2)?;
    text.byte(b'-')?;
    text.number(2, 2)?;
    text.byte(b'T').or_else(|| text.byte(b't')).or_else(|| text.byte(b' '))?;
    text.time()?;
    let _ = text.offset();
    Some(())
}

/// `Nov 22 15:04:05`, also with a fraction or a year.
fn syslog_time(text: &mut Cursor<'_>) -> Option<()> {
    text.month()?;
    text.blanks()?;
    text.number(1, 2)?;
    text.blanks()?;
    let mut year = *text;
    if year.number(4, 4).and_then(|_| year.blanks()).is_some() {
        text.0 = text.0.get(text.0.len() - year.0.len()..)?;
    }
    text.time().map(drop)
}

/// `Sun Nov 22 15:04:05.123456 2026`.
fn ctime(text: &mut Cursor<'_>) -> Option<()> {
    text.weekday()?;
    text.blanks()?;
    text.month()?;
    text.blanks()?;
    text.number(1, 2)?;
    text.blanks()?;
    text.time()?;
    text.blanks()?;
    text.number(4, 4).map(drop)
}

/// `22-Nov-2026 15:04:05.123`.
fn dashed(text: &mut Cursor<'_>) -> Option<()> {
    text.number(1, 2)?;
    text.byte(b'-')?;
    text.month()?;
    text.byte(b'-')?;
    text.number(4, 4)?;
    text.byte(b' ').or_else(|| text.byte(b'T'))?;
    text.time()?;
    let _ = text.offset();
    Some(())
}

/// `2026/11/22 15:04:05`.
fn slashed(text: &mut Cursor<'_>) -> Option<()> {
    text.number(4, 4)?;
    text.byte(b'/')?;
    text.number(2, 2)?;
    text.byte(b'/')?;
    text.number(2, 2)?;
    text.byte(b' ')?;
    text.time().map(drop)
}

/// `22-11-2026 15:04:05`.
fn day_first(text: &mut Cursor<'_>) -> Option<()> {
    text.number(2, 2)?;
    text.byte(b'-')?;
    text.number(2, 2)?;
    text.byte(b'-')?;
    text.number(4, 4)?;
    text.byte(b' ')?;
    text.time().map(drop)
}

/// `1795359845`.
fn seconds_of_unbound(text: &mut Cursor<'_>) -> Option<()> {
    text.number(10, 10).map(drop)
}

/// `1795359845.000`.
fn epoch(text: &mut Cursor<'_>) -> Option<()> {
    text.number(10, 10)?;
    text.byte(b'.')?;
    text.number(3, 3).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kind | time | host | program | pid | message`.
    fn shown(line: &[u8]) -> Option<String> {
        let frame = LineFrame::parse(line)?;
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        let or_none = |part: Option<&[u8]>| part.map_or("-".to_owned(), text);
        Some(format!(
            "{:?} | {} | {} | {} | {} | {}",
            frame.kind,
            text(frame.time),
            or_none(frame.host),
            or_none(frame.program),
            frame.pid.map_or("-".to_owned(), |pid| pid.to_string()),
            text(frame.message)
        ))
    }

    #[test]
    fn the_frames_that_loggers_write_are_read() {
        for (line, expected) in [
            // RFC 3164, as rsyslog, syslog-ng and journalctl -o short write it.
            (
                "Nov 22 15:04:05 web01 sshd[77]: Invalid user x",
                "Syslog | Nov 22 15:04:05 | web01 | sshd | 77 | Invalid user x",
            ),
            ("<38>Nov  2 15:04:05 web01 sshd[77]: x", "Syslog | Nov  2 15:04:05 | web01 | sshd | 77 | x"),
            ("Nov 22 15:04:05.123456 web01 sshd[77]: x", "Syslog | Nov 22 15:04:05.123456 | web01 | sshd | 77 | x"),
            ("Nov 22 2026 15:04:05 web01 su: x", "Syslog | Nov 22 2026 15:04:05 | web01 | su | - | x"),
            ("Nov 22 15:04:05 web01 postfix/smtpd[5]:x", "Syslog | Nov 22 15:04:05 | web01 | postfix/smtpd | 5 | x"),
            ("Nov 22 15:04:05 web01 sshd(pam_unix)[5]: x", "Syslog | Nov 22 15:04:05 | web01 | sshd(pam_unix) | 5 | x"),
            ("Nov 22 15:04:05 2001:db8::1 sshd[77]: x", "Syslog | Nov 22 15:04:05 | 2001:db8::1 | sshd | 77 | x"),
            (
                "Nov 22 15:04:05 web01 last message repeated 3 times",
                "Syslog | Nov 22 15:04:05 | web01 | - | - | last message repeated 3 times",
            ),
            ("Nov 22 15:04:05 web01 -- MARK --", "Syslog | Nov 22 15:04:05 | web01 | - | - | -- MARK --"),
            (
                "Nov 22 15:04:05 web01 kernel: [   12.345678] eth0: link up",
                "Syslog | Nov 22 15:04:05 | web01 | kernel | - | eth0: link up",
            ),
            (
                "Nov 22 15:04:05 web01 kernel: [   12.345678] [  T123] oops",
                "Syslog | Nov 22 15:04:05 | web01 | kernel | - | oops",
            ),
            ("Nov 22 15:04:05 web01 app: sshd[9]: x", "Syslog | Nov 22 15:04:05 | web01 | app | - | sshd[9]: x"),
            // With RFC 3339 times: rsyslog, journalctl -o short-iso and short-full.
            (
                "2026-11-22T15:04:05.123456+00:00 web01 sshd-session[77]: x",
                "Syslog | 2026-11-22T15:04:05.123456+00:00 | web01 | sshd-session | 77 | x",
            ),
            ("2026-11-22T15:04:05+0100 web01 kernel: x", "Syslog | 2026-11-22T15:04:05+0100 | web01 | kernel | - | x"),
            (
                "Sun 2026-11-22 15:04:05 CEST web01 sshd[77]: x",
                "Syslog | Sun 2026-11-22 15:04:05 CEST | web01 | sshd | 77 | x",
            ),
            (
                "Sun 2026-11-22 15:04:05 UTC WEB sshd[77]: x",
                "Syslog | Sun 2026-11-22 15:04:05 UTC | WEB | sshd | 77 | x",
            ),
            (
                "Sun 2026-11-22 15:04:05 UTC web01 sshd[77]: x",
                "Syslog | Sun 2026-11-22 15:04:05 UTC | web01 | sshd | 77 | x",
            ),
            // RFC 5424, with and without its priority.
            (
                "<86>1 2026-11-22T15:04:05Z web01 sshd 77 - - Invalid user x",
                "Syslog | 2026-11-22T15:04:05Z | web01 | sshd | 77 | Invalid user x",
            ),
            (
                "2026-11-22T15:04:05Z web01 sshd 77 - - Invalid user x",
                "Syslog | 2026-11-22T15:04:05Z | web01 | sshd | 77 | Invalid user x",
            ),
            (
                "<86>1 2026-11-22T15:04:05Z - sshd - ID47 [a@1 b=\"x\\\"]y\"][c d=\"e\"] \u{feff}x",
                "Syslog | 2026-11-22T15:04:05Z | - | sshd | - | x",
            ),
            ("<86>1 2026-11-22T15:04:05Z web01 sshd 77 - -", "Syslog | 2026-11-22T15:04:05Z | web01 | sshd | 77 | "),
            // BusyBox and OpenWrt.
            ("Nov 22 15:04:05 web01 auth.info sshd[77]: x", "Syslog | Nov 22 15:04:05 | web01 | sshd | 77 | x"),
            ("Nov 22 15:04:05 sshd[77]: x", "Syslog | Nov 22 15:04:05 | - | sshd | 77 | x"),
            (
                "Sun Nov 22 15:04:05 2026 kern.info kernel: [   12.345678] x",
                "Syslog | Sun Nov 22 15:04:05 2026 | - | kernel | - | x",
            ),
            (
                "Sun Nov 22 15:04:05 2026 authpriv.warn dropbear[5]: x",
                "Syslog | Sun Nov 22 15:04:05 2026 | - | dropbear | 5 | x",
            ),
            // The kernel's own log.
            ("[   12.345678] eth0: link up", "Kernel | 12.345678 | - | kernel | - | eth0: link up"),
            ("<6>[   12.345678][  T123] eth0: link up", "Kernel | 12.345678 | - | kernel | - | eth0: link up"),
            (
                "[Sun Nov 22 15:04:05 2026] eth0: link up",
                "Kernel | Sun Nov 22 15:04:05 2026 | - | kernel | - | eth0: link up",
            ),
            // Applications.
            (
                "[Sun Nov 22 15:04:05.5 2026] [core:error] x",
                "Application | Sun Nov 22 15:04:05.5 2026 | - | - | - | [core:error] x",
            ),
            ("[Sun Nov 22 15:04:05 2026] [error] x", "Application | Sun Nov 22 15:04:05 2026 | - | - | - | [error] x"),
            ("2026/11/22 15:04:05 [error] 1#1: x", "Application | 2026/11/22 15:04:05 | - | - | - | [error] 1#1: x"),
            (
                "22-Nov-2026 15:04:05.000 resolver: info: x",
                "Application | 22-Nov-2026 15:04:05.000 | - | - | - | resolver: info: x",
            ),
            (
                "2026-11-22 15:04:05,123 h sshd[9]: x",
                "Application | 2026-11-22 15:04:05,123 | - | - | - | h sshd[9]: x",
            ),
            (
                "[22-Nov-2026 15:04:05 UTC] PHP Warning",
                "Application | 22-Nov-2026 15:04:05 UTC | - | - | - | PHP Warning",
            ),
            ("[1795359845] unbound[77:0] info: x", "Application | 1795359845 | - | - | - | unbound[77:0] info: x"),
            (
                "time=\"2026-11-22T15:04:05Z\" level=info msg=\"x\"",
                "Application | 2026-11-22T15:04:05Z | - | - | - | level=info msg=\"x\"",
            ),
            (
                "time=\"22-11-2026 15:04:05\" level=info msg=\"x\"",
                "Application | 22-11-2026 15:04:05 | - | - | - | level=info msg=\"x\"",
            ),
            (
                "1795359845.000    123 192.0.2.1 TCP_MISS/200",
                "Application | 1795359845.000 | - | - | - |   123 192.0.2.1 TCP_MISS/200",
            ),
        ] {
            assert_eq!(shown(line.as_bytes()).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_begins_with_no_time_has_no_frame() {
        for line in [
            "",
            " Nov 22 15:04:05 web01 sshd[77]: x",
            "sshd[77]: Invalid user x",
            "web01 sshd[77]: x",
            "192.0.2.1 - - [22/Nov/2026:15:04:05 +0000] \"GET / HTTP/1.1\" 200 1",
            "Nov 22 15:04 web01 sshd[77]: x",
            "November",
            "<86>1 - web01 sshd 77 - - x",
        ] {
            assert_eq!(shown(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn in_a_daemons_own_file_all_that_follows_the_time_is_its_own() {
        for (line, program, message) in [
            ("2026-11-22T15:04:05.034 security: error: client x", "named", "security: error: client x"),
            ("2026-11-22T15:04:05Z query: x", "named", "query: x"),
            ("22-Nov-2026 15:04:05.034 security: error: x", "named", "security: error: x"),
            ("Nov 22 15:04:05 dnsmasq[77]: reply error is REFUSED", "dnsmasq", "reply error is REFUSED"),
            ("2026-11-22T15:04:05+00:00 web01 dnsmasq[77]: x", "dnsmasq", "x"),
            ("Nov 22 15:04:05 unbound[77:0] info: x", "unbound", "unbound[77:0] info: x"),
            ("[1795359845] unbound[77:0] info: x", "unbound", "unbound[77:0] info: x"),
            ("[Sun Nov 22 15:04:05 2026] started", "apache2", "started"),
        ] {
            let frame = LineFrame::of_daemon(line.as_bytes(), program.as_bytes()).unwrap();
            assert_eq!((frame.kind, frame.message), (Kind::Application, message.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_message_never_becomes_a_frame() {
        let line = b"2026-11-22T15:04:05Z web01 app[5]: 2026-11-22T15:04:05Z web01 sshd[9]: Invalid user x";
        assert_eq!(LineFrame::parse(line).unwrap().program, Some(b"app".as_slice()));
        let line = b"Nov 22 15:04:05 web01 what the client sent: sshd[9]: Invalid user x";
        assert_eq!(LineFrame::parse(line).unwrap().program, None);
    }

    #[test]
    fn a_line_that_was_cut_anywhere_is_read_as_far_as_it_goes() {
        for line in [
            "<86>1 2026-11-22T15:04:05Z web01 sshd 77 - [a@1 b=\"x\\\"]y\"] Invalid user x",
            "Nov 22 15:04:05 web01 auth.info sshd[77]: Invalid user x",
            "Sun 2026-11-22 15:04:05 UTC web01 sshd[77]: x",
            "[   12.345678][  T123] eth0: link up",
            "[Sun Nov 22 15:04:05.5 2026] [core:error] x",
        ] {
            for end in 0..line.len() {
                if let Some(frame) = LineFrame::parse(&line.as_bytes()[..end]) {
                    assert!(line.as_bytes()[..end].ends_with(frame.message), "{line} cut at {end}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..120)) {
            let _ = LineFrame::parse(&line);
        }

        #[test]
        fn nearly_a_frame_does_not_panic(line in "(<[0-9]{0,4}>1? ?)?(Nov 22 15:04:05|2026-11-22T15:04:05Z|\\[ *12.345678\\]|\\[?Sun Nov 22 15:04:05 2026\\]?)[ -~]{0,40}") {
            let _ = LineFrame::parse(line.as_bytes());
        }

        #[test]
        fn program_and_message_are_read_as_they_were_written(program in "[a-z][a-z/_.-]{0,12}", pid in proptest::num::u32::ANY, message in "[ -~]{0,60}", form in 0..4usize) {
            let head = [
                "Nov 22 15:04:05 web01",
                "2026-11-22T15:04:05+01:00 web01",
                "Sun 2026-11-22 15:04:05 UTC web01",
                "Sun Nov 22 15:04:05 2026 auth.info",
            ][form];
            let line = format!("{head} {program}[{pid}]: {message}");
            let frame = LineFrame::parse(line.as_bytes()).unwrap();
            proptest::prop_assert_eq!(frame.kind, Kind::Syslog);
            proptest::prop_assert_eq!(frame.program, Some(program.as_bytes()));
            proptest::prop_assert_eq!(frame.pid, Some(pid));
            proptest::prop_assert_eq!(frame.message, message.as_bytes());
        }
    }
}
