//! The result of the probe.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Process;

/// The host's TCP and UDP sockets, who holds them, and what TCP moved in the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sockets {
    /// Seconds between the two looks.
    pub seconds: f64,
    /// Where the TCP sockets come from: `sock_diag`, or `proc` (`/proc/net/*`), which knows neither bytes nor backlogs.
    pub source: String,
    /// Sockets by state, at the end of the window.
    pub counts: Counts,
    /// Listening TCP sockets and all UDP sockets: those that drop or queue most first, then by port; at most 4,096.
    pub listeners: Vec<Listener>,
    /// Listeners that match the parameters but are not in `listeners`, because there are more than 4,096.
    pub listeners_left_out: u64,
    /// TCP connections, those that received most in the window first, `limit` of them. Half-open and TIME_WAIT ones are
    /// listed only when the parameter `state` asks for them.
    pub connections: Vec<Connection>,
    /// Connections that match the parameters but are not in `connections`.
    pub connections_left_out: u64,
    /// Processes that hold sockets, or that received or sent something in the window and have ended; those that received most
    /// first, `limit` of them. Whole as long as all that received something could be seen; None when no owner of any socket
    /// could be, and one may have received something.
    pub processes: Option<Vec<ProcessTraffic>>,
    /// Processes that hold sockets but are not in `processes`.
    pub processes_left_out: u64,
    /// What processes took from UDP ports of this network namespace in the window: workers that share a port or a socket are
    /// told apart, and who ended within the window is there too. Most bytes first, at most 1,024. None where it was not
    /// counted (see `processes.udp_rx_bytes`).
    #[serde(default)]
    pub udp_receivers: Option<Vec<UdpReceiver>>,
    /// Rows of UDP ports and processes that are not in `udp_receivers`.
    #[serde(default)]
    pub udp_receivers_left_out: u64,
    /// TCP payload received in the window by the connections that are open at its end (growth of `tcpi_bytes_received`).
    /// Segments that were received but are no payload in order (retransmitted, refused, half-open) are not in it.
    pub tcp_rx_bytes: Option<u64>,
    /// TCP payload sent and acknowledged in the window by the connections that are open at its end (growth of
    /// `tcpi_bytes_acked`; a SYN counts as one byte).
    pub tcp_tx_bytes: Option<u64>,
    /// Of the TCP payload received, by connections open at the end or closed within the window, what went to sockets
    /// whose owner could not be named.
    pub unowned_rx_bytes: Option<u64>,
    /// Bytes of files that all processes of the machine changed in the window (`nr_dirtied` of `/proc/vmstat`): no process
    /// can have written more to storage. Files in memory (tmpfs) do not count. None where the kernel does not count it.
    #[serde(default)]
    pub machine_written_bytes: Option<u64>,
    /// Connections that closed within the window; none when the kernel does not tell.
    pub closed: Option<Closed>,
    /// Processes with TCP connections that wait for their first answer (SYN_SENT) at the end of the window, most first, at
    /// most 16: who scans or floods by connect(2).
    #[serde(default)]
    pub opening: Vec<Opening>,
    /// The TCP connections that processes began to open within the window (connect(2)), by process and remote port, whatever became of
    /// them: also those that were refused at once and that no list of sockets can show. Those to loopback addresses do not count. Most
    /// connections first, at most 64. None where nobody counted them.
    #[serde(default)]
    pub opened: Option<Vec<Opened>>,
    /// Connections of processes and to ports that are not in `opened`.
    #[serde(default)]
    pub opened_left_out: u64,
    /// TCP connections by the remote end that they go to, of those whose local port is one that the kernel chooses for what is
    /// opened here (`net.ipv4.ip_local_port_range`) and that nothing listens on: the ports run out for each remote end by
    /// itself. Those of all states count, ended ones (TIME_WAIT) too. Most connections first, at most 16. None where the range
    /// is not known.
    #[serde(default)]
    pub outgoing: Option<Vec<Outgoing>>,
    /// Such connections to remote ends that are not in `outgoing`.
    #[serde(default)]
    pub outgoing_left_out: u64,
    /// TCP connections by the network of their remote end, without those of this host to itself: those that most was sent again
    /// to first, then those with most connections; at most 64. None where the kernel does not tell.
    #[serde(default)]
    pub paths: Option<Vec<Path>>,
    /// Connections of networks that are not in `paths`.
    #[serde(default)]
    pub paths_left_out: u64,
    /// Raw, ping and packet sockets, without casebook's own, at most 64: what they send bears any address and port, and nothing
    /// counts it. None where they could not be listed.
    #[serde(default)]
    pub raw: Option<Vec<RawSocket>>,
    /// Unix sockets (stream) at which connections wait to be accepted at the end of the window, most first, at most 64: an
    /// application server behind a path instead of a port. One at which nobody waits is not listed. None where they could not be seen.
    #[serde(default)]
    pub unix_listeners: Option<Vec<UnixListener>>,
    /// The sockets of other network namespaces, the busiest first; null where nobody asked for them, and where none could be
    /// looked into.
    #[serde(default)]
    pub elsewhere: Option<Vec<SocketsElsewhere>>,
    /// How many other namespaces are not in it.
    #[serde(default)]
    pub elsewhere_left_out: u64,
}

/// What a process took from a UDP port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UdpReceiver {
    /// The process that made the calls: of several that share a socket each its own part.
    pub process: Process,
    /// Local address of the socket; `0.0.0.0` or `::` where it takes what comes to any.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Local port.
    pub port: u16,
    /// Payload that its calls returned. A datagram that is longer than the buffer counts with what fitted, or with its whole
    /// length where the call asked for that (`MSG_TRUNC`).
    pub rx_bytes: u64,
    /// Datagrams that its calls returned. One call may return several as one (`UDP_GRO`).
    pub rx_datagrams: u64,
}

/// What a process opened to a remote port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// The process.
    pub process: Process,
    /// The port of the remotes; none for all those beyond the eight that most went to.
    pub remote_port: Option<u16>,
    /// Connections that it began to open.
    pub connections: u64,
}

/// A process that opens connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opening {
    /// The process; none where the holder of the sockets was not seen.
    pub process: Option<Process>,
    /// Where it was not: the systemd unit or container that they were opened in. What is not seen of several units is a row each.
    #[serde(default)]
    pub unit: Option<String>,
    /// Its connections that wait for their first answer.
    pub connections: u32,
    /// Those of them that have waited for a second and more: their SYN was sent again (`tcpi_retransmits`).
    #[serde(default)]
    pub waiting: u32,
    /// The address to which most of them go; of those that have waited for a second, where there are such.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub remote_address: Option<IpAddr>,
    /// The port there.
    #[serde(default)]
    pub remote_port: Option<u16>,
    /// How many of them go to that port of that address.
    #[serde(default)]
    pub to_remote: Option<u32>,
    /// The address of this host that one of those comes from: that of the interface by which the way leads.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub local_address: Option<IpAddr>,
    /// Remote ends, address and port, that they go to; 1,024 where there are more.
    #[serde(default)]
    pub remotes: Option<u32>,
}

/// The connections from an address of this host to a port of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outgoing {
    /// The address of this host that they come from.
    #[schemars(with = "String")]
    pub local_address: IpAddr,
    /// The address that they go to.
    #[schemars(with = "String")]
    pub remote_address: IpAddr,
    /// The port there.
    pub remote_port: u16,
    /// All of them: so many ports of this host are taken for that remote end. Where there are thousands of remote ends it may
    /// lack a few.
    pub connections: u32,
    /// Those that are open on both sides.
    pub established: u32,
    /// Those that have ended, and hold their port for a minute.
    pub time_wait: u32,
    /// Those that wait for their first answer.
    pub syn_sent: u32,
    /// Those that `process`, or else one whose name is not known, holds.
    pub held: u32,
    /// The process that holds most of those that have not ended; none where no holder was seen, and where all have ended.
    pub process: Option<Process>,
    /// Where no process was seen that holds them: the systemd unit or container that they were opened in.
    pub unit: Option<String>,
}

/// The TCP connections to and from a network: how the way there and back is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Path {
    /// The network: IPv4 /24, IPv6 /48.
    pub network: String,
    /// An address in it: that of the connection on which most was sent again, else of the one that moved most.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Connections that are open at the end of the window, those that are being opened or closed included.
    pub connections: u32,
    /// Connections that closed within the window.
    pub closed: u32,
    /// Payload received in the window, by those that closed, too (growth of `tcpi_bytes_received`).
    pub rx_bytes: Option<u64>,
    /// Payload sent and acknowledged in the window (growth of `tcpi_bytes_acked`).
    pub tx_bytes: Option<u64>,
    /// Segments with payload sent in the window, those sent again included (growth of `tcpi_data_segs_out`, Linux 4.6).
    pub segments: Option<u64>,
    /// Segments sent again in the window, SYNs too (growth of `tcpi_total_retrans`).
    pub retransmits: Option<u64>,
    /// Segments that came out of order in the window: some before them were lost, or overtaken (growth of `tcpi_rcv_ooopack`,
    /// Linux 5.4).
    pub out_of_order: Option<u64>,
    /// Smoothed round trip time, the mean of the open connections, in milliseconds (`tcpi_rtt`).
    pub rtt_ms: Option<f64>,
    /// The least MTU that is known of the way to them, in bytes (`tcpi_pmtu`).
    pub mtu: Option<u32>,
    /// Connections from here that get no answer: their SYN was sent again.
    pub unanswered: u32,
    /// Connections with payload under way that was sent again twice or more, and that nobody acknowledges.
    pub stalled: u32,
    /// Those of them with a full segment or more under way of which no full segment was ever acknowledged: large ones may not
    /// get through (MTU).
    pub stalled_from_start: u32,
    /// Connections whose peer takes no more for now: its receive window is closed, and payload waits here.
    pub window_closed: u32,
}

/// A socket below TCP and UDP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RawSocket {
    /// `raw` (`SOCK_RAW` of IP), `ping` (ICMP by `SOCK_DGRAM`) or `packet` (`AF_PACKET`).
    pub kind: String,
    /// Its IP protocol, or the EtherType of what it receives (3: every one, 0: none, it only sends).
    pub number: u16,
    /// The process that holds it: of several the one with the lowest id; none where it was not seen.
    pub process: Option<Process>,
}

/// A Unix socket at which connections wait to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnixListener {
    /// The path that it is bound to, or its abstract name behind `@`, control characters escaped.
    pub name: String,
    /// The process that holds it: of several the one with the lowest id; none where it was not seen.
    pub process: Option<Process>,
    /// How many processes hold it; 0 when none could be seen.
    pub owners: u32,
    /// Connections that wait to be accepted.
    pub queue: u32,
    /// How many did when the window began; none without a window.
    pub queue_before: Option<u32>,
    /// So many may wait, and one more: whoever comes then waits in `connect`, or is turned away (`EAGAIN`) where it does not wait.
    pub backlog: u32,
    /// The process that most of those who wait belong to; none where that was not seen.
    pub client: Option<Process>,
}

/// Sockets by state, at the end of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Established TCP connections.
    pub tcp_established: u64,
    /// Half-open ones: a SYN came, the handshake is not complete.
    pub tcp_syn_recv: u64,
    /// Ended ones that wait for stray segments.
    pub tcp_time_wait: u64,
    /// Ones that the peer has closed and the process has not: many mean that it forgets to.
    pub tcp_close_wait: u64,
    /// Listening TCP sockets.
    pub tcp_listen: u64,
    /// TCP sockets in any other state.
    pub tcp_other: u64,
    /// UDP sockets.
    pub udp: u64,
}

/// A listening TCP socket, or a UDP socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listener {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Local address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Local port.
    pub port: u16,
    /// It takes what comes to any address of the host.
    pub any_address: bool,
    /// The process that holds it: of several the one with the lowest id, systemd only when nobody else does.
    pub process: Option<Process>,
    /// Where no process was seen that holds it: the systemd unit or container that it was made in, by its control group
    /// (`INET_DIAG_CGROUP_ID`, Linux 5.8), which needs no privilege. None where that is not known either.
    #[serde(default)]
    pub unit: Option<String>,
    /// How many processes hold it; 0 when none could be seen.
    pub owners: u32,
    /// Whether the kernel itself holds it (NFS, WireGuard …): true when every process of this network namespace could be
    /// seen and none holds it; none when that could not be told.
    pub in_kernel: Option<bool>,
    /// TCP: connections that wait to be accepted. UDP: bytes that wait to be read, with the kernel's overhead.
    pub queue: u32,
    /// TCP: the limit of the accept queue; the listener is overrun when `queue` is above it.
    pub backlog: Option<u32>,
    /// TCP: half-open connections to this address and port, of all its listeners together.
    pub syn_recv: u32,
    /// UDP: datagrams dropped in the window because its buffer was full (growth of `SK_MEMINFO_DROPS`).
    pub drops: Option<u64>,
    /// UDP: the same since the socket was made.
    pub drops_total: Option<u64>,
    /// UDP: size of the receive buffer in bytes, which the kernel's overhead counts against.
    pub receive_buffer: Option<u32>,
    /// UDP: it has a peer, and takes nothing from others.
    pub connected: bool,
    /// Whether it takes what is for addresses that are not this host's, as transparent proxies do (`IP_TRANSPARENT`); none
    /// where the kernel does not say.
    #[serde(default)]
    pub transparent: Option<bool>,
    /// UDP: its peer.
    #[schemars(with = "Option<String>")]
    pub remote_address: Option<IpAddr>,
    /// UDP: its peer's port.
    pub remote_port: Option<u16>,
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// `tcp`.
    pub protocol: String,
    /// Local address.
    #[schemars(with = "String")]
    pub local_address: IpAddr,
    /// Local port.
    pub local_port: u16,
    /// Remote address.
    #[schemars(with = "String")]
    pub remote_address: IpAddr,
    /// Remote port.
    pub remote_port: u16,
    /// `established`, `syn_sent`, `syn_recv`, `fin_wait1`, `fin_wait2`, `time_wait`, `close`, `close_wait`, `last_ack` or
    /// `closing`.
    pub state: String,
    /// `remote` when something here listens on the local port, `local` when nothing does and the port is one that the
    /// kernel chooses for outgoing connections; none when neither tells.
    pub opened_by: Option<String>,
    /// The process that holds it. Of several the one with the highest id, but not the one that listens on the port: a
    /// server leaves a connection to the child that it forks for it.
    pub process: Option<Process>,
    /// Where no process was seen that holds it: the systemd unit or container that it, or its listener, was made in, as of
    /// a listener.
    #[serde(default)]
    pub unit: Option<String>,
    /// Payload received in the window (growth of `tcpi_bytes_received`); all of it when the connection is new.
    pub rx_bytes: Option<u64>,
    /// Payload sent and acknowledged in the window (growth of `tcpi_bytes_acked`); all of it when the connection is new,
    /// with the SYN as one byte.
    pub tx_bytes: Option<u64>,
    /// Payload received since it began.
    pub rx_total: Option<u64>,
    /// Payload sent and acknowledged since it began.
    pub tx_total: Option<u64>,
    /// Payload received, bits per second, mean of the window.
    pub rx_bits_per_second: Option<f64>,
    /// Bytes received that the process has not read.
    pub rx_queue: u32,
    /// Bytes sent that the peer has not acknowledged.
    pub tx_queue: u32,
    /// Smoothed round trip time in milliseconds (`tcpi_rtt`).
    pub rtt_ms: Option<f64>,
    /// Segments sent again in the window (growth of `tcpi_total_retrans`).
    pub retransmits: Option<u64>,
    /// Times in a row that what is under way was sent again and not acknowledged; of `syn_sent` the SYN (`tcpi_retransmits`).
    #[serde(default)]
    pub timeouts: Option<u32>,
    /// Seconds since payload was sent, or since it began (`tcpi_last_data_sent`); none for `syn_sent`.
    #[serde(default)]
    pub sent_seconds_ago: Option<f64>,
    /// Seconds since payload came, or since it began (`tcpi_last_data_recv`); none for `syn_sent`.
    #[serde(default)]
    pub received_seconds_ago: Option<f64>,
}

/// A process and what its sockets moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessTraffic {
    /// The process.
    pub process: Process,
    /// TCP connections that it holds at the end of the window.
    pub connections: u32,
    /// TCP ports that it listens on, at most 64.
    pub listening_ports: Vec<u16>,
    /// UDP sockets that it holds.
    pub udp_sockets: u32,
    /// TCP payload received in the window, by connections that closed within it too. Of those that also began in it, the
    /// owner is taken to be the listener of their local port. For UDP see `udp_rx_bytes`.
    pub rx_bytes: Option<u64>,
    /// TCP payload sent and acknowledged in the window, likewise.
    pub tx_bytes: Option<u64>,
    /// Of `rx_bytes`, what came from this host itself.
    pub local_rx_bytes: Option<u64>,
    /// `rx_bytes` as bits per second.
    pub rx_bits_per_second: Option<f64>,
    /// What it read and wrote in the window; none for a process that began within it, and where it may not be seen.
    pub io: Option<ProcessIo>,
    /// Whether it could keep nothing of what it received: true when, at the end of the window, it has no descriptor open
    /// for writing but sockets, `/dev/null`, `/dev/full`, terminals and anonymous inodes (`/proc/PID/fd`,
    /// `/proc/PID/fdinfo`). Pipes, files and block devices make it false; memory mappings are not looked at. None when it
    /// received nothing by TCP and holds no UDP socket, when there was no window, and when its descriptors could not be
    /// seen or are too many.
    #[serde(alias = "writes_to_nothing")]
    pub discards_input: Option<bool>,
    /// Whether it holds sockets that are neither TCP nor UDP (Unix, Netlink, packet …), standard input, output and error
    /// apart: what it hands on by them is not counted. None where not all of its descriptors were looked at.
    #[serde(default)]
    pub other_sockets: Option<bool>,
    /// By how much the memory that it holds, in RAM and swap, grew in the window (`VmRSS` and `VmSwap` of
    /// `/proc/PID/status`): what it received may be there. 0 when it shrank; none for a process that began within the
    /// window.
    #[serde(default)]
    pub memory_growth_bytes: Option<u64>,
    /// How many other processes hold one of its sockets: workers of a server that forks them beforehand, or a child that
    /// is to do the writing.
    #[serde(default)]
    pub sharers: u32,
    /// What those wrote in the window, as `io` has it of the process itself; only what reached storage of those that have
    /// nothing open to keep it by. None without any, and where one of them could not be followed.
    #[serde(default)]
    pub sharers_written_bytes: Option<u64>,
    /// Of `rx_bytes`, what connections received that began and closed in the window: who held them was not seen, the
    /// listener of their port is taken for it.
    #[serde(default)]
    pub assumed_rx_bytes: Option<u64>,
    /// Whether it ignores the end of its children (`SIGCHLD`): if not, `io` holds what those did that it has buried.
    /// None without a window.
    #[serde(default)]
    pub ignores_children: Option<bool>,
    /// CPU time in the window as a share of one CPU, all its threads together: above 1 when it uses several.
    pub cpu_share: Option<f64>,
    /// UDP payload that its own calls took from sockets in the window, whoever else holds them (tracepoint
    /// `sock:sock_recv_length`, Linux 6.3). Datagrams that were only looked at (`MSG_PEEK`) do not count. A datagram that is
    /// longer than the buffer counts with what fitted, or with its whole length where the call asked for that (`MSG_TRUNC`).
    #[serde(default)]
    pub udp_rx_bytes: Option<u64>,
    /// How many datagrams those were. One call may return several as one (`UDP_GRO`).
    #[serde(default)]
    pub udp_rx_datagrams: Option<u64>,
    /// UDP payload that it sent in the window, as far as the kernel took it (tracepoint `sock:sock_send_length`).
    #[serde(default)]
    pub udp_tx_bytes: Option<u64>,
    /// How many calls sent it. One call may send several datagrams (`UDP_SEGMENT`).
    #[serde(default)]
    pub udp_tx_datagrams: Option<u64>,
    /// TCP payload that its own calls took from connections in the window, whoever else holds those. What it moved by
    /// `splice`, `sendfile` from a socket, or `TCP_ZEROCOPY_RECEIVE` is not in it.
    #[serde(default)]
    pub tcp_read_bytes: Option<u64>,
    /// TCP payload that its own calls gave to connections in the window, acknowledged or not.
    #[serde(default)]
    pub tcp_written_bytes: Option<u64>,
}

/// What a process read and wrote in the window (`/proc/PID/io`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessIo {
    /// Bytes returned by `read` of any kind, files and sockets (`rchar`). `recv` and `recvmsg` do not count.
    pub read_bytes: u64,
    /// Bytes passed to `write` of any kind, files and sockets (`wchar`), and `/dev/null` too: see `discards_input`.
    pub written_bytes: u64,
    /// Bytes fetched from storage (`read_bytes`).
    pub disk_read_bytes: u64,
    /// Bytes sent to storage (`write_bytes`).
    pub disk_written_bytes: u64,
}

/// TCP connections that closed within the window (`SKNLGRP_INET_TCP_DESTROY`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// How many.
    pub connections: u64,
    /// Payload that they received in the window; the peer's FIN may count as one byte each.
    pub rx_bytes: u64,
    /// Payload that they sent in the window, with SYN and FIN as one byte each.
    pub tx_bytes: u64,
    /// By local port, of the ports that something listens on; those that received most first, at most 256.
    pub by_local_port: Vec<ClosedPort>,
}

/// Closed connections of one local port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClosedPort {
    /// The local port.
    pub port: u16,
    /// How many.
    pub connections: u64,
    /// Payload that they received in the window.
    pub rx_bytes: u64,
    /// Payload that they sent in the window.
    pub tx_bytes: u64,
}

/// The sockets of another network namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SocketsElsewhere {
    /// Its number, as in `/proc/PID/ns/net`, and in the result of `namespaces`.
    pub namespace: u64,
    /// For people: `container web`.
    pub label: String,
    /// A process that lives there, by its id on this host; null where the namespace has only a name.
    pub pid: Option<i32>,
    /// Interfaces of the namespace that is looked from that lead there, or that an interface of it stands on; at most 8. Empty
    /// where it does not meet this one.
    pub ends: Vec<String>,
    /// Seconds between the two looks.
    pub seconds: f64,
    /// Its sockets by state, at the end of the window.
    pub counts: Counts,
    /// Listening TCP sockets and UDP sockets: those that drop or queue most first, at most 64.
    pub listeners: Vec<Listener>,
    /// Listeners that are not in the list.
    pub listeners_left_out: u64,
    /// TCP connections, those that received most in the window first, at most 32.
    pub connections: Vec<Connection>,
    /// Connections that are not in the list.
    pub connections_left_out: u64,
    /// TCP connections of which 32 KiB or more waited to be read at both ends of the window: those with most first, at most 8.
    /// Empty where there was no window.
    #[serde(default)]
    pub unread: Vec<Unread>,
    /// Processes that hold its sockets, those that received most first, at most 16.
    pub processes: Vec<ProcessElsewhere>,
    /// Payload that its connections received in the window, without those that closed within it.
    pub tcp_rx_bytes: Option<u64>,
    /// The same of what they sent.
    pub tcp_tx_bytes: Option<u64>,
}

/// A TCP connection whose process does not read what came, or more slowly than it comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// Local address.
    #[schemars(with = "String")]
    pub local_address: IpAddr,
    /// Local port.
    pub local_port: u16,
    /// Remote address.
    #[schemars(with = "String")]
    pub remote_address: IpAddr,
    /// Remote port.
    pub remote_port: u16,
    /// The process that holds it; null where that was not found.
    pub process: Option<Process>,
    /// Bytes that wait to be read, at the end of the window.
    pub queue: u32,
    /// The same at its beginning.
    pub queue_before: u32,
    /// Payload that came in the window: none comes where the window that is announced is closed.
    pub rx_bytes: Option<u64>,
}

/// A process and what its sockets in another network namespace moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessElsewhere {
    /// The process, by its id on this host.
    pub process: Process,
    /// TCP connections that it holds there.
    pub connections: u32,
    /// TCP payload received in the window, without connections that closed within it.
    pub rx_bytes: Option<u64>,
    /// TCP payload sent and acknowledged in the window, likewise.
    pub tx_bytes: Option<u64>,
}
