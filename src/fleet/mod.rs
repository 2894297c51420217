//! One case of many: what hosts have in common, where one differs, what one of them does to the others.
//!
//! Cases go in one after the other, of each a [`Summary`] stays, and [`merged`] makes a case of those: one that every report can show,
//! with a [`Fleet`] in it. Nothing is looked at, and nothing is judged again: the verdicts are those of the hosts.

mod agreement;
mod between;
mod books;
mod causes;
mod clocks;
mod said;
mod spread;
mod summary;
mod windows;

pub use summary::Summary;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::case::{
    AbsentHost, CASE_FORMAT, Case, Cost, Coverage, Diagnosis, Finding, Fleet, Gap, Host, Likelihood, Reason, Redacted,
    Verdict,
};
use said::{hosts_of, plural};

/// The step of a merged case that says which hosts answered.
pub const ANSWERED: &str = "hosts";

/// A case of many hosts, of what is kept of each. None where there is no host at all.
pub fn merged(mut members: Vec<Summary>, absent: Vec<AbsentHost>) -> Option<Case> {
    let namesakes = name_apart(&mut members);
    members.sort_by(|a, b| a.host.host.cmp(&b.host.host));
    let all = members.len() + absent.len();
    let runbook = members.iter_mut().find_map(|of| of.runbook.take())?;
    let groups = causes::grouped(&members);
    let between = between::between(&members);
    let (steps, mut differences) = agreement::of_steps(&members);
    let alike = agreement::of_facts(&members);
    differences.splice(0..0, alike.iter().filter(|agreement| agreement.groups.len() > 1).cloned());
    let spreads = spread::spreads(&members);

    let mut findings = vec![answered(&members, &absent, &alike, namesakes), windows::finding(&members)];
    findings.push(between::finding(&members, &between));
    findings.extend(steps);
    let verdict = Verdict::gravest(
        findings.iter().map(|finding| finding.verdict).chain(members.iter().map(|of| of.host.verdict)),
    );
    let diagnosis = Diagnosis {
        summary: summary(&groups, &between, &absent, all, members.len()),
        headlines: spread::headlines(&spreads, members.len()),
        causes: groups.iter().map(|group| group.cause(all)).collect(),
    };
    let hosts: Vec<_> = members.iter().map(|of| of.host.clone()).collect();
    let started = hosts.iter().map(|of| of.watched_from).min()?;
    let ledger = books::summed(&members);
    Some(Case {
        format: CASE_FORMAT,
        casebook: env!("CARGO_PKG_VERSION").to_owned(),
        foreign_commands: false,
        host: Host {
            name: plural(all, "host"),
            kernel: alike.first().map(said::in_a_line).unwrap_or_default(),
            root: hosts.iter().all(|of| of.root),
            local_time: None,
            clock: None,
            vantage: None,
        },
        started,
        window_seconds: said::median(hosts.iter().map(|of| of.watched_seconds)).unwrap_or_default(),
        partial: hosts.iter().any(|of| of.partial),
        params: Map::new(),
        given: Map::new(),
        verdict,
        coverage: Coverage::of(&findings),
        diagnosis,
        ledger,
        findings,
        evidence: IndexMap::new(),
        reading: None,
        limits: Vec::new(),
        redacted: redacted(&members),
        cost: cost(&members),
        runbook,
        fleet: Some(Fleet {
            hosts,
            absent,
            causes: groups.into_iter().map(|group| group.shown).collect(),
            differences,
            between,
            spreads,
            named: None,
        }),
    })
}

/// Gives hosts of one name a number each, and says of which name there are several: another host, or the same at another time.
fn name_apart(members: &mut [Summary]) -> Vec<Gap> {
    let mut seen: IndexMap<String, usize> = IndexMap::new();
    for member in members {
        let times = seen.entry(member.host.host.clone()).or_default();
        *times += 1;
        if *times > 1 {
            member.host.host = format!("{} ({times})", member.host.host);
        }
    }
    let several = seen.into_iter().filter(|(_, times)| *times > 1);
    let gap = |(name, times): (String, usize)| {
        let why = format!("{times} cases name {name}: their sums may count one host twice");
        Gap::new(Reason::Absent, "tell hosts of one name apart", why).to_fix("merge one case of each host")
    };
    several.map(gap).collect()
}

/// Which hosts answered, and what they are.
fn answered(
    members: &[Summary],
    absent: &[AbsentHost],
    alike: &[crate::case::Agreement],
    namesakes: Vec<Gap>,
) -> Finding {
    let all = members.len() + absent.len();
    let sentence = match absent {
        [] => format!("all {} answered", plural(all, "host")),
        _ => format!(
            "{} of {}: of {} there is no case",
            members.len(),
            plural(all, "host"),
            hosts_of(absent.iter().map(|of| of.host.as_str()))
        ),
    };
    let is_known = absent.is_empty() && namesakes.is_empty();
    let mut gaps = namesakes;
    let named = |of: &AbsentHost| Gap { tried: format!("{} ({})", of.gap.tried, of.host), ..of.gap.clone() };
    Gap::gather(&mut gaps, absent.iter().map(named));
    let data = alike.iter().map(|of| (of.of.clone(), Value::String(said::in_a_line(of)))).collect();
    Finding {
        step: ANSWERED.to_owned(),
        title: "Which hosts answered".to_owned(),
        verdict: if is_known { Verdict::Ok } else { Verdict::Unknown },
        sentence,
        gaps,
        remedies: Vec::new(),
        data,
        besides: Vec::new(),
    }
}

/// One sentence: what most hosts suffer from, and who does it to them.
fn summary(
    groups: &[causes::Group<'_>],
    between: &[crate::case::Between],
    absent: &[AbsentHost],
    all: usize,
    answered: usize,
) -> String {
    let mut said = match groups.first().filter(|group| group.at_work() > 0) {
        Some(group) => group.sentence(all),
        None => format!("None of {} shows a likely cause", plural(answered, "host")),
    };
    if let Some(floods) = between::floods(between).first() {
        said = format!("{}; {floods}", said.trim_end_matches('.'));
    }
    if !absent.is_empty() {
        let of = plural(absent.len(), "host");
        said = format!("{}; of {of} nothing is known", said.trim_end_matches('.'));
    }
    let end = if said.ends_with('.') { "" } else { "." };
    format!("{said}{end}")
}

/// What was taken out of the cases: sums. No map has made them all, so there is no seal.
fn redacted(members: &[Summary]) -> Redacted {
    // A reader must know that there are pseudonyms; how many they are together nobody knows.
    let has = u64::from(members.iter().any(|of| of.has_pseudonyms));
    Redacted { addresses: has, ..Redacted::default() }
}

/// What the runs cost: the longest, all of their CPU time, the most memory.
fn cost(members: &[Summary]) -> Cost {
    let costs = || members.iter().map(|of| of.cost);
    Cost {
        wall_seconds: costs().map(|cost| cost.wall_seconds).fold(0.0, f64::max),
        cpu_seconds: costs().map(|cost| cost.cpu_seconds).sum(),
        peak_memory_bytes: costs().map(|cost| cost.peak_memory_bytes).max().unwrap_or_default(),
    }
}

/// The word of a likelihood in a list of hosts.
fn is_at_work(likelihood: &Likelihood) -> bool {
    *likelihood >= Likelihood::Likely
}

#[cfg(test)]
mod tests;
