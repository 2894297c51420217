//! Which link addresses say by ARP that an IPv4 address is theirs: where two do, one of two hosts has the other's address.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use super::neighbours::spelled;
use super::output::Claimed;
use crate::case::{Gap, Reason};
use crate::units::count;

/// Addresses of others that are kept. What comes later is not looked at: one who forges makes as many as he likes.
const ROWS: usize = 4_096;
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

/// Addresses that this host has on the links it watches, by the place of the interface.
pub type OnLink = HashSet<(u8, Ipv4Addr)>;

/// The claims, by the place of the interface and the address.
#[derive(Debug, Default)]
pub struct Claims {
    rows: HashMap<(u8, Ipv4Addr), Row>,
    /// The link addresses of this host.
    own_links: HashSet<Mac>,
    own: OnLink,
    /// There was no room for an address.
    full: bool,
    /// Packets that came with a VLAN tag.
    tagged: u64,
}

impl Claims {
    /// None yet, of a host whose interfaces have these link addresses, and these addresses.
    pub fn of_host(own_links: HashSet<Mac>, own: OnLink) -> Self {
        Claims { own_links, own, ..Claims::default() }
    }

    /// Looks at the host's addresses again. One that it gave up was taken over, and one that it took over is claimed by nobody else now.
    pub fn still_own(&mut self, own: &OnLink) {
        self.own.retain(|address| own.contains(address));
    }

    /// Notes who an ARP packet for Ethernet and IPv4 says to be from, unless that is this host itself.
    pub fn add(&mut self, interface: u8, tagged: bool, arp: &[u8]) {
        let Some((mac, address)) = sender(arp) else { return };
        if self.own_links.contains(&mac) || address.is_unspecified() {
            return; // who asks whether an address is free gives none
        }
        if tagged {
            self.tagged += 1; // each VLAN may have addresses of its own
            return;
        }
        let at = (interface, address);
        if self.rows.len() >= ROWS && !self.rows.contains_key(&at) && !self.own.contains(&at) {
            self.full = true;
            return;
        }
        let row = self.rows.entry(at).or_insert(Row { first: (mac, 0), second: None, last: mac, changes: 0 });
        row.changes += u32::from(row.last != mac);
        row.last = mac;
        let count = if row.first.0 == mac { &mut row.first.1 } else { &mut row.second.get_or_insert((mac, 0)).1 };
        *count = count.saturating_add(1);
    }

    /// The addresses that two claim, and those of this host that another claims.
    pub fn disputed(&self, interfaces: &[String]) -> Vec<Claimed> {
        let mut disputed: Vec<Claimed> = self
            .rows
            .iter()
            .filter_map(|((place, address), row)| {
                let own = self.own.contains(&(*place, *address));
                if row.second.is_none() && !own {
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

    /// Why two that claim one address may not have been seen.
    pub fn unseen(&self) -> Option<Gap> {
        let gap = |why: String| Gap::new(Reason::Absent, "see who claims which address by ARP", why);
        if self.full {
            Some(gap(format!("more than {} addresses were claimed, and the others are not kept", count(ROWS as f64))))
        } else if self.tagged > 0 {
            let packets = count(self.tagged as f64);
            Some(gap(format!("{packets} packets of ARP came with a VLAN tag, and those are not looked at")))
        } else {
            None
        }
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

    fn of_host(own: Ipv4Addr) -> Claims {
        Claims::of_host(HashSet::from([OURS]), HashSet::from([(0, own)]))
    }

    fn disputed(packets: &[Vec<u8>], own: Ipv4Addr) -> Vec<Claimed> {
        let mut claims = of_host(own);
        packets.iter().for_each(|packet| claims.add(0, false, packet));
        assert_eq!(claims.unseen(), None);
        claims.disputed(&["eth0".to_owned()])
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

    // A standby that takes over says so by ARP as well.
    #[test]
    fn an_address_that_this_host_gave_up_is_its_own_no_longer() {
        let mut claims = of_host(ADDRESS);
        claims.add(0, false, &arp(1, ONE, ADDRESS));
        claims.still_own(&HashSet::from([(0, ADDRESS), (0, [192, 0, 2, 9].into())]));
        assert_eq!(claims.disputed(&[]).len(), 1);
        claims.still_own(&HashSet::from([(1, ADDRESS)]));
        assert_eq!(claims.disputed(&[]), []);
    }

    #[test]
    fn an_address_on_another_link_is_not_claimed() {
        let mut claims = of_host(ADDRESS);
        claims.add(1, false, &arp(1, ONE, ADDRESS));
        assert_eq!(claims.disputed(&[]), []);
    }

    #[test]
    fn what_comes_with_a_tag_is_said_to_be_unseen() {
        let mut claims = of_host(ADDRESS);
        claims.add(0, true, &arp(1, OURS, ADDRESS));
        assert_eq!(claims.unseen(), None);
        claims.add(0, true, &arp(1, ONE, ADDRESS));
        assert_eq!(claims.disputed(&[]), []);
        assert!(claims.unseen().unwrap().to_string().contains("1 packets of ARP came with a VLAN tag"));
    }

    #[test]
    fn asking_whether_an_address_is_free_is_no_claim() {
        assert_eq!(disputed(&[arp(1, ONE, Ipv4Addr::UNSPECIFIED), arp(1, OTHER, Ipv4Addr::UNSPECIFIED)], ADDRESS), []);
        assert_eq!(sender(&arp(3, ONE, ADDRESS)), None);
    }

    #[test]
    fn forged_ones_take_no_more_room_than_there_is_and_hide_nothing() {
        let forged = (0..9_000_u32).flat_map(|number| [arp(2, ONE, number.into()), arp(2, OTHER, number.into())]);
        let mut claims = of_host(ADDRESS);
        forged.for_each(|packet| claims.add(0, false, &packet));
        assert_eq!((claims.rows.len(), claims.disputed(&[]).len()), (ROWS, LISTED));
        assert!(claims.unseen().unwrap().to_string().contains("the others are not kept"));
        claims.add(0, false, &arp(2, ONE, ADDRESS));
        assert_eq!(claims.disputed(&[])[0].address, ADDRESS);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0u8.., 0..40)) {
            let _ = sender(&bytes);
        }
    }
}
