//! Per interface: rates per sample, mean and peak, drops, errors, totals since boot, link speed, addresses and aliases.

mod link;
mod rates;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::rates::Reading;
use crate::case::{Gap, Observed, Reason};
use crate::probe::watched::{self, Choice, Survey};
use crate::probe::{Context, Need, Probe};
use crate::sys::rtnetlink::{LinkCounters, Rtnetlink};
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
    /// Interface to watch: a name, another name of it, an alias such as `eth0:1`, or one of its addresses. `auto` is the
    /// interface of the default route (IPv4, else IPv6; lowest metric), else the one that has received most since boot
    /// of those that are up, else `lo`.
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
    /// The interface that was watched, with its samples.
    pub watched: Interface,
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
    /// Link speed in bits per second (`/sys/class/net/X/speed`); none when the driver does not say, as virtual ones often.
    pub speed_bits_per_second: Option<u64>,
    /// Received bits per second as a share of the link speed, where that is known.
    pub utilisation: Option<f64>,
    /// How often the limits of a cloud instance were exceeded since boot (`…_allowance_exceeded` of `ethtool -S`), where a text
    /// shows it; null on a live host.
    #[serde(default)]
    pub allowance_exceeded: Option<u64>,
    /// The bridge or bond that it belongs to.
    pub master: Option<String>,
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
    /// Bytes, link headers included (on loopback without them: IP packets only).
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
    /// Packets dropped by the interface or the kernel below the protocols (`rx_dropped`, `tx_dropped`).
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
    const SOURCE: &'static str =
        "rtnetlink: RTM_GETLINK, RTM_GETSTATS, RTM_GETADDR, RTM_GETROUTE; /sys/class/net/*/speed";
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
        let Choice { index: watched, alias } = watched::choose(&params.interface, &before, known_routes)?;

        let mut reading = Reading::new([Some(watched), watched::loopback(&before.links)].into_iter().flatten());
        let begun = cx.start_window();
        read(&mut door, &mut reading, begun)?;
        for sample in 1..=params.samples {
            let at = begun + params.window.0.mul_f64(f64::from(sample) / f64::from(params.samples));
            let rested = cx.sleep_until(at);
            read(&mut door, &mut reading, begun)?;
            if let Some(sample) = reading.samples(watched).last() {
                cx.live(format!("{} in", units::bitrate(sample.rx_bits_per_second)));
            }
            if !rested {
                break;
            }
        }
        // What appeared within the window has a name only now; what vanished had one before.
        let after = Survey::take(&mut door).unwrap_or_default();
        let mut observed = link::compose(&before, &after, &reading, watched, alias)?;
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

/// Takes one sample of all counters.
fn read(door: &mut Rtnetlink, reading: &mut Reading, begun: Instant) -> Result<(), Gap> {
    let asked = Instant::now();
    let counters: HashMap<u32, LinkCounters> =
        door.counters().map_err(|error| Gap::io("read the interfaces' counters (RTM_GETSTATS)", &error))?;
    let midway = asked + asked.elapsed() / 2;
    reading.add(midway.saturating_duration_since(begun).as_secs_f64(), counters);
    Ok(())
}
