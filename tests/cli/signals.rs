//! Ctrl-C and SIGTERM in mid window.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use crate::command::{Desk, GOOD, finish};

/// Far longer than a test waits: only the signal ends it in time.
pub const LONG: &str = "1h";

/// A run of an hour that has begun to watch.
pub fn watching(desk: &Desk, line: &str) -> Child {
    let child = desk.command(line.split_whitespace()).spawn().unwrap();
    // The threads of the probes appear when the handlers are in place; before, a signal would end the program at once.
    let threads = format!("/proc/{}/task", child.id());
    let began = Instant::now();
    while !std::fs::read_dir(&threads)
        .unwrap()
        .flatten()
        .any(|thread| std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default().starts_with("probe "))
    {
        assert!(began.elapsed().as_secs() < 60, "it never began to watch");
        thread::sleep(Duration::from_millis(5));
    }
    child
}

pub fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

pub fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("long.yaml", GOOD.replace("max: 1m", "max: 1h"));
    desk
}

#[test]
fn the_first_signal_ends_the_watching_and_gives_a_partial_report() {
    for one in [Signal::SIGINT, Signal::SIGTERM] {
        let desk = desk();
        let child = watching(&desk, &format!("run long.yaml --window {LONG} -o report.json"));
        signal(&child, one);
        finish(child).ended(0).printed(&["PARTIAL"]);
        let case: serde_json::Value = serde_json::from_str(&desk.text("report.json")).unwrap();
        assert_eq!(case["partial"], true);
        let seconds = case["evidence"]["rates"]["output"]["seconds"].as_f64().unwrap();
        assert!(seconds < 120.0, "rates go by the time that was really watched: {seconds}");
        let window = case["window_seconds"].as_f64().unwrap();
        assert!(
            (window - seconds).abs() < 1.0,
            "the report gives the time that was really watched: {window}, {seconds}"
        );
    }
}

#[test]
fn the_shipped_runbook_ends_early_with_all_its_steps() {
    let desk = Desk::new();
    let child = watching(&desk, "run high-inbound-traffic --window 10m -v");
    signal(&child, Signal::SIGINT);
    finish(child).reported().printed(&["PARTIAL", "How much arrives", "What could not be seen"]);
}

#[test]
fn a_probe_by_hand_gives_what_it_has_seen() {
    let desk = Desk::new();
    let child = watching(&desk, "probe interfaces interface=lo window=1h --format json");
    signal(&child, Signal::SIGINT);
    let answer = finish(child);
    let evidence: serde_json::Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    assert_eq!(evidence["output"]["watched"]["name"], "lo");
}

#[test]
fn the_second_signal_ends_the_program() {
    let desk = desk();
    nix::unistd::mkfifo(&desk.path("unread"), Mode::S_IRWXU).unwrap();
    // A pipe that is full and not read holds up the saving of the case, so that there is time for a second signal.
    let options = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).to_owned();
    let mut full = options.open(desk.path("unread")).unwrap();
    while full.write(&[0; 4096]).is_ok() {}
    let mut child = watching(&desk, &format!("run long.yaml --window {LONG} --save unread"));
    let began = Instant::now();
    // Two signals in quick succession can become one, so more are sent.
    let status = loop {
        signal(&child, Signal::SIGINT);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it hangs");
        thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(130));
}
