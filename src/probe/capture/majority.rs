//! Who has the greatest part of a stream, in a handful of places: Misra and Gries' algorithm, with weights.

/// Keys that are tracked at a time. A share is too low by 1/(PLACES + 1) at most, and never too high.
const PLACES: usize = 16;

/// The keys with the greatest weight so far.
#[derive(Debug, Clone)]
pub struct Majority<K> {
    keys: [Option<K>; PLACES],
    weights: [u64; PLACES],
    total: u64,
}

impl<K: PartialEq + Copy> Majority<K> {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Majority { keys: [None; PLACES], weights: [0; PLACES], total: 0 }
    }

    /// Adds `weight` to `key`.
    pub fn add(&mut self, key: K, weight: u64) {
        self.total += weight;
        if let Some(place) = self.keys.iter().position(|known| *known == Some(key)) {
            self.weights[place] += weight;
            return;
        }
        let lightest = (0..PLACES).min_by_key(|place| self.weights[*place]).unwrap_or(0);
        let taken = self.weights[lightest].min(weight);
        if taken > 0 {
            // What everybody loses here is what keeps a share from reading too high.
            self.weights.iter_mut().for_each(|held| *held -= taken);
        }
        if weight > taken {
            self.keys[lightest] = Some(key);
            self.weights[lightest] = weight - taken;
        }
    }

    /// The heaviest key and its share of all weight.
    pub fn top(&self) -> Option<(K, f64)> {
        let heaviest = (0..PLACES).max_by_key(|place| self.weights[*place])?;
        if self.weights[heaviest] == 0 {
            return None;
        }
        self.keys[heaviest].map(|key| (key, self.weights[heaviest] as f64 / self.total as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_among_strangers_is_found_and_not_overrated() {
        let mut majority = Majority::new();
        for stranger in 1..=10_000u32 {
            majority.add(stranger, 60);
            majority.add(0, 40);
        }
        let (leader, share) = majority.top().unwrap();
        assert_eq!(leader, 0);
        assert!((0.4 - 1.0 / 17.0..=0.4).contains(&share), "{share}");
    }

    #[test]
    fn few_keys_have_exact_shares() {
        let mut majority = Majority::new();
        majority.add('a', 300);
        majority.add('b', 100);
        assert_eq!(majority.top(), Some(('a', 0.75)));
        assert_eq!(Majority::<char>::new().top(), None);
    }
}
