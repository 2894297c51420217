//! What is told of units, out of what was seen of them.

use super::*;

fn now() -> Timestamp {
    "2026-11-30T09:00:00Z".parse().unwrap()
}

fn seconds_ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn micros(at: Timestamp) -> u64 {
    at.as_microsecond() as u64
}

/// A host with these groups, units that live, and histories.
fn seen(groups: &[(&str, Group)], live: &[(&str, i64)], histories: &[(&str, History)]) -> Seen {
    let groups = Groups {
        units: groups.iter().map(|(name, group)| ((*name).to_owned(), group.clone())).collect(),
        ..Groups::default()
    };
    let live = live.iter().map(|(name, ago)| ((*name).to_owned(), Some(seconds_ago(*ago)))).collect();
    let units = histories.iter().map(|(name, history)| ((*name).to_owned(), history.clone())).collect();
    let mut told = Told::default();
    (told.messages, told.units) = (9, units);
    let uses = BTreeMap::new();
    Seen { now: now(), span_seconds: 3600.0, groups: Ok(groups), invocations: Ok(live), told: Ok(told), uses }
}

fn busy(tasks: u64, most: u64) -> Group {
    Group { processes: 1, tasks: Some(tasks), tasks_limit: Some(most), ..Group::default() }
}

fn failed(ago: i64, restarts: u64) -> History {
    let mut history = History::default();
    (history.failed, history.ended_badly) = (Some(micros(seconds_ago(ago))), true);
    (history.failures, history.restarts) = (1 + restarts, restarts);
    history
}

#[test]
fn what_flaps_comes_before_what_failed_and_that_before_what_is_near_a_limit() {
    let groups = [("a.service", busy(1, 100)), ("near.service", busy(95, 100)), ("x.scope", Group::default())];
    let live = [("a.service", 50), ("near.service", 60), ("flaps.service", 1), ("data.mount", 9000)];
    let told = [("flaps.service", failed(2, 7)), ("gone.service", failed(600, 0)), ("older.service", failed(900, 0))];
    let observed = seen(&groups, &live, &told).compose(200);
    let units = &observed.output.units;
    let names: Vec<_> = units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names[..4], ["flaps.service", "gone.service", "older.service", "near.service"]);
    assert_eq!(names[4..], ["a.service", "data.mount", "x.scope"]);
    let (flapping, gone) = (&units[0], &units[1]);
    assert_eq!((flapping.active, flapping.failed, flapping.flapping), (Some(true), Some(false), Some(true)));
    assert_eq!((gone.active, gone.failed, gone.flapping), (Some(false), Some(true), Some(false)));
    assert_eq!((gone.failed_seconds_ago, flapping.started_seconds_ago), (Some(600.0), Some(1.0)));
    assert_eq!(observed.output.failed.unwrap(), ["gone.service", "older.service"]);
    assert_eq!(observed.output.flapping.unwrap(), ["flaps.service"]);
    assert_eq!((units[3].tasks_share, units[4].failed), (Some(0.95), Some(false)));
    assert!(observed.output.complete && observed.missing.is_empty());
}

#[test]
fn what_is_left_out_is_counted_and_is_what_matters_least() {
    let groups: Vec<_> = (0..30).map(|number| (format!("s{number:02}.service"), busy(1, 100))).collect();
    let groups: Vec<_> = groups.iter().map(|(name, group)| (name.as_str(), group.clone())).collect();
    let observed = seen(&groups, &[], &[("z.service", failed(5, 3))]).compose(2);
    let names: Vec<_> = observed.output.units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["z.service", "s00.service"]);
    assert_eq!((observed.output.seen, observed.output.units_left_out), (31, 29));
}

#[test]
fn without_the_journal_nothing_is_said_of_failures() {
    let gap = Gap::new(Reason::Denied, "read the journal", "permission denied");
    let host = Seen { told: Err(gap), ..seen(&[("a.service", busy(1, 2))], &[("a.service", 5)], &[]) };
    let observed = host.compose(10);
    let unit = &observed.output.units[0];
    assert_eq!((unit.failed, unit.flapping, unit.failures, unit.active), (None, None, None, Some(true)));
    assert_eq!((observed.output.failed, observed.output.messages), (None, None));
    assert!(observed.missing[0].fields.iter().any(|field| field == "units.failures"), "{:?}", observed.missing);
}

#[test]
fn with_an_older_systemd_a_unit_lives_while_it_has_processes_and_without_groups_figures_are_unknown() {
    let gap = || Gap::new(Reason::Absent, "read", "it is not there");
    let groups = [("a.service", busy(1, 2)), ("b.service", Group::default())];
    let observed = Seen { invocations: Err(gap()), ..seen(&groups, &[], &[]) }.compose(10);
    let active: Vec<_> = observed.output.units.iter().map(|unit| unit.active).collect();
    assert_eq!(active, [Some(true), Some(false)]);
    let observed = Seen { groups: Err(gap()), ..seen(&[], &[("a.service", 5)], &[]) }.compose(10);
    let unit = &observed.output.units[0];
    assert_eq!((unit.processes, unit.tasks, unit.active, observed.output.complete), (None, None, Some(true), false));
    let both = Seen { groups: Err(gap()), invocations: Err(gap()), ..seen(&[], &[], &[("c.service", failed(9, 0))]) };
    assert_eq!(both.compose(10).output.units[0].failed, None, "whether it runs by now is not known");
}

#[test]
fn invocations_tell_since_when_a_unit_lives() {
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["invocation:web.service", "invocation:dev-sda.device", "log-level-max:x.service", "invocation:.service"]
    {
        std::os::unix::fs::symlink("0123456789abcdef0123456789abcdef", folder.path().join(name)).unwrap();
    }
    let units = invocations(folder.path()).unwrap();
    assert_eq!(units.keys().collect::<Vec<_>>(), ["web.service"]);
    assert!(units["web.service"].is_some());
    let gap = invocations(&folder.path().join("none")).unwrap_err();
    assert!(gap.to_fix.unwrap().contains("236"));
}

#[test]
fn the_kinds_that_are_told_of_are_those_that_run_or_fail_by_themselves() {
    for (name, is) in
        [("a.service", true), ("x.mount", true), ("a.slice", false), ("dev-x.device", false), ("a.target", false)]
    {
        assert_eq!(is_kept(name), is, "{name}");
    }
    assert!(!is_kept(".service") && !is_kept("service"));
}

#[test]
fn a_journal_that_begins_within_the_span_tells_of_no_more() {
    let now = Timestamp::from_second(1_795_359_845).unwrap();
    let before = |seconds: i64| now.checked_sub(SignedDuration::from_secs(seconds)).unwrap();
    assert_eq!(reaches_back(Some(before(120)), now, 3600.0), 120.0);
    assert_eq!(reaches_back(Some(before(86_400)), now, 3600.0), 3600.0);
    assert_eq!(reaches_back(Some(before(-5)), now, 3600.0), 3600.0, "a clock that was set says nothing");
    assert_eq!(reaches_back(None, now, 3600.0), 3600.0);
}
