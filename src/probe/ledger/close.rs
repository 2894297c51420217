//! From the evidence of one window to the account.

use super::buckets::{Allocation, Bucket, End, Entries, Recipient, Scale, buckets};
use super::counted::{Counted, came_by};
use super::edge::{Direction, EDGE, LATE, Part, SAMPLED, TOLERANCE, part_watched};
use super::framing::LeftOut;
use super::guests::Guests;
use super::places::Places;
use super::receivers::{Receivers, book_others};
use super::rules::Booked;
use super::{Ledger, Redirected, Shares, WindowEvidence, ends, framing, groups, rules, unaccounted, untaken};
use crate::case::{Account, Entry, EntryKind, Gap, Reason};
use crate::probe::capture::Capture;
use crate::probe::conntrack::Mapping;
use crate::probe::interfaces::{Interface, Interfaces};
use crate::probe::kernel::KernelCounters;
use crate::units;

/// Redirected ports in the list.
const REDIRECTED: usize = 64;

/// Ports in the list of those of which the takers are not known.
const GUESSED: usize = 3;

/// Draws up the account.
pub(super) fn close(evidence: &WindowEvidence<'_>) -> Result<Ledger, Gap> {
    let watched = &evidence.interfaces.watched;
    let counted = Counted::of(evidence.interfaces, evidence.capture);
    let Some((packets, bytes)) = Counted::sum(&counted) else {
        return Err(Gap::new(
            Reason::Malformed,
            format!("account for the bytes of {}", watched.name),
            "its counters went backwards within the window",
        )
        .to_fix("run it again"));
    };
    let capture = evidence.capture;
    let mut disagreements = Vec::new();
    let mut entries = Entries::default();
    let guests = Guests::of(evidence);
    match capture {
        Some(capture) => by_capture(evidence, capture, &counted, &guests, &mut entries, &mut disagreements),
        None => by_sockets(evidence, &mut entries),
    }
    let mut entries = entries.settle(bytes);
    guests.name_containers_here(&mut entries);
    let explained: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let unexplained = bytes - explained.min(bytes);
    let account = Account {
        interface: watched.name.clone(),
        interfaces: came_by(&counted, bytes),
        bytes,
        packets,
        seconds: evidence.interfaces.seconds,
        unexplained_bytes: unexplained,
        // Without a capture nobody has looked for the rest: that is not "unexplained", it is not known.
        unexplained_share: (bytes > 0 && capture.is_some()).then(|| unexplained as f64 / bytes as f64),
        entries,
        disagreements,
        outbound: None,
    };
    let mut receivers = groups::receivers(&account.entries, evidence.capture, evidence.sockets);
    for end in receivers.iter_mut().flat_map(|receiver| &mut receiver.hands_on_to) {
        end.container = guests.at(end.address, "tcp", Some(end.port)).map(|guest| guest.label);
    }
    Ok(Ledger {
        shares: shares(&account.entries),
        receivers,
        top: account.entries.first().cloned(),
        senders: None,
        outbound_shares: None,
        outbound_top: None,
        redirected: redirected(evidence.translations),
        account,
    })
}

/// The ports of this host that stand for others of its own.
fn redirected(translations: &[Mapping]) -> Vec<Redirected> {
    let here = |mapping: &&Mapping| mapping.kind != "source" && mapping.inner_is_local == Some(true);
    let ports = translations.iter().filter(here).filter_map(|mapping| {
        Some(Redirected {
            protocol: mapping.protocol.clone(),
            address: mapping.outer_address.to_string(),
            port: mapping.outer_port?,
            inner_port: mapping.inner_port?,
        })
    });
    ports.take(REDIRECTED).collect()
}

fn by_capture(
    evidence: &WindowEvidence<'_>,
    capture: &Capture,
    counted: &[Counted<'_>],
    guests: &Guests<'_>,
    entries: &mut Entries,
    disagreements: &mut Vec<String>,
) {
    let sum = Counted::sum(counted).unwrap_or_default();
    let scale = scale(capture, sum, counted, &evidence.interfaces.watched, evidence.interfaces.seconds, disagreements);
    for of in counted.iter().filter(|of| of.xdp_program.is_some()) {
        ends::book_xdp(of, scale, entries);
    }
    let others: Vec<Counted<'_>> = counted.iter().filter(|of| of.xdp_program.is_none()).copied().collect();
    book_overrun(evidence.kernel, &others, scale, entries);
    let mut buckets = buckets(capture, scale, evidence.translations);
    ends::book_strange_vlans(capture, &mut buckets, entries);
    untaken::book_untaken(evidence, capture, counted, &mut buckets, entries, disagreements);
    ends::book_guests(evidence.interfaces, guests, capture, scale, &mut buckets, entries);
    let joined = || evidence.kernel.and_then(|kernel| kernel.multicast_groups.as_ref()).into_iter().flatten();
    let receivers = evidence.sockets.map(|sockets| {
        let joined = joined().map(|group| group.address);
        Receivers::new(sockets)
            .with_groups(&capture.groups, scale.factor, joined)
            .with_translations(evidence.translations)
            .with_udp_losses(unaccounted::udp_losses(evidence.kernel))
    });
    let interfaces = interfaces_of(evidence.interfaces, counted);
    let places = Places::of(evidence, &interfaces);
    let classes = &capture.classes;
    let on_wire =
        classes.to_us.packets + classes.forwarded.packets + classes.broadcast.packets + classes.multicast.packets;
    let on_wire = scale.packets(on_wire);
    let at_ingress = ends::book_ingress(evidence, guests, on_wire, counted, &places, &mut buckets, entries);
    let mut never_sent = 0;
    let mut behind_ip = 0;
    if let Some(firewall) = evidence.firewall {
        let hears = |endpoint: &_| receivers.as_ref().is_some_and(|receivers| receivers.hears(endpoint));
        let before: Vec<u64> = buckets.iter().map(|bucket| bucket.packets).collect();
        rules::book(firewall, capture, &interfaces, &mut buckets, &hears, entries);
        let untracked = ends::book_untracked(evidence, &mut buckets, entries);
        let at_places = places.book_uncounted(firewall, &interfaces, &before, &mut buckets, entries);
        let martians = unaccounted::book_martians(evidence, &mut buckets, entries);
        unaccounted::book_filtered(evidence.kernel, &mut buckets, entries);
        let proxied = ends::book_proxied(evidence, &mut buckets, entries);
        let booked = Booked {
            at_ingress: at_ingress + at_places.at_ingress,
            behind_ip: martians + untracked + proxied + at_places.behind_ip,
            by_netfilter: untracked + at_places.by_netfilter,
        };
        let hidden = unaccounted::unaccounted(evidence, on_wire, firewall, &buckets, &hears, booked);
        never_sent = hidden.forward.unwrap_or(0);
        let surely = |endpoint: &_| receivers.as_ref().is_some_and(|receivers| receivers.surely_hears(endpoint));
        let hidden = rules::book_uncounted(firewall, capture, &interfaces, hidden, &mut buckets, &surely, entries);
        behind_ip = ends::book_by_unread_rules(evidence, hidden, &places, &mut buckets, entries);
    }
    places.book_others(&mut buckets, entries);
    ends::book_unknown_protocols(evidence, &mut buckets, entries);
    ends::book_not_sent_on(evidence, behind_ip, &mut buckets, entries);
    guests.book_routed(capture, &mut buckets, entries);
    let on_wire: u64 =
        buckets.iter().filter(|bucket| bucket.protocol() == Some("tcp")).map(|bucket| bucket.packets).sum();
    let got = evidence.kernel.and_then(|kernel| kernel.tcp.in_segs);
    let arrived = got.is_some_and(|got| got >= on_wire.saturating_sub(on_wire / 50));
    let receivers = receivers.map(|receivers| receivers.with_tcp_arrived(arrived));
    let Some(receivers) = receivers else {
        let nobody = Receivers::nobody();
        for bucket in buckets.iter_mut().filter(|bucket| matches!(bucket.recipient, Recipient::Class(_))) {
            nobody.book(bucket, entries);
        }
        return;
    };
    let refused = unaccounted::udp_losses(evidence.kernel).map_or(0, |losses| losses.refused);
    receivers.book_filtered_segments(unaccounted::filtered_segments(evidence, refused), &mut buckets, entries);
    let is_udp = |bucket: &Bucket<'_>| {
        bucket.protocol() == Some("udp") && matches!(bucket.recipient, Recipient::Endpoint(e) if e.port.is_some())
    };
    let mut forwards = unaccounted::forwarded_by_translation(evidence, &buckets, never_sent);
    for bucket in buckets.iter_mut().filter(|bucket| !is_udp(bucket)) {
        unaccounted::book_translated(&mut forwards, &receivers, guests, bucket, entries);
        receivers.book(bucket, entries);
    }
    say_what_is_guessed(&receivers, &buckets, disagreements);
    // What the protocol's own counters allow: nobody is given more datagrams than were delivered or refused.
    let mut allowance = unaccounted::Allowance::of(evidence.kernel);
    let mut udp: Vec<&mut Bucket<'_>> = buckets.iter_mut().filter(|bucket| is_udp(bucket)).collect();
    udp.sort_by_key(|bucket| std::cmp::Reverse(bucket.packets));
    for bucket in udp {
        let Recipient::Endpoint(endpoint) = bucket.recipient else { continue };
        if bucket.inner.is_some() {
            unaccounted::book_translated(&mut forwards, &receivers, guests, bucket, entries);
        }
        let refused = !receivers.hears(endpoint) && endpoint.tx_packets == 0;
        let left = if refused { &mut allowance.refused } else { &mut allowance.delivered };
        // The fragments of a datagram are one to the protocol.
        let datagrams =
            endpoint.packets.saturating_sub(endpoint.later_fragments) as f64 / endpoint.packets.max(1) as f64;
        let allowed = if datagrams > 0.0 { *left as f64 / datagrams } else { *left as f64 };
        let allocation = bucket.allocate(bucket.packets.min(allowed as u64));
        *left -= ((allocation.packets as f64 * datagrams).round() as u64).min(*left);
        let mut allowed = Bucket { packets: allocation.packets, bytes: allocation.bytes, ..bucket.clone() };
        receivers.book(&mut allowed, entries);
        let allocation = bucket.allocate(allowance.broken);
        allowance.broken -= allocation.packets.min(allowance.broken);
        let end = End {
            label: "dropped by the kernel for a wrong UDP checksum".to_owned(),
            protocol: Some("udp".to_owned()),
            address: Some(endpoint.address),
            port: endpoint.port,
            ..End::default()
        };
        entries.book(EntryKind::KernelDrop, end, allocation);
    }
    let mut fragments = unaccounted::fragments_given_up(evidence.kernel);
    for bucket in &mut buckets {
        // UDP that nobody listened to was refused as far as the counters say; of the rest some was sent on.
        unaccounted::book_translated(&mut forwards, &receivers, guests, bucket, entries);
        unaccounted::book_fragments(&mut fragments, bucket, entries);
        let (refused, delivered) = match bucket.protocol() {
            Some("udp") => (allowance.refused, allowance.delivered),
            Some("tcp") => (evidence.kernel.and_then(|kernel| kernel.tcp.out_rsts).unwrap_or(0), 0),
            _ => (0, 0),
        };
        book_others(refused, delivered, bucket, entries);
    }
}

/// Says of which UDP ports it is not known what each process took.
fn say_what_is_guessed(receivers: &Receivers<'_>, buckets: &[Bucket<'_>], disagreements: &mut Vec<String>) {
    let guessed = buckets.iter().filter(|bucket| bucket.bytes > EDGE).filter_map(|bucket| match bucket.recipient {
        Recipient::Endpoint(endpoint) => Some((endpoint.port?, receivers.guessed(endpoint)?)),
        _ => None,
    });
    for (port, processes) in guessed.take(GUESSED) {
        disagreements.push(format!(
            "UDP port {port} is shared by {processes} processes, and what each took was not counted: what came is shared out among \
             them by the CPU time that they used"
        ));
    }
}

/// The names by which rules may select what comes in by the watched interfaces: their own, and those of the interfaces that
/// stand on them or that they are members of.
fn interfaces_of<'a>(interfaces: &'a Interfaces, counted: &[Counted<'a>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = counted.iter().map(|of| of.name).collect();
    let mut next = 0;
    while let Some(name) = names.get(next).copied() {
        let of_it = interfaces.interfaces.iter().find(|interface| interface.name == name);
        let master = of_it.and_then(|interface| interface.master.as_deref());
        let standing = interfaces.interfaces.iter().filter(|other| other.lower.as_deref() == Some(name));
        for above in master.into_iter().chain(standing.map(|other| other.name.as_str())) {
            if !names.contains(&above) {
                names.push(above);
            }
        }
        next += 1;
    }
    names
}

/// Books what the interface counted and no capture can see because it found the queue of a CPU full, as far as the kernel
/// counted such packets. It counts them for the whole machine: of this interface there may be fewer, but not more.
fn book_overrun(kernel: Option<&KernelCounters>, counted: &[Counted<'_>], scale: Scale, entries: &mut Entries) {
    let dropped = kernel.and_then(|kernel| kernel.softnet.dropped).unwrap_or(0);
    let meanwhile = |of: &Counted<'_>| (of.seen_packets as f64 * scale.in_time) as u64;
    let unseen: u64 = counted.iter().map(|of| of.packets.unwrap_or(0).saturating_sub(meanwhile(of))).sum();
    if dropped == 0 || unseen == 0 || scale.factor != scale.in_time || scale.unsure {
        return;
    }
    let unseen_bytes: f64 = counted
        .iter()
        .map(|of| {
            let seen = of.seen_bytes as f64 - LeftOut::of(of, true).bytes();
            of.bytes.unwrap_or(0) as f64 - seen * scale.in_time
        })
        .map(|bytes| bytes.max(0.0))
        .sum();
    let mean = unseen_bytes / unseen as f64;
    let packets = unseen.min(dropped);
    let label = "dropped at the full queue of a CPU (softnet_stat, whole machine)".to_owned();
    let end = End { label, ..End::default() };
    entries.book(EntryKind::KernelDrop, end, Allocation { packets, bytes: packets as f64 * mean });
}

/// How the capture's figures become the interface's, and what is said where they differ.
fn scale(
    capture: &Capture,
    (packets, bytes): (u64, u64),
    of_each: &[Counted<'_>],
    watched: &Interface,
    seconds: f64,
    disagreements: &mut Vec<String>,
) -> Scale {
    let (left_out, leave_out) = framing::left_out(capture, of_each);
    let seen = (capture.rx.bytes as f64 - left_out.bytes()).max(0.0);
    let counted = bytes as f64;
    let mut scale = Scale {
        with_merged_headers: false,
        left_out_of_each: 0.0,
        factor: 1.0,
        in_time: 1.0,
        unsure: false,
        packets_factor: 1.0,
    };
    let inward = Direction {
        names: of_each.iter().map(|of| of.name).collect(),
        bytes: counted,
        by_capture: &capture.entered,
        flow: |interface| &interface.rx,
        rate: |sample| sample.rx_bits_per_second,
    };
    let part = part_watched(capture, watched, seconds, &inward);
    let merged = capture.gso.merged_header_bytes as f64;
    if merged > 0.0 && part.of(counted) - seen > merged / 2.0 {
        scale.with_merged_headers = true;
    }
    let whole = if scale.with_merged_headers { seen + merged } else { seen };
    let on_wire = if scale.with_merged_headers { capture.rx.wire_packets } else { capture.rx.packets };
    scale.left_out_of_each = left_out.bytes() / on_wire.max(1) as f64;
    if !leave_out.is_empty() && left_out.bytes() > counted * TOLERANCE && left_out.bytes() > EDGE {
        disagreements.push(format!(
            "{} does not count {}: what it counted as {} was {} on the wire, {} bytes a packet more",
            leave_out.join(", "),
            left_out.what(),
            units::bytes(counted),
            units::bytes(counted + scale.left_out_of_each * packets as f64),
            scale.left_out_of_each.round(),
        ));
    }
    let lost = capture.ring.map_or(0, |ring| ring.dropped);
    if whole <= 0.0 {
        return scale;
    }
    if lost > 0 {
        scale.factor = counted / whole;
        disagreements.push(format!(
            "the capture saw {} of the {} that the interface counted ({} packets were lost); its figures are scaled up",
            units::bytes(whole),
            units::bytes(counted),
            units::count(packets.saturating_sub(capture.rx.packets) as f64),
        ));
    } else if capture.sampled > 1 && (whole - counted).abs() <= counted * SAMPLED {
        // An estimate is taken to be one of what was counted.
        scale.factor = counted / whole;
    } else {
        let meanwhile = part.of(counted);
        let unseen = meanwhile - whole;
        let edge = part.edge(capture, watched.rx.peak_bits_per_second.unwrap_or(0.0), seconds).min(counted * LATE);
        // Samples that tell of far less than was seen are not those of the same traffic.
        let contradicted = matches!(part, Part::Some(_)) && unseen < -counted * LATE;
        scale.unsure = part == Part::Unknown || contradicted;
        match part {
            _ if whole > counted || (unseen <= edge && !contradicted) => scale.factor = counted / whole,
            // The rest of what was not seen has another reason.
            Part::Some(part) if !contradicted => {
                scale.in_time = 1.0 / part;
                scale.factor = scale.in_time;
            }
            _ => {}
        }
        let is_late = scale.factor > 1.0 + TOLERANCE && counted - whole > EDGE;
        if is_late {
            let outside = if matches!(part, Part::Some(_)) { counted - meanwhile } else { counted - whole };
            let (packets, interface) = (units::span(capture.seconds), units::span(seconds));
            let watched = match packets == interface {
                true => "the packets were not watched at just the moments when the interface was".to_owned(),
                false => format!("the packets were watched for {packets}, the interface for {interface}"),
            };
            disagreements.push(format!(
                "{watched}: what came before or after, {} of {}, is taken to be like the rest, and the capture's figures are \
                 scaled up",
                units::bytes(outside),
                units::bytes(counted),
            ));
        }
        let is_told = is_late && scale.factor != scale.in_time;
        if scale.unsure && counted - whole > counted * TOLERANCE && counted - whole > EDGE {
            disagreements.push(format!(
                "the interface counted {}, the capture saw {}: it watched for {} of {}, and how much came meanwhile is not told \
                 by the interface",
                units::bytes(counted),
                units::bytes(whole),
                units::span(capture.seconds),
                units::span(seconds),
            ));
        } else if !is_told && unseen.abs() > counted.max(whole) * TOLERANCE && unseen.abs() > EDGE {
            let meanwhile =
                if is_late { format!("{} of that meanwhile", units::bytes(meanwhile)) } else { units::bytes(counted) };
            disagreements.push(format!(
                "the interface counted {meanwhile}, the capture saw {}: what the capture does not see is dropped before it (XDP, \
                 hardware) or belongs to another moment",
                units::bytes(whole),
            ));
        }
    }
    scale
}

/// Without a capture only what TCP sockets received can be told, and only its payload.
fn by_sockets(evidence: &WindowEvidence<'_>, entries: &mut Entries) {
    for traffic in evidence.sockets.iter().filter_map(|sockets| sockets.processes.as_ref()).flatten() {
        let bytes = traffic.rx_bytes.unwrap_or(0).saturating_sub(traffic.local_rx_bytes.unwrap_or(0));
        let end = End {
            label: traffic.process.to_string(),
            protocol: Some("tcp".into()),
            process: Some(traffic.process.clone()),
            ..End::default()
        };
        entries.book(EntryKind::Process, end, Allocation { packets: 0, bytes: bytes as f64 });
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
            // These are of what is sent.
            EntryKind::Answer | EntryKind::SentAgain => continue,
        };
        *sum += entry.share;
    }
    shares
}
