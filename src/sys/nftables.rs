//! The door to nftables: dumps over nfnetlink, and the attributes that they are made of.
//!
//! Only requests that read are made; counters are never reset.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// The kernel fills messages of a dump into buffers of at most this size, when the reader's is as big.
const BUFFER: usize = 64 * 1024;
/// The kernel answers at once; one that is silent for this long will not answer.
const PATIENCE_SECONDS: i64 = 5;

const NLMSG_HEADER: usize = 16;
const NFGEN_HEADER: usize = 4;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;
const NFNL_SUBSYS_NFTABLES: u16 = 10 << 8;
const NFT_MSG_GETTABLE: u16 = 1;
const NFT_MSG_GETCHAIN: u16 = 4;
const NFT_MSG_GETRULE: u16 = 7;
const NFT_MSG_GETSETELEM: u16 = 13;
const NFT_MSG_GETGEN: u16 = 16;
const NFT_MSG_GETOBJ: u16 = 19;
const NFTA_GEN_ID: u16 = 1;
const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
const NFTA_SET_ELEM_LIST_SET: u16 = 2;
const NFTA_OBJ_TYPE: u16 = 3;
const NFT_OBJECT_COUNTER: u32 = 1;

/// What to dump.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// Every table (`NFT_MSG_GETTABLE`).
    Tables,
    /// Every chain (`NFT_MSG_GETCHAIN`).
    Chains,
    /// Every rule, by table and chain, in the order of evaluation (`NFT_MSG_GETRULE`).
    Rules,
    /// Every named counter (`NFT_MSG_GETOBJ`).
    Counters,
    /// The elements of one set or map (`NFT_MSG_GETSETELEM`).
    Elements {
        /// The family of its table.
        family: u8,
        /// Its table.
        table: &'a [u8],
        /// Its name.
        set: &'a [u8],
    },
}

/// One message of a dump.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The family of the table that it belongs to (`NFPROTO_*`).
    pub family: u8,
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

/// Netlink attributes, one after another. Ends early at bytes that are no attribute.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a>(pub &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, kind) = (usize::from(native_u16(self.0, 0)?), native_u16(self.0, 2)?);
        let Some(payload) = self.0.get(4..length) else {
            self.0 = &[];
            return None;
        };
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The two upper bits say "nested" and "network byte order".
        Some((kind & 0x3fff, payload))
    }
}

impl<'a> Attributes<'a> {
    /// The payload of the first attribute of that kind.
    pub fn find(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find_map(|(this, payload)| (this == kind).then_some(payload))
    }

    /// The attributes inside the first attribute of that kind; none when there is none.
    pub fn inside(self, kind: u16) -> Attributes<'a> {
        Attributes(self.find(kind).unwrap_or_default())
    }

    /// A number of 32 bits.
    pub fn number(self, kind: u16) -> Option<u32> {
        big_u32(self.find(kind)?)
    }

    /// A number of 64 bits.
    pub fn long(self, kind: u16) -> Option<u64> {
        big_u64(self.find(kind)?)
    }

    /// A string, without the NUL at its end.
    pub fn string(self, kind: u16) -> Option<&'a [u8]> {
        self.find(kind).map(until_nul)
    }
}

/// The bytes before the first NUL.
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number of 32 bits in network byte order.
pub fn big_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.first_chunk()?))
}

/// A number of 64 bits in network byte order.
pub fn big_u64(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.first_chunk()?))
}

fn native_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn native_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Whether nftables is a module of this kernel that nobody has loaded. Asking the kernel for its rules would load it; and
/// what is not loaded has no rules.
pub fn is_not_loaded() -> bool {
    let Ok(release) = std::fs::read_to_string("/proc/sys/kernel/osrelease") else { return false };
    let module = format!("/lib/modules/{}/kernel/net/netfilter/nf_tables.ko", release.trim());
    !Path::new("/sys/module/nf_tables").exists()
        && ["", ".xz", ".zst", ".gz"].iter().any(|packed| Path::new(&format!("{module}{packed}")).exists())
}

/// A connection to nftables. It sees the network namespace of the thread that opened it.
pub struct NfTables {
    answers: Answers,
    buffer: Vec<u8>,
    sequence: u32,
}

/// Where its answers come from.
enum Answers {
    /// The kernel, over this socket.
    Kernel(OwnedFd),
    /// Messages of earlier dumps, one after another.
    Recorded(Vec<u8>),
}

impl NfTables {
    /// Opens it. The kernel lets anyone open it, and refuses the questions (EPERM) to those without `CAP_NET_ADMIN`.
    pub fn open() -> io::Result<Self> {
        Ok(NfTables { answers: Answers::Kernel(connect()?), buffer: vec![0; BUFFER], sequence: 0 })
    }

    /// One that answers from the messages of earlier dumps (`struct nlmsghdr` and what follows), one after another.
    pub fn recorded(messages: Vec<u8>) -> Self {
        NfTables { answers: Answers::Recorded(messages), buffer: Vec::new(), sequence: 0 }
    }

    /// The generation of the rule set: it changes with every change of the rules (`NFT_MSG_GETGEN`).
    pub fn generation(&mut self) -> io::Result<u32> {
        if let Answers::Recorded(_) = self.answers {
            return Ok(0);
        }
        self.ask(NFT_MSG_GETGEN, NLM_F_REQUEST, 0, &[])?;
        let received = self.receive()?;
        let message = Messages(self.buffer.get(..received).unwrap_or_default())
            .next()
            .ok_or_else(|| malformed("an empty answer"))??;
        if message.kind == NLMSG_ERROR {
            return Err(error_in(message.payload).unwrap_or_else(|| malformed("an error without a number")));
        }
        let attributes = Attributes(message.payload.get(NFGEN_HEADER..).unwrap_or_default());
        attributes.number(NFTA_GEN_ID).ok_or_else(|| malformed("no generation in the answer"))
    }

    /// Dumps what is asked for, message by message, until `each` breaks off. Says whether the rule set changed
    /// meanwhile, so that the dump may have holes.
    pub fn dump(&mut self, ask: Ask<'_>, each: &mut dyn FnMut(Message<'_>) -> ControlFlow<()>) -> io::Result<bool> {
        let mut attributes = Vec::new();
        let (kind, family) = match ask {
            Ask::Tables => (NFT_MSG_GETTABLE, 0),
            Ask::Chains => (NFT_MSG_GETCHAIN, 0),
            Ask::Rules => (NFT_MSG_GETRULE, 0),
            Ask::Counters => {
                attribute(&mut attributes, NFTA_OBJ_TYPE, &NFT_OBJECT_COUNTER.to_be_bytes());
                (NFT_MSG_GETOBJ, 0)
            }
            Ask::Elements { family, table, set } => {
                attribute(&mut attributes, NFTA_SET_ELEM_LIST_TABLE, &[table, &[0]].concat());
                attribute(&mut attributes, NFTA_SET_ELEM_LIST_SET, &[set, &[0]].concat());
                (NFT_MSG_GETSETELEM, family)
            }
        };
        if let Answers::Recorded(messages) = &self.answers {
            return replay(messages, kind, ask, each);
        }
        self.ask(kind, NLM_F_REQUEST | NLM_F_DUMP, family, &attributes)?;
        let mut interrupted = false;
        loop {
            let received = self.receive()?;
            for message in Messages(self.buffer.get(..received).unwrap_or_default()) {
                let message = message?;
                if message.sequence != self.sequence {
                    continue;
                }
                interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
                match message.kind {
                    NLMSG_DONE | NLMSG_ERROR => return error_in(message.payload).map_or(Ok(interrupted), Err),
                    _ => {}
                }
                if each(message.read()?).is_break() {
                    // The rest of the dump would come in answer to the next question.
                    self.answers = Answers::Kernel(connect()?);
                    return Ok(interrupted);
                }
            }
        }
    }

    fn ask(&mut self, kind: u16, flags: u16, family: u8, attributes: &[u8]) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = NLMSG_HEADER + NFGEN_HEADER + attributes.len();
        let mut request = Vec::with_capacity(length);
        request.extend_from_slice(&u32::try_from(length).map_err(io::Error::other)?.to_ne_bytes());
        request.extend_from_slice(&(NFNL_SUBSYS_NFTABLES | kind).to_ne_bytes());
        request.extend_from_slice(&flags.to_ne_bytes());
        request.extend_from_slice(&self.sequence.to_ne_bytes());
        request.extend_from_slice(&0_u32.to_ne_bytes());
        request.extend_from_slice(&[family, 0, 0, 0]);
        request.extend_from_slice(attributes);
        send(self.socket()?, &request, MsgFlags::empty())?;
        Ok(())
    }

    fn socket(&self) -> io::Result<RawFd> {
        match &self.answers {
            Answers::Kernel(socket) => Ok(socket.as_raw_fd()),
            Answers::Recorded(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn receive(&mut self) -> io::Result<usize> {
        let socket = self.socket()?;
        loop {
            match recv(socket, &mut self.buffer, MsgFlags::MSG_TRUNC) {
                Err(nix::Error::EINTR) => {}
                Err(nix::Error::EAGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) if length > self.buffer.len() => return Err(malformed("a message too long for its buffer")),
                Ok(length) => return Ok(length),
            }
        }
    }
}

/// Answers a question of that kind from the messages of earlier dumps.
fn replay(
    messages: &[u8],
    question: u16,
    ask: Ask<'_>,
    each: &mut dyn FnMut(Message<'_>) -> ControlFlow<()>,
) -> io::Result<bool> {
    // `NFT_MSG_NEWTABLE` answers `NFT_MSG_GETTABLE`, and so on.
    let answer = NFNL_SUBSYS_NFTABLES | (question - 1);
    for message in Messages(messages) {
        let message = message?;
        if message.kind != answer {
            continue;
        }
        let message = message.read()?;
        if let Ask::Elements { family, table, set } = ask {
            let name = |kind| message.attributes.string(kind).unwrap_or_default();
            if (message.family, name(NFTA_SET_ELEM_LIST_TABLE), name(NFTA_SET_ELEM_LIST_SET)) != (family, table, set) {
                continue;
            }
        }
        if each(message).is_break() {
            break;
        }
    }
    Ok(false)
}

fn connect() -> io::Result<OwnedFd> {
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_SECONDS))?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    Ok(socket)
}

fn attribute(out: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    // Names of tables and sets are at most 256 bytes long.
    let length = u16::try_from(4 + payload.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("nfnetlink gave {what}"))
}

/// The error at the head of an `NLMSG_ERROR` or `NLMSG_DONE`; none when it says 0.
fn error_in(payload: &[u8]) -> Option<io::Error> {
    let number = native_u32(payload, 0)?.cast_signed();
    (number < 0).then(|| io::Error::from_raw_os_error(number.saturating_neg()))
}

struct Raw<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'a [u8],
}

impl<'a> Raw<'a> {
    fn read(&self) -> io::Result<Message<'a>> {
        let Some((header, attributes)) = self.payload.split_at_checked(NFGEN_HEADER) else {
            return Err(malformed("a message without its header"));
        };
        let family = header.first().copied().unwrap_or_default();
        Ok(Message { family, attributes: Attributes(attributes) })
    }
}

struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = io::Result<Raw<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.0);
        let read = || {
            let length = usize::try_from(native_u32(bytes, 0)?).ok()?;
            let raw = Raw {
                kind: native_u16(bytes, 4)?,
                flags: native_u16(bytes, 6)?,
                sequence: native_u32(bytes, 8)?,
                payload: bytes.get(NLMSG_HEADER..length)?,
            };
            Some((raw, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
        };
        match read() {
            Some((raw, rest)) => {
                self.0 = rest;
                Some(Ok(raw))
            }
            None => Some(Err(malformed("a message that is cut short"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attributes_are_found_by_kind_and_the_nested_bit_is_no_part_of_it() {
        let mut bytes = Vec::new();
        attribute(&mut bytes, 3, b"abc\0");
        attribute(&mut bytes, 0x8004, &7_u32.to_be_bytes());
        let attributes = Attributes(&bytes);
        assert_eq!(attributes.string(3), Some(&b"abc"[..]));
        assert_eq!(attributes.number(4), Some(7));
        assert_eq!(attributes.find(5), None);
    }

    #[test]
    fn an_attribute_longer_than_its_message_ends_the_list() {
        assert_eq!(Attributes(&[200, 0, 1, 0, 9]).next(), None);
        assert_eq!(Attributes(&[3, 0, 1, 0, 9]).next(), None);
    }

    #[test]
    fn a_message_that_is_cut_short_is_an_error_not_an_end() {
        assert!(Messages(&[20, 0, 0, 0, 1]).next().is_some_and(|message| message.is_err()));
        assert!(Messages(&[]).next().is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reading_of_messages_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for message in Messages(&bytes).take(100).flatten() {
                error_in(message.payload);
                Attributes(message.payload).for_each(drop);
            }
            prop_assert!(Attributes(&bytes).count() <= 50);
        }
    }
}
