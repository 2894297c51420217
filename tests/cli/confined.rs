//! What a command has given up when it works on its input: read from `/proc` while it is about to print.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::command::{Desk, GOOD, finish};
use crate::support::need::{require, root};

/// Every command, so that it prints something on standard output.
const COMMANDS: &[&str] = &[
    "run brief.yaml --window 1s -q --no-keep",
    "run high-inbound-traffic --pcap one.pcap -q --no-keep",
    "list",
    "show brief.yaml",
    "plan brief.yaml",
    "new check begun",
    "lint brief.yaml",
    "check open_resolver window=1s -q --no-keep",
    "test --shipped --filter open_resolver",
    "lua -e 1",
    "probe interfaces window=100ms",
    "replay a.json",
    "read outputs.txt",
    "report a.json",
    "diff a.json a.json",
    "merge a.json",
    "retest a.json -q --no-keep",
    "cases list --format json",
    "attach a.json --to https://hooks.example.org/casebook --dry-run",
    "unredact report.md --map hosts.map",
    "diagnose the disk is full --window 1s -q --no-keep",
    "serve --stdio",
    "doctor",
    "config",
    "schema",
    "generate generated",
    "completions bash",
    "man",
];
/// Longer than any command takes until it prints.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pipe that is full, and the end that keeps it open.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    fcntl(write.as_fd(), FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    fcntl(write.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut file = File::from(write);
    while file.write(&[b'.'; 4096]).is_ok() {}
    while file.write(b".").is_ok() {}
    fcntl(file.as_fd(), FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (read, OwnedFd::from(file))
}

/// Waits until the first thread of a child writes to its standard output and cannot.
fn is_about_to_print(child: &mut Child, line: &str) {
    let began = Instant::now();
    let calls = [libc::SYS_write, libc::SYS_writev].map(|call| format!("{call} 0x1 "));
    loop {
        let syscall = std::fs::read_to_string(format!("/proc/{}/syscall", child.id())).unwrap_or_default();
        if calls.iter().any(|call| syscall.starts_with(call)) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none(), "`{line}` ended and printed nothing");
        assert!(began.elapsed() < PATIENCE, "`{line}` prints nothing: {syscall}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("brief.yaml", GOOD).put("one.pcap", crate::captures::pcap());
    std::fs::create_dir(desk.path("generated")).unwrap();
    desk.put("outputs.txt", " 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n");
    let begins = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},
        "clientInfo":{"name":"test","version":"1"}}}"#;
    desk.put("asked", format!("{}\n", begins.replace('\n', "")));
    desk.run("run brief.yaml --window 1s -q --no-keep --save a.json").reported();
    desk.run("report a.json --redact hosts --redact-map hosts.map -o report.md").reported();
    desk
}

#[test]
fn every_command_works_without_rights_new_privileges_programs_and_sockets() {
    let desk = desk();
    let named: Vec<&str> = COMMANDS.iter().filter_map(|line| line.split(' ').next()).collect();
    for command in casebook::cli::command().get_subcommands() {
        assert!(named.contains(&command.get_name()), "nothing is known of `{}`", command.get_name());
    }
    let is_root = nix::unistd::geteuid().is_root();
    // A container may have filters of its own, which every process in it inherits.
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    let filters =
        |status: &str| status.lines().find_map(|line| line.strip_prefix("Seccomp_filters:")?.trim().parse().ok());
    let inherited: Option<u32> = filters(&own);
    for line in COMMANDS {
        let (read, write) = full_pipe();
        let mut command = desk.command(line.split_whitespace());
        command.stdout(Stdio::from(write)).stderr(Stdio::null());
        if *line == "serve --stdio" {
            command.stdin(File::open(desk.path("asked")).unwrap());
        }
        let mut child = command.spawn().unwrap();
        drop(command);
        is_about_to_print(&mut child, line);
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let field = |name: &str| status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        let none = Some("0000000000000000".to_owned());
        assert_eq!(field("NoNewPrivs:").as_deref(), Some("1"), "{line}");
        assert_eq!(field("Seccomp:").as_deref(), Some("2"), "{line}");
        // One forbids programs to all threads, the other allows this one little.
        assert_eq!(filters(&status), inherited.map(|count| count + 2), "{line}");
        assert_eq!(field("CapEff:"), none, "{line}");
        assert_eq!(field("CapPrm:"), none, "{line}");
        assert!(!is_root || field("CapBnd:") == none, "{line}");
        // Nobody reads on: it ends.
        drop(read);
        crate::command::wait(&mut child);
    }
}

#[test]
fn probes_keep_the_rights_that_judging_gives_up() {
    require!(root());
    let desk = Desk::new();
    let answer = desk.run("run high-inbound-traffic --window 1s -q --no-keep --format json");
    let case: serde_json::Value = serde_json::from_str(&answer.reported().out).unwrap();
    for (step, evidence) in case["evidence"].as_object().unwrap() {
        assert_ne!(evidence["gap"]["reason"], "denied", "{step}: {}", evidence["gap"]);
    }
    assert!(case["evidence"].as_object().unwrap().values().any(|of| of["probe"] == "capture" && of["gap"].is_null()));
    // What a check asks is asked with rights, too, though its script has none.
    let answer = desk.run("check open_resolver window=1s -q --no-keep --format json");
    let case: serde_json::Value = serde_json::from_str(&answer.reported().out).unwrap();
    for (step, evidence) in case["evidence"].as_object().unwrap() {
        assert_ne!(evidence["gap"]["reason"], "denied", "{step}: {}", evidence["gap"]);
    }
}

#[test]
fn a_case_that_names_a_file_of_the_host_does_not_bring_it_along() {
    let desk = desk();
    desk.put("elsewhere", "not yours");
    let mut case: serde_json::Value = serde_json::from_str(&desk.text("a.json")).unwrap();
    let evidence = case["evidence"]["rates"].clone();
    let other = tempfile::tempdir().unwrap();
    let secret = other.path().join("secret");
    std::fs::write(&secret, "not yours").unwrap();
    case["evidence"]["burst"] = evidence;
    case["evidence"]["burst"]["probe"] = "capture".into();
    case["evidence"]["burst"]["params"] = serde_json::json!({ "write": secret });
    case["evidence"]["burst"]["output"] = serde_json::json!({"source": {"written": {"bytes": 9}}});
    desk.put("forged.json", case.to_string());
    desk.run("replay forged.json --save again.case");
    if desk.path("again.case").exists() {
        let answer = desk.run("cases show ./again.case --attached capture.pcapng");
        assert!(!answer.out.contains("not yours"), "{answer:?}");
    }
}

#[test]
fn root_reads_and_writes_in_the_closed_home_of_somebody_else_that_it_names() {
    use std::os::unix::fs::PermissionsExt;
    require!(root());
    let desk = desk();
    let home = desk.path("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::copy(desk.path("a.json"), home.join("a.json")).unwrap();
    for (path, mode) in [(home.join("a.json"), 0o600), (home, 0o700)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        nix::unistd::chown(&path, Some(nix::unistd::Uid::from_raw(65534)), None).unwrap();
    }
    finish(desk.command(["report", "home/a.json", "-o", "home/report.html"]).spawn().unwrap()).reported();
    assert!(desk.text("home/report.html").contains("<html"));
}
