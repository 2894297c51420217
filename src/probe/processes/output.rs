//! The result of the probe `processes`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Process;

/// The processes of this host, and those that use most of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Processes {
    /// Length of the window in seconds, as measured; 0 without one.
    pub seconds: f64,
    /// Processes at the end of the window, threads of the kernel included.
    pub processes: u64,
    /// Threads of all of them.
    pub threads: u64,
    /// Processes by state, at the end of the window: `running`, `sleeping`, `disk_sleep` (waits for a disk or a network
    /// file system and cannot be killed), `zombie` (ended, and its parent does not ask), `stopped`, `traced`, `idle`
    /// (of the kernel), `dead`, `other`. All are there, with 0 where there are none.
    pub states: BTreeMap<String, u64>,
    /// Processes that began within the window and were still there at its end; null without a window.
    pub began: Option<u64>,
    /// Processes that were there at the beginning and not at the end: what they did in the window is not in the lists;
    /// null without a window.
    pub ended: Option<u64>,
    /// Processes and threads that were begun in the window (`/proc/stat`: processes), those that ended too.
    pub forks: Option<u64>,
    /// Whether all processes were looked at in time. When false, the figures are of the part that was.
    pub complete: bool,
    /// Those that used most CPU time in the window; only those that used some. Null without a window.
    pub top_cpu: Option<Vec<ProcessUse>>,
    /// Those that hold most memory.
    pub top_memory: Vec<ProcessUse>,
    /// Those that read from and wrote to storage most in the window; only those that did. Null without a window.
    pub top_disk: Option<Vec<ProcessUse>>,
    /// Those that read and wrote most in the window by `read` and `write`, from and to files, pipes and sockets; only
    /// those that did. Null without a window.
    pub top_io: Option<Vec<ProcessUse>>,
    /// Those that are nearest to their limit of open files, of those with 32 or more.
    pub top_open_files: Option<Vec<ProcessUse>>,
    /// Processes that wait for a disk or a network file system (`disk_sleep`).
    pub blocked: Vec<ProcessUse>,
    /// Processes whose ended children wait for them to ask (`zombie`), those with most first.
    pub zombie_parents: Vec<ZombieParent>,
    /// Shells of logins (by sshd or at a terminal) that wait for a program which they began while they read their profile, or to make
    /// their prompt: a shell gives what a user types a process group of its own, and that not. Those that wait longest first, at most 16.
    #[serde(default)]
    pub login_shells: Option<Vec<LoginShell>>,
    /// The process id of the casebook that looks, which is among the others in the lists.
    #[serde(default)]
    pub own_pid: Option<i32>,
}

/// A process and what it uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessUse {
    /// The process.
    pub process: Process,
    /// CPU time in the window as a share of one CPU, all its threads together: above 1 when it uses several. Null without
    /// a window.
    pub cpu_share: Option<f64>,
    /// Memory that it holds, in bytes; what it shares with others is in each one's figure. The kernel's figure lags
    /// behind by some hundred kB.
    pub resident_bytes: u64,
    /// What it read and wrote in the window; null without a window, and where it may not be seen.
    pub io: Option<ProcessIo>,
    /// Its open files, sockets and pipes (Linux 6.2; before, only where its descriptors may be listed).
    pub open_files: Option<u64>,
    /// How many it may open (`RLIMIT_NOFILE`, the soft limit); null for no limit, and where it could not be seen.
    pub open_files_limit: Option<u64>,
    /// `open_files` as a share of `open_files_limit`. At 1, it cannot accept a connection.
    pub open_files_share: Option<f64>,
    /// CPU time of its children that ended within the window and that it waited for, as a share of one CPU; theirs from
    /// before the window is in it too.
    pub ended_children_cpu_share: Option<f64>,
    /// Its state, as in `states`.
    pub state: String,
    /// Its parent's id; none for the first process and the first thread of the kernel.
    pub parent: Option<i32>,
    /// Whether it is a thread of the kernel.
    pub kernel: bool,
    /// How long ago it began, in seconds.
    pub age_seconds: Option<f64>,
    /// Its threads.
    pub threads: u64,
    /// Where in the kernel it waits (`/proc/PID/wchan`), of blocked ones, where that may be seen.
    pub waits_in: Option<String>,
}

/// What a process read and wrote in the window (`/proc/PID/io`). One that reads and neither writes nor sends throws away
/// what it reads; `recv`, `send` and memory mappings are not in these figures. The kernel adds what children did, all of
/// it, once they have ended and it waited for them: a shell has the figures of its commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessIo {
    /// Bytes returned by `read` of any kind, files, pipes and sockets (`rchar`).
    pub read_bytes: u64,
    /// Bytes passed to `write` of any kind, files, pipes and sockets (`wchar`), and `/dev/null` too.
    pub written_bytes: u64,
    /// Bytes fetched from storage (`read_bytes`).
    pub disk_read_bytes: u64,
    /// Bytes sent to storage (`write_bytes`).
    pub disk_written_bytes: u64,
}

/// A process that does not wait for its children.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ZombieParent {
    /// The process.
    pub process: Process,
    /// Its children that have ended.
    pub zombies: u64,
}

/// A shell of a login that waits for a program in its own process group: one that its profile or its prompt began, or one that stands
/// within a command (`$(…)`) that somebody typed. Those whose program waits for what is typed are not among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoginShell {
    /// The shell.
    pub process: Process,
    /// How long ago it began, in seconds.
    pub age_seconds: f64,
    /// The program: where it began others, the last of them.
    pub waits_for: Process,
    /// How long ago the shell began it, in seconds.
    pub waits_seconds: f64,
    /// Where in the kernel the shell waits (`/proc/PID/wchan`); none where that may not be seen, and then the program may be one in the
    /// background.
    pub waits_in: Option<String>,
}
