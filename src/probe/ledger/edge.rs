//! How far figures of two sources may be apart that did not begin and end to watch at the same moment.

use std::sync::Arc;

use crate::probe::capture::Capture;
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
    /// This part of it, by the interface's samples.
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

/// The part that was watched of what came, or left, by one interface. On a host that is short of CPUs one probe begins seconds after
/// another.
pub(super) fn part_watched(
    capture: &Capture,
    watched: &Interface,
    side: impl Fn(&Interface) -> &Flow,
    rate: impl Fn(&Sample) -> f64,
) -> Part {
    let (Some(from), Some(last)) = (capture.late_seconds, watched.samples.last()) else { return Part::All };
    let (Some(bytes), Some(per_second)) = (side(watched).bytes, side(watched).bytes_per_second) else {
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
        all += rate(sample) / 8.0 * length;
        part += rate(sample) / 8.0 * inside;
        begin = sample.at;
    }
    // Some drivers refresh their counters once a second, and a sample may be left out.
    let stands_still = watched.samples.windows(2).any(|pair| (rate(&pair[0]) == 0.0) != (rate(&pair[1]) == 0.0));
    let part = part / bytes;
    if stands_still || (all - bytes).abs() > bytes * LATE || !(LEAST_PART..=1.0).contains(&part) {
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
