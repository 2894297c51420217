//! Packets that no rule's counter accounts for, by the difference of two counters on their way, and how many datagrams there
//! are to give to sockets.

use super::buckets::{Bucket, End, Entries, Recipient};
use super::guests::{Guests, Onward};
use super::receivers::{Receivers, UdpLosses};
use super::rules::{Booked, Hidden};
use super::{WindowEvidence, ends};
use crate::case::EntryKind;
use crate::probe::capture::output::Endpoint;
use crate::probe::firewall::{Firewall, Rule};
use crate::probe::kernel::KernelCounters;

/// Packets that may differ between two counters read at slightly different moments, beside a share of 2 %.
const EDGE: u64 = 50;

/// What the kernel drops for its source, as the account calls it.
const MARTIANS: &str = "dropped by the kernel for an impossible source (martian)";

/// How many datagrams sockets got, and how many were refused because nobody listens. All the host's, of every interface:
/// an upper bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    pub delivered: u64,
    pub refused: u64,
    /// Dropped because their checksum was wrong; few are none.
    pub broken: u64,
}

fn with_edge(packets: u64) -> u64 {
    packets + packets / 50 + EDGE
}

impl Allowance {
    /// From the protocol's counters; without bound where they could not be seen.
    pub fn of(kernel: Option<&KernelCounters>) -> Self {
        let bound = |figure: Option<u64>| figure.map_or(u64::MAX, with_edge);
        let Some(udp) = kernel.map(|kernel| &kernel.udp) else {
            return Allowance { delivered: u64::MAX, refused: u64::MAX, broken: 0 };
        };
        let refused = udp_losses(kernel).map_or(0, |losses| losses.refused);
        let lost = udp.rcvbuf_errors.unwrap_or(0) + udp.mem_errors.unwrap_or(0) + refused;
        Allowance {
            delivered: bound(udp.in_datagrams.map(|datagrams| datagrams + lost)),
            refused: bound(udp.no_ports),
            broken: udp.in_csum_errors.filter(|broken| *broken > EDGE).map_or(0, with_edge),
        }
    }
}

/// Why sockets lost datagrams. A few that a filter may have refused are the edge of the window.
pub(super) fn udp_losses(kernel: Option<&KernelCounters>) -> Option<UdpLosses> {
    let udp = &kernel?.udp;
    let full = udp.rcvbuf_errors? + udp.mem_errors.unwrap_or(0);
    let refused = udp.in_errors?.saturating_sub(full + udp.in_csum_errors?);
    Some(UdpLosses { full, refused: if refused > EDGE && refused > full / 50 { refused } else { 0 } })
}

/// Segments that filters of sockets or of their control groups refused: of what they dropped, what is no
/// datagram. A few are the edge of the window.
pub(super) fn filtered_segments(evidence: &WindowEvidence<'_>, datagrams: u64) -> u64 {
    let filtered = evidence.dropped_for("SOCKET_FILTER").saturating_sub(datagrams);
    if filtered > EDGE { with_edge(filtered) } else { 0 }
}

/// What only rules without a counter can have dropped. Never more than netfilter dropped: in this network namespace, or on the
/// whole machine where that is all that is known.
pub(super) fn unaccounted(
    evidence: &WindowEvidence<'_>,
    on_wire: u64,
    firewall: &Firewall,
    buckets: &[Bucket<'_>],
    heard: &dyn Fn(&Endpoint) -> bool,
    booked: Booked,
) -> Hidden {
    let Some(kernel) = evidence.kernel else {
        return Hidden::default();
    };
    let counted = |hooks: &[&str]| -> u64 {
        let hooked = |rule: &&Rule| rule.hook.as_deref().is_some_and(|hook| hooks.contains(&hook));
        let drops = firewall.rules.iter().filter(|rule| rule.drops && rule.counter_exact).filter(hooked);
        drops.filter_map(|rule| rule.packets).sum()
    };
    let most = match evidence.netfilter_drops() {
        Some(dropped) if evidence.drops_are_of_here() => {
            let all = firewall.rules.iter().filter(|rule| rule.drops && rule.counter_exact);
            let known: u64 = all.filter_map(|rule| rule.packets).sum::<u64>() + booked.by_netfilter;
            // A few are the edge of the window.
            if dropped > with_edge(known) { dropped - known } else { 0 }
        }
        // What netfilter dropped on the machine where nothing can drop here is of other network namespaces.
        dropped if ends::may_drop(firewall) => dropped.unwrap_or(u64::MAX),
        _ => 0,
    };
    let ip6_receives = kernel.ip6.as_ref().and_then(|ip6| ip6.in_receives).unwrap_or(0);
    let received = kernel.ip.in_receives.map(|ip4| ip4 + ip6_receives);
    let before_ip = received
        .map_or(0, |received| on_wire.saturating_sub(with_edge(received) + counted(&["ingress"]) + booked.at_ingress));
    let waited: u64 = buckets
        .iter()
        .filter(|bucket| {
            bucket.protocol() == Some("udp") && matches!(bucket.recipient, Recipient::Endpoint(e) if heard(e))
        })
        .map(|bucket| bucket.packets)
        .sum();
    let forward = never_sent(evidence, kernel);
    // Where what is sent on is counted before the forward hook, what rules drop there is no part of the difference.
    let before_forward: &[&str] =
        if forward.is_some() { &["prerouting", "input"] } else { &["prerouting", "input", "forward"] };
    let behind_ip = behind_ip(kernel).saturating_sub(counted(before_forward) + booked.behind_ip);
    // Some packets are unaccounted for, so those that the counters missed at the edges of their windows are, too.
    let roughly = |packets: u64| if packets > EDGE { with_edge(packets) } else { packets };
    Hidden {
        before_ip: before_ip.min(most),
        behind_ip: roughly(behind_ip.min(most)),
        behind_ip_otherwise: behind_ip.saturating_sub(most),
        forward: forward.map(|forward| roughly(forward.saturating_sub(counted(&["forward"])))),
        undelivered_udp: waited.saturating_sub(Allowance::of(Some(kernel)).delivered),
    }
}

/// Packets that were to be sent on and left by no interface; none where the kernel does not count what leaves, and counts
/// what is sent on only behind the firewall.
fn never_sent(evidence: &WindowEvidence<'_>, kernel: &KernelCounters) -> Option<u64> {
    let lost = |forwarded: Option<u64>, transmits: Option<u64>, requests: Option<u64>| {
        let (forwarded, sent_on) = (forwarded?, transmits?.saturating_sub(requests?));
        Some(forwarded.saturating_sub(sent_on + sent_on / 50))
    };
    let ip4 = lost(kernel.ip.forwarded, kernel.ip.out_transmits, kernel.ip.out_requests)?;
    let ip6 = kernel.ip6.as_ref();
    let ip6 = ip6.and_then(|ip6| lost(ip6.forwarded, ip6.out_transmits, ip6.out_requests)).unwrap_or(0);
    // What left by some interface was sent, whoever sent it: own packets that a rule dropped do not make others lost.
    let all = evidence.interfaces.interfaces.iter().filter(|interface| interface.link != "loopback");
    let left: u64 = all.filter_map(|interface| interface.tx.packets).sum();
    let forwarded = kernel.ip.forwarded.unwrap_or(0) + kernel.ip6.as_ref().and_then(|ip6| ip6.forwarded).unwrap_or(0);
    let own = kernel.ip.out_requests.unwrap_or(0);
    Some((ip4 + ip6).min(forwarded.saturating_sub(left.saturating_sub(own))))
}

/// Packets that the IP layer got and handed to nobody, without a counter that says why.
fn behind_ip(kernel: &KernelCounters) -> u64 {
    let ip4 = kernel.ip.residual.and_then(|residual| u64::try_from(residual).ok()).unwrap_or(0);
    let ip6 = kernel.ip6.as_ref().map_or(0, |ip6| {
        let gone = [
            ip6.forwarded,
            ip6.in_hdr_errors,
            ip6.in_addr_errors,
            ip6.in_unknown_protos,
            ip6.in_discards,
            ip6.in_no_routes,
        ];
        let delivered = ip6.in_delivers.unwrap_or(u64::MAX);
        let gone = gone.into_iter().flatten().fold(delivered, u64::saturating_add);
        ip6.in_receives.unwrap_or(0).saturating_sub(gone)
    });
    ip4 + ip6
}

/// Packets that the host sent on, beyond those for addresses that are not its own: their destination was translated. What
/// was sent on in the other direction and on other interfaces is among them: an upper bound.
pub(super) fn forwarded_by_translation(evidence: &WindowEvidence<'_>, buckets: &[Bucket<'_>], lost: u64) -> u64 {
    let Some(kernel) = evidence.kernel else { return 0 };
    let foreign = |bucket: &&Bucket<'_>| bucket.recipient == Recipient::Class(EntryKind::Forwarded);
    let foreign: u64 = buckets.iter().filter(foreign).map(|bucket| bucket.packets).sum();
    let ip6 = kernel.ip6.as_ref().and_then(|ip6| ip6.forwarded).unwrap_or(0);
    let forwarded = kernel.ip.forwarded.unwrap_or(0) + ip6;
    forwarded.saturating_sub(lost + foreign)
}

/// Books what came for a port where nothing of this host waits, as far as that many packets were sent on.
pub(super) fn book_translated(
    forwards: &mut u64,
    receivers: &Receivers<'_>,
    guests: &Guests<'_>,
    bucket: &mut Bucket<'_>,
    entries: &mut Entries,
) {
    let Recipient::Endpoint(endpoint) = bucket.recipient else { return };
    // A few are the edge of the window, and a host that refuses sends nothing on. A process may hold the port of a guest, so
    // that nobody else takes it: the translation comes before it.
    let to = bucket.inner.filter(|mapping| mapping.inner_is_local != Some(true));
    let refuses = to.is_none() && endpoint.tx_rst * 2 > endpoint.packets;
    let heard = to.is_none() && receivers.hears(endpoint);
    if *forwards < EDGE || bucket.packets == 0 || heard || refuses {
        return;
    }
    let allocation = bucket.allocate(with_edge(*forwards));
    *forwards = forwards.saturating_sub(allocation.packets);
    let onward = to.map(|_| guests.onward(endpoint, false));
    let mut label = translated_label(endpoint, onward);
    let guest = match onward {
        Some(Onward { address, port, .. }) => address.and_then(|address| guests.at(address, &endpoint.protocol, port)),
        None => guests.opened_from(endpoint).map(|(guest, address)| {
            label = format!(
                "forwarded to {address}, for connections that it opened ({})",
                endpoint.protocol.to_uppercase()
            );
            guest
        }),
    };
    if let Some(guest) = &guest {
        label = format!("{label}, {}", guest.label);
    }
    let (container, process) = guest.map_or((None, None), |guest| (Some(guest.name), guest.process));
    let end = End {
        label,
        protocol: Some(endpoint.protocol.clone()),
        address: Some(endpoint.address),
        port: endpoint.port,
        process,
        rule: None,
        container,
    };
    entries.book(EntryKind::Forwarded, end, allocation);
}

fn translated_label(endpoint: &Endpoint, onward: Option<Onward>) -> String {
    let port = |port: Option<u16>| port.map_or(String::new(), |port| format!(" port {port}"));
    let protocol = endpoint.protocol.to_uppercase();
    match onward {
        Some(onward) => {
            let from = endpoint.port.map_or(String::new(), |port| format!(" (published as port {port})"));
            let to =
                onward.address.map_or_else(|| format!("{} addresses", onward.addresses), |address| address.to_string());
            format!("forwarded to {to}, {protocol}{}{from}", port(onward.port))
        }
        None => format!("forwarded by address translation: {protocol}{}", port(endpoint.port)),
    }
}

/// Fragments that the kernel has not put together; without bound where its counters could not be seen.
pub(super) fn fragments_given_up(kernel: Option<&KernelCounters>) -> u64 {
    let Some(kernel) = kernel else { return u64::MAX };
    let ip6 = kernel.ip6.as_ref();
    let sum = |ip4: Option<u64>, ip6: Option<u64>| ip4.unwrap_or(0) + ip6.unwrap_or(0);
    let required = sum(kernel.ip.reasm_required, ip6.and_then(|ip6| ip6.reasm_required));
    // Each packet that was put together took two fragments at least.
    required.saturating_sub(2 * sum(kernel.ip.reasm_ok, ip6.and_then(|ip6| ip6.reasm_ok)))
}

/// Books fragments that nobody got because the rest of their packet never came.
pub(super) fn book_fragments(given_up: &mut u64, bucket: &mut Bucket<'_>, entries: &mut Entries) {
    let Recipient::Endpoint(endpoint) = bucket.recipient else { return };
    let most = bucket.standing_for(endpoint.fragments).min(*given_up);
    if most == 0 || bucket.packets == 0 {
        return;
    }
    let allocation = bucket.allocate(most);
    *given_up -= allocation.packets.min(*given_up);
    let end = End {
        label: format!("fragments of {} that were never put together", endpoint.protocol.to_uppercase()),
        protocol: Some(endpoint.protocol.clone()),
        address: Some(endpoint.address),
        port: endpoint.port,
        ..End::default()
    };
    entries.book(EntryKind::Kernel, end, allocation);
}

/// Books packets from sources that no packet may bear, which the kernel drops before it looks for a receiver: at most as
/// many as its IP layer got and handed to nobody. Gives how many they were.
pub(super) fn book_martians(evidence: &WindowEvidence<'_>, buckets: &mut [Bucket<'_>], entries: &mut Entries) -> u64 {
    let Some(kernel) = evidence.kernel else { return 0 };
    let ip6 = kernel.ip6.as_ref();
    let refused6 = ip6.map_or(0, |ip6| ip6.in_hdr_errors.unwrap_or(0) + ip6.in_addr_errors.unwrap_or(0));
    let gone = behind_ip(kernel) + refused6;
    let most = if gone > 0 { with_edge(gone) } else { 0 };
    let mut left = most;
    for bucket in buckets {
        let Recipient::Endpoint(endpoint) = bucket.recipient else { continue };
        let allocation = bucket.allocate(bucket.standing_for(endpoint.impossible_sources).min(left));
        left -= allocation.packets.min(left);
        let end = End {
            label: MARTIANS.to_owned(),
            protocol: Some(endpoint.protocol.clone()),
            address: Some(endpoint.address),
            port: endpoint.port,
            ..End::default()
        };
        entries.book(EntryKind::KernelDrop, end, allocation);
    }
    most - left
}

/// Books what the reverse path filter dropped, on what was never answered: a host does not know what it does not let in.
pub(super) fn book_filtered(kernel: Option<&KernelCounters>, buckets: &mut [Bucket<'_>], entries: &mut Entries) {
    let mut left = kernel.and_then(|kernel| kernel.ip.reverse_path_filtered).unwrap_or(0);
    let mut silent: Vec<&mut Bucket<'_>> = buckets
        .iter_mut()
        .filter(|bucket| match bucket.recipient {
            Recipient::Endpoint(endpoint) => endpoint.address.is_ipv4() && endpoint.tx_packets * 2 < endpoint.packets,
            Recipient::OtherEndpoints(_) => true,
            Recipient::Class(kind) => kind == EntryKind::Forwarded,
        })
        .collect();
    silent.sort_by_key(|bucket| std::cmp::Reverse(bucket.packets));
    for bucket in silent {
        let allocation = bucket.allocate(left.min(bucket.packets));
        left -= allocation.packets.min(left);
        let protocol = bucket.protocol().map(str::to_owned);
        let end = End { label: "dropped by the reverse path filter".to_owned(), protocol, ..End::default() };
        entries.book(EntryKind::KernelDrop, end, allocation);
    }
}
