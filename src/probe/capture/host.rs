//! The host's interfaces and addresses, as far as a capture needs them.

use std::net::{IpAddr, Ipv6Addr};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::{InterfaceFlags, if_indextoname, if_nametoindex};

use crate::case::{Gap, Reason};

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
}

impl Interface {
    /// Whether it is still there, maybe under another name.
    pub fn exists(&self) -> bool {
        // nix gives an empty name for an index that nobody has.
        if_indextoname(self.index).is_ok_and(|name| !name.is_empty())
    }
}

/// The interface that `wanted` names; `auto` is the default route's, else the busiest.
pub fn interface(wanted: &str) -> Result<Interface, Gap> {
    let name = if wanted == "auto" { automatic()? } else { wanted.to_owned() };
    match if_nametoindex(name.as_str()) {
        Ok(index) => Ok(Interface { name, index }),
        Err(_) => {
            let known = interfaces().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            Err(Gap::new(
                Reason::Absent,
                format!("capture packets on {}", name.escape_debug()),
                format!("there is no such interface; there is {known}"),
            )
            .way_out("name one of these, or auto"))
        }
    }
}

fn automatic() -> Result<String, Gap> {
    // thread-self, not self: a thread can live in another network namespace than its process.
    let table = |name: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
    let up: Vec<String> = interfaces()
        .into_iter()
        .filter(|(_, flags)| flags.contains(InterfaceFlags::IFF_UP) && !flags.contains(InterfaceFlags::IFF_LOOPBACK))
        .map(|(name, _)| name)
        .collect();
    default_route(&table("route"))
        .or_else(|| default_route6(&table("ipv6_route")))
        .or_else(|| busiest(&table("dev"), &up))
        .ok_or_else(|| {
            Gap::new(
                Reason::Absent,
                "find the interface to capture packets on",
                "there is no default route, and no interface besides loopback is up",
            )
            .way_out("name one, lo for loopback")
        })
}

/// All interfaces with their flags.
fn interfaces() -> Vec<(String, InterfaceFlags)> {
    let mut interfaces: Vec<(String, InterfaceFlags)> = Vec::new();
    for InterfaceAddress { interface_name, flags, .. } in getifaddrs().into_iter().flatten() {
        if !interfaces.iter().any(|(known, _)| *known == interface_name) {
            interfaces.push((interface_name, flags));
        }
    }
    interfaces
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

/// The interface of the default route with the lowest metric in `/proc/net/route`.
fn default_route(table: &str) -> Option<String> {
    const UP: u32 = 1;
    let routes = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let name = fields.next()?;
        let destination = fields.next()?;
        let flags = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
        let metric: u32 = fields.nth(2)?.parse().ok()?;
        let mask = fields.next()?;
        (destination == "00000000" && mask == "00000000" && flags & UP != 0).then_some((metric, name))
    });
    routes.min_by_key(|(metric, _)| *metric).map(|(_, name)| name.to_owned())
}

/// The same in `/proc/net/ipv6_route`, where loopback stands for "unreachable".
fn default_route6(table: &str) -> Option<String> {
    let routes = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [destination, "00", _, _, _, metric, _, _, _, name] = fields[..] else { return None };
        let address = Ipv6Addr::from_bits(u128::from_str_radix(destination, 16).ok()?);
        (address.is_unspecified() && name != "lo").then_some((u32::from_str_radix(metric, 16).ok()?, name))
    });
    routes.min_by_key(|(metric, _)| *metric).map(|(_, name)| name.to_owned())
}

/// The one of `names` that has received most according to `/proc/net/dev`.
fn busiest(table: &str, names: &[String]) -> Option<String> {
    let received = table.lines().filter_map(|line| {
        let (name, figures) = line.split_once(':')?;
        let bytes: u64 = figures.split_ascii_whitespace().next()?.parse().ok()?;
        names.iter().find(|known| *known == name.trim()).map(|known| (bytes, known))
    });
    received.max_by_key(|(bytes, _)| *bytes).map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_with_the_lowest_metric_wins() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
                     eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
                     eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0\n";
        assert_eq!(default_route(table).as_deref(), Some("eth0"));
        assert_eq!(default_route(""), None);
    }

    #[test]
    fn an_unreachable_ipv6_default_route_is_none() {
        let unreachable = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                           00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n";
        assert_eq!(default_route6(unreachable), None);
        let usable = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                      fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n";
        assert_eq!(default_route6(usable).as_deref(), Some("eth0"));
    }

    #[test]
    fn the_busiest_of_those_that_are_up_is_taken() {
        let table = "Inter-|   Receive\n face |bytes\n    lo: 999 1 0\n  eth0:  500 1 0\n  eth1: 700 2 0\n";
        let up = ["eth0".to_owned(), "eth1".to_owned()];
        assert_eq!(busiest(table, &up).as_deref(), Some("eth1"));
        assert_eq!(busiest(table, &[]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_table_makes_it_panic(table in "[\\PC\n\t ]{0,200}") {
            let _ = (default_route(&table), default_route6(&table), busiest(&table, &["eth0".to_owned()]));
        }
    }
}
