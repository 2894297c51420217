//! Services as people run them: each takes what comes in and does with it what its kind does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrIn, bind, connect, listen, sendto, setsockopt,
    socket, sockopt,
};
use serde::{Deserialize, Serialize};

use crate::service::{ready, scratch_file};
use crate::stage::SERVER_LINK;
use crate::traffic::{Progress, Wire};

/// What a daemon does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Daemon {
    /// Writes what connections bring to a file, and acknowledges each piece of 64 KiB with a line, as sshd does for rsync.
    Backup {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Writes datagrams to a file: a collector of logs or measurements, a recorder.
    Collector {
        /// Where it receives.
        at: SocketAddr,
    },
    /// Answers each datagram with one of this size, or of its own size for 0.
    Answerer {
        /// Where it receives.
        at: SocketAddr,
        /// Bytes of an answer.
        size: usize,
    },
    /// The same, and takes its time for each.
    SlowAnswerer {
        /// Where it receives.
        at: SocketAddr,
        /// Milliseconds for one.
        each: u64,
    },
    /// HTTP/1.1 over connections that stay open: reads a request with its body and answers with so many bytes.
    Http {
        /// Where it listens.
        at: SocketAddr,
        /// Bytes of an answer.
        size: usize,
    },
    /// Answers each piece that a connection brings with these bytes.
    Answers {
        /// Where it listens.
        at: SocketAddr,
        /// What it says.
        with: Vec<u8>,
    },
    /// A queue of so many connections, of which it accepts one now and then.
    SlowAccept {
        /// Where it listens.
        at: SocketAddr,
        /// What it asks for in listen().
        backlog: i32,
        /// Milliseconds from one to the next.
        each: u64,
    },
    /// Hands what connections bring to another program by a pipe.
    Piped {
        /// Where it listens.
        at: SocketAddr,
    },
    /// Sends on each datagram.
    DatagramRelay {
        /// Where it receives.
        at: SocketAddr,
        /// Where it sends on to.
        to: SocketAddr,
    },
    /// Asks a DNS server for names.
    Asker {
        /// The server.
        of: SocketAddr,
        /// Questions.
        per_second: u64,
    },
    /// Sends datagrams to somebody.
    Sender {
        /// To whom.
        to: SocketAddr,
        /// Bytes of each.
        payload: usize,
        /// Their rate.
        per_second: u64,
    },
    /// One of several processes that share a UDP port (`SO_REUSEPORT`), and answer each datagram with a few bytes.
    Worker {
        /// Where they receive.
        at: SocketAddr,
    },
    /// Opens connections to one address after the other, and waits for their answer.
    Scanner {
        /// The port that it looks for.
        port: u16,
        /// Addresses.
        per_second: u64,
    },
    /// The same by a raw socket.
    RawScanner {
        /// The port that it looks for.
        port: u16,
        /// Addresses.
        per_second: u64,
    },
    /// Sends to whoever connects, as fast as he reads, at most so much a second.
    FileServer {
        /// Where it listens.
        at: SocketAddr,
        /// Payload.
        bytes_per_second: u64,
    },
    /// Connects to somebody and sends at this rate, as a backup does.
    Uploader {
        /// To whom.
        to: SocketAddr,
        /// Payload.
        bytes_per_second: u64,
    },
    /// Connects again and again, each time to give this much and close.
    Poster {
        /// To whom.
        to: SocketAddr,
        /// Bytes of each.
        bytes: usize,
        /// Connections.
        per_second: u64,
    },
    /// Tries one port of a host after the other.
    PortScanner {
        /// Whose.
        of: std::net::Ipv4Addr,
        /// Ports.
        per_second: u64,
    },
    /// Asks for the link address of one neighbour after the other, past the kernel.
    ArpAsker {
        /// Questions.
        per_second: u64,
    },
    /// Connects again and again to where nobody listens.
    Retrier {
        /// Where to.
        to: SocketAddr,
        /// Attempts.
        per_second: u64,
    },
    /// Uses CPUs up.
    Busy {
        /// So many threads.
        threads: usize,
    },
}

impl Daemon {
    /// The name of its process.
    pub fn name(&self) -> &'static str {
        match self {
            Daemon::Backup { .. } => "stage-backup",
            Daemon::Collector { .. } => "stage-collect",
            Daemon::Answerer { .. } => "stage-answer",
            Daemon::SlowAnswerer { .. } => "stage-late",
            Daemon::Http { .. } => "stage-http",
            Daemon::Answers { .. } => "stage-answers",
            Daemon::SlowAccept { .. } => "stage-accept",
            Daemon::Piped { .. } => "stage-piped",
            Daemon::DatagramRelay { .. } => "stage-udprelay",
            Daemon::Asker { .. } => "stage-asker",
            Daemon::Sender { .. } => "stage-sender",
            Daemon::FileServer { .. } => "stage-files",
            Daemon::Worker { .. } => "stage-worker",
            Daemon::Scanner { .. } => "stage-scanner",
            Daemon::RawScanner { .. } => "stage-rawscan",
            Daemon::Uploader { .. } => "stage-upload",
            Daemon::Poster { .. } => "stage-poster",
            Daemon::PortScanner { .. } => "stage-portscan",
            Daemon::ArpAsker { .. } => "stage-arper",
            Daemon::Retrier { .. } => "stage-retrier",
            Daemon::Busy { .. } => "stage-busy",
        }
    }

    /// Plays it until the process ends, and counts what it takes.
    pub fn play(&self, took: &Arc<AtomicU64>) {
        match self {
            Daemon::Backup { at } => each_connection(*at, took, |mut stream, took| {
                let (mut piece, mut file, mut since) = (vec![0; 64 * 1024], scratch_file(), 0);
                while let Ok(length @ 1..) = stream.read(&mut piece) {
                    took.fetch_add(length as u64, Ordering::Relaxed);
                    file.write_all(&piece[..length]).expect("what was received can be written");
                    since += length;
                    if since >= piece.len() {
                        since = 0;
                        let _ = stream.write_all(b"taken\n");
                    }
                }
            }),
            Daemon::Collector { at } => {
                let mut file = scratch_file();
                each_datagram(*at, took, |_, datagram, _| {
                    file.write_all(datagram).expect("what was received can be written");
                });
            }
            Daemon::Answerer { at, size } => {
                let answer = vec![0x61; 2048];
                each_datagram(*at, took, |socket, datagram, from| {
                    let _ = if *size == 0 {
                        socket.send_to(datagram, from)
                    } else {
                        socket.send_to(&answer[..*size], from)
                    };
                });
            }
            Daemon::SlowAnswerer { at, each } => each_datagram(*at, took, |socket, _, from| {
                thread::sleep(Duration::from_millis(*each));
                let _ = socket.send_to(b"at last", from);
            }),
            Daemon::Http { at, size } => {
                let size = *size;
                each_connection(*at, took, move |stream, took| serve(stream, took, size));
            }
            Daemon::Answers { at, with } => {
                let with = with.clone();
                each_connection(*at, took, move |mut stream, took| {
                    let mut piece = [0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut piece) {
                        took.fetch_add(length as u64, Ordering::Relaxed);
                        if stream.write_all(&with).is_err() {
                            return;
                        }
                    }
                });
            }
            Daemon::SlowAccept { at, backlog, each } => accept_slowly(*at, *backlog, Duration::from_millis(*each)),
            Daemon::Piped { at } => each_connection(*at, took, |mut stream, took| {
                let mut program = Command::new("sh")
                    .args(["-c", "exec cat > /dev/null"])
                    .stdin(Stdio::piped())
                    .spawn()
                    .expect("a program can be run");
                let mut pipe = program.stdin.take().expect("its standard input is a pipe");
                let mut piece = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = stream.read(&mut piece) {
                    took.fetch_add(length as u64, Ordering::Relaxed);
                    pipe.write_all(&piece[..length]).expect("it reads");
                }
                drop(pipe);
                let _ = program.wait();
            }),
            Daemon::DatagramRelay { at, to } => {
                let onward = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
                each_datagram(*at, took, |_, datagram, _| {
                    let _ = onward.send_to(datagram, to);
                });
            }
            Daemon::Asker { of, per_second } => ask(*of, *per_second),
            Daemon::Sender { to, payload, per_second } => {
                let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
                ready();
                let datagram = vec![0x5a; *payload];
                Progress::default().pace(*per_second, |due| {
                    for _ in 0..due {
                        let _ = socket.send_to(&datagram, to);
                    }
                });
            }
            Daemon::Worker { at } => {
                let socket =
                    socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).expect("a socket");
                setsockopt(&socket, sockopt::ReusePort, &true).expect("a port may be shared");
                let SocketAddr::V4(at) = *at else { panic!("over IPv4") };
                bind(socket.as_raw_fd(), &SockaddrIn::from(at)).expect("the port is shared");
                answer_each(UdpSocket::from(socket), took, |socket, _, from| {
                    let _ = socket.send_to(b"tick", from);
                });
            }
            Daemon::Scanner { port, per_second } => scan(*port, *per_second),
            Daemon::RawScanner { port, per_second } => scan_raw(*port, *per_second),
            Daemon::Uploader { to, bytes_per_second } => upload(*to, *bytes_per_second),
            Daemon::Poster { to, bytes, per_second } => {
                ready();
                let letter = vec![0x5a; *bytes];
                Progress::default().pace(*per_second, |due| {
                    for _ in 0..due {
                        // Nobody may take them yet.
                        let _ = TcpStream::connect(to).and_then(|mut stream| stream.write_all(&letter));
                    }
                });
            }
            Daemon::PortScanner { of, per_second } => {
                ready();
                let mut port = 0u16;
                Progress::default().pace(*per_second, |due| {
                    for _ in 0..due {
                        port = port % 20_000 + 1;
                        drop(TcpStream::connect((*of, port))); // it is refused
                    }
                });
            }
            Daemon::ArpAsker { per_second } => ask_neighbours(*per_second),
            Daemon::Retrier { to, per_second } => {
                ready();
                Progress::default().pace(*per_second, |due| {
                    (0..due).for_each(|_| drop(TcpStream::connect(to))); // it is refused
                });
            }
            Daemon::FileServer { at, bytes_per_second } => {
                let rate = *bytes_per_second;
                each_connection(*at, took, move |mut stream, _| {
                    let piece = vec![0x5a; 64 * 1024];
                    let progress = Progress::default();
                    progress.pace(rate, |due| {
                        let mut left = due as usize;
                        while left > 0 {
                            let length = left.min(piece.len());
                            if stream.write_all(&piece[..length]).is_err() {
                                return progress.stop();
                            }
                            left -= length;
                        }
                    });
                });
            }
            Daemon::Busy { threads } => {
                for _ in 0..*threads {
                    thread::spawn(|| {
                        loop {
                            std::hint::spin_loop();
                        }
                    });
                }
                ready();
            }
        }
    }
}

fn each_connection(
    at: SocketAddr,
    took: &Arc<AtomicU64>,
    serve: impl Fn(TcpStream, &AtomicU64) + Send + Sync + 'static,
) {
    let listener = TcpListener::bind(at).expect("the port is free");
    ready();
    let serve = Arc::new(serve);
    for stream in listener.incoming().flatten() {
        let (took, serve) = (Arc::clone(took), Arc::clone(&serve));
        thread::spawn(move || serve(stream, &took));
    }
}

fn each_datagram(at: SocketAddr, took: &AtomicU64, serve: impl FnMut(&UdpSocket, &[u8], SocketAddr)) {
    answer_each(UdpSocket::bind(at).expect("the port is free"), took, serve);
}

fn answer_each(socket: UdpSocket, took: &AtomicU64, mut serve: impl FnMut(&UdpSocket, &[u8], SocketAddr)) {
    ready();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        took.fetch_add(length as u64, Ordering::Relaxed);
        serve(&socket, &buffer[..length], from);
    }
}

/// Requests of one connection, one after the other.
fn serve(stream: TcpStream, took: &AtomicU64, size: usize) {
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{}", "x".repeat(size));
    let mut onward = stream.try_clone().expect("a second descriptor");
    let mut reader = BufReader::new(stream);
    let (mut line, mut body, mut rest) = (String::new(), 0, Vec::new());
    while let Ok(length @ 1..) = reader.read_line(&mut line) {
        took.fetch_add(length as u64, Ordering::Relaxed);
        if let Some(announced) = line.strip_prefix("Content-Length: ") {
            body = announced.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            rest.resize(body, 0);
            if reader.read_exact(&mut rest).is_err() || onward.write_all(answer.as_bytes()).is_err() {
                return;
            }
            took.fetch_add(body as u64, Ordering::Relaxed);
            body = 0;
        }
        line.clear();
    }
}

fn accept_slowly(at: SocketAddr, backlog: i32, each: Duration) {
    let listener =
        socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a socket can be made");
    let SocketAddr::V4(at) = at else { panic!("over IPv4") };
    setsockopt(&listener, sockopt::ReuseAddr, &true).expect("an address may be used again");
    bind(listener.as_raw_fd(), &SockaddrIn::from(at)).expect("the port is free");
    listen(&listener, Backlog::new(backlog).expect("a backlog")).expect("it listens");
    ready();
    for stream in TcpListener::from(listener).incoming() {
        if let Ok(mut stream) = stream {
            let _ = stream.write_all(b"at last\n");
        }
        thread::sleep(each);
    }
}

/// An address of the network that is set apart for measurements.
fn target(number: u32) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::from_bits(0xc612_0000 | number & 0x1_ffff)
}

fn scan(port: u16, per_second: u64) {
    /// Connections that are left open at a time.
    const WAITING: usize = 400;
    let (mut waiting, mut number) = (std::collections::VecDeque::new(), 0u32);
    ready();
    Progress::default().pace(per_second, |due| {
        for _ in 0..due {
            number = number.wrapping_add(1);
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let socket = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("a socket can be made");
            let to = std::net::SocketAddrV4::new(target(number), port);
            let _ = connect(socket.as_raw_fd(), &SockaddrIn::from(to)); // it is in progress
            waiting.push_back(socket);
            if waiting.len() > WAITING {
                waiting.pop_front();
            }
        }
    });
}

/// Sends to whoever listens there, from when somebody does.
fn upload(to: SocketAddr, bytes_per_second: u64) {
    ready();
    let mut stream = loop {
        match TcpStream::connect(to) {
            Ok(stream) => break stream,
            Err(_) => thread::sleep(Duration::from_millis(10)), // nobody does yet
        }
    };
    let piece = vec![0x5a; 64 * 1024];
    let progress = Progress::default();
    progress.pace(bytes_per_second, |due| {
        let mut left = due as usize;
        while left > 0 {
            let length = left.min(piece.len());
            if stream.write_all(&piece[..length]).is_err() {
                return progress.stop();
            }
            left -= length;
        }
    });
}

fn scan_raw(port: u16, per_second: u64) {
    let socket =
        socket(AddressFamily::Inet, SockType::Raw, SockFlag::SOCK_CLOEXEC, nix::sys::socket::SockProtocol::Raw)
            .expect("root may make raw sockets");
    let mut number = 0u32;
    ready();
    Progress::default().pace(per_second, |due| {
        for _ in 0..due {
            number = number.wrapping_add(1);
            let to = target(number);
            let builder = etherparse::PacketBuilder::ipv4(crate::stage::SERVER.octets(), to.octets(), 64);
            let mut packet = Vec::new();
            builder.tcp(61_000, port, number, 1024).syn().write(&mut packet, &[]).expect("a vector takes it");
            let to = SockaddrIn::from(std::net::SocketAddrV4::new(to, 0));
            let _ = sendto(socket.as_raw_fd(), &packet, &to, MsgFlags::empty());
        }
    });
}

fn ask_neighbours(per_second: u64) {
    let wire = Wire::onto("eth0");
    let (mut frame, mut number) = (Vec::new(), 0u32);
    ready();
    Progress::default().pace(per_second, |due| {
        for _ in 0..due {
            number = number.wrapping_add(1);
            let neighbour = std::net::Ipv4Addr::from_bits(crate::stage::SERVER.to_bits() & !0xff | (number % 250 + 3));
            let question = etherparse::ArpPacket::new(
                etherparse::ArpHardwareId::ETHERNET,
                etherparse::EtherType::IPV4,
                etherparse::ArpOperation::REQUEST,
                &SERVER_LINK,
                &crate::stage::SERVER.octets(),
                &[0; 6],
                &neighbour.octets(),
            );
            frame.clear();
            let builder = etherparse::PacketBuilder::ethernet2(SERVER_LINK, [0xff; 6]);
            builder.arp(question.expect("addresses of their lengths")).write(&mut frame).expect("a vector takes it");
            let _ = wire.send(&frame);
        }
    });
}

fn ask(of: SocketAddr, per_second: u64) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    socket.connect(of).expect("the server can be reached");
    let answers = socket.try_clone().expect("a second descriptor");
    thread::spawn(move || {
        loop {
            // An error is an ICMP one for an earlier question: the server was not there yet.
            let _ = answers.recv(&mut [0; 4096]);
        }
    });
    ready();
    let mut number = 0u16;
    Progress::default().pace(per_second, |due| {
        for _ in 0..due {
            number = number.wrapping_add(1);
            let _ = socket.send(&question(number));
        }
    });
}

/// A question for the address of a name of its own.
pub fn question(number: u16) -> Vec<u8> {
    let mut question = number.to_be_bytes().to_vec();
    question.extend(b"\x01\0\0\x01\0\0\0\0\0\0");
    question.extend(format!("\x05h{number:04x}").as_bytes());
    question.extend(b"\x07example\x03org\0\0\x01\0\x01");
    question
}
