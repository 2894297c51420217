//! A look at the Unix sockets at which connections wait to be accepted.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::case::{Gap, Reason};
use crate::sys::unix_diag::{UnixDiag, UnixListenerRow};

/// Most of them in the list.
const LISTED: usize = 64;

/// Most that are remembered while the kernel tells them.
const MOST: usize = 4096;
/// Most of those that wait at one of them whose processes are looked for.
const LOOKED_UP: usize = 256;

/// How many waited at each listener, by its inode, when the window began.
pub(super) fn queues() -> HashMap<u32, u32> {
    let mut queues = HashMap::new();
    // Where the kernel does not tell, the second look says why.
    let _ = UnixDiag::open().and_then(|mut diagnosis| {
        diagnosis.listeners(|row| {
            if row.queue > 0 && queues.len() < MOST {
                queues.insert(row.inode, row.queue);
            }
        })
    });
    queues
}

/// A listener at which somebody waits, and the inodes of those, as far as the kernel tells.
#[derive(Debug)]
pub(super) struct Waited {
    pub(super) row: UnixListenerRow,
    pub(super) waiting: Vec<u32>,
}

/// Keeps those that are listed, most first.
fn keep(rows: &mut Vec<UnixListenerRow>) {
    rows.sort_by_key(|row| (Reverse(row.queue), row.inode));
    rows.truncate(LISTED);
}

/// Those at which connections wait, most first.
pub(super) fn read() -> Result<Vec<Waited>, Gap> {
    let cannot = |error: std::io::Error| {
        let gap = Gap::io("see who waits at Unix sockets (NETLINK_SOCK_DIAG)", &error);
        if gap.reason == Reason::Denied { gap } else { gap.to_fix("load the module unix_diag (modprobe unix_diag)") }
    };
    let mut diagnosis = UnixDiag::open().map_err(cannot)?;
    let mut rows = Vec::new();
    diagnosis
        .listeners(|row| {
            if row.queue > 0 {
                rows.push(row);
            }
            // Whoever likes can make them many.
            if rows.len() >= MOST {
                keep(&mut rows);
            }
        })
        .map_err(cannot)?;
    keep(&mut rows);
    let waited = rows.into_iter().map(|row| {
        let mut waiting = diagnosis.waiting(&row).unwrap_or_default();
        waiting.truncate(LOOKED_UP);
        Waited { row, waiting }
    });
    Ok(waited.collect())
}

/// Every socket that is to have an owner.
pub(super) fn inodes(waited: &[Waited]) -> impl Iterator<Item = u32> {
    waited.iter().flat_map(|waited| [waited.row.inode].into_iter().chain(waited.waiting.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener as Listener, UnixStream};

    #[test]
    fn a_listener_is_listed_while_somebody_waits_at_it() {
        let name = format!("casebook-waits-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = Listener::bind_addr(&address).unwrap();
        let is_ours = |waited: &Waited| waited.row.name.get(1..) == Some(name.as_bytes());
        assert!(!read().unwrap().iter().any(is_ours));
        let _clients: Vec<_> = (0..3).map(|_| UnixStream::connect_addr(&address).unwrap()).collect();
        let (waited, queues) = (read().unwrap(), queues());
        let ours = waited.iter().find(|waited| is_ours(waited)).unwrap();
        assert_eq!((ours.row.queue, ours.waiting.len(), queues.get(&ours.row.inode)), (3, 3, Some(&3)));
        drop(listener);
    }
}
