//! Who sent what left: sockets and their processes, the kernel in answer to what came in, guests, or nobody that was seen.

mod closed;
mod foreign;
mod holders;
mod sent;
mod unlisted;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use holders::Holders;
pub(super) use sent::{Sent, either, holders_below};

use super::WindowEvidence;
use super::groups::same_service;
use super::guests::Guests;
use crate::case::{EntryKind, Process};
use crate::probe::capture::output::{Opener, SentEndpoint, SentOthers};
use sent::STANDS_FOR_ALL;

/// Remotes and ports that are listed for one sender.
const LISTED: usize = 16;
/// The share of what a sender sent that may have left from ports that are not listed, for the figures of the others to stand for all.
const FEW: f64 = 0.05;

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
