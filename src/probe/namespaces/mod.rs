//! Other network namespaces: which containers, pods and machines live there, by which interfaces they meet this host, and what
//! came and went there in the window.

mod compose;
mod host_links;
mod machines;
mod names;
mod output;
mod processes;
mod visit;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::compose::Seen;
use self::host_links::HostLinks;
use self::machines::Holders;
use self::names::Names;
pub use self::output::{
    Container, HostContainer, HostEnd, Machine, Namespace, NamespaceConnection, NamespaceInterface, NamespaceListener,
    Namespaces, Traffic,
};
use self::processes::Residents;
use self::visit::{Depth, Look, Round, Way};
use crate::case::{Gap, Observed, Reason};
use crate::probe::socket_owners::OwnerScan;
use crate::probe::{Context, Need, Probe, process, watched};
use crate::sys::network_namespace::NetworkNamespace;
use crate::sys::rtnetlink::Rtnetlink;
use crate::units::{self, Span};

/// How long the first round may take; it is made within the window, of which it takes a third at most.
const FIRST_ROUND: Duration = Duration::from_millis(250);
/// How long the last round may take, which holds the end up.
const LAST_ROUND: Duration = Duration::from_millis(150);
/// How long it may take to tell which namespaces interfaces lead to: before the window, and at its end.
const NUMBERS: Duration = Duration::from_millis(150);
/// How long names may be looked up, within the window.
const NAMES: Duration = Duration::from_millis(150);
/// How long the holders of sockets are looked for: within the window, and at its end those of new ones.
const OWNERS: Duration = Duration::from_millis(300);
const LATE_OWNERS: Duration = Duration::from_millis(60);
/// Processes by which a namespace is entered, should the first ones end.
const WAYS_IN: usize = 4;
/// Names of namespaces that are looked at.
const MOST_NAMED: usize = 4096;
/// Where namespaces are mounted on names: by `ip netns` and by container network plugins; by Docker.
const MOUNTED: [&str; 2] = ["/run/netns", "/run/docker/netns"];
/// Most namespaces in the result.
const MOST_ROWS: u32 = 1000;
/// Most namespaces whose connections are listed.
const MOST_BUSIEST: u32 = 64;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct NamespacesProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch. 0 looks once: everything but growth.
    pub window: Span,
    /// Most namespaces in the list: 1 to 1,000.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u32,
    /// Of how many namespaces, the busiest first, TCP connections are listed: 0 to 64. The kernel goes over all connections of
    /// the host for each.
    #[schemars(range(max = 64))]
    pub busiest: u32,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10), limit: 256, busiest: 16 }
    }
}

impl Probe for NamespacesProbe {
    const NAME: &'static str = "namespaces";
    const ABOUT: &'static str =
        "containers, pods and machines in other network namespaces, with their traffic and sockets";
    const SOURCE: &'static str = "/proc/PID/{ns/net,cgroup}, /run/netns, /run/docker/netns; setns on a thread of its own, there \
                                  RTM_GETLINK, RTM_GETADDR, RTM_GETNSID and NETLINK_SOCK_DIAG; names by what engines keep on \
                                  disk (Docker, Podman, containerd, CRI-O, runc, crun, Proxmox), /var/log/containers; \
                                  /proc/PID/fdinfo of TAP devices";
    const REPLACES: &'static [&'static str] = &[
        "lsns -t net",
        "ip netns",
        "docker ps",
        "podman ps",
        "crictl ps",
        "nsenter -t PID -n ss -tunap",
        "virsh domiflist",
    ];
    const NEEDS: &'static [Need] = &[
        Need {
            what: "CAP_SYS_ADMIN",
            without: "what lies inside of other network namespaces; their ends on this host are seen",
        },
        Need { what: "CAP_SYS_PTRACE", without: "where the processes of other users live" },
    ];
    type Params = Params;
    type Output = Namespaces;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Namespaces>, Gap> {
        check(&params)?;
        let here =
            NetworkNamespace::current().map_err(|error| Gap::io("tell the own network namespace", &error))?.number;
        let mut door = watched::door()?;
        let residents = Residents::find(here, cx).map_err(|error| Gap::io("list the processes (/proc)", &error))?;
        let (mut ways, refused) = ways(&residents, here);
        let survey = links(&mut door)?;
        let numbers = Numbers::ask(&ways, &mut door);
        // Those with most traffic first, and behind them those of which it is not told: most of them have loopback alone.
        let through = |way: &Way| survey.bytes_through(*numbers.of.get(&way.number)?, None);
        ways.sort_by_cached_key(|way| {
            let through = through(way);
            (through.is_none(), Reverse(through))
        });
        let begun = cx.start_window();

        let before = links(&mut door)?;
        let first_at = Instant::now();
        let mut first = None;
        let mut scan = None;
        let watches = !params.window.0.is_zero();
        if !ways.is_empty() {
            if watches {
                let until = Instant::now() + FIRST_ROUND.min(params.window.0 / 3);
                first = Some(round(&ways, |_| Depth::Links, until, cx)?);
            }
            scan = OwnerScan::prepare().ok();
            if let Some(scan) = &mut scan {
                scan.run(Instant::now() + OWNERS, None, cx);
            }
        }
        let devices: Vec<String> = before
            .links
            .iter()
            .filter(|link| link.kind.as_deref() == Some("tun"))
            .map(|link| link.name.clone())
            .collect();
        let holders = Holders::find(&devices, here, cx);
        let mut names = Names::new(None);
        let named_until = Instant::now() + NAMES;
        let containers = ways.iter().map(|way| compose::containers(way, &residents, &mut names, named_until)).collect();
        let host_network = compose::host_network(&residents, &mut names, named_until);
        let mut known = process::Names::new();
        let inhabitants = compose::inhabitants(&ways, &residents, &mut known, named_until);
        cx.live(format!("{} network namespaces", units::count(ways.len() as f64)));
        if watches {
            cx.sleep_until(begun + params.window.0);
        }

        let seconds = if watches { first_at.elapsed().as_secs_f64() } else { 0.0 };
        let after = links(&mut door)?;
        // The kernel gives the number of a namespace that ended to the next one: those count that hold after the links were listed.
        let numbers = Numbers::ask(&ways, &mut door);
        let order = busiest_first(&ways, &numbers, &before, &after, first.as_ref());
        let mut last = Round::default();
        if !ways.is_empty() {
            let ordered: Vec<&Way> = order.iter().filter_map(|index| ways.get(*index)).collect();
            let depth = |at: usize| if at < params.busiest as usize { Depth::Connections } else { Depth::Sockets };
            last = round(&ordered, depth, Instant::now() + LAST_ROUND, cx)?;
        }
        if let Some(scan) = &mut scan {
            find_new_owners(scan, &last, cx);
        }
        let seen = Seen {
            params: &params,
            here,
            seconds,
            ways: &ways,
            numbers: &numbers,
            residents: &residents,
            refused,
            containers,
            inhabitants,
            host_network,
            before: watches.then_some(&before),
            after: &after,
            first: first.as_ref(),
            order: &order,
            last: &last,
            scan: scan.as_ref(),
            devices: &devices,
            holders: &holders,
        };
        Ok(seen.compose(&mut names, &mut known))
    }
}

fn check(params: &Params) -> Result<(), Gap> {
    let malformed = |why: String| Err(Gap::new(Reason::Malformed, "look into network namespaces", why));
    if !(1..=MOST_ROWS).contains(&params.limit) {
        return malformed(format!("limit is {}, and must be 1 to {MOST_ROWS}", params.limit));
    }
    if params.busiest > MOST_BUSIEST {
        return malformed(format!("busiest is {}, and must be 0 to {MOST_BUSIEST}", params.busiest));
    }
    Ok(())
}

fn links(door: &mut Rtnetlink) -> Result<HostLinks, Gap> {
    door.links().map(HostLinks::new).map_err(|error| Gap::io("list the network interfaces (RTM_GETLINK)", &error))
}

fn round<W: std::borrow::Borrow<Way>>(
    ways: &[W],
    depth: impl Fn(usize) -> Depth,
    until: Instant,
    cx: &Context,
) -> Result<Round, Gap> {
    let ways: Vec<(&Way, Depth)> = ways.iter().enumerate().map(|(at, way)| (way.borrow(), depth(at))).collect();
    visit::round(&ways, until, cx).map_err(|error| Gap::io("look into network namespaces", &error))
}

/// The ways into all other namespaces: by their processes, and by the files that they are mounted on. And what could not be
/// listed.
fn ways(residents: &Residents, here: u64) -> (Vec<Way>, Vec<Gap>) {
    let mut ways: HashMap<u64, Way> = HashMap::new();
    for (number, inhabitants) in &residents.elsewhere {
        let pids = inhabitants.members.iter().take(WAYS_IN).map(|(pid, _)| *pid).collect();
        ways.insert(*number, Way { number: *number, pids, path: None });
    }
    let mut refused = Vec::new();
    for folder in MOUNTED {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                refused.push(Gap::io(format!("list the named network namespaces ({folder})"), &error));
                continue;
            }
        };
        for entry in entries.flatten().take(MOST_NAMED) {
            let path = Path::new(folder).join(entry.file_name());
            let Ok(namespace) = NetworkNamespace::at(&path) else { continue };
            if namespace.number != here {
                let way = ways.entry(namespace.number).or_insert(Way { number: namespace.number, ..Way::default() });
                way.path.get_or_insert(path);
            }
        }
    }
    let mut ways: Vec<Way> = ways.into_values().collect();
    ways.sort_by_key(|way| way.number);
    (ways, refused)
}

/// The numbers by which this namespace knows the others, where an interface of it leads there. They hold for links that were
/// listed before they were asked for.
#[derive(Debug, Default)]
struct Numbers {
    of: HashMap<u64, i32>,
    /// Namespaces that were not asked about, since the time was over.
    not_reached: u64,
}

impl Numbers {
    fn ask(ways: &[Way], door: &mut Rtnetlink) -> Self {
        let until = Instant::now() + NUMBERS;
        let mut numbers = Numbers::default();
        for (done, way) in ways.iter().enumerate() {
            if Instant::now() >= until {
                numbers.not_reached = (ways.len() - done) as u64;
                break;
            }
            // One that ended is not opened.
            let number = way.open().and_then(|namespace| door.number_of(namespace.as_fd()));
            if let Ok(Some(number)) = number {
                numbers.of.insert(way.number, number);
            }
        }
        numbers
    }
}

/// The order of the last round, as places in `ways`.
fn busiest_first(
    ways: &[Way],
    numbers: &Numbers,
    before: &HostLinks,
    after: &HostLinks,
    first: Option<&Round>,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ways.len()).collect();
    order.sort_by_cached_key(|index| {
        let number = ways.get(*index).and_then(|way| numbers.of.get(&way.number));
        let through = number.and_then(|number| after.bytes_through(*number, first.map(|_| before)));
        // What meets this host otherwise may be busy, unless it has loopback alone; most have, where nothing was seen of them.
        let look = first.and_then(|first| first.looks.get(*index)?.as_ref());
        let alone = look.is_some_and(Look::is_alone);
        (through.is_none() && first.is_none(), Reverse(through.unwrap_or(if alone { 0 } else { u64::MAX })))
    });
    order
}

/// Looks for the holders of sockets that are new since the first pass.
fn find_new_owners(scan: &mut OwnerScan, last: &Round, cx: &Context) {
    let sockets = last.looks.iter().flatten().flat_map(|look| look.listeners.iter().chain(&look.connections).flatten());
    let unowned = |inode: &u32| *inode != 0 && scan.holders(*inode).is_none();
    let mut wanted: HashSet<u32> = sockets.map(|row| row.inode).filter(unowned).collect();
    if !wanted.is_empty() && (!scan.is_complete() || scan.renew().is_ok()) {
        scan.run(Instant::now() + LATE_OWNERS, Some(&mut wanted), cx);
    }
}
