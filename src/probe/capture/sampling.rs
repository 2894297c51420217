//! How many packets one stands for, when there are too many to look at all.
//!
//! The factor changes while packets wait in the ring, so each is weighed by its time: by the factor that held when the
//! kernel drew it.

use std::time::{Duration, Instant};

/// How often the cost is looked at. The ring holds more than this of a flood.
const INTERVAL: Duration = Duration::from_millis(100);
/// The highest factor. One packet in 1,024 of what a 100 Gbit/s link can carry is still 145,000 a second.
const HIGHEST: u32 = 1_024;
/// Below this part of what it may cost, fewer packets are passed over.
const CHEAP: f64 = 0.25;

/// When the kernel began to draw one packet in so many.
#[derive(Debug, Clone, Copy)]
struct Switch {
    at_nanos: u64,
    one_in: u32,
}

/// The factor over time, and what decides on it.
#[derive(Debug)]
pub struct Sampling {
    /// The share of one CPU that reading may take.
    share: f64,
    switches: Vec<Switch>,
    looked: Option<Look>,
}

/// What the reading had cost when that was last looked at.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    cpu_seconds: f64,
    dropped: u64,
}

impl Sampling {
    /// Every packet, until reading them takes more than `share` of a CPU.
    pub fn new(share: f64) -> Self {
        Sampling { share, switches: Vec::new(), looked: None }
    }

    /// The share of one CPU that reading may take.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// How many packets one stands for that the kernel saw at that time of the wall clock.
    pub fn stands_for(&self, at_nanos: u64) -> u32 {
        self.switches.iter().rev().find(|switch| switch.at_nanos <= at_nanos).map_or(1, |switch| switch.one_in)
    }

    /// The factor to change to, if it should change: given the CPU time of the reader and the ring's drops so far.
    pub fn wanted(&mut self, now: Instant, cpu_seconds: f64, dropped: u64) -> Option<u32> {
        let look = Look { at: now, cpu_seconds, dropped };
        let before = *self.looked.get_or_insert(look);
        let seconds = now.saturating_duration_since(before.at);
        if seconds < INTERVAL {
            return None;
        }
        self.looked = Some(look);
        let load = (cpu_seconds - before.cpu_seconds) / seconds.as_secs_f64() / self.share;
        let one_in = self.switches.last().map_or(1, |switch| switch.one_in);
        let wanted = match load {
            load if load > 1.0 => {
                ((f64::from(one_in) * load).ceil().min(f64::from(HIGHEST)) as u32).next_power_of_two()
            }
            // The ring was full though the reader had CPU time left to take: others keep it from running.
            load if dropped > before.dropped && load > CHEAP => one_in * 2,
            load if dropped == before.dropped && load < CHEAP => one_in / 2,
            _ => one_in,
        };
        Some(wanted.clamp(1, HIGHEST)).filter(|wanted| *wanted != one_in)
    }

    /// The kernel draws one packet in `one_in` from that time of the wall clock on.
    pub fn switched(&mut self, at_nanos: u64, one_in: u32) {
        self.switches.push(Switch { at_nanos, one_in });
    }

    /// When packets were first passed over, in nanoseconds of the wall clock, and the highest factor; none when all were read.
    pub fn account(&self) -> Option<(u64, u32)> {
        let first = self.switches.first()?;
        let highest = self.switches.iter().map(|switch| switch.one_in).max()?;
        Some((first.at_nanos, highest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_stands_for_as_many_as_when_the_kernel_drew_it() {
        let mut sampling = Sampling::new(0.3);
        assert_eq!((sampling.stands_for(5), sampling.account()), (1, None));
        sampling.switched(10, 4);
        sampling.switched(20, 2);
        let weights = [9, 10, 19, 20, 99].map(|at| sampling.stands_for(at));
        assert_eq!(weights, [1, 4, 4, 2, 2]);
        assert_eq!(sampling.account(), Some((10, 4)));
    }

    #[test]
    fn the_factor_follows_the_cost() {
        let (mut sampling, began) = (Sampling::new(0.3), Instant::now());
        let at = |tenths: u64| began + Duration::from_millis(100 * tenths);
        assert_eq!(sampling.wanted(began, 0.0, 0), None);
        assert_eq!(sampling.wanted(began + Duration::from_millis(50), 0.05, 0), None, "too early to tell");
        assert_eq!(sampling.wanted(at(1), 0.1, 0), Some(4), "a whole CPU, where 30 % are allowed");
        sampling.switched(1, 4);
        assert_eq!(sampling.wanted(at(2), 0.125, 0), None, "25 %");
        assert_eq!(sampling.wanted(at(3), 0.140, 7), Some(8), "15 %, and yet the ring was full");
        assert_eq!(sampling.wanted(at(4), 0.141, 7), Some(2), "1 %");
    }

    #[test]
    fn the_factor_has_an_end() {
        let (mut sampling, began) = (Sampling::new(0.001), Instant::now());
        sampling.wanted(began, 0.0, 0);
        assert_eq!(sampling.wanted(began + INTERVAL, 1e9, 0), Some(HIGHEST));
    }
}
