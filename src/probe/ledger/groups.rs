//! Receivers that belong together, and all that is known of what they did with what they took.

use std::collections::BTreeSet;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Entry, EntryKind, Process};
use crate::probe::capture::Capture;
use crate::probe::capture::output::{Endpoint, Group, Opener};
use crate::probe::sockets::{Connection, Listener, ProcessTraffic, Sockets};

/// Process ids, ports and remotes that are listed for one receiver.
const LISTED: usize = 16;
/// Ends that a receiver sends to, and that are listed for it.
const HANDED_ON: usize = 4;
/// The share of a group's bytes from which on one of its members, or one remote, stands for all.
const STANDS_FOR_ALL: f64 = 0.8;

/// Processes that took inbound bytes and belong together: those of one service, else those of one name and unit. Or a
/// socket whose owner was not seen, as when it ended within the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Receiver {
    /// For people: `curl (pid 1423)`, `nginx.service (8 × nginx)`.
    pub label: String,
    /// The one that took most; none when no owner was seen.
    pub process: Option<Process>,
    /// Its share of what they took.
    pub process_share: f64,
    /// How many processes they are; 0 when no owner was seen.
    pub processes: u32,
    /// Their ids, those that took most first, at most 16.
    pub pids: Vec<i32>,
    /// `tcp` or `udp`.
    pub protocol: Option<String>,
    /// The local address; none when there are several.
    pub address: Option<String>,
    /// The local ports, those that most came to first, at most 16.
    pub ports: Vec<u16>,
    /// How many local ports there are.
    pub ports_count: u32,
    /// Bytes on the wire, link headers included.
    pub bytes: u64,
    /// Packets on the wire.
    pub packets: u64,
    /// Share of the interface's bytes.
    pub share: f64,
    /// Who sends it, those that send most first, at most 16. Of many remotes of one local port only the one that stands
    /// out.
    pub remotes: Vec<IpAddr>,
    /// How many remotes send to those ports, added up over the ports; none when that was not counted.
    pub remotes_count: Option<u64>,
    /// Share of the bytes that the first of `remotes` sent; none where that cannot be told.
    pub top_remote_share: Option<f64>,
    /// The remote port that most of it comes from, if one stands out.
    pub remote_port: Option<u16>,
    /// Who opened the connections that carried most: `remote` or `local`; none for datagrams and where neither tells.
    pub opened_by: Option<String>,
    /// Connections that were completed in the window; none, as below, where no packet was captured.
    pub handshakes: Option<u64>,
    /// Payload that left by the same local ports.
    pub sent_bytes: Option<u64>,
    /// Packets that left by them.
    pub sent_packets: Option<u64>,
    /// Bytes that they passed to `write` or sent to storage, whichever is more; none when it is not known of one of them.
    pub written_bytes: Option<u64>,
    /// TCP payload that they sent in the window by all their sockets, to processes of this host too; none when it is not
    /// known of one of them.
    #[serde(default)]
    pub tcp_sent_bytes: Option<u64>,
    /// To whom they sent by connections that they opened themselves and that carried more out than in, most bytes first, at
    /// most 4.
    #[serde(default)]
    pub hands_on_to: Vec<HandedOn>,
    /// By how much the memory that they hold grew in the window; none when it is not known of one of them.
    #[serde(default)]
    pub memory_growth_bytes: Option<u64>,
    /// Whether one of them holds sockets that are neither TCP nor UDP, by which it may hand on what nobody counts; none when
    /// it is not known of one of them.
    #[serde(default)]
    pub other_sockets: Option<bool>,
    /// UDP sockets that they hold: the kernel does not count what is sent by them. None when that is not known.
    #[serde(default)]
    pub udp_sockets: Option<u32>,
}

/// To whom a receiver sends what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HandedOn {
    /// The address that it sends to.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// The process there, where it is one of this host.
    pub process: Option<Process>,
    /// The container, pod or machine there: `container web (nginx, pid 812)`.
    #[serde(default)]
    pub container: Option<String>,
    /// TCP payload sent in the window.
    pub bytes: u64,
}

/// The receivers of the account, most bytes first.
pub(super) fn receivers(entries: &[Entry], capture: Option<&Capture>, sockets: Option<&Sockets>) -> Vec<Receiver> {
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    for entry in entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Process | EntryKind::UnseenOwner)) {
        match groups.iter_mut().find(|group| belong_together(group[0], entry)) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    let mut receivers: Vec<Receiver> = groups.iter().map(|group| receiver(group, capture, sockets)).collect();
    receivers.sort_by_key(|receiver| std::cmp::Reverse(receiver.bytes));
    receivers
}

fn belong_together(one: &Entry, other: &Entry) -> bool {
    let (Some(mine), Some(yours)) = (&one.process, &other.process) else { return false };
    same_service(mine, yours) && one.protocol == other.protocol
}

/// Whether two processes are of one service, else of one name and unit.
pub(super) fn same_service(mine: &Process, yours: &Process) -> bool {
    let service = |process: &Process| {
        let unit = process.unit.clone()?;
        // What runs in a login session or a user's manager has nothing in common but the user.
        let is_one = (unit.ends_with(".service") && !unit.starts_with("user@")) || !unit.contains('.');
        is_one.then_some(unit)
    };
    match (service(mine), service(yours)) {
        (Some(mine), Some(yours)) => mine == yours,
        _ => mine.name == yours.name && mine.user == yours.user && mine.unit == yours.unit,
    }
}

fn receiver(entries: &[&Entry], capture: Option<&Capture>, sockets: Option<&Sockets>) -> Receiver {
    let bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    let mut members: Vec<(&Process, u64)> = Vec::new();
    for (process, taken) in entries.iter().filter_map(|entry| Some((entry.process.as_ref()?, entry.bytes))) {
        match members.iter_mut().find(|(known, _)| *known == process) {
            Some((_, sum)) => *sum += taken,
            None => members.push((process, taken)),
        }
    }
    members.sort_by_key(|(_, taken)| std::cmp::Reverse(*taken));
    let protocol = entries[0].protocol.clone();
    let connections = connections(&members, sockets);
    let endpoints = endpoints(entries, &members, &connections, capture, sockets);
    let of_all = |share: u64| if bytes == 0 { 0.0 } else { share as f64 / bytes as f64 };
    let (mut remotes, mut top_remote_share) = remotes(&endpoints, &connections);
    if remotes.is_empty() {
        // What came for groups is not counted by local port.
        let group = capture.and_then(|capture| busiest_group(entries, &capture.groups));
        remotes.extend(group.and_then(|group| group.top_remote));
        top_remote_share = group.and_then(|group| group.top_remote_share);
    }
    let mut ports: BTreeSet<u16> = BTreeSet::new();
    ports.extend(endpoints.iter().filter_map(|endpoint| endpoint.port));
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    addresses.extend(endpoints.iter().map(|endpoint| endpoint.address));
    let mut listed: Vec<u16> = Vec::new();
    for port in endpoints.iter().filter_map(|endpoint| endpoint.port).chain(entries.iter().filter_map(|e| e.port)) {
        if !listed.contains(&port) && listed.len() < LISTED {
            listed.push(port);
        }
    }
    let busiest = endpoints.first();
    // Where no packet was seen, what was sent is not known.
    let sum = |of: fn(&Endpoint) -> u64| (!endpoints.is_empty()).then(|| endpoints.iter().map(|e| of(e)).sum());
    Receiver {
        label: label(&members, entries[0], bytes),
        process: members.first().map(|(process, _)| (*process).clone()),
        process_share: members.first().map_or(0.0, |(_, taken)| of_all(*taken)),
        processes: members.len() as u32,
        pids: members.iter().take(LISTED).map(|(process, _)| process.pid).collect(),
        address: match addresses.len() {
            0 => entries[0].address.clone(),
            1 => addresses.first().map(IpAddr::to_string),
            _ => None,
        },
        ports: listed,
        ports_count: ports.len() as u32,
        bytes,
        packets: entries.iter().map(|entry| entry.packets).sum(),
        share: entries.iter().map(|entry| entry.share).sum(),
        remotes,
        remotes_count: endpoints
            .iter()
            .map(|endpoint| endpoint.remotes)
            .sum::<Option<u64>>()
            .filter(|count| *count > 0),
        top_remote_share,
        remote_port: busiest
            .filter(|endpoint| endpoint.top_remote_port_share.is_some_and(|share| share >= STANDS_FOR_ALL))
            .and_then(|endpoint| endpoint.top_remote_port),
        opened_by: opened_by(protocol.as_deref(), &connections, busiest.copied(), capture, sockets),
        handshakes: sum(|endpoint| endpoint.handshakes_completed),
        sent_bytes: sum(|endpoint| endpoint.tx_payload_bytes),
        sent_packets: sum(|endpoint| endpoint.tx_packets),
        written_bytes: written(&members, sockets),
        tcp_sent_bytes: of_members(&members, sockets, |traffic| traffic.tx_bytes).map(|sent| sent.iter().sum()),
        hands_on_to: hands_on_to(&connections, sockets),
        memory_growth_bytes: of_members(&members, sockets, |traffic| traffic.memory_growth_bytes)
            .map(|grown| grown.iter().sum()),
        other_sockets: of_members(&members, sockets, |traffic| traffic.other_sockets)
            .map(|others| others.contains(&true)),
        udp_sockets: of_members(&members, sockets, |traffic| Some(traffic.udp_sockets))
            .map(|sockets| sockets.iter().sum()),
        protocol,
    }
}

/// A figure of each member; none when it is not known of one, or no member was seen.
fn of_members<T>(
    members: &[(&Process, u64)],
    sockets: Option<&Sockets>,
    figure: impl Fn(&ProcessTraffic) -> Option<T>,
) -> Option<Vec<T>> {
    let processes = sockets?.processes.as_ref()?;
    (!members.is_empty()).then_some(())?;
    let of = |member: &Process| processes.iter().find(|traffic| traffic.process == *member);
    members.iter().map(|(member, _)| figure(of(member)?)).collect()
}

/// To whom the members send by connections that they opened themselves, and that carry more out than in.
fn hands_on_to(connections: &[&Connection], sockets: Option<&Sockets>) -> Vec<HandedOn> {
    let mut ends: Vec<HandedOn> = Vec::new();
    let opened = connections.iter().filter(|connection| connection.opened_by.as_deref() == Some("local"));
    for connection in opened.filter(|connection| connection.tx_bytes > connection.rx_bytes) {
        let (address, port) = (connection.remote_address.to_canonical(), connection.remote_port);
        let bytes = connection.tx_bytes.unwrap_or(0);
        match ends.iter_mut().find(|end| (end.address, end.port) == (address, port)) {
            Some(end) => end.bytes += bytes,
            None if bytes > 0 => {
                ends.push(HandedOn { address, port, process: other_end(connection, sockets), container: None, bytes });
            }
            None => {}
        }
    }
    ends.sort_by_key(|end| std::cmp::Reverse(end.bytes));
    ends.truncate(HANDED_ON);
    ends
}

/// The process of this host that holds the other end of a connection.
fn other_end(connection: &Connection, sockets: Option<&Sockets>) -> Option<Process> {
    let is_other = |other: &&Connection| {
        other.local_port == connection.remote_port
            && other.remote_port == connection.local_port
            && other.local_address.to_canonical() == connection.remote_address.to_canonical()
    };
    let held = sockets?.connections.iter().find(is_other).and_then(|other| other.process.clone());
    held.or_else(|| {
        let here = connection.remote_address.to_canonical().is_loopback();
        let waits = |listener: &&Listener| listener.protocol == "tcp" && listener.port == connection.remote_port;
        sockets?.listeners.iter().filter(|_| here).find(waits)?.process.clone()
    })
}

/// The group that most datagrams came for, of those that the entries are of.
fn busiest_group<'a>(entries: &[&Entry], groups: &'a [Group]) -> Option<&'a Group> {
    let is_of = |group: &&Group, entry: &&&Entry| {
        entry.port.is_some() && entry.port == group.port && entry.address == Some(group.address.to_string())
    };
    let of_them = groups.iter().filter(|group| entries.iter().any(|entry| is_of(group, &entry)));
    of_them.max_by_key(|group| group.bytes)
}

fn label(members: &[(&Process, u64)], entry: &Entry, bytes: u64) -> String {
    let Some((busiest, taken)) = members.first() else { return entry.label.clone() };
    if members.len() == 1 || *taken as f64 >= STANDS_FOR_ALL * bytes as f64 {
        return busiest.to_string();
    }
    let same = members.iter().all(|(process, _)| process.name == busiest.name);
    let what = if same { busiest.name.as_str() } else { "processes" };
    match &busiest.unit {
        Some(unit) => format!("{unit} ({} × {what})", members.len()),
        None => format!("{} × {what}", members.len()),
    }
}

/// The connections of the members, those that received most first.
fn connections<'a>(members: &[(&Process, u64)], sockets: Option<&'a Sockets>) -> Vec<&'a Connection> {
    let held = |connection: &&Connection| {
        connection.process.as_ref().is_some_and(|process| members.iter().any(|(member, _)| *member == process))
    };
    sockets.map_or(Vec::new(), |sockets| sockets.connections.iter().filter(held).collect())
}

/// The local addresses and ports that the members received at, most bytes first.
fn endpoints<'a>(
    entries: &[&Entry],
    members: &[(&Process, u64)],
    connections: &[&Connection],
    capture: Option<&'a Capture>,
    sockets: Option<&Sockets>,
) -> Vec<&'a Endpoint> {
    let mut ports: BTreeSet<u16> = BTreeSet::new();
    ports.extend(entries.iter().filter_map(|entry| entry.port));
    ports.extend(connections.iter().map(|connection| connection.local_port));
    let listeners = sockets.into_iter().flat_map(|sockets| &sockets.listeners);
    let held = listeners.filter(|listener| {
        let holder = listener.process.as_ref();
        holder.is_some_and(|process| members.iter().any(|(member, _)| *member == process))
            && entries[0].protocol.as_ref() == Some(&listener.protocol)
    });
    ports.extend(held.map(|listener| listener.port));
    let all = capture.into_iter().flat_map(|capture| &capture.endpoints);
    let mut endpoints: Vec<&Endpoint> = all
        .filter(|endpoint| {
            Some(&endpoint.protocol) == entries[0].protocol.as_ref()
                && endpoint.port.is_some_and(|port| ports.contains(&port))
        })
        .collect();
    endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.bytes));
    endpoints
}

/// Who sends it, and how much of it the first of them.
fn remotes(endpoints: &[&Endpoint], connections: &[&Connection]) -> (Vec<IpAddr>, Option<f64>) {
    let mut sums: Vec<(IpAddr, f64)> = Vec::new();
    let add = |sums: &mut Vec<(IpAddr, f64)>, remote: IpAddr, weight: f64| match sums
        .iter_mut()
        .find(|(known, _)| *known == remote)
    {
        Some((_, sum)) => *sum += weight,
        None => sums.push((remote, weight)),
    };
    let total: f64 = endpoints.iter().map(|endpoint| endpoint.bytes as f64).sum();
    for endpoint in endpoints {
        if let (Some(remote), Some(share)) = (endpoint.top_remote, endpoint.top_remote_share) {
            add(&mut sums, remote, share * endpoint.bytes as f64);
        }
    }
    // A local port of few packets is not looked into: then the sockets tell.
    let mut share = None;
    if sums.is_empty() {
        for connection in connections {
            add(&mut sums, connection.remote_address.to_canonical(), connection.rx_bytes.unwrap_or(0) as f64);
        }
    } else if total > 0.0 {
        share = sums.iter().map(|(_, sum)| sum / total).reduce(f64::max);
    }
    sums.sort_by(|one, other| other.1.total_cmp(&one.1));
    (sums.into_iter().take(LISTED).map(|(remote, _)| remote).collect(), share)
}

fn opened_by(
    protocol: Option<&str>,
    connections: &[&Connection],
    busiest: Option<&Endpoint>,
    capture: Option<&Capture>,
    sockets: Option<&Sockets>,
) -> Option<String> {
    if protocol != Some("tcp") {
        return None;
    }
    if let Some(heaviest) = connections.iter().max_by_key(|connection| connection.rx_bytes) {
        return heaviest.opened_by.clone();
    }
    let endpoint = busiest?;
    let flows = capture?.flows.iter().filter(|flow| {
        flow.protocol == "tcp" && flow.local_port == endpoint.port && flow.local_address == endpoint.address
    });
    if let Some(opener) = flows.max_by_key(|flow| flow.rx_bytes).and_then(|flow| flow.opened_by) {
        return Some(if opener == Opener::Local { "local" } else { "remote" }.to_owned());
    }
    let waits = sockets?.listeners.iter().any(|l| l.protocol == "tcp" && Some(l.port) == endpoint.port);
    // Servers have a low port, their clients a high one.
    let calls = endpoint.port? >= 32_768 && endpoint.top_remote_port.is_some_and(|port| port < 32_768);
    match (waits, calls) {
        (true, _) => Some("remote".to_owned()),
        (false, true) => Some("local".to_owned()),
        _ => None,
    }
}

fn written(members: &[(&Process, u64)], sockets: Option<&Sockets>) -> Option<u64> {
    let processes = sockets?.processes.as_ref()?;
    // Nobody was seen who could have written: that is not known, and not nothing.
    (!members.is_empty()).then_some(())?;
    let of = |member: &Process| processes.iter().find(|traffic| traffic.process == *member);
    let known: Vec<Option<u64>> = members.iter().map(|(member, _)| written_by(of(member)?)).collect();
    let all: Option<u64> = known.iter().copied().sum();
    // Of some it is not known; what the others wrote says enough if it is much.
    let at_least: u64 = known.into_iter().flatten().sum();
    let taken: u64 = members.iter().map(|(_, taken)| taken).sum();
    all.or_else(|| (at_least >= taken / 2 && at_least > 0).then_some(at_least))
}

/// What a process wrote, with those that share its sockets; none where it is not known.
fn written_by(traffic: &ProcessTraffic) -> Option<u64> {
    let own = traffic.io.map(|io| match traffic.discards_input {
        // What it has open at the end may not be all that it had: what reached storage was kept.
        Some(true) => io.disk_written_bytes,
        _ => io.written_bytes.max(io.disk_written_bytes),
    });
    let shared = if traffic.sharers == 0 { Some(0) } else { traffic.sharers_written_bytes };
    let both = own.zip(shared).map(|(own, shared)| own + shared);
    let taken = traffic.rx_bytes.unwrap_or(0);
    // Children that ended unseen may have kept what this process did not.
    let children = traffic.ignores_children == Some(true) && traffic.assumed_rx_bytes.unwrap_or(0) > taken / 2;
    if children || both.is_none() {
        let at_least = own.unwrap_or(0) + shared.unwrap_or(0);
        return (at_least >= taken / 2 && at_least > 0).then_some(at_least);
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::sockets::{Counts, ProcessIo};

    fn entry(pid: i32, name: &str, unit: Option<&str>, bytes: u64) -> Entry {
        let process = Process { pid, name: name.into(), user: Some("www".into()), unit: unit.map(Into::into) };
        Entry {
            kind: EntryKind::Process,
            label: process.to_string(),
            bytes,
            packets: 1,
            share: 0.1,
            protocol: Some("tcp".into()),
            address: None,
            port: None,
            process: Some(process),
            rule: None,
            container: None,
        }
    }

    #[test]
    fn equal_receivers_are_named_together() {
        let entries: Vec<Entry> = (1..=8).map(|pid| entry(pid, "curl", None, 100)).collect();
        let receivers = receivers(&entries, None, None);
        assert_eq!(receivers.len(), 1);
        assert_eq!((receivers[0].label.as_str(), receivers[0].bytes, receivers[0].processes), ("8 × curl", 800, 8));
    }

    #[test]
    fn one_child_that_takes_nearly_all_is_named_itself() {
        let entries = [entry(7, "rsync", Some("sync.service"), 900), entry(3, "helper", Some("sync.service"), 100)];
        let receivers = receivers(&entries, None, None);
        assert_eq!(receivers.len(), 1);
        assert_eq!(receivers[0].label, "rsync (pid 7, sync.service)");
    }

    #[test]
    fn strangers_in_one_session_are_not_one_receiver() {
        let unit = Some("session-3.scope");
        let entries = [entry(7, "wget", unit, 900), entry(3, "ssh", unit, 100)];
        assert_eq!(receivers(&entries, None, None).len(), 2);
    }

    fn traffic(own: u64, kept: u64) -> ProcessTraffic {
        ProcessTraffic {
            process: Process { pid: 7, name: "server".into(), user: None, unit: None },
            connections: 0,
            listening_ports: vec![80],
            udp_sockets: 0,
            rx_bytes: Some(1000),
            tx_bytes: Some(0),
            local_rx_bytes: Some(0),
            rx_bits_per_second: None,
            io: Some(ProcessIo { read_bytes: 0, written_bytes: own, disk_read_bytes: 0, disk_written_bytes: kept }),
            discards_input: Some(true),
            other_sockets: Some(false),
            memory_growth_bytes: Some(0),
            sharers: 0,
            sharers_written_bytes: None,
            assumed_rx_bytes: Some(0),
            ignores_children: Some(false),
            cpu_share: None,
            udp_rx_bytes: None,
            udp_rx_datagrams: None,
            udp_tx_bytes: None,
            udp_tx_datagrams: None,
            tcp_read_bytes: None,
            tcp_written_bytes: None,
        }
    }

    #[test]
    fn what_workers_wrote_that_share_the_sockets_counts() {
        assert_eq!(written_by(&traffic(1000, 0)), Some(0), "to nothing");
        assert_eq!(written_by(&traffic(1000, 900)), Some(900), "its file is closed by now");
        let forked = ProcessTraffic { sharers: 6, sharers_written_bytes: Some(990), ..traffic(0, 0) };
        assert_eq!(written_by(&forked), Some(990));
        assert_eq!(written_by(&ProcessTraffic { sharers_written_bytes: None, ..forked }), None);
    }

    fn connection(local: (&str, u16), remote: (&str, u16), pid: i32, moved: (u64, u64)) -> Connection {
        let opened_by = if local.1 >= 32_768 { "local" } else { "remote" };
        serde_json::from_value(serde_json::json!({
            "protocol": "tcp", "local_address": local.0, "local_port": local.1, "remote_address": remote.0,
            "remote_port": remote.1, "state": "established", "opened_by": opened_by,
            "process": {"pid": pid, "name": if pid == 7 { "haproxy" } else { "minio" }},
            "rx_bytes": moved.0, "tx_bytes": moved.1, "rx_total": null, "tx_total": null, "rx_bits_per_second": null,
            "rx_queue": 0, "tx_queue": 0, "rtt_ms": null, "retransmits": null,
        }))
        .unwrap()
    }

    #[test]
    fn a_relay_is_known_by_the_connection_that_carries_it_on_and_so_is_who_holds_its_other_end() {
        let (front, behind) = (("192.0.2.1", 80), ("127.0.0.1", 9000));
        let from = connection(front, ("198.51.100.7", 50_000), 7, (1000, 0));
        let on = connection(("127.0.0.1", 40_000), behind, 7, (20, 990));
        let end = connection(behind, ("127.0.0.1", 40_000), 9, (990, 20));
        let asked = connection(("192.0.2.1", 40_001), ("198.51.100.9", 443), 7, (5000, 100));
        let sockets: Sockets = serde_json::from_value(serde_json::json!({
            "seconds": 10.0, "source": "sock_diag", "listeners": [], "listeners_left_out": 0, "connections_left_out": 0,
            "counts": Counts::default(), "connections": [from, on, end, asked], "processes": null,
            "processes_left_out": 0, "tcp_rx_bytes": null, "tcp_tx_bytes": null, "unowned_rx_bytes": null, "closed": null,
        }))
        .unwrap();
        let haproxy = Process { pid: 7, name: "haproxy".into(), user: None, unit: None };
        let held = connections(&[(&haproxy, 1000)], Some(&sockets));
        let ends = hands_on_to(&held, Some(&sockets));
        assert_eq!(ends.len(), 1, "neither what it answers nor what it fetches is handed on: {ends:?}");
        assert_eq!((ends[0].port, ends[0].bytes), (9000, 990));
        assert_eq!(ends[0].process.as_ref().map(|process| process.name.as_str()), Some("minio"));
    }

    #[test]
    fn what_children_wrote_that_nobody_saw_is_not_known() {
        let assumed = ProcessTraffic { assumed_rx_bytes: Some(1000), ..traffic(0, 0) };
        assert_eq!(written_by(&assumed), Some(0), "buried children count for their parent");
        assert_eq!(written_by(&ProcessTraffic { ignores_children: Some(true), ..assumed }), None);
    }

    #[test]
    fn what_an_unseen_owner_wrote_is_not_known() {
        let unseen = Entry { process: None, kind: EntryKind::UnseenOwner, ..entry(0, "", None, 500) };
        let receivers = receivers(&[unseen], None, None);
        assert_eq!((receivers[0].processes, receivers[0].written_bytes), (0, None));
    }
}
