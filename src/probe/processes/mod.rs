//! Processes: which use most CPU time, memory, storage and open files; which wait; which have ended and stay.

mod login_shells;
mod output;
mod pass;
mod ranking;
mod stat;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::output::{LoginShell, ProcessIo, ProcessUse, Processes, ZombieParent};
use self::pass::Pass;
use self::ranking::{MANY_OPEN_FILES, Seen, compare, top};
use self::stat::{state_word, wait_channel};
use super::process::{IoCounters, Names, listed_open_files, open_files_limit};
use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason};
use crate::units::{self, Span};

/// How long a pass over all processes may take. One over 50,000 takes a second and a half.
const PASS: Duration = Duration::from_millis(2500);
/// Most processes in a list.
const MOST_ROWS: u32 = 200;
/// Processes whose limit of open files is looked up, to find those that are nearest to it.
const MOST_LIMITS: usize = 1000;
/// The fields that are of all processes.
const ALL: [&str; 13] = [
    "processes",
    "threads",
    "states",
    "began",
    "ended",
    "top_cpu",
    "top_memory",
    "top_disk",
    "top_io",
    "top_open_files",
    "blocked",
    "zombie_parents",
    "login_shells",
];
/// By how much ticks are multiplied to be compared as whole numbers.
const PRECISE: f64 = 1000.0;
/// All states, so that a state in which nobody is reads 0.
const STATES: [u8; 9] = *b"RSDZTtIX?";

/// The probe `processes`.
#[derive(Debug, Clone, Copy)]
pub struct ProcessesProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch. 0 looks once: everything but CPU time and I/O.
    pub window: Span,
    /// Most processes in each list: 1 to 200.
    #[schemars(range(min = 1, max = 200))]
    pub limit: u32,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10), limit: 10 }
    }
}

impl Probe for ProcessesProbe {
    const NAME: &'static str = "processes";
    const ABOUT: &'static str = "the processes that use most CPU time, memory, storage and open files; those that hang";
    const SOURCE: &'static str = "/proc/PID/{stat,io,status,cgroup,cmdline,fd,limits,wchan,syscall}, /proc/stat";
    const REPLACES: &'static [&'static str] = &["top", "ps aux", "iotop", "pidstat -urd", "lsof"];
    const NEEDS: &'static [Need] =
        &[Need { what: "CAP_SYS_PTRACE", without: "what the processes of other users read and write" }];
    const WIDENED_BY: &'static [&'static str] = &["limit"];
    type Params = Params;
    type Output = Processes;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Processes>, Gap> {
        if !(1..=MOST_ROWS).contains(&params.limit) {
            let why = format!("limit is {}, and must be 1 to {MOST_ROWS}", params.limit);
            return Err(Gap::new(Reason::Malformed, "list the processes", why));
        }
        let failed = |error: io::Error| Gap::io("list the processes (/proc)", &error);
        let mut window = None;
        if !params.window.0.is_zero() {
            let begun = cx.start_window();
            let (ticks, forks) = (ticks_since_boot(), forks());
            let before = Pass::over_all(PASS, cx).map_err(failed)?;
            cx.live(format!("{} processes", units::count(before.samples.len() as f64)));
            cx.sleep_until(begun + params.window.0);
            window = Some(Window { begun, ticks, forks, before });
        }
        let asked = Instant::now();
        let forks = window.as_ref().and_then(|window| forks()?.checked_sub(window.forks?));
        let after = Pass::over_all(PASS, cx).map_err(failed)?;
        let seconds = window.as_ref().map_or(0.0, |window| (asked - window.begun).as_secs_f64());
        Ok(compose(&params, window.as_ref(), &after, seconds, forks))
    }
}

/// What was seen at the beginning of the window.
#[derive(Debug)]
struct Window {
    begun: Instant,
    ticks: u64,
    forks: Option<u64>,
    before: Pass,
}

fn compose(
    params: &Params,
    window: Option<&Window>,
    after: &Pass,
    seconds: f64,
    forks: Option<u64>,
) -> Observed<Processes> {
    let before = window.map(|window| &window.before);
    let all = compare(before, after, window.map_or(0, |window| window.ticks), seconds);
    let limit = params.limit as usize;
    let mut rows = Rows { names: Names::new(), now: ticks_since_boot() };
    let watched = |list: Vec<ProcessUse>| window.map(|_| list);

    let mut states: BTreeMap<String, u64> =
        STATES.iter().map(|letter| (state_word(*letter).to_owned(), 0_u64)).collect();
    let mut children: HashMap<i32, u64> = HashMap::new();
    for seen in &all {
        *states.entry(state_word(seen.now.stat.state).to_owned()).or_default() += 1;
        if seen.now.stat.state == b'Z' {
            *children.entry(seen.now.stat.parent).or_default() += 1;
        }
    }
    let mut parents: Vec<(i32, u64)> = children.into_iter().collect();
    parents.sort_by_key(|(pid, zombies)| (std::cmp::Reverse(*zombies), *pid));

    let by_io =
        |seen: &Seen, figure: fn(&IoCounters) -> u64| seen.grown.and_then(|grown| grown.io).map(|io| figure(&io));
    let disk = top(&all, limit, |seen| by_io(seen, |io| io.disk_read.saturating_add(io.disk_written)));
    let any = top(&all, limit, |seen| by_io(seen, |io| io.read.saturating_add(io.written)));
    let cpu = top(&all, limit, |seen| Some((ticks_each_second(seen)? * PRECISE) as u64));
    let memory = top(&all, limit, |seen| Some(seen.now.stat.resident_pages));
    let blocked = top(&all, limit, |seen| (seen.now.stat.state == b'D').then_some(1));
    let counted = pass::counts_open_files();
    let open = top(&all, MOST_LIMITS, |seen| seen.now.open_files.filter(|files| *files >= MANY_OPEN_FILES));

    let output = Processes {
        seconds,
        processes: all.len() as u64,
        threads: all.iter().map(|seen| seen.now.stat.threads).fold(0, u64::saturating_add),
        states,
        began: window.map(|_| all.iter().filter(|seen| seen.grown.is_some_and(|grown| grown.new)).count() as u64),
        ended: before.map(|before| ended(before, after)),
        forks,
        complete: after.complete && before.is_none_or(|before| before.complete),
        top_cpu: watched(rows.of(&cpu)),
        top_memory: rows.of(&memory),
        top_disk: watched(rows.of(&disk)),
        top_io: watched(rows.of(&any)),
        top_open_files: counted.then(|| rows.nearest_to_limit(&open, limit)),
        blocked: rows.of(&blocked),
        zombie_parents: parents
            .into_iter()
            .take(limit)
            .filter_map(|(pid, zombies)| Some(ZombieParent { process: rows.names.get(pid)?.clone(), zombies }))
            .collect(),
        login_shells: Some(login_shells::waiting(&all, &mut rows.names, |started| {
            rows.now.saturating_sub(started) as f64 / ticks_per_second()
        })),
        // As /proc numbers it, which may be that of another process namespace.
        own_pid: std::fs::read_link("/proc/self").ok().and_then(|own| own.to_str()?.parse().ok()),
    };
    let mut observed = Observed::whole(output);
    say_what_is_missing(&mut observed, window, after, forks, counted);
    observed
}

/// Processes of the first pass that the second did not find; when it did not look at all, of those that it came to.
fn ended(before: &Pass, after: &Pass) -> u64 {
    let last = if after.complete { i32::MAX } else { after.samples.keys().copied().max().unwrap_or(0) };
    let is_same = |pid: &i32, started: u64| after.samples.get(pid).is_some_and(|now| now.stat.started == started);
    before.samples.iter().filter(|(pid, was)| **pid <= last && !is_same(pid, was.stat.started)).count() as u64
}

fn say_what_is_missing(
    observed: &mut Observed<Processes>,
    window: Option<&Window>,
    after: &Pass,
    forks: Option<u64>,
    counted: bool,
) {
    if !fs::exists("/proc/1").unwrap_or(false) {
        let gap = Gap::new(Reason::Denied, "see the processes of other users", "they are hidden (/proc: hidepid)");
        observed.miss(&ALL, gap.to_fix("run with sudo"));
    }
    if !observed.output.complete {
        let why = format!("there are more of them than can be looked at in {}", units::span(PASS.as_secs_f64()));
        observed.miss(&ALL, Gap::new(Reason::TimedOut, "look at all processes", why));
    }
    if !counted {
        let why = "this kernel does not count them for a look at all processes";
        let gap = Gap::new(Reason::Absent, "find the processes with most open files", why);
        observed.miss(&["top_open_files"], gap.to_fix("Linux 6.2 and newer do"));
    }
    if window.is_none() {
        let gap = Gap::new(Reason::Absent, "tell what processes did over a time", "the window is 0");
        let fields =
            ["began", "ended", "forks", "top_cpu", "top_disk", "top_io", "top_memory.cpu_share", "top_memory.io"];
        observed.miss(&fields, gap.to_fix("give a window"));
        return;
    }
    if forks.is_none() {
        let gap = Gap::new(Reason::Absent, "count new processes (/proc/stat)", "the line `processes` is not there");
        observed.miss(&["forks"], gap);
    }
    if after.denied > 0 {
        let tried = format!(
            "see what {} of {} processes read and wrote (/proc/PID/io)",
            units::count(after.denied as f64),
            units::count(observed.output.processes as f64)
        );
        let fields = ["top_disk", "top_io", "top_cpu.io", "top_memory.io", "top_open_files.io", "blocked.io"];
        observed.miss(&fields, Gap::denied(tried, "CAP_SYS_PTRACE"));
    }
}

/// Makes rows of the result.
struct Rows {
    names: Names,
    /// Now, in clock ticks since boot.
    now: u64,
}

impl Rows {
    fn of(&mut self, chosen: &[&Seen]) -> Vec<ProcessUse> {
        chosen.iter().filter_map(|seen| self.row(seen)).collect()
    }

    /// The rows of those that use the greatest share of their limit.
    fn nearest_to_limit(&mut self, candidates: &[&Seen], limit: usize) -> Vec<ProcessUse> {
        let share = |seen: &Seen| {
            let limit = open_files_limit(seen.pid)?;
            Some(seen.now.open_files? as f64 / limit as f64)
        };
        let mut shares: Vec<(f64, &Seen)> = candidates.iter().map(|seen| (share(seen).unwrap_or(0.0), *seen)).collect();
        shares.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let nearest: Vec<&Seen> = shares.into_iter().take(limit).map(|(_, seen)| seen).collect();
        self.of(&nearest)
    }

    /// None when the process has ended meanwhile.
    fn row(&mut self, seen: &Seen) -> Option<ProcessUse> {
        let (stat, pid) = (seen.now.stat, seen.pid);
        let process = self.names.get(pid)?.clone();
        let grown = seen.grown.filter(|grown| grown.seconds > 0.0);
        let open_files = seen.now.open_files.or_else(|| listed_open_files(pid));
        let open_files_limit = open_files_limit(pid);
        Some(ProcessUse {
            process,
            state: state_word(stat.state).to_owned(),
            parent: (stat.parent > 0).then_some(stat.parent),
            kernel: stat.kernel,
            age_seconds: Some(self.now.saturating_sub(stat.started) as f64 / ticks_per_second()),
            threads: stat.threads,
            cpu_share: ticks_each_second(seen).map(|ticks| ticks / ticks_per_second()),
            ended_children_cpu_share: grown
                .map(|grown| grown.children_ticks as f64 / ticks_per_second() / grown.seconds),
            resident_bytes: stat.resident_pages.saturating_mul(page_size()),
            io: grown.and_then(|grown| grown.io).map(|io| ProcessIo {
                read_bytes: io.read,
                written_bytes: io.written,
                disk_read_bytes: io.disk_read,
                disk_written_bytes: io.disk_written,
            }),
            open_files,
            open_files_limit,
            open_files_share: open_files.zip(open_files_limit).map(|(files, limit)| files as f64 / limit as f64),
            waits_in: (stat.state == b'D').then(|| wait_channel(pid)).flatten(),
        })
    }
}

/// Clock ticks that a process used in each second of the window.
fn ticks_each_second(seen: &Seen) -> Option<f64> {
    let grown = seen.grown.filter(|grown| grown.seconds > 0.0)?;
    Some(grown.ticks as f64 / grown.seconds)
}

/// How many processes and threads were begun since boot.
fn forks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("processes "))?.trim().parse().ok()
}

fn ticks_since_boot() -> u64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map_or(0, |now| ((now.tv_sec() as f64 + now.tv_nsec() as f64 / 1e9) * ticks_per_second()) as u64)
}

fn ticks_per_second() -> f64 {
    // 100 on every architecture that casebook knows.
    sysconf(SysconfVar::CLK_TCK).ok().flatten().map_or(100.0, |ticks| ticks as f64)
}

fn page_size() -> u64 {
    sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| u64::try_from(size).ok()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_window_there_is_a_look_and_a_gap_for_what_takes_time() {
        let params = Params { window: Span::default(), limit: 200 };
        let seen = ProcessesProbe.observe(params, &Context::alone()).unwrap();
        assert!(seen.output.processes > 0 && !seen.output.top_memory.is_empty());
        assert_eq!((seen.output.top_cpu, seen.output.ended), (None, None));
        assert!(seen.missing.iter().any(|missing| missing.fields.iter().any(|field| field == "top_cpu")));
    }
}
