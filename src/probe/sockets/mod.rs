//! Sockets and the processes that hold them: queues, TCP bytes per process over the window, drops of UDP sockets.

mod closed;
mod compose;
mod elsewhere;
mod growth;
mod lists;
mod look;
mod missing;
mod outgoing;
mod output;
mod paths;
mod picture;
mod proc_net;
mod raw;
mod sink;
mod take;
mod take_program;
mod tally;
mod unix_listeners;
mod unix_look;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::closed::ClosedSockets;
use self::growth::Before;
use self::look::Eye;
pub use self::output::{
    Closed, ClosedPort, Connection, Counts, Listener, Opened, Opening, Outgoing, Path, ProcessElsewhere, ProcessIo,
    ProcessTraffic, RawSocket, Sockets, SocketsElsewhere, UdpReceiver, UnixListener, Unread,
};
use self::picture::{Owners, Picture};
use self::take::{TakeWatch, Taken};
use crate::case::{Gap, Observed, Reason};
use crate::probe::elsewhere::{Looks, visit_beside};
use crate::probe::process::{Activity, Names};
use crate::probe::socket_owners::OwnerScan;
use crate::probe::{Context, Need, Probe};
use crate::sys::sock_diag::{DestroyedSockets, LASTING_STATES, LISTEN, Transport};
use crate::units::{self, Span};

/// How long the window may be held up by the first pass over the processes; what is left of it is done within.
const EARLY_PASS: Duration = Duration::from_millis(120);

/// How long that rest may take. A pass over a million descriptors takes some six seconds of one CPU.
const WHOLE_PASS: Duration = Duration::from_secs(3);

/// How long the second pass may take, after the window.
const LATE_PASS: Duration = Duration::from_millis(700);

/// Most processes whose I/O and CPU time are followed: those with most sockets.
const FOLLOWED: usize = 512;

/// Most rows in a list.
const MOST_ROWS: u32 = 10_000;

/// What is not known without the rights to look into other processes.
const OF_OTHERS: &str =
    "the processes that hold the sockets of other users, where a program in the kernel may not look for them either";

/// What is not known, or found slower, where no program may run in the kernel.
const BY_PROGRAMS: &str = "what each process received and sent over UDP, and itself read and wrote by TCP; the processes that hold \
                           sockets are looked up in /proc, which takes longer";

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct SocketsProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch. 0 looks once: everything but growth.
    pub window: Span,
    /// Whether to name the processes that hold the sockets.
    pub owners: bool,
    /// Most connections and processes in their lists: 1 to 10,000.
    #[schemars(range(min = 1, max = 10000))]
    pub limit: u32,
    /// List only listeners and connections with this local port. Counts and processes are of all.
    pub port: Option<u16>,
    /// List only sockets in this state: `listen` (with UDP sockets), `established`, `syn_sent`, `syn_recv`, `fin_wait1`,
    /// `fin_wait2`, `time_wait`, `close`, `close_wait`, `last_ack` or `closing`. Counts and processes are of all.
    pub state: Option<String>,
    /// Other network namespaces whose sockets are wanted, too: `busiest` (at most eight, those that move most), `all` as
    /// far as there is time, or one by name: that of a container, a pod or `ip netns`, the number of the namespace, or eight
    /// and more digits of a container's id. None of them by default.
    pub namespaces: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10), owners: true, limit: 200, port: None, state: None, namespaces: None }
    }
}

impl Probe for SocketsProbe {
    const NAME: &'static str = "sockets";
    const ABOUT: &'static str =
        "sockets with their processes, queues, drops, and TCP and UDP bytes per process and connection";
    const SOURCE: &'static str = "NETLINK_SOCK_DIAG (tcp_info, skmeminfo, unix_diag, destroy events); the kernel's walk over all descriptors \
                                  (bpf_iter_task_file, Linux 5.8), else /proc/PID/fd; /proc/PID/{fdinfo,cgroup,io,stat}; \
                                  tracepoints sock:sock_recv_length, sock:sock_send_length and sock:inet_sock_set_state, counted in the kernel (bpf), \
                                  /sys/kernel/btf/vmlinux; /proc/net/{raw,raw6,icmp,icmp6,packet}; \
                                  /proc/net/{tcp,tcp6,udp,udp6} where the kernel has no socket diagnosis";
    const REPLACES: &'static [&'static str] = &["ss -tunap", "netstat -tunap", "lsof -i", "nethogs"];
    const NEEDS: &'static [Need] = &[
        Need { what: "CAP_SYS_PTRACE", without: OF_OTHERS },
        Need { what: "CAP_DAC_READ_SEARCH", without: OF_OTHERS },
        Need { what: "CAP_BPF", without: BY_PROGRAMS },
        Need { what: "CAP_PERFMON", without: BY_PROGRAMS },
        Need { what: "CAP_SYS_ADMIN", without: "the sockets of other network namespaces, where they are asked for" },
        Need {
            what: "Linux 6.3",
            without: "what each process received and sent over UDP, and itself read and wrote by TCP",
        },
    ];
    const WIDENED_BY: &'static [&'static str] = &["limit", "namespaces"];
    type Params = Params;
    type Output = Sockets;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Sockets>, Gap> {
        picture::check(&params)?;
        let with_time_wait = params.state.as_deref() == Some("time_wait");
        let mut eye = Eye::open().keeping(look::most_sockets(cx.resources().memory_bytes()), with_time_wait);
        let mut names = Names::new();
        let at_once = params.window.0.is_zero();
        let mut scan = (params.owners && !at_once).then(OwnerScan::prepare).transpose();
        if let Ok(Some(scan)) = &mut scan {
            scan.run(Instant::now() + EARLY_PASS, None, cx);
        }

        let counts_takes = params.owners && !at_once;
        let take = counts_takes.then(TakeWatch::start);

        let begun = cx.start_window();
        let end = begun + params.window.0;
        let take = take.map(|watch| watch.and_then(|watch| Ok((watch.read()?, watch))));
        let most = look::most_sockets(cx.resources().memory_bytes());
        let looks = Looks { first: || elsewhere::first(most), last: |first| elsewhere::last(first, most) };
        let seen = visit_beside(params.namespaces.as_deref(), (begun, params.window.0), cx, looks, || {
            let mut window = Window::default();
            if !at_once {
                window = Window::watch(&mut eye, end, cx, || {
                    let Ok(Some(scan)) = &mut scan else { return HashMap::new() };
                    scan.run(end.min(Instant::now() + WHOLE_PASS), None, cx);
                    follow(scan, &mut names)
                })?;
            }
            let last_look = Instant::now();
            let taken: Option<Result<Taken, Gap>> =
                take.map(|take| take.and_then(|(before, watch)| watch.since(&before)));
            let look = if at_once && params.owners {
                let (found, look) = beside(|| whole_pass(cx), || eye.look_and_tally());
                scan = found.map(Some);
                look?
            } else {
                eye.look_and_tally()?
            };
            Ok((window, last_look, taken, look))
        });
        let (own, others) = seen;
        let (mut window, last_look, taken, look) = own?;
        let now: HashMap<i32, Activity> =
            window.activities.keys().filter_map(|pid| Some((*pid, Activity::read(*pid)?))).collect();
        let unix = unix_look::read();
        if let Ok(Some(scan)) = &mut scan {
            let there = others.iter().flat_map(|others| &others.seen).flat_map(|there| &there.seen.rows);
            let waited = unix.iter().flat_map(|waited| unix_look::inodes(waited));
            find_new_owners(scan, look.rows.iter().chain(there).map(|row| row.inode).chain(waited), cx);
        }

        let owners = match &scan {
            Ok(Some(scan)) => Owners::Seen(scan),
            Ok(None) => Owners::NotAsked,
            Err(error) => Owners::Refused(Gap::io("list the processes (/proc)", error)),
        };
        let picture = Picture {
            params: &params,
            seconds: window.first_look.map_or(0.0, |first| (last_look - first).as_secs_f64()),
            rows: &look.rows,
            counts: look.counts,
            left_out: look.left_out.max(window.left_out),
            outgoing: &look.outgoing,
            before: window.before.as_ref(),
            listening: &window.listening,
            closed: std::mem::replace(&mut window.closed, Err(nothing_closed())),
            owners,
            earlier: &window.activities,
            now: &now,
            machine_written: dirtied_bytes().zip(window.dirtied).and_then(|(now, before)| now.checked_sub(before)),
            refused: std::mem::take(&mut eye.refused),
            taken,
            unix: unix.as_deref().map_err(Gap::clone),
            unix_before: window.unix.as_ref(),
        };
        let mut observed = picture.compose(&mut names);
        if let Some(others) = others {
            elsewhere::add(&mut observed, others, &picture, &mut names);
        }
        Ok(observed)
    }
}

fn nothing_closed() -> Gap {
    Gap::new(Reason::Absent, "watch connections close", "the window is 0").to_fix("give a window")
}

/// What was seen of the window.
#[derive(Debug)]
struct Window {
    first_look: Option<Instant>,
    before: Option<Before>,
    /// Ports that something listened on at its beginning.
    listening: HashSet<u16>,
    closed: Result<ClosedSockets, Gap>,
    activities: HashMap<i32, Activity>,
    /// What all processes of the machine had written to files, at its beginning.
    dirtied: Option<u64>,
    /// Sockets of the first look that were not kept.
    left_out: u64,
    /// How many waited at each Unix socket at its beginning.
    unix: Option<HashMap<u32, u32>>,
}

impl Default for Window {
    fn default() -> Self {
        Window {
            first_look: None,
            before: None,
            listening: HashSet::new(),
            closed: Err(nothing_closed()),
            activities: HashMap::new(),
            dirtied: None,
            left_out: 0,
            unix: None,
        }
    }
}

impl Window {
    /// Looks at all sockets, then collects what closes until `end`; `within` does its work meanwhile.
    fn watch(
        eye: &mut Eye,
        end: Instant,
        cx: &Context,
        within: impl FnOnce() -> HashMap<i32, Activity>,
    ) -> Result<Self, Gap> {
        let cannot =
            |error: &std::io::Error| Gap::io("hear of connections that close (SKNLGRP_INET_TCP_DESTROY)", error);
        let mut news = DestroyedSockets::open();
        let first_look = Instant::now();
        let dirtied = dirtied_bytes();
        let unix = Some(unix_look::queues());
        let (mut before, mut listening) = (Before::default(), HashSet::new());
        let look = eye.look(LASTING_STATES)?;
        for row in &look.rows {
            before.add(row);
            if row.transport == Transport::Tcp && row.state == LISTEN {
                listening.insert(row.local_port);
            }
        }
        let left_out = look.left_out;
        if left_out > 0 {
            before.is_partial();
        }
        let sockets = look.rows.len() as u64 + left_out;
        drop(look);
        // What closed during the look may be missing from it, and its bytes would all seem new.
        if let Ok(news) = &mut news {
            let _ = news.drain(|_| {});
        }
        cx.live(format!("{} sockets", units::count(sockets as f64)));

        let stop = AtomicBool::new(false);
        let news = news.map(Mutex::new);
        let collect = |news: &Mutex<_>| {
            let mut news = news.lock().unwrap_or_else(PoisonError::into_inner);
            ClosedSockets::collect(&mut news, &before, |port| listening.contains(&port), &stop)
        };
        let (closed, activities) = std::thread::scope(|scope| {
            let collect = &collect;
            let collector = news.as_ref().map(|news| (news, Builder::new().spawn_scoped(scope, move || collect(news))));
            let activities = within();
            cx.sleep_until(end);
            stop.store(true, Ordering::Release);
            let closed = match collector {
                Err(error) => Err(cannot(error)),
                Ok((_, Ok(collector))) => {
                    collector.thread().unpark();
                    match collector.join() {
                        Ok(closed) => closed.map_err(|error| cannot(&error)),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
                // Where no thread can be made, the news wait in the kernel's buffer, and what did not fit is counted as lost.
                Ok((news, Err(_))) => collect(news).map_err(|error| cannot(&error)),
            };
            (closed, activities)
        });
        let (first_look, before) = (Some(first_look), Some(before));
        Ok(Window { first_look, before, listening, closed, activities, dirtied, left_out, unix })
    }
}

/// Bytes of files that processes of the machine have changed since boot; none where the kernel does not count them.
fn dirtied_bytes() -> Option<u64> {
    let pages = parse_dirtied(&std::fs::read_to_string("/proc/vmstat").ok()?)?;
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    pages.checked_mul(u64::try_from(page).ok()?)
}

/// The pages in the text of `/proc/vmstat`.
fn parse_dirtied(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("nr_dirtied ")?.trim().parse().ok())
}

/// A pass over all processes.
fn whole_pass(cx: &Context) -> std::io::Result<OwnerScan> {
    let mut scan = OwnerScan::prepare()?;
    scan.run(Instant::now() + WHOLE_PASS, None, cx);
    Ok(scan)
}

/// Does one on a thread beside the other; where no thread can be made, one after the other.
fn beside<A: Send, B>(one: impl Fn() -> A + Sync, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let thread = Builder::new().spawn_scoped(scope, &one);
        let other = other();
        let one = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => one(),
        };
        (one, other)
    })
}

/// Begins to follow the processes with most sockets, and learns their names while they are there.
fn follow(scan: &OwnerScan, names: &mut Names) -> HashMap<i32, Activity> {
    let mut processes: Vec<(i32, u32)> = scan.processes().into_iter().collect();
    processes.sort_by_key(|(pid, sockets)| (std::cmp::Reverse(*sockets), *pid));
    processes
        .into_iter()
        .take(FOLLOWED)
        .filter_map(|(pid, _)| {
            let activity = Activity::read(pid)?;
            names.get(pid)?;
            Some((pid, activity))
        })
        .collect()
}

/// Looks for the owners of sockets that are new since the first pass, and ends once all have one.
fn find_new_owners(scan: &mut OwnerScan, inodes: impl Iterator<Item = u32>, cx: &Context) {
    let unowned = |inode: &u32| *inode != 0 && scan.holders(*inode).is_none();
    let mut wanted: HashSet<u32> = inodes.filter(unowned).collect();
    if !wanted.is_empty() && (!scan.is_complete() || scan.renew().is_ok()) {
        scan.run(Instant::now() + LATE_PASS, Some(&mut wanted), cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_what_all_processes_changed_in_files() {
        assert_eq!(parse_dirtied("nr_dirty 3\nnr_dirtied 4021\nnr_written 9\n"), Some(4021));
        assert_eq!(parse_dirtied("nr_dirty 3\n"), None);
    }
}
