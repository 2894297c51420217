//! What a burst of packets comes to. Fields that came later have a default, so that older records can be read for the ledger;
//! conditions see them as not known.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A burst of packets, added up. `rx` is towards the host, `tx` from it. All bytes are lengths on the wire, link header
/// included, as the kernel hands frames to a capture (`tp_len`), so that they add up to the interface's `rx_bytes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// The interface that was watched, of several the one that most was received by; none when a file was read.
    pub interface: Option<String>,
    /// What entered by each interface that was watched, in the order in which they are watched; empty when a file was read.
    #[serde(default)]
    pub entered: Vec<Entered>,
    /// The network namespace that was watched instead of the one that is looked from; null where that was watched, or a file read.
    #[serde(default)]
    pub namespace: Option<Watched>,
    /// The file that was read; none when an interface was watched.
    pub file: Option<String>,
    /// The link layer: `ethernet`, `raw-ip`, `loopback` or `linux-cooked` (any other).
    pub link: String,
    /// How long was watched, in seconds; for a file, from its first packet to its last.
    pub seconds: f64,
    /// Seconds from the beginning of the window, as the other probes have it too, to the moment when the first packet could be seen:
    /// on a host that is short of CPUs a probe begins late. None when a file was read.
    #[serde(default)]
    pub late_seconds: Option<f64>,
    /// The packets are those that somebody printed: an excerpt, whose beginning and end somebody chose.
    #[serde(default)]
    pub excerpt: bool,
    /// When the watching began; for a file, its first packet. None when a file holds no packet.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// The kernel ring's own account of what it got and lost; none when a file was read.
    pub ring: Option<Ring>,
    /// One packet in how many was looked at, at the busiest moment; 1 means every packet. What was looked at stands for the
    /// rest: all figures are of all packets, as estimates then.
    pub sampled: u32,
    /// The host's own addresses, over all its interfaces. For a file: as given, or inferred (see the parameter `local`).
    pub local_addresses: Vec<IpAddr>,
    /// Towards the host. On loopback each packet counts once here and once in `tx`, as in the interface's own counters.
    pub rx: Side,
    /// From the host.
    pub tx: Side,
    /// Whom the rx packets were meant for; each is in exactly one class.
    pub classes: Classes,
    /// Rx packets by protocol, most bytes first: `tcp`, `udp`, `icmp`, `icmpv6`, `gre`, `esp`, `arp` …; a protocol
    /// without a name here is `ip-NUMBER` or `ethertype-0xNUMBER`, an IP header that cannot be read `malformed-ip`.
    pub protocols: Vec<ProtocolTally>,
    /// TCP.
    pub tcp: Tcp,
    /// UDP.
    pub udp: Udp,
    /// ICMP and ICMPv6.
    pub icmp: Icmp,
    /// Rx IP fragments, first ones included.
    pub fragments: Fragments,
    /// DNS messages on UDP port 53, as far as their payload was seen; later fragments are not in it.
    #[serde(default)]
    pub dns: Dns,
    /// Rx frames with a VLAN tag.
    pub vlan: Vlan,
    /// Rx frames of ether types that nothing on this host takes (`/proc/net/ptype`); none where that is not known. While a capture of
    /// all packets is open, this one too, the interface does not count them as dropped (`rx_dropped`).
    #[serde(default)]
    pub untaken: Option<Tally>,
    /// Rx frames of PPPoE sessions, whatever they carry.
    #[serde(default)]
    pub sessions: Tally,
    /// Where the rx IP packets came from.
    pub remotes: Remotes,
    /// TTLs and hop limits of the rx IP packets; none when there were no such packets. Packets of one spoofing sender
    /// share few values, those of many real senders spread over many.
    pub ttl: Option<Ttl>,
    /// Source ports of rx TCP and UDP packets, most bytes first, the first `top` of them.
    pub source_ports: Vec<SourcePort>,
    /// Rx UDP from ports of services that can be abused as reflectors, most bytes first. Answers to the host's own
    /// questions are in it too: see `requests_sent` and `unsolicited_share`.
    pub reflection: Vec<Reflection>,
    /// What came in broadcast frames, of all protocols and all senders; none in records of versions that did not count it.
    #[serde(default)]
    pub to_all: Option<ToAll>,
    /// Who on the link sent what was not for this host alone, by link addresses and protocol, most bytes first, up to 32.
    /// Empty where frames have no link addresses.
    #[serde(default)]
    pub stations: Vec<Station>,
    /// IPv4 addresses that two link addresses claim by ARP, and those of this host that another claims; at most 16. Missing where none
    /// was found and not all was looked at: not what comes with a VLAN tag, nor addresses beyond the first 4,096 and this host's own.
    #[serde(default)]
    pub disputed: Vec<Claimed>,
    /// What was for a group, for all, or is routed on: by destination, protocol and port, most bytes first, up to 32.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Who on this host received: by protocol, local address and port, most bytes first, up to 1,024. With
    /// `other_endpoints` they add up to `classes.to_us`.
    pub endpoints: Vec<Endpoint>,
    /// The endpoints that are not listed, by protocol.
    pub other_endpoints: Vec<OtherEndpoints>,
    /// The heaviest flows of rx and tx, up to 256. When there were more flows than are kept, a new one counts from its
    /// second packet, and one that made room for heavier ones and came back from its return, so the figures never exceed
    /// the truth.
    pub flows: Vec<Flow>,
    /// To whom this host sent; none in records of versions that did not count it.
    #[serde(default)]
    pub sent: Option<Sent>,
    /// How many flows there were: exact up to 2,048, estimated within about 2 % beyond.
    pub flows_distinct: u64,
    /// Rx packets by size on the wire. Merged frames count as the segments that they stand for, so that packets add up
    /// to `rx.wire_packets` and bytes to `rx.bytes + gso.merged_header_bytes`.
    pub sizes: Vec<SizeClass>,
    /// Rates over time: one sample a second, or a tenth of the window where that is shorter.
    pub samples: Vec<Sample>,
    /// Rx frames that were merged before the capture saw them.
    pub gso: Gso,
    /// The file that the burst was written to, if it was.
    pub written: Option<Written>,
}

/// The network namespace that was watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// Its number, as in `/proc/PID/ns/net`, and in the result of `namespaces`.
    pub number: u64,
    /// For people: `container web`.
    pub label: String,
    /// A process that lives there, by its id on this host; null where the namespace has only a name.
    pub pid: Option<i32>,
    /// Interfaces of the namespace that is looked from that lead there, or that an interface of it stands on; at most 8.
    pub ends: Vec<String>,
}

/// What was received by one of the interfaces that were watched together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entered {
    /// The interface.
    pub interface: String,
    /// Packets, merged frames counted as one each.
    pub packets: u64,
    /// Packets on the wire: merged frames counted as the segments that they stand for.
    pub wire_packets: u64,
    /// Bytes, link headers and VLAN tags included.
    pub bytes: u64,
    /// Header bytes that merging hid.
    pub merged_header_bytes: u64,
    /// How many of these are tags that the kernel took off before the capture saw the frame.
    pub stripped_tag_bytes: u64,
    /// By how many bytes the interface's own counter grew while its packets were watched; none where it could not be read or went
    /// backwards, and in older records. Some drivers refresh their counters once a second only.
    #[serde(default)]
    pub counted_bytes: Option<u64>,
}

/// The kernel ring's own account (`PACKET_STATISTICS`), both directions together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ring {
    /// Packets that were offered to the ring, the dropped ones included (`tp_packets`). Where only some packets are looked at
    /// (`sampled`), those.
    pub received: u64,
    /// Packets that found no room in the ring (`tp_drops`); they are in no other figure.
    pub dropped: u64,
    /// How often the ring was full (`tp_freeze_q_cnt`).
    pub freezes: u64,
}

/// One direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// Packets, merged frames counted as one each.
    pub packets: u64,
    /// Packets on the wire: merged frames counted as the segments that they stand for.
    pub wire_packets: u64,
    /// Bytes, link headers and VLAN tags included.
    pub bytes: u64,
    /// How many of these are link headers. The loopback interface and some drivers leave them out of `rx_bytes`.
    pub link_header_bytes: u64,
    /// Mean rate in bytes per second; none when the burst has no duration, as in a file of one packet.
    pub bytes_per_second: Option<f64>,
    /// Mean rate in bits per second.
    pub bits_per_second: Option<f64>,
    /// Mean rate in packets per second, merged frames counted as one each.
    pub packets_per_second: Option<f64>,
    /// Mean size on the wire in bytes, merged frames taken apart; none when there were no packets.
    pub mean_packet_bytes: Option<f64>,
    /// The highest rate among `samples`, in bits per second.
    pub peak_bits_per_second: Option<f64>,
}

/// Packets, bytes and their share of all rx bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes; 0 when nothing was received.
    pub share: f64,
}

/// Rx IP fragments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fragments {
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// First fragments; they alone have ports. A later one of UDP is counted with the ports of its first where that was
    /// seen.
    #[serde(default)]
    pub first: u64,
    /// First fragments that a later one was seen of.
    #[serde(default)]
    pub followed: u64,
    /// Later fragments.
    #[serde(default)]
    pub later: u64,
    /// Later fragments whose first was not seen.
    #[serde(default)]
    pub orphans: u64,
    /// How many remotes sent fragments, estimated within about 4 %.
    #[serde(default)]
    pub remotes: u64,
    /// The address that received most of them.
    pub local_address: Option<IpAddr>,
}

/// DNS messages on UDP port 53.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dns {
    /// Questions that came in.
    pub queries: u64,
    /// Their bytes, link headers included.
    pub query_bytes: u64,
    /// Answers that came in.
    pub answers: u64,
    /// Their bytes.
    pub answer_bytes: u64,
    /// Questions that this host sent.
    pub tx_queries: u64,
    /// Answers that this host sent.
    pub tx_answers: u64,
    /// Their bytes.
    pub tx_answer_bytes: u64,
    /// What the questions that came in ask for, most first.
    pub query_types: Vec<DnsType>,
    /// What the answers that came in were asked for, most first.
    pub answer_types: Vec<DnsType>,
}

/// Messages about one DNS type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DnsType {
    /// `A`, `ANY`, `TXT`, `RRSIG` …
    pub name: String,
    /// Packets.
    pub packets: u64,
}

/// Frames for `ff:ff:ff:ff:ff:ff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToAll {
    /// Frames.
    pub packets: u64,
    /// Their bytes, link headers included.
    pub bytes: u64,
    /// Those of them that are ARP.
    pub arp_packets: u64,
    /// How many link addresses sent them: exact up to 1,024, an estimate above.
    pub senders: u64,
}

/// A sender on the link, and what it sent of one protocol to one link address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Station {
    /// Whom it was for: the name of a field of `classes`; never `to_us`.
    pub class: String,
    /// The sender's link address, as in `02:00:5e:10:00:01`.
    pub source: String,
    /// The receiver's.
    pub destination: String,
    /// The protocol, as in `protocols`.
    pub protocol: String,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
}

/// An IPv4 address that two hosts say is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claimed {
    /// The address.
    #[schemars(with = "String")]
    pub address: Ipv4Addr,
    /// Whether this host has it on that link at the beginning and the end of the window: then somebody else has it too. False in a file.
    pub own: bool,
    /// The link addresses that claimed it, without those of this host: the first two.
    pub by: Vec<String>,
    /// How many packets claimed it.
    pub claims: u32,
    /// How often another one claimed it than the one before. A standby that takes an address over changes it once; a bond that balances
    /// what it receives (`balance-alb`) may change it again and again.
    pub changes: u32,
    /// The interface that the claims came by; none where that is not known.
    pub interface: Option<String>,
}

/// What came for a multicast group, for all, or for an address that is not this host's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// `multicast`, `broadcast` or `forwarded`.
    pub class: String,
    /// The destination.
    pub address: IpAddr,
    /// The protocol, as in `protocols`.
    pub protocol: String,
    /// The destination port; none where there is none, and for what is routed on.
    pub port: Option<u16>,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// The remote that sent most, if one stands out.
    pub top_remote: Option<IpAddr>,
    /// Its share.
    pub top_remote_share: Option<f64>,
}

/// Whom the rx packets were meant for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Classes {
    /// IP packets for one of the host's own addresses.
    pub to_us: Tally,
    /// IP packets in broadcast frames, or for 255.255.255.255.
    pub broadcast: Tally,
    /// IP packets in multicast frames, or for a multicast address.
    pub multicast: Tally,
    /// Frames for another machine's link address (`PACKET_OTHERHOST`): flooded or mirrored.
    pub other_host: Tally,
    /// IP unicast to our link address whose destination is no local address: routed on, or dropped if the host is no router.
    pub forwarded: Tally,
    /// ARP and other protocols that are not IP, broadcast ones too; and IP whose header cannot be read.
    pub non_ip: Tally,
}

/// Rx packets of one protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProtocolTally {
    /// Its name.
    pub protocol: String,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
}

/// TCP in the burst. Without a prefix: received.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tcp {
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// Payload bytes.
    pub payload_bytes: u64,
    /// Packets with SYN and without ACK: somebody opens a connection to us.
    pub syn: u64,
    /// Packets with SYN and ACK. Many more than `tx_syn` are backscatter or reflection: answers nobody asked for.
    pub syn_ack: u64,
    /// Packets with ACK and nothing else: no SYN, FIN, RST, nor payload.
    pub pure_ack: u64,
    /// Packets with RST.
    pub rst: u64,
    /// Packets with FIN.
    pub fin: u64,
    /// Packets with payload.
    pub data: u64,
    /// SYNs as a share of the TCP packets; none when there were none.
    pub syn_share: Option<f64>,
    /// Connections that somebody tried to open in the burst: SYNs, repeated ones of a known flow not counted. Under a flood
    /// of more flows than can be kept, too few by one in some thousands.
    pub handshakes_started: u64,
    /// Of these, the ones where our SYN-ACK was answered with an ACK within the burst. Under a flood of more flows than
    /// can be kept, a lower bound.
    pub handshakes_completed: u64,
    /// Completed as a share of started; none when none was started.
    pub handshakes_completed_share: Option<f64>,
    /// Segments other than SYNs for connections that this host took no part in so far: of no connection, or of one that
    /// something drops. The first ones of a connection that was open before are among them until this host sends.
    #[serde(default)]
    pub stray: u64,
    /// Their bytes, link headers included.
    #[serde(default)]
    pub stray_bytes: u64,
    /// SYN-ACKs among `syn_ack` that answer no SYN of this host's in the burst.
    #[serde(default)]
    pub syn_ack_unasked: u64,
    /// SYNs that ask for ECN (flags ECE and CWR) as a share of SYNs; systems do that seldom on their own.
    #[serde(default)]
    pub syn_with_ecn_share: Option<f64>,
    /// SYNs without any TCP option as a share of SYNs: an operating system always sends some, a flooding tool often none.
    pub syn_without_options_share: Option<f64>,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent, link headers included.
    pub tx_bytes: u64,
    /// Payload bytes sent.
    pub tx_payload_bytes: u64,
    /// SYNs sent: connections that this host opens.
    pub tx_syn: u64,
    /// SYN-ACKs sent.
    pub tx_syn_ack: u64,
    /// RSTs sent: somebody talks to ports where nobody listens, or to connections that are no more.
    pub tx_rst: u64,
}

/// UDP in the burst. Without a prefix: received.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Udp {
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// Mean size on the wire, link header included; none when there were no packets.
    pub mean_packet_bytes: Option<f64>,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent, link headers included.
    pub tx_bytes: u64,
}

/// ICMP and ICMPv6 in the burst. Without a prefix: received.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Icmp {
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// Echo requests: pings.
    pub echo_requests: u64,
    /// Echo requests as a share of all rx packets; none when there were no packets.
    pub echo_request_share: Option<f64>,
    /// Rx packets by type, most packets first.
    pub types: Vec<IcmpType>,
    /// Packets sent.
    pub tx_packets: u64,
    /// Echo replies sent.
    pub tx_echo_replies: u64,
    /// "Destination unreachable" sent: closed UDP ports, rejecting firewall rules. The kernel limits their rate.
    pub tx_unreachables: u64,
}

/// Rx ICMP packets of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IcmpType {
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// The type's number.
    pub kind: u8,
    /// The type's name: `echo-request`, `destination-unreachable` …
    pub name: String,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
}

/// Rx frames with a VLAN tag.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vlan {
    /// Frames.
    pub packets: u64,
    /// Bytes as on the wire, the tag included, as everywhere else here.
    pub bytes: u64,
    /// How many of these are tags that the kernel took off before the capture saw the frame, 4 each. Some drivers count them in the
    /// interface's `rx_bytes`, others do not.
    pub stripped_tag_bytes: u64,
    /// Frames of VLANs for which this host has no device on the interface, so that it takes none of them.
    #[serde(default)]
    pub without_device: Tally,
    /// The numbers of those VLANs, most frames first, at most 16.
    #[serde(default)]
    pub numbers_without_device: Vec<u16>,
}

/// Where the rx IP packets came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remotes {
    /// How many source addresses there were: exact up to 2,048, estimated within about 2 % beyond.
    pub distinct: u64,
    /// How many source networks there were (IPv4 /24, IPv6 /48): exact up to 2,048, estimated within about 2 % beyond.
    pub distinct_networks: u64,
    /// The heaviest, most bytes first, the first `top` of them. Figures never exceed the truth.
    pub top: Vec<Remote>,
    /// Those that knock at 10 local ports or more, most ports first, up to 5.
    #[serde(default)]
    pub widest: Vec<Remote>,
    /// Share of the rx bytes that the heaviest sent.
    pub top_share: Option<f64>,
    /// Source addresses per rx IP packet: close to 1 when nearly every packet has a source of its own.
    pub per_packet: Option<f64>,
}

/// A source of rx packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Remote {
    /// Its address, which may be spoofed.
    pub address: IpAddr,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// TTL or hop limit of its last packet.
    pub ttl: u8,
    /// How many local ports it knocked at: TCP segments without ACK and RST, and UDP to ports below 32768. Exact,
    /// unless more than 256 remotes scan at a time: for the others within 10 % up to 500, a lower bound from some 1,500 on.
    #[serde(default)]
    pub local_ports: u64,
}

/// How TTLs or hop limits are spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ttl {
    /// Different values.
    pub distinct: u32,
    /// Entropy of the values in bits: 0 when all are equal; 1.2 and less is typical of spoofed floods, 2 and more of
    /// many real senders.
    pub entropy_bits: f64,
    /// The value seen most.
    pub commonest: u8,
    /// The share of packets that have it.
    pub commonest_share: f64,
}

/// Rx packets from one source port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourcePort {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The port.
    pub port: u16,
    /// The service that usually has it.
    pub service: Option<String>,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// Packets that this host sent to that port of any remote.
    pub requests_sent: u64,
}

/// Rx UDP from a port of a service that can be abused as a reflector, frames for other hosts left out; and SYN-ACKs to
/// this host, as the service `tcp-synack`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reflection {
    /// The service: `dns`, `ntp`, `snmp`, `cldap`, `ssdp`, `memcached`, `chargen`, `tcp-synack` …
    pub service: String,
    /// `udp`; `tcp` for SYN-ACKs.
    #[serde(default)]
    pub protocol: String,
    /// Its port, the source port of the packets; for SYN-ACKs the one that most came from.
    pub port: u16,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// Mean size on the wire, link header included.
    pub mean_packet_bytes: f64,
    /// How many remotes sent them, estimated within about 7 %.
    pub reflectors: u64,
    /// Packets that this host sent to that port of any remote; for SYN-ACKs, SYNs to any port.
    pub requests_sent: u64,
    /// Share of the packets that nobody asked for: 1 - requests / answers, at least 0. A later fragment is no answer of its
    /// own.
    pub unsolicited_share: f64,
    /// Share of the payloads that are answers of that service by their first bytes; none where that cannot be told.
    #[serde(default)]
    pub answer_share: Option<f64>,
    /// The local address that received most of it.
    pub local_address: Option<IpAddr>,
    /// The local port that received most of it; none when it was spread over many.
    pub local_port: Option<u16>,
}

/// A receiver on this host: a local address and port of one protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// `tcp`, `udp`, `icmp` …
    pub protocol: String,
    /// The local address.
    pub address: IpAddr,
    /// The local port; none for protocols without ports and for later fragments.
    pub port: Option<u16>,
    /// The interface that prevails among those by which it came in; none when a file was read.
    #[serde(default)]
    pub interface: Option<String>,
    /// Packets received.
    pub packets: u64,
    /// The same with merged frames counted as the segments that they stand for.
    pub wire_packets: u64,
    /// Bytes received, link headers included.
    pub bytes: u64,
    /// Share of the rx bytes.
    pub share: f64,
    /// Payload bytes received.
    pub payload_bytes: u64,
    /// Mean size on the wire in bytes, merged frames taken apart; 0 when it only sent.
    pub mean_packet_bytes: f64,
    /// How many remotes sent to it: exact up to 8 packets, then estimated within about 4 %; none when too many
    /// endpoints were busy to keep this for all.
    pub remotes: Option<u64>,
    /// SYNs received.
    pub syn: u64,
    /// Handshakes completed, see `tcp.handshakes_completed`.
    pub handshakes_completed: u64,
    /// RSTs received.
    pub rst: u64,
    /// SYN-ACKs received.
    #[serde(default)]
    pub syn_ack: u64,
    /// Segments of no connection, see `tcp.stray`.
    #[serde(default)]
    pub stray: u64,
    /// Fragments received, first ones included.
    #[serde(default)]
    pub fragments: u64,
    /// Later fragments received, those that belong to a packet counted already.
    #[serde(default)]
    pub later_fragments: u64,
    /// Packets from sources that no packet of another host may bear: multicast, broadcast, loopback, this host's own. The
    /// kernel drops them as martians.
    #[serde(default)]
    pub impossible_sources: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent, link headers included.
    pub tx_bytes: u64,
    /// Payload bytes sent.
    pub tx_payload_bytes: u64,
    /// RSTs sent.
    pub tx_rst: u64,
    /// SYN-ACKs sent.
    pub tx_syn_ack: u64,
    /// The remote that sent most, if one stands out.
    pub top_remote: Option<IpAddr>,
    /// Its share of the bytes received here, never too high, too low by 6 % of them at most.
    pub top_remote_share: Option<f64>,
    /// The source port that most came from, if one stands out.
    pub top_remote_port: Option<u16>,
    /// Its share, as `top_remote_share`.
    pub top_remote_port_share: Option<f64>,
    /// Different TTLs or hop limits received; none when not kept.
    pub ttl_distinct: Option<u32>,
    /// Their entropy in bits, see `ttl.entropy_bits`.
    pub ttl_entropy_bits: Option<f64>,
    /// Its first packet, seconds after the beginning.
    pub first_seconds: f64,
    /// Its last packet, seconds after the beginning.
    pub last_seconds: f64,
    /// Header bytes that merging hid, see `gso.merged_header_bytes`.
    pub merged_header_bytes: u64,
    /// What clients asked of it over TCP connections that it takes part in; none where nothing was asked, and in records of versions
    /// that did not count it.
    #[serde(default)]
    pub asked: Option<Asked>,
}

/// What clients asked of a TCP receiver, as the segments show that begin something. A segment that comes again, as its sequence
/// number tells (up to 1 MiB back), counts once; one that comes late, behind later ones, is taken for such. The first request of a
/// connection that was open before counts when this host was seen to send something over it before, and nothing that comes over
/// connections that this host opened itself does. When only one packet in `sampled` was looked at, each stands for as many:
/// requests are a fair estimate then, exchanges a lower bound.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Requests of HTTP/1.0 and 1.1 in clear text: segments that begin with a method of HTTP or WebDAV and what it asks for. Of
    /// several requests in one segment only the first is seen, so it is a lower bound then; of one whose first segment holds less
    /// than that, nothing is seen but an exchange. A body counts where one of its segments begins like a request.
    pub requests: u64,
    /// Turns of a conversation that begin with something else, as a binary or an encrypted protocol does: payload received after
    /// payload was sent, or first of all. Not all are requests: databases, remote terminals and tunnels take thousands of turns a
    /// second, and an upload by HTTP/2 one for each bit of window that it is given. What was asked for at once, without waiting for an
    /// answer, is one turn. Records that set TLS up or end it are none.
    pub exchanges: u64,
    /// Those of the exchanges that begin with a record of TLS, which may hold requests of HTTP.
    pub encrypted_exchanges: u64,
    /// TCP connections over which all of that came, as far as their flows are kept.
    pub connections: u64,
    /// The share of the tenths of a second of the window in which requests or exchanges began: close to 1 for what goes on all the time,
    /// little for a page that is loaded once, however many parts it has.
    pub time_share: f64,
    /// The client that most requests and exchanges came from, if one stands out: maybe a proxy, which stands for its own clients.
    pub top_client: Option<IpAddr>,
    /// Its share of them, never too high, too low by 6 % of them at most.
    pub top_client_share: Option<f64>,
    /// Whether its address is of a private or shared network (RFC 1918, 6598, 4193), of the link, or this machine's own.
    pub top_client_private: Option<bool>,
    /// How many paths the requests asked for, without what follows `?`, as far as their first bytes show: exact up to 64, estimated
    /// within about 4 % beyond.
    pub paths: u64,
    /// The path that most requests asked for, if one stands out: the part that the first 128 bytes of the packet hold, 64 bytes of it at
    /// most; `…` stands for the rest.
    pub top_path: Option<String>,
    /// Its share of the requests, as `top_client_share`.
    pub top_path_share: Option<f64>,
}

/// Endpoints that are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherEndpoints {
    /// Their protocol.
    pub protocol: String,
    /// How many they are: exact up to 65,536 over all protocols, the rest estimated.
    pub endpoints: u64,
    /// Packets that they received, exact.
    pub packets: u64,
    /// Bytes that they received, exact.
    pub bytes: u64,
}

/// Packets between a local and a remote address and port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// `tcp`, `udp`, `icmp` …
    pub protocol: String,
    /// Whom its rx packets were meant for: the name of a field of `classes`. `to_us` also for flows that only sent.
    pub class: String,
    /// The local address: destination of rx, source of tx.
    pub local_address: IpAddr,
    /// The local port.
    pub local_port: Option<u16>,
    /// The remote address.
    pub remote_address: IpAddr,
    /// The remote port.
    pub remote_port: Option<u16>,
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received, link headers included.
    pub rx_bytes: u64,
    /// Payload bytes received.
    pub rx_payload_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent, link headers included.
    pub tx_bytes: u64,
    /// Payload bytes sent.
    pub tx_payload_bytes: u64,
    /// Who sent the SYN, if it was seen: `remote` or `local`.
    pub opened_by: Option<Opener>,
    /// Its first packet, seconds after the beginning.
    pub first_seconds: f64,
    /// Its last packet, seconds after the beginning.
    pub last_seconds: f64,
}

/// To whom this host sent. What it only sent on for others is in it, too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// How many remotes: exact up to 2,048, estimated within about 2 % beyond.
    pub remotes: u64,
    /// To how many of them SYNs were sent, likewise.
    pub syn_remotes: u64,
    /// The port that more than half of the SYNs went to, if there is one.
    pub syn_port: Option<u16>,
    /// To how many remotes datagrams were sent, likewise.
    pub udp_remotes: u64,
    /// The port that more than half of the datagrams went to, if there is one.
    pub udp_port: Option<u16>,
    /// Packets from addresses that are not this host's: sent on for others, or with a forged source.
    pub foreign_packets: u64,
    /// Their bytes, link headers included.
    pub foreign_bytes: u64,
    /// To whom most was sent, by remote and protocol, most packets first, up to 16. Figures never exceed the truth.
    pub to: Vec<SentTo>,
    /// The own addresses and ports that sent most, most packets first, up to 16.
    pub from: Vec<SentFrom>,
    /// All that was sent, each packet in one part; none in records of versions that did not tell them apart.
    #[serde(default)]
    pub parts: Option<SentParts>,
}

/// All that was sent, each packet in one part: `endpoints` and `others` together, `icmp`, `foreign` of `sent.foreign_packets`, and
/// `arp` and `no_ip` add up to `tx`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SentParts {
    /// What was sent by each interface that was watched, in the order in which they are watched; empty when a file was read.
    pub left: Vec<Entered>,
    /// Header bytes that are on the wire and in no figure here, because the kernel or the device cuts what is handed to it into
    /// segments afterwards (GSO, TSO).
    pub merged_header_bytes: u64,
    /// Who on this host sent: by protocol, local address and port, most bytes first, up to 256. ICMP is in `icmp`; ports that sent
    /// nothing but RSTs, or SYN-ACKs that led to nothing, are in `others`.
    pub endpoints: Vec<SentEndpoint>,
    /// The endpoints that are not listed, by protocol.
    pub others: Vec<SentOthers>,
    /// ICMP and ICMPv6 by type, most packets first.
    pub icmp: Vec<IcmpType>,
    /// The addresses of others that packets bore, most bytes first, up to 32; lower bounds where there are many.
    pub foreign: Vec<SentForeign>,
    /// ARP.
    pub arp: SentCount,
    /// What else is not IP, or IP whose header could not be read.
    pub no_ip: SentCount,
}

/// Packets and bytes that were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SentCount {
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
}

/// What an address of somebody else sent by way of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SentForeign {
    /// The address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Packets.
    pub packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// The interface that more than half of it left by, if there is one; none when a file was read.
    #[serde(default)]
    pub interface: Option<String>,
}

/// What a local address and port sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SentEndpoint {
    /// The protocol, as in `protocols`.
    pub protocol: String,
    /// The local address; `0.0.0.0` or `::` for who has none yet.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The local port; none for protocols without ports and for later fragments.
    pub port: Option<u16>,
    /// Packets, as the kernel handed them on: what is cut into segments later counts once.
    pub packets: u64,
    /// The same with segments counted one by one.
    pub wire_packets: u64,
    /// Bytes, link headers included.
    pub bytes: u64,
    /// Payload bytes.
    pub payload_bytes: u64,
    /// Header bytes that only the segments have, see `merged_header_bytes`.
    pub merged_header_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// SYNs sent.
    pub syn: u64,
    /// SYN-ACKs sent.
    pub syn_ack: SentCount,
    /// SYN-ACKs received.
    pub rx_syn_ack: u64,
    /// RSTs received.
    pub rx_rst: u64,
    /// Handshakes that others began and completed, see `tcp.handshakes_completed`.
    pub handshakes_completed: u64,
    /// RSTs sent.
    pub rst: SentCount,
    /// Segments of TCP whose payload had been sent before, as their sequence numbers tell, as far as their flows are kept.
    pub again: SentCount,
    /// The remote that most was sent to by it, of the flows that are kept.
    pub top_remote: Option<IpAddr>,
    /// The port there.
    pub top_remote_port: Option<u16>,
    /// The share of the bytes that went there, never too high.
    pub top_remote_share: Option<f64>,
    /// How many remotes it sent to, of the flows that are kept.
    pub remotes: u64,
    /// Who opened the connections that carried most of it, where that was seen.
    pub opened_by: Option<Opener>,
}

/// What endpoints sent that are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SentOthers {
    /// Their protocol.
    pub protocol: String,
    /// Packets that they sent, exact.
    pub packets: u64,
    /// Bytes that they sent, exact.
    pub bytes: u64,
    /// SYNs among the packets.
    pub syn: u64,
    /// SYN-ACKs.
    pub syn_ack: SentCount,
    /// RSTs.
    pub rst: SentCount,
    /// RSTs received there; none where some of the endpoints found no room for a row.
    pub rx_rst: Option<u64>,
    /// SYN-ACKs received there, likewise.
    pub rx_syn_ack: Option<u64>,
}

/// What was sent to one remote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SentTo {
    /// The remote.
    pub address: IpAddr,
    /// The protocol, as in `protocols`.
    pub protocol: String,
    /// Packets sent.
    pub packets: u64,
    /// Bytes sent, link headers included.
    pub bytes: u64,
    /// SYNs among them.
    pub syn: u64,
    /// Packets that the remote sent to this host by any protocol, as far as they are in `remotes`.
    pub rx_packets: u64,
    /// The local port that more than half came from, if there is one.
    pub local_port: Option<u16>,
    /// The remote port that more than half went to, if there is one.
    pub remote_port: Option<u16>,
}

/// What one own address and port sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SentFrom {
    /// The protocol, as in `protocols`.
    pub protocol: String,
    /// The local address.
    pub address: IpAddr,
    /// The local port.
    pub port: Option<u16>,
    /// Packets sent.
    pub packets: u64,
    /// Bytes sent, link headers included.
    pub bytes: u64,
    /// Packets received there.
    pub rx_packets: u64,
    /// Bytes received there.
    pub rx_bytes: u64,
    /// The remote that most was sent to by it, of the heaviest flows.
    pub top_remote: Option<IpAddr>,
    /// The port there.
    pub top_remote_port: Option<u16>,
    /// The share of the packets that went there, never too high.
    pub top_remote_share: Option<f64>,
}

/// Who opened a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Opener {
    /// The other side.
    Remote,
    /// This host.
    Local,
}

/// Rx packets of one class of size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SizeClass {
    /// The largest size in the class, in bytes with the link header.
    pub up_to: u32,
    /// Packets on the wire.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// Rates in one slice of the window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The slice's begin, seconds after the beginning.
    pub at: f64,
    /// Bits per second received.
    pub rx_bits_per_second: f64,
    /// Packets per second received.
    pub rx_packets_per_second: f64,
    /// Bits per second sent.
    pub tx_bits_per_second: f64,
    /// Packets per second sent.
    pub tx_packets_per_second: f64,
}

/// Rx frames that the driver or the kernel had merged (LRO, GRO) before the capture saw them, from the virtio header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gso {
    /// Merged frames.
    pub frames: u64,
    /// The packets on the wire that they stand for.
    pub segments: u64,
    /// Header bytes that merging hid: they were on the wire but are not in any figure of bytes here.
    pub merged_header_bytes: u64,
}

/// The file that the burst was written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// Its path.
    pub path: String,
    /// Packets in it, both directions.
    pub packets: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether writing ended before the burst did.
    pub truncated: bool,
}
