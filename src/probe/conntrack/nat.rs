//! Translated addresses: what stands for what, and how much went there.

use std::collections::HashMap;
use std::net::IpAddr;

use super::entry::protocol_name;
use super::entry::{Count, End, Entry, Tuple};
use super::locals::Locals;
use super::output::{Inner, Mapping, Nat};
use crate::probe::hash::KeyedHash;
use crate::probe::heavy::Heavy;

/// Mappings that are followed: 2 MB.
const FOLLOWED: usize = 16_384;
/// Addresses behind this host that are followed.
const FOLLOWED_INNER: usize = 4_096;
/// Mappings in the result.
const MOST_MAPPINGS: usize = 256;
/// Entries whose counters are remembered from the beginning of the window: 16 MB.
const MOST_REMEMBERED: usize = 131_072;
/// Bytes that weigh as much as an entry in the choice of what is followed.
const WEIGHT: u64 = 64;

/// The counters of translated entries at the beginning of the window.
#[derive(Debug, Default)]
pub(super) struct Baseline {
    counts: HashMap<(Tuple, Tuple), [Count; 2]>,
    /// Whether it holds every translated entry that there was.
    complete: bool,
}

impl Baseline {
    /// Remembers a translated entry; false when there is no room for it.
    pub(super) fn add(&mut self, entry: &Entry) -> bool {
        let Some(counts) = entry.counts.filter(|_| entry.translates_source() || entry.translates_destination()) else {
            return true;
        };
        if self.counts.len() == MOST_REMEMBERED {
            return false;
        }
        self.counts.insert((entry.original, entry.reply), counts);
        true
    }

    /// Notes that the whole table was read.
    pub(super) fn finish(&mut self, complete: bool) {
        self.complete = complete;
    }

    /// What an entry has counted since; none when that is not known. One that is new, or whose place was taken by another
    /// like it, has counted all of it since.
    fn growth(&self, entry: &Entry, now: [Count; 2]) -> Option<[Count; 2]> {
        let Some(before) = self.counts.get(&(entry.original, entry.reply)) else {
            return self.complete.then_some(now);
        };
        let grown = now[0].since(before[0]).zip(now[1].since(before[1]));
        Some(grown.map_or(now, <[Count; 2]>::from))
    }
}

/// What stands for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    kind: &'static str,
    protocol: u8,
    outer: End,
    inner: End,
}

#[derive(Debug, Default)]
struct Figures {
    entries: u64,
    total: Option<[Count; 2]>,
    grown: Option<[Count; 2]>,
}

impl Figures {
    fn add(&mut self, total: Option<[Count; 2]>, grown: Option<[Count; 2]>) {
        self.entries += 1;
        for (sum, more) in [(&mut self.total, total), (&mut self.grown, grown)] {
            let Some(more) = more else { continue };
            for (sum, more) in sum.get_or_insert_default().iter_mut().zip(more) {
                sum.packets = sum.packets.saturating_add(more.packets);
                sum.bytes = sum.bytes.saturating_add(more.bytes);
            }
        }
    }

    /// In which order they are listed.
    fn rank(&self) -> (u64, u64, u64) {
        let bytes = |counts: Option<[Count; 2]>| counts.map_or(0, |counts| counts[0].bytes);
        (bytes(self.grown), bytes(self.total), self.entries)
    }
}

/// Adds translated entries up. Of the counts, the first is towards the inner side.
#[derive(Debug)]
pub(super) struct Translations {
    source_entries: u64,
    destination_entries: u64,
    mappings: Heavy<Key, Figures>,
    inner: Heavy<IpAddr, Figures>,
}

impl Translations {
    pub(super) fn new() -> Self {
        Translations {
            source_entries: 0,
            destination_entries: 0,
            mappings: Heavy::new(FOLLOWED),
            inner: Heavy::new(FOLLOWED_INNER),
        }
    }

    pub(super) fn add(&mut self, entry: &Entry, secret: &KeyedHash, baseline: Option<&Baseline>) {
        let (source, destination) = (entry.translates_source(), entry.translates_destination());
        if !source && !destination {
            return;
        }
        self.source_entries += u64::from(source);
        self.destination_entries += u64::from(destination);
        let grown = baseline.zip(entry.counts).and_then(|(baseline, now)| baseline.growth(entry, now));
        // Who began the connection sends the original packets; the inner side of a translated source is who began.
        let (kind, outer, inner) = match (source, destination) {
            (true, false) => ("source", entry.reply.destination, entry.original.source),
            (false, _) => ("destination", entry.original.destination, entry.reply.source),
            (true, true) => ("both", entry.original.destination, entry.reply.source),
        };
        let towards = |counts: [Count; 2]| if destination { counts } else { [counts[1], counts[0]] };
        let (total, grown) = (entry.counts.map(towards), grown.map(towards));
        let bytes = grown.or(total).map_or(0, |counts| counts[0].bytes);
        let weight = u32::try_from(1 + bytes / WEIGHT).unwrap_or(u32::MAX);
        let key = Key { kind, protocol: entry.original.protocol, outer, inner };
        let ports = u64::from(outer.port.unwrap_or(0)) << 16 | u64::from(inner.port.unwrap_or(0));
        let addresses = secret.words(secret.address(outer.address), secret.address(inner.address));
        let hash = secret.words(addresses, ports << 8 | u64::from(key.protocol));
        self.mappings.add(hash, key, weight).add(total, grown);
        self.inner.add(secret.address(inner.address), inner.address, weight).add(total, grown);
    }

    /// The result, with so many inner addresses at most.
    pub(super) fn finish(&self, limit: usize, locals: Option<&Locals>) -> Nat {
        let mut inner: Vec<&(IpAddr, Figures)> =
            self.inner.rows().filter(|(address, _)| !locals.is_some_and(|locals| locals.holds(*address))).collect();
        inner.sort_by_key(|(address, figures)| (std::cmp::Reverse(figures.rank()), *address));
        let mut mappings: Vec<&(Key, Figures)> = self.mappings.rows().collect();
        mappings.sort_by_key(|(key, figures)| {
            (std::cmp::Reverse(figures.rank()), key.outer.address, key.outer.port, key.inner.address, key.inner.port)
        });
        Nat {
            source_entries: self.source_entries,
            destination_entries: self.destination_entries,
            inner: inner.iter().take(limit).map(|(address, figures)| inner_row(*address, figures)).collect(),
            mappings: mappings.iter().take(MOST_MAPPINGS).map(|(key, figures)| mapping(key, figures, locals)).collect(),
            mappings_left_out: (mappings.len().saturating_sub(MOST_MAPPINGS) as u64)
                .saturating_add(self.mappings.evicted()),
        }
    }
}

fn inner_row(address: IpAddr, figures: &Figures) -> Inner {
    Inner {
        address,
        entries: figures.entries,
        rx_bytes: figures.grown.map(|counts| counts[0].bytes),
        tx_bytes: figures.grown.map(|counts| counts[1].bytes),
    }
}

fn mapping(key: &Key, figures: &Figures, locals: Option<&Locals>) -> Mapping {
    Mapping {
        kind: key.kind.to_owned(),
        protocol: protocol_name(key.protocol),
        outer_address: key.outer.address,
        outer_port: key.outer.port,
        inner_address: key.inner.address,
        inner_port: key.inner.port,
        inner_is_local: locals.map(|locals| locals.holds(key.inner.address)),
        entries: figures.entries,
        rx_bytes: figures.grown.map(|counts| counts[0].bytes),
        rx_packets: figures.grown.map(|counts| counts[0].packets),
        tx_bytes: figures.grown.map(|counts| counts[1].bytes),
        rx_total: figures.total.map(|counts| counts[0].bytes),
        tx_total: figures.total.map(|counts| counts[1].bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn download(port: u16, bytes: u64) -> Entry {
        let line = format!(
            "ipv4 2 tcp 6 100 ESTABLISHED src=172.17.0.2 dst=198.51.100.7 sport={port} dport=443 packets=1 bytes=60 \
             src=198.51.100.7 dst=192.0.2.10 sport=443 dport={port} packets=9 bytes={bytes} [ASSURED] use=1"
        );
        Entry::from_line(&line).unwrap()
    }

    fn published(port: u16, bytes: u64) -> Entry {
        let line = format!(
            "ipv4 2 tcp 6 100 ESTABLISHED src=198.51.100.7 dst=192.0.2.10 sport={port} dport=8080 packets=9 bytes={bytes} \
             src=172.17.0.3 dst=198.51.100.7 sport=80 dport={port} packets=1 bytes=70 [ASSURED] use=1"
        );
        Entry::from_line(&line).unwrap()
    }

    fn result(entries: &[Entry], baseline: Option<&Baseline>) -> Nat {
        let (secret, mut translations) = (KeyedHash::from_kernel(), Translations::new());
        entries.iter().for_each(|entry| translations.add(entry, &secret, baseline));
        translations.finish(10, Some(&Locals::of(["192.0.2.10".parse().unwrap()])))
    }

    #[test]
    fn a_guests_download_is_received_by_the_guest_at_the_hosts_address() {
        let nat = result(&[download(40_000, 5_000)], None);
        let mapping = &nat.mappings[0];
        assert_eq!((mapping.kind.as_str(), mapping.outer_address.to_string().as_str()), ("source", "192.0.2.10"));
        assert_eq!((mapping.outer_port, mapping.inner_address.to_string().as_str()), (Some(40_000), "172.17.0.2"));
        assert_eq!((mapping.rx_total, mapping.tx_total, mapping.rx_bytes), (Some(5_000), Some(60), None));
        assert_eq!((nat.source_entries, nat.destination_entries, mapping.inner_is_local), (1, 0, Some(false)));
    }

    #[test]
    fn all_clients_of_a_published_port_are_one_mapping() {
        let nat = result(&[published(1, 100), published(2, 200), download(9, 250)], None);
        assert_eq!(nat.mappings.len(), 2);
        let port = &nat.mappings[0];
        assert_eq!((port.outer_port, port.inner_port, port.entries), (Some(8080), Some(80), 2));
        assert_eq!((port.rx_total, port.tx_total), (Some(300), Some(140)));
        assert_eq!(nat.inner[0].address.to_string(), "172.17.0.3");
    }

    #[test]
    fn growth_is_since_the_beginning_and_all_of_what_is_new() {
        let mut baseline = Baseline::default();
        assert!(baseline.add(&download(40_000, 5_000)));
        baseline.finish(true);
        let nat = result(&[download(40_000, 7_500), download(40_001, 900)], Some(&baseline));
        let grown: Vec<_> = nat.mappings.iter().map(|mapping| mapping.rx_bytes).collect();
        assert_eq!(grown, [Some(2_500), Some(900)]);
        assert_eq!(nat.inner[0].rx_bytes, Some(3_400));
        baseline.finish(false);
        let nat = result(&[download(40_001, 900)], Some(&baseline));
        assert_eq!(nat.mappings[0].rx_bytes, None, "it may have been there before");
    }

    #[test]
    fn a_redirected_port_is_local_and_no_guest() {
        let line = "ipv4 2 tcp 6 100 ESTABLISHED src=198.51.100.7 dst=192.0.2.10 sport=5 dport=80 \
             src=192.0.2.10 dst=198.51.100.7 sport=8080 dport=5 [ASSURED] use=1";
        let nat = result(&[Entry::from_line(line).unwrap()], None);
        assert_eq!((nat.mappings[0].inner_is_local, nat.mappings[0].inner_port), (Some(true), Some(8080)));
        assert!(nat.inner.is_empty());
    }

    #[test]
    fn more_mappings_than_are_listed_are_said() {
        let many: Vec<Entry> = (1..=1000).map(|port| download(port, u64::from(port))).collect();
        let nat = result(&many, None);
        assert_eq!((nat.mappings.len(), nat.mappings_left_out, nat.source_entries), (256, 744, 1000));
        assert_eq!(nat.mappings[0].rx_total, Some(1000));
    }
}
