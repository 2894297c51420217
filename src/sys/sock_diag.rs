//! TCP and UDP sockets from the kernel's socket diagnosis, with their byte counts. None of it needs a privilege.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, setsockopt, socket, sockopt,
};

use super::netlink_dump::{NetlinkDump, attributes, messages, read_be16, read_u32, read_u64};
use super::rtnetlink::ip_address;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `INET_DIAG_INFO`: `struct tcp_info`.
const INFO: u16 = 2;
/// `INET_DIAG_SKMEMINFO`.
const SKMEMINFO: u16 = 7;
/// `INET_DIAG_SOCKOPT`: `struct inet_diag_sockopt`, a bit for each option, unasked for, too (Linux 5.10).
const SOCKOPT: u16 = 22;
/// Its bit for `IP_TRANSPARENT`, the sixth of a field of bits.
const TRANSPARENT: u8 = if cfg!(target_endian = "little") { 1 << 5 } else { 1 << 2 };
/// `INET_DIAG_CGROUP_ID`, which the kernel gives without being asked for it (Linux 5.8).
const CGROUP_ID: u16 = 21;

/// Bytes of the queue for news of closed connections: some 20,000 of them.
const NEWS_QUEUE: usize = 8 << 20;

/// `TCP_ESTABLISHED`.
pub const ESTABLISHED: u8 = 1;
/// `TCP_SYN_SENT`.
pub const SYN_SENT: u8 = 2;
/// `TCP_SYN_RECV`.
pub const SYN_RECV: u8 = 3;
/// `TCP_FIN_WAIT1`.
pub const FIN_WAIT1: u8 = 4;
/// `TCP_FIN_WAIT2`.
pub const FIN_WAIT2: u8 = 5;
/// `TCP_TIME_WAIT`.
pub const TIME_WAIT: u8 = 6;
/// `TCP_CLOSE`: also a UDP socket without a peer.
pub const CLOSE: u8 = 7;
/// `TCP_CLOSE_WAIT`.
pub const CLOSE_WAIT: u8 = 8;
/// `TCP_LAST_ACK`.
pub const LAST_ACK: u8 = 9;
/// `TCP_LISTEN`.
pub const LISTEN: u8 = 10;
/// `TCP_CLOSING`.
pub const CLOSING: u8 = 11;

/// A set of states, of all there are.
pub const ALL_STATES: u32 = 0xfff;
/// States of TCP sockets that have byte counts, and listening ones: neither TIME_WAIT nor half open.
pub const LASTING_STATES: u32 = ALL_STATES & !(1 << TIME_WAIT) & !(1 << SYN_RECV);

/// The transport protocols that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketRow {
    /// Its protocol.
    pub transport: Transport,
    /// Its state (`TCP_*`).
    pub state: u8,
    /// Local address; an IPv4 one that an IPv6 socket uses is given as IPv4.
    pub local: IpAddr,
    /// Local port.
    pub local_port: u16,
    /// Remote address, unspecified without a peer.
    pub remote: IpAddr,
    /// Remote port, 0 without a peer.
    pub remote_port: u16,
    /// The kernel's name of the socket, never used twice; 0 when the source does not give it.
    pub cookie: u64,
    /// Inode; 0 when no process holds it.
    pub inode: u32,
    /// The control group, of the unified hierarchy, of the process that made it, or made the listening one that it was
    /// accepted from; 0 when the source does not give it.
    pub control_group: u64,
    /// Whether it takes what is for foreign addresses (`IP_TRANSPARENT`); none where the kernel does not say.
    pub transparent: Option<bool>,
    /// Bytes that wait to be read; of a listening TCP socket, connections that wait to be accepted.
    pub receive_queue: u32,
    /// Bytes that wait to be sent; of a listening TCP socket, the limit of its accept queue.
    pub send_queue: u32,
    /// Size of its receive buffer in bytes.
    pub receive_buffer: Option<u32>,
    /// Datagrams dropped because its buffer was full (`SK_MEMINFO_DROPS`, 32 bits wide).
    pub drops: Option<u32>,
    /// Byte counts, where it has some.
    pub info: Option<TcpInfo>,
}

/// What is used of `struct tcp_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TcpInfo {
    /// Smoothed round trip time in microseconds.
    pub rtt_microseconds: u32,
    /// Times in a row that the oldest segment under way was sent again because no acknowledgement came; of a connection that
    /// is being opened, that its SYN was (`tcpi_retransmits`).
    pub timeouts: u8,
    /// Probes sent because the peer's window is closed, or because it was silent (`tcpi_probes`).
    pub probes: u8,
    /// Payload that fits into a segment to the peer, in bytes (`tcpi_snd_mss`).
    pub segment_bytes: u32,
    /// Milliseconds since payload was sent (`tcpi_last_data_sent`).
    pub sent_milliseconds_ago: u32,
    /// Milliseconds since payload came (`tcpi_last_data_recv`).
    pub received_milliseconds_ago: u32,
    /// The MTU of the path, as far as it is known (`tcpi_pmtu`).
    pub path_mtu: u32,
    /// Segments with payload sent, those sent again included, ever (`tcpi_data_segs_out`, Linux 4.6).
    pub data_segments_sent: Option<u32>,
    /// Segments that came out of order, ever (`tcpi_rcv_ooopack`, Linux 5.4).
    pub out_of_order: Option<u32>,
    /// Segments sent again, ever.
    pub total_retransmits: u32,
    /// Bytes sent and acknowledged; SYN and FIN count one each (Linux 4.1).
    pub bytes_acked: Option<u64>,
    /// Bytes received in order; the peer's FIN counts one (Linux 4.1).
    pub bytes_received: Option<u64>,
}

/// A door to the kernel's socket diagnosis.
#[derive(Debug)]
pub struct SockDiag {
    netlink: NetlinkDump,
}

impl SockDiag {
    /// Opens it in the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        Ok(SockDiag { netlink: NetlinkDump::open(SockProtocol::NetlinkSockDiag)? })
    }

    /// Hands over every socket of a protocol in one of `states`, IPv4 then IPv6. A kernel without IPv6 has none of it.
    /// The dump is not one moment: a socket that moves meanwhile may be seen twice.
    pub fn dump(&mut self, transport: Transport, states: u32, mut each: impl FnMut(SocketRow)) -> io::Result<()> {
        for family in [libc::AF_INET, libc::AF_INET6] {
            let dumped = self.netlink.dump(BY_FAMILY, &request(family as u8, transport, states), |_, payload| {
                if let Some(row) = parse_socket(transport, payload) {
                    each(row);
                }
                ControlFlow::Continue(())
            });
            match dumped {
                Err(error) if family == libc::AF_INET6 && error.raw_os_error() == Some(Errno::ENOENT as i32) => {}
                dumped => drop(dumped?),
            }
        }
        Ok(())
    }
}

/// The news of TCP sockets that the kernel destroys, each with its last byte counts.
#[derive(Debug)]
pub struct DestroyedSockets {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl DestroyedSockets {
    /// Begins to collect the news of the calling thread's network namespace.
    pub fn open() -> io::Result<Self> {
        // SKNLGRP_INET_TCP_DESTROY is group 1, SKNLGRP_INET6_TCP_DESTROY group 3.
        const TCP_GROUPS: u32 = 0b101;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkSockDiag)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &NEWS_QUEUE).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &NEWS_QUEUE)?;
        }
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, TCP_GROUPS))?;
        Ok(DestroyedSockets { socket, buffer: vec![0; 16 << 10] })
    }

    /// Hands over the news that have come. Says whether the queue was too short and some are lost.
    pub fn drain(&mut self, mut each: impl FnMut(SocketRow)) -> io::Result<bool> {
        let mut lost = false;
        loop {
            match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()) {
                Ok(length) => {
                    for message in messages(self.buffer.get(..length).unwrap_or_default()) {
                        if let Some(row) = parse_socket(Transport::Tcp, message.payload) {
                            each(row);
                        }
                    }
                }
                Err(Errno::EAGAIN) => return Ok(lost),
                Err(Errno::ENOBUFS) => lost = true,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// `struct inet_diag_req_v2`.
fn request(family: u8, transport: Transport, states: u32) -> [u8; 56] {
    let (protocol, extensions) = match transport {
        Transport::Tcp => (libc::IPPROTO_TCP as u8, 1 << (INFO - 1)),
        Transport::Udp => (libc::IPPROTO_UDP as u8, 1 << (SKMEMINFO - 1)),
    };
    let mut request = [0; 56];
    request[..4].copy_from_slice(&[family, protocol, extensions, 0]);
    request[4..8].copy_from_slice(&states.to_ne_bytes());
    request
}

/// `struct inet_diag_msg` and its attributes.
pub fn parse_socket(transport: Transport, payload: &[u8]) -> Option<SocketRow> {
    let [family, state, ..] = *payload else { return None };
    let length = if i32::from(family) == libc::AF_INET { 4 } else { 16 };
    let address = |offset: usize| ip_address(payload.get(offset..offset + length)?).map(|ip| ip.to_canonical());
    let mut row = SocketRow {
        transport,
        state,
        local_port: read_be16(payload, 4)?,
        remote_port: read_be16(payload, 6)?,
        local: address(8)?,
        remote: address(24)?,
        cookie: u64::from(read_u32(payload, 44)?) | u64::from(read_u32(payload, 48)?) << 32,
        receive_queue: read_u32(payload, 56)?,
        send_queue: read_u32(payload, 60)?,
        inode: read_u32(payload, 68)?,
        control_group: 0,
        transparent: None,
        receive_buffer: None,
        drops: None,
        info: None,
    };
    for (kind, value) in attributes(payload.get(72..)?) {
        match kind {
            INFO => row.info = parse_tcp_info(value),
            SOCKOPT => row.transparent = value.first().map(|bits| bits & TRANSPARENT != 0),
            CGROUP_ID => row.control_group = read_u64(value, 0).unwrap_or(0),
            SKMEMINFO => {
                row.receive_buffer = read_u32(value, 4);
                row.drops = read_u32(value, 32);
            }
            _ => {}
        }
    }
    Some(row)
}

/// `struct tcp_info`, which has grown with the years: what an older kernel lacks is none.
fn parse_tcp_info(value: &[u8]) -> Option<TcpInfo> {
    Some(TcpInfo {
        timeouts: *value.get(2)?,
        probes: *value.get(3)?,
        segment_bytes: read_u32(value, 16)?,
        sent_milliseconds_ago: read_u32(value, 44)?,
        received_milliseconds_ago: read_u32(value, 52)?,
        path_mtu: read_u32(value, 60)?,
        data_segments_sent: read_u32(value, 156),
        out_of_order: read_u32(value, 224),
        rtt_microseconds: read_u32(value, 68)?,
        total_retransmits: read_u32(value, 100)?,
        bytes_acked: read_u64(value, 120),
        bytes_received: read_u64(value, 128),
    })
}

impl Default for SocketRow {
    fn default() -> Self {
        let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        SocketRow {
            transport: Transport::Tcp,
            state: ESTABLISHED,
            local: nowhere,
            local_port: 0,
            remote: nowhere,
            remote_port: 0,
            cookie: 0,
            inode: 0,
            control_group: 0,
            transparent: None,
            receive_queue: 0,
            send_queue: 0,
            receive_buffer: None,
            drops: None,
            info: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_older_kernels_shorter_tcp_info_lacks_only_what_it_lacks() {
        let mut bytes = vec![0u8; 104];
        bytes[68..72].copy_from_slice(&1500u32.to_ne_bytes());
        let info = parse_tcp_info(&bytes).unwrap();
        assert_eq!((info.rtt_microseconds, info.bytes_received), (1500, None));
        assert_eq!((info.data_segments_sent, info.out_of_order), (None, None));
        assert_eq!(parse_tcp_info(&bytes[..90]), None);
    }

    #[test]
    fn an_ipv4_peer_of_an_ipv6_socket_is_given_as_ipv4() {
        let mut payload = vec![0u8; 72];
        payload[0] = libc::AF_INET6 as u8;
        payload[1] = ESTABLISHED;
        payload[4..6].copy_from_slice(&443u16.to_be_bytes());
        payload[34..40].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 9]);
        let row = parse_socket(Transport::Tcp, &payload).unwrap();
        assert_eq!((row.remote, row.local_port), (IpAddr::from([192, 0, 2, 9]), 443));
    }

    #[test]
    fn the_kernel_shows_a_listener_of_our_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut found = None;
        SockDiag::open()
            .unwrap()
            .dump(Transport::Tcp, 1 << LISTEN, |row| {
                if row.local_port == port {
                    found = Some(row);
                }
            })
            .unwrap();
        let row = found.unwrap();
        assert!(row.inode != 0 && row.cookie != 0 && row.send_queue > 0);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(0u8.., 0..400)) {
            let _ = parse_socket(Transport::Tcp, &bytes);
        }
    }
}
