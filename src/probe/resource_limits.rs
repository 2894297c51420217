//! How much of a host that is in trouble already a run may take for itself.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::sys::usage;

/// CPU time that may be taken at once, before shares count: a look that is over soon need not be slow.
const AT_ONCE: f64 = 1.0;
/// The shortest rest: while other threads go on, less would be a loop that takes what it waits for.
const SHORTEST_REST: Duration = Duration::from_millis(1);
/// The longest rest in one piece, so that a run that is ended ends soon.
const LONGEST_REST: Duration = Duration::from_millis(100);
/// The share of one CPU that reading packets may take, however much else is allowed.
const CAPTURE_SHARE: f64 = 0.3;

/// What a run may take, counted from when this was made.
#[derive(Debug, Clone, Copy)]
pub struct ResourceLimits {
    /// CPUs that the whole process may keep busy.
    cpus: f64,
    memory_bytes: u64,
    began: Instant,
    cpu_began: f64,
}

impl Default for ResourceLimits {
    /// A third of the CPUs, and [`ResourceLimits::memory_by_default`].
    fn default() -> Self {
        ResourceLimits::new(ResourceLimits::cpus_by_default(), ResourceLimits::memory_by_default())
    }
}

impl ResourceLimits {
    /// The most memory that a run may take when nothing else is said, in bytes.
    pub const MEMORY: u64 = 128_000_000;
    /// A run needs this much for what does not grow with the host.
    const LEAST_MEMORY: u64 = 16_000_000;

    /// A tenth of the memory that the host has, or the control groups that this process is in where that is less, within bounds;
    /// [`Self::MEMORY`] where the host does not say how much it has. It is asked once: a process that has given up its sight of
    /// the host is not told any more.
    pub fn memory_by_default() -> u64 {
        static MEMORY: OnceLock<u64> = OnceLock::new();
        *MEMORY.get_or_init(|| ResourceLimits::memory_of(memory_of_host()))
    }

    fn memory_of(total: u64) -> u64 {
        if total == 0 {
            ResourceLimits::MEMORY
        } else {
            (total / 10).clamp(ResourceLimits::LEAST_MEMORY, ResourceLimits::MEMORY)
        }
    }

    /// A third of the CPUs that the process may run on.
    pub fn cpus_by_default() -> f64 {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64 / 3.0
    }

    /// A run that keeps at most `cpus` CPUs busy, which may be less than one, and takes at most `memory_bytes`.
    pub fn new(cpus: f64, memory_bytes: u64) -> Self {
        ResourceLimits { cpus, memory_bytes, began: Instant::now(), cpu_began: usage::process_cpu_seconds() }
    }

    /// No bounds but those of the probes themselves.
    pub fn unbounded() -> Self {
        ResourceLimits::new(f64::INFINITY, u64::MAX)
    }

    /// The share of one CPU that reading packets may take: half of what the run may, and never more than 30 %. Without bounds
    /// every packet is read.
    pub fn capture_share(&self) -> f64 {
        if self.lowers_priority() { (self.cpus / 2.0).min(CAPTURE_SHARE) } else { f64::INFINITY }
    }

    /// Whether what need not keep up with the host lets all others go first.
    pub fn lowers_priority(&self) -> bool {
        self.cpus.is_finite()
    }

    /// Memory that the run may take, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// How long to rest now, so that the CPU time of the run comes down to its share; none when it is within it.
    pub fn rest(&self) -> Option<Duration> {
        if !self.lowers_priority() {
            return None;
        }
        self.rest_after(self.began.elapsed(), usage::process_cpu_seconds() - self.cpu_began)
    }

    fn rest_after(&self, elapsed: Duration, cpu_seconds: f64) -> Option<Duration> {
        let over = cpu_seconds - AT_ONCE - self.cpus * elapsed.as_secs_f64();
        (over > 0.0)
            .then(|| Duration::try_from_secs_f64(over / self.cpus).unwrap_or(LONGEST_REST))
            .map(|rest| rest.clamp(SHORTEST_REST, LONGEST_REST))
    }
}

/// Bytes of memory that this process could have at most; 0 where that is not told.
fn memory_of_host() -> u64 {
    let Ok(mut system) = System::new() else { return 0 };
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let me = Pid::from_u32(std::process::id());
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[me]), false, ProcessRefreshKind::nothing());
    // Of the process, all groups around its own included: the root of what is mounted has no limit on a host.
    let of_process = system.process(me).and_then(|process| process.cgroup_limits());
    let limit = of_process.or_else(|| system.cgroup_limits()).map_or(u64::MAX, |limits| limits.total_memory);
    system.total_memory().min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_more_than_the_share_rests_until_it_is_one_again() {
        let resources = ResourceLimits::new(0.5, ResourceLimits::MEMORY);
        let rest = |seconds, cpu| resources.rest_after(Duration::from_secs(seconds), cpu);
        assert_eq!(rest(0, 0.9), None, "a second at once is free");
        assert_eq!(rest(10, 5.9), None);
        assert_eq!(rest(10, 6.01), Some(Duration::from_millis(20)));
        assert_eq!(rest(10, 9.0), Some(LONGEST_REST));
        assert_eq!(ResourceLimits::unbounded().rest(), None);
    }

    #[test]
    fn a_small_host_is_left_nine_tenths_of_its_memory() {
        for (total, most) in [(0, 128), (64, 16), (256, 25), (1_000, 100), (64_000, 128)] {
            assert_eq!(ResourceLimits::memory_of(total * 1_000_000) / 1_000_000, most, "{total} MB");
        }
        assert!((16_000_000..=128_000_000).contains(&ResourceLimits::memory_by_default()));
    }

    #[test]
    fn packets_never_take_more_than_their_share() {
        assert_eq!(ResourceLimits::new(8.0, ResourceLimits::MEMORY).capture_share(), 0.3);
        assert_eq!(ResourceLimits::unbounded().capture_share(), f64::INFINITY);
        assert_eq!(ResourceLimits::new(0.1, ResourceLimits::MEMORY).capture_share(), 0.05);
    }
}
