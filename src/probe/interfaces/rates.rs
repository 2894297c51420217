//! From samples of counters to growth, rates, mean and peak. Pure.

use std::collections::HashMap;

use super::{Flow, Sample, Totals};
use crate::sys::rtnetlink::LinkCounters;

/// The samples of all interfaces.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What is known of each interface, by index.
    seen: HashMap<u32, Seen>,
    /// The interfaces whose samples are kept.
    kept: HashMap<u32, Vec<Sample>>,
    /// Seconds into the window of the first and of the last sample.
    span: Option<(f64, f64)>,
}

/// One interface over the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) first_at: f64,
    pub(super) last_at: f64,
    first: LinkCounters,
    pub(super) last: LinkCounters,
    /// Counters that went backwards between two samples, as the bits of [`Growth`].
    backwards: u32,
    rx_peak: Option<f64>,
    tx_peak: Option<f64>,
    pub(super) samples: u32,
}

/// The counters that are compared.
const COUNTERS: [fn(&LinkCounters) -> Option<u64>; 16] = [
    |c| Some(c.rx_bytes),
    |c| Some(c.rx_packets),
    |c| Some(c.rx_dropped),
    |c| Some(c.rx_errors),
    |c| Some(c.rx_missed_errors),
    |c| Some(c.rx_fifo_errors),
    |c| Some(c.rx_frame_errors),
    |c| Some(c.rx_crc_errors),
    |c| Some(c.multicast),
    |c| c.rx_nohandler,
    |c| c.rx_otherhost_dropped,
    |c| Some(c.tx_bytes),
    |c| Some(c.tx_packets),
    |c| Some(c.tx_dropped),
    |c| Some(c.tx_errors),
    |c| Some(c.tx_fifo_errors),
];

impl Reading {
    /// A reading that keeps the samples of these interfaces.
    pub(super) fn new(kept: impl Iterator<Item = u32>) -> Self {
        Reading { kept: kept.map(|index| (index, Vec::new())).collect(), ..Reading::default() }
    }

    /// Adds what was read `at` seconds into the window.
    pub(super) fn add(&mut self, at: f64, counters: HashMap<u32, LinkCounters>) {
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
        for (index, now) in counters {
            let Some(seen) = self.seen.get_mut(&index) else {
                self.seen.insert(index, Seen::new(at, now));
                continue;
            };
            if let Some(sample) = seen.add(at, now)
                && let Some(kept) = self.kept.get_mut(&index)
            {
                kept.push(sample);
            }
        }
    }

    /// The samples of an interface, where they are kept.
    pub(super) fn samples(&self, index: u32) -> &[Sample] {
        self.kept.get(&index).map(Vec::as_slice).unwrap_or_default()
    }

    /// All interfaces that were seen.
    pub(super) fn seen(&self) -> impl Iterator<Item = (u32, &Seen)> {
        self.seen.iter().map(|(index, seen)| (*index, seen))
    }

    /// One interface, if it was seen.
    pub(super) fn get(&self, index: u32) -> Option<&Seen> {
        self.seen.get(&index)
    }

    /// When the last sample of all was taken, in seconds into the window.
    pub(super) fn last_at(&self) -> f64 {
        self.span.map_or(0.0, |(_, last)| last)
    }

    /// Seconds between the first and the last sample of all.
    pub(super) fn seconds(&self) -> f64 {
        self.span.map_or(0.0, |(first, last)| last - first)
    }
}

impl Seen {
    fn new(at: f64, now: LinkCounters) -> Self {
        Seen {
            first_at: at,
            last_at: at,
            first: now,
            last: now,
            backwards: 0,
            rx_peak: None,
            tx_peak: None,
            samples: 1,
        }
    }

    /// Adds a reading and gives its rates; none when a counter of them went backwards: it was reset in between.
    fn add(&mut self, at: f64, now: LinkCounters) -> Option<Sample> {
        for (bit, counter) in COUNTERS.iter().enumerate() {
            if counter(&now) < counter(&self.last) {
                self.backwards |= 1 << bit;
            }
        }
        let (before, seconds) = (self.last, at - self.last_at);
        (self.last, self.last_at) = (now, at);
        self.samples += 1;
        if seconds <= 0.0 {
            return None;
        }
        let rate = |before: u64, now: u64| now.checked_sub(before).map(|growth| growth as f64 / seconds);
        let rx = rate(before.rx_bytes, now.rx_bytes).map(|bytes| bytes * 8.0);
        let tx = rate(before.tx_bytes, now.tx_bytes).map(|bytes| bytes * 8.0);
        let higher = |peak: Option<f64>, rate: Option<f64>| match (peak, rate) {
            (Some(peak), Some(rate)) => Some(peak.max(rate)),
            (peak, rate) => peak.or(rate),
        };
        self.rx_peak = higher(self.rx_peak, rx);
        self.tx_peak = higher(self.tx_peak, tx);
        Some(Sample {
            at,
            rx_bits_per_second: rx?,
            rx_packets_per_second: rate(before.rx_packets, now.rx_packets)?,
            tx_bits_per_second: tx?,
            tx_packets_per_second: rate(before.tx_packets, now.tx_packets)?,
        })
    }

    /// Growth of the counter at a place in [`COUNTERS`]; none with a single sample, or when it ever went backwards.
    fn growth(&self, place: usize) -> Option<u64> {
        if self.samples < 2 || self.backwards & (1 << place) != 0 {
            return None;
        }
        let counter = COUNTERS.get(place)?;
        counter(&self.last)?.checked_sub(counter(&self.first)?)
    }

    /// What was received.
    pub(super) fn rx(&self) -> Flow {
        Flow {
            missed: self.growth(4),
            fifo: self.growth(5),
            frame: self.growth(6),
            crc: self.growth(7),
            multicast: self.growth(8),
            nohandler: self.growth(9),
            otherhost_dropped: self.growth(10),
            ..self.flow([0, 1, 2, 3], self.rx_peak)
        }
    }

    /// What was sent.
    pub(super) fn tx(&self) -> Flow {
        Flow { fifo: self.growth(15), ..self.flow([11, 12, 13, 14], self.tx_peak) }
    }

    fn flow(&self, [bytes, packets, dropped, errors]: [usize; 4], peak: Option<f64>) -> Flow {
        let (bytes, packets) = (self.growth(bytes), self.growth(packets));
        let seconds = self.last_at - self.first_at;
        let rate = |growth: Option<u64>| growth.filter(|_| seconds > 0.0).map(|growth| growth as f64 / seconds);
        Flow {
            bytes,
            packets,
            bytes_per_second: rate(bytes),
            bits_per_second: rate(bytes).map(|bytes| bytes * 8.0),
            packets_per_second: rate(packets),
            peak_bits_per_second: peak,
            mean_packet_bytes: bytes
                .zip(packets)
                .filter(|(_, p)| *p > 0)
                .map(|(bytes, packets)| bytes as f64 / packets as f64),
            dropped: self.growth(dropped),
            errors: self.growth(errors),
            ..Flow::default()
        }
    }

    /// The counters at the end.
    pub(super) fn totals(&self) -> Totals {
        Totals {
            rx_bytes: self.last.rx_bytes,
            rx_packets: self.last.rx_packets,
            tx_bytes: self.last.tx_bytes,
            tx_packets: self.last.tx_packets,
            rx_dropped: self.last.rx_dropped,
            rx_errors: self.last.rx_errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rx_bytes: u64, rx_packets: u64) -> HashMap<u32, LinkCounters> {
        HashMap::from([(2, LinkCounters { rx_bytes, rx_packets, ..LinkCounters::default() })])
    }

    fn reading(samples: &[(f64, u64, u64)]) -> Reading {
        let mut reading = Reading::new([2].into_iter());
        for (seconds, bytes, packets) in samples {
            reading.add(*seconds, at(*bytes, *packets));
        }
        reading
    }

    #[test]
    fn mean_and_peak_come_from_the_time_that_really_passed() {
        let reading = reading(&[(0.5, 1_000, 10), (1.5, 2_000, 20), (2.5, 5_000, 40)]);
        let rx = reading.get(2).unwrap().rx();
        assert_eq!((rx.bytes, rx.packets), (Some(4_000), Some(30)));
        assert_eq!(rx.bits_per_second, Some(16_000.0));
        assert_eq!(rx.peak_bits_per_second, Some(24_000.0));
        assert_eq!(reading.samples(2).iter().map(|s| s.rx_bits_per_second).collect::<Vec<_>>(), [8_000.0, 24_000.0]);
        assert_eq!(reading.seconds(), 2.0);
    }

    #[test]
    fn counter_that_went_backwards_is_unknown_not_negative_and_not_wrapped() {
        let reading = reading(&[(0.0, 9_000, 10), (1.0, 100, 20), (2.0, 50_000, 30)]);
        let rx = reading.get(2).unwrap().rx();
        assert_eq!((rx.bytes, rx.bits_per_second, rx.mean_packet_bytes), (None, None, None));
        assert_eq!(rx.packets, Some(20));
        assert_eq!(reading.samples(2).len(), 1, "the sample with the reset is dropped");
        assert_eq!(rx.dropped, Some(0));
    }

    #[test]
    fn one_sample_alone_tells_no_growth() {
        let rx = *reading(&[(3.0, 9_000, 10)]).get(2).unwrap();
        assert_eq!(rx.rx(), Flow::default());
        assert_eq!(rx.totals().rx_bytes, 9_000);
    }

    #[test]
    fn a_counter_that_the_kernel_does_not_have_is_unknown() {
        let rx = reading(&[(0.0, 0, 0), (1.0, 0, 0)]).get(2).unwrap().rx();
        assert_eq!((rx.nohandler, rx.otherhost_dropped), (None, None));
        assert_eq!((rx.bytes, rx.mean_packet_bytes), (Some(0), None));
    }

    proptest::proptest! {
        #[test]
        fn no_counters_make_a_rate_negative_or_infinite(values in proptest::collection::vec((0.0f64..20.0, 0u64.., 0u64..), 1..8)) {
            let reading = reading(&values);
            let rx = reading.get(2).unwrap().rx();
            for rate in [rx.bits_per_second, rx.peak_bits_per_second, rx.packets_per_second].into_iter().flatten() {
                assert!(rate >= 0.0 && rate.is_finite());
            }
        }
    }
}
