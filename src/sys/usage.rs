//! What this process has cost so far.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::time::{ClockId, clock_gettime};

/// Cost of the whole process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// CPU time in seconds, user and system.
    pub cpu_seconds: f64,
    /// Peak resident memory in bytes (`ru_maxrss`).
    pub peak_memory_bytes: u64,
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}

/// Cost of the whole process until now; nothing where the kernel does not say.
pub fn process() -> Usage {
    match getrusage(UsageWho::RUSAGE_SELF) {
        Ok(usage) => Usage {
            cpu_seconds: seconds(usage.user_time()) + seconds(usage.system_time()),
            peak_memory_bytes: u64::try_from(usage.max_rss()).unwrap_or(0) * 1024,
        },
        Err(_) => Usage { cpu_seconds: 0.0, peak_memory_bytes: 0 },
    }
}

/// CPU time of the whole process until now, in seconds.
pub fn process_cpu_seconds() -> f64 {
    process().cpu_seconds
}

/// CPU time of the calling thread until now, in seconds.
pub fn thread_cpu_seconds() -> Option<f64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
    Some(time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9)
}
