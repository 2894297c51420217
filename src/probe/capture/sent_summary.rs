//! From the sums of what was sent to the result.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::both_ways;
use super::count::Count;
use super::endpoints;
use super::output::{Opener, SentCount, SentEndpoint, SentForeign, SentOthers, SentParts};
use super::packet::ip_protocol;
use super::summary::Source;
use super::tally::Tally;
use crate::probe::protocol;

/// Endpoints that are listed: a flood of forged questions makes this host answer from every port.
const ENDPOINTS: usize = 256;
/// Addresses of others that are listed.
const FOREIGN: usize = 32;

/// What the flows of an endpoint tell of it.
#[derive(Debug, Default)]
struct Towards {
    top: Option<(IpAddr, Option<u16>)>,
    top_bytes: u64,
    remotes: u64,
    opened_here: u64,
    opened_there: u64,
}

impl From<Count> for SentCount {
    fn from(Count { packets, bytes }: Count) -> Self {
        SentCount { packets, bytes }
    }
}

impl Tally {
    /// All that was sent, each packet in one part.
    pub(super) fn sent_parts(&self, source: &Source) -> SentParts {
        let parts = &self.sent.parts;
        let mut foreign: Vec<SentForeign> = parts
            .foreign
            .rows()
            .map(|(address, row)| SentForeign {
                address: *address,
                packets: row.count.packets,
                bytes: row.count.bytes,
                interface: row.left.interface().and_then(|place| source.interfaces.get(place)).cloned(),
            })
            .collect();
        foreign.sort_by_key(|row| (std::cmp::Reverse(row.bytes), row.address));
        foreign.truncate(FOREIGN);
        let (endpoints, others) = self.sent_endpoints();
        SentParts {
            left: both_ways::by_interface(
                &source.interfaces,
                parts.left.iter().copied(),
                source.counted.iter().map(|counted| Some(counted.as_ref()?.tx_bytes)),
            ),
            merged_header_bytes: self.tx.merged_header_bytes,
            endpoints,
            others,
            icmp: both_ways::icmp_types(&parts.icmp),
            foreign,
            arp: parts.arp.into(),
            no_ip: parts.no_ip.into(),
        }
    }

    /// The endpoints that sent most, and the sums of all others.
    fn sent_endpoints(&self) -> (Vec<SentEndpoint>, Vec<SentOthers>) {
        // ICMP of this host is told apart by type; later fragments of it have none, and are in the sums of others.
        let is_icmp = |protocol: u8| matches!(protocol, ip_protocol::ICMP | ip_protocol::ICMPV6);
        let mut rows: Vec<&endpoints::Row> = self.endpoints.rows().iter().filter(|row| row.tx_packets > 0).collect();
        // Nor need be told by port what the kernel answers of itself.
        let refuses =
            |row: &endpoints::Row| row.tx_packets == row.tx_rst + row.tx_syn_ack && row.handshakes_completed == 0;
        let is_summed = |row: &endpoints::Row| is_icmp(row.key.protocol) || refuses(row);
        rows.sort_by_key(|row| (is_summed(row), std::cmp::Reverse(row.tx_bytes)));
        let listed = rows.iter().take_while(|row| !is_summed(row)).count().min(ENDPOINTS);
        let (rows, rest) = rows.split_at(listed);
        let towards = self.towards();
        let nothing = Towards::default();
        let listed = rows.iter().map(|row| {
            let towards = towards.get(&key(row.key.protocol, row.key.address, row.key.port)).unwrap_or(&nothing);
            SentEndpoint {
                protocol: protocol::ip_protocol(row.key.protocol),
                address: row.key.address,
                port: row.key.port,
                packets: row.tx_packets,
                wire_packets: row.tx_wire_packets,
                bytes: row.tx_bytes,
                payload_bytes: row.tx_payload_bytes,
                merged_header_bytes: row.tx_merged_header_bytes,
                rx_packets: row.packets,
                rx_bytes: row.bytes,
                syn: row.tx_syn,
                syn_ack: SentCount { packets: row.tx_syn_ack, bytes: row.tx_syn_ack_bytes },
                rx_syn_ack: row.syn_ack,
                rx_rst: row.rst,
                handshakes_completed: row.handshakes_completed,
                rst: SentCount { packets: row.tx_rst, bytes: row.tx_rst_bytes },
                again: row.tx_again.into(),
                top_remote: towards.top.map(|(remote, _)| remote),
                top_remote_port: towards.top.and_then(|(_, port)| port),
                top_remote_share: towards.top.map(|_| towards.top_bytes as f64 / row.tx_bytes.max(1) as f64),
                remotes: towards.remotes,
                opened_by: match (towards.opened_here, towards.opened_there) {
                    (0, 0) => None,
                    (here, there) => Some(if here >= there { Opener::Local } else { Opener::Remote }),
                },
            }
        });
        (listed.collect(), self.sent_by_others(rest))
    }

    fn sent_by_others(&self, rest: &[&endpoints::Row]) -> Vec<SentOthers> {
        let mut others: BTreeMap<u8, SentOthers> = BTreeMap::new();
        let mut add = |protocol: u8, count: Count, syn: u64, syn_ack: Count, rst: Count, back: Option<(u64, u64)>| {
            let other = others.entry(protocol).or_insert_with(|| SentOthers {
                protocol: protocol::ip_protocol(protocol),
                packets: 0,
                bytes: 0,
                syn: 0,
                syn_ack: SentCount::default(),
                rst: SentCount::default(),
                rx_rst: Some(0),
                rx_syn_ack: Some(0),
            });
            other.packets += count.packets;
            other.bytes += count.bytes;
            other.syn += syn;
            other.syn_ack.packets += syn_ack.packets;
            other.syn_ack.bytes += syn_ack.bytes;
            other.rst.packets += rst.packets;
            other.rst.bytes += rst.bytes;
            other.rx_rst = other.rx_rst.zip(back).map(|(sum, back)| sum + back.0);
            other.rx_syn_ack = other.rx_syn_ack.zip(back).map(|(sum, back)| sum + back.1);
        };
        for row in rest {
            let mut count = Count { packets: row.tx_packets, bytes: row.tx_bytes };
            if let ip_protocol::ICMP | ip_protocol::ICMPV6 = row.key.protocol {
                count = self.sent_icmp_fragments(row.key.protocol, count, rest);
            }
            let syn_ack = Count { packets: row.tx_syn_ack, bytes: row.tx_syn_ack_bytes };
            let rst = Count { packets: row.tx_rst, bytes: row.tx_rst_bytes };
            add(row.key.protocol, count, row.tx_syn, syn_ack, rst, Some((row.rst, row.syn_ack)));
        }
        for (protocol, overflow) in &self.sent.parts.overflow {
            add(*protocol, overflow.count, overflow.syn, overflow.syn_ack, overflow.rst, None);
        }
        others.into_values().filter(|other| other.packets > 0).collect()
    }

    /// Of what a row of ICMP sent, its share of what bears no type.
    fn sent_icmp_fragments(&self, protocol: u8, count: Count, rest: &[&endpoints::Row]) -> Count {
        let typed = self.sent.parts.icmp[usize::from(protocol == ip_protocol::ICMPV6)].iter();
        let typed = typed.fold(Count::default(), |mut sum, count| {
            sum.add(*count);
            sum
        });
        let rows = rest.iter().filter(|row| row.key.protocol == protocol);
        let (packets, bytes) =
            rows.fold((0u64, 0u64), |(packets, bytes), row| (packets + row.tx_packets, bytes + row.tx_bytes));
        let part = |of: u64, all: u64, typed: u64| {
            (of as f64 * (all.saturating_sub(typed) as f64 / all.max(1) as f64)).round() as u64
        };
        Count { packets: part(count.packets, packets, typed.packets), bytes: part(count.bytes, bytes, typed.bytes) }
    }

    /// To whom endpoints sent, as far as their flows are kept.
    fn towards(&self) -> HashMap<(u8, IpAddr, Option<u16>), Towards> {
        let mut all: HashMap<_, Towards> = HashMap::new();
        for (of, flow) in self.flows.rows().filter(|(_, flow)| flow.tx_packets > 0) {
            let towards = all.entry(key(of.protocol, of.local, of.ports.map(|(local, _)| local))).or_default();
            towards.remotes += 1;
            if towards.top.is_none() || flow.tx_bytes > towards.top_bytes {
                towards.top = Some((of.remote, of.ports.map(|(_, remote)| remote)));
                towards.top_bytes = flow.tx_bytes;
            }
            towards.opened_here += if flow.local_opened && !flow.remote_opened { flow.tx_bytes } else { 0 };
            towards.opened_there += if flow.remote_opened { flow.tx_bytes } else { 0 };
        }
        all
    }
}

fn key(protocol: u8, address: IpAddr, port: Option<u16>) -> (u8, IpAddr, Option<u16>) {
    (protocol, address, port)
}
