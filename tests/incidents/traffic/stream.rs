//! Traffic that goes through the world's own sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::pace::Progress;

/// How long a write may wait for the receiver before the generator looks whether it shall stop.
const PATIENCE: Duration = Duration::from_millis(200);
/// The most that is written at once.
const CHUNK: usize = 64 * 1024;

/// A listener of the calling thread's namespace.
pub fn listener(at: SocketAddr) -> TcpListener {
    TcpListener::bind(at).unwrap_or_else(|error| panic!("cannot listen on {at}: {error}"))
}

/// A connection from the calling thread's namespace.
pub fn connection(to: SocketAddr) -> TcpStream {
    TcpStream::connect_timeout(&to, Duration::from_secs(5))
        .unwrap_or_else(|error| panic!("cannot connect to {to}: {error}"))
}

/// A datagram socket of the calling thread's namespace, connected to `to`.
pub fn datagram_socket(to: SocketAddr) -> UdpSocket {
    let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).expect("a datagram socket");
    socket.connect(to).unwrap_or_else(|error| panic!("cannot send to {to}: {error}"));
    socket
}

/// Writes to a connection at a steady rate.
pub fn writer(mut stream: TcpStream, bytes_per_second: u64, progress: &Arc<Progress>) -> JoinHandle<()> {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || {
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        let chunk = vec![0x5a; CHUNK];
        progress.pace(bytes_per_second, |due| {
            let mut left = due as usize;
            while left > 0 && !progress.stopped() {
                match stream.write(&chunk[..left.min(CHUNK)]) {
                    Ok(written) => {
                        progress.add(written);
                        left -= written;
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => return progress.stop(), // the receiver is gone: its test says so if that matters
                }
            }
        });
    })
}

/// The same, and goes on doing nothing when the receiver has gone.
pub fn writer_to_the_end(stream: TcpStream, bytes_per_second: u64, progress: &Arc<Progress>) -> JoinHandle<()> {
    let (progress, done) = (Arc::clone(progress), Arc::new(Progress::default()));
    std::thread::spawn(move || {
        let writing = writer(stream, bytes_per_second, &done);
        progress.pace(1000, |_| {
            let (sent, told) = (done.sent(), progress.sent());
            if sent.bytes > told.bytes {
                progress.add((sent.bytes - told.bytes) as usize);
            }
        });
        done.stop();
        let _ = writing.join();
    })
}

/// Opens connections from `clients` addresses from `first` on, which must be the namespace's own; each sends a line, waits
/// for the answer, and closes.
pub fn requests(
    to: SocketAddr,
    first: Ipv4Addr,
    clients: u16,
    per_second: u64,
    progress: &Arc<Progress>,
) -> JoinHandle<()> {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || {
        let mut number = 0u32;
        progress.pace(per_second, |due| {
            for _ in 0..due.min(50) {
                number = number.wrapping_add(1);
                let client = Ipv4Addr::from_bits(first.to_bits() + number % u32::from(clients.max(1)));
                if let Ok(sent) = request(client, to) {
                    progress.add(sent);
                }
            }
        });
    })
}

fn request(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<usize> {
    let SocketAddr::V4(to) = to else { panic!("requests go over IPv4") };
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
    // A connect() waits no longer than a write may.
    setsockopt(&socket, sockopt::SendTimeout, &TimeVal::milliseconds(PATIENCE.as_millis() as i64))?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(from, 0)))?;
    connect(socket.as_raw_fd(), &SockaddrIn::from(to))?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    let line = format!("GET /page/{} HTTP/1.0\r\nUser-Agent: stage\r\n\r\n", from.octets()[3]);
    stream.write_all(line.as_bytes())?;
    let _ = stream.read(&mut [0; 512]);
    Ok(line.len())
}

/// Sends datagrams at a steady rate.
pub fn datagrams(socket: UdpSocket, payload: usize, per_second: u64, progress: &Arc<Progress>) -> JoinHandle<()> {
    let progress = Arc::clone(progress);
    std::thread::spawn(move || {
        let datagram = vec![0x5a; payload];
        progress.pace(per_second, |due| {
            for _ in 0..due {
                match socket.send(&datagram) {
                    Ok(length) => progress.add(length),
                    // An ICMP error for an earlier one: nobody listens. This one was not sent.
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                    Err(error) => panic!("cannot send a datagram: {error}"),
                }
            }
        });
    })
}
