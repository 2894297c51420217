//! What came in, by whom it was for: buckets from which receivers and drops are allocated.

use std::net::IpAddr;

use crate::case::{Entry, EntryKind, Process};
use crate::probe::capture::Capture;
use crate::probe::capture::output::{Endpoint, Tally};
use crate::probe::conntrack::Mapping;

/// Inbound traffic of one local address and port, or of one class, as far as nobody has claimed it.
#[derive(Debug, Clone)]
pub(super) struct Bucket<'a> {
    pub recipient: Recipient<'a>,
    /// Whom it goes to, when the kernel translates its destination.
    pub inner: Option<&'a Mapping>,
    pub packets: u64,
    pub bytes: f64,
    /// What figures of the capture are multiplied by to be of this account.
    pub factor: f64,
}

/// For whom the traffic was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Recipient<'a> {
    /// A local address and port.
    Endpoint(&'a Endpoint),
    /// Local addresses and ports that are too many to be listed, of one protocol.
    OtherEndpoints(&'a str),
    /// A class of frames that no socket takes.
    Class(EntryKind),
}

/// A claim on some of the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Allocation {
    pub packets: u64,
    pub bytes: f64,
}

impl Allocation {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Allocation { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

impl Bucket<'_> {
    /// As many packets as so many of the capture's stand for.
    pub fn standing_for(&self, packets: u64) -> u64 {
        (packets as f64 * self.factor).round() as u64
    }

    /// Draws at most `packets`, with their part of the bytes.
    pub fn allocate(&mut self, packets: u64) -> Allocation {
        if packets >= self.packets {
            let all = Allocation { packets: self.packets, bytes: self.bytes };
            (self.packets, self.bytes) = (0, 0.0);
            return all;
        }
        let bytes = self.bytes * packets as f64 / self.packets as f64;
        self.packets -= packets;
        self.bytes -= bytes;
        Allocation { packets, bytes }
    }

    /// Draws a share of what is left.
    pub fn allocate_share(&mut self, share: f64) -> Allocation {
        let allocation =
            Allocation { packets: (self.packets as f64 * share).round() as u64, bytes: self.bytes * share };
        self.packets -= allocation.packets.min(self.packets);
        self.bytes -= allocation.bytes;
        allocation
    }

    pub fn allocate_all(&mut self) -> Allocation {
        self.allocate(u64::MAX)
    }

    pub fn protocol(&self) -> Option<&str> {
        match self.recipient {
            Recipient::Endpoint(endpoint) => Some(&endpoint.protocol),
            Recipient::OtherEndpoints(protocol) => Some(protocol),
            Recipient::Class(_) => None,
        }
    }
}

/// How the capture's bytes become the interface's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// Header bytes that merging hid are added: the interface counted the frames before they were merged.
    pub with_merged_headers: bool,
    /// Bytes of each packet that the interfaces did not count: link headers, tags.
    pub left_out_of_each: f64,
    /// Everything is multiplied by this: packets were lost or sampled, or the two windows differ by a moment.
    pub factor: f64,
    /// What of that is only because the packets were watched for a part of the window.
    pub in_time: f64,
    /// The packets were watched for a part of the window, and how much came in it is not known: what was not seen accuses nobody.
    pub unsure: bool,
    /// Packets of what is sent are multiplied by this instead: those that were looked at may be larger or smaller than the others.
    pub packets_factor: f64,
}

impl Scale {
    /// Packets that so many of the capture's stand for.
    pub fn packets(self, packets: u64) -> u64 {
        (packets as f64 * self.factor).round() as u64
    }

    /// What the interfaces counted of so many packets, on the wire or as the capture saw them, with so many bytes.
    pub fn bytes(self, packets: u64, bytes: u64) -> f64 {
        (bytes as f64 - self.left_out_of_each * packets as f64).max(0.0) * self.factor
    }

    /// What the interfaces counted of so many packets and bytes that the capture saw leave.
    pub fn sent(self, packets: u64, bytes: u64) -> Allocation {
        Allocation { packets: (packets as f64 * self.packets_factor).round() as u64, bytes: bytes as f64 * self.factor }
    }
}

/// The capture as buckets.
pub(super) fn buckets<'a>(capture: &'a Capture, scale: Scale, translations: &'a [Mapping]) -> Vec<Bucket<'a>> {
    let inner = |recipient| match recipient {
        Recipient::Endpoint(endpoint) => translation(endpoint, translations),
        _ => None,
    };
    let scaled = |recipient, packets: u64, on_wire: u64, bytes: u64| Bucket {
        recipient,
        inner: inner(recipient),
        packets: scale.packets(packets),
        bytes: scale.bytes(on_wire, bytes),
        factor: scale.factor,
    };
    let mut buckets: Vec<Bucket<'a>> = Vec::with_capacity(capture.endpoints.len() + 8);
    for endpoint in &capture.endpoints {
        let (on_wire, merged) = match scale.with_merged_headers {
            true => (endpoint.wire_packets, endpoint.merged_header_bytes),
            false => (endpoint.packets, 0),
        };
        buckets.push(scaled(Recipient::Endpoint(endpoint), endpoint.packets, on_wire, endpoint.bytes + merged));
    }
    for others in &capture.other_endpoints {
        buckets.push(scaled(Recipient::OtherEndpoints(&others.protocol), others.packets, others.packets, others.bytes));
    }
    let classes = &capture.classes;
    let class = |kind, tally: &Tally| scaled(Recipient::Class(kind), tally.packets, tally.packets, tally.bytes);
    buckets.extend([
        class(EntryKind::Broadcast, &classes.broadcast),
        class(EntryKind::Multicast, &classes.multicast),
        class(EntryKind::NotForUs, &classes.other_host),
        class(EntryKind::Forwarded, &classes.forwarded),
        class(EntryKind::NonIp, &classes.non_ip),
    ]);
    buckets.retain(|bucket| bucket.packets > 0 || bucket.bytes > 0.0);
    buckets
}

/// Whom the destination of what comes to the endpoint is translated to: of several the one that most went to.
fn translation<'a>(endpoint: &Endpoint, translations: &'a [Mapping]) -> Option<&'a Mapping> {
    translations.iter().find(|mapping| {
        mapping.kind != "source"
            && mapping.protocol == endpoint.protocol
            && mapping.outer_address == endpoint.address
            && mapping.outer_port == endpoint.port
    })
}

/// The entries of the account, one for each end.
#[derive(Debug, Default)]
pub(super) struct Entries {
    entries: Vec<(Entry, f64)>,
}

/// Whom an entry names.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    pub label: String,
    pub protocol: Option<String>,
    pub address: Option<IpAddr>,
    pub port: Option<u16>,
    pub process: Option<Process>,
    pub rule: Option<String>,
    pub container: Option<String>,
}

impl Entries {
    /// Books an allocation on an end; the allocations of one end are added up.
    pub fn book(&mut self, kind: EntryKind, end: End, allocation: Allocation) {
        if allocation.packets == 0 && allocation.bytes < 0.5 {
            return;
        }
        let is_same = |entry: &Entry| {
            entry.kind == kind
                && entry.label == end.label
                && entry.protocol == end.protocol
                && entry.process == end.process
        };
        let same = self.entries.iter_mut().find(|(entry, _)| is_same(entry));
        if let Some((entry, bytes)) = same {
            entry.packets += allocation.packets;
            *bytes += allocation.bytes;
            // An end that took what was for several addresses or ports is named without them.
            let address = end.address.map(|address| address.to_string());
            entry.address = entry.address.take().filter(|known| Some(known) == address.as_ref());
            entry.port = entry.port.filter(|port| Some(*port) == end.port);
            return;
        }
        let entry = Entry {
            kind,
            label: end.label,
            bytes: 0,
            packets: allocation.packets,
            share: 0.0,
            protocol: end.protocol,
            address: end.address.map(|address| address.to_string()),
            port: end.port,
            process: end.process,
            rule: end.rule,
            container: end.container,
        };
        self.entries.push((entry, allocation.bytes));
    }

    /// The entries with whole bytes and shares of `total`, the heaviest first. They never exceed the total.
    pub fn settle(self, total: u64) -> Vec<Entry> {
        let mut left = total;
        let mut settled: Vec<Entry> = self
            .entries
            .into_iter()
            .map(|(mut entry, bytes)| {
                entry.bytes = (bytes.round().max(0.0) as u64).min(left);
                left -= entry.bytes;
                entry.share = if total == 0 { 0.0 } else { entry.bytes as f64 / total as f64 };
                entry
            })
            .collect();
        settled.sort_by_key(|entry| std::cmp::Reverse(entry.bytes));
        settled
    }
}
