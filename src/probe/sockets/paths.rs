//! TCP connections by the network of their remote end: where segments are lost, and who does not answer. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::growth::{Growth, is_local, sent};
use super::output::Path;
use crate::sys::sock_diag::{LISTEN, SYN_RECV, SYN_SENT, SocketRow, TIME_WAIT, Transport};

/// Most networks that are told apart.
const KEPT: usize = 4096;

/// Most networks in the result.
const LISTED: usize = 64;

/// What is known of the connections of each network.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths {
    by_network: HashMap<IpAddr, OfNetwork>,
    /// Connections of networks beyond those.
    others: u64,
}

/// A sum of which it is known whether anything went into it.
#[derive(Debug, Clone, Copy, Default)]
struct Sum(Option<u64>);

impl Sum {
    fn add(&mut self, part: Option<u64>) {
        if let Some(part) = part {
            self.0 = Some(self.0.unwrap_or(0).saturating_add(part));
        }
    }
}

#[derive(Debug, Clone, Default)]
struct OfNetwork {
    /// The address of the connection that stands for the others, by what was sent again and what it moved.
    worst: Option<((u64, u64), IpAddr)>,
    connections: u32,
    closed: u32,
    rx: Sum,
    tx: Sum,
    segments: Sum,
    retransmits: Sum,
    out_of_order: Sum,
    rtt_microseconds: u64,
    rtts: u32,
    mtu: Option<u32>,
    unanswered: u32,
    stalled: u32,
    stalled_from_start: u32,
    window_closed: u32,
}

/// The network of an address, by its first address, and how it is written.
fn network(address: IpAddr) -> (IpAddr, u8) {
    match address {
        IpAddr::V4(v4) => (Ipv4Addr::from_bits(v4.to_bits() & !0xff).into(), 24),
        IpAddr::V6(v6) => (Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80).into(), 48),
    }
}

impl OfNetwork {
    fn add(&mut self, row: &SocketRow, growth: &Growth) {
        self.rx.add(growth.rx);
        self.tx.add(growth.tx);
        self.segments.add(growth.segments);
        self.retransmits.add(growth.retransmits);
        self.out_of_order.add(growth.out_of_order);
        let moved = growth.rx.unwrap_or(0).saturating_add(growth.tx.unwrap_or(0));
        let rank = (growth.retransmits.unwrap_or(0), moved);
        if self.worst.is_none_or(|(worst, _)| rank > worst) {
            self.worst = Some((rank, row.remote));
        }
    }

    fn add_open(&mut self, row: &SocketRow, growth: &Growth) {
        self.connections = self.connections.saturating_add(1);
        self.add(row, growth);
        let Some(info) = row.info else { return };
        if row.state == SYN_SENT {
            self.unanswered += u32::from(info.timeouts > 0);
            return;
        }
        if info.rtt_microseconds > 0 {
            self.rtt_microseconds = self.rtt_microseconds.saturating_add(u64::from(info.rtt_microseconds));
            self.rtts += 1;
        }
        if info.path_mtu > 0 {
            self.mtu = Some(self.mtu.map_or(info.path_mtu, |mtu| mtu.min(info.path_mtu)));
        }
        let waits = row.send_queue > 0;
        if waits && info.timeouts >= 2 {
            self.stalled += 1;
            let full = info.segment_bytes > 0 && row.send_queue >= info.segment_bytes;
            let none_arrived = sent(row).is_some_and(|bytes| bytes < u64::from(info.segment_bytes));
            self.stalled_from_start += u32::from(full && none_arrived);
        } else if waits && info.probes > 0 {
            // A connection that is probed because it is silent has nothing waiting.
            self.window_closed += 1;
        }
    }

    fn row(&self, first: IpAddr, length: u8) -> Path {
        Path {
            network: format!("{first}/{length}"),
            address: self.worst.map_or(first, |(_, address)| address),
            connections: self.connections,
            closed: self.closed,
            rx_bytes: self.rx.0,
            tx_bytes: self.tx.0,
            segments: self.segments.0,
            retransmits: self.retransmits.0,
            out_of_order: self.out_of_order.0,
            rtt_ms: (self.rtts > 0).then(|| self.rtt_microseconds as f64 / f64::from(self.rtts) / 1000.0),
            mtu: self.mtu,
            unanswered: self.unanswered,
            stalled: self.stalled,
            stalled_from_start: self.stalled_from_start,
            window_closed: self.window_closed,
        }
    }
}

impl Paths {
    /// The network of a connection, where there is room: at most so many.
    fn of(&mut self, row: &SocketRow, most: usize) -> Option<&mut OfNetwork> {
        if is_local(row) || row.remote.is_unspecified() {
            return None;
        }
        let (first, _) = network(row.remote);
        if self.by_network.len() >= most && !self.by_network.contains_key(&first) {
            self.others = self.others.saturating_add(1);
            return None;
        }
        Some(self.by_network.entry(first).or_default())
    }

    /// Adds a connection that closed within the window.
    pub(super) fn add_closed(&mut self, row: &SocketRow, growth: &Growth) {
        // Half of the room is for those that are still open: what they wait for is what is asked.
        if let Some(of) = self.of(row, KEPT / 2) {
            of.closed = of.closed.saturating_add(1);
            of.add(row, growth);
        }
    }

    /// The list, with the connections that are open at the end, and how many connections are not in it.
    pub(super) fn with_open<'a>(
        mut self,
        sockets: impl Iterator<Item = (&'a SocketRow, &'a Growth)>,
    ) -> (Vec<Path>, u64) {
        for (row, growth) in sockets {
            let open = row.transport == Transport::Tcp && !matches!(row.state, LISTEN | SYN_RECV | TIME_WAIT);
            if let Some(of) = open.then(|| self.of(row, KEPT)).flatten() {
                of.add_open(row, growth);
            }
        }
        let mut ranked: Vec<(IpAddr, OfNetwork)> = self.by_network.into_iter().collect();
        ranked.sort_by_key(|(first, of)| {
            let trouble = u64::from(of.stalled + of.unanswered).saturating_add(of.retransmits.0.unwrap_or(0));
            (Reverse((trouble, u64::from(of.connections) + u64::from(of.closed))), *first)
        });
        let rest = ranked.split_off(ranked.len().min(LISTED));
        let left_out = rest.iter().map(|(_, of)| u64::from(of.connections) + u64::from(of.closed));
        let left_out = left_out.fold(self.others, u64::saturating_add);
        (ranked.iter().map(|(first, of)| of.row(*first, network(*first).1)).collect(), left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sock_diag::{ESTABLISHED, TcpInfo};

    fn row(remote: [u8; 4], info: TcpInfo) -> SocketRow {
        SocketRow { remote: remote.into(), local: [192, 0, 2, 1].into(), info: Some(info), ..SocketRow::default() }
    }

    fn open(rows: &[(SocketRow, Growth)]) -> (Vec<Path>, u64) {
        Paths::default().with_open(rows.iter().map(|(row, growth)| (row, growth)))
    }

    fn moved(segments: u64, retransmits: u64) -> Growth {
        Growth { segments: Some(segments), retransmits: Some(retransmits), ..Growth::default() }
    }

    #[test]
    fn connections_to_one_network_are_one_path_and_the_worst_of_them_is_named() {
        let info = TcpInfo { rtt_microseconds: 20_000, path_mtu: 1500, ..TcpInfo::default() };
        let worse = TcpInfo { rtt_microseconds: 40_000, path_mtu: 1400, ..info };
        let rows = [
            (row([198, 51, 100, 7], info), moved(100, 1)),
            (row([198, 51, 100, 9], worse), moved(50, 9)),
            (row([203, 0, 113, 5], info), moved(10, 0)),
        ];
        let (paths, left_out) = open(&rows);
        assert_eq!((paths.len(), left_out), (2, 0));
        let first = &paths[0];
        assert_eq!((first.network.as_str(), first.address), ("198.51.100.0/24", [198, 51, 100, 9].into()));
        assert_eq!((first.connections, first.segments, first.retransmits), (2, Some(150), Some(10)));
        assert_eq!((first.rtt_ms, first.mtu), (Some(30.0), Some(1400)));
        assert_eq!((paths[1].retransmits, paths[1].out_of_order), (Some(0), None));
    }

    #[test]
    fn what_stands_still_from_its_first_full_segment_on_is_told_from_what_broke_off() {
        let info = TcpInfo { timeouts: 3, segment_bytes: 1448, bytes_acked: Some(42), ..TcpInfo::default() };
        let of = |info, send_queue| (SocketRow { send_queue, ..row([203, 0, 113, 5], info) }, Growth::default());
        let later = TcpInfo { bytes_acked: Some(90_000), ..info };
        let once = TcpInfo { timeouts: 1, ..info };
        let (paths, _) = open(&[of(info, 2896), of(info, 200), of(later, 2896), of(once, 2896), of(info, 0)]);
        assert_eq!((paths[0].connections, paths[0].stalled, paths[0].stalled_from_start), (5, 3, 1));
    }

    #[test]
    fn a_closed_window_is_no_stall_and_a_silent_connection_that_is_probed_is_neither() {
        let info = TcpInfo { probes: 2, segment_bytes: 1448, ..TcpInfo::default() };
        let of = |send_queue| (SocketRow { send_queue, ..row([203, 0, 113, 5], info) }, Growth::default());
        let (paths, _) = open(&[of(5000), of(0)]);
        assert_eq!((paths[0].window_closed, paths[0].stalled), (1, 0));
    }

    #[test]
    fn what_waits_for_its_first_answer_is_unanswered_once_its_syn_was_sent_again() {
        let of = |timeouts| {
            let info = TcpInfo { timeouts, ..TcpInfo::default() };
            (SocketRow { state: SYN_SENT, ..row([203, 0, 113, 5], info) }, Growth::default())
        };
        let (paths, _) = open(&[of(0), of(2)]);
        assert_eq!((paths[0].connections, paths[0].unanswered, paths[0].rtt_ms), (2, 1, None));
    }

    #[test]
    fn this_hosts_own_connections_are_no_path_and_closed_ones_count() {
        let own = SocketRow { remote: [127, 0, 0, 1].into(), state: ESTABLISHED, ..SocketRow::default() };
        let mut paths = Paths::default();
        paths.add_closed(&row([198, 51, 100, 7], TcpInfo::default()), &moved(30, 4));
        let (paths, _) = paths.with_open([(&own, &Growth::default())].into_iter());
        assert_eq!((paths.len(), paths[0].connections, paths[0].closed), (1, 0, 1));
        assert_eq!((paths[0].segments, paths[0].retransmits), (Some(30), Some(4)));
    }

    #[test]
    fn networks_beyond_those_that_are_kept_are_counted() {
        let mut all = Paths::default();
        for n in 0..(KEPT as u32 + 10) {
            let remote = Ipv4Addr::from_bits(0x0b00_0000 + (n << 8) + 1);
            all.add_closed(&row(remote.octets(), TcpInfo::default()), &moved(1, 0));
        }
        let (paths, left_out) = all.with_open([].into_iter());
        assert_eq!((paths.len(), left_out), (LISTED, (KEPT - LISTED + 10) as u64));
    }
}
