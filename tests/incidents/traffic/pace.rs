//! Sending at a steady rate, and counting what was sent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Generators end by themselves after this time, whatever happens to their test.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a generator wakes.
const TICK: Duration = Duration::from_millis(1);
/// The most that is sent late at once, in seconds' worth: a stall shall not end in a burst that no queue holds.
const LATE: f64 = 0.05;

/// What a generator has sent, and whether it shall go on.
#[derive(Debug, Default)]
pub struct Progress {
    packets: AtomicU64,
    bytes: AtomicU64,
    stop: AtomicBool,
}

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Frames for generators of frames, else writes to a socket.
    pub packets: u64,
    /// Bytes: of whole frames for generators of frames, else of payload.
    pub bytes: u64,
}

impl Progress {
    /// Asks the generator to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Counts one packet of `bytes`.
    pub fn add(&self, bytes: usize) {
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What was sent so far.
    pub fn sent(&self) -> Sent {
        Sent { packets: self.packets.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }

    /// Calls `send` with the number of units that are due, `per_second` on average, until it is asked to stop.
    pub fn pace(&self, per_second: u64, mut send: impl FnMut(u64)) {
        let began = Instant::now();
        let rate = per_second as f64;
        let late = (rate * LATE).max(1.0);
        let mut given = 0.0;
        while !self.stopped() && began.elapsed() < LIMIT {
            let owed = began.elapsed().as_secs_f64() * rate;
            given = f64::max(given, owed - late); // what is later than that is forgone
            let due = (owed - given).floor();
            if due >= 1.0 {
                send(due as u64);
                given += due;
            }
            std::thread::sleep(TICK);
        }
    }
}
