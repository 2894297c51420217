//! From which base chains packets reach a chain, over jumps.

use std::collections::{BTreeSet, HashMap};

/// The jumps between the chains of a back end; chains are numbers.
#[derive(Debug, Default)]
pub struct Jumps(HashMap<usize, BTreeSet<usize>>);

impl Jumps {
    pub fn add(&mut self, from: usize, to: usize) {
        self.0.entry(from).or_default().insert(to);
    }

    /// For each of `chains` chains, the base chains from which packets reach it, itself included.
    pub fn bases(&self, chains: usize, bases: &[usize]) -> Vec<Vec<usize>> {
        let mut reached = vec![Vec::new(); chains];
        for &base in bases {
            let mut seen = BTreeSet::from([base]);
            let mut pending = vec![base];
            while let Some(chain) = pending.pop() {
                if let Some(reached) = reached.get_mut(chain) {
                    reached.push(base);
                }
                pending.extend(self.0.get(&chain).into_iter().flatten().filter(|&&next| seen.insert(next)));
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_reached_over_several_jumps_and_from_several_bases() {
        let mut jumps = Jumps::default();
        for (from, to) in [(0, 2), (2, 3), (1, 3), (3, 2)] {
            jumps.add(from, to);
        }
        assert_eq!(jumps.bases(5, &[0, 1]), [vec![0], vec![1], vec![0, 1], vec![0, 1], vec![]]);
    }
}
