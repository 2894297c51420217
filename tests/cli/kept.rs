//! What runs leave in the state directory.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use casebook::archive;

use crate::command::{Desk, GOOD, wait};
use crate::signals::{LONG, watching};
use crate::support::need::{require, root};

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
    desk.run("cases show latest").ended(0).printed(&["brief"]);
    desk.run("report latest").ended(0).printed(&["brief", "0 bit/s in"]);
    desk.run("report latest --format json -o again.md").ended(0).printed(&["\"name\": \"brief\""]);
    assert!(desk.text("again.md").contains("0 bit/s in"), "{}", desk.text("again.md"));
    desk.run("diff last latest").ended(0);
    desk.run("retest last -q").ended(0);
    desk.run("replay 1999").refused(&["of the kept cases, there is none of that name", "casebook cases"]);
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
    let answer = desk.run("cases prune --max-size 1B");
    assert!(
        answer.ended(0).err.contains("removed 2 files, ") && answer.err.ends_with("left: 1 case\n"),
        "{}",
        answer.err
    );
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
    require!(root());
    let desk = brief();
    fs::create_dir(desk.path("open")).unwrap();
    fs::set_permissions(desk.path("open"), Permissions::from_mode(0o777)).unwrap();
    let answer = desk.run_with("run brief.yaml", |command| {
        command.env("XDG_STATE_HOME", desk.path("open"));
    });
    assert!(answer.ended(0).err.contains("everybody may write to it"), "{}", answer.err);
}

const STRANGER: &str = "203.0.113.77";

/// Reads a log in which a stranger's address stands, and then watches for as long as the window is.
fn with_a_stranger() -> Desk {
    let desk = Desk::new();
    let steps = "steps:
  - id: logs
    title: What the logs say
    probe: logs
    with: {dir: logs, since: 2d}
    outcomes: [{verdict: ok, say: 'from {{ logs.patterns.ssh_failed_password.captures.address[1].value }}'}]
";
    desk.put(
        "log.yaml",
        GOOD.replace("name: brief", "name: log").replace("max: 1m", "max: 1h").replacen("steps:\n", steps, 1),
    );
    fs::create_dir(desk.path("logs")).unwrap();
    let now = jiff::Zoned::now().strftime("%b %e %H:%M:%S").to_string();
    desk.put("logs/auth.log", format!("{now} web1 sshd[7]: Failed password for root from {STRANGER} port 4000 ssh2\n"));
    desk
}

#[test]
fn what_gets_pseudonyms_stands_in_no_file_that_is_kept_and_can_be_put_back() {
    let desk = with_a_stranger();
    let line = "run log.yaml --redact addresses --redact-map map.json --save out.case -o out.md -q";
    let answer = desk.run(line);
    answer.ended(0).printed(&["from "]);
    assert!(!answer.out.contains(STRANGER), "{}", answer.out);
    let kept = desk.kept(&desk.kept_names()[0]);
    for path in [kept.clone(), desk.path("out.case")] {
        let file = archive::read(&fs::read(&path).unwrap()).unwrap();
        let case = serde_json::to_string(&file.case).unwrap();
        assert!(!case.contains(STRANGER) && case.contains("Failed password"), "{path:?}: {case}");
        for attached in &file.attached {
            assert!(!String::from_utf8_lossy(&attached.bytes).contains(STRANGER), "{path:?} {}", attached.name);
        }
    }
    assert!(!desk.text("out.md").contains(STRANGER));
    desk.run(&format!("unredact {} --map map.json -o whole.case", kept.display())).ended(0);
    desk.run("report whole.case").ended(0).printed(&[&format!("from {STRANGER}")]);
    desk.run("cases show whole.case").ended(0).printed(&[STRANGER]);
    desk.put("noise.case", [0x80; 40]);
    desk.run("unredact noise.case --map map.json").refused(&["noise.case", "neither a case file nor text"]);
}

#[test]
fn a_run_under_pseudonyms_that_is_killed_leaves_nothing_behind() {
    let desk = with_a_stranger();
    let mut child = watching(&desk, &format!("run log.yaml --redact addresses --window {LONG} -q"));
    child.kill().unwrap();
    wait(&mut child);
    let left: Vec<String> = if desk.kept("").exists() { desk.kept_names() } else { Vec::new() };
    assert!(left.is_empty(), "{left:?}");
}
