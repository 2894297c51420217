//! Who sent what left: sockets and their processes, the kernel in answer to what came in, guests, or nobody that was seen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WindowEvidence;
use super::buckets::{Allocation, End, Entries, Scale};
use super::groups::same_service;
use super::guests::Guests;
use crate::case::{EntryKind, Process};
use crate::probe::capture::Capture;
use crate::probe::capture::output::{Opener, SentEndpoint, SentOthers, SentParts};
use crate::probe::interfaces::Interface;
use crate::probe::protocol::ip_protocol;
use crate::probe::sockets::{Connection, Listener, RawSocket};

/// Remotes and ports that are listed for one sender.
const LISTED: usize = 16;
/// The share from which on one of several stands for all.
const STANDS_FOR_ALL: f64 = 0.8;
/// The share of what left over a protocol that the kernel must have made for its packets to be taken as its own.
const MADE_BY_SOCKETS: f64 = 0.9;
/// The share of what a sender sent that may have left from ports that are not listed, for the figures of the others to stand for all.
const FEW: f64 = 0.05;
/// Segments that a packet of the largest size is cut into: 64 KiB in pieces of 1,000 bytes.
const MOST_SEGMENTS: u64 = 64;
/// Connections that a process waits for at a time to be taken for who opens those that came to nothing.
const OPENING: u32 = 10;
/// By how much figures of two sources may differ and still be of the same thing.
const CLOSE: f64 = 0.1;
/// The share up to which what came in cannot explain what bears addresses of others.
const FORGED: f64 = 0.25;
const NOTHING: Allocation = Allocation { packets: 0, bytes: 0.0 };
/// Headers of a datagram on the wire: Ethernet, IPv4 and UDP.
const DATAGRAM_HEADERS: u64 = 42;

/// Who sent some of what left: processes that belong together, the kernel for a guest, or somebody that was not seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sender {
    /// For people: `rsync (pid 1423)`.
    pub label: String,
    /// The kind of its entries: `process`, `unseen_owner`, `forwarded`, `kernel`.
    pub kind: EntryKind,
    /// The process that sent most; none when no owner was seen.
    pub process: Option<Process>,
    /// How many processes they are; 0 when no owner was seen.
    pub processes: u32,
    /// The container, pod or machine that they live in, or that it was sent on for.
    pub container: Option<String>,
    /// Whether it left by a raw or packet socket, as far as that can be told.
    pub raw: bool,
    /// `tcp`, `udp` …
    pub protocol: Option<String>,
    /// The local address, of what is forwarded the guest's; none when there are several.
    pub address: Option<String>,
    /// The local ports, those that most left from first, at most 16.
    pub ports: Vec<u16>,
    /// How many local ports there are.
    pub ports_count: u32,
    /// Bytes on the wire, link headers included, with what was sent again.
    pub bytes: u64,
    /// Packets on the wire.
    pub packets: u64,
    /// Share of all that left.
    pub share: f64,
    /// Of the bytes, what had been sent before (TCP).
    pub again_bytes: u64,
    /// Bytes that came to the same local ports; none where that is not known, as of what is sent on, of forged addresses, and where
    /// too many ports sent for each to be listed.
    pub received_bytes: Option<u64>,
    /// Packets that came to them, likewise.
    pub received_packets: Option<u64>,
    /// SYNs sent.
    pub syn: u64,
    /// SYN-ACKs that came back; none where that is not known.
    pub syn_ack: Option<u64>,
    /// RSTs that came back; none where that is not known.
    pub rst: Option<u64>,
    /// To whom most was sent, most bytes first, at most 16, of the flows that are listed.
    pub remotes: Vec<IpAddr>,
    /// To how many it sent, at least, as far as the flows that are kept tell; none where they tell of none.
    pub remotes_count: Option<u64>,
    /// Share of the bytes that went to the first of `remotes`, never too high.
    pub top_remote_share: Option<f64>,
    /// The remote port that most went to, if one stands out.
    pub remote_port: Option<u16>,
    /// Who opened the connections that carried most: `remote` or `local`; none for datagrams and where it was not seen.
    pub opened_by: Option<String>,
}

/// What was booked on an end, with the endpoint that it left from.
#[derive(Debug, Clone)]
pub(super) struct Sent<'a> {
    end: End,
    kind: EntryKind,
    raw: bool,
    endpoint: Option<&'a SentEndpoint>,
    others: Option<&'a SentOthers>,
    packets: u64,
    bytes: f64,
    again: f64,
}

/// The sockets of the host by port, and what else may send.
pub(super) struct Holders<'a> {
    evidence: &'a WindowEvidence<'a>,
    scale: Scale,
    listeners: HashMap<(&'a str, u16), Vec<&'a Listener>>,
    connections: HashMap<u16, Vec<&'a Connection>>,
    /// What processes sent over connections that are not open any more.
    closed: Vec<(&'a Process, u64)>,
    /// UDP payload that processes sent and that is booked on no port yet.
    udp_left: Vec<(&'a Process, f64)>,
    /// The kernel's own TCP and UDP made what left, not raw or packet sockets.
    made_by_tcp: bool,
    made_by_udp: bool,
    /// Datagrams that the kernel's sockets made, and those that left.
    datagrams: Option<u64>,
    udp_sent: u64,
    /// TCP payload that left from ports that no open socket holds.
    tcp_unheld: u64,
    pub sent: Vec<Sent<'a>>,
}

impl<'a> Holders<'a> {
    pub fn of(evidence: &'a WindowEvidence<'a>, capture: &'a Capture, scale: Scale) -> Self {
        let mut listeners: HashMap<_, Vec<_>> = HashMap::new();
        let mut connections: HashMap<_, Vec<_>> = HashMap::new();
        let (mut closed, mut udp_left) = (Vec::new(), Vec::new());
        if let Some(sockets) = evidence.sockets {
            for listener in &sockets.listeners {
                listeners.entry((listener.protocol.as_str(), listener.port)).or_default().push(listener);
            }
            for connection in &sockets.connections {
                connections.entry(connection.local_port).or_default().push(connection);
            }
            for traffic in sockets.processes.iter().flatten() {
                let of_it = |connection: &&Connection| connection.process.as_ref() == Some(&traffic.process);
                let open: u64 =
                    sockets.connections.iter().filter(of_it).filter_map(|connection| connection.tx_bytes).sum();
                closed.push((&traffic.process, traffic.tx_bytes.unwrap_or(0).saturating_sub(open)));
                udp_left.push((&traffic.process, traffic.udp_tx_bytes.unwrap_or(0) as f64));
            }
        }
        closed.retain(|(_, left)| *left > 0);
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
            closed,
            udp_left,
            made_by_tcp: sums(segments, capture.tcp.tx_packets),
            made_by_udp: sums(datagrams, capture.udp.tx_packets),
            datagrams,
            udp_sent: capture.udp.tx_packets,
            tcp_unheld: 0,
            sent: Vec::new(),
        }
    }

    /// Books all that bears a local port, or an address of somebody else.
    pub fn book(&mut self, parts: &'a SentParts, guests: &Guests<'_>, entries: &mut Entries) {
        let mut unheld: Vec<(&'a SentEndpoint, Allocation)> = Vec::new();
        // What sockets account for comes first: the rest of what their processes sent is what may have left from other ports.
        let (held, rest): (Vec<_>, Vec<_>) = parts.endpoints.iter().partition(|endpoint| self.is_held(endpoint));
        self.tcp_unheld = rest.iter().filter(|of| of.protocol == "tcp").map(|of| of.payload_bytes).sum();
        for endpoint in held.into_iter().chain(rest) {
            let merged = if self.scale.with_merged_headers { endpoint.merged_header_bytes } else { 0 };
            let packets = if self.scale.with_merged_headers { endpoint.wire_packets } else { endpoint.packets };
            let whole = self.scaled(packets, endpoint.bytes + merged);
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
        self.book_unheld(&unheld, others as f64, entries);
        for other in &parts.others {
            self.book_others(other, entries);
        }
        self.book_foreign(parts, guests, entries);
    }

    fn scaled(&self, packets: u64, bytes: u64) -> Allocation {
        Allocation {
            packets: (packets as f64 * self.scale.factor).round() as u64,
            bytes: bytes as f64 * self.scale.factor,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an end, what it gets, and why")]
    fn put(
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
        if let Some((_, rest)) = self.closed.iter_mut().find(|(process, _)| Some(*process) == accepting) {
            *rest = rest.saturating_sub(over);
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
        if let Some(raw) = self.raw_holder(Some("tcp")).filter(|_| !self.made_by_tcp) {
            let end = End { protocol: Some("tcp".to_owned()), ..raw };
            return self.put(EntryKind::UnseenOwner, end, true, Some(endpoint), left, again, entries);
        }
        let opens_alone = endpoint.syn > 0 && endpoint.payload_bytes == 0;
        // Only who alone sent as much as left by all such connections is taken for it.
        let unheld = self.tcp_unheld;
        let sent_as_much = |rest: u64| rest.abs_diff(unheld) as f64 <= unheld as f64 * CLOSE;
        let much = |rest: u64| rest as f64 >= endpoint.payload_bytes as f64 * CLOSE;
        let mut candidates = self.closed.iter().filter(|(_, rest)| *rest > 0 && much(*rest));
        if let (Some((process, rest)), None) = (candidates.next(), candidates.next())
            && !opens_alone
            && sent_as_much(*rest)
        {
            let end = end(endpoint, Some(process), None);
            return self.put(EntryKind::Process, end, false, Some(endpoint), left, again, entries);
        }
        let label = match opens_alone {
            true => opened_in_vain(endpoint.rx_rst > 0),
            false => "connections that closed within the window, whose process was not seen",
        };
        let opener = self.opener().filter(|_| opens_alone);
        let end = opener.unwrap_or(End { label: label.to_owned(), ..End::default() });
        let kind = if end.process.is_some() { EntryKind::Process } else { EntryKind::UnseenOwner };
        let end = End { protocol: Some("tcp".to_owned()), ..end };
        self.put(kind, end, false, Some(endpoint), left, again, entries);
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
    fn book_unheld(&mut self, unheld: &[(&'a SentEndpoint, Allocation)], others: f64, entries: &mut Entries) {
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
            let raw = self.raw_holder(Some("udp")).filter(|_| !self.made_by_udp);
            let is_raw = raw.is_some();
            let label = match names[..] {
                [] => "datagrams from ports that no socket holds any more, whose process was not seen".to_owned(),
                _ => format!("datagrams from ports that no socket holds any more, possibly of {}", either(&names)),
            };
            let end = raw.unwrap_or(End { label, ..End::default() });
            let end = End { protocol: Some("udp".to_owned()), ..end };
            self.put(EntryKind::UnseenOwner, end, is_raw, Some(endpoint), rest, 0.0, entries);
        }
        // The rest of what they sent may be in ports that are not listed.
        let rest = if payload > 0.0 { others / payload } else { 0.0 };
        self.udp_left = left.into_iter().map(|(process, sent)| (process, sent * rest)).collect();
    }

    /// Bytes that went to this host itself or by interfaces that were not watched, at most.
    fn elsewhere(&self) -> f64 {
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
    fn book_others(&mut self, other: &'a SentOthers, entries: &mut Entries) {
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
        let raw = self.raw_holder(Some(protocol)).filter(|_| !made);
        let is_raw = raw.is_some();
        let label = match opens {
            true => opened_in_vain(other.rx_rst.unwrap_or(0) > 0).to_owned(),
            false => format!("{name} from many other ports, whose process was not seen"),
        };
        let end = raw.or_else(|| self.opener().filter(|_| opens)).unwrap_or(End { label, ..End::default() });
        let kind = if end.process.is_some() { EntryKind::Process } else { EntryKind::UnseenOwner };
        let booked = self.sent.len();
        self.put(kind, End { protocol: Some(protocol.to_owned()), ..end }, is_raw, None, left, 0.0, entries);
        if let Some(sent) = self.sent.get_mut(booked).filter(|_| protocol == "tcp") {
            sent.others = Some(other);
        }
    }

    /// Books what bears addresses of others: sent by sockets here that are bound to such, sent on for others, or forged.
    fn book_foreign(&mut self, parts: &'a SentParts, guests: &Guests<'_>, entries: &mut Entries) {
        let Some(sent) = self.evidence.capture.and_then(|capture| capture.sent.as_ref()) else { return };
        let mut left = self.scaled(sent.foreign_packets, sent.foreign_bytes);
        if left.packets == 0 {
            return;
        }
        let inner = |name: &str| self.leads_inward(name, guests);
        let inward: Vec<&str> = parts.left.iter().map(|of| of.interface.as_str()).filter(|name| inner(name)).collect();
        let of_inner = parts.left.iter().filter(|of| inward.contains(&of.interface.as_str()));
        let mut to_guests = of_inner.map(|of| self.scaled(of.packets, of.bytes)).fold(NOTHING, Allocation::plus);
        let mut known = NOTHING;
        let mut strange: Vec<(IpAddr, Allocation)> = Vec::new();
        for row in &parts.foreign {
            let mut of_it = take(&mut left, self.scaled(row.packets, row.bytes));
            self.book_bound(row.address, &mut of_it, entries);
            if row.interface.as_deref().is_some_and(|name| inward.contains(&name)) {
                take(&mut to_guests, of_it);
                book_inward(row.interface.as_deref(), of_it, entries);
            } else if self.is_behind(row.address, row.interface.as_deref(), guests) {
                known = known.plus(of_it);
                self.put(EntryKind::Forwarded, forwarded_for(row.address, guests), false, None, of_it, 0.0, entries);
            } else {
                strange.push((row.address, of_it));
            }
        }
        // Of addresses that are not listed, what left towards guests came from elsewhere.
        book_inward(None, take(&mut left, to_guests), entries);
        let rest = strange.iter().fold(left, |sum, (_, of_it)| sum.plus(*of_it));
        let label = match self.sent_on(rest, known) {
            Some(true) => {
                for (address, of_it) in strange {
                    self.put(EntryKind::Forwarded, forwarded_for(address, guests), false, None, of_it, 0.0, entries);
                }
                let end = End { label: "forwarded for others".to_owned(), ..End::default() };
                return self.put(EntryKind::Forwarded, end, false, None, left, 0.0, entries);
            }
            Some(false) => "packets with forged addresses",
            None => "packets with addresses of others, sent on or forged",
        };
        let by =
            self.raw_holder(None).map_or("whose process was not seen".to_owned(), |raw| format!("by {}", raw.label));
        let end = End { label: format!("{label}, {by}"), ..End::default() };
        self.put(EntryKind::UnseenOwner, end, true, None, rest, 0.0, entries);
    }

    /// Books what sockets here sent that are bound to an address which is not this host's, as those of transparent proxies are.
    fn book_bound(&mut self, address: IpAddr, of_it: &mut Allocation, entries: &mut Entries) {
        let Some(sockets) = self.evidence.sockets else { return };
        let is_it = |other: IpAddr| other.to_canonical() == address.to_canonical();
        let mut holders: Vec<(&'a Process, &str, f64)> = Vec::new();
        for connection in sockets.connections.iter().filter(|connection| is_it(connection.local_address)) {
            let Some(process) = &connection.process else { continue };
            let bytes = connection.tx_bytes.unwrap_or(0) as f64 + f64::from(connection.tx_queue);
            match holders.iter_mut().find(|(known, ..)| *known == process) {
                Some((.., sum)) => *sum += bytes,
                None => holders.push((process, "tcp", bytes)),
            }
        }
        for listener in sockets.listeners.iter().filter(|of| of.protocol == "udp" && is_it(of.address)) {
            let Some(process) = &listener.process else { continue };
            if holders.iter().all(|(known, ..)| *known != process) {
                let traffic = sockets.processes.iter().flatten().find(|traffic| traffic.process == *process);
                // Where nothing counts what it sends, all that bears its address may be its.
                let bytes =
                    traffic.and_then(|traffic| traffic.udp_tx_bytes).map_or(f64::INFINITY, |bytes| bytes as f64);
                holders.push((process, "udp", bytes));
            }
        }
        let only = holders.len() == 1;
        for (process, protocol, bytes) in holders.into_iter().filter(|(.., bytes)| only || bytes.is_finite()) {
            let with_headers = if protocol == "udp" { bytes * 2.0 } else { bytes * (1.0 + CLOSE) };
            let part = share(*of_it, (with_headers / of_it.bytes.max(1.0)).min(1.0));
            let part = take(of_it, if with_headers >= of_it.bytes * STANDS_FOR_ALL { *of_it } else { part });
            let (label, protocol) = (process.to_string(), Some(protocol.to_owned()));
            let end = End { label, protocol, address: Some(address), process: Some(process.clone()), ..End::default() };
            self.put(EntryKind::Process, end, false, None, part, 0.0, entries);
        }
    }

    /// Whether an interface leads to guests of this host and not to the world.
    fn leads_inward(&self, name: &str, guests: &Guests<'_>) -> bool {
        let interfaces = self.evidence.interfaces;
        let Some(way_out) = interfaces.default_route.as_deref() else { return false };
        let mut ports = interfaces.interfaces.iter().filter(|port| port.master.as_deref() == Some(name));
        let is_port_of_it =
            interfaces.interfaces.iter().any(|of| of.name == name && of.master.as_deref() == Some(way_out));
        name != way_out
            && !is_port_of_it
            && (guests.behind(name).is_some() || ports.any(|port| guests.behind(&port.name).is_some()))
    }

    /// Whether an address is of a guest, of a neighbour on another network than the one that its packets left by, or of somebody whose
    /// connections are translated.
    fn is_behind(&self, address: IpAddr, left_by: Option<&str>, guests: &Guests<'_>) -> bool {
        let interfaces = self.evidence.interfaces;
        let way_out = left_by.or(interfaces.default_route.as_deref()).unwrap_or(&interfaces.watched.name);
        let inner = interfaces.interfaces.iter().filter(|of| of.name != way_out && of.link != "loopback");
        let mut networks = inner.flat_map(|of| &of.addresses);
        guests.at(address, "tcp", None).is_some()
            || self.evidence.translations.iter().any(|mapping| mapping.inner_address == address)
            || networks.any(|of| of.prefix > 0 && is_within(address, of.address, of.prefix))
    }

    /// Whether what bears addresses that are nobody's here was sent on for others: only what came in can be. `known` came in, too, and
    /// was for guests that are known. None where that cannot be told.
    fn sent_on(&self, rest: Allocation, known: Allocation) -> Option<bool> {
        let interfaces = self.evidence.interfaces;
        let kernel = self.evidence.kernel;
        let routed = kernel.and_then(|kernel| {
            let v6 = kernel.ip6.as_ref().and_then(|ip6| ip6.forwarded).unwrap_or(0);
            Some(kernel.ip.forwarded? + v6)
        });
        // Without the counters nobody can tell forged from forwarded.
        let Some(routed) = routed else { return Some(true) };
        let bridged = interfaces.interfaces.iter().any(|of| of.master.is_some()) || !interfaces.guests.is_empty();
        // What IP forwards as one may leave as many segments.
        let may_be_routed = routed > known.packets && routed - known.packets >= rest.packets / MOST_SEGMENTS;
        let unseen = !interfaces.interfaces.iter().all(|of| of.rx.packets.is_some() && of.rx.bytes.is_some())
            || interfaces.interfaces.is_empty()
            || interfaces.interfaces_left_out > 0
            || interfaces.guests.iter().any(|guest| guest.interface.is_none());
        if self.raw_holder(None).is_none() || (unseen && (bridged || interfaces.interfaces.is_empty())) {
            return Some(bridged || may_be_routed);
        }
        let watched = interfaces.watched.name.as_str();
        let other =
            |of: &&Interface| of.name != watched && of.link != "loopback" && of.kind.as_deref() != Some("bridge");
        let others = || interfaces.interfaces.iter().filter(other);
        let packets: u64 = others().filter_map(|of| of.rx.packets).fold(0, u64::saturating_add);
        let bytes: u64 = others().filter_map(|of| of.rx.bytes).fold(0, u64::saturating_add);
        let beside = (packets.saturating_sub(known.packets) as f64 / rest.packets.max(1) as f64)
            .max((bytes as f64 - known.bytes).max(0.0) / rest.bytes.max(1.0));
        let beside = if bridged || may_be_routed { beside } else { 0.0 };
        // A router with one leg sends on by the interface that brought it.
        let back = interfaces.watched.rx.packets.unwrap_or(0).min(routed) as f64 / rest.packets.max(1) as f64;
        match (beside, beside + back) {
            (beside, _) if beside >= STANDS_FOR_ALL => Some(true),
            (_, most) if most < FORGED => Some(false),
            _ => None,
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
            let of_port = self.listeners.get(&(endpoint.protocol.as_str(), mapping.inner_port?))?;
            let process = of_port.iter().find_map(|listener| listener.process.as_ref())?;
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

    /// Who opens connections that are not answered at once, where that is one process alone.
    fn opener(&self) -> Option<End> {
        let [only] = &self.evidence.sockets?.opening[..] else { return None };
        let process = only.process.clone().filter(|_| only.connections >= OPENING)?;
        Some(End { label: process.to_string(), process: Some(process), ..End::default() })
    }

    /// Who may have made packets below TCP and UDP, of that protocol or with addresses of others: none where no socket can have. Nothing
    /// counts what such a socket sends, so it is nobody's for sure.
    fn raw_holder(&self, protocol: Option<&str>) -> Option<End> {
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

/// Books what was sent on to guests, which no guest sends.
fn book_inward(interface: Option<&str>, part: Allocation, entries: &mut Entries) {
    let by = interface.map_or(String::new(), |name| format!(" by {name}"));
    let end = End { label: format!("sent on to guests of this host{by}"), ..End::default() };
    entries.book(EntryKind::Forwarded, end, part);
}

fn forwarded_for(address: IpAddr, guests: &Guests<'_>) -> End {
    let guest = guests.at(address, "tcp", None);
    let whose = guest.as_ref().map_or(String::new(), |guest| format!(", {}", guest.name));
    End {
        label: format!("forwarded for {address}{whose}"),
        address: Some(address),
        container: guest.map(|guest| guest.name),
        ..End::default()
    }
}

/// Whether an address is in the network of another.
fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let bits = |address: IpAddr| match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, true),
        IpAddr::V6(address) => (u128::from(address), false),
    };
    let ((mine, v4), (yours, also_v4)) = (bits(address), bits(network));
    v4 == also_v4 && (mine ^ yours).leading_zeros() >= u32::from(prefix)
}

/// Whether a socket below TCP and UDP can make packets of the protocol; none is of several, with addresses of others.
fn can_make(socket: &RawSocket, protocol: Option<&str>) -> bool {
    const ALL: u16 = 3;
    match (socket.kind.as_str(), socket.number) {
        ("packet", ethertype) => matches!(ethertype, 0 | ALL | 0x0800 | 0x86dd),
        ("raw", 255) => true,
        ("raw", number) => match protocol {
            Some(protocol) => u8::try_from(number).is_ok_and(|number| ip_protocol(number) == protocol),
            None => !matches!(number, 1 | 58),
        },
        _ => false,
    }
}

/// `a or b or c`, of many the first three.
fn either(processes: &[&Process]) -> String {
    let named: Vec<String> = processes.iter().take(3).map(ToString::to_string).collect();
    let more = if processes.len() > 3 { format!(" or of {} others", processes.len() - 3) } else { String::new() };
    format!("{}{more}", named.join(" or of "))
}

/// Whether the kernel made what left, as far as it counts that.
fn sums(made: Option<u64>, left: u64) -> bool {
    made.is_none_or(|made| made as f64 >= left as f64 * MADE_BY_SOCKETS)
}

/// The processes that hold sockets below TCP and UDP of some kind.
pub(super) fn holders_below<'a>(evidence: &WindowEvidence<'a>, which: impl Fn(&RawSocket) -> bool) -> Vec<&'a Process> {
    let raw = evidence.sockets.and_then(|sockets| sockets.raw.as_ref()).into_iter().flatten();
    let mut holders: Vec<&Process> = Vec::new();
    for process in raw.filter(|socket| which(socket)).filter_map(|socket| socket.process.as_ref()) {
        if !holders.contains(&process) {
            holders.push(process);
        }
    }
    holders
}

fn opened_in_vain(refused: bool) -> &'static str {
    match refused {
        true => "connections that were refused, whose process was not seen",
        false => "connections that were opened in vain, whose process was not seen",
    }
}

fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

fn end(endpoint: &SentEndpoint, process: Option<&Process>, unit: Option<&str>) -> End {
    let port = endpoint.port.map_or(String::new(), |port| format!(" port {port}"));
    let protocol = endpoint.protocol.to_uppercase();
    let label = match (process, unit) {
        (Some(process), _) => process.to_string(),
        (None, Some(unit)) => format!("{unit} ({protocol}{port}), process not seen"),
        (None, None) => format!("{protocol}{port}, owner not seen"),
    };
    End {
        label,
        protocol: Some(endpoint.protocol.clone()),
        address: Some(endpoint.address),
        port: endpoint.port,
        process: process.cloned(),
        ..End::default()
    }
}

fn share(whole: Allocation, share: f64) -> Allocation {
    let share = share.clamp(0.0, 1.0);
    Allocation { packets: (whole.packets as f64 * share).round() as u64, bytes: whole.bytes * share }
}

/// Takes a part, at most what is left.
fn take(left: &mut Allocation, part: Allocation) -> Allocation {
    let part = Allocation { packets: part.packets.min(left.packets), bytes: part.bytes.min(left.bytes) };
    *left = Allocation { packets: left.packets - part.packets, bytes: left.bytes - part.bytes };
    part
}

/// Who sent, those that belong together added up, most bytes first.
pub(super) fn senders(
    sent: Vec<Sent<'_>>,
    total: u64,
    evidence: &WindowEvidence<'_>,
    guests: &Guests<'_>,
) -> Vec<Sender> {
    let mut groups: Vec<Vec<Sent<'_>>> = Vec::new();
    // Processes and labels are looked up, not compared one by one: a host may send from thousands of ports.
    let mut known: HashMap<(Option<i32>, Option<String>, String), usize> = HashMap::new();
    for one in sent {
        let name = if one.end.process.is_some() { String::new() } else { one.end.label.clone() };
        // What is sent on for a guest is one, whatever the protocol.
        let key = match one.kind {
            EntryKind::Forwarded => (None, None, one.end.container.clone().unwrap_or(name)),
            _ => (one.end.process.as_ref().map(|process| process.pid), one.end.protocol.clone(), name),
        };
        let place = *known.entry(key).or_insert_with(|| {
            let alike = |group: &Vec<Sent<'_>>| {
                let (mine, yours) = (&group[0].end, &one.end);
                let (Some(of), Some(other)) = (&mine.process, &yours.process) else { return false };
                mine.protocol == yours.protocol && group[0].kind == one.kind && same_service(of, other)
            };
            groups.iter().position(alike).unwrap_or_else(|| {
                groups.push(Vec::new());
                groups.len() - 1
            })
        });
        groups[place].push(one);
    }
    let mut senders: Vec<Sender> = groups.iter().map(|group| sender(group, total, evidence, guests)).collect();
    senders.sort_by_key(|sender| std::cmp::Reverse(sender.bytes));
    senders
}

fn sender(group: &[Sent<'_>], total: u64, evidence: &WindowEvidence<'_>, guests: &Guests<'_>) -> Sender {
    let first = &group[0];
    let bytes: f64 = group.iter().map(|sent| sent.bytes).sum();
    let mut members: BTreeMap<i32, (&Process, f64)> = BTreeMap::new();
    for (process, sent) in group.iter().filter_map(|sent| Some((sent.end.process.as_ref()?, sent.bytes))) {
        members.entry(process.pid).or_insert((process, 0.0)).1 += sent;
    }
    let process = members.values().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(process, _)| *process);
    let mut endpoints: Vec<&SentEndpoint> = Vec::new();
    let mut keys: HashSet<(&str, IpAddr, Option<u16>)> = HashSet::new();
    for endpoint in group.iter().filter_map(|sent| sent.endpoint) {
        if keys.insert((endpoint.protocol.as_str(), endpoint.address, endpoint.port)) {
            endpoints.push(endpoint);
        }
    }
    endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.bytes));
    let sum = |of: fn(&SentEndpoint) -> u64| endpoints.iter().map(|endpoint| of(endpoint)).sum::<u64>();
    let others = || group.iter().filter_map(|sent| sent.others);
    // Of what left from ports that are not listed nobody knows what came back, nor of what bears addresses of others.
    let unlisted: f64 = group.iter().filter(|sent| sent.endpoint.is_none()).map(|sent| sent.bytes).sum();
    let is_listed = unlisted <= bytes * FEW;
    let came_back = |of: fn(&SentEndpoint) -> u64, there: fn(&SentOthers) -> Option<u64>| {
        let known = is_listed || others().next().is_some();
        let beside: Option<u64> = others().map(there).sum();
        beside.filter(|_| known).map(|beside| sum(of) + beside)
    };
    let left: u64 = sum(|endpoint| endpoint.bytes);
    let mut remotes: HashMap<IpAddr, u64> = HashMap::new();
    let mut ports: HashMap<u16, u64> = HashMap::new();
    let flows = evidence.capture.map_or(&[][..], |capture| &capture.flows);
    let mut of_flows = 0;
    for flow in flows.iter().filter(|flow| flow.tx_bytes > 0) {
        if keys.contains(&(flow.protocol.as_str(), flow.local_address, flow.local_port)) {
            *remotes.entry(flow.remote_address).or_default() += flow.tx_bytes;
            of_flows += flow.tx_bytes;
            if let Some(port) = flow.remote_port {
                *ports.entry(port).or_default() += flow.tx_bytes;
            }
        }
    }
    let mut remotes: Vec<(IpAddr, u64)> = remotes.into_iter().collect();
    remotes.sort_by_key(|(address, bytes)| (std::cmp::Reverse(*bytes), *address));
    // Ports may send to the same remotes.
    let of_a_port = endpoints.iter().map(|endpoint| endpoint.remotes).max().unwrap_or(0);
    let remotes_count = of_a_port.max(remotes.len() as u64);
    let remote_port = ports.into_iter().max_by_key(|(_, bytes)| *bytes);
    let remote_port = remote_port.filter(|(_, bytes)| *bytes as f64 >= STANDS_FOR_ALL * of_flows as f64);
    let opened = |opener: Opener| {
        let of_it = endpoints.iter().filter(|endpoint| endpoint.opened_by == Some(opener));
        of_it.map(|endpoint| endpoint.bytes).sum::<u64>()
    };
    let (here, there) = (opened(Opener::Local), opened(Opener::Remote));
    // By what they carried, where no flow tells.
    let mut told: BTreeMap<&str, u64> = BTreeMap::new();
    for connection in evidence.sockets.iter().flat_map(|sockets| &sockets.connections) {
        let is_of_it = keys.contains(&("tcp", connection.local_address, Some(connection.local_port)));
        if let Some(opener) = connection.opened_by.as_deref().filter(|_| is_of_it) {
            let sent = connection.tx_bytes.unwrap_or(0).saturating_add(u64::from(connection.tx_queue));
            let sum = told.entry(opener).or_default();
            *sum = sum.saturating_add(sent);
        }
    }
    let told = told.into_iter().max_by_key(|(_, sent)| *sent).map(|(opener, _)| opener.to_owned());
    let addresses: HashSet<Option<IpAddr>> = group.iter().map(|sent| sent.end.address).collect();
    let container = first.end.container.clone().or_else(|| guests.container_of(process?.pid));
    let label = match (process, members.len()) {
        (Some(process), 2..) => match &process.unit {
            Some(unit) => format!("{unit} ({} × {})", members.len(), process.name),
            None => format!("{} × {}", members.len(), process.name),
        },
        _ => first.end.label.clone(),
    };
    Sender {
        label,
        kind: first.kind,
        process: process.cloned(),
        processes: members.len() as u32,
        container,
        raw: group.iter().any(|sent| sent.raw),
        protocol: first.end.protocol.clone(),
        address: if addresses.len() == 1 { first.end.address.map(|address| address.to_string()) } else { None },
        ports: endpoints.iter().filter_map(|endpoint| endpoint.port).take(LISTED).collect(),
        ports_count: endpoints.len() as u32,
        bytes: bytes.round() as u64,
        packets: group.iter().map(|sent| sent.packets).sum(),
        share: if total == 0 { 0.0 } else { (bytes / total as f64).min(1.0) },
        again_bytes: group.iter().map(|sent| sent.again).sum::<f64>().round() as u64,
        received_bytes: is_listed.then(|| sum(|endpoint| endpoint.rx_bytes)),
        received_packets: is_listed.then(|| sum(|endpoint| endpoint.rx_packets)),
        syn: sum(|endpoint| endpoint.syn) + others().map(|others| others.syn).sum::<u64>(),
        syn_ack: came_back(|endpoint| endpoint.rx_syn_ack, |others| others.rx_syn_ack),
        rst: came_back(|endpoint| endpoint.rx_rst, |others| others.rx_rst),
        remotes_count: Some(remotes_count).filter(|count| *count > 0),
        top_remote_share: remotes.first().map(|(_, bytes)| (*bytes as f64 / left.max(1) as f64).min(1.0)),
        remotes: remotes.into_iter().take(LISTED).map(|(address, _)| address).collect(),
        remote_port: remote_port.map(|(port, _)| port),
        opened_by: match (here, there) {
            (0, 0) => told,
            (here, there) => Some(if here >= there { "local" } else { "remote" }.to_owned()),
        },
    }
}
