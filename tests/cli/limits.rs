//! What is small on the disk and large in memory, and what takes for ever: both have an end, and the answer says so.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::command::{Answer, Desk, GOOD, finish};

/// Address space that a command gets here, in KiB: less than what the values would take that it must not build.
const ROOM: u32 = 700_000;

/// Runs the binary in bounded address space.
fn run_in_room(desk: &Desk, line: &str, environment: &[(&str, &str)]) -> Answer {
    let inside = desk.command(line.split_whitespace());
    let mut outside = std::process::Command::new("/bin/sh");
    outside.args(["-c", &format!("ulimit -v {ROOM}; exec \"$@\""), "sh"]);
    outside
        .arg(inside.get_program())
        .args(inside.get_args())
        .current_dir(inside.get_current_dir().unwrap())
        .env_clear();
    outside.envs(inside.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outside.envs(environment.iter().map(|(name, value)| (OsStr::new(*name), OsStr::new(*value))));
    outside.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    outside.stderr(std::process::Stdio::piped());
    finish(outside.spawn().unwrap())
}

/// A case of a good run, as JSON.
fn recorded(desk: &Desk) -> Value {
    desk.put("brief.yaml", GOOD).run("run brief.yaml --no-keep --save recorded.json").ended(0);
    serde_json::from_str(&desk.text("recorded.json")).unwrap()
}

/// Packs members with a manifest that is right for them.
fn packed(members: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let listed = members.iter().map(|(name, at, bytes)| {
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"name": name, "form": "json", "at": at, "bytes": bytes.len(), "sha256": digest})
    });
    let manifest = json!({"format": 1, "casebook": "0", "members": listed.collect::<Vec<_>>()}).to_string();
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    add("manifest.json", manifest.as_bytes());
    members.iter().for_each(|(name, _, bytes)| add(name, bytes));
    compress_to_vec(tar.into_inner().unwrap().as_slice(), CompressionLevel::Fastest)
}

/// The evidence of the case with six million tiny values in its output.
fn expanded(case: &Value) -> Vec<u8> {
    let mut evidence = case["evidence"]["rates"].clone();
    evidence["output"] = json!("VALUES");
    evidence.to_string().replace("\"VALUES\"", &format!("[{}0]", "0,".repeat(6_000_000))).into_bytes()
}

/// A packed case of some kilobytes with six million tiny values in its evidence.
fn expanding(mut case: Value) -> Vec<u8> {
    let evidence = expanded(&case);
    case["evidence"] = json!({});
    let case = case.to_string();
    packed(&[("case.json", "", case.as_bytes()), ("evidence/rates.json", "/evidence/rates", &evidence)])
}

#[test]
fn a_small_case_of_millions_of_values_is_refused_by_every_command_before_it_takes_memory() {
    let desk = Desk::new();
    let case = recorded(&desk);
    let bomb = expanding(case.clone());
    assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
    desk.put("bomb.case", &bomb);
    for line in [
        "report bomb.case",
        "replay bomb.case",
        "diff recorded.json bomb.case",
        "retest bomb.case --trust",
        "cases show bomb.case",
        "attach bomb.case --to mailto:noc@example.org --smtp localhost --from a@example.org --dry-run",
    ] {
        let answer = run_in_room(&desk, line, &[]);
        assert_eq!(answer.status, Some(64), "{line}: {answer:?}");
        for said in ["bomb.case holds more values than fit into 128 MB of memory", "allow more with --max-memory"] {
            assert!(answer.err.contains(said), "{line}: {}", answer.err);
        }
    }
    let mut plain = case;
    let evidence = String::from_utf8(expanded(&plain)).unwrap();
    plain["evidence"] = json!({"rates": "EVIDENCE"});
    desk.put("plain.json", plain.to_string().replace("\"EVIDENCE\"", &evidence));
    let answer = run_in_room(&desk, "replay plain.json", &[]);
    assert_eq!(answer.status, Some(64), "{answer:?}");
    assert!(answer.err.contains("more values than fit"), "{}", answer.err);
}

#[test]
fn the_operator_says_how_much_memory_a_case_may_take() {
    let desk = Desk::new();
    recorded(&desk);
    desk.run("report recorded.json").ended(0);
    desk.run("report recorded.json --max-memory 10kB").refused(&["more values than fit into 10.0 kB of memory"]);
    desk.run("replay recorded.json --max-memory 1GB").ended(0);
}

#[test]
fn the_list_of_cases_reads_only_what_it_shows_and_a_damaged_case_is_a_row_that_says_so() {
    let desk = Desk::new();
    let case = recorded(&desk);
    desk.run("run brief.yaml").ended(0);
    let good = fs::read(desk.kept(&desk.kept_names()[0])).unwrap();
    let keep = |name: &str, bytes: &[u8]| fs::write(desk.kept(name), bytes).unwrap();
    let bomb = expanding(case);
    for number in 10..30 {
        keep(&format!("202001{number}T000000Z-good.case"), &good);
        keep(&format!("202002{number}T000000Z-expands.case"), &bomb);
    }
    keep("20200301T000000Z-cut.case", &good[..60]);
    keep("20200302T000000Z-other.case", b"PK\x03\x04");
    let answer = run_in_room(&desk, "cases", &[]);
    answer.ended(0);
    assert_eq!(answer.out.lines().count(), 43, "{}", answer.out);
    let row = |name: &str| answer.out.lines().find(|line| line.contains(name)).unwrap();
    assert!(row("-expands").contains("0 bit/s in") && row("-good").contains("0 bit/s in"), "{}", answer.out);
    assert!(row("-cut").contains("it is damaged or cut short"), "{}", row("-cut"));
    assert!(row("-other").contains("it is not a case"), "{}", row("-other"));
    let listed: Value =
        serde_json::from_str(&run_in_room(&desk, "cases list --format json", &[]).ended(0).out).unwrap();
    let cases = listed["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 43);
    assert!(cases.iter().filter(|case| case["error"].is_string()).count() == 2, "{listed:#}");
    assert!(cases.iter().filter(|case| case["verdict"] == "ok").count() == 41, "{listed:#}");
}

/// Signs that never end, in a cause that would otherwise be quiet.
fn looping(signs: usize) -> String {
    let mut runbook = format!("{GOOD}causes:\n  - id: slow\n    title: Slow\n    signs:\n");
    for sign in 0..signs {
        runbook.push_str(&format!(
            "      - for: weak\n        when: '(function() local x = {sign} while true do end end)()'\n"
        ));
    }
    runbook
}

#[test]
fn signs_that_loop_share_one_budget_and_what_was_not_judged_is_not_fine() {
    let desk = Desk::new();
    recorded(&desk);
    desk.put("loops.yaml", looping(60));
    let answer = desk.run("replay recorded.json loops.yaml --format json");
    assert_eq!(answer.status, Some(3), "not judged is not ok: {answer:?}");
    let case: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!((case["findings"][0]["verdict"].as_str(), case["verdict"].as_str()), (Some("ok"), Some("unknown")));
    let why = "the run's budget for conditions is used up: 5 s of CPU time";
    assert_eq!(case["limits"][0]["why"], why);
    assert!(case["diagnosis"]["summary"].as_str().unwrap().contains(why), "{}", case["diagnosis"]);
    let signs = case["diagnosis"]["causes"][0]["signs"].as_array().unwrap();
    let used_up = signs.iter().filter(|sign| sign["gaps"][0]["why"] == why).count();
    assert!(signs.len() == 60 && used_up >= 50, "{used_up}");
    desk.put("judged.json", &answer.out);
    let said = ["budget for conditions is used up", "shorten them", "not all was judged"];
    desk.run("report judged.json -v").printed(&said);
}

#[test]
fn checks_that_loop_share_one_budget() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("lua/checks")).unwrap();
    let check = "return check { name = 'spin', summary = 'Spins.', run = function(cx) while true do end end }\n";
    desk.put("lua/checks/spin.lua", check);
    let steps: String = (0..40).map(|number| format!("  - {{id: s{number}, title: Spin, check: spin}}\n")).collect();
    desk.put("spins.yaml", format!("name: spins\ntitle: Spins\nsteps:\n{steps}"));
    let answer = desk.run("run spins.yaml --no-keep --script-time 100ms --format json");
    assert_eq!(answer.status, Some(3), "{answer:?}");
    let case: Value = serde_json::from_str(&answer.out).unwrap();
    let why = case["limits"][0]["why"].as_str().unwrap();
    assert!(why.contains("budget for checks is used up: 600 ms of computing"), "{why}");
    let refused = case["findings"].as_array().unwrap().iter().filter(|found| found["gaps"][0]["why"] == why).count();
    assert!((20..40).contains(&refused), "{refused} of 40");
}

/// A pcap file of raw IP.
struct Pcap(Vec<u8>);

impl Pcap {
    fn new() -> Self {
        Pcap([0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101].iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// A SYN to 192.0.2.1, so many milliseconds after the beginning.
    fn syn(&mut self, millis: u32, source: u32, source_port: u16, port: u16) {
        for word in [1_700_000_000 + millis / 1000, millis % 1000 * 1000, 40, 40] {
            self.0.extend(word.to_le_bytes());
        }
        self.0.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
        self.0.extend(source.to_be_bytes());
        self.0.extend([192, 0, 2, 1]);
        self.0.extend(source_port.to_be_bytes());
        self.0.extend(port.to_be_bytes());
        self.0.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    }
}

#[test]
fn a_capture_that_is_larger_than_the_time_is_judged_as_far_as_it_was_read() {
    let desk = Desk::new();
    let mut pcap = Pcap::new();
    // A packet each millisecond.
    (0..600_000).for_each(|millis| pcap.syn(millis, 0x0a00_0000 + millis % 500, 999, 80));
    let size = pcap.0.len();
    desk.put("large.pcap", pcap.0);
    // A second of CPU time is free, then it may hardly go on: on a fast machine, too, the time is over before the file.
    let read = |probe: &str| desk.run(&format!("{probe} --timeout 3s --max-cpu 0.1%"));
    let answer = read("probe capture file=large.pcap --format json");
    let evidence: Value = serde_json::from_str(&answer.ended(0).out).unwrap();
    let loss = evidence["loss"][0].as_str().unwrap();
    let of = format!(" of {:.1} MB of large.pcap, the first ", size as f64 / 1e6);
    assert!(loss.starts_with("read ") && loss.contains(&of), "{loss}");
    for said in ["larger than can be read in 3 s", "--timeout", "`timeout` of its step", "editcap"] {
        assert!(loss.contains(said), "{loss}");
    }
    let (packets, seconds) = (&evidence["output"]["rx"]["packets"], evidence["output"]["seconds"].as_f64().unwrap());
    let packets = packets.as_f64().unwrap();
    assert!(packets > 1000.0 && packets < 600_000.0, "{packets} packets");
    assert!((packets / seconds - 1000.0).abs() < 20.0, "the rate is that of the part: {packets} in {seconds} s");
    let answer = read("run high-inbound-traffic --no-keep --pcap large.pcap");
    answer.reported().printed(&["larger than can be read in 3 s"]);
}

#[test]
fn the_same_capture_gives_the_same_figures_each_time() {
    let desk = Desk::new();
    let mut pcap = Pcap::new();
    // A scan of 1,002 ports; then more sources and flows than are counted one by one, and than have room.
    (0..1_002).for_each(|port| pcap.syn(u32::from(port), 0xc633_6407, 4000, 1 + port));
    (0..30_000).for_each(|number: u32| pcap.syn(1_002 + number, 0x0b00_0000 + number % 9_000, number as u16, 80));
    desk.put("scan.pcap", pcap.0);
    let look = || {
        let answer = desk.run("probe capture file=scan.pcap top=50 --format json");
        let mut evidence: Value = serde_json::from_str(&answer.ended(0).out).unwrap();
        for cost in ["started", "seconds", "cpu_seconds", "peak_memory_bytes"] {
            evidence.as_object_mut().unwrap().remove(cost);
        }
        evidence
    };
    let first = look();
    let remotes = &first["output"]["remotes"];
    let scanner = remotes["widest"].as_array().unwrap().iter().find(|remote| remote["address"] == "198.51.100.7");
    assert_eq!(scanner.unwrap()["local_ports"], 1_002);
    assert!(remotes["distinct"].as_u64().unwrap() > 8_500, "{}", remotes["distinct"]);
    for run in 2..=24 {
        assert_eq!(look().to_string(), first.to_string(), "run {run}");
    }
}

#[test]
fn a_time_zone_that_is_no_file_of_one_is_utc_and_said() {
    let desk = Desk::new();
    fs::create_dir(desk.path("logs")).unwrap();
    desk.put("logs/messages", "Nov 22 15:04:05 h sshd[9]: x\n");
    let probe = "probe logs dir=logs --format json";
    for zone in [":/dev/zero", "/dev/zero", "/proc/self/status"] {
        let answer = run_in_room(&desk, probe, &[("TZ", zone)]);
        assert!(answer.ended(0).out.contains("the local time zone is not known here ("), "{zone}: {}", answer.out);
    }
    assert!(!run_in_room(&desk, probe, &[("TZ", "EST5EDT,M3.2.0,M11.1.0")]).ended(0).out.contains("time zone"));
    assert!(!Path::new("/etc/localtime").exists() || desk.run(probe).status == Some(0));
}
