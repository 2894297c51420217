//! Runs the binary in a folder of the test's own and brings back what it said.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than any of these tests takes on a busy machine; only what hangs reaches it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A runbook that looks once and briefly, and is good.
pub const GOOD: &str = "\
name: brief
title: Brief
summary: Looks at the logs of an empty folder.
params:
  window: {type: duration, default: 1s, min: 1s, max: 1m, help: How long to watch.}
  high: {type: bitrate, default: 1Tbit/s, help: What counts as high; nothing here does.}
steps:
  - id: rates
    title: How much arrives
    probe: interfaces
    with: {interface: lo}
    outcomes:
      - when: rates.watched.rx.bits_per_second >= params.high
        verdict: warning
        say: much
      - verdict: ok
        say: \"{{ bitrate(rates.watched.rx.bits_per_second) }} in\"
";

/// A folder to work in, with what the test puts there, and one for what casebook keeps.
pub struct Desk {
    folder: TempDir,
    state: TempDir,
}

/// What came of a command.
#[derive(Debug)]
pub struct Answer {
    /// The exit status; none when a signal ended it.
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Desk {
    pub fn new() -> Self {
        Desk { folder: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() }
    }

    /// The path of a file on the desk.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file on the desk.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), content).unwrap();
        self
    }

    /// The text of a file on the desk.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The path of something that casebook keeps.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.state.path().join("casebook/cases").join(name)
    }

    /// The names of what casebook keeps, in their order.
    pub fn kept_names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.kept("")).into_iter().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The names of the files on the desk.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The binary with these arguments, not yet started; nothing of the caller's environment reaches it.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.folder.path());
        command.env("XDG_STATE_HOME", self.state.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary with the words of a line.
    pub fn run(&self, line: &str) -> Answer {
        finish(self.command(line.split_whitespace()).spawn().unwrap())
    }
}

impl Desk {
    /// Runs the binary with the words of a line, in an environment that is changed before.
    pub fn run_with(&self, line: &str, change: impl FnOnce(&mut Command)) -> Answer {
        let mut command = self.command(line.split_whitespace());
        change(&mut command);
        finish(command.spawn().unwrap())
    }
}

/// Runs the binary on an empty desk.
pub fn casebook(line: &str) -> Answer {
    Desk::new().run(line)
}

/// Waits for a child, which must not hang, and brings back what it said.
pub fn finish(mut child: Child) -> Answer {
    let out = drain(child.stdout.take());
    let err = drain(child.stderr.take());
    let status = wait(&mut child);
    Answer { status, out: out.join().unwrap(), err: err.join().unwrap() }
}

/// Waits for the end of a child; one that hangs is ended and fails the test.
pub fn wait(child: &mut Child) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it hangs");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn drain(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Answer {
    /// It was refused as bad usage, and said all of this on stderr.
    #[track_caller]
    pub fn refused(&self, said: &[&str]) -> &Self {
        assert_eq!(self.status, Some(64), "{self:#?}");
        for said in said {
            assert!(self.err.contains(said), "`{said}` is not in\n{}", self.err);
        }
        self.calm()
    }

    /// It ended with this status and broke down nowhere.
    #[track_caller]
    pub fn ended(&self, status: i32) -> &Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self.calm()
    }

    /// It ran to its report, whatever the verdict.
    #[track_caller]
    pub fn reported(&self) -> &Self {
        assert!(matches!(self.status, Some(0..=3)), "{self:#?}");
        self.calm()
    }

    /// It ran to a report that does not call things fine, whatever else the host is in.
    #[track_caller]
    pub fn not_fine(&self) -> &Self {
        assert_ne!(self.status, Some(0), "{self:#?}");
        self.reported()
    }

    /// All of this stands in what it printed.
    #[track_caller]
    pub fn printed(&self, said: &[&str]) -> &Self {
        // Reports wrap their lines; what they say is the same on one line.
        let flat = self.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in said {
            assert!(flat.contains(said), "`{said}` is not in\n{}", self.out);
        }
        self
    }

    #[track_caller]
    fn calm(&self) -> &Self {
        for said in ["panicked", "broke down", "error in casebook"] {
            assert!(!self.out.contains(said) && !self.err.contains(said), "{self:#?}");
        }
        self
    }
}
