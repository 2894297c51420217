//! Dumps over a netlink socket: one request, many answers, read through one buffer without copying them.
//!
//! Neither opening the socket nor dumping needs a privilege for routes, links and socket diagnosis.
#![allow(unsafe_code)]

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// Bytes of the buffer for answers. The kernel fills at most 32 KiB at once.
const BUFFER: usize = 64 << 10;

/// How long the kernel may be silent. Dumps are answered synchronously; this only keeps a broken one from hanging.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a dump that the kernel calls inconsistent is asked for again.
const ATTEMPTS: u32 = 4;

/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;

/// `NLM_F_REQUEST`.
const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`.
const ACKNOWLEDGE: u16 = 0x4;
/// `NLM_F_DUMP_INTR`: what is dumped changed meanwhile.
const INTERRUPTED: u16 = 0x10;
/// `NLM_F_DUMP`.
const DUMP: u16 = 0x300;
/// `NLMSG_NOOP`.
const NOOP: u16 = 1;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLMSG_DONE`.
const DONE: u16 = 3;

/// A netlink socket that asks for dumps.
#[derive(Debug)]
pub struct NetlinkDump {
    family: SockProtocol,
    socket: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

/// One netlink message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_flags`.
    pub flags: u16,
    /// `nlmsg_seq`.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl NetlinkDump {
    /// Opens a socket of that netlink family in the network namespace of the calling thread.
    pub fn open(family: SockProtocol) -> io::Result<Self> {
        Ok(NetlinkDump { family, socket: open_socket(family)?, buffer: vec![0; BUFFER], sequence: 0 })
    }

    /// Opens one whose dumps are filtered by what the request says (`NETLINK_GET_STRICT_CHK`, Linux 4.20).
    pub fn open_strict(family: SockProtocol) -> io::Result<Self> {
        let dump = Self::open(family)?;
        set_strict(&dump.socket)?;
        Ok(dump)
    }

    /// Asks for a dump and hands over each answer's type and payload, until `each` breaks it off. Says whether the
    /// kernel called the dump inconsistent (`NLM_F_DUMP_INTR`).
    pub fn dump(
        &mut self,
        kind: u16,
        request: &[u8],
        each: impl FnMut(u16, &[u8]) -> ControlFlow<()>,
    ) -> io::Result<bool> {
        self.exchange(kind, DUMP, request, each)
    }

    /// Asks for one thing, and gives the first answer that `parse` takes.
    pub fn ask<T>(
        &mut self,
        kind: u16,
        request: &[u8],
        parse: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let mut answer = None;
        self.exchange(kind, ACKNOWLEDGE, request, |kind, payload| {
            answer = answer.take().or_else(|| parse(kind, payload));
            ControlFlow::Continue(())
        })?;
        Ok(answer)
    }

    fn exchange(
        &mut self,
        kind: u16,
        flags: u16,
        request: &[u8],
        mut each: impl FnMut(u16, &[u8]) -> ControlFlow<()>,
    ) -> io::Result<bool> {
        self.sequence = self.sequence.wrapping_add(1);
        send(self.socket.as_raw_fd(), &message(kind, REQUEST | flags, self.sequence, request), MsgFlags::empty())?;
        let mut interrupted = false;
        loop {
            let length = match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_TRUNC) {
                Ok(length) => length,
                Err(Errno::EINTR) => continue,
                Err(Errno::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
            };
            let Some(bytes) = self.buffer.get(..length) else {
                // An answer longer than the buffer has lost its end: ask again with room for it.
                self.buffer.resize(length.next_multiple_of(BUFFER), 0);
                self.socket = open_socket(self.family)?;
                return Err(io::ErrorKind::FileTooLarge.into());
            };
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            for message in messages(bytes).filter(|message| message.sequence == self.sequence) {
                interrupted |= message.flags & INTERRUPTED != 0;
                match message.kind {
                    NOOP => {}
                    ERROR | DONE => {
                        return match read_i32(message.payload, 0) {
                            Some(error) if error < 0 => Err(io::Error::from_raw_os_error(-error)),
                            _ => Ok(interrupted),
                        };
                    }
                    kind => {
                        if each(kind, message.payload).is_break() {
                            self.socket = open_socket(self.family)?;
                            return Ok(interrupted);
                        }
                    }
                }
            }
        }
    }

    /// A dump as a list; asked for again, a few times, while the kernel calls it inconsistent. The last one counts.
    pub fn list<T>(
        &mut self,
        kind: u16,
        request: &[u8],
        parse: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        Ok(self.list_at_most(kind, request, usize::MAX, None, parse)?.0)
    }

    /// The same, broken off behind so many, and at the deadline; and whether there was more.
    pub fn list_at_most<T>(
        &mut self,
        kind: u16,
        request: &[u8],
        most: usize,
        deadline: Option<Instant>,
        parse: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> io::Result<(Vec<T>, bool)> {
        let mut attempt = 1;
        loop {
            let (mut all, mut cut) = (Vec::new(), false);
            let dumped = self.dump(kind, request, |kind, payload| {
                cut = all.len() >= most || deadline.is_some_and(|deadline| Instant::now() >= deadline);
                if cut {
                    return ControlFlow::Break(());
                }
                all.extend(parse(kind, payload));
                ControlFlow::Continue(())
            });
            match dumped {
                Ok(true) if attempt < ATTEMPTS && !cut => {}
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge && attempt < ATTEMPTS => {}
                Ok(_) => return Ok((all, cut)),
                Err(error) => return Err(error),
            }
            attempt += 1;
        }
    }
}

/// A fresh socket. Also the way to leave a dump that is not over: on the same socket the next one would get EBUSY.
fn open_socket(family: SockProtocol) -> io::Result<OwnedFd> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, family)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE.as_secs() as i64))?;
    Ok(socket)
}

/// Sets `NETLINK_GET_STRICT_CHK`.
fn set_strict(socket: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads as many bytes of `on` as it has.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_NETLINK,
            libc::NETLINK_GET_STRICT_CHK,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A netlink message in bytes.
fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(&((HEADER + payload.len()) as u32).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&0u32.to_ne_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The messages in what one receive gave; ends at the first that is malformed.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = read_u32(bytes, 0)? as usize;
        let message = Message {
            kind: read_u16(bytes, 4)?,
            flags: read_u16(bytes, 6)?,
            sequence: read_u32(bytes, 8)?,
            payload: bytes.get(HEADER..length)?,
        };
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// The attributes (`struct nlattr`) in a payload, type and value; ends at the first that is malformed. The flags for
/// nesting and byte order are taken off the type.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(read_u16(bytes, 0)?);
        let kind = read_u16(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The number of 16 bits at an offset, in the machine's byte order.
pub fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
}

/// The number of 16 bits at an offset, in the network's byte order.
pub fn read_be16(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_be_bytes(*chunk))
}

/// The number of 32 bits at an offset, in the machine's byte order.
pub fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_ne_bytes(*chunk))
}

/// The signed number of 32 bits at an offset, in the machine's byte order.
pub fn read_i32(bytes: &[u8], offset: usize) -> Option<i32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| i32::from_ne_bytes(*chunk))
}

/// The number of 64 bits at an offset, in the machine's byte order.
pub fn read_u64(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u64::from_ne_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_messages_in_one_datagram_come_apart() {
        let mut bytes = message(16, 2, 7, &[1, 2, 3, 4, 5]);
        bytes.extend([0; 3]);
        bytes.extend(message(17, 0, 8, &[]));
        let seen: Vec<Message<'_>> = messages(&bytes).collect();
        assert_eq!(seen[0], Message { kind: 16, flags: 2, sequence: 7, payload: &[1, 2, 3, 4, 5] });
        assert_eq!(seen[1], Message { kind: 17, flags: 0, sequence: 8, payload: &[] });
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn an_attribute_that_promises_more_than_there_is_ends_the_list() {
        let bytes = [8, 0, 3, 0x80, 1, 2, 3, 4, 40, 0, 4, 0, 1];
        let seen: Vec<_> = attributes(&bytes).collect();
        assert_eq!(seen, [(3, &[1, 2, 3, 4][..])]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic_or_run_forever(bytes in proptest::collection::vec(0u8.., 0..96)) {
            assert!(messages(&bytes).take(100).count() <= 96 / HEADER);
            assert!(attributes(&bytes).take(100).count() <= 96 / 4);
        }
    }
}
