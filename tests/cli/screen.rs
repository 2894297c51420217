//! What a terminal is shown: ASCII where the locale has no more, colours where they are wanted, local time beside UTC.

use std::fs::File;
use std::io::Read;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::command::{Answer, Desk, GOOD};

const LOCALES: &[&[(&str, &str)]] = &[
    &[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")],
    &[("LC_ALL", "POSIX")],
    &[("LC_ALL", ""), ("LC_CTYPE", "C"), ("LANG", "C.UTF-8")],
    &[("LANG", "de_DE.ISO-8859-1")],
];

#[track_caller]
fn is_ascii(answer: &Answer) {
    for text in [&answer.out, &answer.err] {
        let beyond = text.lines().find(|line| !line.is_ascii());
        assert_eq!(beyond, None, "{answer:#?}");
    }
}

#[test]
fn a_locale_without_utf_8_is_shown_ascii_alone() {
    let desk = Desk::new();
    let glyphs =
        GOOD.replace("title: Brief", "title: Brief … ≤ µ ü").replace("title: How much", "title: Wie völlig viel");
    desk.put("brief.yaml", glyphs).put("bad.yaml", "name: x\ntitle: Ü …\nsteps:\n  - id: é\n");
    let lines = [
        "list",
        "list --checks",
        "show high-inbound-traffic",
        "show ./brief.yaml",
        "plan high-inbound-traffic",
        "lint high-inbound-traffic",
        "lint bad.yaml",
        "run ./brief.yaml --no-keep --format terminal",
        "run ./brief.yaml --no-keep --format terminal -v",
        "run ./brief.yaml --no-keep --format text",
        "probe host",
        "check --help-params open_resolver",
        "replay --help",
        "list zzü",
    ];
    for line in lines {
        is_ascii(&desk.run_with(line, |command| in_locale(command, LOCALES[0])));
    }
    for locale in LOCALES {
        let answer = desk.run_with("show ./brief.yaml", |command| in_locale(command, locale));
        is_ascii(answer.ended(0).printed(&["brief | Brief ... <= u \\u{fc}"]));
    }
}

fn in_locale(command: &mut Command, locale: &[(&str, &str)]) {
    command.envs(locale.iter().copied());
}

#[test]
fn a_locale_with_utf_8_and_data_keep_their_letters() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD.replace("title: Brief", "title: Brïef"));
    for (name, value) in [("LANG", "en_US.UTF-8"), ("LC_ALL", "C.utf8")] {
        let answer = desk.run_with("show ./brief.yaml", |command| {
            command.env(name, value);
        });
        answer.ended(0).printed(&["brief · Brïef"]);
    }
    let answer = desk.run_with("run ./brief.yaml --no-keep --format json", |command| {
        command.env("LC_ALL", "C");
    });
    let case: serde_json::Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    assert_eq!(case["runbook"]["title"], "Brïef");
}

#[test]
fn colours_follow_the_flag_then_the_environment() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let line = "run ./brief.yaml --no-keep --format terminal";
    let colored = |line: &str, set: &[(&str, &str)]| {
        let answer = desk.run_with(line, |command| {
            command.envs(set.iter().copied());
        });
        answer.ended(0).out.contains('\u{1b}')
    };
    assert!(!colored(line, &[]), "a pipe");
    assert!(colored(line, &[("CLICOLOR_FORCE", "1")]));
    assert!(!colored(line, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(colored(&format!("{line} --color always"), &[("NO_COLOR", "1"), ("TERM", "dumb")]));
    assert!(!colored(&format!("{line} --color never"), &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn the_head_of_a_report_has_the_hosts_own_time_beside_utc() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD);
    let zoned = |line: &str, zone: &str| {
        desk.run_with(line, |command| {
            command.env("TZ", zone);
        })
    };
    let beside = regex::Regex::new(r"\d\d:\d\d:\d\d UTC \((\d\d):(\d\d):\d\d IST\)").unwrap();
    for format in ["terminal", "text", "markdown", "html"] {
        let answer = zoned(&format!("run ./brief.yaml --no-keep --format {format} --save a.case"), "IST-5:30");
        let flat = answer.ended(0).out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(beside.is_match(&flat), "{format}: {flat}");
    }
    // The case is of its host: who replays it elsewhere sees that host's time.
    let replayed = zoned("replay a.case --format text", "JST-9").ended(0).out.clone();
    assert!(beside.is_match(&replayed) && !replayed.contains("JST"), "{replayed}");
    let answer = zoned("run ./brief.yaml --no-keep --format text", "UTC");
    let head = answer.ended(0).out.lines().next().unwrap().to_owned();
    assert!(head.contains(" UTC | window"), "{head}");
}

#[test]
fn a_full_pipe_that_nobody_waits_for_is_waited_for() {
    let desk = Desk::new();
    for line in ["schema case", "show high-inbound-traffic"] {
        let whole = desk.run(line).out;
        // Others that share it, as an `ssh` in the same script, leave it like that.
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap();
        fcntl(&read, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
        fcntl(&write, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
        assert!(whole.len() > 4096, "{line}: {} bytes", whole.len());
        let mut child = desk.command(line.split_whitespace()).stdout(write).spawn().unwrap();
        thread::sleep(Duration::from_millis(300));
        let mut got = String::new();
        File::from(read).read_to_string(&mut got).unwrap();
        assert!(child.wait().unwrap().success(), "{line}");
        assert_eq!(got, whole, "{line}");
    }
}
