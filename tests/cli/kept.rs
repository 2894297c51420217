//! What runs leave in the state directory.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::command::{Desk, GOOD};

fn brief() -> Desk {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    desk
}

#[test]
fn a_run_is_kept_for_its_user_alone_and_found_by_its_name() {
    let desk = brief();
    let answer = desk.run("run brief.yaml");
    assert!(answer.ended(0).err.contains("case kept: "), "{}", answer.err);
    let names = desk.kept_names();
    assert_eq!(names.len(), 1, "a journal is gone when its case is kept: {names:?}");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(desk.kept("")), 0o700);
    let id = names[0].strip_suffix(".case").unwrap();
    assert!(id.ends_with("Z-brief"), "{id}");
    desk.run("cases").ended(0).printed(&[id, "ok"]);
    desk.run(&format!("replay {id}")).ended(0);
    desk.run(&format!("replay {}", &id[..6])).ended(0);
    desk.run("cases show last").ended(0).printed(&["brief"]);
    desk.run("diff last last").ended(0);
    desk.run("retest last -q").ended(0);
    desk.run("replay 1999").refused(&["there is no such file", "there is none of that name", "casebook cases"]);
    let listed: serde_json::Value = serde_json::from_str(&desk.run("cases list --format json").ended(0).out).unwrap();
    assert_eq!(listed["cases"].as_array().unwrap().len(), 2);
    assert_eq!(listed["cases"][1]["id"], id);
}

#[test]
fn nothing_is_kept_when_nothing_shall_be() {
    let desk = brief();
    let answer = desk.run("run brief.yaml --no-keep");
    assert!(!answer.ended(0).err.contains("kept"), "{}", answer.err);
    assert!(!desk.kept("").exists());
    desk.run("cases").ended(0);
    desk.run("cases list --format json").ended(0).printed(&["\"folder\": null"]);
    desk.run("cases prune").ended(0);
    desk.run("cases finish last").refused(&["no run is unfinished"]);
}

#[test]
fn cases_are_removed_the_oldest_first() {
    let desk = brief();
    desk.run("run brief.yaml").ended(0);
    let first = fs::read(desk.kept(&desk.kept_names()[0])).unwrap();
    for index in 10..70 {
        fs::write(desk.kept(&format!("201901{index}T000000Z-old.case")), &first).unwrap();
    }
    desk.run("run brief.yaml -q").ended(0);
    assert_eq!(desk.kept_names().len(), 50, "it never grows without end");
    desk.run("cases prune --keep 3").ended(0);
    let left = desk.kept_names();
    assert_eq!(left.len(), 3);
    assert!(left[2].ends_with("Z-brief.case") && left[1].ends_with("Z-brief.case"), "{left:?}");
    desk.run("cases prune --max-size 1B").ended(0);
    assert_eq!(desk.kept_names(), left[2..]);
    desk.run("cases prune --keep 0").ended(0);
    assert!(desk.kept_names().is_empty());
}

#[test]
fn a_kept_file_that_is_no_case_does_not_hide_the_others() {
    let desk = brief();
    desk.run("run brief.yaml").ended(0);
    fs::write(desk.kept("20190101T000000Z-bad.case"), "junk").unwrap();
    fs::write(desk.kept("20190101T000000Z-\u{1b}[2J.case"), "junk").unwrap();
    symlink("/etc/passwd", desk.kept("20190101T000000Z-link.case")).unwrap();
    let answer = desk.run("cases");
    answer.ended(0).printed(&["it is not a case", "Z-brief"]);
    assert!(!answer.out.contains("-link"), "a link is none of ours: {}", answer.out);
    assert!(!answer.out.contains('\x1b'), "{:?}", answer.out);
}

#[test]
fn a_state_directory_that_cannot_be_had_is_one_line_and_no_failure() {
    let desk = brief();
    desk.put("file", "");
    for (home, said) in [("/proc", "/proc"), ("/dev/null", "/dev/null"), ("file", "this run is not kept")] {
        let home = desk.path(home);
        let answer = desk.run_with("run brief.yaml", |command| {
            command.env("XDG_STATE_HOME", &home);
        });
        answer.ended(0).printed(&["brief"]);
        let lines: Vec<&str> = answer.err.lines().filter(|line| line.contains("not kept")).collect();
        assert!(lines.len() == 1 && lines[0].contains(said), "{}", answer.err);
    }
}

#[test]
fn root_keeps_nothing_where_somebody_else_may_write() {
    if !nix::unistd::geteuid().is_root() {
        return println!("skipped: only root has to be careful");
    }
    let desk = brief();
    fs::create_dir(desk.path("open")).unwrap();
    fs::set_permissions(desk.path("open"), Permissions::from_mode(0o777)).unwrap();
    let answer = desk.run_with("run brief.yaml", |command| {
        command.env("XDG_STATE_HOME", desk.path("open"));
    });
    assert!(answer.ended(0).err.contains("somebody else may write there"), "{}", answer.err);
}
