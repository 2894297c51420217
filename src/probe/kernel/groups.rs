//! The multicast groups that programs of this host joined, from `/proc/net/igmp` and `/proc/net/igmp6`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sample;
use crate::case::Gap;

/// Groups that are listed: a program can join some thousand.
const LISTED: usize = 1_024;

/// A multicast group that this host wants the packets of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct JoinedGroup {
    /// The interface that it was joined on.
    pub interface: String,
    /// Its address.
    pub address: IpAddr,
}

/// The groups joined now, at most 1,024.
pub fn joined() -> Result<Vec<JoinedGroup>, Gap> {
    let mut groups = igmp(&sample::read("igmp")?);
    // Without IPv6 there is no such file.
    groups.extend(sample::read("igmp6").map_or(Vec::new(), |text| igmp6(&text)));
    groups.sort();
    groups.dedup();
    groups.truncate(LISTED);
    Ok(groups)
}

/// A line for each interface, `2 eth0 : 1 V3`, and below it one for each group, its address in the machine's byte order.
fn igmp(text: &str) -> Vec<JoinedGroup> {
    let mut interface = "";
    let mut groups = Vec::new();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        let (Some(first), second) = (words.next(), words.next()) else { continue };
        if !line.starts_with(['\t', ' ']) {
            interface = second.unwrap_or_default().trim_end_matches(':');
        } else if first.len() == 8
            && let Ok(address) = u32::from_str_radix(first, 16)
        {
            let address = IpAddr::V4(Ipv4Addr::from(address.to_ne_bytes()));
            groups.push(JoinedGroup { interface: interface.escape_debug().to_string(), address });
        }
    }
    groups
}

/// `2    eth0            ff020000000000000000000000000001     1 0000000C 0`
fn igmp6(text: &str) -> Vec<JoinedGroup> {
    let read = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (interface, address) = (words.next()?, words.next()?);
        let bits = u128::from_str_radix(address, 16).ok().filter(|_| address.len() == 32)?;
        let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
        Some(JoinedGroup { interface: interface.escape_debug().to_string(), address })
    };
    text.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_with_their_interfaces() {
        let text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n1\tlo        :     1      V3\n\
                    \t\t\t\t010000E0     1 0:00000000\t\t0\n2\teth0      :     2      V3\n\t\t\t\tFB0000E0     1 0:00000000\t\t0\n";
        let groups = igmp(text);
        if cfg!(target_endian = "little") {
            assert_eq!(groups[1], JoinedGroup { interface: "eth0".into(), address: "224.0.0.251".parse().unwrap() });
        }
        assert_eq!(groups.len(), 2);
        let six = igmp6("2    eth0            ff0200000000000000000000000000fb     1 00000004 0\n");
        assert_eq!(six, [JoinedGroup { interface: "eth0".into(), address: "ff02::fb".parse().unwrap() }]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ \t0-9a-fA-F:\n]{0,200}") {
            let _ = (igmp(&text), igmp6(&text));
        }
    }
}
