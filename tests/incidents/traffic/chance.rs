//! Numbers that look random and are the same in every run.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// A small generator of pseudo-random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// A port that clients use: 1024 to 65535.
    pub fn client_port(&mut self) -> u16 {
        self.between(1024, 65535) as u16
    }

    /// An address of 198.18.0.0/15, the range for benchmarks of networks.
    pub fn stranger(&mut self) -> Ipv4Addr {
        Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() | self.between(1, 0x1_fffe) as u32)
    }

    /// As many of them, no two the same.
    pub fn strangers(&mut self, count: usize) -> Vec<Ipv4Addr> {
        let mut strangers = BTreeSet::new();
        while strangers.len() < count {
            strangers.insert(self.stranger());
        }
        strangers.into_iter().collect()
    }
}
