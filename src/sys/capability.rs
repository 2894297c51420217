//! Which capabilities this process was started with, and whether they reach all of the host.

use std::sync::OnceLock;

use rustix::thread::{CapabilitySet, capabilities};

/// The capabilities of this process, before any of its threads gave some up.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    effective: CapabilitySet,
    of_the_host: bool,
}

/// What this process holds. The first call asks the kernel, and so belongs before the first confinement.
pub fn held() -> &'static Held {
    static HELD: OnceLock<Held> = OnceLock::new();
    HELD.get_or_init(|| Held {
        effective: capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective),
        // Where it cannot be read nothing is said of it.
        of_the_host: std::fs::read_to_string("/proc/self/uid_map").map_or(true, |map| maps_every_user(&map)),
    })
}

impl Held {
    /// Whether it holds all of these: `CAP_BPF and CAP_PERFMON`, with commas or "and". A name that is unknown is not held.
    pub fn has(&self, names: &str) -> bool {
        let names = names.split([',', ' ']).filter(|name| !name.is_empty() && *name != "and");
        let sets = names.map(|name| name.strip_prefix("CAP_").and_then(CapabilitySet::from_name));
        sets.into_iter().all(|set| set.is_some_and(|set| self.effective.contains(set)))
    }

    /// Whether they count for all that there is on the host: those of a user namespace count within it alone.
    pub fn of_the_host(&self) -> bool {
        self.of_the_host
    }
}

/// Whether a map of users (`/proc/PID/uid_map`) is that of the first user namespace, in which each user is himself.
fn maps_every_user(map: &str) -> bool {
    let mut rows = map.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    rows.next().is_some_and(|row| row == ["0", "0", "4294967295"]) && rows.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_are_held_only_together_and_an_unknown_one_never() {
        let held = Held { effective: CapabilitySet::BPF | CapabilitySet::PERFMON, of_the_host: true };
        for names in ["CAP_BPF", "CAP_BPF and CAP_PERFMON", "CAP_PERFMON, CAP_BPF"] {
            assert!(held.has(names), "{names}");
        }
        for names in ["CAP_SYS_ADMIN", "CAP_BPF and CAP_SYS_ADMIN", "CAP_OF_TOMORROW", "Linux 6.10", "BPF"] {
            assert!(!held.has(names), "{names}");
        }
    }

    #[test]
    fn root_of_a_container_without_root_is_not_the_hosts() {
        assert!(maps_every_user("         0          0 4294967295\n"));
        assert!(!maps_every_user("         0     100000      65536\n"));
        assert!(!maps_every_user("         0       1000          1\n         1     100000      65536\n"));
        assert!(!maps_every_user(""));
    }
}
