//! Time that this machine slept.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// How long the machine has been suspended since it was booted: what `CLOCK_BOOTTIME` counts and `CLOCK_MONOTONIC`, by which
/// all windows and deadlines are measured, does not. None where the kernel does not say.
pub fn suspended() -> Option<Duration> {
    let running = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?);
    let all = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?);
    Some(all.saturating_sub(running))
}
