//! What an output tells in sentences alone.

use jiff::civil::DateTime;
use serde_json::Value;

/// What an output tells in sentences alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub tool: &'static str,
    /// What stands out, as sentences.
    pub stands_out: Vec<String>,
    /// Connections by state, of counts.
    pub states: Vec<(&'static str, u64)>,
    /// Of /proc/net/sockstat, as the probe `kernel` names it.
    pub sockstat: Vec<(&'static str, u64)>,
    /// Bytes in and out of all time, of `vnstat`.
    pub totals: Option<(String, f64, f64)>,
    /// Processes, as the probe of that name tells them.
    pub processes: Vec<Value>,
    /// What it tells in the words of a logger, a line each, none of which has a time.
    pub lines: String,
    /// What somebody who pastes it complains of.
    pub about: &'static str,
    /// When it was printed, or its figures were last renewed.
    pub moment: Option<DateTime>,
}
