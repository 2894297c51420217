//! `cgroups`: what control groups used in the window, and where their limits held them back or had processes killed.

mod output;
mod read;

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::output::{ControlGroup, ControlGroups};
use self::read::{Counts, Look, Mounts};
use super::group_files::Failures;
use super::{Context, Need, Probe, cgroup};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::units::Span;

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";
/// How long one look may take.
const LOOK: Duration = Duration::from_millis(500);
/// Most rows in the list.
const MOST_ROWS: u32 = 200;

/// What is not known without the controller `cpu`.
const QUOTA_FIELDS: [&str; 6] = [
    "groups.cpus",
    "groups.periods",
    "groups.throttled_periods",
    "groups.throttled_share",
    "groups.throttled_seconds",
    "left_out_throttled_seconds",
];

/// The probe `cgroups`.
pub struct CgroupsProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch. 0 looks once: limits, memory, and what was counted ever.
    pub window: Span,
    /// Most groups in the list: 1 to 200.
    #[schemars(range(min = 1, max = 200))]
    pub limit: u32,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10), limit: 20 }
    }
}

impl Probe for CgroupsProbe {
    const NAME: &'static str = "cgroups";
    const ABOUT: &'static str =
        "control groups (units, containers): CPU time, throttling, pressure, memory and its limits, kills";
    const SOURCE: &'static str = "/sys/fs/cgroup: cpu.stat, cpu.max, cpu.pressure, memory.{current,max,events,events.local}; of version 1 cpu.stat, \
                                  cpu.cfs_{quota,period}_us, cpuacct.usage, memory.{usage,limit}_in_bytes, memory.{oom_control,failcnt}";
    const REPLACES: &'static [&'static str] = &["systemd-cgtop", "docker stats"];
    const NEEDS: &'static [Need] = &[];
    type Params = Params;
    type Output = ControlGroups;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<ControlGroups>, Gap> {
        if !(1..=MOST_ROWS).contains(&params.limit) {
            let why = format!("limit is {}, and must be 1 to {MOST_ROWS}", params.limit);
            return Err(Gap::new(Reason::Malformed, "look at the control groups", why));
        }
        let mounts = Mounts::find(Path::new(ROOT))?;
        let watches = !params.window.0.is_zero();
        let begun = cx.start_window();
        let before = watches.then(|| (Instant::now(), mounts.look(Instant::now() + LOOK)));
        if watches {
            cx.sleep_until(begun + params.window.0);
        }
        let now = Instant::now();
        let after = mounts.look(now + LOOK);
        let seconds = before.as_ref().map_or(0.0, |(first, _)| (now - *first).as_secs_f64());
        let before = before.map(|(_, look)| look);
        Ok(compose(&mounts, before.as_ref(), &after, seconds, params.limit as usize))
    }
}

/// By how much a count grew; of a group that is new, all of it. None where it went backwards, or nobody watched.
fn grew(before: Option<&Look>, path: &Path, now: &Counts, of: fn(&Counts) -> Option<u64>) -> Option<u64> {
    let before = before?;
    match before.groups.get(path) {
        Some(earlier) => of(now)?.checked_sub(of(earlier)?),
        None if before.cut => None,
        None => of(now),
    }
}

fn compose(
    mounts: &Mounts,
    before: Option<&Look>,
    after: &Look,
    seconds: f64,
    limit: usize,
) -> Observed<ControlGroups> {
    let mut ranked: Vec<(&PathBuf, &Counts, (u64, u64, u64))> = Vec::new();
    for (path, counts) in &after.groups {
        let of = |count: fn(&Counts) -> Option<u64>| grew(before, path, counts, count).unwrap_or(0);
        let killed = if before.is_some() { of(|c| c.oom_kills) } else { counts.oom_kills.unwrap_or(0) };
        let rank = (killed, of(|c| c.throttled_microseconds), of(|c| c.used_microseconds));
        if rank != (0, 0, 0) || before.is_none() {
            ranked.push((path, counts, rank));
        }
    }
    ranked.sort_by_key(|(path, _, rank)| (Reverse(*rank), (*path).clone()));
    let left_out = ranked.len().saturating_sub(limit) as u64;
    let left_out_throttled = ranked.iter().skip(limit).map(|(_, _, (_, held_back, _))| *held_back).max().unwrap_or(0);
    ranked.truncate(limit);
    let mut failures = Failures::default();
    for look in before.into_iter().chain([after]) {
        failures.add(&look.failures);
    }
    let share = |microseconds: u64| (seconds > 0.0).then(|| microseconds as f64 / 1e6 / seconds);
    let groups: Vec<_> = ranked
        .into_iter()
        .map(|(path, counts, _)| {
            let of = |count: fn(&Counts) -> Option<u64>| grew(before, path, counts, count);
            let limits = mounts.limits(path, &mut failures);
            let path = format!("/{}", path.to_string_lossy());
            let periods = of(|c| c.periods).filter(|_| limits.cpus.is_some());
            let throttled = of(|c| c.throttled_periods).filter(|_| limits.cpus.is_some());
            ControlGroup {
                unit: cgroup::unit(&format!("0::{path}")),
                path: printable(&path),
                cpu_share: of(|c| c.used_microseconds).and_then(share),
                cpus: limits.cpus,
                periods,
                throttled_periods: throttled,
                throttled_share: throttled
                    .zip(periods)
                    .map(|(held, all)| if all == 0 { 0.0 } else { held as f64 / all as f64 }),
                throttled_seconds: of(|c| c.throttled_microseconds)
                    .map(|us| us as f64 / 1e6)
                    .filter(|_| limits.cpus.is_some()),
                cpu_waited_share: of(|c| c.waited_microseconds).and_then(share).map(|share| share.min(1.0)),
                memory_bytes: limits.memory_bytes,
                memory_limit_bytes: limits.memory_limit_bytes,
                oom_kills: of(|c| c.oom_kills),
                oom_kills_ever: counts.oom_kills,
                limit_reached: of(|c| c.limit_reached),
            }
        })
        .collect();
    let cut = after.cut || before.is_some_and(|before| before.cut);
    let throttling_known = before.is_some() && mounts.has_quotas();
    let mut observed = Observed::whole(ControlGroups {
        seconds,
        hierarchy: mounts.version().to_owned(),
        seen: after.groups.len() as u64,
        complete: !cut && failures.count == 0,
        groups,
        groups_left_out: left_out,
        left_out_throttled_seconds: throttling_known.then_some(left_out_throttled as f64 / 1e6),
    });
    if !mounts.has_quotas() {
        let gap = Gap::new(Reason::Absent, "see quotas of CPU time", format!("{ROOT} has no controller cpu"))
            .to_fix("mount it there, or run on the host instead of in the container");
        observed.miss(&QUOTA_FIELDS, gap);
    }
    if let Some(gap) = failures.first {
        let why = format!("{} ({} such reads failed)", gap.why, failures.count);
        observed.miss(&["complete"], Gap { why, ..gap });
    }
    if cut {
        observed
            .loss
            .push("there are more control groups than could be looked at in time: some are in no figure".to_owned());
    }
    observed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(groups: &[(&str, u64, u64, u64)]) -> Look {
        let group = |(path, used, throttled, killed): &(&str, u64, u64, u64)| {
            let counts = Counts {
                used_microseconds: Some(*used),
                periods: Some(100),
                throttled_periods: Some(*throttled),
                throttled_microseconds: Some(*throttled * 1000),
                oom_kills: Some(*killed),
                ..Counts::default()
            };
            (PathBuf::from(path), counts)
        };
        Look { groups: groups.iter().map(group).collect(), cut: false, failures: Failures::default() }
    }

    fn nowhere() -> Mounts {
        Mounts::V1 { cpu: None, time: None, memory: None }
    }

    #[test]
    fn what_a_limit_did_comes_before_what_was_used_and_idle_groups_are_left_out() {
        let before =
            look(&[("a.service", 0, 0, 0), ("b.service", 0, 5, 0), ("c.service", 0, 0, 1), ("d.service", 9, 9, 9)]);
        let after = look(&[
            ("a.service", 4_000_000, 0, 0),
            ("b.service", 1_000_000, 25, 0),
            ("c.service", 1_000, 0, 2),
            ("d.service", 9, 9, 9),
        ]);
        let seen = compose(&nowhere(), Some(&before), &after, 2.0, 10).output;
        let paths: Vec<_> = seen.groups.iter().map(|group| group.path.as_str()).collect();
        assert_eq!(paths, ["/c.service", "/b.service", "/a.service"]);
        assert_eq!((seen.groups[0].oom_kills, seen.groups[0].oom_kills_ever), (Some(1), Some(2)));
        assert_eq!(seen.groups[2].cpu_share, Some(2.0));
        assert_eq!(seen.groups[1].throttled_periods, None, "without a quota there are no periods of it");
        assert_eq!(seen.groups[0].unit.as_deref(), Some("c.service"));
    }

    #[test]
    fn a_group_that_is_new_counts_whole_and_one_that_went_backwards_is_unknown() {
        let before = look(&[("old.service", 900, 0, 0)]);
        let after = look(&[("new.service", 500_000, 0, 0), ("old.service", 100, 0, 0)]);
        let seen = compose(&nowhere(), Some(&before), &after, 1.0, 10).output;
        assert_eq!((seen.groups.len(), seen.groups[0].cpu_share), (1, Some(0.5)));
        let old = grew(Some(&before), Path::new("old.service"), &after.groups[Path::new("old.service")], |c| {
            c.used_microseconds
        });
        assert_eq!(old, None);
    }

    #[test]
    fn who_lost_most_time_is_listed_and_what_the_others_lost_is_known() {
        let often = |n: u64| Counts {
            throttled_periods: Some(90 - n),
            throttled_microseconds: Some(1_000),
            ..Counts::default()
        };
        let mut after = look(&[]);
        after.groups.extend((0..3).map(|n| (PathBuf::from(format!("often{n}.service")), often(n))));
        let long = Counts { throttled_periods: Some(20), throttled_microseconds: Some(4_000_000), ..Counts::default() };
        after.groups.insert(PathBuf::from("long.service"), long);
        let mounts = Mounts::V2 { root: PathBuf::from("/nowhere"), quotas: true };
        let seen = compose(&mounts, Some(&look(&[])), &after, 2.0, 1).output;
        assert_eq!((seen.groups[0].path.as_str(), seen.groups_left_out), ("/long.service", 3));
        assert_eq!(seen.left_out_throttled_seconds, Some(0.001));
    }

    #[test]
    fn without_the_controller_cpu_what_a_quota_did_is_missing() {
        let seen = compose(&nowhere(), Some(&look(&[])), &look(&[("web.service", 5, 0, 0)]), 1.0, 10);
        assert_eq!(seen.output.left_out_throttled_seconds, None);
        assert!(seen.missing[0].fields.iter().any(|field| field == "groups.cpus"), "{:?}", seen.missing);
    }

    #[test]
    fn a_read_that_failed_is_a_gap_and_the_list_is_not_whole() {
        let gap = Gap::new(Reason::Denied, "read /x", "it is not allowed");
        let after = Look { failures: Failures { count: 3, first: Some(gap) }, ..look(&[]) };
        let seen = compose(&nowhere(), Some(&look(&[])), &after, 1.0, 10);
        let missing = seen.missing.last().unwrap();
        assert!(!seen.output.complete && missing.gap.why.contains("3 such reads"), "{missing:?}");
    }

    #[test]
    fn what_was_cut_is_said_and_a_group_that_is_not_known_is_not_new() {
        let before = Look { cut: true, ..look(&[]) };
        let after = look(&[("web.service", 500_000, 0, 3)]);
        let seen = compose(&nowhere(), Some(&before), &after, 1.0, 10);
        assert!(!seen.output.complete && seen.output.groups.is_empty() && !seen.loss.is_empty());
    }
}
