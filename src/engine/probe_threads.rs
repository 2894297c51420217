//! The threads of probes: started by one that keeps the rights that probes need, while the others give theirs up.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use crate::sys::thread;

/// One probe to ask.
pub(super) struct Task {
    /// The name of its thread.
    pub name: String,
    /// What it does. It is told whether it has a thread of its own, or comes after those before it.
    pub work: Box<dyn FnOnce(Turn) + Send>,
}

/// When a task is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// At once, on a thread of its own.
    AtOnce,
    /// After others, because no thread can be made.
    AfterOthers,
}

/// Starts the threads of probes.
///
/// Capabilities, Landlock and seccomp are inherited by a thread from the one that starts it. So a run that judges without
/// rights makes this first, and confines its own thread then.
#[derive(Default)]
pub struct ProbeThreads {
    starter: Option<Mutex<Sender<Vec<Task>>>>,
    afterwards: Option<Box<dyn Fn() + Send + Sync>>,
}

impl ProbeThreads {
    /// Threads with the rights that the calling thread has now. Where no thread can be made, they get the rights that
    /// whoever asks the probes has then.
    pub fn with_rights_of_now() -> Self {
        let (sender, tasks) = channel::<Vec<Task>>();
        let started = thread::start("probes", tasks, |tasks| tasks.into_iter().for_each(start));
        ProbeThreads { starter: started.is_ok().then(|| Mutex::new(sender)), afterwards: None }
    }

    /// Whether probes keep their rights when the calling thread gives its own up.
    pub fn keep_rights(&self) -> bool {
        self.starter.is_some()
    }

    /// Does this on the thread that judges when all probes have answered: it gives up its rights then, if it could not before.
    #[must_use]
    pub fn afterwards(mut self, afterwards: impl Fn() + Send + Sync + 'static) -> Self {
        self.afterwards = Some(Box::new(afterwards));
        self
    }

    pub(super) fn observed(&self) {
        if let Some(afterwards) = &self.afterwards {
            afterwards();
        }
    }

    pub(super) fn run(&self, tasks: Vec<Task>) {
        match &self.starter {
            // It ends only when this is dropped.
            Some(starter) => {
                let _ = starter.lock().unwrap_or_else(PoisonError::into_inner).send(tasks);
            }
            None => start(tasks),
        }
    }
}

/// Starts each task on a thread of its own; those for which none can be made come one after the other, on this one.
fn start(tasks: Vec<Task>) {
    let mut without = Vec::new();
    for Task { name, work } in tasks {
        if let Err(work) = thread::start(&name, work, |work| work(Turn::AtOnce)) {
            without.push(work);
        }
    }
    without.into_iter().for_each(|work| work(Turn::AfterOthers));
}
