//! Rates over time.

use super::count::Count;
use super::output::Sample;

/// Slices that are kept at most: a sample a second over ten minutes, or longer slices.
const SLICES: u64 = 600;

/// Packets and bytes by slice of time.
#[derive(Debug)]
pub struct Timeseries {
    slice_nanos: u64,
    slices: Vec<Slice>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    rx_packets: u64,
    rx_bytes: u64,
    tx_packets: u64,
    tx_bytes: u64,
}

impl Timeseries {
    /// Slices for a window of that length: of a second, or a tenth of the window where that is shorter.
    pub fn new(window_nanos: u64) -> Self {
        const SECOND: u64 = 1_000_000_000;
        let slice_nanos = (window_nanos / 10).min(SECOND).max(window_nanos.div_ceil(SLICES)).max(1);
        let slices = (window_nanos / slice_nanos).clamp(1, SLICES);
        Timeseries { slice_nanos, slices: vec![Slice::default(); slices as usize] }
    }

    /// Counts packets. What comes after the window belongs to its last slice.
    #[inline(always)]
    pub fn add(&mut self, at_nanos: u64, outgoing: bool, amount: Count) {
        let last = self.slices.len() - 1;
        let slice = &mut self.slices[last.min((at_nanos / self.slice_nanos) as usize)];
        let (packets, sum) = if outgoing {
            (&mut slice.tx_packets, &mut slice.tx_bytes)
        } else {
            (&mut slice.rx_packets, &mut slice.rx_bytes)
        };
        *packets += amount.packets;
        *sum += amount.bytes;
    }

    /// The rates, when the burst took `elapsed_nanos` in the end. A burst without duration has none.
    pub fn samples(&self, elapsed_nanos: u64) -> Vec<Sample> {
        let last = self.slices.len() - 1;
        let samples = self.slices.iter().enumerate().map_while(|(index, slice)| {
            let begin = index as u64 * self.slice_nanos;
            // The last slice lasts as long as the watching did; so does one that a cancellation cut short.
            let end = if index == last { elapsed_nanos } else { elapsed_nanos.min(begin + self.slice_nanos) };
            if end <= begin {
                return None;
            }
            let per_second = 1e9 / (end - begin) as f64;
            Some(Sample {
                at: begin as f64 / 1e9,
                rx_bits_per_second: slice.rx_bytes as f64 * 8.0 * per_second,
                rx_packets_per_second: slice.rx_packets as f64 * per_second,
                tx_bits_per_second: slice.tx_bytes as f64 * 8.0 * per_second,
                tx_packets_per_second: slice.tx_packets as f64 * per_second,
            })
        });
        samples.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const ONE: Count = Count { packets: 1, bytes: 125 };

    #[test]
    fn ten_seconds_have_ten_samples_and_the_overrun_stays_in_the_last() {
        let mut timeseries = Timeseries::new(10 * SECOND);
        timeseries.add(0, false, ONE);
        timeseries.add(10 * SECOND + 5, false, ONE);
        let samples = timeseries.samples(10 * SECOND + 10_000_000);
        assert_eq!(samples.len(), 10);
        assert_eq!(samples[0].rx_bits_per_second, 1000.0);
        assert!((samples[9].rx_packets_per_second - 1.0 / 1.01).abs() < 1e-9);
    }

    #[test]
    fn a_short_window_has_ten_samples_and_a_long_one_six_hundred() {
        assert_eq!(Timeseries::new(SECOND).samples(SECOND).len(), 10);
        assert_eq!(Timeseries::new(7200 * SECOND).samples(7200 * SECOND).len(), 600);
        assert_eq!(Timeseries::new(0).samples(0), []);
    }

    #[test]
    fn a_watching_that_was_cut_short_has_no_samples_of_what_it_did_not_see() {
        let mut timeseries = Timeseries::new(10 * SECOND);
        timeseries.add(SECOND + 1, false, ONE);
        let samples = timeseries.samples(SECOND * 3 / 2);
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[1].rx_packets_per_second, 2.0);
    }
}
