//! Other network namespaces: which containers, pods and machines live there, by which interfaces they meet this host, and what
//! came and went there in the window.

mod compose;
mod machines;
mod neighbours;
mod output;

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::compose::Seen;
use self::machines::Holders;
use self::neighbours::Addresses;
pub use self::output::{
    HostContainer, HostEnd, Machine, Namespace, NamespaceConnection, NamespaceInterface, NamespaceListener, Namespaces,
};
use crate::case::{Gap, Observed, Process, Reason};
pub use crate::probe::elsewhere::{Container, Traffic};
use crate::probe::elsewhere::{
    Depth, HostLinks, Look, Names, Numbers, Residents, Round, Way, links, look_around, look_around_beside, ways,
};
use crate::probe::socket_owners::OwnerScan;
use crate::probe::{Context, Need, Probe, elsewhere, process, watched};
use crate::sys::network_namespace::NetworkNamespace;
use crate::units::{self, Span};

/// How long the first round may take; it is made within the window, of which it takes a third at most. Without a window it is the
/// only one.
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
                                  /proc/PID/fdinfo of TAP devices, RTM_GETNEIGH for the addresses of those who hold them";
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
        let watches = !params.window.0.is_zero();
        if watches {
            let numbers = Numbers::ask(&ways, &mut door, Instant::now() + NUMBERS);
            // Those with most traffic first, and behind them those of which it is not told: most of them have loopback alone.
            let through = |way: &Way| survey.bytes_through(*numbers.of.get(&way.number)?, None);
            ways.sort_by_cached_key(|way| {
                let through = through(way);
                (through.is_none(), Reverse(through))
            });
        }
        let begun = cx.start_window();

        let before = links(&mut door)?;
        let first_at = Instant::now();
        let mut first = None;
        if watches && !ways.is_empty() {
            let until = Instant::now() + FIRST_ROUND.min(params.window.0 / 3);
            first = Some(look_around(&ways, |_| Depth::Links, until, cx)?);
        }
        let mut names = Names::new(None);
        let mut known = process::Names::new();
        let mut find_out = || Inhabited::find(&ways, &residents, &before, here, &mut names, &mut known, cx);
        let found = watches.then(&mut find_out);
        cx.live(format!("{} network namespaces", units::count(ways.len() as f64)));
        if watches {
            cx.sleep_until(begun + params.window.0);
        }

        let seconds = if watches { first_at.elapsed().as_secs_f64() } else { 0.0 };
        let after = links(&mut door)?;
        // The kernel gives the number of a namespace that ended to the next one: those count that hold after the links were listed.
        let numbers = Numbers::ask(&ways, &mut door, Instant::now() + NUMBERS);
        let order = busiest_first(&ways, &numbers, &before, &after, first.as_ref());
        let ordered: Vec<&Way> = order.iter().filter_map(|index| ways.get(*index)).collect();
        let depth = |at: usize| if at < params.busiest as usize { Depth::Connections } else { Depth::Sockets };
        // Where nothing is waited for, who lives there is found out beside the only round, which has more time for that.
        let until = Instant::now() + if watches { LAST_ROUND } else { FIRST_ROUND };
        let (last, mut found) = look_around_beside(&ordered, depth, until, cx, || found.unwrap_or_else(find_out))?;
        let addresses = Addresses::read(&found.holders.of, &after, &mut door);
        if let Some(scan) = &mut found.scan {
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
            containers: found.containers,
            inhabitants: found.inhabitants,
            host_network: found.host_network,
            before: watches.then_some(&before),
            after: &after,
            first: first.as_ref(),
            order: &order,
            last: &last,
            scan: found.scan.as_ref(),
            devices: &found.devices,
            holders: &found.holders,
            addresses: &addresses,
        };
        Ok(seen.compose(&mut names, &mut known))
    }
}

/// Who lives in the namespaces, and who holds what there and here.
struct Inhabited {
    scan: Option<OwnerScan>,
    /// TAP and TUN devices.
    devices: Vec<String>,
    holders: Holders,
    /// The containers of each way.
    containers: Vec<Vec<Container>>,
    host_network: Vec<HostContainer>,
    /// Some of the processes of each.
    inhabitants: Vec<Vec<Process>>,
}

impl Inhabited {
    fn find(
        ways: &[Way],
        residents: &Residents,
        links: &HostLinks,
        here: u64,
        names: &mut Names,
        known: &mut process::Names,
        cx: &Context,
    ) -> Self {
        let mut scan = if ways.is_empty() { None } else { OwnerScan::prepare().ok() };
        if let Some(scan) = &mut scan {
            scan.run(Instant::now() + OWNERS, None, cx);
        }
        let tun = links.links.iter().filter(|link| link.kind.as_deref() == Some("tun"));
        let devices: Vec<String> = tun.map(|link| link.name.clone()).collect();
        let holders = Holders::find(&devices, here, cx);
        let until = Instant::now() + NAMES;
        let containers = ways.iter().map(|way| elsewhere::containers(way, residents, names, until)).collect();
        let host_network = compose::host_network(residents, names, until);
        let inhabitants = compose::inhabitants(ways, residents, known, until);
        Inhabited { scan, devices, holders, containers, host_network, inhabitants }
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
