//! The result of the probe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What control groups (units, containers) used in the window, and where a limit held them back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlGroups {
    /// Length of the window in seconds, as measured; 0 without one.
    pub seconds: f64,
    /// Where the figures come from: `v2` or `v1`.
    pub hierarchy: String,
    /// Control groups that were looked at.
    pub seen: u64,
    /// Whether all were, and all could be read. When false, the list is of the part that was.
    pub complete: bool,
    /// Those that were held back or had a process killed for want of memory, then those that used most CPU time; `limit` of
    /// them, without groups that did nothing. A group's CPU time, pressure and
    /// memory include those of the groups in it; periods and throttling are of its own quota alone.
    pub groups: Vec<ControlGroup>,
    /// Groups that did something and are not in the list.
    pub groups_left_out: u64,
    /// How long the one of them that was held back longest was, all CPUs together, in seconds; none without a window or where
    /// the controller `cpu` is not there.
    #[serde(default)]
    pub left_out_throttled_seconds: Option<f64>,
}

/// A control group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlGroup {
    /// Its path from the root that is seen from here, `/` for that itself; control characters escaped.
    pub path: String,
    /// The systemd unit or the container that it is, or is part of; none where its path does not tell.
    pub unit: Option<String>,
    /// CPU time in the window as a share of one CPU (`usage_usec` of `cpu.stat`; `cpuacct.usage`).
    pub cpu_share: Option<f64>,
    /// How many CPUs' worth of time it may use (`cpu.max`; `cpu.cfs_quota_us`); none without a limit of its own.
    pub cpus: Option<f64>,
    /// Periods of its quota in the window in which it had something to do (`nr_periods`); none without a quota.
    pub periods: Option<u64>,
    /// Those of them in which it used its quota up and was held back (`nr_throttled`).
    pub throttled_periods: Option<u64>,
    /// The second as a share of the first.
    pub throttled_share: Option<f64>,
    /// How long its threads were held back in the window, all CPUs together, in seconds (`throttled_usec`, `throttled_time`).
    pub throttled_seconds: Option<f64>,
    /// Share of the window in which something in it waited for a CPU (`some` of `cpu.pressure`, version 2).
    pub cpu_waited_share: Option<f64>,
    /// Memory that it uses, page cache included (`memory.current`; `memory.usage_in_bytes`).
    pub memory_bytes: Option<u64>,
    /// The most memory that it may use (`memory.max`; `memory.limit_in_bytes`); none without a limit of its own.
    pub memory_limit_bytes: Option<u64>,
    /// Processes of it that were killed for want of memory in the window, by whatever limit or the host's (`oom_kill`): with
    /// those of the groups in it in version 2, its own alone in version 1.
    pub oom_kills: Option<u64>,
    /// The same since it was made.
    pub oom_kills_ever: Option<u64>,
    /// How often its own limit of memory left no room in the window. Version 2: `oom` of `memory.events.local`, or, before
    /// Linux 5.2, of `memory.events`, which includes the groups in it. Version 1: `memory.failcnt`, which counts the times
    /// that room was made, too.
    #[serde(default)]
    pub limit_reached: Option<u64>,
}
