//! Link layers: where the network packet begins in a frame, what it is, and whom the frame was meant for. Decided by the
//! declared link type, never by guessing from the bytes.

use pcap_file::DataLink;

use super::packet::ether_type;

/// The link layer of an interface or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Ethernet, and all that looks like it: Wi-Fi, bridges, veth.
    Ethernet,
    /// IP without a link header: tun, WireGuard, IP in IP.
    RawIp,
    /// The loopback interface, which has Ethernet headers without addresses.
    Loopback,
    /// BSD's loopback: the address family in the byte order of the writer, or the network's.
    Null,
    /// Linux's "cooked" header of 16 bytes.
    Cooked,
    /// Linux's "cooked" header of 20 bytes.
    Cooked2,
    /// A kind of interface whose link header is not read; the kernel says where the packet begins.
    Other,
}

/// How a frame came to this host, or left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To this host's link address (`PACKET_HOST`).
    Host,
    /// To all (`PACKET_BROADCAST`).
    Broadcast,
    /// To a group (`PACKET_MULTICAST`).
    Multicast,
    /// To another's link address (`PACKET_OTHERHOST`).
    OtherHost,
    /// From this host (`PACKET_OUTGOING`).
    Outgoing,
}

impl Way {
    /// From the kernel's `sll_pkttype`.
    pub fn from_kernel(kind: u8) -> Way {
        match kind {
            1 => Way::Broadcast,
            2 => Way::Multicast,
            3 => Way::OtherHost,
            4 => Way::Outgoing,
            // PACKET_HOST, and loops inside the kernel that never reach a capture.
            _ => Way::Host,
        }
    }

    /// The kernel's `sll_pkttype`.
    pub fn to_kernel(self) -> u8 {
        match self {
            Way::Host => 0,
            Way::Broadcast => 1,
            Way::Multicast => 2,
            Way::OtherHost => 3,
            Way::Outgoing => 4,
        }
    }
}

/// The link part of a frame from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkHeader {
    /// Its length: where the network packet begins.
    pub bytes: usize,
    /// The ether type of the network packet.
    pub ether_type: u16,
    /// The receiver's and the sender's link address, where the frame has them.
    pub addresses: Option<([u8; 6], [u8; 6])>,
    /// How the frame came, where it says so.
    pub way: Option<Way>,
}

/// The kernel's `ETH_P_802_2`: an LLC frame, which has a length where others have an ether type.
const LLC: u16 = 0x0004;

impl Link {
    /// From the interface's type (`ARPHRD_*`).
    pub fn of_interface(arphrd: u16) -> Link {
        match arphrd {
            1 => Link::Ethernet,
            772 => Link::Loopback,
            // PPP, raw IP, tunnels of IP in IP, and interfaces without any link layer.
            512 | 519 | 768 | 769 | 776 | 0xfffe => Link::RawIp,
            _ => Link::Other,
        }
    }

    /// From a file's link type; none for one that is not read here.
    pub fn of_file(kind: u32) -> Option<Link> {
        match DataLink::from(kind) {
            DataLink::ETHERNET => Some(Link::Ethernet),
            DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => Some(Link::RawIp),
            DataLink::NULL | DataLink::LOOP => Some(Link::Null),
            DataLink::LINUX_SLL => Some(Link::Cooked),
            DataLink::LINUX_SLL2 => Some(Link::Cooked2),
            // Raw IP in files that BSDs wrote.
            _ if matches!(kind, 12 | 14) => Some(Link::RawIp),
            _ => None,
        }
    }

    /// The name in the result.
    pub fn name(self) -> &'static str {
        match self {
            Link::Ethernet => "ethernet",
            Link::RawIp => "raw-ip",
            Link::Loopback | Link::Null => "loopback",
            Link::Cooked | Link::Cooked2 | Link::Other => "linux-cooked",
        }
    }

    /// Reads the link header of a frame from a file; none if it is cut short.
    pub fn read(self, frame: &[u8]) -> Option<LinkHeader> {
        let plain = |bytes, ether_type| LinkHeader { bytes, ether_type, addresses: None, way: None };
        match self {
            Link::Ethernet | Link::Loopback => {
                let to: [u8; 6] = frame.get(0..6)?.try_into().ok()?;
                let from: [u8; 6] = frame.get(6..12)?.try_into().ok()?;
                let kind = word(frame, 12)?;
                let ether_type = if kind < 0x0600 { LLC } else { kind };
                Some(LinkHeader { bytes: 14, ether_type, addresses: Some((to, from)), way: None })
            }
            Link::RawIp | Link::Other => match frame.first()? >> 4 {
                // The link type says "IP", and the version is IP's own field.
                4 => Some(plain(0, ether_type::IPV4)),
                6 => Some(plain(0, ether_type::IPV6)),
                _ => Some(plain(0, 0)),
            },
            Link::Null => {
                let family: [u8; 4] = frame.get(0..4)?.try_into().ok()?;
                // No address family is beyond 255, so the byte order shows.
                let family = match u32::from_le_bytes(family) {
                    little @ 0..=0xff => little,
                    other => other.swap_bytes(),
                };
                Some(plain(
                    4,
                    match family {
                        2 => ether_type::IPV4,
                        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
                        10 | 24 | 28 | 30 => ether_type::IPV6,
                        _ => 0,
                    },
                ))
            }
            Link::Cooked => {
                let way = Way::from_kernel(word(frame, 0)?.try_into().unwrap_or(0));
                Some(LinkHeader { bytes: 16, ether_type: word(frame, 14)?, addresses: None, way: Some(way) })
            }
            Link::Cooked2 => {
                let way = Way::from_kernel(*frame.get(10)?);
                frame.get(..20)?;
                Some(LinkHeader { bytes: 20, ether_type: word(frame, 0)?, addresses: None, way: Some(way) })
            }
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ethernet_header_is_read_whatever_the_first_nibble_of_the_address() {
        for nibble in 0..16u8 {
            let mut frame = vec![nibble << 4 | 2, 0, 0, 0, 0, 1, 0x45, 0x60, 0, 0, 0, 9, 0x86, 0xdd, 0x60];
            frame.resize(60, 0);
            let header = Link::Ethernet.read(&frame).unwrap();
            assert_eq!((header.bytes, header.ether_type), (14, ether_type::IPV6));
            assert_eq!(header.addresses.unwrap().0[0], nibble << 4 | 2);
        }
    }

    #[test]
    fn a_length_in_place_of_the_ether_type_is_an_llc_frame() {
        let mut frame = vec![0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 38];
        frame.resize(60, 0x42);
        assert_eq!(Link::Ethernet.read(&frame).unwrap().ether_type, LLC);
    }

    #[test]
    fn loopback_files_of_either_byte_order_are_read() {
        assert_eq!(Link::Null.read(&[2, 0, 0, 0, 0x45]).unwrap().ether_type, ether_type::IPV4);
        assert_eq!(Link::Null.read(&[0, 0, 0, 2, 0x45]).unwrap().ether_type, ether_type::IPV4);
        assert_eq!(Link::Null.read(&[0, 0, 0, 30, 0x60]).unwrap().ether_type, ether_type::IPV6);
    }

    #[test]
    fn cooked_files_say_which_way_a_packet_went() {
        let mut first = vec![0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00];
        first.resize(40, 0);
        let header = Link::Cooked.read(&first).unwrap();
        assert_eq!((header.bytes, header.ether_type, header.way), (16, ether_type::IPV4, Some(Way::Outgoing)));
        let mut second = vec![0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 3, 6, 2, 0, 0, 0, 0, 1, 0, 0];
        second.resize(60, 0);
        let header = Link::Cooked2.read(&second).unwrap();
        assert_eq!((header.bytes, header.ether_type, header.way), (20, ether_type::IPV6, Some(Way::OtherHost)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8.., 0..40)) {
            use Link::{Cooked, Cooked2, Ethernet, Loopback, Null, Other, RawIp};
            for link in [Ethernet, RawIp, Loopback, Null, Cooked, Cooked2, Other] {
                if let Some(header) = link.read(&bytes) {
                    proptest::prop_assert!(header.bytes <= bytes.len());
                }
            }
        }
    }
}
