//! Adding the entries of the table up, in bounded memory.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::entry::{End, Entry, TCP_STATES, protocol_name};
use super::locals::Locals;
use super::nat::{Baseline, Translations};
use super::output::{Conntrack, Destination, Directions, ProtocolEntries, Service, Source, StateEntries};
use crate::probe::hash::KeyedHash;
use crate::probe::heavy::Heavy;
use crate::probe::hyperloglog::HyperLogLog;

/// Sources, destinations and services that are followed, of each.
const FOLLOWED: usize = 16_384;
/// Registers of the estimate of distinct sources, as a power of two: 1.6 % of error as a rule.
const REGISTERS: u32 = 12;

/// Entries of one source, destination or service.
#[derive(Debug, Default)]
struct Entries {
    all: u64,
    unreplied: u64,
}

impl Entries {
    fn add(&mut self, entry: &Entry) {
        self.all += 1;
        self.unreplied += u64::from(!entry.replied);
    }
}

/// The sums.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    secret: KeyedHash,
    locals: Option<&'a Locals>,
    baseline: Option<&'a Baseline>,
    entries: u64,
    protocols: BTreeMap<u8, ProtocolEntries>,
    tcp_states: [u64; TCP_STATES.len()],
    assured: u64,
    offloaded: u64,
    directions: Directions,
    distinct: HyperLogLog,
    sources: Heavy<IpAddr, Entries>,
    destinations: Heavy<IpAddr, Entries>,
    services: Heavy<(u8, End), Entries>,
    translations: Translations,
}

impl<'a> Tally<'a> {
    /// Nothing yet. `baseline` is what translated entries had counted at the beginning of the window.
    pub(super) fn new(locals: Option<&'a Locals>, baseline: Option<&'a Baseline>) -> Self {
        Tally {
            secret: KeyedHash::from_kernel(),
            locals,
            baseline,
            entries: 0,
            protocols: BTreeMap::new(),
            tcp_states: [0; TCP_STATES.len()],
            assured: 0,
            offloaded: 0,
            directions: Directions::default(),
            distinct: HyperLogLog::new(REGISTERS, HyperLogLog::EXACT),
            sources: Heavy::new(FOLLOWED),
            destinations: Heavy::new(FOLLOWED),
            services: Heavy::new(FOLLOWED),
            translations: Translations::new(),
        }
    }

    /// Adds an entry.
    pub(super) fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        let protocol = self.protocols.entry(entry.original.protocol).or_default();
        protocol.entries += 1;
        protocol.assured += u64::from(entry.assured);
        *(if entry.replied { &mut protocol.replied } else { &mut protocol.unreplied }) += 1;
        self.assured += u64::from(entry.assured);
        self.offloaded += u64::from(entry.offloaded);
        if let Some(entries) = entry.tcp_state.and_then(|state| self.tcp_states.get_mut(usize::from(state))) {
            *entries += 1;
        }
        if let Some(locals) = self.locals {
            *direction(&mut self.directions, entry, locals) += 1;
        }
        let (source, destination) = (entry.original.source.address, entry.original.destination);
        let hash = self.secret.address(source);
        self.distinct.add(hash);
        self.sources.add(hash, source, 1).add(entry);
        let service = u64::from(entry.original.protocol) << 16 | u64::from(destination.port.unwrap_or(0));
        let hash = self.secret.address(destination.address);
        self.destinations.add(hash, destination.address, 1).add(entry);
        let hash = self.secret.words(hash, service);
        self.services.add(hash, (entry.original.protocol, destination), 1).add(entry);
        self.translations.add(entry, &self.secret, self.baseline);
    }

    /// Writes the result, with so many rows of sources and destinations at most.
    pub(super) fn finish(self, limit: usize, output: &mut Conntrack) {
        let share = |entries: u64| entries as f64 / self.entries as f64;
        let sources = heaviest(&self.sources, limit, |address| *address);
        let destinations = heaviest(&self.destinations, limit, |address| *address);
        let services = heaviest(&self.services, limit, |(protocol, end)| (end.address, *protocol, end.port));
        let source = |(address, entries): &(IpAddr, Entries)| Source {
            address: *address,
            entries: entries.all,
            unreplied: entries.unreplied,
            share: share(entries.all),
        };
        let destination = |(address, entries): &(IpAddr, Entries)| Destination {
            address: *address,
            entries: entries.all,
            unreplied: entries.unreplied,
            share: share(entries.all),
        };
        let service = |((protocol, end), entries): &((u8, End), Entries)| Service {
            address: end.address,
            protocol: protocol_name(*protocol),
            port: end.port,
            entries: entries.all,
            unreplied: entries.unreplied,
            share: share(entries.all),
        };
        let mut protocols: Vec<ProtocolEntries> = self
            .protocols
            .iter()
            .map(|(number, row)| ProtocolEntries { protocol: protocol_name(*number), ..row.clone() })
            .collect();
        protocols.sort_by_key(|row| std::cmp::Reverse(row.entries));
        let mut states: Vec<StateEntries> = TCP_STATES
            .iter()
            .zip(self.tcp_states)
            .filter(|(_, entries)| *entries > 0)
            .map(|(state, entries)| StateEntries { state: (*state).to_owned(), entries })
            .collect();
        states.sort_by_key(|row| std::cmp::Reverse(row.entries));

        output.entries_read = Some(self.entries);
        output.unreplied = Some(protocols.iter().map(|row| row.unreplied).sum());
        output.assured = Some(self.assured);
        output.offloaded = Some(self.offloaded);
        output.protocols = Some(protocols);
        output.tcp_states = Some(states);
        output.directions = self.locals.map(|_| self.directions);
        output.distinct_sources = Some(self.distinct.estimate().min(self.entries));
        output.top_sources = Some(sources.into_iter().map(source).collect());
        output.top_destinations = Some(destinations.into_iter().map(destination).collect());
        output.top_services = Some(services.into_iter().map(service).collect());
        output.nat = Some(self.translations.finish(limit, self.locals));
    }
}

/// The rows with most entries; those with equally many by key.
fn heaviest<K: PartialEq + Copy, O: Ord>(
    table: &Heavy<K, Entries>,
    limit: usize,
    order: impl Fn(&K) -> O,
) -> Vec<&(K, Entries)> {
    let mut rows: Vec<&(K, Entries)> = table.rows().collect();
    rows.sort_by_key(|(key, entries)| (std::cmp::Reverse(entries.all), order(key)));
    rows.truncate(limit);
    rows
}

/// The sum that an entry belongs to. Where the packets end, after translation, is where the answers come from.
fn direction<'a>(directions: &'a mut Directions, entry: &Entry, locals: &Locals) -> &'a mut u64 {
    match (locals.holds(entry.original.source.address), locals.hears(entry.reply.source.address)) {
        (false, true) => &mut directions.inbound,
        (true, true) if !locals.holds(entry.reply.source.address) => &mut directions.outbound,
        (true, true) => &mut directions.local,
        (true, false) => &mut directions.outbound,
        (false, false) => &mut directions.forwarded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::rtnetlink::LinkAddress;

    fn entry(protocol: &str, source: &str, destination: &str, port: u16, answered: bool) -> Entry {
        let (mark, state) = match (answered, protocol) {
            (true, "tcp 6") => ("", "ESTABLISHED"),
            (false, "tcp 6") => ("[UNREPLIED]", "SYN_SENT"),
            (answered, _) => (if answered { "" } else { "[UNREPLIED]" }, ""),
        };
        let line = format!(
            "ipv4 2 {protocol} 60 {state} src={source} dst={destination} sport=999 dport={port} {mark} \
             src={destination} dst={source} sport={port} dport=999 use=1"
        );
        Entry::from_line(&line).unwrap()
    }

    fn result(entries: &[Entry], limit: usize) -> Conntrack {
        let lan = LinkAddress { index: 2, address: "192.0.2.10".parse().unwrap(), prefix: 24, label: None };
        let locals = Locals::from_addresses(&[lan]);
        let mut tally = Tally::new(Some(&locals), None);
        entries.iter().for_each(|entry| tally.add(entry));
        let mut output = Conntrack::default();
        tally.finish(limit, &mut output);
        output
    }

    #[test]
    fn a_flood_of_syns_shows_in_states_and_destination_and_its_spread_in_the_sources() {
        let mut entries: Vec<Entry> = (0..5000u32)
            .map(|number| {
                let source = std::net::Ipv4Addr::from(0x0a00_0000 + number * 77).to_string();
                entry("tcp 6", &source, "192.0.2.10", 80, false)
            })
            .collect();
        entries.push(entry("tcp 6", "192.0.2.10", "198.51.100.7", 443, true));
        let seen = result(&entries, 3);
        assert_eq!((seen.entries_read, seen.unreplied), (Some(5001), Some(5000)));
        let states = seen.tcp_states.unwrap();
        assert_eq!((states[0].state.as_str(), states[0].entries, states.len()), ("syn_sent", 5000, 2));
        let top = &seen.top_services.unwrap()[0];
        assert_eq!((top.port, top.unreplied, top.protocol.as_str()), (Some(80), 5000, "tcp"));
        let distinct = seen.distinct_sources.unwrap();
        assert!((4700..=5001).contains(&distinct), "{distinct}");
        let address = &seen.top_destinations.unwrap()[0];
        assert_eq!((address.address.to_string().as_str(), address.entries), ("192.0.2.10", 5000));
        assert_eq!(seen.top_sources.unwrap().len(), 3);
    }

    #[test]
    fn directions_are_by_where_the_packets_end() {
        let nat = "ipv4 2 tcp 6 9 ESTABLISHED src=198.51.100.7 dst=192.0.2.10 sport=5 dport=80 \
                   src=172.17.0.2 dst=198.51.100.7 sport=80 dport=5 use=1";
        let seen = result(
            &[
                entry("udp 17", "198.51.100.7", "192.0.2.10", 53, true),
                entry("udp 17", "192.0.2.9", "192.0.2.255", 137, false),
                entry("udp 17", "192.0.2.9", "224.0.0.251", 5353, false),
                entry("udp 17", "192.0.2.10", "224.0.0.251", 5353, false),
                entry("udp 17", "192.0.2.10", "127.0.0.1", 53, true),
                entry("udp 17", "172.17.0.2", "198.51.100.7", 53, true),
                Entry::from_line(nat).unwrap(),
            ],
            10,
        );
        let expected = Directions { inbound: 3, outbound: 1, local: 1, forwarded: 2 };
        assert_eq!(seen.directions, Some(expected));
    }

    #[test]
    fn an_empty_table_is_looked_at_and_empty() {
        let seen = result(&[], 10);
        assert_eq!((seen.entries_read, seen.unreplied, seen.distinct_sources), (Some(0), Some(0), Some(0)));
        assert_eq!(seen.top_sources, Some(Vec::new()));
    }

    #[test]
    fn protocols_tell_the_answered_from_the_others() {
        let seen = result(
            &[
                entry("udp 17", "192.0.2.10", "198.51.100.7", 53, true),
                entry("udp 17", "192.0.2.10", "198.51.100.7", 54, false),
                entry("unknown 250", "192.0.2.10", "198.51.100.7", 0, false),
            ],
            10,
        );
        let protocols = seen.protocols.unwrap();
        assert_eq!((protocols[0].protocol.as_str(), protocols[0].replied, protocols[0].unreplied), ("udp", 1, 1));
        assert_eq!(protocols[1].protocol, "250");
    }
}
