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
use crate::probe::sockets::{Connection, Listener, RawSocket};

/// Remotes and ports that are listed for one sender.
const LISTED: usize = 16;
/// The share from which on one of several stands for all.
const STANDS_FOR_ALL: f64 = 0.8;
/// The share of what left over a protocol that the kernel must have made for its packets to be taken as its own.
const MADE_BY_SOCKETS: f64 = 0.9;
/// Segments that a packet of the largest size is cut into: 64 KiB in pieces of 1,000 bytes.
const MOST_SEGMENTS: u64 = 64;
/// Connections that a process waits for at a time to be taken for who opens those that came to nothing.
const OPENING: u32 = 10;
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
    /// Bytes that came to the same local ports.
    pub received_bytes: u64,
    /// Packets that came to them.
    pub received_packets: u64,
    /// SYNs sent.
    pub syn: u64,
    /// SYN-ACKs that came back.
    pub syn_ack: u64,
    /// RSTs that came back.
    pub rst: u64,
    /// To whom most was sent, most bytes first, at most 16, of the flows that are listed.
    pub remotes: Vec<IpAddr>,
    /// To how many it sent, of the flows that are kept, added up over the ports: a lower bound where there are very many.
    pub remotes_count: u64,
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
        let sums = |made: Option<u64>, left: u64| made.is_none_or(|made| made as f64 >= left as f64 * MADE_BY_SOCKETS);
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
            sent: Vec::new(),
        }
    }

    /// Books all that bears a local port, or an address of somebody else.
    pub fn book(&mut self, parts: &'a SentParts, guests: &Guests<'_>, entries: &mut Entries) {
        let mut unheld: Vec<(&'a SentEndpoint, Allocation)> = Vec::new();
        for endpoint in &parts.endpoints {
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
                    let holder = if number { None } else { self.raw_holder() };
                    let label =
                        holder.as_ref().map_or_else(|| format!("the kernel ({protocol})"), |end| end.label.clone());
                    let end = End { label, protocol: Some(protocol.to_owned()), ..holder.unwrap_or_default() };
                    let kind = if end.process.is_some() { EntryKind::Process } else { EntryKind::Kernel };
                    self.put(kind, end, false, Some(endpoint), whole, 0.0, entries);
                }
            }
        }
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
        if let Some(raw) = self.raw_holder().filter(|_| !self.made_by_tcp) {
            let kind = if raw.process.is_some() { EntryKind::Process } else { EntryKind::UnseenOwner };
            let end = End { protocol: Some("tcp".to_owned()), ..raw };
            return self.put(kind, end, true, Some(endpoint), left, again, entries);
        }
        let opens_alone = endpoint.syn > 0 && endpoint.payload_bytes == 0;
        if let Some((process, rest)) = self.closed.iter_mut().filter(|_| !opens_alone).max_by_key(|(_, rest)| *rest)
            && *rest >= endpoint.payload_bytes / 2
            && endpoint.payload_bytes > 0
        {
            *rest = rest.saturating_sub(endpoint.payload_bytes);
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
        let sum: f64 = holders.iter().map(|(_, sent)| sent).sum();
        let count = holders.len() as f64;
        for (process, sent) in holders {
            let part = if sum > 0.0 { sent / sum } else { 1.0 / count };
            if let Some((_, left)) = self.udp_left.iter_mut().find(|(known, _)| *known == process) {
                *left = (*left - endpoint.payload_bytes as f64 * part).max(0.0);
            }
            let end = end(endpoint, Some(process), None);
            self.put(EntryKind::Process, end, false, Some(endpoint), share(whole, part), 0.0, entries);
        }
        true
    }

    /// Books datagrams from ports that nobody holds any more: on those who sent datagrams by calls that fit no other port, then on who
    /// holds a raw socket.
    fn book_unheld(&mut self, unheld: &[(&'a SentEndpoint, Allocation)], others: f64, entries: &mut Entries) {
        let payload: f64 = unheld.iter().map(|(endpoint, _)| endpoint.payload_bytes as f64).sum::<f64>() + others;
        let left = std::mem::take(&mut self.udp_left);
        let known: f64 = left.iter().map(|(_, left)| left).sum();
        // What goes to this host itself is in the calls, too.
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
            let raw = self.raw_holder().filter(|_| !self.made_by_udp);
            let is_raw = raw.is_some();
            let label = "datagrams from ports that no socket holds any more, whose process was not seen";
            let end = raw.unwrap_or(End { label: label.to_owned(), ..End::default() });
            let kind = if end.process.is_some() { EntryKind::Process } else { EntryKind::UnseenOwner };
            let end = End { protocol: Some("udp".to_owned()), ..end };
            self.put(kind, end, is_raw, Some(endpoint), rest, 0.0, entries);
        }
        // The rest of what they sent may be in ports that are not listed.
        let rest = if payload > 0.0 { others / payload } else { 0.0 };
        self.udp_left = left.into_iter().map(|(process, sent)| (process, sent * rest)).collect();
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
        let raw = self.raw_holder().filter(|_| !made);
        let is_raw = raw.is_some();
        let label = match opens {
            true => opened_in_vain(other.rx_rst > 0).to_owned(),
            false => format!("{name} from many other ports, whose process was not seen"),
        };
        let end = raw.or_else(|| self.opener().filter(|_| opens)).unwrap_or(End { label, ..End::default() });
        let kind = if end.process.is_some() { EntryKind::Process } else { EntryKind::UnseenOwner };
        self.put(kind, End { protocol: Some(protocol.to_owned()), ..end }, is_raw, None, left, 0.0, entries);
        if let Some(sent) = self.sent.last_mut().filter(|_| protocol == "tcp") {
            sent.others = Some(other);
        }
    }

    /// Books what bears addresses of others: routed or bridged for them, or forged.
    fn book_foreign(&mut self, parts: &'a SentParts, guests: &Guests<'_>, entries: &mut Entries) {
        let Some(sent) = self.evidence.capture.and_then(|capture| capture.sent.as_ref()) else { return };
        let mut left = self.scaled(sent.foreign_packets, sent.foreign_bytes);
        if left.packets == 0 {
            return;
        }
        let kernel = self.evidence.kernel;
        let routed = kernel.and_then(|kernel| {
            let v6 = kernel.ip6.as_ref().and_then(|ip6| ip6.forwarded).unwrap_or(0);
            Some(kernel.ip.forwarded? + v6)
        });
        let interfaces = self.evidence.interfaces;
        let bridged = interfaces.interfaces.iter().any(|of| of.master.is_some()) || !interfaces.guests.is_empty();
        // Without the counters nobody can tell forged from forwarded.
        let may_be_forged = !bridged && self.raw_holder().is_some();
        let of_others = match routed {
            // What IP forwards as one may leave as many segments.
            Some(routed) if !may_be_forged && routed >= left.packets / MOST_SEGMENTS => left.packets,
            Some(routed) if !bridged => routed.min(left.packets),
            _ => left.packets,
        };
        let mut routed = share(left, of_others as f64 / left.packets.max(1) as f64);
        left = Allocation { packets: left.packets - routed.packets, bytes: left.bytes - routed.bytes };
        let all = routed;
        for row in &parts.foreign {
            let of_it = Allocation {
                packets: (all.packets as f64 * row.packets as f64 / sent.foreign_packets.max(1) as f64).round() as u64,
                bytes: all.bytes * row.bytes as f64 / sent.foreign_bytes.max(1) as f64,
            };
            let guest = guests.at(row.address, "tcp", None);
            let part = take(&mut routed, of_it);
            let whose = guest.as_ref().map_or(String::new(), |guest| format!(", {}", guest.name));
            let end = End {
                label: format!("forwarded for {}{whose}", row.address),
                address: Some(row.address),
                container: guest.map(|guest| guest.name),
                ..End::default()
            };
            self.put(EntryKind::Forwarded, end, false, None, part, 0.0, entries);
        }
        let label = "forwarded for others".to_owned();
        self.put(EntryKind::Forwarded, End { label, ..End::default() }, false, None, routed, 0.0, entries);
        if left.packets > 0 {
            let raw = self.raw_holder();
            let label = "packets with forged addresses, whose process was not seen".to_owned();
            let end = match raw {
                Some(raw) => End { label: format!("{} with forged addresses", raw.label), ..raw },
                None => End { label, ..End::default() },
            };
            let kind = if end.process.is_some() { EntryKind::Process } else { EntryKind::UnseenOwner };
            self.put(kind, end, true, None, left, 0.0, entries);
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
        let whose = guest.as_ref().map_or(String::new(), |guest| format!(", {}", guest.label));
        let end = End {
            label: format!("forwarded for {}{whose}", mapping.inner_address),
            protocol: Some(endpoint.protocol.clone()),
            address: Some(mapping.inner_address),
            process: guest.as_ref().and_then(|guest| guest.process.clone()),
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

    /// Who may have made packets of any port below TCP and UDP; none where nobody holds a socket for that.
    fn raw_holder(&self) -> Option<End> {
        let holders = holders_below(self.evidence, |socket| socket.kind != "ping");
        match &holders[..] {
            [] => None,
            [only] => {
                let label = format!("{only}, by a raw socket");
                Some(End { label, process: Some((*only).clone()), ..End::default() })
            }
            several => {
                let names: Vec<String> = several.iter().take(3).map(ToString::to_string).collect();
                Some(End { label: format!("a raw socket of {}", names.join(" or of ")), ..End::default() })
            }
        }
    }
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
        let key = (one.end.process.as_ref().map(|process| process.pid), one.end.protocol.clone(), name);
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
    let of_others = |of: fn(&SentOthers) -> u64| group.iter().filter_map(|sent| sent.others).map(of).sum::<u64>();
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
    let remote_port = ports.into_iter().max_by_key(|(_, bytes)| *bytes);
    let remote_port = remote_port.filter(|(_, bytes)| *bytes as f64 >= STANDS_FOR_ALL * of_flows as f64);
    let opened = |opener: Opener| {
        let of_it = endpoints.iter().filter(|endpoint| endpoint.opened_by == Some(opener));
        of_it.map(|endpoint| endpoint.bytes).sum::<u64>()
    };
    let (here, there) = (opened(Opener::Local), opened(Opener::Remote));
    let told = evidence.sockets.iter().flat_map(|sockets| &sockets.connections).find(|connection| {
        keys.contains(&("tcp", connection.local_address, Some(connection.local_port))) && connection.opened_by.is_some()
    });
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
        received_bytes: sum(|endpoint| endpoint.rx_bytes),
        received_packets: sum(|endpoint| endpoint.rx_packets),
        syn: sum(|endpoint| endpoint.syn) + of_others(|others| others.syn),
        syn_ack: sum(|endpoint| endpoint.rx_syn_ack) + of_others(|others| others.rx_syn_ack),
        rst: sum(|endpoint| endpoint.rx_rst) + of_others(|others| others.rx_rst),
        remotes_count: sum(|endpoint| endpoint.remotes).max(remotes.len() as u64),
        top_remote_share: remotes.first().map(|(_, bytes)| (*bytes as f64 / left.max(1) as f64).min(1.0)),
        remotes: remotes.into_iter().take(LISTED).map(|(address, _)| address).collect(),
        remote_port: remote_port.map(|(port, _)| port),
        opened_by: match (here, there) {
            (0, 0) => told.and_then(|connection| connection.opened_by.clone()),
            (here, there) => Some(if here >= there { "local" } else { "remote" }.to_owned()),
        },
    }
}
