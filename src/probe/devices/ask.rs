//! Asking drivers. One that waits for its firmware, or for the lock of all network configuration, holds up nobody but the thread
//! that asks it.

use std::ffi::{CStr, CString};
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::statistics::Reading;
use crate::case::{Gap, Reason};
use crate::sys::ethtool::{Channels, Driver, Ethtool, LinkSettings, Rings};
use crate::units;

/// How long all drivers together may take to answer once. They answer in microseconds as a rule; one that asks its firmware
/// takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the stack of the thread that asks.
const STACK: usize = 256 << 10;

/// What a driver says of its device that does not change by itself.
pub(super) struct Described {
    pub(super) driver: io::Result<Driver>,
    pub(super) link: io::Result<LinkSettings>,
    pub(super) rings: io::Result<Rings>,
    pub(super) channels: io::Result<Channels>,
    pub(super) features: io::Result<Vec<(String, bool)>>,
}

/// Asks what the devices are and how they are set.
pub(super) fn describe(devices: &[CString]) -> Vec<Result<Described, Gap>> {
    ask(devices, PATIENCE, |door, device| Described {
        driver: door.driver(device),
        link: door.link_settings(device),
        rings: door.rings(device),
        channels: door.channels(device),
        features: door.features(device),
    })
}

/// Asks for the statistics of the devices.
pub(super) fn statistics(devices: &[CString]) -> Vec<Result<io::Result<Reading>, Gap>> {
    ask(devices, PATIENCE, |door, device| door.statistics(device))
}

/// One answer for each device, in their order.
fn ask<T: Send + 'static>(
    devices: &[CString],
    patience: Duration,
    question: impl Fn(&Ethtool, &CStr) -> T + Send + 'static,
) -> Vec<Result<T, Gap>> {
    let tried = |device: &CString| {
        format!("ask the driver of {} (SIOCETHTOOL)", crate::printable::printable(device.as_bytes()))
    };
    let (sender, receiver) = mpsc::channel();
    let work: Vec<CString> = devices.to_vec();
    // A thread of this one is in its network namespace, too.
    let started = thread::Builder::new().name("ethtool".to_owned()).stack_size(STACK).spawn(move || {
        let door = Ethtool::open();
        for (place, device) in work.iter().enumerate() {
            let answer = match &door {
                Ok(door) => Ok(question(door, device)),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            if sender.send((place, answer)).is_err() {
                return; // nobody waits any more
            }
        }
    });
    let until = Instant::now() + patience;
    let mut answers: Vec<Option<io::Result<T>>> = devices.iter().map(|_| None).collect();
    let mut awaited = if started.is_ok() { devices.len() } else { 0 };
    while awaited > 0 {
        let left = until.saturating_duration_since(Instant::now());
        let Ok((place, answer)) = receiver.recv_timeout(left) else { break };
        if let Some(slot) = answers.get_mut(place) {
            *slot = Some(answer);
        }
        awaited -= 1;
    }
    let silent = |device: &CString| match &started {
        Err(error) => Gap::io(tried(device), error),
        Ok(_) => {
            let why = format!(
                "no answer in {}: it waits for its firmware, or for the lock of all network configuration",
                units::span(patience.as_secs_f64())
            );
            Gap::new(Reason::TimedOut, tried(device), why)
        }
    };
    devices
        .iter()
        .zip(answers)
        .map(|(device, answer)| match answer {
            Some(answer) => answer.map_err(|error| Gap::io(tried(device), &error)),
            None => Err(silent(device)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_does_not_answer_leaves_a_gap_and_those_before_it_their_answers() {
        let devices = [c"one".to_owned(), c"two".to_owned(), c"three".to_owned()];
        let (release, hold) = mpsc::channel::<()>();
        let answers = ask(&devices, Duration::from_millis(50), move |_, device| {
            if device == c"two" {
                let _ = hold.recv();
            }
            device.to_bytes().len()
        });
        drop(release);
        assert_eq!(answers[0], Ok(3));
        for gap in [answers[1].as_ref().unwrap_err(), answers[2].as_ref().unwrap_err()] {
            assert!(gap.reason == Reason::TimedOut && gap.why.contains("no answer in 50 ms"), "{gap}");
        }
        assert!(answers[1].as_ref().unwrap_err().tried.contains("two"));
    }
}
