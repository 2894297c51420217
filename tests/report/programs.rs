//! The reports that programs read, read back as those programs do.

use std::collections::{BTreeMap, HashSet};

use casebook::case::{Case, Coverage, Verdict};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::case::{HOSTILE, calm, empty, finding, flood, huge, pictured, with_every_string, without_root};
use crate::html::FOR_PAGES;
use crate::{cases, render_plainly};

fn judged(verdict: Verdict) -> Case {
    let mut case = empty();
    case.findings = vec![finding(verdict, "step", "The title", "the sentence")];
    case.coverage = Coverage::of(&case.findings);
    case.verdict = Verdict::gravest([verdict]);
    case
}

fn of_strangers() -> impl Iterator<Item = Case> {
    FOR_PAGES.iter().map(|text| with_every_string(text)).chain([huge(HOSTILE)])
}

// JUnit

/// The elements with their attributes; it fails where the XML is not well-formed.
fn elements(xml: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(start) | Event::Empty(start) => {
                let attribute = |a: quick_xml::events::attributes::Attribute| {
                    let value = a.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap();
                    (a.key.as_ref().to_owned(), value.into_owned())
                };
                let attributes = start.attributes().map(|a| attribute(a.unwrap())).collect();
                found.push((start.name().as_ref().to_owned(), attributes));
            }
            _ => {}
        }
    }
}

#[test]
fn junit_has_an_end_for_every_verdict() {
    let ends = [
        (Verdict::Ok, None),
        (Verdict::Warning, Some("failure")),
        (Verdict::Critical, Some("failure")),
        (Verdict::Unknown, Some("error")),
        (Verdict::Skipped, Some("skipped")),
    ];
    for (verdict, end) in ends {
        let xml = render_plainly(&judged(verdict), "junit");
        let elements = elements(&xml);
        let test = elements.iter().position(|(tag, of)| tag == "testcase" && of["name"] == "step: The title").unwrap();
        let next = elements[test + 1].0.as_str();
        match end {
            Some(end) => assert_eq!((next, elements[test + 1].1["message"].as_str()), (end, "the sentence"), "{xml}"),
            None => assert_eq!(next, "system-out", "{xml}"),
        }
    }
}

#[test]
fn junit_counts_what_it_holds() {
    for (name, case) in cases() {
        let xml = render_plainly(&case, "junit");
        let elements = elements(&xml);
        let count = |tag: &str| elements.iter().filter(|(found, _)| found == tag).count().to_string();
        let suite = &elements.iter().find(|(tag, _)| tag == "testsuite").unwrap().1;
        assert_eq!(suite["tests"], count("testcase"), "{name}");
        assert_eq!(suite["failures"], count("failure"), "{name}");
        assert_eq!(suite["errors"], count("error"), "{name}");
        assert_eq!(suite["skipped"], count("skipped"), "{name}");
        assert_eq!(suite["tests"], (case.findings.len() + 1).to_string(), "{name}");
    }
}

#[test]
fn junit_is_well_formed_whatever_strangers_wrote() {
    let tags = |case: &Case| -> Vec<String> {
        elements(&render_plainly(case, "junit")).into_iter().map(|(tag, _)| tag).collect()
    };
    let harmless = tags(&with_every_string("harmless"));
    for text in FOR_PAGES {
        assert_eq!(tags(&with_every_string(text)), harmless, "{text}");
    }
    assert!(tags(&huge(HOSTILE)).len() > 300);
}

// Nagios

#[test]
fn nagios_says_the_state_first_and_the_figures_after_the_bar() {
    for (verdict, word) in [
        (Verdict::Ok, "OK"),
        (Verdict::Warning, "WARNING"),
        (Verdict::Critical, "CRITICAL"),
        (Verdict::Unknown, "UNKNOWN"),
        (Verdict::Skipped, "UNKNOWN"), // nothing applied: it has not looked
    ] {
        let answer = render_plainly(&judged(verdict), "nagios");
        assert!(answer.starts_with(&format!("{word} - The run came to no conclusion. | steps_critical=")), "{answer}");
    }
    let answer = render_plainly(&pictured(), "nagios");
    let (said, figures) = answer.lines().next().unwrap().split_once(" | ").unwrap();
    assert!(said.starts_with("CRITICAL - Very likely: a UDP flood on 203.0.113.10:27015"), "{said}");
    assert_eq!(
        figures,
        "rx_bits_per_second=45100000;;;0; rx_packets_per_second=9957;;;0; tx_bits_per_second=310000;;;0; \
         tx_packets_per_second=120;;;0; rx_dropped=0;;;0; unexplained=0.10%;;;0;100 steps_critical=2;;;0;11 \
         steps_warning=2;;;0;11 steps_unknown=1;;;0;11 run=10.21s;;;0;"
    );
    assert!(answer.contains("\n[WARNING] What listens to the world: redis-server (pid 911)"), "{answer}");
    assert!(answer.contains("\ndo (now): Drop it before the IP stack"), "{answer}");
}

#[test]
fn nagios_says_in_its_first_line_that_a_run_is_partial() {
    let answer = render_plainly(&Case { partial: true, ..pictured() }, "nagios");
    assert!(answer.starts_with("CRITICAL - PARTIAL: "), "{answer}");
    assert!(!render_plainly(&pictured(), "nagios").contains("PARTIAL"));
}

#[test]
fn nagios_gives_no_figure_that_was_not_seen() {
    let answer = render_plainly(&without_root(), "nagios");
    assert!(
        answer.starts_with("UNKNOWN - ") && !answer.contains("rx_bits") && !answer.contains("unexplained="),
        "{answer}"
    );
}

#[test]
fn nagios_figures_are_well_formed() {
    let figure = regex::Regex::new(r"^[a-z_]+=[0-9]+(\.[0-9]+)?(s|%)?(;[0-9.]*){4}$").unwrap();
    for case in cases().into_iter().map(|(_, case)| case).chain([pictured()]) {
        let answer = render_plainly(&case, "nagios");
        let (_, figures) = answer.lines().next().unwrap().split_once(" | ").unwrap();
        for one in figures.split(' ') {
            assert!(figure.is_match(one), "{one}");
        }
    }
}

#[test]
fn nagios_reads_nothing_but_text_in_what_strangers_wrote() {
    for case in of_strangers() {
        let answer = render_plainly(&case, "nagios");
        assert_eq!(answer.matches('|').count(), 1, "{answer}");
        assert!(!answer.contains(['<', '>', '&', '$', '`', '\\', '"', '\'']), "{answer}");
        assert!(answer.len() <= 4_000, "{}", answer.len());
        assert!(answer.lines().next().unwrap().chars().count() < 1_000);
    }
}

// OpenMetrics

/// A sample: its name, and its labels.
type Series = (String, Vec<(String, String)>);

/// Reads the text as the specification demands: families in one piece, known types, units that the name ends in, no series
/// twice, nothing after the end.
fn metrics(text: &str) -> BTreeMap<Series, f64> {
    let body = text.strip_suffix("# EOF\n").expect("no `# EOF` at the end");
    let name = regex::Regex::new("^[a-zA-Z_:][a-zA-Z0-9_:]*$").unwrap();
    let mut families = HashSet::new();
    let mut family = String::new();
    let mut read = BTreeMap::new();
    for line in body.lines() {
        assert!(!line.is_empty(), "an empty line");
        if let Some(comment) = line.strip_prefix("# ") {
            let [kind, of, rest] = comment.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            assert!(name.is_match(of), "{line}");
            if of != family {
                assert!(families.insert(of.to_owned()), "the family {of} comes twice");
                family = of.to_owned();
                assert_eq!(kind, "HELP", "{line}");
            }
            match kind {
                "HELP" => assert!(!rest.contains('\\')),
                "TYPE" => assert_eq!(rest, "gauge"),
                "UNIT" => assert!(of.ends_with(&format!("_{rest}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (of, rest) = line.split_once('{').expect("no labels");
        assert_eq!(of, family, "{line}");
        let mut labels: Vec<(String, String)> = Vec::new();
        let mut rest = rest;
        while let Some((label, after)) = rest.split_once("=\"") {
            assert!(name.is_match(label), "{line}");
            let mut value = String::new();
            let mut signs = after.char_indices();
            rest = loop {
                match signs.next().expect("a value without an end") {
                    (index, '"') => break &after[index + 1..],
                    (_, '\\') => match signs.next().unwrap().1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        c => panic!("\\{c} in {line}"),
                    },
                    (_, c) => value.push(c),
                }
            };
            assert!(labels.iter().all(|(known, _)| known != label), "{line}");
            labels.push((label.to_owned(), value));
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        let figure = rest.strip_prefix("} ").unwrap_or_else(|| panic!("{line}"));
        let figure: f64 = figure.parse().unwrap_or_else(|_| panic!("a timestamp or no figure: {line}"));
        assert!(read.insert((of.to_owned(), labels), figure).is_none(), "twice: {line}");
    }
    read
}

fn figure(read: &BTreeMap<Series, f64>, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let runbook = ("runbook".to_owned(), "high-inbound-traffic".to_owned());
    let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
    read.get(&(format!("casebook_{name}"), std::iter::once(runbook).chain(labels).collect())).copied()
}

#[test]
fn openmetrics_says_what_the_case_says() {
    let read = metrics(&render_plainly(&pictured(), "openmetrics"));
    assert_eq!(figure(&read, "run_exit_status", &[]), Some(2.0));
    assert_eq!(figure(&read, "run_verdict", &[("verdict", "critical")]), Some(1.0));
    assert_eq!(figure(&read, "run_verdict", &[("verdict", "ok")]), Some(0.0));
    assert_eq!(figure(&read, "run_started_timestamp_seconds", &[]), Some(1_795_359_850.0));
    assert_eq!(figure(&read, "steps_looked", &[]), Some(10.0));
    assert_eq!(figure(&read, "step_verdict", &[("step", "exposure"), ("verdict", "warning")]), Some(1.0));
    assert_eq!(figure(&read, "cause_likelihood", &[("cause", "udp-flood-closed-port")]), Some(4.0));
    let received = [("interface", "eth0"), ("direction", "receive")];
    assert_eq!(figure(&read, "interface_bits_per_second", &received), Some(45_100_000.0));
    let ends: f64 = read.iter().filter(|((name, _), _)| name == "casebook_ledger_bytes").map(|(_, bytes)| bytes).sum();
    assert_eq!(Some(ends), figure(&read, "ledger_received_bytes", &[("interface", "eth0")]));
}

#[test]
fn openmetrics_has_one_verdict_for_every_run_and_step() {
    for verdict in Verdict::ALL {
        let read = metrics(&render_plainly(&judged(verdict), "openmetrics"));
        let set: Vec<_> =
            read.iter().filter(|((name, _), on)| name == "casebook_step_verdict" && **on == 1.0).collect();
        assert_eq!(set.len(), 1);
        assert_eq!(set[0].0.1[2].1, verdict.to_string());
    }
}

#[test]
fn openmetrics_leaves_out_what_was_not_seen() {
    let read = metrics(&render_plainly(&without_root(), "openmetrics"));
    assert!(
        !read.keys().any(|(name, _)| name.starts_with("casebook_interface") || name.starts_with("casebook_ledger"))
    );
    assert!(metrics(&render_plainly(&calm(), "openmetrics")).keys().any(|(name, _)| name == "casebook_ledger_bytes"));
}

#[test]
fn openmetrics_is_valid_whatever_strangers_wrote_and_stays_bounded() {
    for case in of_strangers() {
        let text = render_plainly(&case, "openmetrics");
        assert!(metrics(&text).len() < 4_000);
    }
    let most = metrics(&render_plainly(&flood(), "openmetrics")).len();
    assert!(most < 200, "{most}");
}
