//! Hosts held against each other: recorded cases with other names and addresses.

use super::*;
use crate::case::{Clock, Reason, Remedy, Urgency};

fn recorded(name: &str) -> Case {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    Case::from_json(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A recorded case as that of a host of this name and address.
fn host(case: &str, name: &str, address: &str) -> Case {
    let case = recorded(case);
    let own = case.evidence.values().find(|of| of.probe == "capture").unwrap().output.as_ref().unwrap();
    let old = own["local_addresses"][0].as_str().unwrap().to_owned();
    let text = serde_json::to_string(&case).unwrap().replace(&format!("\"{old}\""), &format!("\"{address}\""));
    // The flood that was recorded was for a second address of its host.
    let text = text.replace(&format!("{old}:"), &format!("{address}:")).replace("10.77.1.3", address);
    let mut case = Case::from_json(&text).unwrap();
    case.host.name = name.to_owned();
    case.started = "2026-11-22T18:54:30Z".parse().unwrap();
    case.evidence.values_mut().for_each(|evidence| evidence.started = case.started);
    case.host.clock =
        Some(Clock { synchronised: true, maximum_error_seconds: Some(0.002), estimated_error_seconds: Some(0.001) });
    case
}

fn capture(case: &mut Case) -> &mut Value {
    case.evidence.values_mut().find(|of| of.probe == "capture").unwrap().output.as_mut().unwrap()
}

fn absent(host: &str) -> AbsentHost {
    AbsentHost { host: host.into(), gap: Gap::new(Reason::Absent, "read its case", "its file is empty") }
}

fn merge(cases: impl IntoIterator<Item = Case>, absent: Vec<AbsentHost>) -> Case {
    merged(cases.into_iter().map(Summary::of).collect(), absent).unwrap()
}

fn finding<'a>(case: &'a Case, step: &str) -> &'a Finding {
    case.findings.iter().find(|finding| finding.step == step).unwrap()
}

fn fleet(case: &Case) -> &Fleet {
    case.fleet.as_ref().unwrap()
}

#[test]
fn hosts_under_one_flood_are_one_cause_and_the_quiet_one_is_named() {
    let case = merge(
        [
            host("udp-flood-closed-port.json", "web-1", "192.0.2.1"),
            host("udp-flood-closed-port.json", "web-2", "192.0.2.2"),
            host("quiet.json", "db-3", "192.0.2.3"),
        ],
        Vec::new(),
    );
    assert_eq!(case.verdict, Verdict::Critical);
    let cause = &case.diagnosis.causes[0];
    assert_eq!(cause.id, "udp-flood-closed-port");
    assert_eq!(cause.subject["hosts"], 2);
    assert!(!cause.subject.contains_key("local"), "each has its own address: {:?}", cause.subject);
    let said = &case.diagnosis.summary;
    assert!(said.starts_with("2 of 3 hosts: UDP flood on …, where nothing listens"), "{said}");
    let rates = &finding(&case, "rates").sentence;
    assert!(rates.starts_with("2 agree (critical); db-3 differs: "), "{rates}");
    assert_eq!(finding(&case, ANSWERED).verdict, Verdict::Ok);
    let spread = &fleet(&case).spreads[0];
    assert_eq!((spread.figure.as_str(), spread.hosts), ("rx_bits_per_second", 3));
    assert_eq!(spread.least.1, "db-3");
    assert!((spread.sum - 2.0 * spread.most.0 - spread.least.0).abs() < 1.0 && spread.median == spread.most.0);
}

#[test]
fn an_address_that_several_hosts_have_is_what_the_flood_is_for() {
    let vip = || {
        ["web-1", "web-2", "web-3"].map(|name| {
            let mut case = host("syn-flood.json", name, "192.0.2.80");
            capture(&mut case)["remotes"]["top"][0]["bytes"] = 30_000.into();
            case
        })
    };
    let case = merge(vip().into_iter().chain([host("syn-flood.json", "alone", "192.0.2.9")]), Vec::new());
    let causes: Vec<_> = fleet(&case).causes.iter().filter(|cause| cause.id == "syn-flood").collect();
    assert_eq!(causes.len(), 2);
    assert_eq!(causes[0].hosts.keys().collect::<Vec<_>>(), ["web-1", "web-2", "web-3"]);
    assert_eq!(causes[0].subject["local"], "192.0.2.80");
    assert!(!causes[1].subject.contains_key("local"));
    assert!(
        case.diagnosis.summary.starts_with("3 of 4 hosts: SYN flood on 192.0.2.80:80"),
        "{}",
        case.diagnosis.summary
    );
    let sources = causes[0].sources.as_ref().unwrap();
    assert_eq!((sources.hosts, sources.by_all, sources.listed), (3, 1, 1), "others sent too little");
    assert!(case.diagnosis.summary.contains("from the same 1 network at least"), "{}", case.diagnosis.summary);
    let signs: Vec<_> = case.diagnosis.causes[0].signs.iter().map(|sign| sign.say.as_str()).collect();
    assert!(signs.iter().any(|say| say.contains("lower bounds")), "{signs:?}");
    // Each of the two is a cause of its own, also to a comparison of two merged cases.
    assert_ne!(case.diagnosis.causes[0].id, case.diagnosis.causes[1].id);
}

/// A host that receives nearly all from one address.
fn flooded(name: &str, address: &str, by: &str) -> Case {
    let mut case = host("udp-flood-closed-port.json", name, address);
    let capture = capture(&mut case);
    let bytes = capture["rx"]["bytes"].as_u64().unwrap() * 9 / 10;
    capture["flows"] = Value::Array(Vec::new());
    capture["remotes"]["top"][0]["address"] = by.into();
    capture["remotes"]["top"][0]["bytes"] = bytes.into();
    case
}

#[test]
fn one_host_that_floods_others_is_named_with_both_sides_of_the_bytes() {
    let mut culprit = host("quiet.json", "db-3", "192.0.2.3");
    capture(&mut culprit)["sent"] = serde_json::json!({"to": [
        {"address": "192.0.2.1", "bytes": 17_000_000}, {"address": "192.0.2.2", "bytes": 17_100_000},
    ]});
    let victims = [flooded("web-1", "192.0.2.1", "192.0.2.3"), flooded("web-2", "192.0.2.2", "192.0.2.3")];
    let case = merge(victims.into_iter().chain([culprit]), Vec::new());
    let between = &fleet(&case).between;
    assert_eq!(between.iter().filter(|pair| pair.floods && pair.from == "db-3").count(), 2, "{between:#?}");
    let said = finding(&case, "between");
    assert_eq!(said.verdict, Verdict::Critical);
    assert!(
        said.sentence.contains("db-3 floods web-1 and web-2") && said.sentence.contains("34.1 MB by its own count"),
        "{}",
        said.sentence
    );
    assert!(case.diagnosis.summary.contains("db-3 floods web-1 and web-2"), "{}", case.diagnosis.summary);
}

#[test]
fn answers_to_a_flood_are_no_flood_however_much_of_what_its_sender_receives() {
    let mut culprit = flooded("db-3", "192.0.2.3", "192.0.2.1");
    capture(&mut culprit)["sent"] = serde_json::json!({"to": [{"address": "192.0.2.1", "bytes": 170_000_000}]});
    let case = merge([flooded("web-1", "192.0.2.1", "192.0.2.3"), culprit], Vec::new());
    let floods: Vec<_> = fleet(&case).between.iter().filter(|pair| pair.floods).collect();
    assert_eq!(floods.iter().map(|pair| pair.from.as_str()).collect::<Vec<_>>(), ["db-3"], "{floods:#?}");
}

#[test]
fn an_address_that_was_forged_convicts_nobody_without_a_word() {
    let case = merge([flooded("web-1", "192.0.2.1", "192.0.2.3"), host("quiet.json", "db-3", "192.0.2.3")], Vec::new());
    let said = finding(&case, "between");
    assert!(
        said.sentence.contains("db-3 itself lists no such traffic: the address may be forged"),
        "{}",
        said.sentence
    );
    assert_eq!(said.verdict, Verdict::Warning, "by the word of one side it is suspected");
}

#[test]
fn a_download_from_another_host_is_no_flood_and_no_verdict_is_worse_than_those_of_the_hosts() {
    let mut server = host("quiet.json", "db-3", "10.77.1.1");
    capture(&mut server)["sent"] = serde_json::json!({"to": [{"address": "192.0.2.1", "bytes": 18_200_231}]});
    let case = merge([host("download.json", "backup-1", "192.0.2.1"), server], Vec::new());
    let pair = fleet(&case).between.iter().find(|pair| pair.from == "db-3").expect("they talk");
    assert!(!pair.floods && pair.share.unwrap() > 0.9, "{pair:#?}");
    assert_eq!((finding(&case, "between").verdict, case.verdict), (Verdict::Ok, Verdict::Warning));
    assert!(!case.diagnosis.summary.contains("floods"), "{}", case.diagnosis.summary);
}

#[test]
fn a_window_that_overlaps_that_of_another_by_a_little_is_not_apart() {
    let at = |name: &str, started: &str| {
        let mut case = host("quiet.json", name, "192.0.2.1");
        case.window_seconds = 10.0;
        case.evidence.values_mut().for_each(|evidence| evidence.started = started.parse().unwrap());
        case
    };
    let row = [("a", "2026-11-22T19:00:00Z"), ("b", "2026-11-22T19:00:08Z"), ("c", "2026-11-22T19:00:16Z")];
    let case = merge(row.map(|(name, started)| at(name, started)), Vec::new());
    let said = finding(&case, "windows");
    assert_eq!(said.verdict, Verdict::Ok, "{}: {:?}", said.sentence, said.gaps);
    assert!(said.besides.iter().all(|of| of.verdict == Verdict::Ok), "{:?}", said.besides);
    let case = merge(row.into_iter().chain([("d", "2026-11-22T19:01:00Z")]).map(|(n, s)| at(n, s)), Vec::new());
    let said = finding(&case, "windows");
    assert!(said.sentence.contains("; d did not watch when 3 others did"), "{}", said.sentence);
}

#[test]
fn an_address_that_is_the_same_everywhere_tells_of_no_host() {
    let bridge = |name: &str| {
        let mut case = flooded(name, "192.0.2.1", "172.17.0.1");
        let own = capture(&mut case)["local_addresses"].as_array_mut().unwrap();
        own.push("172.17.0.1".into());
        case
    };
    let case = merge([bridge("a"), bridge("b")], Vec::new());
    assert!(fleet(&case).between.is_empty(), "{:#?}", fleet(&case).between);
}

#[test]
fn pseudonyms_of_different_maps_are_not_held_against_each_other() {
    let mut hidden = flooded("web-1", "192.0.2.1", "192.0.2.3");
    hidden.redacted.addresses = 7;
    let case = merge([hidden, host("quiet.json", "db-3", "192.0.2.3")], Vec::new());
    assert!(fleet(&case).between.is_empty());
    let said = finding(&case, "between");
    assert_eq!(said.verdict, Verdict::Unknown);
    assert!(said.gaps[0].to_string().contains("pseudonyms"), "{:?}", said.gaps);
    assert!(case.may_have_pseudonyms());
}

#[test]
fn a_host_that_did_not_answer_is_never_fine() {
    let quiet = || [host("quiet.json", "a", "192.0.2.1"), host("quiet.json", "b", "192.0.2.2")];
    let all = merge(quiet(), Vec::new());
    let before = all.verdict;
    let case = merge(quiet(), vec![absent("db-7")]);
    assert_eq!(case.verdict, Verdict::gravest([before, Verdict::Unknown]));
    let answered = finding(&case, ANSWERED);
    assert_eq!((answered.verdict, answered.gaps.len()), (Verdict::Unknown, 1));
    assert!(answered.sentence.contains("2 of 3 hosts: of db-7 there is no case"), "{}", answered.sentence);
    assert!(case.diagnosis.summary.contains("of 1 host nothing is known"), "{}", case.diagnosis.summary);
    assert!(merged(Vec::new(), vec![absent("db-7")]).is_none());
}

#[test]
fn windows_that_do_not_overlap_are_said_and_so_are_clocks_that_nothing_keeps() {
    let mut late = host("quiet.json", "late", "192.0.2.3");
    late.evidence.values_mut().for_each(|evidence| evidence.started = "2026-11-22T19:10:00Z".parse().unwrap());
    let mut loose = host("quiet.json", "loose", "192.0.2.4");
    loose.host.clock = Some(Clock { synchronised: false, maximum_error_seconds: None, estimated_error_seconds: None });
    let others = [host("quiet.json", "a", "192.0.2.1"), host("quiet.json", "b", "192.0.2.2")];
    let case = merge(others.into_iter().chain([late, loose]), Vec::new());
    let said = finding(&case, "windows");
    assert_eq!(said.verdict, Verdict::Unknown);
    assert!(said.sentence.contains("late did not watch when 3 others did"), "{}", said.sentence);
    assert!(said.sentence.contains("nothing keeps the clock of loose"), "{}", said.sentence);
    assert!(said.gaps[0].to_fix.as_ref().unwrap().contains("--begin"));
    let last = said.besides.last().unwrap();
    assert_eq!(last.verdict, Verdict::Unknown);
    assert!(last.sentence.starts_with("late from 19:10:00"), "in the order of their beginnings: {}", last.sentence);
}

#[test]
fn totals_are_sums_and_what_has_no_ledger_is_said() {
    let mut without = host("quiet.json", "b", "192.0.2.2");
    without.ledger = None;
    let flood = host("udp-flood-closed-port.json", "a", "192.0.2.1");
    let bytes = flood.ledger.as_ref().unwrap().bytes;
    let case = merge([flood.clone(), host("udp-flood-closed-port.json", "c", "192.0.2.3"), without], Vec::new());
    let account = case.ledger.as_ref().unwrap();
    assert_eq!(account.bytes, bytes * 2);
    assert_eq!(account.entries.iter().map(|entry| entry.bytes).sum::<u64>() + account.unexplained_bytes, account.bytes);
    assert_eq!(account.entries[0].label, "no listener: UDP port 9987 (on 2 hosts)");
    assert!(account.disagreements[0].contains("1 host without a ledger"), "{:?}", account.disagreements);
}

#[test]
fn what_hosts_are_is_compared_and_hosts_of_one_name_are_told_apart() {
    let mut old = host("quiet.json", "web", "192.0.2.3");
    old.host.kernel = "5.10.0".into();
    old.runbook.text.push_str("# another");
    let case = merge([host("quiet.json", "web", "192.0.2.1"), host("quiet.json", "x", "192.0.2.2"), old], Vec::new());
    let data = &finding(&case, ANSWERED).data;
    assert!(data["kernel"].as_str().unwrap().contains("web (2) differs: 5.10.0"), "{data:?}");
    assert!(data["runbook"].as_str().unwrap().contains("another text"), "{data:?}");
    let hosts: Vec<_> = fleet(&case).hosts.iter().map(|host| host.host.as_str()).collect();
    assert_eq!(hosts, ["web", "web (2)", "x"]);
    let answered = finding(&case, ANSWERED);
    assert_eq!(answered.verdict, Verdict::Unknown, "two cases of one host, or two hosts of one name");
    let gap = answered.gaps[0].to_string();
    assert!(gap.contains("2 cases name web: their sums may count one host twice"), "{gap}");
}

#[test]
fn commands_of_one_host_are_not_given_for_another() {
    let advised = |name: &str, address: &str| {
        let mut case = host("udp-flood-closed-port.json", name, address);
        let remedy = |urgency, action: &str, run: Option<String>| Remedy {
            urgency,
            action: action.into(),
            run,
            undo: None,
            risk: Some("low".into()),
            unquoted: false,
        };
        case.diagnosis.causes[0].remedies = vec![
            remedy(Urgency::Now, "Drop it before the IP stack.", Some(format!("nft add rule ip daddr {address} drop"))),
            remedy(Urgency::Lasting, "Turn SYN cookies on.", Some("sysctl -w net.ipv4.tcp_syncookies=1".into())),
            remedy(
                Urgency::Upstream,
                &format!("Send this to your provider: please drop UDP to {address} at your edge."),
                None,
            ),
        ];
        case
    };
    let case = merge([advised("a", "192.0.2.1"), advised("b", "192.0.2.2")], Vec::new());
    let remedies = &case.diagnosis.causes[0].remedies;
    assert_eq!(remedies.len(), 3, "{remedies:#?}");
    assert!(remedies.iter().all(|remedy| remedy.action.contains("(on a and b")), "{remedies:#?}");
    assert_eq!(remedies[0].run, None, "it names the address of one");
    assert!(remedies[0].action.contains("which are in its own case"));
    assert!(remedies[1].run.as_ref().unwrap().contains("tcp_syncookies"), "the same for both");
    assert!(remedies[2].action.contains("please drop UDP to … at your edge"), "{}", remedies[2].action);
}

#[test]
fn what_is_kept_of_a_host_is_bounded_whatever_its_case_holds() {
    let mut case = host("udp-flood-closed-port.json", "a", "192.0.2.1");
    let long = "x".repeat(1_000_000);
    case.host.name.clone_from(&long);
    case.diagnosis.summary.clone_from(&long);
    let cause = case.diagnosis.causes[0].clone();
    case.diagnosis.causes = (0..5000)
        .map(|n| crate::case::Cause { id: format!("c{n}"), title: long.clone(), ..cause.clone() })
        .take(50)
        .collect();
    let nested = (0..3).fold(Value::from("x"), |of, _| Value::Array(vec![of; 16]));
    case.diagnosis.causes.iter_mut().for_each(|cause| {
        cause.subject.insert("ports".into(), Value::Array(vec![nested.clone(); 16]));
    });
    let row = serde_json::json!({"address": "192.0.2.9", "bytes": 1});
    capture(&mut case)["remotes"]["top"] = Value::Array(vec![row; 5000]);
    capture(&mut case)["local_addresses"] = (0..5000).map(|n| Value::String(format!("{long}{n}"))).take(300).collect();
    let merged = merge([case], Vec::new());
    let bytes = serde_json::to_string(&merged).unwrap().len();
    assert!(bytes < 300_000, "{bytes} bytes");
}
