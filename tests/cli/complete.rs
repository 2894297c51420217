//! Completion: asked as a shell asks, by the variables that its function sets.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Answer, Desk, GOOD, finish};

/// What may stand at the end of a line.
fn ask(desk: &Desk, line: &str) -> Vec<String> {
    answer(desk, line).ended(0).out.lines().map(str::to_owned).collect()
}

fn answer(desk: &Desk, line: &str) -> Answer {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = desk.command(["--", "casebook"].iter().chain(&words));
    command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", words.len().to_string()).env("_CLAP_IFS", "\n");
    let answer = finish(command.spawn().unwrap());
    assert_eq!(answer.err, "", "completion is silent");
    answer
}

#[track_caller]
fn offers(desk: &Desk, line: &str, wanted: &[&str]) {
    let offered = ask(desk, line);
    for wanted in wanted {
        assert!(offered.iter().any(|one| one == wanted), "{line}: no {wanted} in {offered:?}");
    }
}

#[test]
fn names_of_everything_are_completed() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("runbooks")).unwrap();
    desk.put("runbooks/mine.yaml", GOOD).put("runbooks/strange\u{1b}[2J name.yaml", GOOD).put("here.yaml", GOOD);
    offers(&desk, "run ", &["high-inbound-traffic", "mine", "here.yaml", "runbooks/"]);
    assert_eq!(ask(&desk, "run hi"), ["high-inbound-traffic", "high-outbound-traffic"]);
    assert_eq!(ask(&desk, "run strange"), Vec::<String>::new(), "a name that no shell takes as it is");
    offers(&desk, "plan mi", &["mine"]);
    offers(&desk, "check open", &["open_resolver"]);
    offers(&desk, "probe so", &["sockets"]);
    offers(&desk, "schema ", &["case", "runbook", "test", "dns"]);
    offers(&desk, "run mine --format ", &["terminal", "markdown", "openmetrics"]);
    offers(&desk, "run mine -i ", &["lo"]);
    offers(&desk, "man re", &["replay", "report", "retest"]);
    offers(&desk, "re", &["replay", "report", "retest"]);
}

#[test]
fn parameters_are_those_of_what_is_named() {
    let desk = Desk::new();
    desk.put("mine.yaml", GOOD);
    assert_eq!(ask(&desk, "run mine.yaml --set "), ["window=", "high="]);
    offers(&desk, "run high-inbound-traffic --set ", &["interface=", "amplification=", "pcap="]);
    offers(&desk, "run high-inbound-traffic --set interface=", &["interface=lo"]);
    offers(&desk, "check conntrack_headroom ", &["window=", "high="]);
    offers(&desk, "probe capture ", &["interface=", "file="]);
    assert_eq!(ask(&desk, "run no-such --set "), Vec::<String>::new());
}

#[test]
fn cases_are_completed_by_their_names() {
    let desk = Desk::new();
    desk.put("mine.yaml", GOOD).run("run ./mine.yaml").reported();
    let kept = desk.kept_names().into_iter().find_map(|name| name.strip_suffix(".case").map(str::to_owned)).unwrap();
    for command in ["report", "replay", "retest", "diff", "cases show"] {
        offers(&desk, &format!("{command} "), &["latest", &kept]);
    }
    assert!(ask(&desk, "report none").is_empty());
}

#[test]
fn a_broken_runbook_and_a_script_make_no_noise_and_no_harm() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("runbooks")).unwrap();
    desk.put("runbooks/broken.yaml", "name: [").put("runbooks/loop.lua", "while true do end");
    let began = Instant::now();
    assert_eq!(ask(&desk, "run broken --set "), Vec::<String>::new());
    assert_eq!(ask(&desk, "run loop --set "), Vec::<String>::new());
    assert!(began.elapsed() < Duration::from_secs(4), "no script runs: {:?}", began.elapsed());
    offers(&desk, "run ", &["broken", "loop"]);
}

#[test]
fn it_is_fast() {
    let desk = Desk::new();
    // The best of some: the machine may be busy with other tests.
    let took = |line: &str| {
        let once = || {
            let began = Instant::now();
            answer(&desk, line);
            began.elapsed()
        };
        (0..10).map(|_| once()).min().unwrap()
    };
    for line in ["run ", "check ", "run high-inbound-traffic --set "] {
        let best = took(line);
        assert!(best < Duration::from_millis(250), "{line}: {best:?}, without optimisation");
    }
}

#[test]
fn a_variable_that_is_left_over_changes_nothing() {
    let desk = Desk::new();
    for shell in ["bash", "1", "/no/such/shell", ""] {
        let answer = desk.run_with("list", |command| {
            command.env("COMPLETE", shell);
        });
        answer.ended(0).printed(&["high-inbound-traffic"]);
    }
}

#[test]
fn each_shell_is_given_what_it_evaluates() {
    let desk = Desk::new();
    for (shell, said) in [("bash", "complete -o nospace"), ("zsh", "compdef"), ("fish", "complete --keep-order")] {
        let answer = desk.run_with("", |command| {
            command.env("COMPLETE", shell);
        });
        answer.ended(0).printed(&[said]);
    }
}

#[test]
fn a_real_bash_completes() {
    let desk = Desk::new();
    let script = r#"
        source <(COMPLETE=bash "$1")
        COMP_WORDS=(casebook run high-in) COMP_CWORD=2 COMP_TYPE=9
        _clap_complete_casebook casebook high-in run
        printf '%s\n' "${COMPREPLY[@]}"
        COMP_WORDS=(casebook run high-inbound-traffic --set am) COMP_CWORD=4
        _clap_complete_casebook casebook am --set
        printf '%s\n' "${COMPREPLY[@]}"
        complete -p casebook
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", script, "bash", env!("CARGO_BIN_EXE_casebook")]);
    bash.current_dir(desk.path("")).env("HOME", desk.path("")).env_remove("COMPLETE");
    let answer = finish(bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let lines: Vec<&str> = answer.out.lines().collect();
    assert_eq!(lines[..2], ["high-inbound-traffic", "amplification="], "{answer:#?}");
    assert!(lines[2].contains("-F _clap_complete_casebook casebook"), "{answer:#?}");
}
