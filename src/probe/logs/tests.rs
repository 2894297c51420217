//! Tests of the probe as a whole, on folders of their own.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::time::{Duration, SystemTime};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use super::*;
use crate::probe::journal::tests::Made;
use crate::probe::{AnyProbe as _, place};

const UNTIL: &str = "2026-11-22T15:10:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn params(dir: &TempDir) -> Params {
    Params {
        dir: Some(dir.path().to_str().unwrap().to_owned()),
        until: Some(UNTIL.to_owned()),
        budget: Span::seconds(60),
        ..Params::default()
    }
}

fn look(params: Params) -> Observed<Output> {
    Logs.observe(params, &Context::alone()).unwrap()
}

/// Writes a log whose last change is at `modified`.
fn write(dir: &TempDir, name: &str, content: &[u8], modified: &str) {
    let path = dir.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::File::options().append(true).open(&path).unwrap().set_modified(SystemTime::from(at(modified))).unwrap();
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Lines from `from` on, one each `step` seconds; every tenth is a failed login.
fn syslog(from: &str, lines: i64, step: i64) -> String {
    let mut text = String::new();
    for line in 0..lines {
        let at = at(from) + SignedDuration::from_secs(line * step);
        let at = at.strftime("%Y-%m-%dT%H:%M:%SZ");
        if line % 10 == 0 {
            let port = line % 60_000;
            writeln!(text, "{at} h sshd[9]: Failed password for root from 203.0.113.{} port {port} ssh2", line % 3)
                .unwrap();
        } else {
            writeln!(text, "{at} h daemon[1]: line {line}").unwrap();
        }
    }
    text
}

#[test]
fn lines_of_the_window_are_counted_and_older_ones_are_not() {
    let dir = TempDir::new().unwrap();
    write(&dir, "messages", syslog("2026-11-22T03:00:00Z", 50_000, 1).as_bytes(), "2026-11-22T16:53:00Z");
    let seen = look(params(&dir)).output;
    assert_eq!(seen.lines, 901, "both ends belong to the window");
    assert_eq!(seen.files[0].lines, Some(901));
    assert_eq!(seen.files[0].format, Format::Rfc3339);
    assert!(seen.files[0].sorted && seen.files[0].bytes_read < 200_000, "{:?}", seen.files[0]);
    assert_eq!(seen.per_minute.len(), 16);
    assert_eq!(seen.per_minute[0], Minute { at: at("2026-11-22T14:55:00Z"), lines: 60 });
    assert_eq!(seen.per_minute[15].lines, 1);
    let logins = &seen.patterns["ssh_failed_password"];
    assert_eq!((logins.count, seen.hits), (91, 91));
    assert_eq!(logins.first, Some(at("2026-11-22T14:55:00Z")));
    assert_eq!(logins.last, Some(at(UNTIL)));
    assert_eq!(logins.per_minute.iter().map(|minute| minute.lines).sum::<u64>(), 91);
    assert_eq!(logins.samples.len(), 3);
    assert_eq!(logins.captures["user"], [CaptureCount { value: "root".to_owned(), count: 91, doubt: 0 }]);
    assert_eq!(logins.captures["address"].iter().map(|capture| capture.count).sum::<u64>(), 91);
    assert_eq!(seen.patterns["conntrack_full"].count, 0);
}

/// One request a second for three hours, as Traefik writes them; every hundredth asks for so much that its time stands far behind.
#[test]
fn requests_of_traefik_are_found_by_their_time() {
    let (dir, mut text) = (TempDir::new().unwrap(), String::new());
    for second in 0..3 * 3600 {
        let at = at("2026-11-22T12:30:00Z") + SignedDuration::from_secs(second);
        let path = if second % 100 == 0 { format!("/{}", "x".repeat(3000)) } else { "/shop?id=7".to_owned() };
        writeln!(
            text,
            r#"{{"ClientAddr":"192.0.2.7:4711","ClientHost":"203.0.113.9","DownstreamContentSize":12,"DownstreamStatus":200,"RequestHost":"a.example","RequestMethod":"GET","RequestPath":"{path}","RequestProtocol":"HTTP/1.1","StartLocal":"{at}","StartUTC":"{at}","entryPointName":"web","level":"info","msg":"","request_User-Agent":"curl/8","request_X-Forwarded-For":"192.0.2.66, 198.51.100.3","time":"{at}"}}"#
        )
        .unwrap();
    }
    write(&dir, "traefik/access.log", text.as_bytes(), UNTIL);
    let seen = look(params(&dir)).output;
    let requests = &seen.patterns["http_request"];
    // The first of the span has the time of the line before it.
    assert_eq!(requests.count, 15 * 60);
    let top = |group: &str| requests.captures[group].first().map(|value| (value.value.as_str(), value.count));
    assert_eq!((top("path"), top("agent")), (Some(("/shop", 891)), Some(("curl/8", 900))));
    assert_eq!((top("client"), top("forwarded")), (Some(("203.0.113.9", 900)), Some(("198.51.100.3", 900))));
    assert_eq!(seen.files[0].format, timestamp::Format::Rfc3339);
    assert!(seen.files[0].bytes_read < 2 * text.len() as u64 / 3, "the window is found by bisection");
}

#[test]
fn a_line_in_two_files_is_one_hit() {
    let dir = TempDir::new().unwrap();
    let kernel = "2026-11-22T15:01:00Z h kernel: nf_conntrack: nf_conntrack: table full, dropping packet\n".repeat(5);
    write(&dir, "kern.log", kernel.as_bytes(), UNTIL);
    write(&dir, "syslog", format!("2026-11-22T15:00:00Z h cron: x\n{kernel}").as_bytes(), UNTIL);
    let seen = look(params(&dir)).output;
    assert_eq!((seen.lines, seen.hits, seen.patterns["conntrack_full"].count), (11, 5, 5));
}

#[test]
fn messages_that_the_hours_before_do_not_have_are_new() {
    let dir = TempDir::new().unwrap();
    let mut text = syslog("2026-11-22T13:00:00Z", 720, 10);
    // A stranger's words make no new kind of message, and figures do not either.
    text.push_str(
        "2026-11-22T15:04:00Z h sshd[9]: Failed password for invalid user ev il from 203.0.113.9 port 4 ssh2\n",
    );
    text.push_str("2026-11-22T15:04:01Z h daemon[2]: line 77777\n");
    for second in 10..13 {
        writeln!(
            text,
            "2026-11-22T15:05:{second}Z h kernel: mydriver {second}:00.0: firmware crashed, code 0x{second}"
        )
        .unwrap();
    }
    write(&dir, "messages", text.as_bytes(), "2026-11-22T15:09:00Z");
    let seen = look(Params { compare: Some(Span::seconds(3600)), ..params(&dir) });
    let new = seen.output.new_messages.expect("they were compared");
    assert_eq!((new.kinds, new.lines), (1, 3), "{new:?}");
    let told = &new.messages[0];
    assert_eq!((told.program.as_deref(), told.count), (Some("kernel"), 3));
    assert_eq!(told.words, "mydriver * firmware crashed, code *");
    assert_eq!(told.first, at("2026-11-22T15:05:10Z"));
    assert!(new.compared > 100 && new.since >= at("2026-11-22T13:50:00Z"), "{new:?}");
    // Nobody asked.
    assert_eq!(look(params(&dir)).output.new_messages, None);
    // Nothing to compare with.
    let alone = TempDir::new().unwrap();
    write(&alone, "messages", b"2026-11-22T15:05:10Z h app[1]: hello\n", "2026-11-22T15:09:00Z");
    let seen = look(Params { compare: Some(Span::seconds(3600)), ..params(&alone) });
    assert_eq!(seen.output.new_messages, None);
    assert!(seen.loss.iter().any(|loss| loss.contains("whether messages are new is not known")), "{:?}", seen.loss);
}

#[test]
fn a_log_that_ends_before_the_span_does_is_said() {
    let dir = TempDir::new().unwrap();
    write(&dir, "messages", syslog("2026-11-22T14:50:00Z", 600, 1).as_bytes(), "2026-11-22T15:00:00Z");
    let seen = look(params(&dir)).output;
    assert_eq!(seen.silence.as_deref(), Some("the log ends at 14:59"));
    write(&dir, "messages", syslog("2026-11-22T11:50:00Z", 600, 1).as_bytes(), "2026-11-22T12:00:00Z");
    let seen = look(params(&dir)).output;
    assert_eq!(seen.silence.as_deref(), Some("no log was written to since 12:00"));
    // One that goes on is not silent, and one that never said much neither.
    write(&dir, "messages", syslog("2026-11-22T14:50:00Z", 1190, 1).as_bytes(), "2026-11-22T15:09:50Z");
    assert_eq!(look(params(&dir)).output.silence, None);
    write(&dir, "messages", b"2026-11-22T14:56:00Z h app[1]: hello\n", "2026-11-22T14:56:00Z");
    assert_eq!(look(params(&dir)).output.silence, None);
}

#[test]
fn what_stands_out_comes_first_with_who_and_since_when() {
    let dir = TempDir::new().unwrap();
    let mut text = syslog("2026-11-22T15:00:00Z", 300, 1);
    text.push_str("2026-11-22T15:06:00Z h kernel: nf_conntrack: nf_conntrack: table full, dropping packet\n");
    write(&dir, "messages", text.as_bytes(), "2026-11-22T15:09:00Z");
    let seen = look(params(&dir)).output;
    let said: Vec<&str> = seen.stands_out.iter().map(|told| told.sentence.as_str()).collect();
    assert_eq!(
        said,
        [
            "kernel: 1 warning that the table of connections is full and drops packets at 15:06",
            "sshd: 30 failed passwords from 203.0.113.0, 203.0.113.1, 203.0.113.2 since 15:00"
        ]
    );
    assert_eq!((seen.trouble, seen.stands_out[0].weight.as_str()), (31, "grave"));
    let failed = &seen.patterns["ssh_failed_password"];
    assert_eq!((failed.values["address"], failed.values["user"]), (3, 1));
    let rate = failed.rate_per_minute.unwrap();
    assert!((rate - 30.0 / (290.0 / 60.0)).abs() < 0.01, "{rate}");
}

#[test]
fn no_log_file_is_a_fact_and_a_missing_directory_is_a_gap() {
    let dir = TempDir::new().unwrap();
    let seen = look(params(&dir));
    assert!(seen.output.files.is_empty() && seen.missing.is_empty());
    let nowhere = Params { dir: Some(dir.path().join("nowhere").to_str().unwrap().to_owned()), ..params(&dir) };
    assert_eq!(Logs.observe(nowhere, &Context::alone()).unwrap_err().reason, Reason::Absent);
}

#[test]
fn a_bad_parameter_says_how_to_write_it() {
    let dir = TempDir::new().unwrap();
    let bad = Params { until: Some("yesterday".to_owned()), ..params(&dir) };
    let gap = Logs.observe(bad, &Context::alone()).unwrap_err().to_string();
    assert!(gap.contains("`yesterday`") && gap.contains("2026-11-22T15:04:05Z"), "{gap}");
    assert!(Logs.complete_params(&serde_json::json!({"since": "15m", "sinse": 1})).is_err());
}

#[test]
fn rotated_files_are_read_where_they_reach_into_the_window() {
    let dir = TempDir::new().unwrap();
    write(&dir, "messages", syslog("2026-11-22T15:05:00Z", 301, 1).as_bytes(), "2026-11-22T15:10:00Z");
    write(&dir, "messages.1", syslog("2026-11-22T15:00:00Z", 300, 1).as_bytes(), "2026-11-22T15:04:59Z");
    write(&dir, "messages.2.gz", &gz(syslog("2026-11-22T14:00:00Z", 3600, 1).as_bytes()), "2026-11-22T14:59:59Z");
    // Would be an error if it were opened.
    write(&dir, "messages.3.gz", b"no gzip at all", "2026-11-22T13:59:59Z");
    let seen = look(params(&dir));
    assert_eq!(seen.output.lines, 901);
    assert_eq!(seen.output.patterns["ssh_failed_password"].count, 91);
    assert_eq!((seen.output.files.len(), seen.output.older_files), (3, 1));
    assert_eq!(seen.output.files.iter().filter(|file| file.rotated).count(), 2);
    assert!(seen.missing.is_empty() && seen.loss.is_empty(), "{:?} {:?}", seen.missing, seen.loss);
}

#[test]
fn a_damaged_rotation_is_a_gap_and_what_came_before_the_damage_counts() {
    let dir = TempDir::new().unwrap();
    let packed = gz(syslog("2026-11-22T15:00:00Z", 300, 1).as_bytes());
    write(&dir, "messages.1.gz", &packed[..packed.len() / 2], UNTIL);
    write(&dir, "messages", b"", UNTIL);
    write(&dir, "messages.2.xz", b"\xfd7zXZ", UNTIL);
    write(&dir, "messages.3.lz4", b"\x04\x22\x4d\x18", UNTIL);
    write(&dir, "secure.1.gz", b"no gzip at all", UNTIL);
    let seen = look(params(&dir));
    assert!(seen.output.lines > 0 && seen.output.lines < 300, "{}", seen.output.lines);
    let reasons: Vec<_> = seen.missing.iter().map(|missing| missing.gap.reason).collect();
    assert_eq!(seen.missing.len(), 4, "{:?}", seen.missing);
    assert!(reasons.contains(&Reason::Malformed) && reasons.contains(&Reason::Failed), "{reasons:?}");
    assert!(seen.missing.iter().any(|missing| missing.gap.to_fix.as_ref().is_some_and(|way| way.contains("lz4cat"))));
}

#[test]
fn a_file_that_is_read_in_pieces_counts_as_one_that_is_read_from_end_to_end() {
    let dir = TempDir::new().unwrap();
    let mut random = 1_u64;
    for (name, sorted, ending) in [("rising", true, "\n"), ("disordered", false, "\n"), ("windows", true, "\r\n")] {
        let mut text = String::new();
        for line in 0..60_000_i64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let back = if sorted || line % 7 > 0 { 0 } else { (random >> 40) as i64 % 3000 };
            let time = at("2026-11-22T10:00:00Z") + SignedDuration::from_secs(line / 5 - back);
            let time = time.strftime("%Y-%m-%dT%H:%M:%SZ");
            match (random >> 33) % 97 {
                0..7 => {
                    write!(text, "{time} h sshd[9]: Failed password for root from 203.0.113.{} port 4 ssh2", line % 9)
                }
                7 => write!(text, "{time} h kernel: [   12.345678] nf_conntrack: table full, dropping packet"),
                8 => write!(text, "a line without a time, Failed password for it"),
                9 if line % 5000 < 100 => write!(text, "{time} h app: {}", "x".repeat(200_000)),
                _ => write!(text, "{time} h daemon[1]: line {line} of many, and nothing else"),
            }
            .unwrap();
            text.push_str(ending);
        }
        assert!(text.len() > 3 * 1024 * 1024);
        let bases = [format!("{name}.plain"), format!("{name}.packed.gz")];
        write(&dir, &bases[0], text.as_bytes(), UNTIL);
        write(&dir, &bases[1], &gz(text.as_bytes()), UNTIL);
        let free = |text: &str| Wanted::Free(text.to_owned());
        let few: IndexMap<String, Wanted> = [
            ("login".to_owned(), free(r"Failed password for (?P<user>\S+) from (?P<address>\S+)")),
            ("full".to_owned(), free("table full, dropping packet")),
            ("untimed".to_owned(), free("(?i)WITHOUT A TIME")),
            ("end".to_owned(), free("nothing else$")),
        ]
        .into();
        for patterns in [few, IndexMap::new()] {
            let [plain, packed] = bases.clone().map(|file| {
                let params = Params {
                    files: vec![file],
                    patterns: patterns.clone(),
                    since: Span(Duration::from_secs(86_400)),
                    ..params(&dir)
                };
                look(Params { budget: Span(Duration::from_secs(60)), ..params }).output
            });
            assert!(plain.hits > 1000, "{name}: {}", plain.hits);
            assert_eq!((plain.lines, plain.hits), (packed.lines, packed.hits), "{name}");
            // Of a file out of order only what can be sought in is counted line by line.
            assert!(!sorted || plain.per_minute == packed.per_minute, "{name}");
            assert_eq!(plain.patterns.len(), packed.patterns.len());
            for (pattern, of_plain) in &plain.patterns {
                let [mut one, mut other] =
                    [of_plain, &packed.patterns[pattern]].map(|hits| serde_json::to_value(hits).unwrap());
                // Which lines are the last of a file out of order hangs on the pieces.
                if !sorted {
                    (one["samples"], other["samples"]) = Default::default();
                }
                let differs = one.as_object().unwrap().iter().find(|(key, value)| other[key.as_str()] != **value);
                assert!(differs.is_none(), "{name}: {pattern}: {:?}", differs.map(|(key, _)| key));
            }
        }
    }
}

#[test]
fn messages_of_a_rotation_that_was_packed_are_compared_with() {
    let dir = TempDir::new().unwrap();
    let before = "2026-11-22T14:00:00Z h app[1]: disk is fine\n2026-11-22T14:00:01Z h app[1]: old words\n";
    write(&dir, "messages.1.gz", &gz(before.as_bytes()), "2026-11-22T14:59:59Z");
    write(
        &dir,
        "messages",
        b"2026-11-22T15:05:00Z h app[1]: disk is fine\n2026-11-22T15:05:00Z h app[1]: disk is full\n",
        UNTIL,
    );
    let seen = look(Params { compare: Some(Span(Duration::from_secs(6 * 3600))), ..params(&dir) });
    let new = seen.output.new_messages.unwrap();
    assert_eq!((new.compared, new.kinds), (2, 1), "{new:?}");
    assert_eq!(new.messages[0].words, "disk is full");
}

#[test]
fn hostile_lines_are_shown_without_their_teeth() {
    let dir = TempDir::new().unwrap();
    let mut log = Vec::new();
    log.extend_from_slice(
        b"2026-11-22T15:00:00Z h sshd[9]: Failed password for \x1b[2J\x07\xff\xfe\0 from 203.0.113.9 port 4 ssh2\r\n",
    );
    log.extend_from_slice(b"2026-11-22T15:00:01Z h x: ");
    log.resize(log.len() + 1_000_000, b'A');
    log.extend_from_slice(
        b"Failed password\n2026-11-22T15:00:02Z h sshd[9]: Failed password for b from 203.0.113.8 port 4 ssh2\n",
    );
    log.extend_from_slice(b"2026-11-22T15:00:03Z h x: sshd[9]: Failed password for ");
    log.resize(log.len() + 100_000, b'B');
    log.extend_from_slice(b" from 203.0.113.7 port 9 ssh2\n");
    log.extend_from_slice(b"2026-11-22T15:00:04Z h sshd[9]: Failed password for c from 203.0.113.8 port 4 ssh2");
    write(&dir, "secure", &log, UNTIL);
    let seen = look(params(&dir));
    let logins = &seen.output.patterns["ssh_failed_password"];
    assert_eq!(logins.count, 3);
    assert!(logins.samples[0].contains(r"\u{1b}[2J\u{7}\xff\xfe\u{0}"), "{}", logins.samples[0]);
    assert!(!logins.samples.iter().flat_map(|sample| sample.chars()).any(char::is_control));
    assert!(seen.loss.iter().any(|loss| loss.contains("longer than 64 KiB")), "{:?}", seen.loss);
    assert_eq!(seen.output.lines, 5);
}

#[test]
fn a_line_without_a_time_belongs_to_the_line_before() {
    let dir = TempDir::new().unwrap();
    let log = "2026-11-22T14:00:00Z h app: start\n  oops old\n2026-11-22T15:00:00Z h app: stack\n  at oops\n  at oops\n2026-11-22T15:20:00Z h app\n oops late\n";
    write(&dir, "messages", log.as_bytes(), UNTIL);
    let patterns = [("oops".to_owned(), Wanted::Free("oops".to_owned()))].into_iter().collect();
    let seen = look(Params { patterns, ..params(&dir) }).output;
    assert_eq!((seen.lines, seen.patterns["oops"].count), (3, 2));
    assert_eq!(seen.patterns["oops"].first, Some(at("2026-11-22T15:00:00Z")));
}

#[test]
fn a_huge_hole_before_the_lines_costs_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("messages");
    let file = fs::File::create(&path).unwrap();
    let hole = 1 << 40;
    file.write_all_at(b"2026-11-22T01:00:00Z h x\n", 0).unwrap();
    file.write_all_at(format!("\n{}", syslog("2026-11-22T15:00:00Z", 600, 1)).as_bytes(), hole).unwrap();
    drop(file);
    let started = Instant::now();
    let seen = look(params(&dir));
    assert_eq!(seen.output.lines, 600, "{:?} {:?}", seen.output.files, seen.missing);
    let all = look(Params { since: Span::seconds(86_400), ..params(&dir) }).output;
    assert_eq!(all.patterns["ssh_failed_password"].count, 60);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_file_that_is_cut_while_it_is_read_does_not_end_the_run() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("messages");
    let log = syslog("2026-11-22T14:50:00Z", 1200, 1);
    fs::write(&path, &log).unwrap();
    let (file, metadata) = place::open(&path).unwrap();
    let plain = plain::Plain::new(file, metadata.len());
    fs::File::options().write(true).open(&path).unwrap().set_len(log.len() as u64 / 2).unwrap();
    let mut part = plain::Part::new(&plain, 0, plain.length());
    let read = std::io::copy(&mut part, &mut std::io::sink()).unwrap();
    assert_eq!(read + part.vanished, log.len() as u64);
    assert!(part.vanished > 0);
    // The search must not fail either, or go on for ever.
    let clock = timestamp::Clock::new(TimeZone::UTC, at(UNTIL));
    let window = Window { from: at("2026-11-22T14:55:00Z"), to: at(UNTIL) };
    assert!(window::find(&plain, &clock, window, &|| false).unwrap().is_ok());
}

#[test]
fn lines_out_of_order_are_found_all_the_same() {
    let dir = TempDir::new().unwrap();
    let mut log = syslog("2026-11-22T15:00:00Z", 300, 1);
    log.push_str(&syslog("2026-11-22T01:00:00Z", 3000, 1));
    log.push_str(&syslog("2026-11-22T15:05:00Z", 301, 1));
    write(&dir, "messages", log.as_bytes(), UNTIL);
    let seen = look(params(&dir)).output;
    assert!(!seen.files[0].sorted);
    assert_eq!((seen.lines, seen.patterns["ssh_failed_password"].count), (601, 61));
}

#[test]
fn a_file_without_times_is_a_gap_not_a_silence() {
    let dir = TempDir::new().unwrap();
    write(&dir, "messages", b"[   12.345678] eth0: Link is Down\n[   13.345678] eth0: Link is Up\n", UNTIL);
    write(&dir, "syslog", syslog("2026-11-22T15:00:00Z", 10, 1).as_bytes(), UNTIL);
    let seen = look(params(&dir));
    let file = seen.output.files.iter().find(|file| file.path.ends_with("messages")).unwrap();
    assert_eq!((file.format, file.lines), (Format::Kernel, None));
    assert_eq!(file.unreadable.as_ref().unwrap().reason, Reason::Malformed);
    assert!(seen.missing[0].fields.contains(&"patterns".to_owned()));
}

#[test]
fn what_is_not_a_file_is_not_waited_for() {
    let dir = TempDir::new().unwrap();
    nix::unistd::mkfifo(&dir.path().join("messages"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let gap = Logs.observe(params(&dir), &Context::alone()).unwrap_err();
    assert!(gap.to_string().contains("not a regular file"), "{gap}");
}

#[test]
fn time_that_is_over_is_said() {
    let dir = TempDir::new().unwrap();
    write(&dir, "messages", syslog("2026-11-22T15:00:00Z", 100, 1).as_bytes(), UNTIL);
    let none = Params { budget: Span(Duration::ZERO), ..params(&dir) };
    let gap = Logs.observe(none, &Context::alone()).unwrap_err();
    assert_eq!(gap.reason, Reason::TimedOut);
    assert!(gap.to_string().contains("`budget`"), "{gap}");
}

/// A journal of lines with their seconds after 15:00, each of a user under a name.
fn journal(lines: &[(u64, &str, &str, &str)]) -> Vec<u8> {
    let mut made = Made::new(true);
    for (second, user, name, message) in lines {
        let values = [
            format!("_UID={user}"),
            format!("SYSLOG_IDENTIFIER={name}"),
            "_PID=9".to_owned(),
            "_HOSTNAME=h".to_owned(),
            format!("MESSAGE={message}"),
        ];
        let data: Vec<u64> = values.iter().map(|value| made.value(value.as_bytes())).collect();
        let at = at("2026-11-22T15:00:00Z").as_microsecond() as u64 + second * 1_000_000 + 7;
        made.entry(at, second * 1_000_000, [7; 16], &data);
    }
    made.listed()
}

const MACHINE: &str = "journal/0123456789abcdef0123456789abcdef";
const FAILED: &str = "Failed password for root from 203.0.113.1 port 4022 ssh2";

#[test]
fn entries_of_the_journal_are_searched_as_the_lines_of_a_logger() {
    let dir = TempDir::new().unwrap();
    let lines =
        [(0, "0", "sshd", FAILED), (1, "0", "cron", "x"), (2, "1000", "sshd", FAILED), (700, "0", "sshd", FAILED)];
    write(&dir, &format!("{MACHINE}/system.journal"), &journal(&lines), UNTIL);
    let seen = look(params(&dir));
    assert!(seen.missing.is_empty() && seen.loss.is_empty(), "{:?} {:?}", seen.missing, seen.loss);
    let output = seen.output;
    assert!(output.journal.as_ref().unwrap().ends_with(MACHINE));
    assert_eq!((output.files[0].format, output.files[0].kind), (Format::Journal, Some(Kind::Syslog)));
    assert_eq!((output.lines, output.hits), (3, 1), "the last is later than the span, and a user is no sshd");
    let failed = &output.patterns["ssh_failed_password"];
    assert_eq!(failed.samples, [format!("2026-11-22T15:00:00.000007Z h sshd[9]: {FAILED}")]);
    assert_eq!(failed.captures["address"][0].value, "203.0.113.1");
}

#[test]
fn a_line_that_a_syslog_daemon_wrote_of_the_journal_counts_once() {
    let dir = TempDir::new().unwrap();
    let entries = [
        (0, "0", "sshd", FAILED),
        (1, "0", "sshd", FAILED),
        (2, "1000", "sshd", "Invalid user x from 203.0.113.7 port 1"),
    ];
    write(&dir, &format!("{MACHINE}/system.journal"), &journal(&entries), UNTIL);
    let other = FAILED.replace("203.0.113.1", "203.0.113.2");
    let text = format!(
        "Nov 22 15:00:00 h sshd[9]: {FAILED}\nNov 22 15:00:01 h sshd[9]: message repeated 2 times: [ {FAILED}]\n\
         Nov 22 15:00:02 h sshd[9]: Invalid user x from 203.0.113.7 port 1\nNov 22 15:00:03 h sshd[9]: {other}\n"
    );
    write(&dir, "auth.log", text.as_bytes(), UNTIL);
    write(&dir, "messages", text.as_bytes(), UNTIL);
    let free = IndexMap::from([("free".to_owned(), Wanted::Free("Invalid user".to_owned()))]);
    for _ in 0..2 {
        let seen = look(params(&dir)).output;
        let failed = &seen.patterns["ssh_failed_password"];
        assert_eq!(failed.count, 4, "two in the journal, a third of the same and another in the files");
        assert_eq!(failed.captures["address"].iter().map(|address| address.count).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(seen.patterns["ssh_invalid_user"].count, 0, "the journal knows that a user wrote it");
    }
    assert_eq!(look(Params { patterns: free, ..params(&dir) }).output.hits, 1);
}

#[test]
fn the_journal_alone_is_read_where_only_it_can_tell() {
    let dir = TempDir::new().unwrap();
    write(&dir, &format!("{MACHINE}/system.journal"), &journal(&[(0, "0", "sshd", FAILED)]), UNTIL);
    write(
        &dir,
        &format!("{MACHINE}.db/system.journal"),
        &journal(&[(1, "0", "sshd", FAILED), (2, "0", "sshd", FAILED)]),
        UNTIL,
    );
    write(&dir, "messages", syslog("2026-11-22T15:00:00Z", 10, 1).as_bytes(), UNTIL);
    let lines = |params: Params| look(params).output.lines;
    assert_eq!(lines(params(&dir)), 10, "what both have of a minute counts once");
    let namespace = |name: &str| Params { namespace: Some(name.to_owned()), ..params(&dir) };
    assert_eq!((lines(namespace("")), lines(namespace("db"))), (1, 2));
    let boot = |boot: &str| Params { boot: Some(boot.to_owned()), ..params(&dir) };
    assert_eq!((lines(boot(&"07".repeat(16))), lines(boot(&"08".repeat(16)))), (3, 0));
    assert_eq!(lines(Params { units: vec!["ssh".to_owned()], ..params(&dir) }), 0);
    assert_eq!(lines(Params { priority: Some("err".to_owned()), ..params(&dir) }), 0);
    for (wrong, name) in
        [(Params { priority: Some("8".to_owned()), ..params(&dir) }, "`priority`"), (boot("yesterday"), "`boot`")]
    {
        let gap = Logs.observe(wrong, &Context::alone()).unwrap_err();
        assert!(gap.to_string().contains(name) && gap.to_fix.is_some(), "{gap}");
    }
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    let gap = Logs.observe(namespace("db"), &Context::alone()).unwrap_err();
    assert_eq!(gap.reason, Reason::Absent, "no journal is not an empty one");
}

#[test]
fn a_journal_that_cannot_be_read_to_its_end_is_a_gap() {
    let dir = TempDir::new().unwrap();
    let path = format!("{MACHINE}/system.journal");
    write(&dir, &path, b"LPKSHHRH", UNTIL);
    let gap = Logs.observe(params(&dir), &Context::alone()).unwrap_err();
    assert!(gap.to_string().contains("ends within its header"), "no hit in no file says nothing: {gap}");
    let whole = journal(&[(0, "0", "sshd", FAILED); 40]);
    write(&dir, &path, &whole[..whole.len() - 100], UNTIL);
    let seen = look(params(&dir));
    let gap = &seen.missing[0];
    assert!(gap.fields.contains(&"patterns".to_owned()) && gap.gap.reason == Reason::Malformed, "{:?}", seen.missing);
    assert!(gap.gap.why.contains("cut or damaged") && gap.gap.to_fix.as_ref().unwrap().contains("journalctl --verify"));
    assert!(seen.output.hits > 0);
}

#[test]
fn a_rotated_journal_that_does_not_reach_into_the_span_is_not_read() {
    let dir = TempDir::new().unwrap();
    let lines = journal(&[(0, "0", "sshd", FAILED)]);
    for name in ["system.journal", "system@1-1-1.journal", "user-1000.journal", "notes.txt"] {
        write(&dir, &format!("{MACHINE}/{name}"), &lines, UNTIL);
    }
    assert_eq!(look(params(&dir)).output.files.len(), 3);
    let later = look(Params { until: Some("2026-11-22T17:00:00Z".to_owned()), ..params(&dir) }).output;
    assert_eq!(
        (later.files.len(), later.older_files, later.lines),
        (1, 2, 0),
        "that of the host is named all the same"
    );
}

/// The test binary again, as nobody, for one test.
fn as_nobody(test: &str) -> bool {
    const MARK: &str = "CASEBOOK_TEST_AS_NOBODY";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    if !nix::unistd::geteuid().is_root() {
        // Nobody already.
        return true;
    }
    let binary = std::env::current_exe().unwrap();
    // A copy that nobody may run, wherever the build directory lies.
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = dir.path().join("test");
    fs::copy(binary, &copy).unwrap();
    use std::os::unix::process::CommandExt as _;
    let status = std::process::Command::new(copy)
        .args([test, "--exact", "--nocapture"])
        .env(MARK, "1")
        .env("TMPDIR", "/tmp")
        .current_dir("/")
        .gid(65534)
        .uid(65534)
        .status()
        .unwrap();
    assert!(status.success());
    false
}

#[test]
fn a_log_that_may_not_be_read_is_a_gap_that_says_how() {
    if !as_nobody("probe::logs::tests::a_log_that_may_not_be_read_is_a_gap_that_says_how") {
        return;
    }
    let dir = TempDir::new().unwrap();
    write(&dir, "secure", b"2026-11-22T15:00:00Z h x\n", UNTIL);
    fs::create_dir(dir.path().join("nginx")).unwrap();
    let mode = |name: &str, mode| fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    mode("secure", 0o000);
    let gap = Logs.observe(params(&dir), &Context::alone()).unwrap_err();
    assert_eq!(gap.reason, Reason::Denied);
    assert!(gap.to_string().contains("sudo"), "{gap}");
    mode("nginx", 0o000);
    write(&dir, "messages", syslog("2026-11-22T15:00:00Z", 10, 1).as_bytes(), UNTIL);
    let seen = look(params(&dir));
    mode("nginx", 0o700);
    assert_eq!(seen.output.lines, 10);
    assert_eq!(seen.missing.len(), 2, "{:?}", seen.missing);
    assert!(seen.missing.iter().all(|missing| missing.gap.reason == Reason::Denied));
    let secure = seen.output.files.iter().find(|file| file.path.ends_with("secure")).unwrap();
    assert_eq!((secure.lines, secure.unreadable.as_ref().unwrap().reason), (None, Reason::Denied));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn the_search_finds_the_lines_that_a_look_at_every_line_finds(
        steps in proptest::collection::vec((0i64..90, 0usize..400, 0u8..12), 1..600),
        from in 0i64..20_000,
        length in 0i64..20_000,
    ) {
        let mut text = String::new();
        let mut second = 1_795_000_000;
        let begin = second;
        let mut times = Vec::new();
        for (step, filling, kind) in steps {
            second += step;
            if kind > 0 || times.is_empty() {
                writeln!(text, "{} x {}", Timestamp::from_second(second).unwrap(), "y".repeat(filling)).unwrap();
                times.push(second);
            } else {
                second -= step;
                writeln!(text, "  {}", "z".repeat(filling)).unwrap();
                times.push(second);
            }
        }
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("messages"), &text).unwrap();
        let (from, to) = (begin + from, begin + from + length);
        let expected = times.iter().filter(|time| (from..=to).contains(*time)).count() as u64;
        let patterns = [("all".to_owned(), Wanted::Free("x |z*$".to_owned()))].into_iter().collect();
        let seen = look(Params {
            until: Some(Timestamp::from_second(to).unwrap().to_string()),
            since: Span(Duration::from_secs(length as u64)),
            patterns,
            ..params(&dir)
        }).output;
        proptest::prop_assert_eq!(seen.lines, expected);
        proptest::prop_assert_eq!(seen.patterns["all"].count, expected);
        proptest::prop_assert!(seen.files[0].sorted);
    }

    #[test]
    fn no_file_makes_the_probe_panic(bytes in proptest::collection::vec(proptest::prop_oneof![proptest::num::u8::ANY, proptest::strategy::Just(b'\n')], 0..4000), packed in proptest::bool::ANY) {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("messages"), &bytes).unwrap();
        fs::write(dir.path().join("messages.1.gz"), if packed { gz(&bytes) } else { bytes }).unwrap();
        let _ = Logs.observe(params(&dir), &Context::alone());
    }
}
