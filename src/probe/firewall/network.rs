//! Networks in the notation of CIDR, from addresses with masks and from ranges of addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A range that needs more networks than this is left in its own notation.
const MOST: usize = 64;

/// The address of 4 or 16 bytes, as text.
pub fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        Some(Ipv4Addr::from(bytes).to_string())
    } else {
        <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string())
    }
}

/// The length of the prefix that a mask keeps; none when its ones are not all in front.
pub fn prefix(mask: &[u8]) -> Option<u32> {
    let ones = mask.iter().map(|byte| byte.leading_ones()).take_while(|&ones| ones > 0);
    let mut length = 0;
    for count in ones {
        length += count;
        if count < 8 {
            break;
        }
    }
    (mask.iter().map(|byte| byte.count_ones()).sum::<u32>() == length).then_some(length)
}

/// The network of an address under a mask: `10.0.0.0/8`.
pub fn masked(bytes: &[u8], mask: &[u8]) -> Option<String> {
    if bytes.len() != mask.len() {
        return None;
    }
    Some(format!("{}/{}", address(bytes)?, prefix(mask)?))
}

/// The networks that make up the range from `first` to `last`; none when they are many or the ends are no addresses.
pub fn range(first: &[u8], last: &[u8]) -> Option<Vec<String>> {
    if first.len() != last.len() || !matches!(first.len(), 4 | 16) {
        return None;
    }
    let width = u32::try_from(first.len() * 8).ok()?;
    let number = |bytes: &[u8]| bytes.iter().fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    let (mut at, end) = (number(first), number(last));
    let mut networks = Vec::new();
    while at <= end {
        if networks.len() == MOST {
            return None;
        }
        // The biggest block that begins here and does not go past the end.
        let room = end - at;
        let fits = room.checked_add(1).map_or(128, u128::ilog2);
        let host_bits = at.trailing_zeros().min(fits).min(width);
        let bytes = at.to_be_bytes();
        networks.push(format!("{}/{}", address(&bytes[16 - first.len()..])?, width - host_bits));
        match 1_u128.checked_shl(host_bits).and_then(|size| at.checked_add(size)) {
            Some(next) => at = next,
            None => break,
        }
    }
    (!networks.is_empty()).then_some(networks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mask_with_holes_is_no_network() {
        assert_eq!(masked(&[10, 0, 0, 0], &[255, 0, 0, 0]).as_deref(), Some("10.0.0.0/8"));
        assert_eq!(masked(&[10, 0, 0, 0], &[255, 128, 0, 0]).as_deref(), Some("10.0.0.0/9"));
        assert_eq!(masked(&[10, 0, 0, 0], &[255, 0, 255, 0]), None);
        assert_eq!(masked(&[0; 16], &[0; 16]).as_deref(), Some("::/0"));
    }

    #[test]
    fn a_range_becomes_the_fewest_networks() {
        assert_eq!(range(&[10, 0, 0, 1], &[10, 0, 0, 4]).unwrap(), ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"]);
        assert_eq!(range(&[0; 4], &[255; 4]).unwrap(), ["0.0.0.0/0"]);
        assert_eq!(range(&[0; 16], &[255; 16]).unwrap(), ["::/0"]);
        assert_eq!(range(&[2; 4], &[1; 4]), None);
    }

    proptest! {
        #[test]
        fn no_range_of_addresses_makes_it_panic(first in any::<[u8; 16]>(), last in any::<[u8; 16]>()) {
            prop_assert!(range(&first, &last).is_none_or(|networks| networks.len() <= MOST));
            prop_assert!(range(&first[..4], &last[..4]).is_none_or(|networks| networks.len() <= MOST));
        }
    }
}
