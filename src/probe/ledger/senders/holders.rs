//! Who holds the ports that packets left from: processes, the kernel, guests behind a translated address, or nobody that was seen.

use std::collections::HashMap;
use std::net::IpAddr;

use super::sent::{
    CLOSE, MADE_BY_SOCKETS, STANDS_FOR_ALL, Sent, can_make, either, end, forwarded_for, holders_below, is_group,
    opened_in_vain, share, sums, take,
};
use super::unlisted::{UnheldTcp, Unlisted};
use crate::case::{EntryKind, Process};
use crate::probe::capture::Capture;
use crate::probe::capture::output::{SentEndpoint, SentOthers, SentParts};
use crate::probe::conntrack::Mapping;
use crate::probe::ledger::WindowEvidence;
use crate::probe::ledger::buckets::{Allocation, End, Entries, Scale};
use crate::probe::ledger::guests::Guests;
use crate::probe::sockets::{Connection, Listener, RawSocket};

/// Connections that a process waits for at a time to be taken for who opens those that came to nothing.
const OPENING: u32 = 10;
/// How much more than left may have been opened, for two looks at slightly different moments.
const AT_MOST: f64 = 1.2;
/// Headers of a datagram on the wire: Ethernet, IPv4 and UDP.
const DATAGRAM_HEADERS: u64 = 42;
/// Headers of a segment: Ethernet, IPv4 and TCP with a time stamp.
const SEGMENT_HEADERS: u64 = 66;

/// Whether its process closed a connection that the kernel still ends: who wrote to it is known by calls alone.
fn is_given_up(connection: &Connection) -> bool {
    let ends = matches!(connection.state.as_str(), "fin_wait1" | "fin_wait2" | "closing" | "last_ack" | "time_wait");
    ends && connection.process.is_none() && connection.unit.is_none()
}

/// The sockets of the host by port, and what else may send.
pub struct Holders<'a> {
    pub(super) evidence: &'a WindowEvidence<'a>,
    scale: Scale,
    listeners: HashMap<(&'a str, u16), Vec<&'a Listener>>,
    connections: HashMap<u16, Vec<&'a Connection>>,
    /// What processes sent over connections that are not listed: they closed, or are too many.
    pub(super) unlisted: Vec<Unlisted<'a>>,
    /// What left over such connections.
    pub(super) unheld: Vec<UnheldTcp<'a>>,
    /// UDP payload that processes sent and that is booked on no port yet.
    udp_left: Vec<(&'a Process, f64)>,
    /// The kernel's own TCP and UDP made what left, not raw or packet sockets.
    pub(super) made_by_tcp: bool,
    made_by_udp: bool,
    /// Segments and datagrams that the kernel's sockets made, and the datagrams that left.
    segments: Option<u64>,
    datagrams: Option<u64>,
    udp_sent: u64,
    pub sent: Vec<Sent<'a>>,
}

impl<'a> Holders<'a> {
    pub fn of(evidence: &'a WindowEvidence<'a>, capture: &'a Capture, scale: Scale) -> Self {
        let mut listeners: HashMap<_, Vec<_>> = HashMap::new();
        let mut connections: HashMap<_, Vec<_>> = HashMap::new();
        let mut udp_left = Vec::new();
        if let Some(sockets) = evidence.sockets {
            for listener in &sockets.listeners {
                listeners.entry((listener.protocol.as_str(), listener.port)).or_default().push(listener);
            }
            for connection in sockets.connections.iter().filter(|connection| !is_given_up(connection)) {
                connections.entry(connection.local_port).or_default().push(connection);
            }
            for traffic in sockets.processes.iter().flatten() {
                udp_left.push((&traffic.process, traffic.udp_tx_bytes.unwrap_or(0) as f64));
            }
        }
        udp_left.retain(|(_, left)| *left > 0.0);
        let kernel = evidence.kernel;
        let segments = kernel.and_then(|kernel| Some(kernel.tcp.out_segs? + kernel.tcp.retransmitted.unwrap_or(0)));
        let grew = |name: &str| kernel.and_then(|kernel| kernel.grew.get(name)).copied().unwrap_or(0);
        let datagrams = kernel.and_then(|kernel| Some(kernel.udp.out_datagrams? + grew("Udp6OutDatagrams")));
        Holders {
            evidence,
            scale,
            listeners,
            connections,
            unlisted: Unlisted::of(evidence),
            udp_left,
            made_by_tcp: sums(segments, capture.tcp.tx_packets),
            made_by_udp: sums(datagrams, capture.udp.tx_packets),
            segments,
            datagrams,
            udp_sent: capture.udp.tx_packets,
            unheld: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Books all that bears a local port, or an address of somebody else.
    pub fn book(&mut self, parts: &'a SentParts, guests: &Guests<'_>, entries: &mut Entries) {
        let mut unheld: Vec<(&'a SentEndpoint, Allocation)> = Vec::new();
        // What sockets account for comes first: the rest of what their processes sent is what may have left from other ports.
        let (held, rest): (Vec<_>, Vec<_>) = parts.endpoints.iter().partition(|endpoint| self.is_held(endpoint));
        let inside = self.sent_inside(parts, guests);
        for endpoint in held.into_iter().chain(rest) {
            let merged = if self.scale.with_merged_headers { endpoint.merged_header_bytes } else { 0 };
            let packets = if self.scale.with_merged_headers { endpoint.wire_packets } else { endpoint.packets };
            let mut whole = self.scaled(packets, endpoint.bytes + merged);
            if let Some(part) = inside.get(&(endpoint.protocol.as_str(), endpoint.address, endpoint.port)) {
                let part = share(whole, *part);
                book_inside(take(&mut whole, part), entries);
            }
            match endpoint.protocol.as_str() {
                "tcp" => self.book_tcp(endpoint, whole, guests, entries),
                "udp" => {
                    if !self.book_udp(endpoint, whole, guests, entries) {
                        unheld.push((endpoint, whole));
                    }
                }
                protocol => {
                    let number = ["gre", "ipip", "ipv6", "sit", "esp", "ah", "l2tp", "igmp"].contains(&protocol);
                    let holder = if number { None } else { self.raw_holder(Some(protocol)) };
                    let by_socket = holder.is_some();
                    let label =
                        holder.as_ref().map_or_else(|| format!("the kernel ({protocol})"), |end| end.label.clone());
                    let end = End { label, protocol: Some(protocol.to_owned()), ..holder.unwrap_or_default() };
                    let kind = if by_socket { EntryKind::UnseenOwner } else { EntryKind::Kernel };
                    self.put(kind, end, by_socket, Some(endpoint), whole, 0.0, entries);
                }
            }
        }
        self.book_tunnels(&mut unheld, entries);
        let others = parts.others.iter().filter(|of| of.protocol == "udp");
        let others: u64 = others.map(|of| of.bytes.saturating_sub(DATAGRAM_HEADERS * of.packets)).sum();
        self.book_unheld(&unheld, others as f64, guests, entries);
        for other in &parts.others {
            self.book_others(other, guests, entries);
        }
        self.book_unheld_tcp(entries);
        self.book_foreign(parts, guests, entries);
    }

    pub(super) fn scaled(&self, packets: u64, bytes: u64) -> Allocation {
        self.scale.sent(packets, bytes)
    }

    #[expect(clippy::too_many_arguments, reason = "an end, what it gets, and why")]
    pub(super) fn put(
        &mut self,
        kind: EntryKind,
        end: End,
        raw: bool,
        endpoint: Option<&'a SentEndpoint>,
        allocation: Allocation,
        again: f64,
        entries: &mut Entries,
    ) {
        if allocation.packets == 0 && allocation.bytes < 0.5 {
            return;
        }
        let Allocation { packets, bytes } = allocation;
        self.sent.push(Sent { end: end.clone(), kind, raw, endpoint, others: None, packets, bytes, again });
        let fresh = Allocation { packets, bytes: bytes - again };
        if again > 0.0 {
            let label = format!("sent again by TCP, for {}", end.label);
            let packets = ((packets as f64 * again / bytes.max(1.0)).round() as u64).min(packets);
            let rest = Allocation { packets: fresh.packets - packets, ..fresh };
            entries.book(EntryKind::SentAgain, End { label, ..end.clone() }, Allocation { packets, bytes: again });
            entries.book(kind, end, rest);
        } else {
            entries.book(kind, end, fresh);
        }
    }

    fn answer(&mut self, label: &str, protocol: &str, allocation: Allocation, entries: &mut Entries) {
        let end = End { label: label.to_owned(), protocol: Some(protocol.to_owned()), ..End::default() };
        entries.book(EntryKind::Answer, end, allocation);
    }

    fn book_tcp(&mut self, endpoint: &'a SentEndpoint, whole: Allocation, guests: &Guests<'_>, entries: &mut Entries) {
        let mut left = whole;
        let refused = self.scaled(endpoint.rst.packets, endpoint.rst.bytes);
        self.answer("resets, answers to TCP for no connection", "tcp", take(&mut left, refused), entries);
        let half_open = endpoint.syn_ack.packets.saturating_sub(endpoint.handshakes_completed);
        let bytes = endpoint.syn_ack.bytes as f64 * half_open as f64 / endpoint.syn_ack.packets.max(1) as f64;
        let half_open = self.scaled(half_open, bytes.round() as u64);
        let label = "SYN-ACKs for connections that never completed";
        self.answer(label, "tcp", take(&mut left, half_open), entries);
        if left.packets == 0 && left.bytes < 0.5 {
            return;
        }
        let again = (endpoint.again.bytes as f64 * self.scale.factor).min(left.bytes);
        let here = |address: IpAddr| address.to_canonical() == endpoint.address.to_canonical();
        let port = endpoint.port.unwrap_or(0);
        let connections: Vec<&'a Connection> = self
            .connections
            .get(&port)
            .into_iter()
            .flatten()
            .filter(|connection| here(connection.local_address))
            .copied()
            .collect();
        let listener = self.listener("tcp", endpoint);
        let accepting = listener.and_then(|listener| listener.process.as_ref());
        let mut by_holder: Vec<(Option<&'a Process>, f64)> = Vec::new();
        for connection in &connections {
            let holder = connection.process.as_ref().or(accepting);
            // What waits to be acknowledged was sent as well.
            let bytes = connection.tx_bytes.unwrap_or(0) as f64 + f64::from(connection.tx_queue) + 1.0;
            match by_holder.iter_mut().find(|(known, _)| *known == holder) {
                Some((_, sum)) => *sum += bytes,
                None => by_holder.push((holder, bytes)),
            }
        }
        let unit = connections.iter().find_map(|connection| connection.unit.as_deref());
        let unit = unit.or_else(|| listener.and_then(|listener| listener.unit.as_deref()));
        if by_holder.is_empty() && (accepting.is_some() || listener.is_some()) {
            by_holder.push((accepting, 1.0));
        }
        // What left from here over connections that are closed is no more to be found elsewhere.
        let open: u64 = connections.iter().filter_map(|connection| connection.tx_bytes).sum();
        let over = endpoint.payload_bytes.saturating_sub(open);
        if let Some(of_it) = self.unlisted.iter_mut().find(|of| Some(of.process) == accepting) {
            of_it.bytes = of_it.bytes.saturating_sub(over);
        }
        if !by_holder.is_empty() {
            let sum: f64 = by_holder.iter().map(|(_, bytes)| bytes).sum();
            for (process, bytes) in by_holder {
                let part = share(left, bytes / sum);
                let end = end(endpoint, process, unit);
                let kind = if process.is_some() { EntryKind::Process } else { EntryKind::UnseenOwner };
                self.put(kind, end, false, Some(endpoint), part, again * bytes / sum, entries);
            }
            return;
        }
        if let Some((kind, end)) = self.translated(endpoint, guests) {
            return self.put(kind, end, false, Some(endpoint), left, again, entries);
        }
        if let Some((kind, end)) = self.raw_or_guest("tcp", self.made_by_tcp, guests) {
            let raw = kind == EntryKind::UnseenOwner;
            return self.put(kind, end, raw, Some(endpoint), left, again, entries);
        }
        if endpoint.syn == 0 || endpoint.payload_bytes > 0 {
            let payload = endpoint.payload_bytes as f64;
            self.unheld.push(UnheldTcp { endpoint: Some(endpoint), others: None, left, again, payload });
            return;
        }
        let (kind, end) = self.opener(endpoint.top_remote_port, endpoint.rx_rst > 0);
        let end = End { protocol: Some("tcp".to_owned()), ..end };
        self.put(kind, end, false, Some(endpoint), left, again, entries);
    }

    /// Who may have made what no socket here did: a guest behind an address of this host, or a raw socket.
    fn raw_or_guest(&self, protocol: &str, made: bool, guests: &Guests<'_>) -> Option<(EntryKind, End)> {
        if made {
            return None;
        }
        if let Some(end) = self.hidden_guests(guests) {
            return Some((EntryKind::Forwarded, end));
        }
        let raw = self.raw_holder(Some(protocol))?;
        Some((EntryKind::UnseenOwner, End { protocol: Some(protocol.to_owned()), ..raw }))
    }

    /// The guests whose packets bear an address of this host and are too many to be listed by port: where the kernel sent on what its
    /// sockets did not make.
    fn hidden_guests(&self, guests: &Guests<'_>) -> Option<End> {
        let kernel = self.evidence.kernel?;
        let v6 = kernel.ip6.as_ref().and_then(|ip6| ip6.forwarded).unwrap_or(0);
        let sent_on = kernel.ip.forwarded? + v6;
        let capture = self.evidence.capture?;
        let foreign = capture.sent.as_ref().map_or(0, |sent| sent.foreign_packets);
        let sent = capture.tcp.tx_packets + capture.udp.tx_packets;
        let made = self.segments.unwrap_or(0) + self.datagrams.unwrap_or(0);
        let hidden = sent.saturating_sub(made + foreign);
        if (sent_on.saturating_sub(foreign) as f64) < MADE_BY_SOCKETS * hidden as f64 {
            return None;
        }
        let of_guests = |mapping: &&Mapping| mapping.kind == "source" && mapping.inner_is_local != Some(true);
        let mut inner = self.evidence.translations.iter().filter(of_guests).map(|mapping| mapping.inner_address);
        match inner.next() {
            Some(first) if inner.all(|address| address == first) => Some(forwarded_for(first, guests)),
            // What is refused at once is in no table.
            None if self.raw_holder(None).is_some() => None,
            _ => {
                let label = "forwarded for others, behind an address of this host".to_owned();
                Some(End { label, ..End::default() })
            }
        }
    }

    /// Books datagrams on who holds their port. Gives false when nobody does.
    fn book_udp(
        &mut self,
        endpoint: &'a SentEndpoint,
        whole: Allocation,
        guests: &Guests<'_>,
        entries: &mut Entries,
    ) -> bool {
        let of_port = endpoint.port.and_then(|port| self.listeners.get(&("udp", port)));
        let fits = |listener: &&&'a Listener| {
            let any = listener.any_address && (listener.address.is_ipv6() || endpoint.address.is_ipv4());
            any || listener.address.to_canonical() == endpoint.address.to_canonical() || is_group(listener.address)
        };
        let holding: Vec<&'a Listener> = of_port.into_iter().flatten().filter(fits).copied().collect();
        let mut holders: Vec<(&'a Process, f64)> = Vec::new();
        for process in holding.iter().filter_map(|listener| listener.process.as_ref()) {
            if holders.iter().all(|(known, _)| *known != process) {
                let sent = self.udp_left.iter().find(|(known, _)| *known == process).map_or(0.0, |(_, left)| *left);
                holders.push((process, sent));
            }
        }
        if holders.is_empty() {
            let Some(listener) = holding.first() else {
                let Some((kind, end)) = self.translated(endpoint, guests) else { return false };
                self.put(kind, end, false, Some(endpoint), whole, 0.0, entries);
                return true;
            };
            let mut end = end(endpoint, None, listener.unit.as_deref());
            let kind = match listener.in_kernel {
                Some(true) => EntryKind::Kernel,
                _ => EntryKind::UnseenOwner,
            };
            if kind == EntryKind::Kernel {
                end.label = format!("the kernel (UDP port {})", listener.port);
            }
            self.put(kind, end, false, Some(endpoint), whole, 0.0, entries);
            return true;
        }
        // Each sent what the others together cannot have; who alone holds the port sent all.
        let payload = endpoint.payload_bytes as f64;
        let sum: f64 = holders.iter().map(|(_, sent)| sent).sum();
        let unseen = holding.iter().any(|listener| listener.process.is_none() && listener.in_kernel != Some(true));
        let part_of = |sent: f64| match holders.len() {
            _ if unseen => 0.0,
            1 => 1.0,
            _ if sum <= 0.0 => 0.0,
            _ if sum <= payload * (1.0 + CLOSE) => sent / sum,
            _ => ((payload - (sum - sent)) / payload.max(1.0)).clamp(0.0, 1.0),
        };
        let parts: Vec<(&'a Process, f64)> = holders.iter().map(|(process, sent)| (*process, part_of(*sent))).collect();
        let rest = 1.0 - parts.iter().map(|(_, part)| part).sum::<f64>();
        for (process, part) in parts {
            if let Some((_, left)) = self.udp_left.iter_mut().find(|(known, _)| *known == process) {
                // What is nobody's for sure may be its.
                *left = (*left - payload * (part + rest.max(0.0))).max(0.0);
            }
            let end = end(endpoint, Some(process), None);
            self.put(EntryKind::Process, end, false, Some(endpoint), share(whole, part), 0.0, entries);
        }
        if rest > f64::EPSILON {
            let names: Vec<&Process> = holders.iter().map(|(process, _)| *process).collect();
            let more = if unseen { " or of a process that was not seen" } else { "" };
            let label = format!("UDP port {}, of {}{more}", endpoint.port.unwrap_or(0), either(&names));
            let end = End { label, ..end(endpoint, None, None) };
            self.put(EntryKind::UnseenOwner, end, false, Some(endpoint), share(whole, rest), 0.0, entries);
        }
        true
    }

    /// Whether a socket that is open holds the port.
    fn is_held(&self, endpoint: &SentEndpoint) -> bool {
        let here =
            |connection: &&Connection| connection.local_address.to_canonical() == endpoint.address.to_canonical();
        let connected = || endpoint.port.and_then(|port| self.connections.get(&port)).into_iter().flatten().any(&here);
        endpoint.protocol != "tcp" || self.listener("tcp", endpoint).is_some() || connected()
    }

    /// Books the datagrams of the kernel's own tunnels, which leave from ports that no socket holds and are in no counter of UDP.
    fn book_tunnels(&mut self, unheld: &mut Vec<(&'a SentEndpoint, Allocation)>, entries: &mut Entries) {
        let mut packets = 0;
        for (endpoint, whole) in std::mem::take(unheld) {
            let port = endpoint.top_remote_port.filter(|_| endpoint.top_remote_share.unwrap_or(0.0) >= STANDS_FOR_ALL);
            let Some(label) = self.tunnel(port) else {
                unheld.push((endpoint, whole));
                continue;
            };
            packets += endpoint.packets;
            let end = End { label, protocol: Some("udp".to_owned()), ..End::default() };
            self.put(EntryKind::Kernel, end, false, Some(endpoint), whole, 0.0, entries);
        }
        self.made_by_udp = self.made_by_udp || sums(self.datagrams, self.udp_sent.saturating_sub(packets));
    }

    /// Books datagrams from ports that nobody holds any more: on those who sent datagrams by calls that fit no other port, then on who
    /// holds a raw socket.
    fn book_unheld(
        &mut self,
        unheld: &[(&'a SentEndpoint, Allocation)],
        others: f64,
        guests: &Guests<'_>,
        entries: &mut Entries,
    ) {
        let payload: f64 = unheld.iter().map(|(endpoint, _)| endpoint.payload_bytes as f64).sum::<f64>() + others;
        let left = std::mem::take(&mut self.udp_left);
        // What goes to this host itself, or by interfaces that were not watched, is in the calls, too: what is beyond that left here.
        let elsewhere = self.elsewhere();
        let names: Vec<&Process> = left.iter().map(|(process, _)| *process).collect();
        let left: Vec<(&'a Process, f64)> =
            left.into_iter().map(|(process, sent)| (process, (sent - elsewhere).max(0.0))).collect();
        let known: f64 = left.iter().map(|(_, left)| left).sum();
        let covered = match known / payload {
            _ if !self.made_by_udp || payload <= 0.0 => 0.0,
            // Two looks at slightly different moments.
            nearly if nearly >= MADE_BY_SOCKETS => 1.0,
            part => part,
        };
        for (endpoint, whole) in unheld {
            for (process, sent) in &left {
                let part = share(*whole, covered * sent / known.max(1.0));
                self.put(
                    EntryKind::Process,
                    end(endpoint, Some(process), None),
                    false,
                    Some(endpoint),
                    part,
                    0.0,
                    entries,
                );
            }
            let rest = share(*whole, 1.0 - covered);
            let by_other = self.raw_or_guest("udp", self.made_by_udp, guests);
            let is_raw = by_other.as_ref().is_some_and(|(kind, _)| *kind == EntryKind::UnseenOwner);
            let label = match names[..] {
                [] => "datagrams from ports that no socket holds any more, whose process was not seen".to_owned(),
                _ => format!("datagrams from ports that no socket holds any more, possibly of {}", either(&names)),
            };
            let (kind, end) = by_other.unwrap_or((EntryKind::UnseenOwner, End { label, ..End::default() }));
            let named = Some("udp".to_owned()).filter(|_| kind != EntryKind::Forwarded);
            let end = End { protocol: named, ..end };
            self.put(kind, end, is_raw, Some(endpoint), rest, 0.0, entries);
        }
        // The rest of what they sent may be in ports that are not listed.
        let rest = if payload > 0.0 { others / payload } else { 0.0 };
        self.udp_left = left.into_iter().map(|(process, sent)| (process, sent * rest)).collect();
    }

    /// Bytes that went to this host itself or by interfaces that were not watched, at most.
    pub(super) fn elsewhere(&self) -> f64 {
        let interfaces = self.evidence.interfaces;
        let watched = |name: &str| {
            let several = interfaces.entered.as_ref().map_or(&[][..], |entered| &entered.interfaces);
            name == interfaces.watched.name
                || several.iter().any(|of| of.name == name || of.way.iter().any(|part| part == name))
        };
        let others = interfaces.interfaces.iter().filter(|of| !watched(&of.name));
        others.filter_map(|of| of.tx.bytes).fold(0u64, u64::saturating_add) as f64
    }

    /// Books endpoints that are too many to be listed, of one protocol.
    fn book_others(&mut self, other: &'a SentOthers, guests: &Guests<'_>, entries: &mut Entries) {
        let protocol = other.protocol.as_str();
        let mut left = self.scaled(other.packets, other.bytes);
        let refused = self.scaled(other.rst.packets, other.rst.bytes);
        self.answer("resets, answers to TCP for no connection", "tcp", take(&mut left, refused), entries);
        let half_open = self.scaled(other.syn_ack.packets, other.syn_ack.bytes);
        let label = "SYN-ACKs for connections that never completed";
        self.answer(label, "tcp", take(&mut left, half_open), entries);
        let name = protocol.to_uppercase();
        let made = match protocol {
            "tcp" => self.made_by_tcp,
            "udp" => self.made_by_udp,
            "icmp" | "icmpv6" => true,
            _ => false,
        };
        if protocol == "udp" && made {
            let known: f64 = self.udp_left.iter().map(|(_, left)| left).sum();
            let payload = left.bytes - (DATAGRAM_HEADERS * left.packets) as f64;
            let covered = if known >= MADE_BY_SOCKETS * payload { 1.0 } else { (known / payload.max(1.0)).min(1.0) };
            for (process, sent) in std::mem::take(&mut self.udp_left) {
                let part = share(left, covered * sent / known.max(1.0));
                let label = process.to_string();
                let end = End { label, protocol: Some("udp".into()), process: Some(process.clone()), ..End::default() };
                self.put(EntryKind::Process, end, false, None, part, 0.0, entries);
            }
            left = share(left, 1.0 - covered);
        }
        if matches!(protocol, "icmp" | "icmpv6") {
            let end = End { label: format!("fragments of {name}"), protocol: Some(protocol.into()), ..End::default() };
            return entries.book(EntryKind::Kernel, end, left);
        }
        let opens = protocol == "tcp" && other.syn as f64 >= MADE_BY_SOCKETS * left.packets as f64;
        if protocol == "tcp" && made && !opens {
            let payload = (left.bytes - (SEGMENT_HEADERS * left.packets) as f64).max(0.0);
            self.unheld.push(UnheldTcp { endpoint: None, others: Some(other), left, again: 0.0, payload });
            return;
        }
        let by_other = self.raw_or_guest(protocol, made, guests);
        let is_raw = by_other.as_ref().is_some_and(|(kind, _)| *kind == EntryKind::UnseenOwner);
        let (kind, end) = by_other.unwrap_or_else(|| {
            if opens {
                let sent = self.evidence.capture.and_then(|capture| capture.sent.as_ref());
                return self.opener(sent.and_then(|sent| sent.syn_port), other.rx_rst.unwrap_or(0) > 0);
            }
            let label = format!("{name} from many other ports, whose process was not seen");
            (EntryKind::UnseenOwner, End { label, ..End::default() })
        });
        let booked = self.sent.len();
        // What is sent on for a guest is one, whatever the protocol.
        let named = Some(protocol.to_owned()).filter(|_| kind != EntryKind::Forwarded);
        self.put(kind, End { protocol: named, ..end }, is_raw, None, left, 0.0, entries);
        if let Some(sent) = self.sent.get_mut(booked).filter(|_| protocol == "tcp") {
            sent.others = Some(other);
        }
    }

    fn listener(&self, protocol: &'a str, endpoint: &SentEndpoint) -> Option<&'a Listener> {
        let waiting = self.listeners.get(&(protocol, endpoint.port?))?;
        let here = |listener: &&&'a Listener| listener.address.to_canonical() == endpoint.address.to_canonical();
        let any = |listener: &&&'a Listener| {
            listener.any_address && (listener.address.is_ipv6() || endpoint.address.is_ipv4())
        };
        waiting.iter().find(here).or_else(|| waiting.iter().find(any)).copied()
    }

    /// For whom the kernel puts its own address on packets: who is behind it.
    fn translated(&self, endpoint: &SentEndpoint, guests: &Guests<'_>) -> Option<(EntryKind, End)> {
        let mapping = self.evidence.translations.iter().find(|mapping| {
            mapping.protocol == endpoint.protocol
                && mapping.outer_address == endpoint.address
                && mapping.outer_port == endpoint.port
        })?;
        if mapping.inner_is_local == Some(true) {
            let port = mapping.inner_port?;
            let here = |connection: &&&Connection| {
                endpoint.protocol == "tcp"
                    && connection.local_address.to_canonical() == mapping.inner_address.to_canonical()
            };
            let of_port = self.listeners.get(&(endpoint.protocol.as_str(), port)).into_iter().flatten();
            let connected = self.connections.get(&port).into_iter().flatten().filter(here);
            let process = connected.filter_map(|connection| connection.process.as_ref()).next();
            let process = process.or_else(|| of_port.filter_map(|listener| listener.process.as_ref()).next())?;
            return Some((EntryKind::Process, end(endpoint, Some(process), None)));
        }
        let guest = guests.at(mapping.inner_address, &mapping.protocol, mapping.inner_port);
        let whose = guest.as_ref().map_or(String::new(), |guest| format!(", {}", guest.name));
        let end = End {
            label: format!("forwarded for {}{whose}", mapping.inner_address),
            address: Some(mapping.inner_address),
            container: guest.map(|guest| guest.name),
            ..End::default()
        };
        Some((EntryKind::Forwarded, end))
    }

    /// Who opens connections to that port of others, or to any, that come to nothing: who opened nearly all that were opened, or who alone
    /// waits for answers.
    pub(super) fn opener(&self, remote_port: Option<u16>, refused: bool) -> (EntryKind, End) {
        let sockets = self.evidence.sockets;
        let opened = sockets.and_then(|sockets| Some((sockets.opened.as_ref()?, sockets.opened_left_out)));
        let mut candidates: Vec<(&'a Process, u64)> = Vec::new();
        let mut all = opened.map_or(0, |(_, left_out)| left_out);
        let listed = opened.into_iter().flat_map(|(opened, _)| opened);
        for of in listed.filter(|of| remote_port.is_none_or(|port| of.remote_port.is_none_or(|to| to == port))) {
            all = all.saturating_add(of.connections);
            match candidates.iter_mut().find(|(process, _)| *process == &of.process) {
                Some((_, connections)) => *connections += of.connections,
                None => candidates.push((&of.process, of.connections)),
            }
        }
        candidates.sort_by_key(|(_, connections)| std::cmp::Reverse(*connections));
        // Who opened far more than left opened it elsewhere: to this host itself, or by other interfaces.
        let left = self.evidence.capture.map_or(0.0, |capture| capture.tcp.tx_syn as f64 * self.scale.factor);
        let nearly_all = |of: &(&'a Process, u64)| {
            let opened = of.1 as f64;
            opened >= MADE_BY_SOCKETS * all as f64 && opened <= left * AT_MOST + f64::from(OPENING)
        };
        let waits = || match sockets.map(|sockets| &sockets.opening[..]) {
            Some([only]) if only.connections >= OPENING => only.process.as_ref(),
            _ => None,
        };
        let process = candidates.first().filter(|of| nearly_all(of)).map(|of| of.0).or_else(waits);
        if let Some(process) = process {
            let end = End { label: process.to_string(), process: Some(process.clone()), ..End::default() };
            return (EntryKind::Process, end);
        }
        let names: Vec<&Process> = candidates.iter().map(|of| of.0).collect();
        (EntryKind::UnseenOwner, End { label: opened_in_vain(refused, &names), ..End::default() })
    }

    /// Who may have made packets below TCP and UDP, of that protocol or with addresses of others: none where no socket can have. Nothing
    /// counts what such a socket sends, so it is nobody's for sure.
    pub(super) fn raw_holder(&self, protocol: Option<&str>) -> Option<End> {
        let can = |socket: &RawSocket| can_make(socket, protocol);
        let holders = holders_below(self.evidence, can);
        if holders.is_empty() {
            let raw = self.evidence.sockets.and_then(|sockets| sockets.raw.as_ref());
            raw?.iter().find(|socket| can(socket))?;
            return Some(End { label: "a raw socket whose process was not seen".to_owned(), ..End::default() });
        }
        Some(End { label: format!("a raw socket, possibly of {}", either(&holders)), ..End::default() })
    }

    /// What the kernel sends in datagrams to that port of others: tunnels of its own.
    fn tunnel(&self, port: Option<u16>) -> Option<String> {
        let port = port?;
        let of_kind =
            |kind: &str| self.evidence.interfaces.interfaces.iter().any(|of| of.kind.as_deref() == Some(kind));
        let (name, kinds): (&str, &[&str]) = match port {
            4789 | 8472 => ("VXLAN, ", &["vxlan"]),
            4790 => ("VXLAN-GPE, ", &["vxlan"]),
            6081 => ("Geneve, ", &["geneve"]),
            51_820 => ("WireGuard, ", &["wireguard"]),
            _ => ("", &[]),
        };
        let listens = self.listeners.get(&("udp", port)).into_iter().flatten();
        let in_kernel = listens.clone().any(|listener| listener.in_kernel == Some(true));
        (in_kernel || kinds.iter().any(|kind| of_kind(kind))).then(|| format!("the kernel ({name}UDP to port {port})"))
    }
}

/// Books what this host itself sent to its guests.
fn book_inside(part: Allocation, entries: &mut Entries) {
    let end = End { label: "sent to guests of this host, by this host itself".to_owned(), ..End::default() };
    entries.book(EntryKind::Forwarded, end, part);
}
