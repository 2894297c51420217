//! What each process did between two looks, and which did most.

use super::pass::{Pass, Sample};
use crate::probe::process::IoCounters;

/// Processes with fewer open files are not near any usual limit.
pub(super) const MANY_OPEN_FILES: u64 = 32;

/// A process at the end of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub(super) pid: i32,
    pub(super) now: Sample,
    /// What it did in the window; none without a window, and when its beginning was not seen.
    pub(super) grown: Option<Grown>,
}

/// What a process did in the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grown {
    /// The time in which it did it, in seconds.
    pub(super) seconds: f64,
    pub(super) ticks: u64,
    pub(super) children_ticks: u64,
    pub(super) io: Option<IoCounters>,
    /// Whether it began within the window.
    pub(super) new: bool,
}

/// The processes at the end of the window. `begun` is the beginning of the window in clock ticks since boot.
pub(super) fn compare(before: Option<&Pass>, after: &Pass, begun: u64, seconds: f64) -> Vec<Seen> {
    let mut all: Vec<Seen> = after
        .samples
        .iter()
        .map(|(pid, now)| Seen {
            pid: *pid,
            now: *now,
            grown: before.and_then(|it| grown(it, *pid, now, begun, seconds)),
        })
        .collect();
    all.sort_by_key(|seen| seen.pid);
    all
}

fn grown(before: &Pass, pid: i32, now: &Sample, begun: u64, seconds: f64) -> Option<Grown> {
    match before.samples.get(&pid).filter(|before| before.stat.started == now.stat.started) {
        Some(before) => Some(Grown {
            seconds: now.at.saturating_duration_since(before.at).as_secs_f64(),
            ticks: now.stat.ticks.checked_sub(before.stat.ticks)?,
            children_ticks: now.stat.children_ticks.checked_sub(before.stat.children_ticks)?,
            io: now.io.zip(before.io).and_then(|(now, before)| now.since(&before)),
            new: false,
        }),
        // One that the first pass did not come to has done what it did before the window too.
        None if !before.complete && now.stat.started < begun => None,
        None => Some(Grown {
            seconds,
            ticks: now.stat.ticks,
            children_ticks: now.stat.children_ticks,
            io: now.io,
            new: true,
        }),
    }
}

/// The `limit` processes with the highest figure above 0, highest first; of equals, those with the lowest ids.
pub(super) fn top(all: &[Seen], limit: usize, figure: impl Fn(&Seen) -> Option<u64>) -> Vec<&Seen> {
    let mut ranked: Vec<(u64, &Seen)> =
        all.iter().filter_map(|seen| Some((figure(seen).filter(|figure| *figure > 0)?, seen))).collect();
    ranked.sort_by_key(|(figure, seen)| (std::cmp::Reverse(*figure), seen.pid));
    ranked.truncate(limit);
    ranked.into_iter().map(|(_, seen)| seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::processes::stat::Stat;
    use std::time::{Duration, Instant};

    fn sample(at: Instant, started: u64, ticks: u64, read: u64) -> Sample {
        let stat = Stat {
            state: b'S',
            parent: 1,
            kernel: false,
            ticks,
            children_ticks: 0,
            threads: 1,
            started,
            group: 1,
            session: 1,
            terminal: false,
            foreground: -1,
            resident_pages: 10,
        };
        let io = Some(IoCounters { read, ..IoCounters::default() });
        Sample { at, stat, io, open_files: Some(3) }
    }

    fn pass(samples: impl IntoIterator<Item = (i32, Sample)>, complete: bool) -> Pass {
        Pass { samples: samples.into_iter().collect(), complete, denied: 0 }
    }

    #[test]
    fn growth_is_between_the_two_looks_at_that_process() {
        let begun = Instant::now();
        let before = pass([(5, sample(begun, 100, 50, 1000))], true);
        let later = begun + Duration::from_secs(4);
        let after = pass([(5, sample(later, 100, 250, 1800)), (6, sample(later, 9_100, 7, 30))], true);
        let seen = compare(Some(&before), &after, 9_000, 4.0);
        let old = seen[0].grown.unwrap();
        assert_eq!((old.seconds, old.ticks, old.io.unwrap().read, old.new), (4.0, 200, 800, false));
        let new = seen[1].grown.unwrap();
        assert_eq!((new.ticks, new.io.unwrap().read, new.new), (7, 30, true));
    }

    #[test]
    fn an_id_that_was_given_anew_is_another_process() {
        let begun = Instant::now();
        let before = pass([(5, sample(begun, 100, 50, 1000))], true);
        let after = pass([(5, sample(begun + Duration::from_secs(1), 9_050, 20, 10))], true);
        let grown = compare(Some(&before), &after, 9_000, 1.0)[0].grown.unwrap();
        assert_eq!((grown.ticks, grown.new), (20, true));
    }

    #[test]
    fn one_that_the_first_pass_did_not_come_to_has_no_growth() {
        let now = Instant::now();
        let before = pass([], false);
        let after = pass([(5, sample(now, 100, 50, 0)), (6, sample(now, 9_100, 7, 0))], true);
        let seen = compare(Some(&before), &after, 9_000, 1.0);
        assert_eq!((seen[0].grown, seen[1].grown.map(|grown| grown.ticks)), (None, Some(7)));
    }

    #[test]
    fn the_top_is_the_highest_without_those_at_nothing() {
        let now = Instant::now();
        let after = pass((1..=1000).map(|pid| (pid, sample(now, 1, u64::from(pid as u32 % 100), 0))), true);
        let all = compare(None, &after, 0, 0.0);
        let pids = |limit| -> Vec<i32> {
            top(&all, limit, |seen| Some(seen.now.stat.ticks)).iter().map(|seen| seen.pid).collect()
        };
        assert_eq!(pids(3), [99, 199, 299]);
        assert_eq!(pids(5000).len(), 990);
    }
}
