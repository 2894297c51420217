//! What must not leave a host does not, and what is left is judged as before.

mod support;

use std::collections::BTreeSet;

use casebook::case::{Case, Likelihood, Redacted};
use casebook::redact::{self, Kind, Map, Pseudonyms};
use casebook::report::{Options, RENDERERS};
use casebook::runbook::{self, Kind as Document};
use serde_json::Value;
use support::recorded;

const KEY: [u8; 32] = [5; 32];

/// Secrets, each in a text as hosts write it.
const PLANTED: &[(&str, &str)] = &[
    ("curl -u bob:hunter2xyzzy http://x", "hunter2xyzzy"),
    ("app --db-password xyzzy-flag-1 serve", "xyzzy-flag-1"),
    ("GET /?access_token=xyzzyquery9 HTTP/1.1", "xyzzyquery9"),
    ("Authorization: Bearer xyzzy0123456789abcdef", "xyzzy0123456789abcdef"),
    ("Cookie: sid=xyzzycookie7; theme=dark", "xyzzycookie7"),
    ("postgres://app:xyzzyurl@db/x", "xyzzyurl"),
    ("DB_PASSWORD=xyzzyenv1", "xyzzyenv1"),
    ("key AKIAXYZZYXYZZYXYZZY1", "AKIAXYZZYXYZZYXYZZY1"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIExyzzykeyxyzzykey\n-----END RSA PRIVATE KEY-----", "MIIExyzzykeyxyzzykey"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.xyzzyjwtxyzzyjwt", "xyzzyjwtxyzzyjwt"),
];

/// The causes that the run names.
fn likely(case: &Case) -> Vec<(String, Likelihood)> {
    let causes = case.diagnosis.causes.iter().filter(|cause| cause.likelihood >= Likelihood::Likely);
    causes.map(|cause| (cause.id.clone(), cause.likelihood)).collect()
}

fn verdicts(case: &Case) -> Vec<(String, String)> {
    case.findings.iter().map(|finding| (finding.step.clone(), finding.verdict.to_string())).collect()
}

fn judged(case: &Case) -> Case {
    recorded::judge(&recorded::shipped(&case.runbook.name), case, case.evidence.clone())
}

/// Everything that a case can become.
fn everything(case: &Case) -> String {
    let mut all = serde_json::to_string(case).unwrap();
    for renderer in RENDERERS {
        let mut bytes = Vec::new();
        renderer.render(case, &Options { verbose: true, ..Options::default() }, &mut bytes).unwrap();
        all.push_str(&String::from_utf8_lossy(&bytes));
    }
    all
}

fn pseudonyms(kinds: &[Kind]) -> Pseudonyms {
    Pseudonyms::new(kinds.iter().copied(), Map::under(&KEY))
}

#[test]
fn recorded_cases_hold_no_secret_and_nothing_of_them_is_taken_for_one() {
    for (name, case) in recorded::all() {
        let mut clean = case.clone();
        redact::secrets(&mut clean);
        assert_eq!(clean, case, "{name}");
        let mut bytes = Vec::new();
        for renderer in RENDERERS {
            renderer.render(&case, &Options { verbose: true, ..Options::default() }, &mut bytes).unwrap();
        }
        assert_eq!(redact::scan(&String::from_utf8_lossy(&bytes)), None, "{name}");
    }
}

/// Puts a text behind every text of the value that is free: one with a blank.
fn plant(value: &mut Value, text: &str) -> usize {
    match value {
        Value::String(old) if old.contains(' ') => {
            *old = format!("{old} {text}");
            1
        }
        Value::Array(items) => items.iter_mut().map(|item| plant(item, text)).sum(),
        Value::Object(fields) => fields.values_mut().map(|field| plant(field, text)).sum(),
        _ => 0,
    }
}

#[test]
fn no_secret_in_evidence_survives_and_the_judgement_stays() {
    let (name, case) = recorded::all().into_iter().find(|(name, _)| name == "syn-flood").unwrap();
    let before = recorded::judge(&recorded::shipped(&case.runbook.name), &case, case.evidence.clone());
    for (text, secret) in PLANTED {
        let mut evidence = case.evidence.clone();
        let mut places = 0;
        for evidence in evidence.values_mut() {
            places += evidence.output.as_mut().map_or(0, |output| plant(output, text));
            evidence.loss.push((*text).to_owned());
        }
        assert!(places > 0);
        let again = recorded::judge(&recorded::shipped(&case.runbook.name), &case, evidence);
        assert!(!everything(&again).contains(secret), "{name}: {text}");
        assert!(again.redacted.secrets as usize >= case.evidence.len(), "{text}");
        assert_eq!((likely(&again), verdicts(&again)), (likely(&before), verdicts(&before)), "{text}");
        let replayed = judged(&again);
        assert_eq!(replayed.diagnosis.headlines, again.diagnosis.headlines, "a replay says the same");
        assert_eq!(replayed.findings, again.findings, "a replay says the same");
        assert_eq!(redact::remaining(&again), 0);
    }
}

#[test]
fn a_case_under_pseudonyms_is_judged_as_before() {
    for (name, case) in recorded::all() {
        let mut hidden = case.clone();
        pseudonyms(&Kind::ALL).apply(&mut hidden).unwrap();
        let again = judged(&hidden);
        let before = judged(&case);
        assert_eq!((likely(&again), verdicts(&again)), (likely(&before), verdicts(&before)), "{name}");
        assert_eq!(again.verdict, before.verdict, "{name}");
    }
}

/// The addresses that a case names, those that say nothing left out.
fn addresses(case: &Case) -> BTreeSet<String> {
    let form = regex::Regex::new(r"\b(?:\d{1,3}\.){3}\d{1,3}\b").unwrap();
    let kept = ["0.", "127.", "169.254.", "22", "23", "24", "25"];
    let text = serde_json::to_string(&case.evidence).unwrap();
    let all = form.find_iter(&text).map(|found| found.as_str().to_owned());
    all.filter(|found| !kept.iter().any(|start| found.starts_with(start)))
        .filter(|found| !found.ends_with(".0"))
        .collect()
}

#[test]
fn no_address_user_or_host_name_is_left_and_the_map_brings_all_back() {
    for (name, case) in recorded::all() {
        let mut hidden = case.clone();
        let mut all = pseudonyms(&Kind::ALL);
        let redacted = all.apply(&mut hidden).unwrap();
        let shown = addresses(&hidden);
        let left: Vec<_> = addresses(&case)
            .into_iter()
            .filter(|found| {
                shown.contains(found) && !serde_json::to_string(all.map()).unwrap().contains(&format!("\"{found}\":"))
            })
            .collect();
        assert_eq!(left, [""; 0], "{name}");
        assert!(redacted.addresses > 0, "{name}: {redacted:?}");
        assert!(everything(&hidden).contains("Redacted: "), "{name}");
        hidden.redacted = Redacted::default();
        let (back, _) = all.map().undo(&serde_json::to_string(&hidden).unwrap());
        assert_eq!(back, serde_json::to_string(&case).unwrap(), "{name}");
    }
}

/// What must not leave, in every form in which it may stand in a case.
const FORMS: &[&str] = &[
    "203.0.113.99",
    "3405803875",
    "0xCB007163",
    "cb007163",
    "ip-203-0-113-99.example",
    "99.113.0.203.in-addr.arpa",
    "203%2E0%2E113%2E99",
    "3230332e302e3131332e3939",
    "MjAzLjAuMTEzLjk5",
    "MAC=02:42:ac:11:00:02:02:42:ac:11:00:03:08:00",
    "02-42-AC-11-00-02",
    "0242.ac11.0002",
    "ff02::1:ff11:2",
    "2001:db8::42%eth0",
    "2001%3adb8%3a%3a42",
    "/home/margarete/x.yaml",
    "bWFyZ2FyZXRlOmtlc3RyZWw3",
    "6d6172676172657465",
    "&#109;&#97;&#114;&#103;&#97;&#114;&#101;&#116;&#101;",
    "kestrel7",
    "kestrel7.shop.zz",
];

#[test]
fn no_original_leaves_in_any_form_and_all_of_them_come_back() {
    let (name, mut case) = recorded::all().into_iter().find(|(name, _)| name == "syn-flood").unwrap();
    case.host.name = "kestrel7.shop.zz".into();
    let text = format!("Accepted password for margarete from 203.0.113.99 port 22; {}", FORMS.join(" ; "));
    for evidence in case.evidence.values_mut() {
        evidence.output.iter_mut().for_each(|output| _ = plant(output, &text));
        evidence.loss.push(text.clone());
    }
    case.given.insert("who".into(), "margarete".into());
    case.given.insert("from".into(), "203.0.113.99".into());
    case.runbook.text.push_str("\n# margarete watches kestrel7 and 203.0.113.99\n");
    case.findings[0].sentence = text.clone();
    case.diagnosis.summary = text.clone();
    let mut hidden = case.clone();
    let mut all = pseudonyms(&Kind::ALL);
    all.apply(&mut hidden).unwrap();
    let shown = everything(&hidden);
    // Reports break lines within texts: without blanks nothing can hide in a break.
    let dense: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    for form in FORMS.iter().chain(&["margarete", "kestrel", "02:42:ac:11:00:03"]) {
        assert!(!shown.contains(form) && !dense.contains(form), "{name}: {form}");
    }
    assert_eq!(all.originals().replaced(shown.as_bytes()).unwrap().1, 0, "the last look finds nothing more");
    hidden.redacted = case.redacted.clone();
    let (back, count) = all.map().undo(&serde_json::to_string(&hidden).unwrap());
    assert_eq!(back, serde_json::to_string(&case).unwrap());
    assert!(count > 99, "{count}");
}

#[test]
fn what_has_pseudonyms_gets_no_others() {
    for (name, case) in recorded::all() {
        let mut once = case.clone();
        let mut all = pseudonyms(&Kind::ALL);
        all.apply(&mut once).unwrap();
        let mut twice = once.clone();
        all.apply(&mut twice).unwrap();
        assert_eq!(once, twice, "{name}");
        let mut again = case.clone();
        pseudonyms(&Kind::ALL).apply(&mut again).unwrap();
        assert_eq!(once, again, "{name}: the same key gives the same pseudonyms");
    }
}

/// The case as somebody else would forge it: it says in every way that it has pseudonyms, and has none.
fn forged(case: &Case) -> Case {
    let mut forged = case.clone();
    forged.diagnosis.headlines.push("Redacted: 900 addresses, 90 users, 9 host names under pseudonyms".to_owned());
    forged.redacted =
        Redacted { addresses: 900, users: 90, hosts: 9, seal: Some("0".repeat(64)), ..Redacted::default() };
    forged
}

#[test]
fn a_case_that_says_it_was_redacted_is_redacted_all_the_same() {
    for (name, case) in recorded::all() {
        let mut hidden = case.clone();
        pseudonyms(&Kind::ALL).apply(&mut hidden).unwrap();
        let mut claimed = forged(&case);
        pseudonyms(&Kind::ALL).apply(&mut claimed).unwrap();
        assert_eq!(claimed.evidence, hidden.evidence, "{name}");
        // The sentence alone, as casebook 0.1 wrote it.
        let mut said = case.clone();
        said.diagnosis.headlines.push("Redacted: 900 addresses under pseudonyms".to_owned());
        pseudonyms(&Kind::ALL).apply(&mut said).unwrap();
        assert_eq!(said.evidence, hidden.evidence, "{name}");
    }
}

#[test]
fn a_seal_of_another_map_or_another_case_counts_for_nothing() {
    let (_, case) = recorded::all().into_iter().find(|(name, _)| name == "syn-flood").unwrap();
    let mut once = case.clone();
    pseudonyms(&Kind::ALL).apply(&mut once).unwrap();
    assert!(once.redacted.seal.is_some());
    let mut other = once.clone();
    Pseudonyms::new(Kind::ALL, Map::under(&[6; 32])).apply(&mut other).unwrap();
    assert_ne!(other.evidence, once.evidence, "another map gives pseudonyms of its own");
    let mut copied = case.clone();
    copied.redacted = once.redacted.clone();
    pseudonyms(&Kind::ALL).apply(&mut copied).unwrap();
    assert_eq!(copied.evidence, once.evidence, "a seal fits one evidence");
    let mut more = case.clone();
    pseudonyms(&[Kind::Addresses]).apply(&mut more).unwrap();
    more.redacted.users = 7;
    pseudonyms(&Kind::ALL).apply(&mut more).unwrap();
    assert!(more.redacted.seal.is_some());
    assert!(
        !more.evidence.is_empty() && more.host.name != case.host.name,
        "a figure that was raised switches nothing off"
    );
}

#[test]
fn what_was_redacted_is_said_and_asked_for_again() {
    let (_, case) = recorded::all().into_iter().find(|(name, _)| name == "syn-flood").unwrap();
    let mut hidden = case.clone();
    pseudonyms(&[Kind::Addresses, Kind::Hosts]).apply(&mut hidden).unwrap();
    let text = everything(&hidden);
    assert!(text.contains(" under pseudonyms") && text.contains(" --redact addresses,hosts"), "{text}");
    assert!(!everything(&case).contains("Redacted: ") && !everything(&case).contains("--redact"));
    let again = Case::from_json(&serde_json::to_string(&hidden).unwrap()).unwrap();
    assert_eq!(again.redacted, hidden.redacted);
}

#[test]
fn the_headline_of_an_old_case_is_kept_and_means_no_more_than_care() {
    let (_, mut case) = recorded::all().into_iter().find(|(name, _)| name == "syn-flood").unwrap();
    assert!(!case.may_have_pseudonyms());
    let sentence = "Redacted: 12 addresses under pseudonyms";
    case.diagnosis.headlines.push(sentence.to_owned());
    assert!(case.may_have_pseudonyms());
    let again = judged(&case);
    assert!(again.may_have_pseudonyms() && again.diagnosis.headlines.iter().any(|headline| headline == sentence));
    assert_eq!(again.redacted, Redacted::default());
}

#[test]
fn a_runbook_that_ships_holds_no_secret_so_that_a_run_need_not_look() {
    let (_, mut case) = recorded::all().into_iter().next().unwrap();
    for found in runbook::embedded(Document::Runbook) {
        let runbook = recorded::shipped(&found.name);
        assert!(runbook.ships, "{}", found.name);
        case.runbook = runbook.reference();
        redact::secrets(&mut case);
        assert!(case.runbook == runbook.reference(), "{} is changed", found.name);
    }
}
