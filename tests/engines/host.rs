//! The host of the containers: a disk of its own, a way to everybody else, what comes by it, and what casebook says then.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use casebook::case::{Case, Cause};
use nix::sched::{CloneFlags, setns, unshare};
use serde_json::Value;

use crate::support::namespace::ip;
use crate::support::need::{Missing, capability, tool};

/// Datagrams a second that come in.
const RATE: u64 = 2000;
/// Bytes of a stream, every five milliseconds: 2 MB/s.
const PIECE: usize = 10_000;
/// How long something may take that is only waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

static ONE: Mutex<()> = Mutex::new(());

/// Folders that this machine did not have, each behind the one that it lies in.
static MADE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The time in which a test has the machine for itself. When it is over, the folders that were made for it are gone.
pub struct Alone {
    _one: MutexGuard<'static, ()>,
}

/// One engine at a time: what is busiest on the machine is asked for, and two daemons that start are slow.
pub fn alone() -> Alone {
    Alone { _one: ONE.lock().unwrap_or_else(PoisonError::into_inner) }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Nothing was written into them: what the test wrote lies on what was mounted there. Who has put something in keeps it.
        for folder in MADE.lock().unwrap_or_else(PoisonError::into_inner).drain(..).rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Makes a folder on the disk of this machine, as long as the test has it for itself.
fn make(folder: &Path) {
    let missing: Vec<&Path> = folder.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    for folder in missing.into_iter().rev() {
        fs::create_dir(folder).unwrap();
        MADE.lock().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
    }
}

/// Waits until a process that was told to end has ended, and ends it if it does not.
pub fn ended(child: &mut Child) {
    let until = Instant::now() + PATIENCE;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > until {
            let _ = child.kill();
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let _ = child.wait();
}

/// Runs a shell line, and gives what it printed.
pub fn shell(line: &str) -> String {
    let Output { status, stdout, stderr } = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(status.success(), "{line}: {}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).trim().to_owned()
}

/// Gives the calling thread a disk of its own, on which these folders are empty. Engines of the age of Debian 12 work with either
/// version of control groups; where both have a place, those that refuse such a machine see version 1 alone.
pub fn own_disk(empty: &[&str], one_version: bool) -> Result<(), Missing> {
    capability("CAP_SYS_ADMIN", 21)?;
    unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
    shell("mount --make-rprivate /");
    for folder in empty {
        make(Path::new(folder));
        shell(&format!("mount -t tmpfs none {folder}"));
    }
    if one_version {
        shell("test ! -d /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified");
    }
    Ok(())
}

/// Makes what a container has: the root of its file system.
pub fn tree(root: &Path) -> Result<(), Missing> {
    let busybox = tool("busybox")?;
    for name in ["bin", "dev", "etc", "proc", "run", "sys", "tmp", "usr"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    for name in ["httpd", "nc", "sh", "sleep", "wget"] {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    // A tree without it is no system.
    fs::write(root.join("etc/os-release"), "ID=tree\n").unwrap();
    Ok(())
}

/// Waits until the file says something.
pub fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "no {what} came");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Everybody else, at the other end of `eth0`, by which 192.0.2.1 is reached, and 10.9.0.0/16 behind it.
pub struct World(Child);

impl World {
    pub fn make() -> Self {
        ip("link add eth0 type veth peer name w0");
        ip("addr add 192.0.2.1/24 dev eth0");
        ip("link set eth0 up");
        ip("route add default via 192.0.2.9");
        let world = thread::scope(|scope| {
            let made = scope.spawn(|| {
                unshare(CloneFlags::CLONE_NEWNET).unwrap();
                World(Command::new("sleep").arg("120").stdin(Stdio::null()).spawn().unwrap())
            });
            made.join().unwrap()
        });
        ip(&format!("link set w0 netns {}", world.0.id()));
        world.inside(|| {
            ip("link set lo up");
            ip("addr add 192.0.2.9/24 dev w0");
            ip("link set w0 up");
            ip("route add 10.9.0.0/16 via 192.0.2.1");
        });
        world
    }

    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        in_network_of(self.0.id().cast_signed(), work)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Does something in the network namespace of a process.
pub fn in_network_of<T: Send>(pid: i32, work: impl FnOnce() -> T + Send) -> T {
    let file = fs::File::open(format!("/proc/{pid}/ns/net")).unwrap();
    thread::scope(|scope| {
        let work = || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        scope.spawn(work).join().unwrap()
    })
}

/// Gives a container that is reached by `v0` the address 10.9.0.2 at its end, which has this name, and the host the way to it.
pub fn connect(pid: i32, end: &str) {
    ip("addr add 10.9.0.1/24 dev v0");
    ip("link set v0 up");
    in_network_of(pid, || {
        ip(&format!("addr add 10.9.0.2/24 dev {end}"));
        ip(&format!("link set {end} up"));
        ip("link set lo up");
        ip("route add default via 10.9.0.1");
    });
    route();
}

/// Lets this host route.
pub fn route() {
    // Of the namespace of whoever writes it.
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
}

/// What comes in.
#[derive(Clone, Copy)]
pub enum Traffic {
    /// Datagrams for a port of this host.
    Datagrams(u16),
    /// A stream for whoever accepts connections there.
    Upload(&'static str),
    /// As much for whoever accepts connections there as they take.
    Stuffed(&'static str),
    /// Connections for whoever accepts them there, whose last packet never comes.
    HalfOpen(&'static str),
    /// A stream that somebody fetches: it has come to them already.
    Fetched,
}

impl Traffic {
    fn flow(self, over: &AtomicBool) {
        let paced = |mut send: Box<dyn FnMut() -> bool>| {
            while !over.load(Ordering::Relaxed) && send() {
                thread::sleep(Duration::from_millis(5));
            }
        };
        match self {
            Traffic::Datagrams(port) => {
                let socket = UdpSocket::bind("192.0.2.9:0").unwrap();
                paced(Box::new(move || {
                    for _ in 0..RATE / 200 {
                        let _ = socket.send_to(&[7; 900], ("192.0.2.1", port));
                    }
                    true
                }));
            }
            Traffic::Upload(to) => {
                // Who waits there may still be starting.
                let mut stream = wait_for("connection", || TcpStream::connect(to).ok());
                paced(Box::new(move || stream.write_all(&[7; PIECE]).is_ok()));
            }
            Traffic::Stuffed(to) => {
                let mut stream = wait_for("connection", || TcpStream::connect(to).ok());
                stream.set_nonblocking(true).unwrap();
                paced(Box::new(move || match stream.write(&[7; PIECE]) {
                    Ok(_) => true,
                    Err(error) => error.kind() == ErrorKind::WouldBlock,
                }));
            }
            Traffic::HalfOpen(to) => {
                shell(
                    "nft 'add table ip w; add chain ip w out { type filter hook output priority 0; }; \
                     add rule ip w out tcp flags & (syn | ack | rst | fin) != syn drop'",
                );
                let to = to.parse().unwrap();
                paced(Box::new(move || {
                    for _ in 0..5 {
                        let _ = TcpStream::connect_timeout(&to, Duration::from_millis(1));
                    }
                    true
                }));
            }
            Traffic::Fetched => {
                let listener = TcpListener::bind("192.0.2.9:8000").unwrap();
                listener.set_nonblocking(true).unwrap();
                let mut stream = wait_for("client", || listener.accept().ok()).0;
                stream.set_nonblocking(false).unwrap();
                let _ = stream.read(&mut [0; 2048]);
                stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 1000000000\r\n\r\n").unwrap();
                paced(Box::new(move || stream.write_all(&[7; PIECE]).is_ok()));
            }
        }
    }
}

/// What the shipped runbook says while that comes in.
pub fn judged(world: &World, traffic: Traffic, state: &Path) -> Case {
    let over = AtomicBool::new(false);
    let output = thread::scope(|scope| {
        scope.spawn(|| world.inside(|| traffic.flow(&over)));
        thread::sleep(Duration::from_millis(300));
        let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
        command.args(["run", "high-inbound-traffic", "--window", "2s", "--format", "json"]);
        let output = command.env("XDG_STATE_HOME", state).env("NO_COLOR", "1").output();
        over.store(true, Ordering::Relaxed);
        output.unwrap()
    });
    if let Some(folder) = std::env::var_os("CASEBOOK_ENGINES_KEEP") {
        let name = thread::current().name().unwrap_or("case").replace("::", "-");
        fs::write(Path::new(&folder).join(format!("{name}.json")), &output.stdout).unwrap();
    }
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Holds that the account explains all but one per cent, and gives the labels of what it booked.
pub fn booked(case: &Case) -> String {
    let ledger = case.ledger.as_ref().expect("an account");
    let labels: Vec<&str> = ledger.entries.iter().map(|entry| entry.label.as_str()).collect();
    let (labels, unexplained) = (labels.join("\n"), ledger.unexplained_share.unwrap_or(1.0));
    assert!(unexplained <= 0.01, "{unexplained} of it is not explained:\n{labels}");
    labels
}

/// The first cause, which must be this one.
pub fn cause<'a>(case: &'a Case, id: &str) -> &'a Cause {
    let cause = case.diagnosis.causes.first().expect("a cause");
    assert_eq!(cause.id, id, "{cause:#?}");
    cause
}

/// Holds that the cause advises this command.
pub fn advises(cause: &Cause, command: &str) {
    let commands: Vec<&str> = cause.remedies.iter().filter_map(|remedy| remedy.run.as_deref()).collect();
    assert!(commands.iter().any(|run| run.contains(command)), "no `{command}`: {commands:#?}");
}

/// What a probe sees.
pub fn probe(words: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
    let output = command.arg("probe").args(words).args(["--format", "json"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// The network namespace of that label, as the probe `namespaces` tells of it; other probes must look into it by that name.
pub fn told(name: &str) -> Value {
    let evidence = probe(&["namespaces", "window=0s"]);
    let rows = evidence["output"]["namespaces"].as_array().unwrap();
    let label = format!("container {name}");
    let row = rows.iter().find(|row| row["label"] == label.as_str()).unwrap_or_else(|| panic!("{evidence:#}"));
    for asked in [name, "busiest"] {
        let sockets = probe(&["sockets", "window=200ms", &format!("namespaces={asked}")]);
        let there = sockets["output"]["elsewhere"].as_array().unwrap_or_else(|| panic!("{sockets:#}"));
        assert!(there.iter().any(|there| there["namespace"] == row["number"]), "{asked}: {there:#?}");
    }
    let capture = probe(&["capture", "window=200ms", &format!("namespace={name}")]);
    assert_eq!(capture["output"]["namespace"]["label"], label.as_str(), "{capture:#}");
    row.clone()
}
