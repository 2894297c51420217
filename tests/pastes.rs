//! What people pasted, and what is said of it: the first cause or none, and the sentences that a good answer has.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn pastes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pastes")
}

fn casebook(arguments: &[&str], input: Option<&[u8]>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
    // In a folder without runbooks of its own.
    command.args(arguments).current_dir(std::env::temp_dir()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().unwrap();
    if let Some(input) = input {
        child.stdin.take().unwrap().write_all(input).unwrap();
    }
    child.wait_with_output().unwrap()
}

fn judged(arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["read", "--format", "json"].iter().chain(arguments).copied().collect();
    let output = casebook(&all, None);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The first cause that is likely, if one is.
fn first_cause(case: &Value) -> Option<&str> {
    let causes = case["diagnosis"]["causes"].as_array().unwrap();
    let likely = causes.iter().find(|cause| matches!(cause["likelihood"].as_str(), Some("likely" | "certain")));
    likely.and_then(|cause| cause["id"].as_str())
}

/// All sentences that a reader sees first.
fn sentences(case: &Value) -> String {
    let mut all = vec![
        case["diagnosis"]["summary"].as_str().unwrap_or_default().to_owned(),
        case["reading"]["moment"].as_str().unwrap_or_default().to_owned(),
    ];
    for list in ["stands_out", "next", "unrecognised"] {
        all.extend(
            case["reading"][list].as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)),
        );
    }
    all.extend(
        case["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|finding| finding["sentence"].as_str().map(str::to_owned)),
    );
    all.join("\n")
}

/// A paste: its folder, the first cause, what is said.
type Expected = (&'static str, Option<&'static str>, &'static [&'static str]);

const EXPECTED: &[Expected] = &[
    (
        "01-forum-lockout-synflood-4671",
        None,
        &[
            "Suspected, not proven: SYN flood; somebody guesses SSH passwords",
            "kernel: 11 warnings of SYN flooding on TCP port 4671 from 2026-02-25 21:35:48",
            "they do not say how much came",
            "sshd: 14 failed passwords from",
            "the policy of INPUT, FORWARD, OUTPUT is drop",
            "printed without counters",
            "iptables-save -c",
            "ss -tunap",
        ],
    ),
    (
        "02-forum-chargen-bad-checksum",
        Some("reflection-chargen"),
        &["kernel: 35 UDP datagrams with a bad checksum from 13 addresses", "with source port 19 to port 21143, 23489"],
    ),
    (
        "04-forum-open-forward-proxy",
        Some("open-proxy"),
        &["web server: 7 requests for whole URLs, as a forward proxy is asked, from"],
    ),
    (
        "07-netdata-udp-1900-german-netstat",
        Some("udp-flood-open-port"),
        &[
            "perl (pid 17804) does not read UDP port 1900: 8.39 MB wait in its queue, as much as it may hold (net.core.rmem_default 8388608)",
            "a larger buffer only fills later",
        ],
    ),
    (
        "08-netdata-rx-dropped-ifconfig-ethtool",
        None,
        &[
            "eth0: 3.49 TB in",
            "7,183 dropped (0.0002 %): not a problem",
            "4,954 packets lost in the card, whose memory was full",
            "sar -n DEV 1 10",
        ],
    ),
    (
        "10-coreos-softnet-one-cpu",
        Some("one-cpu-receives"),
        &[
            "1,285,027,905 packets on CPU 0, 3,735,595 to 15,116,252 on each other",
            "12,580 squeezes",
            "one CPU receives for all",
            "/proc/interrupts: 271,490,338 of 271,490,338 of ens192-rxtx-0 came to CPU 0",
        ],
    ),
    (
        "12-sysstat-k8s-counter-jump",
        None,
        &["eth0 5.54 Mbit/s in (4,162 packets/s)", "2.14 Tbit/s", "the counter jumped; left out of mean and peak"],
    ),
    (
        "14-notes-chinese-sar-syn-flood",
        Some("syn-flood"),
        &["enp0s3 37.4 Mbit/s in", "25.4 Mbit/s out", "SYN packets to 192.168.50.118 port 80 from 192.168.50.231"],
    ),
    (
        "15-ntp-pool-monlist-tcpdump-text",
        Some("reflector-abuse"),
        &[
            "3 NTP mode 7 (Reserved: monlist) packets from port 123 to 198.51.100.80, 488 bytes",
            "1 NTP mode 7 (Reserved: monlist) packet to server1.example.net port 123",
            "tcpdump -ni any -c 5000 -w",
        ],
    ),
    (
        "16-snapcast-conntrack-dmesg-cpu",
        Some("conntrack-exhaustion"),
        &[
            "kernel: 13 warnings that the table of connections is full and drops packets in 10 s",
            "conntrack -C; sysctl net.netfilter.nf_conntrack_max",
            "unknown: the text shows no day",
        ],
    ),
    (
        "19-porter-netstat-s-conntrack",
        None,
        &[
            "27,360 connections did not find room",
            "128,105 connections were reset for unexpected data",
            "They say nothing of now",
            "nstat -az; sleep 10",
        ],
    ),
    ("21-forum-spanish-ifconfig", None, &["eth0: 159 MB in with 132,937 packets received since boot"]),
    (
        "F01-logs-alone-1970",
        Some("conntrack-exhaustion"),
        &["kernel: 3 warnings that the table of connections is full and drops packets at 20", "names no year"],
    ),
    (
        "F02-logs-before-the-window",
        Some("conntrack-exhaustion"),
        &["full and drops packets from 2018-11-20 22:30:22 to 22:30:27"],
    ),
    ("F03-two-sar-files", None, &["eth0 805 Mbit/s in", "eth0 until 10:00:03: 8.19 kbit/s", "18:30:03"]),
    (
        "F04-sar-of-a-day",
        None,
        &[
            "eth0 93.4 Mbit/s in",
            "eth0 from 17:30:01 to 17:50:01: 93.4 Mbit/s, 9,100 packets/s in",
            "--at HH:MM picks another time",
        ],
    ),
    ("F05-sar-counter-jump", None, &["eth0 5.54 Mbit/s in", "the counter jumped"]),
    ("F06-sar-alone", None, &["eth0 26.1 kbit/s in (10.3 packets/s)", "2011-11-10 23:56:43"]),
    ("F08-german-lo-is-watched", None, &["eth0: 73.1 kB in with 150 packets", "9 with errors (6.0 %): worth a look"]),
    ("F09-netstat-with-names", None, &["4 sockets that wait for others"]),
    (
        "F11-ip-s-s-link",
        None,
        &["17 with errors", "17 of the errors are checksums of frames (crc)", "16.9 times as much as it received"],
    ),
    (
        "F13-ignored-in-silence",
        Some("conntrack-exhaustion"),
        &[
            "kernel: 20 packets with an impossible sender (martian source) from",
            "connection tracking since boot: drop 11, insert_failed 11",
            "4,954 packets lost in the card, whose memory was full",
            "inet filter input: udp dport 27015",
            "dropped 123,456 packets, 78.9 MB",
            "1,481 dropped",
            "ksoftirqd/0 takes 93.2 %",
            "has sent 1,160 TB and received 22.3 TB",
            "6 UDP packets to 192.0.2.178 port 27016 from 6 addresses",
            "TCPTimeWaitOverflow",
            "web server: 2 requests from",
        ],
    ),
    (
        // One queue at one moment proves nothing.
        "F15-udp-only-says-no-tcp-listens",
        None,
        &["Suspected, not proven: more UDP than its owner reads", "perl (pid 17804) does not read UDP port 1900"],
    ),
    (
        "F16-packets-without-bytes",
        None,
        &["bond0: 14,214 packets/s without bytes cannot be: its bytes are unknown", "bond0 receives 14,214 packets/s"],
    ),
    (
        "G01-df-and-a-deleted-log",
        Some("deleted-files-open"),
        &["java (pid 2210) holds 29.8 GB of deleted files open on /", "/ is 100 % full: 0 B of 42.1 GB are left"],
    ),
    ("G02-df-with-room", None, &["/ is 41.2 % full: 29.4 GB of 52.7 GB are left, as printed"]),
    ("G03-dmesg-oom", Some("killed-for-memory"), &["mysqld was the one 2 times", "df; df -i; iostat -x 1 5"]),
    (
        "G04-top-out-of-memory",
        Some("memory-short"),
        &["memory is short: 59.0 MB are available; java (pid 2931) holds 6.55 GB"],
    ),
    ("G05-top-steal", Some("cpu-stolen"), &["the hypervisor takes 58.4 % of the CPU time for others"]),
    ("G06-iostat-slow-disk", Some("disk-slow"), &["sda is 99.8 % busy, and a request takes 240 ms"]),
    ("G07-sshd-directory", Some("directory-slow"), &["the logs tell 3 times that a directory did not answer"]),
    (
        "G08-nginx-upstream",
        Some("workers-used-up"),
        &["its queue is full: nginx says it 1 time", "2 failures to reach servers behind it"],
    ),
    (
        "G09-nginx-connections",
        Some("workers-used-up"),
        &["a server of the site says 2 times that all its workers or connections are in use"],
    ),
    (
        "G10-disk-errors",
        Some("file-system-read-only"),
        &["the kernel made the file system on sdb1 read-only after errors", "sdb fails"],
    ),
    ("G11-nfs-silent", Some("file-system-stalls"), &["the NFS server filer1 does not answer"]),
    ("G12-crash-loop", Some("service-flaps"), &["systemd says that it gave up worker.service"]),
    ("G13-vmstat-swap", Some("swap-thrash"), &["the host moves memory to swap and back: 3,325 pages/s"]),
    ("G14-load-without-cause", None, &["the load is 31.2 on 4 CPUs"]),
    (
        "G15-ssh-stands-still",
        None,
        &[
            "ssh: the transcript ends where the client waits for the session: the login was accepted",
            "journalctl -u ssh",
        ],
    ),
    (
        "G16-kubectl-describe",
        Some("killed-for-memory"),
        &["orders was the one", "kubectl: orders ended: OOMKilled, exit code 137 (SIGKILL)"],
    ),
    ("G17-compose-logs", Some("workers-used-up"), &["1 failure to reach a server behind it at 2026-03-03 09:17:05"]),
    ("G18-too-many-open-files", Some("workers-used-up"), &["it may open no more files and connections"]),
    (
        "G19-php-queue-full",
        Some("workers-used-up"),
        &["the server behind the site has no worker free, and its queue is full: nginx says it 3 times"],
    ),
    ("G20-iostat-of-old", Some("disk-slow"), &["sdc is 100 % busy, and a request takes 89 ms"]),
    (
        "G21-top-of-a-router",
        None,
        &["Suspected, not proven: one CPU is used up by packets", "83 % of the CPU time goes to receiving packets"],
    ),
    ("G22-pressure", Some("memory-short"), &["some program waited for memory 64.1 % of the time, all 48.7 %"]),
    ("G23-disk-at-its-port", Some("disk-fails"), &["the disk at ata3 fails"]),
    (
        "G24-systemctl-status",
        Some("killed-for-memory"),
        &["importer.service was the one", "has failed, oom-kill since"],
    ),
    ("G25-resolved-degraded", Some("resolver-deaf"), &["systemd-resolved says 5 times that 192.0.2.53"]),
    ("G26-sends-much", None, &["eth0 1.40 Mbit/s in (2,011 packets/s), 688 Mbit/s out"]),
    (
        "G27-disk-pressure",
        Some("node-evicts"),
        &["kubelet says 15 times that the node is short of room", "Attempting to reclaim ephemeral-storage"],
    ),
    ("G28-df-beside-words", None, &["the text shows no day"]),
    (
        "G30-smartctl",
        Some("disk-fails"),
        &["sdb fails: it says so itself (SMART)", "31 sectors were replaced, 64 sectors cannot be read"],
    ),
    ("G31-haproxy-alone", Some("upstream-refused"), &["5 failures to reach servers behind it at app/app1"]),
    ("G32-redis-cannot-fork", Some("memory-refused"), &["3 times, so that Redis could not save its data"]),
    (
        "G33-top-of-a-small-board",
        Some("memory-short"),
        &["memory is short: 55.3 MB are available; browser (pid 902) holds 412 MB"],
    ),
    ("G34-session-timed-out", Some("session-manager-slow"), &["session_manager: 1 line at"]),
    ("G35-no-server-left", Some("upstream-refused"), &["3 failures to reach servers behind it at shop"]),
    (
        "G29-curl-and-dig",
        None,
        &["nothing follows the client's hello (curl: 28 SSL connection timeout)", "192.0.2.53 took 4 s to answer"],
    ),
];

#[test]
fn each_paste_gets_the_right_answer() {
    let mut wrong = Vec::new();
    for (name, cause, said) in EXPECTED {
        let path = pastes().join(name);
        let case = judged(&[path.to_str().unwrap()]);
        let first = first_cause(&case);
        let all = sentences(&case);
        if first != *cause {
            wrong.push(format!("{name}: first cause {first:?} instead of {cause:?}: {}", case["diagnosis"]["summary"]));
        }
        for sentence in said.iter().filter(|sentence| !all.contains(**sentence)) {
            wrong.push(format!("{name}: nowhere is said `{sentence}`:\n{all}"));
        }
        let started = case["started"].as_str().unwrap();
        if started < "2000" {
            wrong.push(format!("{name}: begun {started}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn no_paste_is_left_out_of_the_table() {
    for entry in fs::read_dir(pastes()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let known = ["tools", "founding", "README.md"].contains(&entry.as_str())
            || EXPECTED.iter().any(|(name, ..)| *name == entry);
        assert!(known, "{entry} has no expected answer");
    }
}

#[test]
fn all_files_of_a_paste_in_one_text_give_the_same_cause() {
    for (name, cause, _) in EXPECTED.iter().filter(|(name, ..)| !name.starts_with('F')) {
        let mut text = String::from("Hello,\n\nwhat is wrong here? I ran this:\n\n");
        let mut files: Vec<PathBuf> =
            fs::read_dir(pastes().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let content = fs::read_to_string(&file).unwrap();
            text.push_str("Here is some more of it:\n\n");
            text.extend(content.lines().map(|line| format!("> {line}\n")));
            text.push('\n');
        }
        text.push_str("Thanks a lot.\n");
        let output = casebook(&["read", "-", "--format", "json"], Some(text.as_bytes()));
        let case: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(first_cause(&case), *cause, "{name}: {}", case["diagnosis"]["summary"]);
    }
}

#[test]
fn the_founding_case_is_read_from_one_text_like_the_one_it_came_in() {
    let path = pastes().join("founding/post.txt");
    let case = judged(&[path.to_str().unwrap(), "--set", "reported_rate=100Mbit/s"]);
    assert_eq!(first_cause(&case), Some("not-reaching-host"), "{}", case["diagnosis"]["summary"]);
    let all = sentences(&case);
    for said in [
        "16.9 times what it received",
        "30 look-ups that went without EDNS from 2011-11-10 23:11:08 to 23:50:05",
        "memory 26.4 % used",
        "load 0.03 on 2 CPUs",
    ] {
        let signs = case["diagnosis"]["causes"].to_string();
        assert!(all.contains(said) || signs.contains(said), "{said}: {all}");
    }
    let causes = case["diagnosis"]["causes"].as_array().unwrap();
    let resolver = causes.iter().find(|cause| cause["id"] == "open-resolver-abuse").unwrap();
    assert_eq!(resolver["likelihood"], "possible", "only a look at port 53 settles it");
}

#[test]
fn a_report_of_outputs_says_nothing_of_a_run() {
    let path = pastes().join("F06-sar-alone");
    let output = casebook(&["read", path.to_str().unwrap(), "--format", "text"], None);
    let report = String::from_utf8_lossy(&output.stdout);
    for said in ["without root", "Again", "Nothing unusual", "window="] {
        assert!(!report.contains(said), "{said}: {report}");
    }
    assert!(report.contains("read from outputs") || report.contains("as its outputs show it"), "{report}");
    assert!(report.contains("Live    casebook run high-inbound-traffic"), "{report}");
    let markdown = casebook(&["read", path.to_str().unwrap(), "--format", "markdown"], None);
    let markdown = String::from_utf8_lossy(&markdown.stdout);
    assert!(markdown.contains("To look at the host itself:") && !markdown.contains("To run it again"), "{markdown}");
}

#[test]
fn a_day_of_sar_is_judged_at_the_time_that_is_asked_for() {
    let path = pastes().join("F04-sar-of-a-day");
    let case = judged(&[path.to_str().unwrap(), "--at", "12:05"]);
    assert!(sentences(&case).contains("eth0 98.3 kbit/s in (20 packets/s)"), "{}", sentences(&case));
    assert_eq!(case["started"], "2026-11-20T12:10:01Z");
}

#[test]
fn what_was_recognised_is_said_and_a_text_in_which_nothing_is_known_is_refused() {
    let output = casebook(
        &["read", "-"],
        Some(b"$ uptime\n 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\nfoo=1  bar=2\n"),
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("read: uptime, w, top (standard input line 2): load, time since boot"), "{said}");
    assert!(said.contains("not recognised: standard input line 3: foo=1"), "{said}");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(report.contains("What to run next") && report.contains("top -b -n 1"), "{report}");
    let output = casebook(&["read"], Some(b"Lorem ipsum dolor sit amet.\n"));
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Lorem ipsum") && said.contains("ifconfig"), "{said}");
}

/// What the report of some outputs says on a terminal, in one line.
fn reported(name: &str) -> String {
    let path = pastes().join(name);
    let output = casebook(&["read", path.to_str().unwrap(), "--format", "terminal"], None);
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_cause_whose_figures_were_not_seen_is_named_with_what_speaks_for_it_and_what_to_do() {
    let reflection = reported("02-forum-chargen-bad-checksum");
    for said in [
        "Very likely: chargen reflection: 35 of 35 UDP datagrams with a bad checksum came from port 19",
        "Send this to your provider: chargen reflection;",
        "Please filter UDP from source port 19 to this host.",
    ] {
        assert!(reflection.contains(said), "{said}: {reflection}");
    }
    let flood = reported("14-notes-chinese-sar-syn-flood");
    for said in [
        "Very likely: SYN flood: of 3 TCP packets that were printed 2 are SYNs to 192.168.50.118:80; enp0s3 receives 77,950 packets/s of 60.0 B",
        "What to do That depends on what could not be seen.",
    ] {
        assert!(flood.contains(said), "{said}: {flood}");
    }
}

#[test]
fn what_is_suspected_is_neither_hidden_by_requests_nor_called_nothing() {
    let text = "Nov 28 14:05:11 web1 haproxy[811]: 198.51.100.7:40176 [28/Nov/2026:14:05:11.101] fe~ be/s1 0/0/1/2/3 200 1531 - - ---- \
                1/1/0/0/0 0/0 \"GET /login HTTP/1.1\"\n\
                Nov 28 14:05:13 web1 kernel: possible SYN flooding on port 443. Sending cookies.\n";
    let output = casebook(&["read", "-", "--format", "terminal"], Some(text.as_bytes()));
    let report = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        report.contains("Suspected, not proven: SYN flood. kernel: 1 warning of SYN flooding on TCP port 443 at"),
        "{report}"
    );
    assert!(report.contains("web server: 1 request from 198.51.100.7 at"), "{report}");
    assert!(
        report.contains("What to do No cause is likely enough to advise on; look at: What the logs say."),
        "{report}"
    );
}

#[test]
fn one_line_of_what_is_grave_is_one_too_many_and_names_the_service() {
    let text = "Nov 28 21:00:06 web1 systemd[1]: mysql.service: Failed with result 'oom-kill'.\n";
    let output = casebook(&["read", "-", "--format", "terminal"], Some(text.as_bytes()));
    let report = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "What the logs say systemd: 1 failure for want of memory of mysql.service at 2026-11-28 21:00:06";
    assert!(report.contains(said), "{report}");
    assert!(report.contains("warning"), "{report}");
}

#[test]
fn what_the_first_sentence_says_is_not_said_again() {
    let guesser = reported("01-forum-lockout-synflood-4671");
    let said = "sshd: 14 failed passwords";
    assert_eq!(guesser.matches(said).count(), 1, "{guesser}");
}

#[test]
fn the_same_folder_gives_the_same_by_read_and_by_replay_and_the_case_can_be_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("paste.json");
    let path = pastes().join("14-notes-chinese-sar-syn-flood");
    let read = judged(&[path.to_str().unwrap(), "--save", saved.to_str().unwrap()]);
    let replayed = casebook(&["replay", "--from", path.to_str().unwrap(), "--format", "json"], None);
    let replayed: Value = serde_json::from_slice(&replayed.stdout).unwrap();
    assert_eq!(read["diagnosis"], replayed["diagnosis"]);
    let again = casebook(&["replay", saved.to_str().unwrap(), "--format", "json"], None);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(first_cause(&again), Some("syn-flood"));
}

#[test]
fn what_a_paste_shows_is_redacted_like_the_rest() {
    let path = pastes().join("01-forum-lockout-synflood-4671");
    let output = casebook(&["read", path.to_str().unwrap(), "--format", "json", "--redact", "addresses,hosts"], None);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("198.51.100.57"), "an address is left");
}

/// Texts as they stand in tickets: with the first cause, or none, and what is said.
const TICKETS: &[(&str, Option<&str>, &[&str])] = &[
    (
        "ksoftirqd eats one core, packets are lost\n\nroot@gw:~# mpstat -P ALL 1 1\nLinux 4.9.0-8-amd64 (gw)        14.11.2018      _x86_64_        (2 CPU)\n\n21:10:44     CPU    %usr   %nice    %sys %iowait    %irq   %soft  %steal  %guest  %gnice   %idle\n21:10:45     all    0,25    0,00    0,75    0,00    0,00   50,00    0,00    0,00    0,00   49,00\n21:10:45       0    0,00    0,00    0,00    0,00    0,00  100,00    0,00    0,00    0,00    0,00\n21:10:45       1    1,00    0,00    1,00    0,00    0,00    0,00    0,00    0,00    0,00   98,00\n",
        Some("one-cpu-receives"),
        &["CPU 0 spends 100 % of its time on receiving packets, the other 0 %", "2018-11-14 21:10:45"],
    ),
    (
        "timeouts at peak\n\n[app@tc01 ~]$ ss -lnt\nState      Recv-Q Send-Q        Local Address:Port          Peer Address:Port\nLISTEN     0      128                       *:22                       *:*\nLISTEN     101    100                      :::8080                    :::*\n[app@tc01 ~]$ netstat -s | grep -i listen\n    53291 times the listen queue of a socket overflowed\n    53291 SYNs to LISTEN sockets dropped\n",
        Some("listen-overflow"),
        &[
            "101 connections wait for a process to accept them on port 8080; its queue takes 100",
            "a service accepts too slowly on port 8080: 101 connections wait, 100 may",
            "53,291 handshakes",
        ],
    ),
    (
        "# cat /proc/sys/net/netfilter/nf_conntrack_count\n65535\n# cat /proc/sys/net/netfilter/nf_conntrack_max\n65536\n",
        Some("conntrack-exhaustion"),
        &["65,535 of 65,536 entries"],
    ),
    (
        "droplet was cut off for sending, netstat says\n\nudp        0      0 0.0.0.0:11211           0.0.0.0:*                           1012/memcached\nudp        0      0 127.0.0.1:123           0.0.0.0:*                           712/ntpd\n",
        None,
        &["memcached (pid 1012) takes UDP port 11211 on every address"],
    ),
    (
        "what is this, 1 Gbit port is full\n\n# vnstat -l -i eth0\nMonitoring eth0...    (press CTRL-C to stop)\n\n   rx:    941.22 Mbit/s 781231 p/s          tx:    312.11 kbit/s   312 p/s\n",
        None,
        &["eth0 941 Mbit/s in"],
    ),
];

#[test]
fn a_ticket_gets_the_answer_that_a_competent_person_would_give() {
    for (text, cause, said) in TICKETS {
        let output = casebook(&["read", "--format", "json", "-"], Some(text.as_bytes()));
        let case: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(first_cause(&case), *cause, "{text}");
        let all = sentences(&case);
        for sentence in *said {
            assert!(all.contains(sentence), "{text}: {sentence} is not in {all}");
        }
    }
}

/// The runbooks that a text is judged by, and what is said of it.
fn judged_by(arguments: &[&str], text: &str) -> (Vec<String>, Value) {
    let all: Vec<&str> = ["read", "--format", "json", "-"].iter().chain(arguments).copied().collect();
    let output = casebook(&all, Some(text.as_bytes()));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let by = said.lines().filter_map(|line| line.strip_prefix("judged by ")?.split(':').next().map(str::to_owned));
    let by = by.collect();
    (by, serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}")))
}

#[test]
fn what_was_pasted_is_judged_by_the_runbooks_that_it_is_about() {
    const FULL: &str =
        "$ df\nFilesystem 1K-blocks Used Available Use% Mounted on\n/dev/sda1 1000000 1000000 0 100% /\n";
    const IDLE: &str = "$ uptime\n 23:51:36 up  6:30,  3 users,  load average: 0.03, 0.12, 0.11\n";
    const SOCKETS: &str =
        "$ ss -lnt\nState Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n";
    let (by, case) = judged_by(&[], FULL);
    assert_eq!((by, &case["runbook"]["name"]), (vec!["disk-full".to_owned()], &Value::from("disk-full")));
    assert_eq!(case["runbook"]["choice"]["picked"][0]["sign"], "/ is 100 % full");
    let (by, case) = judged_by(&[], &format!("{FULL}{SOCKETS}"));
    assert_eq!((by.len(), &case["runbook"]["name"]), (2, &Value::from("diagnose")), "{by:?}");
    assert!(by.contains(&"disk-full".to_owned()) && by.contains(&"high-inbound-traffic".to_owned()), "{by:?}");
    let (by, case) = judged_by(&[], SOCKETS);
    assert_eq!((by.len(), &case["runbook"]["name"]), (0, &Value::from("high-inbound-traffic")));
    // What is not there is no sign; what is, is what is judged.
    assert_eq!(judged_by(&[], IDLE).0, ["host-under-pressure"]);
    // Words of a complaint pick, and where nothing stands out those around the outputs.
    assert_eq!(judged_by(&["--complaint", "no space left"], IDLE).0, ["disk-full"]);
    assert_eq!(
        judged_by(&[], &format!("Since the update the ssh login with putty is bad, help\n\n{IDLE}")).0,
        ["slow-ssh-login"]
    );
    let (by, case) = judged_by(&["--runbook", "high-inbound-traffic"], FULL);
    assert_eq!((by.len(), &case["runbook"]["name"]), (0, &Value::from("high-inbound-traffic")));
}

#[test]
fn a_healthy_disk_is_none_of_the_business_of_a_full_one() {
    let columns = "Device r/s rkB/s rrqm/s %rrqm r_await rareq-sz w/s wkB/s wrqm/s %wrqm w_await wareq-sz aqu-sz %util";
    let calm = "sda 0.40 6.40 0.00 0.00 0.50 16.00 6.20 92.80 4.20 40.38 0.84 14.97 0.01 0.42";
    let text = format!(
        "$ iostat -x 5 2\nLinux 5.15.0 (db1) 11/20/2026 _x86_64_ (4 CPU)\n\n{columns}\n{calm}\n\n{columns}\n{calm}\n"
    );
    assert_eq!(judged_by(&[], &text).0, ["host-under-pressure"]);
}

#[test]
fn what_was_not_recognised_is_said_with_the_answer_where_nothing_stands_out() {
    let text = "$ df -h\nFilesystem      Size  Used Avail Use% Mounted on\n/dev/sda2        98G   41G   53G  44% /\n\
                $ multipath -ll\nmpatha (3600508b4) dm-0 HP,HSV200\nsize=50G features='1' hwhandler='0' wp=rw\n  `- 0:0:0:1 sda 8:0 failed faulty running\n";
    let (_, case) = judged_by(&[], text);
    let said = case["diagnosis"]["summary"].as_str().unwrap();
    assert!(said.ends_with("4 lines were not recognised: what they say is not judged."), "{said}");
    let output = casebook(&["read", "-", "--format", "terminal"], Some(text.as_bytes()));
    let report = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("Not recognised: standard input lines 4-7: $ multipath -ll"), "{report}");
}

#[test]
fn what_strangers_ask_a_web_server_for_is_no_sign_of_a_full_disk() {
    let text = "198.51.100.9 - - [28/Nov/2026:14:05:12 +0000] \"GET /x?q=No%20space%20left HTTP/1.1\" 200 1531 \"-\" \"No space left on device ENOSPC\"\n";
    let (by, case) = judged_by(&[], &text.repeat(5));
    assert!(!by.contains(&"disk-full".to_owned()), "{by:?}");
    assert!(!case["diagnosis"]["summary"].as_str().unwrap().contains("no room"), "{}", case["diagnosis"]["summary"]);
}

/// A post as people write them: the first cause, what stands in the answer, and what must not.
type Post = (&'static str, Option<&'static str>, &'static [&'static str], &'static [&'static str]);

const POSTS: &[Post] = &[
    (
        "After the update no names work:\n\nping: www.example.org: Temporary failure in name resolution\n\n$ resolvectl status\nGlobal\n         Protocols: -LLMNR -mDNS -DNSOverTLS DNSSEC=no/unsupported\n  resolv.conf mode: stub\n\nLink 2 (ens18)\n    Current Scopes: none\n         Protocols: -DefaultRoute -LLMNR -mDNS -DNSOverTLS DNSSEC=no/unsupported\n",
        None,
        &["a name was not resolved", "no link and no setting names a DNS server"],
        &[],
    ),
    (
        "```\n  1 root@gw:~# ss -s\n  2 Total: 61211\n  3 TCP:   60990 (estab 812, closed 59871, orphaned 12, timewait 59860)\n  4\n  5 Transport Total     IP        IPv6\n  6 TCP       1119      1100      19\n```\n",
        None,
        &["59,860 TCP connections wait for their end"],
        &["not recognised"],
    ),
    (
        "Bad ping to my game server, the provider says all is fine\n\n                             My traceroute  [v0.95]\nHOST: desktop                     Loss%   Snt   Last   Avg  Best  Wrst StDev\n  1.|-- 192.0.2.1                  0.0%   200    0.6   0.7   0.4   3.1   0.2\n  2.|-- 198.51.100.1              62.0%   200    8.1   9.0   7.2  21.0   1.9\n  3.|-- ???                       100.0   200    0.0   0.0   0.0   0.0   0.0\n  4.|-- 203.0.113.40               0.0%   200   21.0  22.0  20.1  44.0   3.0\n",
        None,
        &["mtr: nothing is lost on the way to 203.0.113.40"],
        &["62", "not recognised"],
    ),
    (
        "The router says that /rom is full?\n\nroot@OpenWrt:~# df -h\nFilesystem                Size      Used Available Use% Mounted on\n/dev/root                 2.5M      2.5M         0 100% /rom\ntmpfs                    29.4M    332.0K     29.1M   1% /tmp\n/dev/mtdblock6            3.4M      1.1M      2.3M  33% /overlay\noverlayfs:/overlay        3.4M      1.1M      2.3M  33% /\n",
        None,
        &["/overlay is 33 % full"],
        &["/rom is"],
    ),
    (
        "Server gone today at 14:00, this is its journal:\n\nNov 03 02:00:12 web1 systemd[1]: php8.1-fpm.service: Start request repeated too quickly.\nNov 03 02:00:12 web1 systemd[1]: php8.1-fpm.service: Failed with result 'exit-code'.\nNov 28 14:10:00 web1 CRON[3312]: (root) CMD (/usr/local/bin/backup)\n",
        None,
        &["1 start that was given up of php8.1-fpm.service"],
        &[],
    ),
    (
        "$ cat /proc/mdstat\nPersonalities : [raid1]\nmd0 : active raid1 sdb1[1](F) sda1[0]\n      976630464 blocks super 1.2 [2/1] [U_]\n\nunused devices: <none>\n$ df -h /\nFilesystem      Size  Used Avail Use% Mounted on\n/dev/md0        916G  400G  470G  46% /\n",
        None,
        &["mdstat: md0: sdb1 failed"],
        &["not recognised"],
    ),
    (
        "root@db:~# docker logs db\n2026-11-28 10:11:01 0 [ERROR] InnoDB: Operating system error number 13 in a file operation.\n2026-11-28 10:11:02 0 [ERROR] Aborting\n",
        None,
        &["no line of a kind that is known for trouble"],
        &["0 lines of trouble"],
    ),
    (
        "top - 10:22:31 up 3 days,  4:11,  1 user,  load average: 9,12, 8,70, 7,99\nT\u{e2}ches: 210 total,   9 en cours, 200 en veille,   0 arr\u{ea}t\u{e9},   1 zombie\n%Cpu(s): 97,1 ut,  2,6 sy,  0,0 ni,  0,0 id,  0,0 wa,  0,0 hi,  0,3 si,  0,0 st\n\n    PID UTIL.     PR  NI    VIRT    RES    SHR S  %CPU  %MEM    TEMPS+ COM.\n  31201 www-data  20   0 1211320  98112  31212 R  98,7   1,2   211:12.11 php-fpm8.2\n",
        None,
        &["top: the CPUs are 100 % busy; most by php-fpm8.2, 98.7 % of one CPU"],
        &["nothing in them stands out"],
    ),
    (
        "> host nas\n> root@nas:~# df -h\n> Filesystem      Size  Used Avail Use% Mounted on\n> /dev/sda2        98G   98G     0 100% /\n> /dev/loop3       64M   64M     0 100% /snap/core20/2318\n",
        None,
        &["/ is 100 % full"],
        &["/snap"],
    ),
];

#[test]
fn posts_get_an_answer_of_what_they_show_and_of_nothing_else() {
    for (text, cause, said, unsaid) in POSTS {
        let output = casebook(&["read", "--format", "json", "-"], Some(text.as_bytes()));
        let case: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(first_cause(&case), *cause, "{text}");
        // What was not recognised beside words of somebody is said as it is.
        let lost = case["reading"]["unrecognised_lines"].as_u64().unwrap_or_default();
        let all = sentences(&case) + if lost > 0 { "\nnot recognised" } else { "" };
        for sentence in *said {
            assert!(all.contains(sentence), "{text}: {sentence} is not in {all}");
        }
        for sentence in *unsaid {
            assert!(!all.contains(sentence), "{text}: {sentence} is in {all}");
        }
    }
}

#[test]
fn what_is_read_picks_the_runbook_that_it_is_the_business_of() {
    let picked = |name: &str| -> Vec<String> {
        let case = judged(&[pastes().join(name).to_str().unwrap()]);
        let picked = case["runbook"]["choice"]["picked"].as_array().cloned().unwrap_or_default();
        picked.iter().filter_map(|it| it["runbook"].as_str().map(str::to_owned)).collect()
    };
    assert!(picked("G15-ssh-stands-still").contains(&"slow-ssh-login".to_owned()));
    // What is sent is no trouble to the runbook of what comes in, however many small packets ask for it.
    assert!(picked("G26-sends-much").contains(&"high-outbound-traffic".to_owned()));
    // What df shows is told beside words that may be about something else.
    assert!(picked("G28-df-beside-words").contains(&"disk-full".to_owned()));
    assert_eq!(picked("G25-resolved-degraded"), ["timeouts"]);
}
