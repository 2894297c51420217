//! Every subcommand with right and wrong words.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::command::{Desk, GOOD, casebook, finish};

#[test]
fn the_version_is_one_line() {
    let answer = casebook("--version");
    assert_eq!(answer.ended(0).out, format!("casebook {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn help_is_a_result_and_goes_to_stdout() {
    casebook("--help").ended(0).printed(&["Usage: casebook", "run", "doctor", "Exit status"]);
    for command in
        ["run", "list", "show", "plan", "lint", "probe", "replay", "doctor", "schema", "generate", "completions", "man"]
    {
        let answer = casebook(&format!("{command} --help"));
        answer.ended(0).printed(&[&format!("Usage: casebook {command}")]);
        assert!(answer.err.is_empty(), "{}", answer.err);
    }
}

#[test]
fn no_words_at_all_are_answered_with_the_help() {
    casebook("").refused(&["Usage: casebook <COMMAND>"]);
}

#[test]
fn a_misspelt_command_or_flag_is_named_with_the_nearest() {
    casebook("rum").refused(&["unrecognized subcommand 'rum'", "run"]);
    casebook("run high-inbound-traffic --sett a=b").refused(&["unexpected argument '--sett'", "'--set'"]);
    casebook("run").refused(&["<RUNBOOK>"]);
    casebook("run high-inbound-traffic --color sometimes").refused(&["[possible values: auto, always, never]"]);
}

#[test]
fn words_that_are_not_utf_8_are_refused() {
    let desk = Desk::new();
    let bytes = OsStr::from_bytes(b"\xff.yaml");
    finish(desk.command([OsStr::new("lint"), bytes]).spawn().unwrap()).refused(&["invalid UTF-8"]);
    finish(
        desk.command([OsStr::new("run"), OsStr::new("high-inbound-traffic"), OsStr::new("--pcap"), bytes])
            .spawn()
            .unwrap(),
    )
    .refused(&["its name is not UTF-8"]);
}

#[test]
fn an_unknown_runbook_is_named_with_the_nearest() {
    for command in ["run", "show", "plan", "lint"] {
        casebook(&format!("{command} high-inbound-trafic"))
            .refused(&["no runbook `high-inbound-trafic`", "did you mean `high-inbound-traffic`?"]);
        casebook(&format!("{command} zzz")).refused(&["no runbook `zzz`", "`casebook list`"]);
        casebook(&format!("{command} ./zzz.yaml")).refused(&["cannot read the runbook ./zzz.yaml", "no such file"]);
    }
}

#[test]
fn a_file_without_the_ending_of_a_runbook_is_run_by_its_path() {
    let desk = Desk::new();
    desk.put("brief.txt", GOOD);
    desk.run("lint brief.txt").refused(&["write ./brief.txt"]);
    desk.run("lint ./brief.txt").ended(0);
}

#[test]
fn list_finds_runbooks_by_symptom_and_says_when_none_fits() {
    casebook("list").ended(0).printed(&["high-inbound-traffic", "capture", "ledger"]);
    casebook("list slow").ended(0).printed(&["high-inbound-traffic"]);
    casebook("list zzz").refused(&["nothing has the word `zzz`", "`casebook list` shows all"]);
}

#[test]
fn list_searches_runbooks_checks_and_probes_by_whole_words() {
    let answer = casebook("list resolver");
    answer.ended(0).printed(&["Checks (casebook check NAME) open_resolver"]);
    casebook("list Sockets").ended(0).printed(&["Probes (casebook probe NAME)", "sockets"]);
    casebook("list open_resolver").ended(0).printed(&["open_resolver"]);
    // A part of a word is no word, but may be meant.
    casebook("list conntrac").refused(&["nothing has the word `conntrac`", "did you mean `conntrack`?"]);
    let some = casebook("list resolver zzz");
    some.ended(0).printed(&["open_resolver"]);
    assert!(some.err.contains("nothing has the word `zzz`"), "{}", some.err);
}

#[test]
fn the_beginning_of_a_name_is_answered_with_the_whole() {
    casebook("run high-inbound").refused(&["no runbook `high-inbound`", "did you mean `high-inbound-traffic`?"]);
    casebook("check resolver").refused(&["no check `resolver`", "did you mean `open_resolver`?"]);
}

#[test]
fn list_names_runbooks_that_are_broken_or_cannot_be_read() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("runbooks/folder.yaml")).unwrap();
    desk.put("runbooks/broken.yaml", "name: broken").put("runbooks/bytes.yaml", b"\xff");
    desk.run("list").ended(0).printed(&[
        "broken BROKEN: 1 problem",
        "runbooks/folder.yaml: it is a folder",
        "runbooks/bytes.yaml: it is not text",
        "high-inbound-traffic",
    ]);
}

#[test]
fn show_and_plan_say_what_a_run_would_do() {
    casebook("show high-inbound-traffic").ended(0).printed(&["Parameters", "window", "Steps", "Causes"]);
    casebook("plan high-inbound-traffic").ended(0).printed(&["watch the same window", "CAP_NET_RAW"]);
}

#[test]
fn lint_says_of_each_file_whether_it_is_good() {
    let desk = Desk::new();
    desk.put("good.yaml", GOOD).put("bad.yaml", "name: bad\ntitle: Bad\nsteps: []\n");
    desk.run("lint good.yaml high-inbound-traffic").ended(0).printed(&["good.yaml: good: 1 step"]);
    desk.run("lint good.yaml bad.yaml").refused(&["bad.yaml:1:7", "no steps"]).printed(&["good.yaml: good"]);
}

#[test]
fn schemas_completions_and_the_manual_page_are_printed() {
    for of in ["case", "runbook", "test", "sockets"] {
        let answer = casebook(&format!("schema {of}"));
        serde_json::from_str::<serde_json::Value>(&answer.ended(0).out).unwrap();
    }
    casebook("schema nothing").refused(&["no schema of `nothing`", "choose case, runbook, test or a probe"]);
    casebook("completions bash").ended(0).printed(&["_casebook"]);
    casebook("completions tcsh").refused(&["possible values: bash"]);
    casebook("man").ended(0).printed(&[".TH CASEBOOK 1"]);
}

#[test]
fn generated_files_go_where_they_are_wanted() {
    let desk = Desk::new();
    let answer = desk.run("generate out");
    let first = answer.ended(0).out.lines().next().unwrap().to_owned();
    assert!(desk.path(&first).is_file(), "{first}");
    desk.put("file", "");
    let answer = desk.run("generate file");
    assert!(answer.err.contains("cannot make the folder file"), "{}", answer.err);
}

#[test]
fn doctor_says_what_can_be_seen() {
    casebook("doctor").ended(0).printed(&["interfaces", "sockets", "capture", "logs"]);
}

#[test]
fn without_a_home_everything_works() {
    let desk = Desk::new();
    desk.put("good.yaml", GOOD);
    for line in ["list", "run ./good.yaml"] {
        let child = desk.command(line.split_whitespace()).env_remove("HOME").spawn().unwrap();
        finish(child).ended(0);
    }
}
