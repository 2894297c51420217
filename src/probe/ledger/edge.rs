//! How far figures of two sources may be apart that did not begin and end to watch at the same moment.

use crate::probe::capture::Capture;

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
