//! Counts connections that may have been opened here by the remote end that they go to, while sockets are listed. Pure, but for the
//! range.

use std::collections::HashMap;
use std::fs;
use std::net::IpAddr;

use crate::sys::sock_diag::{ESTABLISHED, LISTEN, SYN_RECV, SYN_SENT, SocketRow, TIME_WAIT, Transport};

/// Most remote ends that are told apart at a time.
const KEPT: usize = 8192;

/// Where connections come from and go to: the local address, the remote one, and the port there.
pub(super) type Ends = (IpAddr, IpAddr, u16);

/// Connections to one remote end, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) all: u32,
    pub(super) established: u32,
    pub(super) time_wait: u32,
    pub(super) syn_sent: u32,
    /// The local port of the last.
    pub(super) port: u16,
}

/// The count while sockets are listed. Those of all states are in it, kept ones or not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The ports that the kernel chooses from; none where they are not known, and nothing is counted.
    pub(super) range: Option<(u16, u16)>,
    pub(super) by_ends: HashMap<Ends, Count>,
    /// Connections of ends that were forgotten, since others had more.
    pub(super) forgotten: u64,
    /// Ends with so many connections, or fewer, were forgotten at the last time.
    least: u32,
}

/// Whether it is a connection that may have been opened here.
pub(super) fn counts(row: &SocketRow) -> bool {
    row.transport == Transport::Tcp && !matches!(row.state, LISTEN | SYN_RECV | 12) && row.remote_port != 0
}

impl Tally {
    /// For the range of ports that the kernel chooses from, of the calling thread's network namespace.
    pub(super) fn here() -> Self {
        let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
        Tally::of_range(range.as_deref().and_then(read_range))
    }

    pub(super) fn of_range(range: Option<(u16, u16)>) -> Self {
        Tally { range, ..Tally::default() }
    }

    /// Forgets what was added.
    pub(super) fn begin_anew(&mut self) {
        *self = Tally::of_range(self.range);
    }

    /// Adds a socket, if it is a connection that may have been opened here. That nothing listens on its port is not known yet:
    /// clients of a service that does are each an end of their own, and none of them comes to anything.
    pub(super) fn add(&mut self, row: &SocketRow) {
        let chosen = self.range.is_some_and(|(first, last)| (first..=last).contains(&row.local_port));
        if !chosen || !counts(row) {
            return;
        }
        let ends = (row.local, row.remote, row.remote_port);
        if self.by_ends.len() >= KEPT && !self.by_ends.contains_key(&ends) {
            self.forget_the_least();
        }
        let count = self.by_ends.entry(ends).or_default();
        count.all += 1;
        count.port = row.local_port;
        match row.state {
            ESTABLISHED => count.established += 1,
            TIME_WAIT => count.time_wait += 1,
            SYN_SENT => count.syn_sent += 1,
            _ => {}
        }
    }

    /// Makes room: half of what is kept, at least. Who has many has more than those that go; who comes back later lacks at most
    /// as many as went.
    fn forget_the_least(&mut self) {
        while self.by_ends.len() > KEPT / 2 {
            self.least += 1;
            let least = self.least;
            let forgotten = &mut self.forgotten;
            self.by_ends.retain(|_, count| {
                let stays = count.all > least;
                *forgotten += if stays { 0 } else { u64::from(count.all) };
                stays
            });
        }
    }
}

/// The first and the last port of `32768\t60999`.
pub(super) fn read_range(text: &str) -> Option<(u16, u16)> {
    let mut words = text.split_ascii_whitespace().map(str::parse);
    Some((words.next()?.ok()?, words.next()?.ok()?))
}
