//! What could not be seen, sorted by how to see it next time.

use indexmap::{IndexMap, IndexSet};

use super::{name, sentence, title_of};
use crate::case::{Case, Gap, Reason, Verdict};

/// Fields of a result that are named when they are missing.
const MOST_FIELDS: usize = 4;

/// What could not be seen.
pub struct Unseen {
    /// By the way out; what has none comes last.
    pub blind: Vec<Blind>,
    /// What was lost while looking: the step's title and the sentence.
    pub lost: Vec<(String, String)>,
}

/// Gaps that share a way out.
pub struct Blind {
    /// How to see it next time.
    pub way_out: Option<String>,
    /// The titles of the steps that suffer from it, and what could not be done.
    pub gaps: Vec<(String, String)>,
}

/// The steps that a gap hurts, and the fields that are missing because of it.
#[derive(Default)]
struct Hurt {
    titles: IndexSet<String>,
    fields: IndexSet<String>,
}

/// Each gap once, however many steps it hurts.
#[derive(Default)]
struct Hurts<'a>(IndexMap<(&'a str, &'a str, Option<&'a str>), (&'a Gap, Hurt)>);

impl<'a> Hurts<'a> {
    fn add(&mut self, gap: &'a Gap, title: String, fields: &[String]) {
        let key = (gap.tried.as_str(), gap.why.as_str(), gap.way_out.as_deref());
        let (_, hurt) = self.0.entry(key).or_insert_with(|| (gap, Hurt::default()));
        hurt.titles.insert(title);
        hurt.fields.extend(fields.iter().map(|field| name(field)));
    }
}

impl Unseen {
    pub(super) fn of(case: &Case) -> Self {
        let mut hurts = Hurts::default();
        let mut lost = IndexSet::new();
        for finding in &case.findings {
            finding.gaps.iter().for_each(|gap| hurts.add(gap, title_of(case, &finding.step), &[]));
        }
        for (step, evidence) in &case.evidence {
            evidence.gap.iter().for_each(|gap| hurts.add(gap, title_of(case, step), &[]));
            for missing in &evidence.missing {
                hurts.add(&missing.gap, title_of(case, step), &missing.fields);
            }
            lost.extend(evidence.loss.iter().map(|loss| (title_of(case, step), sentence(loss))));
        }
        let mut unseen = Unseen { blind: grouped(hurts), lost: lost.into_iter().collect() };
        let unjudged = case.findings.iter().filter(|finding| finding.verdict == Verdict::Unknown);
        let unjudged: Vec<(String, String)> = unjudged
            .filter(|finding| {
                finding.gaps.is_empty() && case.evidence.get(&finding.step).is_none_or(|e| e.gap.is_none())
            })
            .map(|finding| (title_of(case, &finding.step), sentence(&finding.sentence)))
            .collect();
        if !unjudged.is_empty() {
            unseen.blind.push(Blind { way_out: None, gaps: unjudged });
        }
        unseen
    }

    /// Everything was seen.
    pub fn is_empty(&self) -> bool {
        self.blind.is_empty() && self.lost.is_empty()
    }
}

/// Sorts gaps by their ways out. All that root would let through is one group, however many capabilities it names.
fn grouped(hurts: Hurts) -> Vec<Blind> {
    let mut groups: IndexMap<Way, Vec<(String, String)>> = IndexMap::new();
    let mut capabilities = IndexSet::new();
    for (gap, hurt) in hurts.0.into_values() {
        let way = Way::of(gap, &mut capabilities);
        let titles: Vec<String> = hurt.titles.into_iter().collect();
        groups.entry(way).or_default().push((titles.join(", "), described(gap, &hurt.fields)));
    }
    groups.sort_by(|one, _, other, _| one.cmp_kind(other)); // stable: ways of one kind stay as they came
    let capabilities: Vec<String> = capabilities.into_iter().collect();
    groups.into_iter().map(|(way, gaps)| Blind { way_out: way.sentence(&capabilities), gaps }).collect()
}

fn described(gap: &Gap, fields: &IndexSet<String>) -> String {
    let mut text = format!("could not {}: {}", gap.tried, gap.why);
    if !gap.why.contains(gap.reason.word()) && !matches!(gap.reason, Reason::Failed | Reason::Absent) {
        text.push_str(&format!(" ({})", gap.reason));
    }
    let shown: Vec<&str> = fields.iter().map(String::as_str).take(MOST_FIELDS).collect();
    if !shown.is_empty() {
        text.push_str(&format!("; not known: {}", shown.join(", ")));
    }
    if fields.len() > MOST_FIELDS {
        text.push_str(&format!(" and {} more", fields.len() - MOST_FIELDS));
    }
    sentence(&text)
}

/// A way out.
#[derive(PartialEq, Eq, Hash)]
enum Way {
    Root,
    Other(String),
    Patience,
    None,
}

/// The ways out that `Gap::denied` and `Gap::io` give.
const AS_ROOT: &str = "run with sudo";
const WITH_CAPABILITY: &str = "run with sudo, or give the binary ";

impl Way {
    fn of(gap: &Gap, capabilities: &mut IndexSet<String>) -> Self {
        match gap.way_out.as_deref() {
            Some(AS_ROOT) => Way::Root,
            Some(way_out) => match way_out.strip_prefix(WITH_CAPABILITY) {
                Some(named) if !named.contains(' ') => {
                    capabilities.insert(name(named));
                    Way::Root
                }
                _ => Way::Other(sentence(way_out)),
            },
            None if gap.reason == Reason::Cancelled => Way::Patience,
            None => Way::None,
        }
    }

    /// Orders the kinds.
    fn cmp_kind(&self, other: &Way) -> std::cmp::Ordering {
        let kind = |way: &Way| match way {
            Way::Root => 0,
            Way::Other(_) => 1,
            Way::Patience => 2,
            Way::None => 3,
        };
        kind(self).cmp(&kind(other))
    }

    fn sentence(self, capabilities: &[String]) -> Option<String> {
        match self {
            Way::Root => match capabilities {
                [] => Some(AS_ROOT.to_owned()),
                [all @ .., last] if !all.is_empty() => Some(format!("{WITH_CAPABILITY}{} and {last}", all.join(", "))),
                [only, ..] => Some(format!("{WITH_CAPABILITY}{only}")),
            },
            Way::Other(way_out) => Some(way_out),
            Way::Patience => Some("let the run reach the end of its window".to_owned()),
            Way::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_root_would_see_is_one_group() {
        let gaps = [
            Gap::denied("open a packet socket", "CAP_NET_RAW"),
            Gap::new(Reason::Absent, "read tracefs", "it is not mounted").way_out("mount it"),
            Gap::denied("open a perf event", "CAP_PERFMON"),
            Gap::new(Reason::Denied, "read /proc/1/fd", "permission denied").way_out("run with sudo"),
        ];
        let mut hurts = Hurts::default();
        gaps.iter().for_each(|gap| hurts.add(gap, "a step".to_owned(), &[]));
        hurts.add(&gaps[1], "another step".to_owned(), &[]);
        let blind = grouped(hurts);
        assert_eq!(blind[1].gaps[0].0, "a step, another step");
        let ways: Vec<_> = blind.iter().map(|blind| (blind.way_out.as_deref().unwrap(), blind.gaps.len())).collect();
        assert_eq!(ways, [("run with sudo, or give the binary CAP_NET_RAW and CAP_PERFMON", 3), ("mount it", 1)]);
    }

    #[test]
    fn the_kind_of_gap_is_said_unless_the_words_say_it() {
        assert_eq!(
            described(&Gap::new(Reason::TimedOut, "ask the resolver", "no answer in 2 s"), &IndexSet::new()),
            "could not ask the resolver: no answer in 2 s (timed out)"
        );
        assert_eq!(
            described(&Gap::new(Reason::Denied, "read it", "permission denied"), &IndexSet::from(["owners".into()])),
            "could not read it: permission denied; not known: owners"
        );
    }
}
