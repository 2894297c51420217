//! Fragments: which packet a later one belongs to, and whether any came at all.

use std::net::IpAddr;

use super::count::Count;
use super::misra_gries::MisraGries;
use super::packet::{Ip, Transport, ip_protocol};
use crate::probe::hash::KeyedHash;
use crate::probe::hyperloglog::HyperLogLog;

/// First fragments that are remembered at a time: 1 MB. A kernel with its usual 4 MB for reassembly keeps fewer.
const REMEMBERED: usize = 1 << 15;

/// A first fragment.
#[derive(Debug, Clone, Copy, Default)]
struct First {
    /// Of addresses, protocol and identification; 0 is an empty place.
    tag: u64,
    ports: Option<(u16, u16)>,
    followed: bool,
}

/// What became of the fragments that came in.
#[derive(Debug)]
pub struct Fragments {
    places: Vec<First>,
    pub count: Count,
    pub first: u64,
    /// First fragments that a later one was seen of.
    pub followed: u64,
    pub later: u64,
    /// Later fragments whose first was not seen.
    pub orphans: u64,
    pub remotes: HyperLogLog,
    pub local_address: MisraGries<IpAddr>,
}

impl Fragments {
    /// None yet.
    pub fn new() -> Self {
        Fragments {
            places: Vec::new(),
            count: Count::default(),
            first: 0,
            followed: 0,
            later: 0,
            orphans: 0,
            remotes: HyperLogLog::new(10, HyperLogLog::EXACT),
            local_address: MisraGries::new(),
        }
    }

    /// Gives a later fragment the ports of its first one, which the kernel needs, too, to know whose it is. TCP is left
    /// alone: what its flags mean was counted with the first.
    pub fn resolve(&mut self, ip: &mut Ip, secret: &KeyedHash, received: bool, stands_for: u32) {
        let those = |which: bool| if which { u64::from(stands_for) } else { 0 };
        let Some(identification) = ip.fragment_id else { return };
        let addresses = secret.address(ip.source) ^ secret.address(ip.destination).rotate_left(23);
        let tag = secret.words(addresses, u64::from(identification) << 8 | u64::from(ip.protocol)).max(1);
        if self.places.is_empty() {
            self.places = vec![First::default(); REMEMBERED];
        }
        let place = &mut self.places[tag as usize & (REMEMBERED - 1)];
        if !ip.later_fragment {
            self.first += those(received);
            *place = First { tag, ports: ip.transport.ports(), followed: false };
            return;
        }
        let known = place.tag == tag;
        if received {
            self.later += u64::from(stands_for);
            self.orphans += those(!known);
            self.followed += those(known && !place.followed);
        }
        place.followed |= known;
        if let Some((source_port, destination_port)) = place.ports.filter(|_| known)
            && ip.protocol == ip_protocol::UDP
        {
            ip.transport = Transport::Udp { source_port, destination_port };
        }
    }

    /// Counts a fragment that came in.
    pub fn add(&mut self, ip: &Ip, remote_hash: u64, amount: Count) {
        self.count.add(amount);
        self.remotes.add(remote_hash);
        self.local_address.add(ip.destination, amount.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::capture::packet;

    fn fragment(id: u8, offset: u8, more: bool) -> Ip {
        let flags = if more { 0x20 } else { 0 };
        let mut bytes = vec![0x45, 0, 0, 36, 0, id, flags, offset, 64, 17, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1];
        bytes.extend([0, 53, 0x1f, 0x90, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        packet::read(0x0800, &bytes, 36).ip.unwrap()
    }

    #[test]
    fn a_later_fragment_has_the_ports_of_its_first() {
        let (mut fragments, secret) = (Fragments::new(), KeyedHash::from_kernel());
        let mut parts = [fragment(1, 0, true), fragment(1, 185, false), fragment(2, 185, false), fragment(3, 0, true)];
        parts.iter_mut().for_each(|part| fragments.resolve(part, &secret, true, 1));
        assert_eq!(parts[1].transport, Transport::Udp { source_port: 53, destination_port: 8080 });
        assert_eq!(parts[2].transport, Transport::Other, "its first never came");
        assert_eq!((fragments.first, fragments.followed), (2, 1));
        assert_eq!((fragments.later, fragments.orphans), (2, 1));
    }
}
