//! When each host watched, by its own clock, and how far that can be held against the others'.

use jiff::Timestamp;
use serde_json::Map;

use super::clocks::{self, Apart};
use super::said::{hosts_of, plural};
use super::summary::Summary;
use crate::case::{Finding, FleetHost, Gap, Reason, Said, Verdict};
use crate::units;

/// The step of a merged case that says when the hosts watched.
const WINDOWS: &str = "windows";
/// Hosts whose window is listed.
const MOST_LISTED: usize = 40;
/// Clocks that are named one by one.
const MOST_FAR: usize = 4;

fn until(host: &FleetHost) -> Timestamp {
    let span = std::time::Duration::try_from_secs_f64(host.watched_seconds.clamp(0.0, 1e9)).unwrap_or_default();
    host.watched_from.checked_add(span).unwrap_or(host.watched_from)
}

/// Whether the windows overlap, who watched at another time, and whose clocks nothing keeps.
pub(super) fn finding(members: &[Summary]) -> Finding {
    let hosts = || members.iter().map(|member| &member.host);
    let first = hosts().map(|host| host.watched_from).min().unwrap_or_default();
    let last = hosts().map(|host| host.watched_from).max().unwrap_or_default();
    let common = common(members);
    let apart: Vec<&FleetHost> = hosts().filter(|host| !overlaps(host, common)).collect();
    let mut sentence = match members.len() {
        1 => format!("from {} on", shown(first)),
        _ => format!(
            "windows begin within {} of each other, from {} on, by the hosts' own clocks",
            units::span(last.duration_since(first).as_secs_f64()),
            shown(first)
        ),
    };
    let mut gaps = Vec::new();
    if !apart.is_empty() {
        let names = hosts_of(apart.iter().map(|host| host.host.as_str()));
        let others = plural(members.len() - apart.len(), "other");
        sentence.push_str(&format!("; {names} did not watch when {others} did"));
        gaps.push(
            Gap::new(
                Reason::Absent,
                format!("hold {names} against the others at one moment"),
                "its window does not overlap theirs: what it saw may have been over, or not begun",
            )
            .to_fix("give all hosts one moment: casebook run … --begin 18:54:30Z"),
        );
    }
    let loose: Vec<&FleetHost> = hosts().filter(|host| host.clock.is_some_and(|clock| !clock.synchronised)).collect();
    let unknown = hosts().filter(|host| host.clock.is_none()).count();
    if !loose.is_empty() {
        let names = hosts_of(loose.iter().map(|host| host.host.as_str()));
        let keeps = if loose.len() == 1 { "the clock of" } else { "the clocks of" };
        sentence.push_str(&format!("; nothing keeps {keeps} {names}"));
    }
    if unknown > 0 {
        sentence.push_str(&format!("; {} did not say how right the clock is", plural(unknown, "host")));
    }
    let measured = clocks::measured(members);
    let moved: &[Apart<'_>] = measured.as_ref().map_or(&[], |clocks| &clocks.apart);
    if let Some(clocks) = &measured {
        let far: Vec<String> = moved.iter().take(MOST_FAR).map(Apart::sentence).collect();
        let more = moved.len().saturating_sub(MOST_FAR);
        let more = if more > 0 { format!(", and {} more differ", plural(more, "clock")) } else { String::new() };
        let within = units::span(clocks.within);
        sentence.push_str(&match far.as_slice() {
            [] => format!("; by when the cases came, the clocks agree within {within}"),
            far => format!("; by when the cases came, {}{more} (the others agree within {within})", far.join(", ")),
        });
    }
    for missed in moved.iter().filter(|of| of.misses()).take(MOST_FAR) {
        gaps.push(
            Gap::new(
                Reason::Absent,
                format!("hold {} against the others at one moment", missed.host),
                format!("{}: it watched before or after them", missed.sentence()),
            )
            .to_fix("set its clock (`chronyc makestep`, `timedatectl`), and run it there again"),
        );
    }
    let misses = !apart.is_empty() || moved.iter().any(Apart::misses);
    Finding {
        step: WINDOWS.to_owned(),
        title: "When they watched".to_owned(),
        verdict: if misses { Verdict::Unknown } else { Verdict::Ok },
        sentence,
        gaps,
        remedies: Vec::new(),
        data: Map::new(),
        besides: timeline(members, common),
    }
}

/// From when until when those watched that watched at the moment of most: that moment lies in the window of each, so there is no hole
/// in it, and what overlaps it overlaps the window of one of them.
fn common(members: &[Summary]) -> (Timestamp, Timestamp) {
    // One of their beginnings.
    let moment = moment_of_most(members);
    let watching = || members.iter().map(|member| &member.host).filter(|host| overlaps(host, (moment, moment)));
    let from = watching().map(|host| host.watched_from).min().unwrap_or(moment);
    (from, watching().map(until).max().unwrap_or(moment))
}

fn overlaps(host: &FleetHost, (from, to): (Timestamp, Timestamp)) -> bool {
    host.watched_from <= to && from <= until(host)
}

/// The moment at which most hosts watched, of all beginnings the first such.
fn moment_of_most(members: &[Summary]) -> Timestamp {
    let mut ends: Vec<(Timestamp, i64)> = Vec::with_capacity(members.len() * 2);
    for Summary { host, .. } in members {
        // What ends at a moment still watched at it: beginnings come first.
        ends.push((host.watched_from, 1));
        ends.push((until(host), -1));
    }
    ends.sort_by_key(|(at, step)| (*at, -step));
    let (mut now, mut most, mut moment) = (0, 0, Timestamp::default());
    for (at, step) in ends {
        now += step;
        if now > most {
            (most, moment) = (now, at);
        }
    }
    moment
}

fn shown(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%H:%M:%S%.3f UTC")
}

/// Each host's window in the order of their beginnings, with what is known of its clock.
fn timeline(members: &[Summary], common: (Timestamp, Timestamp)) -> Vec<Said> {
    let mut hosts: Vec<&FleetHost> = members.iter().map(|member| &member.host).collect();
    hosts.sort_by_key(|host| host.watched_from);
    let line = |host: &&FleetHost| {
        let clock = match host.clock {
            None => "its clock is not known".to_owned(),
            Some(clock) => match clock.maximum_error_seconds.filter(|_| clock.synchronised) {
                Some(error) => format!("± {}", units::span(error)),
                None => "nothing keeps its clock".to_owned(),
            },
        };
        let (from, span) = (shown(host.watched_from), units::span(host.watched_seconds));
        let watched = overlaps(host, common);
        Said {
            verdict: if watched { Verdict::Ok } else { Verdict::Unknown },
            sentence: format!("{} from {from} on for {span}, {clock}", host.host),
        }
    };
    hosts.iter().take(MOST_LISTED).map(line).collect()
}
