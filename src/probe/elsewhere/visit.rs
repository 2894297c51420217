//! Looks into network namespaces, one after the other: links, addresses, sockets.

use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::probe::Context;
use crate::sys::network_namespace::{NetworkNamespace, Visitor};
use crate::sys::rtnetlink::{Link, LinkAddress, Rtnetlink};
use crate::sys::sock_diag::{
    CLOSE, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, LISTEN, SockDiag, SocketRow, Transport,
};

/// Links of one namespace that are remembered.
const MOST_LINKS: usize = 512;
/// Addresses of one namespace that are remembered.
const MOST_ADDRESSES: usize = 1024;
/// Sockets of one namespace that are remembered.
const MOST_SOCKETS: usize = 4096;
/// Links of all namespaces that are remembered: some 15 MB.
const ALL_LINKS: usize = 49_152;
/// Addresses and sockets of all namespaces that are remembered: some 15 MB. What one has takes no room from the links of others.
const ALL_OTHERS: usize = 98_304;

/// Namespaces that are looked into even if the time for it went by, and for how long that holds.
const FIRST_FEW: usize = 4;
const WAITED: Duration = Duration::from_millis(1000);

/// How a namespace is reached.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// Its number.
    pub number: u64,
    /// Processes that live in it, the first of which that still does is the way in.
    pub pids: Vec<i32>,
    /// The file that it is mounted on.
    pub path: Option<PathBuf>,
}

impl Way {
    /// Opens it; another one that has taken the process's or the file's place is none.
    pub fn open(&self) -> io::Result<NetworkNamespace> {
        let by_process = self.pids.iter().map(|pid| NetworkNamespace::of_process(*pid));
        let by_path = self.path.iter().map(|path| NetworkNamespace::at(path));
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for opened in by_process.chain(by_path) {
            match opened {
                Ok(namespace) if namespace.number == self.number => return Ok(namespace),
                Ok(_) => {}
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Links and their counters.
    Links,
    /// Addresses and listening sockets as well.
    Sockets,
    /// TCP connections as well.
    Connections,
}

/// What was seen of a namespace at one moment.
#[derive(Debug, Default)]
pub struct Look {
    /// Its links, with their counters.
    pub links: Vec<Link>,
    /// Whether there are more.
    pub links_cut: bool,
    /// The number by which it knows the namespace that is looked from, where one of its links leads there.
    pub here: Option<i32>,
    pub addresses: Vec<LinkAddress>,
    /// Whether there are more.
    pub addresses_cut: bool,
    /// Listening TCP sockets and UDP sockets; none where they were not read.
    pub listeners: Option<Vec<SocketRow>>,
    /// How many did not fit.
    pub listeners_left_out: u64,
    /// TCP connections; none where they were not read.
    pub connections: Option<Vec<SocketRow>>,
    /// How many did not fit.
    pub connections_left_out: u64,
}

impl Look {
    /// Whether it has loopback alone.
    pub fn is_alone(&self) -> bool {
        !self.links_cut && self.links.iter().all(|link| link.name == "lo")
    }
}

/// What came of a round through namespaces.
#[derive(Debug, Default)]
pub struct Round {
    /// What was seen, by the place of the way; none of those that are gone.
    pub looks: Vec<Option<Look>>,
    /// Namespaces that could not be entered for want of a right.
    pub denied: u64,
    /// Namespaces that were not reached in time.
    pub not_reached: u64,
    /// Namespaces that could not be read otherwise, with the first reason.
    pub failed: u64,
    pub why: Option<String>,
}

/// Goes through namespaces in their order, until `deadline`, on a thread that ends afterwards, while the calling one does
/// something of its `own`.
pub fn round<R>(
    ways: &[(&Way, Depth)],
    deadline: Instant,
    cx: &Context,
    own: impl FnOnce() -> R,
) -> (io::Result<Round>, R) {
    let (seen, done) = Visitor::beside(|visitor| cx.helping(|| go_round(visitor, ways, deadline, cx)), own);
    (seen.flatten(), done)
}

fn go_round(visitor: &mut Visitor, ways: &[(&Way, Depth)], deadline: Instant, cx: &Context) -> io::Result<Round> {
    let here = NetworkNamespace::current()?;
    let mut round = Round::default();
    let mut room = Room { links: ALL_LINKS, others: ALL_OTHERS };
    for (at, (way, depth)) in ways.iter().enumerate() {
        if is_over(deadline, at) {
            round.not_reached = (ways.len() - round.looks.len()) as u64;
            break;
        }
        cx.throttle();
        let looked = way.open().and_then(|namespace| {
            visitor.enter(&namespace)?;
            // What is opened in it stays of it, and is closed with the look.
            look(&here, *depth, &mut room, deadline)
        });
        if let Err(error) = &looked {
            match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EPERM | Errno::EACCES) => round.denied += 1,
                // It ended meanwhile.
                Some(Errno::ENOENT | Errno::ESRCH) => {}
                None if error.kind() == io::ErrorKind::NotFound => {}
                _ => {
                    round.failed += 1;
                    round.why.get_or_insert_with(|| error.to_string());
                }
            }
        }
        round.looks.push(looked.ok());
    }
    Ok(round)
}

/// Whether the time is over for the namespace that is next. On a machine whose CPUs are all busy a thread may wait longer than the
/// work takes: the first few are looked into all the same.
pub fn is_over(deadline: Instant, next: usize) -> bool {
    let now = Instant::now();
    now >= deadline && (next >= FIRST_FEW || now >= deadline + WAITED)
}

/// How much more is remembered.
#[derive(Debug)]
struct Room {
    links: usize,
    others: usize,
}

/// Looks at the namespace that the thread is in. Remembers no more than there is `room` for.
fn look(here: &NetworkNamespace, depth: Depth, room: &mut Room, deadline: Instant) -> io::Result<Look> {
    let mut door = Rtnetlink::open()?;
    let mut look = Look::default();
    (look.links, look.links_cut) = door.links_at_most(MOST_LINKS.min(room.links), deadline)?;
    room.links -= look.links.len();
    if look.links.iter().any(|link| link.elsewhere.is_some()) {
        look.here = door.number_of(here.as_fd())?;
    }
    if depth == Depth::Links {
        return Ok(look);
    }
    let room = &mut room.others;
    (look.addresses, look.addresses_cut) = door.addresses_at_most(MOST_ADDRESSES.min(*room), deadline)?;
    *room -= look.addresses.len();
    let Ok(mut sockets) = SockDiag::open() else { return Ok(look) };
    let mut listeners = Kept::within(*room);
    let heard = sockets.dump(Transport::Tcp, 1 << LISTEN, |row| listeners.add(row));
    let heard =
        heard.and_then(|()| sockets.dump(Transport::Udp, 1 << CLOSE | 1 << ESTABLISHED, |row| listeners.add(row)));
    *room -= listeners.rows.len();
    if heard.is_ok() {
        (look.listeners, look.listeners_left_out) = (Some(listeners.rows), listeners.left_out);
    }
    if depth == Depth::Connections {
        let mut connections = Kept::within(*room);
        // One that was closed in one direction carries the other on, as long as somebody holds it.
        let half_closed = 1 << FIN_WAIT1 | 1 << FIN_WAIT2 | 1 << CLOSE_WAIT;
        let add = |row: SocketRow| {
            if row.state == ESTABLISHED || row.inode != 0 {
                connections.add(row);
            }
        };
        if sockets.dump(Transport::Tcp, 1 << ESTABLISHED | half_closed, add).is_ok() {
            *room -= connections.rows.len();
            (look.connections, look.connections_left_out) = (Some(connections.rows), connections.left_out);
        }
    }
    Ok(look)
}

/// Sockets that are remembered.
#[derive(Debug)]
struct Kept {
    most: usize,
    rows: Vec<SocketRow>,
    left_out: u64,
}

impl Kept {
    fn within(room: usize) -> Self {
        Kept { most: room.min(MOST_SOCKETS), rows: Vec::new(), left_out: 0 }
    }

    fn add(&mut self, row: SocketRow) {
        if self.rows.len() < self.most { self.rows.push(row) } else { self.left_out += 1 }
    }
}
