//! `/proc/pressure/*` and the like of control groups: how long programs waited for CPUs, memory or disks.

use super::here::Here;
use super::machine::{Machine, share_of};
use crate::units;

/// What is waited for, by the name of its file.
const RESOURCES: &[(&str, &str, Option<&str>, &str)] = &[
    // Of the whole host there is always one that does not wait for a CPU: the one that has it.
    ("cpu", "cpu_some", None, "a CPU"),
    ("memory", "memory_some", Some("memory_full"), "memory"),
    ("io", "io_some", Some("io_full"), "disks"),
];
/// The share of the last ten seconds from which on it is told.
const MUCH: f64 = 0.1;

/// `some avg10=70.24 avg60=68.52 avg300=69.91 total=3559632828`, and `full` behind it: of the command `cat /proc/pressure/memory`, or
/// behind the path as `grep` prints it.
pub(super) fn take(here: &Here<'_>) -> Option<(usize, Machine)> {
    let document = here.document;
    let mut machine = Machine::default();
    let mut place = here.at;
    let mut unnamed = Vec::new();
    while place < document.len() && place - here.at < 16 {
        let Some((path, who, share)) = row(document.line(place).trim()).filter(|_| !document.ends_within(place)) else {
            break;
        };
        // Of one command that prints one file the command names it.
        let of = |text: &str| {
            RESOURCES.iter().find(|(name, ..)| text.trim_end_matches(".pressure").ends_with(&format!("/{name}")))
        };
        let named = match path {
            Some(path) => of(path).or_else(|| RESOURCES.iter().find(|(name, ..)| path == format!("{name}.pressure"))),
            None => {
                let mut files = here.command.iter().filter_map(|word| of(word));
                files.next().filter(|_| files.next().is_none())
            }
        };
        match named {
            Some((_, some, full, what)) => {
                machine.pressure.extend(if who == "some" { Some(*some) } else { *full }.map(|name| (name, share)));
                if who == "some" && share >= MUCH {
                    machine.told.push(format!(
                        "some program waited for {what} {} of the last 10 s (/proc/pressure)",
                        units::percent(share)
                    ));
                }
            }
            None => unnamed.push((who, share)),
        }
        place += 1;
    }
    if unnamed.iter().any(|(who, share)| *who == "some" && *share >= MUCH) {
        machine
            .told
            .push("programs wait (/proc/pressure), for what is not shown: grep . /proc/pressure/* names it".to_owned());
    }
    (place > here.at).then(|| (place - here.at, machine))
}

/// The path before a row, which of both it is, and its share of the last ten seconds.
fn row(line: &str) -> Option<(Option<&str>, &str, f64)> {
    let (path, rest) = match line.split_once(':') {
        Some((path, rest)) if path.contains("pressure") => (Some(path), rest),
        _ => (None, line),
    };
    let mut words = rest.split_whitespace();
    let who = words.next().filter(|who| matches!(*who, "some" | "full"))?;
    let share = words.next()?.strip_prefix("avg10=")?.parse().ok().and_then(share_of)?;
    words.next()?.starts_with("avg60=").then_some((path, who, share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool_output::text::{Document, words_of};

    fn taken(text: &str, command: &str) -> Option<(usize, Machine)> {
        let document = Document::new("-", text.as_bytes().to_vec(), None);
        let words = words_of(document.line(0));
        take(&Here { document: &document, at: 0, command: command.split(' ').collect(), by_name: false, words: &words })
    }

    const ROWS: &str = "some avg10=70.24 avg60=68.52 avg300=69.91 total=3559632828\nfull avg10=57.59 avg60=58.06 avg300=60.38 total=3300487258\n";

    #[test]
    fn the_command_or_the_path_names_what_is_waited_for() {
        let (lines, machine) = taken(ROWS, "cat /proc/pressure/memory").unwrap();
        assert_eq!(lines, 2);
        let per_mille = |machine: Machine| -> Vec<(&str, f64)> {
            machine.pressure.into_iter().map(|(name, share)| (name, (share * 1000.0).round())).collect()
        };
        assert_eq!(per_mille(machine), [("memory_full", 576.0), ("memory_some", 702.0)]);
        let (_, machine) =
            taken("/proc/pressure/io:some avg10=1.00 avg60=0.00 avg300=0.00 total=1\n", "grep . /proc/pressure/io")
                .unwrap();
        assert_eq!(per_mille(machine), [("io_some", 10.0)]);
        let (_, machine) = taken(ROWS, "cat /proc/pressure/cpu /proc/pressure/io").unwrap();
        assert!(machine.pressure.is_empty());
        assert_eq!(machine.told.len(), 1);
    }

    #[test]
    fn what_is_cut_or_cannot_be_is_none() {
        assert!(taken("some avg10=70.24 avg60=68.52 avg300=69.91 total=35596", "cat /proc/pressure/memory").is_none());
        assert!(taken("some avg10=7000.24 avg60=68.52 avg300=69.91 total=1\n", "cat /proc/pressure/memory").is_none());
        assert!(taken("some words of somebody\n", "cat").is_none());
        assert!(taken(&ROWS.repeat(10_000), "cat /proc/pressure/memory").is_some_and(|(lines, _)| lines == 16));
    }
}
