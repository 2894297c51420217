//! Rights are the operator's, and commands are quoted by casebook or said not to be.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::{Answer, Desk};

/// A check that says what stands in a file, and advises a command with its first line in it.
fn advising(run: &str) -> String {
    format!(
        "return check {{\n  name = \"it\", summary = \"It\", needs = {{ \"file\" }},\n  \
         params = {{ path = {{ type = \"path\", required = true, help = \"A file.\" }} }},\n  run = function(cx, params)\n    \
         local name = cx.probe(\"file\", {{ paths = {{ params.path }} }}).files[1].lines[1].text\n    \
         return cx.warning(\"look\"):remedy {{ [\"do\"] = \"Look at it.\", run = {run}, undo = \"stub undo\" }}\n  end,\n}}\n"
    )
}

const QUOTED: &str = "sh(\"stub show {{ name }} && stub 'it is'\", { name = name })";
const RAW: &str = "\"stub show \" .. name";

/// Runs the check over a file with this line.
fn advised(run: &str, line: &str, options: &str) -> (Desk, Answer) {
    let desk = Desk::new();
    desk.put("it.lua", advising(run)).put("names", line);
    let path = desk.path("names");
    let answer = desk.run(&format!("check ./it.lua path={} {options}", path.display()));
    (desk, answer)
}

/// The command of the only remedy of a case.
fn command(answer: &Answer) -> String {
    let case: Value = serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
    case["findings"][0]["remedies"][0]["run"].as_str().unwrap_or_else(|| panic!("no command: {case:#}")).to_owned()
}

/// Pastes a command into a shell in a folder of its own: what the program `stub` was called with, and which files came to be.
fn pasted(command: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (tools, work) = (folder.path().join("tools"), folder.path().join("work"));
    std::fs::create_dir(&tools).unwrap();
    std::fs::create_dir(&work).unwrap();
    let log = folder.path().join("log");
    let stub = format!("#!/bin/sh\nprintf '<%s>' \"$@\" >> '{}'\n", log.display());
    std::fs::write(tools.join("stub"), stub).unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(tools.join("stub"), mode).unwrap();
    let ended = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(&work)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
        .output()
        .unwrap();
    assert!(log.exists(), "the command did not run at all: {command}: {ended:?}");
    let made = std::fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    (std::fs::read_to_string(&log).unwrap(), made.collect())
}

#[test]
fn a_name_from_evidence_is_one_word_of_the_command_whatever_it_holds() {
    for name in
        ["eth0;touch pwned", "$(touch pwned)", "`touch pwned`", "a'b\"c", "eth0 && touch pwned", "a\\nb|touch pwned"]
    {
        let (_, answer) = advised(QUOTED, name, "--format json");
        let (said, made) = pasted(&command(&answer));
        assert_eq!(said, format!("<show><{name}><it is>"));
        assert_eq!(made, Vec::<String>::new(), "{name}");
        let case: Value = serde_json::from_str(&answer.out).unwrap();
        assert_eq!(case["findings"][0]["remedies"][0]["unquoted"], Value::Null);
    }
}

#[test]
fn runbooks_and_checks_quote_alike() {
    let name = "eth0;touch pwned $(touch pwned)";
    let desk = Desk::new();
    let runbook = format!(
        "name: it\ntitle: It\nsummary: It.\nsteps:\n- id: names\n  title: Names\n  probe: file\n  \
         with: {{paths: [\"{}\"]}}\n  outcomes:\n  - when: '#names.files > 0'\n    verdict: warning\n    say: look\n    \
         remedy: {{do: Look at it., run: 'stub show {{{{ names.files[1].lines[1].text }}}}'}}\n  \
         - {{verdict: ok, say: fine}}\n",
        desk.path("names").display()
    );
    let answer = desk.put("it.yaml", runbook).put("names", name).run("run ./it.yaml --format json");
    assert_eq!(pasted(&command(&answer)), (format!("<show><{name}>"), Vec::new()));
}

#[test]
fn a_command_that_a_check_puts_together_is_refused_by_lint_and_said_in_every_report() {
    // That the payload works where nothing quotes it.
    let (desk, answer) = advised(RAW, "eth0;touch pwned", "--format json");
    assert_eq!(pasted(&command(&answer)).1, ["pwned"]);
    let lint = desk.run("lint it.lua");
    lint.refused(&[
        "error: `run` is put together by the check",
        "it.lua:6:70",
        "sh(\"… {{ name }} …\", { name = name })",
    ]);
    for format in ["text", "markdown", "html", "junit"] {
        let (_, answer) = advised(RAW, "eth0;touch pwned", &format!("--format {format}"));
        let words = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("was put together by the check itself"), "{format}: {}", answer.out);
    }
    let case: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(case["findings"][0]["remedies"][0]["unquoted"], true);
}

#[test]
fn where_quotes_would_not_hold_there_is_no_command() {
    let inside = "sh(\"stub 'in {{ name }}'\", { name = name })";
    let (_, answer) = advised(inside, "eth0", "--format json");
    assert_eq!(command(&answer), "stub 'in eth0'");
    let (_, answer) = advised(inside, "a'; touch pwned", "--format json");
    let case: Value = serde_json::from_str(&answer.out).unwrap();
    let remedy = &case["findings"][0]["remedies"][0];
    assert_eq!((&remedy["do"], &remedy["run"], &remedy["undo"]), (&"Look at it.".into(), &Value::Null, &Value::Null));
}

#[test]
fn what_sh_gives_cannot_be_joined_to_other_texts() {
    let (_, answer) = advised("sh(\"stub\") .. name", "x", "--format text");
    assert!(answer.out.contains("attempt to concatenate"), "{answer:?}");
}

#[test]
fn the_shipped_checks_and_templates_put_no_command_together() {
    for folder in ["lua/checks", "lua/templates"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let answer = Desk::new().run(&format!("lint {}", folder.display()));
        assert!(!answer.err.contains("put together"), "{}", answer.err);
    }
}

/// A runbook that asks for everything.
fn greedy(desk: &Desk) -> String {
    format!(
        "name: greedy\ntitle: Greedy\nsummary: Asks for all rights.\n\
         params:\n  port: {{type: port, default: 8080, help: A port.}}\n\
         steps:\n\
         - id: keys\n  title: Keys\n  probe: file\n  with: {{paths: [\"{}\"], allow_secrets: true}}\n\
         \x20 outcomes: [{{verdict: ok, say: \"read {{{{ #keys.files[1].lines }}}}\"}}]\n\
         - id: packets\n  title: Packets\n  probe: capture\n  with: {{interface: lo, window: 1s, write: \"{}\"}}\n\
         \x20 outcomes: [{{verdict: ok, say: seen}}]\n\
         - id: away\n  title: Away\n  probe: service\n  with: {{address: 192.0.2.1, port: \"{{{{ params.port }}}}\", allow_remote: true}}\n\
         \x20 outcomes: [{{verdict: ok, say: there}}]\n\
         - id: names\n  title: Names\n  probe: dns\n  with: {{names: \"{{{{ map(keys.files[1].lines, 'text') }}}}\"}}\n\
         \x20 outcomes: [{{verdict: ok, say: asked}}]\n",
        desk.path("a.key").display(),
        desk.path("out.pcapng").display(),
    )
}

#[test]
fn a_runbook_asks_for_rights_and_gets_none() {
    let desk = Desk::new();
    desk.put("a.key", "token\n").put("greedy.yaml", greedy(&desk));
    let answer = desk.run("run ./greedy.yaml --format json");
    assert_eq!(answer.status, Some(3), "{answer:?}");
    let case: Value = serde_json::from_str(&answer.out).unwrap();
    for (step, right) in [("keys", "secrets"), ("packets", "write"), ("away", "remote")] {
        let gap = &case["evidence"][step]["gap"];
        assert_eq!(gap["reason"], "denied", "{step}: {gap}");
        assert!(gap["to_fix"].as_str().unwrap().contains(&format!("--allow {right}")), "{step}: {gap}");
    }
    assert_eq!(case["findings"][3]["verdict"], "unknown", "nothing was asked with what was not read");
    assert!(!desk.path("out.pcapng").exists());
}

#[test]
fn a_right_that_the_operator_gives_holds_for_one_run_and_for_no_retest() {
    let desk = Desk::new();
    desk.put("a.key", "token\n").put("greedy.yaml", greedy(&desk));
    let answer = desk.run("run ./greedy.yaml --allow secrets --format json --save case.json");
    let case: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(case["evidence"]["keys"]["output"]["files"][0]["lines"][0]["text"], "token");
    // A line of a file does not leave in a question, not even to the host's own name servers.
    let gap = &case["evidence"]["names"]["gap"];
    assert!(gap["tried"].as_str().unwrap().contains("send what was observed to name servers (`names`)"), "{gap}");
    assert!(gap["to_fix"].as_str().unwrap().contains("--allow remote"), "{gap}");
    desk.run("retest case.json --save again.json --trust");
    let again: Value = serde_json::from_str(&desk.text("again.json")).unwrap();
    assert_eq!(again["evidence"]["keys"]["gap"]["reason"], "denied", "{again:#}");
    // What was seen is judged again without any right.
    let replayed = desk.run("replay case.json --format json");
    let replayed: Value = serde_json::from_str(&replayed.out).unwrap();
    assert_eq!(replayed["findings"][0]["verdict"], "ok");
}

#[test]
fn by_hand_the_parameter_and_the_flag_are_needed() {
    let desk = Desk::new();
    desk.put("a.key", "token\n");
    let key = desk.path("a.key").display().to_string();
    let says = |line: &str, said: &str| {
        let answer = desk.run(line);
        assert_eq!(answer.status, Some(3), "{line}: {answer:?}");
        assert!(answer.err.contains(said) || answer.out.contains(said), "{line}: {answer:?}");
    };
    says(&format!("probe file paths={key} allow_secrets=true"), "--allow secrets");
    says("probe service address=192.0.2.1 allow_remote=true", "--allow remote");
    says("probe service address=192.0.2.1 --allow remote", "set `allow_remote`, and run with --allow remote");
    says("probe dns names=a.example server=192.0.2.1", "--allow remote");
    says(&format!("probe capture interface=lo window=1s write={key}.pcapng"), "--allow write");
    let both = desk.run(&format!("probe file paths={key} allow_secrets=true --allow remote,secrets"));
    assert!(both.status == Some(0) && both.out.contains("token"), "{both:?}");
    desk.run("probe file --allow everything").refused(&["remote", "secrets", "write"]);
}

#[test]
fn name_servers_of_a_configuration_that_somebody_wrote_are_other_hosts() {
    let desk = Desk::new();
    desk.put("resolv.conf", "nameserver 192.0.2.1\n");
    let answer = desk.run(&format!("probe dns names=a.example resolv_conf={}", desk.path("resolv.conf").display()));
    assert!(answer.status == Some(3) && answer.err.contains("--allow remote"), "{answer:?}");
}

#[test]
fn a_check_passes_nothing_on_that_it_has_read() {
    let desk = Desk::new();
    let check = "return check {\n  name = \"it\", summary = \"It\", needs = { \"file\", \"dns\" },\n  \
                 params = { path = { type = \"path\", required = true, help = \"A file.\" } },\n  run = function(cx, params)\n    \
                 local name = cx.probe(\"file\", { paths = { params.path } }).files[1].lines[1].text\n    \
                 local own = cx.probe(\"dns\", { names = { \"a.invalid\" }, server = \"127.0.0.1\", port = 1 })\n    \
                 local theirs = cx.probe(\"dns\", { names = { name .. \".example\" } })\n    \
                 return cx.ok(tostring(own.available) .. \" \" .. theirs.gap.to_fix)\n  end,\n}\n";
    desk.put("it.lua", check).put("names", "secret\n");
    let answer = desk.run(&format!("check ./it.lua path={} --format text", desk.path("names").display()));
    assert!(answer.out.contains("true if you want that, run it with --allow remote"), "{answer:?}");
}

#[test]
fn plan_shows_every_parameter_target_and_right() {
    let desk = Desk::new();
    desk.put("greedy.yaml", greedy(&desk));
    let answer = desk.run("plan ./greedy.yaml --set port=8443 --allow write");
    let shown = answer.out.replace(&desk.path("").display().to_string(), "DESK/");
    for line in [
        "with paths = [\"DESK/a.key\"]",
        "with allow_secrets = true",
        "will read DESK/a.key",
        "will read and keep secrets (`allow_secrets`): needs --allow secrets",
        "will write the packets to DESK/out.pcapng (allowed by --allow write)",
        "with address = \"192.0.2.1\"",
        "with port = 8443",
        "will connect to 192.0.2.1:8443: needs --allow remote",
        "with names from evidence of keys: map(keys.files[1].lines, 'text')",
        "will send what was observed to name servers (`names`): needs --allow remote",
        "unless you run it with --allow remote,secrets.",
    ] {
        assert!(shown.contains(line), "{line}\nis not in\n{shown}");
    }
    let lint = desk.run("lint greedy.yaml");
    assert!(lint.out.contains("asks for --allow remote,secrets,write"), "{lint:?}");
    let shipped = desk.run("plan high-inbound-traffic");
    assert!(!shipped.out.contains("--allow"), "{}", shipped.out);
}

const FOREIGN: &str = "come from the author of this case, not from casebook";

/// In one line: reports wrap.
fn words(answer: &Answer) -> String {
    answer.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_commands_of_a_case_that_came_from_elsewhere_are_said_to_be_its_authors() {
    let desk = Desk::new();
    let remedy = "say: much\n        remedy: {do: Look., run: stub, risk: none}";
    let runbook = crate::command::GOOD.replace("default: 1Tbit/s", "default: 0bit/s").replace("say: much", remedy);
    desk.put("brief.yaml", &runbook);
    let run = desk.run("run ./brief.yaml --save case.json --format text");
    assert!(run.out.contains("stub") && !words(&run).contains(FOREIGN), "{run:?}");
    // What this host's own runs kept is theirs, a file may be anybody's.
    for command in ["report latest", "replay latest"] {
        let own = desk.run(&format!("{command} --format text"));
        assert!(own.out.contains("stub") && !words(&own).contains(FOREIGN), "{command}: {own:?}");
    }
    for command in ["report", "replay"] {
        for format in ["text", "terminal", "markdown", "html", "junit", "nagios"] {
            let answer = desk.run(&format!("{command} case.json --format {format}"));
            assert!(words(&answer).contains(FOREIGN), "{command} {format}: {}", answer.out);
        }
        let answer = desk.run(&format!("{command} case.json --format json"));
        let case: Value = serde_json::from_str(&answer.out).unwrap();
        assert_eq!(case["foreign_commands"], true, "{command}");
    }
    // Judged by a runbook that the operator names, the commands are those of that one.
    let named = desk.run("replay case.json ./brief.yaml --format text");
    assert!(!words(&named).contains(FOREIGN), "{named:?}");
}

#[test]
fn a_case_judged_again_by_the_runbook_that_casebook_carries_needs_no_warning() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/dns-reflection.json");
    let mut case: Value = serde_json::from_str(&std::fs::read_to_string(recorded).unwrap()).unwrap();
    let embedded = casebook::runbook::embedded(casebook::runbook::Kind::Runbook);
    let shipped = embedded.iter().find(|found| found.name == "high-inbound-traffic").unwrap();
    let desk = Desk::new();
    case["runbook"]["text"] =
        casebook::runbook::load_found(shipped, casebook::sys::trust::Trust::Waived).unwrap().text().into();
    // What the file says of itself counts for nothing.
    case["foreign_commands"] = true.into();
    desk.put("case.json", case.to_string());
    let own = desk.run("replay case.json --format text --save judged.json");
    assert!(own.out.contains("What to do") && !words(&own).contains(FOREIGN), "{own:?}");
    assert!(words(&desk.run("report judged.json --format text")).contains(FOREIGN), "a report judges nothing");
    let text = case["runbook"]["text"].as_str().unwrap().replace("nft add table", "nft create table");
    case["runbook"]["text"] = text.into();
    case["foreign_commands"] = false.into();
    desk.put("case.json", case.to_string());
    assert!(words(&desk.run("replay case.json --format text")).contains(FOREIGN));
}
