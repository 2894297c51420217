//! Adds packets up: constant work per packet, bounded memory, exact totals.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::claims::Claims;
use super::classes::{Class, LocalAddresses};
use super::count::{Count, Direction, OnWire};
use super::dns::DnsCounts;
use super::endpoints::{self, Endpoints};
use super::flows::{self, Flows, Handshake, Meaning, Turn};
use super::fragments::Fragments;
use super::histogram::TtlHistogram;
use super::link::Way;
use super::names::{REFLECTORS, reflector};
use super::neighbours::Neighbours;
use super::output::Gso;
use super::packet::{Ip, Packet, Transport, flag, ip_protocol};
use super::port_scan::{PortSet, Room, scanned};
use super::ports::Ports;
use super::reflected::Reflected;
use super::sent::{Parts, Sent};
use super::timeseries::Timeseries;
use crate::probe::hash::KeyedHash;
use crate::probe::heavy::Heavy;
use crate::probe::hyperloglog::HyperLogLog;

/// Remotes that are kept at a time.
const REMOTES: usize = 8_192;
/// The ether type of ARP.
const ARP: u16 = 0x0806;

/// Ether types that are counted one by one; only neighbours on the link can send more.
const ETHER_TYPES: usize = 64;
/// Upper ends of the classes of size.
pub const SIZES: [u32; 8] = [64, 128, 256, 512, 1024, 1518, 9018, u32::MAX];

/// A packet as a source hands it over.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'f> {
    /// Nanoseconds after the beginning of the burst.
    pub at_nanos: u64,
    /// How many packets it stands for: more than one when only some are looked at.
    pub stands_for: u32,
    /// By which of the interfaces that are watched together, by its place among them.
    pub interface: u8,
    /// How it came, or that it went.
    pub way: Way,
    /// Length on the wire, link header included.
    pub wire_bytes: u32,
    /// Length of the link header.
    pub link_bytes: u32,
    /// Whether the kernel took a VLAN tag off.
    pub tag_stripped: bool,
    /// The VLAN that it is of, when this host has no device for that.
    pub vlan_without_device: Option<u16>,
    /// Nothing on this host takes frames of its ether type.
    pub untaken: bool,
    /// Payload bytes of each packet that was merged into this frame; none when it was not merged.
    pub segment_bytes: Option<u16>,
    /// The receiver's and the sender's link address, where the frame has them.
    pub link: Option<([u8; 6], [u8; 6])>,
    /// What it is.
    pub packet: Packet,
    /// What was captured of it, from the network header on.
    pub bytes: &'f [u8],
}

impl Seen<'_> {
    /// The packets and bytes on the wire that it stands for.
    #[inline(always)]
    pub fn amount(&self) -> Count {
        let packets = u64::from(self.stands_for);
        Count { packets, bytes: packets * u64::from(self.wire_bytes) }
    }
}

/// Counts of TCP, rx unless named otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpCounts {
    pub payload_bytes: u64,
    pub syn: u64,
    pub syn_ack: u64,
    pub pure_ack: u64,
    pub rst: u64,
    pub fin: u64,
    pub data: u64,
    pub syn_without_options: u64,
    pub syn_with_ecn: u64,
    pub stray: Count,
    pub unasked: u64,
    pub handshakes_started: u64,
    pub handshakes_completed: u64,
    pub tx: Count,
    pub tx_payload_bytes: u64,
    pub tx_syn: u64,
    pub tx_syn_ack: u64,
    pub tx_rst: u64,
}

/// What one remote sent.
#[derive(Debug, Default)]
pub struct RemoteCount {
    pub count: Count,
    pub ttl: u8,
    pub ports: PortSet,
}

/// The sums.
#[derive(Debug)]
pub struct Tally {
    secret: KeyedHash,
    /// For the ports of remotes that scan.
    room: Room,
    pub local: LocalAddresses,
    pub rx: Direction,
    pub tx: Direction,
    /// Received by each of the interfaces that are watched together.
    pub entered: Vec<Direction>,
    /// Tags that the kernel took off, by interface.
    pub stripped_by: Vec<u64>,
    pub classes: [Count; Class::ALL.len()],
    pub ip_protocols: Box<[Count; 256]>,
    /// Of ether types that nothing on this host takes; none where that is not known.
    pub untaken: Option<Count>,
    pub ether_types: Vec<(u16, Count)>,
    pub other_ether_types: Count,
    pub tcp: TcpCounts,
    pub udp_wire: Direction,
    pub udp_tx: Count,
    /// By family (IPv4, IPv6) and type.
    pub icmp: Box<[[Count; 256]; 2]>,
    pub icmp_tx: u64,
    pub icmp_tx_echo_replies: u64,
    pub icmp_tx_unreachables: u64,
    pub fragments: Fragments,
    pub tagged: Count,
    /// In PPPoE sessions.
    pub sessions: Count,
    pub stripped_tags: u64,
    /// Of VLANs for which this host has no device, by number.
    pub strange_vlans: BTreeMap<u16, Count>,
    pub ip_packets: u64,
    pub distinct_remotes: HyperLogLog,
    pub distinct_networks: HyperLogLog,
    pub remotes: Heavy<IpAddr, RemoteCount>,
    pub ttl: TtlHistogram,
    /// By remote port.
    pub tcp_ports: Ports,
    pub udp_ports: Ports,
    /// By place in [`REFLECTORS`].
    pub reflected: Vec<Option<Box<Reflected>>>,
    /// SYN-ACKs to this host.
    pub syn_acks: Option<Box<Reflected>>,
    pub dns: DnsCounts,
    pub neighbours: Neighbours,
    /// Who claims which address by ARP.
    pub claims: Claims,
    pub endpoints: Endpoints,
    pub flows: Flows,
    pub sent: Sent,
    pub sizes: [Count; SIZES.len()],
    pub timeseries: Timeseries,
    pub gso: Gso,
    /// The most packets that one stood for.
    pub sampled: u32,
}

impl Tally {
    /// Nothing counted yet.
    pub fn new(local: LocalAddresses, window_nanos: u64, secret: KeyedHash) -> Self {
        Tally {
            secret,
            room: Room::default(),
            local,
            rx: Direction::default(),
            tx: Direction::default(),
            entered: vec![Direction::default()],
            stripped_by: vec![0],
            classes: Default::default(),
            ip_protocols: Box::new([Count::default(); 256]),
            untaken: None,
            ether_types: Vec::new(),
            other_ether_types: Count::default(),
            tcp: TcpCounts::default(),
            udp_wire: Direction::default(),
            udp_tx: Count::default(),
            icmp: Box::new([[Count::default(); 256]; 2]),
            icmp_tx: 0,
            icmp_tx_echo_replies: 0,
            icmp_tx_unreachables: 0,
            fragments: Fragments::new(),
            tagged: Count::default(),
            sessions: Count::default(),
            stripped_tags: 0,
            strange_vlans: BTreeMap::new(),
            ip_packets: 0,
            distinct_remotes: HyperLogLog::new(12, HyperLogLog::EXACT),
            distinct_networks: HyperLogLog::new(12, HyperLogLog::EXACT),
            remotes: Heavy::new(REMOTES),
            ttl: TtlHistogram::default(),
            tcp_ports: Ports::new(),
            udp_ports: Ports::new(),
            reflected: REFLECTORS.iter().map(|_| None).collect(),
            syn_acks: None,
            dns: DnsCounts::default(),
            neighbours: Neighbours::new(),
            claims: Claims::default(),
            endpoints: Endpoints::new(secret),
            flows: Flows::new(secret),
            sent: Sent::new(),
            sizes: Default::default(),
            timeseries: Timeseries::new(window_nanos),
            gso: Gso::default(),
            sampled: 1,
        }
    }

    /// Keeps apart what comes in by so many interfaces.
    #[must_use]
    pub fn with_interfaces(mut self, interfaces: usize) -> Self {
        self.entered = vec![Direction::default(); interfaces];
        self.stripped_by = vec![0; interfaces];
        self.sent.parts = Parts::new(interfaces);
        self
    }

    /// Adds a packet.
    pub fn add(&mut self, seen: &Seen<'_>) {
        self.sampled = self.sampled.max(seen.stands_for);
        let outgoing = seen.way == Way::Outgoing;
        let mut seen = *seen;
        if let Some(ip) = &mut seen.packet.ip {
            self.fragments.resolve(ip, &self.secret, !outgoing, seen.stands_for);
        }
        let seen = &seen;
        let on_wire = on_wire(seen);
        let side = if outgoing { &mut self.tx } else { &mut self.rx };
        side.add(seen.amount(), on_wire);
        side.link_header_bytes += u64::from(seen.stands_for) * u64::from(seen.link_bytes);
        self.timeseries.add(seen.at_nanos, outgoing, seen.amount());
        if outgoing {
            self.sent.parts.leave(usize::from(seen.interface), seen.amount(), on_wire, seen.tag_stripped);
            match &seen.packet.ip {
                Some(ip) => self.add_sent(seen, ip, on_wire),
                None => self.sent.parts.add_no_ip(seen.packet.ether_type, seen.amount()),
            }
        } else {
            self.add_received(seen, on_wire);
        }
    }

    fn add_received(&mut self, seen: &Seen<'_>, on_wire: OnWire) {
        let class = self.local.class(seen.way, &seen.packet);
        let amount = seen.amount();
        let interface = usize::from(seen.interface);
        if let (Some(entered), Some(stripped)) = (self.entered.get_mut(interface), self.stripped_by.get_mut(interface))
        {
            entered.add(amount, on_wire);
            *stripped += u64::from(seen.tag_stripped) * amount.packets;
        }
        self.classes[class as usize].add(amount);
        if seen.tag_stripped || seen.packet.tagged {
            self.tagged.add(amount);
            self.stripped_tags += u64::from(seen.tag_stripped) * amount.packets;
        }
        if seen.packet.in_session {
            self.sessions.add(amount);
        }
        if let Some(vlan) = seen.vlan_without_device {
            // Numbers have 12 bits, so they are few.
            self.strange_vlans.entry(vlan).or_default().add(amount);
        }
        self.neighbours.add(class, seen.link, &seen.packet, &self.secret, amount);
        self.add_sizes(seen, on_wire);
        match &seen.packet.ip {
            Some(ip) => self.add_received_ip(seen, ip, class, on_wire),
            None => {
                if let Some(untaken) = self.untaken.as_mut().filter(|_| seen.untaken && class == Class::NonIp) {
                    untaken.add(amount);
                }
                self.add_ether_type(seen.packet.ether_type, amount);
                if seen.packet.ether_type == ARP && seen.vlan_without_device.is_none() {
                    self.claims.add(seen.interface, seen.packet.tagged || seen.tag_stripped, seen.bytes);
                }
            }
        }
    }

    fn add_received_ip(&mut self, seen: &Seen<'_>, ip: &Ip, class: Class, on_wire: OnWire) {
        let amount = seen.amount();
        self.ip_packets += amount.packets;
        self.ip_protocols[usize::from(ip.protocol)].add(amount);
        let remote_hash = self.secret.address(ip.source);
        if ip.fragment {
            self.fragments.add(ip, remote_hash, amount);
        }
        self.ttl.add(ip.ttl, seen.stands_for);
        self.distinct_remotes.add(remote_hash);
        self.distinct_networks.add(self.secret.network(ip.source));
        if let Some((remote, _)) = self.remotes.admit(remote_hash, ip.source, amount.weight(), 0) {
            remote.count.add(amount);
            remote.ttl = ip.ttl;
            if class == Class::ToUs
                && let Some(port) = scanned(&ip.transport)
            {
                remote.ports.add(port, self.secret.words(u64::from(port), 0x7c9), &self.room);
            }
        }
        let Meaning { handshake, turn, .. } = self.flows.add(&part(seen, ip, Some(class), remote_hash));
        match ip.transport {
            Transport::Tcp { source_port, destination_port, flags, options, .. } => {
                self.tcp_ports.add(source_port, amount);
                self.tcp.add_received(flags, options, ip.payload_bytes, handshake, amount.packets);
                if matches!(handshake, Handshake::Stray | Handshake::Unasked) {
                    self.tcp.stray.add(amount);
                }
                if class == Class::ToUs && flags & (flag::SYN | flag::ACK) == flag::SYN | flag::ACK {
                    let local = (ip.destination, destination_port);
                    let syn_acks = self.syn_acks.get_or_insert_with(|| Box::new(Reflected::new()));
                    syn_acks.add(local, source_port, remote_hash, None, amount);
                }
            }
            Transport::Udp { source_port, destination_port } => {
                self.udp_ports.add(source_port, amount);
                // What is flooded or mirrored to us is somebody else's affair; stations that call all others answer nobody.
                if matches!(class, Class::ToUs | Class::Forwarded) {
                    self.add_reflected(source_port, (ip.destination, destination_port), remote_hash, ip, amount);
                }
                if class != Class::OtherHost
                    && let Some(question) = ip.payload_signature.dns
                {
                    self.dns.add(question, false, amount);
                }
            }
            Transport::Icmp { kind } => {
                self.icmp[usize::from(ip.protocol == ip_protocol::ICMPV6)][usize::from(kind)].add(amount);
            }
            Transport::Other => {}
        }
        if ip.protocol == ip_protocol::UDP {
            self.udp_wire.add(amount, on_wire);
        }
        if class == Class::ToUs {
            let place = self.add_to_endpoint(seen, ip, remote_hash, on_wire, handshake);
            if let Some(place) = place.filter(|_| turn != Turn::Nothing) {
                let text = seen.packet.payload(seen.bytes);
                self.endpoints.ask(place, turn, ip.source, text, seen.at_nanos, amount.packets);
            }
        }
    }

    /// Gives the place of the endpoint, if it has one.
    fn add_to_endpoint(
        &mut self,
        seen: &Seen<'_>,
        ip: &Ip,
        remote_hash: u64,
        on_wire: OnWire,
        handshake: Handshake,
    ) -> Option<usize> {
        let ports = ip.transport.ports();
        let key =
            endpoints::Key { address: ip.destination, port: ports.map(|(_, local)| local), protocol: ip.protocol };
        let amount = seen.amount();
        let Some(place) = self.endpoints.place(key, seen.at_nanos) else {
            self.endpoints.overflow(&key, amount);
            return None;
        };
        let row = self.endpoints.at(place);
        let those = |which: bool| if which { amount.packets } else { 0 };
        row.entered.vote(seen.interface, amount.packets);
        row.packets += amount.packets;
        row.wire_packets += on_wire.packets;
        row.bytes += amount.bytes;
        row.payload_bytes += amount.packets * u64::from(ip.payload_bytes);
        row.merged_header_bytes += on_wire.merged_header_bytes;
        row.last_nanos = seen.at_nanos;
        row.fragments += those(ip.fragment);
        row.later_fragments += those(ip.later_fragment);
        row.impossible_sources += those(is_impossible(ip.source) || self.local.contains(ip.source));
        if let Transport::Tcp { flags, .. } = ip.transport {
            row.syn_ack += those(flags & (flag::SYN | flag::ACK) == flag::SYN | flag::ACK);
            row.stray += those(matches!(handshake, Handshake::Stray | Handshake::Unasked));
            row.syn += those(flags & (flag::SYN | flag::ACK) == flag::SYN);
            row.rst += those(flags & flag::RST != 0);
            row.handshakes_completed += those(handshake == Handshake::Completed);
        }
        let remote_port = ports.map(|(remote, _)| remote);
        self.endpoints.look_into(place, ip.source, remote_hash, remote_port, ip.ttl, amount);
        Some(place)
    }

    fn add_sent(&mut self, seen: &Seen<'_>, ip: &Ip, on_wire: OnWire) {
        let amount = seen.amount();
        let those = |which: bool| if which { amount.packets } else { 0 };
        // Who has no address yet asks for one with that of nobody.
        let own = self.local.contains(ip.source) || ip.source.is_unspecified();
        let remote_hash = self.secret.address(ip.destination);
        let Meaning { sent_again, .. } = self.flows.add(&part(seen, ip, None, remote_hash));
        self.sent.add(ip, remote_hash, &self.secret, own, amount);
        match ip.transport {
            Transport::Tcp { destination_port, flags, .. } => {
                self.tcp_ports.ask(destination_port, amount.packets);
                self.tcp.add_sent(flags, ip.payload_bytes, amount.packets);
            }
            // One question, however many fragments it has.
            Transport::Udp { destination_port, .. } if !ip.later_fragment => {
                self.udp_ports.ask(destination_port, amount.packets);
                if let Some(question) = ip.payload_signature.dns {
                    self.dns.add(question, true, amount);
                }
            }
            Transport::Icmp { kind } => {
                let v6 = ip.protocol == ip_protocol::ICMPV6;
                self.icmp_tx_echo_replies += those(kind == if v6 { 129 } else { 0 });
                self.icmp_tx_unreachables += those(kind == if v6 { 1 } else { 3 });
            }
            Transport::Udp { .. } | Transport::Other => {}
        }
        match ip.protocol {
            ip_protocol::TCP => self.tcp.tx.add(amount),
            ip_protocol::UDP => self.udp_tx.add(amount),
            ip_protocol::ICMP | ip_protocol::ICMPV6 => self.icmp_tx += amount.packets,
            _ => {}
        }
        if own {
            let port = ip.transport.ports().map(|(local, _)| local);
            let key = endpoints::Key { address: ip.source, port, protocol: ip.protocol };
            let is_icmp = matches!(ip.transport, Transport::Icmp { .. });
            if let Transport::Icmp { kind } = ip.transport {
                self.sent.parts.icmp[usize::from(ip.protocol == ip_protocol::ICMPV6)][usize::from(kind)].add(amount);
            }
            let place = self.endpoints.place_of_sender(key, seen.at_nanos);
            if place.is_none() && !is_icmp {
                self.sent.parts.overflow(ip, amount);
            }
            if let Some(place) = place {
                let row = self.endpoints.at(place);
                row.tx_packets += amount.packets;
                row.tx_bytes += amount.bytes;
                row.tx_payload_bytes += amount.packets * u64::from(ip.payload_bytes);
                row.last_nanos = seen.at_nanos;
                row.tx_wire_packets += on_wire.packets;
                row.tx_merged_header_bytes += on_wire.merged_header_bytes;
                if let Transport::Tcp { flags, .. } = ip.transport {
                    let (rst, syn, syn_ack) = flag::kinds(flags);
                    row.tx_rst += those(rst);
                    row.tx_rst_bytes += if rst { amount.bytes } else { 0 };
                    row.tx_syn += those(syn);
                    row.tx_syn_ack += those(syn_ack);
                    row.tx_syn_ack_bytes += if syn_ack { amount.bytes } else { 0 };
                    row.tx_again.add(again(seen, ip, on_wire, sent_again));
                }
            }
        } else {
            let hash = self.secret.address(ip.source);
            self.sent.parts.add_foreign(hash, ip.source, seen.interface, amount);
        }
    }

    fn add_reflected(&mut self, source_port: u16, local: (IpAddr, u16), remote_hash: u64, ip: &Ip, amount: Count) {
        if let Some(place) = reflector(source_port).and_then(|index| self.reflected.get_mut(index)) {
            let reflected = place.get_or_insert_with(|| Box::new(Reflected::new()));
            reflected.add(local, source_port, remote_hash, ip.payload_signature.answer, amount);
        }
    }

    fn add_ether_type(&mut self, ether_type: u16, amount: Count) {
        match self.ether_types.iter().position(|(known, _)| *known == ether_type) {
            Some(place) => self.ether_types[place].1.add(amount),
            None if self.ether_types.len() < ETHER_TYPES => self.ether_types.push((ether_type, amount)),
            None => self.other_ether_types.add(amount),
        }
    }

    /// Sizes as they were on the wire: a merged frame is taken apart into full segments and the rest.
    fn add_sizes(&mut self, seen: &Seen<'_>, on_wire: OnWire) {
        let frames = u64::from(seen.stands_for);
        let total = frames * u64::from(seen.wire_bytes) + on_wire.merged_header_bytes;
        let header_bytes = seen.packet.ip.map_or(0, |ip| u64::from(seen.link_bytes + ip.header_bytes));
        let full = header_bytes + u64::from(seen.segment_bytes.unwrap_or(0));
        let full_packets = on_wire.packets - frames;
        let rest = total.saturating_sub(full * full_packets) / frames.max(1);
        let mut add = |packets: u64, size: u64| {
            let mut class = 0;
            while class < SIZES.len() - 1 && size > u64::from(SIZES[class]) {
                class += 1;
            }
            self.sizes[class].packets += packets;
            self.sizes[class].bytes += packets * size;
        };
        add(frames, rest);
        if full_packets > 0 {
            add(full_packets, full);
            self.gso.frames += frames;
            self.gso.segments += on_wire.packets;
            self.gso.merged_header_bytes += on_wire.merged_header_bytes;
        }
    }
}

/// Whether no packet from another host may bear this source: kernels drop those before they look for a receiver.
fn is_impossible(source: IpAddr) -> bool {
    match source {
        IpAddr::V4(source) => {
            source.is_multicast() || source.is_broadcast() || source.is_loopback() || source.is_unspecified()
        }
        IpAddr::V6(source) => source.is_multicast() || source.is_loopback(),
    }
}

/// What of a segment was sent before: whole packets, where all of it was.
fn again(seen: &Seen<'_>, ip: &Ip, on_wire: OnWire, sent_again: u32) -> Count {
    let part = f64::from(sent_again) / f64::from(ip.payload_bytes.max(1));
    let Count { packets, bytes } = seen.amount();
    match sent_again {
        0 => Count::default(),
        all if all == ip.payload_bytes => Count { packets: on_wire.packets, bytes },
        _ => Count {
            packets: ((on_wire.packets as f64 * part).round() as u64).max(packets),
            bytes: (bytes as f64 * part).round() as u64,
        },
    }
}

/// What a frame stands for on the wire.
#[inline(always)]
fn on_wire(seen: &Seen<'_>) -> OnWire {
    let merged = seen.segment_bytes.filter(|bytes| *bytes > 0).zip(seen.packet.ip);
    let (packets, header_bytes) = merged.map_or((1, 0), |(segment_bytes, ip)| {
        let segments = ip.payload_bytes.div_ceil(u32::from(segment_bytes)).max(1);
        (u64::from(segments), u64::from(seen.link_bytes + ip.header_bytes))
    });
    let frames = u64::from(seen.stands_for);
    OnWire { packets: frames * packets, merged_header_bytes: frames * (packets - 1) * header_bytes }
}

impl TcpCounts {
    #[inline(always)]
    fn add_received(&mut self, flags: u8, options: bool, payload_bytes: u32, handshake: Handshake, packets: u64) {
        let those = |which: bool| if which { packets } else { 0 };
        let syn = flags & (flag::SYN | flag::ACK) == flag::SYN;
        self.payload_bytes += packets * u64::from(payload_bytes);
        self.syn += those(syn);
        self.syn_ack += those(flags & (flag::SYN | flag::ACK) == flag::SYN | flag::ACK);
        self.rst += those(flags & flag::RST != 0);
        self.fin += those(flags & flag::FIN != 0);
        self.data += those(payload_bytes > 0);
        let kind = flags & (flag::SYN | flag::ACK | flag::FIN | flag::RST);
        self.pure_ack += those(kind == flag::ACK && payload_bytes == 0);
        self.syn_without_options += those(syn && !options);
        self.syn_with_ecn += those(syn && flags & (flag::ECE | flag::CWR) == flag::ECE | flag::CWR);
        self.unasked += those(handshake == Handshake::Unasked);
        self.handshakes_started += those(handshake == Handshake::Started);
        self.handshakes_completed += those(handshake == Handshake::Completed);
    }

    fn add_sent(&mut self, flags: u8, payload_bytes: u32, packets: u64) {
        let those = |which: bool| if which { packets } else { 0 };
        self.tx_payload_bytes += packets * u64::from(payload_bytes);
        self.tx_syn += those(flags & (flag::SYN | flag::ACK) == flag::SYN);
        self.tx_syn_ack += those(flags & (flag::SYN | flag::ACK) == flag::SYN | flag::ACK);
        self.tx_rst += those(flags & flag::RST != 0);
    }
}

/// A packet as its flow counts it; `class` is of received ones.
fn part(seen: &Seen<'_>, ip: &Ip, class: Option<Class>, remote_hash: u64) -> flows::Part {
    let outgoing = class.is_none();
    let (local, remote) = if outgoing { (ip.source, ip.destination) } else { (ip.destination, ip.source) };
    let ports = ip.transport.ports().map(
        |(source, destination)| {
            if outgoing { (source, destination) } else { (destination, source) }
        },
    );
    flows::Part {
        key: flows::Key { local, remote, ports, protocol: ip.protocol },
        remote_hash,
        outgoing,
        class,
        amount: seen.amount(),
        payload_bytes: ip.payload_bytes,
        transport: ip.transport,
        opening: ip.opening,
        at_nanos: seen.at_nanos,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::capture::link::Link;
    use crate::probe::capture::output::Capture;
    use crate::probe::capture::packet;
    use crate::probe::capture::summary::Source;

    fn tally() -> Tally {
        Tally::new(LocalAddresses::new(["192.0.2.1".parse().unwrap()]), 1_000_000_000, KeyedHash::from_kernel())
    }

    fn summary(tally: &Tally) -> Capture {
        let source = Source {
            interfaces: vec!["eth0".to_owned()],
            counted: Vec::new(),
            file: None,
            link: Link::Ethernet,
            started: None,
            elapsed_nanos: 1_000_000_000,
            late_seconds: None,
            ring: None,
            written: None,
        };
        tally.summary(source, 20)
    }

    fn seen(way: Way, network: &[u8], ether_type: u16, wire_bytes: u32, segment_bytes: Option<u16>) -> Seen<'_> {
        Seen {
            at_nanos: 1,
            stands_for: 1,
            interface: 0,
            way,
            wire_bytes,
            link_bytes: 14.min(wire_bytes),
            tag_stripped: false,
            untaken: false,
            vlan_without_device: None,
            segment_bytes,
            link: None,
            packet: packet::read(ether_type, network, wire_bytes.saturating_sub(14)),
            bytes: network,
        }
    }

    fn udp(source: [u8; 4], destination: [u8; 4], ports: (u16, u16), payload: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let builder = etherparse::PacketBuilder::ipv4(source, destination, 57).udp(ports.0, ports.1);
        builder.write(&mut bytes, &vec![0; payload]).unwrap();
        bytes
    }

    fn tcp(outgoing: bool, remote: u16, payload: usize, build: fn(Tcp) -> Tcp) -> Seen<'static> {
        let mut bytes = Vec::new();
        let (us, them) = ([192, 0, 2, 1], [198, 51, 100, 7]);
        let (from, to, ports) = if outgoing { (us, them, (80, remote)) } else { (them, us, (remote, 80)) };
        let builder = etherparse::PacketBuilder::ipv4(from, to, 64).tcp(ports.0, ports.1, 0, 512);
        build(builder).write(&mut bytes, &vec![0; payload]).unwrap();
        let way = if outgoing { Way::Outgoing } else { Way::Host };
        let bytes: &[u8] = bytes.leak();
        seen(way, bytes, 0x0800, bytes.len() as u32 + 14, None)
    }

    type Tcp = etherparse::PacketBuilderStep<etherparse::TcpHeader>;

    #[test]
    fn one_real_client_among_a_syn_flood_completes_its_handshake() {
        let mut tally = tally();
        for port in 1..=50_000 {
            tally.add(&tcp(false, port, 0, |tcp| tcp.syn()));
        }
        tally.add(&tcp(false, 60_000, 0, |tcp| tcp.syn()));
        tally.add(&tcp(true, 60_000, 0, |tcp| tcp.syn().ack(1)));
        tally.add(&tcp(false, 60_000, 0, |tcp| tcp.ack(1)));
        let seen = summary(&tally);
        assert_eq!((seen.tcp.syn, seen.tcp.pure_ack, seen.tcp.tx_syn_ack), (50_001, 1, 1));
        assert_eq!(seen.tcp.handshakes_completed, 1);
        // One SYN in 8,192 is taken for the second one of another that waits for room.
        assert!((49_960..=50_001).contains(&seen.tcp.handshakes_started), "{}", seen.tcp.handshakes_started);
        assert_eq!(seen.tcp.syn_without_options_share, Some(1.0));
        let [endpoint] = &seen.endpoints[..] else { panic!("{:?}", seen.endpoints) };
        assert_eq!((endpoint.port, endpoint.syn, endpoint.handshakes_completed), (Some(80), 50_001, 1));
        assert_eq!((endpoint.remotes, endpoint.top_remote_share), (Some(1), Some(1.0)));
    }

    /// A segment between a client and port 80, with the options that Linux sends: of what is on the wire the first 128 bytes are seen.
    fn add_segment(tally: &mut Tally, v6: bool, vlan: bool, outgoing: bool, sequence: u32, payload: &[u8]) {
        let (ports, no_operations) =
            (if outgoing { (80, 4242) } else { (4242, 80) }, [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1]);
        let mut bytes =
            if vlan { vec![0, 10, if v6 { 0x86 } else { 0x08 }, if v6 { 0xdd } else { 0 }] } else { Vec::new() };
        let ip = if v6 {
            let (us, them) = (
                "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap(),
                "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap(),
            );
            let (from, to) = if outgoing { (us, them) } else { (them, us) };
            etherparse::PacketBuilder::ipv6(from.octets(), to.octets(), 64)
        } else {
            let (us, them) = ([192, 0, 2, 1], [198, 51, 100, 7]);
            let (from, to) = if outgoing { (us, them) } else { (them, us) };
            etherparse::PacketBuilder::ipv4(from, to, 64)
        };
        let tcp = ip.tcp(ports.0, ports.1, sequence, 512).options_raw(&no_operations).unwrap();
        let tcp = match (payload.is_empty(), outgoing) {
            (true, true) => tcp.syn().ack(1),
            (true, false) => tcp.syn(),
            _ => tcp.ack(1).psh(),
        };
        tcp.write(&mut bytes, payload).unwrap();
        let wire_bytes = bytes.len() as u32 + 14;
        bytes.truncate(128 - 14);
        let ether_type = if vlan {
            0x8100
        } else if v6 {
            0x86dd
        } else {
            0x0800
        };
        let way = if outgoing { Way::Outgoing } else { Way::Host };
        tally.add(&seen(way, &bytes, ether_type, wire_bytes, None));
    }

    #[test]
    fn requests_are_told_from_what_is_seen_of_a_packet() {
        for (v6, vlan) in [(false, false), (false, true), (true, false), (true, true)] {
            let local = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
            let mut tally = Tally::new(LocalAddresses::new(local), 1_000_000_000, KeyedHash::from_kernel());
            let mut add =
                |outgoing, sequence, payload: &[u8]| add_segment(&mut tally, v6, vlan, outgoing, sequence, payload);
            add(false, 999, b"");
            add(true, 0, b"");
            let get = b"GET /a/page?number=7 HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: of some length\r\nAccept: */*\r\n\r\n";
            for number in 0..3 {
                add(false, 1000 + number * get.len() as u32, get);
                add(true, 1 + number, b"HTTP/1.1 200 OK\r\n\r\n");
            }
            add(false, 1000 + 2 * get.len() as u32, get);
            let seen = summary(&tally);
            let [endpoint] = &seen.endpoints[..] else { panic!("{:?}", seen.endpoints) };
            let asked = endpoint.asked.as_ref().unwrap();
            assert_eq!((asked.requests, asked.exchanges, asked.connections), (3, 0, 1), "{v6} {vlan}");
            assert_eq!((asked.top_path.as_deref(), asked.paths), (Some("/a/page"), 1), "{v6} {vlan}");
            assert_eq!((asked.top_client_share, asked.top_client_private), (Some(1.0), Some(false)));
        }
    }

    #[test]
    fn a_flood_of_segments_of_no_connection_asks_for_nothing() {
        let mut tally = tally();
        for port in 1..1000u16 {
            let mut bytes = Vec::new();
            let ip = etherparse::PacketBuilder::ipv4([198, 51, 100, 7], [192, 0, 2, 1], 64);
            ip.tcp(port, 80, 0, 512).ack(1).write(&mut bytes, b"GET / HTTP/1.1\r\n\r\n").unwrap();
            tally.add(&seen(Way::Host, &bytes, 0x0800, bytes.len() as u32 + 14, None));
        }
        let seen = summary(&tally);
        assert_eq!((seen.endpoints[0].asked.as_ref(), seen.endpoints[0].stray), (None, 999));
    }

    #[test]
    fn answers_that_nobody_asked_for_are_unsolicited() {
        let mut tally = tally();
        for reflector in 0..200u8 {
            let answer = udp([198, 51, 100, reflector], [192, 0, 2, 1], (53, 40_000), 1_000);
            tally.add(&seen(Way::Host, &answer, 0x0800, 1_042, None));
        }
        let question = udp([192, 0, 2, 1], [198, 51, 100, 1], (40_000, 53), 40);
        (0..50).for_each(|_| tally.add(&seen(Way::Outgoing, &question, 0x0800, 82, None)));
        let [dns] = &summary(&tally).reflection[..] else { panic!("one service") };
        assert_eq!((dns.service.as_str(), dns.packets, dns.requests_sent), ("dns", 200, 50));
        assert_eq!((dns.unsolicited_share, dns.mean_packet_bytes), (0.75, 1_042.0));
        assert!((170..=200).contains(&dns.reflectors), "{}", dns.reflectors);
        assert_eq!(dns.local_port, Some(40_000));
    }

    #[test]
    fn a_merged_frame_is_taken_apart() {
        let mut tally = tally();
        let mut merged = tcp(false, 4242, 4_000, |tcp| tcp.ack(1));
        merged.segment_bytes = Some(1_448);
        tally.add(&merged);
        let seen = summary(&tally);
        assert_eq!((seen.rx.packets, seen.rx.wire_packets, seen.rx.bytes), (1, 3, 4_054));
        assert_eq!((seen.gso.frames, seen.gso.segments, seen.gso.merged_header_bytes), (1, 3, 108));
        assert_eq!(seen.rx.mean_packet_bytes, Some(4_162.0 / 3.0));
        let large = seen.sizes.iter().find(|class| class.up_to == 1_518).unwrap();
        assert_eq!((large.packets, large.bytes), (3, 4_162));
    }

    fn conserves(seen: &Capture) {
        let whole = (seen.rx.packets, seen.rx.bytes);
        let classes = &seen.classes;
        let classes = [
            classes.to_us,
            classes.broadcast,
            classes.multicast,
            classes.other_host,
            classes.forwarded,
            classes.non_ip,
        ];
        let sum = |parts: &mut dyn Iterator<Item = (u64, u64)>| {
            parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
        };
        assert_eq!(sum(&mut classes.iter().map(|class| (class.packets, class.bytes))), whole);
        assert_eq!(sum(&mut seen.protocols.iter().map(|protocol| (protocol.packets, protocol.bytes))), whole);
        let endpoints = seen.endpoints.iter().map(|endpoint| (endpoint.packets, endpoint.bytes));
        let others = seen.other_endpoints.iter().map(|other| (other.packets, other.bytes));
        assert_eq!(sum(&mut endpoints.chain(others)), (classes[0].packets, classes[0].bytes));
        let on_wire = (seen.rx.wire_packets, seen.rx.bytes + seen.gso.merged_header_bytes);
        assert_eq!(sum(&mut seen.sizes.iter().map(|class| (class.packets, class.bytes))), on_wire);
        let flows: u64 = seen.flows.iter().map(|flow| flow.rx_bytes + flow.tx_bytes).sum();
        assert!(flows <= seen.rx.bytes + seen.tx.bytes);
        let sampled: f64 = seen.samples.iter().map(|sample| sample.rx_packets_per_second * 0.1).sum();
        assert!((sampled - seen.rx.packets as f64).abs() < 1e-6 * sampled.max(1.0));
    }

    #[test]
    fn more_endpoints_than_rows_still_add_up() {
        let mut tally = tally();
        for port in 0..=u16::MAX {
            let packet = udp([198, 51, 100, 7], [192, 0, 2, 1], (9, port), 20);
            tally.add(&seen(Way::Host, &packet, 0x0800, 62, None));
        }
        for port in 0..3_000 {
            tally.add(&tcp(false, port, 0, |tcp| tcp.syn()));
        }
        let seen = summary(&tally);
        conserves(&seen);
        assert_eq!(seen.endpoints.len(), 1_024);
        let others = &seen.other_endpoints;
        assert_eq!(others.iter().map(|other| other.packets).sum::<u64>(), 65_536 + 3_000 - 1_024);
        assert_eq!(others.iter().map(|other| other.endpoints).sum::<u64>(), 65_536 - 1_024 + 1);
    }

    proptest! {
        #[test]
        fn whatever_arrives_the_totals_add_up(frames in proptest::collection::vec(
            (0u8..5, 0usize..5, proptest::collection::vec(0u8.., 0..128), 0u32..70_000, proptest::option::of(0u16..)), 0..60,
        )) {
            let mut tally = tally();
            for (way, kind, mut bytes, wire_bytes, segment_bytes) in frames {
                if let (0 | 1, Some(first)) = (kind, bytes.first_mut()) {
                    *first = [0x45, 0x60][kind];
                }
                if let (0, Some(destination)) = (kind, bytes.get_mut(16..20)) {
                    destination.copy_from_slice(&[192, 0, 2, 1]);
                }
                let ether_type = [0x0800, 0x86dd, 0x8100, 0x0806, 0x1234][kind];
                let wire_bytes = wire_bytes.max(bytes.len() as u32 + 14);
                tally.add(&seen(Way::from_kernel(way), &bytes, ether_type, wire_bytes, segment_bytes));
            }
            conserves(&summary(&tally));
        }
    }
}
