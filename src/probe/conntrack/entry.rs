//! One tracked connection, from the attributes of ctnetlink or a line of `/proc/net/nf_conntrack`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sys::netlink_dump::{attributes, read_be16};

const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
const CTA_STATUS: u16 = 3;
const CTA_PROTOINFO: u16 = 4;
const CTA_COUNTERS_ORIG: u16 = 9;
const CTA_COUNTERS_REPLY: u16 = 10;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_IP_V6_SRC: u16 = 3;
const CTA_IP_V6_DST: u16 = 4;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_SRC_PORT: u16 = 2;
const CTA_PROTO_DST_PORT: u16 = 3;
const CTA_PROTOINFO_TCP: u16 = 1;
const CTA_PROTOINFO_TCP_STATE: u16 = 1;
const CTA_COUNTERS_PACKETS: u16 = 1;
const CTA_COUNTERS_BYTES: u16 = 2;

const IPS_SEEN_REPLY: u32 = 1 << 1;
const IPS_ASSURED: u32 = 1 << 2;
const IPS_OFFLOAD: u32 = 1 << 14;
const IPS_HW_OFFLOAD: u32 = 1 << 15;

/// The states of a tracked TCP connection, in the kernel's order (`TCP_CONNTRACK_*`).
pub(super) const TCP_STATES: [&str; 10] = [
    "none",
    "syn_sent",
    "syn_recv",
    "established",
    "fin_wait",
    "close_wait",
    "last_ack",
    "time_wait",
    "close",
    "syn_sent2",
];

/// The packets of one direction: from where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub(super) protocol: u8,
    pub(super) source: End,
    pub(super) destination: End,
}

/// An address, and the port for protocols that have ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct End {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
}

/// What the entry has counted in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

/// One entry of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The packets of the side that began.
    pub(super) original: Tuple,
    /// The packets of the answers, as they arrive: before their translation is undone.
    pub(super) reply: Tuple,
    /// Whether the other side has answered.
    pub(super) replied: bool,
    /// Whether the entry stays when the table is full.
    pub(super) assured: bool,
    /// Whether a flow table or the hardware forwards it, past the firewall's rules.
    pub(super) offloaded: bool,
    /// The place in [`TCP_STATES`].
    pub(super) tcp_state: Option<u8>,
    /// What each direction has counted, original and reply, where counting was on when the entry was made.
    pub(super) counts: Option<[Count; 2]>,
}

impl Entry {
    /// From the attributes of one message of ctnetlink.
    pub(super) fn from_attributes(bytes: &[u8]) -> Option<Self> {
        let (mut original, mut reply, mut status, mut tcp_state) = (None, None, 0, None);
        let mut counts = [None; 2];
        for (kind, value) in attributes(bytes) {
            match kind {
                CTA_TUPLE_ORIG => original = Tuple::from_attributes(value),
                CTA_TUPLE_REPLY => reply = Tuple::from_attributes(value),
                CTA_STATUS => status = u32::from_be_bytes(*value.first_chunk()?),
                CTA_PROTOINFO => {
                    let tcp = find(value, CTA_PROTOINFO_TCP);
                    tcp_state = tcp.and_then(|tcp| find(tcp, CTA_PROTOINFO_TCP_STATE)?.first().copied());
                }
                CTA_COUNTERS_ORIG => counts[0] = Count::from_attributes(value),
                CTA_COUNTERS_REPLY => counts[1] = Count::from_attributes(value),
                _ => {}
            }
        }
        Some(Entry {
            original: original?,
            reply: reply?,
            replied: status & IPS_SEEN_REPLY != 0,
            assured: status & IPS_ASSURED != 0,
            offloaded: status & (IPS_OFFLOAD | IPS_HW_OFFLOAD) != 0,
            tcp_state,
            counts: counts[0].zip(counts[1]).map(<[Count; 2]>::from),
        })
    }

    /// From a line of `/proc/net/nf_conntrack`.
    pub(super) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        // The network protocol by name and number, the transport protocol by name and number.
        let protocol = words.nth(3)?.parse().ok()?;
        let mut entry = Entry {
            original: Tuple { protocol, source: End::UNKNOWN, destination: End::UNKNOWN },
            reply: Tuple { protocol, source: End::UNKNOWN, destination: End::UNKNOWN },
            replied: true,
            assured: false,
            offloaded: false,
            tcp_state: None,
            counts: None,
        };
        let mut counts = [None; 2];
        // Each direction begins with its `src=`.
        let mut directions = 0_usize;
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                match word {
                    "[UNREPLIED]" => entry.replied = false,
                    "[ASSURED]" => entry.assured = true,
                    "[OFFLOAD]" | "[HW_OFFLOAD]" => entry.offloaded = true,
                    state if directions == 0 => entry.tcp_state = entry.tcp_state.or_else(|| tcp_state(state)),
                    _ => {}
                }
                continue;
            };
            directions += usize::from(key == "src");
            let (tuple, count) = match directions {
                1 => (&mut entry.original, &mut counts[0]),
                2 => (&mut entry.reply, &mut counts[1]),
                _ => continue,
            };
            match key {
                "src" => tuple.source.address = value.parse().ok()?,
                "dst" => tuple.destination.address = value.parse().ok()?,
                "sport" => tuple.source.port = Some(value.parse().ok()?),
                "dport" => tuple.destination.port = Some(value.parse().ok()?),
                "packets" => count.get_or_insert_with(Count::default).packets = value.parse().ok()?,
                "bytes" => count.get_or_insert_with(Count::default).bytes = value.parse().ok()?,
                _ => {}
            }
        }
        entry.counts = counts[0].zip(counts[1]).map(<[Count; 2]>::from);
        (directions == 2).then_some(entry)
    }

    /// Whether the answers go elsewhere than where the packets came from: the source is translated.
    pub(super) fn translates_source(&self) -> bool {
        self.original.source != self.reply.destination
    }

    /// Whether the answers come from elsewhere than where the packets went to: the destination is translated.
    pub(super) fn translates_destination(&self) -> bool {
        self.original.destination != self.reply.source
    }
}

impl Tuple {
    fn from_attributes(bytes: &[u8]) -> Option<Self> {
        let (addresses, transport) = (find(bytes, CTA_TUPLE_IP)?, find(bytes, CTA_TUPLE_PROTO)?);
        let (mut source, mut destination) = (None, None);
        for (kind, value) in attributes(addresses) {
            match kind {
                CTA_IP_V4_SRC | CTA_IP_V6_SRC => source = address(value),
                CTA_IP_V4_DST | CTA_IP_V6_DST => destination = address(value),
                _ => {}
            }
        }
        let port = |kind| find(transport, kind).and_then(|value| read_be16(value, 0));
        Some(Tuple {
            protocol: *find(transport, CTA_PROTO_NUM)?.first()?,
            source: End { address: source?, port: port(CTA_PROTO_SRC_PORT) },
            destination: End { address: destination?, port: port(CTA_PROTO_DST_PORT) },
        })
    }
}

impl End {
    const UNKNOWN: End = End { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: None };
}

impl Count {
    fn from_attributes(bytes: &[u8]) -> Option<Self> {
        let number = |kind| Some(u64::from_be_bytes(*find(bytes, kind)?.first_chunk()?));
        Some(Count { packets: number(CTA_COUNTERS_PACKETS)?, bytes: number(CTA_COUNTERS_BYTES)? })
    }

    /// What was added since `before`; none when it went backwards.
    pub(super) fn since(self, before: Count) -> Option<Count> {
        Some(Count { packets: self.packets.checked_sub(before.packets)?, bytes: self.bytes.checked_sub(before.bytes)? })
    }
}

fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        16 => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).into()),
        _ => None,
    }
}

fn tcp_state(word: &str) -> Option<u8> {
    let place = TCP_STATES.iter().position(|state| state.eq_ignore_ascii_case(word))?;
    u8::try_from(place).ok()
}

/// The name of a transport protocol, or its number.
pub(super) fn protocol_name(number: u8) -> String {
    let name = match i32::from(number) {
        libc::IPPROTO_ICMP => "icmp",
        libc::IPPROTO_IGMP => "igmp",
        libc::IPPROTO_TCP => "tcp",
        libc::IPPROTO_UDP => "udp",
        libc::IPPROTO_DCCP => "dccp",
        libc::IPPROTO_GRE => "gre",
        libc::IPPROTO_ESP => "esp",
        libc::IPPROTO_AH => "ah",
        libc::IPPROTO_ICMPV6 => "icmpv6",
        libc::IPPROTO_SCTP => "sctp",
        libc::IPPROTO_UDPLITE => "udplite",
        _ => return number.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn tuple(kind: u16, source: [u8; 4], source_port: u16, destination: [u8; 4], port: u16) -> Vec<u8> {
        let addresses = [attribute(1, &source), attribute(2, &destination)].concat();
        let transport =
            [attribute(1, &[6]), attribute(2, &source_port.to_be_bytes()), attribute(3, &port.to_be_bytes())].concat();
        attribute(kind | 0x8000, &[attribute(0x8001, &addresses), attribute(0x8002, &transport)].concat())
    }

    fn masqueraded() -> Vec<u8> {
        let counters = |packets: u64, bytes: u64| {
            [attribute(1, &packets.to_be_bytes()), attribute(2, &bytes.to_be_bytes())].concat()
        };
        [
            tuple(CTA_TUPLE_ORIG, [172, 17, 0, 2], 40000, [198, 51, 100, 7], 443),
            tuple(CTA_TUPLE_REPLY, [198, 51, 100, 7], 443, [192, 0, 2, 10], 40000),
            attribute(CTA_STATUS, &0x19e_u32.to_be_bytes()),
            attribute(CTA_PROTOINFO | 0x8000, &attribute(0x8001, &[attribute(1, &[3]), attribute(2, &[7])].concat())),
            attribute(CTA_COUNTERS_ORIG | 0x8000, &counters(10, 600)),
            attribute(CTA_COUNTERS_REPLY | 0x8000, &counters(90, 130_000)),
        ]
        .concat()
    }

    const SAME_AS_A_LINE: &str = "ipv4     2 tcp      6 431999 ESTABLISHED src=172.17.0.2 dst=198.51.100.7 sport=40000 \
        dport=443 packets=10 bytes=600 src=198.51.100.7 dst=192.0.2.10 sport=443 dport=40000 packets=90 bytes=130000 \
        [ASSURED] mark=0 zone=0 use=2";

    #[test]
    fn an_entry_reads_the_same_from_netlink_and_from_proc() {
        let entry = Entry::from_attributes(&masqueraded()).unwrap();
        assert_eq!(Entry::from_line(SAME_AS_A_LINE), Some(entry));
        assert!(entry.translates_source() && !entry.translates_destination());
        assert!(entry.replied && entry.assured && !entry.offloaded);
        assert_eq!(entry.tcp_state.map(|state| TCP_STATES[usize::from(state)]), Some("established"));
        assert_eq!(entry.counts.unwrap()[1], Count { packets: 90, bytes: 130_000 });
    }

    #[test]
    fn an_entry_that_nobody_answered_and_nobody_counts_is_read_so() {
        let line = "ipv6     10 udp      17 27 src=2001:0db8:0000:0000:0000:0000:0000:0001 \
            dst=2001:0db8:0000:0000:0000:0000:0000:0002 sport=5000 dport=53 [UNREPLIED] \
            src=2001:0db8:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0001 sport=53 dport=5000 \
            mark=0 zone=0 use=2";
        let entry = Entry::from_line(line).unwrap();
        assert!(!entry.replied && !entry.assured && !entry.translates_source());
        assert_eq!((entry.counts, entry.tcp_state, entry.original.protocol), (None, None, 17));
    }

    #[test]
    fn echo_requests_have_no_ports_and_an_offloaded_entry_no_state() {
        let echo = "ipv4     2 icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7 src=10.0.0.2 dst=10.0.0.1 \
            type=0 code=0 id=7 mark=0 use=2";
        assert_eq!(Entry::from_line(echo).unwrap().original.source.port, None);
        let offloaded = "ipv4     2 tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 \
            sport=2 dport=1 [OFFLOAD] mark=0 zone=0 use=3";
        let entry = Entry::from_line(offloaded).unwrap();
        assert!(entry.offloaded && entry.tcp_state.is_none());
    }

    #[test]
    fn half_an_entry_is_none() {
        assert_eq!(Entry::from_line("ipv4 2 tcp 6 10 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2"), None);
        let whole = masqueraded();
        assert_eq!(Entry::from_attributes(&whole[..60]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "(ipv4 2 tcp 6 )?(src=|dst=|sport=|bytes=|[0-9.:a-f]{0,8}| |\\PC){0,30}") {
            let _ = Entry::from_line(&line);
        }

        #[test]
        fn no_bytes_make_it_panic(at in 0usize..200, byte in 0u8.., cut in 0usize..300, noise in proptest::collection::vec(0u8.., 0..120)) {
            let _ = Entry::from_attributes(&noise);
            let mut bytes = masqueraded();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut);
            let _ = Entry::from_attributes(&bytes);
        }
    }
}
