//! Causes of many hosts, grouped by what they are and what they are about.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::is_at_work;
use super::said::{hosts_of, plural};
use super::summary::{KeptCause, Summary};
use crate::case::{Cause, FleetCause, Likelihood, Remedy, Sign, SignSide, Sources, Truth, Urgency, Verdict, Weight};

/// Groups that a merged case has at most.
const MOST_GROUPS: usize = 64;
/// Words by which the same advice is known on several hosts.
const SAME_BEGINNING: usize = 6;
/// The share of what a host receives from which on a network is a source of its trouble. A session by ssh and a resolver are none.
const SOURCE: f64 = 0.01;
/// Remedies of a group.
const MOST_REMEDIES: usize = 16;
/// What of a subject tells groups apart, where hosts share it. Figures do not: they differ between any two hosts.
const TELLING: &[&str] = &[
    "local", "protocol", "ports", "port", "group", "service", "vector", "rule", "table", "chain", "what", "type",
    "flags",
];
/// Of these the hosts have their own, unless several name the same: a shared address, a group.
const OWN: &[&str] = &["local", "group"];

/// Hosts, each with the cause that it has.
type Members<'a> = Vec<(&'a Summary, &'a KeptCause)>;

/// A cause on the hosts that have it.
pub(super) struct Group<'a> {
    /// As the merged case has it.
    pub shown: FleetCause,
    members: Members<'a>,
}

/// The groups, those at work on most hosts first.
pub(super) fn grouped(members: &[Summary]) -> Vec<Group<'_>> {
    let mut by_id: IndexMap<&str, Vec<(&Summary, &KeptCause)>> = IndexMap::new();
    for member in members {
        for cause in &member.causes {
            by_id.entry(&cause.id).or_default().push((member, cause));
        }
    }
    let mut groups = Vec::new();
    for (id, of_id) in by_id {
        let mut by_subject: BTreeMap<String, (Map<String, Value>, Members<'_>)> = BTreeMap::new();
        for (member, cause) in &of_id {
            let subject = shared_subject(cause, &of_id);
            let key = Value::Object(subject.clone()).to_string();
            by_subject.entry(key).or_insert_with(|| (subject, Vec::new())).1.push((member, cause));
        }
        groups.extend(by_subject.into_values().map(|(subject, members)| group(id, subject, members)));
    }
    let rank = |group: &Group<'_>| {
        let severity = if group.at_work() > 0 { group.shown.severity.gravity() } else { 0 };
        let bits: f64 = group.members.iter().filter_map(|(member, _)| member.host.rx_bits_per_second).sum();
        (std::cmp::Reverse((severity, group.at_work(), group.members.len())), -bits)
    };
    groups.sort_by(|a, b| {
        let ((grave_a, bits_a), (grave_b, bits_b)) = (rank(a), rank(b));
        grave_a.cmp(&grave_b).then(bits_a.total_cmp(&bits_b))
    });
    groups.truncate(MOST_GROUPS);
    groups
}

/// What of a subject is told, and the own address only where another host names the same.
fn shared_subject(cause: &KeptCause, all: &[(&Summary, &KeptCause)]) -> Map<String, Value> {
    let telling = TELLING.iter().filter_map(|key| Some((*key, cause.subject.get(*key)?)));
    let told = telling.filter(|(key, value)| {
        let is_shared = || all.iter().filter(|(_, other)| other.subject.get(*key) == Some(value)).take(2).count() > 1;
        !value.is_null() && (!OWN.contains(key) || all.len() == 1 || is_shared())
    });
    told.map(|(key, value)| (key.to_owned(), value.clone())).collect()
}

fn group<'a>(id: &str, subject: Map<String, Value>, members: Members<'a>) -> Group<'a> {
    let gravest = members.iter().map(|(_, cause)| cause.severity).max_by_key(|severity| severity.gravity());
    let titles: Vec<&str> =
        members.iter().filter(|(_, cause)| cause.is_at_work()).map(|(_, cause)| cause.title.as_str()).collect();
    let titles =
        if titles.is_empty() { members.iter().map(|(_, cause)| cause.title.as_str()).collect() } else { titles };
    Group {
        shown: FleetCause {
            id: id.to_owned(),
            title: common_title(&titles),
            subject,
            severity: gravest.unwrap_or(Verdict::Unknown),
            hosts: members.iter().map(|(member, cause)| (member.host.host.clone(), cause.likelihood)).collect(),
            sources: sources(&members),
        },
        members,
    }
}

/// What titles say together: words that differ become a range, where they are figures, and else an ellipsis.
fn common_title(titles: &[&str]) -> String {
    let Some((first, others)) = titles.split_first() else { return String::new() };
    let words: Vec<&str> = first.split(' ').collect();
    let others: Vec<Vec<&str>> = others.iter().map(|title| title.split(' ').collect()).collect();
    if others.iter().any(|other| other.len() != words.len()) {
        // Sentences of other forms: up to where they part.
        let same = |at: usize| others.iter().all(|other| other.get(at) == words.get(at));
        let common: Vec<&str> = (0..words.len()).take_while(|at| same(*at)).map(|at| words[at]).collect();
        return if common.is_empty() { format!("{first} (and alike)") } else { format!("{} …", common.join(" ")) };
    }
    let at = |index: usize| others.iter().map(move |other| other[index]);
    let said: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(index, word)| {
            if at(index).all(|other| other == *word) {
                return (*word).to_owned();
            }
            let same_unit = at(index + 1usize.min(words.len() - 1 - index))
                .all(|other| words.get(index + 1).is_none_or(|unit| *unit == other));
            let figures: Option<Vec<f64>> = std::iter::once(*word).chain(at(index)).map(figure).collect();
            match figures.filter(|_| same_unit) {
                Some(figures) => {
                    let texts = || std::iter::once(*word).chain(at(index)).zip(&figures);
                    let least = texts().min_by(|a, b| a.1.total_cmp(b.1)).map_or("", |(text, _)| text);
                    let most = texts().max_by(|a, b| a.1.total_cmp(b.1)).map_or("", |(text, _)| text);
                    format!("{}–{most}", least.trim_end_matches([',', '.', ';', ':']))
                }
                None => format!(
                    "…{}",
                    word.chars().last().filter(|c| ",.;:)".contains(*c)).map_or(String::new(), String::from)
                ),
            }
        })
        .collect();
    said.join(" ")
}

/// `6,000` as a figure.
fn figure(word: &str) -> Option<f64> {
    let plain = word.trim_end_matches([',', '.', ';', ':', ')']).replace(',', "");
    if plain.starts_with(|c: char| c.is_ascii_digit()) { plain.parse().ok() } else { None }
}

/// The network of an address: as wide as those that a capture counts. Pseudonyms have none.
fn network(address: &str) -> Option<String> {
    Some(match address.parse().ok()? {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    })
}

/// The networks that send a host more than a little of what it receives.
fn heavy_networks(member: &Summary) -> BTreeSet<String> {
    let mut bytes_of: BTreeMap<String, u64> = BTreeMap::new();
    for (address, bytes) in &member.received {
        if let Some(network) = network(address) {
            let known = bytes_of.entry(network).or_default();
            *known = known.saturating_add(*bytes);
        }
    }
    let all =
        member.received_bytes.unwrap_or_else(|| bytes_of.values().fold(0, |sum, of| u64::saturating_add(sum, *of)));
    bytes_of.retain(|_, bytes| *bytes as f64 >= all as f64 * SOURCE);
    bytes_of.into_keys().collect()
}

fn sources(members: &[(&Summary, &KeptCause)]) -> Option<Sources> {
    let listed: Vec<BTreeSet<String>> = members
        .iter()
        .filter(|(member, cause)| cause.is_at_work() && !member.has_pseudonyms)
        .map(|(member, _)| heavy_networks(member))
        .filter(|networks| !networks.is_empty())
        .collect();
    if listed.len() < 2 {
        return None;
    }
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    for network in listed.iter().flatten() {
        *by.entry(network).or_default() += 1;
    }
    Some(Sources {
        hosts: listed.len(),
        listed: by.len(),
        by_several: by.values().filter(|hosts| **hosts > 1).count(),
        by_all: by.values().filter(|hosts| **hosts == listed.len()).count(),
        most_counted: members.iter().filter_map(|(member, _)| member.networks).max(),
    })
}

impl Group<'_> {
    /// On how many hosts it is at work.
    pub fn at_work(&self) -> usize {
        self.shown.hosts.values().filter(|likelihood| is_at_work(likelihood)).count()
    }

    fn hit(&self) -> Vec<&str> {
        let hit = self.shown.hosts.iter().filter(|(_, likelihood)| is_at_work(likelihood));
        hit.map(|(host, _)| host.as_str()).collect()
    }

    /// `12 of 40 hosts: SYN flood on 192.0.2.80:443`.
    pub fn sentence(&self, all: usize) -> String {
        let hit = self.hit();
        let who = match hit.len() {
            1 if all > 1 => format!("{} alone, of {}", hit[0], plural(all, "host")),
            count if count == all => format!("all {}", plural(all, "host")),
            count => format!("{count} of {}", plural(all, "host")),
        };
        let sources = self
            .shown
            .sources
            .as_ref()
            .filter(|sources| sources.by_all > 0)
            .map(|sources| format!(", from the same {} at least", plural(sources.by_all, "network")));
        format!("{who}: {}{}", self.shown.title.trim_end_matches('.'), sources.unwrap_or_default())
    }

    /// As a cause of the merged case.
    pub fn cause(&self, all: usize) -> Cause {
        let likelihoods = self.shown.hosts.values().copied();
        let hit = self.hit();
        let mut signs = vec![Sign {
            side: SignSide::For,
            weight: Weight::Strong,
            holds: if hit.is_empty() { Truth::Unknown } else { Truth::Yes },
            say: match hit.is_empty() {
                true => "it is possible on some hosts".to_owned(),
                false => format!("it is at work on {}", hosts_of(hit.iter().copied())),
            },
            gaps: Vec::new(),
        }];
        let possible: Vec<&str> =
            self.shown.hosts.iter().filter(|(_, of)| !is_at_work(of)).map(|(host, _)| host.as_str()).collect();
        if !possible.is_empty() && !hit.is_empty() {
            let say = format!("it is possible on {}", hosts_of(possible.iter().copied()));
            signs.push(Sign { side: SignSide::For, weight: Weight::Weak, holds: Truth::Yes, say, gaps: Vec::new() });
        }
        if let Some(Sources { hosts, listed, by_several, by_all, most_counted }) = &self.shown.sources {
            let counted = most_counted.map(|most| format!("; one of them counted {most}")).unwrap_or_default();
            let say = format!(
                "of {} that {} list as their heaviest, {by_several} are listed by several and {by_all} by all: lower bounds, for \
                 lists are short{counted}",
                plural(*listed, "source network"),
                plural(*hosts, "host"),
            );
            signs.push(Sign { side: SignSide::For, weight: Weight::Weak, holds: Truth::Yes, say, gaps: Vec::new() });
        }
        let mut subject = self.shown.subject.clone();
        subject.insert("hosts".to_owned(), Value::from(hit.len()));
        Cause {
            runbooks: Vec::new(),
            id: self.distinct_id(),
            title: self.sentence_of_all(all),
            likelihood: likelihoods.max().unwrap_or(Likelihood::Possible),
            severity: self.shown.severity,
            subject,
            signs,
            remedies: self.remedies(),
            withheld: 0,
        }
    }

    /// Its id; where several groups have that, with what tells this one apart, so that a comparison finds it again.
    fn distinct_id(&self) -> String {
        if self.shown.hosts.len() == 1 {
            return self.shown.id.clone();
        }
        let texts = OWN.iter().filter_map(|key| self.shown.subject.get(*key)?.as_str());
        match texts.collect::<Vec<_>>().as_slice() {
            [] => self.shown.id.clone(),
            own => format!("{}@{}", self.shown.id, own.join(",")),
        }
    }

    fn sentence_of_all(&self, all: usize) -> String {
        if self.at_work() > 0 {
            return self.sentence(all);
        }
        let hosts = self.shown.hosts.keys().map(String::as_str);
        format!("possible on {}: {}", hosts_of(hosts), self.shown.title)
    }

    /// What to do, once for all hosts of which it is said. Commands are those of one host: they stay only where all have the same.
    fn remedies(&self) -> Vec<Remedy> {
        // What begins alike is the same advice with other figures.
        let begins = |remedy: &Remedy| remedy.action.split(' ').take(SAME_BEGINNING).collect::<Vec<_>>().join(" ");
        let mut alike: IndexMap<(Urgency, String), Vec<(&str, &Remedy)>> = IndexMap::new();
        for (member, cause) in &self.members {
            for remedy in &cause.remedies {
                alike.entry((remedy.urgency, begins(remedy))).or_default().push((&member.host.host, remedy));
            }
        }
        let mut shown: Vec<Remedy> = alike.into_values().filter_map(|of| together(&of)).take(MOST_REMEDIES).collect();
        shown.sort_by_key(|remedy| remedy.urgency);
        shown
    }
}

/// Advice to several hosts as one.
fn together(of: &[(&str, &Remedy)]) -> Option<Remedy> {
    let (_, first) = of.first()?;
    let hosts = hosts_of(of.iter().map(|(host, _)| *host));
    let actions: Vec<&str> = of.iter().map(|(_, remedy)| remedy.action.as_str()).collect();
    let action = common_title(&actions);
    let action = action.trim_end_matches('.');
    let same = |part: fn(&Remedy) -> &Option<String>| of.iter().all(|(_, remedy)| part(remedy) == part(first));
    let own = !same(|remedy| &remedy.run) || !same(|remedy| &remedy.undo) || actions.iter().any(|of| *of != actions[0]);
    Some(Remedy {
        action: match own {
            true => format!("{action} (on {hosts}: with the figures and commands of each, which are in its own case)."),
            false => format!("{action} (on {hosts})."),
        },
        run: first.run.clone().filter(|_| !own),
        undo: first.undo.clone().filter(|_| !own),
        risk: first.risk.clone().filter(|_| same(|remedy| &remedy.risk)),
        ..(*first).clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_differ_by_their_figures_become_one_with_ranges() {
        assert_eq!(common_title(&["SYN flood on 192.0.2.80:443"; 3]), "SYN flood on 192.0.2.80:443");
        assert_eq!(
            common_title(&[
                "flood on 10.0.0.1: 6,000 packets/s, 50 Mbit/s.",
                "flood on 10.0.0.2: 5,100 packets/s, 900 kbit/s."
            ]),
            "flood on …: 5,100–6,000 packets/s, … …."
        );
        assert_eq!(common_title(&["flood of 7 kinds", "flood of many more kinds"]), "flood of …");
    }

    #[test]
    fn networks_are_those_that_a_capture_counts() {
        assert_eq!(network("192.0.2.77").as_deref(), Some("192.0.2.0/24"));
        assert_eq!(network("2001:db8:7:1::9").as_deref(), Some("2001:db8:7::/48"));
        assert_eq!(network("address-1"), None);
    }
}
