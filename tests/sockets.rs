//! The `sockets` probe against the real kernel, in network namespaces of its own.
//!
//! Other processes are this test's own binary, started again with a role to play.

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use casebook::case::{Observed, Reason};
use casebook::probe::drops::{self, DropPlace, Drops, DropsProbe};
use casebook::probe::sockets::{Opened, Params, Sockets, SocketsProbe, UdpReceiver};
use casebook::probe::{Context, Inputs, Probe, StartBarrier};
use casebook::units::Span;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, recv, recvmsg, setsockopt, socket, sockopt,
};
use support::namespace::{in_namespace, ip};
use support::need::{ControlGroup, Missing, require, tool};

/// Tells a process which role it plays.
const ROLE: &str = "CASEBOOK_TEST_ROLE";

fn params(milliseconds: u64) -> Params {
    Params { window: Span(Duration::from_millis(milliseconds)), ..Params::default() }
}

/// Watches, and does `within` once the window has begun; the window lasts until that is done.
fn watch(params: Params, within: impl Fn() + Send + Sync + 'static) -> Observed<Sockets> {
    let once = Once::new();
    let cx =
        Context::new(Arc::new(StartBarrier::new(1)), Arc::default(), Inputs::new(), move |_| once.call_once(&within));
    SocketsProbe.observe(params, &cx).unwrap()
}

/// A process that plays a role, and ends with its standard input.
struct Actor {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Actor {
    fn play(role: &str) -> Self {
        Actor::start(Command::new(std::env::current_exe().unwrap()).env(ROLE, role))
    }

    fn start(command: &mut Command) -> Self {
        let command = command.args(["--exact", "play_a_role", "--nocapture", "--test-threads=1"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Actor { child, said }
    }

    /// What follows `word ` on the next line that begins with it.
    fn says(&mut self, word: &str) -> String {
        for line in (&mut self.said).lines() {
            if let Some((_, rest)) = line.unwrap().split_once(&format!("{word} ")) {
                return rest.to_owned();
            }
        }
        panic!("the actor never says {word}");
    }

    fn port(&mut self) -> u16 {
        self.says("PORT").parse().unwrap()
    }

    fn pid(&self) -> i32 {
        self.child.id() as i32
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn play_a_role() {
    match std::env::var(ROLE).as_deref() {
        Ok("sink") => sink(),
        Ok("forking server") => forking_server(),
        Ok("counting prober") => counting_prober(),
        Ok("udp server") => udp_server(usize::MAX),
        Ok("udp server that ends") => udp_server(20),
        Ok("udp worker") => {
            answer_datagrams(&UdpSocket::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap()), usize::MAX)
        }
        Ok("holder") => holder(),
        Ok("prober") => {
            let all = Params { limit: 10_000, ..params(50) };
            let seen = SocketsProbe.observe(all, &Context::alone()).unwrap();
            println!("SEEN {}", serde_json::to_string(&(seen.output, seen.missing)).unwrap());
        }
        _ => {}
    }
}

/// Holds sockets: datagram sockets and connections of its own, one that two other processes share, and one that only a thread
/// holds.
fn holder() {
    let datagrams: Vec<UdpSocket> = (0..40).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pairs: Vec<_> = (0..10).map(|_| (TcpStream::connect(address).unwrap(), listener.accept().unwrap())).collect();
    let share = || {
        let shared = Stdio::from(OwnedFd::from(datagrams[0].try_clone().unwrap()));
        Command::new("sleep").arg("600").stdin(shared).stdout(Stdio::null()).spawn().unwrap()
    };
    let sharers = [share(), share()];
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        tell.send(socket.local_addr().unwrap().port()).unwrap();
        let _ = ended.recv();
    });
    println!("\nHOLDS {} {}", datagrams[0].local_addr().unwrap().port(), told.recv().unwrap());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop((pairs, end));
    thread.join().unwrap();
    for mut sharer in sharers {
        sharer.kill().unwrap();
        sharer.wait().unwrap();
    }
}

/// Takes whatever comes over one connection after another, and answers a byte to each `!`.
fn sink() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("\nPORT {}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = vec![0; 1 << 16];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                if buffer[..length].contains(&b'!') {
                    stream.write_all(b".").unwrap();
                }
            }
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Sends itself ten datagrams while it watches.
fn counting_prober() {
    let free = std::net::TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let seen = watch(params(100), move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..10 {
            socket.send_to(b"seven b", socket.local_addr().unwrap()).unwrap();
            socket.recv(&mut [0; 16]).unwrap();
        }
        for _ in 0..5 {
            for address in ["192.0.2.77", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
                let there = (address.parse::<std::net::IpAddr>().unwrap(), free);
                assert!(std::net::TcpStream::connect(there).is_err(), "nobody listens there any more");
            }
        }
    });
    let opened =
        seen.output.opened.as_ref().map(|all| all.iter().filter(|of| of.remote_port == Some(free)).collect::<Vec<_>>());
    let ours = |of: &&UdpReceiver| of.process.pid == std::process::id() as i32;
    let ours = seen.output.udp_receivers.as_ref().and_then(|all| all.iter().find(ours));
    // The drops want the same two: neither tracefs nor perf events, which may be root's.
    let (once, lost) = (Once::new(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let cx = Context::new(Arc::new(StartBarrier::new(1)), Arc::default(), Inputs::new(), move |_| {
        once.call_once(|| {
            for _ in 0..10 {
                let _ = lost.send_to(&[0; 72], "127.0.0.1:9");
            }
        });
    });
    let drops = DropsProbe.observe(drops::Params { window: Span(Duration::from_millis(100)) }, &cx);
    let drops = drops.map(|seen| (seen.output, seen.missing, seen.loss)).map_err(|gap| gap.to_string());
    println!("SEEN {}", serde_json::to_string(&(ours, opened, &seen.missing, drops)).unwrap());
}

/// Tells a UDP server its port.
const PORT: &str = "CASEBOOK_TEST_PORT";

/// Shares a port with other servers. One that serves for good leaves half of its work to a worker that shares its socket.
fn udp_server(datagrams: usize) {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).unwrap();
    setsockopt(&socket, sockopt::ReusePort, &true).unwrap();
    let port = std::env::var(PORT).map_or(0, |port| port.parse().unwrap());
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).unwrap();
    let socket = UdpSocket::from(socket);
    println!("\nPORT {}", socket.local_addr().unwrap().port());
    if datagrams < usize::MAX {
        answer_datagrams(&socket, datagrams);
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "play_a_role", "--nocapture", "--test-threads=1"]).env(ROLE, "udp worker");
    let of_worker = OwnedFd::from(socket.try_clone().unwrap());
    let mut worker = command.stdin(Stdio::from(of_worker)).stdout(Stdio::null()).spawn().unwrap();
    std::thread::spawn(move || answer_datagrams(&socket, usize::MAX));
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    worker.kill().unwrap();
    worker.wait().unwrap();
}

/// Looks at each datagram without taking it, then takes 1,000 bytes of it, and of every other one its whole length. Answers with
/// the process's number and what the call returned.
fn answer_datagrams(socket: &UdpSocket, count: usize) {
    let mut buffer = [0; 1000];
    for number in 0..count {
        let _ = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT);
        let whole = if number.is_multiple_of(2) { MsgFlags::MSG_TRUNC } else { MsgFlags::empty() };
        let mut vectors = [std::io::IoSliceMut::new(&mut buffer)];
        let taken = recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut vectors, None, whole).unwrap();
        let (bytes, from) = (taken.bytes, taken.address.unwrap());
        let answer = format!("{} {bytes}", std::process::id());
        socket.send_to(answer.as_bytes(), SocketAddr::from((from.ip(), from.port()))).unwrap();
    }
}

/// What a process moved over UDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Datagrams {
    received: u64,
    bytes: u64,
    bytes_sent: u64,
}

/// Gives each of two connections to a child of its own, and keeps a descriptor of both.
fn forking_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("\nPORT {}", listener.local_addr().unwrap().port());
    let mut children = Vec::new();
    let mut kept = Vec::new();
    for _ in 0..2 {
        let (stream, _) = listener.accept().unwrap();
        kept.push(stream.try_clone().unwrap());
        let child =
            Command::new("cat").stdin(Stdio::from(OwnedFd::from(stream))).stdout(Stdio::null()).spawn().unwrap();
        println!("\nCHILD {}", child.id());
        children.push(child);
    }
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    for mut child in children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Sends `count` bytes and waits until the sink has taken them.
fn send(stream: &mut TcpStream, count: usize) {
    let mut bytes = vec![0; count - 1];
    bytes.push(b'!');
    stream.write_all(&bytes).unwrap();
    stream.read_exact(&mut [0]).unwrap();
}

#[test]
fn exactly_the_bytes_of_a_transfer_are_found_at_the_process_that_took_them() {
    in_namespace(|| {
        let mut sink = Actor::play("sink");
        let port = sink.port();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        send(&mut stream, 5_000);
        let stream = Arc::new(Mutex::new(stream));
        let kept = Arc::clone(&stream);
        let seen = watch(params(300), move || send(&mut kept.lock().unwrap(), 3_000_000));
        let out = &seen.output;
        assert_eq!((out.source.as_str(), &seen.loss), ("sock_diag", &vec![]));
        let process = out.processes.as_ref().unwrap().iter().find(|process| process.process.pid == sink.pid()).unwrap();
        assert_eq!(
            (process.rx_bytes, process.tx_bytes, process.local_rx_bytes),
            (Some(3_000_000), Some(1), Some(3_000_000))
        );
        assert!(process.process.name.starts_with("sockets-"), "{}", process.process.name);
        assert_eq!(process.process.user.as_deref(), Some("root"));
        assert_eq!((process.connections, &process.listening_ports), (1, &vec![port]));
        assert!(process.io.is_some() && process.cpu_share.is_some());
        if process.tcp_read_bytes.is_some() {
            assert_eq!((process.tcp_read_bytes, process.tcp_written_bytes), (Some(3_000_000), Some(1)));
        }

        let taken = &out.connections[0];
        assert_eq!((taken.local_port, taken.rx_bytes, taken.rx_total), (port, Some(3_000_000), Some(3_005_000)));
        assert_eq!((taken.opened_by.as_deref(), taken.state.as_str()), (Some("remote"), "established"));
        assert_eq!(taken.process.as_ref().unwrap().pid, sink.pid());
        let given = &out.connections[1];
        assert_eq!(
            (given.remote_port, given.tx_bytes, given.opened_by.as_deref()),
            (port, Some(3_000_000), Some("local"))
        );
        assert_eq!(given.process.as_ref().unwrap().pid, std::process::id() as i32);
        assert_eq!((out.tcp_rx_bytes, out.unowned_rx_bytes), (Some(3_000_001), Some(0)));
        assert_eq!((out.counts.tcp_established, out.counts.tcp_listen, out.counts.udp), (2, 1, 0));
        let listener = &out.listeners[0];
        assert_eq!((listener.port, listener.owners, listener.in_kernel), (port, 1, Some(false)));
        assert_eq!(listener.process.as_ref().unwrap().pid, sink.pid());
    });
}

#[test]
fn a_connection_that_lives_and_dies_within_the_window_is_counted() {
    in_namespace(|| {
        let mut sink = Actor::play("sink");
        let port = sink.port();
        let seen = watch(params(300), move || {
            for _ in 0..3 {
                send(&mut TcpStream::connect(("127.0.0.1", port)).unwrap(), 10_000);
            }
        });
        let closed = seen.output.closed.as_ref().unwrap();
        assert_eq!(closed.connections, 6, "both ends of each: {closed:?}");
        let at_port = &closed.by_local_port[..];
        assert_eq!((at_port.len(), at_port[0].port, at_port[0].connections), (1, port, 3));
        assert!((30_000..=30_003).contains(&at_port[0].rx_bytes), "each FIN may count one: {at_port:?}");
        let process = &seen.output.processes.as_ref().unwrap()[0];
        assert_eq!((process.process.pid, process.rx_bytes), (sink.pid(), Some(at_port[0].rx_bytes)));
        assert_eq!(process.local_rx_bytes, process.rx_bytes);
    });
}

#[test]
fn what_each_process_of_one_udp_port_received_and_sent_is_known_to_the_byte_also_of_one_that_ended() {
    in_namespace(|| {
        let mut servers = vec![Actor::play("udp server")];
        let port = servers[0].port();
        let beside = |role: &str| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let mut actor = Actor::start(command.env(ROLE, role).env(PORT, port.to_string()));
            actor.port();
            actor
        };
        servers.push(beside("udp server"));
        servers.push(beside("udp server that ends"));
        let of_servers: Vec<i32> = servers.iter().map(Actor::pid).collect();
        let by_process: Arc<Mutex<HashMap<i32, Datagrams>>> = Arc::default();
        let told = Arc::clone(&by_process);
        let seen = watch(params(300), move || {
            // The kernel chooses a server by the sender's port; one that has ended leaves its senders to the others.
            for sender in 0..40 {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                socket.connect(("127.0.0.1", port)).unwrap();
                for bytes in [0, 1, 100 + sender, 1000, 1400] {
                    socket.send(&vec![b'.'; bytes]).unwrap();
                    let mut answer = [0; 32];
                    let Ok(length) = socket.recv(&mut answer) else { break };
                    let (pid, taken) = std::str::from_utf8(&answer[..length]).unwrap().split_once(' ').unwrap();
                    let taken: usize = taken.parse().unwrap();
                    assert!(taken == bytes || taken == bytes.min(1000), "{taken} of {bytes}");
                    let mut told = told.lock().unwrap();
                    let of_process = told.entry(pid.parse().unwrap()).or_default();
                    of_process.received += 1;
                    of_process.bytes += taken as u64;
                    of_process.bytes_sent += length as u64;
                }
            }
        });
        if let Some(missing) = seen.missing.iter().find(|it| it.fields.iter().any(|field| field == "udp_receivers")) {
            let needs = Missing::new("to count what processes receive", missing.gap.to_string());
            return require!(Err(needs));
        }
        let expected = by_process.lock().unwrap();
        assert_eq!(expected.len(), 5, "three servers, two of which have a worker: {expected:?}");
        let out = &seen.output;
        let at_port = out.udp_receivers.as_ref().unwrap().iter().filter(|of| of.port == port);
        let at_port: HashMap<i32, (u64, u64)> =
            at_port.map(|of| (of.process.pid, (of.rx_bytes, of.rx_datagrams))).collect();
        let received: HashMap<i32, (u64, u64)> =
            expected.iter().map(|(pid, it)| (*pid, (it.bytes, it.received))).collect();
        assert_eq!(at_port, received);
        for (pid, it) in expected.iter() {
            let processes = out.processes.as_ref().unwrap();
            let process = processes.iter().find(|process| process.process.pid == *pid).unwrap();
            assert_eq!((process.udp_rx_bytes, process.udp_rx_datagrams), (Some(it.bytes), Some(it.received)));
            assert_eq!((process.udp_tx_bytes, process.udp_tx_datagrams), (Some(it.bytes_sent), Some(it.received)));
            assert!(process.process.name.starts_with("sockets-"), "{process:?}");
            assert_eq!(process.process.user.as_deref(), Some("root"));
        }
        let ended = of_servers[2];
        assert!(servers[2].child.try_wait().unwrap().is_some(), "it took its last datagram within the window");
        let held = out.listeners.iter().any(|it| it.process.as_ref().is_some_and(|of| of.pid == ended));
        assert!(!held && received[&ended].1 == 20, "{received:?}");
        assert_eq!(seen.loss, Vec::<String>::new());
    });
}

#[test]
fn two_children_of_a_forking_server_are_told_apart() {
    in_namespace(|| {
        let mut server = Actor::play("forking server");
        let port = server.port();
        let one = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let first: i32 = server.says("CHILD").parse().unwrap();
        let server = Arc::new(Mutex::new(server));
        let (kept, second) = (Arc::clone(&server), Arc::new(Mutex::new(None)));
        let found = Arc::clone(&second);
        // The second connection and its child come only within the window.
        let seen = watch(params(300), move || {
            (&one).write_all(&[1; 100_000]).unwrap();
            let mut two = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let pid: i32 = kept.lock().unwrap().says("CHILD").parse().unwrap();
            two.write_all(&[2; 300_000]).unwrap();
            *found.lock().unwrap() = Some((pid, two));
        });
        let second = second.lock().unwrap().as_ref().unwrap().0;
        let processes = seen.output.processes.as_ref().unwrap();
        let rx = |pid: i32| {
            processes.iter().find(|process| process.process.pid == pid).map(|p| (p.rx_bytes, p.process.name.as_str()))
        };
        assert_eq!((rx(second), rx(first)), (Some((Some(300_000), "cat")), Some((Some(100_000), "cat"))));
        let parent = server.lock().unwrap().pid();
        assert_eq!(rx(parent).unwrap().0, Some(0));
        assert_eq!(seen.output.listeners[0].process.as_ref().unwrap().pid, parent);
    });
}

#[test]
fn a_process_that_writes_to_dev_null_is_told_from_one_that_writes_a_file() {
    in_namespace(|| {
        let file = tempfile::tempfile().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mut children, mut streams) = (Vec::new(), Vec::new());
        for output in [Stdio::null(), Stdio::from(file)] {
            streams.push(TcpStream::connect(("127.0.0.1", port)).unwrap());
            let (stream, _) = listener.accept().unwrap();
            // Whoever runs this test may leave descriptors to it, and so to the child.
            let close = "for n in /proc/$$/fd/*; do n=${n##*/}; [ $n -gt 2 ] && eval \"exec $n>&-\"; done; exec cat";
            let mut command = Command::new(require!(tool("bash")));
            command.args(["-c", close]);
            command.stdin(Stdio::from(OwnedFd::from(stream))).stdout(output).stderr(Stdio::null());
            children.push(command.spawn().unwrap());
        }
        let streams = Arc::new(streams);
        let kept = Arc::clone(&streams);
        let seen = watch(params(300), move || {
            kept.iter().for_each(|mut stream| stream.write_all(&[7; 100_000]).unwrap());
        });
        drop(streams);
        let pids: Vec<i32> = children.iter().map(|child| child.id() as i32).collect();
        for mut child in children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let processes = seen.output.processes.as_ref().unwrap();
        let of = |pid: i32| {
            let process = processes.iter().find(|process| process.process.pid == pid).unwrap();
            (process.rx_bytes, process.discards_input)
        };
        assert_eq!(of(pids[0]), (Some(100_000), Some(true)));
        assert_eq!(of(pids[1]), (Some(100_000), Some(false)));
        let idle = processes.iter().find(|process| process.process.pid == std::process::id() as i32).unwrap();
        assert_eq!((idle.rx_bytes, idle.discards_input), (Some(0), None));
    });
}

#[test]
fn without_a_window_nobody_asks_where_a_process_writes_and_the_result_says_so() {
    in_namespace(|| {
        let _listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let seen = watch(params(0), || {});
        let processes = seen.output.processes.as_ref().unwrap();
        let own = processes.iter().find(|process| process.process.pid == std::process::id() as i32).unwrap();
        assert_eq!((own.listening_ports.len(), own.discards_input, own.ignores_children), (1, None, None));
        for field in ["processes.discards_input", "processes.ignores_children", "processes.io", "listeners.drops"] {
            let covered = seen.missing.iter().any(|missing| missing.fields.iter().any(|missed| missed == field));
            assert!(covered, "{field}");
        }
    });
}

#[test]
fn a_udp_socket_that_nobody_reads_shows_what_it_dropped() {
    in_namespace(|| {
        let full = UdpSocket::bind("127.0.0.1:5353").unwrap();
        let kept = Arc::new(full);
        let seen = watch(params(100), {
            let from = UdpSocket::bind("127.0.0.1:0").unwrap();
            move || {
                for _ in 0..1_000 {
                    from.send_to(&[0; 1_000], "127.0.0.1:5353").unwrap();
                }
            }
        });
        let listener = &seen.output.listeners[0];
        assert_eq!((listener.protocol.as_str(), listener.port, listener.connected), ("udp", 5353, false));
        kept.set_nonblocking(true).unwrap();
        let waiting = std::iter::from_fn(|| kept.recv(&mut [0; 1_000]).ok()).count() as u64;
        assert_eq!(listener.drops, Some(1_000 - waiting));
        assert_eq!(listener.drops_total, listener.drops);
        assert!(listener.queue > 0 && listener.receive_buffer.unwrap() > 0);
        assert_eq!(seen.output.counts.udp, 2);
        let ours = &seen.output.processes.as_ref().unwrap()[0];
        assert_eq!((ours.process.pid, ours.udp_sockets), (std::process::id() as i32, 2));
    });
}

#[test]
fn a_listener_shows_its_queue_its_limit_and_what_is_half_open() {
    use nix::sys::socket::{self, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn, sockopt};
    in_namespace(|| {
        ip("link add left type veth peer name right");
        ip("link set left up");
        ip("link set right up");
        ip("addr add 198.51.100.1/24 dev left");
        let server: OwnedFd =
            socket::socket(socket::AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        socket::setsockopt(&server, sockopt::ReuseAddr, &true).unwrap();
        socket::bind(server.as_raw_fd(), &SockaddrIn::new(198, 51, 100, 1, 8080)).unwrap();
        socket::listen(&server, Backlog::new(3).unwrap()).unwrap();
        // A SYN from a neighbour that never answers stays half open.
        let raw = socket::socket(socket::AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::Raw);
        let raw = raw.unwrap();
        for port in [40_001, 40_002] {
            let mut packet = Vec::new();
            etherparse::PacketBuilder::ipv4([198, 51, 100, 77], [198, 51, 100, 1], 64)
                .tcp(port, 8080, 7, 64_000)
                .syn()
                .write(&mut packet, &[])
                .unwrap();
            let to = SockaddrIn::new(198, 51, 100, 1, 8080);
            socket::sendto(raw.as_raw_fd(), &packet, &to, socket::MsgFlags::empty()).unwrap();
        }
        let _waiting = TcpStream::connect(SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), 8080))).unwrap();
        let seen = watch(params(50), || {}).output;
        let listener = &seen.listeners[0];
        assert_eq!((listener.queue, listener.backlog, listener.syn_recv), (1, Some(3), 2));
        assert_eq!((listener.any_address, seen.counts.tcp_syn_recv), (false, 2));
        let half_open = SocketsProbe
            .observe(Params { state: Some("syn_recv".into()), port: Some(8080), ..params(0) }, &Context::alone())
            .unwrap();
        assert_eq!((half_open.output.connections.len(), half_open.output.listeners.len()), (2, 0));
        assert_eq!(half_open.output.tcp_rx_bytes, None);
        assert_eq!(half_open.missing[0].gap.to_fix.as_deref(), Some("give a window"));
    });
}

#[test]
fn without_privileges_the_sockets_show_and_the_owners_are_a_gap_with_a_way_out() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    in_namespace(|| {
        let mut sink = Actor::play("sink");
        let port = sink.port();
        // Where the binary lies, nobody may not reach it.
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let copy = directory.path().join("prober");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut prober = Actor::start(Command::new(&copy).uid(65534).gid(65534).env(ROLE, "prober").current_dir("/"));
        let (seen, missing): (Sockets, Vec<casebook::case::Missing>) =
            serde_json::from_str(&prober.says("SEEN")).unwrap();
        let listener = seen.listeners.iter().find(|listener| listener.port == port).unwrap();
        assert_eq!((&listener.process, listener.owners, listener.in_kernel), (&None, 0, None));
        assert_eq!(
            (seen.processes, seen.tcp_rx_bytes),
            (Some(vec![]), Some(0)),
            "none is missing of those that received"
        );
        assert!(seen.closed.is_some(), "whoever listens hears of closed connections");
        let missing =
            missing.iter().find(|missing| missing.fields.iter().any(|field| field == "listeners.process")).unwrap();
        assert_eq!(missing.gap.reason, Reason::Denied);
        assert!(missing.gap.why.contains("CAP_SYS_PTRACE"), "{}", missing.gap);
    });
}

#[test]
fn two_capabilities_are_all_that_counting_datagrams_by_process_and_drops_needs() {
    use std::os::unix::fs::PermissionsExt;
    in_namespace(|| {
        ip("addr add 192.0.2.77/32 dev lo");
        require!(tool("setpriv"));
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let copy = directory.path().join("prober");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.args(["--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon"]).arg(&copy).current_dir("/");
        let mut prober = Actor::start(command.env(ROLE, "counting prober"));
        type Missed = Vec<casebook::case::Missing>;
        type Seen = (Option<UdpReceiver>, Option<Vec<Opened>>, Missed, Result<(Drops, Missed, Vec<String>), String>);
        let (seen, opened, missing, drops): Seen = serde_json::from_str(&prober.says("SEEN")).unwrap();
        let (drops, drops_missing, loss) = drops.unwrap();
        let reasons = drops.reasons_watched;
        assert!(reasons > 16 && loss.is_empty(), "a program tells all reasons apart: {reasons}, {loss:?}");
        if drops_missing.iter().all(|missing| missing.gap.reason != Reason::Absent) {
            let places = drops.places.unwrap_or_else(|| panic!("{drops_missing:?}"));
            let is_it = |place: &&DropPlace| place.port == Some(9) && place.namespace.as_deref() == Some("this");
            let place = places.iter().find(is_it).unwrap_or_else(|| panic!("{places:?}"));
            assert_eq!((place.packets, place.bytes, place.reason.as_str()), (10, 1000, "NO_SOCKET"));
            assert_eq!(place.interface.as_deref(), Some("lo"));
        }
        let missing = missing.iter().find(|missing| missing.fields.iter().any(|field| field == "udp_receivers"));
        if let Some(missing) = missing.filter(|missing| missing.gap.reason == Reason::Absent) {
            let needs = Missing::new("to count what processes receive", missing.gap.to_string());
            return require!(Err(needs));
        }
        let seen = seen.unwrap_or_else(|| panic!("{missing:?}"));
        assert_eq!((seen.rx_bytes, seen.rx_datagrams), (70, 10));
        assert_eq!(seen.address.to_string(), "127.0.0.1");
        let [opened] = &opened.unwrap()[..] else { panic!("one process opened connections to that port") };
        assert_eq!((&opened.process, opened.connections), (&seen.process, 5));
    });
}

#[test]
fn the_same_two_capabilities_name_the_processes_of_other_users() {
    use std::os::unix::fs::PermissionsExt;
    in_namespace(|| {
        let mut sink = Actor::play("sink");
        let port = sink.port();
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let copy = directory.path().join("prober");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut command = Command::new(require!(tool("setpriv")));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.args(["--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon"]).arg(&copy).current_dir("/");
        let mut prober = Actor::start(command.env(ROLE, "prober"));
        let (seen, missing): (Sockets, Vec<casebook::case::Missing>) =
            serde_json::from_str(&prober.says("SEEN")).unwrap();
        let listener = seen.listeners.iter().find(|listener| listener.port == port).unwrap();
        if let Some(missing) =
            missing.iter().find(|missing| missing.fields.iter().any(|field| field == "udp_receivers"))
        {
            return require!(Err(Missing::new("to run programs in the kernel", missing.gap.to_string())));
        }
        assert_eq!(listener.process.as_ref().map(|process| process.pid), Some(sink.pid()));
        assert!(!missing.iter().any(|missing| missing.fields.iter().any(|field| field == "listeners.process")));
    });
}

#[test]
fn whose_process_may_not_be_seen_is_known_by_the_unit_it_belongs_to() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    in_namespace(|| {
        let name = format!("casebook-test-{}.service", std::process::id());
        let group = require!(ControlGroup::make(&name, "cgroup.procs"));
        let mut command = Command::new("sh");
        let enter = "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"";
        command.args(["-c", enter]).arg(&group.0).arg(std::env::current_exe().unwrap()).env(ROLE, "sink");
        let mut sink = Actor::start(&mut command);
        let port = sink.port();
        let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let seen = watch(params(20), || {}).output;
        let listener = seen.listeners.iter().find(|listener| listener.port == port).unwrap();
        assert_eq!(listener.process.as_ref().unwrap().unit.as_deref(), Some(name.as_str()));
        assert_eq!(listener.unit, None, "its process says it");

        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let copy = directory.path().join("prober");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut prober = Actor::start(Command::new(&copy).uid(65534).gid(65534).env(ROLE, "prober").current_dir("/"));
        let (seen, _): (Sockets, Vec<casebook::case::Missing>) = serde_json::from_str(&prober.says("SEEN")).unwrap();
        let listener = seen.listeners.iter().find(|listener| listener.port == port).unwrap();
        assert_eq!((&listener.process, listener.unit.as_deref()), (&None, Some(name.as_str())));
        let accepted = seen.connections.iter().find(|connection| connection.local_port == port).unwrap();
        assert_eq!((&accepted.process, accepted.unit.as_deref()), (&None, Some(name.as_str())));
    });
}

/// What root sees without some capabilities.
fn seen_without(capabilities: &str) -> Result<(Sockets, Vec<casebook::case::Missing>), Missing> {
    let mut command = Command::new(tool("setpriv")?);
    command.args(["--bounding-set", capabilities, "--inh-caps", capabilities]);
    command.arg(std::env::current_exe().unwrap()).env(ROLE, "prober");
    let mut prober = Actor::start(&mut command);
    Ok(serde_json::from_str(&prober.says("SEEN")).unwrap())
}

/// What lets programs run in the kernel.
const WITHOUT_PROGRAMS: &str = "-bpf,-perfmon,-sys_admin";

#[test]
fn the_kernels_walk_and_proc_name_the_same_owners_socket_by_socket() {
    in_namespace(|| {
        let mut holders: Vec<Actor> = (0..8).map(|_| Actor::play("holder")).collect();
        let ports: Vec<(u16, u16)> = holders
            .iter_mut()
            .map(|holder| {
                let said = holder.says("HOLDS");
                let (shared, of_thread) = said.split_once(' ').unwrap();
                (shared.parse().unwrap(), of_thread.parse().unwrap())
            })
            .collect();
        // Processes of another network namespace hold sockets, too.
        let elsewhere = Command::new("unshare").args(["--net", "true"]).status();
        require!(elsewhere.is_ok_and(|status| status.success()).then_some(()).ok_or(Missing::new("unshare", "root")));
        let mut command = Command::new("unshare");
        let lo = "ip link set lo up && exec \"$0\" \"$@\"";
        command.args(["--net", "sh", "-c", lo]).arg(std::env::current_exe().unwrap()).env(ROLE, "holder");
        let mut other = Actor::start(&mut command);
        other.says("HOLDS");

        let counts_datagrams = |missing: &[casebook::case::Missing]| {
            missing.iter().all(|missing| !missing.fields.iter().any(|field| field == "udp_receivers"))
        };
        let (walk, missing) = require!(seen_without("-sys_nice"));
        let allowed = counts_datagrams(&missing);
        let (proc, missing) = require!(seen_without(WITHOUT_PROGRAMS));
        assert!(!counts_datagrams(&missing), "no program may run");
        let of_threads = |port: u16| ports.iter().any(|(_, of_thread)| *of_thread == port);
        let listeners = |seen: &Sockets| {
            let mut all: Vec<_> = seen.listeners.iter().filter(|listener| !of_threads(listener.port)).collect();
            all.sort_by_key(|listener| (listener.protocol.clone(), listener.port));
            all.iter()
                .map(|of| (of.protocol.clone(), of.port, of.process.clone(), of.owners, of.in_kernel))
                .collect::<Vec<_>>()
        };
        let connections = |seen: &Sockets| {
            let mut all: Vec<_> =
                seen.connections.iter().map(|of| (of.local_port, of.remote_port, of.process.clone())).collect();
            all.sort_by_key(|(local, remote, _)| (*local, *remote));
            all
        };
        assert_eq!(listeners(&walk).len(), 8 * 41);
        assert_eq!(listeners(&walk), listeners(&proc));
        assert_eq!(connections(&walk).len(), 8 * 20);
        assert_eq!(connections(&walk), connections(&proc));
        assert!(connections(&walk).iter().all(|(_, _, process)| process.is_some()));
        for (holder, (shared, of_thread)) in holders.iter().zip(&ports) {
            let find =
                |seen: &Sockets, port| seen.listeners.iter().find(|listener| listener.port == port).unwrap().clone();
            assert_eq!(find(&walk, *shared).owners, 3);
            // What only a thread holds is not in `/proc/PID/fd`. The walk tells it, where it is allowed.
            assert_eq!(find(&proc, *of_thread).process, None);
            if allowed {
                assert_eq!(find(&walk, *of_thread).process.map(|process| process.pid), Some(holder.pid()));
            }
        }
    });
}

#[test]
fn root_who_may_not_follow_descriptors_takes_no_socket_for_the_kernels() {
    in_namespace(|| {
        let mut sink = Actor::play("sink");
        let port = sink.port();
        let (seen, missing) = require!(seen_without(&format!("-sys_ptrace,{WITHOUT_PROGRAMS}")));
        let listener = seen.listeners.iter().find(|listener| listener.port == port).unwrap();
        assert_eq!((&listener.process, listener.in_kernel), (&None, None));
        let fields: Vec<&String> = missing.iter().flat_map(|missing| &missing.fields).collect();
        assert!(fields.iter().any(|field| *field == "listeners.in_kernel"), "{fields:?}");
        // Nobody received anything, so nobody who did is missing.
        assert_eq!((seen.unowned_rx_bytes, seen.processes), (Some(0), Some(vec![])));
        assert!(!fields.iter().any(|field| *field == "processes"), "{fields:?}");
    });
}

#[test]
fn a_socket_of_the_kernel_is_nobodys_and_that_is_no_gap() {
    in_namespace(|| {
        let made = Command::new("ip").args("link add tunnel0 type vxlan id 5 dstport 4789 dev lo".split(' ')).status();
        let vxlan = Missing::new("a kernel with vxlan", "modprobe vxlan");
        require!(made.is_ok_and(|status| status.success()).then_some(()).ok_or(vxlan));
        ip("link set tunnel0 up");
        let seen = watch(params(20), || {});
        let listener = &seen.output.listeners[0];
        assert_eq!((listener.port, listener.protocol.as_str(), &listener.process), (4789, "udp", &None));
        if std::fs::read_link("/proc/self/ns/pid").unwrap().as_os_str() == "pid:[4026531836]" {
            assert_eq!(listener.in_kernel, Some(true));
            assert_eq!((seen.output.processes, seen.missing), (Some(vec![]), vec![]));
        }
    });
}

#[test]
fn parameters_that_make_no_sense_are_refused_with_the_right_ones() {
    let wrong = Params { state: Some("listening".into()), ..params(0) };
    let gap = SocketsProbe.observe(wrong, &Context::alone()).unwrap_err();
    assert!(gap.why.contains("`listening` is not a state; states are established"), "{gap}");
    assert!(SocketsProbe.observe(Params { limit: 0, ..params(0) }, &Context::alone()).is_err());
}
