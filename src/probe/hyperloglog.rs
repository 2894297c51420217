//! How many different things went by, in bounded memory: exactly while they are few, then by HyperLogLog.

/// The number of distinct hashes. Exact up to a limit; beyond, its error is about 1.04 / √registers.
#[derive(Debug, Clone)]
pub struct HyperLogLog {
    bits: u32,
    exact: usize,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Open addressing, 0 is empty; a hash of 0 counts as 1. At most half of the slots are taken.
    Exact { slots: Box<[u64]>, taken: usize },
    /// The greatest rank by register.
    Registers(Box<[u8]>),
}

/// Slots to begin with.
const SLOTS: usize = 16;

impl HyperLogLog {
    /// Up to how many things the counts are exact that conditions of runbooks and checks use.
    pub const EXACT: usize = 2_048;

    /// A counter that is exact up to `exact` things, 16 bytes for each, and has 2^`bits` registers of a byte beyond; `bits`
    /// from 4 to 16.
    pub fn new(bits: u32, exact: usize) -> Self {
        let state = State::Exact { slots: vec![0; SLOTS].into_boxed_slice(), taken: 0 };
        HyperLogLog { bits: bits.clamp(4, 16), exact, state }
    }

    /// Adds the hash of one thing. The hash must be even: each of its 64 bits as good as the other.
    #[inline(always)]
    pub fn add(&mut self, hash: u64) {
        match &mut self.state {
            State::Registers(registers) => add(registers, self.bits, hash),
            State::Exact { slots, taken } => {
                let hash = hash.max(1);
                let slot = slot_of(slots, hash);
                if slots[slot] != hash {
                    slots[slot] = hash;
                    *taken += 1;
                    if *taken * 2 > slots.len() || *taken > self.exact {
                        self.grow();
                    }
                }
            }
        }
    }

    /// Makes room: more slots, or registers when there are too many things to keep each.
    #[cold]
    fn grow(&mut self) {
        let State::Exact { slots, taken } = &self.state else { return };
        let known = slots.iter().copied().filter(|hash| *hash != 0);
        self.state = if *taken > self.exact {
            let mut registers = vec![0; 1 << self.bits].into_boxed_slice();
            known.for_each(|hash| add(&mut registers, self.bits, hash));
            State::Registers(registers)
        } else {
            let mut more = vec![0; slots.len() * 2].into_boxed_slice();
            known.for_each(|hash| more[slot_of(&more, hash)] = hash);
            State::Exact { slots: more, taken: *taken }
        };
    }

    /// How many there were; an estimate beyond the limit.
    pub fn estimate(&self) -> u64 {
        match &self.state {
            State::Exact { taken, .. } => *taken as u64,
            State::Registers(registers) => estimate(registers, self.bits).max(self.exact as u64 + 1),
        }
    }
}

/// The slot of a hash: its own, or the free one where it belongs.
#[inline(always)]
fn slot_of(slots: &[u64], hash: u64) -> usize {
    let mask = slots.len() - 1;
    let mut slot = hash as usize & mask;
    while slots[slot] != 0 && slots[slot] != hash {
        slot = (slot + 1) & mask;
    }
    slot
}

#[inline(always)]
fn add(registers: &mut [u8], bits: u32, hash: u64) {
    let rank = ((hash << bits) | (1 << (bits - 1))).leading_zeros() as u8 + 1;
    if let Some(register) = registers.get_mut((hash >> (64 - bits)) as usize) {
        *register = (*register).max(rank);
    }
}

fn estimate(registers: &[u8], bits: u32) -> u64 {
    let count = registers.len() as f64;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    let sum: f64 = registers.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
    let alpha = match bits {
        4 => 0.673,
        5 => 0.697,
        6 => 0.709,
        _ => 0.7213 / (1.0 + 1.079 / count),
    };
    let raw = alpha * count * count / sum;
    // Few things leave registers empty, and then the empty ones tell more than the full ones.
    if raw <= 2.5 * count && empty > 0 {
        (count * (count / empty as f64).ln()).round() as u64
    } else {
        raw.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::hash::KeyedHash;

    fn counted(bits: u32, exact: usize, count: u64) -> u64 {
        let key = KeyedHash::from_kernel();
        let mut distinct = HyperLogLog::new(bits, exact);
        for _ in 0..2 {
            (0..count).for_each(|thing| distinct.add(key.words(thing, 7)));
        }
        distinct.estimate()
    }

    #[test]
    fn estimates_hold_over_six_orders_of_magnitude() {
        for count in [0u64, 1, 10, 100, 1_000, 10_000, 100_000, 500_000] {
            let estimate = counted(12, 0, count);
            let error = (estimate as f64 - count as f64).abs();
            assert!(error <= (count as f64 * 0.09).max(1.0), "{count}: {estimate}");
        }
    }

    #[test]
    fn counts_are_exact_up_to_the_limit_whatever_the_key() {
        for _ in 0..24 {
            for count in [0, 1, 8, 9, 500, 1_002, 2_047, 2_048] {
                assert_eq!(counted(12, HyperLogLog::EXACT, count), count);
            }
            let beyond = counted(12, HyperLogLog::EXACT, 2_200);
            assert!((2_049..2_500).contains(&beyond), "{beyond}");
        }
    }
}
