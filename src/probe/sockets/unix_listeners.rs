//! Unix sockets at which connections wait to be accepted: an application server behind one has no port, and TCP shows nothing of it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::output::UnixListener;
use super::picture::Owners;
use super::unix_look::Waited;
use crate::case::Process;
use crate::printable::printable;
use crate::probe::process::Names;

/// Who listens and who waits.
pub(super) fn named(
    waited: &[Waited],
    before: Option<&HashMap<u32, u32>>,
    owners: &Owners<'_>,
    names: &mut Names,
    ended: &mut HashSet<i32>,
) -> Vec<UnixListener> {
    let mut name = |pid: Option<i32>| {
        let process: Option<Process> = names.get(pid?).cloned();
        if process.is_none() {
            ended.extend(pid);
        }
        process
    };
    let listed = waited.iter().map(|Waited { row, waiting }| {
        let holders = owners.holders(row.inode);
        let clients = waiting.iter().filter_map(|inode| Some(owners.holders(*inode)?.highest));
        UnixListener {
            name: shown(&row.name),
            process: name(holders.map(|holders| holders.lowest)),
            owners: holders.map_or(0, |holders| holders.count),
            queue: row.queue,
            queue_before: before.map(|before| before.get(&row.inode).copied().unwrap_or(0)),
            backlog: row.backlog,
            client: name(commonest(clients)),
        }
    });
    listed.collect()
}

/// The one that occurs most often; of several the lowest.
fn commonest(pids: impl Iterator<Item = i32>) -> Option<i32> {
    let mut counts: HashMap<i32, u32> = HashMap::new();
    for pid in pids {
        *counts.entry(pid).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(pid, count)| (*count, Reverse(*pid))).map(|(pid, _)| pid)
}

/// A path as it is, an abstract name as tools show it: behind `@`.
fn shown(name: &[u8]) -> String {
    match name {
        [0, name @ ..] => format!("@{}", printable(name)),
        path => printable(path.strip_suffix(b"\0").unwrap_or(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_tools_do() {
        assert_eq!(shown(b"/run/app.sock\0"), "/run/app.sock");
        assert_eq!(shown(b"\0app"), "@app");
        assert_eq!(shown(b"/run/\x1b[2J"), r"/run/\u{1b}[2J");
        assert_eq!((commonest([7, 9, 9].into_iter()), commonest([9, 7].into_iter())), (Some(9), Some(7)));
    }
}
