//! From the bytes of a network packet to the facts that are counted.

use std::net::IpAddr;

use etherparse::{LaxIpv4Slice, LaxIpv6Slice};

use super::opening::{self, Opening};
use super::payload_signature::{self, PayloadSignature};

/// Ether types that this file reads itself.
pub mod ether_type {
    #![allow(missing_docs)]
    pub const IPV4: u16 = 0x0800;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    pub const PROVIDER_VLAN: u16 = 0x88a8;
    /// Data of a PPPoE session.
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const OLD_PROVIDER_VLAN: u16 = 0x9100;
}

/// IP protocol numbers that are counted in more detail than others.
pub mod ip_protocol {
    #![allow(missing_docs)]
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ICMPV6: u8 = 58;
}

/// TCP flags.
pub mod flag {
    #![allow(missing_docs)]
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const ACK: u8 = 0x10;
    pub const ECE: u8 = 0x40;
    pub const CWR: u8 = 0x80;

    /// Whether a segment is a reset, a SYN or a SYN-ACK.
    pub fn kinds(flags: u8) -> (bool, bool, bool) {
        let opens = flags & (SYN | ACK);
        (flags & RST != 0, opens == SYN, opens == SYN | ACK)
    }
}

/// What a packet is, from the network layer up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// The ether type behind any VLAN tags.
    pub ether_type: u16,
    /// Whether there was a VLAN tag in the bytes.
    pub tagged: bool,
    /// Whether it is of a PPPoE session.
    pub in_session: bool,
    /// The IP part; none for other protocols and for IP whose header cannot be read.
    pub ip: Option<Ip>,
    /// Bytes before that part, from the network header on: VLAN tags, the header of a session.
    pub before_ip: u16,
}

impl Packet {
    /// What was captured of the transport's payload, in the bytes that the packet was read from.
    pub fn payload<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let payload = self.ip.and_then(|ip| {
            let rest = bytes.get(usize::from(self.before_ip) + ip.header_bytes as usize..)?;
            Some(rest.get(..ip.payload_bytes as usize).unwrap_or(rest))
        });
        payload.unwrap_or_default()
    }
}

/// The IP part of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip {
    /// Who sent it, or claims to.
    pub source: IpAddr,
    /// For whom it is.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The protocol above IP, behind extension headers.
    pub protocol: u8,
    /// Whether it is a fragment, the first one included.
    pub fragment: bool,
    /// Whether it is a fragment and not the first.
    pub later_fragment: bool,
    /// The number that the fragments of one packet share; none when it is no fragment.
    pub fragment_id: Option<u32>,
    /// The part above IP.
    pub transport: Transport,
    /// Bytes of the packet before the transport's payload, from the network header on.
    pub header_bytes: u32,
    /// Bytes of the transport's payload on the wire, padding of the frame not counted.
    pub payload_bytes: u32,
    /// What a datagram says.
    pub payload_signature: PayloadSignature,
    /// What a segment begins with.
    pub opening: Opening,
}

/// The part above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp {
        /// The sender's port.
        source_port: u16,
        /// The receiver's port.
        destination_port: u16,
        /// The flags of byte 13, see [`flag`].
        flags: u8,
        /// Whether the header has options.
        options: bool,
        /// The number of its first byte.
        sequence: u32,
    },
    /// UDP.
    Udp {
        /// The sender's port.
        source_port: u16,
        /// The receiver's port.
        destination_port: u16,
    },
    /// ICMP or ICMPv6.
    Icmp {
        /// The type.
        kind: u8,
    },
    /// Another protocol, a later fragment, or too few bytes.
    Other,
}

impl Transport {
    /// The sender's and the receiver's port.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match *self {
            Transport::Tcp { source_port, destination_port, .. } | Transport::Udp { source_port, destination_port } => {
                Some((source_port, destination_port))
            }
            Transport::Icmp { .. } | Transport::Other => None,
        }
    }
}

/// Reads a packet that begins with the header that `ether_type` names. `wire_bytes` is its length on the wire from
/// there; `bytes` may be cut shorter.
pub fn read(mut ether_type: u16, mut bytes: &[u8], mut wire_bytes: u32) -> Packet {
    let mut tagged = false;
    let given = bytes.len();
    while matches!(ether_type, ether_type::VLAN | ether_type::PROVIDER_VLAN | ether_type::OLD_PROVIDER_VLAN) {
        tagged = true;
        let [_, _, high, low, inner @ ..] = bytes else {
            return Packet { ether_type, tagged, in_session: false, ip: None, before_ip: 0 };
        };
        ether_type = u16::from_be_bytes([*high, *low]);
        bytes = inner;
        wire_bytes = wire_bytes.saturating_sub(4);
    }
    let in_session = ether_type == ether_type::PPPOE_SESSION;
    if in_session && let Some((inner, carried)) = carried_in_session(bytes) {
        wire_bytes = wire_bytes.saturating_sub((bytes.len() - carried.len()) as u32);
        (ether_type, bytes) = (inner, carried);
    }
    let ip = match ether_type {
        ether_type::IPV4 => ipv4(bytes, wire_bytes),
        ether_type::IPV6 => ipv6(bytes, wire_bytes),
        _ => None,
    };
    Packet { ether_type, tagged, in_session, ip, before_ip: (given - bytes.len()) as u16 }
}

/// What a PPPoE session carries, when that is IP: its EtherType, and its bytes. A dial-up link's packets come in by its carrier.
fn carried_in_session(bytes: &[u8]) -> Option<(u16, &[u8])> {
    // Version and type 1, code 0: data. Session, length; then PPP's protocol, of which a leading 0 may be left out.
    let [0x11, 0, _, _, _, _, ppp @ ..] = bytes else { return None };
    let (protocol, carried) = match ppp {
        [0, protocol, carried @ ..] => (*protocol, carried),
        [protocol, carried @ ..] => (*protocol, carried),
        [] => return None,
    };
    match protocol {
        0x21 => Some((ether_type::IPV4, carried)),
        0x57 => Some((ether_type::IPV6, carried)),
        _ => None,
    }
}

fn ipv4(bytes: &[u8], wire_bytes: u32) -> Option<Ip> {
    let (slice, _) = LaxIpv4Slice::from_slice(bytes).ok()?;
    let header = slice.header();
    let payload = slice.payload();
    // A length of 0 is a merged frame beyond 64 KiB; one beyond the frame is a lie.
    let ip_bytes = Some(u32::from(header.total_len())).filter(|length| (20..=wire_bytes).contains(length));
    Some(above_ip(
        IpAddr::V4(header.source_addr()),
        IpAddr::V4(header.destination_addr()),
        header.ttl(),
        payload.ip_number.0,
        header.is_fragmenting_payload().then(|| header.identification().into()),
        header.fragments_offset().value() != 0,
        offset(bytes, payload.payload),
        payload.payload,
        ip_bytes.unwrap_or(wire_bytes),
    ))
}

fn ipv6(bytes: &[u8], wire_bytes: u32) -> Option<Ip> {
    let (slice, _) = LaxIpv6Slice::from_slice(bytes).ok()?;
    let header = slice.header();
    let payload = slice.payload();
    let (fragment_id, later_fragment) = fragmentation(header.next_header().0, bytes.get(40..).unwrap_or_default());
    let stated = u32::from(header.payload_length());
    let ip_bytes = Some(stated + 40).filter(|length| stated > 0 && *length <= wire_bytes);
    Some(above_ip(
        IpAddr::V6(header.source_addr()),
        IpAddr::V6(header.destination_addr()),
        header.hop_limit(),
        payload.ip_number.0,
        fragment_id,
        later_fragment,
        offset(bytes, payload.payload),
        payload.payload,
        ip_bytes.unwrap_or(wire_bytes),
    ))
}

/// The number of the packet that this is a fragment of, if it is one, and whether it is a later one, by the IPv6 extension headers in `bytes`, of which
/// `kind` is the first. They are walked here, and not by etherparse's iterator, which trusts the length in a header even
/// where the bytes were cut shorter.
fn fragmentation(mut kind: u8, mut bytes: &[u8]) -> (Option<u32>, bool) {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const DESTINATION: u8 = 60;
    const MOBILITY: u8 = 135;
    while let [next, length, ..] = bytes {
        let length = match kind {
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY => (usize::from(*length) + 1) * 8,
            AUTHENTICATION => (usize::from(*length) + 2) * 4,
            FRAGMENT => {
                let [_, _, high, low, id @ ..] = bytes else { return (None, false) };
                let field = u16::from_be_bytes([*high, *low]);
                let (later, more) = (field >> 3 != 0, field & 1 != 0);
                let id = id.first_chunk().map_or(0, |id| u32::from_be_bytes(*id));
                return ((later || more).then_some(id), later);
            }
            _ => return (None, false),
        };
        kind = *next;
        bytes = bytes.get(length..).unwrap_or_default();
    }
    (None, false)
}

/// Where `part` begins in `whole`.
fn offset(whole: &[u8], part: &[u8]) -> u32 {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize) as u32
}

#[expect(clippy::too_many_arguments, reason = "the two families' headers, side by side")]
fn above_ip(
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    protocol: u8,
    fragment_id: Option<u32>,
    later_fragment: bool,
    ip_header_bytes: u32,
    payload: &[u8],
    ip_bytes: u32,
) -> Ip {
    let (transport, transport_header_bytes) =
        if later_fragment { (Transport::Other, 0) } else { transport(protocol, payload) };
    let header_bytes = (ip_header_bytes + transport_header_bytes).min(ip_bytes);
    let payload_signature = match transport {
        Transport::Udp { source_port, destination_port } => {
            payload_signature::read(source_port, destination_port, payload.get(8..).unwrap_or_default())
        }
        _ => PayloadSignature::default(),
    };
    let opening = match transport {
        Transport::Tcp { .. } if ip_bytes > header_bytes => {
            opening::read(payload.get(transport_header_bytes as usize..).unwrap_or_default())
        }
        _ => Opening::Other,
    };
    Ip {
        source,
        destination,
        ttl,
        protocol,
        fragment: fragment_id.is_some(),
        later_fragment,
        fragment_id,
        transport,
        header_bytes,
        payload_bytes: ip_bytes - header_bytes,
        payload_signature,
        opening,
    }
}

/// The transport and the length of its header.
fn transport(protocol: u8, bytes: &[u8]) -> (Transport, u32) {
    match (protocol, bytes) {
        (ip_protocol::TCP, [s0, s1, d0, d1, n0, n1, n2, n3, _, _, _, _, offset, flags, ..]) => {
            let header_bytes = u32::from(offset >> 4) * 4;
            let tcp = Transport::Tcp {
                source_port: u16::from_be_bytes([*s0, *s1]),
                destination_port: u16::from_be_bytes([*d0, *d1]),
                flags: *flags,
                options: header_bytes > 20,
                sequence: u32::from_be_bytes([*n0, *n1, *n2, *n3]),
            };
            (tcp, header_bytes.max(20))
        }
        (ip_protocol::UDP, [s0, s1, d0, d1, ..]) => {
            let udp = Transport::Udp {
                source_port: u16::from_be_bytes([*s0, *s1]),
                destination_port: u16::from_be_bytes([*d0, *d1]),
            };
            (udp, 8)
        }
        (ip_protocol::ICMP | ip_protocol::ICMPV6, [kind, ..]) => (Transport::Icmp { kind: *kind }, 8),
        _ => (Transport::Other, 0),
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_syn_without_options_is_read_with_its_ports_and_flags() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([198, 51, 100, 7], [192, 0, 2, 1], 242)
            .tcp(4242, 80, 1, 512)
            .syn()
            .write(&mut bytes, &[])
            .unwrap();
        // The frame was padded to the 46 bytes that Ethernet wants: padding is no payload.
        bytes.resize(46, 0);
        let ip = read(ether_type::IPV4, &bytes, 46).ip.unwrap();
        assert_eq!((ip.source, ip.destination), (address("198.51.100.7"), address("192.0.2.1")));
        assert_eq!((ip.ttl, ip.protocol, ip.fragment), (242, 6, false));
        assert_eq!((ip.header_bytes, ip.payload_bytes), (40, 0));
        let syn =
            Transport::Tcp { source_port: 4242, destination_port: 80, flags: flag::SYN, options: false, sequence: 1 };
        assert_eq!(ip.transport, syn);
    }

    #[test]
    fn ip_options_and_a_cut_payload_change_neither_ports_nor_lengths() {
        let bytes = [
            0x46, 0, 0x05, 0xdc, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1, // IPv4, 24 bytes of header
            0x94, 4, 0, 0, // router alert
            0, 53, 0x1f, 0x90, 0x05, 0xc4, 0, 0, 1, 2, 3, // UDP 53 to 8080, cut
        ];
        let ip = read(ether_type::IPV4, &bytes, 1500).ip.unwrap();
        assert_eq!(ip.transport, Transport::Udp { source_port: 53, destination_port: 8080 });
        assert_eq!((ip.header_bytes, ip.payload_bytes), (32, 1468));
    }

    #[test]
    fn a_later_fragment_has_no_ports() {
        let bytes = [
            0x45, 0, 0, 40, 0, 1, 0x00, 0xb9, 64, 17, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1, // offset 1480
            0, 53, 0x1f, 0x90, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let ip = read(ether_type::IPV4, &bytes, 40).ip.unwrap();
        assert!(ip.fragment);
        assert_eq!(ip.transport, Transport::Other);
        assert_eq!((ip.protocol, ip.payload_bytes), (17, 20));
    }

    #[test]
    fn an_ipv6_first_fragment_behind_extension_headers_keeps_its_ports() {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 32, 0, 61]; // 32 bytes of payload, hop-by-hop next
        bytes.extend("2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets());
        bytes.extend("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
        bytes.extend([44, 0, 1, 4, 0, 0, 0, 0]); // hop-by-hop, then fragment
        bytes.extend([17, 0, 0, 1, 0, 0, 0, 9]); // fragment, offset 0, more to come
        bytes.extend([0, 123, 0, 123, 0, 100, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let ip = read(ether_type::IPV6, &bytes, 72).ip.unwrap();
        assert!(ip.fragment);
        assert_eq!((ip.protocol, ip.ttl), (17, 61));
        assert_eq!(ip.transport, Transport::Udp { source_port: 123, destination_port: 123 });
        assert_eq!((ip.header_bytes, ip.payload_bytes), (64, 8));
    }

    #[test]
    fn two_vlan_tags_are_looked_behind() {
        let mut bytes = vec![0, 10, 0x81, 0, 0, 20, 0x08, 0x00];
        PacketBuilder::ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64).udp(1, 2).write(&mut bytes, &[9; 10]).unwrap();
        let packet = read(ether_type::PROVIDER_VLAN, &bytes, bytes.len() as u32);
        assert!(packet.tagged);
        assert_eq!(packet.ether_type, ether_type::IPV4);
        assert_eq!(packet.ip.unwrap().payload_bytes, 10);
    }

    #[test]
    fn a_merged_frame_beyond_64_kib_takes_its_length_from_the_wire() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64).tcp(1, 2, 0, 0).ack(1).write(&mut bytes, &[]).unwrap();
        bytes[2] = 0;
        bytes[3] = 0;
        assert_eq!(read(ether_type::IPV4, &bytes, 120_040).ip.unwrap().payload_bytes, 120_000);
    }

    #[test]
    fn what_a_pppoe_session_carries_is_read_and_its_other_protocols_are_not() {
        let mut ip = Vec::new();
        PacketBuilder::ipv4([192, 0, 2, 9], [192, 0, 2, 1], 60).udp(4000, 53).write(&mut ip, &[7; 20]).unwrap();
        let session = |protocol: &[u8], carried: &[u8]| [&[0x11, 0, 0, 9, 0, 50], protocol, carried].concat();
        for protocol in [&[0, 0x21][..], &[0x21]] {
            let bytes = session(protocol, &ip);
            let packet = read(ether_type::PPPOE_SESSION, &bytes, bytes.len() as u32);
            let read = packet.ip.unwrap();
            assert_eq!((packet.ether_type, read.payload_bytes), (ether_type::IPV4, 20));
            assert_eq!(read.transport.ports(), Some((4000, 53)));
        }
        // LCP, a discovery packet, and nothing at all.
        for bytes in [session(&[0xc0, 0x21], &ip), vec![0x11, 9, 0, 0, 0, 0], Vec::new(), vec![0x11, 0, 0, 9, 0, 0]] {
            let packet = read(ether_type::PPPOE_SESSION, &bytes, 64);
            assert_eq!((packet.ether_type, packet.ip), (ether_type::PPPOE_SESSION, None));
        }
    }

    #[test]
    fn an_ip_version_that_contradicts_the_ether_type_is_no_ip() {
        let mut bytes = Vec::new();
        PacketBuilder::ipv4([10, 0, 0, 2], [10, 0, 0, 1], 64).udp(1, 2).write(&mut bytes, &[0; 40]).unwrap();
        assert_eq!(read(ether_type::IPV6, &bytes, bytes.len() as u32).ip, None);
    }

    #[test]
    fn an_ipv6_extension_header_that_says_more_than_there_is_ends_the_reading() {
        for (kind, more) in [(0, 255), (51, 255), (60, 9), (43, 1), (44, 0)] {
            let mut bytes = vec![0x60, 0, 0, 0, 0, 32, kind, 61];
            bytes.extend([0x20; 32]);
            bytes.extend([51, more, 0]);
            let ip = read(ether_type::IPV6, &bytes, 72).ip.unwrap();
            assert_eq!((ip.fragment, ip.transport), (false, Transport::Other), "{kind}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_chain_of_ipv6_extension_headers_makes_it_panic(
            kinds in proptest::collection::vec(proptest::sample::select(vec![0u8, 43, 44, 51, 60, 135, 17]), 1..6),
            lengths in proptest::collection::vec(0u8.., 6),
            cut in 40usize..140,
        ) {
            let mut bytes = vec![0x60, 0, 0, 0, 0, 100, kinds[0], 61];
            bytes.extend([0x20; 32]);
            for (kind, length) in kinds.iter().skip(1).zip(&lengths) {
                bytes.extend([*kind, length & 3, 0, *length, 0, 0, 0, 0]);
                bytes.extend(vec![0; usize::from(length & 3) * 8]);
            }
            bytes.truncate(cut);
            let _ = read(ether_type::IPV6, &bytes, 140);
        }

        #[test]
        fn no_bytes_make_it_panic(kind in 0usize..6, bytes in proptest::collection::vec(0u8.., 0..160), wire in 0u32..) {
            let ether_type = [0x0800, 0x86dd, 0x8100, 0x88a8, 0x9100, 0x8864][kind];
            let packet = read(ether_type, &bytes, wire);
            if let Some(ip) = packet.ip {
                proptest::prop_assert!(u64::from(ip.header_bytes) + u64::from(ip.payload_bytes) <= u64::from(wire));
            }
        }

        #[test]
        fn no_ip_header_with_random_rest_makes_it_panic(version in 0usize..2, bytes in proptest::collection::vec(0u8.., 1..160)) {
            let mut bytes = bytes;
            bytes[0] = [0x45 | (bytes[0] & 0x0f), 0x60][version];
            let _ = read([0x0800, 0x86dd][version], &bytes, bytes.len() as u32);
        }
    }
}
