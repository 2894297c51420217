//! What the hits of the patterns tell, in sentences: who wrote what, how often, about whom, since when.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::output::{Logs, PatternHits, StandsOut};
use super::usual::{self, By, Usual, Weight};
use super::window::clock_time;
use crate::units;

/// Values that are named one by one; of more, their number and the commonest.
const NAMED: usize = 3;

/// Characters of a value that is named.
const LONGEST_NAME: usize = 64;

/// From which share of the lines on the commonest value is named.
const MOST: f64 = 0.5;

/// How moments are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moments {
    /// Of a host that is looked at: the time of day, up to now.
    SinceThen,
    /// Of lines that somebody gave: from when to when, with the day.
    FromTo,
}

/// Says what stands out, the gravest first, and counts the lines of trouble.
pub(super) fn tell(logs: &mut Logs, zone: &TimeZone, moments: Moments) {
    let mut told: Vec<(Weight, StandsOut)> = Vec::new();
    logs.trouble = 0;
    for (name, hits) in logs.patterns.iter().filter(|(_, hits)| hits.count > 0) {
        let usual = usual::named(name).filter(|_| hits.bound);
        let weight = usual.map_or(Weight::Trouble, |usual| usual.weight);
        if weight > Weight::Aside {
            logs.trouble += hits.count;
        }
        let sentence = what(name, usual, hits) + &span(hits, logs.to, zone, moments);
        let means = usual.map(|usual| usual.means.to_owned());
        let pattern = name.clone();
        told.push((
            weight,
            StandsOut { pattern, weight: weight.name().to_owned(), count: hits.count, sentence, means },
        ));
    }
    told.sort_by_key(|(weight, told)| std::cmp::Reverse((*weight, told.count)));
    logs.stands_out = told.into_iter().map(|(_, told)| told).collect();
}

/// `sshd: 1,204 failed passwords from 6 addresses`. The pattern of somebody else is called by its name.
fn what(name: &str, usual: Option<&Usual>, hits: &PatternHits) -> String {
    let count = units::count(hits.count as f64);
    let Some(usual) = usual else {
        return format!("{name}: {count} {}", if hits.count == 1 { "line" } else { "lines" });
    };
    let mut text = format!("{}: {count} {}", usual.service, if hits.count == 1 { usual.one } else { usual.many });
    for by in usual.by {
        text.push_str(&about(by, hits));
    }
    text
}

/// ` from 203.0.113.9`, ` from 6 addresses, most from 203.0.113.9`.
fn about(by: &By, hits: &PatternHits) -> String {
    let values = hits.values.get(by.group).copied().unwrap_or(0);
    let top = hits.captures.get(by.group).map(Vec::as_slice).unwrap_or_default();
    let By { preposition, many, .. } = by;
    let Some(first) = top.first() else { return String::new() };
    if top.len() <= NAMED && values <= top.len() as u64 {
        let names: Vec<String> = top.iter().map(|value| name_of(&value.value)).collect();
        return format!(" {preposition} {}", names.join(", "));
    }
    let least = if top.iter().any(|value| value.doubt > 0) { "at least " } else { "" };
    // A port is one of several ports.
    let word = preposition.split(' ').next().unwrap_or_default();
    let mut text = format!(" {word} {least}{} {many}", units::count(values as f64));
    if first.count as f64 >= MOST * hits.count as f64 {
        text.push_str(&format!(", most {preposition} {}", name_of(&first.value)));
    }
    text
}

fn name_of(value: &str) -> String {
    match value.char_indices().nth(LONGEST_NAME) {
        Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
        None => value.to_owned(),
    }
}

/// ` since 22:41`, ` at 22:41`; ` from 2026-11-28 22:41:09 to 22:55:00`; ` in 10 s` where only that is known.
fn span(hits: &PatternHits, to: Timestamp, zone: &TimeZone, moments: Moments) -> String {
    let (Some(first), Some(last)) = (hits.first, hits.last) else {
        return match hits.apart_seconds.filter(|apart| *apart > 0.0) {
            Some(apart) => format!(" in {}", units::span(apart.round().max(1.0))),
            None => String::new(),
        };
    };
    if moments == Moments::SinceThen {
        let word = if first == last { "at" } else { "since" };
        return format!(" {word} {}", clock_time(first, to, zone));
    }
    let (begin, end) = (zone.to_datetime(first), zone.to_datetime(last));
    let day = begin.strftime("%Y-%m-%d %H:%M:%S");
    if first == last {
        return format!(" at {day}");
    }
    let end = end.strftime(if begin.date() == end.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" });
    format!(" from {day} to {end}")
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::probe::logs::output::CaptureCount;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hits(count: u64, group: &str, values: &[(&str, u64)]) -> PatternHits {
        let counted = |(value, count): &(&str, u64)| CaptureCount { value: (*value).into(), count: *count, doubt: 0 };
        PatternHits {
            count,
            bound: true,
            first: Some(at("2026-11-28T22:41:09Z")),
            last: Some(at("2026-11-28T22:55:00Z")),
            apart_seconds: None,
            quiet_seconds: None,
            rate_per_minute: None,
            per_minute: Vec::new(),
            samples: Vec::new(),
            captures: IndexMap::from([(group.to_owned(), values.iter().map(counted).collect())]),
            values: IndexMap::from([(group.to_owned(), values.len() as u64)]),
        }
    }

    fn say(name: &str, hits: &PatternHits, to: &str, moments: Moments) -> String {
        what(name, usual::named(name), hits) + &span(hits, at(to), &TimeZone::UTC, moments)
    }

    #[test]
    fn a_sentence_says_who_how_often_and_since_when() {
        let live = |name: &str, hits: &PatternHits| say(name, hits, "2026-11-28T22:56:00Z", Moments::SinceThen);
        let six = [("a", 200), ("b", 201), ("c", 201), ("d", 201), ("e", 201), ("f", 200)];
        let mut many = hits(1204, "address", &six);
        let text = "sshd: 1,204 failed passwords from 6 addresses since 22:41";
        assert_eq!(live("ssh_failed_password", &many), text);
        many.captures["address"][0] = CaptureCount { value: "203.0.113.9".into(), count: 900, doubt: 3 };
        many.values["address"] = 4096;
        assert_eq!(
            live("ssh_failed_password", &many),
            "sshd: 1,204 failed passwords from at least 4,096 addresses, most from 203.0.113.9 since 22:41"
        );
        let few = hits(14, "address", &[("203.0.113.9", 12), ("203.0.113.10", 2)]);
        assert_eq!(
            live("ssh_failed_password", &few),
            "sshd: 14 failed passwords from 203.0.113.9, 203.0.113.10 since 22:41"
        );
        let mut one = hits(1, "port", &[("80", 1)]);
        one.last = one.first;
        assert_eq!(live("syn_flooding", &one), "kernel: 1 warning of SYN flooding on TCP port 80 at 22:41");
        let none = hits(3, "address", &[]);
        let later = |moments| say("conntrack_full", &none, "2026-11-29T00:10:00Z", moments);
        let full = "kernel: 3 warnings that the table of connections is full and drops packets";
        assert_eq!(later(Moments::SinceThen), format!("{full} since 2026-11-28 22:41"));
        assert_eq!(later(Moments::FromTo), format!("{full} from 2026-11-28 22:41:09 to 22:55:00"));
        assert_eq!(live("mine", &none), "mine: 3 lines since 22:41");
        let dark = PatternHits { first: None, last: None, apart_seconds: Some(9.6), ..none };
        assert_eq!(say("mine", &dark, "2026-11-29T00:10:00Z", Moments::FromTo), "mine: 3 lines in 10 s");
    }

    #[test]
    fn a_long_value_is_cut() {
        let long = "ä".repeat(200);
        let told = about(&usual::named("unit_failed").unwrap().by[0], &hits(1, "unit", &[(&long, 1)]));
        assert_eq!(told, format!(" of {}…", "ä".repeat(LONGEST_NAME)));
    }
}
