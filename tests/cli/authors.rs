//! What strangers write into logs and cases makes them nobody else: no daemon, and no redaction that was done.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::command::Desk;

/// Whom a client would like to be blamed.
const BLAMED: &str = "198.51.100.7";
/// The client.
const CLIENT: &str = "203.0.113.9";

/// Logs of the last minutes: of a web server whose clients write like daemons, and of an sshd whose clients do.
fn hostile() -> Desk {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("logs/nginx")).unwrap();
    let begin = Timestamp::now() - SignedDuration::from_secs(300);
    let syslog = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let (mut access, mut auth) = (String::new(), String::new());
    for line in 0..300_i64 {
        let at = begin + SignedDuration::from_secs(line);
        let sshd = format!("{} web1 sshd[7]: Failed password for root from {BLAMED} port 22 ssh2", syslog(at));
        let kernel = format!("{} web1 kernel: nf_conntrack: nf_conntrack: table full, dropping packet", syslog(at));
        let (user, request, agent) = match line % 10 {
            0 => ("-", "GET / HTTP/1.1", "curl/8"),
            1 => ("-", sshd.as_str(), "curl/8"),
            2 => ("-", "GET / HTTP/1.1", kernel.as_str()),
            3 => (r"a [01/Jan/2020:00:00:00 +0000] \x22GET / HTTP/1.1\x22 500 1", "GET / HTTP/1.1", sshd.as_str()),
            _ => ("[", "PROPFIND / HTTP/1.1", sshd.as_str()),
        };
        let time = at.strftime("%d/%b/%Y:%H:%M:%S +0000");
        access.push_str(&format!("{CLIENT} - {user} [{time}] \"{request}\" 200 5 \"{sshd}\" \"{agent}\"\n"));
        let name = format!("x from {BLAMED} port 22 ssh2");
        let said = match line % 10 {
            0 => format!("sshd[7]: Failed password for invalid user {name} from {CLIENT} port 4022 ssh2"),
            1 => format!("sshd-session[8]: Invalid user {name} from {CLIENT} port 4022"),
            2 => format!("app[9]: sshd[7]: Failed password for root from {BLAMED} port 22 ssh2"),
            3 => format!("app[9]: {sshd}"),
            4 => "app[9]: kernel: nf_conntrack: table full, dropping packet".to_owned(),
            _ => "cron[5]: nothing of interest".to_owned(),
        };
        auth.push_str(&format!("{} web1 {said}\n", syslog(at)));
    }
    desk.put("logs/nginx/access.log", access);
    desk.put("logs/auth.log", auth);
    desk
}

#[test]
fn clients_that_write_like_daemons_are_counted_as_clients() {
    let desk = hostile();
    let answer = desk.run("probe logs dir=logs since=10m --format json");
    let seen: Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    let output = if seen["output"].is_object() { &seen["output"] } else { &seen };
    let patterns = &output["patterns"];
    let count = |name: &str| patterns[name]["count"].as_u64().unwrap();
    assert_eq!(count("http_request"), 300, "no name hides a request");
    assert_eq!(count("ssh_failed_password"), 30, "sshd's own lines");
    assert_eq!(count("ssh_invalid_user"), 30);
    assert_eq!(count("conntrack_full"), 0, "the kernel said nothing");
    let top = |name: &str, group: &str| -> Vec<(String, u64)> {
        let values = patterns[name]["captures"][group].as_array().unwrap();
        values
            .iter()
            .map(|value| (value["value"].as_str().unwrap().to_owned(), value["count"].as_u64().unwrap()))
            .collect()
    };
    assert_eq!(top("ssh_failed_password", "address"), [(CLIENT.to_owned(), 30)]);
    assert_eq!(top("ssh_invalid_user", "address"), [(CLIENT.to_owned(), 30)]);
    assert_eq!(top("http_request", "client"), [(CLIENT.to_owned(), 300)]);
    assert_eq!(top("http_request", "status"), [("200".to_owned(), 300)]);
    assert_eq!(patterns["ssh_failed_password"]["bound"], true);
    let kinds: Vec<&str> =
        output["files"].as_array().unwrap().iter().map(|file| file["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"access") && kinds.contains(&"syslog"), "{kinds:?}");
}

#[test]
fn the_runbook_blames_and_blocks_nobody_whom_a_client_names() {
    let desk = hostile();
    let line = "run high-inbound-traffic --set log_dir=logs --set guesses=20 --window 1s --save case.json -o a.md -q";
    desk.run(line);
    let case: Value = serde_json::from_str(&desk.text("case.json")).unwrap();
    let causes = case["diagnosis"]["causes"].as_array().unwrap();
    let guessing = causes.iter().find(|cause| cause["id"] == "ssh-brute-force").unwrap();
    assert!(
        guessing["title"].as_str().unwrap().contains(&format!("30 failures in the last 15 min, most from {CLIENT}")),
        "{guessing}"
    );
    let remedies = guessing["remedies"].to_string();
    assert!(remedies.contains(&format!("saddr {CLIENT} tcp dport 22")) && !remedies.contains(BLAMED), "{remedies}");
    for cause in causes {
        assert!(
            !cause["remedies"].to_string().contains(BLAMED)
                && !cause["subject"]["remotes"].to_string().contains(BLAMED),
            "{cause}"
        );
    }
    // Without sshd's own lines there is no guessing at all.
    fs::remove_file(desk.path("logs/auth.log")).unwrap();
    desk.run(line);
    let case: Value = serde_json::from_str(&desk.text("case.json")).unwrap();
    let causes = case["diagnosis"]["causes"].as_array().unwrap();
    let guessing = causes.iter().find(|cause| cause["id"] == "ssh-brute-force").unwrap();
    assert!(matches!(guessing["likelihood"].as_str(), Some("ruled-out" | "unlikely")), "{guessing}");
}

#[test]
fn an_author_binds_patterns_by_program_and_by_kind() {
    let desk = hostile();
    let text = "\
name: mine
title: Mine
params: {window: {type: duration, default: 1s, help: How long to watch.}}
steps:
  - id: logs
    title: What the logs say
    probe: logs
    with:
      dir: logs
      patterns:
        bound: {match: 'Failed password', program: 'sshd, sshd-session'}
        requests: {kind: access, match: 'PROPFIND'}
        ssh_invalid_user: {}
        free: Failed password
    outcomes:
      - verdict: ok
        say: >-
          {{ logs.patterns.bound.count }} bound, {{ logs.patterns.requests.count }} requests,
          {{ logs.patterns.ssh_invalid_user.count }} built in, free {{ logs.patterns.free.bound }}
";
    desk.put("mine.yaml", text);
    desk.run("run mine.yaml").ended(0).printed(&["30 bound, 180 requests, 30 built in, free no"]);
    desk.put("bad.yaml", text.replace("program: 'sshd, sshd-session'", "programme: sshd"));
    desk.run("lint bad.yaml").refused(&["programme"]);
}

#[test]
fn repetitions_count_as_often_as_the_logger_says() {
    let desk = Desk::new();
    fs::create_dir(desk.path("logs")).unwrap();
    let failed = format!("Failed password for root from {CLIENT} port 4022 ssh2");
    let at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S+00:00");
    let lines = [
        format!("web1 sshd[7]: {failed}"),
        format!("web1 sshd[7]: message repeated 4 times: [ {failed}]"),
        format!("web1 sshd[7]: {failed}"),
        "web1 last message repeated 10 times".to_owned(),
        "web1 cron[5]: nothing".to_owned(),
        "web1 last message repeated 99 times".to_owned(),
        format!("web1 sshd[7]: {failed}"),
        "web2 last message repeated 99 times".to_owned(),
        "web1 app[9]: last message repeated 99 times".to_owned(),
    ];
    desk.put("logs/auth.log", lines.map(|line| format!("{at} {line}\n")).concat());
    let answer = desk.run("probe logs dir=logs since=10m --format json");
    let seen: Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    let output = if seen["output"].is_object() { &seen["output"] } else { &seen };
    let failed = &output["patterns"]["ssh_failed_password"];
    assert_eq!((failed["count"].as_u64(), failed["captures"]["address"][0]["count"].as_u64()), (Some(17), Some(17)));
}

#[test]
fn a_case_that_says_it_was_redacted_shows_no_address_under_redact() {
    let desk = Desk::new();
    let text = fs::read_to_string("tests/cases/syn-flood.json").unwrap();
    let mut case: Value = serde_json::from_str(&text).unwrap();
    let local = case["ledger"]["entries"][0]["address"].as_str().unwrap().to_owned();
    let sentence = "Redacted: 12 addresses, 3 users, 2 host names under pseudonyms";
    case["diagnosis"]["headlines"].as_array_mut().unwrap().push(sentence.into());
    desk.put("old.json", case.to_string());
    case["redacted"] = serde_json::json!({"secrets": 0, "addresses": 12, "users": 3, "hosts": 2, "seal": "00"});
    desk.put("forged.json", case.to_string());
    for name in ["old.json", "forged.json"] {
        for line in ["report", "replay"] {
            let target = if line == "replay" { " high-inbound-traffic" } else { "" };
            let answer = desk.run(&format!("{line} {name}{target} --format json --redact addresses,users,hosts"));
            assert!(answer.out.contains("evidence") && !answer.out.contains(&format!("\"{local}\"")), "{line} {name}");
        }
        desk.run(&format!("replay {name} high-inbound-traffic")).ended(2).printed(&[sentence]);
    }
}

#[test]
fn a_report_that_was_put_back_does_not_say_that_it_is_under_pseudonyms() {
    let desk = Desk::new();
    desk.put("a.case", fs::read("tests/cases/syn-flood.json").unwrap());
    desk.run("report a.case --redact addresses,hosts --redact-map map -o r.md -o r.json");
    assert!(desk.text("r.md").contains("under pseudonyms") && desk.text("r.md").contains("--redact addresses,hosts"));
    desk.run("unredact r.md --map map -o whole.md").ended(0);
    assert!(desk.text("whole.md").contains("put back") && !desk.text("whole.md").contains("under pseudonyms"));
    desk.run("unredact r.json --map map -o whole.json").ended(0);
    let whole: Value = serde_json::from_str(&desk.text("whole.json")).unwrap();
    assert!(whole["redacted"].is_null() && whole["evidence"].is_object(), "{}", whole["redacted"]);
    // Another map shows nothing about it.
    desk.run("report a.case --redact addresses --redact-map other -o other.json");
    desk.run("unredact other.json --map map -o still.json").ended(0);
    let still: Value = serde_json::from_str(&desk.text("still.json")).unwrap();
    assert!(still["redacted"]["addresses"].as_u64() > Some(0));
}
