//! The places at which packets were dropped, as the kernel counts them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt;

use nix::libc;

use super::format::Reasons;
use super::place_program::{self, Fields, KEY_BYTES, Maps, OUT, REST_BEGINS, ROW_BYTES, SENT_ON, key};
use crate::case::{Gap, Reason};
use crate::sys::bpf::btf::KernelTypes;
use crate::sys::bpf::kernel::{Map, Refusal, Rows, Running};

/// Most places that are told apart: half a megabyte of the kernel's memory, whatever the traffic is.
pub(super) const MOST_PLACES: u32 = 4096;
/// The most reasons that are told apart beyond those places.
const MOST_REASONS: u32 = 1024;

/// What could not be done where there are no places.
pub(super) const TRIED: &str = "tell drops apart by place (tracepoint skb:kfree_skb)";

/// Counts as long as it lives.
#[derive(Debug)]
pub struct PlaceCounters {
    maps: Maps,
    running: Running,
    own_namespace: u32,
}

/// Packets and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    pub packets: u64,
    pub bytes: u64,
}

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    In,
    Out,
    SentOn,
}

/// Where a packet was dropped, and for whom it was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub reason: u32,
    /// The number of the interface; none where it is not known.
    pub interface: Option<u32>,
    /// The number of the network namespace; none where it is not known.
    pub namespace: Option<u32>,
    pub protocol: Protocol,
    pub address: Option<IpAddr>,
    pub port: Option<u16>,
    pub direction: Direction,
    /// Where in the kernel, where there is no reason.
    pub location: Option<u64>,
}

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The version of IP, and the protocol above it.
    Ip(u8, u8),
    /// What is not IP, or not said to be, by its ether type; 0 for what never was on a wire.
    Ether(u16),
}

/// What was counted until one moment, or between two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    pub places: HashMap<Place, Lost>,
    /// By reason, what was dropped at places beyond those that are told apart: in this network namespace, and elsewhere.
    pub rest: [HashMap<u32, Lost>; 2],
    /// The number of the network namespace that casebook runs in.
    pub own_namespace: u32,
    /// Packets that were dropped while another was being counted on the same CPU, and are not counted.
    pub missed: u64,
}

impl PlaceCounters {
    /// Begins to count.
    pub fn start(types: &KernelTypes, reasons: &Reasons) -> Result<Self, Gap> {
        let of_thread = fs::metadata("/proc/thread-self/ns/net").map(|of| of.ino());
        let namespace =
            of_thread.map_err(|error| Gap::io("tell this network namespace (/proc/thread-self/ns/net)", &error))?;
        let own_namespace = u32::try_from(namespace)
            .map_err(|_| Gap::new(Reason::Malformed, TRIED, "the number of this network namespace is too large"))?;
        let named = |wanted: &str| reasons.names.iter().find(|(_, name)| *name == wanted).map(|(number, _)| *number);
        let last = reasons.names.keys().max().map_or(1, |last| last.saturating_add(1));
        let unknown = || Gap::new(Reason::Malformed, TRIED, "this kernel's structures of packets are not known");
        let tracepoint = types.tracepoint("kfree_skb").ok_or_else(unknown)?;
        let fields = Fields::find(
            types,
            &tracepoint.arguments,
            own_namespace,
            reasons.argument,
            named("NOT_SPECIFIED").unwrap_or(u32::MAX),
            last.clamp(1, MOST_REASONS),
        )
        .ok_or_else(unknown)?;
        let failed = |error: io::Error| refusal(&error.into());
        let maps = Maps {
            places: Map::by_key(KEY_BYTES, ROW_BYTES, MOST_PLACES).map_err(failed)?,
            rest: Map::by_number(fields.rest_bytes(), 2).map_err(failed)?,
        };
        let text = place_program::counting(&fields, &maps).map_err(failed)?;
        let running = Running::at_typed(tracepoint.id, &text).map_err(|refused| refusal(&refused))?;
        Ok(PlaceCounters { maps, running, own_namespace })
    }

    /// What was counted until now.
    pub fn read(&self) -> io::Result<Counted> {
        let mut counted = Counted::of(&self.maps.places.rows()?, &self.maps.rest.rows()?);
        counted.own_namespace = self.own_namespace;
        counted.missed = self.running.missed()?;
        Ok(counted)
    }
}

fn refusal(refused: &Refusal) -> Gap {
    if refused.verifier.is_none() && matches!(refused.error.raw_os_error(), Some(libc::EPERM | libc::EACCES)) {
        return Gap::denied(TRIED, "CAP_BPF and CAP_PERFMON");
    }
    Gap::new(Reason::Failed, TRIED, format!("the kernel refused the program: {refused}"))
}

impl Counted {
    fn of(places: &Rows, rest: &Rows) -> Self {
        let mut counted = Counted::default();
        for (key, row) in places.iter() {
            counted.places.entry(Place::of(key)).or_default().add(Lost::of(row));
        }
        for (of_rest, (_, row)) in counted.rest.iter_mut().zip(rest.iter()) {
            let sums = row.get(REST_BEGINS as usize..).unwrap_or_default().chunks_exact(ROW_BYTES as usize);
            let sums = (0u32..).zip(sums.map(Lost::of));
            of_rest.extend(sums.filter(|(_, lost)| lost.packets > 0));
        }
        counted
    }

    /// What was added since an earlier reading.
    pub fn since(&self, earlier: &Counted) -> Counted {
        let grown = |now: &HashMap<u32, Lost>, was: &HashMap<u32, Lost>| {
            let grown = now.iter().map(|(reason, lost)| (*reason, lost.since(was.get(reason))));
            grown.filter(|(_, lost)| lost.packets > 0).collect()
        };
        let places = self.places.iter().map(|(place, lost)| (place.clone(), lost.since(earlier.places.get(place))));
        Counted {
            places: places.filter(|(_, lost)| lost.packets > 0).collect(),
            rest: [grown(&self.rest[0], &earlier.rest[0]), grown(&self.rest[1], &earlier.rest[1])],
            own_namespace: self.own_namespace,
            missed: self.missed.saturating_sub(earlier.missed),
        }
    }

    /// Packets of each reason, whatever the place.
    pub fn by_reason(&self) -> HashMap<u32, u64> {
        let mut sums: HashMap<u32, u64> = HashMap::new();
        let rest = self.rest.iter().flatten().map(|(reason, lost)| (*reason, lost.packets));
        for (reason, packets) in self.places.iter().map(|(place, lost)| (place.reason, lost.packets)).chain(rest) {
            *sums.entry(reason).or_default() += packets;
        }
        sums
    }

    /// Packets that were dropped at places beyond those that are told apart.
    pub fn beyond(&self) -> u64 {
        self.rest.iter().flat_map(HashMap::values).map(|lost| lost.packets).sum()
    }

    /// Packets that were dropped in other network namespaces. Of what no place stands for, most is.
    pub fn elsewhere(&self) -> u64 {
        let is_other = |place: &Place| place.namespace.is_some_and(|number| number != self.own_namespace);
        let others = self.places.iter().filter(|(place, _)| is_other(place)).map(|(_, lost)| lost.packets);
        others.chain(self.rest[1].values().map(|lost| lost.packets)).sum()
    }

    /// Packets of each reason that were dropped in this network namespace.
    pub fn own_by_reason(&self) -> HashMap<u32, u64> {
        let mut sums: HashMap<u32, u64> = HashMap::new();
        let own = self.places.iter().filter(|(place, _)| place.namespace == Some(self.own_namespace));
        let rest = self.rest[0].iter().map(|(reason, lost)| (*reason, lost.packets));
        for (reason, packets) in own.map(|(place, lost)| (place.reason, lost.packets)).chain(rest) {
            *sums.entry(reason).or_default() += packets;
        }
        sums
    }
}

impl Lost {
    fn of(row: &[u8]) -> Self {
        Lost { bytes: long(row, 0), packets: long(row, 8) }
    }

    fn add(&mut self, more: Lost) {
        self.packets = self.packets.saturating_add(more.packets);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    fn since(self, earlier: Option<&Lost>) -> Lost {
        let was = earlier.copied().unwrap_or_default();
        Lost { packets: self.packets.saturating_sub(was.packets), bytes: self.bytes.saturating_sub(was.bytes) }
    }
}

impl Place {
    /// From the key of a row.
    fn of(key: &[u8]) -> Self {
        let some = |number: u32| Some(number).filter(|number| *number != 0);
        let byte = |at: usize| key.get(at).copied().unwrap_or(0);
        let port = u16::from_be_bytes([byte(key::PORT), byte(key::PORT + 1)]);
        let kind = byte(key::KIND);
        let address = key.get(key::ADDRESS..).and_then(|bytes| bytes.first_chunk::<16>()).copied().unwrap_or_default();
        let (protocol, address) = match kind & 15 {
            4 => {
                let [a, b, c, d, ..] = address;
                (Protocol::Ip(4, byte(key::PROTOCOL)), Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d))))
            }
            6 => (Protocol::Ip(6, byte(key::PROTOCOL)), Some(IpAddr::V6(Ipv6Addr::from(address)))),
            _ => (Protocol::Ether(port), None),
        };
        Place {
            reason: number(key, key::REASON),
            interface: some(number(key, key::INTERFACE)),
            namespace: some(number(key, key::NAMESPACE)),
            protocol,
            address,
            port: address.and(Some(port)).filter(|port| *port != 0),
            direction: match kind & (OUT | SENT_ON) {
                0 => Direction::In,
                OUT => Direction::Out,
                _ => Direction::SentOn,
            },
            location: Some(long(key, key::LOCATION)).filter(|location| *location != 0),
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|part| part.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|part| part.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::drops::format::reasons_of_types;

    /// The key of a place as the program writes it.
    fn key(reason: u32, kind: u8, protocol: u8, port: u16, address: &[u8]) -> Vec<u8> {
        let mut key: Vec<u8> = [reason, 2, 4_026_531_840].iter().flat_map(|number| number.to_ne_bytes()).collect();
        key.extend(port.to_be_bytes());
        key.extend([protocol, kind]);
        key.extend(address);
        key.resize(KEY_BYTES as usize, 0);
        key
    }

    fn row(bytes: u64, packets: u64) -> Vec<u8> {
        [bytes, packets].iter().flat_map(|number| number.to_ne_bytes()).collect()
    }

    #[test]
    fn a_refusal_quotes_the_kernels_verifier_and_a_missing_right_is_named() {
        let because = |error: i32, verifier: Option<&str>| {
            let error = io::Error::from_raw_os_error(error);
            refusal(&Refusal { error, verifier: verifier.map(str::to_owned) })
        };
        let gap = because(libc::EACCES, Some("R1 invalid mem access 'scalar'"));
        assert!(gap.reason == Reason::Failed && gap.why.contains("R1 invalid mem access 'scalar'"), "{gap}");
        let gap = because(libc::EPERM, None);
        assert!(gap.reason == Reason::Denied && gap.why.contains("CAP_BPF and CAP_PERFMON"), "{gap}");
    }

    #[test]
    fn a_key_says_where_and_for_whom_a_packet_was_dropped() {
        let place = Place::of(&key(3, 4, 17, 53, &[192, 0, 2, 1]));
        assert_eq!((place.reason, place.interface, place.namespace), (3, Some(2), Some(4_026_531_840)));
        assert_eq!((place.protocol, place.direction), (Protocol::Ip(4, 17), Direction::In));
        assert_eq!((place.address, place.port, place.location), (Some("192.0.2.1".parse().unwrap()), Some(53), None));
        let place = Place::of(&key(3, 6 + OUT, 58, 0, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
        assert_eq!((place.protocol, place.direction), (Protocol::Ip(6, 58), Direction::Out));
        assert_eq!((place.address, place.port), (Some("fd00::1".parse().unwrap()), None));
        let place = Place::of(&key(3, SENT_ON, 0, 0x0806, &[]));
        assert_eq!((place.protocol, place.direction), (Protocol::Ether(0x0806), Direction::SentOn));
        assert_eq!((place.address, place.port), (None, None));
    }

    #[test]
    fn only_what_was_dropped_within_the_window_counts_and_what_has_no_row_counts_by_reason() {
        let (one, two) = (key(3, 4, 17, 53, &[192, 0, 2, 1]), key(12, 4, 6, 22, &[192, 0, 2, 1]));
        let rest = |own: u64, other: u64| {
            let row = |packets: u64| [row(0, 0), row(0, 0), row(0, 0), row(0, 0), row(packets * 100, packets)].concat();
            Rows::of(&[(vec![0; 4], row(own)), (vec![1, 0, 0, 0], row(other))])
        };
        let places = |packets| Rows::of(&[(one.clone(), row(packets * 100, packets)), (two.clone(), row(60, 1))]);
        let mut before = Counted::of(&places(5), &rest(1, 0));
        let mut now = Counted::of(&places(25), &rest(3, 4));
        (before.own_namespace, now.own_namespace) = (4_026_531_840, 4_026_531_840);
        let counted = now.since(&before);
        assert_eq!(counted.places, HashMap::from([(Place::of(&one), Lost { packets: 20, bytes: 2000 })]));
        assert_eq!((counted.beyond(), counted.elsewhere()), (6, 4));
        assert_eq!(counted.by_reason(), HashMap::from([(3, 26)]));
        assert_eq!(counted.own_by_reason(), HashMap::from([(3, 22)]));
    }

    #[test]
    fn the_kernel_takes_the_program_or_says_what_is_missing() {
        let types = KernelTypes::of_running_kernel().map_err(|error| Gap::io(TRIED, &error));
        let started = types.and_then(|types| {
            let reasons = reasons_of_types(&types).ok_or_else(|| super::super::watch::no_reasons(TRIED))?;
            PlaceCounters::start(&types, &reasons)
        });
        match started {
            Ok(counters) => assert_eq!(counters.read().unwrap().rest, [HashMap::new(), HashMap::new()]),
            Err(gap) => {
                assert!(std::env::var_os("CI").is_none() || gap.reason == Reason::Absent, "{gap}");
                println!("skipped: {gap}");
            }
        }
    }
}
