//! What a case, a journal or a folder from elsewhere names is never opened for it.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use casebook::archive::{self, Attached, CaseFile};
use serde_json::{Value, json};

use crate::command::{Desk, GOOD, finish};
use crate::support::namespace::in_namespace;

/// What stands in the file that a forged record names.
const CANARY: &str = "canary 5f1c: nobody was to read this";

/// A runbook that captures on the loopback interface, and writes the packets down.
const WRITES: &str = "\
name: writes
title: Writes
summary: Captures on the loopback interface.
params:
  window: {type: duration, default: 1s, min: 1s, max: 1m, help: How long to watch.}
steps:
  - id: packets
    title: Packets
    probe: capture
    with: {interface: lo, write: burst.pcapng}
    outcomes: [{verdict: ok, say: '{{ count(packets.rx.packets) }} packets'}]
";

/// The evidence of a capture that claims to have written its packets to a file, in both places where that could be looked for.
fn forge(evidence: &mut Value, canary: &Path) {
    evidence["probe"] = json!("capture");
    evidence["params"]["write"] = json!(canary);
    let written = json!({"path": canary, "packets": 1, "bytes": 1, "truncated": false});
    evidence["output"]["source"] = json!({"written": written});
    evidence["output"]["written"] = written;
}

/// All bytes of a case file: its own and those that are attached.
fn all_of(path: &Path) -> (CaseFile, String) {
    let file = archive::read(&fs::read(path).unwrap()).unwrap();
    let attached: String =
        file.attached.iter().map(|attached| String::from_utf8_lossy(&attached.bytes).into_owned()).collect();
    let all = format!("{}{attached}", serde_json::to_string(&file.case).unwrap());
    (file, all)
}

#[test]
fn a_case_that_names_a_file_of_this_host_gets_nothing_of_it() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).put("canary", CANARY).run("run brief.yaml --save a.json").ended(0);
    let mut case: Value = serde_json::from_str(&desk.text("a.json")).unwrap();
    forge(&mut case["evidence"]["rates"], &desk.path("canary"));
    desk.put("forged.json", case.to_string());
    desk.run("replay forged.json --save again.case").reported();
    let (file, all) = all_of(&desk.path("again.case"));
    assert!(!all.contains("canary 5f1c"), "{all}");
    assert!(file.attached.iter().all(|attached| attached.name == "report.md"), "{:?}", file.attached);
}

#[test]
fn a_journal_that_names_a_file_of_this_host_gets_nothing_of_it() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).put("canary", CANARY).run("run brief.yaml --save a.json").ended(0);
    let case: Value = serde_json::from_str(&desk.text("a.json")).unwrap();
    let header = json!({
        "journal": 1, "casebook": case["casebook"], "runbook": case["runbook"], "host": case["host"],
        "started": case["started"], "params": case["params"], "given": {},
    });
    let mut evidence = case["evidence"]["rates"].clone();
    forge(&mut evidence, &desk.path("canary"));
    let entry = json!({"key": "rates", "cost": case["cost"], "evidence": evidence});
    fs::write(desk.kept("20190101T000000Z-forged.journal"), format!("{header}\n{entry}\n")).unwrap();
    desk.run("cases finish 2019 --save left.case").reported();
    for path in [desk.path("left.case"), desk.kept("20190101T000000Z-forged.case")] {
        let (_, all) = all_of(&path);
        assert!(!all.contains("canary 5f1c"), "{path:?}: {all}");
    }
}

#[test]
fn the_run_that_wrote_packets_attaches_them_and_a_replay_carries_them_over() {
    in_namespace(|| {
        let desk = Desk::new();
        desk.put("writes.yaml", WRITES);
        let mut child =
            desk.command("run writes.yaml --allow write -q --save a.case".split_whitespace()).spawn().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(60) {
            socket.send_to(b"datagram", "127.0.0.1:9").unwrap();
            thread::sleep(Duration::from_millis(20));
        }
        finish(child).ended(0).printed(&["packets"]);
        let written = fs::read(desk.path("burst.pcapng")).unwrap();
        assert!(written.len() > 200, "{} bytes", written.len());
        let packets = |path: &Path| {
            let (file, _) = all_of(path);
            file.attached.into_iter().find(|attached| attached.name == "capture.pcapng").map(|attached| attached.bytes)
        };
        assert_eq!(packets(&desk.path("a.case")), Some(written.clone()));
        let kept = desk.kept(&desk.kept_names()[0]);
        assert_eq!(packets(&kept), Some(written.clone()), "the kept case has them, too");
        // By now another file has the name; nobody looks there.
        desk.put("burst.pcapng", CANARY);
        desk.run("replay a.case --save b.case").ended(0);
        desk.run("replay b.case --save c.case").ended(0);
        assert_eq!(packets(&desk.path("c.case")), Some(written));
        let answer = desk.run("replay a.case --save d.case --redact addresses");
        assert!(answer.ended(0).err.contains("not in the case, for pseudonyms cannot be put into it: capture.pcapng"));
        assert_eq!(packets(&desk.path("d.case")), None);
        // A run that may not write there keeps what it does not own out of its case.
        desk.run("run writes.yaml --allow write -q --save e.case").reported();
        assert_eq!(packets(&desk.path("e.case")), None);
        assert_eq!(desk.text("burst.pcapng"), CANARY);
    });
}

#[test]
fn what_lies_beside_a_case_is_carried_over_but_for_what_is_made_anew() {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --save a.case").ended(0);
    let mut file = archive::read(&fs::read(desk.path("a.case")).unwrap()).unwrap();
    file.attached = vec![
        Attached { name: "notes.txt".into(), bytes: b"by hand".to_vec() },
        Attached { name: "report.md".into(), bytes: b"old".to_vec() },
    ];
    desk.put("b.case", archive::pack(file.clone()).unwrap()).run("replay b.case --save c.case").ended(0);
    desk.run("cases show c.case --attached notes.txt").ended(0).printed(&["by hand"]);
    desk.run("cases show c.case").ended(0).printed(&["brief"]);
}

/// A folder of outputs whose logs are those of a test.
fn with_outputs() -> Desk {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("outs/var")).unwrap();
    fs::create_dir(desk.path("elsewhere")).unwrap();
    desk.put("outs/uptime", " 15:10:00 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n");
    desk.put("outs/date", "Sun Nov 22 15:10:00 UTC 2026\n");
    desk.put("elsewhere/messages", format!("2026-11-22T15:05:00Z h daemon[1]: {CANARY}\n"));
    desk.put("elsewhere/hosts", CANARY);
    desk
}

/// Looks for the canary in the logs, in the files that are named.
fn looking(files: &str) -> String {
    format!(
        "\
name: looking
title: Looking
summary: Looks at logs.
steps:
  - id: logs
    title: Logs
    probe: logs
    with: {{since: 1h, files: [{files}], patterns: {{any: '.'}}}}
    outcomes: [{{verdict: ok, say: '{{{{ count(logs.lines) }}}} lines'}}]
"
    )
}

#[test]
fn a_link_in_a_folder_of_outputs_leads_nowhere_and_is_told() {
    let desk = with_outputs();
    desk.put("looking.yaml", looking(""));
    symlink("../../elsewhere", desk.path("outs/var/log")).unwrap();
    let answer = desk.run("replay --from outs ./looking.yaml --save a.case");
    answer.ended(3).printed(&["no line of a log is there", "links are not followed: var/log"]);
    assert!(answer.err.contains("links are not followed: var/log; put copies"), "{}", answer.err);
    assert!(!all_of(&desk.path("a.case")).1.contains("canary 5f1c"));

    fs::remove_file(desk.path("outs/var/log")).unwrap();
    fs::create_dir(desk.path("outs/var/log")).unwrap();
    symlink("../../../elsewhere/messages", desk.path("outs/var/log/messages")).unwrap();
    let answer = desk.run("replay --from outs ./looking.yaml --save a.case");
    answer.not_fine().printed(&["var/log/messages", "links are not followed"]);
    assert!(!all_of(&desk.path("a.case")).1.contains("canary 5f1c"));

    fs::remove_file(desk.path("outs/var/log/messages")).unwrap();
    fs::copy(desk.path("elsewhere/messages"), desk.path("outs/var/log/messages")).unwrap();
    desk.run("replay --from outs ./looking.yaml --save a.case").ended(0).printed(&["1 lines"]);
    assert!(all_of(&desk.path("a.case")).1.contains("canary 5f1c"), "what is there is read");
}

#[test]
fn files_of_a_runbook_stay_in_the_folder_of_the_logs() {
    let desk = with_outputs();
    fs::create_dir(desk.path("outs/var/log")).unwrap();
    desk.put("outs/var/log/messages", "2026-11-22T15:05:00Z h daemon[1]: one\n");
    let absolute = desk.path("elsewhere/messages").display().to_string();
    for files in ["../../../elsewhere/messages", "'../../../elsewhere/*'", &absolute] {
        desk.put("looking.yaml", looking(files));
        let answer = desk.run("replay --from outs ./looking.yaml --save a.case");
        answer.not_fine().printed(&["it leads out of", "name its directory in the parameter `dir`"]);
        assert!(!all_of(&desk.path("a.case")).1.contains("canary 5f1c"), "{files}");
        // On the host itself, too: the directory that is named is all that is read.
        desk.put("looking.yaml", looking(files).replace("since: 1h", "since: 1h, dir: outs/var/log"));
        desk.run("run ./looking.yaml -q --save b.case").not_fine().printed(&["it leads out of"]);
        assert!(!all_of(&desk.path("b.case")).1.contains("canary 5f1c"), "{files}");
    }
}

#[test]
fn the_case_of_a_test_lies_in_its_project() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("project/runbooks")).unwrap();
    fs::create_dir(desk.path("project/cases")).unwrap();
    desk.put("brief.yaml", GOOD).run("run brief.yaml --save a.json").ended(0);
    fs::rename(desk.path("brief.yaml"), desk.path("project/runbooks/brief.yaml")).unwrap();
    fs::copy(desk.path("a.json"), desk.path("project/cases/a.json")).unwrap();
    symlink("../../a.json", desk.path("project/cases/link.json")).unwrap();
    let test = |case: &str| {
        let text = format!(
            "runbook: brief\ntests:\n  - name: it is calm\n    recorded: {case}\n    expect: {{verdict: ok}}\n"
        );
        desk.put("project/runbooks/brief.test.yaml", text);
        desk.run("test project/runbooks/brief.test.yaml")
    };
    test("../cases/a.json").ended(0);
    test("../../a.json").refused(&["it leads out of", "put the case there"]);
    test(desk.path("a.json").to_str().unwrap()).refused(&["it leads out of"]);
    test("../cases/link.json").refused(&["links are not followed"]);
}
