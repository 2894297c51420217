//! Lines of logs within a text: of loggers, of the kernel, of web servers.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::here::Here;
use super::moment;
use super::text::{Document, Words, split, words_of};
use crate::bounded_json::{self, Budget};
use crate::probe::logs::{self, Kind};

/// A line may be wrapped by mail software from so many columns on.
const WRAPPED: std::ops::RangeInclusive<usize> = 60..=100;
/// Lines of an entry of the journal that has one for each field.
const MOST_LINES: usize = 400;
/// Pieces of a line that was wrapped.
const MOST_PIECES: usize = 8;

/// Lines of one kind of log.
#[derive(Debug)]
pub(super) struct Run {
    pub kind: Kind,
    /// The daemon that keeps such a log itself.
    pub keeper: Option<&'static str>,
    pub lines: usize,
    /// The lines as a logger would have written them, where the text has another form; else they are taken from the text.
    pub text: Option<String>,
    /// They carry no time at all.
    pub timeless: bool,
    /// The host that a line names.
    pub host: Option<String>,
    /// Bytes at the end that may be half a figure or half an address.
    pub cut: usize,
}

/// What messages of the kernel begin with that were printed without a time.
const KERNEL: &[&str] = &[
    "nf_conntrack: ",
    "ip_conntrack: ",
    "possible SYN flooding on port",
    "TCP: Possible SYN flooding",
    "TCP: request_sock_TCP",
    "request_sock_TCP: ",
    "martian source ",
    "IPv4: martian ",
    "ll header: ",
    "UDP: bad checksum",
    "TCP: out of memory",
    "TCP: too many",
    "Out of memory: ",
    "Killed process ",
    "oom-kill:",
    "INFO: task ",
    "Buffer I/O error on ",
    "blk_update_request: ",
    "EXT4-fs error ",
    "EXT4-fs (",
    "Neighbour table overflow",
    "neighbour: ",
    "net_ratelimit: ",
    "nf_conntrack: table full",
    "UDP: short packet",
    "NETDEV WATCHDOG: ",
];

/// Lines of logs from that line on.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Run)> {
    let document = here.document;
    if let Some(taken) = of_json(here) {
        return Some(taken);
    }
    let bare = |line: &str| KERNEL.iter().any(|begin| line.trim_start().starts_with(begin));
    if bare(document.line(here.at)) {
        let lines = (here.at..document.len()).take_while(|at| bare(document.line(*at))).count();
        let text = (here.at..here.at + lines).fold(String::new(), |mut text, at| {
            let _ = writeln!(text, "[    0.000000] {}", document.line(at).trim());
            text
        });
        let cut = half_of(document, here.at + lines - 1).map_or(0, |half| half + 1);
        return Some((
            lines,
            Run { kind: Kind::Kernel, keeper: None, lines, text: Some(text), timeless: true, host: None, cut },
        ));
    }
    if let Some(taken) = of_language(here) {
        return Some(taken);
    }
    // What journalctl says of itself: `-- Logs begin at …`, `-- Boot … --`, `-- Reboot --`.
    let is_notice = |line: &str| line.starts_with("-- ") && (line.ends_with(" --") || line.contains(" begin"));
    let skipped = (here.at..document.len()).take(8).take_while(|at| is_notice(document.line(*at).trim())).count();
    if skipped > 0 && skipped < 8 {
        let at = here.at + skipped;
        let words = words_of(document.line(at));
        let behind = Here { document, at, command: Vec::new(), by_name: false, words: &words };
        let (lines, mut run) = take(&behind)?;
        let cut = if run.text.is_none() && run.cut > 0 { run.cut + 1 } else { run.cut };
        let text = run.text.take().unwrap_or_else(|| format!("{}\n", document.slice(behind.at, behind.at + lines)));
        return Some((lines + skipped, Run { text: Some(text), cut, ..run }));
    }
    let first = document.line(here.at);
    // What is indented in a paste is a log line all the same.
    let indented = first.starts_with(' ');
    // `talosctl` writes the node before each line.
    let noded = past_node(first).is_some();
    let kind_of = |line: &str| {
        let line = if indented { line.trim_start() } else { line };
        let line = if noded { past_node(line)? } else { line }.as_bytes();
        let kind = logs::kind_of(line)?;
        Some((kind, (kind == Kind::Application).then(|| logs::keeper_of(line)).flatten()))
    };
    let kind = kind_of(first)?;
    let mut place = here.at;
    let mut rewritten: Option<String> = (indented || noded).then(String::new);
    let mut lines = 0;
    while place < document.len() {
        let line = document.line(place);
        if kind_of(line) == Some(kind) {
            if let Some(text) = &mut rewritten {
                let line = line.trim_start();
                let _ = writeln!(text, "{}", past_node(line).filter(|_| noded).unwrap_or(line));
            }
            lines += 1;
            place += 1;
            continue;
        }
        if line.trim() == "..."
            || line.trim() == "…"
            || (is_notice(line.trim()) && kind_of(document.line(place + 1)) == Some(kind))
            || (line.trim().is_empty() && kind_of(document.line(place + 1)) == Some(kind))
        {
            place += 1;
            continue;
        }
        // A long line that was wrapped goes on in the next one, and then comes another line of the log, or nothing.
        let before = document.line(place.saturating_sub(1));
        let pieces = (place..place + MOST_PIECES).take_while(|at| {
            let line = document.line(*at);
            !line.trim().is_empty() && kind_of(line).is_none() && super::prompt::Prompt::of(line).is_none()
        });
        let pieces = pieces.count();
        let then = document.line(place + pieces);
        if pieces == 0
            || !WRAPPED.contains(&before.chars().count())
            || !(kind_of(then) == Some(kind) || (then.trim().is_empty() && pieces == 1))
        {
            break;
        }
        let text = rewritten.get_or_insert_with(|| {
            let mut text = document.slice(here.at, place).to_owned();
            text.push('\n');
            text
        });
        text.pop();
        for at in place..place + pieces {
            let _ = write!(text, " {}", document.line(at).trim());
        }
        text.push('\n');
        place += pieces;
    }
    let host = logs::host_of(first.trim_start().as_bytes());
    let cut = half_of(document, place - 1).map_or(0, |half| half + usize::from(rewritten.is_some()));
    let (kind, keeper) = kind;
    Some((place - here.at, Run { kind, keeper, lines, text: rewritten, timeless: false, host, cut }))
}

pub(super) const ENGLISH: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What follows the address of a node at the head of a line of `talosctl dmesg`: `192.0.2.5: kern: info: …`.
fn past_node(line: &str) -> Option<&str> {
    let (node, rest) = line.split_once(": ")?;
    node.parse::<std::net::IpAddr>().ok()?;
    logs::has_level(rest.as_bytes()).then_some(rest)
}

/// A line whose month has its name in the language of the locale, as `journalctl` and `dmesg -T` write it, with the English one:
/// `Mär 04 10:11:12 web1 sshd[9]: …`, `[Mi Mär  4 10:11:12 2020] …`.
fn in_english(line: &str) -> Option<String> {
    let month = |word: &str| -> Option<&str> {
        let numbered = word.strip_suffix('月').and_then(|number| number.parse::<i8>().ok());
        let number = numbered.or_else(|| moment::month(word).filter(|_| word.len() < 16))?;
        ENGLISH.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
    };
    let is_day = |word: &str| word.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day));
    let is_clock = |word: &str| {
        let bytes = word.as_bytes();
        bytes.len() >= 8
            && bytes
                .iter()
                .take(8)
                .enumerate()
                .all(|(at, byte)| if at % 3 == 2 { *byte == b':' } else { byte.is_ascii_digit() })
    };
    if let Some((inside, message)) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let words = words_of(inside);
        let [_, of, day, clock, year] = words.as_slice() else { return None };
        // Which day of the week it was matters to nobody.
        let known = is_day(day) && is_clock(clock) && year.len() == 4 && year.parse::<u16>().is_ok();
        return known.then(|| Some(format!("[Mon {} {day:>2} {clock} {year}]{message}", month(of)?)))?;
    }
    let (of, rest) = line.split_once(' ')?;
    let words: Words<'_> = split(rest).take(2).collect();
    let [day, clock] = words.as_slice() else { return None };
    // `journalctl -o short-full`: `Mi 2020-03-04 10:11:12 CET web1 …`.
    let is_date = day.len() == 10 && day.parse::<jiff::civil::Date>().is_ok();
    if is_date && is_clock(clock) && of.len() <= 16 && !of.bytes().any(|byte| byte.is_ascii_digit()) {
        return Some(format!("Mon {rest}"));
    }
    (is_day(day) && is_clock(clock)).then(|| Some(format!("{} {}", month(of)?, rest.trim_start())))?
}

/// Lines whose months have their names in another language than English.
fn of_language(here: &Here<'_>) -> Option<(usize, Run)> {
    let document = here.document;
    let kind_of = |line: &str| logs::kind_of(line.trim_start().as_bytes());
    let foreign = |at: usize| {
        let line = document.line(at).trim_start();
        let english = in_english(line).filter(|_| kind_of(line).is_none())?;
        Some((kind_of(&english)?, english))
    };
    let (kind, first) = foreign(here.at)?;
    let host = logs::host_of(first.as_bytes());
    let (mut text, mut place, mut lines) = (String::new(), here.at, 0);
    while place < document.len() {
        match foreign(place).filter(|(of, _)| *of == kind) {
            Some((_, line)) => {
                let _ = writeln!(text, "{line}");
                lines += 1;
            }
            None if matches!(document.line(place).trim(), "..." | "…" | "") && foreign(place + 1).is_some() => {}
            None => break,
        }
        place += 1;
    }
    let cut = half_of(document, place - 1).map_or(0, |half| half + 1);
    Some((place - here.at, Run { kind, keeper: None, lines, text: Some(text), timeless: false, host, cut }))
}

/// How long the last word of a line is, where the text ends within it and it may be half a figure or half an address.
fn half_of(document: &Document, at: usize) -> Option<usize> {
    let last = document.line(at).rsplit(' ').next().unwrap_or_default();
    (document.ends_within(at) && last.bytes().any(|byte| byte.is_ascii_digit())).then_some(last.len())
}

/// Lines of JSON: of `journalctl -o json` as lines that loggers write; of Caddy and Traefik as they are, each on a line.
fn of_json(here: &Here<'_>) -> Option<(usize, Run)> {
    let mut text = String::new();
    let mut kind = None;
    let (mut lines, mut entries) = (0, 0);
    let mut host = None;
    while let Some((object, length)) = object(here, here.at + lines) {
        let Ok(value) = bounded_json::from_slice::<Value>(object.as_bytes(), &mut Budget::default()) else { break };
        let found = if let Some(line) = journal(&value) {
            host = host.or_else(|| {
                value["_HOSTNAME"].as_str().filter(|name| name.len() < 254).map(crate::printable::printable)
            });
            Some((Kind::Syslog, line))
        } else {
            let line = if length == 1 { object.to_owned() } else { value.to_string() };
            (logs::kind_of(line.as_bytes()) == Some(Kind::Access)).then_some((Kind::Access, line))
        };
        let Some((of, line)) = found.filter(|(of, _)| kind.is_none_or(|kind| kind == *of)) else { break };
        kind = Some(of);
        text.push_str(&line);
        text.push('\n');
        lines += length;
        entries += 1;
    }
    Some((lines, Run { kind: kind?, keeper: None, lines: entries, text: Some(text), timeless: false, host, cut: 0 }))
}

/// An object of JSON that takes a line, or several as `journalctl -o json-pretty` prints it; and how many.
fn object<'d>(here: &Here<'d>, at: usize) -> Option<(&'d str, usize)> {
    let document = here.document;
    let first = document.line(at).trim();
    if first.starts_with('{') && first.ends_with('}') {
        return Some((first, 1));
    }
    if first != "{" || !document.may_hold_json() {
        return None;
    }
    // The entry ends before the next one begins.
    let ends = |line: &str| matches!(line, "}" | "},");
    let mut inner = (at + 1..document.len().min(at + MOST_LINES)).map(|at| document.line(at).trim());
    let lines = inner.position(|line| ends(line) || line == "{")? + 2;
    if !ends(document.line(at + lines - 1).trim()) {
        return None;
    }
    Some((document.slice(at, at + lines).trim_end().trim_end_matches(','), lines))
}

/// An entry of the journal as a line of syslog.
fn journal(value: &Value) -> Option<String> {
    let micros: i64 = value["__REALTIME_TIMESTAMP"].as_str()?.parse().ok()?;
    let at = Timestamp::from_microsecond(micros).ok()?;
    let word = |name: &str| {
        value[name].as_str().filter(|word| !word.is_empty() && !word.contains([' ', ':', '['])).map(str::to_owned)
    };
    let program = word("SYSLOG_IDENTIFIER").or_else(|| word("_COMM"))?;
    let host = word("_HOSTNAME").unwrap_or_else(|| "-".into());
    let pid = word("_PID").filter(|_| program != "kernel").map(|pid| format!("[{pid}]")).unwrap_or_default();
    let message = value["MESSAGE"].as_str()?.replace(['\n', '\r'], " ");
    Some(format!("{} {host} {program}{pid}: {message}", at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00")))
}
