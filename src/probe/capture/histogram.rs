//! How the TTLs of packets are spread.

use super::output::Ttl;

/// Packets by TTL.
#[derive(Debug, Clone)]
pub struct TtlHistogram(Box<[u32; 256]>);

impl Default for TtlHistogram {
    fn default() -> Self {
        TtlHistogram(Box::new([0; 256]))
    }
}

impl TtlHistogram {
    /// Counts packets.
    #[inline(always)]
    pub fn add(&mut self, ttl: u8, packets: u32) {
        let count = &mut self.0[usize::from(ttl)];
        *count = count.saturating_add(packets);
    }

    /// How many different values there were.
    pub fn distinct(&self) -> u32 {
        self.0.iter().filter(|count| **count > 0).count() as u32
    }

    /// The figures; none when no packet was counted.
    pub fn summary(&self) -> Option<Ttl> {
        let total: f64 = self.0.iter().map(|count| f64::from(*count)).sum();
        if total == 0.0 {
            return None;
        }
        let share = |count: u32| f64::from(count) / total;
        let entropy: f64 =
            self.0.iter().filter(|count| **count > 0).map(|count| -share(*count) * share(*count).log2()).sum();
        let (commonest, count) = (0..=255u8).zip(self.0.iter()).max_by_key(|(_, count)| **count)?;
        Some(Ttl {
            distinct: self.distinct(),
            entropy_bits: entropy.max(0.0),
            commonest,
            commonest_share: share(*count),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_has_no_entropy_and_eight_equal_ones_have_three_bits() {
        let mut histogram = TtlHistogram::default();
        assert_eq!(histogram.summary(), None);
        histogram.add(64, 1);
        let one = histogram.summary().unwrap();
        assert_eq!((one.distinct, one.entropy_bits, one.commonest, one.commonest_share), (1, 0.0, 64, 1.0));
        let mut histogram = TtlHistogram::default();
        (0..8).for_each(|ttl| histogram.add(50 + ttl, 1));
        assert_eq!(histogram.summary().unwrap().entropy_bits, 3.0);
    }
}
