//! Whom a received packet was meant for.

use std::cell::Cell;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use super::link::Way;
use super::packet::Packet;

/// The classes of received packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// For a local address.
    ToUs,
    /// For all.
    Broadcast,
    /// For a group.
    Multicast,
    /// For another link address.
    OtherHost,
    /// For our link address and an address that is not ours.
    Forwarded,
    /// Not IP, or IP that cannot be read.
    NonIp,
}

impl Class {
    /// All, in the order of their numbers.
    pub const ALL: [Class; 6] =
        [Class::ToUs, Class::Broadcast, Class::Multicast, Class::OtherHost, Class::Forwarded, Class::NonIp];

    /// The field of the result.
    pub const fn name(self) -> &'static str {
        match self {
            Class::ToUs => "to_us",
            Class::Broadcast => "broadcast",
            Class::Multicast => "multicast",
            Class::OtherHost => "other_host",
            Class::Forwarded => "forwarded",
            Class::NonIp => "non_ip",
        }
    }
}

/// Whether two addresses are the same, without a call.
#[inline(always)]
fn same(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.to_bits() == other.to_bits(),
        (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits() == other.to_bits(),
        _ => false,
    }
}

/// The bit of an address's last six bits.
#[inline(always)]
fn end(address: IpAddr) -> u64 {
    1 << (63
        & match address {
            IpAddr::V4(address) => address.to_bits(),
            IpAddr::V6(address) => address.to_bits() as u32,
        })
}

/// The host's own addresses.
#[derive(Debug)]
pub struct LocalAddresses {
    addresses: HashSet<IpAddr>,
    /// A bit for the last six bits of each: most strangers are told by it.
    ends: u64,
    /// Networks all of whose addresses are its own, by first address and length of prefix.
    networks: Vec<(IpAddr, u8)>,
    /// The last one that was asked for and found: most packets have the same.
    last: Cell<Option<IpAddr>>,
}

/// Most networks that are looked through for each address.
const NETWORKS: usize = 64;

/// Whether an address lies in a network.
fn lies_in(address: IpAddr, (network, prefix): (IpAddr, u8)) -> bool {
    let (difference, bits) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (u128::from(address.to_bits() ^ network.to_bits()), 32),
        (IpAddr::V6(address), IpAddr::V6(network)) => (address.to_bits() ^ network.to_bits(), 128),
        _ => return false,
    };
    prefix == 0 || difference >> (bits - u32::from(prefix).min(bits)) == 0
}

impl LocalAddresses {
    /// These addresses, and 127.0.0.0/8.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let addresses: HashSet<IpAddr> = addresses.into_iter().collect();
        let ends = addresses.iter().fold(0, |ends, address| ends | end(*address));
        LocalAddresses { addresses, ends, networks: Vec::new(), last: Cell::new(None) }
    }

    /// All addresses of these networks, too.
    #[must_use]
    pub fn with_networks(mut self, mut networks: Vec<(IpAddr, u8)>) -> Self {
        networks.truncate(NETWORKS);
        self.networks = networks;
        self
    }

    /// Whether `address` is the host's own.
    #[inline(always)]
    pub fn contains(&self, address: IpAddr) -> bool {
        if self.last.get().is_some_and(|last| same(last, address)) {
            return true;
        }
        let ours = address.is_loopback()
            || self.ends & end(address) != 0 && self.addresses.contains(&address)
            || self.networks.iter().any(|network| lies_in(address, *network));
        if ours {
            self.last.set(Some(address));
        }
        ours
    }

    /// The addresses, in order.
    pub fn list(&self) -> Vec<IpAddr> {
        let mut list: Vec<IpAddr> = self.addresses.iter().copied().collect();
        list.sort();
        list
    }

    /// The class of a received packet.
    pub fn class(&self, way: Way, packet: &Packet) -> Class {
        if way == Way::OtherHost {
            return Class::OtherHost;
        }
        let Some(ip) = &packet.ip else { return Class::NonIp };
        match (way, ip.destination) {
            (Way::Broadcast, _) | (_, IpAddr::V4(Ipv4Addr::BROADCAST)) => Class::Broadcast,
            (Way::Multicast, _) => Class::Multicast,
            // A link without addresses marks everything as the host's.
            (_, destination) if destination.is_multicast() => Class::Multicast,
            (_, destination) if self.contains(destination) => Class::ToUs,
            _ => Class::Forwarded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::capture::packet::{Ip, Transport, ether_type};

    fn packet(destination: &str) -> Packet {
        let ip = Ip {
            source: "198.51.100.7".parse().unwrap(),
            destination: destination.parse().unwrap(),
            ttl: 64,
            protocol: 17,
            fragment: false,
            later_fragment: false,
            fragment_id: None,
            transport: Transport::Other,
            header_bytes: 28,
            payload_bytes: 0,
            payload_signature: Default::default(),
            opening: Default::default(),
        };
        Packet { ether_type: ether_type::IPV4, tagged: false, in_session: false, ip: Some(ip), before_ip: 0 }
    }

    #[test]
    fn each_packet_has_its_class() {
        let local = LocalAddresses::new(["192.0.2.1".parse().unwrap()])
            .with_networks(vec![("198.18.0.0".parse().unwrap(), 15)]);
        let arp = Packet { ether_type: 0x0806, tagged: false, in_session: false, ip: None, before_ip: 0 };
        for (way, packet, class) in [
            (Way::Host, packet("192.0.2.1"), Class::ToUs),
            (Way::Host, packet("127.9.9.9"), Class::ToUs),
            (Way::Host, packet("198.18.7.7"), Class::ToUs),
            (Way::Host, packet("198.20.0.1"), Class::Forwarded),
            (Way::Host, packet("192.0.2.2"), Class::Forwarded),
            (Way::OtherHost, packet("192.0.2.1"), Class::OtherHost),
            (Way::OtherHost, arp, Class::OtherHost),
            (Way::Broadcast, arp, Class::NonIp),
            (Way::Broadcast, packet("192.0.2.255"), Class::Broadcast),
            (Way::Multicast, packet("239.1.2.3"), Class::Multicast),
            (Way::Host, packet("239.1.2.3"), Class::Multicast),
            (Way::Host, packet("255.255.255.255"), Class::Broadcast),
        ] {
            assert_eq!(local.class(way, &packet), class, "{way:?} {packet:?}");
        }
    }
}
