//! The lists of the result: listeners, connections, and what each process moved.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::net::IpAddr;

use super::Params;
use super::closed::ClosedSockets;
use super::growth::{is_local, received, sent};
use super::output::{Connection, Listener, Opened, Opening, UdpReceiver};
use super::picture::{Derived, Owners, rate, state_name};
use super::take::{OfPort, OfProcess, OfRemotePort, Taken};
use crate::case::Process;
use crate::probe::process::Names;
use crate::sys::sock_diag::{LISTEN, SYN_RECV, SYN_SENT, SocketRow, TIME_WAIT, TcpInfo, Transport};

/// Most listeners in the list.
const LISTENERS: usize = 4096;

/// Most processes in the list of those that open connections.
const OPENING: usize = 16;

/// Most remote ends of connections that one process opens that are told apart.
const REMOTES: usize = 1024;

/// Most rows in the list of what processes took from UDP ports.
const UDP_RECEIVERS: usize = 1024;
/// Processes and remote ports that are listed of what was opened.
const OPENED: usize = 64;
/// Remote ports that are listed for each process.
const OPENED_PORTS: usize = 8;

/// Most listening ports of one process.
const PORTS: usize = 64;

/// Listening TCP sockets and all UDP sockets that match, and how many more there are.
pub(super) fn listeners(
    derived: &[Derived<'_>],
    params: &Params,
    saw_everything: bool,
    names: &mut Names,
    ended: &mut HashSet<i32>,
) -> (Vec<Listener>, u64) {
    let wanted = |socket: &&Derived<'_>| {
        let listens = socket.row.transport == Transport::Udp || socket.row.state == LISTEN;
        listens && matches!(params.state.as_deref(), None | Some("listen")) && matches_port(socket.row, params)
    };
    let mut sockets: Vec<&Derived<'_>> = derived.iter().filter(wanted).collect();
    let left_out = sockets.len().saturating_sub(LISTENERS) as u64;
    sockets.sort_by_key(|socket| {
        let row = socket.row;
        (
            Reverse(socket.growth.drops.unwrap_or(0)),
            Reverse(row.receive_queue),
            row.local_port,
            row.transport,
            row.local,
        )
    });
    sockets.truncate(LISTENERS);
    let half_open = HalfOpen::of(derived);
    let listeners = sockets.into_iter().map(|socket| {
        let row = socket.row;
        let udp = row.transport == Transport::Udp;
        let connected = udp && row.remote_port != 0;
        let process = named(socket.pid, names, ended);
        let unit = unit(process.as_ref(), row, names);
        Listener {
            protocol: if udp { "udp" } else { "tcp" }.to_owned(),
            address: row.local,
            port: row.local_port,
            any_address: row.local.is_unspecified(),
            owners: socket.owners,
            in_kernel: match socket.pid {
                Some(_) => Some(false),
                None => saw_everything.then_some(true),
            },
            process,
            unit,
            queue: row.receive_queue,
            backlog: (!udp && row.cookie != 0).then_some(row.send_queue),
            syn_recv: if udp { 0 } else { half_open.at(row) },
            drops: socket.growth.drops,
            drops_total: row.drops.map(u64::from),
            receive_buffer: row.receive_buffer,
            connected,
            transparent: row.transparent,
            remote_address: connected.then_some(row.remote),
            remote_port: connected.then_some(row.remote_port),
        }
    });
    (listeners.collect(), left_out)
}

/// TCP connections that match, and how many more there are.
pub(super) fn connections(
    derived: &[Derived<'_>],
    params: &Params,
    listened_on_before: &HashSet<u16>,
    seconds: f64,
    names: &mut Names,
    ended: &mut HashSet<i32>,
) -> (Vec<Connection>, u64) {
    let wanted = |socket: &&Derived<'_>| {
        let row = socket.row;
        let state = match params.state.as_deref() {
            None => !matches!(row.state, LISTEN | SYN_RECV | TIME_WAIT),
            Some(state) => row.state != LISTEN && state_name(row.state) == state,
        };
        row.transport == Transport::Tcp && state && matches_port(row, params)
    };
    let mut sockets: Vec<&Derived<'_>> = derived.iter().filter(wanted).collect();
    let rank = |socket: &&Derived<'_>| {
        let growth = socket.growth;
        let total = received(socket.row).unwrap_or(0);
        let queued = socket.row.receive_queue.saturating_add(socket.row.send_queue);
        Reverse((growth.rx.unwrap_or(0), growth.tx.unwrap_or(0), queued, total))
    };
    let limit = params.limit as usize;
    let left_out = sockets.len().saturating_sub(limit) as u64;
    sockets.sort_by_key(rank);
    sockets.truncate(limit);
    let openers = Openers::of(derived, listened_on_before);
    let connections = sockets.into_iter().map(|socket| {
        let row = socket.row;
        let process = named(socket.pid, names, ended);
        let unit = unit(process.as_ref(), row, names);
        Connection {
            protocol: "tcp".to_owned(),
            local_address: row.local,
            local_port: row.local_port,
            remote_address: row.remote,
            remote_port: row.remote_port,
            state: state_name(row.state),
            opened_by: openers.of_row(row).map(str::to_owned),
            process,
            unit,
            rx_bytes: socket.growth.rx,
            tx_bytes: socket.growth.tx,
            rx_total: received(row),
            tx_total: sent(row),
            rx_bits_per_second: socket.growth.rx.and_then(|bytes| rate(bytes, seconds)),
            rx_queue: row.receive_queue,
            tx_queue: row.send_queue,
            rtt_ms: row.info.map(|info| f64::from(info.rtt_microseconds) / 1000.0),
            retransmits: socket.growth.retransmits,
            timeouts: row.info.map(|info| u32::from(info.timeouts)),
            sent_seconds_ago: since(row, |info| info.sent_milliseconds_ago),
            received_seconds_ago: since(row, |info| info.received_milliseconds_ago),
        }
    });
    (connections.collect(), left_out)
}

/// Seconds since something, where the kernel knows: of a connection that is being opened it does not.
fn since(row: &SocketRow, of: fn(&TcpInfo) -> u32) -> Option<f64> {
    let info = row.info.as_ref().filter(|_| !matches!(row.state, SYN_SENT | SYN_RECV | TIME_WAIT))?;
    Some(f64::from(of(info)) / 1000.0)
}

/// The connections of one process that wait for their first answer.
#[derive(Debug, Default)]
struct Unanswered {
    connections: u32,
    waiting: u32,
    /// Of each remote end: those that have waited for a second, and all; and where one of them comes from.
    by_remote: HashMap<(IpAddr, u16), ((u32, u32), IpAddr)>,
}

/// Who has connections that wait for their first answer: those that wait longest, then most first. A holder that was not seen is
/// told by the control group that it opened them in.
pub(super) fn opening(derived: &[Derived<'_>], names: &mut Names, ended: &mut HashSet<i32>) -> Vec<Opening> {
    let mut by_holder: HashMap<(Option<i32>, u64), Unanswered> = HashMap::new();
    for socket in derived.iter().filter(|s| s.row.transport == Transport::Tcp && s.row.state == SYN_SENT) {
        let group = if socket.pid.is_none() { socket.row.control_group } else { 0 };
        let of_holder = by_holder.entry((socket.pid, group)).or_default();
        let waits = u32::from(socket.row.info.is_some_and(|info| info.timeouts > 0));
        of_holder.connections += 1;
        of_holder.waiting += waits;
        let remote = (socket.row.remote, socket.row.remote_port);
        if of_holder.by_remote.len() < REMOTES || of_holder.by_remote.contains_key(&remote) {
            let ((waiting, all), _) = of_holder.by_remote.entry(remote).or_insert(((0, 0), socket.row.local));
            *waiting += waits;
            *all += 1;
        }
    }
    let mut opening: Vec<((Option<i32>, u64), Unanswered)> = by_holder.into_iter().collect();
    opening.sort_by_key(|(holder, of)| (Reverse(of.connections), *holder));
    // Who tries to reach somebody in vain has a place beside those that open many.
    if opening.len() > OPENING {
        let in_vain = opening[OPENING..].iter().enumerate().max_by_key(|(at, (_, of))| (of.waiting, Reverse(*at)));
        if let Some((at, _)) = in_vain.filter(|(_, (_, of))| of.waiting > 0) {
            opening.swap(OPENING - 1, OPENING + at);
        }
    }
    opening.truncate(OPENING);
    let named = |((pid, group), of): ((Option<i32>, u64), Unanswered)| {
        let most = of.by_remote.iter().max_by_key(|(remote, (count, _))| (*count, Reverse(**remote)));
        let process = named(pid, names, ended);
        Opening {
            unit: (process.is_none() && group != 0).then(|| names.of_group(group)).flatten(),
            process,
            connections: of.connections,
            waiting: of.waiting,
            remote_address: most.map(|((address, _), _)| *address),
            remote_port: most.map(|((_, port), _)| *port),
            to_remote: most.map(|(_, ((_, all), _))| *all),
            local_address: most.map(|(_, (_, local))| *local),
            remotes: Some(of.by_remote.len() as u32),
        }
    };
    opening.into_iter().map(named).collect()
}

/// What processes took from UDP ports, and how many rows more there are.
pub(super) fn udp_receivers(taken: &Taken, params: &Params, names: &mut Names) -> (Vec<UdpReceiver>, u64) {
    let wanted = |of: &&OfPort| of.datagrams > 0 && params.port.is_none_or(|port| port == of.port);
    let mut ports = taken.udp_ports.iter().filter(wanted);
    let listed = ports.by_ref().take(UDP_RECEIVERS);
    let listed = listed.map(|of| {
        let identity = taken.processes.get(&of.pid).map(|process| process.identity.clone()).unwrap_or_default();
        UdpReceiver {
            process: names.or_noted(of.pid, &identity.name, identity.user, identity.control_group),
            address: of.address,
            port: of.port,
            rx_bytes: of.bytes,
            rx_datagrams: of.datagrams,
        }
    });
    (listed.collect(), ports.count() as u64)
}

/// What processes opened, and how many connections more. Of each process that opens to many ports those to the others are one row.
pub(super) fn opened(taken: &Taken, params: &Params, names: &mut Names) -> (Vec<Opened>, u64) {
    let mut ports: HashMap<i32, usize> = HashMap::new();
    let mut rows: Vec<OfRemotePort> = Vec::new();
    let mut to_others: HashMap<i32, OfRemotePort> = HashMap::new();
    let wanted = |of: &&OfRemotePort| params.port.is_none_or(|port| Some(port) == of.port);
    for of in taken.opened.iter().filter(wanted) {
        let listed = ports.entry(of.pid).or_default();
        if of.port.is_some() && *listed < OPENED_PORTS {
            *listed += 1;
            rows.push(of.clone());
        } else {
            let other =
                to_others.entry(of.pid).or_insert_with(|| OfRemotePort { port: None, connections: 0, ..of.clone() });
            other.connections = other.connections.saturating_add(of.connections);
        }
    }
    rows.extend(to_others.into_values());
    rows.sort_by_key(|of| (Reverse(of.connections), of.pid, of.port));
    let left_out = rows.iter().skip(OPENED).map(|of| of.connections).fold(taken.opened_by_others, u64::saturating_add);
    rows.truncate(OPENED);
    let named = rows.into_iter().map(|of| Opened {
        process: names.or_noted(of.pid, &of.identity.name, of.identity.user, of.identity.control_group),
        remote_port: of.port,
        connections: of.connections,
    });
    (named.collect(), left_out)
}

fn matches_port(row: &SocketRow, params: &Params) -> bool {
    params.port.is_none_or(|port| port == row.local_port)
}

fn named(pid: Option<i32>, names: &mut Names, ended: &mut HashSet<i32>) -> Option<Process> {
    let pid = pid?;
    let process = names.get(pid).cloned();
    if process.is_none() {
        ended.insert(pid);
    }
    process
}

/// What a socket belongs to whose process was not seen.
fn unit(process: Option<&Process>, row: &SocketRow, names: &mut Names) -> Option<String> {
    let id = (process.is_none() && row.control_group != 0).then_some(row.control_group)?;
    names.of_group(id)
}

/// Half-open connections by local address and port.
struct HalfOpen {
    by_end: HashMap<(IpAddr, u16), u32>,
    by_port: HashMap<u16, u32>,
}

impl HalfOpen {
    fn of(derived: &[Derived<'_>]) -> Self {
        let listens: HashSet<(IpAddr, u16)> = derived
            .iter()
            .filter(|socket| socket.row.transport == Transport::Tcp && socket.row.state == LISTEN)
            .map(|socket| (socket.row.local, socket.row.local_port))
            .collect();
        let mut half_open = HalfOpen { by_end: HashMap::new(), by_port: HashMap::new() };
        for row in derived.iter().map(|socket| socket.row).filter(|row| matches!(row.state, SYN_RECV | 12)) {
            let end = (row.local, row.local_port);
            if listens.contains(&end) {
                *half_open.by_end.entry(end).or_default() += 1;
            } else {
                *half_open.by_port.entry(row.local_port).or_default() += 1;
            }
        }
        half_open
    }

    /// Those of a listener: to its address, or to any that no other listener has for its own.
    fn at(&self, row: &SocketRow) -> u32 {
        let count = if row.local.is_unspecified() {
            self.by_port.get(&row.local_port)
        } else {
            self.by_end.get(&(row.local, row.local_port))
        };
        count.copied().unwrap_or(0)
    }
}

/// Tells who opened a connection.
struct Openers {
    listening: HashSet<u16>,
    /// The lowest port that the kernel chooses for outgoing connections.
    lowest_chosen: Option<u16>,
}

impl Openers {
    fn of(derived: &[Derived<'_>], listened_on_before: &HashSet<u16>) -> Self {
        let listens =
            derived.iter().map(|socket| socket.row).filter(|row| row.state == LISTEN).map(|row| row.local_port);
        let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
        Openers {
            listening: listens.chain(listened_on_before.iter().copied()).collect(),
            lowest_chosen: range.and_then(|range| range.split_ascii_whitespace().next()?.parse().ok()),
        }
    }

    fn of_row(&self, row: &SocketRow) -> Option<&'static str> {
        if self.listening.contains(&row.local_port) {
            Some("remote")
        } else if self.lowest_chosen.is_some_and(|lowest| row.local_port >= lowest) {
            Some("local")
        } else {
            None
        }
    }
}

/// What each process moved.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    by_process: HashMap<i32, Moved>,
    /// Received by sockets without a known owner.
    pub(super) unowned_rx_bytes: u64,
}

/// What one process moved.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) connections: u32,
    pub(super) udp_sockets: u32,
    pub(super) listening_ports: BTreeSet<u16>,
    pub(super) rx_bytes: u64,
    pub(super) tx_bytes: u64,
    pub(super) local_rx_bytes: u64,
    /// Of `rx_bytes`, what connections of unknown holders received, that the listener of their port is taken for.
    pub(super) assumed_rx_bytes: u64,
    /// Other processes that hold one of its sockets.
    pub(super) sharers: BTreeSet<i32>,
    /// What its own calls moved.
    pub(super) taken: OfProcess,
}

impl Traffic {
    /// Adds the sockets up by process.
    pub(super) fn of(derived: &[Derived<'_>], owners: &Owners<'_>) -> Self {
        let mut traffic = Traffic::default();
        for Derived { row, growth, pid, .. } in derived {
            let rx = growth.rx.unwrap_or(0);
            let Some(pid) = pid else {
                traffic.unowned_rx_bytes = traffic.unowned_rx_bytes.saturating_add(rx);
                continue;
            };
            let moved = traffic.by_process.entry(*pid).or_default();
            match (row.transport, row.state) {
                (Transport::Udp, _) => moved.udp_sockets += 1,
                (Transport::Tcp, LISTEN) if moved.listening_ports.len() < PORTS => {
                    moved.listening_ports.insert(row.local_port);
                }
                (Transport::Tcp, LISTEN) => {}
                (Transport::Tcp, _) => moved.connections += 1,
            }
            moved.sharers.extend(owners.sharers(row.inode).iter().filter(|sharer| *sharer != pid));
            moved.rx_bytes = moved.rx_bytes.saturating_add(rx);
            moved.tx_bytes = moved.tx_bytes.saturating_add(growth.tx.unwrap_or(0));
            if is_local(row) {
                moved.local_rx_bytes = moved.local_rx_bytes.saturating_add(rx);
            }
        }
        traffic
    }

    /// Adds connections that closed: by the holder that they had, else by the listener of their port.
    pub(super) fn add_closed(
        &mut self,
        closed: &ClosedSockets,
        owners: &Owners<'_>,
        listener_by_port: &HashMap<u16, i32>,
    ) {
        let holder = |inode: u32| owners.holders(inode).map(|holders| holders.server(None));
        let held = closed.by_inode.iter().map(|(inode, moved)| (holder(*inode), moved, false));
        let short = closed.short_by_port.iter().map(|(port, moved)| (listener_by_port.get(port).copied(), moved, true));
        let mut named = 0u64;
        for (pid, moved, assumed) in held.chain(short) {
            let Some(pid) = pid else { continue };
            let of_process = self.by_process.entry(pid).or_default();
            of_process.rx_bytes = of_process.rx_bytes.saturating_add(moved.rx_bytes);
            if assumed {
                of_process.assumed_rx_bytes = of_process.assumed_rx_bytes.saturating_add(moved.rx_bytes);
            }
            of_process.tx_bytes = of_process.tx_bytes.saturating_add(moved.tx_bytes);
            of_process.local_rx_bytes = of_process.local_rx_bytes.saturating_add(moved.local_rx_bytes);
            named = named.saturating_add(moved.rx_bytes);
        }
        self.unowned_rx_bytes = self.unowned_rx_bytes.saturating_add(closed.all.rx_bytes.saturating_sub(named));
    }

    /// Adds what the calls of each process moved.
    pub(super) fn add_taken(&mut self, taken: &Taken) {
        for (pid, of_process) in &taken.processes {
            self.by_process.entry(*pid).or_default().taken = of_process.clone();
        }
    }

    /// The processes, the one that received most first.
    pub(super) fn ranked(self) -> Vec<(i32, Moved)> {
        let mut ranked: Vec<(i32, Moved)> = self.by_process.into_iter().collect();
        ranked.sort_by_key(|(pid, moved)| {
            let sockets = moved.connections.saturating_add(moved.udp_sockets);
            let received = moved.rx_bytes.saturating_add(moved.taken.udp.rx_bytes);
            let sent = moved.tx_bytes.saturating_add(moved.taken.udp.tx_bytes);
            (Reverse((received, sent, sockets)), *pid)
        });
        ranked
    }
}
