//! What a script may use.

use std::time::Duration;

/// What one run of a script may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the Lua state, in bytes.
    pub memory_bytes: usize,
    /// Time that the script itself may take; what it asks for (probes and their windows) does not count.
    pub script_time: Duration,
    /// Bytes that it may log, and bytes of the value that it may give back, each.
    pub output_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory_bytes: 64 * 1024 * 1024, script_time: Duration::from_secs(5), output_bytes: 1024 * 1024 }
    }
}
