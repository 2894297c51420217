//! Unix sockets that listen, from the kernel's socket diagnosis, with how many connections wait at each. None of it needs a privilege.

use std::io;
use std::ops::ControlFlow;

use nix::sys::socket::SockProtocol;

use super::netlink_dump::{NetlinkDump, attributes, read_u32};
use super::sock_diag::LISTEN;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `UDIAG_SHOW_NAME` and `UDIAG_SHOW_RQLEN`.
const NAME_AND_QUEUE: u32 = 0x1 | 0x10;
/// `UDIAG_SHOW_ICONS`.
const INCOMING: u32 = 0x8;
/// `UNIX_DIAG_NAME`.
const NAME: u16 = 0;
/// `UNIX_DIAG_ICONS`: inodes of the sockets that wait to be accepted.
const ICONS: u16 = 3;
/// `UNIX_DIAG_RQLEN`: of a listening socket the connections that wait, and how many may.
const RQLEN: u16 = 4;

/// A Unix socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixListenerRow {
    /// What it is bound to; an abstract name begins with a zero byte.
    pub name: Vec<u8>,
    /// Its inode.
    pub inode: u32,
    /// The two halves of the kernel's name of it.
    cookie: [u32; 2],
    /// Connections that wait to be accepted.
    pub queue: u32,
    /// Who comes when more than so many wait is turned away, or waits in `connect`.
    pub backlog: u32,
}

/// A door to the kernel's diagnosis of Unix sockets.
#[derive(Debug)]
pub struct UnixDiag {
    netlink: NetlinkDump,
}

impl UnixDiag {
    /// Opens it in the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        Ok(UnixDiag { netlink: NetlinkDump::open(SockProtocol::NetlinkSockDiag)? })
    }

    /// Hands over each Unix socket that listens.
    pub fn listeners(&mut self, mut each: impl FnMut(UnixListenerRow)) -> io::Result<()> {
        // Who waits is not asked for here: an answer that finds no room in a message ends the dump without a word.
        let request = request(1 << LISTEN, 0, NAME_AND_QUEUE, [0; 2]);
        self.netlink.dump(BY_FAMILY, &request, |_, payload| {
            if let Some(row) = parse_listener(payload) {
                each(row);
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// The inodes of the sockets that wait to be accepted there; the kernel tells them of a thousand at most, else it refuses.
    pub fn waiting(&mut self, listener: &UnixListenerRow) -> io::Result<Vec<u32>> {
        let request = request(0, listener.inode, INCOMING, listener.cookie);
        let answer = self.netlink.ask(BY_FAMILY, &request, |_, payload| parse_waiting(payload))?;
        Ok(answer.unwrap_or_default())
    }
}

/// `struct unix_diag_req`.
fn request(states: u32, inode: u32, show: u32, cookie: [u32; 2]) -> [u8; 24] {
    let mut request = [0; 24];
    request[0] = libc::AF_UNIX as u8;
    for (place, word) in [states, inode, show, cookie[0], cookie[1]].into_iter().enumerate() {
        let at = 4 + 4 * place;
        request[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }
    request
}

/// `struct unix_diag_msg` and its attributes, of a socket that listens.
pub fn parse_listener(payload: &[u8]) -> Option<UnixListenerRow> {
    let [_, _, LISTEN, ..] = *payload else { return None };
    let cookie = [read_u32(payload, 8)?, read_u32(payload, 12)?];
    let mut row = UnixListenerRow { name: Vec::new(), inode: read_u32(payload, 4)?, cookie, queue: 0, backlog: 0 };
    let mut counted = false;
    for (kind, value) in attributes(payload.get(16..)?) {
        match kind {
            NAME => row.name = value.to_vec(),
            RQLEN => {
                (row.queue, row.backlog) = (read_u32(value, 0)?, read_u32(value, 4)?);
                counted = true;
            }
            _ => {}
        }
    }
    counted.then_some(row)
}

/// The inodes in an answer about one socket.
pub fn parse_waiting(payload: &[u8]) -> Option<Vec<u32>> {
    let icons = attributes(payload.get(16..)?).find(|(kind, _)| *kind == ICONS)?.1;
    let inodes = icons.chunks_exact(4).filter_map(|bytes| read_u32(bytes, 0)).filter(|inode| *inode != 0);
    Some(inodes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    #[test]
    fn the_kernel_tells_who_waits_at_a_listener_of_our_own() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("casebook-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let client = UnixStream::connect_addr(&address).unwrap();
        let mut diagnosis = UnixDiag::open().unwrap();
        let mut found = None;
        diagnosis
            .listeners(|row| {
                if row.name.get(1..) == Some(name.as_bytes()) {
                    found = Some(row);
                }
            })
            .unwrap();
        let row = found.unwrap();
        assert_eq!(row.queue, 1);
        assert!(row.backlog >= 1 && row.inode != 0);
        let inode = nix::sys::stat::fstat(&client).unwrap().st_ino;
        assert_eq!(diagnosis.waiting(&row).unwrap(), [u32::try_from(inode).unwrap()]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(0u8.., 0..200)) {
            let _ = (parse_listener(&bytes), parse_waiting(&bytes));
        }
    }
}
