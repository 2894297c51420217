//! Connections that were opened here, by the remote end that they go to: each of them takes a port of this host's, and the ports
//! run out for each remote end by itself. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::output::Outgoing;
use super::picture::Derived;
use super::tally::{Count, Ends, Tally, counts};
use crate::probe::process::Names;
use crate::sys::sock_diag::{ESTABLISHED, TIME_WAIT};

/// Most remote ends in the result.
const LISTED: usize = 16;

/// Most holders that are told apart of the connections to one remote end.
const HOLDERS: usize = 64;

/// Who holds connections.
#[derive(Debug, Default)]
struct Holder {
    connections: u32,
    control_group: u64,
}

/// The list, those with most connections first, with who holds them; and how many connections are not in it. None where the
/// range is not known.
pub(super) fn list(
    tally: &Tally,
    derived: &[Derived<'_>],
    listening: impl Fn(u16) -> bool,
    names: &mut Names,
) -> Option<(Vec<Outgoing>, u64)> {
    let (first_port, last_port) = tally.range?;
    // Of a port that something listens on: connections came in there.
    let mut came_in: HashMap<Ends, Count> = HashMap::new();
    let opened_here = |count: &Count| count.all > 1 || !listening(count.port);
    let ends = tally.by_ends.iter().map(|(ends, count)| (*ends, *count));
    let mut ranked: Vec<(Ends, Count)> = ends.filter(|(_, count)| opened_here(count)).collect();
    ranked.sort_by_key(|(ends, count)| (Reverse(count.all), *ends));
    let rest = ranked.split_off(ranked.len().min(LISTED));
    let mut holders: HashMap<Ends, HashMap<Option<i32>, Holder>> =
        ranked.iter().map(|(ends, _)| (*ends, HashMap::new())).collect();
    for socket in derived.iter().filter(|socket| counts(socket.row)) {
        let row = socket.row;
        let ends = (row.local, row.remote, row.remote_port);
        let Some(of) = holders.get_mut(&ends).filter(|_| (first_port..=last_port).contains(&row.local_port)) else {
            continue;
        };
        if listening(row.local_port) {
            let count = came_in.entry(ends).or_default();
            count.all += 1;
            count.established += u32::from(row.state == ESTABLISHED);
            count.time_wait += u32::from(row.state == TIME_WAIT);
            continue;
        }
        if row.inode != 0 && (of.len() < HOLDERS || of.contains_key(&socket.pid)) {
            let holder = of.entry(socket.pid).or_default();
            holder.connections += 1;
            holder.control_group = row.control_group;
        }
    }
    let left_out = rest.iter().map(|(_, count)| u64::from(count.all)).fold(tally.forgotten, u64::saturating_add);
    let mut listed = Vec::new();
    for (ends, count) in ranked {
        let not_out = came_in.get(&ends).copied().unwrap_or_default();
        let most = holders
            .get(&ends)
            .and_then(|of| of.iter().max_by_key(|(pid, holder)| (holder.connections, pid.is_some(), Reverse(**pid))));
        let process = most.and_then(|(pid, _)| names.get((*pid)?).cloned());
        let group = most.map_or(0, |(_, holder)| holder.control_group);
        let unit = (process.is_none() && group != 0).then(|| names.of_group(group)).flatten();
        let row = Outgoing {
            local_address: ends.0,
            remote_address: ends.1,
            remote_port: ends.2,
            connections: count.all.saturating_sub(not_out.all),
            established: count.established.saturating_sub(not_out.established),
            time_wait: count.time_wait.saturating_sub(not_out.time_wait),
            syn_sent: count.syn_sent,
            held: most.map_or(0, |(_, holder)| holder.connections),
            process,
            unit,
        };
        if row.connections > 0 {
            listed.push(row);
        }
    }
    listed.sort_by_key(|row| Reverse(row.connections));
    Some((listed, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::sockets::growth::Growth;
    use crate::probe::sockets::tally::read_range;
    use crate::sys::sock_diag::{FIN_WAIT2, SYN_RECV, SYN_SENT, SocketRow};
    use std::net::IpAddr;

    fn row(remote: [u8; 4], local_port: u16, state: u8) -> SocketRow {
        let (local, remote) = ([192, 0, 2, 1].into(), remote.into());
        SocketRow { local, remote, local_port, remote_port: 8080, state, ..SocketRow::default() }
    }

    fn listed(tally: &Tally, rows: &[SocketRow], listens: u16) -> (Vec<Outgoing>, u64) {
        let derived: Vec<Derived<'_>> =
            rows.iter().map(|row| Derived { row, growth: Growth::default(), pid: None, owners: 0 }).collect();
        list(tally, &derived, |port| port == listens, &mut Names::new()).unwrap()
    }

    #[test]
    fn connections_are_counted_by_remote_end_and_state_and_those_of_other_ports_are_not() {
        let mut tally = Tally::of_range(read_range("32768\t60999\n"));
        let rows = [
            row([198, 51, 100, 2], 40_000, ESTABLISHED),
            row([198, 51, 100, 2], 40_001, TIME_WAIT),
            row([198, 51, 100, 2], 40_002, TIME_WAIT),
            row([198, 51, 100, 2], 40_003, FIN_WAIT2),
            row([198, 51, 100, 3], 40_000, SYN_SENT),
            row([198, 51, 100, 3], 443, ESTABLISHED),
            row([198, 51, 100, 3], 40_004, SYN_RECV),
        ];
        rows.iter().for_each(|row| tally.add(row));
        let (ends, left_out) = listed(&tally, &rows, 0);
        assert_eq!((ends.len(), left_out), (2, 0));
        let first = &ends[0];
        assert_eq!((first.remote_address, first.remote_port), ([198, 51, 100, 2].into(), 8080));
        assert_eq!((first.connections, first.established, first.time_wait, first.syn_sent), (4, 1, 2, 0));
        assert_eq!((ends[1].connections, ends[1].syn_sent), (1, 1));
    }

    #[test]
    fn what_came_in_at_a_port_of_the_range_that_is_listened_on_is_not_opened_here() {
        let mut tally = Tally::of_range(Some((1024, 65535)));
        let rows = [
            row([198, 51, 100, 2], 8443, ESTABLISHED),
            row([198, 51, 100, 2], 50_000, ESTABLISHED),
            row([198, 51, 100, 3], 8443, TIME_WAIT),
        ];
        rows.iter().for_each(|row| tally.add(row));
        let (ends, _) = listed(&tally, &rows, 8443);
        assert_eq!((ends.len(), ends[0].connections, ends[0].established), (1, 1, 1));
    }

    #[test]
    fn the_end_with_most_is_found_among_any_number_of_others() {
        let mut tally = Tally::of_range(Some((1, 65535)));
        for n in 0..60_000u32 {
            let [_, a, b, c] = n.to_be_bytes();
            tally.add(&row([10, a, b, c], 40_000, TIME_WAIT));
            if n % 3 == 0 {
                tally.add(&row([203, 0, 113, 9], 40_000 + (n % 20_000) as u16, TIME_WAIT));
            }
        }
        assert!(tally.by_ends.len() <= 8192);
        let (ends, left_out) = listed(&tally, &[], 0);
        assert_eq!(ends[0].remote_address, IpAddr::from([203, 0, 113, 9]));
        let missed = 20_000 - ends[0].connections;
        assert!(missed <= 40, "{missed} are missing");
        assert!(left_out > 50_000, "{left_out}");
    }

    #[test]
    fn without_the_range_nothing_is_said() {
        assert_eq!(read_range("32768"), None);
        assert!(list(&Tally::of_range(None), &[], |_| false, &mut Names::new()).is_none());
    }
}
