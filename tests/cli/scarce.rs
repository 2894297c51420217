//! Hosts that are out of something: threads, room for files, or time to run. A report comes all the same.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::command::{Desk, GOOD, finish};
use crate::signals;
use crate::support::need::{ControlGroup, require, root, tool};

/// A user whom nothing else runs as.
const SOMEBODY: u32 = 61234;

#[test]
fn a_user_who_may_have_no_second_thread_gets_a_report() {
    require!(root());
    require!(tool("prlimit"));
    let desk = Desk::new();
    let binary = desk.path("casebook");
    std::fs::copy(env!("CARGO_BIN_EXE_casebook"), &binary).unwrap();
    std::fs::set_permissions(binary.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("prlimit");
    command.arg("--nproc=1").arg(&binary).args(["run", "high-inbound-traffic", "--window", "1s", "-q", "-v"]);
    command.current_dir("/").env("XDG_STATE_HOME", "/nowhere").uid(SOMEBODY).gid(SOMEBODY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = finish(command.spawn().unwrap());
    answer.reported().printed(&["How much arrives", "no further thread could be made", "not in the same window"]);
    assert!(!answer.err.contains("panicked"), "{}", answer.err);
}

#[test]
fn a_control_group_with_room_for_a_few_threads_gets_a_report_and_keeps_the_case() {
    require!(root());
    for room in [1, 2, 3, 5] {
        let name = format!("casebook-test-{}-{room}", std::process::id());
        let group = require!(ControlGroup::make(&name, "pids.max"));
        std::fs::write(group.0.join("pids.max"), room.to_string()).unwrap();
        let desk = Desk::new();
        let mut command = Command::new("sh");
        let join = "echo $$ > \"$1\"/cgroup.procs && exec \"$2\" run high-inbound-traffic --window 1s -q -v";
        command.args(["-c", join, "sh"]).arg(&group.0).arg(env!("CARGO_BIN_EXE_casebook"));
        command.env("XDG_STATE_HOME", desk.path("state")).stdin(Stdio::null());
        let answer = finish(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        drop(group);
        answer.reported().printed(&["How much arrives", "no further thread could be made"]);
        assert!(!answer.err.contains("panicked") && !answer.err.contains("not kept"), "{}", answer.err);
        let kept = std::fs::read_dir(desk.path("state/casebook/cases")).unwrap().flatten();
        assert_eq!(kept.filter(|file| file.path().extension().is_some_and(|ending| ending == "case")).count(), 1);
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_that_names_it() {
    require!(tool("prlimit"));
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let mut command = Command::new("prlimit");
    let line = "run brief.yaml --window 1s -q --no-keep -o report.html -o report.json";
    command.arg("--fsize=2000").arg(env!("CARGO_BIN_EXE_casebook")).args(line.split(' ')).current_dir(desk.path(""));
    let answer = finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    answer.ended(70).printed(&["How much arrives"]);
    assert!(answer.err.contains("cannot write report.") && answer.err.contains("ulimit -f"), "{}", answer.err);
    assert_eq!(desk.names(), ["brief.yaml"], "nothing half-written stays");
}

#[test]
fn a_run_that_was_stopped_for_a_while_has_its_evidence_and_says_so() {
    let desk = signals::desk();
    // The time that the step may take is over before the run goes on.
    let text = desk.text("long.yaml").replace("    probe: interfaces\n", "    probe: interfaces\n    timeout: 6s\n");
    desk.put("long.yaml", text);
    let child = signals::watching(&desk, "run long.yaml --window 4s -q --no-keep");
    // A run that is stopped before it looks for the first time has missed nothing, and says nothing.
    thread::sleep(Duration::from_secs(1));
    signals::signal(&child, Signal::SIGSTOP);
    thread::sleep(Duration::from_secs(7));
    signals::signal(&child, Signal::SIGCONT);
    let answer = finish(child);
    answer.reported().printed(&["casebook itself did not run", "while this was watched"]);
    assert!(!answer.out.contains("did not answer"), "{}", answer.out);
}
