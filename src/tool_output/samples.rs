//! Rates of interfaces as `sar -n DEV` prints them.

use std::collections::BTreeMap;

use crate::printable::printable;

/// Samples that are kept of an interface.
const MOST_SAMPLES: usize = 600;
/// Interfaces.
const MOST: usize = 4096;
/// `sar` counts 1024 bytes to the kB.
const KILO: f64 = 1024.0;

/// What one sample saw, in packets and bytes per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sample {
    /// Seconds since midnight at its end.
    pub at: Option<u32>,
    pub rx_packets: f64,
    pub tx_packets: f64,
    pub rx_bytes: f64,
    pub tx_bytes: f64,
}

/// The samples of an interface, and their mean as `sar` gives it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rates {
    pub samples: Vec<Sample>,
    pub mean: Option<Sample>,
}

impl Rates {
    /// The mean, of `sar` or of the samples.
    pub fn mean(&self) -> Option<Sample> {
        let count = self.samples.len() as f64;
        let mean = |field: fn(&Sample) -> f64| self.samples.iter().map(field).sum::<f64>() / count;
        self.mean.or_else(|| {
            (!self.samples.is_empty()).then(|| Sample {
                at: None,
                rx_packets: mean(|s| s.rx_packets),
                tx_packets: mean(|s| s.tx_packets),
                rx_bytes: mean(|s| s.rx_bytes),
                tx_bytes: mean(|s| s.tx_bytes),
            })
        })
    }

    /// Seconds from one sample to the next, where the times tell.
    pub fn interval(&self) -> Option<f64> {
        let mut times = self.samples.iter().filter_map(|sample| sample.at);
        let (first, second) = (times.next()?, times.next()?);
        let apart = (second + 86_400 - first) % 86_400;
        (apart > 0).then(|| f64::from(apart))
    }
}

/// The rates of each interface; empty when the output is of another tool.
pub(super) fn read(text: &str) -> BTreeMap<String, Rates> {
    let mut all: BTreeMap<String, Rates> = BTreeMap::new();
    let mut heading: Vec<&str> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().take(32).collect();
        if words.contains(&"IFACE") {
            heading = if words.contains(&"rxpck/s") { words } else { Vec::new() };
            continue;
        }
        let Some(place) = heading.iter().position(|word| *word == "IFACE") else { continue };
        // A row has the columns of its heading; the mean has one word where a time with AM or PM has two.
        let is_mean = words.first() == Some(&"Average:");
        let shift = heading.len().checked_sub(words.len()).filter(|shift| *shift <= place);
        let Some(shift) = shift.filter(|shift| *shift == 0 || is_mean) else { continue };
        let column = |names: [&str; 2]| {
            let found = names.iter().enumerate().find_map(|(index, name)| {
                heading.iter().position(|word| word == name).map(|place| (place, if index == 0 { KILO } else { 1.0 }))
            });
            let (place, factor) = found?;
            let figure: f64 = words.get(place - shift)?.replace(',', ".").parse().ok()?;
            (figure.is_finite() && figure >= 0.0).then_some((figure, factor))
        };
        let packets = |name| column([name, name]).map(|(figure, _)| figure);
        let bytes = |names| column(names).map(|(figure, factor)| figure * factor);
        let sample = (|| {
            Some(Sample {
                at: words.first().and_then(|time| clock(time, words.get(1).copied())),
                rx_packets: packets("rxpck/s")?,
                tx_packets: packets("txpck/s")?,
                rx_bytes: bytes(["rxkB/s", "rxbyt/s"])?,
                tx_bytes: bytes(["txkB/s", "txbyt/s"])?,
            })
        })();
        let (Some(sample), Some(name)) = (sample, words.get(place - shift)) else { continue };
        if all.len() >= MOST && !all.contains_key(*name) {
            continue;
        }
        let rates = all.entry(printable(name)).or_default();
        if is_mean {
            rates.mean = Some(Sample { at: None, ..sample });
        } else if rates.samples.len() < MOST_SAMPLES {
            rates.samples.push(sample);
        }
    }
    all
}

/// `23:56:01`, `11:56:01` `PM`, as seconds since midnight.
pub(super) fn clock(time: &str, half: Option<&str>) -> Option<u32> {
    let mut parts = time.split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let hour = match half {
        Some("PM") if hour < 12 => hour + 12,
        Some("AM") if hour == 12 => 0,
        _ => hour,
    };
    (hour < 24 && minute < 60 && second < 61 && parts.next().is_none()).then_some(hour * 3600 + minute * 60 + second)
}
