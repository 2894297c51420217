//! What all expressions of one run may take together, beside the limits of each.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::case::{Gap, Reason};
use crate::units;

/// CPU time of all expressions of a run: conditions, `let`, templates, arguments.
const TIME: Duration = Duration::from_secs(5);
/// Bytes of all values and texts that expressions of a run give back.
const BYTES: usize = 32 * 1024 * 1024;

/// What is left, and whether something was refused for it.
#[derive(Debug, Clone, Copy)]
struct Left {
    time: Duration,
    bytes: usize,
    lacked_time: bool,
    lacked_bytes: bool,
}

/// What all expressions of one run may take together.
#[derive(Debug)]
pub(super) struct Budget(Mutex<Left>);

impl Budget {
    /// The whole of it.
    pub fn new() -> Self {
        Budget::of(TIME)
    }

    /// With so much CPU time.
    pub fn of(time: Duration) -> Self {
        Budget(Mutex::new(Left { time, bytes: BYTES, lacked_time: false, lacked_bytes: false }))
    }

    fn with<T>(&self, change: impl FnOnce(&mut Left) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// CPU time that is left, or the gap when there is none.
    pub fn time(&self) -> Result<Duration, Gap> {
        self.with(|left| {
            left.lacked_time |= left.time.is_zero();
            if left.time.is_zero() { Err(no_time()) } else { Ok(left.time) }
        })
    }

    /// Takes CPU time that an expression took.
    pub fn spend_time(&self, time: Duration) {
        self.with(|left| left.time = left.time.saturating_sub(time));
    }

    /// The gap of an expression that was stopped, when it was stopped because no time is left for any.
    pub fn stopped(&self) -> Option<Gap> {
        self.with(|left| {
            left.lacked_time |= left.time.is_zero();
            left.time.is_zero().then(no_time)
        })
    }

    /// Takes bytes of a value or text that is given back.
    pub fn spend_bytes(&self, bytes: usize) -> Result<(), Gap> {
        self.with(|left| match left.bytes.checked_sub(bytes) {
            Some(rest) => {
                left.bytes = rest;
                Ok(())
            }
            None => {
                left.lacked_bytes = true;
                Err(no_bytes())
            }
        })
    }

    /// What was refused because the budget is used up.
    pub fn lacking(&self) -> Vec<Gap> {
        let left = self.with(|left| *left);
        let time = left.lacked_time.then(no_time);
        time.into_iter().chain(left.lacked_bytes.then(no_bytes)).collect()
    }
}

fn no_time() -> Gap {
    let why = format!("the run's budget for conditions is used up: {} of CPU time", units::span(TIME.as_secs_f64()));
    Gap::new(Reason::TimedOut, "judge by all conditions of the runbook", why)
        .to_fix("find the expressions that loop or walk long lists again and again, and shorten them")
}

fn no_bytes() -> Gap {
    let why = format!("the run's budget for texts is used up: {}", units::bytes(BYTES as f64));
    Gap::new(Reason::Failed, "fill in all texts of the runbook", why)
        .to_fix("find the `{{ }}` that give long texts, and shorten them")
}
