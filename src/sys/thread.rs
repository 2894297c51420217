//! A thread of this process, seen from another one.

#![allow(unsafe_code)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::gettid;

/// Niceness that a thread takes on to let others go first.
const STEPS_BACK: libc::c_int = 5;

/// Starts a thread that nobody waits for, and gives back what it was given where none can be made: a limit on processes
/// (`ulimit -u`, `pids.max`) or no memory.
pub fn start<T: Send + 'static>(name: &str, given: T, work: impl FnOnce(T) + Send + 'static) -> Result<(), T> {
    let shared = Arc::new(Mutex::new(Some(given)));
    let take = |shared: &Mutex<Option<T>>| shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    let theirs = Arc::clone(&shared);
    let begin = move || {
        if let Some(given) = take(&theirs) {
            work(given);
        }
    };
    match std::thread::Builder::new().name(name.to_owned()).spawn(begin) {
        Ok(_) => Ok(()),
        Err(_) => take(&shared).map_or(Ok(()), Err),
    }
}

/// A thread of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thread {
    id: libc::pid_t,
}

impl Thread {
    /// The calling thread.
    pub fn current() -> Self {
        Thread { id: gettid().as_raw() }
    }

    /// Lets others go first: `STEPS_BACK` steps of niceness on top of what the thread has. On a busy CPU it gets a third of
    /// what another thread gets, and all that is left over. Says whether the kernel agreed; there is no way back without
    /// CAP_SYS_NICE.
    pub fn give_way(self) -> bool {
        // SAFETY: no pointers; the ids are numbers that the kernel checks.
        unsafe {
            let nice = libc::getpriority(libc::PRIO_PROCESS, self.id as libc::id_t);
            libc::setpriority(libc::PRIO_PROCESS, self.id as libc::id_t, nice.saturating_add(STEPS_BACK)) == 0
        }
    }

    /// CPU time that the thread has had; nothing when it has ended.
    pub fn cpu_time(self) -> Option<Duration> {
        // The kernel's numbering of clocks: the complement of the thread's id, then "of a thread" and "in nanoseconds".
        let clock = ClockId::from_raw((!self.id << 3) | 0b110);
        clock_gettime(clock).ok().map(Duration::from)
    }

    /// Lets the thread run only when nothing else wants to; says whether the kernel agreed.
    pub fn yield_to_all_others(self) -> bool {
        let parameters = libc::sched_param { sched_priority: 0 };
        // SAFETY: the pointer is to a live value of the type that the call reads; the id is a thread's, and if that thread
        // has ended the call fails.
        unsafe { libc::sched_setscheduler(self.id, libc::SCHED_IDLE, &raw const parameters) == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_gives_way_is_nicer_than_the_others() {
        let nice = |thread: Thread| {
            let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", thread.id)).unwrap();
            let after_name = stat.rsplit_once(')').unwrap().1;
            after_name.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
        };
        let here = nice(Thread::current());
        let there = std::thread::spawn(move || (Thread::current().give_way(), nice(Thread::current()))).join().unwrap();
        assert_eq!(there, (true, (here + STEPS_BACK).min(19)));
        assert_eq!(nice(Thread::current()), here);
    }

    #[test]
    fn cpu_time_of_another_thread_can_be_told() {
        let (send, receive) = std::sync::mpsc::channel();
        let (finish, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            let mut sum = 0u64;
            while Thread::current().cpu_time().unwrap_or_default() < Duration::from_millis(5) {
                sum = sum.wrapping_add(1);
            }
            send.send(Thread::current()).unwrap();
            let _ = wait.recv();
            sum
        });
        let thread = receive.recv().unwrap();
        assert!(thread.cpu_time().unwrap() >= Duration::from_millis(5));
        drop(finish);
        other.join().unwrap();
    }
}
