//! Network namespaces: which one something lives in, and a thread of its own that enters them.
//!
//! The namespace belongs to a thread. So nothing enters one but a thread that was made for it, does nothing else and ends: no
//! other code ever runs in the wrong namespace.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread::Builder;

use nix::fcntl::{OFlag, open, readlink};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

/// An open network namespace. It lives as long as it is open, so it is closed soon.
#[derive(Debug)]
pub struct NetworkNamespace {
    file: File,
    /// Its number, the same for all who look: the inode of its file.
    pub number: u64,
}

impl NetworkNamespace {
    /// The one of the calling thread.
    pub fn current() -> io::Result<Self> {
        Self::at(Path::new("/proc/thread-self/ns/net"))
    }

    /// The one that a process lives in.
    pub fn of_process(pid: i32) -> io::Result<Self> {
        Self::at(Path::new(&format!("/proc/{pid}/ns/net")))
    }

    /// The one that is mounted on a file, as `ip netns` and container engines do. Another file is none.
    pub fn at(path: &Path) -> io::Result<Self> {
        // A pipe that lies there keeps nobody waiting.
        let file = File::from(open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?);
        if fstatfs(&file)?.filesystem_type() != NSFS_MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no namespace is mounted there"));
        }
        let number = file.metadata()?.ino();
        Ok(NetworkNamespace { file, number })
    }
}

impl AsFd for NetworkNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The number of the network namespace that a process lives in, without opening it. It takes the right to look into the process.
pub fn number_of(pid: i32) -> io::Result<u64> {
    let link = readlink(format!("/proc/{pid}/ns/net").as_str())?;
    let number = link.to_str().and_then(|link| link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Enters network namespaces, on a thread of its own.
#[derive(Debug)]
pub struct Visitor {
    /// It stays on its thread.
    thread: PhantomData<*const ()>,
}

impl Visitor {
    /// Does `work` on a thread that can enter namespaces, waits for it, and lets the thread end. What it opens there stays of the
    /// namespace that it was opened in.
    pub fn on_thread_of_its_own<T: Send>(work: impl FnOnce(&mut Visitor) -> T + Send) -> io::Result<T> {
        Visitor::beside(work, || ()).0
    }

    /// The same, while the calling thread does something of its `own`, which is done in any case.
    pub fn beside<T: Send, R>(
        work: impl FnOnce(&mut Visitor) -> T + Send,
        own: impl FnOnce() -> R,
    ) -> (io::Result<T>, R) {
        std::thread::scope(|scope| {
            let visit = || work(&mut Visitor { thread: PhantomData });
            let visitor = Builder::new().name("namespaces".to_owned()).spawn_scoped(scope, visit);
            let done = own();
            let seen = visitor.map(|visitor| match visitor.join() {
                Ok(seen) => seen,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            (seen, done)
        })
    }

    /// Enters a namespace. It takes CAP_SYS_ADMIN, here and in the user namespace that owns it.
    pub fn enter(&mut self, namespace: &NetworkNamespace) -> io::Result<()> {
        Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_visits_ends_and_leaves_all_others_where_they_were() {
        let here = NetworkNamespace::current().unwrap().number;
        assert_eq!(number_of(std::process::id().cast_signed()).unwrap(), here);
        let (send, receive) = std::sync::mpsc::channel();
        let (finish, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || {
            let made = nix::sched::unshare(CloneFlags::CLONE_NEWNET).is_ok();
            send.send(made.then(|| NetworkNamespace::current().unwrap())).unwrap();
            let _ = wait.recv();
        });
        let Some(there) = receive.recv().unwrap() else {
            println!("skipped: no network namespace can be made");
            return;
        };
        let seen = Visitor::on_thread_of_its_own(|visitor| {
            visitor.enter(&there).unwrap();
            NetworkNamespace::current().unwrap().number
        });
        assert_eq!(seen.unwrap(), there.number);
        assert_eq!(NetworkNamespace::current().unwrap().number, here);
        drop(finish);
        other.join().unwrap();
    }

    #[test]
    fn a_file_that_is_no_namespace_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        nix::unistd::mkfifo(&folder.path().join("pipe"), Mode::S_IRWXU).unwrap();
        assert!(NetworkNamespace::at(&path).is_err());
        assert!(NetworkNamespace::at(&folder.path().join("pipe")).is_err());
        assert!(NetworkNamespace::of_process(i32::MAX).is_err());
    }
}
