//! Ends that counters of the kernel tell and no rule and no socket: programs before the stack, traffic control, the table
//! of tracked connections, protocols and addresses that this host does not have.

use std::cmp::Reverse;
use std::net::IpAddr;

use super::WindowEvidence;
use super::buckets::{Allocation, Bucket, End, Entries, Recipient, Scale};
use super::counted::Counted;
use super::framing::LeftOut;
use super::guests::{Guest, Guests};
use super::places::Places;
use super::rules::Hidden;
use crate::case::{EntryKind, Process};
use crate::probe::capture::Capture;
use crate::probe::firewall::{Firewall, Standing};
use crate::probe::interfaces::{Interface, Interfaces};
use crate::probe::kernel::KernelCounters;
use crate::probe::sockets::Listener;

/// Packets that may differ between two counters read at slightly different moments, beside a share of 2 %.
const EDGE: u64 = 50;

fn with_edge(packets: u64) -> u64 {
    packets + packets / 50 + EDGE
}

/// Books what the interface counted and no capture can see because an XDP program took it first.
pub(super) fn book_xdp(interface: &Counted<'_>, scale: Scale, entries: &mut Entries) {
    let Some(program) = interface.xdp_program else { return };
    let seen = (interface.seen_packets as f64 * scale.in_time) as u64;
    let unseen = interface.packets.unwrap_or(0).saturating_sub(seen);
    if unseen <= EDGE || scale.factor != scale.in_time || scale.unsure {
        return;
    }
    let label = match program {
        0 => format!("taken by an XDP program on {}, before the network stack", interface.name),
        number => format!("taken by the XDP program {number} on {}, before the network stack", interface.name),
    };
    let seen = interface.seen_bytes as f64 - LeftOut::of(interface, true).bytes();
    let bytes = (interface.bytes.unwrap_or(0) as f64 - seen * scale.in_time).max(0.0);
    let end = End { label, ..End::default() };
    entries.book(EntryKind::KernelDrop, end, Allocation { packets: unseen, bytes });
}

/// Books frames of VLANs that this host has no device for.
pub(super) fn book_strange_vlans(capture: &Capture, buckets: &mut [Bucket<'_>], entries: &mut Entries) {
    let vlan = &capture.vlan;
    if vlan.without_device.packets == 0 {
        return;
    }
    let numbers: Vec<String> = vlan.numbers_without_device.iter().take(3).map(u16::to_string).collect();
    let more = if vlan.numbers_without_device.len() > 3 { " and others" } else { "" };
    let label = format!("frames of VLAN {}{more}, for which this host has no device", numbers.join(", "));
    let of_others = |bucket: &&mut Bucket<'_>| bucket.recipient == Recipient::Class(EntryKind::NotForUs);
    if let Some(bucket) = buckets.iter_mut().find(of_others) {
        let end = End { label, ..End::default() };
        let packets = bucket.standing_for(vlan.without_device.packets);
        entries.book(EntryKind::KernelDrop, end, bucket.allocate(packets));
    }
}

/// Books frames for machines of this host's own: virtual machines behind its bridge, devices on the interface.
pub(super) fn book_guests(
    interfaces: &Interfaces,
    guests: &Guests<'_>,
    capture: &Capture,
    scale: Scale,
    buckets: &mut [Bucket<'_>],
    entries: &mut Entries,
) {
    let of_others = |bucket: &&mut Bucket<'_>| bucket.recipient == Recipient::Class(EntryKind::NotForUs);
    let Some(bucket) = buckets.iter_mut().find(of_others) else { return };
    for station in capture.stations.iter().filter(|station| station.class == "other_host") {
        let Some(guest) = interfaces.guests.iter().find(|guest| guest.mac == station.destination) else { continue };
        let label = match &guest.interface {
            Some(port) if guest.way.is_empty() => format!("bridged to this host's guest {} behind {port}", guest.mac),
            Some(_) => format!("bridged to this host's guest {}: {}", guest.mac, guest.way.join(" → ")),
            None => {
                let on = guest.way.first().unwrap_or(&interfaces.watched.name);
                format!("for this host's guest {} on {on}", guest.mac)
            }
        };
        let allocation = Allocation {
            packets: scale.packets(station.packets).min(bucket.packets),
            bytes: scale.bytes(station.packets, station.bytes).min(bucket.bytes),
        };
        bucket.packets -= allocation.packets;
        bucket.bytes -= allocation.bytes;
        let end = of_guest(label, guests.on_link(&guest.mac, guest.interface.as_deref(), capture));
        entries.book(EntryKind::Forwarded, end, allocation);
    }
}

/// An end that a guest is behind, where it is known.
fn of_guest(label: String, guest: Option<Guest>) -> End {
    match guest {
        Some(guest) => End {
            label: format!("{label}, {}", guest.label),
            process: guest.process,
            container: Some(guest.name),
            ..End::default()
        },
        None => End { label, ..End::default() },
    }
}

/// Books up to `packets` on one end: of what was hardly answered first, and of that the most first. Gives how many were booked.
/// A few are the edge of the window.
fn book(
    packets: u64,
    label: &str,
    is_met: &dyn Fn(&Bucket<'_>) -> bool,
    buckets: &mut [Bucket<'_>],
    entries: &mut Entries,
) -> u64 {
    if packets <= EDGE {
        return 0;
    }
    let mut left = packets;
    let mut met: Vec<&mut Bucket<'_>> = buckets.iter_mut().filter(|bucket| is_met(bucket)).collect();
    let answered = |bucket: &Bucket<'_>| match bucket.recipient {
        Recipient::Endpoint(endpoint) => endpoint.tx_packets * 2 >= endpoint.packets,
        _ => false,
    };
    met.sort_by_key(|bucket| (answered(bucket), Reverse(bucket.packets)));
    for bucket in met {
        if left == 0 {
            break;
        }
        let (address, port) = match bucket.recipient {
            Recipient::Endpoint(endpoint) => (Some(endpoint.address), endpoint.port),
            _ => (None, None),
        };
        let end = End {
            label: label.to_owned(),
            protocol: bucket.protocol().map(str::to_owned),
            address,
            port,
            ..End::default()
        };
        let allocation = bucket.allocate(left);
        left -= allocation.packets.min(left);
        entries.book(EntryKind::KernelDrop, end, allocation);
    }
    packets - left
}

/// Whether it came for this host or to be sent on.
fn is_ip(bucket: &Bucket<'_>) -> bool {
    !matches!(bucket.recipient, Recipient::Class(EntryKind::NonIp | EntryKind::NotForUs))
}

/// Whether it came to be sent on.
fn is_sent_on(bucket: &Bucket<'_>) -> bool {
    bucket.recipient == Recipient::Class(EntryKind::Forwarded)
        || bucket.inner.is_some_and(|inner| inner.inner_is_local == Some(false))
}

/// Books what traffic control dropped or took at the ingress: what the qdisc of the interface counted; else, of what came in
/// and never reached IP, as much as the kernel dropped for that reason. Gives how many packets.
pub(super) fn book_ingress(
    evidence: &WindowEvidence<'_>,
    guests: &Guests<'_>,
    on_wire: u64,
    counted: &[Counted<'_>],
    places: &Places<'_>,
    buckets: &mut [Bucket<'_>],
    entries: &mut Entries,
) -> u64 {
    let missed = missed_by_ip(evidence, on_wire);
    let mut taken = 0;
    for interface in counted {
        let dropped = interface.ingress_dropped.filter(|dropped| *dropped > EDGE).unwrap_or(0);
        let label = format!("dropped by traffic control at the ingress of {}", interface.name);
        taken += book(if dropped > 0 { with_edge(dropped) } else { 0 }, &label, &is_ip, buckets, entries);
    }
    if taken == 0 {
        // Filters without a qdisc (TCX) have no counter of their own.
        let packets = evidence.dropped_for("TC_INGRESS").min(missed);
        let label = format!("dropped by traffic control at the ingress of {}", evidence.interfaces.watched.name);
        taken = places.book("TC_INGRESS", packets, &label, &is_ip, buckets, entries);
        taken += book(packets.saturating_sub(taken), &label, &is_ip, buckets, entries);
    }
    // What a filter redirects to a device that shapes it is lost in that device's queue.
    for shaper in evidence.interfaces.interfaces.iter().filter(|other| other.kind.as_deref() == Some("ifb")) {
        let packets = shaper.queue_dropped.unwrap_or(0).min(missed.saturating_sub(taken));
        let label = format!("dropped by the queue of {}, which shapes what comes in", shaper.name);
        taken += book(packets, &label, &is_ip, buckets, entries);
    }
    taken + book_redirected(evidence, guests, missed.saturating_sub(taken), buckets, entries)
}

/// Books what left again by another interface before the IP layer got it: as many packets as an interface sent and IP did not.
/// Gives how many.
fn book_redirected(
    evidence: &WindowEvidence<'_>,
    guests: &Guests<'_>,
    missed: u64,
    buckets: &mut [Bucket<'_>],
    entries: &mut Entries,
) -> u64 {
    let Some(by_ip) = evidence.kernel.and_then(sent_by_ip) else { return 0 };
    let leads_away = |other: &&Interface| other.link != "loopback" && other.kind.as_deref() != Some("ifb");
    let ways = || evidence.interfaces.interfaces.iter().filter(leads_away);
    let sent: u64 = ways().filter_map(|way| way.tx.packets).sum();
    let below_ip = sent.saturating_sub(with_edge(by_ip));
    let Some(way) = ways().max_by_key(|way| way.tx.packets) else { return 0 };
    let packets = missed.min(way.tx.packets.unwrap_or(0)).min(below_ip);
    // What is less than most of it is something else.
    if packets <= EDGE || packets < missed / 2 {
        return 0;
    }
    let label =
        format!("redirected to {} before the network stack, by traffic control or a rule at the ingress", way.name);
    let mut left = with_edge(packets);
    let mut met: Vec<&mut Bucket<'_>> = buckets.iter_mut().filter(|bucket| is_ip(bucket)).collect();
    met.sort_by_key(|bucket| Reverse(bucket.packets));
    for bucket in met {
        let protocol = bucket.protocol().map(str::to_owned);
        let end = End { protocol, ..of_guest(label.clone(), guests.behind(&way.name)) };
        let allocation = bucket.allocate(left);
        left -= allocation.packets.min(left);
        entries.book(EntryKind::Forwarded, end, allocation);
    }
    packets
}

/// Packets that IP sent; none where the kernel does not count them.
fn sent_by_ip(kernel: &KernelCounters) -> Option<u64> {
    let ip6 = kernel.ip6.as_ref();
    let forwarded = kernel.ip.forwarded.unwrap_or(0) + ip6.and_then(|ip6| ip6.forwarded).unwrap_or(0);
    let own = kernel.ip.out_requests? + ip6.and_then(|ip6| ip6.out_requests).unwrap_or(0);
    Some(own + forwarded)
}

/// Packets that were `on_wire`, and that the IP layer never got.
fn missed_by_ip(evidence: &WindowEvidence<'_>, on_wire: u64) -> u64 {
    let Some(kernel) = evidence.kernel else { return 0 };
    let Some(ip4) = kernel.ip.in_receives else { return 0 };
    let received = ip4 + kernel.ip6.as_ref().and_then(|ip6| ip6.in_receives).unwrap_or(0);
    let missed = on_wire.saturating_sub(received);
    if missed > with_edge(0) + on_wire / 50 { missed } else { 0 }
}

/// Books packets that were dropped because no connection could be tracked for them. Gives how many.
pub(super) fn book_untracked(evidence: &WindowEvidence<'_>, buckets: &mut [Bucket<'_>], entries: &mut Entries) -> u64 {
    let dropped = evidence.kernel.and_then(|kernel| kernel.conntrack.as_ref()?.drop).unwrap_or(0);
    book(dropped, "dropped because the table of tracked connections is full", &is_ip, buckets, entries)
}

/// Books what SYNPROXY answered in the place of a service. Gives how many packets.
pub(super) fn book_proxied(evidence: &WindowEvidence<'_>, buckets: &mut [Bucket<'_>], entries: &mut Entries) -> u64 {
    let Some(proxy) = evidence.kernel.and_then(|kernel| kernel.synproxy.as_ref()) else { return 0 };
    let taken = proxy.syn_received.unwrap_or(0) + proxy.cookie_invalid.unwrap_or(0);
    let mut left = if taken > EDGE { with_edge(taken) } else { 0 };
    for bucket in buckets.iter_mut() {
        let Recipient::Endpoint(endpoint) = bucket.recipient else { continue };
        if endpoint.protocol != "tcp" || endpoint.syn == 0 {
            continue;
        }
        let label = "answered by SYNPROXY in the place of the service".to_owned();
        let end = End {
            label,
            protocol: Some("tcp".to_owned()),
            address: Some(endpoint.address),
            port: endpoint.port,
            ..End::default()
        };
        let allocation = bucket.allocate(left.min(bucket.standing_for(endpoint.syn + endpoint.stray)));
        left -= allocation.packets.min(left);
        entries.book(EntryKind::Kernel, end, allocation);
    }
    taken
}

/// Books packets of protocols that nothing here handles, as far as IP counted them.
pub(super) fn book_unknown_protocols(evidence: &WindowEvidence<'_>, buckets: &mut [Bucket<'_>], entries: &mut Entries) {
    let Some(kernel) = evidence.kernel else { return };
    let ip6 = kernel.ip6.as_ref().and_then(|ip6| ip6.in_unknown_protos).unwrap_or(0);
    let mut left = kernel.ip.in_unknown_protos.unwrap_or(0) + ip6;
    let known = ["tcp", "udp", "icmp", "icmpv6"];
    let mut strange: Vec<&mut Bucket<'_>> =
        buckets.iter_mut().filter(|bucket| bucket.protocol().is_some_and(|name| !known.contains(&name))).collect();
    strange.sort_by_key(|bucket| Reverse(bucket.packets));
    for bucket in strange {
        let protocol = bucket.protocol().unwrap_or_default().to_owned();
        let label = format!("refused: nothing here handles IP protocol {protocol} (InUnknownProtos)");
        let end = End { label, protocol: Some(protocol), ..End::default() };
        let allocation = bucket.allocate(left);
        left -= allocation.packets.min(left);
        entries.book(EntryKind::KernelDrop, end, allocation);
    }
}

/// Books what came for addresses that are not this host's and was not sent on either. `behind_ip` packets reached IP and
/// left it without a counter.
pub(super) fn book_not_sent_on(
    evidence: &WindowEvidence<'_>,
    behind_ip: u64,
    buckets: &mut [Bucket<'_>],
    entries: &mut Entries,
) {
    let Some(kernel) = evidence.kernel else { return };
    let Some(forwarded) = kernel.ip.forwarded else { return };
    let ip6 = kernel.ip6.as_ref();
    let forwarded = forwarded + ip6.and_then(|ip6| ip6.forwarded).unwrap_or(0);
    let came: u64 = buckets
        .iter()
        .filter(|bucket| bucket.recipient == Recipient::Class(EntryKind::Forwarded))
        .map(|bucket| bucket.packets)
        .sum();
    let mut kept = came.saturating_sub(with_edge(forwarded));
    if kept <= EDGE {
        return;
    }
    let refused = [
        kernel.ip.in_addr_errors,
        kernel.ip.in_no_routes,
        ip6.and_then(|ip6| ip6.in_addr_errors),
        ip6.and_then(|ip6| ip6.in_no_routes),
    ];
    let refused: u64 = refused.into_iter().flatten().sum();
    let foreign = |bucket: &Bucket<'_>| bucket.recipient == Recipient::Class(EntryKind::Forwarded);
    let label = "dropped: for addresses that this host neither has nor has a route to (InAddrErrors, InNoRoutes)";
    kept -= book(refused.min(kept), label, &foreign, buckets, entries).min(kept);
    // A route of type blackhole drops without a counter.
    let label = "dropped: for addresses that a route of this host leads nowhere (blackhole), or that it has none to";
    kept -= book(behind_ip.min(kept), label, &foreign, buckets, entries).min(kept);
    // What is neither sent on nor refused was delivered: to sockets that take foreign addresses.
    let Some(sockets) = evidence.sockets else { return };
    let ours = |address: IpAddr| {
        address.is_loopback()
            || evidence.interfaces.interfaces.iter().any(|i| i.addresses.iter().any(|own| own.address == address))
    };
    kept = kept.min(with_edge(kernel.ip.in_delivers.unwrap_or(0)));
    let whole = kept.max(1);
    let mut taken: Vec<(&Process, u64)> = Vec::new();
    for connection in &sockets.connections {
        let (Some(process), Some(bytes)) = (&connection.process, connection.rx_bytes) else { continue };
        if bytes == 0 || ours(connection.local_address.to_canonical()) {
            continue;
        }
        match taken.iter_mut().find(|(known, _)| *known == process) {
            Some((_, sum)) => *sum += bytes,
            None => taken.push((process, bytes)),
        }
    }
    let all: u64 = taken.iter().map(|(_, bytes)| bytes).sum();
    let Some(bucket) = buckets.iter_mut().find(|bucket| foreign(bucket)) else { return };
    for (process, bytes) in taken {
        let part = (whole as f64 * bytes as f64 / all.max(1) as f64).round() as u64;
        let end = End {
            label: process.to_string(),
            protocol: Some("tcp".to_owned()),
            process: Some(process.clone()),
            ..End::default()
        };
        let allocation = bucket.allocate(part.min(kept));
        kept -= allocation.packets.min(kept);
        entries.book(EntryKind::Process, end, allocation);
    }
    // Nobody counts by socket what comes over UDP, so it is known whose it is only where there is one alone.
    let transparent = |listener: &&Listener| listener.protocol == "udp" && listener.transparent == Some(true);
    let mut proxies = sockets.listeners.iter().filter(transparent);
    if let (Some(listener), None) = (proxies.next(), proxies.next())
        && let Some(process) = &listener.process
        && kept > EDGE
    {
        let end = End {
            label: process.to_string(),
            protocol: Some("udp".to_owned()),
            port: Some(listener.port),
            process: Some(process.clone()),
            ..End::default()
        };
        kept -= {
            let allocation = bucket.allocate(with_edge(kept));
            entries.book(EntryKind::Process, end, allocation);
            allocation.packets.min(kept)
        };
    }
    if kept > EDGE {
        let label = "taken by sockets for addresses that are not this host's (TPROXY)".to_owned();
        entries.book(EntryKind::UnseenOwner, End { label, ..End::default() }, bucket.allocate(kept));
    }
}

/// Whether something at the hooks of netfilter in this network namespace may drop: a rule, a policy, a queue, or a BPF program.
/// What could not be read may.
pub(super) fn may_drop(firewall: &Firewall) -> bool {
    let unread = |standing: Standing| standing == Standing::Unread;
    firewall.programs.as_ref().is_none_or(|programs| !programs.is_empty())
        || unread(firewall.nftables)
        || unread(firewall.legacy)
        || firewall.rules_left_out > 0
        || firewall.chains.iter().any(|chain| chain.policy == "drop")
        || firewall
            .rules
            .iter()
            .any(|rule| rule.drops || !matches!(rule.verdict.as_str(), "accept" | "continue" | "log"))
        || firewall.backends.iter().any(|backend| backend.rules > 0)
}

/// The BPF programs at the hooks of netfilter, for a label.
fn at_hooks(firewall: Option<&Firewall>) -> String {
    let programs = firewall.and_then(|firewall| firewall.programs.as_deref()).unwrap_or_default();
    let named = programs.iter().take(3).map(|program| {
        let name = program.name.as_ref().map_or(String::new(), |name| format!(" ({name})"));
        format!("BPF program {}{name} at {} of {}", program.number, program.hook, program.family)
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() { String::new() } else { format!("; there is {}", named.join(" and ")) }
}

/// Books what is still missing on the way, as far as the kernel's own counters say that netfilter or a queue took it, and
/// what was to be sent on and left by no interface. Gives how many packets got to IP and ended for another reason.
pub(super) fn book_by_unread_rules(
    evidence: &WindowEvidence<'_>,
    hidden: Hidden,
    places: &Places<'_>,
    buckets: &mut [Bucket<'_>],
    entries: &mut Entries,
) -> u64 {
    let firewall = evidence.firewall;
    let counted: u64 = firewall
        .into_iter()
        .flat_map(|firewall| &firewall.rules)
        .filter(|rule| rule.drops && rule.counter_exact)
        .filter_map(|rule| rule.packets)
        .sum();
    let mut unread = evidence.netfilter_drops().unwrap_or(0).saturating_sub(counted);
    if !evidence.drops_are_of_here() && firewall.is_some_and(|firewall| !may_drop(firewall)) {
        unread = 0; // they are of other network namespaces
    }
    let label = "to be sent on, and dropped by netfilter at the forward hook, by no rule that was read";
    let drawn = book(hidden.forward.unwrap_or(0).min(unread), label, &is_sent_on, buckets, entries);
    unread -= drawn.min(unread);
    let lost = hidden.forward.unwrap_or(0).saturating_sub(drawn);
    if lost > EDGE {
        book(lost, "to be sent on, and sent by no interface", &is_sent_on, buckets, entries);
    }
    let (mut behind_ip, mut otherwise) = (hidden.behind_ip, hidden.behind_ip_otherwise);
    let queues = firewall.into_iter().flat_map(|firewall| &firewall.rules);
    for rule in queues.filter(|rule| matches!(rule.verdict.as_str(), "queue" | "nfqueue")) {
        let label = format!("handed to a program's queue by {} and not let on", rule.name);
        // The kernel gives no reason for what it drops because nobody reads a queue.
        let most = with_edge(behind_ip + otherwise);
        let mut drawn = book(with_edge(rule.packets.unwrap_or(0)).min(most), &label, &is_ip, buckets, entries);
        let gone = drawn.min(otherwise);
        (otherwise, drawn) = (otherwise - gone, drawn - gone);
        behind_ip -= drawn.min(behind_ip);
    }
    let label = format!("dropped by netfilter, by no rule that was read{}", at_hooks(firewall));
    let label = label.as_str();
    let here = |bucket: &Bucket<'_>| is_ip(bucket) && !is_sent_on(bucket);
    let known = places.book("NETFILTER_DROP", behind_ip.min(unread), label, &here, buckets, entries);
    let drawn = known + book(behind_ip.min(unread).saturating_sub(known), label, &here, buckets, entries);
    unread -= drawn.min(unread);
    book(hidden.before_ip.min(unread), label, &here, buckets, entries);
    otherwise
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::super::{Ledger, close};
    use super::*;
    use crate::case::Entry;
    use crate::probe::drops::{DropReason, Drops};

    /// A flood of 18,003 datagrams for a closed port, as it was recorded, with some of its figures changed.
    fn account(changes: &[(&str, Value)], dropped: &[(&str, u64)]) -> Ledger {
        account_at(changes, dropped, &[])
    }

    /// The same, where the kernel told what was dropped at places of this network namespace: by reason, port and interface.
    fn account_at(changes: &[(&str, Value)], dropped: &[(&str, u64)], placed: &[(&str, u64, u16, &str)]) -> Ledger {
        let mut case: Value =
            serde_json::from_str(include_str!("../../../tests/cases/udp-flood-closed-port.json")).unwrap();
        let evidence = &mut case["evidence"];
        for (path, value) in changes {
            let (step, pointer) = path.split_once('/').unwrap();
            let place = evidence[step]["output"].as_object_mut().expect("there is such a step");
            let mut place = Value::Object(std::mem::take(place));
            let (parent, field) = pointer.rsplit_once('/').map_or(("", pointer), |(parent, field)| (parent, field));
            let parent = if parent.is_empty() { String::new() } else { format!("/{parent}") };
            place.pointer_mut(&parent).expect("there is such a place")[field] = value.clone();
            evidence[step]["output"] = place;
        }
        fn of<T: serde::de::DeserializeOwned>(evidence: &Value, step: &str) -> T {
            serde_json::from_value(evidence[step]["output"].clone()).unwrap()
        }
        let interfaces: Interfaces = of(evidence, "rates");
        let capture = of(evidence, "traffic");
        let (sockets, firewall) = (of(evidence, "sockets"), of(evidence, "firewall"));
        let kernel = super::super::edge::in_window(Arc::new(of(evidence, "kernel")), interfaces.seconds);
        let reasons: Vec<DropReason> = dropped
            .iter()
            .map(|(name, packets)| DropReason {
                reason: (*name).to_owned(),
                meaning: String::new(),
                packets: *packets,
                own_packets: None,
            })
            .collect();
        let of = |name: &str| reasons.iter().find(|reason| reason.reason == name).map(|reason| reason.packets);
        let own = |name: &str| placed.iter().filter(|place| place.0 == name).map(|place| place.1).sum::<u64>();
        let mut drops: Drops = serde_json::from_value(json!({
            "seconds": 5.0, "scope": "", "reasons": &reasons, "reasons_watched": 100,
            "total_packets": reasons.iter().map(|reason| reason.packets).sum::<u64>(), "other_packets": 0,
            "netfilter_packets": of("NETFILTER_DROP"), "no_socket_packets": of("NO_SOCKET"), "socket_full_packets": 0,
        }))
        .unwrap();
        if !placed.is_empty() {
            for reason in drops.reasons.iter_mut().flatten() {
                reason.own_packets = Some(own(&reason.reason));
            }
            drops.own_packets = Some(placed.iter().map(|place| place.1).sum());
            let place = |(reason, packets, port, interface): &(&str, u64, u16, &str)| {
                json!({"reason": reason, "meaning": "why", "function": null, "packets": packets, "bytes": packets * 1028,
                    "interface": interface, "interface_number": 2, "namespace": "this", "ip_version": 4, "protocol": "udp",
                    "address": "10.77.1.3", "port": port, "direction": "in"})
            };
            let places: Vec<Value> = placed.iter().map(place).collect();
            drops.places = Some(serde_json::from_value(places.into()).unwrap());
        }
        close::close(&WindowEvidence {
            interfaces: &interfaces,
            capture: Some(&capture),
            sockets: Some(&sockets),
            firewall: Some(&firewall),
            kernel: Some(&kernel),
            translations: &[],
            drops: Some(&drops),
            namespaces: None,
        })
        .unwrap()
    }

    /// The heaviest entry, when it is of that kind and says that; fails otherwise.
    fn ends_with(ledger: &Ledger, kind: EntryKind, words: &str, packets: u64) {
        let top: &Entry = ledger.top.as_ref().expect("something came in");
        assert!(top.kind == kind && top.label.contains(words), "{top:?}");
        assert!(top.packets.abs_diff(packets) <= packets / 20, "{top:?}");
        assert!(ledger.account.unexplained_share.unwrap() <= 0.01, "{:?}", ledger.account);
    }

    #[test]
    fn what_nothing_else_takes_is_for_a_closed_port() {
        ends_with(&account(&[], &[("NO_SOCKET", 18_003)]), EntryKind::NoListener, "UDP port 9987", 18_003);
    }

    #[test]
    fn what_an_xdp_program_takes_is_not_seen_and_yet_accounted_for() {
        let ledger = account(
            &[
                ("rates/watched/xdp_program", json!(12)),
                ("rates/watched/rx/packets", json!(78_005)),
                ("rates/watched/rx/bytes", json!(78_759_306)),
            ],
            &[("XDP", 60_000)],
        );
        ends_with(&ledger, EntryKind::KernelDrop, "XDP program 12", 60_000);
    }

    #[test]
    fn what_a_driver_counts_without_link_headers_is_half_where_its_program_took_half() {
        // 1,042 bytes on the wire are counted as 1,028.
        let ledger = account(
            &[
                ("rates/watched/kind", json!("veth")),
                ("rates/watched/xdp_program", json!(12)),
                ("rates/watched/xdp_in_driver", json!(true)),
                ("rates/watched/rx/packets", json!(36_005)),
                ("rates/watched/rx/bytes", json!(36_005 * 1028)),
            ],
            &[("XDP", 18_000)],
        );
        let of = |kind: EntryKind| {
            let entry = ledger.account.entries.iter().find(|entry| entry.kind == kind).expect("there is one");
            (entry.packets, (entry.share * 100.0).round())
        };
        assert_eq!((of(EntryKind::KernelDrop), of(EntryKind::NoListener)), ((18_000, 50.0), (18_003, 50.0)));
    }

    #[test]
    fn what_a_full_table_of_connections_drops_is_nobody_elses() {
        let ledger = account(
            &[
                ("kernel/conntrack/drop", json!(17_000)),
                ("kernel/udp/no_ports", json!(1_003)),
                ("kernel/ip/in_delivers", json!(1_003)),
                ("kernel/ip/residual", json!(17_000)),
            ],
            &[("NETFILTER_DROP", 17_000), ("NO_SOCKET", 1_003)],
        );
        ends_with(&ledger, EntryKind::KernelDrop, "tracked connections is full", 17_000);
    }

    #[test]
    fn what_netfilter_drops_without_a_rule_that_was_read_is_named_as_that() {
        let gone: &[(&str, Value)] = &[
            ("kernel/udp/no_ports", json!(0)),
            ("kernel/ip/in_delivers", json!(0)),
            ("kernel/ip/residual", json!(18_003)),
        ];
        let ledger = account(gone, &[("NETFILTER_DROP", 18_003)]);
        ends_with(&ledger, EntryKind::KernelDrop, "by no rule that was read", 18_003);
        let ledger = account(gone, &[]);
        assert!(ledger.account.unexplained_share.unwrap() > 0.9, "without evidence it stays unexplained");
    }

    #[test]
    fn what_netfilter_drops_in_other_namespaces_is_none_of_this_one_where_nothing_can_drop() {
        let gone: &[(&str, Value)] = &[
            ("kernel/udp/no_ports", json!(0)),
            ("kernel/ip/in_delivers", json!(0)),
            ("kernel/ip/residual", json!(18_003)),
        ];
        let with = |programs: Value| {
            account(&[gone, &[("firewall/programs", programs)]].concat(), &[("NETFILTER_DROP", 18_003)])
        };
        assert!(with(json!([])).account.unexplained_share.unwrap() > 0.9, "no rule, no policy, no program");
        let program = json!({"number": 12, "name": "drop_all", "family": "ip", "hook": "prerouting", "priority": -128});
        ends_with(
            &with(json!([program])),
            EntryKind::KernelDrop,
            "BPF program 12 (drop_all) at prerouting of ip",
            18_003,
        );
    }

    /// The interface of the recorded case, with another name, and so many packets sent.
    fn interface(name: &str, sent: u64) -> Value {
        let case: Value =
            serde_json::from_str(include_str!("../../../tests/cases/udp-flood-closed-port.json")).unwrap();
        let mut interface = case["evidence"]["rates"]["output"]["interfaces"][0].clone();
        (interface["name"], interface["tx"]["packets"]) = (json!(name), json!(sent));
        interface
    }

    #[test]
    fn what_leaves_by_another_interface_before_ip_is_redirected_and_not_lost() {
        let never_got = [
            ("kernel/udp/no_ports", json!(0)),
            ("kernel/ip/in_delivers", json!(0)),
            ("kernel/ip/in_receives", json!(0)),
            ("kernel/ip/out_requests", json!(233)),
        ];
        let with = |sent: u64| {
            let interfaces = json!([interface("eth0", 233), interface("r0", sent)]);
            account(&[&never_got[..], &[("rates/interfaces", interfaces)]].concat(), &[])
        };
        ends_with(&with(18_003), EntryKind::Forwarded, "redirected to r0 before the network stack", 18_003);
        assert!(with(400).account.unexplained_share.unwrap() > 0.9, "what it sent is something else");
    }

    fn listener(protocol: &str, address: &str, pid: i32, name: &str) -> Value {
        json!({
            "protocol": protocol, "address": address, "port": 9987, "any_address": address == "0.0.0.0",
            "process": {"pid": pid, "name": name, "user": "www", "unit": null}, "unit": null, "owners": 1, "in_kernel": false,
            "queue": 0, "backlog": null, "syn_recv": 0, "drops": 0, "drops_total": 0, "receive_buffer": null,
            "connected": false, "transparent": null, "remote_address": null, "remote_port": null,
        })
    }

    #[test]
    fn segments_that_a_filter_refuses_take_no_place_of_a_service() {
        let syns: &[(&str, Value)] = &[
            ("traffic/endpoints/0/protocol", json!("tcp")),
            ("traffic/endpoints/0/syn", json!(18_003)),
            ("kernel/udp/no_ports", json!(0)),
            ("sockets/listeners", json!([listener("tcp", "0.0.0.0", 80, "web")])),
        ];
        let refused = account(syns, &[("SOCKET_FILTER", 18_003)]);
        ends_with(&refused, EntryKind::KernelDrop, "refused by a filter of the socket of web (pid 80)", 18_003);
        let taken = account(syns, &[]).account.entries;
        assert!(taken.iter().all(|entry| entry.kind != EntryKind::KernelDrop), "{taken:?}");
    }

    #[test]
    fn what_workers_of_one_port_share_is_said_of_all_of_them() {
        let workers = json!([listener("udp", "0.0.0.0", 80, "voice"), listener("udp", "0.0.0.0", 81, "voice")]);
        let taken: &[(&str, Value)] = &[
            ("kernel/udp/no_ports", json!(0)),
            ("kernel/udp/in_datagrams", json!(18_003)),
            ("sockets/listeners", workers),
        ];
        let ledger = account(taken, &[]);
        let receiver = &ledger.receivers[0];
        assert_eq!((receiver.label.as_str(), receiver.processes), ("2 × voice", 2));
        assert!(ledger.account.disagreements[0].contains("shared by 2 processes"), "{:?}", ledger.account);
        assert!((receiver.process_share - 0.5).abs() < 0.01, "{receiver:?}");
        assert!(ledger.account.unexplained_share.unwrap() <= 0.01, "{:?}", ledger.account);
    }

    fn taker(pid: i32, address: &str, datagrams: u64) -> Value {
        json!({
            "process": {"pid": pid, "name": "voice", "user": "www", "unit": null}, "address": address, "port": 9987,
            "rx_bytes": datagrams * 1000, "rx_datagrams": datagrams,
        })
    }

    #[test]
    fn workers_of_one_port_get_what_their_calls_took_also_those_that_share_a_socket() {
        let taken: &[(&str, Value)] = &[
            ("kernel/udp/no_ports", json!(0)),
            ("kernel/udp/in_datagrams", json!(18_003)),
            ("sockets/listeners", json!([listener("udp", "0.0.0.0", 80, "voice")])),
            ("sockets/udp_receivers", json!([taker(81, "0.0.0.0", 12_002), taker(82, "0.0.0.0", 6_001)])),
        ];
        let account = account(taken, &[]).account;
        let packets = |pid| {
            let of_it = |entry: &&crate::case::Entry| entry.process.as_ref().is_some_and(|process| process.pid == pid);
            account.entries.iter().find(of_it).map(|entry| entry.packets)
        };
        assert_eq!((packets(80), packets(81), packets(82)), (None, Some(12_002), Some(6_001)));
        assert!(account.disagreements.is_empty(), "it was counted: {:?}", account.disagreements);
        assert!(account.unexplained_share.unwrap() <= 0.01, "{account:?}");
    }

    #[test]
    fn who_took_datagrams_and_ended_is_named_and_a_socket_of_the_address_itself_comes_before_one_of_any() {
        let taken = |receivers: Value, listeners: Value| {
            account(
                &[
                    ("kernel/udp/no_ports", json!(0)),
                    ("kernel/udp/in_datagrams", json!(18_003)),
                    ("sockets/listeners", listeners),
                    ("sockets/udp_receivers", receivers),
                ],
                &[],
            )
        };
        let gone = taken(json!([taker(83, "0.0.0.0", 18_003)]), json!([]));
        ends_with(&gone, EntryKind::Process, "voice (pid 83)", 18_003);
        let other = taken(json!([taker(80, "0.0.0.0", 900)]), json!([listener("udp", "10.77.1.3", 79, "voice")]));
        ends_with(&other, EntryKind::Process, "voice (pid 79)", 18_003);
    }

    #[test]
    fn what_came_before_a_late_capture_is_said_and_never_more_than_a_few_per_cent() {
        let late = |part: f64| {
            account(
                &[
                    ("traffic/seconds", json!(2.9)),
                    ("rates/watched/rx/packets", json!((18_005.0 * part) as u64)),
                    ("rates/watched/rx/bytes", json!((18_759_306.0 * part) as u64)),
                    ("kernel/udp/no_ports", json!((18_003.0 * part) as u64)),
                    ("kernel/ip/in_receives", json!((18_003.0 * part) as u64)),
                ],
                &[],
            )
        };
        let little = late(1.04).account;
        assert!(little.unexplained_share.unwrap() <= 0.01, "{little:?}");
        assert!(little.disagreements[0].contains("is taken to be like the rest"), "{:?}", little.disagreements);
        let much = late(1.09).account;
        assert!(much.unexplained_share.unwrap() > 0.05 && !much.disagreements.is_empty(), "{much:?}");
    }

    #[test]
    fn what_came_while_a_late_capture_did_not_watch_is_like_the_rest_where_the_samples_say_how_much_it_was() {
        // Of 3 s the packets were watched for 2.2; the rates are those of the recorded flood.
        let late_with = |part: f64, at_first: f64, all: f64| {
            let rate = 18_759_306.0 * 8.0 / 2.2;
            let sample = |at: f64, rate: f64| {
                json!({"at": at, "rx_bits_per_second": rate, "rx_packets_per_second": rate / 8_336.0,
                       "tx_bits_per_second": 0.0, "tx_packets_per_second": 0.0})
            };
            let samples: Vec<Value> = (1..=30)
                .map(|tenth| sample(f64::from(tenth) / 10.0, all * if tenth <= 8 { at_first } else { 1.0 } * rate))
                .collect();
            account(
                &[
                    ("traffic/seconds", json!(2.2)),
                    ("traffic/late_seconds", json!(0.8)),
                    ("rates/watched/samples", json!(samples)),
                    ("rates/watched/rx/bytes_per_second", json!(18_759_306.0 * part / 3.0)),
                    ("rates/watched/rx/packets", json!((18_005.0 * part) as u64)),
                    ("rates/watched/rx/bytes", json!((18_759_306.0 * part) as u64)),
                    ("kernel/udp/no_ports", json!((18_003.0 * part) as u64)),
                    ("kernel/ip/in_receives", json!((18_003.0 * part) as u64)),
                ],
                &[],
            )
            .account
        };
        let late = |part: f64, at_first: f64| late_with(part, at_first, 1.0);
        let steady = late(3.0 / 2.2, 1.0);
        assert!(steady.unexplained_share.unwrap() <= 0.01, "{steady:?}");
        let said = &steady.disagreements[0];
        assert!(said.contains("what came before or after, 6.82 MB of 25.6 MB, is taken to be like the rest"), "{said}");
        // What was not seen beside that stays without an explanation.
        let both = late_with(3.0 / 2.2 / 0.8, 1.0, 1.25);
        assert!((0.17..0.23).contains(&both.unexplained_share.unwrap()), "{both:?}");
        assert_eq!(both.disagreements.len(), 2, "{:?}", both.disagreements);
        assert!(both.disagreements[1].contains("XDP"), "{:?}", both.disagreements);
        // The interface's own counters at those moments tell better than its samples.
        let exact = account(
            &[
                (
                    "traffic/entered",
                    json!([{"interface": "eth0", "packets": 18_005, "wire_packets": 18_005, "bytes": 18_759_306,
                        "merged_header_bytes": 0, "stripped_tag_bytes": 0, "counted_bytes": 18_759_306}]),
                ),
                ("rates/watched/rx/packets", json!(20_005)),
                ("rates/watched/rx/bytes", json!(20_843_306)),
                ("kernel/udp/no_ports", json!(20_003)),
                ("kernel/ip/in_receives", json!(20_003)),
            ],
            &[],
        );
        assert!(exact.account.unexplained_share.unwrap() <= 0.01, "{:?}", exact.account);
        let said = &exact.account.disagreements[0];
        assert!(said.contains("what came before or after, 2.08 MB of 20.8 MB, is taken to be like the rest"), "{said}");
        // Samples that stand still, that do not add up or that tell of less than was seen say nothing.
        for unsure in [late(3.0 / 2.2, 0.0), late(3.0 / 2.2, 0.5), late(3.0 / 2.2, 3.0)] {
            assert!(unsure.unexplained_share.unwrap() > 0.2, "{unsure:?}");
            assert!(unsure.disagreements[0].contains("not told by the interface"), "{:?}", unsure.disagreements);
        }
    }

    #[test]
    fn what_the_kernel_counted_for_a_part_of_the_window_is_taken_for_the_whole() {
        let counted = |seconds: f64| {
            let part = seconds / 3.0;
            let datagrams = (18_003.0 * part) as u64;
            let changes = [
                ("kernel/seconds", json!(seconds)),
                ("kernel/udp/no_ports", json!(datagrams)),
                ("kernel/ip/in_receives", json!(datagrams)),
            ];
            account(&changes, &[]).account
        };
        for seconds in [2.99, 2.6, 1.6] {
            let account = counted(seconds);
            assert!(account.unexplained_share.unwrap() <= 0.01, "{seconds}: {account:?}");
        }
        let kernel: KernelCounters =
            serde_json::from_value(
                serde_json::from_str::<Value>(include_str!("../../../tests/cases/udp-flood-closed-port.json")).unwrap()
                    ["evidence"]["kernel"]["output"]
                    .clone(),
            )
            .unwrap();
        let longer = kernel.stretched(2.0);
        assert_eq!(longer.udp.no_ports, kernel.udp.no_ports.map(|datagrams| 2 * datagrams));
        assert_eq!((longer.tcp.established, &longer.settings), (kernel.tcp.established, &kernel.settings));
        let little = counted(0.5);
        assert!(little.unexplained_share.unwrap() > 0.5, "{little:?}");
    }

    #[test]
    fn filters_without_a_qdisc_are_known_by_the_kernels_reason() {
        let gone: &[(&str, Value)] = &[("kernel/udp/no_ports", json!(0)), ("kernel/ip/in_receives", json!(0))];
        let ledger = account(gone, &[("TC_INGRESS", 18_003)]);
        ends_with(&ledger, EntryKind::KernelDrop, "traffic control at the ingress of eth0", 18_003);
    }

    /// A process waits at the port and took a third of the flood; the rest got to IP and to nobody.
    fn third_taken(rules: Value) -> Vec<(&'static str, Value)> {
        vec![
            ("kernel/udp/no_ports", json!(0)),
            ("kernel/udp/in_datagrams", json!(6_003)),
            ("kernel/ip/in_delivers", json!(6_003)),
            ("kernel/ip/residual", json!(12_000)),
            ("sockets/listeners", json!([listener("udp", "0.0.0.0", 80, "voice")])),
            ("firewall/rules", rules),
        ]
    }

    #[test]
    fn a_rule_without_a_counter_dropped_what_netfilter_dropped_at_the_port_and_the_process_took_the_rest() {
        let rule = json!([{
            "name": "nft inet guard door (meta mark 7 drop)", "backend": "nftables", "family": "inet", "table": "guard",
            "chain": "door", "hook": "input", "priority": 0, "hooks": ["input"], "position": 1, "handle": 2, "policy": false,
            "text": "meta mark 7 drop", "verdict": "drop", "drops": true, "packets": null, "bytes": null,
            "total_packets": null, "total_bytes": null, "counter_exact": false, "link_header_included": false,
            "matches": {"complete": false, "inverted": false, "family": null, "interface": null, "protocols": [],
                "local_ports": [], "remote_ports": [], "sources": [], "destinations": []},
        }]);
        // The counters of IP were read a moment later.
        let mut changes = third_taken(rule);
        changes.push(("kernel/ip/residual", json!(12_090)));
        let ledger = account_at(&changes, &[("NETFILTER_DROP", 92_000)], &[("NETFILTER_DROP", 12_000, 9987, "eth0")]);
        ends_with(&ledger, EntryKind::FirewallRule, "nft inet guard door (meta mark 7 drop)", 12_000);
        let process = &ledger.account.entries[1];
        assert_eq!((process.kind, process.packets), (EntryKind::Process, 6_003), "{process:?}");
    }

    #[test]
    fn what_was_dropped_by_another_interface_is_no_part_of_the_account() {
        let placed = [("SECURITY_HOOK", 30_000, 9987, "lo")];
        let ledger = account_at(&third_taken(json!([])), &[("SECURITY_HOOK", 30_000)], &placed);
        let entries = &ledger.account.entries;
        assert!(!entries.iter().any(|entry| entry.label.contains("SECURITY_HOOK")), "{entries:?}");
    }

    #[test]
    fn what_is_dropped_in_other_network_namespaces_is_no_part_of_the_account() {
        let changes = third_taken(json!([]));
        let here = account_at(&changes, &[("NETFILTER_DROP", 92_000)], &[("NETFILTER_DROP", 12_000, 9987, "eth0")]);
        ends_with(&here, EntryKind::KernelDrop, "by no rule that was read", 12_000);
        let elsewhere = account_at(&changes, &[("NETFILTER_DROP", 92_000)], &[("NO_SOCKET", 1, 9, "eth0")]);
        let booked = |entry: &Entry| entry.label.contains("netfilter");
        assert!(!elsewhere.account.entries.iter().any(booked), "{:?}", elsewhere.account.entries);
    }

    #[test]
    fn what_no_counter_tells_of_is_named_by_its_place() {
        let placed = [("SECURITY_HOOK", 12_000, 9987, "eth0")];
        let ledger = account_at(&third_taken(json!([])), &[("SECURITY_HOOK", 12_000)], &placed);
        ends_with(&ledger, EntryKind::KernelDrop, "UDP port 9987: why (SECURITY_HOOK)", 12_000);
    }
}
