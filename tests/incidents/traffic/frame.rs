//! Frames of floods, built with true checksums and forged sources.

use std::net::{Ipv4Addr, Ipv6Addr};

use etherparse::{IpNumber, Ipv4Header, PacketBuilder, TcpOptionElement};

use super::chance::Chance;
use crate::stage::{SERVER_LINK, SERVER6, WORLD, WORLD_LINK};

/// A flood of single packets, none of which expects an answer.
#[derive(Debug, Clone)]
pub struct Flood {
    /// What the packets are.
    pub shape: Shape,
    /// Where they go.
    pub to: Ipv4Addr,
    /// Where they claim to be from.
    pub from: Sources,
    /// The time to live that they arrive with.
    pub ttl: Ttl,
    /// Packets a second.
    pub per_second: u32,
}

/// The kinds of packet.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// TCP SYN to a port, without options: 54 bytes on the wire.
    Syn {
        /// The port.
        port: u16,
    },
    /// UDP with `payload` bytes of noise.
    Udp {
        /// Where to.
        ports: Ports,
        /// Bytes.
        payload: usize,
    },
    /// ICMP echo request with `payload` bytes.
    Echo {
        /// Bytes.
        payload: usize,
    },
    /// An answer of a DNS server, source port 53, in one piece, of about `size` bytes.
    DnsAnswer {
        /// Where to.
        ports: Ports,
        /// Bytes of UDP payload.
        size: usize,
    },
    /// An ARP request for an address of the link that nobody has.
    Arp,
    /// The same from as many stations, each with a link address of its own.
    ArpOfMany {
        /// How many.
        stations: u16,
    },
    /// A DHCP discover to all of the link, from as many stations.
    Discover {
        /// How many.
        stations: u16,
    },
    /// ICMP port unreachable: what comes back when somebody else sends with this host's address.
    Unreachable,
    /// UDP to one port after another, from 1 to `last`, empty.
    DatagramScan {
        /// The last port.
        last: u16,
    },
    /// TCP SYN to a port that sets ECE and CWR, too.
    SynWithEcn {
        /// The port.
        port: u16,
    },
    /// TCP SYNs to one port after another, from 1 to `last`.
    Scan {
        /// The last port.
        last: u16,
    },
    /// A TCP segment of no connection.
    Segment {
        /// What it claims to be.
        kind: Segment,
        /// Where to.
        ports: Ports,
    },
    /// A SYN-ACK of an honest web or FTP server, with options, that somebody else asked for.
    SynAck,
    /// A datagram that an abused service sends.
    Answer {
        /// Its port.
        from: u16,
        /// What it begins with.
        begins: &'static [u8],
        /// Bytes of UDP payload.
        size: usize,
        /// Where to.
        ports: Ports,
    },
    /// A question to the DNS server on port 53: ANY example.org.
    DnsQuestion,
    /// A fragment of a UDP packet whose other fragments never come; a first one every eighth time.
    LoneFragment {
        /// Bytes of IP payload.
        payload: usize,
    },
    /// An answer of a DNS server to RRSIG in three fragments, one frame each.
    FragmentedAnswer,
    /// UDP to all of the link.
    Broadcast {
        /// The port.
        port: u16,
        /// Bytes.
        payload: usize,
    },
    /// UDP to the group that is given as the destination.
    Multicast {
        /// The port.
        port: u16,
        /// Bytes.
        payload: usize,
    },
    /// UDP in frames for another machine's link address.
    ForOthers {
        /// Bytes.
        payload: usize,
    },
    /// Over IPv6, to the server's address, from strangers.
    Six(Six),
    /// UDP in GRE.
    Gre {
        /// Bytes of the inner payload.
        payload: usize,
    },
    /// UDP in frames of a VLAN.
    Tagged {
        /// Its number.
        vlan: u16,
        /// Bytes.
        payload: usize,
    },
    /// Frames of an ether type that no protocol has.
    Strange {
        /// The type.
        ether_type: u16,
        /// Bytes.
        payload: usize,
    },
    /// UDP to port 9987 in a PPPoE session.
    Session {
        /// Bytes.
        payload: usize,
    },
    /// IP packets of a protocol by its number.
    Protocol {
        /// The number.
        number: u8,
        /// Bytes.
        payload: usize,
    },
}

/// Packets over IPv6.
#[derive(Debug, Clone, Copy)]
pub enum Six {
    /// UDP.
    Udp {
        /// Where to.
        port: u16,
        /// Bytes.
        payload: usize,
    },
    /// TCP SYN.
    Syn {
        /// Where to.
        port: u16,
    },
    /// ICMPv6 echo request.
    Echo {
        /// Bytes.
        payload: usize,
    },
    /// An answer of an NTP server to its monitoring list, in one datagram.
    NtpAnswer {
        /// Where to.
        port: u16,
        /// Bytes of UDP payload.
        size: usize,
    },
    /// TCP ACK of no connection, without data.
    Ack {
        /// Where to.
        port: u16,
    },
    /// A router's advertisement to all nodes of the link.
    Advertisement,
    /// UDP to a group of the site.
    Group {
        /// The port.
        port: u16,
        /// Bytes.
        payload: usize,
    },
}

/// TCP segments by their flags.
#[derive(Debug, Clone, Copy)]
pub enum Segment {
    /// ACK, without data.
    Ack,
    /// RST.
    Rst,
    /// FIN and ACK.
    Fin,
    /// No flag at all.
    Null,
    /// FIN, PSH and URG.
    Christmas,
}

/// A link address that nobody on the stage has.
const FOREIGN_LINK: [u8; 6] = [0x02, 0x77, 0, 0, 0, 0x99];

/// Which port a packet goes to.
#[derive(Debug, Clone, Copy)]
pub enum Ports {
    /// Always the same.
    One(u16),
    /// Another one each time, of those that clients use.
    Any,
}

/// Where packets claim to be from.
#[derive(Debug, Clone, Copy)]
pub enum Sources {
    /// Another stranger each time.
    Forged,
    /// One address, one port.
    One(Ipv4Addr),
    /// As many strangers, again and again.
    Few(u16),
}

/// The time to live that packets arrive with.
#[derive(Debug, Clone, Copy)]
pub enum Ttl {
    /// The same for all, as from one machine that forges sources.
    Same(u8),
    /// By the source, as from many machines at different distances.
    BySource,
}

/// Makes the frames of a flood one by one.
#[derive(Debug)]
pub struct Frames {
    flood: Flood,
    chance: Chance,
    few: Vec<Ipv4Addr>,
    payload: Vec<u8>,
    frame: Vec<u8>,
    made: u64,
}

impl Frames {
    /// Of this flood.
    pub fn of(flood: &Flood) -> Self {
        let mut chance = Chance::new(u64::from(flood.per_second) ^ 0xca5e);
        let few = match flood.from {
            Sources::Few(count) => chance.strangers(count.into()),
            Sources::Forged | Sources::One(_) => Vec::new(),
        };
        let payload = match flood.shape {
            Shape::Udp { payload, .. } | Shape::Echo { payload } => (0..payload).map(|_| chance.next() as u8).collect(),
            Shape::DnsAnswer { size, .. } => dns_answer(size),
            Shape::LoneFragment { payload }
            | Shape::Broadcast { payload, .. }
            | Shape::Multicast { payload, .. }
            | Shape::ForOthers { payload }
            | Shape::Six(Six::Udp { payload, .. } | Six::Echo { payload } | Six::Group { payload, .. })
            | Shape::Gre { payload }
            | Shape::Tagged { payload, .. }
            | Shape::Session { payload }
            | Shape::Strange { payload, .. }
            | Shape::Protocol { payload, .. } => (0..payload).map(|_| chance.next() as u8).collect(),
            Shape::Answer { begins, size, .. } => answer(begins, size),
            Shape::Six(Six::NtpAnswer { size, .. }) => answer(&[0xd7, 0, 3, 42], size),
            Shape::FragmentedAnswer => dns_answer(4000),
            // BOOTP request, Ethernet; what it would ask for is left out.
            Shape::Discover { .. } => [&[1, 1, 6, 0][..], &[0; 296]].concat(),
            // The packet that somebody is said to have sent: IPv4, UDP from this host.
            Shape::Unreachable => {
                let mut quoted = Vec::new();
                PacketBuilder::ipv4(flood.to.octets(), [198, 18, 0, 9], 60)
                    .udp(53, 4000)
                    .write(&mut quoted, &[0; 8])
                    .expect("a vector takes it");
                quoted
            }
            Shape::DnsQuestion => b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03org\0\0\xff\0\x01".to_vec(),
            Shape::Syn { .. }
            | Shape::Arp
            | Shape::ArpOfMany { .. }
            | Shape::DatagramScan { .. }
            | Shape::SynWithEcn { .. }
            | Shape::Scan { .. }
            | Shape::Segment { .. }
            | Shape::Six(Six::Syn { .. } | Six::Ack { .. } | Six::Advertisement)
            | Shape::SynAck => Vec::new(),
        };
        Frames { flood: flood.clone(), chance, few, payload, frame: vec![0; 2048], made: 0 }
    }

    /// The next frame.
    pub fn next(&mut self) -> &[u8] {
        let chance = &mut self.chance;
        let (from, client_port) = match self.flood.from {
            Sources::Forged => (chance.stranger(), chance.client_port()),
            Sources::One(address) => (address, 40_000),
            Sources::Few(_) => {
                let index = chance.between(0, self.few.len() as u64 - 1) as usize;
                (self.few[index], chance.client_port())
            }
        };
        let ttl = match self.flood.ttl {
            Ttl::Same(ttl) => ttl,
            Ttl::BySource => 64 - (from.to_bits().wrapping_mul(0x9e37_79b1) >> 28) as u8 - 4,
        };
        self.made += 1;
        let to = self.flood.to;
        let link = match self.flood.shape {
            Shape::Broadcast { .. } | Shape::Discover { .. } => [0xff; 6],
            Shape::Multicast { .. } => {
                let [_, one, two, three] = to.octets();
                [0x01, 0, 0x5e, one & 0x7f, two, three]
            }
            Shape::ForOthers { .. } => FOREIGN_LINK,
            _ => SERVER_LINK,
        };
        let ip = PacketBuilder::ethernet2(WORLD_LINK, link).ipv4(from.octets(), to.octets(), ttl);
        let frame = self.frame.as_mut_slice();
        let length = match self.flood.shape {
            Shape::Syn { port } => {
                ip.tcp(client_port, port, chance.next() as u32, 64_240).syn().write_to_slice(frame, &[])
            }
            Shape::Udp { ports, .. } => ip.udp(client_port, ports.next(chance)).write_to_slice(frame, &self.payload),
            Shape::DnsAnswer { ports, .. } => {
                self.payload[..2].copy_from_slice(&(chance.next() as u16).to_be_bytes());
                ip.udp(53, ports.next(chance)).write_to_slice(frame, &self.payload)
            }
            Shape::Echo { .. } => {
                let (id, sequence) = (chance.next() as u16, chance.next() as u16);
                ip.icmpv4_echo_request(id, sequence).write_to_slice(frame, &self.payload)
            }
            Shape::Arp => return self.arp(None),
            Shape::ArpOfMany { stations } => {
                let station = (chance.next() % u64::from(stations)) as u16;
                return self.arp(Some(station));
            }
            Shape::Discover { stations } => {
                let [high, low] = ((chance.next() % u64::from(stations)) as u16).to_be_bytes();
                let station = [0x02, 0x78, 0, 0, high, low];
                self.payload[28..34].copy_from_slice(&station);
                PacketBuilder::ethernet2(station, link)
                    .ipv4([0; 4], [255; 4], 64)
                    .udp(68, 67)
                    .write_to_slice(frame, &self.payload)
            }
            Shape::Unreachable => {
                use etherparse::icmpv4::DestUnreachableHeader;
                let port = etherparse::Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Port);
                ip.icmpv4(port).write_to_slice(frame, &self.payload)
            }
            Shape::DatagramScan { last } => {
                let port = (self.made % u64::from(last)) as u16 + 1;
                ip.udp(client_port, port).write_to_slice(frame, &[])
            }
            Shape::SynWithEcn { port } => {
                let mut tcp = etherparse::TcpHeader::new(client_port, port, chance.next() as u32, 64_240);
                (tcp.syn, tcp.ece, tcp.cwr) = (true, true, true);
                ip.tcp_header(tcp).write_to_slice(frame, &[])
            }
            Shape::Scan { last } => {
                let port = (self.made % u64::from(last)) as u16 + 1;
                ip.tcp(client_port, port, chance.next() as u32, 1024)
                    .syn()
                    .options(&[TcpOptionElement::MaximumSegmentSize(1460)])
                    .expect("options fit")
                    .write_to_slice(frame, &[])
            }
            Shape::Segment { kind, ports } => {
                let tcp = ip.tcp(client_port, ports.next(chance), chance.next() as u32, 512);
                let acknowledged = chance.next() as u32;
                let tcp = match kind {
                    Segment::Ack => tcp.ack(acknowledged),
                    Segment::Rst => tcp.rst(),
                    Segment::Fin => tcp.fin().ack(acknowledged),
                    Segment::Null => tcp,
                    Segment::Christmas => tcp.fin().psh().urg(7),
                };
                tcp.write_to_slice(frame, &[])
            }
            Shape::SynAck => {
                let from_port = [80, 80, 80, 80, 80, 443, 21][(from.to_bits() % 7) as usize];
                let to_port = chance.client_port();
                ip.tcp(from_port, to_port, chance.next() as u32, 64_240)
                    .syn()
                    .ack(chance.next() as u32)
                    .options(&[
                        TcpOptionElement::MaximumSegmentSize(1460),
                        TcpOptionElement::Noop,
                        TcpOptionElement::WindowScale(7),
                    ])
                    .expect("options fit")
                    .write_to_slice(frame, &[])
            }
            Shape::Answer { from: from_port, ports, .. } => {
                ip.udp(from_port, ports.next(chance)).write_to_slice(frame, &self.payload)
            }
            Shape::DnsQuestion => ip.udp(client_port, 53).write_to_slice(frame, &self.payload),
            Shape::Broadcast { port, .. } | Shape::Multicast { port, .. } => {
                ip.udp(client_port, port).write_to_slice(frame, &self.payload)
            }
            Shape::ForOthers { .. } => ip.udp(client_port, 9999).write_to_slice(frame, &self.payload),
            Shape::LoneFragment { .. } => return self.fragment(from, ttl, client_port),
            Shape::Gre { .. } => return self.gre(ttl),
            Shape::Tagged { vlan, .. } => PacketBuilder::ethernet2(WORLD_LINK, link)
                .single_vlan(vlan.try_into().expect("12 bits"))
                .ipv4(from.octets(), to.octets(), ttl)
                .udp(client_port, 9999)
                .write_to_slice(frame, &self.payload),
            Shape::Session { .. } => return self.session(from, client_port, ttl),
            Shape::Strange { ether_type, .. } => return self.strange(ether_type),
            Shape::Protocol { number, .. } => return self.protocol(number, from, ttl),
            Shape::Six(six) => return self.six(six, ttl),
            Shape::FragmentedAnswer => return self.fragmented_answer(ttl),
        };
        &self.frame[..length.expect("a frame fits in 2048 bytes")]
    }

    /// The first fragment every eighth time, else one from the middle.
    fn fragment(&mut self, from: Ipv4Addr, ttl: u8, client_port: u16) -> &[u8] {
        let offset = if self.made.is_multiple_of(8) { 0 } else { 64 + self.made as u16 % 64 };
        let mut header =
            Ipv4Header::new(self.payload.len() as u16, ttl, IpNumber::UDP, from.octets(), self.flood.to.octets())
                .expect("a short payload");
        header.identification = self.chance.next() as u16;
        header.fragment_offset = offset.try_into().expect("a small offset");
        header.more_fragments = true;
        header.dont_fragment = false;
        header.header_checksum = header.calc_header_checksum();
        self.payload[..2].copy_from_slice(&client_port.to_be_bytes());
        self.payload[2..4].copy_from_slice(&9987u16.to_be_bytes());
        whole(&mut self.frame, SERVER_LINK, &header.to_bytes(), &self.payload)
    }

    /// The fragments of one answer after another, each answer from the next of the few sources.
    fn fragmented_answer(&mut self, ttl: u8) -> &[u8] {
        const EACH: usize = 1480;
        let (answer, part) = ((self.made - 1) / 3, ((self.made - 1) % 3) as usize);
        let from = self.few[answer as usize % self.few.len()];
        let mut datagram = Vec::with_capacity(self.payload.len() + 8);
        datagram.extend(53u16.to_be_bytes());
        datagram.extend((20_000 + answer as u16 % 20_000).to_be_bytes());
        datagram.extend((self.payload.len() as u16 + 8).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(&self.payload);
        let piece = &datagram[(part * EACH).min(datagram.len())..((part + 1) * EACH).min(datagram.len())];
        let mut header = Ipv4Header::new(piece.len() as u16, ttl, IpNumber::UDP, from.octets(), self.flood.to.octets())
            .expect("a short payload");
        header.identification = answer as u16;
        header.fragment_offset = ((part * EACH / 8) as u16).try_into().expect("a small offset");
        header.more_fragments = part < 2;
        header.dont_fragment = false;
        header.header_checksum = header.calc_header_checksum();
        whole(&mut self.frame, SERVER_LINK, &header.to_bytes(), piece)
    }

    fn six(&mut self, six: Six, ttl: u8) -> &[u8] {
        let chance = &mut self.chance;
        // As many reflectors as an attacker has, or another stranger each time.
        let interface = match self.flood.from {
            Sources::Few(count) => chance.next() % u64::from(count.max(1)) * 0x0001_0001_0001,
            Sources::Forged | Sources::One(_) => chance.next(),
        };
        let stranger = Ipv6Addr::from_bits(0x2001_0db8_0000_0000_0000_0000_0000_0000 | u128::from(interface));
        let ttl = if matches!(self.flood.ttl, Ttl::BySource) { 60 - (interface % 16) as u8 } else { ttl };
        let (link, to) = match six {
            Six::Advertisement => ([0x33, 0x33, 0, 0, 0, 1], Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)),
            Six::Group { .. } => ([0x33, 0x33, 0, 0, 0, 0x77], Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x77)),
            _ => (SERVER_LINK, SERVER6),
        };
        let (stranger, ttl) = match six {
            // Routers speak from addresses of the link, and their packets have not been routed.
            Six::Advertisement => (Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(interface % 3 + 1)), 255),
            _ => (stranger, ttl),
        };
        let ip = PacketBuilder::ethernet2(WORLD_LINK, link).ipv6(stranger.octets(), to.octets(), ttl);
        let frame = self.frame.as_mut_slice();
        let length = match six {
            Six::Udp { port, .. } => ip.udp(chance.client_port(), port).write_to_slice(frame, &self.payload),
            Six::Syn { port } => {
                ip.tcp(chance.client_port(), port, chance.next() as u32, 64_240).syn().write_to_slice(frame, &[])
            }
            Six::NtpAnswer { port, .. } => ip.udp(123, port).write_to_slice(frame, &self.payload),
            Six::Ack { port } => ip
                .tcp(chance.client_port(), port, chance.next() as u32, 512)
                .ack(chance.next() as u32)
                .write_to_slice(frame, &[]),
            Six::Advertisement => {
                let header = etherparse::Icmpv6Type::Unknown { type_u8: 134, code_u8: 0, bytes5to8: [64, 0, 0, 0] };
                ip.icmpv6(header).write_to_slice(frame, &[0; 8])
            }
            Six::Group { port, .. } => ip.udp(chance.client_port(), port).write_to_slice(frame, &self.payload),
            Six::Echo { .. } => {
                ip.icmpv6_echo_request(chance.next() as u16, chance.next() as u16).write_to_slice(frame, &self.payload)
            }
        };
        &self.frame[..length.expect("a frame fits in 2048 bytes")]
    }

    fn strange(&mut self, ether_type: u16) -> &[u8] {
        let length = whole(&mut self.frame, SERVER_LINK, &self.payload, &[]).len();
        self.frame[12..14].copy_from_slice(&ether_type.to_be_bytes());
        &self.frame[..length]
    }

    fn session(&mut self, from: Ipv4Addr, client_port: u16, ttl: u8) -> &[u8] {
        let mut inner = Vec::new();
        PacketBuilder::ipv4(from.octets(), self.flood.to.octets(), ttl)
            .udp(client_port, 9987)
            .write(&mut inner, &self.payload)
            .expect("a vector takes it");
        let [high, low] = (inner.len() as u16 + 2).to_be_bytes();
        let session = [0x11, 0, 0, 9, high, low, 0, 0x21];
        let length = whole(&mut self.frame, SERVER_LINK, &session, &inner).len();
        self.frame[12..14].copy_from_slice(&[0x88, 0x64]);
        &self.frame[..length]
    }

    /// A packet of a protocol that has no header here.
    fn protocol(&mut self, number: u8, from: Ipv4Addr, ttl: u8) -> &[u8] {
        let length = self.payload.len() as u16;
        let mut header = Ipv4Header::new(length, ttl, IpNumber(number), from.octets(), self.flood.to.octets())
            .expect("a short payload");
        header.header_checksum = header.calc_header_checksum();
        whole(&mut self.frame, SERVER_LINK, &header.to_bytes(), &self.payload)
    }

    /// A datagram from 10.88.0.1 to 10.88.0.2, in GRE from the world.
    fn gre(&mut self, ttl: u8) -> &[u8] {
        let mut inner = Vec::new();
        PacketBuilder::ipv4([10, 88, 0, 1], [10, 88, 0, 2], 64)
            .udp(5000, 5001)
            .write(&mut inner, &self.payload)
            .expect("a vector takes it");
        let length = inner.len() as u16 + 4;
        let mut header = Ipv4Header::new(length, ttl, IpNumber::GRE, WORLD.octets(), self.flood.to.octets())
            .expect("a short payload");
        header.header_checksum = header.calc_header_checksum();
        let mut packet = header.to_bytes().to_vec();
        packet.extend([0, 0, 0x08, 0]); // no flags; IPv4
        packet.extend(inner);
        whole(&mut self.frame, SERVER_LINK, &packet, &[])
    }

    fn arp(&mut self, station: Option<u16>) -> &[u8] {
        let (link, address) = match station.map(u16::to_be_bytes) {
            Some([high, low]) => ([0x02, 0x79, 0, 0, high, low], Ipv4Addr::new(10, 77, high, low)),
            None => (WORLD_LINK, WORLD),
        };
        let wanted = Ipv4Addr::new(10, 77, 1, self.chance.between(100, 250) as u8);
        let frame = &mut self.frame[..42];
        frame[..6].fill(0xff);
        frame[6..12].copy_from_slice(&link);
        frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
        frame[22..28].copy_from_slice(&link);
        frame[28..32].copy_from_slice(&address.octets());
        frame[32..38].fill(0);
        frame[38..42].copy_from_slice(&wanted.octets());
        frame
    }
}

/// The payload of an answer that begins like that.
fn answer(begins: &[u8], size: usize) -> Vec<u8> {
    let mut payload: Vec<u8> = (0..size).map(|at| b'a' + (at % 26) as u8).collect();
    payload[..begins.len()].copy_from_slice(begins);
    payload
}

/// A frame of IPv4: these bytes, then the payload.
fn whole<'a>(frame: &'a mut [u8], link: [u8; 6], header: &[u8], payload: &[u8]) -> &'a [u8] {
    let length = 14 + header.len() + payload.len();
    let frame = &mut frame[..length];
    frame[..6].copy_from_slice(&link);
    frame[6..12].copy_from_slice(&WORLD_LINK);
    frame[12..14].copy_from_slice(&[0x08, 0]);
    frame[14..14 + header.len()].copy_from_slice(header);
    frame[14 + header.len()..].copy_from_slice(payload);
    frame
}

impl Ports {
    fn next(self, chance: &mut Chance) -> u16 {
        match self {
            Ports::One(port) => port,
            Ports::Any => chance.client_port(),
        }
    }
}

/// A DNS message: the answer to ANY example.org, filled up with TXT records to at most `size` bytes.
fn dns_answer(size: usize) -> Vec<u8> {
    const NAME: &[u8] = b"\x07example\x03org\0";
    const TEXT: usize = 200; // one character string of a TXT record
    const RECORD: usize = 2 + 2 + 2 + 4 + 2 + 1 + TEXT;
    let question = NAME.len() + 4;
    let records = size.saturating_sub(12 + question) / RECORD;
    let mut message = Vec::with_capacity(size);
    message.extend([0, 0, 0x81, 0x80, 0, 1]); // id (set per packet); response, recursion desired and available; one question
    message.extend((records as u16).to_be_bytes());
    message.extend([0, 0, 0, 0]);
    message.extend(NAME);
    message.extend([0, 255, 0, 1]); // ANY, IN
    for record in 0..records {
        message.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0x0e, 0x10]); // the question's name, TXT, IN, one hour
        message.extend((TEXT as u16 + 1).to_be_bytes());
        message.push(TEXT as u8);
        message.extend((0..TEXT).map(|at| b'a' + ((at + record) % 26) as u8));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    fn flood(shape: Shape) -> Flood {
        Flood { shape, to: Ipv4Addr::new(10, 77, 1, 2), from: Sources::Few(300), ttl: Ttl::BySource, per_second: 1000 }
    }

    #[test]
    fn an_answer_of_a_reflector_is_a_whole_dns_message_from_port_53() {
        let mut frames = Frames::of(&flood(Shape::DnsAnswer { ports: Ports::Any, size: 1400 }));
        let frame = frames.next();
        let packet = SlicedPacket::from_ethernet(frame).unwrap();
        let Some(TransportSlice::Udp(udp)) = packet.transport else { panic!("not UDP: {packet:?}") };
        assert_eq!(udp.source_port(), 53);
        assert!((1250..=1400).contains(&udp.payload().len()), "{}", udp.payload().len());
        assert_eq!(udp.payload()[2..4], [0x81, 0x80]);
        assert_eq!(udp.payload()[7], 6, "answers");
    }

    #[test]
    fn a_syn_has_54_bytes_and_true_checksums() {
        let mut frames = Frames::of(&flood(Shape::Syn { port: 80 }));
        let frame = frames.next();
        assert_eq!(frame.len(), 54);
        let packet = SlicedPacket::from_ethernet(frame).unwrap();
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (packet.net, packet.transport) else {
            panic!("not TCP over IPv4")
        };
        assert!(tcp.syn() && !tcp.ack());
        let ip = ip.header().to_header();
        assert_eq!(tcp.to_header().calc_checksum_ipv4(&ip, &[]).unwrap(), tcp.checksum());
        assert_eq!(ip.calc_header_checksum(), ip.header_checksum);
    }

    #[test]
    fn a_few_sources_keep_their_distance() {
        let mut frames = Frames::of(&flood(Shape::Echo { payload: 56 }));
        let mut distances = std::collections::BTreeMap::new();
        for _ in 0..5000 {
            let packet = SlicedPacket::from_ethernet(frames.next()).unwrap();
            let Some(NetSlice::Ipv4(ip)) = packet.net else { panic!("not IPv4") };
            let ttl = ip.header().ttl();
            assert_eq!(*distances.entry(ip.header().source_addr()).or_insert(ttl), ttl);
        }
        assert_eq!(distances.len(), 300);
        assert!(distances.values().collect::<std::collections::BTreeSet<_>>().len() > 5);
    }
}
