//! Time that this machine slept, and how right its clock is.
#![allow(unsafe_code)]

use std::sync::OnceLock;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::case::Clock;

/// How long the machine has been suspended since it was booted: what `CLOCK_BOOTTIME` counts and `CLOCK_MONOTONIC`, by which
/// all windows and deadlines are measured, does not. None where the kernel does not say.
pub fn suspended() -> Option<Duration> {
    let running = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?);
    let all = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?);
    Some(all.saturating_sub(running))
}

/// What the kernel said of its clock when this was called first: before this process forbade itself the call, by which clocks are
/// set, too. Nothing is set. None where the kernel may not be asked, as in some containers.
pub fn discipline() -> Option<Clock> {
    static AT_FIRST: OnceLock<Option<Clock>> = OnceLock::new();
    *AT_FIRST.get_or_init(ask)
}

fn ask() -> Option<Clock> {
    // SAFETY: all of it is numbers, for which zeros stand well.
    let mut about: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `modes` is 0, so the kernel sets nothing and fills in a structure that lives as long as the call.
    let state = unsafe { libc::adjtimex(&raw mut about) };
    if state < 0 {
        return None;
    }
    let synchronised = state != libc::TIME_ERROR && about.status & libc::STA_UNSYNC == 0;
    #[allow(clippy::useless_conversion, reason = "its width is the machine's")]
    let seconds = |microseconds: libc::c_long| synchronised.then(|| i64::from(microseconds) as f64 / 1e6);
    Some(Clock {
        synchronised,
        maximum_error_seconds: seconds(about.maxerror),
        estimated_error_seconds: seconds(about.esterror),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_errors_when_something_keeps_it_and_only_then() {
        let Some(clock) = discipline() else { return println!("SKIPPED: this kernel does not let its clock be asked") };
        assert_eq!(clock.synchronised, clock.maximum_error_seconds.is_some());
        assert_eq!(clock.synchronised, clock.estimated_error_seconds.is_some());
        assert!(clock.maximum_error_seconds.is_none_or(|error| (0.0..3600.0).contains(&error)), "{clock:?}");
    }
}
