//! Work on pieces by several threads at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Threads that read at once.
const MOST_THREADS: usize = 4;
/// From so many bytes on a second thread is worth its start.
const WORTH_A_THREAD: u64 = 2 * 1024 * 1024;

/// What `worker` makes of each piece, in their order. Each thread has a worker of its own; pieces go to whichever is free.
pub fn abreast<T: Send, W: FnMut(usize) -> Option<T>>(
    pieces: usize,
    bytes: u64,
    worker: impl Fn() -> W + Sync,
) -> Vec<Option<T>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = if bytes < WORTH_A_THREAD { 1 } else { cores.min(MOST_THREADS).min(pieces) };
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<T>>> = (0..pieces).map(|_| Mutex::new(None)).collect();
    let work = || {
        let mut work_on = worker();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = done.get(index) else { return };
            *place.lock().unwrap_or_else(PoisonError::into_inner) = work_on(index);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where no further thread can be made, those that there are do it all.
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    done.into_iter().map(|place| place.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
