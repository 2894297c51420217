//! Which process holds a socket: one pass over the descriptors of all processes, by the kernel's own walk where it allows one,
//! else by `/proc`. Both find the same.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::readlinkat;

use super::descriptor_walk::DescriptorWalk;
use crate::probe::Context;
use crate::probe::process::all_are_ours_to_see;

/// Most threads that a pass uses: reading descriptors is the kernel's work, and the host is in trouble already.
const THREADS: usize = 2;

/// After how many descriptors of one process the clock is looked at.
const CLOCK_EVERY: usize = 512;

/// Most holders of one socket that are remembered: the workers of a server that forks them beforehand are fewer.
const SHARERS: usize = 64;

/// Most sockets whose holders are remembered one by one.
const SHARED_SOCKETS: usize = 4096;

/// The processes that hold one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holders {
    /// Lowest process id, but 1 only when nobody else holds it: systemd keeps the sockets that it passes on.
    pub(super) lowest: i32,
    /// Highest process id.
    pub(super) highest: i32,
    /// How many processes hold it.
    pub(super) count: u32,
}

impl Holders {
    fn new(pid: i32) -> Self {
        Holders { lowest: pid, highest: pid, count: 1 }
    }

    fn add(&mut self, pid: i32) {
        if pid == self.highest || pid == self.lowest {
            return; // two descriptors of one process
        }
        if pid != 1 && (pid < self.lowest || self.lowest == 1) {
            self.lowest = pid;
        }
        self.highest = self.highest.max(pid);
        self.count += 1;
    }

    /// The process that serves a connection. A server forks a child for it and may keep its own descriptor open: the
    /// child has the higher id. `listener` is the process that listens on its port, if one does.
    pub(super) fn server(&self, listener: Option<i32>) -> i32 {
        if Some(self.highest) == listener { self.lowest } else { self.highest }
    }
}

/// A pass over the processes' descriptors, which can be broken off and resumed.
#[derive(Debug, Default)]
pub(super) struct OwnerScan {
    /// The kernel's own walk. Where there is none, `/proc` is gone through.
    walk: Option<DescriptorWalk>,
    /// Processes that are still to be looked at.
    pids: Vec<i32>,
    /// Processes that the first pass was made over.
    looked_at: Vec<i32>,
    holders: HashMap<u32, Holders>,
    /// What the first pass found, once there is a second.
    earlier: HashMap<u32, Holders>,
    /// All holders of the sockets that have more than one, systemd apart.
    shared: HashMap<u32, Vec<i32>>,
    /// Processes that would not show their descriptors, those of other network namespaces apart.
    pub(super) denied: u32,
    /// Other users' processes are hidden from us (`hidepid`).
    pub(super) hidden: bool,
}

impl OwnerScan {
    /// Prepares a pass over all processes that there are now.
    pub(super) fn prepare() -> io::Result<Self> {
        match DescriptorWalk::prepare() {
            Some(walk) => Ok(OwnerScan { walk: Some(walk), ..OwnerScan::default() }),
            None => OwnerScan::by_proc(),
        }
    }

    /// Prepares a pass by `/proc`.
    fn by_proc() -> io::Result<Self> {
        let pids = processes()?;
        let hidden = !fs::exists("/proc/1").unwrap_or(false);
        Ok(OwnerScan { looked_at: pids.clone(), pids, hidden, ..OwnerScan::default() })
    }

    /// Makes ready for a second pass, which finds sockets that are new. By `/proc`, in new processes first, since a server that
    /// forks leaves a new connection to its child; then in those that hold sockets; then in all others.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        if self.walk.as_mut().is_none_or(|walk| walk.renew().is_err()) {
            self.walk = None;
            let holding = self.processes();
            let looked_at: HashSet<i32> = self.looked_at.iter().copied().collect();
            self.pids = processes()?;
            self.pids.sort_by_key(|pid| (looked_at.contains(pid), !holding.contains_key(pid), std::cmp::Reverse(*pid)));
        }
        self.earlier.extend(self.holders.drain());
        self.denied = 0;
        Ok(())
    }

    /// Whether every process has been looked at.
    pub(super) fn is_complete(&self) -> bool {
        self.pids.is_empty() && self.walk.as_ref().is_none_or(DescriptorWalk::is_complete)
    }

    /// How many descriptors of sockets were found and not remembered, since memory is bounded.
    pub(super) fn left_out(&self) -> u64 {
        self.walk.as_ref().map_or(0, |walk| walk.left_out)
    }

    /// Whether the owners of all sockets of this host could be seen, so that one without an owner is the kernel's.
    pub(super) fn saw_everything(&self) -> bool {
        self.is_complete() && self.left_out() == 0 && self.denied == 0 && !self.hidden && all_are_ours_to_see()
    }

    /// Who holds the socket with this inode.
    pub(super) fn holders(&self, inode: u32) -> Option<&Holders> {
        self.earlier.get(&inode).or_else(|| self.holders.get(&inode)).filter(|_| inode != 0)
    }

    /// All processes that hold the socket with this inode, where there are several.
    pub(super) fn sharers(&self, inode: u32) -> &[i32] {
        self.shared.get(&inode).map_or(&[], Vec::as_slice)
    }

    /// Every process that was named as a holder, with how many sockets it holds.
    pub(super) fn processes(&self) -> HashMap<i32, u32> {
        let mut processes = HashMap::new();
        for holders in self.earlier.values().chain(self.holders.values()) {
            *processes.entry(holders.lowest).or_default() += 1;
            if holders.highest != holders.lowest {
                *processes.entry(holders.highest).or_default() += 1;
            }
        }
        for pid in self.shared.values().flatten() {
            processes.entry(*pid).or_insert(1);
        }
        processes
    }

    /// Looks until done, until `deadline`, or until nothing is `wanted` any more, where that is given.
    pub(super) fn run(&mut self, deadline: Instant, wanted: Option<&mut HashSet<u32>>, cx: &Context) {
        let Some(walk) = &mut self.walk else { return self.run_by_proc(deadline, wanted, cx) };
        let mut links = Vec::new();
        if walk.run(deadline, &mut links, cx).is_err()
            && let Ok(pids) = processes()
        {
            // What a walk found that failed is found again.
            self.walk = None;
            self.holders.clear();
            (self.looked_at, self.pids) = (pids.clone(), pids);
            return self.run_by_proc(deadline, wanted, cx);
        }
        let Some(wanted) = wanted else { return self.add(links) };
        for (inode, _) in &links {
            wanted.remove(inode);
        }
        // A process may be kept from the walk. So what nobody seems to hold is looked for by `/proc` in processes of which the
        // walk said nothing: it tells which of them may not be seen.
        if walk.is_complete() && !wanted.is_empty() {
            match processes() {
                Ok(pids) => self.pids = pids.into_iter().filter(|pid| !walk.holds_sockets(*pid)).collect(),
                Err(_) => self.hidden = true,
            }
        }
        self.add(links);
        if !self.pids.is_empty() {
            self.run_by_proc(deadline, Some(wanted), cx);
        }
    }

    /// The same by `/proc`.
    fn run_by_proc(&mut self, deadline: Instant, wanted: Option<&mut HashSet<u32>>, cx: &Context) {
        let (next, denied) = (AtomicUsize::new(0), AtomicU32::new(0));
        let (found, unfinished) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let wanted = wanted.map(Mutex::new);
        let pids = std::mem::take(&mut self.pids);
        let work = &|| {
            let mut links = Vec::new();
            while Instant::now() < deadline {
                cx.throttle();
                if wanted
                    .as_ref()
                    .is_some_and(|wanted| wanted.lock().unwrap_or_else(PoisonError::into_inner).is_empty())
                {
                    break;
                }
                let Some(pid) = pids.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                let start = links.len();
                match sockets_of(*pid, deadline, &mut links) {
                    Ok(true) => {}
                    Ok(false) => unfinished.lock().unwrap_or_else(PoisonError::into_inner).push(*pid),
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        denied.fetch_add(u32::from(!is_elsewhere(*pid)), Ordering::Relaxed);
                    }
                    Err(_) => {} // it ended meanwhile, and its sockets with it
                }
                if let (Some(wanted), Some(new)) = (&wanted, links.get(start..)) {
                    let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
                    for (inode, _) in new {
                        wanted.remove(inode);
                    }
                }
            }
            found.lock().unwrap_or_else(PoisonError::into_inner).push(links);
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        std::thread::scope(|scope| {
            for _ in 1..threads {
                // Where no further thread can be made, those that there are do it all.
                if std::thread::Builder::new().spawn_scoped(scope, || cx.helping(work)).is_err() {
                    break;
                }
            }
            work();
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.add(found.drain(..).flatten().collect());
        self.denied += denied.into_inner();
        self.pids = unfinished.into_inner().unwrap_or_else(PoisonError::into_inner);
        let begun = next.into_inner().min(pids.len());
        self.pids.extend(pids.get(begun..).unwrap_or_default());
        if wanted.is_some_and(|wanted| wanted.into_inner().unwrap_or_else(PoisonError::into_inner).is_empty()) {
            self.pids.clear(); // nothing more to look for
        }
    }

    /// Notes who holds which socket.
    fn add(&mut self, mut links: Vec<(u32, i32)>) {
        if self.holders.is_empty() {
            self.holders.reserve(links.len());
        }
        // In rising order of process, so that counts of holders are right.
        links.sort_by_key(|(_, pid)| *pid);
        for (inode, pid) in links {
            match self.holders.entry(inode) {
                Entry::Vacant(entry) => {
                    entry.insert(Holders::new(pid));
                }
                Entry::Occupied(mut entry) => {
                    let first = entry.get().highest;
                    entry.get_mut().add(pid);
                    share(&mut self.shared, inode, first, pid);
                }
            }
        }
    }
}

/// Remembers that two processes hold a socket.
fn share(shared: &mut HashMap<u32, Vec<i32>>, inode: u32, first: i32, other: i32) {
    if first == other || (shared.len() == SHARED_SOCKETS && !shared.contains_key(&inode)) {
        return;
    }
    let sharers = shared.entry(inode).or_default();
    for pid in [first, other] {
        if pid != 1 && sharers.len() < SHARERS && !sharers.contains(&pid) {
            sharers.push(pid);
        }
    }
}

/// The ids of all processes.
fn processes() -> io::Result<Vec<i32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// Whether a process lives in another network namespace. Which one it is, is shown to whoever may see its descriptors; but
/// each namespace has files of its own below `/proc/PID/net`, and their inode numbers are shown to all.
fn is_elsewhere(pid: i32) -> bool {
    let table = |process: &str| fs::metadata(format!("/proc/{process}/net/dev")).map(|file| file.ino());
    let (here, there) = (table("thread-self"), table(&pid.to_string()));
    here.is_ok_and(|here| there.is_ok_and(|there| there != here))
}

/// Adds the inodes of the sockets that a process holds; false when the deadline came first.
fn sockets_of(pid: i32, deadline: Instant, links: &mut Vec<(u32, i32)>) -> io::Result<bool> {
    let path = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&path)?;
    let directory = fs::File::open(&path)?;
    let start = links.len();
    for (number, entry) in entries.enumerate() {
        let Ok(entry) = entry else { break };
        if number % CLOCK_EVERY == CLOCK_EVERY - 1 && Instant::now() >= deadline {
            links.truncate(start);
            return Ok(false);
        }
        let target = match readlinkat(&directory, entry.file_name().as_os_str()) {
            Ok(target) => target,
            // Root without CAP_SYS_PTRACE may list another's descriptors, but not follow them.
            Err(Errno::EACCES | Errno::EPERM) => return Err(io::ErrorKind::PermissionDenied.into()),
            Err(_) => continue, // closed meanwhile
        };
        if let Some(inode) = target.to_str().and_then(socket_inode) {
            links.push((inode, pid));
        }
    }
    Ok(true)
}

/// The inode in `socket:[12345]`.
fn socket_inode(target: &str) -> Option<u32> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    #[test]
    fn a_socket_that_systemd_passed_on_belongs_to_the_service() {
        let mut holders = Holders::new(1);
        holders.add(812);
        assert_eq!(holders, Holders { lowest: 812, highest: 812, count: 2 });
        assert_eq!(Holders::new(1).lowest, 1);
    }

    #[test]
    fn all_holders_of_a_shared_socket_are_remembered_but_systemd() {
        let mut shared = HashMap::new();
        for (first, other) in [(1, 812), (812, 813), (813, 813), (813, 814)] {
            share(&mut shared, 7, first, other);
        }
        assert_eq!(shared[&7], [812, 813, 814]);
    }

    #[test]
    fn of_a_forked_server_the_child_serves_the_connection() {
        let mut holders = Holders::new(700);
        holders.add(900);
        holders.add(900);
        assert_eq!((holders.count, holders.server(Some(700))), (2, 900));
        assert_eq!(holders.server(Some(900)), 700, "process ids began anew between parent and child");
    }

    #[test]
    fn a_pass_finds_a_socket_of_our_own_and_ends_early_once_it_did() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let inode = socket_inode(link.to_str().unwrap()).unwrap();
        for mut scan in [OwnerScan::prepare().unwrap(), OwnerScan::by_proc().unwrap()] {
            let mut wanted = HashSet::from([inode]);
            scan.run(Instant::now() + Duration::from_secs(20), Some(&mut wanted), &Context::alone());
            assert_eq!(scan.holders(inode).unwrap().lowest, std::process::id() as i32);
            assert!(scan.is_complete());
        }
    }

    #[test]
    fn a_second_pass_finds_a_socket_that_is_new() {
        for mut scan in [OwnerScan::prepare().unwrap(), OwnerScan::by_proc().unwrap()] {
            scan.run(Instant::now() + Duration::from_secs(20), None, &Context::alone());
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
            let inode = socket_inode(link.to_str().unwrap()).unwrap();
            assert_eq!(scan.holders(inode), None);
            scan.renew().unwrap();
            let mut wanted = HashSet::from([inode]);
            scan.run(Instant::now() + Duration::from_secs(20), Some(&mut wanted), &Context::alone());
            assert_eq!(scan.holders(inode).unwrap().lowest, std::process::id() as i32);
        }
    }

    #[test]
    fn a_pass_whose_time_is_over_can_be_resumed() {
        for mut scan in [OwnerScan::prepare().unwrap(), OwnerScan::by_proc().unwrap()] {
            scan.run(Instant::now(), None, &Context::alone());
            assert!(!scan.is_complete());
            scan.run(Instant::now() + Duration::from_secs(20), None, &Context::alone());
            assert!(scan.is_complete());
        }
    }

    #[test]
    fn only_links_to_sockets_have_a_sockets_inode() {
        assert_eq!(socket_inode("socket:[4021]"), Some(4021));
        for other in ["pipe:[4021]", "socket:[]", "socket:[99999999999]", "/tmp/socket:[1]", ""] {
            assert_eq!(socket_inode(other), None, "{other}");
        }
    }
}
