//! Connections that closed within the window: the kernel tells their last byte counts to whoever listens.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::growth::{Before, is_local};
use super::paths::Paths;
use crate::sys::sock_diag::{DestroyedSockets, SocketRow};

/// How often the news are fetched. At a hundred thousand closings a second, its queue lasts three times as long.
const EVERY: Duration = Duration::from_millis(50);

/// What connections that closed within the window moved in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) connections: u64,
    pub(super) rx_bytes: u64,
    pub(super) tx_bytes: u64,
    /// Of what they received, what came from this host itself.
    pub(super) local_rx_bytes: u64,
}

/// All that closed.
#[derive(Debug, Default)]
pub(super) struct ClosedSockets {
    pub(super) all: Moved,
    /// By local port, of the ports that something listens on. Others are chosen afresh for each connection.
    pub(super) by_port: BTreeMap<u16, Moved>,
    /// By inode, of the connections that were open when the window began; for naming their processes.
    pub(super) by_inode: HashMap<u32, Moved>,
    /// By local port, of those connections on listening ports that began and ended within the window.
    pub(super) short_by_port: BTreeMap<u16, Moved>,
    /// By the network of their remote end.
    pub(super) paths: Paths,
    /// Some news were lost because they came faster than they could be fetched.
    pub(super) lost: bool,
}

impl Moved {
    fn add(&mut self, row: &SocketRow, rx_bytes: u64, tx_bytes: u64) {
        if is_local(row) {
            self.local_rx_bytes = self.local_rx_bytes.saturating_add(rx_bytes);
        }
        self.connections += 1;
        self.rx_bytes = self.rx_bytes.saturating_add(rx_bytes);
        self.tx_bytes = self.tx_bytes.saturating_add(tx_bytes);
    }
}

impl ClosedSockets {
    /// Adds one connection. `listening` tells whether something listens on a port.
    pub(super) fn add(&mut self, row: &SocketRow, before: &Before, listening: impl Fn(u16) -> bool) {
        let growth = before.growth(row);
        let (rx, tx) = (growth.rx.unwrap_or(0), growth.tx.unwrap_or(0));
        self.all.add(row, rx, tx);
        self.paths.add_closed(row, &growth);
        let listening = listening(row.local_port);
        if listening {
            self.by_port.entry(row.local_port).or_default().add(row, rx, tx);
        }
        match before.get(row.cookie) {
            Some(earlier) if earlier.inode != 0 => self.by_inode.entry(earlier.inode).or_default().add(row, rx, tx),
            _ if listening => self.short_by_port.entry(row.local_port).or_default().add(row, rx, tx),
            _ => {}
        }
    }

    /// Collects until told to stop.
    pub(super) fn collect(
        news: &mut DestroyedSockets,
        before: &Before,
        listening: impl Fn(u16) -> bool,
        stop: &AtomicBool,
    ) -> io::Result<Self> {
        let mut closed = ClosedSockets::default();
        loop {
            let last = stop.load(Ordering::Acquire);
            let lost = news.drain(|row| closed.add(&row, before, &listening))?;
            closed.lost |= lost;
            if last {
                return Ok(closed);
            }
            std::thread::park_timeout(EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sock_diag::{CLOSE, TcpInfo};

    fn row(cookie: u64, inode: u32, local_port: u16, received: u64) -> SocketRow {
        let info = TcpInfo { bytes_received: Some(received), bytes_acked: Some(1), ..TcpInfo::default() };
        SocketRow { cookie, inode, local_port, state: CLOSE, info: Some(info), ..SocketRow::default() }
    }

    #[test]
    fn a_connection_that_was_open_before_counts_from_there_and_a_new_one_whole() {
        let mut before = Before::default();
        before.add(&row(1, 77, 443, 1_000));
        let mut closed = ClosedSockets::default();
        for row in [row(1, 0, 443, 1_500), row(2, 0, 443, 80), row(3, 0, 51_000, 9)] {
            closed.add(&row, &before, |port| port == 443);
        }
        assert_eq!((closed.all.connections, closed.all.rx_bytes), (3, 589));
        assert_eq!((closed.by_port[&443].rx_bytes, closed.by_port.len()), (580, 1));
        assert_eq!((closed.by_inode[&77].rx_bytes, closed.short_by_port[&443].rx_bytes), (500, 80));
    }
}
