//! How far figures of two sources may be apart that did not begin and end to watch at the same moment.

use std::sync::Arc;

use crate::probe::capture::Capture;
use crate::probe::capture::output::Entered;
use crate::probe::firewall::Firewall;
use crate::probe::interfaces::{Flow, Interface, Sample};
use crate::probe::kernel::KernelCounters;
use crate::units;

/// Figures of two sources that differ by more than this share are said to disagree.
pub(super) const TOLERANCE: f64 = 0.02;
/// Bytes below which a difference is no disagreement but the edge of a window.
pub(super) const EDGE: f64 = 20_000.0;
/// How far an estimate from some of the packets may be off: what differs by more was not seen by the capture at all.
pub(super) const SAMPLED: f64 = 0.05;

/// The part of the bytes that may have come before the packets were watched and be taken to be like the rest: beyond it they
/// stay unexplained.
pub(super) const LATE: f64 = 0.05;

/// The part of the window that its edges may be.
const LONGEST_EDGE: f64 = 0.1;
/// Seconds by which two windows of the same length may be shifted.
const SHORTEST_EDGE: f64 = 0.03;

/// Bytes that can have come in the moments when the interface was watched and the packets were not: on a busy host the two
/// do not begin and end at once. What came then is taken to be like the rest.
pub(super) fn between(capture: &Capture, peak_bits_per_second: f64, seconds: f64) -> f64 {
    let moments = (seconds - capture.seconds).clamp(0.0, seconds * LONGEST_EDGE) + SHORTEST_EDGE;
    peak_bits_per_second / 8.0 * moments
}

/// The least part of the window in which what was seen says something of the rest.
const LEAST_PART: f64 = 0.5;

/// How much of what an interface counted came, or left, while the packets were watched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// All, but for the edges of the window.
    All,
    /// This part of it, by the interface's own counters at those moments, or by its samples. More than 1 where the packets were
    /// watched for longer.
    Some(f64),
    /// The packets were watched for a part of the window, and how much that was is not told.
    Unknown,
}

impl Part {
    /// What the interface counted while the packets were watched, as far as that is known.
    pub fn of(self, counted: f64) -> f64 {
        if let Part::Some(part) = self { counted * part } else { counted }
    }

    /// As much as may be missing there for the edges alone.
    pub fn edge(self, capture: &Capture, peak_bits_per_second: f64, seconds: f64) -> f64 {
        match self {
            Part::Some(_) => peak_bits_per_second / 8.0 * 2.0 * SHORTEST_EDGE,
            _ => between(capture, peak_bits_per_second, seconds),
        }
    }
}

/// One direction of the account: how each source tells of it.
pub(super) struct Direction<'a> {
    /// The interfaces that are accounted for.
    pub names: Vec<&'a str>,
    /// What they counted together in the window of the interfaces.
    pub bytes: f64,
    /// What went by each, by the capture.
    pub by_capture: &'a [Entered],
    pub flow: fn(&Interface) -> &Flow,
    pub rate: fn(&Sample) -> f64,
}

/// The part that was watched of what came, or left. On a host that is short of CPUs one probe begins seconds after another, and traffic
/// that comes in bursts can be much in a moment.
pub(super) fn part_watched(capture: &Capture, watched: &Interface, seconds: f64, of: &Direction<'_>) -> Part {
    let samples_of_it = of.names == [watched.name.as_str()];
    let by_samples = match samples_of_it {
        true => part_by_samples(capture, watched, of),
        false if capture.late_seconds.is_some_and(|late| late > seconds * LATE) => Part::Unknown,
        false => Part::All,
    };
    // A counter that stands still at times says little of what came between two moments that are far apart.
    let moves_on = by_samples == Part::All || !samples_of_it || !stands_still(watched, of);
    if let Some(counted) = counted_meanwhile(of).filter(|_| moves_on && of.bytes > 0.0) {
        let part = counted / of.bytes;
        return match (part - 1.0).abs() {
            _ if part < LEAST_PART => Part::Unknown,
            off if off <= TOLERANCE / 2.0 => Part::All,
            _ => Part::Some(part),
        };
    }
    by_samples
}

/// What the interfaces themselves counted while their packets were watched, where all of them tell.
fn counted_meanwhile(of: &Direction<'_>) -> Option<f64> {
    let counted = of.names.iter().map(|name| of.by_capture.iter().find(|by| by.interface == *name)?.counted_bytes);
    counted.sum::<Option<u64>>().map(|bytes| bytes as f64)
}

/// Some drivers refresh their counters once a second, and a sample may be left out.
fn stands_still(watched: &Interface, of: &Direction<'_>) -> bool {
    watched.samples.windows(2).any(|pair| ((of.rate)(&pair[0]) == 0.0) != ((of.rate)(&pair[1]) == 0.0))
}

/// The part that was watched, by the samples of the one interface.
fn part_by_samples(capture: &Capture, watched: &Interface, of: &Direction<'_>) -> Part {
    let (Some(from), Some(last)) = (capture.late_seconds, watched.samples.last()) else { return Part::All };
    let flow = (of.flow)(watched);
    let (Some(bytes), Some(per_second)) = (flow.bytes, flow.bytes_per_second) else {
        return Part::All;
    };
    if bytes == 0 || per_second <= 0.0 {
        return Part::All;
    }
    let (bytes, until) = (bytes as f64, from + capture.seconds);
    let seconds = bytes / per_second;
    let began = last.at - seconds;
    if last.at.min(until) - began.max(from) >= seconds * (1.0 - LATE) {
        return Part::All;
    }
    let (mut begin, mut all, mut part) = (began, 0.0, 0.0);
    for sample in &watched.samples {
        let length = (sample.at - begin).max(0.0);
        let inside = (sample.at.min(until) - begin.max(from)).clamp(0.0, length);
        all += (of.rate)(sample) / 8.0 * length;
        part += (of.rate)(sample) / 8.0 * inside;
        begin = sample.at;
    }
    let part = part / bytes;
    if stands_still(watched, of) || (all - bytes).abs() > bytes * LATE || !(LEAST_PART..=1.0).contains(&part) {
        return Part::Unknown;
    }
    if part >= 1.0 - LATE { Part::All } else { Part::Some(part) }
}

/// By how much what was counted for so many seconds grows to be that of the interfaces' window, to which the rest is taken to be alike.
/// What was counted for less than half of it does not tell of the rest, and stays.
pub(super) fn stretch(window: f64, seconds: f64) -> f64 {
    let ratio = window / seconds.max(f64::MIN_POSITIVE);
    if (1.0..=1.0 / LEAST_PART).contains(&ratio) { ratio } else { 1.0 }
}

/// The kernel's counters for the window of the interfaces.
pub(super) fn in_window(kernel: Arc<KernelCounters>, window: f64) -> Arc<KernelCounters> {
    let ratio = stretch(window, kernel.seconds);
    if ratio > 1.0 + TOLERANCE { Arc::new(kernel.stretched(ratio)) } else { kernel }
}

/// The counters of rules for the window of the interfaces.
pub(super) fn rules_in_window(firewall: Arc<Firewall>, window: f64) -> Arc<Firewall> {
    let ratio = stretch(window, firewall.seconds);
    if ratio <= 1.0 + TOLERANCE {
        return firewall;
    }
    let mut longer = Firewall::clone(&firewall);
    for figure in longer.rules.iter_mut().flat_map(|rule| [&mut rule.packets, &mut rule.bytes]).flatten() {
        *figure = (*figure as f64 * ratio).round() as u64;
    }
    Arc::new(longer)
}

/// What is said where `what` was counted for much less than the window.
pub(super) fn said_of(what: &str, seconds: f64, window: f64) -> Option<String> {
    let (counted, whole) = (units::span(seconds), units::span(window));
    match window / seconds.max(f64::MIN_POSITIVE) {
        ratio if ratio <= 1.0 + LONGEST_EDGE => None,
        _ if stretch(window, seconds) > 1.0 => {
            Some(format!("{what} were read for {counted} of {whole}: the rest is taken to be like that"))
        }
        _ => Some(format!("{what} were read for {counted} of {whole}, which does not tell of the rest")),
    }
}
