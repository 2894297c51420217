//! The counters of one observation: every rule is entered; what is summed, what is kept to be shown.

use super::growth::{Count, Figures, Heaviest};

/// A rule that is to be shown.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub chain: usize,
    pub position: u32,
    pub handle: Option<u64>,
    pub figures: Figures,
    /// The rule's attributes; none for a policy.
    pub attributes: Option<Box<[u8]>>,
}

/// Where a rule that is to be shown stands.
#[derive(Debug, Clone)]
pub enum Source {
    /// In the legacy table of that number.
    Legacy { table: usize, chain: usize, place: usize, figures: Figures },
    /// In nftables.
    Nft(Candidate),
}

/// The hooks and priorities of the base chains from which a chain is reached.
#[derive(Debug, Clone, Default)]
pub struct Reached(Vec<(String, i32)>);

impl FromIterator<(String, i32)> for Reached {
    fn from_iter<I: IntoIterator<Item = (String, i32)>>(bases: I) -> Self {
        Reached(bases.into_iter().collect())
    }
}

impl Reached {
    /// The hooks, each once.
    pub fn hooks(&self) -> Vec<String> {
        let mut hooks: Vec<String> = self.0.iter().map(|(hook, _)| hook.clone()).collect();
        hooks.sort();
        hooks.dedup();
        hooks
    }

    /// The hook, when there is but one.
    pub fn only_hook(&self) -> Option<String> {
        let (first, _) = self.0.first()?;
        self.0.iter().all(|(hook, _)| hook == first).then(|| first.clone())
    }

    /// The priority, when there is but one.
    pub fn only_priority(&self) -> Option<i32> {
        let &(_, first) = self.0.first()?;
        self.0.iter().all(|&(_, priority)| priority == first).then_some(first)
    }
}

/// Sums over all rules, and those worth listing.
#[derive(Debug)]
pub struct RuleCounters {
    pub rules: Heaviest<Source>,
    pub uncounted: Heaviest<Source>,
    /// What rules and policies dropped whose counters say so exactly.
    pub dropped: Count,
    /// Dropping rules of which it is not known what they dropped in the window.
    pub unknown_drops: u32,
    /// Whether among those is one that has a counter, whose growth is lost.
    pub lost: bool,
}

impl RuleCounters {
    /// Empty counters, with room for so many rules.
    pub fn new(rules: usize, uncounted: usize) -> Self {
        RuleCounters {
            rules: Heaviest::new(rules),
            uncounted: Heaviest::new(uncounted),
            dropped: Count::default(),
            unknown_drops: 0,
            lost: false,
        }
    }

    /// Enters a rule, which is copied only if it is kept.
    pub fn enter(&mut self, figures: &Figures, source: impl Fn() -> Source) {
        let Some(weight) = figures.weight() else { return };
        if figures.drops {
            match figures.growth {
                Some(growth) if figures.exact => {
                    self.dropped.packets += growth.packets;
                    self.dropped.bytes += growth.bytes;
                }
                Some(growth) if growth.packets == 0 => {}
                _ => {
                    self.unknown_drops += 1;
                    self.lost |= figures.total.is_some();
                }
            }
            if figures.is_uncounted_drop() {
                self.uncounted.offer(weight, &source);
            }
        }
        self.rules.offer(weight, source);
    }
}
