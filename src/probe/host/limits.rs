//! What a container may use, by its control group.

use std::fs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::probe::group_limits::{bytes, cpus};

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
