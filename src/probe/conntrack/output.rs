//! The result of the probe `conntrack`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The table of tracked connections of this network namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Conntrack {
    /// Length of the window in seconds, as measured.
    pub seconds: f64,
    /// Whether the kernel can track connections: `nf_conntrack` is loaded or built in. When false, all else is null.
    /// When true and no rule of this namespace asks for tracking, `count` stays 0.
    pub tracking: bool,
    /// Entries at the end of the window (`net.netfilter.nf_conntrack_count`).
    pub count: Option<u64>,
    /// Entries at the beginning of the window.
    pub count_before: Option<u64>,
    /// The highest count that was seen in the window, from a look twice a second.
    pub count_peak: Option<u64>,
    /// The most entries that there may be (`net.netfilter.nf_conntrack_max`). The namespaces of containers have the
    /// same limit each.
    pub max: Option<u64>,
    /// `count_peak` as a share of `max`. At 1, new connections are dropped unless an unassured entry can go.
    pub used_share: Option<f64>,
    /// Buckets of the hash table (`net.netfilter.nf_conntrack_buckets`); all namespaces share it.
    pub buckets: Option<u64>,
    /// Whether entries count packets and bytes (`net.netfilter.nf_conntrack_acct`). Entries made before it was turned on
    /// do not.
    pub accounting: Option<bool>,
    /// What the bookkeeping met with in the window (`/proc/net/stat/nf_conntrack`); null for a window of 0.
    pub trouble: Option<Trouble>,
    /// The same since boot.
    pub trouble_since_boot: Option<Trouble>,
    /// Where the entries were read: `ctnetlink` or `proc` (`/proc/net/nf_conntrack`).
    pub source: Option<String>,
    /// How many entries were read, at the end of the window. The figures below are of these.
    pub entries_read: Option<u64>,
    /// Whether the table was read to its end. When false, the time for it was over: the entries that were read are those
    /// of an arbitrary part of the hash table, and shares of them hold for all.
    pub complete: Option<bool>,
    /// Entries by transport protocol, most first.
    pub protocols: Option<Vec<ProtocolEntries>>,
    /// Entries of TCP by state, most first; states without entries are left out.
    pub tcp_states: Option<Vec<StateEntries>>,
    /// Entries that have seen packets of one side only.
    pub unreplied: Option<u64>,
    /// Entries that stay when the table is full, as their connection is established.
    pub assured: Option<u64>,
    /// Entries that a flow table or the hardware forwards, past the rules of the firewall.
    pub offloaded: Option<u64>,
    /// Entries by who talks to whom; null when this host's addresses could not be had.
    pub directions: Option<Directions>,
    /// How many addresses began the connections: exact up to 2,048, an estimate beyond, 3 % off at most times.
    pub distinct_sources: Option<u64>,
    /// Who began most of the connections.
    pub top_sources: Option<Vec<Source>>,
    /// The addresses that most of the connections were begun to, before translation.
    pub top_destinations: Option<Vec<Destination>>,
    /// The addresses and ports that most of the connections were begun to, before translation.
    pub top_services: Option<Vec<Service>>,
    /// Addresses that are translated.
    pub nat: Option<Nat>,
    /// Connections that other network namespaces track, the busiest first; null where nobody asked for them, and where none could be
    /// looked into.
    #[serde(default)]
    pub elsewhere: Option<Vec<ConntrackElsewhere>>,
    /// How many other namespaces are not in it.
    #[serde(default)]
    pub elsewhere_left_out: u64,
}

/// Events that mean trouble (`/proc/net/stat/nf_conntrack`), summed over the CPUs; null where this kernel does not count
/// it, or its counter was reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// Packets dropped because the table was full, or no memory for an entry was left (`drop`).
    pub dropped: Option<u64>,
    /// Entries removed before their time to make room in the full table (`early_drop`).
    pub early_dropped: Option<u64>,
    /// Entries that could not be entered, because another packet of the same connection was faster (`insert_failed`):
    /// the packet is dropped.
    pub insert_failed: Option<u64>,
    /// Packets that fit no connection (`invalid`): out of state, malformed.
    pub invalid: Option<u64>,
    /// ICMP errors that fit no connection (`icmp_error`; `error` in `conntrack -S`).
    pub icmp_errors: Option<u64>,
    /// Clashes that were resolved: two packets of one connection at once, both let through (`clashres`).
    pub clashes_resolved: Option<u64>,
    /// Packets dropped because the chain of their bucket is too long (`chainlength`): too few buckets.
    pub chain_too_long: Option<u64>,
    /// Look-ups that began anew because the table was being resized or was too busy (`search_restart`).
    pub search_restarts: Option<u64>,
}

/// Entries of one transport protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProtocolEntries {
    /// `tcp`, `udp`, `icmp` …, or the number.
    pub protocol: String,
    /// Entries.
    pub entries: u64,
    /// Of these, those that the other side has answered.
    pub replied: u64,
    /// Those that it has not.
    pub unreplied: u64,
    /// Those that stay when the table is full. Of TCP: established ones; of UDP: streams.
    pub assured: u64,
}

/// Entries of TCP in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateEntries {
    /// `syn_sent` (a SYN was seen), `syn_recv` (and its answer), `established`, `fin_wait`, `close_wait`, `last_ack`,
    /// `time_wait`, `close`, `syn_sent2` (a SYN from both sides), `none`.
    pub state: String,
    /// Entries.
    pub entries: u64,
}

/// Entries by who talks to whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Directions {
    /// From elsewhere to this host; broadcast and multicast too.
    pub inbound: u64,
    /// From this host to elsewhere.
    pub outbound: u64,
    /// From this host to itself.
    pub local: u64,
    /// Through this host: for or from a container, a virtual machine, another network.
    pub forwarded: u64,
}

/// An address that began connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Its entries: at least so many, when there are more than 16,384 addresses.
    pub entries: u64,
    /// Of these, those that nobody answered.
    pub unreplied: u64,
    /// Its entries as a share of those read.
    pub share: f64,
}

/// An address that connections were begun to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Destination {
    /// The address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Its entries: at least so many, when there are more than 16,384 addresses.
    pub entries: u64,
    /// Of these, those that nobody answered.
    pub unreplied: u64,
    /// Its entries as a share of those read.
    pub share: f64,
}

/// An address and port that connections were begun to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Service {
    /// The address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The transport protocol.
    pub protocol: String,
    /// The port, for protocols that have ports.
    pub port: Option<u16>,
    /// Its entries: at least so many, when there are more than 16,384 of them.
    pub entries: u64,
    /// Of these, those that nobody answered.
    pub unreplied: u64,
    /// Its entries as a share of those read.
    pub share: f64,
}

/// Connections whose addresses or ports are translated: the answers go to, or come from, elsewhere than the packets say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Nat {
    /// Entries whose source is translated (SNAT, masquerade), those with both included.
    pub source_entries: u64,
    /// Entries whose destination is translated (DNAT, redirect, published ports of containers), those with both included.
    pub destination_entries: u64,
    /// For whom: the addresses behind this host, those that received most first; by entries where bytes are not known.
    pub inner: Vec<Inner>,
    /// What stands for what: those that received most first, at most 256; by entries where bytes are not known.
    pub mappings: Vec<Mapping>,
    /// How many mappings are not in `mappings`; at least so many, when there are more than 16,384.
    pub mappings_left_out: u64,
}

/// An address behind this host: a container, a virtual machine, a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inner {
    /// Its address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Its translated entries.
    pub entries: u64,
    /// Bytes that it received in the window, as IP packets; null without accounting or without a window. Connections that
    /// ended within the window are not in it.
    pub rx_bytes: Option<u64>,
    /// Bytes that it sent in the window; null as for `rx_bytes`.
    pub tx_bytes: Option<u64>,
}

/// An address and port to the outside, and the inner one that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mapping {
    /// `source` (the inner side began), `destination` (the outer side began), or `both` (the outer side began, and is
    /// hidden from the inner one).
    pub kind: String,
    /// The transport protocol.
    pub protocol: String,
    /// The address that the outer side knows.
    #[schemars(with = "String")]
    pub outer_address: IpAddr,
    /// The port that the outer side knows.
    pub outer_port: Option<u16>,
    /// The address that the packets go to.
    #[schemars(with = "String")]
    pub inner_address: IpAddr,
    /// The port that the packets go to.
    pub inner_port: Option<u16>,
    /// Whether the inner address is this host's own: a redirected port, not a guest; null when this host's addresses
    /// could not be had.
    pub inner_is_local: Option<bool>,
    /// Entries with this mapping.
    pub entries: u64,
    /// Bytes to the inner side in the window, as IP packets; null without accounting or without a window. Connections
    /// that ended within the window are not in it.
    pub rx_bytes: Option<u64>,
    /// Packets to the inner side in the window; null as for `rx_bytes`.
    pub rx_packets: Option<u64>,
    /// Bytes from the inner side in the window; null as for `rx_bytes`.
    pub tx_bytes: Option<u64>,
    /// Bytes to the inner side since the entries were made; null without accounting.
    pub rx_total: Option<u64>,
    /// Bytes from the inner side since the entries were made; null without accounting.
    pub tx_total: Option<u64>,
}

/// The table of tracked connections of another network namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConntrackElsewhere {
    /// Its number, as in `/proc/PID/ns/net`, and in the result of `namespaces`.
    pub namespace: u64,
    /// For people: `container web`.
    pub label: String,
    /// A process that lives there, by its id on this host; null where the namespace has only a name.
    pub pid: Option<i32>,
    /// Interfaces of the namespace that is looked from that lead there, or that an interface of it stands on; at most 8. Empty
    /// where it does not meet this one.
    pub ends: Vec<String>,
    /// Seconds between the two looks.
    pub seconds: f64,
    /// Entries at the end of the window.
    pub count: Option<u64>,
    /// The most entries that there may be.
    pub max: Option<u64>,
    /// The higher count of the two looks as a share of `max`.
    pub used_share: Option<f64>,
    /// What the bookkeeping met with in the window.
    pub trouble: Option<Trouble>,
    /// How many entries were read.
    pub entries_read: Option<u64>,
    /// Whether the table was read to its end.
    pub complete: Option<bool>,
    /// Entries by transport protocol, most first.
    pub protocols: Option<Vec<ProtocolEntries>>,
    /// Entries of TCP by state, most first.
    pub tcp_states: Option<Vec<StateEntries>>,
    /// Entries that have seen packets of one side only.
    pub unreplied: Option<u64>,
    /// Who began most of the connections.
    pub top_sources: Option<Vec<Source>>,
    /// The addresses and ports that most of the connections were begun to.
    pub top_services: Option<Vec<Service>>,
}
