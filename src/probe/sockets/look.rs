//! A look at all sockets: by socket diagnosis, or by `/proc/net` where the kernel has none.

use super::output::Counts;
use super::proc_net;
use super::tally::Tally;
use crate::case::{Gap, Reason};
use crate::sys::sock_diag::{
    ALL_STATES, CLOSE_WAIT, ESTABLISHED, LISTEN, SYN_RECV, SockDiag, SocketRow, TIME_WAIT, Transport,
};

/// What one socket costs in memory at the widest moment: its rows of both looks, what is derived from them, its holders.
const SOCKET_BYTES: u64 = 512;
/// Sockets that are kept in any case.
const FEWEST: u64 = 4_096;

/// Where the sockets are looked at.
#[derive(Debug)]
pub(super) struct Eye {
    diagnosis: Option<SockDiag>,
    pub(super) refused: Refused,
    /// Sockets that are kept of one look.
    most: usize,
    /// Whether ended connections that wait for stray segments are kept, too. They have nothing to tell but their number.
    with_time_wait: bool,
}

/// The sockets of one look.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) rows: Vec<SocketRow>,
    /// All there were, by state.
    pub(super) counts: Counts,
    /// Sockets that were counted and not kept, since memory is bounded.
    pub(super) left_out: u64,
    /// Connections that were opened here, by remote end, those that are not kept, too; where they are asked for.
    pub(super) outgoing: Tally,
}

/// How many sockets are kept of one look, where a run may take so much memory: half of it is theirs.
pub(super) fn most_sockets(memory_bytes: u64) -> usize {
    usize::try_from((memory_bytes / 2 / SOCKET_BYTES).max(FEWEST)).unwrap_or(usize::MAX)
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
            Ok(diagnosis) => Eye { diagnosis: Some(diagnosis), ..Eye::blind() },
            Err(error) => Eye::without_diagnosis(&error),
        }
    }

    fn blind() -> Self {
        Eye { diagnosis: None, refused: Refused::default(), most: usize::MAX, with_time_wait: false }
    }

    /// Keeps so many sockets of a look at most.
    pub(super) fn keeping(mut self, most: usize, with_time_wait: bool) -> Self {
        (self.most, self.with_time_wait) = (most, with_time_wait);
        self
    }

    /// An eye that sees `/proc/net` only.
    fn without_diagnosis(error: &std::io::Error) -> Self {
        let refused = Refused { tcp: Some(refusal(error)), udp: Some(refusal(error)) };
        Eye { refused, ..Eye::blind() }
    }

    /// All sockets: TCP ones in one of `states`, or of all states where they come from `/proc/net`, and UDP ones.
    pub(super) fn look(&mut self, states: u32) -> Result<Look, Gap> {
        self.look_into(Look::default(), states)
    }

    /// All sockets, and to whom connections go that were opened here.
    pub(super) fn look_and_tally(&mut self) -> Result<Look, Gap> {
        self.look_into(Look { outgoing: Tally::here(), ..Look::default() }, ALL_STATES)
    }

    fn look_into(&mut self, mut look: Look, states: u32) -> Result<Look, Gap> {
        // Datagram sockets are few, and all of them may receive: they come first, so that there is room for them.
        self.add(Transport::Udp, ALL_STATES, &mut look)?;
        self.add(Transport::Tcp, states, &mut look)?;
        Ok(look)
    }

    fn add(&mut self, transport: Transport, states: u32, look: &mut Look) -> Result<(), Gap> {
        let (most, with_time_wait) = (self.most, self.with_time_wait);
        if let Some(diagnosis) = &mut self.diagnosis {
            let before = (look.rows.len(), look.counts, look.left_out);
            match diagnosis.dump(transport, states, |row| look.take(row, most, with_time_wait)) {
                Ok(()) => return Ok(()),
                Err(error) => match transport {
                    Transport::Tcp => self.refused.tcp = Some(refusal(&error)),
                    Transport::Udp => self.refused.udp = Some(refusal(&error)),
                },
            }
            look.rows.truncate(before.0);
            (look.counts, look.left_out) = (before.1, before.2);
            if transport == Transport::Tcp {
                look.outgoing.begin_anew();
            }
        }
        proc_net::read(transport, |row| look.take(row, most, with_time_wait))
            .map_err(|error| Gap::io("list the sockets (sock_diag, then /proc/net)", &error))
    }
}

impl Look {
    fn take(&mut self, row: SocketRow, most: usize, with_time_wait: bool) {
        self.counts.add(&row);
        self.outgoing.add(&row);
        if row.transport == Transport::Tcp && row.state == TIME_WAIT && !with_time_wait {
            return;
        }
        if self.rows.len() < most {
            self.rows.push(row);
        } else {
            self.left_out += 1;
        }
    }
}

impl Counts {
    /// The sockets of a list, by state.
    #[cfg(test)]
    pub(super) fn of(rows: &[SocketRow]) -> Self {
        let mut counts = Counts::default();
        rows.iter().for_each(|row| counts.add(row));
        counts
    }

    fn add(&mut self, row: &SocketRow) {
        let count = match (row.transport, row.state) {
            (Transport::Udp, _) => &mut self.udp,
            (_, ESTABLISHED) => &mut self.tcp_established,
            (_, SYN_RECV) => &mut self.tcp_syn_recv,
            (_, TIME_WAIT) => &mut self.tcp_time_wait,
            (_, CLOSE_WAIT) => &mut self.tcp_close_wait,
            (_, LISTEN) => &mut self.tcp_listen,
            _ => &mut self.tcp_other,
        };
        *count += 1;
    }
}

fn refusal(error: &std::io::Error) -> Gap {
    let gap = Gap::io("ask the kernel's socket diagnosis for byte counts (NETLINK_SOCK_DIAG)", error);
    match gap.reason {
        Reason::Denied => gap,
        _ => gap.to_fix("load the modules tcp_diag and udp_diag (modprobe tcp_diag udp_diag)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn sockets_beyond_what_memory_allows_are_counted_and_left_out() {
        let sockets: Vec<UdpSocket> = (0..8).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let all = Eye::open().look(ALL_STATES).unwrap();
        let some = Eye::open().keeping(3, false).look(ALL_STATES).unwrap();
        assert_eq!((some.rows.len(), all.left_out), (3, 0));
        assert!(some.left_out >= sockets.len() as u64 - 3, "{}", some.left_out);
        assert!(some.counts.udp >= sockets.len() as u64, "{:?}", some.counts);
        assert_eq!(most_sockets(128_000_000), 125_000);
        assert_eq!(most_sockets(0) as u64, FEWEST);
    }

    #[test]
    fn both_sources_show_the_same_socket() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let by_diagnosis = Eye::open().look(ALL_STATES).unwrap().rows;
        let by_proc = Eye::without_diagnosis(&std::io::ErrorKind::Unsupported.into()).look(ALL_STATES).unwrap().rows;
        let is_ours = |row: &&SocketRow| row.transport == Transport::Udp && row.local_port == port;
        let find = |rows: &[SocketRow]| *rows.iter().find(is_ours).unwrap();
        let (one, other) = (find(&by_diagnosis), find(&by_proc));
        assert_eq!((one.inode, one.local, one.state), (other.inode, other.local, other.state));
        assert_eq!((one.drops, other.drops, other.cookie), (Some(0), Some(0), 0));
    }
}
