//! The sockets of other network namespaces.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::compose::growth_is_counted;
use super::growth::Before;
use super::lists::{self, Traffic};
use super::look::{Eye, Look};
use super::output::{Counts, ProcessElsewhere, Sockets, SocketsElsewhere, Unread};
use super::picture::{Derived, Owners, Picture};
use crate::case::{Gap, Missing, Observed, Reason};
use crate::probe::elsewhere::{Elsewhere, There};
use crate::probe::process::Names;
use crate::sys::sock_diag::{
    ALL_STATES, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, LASTING_STATES, LISTEN, SocketRow, Transport,
};
use crate::units;

/// Of how many namespaces as many sockets are kept as of this one.
const SHARERS: usize = 8;
/// Listeners, connections and processes of one namespace that are listed.
const LISTENERS: usize = 64;
const CONNECTIONS: u32 = 32;
const PROCESSES: usize = 16;
/// Connections with much unread that are listed, and what is much: a reader that keeps up leaves less, twice in a row.
const UNREAD: usize = 8;
const MUCH: u32 = 32 << 10;

/// What was there at the beginning of the window.
pub(super) struct Early {
    before: Before,
    listening: HashSet<u16>,
}

/// What was there at its end.
pub(super) struct Late {
    early: Option<Early>,
    pub(super) rows: Vec<SocketRow>,
    counts: Counts,
    left_out: u64,
    refused: Option<Gap>,
}

fn look(states: u32, most: usize) -> Result<(Look, Option<Gap>), Gap> {
    let mut eye = Eye::open().keeping(most / SHARERS, false);
    let look = eye.look(states)?;
    Ok((look, eye.refused.tcp))
}

/// The first look at the sockets of the calling thread's network namespace.
pub(super) fn first(most: usize) -> Result<Early, Gap> {
    let (look, _) = look(LASTING_STATES, most)?;
    let mut early = Early { before: Before::default(), listening: HashSet::new() };
    for row in &look.rows {
        early.before.add(row);
        if row.transport == Transport::Tcp && row.state == LISTEN {
            early.listening.insert(row.local_port);
        }
    }
    if look.left_out > 0 {
        early.before.is_partial();
    }
    Ok(early)
}

/// The last look.
pub(super) fn last(early: Option<Early>, most: usize) -> Result<Late, Gap> {
    let (look, refused) = look(ALL_STATES, most)?;
    Ok(Late { early, rows: look.rows, counts: look.counts, left_out: look.left_out, refused })
}

/// Adds what was seen elsewhere to the result of this namespace, with the same knowledge of who holds sockets.
pub(super) fn add(seen: &mut Observed<Sockets>, others: Elsewhere<Late>, own: &Picture<'_>, names: &mut Names) {
    let mut inside = Vec::new();
    let mut miss = |fields: &[&str], gap: Gap| {
        inside.push(Missing { fields: fields.iter().map(|field| (*field).to_owned()).collect(), gap });
    };
    let (mut unowned, mut held) = (0, 0);
    let mut rows = Vec::new();
    for there in &others.seen {
        let late = &there.seen;
        let view = View { late, own, seconds: there.seconds };
        let derived = view.derive();
        held += derived.iter().filter(|socket| socket.row.inode != 0).count();
        unowned += derived.iter().filter(|socket| socket.row.inode != 0 && socket.pid.is_none()).count();
        if let Some(gap) = &late.refused {
            miss(&["tcp_rx_bytes", "tcp_tx_bytes", "listeners.backlog", "processes.rx_bytes"], gap.clone());
        }
        if late.left_out > 0 {
            let tried = format!("keep {} sockets of another network namespace", units::count(late.left_out as f64));
            let gap = Gap::new(Reason::Failed, tried, "they take more memory than the run may");
            miss(&["connections", "processes"], gap.to_fix("allow more memory: --max-memory 1GB"));
        }
        rows.push(view.compose(&derived, there, names));
    }
    if let Some(gap) = own.owners.gap(unowned, held) {
        miss(&["processes", "listeners.process", "connections.process"], gap);
    }
    others.say_what_is_missing(inside, &mut seen.missing);
    seen.output.elsewhere_left_out = others.left_out;
    seen.output.elsewhere = others.tells().then_some(rows);
}

/// What is derived of one namespace.
struct View<'a> {
    late: &'a Late,
    own: &'a Picture<'a>,
    seconds: f64,
}

impl<'a> View<'a> {
    fn owners(&self) -> &Owners<'a> {
        &self.own.owners
    }

    fn derive(&self) -> Vec<Derived<'a>> {
        let rows = &self.late.rows;
        let mut by_port: HashMap<u16, i32> = HashMap::new();
        for row in rows.iter().filter(|row| row.transport == Transport::Tcp && row.state == LISTEN) {
            if let Some(holders) = self.owners().holders(row.inode) {
                by_port.entry(row.local_port).or_insert(holders.lowest);
            }
        }
        let before = self.late.early.as_ref().map(|early| &early.before);
        rows.iter().map(|row| Derived::of(row, before, self.owners(), &by_port)).collect()
    }

    fn compose(&self, derived: &[Derived<'_>], there: &There<Late>, names: &mut Names) -> SocketsElsewhere {
        let late = self.late;
        let grows = late.early.is_some() && late.refused.is_none() && growth_is_counted(&late.rows);
        let params = super::Params { limit: self.own.params.limit.min(CONNECTIONS), ..self.own.params.clone() };
        let mut ended = HashSet::new();
        let nowhere = HashSet::new();
        let listening = late.early.as_ref().map_or(&nowhere, |early| &early.listening);
        let all_seen = self.owners().saw_everything();
        let (mut listeners, listeners_left_out) = lists::listeners(derived, &params, all_seen, names, &mut ended);
        let cut = listeners.len().saturating_sub(LISTENERS) as u64;
        listeners.truncate(LISTENERS);
        let (connections, connections_left_out) =
            lists::connections(derived, &params, listening, self.seconds, names, &mut ended);
        let unread = self.unread(derived, names);
        let ranked = Traffic::of(derived, self.owners()).ranked();
        let processes = ranked.into_iter().take(PROCESSES).filter_map(|(pid, moved)| {
            Some(ProcessElsewhere {
                process: names.get(pid)?.clone(),
                connections: moved.connections,
                rx_bytes: grows.then_some(moved.rx_bytes),
                tx_bytes: grows.then_some(moved.tx_bytes),
            })
        });
        let total = |part: fn(&Derived<'_>) -> Option<u64>| {
            let tcp = derived.iter().filter(|socket| socket.row.transport == Transport::Tcp);
            grows.then(|| tcp.filter_map(part).fold(0, u64::saturating_add))
        };
        SocketsElsewhere {
            namespace: there.number,
            label: there.label.clone(),
            pid: there.pid,
            ends: there.ends.clone(),
            seconds: self.seconds,
            counts: late.counts,
            listeners,
            listeners_left_out: listeners_left_out + cut,
            connections,
            connections_left_out,
            unread,
            processes: processes.collect(),
            tcp_rx_bytes: total(|socket| socket.growth.rx),
            tcp_tx_bytes: total(|socket| socket.growth.tx),
        }
    }

    /// Connections of which much waited to be read at both looks.
    fn unread(&self, derived: &[Derived<'a>], names: &mut Names) -> Vec<Unread> {
        let Some(early) = &self.late.early else { return Vec::new() };
        let waits = |socket: &Derived<'a>| {
            let row = socket.row;
            // One that was closed in one direction carries the other on.
            let is_open = matches!(row.state, ESTABLISHED | CLOSE_WAIT | FIN_WAIT1 | FIN_WAIT2);
            let is_open = row.transport == Transport::Tcp && is_open;
            let before = early.before.get(row.cookie).map_or(0, |earlier| earlier.unread);
            (is_open && row.cookie != 0 && row.receive_queue >= MUCH && before >= MUCH).then_some((*socket, before))
        };
        let mut found: Vec<(Derived<'_>, u32)> = derived.iter().filter_map(waits).collect();
        found.sort_by_key(|(socket, _)| Reverse(socket.row.receive_queue));
        let listed = found.into_iter().take(UNREAD).map(|(socket, queue_before)| Unread {
            local_address: socket.row.local,
            local_port: socket.row.local_port,
            remote_address: socket.row.remote,
            remote_port: socket.row.remote_port,
            process: socket.pid.and_then(|pid| names.get(pid).cloned()),
            queue: socket.row.receive_queue,
            queue_before,
            rx_bytes: socket.growth.rx,
        });
        listed.collect()
    }
}
