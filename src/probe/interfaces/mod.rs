//! Per interface: rates per sample, mean and peak, drops, errors, totals since boot, link speed, addresses and aliases.

mod link;
mod rates;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::rates::Reading;
use crate::case::{Gap, Observed, Reason};
use crate::probe::watched::{self, Survey};
use crate::probe::{Context, Need, Probe};
use crate::sys::rtnetlink::{LinkCounters, QueueDrops, Rtnetlink};
use crate::units::{self, Span};

/// Most interfaces in the result. A container host may have thousands; the busiest tell the story.
const LISTED: usize = 256;

/// Most samples of a window: one for each second of the longest one.
const MOST_SAMPLES: u32 = 600;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct InterfacesProbe;

/// What to watch.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Interface to watch: a name, another name of it, an alias such as `eth0:1`, or one of its addresses. `auto` is all
    /// interfaces through which traffic enters the host, at most 8: those that stand on no other one, that of the default
    /// route among them; where there is none, the one that has received most since boot of those that are up, else `lo`.
    pub interface: String,
    /// How long to watch.
    pub window: Span,
    /// Samples in the window, evenly spread: 2 to 600. Some drivers refresh their counters only once a second, so that
    /// shorter samples alternate between nothing and double.
    #[schemars(range(min = 2, max = 600))]
    pub samples: u32,
}

impl Default for Params {
    fn default() -> Self {
        Params { interface: "auto".to_owned(), window: Span::seconds(10), samples: 10 }
    }
}

/// What came and went on the interfaces of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interfaces {
    /// Seconds between the first and the last sample.
    pub seconds: f64,
    /// The figures are those that tools printed, not measured here.
    #[serde(default)]
    pub from_text: bool,
    /// The interface that was watched, with its samples; of several the one that matters: that of the default route (IPv4,
    /// else IPv6; lowest metric), unless another one received far more.
    pub watched: Interface,
    /// What entered by all interfaces that were watched together.
    #[serde(default)]
    pub entered: Option<Entered>,
    /// What the parameter named, when that was an alias, another name or an address of the watched interface.
    pub watched_alias: Option<String>,
    /// The interface of the default route; none when there is no default route.
    pub default_route: Option<String>,
    /// The loopback interface, with its samples.
    pub loopback: Option<Interface>,
    /// All interfaces, those with most traffic in the window first, at most 256; without samples.
    pub interfaces: Vec<Interface>,
    /// How many interfaces are not in `interfaces` because there are more than 256.
    pub interfaces_left_out: u32,
    /// Other interfaces through which traffic entered the host in the window, most bytes first, at most 16: what came by
    /// them was counted and not looked into. Those that carry the same packets as the watched one are none of them, unless
    /// they received far more, as the port of a bridge does for a virtual machine.
    #[serde(default)]
    pub unwatched: Vec<Unwatched>,
    /// Link addresses of guests of this host that are reached through a watched interface: behind other ports of its
    /// bridge, or on devices that stand on it, in whatever network namespace; at most 1,024.
    #[serde(default)]
    pub guests: Vec<Guest>,
}

/// A machine of this host's own behind the watched interface: what comes for it is not for somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guest {
    /// Its link address, as in `02:fc:00:00:00:01`.
    pub mac: String,
    /// The port of the bridge behind which it is; none for a device on the watched interface itself (macvlan, ipvlan).
    pub interface: Option<String>,
    /// The way of its packets, from where they enter: `eth0`, `br0`, `vnet0`.
    #[serde(default)]
    pub way: Vec<String>,
}

/// What entered the host by the interfaces that were watched together. Each packet is counted once, at the outermost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entered {
    /// Bytes that they received in the window.
    pub bytes: Option<u64>,
    /// Packets that they received in the window.
    pub packets: Option<u64>,
    /// Bits that they received per second.
    pub bits_per_second: Option<f64>,
    /// Packets that they received per second.
    pub packets_per_second: Option<f64>,
    /// Packets that the hardware missed (`rx_missed_errors`).
    pub missed: Option<u64>,
    /// The interfaces, most bytes first.
    pub interfaces: Vec<Entrance>,
}

/// An interface that traffic entered by and that was watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entrance {
    /// Its name.
    pub name: String,
    /// Bytes that it received in the window.
    pub bytes: Option<u64>,
    /// Packets that it received in the window.
    pub packets: Option<u64>,
    /// Bits that it received per second.
    pub bits_per_second: Option<f64>,
    /// Packets that it received per second.
    pub packets_per_second: Option<f64>,
    /// Bits that it received per second as a share of its link's speed, where that is known.
    pub utilisation: Option<f64>,
    /// The number of the XDP program that sees its packets before all else; 0 where the kernel does not name it.
    pub xdp_program: Option<u32>,
    /// Packets that filters and policers at its ingress dropped in the window.
    pub ingress_dropped: Option<u64>,
    /// The way of its packets within the host: itself, the bridge or bond that it belongs to, and so on.
    pub way: Vec<String>,
}

/// An interface that traffic entered by and that was not watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unwatched {
    /// Its name.
    pub name: String,
    /// Bytes that it received in the window.
    pub bytes: u64,
    /// Packets that it received in the window.
    pub packets: u64,
    /// Bits that it received per second.
    pub bits_per_second: f64,
    /// Packets that it received per second.
    pub packets_per_second: f64,
    /// What it received as a share of its link's speed, where that is known.
    pub utilisation: Option<f64>,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// Its name, control characters escaped.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// The kind of a virtual interface: `veth`, `bridge`, `bond`, `vlan`, `tun` … (`IFLA_INFO_KIND`); none for hardware.
    pub kind: Option<String>,
    /// The type of the link: `ethernet`, `loopback`, `none` (bare IP packets), `ppp` … (`ARPHRD_*`).
    pub link: String,
    /// Whether it is set up (`IFF_UP`).
    pub up: bool,
    /// Whether it has a carrier (`IFLA_CARRIER`).
    pub carrier: Option<bool>,
    /// Its link address, `02:fc:00:00:00:01`; none where the link has none.
    pub mac: Option<String>,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Link speed in bits per second (`ETHTOOL_GLINKSETTINGS`); none when the driver does not say, as virtual ones often.
    pub speed_bits_per_second: Option<u64>,
    /// Received bits per second as a share of the link speed, where that is known.
    pub utilisation: Option<f64>,
    /// How often the limits of a cloud instance were exceeded since boot (`…_allowance_exceeded` of `ethtool -S`), where a text
    /// shows it; null on a live host.
    #[serde(default)]
    pub allowance_exceeded: Option<u64>,
    /// The bridge or bond that it belongs to.
    pub master: Option<String>,
    /// The interface that it stands on (of a VLAN, a macvlan), when that is in this network namespace; of a veth pair the
    /// other end.
    #[serde(default)]
    pub lower: Option<String>,
    /// The number of the XDP program that sees its packets before all else (`IFLA_XDP`); 0 where there is one and the
    /// kernel does not name it.
    #[serde(default)]
    pub xdp_program: Option<u32>,
    /// Whether that program runs in the driver (native), before there is a packet of the kernel (`IFLA_XDP_ATTACHED`).
    #[serde(default)]
    pub xdp_in_driver: Option<bool>,
    /// Packets that filters and policers at its ingress dropped in the window (`ingress` or `clsact`, `TCA_STATS2`); none
    /// where it has neither.
    #[serde(default)]
    pub ingress_dropped: Option<u64>,
    /// Packets that the queueing discipline at its root dropped in the window; none where there is none.
    #[serde(default)]
    pub queue_dropped: Option<u64>,
    /// Its addresses: at most 64, and 4,096 of the watched interface and loopback.
    pub addresses: Vec<Address>,
    /// How many addresses it has beyond those.
    pub addresses_left_out: u32,
    /// What it received in the window.
    pub rx: Flow,
    /// What it sent in the window.
    pub tx: Flow,
    /// Its counters as they stand at the end of the window, since boot or since the interface was made.
    pub since_boot: Totals,
    /// What each sample saw; of the watched interface and loopback only.
    pub samples: Vec<Sample>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Length of its prefix in bits.
    pub prefix: u8,
    /// The alias that it was given, `eth0:1` (`IFA_LABEL`); none when it is the interface's own name.
    pub label: Option<String>,
}

/// One direction of an interface: growth of its counters over the window (`IFLA_STATS64`). A counter that went backwards
/// is none: it was reset, and its growth is not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// Bytes, link headers included (on loopback without them: IP packets only). A bridge counts what it receives without the 14 bytes
    /// of Ethernet, as do a VLAN's device and a veth with an XDP program in its driver. The tag of a VLAN is counted or not as the
    /// driver likes.
    pub bytes: Option<u64>,
    /// Packets.
    pub packets: Option<u64>,
    /// Bytes per second, mean of the window.
    pub bytes_per_second: Option<f64>,
    /// Bits per second, mean of the window.
    pub bits_per_second: Option<f64>,
    /// Packets per second, mean of the window.
    pub packets_per_second: Option<f64>,
    /// Bits per second of the busiest sample.
    pub peak_bits_per_second: Option<f64>,
    /// Bytes per packet, mean; none when there were no packets.
    pub mean_packet_bytes: Option<f64>,
    /// Packets dropped by the interface or the kernel below the protocols (`rx_dropped`, `tx_dropped`). A frame that no protocol takes
    /// is not among them while any capture of all packets is open, that of the probe `capture` too: the capture takes it.
    pub dropped: Option<u64>,
    /// Packets in error, of any kind (`rx_errors`, `tx_errors`).
    pub errors: Option<u64>,
    /// Received only: packets that the hardware missed for lack of host buffers (`rx_missed_errors`).
    pub missed: Option<u64>,
    /// Overruns of the hardware's queue (`rx_fifo_errors`, `tx_fifo_errors`).
    pub fifo: Option<u64>,
    /// Received only: frames with bad alignment (`rx_frame_errors`).
    pub frame: Option<u64>,
    /// Received only: frames with a bad checksum (`rx_crc_errors`): cable, transceiver, port.
    pub crc: Option<u64>,
    /// Received only: multicast packets, as far as the driver counts them (`multicast`).
    pub multicast: Option<u64>,
    /// Received only: packets dropped because the interface is an inactive member of a bond or team (`rx_nohandler`).
    pub nohandler: Option<u64>,
    /// Received only: packets dropped because their link address is another machine's (`rx_otherhost_dropped`, Linux 6.0).
    pub otherhost_dropped: Option<u64>,
}

/// Counters as they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Received packets that were dropped.
    pub rx_dropped: u64,
    /// Received packets in error.
    pub rx_errors: u64,
}

/// The mean rates between one sample and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Seconds from the start of the window to the end of the sample.
    pub at: f64,
    /// Bits received per second.
    pub rx_bits_per_second: f64,
    /// Packets received per second.
    pub rx_packets_per_second: f64,
    /// Bits sent per second.
    pub tx_bits_per_second: f64,
    /// Packets sent per second.
    pub tx_packets_per_second: f64,
}

impl Probe for InterfacesProbe {
    const NAME: &'static str = "interfaces";
    const ABOUT: &'static str = "traffic, drops, errors, speed and addresses of each network interface";
    const SOURCE: &'static str = "rtnetlink: RTM_GETLINK, RTM_GETSTATS, RTM_GETADDR, RTM_GETROUTE, RTM_GETQDISC, RTM_GETNEIGH; SIOCETHTOOL: ETHTOOL_GLINKSETTINGS";
    const REPLACES: &'static [&'static str] = &["ifconfig", "ip -s link", "sar -n DEV", "cat /proc/net/dev"];
    const NEEDS: &'static [Need] = &[];
    type Params = Params;
    type Output = Interfaces;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Interfaces>, Gap> {
        if !(2..=MOST_SAMPLES).contains(&params.samples) {
            let why = format!("samples is {}, and must be 2 to {MOST_SAMPLES}", params.samples);
            return Err(Gap::new(Reason::Malformed, "watch the interfaces", why));
        }
        let mut door = watched::door()?;
        let before = Survey::take(&mut door)?;
        let routes = watched::default_routes(&mut door);
        let known_routes = routes.as_deref().unwrap_or_default();
        let choice = watched::find(&params.interface, &mut door, &before, known_routes, cx)?;

        let mut reading = Reading::new(choice.all.iter().copied().chain(watched::loopback(&before.links)));
        let begun = cx.start_window();
        let queues = door.queue_drops();
        read(&mut door, &mut reading, begun)?;
        for sample in 1..=params.samples {
            let at = begun + params.window.0.mul_f64(f64::from(sample) / f64::from(params.samples));
            let rested = cx.sleep_until(at);
            read(&mut door, &mut reading, begun)?;
            let latest = choice.all.iter().filter_map(|index| reading.samples(*index).last());
            let received: f64 = latest.map(|sample| sample.rx_bits_per_second).sum();
            cx.live(format!("{} in", units::bitrate(received)));
            if !rested {
                break;
            }
        }
        // What appeared within the window has a name only now; what vanished had one before. A window of no length is one moment.
        let known: HashSet<u32> = before.links.iter().map(|link| link.index).collect();
        let is_moment = params.window.0.is_zero() && reading.seen().all(|(index, _)| known.contains(&index));
        let after = if is_moment { None } else { Survey::take(&mut door).ok() };
        let queues = queues.and_then(|before| Ok(QueueGrowth { before, after: door.queue_drops()? }));
        let drops = queues.as_ref().ok();
        let all = choice.all.clone();
        let mut observed = link::compose(&before, after.as_ref(), &reading, drops, choice)?;
        if let Err(error) = queues {
            let gap = Gap::io("read what queueing disciplines dropped (RTM_GETQDISC)", &error);
            observed.miss(&["watched.ingress_dropped", "watched.queue_dropped", "entered.interfaces"], gap);
        }
        match door.bridged() {
            Ok(bridged) => observed.output.guests = link::guests(&before.links, &bridged, &all),
            Err(error) => observed.miss(&["guests"], Gap::io("read the tables of bridges (RTM_GETNEIGH)", &error)),
        }
        let default = routes.as_deref().ok().and_then(watched::default_route);
        observed.output.unwatched = link::unwatched(&before.links, &reading, &all, default);
        match routes {
            Ok(routes) => {
                let default = watched::default_route(&routes);
                observed.output.default_route = default.and_then(|index| watched::name_of(index, &before.links));
            }
            Err(error) => observed.miss(&["default_route"], Gap::io("list the routes (RTM_GETROUTE)", &error)),
        }
        Ok(observed)
    }
}

/// What queueing disciplines had dropped at the beginning and at the end.
#[derive(Debug)]
struct QueueGrowth {
    before: HashMap<u32, QueueDrops>,
    after: HashMap<u32, QueueDrops>,
}

/// Takes one sample of all counters.
fn read(door: &mut Rtnetlink, reading: &mut Reading, begun: Instant) -> Result<(), Gap> {
    let asked = Instant::now();
    let counters: HashMap<u32, LinkCounters> =
        door.counters().map_err(|error| Gap::io("read the interfaces' counters (RTM_GETSTATS)", &error))?;
    let midway = asked + asked.elapsed() / 2;
    reading.add(midway.saturating_duration_since(begun).as_secs_f64(), counters);
    Ok(())
}
