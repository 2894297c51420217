//! What bears addresses of others: sent by sockets that are bound to such, sent on for guests and networks behind this host, or forged.

use std::collections::HashMap;
use std::net::IpAddr;

use super::holders::Holders;
use super::sent::{CLOSE, NOTHING, STANDS_FOR_ALL, forwarded_for, share, take};
use crate::case::{EntryKind, Process};
use crate::probe::capture::output::SentParts;
use crate::probe::interfaces::Interface;
use crate::probe::ledger::buckets::{Allocation, End, Entries};
use crate::probe::ledger::guests::Guests;

/// Segments that a packet of the largest size is cut into: 64 KiB in pieces of 1,000 bytes.
const MOST_SEGMENTS: u64 = 64;
/// The share up to which what came in cannot explain what bears addresses of others.
const FORGED: f64 = 0.25;

/// A protocol, a local address and a port.
type Port<'a> = (&'a str, IpAddr, Option<u16>);
/// Shares of what left from ports.
type Inside<'a> = HashMap<Port<'a>, f64>;

impl<'a> Holders<'a> {
    /// Books what bears addresses of others: sent by sockets here that are bound to such, sent on for others, or forged.
    pub(super) fn book_foreign(&mut self, parts: &'a SentParts, guests: &Guests<'_>, entries: &mut Entries) {
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

    /// Which share of what each endpoint sent went to guests of this host, by the flows that are listed. What this host sends to its own
    /// guests leaves by an interface that is watched, and does not leave the host.
    pub(super) fn sent_inside(&self, parts: &SentParts, guests: &Guests<'_>) -> Inside<'a> {
        let mut inside: HashMap<Port<'a>, (u64, u64)> = HashMap::new();
        let inner = |name: &str| self.leads_inward(name, guests);
        let flows = match self.evidence.capture {
            Some(capture) if parts.left.iter().any(|of| inner(&of.interface)) => &capture.flows[..],
            _ => &[],
        };
        let interfaces = &self.evidence.interfaces.interfaces;
        let networks: Vec<_> = interfaces.iter().filter(|of| inner(&of.name)).flat_map(|of| &of.addresses).collect();
        for flow in flows.iter().filter(|flow| flow.tx_bytes > 0) {
            let remote = flow.remote_address;
            let is_inside = guests.at(remote, &flow.protocol, flow.remote_port).is_some()
                || networks.iter().any(|of| of.prefix > 0 && is_within(remote, of.address, of.prefix));
            let sums = inside.entry((flow.protocol.as_str(), flow.local_address, flow.local_port)).or_default();
            sums.0 += if is_inside { flow.tx_bytes } else { 0 };
            sums.1 += flow.tx_bytes;
        }
        let parts = inside.into_iter().filter(|(_, (part, _))| *part > 0);
        parts.map(|(port, (part, all))| (port, part as f64 / all.max(1) as f64)).collect()
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
        // Of several that are watched, the one that most left by is not the one that brought it.
        let lists = self.evidence.capture.and_then(|capture| capture.sent.as_ref()?.parts.as_ref());
        let left = lists.and_then(|parts| parts.left.iter().max_by_key(|of| of.bytes).filter(|of| of.bytes > 0));
        let watched = left.map_or(interfaces.watched.name.as_str(), |of| &of.interface);
        let other =
            |of: &&Interface| of.name != watched && of.link != "loopback" && of.kind.as_deref() != Some("bridge");
        let others = || interfaces.interfaces.iter().filter(other);
        let packets: u64 = others().filter_map(|of| of.rx.packets).fold(0, u64::saturating_add);
        let bytes: u64 = others().filter_map(|of| of.rx.bytes).fold(0, u64::saturating_add);
        let beside = (packets.saturating_sub(known.packets) as f64 / rest.packets.max(1) as f64)
            .max((bytes as f64 - known.bytes).max(0.0) / rest.bytes.max(1.0));
        let beside = if bridged || may_be_routed { beside } else { 0.0 };
        // A router with one leg sends on by the interface that brought it.
        let back = interfaces.interfaces.iter().find(|of| of.name == watched).unwrap_or(&interfaces.watched);
        let back = back.rx.packets.unwrap_or(0).min(routed) as f64 / rest.packets.max(1) as f64;
        match (beside, beside + back) {
            (beside, _) if beside >= STANDS_FOR_ALL => Some(true),
            (_, most) if most < FORGED => Some(false),
            _ => None,
        }
    }
}

/// Books what was sent on to guests, which no guest sends.
fn book_inward(interface: Option<&str>, part: Allocation, entries: &mut Entries) {
    let by = interface.map_or(String::new(), |name| format!(" by {name}"));
    let end = End { label: format!("sent on to guests of this host{by}"), ..End::default() };
    entries.book(EntryKind::Forwarded, end, part);
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
