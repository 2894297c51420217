//! `casebook diagnose`: which runbooks a complaint is for, and what is said of the others.

use casebook::runbook::{self, Kind};
use casebook::sys::trust::Trust;

use crate::command::Desk;

/// Complaints as people write them, with runbooks that must be picked, and some that must not.
const COMPLAINTS: &[(&str, &[&str], &[&str])] = &[
    (
        "My server is crawling: the router's graph shows a huge spike of inbound traffic, SSH takes over 10 s, typing lags, web sites and NRPE checks time out",
        &["high-inbound-traffic", "slow-ssh-login", "host-under-pressure"],
        &["disk-full"],
    ),
    (
        "ssh is slow and nagios complains",
        &["slow-ssh-login", "high-inbound-traffic", "host-under-pressure"],
        &["disk-full"],
    ),
    ("scp stalls", &["slow-ssh-login", "host-under-pressure"], &["disk-full", "high-outbound-traffic"]),
    ("nobody can log in", &["slow-ssh-login"], &["disk-full", "high-inbound-traffic"]),
    ("write error: No space left on device", &["disk-full"], &["slow-ssh-login", "high-inbound-traffic"]),
    ("the DISKS are full", &["disk-full"], &["slow-ssh-login", "high-outbound-traffic"]),
    ("out of inodes", &["disk-full"], &["host-under-pressure"]),
    ("the OOM killer killed mysqld", &["host-under-pressure"], &["slow-ssh-login", "high-outbound-traffic"]),
    ("load average of 80, everything hangs", &["host-under-pressure"], &["disk-full"]),
    ("the provider wrote that we send spam", &["high-outbound-traffic"], &["disk-full", "slow-ssh-login"]),
    ("we are being DDoSed", &[], &["disk-full", "slow-ssh-login"]),
    ("a DDoS attack", &["high-inbound-traffic"], &["disk-full", "slow-ssh-login"]),
    ("the website is slow", &["high-inbound-traffic"], &["disk-full", "slow-ssh-login"]),
];

#[test]
fn a_complaint_picks_the_runbooks_that_it_is_for() {
    let found = runbook::embedded(Kind::Runbook);
    let heads = found.iter().map(|found| runbook::load_head(found, Trust::Required).expect("what ships is right"));
    let heads: Vec<_> = heads.collect();
    for head in &heads {
        assert!(!head.complaints.is_empty() && !head.suspect.is_empty(), "{} cannot be picked", head.name);
    }
    for (complaint, picked, left) in COMPLAINTS {
        let knows = |name: &str| {
            let head = heads.iter().find(|head| head.name == name).expect("it ships");
            runbook::matching(complaint, &head.complaints)
        };
        for name in *picked {
            assert!(!knows(name).is_empty(), "{complaint}: {name} knows no word of it");
        }
        for name in *left {
            assert!(knows(name).is_empty(), "{complaint}: {name} knows {:?}", knows(name));
        }
    }
}

#[test]
fn a_plan_says_what_is_picked_and_what_is_not() {
    let desk = Desk::new();
    let answer = desk.run("diagnose no space left --plan");
    assert_eq!(answer.status, Some(0), "{answer:#?}");
    assert!(answer.out.starts_with("looks at disk-full\nnot at "), "{}", answer.out);
    assert!(answer.out.contains("probe space") && !answer.out.contains("probe capture"), "{}", answer.out);
    let answer = desk.run("diagnose qwertz --plan");
    assert!(
        answer.out.starts_with("no runbook knows a word of the complaint: everything is looked at\n"),
        "{}",
        answer.out
    );
}

#[test]
fn a_parameter_that_no_runbook_has_is_refused() {
    let desk = Desk::new();
    for set in ["hihg=1", "disk-full.hihg=1", "nobody.high=1"] {
        let answer = desk.run(&format!("diagnose --set {set}"));
        assert_eq!(answer.status, Some(64), "{set}: {answer:#?}");
        assert!(answer.err.contains("no runbook has a parameter"), "{}", answer.err);
    }
    let answer = desk.run("diagnose --set disk-full.full=lots");
    assert_eq!(answer.status, Some(64), "{answer:#?}");
    assert!(answer.err.contains("disk-full"), "{}", answer.err);
}

#[test]
fn a_window_is_that_of_all_and_a_name_that_means_nothing_is_refused() {
    let desk = Desk::new();
    desk.run("diagnose --plan --set timeouts.window=3s").refused(&["cannot be set for one of them", "--set window"]);
    desk.run("diagnose --plan --set slow-ssh-login_port=22").refused(&["no runbook has a parameter"]);
    // Both declare it in one file, and the first gives it its name.
    desk.run("diagnose --plan --set high_outbound_traffic_high=1Gbit/s").refused(&["set `high-outbound-traffic.high`"]);
    desk.run("diagnose --plan --set slow_ssh_login_port=2222").ended(0);
    desk.run("diagnose --plan --window 3s").ended(0);
}

#[test]
fn a_runbook_that_does_not_fit_is_left_out_and_the_others_go_on() {
    let desk = Desk::new();
    let large = |name: &str| {
        let said = format!("{name} ").repeat(150_000);
        format!(
            "name: {name}\ntitle: T\ncomplaints: [zebra]\nsteps:\n  - id: {name}\n    title: T\n    probe: file\n    with: {{paths: [/etc/hosts]}}\n    outcomes:\n      - ok: \"{said}\"\n"
        )
    };
    std::fs::create_dir_all(desk.path("runbooks")).unwrap();
    desk.put("runbooks/one.yaml", large("one")).put("runbooks/two.yaml", large("two"));
    let answer = desk.run("diagnose zebra --plan");
    answer.ended(0).printed(&[
        "looks at one not at",
        "two is left out: it cannot be part of the whole: ",
        "more than a case keeps",
    ]);
}

/// A runbook of the operator's own that went wrong.
#[test]
fn lines_that_cannot_be_looked_for_keep_no_other_runbook_from_what_was_pasted() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("runbooks")).unwrap();
    desk.put(
        "runbooks/mail-slow.yaml",
        "name: mail-slow\ntitle: Mail\ncomplaints: [mail]\nsuspect: [{say: mail is on time}]\nlines: {torn: '(unclosed'}\nsteps:\n  - id: host\n    \
         title: Host\n    probe: host\n    outcomes:\n      - ok: fine\n",
    );
    desk.put(
        "kern.log",
        "[ 8812.120044] ata3.00: failed command: READ DMA EXT\n\
         [ 8812.140012] blk_update_request: I/O error, dev sdb, sector 123456 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0\n\
         [ 8812.150012] blk_update_request: I/O error, dev sdb, sector 123464 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0\n\
         [ 8812.160012] Buffer I/O error on dev sdb1, logical block 15432, async page read\n",
    );
    let answer = desk.run("read kern.log");
    assert!(answer.err.contains("judged by disk-full"), "{}", answer.err);
    assert!(answer.out.contains("mail-slow (it is broken"), "{}", answer.out);
}

/// It is said before there is a case.
#[test]
fn why_a_runbook_is_picked_holds_no_secret() {
    let desk = Desk::new();
    desk.put(
        "error.log",
        "2026/03/04 10:00:12 [error] 71#71: *9 upstream timed out (110: Connection timed out) while connecting to upstream, client: 192.0.2.7, server: a, \
         request: \"GET / HTTP/1.1\", upstream: \"http://app:hunter2@10.0.0.5:8080/\", host: \"a\"\n",
    );
    let answer = desk.run("read error.log");
    assert!(answer.err.contains("judged by") && !answer.err.contains("hunter2"), "{}", answer.err);
}
