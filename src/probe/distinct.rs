//! How many different things went by, in fixed memory: HyperLogLog.

/// An estimator of the number of distinct hashes. Its error is about 1.04 / √registers.
#[derive(Debug, Clone)]
pub struct Distinct {
    registers: Box<[u8]>,
    bits: u32,
}

impl Distinct {
    /// An estimator with 2^`bits` registers of a byte each; `bits` from 4 to 16.
    pub fn new(bits: u32) -> Self {
        let bits = bits.clamp(4, 16);
        Distinct { registers: vec![0; 1 << bits].into_boxed_slice(), bits }
    }

    /// Adds the hash of one thing. The hash must be even: each of its 64 bits as good as the other.
    #[inline(always)]
    pub fn add(&mut self, hash: u64) {
        let rank = ((hash << self.bits) | (1 << (self.bits - 1))).leading_zeros() as u8 + 1;
        if let Some(register) = self.registers.get_mut((hash >> (64 - self.bits)) as usize) {
            *register = (*register).max(rank);
        }
    }

    /// The estimate.
    pub fn estimate(&self) -> u64 {
        let registers = self.registers.len() as f64;
        let empty = self.registers.iter().filter(|rank| **rank == 0).count();
        let sum: f64 = self.registers.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
        let alpha = match self.bits {
            4 => 0.673,
            5 => 0.697,
            6 => 0.709,
            _ => 0.7213 / (1.0 + 1.079 / registers),
        };
        let raw = alpha * registers * registers / sum;
        // Few things leave registers empty, and then the empty ones tell more than the full ones.
        if raw <= 2.5 * registers && empty > 0 {
            (registers * (registers / empty as f64).ln()).round() as u64
        } else {
            raw.round() as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::hash::Secret;

    #[test]
    fn estimates_hold_over_six_orders_of_magnitude() {
        let secret = Secret::draw();
        for count in [0u64, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] {
            let mut distinct = Distinct::new(12);
            for thing in 0..count {
                distinct.add(secret.words(thing, 7));
                distinct.add(secret.words(thing, 7));
            }
            let error = (distinct.estimate() as f64 - count as f64).abs();
            assert!(error <= (count as f64 * 0.09).max(1.0), "{count}: {}", distinct.estimate());
        }
    }
}
