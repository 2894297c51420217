//! What could not be seen, sorted by how to see it next time.

use indexmap::{IndexMap, IndexSet};

use super::{name, sentence, title_of};
use crate::case::{Case, Gap, Reason, Verdict, advice};

/// Fields of a result that are named when they are missing.
const MOST_FIELDS: usize = 4;

/// What could not be seen.
pub struct Unseen {
    /// By what fixes them.
    pub blind: Vec<Blind>,
    /// What was lost while looking: the step's title and the sentence.
    pub lost: Vec<(String, String)>,
}

/// Gaps that the same thing fixes.
pub struct Blind {
    /// How to see it next time.
    pub way: Way,
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
        let key = (gap.tried.as_str(), gap.why.as_str(), gap.to_fix.as_deref());
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
        case.limits.iter().for_each(|gap| hurts.add(gap, "Judging".to_owned(), &[]));
        for (step, evidence) in &case.evidence {
            evidence.gap.iter().for_each(|gap| hurts.add(gap, title_of(case, step), &[]));
            for missing in &evidence.missing {
                hurts.add(&missing.gap, title_of(case, step), &missing.fields);
            }
            lost.extend(evidence.loss.iter().map(|loss| (title_of(case, step), sentence(loss))));
        }
        let mut unseen = Unseen { blind: grouped(hurts, case.host.root), lost: lost.into_iter().collect() };
        let unjudged = case.findings.iter().filter(|finding| finding.verdict == Verdict::Unknown);
        let unjudged: Vec<(String, String)> = unjudged
            .filter(|finding| {
                finding.gaps.is_empty() && case.evidence.get(&finding.step).is_none_or(|e| e.gap.is_none())
            })
            .map(|finding| (title_of(case, &finding.step), sentence(&finding.sentence)))
            .collect();
        if !unjudged.is_empty() {
            unseen.blind.push(Blind { way: Way::Unjudged, gaps: unjudged });
        }
        unseen
    }

    /// Everything was seen.
    pub fn is_empty(&self) -> bool {
        self.blind.is_empty() && self.lost.is_empty()
    }
}

/// Sorts gaps by their ways out. All that root would let through is one group, however many capabilities it names; `root` had
/// them taken away, as containers do.
fn grouped(hurts: Hurts, root: bool) -> Vec<Blind> {
    let mut groups: IndexMap<Way, Vec<(String, String)>> = IndexMap::new();
    let mut capabilities = IndexSet::new();
    for (gap, hurt) in hurts.0.into_values() {
        let way = Way::of(gap, &mut capabilities);
        let titles: Vec<String> = hurt.titles.into_iter().collect();
        groups.entry(way).or_default().push((titles.join(", "), described(gap, &hurt.fields)));
    }
    let capabilities: Vec<String> = capabilities.into_iter().collect();
    let mut blind: Vec<Blind> = groups
        .into_iter()
        .map(|(way, gaps)| {
            let way = match way {
                Way::Root(_) if root => Way::Unconfined(capabilities.clone()),
                Way::Root(_) => Way::Root(capabilities.clone()),
                other => other,
            };
            Blind { way, gaps }
        })
        .collect();
    blind.sort_by_key(|blind| blind.way.rank()); // stable: ways of one kind stay as they came
    blind
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

/// A way to see it next time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Way {
    /// As root, or with these capabilities.
    Root(Vec<String>),
    /// As a root that nothing confines, or with these capabilities.
    Unconfined(Vec<String>),
    /// As the gap says.
    Other(String),
    /// By letting the run end by itself.
    Patience,
    /// None is known.
    None,
    /// It was looked at, but the runbook does not say what it means.
    Unjudged,
}

impl Way {
    fn of(gap: &Gap, capabilities: &mut IndexSet<String>) -> Self {
        match gap.to_fix.as_deref() {
            Some(advice::AS_ROOT) => Way::Root(vec![]),
            Some(to_fix) => match advice::capabilities(to_fix) {
                Some(named) if named.split(" and ").all(|word| !word.contains(' ')) => {
                    capabilities.extend(named.split(" and ").map(name));
                    Way::Root(vec![])
                }
                _ => Way::Other(sentence(to_fix)),
            },
            None if gap.reason == Reason::Cancelled => Way::Patience,
            None => Way::None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Way::Root(_) | Way::Unconfined(_) => 0,
            Way::Other(_) => 1,
            Way::Patience => 2,
            Way::None => 3,
            Way::Unjudged => 4,
        }
    }

    /// The line above what it would show.
    pub fn heading(&self) -> String {
        match self {
            Way::Root(capabilities) if capabilities.is_empty() => format!("To see it, {}:", advice::AS_ROOT),
            Way::Root(capabilities) => {
                format!("To see it, {}:", advice::with_capabilities(&listed(capabilities)))
            }
            Way::Unconfined(capabilities) if capabilities.is_empty() => {
                "To see it, run on the host itself: root is confined here:".to_owned()
            }
            Way::Unconfined(capabilities) => {
                format!("To see it, run on the host itself, or give root's container {}:", listed(capabilities))
            }
            Way::Other(to_fix) => format!("To see it: {to_fix}"),
            Way::Patience => "To see it, let the run reach the end of its window:".to_owned(),
            Way::None => "With no known way to see it:".to_owned(),
            Way::Unjudged => "Not judged:".to_owned(),
        }
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_root_would_see_is_one_group() {
        let gaps = [
            Gap::denied("open a packet socket", "CAP_NET_RAW"),
            Gap::new(Reason::Absent, "read tracefs", "it is not mounted").to_fix("mount it"),
            Gap::denied("open a perf event", "CAP_PERFMON and CAP_NET_RAW"),
            Gap::new(Reason::Denied, "read /proc/1/fd", "permission denied").to_fix("run with sudo"),
        ];
        let mut hurts = Hurts::default();
        gaps.iter().for_each(|gap| hurts.add(gap, "a step".to_owned(), &[]));
        hurts.add(&gaps[1], "another step".to_owned(), &[]);
        let blind = grouped(hurts, false);
        assert_eq!(blind[1].gaps[0].0, "a step, another step");
        let ways: Vec<_> = blind.iter().map(|blind| (blind.way.heading(), blind.gaps.len())).collect();
        let root =
            "To see it, run with sudo, or give a group-restricted binary CAP_NET_RAW and CAP_PERFMON:".to_owned();
        assert_eq!(ways, [(root, 3), ("To see it: mount it".to_owned(), 1)]);
    }

    #[test]
    fn to_root_in_a_container_nobody_recommends_sudo() {
        let gap = Gap::denied("read /proc/1/fd", "CAP_SYS_PTRACE");
        let mut hurts = Hurts::default();
        hurts.add(&gap, "a step".to_owned(), &[]);
        assert_eq!(
            grouped(hurts, true)[0].way.heading(),
            "To see it, run on the host itself, or give root's container CAP_SYS_PTRACE:"
        );
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
