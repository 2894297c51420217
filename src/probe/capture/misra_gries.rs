//! Who has the greatest part of a stream, in a handful of places: Misra and Gries' algorithm, with weights.

use std::net::IpAddr;

/// Keys that are tracked at a time. A share is too low by 1/(PLACES + 1) at most, and never too high.
const PLACES: usize = 16;

/// What can be told apart by 32 bits nearly always, of which a byte is compared first.
pub trait Tagged {
    /// Equal for equal keys.
    fn tag(&self) -> u32;
}

impl Tagged for u16 {
    fn tag(&self) -> u32 {
        u32::from(*self)
    }
}

impl Tagged for IpAddr {
    fn tag(&self) -> u32 {
        match self {
            IpAddr::V4(address) => address.to_bits(),
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                (bits >> 96) as u32 ^ (bits >> 64) as u32 ^ (bits >> 32) as u32 ^ bits as u32
            }
        }
    }
}

/// The keys with the greatest weight so far.
#[derive(Debug, Clone)]
pub struct MisraGries<K> {
    /// A byte of each key's tag, so that all are compared at once.
    prints: u128,
    keys: [Option<K>; PLACES],
    /// Each with what all have lost so far on top.
    weights: [u64; PLACES],
    lost: u64,
    total: u64,
    /// The place that is looked at first for one that has lost everything.
    hand: usize,
}

/// One in each byte, and the highest bit of each.
const ONES: u128 = u128::MAX / 255;
const HIGHEST: u128 = ONES << 7;

impl<K: PartialEq + Copy + Tagged> MisraGries<K> {
    /// Nothing seen yet.
    pub fn new() -> Self {
        MisraGries { prints: 0, keys: [None; PLACES], weights: [0; PLACES], lost: 0, total: 0, hand: 0 }
    }

    /// Adds `weight` to `key`.
    #[inline(always)]
    pub fn add(&mut self, key: K, weight: u64) {
        self.total += weight;
        // The highest bits of a product depend on all bits of its factors.
        let print = key.tag().wrapping_mul(0x9e37_79b1) >> 24;
        let differing = self.prints ^ (u128::from(print) * ONES);
        // Marks every byte of 0, and some above one: the keys tell.
        let mut same = differing.wrapping_sub(ONES) & !differing & HIGHEST;
        while same != 0 {
            let place = same.trailing_zeros() as usize / 8;
            if self.keys[place] == Some(key) {
                self.weights[place] = self.weights[place].max(self.lost) + weight;
                return;
            }
            same &= same - 1;
        }
        if self.weights[self.hand] > self.lost {
            self.hand = self.lightest();
        }
        // What everybody loses here is what keeps a share from reading too high.
        let taken = self.weights[self.hand].saturating_sub(self.lost).min(weight);
        self.lost += taken;
        if weight > taken {
            let shift = self.hand * 8;
            self.prints = self.prints & !(0xff << shift) | u128::from(print) << shift;
            self.keys[self.hand] = Some(key);
            self.weights[self.hand] = self.lost + (weight - taken);
            self.hand = (self.hand + 1) % PLACES;
        }
    }

    fn lightest(&self) -> usize {
        (0..PLACES).min_by_key(|place| self.weights[*place]).unwrap_or(0)
    }

    /// The heaviest key and its share of all weight.
    pub fn top(&self) -> Option<(K, f64)> {
        let heaviest = (0..PLACES).max_by_key(|place| self.weights[*place])?;
        let weight = self.weights[heaviest].saturating_sub(self.lost);
        if weight == 0 {
            return None;
        }
        self.keys[heaviest].map(|key| (key, weight as f64 / self.total as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_among_strangers_is_found_and_not_overrated() {
        let mut leaders = MisraGries::new();
        for stranger in 1..=10_000u16 {
            leaders.add(stranger, 60);
            leaders.add(0, 40);
        }
        let (leader, share) = leaders.top().unwrap();
        assert_eq!(leader, 0);
        assert!((0.4 - 1.0 / 17.0..=0.4).contains(&share), "{share}");
    }

    #[test]
    fn addresses_that_share_their_tag_are_told_apart() {
        let (one, other): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8:0:1::".parse().unwrap());
        assert_eq!(one.tag(), other.tag());
        let mut leaders = MisraGries::new();
        leaders.add(one, 10);
        leaders.add(other, 30);
        assert_eq!(leaders.top(), Some((other, 0.75)));
    }

    #[test]
    fn few_keys_have_exact_shares() {
        let mut leaders = MisraGries::new();
        leaders.add(7u16, 300);
        leaders.add(9, 100);
        assert_eq!(leaders.top(), Some((7, 0.75)));
        assert_eq!(MisraGries::<u16>::new().top(), None);
    }
}
