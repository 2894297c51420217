//! Waiting for probes: how long each may take, by a clock that stands still while this process does not run.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::sys::clock;
use crate::units;

/// How often the wait looks up.
const TICK: Duration = Duration::from_millis(50);
/// Who is woken so much later than it asked for did not run meanwhile.
const STOPPED: Duration = Duration::from_secs(1);
/// A machine that slept for less is not worth a sentence.
const SLEPT: Duration = Duration::from_millis(500);

/// Nobody is left who could answer.
pub(super) struct Gone;

/// The wait for the answers of one wave.
pub(super) struct Wait {
    began: Instant,
    limits: Vec<Duration>,
    /// Each probe's beginning on the clock of [`Wait::now`], while it is asked.
    running: Vec<Option<Duration>>,
    started: Vec<bool>,
    /// When anything happened last, on the same clock.
    latest: Duration,
    /// How long this process did not run: it was stopped (`SIGSTOP`, a debugger, the freezer of a control group), the
    /// machine was paused, or it got no CPU.
    stopped: Duration,
    slept_before: Option<Duration>,
}

impl Wait {
    pub(super) fn new(limits: Vec<Duration>) -> Self {
        Wait {
            began: Instant::now(),
            running: vec![None; limits.len()],
            started: vec![false; limits.len()],
            limits,
            latest: Duration::ZERO,
            stopped: Duration::ZERO,
            slept_before: clock::suspended(),
        }
    }

    /// The next that arrives within a tick; nothing, if nothing does.
    pub(super) fn next<T>(&mut self, from: &Receiver<T>) -> Result<Option<T>, Gone> {
        let asked = Instant::now();
        let next = from.recv_timeout(TICK);
        let late = asked.elapsed().saturating_sub(TICK);
        if late > STOPPED {
            self.stopped += late;
        }
        match next {
            Ok(next) => Ok(Some(next)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }

    /// Time since the wave began, on the monotonic clock, which stands still while the machine is suspended.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The same without the time in which this process did not run: what limits are measured by.
    pub(super) fn now(&self) -> Duration {
        self.elapsed().saturating_sub(self.stopped)
    }

    pub(super) fn began(&mut self, index: usize) {
        let now = self.now();
        self.latest = now;
        self.started[index] = true;
        self.running[index] = Some(now);
    }

    pub(super) fn answered(&mut self, index: usize) {
        self.latest = self.now();
        self.running[index] = None;
    }

    pub(super) fn has_begun(&self, index: usize) -> bool {
        self.started[index]
    }

    /// Whether a probe has had its time. One that has not begun waits for those that run.
    pub(super) fn is_late(&self, index: usize) -> bool {
        let limit = self.limits[index];
        match self.running[index] {
            Some(since) => self.now().saturating_sub(since) > limit,
            None => self.running.iter().all(Option::is_none) && self.now().saturating_sub(self.latest) > limit,
        }
    }

    /// What is to be said of an answer that was waited for while this process or the machine stood still.
    pub(super) fn sentence(&self) -> Option<String> {
        let slept = clock::suspended().zip(self.slept_before).map(|(now, before)| now.saturating_sub(before));
        let slept = slept.filter(|slept| *slept > SLEPT);
        let said = |what: &str, time: Duration| format!("{what} for {}", units::span(time.as_secs_f64()));
        let parts = [
            (!self.stopped.is_zero())
                .then(|| said("casebook itself did not run (stopped, or the machine was paused)", self.stopped)),
            slept.map(|slept| said("the machine was suspended", slept)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{} while this was watched", parts.join(", and ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn time_in_which_the_process_did_not_run_is_nobodys() {
        let mut wait = Wait::new(vec![LONG]);
        wait.began(0);
        wait.began = Instant::now().checked_sub(LONG * 2).unwrap();
        assert!(wait.is_late(0));
        wait.stopped = LONG * 2;
        assert!(!wait.is_late(0));
        assert_eq!(
            wait.sentence().unwrap(),
            "casebook itself did not run (stopped, or the machine was paused) for 2 min while this was watched"
        );
    }

    #[test]
    fn who_waits_for_its_turn_is_late_only_when_nobody_runs() {
        let mut wait = Wait::new(vec![LONG, SHORT]);
        wait.began(0);
        std::thread::sleep(SHORT * 3);
        assert!(!wait.is_late(1));
        wait.answered(0);
        assert!(!wait.is_late(1));
        std::thread::sleep(SHORT * 3);
        assert!(wait.is_late(1) && !wait.has_begun(1));
    }
}
