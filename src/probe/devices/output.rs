//! What the probe gives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meaning::{Meaning, Way};

/// The network devices of this network namespace: what they are, how they are set, and what they lost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Devices {
    /// Seconds between the two times that the counters were read.
    pub seconds: f64,
    /// The figures are those that tools printed, not measured here.
    #[serde(default)]
    pub from_text: bool,
    /// The devices: those by which traffic enters first, then hardware, then those that received most since boot; at most 16.
    pub devices: Vec<Device>,
    /// How many devices are not in `devices` because there are more than 16.
    pub devices_left_out: u32,
    /// Flows that the kernel remembers for RFS on the whole machine (`net.core.rps_sock_flow_entries`); 0 turns it off. None in a
    /// network namespace other than the first, which does not show it.
    pub rfs_entries: Option<u64>,
}

/// A network device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its name, control characters escaped.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// The kind of a virtual one: `veth`, `bridge` (`IFLA_INFO_KIND`); none for hardware.
    pub kind: Option<String>,
    /// Whether traffic enters the host by it, or it was named.
    pub watched: bool,
    /// Its driver: `ena`, `mlx5_core` (`ETHTOOL_GDRVINFO`); none where the device has none that says so.
    pub driver: Option<String>,
    /// The version of the driver; most say that of the kernel.
    pub driver_version: Option<String>,
    /// The version of the device's firmware.
    pub firmware: Option<String>,
    /// Where the device is: `0000:00:05.0`.
    pub bus: Option<String>,
    /// Whether it is set up and has a carrier (`IFF_UP`, `IFLA_CARRIER`).
    pub link: bool,
    /// The speed of its link in bits per second (`ETHTOOL_GLINKSETTINGS`); none where the driver does not say.
    pub speed_bits_per_second: Option<u64>,
    /// Whether both ends of the link may send at once: `full` or `half`.
    pub duplex: Option<Duplex>,
    /// Whether the ends of the link agree by themselves on speed and duplex.
    pub autonegotiation: Option<bool>,
    /// Places of its rings (`ETHTOOL_GRINGPARAM`); none where the driver has no such setting.
    pub rings: Option<Rings>,
    /// Its queues (`ETHTOOL_GCHANNELS`; where the driver does not say, those that `/sys/class/net/X/queues` shows).
    pub queues: Option<Queues>,
    /// The offloads that matter for reading figures (`ETHTOOL_GFEATURES`).
    pub offloads: Option<Offloads>,
    /// The XDP program that sees its packets (`IFLA_XDP`); none where there is none.
    pub xdp: Option<Xdp>,
    /// Its queueing disciplines, that at the root first, then those that dropped most; at most 16.
    pub disciplines: Option<Vec<Discipline>>,
    /// How many statistics its driver has (`ETHTOOL_GSTATS`); none where it has none at all.
    pub statistics: Option<u32>,
    /// What its statistics tell of loss, and of what only looks so: names that are known and grew in the window, and those that
    /// mean loss and are not 0 since the device was made; what grew most first, losses before all else; at most 32.
    pub losses: Vec<Loss>,
    /// Statistics that grew, that no table knows and that sound of loss; most first, at most 16.
    pub unknown: Vec<Unknown>,
    /// How many rows are not in `losses` and `unknown` because there are more.
    pub losses_left_out: u32,
    /// What it counted by queue in the kernel's own words, all queues together, in the window (generic netlink `netdev`,
    /// `qstats-get`, Linux 6.10); none where the kernel or the driver knows no such figures.
    pub queue_statistics: Option<QueueStatistics>,
    /// How packets are handed to CPUs, as it is set (`/sys/class/net/X`).
    pub steering: Option<Steering>,
    /// Its interrupts on the whole machine; none where no line of `/proc/interrupts` names it.
    pub interrupts: Option<Interrupts>,
}

/// Whether both ends of a link may send at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplex {
    /// Both at once.
    Full,
    /// By turns: where the other end does not know, frames are lost.
    Half,
}

/// Places of the rings between a device and the host, for each queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rings {
    /// Packets that wait in a receive ring at most.
    pub rx: u32,
    /// The most that the device takes.
    pub rx_most: u32,
    /// Packets that wait in a transmit ring at most.
    pub tx: Option<u32>,
    /// The most that the device takes.
    pub tx_most: Option<u32>,
}

/// The queues of a device, each of which one CPU can serve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queues {
    /// Queues that receive.
    pub rx: u32,
    /// Queues that send.
    pub tx: u32,
    /// The most that can receive, where the driver says.
    pub rx_most: Option<u32>,
    /// The most that can send, where the driver says.
    pub tx_most: Option<u32>,
}

/// Offloads, on or off; none where the kernel does not name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offloads {
    /// GRO: the kernel merges packets before a capture sees them (`rx-gro`).
    pub gro: Option<bool>,
    /// The device merges packets, and the kernel can take them apart again (`rx-gro-hw`).
    pub gro_hw: Option<bool>,
    /// The device merges packets for good (`rx-lro`).
    pub lro: Option<bool>,
    /// GRO of UDP that is sent on (`rx-udp-gro-forwarding`).
    pub udp_gro_forwarding: Option<bool>,
    /// TSO: the device cuts TCP segments, so that a capture sees large ones (`tx-tcp-segmentation`).
    pub tso: Option<bool>,
    /// GSO: the kernel cuts them as late as it can (`tx-generic-segmentation`).
    pub gso: Option<bool>,
    /// The device checks checksums of what comes (`rx-checksum`).
    pub rx_checksum: Option<bool>,
    /// The device hands over a hash of each flow (`rx-hashing`).
    pub rx_hash: Option<bool>,
    /// The device takes VLAN tags off (`rx-vlan-hw-parse`).
    pub rx_vlan: Option<bool>,
    /// The device sends flows to queues by rules (`rx-ntuple-filter`).
    pub ntuple: Option<bool>,
}

/// An XDP program on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Xdp {
    /// Where it runs.
    pub mode: XdpMode,
    /// Its number; 0 where the kernel does not name it.
    pub program: u32,
}

/// Where an XDP program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum XdpMode {
    /// In the driver, before there is a packet of the kernel.
    Native,
    /// In the kernel, behind the driver.
    Generic,
    /// In the device.
    Offloaded,
    /// In several of these.
    Several,
}

/// A queueing discipline: what it counted in the window. One that was set within it began at 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Discipline {
    /// Its name: `fq_codel`, `tbf`.
    pub kind: String,
    /// Its number as `tc` writes it, `8001:`; none for those that the kernel set by itself.
    pub handle: Option<String>,
    /// Where it hangs: `root`, `ingress`, or the class above it as `tc` writes it, `1:2`.
    pub parent: String,
    /// Packets that it dropped.
    pub dropped: Option<u64>,
    /// Times that it held a packet back that was over a limit.
    pub overlimits: Option<u64>,
    /// Times that the device refused a packet and got it again.
    pub requeues: Option<u64>,
    /// Packets that left it.
    pub packets: Option<u64>,
    /// Bytes that left it.
    pub bytes: Option<u64>,
    /// Packets that waited in it at the start of the window; none where it was not there.
    pub waiting_before: Option<u32>,
    /// Packets that waited in it at the end.
    pub waiting: Option<u32>,
    /// Bytes that waited in it at the end.
    pub waiting_bytes: Option<u32>,
    /// Packets that it dropped since it was set; the kernel counts with 32 bits.
    pub dropped_ever: Option<u32>,
}

/// A statistic of a driver, or the same one of all its queues, added up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// Its name, with `*` for the number of the queue where several were added up: `rx_queue_*_drops`.
    pub name: String,
    /// How many statistics were added up.
    pub summed: u32,
    /// What it grew by in the window; none where it went backwards, or the queues changed.
    pub grew: Option<u64>,
    /// What it is since the device was made or reset.
    pub ever: u64,
    /// What it means.
    pub meaning: Meaning,
    /// Which way the packets went.
    pub way: Way,
    /// Whether packets were lost that nobody meant to lose. Different names may count the same packets.
    pub lost: bool,
    /// What it counts, in the singular: `packet`, `frame`, `time`.
    pub unit: String,
    /// What became of it, to be read after the count and the unit.
    pub says: String,
}

/// A statistic that no table knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// Its name, with `*` for the number of the queue where several were added up.
    pub name: String,
    /// What it grew by in the window.
    pub grew: u64,
    /// What it is since the device was made or reset.
    pub ever: u64,
}

/// What a device counted by queue, its queues added up, in the window. None where its driver does not count it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueStatistics {
    /// Times that there was no memory for a packet that came (`rx-alloc-fail`).
    pub rx_alloc_fail: Option<u64>,
    /// Packets that came to the device and never left it, for whatever reason (`rx-hw-drops`).
    pub rx_hw_drops: Option<u64>,
    /// Those of them for want of room or buffers (`rx-hw-drop-overruns`).
    pub rx_hw_drop_overruns: Option<u64>,
    /// Those of them over the rate that the device is allowed (`rx-hw-drop-ratelimits`).
    pub rx_hw_drop_ratelimits: Option<u64>,
    /// Packets with a wrong checksum (`rx-csum-bad`).
    pub rx_csum_bad: Option<u64>,
    /// Packets to be sent that the device dropped (`tx-hw-drops`).
    pub tx_hw_drops: Option<u64>,
    /// Those of them over the rate that the device is allowed (`tx-hw-drop-ratelimits`).
    pub tx_hw_drop_ratelimits: Option<u64>,
    /// Times that a queue was full and sending stopped (`tx-stop`).
    pub tx_stop: Option<u64>,
}

/// How packets are handed to CPUs, as it is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Steering {
    /// Receive queues that were looked at, at most 256.
    pub rx_queues: u32,
    /// How many of them hand packets on to other CPUs (RPS: `rps_cpus` is not 0).
    pub rps_queues: u32,
    /// The CPUs to which the first queue hands packets on, as the mask in `rps_cpus`: `0` is none.
    pub rps_cpus: Option<String>,
    /// Flows that RFS remembers for all queues together (`rps_flow_cnt`).
    pub rfs_flows: Option<u64>,
    /// Transmit queues that were looked at, at most 256.
    pub tx_queues: u32,
    /// How many of them are bound to CPUs (XPS: `xps_cpus` is not 0).
    pub xps_queues: u32,
    /// Whether its packets are received in threads of their own (`threaded`, Linux 5.12).
    pub threaded: Option<bool>,
}

/// Interrupts of a device in the window, on the whole machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interrupts {
    /// How many there were.
    pub count: u64,
    /// The CPUs that took them, most first, at most 32.
    pub by_cpu: Vec<OfCpu>,
    /// The part of the busiest CPU; none when there were none.
    pub busiest_share: Option<f64>,
    /// Its lines in `/proc/interrupts`, one for each queue as a rule, most interrupts first, at most 32.
    pub lines: Vec<Line>,
    /// How many lines are not in `lines` because there are more.
    pub lines_left_out: u32,
}

/// Interrupts that a CPU took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OfCpu {
    /// The CPU's number.
    pub cpu: u32,
    /// How many in the window.
    pub count: u64,
}

/// A line of `/proc/interrupts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The number of the interrupt.
    pub irq: u32,
    /// What the driver calls it: `eth0-TxRx-3`.
    pub name: String,
    /// How many in the window.
    pub count: u64,
    /// The CPU that took most of them; none when there were none.
    pub cpu: Option<u32>,
}
