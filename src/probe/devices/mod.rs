//! What the network devices are, how they are set, and what they and their queues lost.

mod ask;
mod compose;
mod discipline;
pub mod drivers;
mod interrupts;
mod meaning;
mod output;
pub mod statistics;
mod steering;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::path::Path;
use std::time::Instant;

use nix::net::if_::if_indextoname;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::interrupts::Table;
pub use self::meaning::{Meaning, Row, Way};
pub use self::output::{
    Device, Devices, Discipline, Duplex, Interrupts, Line, Loss, OfCpu, Offloads, QueueStatistics, Queues, Rings,
    Steering, Unknown, Xdp, XdpMode,
};
use self::statistics::Reading;
use super::watched::{self, Choice, Survey};
use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason};
use crate::sys::disciplines;
use crate::sys::queue_statistics::{self, QueueFigures};
use crate::sys::rtnetlink::{Link, Rtnetlink};
use crate::sys::text_file;
use crate::units::Span;

/// Devices in the result. A host with a thousand containers has as many; those that matter are few.
const LISTED: usize = 16;
/// Bytes of `/proc/interrupts` that are read: of 512 CPUs with 4,096 interrupts it has 24 MB.
const MOST_INTERRUPTS: u64 = 32 << 20;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct DevicesProbe;

/// What to watch.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Interface that comes first, as for the probe `interfaces`; the others are listed behind it. `auto` is all by which traffic
    /// enters the host.
    pub interface: String,
    /// How long to watch. 0 reads the counters once: nothing is known of growth then.
    pub window: Span,
}

impl Default for Params {
    fn default() -> Self {
        Params { interface: "auto".to_owned(), window: Span::seconds(10) }
    }
}

impl Probe for DevicesProbe {
    const NAME: &'static str = "devices";
    const ABOUT: &'static str = "network devices: driver, link, rings, queues, offloads, XDP, queueing disciplines, losses that the driver counts, interrupts";
    const SOURCE: &'static str = "SIOCETHTOOL: ETHTOOL_GDRVINFO, GLINKSETTINGS, GRINGPARAM, GCHANNELS, GFEATURES, GSTATS; \
                                  rtnetlink: RTM_GETLINK, RTM_GETQDISC; generic netlink netdev: qstats-get; \
                                  /sys/class/net/*/{queues,threaded}, /proc/interrupts, /proc/sys/net/core/rps_sock_flow_entries";
    const REPLACES: &'static [&'static str] = &[
        "ethtool",
        "ethtool -i",
        "ethtool -S",
        "ethtool -g",
        "ethtool -l",
        "ethtool -k",
        "tc -s qdisc",
        "cat /proc/interrupts",
    ];
    const NEEDS: &'static [Need] = &[];
    type Params = Params;
    type Output = Devices;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Devices>, Gap> {
        let mut door = watched::door()?;
        let survey = Survey::take(&mut door)?;
        let routes = watched::default_routes(&mut door).unwrap_or_default();
        let choice = watched::find(&params.interface, &mut door, &survey, &routes, cx)?;
        let mut listed = Listed::of(&survey.links, &choice);
        if listed.links.is_empty() {
            return Err(Gap::new(Reason::Absent, "look at the network devices", "none of them has a name any more"));
        }
        let described = ask::describe(&listed.names);
        listed.steering = listed.links.iter().map(steering::of).collect();

        let begun = cx.start_window();
        let before = Counted::now(&mut door, &listed.names);
        cx.live(format!("{} devices", listed.links.len()));
        let (before, after) = if params.window.0.is_zero() {
            (None, before)
        } else {
            cx.sleep_until(begun + params.window.0);
            (Some(before), Counted::now(&mut door, &listed.names))
        };
        // A program may have been attached within the window, and a cable pulled.
        if let Ok(links) = door.links() {
            let now: BTreeMap<u32, Link> = links.into_iter().map(|link| (link.index, link)).collect();
            for link in &mut listed.links {
                if let Some(now) = now.get(&link.index) {
                    *link = now.clone();
                }
            }
        }
        Ok(compose::compose(&listed, described, before.as_ref(), &after))
    }
}

/// The devices that are looked at.
struct Listed {
    links: Vec<Link>,
    /// Their names as the kernel writes them.
    names: Vec<CString>,
    steering: Vec<Option<Steering>>,
    /// Indices of those by which traffic enters, or of the one that was named.
    watched: Vec<u32>,
    left_out: usize,
}

impl Listed {
    /// Those by which traffic enters first, then hardware, then those that received most.
    fn of(links: &[Link], choice: &Choice) -> Self {
        let mut ordered: Vec<&Link> = links.iter().collect();
        let place = |link: &Link| choice.all.iter().position(|index| *index == link.index).unwrap_or(usize::MAX);
        let received = |link: &Link| link.counters.map_or(0, |counters| counters.rx_bytes);
        let is_up = |link: &Link| link.flags & libc::IFF_UP as u32 != 0;
        let is_hardware = |link: &Link| link.kind.is_none() && link.hardware != libc::ARPHRD_LOOPBACK;
        ordered
            .sort_by_key(|link| (place(link), !is_up(link), !is_hardware(link), Reverse(received(link)), link.index));
        let mut listed = Listed {
            links: Vec::new(),
            names: Vec::new(),
            steering: Vec::new(),
            watched: choice.all.clone(),
            left_out: links.len().saturating_sub(LISTED),
        };
        for link in ordered.into_iter().take(LISTED) {
            // One that has gone meanwhile has no name any more.
            if let Ok(name) = if_indextoname(link.index) {
                listed.links.push(link.clone());
                listed.names.push(name);
            }
        }
        listed
    }
}

/// What is counted, at one moment.
struct Counted {
    at: Instant,
    statistics: Vec<Result<io::Result<Reading>, Gap>>,
    disciplines: Result<Vec<disciplines::Discipline>, Gap>,
    queues: Result<Option<BTreeMap<u32, QueueFigures>>, Gap>,
    interrupts: Result<Table, Gap>,
}

impl Counted {
    fn now(door: &mut Rtnetlink, names: &[CString]) -> Self {
        Counted {
            at: Instant::now(),
            statistics: ask::statistics(names),
            disciplines: door
                .disciplines()
                .map_err(|error| Gap::io("list the queueing disciplines (RTM_GETQDISC)", &error)),
            queues: queue_statistics::read()
                .map_err(|error| Gap::io("ask what the queues of devices counted (netdev, qstats-get)", &error)),
            interrupts: interrupts(),
        }
    }
}

fn interrupts() -> Result<Table, Gap> {
    let tried = "read /proc/interrupts";
    let text = text_file::read(Path::new("/proc/interrupts"), MOST_INTERRUPTS)
        .map_err(|error| Gap::new(Reason::Failed, tried, error.to_string()).to_fix("mount /proc"))?;
    Table::from_text(&text).ok_or_else(|| Gap::new(Reason::Malformed, tried, "it is not the table that it should be"))
}
