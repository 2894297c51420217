//! What did not come for this host alone: who on the link sent it, and for which group.

use std::net::IpAddr;

use super::classes::Class;
use super::count::Count;
use super::misra_gries::MisraGries;
use super::output::{Group, Station, ToAll};
use super::packet::Packet;
use crate::probe::hash::KeyedHash;
use crate::probe::heavy::Heavy;
use crate::probe::hyperloglog::HyperLogLog;
use crate::probe::protocol;

/// Senders and groups that are kept at a time.
const ROWS: usize = 1_024;
/// Senders and groups that are listed.
const LISTED: usize = 32;

/// The link address of all stations.
const TO_ALL: Mac = [0xff; 6];
/// The ether type of ARP.
const ARP: u16 = 0x0806;

/// A link address.
type Mac = [u8; 6];

/// What one sender sent of one kind to one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StationKey {
    class: Class,
    source: Mac,
    destination: Mac,
    kind: Kind,
}

/// A protocol, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ip(u8),
    Ether(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GroupKey {
    class: Class,
    address: IpAddr,
    protocol: u8,
    port: Option<u16>,
}

#[derive(Debug)]
struct GroupRow {
    count: Count,
    remote: MisraGries<IpAddr>,
}

impl Default for GroupRow {
    fn default() -> Self {
        GroupRow { count: Count::default(), remote: MisraGries::new() }
    }
}

/// The senders and the groups.
#[derive(Debug)]
pub struct Neighbours {
    stations: Heavy<StationKey, Count>,
    groups: Heavy<GroupKey, GroupRow>,
    to_all: Count,
    arp_to_all: Count,
    senders_to_all: HyperLogLog,
}

impl Neighbours {
    /// None yet.
    pub fn new() -> Self {
        Neighbours {
            stations: Heavy::new(ROWS),
            groups: Heavy::new(ROWS),
            to_all: Count::default(),
            arp_to_all: Count::default(),
            senders_to_all: HyperLogLog::new(10, ROWS),
        }
    }

    /// Counts a received packet, unless it was for this host alone.
    pub fn add(&mut self, class: Class, link: Option<(Mac, Mac)>, packet: &Packet, secret: &KeyedHash, amount: Count) {
        if matches!(class, Class::ToUs) {
            return;
        }
        let kind = packet.ip.map_or(Kind::Ether(packet.ether_type), |ip| Kind::Ip(ip.protocol));
        if let Some((destination, source)) = link {
            if destination == TO_ALL {
                self.to_all.add(amount);
                self.senders_to_all.add(secret.words(bits(source), 0));
                if kind == Kind::Ether(ARP) {
                    self.arp_to_all.add(amount);
                }
            }
            let key = StationKey { class, source, destination, kind };
            let number = match kind {
                Kind::Ip(protocol) => u64::from(protocol),
                Kind::Ether(number) => 1 << 16 | u64::from(number),
            };
            let hash = secret.words(bits(source), bits(destination).rotate_left(17) ^ number << 8 ^ class as u64);
            self.stations.add(hash, key, amount.weight()).add(amount);
        }
        if let (Class::Multicast | Class::Broadcast | Class::Forwarded, Some(ip)) = (class, &packet.ip) {
            // Where it is routed on to matters, and not by which port.
            let port = ip.transport.ports().map(|(_, port)| port).filter(|_| class != Class::Forwarded);
            let key = GroupKey { class, address: ip.destination, protocol: ip.protocol, port };
            let number = port.map_or(1 << 32, u64::from) << 8 | u64::from(ip.protocol);
            let row = self.groups.add(secret.words(secret.address(ip.destination), number), key, amount.weight());
            row.count.add(amount);
            row.remote.add(ip.source, amount.bytes);
        }
    }

    /// What came in broadcast frames, however many stations sent it.
    pub fn to_all(&self) -> ToAll {
        ToAll {
            packets: self.to_all.packets,
            bytes: self.to_all.bytes,
            arp_packets: self.arp_to_all.packets,
            senders: self.senders_to_all.estimate(),
        }
    }

    /// The senders, most bytes first.
    pub fn stations(&self, share: impl Fn(u64) -> f64) -> Vec<Station> {
        let mut stations: Vec<Station> = self
            .stations
            .rows()
            .map(|(key, count)| Station {
                class: key.class.name().to_owned(),
                source: spelled(key.source),
                destination: spelled(key.destination),
                protocol: match key.kind {
                    Kind::Ip(number) => protocol::ip_protocol(number),
                    Kind::Ether(number) => protocol::ether_type(number),
                },
                packets: count.packets,
                bytes: count.bytes,
                share: share(count.bytes),
            })
            .collect();
        stations.sort_by(|one, other| (other.bytes, &one.source).cmp(&(one.bytes, &other.source)));
        stations.truncate(LISTED);
        stations
    }

    /// The groups, most bytes first.
    pub fn groups(&self, share: impl Fn(u64) -> f64) -> Vec<Group> {
        let mut groups: Vec<Group> = self
            .groups
            .rows()
            .map(|(key, row)| {
                let remote = row.remote.top();
                Group {
                    class: key.class.name().to_owned(),
                    address: key.address,
                    protocol: protocol::ip_protocol(key.protocol),
                    port: key.port,
                    packets: row.count.packets,
                    bytes: row.count.bytes,
                    share: share(row.count.bytes),
                    top_remote: remote.map(|(remote, _)| remote),
                    top_remote_share: remote.map(|(_, share)| share),
                }
            })
            .collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.bytes), group.address, group.port));
        groups.truncate(LISTED);
        groups
    }
}

fn bits(address: Mac) -> u64 {
    address.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// A link address as it is written.
pub fn spelled(address: Mac) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}
