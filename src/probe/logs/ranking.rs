//! Which values occur most often, in bounded memory however many there are.

use std::collections::HashMap;

use crate::probe::hash::KeyedHash;

/// Values that are kept at most: enough for the top ten of any skewed load, and less than a megabyte per capture.
const KEPT: usize = 4096;

/// A value is kept to this length; what is longer differs only in its tail.
const LONGEST: usize = 128;

/// Counts values. When there are too many, the rare half is forgotten, and how often one of them may have occurred is
/// remembered as the doubt about the others.
#[derive(Debug, Clone)]
pub(super) struct Ranking {
    counts: HashMap<Box<[u8]>, Count, KeyedHash>,
    /// The most that a forgotten value had been counted.
    forgotten: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    seen: u64,
    /// What may have been seen before it was forgotten.
    doubt: u64,
}

/// A value with its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranked {
    pub value: Box<[u8]>,
    /// It occurred at least so often.
    pub count: u64,
    /// And so much more often at most.
    pub doubt: u64,
}

impl Ranking {
    /// Nothing counted yet; `key` makes sure that nobody can choose values that fall together.
    pub(super) fn new(key: KeyedHash) -> Self {
        Ranking { counts: HashMap::with_hasher(key), forgotten: 0 }
    }

    /// Counts a value so many times more.
    pub(super) fn count(&mut self, value: &[u8], times: u64) {
        let value = value.get(..LONGEST).unwrap_or(value);
        if let Some(count) = self.counts.get_mut(value) {
            count.seen += times;
        } else {
            self.counts.insert(value.into(), Count { seen: times, doubt: self.forgotten });
            self.forget();
        }
    }

    /// Adds what another ranking has counted elsewhere.
    pub(super) fn merge(&mut self, other: Ranking) {
        let doubt = self.forgotten;
        let both_doubt = doubt + other.forgotten;
        for (value, count) in &mut self.counts {
            if !other.counts.contains_key(value) {
                count.doubt += other.forgotten;
            }
        }
        for (value, more) in other.counts {
            let count = self.counts.entry(value).or_insert(Count { seen: 0, doubt });
            count.seen += more.seen;
            count.doubt += more.doubt;
        }
        self.forgotten = both_doubt;
        self.forget();
    }

    /// Whether values had to be forgotten.
    pub(super) fn is_complete(&self) -> bool {
        self.forgotten == 0
    }

    /// How many values were seen, at least.
    pub(super) fn values(&self) -> u64 {
        let kept = self.counts.len().max(if self.is_complete() { 0 } else { KEPT });
        kept as u64
    }

    /// The most frequent values, in falling order.
    pub(super) fn top(self, most: usize) -> Vec<Ranked> {
        let mut ranked: Vec<Ranked> = self
            .counts
            .into_iter()
            .map(|(value, count)| Ranked { value, count: count.seen, doubt: count.doubt })
            .collect();
        ranked.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        ranked.truncate(most);
        ranked
    }

    fn forget(&mut self) {
        if self.counts.len() <= KEPT {
            return;
        }
        let mut possible: Vec<u64> = self.counts.values().map(|count| count.seen + count.doubt).collect();
        let (_, middle, _) = possible.select_nth_unstable(KEPT / 2);
        let middle = *middle;
        self.forgotten = self.forgotten.max(middle);
        self.counts.retain(|_, count| count.seen + count.doubt > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequent_value_survives_a_flood_of_rare_ones() {
        let mut ranking = Ranking::new(KeyedHash::from_kernel());
        for round in 0..200_000u32 {
            ranking.count(&round.to_be_bytes(), 1);
            if round % 10 == 0 {
                ranking.count(b"attacker", 1);
            }
        }
        assert!(!ranking.is_complete());
        assert!(ranking.counts.len() <= KEPT);
        let top = ranking.top(10);
        assert_eq!(top[0].value.as_ref(), b"attacker");
        assert!(top[0].count <= 20_000 && top[0].count + top[0].doubt >= 20_000, "{top:?}");
    }

    #[test]
    fn few_values_are_counted_exactly_also_when_merged() {
        let (mut one, mut two) = (Ranking::new(KeyedHash::from_kernel()), Ranking::new(KeyedHash::from_kernel()));
        (0..5).for_each(|_| one.count(b"a", 1));
        (0..2).for_each(|_| two.count(b"a", 1));
        two.count(b"b", 1);
        one.merge(two);
        assert!(one.is_complete());
        let top = one.top(10);
        assert_eq!(top[0], Ranked { value: b"a".as_slice().into(), count: 7, doubt: 0 });
        assert_eq!(top[1].count, 1);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

        #[test]
        fn the_true_count_lies_between_the_count_and_its_doubt(values in proptest::collection::vec(0u16..9000, 0..30_000), cut in 0usize..30_000) {
            let cut = cut.min(values.len());
            let (mut one, mut two) = (Ranking::new(KeyedHash::from_kernel()), Ranking::new(KeyedHash::from_kernel()));
            values[..cut].iter().for_each(|value| one.count(&value.to_be_bytes(), 1));
            values[cut..].iter().for_each(|value| two.count(&value.to_be_bytes(), 1));
            one.merge(two);
            let mut truths = HashMap::new();
            values.iter().for_each(|value| *truths.entry(value.to_be_bytes()).or_insert(0u64) += 1);
            for ranked in one.top(100) {
                let truth = truths[&*ranked.value];
                proptest::prop_assert!(ranked.count <= truth && truth <= ranked.count + ranked.doubt);
            }
        }
    }
}
