//! One pass over the processes of the host: which network namespace each lives in, and in which container.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use crate::probe::Context;
use crate::probe::cgroup::{self, Group};
use crate::sys::network_namespace;

/// How long a pass may take. One over a thousand processes takes some 20 ms.
const PATIENCE: Duration = Duration::from_millis(400);
/// After how many processes the clock is looked at.
const CLOCK_EVERY: usize = 32;
/// Processes of one namespace that are remembered.
const MOST_OF_ONE: usize = 64;
/// Namespaces that are remembered: some 4 MB.
const MOST_NAMESPACES: usize = 8192;
/// Containers of the namespace that is looked from that are remembered.
const MOST_HERE: usize = 256;
/// Bytes of `/proc/PID/cgroup`.
const GROUPS: u64 = 16 << 10;
/// How many it usually has at most.
const ROOM: usize = 2 << 10;

/// What a pass found.
#[derive(Debug, Default)]
pub struct Residents {
    /// Other namespaces, by number.
    pub elsewhere: HashMap<u64, Inhabitants>,
    /// Containers in the namespace that is looked from, with their processes.
    pub here: Vec<(Group, Vec<i32>)>,
    /// Processes that were looked at.
    pub seen: u64,
    /// Processes that do not show where they live.
    pub denied: u64,
    /// Processes that were not looked at, since the time was over.
    pub not_reached: u64,
    /// Namespaces that were not remembered.
    pub forgotten: u64,
}

/// Who lives in a namespace.
#[derive(Debug, Default)]
pub struct Inhabitants {
    /// How many processes.
    pub count: u64,
    /// Their ids, lowest first, with the container of each.
    pub members: Vec<(i32, Option<Group>)>,
}

impl Residents {
    /// Goes over all processes.
    pub fn find(here: u64, cx: &Context) -> io::Result<Self> {
        let mut pids: Vec<i32> =
            fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable();
        let deadline = Instant::now() + PATIENCE;
        let mut residents = Residents::default();
        let mut forgotten = HashSet::new();
        for (done, pid) in pids.iter().enumerate() {
            if done % CLOCK_EVERY == CLOCK_EVERY - 1 && (Instant::now() >= deadline || !cx.checkpoint()) {
                residents.not_reached = (pids.len() - done) as u64;
                break;
            }
            residents.add(*pid, here, &mut forgotten);
        }
        residents.forgotten = forgotten.len() as u64;
        Ok(residents)
    }

    fn add(&mut self, pid: i32, here: u64, forgotten: &mut HashSet<u64>) {
        let number = match network_namespace::number_of(pid) {
            Ok(number) => Some(number),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
            Err(_) => return, // it ended meanwhile
        };
        self.seen += 1;
        self.denied += u64::from(number.is_none());
        match number {
            Some(number) if number != here => {
                if self.elsewhere.len() >= MOST_NAMESPACES && !self.elsewhere.contains_key(&number) {
                    if forgotten.len() < MOST_NAMESPACES {
                        forgotten.insert(number);
                    }
                    return;
                }
                let there = self.elsewhere.entry(number).or_default();
                there.count += 1;
                if there.members.len() < MOST_OF_ONE {
                    there.members.push((pid, container_of(pid)));
                }
            }
            // Where it lives is hidden; its control group is not.
            _ => {
                let Some(group) = container_of(pid).filter(|_| number.is_some()) else { return };
                let known = self.here.iter().position(|(known, _)| *known == group);
                if known.is_none() && self.here.len() < MOST_HERE {
                    self.here.push((group, vec![pid]));
                } else if let Some((_, pids)) = known.and_then(|at| self.here.get_mut(at))
                    && pids.len() < MOST_OF_ONE
                {
                    pids.push(pid);
                }
            }
        }
    }
}

impl Inhabitants {
    /// The containers that they belong to, each once.
    pub fn groups(&self) -> Vec<&Group> {
        let mut groups: Vec<&Group> = Vec::new();
        for group in self.members.iter().filter_map(|(_, group)| group.as_ref()) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }
}

/// The container that a process belongs to.
fn container_of(pid: i32) -> Option<Group> {
    // With room for all of it one call reads it.
    let mut text = Vec::with_capacity(ROOM);
    fs::File::open(format!("/proc/{pid}/cgroup")).ok()?.take(GROUPS).read_to_end(&mut text).ok()?;
    cgroup::container_of(&String::from_utf8_lossy(&text))
}
