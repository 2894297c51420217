//! The runbook `host-under-pressure` where a host is really short of something: each in a process namespace of its own, which ends
//! with it, and for a few seconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use casebook::case::{Case, Cause, Likelihood};

use super::{HELD_BACK, of_elsewhere};
use crate::command::{Desk, finish};
use crate::support::accuracy::Played;
use crate::support::need::{Missing, require, root, tool};

const RUNBOOK: &str = "host-under-pressure";

/// How a host is put under pressure, and what must be said of it.
struct Situation {
    name: &'static str,
    /// Runs beside casebook, and is ended after it.
    trouble: &'static str,
    cause: &'static str,
    /// What the cause's title says.
    says: &'static str,
    /// What one of its remedies runs.
    runs: &'static str,
}

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "host-of-zombies",
        trouble: "for i in $(seq 120); do sleep 1.5 & done; exec sleep 60",
        cause: "zombies",
        says: " children that have ended",
        runs: "kill -CHLD ",
    },
    Situation {
        name: "process-without-files",
        trouble: "ulimit -n 512; for i in $(seq 10 500); do eval \"exec $i</dev/null\"; done; exec sleep 60",
        cause: "process-out-of-files",
        says: " files and sockets open, 512 are allowed",
        runs: "--nofile=1024: ||",
    },
    Situation {
        name: "host-that-forks",
        trouble: "for i in 1 2 3; do (while :; do (:); (:); (:); done) & done; wait",
        cause: "fork-storm",
        says: "processes a second are begun",
        runs: "kill -STOP ",
    },
    // For three seconds, and as whatever else runs: one that gives way would not be what uses the CPUs.
    Situation {
        name: "host-short-of-cpu",
        trouble: "for i in $(seq $(($(nproc) * 2 + 3))); do bash -c 'while :; do :; done' & done; wait",
        cause: "cpu-short",
        says: "the CPUs are used up and work waits: bash (",
        runs: "renice -n 19 -p ",
    },
];

/// What casebook says in a process namespace of its own, in which this runs as well.
fn looked_at(desk: &Desk, trouble: &str) -> Case {
    asked(desk, trouble, "run host-under-pressure")
}

/// The same of another command.
fn asked(desk: &Desk, trouble: &str, ask: &str) -> Case {
    const SCRIPT: &str = r#"
        bash -c "$1" &
        sleep 0.7
        "$0" $3 --set log_dir="$2" --window 2s --no-keep -q --format json || status=$?
        exit ${status:-0}"#;
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SCRIPT]);
    command.arg(env!("CARGO_BIN_EXE_casebook")).arg(trouble).arg(desk.path("")).arg(ask);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = finish(command.spawn().unwrap());
    Case::from_json(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:#?}"))
}

/// The first likely cause that is staged, or that the load of the machine cannot be.
fn first<'a>(case: &'a Case, staged: &str) -> Option<&'a Cause> {
    let mut likely = case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
    likely.find(|cause| cause.id == staged || !of_elsewhere(cause))
}

/// How likely a cause is, its title, and what its remedies run.
fn found(case: &Case, id: &str) -> (Likelihood, String, String) {
    let cause = case.diagnosis.causes.iter().find(|cause| cause.id == id).expect("it is weighed");
    let runs: Vec<_> = cause.remedies.iter().filter_map(|remedy| remedy.run.as_deref()).collect();
    (cause.likelihood, cause.title.clone(), runs.join("\n"))
}

// One after another: each would be among the figures of the next.
#[test]
fn what_a_host_is_short_of_is_named_with_who_causes_it() {
    require!(root());
    require!(tool("unshare"));
    require!(tool("bash"));
    for situation in SITUATIONS {
        let mut played = Played::begin(RUNBOOK, situation.name, Some(situation.cause));
        let case = looked_at(&Desk::new(), situation.trouble);
        played.found(&case, first(&case, situation.cause));
        let (likelihood, title, runs) = found(&case, situation.cause);
        assert!(likelihood >= Likelihood::Likely, "{}: {likelihood:?}: {title}", situation.name);
        assert!(title.contains(situation.says), "{}: {title}", situation.name);
        assert!(runs.contains(situation.runs), "{}: {runs}", situation.name);
        played.judged(true);
    }
}

/// A control group that may use a fifth of a CPU; it goes with the test.
struct Bounded(PathBuf);

impl Bounded {
    /// Makes it, by whichever version there is.
    fn make() -> Result<Self, Missing> {
        let refused =
            |error| Missing::new("a control group", format!("let root make one below /sys/fs/cgroup ({error})"));
        let root = Path::new("/sys/fs/cgroup");
        let unified = root.join("cgroup.controllers").exists();
        let parent = if unified { root.to_owned() } else { root.join("cpu") };
        let group = Bounded(parent.join(format!("{HELD_BACK}{}", std::process::id())));
        fs::create_dir(&group.0).map_err(refused)?;
        if unified {
            fs::write(group.0.join("cpu.max"), "20000 100000").map_err(refused)?;
        } else {
            fs::write(group.0.join("cpu.cfs_quota_us"), "20000").map_err(refused)?;
        }
        Ok(group)
    }
}

impl Drop for Bounded {
    fn drop(&mut self) {
        // What ran in it has ended; the kernel may take a moment to know.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn a_quota_that_holds_a_group_back_is_named() {
    require!(root());
    require!(tool("bash"));
    let group = require!(Bounded::make());
    let mut command = Command::new("bash");
    command.args(["-c", "echo $$ >\"$1/cgroup.procs\" && while :; do :; done", "bash"]).arg(&group.0);
    let mut busy = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let desk = Desk::new();
    let mut look = Command::new(env!("CARGO_BIN_EXE_casebook"));
    look.args(["run", "host-under-pressure", "--window", "2s", "--no-keep", "-q", "--format", "json", "--set"]);
    look.arg(format!("log_dir={}", desk.path("").display()));
    look.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = finish(look.spawn().unwrap());
    busy.kill().unwrap();
    busy.wait().unwrap();
    let case = Case::from_json(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:#?}"));
    let (likelihood, title, _) = found(&case, "cpu-held-back");
    assert!(likelihood >= Likelihood::Likely, "{likelihood:?}: {title}");
    let name = group.0.file_name().unwrap().to_string_lossy();
    assert!(title.contains(&*name) && title.contains("may use 0.2 CPUs"), "{title}");
}

#[test]
fn a_host_without_trouble_has_none_of_these() {
    require!(root());
    require!(tool("unshare"));
    let desk = Desk::new();
    let mut played = Played::begin(RUNBOOK, "host-quiet", None);
    let case = looked_at(&desk, "exec sleep 60");
    played.found(&case, first(&case, "zombies"));
    for id in ["zombies", "process-out-of-files", "host-out-of-files", "tasks-used-up", "file-system-stalls"] {
        let (likelihood, title, _) = found(&case, id);
        assert_eq!(likelihood, Likelihood::RuledOut, "{title}");
    }
    // No log of the kernel is there: that rules nothing out.
    let (likelihood, title, _) = found(&case, "kernel-stalls");
    assert!(likelihood > Likelihood::RuledOut && likelihood < Likelihood::Likely, "{title}: {likelihood:?}");
    assert_eq!(first(&case, "zombies").map(|cause| &cause.id), None);
    played.judged(true);
}

/// Programs that start, compute, write and end, with many files open, as on any day.
#[test]
fn a_host_that_works_is_short_of_nothing() {
    require!(root());
    require!(tool("unshare"));
    require!(tool("bash"));
    let desk = Desk::new();
    let work = "for i in $(seq 10 150); do eval \"exec $i</dev/null\"; done
        for i in 1 2 3; do (while sleep 0.2; do seq 3000 | sort -n | tail -n 1; done >/dev/null) & done; wait";
    let mut played = Played::begin(RUNBOOK, "host-busy", None);
    let case = looked_at(&desk, work);
    let likely = first(&case, "zombies");
    played.found(&case, likely);
    assert_eq!(likely.map(|cause| &cause.title), None);
    played.judged(true);
}

#[test]
fn what_the_kernel_logged_of_a_shortage_counts_and_what_others_wrote_does_not() {
    require!(root());
    require!(tool("unshare"));
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string();
    let line = |program: &str| {
        format!("{now} host {program}: swapper/0: page allocation failure: order:4, mode:0x820(GFP_ATOMIC)\n")
    };
    for (program, expected) in [("kernel", Likelihood::Likely), ("guest", Likelihood::RuledOut)] {
        let desk = Desk::new();
        let staged = (expected == Likelihood::Likely).then_some("kernel-out-of-pages");
        let name = if staged.is_some() { "pages-refused-in-the-log" } else { "quiet-but-for-what-others-wrote" };
        let mut played = Played::begin(RUNBOOK, name, staged);
        desk.put("kern.log", format!("{now} host kernel: e1000: link is up\n{}", line(program).repeat(4)));
        let case = looked_at(&desk, "exec sleep 60");
        let (likelihood, title, _) = found(&case, "kernel-out-of-pages");
        let first = first(&case, "kernel-out-of-pages");
        played.found(&case, first);
        assert_eq!(likelihood, expected, "{program}: {title}");
        assert_eq!(first.map(|cause| cause.id.as_str()), staged, "{program}");
        played.judged(true);
    }
}

/// What a complaint of a slow server finds where the CPUs are used up: that, once, by the runbook that looks into it.
#[test]
fn a_complaint_about_a_slow_server_is_about_this() {
    require!(root());
    require!(tool("unshare"));
    require!(tool("bash"));
    let situation =
        SITUATIONS.iter().find(|situation| situation.name == "host-short-of-cpu").expect("it is one of them");
    let mut played = Played::begin("diagnose", "diagnosed-host-short-of-cpu", Some(situation.cause));
    let case = asked(&Desk::new(), situation.trouble, "diagnose the server crawls and ssh is slow");
    played.found(&case, first(&case, situation.cause));
    let (likelihood, title, _) = found(&case, situation.cause);
    assert!(likelihood >= Likelihood::Likely && title.contains(situation.says), "{title}");
    let choice = case.runbook.choice.as_ref().expect("it says what it picked");
    let picked: Vec<&str> = choice.picked.iter().map(|picked| picked.runbook.as_str()).collect();
    assert!(picked.contains(&"host-under-pressure") && picked.contains(&"slow-ssh-login"), "{picked:?}");
    assert!(!case.diagnosis.causes.iter().any(|cause| cause.id == "host-slow"), "a slow host is told once");
    played.judged(true);
}
