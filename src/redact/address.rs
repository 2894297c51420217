//! Pseudonyms of addresses that keep networks readable: two addresses that share their first N bits have pseudonyms that share
//! their first N bits, and no more (after Crypto-PAn by Xu, Fan, Ammar and Moon), under a random key.
//!
//! Ranges that say what an address is stay what they are: a private address becomes a private one of the same range, and
//! loopback, multicast and the like stay as they are. No other address ends in such a range.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ring::hmac;

use super::forms::Address;

/// What becomes of the addresses in a special range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Nothing: the address says no more than the range.
    Stays,
    /// They change places within it.
    Changes,
}

use Inside::{Changes, Stays};

/// Ranges of IPv4 that mean something.
const SPECIAL_4: &[(Ipv4Addr, usize, Inside)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, Stays),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Changes),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Changes),
    (Ipv4Addr::new(127, 0, 0, 0), 8, Stays),
    (Ipv4Addr::new(169, 254, 0, 0), 16, Stays),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Changes),
    (Ipv4Addr::new(192, 168, 0, 0), 16, Changes),
    (Ipv4Addr::new(224, 0, 0, 0), 4, Stays),
    (Ipv4Addr::new(240, 0, 0, 0), 4, Stays),
];

/// Ranges of IPv6 that mean something. The 54 bits behind fe80::/10 are zero and stay so.
const SPECIAL_6: &[(Ipv6Addr, usize, Inside)] = &[
    (Ipv6Addr::UNSPECIFIED, 127, Stays),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, Changes),
    (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 8, Changes),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 64, Changes),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Stays),
];

/// A range as the first bits of a number.
struct Range {
    bits: u128,
    length: usize,
    inside: Inside,
}

/// The pseudonyms of addresses under one key.
pub struct Addresses {
    key: hmac::Key,
    special_4: Vec<Range>,
    special_6: Vec<Range>,
}

impl Addresses {
    /// Pseudonyms under a key.
    pub fn new(key: &[u8]) -> Self {
        let range = |bits, length, inside| Range { bits, length, inside };
        Addresses {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            special_4: SPECIAL_4
                .iter()
                .map(|(a, length, inside)| range(left(u32::from(*a)), *length, *inside))
                .collect(),
            special_6: SPECIAL_6.iter().map(|(a, length, inside)| range(u128::from(*a), *length, *inside)).collect(),
        }
    }

    /// What stands for an address of any kind.
    pub fn of_any(&self, address: Address) -> Address {
        match address {
            Address::Ip(address) => Address::Ip(self.of(address)),
            Address::Link(bytes) => Address::Link(self.of_link(bytes)),
            Address::Tail(bytes) => Address::Tail(self.of_three(b"tail", bytes)),
        }
    }

    /// What stands for the address.
    pub fn of(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => IpAddr::V4(self.of_4(address)),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(inner) => IpAddr::V6(self.of_4(inner).to_ipv6_mapped()),
                None => IpAddr::V6(Ipv6Addr::from(self.permuted(b"6", u128::from(address), 128, &self.special_6))),
            },
        }
    }

    fn of_4(&self, address: Ipv4Addr) -> Ipv4Addr {
        let permuted = self.permuted(b"4", left(u32::from(address)), 32, &self.special_4);
        Ipv4Addr::from(u32::try_from(permuted >> 96).unwrap_or(0))
    }

    /// What stands for the network: its pseudonym, the bits behind the prefix zero.
    pub fn of_network(&self, address: IpAddr, prefix: u32) -> IpAddr {
        match self.of(address) {
            IpAddr::V4(pseudonym) => {
                let mask = u32::MAX.checked_shl(32u32.saturating_sub(prefix)).unwrap_or(0);
                let host = u32::from(pseudonym) & !mask;
                let clean = u32::from_be_bytes(match address {
                    IpAddr::V4(address) => address.octets(),
                    IpAddr::V6(_) => [0; 4],
                }) & !mask
                    == 0;
                IpAddr::V4(Ipv4Addr::from((u32::from(pseudonym) & mask) | if clean { 0 } else { host }))
            }
            IpAddr::V6(pseudonym) => {
                let mask = u128::MAX.checked_shl(128u32.saturating_sub(prefix)).unwrap_or(0);
                let clean = match address {
                    IpAddr::V6(address) => u128::from(address) & !mask == 0,
                    IpAddr::V4(_) => false,
                };
                let bits = u128::from(pseudonym);
                IpAddr::V6(Ipv6Addr::from(if clean { bits & mask } else { bits }))
            }
        }
    }

    /// What stands for a link address: the maker's half stays, the other changes. Groups and zeros stay.
    pub fn of_link(&self, address: [u8; 6]) -> [u8; 6] {
        if address[0] & 1 == 1 || address == [0; 6] {
            return address;
        }
        let [a, b, c, d, e, f] = address;
        let maker = [a, b, c];
        let [d, e, f] = self.of_three(&[b"link".as_slice(), &maker].concat(), [d, e, f]);
        [a, b, c, d, e, f]
    }

    /// Three bytes by a tree of their own.
    fn of_three(&self, label: &[u8], [d, e, f]: [u8; 3]) -> [u8; 3] {
        // A Feistel round would do; the tree that the others have is simpler and keeps order out of it.
        let permuted = self.permuted(label, u128::from(u32::from_be_bytes([d, e, f, 0])) << 96, 24, &[]);
        let [d, e, f, _] = u32::try_from(permuted >> 96).unwrap_or(0).to_be_bytes();
        [d, e, f]
    }

    /// The number with bits turned over: each by what the key makes of all the bits before it.
    fn permuted(&self, label: &[u8], bits: u128, width: usize, special: &[Range]) -> u128 {
        let head = |bits: u128, length: usize| if length == 0 { 0 } else { bits >> (128 - length) };
        if special
            .iter()
            .any(|range| range.inside == Stays && head(bits, range.length) == head(range.bits, range.length))
        {
            return bits;
        }
        let mut result = bits;
        for byte in 0..width / 8 {
            // 256 bits for the tree of the 255 beginnings that this byte can have.
            let mut context = hmac::Context::with_key(&self.key);
            context.update(label);
            context.update(&[byte as u8]);
            context.update(&head(bits, byte * 8).to_be_bytes());
            let tree = context.sign();
            let mut node = 1usize;
            for position in byte * 8..byte * 8 + 8 {
                // On the way to a special range nothing turns: who is in stays in, who is out stays out.
                let fixed = special
                    .iter()
                    .any(|range| range.length > position && head(range.bits, position) == head(bits, position));
                let turns = tree.as_ref().get(node / 8).is_some_and(|part| part >> (node % 8) & 1 == 1);
                if turns && !fixed {
                    result ^= 1 << (127 - position);
                }
                node = node * 2 + usize::from(bits >> (127 - position) & 1 == 1);
            }
        }
        result
    }
}

/// The bits of IPv4 at the left of a wider number.
fn left(bits: u32) -> u128 {
    u128::from(bits) << 96
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(key: u8) -> Addresses {
        Addresses::new(&[key; 32])
    }

    fn shared(a: u128, b: u128) -> u32 {
        (a ^ b).leading_zeros()
    }

    #[test]
    fn ranges_that_mean_something_stay() {
        let of = addresses(7);
        for same in
            ["0.0.0.0", "127.0.0.53", "169.254.169.254", "224.0.0.251", "255.255.255.255", "::", "::1", "ff02::fb"]
        {
            let address: IpAddr = same.parse().unwrap();
            assert_eq!(of.of(address), address);
        }
        for (address, start) in
            [("10.1.2.3", "10."), ("192.168.1.7", "192.168."), ("fe80::1", "fe80::"), ("fd00::1", "fd")]
        {
            let pseudonym = of.of(address.parse().unwrap()).to_string();
            assert!(pseudonym.starts_with(start), "{pseudonym}");
        }
        let mapped: IpAddr = "::ffff:8.8.8.8".parse().unwrap();
        assert!(of.of(mapped).to_string().starts_with("::ffff:"));
    }

    #[test]
    fn another_key_gives_other_pseudonyms() {
        let address: IpAddr = "93.184.216.34".parse().unwrap();
        let all: std::collections::BTreeSet<IpAddr> = (0..8).map(|key| addresses(key).of(address)).collect();
        assert!(all.len() > 6, "{all:?}");
    }

    #[test]
    fn a_network_stays_a_network() {
        let of = addresses(3);
        let network = of.of_network("203.0.113.0".parse().unwrap(), 24);
        let IpAddr::V4(four) = network else { panic!() };
        assert_eq!(four.octets()[3], 0);
        let IpAddr::V4(host) = of.of("203.0.113.77".parse().unwrap()) else { panic!() };
        assert_eq!(host.octets()[..3], four.octets()[..3]);
        assert_eq!(of.of_network("10.0.0.0".parse().unwrap(), 8).to_string(), "10.0.0.0");
        assert_eq!(of.of_network("0.0.0.0".parse().unwrap(), 0).to_string(), "0.0.0.0");
    }

    #[test]
    fn the_maker_of_a_network_card_stays() {
        let of = addresses(1);
        let (a, b) = (of.of_link([2, 0x42, 0xac, 1, 2, 3]), of.of_link([2, 0x42, 0xac, 1, 2, 4]));
        assert!(a[..3] == [2, 0x42, 0xac] && a != b);
        assert_eq!(of.of_link([0xff; 6]), [0xff; 6]);
    }

    proptest! {
        #[test]
        fn as_many_first_bits_are_shared_as_before(a: u32, flip in 0u32..32, key: u8) {
            let b = a ^ (1 << (31 - flip)) ^ (a.rotate_left(7) & (u32::MAX.checked_shr(flip + 1).unwrap_or(0)));
            let of = addresses(key);
            let (x, y) = (of.of_4(a.into()), of.of_4(b.into()));
            prop_assume!(!is_kept(a) && !is_kept(b));
            prop_assert_eq!(shared(left(a), left(b)), shared(left(x.into()), left(y.into())));
        }

        #[test]
        fn as_many_first_bits_are_shared_as_before_in_ipv6(a: u128, flip in 0u32..128, key: u8) {
            let a = (a >> 3) | (1 << 125);
            let b = a ^ (1 << (127 - flip));
            prop_assume!(flip > 2);
            let of = addresses(key);
            let bits = |bits: u128| match of.of(IpAddr::V6(bits.into())) { IpAddr::V6(six) => u128::from(six), IpAddr::V4(_) => 0 };
            prop_assert_eq!(shared(a, b), shared(bits(a), bits(b)));
        }

        #[test]
        fn nothing_enters_or_leaves_a_special_range(a: u32, key: u8) {
            let x = u32::from(addresses(key).of_4(a.into()));
            prop_assert_eq!(range_of(a), range_of(x));
        }
    }

    fn range_of(bits: u32) -> Option<usize> {
        SPECIAL_4.iter().position(|(start, length, _)| (u32::from(*start) ^ bits).leading_zeros() as usize >= *length)
    }

    fn is_kept(bits: u32) -> bool {
        range_of(bits).is_some_and(|index| SPECIAL_4[index].2 == Stays)
    }
}
