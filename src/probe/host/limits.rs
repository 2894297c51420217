//! What a container may use, by its control group.

use std::fs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Limits of the container that the probe runs in (control groups, version 2 or 1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// The most memory that it may use, in bytes (`memory.max`); null when there is no limit.
    pub memory_bytes: Option<u64>,
    /// The memory that it uses, page cache included (`memory.current`).
    pub memory_used_bytes: Option<u64>,
    /// How many CPUs' worth of time it may use (`cpu.max`); null when there is no limit.
    pub cpus: Option<f64>,
}

/// Version 1 writes "no limit" as the largest number of whole pages; nothing real comes near it.
const UNLIMITED: u64 = 1 << 60;

impl Limits {
    /// Reads those of the control group at the root of what this container sees; none if no control group is there.
    pub fn now() -> Option<Self> {
        let read =
            |paths: &[&str]| paths.iter().find_map(|path| fs::read_to_string(format!("/sys/fs/cgroup/{path}")).ok());
        let used = read(&["memory.current", "memory/memory.usage_in_bytes"])?;
        let limit = read(&["memory.max", "memory/memory.limit_in_bytes"]);
        let quota = read(&["cpu.max"]).or_else(|| {
            let part = |name: &str| read(&[&format!("cpu/{name}")]);
            Some(format!("{} {}", part("cpu.cfs_quota_us")?.trim(), part("cpu.cfs_period_us")?.trim()))
        });
        Some(Limits {
            memory_bytes: limit.as_deref().and_then(bytes),
            memory_used_bytes: bytes(&used),
            cpus: quota.as_deref().and_then(cpus),
        })
    }
}

/// A number of bytes; none for `max` and for what version 1 writes instead.
fn bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < UNLIMITED)
}

/// How many CPUs a quota is worth: `50000 100000` is half of one, `max 100000` and `-1 100000` are no limit.
fn cpus(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?);
    (period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_limit_is_not_a_very_large_one() {
        assert_eq!(bytes("max\n"), None);
        assert_eq!(bytes("9223372036854771712\n"), None);
        assert_eq!(bytes("536870912\n"), Some(536_870_912));
    }

    #[test]
    fn a_quota_is_a_number_of_cpus() {
        assert_eq!(cpus("150000 100000\n"), Some(1.5));
        assert_eq!(cpus("max 100000\n"), None);
        assert_eq!(cpus("-1 100000"), None);
        assert_eq!(cpus("1 0"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", quota in "[0-9a-z -]*") {
            let _ = (bytes(&text), cpus(&text), cpus(&quota));
        }
    }
}
