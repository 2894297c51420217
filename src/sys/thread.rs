//! A thread of this process, seen from another one.

#![allow(unsafe_code)]

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::gettid;

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
