//! How much programs wait for what the host is short of (PSI, `/proc/pressure`).

use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Gap, Reason};

/// Shares of the window, from 0 to 1, in which programs waited (`/proc/pressure`, `total=`). The kernel brings these
/// figures up to date every two seconds, so that they are rough for windows of a few seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pressure {
    /// Some waited for a CPU.
    pub cpu_some: f64,
    /// Some waited for memory.
    pub memory_some: f64,
    /// All that were not idle waited for memory.
    pub memory_full: f64,
    /// Some waited for disks.
    pub io_some: f64,
    /// All that were not idle waited for disks.
    pub io_full: f64,
}

/// The microseconds waited since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    cpu_some: u64,
    memory_some: u64,
    memory_full: u64,
    io_some: u64,
    io_full: u64,
}

impl Waited {
    /// Reads them now.
    pub fn now() -> Result<Self, Gap> {
        let (cpu, memory, io) = (read("cpu")?, read("memory")?, read("io")?);
        let of = |text: &str, line: &str| {
            total(text, line).ok_or_else(|| {
                Gap::new(Reason::Malformed, "read /proc/pressure", format!("it has no total in the line `{line}`"))
            })
        };
        Ok(Waited {
            cpu_some: of(&cpu, "some")?,
            memory_some: of(&memory, "some")?,
            memory_full: of(&memory, "full")?,
            io_some: of(&io, "some")?,
            io_full: of(&io, "full")?,
        })
    }

    /// The shares of `seconds` that were waited since `before`; none if a figure went backwards or no time passed.
    pub fn since(&self, before: &Waited, seconds: f64) -> Option<Pressure> {
        if seconds <= 0.0 {
            return None;
        }
        let share = |now: u64, before: u64| Some((now.checked_sub(before)? as f64 / 1e6 / seconds).min(1.0));
        Some(Pressure {
            cpu_some: share(self.cpu_some, before.cpu_some)?,
            memory_some: share(self.memory_some, before.memory_some)?,
            memory_full: share(self.memory_full, before.memory_full)?,
            io_some: share(self.io_some, before.io_some)?,
            io_full: share(self.io_full, before.io_full)?,
        })
    }
}

fn read(what: &str) -> Result<String, Gap> {
    let path = format!("/proc/pressure/{what}");
    std::fs::read_to_string(&path).map_err(|error| {
        let tried = format!("read {path}");
        // Kernels that could and were told not to have the files but refuse to read them.
        let off = error.raw_os_error() == Some(libc::EOPNOTSUPP) || error.kind() == io::ErrorKind::NotFound;
        if off {
            Gap::new(Reason::Absent, tried, "this kernel does not measure pressure")
                .to_fix("boot with psi=1 on Linux 4.20 or newer")
        } else {
            Gap::io(tried, &error)
        }
    })
}

/// The total of one line: `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345`.
fn total(text: &str, line: &str) -> Option<u64> {
    let rest = text.lines().find_map(|text| text.strip_prefix(line))?;
    rest.split_ascii_whitespace().find_map(|word| word.strip_prefix("total="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn totals_are_read_by_line() {
        let text =
            "some avg10=1.00 avg60=0.50 avg300=0.10 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=67\n";
        assert_eq!((total(text, "some"), total(text, "full")), (Some(12345), Some(67)));
        assert_eq!(total("some avg10=1.00\n", "some"), None);
    }

    #[test]
    fn the_time_waited_is_a_share_of_the_window_and_never_more() {
        let waited = |cpu_some| Waited { cpu_some, memory_some: 0, memory_full: 0, io_some: 0, io_full: 0 };
        assert_eq!(waited(3_000_000).since(&waited(1_000_000), 10.0).unwrap().cpu_some, 0.2);
        assert_eq!(waited(30_000_000).since(&waited(0), 10.0).unwrap().cpu_some, 1.0);
        assert_eq!(waited(0).since(&waited(1), 10.0), None);
        assert_eq!(waited(0).since(&waited(0), 0.0), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).*", rest in ".*") {
            let _ = (total(&text, "some"), total(&format!("some {rest}"), "some"));
        }
    }
}
