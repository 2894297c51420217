//! The kernel's tables of counters, keyed by the names that the kernel gives them: which there are differs from kernel to
//! kernel, and all are kept.

use std::collections::BTreeMap;

/// Counters by name: `Ip.InReceives`, `TcpExt.ListenDrops`, `Udp6.NoPorts`.
pub type Counters = BTreeMap<String, u64>;

/// More counters than any kernel has.
const MOST_COUNTERS: usize = 8192;

/// Numbers in those tables that are settings or states and do not count anything.
const NOT_COUNTERS: &[&str] =
    &["Ip.Forwarding", "Ip.DefaultTTL", "Tcp.RtoAlgorithm", "Tcp.RtoMin", "Tcp.RtoMax", "Tcp.MaxConn", "Tcp.CurrEstab"];

/// Groups in which the kernel leaves out what is 0.
const SPARSE: &[&str] = &["IcmpMsg.", "Icmp6.InType", "Icmp6.OutType"];

/// The groups of `snmp6`, whose names run together with those of their counters.
const IPV6_GROUPS: &[&str] = &["Ip6", "Icmp6", "UdpLite6", "Udp6"];

/// Reads `/proc/net/snmp` and `/proc/net/netstat`: a line of names, then a line of values, both led by the group. None if
/// there is no such pair of lines. Negative values, which only settings have, are left out.
pub fn paired_lines(text: &str) -> Option<Counters> {
    let mut counters = Counters::new();
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let (group, names) = names.split_once(':')?;
        let (same_group, values) = values.split_once(':')?;
        if group != same_group {
            return None;
        }
        for (name, value) in names.split_ascii_whitespace().zip(values.split_ascii_whitespace()) {
            if let Ok(value) = value.parse() {
                insert(&mut counters, format!("{group}.{name}"), value);
            }
        }
    }
    (!counters.is_empty()).then_some(counters)
}

/// Reads `/proc/net/snmp6`: a name and a value on each line. None if there is no such line.
pub fn named_lines(text: &str) -> Option<Counters> {
    let mut counters = Counters::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(name), Some(Ok(value))) = (words.next(), words.next().map(str::parse)) else { continue };
        let split = IPV6_GROUPS.iter().find_map(|group| Some((group, name.strip_prefix(group)?)));
        insert(&mut counters, split.map_or_else(|| name.to_owned(), |(group, rest)| format!("{group}.{rest}")), value);
    }
    (!counters.is_empty()).then_some(counters)
}

fn insert(counters: &mut Counters, name: String, value: u64) {
    if counters.len() < MOST_COUNTERS {
        counters.insert(name, value);
    }
}

/// How much each counter grew; unknown for one that went backwards: it was reset, or it wrapped, and a guess would be a
/// figure that nobody measured.
pub fn growth(before: &Counters, after: &Counters) -> BTreeMap<String, Option<u64>> {
    let grown = |(name, now): (&String, &u64)| {
        let sparse = SPARSE.iter().any(|group| name.starts_with(group));
        let earlier = before.get(name).copied().or(sparse.then_some(0))?;
        Some((name.clone(), now.checked_sub(earlier)))
    };
    after.iter().filter(|(name, _)| !NOT_COUNTERS.contains(&name.as_str())).filter_map(grown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counters_are_keyed_by_the_names_in_the_header() {
        let text = "Ip: Forwarding DefaultTTL InReceives\nIp: 2 64 4474\n\
                    Tcp: MaxConn InSegs\nTcp: -1 4260\n";
        let counters = paired_lines(text).unwrap();
        assert_eq!(counters.get("Ip.InReceives"), Some(&4474));
        assert_eq!(counters.get("Tcp.InSegs"), Some(&4260));
        assert_eq!(counters.get("Tcp.MaxConn"), None, "-1 means no limit");
    }

    #[test]
    fn ipv6_counters_are_split_into_group_and_name() {
        let counters =
            named_lines("Ip6InReceives   \t7\nUdpLite6NoPorts\t1\nUdp6NoPorts\t2\nIcmp6InType135\t3\n").unwrap();
        assert_eq!(counters.get("Ip6.InReceives"), Some(&7));
        assert_eq!(counters.get("UdpLite6.NoPorts"), Some(&1));
        assert_eq!(counters.get("Udp6.NoPorts"), Some(&2));
        assert_eq!(counters.get("Icmp6.InType135"), Some(&3));
    }

    #[test]
    fn a_counter_that_went_backwards_is_unknown_not_negative() {
        let before = Counters::from([("Ip.InReceives".into(), 10), ("Ip.InDelivers".into(), 5)]);
        let after = Counters::from([("Ip.InReceives".into(), 3), ("Ip.InDelivers".into(), 9)]);
        let grown = growth(&before, &after);
        assert_eq!(grown.get("Ip.InReceives"), Some(&None));
        assert_eq!(grown.get("Ip.InDelivers"), Some(&Some(4)));
    }

    #[test]
    fn a_message_type_that_was_left_out_before_began_at_0() {
        let after = Counters::from([("IcmpMsg.InType8".into(), 30), ("TcpExt.New".into(), 4)]);
        let grown = growth(&Counters::new(), &after);
        assert_eq!(grown.get("IcmpMsg.InType8"), Some(&Some(30)));
        assert_eq!(grown.get("TcpExt.New"), None, "where it began is not known");
    }

    #[test]
    fn text_of_another_kind_is_not_read_as_no_counters() {
        assert_eq!(paired_lines(""), None);
        assert_eq!(paired_lines("Ip: InReceives\nTcp: 3\n"), None);
        assert_eq!(named_lines("nonsense\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in "(?s).*", table in "([A-Z][a-z]{0,3}: ?[-0-9a-z ]*\n){0,6}") {
            let _ = (paired_lines(&text), named_lines(&text), paired_lines(&table), named_lines(&table));
        }
    }
}
