//! Hosts that are really in trouble, as the runbooks about what is no traffic see them: a line each of docs/accuracy.md.

mod disk_full;
mod host_under_pressure;
mod network_trouble;
mod slow_ssh_login;

use casebook::case::Cause;

/// What control groups are called that a test makes to hold one back: every test that runs meanwhile sees them, too.
pub const HELD_BACK: &str = "casebook-test-held-back-";

/// Whether a cause may be, or is, the machine's or another test's.
pub fn of_elsewhere(cause: &Cause) -> bool {
    OF_THE_MACHINE.contains(&cause.id.as_str()) || cause.title.contains(HELD_BACK)
}

/// Causes that the load of this machine may be, or is.
const OF_THE_MACHINE: &[&str] = &[
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
