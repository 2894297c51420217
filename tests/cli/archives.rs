//! Packed cases as files: saved, read again, compared, and what is said of broken ones.

use std::fs;
use std::path::{Path, PathBuf};

use casebook::archive;

use crate::command::{Desk, GOOD};
use crate::support::need::{require, root, tool};

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

/// A desk with recorded cases, packed by replaying them.
fn with_cases(names: &[&str]) -> Desk {
    let desk = Desk::new();
    for name in names {
        let path = recorded(&format!("{name}.json"));
        desk.run(&format!("replay {} high-inbound-traffic --save {name}.case", path.display())).reported();
    }
    desk
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_packed_case_gives_the_same_diagnosis_bit_for_bit_as_its_json() {
    let desk = with_cases(&["syn-flood"]);
    let first = desk.run("replay syn-flood.case --format json --save again.json");
    let second = desk.run("replay syn-flood.case --format json --save again.case");
    let third = desk.run("replay again.json --format json");
    let fourth = desk.run("replay again.case --format json");
    assert!(json(&first.reported().out)["diagnosis"]["causes"].as_array().unwrap().len() > 5);
    for other in [&second, &third, &fourth] {
        assert_eq!(first.out, other.out);
        assert_eq!(first.status, other.status);
    }
    assert_eq!(fs::read(desk.path("syn-flood.case")).unwrap(), fs::read(desk.path("again.case")).unwrap());
}

#[test]
fn a_replay_advises_the_very_command_that_was_given() {
    let desk = Desk::new();
    // In another order than that of the runbook's parameters.
    desk.run("run high-inbound-traffic --set busy_packets=100 --set high=20Mbit/s --set busy=2Mbit/s --window 1s -q --save a.case");
    let command = |line: &str| {
        let out = desk.run(line).out;
        let again =
            out.lines().find(|line| line.contains("casebook run ")).unwrap_or_else(|| panic!("{out}")).to_owned();
        assert!(again.contains("busy_packets=100") && again.contains("busy=2Mbit/s"), "{again}");
        again
    };
    assert_eq!(command("replay a.case -f text"), command("report a.case -f text"));
}

#[test]
fn a_full_disk_behind_standard_output_is_named() {
    let desk = with_cases(&["quiet"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_casebook"));
    let ended = command.args(["report", "quiet.case"]).current_dir(desk.path("")).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(70));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("cannot write to standard output: No space left on device"), "{said}");
}

#[test]
fn a_packed_case_opens_with_tar_and_zstd_too() {
    let (tar, _) = (require!(tool("tar")), require!(tool("zstd")));
    let desk = with_cases(&["quiet"]);
    let listed =
        std::process::Command::new(tar).arg("--zstd").arg("-tf").arg(desk.path("quiet.case")).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).unwrap();
    for name in ["manifest.json", "case.json", "runbook.yaml", "evidence/rates.json", "report.md"] {
        assert!(names.lines().any(|line| line == name), "{name} is not in\n{names}");
    }
}

#[test]
fn what_lies_beside_a_case_is_printed_and_never_written_anywhere() {
    let desk = with_cases(&["quiet"]);
    desk.run("cases show quiet.case --attached report.md").ended(0).printed(&["high-inbound-traffic"]);
    desk.run("cases show quiet.case --attached ../x").refused(&["has nothing of the name ../x", "report.md"]);
    desk.run("report quiet.case").reported().printed(&["high-inbound-traffic"]);
    assert_eq!(desk.names(), ["quiet.case"]);
}

#[test]
fn broken_archives_are_refused_with_their_reason_and_leave_no_file() {
    let desk = with_cases(&["quiet"]);
    let whole = fs::read(desk.path("quiet.case")).unwrap();
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0xff;
    desk.put("cut.case", &whole[..middle]).put("changed.case", changed).put("longer.case", [&whole[..], b"x"].concat());
    desk.put("empty.case", "").put("zstd.case", b"\x28\xb5\x2f\xfd").put("noise.case", [0x80; 100]);
    let before = desk.names();
    for (name, said) in [
        ("cut.case", "is damaged or cut short"),
        ("changed.case", "damaged"),
        ("longer.case", "something follows its end"),
        ("empty.case", "is not a case"),
        ("zstd.case", "is damaged or cut short"),
        ("noise.case", "neither a case file nor text"),
    ] {
        for line in [
            format!("replay {name}"),
            format!("diff {name} quiet.case"),
            format!("cases show {name}"),
            format!("report {name}"),
        ] {
            desk.run(&line).refused(&[name, said]);
        }
        desk.run(&format!("retest {name}")).refused(&[name, said]);
    }
    assert_eq!(desk.names(), before);
}

#[test]
fn a_case_of_every_older_form_is_still_read() {
    let folder = recorded("formats");
    let mut forms = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let case = archive::read(&fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{path:?} {error}")).case;
        assert_eq!(case.runbook.name, "high-inbound-traffic", "{path:?}");
        let desk = Desk::new();
        let answer = desk.run(&format!("replay {} --format json", path.display()));
        let now = json(&answer.reported().out);
        assert_eq!(now["diagnosis"]["causes"][0]["id"], case.diagnosis.causes[0].id, "{path:?}");
        forms += 1;
    }
    assert!(forms >= 2, "the packed and the plain form");
}

#[test]
fn a_difference_is_told_and_is_the_exit_status() {
    let desk = with_cases(&["quiet", "udp-flood-closed-port"]);
    let better = desk.run("diff udp-flood-closed-port.case quiet.case");
    better.ended(1).printed(&[
        "It is better.",
        "(udp-flood-closed-port)",
        "How much arrives",
        "before:",
        "rates.watched.rx.bits_per_second:",
        "no listener: UDP port",
    ]);
    desk.run("diff quiet.case udp-flood-closed-port.case").ended(2).printed(&["It is worse."]);
    desk.run("diff quiet.case quiet.case").ended(0).printed(&["Nothing of note changed."]);
    let as_json = json(&desk.run("diff quiet.case udp-flood-closed-port.case --format json").ended(2).out);
    assert_eq!(as_json["trend"], "worse");
    assert_eq!(as_json["causes"][0]["id"], "udp-flood-closed-port");
}

#[test]
fn a_retest_runs_the_same_with_the_same_parameters_and_compares() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --set window=1100ms --save before.case").ended(0);
    fs::remove_file(desk.path("brief.yaml")).unwrap();
    let answer = desk.run("retest before.case --save after.case -o after.md -q");
    answer.ended(0).printed(&["before", "after", "Nothing of note changed."]);
    assert!(desk.text("after.md").contains("brief"));
    let case = archive::read(&fs::read(desk.path("after.case")).unwrap()).unwrap().case;
    assert_eq!(case.window_seconds, 1.1);
    assert_eq!(desk.kept_names().len(), 2, "the retest is kept, too");
    desk.run("retest before.case --set high=0 --format json -q").ended(1).printed(&["\"worse\""]);
}

#[test]
fn a_retest_wants_the_secrets_again() {
    let desk = Desk::new();
    let secret = "  dir: {type: path, secret: true, required: true, help: A folder.}\nsteps:";
    desk.put("brief.yaml", GOOD.replacen("steps:", secret, 1));
    desk.run("run brief.yaml --set dir=/nowhere/hunter2 --save a.case").reported();
    desk.run("retest a.case").refused(&["the secret `dir` is not in the case", "--set dir=..."]);
    desk.run("retest a.case --set dir=/nowhere/hunter2 -q").reported();
}

#[test]
fn root_does_not_retest_what_somebody_else_could_have_written() {
    require!(root());
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --save a.case").ended(0);
    std::os::unix::fs::chown(desk.path("a.case"), Some(65534), None).unwrap();
    desk.run("retest a.case").refused(&["belongs to user 65534", "--trust"]);
    desk.run("replay a.case").ended(0);
    desk.run("retest a.case --trust -q").ended(0);
}

#[test]
fn an_output_that_is_damaged_is_named_and_what_one_lacks_is_said_plainly() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("outs")).unwrap();
    desk.put("outs/uptime", " 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n");
    desk.put("outs/iptables-save", "Segmen\u{1b}[31mtation fault\n");
    desk.put("outs/ss-tunap", "");
    desk.put("outs/notes", "ours\n");
    desk.run("replay --from outs high-inbound-traffic -v").ended(3).printed(&["load 0.03"]);
    let answer = desk.run("replay --from outs high-inbound-traffic");
    answer.ended(3).printed(&["What to run next"]);
    let said = answer.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("nothing could be taken from iptables-save, ss-tunap: damaged"), "{said}");
    assert!(!said.contains("notes"), "it is nobody's output: {said}");
    // No rate was watched, so there was no window.
    assert!(!answer.out.contains("window"), "{}", answer.out);
}

#[test]
fn what_tools_printed_is_judged_as_far_as_it_goes() {
    let desk = Desk::new();
    let folder = recorded("founding-incident");
    let line = format!(
        "replay --from {} high-inbound-traffic --set reported_rate=100Mbit/s --set since=1h --save web.case --format json",
        folder.display()
    );
    let answer = desk.run(&line);
    let case = json(&answer.ended(1).out);
    let causes = case["diagnosis"]["causes"].as_array().unwrap();
    assert_eq!(causes[0]["id"], "not-reaching-host");
    assert_eq!(causes[0]["likelihood"], "likely");
    assert_eq!(causes[0]["subject"]["sent_per_received_since_boot"].as_f64().unwrap().round(), 17.0);
    let resolver = causes.iter().find(|cause| cause["id"] == "open-resolver-abuse").unwrap();
    assert_eq!(resolver["likelihood"], "possible", "a DNS server may run: nobody could look");
    assert_eq!(causes.iter().filter(|cause| cause["likelihood"] == "likely").count(), 1);
    let said = |step: &str| {
        let finding = case["findings"].as_array().unwrap().iter().find(|finding| finding["step"] == step).unwrap();
        (finding["verdict"].as_str().unwrap().to_owned(), finding["sentence"].as_str().unwrap().to_owned())
    };
    let (verdict, sentence) = said("logs");
    assert_eq!(verdict, "warning");
    assert!(
        sentence.starts_with("name server: 30 look-ups that went without EDNS from 2011-11-10 23:11:08 to 23:50:05; "),
        "{sentence}"
    );
    assert!(sentence.ends_with("; 30 lines of trouble in the lines that were given, out of 36"), "{sentence}");
    for blind in ["traffic", "sockets", "firewall", "kernel", "drops", "ledger"] {
        assert_eq!(said(blind).0, "unknown", "{blind}");
        let to_fix = case["findings"].as_array().unwrap().iter().find(|finding| finding["step"] == blind).unwrap();
        assert!(to_fix["gaps"][0]["to_fix"].as_str().unwrap().contains("run casebook on the host"), "{blind}");
    }
    assert_eq!(case["evidence"]["logs"]["output"]["patterns"]["dns_edns"]["count"], 30);
    assert_eq!(case["window_seconds"], 3.0);
    assert_eq!(case["host"]["name"], "devel");
    let again = json(&desk.run("replay web.case --format json").ended(1).out);
    let once_more = json(&desk.run(&line).ended(1).out);
    for part in ["diagnosis", "findings", "verdict", "params", "given", "ledger", "started", "host", "coverage"] {
        assert_eq!(again[part], case[part], "it is a case like any other: {part}");
        assert_eq!(once_more[part], case[part], "the same outputs give the same: {part}");
    }
}

#[test]
fn a_folder_without_known_outputs_is_refused_with_what_would_help() {
    let desk = Desk::new();
    fs::create_dir(desk.path("empty")).unwrap();
    desk.run("replay --from empty").refused(&["nothing is known in what was given", "ifconfig"]);
    desk.run("replay --from nowhere").refused(&["nowhere cannot be read"]);
    desk.run("replay --from empty a.case b").refused(&["with --from there is no case"]);
    desk.run("replay").refused(&["<CASE>"]);
}
