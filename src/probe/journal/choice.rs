//! Which entries are asked for, and what could not be read of them.

use jiff::Timestamp;

use super::header::BootId;

/// Which entries are asked for.
#[derive(Debug, Clone, Default)]
pub(in crate::probe) struct Choice {
    /// From when on, in microseconds since 1970.
    pub from: u64,
    /// Until when; that moment belongs to it.
    pub to: u64,
    /// Those of these units; of all, if there is none.
    pub units: Vec<String>,
    /// Those of this priority and of graver ones.
    pub priority: Option<u8>,
    /// Those of this boot.
    pub boot: Option<BootId>,
}

impl Choice {
    /// The same, of another span of time.
    pub(in crate::probe) fn within(&self, from: Timestamp, to: Timestamp) -> Self {
        let micros = |at: Timestamp| u64::try_from(at.as_microsecond()).unwrap_or(0);
        Choice { from: micros(from), to: micros(to), ..self.clone() }
    }
}

/// What could not be read of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::probe) struct Faults {
    /// Entries that are cut off or damaged.
    pub damaged: u64,
    /// Messages that are packed in a way that is not read here.
    pub foreign: u64,
    /// Entries that were dated by the time since the boot, for the wall clock was set after them.
    pub redated: u64,
}
