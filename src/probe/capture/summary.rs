//! From the sums to the result.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use jiff::Timestamp;

use super::both_ways;
use super::classes::Class;
use super::count::{Count, Direction};
use super::flows;
use super::link::Link;
use super::names;
use super::output::{
    Capture, Classes, Dns, DnsType, Endpoint, Flow, Fragments, Icmp, Opener, OtherEndpoints, ProtocolTally, Reflection,
    Remote, Remotes, Ring, Sent, SentFrom, SentTo, Side, SizeClass, SourcePort, Tcp, Udp, Vlan, Written,
};
use super::packet::ip_protocol;
use super::payload_signature;
use super::reflected::Reflected;
use super::tally::{SIZES, Tally};
use crate::probe::protocol;

/// VLANs without a device that are listed.
const STRANGE_VLANS: usize = 16;

/// Endpoints that are listed.
const ENDPOINTS: usize = 1_024;
/// Flows that are listed.
const FLOWS: usize = 256;
/// Those to whom most was sent, and those who sent it, that are listed.
const SENT: usize = 16;
/// Local ports that a remote knocks at to be called wide, and how many such remotes are listed.
const WIDE: u64 = 10;
const WIDEST: usize = 5;
/// The share of what came from a reflector that a local port must have got to be named: twice what chance may claim.
const PORT_STANDS_OUT: f64 = 0.1;

/// The bytes that an interface counted by its own counters.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    pub rx_bytes: u64,
    pub tx_bytes: u64,
}

/// Where the sums come from.
#[derive(Debug)]
pub struct Source {
    /// The interfaces that were watched, in the order of their places.
    pub interfaces: Vec<String>,
    /// What each of them counted itself while it was watched, where that is known; empty for a file.
    pub counted: Vec<Option<Counted>>,
    pub file: Option<String>,
    pub link: Link,
    pub started: Option<Timestamp>,
    pub elapsed_nanos: u64,
    /// Seconds from the beginning of the window to the first packet that could be seen; none for a file.
    pub late_seconds: Option<f64>,
    pub ring: Option<Ring>,
    pub written: Option<Written>,
}

impl Tally {
    /// The result, with `top` rows in the lists of remotes and source ports.
    pub fn summary(&self, source: Source, top: usize) -> Capture {
        let seconds = source.elapsed_nanos as f64 / 1e9;
        let samples = self.timeseries.samples(source.elapsed_nanos);
        let peak = |rate: fn(&super::output::Sample) -> f64| samples.iter().map(rate).reduce(f64::max);
        let sent = Some(self.sent(&source));
        Capture {
            interface: self.busiest(&source.interfaces),
            entered: both_ways::by_interface(
                &source.interfaces,
                self.entered.iter().copied().zip(self.stripped_by.iter().copied()),
                source.counted.iter().map(|counted| Some(counted.as_ref()?.rx_bytes)),
            ),
            namespace: None,
            file: source.file,
            link: source.link.name().to_owned(),
            seconds,
            late_seconds: source.late_seconds,
            excerpt: false,
            started: source.started,
            ring: source.ring,
            sampled: self.sampled,
            local_addresses: self.local.list(),
            rx: side(&self.rx, seconds, peak(|sample| sample.rx_bits_per_second)),
            tx: side(&self.tx, seconds, peak(|sample| sample.tx_bits_per_second)),
            classes: self.classes(),
            protocols: self.protocols(),
            tcp: self.tcp(),
            udp: self.udp(),
            icmp: self.icmp(),
            fragments: self.fragments(),
            dns: self.dns(),
            vlan: self.vlan(),
            untaken: self.untaken.map(|untaken| self.tally(untaken)),
            sessions: self.tally(self.sessions),
            remotes: self.remotes(top),
            ttl: self.ttl.summary(),
            source_ports: self.source_ports(top),
            reflection: self.reflection(),
            to_all: Some(self.neighbours.to_all()),
            stations: self.neighbours.stations(|bytes| self.share(bytes)),
            disputed: self.claims.disputed(&source.interfaces),
            groups: self.neighbours.groups(|bytes| self.share(bytes)),
            endpoints: self.endpoints(&source.interfaces, seconds),
            other_endpoints: self.other_endpoints(),
            flows: self.flows(),
            sent,
            flows_distinct: self.flows.distinct(),
            sizes: SIZES
                .iter()
                .zip(&self.sizes)
                .map(|(up_to, count)| SizeClass { up_to: *up_to, packets: count.packets, bytes: count.bytes })
                .collect(),
            samples,
            gso: self.gso,
            written: source.written,
        }
    }

    /// The interface that most was received by; of equals the first.
    fn busiest(&self, interfaces: &[String]) -> Option<String> {
        let by_place = interfaces.iter().zip(&self.entered).rev();
        by_place.max_by_key(|(_, direction)| direction.count.bytes).map(|(interface, _)| interface.clone())
    }

    fn share(&self, bytes: u64) -> f64 {
        share(bytes, self.rx.count.bytes).unwrap_or(0.0)
    }

    fn tally(&self, count: Count) -> super::output::Tally {
        super::output::Tally { packets: count.packets, bytes: count.bytes, share: self.share(count.bytes) }
    }

    fn vlan(&self) -> Vlan {
        let mut strange: Vec<(u16, Count)> = self.strange_vlans.iter().map(|(vlan, count)| (*vlan, *count)).collect();
        strange.sort_by_key(|(_, count)| std::cmp::Reverse(count.packets));
        let mut without_device = Count::default();
        strange.iter().for_each(|(_, count)| without_device.add(*count));
        Vlan {
            packets: self.tagged.packets,
            bytes: self.tagged.bytes,
            stripped_tag_bytes: self.stripped_tags * 4,
            without_device: self.tally(without_device),
            numbers_without_device: strange.iter().take(STRANGE_VLANS).map(|(vlan, _)| *vlan).collect(),
        }
    }

    fn classes(&self) -> Classes {
        let of = |class: Class| self.tally(self.classes[class as usize]);
        Classes {
            to_us: of(Class::ToUs),
            broadcast: of(Class::Broadcast),
            multicast: of(Class::Multicast),
            other_host: of(Class::OtherHost),
            forwarded: of(Class::Forwarded),
            non_ip: of(Class::NonIp),
        }
    }

    fn protocols(&self) -> Vec<ProtocolTally> {
        let ip =
            (0..=255u8).zip(self.ip_protocols.iter()).map(|(number, count)| (protocol::ip_protocol(number), *count));
        let others = self.ether_types.iter().map(|(number, count)| (protocol::ether_type(*number), *count));
        let rest = [("other".to_owned(), self.other_ether_types)];
        // Several ether types can share a name.
        let mut by_name: BTreeMap<String, Count> = BTreeMap::new();
        for (name, count) in ip.chain(others).chain(rest).filter(|(_, count)| count.packets > 0) {
            let sum = by_name.entry(name).or_default();
            sum.packets += count.packets;
            sum.bytes += count.bytes;
        }
        let mut protocols: Vec<ProtocolTally> = by_name
            .into_iter()
            .map(|(protocol, count)| ProtocolTally {
                protocol,
                packets: count.packets,
                bytes: count.bytes,
                share: self.share(count.bytes),
            })
            .collect();
        protocols.sort_by_key(|protocol| std::cmp::Reverse(protocol.bytes));
        protocols
    }

    fn tcp(&self) -> Tcp {
        let counts = &self.tcp;
        let Count { packets, bytes } = self.ip_protocols[usize::from(ip_protocol::TCP)];
        Tcp {
            packets,
            bytes,
            share: self.share(bytes),
            payload_bytes: counts.payload_bytes,
            syn: counts.syn,
            syn_ack: counts.syn_ack,
            pure_ack: counts.pure_ack,
            rst: counts.rst,
            fin: counts.fin,
            data: counts.data,
            syn_share: share(counts.syn, packets),
            handshakes_started: counts.handshakes_started,
            handshakes_completed: counts.handshakes_completed,
            handshakes_completed_share: share(counts.handshakes_completed, counts.handshakes_started),
            syn_without_options_share: share(counts.syn_without_options, counts.syn),
            stray: counts.stray.packets,
            stray_bytes: counts.stray.bytes,
            syn_ack_unasked: counts.unasked,
            syn_with_ecn_share: share(counts.syn_with_ecn, counts.syn),
            tx_packets: counts.tx.packets,
            tx_bytes: counts.tx.bytes,
            tx_payload_bytes: counts.tx_payload_bytes,
            tx_syn: counts.tx_syn,
            tx_syn_ack: counts.tx_syn_ack,
            tx_rst: counts.tx_rst,
        }
    }

    fn udp(&self) -> Udp {
        let Count { packets, bytes } = self.udp_wire.count;
        Udp {
            packets,
            bytes,
            share: self.share(bytes),
            mean_packet_bytes: self.udp_wire.mean_packet_bytes(),
            tx_packets: self.udp_tx.packets,
            tx_bytes: self.udp_tx.bytes,
        }
    }

    fn fragments(&self) -> Fragments {
        let fragments = &self.fragments;
        Fragments {
            packets: fragments.count.packets,
            bytes: fragments.count.bytes,
            share: self.share(fragments.count.bytes),
            first: fragments.first,
            followed: fragments.followed,
            later: fragments.later,
            orphans: fragments.orphans,
            remotes: fragments.remotes.estimate().min(fragments.count.packets),
            local_address: fragments.local_address.top().map(|(address, _)| address),
        }
    }

    fn dns(&self) -> Dns {
        let types = |counts: &[(u16, u64)]| {
            let mut types: Vec<DnsType> = counts
                .iter()
                .map(|(kind, packets)| DnsType { name: payload_signature::dns_type(*kind), packets: *packets })
                .collect();
            types.sort_by(|one, other| (other.packets, &one.name).cmp(&(one.packets, &other.name)));
            types
        };
        let dns = &self.dns;
        Dns {
            queries: dns.queries.packets,
            query_bytes: dns.queries.bytes,
            answers: dns.answers.packets,
            answer_bytes: dns.answers.bytes,
            tx_queries: dns.tx_queries.packets,
            tx_answers: dns.tx_answers.packets,
            tx_answer_bytes: dns.tx_answers.bytes,
            query_types: types(&dns.query_types),
            answer_types: types(&dns.answer_types),
        }
    }

    fn icmp(&self) -> Icmp {
        let of = |protocol: u8| self.ip_protocols[usize::from(protocol)];
        let (v4, v6) = (of(ip_protocol::ICMP), of(ip_protocol::ICMPV6));
        let bytes = v4.bytes + v6.bytes;
        let echo_requests = self.icmp[0][8].packets + self.icmp[1][128].packets;
        Icmp {
            packets: v4.packets + v6.packets,
            bytes,
            share: self.share(bytes),
            echo_requests,
            echo_request_share: share(echo_requests, self.rx.count.packets),
            types: both_ways::icmp_types(&self.icmp),
            tx_packets: self.icmp_tx,
            tx_echo_replies: self.icmp_tx_echo_replies,
            tx_unreachables: self.icmp_tx_unreachables,
        }
    }

    fn remotes(&self, top: usize) -> Remotes {
        let mut remotes: Vec<Remote> = self
            .remotes
            .rows()
            .map(|(address, remote)| Remote {
                address: *address,
                packets: remote.count.packets,
                bytes: remote.count.bytes,
                share: self.share(remote.count.bytes),
                ttl: remote.ttl,
                local_ports: remote.ports.count(),
            })
            .collect();
        let mut widest: Vec<Remote> = remotes.iter().filter(|remote| remote.local_ports >= WIDE).cloned().collect();
        heaviest(&mut widest, WIDEST, |remote| (remote.local_ports, remote.packets, remote.address));
        heaviest(&mut remotes, top, |remote| (remote.bytes, remote.address));
        // No more sources than packets, whatever the estimate says.
        let distinct = self.distinct_remotes.estimate().min(self.ip_packets);
        Remotes {
            distinct,
            distinct_networks: self.distinct_networks.estimate().min(distinct),
            widest,
            top_share: remotes.first().map(|remote| remote.share),
            top: remotes,
            per_packet: share(distinct, self.ip_packets),
        }
    }

    fn source_ports(&self, top: usize) -> Vec<SourcePort> {
        let of = |tcp: bool| if tcp { &self.tcp_ports } else { &self.udp_ports };
        // Ranked before they are given names: there can be twice 65,536.
        let mut ports: Vec<(bool, u16, Count)> = [true, false]
            .into_iter()
            .flat_map(|tcp| of(tcp).busy().map(move |(port, count)| (tcp, port, count)))
            .collect();
        heaviest(&mut ports, top, |(tcp, port, count)| (count.bytes, *tcp, *port));
        let named = ports.into_iter().map(|(tcp, port, count)| SourcePort {
            protocol: if tcp { "tcp" } else { "udp" }.to_owned(),
            port,
            service: names::service(tcp, port).map(str::to_owned),
            packets: count.packets,
            bytes: count.bytes,
            share: self.share(count.bytes),
            requests_sent: of(tcp).requests(port),
        });
        named.collect()
    }

    fn reflection(&self) -> Vec<Reflection> {
        let seen = names::REFLECTORS.iter().zip(&self.reflected).filter_map(
            |(names::Reflector { port, service, .. }, reflected)| {
                let requests_sent = self.udp_ports.requests(*port);
                let Count { packets, .. } = reflected.as_ref()?.count;
                let asked = requests_sent as f64 / packets as f64;
                Some(self.reflected(reflected.as_ref()?, "udp", service, *port, requests_sent, 1.0 - asked.min(1.0)))
            },
        );
        let syn_acks = self.syn_acks.as_ref().and_then(|reflected| {
            let (port, _) = reflected.source_port.top()?;
            let unasked = share(self.tcp.unasked, self.tcp.syn_ack)?;
            Some(self.reflected(reflected, "tcp", "tcp-synack", port, self.tcp.tx_syn, unasked))
        });
        let mut reflection: Vec<Reflection> = seen.chain(syn_acks).collect();
        reflection.sort_by_key(|reflection| std::cmp::Reverse(reflection.bytes));
        reflection
    }

    fn reflected(
        &self,
        reflected: &Reflected,
        protocol: &str,
        service: &str,
        port: u16,
        requests_sent: u64,
        unsolicited_share: f64,
    ) -> Reflection {
        let Count { packets, bytes } = reflected.count;
        let stands_out = |(_, share): &(u16, f64)| *share >= PORT_STANDS_OUT;
        Reflection {
            service: service.to_owned(),
            protocol: protocol.to_owned(),
            port,
            packets,
            bytes,
            share: self.share(bytes),
            mean_packet_bytes: bytes as f64 / packets as f64,
            reflectors: reflected.remotes.estimate().min(packets),
            requests_sent,
            unsolicited_share,
            answer_share: share(reflected.answers, reflected.read),
            local_address: reflected.local_address.top().map(|(address, _)| address),
            local_port: reflected.local_port.top().filter(stands_out).map(|(port, _)| port),
        }
    }

    /// Numbers of all rows of endpoints, most bytes first.
    fn ranked_endpoints(&self) -> Vec<usize> {
        let rows = self.endpoints.rows();
        let mut ranked: Vec<usize> = (0..rows.len()).collect();
        ranked.sort_by_key(|row| std::cmp::Reverse((rows[*row].bytes, rows[*row].tx_bytes)));
        ranked
    }

    fn endpoints(&self, interfaces: &[String], seconds: f64) -> Vec<Endpoint> {
        let rows = self.endpoints.rows();
        let connections = self.asked_over();
        let listed = self.ranked_endpoints().into_iter().take(ENDPOINTS).map(|index| {
            let row = &rows[index];
            let detail = self.endpoints.detail(row);
            let remote = detail.and_then(|detail| detail.remote.top());
            let remote_port = detail.and_then(|detail| detail.remote_port.top());
            let ttl = detail.and_then(|detail| detail.ttl.summary());
            let on_wire = Direction {
                count: Count { packets: row.packets, bytes: row.bytes },
                wire_packets: row.wire_packets,
                merged_header_bytes: row.merged_header_bytes,
                link_header_bytes: 0,
            };
            Endpoint {
                protocol: protocol::ip_protocol(row.key.protocol),
                address: row.key.address,
                port: row.key.port,
                interface: row.entered.interface().and_then(|place| interfaces.get(place)).cloned(),
                packets: row.packets,
                wire_packets: row.wire_packets,
                bytes: row.bytes,
                share: self.share(row.bytes),
                payload_bytes: row.payload_bytes,
                mean_packet_bytes: on_wire.mean_packet_bytes().unwrap_or(0.0),
                remotes: self.endpoints.remotes(row),
                syn: row.syn,
                handshakes_completed: row.handshakes_completed,
                rst: row.rst,
                syn_ack: row.syn_ack,
                stray: row.stray,
                fragments: row.fragments,
                later_fragments: row.later_fragments,
                impossible_sources: row.impossible_sources,
                tx_packets: row.tx_packets,
                tx_bytes: row.tx_bytes,
                tx_payload_bytes: row.tx_payload_bytes,
                tx_rst: row.tx_rst,
                tx_syn_ack: row.tx_syn_ack,
                top_remote: remote.map(|(remote, _)| remote),
                top_remote_share: remote.map(|(_, share)| share),
                top_remote_port: remote_port.map(|(port, _)| port),
                top_remote_port_share: remote_port.map(|(_, share)| share),
                ttl_distinct: ttl.map(|ttl| ttl.distinct),
                ttl_entropy_bits: ttl.map(|ttl| ttl.entropy_bits),
                first_seconds: row.first_nanos as f64 / 1e9,
                last_seconds: row.last_nanos as f64 / 1e9,
                merged_header_bytes: row.merged_header_bytes,
                asked: self.endpoints.asked(row).map(|asked| {
                    let socket = (row.key.address, row.key.port.unwrap_or(0));
                    asked.summary(seconds, connections.get(&socket).copied().unwrap_or(0))
                }),
            }
        });
        listed.collect()
    }

    /// Over how many connections something was asked of each socket, as far as their flows are kept.
    fn asked_over(&self) -> HashMap<(IpAddr, u16), u64> {
        let mut connections = HashMap::new();
        for (key, _) in self.flows.rows().filter(|(_, flow)| flow.turns > 0) {
            if let Some((port, _)) = key.ports {
                *connections.entry((key.local, port)).or_default() += 1;
            }
        }
        connections
    }

    fn other_endpoints(&self) -> Vec<OtherEndpoints> {
        let mut others: BTreeMap<u8, OtherEndpoints> = BTreeMap::new();
        let mut add = |protocol: u8, endpoints: u64, packets: u64, bytes: u64| {
            let other = others.entry(protocol).or_insert_with(|| OtherEndpoints {
                protocol: protocol::ip_protocol(protocol),
                endpoints: 0,
                packets: 0,
                bytes: 0,
            });
            other.endpoints += endpoints;
            other.packets += packets;
            other.bytes += bytes;
        };
        let rows = self.endpoints.rows();
        for row in self.ranked_endpoints().into_iter().skip(ENDPOINTS).filter_map(|index| rows.get(index)) {
            add(row.key.protocol, 1, row.packets, row.bytes);
        }
        for (protocol, overflow) in self.endpoints.overflowed() {
            let distinct = overflow.distinct.as_ref().map_or(0, |distinct| distinct.estimate());
            add(*protocol, distinct.min(overflow.packets), overflow.packets, overflow.bytes);
        }
        others.into_values().collect()
    }

    fn sent(&self, source: &Source) -> Sent {
        let most = |port: Option<(u16, f64)>| port.filter(|(_, share)| *share > 0.5).map(|(port, _)| port);
        let mut to: Vec<_> = self.sent.to.rows().collect();
        heaviest(&mut to, SENT, |((address, _), to)| (to.count.packets, *address));
        let heard: BTreeMap<IpAddr, u64> =
            self.remotes.rows().map(|(address, remote)| (*address, remote.count.packets)).collect();
        let to = to.into_iter().map(|((address, protocol), to)| SentTo {
            address: *address,
            protocol: protocol::ip_protocol(*protocol),
            packets: to.count.packets,
            bytes: to.count.bytes,
            syn: to.syn,
            rx_packets: heard.get(address).copied().unwrap_or(0),
            local_port: most(to.ports.as_ref().and_then(|ports| ports.local.top())),
            remote_port: most(to.ports.as_ref().and_then(|ports| ports.remote.top())),
        });
        let sent = &self.sent;
        Sent {
            remotes: sent.remotes.estimate(),
            syn_remotes: sent.syn_remotes.estimate(),
            syn_port: most(sent.syn_port.top()),
            udp_remotes: sent.udp_remotes.estimate(),
            udp_port: most(sent.udp_port.top()),
            foreign_packets: sent.foreign.packets,
            foreign_bytes: sent.foreign.bytes,
            to: to.collect(),
            from: self.sent_from(),
            parts: Some(self.sent_parts(source)),
        }
    }

    fn sent_from(&self) -> Vec<SentFrom> {
        let mut rows: Vec<_> = self.endpoints.rows().iter().filter(|row| row.tx_packets > 0).collect();
        heaviest(&mut rows, SENT, |row| (row.tx_packets, row.tx_bytes, row.key.address, row.key.port));
        let from = rows.into_iter().map(|row| {
            let of_row = |(key, _): &&(flows::Key, flows::Row)| {
                (key.protocol, key.local, key.ports.map(|(local, _)| local))
                    == (row.key.protocol, row.key.address, row.key.port)
            };
            let heaviest = self.flows.rows().filter(of_row).max_by_key(|(key, flow)| (flow.tx_packets, key.remote));
            let heaviest = heaviest.filter(|(_, flow)| flow.tx_packets > 0);
            SentFrom {
                protocol: protocol::ip_protocol(row.key.protocol),
                address: row.key.address,
                port: row.key.port,
                packets: row.tx_packets,
                bytes: row.tx_bytes,
                rx_packets: row.packets,
                rx_bytes: row.bytes,
                top_remote: heaviest.map(|(key, _)| key.remote),
                top_remote_port: heaviest.and_then(|(key, _)| Some(key.ports?.1)),
                top_remote_share: heaviest.and_then(|(_, flow)| share(flow.tx_packets, row.tx_packets)),
            }
        });
        from.collect()
    }

    fn flows(&self) -> Vec<Flow> {
        let mut flows: Vec<&(flows::Key, flows::Row)> = self.flows.rows().collect();
        heaviest(&mut flows, FLOWS, |(key, row)| (row.rx_bytes + row.tx_bytes, row.rx_bytes, key.remote));
        let named = flows.into_iter().map(|(key, row)| Flow {
            protocol: protocol::ip_protocol(key.protocol),
            class: row.class.unwrap_or(Class::ToUs).name().to_owned(),
            local_address: key.local,
            local_port: key.ports.map(|(local, _)| local),
            remote_address: key.remote,
            remote_port: key.ports.map(|(_, remote)| remote),
            rx_packets: row.rx_packets,
            rx_bytes: row.rx_bytes,
            rx_payload_bytes: row.rx_payload_bytes,
            tx_packets: row.tx_packets,
            tx_bytes: row.tx_bytes,
            tx_payload_bytes: row.tx_payload_bytes,
            opened_by: match (row.remote_opened, row.local_opened) {
                (true, _) => Some(Opener::Remote),
                (false, true) => Some(Opener::Local),
                (false, false) => None,
            },
            first_seconds: row.first_nanos as f64 / 1e9,
            last_seconds: row.last_nanos as f64 / 1e9,
        });
        named.collect()
    }
}

/// `part` of `whole`; none when there is no whole.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Keeps the `count` heaviest, heaviest first.
fn heaviest<T, K: Ord>(list: &mut Vec<T>, count: usize, weight: impl Fn(&T) -> K) {
    list.sort_by_key(|row| std::cmp::Reverse(weight(row)));
    list.truncate(count);
}

fn side(direction: &Direction, seconds: f64, peak_bits_per_second: Option<f64>) -> Side {
    let Count { packets, bytes } = direction.count;
    let per_second = |amount: u64| (seconds > 0.0).then(|| amount as f64 / seconds);
    Side {
        packets,
        wire_packets: direction.wire_packets,
        bytes,
        link_header_bytes: direction.link_header_bytes,
        bytes_per_second: per_second(bytes),
        bits_per_second: per_second(bytes).map(|bytes| bytes * 8.0),
        packets_per_second: per_second(packets),
        mean_packet_bytes: direction.mean_packet_bytes(),
        peak_bits_per_second,
    }
}
