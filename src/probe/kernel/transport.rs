//! Counters of TCP and UDP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sample::{Growth, Table};

/// Growth of the counters of TCP, over IPv4 and IPv6 together as the kernel keeps them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tcp {
    /// Segments that came in, also those with errors (`Tcp: InSegs`).
    pub in_segs: Option<u64>,
    /// Segments sent, without retransmitted ones (`Tcp: OutSegs`).
    pub out_segs: Option<u64>,
    /// Segments that were malformed or had a wrong checksum (`Tcp: InErrs`).
    pub in_errors: Option<u64>,
    /// Resets sent, as for closed ports (`Tcp: OutRsts`).
    pub out_rsts: Option<u64>,
    /// Connections that this host began to open (`Tcp: ActiveOpens`).
    pub active_opens: Option<u64>,
    /// Connections that others opened and this host completed (`Tcp: PassiveOpens`).
    pub passive_opens: Option<u64>,
    /// Connections that failed before they were open (`Tcp: AttemptFails`).
    pub attempt_fails: Option<u64>,
    /// Open connections that were reset (`Tcp: EstabResets`).
    pub established_resets: Option<u64>,
    /// Segments sent again (`Tcp: RetransSegs`).
    pub retransmitted: Option<u64>,
    /// SYNs and SYN-ACKs sent again: many mean handshakes that do not complete (`TcpExt: TCPSynRetrans`).
    pub syn_retransmitted: Option<u64>,
    /// Half-open connections that were reset by the other side (`TcpExt: EmbryonicRsts`).
    pub embryonic_resets: Option<u64>,
    /// Segments with a wrong checksum (`Tcp: InCsumErrors`).
    pub in_csum_errors: Option<u64>,
    /// Handshakes that ended at a full accept queue: the program does not accept fast enough (`TcpExt: ListenOverflows`).
    pub listen_overflows: Option<u64>,
    /// SYNs and handshakes that a listener dropped, for full queues and other reasons (`TcpExt: ListenDrops`).
    pub listen_drops: Option<u64>,
    /// SYN cookies sent because a SYN queue was full (`TcpExt: SyncookiesSent`).
    pub syncookies_sent: Option<u64>,
    /// SYN cookies that came back valid: handshakes that completed all the same (`TcpExt: SyncookiesRecv`).
    pub syncookies_received: Option<u64>,
    /// Acknowledgements that were no valid SYN cookie (`TcpExt: SyncookiesFailed`).
    pub syncookies_failed: Option<u64>,
    /// SYNs that found the queue full and were answered with cookies (`TcpExt: TCPReqQFullDoCookies`).
    pub req_q_full_do_cookies: Option<u64>,
    /// SYNs that found the queue full and were dropped, cookies being off (`TcpExt: TCPReqQFullDrop`).
    pub req_q_full_drop: Option<u64>,
    /// Segments dropped because the socket's backlog was full (`TcpExt: TCPBacklogDrop`).
    pub backlog_drop: Option<u64>,
    /// Segments dropped because the receive queue was full (`TcpExt: TCPRcvQDrop`).
    pub rcv_q_drop: Option<u64>,
    /// Segments dropped from a receive queue to free memory (`TcpExt: RcvPruned`).
    pub rcv_pruned: Option<u64>,
    /// Segments that came though the receive window was closed (`TcpExt: TCPZeroWindowDrop`).
    pub zero_window_drop: Option<u64>,
    /// Out-of-order segments for which there was no memory (`TcpExt: TCPOFODrop`).
    pub out_of_order_drop: Option<u64>,
    /// Times that a connection closed its receive window: the program reads too slowly (`TcpExt: TCPToZeroWindowAdv`).
    pub windows_closed: Option<u64>,
    /// Times that TCP came under memory pressure (`TcpExt: TCPMemoryPressures`).
    pub memory_pressures: Option<u64>,
    /// Connections given up for lack of memory (`TcpExt: TCPAbortOnMemory`).
    pub aborted_on_memory: Option<u64>,
    /// Connections given up because the other side stayed silent (`TcpExt: TCPAbortOnTimeout`).
    pub aborted_on_timeout: Option<u64>,
    /// Challenge acknowledgements sent for segments that do not fit their connection (`TcpExt: TCPChallengeACK`).
    pub challenge_acks: Option<u64>,
    /// Connections that skipped TIME-WAIT because there were too many (`TcpExt: TCPTimeWaitOverflow`).
    pub time_wait_overflows: Option<u64>,
    /// Connections that are open at the end of the window; no growth (`Tcp: CurrEstab`).
    pub established: Option<u64>,
}

/// Growth of the counters of UDP, in datagrams.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Udp {
    /// Datagrams that programs received (`InDatagrams`); those still queued are in it.
    pub in_datagrams: Option<u64>,
    /// Datagrams sent (`OutDatagrams`); those of `sndbuf_errors` are not among them.
    pub out_datagrams: Option<u64>,
    /// Datagrams that were not sent for want of room (`SndbufErrors`). The name misleads: they are mostly drops at the egress, by the
    /// queueing discipline, by traffic control or by a rule of the netdev family there, of which the sender is told nothing; a full
    /// send buffer makes the sender wait.
    #[serde(default)]
    pub sndbuf_errors: Option<u64>,
    /// Datagrams to a port on which nothing listens (`NoPorts`).
    pub no_ports: Option<u64>,
    /// Datagrams that could not be delivered for another reason, the two next ones included (`InErrors`).
    pub in_errors: Option<u64>,
    /// Datagrams dropped because the receive buffer of their socket was full (`RcvbufErrors`).
    pub rcvbuf_errors: Option<u64>,
    /// Datagrams dropped because UDP was out of memory (`MemErrors`).
    pub mem_errors: Option<u64>,
    /// Datagrams with a wrong checksum (`InCsumErrors`).
    pub in_csum_errors: Option<u64>,
    /// Broadcast and multicast datagrams that nothing listens to (`IgnoredMulti`).
    pub ignored_multi: Option<u64>,
}

impl Tcp {
    /// Takes its figures from the growth of the counters; how many are established is a state and not among them.
    pub fn from_growth(growth: &mut Growth, established: Option<u64>) -> Self {
        use Table::{Netstat, Snmp};
        Tcp {
            in_segs: growth.of("tcp.in_segs", Snmp, "Tcp.InSegs"),
            out_segs: growth.of("tcp.out_segs", Snmp, "Tcp.OutSegs"),
            in_errors: growth.of("tcp.in_errors", Snmp, "Tcp.InErrs"),
            out_rsts: growth.of("tcp.out_rsts", Snmp, "Tcp.OutRsts"),
            active_opens: growth.of("tcp.active_opens", Snmp, "Tcp.ActiveOpens"),
            passive_opens: growth.of("tcp.passive_opens", Snmp, "Tcp.PassiveOpens"),
            attempt_fails: growth.of("tcp.attempt_fails", Snmp, "Tcp.AttemptFails"),
            established_resets: growth.of("tcp.established_resets", Snmp, "Tcp.EstabResets"),
            retransmitted: growth.of("tcp.retransmitted", Snmp, "Tcp.RetransSegs"),
            syn_retransmitted: growth.of("tcp.syn_retransmitted", Netstat, "TcpExt.TCPSynRetrans"),
            embryonic_resets: growth.of("tcp.embryonic_resets", Netstat, "TcpExt.EmbryonicRsts"),
            in_csum_errors: growth.of("tcp.in_csum_errors", Snmp, "Tcp.InCsumErrors"),
            listen_overflows: growth.of("tcp.listen_overflows", Netstat, "TcpExt.ListenOverflows"),
            listen_drops: growth.of("tcp.listen_drops", Netstat, "TcpExt.ListenDrops"),
            syncookies_sent: growth.of("tcp.syncookies_sent", Netstat, "TcpExt.SyncookiesSent"),
            syncookies_received: growth.of("tcp.syncookies_received", Netstat, "TcpExt.SyncookiesRecv"),
            syncookies_failed: growth.of("tcp.syncookies_failed", Netstat, "TcpExt.SyncookiesFailed"),
            req_q_full_do_cookies: growth.of("tcp.req_q_full_do_cookies", Netstat, "TcpExt.TCPReqQFullDoCookies"),
            req_q_full_drop: growth.of("tcp.req_q_full_drop", Netstat, "TcpExt.TCPReqQFullDrop"),
            backlog_drop: growth.of("tcp.backlog_drop", Netstat, "TcpExt.TCPBacklogDrop"),
            rcv_q_drop: growth.of("tcp.rcv_q_drop", Netstat, "TcpExt.TCPRcvQDrop"),
            rcv_pruned: growth.of("tcp.rcv_pruned", Netstat, "TcpExt.RcvPruned"),
            zero_window_drop: growth.of("tcp.zero_window_drop", Netstat, "TcpExt.TCPZeroWindowDrop"),
            out_of_order_drop: growth.of("tcp.out_of_order_drop", Netstat, "TcpExt.TCPOFODrop"),
            windows_closed: growth.of("tcp.windows_closed", Netstat, "TcpExt.TCPToZeroWindowAdv"),
            memory_pressures: growth.of("tcp.memory_pressures", Netstat, "TcpExt.TCPMemoryPressures"),
            aborted_on_memory: growth.of("tcp.aborted_on_memory", Netstat, "TcpExt.TCPAbortOnMemory"),
            aborted_on_timeout: growth.of("tcp.aborted_on_timeout", Netstat, "TcpExt.TCPAbortOnTimeout"),
            challenge_acks: growth.of("tcp.challenge_acks", Netstat, "TcpExt.TCPChallengeACK"),
            time_wait_overflows: growth.of("tcp.time_wait_overflows", Netstat, "TcpExt.TCPTimeWaitOverflow"),
            established: established.or_else(|| growth.of("tcp.established", Snmp, "Tcp.CurrEstab")),
        }
    }
}

impl Udp {
    /// Takes the figures of IPv4 and IPv6 together from the growth of the counters.
    pub fn from_growth(growth: &mut Growth) -> Self {
        let mut both =
            |path, v4: &'static str, v6: &'static str| growth.sum(path, &[(Table::Snmp, v4), (Table::Snmp6, v6)]);
        Udp {
            in_datagrams: both("udp.in_datagrams", "Udp.InDatagrams", "Udp6.InDatagrams"),
            out_datagrams: both("udp.out_datagrams", "Udp.OutDatagrams", "Udp6.OutDatagrams"),
            sndbuf_errors: both("udp.sndbuf_errors", "Udp.SndbufErrors", "Udp6.SndbufErrors"),
            no_ports: both("udp.no_ports", "Udp.NoPorts", "Udp6.NoPorts"),
            in_errors: both("udp.in_errors", "Udp.InErrors", "Udp6.InErrors"),
            rcvbuf_errors: both("udp.rcvbuf_errors", "Udp.RcvbufErrors", "Udp6.RcvbufErrors"),
            mem_errors: both("udp.mem_errors", "Udp.MemErrors", "Udp6.MemErrors"),
            in_csum_errors: both("udp.in_csum_errors", "Udp.InCsumErrors", "Udp6.InCsumErrors"),
            ignored_multi: both("udp.ignored_multi", "Udp.IgnoredMulti", "Udp6.IgnoredMulti"),
        }
    }
}
