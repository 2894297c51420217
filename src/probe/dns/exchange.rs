//! One question and its answer, over UDP and, where the answer did not fit, over TCP.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::message::{self, Asked, Received, Reply};
use super::output::{Outcome, Question};
use crate::case::{Gap, Reason};

/// How long one wait lasts at most, so that the end of a run is noticed.
const SLICE: Duration = Duration::from_millis(100);
/// The largest message.
const LARGEST: usize = 65_535;

/// How to ask.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    /// The server.
    pub server: SocketAddr,
    /// The address to ask from; the kernel chooses unless given.
    pub from: Option<IpAddr>,
    /// How long to wait for each sending.
    pub timeout: Duration,
    /// How often to send.
    pub attempts: u32,
    /// The size of answer that EDNS allows; no EDNS unless given.
    pub payload: Option<u16>,
    /// Whether to repeat over TCP what did not fit.
    pub tcp: bool,
    /// When to give up, whatever else is allowed.
    pub deadline: Instant,
    /// Whether the run was ended.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// What became of it.
struct Ended {
    outcome: Outcome,
    reply: Option<Reply>,
    rtt: Option<Duration>,
    sent: u32,
    strays: u32,
    from: Option<IpAddr>,
}

/// Asks and waits for the answer. What the network does is in the result; a gap is what this process could not do.
pub fn ask(asked: &Asked, address: Option<IpAddr>, way: &Way<'_>) -> Result<Question, Gap> {
    let tried = || format!("ask {} for {} {}", way.server, asked.name(), asked.kind());
    let malformed = |error: domain::base::message_builder::PushError| {
        Gap::new(Reason::Malformed, tried(), format!("the question cannot be written: {error}"))
    };
    let question_bytes = asked.question(0, way.payload).map_err(malformed)?.len();
    let started = Instant::now();
    let mut ended = over_udp(asked, way).map_err(|error| Gap::io(tried(), &error))?;
    let udp_bytes = ended.reply.as_ref().map(|reply| reply.bytes);
    let truncated = ended.reply.as_ref().map(|reply| reply.truncated);
    let mut tcp = None;
    if way.tcp && truncated == Some(true) {
        let (outcome, reply) = over_tcp(asked, way).map_err(|error| Gap::io(tried(), &error))?;
        tcp = Some(outcome);
        ended.reply = reply.or(ended.reply);
    }
    let reply = ended.reply;
    Ok(Question {
        name: asked.name(),
        kind: asked.kind(),
        address: address.map(|address| address.to_string()),
        outcome: ended.outcome,
        timed_out: ended.outcome == Outcome::TimedOut,
        rtt_seconds: ended.rtt.map(|rtt| rtt.as_secs_f64()),
        seconds: started.elapsed().as_secs_f64(),
        sent: ended.sent,
        from: ended.from.map(|from| from.to_string()),
        rcode: reply.as_ref().map(|reply| reply.rcode.clone()),
        authoritative: reply.as_ref().map(|reply| reply.authoritative),
        recursion_available: reply.as_ref().map(|reply| reply.recursion_available),
        truncated,
        tcp,
        answer_count: reply.as_ref().map(|reply| reply.answer_count),
        answers: reply.map(|reply| reply.answers).unwrap_or_default(),
        question_bytes: bounded(question_bytes),
        answer_bytes: udp_bytes.map(bounded),
        amplification: udp_bytes.map(|bytes| bytes as f64 / question_bytes.max(1) as f64),
        strays: ended.strays,
    })
}

fn bounded(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What an error of the network says about the way to the server; none if it is this process that failed.
fn outcome_of(error: &io::Error) -> Option<Outcome> {
    Some(match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Outcome::Closed,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Outcome::Unreachable,
        ErrorKind::PermissionDenied => Outcome::Blocked,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Outcome::TimedOut,
        ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => Outcome::Malformed,
        // EPROTO, EHOSTDOWN and their kin as ICMP errors give them.
        _ if matches!(error.raw_os_error(), Some(libc::EHOSTDOWN | libc::EPROTO | libc::ENOPROTOOPT)) => {
            Outcome::Unreachable
        }
        _ => return None,
    })
}

fn over_udp(asked: &Asked, way: &Way<'_>) -> io::Result<Ended> {
    let any: IpAddr = if way.server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((way.from.unwrap_or(any), 0))?;
    let mut ended = Ended { outcome: Outcome::TimedOut, reply: None, rtt: None, sent: 0, strays: 0, from: None };
    // Connected: the kernel passes on what comes from the server alone, and ICMP errors about it.
    if let Err(error) = socket.connect(way.server) {
        ended.outcome = outcome_of(&error).ok_or(error)?;
        return Ok(ended);
    }
    ended.from = socket.local_addr().ok().map(|address| address.ip());
    let mut sendings: Vec<(Vec<u8>, Instant)> = Vec::new();
    let mut buffer = vec![0; LARGEST];
    while ended.sent < way.attempts && Instant::now() < way.deadline {
        // Each sending has an id of its own, so that an answer tells which one it belongs to.
        let question = asked.question(message::unguessable(), way.payload).map_err(io::Error::other)?;
        let now = Instant::now();
        if let Err(error) = socket.send(&question) {
            ended.outcome = outcome_of(&error).ok_or(error)?;
            return Ok(ended);
        }
        ended.sent += 1;
        sendings.push((question, now));
        let until = (now + way.timeout).min(way.deadline);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if (way.stop)() {
                ended.outcome = Outcome::Interrupted;
                return Ok(ended);
            }
            socket.set_read_timeout(Some(left.min(SLICE).max(Duration::from_millis(1))))?;
            let length = match socket.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => continue,
                Err(error) => {
                    ended.outcome = outcome_of(&error).ok_or(error)?;
                    return Ok(ended);
                }
            };
            let came = Instant::now();
            let bytes = buffer.get(..length).unwrap_or_default();
            match place(bytes, &sendings) {
                Some((reply, sent)) => {
                    ended.outcome = Outcome::Answered;
                    ended.rtt = Some(came.saturating_duration_since(sent));
                    ended.reply = Some(reply);
                    return Ok(ended);
                }
                None if sendings.iter().any(|(question, _)| message::read(bytes, question) == Received::Malformed) => {
                    ended.outcome = Outcome::Malformed;
                }
                None => ended.strays = ended.strays.saturating_add(1),
            }
        }
    }
    Ok(ended)
}

/// The answer, and when the question was sent that it belongs to.
fn place(bytes: &[u8], sendings: &[(Vec<u8>, Instant)]) -> Option<(Reply, Instant)> {
    sendings.iter().find_map(|(question, sent)| match message::read(bytes, question) {
        Received::Reply(reply) => Some((reply, *sent)),
        _ => None,
    })
}

fn over_tcp(asked: &Asked, way: &Way<'_>) -> io::Result<(Outcome, Option<Reply>)> {
    let question = asked.question(message::unguessable(), way.payload).map_err(io::Error::other)?;
    let until = (Instant::now() + way.timeout).min(way.deadline);
    match converse(&question, way, until) {
        Ok(answer) => Ok(match message::read(&answer, &question) {
            Received::Reply(reply) => (Outcome::Answered, Some(reply)),
            _ => (Outcome::Malformed, None),
        }),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok((Outcome::Interrupted, None)),
        Err(error) => Ok((outcome_of(&error).ok_or(error)?, None)),
    }
}

/// Sends the question with its length before it, and reads what comes back in the same form.
fn converse(question: &[u8], way: &Way<'_>, until: Instant) -> io::Result<Vec<u8>> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    let mut stream = TcpStream::connect_timeout(&way.server, left)?;
    stream.set_write_timeout(Some(way.timeout))?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0; 2];
    fill(&mut stream, &mut length, way, until)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    fill(&mut stream, &mut answer, way, until)?;
    Ok(answer)
}

/// Reads until the buffer is full.
fn fill(stream: &mut TcpStream, buffer: &mut [u8], way: &Way<'_>, until: Instant) -> io::Result<()> {
    let mut rest = buffer;
    while !rest.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        if (way.stop)() {
            return Err(ErrorKind::Interrupted.into());
        }
        stream.set_read_timeout(Some(left.min(SLICE).max(Duration::from_millis(1))))?;
        match stream.read(rest) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => rest = rest.get_mut(length..).unwrap_or_default(),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
