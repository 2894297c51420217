//! From two looks and the holders of sockets to the result, with what is missing from it.

use std::collections::HashMap;
use std::collections::HashSet;

use super::closed::ClosedSockets;
use super::growth::{Before, Growth};
use super::lists::{self, Traffic};
use super::output::{Closed, ClosedPort, Counts, ProcessIo, ProcessTraffic, Sockets};
use super::owners::{Holders, OwnerScan};
use super::process::{Activity, Names};
use super::{MOST_ROWS, Params};
use crate::case::{Gap, Observed, Reason};
use crate::sys::sock_diag::{CLOSE_WAIT, ESTABLISHED, LISTEN, SYN_RECV, SocketRow, TIME_WAIT, Transport};

/// Most ports in the account of closed connections.
const CLOSED_PORTS: usize = 256;

/// The names of the states, by number.
const STATES: [&str; 12] = [
    "",
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

/// The name of a state.
pub(super) fn state_name(state: u8) -> String {
    match STATES.get(usize::from(state)) {
        Some(name) if !name.is_empty() => (*name).to_owned(),
        _ if state == 12 => "syn_recv".to_owned(),
        _ => format!("state {state}"),
    }
}

/// Whether the parameters make sense.
pub(super) fn check(params: &Params) -> Result<(), Gap> {
    let wrong = |why: String| Err(Gap::new(Reason::Malformed, "look at the sockets", why));
    if !(1..=MOST_ROWS).contains(&params.limit) {
        return wrong(format!("limit is {}, and must be 1 to {MOST_ROWS}", params.limit));
    }
    match params.state.as_deref() {
        Some(state) if state.is_empty() || !STATES.contains(&state) => {
            wrong(format!("`{}` is not a state; states are {}", state.escape_debug(), STATES[1..].join(", ")))
        }
        _ => Ok(()),
    }
}

/// The holders of sockets, or why they are not known.
pub(super) enum Owners<'a> {
    Seen(&'a OwnerScan),
    NotAsked,
    Refused(Gap),
}

impl Owners<'_> {
    pub(super) fn holders(&self, inode: u32) -> Option<&Holders> {
        match self {
            Owners::Seen(scan) => scan.holders(inode),
            _ => None,
        }
    }

    fn saw_everything(&self) -> bool {
        matches!(self, Owners::Seen(scan) if scan.saw_everything())
    }

    /// Why the owners of `unowned` sockets, of `all`, are not known; nothing when there is nothing to know.
    fn gap(&self, unowned: usize, all: usize) -> Option<Gap> {
        let tried = format!("name the owners of {unowned} of {all} sockets");
        match self {
            _ if unowned == 0 => None,
            Owners::NotAsked => {
                let gap = Gap::new(Reason::Absent, tried, "the parameter `owners` is false: nobody asked");
                Some(gap.way_out("leave `owners` true"))
            }
            Owners::Refused(gap) => Some(gap.clone()),
            Owners::Seen(scan) if scan.denied > 0 || scan.hidden => {
                let tried = format!("name the owners of {unowned} of {all} sockets, which are other users'");
                Some(Gap::denied(tried, "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"))
            }
            Owners::Seen(scan) if !scan.is_complete() => {
                let gap =
                    Gap::new(Reason::TimedOut, tried, "the processes hold too many descriptors to look at in time");
                Some(gap.way_out("give a longer window"))
            }
            Owners::Seen(scan) if scan.saw_everything() => None, // they are the kernel's, or of connections left to die
            Owners::Seen(_) => {
                let why = "their processes are not of this process namespace";
                Some(Gap::new(Reason::Absent, tried, why).way_out("run on the host, not in a container"))
            }
        }
    }
}

/// All that was seen.
pub(super) struct Picture<'a> {
    pub(super) params: &'a Params,
    pub(super) seconds: f64,
    /// Sockets at the end.
    pub(super) rows: &'a [SocketRow],
    /// Sockets at the beginning, if there was a window.
    pub(super) before: Option<&'a Before>,
    /// Ports that something listened on at the beginning.
    pub(super) listening: &'a HashSet<u16>,
    pub(super) closed: Result<ClosedSockets, Gap>,
    pub(super) owners: Owners<'a>,
    /// What the processes had done at the beginning, and at the end.
    pub(super) earlier: &'a HashMap<i32, Activity>,
    pub(super) now: &'a HashMap<i32, Activity>,
    /// Why the kernel's socket diagnosis was not used.
    pub(super) refused: Option<Gap>,
}

/// What is derived for each socket at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Derived<'a> {
    pub(super) row: &'a SocketRow,
    pub(super) growth: Growth,
    /// The process that holds it.
    pub(super) pid: Option<i32>,
    /// How many do.
    pub(super) owners: u32,
}

impl Picture<'_> {
    /// Puts the result together.
    pub(super) fn compose(&self, names: &mut Names) -> Observed<Sockets> {
        let tcp_listeners = self.rows.iter().filter(|row| row.transport == Transport::Tcp && row.state == LISTEN);
        let mut listener_by_port: HashMap<u16, i32> = HashMap::new();
        for row in tcp_listeners {
            if let Some(holders) = self.owners.holders(row.inode) {
                listener_by_port.entry(row.local_port).or_insert(holders.lowest);
            }
        }
        let derived: Vec<Derived<'_>> = self.rows.iter().map(|row| self.derive(row, &listener_by_port)).collect();
        let mut traffic = Traffic::of(&derived);
        if let Ok(closed) = &self.closed {
            traffic.add_closed(closed, &self.owners, &listener_by_port);
        }

        let mut observed = Observed::whole(Sockets {
            seconds: self.seconds,
            source: if self.refused.is_some() { "proc" } else { "sock_diag" }.to_owned(),
            counts: counts(self.rows),
            listeners: Vec::new(),
            listeners_left_out: 0,
            connections: Vec::new(),
            connections_left_out: 0,
            processes: None,
            processes_left_out: 0,
            tcp_rx_bytes: total(&derived, |growth| growth.rx),
            tcp_tx_bytes: total(&derived, |growth| growth.tx),
            unowned_rx_bytes: traffic.unowned_rx_bytes,
            closed: self.closed.as_ref().ok().map(account),
        });
        let out = &mut observed.output;
        let mut ended = HashSet::new();
        (out.listeners, out.listeners_left_out) =
            lists::listeners(&derived, self.params, self.owners.saw_everything(), names, &mut ended);
        (out.connections, out.connections_left_out) =
            lists::connections(&derived, self.params, self.listening, self.seconds, names, &mut ended);
        let held = derived.iter().filter(|socket| socket.row.inode != 0).count();
        let unowned = derived.iter().filter(|socket| socket.row.inode != 0 && socket.pid.is_none()).count();
        if unowned < held || held == 0 && matches!(self.owners, Owners::Seen(_)) {
            let (processes, left_out) = self.processes(traffic, names, &mut ended);
            (out.processes, out.processes_left_out) = (Some(processes), left_out);
        }
        self.say_what_is_missing(&mut observed, self.owners.gap(unowned, held));
        if !ended.is_empty() {
            let count = ended.len();
            observed.loss.push(format!("{count} processes that held sockets ended before they could be named"));
        }
        observed
    }

    fn derive<'a>(&self, row: &'a SocketRow, listener_by_port: &HashMap<u16, i32>) -> Derived<'a> {
        let holders = self.owners.holders(row.inode);
        let connection = row.transport == Transport::Tcp && row.state != LISTEN;
        let pid = holders.map(|holders| {
            if connection { holders.server(listener_by_port.get(&row.local_port).copied()) } else { holders.lowest }
        });
        let growth = self.before.map_or_else(Growth::default, |before| before.growth(row));
        Derived { row, growth, pid, owners: holders.map_or(0, |holders| holders.count) }
    }

    fn processes(&self, traffic: Traffic, names: &mut Names, ended: &mut HashSet<i32>) -> (Vec<ProcessTraffic>, u64) {
        let ranked = traffic.ranked();
        let limit = self.params.limit as usize;
        let left_out = ranked.len().saturating_sub(limit) as u64;
        let mut processes = Vec::new();
        for (pid, moved) in ranked.into_iter().take(limit) {
            let Some(process) = names.get(pid).cloned() else {
                ended.insert(pid);
                continue;
            };
            let since = self.now.get(&pid).zip(self.earlier.get(&pid)).and_then(|(now, earlier)| now.since(earlier));
            let io = since.and_then(|(_, io)| io).map(|io| ProcessIo {
                read_bytes: io.read,
                written_bytes: io.written,
                disk_read_bytes: io.disk_read,
                disk_written_bytes: io.disk_written,
            });
            processes.push(ProcessTraffic {
                process,
                connections: moved.connections,
                listening_ports: moved.listening_ports.into_iter().collect(),
                udp_sockets: moved.udp_sockets,
                rx_bytes: moved.rx_bytes,
                tx_bytes: moved.tx_bytes,
                local_rx_bytes: moved.local_rx_bytes,
                rx_bits_per_second: rate(moved.rx_bytes, self.seconds).unwrap_or(0.0),
                io,
                cpu_share: since.and_then(|(ticks, _)| cpu_share(ticks, self.seconds)),
            });
        }
        (processes, left_out)
    }

    fn say_what_is_missing(&self, observed: &mut Observed<Sockets>, unowned: Option<Gap>) {
        const GROWTH: [&str; 7] = [
            "tcp_rx_bytes",
            "tcp_tx_bytes",
            "connections.rx_bytes",
            "connections.tx_bytes",
            "connections.rx_bits_per_second",
            "connections.retransmits",
            "processes.rx_bytes",
        ];
        if let Some(gap) = &self.refused {
            observed.miss(&GROWTH, gap.clone());
            observed.miss(
                &[
                    "listeners.backlog",
                    "listeners.receive_buffer",
                    "listeners.drops",
                    "connections.rtt_ms",
                    "connections.rx_total",
                    "connections.tx_total",
                ],
                gap.clone(),
            );
        } else if self.before.is_none() {
            let gap = Gap::new(Reason::Absent, "tell what sockets moved", "the window is 0").way_out("give a window");
            observed.miss(&GROWTH, gap.clone());
            observed.miss(&["listeners.drops", "processes.io", "processes.cpu_share"], gap);
        } else if observed.output.tcp_rx_bytes.is_none() {
            let why = "the kernel does not count them per socket; Linux does since 4.1";
            observed.miss(&GROWTH, Gap::new(Reason::Absent, "tell what TCP connections moved", why));
        }
        match &self.closed {
            Err(gap) => observed.miss(&["closed"], gap.clone()),
            Ok(closed) if closed.lost => observed.loss.push(
                "connections closed faster than the kernel's news of it could be read: `closed` lacks some".to_owned(),
            ),
            Ok(_) => {}
        }
        let unreadable = self.now.values().filter(|activity| activity.io.is_none()).count();
        if unreadable > 0 {
            let tried = format!("read what {unreadable} processes of other users read and wrote (/proc/PID/io)");
            observed.miss(&["processes.io"], Gap::denied(tried, "CAP_SYS_PTRACE"));
        }
        if let Some(gap) = unowned {
            observed.miss(
                &["processes", "listeners.process", "listeners.owners", "connections.process", "unowned_rx_bytes"],
                gap,
            );
        }
    }
}

/// Sockets by state.
fn counts(rows: &[SocketRow]) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        let count = match (row.transport, row.state) {
            (Transport::Udp, _) => &mut counts.udp,
            (_, ESTABLISHED) => &mut counts.tcp_established,
            (_, SYN_RECV) => &mut counts.tcp_syn_recv,
            (_, TIME_WAIT) => &mut counts.tcp_time_wait,
            (_, CLOSE_WAIT) => &mut counts.tcp_close_wait,
            (_, LISTEN) => &mut counts.tcp_listen,
            _ => &mut counts.tcp_other,
        };
        *count += 1;
    }
    counts
}

/// The sum of what is known; none when there are connections and of none of them it is known.
fn total(derived: &[Derived<'_>], part: impl Fn(&Growth) -> Option<u64>) -> Option<u64> {
    let counted = |socket: &&Derived<'_>| {
        socket.row.transport == Transport::Tcp && !matches!(socket.row.state, LISTEN | TIME_WAIT | SYN_RECV)
    };
    let mut known = None;
    let mut any = false;
    for socket in derived.iter().filter(counted) {
        any = true;
        if let Some(bytes) = part(&socket.growth) {
            known = Some(known.unwrap_or(0u64).saturating_add(bytes));
        }
    }
    if any { known } else { Some(0) }
}

/// The account of closed connections.
fn account(closed: &ClosedSockets) -> Closed {
    let mut by_local_port: Vec<ClosedPort> = closed
        .by_port
        .iter()
        .map(|(port, moved)| ClosedPort {
            port: *port,
            connections: moved.connections,
            rx_bytes: moved.rx_bytes,
            tx_bytes: moved.tx_bytes,
        })
        .collect();
    by_local_port.sort_by_key(|port| std::cmp::Reverse((port.rx_bytes, port.connections)));
    by_local_port.truncate(CLOSED_PORTS);
    Closed {
        connections: closed.all.connections,
        rx_bytes: closed.all.rx_bytes,
        tx_bytes: closed.all.tx_bytes,
        by_local_port,
    }
}

/// Bits per second.
pub(super) fn rate(bytes: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| bytes as f64 * 8.0 / seconds)
}

/// Clock ticks as a share of one CPU.
fn cpu_share(ticks: u64, seconds: f64) -> Option<f64> {
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten()?;
    (seconds > 0.0 && per_second > 0).then(|| ticks as f64 / per_second as f64 / seconds)
}
