//! The probe `processes` against processes that the test starts and ends itself.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use casebook::probe::processes::{Params, ProcessUse, Processes, ProcessesProbe};
use casebook::probe::{Cancel, Context, Inputs, Probe as _, StartBarrier};
use casebook::units::Span;

/// Bytes that the process that throws away is given.
const GIVEN: usize = 3_000_000;

/// A process that ends with the test.
struct Started(Child);

impl Started {
    fn new(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Started(command.spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        self.0.id() as i32
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the probe sees of `act`, which runs after its first look and ends its window.
fn around(act: impl FnOnce()) -> Processes {
    let cancel = Arc::new(Cancel::default());
    let (say, said) = mpsc::channel();
    let live = move |figure| {
        let _ = say.send(figure);
    };
    let context = Context::new(Arc::new(StartBarrier::new(1)), Arc::clone(&cancel), Inputs::new(), live);
    let params = Params { window: Span::seconds(60), limit: 200 };
    thread::scope(|scope| {
        let watching = scope.spawn(move || ProcessesProbe.observe(params, &context));
        said.recv_timeout(Duration::from_secs(20)).expect("a first look");
        act();
        cancel.cancel();
        watching.join().unwrap().unwrap().output
    })
}

fn find(list: &[ProcessUse], pid: i32) -> &ProcessUse {
    list.iter().find(|row| row.process.pid == pid).unwrap_or_else(|| panic!("no process {pid}"))
}

/// Waits for the thing itself, and gives up after a while.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn stat(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}

#[test]
fn each_does_what_it_was_started_for() {
    let busy = Started::new("sh", &["-c", "while :; do :; done"]);
    let mut thrower = Started::new("tail", &["-c", "1"]);
    let ending = Started::new("sleep", &["60"]);
    let unwaited = Started::new("true", &[]);
    let own = std::process::id() as i32;
    let mut late = None;
    let seen = around(|| {
        let mut input = thrower.0.stdin.take().unwrap();
        input.write_all(&vec![b'x'; GIVEN]).unwrap();
        // What was accepted is read once the pipe takes more than it holds.
        input.write_all(&vec![b'x'; 1 << 17]).unwrap();
        thrower.0.stdin = Some(input);
        drop(ending);
        late = Some(Started::new("sleep", &["60"]));
        wait_until("the shell is busy", || {
            let stat = stat(busy.pid());
            stat.split_ascii_whitespace().nth(13).and_then(|ticks| ticks.parse::<u64>().ok()) >= Some(20)
        });
        wait_until("it has ended", || stat(unwaited.pid()).contains(") Z "));
    });
    assert!(seen.complete && seen.processes > 5 && seen.threads >= seen.processes - seen.states["zombie"]);
    let loops = find(seen.top_cpu.as_ref().unwrap(), busy.pid());
    assert!(loops.process.name == "sh" && loops.cpu_share.is_some_and(|share| share > 0.0 && share < 1.2), "{loops:?}");
    assert!(loops.parent == Some(own) && loops.open_files_limit > Some(0) && !loops.kernel);
    let thrown = find(seen.top_io.as_ref().unwrap(), thrower.pid()).io.unwrap();
    assert!(thrown.read_bytes >= GIVEN as u64 && thrown.written_bytes == 0, "{thrown:?}");
    assert_eq!(seen.own_pid, Some(own));
    let ourselves = find(&seen.top_memory, own);
    assert!(ourselves.resident_bytes > 1_000_000, "{ourselves:?}");
    assert!(seen.ended >= Some(1) && seen.began >= Some(1) && seen.forks >= Some(1), "{seen:?}");
    assert!(seen.states["zombie"] >= 1);
    let parent = seen.zombie_parents.iter().find(|parent| parent.process.pid == own);
    assert!(parent.is_some_and(|parent| parent.zombies >= 1), "{:?}", seen.zombie_parents);
    drop(late);
}
