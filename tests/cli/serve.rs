//! `casebook serve --stdio`, by what goes through its pipes: a client that keeps to the protocol, and others. The protocol's own client
//! asks it in tests/agents.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use serde_json::{Value, json};

use crate::command::{Desk, GOOD, wait};

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Client {
    child: Child,
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    number: u64,
}

impl Client {
    fn start(desk: &Desk, arguments: &str) -> Self {
        let mut command = desk.command(format!("serve --stdio {arguments}").split_whitespace());
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (sender, from) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines() {
                // Nothing but the protocol is on standard output.
                let message: Value = serde_json::from_str(&line.unwrap()).expect("a message");
                assert_eq!(message["jsonrpc"], "2.0");
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Client { to: child.stdin.take(), child, from, number: 0 }
    }

    fn begun(desk: &Desk, arguments: &str) -> Self {
        let mut client = Client::start(desk, arguments);
        let about = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let answer = client.ask("initialize", about);
        assert_eq!(answer["result"]["serverInfo"]["name"], "casebook", "{answer}");
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn write(&mut self, text: &[u8]) {
        // One that has ended reads nothing more.
        let _ = self.to.as_mut().unwrap().write_all(text);
    }

    fn say(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    fn send(&mut self, method: &str, params: Value) -> u64 {
        self.number += 1;
        self.say(&json!({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}));
        self.number
    }

    fn next(&mut self) -> Value {
        self.from.recv_timeout(PATIENCE).expect("an answer")
    }

    fn answer_of(&mut self, number: u64) -> Value {
        loop {
            let message = self.next();
            if message["id"] == number {
                return message;
            }
            assert!(message["method"].is_string(), "not asked for: {message}");
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let number = self.send(method, params);
        self.answer_of(number)
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments}))["result"].take()
    }

    /// What a tool gives, which is no error.
    fn gives(&mut self, tool: &str, arguments: Value) -> Value {
        let mut result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
        assert!(result["content"][0]["text"].as_str().is_some_and(|text| !text.is_empty()), "{tool}: {result}");
        result["structuredContent"].take()
    }

    /// What a tool says when it refuses.
    fn refuses(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    /// Closes the pipe, and says how long it took to end, and how.
    fn close(mut self) -> (Duration, Option<i32>) {
        drop(self.to.take());
        let began = Instant::now();
        let status = wait(&mut self.child);
        (began.elapsed(), status)
    }
}

/// A desk with a runbook that is found by its name.
fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("runbooks")).unwrap();
    desk.put("runbooks/brief.yaml", GOOD);
    desk
}

#[test]
fn a_run_gives_a_case_that_is_read_judged_again_and_merged_and_no_file() {
    let desk = desk();
    let mut client = Client::begun(&desk, "");
    let run = client.gives("run_runbook", json!({"runbook": "brief", "window": "1s"}));
    assert_eq!((&run["case"], &run["runbook"], &run["verdict"]), (&json!("run-1"), &json!("brief"), &json!("ok")));
    let steps = client.gives("read_case", json!({"case": "run-1", "section": "steps"}));
    assert_eq!(steps["steps"][0]["step"], "rates");
    let observed = client.gives("read_case", json!({"case": "run-1", "section": "evidence"}));
    assert_eq!(observed["observed"][0]["probe"], "interfaces");
    let name = json!({"case": "run-1", "section": "evidence", "step": "rates", "path": "watched.name"});
    assert_eq!(client.gives("read_case", name)["value"], "lo");
    let report = client.gives("read_case", json!({"case": "run-1", "section": "report"}));
    assert!(report["report"].as_str().unwrap().contains("How much arrives"), "{report}");
    let again = client.gives("replay_case", json!({"case": "run-1", "params": {"high": "1bit/s"}}));
    assert_eq!(again["case"], "replay-2");
    let other = client.gives("replay_case", json!({"case": "run-1", "runbook": "high-inbound-traffic"}));
    assert_eq!(other["runbook"], "high-inbound-traffic");
    let merged = client.gives("merge_cases", json!({"cases": ["run-1", "replay-2"]}));
    let hosts = client.gives("read_case", json!({"case": merged["case"], "section": "hosts"}));
    assert_eq!(hosts["hosts"]["hosts"].as_array().unwrap().len(), 2, "{hosts}");
    let probe =
        client.gives("run_probe", json!({"probe": "interfaces", "params": {"window": "0.1s", "interface": "lo"}}));
    assert_eq!(probe["evidence"]["output"]["watched"]["name"], "lo");
    let pasted = client.gives("read_tool_output", json!({"text": "load average: 60.10, 50.00, 40.00\n$ uptime\n 12:00:01 up 3 days,  2:03,  1 user,  load average: 60.10, 50.00, 40.00\n"}));
    assert!(pasted["reading"]["recognised"].to_string().contains("uptime"), "{pasted}");
    let listed = client.gives("list_cases", json!({}));
    assert_eq!(listed["made"].as_array().unwrap().len(), 6, "{listed}");
    assert_eq!(client.close().1, Some(0));
    assert_eq!((desk.names(), desk.kept_names()), (vec!["runbooks".to_owned()], vec![]), "no file is written");
}

#[test]
fn only_files_below_the_folders_of_the_operator_are_read_and_no_path_of_the_host_is_taken() {
    let desk = desk();
    for folder in ["cases", "secret"] {
        std::fs::create_dir(desk.path(folder)).unwrap();
    }
    desk.run("run runbooks/brief.yaml --window 1s -q --no-keep --save secret/a.case").reported();
    std::fs::copy(desk.path("secret/a.case"), desk.path("cases/a.case")).unwrap();
    std::os::unix::fs::symlink(desk.path("secret/a.case"), desk.path("cases/link.case")).unwrap();
    desk.put("cases/paste.txt", "$ uptime\n 12:00:01 up 3 days,  2:03,  1 user,  load average: 60.10, 50.00, 40.00\n");
    let mut client = Client::begun(&desk, "--folder cases");
    let listed = client.gives("list_cases", json!({}));
    let names: Vec<&str> =
        listed["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cases/a.case", "cases/paste.txt"]);
    assert_eq!(client.gives("read_case", json!({"case": "cases/a.case"}))["runbook"], "brief");
    assert_eq!(client.gives("read_case", json!({"case": "cases/a.case"}))["summary"]["foreign_commands"], true);
    // So they are in what is made of it, and in what is made of that.
    for (case, replay) in [("cases/a.case", "replay-1"), ("replay-1", "replay-2")] {
        client.gives("replay_case", json!({"case": case}));
        assert_eq!(client.gives("read_case", json!({"case": replay}))["summary"]["foreign_commands"], true, "{case}");
    }
    client.gives("merge_cases", json!({"cases": ["cases/a.case", "cases/paste.txt"]}));
    client.gives("read_tool_output", json!({"file": "cases/paste.txt"}));
    let outside = desk.path("secret/a.case");
    for case in [
        "cases/link.case",
        "cases/../secret/a.case",
        "secret/a.case",
        outside.to_str().unwrap(),
        "cases/paste.txt",
        "latest",
        "-",
        "",
    ] {
        client.refuses("read_case", json!({"case": case}));
    }
    for file in ["cases/../secret/a.case", "/etc/passwd", "cases/link.case"] {
        client.refuses("read_tool_output", json!({"file": file}));
    }
    for (probe, params) in [
        ("file", json!({"paths": ["/etc/passwd"]})),
        ("capture", json!({"file": outside})),
        ("capture", json!({"write": "/tmp/x.pcapng"})),
        ("logs", json!({"dir": "/etc"})),
        ("logs", json!({"files": ["/etc/passwd"]})),
        ("dns", json!({"resolv_conf": "/etc/passwd"})),
    ] {
        let said = client.refuses("run_probe", json!({"probe": probe, "params": params}));
        assert!(said.contains("a client names none"), "{said}");
    }
    for params in [json!({"pcap": outside}), json!({"log_dir": "/etc"})] {
        let said = client.refuses("run_runbook", json!({"runbook": "high-inbound-traffic", "params": params}));
        assert!(said.contains("a client names none"), "{said}");
    }
    for runbook in ["runbooks/brief.yaml", "./runbooks/brief.yaml", "brief.yaml", "../brief", "/etc/passwd"] {
        let said = client.refuses("run_runbook", json!({"runbook": runbook}));
        assert!(said.contains("there is no runbook"), "{said}");
    }
    // Another host takes a right that no client has.
    let asked =
        client.gives("run_probe", json!({"probe": "dns", "params": {"names": ["a.invalid"], "server": "192.0.2.1"}}));
    assert_eq!(asked["evidence"]["gap"]["reason"], "denied", "{asked}");
}

#[test]
fn wrong_arguments_are_told_to_who_gave_them() {
    let desk = desk();
    let mut client = Client::begun(&desk, "");
    for (tool, arguments, said) in [
        ("run_runbook", json!({}), "missing field `runbook`"),
        ("run_runbook", json!({"runbook": 7}), "expected a string"),
        ("run_runbook", json!({"runbook": "brief", "windows": "1s"}), "unknown field `windows`"),
        ("run_runbook", json!({"runbook": "brief", "window": "1h"}), "more than the most"),
        ("run_runbook", json!({"runbook": "brief", "params": {"hihg": 1}}), "`high`"),
        ("run_runbook", json!({"runbook": "brief", "max_bytes": 10}), "1000 to 200000"),
        ("run_probe", json!({"probe": "socket"}), "`sockets`"),
        ("run_probe", json!({"probe": "sockets", "params": {"window": "1y"}}), "not a span of time"),
        ("run_probe", json!({"probe": "sockets", "params": {"window": "1h"}}), "10 min at most"),
        ("read_case", json!({"case": "run-99"}), "list_cases"),
        ("read_case", json!({"case": "run-1", "section": "nothing"}), "unknown variant"),
        ("replay_case", json!({"case": "run-99"}), "there is no case"),
        ("merge_cases", json!({"cases": []}), "name 1 to"),
        ("read_tool_output", json!({}), "either `text` or `file`"),
        ("read_tool_output", json!({"text": "nothing of any tool"}), "nothing"),
        ("read_tool_output", json!({"text": "x", "at": "noon"}), "write it like 17:40"),
    ] {
        let answer = client.refuses(tool, arguments.clone());
        assert!(answer.contains(said), "{tool} {arguments}: {answer}");
    }
    let answer = client.ask("tools/call", json!({"name": "run_runbok", "arguments": {}}));
    assert!(answer["error"]["message"].as_str().unwrap().contains("`run_runbook`"), "{answer}");
}

#[test]
fn what_is_no_message_is_answered_and_the_next_one_is_read() {
    let desk = desk();
    let mut client = Client::start(&desk, "");
    // Before it begins: nothing is done, and nothing ends.
    client.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}));
    let early = client.ask("tools/call", json!({"name": "list_cases", "arguments": {}}));
    assert!(early["error"].is_object(), "{early}");
    drop(client);
    let mut client = Client::begun(&desk, "");
    let mut long =
        br#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"read_tool_output","arguments":{"text":""#
            .to_vec();
    long.resize(5 * 1024 * 1024, b'x');
    long.extend(b"\"}}}\n");
    for (line, code) in [
        (b"not json\n".to_vec(), -32700),
        (long, -32600),
        (format!("{}\n", "[".repeat(10_000)).into_bytes(), -32700),
        (
            format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[{}0]}}\n", "0,".repeat(1_000_000))
                .into_bytes(),
            -32600,
        ),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n".to_vec(), -32600),
        (b"\xff\xfe\n".to_vec(), -32700),
    ] {
        client.write(&line);
        assert_eq!(client.next()["error"]["code"], code);
    }
    let unknown = client.ask("tools/eat", json!({}));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    // An answer to nothing, and a notification of nothing.
    client.say(&json!({"jsonrpc": "2.0", "id": 77, "result": {}}));
    client.say(&json!({"jsonrpc": "2.0", "method": "notifications/nothing"}));
    assert!(client.ask("ping", json!({}))["result"].is_object());
    assert_eq!(client.close().1, Some(0));
}

#[test]
fn a_thousand_requests_at_once_are_all_answered_and_few_are_worked_on() {
    let desk = desk();
    let mut client = Client::begun(&desk, "");
    let run =
        client.send("tools/call", json!({"name": "run_runbook", "arguments": {"runbook": "brief", "window": "1s"}}));
    let numbers: Vec<u64> =
        (0..1000).map(|_| client.send("tools/call", json!({"name": "list_cases", "arguments": {}}))).collect();
    let mut refused = 0;
    let mut answered = std::collections::HashSet::new();
    while answered.len() < 1001 {
        let answer = client.next();
        refused += usize::from(answer["result"]["isError"] == true);
        answered.insert(answer["id"].as_u64().unwrap());
    }
    assert!(answered.contains(&run) && numbers.iter().all(|number| answered.contains(number)));
    assert!(refused > 500, "{refused}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", client.child.id())).unwrap();
    let threads: u32 = status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok()).unwrap();
    assert!(threads < 20, "{threads} threads");
}

#[test]
fn a_call_that_is_cancelled_ends_and_the_next_one_has_its_turn() {
    let desk = desk();
    let mut client = Client::begun(&desk, "");
    let long = json!({"name": "run_runbook", "arguments": {"runbook": "brief", "window": "60s"}, "_meta": {"progressToken": "far"}});
    let number = client.send("tools/call", long.clone());
    let progress = client.next();
    assert_eq!(progress["method"], "notifications/progress", "{progress}");
    assert_eq!(progress["params"]["progressToken"], "far");
    let waits = client.send("tools/call", long);
    let began = Instant::now();
    for request in [waits, number] {
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request, "reason": "enough"}}));
    }
    let next = client.send("tools/call", json!({"name": "list_cases", "arguments": {}}));
    client.answer_of(next);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    // Neither is answered afterwards.
    match client.from.recv_timeout(Duration::from_millis(300)) {
        Err(RecvTimeoutError::Timeout) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_end_of_its_input_ends_it_in_the_middle_of_a_run_and_nothing_stays() {
    let desk = desk();
    let mut client = Client::begun(&desk, "");
    let run = json!({"name": "run_runbook", "arguments": {"runbook": "brief", "window": "60s"}, "_meta": {"progressToken": 1}});
    client.send("tools/call", run);
    client.next();
    let (took, status) = client.close();
    assert!(took < Duration::from_secs(10) && status == Some(0), "{took:?} {status:?}");
    assert_eq!((desk.names(), desk.kept_names()), (vec!["runbooks".to_owned()], vec![]));
}

#[test]
fn it_ends_with_its_client_also_where_nobody_takes_what_it_says() {
    let desk = desk();
    let ping = format!("{}\n", json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).repeat(100);
    for input_goes_first in [true, false] {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
        let mut command = desk.command(["serve", "--stdio"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::from(write)).stderr(Stdio::null()).spawn().unwrap();
        drop(command);
        let mut to = child.stdin.take().unwrap();
        fcntl(to.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        // Until both pipes are full: then it waits for somebody to read.
        let mut full = 0;
        while full < 20 {
            match to.write(ping.as_bytes()) {
                Ok(written) if written > 0 => full = 0,
                _ => {
                    full += 1;
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
        if input_goes_first {
            drop(to);
            assert_eq!(wait(&mut child), Some(0));
            drop(read);
        } else {
            drop(read);
            assert_eq!(wait(&mut child), Some(0));
        }
    }
}

#[test]
fn an_answer_keeps_to_its_bytes_and_says_what_is_not_in_it_and_what_a_terminal_obeys_is_spelled_out() {
    let desk = desk();
    std::fs::create_dir(desk.path("cases")).unwrap();
    desk.run("run runbooks/brief.yaml --window 1s -q --no-keep --save cases/a.json").reported();
    let mut case: Value = serde_json::from_str(&desk.text("cases/a.json")).unwrap();
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}";
    case["diagnosis"]["summary"] = json!(format!("all is well{evil}"));
    case["host"]["name"] = json!(evil);
    case["findings"][0]["sentence"] = json!(evil.repeat(2000));
    case["evidence"]["rates"]["output"]["interfaces"] =
        json!((0..5000).map(|number| json!({"name": format!("{evil}{number}"), evil: number})).collect::<Vec<_>>());
    desk.put("cases/a.json", case.to_string());
    let mut client = Client::begun(&desk, "--folder cases");
    for (section, most) in
        [("summary", 1000), ("summary", 4000), ("steps", 2000), ("evidence", 4000), ("report", 1500), ("causes", 1000)]
    {
        let arguments = json!({"case": "cases/a.json", "section": section, "step": "rates", "max_bytes": most});
        let result = client.call("read_case", arguments);
        assert_eq!(result["isError"], false, "{section}: {result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        let bytes = json!({"jsonrpc": "2.0", "id": 1000, "result": result}).to_string().len() + 1;
        assert!(bytes <= most, "{section}: {bytes} of {most}: {result}");
        let is_hazard = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
        let strings = result.to_string();
        assert!(
            !text.chars().any(is_hazard) && !strings.contains("\\u001b") && !strings.chars().any(is_hazard),
            "{section}"
        );
        if section == "evidence" {
            assert!(result["structuredContent"]["left_out"].to_string().contains(" of 5000"), "{result}");
        }
    }
    // A long name of its progress does not come back twice a second.
    let token = "x".repeat(100_000);
    let params = json!({"name": "run_runbook", "arguments": {"runbook": "brief", "window": "1s"}, "_meta": {"progressToken": token}});
    let number = client.send("tools/call", params);
    assert_eq!(client.next()["id"], number);
    // What was left out is had by its path, part by part.
    let (mut from, mut seen) = (0, 0);
    loop {
        let arguments = json!({"case": "cases/a.json", "section": "evidence", "step": "rates", "path": "interfaces", "from": from, "max_bytes": 200_000});
        let part = client.gives("read_case", arguments);
        seen += part["value"].as_array().unwrap().len();
        match part["next"].as_u64() {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(seen, 5000);
}

#[test]
fn pseudonyms_stand_in_every_answer() {
    let desk = desk();
    let mut client = Client::begun(&desk, "--redact addresses,hosts");
    let run = client.gives("run_runbook", json!({"runbook": "brief", "window": "1s"}));
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let mut all = run.to_string();
    all += &client
        .gives("read_case", json!({"case": "run-1", "section": "evidence", "step": "rates", "max_bytes": 200_000}))
        .to_string();
    all += &client.gives("list_cases", json!({})).to_string();
    let probe = json!({"probe": "interfaces", "params": {"window": "0.1s"}, "max_bytes": 200_000});
    all += &client.gives("run_probe", probe).to_string();
    assert_ne!(run["host"], json!(host));
    all += &client.refuses("read_tool_output", json!({"text": format!("host {host} is slow")}));
    assert!(!all.contains(&format!("host {host}")), "{all}");
    let own = nix::ifaddrs::getifaddrs().unwrap().filter_map(|interface| interface.address);
    let own = own.filter_map(|address| Some(std::net::IpAddr::from(address.as_sockaddr_in()?.ip())));
    for address in own.filter(|address| !address.is_loopback()) {
        assert!(!all.contains(&address.to_string()), "{address} in {all}");
    }
}

/// A case with so much of everything that none of it fits: what there is is told within the bytes, and the rest is had by going on.
#[test]
fn typed_answers_keep_to_their_bytes_and_next_leaves_nothing_out() {
    let desk = desk();
    std::fs::create_dir(desk.path("cases")).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/udp-flood-closed-port.json");
    let mut case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let long = "a sentence of many words, \"quoted\", ".repeat(8);
    let causes = case["diagnosis"]["causes"].as_array_mut().unwrap();
    let count = causes.len();
    for cause in causes.iter_mut() {
        cause["title"] = json!(long);
        let names: serde_json::Map<String, Value> = (0..8).map(|n| (format!("name_{n}"), json!(long))).collect();
        cause["subject"] = Value::Object(names);
    }
    let steps = case["findings"].as_array_mut().unwrap();
    let of_steps = steps.len();
    steps.iter_mut().for_each(|step| step["sentence"] = json!(long));
    case["diagnosis"]["summary"] = json!(long);
    case["host"]["name"] = json!("h".repeat(300));
    desk.put("cases/a.json", case.to_string());
    let mut client = Client::begun(&desk, "--folder cases");
    for most in [1000, 1600, 4000, 20_000] {
        for (tool, arguments) in [
            ("read_case", json!({"case": "cases/a.json", "max_bytes": most})),
            ("read_case", json!({"case": "cases/a.json", "section": "causes", "max_bytes": most})),
            ("read_case", json!({"case": "cases/a.json", "section": "steps", "max_bytes": most})),
            ("read_case", json!({"case": "cases/a.json", "section": "ledger", "max_bytes": most})),
            ("read_case", json!({"case": "cases/a.json", "section": "evidence", "max_bytes": most})),
            ("read_case", json!({"case": "cases/a.json", "section": "evidence", "step": "traffic", "max_bytes": most})),
            ("replay_case", json!({"case": "cases/a.json", "runbook": "high-inbound-traffic", "max_bytes": most})),
            ("merge_cases", json!({"cases": ["cases/a.json"], "max_bytes": most})),
            ("list_runbooks", json!({"max_bytes": most})),
            ("list_runbooks", json!({"name": "high-inbound-traffic", "max_bytes": most})),
            ("list_probes", json!({"name": "capture", "output_schema": true, "max_bytes": most})),
            ("list_cases", json!({"max_bytes": most})),
        ] {
            let result = client.call(tool, arguments.clone());
            assert_eq!(result["isError"], false, "{tool} {arguments}: {result}");
            let bytes = json!({"jsonrpc": "2.0", "id": 1000, "result": result}).to_string().len() + 1;
            assert!(bytes <= most, "{tool} {arguments}: {bytes} bytes: {result}");
        }
    }
    for (section, list, all) in [("causes", "causes", count), ("steps", "steps", of_steps)] {
        for most in [1000, 2000, 6000] {
            let (mut from, mut seen) = (0, Vec::new());
            loop {
                let arguments = json!({"case": "cases/a.json", "section": section, "from": from, "max_bytes": most});
                let part = client.gives("read_case", arguments);
                let key = if section == "causes" { "id" } else { "step" };
                seen.extend(part[list].as_array().unwrap().iter().map(|of| of[key].as_str().unwrap().to_owned()));
                match part["next"].as_u64() {
                    Some(next) => {
                        assert!(next > from, "{section} goes on");
                        from = next;
                    }
                    None => break,
                }
            }
            let told: std::collections::HashSet<&String> = seen.iter().collect();
            assert_eq!((seen.len(), told.len()), (all, all), "{section} by {most}");
        }
    }
    let (mut from, mut report) = (0, String::new());
    loop {
        let part = client
            .gives("read_case", json!({"case": "cases/a.json", "section": "report", "from": from, "max_bytes": 1000}));
        let text = part["report"].as_str().unwrap();
        match part["next"].as_u64() {
            Some(next) => {
                assert!(next > from);
                report.push_str(&text[..usize::try_from(next - from).unwrap()]);
                from = next;
            }
            None => {
                report.push_str(text);
                break;
            }
        }
    }
    let whole = client.gives("read_case", json!({"case": "cases/a.json", "section": "report", "max_bytes": 200_000}));
    assert_eq!(report, whole["report"].as_str().unwrap());
}

#[test]
fn what_the_operator_configured_is_hidden_where_addresses_are() {
    let desk = desk();
    desk.put(
        "runbooks/brief.yaml",
        GOOD.replace("params:\n", "params:\n  peer: {type: address, default: 192.0.2.1, help: Who.}\n"),
    );
    std::fs::create_dir_all(desk.path(".config/casebook")).unwrap();
    desk.put(".config/casebook/config.toml", "[params.brief]\npeer = \"203.0.113.77\"\nhigh = \"5Mbit/s\"\n");
    for (arguments, seen) in [("", true), ("--redact addresses", false)] {
        let mut client = Client::begun(&desk, arguments);
        let listed = client.gives("list_runbooks", json!({"name": "brief"})).to_string();
        assert_eq!(listed.contains("203.0.113.77"), seen, "{listed}");
        assert!(listed.contains("5Mbit/s"), "{listed}");
    }
}
