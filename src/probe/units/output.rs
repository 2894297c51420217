//! The result of the probe.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Process;

/// The units of systemd: which live, which failed, which are started again and again, and which are at a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Units {
    /// Whether systemd runs this host (`/run/systemd/system` is there). Where it does not, there are no units.
    pub systemd: bool,
    /// How far back the journal tells, in seconds: less than was asked for where it begins later.
    pub span_seconds: f64,
    /// Messages of systemd about units in that span. None where the journal could not be read: then nothing is known of what
    /// failed, and when.
    pub messages: Option<u64>,
    /// Units that live or that systemd wrote of in the span. Those of users (`systemd --user`) are left aside, and so are slices
    /// and devices.
    pub seen: u64,
    /// Whether all control groups of units could be looked at. When false, the list is of those that were.
    pub complete: bool,
    /// Units whose last message in the span says that they failed, and that do not live; the last first, 100 at most. What failed
    /// before the span is not among them.
    pub failed: Option<Vec<String>>,
    /// Units that systemd started again at least three times in the span after they had ended, or that it gave up; the one that was
    /// started again most often first, 100 at most.
    pub flapping: Option<Vec<String>>,
    /// Those that failed or flap, then those that are nearest to a limit, then the rest by name; `limit` of them.
    pub units: Vec<Unit>,
    /// Units that are not in the list.
    pub units_left_out: u64,
}

/// A unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unit {
    /// Its name, control characters escaped.
    pub name: String,
    /// What the name ends in: `service`, `scope`, `mount`, `socket`, `timer`.
    pub kind: String,
    /// Whether it lives: systemd keeps its invocation (`/run/systemd/units/invocation:NAME`), which it also does while the unit waits
    /// to be started again; with a systemd before 236, whether its control group has processes.
    pub active: Option<bool>,
    /// Whether it failed last: see `failed` of the whole.
    pub failed: Option<bool>,
    /// Whether it is started again and again: see `flapping` of the whole.
    pub flapping: Option<bool>,
    /// When it was last started: the age of its invocation; else what the journal says.
    #[schemars(with = "Option<String>")]
    pub started_at: Option<Timestamp>,
    /// How long ago that was, in seconds.
    pub started_seconds_ago: Option<f64>,
    /// When it last failed, as the journal says.
    #[schemars(with = "Option<String>")]
    pub failed_at: Option<Timestamp>,
    /// How long ago that was, in seconds.
    pub failed_seconds_ago: Option<f64>,
    /// How it failed the last time in the span, in systemd's words (`UNIT_RESULT`): `exit-code`, `signal`, `core-dump`, `oom-kill`,
    /// `timeout`, `watchdog`, `start-limit-hit`, `resources`, `protocol`. A unit that is given up for its many starts keeps how it
    /// failed before: `start_limit_hits` tells of the other.
    pub result: Option<String>,
    /// The status with which its main process exited the last time in the span, if it exited by itself.
    pub exit_status: Option<u32>,
    /// The signal that ended it, if one did: `SIGSEGV`.
    pub signal: Option<String>,
    /// How often it failed in the span.
    pub failures: Option<u64>,
    /// How often systemd started it again in the span because it had ended.
    pub restarts: Option<u64>,
    /// How often that was by now, as systemd last counted it (`N_RESTARTS`, since 235). It counts anew once somebody starts the unit.
    pub restarts_ever: Option<u64>,
    /// How often systemd gave up to start it in the span, because it had been started too often (`StartLimitBurst=`).
    pub start_limit_hits: Option<u64>,
    /// How often a process of it was killed for want of memory in the span, as systemd says (since 243).
    pub oom_kills: Option<u64>,
    /// The last lines that its processes wrote to the journal before it failed the last time in the span, oldest first: 5 at most,
    /// with 300 bytes of each, control characters escaped. Of the 8 units that failed last, and of what they wrote in the ten minutes
    /// before; empty where there is nothing. Strangers may have a part in what a service writes.
    #[serde(default)]
    pub said: Vec<String>,
    /// Of its last lines the one that tells most of why it failed: that with most words of trouble, else the last. It may be older than
    /// those of `said`, and is cut after 160 letters.
    #[serde(default)]
    pub said_why: Option<String>,
    /// Its processes, of all control groups below it.
    pub processes: Option<u64>,
    /// Its main process: the only one that systemd itself is the parent of. None where there is none, or several.
    pub main_process: Option<Process>,
    /// Its processes and threads (`pids.current`).
    pub tasks: Option<u64>,
    /// How many it may have (`pids.max`, `TasksMax=`); none without a limit of its own.
    pub tasks_limit: Option<u64>,
    /// The first as a share of the second.
    pub tasks_share: Option<f64>,
    /// How often it could not begin another for that limit, since it was started (`max` of `pids.events`).
    pub tasks_refused: Option<u64>,
    /// Memory that it uses, page cache included (`memory.current`; `memory.usage_in_bytes`).
    pub memory_bytes: Option<u64>,
    /// The most memory that it may use (`memory.max`, `MemoryMax=`; `memory.limit_in_bytes`); none without a limit of its own.
    pub memory_limit_bytes: Option<u64>,
    /// The first as a share of the second. A unit that reads and writes files fills its limit with cache, and that is no trouble.
    pub memory_share: Option<f64>,
    /// From where on the kernel slows it down (`memory.high`, `MemoryHigh=`, version 2); none without.
    pub memory_high_bytes: Option<u64>,
    /// Of its processes, the one that has used most of the files that it may open; of those that were looked at, 32 at most.
    pub files_process: Option<Process>,
    /// Files and sockets that this one has open.
    pub open_files: Option<u64>,
    /// How many it may have open (the soft limit, `LimitNOFILE=`).
    pub open_files_limit: Option<u64>,
    /// The first as a share of the second.
    pub open_files_share: Option<f64>,
    /// What its files say of what matters in an incident.
    pub settings: Settings,
    /// The files that say so: its own, then what was dropped in.
    pub files: Vec<String>,
}

/// What the files of a unit say, as it is written there, 200 characters at most; none where they do not say it. What the host's defaults
/// say (`system.conf`) is not among it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Whether the unit may be started at all: its file leads to `/dev/null`.
    pub masked: bool,
    /// `Type=`.
    pub service_type: Option<String>,
    /// The program of `ExecStart=`, without its arguments: there may be secrets in them.
    pub program: Option<String>,
    /// `User=`.
    pub user: Option<String>,
    /// `Restart=`.
    pub restart: Option<String>,
    /// `RestartSec=`.
    pub restart_sec: Option<String>,
    /// `StartLimitBurst=`.
    pub start_limit_burst: Option<String>,
    /// `StartLimitIntervalSec=`, or `StartLimitInterval=` as it was called before.
    pub start_limit_interval: Option<String>,
    /// `LimitNOFILE=`.
    pub limit_nofile: Option<String>,
    /// `TasksMax=`.
    pub tasks_max: Option<String>,
    /// `MemoryMax=`, or `MemoryLimit=` as it was called before.
    pub memory_max: Option<String>,
    /// `MemoryHigh=`.
    pub memory_high: Option<String>,
    /// `CPUQuota=`.
    pub cpu_quota: Option<String>,
    /// `TimeoutStartSec=`, or `TimeoutSec=`.
    pub timeout_start: Option<String>,
    /// `WatchdogSec=`.
    pub watchdog: Option<String>,
    /// `RestrictAddressFamilies=`.
    pub restrict_address_families: Option<String>,
    /// `IPAddressDeny=`.
    pub ip_address_deny: Option<String>,
    /// `IPAddressAllow=`.
    pub ip_address_allow: Option<String>,
}
