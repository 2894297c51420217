//! What a probe is given to work with: the shared window, cancellation, a deadline, a place for its live figure, and the
//! evidence of other probes.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::ResourceLimits;
use crate::case::{Evidence, Gap, Reason};
use crate::sys::beneath::Folder;
use crate::sys::usage;
use crate::units;

/// Ends the watching early when the operator says so.
#[derive(Debug, Default)]
pub struct Cancel {
    cancelled: Mutex<bool>,
    changed: Condvar,
}

impl Cancel {
    /// Ends the watching.
    pub fn cancel(&self) {
        *self.cancelled.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether the watching was ended.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rests until `at` or until cancelled, whichever comes first; says whether it went on to the end.
    pub fn sleep_until(&self, at: Instant) -> bool {
        let guard = self.cancelled.lock().unwrap_or_else(PoisonError::into_inner);
        let left = at.saturating_duration_since(Instant::now());
        let (cancelled, _) = self
            .changed
            .wait_timeout_while(guard, left, |cancelled| !*cancelled)
            .unwrap_or_else(PoisonError::into_inner);
        !*cancelled
    }
}

/// Makes the probes of one window start together: each prepares, then waits here until all are ready.
#[derive(Debug)]
pub struct StartBarrier {
    state: Mutex<BarrierState>,
    changed: Condvar,
    agreed: Mutex<Agreed>,
    /// What the first that asked found, for all that ask.
    found: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    not_before: Option<Instant>,
}

#[derive(Debug)]
struct BarrierState {
    awaited: usize,
    opened: Option<Instant>,
}

/// What the probes of one window must agree about.
#[derive(Debug, Default)]
struct Agreed {
    /// The interfaces that `auto` means; none inside when there is none.
    interfaces: Option<Vec<u32>>,
}

/// How long the ready ones wait for one that is slow to prepare.
const START_TIMEOUT: Duration = Duration::from_millis(250);

impl StartBarrier {
    /// A barrier that opens when `probes` have arrived, or when the first to arrive has waited long enough.
    pub fn new(probes: usize) -> Self {
        StartBarrier {
            state: Mutex::new(BarrierState { awaited: probes, opened: None }),
            changed: Condvar::new(),
            agreed: Mutex::default(),
            found: Mutex::default(),
            not_before: None,
        }
    }

    /// Opens no sooner than at this moment, which must be close: probes are asked already, and their time goes by.
    #[must_use]
    pub fn not_before(mut self, moment: Option<Instant>) -> Self {
        self.not_before = moment;
        self
    }

    /// Waits for the others and gives the moment when the window began, the same for all. A late one gets the same
    /// moment, though it lies in the past.
    fn pass(&self) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.awaited = state.awaited.saturating_sub(1);
        if state.awaited > 0 && state.opened.is_none() {
            (state, _) = self
                .changed
                .wait_timeout_while(state, START_TIMEOUT, |state| state.awaited > 0 && state.opened.is_none())
                .unwrap_or_else(PoisonError::into_inner);
        }
        // All that are ready wait for the moment that was wanted. Nobody opens it before, so it is that one for all.
        while let Some(early) = self.early().filter(|_| state.opened.is_none()) {
            (state, _) = self.changed.wait_timeout(state, early).unwrap_or_else(PoisonError::into_inner);
        }
        let opened = *state.opened.get_or_insert_with(Instant::now);
        drop(state);
        self.changed.notify_all();
        opened
    }

    /// How long the moment that was wanted is still ahead.
    fn early(&self) -> Option<Duration> {
        self.not_before?.checked_duration_since(Instant::now()).filter(|early| !early.is_zero())
    }

    /// One probe less to wait for: it ended before it was ready.
    pub fn leave(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.awaited = state.awaited.saturating_sub(1);
        drop(state);
        self.changed.notify_all();
    }

    /// When the window began, if it has.
    pub fn opened(&self) -> Option<Instant> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).opened
    }
}

/// The evidence of other steps, by the name of the probe that gave it. Of several, the runbook's first.
pub type Inputs = BTreeMap<String, Arc<Evidence>>;

/// The part of a time limit that is kept back for adding up and answering: a sixth.
const RESERVE: u32 = 6;
/// However long a probe may take, answering takes no longer than this: half of what it may take beyond its window.
const LONGEST_RESERVE: Duration = Duration::from_millis(2_500);

/// When an answer must be there.
#[derive(Debug, Clone, Copy)]
struct Deadline {
    /// What is read until then can be answered in time.
    stop_reading: Instant,
    /// How long the probe may take in all.
    time_limit: Duration,
}

/// Why a probe stopped reading before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The operator ended the run.
    Cancelled,
    /// The answer must be made now.
    OutOfTime {
        /// How long the probe may take in all.
        time_limit: Duration,
    },
}

impl Stopped {
    /// The kind of gap that it leaves.
    pub const fn reason(self) -> Reason {
        match self {
            Stopped::Cancelled => Reason::Cancelled,
            Stopped::OutOfTime { .. } => Reason::TimedOut,
        }
    }

    /// Why, in words.
    pub fn why(self) -> String {
        match self {
            Stopped::Cancelled => "the run was ended".to_owned(),
            Stopped::OutOfTime { time_limit } => {
                format!("it is more than can be read in {}", units::span(time_limit.as_secs_f64()))
            }
        }
    }

    /// The gap of what was tried and not done to its end.
    pub fn gap(self, tried: impl Into<String>) -> Gap {
        let gap = Gap::new(self.reason(), tried, self.why());
        match self {
            Stopped::Cancelled => gap,
            Stopped::OutOfTime { .. } => gap.to_fix(LONGER),
        }
    }
}

/// How a probe gets more time.
pub const LONGER: &str = "give it more time: --timeout, or `timeout` of its step";

/// Files that the probes of a run wrote, still open, in the order in which they were ended. Whoever wants what is in them reads
/// it here: a path in the evidence says only where a file was written, and whoever wrote that evidence chose it.
#[derive(Debug, Clone, Default)]
pub struct Wrote(Arc<Mutex<Vec<File>>>);

impl Wrote {
    fn add(&self, file: File) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }

    /// The files so far; they are not given twice.
    pub fn take(&self) -> Vec<File> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a probe is given to work with.
pub struct Context {
    barrier: Arc<StartBarrier>,
    cancel: Arc<Cancel>,
    inputs: Inputs,
    live: Box<dyn Fn(String) + Send + Sync>,
    resources: ResourceLimits,
    deadline: Option<Deadline>,
    /// CPU time of the threads that helped, in nanoseconds.
    helpers_nanos: AtomicU64,
    wrote: Wrote,
    root: Option<Arc<Folder>>,
}

impl Context {
    /// A context for one observation.
    pub fn new(
        barrier: Arc<StartBarrier>,
        cancel: Arc<Cancel>,
        inputs: Inputs,
        live: impl Fn(String) + Send + Sync + 'static,
    ) -> Self {
        Context {
            barrier,
            cancel,
            inputs,
            live: Box::new(live),
            resources: ResourceLimits::unbounded(),
            deadline: None,
            helpers_nanos: AtomicU64::new(0),
            wrote: Wrote::default(),
            root: None,
        }
    }

    /// Leaves the files that are written in `wrote`.
    #[must_use]
    pub fn leaving(mut self, wrote: Wrote) -> Self {
        self.wrote = wrote;
        self
    }

    /// Looks at files below this folder instead of the host's.
    #[must_use]
    pub fn below(mut self, root: Arc<Folder>) -> Self {
        self.root = Some(root);
        self
    }

    /// The folder that stands for the host, when it is not the host that is looked at. Every path is one in this folder then,
    /// and is opened through it alone.
    pub fn root(&self) -> Option<&Arc<Folder>> {
        self.root.as_ref()
    }

    /// Leaves a file that was written for the run, open for reading.
    pub fn wrote(&self, file: File) {
        self.wrote.add(file);
    }

    /// Takes no more of the host than `resources` allow.
    #[must_use]
    pub fn with_limits(mut self, resources: ResourceLimits) -> Self {
        self.resources = resources;
        self
    }

    /// The answer must be there `time_limit` after `began`: what reads for long stops early enough to answer with what it has.
    #[must_use]
    pub fn within(mut self, began: Instant, time_limit: Duration) -> Self {
        let reading = time_limit.saturating_sub((time_limit / RESERVE).min(LONGEST_RESERVE));
        self.deadline = began.checked_add(reading).map(|stop_reading| Deadline { stop_reading, time_limit });
        self
    }

    /// A context of its own for one probe alone, which nobody watches.
    pub fn alone() -> Self {
        Context::new(Arc::new(StartBarrier::new(1)), Arc::default(), Inputs::new(), |_| {})
    }

    /// Says "ready" and waits for the others of the window; gives the moment when the window began. Call it once, after
    /// sockets are open and buffers are mapped, right before the first sample.
    pub fn start_window(&self) -> Instant {
        self.barrier.pass()
    }

    /// The interfaces that `auto` means to all probes of the window: the first that asks finds them, the others wait for it.
    pub fn agree_on_interfaces(&self, find: impl FnOnce() -> Vec<u32>) -> Vec<u32> {
        let mut agreed = self.barrier.agreed.lock().unwrap_or_else(PoisonError::into_inner);
        agreed.interfaces.get_or_insert_with(find).clone()
    }

    /// What all probes of the window are to know alike: the first that asks finds it, the others wait for it. It is of one type
    /// in a run; who asks for another finds its own.
    pub fn agree<T: Any + Send + Sync>(&self, find: impl FnOnce() -> T) -> Arc<T> {
        let mut found = self.barrier.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(known)) = found.clone().map(Arc::downcast) {
            return known;
        }
        let made = Arc::new(find());
        *found = Some(Arc::<T>::clone(&made));
        made
    }

    /// Rests until `at`, or until the run is cancelled: false then, and the probe takes its last sample at once.
    pub fn sleep_until(&self, at: Instant) -> bool {
        self.cancel.sleep_until(at)
    }

    /// Whether the operator has ended the watching.
    pub fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Rests while the run has taken more CPU time than it may: called every few milliseconds of work that may take long, and
    /// belongs to a sample that is taken even when the watching was ended. Does not rest then.
    pub fn throttle(&self) {
        while let Some(rest) = self.resources.rest() {
            if self.out_of_time() || !self.cancel.sleep_until(Instant::now() + rest) {
                return;
            }
        }
    }

    /// Whether to go on with work that may take long, asked every few milliseconds of it: not when the operator has ended
    /// the watching, and not when the answer must be made now to be there in time. Rests first as [`Context::throttle`] does.
    pub fn checkpoint(&self) -> bool {
        self.throttle();
        self.stopped().is_none()
    }

    /// Why work that may take long ends before its end, if it does.
    pub fn stopped(&self) -> Option<Stopped> {
        if self.cancelled() {
            return Some(Stopped::Cancelled);
        }
        let deadline = self.deadline.filter(|_| self.out_of_time())?;
        Some(Stopped::OutOfTime { time_limit: deadline.time_limit })
    }

    /// How long may still be read; none where there is no limit.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.stop_reading.saturating_duration_since(Instant::now()))
    }

    /// How long the probe may take in all; none where there is no limit.
    pub fn time_limit(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.time_limit)
    }

    fn out_of_time(&self) -> bool {
        self.time_left().is_some_and(|left| left.is_zero())
    }

    /// Does work in a thread that helps the probe's own, and counts its CPU time as the probe's.
    pub fn helping<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = usage::thread_cpu_seconds();
        let done = work();
        let cost = usage::thread_cpu_seconds().zip(before).map_or(0.0, |(after, before)| after - before);
        self.helpers_nanos.fetch_add((cost * 1e9) as u64, Ordering::Relaxed);
        done
    }

    /// CPU time of the threads that helped, in seconds.
    pub fn helpers_seconds(&self) -> f64 {
        self.helpers_nanos.load(Ordering::Relaxed) as f64 / 1e9
    }

    /// What the run may take of the host.
    pub fn resources(&self) -> &ResourceLimits {
        &self.resources
    }

    /// Shows a live figure in the progress display: "84.2 Mbit/s in".
    pub fn live(&self, figure: impl Into<String>) {
        (self.live)(figure.into());
    }

    /// The evidence of another probe in this run.
    pub fn evidence(&self, probe: &str) -> Result<&Evidence, Gap> {
        self.inputs.get(probe).map(AsRef::as_ref).ok_or_else(|| {
            Gap::new(Reason::Absent, format!("use the evidence of probe {probe}"), "no step of this run asked for it")
                .to_fix(format!("add a step with `probe: {probe}` to the runbook"))
        })
    }

    /// The result of another probe in this run, as its own type: as the probe gave it, or read back from a record.
    pub fn output<T: DeserializeOwned + Any + Send + Sync>(&self, probe: &str) -> Result<Arc<T>, Gap> {
        let evidence = self.evidence(probe)?;
        if let Some(gap) = &evidence.gap {
            return Err(gap.clone());
        }
        if let Some(result) = evidence.typed.get() {
            return Ok(result);
        }
        let output = evidence.output.as_ref().unwrap_or(&serde_json::Value::Null);
        T::deserialize(output).map(Arc::new).map_err(|error| {
            Gap::new(Reason::Malformed, format!("read the evidence of probe {probe}"), error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_that_pass_the_gate_share_one_beginning() {
        let barrier = Arc::new(StartBarrier::new(3));
        let beginnings: Vec<Instant> = (0..3)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                std::thread::spawn(move || barrier.pass())
            })
            .collect::<Vec<_>>()
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(beginnings[0], beginnings[1]);
        assert_eq!(beginnings[0], beginnings[2]);
    }

    #[test]
    fn a_window_does_not_begin_before_the_moment_that_was_wanted() {
        let wanted = Instant::now() + Duration::from_millis(60);
        let barrier = Arc::new(StartBarrier::new(2).not_before(Some(wanted)));
        let other = Arc::clone(&barrier);
        let other = std::thread::spawn(move || other.pass());
        let opened = barrier.pass();
        assert!(opened >= wanted && opened < wanted + START_TIMEOUT);
        assert_eq!(other.join().unwrap(), opened);
        let gone = StartBarrier::new(1).not_before(Some(wanted));
        assert!(gone.pass() > wanted, "a moment that has passed holds nobody up");
    }

    #[test]
    fn a_probe_that_fails_early_holds_nobody_up() {
        let barrier = StartBarrier::new(2);
        barrier.leave();
        let before = Instant::now();
        barrier.pass();
        assert!(before.elapsed() < START_TIMEOUT);
    }

    #[test]
    fn who_is_cancelled_neither_sleeps_nor_goes_on() {
        let cx = Context::alone().with_limits(ResourceLimits::new(1e-9, ResourceLimits::MEMORY));
        cx.cancel.cancel();
        cx.throttle();
        assert!(!cx.checkpoint());
    }

    #[test]
    fn reading_stops_before_the_answer_is_due_and_a_rest_does_not_outlast_it() {
        let began = Instant::now();
        let hasty = Context::alone()
            .with_limits(ResourceLimits::new(1e-9, ResourceLimits::MEMORY))
            .within(began, Duration::ZERO);
        assert!(!hasty.checkpoint());
        assert_eq!(hasty.stopped(), Some(Stopped::OutOfTime { time_limit: Duration::ZERO }));
        let patient = Context::alone().within(began, Duration::from_secs(60));
        assert!(patient.checkpoint() && patient.stopped().is_none());
        assert!(patient.time_left().unwrap() <= Duration::from_millis(57_500), "some of it is kept for the answer");
        assert_eq!(Context::alone().time_left(), None);
    }

    #[test]
    fn a_rest_ends_when_the_run_is_cancelled() {
        let cancel = Arc::new(Cancel::default());
        cancel.cancel();
        assert!(!cancel.sleep_until(Instant::now() + Duration::from_secs(60)));
    }
}
