//! Hosts that are really in trouble, as the runbooks about what is no traffic see them: a line each of docs/accuracy.md.

mod disk_full;
mod host_under_pressure;
mod network_trouble;
mod slow_ssh_login;

/// Causes that the load of this machine may be, or is.
pub const OF_THE_MACHINE: &[&str] = &[
    "cpu-short",
    "cpu-stolen",
    "fork-storm",
    "disk-slow",
    "processes-blocked",
    "memory-short",
    "killed-for-memory",
    "kernel-stalls",
    "swap-thrash",
    "zombies",
    "cpu-queue-full",
];
