//! What a pattern's lines tell, in a sentence.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Usual;
use crate::units;

/// The lines of a pattern.
#[derive(Debug, Clone, Copy)]
pub(in crate::probe::logs) struct Told<'a> {
    pub count: u64,
    /// How many values the group has by which lines are told apart, whether that is all, and the most frequent one.
    pub values: u64,
    pub complete: bool,
    pub top: Option<&'a str>,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The end of the span.
    pub to: Timestamp,
}

/// `sshd: 1,204 failed passwords from 6 addresses since 22:41`. The pattern of somebody else is called by its name.
pub(in crate::probe::logs) fn sentence(name: &str, usual: Option<&Usual>, told: &Told<'_>, zone: &TimeZone) -> String {
    let mut text = match usual {
        Some(usual) => counted(usual, told.count),
        None => {
            format!("{name}: {} {}", units::count(told.count as f64), if told.count == 1 { "line" } else { "lines" })
        }
    };
    if let Some(by) = usual.and_then(|usual| usual.by) {
        match (told.values, told.top) {
            (0, _) => {}
            (1, Some(value)) => text.push_str(&format!(" {} {value}", by.preposition)),
            (values, _) => {
                let least = if told.complete { "" } else { "at least " };
                // A port is one of several ports.
                let preposition = by.preposition.split(' ').next().unwrap_or_default();
                text.push_str(&format!(" {preposition} {least}{} {}", units::count(values as f64), by.many));
            }
        }
    }
    let word = if told.first == told.last { "at" } else { "since" };
    text.push_str(&format!(" {word} {}", clock_time(told.first, told.to, zone)));
    text
}

/// `sshd: 1,204 failed passwords`.
pub(in crate::probe::logs) fn counted(usual: &Usual, count: u64) -> String {
    let what = if count == 1 { usual.one } else { usual.many };
    format!("{}: {} {what}", usual.service, units::count(count as f64))
}

/// `22:41`, with the day where it is another one than that of `to`.
pub(in crate::probe::logs) fn clock_time(at: Timestamp, to: Timestamp, zone: &TimeZone) -> String {
    let (at, to) = (zone.to_datetime(at), zone.to_datetime(to));
    at.strftime(if at.date() == to.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}
