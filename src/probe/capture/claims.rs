//! Which link addresses say by ARP that an IPv4 address is theirs: where two do, one of two hosts has the other's address.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use super::neighbours::spelled;
use super::output::Claimed;

/// Addresses that are kept. What comes later is not looked at: one who forges makes as many as he likes.
const ROWS: usize = 1_024;
/// Addresses that are listed.
const LISTED: usize = 16;

/// A link address.
type Mac = [u8; 6];

/// Who claimed one address.
#[derive(Debug, Clone, Copy)]
struct Row {
    first: (Mac, u32),
    second: Option<(Mac, u32)>,
    last: Mac,
    /// How often another one claimed it than the one before.
    changes: u32,
}

/// The claims, by the place of the interface and the address.
#[derive(Debug, Default)]
pub struct Claims {
    rows: HashMap<(u8, Ipv4Addr), Row>,
    /// The link addresses of this host.
    own: HashSet<Mac>,
}

impl Claims {
    /// None yet, of a host whose interfaces have these link addresses.
    pub fn of_host(own: HashSet<Mac>) -> Self {
        Claims { rows: HashMap::new(), own }
    }

    /// Notes who an ARP packet for Ethernet and IPv4 says to be from, unless that is this host itself.
    pub fn add(&mut self, interface: u8, arp: &[u8]) {
        let Some((mac, address)) = sender(arp) else { return };
        if self.own.contains(&mac) || address.is_unspecified() {
            return; // who asks whether an address is free gives none
        }
        if self.rows.len() == ROWS && !self.rows.contains_key(&(interface, address)) {
            return;
        }
        let row = self.rows.entry((interface, address)).or_insert(Row {
            first: (mac, 0),
            second: None,
            last: mac,
            changes: 0,
        });
        row.changes += u32::from(row.last != mac);
        row.last = mac;
        let count = if row.first.0 == mac { &mut row.first.1 } else { &mut row.second.get_or_insert((mac, 0)).1 };
        *count = count.saturating_add(1);
    }

    /// The addresses that two claim, and those of this host that another claims.
    pub fn disputed(&self, is_own: impl Fn(Ipv4Addr) -> bool, interfaces: &[String]) -> Vec<Claimed> {
        let mut disputed: Vec<Claimed> = self
            .rows
            .iter()
            .filter_map(|((place, address), row)| {
                let own = is_own(*address);
                // In a file it is not known which link addresses are this host's: one alone may be its own.
                let others = own && !self.own.is_empty();
                if row.second.is_none() && !others {
                    return None;
                }
                let claims: u32 = row.first.1 + row.second.map_or(0, |second| second.1);
                let by = [Some(row.first), row.second].into_iter().flatten().map(|(mac, _)| spelled(mac)).collect();
                let interface = interfaces.get(usize::from(*place)).cloned();
                Some(Claimed { address: *address, own, by, claims, changes: row.changes, interface })
            })
            .collect();
        disputed.sort_by_key(|claimed| (!claimed.own, std::cmp::Reverse(claimed.changes), claimed.address));
        disputed.truncate(LISTED);
        disputed
    }
}

/// The link address and the IPv4 address that a packet of ARP is from: `ar_sha` and `ar_sip`.
fn sender(arp: &[u8]) -> Option<(Mac, Ipv4Addr)> {
    // Ethernet, IPv4, addresses of six and four bytes, a request or a reply.
    let [0, 1, 8, 0, 6, 4, 0, 1 | 2, ..] = *arp else { return None };
    let mac: Mac = *arp.get(8..)?.first_chunk()?;
    let address: [u8; 4] = *arp.get(14..)?.first_chunk()?;
    Some((mac, address.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Mac = [2, 0, 0, 0, 0, 1];
    const OTHER: Mac = [2, 0, 0, 0, 0, 2];
    const OURS: Mac = [2, 0, 0, 0, 0, 9];
    const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

    fn arp(operation: u8, mac: Mac, address: Ipv4Addr) -> Vec<u8> {
        let target = [0; 10];
        [&[0, 1, 8, 0, 6, 4, 0, operation][..], &mac, &address.octets(), &target].concat()
    }

    fn disputed(packets: &[Vec<u8>], own: Ipv4Addr) -> Vec<Claimed> {
        let mut claims = Claims::of_host(HashSet::from([OURS]));
        packets.iter().for_each(|packet| claims.add(0, packet));
        claims.disputed(|address| address == own, &["eth0".to_owned()])
    }

    #[test]
    fn two_that_claim_one_address_dispute_it() {
        let packets =
            [arp(2, ONE, ADDRESS), arp(1, OTHER, ADDRESS), arp(2, ONE, ADDRESS), arp(2, OTHER, [192, 0, 2, 8].into())];
        let disputed = disputed(&packets, Ipv4Addr::LOCALHOST);
        let [claimed] = &disputed[..] else { panic!("{disputed:?}") };
        assert_eq!((claimed.address, claimed.changes, claimed.claims, claimed.own), (ADDRESS, 2, 3, false));
        assert_eq!(claimed.by, ["02:00:00:00:00:01", "02:00:00:00:00:02"]);
    }

    #[test]
    fn one_that_claims_ours_disputes_it_and_we_do_not() {
        assert_eq!(disputed(&[arp(1, OURS, ADDRESS)], ADDRESS), []);
        let claimed = &disputed(&[arp(1, OURS, ADDRESS), arp(1, ONE, ADDRESS)], ADDRESS)[0];
        assert_eq!((claimed.own, &claimed.by[..]), (true, &["02:00:00:00:00:01".to_owned()][..]));
    }

    #[test]
    fn asking_whether_an_address_is_free_is_no_claim() {
        assert_eq!(disputed(&[arp(1, ONE, Ipv4Addr::UNSPECIFIED), arp(1, OTHER, Ipv4Addr::UNSPECIFIED)], ADDRESS), []);
        assert_eq!(sender(&arp(3, ONE, ADDRESS)), None);
    }

    #[test]
    fn forged_ones_take_no_more_room_than_there_is() {
        let forged = (0..5_000_u32).flat_map(|number| [arp(2, ONE, number.into()), arp(2, OTHER, number.into())]);
        let mut claims = Claims::of_host(HashSet::new());
        forged.for_each(|packet| claims.add(0, &packet));
        assert_eq!((claims.rows.len(), claims.disputed(|_| false, &[]).len()), (ROWS, LISTED));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8.., 0..40)) {
            let _ = sender(&bytes);
        }
    }
}
