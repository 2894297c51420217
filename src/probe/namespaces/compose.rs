//! From two looks into each namespace to the result.

use std::collections::HashSet;
use std::time::Instant;

use super::Params;
use super::machines::{self, Holders};
use super::neighbours::Addresses;
use super::output::{
    HostContainer, HostEnd, Machine, Namespace, NamespaceConnection, NamespaceInterface, NamespaceListener, Namespaces,
};
use crate::case::{Gap, Observed, Process, Reason, advice};
use crate::printable::printable;
use crate::probe::elsewhere::{self, Container, HostLinks, Look, Names, Numbers, Residents, Round, Way, growth, sum};
use crate::probe::process;
use crate::probe::socket_owners::OwnerScan;
use crate::sys::rtnetlink::Link;
use crate::sys::sock_diag::{SocketRow, Transport};
use crate::units;

/// Processes, interfaces, addresses and sockets that are listed of one namespace.
const PROCESSES: usize = 8;
/// Processes of one namespace that are named although nothing is known of their sockets.
const INHABITANTS: usize = 3;
const INTERFACES: usize = 32;
const ADDRESSES: usize = 32;
const SOCKETS: usize = 64;
/// Containers of this namespace, machines and unknown ends that are listed.
const LISTED: usize = 256;
/// What lies inside of namespaces.
const INSIDE: [&str; 4] = ["namespaces.interfaces", "namespaces.listeners", "namespaces.connections", "namespaces.rx"];

/// All that was seen.
pub(super) struct Seen<'a> {
    pub(super) params: &'a Params,
    pub(super) here: u64,
    pub(super) seconds: f64,
    pub(super) ways: &'a [Way],
    pub(super) numbers: &'a Numbers,
    pub(super) residents: &'a Residents,
    /// Folders of named namespaces that could not be listed.
    pub(super) refused: Vec<Gap>,
    /// The containers of each way.
    pub(super) containers: Vec<Vec<Container>>,
    /// Some of the processes of each.
    pub(super) inhabitants: Vec<Vec<Process>>,
    pub(super) host_network: Vec<HostContainer>,
    /// The links of the namespace that is looked from, before and after.
    pub(super) before: Option<&'a HostLinks>,
    pub(super) after: &'a HostLinks,
    /// The first round, in the order of `ways`; none without a window.
    pub(super) first: Option<&'a Round>,
    /// The order of the last round, as places in `ways`.
    pub(super) order: &'a [usize],
    pub(super) last: &'a Round,
    pub(super) scan: Option<&'a OwnerScan>,
    /// TAP and TUN devices, and who holds them.
    pub(super) devices: &'a [String],
    pub(super) holders: &'a Holders,
    pub(super) addresses: &'a Addresses,
}

/// Some processes of each namespace, named as long as there is time.
pub(super) fn inhabitants(
    ways: &[Way],
    residents: &Residents,
    known: &mut process::Names,
    until: Instant,
) -> Vec<Vec<Process>> {
    let of = |way: &Way| {
        let members = residents.elsewhere.get(&way.number).map_or(&[][..], |there| &there.members);
        let in_time = members.iter().take(INHABITANTS).take_while(|_| Instant::now() < until);
        in_time.filter_map(|(pid, _)| known.get(*pid).cloned()).collect()
    };
    ways.iter().map(of).collect()
}

/// The containers in the namespace that is looked from.
pub(super) fn host_network(residents: &Residents, names: &mut Names, until: Instant) -> Vec<HostContainer> {
    let of = |(group, pids): &(_, Vec<i32>)| HostContainer {
        container: names.container(group, Instant::now() < until),
        pids: pids.clone(),
    };
    residents.here.iter().map(of).take(LISTED).collect()
}

impl Seen<'_> {
    pub(super) fn compose(self, names: &mut Names, known: &mut process::Names) -> Observed<Namespaces> {
        let mut rows: Vec<(bool, Namespace)> = Vec::with_capacity(self.ways.len());
        for (at, index) in self.order.iter().enumerate() {
            let look = self.last.looks.get(at).and_then(Option::as_ref);
            if let Some(way) = self.ways.get(*index) {
                rows.push((look.is_some_and(Look::is_alone), self.namespace(way, *index, look, known)));
            }
        }
        // What has loopback alone comes last, whatever is known of the others.
        rows.sort_by_key(|(alone, row)| {
            let moved = row.rx.bytes.unwrap_or(0).saturating_add(row.tx.bytes.unwrap_or(0));
            (*alone, std::cmp::Reverse(moved))
        });
        let mut rows: Vec<Namespace> = rows.into_iter().map(|(_, row)| row).collect();
        let visited = rows.iter().filter(|row| row.visited).count() as u64;
        let left_out = rows.len().saturating_sub(self.params.limit as usize) as u64;
        rows.truncate(self.params.limit as usize);
        let machines = self.machines(names, known);
        let output = Namespaces {
            seconds: self.seconds,
            here: self.here,
            found: self.found(),
            visited,
            namespaces: rows,
            left_out: left_out + self.residents.forgotten,
            host_network: self.host_network.clone(),
            unknown_ends: self.unknown_ends(&machines),
            machines,
        };
        let mut observed = Observed::whole(output);
        self.say_what_is_missing(names, &mut observed);
        observed
    }

    /// How many there are; none where none was seen and there may be some.
    fn found(&self) -> Option<u64> {
        let found = self.ways.len() as u64 + self.residents.forgotten;
        let all_seen = self.residents.denied == 0
            && self.residents.not_reached == 0
            && self.refused.is_empty()
            && process::all_are_ours_to_see();
        (found > 0 || all_seen).then_some(found)
    }

    fn namespace(&self, way: &Way, index: usize, look: Option<&Look>, known: &mut process::Names) -> Namespace {
        // What was cut then is not new since.
        let earlier = self.first.and_then(|first| first.looks.get(index)?.as_ref()).filter(|look| !look.links_cut);
        let number = self.numbers.of.get(&way.number);
        let leading = number.into_iter().flat_map(|number| self.after.leading_to(*number));
        let ends = leading.take(INTERFACES).map(|link| self.end(link)).collect();
        let mut row = Namespace {
            number: way.number,
            name: way.path.as_ref().and_then(|path| path.file_name()).map(|name| printable(name.as_encoded_bytes())),
            containers: self.containers.get(index).cloned().unwrap_or_default(),
            processes_count: self.residents.elsewhere.get(&way.number).map_or(0, |inhabitants| inhabitants.count),
            visited: look.is_some(),
            ends,
            ..Namespace::default()
        };
        if let Some(look) = look {
            self.fill(&mut row, look, earlier, known);
        } else if !row.ends.is_empty() {
            // What its ends here sent is what came in there.
            row.rx = sum(row.ends.iter().map(|end| end.sent));
            row.tx = sum(row.ends.iter().map(|end| end.received));
        }
        self.add_processes(index, &mut row);
        row.label = elsewhere::label(row.number, row.name.as_deref(), &row.containers, row.processes.first());
        row
    }

    fn fill(&self, row: &mut Namespace, look: &Look, earlier: Option<&Look>, known: &mut process::Names) {
        let interfaces: Vec<&Link> = look.links.iter().filter(|link| link.name != "lo").collect();
        let growth = |link: &Link| match earlier {
            Some(earlier) => growth(link, earlier.links.iter().find(|other| other.index == link.index)),
            None => Default::default(),
        };
        // What stands on other interfaces of the namespace carries their packets.
        let entrance = |link: &&&Link| link.elsewhere.is_some() || (link.lower.is_none() && !is_made_of_others(link));
        row.rx = sum(interfaces.iter().filter(entrance).map(|link| growth(link).0));
        row.tx = sum(interfaces.iter().filter(entrance).map(|link| growth(link).1));
        // Nothing of nothing is 0, and what was not counted twice is not.
        if earlier.is_none() || look.links_cut {
            (row.rx, row.tx) = Default::default();
        }
        row.interfaces = interfaces
            .iter()
            .take(INTERFACES)
            .map(|link| {
                let (rx, tx) = growth(link);
                let addresses = look.addresses.iter().filter(|address| address.index == link.index);
                let meets = link.elsewhere.filter(|other| Some(other.namespace) == look.here);
                NamespaceInterface {
                    name: link.name.clone(),
                    kind: link.kind.clone(),
                    mac: mac(&link.link_address),
                    addresses: addresses.map(|address| address.address).take(ADDRESSES).collect(),
                    meets: meets.and_then(|other| self.after.name(other.index)),
                    rx,
                    tx,
                }
            })
            .collect();
        if let Some(listeners) = &look.listeners {
            // Those that processes hold come first: their ports are known.
            let listed: Vec<_> = listeners.iter().take(SOCKETS).map(|socket| self.listener(socket, known)).collect();
            row.listeners_left_out = (listeners.len() - listed.len()) as u64 + look.listeners_left_out;
            row.listeners = Some(listed);
        }
        if let Some(connections) = &look.connections {
            let received = |row: &SocketRow| row.info.and_then(|info| info.bytes_received);
            let mut connections: Vec<&SocketRow> = connections.iter().collect();
            connections.sort_by_key(|row| std::cmp::Reverse(received(row)));
            let listed: Vec<_> = connections
                .iter()
                .take(SOCKETS)
                .map(|row| NamespaceConnection {
                    local_address: row.local,
                    local_port: row.local_port,
                    remote_address: row.remote,
                    remote_port: row.remote_port,
                    process: self.holder(row, known),
                    received_bytes: received(row),
                })
                .collect();
            row.connections_left_out = (connections.len() - listed.len()) as u64 + look.connections_left_out;
            row.connections = Some(listed);
        }
    }

    fn listener(&self, row: &SocketRow, known: &mut process::Names) -> NamespaceListener {
        NamespaceListener {
            protocol: if row.transport == Transport::Tcp { "tcp" } else { "udp" }.to_owned(),
            address: row.local,
            port: row.local_port,
            process: self.holder(row, known),
            queue: row.receive_queue,
        }
    }

    fn holder(&self, row: &SocketRow, known: &mut process::Names) -> Option<Process> {
        let holders = self.scan?.holders(row.inode)?;
        known.get(holders.lowest).cloned()
    }

    /// Some of the processes: those that hold sockets first.
    fn add_processes(&self, index: usize, row: &mut Namespace) {
        let listening = row.listeners.iter().flatten().filter_map(|listener| listener.process.as_ref());
        let connected = row.connections.iter().flatten().filter_map(|connection| connection.process.as_ref());
        let holding: Vec<Process> = connected.chain(listening).cloned().collect();
        let others = self.inhabitants.get(index).into_iter().flatten().cloned();
        for process in holding.into_iter().chain(others) {
            if row.processes.len() < PROCESSES && !row.processes.contains(&process) {
                row.processes.push(process);
            }
        }
    }

    /// An interface of this namespace that leads elsewhere.
    fn end(&self, link: &Link) -> HostEnd {
        let (received, sent) = self.before.map_or_else(Default::default, |before| growth(link, before.get(link.index)));
        let bridge = link.master.and_then(|master| self.after.name(master));
        HostEnd { name: link.name.clone(), kind: link.kind.clone(), bridge, sent, received }
    }

    fn machines(&self, names: &mut Names, known: &mut process::Names) -> Vec<Machine> {
        let mut machines: Vec<Machine> = Vec::new();
        for link in self.after.links.iter().filter(|link| self.devices.contains(&link.name)) {
            let Some(pid) = self.holders.of.get(&link.name) else { continue };
            let end = self.end(link);
            match machines.iter_mut().find(|machine| machine.process.pid == *pid) {
                Some(machine) => machine.ends.push(end),
                None => {
                    let Some(process) = known.get(*pid).cloned() else { continue };
                    let addresses = self.addresses.of.get(pid).cloned().unwrap_or_default();
                    machines.push(Machine { ends: vec![end], addresses, ..machines::machine(process, names) });
                }
            }
        }
        let moved = |end: &HostEnd| end.sent.bytes.unwrap_or(0).saturating_add(end.received.bytes.unwrap_or(0));
        machines.sort_by_key(|machine| std::cmp::Reverse(machine.ends.iter().map(moved).fold(0, u64::saturating_add)));
        machines.truncate(LISTED);
        machines
    }

    fn unknown_ends(&self, machines: &[Machine]) -> Vec<HostEnd> {
        let numbers: HashSet<i32> = self.numbers.of.values().copied().collect();
        let is_known = |link: &Link| match link.elsewhere {
            Some(other) => numbers.contains(&other.namespace),
            None => machines.iter().any(|machine| machine.ends.iter().any(|end| end.name == link.name)),
        };
        let leads = |link: &&Link| link.elsewhere.is_some() || link.kind.as_deref() == Some("tun");
        let unknown = self.after.links.iter().filter(leads).filter(|link| !is_known(link)).map(|link| self.end(link));
        unknown.take(LISTED).collect()
    }

    /// How many namespaces came within the window, as far as interfaces of this one lead there.
    fn came(&self) -> usize {
        let Some(before) = self.before else { return 0 };
        let known: HashSet<i32> = self.numbers.of.values().copied().collect();
        let is_new = |number: &i32| {
            !known.contains(number) && self.after.leading_to(*number).all(|link| before.get(link.index).is_none())
        };
        self.after.numbers().filter(is_new).count()
    }

    fn say_what_is_missing(&self, names: &Names, observed: &mut Observed<Namespaces>) {
        let residents = self.residents;
        if !process::all_are_ours_to_see() {
            let why = "casebook runs in a process namespace of its own, as in a container";
            let gap = Gap::new(Reason::Denied, "see the processes of the host", why);
            observed
                .miss(&["found", "namespaces", "host_network", "machines"], gap.to_fix("run it on the host itself"));
        }
        if residents.denied > 0 {
            let (denied, all) = (units::count(residents.denied as f64), units::count(residents.seen as f64));
            let tried = format!("see in which network namespaces {denied} of {all} processes live (/proc/PID/ns/net)");
            observed.miss(&["found", "namespaces", "host_network"], Gap::denied(tried, "CAP_SYS_PTRACE"));
        }
        if residents.not_reached > 0 {
            let tried = format!(
                "see in which network namespaces {} processes live",
                units::count(residents.not_reached as f64)
            );
            let why = "there are more processes than can be looked at in the time for it";
            observed.miss(&["found", "namespaces", "host_network"], Gap::new(Reason::TimedOut, tried, why));
        }
        for gap in &self.refused {
            observed.miss(&["found", "namespaces"], gap.clone());
        }
        let left_out = observed.output.left_out;
        if left_out > 0 {
            let tried = format!(
                "list {} of {} network namespaces",
                units::count(left_out as f64),
                units::count(observed.output.found.unwrap_or(0) as f64)
            );
            let why = "there are more than are listed; those with most traffic come first";
            observed.miss(&["namespaces"], Gap::new(Reason::Failed, tried, why).to_fix("raise `limit`"));
        }
        if self.numbers.not_reached > 0 {
            let tried = format!(
                "tell which interfaces lead to {} network namespaces (RTM_GETNSID)",
                units::count(self.numbers.not_reached as f64)
            );
            observed.miss(&["namespaces.ends"], Gap::new(Reason::TimedOut, tried, "the time for it was over"));
        }
        let came = self.came();
        if came > 0 {
            let tried = format!("tell who lives in {} network namespaces", units::count(came as f64));
            let why = "they came within the window: interfaces lead there that were not there as it began";
            observed.miss(&["found", "namespaces"], Gap::new(Reason::Failed, tried, why).to_fix("run it again"));
        }
        self.say_what_was_not_visited(observed);
        if !names.denied.is_empty() {
            let folders: Vec<String> =
                names.denied.iter().map(|folder| printable(folder.as_os_str().as_encoded_bytes())).collect();
            let tried = format!("read the names of containers ({})", folders.join(", "));
            let fields = ["namespaces.containers", "host_network.container", "machines.name"];
            let gap = Gap::new(Reason::Denied, tried, "this user may not read there");
            observed.miss(&fields, gap.to_fix(advice::AS_ROOT));
        }
        self.say_which_holders_are_missing(observed);
    }

    fn say_what_was_not_visited(&self, observed: &mut Observed<Namespaces>) {
        let last = self.last;
        let all = units::count(self.ways.len() as f64);
        if last.denied > 0 {
            let tried = format!("enter {} of {all} network namespaces (setns)", units::count(last.denied as f64));
            // No binary is given that right: it is as much as root's.
            let gap = Gap::new(Reason::Denied, tried, "it needs CAP_SYS_ADMIN");
            observed.miss(&INSIDE, gap.to_fix(advice::AS_ROOT));
        }
        let not_reached = last.not_reached.max(self.first.map_or(0, |first| first.not_reached));
        if not_reached > 0 {
            let tried = format!("look into {} of {all} network namespaces twice", units::count(not_reached as f64));
            let why = "the time for it was over; those with most traffic come first";
            observed.miss(&INSIDE, Gap::new(Reason::TimedOut, tried, why));
        }
        let is_cut = |look: &&Look| look.links_cut || look.addresses_cut;
        let cut = |round: &Round| round.looks.iter().flatten().filter(is_cut).count();
        let cut = cut(last).max(self.first.map_or(0, cut));
        if cut > 0 {
            let tried = format!(
                "list all interfaces and addresses of {} of {all} network namespaces",
                units::count(cut as f64)
            );
            let why = "there are more than are remembered, or the time for it was over";
            let fields = ["namespaces.interfaces", "namespaces.rx", "namespaces.tx"];
            observed.miss(&fields, Gap::new(Reason::Failed, tried, why));
        }
        if last.failed > 0 {
            let tried = format!("look into {} of {all} network namespaces", units::count(last.failed as f64));
            let why = last.why.clone().unwrap_or_default();
            observed.miss(&INSIDE, Gap::new(Reason::Failed, tried, why));
        }
    }

    fn say_which_holders_are_missing(&self, observed: &mut Observed<Namespaces>) {
        let fields = ["namespaces.listeners.process", "namespaces.connections.process"];
        let rows = &observed.output.namespaces;
        let listening = rows.iter().flat_map(|row| row.listeners.iter().flatten().map(|listener| &listener.process));
        let connected =
            rows.iter().flat_map(|row| row.connections.iter().flatten().map(|connection| &connection.process));
        let unowned = listening.chain(connected).filter(|process| process.is_none()).count();
        let tried = format!("find who holds {} sockets of other network namespaces", units::count(unowned as f64));
        match self.scan {
            _ if unowned == 0 => {}
            None => observed.miss(&fields, Gap::new(Reason::Failed, tried, "the processes could not be listed")),
            Some(scan) if scan.denied > 0 => observed.miss(&fields, Gap::denied(tried, "CAP_SYS_PTRACE")),
            Some(scan) if !scan.is_complete() || scan.left_out() > 0 => {
                let why = "there are more descriptors than can be looked at in the time for it";
                observed.miss(&fields, Gap::new(Reason::TimedOut, tried, why));
            }
            // The kernel's own.
            Some(_) => {}
        }
        let tried = "find who holds TAP and TUN devices (/proc/PID/fdinfo)";
        let all_found = self.holders.of.len() == self.devices.len();
        if self.holders.not_reached > 0 {
            let why = format!("the time for it was over, with {} left", units::count(self.holders.not_reached as f64));
            observed.miss(&["machines"], Gap::new(Reason::TimedOut, tried, why));
        } else if !all_found && self.holders.denied > 0 {
            observed.miss(&["machines"], Gap::denied(tried, "CAP_SYS_PTRACE"));
        }
        if let Some(gap) = &self.addresses.gap {
            observed.miss(&["machines.addresses"], gap.clone());
        }
    }
}

/// Whether an interface is a meeting point of others, or a tunnel within the namespace: what comes by it came by another one.
fn is_made_of_others(link: &Link) -> bool {
    const MADE: [&str; 12] =
        ["bridge", "bond", "team", "dummy", "vxlan", "geneve", "gre", "ipip", "sit", "wireguard", "ifb", "vrf"];
    link.kind.as_deref().is_some_and(|kind| MADE.contains(&kind))
}

fn mac(address: &[u8]) -> Option<String> {
    let digits: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
    (!digits.is_empty()).then(|| digits.join(":"))
}
