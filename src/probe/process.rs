//! What a process is and does: its name, user and unit; its I/O and CPU time.

use std::collections::HashMap;
use std::fs;
use std::io;

use super::cgroup;
use crate::case::Process;
use crate::printable::printable;

/// Link of the initial process namespace (`PROC_PID_INIT_INO`).
const INITIAL_NAMESPACE: &str = "pid:[4026531836]";

/// Whether we number processes as the kernel itself does, and see all of them: not in a process namespace of our own.
pub(super) fn all_are_ours_to_see() -> bool {
    fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == INITIAL_NAMESPACE)
}

/// Names of processes, each looked up once.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// User names by id, from `/etc/passwd`. The name service proper may ask a server on the network, and wait for it.
    users: HashMap<u32, String>,
    known: HashMap<i32, Option<Process>>,
    groups: cgroup::Groups,
}

/// What a process has done since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Activity {
    /// When it began, in clock ticks since boot: tells it from another with the same id.
    started: u64,
    /// CPU time in clock ticks.
    ticks: u64,
    /// `/proc/PID/io`, where it may be read.
    pub(super) io: Option<IoCounters>,
    /// Bytes of memory that it holds, in RAM and swap (`VmRSS` and `VmSwap` of `/proc/PID/status`).
    memory: Option<u64>,
}

/// `/proc/PID/io`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IoCounters {
    /// Bytes returned by reads of any kind (`rchar`).
    pub(super) read: u64,
    /// Bytes passed to writes of any kind (`wchar`).
    pub(super) written: u64,
    /// Bytes fetched from storage (`read_bytes`).
    pub(super) disk_read: u64,
    /// Bytes sent to storage (`write_bytes`).
    pub(super) disk_written: u64,
}

impl Names {
    /// Reads the names of the users.
    pub(super) fn new() -> Self {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        Names { users: users(&passwd), ..Names::default() }
    }

    /// The process, unless it has ended and was never looked up before.
    pub(super) fn get(&mut self, pid: i32) -> Option<&Process> {
        let users = &self.users;
        self.known.entry(pid).or_insert_with(|| identify(pid, users)).as_ref()
    }

    /// The process, or, once it has ended, what was noted of it while it was there.
    pub(super) fn or_noted(&mut self, pid: i32, name: &[u8], user: u32, control_group: u64) -> Process {
        if let Some(process) = self.get(pid) {
            return process.clone();
        }
        let user = self.users.get(&user).cloned().unwrap_or_else(|| user.to_string());
        Process { pid, name: printable(name), user: Some(user), unit: self.of_group(control_group) }
    }

    /// The unit or container of a control group of the unified hierarchy.
    pub(super) fn of_group(&mut self, id: u64) -> Option<String> {
        self.groups.unit(id).map(str::to_owned)
    }
}

fn identify(pid: i32, users: &HashMap<u32, String>) -> Option<Process> {
    let read = |file: &str| fs::read(format!("/proc/{pid}/{file}"));
    let name = read("comm").ok()?;
    let user = read("status").ok().and_then(|status| effective_user(&String::from_utf8_lossy(&status)));
    let unit = read("cgroup").ok().and_then(|cgroup| cgroup::unit(&String::from_utf8_lossy(&cgroup)));
    Some(Process {
        pid,
        name: printable(name.strip_suffix(b"\n").unwrap_or(&name)),
        user: user.map(|uid| users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())),
        unit,
    })
}

/// User names by id in the text of `/etc/passwd`.
fn users(passwd: &str) -> HashMap<u32, String> {
    let mut users = HashMap::new();
    for line in passwd.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(Ok(uid))) = (fields.next(), fields.nth(1).map(str::parse)) {
            users.entry(uid).or_insert_with(|| printable(name.as_bytes()));
        }
    }
    users
}

/// The effective user id in the text of `/proc/PID/status`.
fn effective_user(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Whether the kernel buries a process's children without telling it (`SIGCHLD` ignored): then what they read and wrote is
/// not added to its own.
pub(super) fn ignores_children(pid: i32) -> Option<bool> {
    ignores_sigchld(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The bit of `SIGCHLD`, which is signal 17 but on MIPS and SPARC, in the text of `/proc/PID/status`.
fn ignores_sigchld(status: &str) -> Option<bool> {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(ignored.trim(), 16).ok().map(|mask| mask & 1 << (nix::libc::SIGCHLD - 1) != 0)
}

/// The bytes of memory that a process holds, in the text of `/proc/PID/status`; kernel threads have none.
fn held_memory(status: &str) -> Option<u64> {
    let kibibytes = |name: &str| -> Option<u64> {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    kibibytes("VmRSS:")?.checked_add(kibibytes("VmSwap:").unwrap_or(0))?.checked_mul(1024)
}

impl Activity {
    /// Reads what a process has done until now; none when it has ended.
    pub(super) fn read(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let (started, ticks) = parse_stat(&String::from_utf8_lossy(&stat))?;
        let io = IoCounters::read(pid).ok();
        let memory = fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|status| held_memory(&status));
        Some(Activity { started, ticks, io, memory })
    }

    /// Bytes of memory that it holds now and did not hold at `earlier`; none when it is another process.
    pub(super) fn memory_growth(&self, earlier: &Activity) -> Option<u64> {
        (self.started == earlier.started).then(|| Some(self.memory?.saturating_sub(earlier.memory?)))?
    }

    /// CPU ticks and I/O since `earlier`; none when it is another process.
    pub(super) fn since(&self, earlier: &Activity) -> Option<(u64, Option<IoCounters>)> {
        let ticks = (self.started == earlier.started).then(|| self.ticks.checked_sub(earlier.ticks))??;
        let io = self.io.zip(earlier.io).and_then(|(now, before)| now.since(&before));
        Some((ticks, io))
    }
}

impl IoCounters {
    /// Reads what a process has read and written until now. Those of other users' processes are denied without privilege.
    pub(super) fn read(pid: i32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/io"))?;
        parse_io(&text).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// What was added since `earlier`; none when it went backwards.
    pub(super) fn since(&self, earlier: &IoCounters) -> Option<Self> {
        Some(IoCounters {
            read: self.read.checked_sub(earlier.read)?,
            written: self.written.checked_sub(earlier.written)?,
            disk_read: self.disk_read.checked_sub(earlier.disk_read)?,
            disk_written: self.disk_written.checked_sub(earlier.disk_written)?,
        })
    }
}

/// The parent of a process; none when it has ended.
pub(super) fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    String::from_utf8_lossy(&stat).rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// How many descriptors a process has open, as the kernel counts them (since Linux 6.2) or lists them.
pub(super) fn open_files(pid: i32) -> Option<u64> {
    let counted = fs::metadata(format!("/proc/{pid}/fd")).ok()?.len();
    if counted > 0 { Some(counted) } else { listed_open_files(pid) }
}

/// The soft limit of open files; none for no limit, for 0, and when it cannot be read.
pub(super) fn open_files_limit(pid: i32) -> Option<u64> {
    soft_limit(&fs::read_to_string(format!("/proc/{pid}/limits")).ok()?).filter(|limit| *limit > 0)
}

/// The soft limit of open files in the text of `/proc/PID/limits`.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// How many descriptors are listed, up to a bound: for kernels that do not count them.
pub(super) fn listed_open_files(pid: i32) -> Option<u64> {
    const MOST: usize = 65_536;
    let listed = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.take(MOST).count();
    (listed < MOST).then_some(listed as u64)
}

/// When it began and its CPU ticks, in the text of `/proc/PID/stat`. The name in it may hold anything, `)` too.
fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((number(19)?, number(11)?.checked_add(number(12)?)?))
}

/// The text of `/proc/PID/io`.
fn parse_io(io: &str) -> Option<IoCounters> {
    let field = |name: &str| io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok());
    Some(IoCounters {
        read: field("rchar")?,
        written: field("wchar")?,
        disk_read: field("read_bytes")?,
        disk_written: field("write_bytes")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_the_soft_one() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files            unlimited            unlimited            files"), None);
    }

    #[test]
    fn a_name_with_a_parenthesis_does_not_shift_the_fields() {
        let stat = "42 (evil) 1 (x) S 1 42 42 0 -1 4194560 100 0 0 0 70 30 0 0 20 0 1 0 5555 1000000 200";
        assert_eq!(parse_stat(stat), Some((5555, 100)));
    }

    #[test]
    fn a_process_tells_whether_it_buries_its_children() {
        assert_eq!(ignores_sigchld("Name:\tx\nSigIgn:\t0000000000010000\n"), Some(true));
        assert_eq!(ignores_sigchld("SigIgn:\t0000000000001000\n"), Some(false));
        assert_eq!(ignores_sigchld("Name:\tx\n"), None);
    }

    #[test]
    fn another_process_with_the_same_id_has_no_growth() {
        let of = |started, ticks| Activity { started, ticks, io: None, memory: Some(ticks) };
        assert_eq!(of(10, 50).since(&of(10, 20)), Some((30, None)));
        assert_eq!(of(10, 50).memory_growth(&of(10, 20)), Some(30));
        assert_eq!(of(11, 50).since(&of(10, 20)), None);
        assert_eq!(of(11, 50).memory_growth(&of(10, 20)), None);
    }

    #[test]
    fn memory_is_what_is_in_ram_and_what_is_in_swap() {
        assert_eq!(held_memory("Name:\tx\nVmRSS:\t    1200 kB\nVmSwap:\t     8 kB\n"), Some(1208 * 1024));
        assert_eq!(held_memory("VmRSS:\t    1200 kB\n"), Some(1200 * 1024));
        assert_eq!(held_memory("Name:\tkthreadd\n"), None);
        assert_eq!(held_memory("VmRSS:\t99999999999999999999 kB\n"), None);
    }

    #[test]
    fn io_tells_what_was_read_from_what_reached_the_disk() {
        let io = "rchar: 323934931\nwchar: 323929600\nsyscr: 632687\nsyscw: 632675\nread_bytes: 12\nwrite_bytes: 323932160\ncancelled_write_bytes: 7\n";
        let seen = parse_io(io).unwrap();
        assert_eq!((seen.read, seen.disk_read, seen.disk_written), (323_934_931, 12, 323_932_160));
        assert_eq!(parse_io("rchar: 1\n"), None);
    }

    #[test]
    fn a_process_is_shown_as_the_user_that_it_acts_as() {
        assert_eq!(effective_user("Name:\tx\nUid:\t1000\t33\t33\t33\n"), Some(33));
        let users = users("root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/no\ntoor:x:0:0::/:/no\nbroken\n");
        assert_eq!((users[&33].as_str(), users[&0].as_str()), ("www-data", "root"));
    }

    #[test]
    fn we_can_name_ourselves() {
        let mut names = Names::new();
        let pid = std::process::id() as i32;
        assert_eq!(names.get(pid).unwrap().pid, pid);
        assert!(Activity::read(pid).is_some());
        assert_eq!(names.get(i32::MAX), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "\\PC{0,200}") {
            let _ = (parse_stat(&text), parse_io(&text), ignores_sigchld(&text), effective_user(&text), users(&text), held_memory(&text));
        }
    }
}
