//! Clients of the world, each with an address of its own: 10.88.0.0/16, which is local to the world.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::pace::Progress;
use crate::daemon::question;

/// How long a client waits for anything.
const PATIENCE: Duration = Duration::from_millis(300);

/// What clients do.
#[derive(Debug, Clone, Copy)]
pub enum Does {
    /// Send datagrams of this size, and read what is answered.
    Datagrams {
        /// Bytes.
        payload: usize,
    },
    /// Ask a DNS server for addresses.
    Questions,
    /// Ask a time server, as ntpd and chrony do.
    Time,
    /// Ask for pages over connections that stay open, with a body of this size.
    Requests {
        /// Bytes; 0 for a GET.
        body: usize,
    },
    /// Open a connection, send so many bytes, wait for an answer and close.
    Visits {
        /// Bytes.
        bytes: usize,
    },
    /// Hold connections that were opened before, and send a byte now and then: requests that never end.
    Trickle {
        /// So many.
        held: usize,
    },
    /// Open connections and hold them.
    Opens,
    /// Connect once and read all that comes.
    Reads,
    /// Ask one thing after the other over connections that are opened before and stay open, from addresses of [`STRANGERS`].
    Keeps {
        /// So many.
        connections: usize,
        /// What.
        says: Says,
    },
}

/// What is asked over a connection that stays open.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    /// For one page.
    Page,
    /// For the pages of a site.
    Pages,
    /// Something in a record of TLS, behind the first ones of a session.
    Record,
    /// For a key of a store.
    Key,
}

/// A network that strangers have; it is no other's on the stage, where this line was run in the world.
pub const STRANGERS: &str = "ip route add local 203.0.113.0/24 dev lo";

/// The address of one of them.
fn stranger(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, 1 + (number % 250) as u8)
}

/// Some clients.
#[derive(Debug, Clone, Copy)]
pub struct Clients {
    /// The server's socket.
    pub to: SocketAddr,
    /// How many addresses they have.
    pub count: u16,
    /// What they do, all together.
    pub per_second: u64,
    /// What that is.
    pub does: Does,
}

/// The address of a client.
pub fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a58_0001 + number)
}

/// A connection of a client, which waits for nothing longer than a moment.
pub fn connected(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let SocketAddr::V4(to) = to else { panic!("clients go over IPv4") };
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
    setsockopt(&socket, sockopt::SendTimeout, &TimeVal::milliseconds(PATIENCE.as_millis() as i64))?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(from, 0)))?;
    connect(socket.as_raw_fd(), &SockaddrIn::from(to))?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Lets them do it, in the calling thread's namespace, until they are stopped.
pub fn start(clients: Clients, progress: &Arc<Progress>) -> JoinHandle<()> {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || match clients.does {
        Does::Datagrams { payload } => datagrams(clients, &progress, |_| vec![0x5a; payload]),
        Does::Questions => datagrams(clients, &progress, |number| question(number as u16)),
        Does::Time => datagrams(clients, &progress, |number| {
            let mut message = vec![0; 48];
            message[0] = 0x23; // version 4, client
            message[40..44].copy_from_slice(&number.to_be_bytes());
            message
        }),
        Does::Requests { body } => requests(clients, body, &progress),
        Does::Visits { bytes } => visits(clients, bytes, &progress),
        Does::Trickle { held } => trickle(clients, held, &progress),
        Does::Opens => open(clients, &progress),
        Does::Reads => read(clients, &progress),
        Does::Keeps { connections, says } => keep_asking(clients, connections, says, &progress),
    })
}

fn datagrams(clients: Clients, progress: &Progress, message: impl Fn(u32) -> Vec<u8>) {
    let socket = |number: u32| {
        let socket = UdpSocket::bind((address(number), 0)).expect("the address is the world's");
        socket.connect(clients.to).expect("the server can be reached");
        socket.set_nonblocking(true).expect("a socket need not wait");
        socket
    };
    let sockets: Vec<UdpSocket> = (0..u32::from(clients.count)).map(socket).collect();
    let (mut number, mut answer) = (0u32, [0; 2048]);
    progress.pace(clients.per_second, |due| {
        for _ in 0..due {
            number = number.wrapping_add(1);
            let socket = &sockets[number as usize % sockets.len()];
            if let Ok(length) = socket.send(&message(number)) {
                progress.add(length);
            }
            while socket.recv(&mut answer).is_ok() {}
        }
    });
}

fn requests(clients: Clients, body: usize, progress: &Progress) {
    let mut open: HashMap<u32, TcpStream> = HashMap::new();
    let (mut number, filler) = (0u32, vec![b'a'; body]);
    progress.pace(clients.per_second, |due| {
        for _ in 0..due.min(50) {
            number = number.wrapping_add(1);
            let client = number % u32::from(clients.count);
            let Some(stream) = open.remove(&client).or_else(|| connected(address(client), clients.to).ok()) else {
                continue;
            };
            let sent = request(&stream, client, &filler);
            if let Ok(length) = sent {
                progress.add(length);
                open.insert(client, stream);
            }
        }
    });
}

fn request(mut stream: &TcpStream, client: u32, body: &[u8]) -> std::io::Result<usize> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let head = format!(
        "{method} /page/{client} HTTP/1.1\r\nHost: example.org\r\nUser-Agent: stage\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    match stream.read(&mut [0; 64 * 1024])? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        _ => Ok(head.len() + body.len()),
    }
}

fn visits(clients: Clients, bytes: usize, progress: &Progress) {
    let (mut number, letter) = (0u32, vec![b'm'; bytes]);
    progress.pace(clients.per_second, |due| {
        for _ in 0..due.min(50) {
            number = number.wrapping_add(1);
            let Ok(mut stream) = connected(address(number % u32::from(clients.count)), clients.to) else { continue };
            if stream.write_all(&letter).is_ok() {
                progress.add(bytes.max(1));
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read(&mut [0; 512]);
            }
        }
    });
}

fn trickle(clients: Clients, held: usize, progress: &Progress) {
    let begin = |number: usize| {
        let mut stream = connected(address(number as u32 % u32::from(clients.count)), clients.to).ok()?;
        stream.write_all(b"GET / HTTP/1.1\r\nX-a: ").ok()?;
        Some(stream)
    };
    let mut open: Vec<TcpStream> = (0..held).filter_map(begin).collect();
    assert!(!open.is_empty(), "nobody accepts connections at {}", clients.to);
    let mut number = 0;
    progress.pace(clients.per_second, |due| {
        for _ in 0..due {
            number = (number + 1) % open.len();
            if open[number].write(b"b").is_ok() {
                progress.add(1);
            } else if let Some(anew) = begin(number) {
                open[number] = anew; // whoever wants to keep a place takes the next one
            }
        }
    });
}

fn open(clients: Clients, progress: &Progress) {
    let (mut number, mut open) = (0u32, Vec::new());
    progress.pace(clients.per_second, |due| {
        for _ in 0..due.min(50) {
            number = number.wrapping_add(1);
            if let Ok(stream) = connected(address(number % u32::from(clients.count)), clients.to) {
                progress.add(1);
                open.push(stream);
            }
        }
    });
}

impl Says {
    /// What opens the conversation.
    fn first(self) -> &'static [u8] {
        // A hello of TLS, and the end of the handshake.
        if matches!(self, Says::Record) { &[22, 3, 1, 0, 4, 1, 0, 0, 0] } else { b"" }
    }

    fn text(self, number: usize) -> Vec<u8> {
        let page =
            |path: &str| format!("GET {path} HTTP/1.1\r\nHost: example.org\r\nUser-Agent: stage\r\n\r\n").into_bytes();
        match self {
            Says::Page => page(&format!("/search?q={number}")),
            Says::Pages => page(&format!("/page/{}", number * 31 % 97)),
            Says::Record => [&[23, 3, 3, 0, 120][..], &[0x5a; 120]].concat(),
            Says::Key => format!("*2\r\n$3\r\nGET\r\n$6\r\nkey{:03}\r\n", number % 1000).into_bytes(),
        }
    }
}

fn keep_asking(clients: Clients, connections: usize, says: Says, progress: &Progress) {
    let begin = |number: usize| {
        let mut stream =
            connected(stranger(number % usize::from(clients.count)), clients.to).expect("the server listens");
        if !says.first().is_empty() {
            stream.write_all(says.first()).expect("a hello is taken");
            let _ = stream.read(&mut [0; 2048]);
        }
        stream
    };
    let mut open: Vec<TcpStream> = (0..connections).map(begin).collect();
    let mut number = 0;
    progress.pace(clients.per_second, |due| {
        for _ in 0..due.min(50) {
            number += 1;
            let stream = &mut open[number % connections];
            let text = says.text(number);
            if stream.write_all(&text).is_ok() && stream.read(&mut [0; 4096]).is_ok() {
                progress.add(text.len());
            }
        }
    });
}

fn read(clients: Clients, progress: &Arc<Progress>) {
    let each = |number: u32| {
        let progress = Arc::clone(progress);
        let mut stream = connected(address(number), clients.to).expect("the server listens");
        progress.add(1);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while !progress.stopped() {
                match stream.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(length) => progress.add(length),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => return,
                }
            }
        })
    };
    let readers: Vec<JoinHandle<()>> = (0..u32::from(clients.count)).map(each).collect();
    progress.pace(1, |_| {});
    readers.into_iter().for_each(|reader| drop(reader.join()));
}

/// A DNS server of the world: answers each question with a message of this size.
pub fn answers(socket: UdpSocket, size: usize, progress: &Arc<Progress>) -> JoinHandle<()> {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || {
        socket.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        let (mut question, mut answer) = ([0; 2048], vec![b'a'; size]);
        while !progress.stopped() {
            let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
            let echoed = length.min(size);
            answer[..echoed].copy_from_slice(&question[..echoed]);
            answer[2..4].copy_from_slice(&[0x81, 0x80]);
            if socket.send_to(&answer, from).is_ok() {
                progress.add(size);
            }
        }
    })
}

/// Somebody of the world who takes all that connections bring.
pub fn taker(listener: TcpListener, progress: &Arc<Progress>) -> JoinHandle<()> {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || {
        listener.set_nonblocking(true).expect("a listener need not wait");
        let mut open: Vec<TcpStream> = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        while !progress.stopped() {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(true).expect("a stream need not wait");
                open.push(stream);
            }
            for stream in &mut open {
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    progress.add(length);
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}
