//! What block devices did between two looks at `/proc/diskstats`.

use std::collections::HashMap;

use super::output::Device;
use crate::printable::printable;

/// Bytes of a sector in these figures, whatever the device has.
const SECTOR: u64 = 512;

/// The counters of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    reads: u64,
    sectors_read: u64,
    /// Milliseconds, which wrap around at 32 bits.
    reading: u32,
    writes: u64,
    sectors_written: u64,
    writing: u32,
    in_flight: u64,
    busy: u32,
    weighted: u32,
}

/// All devices at one moment.
#[derive(Debug, Default)]
pub(super) struct Diskstats(HashMap<String, Counters>);

impl Diskstats {
    /// Reads the text. `is_whole` says which devices are no part of another.
    pub(super) fn from_text(text: &str, is_whole: impl Fn(&str) -> bool) -> Self {
        let devices = text.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace().skip(2);
            let name = words.next()?;
            let counters = Counters::from_words(words)?;
            let used = counters.reads > 0 || counters.writes > 0;
            (used && is_whole(name)).then(|| (name.to_owned(), counters))
        });
        Diskstats(devices.collect())
    }

    /// What each device did since `before`, busiest first. One that came within the window is left out.
    pub(super) fn since(&self, before: &Diskstats, seconds: f64) -> Vec<Device> {
        let mut devices: Vec<Device> =
            self.0.iter().filter_map(|(name, now)| now.since(before.0.get(name)?, name, seconds)).collect();
        devices
            .sort_by(|one, other| other.busy_share.total_cmp(&one.busy_share).then_with(|| one.name.cmp(&other.name)));
        devices
    }
}

impl Counters {
    fn from_words<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let numbers: Vec<u64> = words.take(11).map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let [reads, _, sectors_read, reading, writes, _, sectors_written, writing, in_flight, busy, weighted] =
            *numbers.first_chunk()?;
        let [reading, writing, busy, weighted] = [reading, writing, busy, weighted].map(|ms| ms as u32);
        Some(Counters { reads, sectors_read, reading, writes, sectors_written, writing, in_flight, busy, weighted })
    }

    /// None when it is another device of that name, or no time passed.
    fn since(&self, before: &Counters, name: &str, seconds: f64) -> Option<Device> {
        if seconds <= 0.0 {
            return None;
        }
        let reads = self.reads.checked_sub(before.reads)?;
        let writes = self.writes.checked_sub(before.writes)?;
        let read = self.sectors_read.checked_sub(before.sectors_read)?.saturating_mul(SECTOR);
        let written = self.sectors_written.checked_sub(before.sectors_written)?.saturating_mul(SECTOR);
        let ms = |now: u32, before: u32| f64::from(now.wrapping_sub(before));
        let wait = |spent: f64, requests: u64| (requests > 0).then(|| spent / requests as f64);
        Some(Device {
            name: printable(name),
            read_bytes_per_second: read as f64 / seconds,
            written_bytes_per_second: written as f64 / seconds,
            reads_per_second: reads as f64 / seconds,
            writes_per_second: writes as f64 / seconds,
            read_wait_ms: wait(ms(self.reading, before.reading), reads),
            write_wait_ms: wait(ms(self.writing, before.writing), writes),
            busy_share: (ms(self.busy, before.busy) / 1000.0 / seconds).min(1.0),
            mean_queue: ms(self.weighted, before.weighted) / 1000.0 / seconds,
            in_flight: self.in_flight,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n\
         254       0 vda 100 2 8000 4294967000 50 4 4000 300 0 5000 4294967290 0 0 0 0 0 0\n\
         254       1 vda1 100 2 8000 50 50 4 4000 300 0 5000 9000\n";
    const AFTER: &str = "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n\
         254       0 vda 150 2 12000 204 50 4 4000 300 3 6000 3994 0 0 0 0 0 0\n\
         254       1 vda1 150 2 12000 90 50 4 4000 300 0 6000 9500\n";

    fn whole(name: &str) -> bool {
        !name.ends_with('1')
    }

    #[test]
    fn rates_are_of_whole_devices_that_were_ever_used() {
        let (before, after) = (Diskstats::from_text(BEFORE, whole), Diskstats::from_text(AFTER, whole));
        let devices = after.since(&before, 2.0);
        assert_eq!(devices.len(), 1);
        let vda = &devices[0];
        assert_eq!((vda.name.as_str(), vda.reads_per_second, vda.in_flight), ("vda", 25.0, 3));
        assert_eq!(vda.read_bytes_per_second, 4000.0 * 512.0 / 2.0);
        assert_eq!((vda.read_wait_ms, vda.write_wait_ms), (Some(10.0), None), "the clock of reading wrapped around");
        assert_eq!((vda.busy_share, vda.mean_queue), (0.5, 2.0));
    }

    #[test]
    fn a_device_whose_counters_began_anew_is_left_out() {
        let (before, after) = (Diskstats::from_text(AFTER, whole), Diskstats::from_text(BEFORE, whole));
        assert!(after.since(&before, 2.0).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "((vda|[0-9]{1,20}|\\PC)[ \n]){0,60}", seconds in 0.0f64..100.0) {
            let seen = Diskstats::from_text(&text, |_| true);
            let _ = seen.since(&seen, seconds);
        }
    }
}
