//! How full file systems are. One that does not answer holds up nobody but the thread that asks it.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

use nix::sys::statvfs::statvfs;

use super::mounts::Mount;

/// Remote file systems that are asked at once, each by a thread of its own.
const MOST_REMOTE: usize = 64;
/// Bytes of the stack of such a thread.
const STACK: usize = 64 << 10;

/// How full a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probe) struct Space {
    pub(in crate::probe) bytes: u64,
    pub(in crate::probe) used: u64,
    pub(in crate::probe) available: u64,
    pub(in crate::probe) inodes: u64,
    pub(in crate::probe) inodes_free: u64,
}

/// What a file system answered.
#[derive(Debug)]
pub(in crate::probe) enum Answer {
    Space(Space),
    Refused(io::Error),
    /// Nothing, in the time that it had.
    Silent,
    /// It was not asked: there are too many like it.
    NotAsked,
}

/// Asks all at once and waits for their answers until `deadline`. The answers are in the order of the mounts.
pub(in crate::probe) fn ask(mounts: &[Mount], deadline: Instant) -> Vec<Answer> {
    ask_with(mounts, deadline, space)
}

fn ask_with(
    mounts: &[Mount],
    deadline: Instant,
    question: impl Fn(&Mount) -> io::Result<Space> + Clone + Send + 'static,
) -> Vec<Answer> {
    let mut answers: Vec<Answer> = mounts.iter().map(|_| Answer::Silent).collect();
    let (sender, receiver) = mpsc::channel();
    let (remote, local): (Vec<usize>, Vec<usize>) =
        (0..mounts.len()).partition(|place| mounts.get(*place).is_some_and(Mount::is_remote));
    let mut asked = 0;
    // All local ones by one thread: they answer from memory.
    let groups = std::iter::once(local).chain(remote.iter().take(MOST_REMOTE).map(|place| vec![*place]));
    for group in groups {
        let work: Vec<(usize, Mount)> =
            group.iter().filter_map(|place| Some((*place, mounts.get(*place)?.clone()))).collect();
        let (sender, question) = (sender.clone(), question.clone());
        asked += work.len();
        let started = thread::Builder::new().name("statvfs".to_owned()).stack_size(STACK).spawn(move || {
            answer_each(&work, &sender, question);
        });
        if let Err(error) = started {
            asked -= group.len();
            for place in group {
                if let Some(answer) = answers.get_mut(place) {
                    *answer = Answer::Refused(io::Error::new(error.kind(), error.to_string()));
                }
            }
        }
    }
    for place in remote.iter().skip(MOST_REMOTE) {
        if let Some(answer) = answers.get_mut(*place) {
            *answer = Answer::NotAsked;
        }
    }
    while asked > 0 {
        let Ok((place, answer)) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
            break;
        };
        if let Some(slot) = answers.get_mut(place) {
            *slot = answer;
        }
        asked -= 1;
    }
    answers
}

fn answer_each(
    work: &[(usize, Mount)],
    sender: &Sender<(usize, Answer)>,
    question: impl Fn(&Mount) -> io::Result<Space>,
) {
    for (place, mount) in work {
        let answer = question(mount).map_or_else(Answer::Refused, Answer::Space);
        if sender.send((*place, answer)).is_err() {
            return; // nobody waits any more
        }
    }
}

fn space(mount: &Mount) -> io::Result<Space> {
    let stat = statvfs(&mount.path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
    Ok(Space {
        bytes: bytes(stat.blocks()),
        used: bytes(stat.blocks().saturating_sub(stat.blocks_free())),
        available: bytes(stat.blocks_available()),
        inodes: stat.files(),
        inodes_free: stat.files_free(),
    })
}

impl Space {
    /// Bytes in use as a share of those in use and those available.
    pub(in crate::probe) fn used_share(&self) -> Option<f64> {
        let all = self.used.saturating_add(self.available);
        (all > 0).then(|| self.used as f64 / all as f64)
    }

    /// Inodes in use as a share of all.
    pub(in crate::probe) fn inodes_share(&self) -> Option<f64> {
        (self.inodes > 0).then(|| self.inodes.saturating_sub(self.inodes_free) as f64 / self.inodes as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mounts::storage;
    use super::*;
    use std::time::Duration;

    const SPACE: Space = Space { bytes: 1000, used: 600, available: 200, inodes: 10, inodes_free: 1 };

    #[test]
    fn what_is_kept_for_root_is_not_available() {
        assert_eq!((SPACE.used_share(), SPACE.inodes_share()), (Some(0.75), Some(0.9)));
        let nothing = Space { bytes: 0, used: 0, available: 0, inodes: 0, inodes_free: 0 };
        assert_eq!((nothing.used_share(), nothing.inodes_share()), (None, None));
    }

    #[test]
    fn a_server_that_is_gone_holds_up_nobody() {
        let text = b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:44 / /mnt/gone rw - nfs server:/a rw\n\
                     3 1 0:45 / /mnt/here rw - nfs server:/b rw\n";
        let (_gone, never) = mpsc::channel::<()>();
        let never = std::sync::Arc::new(std::sync::Mutex::new(never));
        let began = Instant::now();
        let answers = ask_with(&storage(text), began + Duration::from_millis(300), move |mount| {
            if mount.path.ends_with("gone") {
                let _ = never.lock().unwrap().recv();
            }
            Ok(SPACE)
        });
        assert!(began.elapsed() < Duration::from_secs(5));
        assert!(matches!(answers[..], [Answer::Space(_), Answer::Silent, Answer::Space(_)]), "{answers:?}");
    }

    #[test]
    fn more_servers_than_are_asked_are_told() {
        let text: String = (0..70).map(|n| format!("1 0 0:{n} / /mnt/{n} rw - nfs server:/a rw\n")).collect();
        let answers = ask_with(&storage(text.as_bytes()), Instant::now() + Duration::from_secs(20), |_| Ok(SPACE));
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::NotAsked)).count(), 6);
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::Space(_))).count(), 64);
    }
}
