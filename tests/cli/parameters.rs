//! Parameters of a run: what is wrong with one is said before anything is asked.

use crate::command::{Desk, GOOD};

fn brief(arguments: &str) -> crate::command::Answer {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run(&format!("run brief.yaml {arguments}"))
}

#[test]
fn a_right_one_is_taken() {
    let answer = brief("--window 1s --set high=1Gbit/s --format json");
    let case: serde_json::Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    assert_eq!(case["params"]["high"], 1e9);
    assert_eq!(case["given"]["high"], "1Gbit/s");
}

#[test]
fn an_unknown_one_is_named_with_the_nearest_or_with_all() {
    brief("--set windw=1s").refused(&["no parameter `windw`", "did you mean `window`?"]);
    brief("--set zzz=1").refused(&["no parameter `zzz`", "there are: window, high"]);
    brief("--pcap /proc/self/status").refused(&["no parameter `pcap`"]);
}

#[test]
fn one_without_a_value_or_a_name_is_refused() {
    brief("--set window").refused(&["`window` does not set anything", "window=10s"]);
    brief("--set =3").refused(&["`=3` does not set anything"]);
    brief("--set high=").refused(&["parameter `high`", "a number is missing"]);
}

#[test]
fn a_wrong_unit_is_named_with_the_right_ones() {
    brief("--window 10MB").refused(&["parameter `window`", "`MB` is not a unit of time", "10s, 500ms"]);
    brief("--set high=5kg").refused(&["parameter `high`", "`kg` is not a unit of bit rate", "20Mbit/s"]);
}

#[test]
fn a_wrong_number_is_refused() {
    for window in ["abc", "-5s", "1e9", "1.2.3s", "nan", "inf"] {
        brief(&format!("--window={window}")).refused(&["parameter `window`", "is not a span of time"]);
    }
}

#[test]
fn one_out_of_range_is_told_the_range() {
    brief("--window 0").refused(&["0 is less than the least, 1 s"]);
    brief("--window 2h").refused(&["2h is more than the most, 60 s"]);
    brief("--window 99999999999999999999s").refused(&["longer than 100 years"]);
}

#[test]
fn one_that_must_be_given_is_asked_for_with_its_help() {
    let desk = Desk::new();
    desk.put(
        "needy.yaml",
        GOOD.replace("params:\n", "params:\n  peer: {type: address, required: true, help: Whom.}\n"),
    );
    desk.run("run needy.yaml").refused(&["parameter `peer` must be given", "--set peer=VALUE", "Whom."]);
    desk.run("run needy.yaml --set peer=300.1.1.1").refused(&["`300.1.1.1` is not an IP address"]);
    desk.run("run needy.yaml --set peer=192.0.2.1").ended(0);
}

#[test]
fn a_choice_is_compared_by_its_value_and_not_by_its_spelling() {
    let desk = Desk::new();
    desk.put(
        "picky.yaml",
        GOOD.replace("params:\n", "params:\n  pace: {type: duration, choices: [10s, 1m], default: 60s, help: Pace.}\n"),
    );
    desk.run("run picky.yaml --set pace=10").ended(0);
    desk.run("run picky.yaml --set pace=11s").refused(&["`11s` is not one of 10s, 1m"]);
}

#[test]
fn an_unknown_format_or_ending_is_told_those_there_are() {
    brief("--format pdf").refused(&["no format `pdf`", "terminal, markdown, html, json, text"]);
    brief("-o report.pdf").refused(&["report.pdf names no format", ".md"]);
}

#[test]
fn a_rate_without_a_unit_is_refused_with_what_was_meant() {
    brief("--set high=20").refused(&["high is a rate: say 20Mbit/s"]);
    brief("--set high=0.5").refused(&["high is a rate: say 0.5Mbit/s"]);
    brief("--set high=20bit/s --no-keep").reported();
    // As a report shows a rate that was recorded.
    brief("--set high=20000000 --no-keep").reported();
    brief("--set high=0 --no-keep").reported();
    // Seconds and bytes are what bare numbers mean to everybody.
    brief("--window 1 --no-keep").ended(0);
}

/// A runbook that watches an interface of its own.
fn watching(command: &str) -> crate::command::Answer {
    let text = GOOD.replace("params:\n", "params:\n  interface: {type: interface, default: auto, help: Which.}\n");
    let text = text.replace("interface: lo", "interface: \"{{ params.interface }}\"");
    Desk::new().put("brief.yaml", text).run(command)
}

#[test]
fn i_names_the_interface() {
    let answer = watching("run brief.yaml -i lo --no-keep --format json");
    let case: serde_json::Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    assert_eq!((case["params"]["interface"].as_str(), case["given"]["interface"].as_str()), (Some("lo"), Some("lo")));
    watching("plan brief.yaml -i eth7").ended(0).printed(&["with interface = \"eth7\""]);
    watching("probe interfaces -i lo window=1s").ended(0);
    brief("-i lo").refused(&["no parameter `interface`"]);
}

#[test]
fn an_interface_that_does_not_exist_is_refused_with_those_that_do() {
    for line in ["run brief.yaml -i lp", "run brief.yaml --set interface=lp", "probe interfaces interface=lp"] {
        watching(line).refused(&["cannot watch interface `lp`", "there are lo", "did you mean `lo`?"]);
    }
    watching("probe capture -i no-such-one").refused(&["cannot watch interface `no-such-one`", "name one of them"]);
    // An address names its interface, too.
    watching("run brief.yaml -i 127.0.0.1 --no-keep").reported();
}

#[test]
fn a_retest_watches_the_interface_that_it_is_told() {
    let text = GOOD.replace("params:\n", "params:\n  interface: {type: interface, default: auto, help: Which.}\n");
    let desk = Desk::new();
    desk.put("brief.yaml", text.replace("interface: lo", "interface: \"{{ params.interface }}\""));
    desk.run("run brief.yaml -i lo --save a.case").reported();
    desk.run("retest a.case -i lp").refused(&["cannot watch interface `lp`"]);
    desk.run("retest a.case -i lo --no-keep").reported();
}

#[test]
fn a_file_that_holds_no_packets_is_refused() {
    let desk = Desk::new();
    desk.put("notes.txt", "not packets at all").put("empty.pcap", "");
    for line in [
        "run high-inbound-traffic --pcap notes.txt",
        "run high-inbound-traffic --set pcap=notes.txt",
        "probe capture file=notes.txt",
    ] {
        desk.run(line).refused(&["cannot read packets from notes.txt", "pcap", "tcpdump -w"]);
    }
    desk.run("run high-inbound-traffic --pcap empty.pcap").refused(&["empty.pcap", "too short"]);
    desk.run("probe capture file=none.pcap").refused(&["there is no such file"]);
}
