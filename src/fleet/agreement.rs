//! What hosts agree on, and who differs.

use indexmap::IndexMap;
use serde_json::Map;

use super::said::{hosts_of, in_a_line};
use super::summary::{KeptFinding, Summary};
use crate::case::{Agreed, Agreement, Finding, FleetHost, Gap, Verdict};

/// Steps that a merged case has at most.
const MOST_STEPS: usize = 128;

/// A fact, and where it stands.
type Fact = (&'static str, fn(&FleetHost) -> String);

/// The facts that are compared.
const FACTS: &[Fact] = &[
    ("kernel", |host| host.kernel.clone()),
    ("casebook", |host| host.casebook.clone()),
    ("rights", |host| if host.root { "root" } else { "without root" }.to_owned()),
];

/// Groups hosts by what they say, those of most hosts first.
fn grouped<'a>(of: &str, said: impl Iterator<Item = (&'a str, String, &'a str)>) -> Agreement {
    let mut groups: IndexMap<String, Agreed> = IndexMap::new();
    for (host, what, example) in said {
        let group = groups.entry(what.clone()).or_insert_with(|| Agreed {
            what,
            example: example.to_owned(),
            hosts: Vec::new(),
        });
        group.hosts.push(host.to_owned());
    }
    let mut groups: Vec<Agreed> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.hosts.len()));
    Agreement { of: of.to_owned(), groups }
}

/// What the hosts are.
pub(super) fn of_facts(members: &[Summary]) -> Vec<Agreement> {
    let fact = |(of, fact): &Fact| {
        grouped(of, members.iter().map(|member| (member.host.host.as_str(), fact(&member.host), "")))
    };
    let mut all: Vec<Agreement> = FACTS.iter().map(fact).collect();
    // By the same name another text may stand on some host.
    let runbook = |member: &Summary| {
        let same = members.first().is_none_or(|first| first.judged_by == member.judged_by);
        format!("{}{}", member.judged_by.0, if same { "" } else { " (another text)" })
    };
    all.push(grouped("runbook", members.iter().map(|member| (member.host.host.as_str(), runbook(member), ""))));
    all
}

/// The steps of all hosts, each with what they agree on; and those on which they do not.
pub(super) fn of_steps(members: &[Summary]) -> (Vec<Finding>, Vec<Agreement>) {
    let mut steps: IndexMap<&str, Vec<(&str, &KeptFinding)>> = IndexMap::new();
    for member in members {
        for finding in &member.findings {
            steps.entry(&finding.step).or_default().push((&member.host.host, finding));
        }
    }
    let (mut findings, mut differences) = (Vec::new(), Vec::new());
    for (step, of) in steps.into_iter().take(MOST_STEPS) {
        let word = |finding: &KeptFinding| finding.verdict.word().to_owned();
        let agreement =
            grouped(step, of.iter().map(|(host, finding)| (*host, word(finding), finding.sentence.as_str())));
        let mut gaps = Vec::new();
        for (host, finding) in &of {
            let named = |gap: &Gap| Gap { tried: format!("{} on {host}", gap.tried), ..gap.clone() };
            Gap::gather(&mut gaps, finding.gaps.iter().map(named));
        }
        // A step that applies to none is skipped; one that applies to some is what these say.
        let verdict = of.iter().map(|(_, finding)| finding.verdict).max_by_key(|verdict| verdict.gravity());
        findings.push(Finding {
            step: step.to_owned(),
            title: of.first().map(|(_, finding)| finding.title.clone()).unwrap_or_default(),
            verdict: verdict.unwrap_or(Verdict::Unknown),
            sentence: sentence(&agreement, of.len()),
            gaps,
            remedies: Vec::new(),
            data: Map::new(),
            besides: Vec::new(),
        });
        if agreement.groups.len() > 1 {
            differences.push(agreement);
        }
    }
    (findings, differences)
}

/// `31 agree (ok); db-3 differs: critical, "eth0 receives 84 Mbit/s"`.
fn sentence(agreement: &Agreement, hosts: usize) -> String {
    match agreement.groups.as_slice() {
        [] => String::new(),
        [only] if hosts == 1 => format!("{}: {}", hosts_of(only.hosts.iter().map(String::as_str)), only.example),
        [only] => format!(
            "all {hosts} agree ({}); {} for one: {}",
            only.what,
            only.hosts.first().map_or("", String::as_str),
            only.example
        ),
        groups => {
            let quoted = |(index, group): (usize, &Agreed)| Agreed {
                what: if index == 0 { group.what.clone() } else { format!("{}, \"{}\"", group.what, group.example) },
                ..group.clone()
            };
            let groups = groups.iter().enumerate().map(quoted).collect();
            in_a_line(&Agreement { of: agreement.of.clone(), groups })
        }
    }
}
