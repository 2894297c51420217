//! A user without privileges: the run ends with its report, and names each capability that it lacks.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use landlock::{AccessFs, Ruleset, RulesetAttr as _, RulesetStatus};

use crate::command::{Answer, Desk, GOOD, finish};
use crate::support::NOBODY;
use crate::support::need::{Missing, require, root, tool};

/// Runs a copy of the binary as nobody, in a folder that nobody may read but not write.
fn as_nobody(desk: &Desk, line: &str) -> Option<Answer> {
    require!(root());
    let binary = desk.path("casebook");
    if !binary.exists() {
        // The folder that the binary was built in may be closed to others.
        std::fs::copy(env!("CARGO_BIN_EXE_casebook"), &binary).unwrap();
    }
    let folder = binary.parent().unwrap();
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&binary);
    command.args(line.split_whitespace()).current_dir(folder).env_clear().uid(NOBODY).gid(NOBODY);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(finish(command.spawn().unwrap()))
}

#[test]
fn a_run_without_root_reports_and_names_each_lost_capability() {
    let Some(answer) = as_nobody(&Desk::new(), "run high-inbound-traffic --window 1s -v") else { return };
    answer.not_fine().printed(&[
        "How much arrives",
        "What could not be seen",
        "run with sudo",
        "CAP_NET_RAW",
        "CAP_NET_ADMIN",
        "CAP_PERFMON",
        "run without root",
    ]);
}

#[test]
fn doctor_without_root_says_what_is_blind_and_why() {
    let Some(answer) = as_nobody(&Desk::new(), "doctor") else { return };
    answer.ended(0).printed(&["not as root", "unavailable capture", "without CAP_NET_RAW", "to fix: run with sudo"]);
}

#[test]
fn root_whom_the_kernel_refuses_all_the_same_is_not_told_to_become_root() {
    require!(root());
    // As under a profile of AppArmor: whatever was started outside may not be looked into.
    let confined = std::thread::spawn(|| {
        let rules = Ruleset::default().handle_access(AccessFs::MakeSock).unwrap().create().unwrap();
        let enforced = rules.restrict_self().unwrap().ruleset != RulesetStatus::NotEnforced;
        enforced.then(|| root_looks(Command::new(env!("CARGO_BIN_EXE_casebook"))))
    });
    let missing = || Missing::new("Landlock", "boot a kernel that has it, with landlock in `lsm=`");
    let said = require!(confined.join().unwrap().ok_or_else(missing));
    assert!(said.contains("casebook has CAP_SYS_PTRACE, and the kernel refuses all the same"), "{said}");
    assert!(!said.contains("run with sudo") && !said.contains("without CAP_SYS_PTRACE"), "{said}");
}

#[test]
fn root_of_a_user_namespace_is_told_that_he_is_not_the_hosts() {
    require!(root());
    let mut within = Command::new(require!(tool("unshare")));
    within.args(["--user", "--map-root-user", env!("CARGO_BIN_EXE_casebook")]);
    let said = root_looks(within);
    assert!(said.contains("casebook has CAP_SYS_PTRACE only within its user namespace"), "{said}");
    assert!(said.contains("to fix: run it as root on the host, outside of the container"), "{said}");
}

/// What `casebook doctor` says of what processes read and wrote.
fn root_looks(mut command: Command) -> String {
    command.arg("doctor").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = finish(command.spawn().unwrap());
    answer.ended(0);
    let from = answer.out.find("  processes ").expect("it is among the probes");
    answer.out[from..].split("  cgroups ").next().unwrap_or_default().to_owned()
}

#[test]
fn an_unreadable_log_is_a_gap_that_names_it() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("logs")).unwrap();
    desk.put("logs/messages", "Nov 22 10:00:00 host kernel: secret line\n");
    std::fs::set_permissions(desk.path("logs/messages"), Permissions::from_mode(0o600)).unwrap();
    let Some(answer) = as_nobody(&desk, "probe logs dir=logs --format json") else { return };
    let said = format!("{}{}", answer.reported().out, answer.err);
    assert!(said.contains("logs/messages") && said.contains("denied"), "{said}");
    assert!(!said.contains("secret line"), "{said}");
}

#[test]
fn an_unreadable_runbook_is_refused_with_the_way_out() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    std::fs::set_permissions(desk.path("brief.yaml"), Permissions::from_mode(0o600)).unwrap();
    let Some(answer) = as_nobody(&desk, "run brief.yaml") else { return };
    answer.refused(&["cannot read the runbook brief.yaml", "this user may not read it", "sudo"]);
}

#[test]
fn a_folder_that_may_not_be_written_is_refused_before_the_run() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let Some(answer) = as_nobody(&desk, "run brief.yaml -o report.md") else { return };
    answer.refused(&["cannot write report.md", "this user may not write in .", "/tmp/report.md"]);
}
