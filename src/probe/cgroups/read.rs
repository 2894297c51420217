//! The files of control groups: version 2, and version 1 with a hierarchy for each controller.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::case::{Gap, Reason};
use crate::probe::group_files::{Failures, number};
use crate::probe::group_limits::{bytes, cpus};

/// Most groups that are looked at. A host with a thousand containers has some five thousand.
const MOST: usize = 8192;
/// How deep groups within groups are followed.
const DEEPEST: usize = 16;

/// Where control groups are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mounts {
    /// One hierarchy; whether its root has the controller `cpu`.
    V2 { root: PathBuf, quotas: bool },
    /// One for CPU quotas, one for CPU time, one for memory; those that are there.
    V1 { cpu: Option<PathBuf>, time: Option<PathBuf>, memory: Option<PathBuf> },
}

/// What the kernel has counted of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) used_microseconds: Option<u64>,
    pub(super) periods: Option<u64>,
    pub(super) throttled_periods: Option<u64>,
    pub(super) throttled_microseconds: Option<u64>,
    pub(super) waited_microseconds: Option<u64>,
    pub(super) oom_kills: Option<u64>,
    pub(super) limit_reached: Option<u64>,
}

/// What a group may use, and its memory.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Limits {
    pub(super) cpus: Option<f64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) memory_limit_bytes: Option<u64>,
}

/// All groups at one time, by their paths from the root.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) groups: BTreeMap<PathBuf, Counts>,
    /// There was no time or room for more.
    pub(super) cut: bool,
    pub(super) failures: Failures,
}

impl Mounts {
    /// Those below `root`, `/sys/fs/cgroup`; a gap where neither CPU nor memory is there, or nobody may look.
    pub(super) fn find(root: &Path) -> Result<Self, Gap> {
        let mut failures = Failures::default();
        if let Some(controllers) = failures.text(&root.join("cgroup.controllers")) {
            let quotas = controllers.split_whitespace().any(|controller| controller == "cpu");
            return Ok(Mounts::V2 { root: root.to_owned(), quotas });
        }
        let mut has = |names: &[&str], file: &str| {
            let mut folders = names.iter().map(|name| root.join(name));
            folders.find(|folder| {
                let there = folder.join(file).try_exists();
                there.unwrap_or_else(|error| {
                    failures.note(folder, &error);
                    false
                })
            })
        };
        let cpu = has(&["cpu", "cpu,cpuacct"], "cpu.stat");
        let time = has(&["cpuacct", "cpu,cpuacct"], "cpuacct.usage");
        let memory = has(&["memory"], "memory.usage_in_bytes");
        if cpu.is_some() || memory.is_some() {
            return Ok(Mounts::V1 { cpu, time, memory });
        }
        Err(failures.first.unwrap_or_else(|| {
            let why = "no hierarchy with CPU or memory is mounted there";
            Gap::new(Reason::Absent, format!("read the control groups in {}", root.display()), why).to_fix(
                "mount it (mount -t cgroup2 none /sys/fs/cgroup), or run on the host instead of in the container",
            )
        }))
    }

    /// Whether quotas of CPU time are there to be seen.
    pub(super) fn has_quotas(&self) -> bool {
        match self {
            Mounts::V2 { quotas, .. } => *quotas,
            Mounts::V1 { cpu, .. } => cpu.is_some(),
        }
    }

    /// Reads the counts of all groups.
    pub(super) fn look(&self, until: Instant) -> Look {
        let mut look = Look::default();
        match self {
            Mounts::V2 { root, .. } => look.walk(root, until, |folder, counts, files| {
                if let Some(stat) = files.text(&folder.join("cpu.stat")) {
                    counts.used_microseconds = number(&stat, "usage_usec");
                    counts.periods = number(&stat, "nr_periods");
                    counts.throttled_periods = number(&stat, "nr_throttled");
                    counts.throttled_microseconds = number(&stat, "throttled_usec");
                }
                counts.waited_microseconds =
                    files.text(&folder.join("cpu.pressure")).and_then(|text| some_total(&text));
                let events = files.text(&folder.join("memory.events"));
                counts.oom_kills = events.as_ref().and_then(|text| number(text, "oom_kill"));
                // Before Linux 5.2 there is only the sum with the groups below.
                let own = files.text(&folder.join("memory.events.local")).or(events);
                counts.limit_reached = own.and_then(|text| number(&text, "oom"));
            }),
            Mounts::V1 { cpu, time, memory } => {
                if let Some(root) = cpu {
                    look.walk(root, until, |folder, counts, files| {
                        let Some(stat) = files.text(&folder.join("cpu.stat")) else { return };
                        counts.periods = number(&stat, "nr_periods");
                        counts.throttled_periods = number(&stat, "nr_throttled");
                        counts.throttled_microseconds = number(&stat, "throttled_time").map(|ns| ns / 1000);
                    });
                }
                if let Some(root) = time {
                    look.walk(root, until, |folder, counts, files| {
                        let used =
                            files.text(&folder.join("cpuacct.usage")).and_then(|text| text.trim().parse::<u64>().ok());
                        counts.used_microseconds = used.map(|ns| ns / 1000);
                    });
                }
                if let Some(root) = memory {
                    look.walk(root, until, |folder, counts, files| {
                        let control = files.text(&folder.join("memory.oom_control"));
                        counts.oom_kills = control.and_then(|text| number(&text, "oom_kill"));
                        let refused = files.text(&folder.join("memory.failcnt"));
                        counts.limit_reached = refused.and_then(|text| text.trim().parse().ok());
                    });
                }
            }
        }
        look
    }

    /// Reads the limits of one group.
    pub(super) fn limits(&self, path: &Path, files: &mut Failures) -> Limits {
        match self {
            Mounts::V2 { root, .. } => {
                let folder = root.join(path);
                Limits {
                    cpus: files.text(&folder.join("cpu.max")).and_then(|text| cpus(&text)),
                    memory_bytes: files.text(&folder.join("memory.current")).and_then(|text| bytes(&text)),
                    memory_limit_bytes: files.text(&folder.join("memory.max")).and_then(|text| bytes(&text)),
                }
            }
            Mounts::V1 { cpu, memory, .. } => {
                let mut part = |name: &str| files.text(&cpu.as_ref()?.join(path).join(name));
                let quota = part("cpu.cfs_quota_us").zip(part("cpu.cfs_period_us"));
                let mut of = |name: &str| bytes(&files.text(&memory.as_ref()?.join(path).join(name))?);
                Limits {
                    cpus: quota.and_then(|(quota, period)| cpus(&format!("{} {}", quota.trim(), period.trim()))),
                    memory_bytes: of("memory.usage_in_bytes"),
                    memory_limit_bytes: of("memory.limit_in_bytes"),
                }
            }
        }
    }

    /// `v1` or `v2`.
    pub(super) fn version(&self) -> &'static str {
        match self {
            Mounts::V2 { .. } => "v2",
            Mounts::V1 { .. } => "v1",
        }
    }
}

impl Look {
    /// Goes over a hierarchy, and lets `read` take the counts of each group.
    fn walk(&mut self, root: &Path, until: Instant, read: impl Fn(&Path, &mut Counts, &mut Failures)) {
        let mut folders = vec![(root.to_owned(), PathBuf::new(), 0)];
        while let Some((folder, path, depth)) = folders.pop() {
            if Instant::now() > until || self.groups.len() >= MOST && !self.groups.contains_key(&path) {
                self.cut = true;
                return;
            }
            read(&folder, self.groups.entry(path.clone()).or_default(), &mut self.failures);
            let Some(entries) = self.failures.kept(&folder, fs::read_dir(&folder)) else { continue };
            for entry in entries {
                let kind = entry.and_then(|entry| Ok((entry.file_type()?.is_dir(), entry)));
                let Some((true, entry)) = self.failures.kept(&folder, kind) else { continue };
                if depth >= DEEPEST || folders.len() >= MOST {
                    self.cut = true;
                    break;
                }
                folders.push((entry.path(), path.join(entry.file_name()), depth + 1));
            }
        }
    }
}

/// Microseconds that something waited: `some avg10=0.00 avg60=0.00 avg300=0.00 total=12`.
fn some_total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    line.split(' ').find_map(|word| word.strip_prefix("total=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
    fn version_2_is_one_hierarchy() {
        let root = staged(&[
            ("cgroup.controllers", "cpu memory\n"),
            ("system.slice/web.service/cpu.stat", "usage_usec 900\nnr_periods 12\nnr_throttled 4\nthrottled_usec 77\n"),
            (
                "system.slice/web.service/cpu.pressure",
                "some avg10=1.00 avg60=0.00 avg300=0.00 total=55\nfull avg10=0 total=9\n",
            ),
            ("system.slice/web.service/memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 1\n"),
            ("system.slice/web.service/memory.events.local", "low 0\noom 1\noom_kill 2\n"),
            ("system.slice/memory.events", "low 0\noom 3\noom_kill 2\n"),
            ("system.slice/web.service/cpu.max", "50000 100000\n"),
            ("system.slice/web.service/memory.max", "max\n"),
            ("system.slice/web.service/memory.current", "4096\n"),
        ]);
        let mounts = Mounts::find(root.path()).unwrap();
        let look = mounts.look(later());
        assert_eq!((look.groups.len(), look.cut), (3, false));
        let path = Path::new("system.slice/web.service");
        let expected = Counts {
            used_microseconds: Some(900),
            periods: Some(12),
            throttled_periods: Some(4),
            throttled_microseconds: Some(77),
            waited_microseconds: Some(55),
            oom_kills: Some(2),
            limit_reached: Some(1),
        };
        assert_eq!(look.groups[path], expected);
        let parent = look.groups[Path::new("system.slice")];
        assert_eq!(parent.limit_reached, Some(3), "without a count of its own it is that with the groups below");
        let limits = Limits { cpus: Some(0.5), memory_bytes: Some(4096), memory_limit_bytes: None };
        assert_eq!(mounts.limits(path, &mut Failures::default()), limits);
        assert_eq!(look.groups[Path::new("")], Counts::default(), "what is not there is unknown, not 0");
    }

    #[test]
    fn version_1_has_a_hierarchy_for_each_controller() {
        let root = staged(&[
            ("cpu/cpu.stat", "nr_periods 0\n"),
            ("cpu/docker/ab/cpu.stat", "nr_periods 40\nnr_throttled 30\nthrottled_time 5000000\n"),
            ("cpu/docker/ab/cpu.cfs_quota_us", "20000\n"),
            ("cpu/docker/ab/cpu.cfs_period_us", "100000\n"),
            ("cpuacct/cpuacct.usage", "1\n"),
            ("cpuacct/docker/ab/cpuacct.usage", "7000000\n"),
            ("memory/memory.usage_in_bytes", "1\n"),
            ("memory/docker/ab/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"),
            ("memory/docker/ab/memory.failcnt", "8\n"),
            ("memory/docker/ab/memory.usage_in_bytes", "900\n"),
            ("memory/docker/ab/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        let mounts = Mounts::find(root.path()).unwrap();
        let path = Path::new("docker/ab");
        let counts = mounts.look(later()).groups[path];
        assert_eq!((counts.used_microseconds, counts.throttled_microseconds), (Some(7000), Some(5000)));
        assert_eq!((counts.throttled_periods, counts.oom_kills, counts.limit_reached), (Some(30), Some(5), Some(8)));
        let limits = Limits { cpus: Some(0.2), memory_bytes: Some(900), memory_limit_bytes: None };
        assert_eq!(mounts.limits(path, &mut Failures::default()), limits);
    }

    #[test]
    fn groups_within_groups_without_end_are_cut_and_said() {
        let deep = "a/".repeat(40) + "cpu.stat";
        let root = staged(&[("cgroup.controllers", ""), (&deep, "usage_usec 1\n")]);
        let look = Mounts::find(root.path()).unwrap().look(later());
        assert!(look.cut && look.groups.len() == DEEPEST + 1, "{}", look.groups.len());
        let late = Mounts::find(root.path()).unwrap().look(Instant::now());
        assert!(late.cut);
    }

    #[test]
    fn nothing_that_is_no_hierarchy_is_one() {
        let gap = Mounts::find(staged(&[("cpu/other", "")]).path()).unwrap_err();
        assert!(gap.reason == Reason::Absent && gap.to_fix.is_some(), "{gap}");
        let gap = Mounts::find(Path::new("/proc/self/status")).unwrap_err();
        assert_eq!(gap.reason, Reason::Failed, "{gap}");
    }

    #[test]
    fn a_hierarchy_without_the_controller_cpu_has_no_quotas_to_be_seen() {
        let has = |files| Mounts::find(staged(files).path()).unwrap().has_quotas();
        assert!(!has(&[("cgroup.controllers", "cpuset memory\n")]) && has(&[("cgroup.controllers", "cpuset cpu\n")]));
        assert!(!has(&[("memory/memory.usage_in_bytes", "1\n"), ("cpuacct/cpuacct.usage", "1\n")]));
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_counted() {
        let root =
            staged(&[("cgroup.controllers", "cpu\n"), ("a/cpu.stat/in-the-way", ""), ("b/cpu.stat", "usage_usec 1\n")]);
        let mounts = Mounts::find(root.path()).unwrap();
        let failures = mounts.look(later()).failures;
        assert_eq!(failures.count, 1, "{failures:?}");
        assert!(failures.first.unwrap().tried.ends_with("a/cpu.stat"));
        fs::create_dir(root.path().join("b/cpu.max")).unwrap();
        let mut failures = Failures::default();
        assert_eq!((mounts.limits(Path::new("b"), &mut failures).cpus, failures.count), (None, 1));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in ".*") {
            let _ = (number(&text, "oom_kill"), some_total(&text), bytes(&text), cpus(&text));
        }
    }
}
