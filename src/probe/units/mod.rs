//! `units`: the units of systemd, without asking systemd: which live, which failed and how, which are started again and again, and
//! which are at a limit.
//!
//! `groups` has what lives and what it uses, `told` what systemd wrote in the journal, `unit_files` what the units' files say. None
//! of it needs D-Bus, which may be what hangs.

mod groups;
mod kind;
mod last_words;
mod output;
mod told;
mod unit_files;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::groups::{Group, Groups};
use self::kind::{is_kept, kind};
pub use self::output::{Settings, Unit, Units};
use self::told::{History, Told};
use super::place::is_absent;
use super::process::{self, Names};
use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Process, Reason};
use crate::printable::printable;
use crate::units::Span;

/// What is there where systemd runs the host (`sd_booted`).
const BOOTED: &str = "/run/systemd/system";
/// Where systemd keeps the invocation of each unit that lives, since 236.
const INVOCATIONS: &str = "/run/systemd/units";
/// Where control groups are mounted.
const GROUPS: &str = "/sys/fs/cgroup";
/// How long the look at control groups may take, that at processes, and the reading of the journal.
const GROUPS_LOOK: Duration = Duration::from_millis(500);
const PROCESSES_LOOK: Duration = Duration::from_millis(500);
const JOURNAL_LOOK: Duration = Duration::from_secs(3);
/// Most rows in the list, and names in the lists of names.
const MOST_ROWS: u32 = 200;
const MOST_NAMES: usize = 100;
/// Invocations that are looked at, at most.
const MOST_INVOCATIONS: usize = 8_192;
/// Processes of a unit whose open files are counted.
const MOST_COUNTED: usize = 32;
/// From which share on a unit is near a limit.
const NEAR: f64 = 0.8;

/// What is not known without the journal.
const TOLD_FIELDS: &[&str] = &[
    "messages",
    "failed",
    "flapping",
    "units.failed",
    "units.flapping",
    "units.failed_at",
    "units.failed_seconds_ago",
    "units.result",
    "units.exit_status",
    "units.signal",
    "units.failures",
    "units.restarts",
    "units.restarts_ever",
    "units.start_limit_hits",
    "units.oom_kills",
    "units.said",
    "units.said_why",
];
/// What is not known without the control groups.
const GROUP_FIELDS: &[&str] = &[
    "complete",
    "units.processes",
    "units.main_process",
    "units.tasks",
    "units.tasks_limit",
    "units.tasks_share",
    "units.tasks_refused",
    "units.memory_bytes",
    "units.memory_limit_bytes",
    "units.memory_share",
    "units.memory_high_bytes",
    "units.files_process",
    "units.open_files",
    "units.open_files_limit",
    "units.open_files_share",
];

/// The probe `units`.
pub struct UnitsProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How far back to read what systemd wrote in the journal.
    pub since: Span,
    /// Most units in the list: 1 to 200.
    #[schemars(range(min = 1, max = 200))]
    pub limit: u32,
}

impl Default for Params {
    fn default() -> Self {
        Params { since: Span::seconds(3600), limit: 50 }
    }
}

impl Probe for UnitsProbe {
    const NAME: &'static str = "units";
    const ABOUT: &'static str =
        "systemd's units: which live, which failed and how, which are started again and again, which are at a limit";
    const SOURCE: &'static str = "/sys/fs/cgroup: cgroup.procs, pids.{current,max,events}, memory.{current,max,high}; /run/systemd/units; unit files and \
                                  what is dropped in, in /etc, /run and /usr/lib/systemd/system; what process 1 wrote in the journal; \
                                  /proc/PID/{stat,fd,limits}";
    const REPLACES: &'static [&'static str] =
        &["systemctl --failed", "systemctl status", "systemctl show", "journalctl -u"];
    const NEEDS: &'static [Need] = &[
        Need {
            what: "CAP_DAC_READ_SEARCH",
            without: "the journal is not read unless by a member of the group systemd-journal: what failed is not known",
        },
        Need { what: "CAP_SYS_PTRACE", without: "open files of others' processes are not counted" },
    ];
    const WIDENED_BY: &'static [&'static str] = &["limit"];
    type Params = Params;
    type Output = Units;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Units>, Gap> {
        if !(1..=MOST_ROWS).contains(&params.limit) {
            let why = format!("limit is {}, and must be 1 to {MOST_ROWS}", params.limit);
            return Err(Gap::new(Reason::Malformed, "look at the units", why));
        }
        let span_seconds = params.since.0.as_secs_f64();
        if !systemd_runs()? {
            return Ok(Observed::whole(no_systemd(span_seconds)));
        }
        let now = Timestamp::now();
        let groups =
            fs::read("/proc/1/cgroup").map_err(|error| Gap::io("read /proc/1/cgroup", &error)).and_then(|text| {
                Groups::look(Path::new(GROUPS), &String::from_utf8_lossy(&text), Instant::now() + GROUPS_LOOK)
            });
        let invocations = invocations(Path::new(INVOCATIONS));
        let since = SignedDuration::try_from(params.since.0).unwrap_or(SignedDuration::MAX);
        let from = now.checked_sub(since).unwrap_or(Timestamp::MIN);
        let until = Instant::now() + JOURNAL_LOOK;
        let told = told::read(from, now, &|| !cx.checkpoint() || Instant::now() >= until);
        let uses = groups.as_ref().map(|groups| uses(groups, cx)).unwrap_or_default();
        let span_seconds = told.as_ref().map_or(span_seconds, |told| reaches_back(told.first, now, span_seconds));
        let seen = Seen { now, span_seconds, groups, invocations, told, uses };
        let mut observed = seen.compose(params.limit as usize);
        let mut denied = None;
        for unit in &mut observed.output.units {
            let described = unit_files::describe(Path::new("/"), &unit.name);
            (unit.settings, unit.files) = (described.settings, described.files);
            denied = denied.or(described.gap);
        }
        if let Some(gap) = denied {
            observed.miss(&["units.settings"], gap);
        }
        cx.live(format!("{} units", observed.output.seen));
        Ok(observed)
    }
}

/// How far back the journal tells, in seconds: it may begin within the span that was asked for, as after it was rotated away.
fn reaches_back(first: Option<Timestamp>, now: Timestamp, asked: f64) -> f64 {
    let kept = first.map(|first| now.duration_since(first).as_secs_f64());
    kept.filter(|kept| *kept > 0.0).map_or(asked, |kept| kept.min(asked))
}

/// Whether systemd runs this host.
fn systemd_runs() -> Result<bool, Gap> {
    match fs::symlink_metadata(BOOTED) {
        Ok(metadata) => Ok(metadata.is_dir()),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(Gap::io(format!("look whether systemd runs here ({BOOTED})"), &error)),
    }
}

/// What is said of a host without systemd.
fn no_systemd(span_seconds: f64) -> Units {
    Units {
        systemd: false,
        span_seconds,
        messages: None,
        seen: 0,
        complete: true,
        failed: Some(Vec::new()),
        flapping: Some(Vec::new()),
        units: Vec::new(),
        units_left_out: 0,
    }
}

/// The units that live, each with the time since when; a gap where systemd does not keep that.
fn invocations(folder: &Path) -> Result<BTreeMap<String, Option<Timestamp>>, Gap> {
    let tried = || format!("read the invocations of units in {}", folder.display());
    let entries = fs::read_dir(folder).map_err(|error| {
        let gap = Gap::io(tried(), &error);
        if is_absent(&error) { gap.to_fix("systemd 236 and newer keep them") } else { gap }
    })?;
    let mut units = BTreeMap::new();
    for entry in entries.flatten().take(MOST_INVOCATIONS) {
        let name = entry.file_name();
        let Some(unit) = name.as_encoded_bytes().strip_prefix(b"invocation:") else { continue };
        let unit = printable(unit);
        if is_kept(&unit) {
            let began = fs::symlink_metadata(entry.path()).and_then(|link| link.modified()).ok();
            units.insert(unit, began.and_then(|began| Timestamp::try_from(began).ok()));
        }
    }
    Ok(units)
}

/// What the processes of a unit are, and have open.
#[derive(Debug, Clone, Default)]
struct Uses {
    main: Option<Process>,
    fullest: Option<(Process, u64, u64)>,
}

/// Looks at the processes of all units, for as long as there is time.
fn uses(groups: &Groups, cx: &Context) -> BTreeMap<String, Uses> {
    let until = Instant::now() + PROCESSES_LOOK;
    let mut names = Names::new();
    let mut all = BTreeMap::new();
    for (unit, group) in &groups.units {
        if Instant::now() > until {
            break;
        }
        cx.throttle();
        let mut of_systemd = group.pids.iter().copied().filter(|pid| process::parent(*pid) == Some(1));
        let main = of_systemd.next().filter(|_| of_systemd.next().is_none());
        let files = group.pids.iter().take(MOST_COUNTED).filter_map(|pid| {
            let limit = process::open_files_limit(*pid)?;
            Some((*pid, process::open_files(*pid)?, limit))
        });
        let fullest = files
            .max_by(|(_, a, of_a), (_, b, of_b)| (*a as f64 / *of_a as f64).total_cmp(&(*b as f64 / *of_b as f64)));
        let main = main.and_then(|pid| names.get(pid).cloned());
        let fullest = fullest.and_then(|(pid, open, limit)| Some((names.get(pid).cloned()?, open, limit)));
        all.insert(unit.clone(), Uses { main, fullest });
    }
    all
}

/// All that was seen.
struct Seen {
    now: Timestamp,
    span_seconds: f64,
    groups: Result<Groups, Gap>,
    invocations: Result<BTreeMap<String, Option<Timestamp>>, Gap>,
    told: Result<Told, Gap>,
    uses: BTreeMap<String, Uses>,
}

impl Seen {
    fn compose(self, limit: usize) -> Observed<Units> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        names.extend(self.groups.iter().flat_map(|groups| groups.units.keys()).map(String::as_str));
        names.extend(self.invocations.iter().flat_map(BTreeMap::keys).map(String::as_str));
        names.extend(self.told.iter().flat_map(|told| told.units.keys()).map(String::as_str));
        let mut units: Vec<Unit> = names.iter().map(|name| self.unit(name)).collect();
        units.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)));
        let named = |is: fn(&Unit) -> Option<bool>, by: fn(&Unit) -> u64| {
            let mut those: Vec<&Unit> = units.iter().filter(|unit| is(unit) == Some(true)).collect();
            those.sort_by_key(|unit| Reverse(by(unit)));
            self.told.is_ok().then(|| those.iter().take(MOST_NAMES).map(|unit| unit.name.clone()).collect())
        };
        let failed = named(
            |unit| unit.failed,
            |unit| u64::MAX - unit.failed_seconds_ago.map_or(u64::MAX, |seconds| seconds.max(0.0) as u64),
        );
        let flapping = named(|unit| unit.flapping, |unit| unit.restarts.unwrap_or(0));
        let failures = self.groups.as_ref().map(|groups| groups.failures.clone()).unwrap_or_default();
        let cut = self.groups.as_ref().is_ok_and(|groups| groups.cut);
        let seen = units.len() as u64;
        units.truncate(limit);
        let mut observed = Observed::whole(Units {
            systemd: true,
            span_seconds: self.span_seconds,
            messages: self.told.as_ref().ok().map(|told| told.messages),
            seen,
            complete: self.groups.is_ok() && !cut && failures.count == 0,
            failed,
            flapping,
            units_left_out: seen.saturating_sub(limit as u64),
            units,
        });
        if let Some(gap) = failures.first {
            let why = format!("{} ({} such reads failed)", gap.why, failures.count);
            observed.miss(&["complete"], Gap { why, ..gap });
        }
        if cut {
            observed.loss.push(
                "there are more control groups than could be looked at in time: some units are in no figure".to_owned(),
            );
        }
        if let Err(gap) = self.groups {
            observed.miss(GROUP_FIELDS, gap);
        }
        if let Err(gap) = self.invocations {
            observed.miss(&["units.started_at", "units.started_seconds_ago"], gap);
        }
        match self.told {
            Ok(told) => observed.loss.extend(told.loss),
            Err(gap) => observed.miss(TOLD_FIELDS, gap),
        }
        observed
    }

    fn unit(&self, name: &str) -> Unit {
        let group = self.groups.as_ref().ok().and_then(|groups| groups.units.get(name));
        let lives = self.invocations.as_ref().ok().map(|units| units.contains_key(name));
        let has_processes =
            self.groups.as_ref().ok().map(|groups| groups.units.get(name).is_some_and(|group| group.processes > 0));
        // The first scope has no invocation.
        let active = match lives {
            Some(false) if name.ends_with(".scope") => has_processes,
            Some(lives) => Some(lives),
            None => has_processes,
        };
        let quiet = History::default();
        let told = self.told.as_ref().ok().map(|told| told.units.get(name).unwrap_or(&quiet));
        let moment = |micros: u64| Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok();
        let began = self.invocations.as_ref().ok().and_then(|units| units.get(name).copied().flatten());
        let started_at = began.or_else(|| told?.started.and_then(moment));
        let failed_at = told.and_then(|told| told.failed).and_then(moment);
        let ago = |at: Option<Timestamp>| at.map(|at| self.now.duration_since(at).as_secs_f64().max(0.0));
        let uses = self.uses.get(name).cloned().unwrap_or_default();
        let share = |of: Option<u64>, most: Option<u64>| {
            of.zip(most).filter(|(_, most)| *most > 0).map(|(of, most)| of as f64 / most as f64)
        };
        let of_group = |figure: fn(&Group) -> Option<u64>| group.and_then(figure);
        let (tasks, tasks_limit) = (of_group(|group| group.tasks), of_group(|group| group.tasks_limit));
        let (memory_bytes, memory_limit_bytes) =
            (of_group(|group| group.memory_bytes), of_group(|group| group.memory_limit_bytes));
        let (files_process, open_files, open_files_limit) = match uses.fullest {
            Some((process, open, limit)) => (Some(process), Some(open), Some(limit)),
            None => (None, None, None),
        };
        Unit {
            name: name.to_owned(),
            kind: kind(name).unwrap_or_default().to_owned(),
            active,
            failed: told.zip(active).map(|(told, active)| told.ended_badly && !active),
            flapping: told.map(History::flaps),
            started_at,
            started_seconds_ago: ago(started_at),
            failed_at,
            failed_seconds_ago: ago(failed_at),
            result: told.and_then(|told| told.result.clone()),
            exit_status: told.and_then(|told| told.exit_status),
            signal: told.and_then(|told| told.signal.clone()),
            failures: told.map(|told| told.failures),
            restarts: told.map(|told| told.restarts),
            restarts_ever: told.and_then(|told| told.restarts_ever),
            start_limit_hits: told.map(|told| told.start_limit_hits),
            oom_kills: told.map(|told| told.oom_kills),
            said: told.map(|told| told.last_words.lines.clone()).unwrap_or_default(),
            said_why: told.and_then(|told| told.last_words.telling.clone()),
            processes: group.map(|group| group.processes).or_else(|| self.groups.is_ok().then_some(0)),
            main_process: uses.main,
            tasks,
            tasks_limit,
            tasks_share: share(tasks, tasks_limit),
            tasks_refused: of_group(|group| group.tasks_refused),
            memory_bytes,
            memory_limit_bytes,
            memory_share: share(memory_bytes, memory_limit_bytes),
            memory_high_bytes: of_group(|group| group.memory_high_bytes),
            files_process,
            open_files,
            open_files_limit,
            open_files_share: share(open_files, open_files_limit),
            settings: Settings::default(),
            files: Vec::new(),
        }
    }
}

/// What comes first: what failed or flaps, what failed at all, what is near a limit, then services before the rest.
fn rank(unit: &Unit) -> (Reverse<u32>, Reverse<u64>, Reverse<u32>, bool) {
    let trouble = match () {
        () if unit.flapping == Some(true) => 3,
        () if unit.failed == Some(true) => 2,
        () if unit.failures.unwrap_or(0) > 0 || unit.oom_kills.unwrap_or(0) > 0 => 1,
        () => 0,
    };
    let nearest = [unit.tasks_share, unit.memory_share, unit.open_files_share];
    let nearest = nearest.into_iter().flatten().filter(|share| *share >= NEAR).fold(0.0, f64::max);
    let near = (nearest.min(1.0) * 100.0) as u32;
    (Reverse(trouble), Reverse(unit.restarts.unwrap_or(0)), Reverse(near), unit.kind != "service")
}

#[cfg(test)]
mod tests;
