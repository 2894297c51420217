//! Calm is a conclusion: a host is called quiet only while every condition of that was seen to hold, so whatever disturbs one
//! of them, or takes it away, ends the calm.

mod support;

use casebook::case::{Case, Choice, Evidence, Gap, Likelihood, Picked};
use casebook::runbook::{self, Kind, Runbook};
use casebook::sys::trust::Trust;
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
