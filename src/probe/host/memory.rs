//! Memory and swap.

use procfs::{Current as _, Meminfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, System};

use crate::case::{Gap, Reason};

/// Memory at the end of the window, in bytes (`/proc/meminfo`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// All that the kernel can use.
    pub total_bytes: u64,
    /// What programs could have without swapping (`MemAvailable`; estimated before Linux 3.14).
    pub available_bytes: u64,
    /// Total less available.
    pub used_bytes: u64,
    /// Used as a share of total.
    pub used_share: f64,
    /// Buffers of block devices; in `available_bytes` for the most part.
    pub buffers_bytes: Option<u64>,
    /// Page cache, shared memory included; in `available_bytes` for the most part.
    pub cached_bytes: Option<u64>,
}

/// Swap at the end of the window, in bytes (`/proc/meminfo`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Swap {
    /// All swap.
    pub total_bytes: u64,
    /// Swap in use.
    pub used_bytes: u64,
    /// Used as a share of total; null where there is no swap.
    pub used_share: Option<f64>,
    /// Pages that went to swap and came from there per second, where tools printed it; null on a live host, whose kernel counts them in
    /// /proc/vmstat.
    #[serde(default)]
    pub moved_pages_per_second: Option<f64>,
}

/// Reads memory and swap now. Processes are not looked at.
pub fn now() -> Result<(Memory, Swap), Gap> {
    const TRIED: &str = "read /proc/meminfo";
    let mut system = System::new().map_err(|error| Gap::new(Reason::Failed, TRIED, error.to_string()))?;
    system.refresh_memory_specifics(MemoryRefreshKind::everything());
    if system.total_memory() == 0 {
        return Err(Gap::new(Reason::Absent, TRIED, "it does not say how much memory there is").to_fix("mount /proc"));
    }
    // Buffers and cache apart from each other; the crate above adds them to what is available.
    let details = Meminfo::current().ok();
    let memory = Memory {
        buffers_bytes: details.as_ref().map(|details| details.buffers),
        cached_bytes: details.as_ref().map(|details| details.cached),
        ..memory(system.total_memory(), system.available_memory())
    };
    Ok((memory, swap(system.total_swap(), system.free_swap())))
}

fn memory(total: u64, available: u64) -> Memory {
    let used = total.saturating_sub(available);
    let used_share = if total == 0 { 0.0 } else { used as f64 / total as f64 };
    let available_bytes = total - used;
    Memory { total_bytes: total, available_bytes, used_bytes: used, used_share, ..Memory::default() }
}

fn swap(total: u64, free: u64) -> Swap {
    let used = total.saturating_sub(free);
    Swap {
        total_bytes: total,
        used_bytes: used,
        used_share: (total > 0).then(|| used as f64 / total as f64),
        moved_pages_per_second: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_swap_has_no_share_of_it_in_use() {
        assert_eq!(swap(0, 0).used_share, None);
        assert_eq!(swap(100, 75).used_share, Some(0.25));
    }

    #[test]
    fn memory_that_is_available_is_not_used() {
        let memory = memory(100, 40);
        assert_eq!((memory.used_bytes, memory.used_share), (60, 0.6));
        assert_eq!(self::memory(100, 120).used_bytes, 0);
    }
}
