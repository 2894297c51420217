//! The other side of the account: what left by the watched interfaces, by who sent it, and what was to leave and did not.

use std::collections::BTreeMap;

use super::buckets::{Allocation, End, Entries, Scale};
use super::counted::Counted;
use super::edge::{Direction, EDGE, LATE, Part, SAMPLED, TOLERANCE, part_watched};
use super::guests::Guests;
use super::senders::{Holders, Sender, Sent, either, senders};
use super::{Ledger, OutboundShares, WindowEvidence};
use crate::case::{CameBy, Entry, EntryKind, Gap, LostOnTheWay, Outbound, Reason};
use crate::probe::capture::Capture;
use crate::probe::capture::output::{IcmpType, SentParts};
use crate::probe::drops::DropPlace;
use crate::probe::interfaces::Interface;
use crate::units;

/// Places of loss in the list.
const LOST: usize = 16;

/// Why an interface sends more than a capture sees.
const PAST_THE_CAPTURE: &str = "no capture sees what an XDP program sends back, what a packet socket sends past the queues \
                                (PACKET_QDISC_BYPASS, AF_XDP), and what a card sends by itself";

/// What left, and who sent it.
struct Side {
    account: Outbound,
    past_the_capture: f64,
    senders: Option<Vec<Sender>>,
}

/// Draws up the account of what left, beside that of what came in.
pub(super) fn add(evidence: &WindowEvidence<'_>, ledger: &mut Ledger) -> Result<(), Gap> {
    let counted = Counted::of(evidence.interfaces, evidence.capture);
    if let Some(Side { account, past_the_capture, senders }) = outbound(evidence, &counted, &Guests::of(evidence))? {
        ledger.outbound_shares = Some(OutboundShares { past_the_capture, ..shares(&account.entries) });
        ledger.outbound_top = account.entries.first().cloned();
        ledger.senders = senders;
        ledger.account.outbound = Some(account);
    }
    Ok(())
}

fn shares(entries: &[Entry]) -> OutboundShares {
    let mut shares = OutboundShares::default();
    for entry in entries {
        let sum = match entry.kind {
            EntryKind::Process | EntryKind::UnseenOwner => &mut shares.process,
            EntryKind::Answer => &mut shares.answer,
            EntryKind::SentAgain => &mut shares.sent_again,
            EntryKind::Forwarded => &mut shares.forwarded,
            _ => &mut shares.kernel,
        };
        *sum += entry.share;
    }
    shares
}

fn outbound(evidence: &WindowEvidence<'_>, counted: &[Counted<'_>], guests: &Guests<'_>) -> Result<Option<Side>, Gap> {
    let parts = evidence.capture.and_then(|capture| capture.sent.as_ref()?.parts.as_ref());
    // Older records do not tell apart who sent.
    if evidence.capture.is_some() && parts.is_none() {
        return Ok(None);
    }
    let interfaces: Vec<&Interface> = counted.iter().filter_map(|of| of_name(evidence, of.name)).collect();
    let sum = |of: fn(&Interface) -> Option<u64>| interfaces.iter().map(|interface| of(interface)).sum::<Option<u64>>();
    let (Some(bytes), Some(packets)) = (sum(|interface| interface.tx.bytes), sum(|interface| interface.tx.packets))
    else {
        return Err(Gap::new(
            Reason::Malformed,
            "account for the bytes that were sent",
            "the counters of what was sent went backwards within the window",
        )
        .to_fix("run it again"));
    };
    let mut disagreements = Vec::new();
    let mut entries = Entries::default();
    let (mut sent, mut past) = (Vec::new(), 0.0);
    match evidence.capture.zip(parts) {
        Some((capture, parts)) => {
            let scale = scale(evidence, capture, parts, (packets, bytes), &interfaces, &mut disagreements);
            book_kernel(parts, scale, evidence, &mut entries);
            let mut holders = Holders::of(evidence, capture, scale);
            holders.book(parts, guests, &mut entries);
            sent = holders.sent;
            let unseen = past_the_capture(capture, parts, &scale, (packets, bytes));
            past = book_past_the_capture(unseen, evidence, &interfaces, &mut sent, &mut entries);
        }
        None => by_sockets(evidence, &mut entries),
    }
    let mut entries = entries.settle(bytes);
    guests.name_containers_here(&mut entries);
    let explained: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let unexplained = bytes - explained.min(bytes);
    let received = Counted::sum(counted).map(|(_, bytes)| bytes);
    let ever =
        |of: fn(&Interface) -> u64| interfaces.iter().fold(0u64, |sum, interface| sum.saturating_add(of(interface)));
    let (ever_sent, ever_received) = (ever(|of| of.since_boot.tx_bytes), ever(|of| of.since_boot.rx_bytes));
    let ratio = |sent: u64, received: u64| (received > 0).then(|| sent as f64 / received as f64);
    let account = Outbound {
        interfaces: left_by(&interfaces, counted, bytes),
        bytes,
        packets,
        unexplained_bytes: unexplained,
        unexplained_share: (bytes > 0 && parts.is_some()).then(|| unexplained as f64 / bytes as f64),
        entries,
        lost: lost(evidence, &interfaces),
        ratio: received.and_then(|received| ratio(bytes, received)),
        ratio_since_boot: ratio(ever_sent, ever_received),
        since_boot_bytes: ever_sent,
        disagreements,
    };
    let senders = parts.map(|_| senders(sent, bytes, evidence, guests));
    let past_the_capture = if bytes > 0 { past / bytes as f64 } else { 0.0 };
    Ok(Some(Side { account, past_the_capture, senders }))
}

/// Why it is not known of some senders what came back to them: more ports sent than there is room for.
pub(super) fn unlisted(capture: Option<&Capture>) -> Option<Gap> {
    let others = &capture?.sent.as_ref()?.parts.as_ref()?.others;
    let packets: u64 = others.iter().filter(|of| of.rx_rst.is_none()).map(|of| of.packets).sum();
    (packets > 0).then(|| {
        let why =
            format!("more ports sent than there is room for: {} packets left from them", units::count(packets as f64));
        Gap::new(Reason::Failed, "tell what came back to each port that sent", why)
            .to_fix("watch for a shorter time, or one interface")
    })
}

/// The interface of that name.
fn of_name<'a>(evidence: &WindowEvidence<'a>, name: &str) -> Option<&'a Interface> {
    let watched = Some(&evidence.interfaces.watched).filter(|watched| watched.name == name);
    watched.or_else(|| evidence.interfaces.interfaces.iter().find(|interface| interface.name == name))
}

fn left_by(interfaces: &[&Interface], counted: &[Counted<'_>], bytes: u64) -> Vec<CameBy> {
    let mut left: Vec<CameBy> = interfaces
        .iter()
        .map(|interface| CameBy {
            interface: interface.name.clone(),
            bytes: interface.tx.bytes.unwrap_or(0),
            packets: interface.tx.packets.unwrap_or(0),
            share: if bytes == 0 { 0.0 } else { interface.tx.bytes.unwrap_or(0) as f64 / bytes as f64 },
            way: counted.iter().find(|of| of.name == interface.name).map_or(&[][..], |of| of.way).to_vec(),
        })
        .collect();
    left.sort_by_key(|of| std::cmp::Reverse(of.bytes));
    left
}

/// How the capture's bytes become those that the interfaces counted. The kernel cuts large packets into segments behind the
/// capture: some drivers count the headers of each, some only what they were handed.
fn scale(
    evidence: &WindowEvidence<'_>,
    capture: &Capture,
    parts: &SentParts,
    (packets, bytes): (u64, u64),
    interfaces: &[&Interface],
    disagreements: &mut Vec<String>,
) -> Scale {
    let (seen, counted) = (capture.tx.bytes as f64, bytes as f64);
    let watched = &evidence.interfaces.watched;
    let outward = Direction {
        names: interfaces.iter().map(|interface| interface.name.as_str()).collect(),
        bytes: counted,
        by_capture: &parts.left,
        flow: |interface| &interface.tx,
        rate: |sample| sample.tx_bits_per_second,
    };
    let part = part_watched(capture, watched, evidence.interfaces.seconds, &outward);
    let merged = parts.merged_header_bytes as f64;
    let with_merged_headers = merged > 0.0 && part.of(counted) - seen > merged / 2.0;
    let whole = if with_merged_headers { seen + merged } else { seen };
    let mut scale = Scale {
        with_merged_headers,
        left_out_of_each: 0.0,
        factor: 1.0,
        in_time: 1.0,
        unsure: false,
        packets_factor: 1.0,
    };
    if whole <= 0.0 {
        if bytes > 0 && part != Part::Unknown && counted > EDGE {
            disagreements.push(format!("{}: {PAST_THE_CAPTURE}", seen_of(bytes, packets, 0.0)));
        }
        return scale;
    }
    let lost = capture.ring.map_or(0, |ring| ring.dropped);
    let sampled = capture.sampled > 1 || lost > 0;
    let unseen = part.of(counted) - whole;
    let edge = part.edge(capture, watched.tx.peak_bits_per_second.unwrap_or(0.0), evidence.interfaces.seconds);
    let contradicted = matches!(part, Part::Some(_)) && unseen < -counted * LATE;
    scale.unsure = part == Part::Unknown || contradicted;
    if lost > 0
        || (unseen <= edge.min(counted * LATE) && !contradicted)
        || (capture.sampled > 1 && unseen <= counted * SAMPLED)
    {
        scale.factor = counted / whole;
    } else if let (Part::Some(part), false) = (part, contradicted) {
        scale.in_time = 1.0 / part;
        scale.factor = scale.in_time;
    }
    let looked_at = if with_merged_headers { capture.tx.wire_packets } else { capture.tx.packets };
    scale.packets_factor = match sampled && scale.factor != 1.0 && looked_at > 0 && packets > 0 {
        true => packets as f64 / looked_at as f64,
        false => scale.factor,
    };
    if capture.sampled > 1 {
        disagreements
            .push(format!("the capture looked at one packet of {}: its figures are estimates", capture.sampled));
    }
    let seen = || seen_of(bytes, packets, whole);
    let is_much = |bytes: f64| bytes.abs() > counted.max(whole) * TOLERANCE && bytes.abs() > EDGE;
    if !sampled && scale.factor > 1.0 && is_much(counted - whole) {
        disagreements.push(format!("{}: what was sent while nothing was watched is taken to be like the rest", seen()));
    }
    if !sampled && scale.factor == scale.in_time && is_much(unseen) {
        disagreements.push(if scale.unsure {
            format!(
                "{}: it watched for {} of {}, and how much was sent meanwhile is not told by the interface",
                seen(),
                units::span(capture.seconds),
                units::span(evidence.interfaces.seconds)
            )
        } else if unseen > 0.0 {
            format!("{}: {PAST_THE_CAPTURE}", seen())
        } else {
            format!("{}: what the driver did not send is in no counter of it, or belongs to another moment", seen())
        });
    } else if !sampled && scale.factor < 1.0 && is_much(unseen) {
        disagreements.push(format!(
            "{}: what the driver did not send is in no counter of it, or belongs to another moment",
            seen()
        ));
    }
    scale
}

fn seen_of(bytes: u64, packets: u64, whole: f64) -> String {
    format!(
        "the interfaces sent {} in {} packets, the capture saw {}",
        units::bytes(bytes as f64),
        units::count(packets as f64),
        units::bytes(whole),
    )
}

/// What left and the capture did not see, while it lost nothing and watched all the time.
fn past_the_capture(capture: &Capture, parts: &SentParts, scale: &Scale, (packets, bytes): (u64, u64)) -> Allocation {
    let lost = capture.sampled > 1 || capture.ring.is_some_and(|ring| ring.dropped > 0);
    let merged = if scale.with_merged_headers { parts.merged_header_bytes } else { 0 };
    let unseen = bytes as f64 - (capture.tx.bytes + merged) as f64 * scale.in_time;
    match !lost && !scale.unsure && scale.factor == scale.in_time && unseen > EDGE && unseen > bytes as f64 * TOLERANCE
    {
        true => Allocation {
            packets: packets.saturating_sub((capture.tx.packets as f64 * scale.in_time) as u64),
            bytes: unseen,
        },
        false => Allocation { packets: 0, bytes: 0.0 },
    }
}

/// Books what no capture saw on who may send past it: packet sockets, where no XDP program can have sent it back. Gives the bytes
/// that were booked.
fn book_past_the_capture(
    unseen: Allocation,
    evidence: &WindowEvidence<'_>,
    interfaces: &[&Interface],
    sent: &mut Vec<Sent<'_>>,
    entries: &mut Entries,
) -> f64 {
    let holders = super::senders::holders_below(evidence, |socket| socket.kind == "packet");
    if unseen.bytes <= 0.0 || holders.is_empty() || interfaces.iter().any(|of| of.xdp_program.is_some()) {
        return 0.0;
    }
    let label = format!("past the queues, where no capture sees it, possibly of {}", either(&holders));
    let end = End { label, ..End::default() };
    sent.push(Sent::past_the_capture(end.clone(), unseen));
    entries.book(EntryKind::UnseenOwner, end, unseen);
    unseen.bytes
}

/// Books what the kernel sends of itself: ARP, ICMP by type.
fn book_kernel(parts: &SentParts, scale: Scale, evidence: &WindowEvidence<'_>, entries: &mut Entries) {
    let scaled = |packets: u64, bytes: u64| scale.sent(packets, bytes);
    for (label, count) in [("ARP", parts.arp), ("other protocols that are not IP", parts.no_ip)] {
        let end = End { label: label.to_owned(), ..End::default() };
        entries.book(EntryKind::NonIp, end, scaled(count.packets, count.bytes));
    }
    for kind in &parts.icmp {
        let (entry, end) = of_icmp(kind, evidence);
        entries.book(entry, end, scaled(kind.packets, kind.bytes));
    }
}

/// What makes the kernel send ICMP of a type, or who sends it.
fn of_icmp(kind: &IcmpType, evidence: &WindowEvidence<'_>) -> (EntryKind, End) {
    let v6 = kind.family == "ipv6";
    let protocol = Some(if v6 { "icmpv6" } else { "icmp" }.to_owned());
    let end = |label: String| End { label, protocol: protocol.clone(), ..End::default() };
    let is_error = if v6 { (1..=4).contains(&kind.kind) } else { matches!(kind.kind, 3 | 4 | 5 | 11 | 12) };
    let is_reply = kind.kind == if v6 { 129 } else { 0 };
    let is_request = kind.kind == if v6 { 128 } else { 8 };
    if is_error {
        let label = format!("ICMP errors, answers to what came in ({})", kind.name);
        return (EntryKind::Answer, end(label));
    }
    if is_reply {
        return (EntryKind::Answer, end("ICMP echo replies, answers to pings".to_owned()));
    }
    if is_request {
        let mut holders = super::senders::holders_below(evidence, |socket| {
            socket.kind == "ping"
                || matches!((socket.kind.as_str(), socket.number), ("raw", 1 | 58 | 255) | ("packet", _))
        });
        return match (holders.len(), holders.pop()) {
            (1, Some(process)) => {
                let end = End { process: Some(process.clone()), ..end(format!("{process}, ICMP echo requests")) };
                (EntryKind::Process, end)
            }
            _ => (EntryKind::UnseenOwner, end("ICMP echo requests of processes that were not seen".to_owned())),
        };
    }
    let label = match v6 && matches!(kind.kind, 130..=137 | 143) {
        true => "the kernel (neighbour discovery, multicast groups)".to_owned(),
        false => format!("ICMP ({})", kind.name),
    };
    (EntryKind::Kernel, end(label))
}

/// Without a capture only what TCP sockets sent to others can be told, and only its payload.
fn by_sockets(evidence: &WindowEvidence<'_>, entries: &mut Entries) {
    let own = |address: std::net::IpAddr| {
        let interfaces = evidence.interfaces.interfaces.iter().flat_map(|interface| &interface.addresses);
        address.is_loopback() || interfaces.into_iter().any(|of| of.address == address.to_canonical())
    };
    let connections = evidence.sockets.iter().flat_map(|sockets| &sockets.connections);
    for connection in connections.filter(|connection| !own(connection.remote_address)) {
        let Some(process) = &connection.process else { continue };
        let end = End {
            label: process.to_string(),
            protocol: Some("tcp".into()),
            process: Some(process.clone()),
            ..End::default()
        };
        let bytes = connection.tx_bytes.unwrap_or(0) as f64;
        entries.book(EntryKind::Process, end, Allocation { packets: 0, bytes });
    }
}

/// What was to leave by the interfaces and did not, most packets first.
fn lost(evidence: &WindowEvidence<'_>, interfaces: &[&Interface]) -> Vec<LostOnTheWay> {
    let mut lost: Vec<LostOnTheWay> = Vec::new();
    let nothing = LostOnTheWay {
        label: String::new(),
        kind: String::new(),
        packets: 0,
        bytes: None,
        interface: None,
        rule: None,
        reason: None,
    };
    for interface in interfaces {
        let of = [
            (
                "queue",
                interface.queue_dropped,
                format!("the queue of {} dropped them (its queueing discipline)", interface.name),
            ),
            ("device", interface.tx.dropped, format!("the driver of {} did not send them", interface.name)),
        ];
        for (kind, packets, label) in of {
            lost.extend(packets.filter(|packets| *packets > 0).map(|packets| LostOnTheWay {
                label,
                kind: kind.to_owned(),
                packets,
                interface: Some(interface.name.clone()),
                ..nothing.clone()
            }));
        }
    }
    let queued = lost.iter().any(|of| of.kind == "queue");
    let leaves = |hook: &String| matches!(hook.as_str(), "output" | "postrouting" | "egress");
    let rules = evidence.firewall.iter().flat_map(|firewall| &firewall.rules);
    for rule in
        rules.filter(|rule| rule.drops && rule.counter_exact && !rule.hooks.is_empty() && rule.hooks.iter().all(leaves))
    {
        lost.extend(rule.packets.filter(|packets| *packets > 0).map(|packets| LostOnTheWay {
            label: rule.name.clone(),
            kind: "firewall_rule".to_owned(),
            packets,
            bytes: rule.bytes,
            rule: Some(rule.name.clone()),
            ..nothing.clone()
        }));
    }
    let ruled = lost.iter().any(|of| of.kind == "firewall_rule");
    let places = evidence.drops.and_then(|drops| drops.places.as_ref()).into_iter().flatten();
    let on_its_way = |place: &&DropPlace| {
        place.namespace.as_deref() == Some("this")
            && place.direction != "in"
            && place.interface.as_deref() != Some("lo")
            // Many of these are no loss at all.
            && place.reason != "NOT_SPECIFIED"
            && !(queued && place.reason == "QDISC_DROP")
            && !(ruled && place.reason == "NETFILTER_DROP")
    };
    // Each connection that fails has a port of its own.
    let mut alike: BTreeMap<_, Vec<&DropPlace>> = BTreeMap::new();
    for place in places.filter(on_its_way) {
        let key = (place.reason.as_str(), place.interface.as_deref(), place.protocol.as_deref());
        alike.entry(key).or_default().push(place);
    }
    for ((reason, interface, protocol), places) in alike {
        let from = match places.iter().filter_map(|place| place.port).collect::<Vec<_>>()[..] {
            [] => String::new(),
            [port] => format!(" from port {port}"),
            ref ports => format!(" from {} ports", ports.len()),
        };
        let what = protocol.map_or(String::new(), |protocol| format!(", {}{from}", protocol.to_uppercase()));
        let sum = |of: fn(&DropPlace) -> u64| places.iter().map(|place| of(place)).fold(0, u64::saturating_add);
        lost.push(LostOnTheWay {
            label: format!("{} ({reason}){what}", places[0].meaning),
            kind: "kernel".to_owned(),
            packets: evidence.of_window(sum(|place| place.packets)),
            bytes: Some(evidence.of_window(sum(|place| place.bytes))),
            interface: interface.map(str::to_owned),
            reason: Some(reason.to_owned()),
            ..nothing.clone()
        });
    }
    lost.sort_by_key(|of| std::cmp::Reverse(of.packets));
    lost.truncate(LOST);
    lost
}

#[cfg(test)]
mod tests;
