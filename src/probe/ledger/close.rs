//! Closing the books: from the evidence of one window to the account.

use super::pots::{End, Entries, Portion, Scale, Whose, pots};
use super::receivers::{Receivers, book_others};
use super::rules;
use super::{Books, Ledger, Shares};
use crate::case::{Account, Entry, EntryKind, Gap, Reason};
use crate::probe::capture::Capture;
use crate::probe::firewall::{Firewall, Rule};
use crate::units;

/// Figures of two sources that differ by more than this share are said to disagree.
const TOLERANCE: f64 = 0.02;
/// Bytes below which a difference is no disagreement but the edge of a window.
const EDGE: f64 = 20_000.0;

/// Draws up the account.
pub(super) fn close(books: &Books<'_>) -> Result<Ledger, Gap> {
    let watched = &books.interfaces.watched;
    let (Some(bytes), Some(packets)) = (watched.rx.bytes, watched.rx.packets) else {
        return Err(Gap::new(
            Reason::Malformed,
            format!("account for the bytes of {}", watched.name),
            "its counters went backwards within the window",
        )
        .way_out("run it again"));
    };
    let capture = books.capture.filter(|capture| capture.interface.as_deref() == Some(watched.name.as_str()));
    let mut disagreements = Vec::new();
    let mut entries = Entries::default();
    match capture {
        Some(capture) => by_capture(books, capture, (packets, bytes), &mut entries, &mut disagreements),
        None => by_sockets(books, &mut entries),
    }
    let entries = entries.settle(bytes);
    let explained: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let unexplained = bytes - explained.min(bytes);
    let account = Account {
        interface: watched.name.clone(),
        bytes,
        packets,
        seconds: books.interfaces.seconds,
        unexplained_bytes: unexplained,
        unexplained_share: (bytes > 0).then(|| unexplained as f64 / bytes as f64),
        entries,
        disagreements,
    };
    Ok(Ledger { shares: shares(&account.entries), top: account.entries.first().cloned(), account })
}

fn by_capture(
    books: &Books<'_>,
    capture: &Capture,
    counted: (u64, u64),
    entries: &mut Entries,
    disagreements: &mut Vec<String>,
) {
    let scale = scale(capture, counted, disagreements);
    let mut pots = pots(capture, scale);
    let receivers = books.sockets.map(Receivers::new);
    if let Some(firewall) = books.firewall {
        let heard = |endpoint: &_| receivers.as_ref().is_some_and(|receivers| receivers.hears(endpoint));
        let interface = &books.interfaces.watched.name;
        rules::book(firewall, capture, interface, &mut pots, &heard, entries);
        let hidden = hidden_drops(books, firewall);
        rules::book_uncounted(firewall, capture, interface, hidden, &mut pots, &heard, entries);
    }
    let Some(receivers) = receivers else {
        for pot in pots.iter_mut().filter(|pot| matches!(pot.whose, Whose::Class(_))) {
            let nobody = Receivers::nobody();
            nobody.book(pot, entries);
        }
        return;
    };
    let mut unheard_udp = 0;
    for pot in &mut pots {
        let packets = pot.packets;
        let is_unheard_udp = matches!(pot.whose, Whose::Endpoint(e) if e.protocol == "udp" && !receivers.hears(e));
        receivers.book(pot, entries);
        if is_unheard_udp {
            unheard_udp += packets;
        }
    }
    for pot in &mut pots {
        let noticed = if pot.protocol() == Some("udp") { unheard_udp } else { 0 };
        book_others(books.kernel, noticed, pot, entries);
    }
}

/// Packets that the IP layer got and handed to nobody, without a rule that counted them: what rules without counters
/// can have dropped. Never more than netfilter dropped on the whole machine.
fn hidden_drops(books: &Books<'_>, firewall: &Firewall) -> u64 {
    let Some(kernel) = books.kernel else { return 0 };
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
    let inbound = |rule: &&Rule| matches!(rule.hook.as_deref(), Some("prerouting" | "input" | "forward"));
    let counted: u64 = firewall
        .rules
        .iter()
        .filter(|rule| rule.drops && rule.counter_exact)
        .filter(inbound)
        .filter_map(|rule| rule.packets)
        .sum();
    (ip4 + ip6).saturating_sub(counted).min(books.netfilter_drops.unwrap_or(u64::MAX))
}

/// How the capture's figures become the interface's, and what is said where they differ.
fn scale(capture: &Capture, (packets, bytes): (u64, u64), disagreements: &mut Vec<String>) -> Scale {
    // The interface counts tags that the kernel takes off before the capture sees the frame; loopback counts no link headers.
    let uncounted = if capture.link == "loopback" { capture.rx.link_header_bytes } else { 0 };
    let seen = (capture.rx.bytes + capture.vlan.stripped_tag_bytes - uncounted.min(capture.rx.bytes)) as f64;
    let counted = bytes as f64;
    let mut scale = Scale { with_merged_headers: false, factor: 1.0 };
    let merged = capture.gso.merged_header_bytes as f64;
    if merged > 0.0 && counted - seen > merged / 2.0 {
        scale.with_merged_headers = true;
    }
    let whole = if scale.with_merged_headers { seen + merged } else { seen };
    let lost = capture.ring.map_or(0, |ring| ring.dropped);
    if whole <= 0.0 {
        return scale;
    }
    if lost > 0 || capture.sampled > 1 {
        scale.factor = counted / whole;
        disagreements.push(format!(
            "the capture saw {} of the {} that the interface counted ({} packets were lost or passed over); its figures are scaled up",
            units::bytes(whole),
            units::bytes(counted),
            units::count(packets.saturating_sub(capture.rx.packets) as f64),
        ));
    } else {
        if whole > counted {
            scale.factor = counted / whole;
        }
        if (whole - counted).abs() > counted.max(whole) * TOLERANCE && (whole - counted).abs() > EDGE {
            disagreements.push(format!(
                "the interface counted {}, the capture saw {}: what the capture does not see is dropped before it (XDP, \
                 hardware) or belongs to another moment",
                units::bytes(counted),
                units::bytes(whole),
            ));
        }
    }
    scale
}

/// Without a capture only what TCP sockets received can be told, and only its payload.
fn by_sockets(books: &Books<'_>, entries: &mut Entries) {
    for traffic in books.sockets.iter().filter_map(|sockets| sockets.processes.as_ref()).flatten() {
        let bytes = traffic.rx_bytes.unwrap_or(0).saturating_sub(traffic.local_rx_bytes.unwrap_or(0));
        let end = End {
            label: traffic.process.to_string(),
            protocol: Some("tcp".into()),
            process: Some(traffic.process.clone()),
            ..End::default()
        };
        entries.book(EntryKind::Process, end, Portion { packets: 0, bytes: bytes as f64 });
    }
}

fn shares(entries: &[Entry]) -> Shares {
    let mut shares = Shares::default();
    for entry in entries {
        let sum = match entry.kind {
            EntryKind::Process | EntryKind::UnseenOwner => &mut shares.process,
            EntryKind::FirewallRule => &mut shares.firewall_rule,
            EntryKind::KernelDrop => &mut shares.kernel_drop,
            EntryKind::NoListener => &mut shares.no_listener,
            EntryKind::SocketFull => &mut shares.socket_full,
            EntryKind::Kernel => &mut shares.kernel,
            EntryKind::Forwarded => &mut shares.forwarded,
            EntryKind::NotForUs => &mut shares.not_for_us,
            EntryKind::Broadcast => &mut shares.broadcast,
            EntryKind::Multicast => &mut shares.multicast,
            EntryKind::NonIp => &mut shares.non_ip,
        };
        *sum += entry.share;
    }
    shares
}
