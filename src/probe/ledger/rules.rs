//! What the firewall dropped, drawn from the traffic that its rules select.

use std::net::IpAddr;

use super::buckets::{Bucket, End, Entries, Recipient};
use crate::case::EntryKind;
use crate::probe::capture::Capture;
use crate::probe::capture::output::Endpoint;
use crate::probe::firewall::{Firewall, PortRange, Rule};

/// Books what each dropping rule dropped. `interface` is the watched one; `heard` says whether a socket would take a bucket's
/// traffic: a rule without conditions is taken to drop what no socket waits for before what one does.
pub(super) fn book(
    firewall: &Firewall,
    capture: &Capture,
    interfaces: &[&str],
    buckets: &mut [Bucket<'_>],
    heard: &dyn Fn(&Endpoint) -> bool,
    entries: &mut Entries,
) {
    let mut rules: Vec<&Rule> = firewall
        .rules
        .iter()
        .filter(|rule| rule.drops && rule.counter_exact && rule.packets.is_some_and(|packets| packets > 0))
        .filter(|rule| is_at(rule, interfaces))
        .collect();
    // In the order in which packets meet them; of one hook the narrower before the policy.
    rules.sort_by_key(|rule| (hook_order(rule.hook.as_deref()), rule.priority, rule.policy));
    for rule in rules {
        allocate(rule, rule.packets.unwrap_or(0), capture, buckets, heard, entries);
    }
}

/// Packets that unaccounted where only rules without a counter can have dropped them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hidden {
    /// Seen on the wire, and not by the IP layer.
    pub before_ip: u64,
    /// Seen by the IP layer, and handed to nobody.
    pub behind_ip: u64,
    /// The same, beyond what netfilter dropped.
    pub behind_ip_otherwise: u64,
    /// Counted as sent on, and sent by no interface; none where the kernel counts what is sent on behind the firewall.
    pub forward: Option<u64>,
    /// Datagrams for sockets, more than all sockets got.
    pub undelivered_udp: u64,
}

/// What was booked before on ends that have counters, or places, of their own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Booked {
    /// Before IP: traffic control and rules at the ingress.
    pub at_ingress: u64,
    /// Behind the entrance of IP: impossible sources, connections that could not be tracked, what rules dropped at places.
    pub behind_ip: u64,
    /// Of both, what netfilter dropped by no rule with a counter.
    pub by_netfilter: u64,
}

/// Books what rules and policies without an exact counter dropped: `hidden` packets, which other counters miss. A rule
/// that names no port is taken to drop only what no socket waits for: the rest cannot be told from what it let pass.
pub(super) fn book_uncounted(
    firewall: &Firewall,
    capture: &Capture,
    interfaces: &[&str],
    hidden: Hidden,
    buckets: &mut [Bucket<'_>],
    heard: &dyn Fn(&Endpoint) -> bool,
    entries: &mut Entries,
) -> Hidden {
    let Hidden { mut before_ip, mut behind_ip, mut forward, mut undelivered_udp, .. } = hidden;
    for rule in without_counter(firewall, interfaces) {
        // A counter that stands before further conditions counted at least as many as were dropped.
        let hidden = match (rule.hook.as_deref(), &mut forward) {
            (Some("ingress"), _) => &mut before_ip,
            (Some("forward"), Some(forward)) => forward,
            _ => &mut behind_ip,
        };
        let most = rule.packets.unwrap_or(u64::MAX).min(*hidden);
        let mut unheard: Vec<Bucket<'_>> = Vec::new();
        let drawn = if names_ports(rule) {
            allocate(rule, most, capture, buckets, heard, entries)
        } else {
            let mut indices = Vec::new();
            for (index, bucket) in buckets.iter().enumerate() {
                if !matches!(bucket.recipient, Recipient::Endpoint(endpoint) if heard(endpoint)) {
                    indices.push(index);
                    unheard.push(bucket.clone());
                }
            }
            let mut drawn = allocate(rule, most, capture, &mut unheard, heard, entries);
            for (index, bucket) in indices.into_iter().zip(unheard) {
                buckets[index] = bucket;
            }
            // Datagrams that a socket waits for and that none got.
            if undelivered_udp > 0 && drawn < most {
                let is_waited = |bucket: &&mut Bucket<'_>| {
                    bucket.protocol() == Some("udp")
                        && matches!(bucket.recipient, Recipient::Endpoint(endpoint) if heard(endpoint))
                };
                let mut waited: Vec<&mut Bucket<'_>> = buckets.iter_mut().filter(is_waited).collect();
                waited.sort_by_key(|bucket| std::cmp::Reverse(bucket.packets));
                for bucket in waited {
                    let most = undelivered_udp.min(most - drawn);
                    let took = allocate(rule, most, capture, std::slice::from_mut(bucket), heard, entries);
                    undelivered_udp -= took;
                    drawn += took;
                }
            }
            drawn
        };
        *hidden -= drawn.min(*hidden);
    }
    Hidden { before_ip, behind_ip, forward, undelivered_udp, ..hidden }
}

/// The rules and policies that drop without an exact counter, in the order in which packets meet them.
fn without_counter<'a>(firewall: &'a Firewall, interfaces: &[&str]) -> Vec<&'a Rule> {
    let mut rules: Vec<&Rule> = firewall
        .rules
        .iter()
        .filter(|rule| rule.drops && !(rule.counter_exact && rule.packets.is_some()))
        .filter(|rule| matches!(rule.hook.as_deref(), None | Some("ingress" | "prerouting" | "input" | "forward")))
        .filter(|rule| is_at(rule, interfaces))
        .collect();
    rules.sort_by_key(|rule| (hook_order(rule.hook.as_deref()), rule.priority, rule.policy));
    rules
}

/// The rule or policy without an exact counter that drops what comes to the endpoint: of several the first that names its port.
pub(super) fn uncounted<'a>(firewall: &'a Firewall, interfaces: &[&str], bucket: &Bucket<'_>) -> Option<&'a Rule> {
    let rules: Vec<&Rule> =
        without_counter(firewall, interfaces).into_iter().filter(|rule| selects(rule, bucket)).collect();
    rules.iter().find(|rule| names_ports(rule)).or(rules.first()).copied()
}

/// Whether packets that come in by one of these interfaces can meet the rule.
fn is_at(rule: &Rule, interfaces: &[&str]) -> bool {
    let named = rule.matches.interface.as_deref();
    named.is_none_or(|pattern| interfaces.iter().any(|interface| is_named(pattern, interface)))
}

/// Allocates up to `packets` of the buckets that the rule selects to the rule; gives how many it found.
fn allocate(
    rule: &Rule,
    packets: u64,
    capture: &Capture,
    buckets: &mut [Bucket<'_>],
    heard: &dyn Fn(&Endpoint) -> bool,
    entries: &mut Entries,
) -> u64 {
    let mut left = packets;
    let mut candidates: Vec<usize> = (0..buckets.len()).filter(|index| selects(rule, &buckets[*index])).collect();
    candidates.sort_by_key(|index| {
        let bucket = &buckets[*index];
        let waits = matches!(bucket.recipient, Recipient::Endpoint(endpoint) if heard(endpoint)) && !names_ports(rule);
        (waits, std::cmp::Reverse(bucket.packets))
    });
    for index in candidates {
        let bucket = &mut buckets[index];
        let most = bound(rule, capture, bucket).min(left);
        if most == 0 {
            continue;
        }
        let end = end(rule, bucket);
        let allocation = bucket.allocate(most);
        left -= allocation.packets.min(left);
        entries.book(EntryKind::FirewallRule, end, allocation);
    }
    packets - left
}

fn end(rule: &Rule, bucket: &Bucket<'_>) -> End {
    let (address, port) = match bucket.recipient {
        Recipient::Endpoint(endpoint) => (Some(endpoint.address), endpoint.port),
        _ => (None, None),
    };
    End {
        label: format!("dropped by {}", rule.name),
        protocol: bucket.protocol().map(str::to_owned),
        address,
        port,
        rule: Some(rule.name.clone()),
        ..End::default()
    }
}

fn hook_order(hook: Option<&str>) -> u8 {
    match hook {
        Some("ingress") => 0,
        Some("prerouting") => 1,
        Some("input" | "forward") => 2,
        _ => 3,
    }
}

/// Whether a rule's interface, which may end in a wildcard, is this one.
fn is_named(pattern: &str, interface: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => interface.starts_with(prefix),
        None => pattern == interface,
    }
}

fn names_ports(rule: &Rule) -> bool {
    !rule.matches.local_ports.is_empty()
}

fn in_ranges(ranges: &[PortRange], port: Option<u16>) -> bool {
    ranges.is_empty() || port.is_some_and(|port| ranges.iter().any(|range| (range.first..=range.last).contains(&port)))
}

/// Whether packets of the bucket can have met the rule.
fn selects(rule: &Rule, bucket: &Bucket<'_>) -> bool {
    let matches = &rule.matches;
    let hooked = |hooks: &[&str]| rule.hook.as_deref().is_none_or(|hook| hooks.contains(&hook));
    let family = |address: IpAddr| match rule.family.as_str() {
        "ip" => address.is_ipv4(),
        "ip6" => address.is_ipv6(),
        _ => match matches.family.as_deref() {
            Some("ip") => address.is_ipv4(),
            Some("ip6") => address.is_ipv6(),
            _ => true,
        },
    };
    let protocol = |name: &str| matches.protocols.is_empty() || matches.protocols.iter().any(|wanted| wanted == name);
    match bucket.recipient {
        Recipient::Endpoint(endpoint) => {
            let sent_on = bucket.inner.is_some_and(|inner| inner.inner_is_local == Some(false));
            // Behind prerouting a rule sees whom a translated packet goes to.
            let inner = bucket.inner.filter(|_| matches!(rule.hook.as_deref(), Some("input" | "forward")));
            let (address, port) =
                inner.map_or((endpoint.address, endpoint.port), |inner| (inner.inner_address, inner.inner_port));
            hooked(&["ingress", "prerouting", if sent_on { "forward" } else { "input" }])
                && family(address)
                && protocol(&endpoint.protocol)
                && in_ranges(&matches.local_ports, port)
                && (matches.destinations.is_empty()
                    || matches.destinations.iter().any(|network| is_within(address, network)))
        }
        Recipient::OtherEndpoints(name) => hooked(&["ingress", "prerouting", "input"]) && protocol(name),
        Recipient::Class(EntryKind::Forwarded) => hooked(&["ingress", "prerouting", "forward"]),
        Recipient::Class(EntryKind::Broadcast | EntryKind::Multicast) => {
            hooked(&["ingress", "prerouting", "input"]) && !names_ports(rule)
        }
        Recipient::Class(EntryKind::NonIp) => matches!(rule.family.as_str(), "arp" | "netdev"),
        Recipient::Class(_) => rule.family == "netdev",
    }
}

/// The most packets of the bucket that the rule can have dropped, when it selects by the remote side: as many as the flows
/// that it selects have. Flows are bounded, so when they show few of an endpoint's packets they do not bound it.
fn bound(rule: &Rule, capture: &Capture, bucket: &Bucket<'_>) -> u64 {
    let matches = &rule.matches;
    let Recipient::Endpoint(endpoint) = bucket.recipient else { return u64::MAX };
    if matches.sources.is_empty() && matches.remote_ports.is_empty() {
        return u64::MAX;
    }
    let mut known = 0;
    let mut selected = 0;
    for flow in &capture.flows {
        let same = flow.protocol == endpoint.protocol
            && flow.local_address == endpoint.address
            && flow.local_port == endpoint.port;
        if !same {
            continue;
        }
        known += flow.rx_packets;
        let from =
            matches.sources.is_empty() || matches.sources.iter().any(|network| is_within(flow.remote_address, network));
        if from && in_ranges(&matches.remote_ports, flow.remote_port) {
            selected += flow.rx_packets;
        }
    }
    if known * 2 >= endpoint.packets { bucket.standing_for(selected) } else { u64::MAX }
}

/// Whether an address lies in a network written `10.0.0.0/8` or `10.0.0.1`. A network that cannot be read holds nothing.
fn is_within(address: IpAddr, network: &str) -> bool {
    let (base, prefix) = network.split_once('/').map_or((network, None), |(base, prefix)| (base, Some(prefix)));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32u32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let ((address, width), (base, base_width)) = (bits(address), bits(base));
    let Ok(prefix) = prefix.map_or(Ok(base_width), str::parse::<u32>) else { return false };
    if width != base_width || prefix > width {
        return false;
    }
    prefix == 0 || (address ^ base) >> (128 - prefix) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(is_within(address("10.1.2.3"), "10.0.0.0/8"));
        assert!(!is_within(address("11.1.2.3"), "10.0.0.0/8"));
        assert!(is_within(address("2001:db8::1"), "2001:db8::/32"));
        assert!(is_within(address("192.0.2.1"), "192.0.2.1"));
        assert!(is_within(address("192.0.2.1"), "0.0.0.0/0"));
        assert!(!is_within(address("192.0.2.1"), "::/0"));
        assert!(!is_within(address("192.0.2.1"), "nonsense/99"));
    }

    #[test]
    fn a_wildcard_interface_stands_for_any_ending() {
        assert!(is_named("eth*", "eth0") && is_named("eth0", "eth0") && !is_named("eth1", "eth0"));
    }
}
