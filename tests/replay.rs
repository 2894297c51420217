//! A recorded host is a test: the shipped runbook says of each recorded case what was said when it happened.

#[path = "replay/keep.rs"]
mod keep;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use casebook::case::{Case, Likelihood};
use support::recorded;

/// The incidents that are kept as cases, each under the name of what happened.
const KEPT: &[(&str, &str)] = &[
    ("quiet-host", "quiet"),
    ("background-noise", "background-noise"),
    ("download", "download"),
    ("flood-beside-download", "udp-flood-beside-download"),
    ("syn-flood", "syn-flood"),
    ("udp-flood-alias", "udp-flood-closed-port"),
    ("udp-flood-open-port", "udp-flood-slow-owner"),
    ("icmp-flood", "icmp-flood"),
    ("dns-reflection", "dns-reflection"),
    ("dropped-by-nft", "dropped-by-nft"),
    ("dropped-by-iptables-legacy", "dropped-by-iptables-legacy"),
    ("discard-sink-tcp", "discard-sink"),
    ("loopback-transfer", "loopback"),
    ("quiet-host-without-root", "quiet-without-root"),
    ("udp-flood-without-root", "udp-flood-without-root"),
];

fn likelihoods(case: &Case) -> BTreeMap<&str, Likelihood> {
    case.diagnosis.causes.iter().map(|cause| (cause.id.as_str(), cause.likelihood)).collect()
}

fn first(case: &Case) -> Option<&str> {
    case.diagnosis.causes.first().map(|cause| cause.id.as_str())
}

/// What the two say differently of the same evidence.
fn differences(recorded: &Case, replayed: &Case) -> Vec<String> {
    let mut differences = Vec::new();
    if recorded.verdict != replayed.verdict {
        differences.push(format!("the verdict was {}, now it is {}", recorded.verdict, replayed.verdict));
    }
    if first(recorded) != first(replayed) {
        differences.push(format!("the first cause was {:?}, now it is {:?}", first(recorded), first(replayed)));
    }
    let (before, after) = (likelihoods(recorded), likelihoods(replayed));
    for (id, likelihood) in &before {
        // What was one cause for all other services has become one for each: the first of them stands for it.
        let id = if *id == "reflection-other" { "reflection-tftp" } else { id };
        if after.get(id) != Some(likelihood) {
            differences.push(format!("{id} was {likelihood}, now it is {:?}", after.get(id)));
        }
    }
    for (before, after) in recorded.findings.iter().zip(&replayed.findings) {
        if (&before.step, before.verdict) != (&after.step, after.verdict) {
            differences
                .push(format!("{} was {}, now {} is {}", before.step, before.verdict, after.step, after.verdict));
        }
    }
    differences
}

#[test]
fn every_kept_incident_is_there() {
    let there: Vec<String> = recorded::all().into_iter().map(|(name, _)| name).collect();
    for (_, name) in KEPT {
        assert!(there.iter().any(|there| there == name), "tests/cases/{name}.json is not there");
    }
}

#[test]
fn a_replay_says_what_was_said_when_it_happened() {
    let mut faults = Vec::new();
    for (name, case) in recorded::all() {
        let replayed = recorded::judge(&recorded::shipped(&case.runbook.name), &case, case.evidence.clone());
        faults.extend(differences(&case, &replayed).into_iter().map(|difference| format!("{name}: {difference}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn the_same_evidence_gives_the_same_case_bit_for_bit() {
    for (name, case) in recorded::all() {
        let runbook = recorded::shipped(&case.runbook.name);
        let text = |case: &Case| serde_json::to_string(case).unwrap();
        let once = recorded::judge(&runbook, &case, case.evidence.clone());
        let twice = recorded::judge(&runbook, &case, case.evidence.clone());
        let again = recorded::judge(&runbook, &once, once.evidence.clone());
        assert_eq!(text(&once), text(&twice), "{name}");
        assert_eq!(text(&once), text(&again), "{name}: its own replay is judged otherwise");
    }
}

#[test]
fn no_case_tells_of_the_machine_on_which_it_was_recorded() {
    for (_, name) in KEPT {
        let text = fs::read_to_string(recorded::folder().join(format!("{name}.json"))).unwrap();
        for foreign in ["/work", "/home/", "/tmp/", "/root", "/target/"] {
            assert!(!text.contains(foreign), "{name} names {foreign}");
        }
    }
}

/// Makes the recorded cases anew out of what `cargo test --test incidents` left in the target folder. Run it when the
/// evidence takes another form, or when a runbook judges otherwise on purpose, and look at the difference.
#[test]
#[ignore = "writes tests/cases"]
fn keep_what_the_incidents_left() {
    for (incident, name) in KEPT {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("incidents").join(incident).join("case.json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let live: Case = serde_json::from_str(&text).unwrap();
        let trimmed = keep::trimmed(live.clone());
        let runbook = recorded::shipped(&live.runbook.name);
        let judged = recorded::judge(&runbook, &trimmed, trimmed.evidence.clone());
        assert_eq!(differences(&live, &judged), [""; 0], "{name}: trimming changed the judgement");
        let kept = keep::trimmed(judged);
        fs::write(recorded::folder().join(format!("{name}.json")), keep::text(&kept)).unwrap();
    }
}

/// What a card loses, no virtual interface counts: so a recorded host loses packets here.
#[test]
fn a_card_that_loses_packets_is_named_beside_what_comes_in() {
    let (_, case) = recorded::all().into_iter().find(|(name, _)| name == "download").expect("it is kept");
    for (counter, lost) in [("missed", 9_000), ("fifo", 900)] {
        let mut evidence = case.evidence.clone();
        let rates = evidence.get_mut("rates").and_then(|rates| rates.output.as_mut()).expect("it has rates");
        rates["watched"]["rx"][counter] = lost.into();
        let judged = recorded::judge(&recorded::shipped(&case.runbook.name), &case, evidence);
        let overrun = judged.diagnosis.causes.iter().find(|cause| cause.id == "nic-overrun").expect("it is weighed");
        assert!(overrun.likelihood >= Likelihood::Likely, "{counter}: {overrun:?}");
        assert_eq!(overrun.subject["interface"], "eth0");
        assert!(
            overrun
                .remedies
                .iter()
                .any(|it| it.run.as_deref().is_some_and(|run| run.ends_with("ethtool -G eth0 rx 4096")))
        );
        assert_eq!(likelihoods(&judged)["softnet-drop"], Likelihood::RuledOut);
    }
}
