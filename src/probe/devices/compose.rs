//! From what was read to the result.

use std::fs;
use std::io;

use super::ask::Described;
use super::output::{Device, Devices, Duplex, Offloads, QueueStatistics, Queues, Rings, Steering, Xdp, XdpMode};
use super::{Counted, Listed, discipline, statistics, steering};
use crate::case::{Gap, Observed, Reason};
use crate::probe::sysfs;
use crate::sys::ethtool::Channels;
use crate::sys::queue_statistics::QueueFigures;
use crate::sys::rtnetlink::Link;

/// Paths of what the statistics of drivers tell.
const OF_STATISTICS: [&str; 4] = ["devices.statistics", "devices.losses", "devices.unknown", "devices.losses_left_out"];
/// Paths of what is asked of drivers once.
const OF_DRIVERS: [&str; 11] = [
    "devices.driver",
    "devices.driver_version",
    "devices.firmware",
    "devices.bus",
    "devices.speed_bits_per_second",
    "devices.duplex",
    "devices.autonegotiation",
    "devices.rings",
    "devices.queues",
    "devices.offloads",
    "devices.losses",
];
/// Devices that a gap names.
const NAMED: usize = 4;

/// Puts the result together; `before` is none when the counters were read once.
pub(super) fn compose(
    listed: &Listed,
    described: Vec<Result<Described, Gap>>,
    before: Option<&Counted>,
    after: &Counted,
) -> Observed<Devices> {
    let mut observed = Observed::whole(Devices {
        seconds: before.map_or(0.0, |before| (after.at - before.at).as_secs_f64()),
        devices_left_out: u32::try_from(listed.left_out).unwrap_or(u32::MAX),
        rfs_entries: fs::read_to_string("/proc/sys/net/core/rps_sock_flow_entries")
            .ok()
            .and_then(|text| text.trim().parse().ok()),
        ..Devices::default()
    });
    if before.is_none() {
        let gap = Gap::new(Reason::Absent, "tell what grew", "the window is 0").to_fix("give a window");
        observed.miss(
            &[
                "devices.losses.grew",
                "devices.unknown",
                "devices.disciplines",
                "devices.queue_statistics",
                "devices.interrupts",
            ],
            gap,
        );
    }
    let mut devices: Vec<Device> = listed.links.iter().map(|link| plain(link, &listed.watched)).collect();
    for (place, described) in described.into_iter().enumerate() {
        let (Some(device), Some(link)) = (devices.get_mut(place), listed.links.get(place)) else { continue };
        let steering = listed.steering.get(place).cloned().flatten();
        match described {
            Ok(described) => describe(device, described, &mut observed),
            Err(gap) => observed.miss(&OF_DRIVERS, gap),
        }
        if device.queues.is_none() {
            device.queues = steering.as_ref().map(steering::queues);
        }
        device.steering = steering;
        count(device, link, place, before, after, &mut observed);
    }
    if let Some(gap) = no_steering(&listed.links, &listed.steering) {
        observed.miss(&["devices.steering"], gap);
    }
    for (fields, gaps) in [
        (["devices.disciplines"], gap_of([before.map(|it| &it.disciplines), Some(&after.disciplines)])),
        (["devices.queue_statistics"], gap_of([before.map(|it| &it.queues), Some(&after.queues)])),
        (["devices.interrupts"], gap_of([before.map(|it| &it.interrupts), Some(&after.interrupts)])),
    ] {
        if let Some(gap) = gaps {
            observed.miss(&fields, gap);
        }
    }
    observed.output.devices = devices;
    observed
}

/// The first gap of two readings.
fn gap_of<T>(readings: [Option<&Result<T, Gap>>; 2]) -> Option<Gap> {
    readings.into_iter().flatten().find_map(|reading| reading.as_ref().err().cloned())
}

/// What netlink says of a device.
fn plain(link: &Link, watched: &[u32]) -> Device {
    Device {
        name: link.name.clone(),
        index: link.index,
        kind: link.kind.clone(),
        watched: watched.contains(&link.index),
        link: link.flags & libc::IFF_UP as u32 != 0 && link.carrier != Some(false),
        xdp: link.xdp_program.map(|program| Xdp {
            program,
            mode: match link.xdp_place {
                Some(1) => XdpMode::Native,
                Some(2) => XdpMode::Generic,
                Some(3) => XdpMode::Offloaded,
                _ => XdpMode::Several,
            },
        }),
        ..Device::default()
    }
}

/// Adds what its driver says. What the driver has no answer for is none, and no gap.
fn describe(device: &mut Device, described: Described, observed: &mut Observed<Devices>) {
    let name = device.name.clone();
    let mut told = |fields: &[&str], what: &str, error: io::Error| {
        if !has_no_such(&error) {
            observed.miss(fields, Gap::io(format!("ask the driver of {name} for {what}"), &error));
        }
    };
    match described.driver {
        Ok(driver) => {
            device.driver = Some(driver.name).filter(|name| !name.is_empty());
            device.driver_version = driver.version;
            device.firmware = driver.firmware;
            device.bus = driver.bus;
        }
        Err(error) => told(&["devices.driver", "devices.losses"], "its name (ETHTOOL_GDRVINFO)", error),
    }
    match described.link {
        Ok(link) => {
            device.speed_bits_per_second = link.megabits.map(|megabits| u64::from(megabits) * 1_000_000);
            device.duplex = link.full_duplex.map(|full| if full { Duplex::Full } else { Duplex::Half });
            device.autonegotiation = Some(link.autonegotiation);
        }
        Err(error) => {
            let fields = ["devices.speed_bits_per_second", "devices.duplex", "devices.autonegotiation"];
            told(&fields, "its link (ETHTOOL_GLINKSETTINGS)", error);
        }
    }
    match described.rings {
        Ok(rings) if rings.rx_most > 0 || rings.rx > 0 => {
            device.rings =
                Some(Rings { rx: rings.rx, rx_most: rings.rx_most, tx: Some(rings.tx), tx_most: Some(rings.tx_most) });
        }
        Ok(_) => {}
        Err(error) => told(&["devices.rings"], "its rings (ETHTOOL_GRINGPARAM)", error),
    }
    match described.channels {
        Ok(channels) => device.queues = queues(&channels),
        Err(error) => told(&["devices.queues"], "its queues (ETHTOOL_GCHANNELS)", error),
    }
    match described.features {
        Ok(features) => device.offloads = Some(offloads(&features)),
        Err(error) => told(&["devices.offloads"], "its offloads (ETHTOOL_GFEATURES)", error),
    }
}

/// Whether an error says that the driver, or the kernel, has no such thing.
fn has_no_such(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOTTY | libc::ENOSYS))
}

fn queues(channels: &Channels) -> Option<Queues> {
    let queues = Queues {
        rx: channels.rx + channels.combined,
        tx: channels.tx + channels.combined,
        rx_most: Some(channels.rx_most.max(channels.combined_most)),
        tx_most: Some(channels.tx_most.max(channels.combined_most)),
    };
    (queues.rx > 0 || queues.tx > 0).then_some(queues)
}

fn offloads(features: &[(String, bool)]) -> Offloads {
    let is_on = |name: &str| features.iter().find(|(known, _)| known == name).map(|(_, on)| *on);
    Offloads {
        gro: is_on("rx-gro"),
        gro_hw: is_on("rx-gro-hw"),
        lro: is_on("rx-lro"),
        udp_gro_forwarding: is_on("rx-udp-gro-forwarding"),
        tso: is_on("tx-tcp-segmentation"),
        gso: is_on("tx-generic-segmentation"),
        rx_checksum: is_on("rx-checksum"),
        rx_hash: is_on("rx-hashing"),
        rx_vlan: is_on("rx-vlan-hw-parse"),
        ntuple: is_on("rx-ntuple-filter"),
    }
}

/// Adds what was counted.
fn count(
    device: &mut Device,
    link: &Link,
    place: usize,
    before: Option<&Counted>,
    after: &Counted,
    observed: &mut Observed<Devices>,
) {
    statistics_of(device, place, before, after, observed);
    if let Ok(now) = &after.disciplines {
        let earlier = before.and_then(|before| before.disciplines.as_deref().ok());
        device.disciplines = Some(discipline::of(link.index, earlier, now));
    }
    if let (Some(Ok(Some(earlier))), Ok(Some(now))) = (before.map(|before| &before.queues), &after.queues) {
        device.queue_statistics = now.get(&link.index).map(|now| grown(earlier.get(&link.index), now));
    }
    // Interrupts are named by the whole machine's devices: a virtual one of this name is another.
    if let (Some(Ok(earlier)), Ok(now), None) =
        (before.map(|before| &before.interrupts), &after.interrupts, &device.kind)
    {
        // That of virtio is named by its place on the bus of virtual devices: `virtio2-input.0`.
        let virtual_bus = sysfs::folder(link)
            .and_then(|folder| fs::read_link(folder.join("device")).ok())
            .and_then(|device| Some(device.file_name()?.to_str()?.to_owned()));
        let names = [Some(device.name.as_str()), device.bus.as_deref(), virtual_bus.as_deref()];
        let is_loopback = link.hardware == libc::ARPHRD_LOOPBACK;
        device.interrupts = now.of(earlier, &names.into_iter().flatten().collect::<Vec<_>>()).filter(|_| !is_loopback);
    }
}

fn statistics_of(
    device: &mut Device,
    place: usize,
    before: Option<&Counted>,
    after: &Counted,
    observed: &mut Observed<Devices>,
) {
    let tried = || format!("read the statistics of {} (ETHTOOL_GSTATS)", device.name);
    let now = match after.statistics.get(place) {
        Some(Ok(Ok(now))) => now,
        Some(Ok(Err(error))) if has_no_such(error) => return,
        Some(Ok(Err(error))) => return observed.miss(&OF_STATISTICS, Gap::io(tried(), error)),
        Some(Err(gap)) => return observed.miss(&OF_STATISTICS, gap.clone()),
        None => return,
    };
    let earlier = match before.and_then(|before| before.statistics.get(place)) {
        Some(Ok(Ok(earlier))) => Some(earlier),
        Some(Ok(Err(error))) => {
            observed.miss(&["devices.losses", "devices.unknown"], Gap::io(tried(), error));
            None
        }
        Some(Err(gap)) => {
            observed.miss(&["devices.losses", "devices.unknown"], gap.clone());
            None
        }
        None => None,
    };
    let told = statistics::told(device.driver.as_deref().unwrap_or_default(), earlier, now);
    if told.changed {
        let why = "its queues changed within the window, and with them the names";
        let gap = Gap::new(Reason::Malformed, tried(), why).to_fix("watch again");
        observed.miss(&["devices.losses", "devices.unknown"], gap);
    }
    if told.went_back {
        let why = "what it counts as lost went backwards: it was reset within the window";
        let gap = Gap::new(Reason::Malformed, tried(), why).to_fix("watch again");
        observed.miss(&["devices.losses", "devices.unknown"], gap);
    }
    device.statistics = Some(u32::try_from(now.len()).unwrap_or(u32::MAX));
    (device.losses, device.unknown, device.losses_left_out) = (told.losses, told.unknown, told.left_out);
}

/// Growth of what the queues counted; what began to be counted within the window began at 0.
fn grown(before: Option<&QueueFigures>, now: &QueueFigures) -> QueueStatistics {
    let growth = |figure: u16| now.get(&figure)?.checked_sub(*before.and_then(|it| it.get(&figure)).unwrap_or(&0));
    QueueStatistics {
        rx_alloc_fail: growth(12),
        rx_hw_drops: growth(13),
        rx_hw_drop_overruns: growth(14),
        rx_csum_bad: growth(18),
        rx_hw_drop_ratelimits: growth(23),
        tx_hw_drops: growth(24),
        tx_hw_drop_ratelimits: growth(32),
        tx_stop: growth(33),
    }
}

/// Why it is not known of some devices how their packets are handed to CPUs. Loopback has no such settings that matter.
fn no_steering(links: &[Link], steering: &[Option<Steering>]) -> Option<Gap> {
    let unseen: Vec<&str> = links
        .iter()
        .zip(steering)
        .filter(|(link, steering)| steering.is_none() && link.hardware != libc::ARPHRD_LOOPBACK)
        .map(|(link, _)| link.name.as_str())
        .collect();
    let (first, more) = (unseen.iter().take(NAMED).copied().collect::<Vec<_>>(), unseen.len().saturating_sub(NAMED));
    if first.is_empty() {
        return None;
    }
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let tried = format!("tell how packets of {}{more} are handed to CPUs (/sys/class/net)", first.join(", "));
    let why = "nothing is mounted at /sys, or what is mounted there shows another network namespace";
    Some(Gap::new(Reason::Absent, tried, why).to_fix("run it where /sys is mounted by this network namespace"))
}
