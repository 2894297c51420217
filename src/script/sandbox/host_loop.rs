//! The thread that calls a script: it answers what the script asks while the script's clock stands still, and gives up a
//! script that does not stop.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use mlua::Lua;

use super::error::ScriptError;
use super::limits::Limits;
use super::log::Log;
use super::modules::Modules;
use super::record::{RunRecord, STOPPED, locked};
use super::script_stop::ScriptStop;
use super::{build, failure};
use crate::sys::lua_hook::Signal;
use crate::sys::thread::Thread;

/// Scripts of this process that were left behind and still run.
static HANGING: AtomicUsize = AtomicUsize::new(0);
/// With so many of them no other script should be started: each takes a processor.
const MOST_HANGING: usize = 2;

/// Why no other script should be started in this process, if so.
pub fn refusal() -> Option<ScriptStop> {
    let hanging = HANGING.load(Ordering::Acquire);
    (hanging >= MOST_HANGING)
        .then(|| ScriptStop::NoThread(format!("{hanging} scripts hang already, and each takes a processor")))
}

/// Stack of a script's thread: Lua allows 200 nested C calls, and some of ours are deep.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// How often the script is asked where it is, so that one that hangs can be placed.
const TICK: Duration = Duration::from_millis(10);
/// How long a script may take to stop once it is told to.
const GRACE: Duration = Duration::from_millis(250);
/// A starved thread gets this many times its limit on the wall, because its CPU time is what it is judged by.
const PATIENCE: u32 = 4;

/// The way from a script's callbacks to the thread that started the script.
#[derive(Debug)]
pub struct Caller<Q, A> {
    sender: Sender<Message<Q, A>>,
    signal: Arc<Signal>,
}

impl<Q, A> Clone for Caller<Q, A> {
    fn clone(&self) -> Self {
        Caller { sender: self.sender.clone(), signal: Arc::clone(&self.signal) }
    }
}

impl<Q, A> Caller<Q, A> {
    /// Asks the thread that started the script, and waits for the answer; the script's clock stands still meanwhile.
    pub fn ask(&self, question: Q) -> mlua::Result<A> {
        let gone = || mlua::Error::runtime(STOPPED);
        if self.signal.is_stopped() {
            return Err(gone());
        }
        let (answer, wait) = mpsc::channel();
        self.sender.send(Message::Ask(question, answer)).map_err(|_| gone())?;
        wait.recv().map_err(|_| gone())
    }
}

enum Message<Q, A> {
    Ask(Q, Sender<A>),
    Done,
}

/// What a run gave.
#[derive(Debug)]
pub struct Ran<T> {
    /// What the work gave.
    pub value: T,
    /// The modules of the script's folder that were required, by name, with their texts.
    pub loaded: BTreeMap<String, String>,
    /// What was logged, line by line, harmless to print.
    pub printed: Vec<String>,
    /// Memory of the Lua state at the end, in bytes, with what was not collected yet.
    pub memory_bytes: usize,
    /// Time that the script itself took, in seconds.
    pub script_seconds: f64,
}

/// A run, whether it ended well or not.
#[derive(Debug)]
pub struct Attempt<T> {
    /// What the work gave, or why it gave nothing.
    pub outcome: Result<T, ScriptStop>,
    /// The modules of the script's folder that were required, by name, with their texts.
    pub loaded: BTreeMap<String, String>,
    /// What was logged, line by line, harmless to print.
    pub printed: Vec<String>,
    /// Memory of the Lua state at the end, in bytes; nothing when it was left behind.
    pub memory_bytes: Option<usize>,
    /// Time that the script itself took, in seconds.
    pub script_seconds: f64,
}

/// Runs `work` in a fresh Lua state on a thread of its own, and answers what it asks with `serve` on this one.
///
/// The value must be plain: a value of Lua in it outlives its state.
pub fn run<Q, A, T>(
    limits: &Limits,
    modules: &Modules,
    work: impl FnOnce(&Lua, &Caller<Q, A>) -> mlua::Result<T> + Send + 'static,
    serve: impl FnMut(Q) -> A,
) -> Result<Ran<T>, ScriptStop>
where
    Q: Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    let attempt = attempt(limits, modules, work, serve);
    let value = attempt.outcome?;
    Ok(Ran {
        value,
        loaded: attempt.loaded,
        printed: attempt.printed,
        memory_bytes: attempt.memory_bytes.unwrap_or_default(),
        script_seconds: attempt.script_seconds,
    })
}

/// As [`run`], and tells what a script logged and loaded that did not end well.
pub fn attempt<Q, A, T>(
    limits: &Limits,
    modules: &Modules,
    work: impl FnOnce(&Lua, &Caller<Q, A>) -> mlua::Result<T> + Send + 'static,
    mut serve: impl FnMut(Q) -> A,
) -> Attempt<T>
where
    Q: Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let signal = Arc::new(Signal::default());
    signal.note();
    let caller = Caller { sender: sender.clone(), signal: Arc::clone(&signal) };
    let record = Arc::new(RunRecord::new(Log::new(limits.output_bytes)));
    let thread: Arc<OnceLock<Thread>> = Arc::default();
    let end: Arc<Mutex<Outcome<T>>> = Arc::new(Mutex::new(Outcome { value: None, is_left_behind: false }));

    let body = {
        let (limits, modules) = (*limits, modules.clone());
        let (signal, record, thread, end) =
            (Arc::clone(&signal), Arc::clone(&record), Arc::clone(&thread), Arc::clone(&end));
        move || {
            let _ = thread.set(Thread::current());
            let lua = build::fresh(&limits, &modules, &record, &signal);
            let outcome = match &lua {
                Err(error) => Err(ScriptStop::NoThread(error.to_string())),
                Ok(lua) => match catch_unwind(AssertUnwindSafe(|| work(lua, &caller))) {
                    Ok(Ok(value)) => Ok(value),
                    Ok(Err(error)) => Err(failure::reason(&error, &limits, &record, &signal)),
                    Err(_) => Err(ScriptStop::Failed(ScriptError::plain("a function of casebook's own panicked"))),
                },
            };
            let memory_bytes = lua.as_ref().ok().map(Lua::used_memory);
            let left_behind = {
                let mut end = locked(&end);
                end.value = Some(End { outcome, memory_bytes });
                end.is_left_behind
            };
            if left_behind {
                HANGING.fetch_sub(1, Ordering::AcqRel);
            }
            let _ = sender.send(Message::Done);
            // The state goes last: freeing it takes a while, and nobody needs to wait for that.
        }
    };
    let mut clock = Clock { limit: limits.script_time, before: Duration::ZERO, resumed: Instant::now() };
    let spawned = std::thread::Builder::new().name("script".into()).stack_size(STACK_BYTES).spawn(body);
    let in_time = match spawned {
        Ok(_) => pump(&receiver, &mut clock, &signal, &thread, &mut serve),
        Err(error) => {
            locked(&end).value =
                Some(End { outcome: Err(ScriptStop::NoThread(error.to_string())), memory_bytes: None });
            true
        }
    };
    let end = {
        let mut end = locked(&end);
        // It may have ended since the pump gave it up.
        let value = end.value.take();
        if value.is_none() && !in_time {
            end.is_left_behind = true;
            HANGING.fetch_add(1, Ordering::AcqRel);
        }
        value
    };
    let (outcome, memory_bytes) = match end {
        // Whatever came of it, it was over its time.
        Some(End { memory_bytes, outcome: Err(ScriptStop::Failed(_) | ScriptStop::Memory { .. }) | Ok(_) })
            if signal.is_stopped() && record.stop_reason().is_none() =>
        {
            (Err(ScriptStop::Time { place: signal.place(), limit: limits.script_time }), memory_bytes)
        }
        Some(end) => (end.outcome, end.memory_bytes),
        None => (Err(ScriptStop::Hung { place: signal.place(), limit: limits.script_time }), None),
    };
    Attempt {
        outcome,
        loaded: record.loaded(),
        printed: record.printed(),
        memory_bytes,
        script_seconds: clock.elapsed().as_secs_f64(),
    }
}

/// Where a script's thread leaves how it ended.
struct Outcome<T> {
    value: Option<End<T>>,
    /// Nobody waits for it any more.
    is_left_behind: bool,
}

struct End<T> {
    outcome: Result<T, ScriptStop>,
    memory_bytes: Option<usize>,
}

/// The script's clock: stands still while an answer is worked out.
struct Clock {
    limit: Duration,
    before: Duration,
    resumed: Instant,
}

impl Clock {
    fn elapsed(&self) -> Duration {
        self.before + self.resumed.elapsed()
    }

    /// Answers are worked out from now until it is resumed.
    fn pause(&mut self) {
        self.before = self.elapsed();
        self.resumed = Instant::now();
    }

    /// Whether the time is over for a thread that has had so much CPU: on a host that is on its knees the clock on the wall
    /// alone says little.
    fn is_over(&self, cpu: Option<Duration>) -> bool {
        let elapsed = self.elapsed();
        elapsed >= self.limit && cpu.is_none_or(|cpu| cpu >= self.limit / PATIENCE) || elapsed >= self.limit * PATIENCE
    }
}

/// Serves until the script is done; says whether it ended, in time or soon after it was told to.
fn pump<Q, A>(
    receiver: &Receiver<Message<Q, A>>,
    clock: &mut Clock,
    signal: &Signal,
    thread: &OnceLock<Thread>,
    serve: &mut impl FnMut(Q) -> A,
) -> bool {
    let cpu = || thread.get().and_then(|thread| thread.cpu_time());
    let mut told: Option<(Instant, Option<Duration>)> = None;
    loop {
        let rest = clock.limit.saturating_sub(clock.elapsed());
        let wait = if rest.is_zero() { TICK / 4 } else { rest.min(TICK) };
        match receiver.recv_timeout(wait) {
            Ok(Message::Done) => return true,
            Ok(Message::Ask(question, answer)) => {
                clock.pause();
                // One that asks without pause leaves no pause to look at its clock in.
                if told.is_none() && clock.is_over(cpu()) {
                    signal.stop();
                    told = Some((Instant::now(), cpu()));
                }
                // Nobody answers a script that was told to stop: what it asked fails.
                if told.is_none() && !signal.is_stopped() {
                    let _ = answer.send(serve(question));
                }
                clock.resumed = Instant::now();
            }
            // The thread ended without a word, which it never does.
            Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => match told {
                None if signal.is_stopped() || clock.is_over(cpu()) => {
                    signal.stop();
                    told = Some((Instant::now(), cpu()));
                }
                None => signal.note(),
                Some((when, before)) => {
                    // One that got no CPU since cannot have heard.
                    let heard = match (cpu(), before) {
                        (Some(now), Some(before)) => now.saturating_sub(before) >= GRACE / PATIENCE,
                        _ => true,
                    };
                    if when.elapsed() >= GRACE && heard || when.elapsed() >= GRACE * PATIENCE {
                        if let Some(thread) = thread.get() {
                            thread.yield_to_all_others();
                        }
                        return false;
                    }
                }
            },
        }
    }
}
