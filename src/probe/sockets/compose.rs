//! From two looks and the holders of sockets to the result, with what is missing from it.

use std::collections::HashMap;
use std::collections::HashSet;

use super::closed::ClosedSockets;
use super::growth::Growth;
use super::lists::{self, Traffic};
use super::missing;
use super::outgoing;
use super::output::{Closed, ClosedPort, ProcessIo, ProcessTraffic, Sockets};
use super::paths::Paths;
use super::picture::{Derived, Owners, Picture, rate};
use super::raw;
use super::sink::SinkScan;
use super::unix_listeners;
use crate::case::Observed;
use crate::probe::process::{IoCounters, Names, ignores_children};
use crate::sys::sock_diag::{LISTEN, SYN_RECV, SocketRow, TIME_WAIT, Transport};

/// Most ports in the account of closed connections.
const CLOSED_PORTS: usize = 256;

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
        let mut traffic = Traffic::of(&derived, &self.owners);
        if let Ok(closed) = &self.closed {
            traffic.add_closed(closed, &self.owners, &listener_by_port);
        }
        let taken = self.taken.as_ref().and_then(|taken| taken.as_ref().ok());
        if let Some(taken) = taken {
            traffic.add_taken(taken);
        }

        let grows = self.before.is_some() && self.refused.tcp.is_none() && growth_is_counted(self.rows);
        let mut observed = Observed::whole(Sockets {
            seconds: self.seconds,
            source: if self.refused.tcp.is_some() { "proc" } else { "sock_diag" }.to_owned(),
            counts: self.counts,
            listeners: Vec::new(),
            listeners_left_out: 0,
            connections: Vec::new(),
            connections_left_out: 0,
            processes: None,
            processes_left_out: 0,
            udp_receivers: None,
            udp_receivers_left_out: 0,
            tcp_rx_bytes: grows.then(|| total(&derived, |growth| growth.rx)),
            tcp_tx_bytes: grows.then(|| total(&derived, |growth| growth.tx)),
            unowned_rx_bytes: grows.then_some(traffic.unowned_rx_bytes),
            machine_written_bytes: self.machine_written,
            closed: self.closed.as_ref().ok().map(account),
            opening: Vec::new(),
            opened: None,
            opened_left_out: 0,
            outgoing: None,
            outgoing_left_out: 0,
            paths: None,
            paths_left_out: 0,
            raw: None,
            unix_listeners: None,
            elsewhere: None,
            elsewhere_left_out: 0,
        });
        let out = &mut observed.output;
        let mut ended = HashSet::new();
        (out.listeners, out.listeners_left_out) =
            lists::listeners(&derived, self.params, self.owners.saw_everything(), names, &mut ended);
        (out.connections, out.connections_left_out) =
            lists::connections(&derived, self.params, self.listening, self.seconds, names, &mut ended);
        out.opening = lists::opening(&derived, names, &mut ended);
        let listens: HashSet<u16> =
            self.rows.iter().filter(|row| row.state == LISTEN).map(|row| row.local_port).collect();
        let listening = |port| listens.contains(&port) || self.listening.contains(&port);
        if let Some((listed, left_out)) = outgoing::list(self.outgoing, &derived, listening, names) {
            (out.outgoing, out.outgoing_left_out) = (Some(listed), left_out);
        }
        let ranged = out.outgoing.is_some();
        if grows {
            let paths = self.closed.as_ref().map_or_else(|_| Paths::default(), |closed| closed.paths.clone());
            let (listed, left_out) = paths.with_open(derived.iter().map(|socket| (socket.row, &socket.growth)));
            (out.paths, out.paths_left_out) = (Some(listed), left_out);
        }
        if let Some(taken) = taken {
            let (receivers, left_out) = lists::udp_receivers(taken, self.params, names);
            (out.udp_receivers, out.udp_receivers_left_out) = (Some(receivers), left_out);
            if taken.not_opened.is_none() {
                let (opened, left_out) = lists::opened(taken, self.params, names);
                (out.opened, out.opened_left_out) = (Some(opened), left_out);
            }
        }
        let raw = raw::read();
        out.raw = raw.as_ref().ok().map(|raw| raw::held(raw, &self.owners, names));
        match &self.unix {
            Ok(waited) => {
                let listed = unix_listeners::named(waited, self.unix_before, &self.owners, names, &mut ended);
                let unseen = listed.iter().filter(|listener| listener.process.is_none()).count();
                let gap = self.owners.gap(unseen, listed.len());
                observed.output.unix_listeners = Some(listed);
                if let Some(gap) = gap {
                    observed.miss(&["unix_listeners.process", "unix_listeners.client"], gap);
                }
            }
            Err(gap) => observed.miss(&["unix_listeners"], gap.clone()),
        }
        let out = &mut observed.output;
        let held = derived.iter().filter(|socket| socket.row.inode != 0).count();
        let unowned: Vec<_> = derived.iter().filter(|socket| socket.row.inode != 0 && socket.pid.is_none()).collect();
        let seen = matches!(self.owners, Owners::Seen(_));
        // Of UDP the kernel counts no bytes: any of them may have received some.
        let received = !seen
            || out.unowned_rx_bytes != Some(0)
            || unowned.iter().any(|socket| socket.row.transport == Transport::Udp);
        let unseen = self.owners.gap(unowned.len(), held);
        let looked = seen && (unseen.is_none() || !received);
        if looked || unowned.len() < held || taken.is_some() {
            let inodes = self.rows.iter().map(|row| row.inode).filter(|inode| *inode != 0);
            let mut sinks = SinkScan::start(inodes.collect());
            let (processes, left_out) = self.processes(traffic, grows, names, &mut sinks, &mut ended);
            (out.processes, out.processes_left_out) = (Some(processes), left_out);
            missing::say_whose_output_is_unknown(&mut observed, &sinks);
        }
        if let Err(gap) = raw {
            observed.miss(&["raw"], gap);
        }
        self.say_what_is_missing(&mut observed, unseen, received);
        missing::say_what_was_left_out(&mut observed, self.left_out);
        if !ranged {
            observed.miss(&["outgoing"], missing::range());
        }
        if !ended.is_empty() {
            let count = ended.len();
            observed.loss.push(format!("{count} processes that held sockets ended before they could be named"));
        }
        observed
    }

    fn derive<'a>(&self, row: &'a SocketRow, listener_by_port: &HashMap<u16, i32>) -> Derived<'a> {
        Derived::of(row, self.before, &self.owners, listener_by_port)
    }

    /// What a process did in the window: CPU ticks and I/O.
    fn since(&self, pid: i32) -> Option<(u64, Option<IoCounters>)> {
        self.now.get(&pid)?.since(self.earlier.get(&pid)?)
    }

    fn processes(
        &self,
        traffic: Traffic,
        grows: bool,
        names: &mut Names,
        sinks: &mut SinkScan,
        ended: &mut HashSet<i32>,
    ) -> (Vec<ProcessTraffic>, u64) {
        let ranked = traffic.ranked();
        let limit = self.params.limit as usize;
        let left_out = ranked.len().saturating_sub(limit) as u64;
        let mut processes = Vec::new();
        let taken = self.taken.as_ref().and_then(|taken| taken.as_ref().ok());
        let (received, sent) = (taken.is_some(), taken.is_some_and(|taken| taken.sent.is_none()));
        for (pid, moved) in ranked.into_iter().take(limit) {
            let (udp, tcp) = (moved.taken.udp, moved.taken.tcp);
            let process = if (udp, tcp) == Default::default() {
                let Some(process) = names.get(pid).cloned() else {
                    ended.insert(pid);
                    continue;
                };
                process
            } else {
                let identity = &moved.taken.identity;
                names.or_noted(pid, &identity.name, identity.user, identity.control_group)
            };
            let since = self.since(pid);
            // Without a window nothing was received by anybody.
            let idle = self.before.is_none() || (grows && moved.rx_bytes == 0 && moved.udp_sockets == 0);
            // Only of a process that received something it matters who shares its sockets.
            let sharers: Vec<i32> = if idle { Vec::new() } else { moved.sharers.iter().copied().collect() };
            let written = |pid: &i32| self.since(*pid)?.1.map(|io| (io.written, io.disk_written));
            let io = since.and_then(|(_, io)| io).map(|io| ProcessIo {
                read_bytes: io.read,
                written_bytes: io.written,
                disk_read_bytes: io.disk_read,
                disk_written_bytes: io.disk_written,
            });
            let outlets = if idle { None } else { sinks.outlets(pid) };
            let memory = self.now.get(&pid).zip(self.earlier.get(&pid));
            processes.push(ProcessTraffic {
                process,
                connections: moved.connections,
                listening_ports: moved.listening_ports.into_iter().collect(),
                udp_sockets: moved.udp_sockets,
                rx_bytes: grows.then_some(moved.rx_bytes),
                tx_bytes: grows.then_some(moved.tx_bytes),
                local_rx_bytes: grows.then_some(moved.local_rx_bytes),
                rx_bits_per_second: rate(moved.rx_bytes, self.seconds).filter(|_| grows),
                io,
                discards_input: outlets.map(|outlets| outlets.discards_input),
                other_sockets: outlets.and_then(|outlets| outlets.other_sockets),
                memory_growth_bytes: memory.and_then(|(now, earlier)| now.memory_growth(earlier)),
                sharers: moved.sharers.len() as u32,
                sharers_written_bytes: sharers
                    .iter()
                    .map(|pid| {
                        let (written, disk_written) = written(pid)?;
                        let nothing = sinks.outlets(*pid).is_some_and(|outlets| outlets.discards_input);
                        Some(if nothing { disk_written } else { written.max(disk_written) })
                    })
                    .sum::<Option<u64>>()
                    .filter(|_| !sharers.is_empty()),
                assumed_rx_bytes: grows.then_some(moved.assumed_rx_bytes),
                ignores_children: if idle { None } else { ignores_children(pid) },
                cpu_share: since.and_then(|(ticks, _)| cpu_share(ticks, self.seconds)),
                udp_rx_bytes: received.then_some(udp.rx_bytes),
                udp_rx_datagrams: received.then_some(udp.rx_calls),
                udp_tx_bytes: sent.then_some(udp.tx_bytes),
                udp_tx_datagrams: sent.then_some(udp.tx_calls),
                tcp_read_bytes: received.then_some(tcp.rx_bytes),
                tcp_written_bytes: sent.then_some(tcp.tx_bytes),
            });
        }
        (processes, left_out)
    }
}

/// Whether the kernel counts the bytes of TCP connections, as far as there are any that tell.
pub(super) fn growth_is_counted(rows: &[SocketRow]) -> bool {
    let mut connections = rows.iter().filter(|row| {
        row.transport == Transport::Tcp && !matches!(row.state, LISTEN | TIME_WAIT | SYN_RECV) && row.inode != 0
    });
    connections.clone().next().is_none()
        || connections.any(|row| row.cookie != 0 && row.info.is_some_and(|info| info.bytes_received.is_some()))
}

/// The sum of what is known.
fn total(derived: &[Derived<'_>], part: impl Fn(&Growth) -> Option<u64>) -> u64 {
    let connections = derived.iter().filter(|socket| socket.row.transport == Transport::Tcp);
    connections.filter_map(|socket| part(&socket.growth)).fold(0, u64::saturating_add)
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

/// Clock ticks as a share of one CPU.
fn cpu_share(ticks: u64, seconds: f64) -> Option<f64> {
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten()?;
    (seconds > 0.0 && per_second > 0).then(|| ticks as f64 / per_second as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Gap, Reason};
    use crate::probe::sockets::Params;
    use crate::probe::sockets::growth::Before;
    use crate::probe::sockets::look::Refused;
    use crate::probe::sockets::output::Counts;
    use crate::probe::sockets::tally::Tally;
    use crate::sys::sock_diag::{SYN_SENT, TcpInfo};
    use std::net::IpAddr;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn connection(cookie: u64, local_port: u16, received: u64) -> SocketRow {
        let info = TcpInfo { bytes_received: Some(received), bytes_acked: Some(0), ..TcpInfo::default() };
        SocketRow {
            cookie,
            inode: cookie as u32,
            local: HERE,
            local_port,
            remote_port: 9,
            info: Some(info),
            ..SocketRow::default()
        }
    }

    fn listener(cookie: u64, local_port: u16) -> SocketRow {
        SocketRow { cookie, inode: cookie as u32, state: LISTEN, local_port, ..SocketRow::default() }
    }

    fn compose(
        rows: &[SocketRow],
        before: Option<&[SocketRow]>,
        params: &Params,
        refused: Refused,
    ) -> Observed<Sockets> {
        let before = before.map(|rows| {
            let mut before = Before::default();
            rows.iter().for_each(|row| before.add(row));
            before
        });
        Picture {
            params,
            seconds: 2.0,
            rows,
            counts: Counts::of(rows),
            left_out: 0,
            outgoing: &Tally::default(),
            before: before.as_ref(),
            listening: &HashSet::new(),
            closed: Ok(ClosedSockets::default()),
            owners: Owners::NotAsked,
            earlier: &HashMap::new(),
            now: &HashMap::new(),
            machine_written: None,
            refused,
            taken: None,
            unix: Ok(&[]),
            unix_before: None,
        }
        .compose(&mut Names::new())
    }

    #[test]
    fn those_that_received_most_come_first_and_the_rest_is_counted() {
        let before = [connection(1, 443, 0), connection(2, 443, 100), connection(3, 443, 5)];
        let rows = [connection(1, 443, 10), connection(2, 443, 900), connection(3, 443, 105), listener(4, 443)];
        let params = Params { limit: 2, ..Params::default() };
        let seen = compose(&rows, Some(&before), &params, Refused::default()).output;
        let rx: Vec<_> = seen.connections.iter().map(|connection| connection.rx_bytes).collect();
        assert_eq!((rx, seen.connections_left_out), (vec![Some(800), Some(100)], 1));
        assert_eq!((seen.tcp_rx_bytes, seen.unowned_rx_bytes), (Some(910), Some(910)));
        assert_eq!(seen.connections[0].rx_bits_per_second, Some(3200.0));
        assert_eq!(seen.connections[0].opened_by.as_deref(), Some("remote"));
    }

    #[test]
    fn without_byte_counts_growth_is_unknown_not_zero() {
        let row = SocketRow { cookie: 0, info: None, ..connection(1, 443, 0) };
        let gap = Gap::new(Reason::Absent, "ask", "no module");
        let refused = Refused { tcp: Some(gap.clone()), udp: None };
        let seen = compose(&[row], Some(&[row]), &Params::default(), refused);
        let out = &seen.output;
        assert_eq!((out.source.as_str(), out.tcp_rx_bytes, out.unowned_rx_bytes), ("proc", None, None));
        assert_eq!((out.connections[0].rx_bytes, out.connections[0].rx_bits_per_second), (None, None));
        let covered = |field: &str| seen.missing.iter().any(|missing| missing.fields.iter().any(|f| f == field));
        for field in ["tcp_rx_bytes", "unowned_rx_bytes", "connections.rx_bytes", "listeners.backlog", "processes"] {
            assert!(covered(field), "{field}");
        }
    }

    #[test]
    fn owners_that_nobody_asked_for_are_none_not_an_empty_list() {
        let seen = compose(&[connection(1, 443, 7)], Some(&[]), &Params::default(), Refused::default());
        assert_eq!(seen.output.processes, None);
        assert!(seen.missing[0].gap.tried.contains("owners of 1 of 1 sockets"), "{:?}", seen.missing);
    }

    #[test]
    fn half_open_connections_count_for_the_listener_that_they_reached() {
        let half = |local, port| SocketRow { state: SYN_RECV, local, local_port: port, ..SocketRow::default() };
        let own = SocketRow { local: HERE, ..listener(2, 80) };
        let rows = [listener(1, 80), own, half(HERE, 80), half([192, 0, 2, 9].into(), 80), half(HERE, 81)];
        let seen = compose(&rows, Some(&rows), &Params::default(), Refused::default()).output;
        let at: Vec<_> = seen.listeners.iter().map(|listener| (listener.any_address, listener.syn_recv)).collect();
        assert_eq!(at, [(true, 1), (false, 1)]);
        assert_eq!((seen.counts.tcp_syn_recv, seen.connections.len()), (3, 0));
    }

    #[test]
    fn port_and_state_choose_what_is_listed_and_not_what_is_counted() {
        let rows = [listener(1, 22), listener(2, 53), connection(3, 22, 0)];
        let params = Params { port: Some(22), state: Some("listen".into()), ..Params::default() };
        let seen = compose(&rows, Some(&rows), &params, Refused::default()).output;
        assert_eq!((seen.listeners.len(), seen.connections.len(), seen.counts.tcp_listen), (1, 0, 2));
    }

    #[test]
    fn who_waits_for_a_first_answer_is_told_by_holder_and_by_unit_where_no_holder_was_seen() {
        let opens = |cookie: u64, remote: [u8; 4], control_group, timeouts| {
            let info = TcpInfo { timeouts, ..TcpInfo::default() };
            let row = connection(cookie, 40_000 + cookie as u16, 0);
            SocketRow { state: SYN_SENT, remote: remote.into(), control_group, info: Some(info), ..row }
        };
        let rows = [
            opens(1, [198, 51, 100, 2], 11, 0),
            opens(2, [198, 51, 100, 2], 11, 0),
            opens(3, [198, 51, 100, 3], 11, 2),
            opens(4, [198, 51, 100, 2], 12, 1),
        ];
        let seen = compose(&rows, None, &Params::default(), Refused::default()).output;
        let told: Vec<_> =
            seen.opening.iter().map(|of| (of.connections, of.waiting, of.remotes, of.to_remote)).collect();
        assert_eq!(told, [(3, 1, Some(2), Some(1)), (1, 1, Some(1), Some(1))]);
        assert_eq!(seen.opening[0].remote_address, Some([198, 51, 100, 3].into()), "the one that is waited for");
        assert!(seen.opening[0].local_address.is_some(), "{:?}", seen.opening[0]);
    }
}
