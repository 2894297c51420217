//! Lines of logs in another dress than a logger's: behind the name of a container or the sign of a list, without their time, or in the
//! form of Redis or of HAProxy.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::here::Here;
use super::log_lines::{ENGLISH, Run};
use super::moment;
use super::text::{Words, split};
use crate::probe::logs::{self, Kind};

/// Bytes of a name that stands before a line.
const LONGEST_NAME: usize = 128;
/// The time that a line gets which has none; it is told as one without.
const NO_TIME: &str = "2000-01-01T00:00:00+00:00";

/// A line as a logger would have written it.
struct Plain<'l> {
    kind: Kind,
    keeper: Option<&'static str>,
    timeless: bool,
    text: Cow<'l, str>,
}

impl Plain<'_> {
    fn is_like(&self, other: &Plain<'_>) -> bool {
        (self.kind, self.keeper, self.timeless) == (other.kind, other.keeper, other.timeless)
    }
}

/// Lines of one kind, from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Run)> {
    let document = here.document;
    let first = plain(document.line(here.at))?;
    let (mut text, mut place, mut lines) = (String::new(), here.at, 0);
    while place < document.len() {
        let line = document.line(place);
        match plain(line).filter(|next| next.is_like(&first)) {
            Some(next) => {
                let _ = writeln!(text, "{}", next.text);
                lines += 1;
            }
            None if line.trim().is_empty()
                && plain(document.line(place + 1)).is_some_and(|next| next.is_like(&first)) => {}
            None => break,
        }
        place += 1;
    }
    let Plain { kind, keeper, timeless, .. } = first;
    // The last line may end within a figure.
    let cut = if document.ends_within(place - 1) {
        document.line(place - 1).rsplit(' ').next().map_or(0, str::len) + 1
    } else {
        0
    };
    Some((place - here.at, Run { kind, keeper, lines, text: Some(text), timeless, host: None, cut }))
}

fn plain(line: &str) -> Option<Plain<'_>> {
    let line = line.trim();
    let inner = behind_container(line).or_else(|| behind_sign(line));
    let as_it_is = |inner| {
        let kind = logs::kind_of(str::as_bytes(inner))?;
        let keeper = (kind == Kind::Application).then(|| logs::keeper_of(inner.as_bytes())).flatten();
        Some(Plain { kind, keeper, timeless: false, text: Cow::Borrowed(inner) })
    };
    inner.and_then(as_it_is).or_else(|| of_form(inner.unwrap_or(line)))
}

/// `web_1  | line` of Compose, `[pod/web-7f/app] line` of `kubectl logs --prefix`.
fn behind_container(line: &str) -> Option<&str> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= LONGEST_NAME
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'))
    };
    if let Some(rest) = line.strip_prefix("[pod/") {
        return rest.split_once("] ").filter(|(name, _)| is_name(name)).map(|(_, line)| line.trim_start());
    }
    line.split_once('|').filter(|(name, _)| is_name(name.trim_end())).map(|(_, line)| line.trim_start())
}

/// The sign of an item of a list before a line.
fn behind_sign(line: &str) -> Option<&str> {
    ["- ", "* ", "\u{2022} "].iter().find_map(|sign| line.strip_prefix(sign)).map(str::trim_start)
}

/// A line of a form that only its program writes.
fn of_form(line: &str) -> Option<Plain<'_>> {
    let of_logger = |text: String| Plain { kind: Kind::Syslog, keeper: None, timeless: false, text: Cow::Owned(text) };
    redis(line).or_else(|| haproxy(line)).map(of_logger).or_else(|| timeless(line))
}

/// `1255:M 14 Oct 2018 03:00:46.069 # message`, `[1249] 05 May 14:40:16.963 # message` of Redis before 3.
fn redis(line: &str) -> Option<String> {
    let (pid, rest) = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?,
        None => {
            let (pid, rest) = line.split_once(':')?;
            let (role, rest) = rest.split_once(' ')?;
            matches!(role, "M" | "S" | "C" | "X").then_some((pid, rest))?
        }
    };
    pid.parse::<u32>().ok()?;
    let words: Words<'_> = split(rest).take(5).collect();
    let year = words.get(2)?.parse::<u16>().ok().filter(|_| words[2].len() == 4);
    let behind = 2 + usize::from(year.is_some());
    let (day, clock, sign) = (words.first()?.parse::<u8>().ok()?, words.get(behind)?, words.get(behind + 1)?);
    let month = ENGLISH.iter().position(|month| month == words.get(1).unwrap_or(&""))? + 1;
    let second = clock.get(..8).filter(|_| clock.len() == 12 && is_clock(clock))?;
    if !matches!(*sign, "." | "-" | "*" | "#") || !(1..=31).contains(&day) {
        return None;
    }
    let message = rest.split_once(&format!("{clock} {sign} "))?.1;
    Some(match year {
        Some(year) => format!("{year}-{month:02}-{day:02}T{second}+00:00 - redis-server[{pid}]: {message}"),
        None => format!("{} {day:>2} {second} - redis-server[{pid}]: {message}", ENGLISH[month - 1]),
    })
}

/// `203.0.113.9:50180 [28/Nov/2026:23:46:26.451] web app/s1 0/0/3/-1/10004 504 …`: what HAProxy writes, without the logger's words.
fn haproxy(line: &str) -> Option<String> {
    let (client, rest) = line.split_once(" [")?;
    let (time, _) = rest.split_once("] ")?;
    let (address, port) = client.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    if address.is_empty() || client.contains(' ') {
        return None;
    }
    let (date, clock) = time.split_once(':')?;
    let mut parts = date.split('/');
    let (day, month, year) = (parts.next()?.parse::<u8>().ok()?, parts.next()?, parts.next()?.parse::<u16>().ok()?);
    let month = moment::month(month).filter(|_| month.len() == 3)?;
    let second = clock.get(..8).filter(|_| is_clock(clock))?;
    Some(format!("{year:04}-{month:02}-{day:02}T{second}+00:00 - haproxy[1]: {line}"))
}

/// Whether it begins as a time of day: `03:00:46`.
fn is_clock(word: &str) -> bool {
    word.len() >= 8
        && word
            .bytes()
            .take(8)
            .enumerate()
            .all(|(at, byte)| if at % 3 == 2 { byte == b':' } else { byte.is_ascii_digit() })
}

/// A line that lost its time, or never had one: of nginx and php-fpm, which write their own logs, of the kernel, and of what writes to a
/// logger (`sshd[77]: message`).
fn timeless(line: &str) -> Option<Plain<'_>> {
    let of = |kind, keeper, text| Some(Plain { kind, keeper, timeless: true, text: Cow::Owned(text) });
    let is_number = |text: &str| !text.is_empty() && text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((level, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        let (process, thread) = rest.split_once(": ")?.0.split_once('#')?;
        let known = matches!(level, "emerg" | "alert" | "crit" | "error" | "warn" | "notice" | "info");
        let known = known && is_number(process) && is_number(thread);
        return known.then(|| of(Kind::Application, Some("nginx"), format!("2000/01/01 00:00:00 {line}")))?;
    }
    if ["WARNING: [pool ", "ALERT: [pool ", "ERROR: [pool "].iter().any(|begin| line.starts_with(begin)) {
        return of(Kind::Application, Some("php-fpm"), format!("[01-Jan-2000 00:00:00] {line}"));
    }
    if let Some(message) = line.strip_prefix("kernel: ").filter(|message| !message.is_empty()) {
        let message =
            message.split_once("] ").filter(|_| message.starts_with('[')).map_or(message, |(_, message)| message);
        return of(Kind::Kernel, None, format!("[    0.000000] {message}"));
    }
    let (tag, _) = line.split_once("]: ")?;
    let (program, pid) = tag.split_once('[')?;
    let is_program = (2..=32).contains(&program.len())
        && program.starts_with(|c: char| c.is_ascii_alphabetic())
        && program.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@'));
    (is_program && is_number(pid)).then(|| of(Kind::Syslog, None, format!("{NO_TIME} - {line}")))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Option<(usize, Run)> {
        crate::tool_output::tests::taken(take, text)
    }

    #[test]
    fn what_was_put_before_a_line_or_taken_from_it_hides_it_from_nobody() {
        for (line, timeless, text) in [
            ("web_1   | 2026/03/04 10:11:12 [error] 7#7: *1 x", false, "2026/03/04 10:11:12 [error] 7#7: *1 x"),
            ("[pod/web-7f/app] [04-Mar-2026 10:11:12] NOTICE: x", false, "[04-Mar-2026 10:11:12] NOTICE: x"),
            ("- 2026/03/04 10:11:12 [error] 7#7: *1 x", false, "2026/03/04 10:11:12 [error] 7#7: *1 x"),
            ("[error] 7#7: *1 upstream x", true, "2000/01/01 00:00:00 [error] 7#7: *1 upstream x"),
            ("WARNING: [pool www] server x", true, "[01-Jan-2000 00:00:00] WARNING: [pool www] server x"),
            ("kernel: [  1.5] nf_conntrack: x", true, "[    0.000000] nf_conntrack: x"),
            ("sshd[77]: Failed x", true, "2000-01-01T00:00:00+00:00 - sshd[77]: Failed x"),
            ("app  | sshd[77]: Failed x", true, "2000-01-01T00:00:00+00:00 - sshd[77]: Failed x"),
            ("12:M 14 Oct 03:00:46.069 # Can't x", false, "Oct 14 03:00:46 - redis-server[12]: Can't x"),
            ("1:C 09 Nov 2024 09:57:17.194 * x", false, "2024-11-09T09:57:17+00:00 - redis-server[1]: x"),
            ("[1249] 05 May 14:40:16.963 # x", false, "May  5 14:40:16 - redis-server[1249]: x"),
            (
                "203.0.113.9:50180 [28/Nov/2026:23:46:26.451] web app/s1 0/0/0/-1/1001 504",
                false,
                "2026-11-28T23:46:26+00:00 - haproxy[1]: 203.0.113.9:50180 [28/Nov/2026:23:46:26.451] web app/s1 0/0/0/-1/1001 504",
            ),
        ] {
            let (lines, run) = taken(&format!("{line}\n")).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (lines, run.timeless, run.text.as_deref()),
                (1, timeless, Some(format!("{text}\n").as_str())),
                "{line}"
            );
        }
    }

    #[test]
    fn words_and_tables_are_no_lines_of_a_log() {
        for line in [
            "a | b | c",
            "- restart it",
            "* Connected to a.example (192.0.2.1) port 443",
            "[error] upstream timed out",
            "foo[1] bar",
            "1:M is what it says",
            "99999999999999999999:M 14 Oct 03:00:46.069 # x",
            "x:80 [99/Foo/2026:23:46:26.451] web",
            "[pod/] x",
            "| x",
            "\u{2022}",
        ] {
            assert!(taken(&format!("{line}\n")).is_none(), "{line}");
        }
    }

    #[test]
    fn lines_of_one_kind_stand_together_and_a_cut_end_is_no_figure() {
        let text = "a_1 | sshd[7]: x\n\na_1 | sshd[7]: y\na_1 | 2026/03/04 10:11:12 [error] 7#7: *1 x\n";
        assert!(matches!(taken(text), Some((3, Run { lines: 2, .. }))));
        assert!(taken("sshd[7]: from 203.0.113.2").is_some_and(|(_, run)| run.cut > "203.0.113.2".len()));
        let many = "sshd[7]: x\n".repeat(10_000);
        assert!(matches!(taken(&many), Some((10_000, Run { lines: 10_000, .. }))));
    }
}
