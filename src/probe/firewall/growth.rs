//! How much counters grew, and which of very many rules are worth listing.

use std::cmp::Reverse;

/// What a counter counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub packets: u64,
    pub bytes: u64,
}

/// The figures of one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// At the end of the window; none without a counter.
    pub total: Option<Count>,
    /// Over the window.
    pub growth: Option<Count>,
    /// Whether the verdict took all that was counted.
    pub exact: bool,
    /// Whether the verdict drops.
    pub drops: bool,
}

/// The growth of a counter. One that went backwards was zeroed meanwhile: what it lost is unknown, not negative.
pub fn growth(before: Option<Count>, after: Option<Count>) -> Option<Count> {
    let (before, after) = (before?, after?);
    Some(Count { packets: after.packets.checked_sub(before.packets)?, bytes: after.bytes.checked_sub(before.bytes)? })
}

impl Figures {
    /// Whether packets may have ended at this rule that no counter tells of.
    pub fn is_uncounted_drop(&self) -> bool {
        self.drops && (self.total.is_none() || !self.exact && self.growth.is_none_or(|growth| growth.packets > 0))
    }

    /// Whether the rule is worth listing, and how much: those that dropped come first, then those that counted, then
    /// those that could drop.
    pub fn weight(&self) -> Option<Weight> {
        let grown = self.growth.unwrap_or_default();
        let class = match (grown.packets > 0, self.drops) {
            (true, true) => 2,
            (true, false) => 1,
            (false, true) => 0,
            (false, false) => return None,
        };
        Some(Weight { class, packets: grown.packets, bytes: grown.bytes })
    }
}

/// How much a rule is worth listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight {
    class: u8,
    packets: u64,
    bytes: u64,
}

/// Of very many, those of the greatest weight; of equals, the first.
#[derive(Debug)]
pub struct Heaviest<T> {
    limit: usize,
    offered: u64,
    kept: Vec<(Weight, Reverse<u64>, T)>,
    /// What must be exceeded to be kept, once the limit was reached.
    floor: Option<Weight>,
}

impl<T> Heaviest<T> {
    pub fn new(limit: usize) -> Self {
        Heaviest { limit, offered: 0, kept: Vec::new(), floor: None }
    }

    /// Offers one, which is made only if it is kept.
    pub fn offer(&mut self, weight: Weight, make: impl FnOnce() -> T) {
        self.offered += 1;
        if self.floor.is_some_and(|floor| weight <= floor) {
            return;
        }
        self.kept.push((weight, Reverse(self.offered), make()));
        if self.kept.len() >= 2 * self.limit {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.kept.sort_by_key(|&(weight, order, _)| Reverse((weight, order)));
        self.kept.truncate(self.limit);
        if self.kept.len() == self.limit {
            self.floor = self.kept.last().map(|(weight, ..)| *weight);
        }
    }

    /// Those kept, most packets first, and how many were left out.
    pub fn finish(mut self) -> (Vec<T>, u32) {
        self.trim();
        let left_out = self.offered.saturating_sub(self.kept.len() as u64);
        self.kept.sort_by_key(|(weight, order, _)| Reverse((weight.packets, weight.bytes, weight.class, *order)));
        let kept = self.kept.into_iter().map(|(.., item)| item).collect();
        (kept, u32::try_from(left_out).unwrap_or(u32::MAX))
    }
}

/// A count as two fields.
pub fn split(count: Option<Count>) -> (Option<u64>, Option<u64>) {
    (count.map(|count| count.packets), count.map(|count| count.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(packets: u64, bytes: u64) -> Option<Count> {
        Some(Count { packets, bytes })
    }

    #[test]
    fn a_counter_that_went_backwards_is_unknown_not_negative() {
        assert_eq!(growth(count(5, 500), count(7, 700)), count(2, 200));
        assert_eq!(growth(count(5, 500), count(1, 100)), None);
        assert_eq!(growth(None, count(1, 100)), None);
    }

    #[test]
    fn a_drop_is_uncounted_without_a_counter_or_when_conditions_follow_a_counter_that_grew() {
        let drop = Figures { drops: true, ..Figures::default() };
        assert!(drop.is_uncounted_drop());
        let exact = Figures { total: count(1, 1), growth: count(1, 1), exact: true, ..drop };
        assert!(!exact.is_uncounted_drop());
        assert!(Figures { exact: false, ..exact }.is_uncounted_drop());
        assert!(!Figures { exact: false, growth: count(0, 0), ..exact }.is_uncounted_drop());
    }

    #[test]
    fn of_many_the_heaviest_are_kept_and_of_equals_the_first() {
        let mut heaviest = Heaviest::new(3);
        for packets in [5_u64, 1, 9, 1, 0, 0, 7, 1] {
            let figures = Figures { drops: true, growth: count(packets, 0), ..Figures::default() };
            heaviest.offer(figures.weight().unwrap(), || packets);
        }
        assert_eq!(heaviest.finish(), (vec![9, 7, 5], 5));

        let mut equals = Heaviest::new(2);
        let weight = Figures { drops: true, ..Figures::default() }.weight().unwrap();
        for name in ["a", "b", "c", "d", "e", "f"] {
            equals.offer(weight, || name);
        }
        assert_eq!(equals.finish(), (vec!["a", "b"], 4));
    }

    #[test]
    fn a_rule_that_neither_grew_nor_drops_is_not_listed() {
        assert_eq!(Figures { growth: count(0, 0), ..Figures::default() }.weight(), None);
    }
}
