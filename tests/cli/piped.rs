//! Cases through pipes, as ssh, pdsh and kubectl carry them: standard output has the case alone, standard input gives one back;
//! and windows that begin at a moment that many hosts are given.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use casebook::archive;
use casebook::case::Case;
use jiff::{Timestamp, ToSpan as _};
use nix::pty::openpty;

use crate::command::{Answer, Desk, GOOD, finish, wait};

fn brief() -> Desk {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    desk
}

/// What a command writes, as bytes.
fn bytes(desk: &Desk, line: &str) -> Output {
    desk.command(line.split_whitespace()).output().unwrap()
}

/// Runs a command that reads these bytes.
fn fed(desk: &Desk, line: &str, input: &[u8]) -> Answer {
    let mut child = desk.command(line.split_whitespace()).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // A command that refuses reads nothing of it.
        scope.spawn(move || drop(stdin.write_all(input)));
        finish(child)
    })
}

fn saved(desk: &Desk) -> Vec<u8> {
    let answer = bytes(desk, "run brief.yaml --save -");
    assert_eq!(answer.status.code(), Some(0), "{answer:?}");
    answer.stdout
}

#[test]
fn standard_output_has_the_packed_case_and_nothing_else() {
    let desk = brief();
    let answer = bytes(&desk, "run brief.yaml --save - --format markdown -o report.md");
    assert_eq!(answer.status.code(), Some(0));
    let file = archive::read(&answer.stdout).expect("a case, to its last byte");
    assert_eq!(file.case.runbook.name, "brief");
    assert!(file.attached.iter().any(|attached| attached.name == "report.md"));
    let said = String::from_utf8(answer.stderr).unwrap();
    assert!(said.contains("report written: report.md") && said.contains("case kept: "), "{said}");
    assert!(!said.contains("How much arrives"), "a report that nobody reads is not printed: {said}");
    assert!(desk.text("report.md").contains("How much arrives"));
    // The exit status is the verdict, as in any run.
    desk.put("bad.yaml", GOOD.replace("default: 1Tbit/s", "default: 0bit/s"));
    let answer = bytes(&desk, "run bad.yaml -q --save -");
    assert_eq!(answer.status.code(), Some(1));
    assert!(answer.stderr.is_empty() && archive::read(&answer.stdout).is_ok(), "{answer:?}");
}

#[test]
fn under_pseudonyms_the_case_that_leaves_has_them() {
    let desk = brief();
    let answer = bytes(&desk, "run brief.yaml -q --no-keep --redact hosts --save -");
    let file = archive::read(&answer.stdout).unwrap();
    assert!(file.case.redacted.hosts > 0, "{:?}", file.case.redacted);
    assert!(file.case.host.name.starts_with("host-"), "{}", file.case.host.name);
}

#[test]
fn what_was_refused_leaves_standard_output_empty() {
    let desk = brief();
    for line in
        ["run gone.yaml --save -", "run brief.yaml --begin soon --save -", "run brief.yaml --set nothing=1 --save -"]
    {
        let answer = bytes(&desk, line);
        assert_eq!(answer.status.code(), Some(64), "{line}: {answer:?}");
        assert!(answer.stdout.is_empty() && !answer.stderr.is_empty(), "{line}: {answer:?}");
    }
}

#[test]
fn a_terminal_gets_no_case_and_the_report_where_it_is_stderr() {
    let desk = brief();
    let screen = openpty(None, None).unwrap();
    let shown = |file: &OwnedFd| Stdio::from(file.try_clone().unwrap());
    let mut child = desk.command(["run", "brief.yaml", "--save", "-"]).stdout(shown(&screen.slave)).spawn().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(wait(&mut child), Some(64));
    assert!(said.contains("not written to a terminal") && said.contains("leave out -t"), "{said}");

    let mut command = desk.command(["run", "brief.yaml", "--no-keep", "--save", "-"]);
    command.env("TERM", "dumb").stderr(shown(&screen.slave)).stdout(File::create(desk.path("one.case")).unwrap());
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(screen.slave);
    let reader = thread::spawn(move || {
        let (mut master, mut seen, mut piece) = (File::from(screen.master), Vec::new(), [0; 4096]);
        // The end of a terminal is an error.
        while let Ok(read @ 1..) = std::io::Read::read(&mut master, &mut piece) {
            seen.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&seen).into_owned()
    });
    assert_eq!(wait(&mut child), Some(0));
    let seen = reader.join().unwrap();
    assert!(seen.contains("How much arrives"), "{seen}");
    assert!(archive::read(&std::fs::read(desk.path("one.case")).unwrap()).is_ok());
}

#[test]
fn a_reader_that_goes_away_is_no_success() {
    let desk = brief();
    let mut child = desk.command(["run", "brief.yaml", "--save", "-"]).spawn().unwrap();
    drop(child.stdout.take());
    let answer = finish(child);
    answer.ended(70);
    assert!(answer.err.contains("the case did not leave") && answer.err.contains("case kept: "), "{answer:#?}");
}

#[test]
fn a_case_comes_by_standard_input_where_a_case_is_read() {
    let desk = brief();
    let case = saved(&desk);
    desk.put("one.case", &case);
    fed(&desk, "report -", &case).ended(0).printed(&["How much arrives"]);
    fed(&desk, "replay -", &case).ended(0).printed(&["How much arrives"]);
    fed(&desk, "replay - --save two.case", &case).ended(0);
    fed(&desk, "diff one.case -", &case).ended(0).printed(&["Nothing of note changed"]);
    fed(&desk, "cases show -", &case).ended(0).printed(&["How much arrives"]);
    fed(&desk, "attach - --to mailto:a@example.org --from b@example.org --smtp plain://127.0.0.1 --dry-run", &case)
        .ended(0)
        .printed(&["this would leave"]);
    fed(&desk, "retest - -q --no-keep", &case)
        .refused(&["nobody knows who wrote what comes by standard input", "--trust"]);
    fed(&desk, "retest - -q --no-keep --trust", &case).ended(0);
    // Plain JSON comes, too; and a case through two pipes is still the same case.
    let json = bytes(&desk, "report one.case --format json").stdout;
    fed(&desk, "report -", &json).ended(0).printed(&["How much arrives"]);
    assert!(Case::from_json(std::str::from_utf8(&json).unwrap()).is_ok());
}

#[test]
fn what_comes_by_standard_input_is_held_against_the_same_bounds() {
    let desk = brief();
    let case = saved(&desk);
    fed(&desk, "report -", &case[..case.len() / 2]).refused(&["- is damaged or cut short"]);
    fed(&desk, "report -", b"").refused(&["- is not a case"]);
    fed(&desk, "report - --max-memory 1kB", &case).refused(&["more values than fit into 1.00 kB"]);
    fed(&desk, "diff - -", &case).refused(&["only one of the two"]);
    fed(&desk, "retest one.case --save -", &case).refused(&["standard output has the comparison"]);
}

#[test]
fn windows_of_two_hosts_begin_at_the_moment_that_both_were_given() {
    let desk = brief();
    let moment = Timestamp::now().checked_add(3.seconds()).unwrap();
    let begin = moment.strftime("%H:%M:%S%.fZ").to_string();
    let runs: Vec<_> = (0..2)
        .map(|_| {
            desk.command(["run", "brief.yaml", "-q", "--no-keep", "--save", "-", "--begin", &begin]).spawn().unwrap()
        })
        .collect();
    for run in runs {
        let answer = run.wait_with_output().unwrap();
        assert_eq!(answer.status.code(), Some(0), "{answer:?}");
        let case = archive::read(&answer.stdout).unwrap().case;
        // The probe is asked a little before, so that it is ready.
        let asked = case.evidence["rates"].started.duration_since(moment).as_secs_f64();
        assert!((-0.3..0.05).contains(&asked), "asked {asked} s after the moment");
        let watched = case.evidence["rates"].output.as_ref().unwrap()["seconds"].as_f64().unwrap();
        let ended = asked + case.evidence["rates"].seconds;
        assert!(ended - watched > -0.02, "the window began {} s after the moment", ended - watched);
    }
}

#[test]
fn a_moment_that_has_passed_begins_at_once_and_is_said() {
    let desk = brief();
    let passed = Timestamp::now().checked_sub(90.seconds()).unwrap();
    let answer = desk.run(&format!("run brief.yaml --begin {passed}"));
    answer.ended(0);
    assert!(answer.err.contains("passed 9") && answer.err.contains("it begins at once"), "{answer:#?}");
    desk.run("run brief.yaml --begin +2h").refused(&["no more than an hour is waited for"]);
    desk.run("run brief.yaml --begin 18:54:30").refused(&["write 18:54:30Z for UTC"]);
}

#[test]
fn a_run_that_waits_for_its_moment_ends_when_it_is_told_to() {
    let desk = brief();
    let child = desk.command(["run", "brief.yaml", "--begin", "+10m"]).spawn().unwrap();
    thread::sleep(Duration::from_millis(1500));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), nix::sys::signal::Signal::SIGTERM)
        .unwrap();
    let answer = finish(child);
    answer.reported().printed(&["PARTIAL"]);
    assert!(answer.err.contains("the window begins at"), "{answer:#?}");
}

#[test]
fn a_case_says_what_the_kernel_says_of_its_clock() {
    let desk = brief();
    let case = archive::read(&saved(&desk)).unwrap().case;
    let known = casebook::sys::clock::discipline();
    assert_eq!(case.host.clock.map(|clock| clock.synchronised), known.map(|clock| clock.synchronised));
    if known.is_some() {
        desk.put("one.case", archive::pack(case.into()).unwrap());
        desk.run("report one.case -v").ended(0).printed(&["clock "]);
    }
}
