//! How far the clocks of the hosts are apart, by when their cases came to the machine that merges them.
//!
//! A case comes a moment after its host has looked. Between hosts that were asked in the same way that moment differs little, so what
//! differs more is the clock: a case that came too early was written by one that is ahead. One that came late may also have been
//! long on its way. Files that were copied later tell nothing.

use super::said::median;
use super::summary::Summary;
use crate::units;

/// Fewer hosts have no clock of most.
const FEWEST: usize = 3;
/// Cases come so soon after the look, in seconds; where most came later, their files were not written as they came.
const PROMPT: f64 = 60.0;
/// Seconds by which the moments of most may differ for anything to be told.
const LOOSE: f64 = 5.0;
/// Less than that is no difference of clocks, in seconds: of one that is ahead, of one that is behind.
const AHEAD: f64 = 2.0;
const BEHIND: f64 = 15.0;

/// What is known of the clocks.
pub(super) struct Clocks<'a> {
    /// Those that are far from the others'.
    pub apart: Vec<Apart<'a>>,
    /// Within how many seconds the others agree.
    pub within: f64,
}

/// A clock that is far from the others'.
pub(super) struct Apart<'a> {
    pub host: &'a str,
    /// How far it is ahead, in seconds; less than 0 where it is behind, or its case was long on its way.
    pub ahead: f64,
    /// How long the host watched, in seconds.
    pub watched: f64,
}

/// What the moments tell at which the cases came. None where they tell nothing.
pub(super) fn measured(members: &[Summary]) -> Option<Clocks<'_>> {
    let after = |member: &Summary| Some(member.arrived?.duration_since(member.looked_until).as_secs_f64());
    let lags: Vec<(&Summary, f64)> = members.iter().filter_map(|member| Some((member, after(member)?))).collect();
    if lags.len() < FEWEST {
        return None;
    }
    let middle = median(lags.iter().map(|(_, lag)| *lag))?;
    let spread = median(lags.iter().map(|(_, lag)| (lag - middle).abs()))?;
    if middle.abs() > PROMPT || spread > LOOSE {
        return None;
    }
    let is_apart = |ahead: f64| ahead > AHEAD.max(3.0 * spread) || -ahead > BEHIND.max(6.0 * spread);
    let mut clocks = Clocks { apart: Vec::new(), within: 0.0 };
    for (member, lag) in lags {
        let ahead = middle - lag;
        if is_apart(ahead) {
            let host = &member.host;
            clocks.apart.push(Apart { host: &host.host, ahead, watched: host.watched_seconds });
        } else {
            clocks.within = clocks.within.max(ahead.abs());
        }
    }
    Some(clocks)
}

impl Apart<'_> {
    /// Whether what it calls its window was over when the others watched, or had not begun.
    pub fn misses(&self) -> bool {
        self.ahead.abs() > self.watched
    }

    /// `the clock of web-3 is 41 s ahead`.
    pub fn sentence(&self) -> String {
        let (host, apart) = (self.host, units::span(self.ahead.abs()));
        if self.ahead > 0.0 {
            format!("the clock of {host} is {apart} ahead")
        } else {
            format!("the clock of {host} is {apart} behind, or its case was so long on its way")
        }
    }
}
