//! What was seen of the sockets in one window, before anything is said about it.

use std::collections::{HashMap, HashSet};

use super::closed::ClosedSockets;
use super::growth::{Before, Growth};
use super::look::Refused;
use super::output::Counts;
use super::take::Taken;
use super::tally::Tally;
use super::unix_look::Waited;
use super::{MOST_ROWS, Params};
use crate::case::{Gap, Reason};
use crate::probe::process::Activity;
use crate::probe::socket_owners::{Holders, OwnerScan};
use crate::sys::sock_diag::{LISTEN, SocketRow, Transport};
use crate::units;

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

/// All that was seen.
pub(super) struct Picture<'a> {
    pub(super) params: &'a Params,
    pub(super) seconds: f64,
    /// Sockets at the end.
    pub(super) rows: &'a [SocketRow],
    /// All there were at the end, by state.
    pub(super) counts: Counts,
    /// Sockets that were counted and not kept.
    pub(super) left_out: u64,
    /// Connections that were opened here, by remote end.
    pub(super) outgoing: &'a Tally,
    /// Sockets at the beginning, if there was a window.
    pub(super) before: Option<&'a Before>,
    /// Ports that something listened on at the beginning.
    pub(super) listening: &'a HashSet<u16>,
    pub(super) closed: Result<ClosedSockets, Gap>,
    pub(super) owners: Owners<'a>,
    /// What the processes had done at the beginning, and at the end.
    pub(super) earlier: &'a HashMap<i32, Activity>,
    pub(super) now: &'a HashMap<i32, Activity>,
    /// Bytes of files that all processes of the machine changed in the window.
    pub(super) machine_written: Option<u64>,
    /// Why the kernel's socket diagnosis was not used.
    pub(super) refused: Refused,
    /// What processes took from their sockets and gave to them; none where nobody asked.
    pub(super) taken: Option<Result<Taken, Gap>>,
    /// Unix sockets at which somebody waits.
    pub(super) unix: Result<&'a [Waited], Gap>,
    /// How many waited at each at the beginning, by inode.
    pub(super) unix_before: Option<&'a HashMap<u32, u32>>,
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

impl<'a> Derived<'a> {
    /// Of a socket, by what was there `before`, who holds it, and who listens on its port.
    pub(super) fn of(
        row: &'a SocketRow,
        before: Option<&Before>,
        owners: &Owners<'_>,
        listener_by_port: &HashMap<u16, i32>,
    ) -> Self {
        let holders = owners.holders(row.inode);
        let connection = row.transport == Transport::Tcp && row.state != LISTEN;
        let pid = holders.map(|holders| {
            if connection { holders.server(listener_by_port.get(&row.local_port).copied()) } else { holders.lowest }
        });
        let growth = before.map_or_else(Growth::default, |before| before.growth(row));
        Derived { row, growth, pid, owners: holders.map_or(0, |holders| holders.count) }
    }
}

/// Bits per second.
pub(super) fn rate(bytes: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| bytes as f64 * 8.0 / seconds)
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

    pub(super) fn sharers(&self, inode: u32) -> &[i32] {
        match self {
            Owners::Seen(scan) => scan.sharers(inode),
            _ => &[],
        }
    }

    pub(super) fn saw_everything(&self) -> bool {
        matches!(self, Owners::Seen(scan) if scan.saw_everything())
    }

    /// Why the owners of `unowned` sockets, of `all`, are not known; nothing when there is nothing to know.
    pub(super) fn gap(&self, unowned: usize, all: usize) -> Option<Gap> {
        let tried = format!("name the owners of {unowned} of {all} sockets");
        match self {
            _ if unowned == 0 => None,
            Owners::NotAsked => {
                let gap = Gap::new(Reason::Absent, tried, "the parameter `owners` is false: nobody asked");
                Some(gap.to_fix("leave `owners` true"))
            }
            Owners::Refused(gap) => Some(gap.clone()),
            Owners::Seen(scan) if scan.denied > 0 || scan.hidden => {
                let tried =
                    format!("name the owners of {unowned} of {all} sockets: their processes show no descriptors");
                Some(Gap::denied(tried, "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"))
            }
            Owners::Seen(scan) if !scan.is_complete() => {
                let gap =
                    Gap::new(Reason::TimedOut, tried, "the processes hold too many descriptors to look at in time");
                Some(gap.to_fix("give a longer window"))
            }
            Owners::Seen(scan) if scan.left_out() > 0 => {
                let left_out = units::count(scan.left_out() as f64);
                let why = format!("{left_out} descriptors of sockets take more memory than the run may");
                Some(Gap::new(Reason::Failed, tried, why).to_fix("allow more memory: --max-memory 1GB"))
            }
            Owners::Seen(scan) if scan.saw_everything() => None, // they are the kernel's, or of connections left to die
            Owners::Seen(_) => {
                let why = "their processes are not of this process namespace";
                Some(Gap::new(Reason::Absent, tried, why).to_fix("run on the host, not in a container"))
            }
        }
    }
}
