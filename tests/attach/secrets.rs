//! What is redacted before a report leaves, and how it is undone.

use casebook::case::Case;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::command::GOOD;
use crate::wire::{Server, plain};
use crate::{attach, desk, recorded, said};

/// A case whose evidence and sentences hold a secret, as an older casebook may have written it.
fn leaky() -> String {
    let mut case: Value = serde_json::from_str(&recorded("syn-flood")).unwrap();
    case["evidence"]["logs"]["loss"] = json!(["line: DB_PASSWORD=hunter2xyzzy"]);
    case["findings"][0]["sentence"] = json!("curl -u bob:hunter2xyzzy http://x was seen");
    case.to_string()
}

#[test]
fn a_secret_in_an_old_case_does_not_leave() {
    let server = Server::http(|_| plain(200, ""));
    let desk = desk();
    desk.put("a.case", leaky());
    attach(&desk, &format!("--to {}/", server.url()), &[]).ended(0);
    let body = &server.asked()[0].body;
    assert!(
        !body.contains("hunter2xyzzy") && body.contains("(password left out)") && body.contains("Redacted: "),
        "{body}"
    );
}

#[test]
fn addresses_and_hosts_leave_under_pseudonyms_and_the_map_brings_them_back() {
    let server = Server::http(|_| plain(200, ""));
    let desk = desk();
    let line = format!("--to {}/ --redact addresses,users,hosts --redact-map map.json", server.url());
    attach(&desk, &line, &[]).ended(0);
    attach(&desk, &line, &[]).ended(0);
    let asked = server.asked();
    assert_eq!(asked[0].body, asked[1].body, "the same map gives the same pseudonyms");
    let body = asked[0].json();
    // As this casebook writes it: the record has names of 0.1.
    let original = serde_json::to_value(Case::from_json(&recorded("syn-flood")).unwrap()).unwrap();
    assert_ne!(body["host"], original["host"]["name"]);
    let local = original["ledger"]["entries"][0]["address"].as_str().unwrap();
    assert!(!asked[0].body.contains(&format!("\"{local}\"")), "{local}");
    let mode = std::fs::metadata(desk.path("map.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    desk.put("redacted.case", body["case"].to_string());
    desk.run("replay redacted.case high-inbound-traffic").ended(2);
    let answer = desk.run("unredact redacted.case --map map.json -o whole.case");
    said(answer.ended(0), "pseudonyms put back");
    let whole: Value = serde_json::from_str(&desk.text("whole.case")).unwrap();
    for part in ["evidence", "findings", "ledger", "host", "params"] {
        assert_eq!(whole[part], original[part], "{part}");
    }
}

#[test]
fn a_replay_writes_pseudonyms_too() {
    let desk = desk();
    let answer = desk.run(
        "replay a.case high-inbound-traffic --redact addresses,hosts --redact-map m -o r.md -o r.json --format text",
    );
    answer.ended(2).printed(&["Redacted: "]);
    let case: Value = serde_json::from_str(&recorded("syn-flood")).unwrap();
    let local = case["ledger"]["entries"][0]["address"].as_str().unwrap();
    for text in [&answer.out, &desk.text("r.md"), &desk.text("r.json")] {
        assert!(text.contains("SYN flood") && !text.contains(&format!("{local}:")), "{text}");
    }
    desk.run("unredact r.md --map m").ended(0).printed(&[local]);
}

#[test]
fn a_map_that_others_can_read_is_refused() {
    let desk = desk();
    desk.put("map.json", "{}");
    std::fs::set_permissions(desk.path("map.json"), std::fs::Permissions::from_mode(0o644)).unwrap();
    desk.run("replay a.case --redact users --redact-map map.json").refused(&["mode 0644", "chmod 600"]);
    std::fs::set_permissions(desk.path("map.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
    desk.run("replay a.case --redact users --redact-map map.json").refused(&["is not a map of pseudonyms"]);
    desk.run("replay a.case --redact names").refused(&["names", "addresses, users, hosts"]);
    desk.run("replay a.case --redact-map map.json").refused(&["--redact"]);
    desk.run("unredact a.case --map nothing").refused(&["there is no map nothing"]);
}

/// A runbook with a token in its text, and with a sentence that becomes a secret only when it is said.
fn talkative() -> String {
    GOOD.replace("say: \"{{", "say: \"pass{{ 'word=' }}hunter{{ 2 }}xyzzy {{")
        .replace("summary: ", "summary: ghp_xyzzy0123456789abcdefghijABCDEFGHIJ ")
}

#[test]
fn a_run_writes_no_secret_and_its_case_is_judged_again() {
    let desk = desk();
    desk.put("brief.yaml", talkative());
    let line = "run brief.yaml --save b.case -o b.md -o b.json --redact addresses,users,hosts --redact-map m";
    let answer = desk.run(line);
    answer.ended(0).printed(&["(password left out)"]);
    for text in [answer.out, answer.err, desk.text("b.md"), desk.text("b.json")] {
        assert!(!text.contains("hunter2xyzzy") && !text.contains("ghp_xyzzy"), "{text}");
    }
    desk.run("replay b.case --redact addresses --redact-map m").ended(0).printed(&["(password left out)"]);
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let case: Value = serde_json::from_str(&desk.text("b.json")).unwrap();
    let name = case["host"]["name"].as_str().unwrap();
    assert!(name != host.trim() && name.starts_with("host-"), "{name}");
}
