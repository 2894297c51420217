//! How far figures of two sources may be apart that did not begin and end to watch at the same moment.

use std::sync::Arc;

use crate::probe::capture::Capture;
use crate::probe::interfaces::{Interface, Sample};
use crate::probe::kernel::KernelCounters;

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

/// The part of what the interface counted that came, or left, while the packets were watched, by its samples; none where that is next to
/// all, or too little to tell of the rest. On a host that is short of CPUs one probe begins seconds after another.
pub(super) fn part_watched(
    capture: &Capture,
    watched: &Interface,
    seconds: f64,
    rate: impl Fn(&Sample) -> f64,
) -> Option<f64> {
    let from = capture.late_seconds?;
    let until = from + capture.seconds;
    let mut begin = watched.samples.last()?.at - seconds;
    let (mut all, mut part) = (0.0, 0.0);
    for sample in &watched.samples {
        let length = (sample.at - begin).max(0.0);
        let inside = (sample.at.min(until) - begin.max(from)).clamp(0.0, length);
        all += rate(sample) * length;
        part += rate(sample) * inside;
        begin = sample.at;
    }
    Some(part / all).filter(|part| (LEAST_PART..1.0 - LATE).contains(part))
}

/// By how much what was counted for so many seconds grows to be that of the interfaces' window, to which the rest is taken to be alike.
/// What was counted for less than half of it is not trusted to tell of more than twice itself.
pub(super) fn stretch(window: f64, seconds: f64) -> f64 {
    (window / seconds.max(f64::MIN_POSITIVE)).clamp(1.0, 1.0 / LEAST_PART)
}

/// The kernel's counters for the window of the interfaces.
pub(super) fn in_window(kernel: Arc<KernelCounters>, window: f64) -> Arc<KernelCounters> {
    let ratio = stretch(window, kernel.seconds);
    if ratio > 1.0 + TOLERANCE { Arc::new(kernel.stretched(ratio)) } else { kernel }
}
