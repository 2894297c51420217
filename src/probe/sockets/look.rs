//! A look at all sockets: by socket diagnosis, or by `/proc/net` where the kernel has none.

use super::proc_net;
use crate::case::{Gap, Reason};
use crate::sys::sock_diag::{SockDiag, SocketRow, Transport};

/// Where the sockets are looked at.
#[derive(Debug)]
pub(super) struct Eye {
    diagnosis: Option<SockDiag>,
    pub(super) refused: Refused,
}

/// Why the socket diagnosis is not used. The kernel has a module for each protocol: what one lacks, the other may have.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused {
    pub(super) tcp: Option<Gap>,
    pub(super) udp: Option<Gap>,
}

impl Eye {
    /// Opens the socket diagnosis of the calling thread's network namespace.
    pub(super) fn open() -> Self {
        match SockDiag::open() {
            Ok(diagnosis) => Eye { diagnosis: Some(diagnosis), refused: Refused::default() },
            Err(error) => Eye::without_diagnosis(&error),
        }
    }

    /// An eye that sees `/proc/net` only.
    fn without_diagnosis(error: &std::io::Error) -> Self {
        Eye { diagnosis: None, refused: Refused { tcp: Some(refusal(error)), udp: Some(refusal(error)) } }
    }

    /// All sockets of a protocol in one of `states`; of all states from `/proc/net`.
    pub(super) fn rows(&mut self, transport: Transport, states: u32) -> Result<Vec<SocketRow>, Gap> {
        let mut rows = Vec::new();
        if let Some(diagnosis) = &mut self.diagnosis {
            match diagnosis.dump(transport, states, |row| rows.push(row)) {
                Ok(()) => return Ok(rows),
                Err(error) => match transport {
                    Transport::Tcp => self.refused.tcp = Some(refusal(&error)),
                    Transport::Udp => self.refused.udp = Some(refusal(&error)),
                },
            }
            rows.clear();
        }
        proc_net::read(transport, |row| rows.push(row))
            .map_err(|error| Gap::io("list the sockets (sock_diag, then /proc/net)", &error))?;
        Ok(rows)
    }
}

fn refusal(error: &std::io::Error) -> Gap {
    let gap = Gap::io("ask the kernel's socket diagnosis for byte counts (NETLINK_SOCK_DIAG)", error);
    match gap.reason {
        Reason::Denied => gap,
        _ => gap.way_out("load the modules tcp_diag and udp_diag (modprobe tcp_diag udp_diag)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sock_diag::ALL_STATES;
    use std::net::UdpSocket;

    #[test]
    fn both_sources_show_the_same_socket() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let by_diagnosis = Eye::open().rows(Transport::Udp, ALL_STATES).unwrap();
        let by_proc =
            Eye::without_diagnosis(&std::io::ErrorKind::Unsupported.into()).rows(Transport::Udp, ALL_STATES).unwrap();
        let find = |rows: &[SocketRow]| *rows.iter().find(|row| row.local_port == port).unwrap();
        let (one, other) = (find(&by_diagnosis), find(&by_proc));
        assert_eq!((one.inode, one.local, one.state), (other.inode, other.local, other.state));
        assert_eq!((one.drops, other.drops, other.cookie), (Some(0), Some(0), 0));
    }
}
