//! Who took what the firewall let pass: sockets and their processes, the kernel, or nobody.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::buckets::{Allocation, Bucket, End, Entries, Recipient};
use crate::case::{EntryKind, Process};
use crate::probe::capture::output::{Endpoint, Group};
use crate::probe::conntrack::Mapping;
use crate::probe::sockets::{Connection, Listener, ProcessTraffic, Sockets, UdpReceiver};

/// The sockets of the host, by port.
pub(super) struct Receivers<'a> {
    listeners: HashMap<(&'a str, u16), Vec<&'a Listener>>,
    connections: HashMap<u16, Vec<&'a Connection>>,
    /// Not every connection is listed.
    connections_left_out: bool,
    all_listeners: bool,
    /// What processes received over connections that are not open any more.
    closed: Vec<(&'a Process, u64)>,
    groups: &'a [Group],
    /// What makes the capture's bytes the interface's.
    scale: f64,
    joined: HashSet<IpAddr>,
    /// TCP got all the segments that were seen on the wire: what no socket answered it ignored, and no rule dropped it.
    tcp_arrived: bool,
    /// Addresses and ports that stand for others of this host.
    translations: &'a [Mapping],
    udp_losses: Option<UdpLosses>,
    /// What processes used of a CPU in the window, as far as it is known.
    cpu: Vec<(&'a Process, f64)>,
    /// What processes took from UDP ports, by port, where their calls were counted.
    takers: HashMap<u16, Vec<&'a UdpReceiver>>,
    /// Whether their calls were counted.
    counted: bool,
}

/// Why sockets lost datagrams, as UDP counted it for all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct UdpLosses {
    /// For want of room.
    pub full: u64,
    /// Because a filter refused them: the socket's own, or a program of its control group.
    pub refused: u64,
}

impl<'a> Receivers<'a> {
    pub fn new(sockets: &'a Sockets) -> Self {
        let mut listeners: HashMap<_, Vec<_>> = HashMap::new();
        for listener in &sockets.listeners {
            listeners.entry((listener.protocol.as_str(), listener.port)).or_default().push(listener);
        }
        let mut connections: HashMap<_, Vec<_>> = HashMap::new();
        for connection in &sockets.connections {
            connections.entry(connection.local_port).or_default().push(connection);
        }
        let mut closed: Vec<(&Process, u64)> = Vec::new();
        for traffic in sockets.processes.iter().flatten() {
            let of_it = |connection: &&Connection| connection.process.as_ref() == Some(&traffic.process);
            let open = sockets.connections.iter().filter(of_it).filter_map(|connection| connection.rx_bytes).sum();
            let left = traffic.rx_bytes.unwrap_or(0).saturating_sub(open);
            if left > 0 {
                closed.push((&traffic.process, left));
            }
        }
        let cpu = |traffic: &'a ProcessTraffic| Some((&traffic.process, traffic.cpu_share?));
        let cpu = sockets.processes.iter().flatten().filter_map(cpu).collect();
        let mut takers: HashMap<u16, Vec<&UdpReceiver>> = HashMap::new();
        for taker in sockets.udp_receivers.iter().flatten().filter(|taker| taker.rx_datagrams > 0) {
            takers.entry(taker.port).or_default().push(taker);
        }
        Receivers {
            closed,
            cpu,
            takers,
            counted: sockets.udp_receivers.is_some(),
            listeners,
            connections,
            connections_left_out: sockets.connections_left_out > 0,
            all_listeners: sockets.listeners_left_out == 0,
            groups: &[],
            scale: 1.0,
            joined: HashSet::new(),
            tcp_arrived: false,
            translations: &[],
            udp_losses: None,
        }
    }

    /// Knows the groups that packets came for, and those that the host joined.
    pub fn with_groups(mut self, groups: &'a [Group], scale: f64, joined: impl IntoIterator<Item = IpAddr>) -> Self {
        (self.groups, self.scale, self.joined) = (groups, scale, joined.into_iter().collect());
        self
    }

    /// Knows whether TCP got all the segments that were seen on the wire.
    pub fn with_tcp_arrived(mut self, arrived: bool) -> Self {
        self.tcp_arrived = arrived;
        self
    }

    /// Knows which addresses stand for others.
    pub fn with_translations(mut self, translations: &'a [Mapping]) -> Self {
        self.translations = translations;
        self
    }

    /// Knows why sockets lost datagrams.
    pub fn with_udp_losses(mut self, losses: Option<UdpLosses>) -> Self {
        self.udp_losses = losses;
        self
    }

    /// The address and port at which what comes to the endpoint arrives here: others, when the kernel redirects it.
    fn arrives_at(&self, endpoint: &Endpoint) -> (IpAddr, Option<u16>) {
        let redirected = self.translations.iter().find(|mapping| {
            mapping.kind != "source"
                && mapping.inner_is_local == Some(true)
                && mapping.protocol == endpoint.protocol
                && mapping.outer_address == endpoint.address
                && mapping.outer_port == endpoint.port
        });
        redirected.map_or((endpoint.address, endpoint.port), |mapping| (mapping.inner_address, mapping.inner_port))
    }

    /// A host whose sockets could not be seen.
    pub fn nobody() -> Self {
        Receivers {
            listeners: HashMap::new(),
            connections: HashMap::new(),
            connections_left_out: true,
            cpu: Vec::new(),
            takers: HashMap::new(),
            counted: false,
            all_listeners: false,
            closed: Vec::new(),
            groups: &[],
            scale: 1.0,
            joined: HashSet::new(),
            tcp_arrived: false,
            translations: &[],
            udp_losses: None,
        }
    }

    /// The socket that waits for what comes to the endpoint.
    fn listener(&self, endpoint: &Endpoint) -> Option<&'a Listener> {
        let (address, port) = self.arrives_at(endpoint);
        let waiting = self.listeners.get(&(endpoint.protocol.as_str(), port?))?;
        // A connected datagram socket takes nothing from strangers.
        let open = |listener: &&Listener| match listener.remote_address {
            Some(peer) if listener.connected => endpoint.top_remote.is_none_or(|top| same_address(top, peer)),
            _ => true,
        };
        let waiting: Vec<&'a Listener> = waiting.iter().copied().filter(open).collect();
        let exact = waiting.iter().find(|listener| same_address(listener.address, address));
        // A socket on :: takes IPv4 as well, unless told otherwise; one on 0.0.0.0 never takes IPv6.
        let any = || {
            waiting.iter().find(|listener| listener.any_address && (listener.address.is_ipv6() || address.is_ipv4()))
        };
        exact.or_else(any).copied()
    }

    fn connections(&self, endpoint: &Endpoint) -> Vec<&'a Connection> {
        let (address, port) = self.arrives_at(endpoint);
        let of_port = port.and_then(|port| self.connections.get(&port));
        let here = |connection: &&&Connection| same_address(connection.local_address, address);
        of_port.into_iter().flatten().filter(here).copied().collect()
    }

    /// Whether a socket takes what comes to the endpoint.
    pub fn hears(&self, endpoint: &Endpoint) -> bool {
        match endpoint.protocol.as_str() {
            "tcp" => self.listener(endpoint).is_some() || !self.connections(endpoint).is_empty(),
            "udp" => self.listener(endpoint).is_some() || !self.takers(endpoint).is_empty(),
            _ => true,
        }
    }

    /// Whether the host showed that it takes what comes to the endpoint: a listener that never answers a SYN may stand
    /// behind a rule that drops it.
    pub fn surely_hears(&self, endpoint: &Endpoint) -> bool {
        let silent = endpoint.protocol == "tcp" && endpoint.tx_packets == 0 && self.connections(endpoint).is_empty();
        self.hears(endpoint) && !silent
    }

    /// Books what is left of a bucket on its receiver. Gives false when who took it cannot be told.
    pub fn book(&self, bucket: &mut Bucket<'_>, entries: &mut Entries) -> bool {
        match bucket.recipient {
            Recipient::Class(kind) => {
                if matches!(kind, EntryKind::Multicast | EntryKind::Broadcast) {
                    self.book_groups(kind, bucket, entries);
                }
                let label = class_label(kind).to_owned();
                entries.book(kind, End { label, ..End::default() }, bucket.allocate_all());
                true
            }
            Recipient::OtherEndpoints(_) => false,
            Recipient::Endpoint(endpoint) => match endpoint.protocol.as_str() {
                "tcp" => self.book_tcp(endpoint, bucket, entries),
                "udp" => self.book_udp(endpoint, bucket, entries),
                protocol => {
                    let label = match protocol {
                        "icmp" | "icmpv6" => "the kernel (ICMP)".to_owned(),
                        other => format!("the kernel ({other})"),
                    };
                    let end = End {
                        label,
                        protocol: Some(protocol.to_owned()),
                        address: Some(endpoint.address),
                        ..End::default()
                    };
                    entries.book(EntryKind::Kernel, end, bucket.allocate_all());
                    true
                }
            },
        }
    }

    /// Books datagrams for groups that a socket waits for: those of all, and multicast that this host joined.
    fn book_groups(&self, kind: EntryKind, bucket: &mut Bucket<'_>, entries: &mut Entries) {
        let whole = (bucket.packets, bucket.bytes);
        for group in self.groups.iter().filter(|group| group.protocol == "udp" && group.packets > 0) {
            let class = if kind == EntryKind::Broadcast { "broadcast" } else { "multicast" };
            let joined = kind == EntryKind::Broadcast || self.joined.contains(&group.address);
            let Some(port) = group.port.filter(|_| group.class == class && joined && whole.0 > 0) else { continue };
            let Some(waiting) = self.listeners.get(&("udp", port)) else { continue };
            let Some(listener) = waiting.iter().find(|l| l.any_address || same_address(l.address, group.address))
            else {
                continue;
            };
            // A group's share of its class, by the capture's own figures.
            let allocation = Allocation {
                packets: group.packets.min(bucket.packets),
                bytes: (group.bytes as f64 * self.scale).min(bucket.bytes),
            };
            bucket.packets -= allocation.packets;
            bucket.bytes -= allocation.bytes;
            let label = match (&listener.process, &listener.unit) {
                (Some(process), _) => process.to_string(),
                (None, Some(unit)) => format!("a socket of {unit}, process not seen"),
                (None, None) => "a socket whose owner was not seen".to_owned(),
            };
            let end = End {
                label: format!("{label}, {} port {port}", group.address),
                protocol: Some("udp".to_owned()),
                address: Some(group.address),
                port: Some(port),
                process: listener.process.clone(),
                rule: None,
                container: None,
            };
            entries.book(kind_of(&end, listener.in_kernel), end, allocation);
        }
    }

    /// Books segments for listeners that answered nothing, as far as the kernel dropped so many at filters of sockets.
    pub fn book_filtered_segments(&self, filtered: u64, buckets: &mut [Bucket<'_>], entries: &mut Entries) {
        let mut left = filtered;
        for bucket in buckets {
            let Recipient::Endpoint(endpoint) = bucket.recipient else { continue };
            let silent = endpoint.protocol == "tcp" && endpoint.tx_packets == 0;
            let Some(listener) = self.listener(endpoint).filter(|_| silent && left > 0) else { continue };
            let whose = socket_end(endpoint, Owner::of(listener));
            let label = refused_by_filter(&whose.label);
            let allocation = bucket.allocate(left);
            left -= allocation.packets.min(left);
            entries.book(EntryKind::KernelDrop, End { label, process: None, ..whose }, allocation);
        }
    }

    /// The sockets of other processes that share the port of a datagram socket (SO_REUSEPORT): the kernel spreads what comes
    /// over all of them. With each its share, by the CPU time of their processes where that tells, else the same for all.
    fn sharers(&self, listener: &'a Listener) -> Vec<(&'a Listener, f64)> {
        let alike = |other: &&&'a Listener| {
            same_address(other.address, listener.address) && !other.connected && other.process.is_some()
        };
        let of_port = self.listeners.get(&(listener.protocol.as_str(), listener.port));
        let mut sharers: Vec<(&'a Listener, f64)> = Vec::new();
        for other in of_port.into_iter().flatten().filter(alike).copied() {
            if sharers.iter().all(|(known, _)| known.process != other.process) {
                let used = self.cpu.iter().find(|(process, _)| Some(*process) == other.process.as_ref());
                sharers.push((other, used.map_or(0.0, |(_, share)| *share)));
            }
        }
        let busiest = sharers.iter().map(|(_, used)| *used).fold(0.0, f64::max);
        if busiest > 0.02 {
            // Who is idle beside them gets next to nothing.
            sharers.retain(|(_, used)| *used > 0.02 * busiest);
        } else {
            sharers.iter_mut().for_each(|(_, used)| *used = 1.0);
        }
        let sum: f64 = sharers.iter().map(|(_, used)| *used).sum();
        sharers.iter_mut().for_each(|(_, used)| *used /= sum);
        sharers
    }

    /// How many processes share the socket's port that the endpoint's datagrams come to, when it is not known what each of them took:
    /// it is shared out among them by the CPU time that they used, or evenly.
    pub fn guessed(&self, endpoint: &Endpoint) -> Option<usize> {
        let listener = self.listener(endpoint).filter(|_| endpoint.protocol == "udp" && !self.counted)?;
        Some(self.sharers(listener).len()).filter(|sharers| *sharers > 1)
    }

    /// What processes took of the datagrams for the endpoint. A socket on the address itself gets all that is for it, before
    /// those on any address.
    fn takers(&self, endpoint: &Endpoint) -> Vec<&'a UdpReceiver> {
        let (address, port) = self.arrives_at(endpoint);
        let of_port = port.and_then(|port| self.takers.get(&port)).into_iter().flatten().copied();
        let any = |of: IpAddr| of.is_unspecified() && (of.is_ipv6() || address.is_ipv4());
        let bound_to_it = |listener: &&Listener| !listener.connected && same_address(listener.address, address);
        let waiting = port.and_then(|port| self.listeners.get(&("udp", port)));
        let is_bound = waiting.is_some_and(|waiting| waiting.iter().any(bound_to_it));
        let takes = |taker: &&UdpReceiver| same_address(taker.address, address) || (!is_bound && any(taker.address));
        of_port.filter(takes).collect()
    }

    fn book_udp(&self, endpoint: &Endpoint, bucket: &mut Bucket<'_>, entries: &mut Entries) -> bool {
        let takers = self.takers(endpoint);
        let Some(listener) = self.listener(endpoint) else {
            // Their socket is gone: no more than they took can be theirs.
            let taken = takers.iter().fold(0u64, |sum, taker| sum.saturating_add(taker.rx_datagrams));
            book_takers(endpoint, &takers, bucket.allocate(taken), entries);
            return (!takers.is_empty() && bucket.packets == 0) || self.book_unheard(endpoint, bucket, entries);
        };
        if !takers.is_empty() {
            for socket in self.sockets_beside(listener) {
                self.book_losses(endpoint, socket, bucket, entries);
            }
            book_takers(endpoint, &takers, bucket.allocate_all(), entries);
            return true;
        }
        let sharers = self.sharers(listener);
        if sharers.len() > 1 {
            let (packets, bytes) = (bucket.packets, bucket.bytes);
            for (one, share) in sharers {
                let mut part = Bucket { packets, bytes, ..bucket.clone() }.allocate_share(share);
                let mut of_one = Bucket { packets: part.packets, bytes: part.bytes, ..bucket.clone() };
                self.book_datagrams(endpoint, one, &mut of_one, entries);
                part.packets = part.packets.min(bucket.packets);
                bucket.packets -= part.packets;
            }
            bucket.allocate_all();
            return true;
        }
        self.book_datagrams(endpoint, listener, bucket, entries);
        true
    }

    /// The datagram socket, and all others of its address and port.
    fn sockets_beside(&self, listener: &'a Listener) -> impl Iterator<Item = &'a Listener> {
        let of_port = self.listeners.get(&(listener.protocol.as_str(), listener.port));
        let beside = move |other: &&'a Listener| same_address(other.address, listener.address);
        of_port.into_iter().flatten().copied().filter(beside)
    }

    /// Books datagrams on one socket: what it lost, and the rest on its process.
    fn book_datagrams(&self, endpoint: &Endpoint, listener: &Listener, bucket: &mut Bucket<'_>, entries: &mut Entries) {
        self.book_losses(endpoint, listener, bucket, entries);
        let end = socket_end(endpoint, Owner::of(listener));
        entries.book(kind_of(&end, listener.in_kernel), end, bucket.allocate_all());
    }

    /// Books the datagrams that one socket lost.
    fn book_losses(&self, endpoint: &Endpoint, listener: &Listener, bucket: &mut Bucket<'_>, entries: &mut Entries) {
        let Some(drops) = listener.drops.filter(|drops| *drops > 0) else { return };
        let whose = socket_end(endpoint, Owner::of(listener));
        // A socket counts both alike.
        let refused = self.udp_losses.map_or(0, |losses| {
            let both = (losses.full + losses.refused).max(1) as f64;
            (drops as f64 * losses.refused as f64 / both).round() as u64
        });
        let label = refused_by_filter(&whose.label);
        let filter = End { label, process: None, ..whose.clone() };
        entries.book(EntryKind::KernelDrop, filter, bucket.allocate(refused));
        let label = format!("lost at the full queue of {}", whose.label);
        entries.book(EntryKind::SocketFull, End { label, ..whose }, bucket.allocate(drops - refused.min(drops)));
    }

    fn book_tcp(&self, endpoint: &Endpoint, bucket: &mut Bucket<'_>, entries: &mut Entries) -> bool {
        let listener = self.listener(endpoint);
        let connections = self.connections(endpoint);
        if listener.is_none() && connections.is_empty() {
            return self.book_unheard(endpoint, bucket, entries);
        }
        if connections.is_empty() && endpoint.handshakes_completed == 0 && endpoint.syn * 2 < endpoint.packets {
            // Segments of no connection: refused with resets, or ignored; or their way cannot be told.
            let refused = endpoint.tx_rst * 2 >= endpoint.packets || endpoint.rst * 2 >= endpoint.packets;
            let ignored = self.tcp_arrived && endpoint.stray * 2 >= endpoint.packets;
            if !refused && !ignored {
                return self.book_closed(endpoint, bucket, entries);
            }
            entries.book(EntryKind::NoListener, refused_end(endpoint), bucket.allocate_all());
            return true;
        }
        // Refused segments of no connection, beside those of connections.
        let refused = endpoint.stray.min(endpoint.tx_rst + endpoint.rst);
        if refused * 10 > endpoint.packets {
            let allocation = allocate_headers(endpoint, bucket, refused);
            entries.book(EntryKind::NoListener, refused_end(endpoint), allocation);
        }
        if let Some(listener) = listener {
            let half_open = endpoint.syn.saturating_sub(endpoint.handshakes_completed);
            // A few SYNs without an end are at every window's edge; they go with the rest of the conversation.
            if half_open * 10 > endpoint.packets {
                let allocation = allocate_headers(endpoint, bucket, half_open);
                let end = socket_end(endpoint, Owner::of(listener));
                let end = End { label: format!("half-open connections to {}", end.label), ..end };
                entries.book(EntryKind::Kernel, end, allocation);
            }
        }
        self.share_out(endpoint, listener, &connections, bucket, entries);
        true
    }

    /// Shares a TCP endpoint's traffic out among the processes that hold its connections, by what each received.
    fn share_out(
        &self,
        endpoint: &Endpoint,
        listener: Option<&Listener>,
        connections: &[&Connection],
        bucket: &mut Bucket<'_>,
        entries: &mut Entries,
    ) {
        // A connection whose process is gone was its listener's to accept.
        let accepting = listener.and_then(|listener| listener.process.as_ref());
        let mut received: Vec<(Option<&Process>, u64)> = Vec::new();
        for connection in connections {
            let bytes = connection.rx_bytes.unwrap_or(0);
            let holder = connection.process.as_ref().or(accepting);
            match received.iter_mut().find(|(process, _)| *process == holder) {
                Some((_, sum)) => *sum += bytes,
                None => received.push((holder, bytes)),
            }
        }
        let total: u64 = received.iter().map(|(_, bytes)| bytes).sum();
        let in_kernel = listener.and_then(|listener| listener.in_kernel);
        let unit = listener.and_then(|listener| listener.unit.as_deref());
        let unit = unit.or_else(|| connections.iter().find_map(|connection| connection.unit.as_deref()));
        if total > 0 {
            let (packets, bytes) = (bucket.packets, bucket.bytes);
            for (process, part) in &received {
                let share = *part as f64 / total as f64;
                let mut whole = Bucket { packets, bytes, ..bucket.clone() };
                let end = socket_end(endpoint, Owner { process: *process, unit, in_kernel });
                entries.book(kind_of(&end, in_kernel), end, whole.allocate_share(share));
            }
            bucket.allocate_all();
            return;
        }
        let process = listener.and_then(|listener| listener.process.as_ref());
        let process = process.or_else(|| connections.iter().find_map(|connection| connection.process.as_ref()));
        let end = socket_end(endpoint, Owner { process, unit, in_kernel });
        entries.book(kind_of(&end, in_kernel), end, bucket.allocate_all());
    }

    /// Books connections that are gone on the process that received about as much over such ones.
    fn book_closed(&self, endpoint: &Endpoint, bucket: &mut Bucket<'_>, entries: &mut Entries) -> bool {
        let fits = |(_, left): &&(&Process, u64)| *left >= endpoint.payload_bytes / 2 && endpoint.payload_bytes > 0;
        let holder = self.closed.iter().filter(fits).max_by_key(|(_, left)| *left);
        let Some((process, _)) = holder.filter(|_| endpoint.protocol == "tcp") else { return false };
        entries.book(
            EntryKind::Process,
            socket_end(endpoint, Owner { process: Some(process), ..Owner::default() }),
            bucket.allocate_all(),
        );
        true
    }

    /// Nobody listens there now. If the host answered with more than refusals, somebody did within the window.
    fn book_unheard(&self, endpoint: &Endpoint, bucket: &mut Bucket<'_>, entries: &mut Entries) -> bool {
        let answered = endpoint.tx_packets > endpoint.tx_rst;
        if answered && self.book_closed(endpoint, bucket, entries) {
            return true;
        }
        if answered {
            let mut end = socket_end(endpoint, Owner::default());
            end.label = match endpoint.protocol.as_str() {
                "tcp" if self.connections_left_out => "connections that are not listed".to_owned(),
                "tcp" => "connections that closed within the window".to_owned(),
                _ => "sockets that closed within the window".to_owned(),
            };
            entries.book(EntryKind::UnseenOwner, end, bucket.allocate_all());
            return true;
        }
        if !self.all_listeners {
            return false;
        }
        let protocol = endpoint.protocol.to_uppercase();
        let port = endpoint.port.map_or(String::new(), |port| format!(" port {port}"));
        let label = match endpoint.port {
            None => format!("fragments of {protocol}, without ports"),
            Some(_) => format!("no listener: {protocol}{port} of {}", endpoint.address),
        };
        let end = End {
            label,
            protocol: Some(endpoint.protocol.clone()),
            address: Some(endpoint.address),
            port: endpoint.port,
            ..End::default()
        };
        let kind = if endpoint.port.is_none() { EntryKind::Kernel } else { EntryKind::NoListener };
        entries.book(kind, end, bucket.allocate_all());
        true
    }
}

/// Books the endpoints that are too many to be listed, as far as counters say what became of them: refused because nobody
/// listens, or handed to sockets that are gone.
pub(super) fn book_others(refused: u64, delivered: u64, bucket: &mut Bucket<'_>, entries: &mut Entries) {
    let Recipient::OtherEndpoints(protocol) = bucket.recipient else { return };
    let name = protocol.to_uppercase();
    for (kind, label, packets) in [
        (EntryKind::NoListener, format!("no listener: {name} to many other ports"), refused),
        (EntryKind::UnseenOwner, format!("{name} sockets that closed within the window"), delivered),
    ] {
        if packets > 0 {
            let end = End { label, protocol: Some(protocol.to_owned()), ..End::default() };
            entries.book(kind, end, bucket.allocate(packets));
        }
    }
}

/// Headers of a datagram on the wire: Ethernet, IPv4 and UDP.
const DATAGRAM_HEADERS: f64 = 42.0;

/// Shares datagrams out among the processes, by what each took.
fn book_takers(endpoint: &Endpoint, takers: &[&UdpReceiver], whole: Allocation, entries: &mut Entries) {
    let on_wire = |taker: &UdpReceiver| taker.rx_bytes as f64 + DATAGRAM_HEADERS * taker.rx_datagrams as f64;
    let bytes: f64 = takers.iter().map(|taker| on_wire(taker)).sum();
    let mut datagrams: u64 = takers.iter().fold(0, |sum, taker| sum.saturating_add(taker.rx_datagrams));
    let mut packets = whole.packets;
    for taker in takers {
        let share = taker.rx_datagrams as f64 / datagrams.max(1) as f64;
        // The last one gets what is left, so that nothing is lost to rounding.
        let part = ((packets as f64 * share).round() as u64).min(packets);
        let allocation = Allocation { packets: part, bytes: whole.bytes * on_wire(taker) / bytes.max(1.0) };
        (packets, datagrams) = (packets - part, datagrams - taker.rx_datagrams);
        let end = socket_end(endpoint, Owner { process: Some(&taker.process), ..Owner::default() });
        entries.book(EntryKind::Process, end, allocation);
    }
}

/// Draws packets that carry no payload.
fn allocate_headers(endpoint: &Endpoint, bucket: &mut Bucket<'_>, packets: u64) -> Allocation {
    let headers = endpoint.bytes.saturating_sub(endpoint.payload_bytes) as f64;
    let each = headers / endpoint.wire_packets.max(1) as f64;
    let mut allocation = bucket.allocate(packets);
    let bytes = (each * allocation.packets as f64).min(allocation.bytes);
    bucket.bytes += allocation.bytes - bytes;
    allocation.bytes = bytes;
    allocation
}

fn refused_end(endpoint: &Endpoint) -> End {
    let port = endpoint.port.map_or(String::new(), |port| format!(" port {port}"));
    End {
        label: format!(
            "no connection: TCP{port} of {}, {}",
            endpoint.address,
            if endpoint.tx_rst > 0 { "answered with resets" } else { "ignored" }
        ),
        protocol: Some(endpoint.protocol.clone()),
        address: Some(endpoint.address),
        port: endpoint.port,
        ..End::default()
    }
}

fn refused_by_filter(whose: &str) -> String {
    format!("refused by a filter of the socket of {whose} or of its control group")
}

fn same_address(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}

fn kind_of(end: &End, in_kernel: Option<bool>) -> EntryKind {
    match (&end.process, in_kernel) {
        (Some(_), _) => EntryKind::Process,
        (None, Some(true)) => EntryKind::Kernel,
        (None, _) => EntryKind::UnseenOwner,
    }
}

/// What is known of who holds a socket.
#[derive(Debug, Clone, Copy, Default)]
struct Owner<'a> {
    process: Option<&'a Process>,
    /// Where no process was seen.
    unit: Option<&'a str>,
    in_kernel: Option<bool>,
}

impl<'a> Owner<'a> {
    fn of(listener: &'a Listener) -> Self {
        Owner { process: listener.process.as_ref(), unit: listener.unit.as_deref(), in_kernel: listener.in_kernel }
    }
}

fn socket_end(endpoint: &Endpoint, Owner { process, unit, in_kernel }: Owner<'_>) -> End {
    let port = endpoint.port.map_or(String::new(), |port| format!(" port {port}"));
    let protocol = endpoint.protocol.to_uppercase();
    let label = match (process, unit, in_kernel) {
        (Some(process), ..) => process.to_string(),
        (None, Some(unit), Some(true)) => format!("the kernel for {unit} ({protocol}{port})"),
        (None, Some(unit), _) => format!("{unit} ({protocol}{port}), process not seen"),
        (None, None, Some(true)) => format!("the kernel ({protocol}{port})"),
        (None, None, _) => format!("{protocol}{port}, owner not seen"),
    };
    End {
        label,
        protocol: Some(endpoint.protocol.clone()),
        address: Some(endpoint.address),
        port: endpoint.port,
        process: process.cloned(),
        rule: None,
        container: None,
    }
}

fn class_label(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Broadcast => "broadcast",
        EntryKind::Multicast => "multicast",
        EntryKind::NotForUs => "frames for other machines",
        EntryKind::Forwarded => "forwarded, or for addresses that are not ours",
        EntryKind::NonIp => "ARP and other protocols that are not IP",
        _ => "other",
    }
}
