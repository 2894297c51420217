//! The control groups of units: their processes, tasks and memory, and the limits of these.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::kind::is_kept;
use crate::case::Gap;
use crate::printable::printable;
use crate::probe::group_files::{Failures, number};
use crate::probe::group_limits::bytes;

/// Most groups that are looked at. A host with a thousand containers has some five thousand.
const MOST: usize = 8_192;
/// How deep slices within slices, and groups within a unit, are followed.
const DEEPEST: usize = 16;
/// Processes of a unit that are kept for a closer look.
const MOST_PROCESSES: usize = 512;

/// What a unit's control group says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// How many processes it has, with those of the groups below.
    pub(super) processes: u64,
    /// The first of them.
    pub(super) pids: Vec<i32>,
    pub(super) tasks: Option<u64>,
    pub(super) tasks_limit: Option<u64>,
    pub(super) tasks_refused: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) memory_limit_bytes: Option<u64>,
    pub(super) memory_high_bytes: Option<u64>,
}

/// The groups of all units, by the names of the units.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) units: BTreeMap<String, Group>,
    /// There was no time or room for more.
    pub(super) cut: bool,
    pub(super) failures: Failures,
}

/// Where systemd keeps the groups, and where the controllers are.
#[derive(Debug)]
struct Hierarchies {
    units: PathBuf,
    tasks: PathBuf,
    memory: PathBuf,
}

impl Hierarchies {
    /// Those below `root`, `/sys/fs/cgroup`.
    fn find(root: &Path) -> Self {
        if root.join("cgroup.controllers").exists() {
            return Hierarchies { units: root.to_owned(), tasks: root.to_owned(), memory: root.to_owned() };
        }
        let named = root.join("systemd");
        let units = if named.is_dir() { named } else { root.join("unified") };
        Hierarchies { units, tasks: root.join("pids"), memory: root.join("memory") }
    }
}

/// Where systemd's own group lies, in the text of `/proc/1/cgroup`: what stands before `/init.scope`. In a container that shows the
/// groups of its host it is not the root.
fn base(cgroup: &str) -> PathBuf {
    let mut paths = cgroup.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let own = paths.find_map(|(controllers, path)| {
        let is_systemd = controllers.is_empty() || controllers == "name=systemd";
        path.strip_suffix("/init.scope").filter(|_| is_systemd)
    });
    // What leads out of the namespace of control groups cannot be gone to.
    let own = own.filter(|path| !path.contains("/..")).unwrap_or_default();
    PathBuf::from(own.trim_start_matches('/'))
}

impl Groups {
    /// Looks at the groups of all units; `cgroup` is the text of `/proc/1/cgroup`.
    pub(super) fn look(root: &Path, cgroup: &str, until: Instant) -> Result<Self, Gap> {
        let hierarchies = Hierarchies::find(root);
        let base = base(cgroup);
        let mut groups = Groups::default();
        let mut looked_at = 0_usize;
        let top = hierarchies.units.join(&base);
        if let Err(error) = fs::read_dir(&top) {
            return Err(Gap::io(format!("read the control groups of units in {}", top.display()), &error));
        }
        let mut folders = vec![(base, 0_usize)];
        while let Some((path, depth)) = folders.pop() {
            let folder = hierarchies.units.join(&path);
            let Some(entries) = groups.failures.kept(&folder, fs::read_dir(&folder)) else { continue };
            for entry in entries {
                let kind = entry.and_then(|entry| Ok((entry.file_type()?.is_dir(), entry)));
                let Some((true, entry)) = groups.failures.kept(&folder, kind) else { continue };
                looked_at += 1;
                if looked_at > MOST || depth >= DEEPEST || Instant::now() > until {
                    groups.cut = true;
                    return Ok(groups);
                }
                let (file_name, path) = (entry.file_name(), path.join(entry.file_name()));
                let name = printable(file_name.as_encoded_bytes());
                if name.ends_with(".slice") {
                    folders.push((path, depth + 1));
                } else if is_kept(&name) {
                    let group = groups.unit(&hierarchies, &path, &mut looked_at, until);
                    groups.units.insert(name, group);
                }
            }
        }
        Ok(groups)
    }

    fn unit(&mut self, hierarchies: &Hierarchies, path: &Path, looked_at: &mut usize, until: Instant) -> Group {
        let mut group = Group::default();
        let mut folders = vec![(hierarchies.units.join(path), 0_usize)];
        while let Some((folder, depth)) = folders.pop() {
            // A group with threads of its own lists them elsewhere: its processes are those of the group above (EOPNOTSUPP).
            if let Some(text) = self.failures.long_text(&folder.join("cgroup.procs")) {
                for pid in text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0) {
                    group.processes += 1;
                    if group.pids.len() < MOST_PROCESSES {
                        group.pids.push(pid);
                    }
                }
            }
            let Some(entries) = self.failures.kept(&folder, fs::read_dir(&folder)) else { continue };
            for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                *looked_at += 1;
                if *looked_at > MOST || depth >= DEEPEST || Instant::now() > until {
                    self.cut = true;
                    break;
                }
                folders.push((entry.path(), depth + 1));
            }
        }
        let (tasks, memory) = (hierarchies.tasks.join(path), hierarchies.memory.join(path));
        let mut count = |path: PathBuf| self.failures.text(&path).and_then(|text| text.trim().parse::<u64>().ok());
        group.tasks = count(tasks.join("pids.current"));
        group.tasks_limit = count(tasks.join("pids.max"));
        group.tasks_refused = self.failures.text(&tasks.join("pids.events")).and_then(|text| number(&text, "max"));
        let mut of = |name: &str, older: &str| {
            let text = self.failures.text(&memory.join(name));
            bytes(&text.or_else(|| self.failures.text(&memory.join(older)))?)
        };
        group.memory_bytes = of("memory.current", "memory.usage_in_bytes");
        group.memory_limit_bytes = of("memory.max", "memory.limit_in_bytes");
        group.memory_high_bytes = self.failures.text(&memory.join("memory.high")).and_then(|text| bytes(&text));
        group
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    /// A folder with these files.
    fn staged(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn units_are_those_that_systemd_made_and_not_what_they_make_themselves() {
        let root = staged(&[
            ("cgroup.controllers", "cpu memory pids\n"),
            ("init.scope/cgroup.procs", "1\n"),
            ("system.slice/web.service/cgroup.procs", "20\n21\n"),
            ("system.slice/web.service/pids.current", "9\n"),
            ("system.slice/web.service/pids.max", "10\n"),
            ("system.slice/web.service/pids.events", "max 3\n"),
            ("system.slice/web.service/memory.current", "4096\n"),
            ("system.slice/web.service/memory.max", "max\n"),
            ("system.slice/web.service/memory.high", "8192\n"),
            ("system.slice/web.service/nginx.service/cgroup.procs", "22\n"),
            ("system.slice/system-getty.slice/getty@tty1.service/cgroup.procs", "30\n"),
            ("user.slice/user-7.slice/user@7.service/app.slice/nginx.service/cgroup.procs", "40\n"),
        ]);
        let seen = Groups::look(root.path(), "0::/init.scope\n", later()).unwrap();
        let names: Vec<_> = seen.units.keys().map(String::as_str).collect();
        assert_eq!(names, ["getty@tty1.service", "init.scope", "user@7.service", "web.service"]);
        let web = Group {
            processes: 3,
            pids: vec![20, 21, 22],
            tasks: Some(9),
            tasks_limit: Some(10),
            tasks_refused: Some(3),
            memory_bytes: Some(4096),
            memory_limit_bytes: None,
            memory_high_bytes: Some(8192),
        };
        assert_eq!(seen.units["web.service"], web);
        assert_eq!((seen.units["user@7.service"].processes, seen.cut, seen.failures.count), (1, false, 0));
        assert_eq!(seen.units["init.scope"].tasks, None, "what is not there is unknown, not 0");
    }

    #[test]
    fn version_1_has_a_hierarchy_for_each_controller_and_a_container_a_base() {
        let root = staged(&[
            ("systemd/payload/system.slice/web.service/cgroup.procs", "20\n"),
            ("systemd/system.slice/of-the-host.service/cgroup.procs", "7\n"),
            ("pids/payload/system.slice/web.service/pids.current", "5\n"),
            ("pids/payload/system.slice/web.service/pids.max", "max\n"),
            ("memory/payload/system.slice/web.service/memory.usage_in_bytes", "900\n"),
            ("memory/payload/system.slice/web.service/memory.limit_in_bytes", "1000\n"),
        ]);
        let seen = Groups::look(root.path(), "4:memory:/payload\n1:name=systemd:/payload/init.scope\n0::/\n", later());
        let units = seen.unwrap().units;
        let web = &units["web.service"];
        assert_eq!((units.len(), web.tasks, web.tasks_limit), (1, Some(5), None));
        assert_eq!((web.memory_bytes, web.memory_limit_bytes), (Some(900), Some(1000)));
    }

    #[test]
    fn no_groups_are_a_gap_and_no_time_is_said() {
        let root = staged(&[("x", "")]);
        assert!(Groups::look(root.path(), "", later()).is_err());
        let root = staged(&[("cgroup.controllers", ""), ("system.slice/a.service/cgroup.procs", "")]);
        let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert!(Groups::look(root.path(), "", past).unwrap().cut);
        assert_eq!(base("0::/../../init.scope\n"), Path::new(""));
    }
}
