//! Processes of the server that take part in an incident.
//!
//! Each is this test binary again, run in the server's namespace with its role in the environment, under a telling name.
//! It ends when its standard input is closed, and so also when the test dies.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};
use serde::{Deserialize, Serialize};

use crate::daemon::Daemon;
use crate::dialer;
use crate::namespace::Namespace;
use crate::programs::{self, Hook};
use crate::traffic::Progress;
use crate::xdp_socket;

/// The test that plays a role when it finds one in the environment.
const PLAYER: &str = "a_service_plays_its_role";
/// Where it finds it.
const ROLE: &str = "CASEBOOK_STAGE_ROLE";
/// What a service says on stderr when it is ready, and when it ends.
const READY: &str = "stage: ready";
const TOOK: &str = "stage: took ";
/// How long a service may take to say it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a service does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Role {
    /// Accepts, reads and discards everything, never answers.
    Sink {
        /// Where it listens.
        at: SocketAddr,
    },
    /// The same for datagrams.
    DatagramSink {
        /// Where it receives.
        at: SocketAddr,
    },
    /// The same, also of those for addresses that are not this host's (`IP_TRANSPARENT`).
    Transparent {
        /// Where it receives.
        at: SocketAddr,
    },
    /// Reads datagrams into a small buffer far slower than they come.
    SlowReader {
        /// Where it receives.
        at: SocketAddr,
    },
    /// Reads datagrams through a filter that lets none of them in (`SO_ATTACH_FILTER`).
    Filtered {
        /// Where it receives.
        at: SocketAddr,
    },
    /// Does something with every packet that comes in by `eth0`, with a BPF program, as long as it lives.
    Dropper {
        /// Where, and what.
        at: Hook,
    },
    /// Takes every frame that comes in by `eth0` past the stack (AF_XDP).
    XdpConsumer,
    /// Takes packets out of a PPPoE session, and hands them to the kernel by `ppp0`.
    Dialer,
    /// Runs a machine of sorts: takes what comes by a TAP device of this host.
    Machine {
        /// What the device is called.
        tap: String,
    },
    /// Waits in a control group of its own that lets nothing in.
    Denied {
        /// Where it receives datagrams, or listens.
        at: SocketAddr,
        /// Whether by TCP.
        tcp: bool,
    },
    /// A web server of sorts: answers every connection with a line and closes it.
    Web {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Connects out and writes what it gets to a file.
    Fetch {
        /// Where it connects to.
        from: SocketAddr,
    },
    /// The same, and ends when it has got so much.
    FetchSome {
        /// Where it connects to.
        from: SocketAddr,
        /// Payload.
        bytes: u64,
    },
    /// Answers each datagram with a larger one, as an open resolver does.
    Amplifier {
        /// Where it receives.
        at: SocketAddr,
        /// Bytes of an answer.
        size: usize,
    },
    /// Accepts connections and holds them, as sshd does while somebody is logged in.
    Login {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Accepts connections, leaves each to a child of its own, and keeps them open itself, too.
    Forking {
        /// Where it listens.
        at: SocketAddr,
    },
    /// The child: writes to a file what comes in on its standard input, a connection.
    Child,
    /// Listens and never accepts.
    Stuck {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Receives datagrams for a multicast group, and writes them to a file.
    GroupReceiver {
        /// The group.
        group: std::net::Ipv4Addr,
        /// The port.
        port: u16,
    },
    /// Accepts on `lo` and writes what it gets to a file.
    LocalReceive {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Accepts, and sends on what each connection brings, as a proxy does.
    Relay {
        /// Where it listens.
        at: SocketAddr,
        /// Where it sends on to.
        to: SocketAddr,
    },
    /// Accepts and keeps all in memory, and never answers.
    Store {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Accepts, forgets what is old, and acknowledges each piece with a short line, as a cache does.
    Cache {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Answers each datagram with a few bytes, as a game server does.
    Game {
        /// Where it receives.
        at: SocketAddr,
    },
    /// Connects over `lo` and sends at a steady rate.
    LocalSend {
        /// Where to.
        to: SocketAddr,
        /// Payload.
        bytes_per_second: u64,
    },
    /// A service of another kind.
    Daemon(Daemon),
}

impl Role {
    /// The name of its process.
    pub fn name(&self) -> &'static str {
        match self {
            Role::Sink { .. } | Role::DatagramSink { .. } => "stage-sink",
            Role::Transparent { .. } => "stage-tproxy",
            Role::SlowReader { .. } => "stage-slow",
            Role::Filtered { .. } => "stage-filter",
            Role::Dropper { .. } => "stage-dropper",
            Role::XdpConsumer => "stage-xsk",
            Role::Dialer => "pppoe",
            Role::Machine { .. } => "qemu-stage",
            Role::Denied { .. } => "stage-denied",
            Role::Web { .. } => "stage-web",
            Role::Fetch { .. } | Role::FetchSome { .. } => "stage-fetch",
            Role::Amplifier { .. } => "stage-named",
            Role::Login { .. } => "sshd",
            Role::Forking { .. } => "stage-parent",
            Role::Child => "stage-child",
            Role::Stuck { .. } => "stage-stuck",
            Role::GroupReceiver { .. } => "stage-group",
            Role::Relay { .. } => "stage-relay",
            Role::Store { .. } => "stage-store",
            Role::Cache { .. } => "stage-cache",
            Role::Game { .. } => "stage-game",
            Role::LocalReceive { .. } => "stage-lo-recv",
            Role::LocalSend { .. } => "stage-lo-send",
            Role::Daemon(daemon) => daemon.name(),
        }
    }
}

/// A process that plays a role. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Service {
    /// Starts it in a namespace and waits until it is ready.
    pub fn start(namespace: &Namespace, role: &Role) -> Service {
        Service::start_in(namespace.name(), role)
    }

    /// The same, in a namespace of that name.
    pub fn start_in(namespace: &str, role: &Role) -> Service {
        let program = std::env::current_exe().expect("this test binary");
        let mut command = Namespace::command_in(namespace, program);
        command.args([PLAYER, "--exact", "--nocapture"]);
        command.env(ROLE, serde_json::to_string(role).expect("a role is JSON"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("ip can be run");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let service = Service { child, lines };
        service.wait_for(READY);
        service
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it, once nothing more comes in, and says how many bytes it took.
    pub fn end(mut self) -> u64 {
        drop(self.child.stdin.take());
        let took = self.wait_for(TOOK);
        took.parse().unwrap_or_else(|error| panic!("a service took `{took}`: {error}"))
    }

    /// The rest of the line that begins with `word`.
    fn wait_for(&self, word: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("service {} did not say `{word}`, but:\n{heard}", self.pid());
            };
            if let Some(rest) = line.strip_prefix(word) {
                return rest.to_owned();
            }
            heard += &line;
            heard.push('\n');
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Plays the role that the environment gives, and ends the process; returns at once where it gives none.
pub fn play_role_if_given() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let role: Role = serde_json::from_str(&role).expect("a role");
    // The name of the process is that of its main thread; this runs on another.
    fs::write(format!("/proc/{}/comm", std::process::id()), role.name()).expect("a process may name itself");
    let took = Arc::new(AtomicU64::new(0));
    if matches!(role, Role::Child) {
        // Its standard input is what it serves.
        let mut input = std::io::stdin().lock();
        let _ = std::io::copy(&mut input, &mut scratch_file());
        std::process::exit(0);
    }
    let player = {
        let took = Arc::clone(&took);
        thread::spawn(move || play(&role, &took))
    };
    // A service that fails ends at once, so that its test need not wait for it.
    thread::spawn(move || player.join().is_err().then(|| std::process::exit(1)));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    // What is still in a queue belongs to the account.
    let mut before = None;
    while before != Some(took.load(Ordering::Relaxed)) {
        before = Some(took.load(Ordering::Relaxed));
        thread::sleep(Duration::from_millis(100));
    }
    say(&format!("{TOOK}{}", took.load(Ordering::Relaxed)));
    std::process::exit(0);
}

/// Says that the service is ready.
pub fn ready() {
    say(READY);
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn play(role: &Role, took: &Arc<AtomicU64>) {
    match role {
        Role::Daemon(daemon) => daemon.play(took),
        Role::Sink { at } => accept_each(*at, took, |stream, took| read_all(stream, took, &mut std::io::sink())),
        Role::Web { at } => accept_each(*at, took, |mut stream, took| {
            let mut request = [0; 2048];
            let length = stream.read(&mut request).unwrap_or(0);
            took.fetch_add(length as u64, Ordering::Relaxed);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
        }),
        Role::LocalReceive { at } => {
            accept_each(*at, took, |stream, took| read_all(stream, took, &mut scratch_file()));
        }
        Role::Relay { at, to } => relay(*at, *to, took),
        Role::Store { at } => accept_each(*at, took, |stream, took| read_all(stream, took, &mut Vec::new())),
        Role::Cache { at } => accept_each(*at, took, |mut stream, took| {
            let mut piece = vec![0; 16 * 1024];
            while stream.read_exact(&mut piece).is_ok() {
                took.fetch_add(piece.len() as u64, Ordering::Relaxed);
                stream.write_all(b"+OK\r\n").expect("who sends reads, too, or keeps its buffer");
            }
        }),
        Role::Game { at } => {
            let socket = UdpSocket::bind(at).expect("the port is free");
            say(READY);
            let mut move_ = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut move_) {
                took.fetch_add(length as u64, Ordering::Relaxed);
                let _ = socket.send_to(b"tick", from);
            }
        }
        Role::Login { at } => accept_each(*at, took, |stream, took| read_all(stream, took, &mut std::io::sink())),
        Role::Forking { at } => fork_for_each(*at),
        Role::Child => unreachable!("it does not get here"),
        Role::DatagramSink { at } => receive(*at, took, None),
        Role::Transparent { at } => {
            let socket = UdpSocket::bind(at).expect("the port is free");
            setsockopt(&socket, sockopt::IpTransparent, &true).expect("root may");
            say(READY);
            let mut buffer = [0; 65_536];
            while let Ok(bytes) = socket.recv(&mut buffer) {
                took.fetch_add(bytes as u64, Ordering::Relaxed);
            }
        }
        Role::Dropper { at } => {
            let _link = programs::attach(at);
            say(READY);
            loop {
                thread::sleep(Duration::from_secs(60));
            }
        }
        Role::XdpConsumer => xdp_socket::consume(took),
        Role::Dialer => dialer::dial(took),
        Role::Machine { tap } => dialer::hold(tap, took),
        Role::Denied { at, tcp } => denied(*at, *tcp, took),
        Role::Filtered { at } => {
            let socket = UdpSocket::bind(at).expect("the port is free");
            let_nothing_in(&socket);
            say(READY);
            let _ = socket.recv(&mut [0; 2048]);
        }
        Role::SlowReader { at } => receive(*at, took, Some(Duration::from_millis(50))),
        Role::Fetch { from } => {
            let stream = TcpStream::connect(from).expect("the world serves");
            say(READY);
            read_all(stream, took, &mut scratch_file());
        }
        Role::FetchSome { from, bytes } => {
            let mut stream = TcpStream::connect(from).expect("the world serves");
            say(READY);
            let mut file = scratch_file();
            let mut buffer = vec![0; 64 * 1024];
            let mut got = 0;
            while got < *bytes {
                let length = stream.read(&mut buffer).expect("the world sends");
                file.write_all(&buffer[..length]).expect("what was received can be written");
                got += length as u64;
            }
            std::process::exit(0);
        }
        Role::Amplifier { at, size } => {
            let socket = UdpSocket::bind(at).expect("the port is free");
            say(READY);
            let mut answer = vec![b'a'; *size];
            let mut question = [0; 2048];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                took.fetch_add(length as u64, Ordering::Relaxed);
                let echoed = length.min(answer.len());
                answer[..echoed].copy_from_slice(&question[..echoed]);
                answer[2] |= 0x80;
                let _ = socket.send_to(&answer, from);
            }
        }
        Role::Stuck { at } => {
            let socket = nix::sys::socket::socket(
                nix::sys::socket::AddressFamily::Inet,
                nix::sys::socket::SockType::Stream,
                nix::sys::socket::SockFlag::empty(),
                None,
            )
            .expect("a socket");
            let SocketAddr::V4(at) = *at else { panic!("over IPv4") };
            nix::sys::socket::bind(socket.as_raw_fd(), &nix::sys::socket::SockaddrIn::from(at))
                .expect("the port is free");
            nix::sys::socket::listen(&socket, nix::sys::socket::Backlog::new(4).expect("a backlog"))
                .expect("it listens");
            say(READY);
            thread::park();
            loop {
                thread::sleep(Duration::from_secs(60));
            }
        }
        Role::GroupReceiver { group, port } => {
            let any = std::net::Ipv4Addr::UNSPECIFIED;
            let socket = UdpSocket::bind((any, *port)).expect("the port is free");
            socket.join_multicast_v4(group, &any).expect("the group can be joined");
            say(READY);
            let mut file = scratch_file();
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length) = socket.recv(&mut buffer) {
                took.fetch_add(length as u64, Ordering::Relaxed);
                file.write_all(&buffer[..length]).expect("what was received can be written");
            }
        }
        Role::LocalSend { to, bytes_per_second } => {
            let mut stream = TcpStream::connect(to).expect("the local receiver listens");
            say(READY);
            let chunk = vec![0x5a; 64 * 1024];
            Progress::default().pace(*bytes_per_second, |due| {
                let mut left = due as usize;
                while left > 0 {
                    let length = left.min(chunk.len());
                    stream.write_all(&chunk[..length]).expect("the local receiver reads");
                    left -= length;
                }
            });
        }
    }
}

/// Starts a child for each connection. Both keep it open: who serves it has to be told from who only accepted it.
fn fork_for_each(at: SocketAddr) {
    let listener = TcpListener::bind(at).expect("the port is free");
    say(READY);
    let mut kept = Vec::new();
    for stream in listener.incoming().flatten() {
        let connection = std::os::fd::OwnedFd::from(stream.try_clone().expect("a second descriptor"));
        let child = Command::new(std::env::current_exe().expect("this test binary"))
            .args([PLAYER, "--exact", "--nocapture"])
            .env(ROLE, serde_json::to_string(&Role::Child).expect("a role is JSON"))
            .stdin(Stdio::from(connection))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        kept.push((stream, child));
    }
}

/// Sends on each connection over one of its own.
fn relay(at: SocketAddr, to: SocketAddr, took: &Arc<AtomicU64>) {
    let listener = TcpListener::bind(at).expect("the port is free");
    say(READY);
    for stream in listener.incoming().flatten() {
        let mut onward = TcpStream::connect(to).expect("who gets it listens");
        let took = Arc::clone(took);
        thread::spawn(move || read_all(stream, &took, &mut onward));
    }
}

fn accept_each(at: SocketAddr, took: &Arc<AtomicU64>, serve: fn(TcpStream, &AtomicU64)) {
    let listener = TcpListener::bind(at).expect("the port is free");
    say(READY);
    for stream in listener.incoming().flatten() {
        let took = Arc::clone(took);
        thread::spawn(move || serve(stream, &took));
    }
}

fn read_all(mut stream: TcpStream, took: &AtomicU64, into: &mut dyn Write) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        took.fetch_add(length as u64, Ordering::Relaxed);
        into.write_all(&buffer[..length]).expect("what was received can be written");
    }
}

/// Waits in a control group whose program lets nothing in. The group goes when the process ends.
#[expect(clippy::zombie_processes, reason = "the shell outlives this process, to clear up after it")]
fn denied(at: SocketAddr, tcp: bool, took: &Arc<AtomicU64>) {
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).status().expect("it can be run");
        assert!(status.success(), "{program} {arguments:?}");
    };
    // `ip netns exec` gave this process a mount namespace of its own, and hid the machine's control groups in it.
    let groups = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made").keep();
    let groups_name = groups.to_str().expect("a name").to_owned();
    run("mount", &["-t", "cgroup2", "none", &groups_name]);
    let group = groups.join(format!("casebook-stage-{}", std::process::id()));
    fs::create_dir(&group).expect("a control group can be made");
    // It stays outside, sees the end of this process, and takes the group away.
    let mut keeper = Command::new("sh")
        .args(["-c", r#"cat > /dev/null; until rmdir "$0"; do sleep 0.1; done; umount "$1"; rmdir "$1""#])
        .arg(&group)
        .arg(&groups)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell can be run");
    let _held = keeper.stdin.take();
    fs::write(group.join("cgroup.procs"), std::process::id().to_string()).expect("a process may move itself");
    let folder = std::os::fd::OwnedFd::from(fs::File::open(&group).expect("its folder can be opened"));
    let _link = programs::deny(&folder);
    if tcp {
        accept_each(at, took, |stream, took| read_all(stream, took, &mut std::io::sink()));
    } else {
        receive(at, took, None);
    }
}

/// Attaches a filter of one instruction: return 0.
#[expect(unsafe_code, reason = "no crate of ours attaches filters")]
fn let_nothing_in(socket: &UdpSocket) {
    let mut refuse = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut refuse };
    // SAFETY: the kernel reads `program`, which has that size, and the one instruction that it points to; both live on.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "a filter can be attached: {}", std::io::Error::last_os_error());
}

/// Receives datagrams; a `pause` after each, and a small buffer with it, makes the reader slow.
fn receive(at: SocketAddr, took: &AtomicU64, pause: Option<Duration>) {
    let socket = UdpSocket::bind(at).expect("the port is free");
    if pause.is_some() {
        setsockopt(&socket, sockopt::RcvBuf, &8192).expect("a small buffer");
    }
    say(READY);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = socket.recv(&mut buffer) {
        took.fetch_add(length as u64, Ordering::Relaxed);
        if let Some(pause) = pause {
            thread::sleep(pause);
        }
    }
}

/// A file without a name, on the disk that the build uses.
pub fn scratch_file() -> fs::File {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    tempfile::tempfile_in(&folder).unwrap_or_else(|error| panic!("no file in {}: {error}", folder.display()))
}
