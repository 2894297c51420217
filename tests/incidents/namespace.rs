//! A network namespace with a name, made by a test and removed with it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns};

/// A named network namespace. Dropping it removes it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

/// What an interface has received (`/proc/net/dev`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
}

impl Namespace {
    /// Makes it.
    pub fn make(name: &str) -> Namespace {
        let output = Command::new("ip").args(["netns", "add", name]).output().expect("ip can be run");
        assert!(output.status.success(), "ip netns add {name}: {}", String::from_utf8_lossy(&output.stderr));
        Namespace { name: name.to_owned() }
    }

    /// Its name under `/run/netns`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does `work` in it, on a thread of its own, and waits for the result. A socket opened there stays there.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let result = thread::scope(|scope| {
            scope
                .spawn(|| {
                    setns(self.file(), CloneFlags::CLONE_NEWNET).expect("a thread may enter a network namespace");
                    work()
                })
                .join()
        });
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// A command that will run in it. The process id is the program's own: `ip` turns into it.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        Namespace::command_in(&self.name, program)
    }

    /// The same, in the one of that name.
    pub fn command_in(name: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", name]).arg(program).stdin(Stdio::null());
        command
    }

    /// Runs a shell line in it and returns what it printed; a failure ends the test.
    pub fn shell(&self, line: &str) -> String {
        let output = self.command("sh").args(["-c", line]).output().expect("ip can be run");
        assert!(
            output.status.success(),
            "`{line}` failed in {}: {}{}",
            self.name,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What an interface in it has received so far.
    pub fn received(&self, interface: &str) -> Received {
        // thread-self: /proc/net is the main thread's namespace, not the calling thread's.
        let table = self.inside(|| fs::read_to_string("/proc/thread-self/net/dev")).expect("/proc/net/dev can be read");
        let line = table.lines().find_map(|line| line.trim_start().strip_prefix(interface)?.strip_prefix(':'));
        let line = line.unwrap_or_else(|| panic!("no interface {interface} in {}:\n{table}", self.name));
        let mut figures = line.split_whitespace().map(|figure| figure.parse::<u64>().expect("a figure"));
        let bytes = figures.next().expect("rx bytes");
        Received { bytes, packets: figures.next().expect("rx packets") }
    }

    /// Removes the namespace of that name; that it is gone already is no error.
    pub fn remove(name: &str) {
        let _ = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
    }

    fn file(&self) -> File {
        let path = PathBuf::from("/run/netns").join(&self.name);
        File::open(&path).unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Namespace::remove(&self.name);
    }
}
