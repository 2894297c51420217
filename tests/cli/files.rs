//! Where results go: files, pipes that close, colours.

use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::process::Stdio;

use crate::command::{Desk, GOOD, finish, wait};

#[test]
fn reports_and_the_case_are_written_beside_what_is_printed() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let answer = desk.run("run brief.yaml -o a.md -o b.json -o c.txt --save d.json");
    answer.ended(0).printed(&["brief"]);
    for name in ["a.md", "b.json", "c.txt", "d.json"] {
        assert!(desk.text(name).contains("brief"), "{name}");
        assert!(answer.err.contains(&format!("written: {name}")) || answer.err.contains(&format!("saved: {name}")));
    }
    assert_eq!(desk.names(), ["a.md", "b.json", "brief.yaml", "c.txt", "d.json"]);
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_the_run() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).put("file", "");
    std::fs::create_dir(desk.path("folder.md")).unwrap();
    for (flag, path, said) in [
        ("-o", "nowhere/a.md", "there is no folder nowhere"),
        ("-o", "folder.md", "it is a folder"),
        ("-o", "file/a.md", "there is no folder file"),
        ("-o", "/proc/a.md", "cannot write /proc/a.md"),
        ("--save", "nowhere/a.case", "there is no folder nowhere"),
        ("--save", "folder.md", "it is a folder"),
        ("--save", "..", "it is a folder"),
    ] {
        let answer = desk.run(&format!("run brief.yaml {flag} {path}"));
        assert!(answer.refused(&[said]).out.is_empty(), "{}", answer.out);
    }
}

#[test]
fn a_device_is_written_to_and_never_replaced() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --save /dev/null").ended(0);
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

/// Runs a command whose stdout is closed at once, and says how it ended.
fn with_closed_stdout(desk: &Desk, line: &str) -> (Option<i32>, String) {
    let mut child = desk.command(line.split_whitespace()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = child.stderr.take().unwrap();
    let status = wait(&mut child);
    let mut said = String::new();
    err.read_to_string(&mut said).unwrap();
    (status, said)
}

#[test]
fn a_reader_that_closes_the_pipe_has_read_enough() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    for line in [
        "--help",
        "list",
        "show high-inbound-traffic",
        "plan high-inbound-traffic",
        "lint high-inbound-traffic",
        "probe host window=100ms",
        "probe host window=100ms --format json",
        "probe capture --help-params",
        "doctor",
        "schema",
        "completions bash",
        "man",
        "run brief.yaml",
        "run brief.yaml --format json",
    ] {
        let (status, said) = with_closed_stdout(&desk, line);
        assert_eq!((status, said.contains("panicked")), (Some(0), false), "{line}: {said}");
    }
}

#[test]
fn the_verdict_is_the_exit_status_also_when_nobody_reads_the_report() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD.replace("verdict: ok", "verdict: critical"));
    assert_eq!(with_closed_stdout(&desk, "run brief.yaml").0, Some(2));
}

#[test]
fn messages_that_nobody_reads_are_no_reason_to_fail() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    for (line, status) in [("run zzz", 64), ("lint zzz", 64), ("run brief.yaml -o a.md", 0)] {
        let mut child = desk.command(line.split_whitespace()).stdout(Stdio::null()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(wait(&mut child), Some(status), "{line}");
    }
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let terminal = "run brief.yaml --format terminal";
    assert!(!desk.run(terminal).ended(0).out.contains('\x1b'));
    assert!(desk.run(&format!("{terminal} --color always")).ended(0).out.contains('\x1b'));
    assert!(!desk.run(&format!("{terminal} --color never")).ended(0).out.contains('\x1b'));
    let child = desk.command(terminal.split_whitespace()).env("NO_COLOR", "1").spawn().unwrap();
    assert!(!finish(child).ended(0).out.contains('\x1b'));
}

#[test]
fn a_saved_case_is_judged_again_to_the_same_end() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --save a.case").ended(0);
    desk.run("replay a.case").ended(0).printed(&["brief"]);
    desk.run("replay a.case --set high=0").ended(1);
    desk.put("strict.yaml", GOOD.replace("verdict: ok", "verdict: critical"));
    desk.run("replay a.case strict.yaml").ended(2);
}

#[test]
fn what_is_no_case_is_refused_with_its_reason() {
    let desk = Desk::new();
    desk.put("empty", "").put("list", "[]").put("new", r#"{"format": 999}"#).put("thin", r#"{"format": 1}"#);
    desk.put("bytes", b"\xff\xfe");
    for (name, said) in [
        ("./zzz", "there is no such file"),
        ("./empty", "is not a case: EOF"),
        ("./list", "it has no `format`"),
        ("./new", "has form 999"),
        ("./thin", "missing field"),
        ("./bytes", "not UTF-8"),
        (".", "it is a folder"),
        ("/dev/zero", "it is a device"),
    ] {
        desk.run(&format!("replay {name}")).refused(&[name, said]);
    }
}

/// A name that would turn the writing direction and clear the screen.
const EVIL: &str = "a\u{202e}lmay.b\u{1b}[2J";

#[test]
fn names_of_files_are_shown_with_what_a_terminal_obeys_spelled_out() {
    let desk = Desk::new();
    let good = "name: x\ntitle: X\nsteps:\n  - id: a\n    title: A\n    probe: host\n    outcomes:\n      - {verdict: ok, say: fine}\n";
    std::fs::create_dir(desk.path("runbooks")).unwrap();
    desk.put(&format!("runbooks/{EVIL}.yaml"), good).put(&format!("runbooks/{EVIL}2.yaml"), "nonsense: [");
    for line in ["lint runbooks", "list", "list --checks"] {
        let answer = desk.run(line);
        let all = format!("{}{}", answer.out, answer.err);
        assert!(!all.contains(['\u{202e}', '\u{1b}']), "{line}: {all}");
        assert!(line != "lint runbooks" || all.contains("\\u{202e}"), "{line}: {all}");
    }
}
