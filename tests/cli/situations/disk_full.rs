//! The runbook `disk-full` on file systems that are really full: each a tmpfs in a mount namespace of its own, which ends with it.

use std::process::{Command, Stdio};
use std::thread;

use casebook::case::{Case, Likelihood, Verdict};

use crate::command::{Answer, Desk, finish};
use crate::support::accuracy::Played;
use crate::support::need::{require, root, tool};

/// How a file system is filled, below the folder that the script stands in.
struct Situation {
    name: &'static str,
    fill: &'static str,
    /// None where it hangs on how full the file systems of the host are.
    exit: Option<i32>,
    first: Option<&'static str>,
    /// What the first sentence says.
    says: &'static str,
}

const SITUATIONS: &[Situation] = &[
    Situation {
        name: "disk-of-deleted-files",
        fill: "mkdir -p var/log; exec 7>var/log/app.log; head -c 62000000 /dev/zero >&7; rm var/log/app.log; sleep 60 & exec 7>&-",
        exit: Some(2),
        first: Some("deleted-files-open"),
        says: "holds 62.0 MB of deleted files open on",
    },
    Situation {
        name: "disk-that-a-log-fills",
        fill: "mkdir srv; head -c 55500000 /dev/zero >srv/base; head -c 6000000 /dev/zero >srv/trace; \
               (while sleep 0.05; do head -c 8192 /dev/zero; done) >>srv/trace & sleep 0.2",
        exit: Some(1),
        first: Some("file-grows"),
        says: "/srv/trace grows by",
    },
    Situation {
        name: "disk-without-inodes",
        fill: "mkdir -p var/sessions; cd var/sessions; seq 3900 | xargs touch",
        exit: Some(2),
        first: Some("inodes-used-up"),
        says: "/var/sessions",
    },
    Situation {
        name: "disk-of-logs",
        fill: "mkdir -p var/log/app; head -c 62000000 /dev/zero >'var/log/app/a b;\n$(c).log'",
        exit: Some(1),
        first: Some("full-of-logs"),
        says: "logs take 62.0 MB of",
    },
    // What is mounted below, and what a link leads to, is none of it.
    Situation {
        name: "disk-quiet",
        fill: "ln -s / elsewhere; mkdir below; mount -t tmpfs -o size=8m below below; head -c 7000000 /dev/zero >below/full; echo x >small",
        exit: None,
        first: None,
        says: "",
    },
    // Files come and go, and one of fixed size is written again and again.
    Situation {
        name: "disk-busy",
        fill: "mkdir -p var/cache; head -c 9000000 /dev/zero >var/cache/index; (i=0; while sleep 0.05; do i=$((i + 1)); \
               head -c 900000 /dev/zero >var/cache/part.$((i % 5)); rm -f var/cache/part.$(((i + 2) % 5)); \
               head -c 100000 /dev/zero | dd of=var/cache/index conv=notrunc status=none; done) & sleep 0.3",
        exit: None,
        first: None,
        says: "",
    },
];

/// What casebook says of a file system of 64 MB and 4,000 inodes that was filled like this.
fn looked_at(desk: &Desk, situation: &Situation, ask: &str) -> Answer {
    const SCRIPT: &str = r#"
        set -e
        mount --make-rprivate /
        mkdir -p "$1"
        mount -t tmpfs -o size=64m,nr_inodes=4000 filled "$1"
        cd "$1"
        (eval "$2") || exit 99
        cd "$3"
        status=0
        "$0" $4 --set "${5}path"="$1" --set log_dir="$3" --window 1s --no-keep -q --format json || status=$?
        exit $status"#;
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", SCRIPT]);
    command.arg(env!("CARGO_BIN_EXE_casebook")).arg(desk.path(situation.name)).arg(situation.fill).arg(desk.path(""));
    command.args([ask, if ask.starts_with("run") { "" } else { "disk-full." }]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command.spawn().unwrap())
}

#[test]
fn what_fills_a_file_system_is_named_and_one_with_room_is_fine() {
    require!(root());
    require!(tool("unshare"));
    require!(tool("bash"));
    thread::scope(|scope| {
        for situation in SITUATIONS {
            scope.spawn(move || {
                let desk = Desk::new();
                let mut played = Played::begin("disk-full", situation.name, situation.first);
                let answer = looked_at(&desk, situation, "run disk-full");
                let case = Case::from_json(&answer.out)
                    .unwrap_or_else(|error| panic!("{}: {error}: {answer:#?}", situation.name));
                let summary = &case.diagnosis.summary;
                let likely = case.diagnosis.causes.iter().find(|cause| cause.likelihood >= Likelihood::Likely);
                played.found(&case, likely);
                assert_eq!(likely.map(|cause| cause.id.as_str()), situation.first, "{}: {summary}", situation.name);
                assert!(summary.contains(situation.says), "{}: {summary}", situation.name);
                if situation.exit.is_some() {
                    assert_eq!(answer.status, situation.exit, "{}: {summary}", situation.name);
                }
                let space = case.findings.iter().find(|finding| finding.step == "space").expect("it was looked into");
                assert!(matches!(space.verdict, Verdict::Ok | Verdict::Warning), "{}: {space:?}", situation.name);
                played.judged(true);
            });
        }
    });
}

/// The words of the kernel's error are a complaint, and a parameter can be meant for one runbook.
#[test]
fn a_complaint_about_space_is_about_this() {
    require!(root());
    require!(tool("unshare"));
    require!(tool("bash"));
    let (desk, situation) = (Desk::new(), &SITUATIONS[0]);
    let mut played = Played::begin("diagnose", "diagnosed-disk-of-deleted-files", situation.first);
    let answer = looked_at(&desk, situation, "diagnose write error: No space left on device");
    let case = Case::from_json(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:#?}"));
    let first = &case.diagnosis.causes[0];
    played.found(&case, Some(first));
    assert_eq!(Some(first.id.as_str()), situation.first, "{}", case.diagnosis.summary);
    assert!(first.title.contains(situation.says), "{}", first.title);
    let choice = case.runbook.choice.expect("it says what it picked");
    assert_eq!(
        (choice.picked[0].runbook.as_str(), choice.picked[0].apart.as_slice()),
        ("disk-full", ["path".to_owned()].as_slice())
    );
    played.judged(true);
}
