//! Whose file is it: infers the addresses of the host that a file is about.

use std::collections::HashMap;
use std::net::IpAddr;

/// Pairs of addresses that are counted; what comes later in a larger file changes little.
const PAIRS: usize = 65_536;
/// Addresses that a host may have.
const ADDRESSES: usize = 64;
/// The least share of the packets that a further address must take part in.
const LEAST_SHARE: f64 = 0.05;

/// Who sent how much to whom.
#[derive(Debug, Default)]
pub struct Pairs {
    pairs: HashMap<(IpAddr, IpAddr), Sent>,
    packets: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    packets: u64,
    bytes: u64,
}

/// What one address took part in, among the pairs that are left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    packets: u64,
    received_bytes: u64,
}

impl Pairs {
    /// Counts a packet.
    pub fn add(&mut self, source: IpAddr, destination: IpAddr, bytes: u32) {
        self.packets += 1;
        let known = self.pairs.len() < PAIRS || self.pairs.contains_key(&(source, destination));
        if known {
            let sent = self.pairs.entry((source, destination)).or_default();
            sent.packets += 1;
            sent.bytes += u64::from(bytes);
        }
    }

    /// The host's addresses: the one that takes part in most packets, of equals the one that receives most; then each
    /// further one that takes part in enough of the packets, all without those already taken. A host receives, so an
    /// address that nothing is sent to is none.
    pub fn local(mut self) -> Vec<IpAddr> {
        let least = self.packets as f64 * LEAST_SHARE;
        let mut local = Vec::new();
        while local.len() < ADDRESSES {
            let mut parts: HashMap<IpAddr, Part> = HashMap::new();
            for ((source, destination), sent) in &self.pairs {
                parts.entry(*source).or_default().packets += sent.packets;
                let part = parts.entry(*destination).or_default();
                part.packets += sent.packets;
                part.received_bytes += sent.bytes;
            }
            let candidates =
                parts.into_iter().filter(|(address, part)| part.received_bytes > 0 && is_unicast(*address));
            let Some((address, part)) = candidates.max_by_key(|(address, part)| (*part, *address)) else { break };
            if !local.is_empty() && (part.packets as f64) < least {
                break;
            }
            local.push(address);
            self.pairs.retain(|(source, destination), _| *source != address && *destination != address);
        }
        local
    }
}

fn is_unicast(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_multicast() || address.is_unspecified() || broadcast)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_receiver_of_a_flood_is_the_host() {
        let mut pairs = Pairs::default();
        for source in 0..1_000u32 {
            pairs.add(IpAddr::from(source.to_be_bytes()), address("192.0.2.1"), 60);
        }
        assert_eq!(pairs.local(), [address("192.0.2.1")]);
    }

    #[test]
    fn a_host_that_sends_more_than_it_gets_is_still_the_host() {
        let mut pairs = Pairs::default();
        for client in ["198.51.100.1", "198.51.100.2", "203.0.113.3"] {
            pairs.add(address(client), address("192.0.2.1"), 60);
            (0..9).for_each(|_| pairs.add(address("192.0.2.1"), address(client), 1500));
        }
        assert_eq!(pairs.local(), [address("192.0.2.1")]);
    }

    #[test]
    fn of_two_that_talk_to_each_other_the_one_that_receives_most_is_the_host() {
        let mut pairs = Pairs::default();
        pairs.add(address("198.51.100.1"), address("192.0.2.1"), 1500);
        pairs.add(address("192.0.2.1"), address("198.51.100.1"), 60);
        assert_eq!(pairs.local(), [address("192.0.2.1")]);
    }

    #[test]
    fn a_second_address_family_is_found_and_a_shouting_neighbour_is_not() {
        let mut pairs = Pairs::default();
        for _ in 0..10 {
            pairs.add(address("198.51.100.1"), address("192.0.2.1"), 1500);
            pairs.add(address("2001:db8::9"), address("2001:db8::1"), 1500);
            pairs.add(address("192.0.2.77"), address("224.0.0.251"), 100);
        }
        let mut local = pairs.local();
        local.sort_unstable();
        assert_eq!(local, [address("192.0.2.1"), address("2001:db8::1")]);
        assert!(Pairs::default().local().is_empty());
    }
}
