//! The host's interfaces and addresses, as far as a capture needs them.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_indextoname;

use super::claims::OnLink;
use crate::case::{Gap, Reason};
use crate::probe::Context;
use crate::probe::watched::{self, Survey};
use crate::sys::rtnetlink::local_networks;

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// The link addresses of all interfaces of the host: what comes for one of them comes for the host.
    pub own_links: HashSet<[u8; 6]>,
    /// The VLANs that have a device on it; none where frames of any VLAN are taken.
    pub vlans: Option<HashSet<u16>>,
    /// The ether types that something on this host takes; none where that is not known, or where a bridge or bond takes all.
    pub taken: Option<HashSet<u16>>,
}

impl Interface {
    /// Whether it is still there, maybe under another name.
    pub fn exists(&self) -> bool {
        // nix gives an empty name for an index that nobody has.
        if_indextoname(self.index).is_ok_and(|name| !name.is_empty())
    }
}

/// The interfaces that `wanted` names: one, or with `auto` all through which traffic enters the host, or the network namespace
/// `elsewhere` that the calling thread is in.
pub fn interfaces(wanted: &str, elsewhere: bool, cx: &Context) -> Result<Vec<Interface>, Gap> {
    let mut door = watched::door()?;
    let survey = Survey::take(&mut door)?;
    let routes = watched::default_routes(&mut door).unwrap_or_default();
    let find = if elsewhere { watched::find_elsewhere } else { watched::find };
    let chosen = find(wanted, &mut door, &survey, &routes, cx)?;
    let own_links: HashSet<[u8; 6]> =
        survey.links.iter().filter_map(|link| link.link_address.as_slice().try_into().ok()).collect();
    let taken = taken();
    let found = chosen.all.iter().filter_map(|index| {
        let link = survey.links.iter().find(|link| link.index == *index)?;
        // A bridge hands frames of any VLAN on.
        let vlans = link.master.is_none().then(|| {
            let on_it = survey.links.iter().filter(|other| other.lower == Some(*index));
            on_it.filter_map(|link| link.vlan_id).collect()
        });
        let taken = taken.clone().filter(|_| link.master.is_none());
        Some(Interface { name: link.name.clone(), index: *index, own_links: own_links.clone(), vlans, taken })
    });
    let found: Vec<Interface> = found.collect();
    if found.is_empty() {
        let tried = format!("capture packets on {}", wanted.escape_debug());
        let why = format!("the interface with index {} vanished", chosen.index);
        return Err(Gap::new(Reason::Absent, tried, why));
    }
    Ok(found)
}

/// The ether types that protocols of the kernel and packet sockets take here (`/proc/net/ptype`); none where it cannot be read.
fn taken() -> Option<HashSet<u16>> {
    std::fs::read_to_string("/proc/thread-self/net/ptype").ok().map(|table| ether_types(&table))
}

/// The ether types of that table. What takes all frames ("ALL") leaves none of them for the interface's `rx_dropped`, but does nothing
/// with them either.
fn ether_types(table: &str) -> HashSet<u16> {
    let first = |line: &str| u16::from_str_radix(line.split_ascii_whitespace().next()?, 16).ok();
    table.lines().skip(1).filter_map(first).collect()
}

/// The host's own addresses, over all interfaces.
pub fn addresses() -> Result<Vec<IpAddr>, Gap> {
    let interfaces = getifaddrs().map_err(|error| Gap::io("list the host's own addresses", &error.into()))?;
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    Ok(addresses.collect())
}

/// Interfaces that stand above one another: a card in a bond in a bridge.
const ABOVE: usize = 4;

/// The IPv4 addresses that these interfaces have on their links. What others say there of an address that this host has elsewhere, as on
/// `lo`, is meant to be so: a balancer's address is on every server behind it.
pub fn on_link(watched: &[Interface]) -> Result<OnLink, Gap> {
    let survey = Survey::take(&mut watched::door()?)?;
    let places = (0..).zip(watched);
    Ok(places
        .flat_map(|(place, interface)| {
            addresses_on(&survey, interface.index).into_iter().map(move |address| (place, address))
        })
        .collect())
}

/// The addresses of an interface and of those that it is a part of.
fn addresses_on(survey: &Survey, index: u32) -> Vec<Ipv4Addr> {
    let link = |index: u32| survey.links.iter().find(|link| link.index == index);
    let above = std::iter::successors(link(index), |below| link(below.master?)).take(ABOVE);
    let holders: Vec<u32> =
        above.filter(|link| link.flags & libc::IFF_NOARP as u32 == 0).map(|link| link.index).collect();
    let held = survey.addresses.iter().filter(|held| holders.contains(&held.index));
    let held: Vec<(Ipv4Addr, u8)> = held
        .filter_map(|held| match held.address {
            IpAddr::V4(address) => Some((address, held.prefix)),
            IpAddr::V6(_) => None,
        })
        .collect();
    // One alone (/32) is on the link where it lies in the network of another: so does keepalived add them.
    let networks: Vec<(Ipv4Addr, u8)> = held.iter().copied().filter(|(_, prefix)| (1..32).contains(prefix)).collect();
    let lies_in = |address: Ipv4Addr, (network, prefix): (Ipv4Addr, u8)| {
        (address.to_bits() ^ network.to_bits()) >> (32 - u32::from(prefix)) == 0
    };
    held.iter()
        .map(|(address, _)| *address)
        .filter(|address| networks.iter().any(|network| lies_in(*address, *network)))
        .collect()
}

/// Networks that are the host's own as a whole. A kernel that cannot be asked for them is taken to have none, as nearly all.
pub fn networks() -> Vec<(IpAddr, u8)> {
    [false, true].into_iter().flat_map(|v6| local_networks(v6).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::rtnetlink::{Link, LinkAddress};

    #[test]
    fn addresses_elsewhere_are_not_on_the_link() {
        let link = |index, master, flags| Link { index, master, flags, ..Link::default() };
        let noarp = libc::IFF_NOARP as u32;
        let links = vec![link(2, Some(3), 0), link(3, Some(9), 0), link(9, None, noarp), link(4, None, 0)];
        let held = |index, last, prefix| LinkAddress { index, address: [192, 0, 2, last].into(), prefix, label: None };
        let addresses = vec![
            held(3, 10, 24),
            held(3, 100, 32),
            LinkAddress { index: 3, address: [203, 0, 113, 7].into(), prefix: 32, label: None },
            held(1, 101, 32),
            held(9, 102, 24),
            held(4, 103, 24),
        ];
        let survey = Survey { links, addresses };
        // A port of the bond has what the bond has; the VRF that the bond is in (IFF_NOARP), `lo` and another card have theirs elsewhere.
        assert_eq!(addresses_on(&survey, 2), [Ipv4Addr::new(192, 0, 2, 10), Ipv4Addr::new(192, 0, 2, 100)]);
        assert_eq!(addresses_on(&survey, 77), Vec::<Ipv4Addr>::new());
    }

    #[test]
    fn who_takes_frames_of_which_type_is_read() {
        let table = "Type Device      Function\nALL  eth0     tpacket_rcv\n0800          ip_rcv\n0004          llc_rcv\n\
                     88cc eth0     packet_rcv\n86dd          ipv6_rcv\n";
        assert_eq!(ether_types(table), HashSet::from([0x0800, 0x0004, 0x88cc, 0x86dd]));
        assert!(taken().expect("Linux has it").contains(&0x0800));
    }
}
