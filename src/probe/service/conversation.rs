//! One connection: until it stands, until the first byte, until the end of the first line.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, getsockopt, socket, sockopt,
};

use super::banner;
use super::output::{Outcome, Service};

/// How long one wait lasts at most, so that the end of a run is noticed.
const SLICE: Duration = Duration::from_millis(100);
/// How long the rest of the first line may take.
const REST_OF_LINE: Duration = Duration::from_millis(250);

/// How to talk.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// The address to connect from; the kernel chooses unless given.
    pub from: Option<IpAddr>,
    /// What to say once the connection stands.
    pub request: Option<&'a [u8]>,
    /// How long all of it may take.
    pub timeout: Duration,
    /// Whether the run was ended.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// Connects and listens. What the network and the service do is in the result; an error is what this process could not do.
pub fn hold(target: SocketAddr, manner: &Manner<'_>) -> io::Result<Service> {
    let started = Instant::now();
    let mut service = Service {
        address: target.ip().to_string(),
        port: target.port(),
        from: None,
        outcome: Outcome::Interrupted,
        connected: false,
        refused: false,
        timed_out: false,
        silent: false,
        connect_seconds: None,
        first_byte_seconds: None,
        seconds: 0.0,
        banner: None,
        protocol: None,
        http_status: None,
    };
    let outcome = converse(target, manner, started, &mut service);
    service.outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => outcome_of(&error, service.connected).ok_or(error)?,
    };
    service.refused = service.outcome == Outcome::Refused;
    service.timed_out = service.outcome == Outcome::TimedOut;
    service.silent = service.outcome == Outcome::Silent;
    service.seconds = started.elapsed().as_secs_f64();
    Ok(service)
}

/// What an error says about the service; none if it is this process that failed.
fn outcome_of(error: &io::Error, connected: bool) -> Option<Outcome> {
    Some(match error.kind() {
        ErrorKind::ConnectionRefused => Outcome::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Outcome::Closed,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Outcome::Unreachable,
        ErrorKind::PermissionDenied if !connected => Outcome::Blocked,
        ErrorKind::TimedOut if !connected => Outcome::TimedOut,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Outcome::Silent,
        _ => return None,
    })
}

fn converse(target: SocketAddr, manner: &Manner<'_>, started: Instant, service: &mut Service) -> io::Result<Outcome> {
    let until = started + manner.timeout;
    let Some(mut stream) = connected(target, manner, until)? else { return Ok(Outcome::Interrupted) };
    let stands = Instant::now();
    service.connected = true;
    service.connect_seconds = Some((stands - started).as_secs_f64());
    service.from = stream.local_addr().ok().map(|from| from.ip().to_string());
    if let Some(request) = manner.request {
        // It fits into an empty send buffer.
        stream.write_all(request)?;
    }
    let mut bytes = Vec::new();
    let mut line_until = until;
    while bytes.len() < banner::LONGEST && !bytes.contains(&b'\n') {
        if !readable(&stream, manner, line_until, PollFlags::POLLIN)? {
            break;
        }
        let mut buffer = [0; banner::LONGEST];
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => bytes.extend(buffer.iter().take(length)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => continue,
            // What came before the end is worth more than how it ended.
            Err(_) if !bytes.is_empty() => break,
            Err(error) => return Err(error),
        }
        if service.first_byte_seconds.is_none() {
            service.first_byte_seconds = Some(stands.elapsed().as_secs_f64());
            line_until = until.min(Instant::now() + REST_OF_LINE);
        }
    }
    service.banner = banner::line(&bytes);
    if let Some(banner) = &service.banner {
        service.protocol = banner::protocol(banner).map(str::to_owned);
        service.http_status = banner::http_status(banner);
    }
    Ok(match () {
        () if !bytes.is_empty() => Outcome::Answered,
        () if (manner.stop)() => Outcome::Interrupted,
        () if Instant::now() >= until => Outcome::Silent,
        () => Outcome::Closed,
    })
}

/// The connection, once it stands; none when the run was ended before.
fn connected(target: SocketAddr, manner: &Manner<'_>, until: Instant) -> io::Result<Option<TcpStream>> {
    let family = if target.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket: OwnedFd = socket(family, SockType::Stream, flags, None)?;
    if let Some(from) = manner.from {
        bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(from, 0)))?;
    }
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(target)) {
        Ok(()) => {}
        Err(Errno::EINPROGRESS) => {
            if !readable(&socket, manner, until, PollFlags::POLLOUT)? {
                return if (manner.stop)() { Ok(None) } else { Err(ErrorKind::TimedOut.into()) };
            }
            match getsockopt(&socket, sockopt::SocketError)? {
                0 => {}
                error => return Err(io::Error::from_raw_os_error(error)),
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Some(TcpStream::from(socket)))
}

/// Waits until the socket is ready; false when the time or the run ended before.
fn readable(socket: &impl AsFd, manner: &Manner<'_>, until: Instant, flags: PollFlags) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || (manner.stop)() {
            return Ok(false);
        }
        let mut polled = [PollFd::new(socket.as_fd(), flags)];
        // Rounded up, else the last part of a millisecond would be a busy wait.
        let timeout = left.min(SLICE).as_millis() as u16 + 1;
        match poll(&mut polled, PollTimeout::from(timeout)) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}
