//! What units said before they failed: the lines that tell why, which their status does not.

use std::time::Duration;

use crate::probe::journal::{Choice, Dating, Found, Journal, SaidLine};
use crate::probe::place::Place;

/// Units whose last words are looked for: those that failed last.
const MOST_UNITS: usize = 8;
/// Entries of one file that are looked at for a unit, the last first.
const MOST_ENTRIES: u64 = 8_192;
/// Lines that are looked at for the one that tells why: a program may print how it came to its end behind it.
const MOST_LINES: usize = 60;
/// Letters of the line that tells why.
const LONGEST_TOLD: usize = 160;
/// Lines that are kept.
const KEPT: usize = 5;
/// How long before its failure a unit may have spoken last.
const BACK: Duration = Duration::from_mins(10);
/// systemd may be quicker to tell of the end than journald to take the last line.
const AFTER: Duration = Duration::from_secs(1);
/// Lines of one end are no further apart: what is older is of another.
const APART: Duration = Duration::from_secs(5);

/// What a unit said before it failed the last time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LastWords {
    /// The last lines, oldest first.
    pub(super) lines: Vec<String>,
    /// The one that tells most of why.
    pub(super) telling: Option<String>,
}

/// Finds the last words of those that failed last, of units with the moment in which they did, in microseconds since 1970.
pub(super) fn find(
    place: &Place,
    files: &[Found],
    dating: Option<&Dating>,
    mut failed: Vec<(String, u64)>,
    stop: &dyn Fn() -> bool,
) -> Vec<(String, LastWords)> {
    failed.sort_by_key(|(name, at)| (std::cmp::Reverse(*at), name.clone()));
    failed.truncate(MOST_UNITS);
    let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let words = failed.into_iter().filter_map(|(name, at)| {
        let choice =
            Choice { from: at.saturating_sub(micros(BACK)), to: at.saturating_add(micros(AFTER)), ..Choice::default() };
        // The file that is written now comes first; one that ends before is of older failures.
        let from = i64::try_from(choice.from).unwrap_or(i64::MAX);
        let reaches =
            |found: &&Found| !found.rotated || found.modified.is_none_or(|last| last.as_microsecond() >= from);
        let said = files.iter().filter(reaches).take_while(|_| !stop()).find_map(|found| {
            let (file, _) = place.open(&found.path).ok()?;
            let journal = Journal::open(file).ok()?;
            let entries = journal.entries(dating, &choice).ok()?;
            let from = entries.start.max(entries.end.saturating_sub(MOST_ENTRIES));
            let said = journal.last_said(dating, &choice, from..entries.end, &name, MOST_LINES, stop).ok()?;
            (!said.is_empty()).then_some(said)
        })?;
        Some((name, of_one_end(said)))
    });
    words.collect()
}

/// Of lines, the last first, those of the last end.
fn of_one_end(mut said: Vec<SaidLine>) -> LastWords {
    let apart = u64::try_from(APART.as_micros()).unwrap_or(u64::MAX);
    let end = said.windows(2).position(|two| two[0].at.saturating_sub(two[1].at) > apart);
    said.truncate(end.map_or(said.len(), |last| last + 1));
    said.reverse();
    let telling = telling(said.iter().map(|line| line.text.as_str())).map(shortened);
    let older = said.len().saturating_sub(KEPT);
    LastWords { lines: said.into_iter().skip(older).map(|line| line.text).collect(), telling }
}

/// A line that fits into a sentence.
fn shortened(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(LONGEST_TOLD) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

/// Words that say what is wrong. Nearly all programs speak English to their logs; of those that do not the last line is told.
const STRONG: &[&str] = &[
    "emerg",
    "fatal",
    "panic",
    "error:",
    "exception",
    "in use",
    "no such",
    "denied",
    "not found",
    "bad ",
    "unknown",
    "invalid",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "unable",
    "refused",
    "missing",
    "unsupported",
    "no module",
    "not permitted",
    "no space",
    "out of memory",
    "expired",
    "does not exist",
    "undefined",
    "syntax",
];
/// Words that say that something is.
const WEAK: &[&str] = &["error", "fail", "crit", "alert", "abort"];

/// The line that tells most of why a program ended: the first of those with most words of trouble, else the last. Where in its code
/// it was (`at …`, an indented line) says nothing to whoever runs it.
fn telling<'l>(lines: impl Iterator<Item = &'l str>) -> Option<&'l str> {
    let mut best: Option<(usize, &str)> = None;
    for line in lines {
        let in_code = line.starts_with([' ', '\t']) || line.starts_with("\\t") || line.starts_with("at ");
        let lower = line.to_lowercase();
        let has = |words: &[&str]| words.iter().filter(|word| lower.contains(**word)).count();
        let points = if in_code { 0 } else { 2 * has(STRONG) + has(WEAK) };
        if best.is_none_or(|(most, _)| points > most || most == 0) {
            best = Some((points, line));
        }
    }
    best.map(|(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_why_is_found_before_what_programs_print_behind_it() {
        let cases: [(&[&str], &str); 7] = [
            (
                &[
                    "nginx: [emerg] unknown directive \"proxy_passs\" in /etc/nginx/conf.d/a.conf:1",
                    "nginx: configuration file /etc/nginx/nginx.conf test failed",
                ],
                "nginx: [emerg] unknown",
            ),
            (
                &[
                    "/etc/ssh/sshd_config: line 9: Bad configuration option: PermitRootLogn",
                    "/etc/ssh/sshd_config: terminating, 1 bad configuration options",
                ],
                "/etc/ssh/sshd_config: line 9",
            ),
            (
                &[
                    "Traceback (most recent call last):",
                    "  File \"/opt/app.py\", line 1, in <module>",
                    "ModuleNotFoundError: No module named 'flask'",
                ],
                "ModuleNotFoundError",
            ),
            (
                &[
                    "Error: listen EADDRINUSE: address already in use :::3000",
                    "    at Server.setupListenHandle (node:net:1463:16)",
                    "",
                    "Node.js v18.19.0",
                ],
                "Error: listen",
            ),
            (
                &[
                    "Exception in thread \"main\" a.b.StartFailed: it did not start",
                    "\\tat a.b.Main.main(Main.java:3)",
                    "Caused by: java.net.BindException: Address already in use",
                ],
                "Caused by",
            ),
            (&["starting", "listening on 8000", "bye"], "bye"),
            (&["  indented error: alone"], "  indented"),
        ];
        for (lines, expected) in cases {
            let found = telling(lines.iter().copied()).unwrap();
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(telling([].into_iter()), None);
    }

    #[test]
    fn lines_of_an_end_before_are_left_out() {
        let line = |at: u64, text: &str| SaidLine { at: at * 1_000_000, text: text.to_owned() };
        let words = of_one_end(vec![line(100, "c"), line(99, "error: b"), line(60, "fatal error: a")]);
        assert_eq!(words, LastWords { lines: vec!["error: b".into(), "c".into()], telling: Some("error: b".into()) });
        let many: Vec<SaidLine> = (0..20).rev().map(|n| line(1, &n.to_string())).collect();
        assert_eq!(of_one_end(many).lines, ["15", "16", "17", "18", "19"]);
    }
}
