//! What each socket took in and gave out between two looks: by cookie, since addresses and ports are used again. Pure.

use std::collections::HashMap;

use crate::sys::sock_diag::{CLOSE_WAIT, CLOSING, FIN_WAIT2, LAST_ACK, SocketRow};

/// A socket at the first look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Earlier {
    pub(super) inode: u32,
    /// Bytes that waited to be read.
    pub(super) unread: u32,
    rx: Option<u64>,
    tx: Option<u64>,
    retransmits: Option<u32>,
    segments: Option<u32>,
    out_of_order: Option<u32>,
    drops: Option<u32>,
}

/// The sockets of the first look, by cookie.
#[derive(Debug, Default)]
pub(super) struct Before {
    sockets: HashMap<u64, Earlier>,
    /// Some sockets were left out: one that is not here may have been there all the same.
    partial: bool,
}

/// Growth of one socket over the window; none where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Growth {
    pub(super) rx: Option<u64>,
    pub(super) tx: Option<u64>,
    pub(super) retransmits: Option<u64>,
    /// Segments with payload sent.
    pub(super) segments: Option<u64>,
    /// Segments that came out of order.
    pub(super) out_of_order: Option<u64>,
    pub(super) drops: Option<u64>,
}

impl Before {
    /// Adds a socket.
    pub(super) fn add(&mut self, row: &SocketRow) {
        if row.cookie != 0 {
            let earlier = Earlier {
                inode: row.inode,
                unread: row.receive_queue,
                rx: received(row),
                tx: sent(row),
                retransmits: row.info.map(|info| info.total_retransmits),
                segments: row.info.and_then(|info| info.data_segments_sent),
                out_of_order: row.info.and_then(|info| info.out_of_order),
                drops: row.drops,
            };
            self.sockets.insert(row.cookie, earlier);
        }
    }

    /// Some sockets were left out.
    pub(super) fn is_partial(&mut self) {
        self.partial = true;
    }

    /// What the socket was at the first look.
    pub(super) fn get(&self, cookie: u64) -> Option<&Earlier> {
        self.sockets.get(&cookie)
    }

    /// Growth of a socket since the first look; of one that was not there yet, all that it has. A count that went
    /// backwards is not known. Without cookies nothing is.
    pub(super) fn growth(&self, row: &SocketRow) -> Growth {
        if row.cookie == 0 {
            return Growth::default();
        }
        let earlier = self.get(row.cookie);
        if earlier.is_none() && self.partial {
            return Growth::default();
        }
        let since = |now: Option<u64>, before: fn(&Earlier) -> Option<u64>| match earlier {
            None => now,
            Some(earlier) => now?.checked_sub(before(earlier)?),
        };
        let retransmits = row.info.map(|info| info.total_retransmits);
        let (segments, out_of_order) =
            row.info.map_or((None, None), |info| (info.data_segments_sent, info.out_of_order));
        // The kernel's counters of drops and of segments have 32 bits and begin anew at 0.
        let since_32 = |now: Option<u32>, before: fn(&Earlier) -> Option<u32>| match earlier {
            None => now.map(u64::from),
            Some(earlier) => Some(u64::from(now?.wrapping_sub(before(earlier)?))),
        };
        Growth {
            rx: since(received(row), |earlier| earlier.rx),
            tx: since(sent(row), |earlier| earlier.tx),
            retransmits: since_32(retransmits, |earlier| earlier.retransmits),
            segments: since_32(segments, |earlier| earlier.segments),
            out_of_order: since_32(out_of_order, |earlier| earlier.out_of_order),
            drops: since_32(row.drops, |earlier| earlier.drops),
        }
    }
}

/// Bytes of payload received. The peer's FIN, which the kernel counts as a byte, is taken off where the state tells of it.
pub(super) fn received(row: &SocketRow) -> Option<u64> {
    let ended = matches!(row.state, CLOSE_WAIT | LAST_ACK | CLOSING);
    row.info?.bytes_received.map(|bytes| bytes.saturating_sub(u64::from(ended)))
}

/// Bytes sent and acknowledged. Our FIN is taken off likewise; the SYN of a connection that was opened here is not.
pub(super) fn sent(row: &SocketRow) -> Option<u64> {
    row.info?.bytes_acked.map(|bytes| bytes.saturating_sub(u64::from(row.state == FIN_WAIT2)))
}

/// Whether both ends of a connection are this host's: over loopback, or from an address to itself.
pub(super) fn is_local(row: &SocketRow) -> bool {
    row.remote.is_loopback() || row.remote == row.local
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sock_diag::{ESTABLISHED, TcpInfo};

    fn row(cookie: u64, state: u8, received: u64) -> SocketRow {
        let info = TcpInfo { bytes_received: Some(received), bytes_acked: Some(5), ..TcpInfo::default() };
        SocketRow { cookie, state, info: Some(info), ..SocketRow::default() }
    }

    fn before(rows: &[SocketRow]) -> Before {
        let mut before = Before::default();
        rows.iter().for_each(|row| before.add(row));
        before
    }

    #[test]
    fn the_peers_fin_is_no_byte_of_payload() {
        let before = before(&[row(7, ESTABLISHED, 100)]);
        assert_eq!(before.growth(&row(7, ESTABLISHED, 350)).rx, Some(250));
        assert_eq!(before.growth(&row(7, CLOSE_WAIT, 351)).rx, Some(250));
    }

    #[test]
    fn another_connection_with_the_same_ports_is_told_apart_and_counts_whole() {
        let before = before(&[row(7, ESTABLISHED, 100)]);
        assert_eq!(before.growth(&row(8, ESTABLISHED, 30)).rx, Some(30));
    }

    #[test]
    fn where_sockets_were_left_out_one_that_is_not_known_is_not_new() {
        let mut before = before(&[row(7, ESTABLISHED, 100)]);
        before.is_partial();
        assert_eq!(before.growth(&row(8, ESTABLISHED, 30)), Growth::default());
        assert_eq!(before.growth(&row(7, ESTABLISHED, 130)).rx, Some(30));
    }

    #[test]
    fn without_a_cookie_or_counts_nothing_is_known_of_growth() {
        let before = before(&[row(0, ESTABLISHED, 100)]);
        assert_eq!(before.growth(&row(0, ESTABLISHED, 300)), Growth::default());
        let bare = SocketRow { cookie: 9, ..SocketRow::default() };
        assert_eq!(before.growth(&bare), Growth::default());
    }

    #[test]
    fn a_count_of_bytes_that_went_backwards_is_unknown_not_negative() {
        let before = before(&[row(7, ESTABLISHED, 100)]);
        assert_eq!(before.growth(&row(7, ESTABLISHED, 99)).rx, None);
    }

    #[test]
    fn a_count_of_drops_that_passed_its_32_bits_goes_on() {
        let of = |drops| SocketRow { cookie: 3, drops: Some(drops), ..SocketRow::default() };
        assert_eq!(before(&[of(u32::MAX)]).growth(&of(9)).drops, Some(10));
    }
}
