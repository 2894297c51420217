//! Calm is a conclusion: a host is called quiet only while every condition of that was seen to hold, so whatever disturbs one
//! of them, or takes it away, ends the calm.

mod support;

use casebook::case::{Case, Choice, Evidence, Gap, Host, Likelihood, Picked};
use casebook::engine::{self, Literal, Provenance, Record, Recorded, Request};
use casebook::runbook::{self, Kind, Runbook};
use casebook::script::sandbox::Limits;
use casebook::sys::trust::Trust;
use casebook::testing::{self, TestFile};
use indexmap::IndexMap;
use serde_json::{Value, json};
use support::recorded;

/// Recorded hosts that are in no trouble.
const QUIET: [&str; 2] = ["quiet", "background-noise"];

/// A name, the step whose evidence changes, and what it says instead, by place.
type Disturbance = (&'static str, &'static str, Vec<(&'static str, Value)>);

/// Each condition of calm, disturbed.
fn disturbances() -> Vec<Disturbance> {
    vec![
        ("busy CPUs by pressure", "host", vec![("/cpu/busy_share", json!(1.0)), ("/pressure/cpu_some", json!(0.9))]),
        ("busy CPUs by load", "host", vec![("/cpu/busy_share", json!(1.0)), ("/load/one", json!(4.0))]),
        ("a CPU that only receives", "host", vec![("/cpu/busiest_softirq_share", json!(0.99))]),
        ("full memory", "host", vec![("/memory/used_share", json!(0.98))]),
        ("waiting for memory", "host", vec![("/pressure/memory_some", json!(0.5))]),
        ("waiting for disks", "host", vec![("/pressure/io_full", json!(0.9))]),
        ("a link that is down", "rates", vec![("/watched/up", json!(false))]),
        ("a link without a carrier", "rates", vec![("/watched/carrier", json!(false))]),
        ("packets that the card missed", "rates", vec![("/watched/rx/missed", json!(500))]),
        (
            "packets that the driver lost at a full ring",
            "devices",
            vec![(
                "/devices/0/losses",
                json!([{"name": "port.rx_dropped", "summed": 1, "grew": 900, "ever": 900, "meaning": "ring_full", "way": "in",
                    "lost": true, "unit": "packet", "says": "lost at a full receive ring"}]),
            )],
        ),
        ("a half duplex link", "devices", vec![("/devices/0/duplex", json!("half"))]),
        ("much that comes in", "rates", vec![("/watched/rx/bits_per_second", json!(50e6))]),
        ("bytes that nobody took", "rates", vec![("/watched/rx/bytes", json!(3_000_000))]),
        (
            "much that goes out",
            "rates",
            vec![("/watched/tx/bits_per_second", json!(83e6)), ("/watched/tx/bytes", json!(31_000_000))],
        ),
        (
            "many small packets that go out",
            "rates",
            vec![("/watched/tx/packets_per_second", json!(8000.0)), ("/watched/tx/packets", json!(24_000))],
        ),
        ("a ping flood", "traffic", vec![("/icmp/packets", json!(9000))]),
        ("connections refused", "kernel", vec![("/tcp/listen_overflows", json!(40))]),
        ("SYNs dropped", "kernel", vec![("/tcp/req_q_full_drop", json!(40))]),
        ("datagrams lost at full queues", "kernel", vec![("/udp/rcvbuf_errors", json!(4000))]),
        ("datagrams to closed ports", "kernel", vec![("/udp/no_ports", json!(9000))]),
        ("a process killed for want of memory", "logs", vec![("/patterns/out_of_memory/count", json!(1))]),
        ("a full table of connections", "logs", vec![("/patterns/conntrack_full/count", json!(1))]),
        ("many lines of trouble", "logs", vec![("/hits", json!(300))]),
    ]
}

/// What was not seen of the conditions, by step and place.
const ERASED: &[(&str, &str)] = &[
    ("host", "/cpu"),
    ("host", "/cpu/busy_share"),
    ("host", "/cpu/busiest_softirq_share"),
    ("host", "/memory"),
    ("host", "/load"),
    ("rates", "/watched/carrier"),
    ("devices", "/devices"),
    ("rates", "/watched/rx/bits_per_second"),
    ("rates", "/watched/rx/missed"),
    ("rates", "/watched/tx/bits_per_second"),
    ("traffic", "/icmp"),
    ("traffic", "/endpoints"),
    ("sockets", "/listeners"),
    ("firewall", "/rules"),
    ("kernel", "/udp"),
    ("kernel", "/tcp"),
    ("drops", "/total_packets"),
    ("logs", "/patterns"),
    ("logs", "/files"),
];

fn quiet() -> Vec<(&'static str, Case, Runbook)> {
    let mut cases = recorded::all();
    cases.retain(|(name, _)| QUIET.contains(&name.as_str()));
    assert_eq!(cases.len(), QUIET.len(), "the quiet hosts are recorded");
    let one = |(name, mut case): (String, Case)| {
        // They keep no logs; one that does is calm while its logs are.
        *place(&mut case.evidence, "logs", "/files") = json!([{"path": "/var/log/kern.log"}]);
        let name = *QUIET.iter().find(|quiet| **quiet == name).expect("it was chosen");
        let runbook = recorded::shipped(&case.runbook.name);
        (name, case, runbook)
    };
    cases.into_iter().map(one).collect()
}

/// What a case says that reads as calm.
fn calm(case: &Case) -> Vec<String> {
    let mut said = Vec::new();
    if case.diagnosis.summary.starts_with("Nothing unusual") {
        said.push(case.diagnosis.summary.clone());
    }
    if case.verdict.exit_status() == 0 {
        said.push("the exit status is 0".to_owned());
    }
    said
}

fn place<'a>(evidence: &'a mut IndexMap<String, Evidence>, step: &str, pointer: &str) -> &'a mut Value {
    let output = evidence[step].output.as_mut().expect("the step looked");
    output.pointer_mut(pointer).unwrap_or_else(|| panic!("{step} has no {pointer}"))
}

/// The calm that remains of each quiet host after what `disturb` does to its evidence.
fn remains(what: &str, disturb: impl Fn(&mut IndexMap<String, Evidence>)) -> Vec<String> {
    let one = |(name, case, runbook): (&str, Case, Runbook)| {
        let mut evidence = case.evidence.clone();
        disturb(&mut evidence);
        let judged = recorded::judge(&runbook, &case, evidence);
        calm(&judged).into_iter().map(|said| format!("{name} with {what}: {said}")).collect::<Vec<_>>()
    };
    quiet().into_iter().flat_map(one).collect()
}

fn assert_none(remains: Vec<String>) {
    assert!(remains.is_empty(), "calm in spite of\n{}", remains.join("\n"));
}

#[test]
fn a_quiet_host_is_calm() {
    for (name, case, runbook) in quiet() {
        let judged = recorded::judge(&runbook, &case, case.evidence.clone());
        assert_eq!(calm(&judged).len(), 2, "{name}: {} {}", judged.verdict, judged.diagnosis.summary);
    }
}

#[test]
fn each_condition_that_does_not_hold_ends_the_calm() {
    let remaining = disturbances().into_iter().flat_map(|(what, step, changes)| {
        remains(what, |evidence| {
            for (pointer, value) in &changes {
                *place(evidence, step, pointer) = value.clone();
            }
        })
    });
    assert_none(remaining.collect());
}

#[test]
fn each_condition_that_was_not_seen_ends_the_calm() {
    let remaining = ERASED.iter().flat_map(|(step, pointer)| {
        remains(&format!("{step}{pointer} erased"), |evidence| *place(evidence, step, pointer) = Value::Null)
    });
    assert_none(remaining.collect());
}

#[test]
fn each_step_that_could_not_look_ends_the_calm() {
    let steps = ["host", "rates", "traffic", "sockets", "firewall", "kernel", "drops", "logs"];
    let remaining = steps.into_iter().flat_map(|step| {
        remains(&format!("{step} blind"), |evidence| {
            let blind = &mut evidence[step];
            (blind.output, blind.gap) = (None, Some(Gap::denied("look", "CAP_TEST")));
        })
    });
    assert_none(remaining.collect());
}

#[test]
fn another_interface_that_carries_much_ends_the_calm() {
    assert_none(remains("83 Mbit/s on eth1", |evidence| {
        let mut other = place(evidence, "rates", "/watched").clone();
        other["name"] = json!("eth1");
        other["rx"]["bits_per_second"] = json!(83e6);
        let interfaces = place(evidence, "rates", "/interfaces").as_array_mut().expect("a list");
        interfaces.push(other);
    }));
}

/// Every runbook that ships, and all of them as one.
fn shelf() -> Vec<Runbook> {
    let found = runbook::embedded(Kind::Runbook);
    let mut heads: Vec<Runbook> =
        found.iter().map(|found| runbook::load_head(found, Trust::Required).expect("it is good")).collect();
    // The recorded hosts were asked by the steps of this one.
    heads.sort_by_key(|head| head.name != "high-inbound-traffic");
    let picked =
        |head: &Runbook| Picked { runbook: head.name.clone(), words: Vec::new(), sign: None, apart: Vec::new() };
    let choice = Choice { picked: heads.iter().map(picked).collect(), ..Choice::default() };
    let (whole, _) = runbook::compose(&heads.iter().collect::<Vec<_>>(), choice).expect("they are one");
    heads.iter().map(|head| recorded::shipped(&head.name)).chain([whole]).collect()
}

#[test]
fn no_runbook_that_ships_accuses_anybody_on_a_host_without_trouble() {
    for runbook in shelf() {
        for (name, case, _) in quiet() {
            let judged = recorded::judge(&runbook, &case, case.evidence.clone());
            let accused = judged.diagnosis.causes.iter().filter(|cause| cause.likelihood > Likelihood::Possible);
            let accused: Vec<&str> = accused.map(|cause| cause.title.as_str()).collect();
            assert!(accused.is_empty(), "{} on {name}: {accused:#?}", runbook.name);
            if runbook.name != case.runbook.name {
                assert!(calm(&judged).is_empty(), "{} on {name}: not all of it was seen", runbook.name);
            }
        }
    }
}

/// A host that has much to do and does it: what each step says there instead of what the first test of each runbook gives it, a host
/// that rests. A list of one entry and a number of them is that many of its like.
type Busy = (&'static str, Vec<(&'static str, &'static str, Value)>);

/// So many entries like the one that is there.
fn many(number: u64) -> Value {
    json!({ "like the first": number })
}

fn busy_hosts() -> Vec<Busy> {
    let process =
        |pid: i32, name: &str| json!({"pid": pid, "name": name, "user": name, "unit": format!("{name}.service")});
    let uses = |pid: i32, name: &str, cpu: f64, memory: u64| {
        json!({"process": process(pid, name), "cpu_share": cpu, "resident_bytes": memory, "io": {"disk_read_bytes": 900_000_000, "disk_written_bytes": 700_000_000},
            "ended_children_cpu_share": 0.1, "kernel": false, "open_files": 4300, "open_files_limit": 65_536, "open_files_share": 0.066, "waits_in": "folio_wait_bit_common"})
    };
    vec![
        (
            "a web server with thousands of connections",
            vec![
                ("sockets", "/connections", many(400)),
                ("sockets", "/counts/tcp_established", json!(4200)),
                ("sockets", "/counts/tcp_time_wait", json!(2400)),
                ("sockets", "/listeners/0/queue", json!(3)),
                ("sockets", "/listeners/0/syn_recv", json!(2)),
                ("sockets", "/paths/0/segments", json!(900_000)),
                ("sockets", "/paths/0/retransmits", json!(1800)),
                ("sockets", "/paths/0/connections", json!(4000)),
                ("sockets", "/paths/0/window_closed", json!(4)),
                ("sockets", "/paths/0/stalled", json!(3)),
                ("kernel", "/tcp/passive_opens", json!(24_000)),
                ("kernel", "/tcp/in_segs", json!(700_000)),
                ("kernel", "/tcp/out_segs", json!(900_000)),
                ("kernel", "/tcp/retransmitted", json!(1800)),
                ("kernel", "/tcp/attempt_fails", json!(60)),
                ("kernel", "/tcp/syn_retransmitted", json!(40)),
                ("kernel", "/conntrack/count", json!(21_000)),
                ("kernel", "/conntrack/used_share", json!(0.32)),
                ("host", "/cpu/busy_share", json!(0.62)),
                ("host", "/cpu/softirq_share", json!(0.08)),
                ("host", "/cpu/busiest_softirq_share", json!(0.3)),
                ("host", "/load/one", json!(3.1)),
                ("host", "/load/per_cpu", json!(0.78)),
                ("host", "/pressure/cpu_some", json!(0.12)),
                ("host", "/net_rx/softirqs", json!(400_000)),
                ("processes", "/top_cpu", json!([uses(701, "nginx", 2.1, 900_000_000)])),
                ("processes", "/top_open_files", json!([uses(701, "nginx", 2.1, 900_000_000)])),
                ("logs", "/patterns/web_upstream/count", json!(2)),
                ("logs", "/patterns/web_limited/count", json!(40)),
            ],
        ),
        (
            "a database whose disks have much to do",
            vec![
                ("disk", "/devices/0/read_bytes_per_second", json!(210_000_000)),
                ("disk", "/devices/0/written_bytes_per_second", json!(150_000_000)),
                ("disk", "/devices/0/write_wait_ms", json!(7)),
                ("disk", "/devices/0/read_wait_ms", json!(3)),
                ("disk", "/devices/0/busy_share", json!(0.93)),
                ("disk", "/devices/0/mean_queue", json!(4.2)),
                ("disk", "/busiest_share", json!(0.93)),
                ("disk", "/filesystems/0/used_share", json!(0.82)),
                ("host", "/cpu/busy_share", json!(0.45)),
                ("host", "/cpu/iowait_share", json!(0.2)),
                ("host", "/load/one", json!(4.6)),
                ("host", "/load/per_cpu", json!(1.1)),
                ("host", "/pressure/io_some", json!(0.15)),
                ("host", "/pressure/io_full", json!(0.06)),
                ("host", "/memory/available_bytes", json!(2_100_000_000)),
                ("host", "/memory/cached_bytes", json!(1_900_000_000)),
                ("host", "/swap/used_bytes", json!(1_200_000_000)),
                ("processes", "/top_memory", json!([uses(800, "postgres", 0.9, 9_000_000_000)])),
                ("processes", "/top_disk", json!([uses(800, "postgres", 0.9, 9_000_000_000)])),
                ("processes", "/blocked", json!([uses(801, "postgres", 0.3, 80_000_000)])),
                ("processes", "/states/disk_sleep", json!(1)),
            ],
        ),
        (
            "a build machine whose CPUs are used up",
            vec![
                ("host", "/cpu/busy_share", json!(1.0)),
                ("host", "/cpu/system_share", json!(0.15)),
                ("host", "/load/one", json!(4.4)),
                ("host", "/load/per_cpu", json!(1.1)),
                ("host", "/pressure/cpu_some", json!(0.3)),
                ("host", "/processes/running", json!(5)),
                ("host", "/pressure/io_some", json!(0.05)),
                (
                    "processes",
                    "/top_cpu",
                    json!([uses(900, "cc1plus", 0.99, 700_000_000), uses(901, "ld", 0.97, 1_500_000_000)]),
                ),
                ("processes", "/top_memory", json!([uses(901, "ld", 0.97, 1_500_000_000)])),
                ("processes", "/forks", json!(1900)),
                ("processes", "/states/zombie", json!(3)),
                ("disk", "/devices/0/written_bytes_per_second", json!(60_000_000)),
                ("disk", "/devices/0/busy_share", json!(0.3)),
            ],
        ),
        (
            "a mail relay that some do not answer",
            vec![
                (
                    "sockets",
                    "/opening",
                    json!([{"process": process(950, "smtp"), "connections": 40, "waiting": 1, "remote_address": "198.51.100.25", "remote_port": 25}]),
                ),
                ("sockets", "/connections", many(120)),
                ("sockets", "/counts/tcp_time_wait", json!(900)),
                ("kernel", "/tcp/active_opens", json!(600)),
                ("kernel", "/tcp/passive_opens", json!(500)),
                ("kernel", "/tcp/attempt_fails", json!(40)),
                ("kernel", "/tcp/retransmitted", json!(150)),
                ("kernel", "/tcp/out_segs", json!(30_000)),
                ("kernel", "/tcp/syn_retransmitted", json!(9)),
                ("names", "/lookups/0/seconds", json!(0.09)),
                ("host", "/cpu/busy_share", json!(0.3)),
                ("processes", "/processes", json!(700)),
                ("processes", "/forks", json!(900)),
                ("processes", "/states/zombie", json!(2)),
                ("disk", "/devices/0/busy_share", json!(0.4)),
            ],
        ),
        (
            "a host of many containers",
            vec![
                ("units", "/seen", json!(2400)),
                (
                    "units",
                    "/groups",
                    json!([{"path": "/system.slice/docker-1.scope", "unit": "docker 0123456789ab", "cpu_share": 0.7, "cpus": 1.0, "periods": 50,
                    "throttled_periods": 5, "throttled_share": 0.1, "throttled_seconds": 0.08, "memory_bytes": 900_000_000, "memory_limit_bytes": 1_000_000_000,
                    "oom_kills": 0, "oom_kills_ever": 2, "limit_reached": 0}]),
                ),
                ("units", "/groups_left_out", json!(300)),
                ("services", "/seen", json!(260)),
                ("services", "/failed", json!(["logrotate.service"])),
                ("services", "/units/0/restarts", json!(1)),
                ("services", "/units/0/tasks_share", json!(0.6)),
                ("processes", "/processes", json!(2600)),
                ("processes", "/threads", json!(9800)),
                ("kernel", "/conntrack/count", json!(90_000)),
                ("kernel", "/conntrack/max", json!(262_144)),
                ("kernel", "/conntrack/used_share", json!(0.34)),
                ("host", "/cpu/busy_share", json!(0.7)),
                ("host", "/load/one", json!(3.6)),
                ("host", "/pressure/cpu_some", json!(0.2)),
                ("sockets", "/counts/tcp_time_wait", json!(1500)),
                ("limits", "/files/0/lines/0/text", json!("140000\t0\t1600000")),
            ],
        ),
    ]
}

/// Puts it in its place, if the step has that.
fn put(output: &mut Value, pointer: &str, value: &Value) -> bool {
    let Some(place) = output.pointer_mut(pointer) else { return false };
    match (value["like the first"].as_u64(), place.as_array_mut()) {
        (None, _) => *place = value.clone(),
        (Some(number), Some(list)) => {
            let first = list.first().cloned().unwrap_or_default();
            list.extend((1..number).map(|_| first.clone()));
        }
        (Some(_), None) => return false,
    }
    true
}

/// What a runbook says of a host that its first test describes, with these changes; and how many of them had a place.
fn said_of(file: &TestFile, changes: &[(&str, &str, Value)], applied: &mut [bool]) -> Case {
    let test = &file.tests[0];
    let mut evidence = test.evidence.clone();
    let mut recorded = test.recorded.as_ref().map(|case| case.evidence.clone());
    for ((step, pointer, value), applied) in changes.iter().zip(applied) {
        let written = evidence.get_mut(*step).and_then(|evidence| evidence.output.as_mut());
        let kept = recorded.as_mut().and_then(|steps| steps.get_mut(*step)).and_then(|step| step.output.as_mut());
        for output in written.into_iter().chain(kept) {
            *applied |= put(output, pointer, value);
        }
    }
    let host = Host {
        name: "busy".to_owned(),
        kernel: "6.1".to_owned(),
        root: true,
        local_time: None,
        clock: None,
        vantage: None,
    };
    let request = Request {
        runbook: &file.runbook,
        params: engine::resolve_params(&file.runbook, &test.params).expect("the parameters are right"),
        provenance: Provenance::Recorded(Record::new(host, test.now)),
        limits: Limits::default(),
        printed: &|_, _| {},
    };
    let recorded = recorded.map(|evidence| Recorded::new(evidence, &file.runbook));
    let observer = Literal::new(evidence, recorded, Vec::new(), test.now);
    engine::run(&request, &observer).expect("Lua starts")
}

#[test]
fn no_runbook_that_ships_accuses_anybody_on_a_host_that_is_busy_and_well() {
    let sources = testing::shipped();
    let of_runbooks = sources
        .iter()
        .filter(|source| source.found.origin.contains(".test.yaml") && source.found.origin.starts_with("runbooks/"));
    let files: Vec<TestFile> = of_runbooks.filter_map(|source| testing::read(source, Trust::Required).ok()).collect();
    for (host, changes) in busy_hosts() {
        let (mut applied, mut judged) = (vec![false; changes.len()], 0);
        for runbook in runbook::embedded(Kind::Runbook) {
            let own = format!("/{}.test.yaml", runbook.name);
            let file = files.iter().find(|file| file.origin.contains(&own)).expect("it has tests");
            let case = said_of(file, &changes, &mut applied);
            let accused = case.diagnosis.causes.iter().filter(|cause| cause.likelihood > Likelihood::Possible);
            let accused: Vec<&str> = accused.map(|cause| cause.title.as_str()).collect();
            assert!(accused.is_empty(), "{} on {host}: {accused:#?}", runbook.name);
            judged += 1;
        }
        assert_eq!(judged, 8, "each runbook has its say");
        let nowhere: Vec<_> = changes.iter().zip(&applied).filter(|(_, applied)| !**applied).collect();
        assert!(nowhere.is_empty(), "{host}: no runbook looks at {nowhere:#?}");
    }
}
