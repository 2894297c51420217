//! Runs that do not come to their end: what they had observed is still a case.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::command::{Desk, GOOD, finish, wait};
use crate::signals::{LONG, desk, signal, watching};
use crate::support::need::{require, root, tool};

/// Looks at something at once, and then at something for as long as the window is.
fn two_steps() -> Desk {
    let desk = Desk::new();
    let steps = "steps:
  - id: setting
    title: A setting
    probe: sysctl
    with: {names: [kernel.ostype]}
    outcomes: [{verdict: ok, say: it can be read}]
";
    desk.put("two.yaml", GOOD.replace("max: 1m", "max: 1h").replacen("steps:\n", steps, 1));
    desk
}

/// Waits until the journal holds so many answers.
fn journal_with(desk: &Desk, answers: usize) -> String {
    let began = Instant::now();
    loop {
        let names = desk.kept_names();
        if let Some(name) = names.iter().find(|name| name.ends_with(".journal")) {
            let text = fs::read_to_string(desk.kept(name)).unwrap_or_default();
            if text.matches('\n').count() > answers {
                return name.trim_end_matches(".journal").to_owned();
            }
        }
        assert!(began.elapsed().as_secs() < 60, "the journal never came to {answers} answers: {names:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    wait(&mut child);
}

#[test]
fn a_run_that_was_killed_is_listed_and_finished_to_a_partial_case() {
    let desk = two_steps();
    let child = watching(&desk, &format!("run two.yaml --window {LONG} -q"));
    let id = journal_with(&desk, 1);
    desk.run("cases").ended(0).printed(&[&id, "running"]);
    desk.run(&format!("cases finish {id}")).refused(&["its run still goes on"]);
    kill(child);
    desk.run("cases").ended(0).printed(&[&id, "UNFINISHED", &format!("casebook cases finish {id}")]);
    let answer = desk.run("cases finish last --save left.json");
    answer.ended(3).printed(&["PARTIAL", "it can be read", "the run ended before its answer was written down"]);
    let case: serde_json::Value = serde_json::from_str(&desk.text("left.json")).unwrap();
    assert_eq!(case["partial"], true);
    assert_eq!(case["evidence"]["setting"]["probe"], "sysctl");
    assert_eq!(case["evidence"]["rates"]["gap"]["reason"], "cancelled");
    assert_eq!(case["given"]["window"], LONG);
    assert_eq!(case["window_seconds"], 0.0, "nobody saw a window: its probe had not answered");
    assert_eq!(desk.kept_names(), [format!("{id}.case")], "the case has taken the journal's place");
    desk.run("replay last").ended(3).printed(&["PARTIAL"]);
}

#[test]
fn a_run_that_was_killed_before_it_saw_anything_is_finished_too() {
    let desk = desk();
    let child = watching(&desk, &format!("run long.yaml --window {LONG} -q"));
    journal_with(&desk, 0);
    kill(child);
    desk.run("cases finish last").ended(3).printed(&["PARTIAL"]);
}

#[test]
fn a_journal_cut_anywhere_gives_what_is_whole_in_it() {
    let desk = two_steps();
    let child = watching(&desk, &format!("run two.yaml --window {LONG} -q"));
    let id = journal_with(&desk, 1);
    kill(child);
    let journal = fs::read(desk.kept(&format!("{id}.journal"))).unwrap();
    fs::write(desk.kept(&format!("{id}.journal")), &journal[..journal.len() - 10]).unwrap();
    desk.run("cases finish last").ended(3).printed(&["while its answer was being written down"]);
    fs::write(desk.kept("20190101T000000Z-x.journal"), &journal[..50]).unwrap();
    desk.run("cases finish 2019").refused(&["ended before it began to look"]);
    fs::write(desk.kept("20190101T000000Z-x.journal"), "junk\n").unwrap();
    desk.run("cases finish 2019").refused(&["it is no journal"]);
}

#[test]
fn a_run_ended_by_a_signal_is_kept_as_partial_and_leaves_no_journal() {
    for one in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let desk = desk();
        let child = watching(&desk, &format!("run long.yaml --window {LONG}"));
        signal(&child, one);
        finish(child).ended(0).printed(&["PARTIAL"]);
        let names = desk.kept_names();
        assert!(names.len() == 1 && names[0].ends_with(".case"), "{one}: {names:?}");
        desk.run("cases").ended(0).printed(&["PARTIAL"]);
    }
}

#[test]
fn a_run_whose_reader_closes_the_pipe_is_kept() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let mut child = desk.command("run brief.yaml".split_whitespace()).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(wait(&mut child), Some(0));
    desk.run("replay last").ended(0);
}

/// The state directory that commands on the desk use.
fn state_of(desk: &Desk) -> PathBuf {
    desk.kept("").ancestors().nth(2).unwrap().to_owned()
}

/// Runs a command whose mount namespace has a tmpfs of 64 KiB at `full`, with so much of it taken.
fn with_full_disk(desk: &Desk, line: &str, full: &Path, free: bool) -> Option<crate::command::Answer> {
    require!(root());
    require!(tool("unshare"));
    fs::create_dir_all(full).unwrap();
    // In one the last pages are taken, so that a file can be made but not filled.
    let (size, ballast) = if free { ("64k", 0) } else { ("8k", 8192) };
    let script = format!(
        "mount -t tmpfs -o size={size},mode=700 none \"$0\" && {{ head -c {ballast} /dev/zero > \"$0/ballast\"; exec \"$@\"; }}"
    );
    let casebook = desk.command(line.split_whitespace());
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c", &script]).arg(full);
    command.arg(casebook.get_program()).args(casebook.get_args()).current_dir(desk.path(""));
    command.env("XDG_STATE_HOME", state_of(desk)).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(finish(command.spawn().unwrap()))
}

#[test]
fn a_full_state_directory_costs_one_line_and_the_report_is_there() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let full = state_of(&desk);
    let Some(answer) = with_full_disk(&desk, "run brief.yaml", &full, false) else { return };
    answer.ended(0).printed(&["brief"]);
    let lines: Vec<&str> = answer.err.lines().filter(|line| line.contains("this run is not kept")).collect();
    assert!(lines.len() == 1 && lines[0].contains("No space left"), "{}", answer.err);
}

#[test]
fn a_full_disk_under_the_report_costs_the_file_alone() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let full = desk.path("full");
    let line = "run brief.yaml --save full/a.case -o full/a.md";
    let Some(answer) = with_full_disk(&desk, line, &full, false) else { return };
    assert_eq!(answer.status, Some(70), "{answer:#?}");
    answer.printed(&["brief"]);
    assert!(answer.err.contains("cannot write full/a"), "{}", answer.err);
    desk.run("replay last").ended(0);
}

#[test]
fn a_disk_that_fills_up_while_the_run_writes_leaves_no_half_case() {
    let desk = Desk::new();
    let full = state_of(&desk);
    // The journal of this fits into 64 KiB only in part.
    let Some(answer) = with_full_disk(&desk, "run high-inbound-traffic --window 1s", &full, true) else { return };
    answer.reported().printed(&["high-inbound-traffic"]);
    assert!(answer.err.contains("is not kept") && answer.err.contains("No space left"), "{}", answer.err);
}
