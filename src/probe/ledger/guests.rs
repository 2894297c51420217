//! Whom in other network namespaces of this host packets go to: the container, pod or machine, and the process there.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;

use super::WindowEvidence;
use super::buckets::{Bucket, End, Entries, Recipient};
use crate::case::{Entry, EntryKind, Process};
use crate::probe::capture::Capture;
use crate::probe::capture::output::Endpoint;
use crate::probe::conntrack::Mapping;
use crate::probe::namespaces::{Container, Machine, Namespace, NamespaceInterface, NamespaceListener, Namespaces};

/// The share of what comes for an address from which on one port of it stands for all.
const STANDS_FOR_ALL: f64 = 0.8;

/// Who lives behind this host, by how packets get there.
#[derive(Debug, Default)]
pub(super) struct Guests<'a> {
    /// None for an address that several namespaces have.
    by_address: HashMap<IpAddr, Option<&'a Namespace>>,
    /// What no namespace has, by the table of neighbours; none for an address that several machines claim.
    of_machines: HashMap<IpAddr, Option<&'a Machine>>,
    /// None for a link address that several have.
    by_mac: HashMap<&'a str, Option<&'a Namespace>>,
    by_end: HashMap<&'a str, Behind<'a>>,
    /// Containers on the network of the host, by their processes.
    here: HashMap<i32, &'a Container>,
    translations: &'a [Mapping],
}

/// Who is behind an interface of this host.
#[derive(Debug, Clone, Copy)]
enum Behind<'a> {
    Namespace(&'a Namespace),
    Machine(&'a Machine),
}

/// Where the translation of addresses leads, from one address and port on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Onward {
    /// How many addresses it leads to.
    pub addresses: usize,
    /// The one that stands for all.
    pub address: Option<IpAddr>,
    /// The port there that stands for all.
    pub port: Option<u16>,
}

/// A guest, as an entry names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guest {
    /// With the process, if it is known: `container web (nginx, pid 812)`.
    pub label: String,
    /// Without it: `container web`.
    pub name: String,
    /// The process in it; none of a machine, whose process lives on this host.
    pub process: Option<Process>,
}

impl<'a> Guests<'a> {
    pub fn of(evidence: &WindowEvidence<'a>) -> Self {
        Guests::new(evidence.namespaces, evidence.translations)
    }

    fn new(seen: Option<&'a Namespaces>, translations: &'a [Mapping]) -> Self {
        let mut guests = Guests { translations, ..Guests::default() };
        let Some(seen) = seen else { return guests };
        // Networks of other hosts within this one may have the same addresses: those that meet this host come first, and of the
        // others hardware alone, which does not.
        for meets in [true, false] {
            let mut known: HashMap<IpAddr, Option<&Namespace>> = HashMap::new();
            for namespace in &seen.namespaces {
                let counts = |interface: &&NamespaceInterface| match meets {
                    true => interface.meets.is_some(),
                    false => interface.meets.is_none() && interface.kind.is_none(),
                };
                let interfaces = namespace.interfaces.iter().filter(counts);
                for address in interfaces.flat_map(|interface| &interface.addresses).filter(|it| !is_of_each(**it)) {
                    known
                        .entry(*address)
                        .and_modify(|known| *known = known.filter(|known| known.number == namespace.number))
                        .or_insert(Some(namespace));
                }
            }
            for (address, namespace) in known {
                guests.by_address.entry(address).or_insert(namespace);
            }
        }
        for namespace in &seen.namespaces {
            for mac in namespace.interfaces.iter().filter_map(|interface| interface.mac.as_deref()) {
                guests
                    .by_mac
                    .entry(mac)
                    .and_modify(|known| *known = known.filter(|known| known.number == namespace.number))
                    .or_insert(Some(namespace));
            }
            for end in &namespace.ends {
                guests.by_end.insert(&end.name, Behind::Namespace(namespace));
            }
        }
        for machine in &seen.machines {
            for end in &machine.ends {
                guests.by_end.insert(&end.name, Behind::Machine(machine));
            }
            for address in machine.addresses.iter().filter(|it| !is_of_each(**it)) {
                guests
                    .of_machines
                    .entry(*address)
                    .and_modify(|known| *known = known.filter(|known| known.process == machine.process))
                    .or_insert(Some(machine));
            }
        }
        for of in &seen.host_network {
            guests.here.extend(of.pids.iter().map(|pid| (*pid, &of.container)));
        }
        guests
    }

    /// Who has the address, and takes what comes for that port.
    pub fn at(&self, address: IpAddr, protocol: &str, port: Option<u16>) -> Option<Guest> {
        let address = address.to_canonical();
        if let Some(namespace) = self.by_address.get(&address) {
            return namespace.map(|namespace| guest(namespace, Some(protocol), port));
        }
        let machine = self.of_machines.get(&address).copied().flatten()?;
        let end = match &machine.ends[..] {
            [only] => Some(only.name.as_str()),
            _ => None,
        };
        Some(guest_of(machine, end))
    }

    /// For whom the kernel hides the source of what this endpoint answers: who opened the connection, and the address there.
    pub fn opened_from(&self, endpoint: &Endpoint) -> Option<(Guest, IpAddr)> {
        // Without a port the answers to all who asked look alike.
        endpoint.port?;
        let onward = self.onward(endpoint, true);
        let guest = self.at(onward.address?, &endpoint.protocol, onward.port)?;
        Some((guest, onward.address?))
    }

    /// Where the translation of addresses leads from that endpoint on, for connections that were `opened_inside` or not.
    pub fn onward(&self, endpoint: &Endpoint, opened_inside: bool) -> Onward {
        let leads = |mapping: &&Mapping| {
            (mapping.kind == "source") == opened_inside
                && mapping.protocol == endpoint.protocol
                && mapping.outer_address == endpoint.address
                && mapping.outer_port == endpoint.port
        };
        let all: Vec<&Mapping> = self.translations.iter().filter(leads).collect();
        let counted = all.iter().any(|mapping| mapping.rx_bytes.unwrap_or(0) > 0);
        let weight = |mapping: &Mapping| if counted { mapping.rx_bytes.unwrap_or(0) } else { mapping.entries };
        let address = standing_for_all(all.iter().map(|mapping| (mapping.inner_address, weight(mapping))));
        let there = all.iter().filter(|mapping| Some(mapping.inner_address) == address);
        let port = standing_for_all(there.map(|mapping| (mapping.inner_port, weight(mapping)))).flatten();
        let addresses: HashSet<IpAddr> = all.iter().map(|mapping| mapping.inner_address).collect();
        Onward { addresses: addresses.len(), address, port }
    }

    /// Who has that link address, or is behind that interface of this host.
    pub fn on_link(&self, mac: &str, end: Option<&str>, capture: &Capture) -> Option<Guest> {
        let behind = end.and_then(|end| Some((end, *self.by_end.get(end)?)));
        if let Some((end, Behind::Machine(machine))) = behind {
            return Some(guest_of(machine, Some(end)));
        }
        // The port tells where frames went, the link address only whose they may be.
        let namespace = match behind {
            Some((_, Behind::Namespace(namespace))) => namespace,
            _ => self.by_mac.get(mac).copied().flatten()?,
        };
        let addresses = || namespace.interfaces.iter().flat_map(|interface| &interface.addresses);
        let busiest = capture.flows.iter().filter(|flow| addresses().any(|address| *address == flow.local_address));
        let busiest = busiest.max_by_key(|flow| flow.rx_packets);
        Some(guest(namespace, busiest.map(|flow| flow.protocol.as_str()), busiest.and_then(|flow| flow.local_port)))
    }

    /// Who is behind an interface of this host.
    pub fn behind(&self, end: &str) -> Option<Guest> {
        match self.by_end.get(end)? {
            Behind::Machine(machine) => {
                Some(Guest { label: machine.label.clone(), name: machine.label.clone(), process: None })
            }
            Behind::Namespace(namespace) => Some(guest(namespace, None, None)),
        }
    }

    /// Books what was routed on to addresses of guests, by the capture's own figures: each its share of what is left.
    pub fn book_routed(&self, capture: &Capture, buckets: &mut [Bucket<'_>], entries: &mut Entries) {
        let routed = |bucket: &&mut Bucket<'_>| bucket.recipient == Recipient::Class(EntryKind::Forwarded);
        let Some(bucket) = buckets.iter_mut().find(routed) else { return };
        let whole = capture.classes.forwarded;
        let (packets, bytes) = (bucket.packets, bucket.bytes);
        for group in capture.groups.iter().filter(|group| group.class == "forwarded" && whole.packets > 0) {
            let port = busiest_port(capture, &group.protocol, group.address);
            let Some(guest) = self.at(group.address, &group.protocol, port) else { continue };
            let part = |all: f64, of: u64, whole: u64| all * (of as f64 / whole.max(1) as f64).min(1.0);
            let mut allocation = super::buckets::Allocation {
                packets: part(packets as f64, group.packets, whole.packets).round() as u64,
                bytes: part(bytes, group.bytes, whole.bytes),
            };
            allocation.packets = allocation.packets.min(bucket.packets);
            allocation.bytes = allocation.bytes.min(bucket.bytes);
            (bucket.packets, bucket.bytes) = (bucket.packets - allocation.packets, bucket.bytes - allocation.bytes);
            let on = port.map_or(String::new(), |port| format!(", {} port {port}", group.protocol.to_uppercase()));
            let end = End {
                label: format!("forwarded to {}{on}, {}", group.address, guest.label),
                protocol: Some(group.protocol.clone()),
                address: Some(group.address),
                port: None,
                process: guest.process,
                container: Some(guest.name),
                rule: None,
            };
            entries.book(EntryKind::Forwarded, end, allocation);
        }
    }

    /// The container on the network of the host that a process lives in.
    pub fn container_of(&self, pid: i32) -> Option<String> {
        self.here.get(&pid).map(|container| container.label())
    }

    /// Names entries of processes that live in containers on the network of the host by those.
    pub fn name_containers_here(&self, entries: &mut [Entry]) {
        for entry in entries.iter_mut().filter(|entry| entry.container.is_none()) {
            let Some(process) = &entry.process else { continue };
            let Some(container) = self.here.get(&process.pid) else { continue };
            let name = name_of(&[(*container).clone()]).unwrap_or_else(|| container.label());
            entry.label = entry.label.replace(&process.to_string(), &with_process(&name, process));
            entry.container = Some(container.label());
        }
    }
}

/// Whether each namespace has an address like that.
fn is_of_each(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    address.is_loopback() || is_link_local
}

/// The port that most of what is routed to the address is for, where one stands for all.
fn busiest_port(capture: &Capture, protocol: &str, address: IpAddr) -> Option<u16> {
    let mut ports: HashMap<u16, u64> = HashMap::new();
    let mut all = 0;
    let to_it = |flow: &&crate::probe::capture::output::Flow| {
        flow.class == "forwarded" && flow.protocol == protocol && flow.local_address == address
    };
    for flow in capture.flows.iter().filter(to_it) {
        all += flow.rx_packets;
        if let Some(port) = flow.local_port {
            *ports.entry(port).or_default() += flow.rx_packets;
        }
    }
    let (port, packets) = ports.into_iter().max_by_key(|(port, packets)| (*packets, *port))?;
    (packets as f64 >= STANDS_FOR_ALL * all as f64).then_some(port)
}

/// The one of these that nearly all of the weight is on.
fn standing_for_all<T: Copy + Eq + Hash>(weighed: impl Iterator<Item = (T, u64)>) -> Option<T> {
    let mut sums: HashMap<T, u64> = HashMap::new();
    for (one, weight) in weighed {
        let sum = sums.entry(one).or_default();
        *sum = sum.saturating_add(weight);
    }
    let all = sums.values().fold(0, |all: u64, sum| all.saturating_add(*sum));
    let is_only = sums.len() == 1;
    let (one, most) = sums.into_iter().max_by_key(|(_, sum)| *sum)?;
    (is_only || most > 0 && most as f64 >= STANDS_FOR_ALL * all as f64).then_some(one)
}

/// A machine as a guest, by the device that leads to it, where that is known.
fn guest_of(machine: &Machine, end: Option<&str>) -> Guest {
    let name = machine.label.clone();
    let label = match machine.name {
        Some(_) => with_process(&name, &machine.process),
        None => name.clone(),
    };
    let by = end.map_or(String::new(), |end| format!(" by {end}"));
    Guest { label: format!("{label}{by}"), name, process: None }
}

/// The guest, with the process that takes what comes for the port; of no port in particular the only one that waits.
fn guest(namespace: &Namespace, protocol: Option<&str>, port: Option<u16>) -> Guest {
    let listeners = || namespace.listeners.iter().flatten();
    let waits = |listener: &&NamespaceListener| {
        Some(listener.protocol.as_str()) == protocol && Some(listener.port) == port && !listener.address.is_loopback()
    };
    let connected = || {
        let connections = namespace.connections.iter().flatten().filter(|_| protocol == Some("tcp"));
        connections.filter(|connection| Some(connection.local_port) == port)
    };
    let process = match port {
        Some(_) => {
            let holder = connected().find_map(|connection| connection.process.clone());
            holder.or_else(|| listeners().filter(waits).find_map(|listener| listener.process.clone()))
        }
        None => only(listeners().filter_map(|listener| listener.process.as_ref())),
    };
    let (name, known) = names(namespace, process.as_ref());
    // What comes to a namespace of several interfaces may go on from there.
    let whole = namespace.listeners.is_some() && namespace.listeners_left_out == 0 && namespace.interfaces.len() == 1;
    let whole = whole && (protocol == Some("udp") || namespace.connections.is_some());
    let nobody = whole && namespace.connections_left_out == 0 && !listeners().any(|listener| waits(&listener));
    let known = known.unwrap_or_else(|| match &process {
        Some(_) => "another network namespace".to_owned(),
        None => name.clone(),
    });
    let label = match (&process, protocol, port) {
        (Some(process), ..) => with_process(&known, process),
        (None, Some(protocol @ ("tcp" | "udp")), Some(port)) if nobody && connected().next().is_none() => {
            format!("{known}, where nothing listens on {} port {port}", protocol.to_uppercase())
        }
        _ => known,
    };
    Guest { label, name, process }
}

/// What a guest is called, and if it has a name or a container, how that is called along with the process. Of containers that
/// share a network it is the one of the process.
fn names(namespace: &Namespace, process: Option<&Process>) -> (String, Option<String>) {
    let is_shared = namespace.containers.len() > 1 && namespace.containers.iter().all(|one| one.pod.is_none());
    if is_shared {
        let unit = process.and_then(|process| process.unit.as_deref()).unwrap_or_default();
        let is_its = |one: &&Container| one.id.as_ref().and_then(|id| id.get(..12)).is_some_and(|id| unit.contains(id));
        let name = namespace.containers.iter().find(is_its).map_or_else(|| namespace.label.clone(), Container::label);
        return (name.clone(), Some(name));
    }
    let known = name_of(&namespace.containers).or_else(|| namespace.name.as_ref().map(|_| namespace.label.clone()));
    (namespace.label.clone(), known)
}

/// The process, where all are the same.
fn only<'a>(mut processes: impl Iterator<Item = &'a Process>) -> Option<Process> {
    let first = processes.next()?;
    processes.all(|process| process == first).then(|| first.clone())
}

/// `container web`, and for a pod `container nginx, pod shop/web-7f` or, of several containers, `pod shop/web-7f`.
fn name_of(containers: &[Container]) -> Option<String> {
    let first = containers.first()?;
    let Some(pod) = containers.iter().find(|container| container.pod.is_some()) else { return Some(first.label()) };
    let named: Vec<&String> = containers.iter().filter_map(|container| container.name.as_ref()).collect();
    Some(match named[..] {
        [name] => format!("container {name}, {}", pod.label()),
        _ => pod.label(),
    })
}

/// `container web (nginx, pid 812)`; the pod comes behind the process.
fn with_process(name: &str, process: &Process) -> String {
    let of = format!("({}, pid {})", process.name, process.pid);
    match name.split_once(", pod ") {
        Some((container, pod)) => format!("{container} {of}, pod {pod}"),
        None => format!("{name} {of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::namespaces::{HostContainer, HostEnd, NamespaceConnection};

    fn process(pid: i32, name: &str) -> Process {
        Process { pid, name: name.to_owned(), user: None, unit: Some("docker 0123456789ab".to_owned()) }
    }

    fn container(name: &str, pod: Option<&str>) -> Container {
        Container {
            engine: "docker".to_owned(),
            name: Some(name.to_owned()),
            pod: pod.map(str::to_owned),
            pod_namespace: pod.map(|_| "shop".to_owned()),
            ..Container::default()
        }
    }

    fn listener(protocol: &str, address: &str, port: u16, holder: Process) -> NamespaceListener {
        let address = address.parse().unwrap();
        NamespaceListener { protocol: protocol.to_owned(), address, port, process: Some(holder), queue: 0 }
    }

    fn namespace(number: u64, address: &str, container: Option<Container>) -> Namespace {
        let interface = NamespaceInterface {
            name: "eth0".to_owned(),
            mac: Some(format!("02:00:00:00:00:{number:02x}")),
            addresses: vec![address.parse().unwrap(), "fe80::1".parse().unwrap()],
            ..NamespaceInterface::default()
        };
        let label = container.as_ref().map_or(format!("network namespace {number}"), Container::label);
        Namespace {
            number,
            label,
            containers: container.into_iter().collect(),
            visited: true,
            interfaces: vec![interface],
            ends: vec![HostEnd { name: format!("veth{number}"), ..HostEnd::default() }],
            listeners: Some(vec![
                listener("tcp", "0.0.0.0", 80, process(812, "nginx")),
                listener("udp", "127.0.0.1", 53, process(813, "resolver")),
            ]),
            connections: Some(Vec::new()),
            ..Namespace::default()
        }
    }

    fn label(seen: &Namespaces, address: &str, protocol: &str, port: u16) -> Option<String> {
        Guests::new(Some(seen), &[]).at(address.parse().unwrap(), protocol, Some(port)).map(|guest| guest.label)
    }

    #[test]
    fn a_guest_is_named_with_who_takes_it_or_with_that_nobody_does() {
        let seen = Namespaces {
            namespaces: vec![
                namespace(1, "172.17.0.2", Some(container("web", None))),
                namespace(2, "10.42.0.7", Some(container("nginx", Some("web-7f")))),
            ],
            ..Namespaces::default()
        };
        let of = |address, protocol, port| label(&seen, address, protocol, port);
        assert_eq!(of("172.17.0.2", "tcp", 80).as_deref(), Some("container web (nginx, pid 812)"));
        assert_eq!(of("::ffff:172.17.0.2", "tcp", 80).as_deref(), Some("container web (nginx, pid 812)"));
        assert_eq!(of("10.42.0.7", "tcp", 80).as_deref(), Some("container nginx (nginx, pid 812), pod shop/web-7f"));
        let nobody = "container web, where nothing listens on TCP port 81";
        assert_eq!(of("172.17.0.2", "tcp", 81).as_deref(), Some(nobody));
        let loopback = "container web, where nothing listens on UDP port 53";
        assert_eq!(of("172.17.0.2", "udp", 53).as_deref(), Some(loopback), "loopback hears nothing from outside");
        assert_eq!(of("172.17.0.3", "tcp", 80), None);
    }

    #[test]
    fn what_was_not_seen_is_not_said_to_be_silent() {
        let mut unseen = namespace(1, "172.17.0.2", Some(container("web", None)));
        unseen.listeners = None;
        let mut cut = namespace(2, "172.17.0.3", Some(container("db", None)));
        cut.listeners_left_out = 7;
        let mut idle = namespace(3, "172.17.0.4", Some(container("mq", None)));
        idle.connections = None;
        let seen = Namespaces { namespaces: vec![unseen, cut, idle], ..Namespaces::default() };
        assert_eq!(label(&seen, "172.17.0.2", "tcp", 81).as_deref(), Some("container web"));
        assert_eq!(label(&seen, "172.17.0.3", "tcp", 81).as_deref(), Some("container db"));
        assert_eq!(label(&seen, "172.17.0.4", "tcp", 81).as_deref(), Some("container mq"));
    }

    #[test]
    fn an_address_that_several_have_names_none_of_them() {
        let (one, other) = (namespace(1, "10.0.0.2", None), namespace(2, "10.0.0.2", None));
        let seen = Namespaces { namespaces: vec![one, other], ..Namespaces::default() };
        assert_eq!(label(&seen, "10.0.0.2", "tcp", 80), None);
        assert_eq!(label(&seen, "fe80::1", "tcp", 80), None);
    }

    #[test]
    fn a_guest_that_meets_this_host_comes_before_one_that_has_its_address_elsewhere() {
        let (far, mut near) = (namespace(1, "10.0.0.2", None), namespace(2, "10.0.0.2", None));
        near.interfaces[0].meets = Some("veth2".to_owned());
        let seen = Namespaces { namespaces: vec![far, near], ..Namespaces::default() };
        assert_eq!(label(&seen, "10.0.0.2", "tcp", 80).as_deref(), Some("another network namespace (nginx, pid 812)"));
        assert_eq!(
            label(&seen, "10.0.0.2", "tcp", 81).unwrap(),
            "network namespace 2, where nothing listens on TCP port 81"
        );
    }

    #[test]
    fn who_opened_a_connection_whose_source_is_hidden_is_found_by_the_table_of_connections() {
        let mut of = namespace(1, "172.17.0.2", Some(container("web", None)));
        of.connections = Some(vec![NamespaceConnection {
            local_address: "172.17.0.2".parse().unwrap(),
            local_port: 40_001,
            remote_address: "203.0.113.9".parse().unwrap(),
            remote_port: 443,
            process: Some(process(900, "curl")),
            received_bytes: Some(1_000_000),
        }]);
        let seen = Namespaces { namespaces: vec![of], ..Namespaces::default() };
        let mapping = Mapping {
            kind: "source".to_owned(),
            protocol: "tcp".to_owned(),
            outer_address: "192.0.2.1".parse().unwrap(),
            outer_port: Some(61_000),
            inner_address: "172.17.0.2".parse().unwrap(),
            inner_port: Some(40_001),
            inner_is_local: Some(false),
            entries: 1,
            rx_bytes: None,
            rx_packets: None,
            tx_bytes: None,
            rx_total: None,
            tx_total: None,
        };
        let translations = [mapping];
        let guests = Guests::new(Some(&seen), &translations);
        let case: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/cases/udp-flood-closed-port.json")).unwrap();
        let capture: Capture = serde_json::from_value(case["evidence"]["traffic"]["output"].clone()).unwrap();
        let mut endpoint = capture.endpoints[0].clone();
        (endpoint.protocol, endpoint.address) = ("tcp".to_owned(), "192.0.2.1".parse().unwrap());
        endpoint.port = Some(61_000);
        let (guest, address) = guests.opened_from(&endpoint).unwrap();
        assert_eq!(
            (guest.label.as_str(), address.to_string().as_str()),
            ("container web (curl, pid 900)", "172.17.0.2")
        );
        endpoint.port = Some(61_001);
        assert_eq!(guests.opened_from(&endpoint), None);
        let by_mac = guests.on_link("02:00:00:00:00:01", None, &capture).unwrap();
        assert_eq!(by_mac.name, "container web");
        assert_eq!(guests.behind("veth1").unwrap().name, "container web");

        // Protocols without ports match all who asked, and one port may stand for several of them.
        let without = [Mapping { outer_port: None, ..translations[0].clone() }];
        endpoint.port = None;
        assert_eq!(Guests::new(Some(&seen), &without).opened_from(&endpoint), None);
        let published = |address: &str, entries| Mapping {
            kind: "destination".to_owned(),
            inner_address: address.parse().unwrap(),
            inner_port: Some(80),
            entries,
            ..translations[0].clone()
        };
        endpoint.port = Some(61_000);
        let onward = |mappings: &[Mapping]| Guests::new(Some(&seen), mappings).onward(&endpoint, false);
        let balanced = [published("172.17.0.2", 40), published("172.17.0.3", 30), published("172.17.0.4", 30)];
        assert_eq!(onward(&balanced), Onward { addresses: 3, address: None, port: None });
        let nearly_all = [published("172.17.0.2", 90), published("172.17.0.3", 10)];
        let first = "172.17.0.2".parse().ok();
        assert_eq!(onward(&nearly_all), Onward { addresses: 2, address: first, port: Some(80) });
    }

    #[test]
    fn of_containers_that_share_a_network_the_one_of_the_process_is_named() {
        let with_id = |name: &str, id: &str| Container { id: Some(format!("{id}{:052}", 0)), ..container(name, None) };
        let mut shared = namespace(1, "172.17.0.2", None);
        shared.containers = vec![with_id("vpn", "ba9876543210"), with_id("web", "0123456789ab")];
        shared.label = "container vpn and 1 more".to_owned();
        let seen = Namespaces { namespaces: vec![shared], ..Namespaces::default() };
        assert_eq!(label(&seen, "172.17.0.2", "tcp", 80).as_deref(), Some("container web (nginx, pid 812)"));
        let guest = Guests::new(Some(&seen), &[]).at("172.17.0.2".parse().unwrap(), "icmp", None).unwrap();
        assert_eq!((guest.name.as_str(), guest.process), ("container vpn and 1 more", None));
    }

    #[test]
    fn a_link_address_that_several_have_names_none_and_the_port_names_who_is_behind_it() {
        let (mut one, mut other) = (namespace(1, "10.0.0.2", None), namespace(2, "10.0.0.3", None));
        (one.label, other.label) = ("one".to_owned(), "other".to_owned());
        other.interfaces[0].mac = one.interfaces[0].mac.clone();
        one.interfaces.push(NamespaceInterface {
            kind: Some("bridge".to_owned()),
            addresses: vec!["10.7.0.1".parse().unwrap()],
            ..NamespaceInterface::default()
        });
        let seen = Namespaces { namespaces: vec![one, other], ..Namespaces::default() };
        let guests = Guests::new(Some(&seen), &[]);
        let case: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/cases/udp-flood-closed-port.json")).unwrap();
        let capture: Capture = serde_json::from_value(case["evidence"]["traffic"]["output"].clone()).unwrap();
        assert_eq!(guests.on_link("02:00:00:00:00:01", None, &capture), None);
        assert_eq!(guests.on_link("02:00:00:00:00:01", Some("veth2"), &capture).unwrap().name, "other");
        assert_eq!(
            label(&seen, "10.7.0.1", "tcp", 80),
            None,
            "a network within it has an address that may be anywhere"
        );
        let silent = label(&seen, "10.0.0.2", "tcp", 81);
        assert_eq!(silent.as_deref(), Some("one"), "it may go on by the other interface");
    }

    #[test]
    fn a_machine_is_named_by_its_device() {
        let machine = Machine {
            label: "VM db".to_owned(),
            name: Some("db".to_owned()),
            manager: Some("libvirt".to_owned()),
            number: None,
            process: process(700, "qemu-system-x86"),
            ends: vec![HostEnd { name: "vnet3".to_owned(), ..HostEnd::default() }],
            addresses: vec!["192.168.122.5".parse().unwrap(), "10.0.0.2".parse().unwrap()],
        };
        let seen = Namespaces { machines: vec![machine.clone()], ..Namespaces::default() };
        let named = "VM db (qemu-system-x86, pid 700) by vnet3";
        assert_eq!(label(&seen, "192.168.122.5", "udp", 53).as_deref(), Some(named));
        assert_eq!(label(&seen, "::ffff:192.168.122.5", "udp", 53).as_deref(), Some(named));
        let forger = Machine { process: process(701, "qemu-system-x86"), ..machine.clone() };
        let (claimed, known) = (vec![machine.clone(), forger], vec![namespace(1, "10.0.0.2", None)]);
        let several = Namespaces { namespaces: known.clone(), machines: claimed, ..Namespaces::default() };
        assert_eq!(label(&several, "192.168.122.5", "udp", 53), None, "two machines claim it");
        let both = Namespaces { namespaces: known, machines: vec![machine], ..Namespaces::default() };
        let of_namespace = label(&both, "10.0.0.2", "tcp", 80);
        assert_eq!(
            of_namespace.as_deref(),
            Some("another network namespace (nginx, pid 812)"),
            "it is known to have it"
        );
        let guests = Guests::new(Some(&seen), &[]);
        let case: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/cases/udp-flood-closed-port.json")).unwrap();
        let capture: Capture = serde_json::from_value(case["evidence"]["traffic"]["output"].clone()).unwrap();
        let guest = guests.on_link("52:54:00:00:00:01", Some("vnet3"), &capture).unwrap();
        assert_eq!((guest.name.as_str(), guest.label.as_str()), ("VM db", "VM db (qemu-system-x86, pid 700) by vnet3"));
        assert_eq!(guest.process, None, "it lives on this host, not in the guest");
        assert_eq!(guests.on_link("52:54:00:00:00:01", Some("vnet4"), &capture), None);
    }

    #[test]
    fn a_process_on_the_network_of_the_host_is_named_by_its_container() {
        let of = HostContainer { container: container("web", None), pids: vec![812] };
        let seen = Namespaces { host_network: vec![of], ..Namespaces::default() };
        let mut entries = super::super::buckets::Entries::default();
        for pid in [812, 900] {
            let process = process(pid, "nginx");
            let end = End { label: process.to_string(), process: Some(process), ..End::default() };
            entries.book(EntryKind::Process, end, super::super::buckets::Allocation { packets: 10, bytes: 1000.0 });
        }
        let mut entries = entries.settle(2000);
        Guests::new(Some(&seen), &[]).name_containers_here(&mut entries);
        assert_eq!(entries[0].label, "container web (nginx, pid 812)");
        assert_eq!(entries[0].container.as_deref(), Some("container web"));
        assert_eq!((entries[1].label.as_str(), &entries[1].container), ("nginx (pid 900, docker 0123456789ab)", &None));
    }
}
