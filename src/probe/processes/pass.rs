//! One pass over all processes.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use super::stat::Stat;
use crate::probe::Context;
use crate::probe::process::IoCounters;

/// After how many processes the clock is looked at.
const CLOCK_EVERY: usize = 64;

/// What a process had done by some moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// When it was looked at.
    pub(super) at: Instant,
    pub(super) stat: Stat,
    /// `/proc/PID/io`, where it may be read.
    pub(super) io: Option<IoCounters>,
    /// Its open descriptors, where the kernel says how many.
    pub(super) open_files: Option<u64>,
}

/// What a pass found.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) samples: HashMap<i32, Sample>,
    /// Whether it came to its end in time.
    pub(super) complete: bool,
    /// Processes that would not show their I/O.
    pub(super) denied: u64,
}

impl Pass {
    /// Looks at all processes, for so long at most.
    pub(super) fn over_all(patience: Duration, cx: &Context) -> io::Result<Self> {
        let deadline = Instant::now() + patience;
        let mut pids: Vec<i32> =
            fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        // The passes go the same way, so that about the same time lies between the two looks at each.
        pids.sort();
        let counted = counts_open_files();
        let mut pass = Pass { samples: HashMap::with_capacity(pids.len()), complete: true, denied: 0 };
        for (number, pid) in pids.into_iter().enumerate() {
            if number % CLOCK_EVERY == CLOCK_EVERY - 1 {
                cx.throttle();
                if Instant::now() >= deadline {
                    pass.complete = false;
                    break;
                }
            }
            let Some(stat) = read_stat(pid) else { continue }; // it has ended meanwhile
            let io = match IoCounters::read(pid) {
                Ok(io) => Some(io),
                Err(error) => {
                    pass.denied += u64::from(error.kind() == io::ErrorKind::PermissionDenied);
                    None
                }
            };
            let open_files = counted.then(|| fs::metadata(format!("/proc/{pid}/fd")).ok().map(|fd| fd.len())).flatten();
            pass.samples.insert(pid, Sample { at: Instant::now(), stat, io, open_files });
        }
        Ok(pass)
    }
}

fn read_stat(pid: i32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    Stat::from_text(&String::from_utf8_lossy(&text))
}

/// Whether the size of `/proc/PID/fd` is the number of descriptors: since Linux 6.2. We have some open ourselves.
pub(super) fn counts_open_files() -> bool {
    fs::metadata("/proc/self/fd").is_ok_and(|fd| fd.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_finds_ourselves() {
        let pass = Pass::over_all(Duration::from_secs(20), &Context::alone()).unwrap();
        let own = &pass.samples[&(std::process::id() as i32)];
        assert!(pass.complete && own.io.is_some() && own.stat.threads > 0);
        assert_eq!(own.open_files.is_some(), counts_open_files());
    }

    #[test]
    fn a_pass_without_time_says_that_it_is_not_complete() {
        let pass = Pass::over_all(Duration::ZERO, &Context::alone()).unwrap();
        assert!(!pass.complete || pass.samples.len() < CLOCK_EVERY);
    }
}
