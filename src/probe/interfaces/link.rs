//! From what the kernel says of a link, and its growth, to the result.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;

use super::rates::{Reading, Seen};
use super::{Address, Entered, Entrance, Guest, Interface, Interfaces, LISTED, QueueGrowth, Unwatched};
use crate::case::{Gap, Observed, Reason};
use crate::probe::watched::{self, Choice, Survey};
use crate::sys::ethtool::Ethtool;
use crate::sys::rtnetlink::{Bridged, Link};

/// Most addresses of an interface in the list; of the watched one and loopback, which tell what is ours, many more.
const ADDRESSES: usize = 64;
const ADDRESSES_WATCHED: usize = 4096;

/// Guests in the list.
const GUESTS: usize = 1_024;
/// Other interfaces that traffic entered by in the list.
const UNWATCHED: usize = 16;
/// How many times as much as the watched one an interface that carries its packets, too, must receive to be listed.
const FAR_MORE: u64 = 2;

/// How many interfaces that came or went are named.
const NAMED: usize = 8;

/// Puts the result together from the surveys around the window and the samples within it. Without the second survey nothing but
/// the counters had time to change.
pub(super) fn compose(
    before: &Survey,
    after: Option<&Survey>,
    reading: &Reading,
    queues: Option<&QueueGrowth>,
    choice: Choice,
) -> Result<Observed<Interfaces>, Gap> {
    let Choice { index: usual, all, alias: watched_alias } = choice;
    let rate = |index: &u32| {
        let rx = reading.get(*index).filter(|seen| seen.samples >= 2)?.rx();
        Some((*index, rx.bits_per_second?, rx.packets_per_second?))
    };
    let watched = watched::busiest_of(&all.iter().filter_map(rate).collect::<Vec<_>>()).unwrap_or(usual);
    let mut links: HashMap<u32, (&Link, &Survey)> = HashMap::new();
    for survey in [Some(before), after].into_iter().flatten() {
        links.extend(survey.links.iter().map(|link| (link.index, (link, survey))));
    }
    let drivers = Ethtool::open().ok();
    let name = |index: u32| links.get(&index).map(|(link, _)| link.name.clone());
    let describe = |index: u32, seen: &Seen, addresses: usize| {
        let (link, survey) = links.get(&index)?;
        let (addresses, addresses_left_out) = addresses_of(link, survey, addresses);
        let (ingress_dropped, queue_dropped) = queues.map_or((None, None), |queues| queues.of(index));
        Some(Interface {
            addresses,
            addresses_left_out,
            lower: link.lower.and_then(name),
            ingress_dropped,
            queue_dropped,
            ..interface(link, seen, link.master.and_then(name), drivers.as_ref())
        })
    };
    let with_samples = |index: u32| {
        let mut interface = describe(index, reading.get(index)?, ADDRESSES_WATCHED)?;
        interface.samples = reading.samples(index).to_vec();
        Some(interface)
    };

    let watched_seen = reading.get(watched).filter(|seen| seen.samples >= 2);
    let (Some(seen), Some(watched)) = (watched_seen, with_samples(watched)) else {
        let name = name(watched).unwrap_or_else(|| format!("with index {watched}"));
        let why = "it vanished before two samples could be taken";
        return Err(Gap::new(Reason::Absent, format!("watch interface {name}"), why));
    };

    let mut busy: Vec<(u32, &Seen)> = reading.seen().filter(|(index, _)| links.contains_key(index)).collect();
    let traffic = |seen: &Seen| seen.rx().bytes.unwrap_or(0).saturating_add(seen.tx().bytes.unwrap_or(0));
    busy.sort_by_cached_key(|(index, seen)| (std::cmp::Reverse(traffic(seen)), *index));
    let interfaces: Vec<Interface> =
        busy.iter().take(LISTED).filter_map(|(index, seen)| describe(*index, seen, ADDRESSES)).collect();

    let mut loss = Vec::new();
    if seen.last_at < reading.last_at() {
        let after = crate::units::span(seen.last_at);
        loss.push(format!("{} vanished within the window; its figures end after {after}", watched.name));
    }
    let came_or_went = |seen: &Seen| seen.samples < 2 || seen.last_at < reading.last_at();
    let others: Vec<String> = busy
        .iter()
        .filter(|(index, seen)| *index != watched.index && came_or_went(seen))
        .filter_map(|(index, _)| name(*index))
        .collect();
    if !others.is_empty() {
        let more = others.len().saturating_sub(NAMED);
        let named = others.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        loss.push(format!("came or went within the window, so that their figures are partial: {named}{more}"));
    }

    let mut observed = Observed::whole(Interfaces {
        from_text: false,
        seconds: reading.seconds(),
        entered: Some(entered(all.iter().filter_map(|index| {
            let interface = describe(*index, reading.get(*index)?, 0)?;
            Some((interface, watched::way(*index, &before.links)))
        }))),
        watched,
        watched_alias,
        default_route: None,
        loopback: watched::loopback(&before.links).and_then(with_samples),
        interfaces_left_out: u32::try_from(busy.len() - interfaces.len()).unwrap_or(u32::MAX),
        interfaces,
        unwatched: Vec::new(),
        guests: Vec::new(),
    });
    observed.loss = loss;
    if seen.rx().bytes.is_none() {
        let why = "the counter went backwards within the window: the driver or the interface was reset";
        let gap = Gap::new(Reason::Malformed, format!("tell what {} received", observed.output.watched.name), why);
        observed.miss(&["watched.rx"], gap.to_fix("watch again"));
    }
    Ok(observed)
}

impl QueueGrowth {
    /// What filters at the ingress and the discipline at the root of an interface dropped in the window. The kernel counts
    /// with 32 bits; one that was set within the window began at 0.
    fn of(&self, index: u32) -> (Option<u64>, Option<u64>) {
        let (before, after) = (self.before.get(&index).copied().unwrap_or_default(), self.after.get(&index));
        let growth = |before: Option<u32>, after: Option<u32>| Some(after?.wrapping_sub(before.unwrap_or(0)).into());
        after.map_or((None, None), |after| (growth(before.ingress, after.ingress), growth(before.root, after.root)))
    }
}

/// The interfaces that were watched together, with what entered by each and its way, added up.
fn entered(interfaces: impl Iterator<Item = (Interface, Vec<String>)>) -> Entered {
    let mut interfaces: Vec<(Interface, Vec<String>)> = interfaces.collect();
    interfaces.sort_by_key(|(interface, _)| std::cmp::Reverse(interface.rx.bytes));
    let whole = |of: fn(&Interface) -> Option<u64>| interfaces.iter().map(|(interface, _)| of(interface)).sum();
    let rate = |of: fn(&Interface) -> Option<f64>| interfaces.iter().map(|(interface, _)| of(interface)).sum();
    Entered {
        bytes: whole(|interface| interface.rx.bytes),
        packets: whole(|interface| interface.rx.packets),
        bits_per_second: rate(|interface| interface.rx.bits_per_second),
        packets_per_second: rate(|interface| interface.rx.packets_per_second),
        missed: whole(|interface| interface.rx.missed),
        interfaces: interfaces
            .into_iter()
            .map(|(interface, way)| Entrance {
                name: interface.name,
                bytes: interface.rx.bytes,
                packets: interface.rx.packets,
                bits_per_second: interface.rx.bits_per_second,
                packets_per_second: interface.rx.packets_per_second,
                utilisation: interface.utilisation,
                xdp_program: interface.xdp_program,
                ingress_dropped: interface.ingress_dropped,
                way,
            })
            .collect(),
    }
}

/// The interfaces beside the watched ones through which traffic entered the host.
pub(super) fn unwatched(links: &[Link], reading: &Reading, watched: &[u32], default: Option<u32>) -> Vec<Unwatched> {
    let received = |index: u32| reading.get(index).and_then(|seen| seen.rx().bytes).unwrap_or(0);
    let related: HashSet<u32> = watched.iter().flat_map(|index| watched::related(*index, links)).collect();
    let seen: u64 = watched.iter().map(|index| received(*index)).sum();
    let by_index: HashMap<u32, &Link> = links.iter().map(|link| (link.index, link)).collect();
    let mut others: Vec<(&Link, Unwatched)> = watched::entrances(links, default, watched::dials())
        .into_iter()
        .filter(|index| !related.contains(index) || received(*index) > FAR_MORE * seen)
        .filter(|index| !watched.contains(index))
        .filter_map(|index| {
            let link = by_index.get(&index)?;
            let rx = reading.get(index)?.rx();
            let other = Unwatched {
                name: link.name.clone(),
                bytes: rx.bytes?,
                packets: rx.packets.filter(|packets| *packets > 0)?,
                bits_per_second: rx.bits_per_second?,
                packets_per_second: rx.packets_per_second?,
                utilisation: None,
            };
            Some((*link, other))
        })
        .collect();
    others.sort_by_key(|(_, other)| std::cmp::Reverse(other.bytes));
    others.truncate(UNWATCHED);
    let drivers = if others.is_empty() { None } else { Ethtool::open().ok() };
    let of_speed = |(link, other): (&Link, Unwatched)| {
        let utilisation = speed(link, drivers.as_ref()).map(|speed| other.bits_per_second / speed as f64);
        Unwatched { utilisation, ..other }
    };
    others.into_iter().map(of_speed).collect()
}

/// The guests that are reached through the watched interfaces.
pub(super) fn guests(links: &[Link], bridged: &[Bridged], watched: &[u32]) -> Vec<Guest> {
    let mut guests: Vec<Guest> = Vec::new();
    watched.iter().for_each(|index| guests_of(links, bridged, *index, &mut guests));
    guests
}

fn guests_of(links: &[Link], bridged: &[Bridged], watched: u32, guests: &mut Vec<Guest>) {
    let bridge = links.iter().find(|link| link.index == watched).and_then(|link| link.master);
    let own = |address: &[u8; 6]| links.iter().any(|link| link.link_address == address);
    for row in bridged.iter().filter(|row| !own(&row.address)) {
        let behind = bridge.is_some() && row.master == bridge && row.index != watched && !row.taken;
        let on_it = row.index == watched && row.taken;
        let mac = colons(&row.address);
        if (behind || on_it) && guests.len() < GUESTS && guests.iter().all(|guest| guest.mac != mac) {
            let interface = watched::name_of(row.index, links).filter(|_| behind);
            let way = watched::way(watched, links).into_iter().chain(interface.clone()).collect();
            guests.push(Guest { mac, interface, way });
        }
    }
}

/// The first addresses of a link, and how many more it has.
fn addresses_of(link: &Link, survey: &Survey, most: usize) -> (Vec<Address>, u32) {
    let mut all: Vec<Address> = survey
        .addresses
        .iter()
        .filter(|address| address.index == link.index)
        .map(|address| Address {
            address: address.address,
            prefix: address.prefix,
            label: address.label.clone().filter(|label| *label != link.name),
        })
        .collect();
    let left_out = all.len().saturating_sub(most);
    all.truncate(most);
    (all, u32::try_from(left_out).unwrap_or(u32::MAX))
}

/// One interface, without its addresses and samples.
fn interface(link: &Link, seen: &Seen, master: Option<String>, drivers: Option<&Ethtool>) -> Interface {
    let rx = seen.rx();
    let speed = speed(link, drivers);
    Interface {
        name: link.name.clone(),
        index: link.index,
        kind: link.kind.clone(),
        link: link_type(link.hardware),
        up: link.flags & libc::IFF_UP as u32 != 0,
        carrier: link.carrier,
        mac: mac(link),
        mtu: link.mtu,
        speed_bits_per_second: speed,
        allowance_exceeded: None,
        utilisation: rx.bits_per_second.zip(speed).map(|(bits, speed)| bits / speed as f64),
        master,
        lower: None,
        xdp_program: link.xdp_program,
        xdp_in_driver: link.xdp_place.map(|place| matches!(place, 1 | 4)),
        ingress_dropped: None,
        queue_dropped: None,
        addresses: Vec::new(),
        addresses_left_out: 0,
        rx,
        tx: seen.tx(),
        since_boot: seen.totals(),
        samples: Vec::new(),
    }
}

/// The link address for people; none where it would say nothing.
fn mac(link: &Link) -> Option<String> {
    let real = matches!(link.link_address.len(), 6..=20) && link.hardware != libc::ARPHRD_LOOPBACK;
    real.then(|| colons(&link.link_address))
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// The speed of an Ethernet link, from its driver.
fn speed(link: &Link, drivers: Option<&Ethtool>) -> Option<u64> {
    if link.hardware != libc::ARPHRD_ETHER || link.flags & libc::IFF_UP as u32 == 0 {
        return None;
    }
    let name = CString::new(link.name.as_bytes()).ok()?;
    Some(u64::from(drivers?.link_settings(&name).ok()?.megabits?) * 1_000_000)
}

/// The name of a link type (`ARPHRD_*`).
fn link_type(hardware: u16) -> String {
    let name = match hardware {
        libc::ARPHRD_ETHER => "ethernet",
        libc::ARPHRD_LOOPBACK => "loopback",
        libc::ARPHRD_NONE => "none",
        libc::ARPHRD_PPP => "ppp",
        libc::ARPHRD_SLIP => "slip",
        libc::ARPHRD_INFINIBAND => "infiniband",
        libc::ARPHRD_CAN => "can",
        RAWIP => "rawip",
        libc::ARPHRD_TUNNEL => "ipip",
        libc::ARPHRD_TUNNEL6 => "ip6tnl",
        libc::ARPHRD_SIT => "sit",
        libc::ARPHRD_IPGRE => "gre",
        IP6GRE => "ip6gre",
        libc::ARPHRD_IEEE80211 => "wifi",
        libc::ARPHRD_IEEE80211_RADIOTAP => "radiotap",
        other => return format!("type {other}"),
    };
    name.to_owned()
}

/// `ARPHRD_RAWIP`, of cellular modems; libc lacks it.
const RAWIP: u16 = 519;
/// `ARPHRD_IP6GRE`; libc lacks it.
const IP6GRE: u16 = 823;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::rtnetlink::{LinkCounters, QueueDrops};

    fn link(index: u32, name: &str) -> Link {
        Link { index, name: name.into(), hardware: 1, link_address: vec![2, 0, 0, 0, 0, 255], ..Link::default() }
    }

    fn bytes(counts: &[(u32, u64)]) -> HashMap<u32, LinkCounters> {
        counts
            .iter()
            .map(|(index, rx_bytes)| (*index, LinkCounters { rx_bytes: *rx_bytes, ..LinkCounters::default() }))
            .collect()
    }

    #[test]
    fn an_interface_that_vanished_keeps_what_was_seen_and_says_so() {
        let survey = Survey { links: vec![link(7, "veth7"), link(8, "veth8")], addresses: Vec::new() };
        let mut reading = Reading::new([7].into_iter());
        reading.add(0.0, bytes(&[(7, 0), (8, 0)]));
        reading.add(1.0, bytes(&[(7, 500), (8, 9)]));
        reading.add(2.0, bytes(&[(8, 20)]));
        let seen = compose(&survey, None, &reading, None, Choice { index: 7, all: vec![7], alias: None }).unwrap();
        assert_eq!(seen.output.watched.rx.bytes, Some(500));
        assert_eq!(seen.output.watched.rx.bits_per_second, Some(4000.0));
        assert_eq!(seen.loss, ["veth7 vanished within the window; its figures end after 1 s"]);
        assert_eq!(seen.output.interfaces[0].name, "veth7", "the busiest comes first");
        assert_eq!(seen.output.watched.mac.as_deref(), Some("02:00:00:00:00:ff"));
    }

    #[test]
    fn an_interface_that_vanished_at_once_is_a_gap() {
        let survey = Survey { links: vec![link(7, "veth7")], addresses: Vec::new() };
        let mut reading = Reading::new([7].into_iter());
        reading.add(0.0, bytes(&[(7, 0)]));
        reading.add(1.0, HashMap::new());
        let gap = compose(&survey, None, &reading, None, Choice { index: 7, all: vec![7], alias: None }).unwrap_err();
        assert_eq!((gap.reason, gap.tried.as_str()), (Reason::Absent, "watch interface veth7"));
    }

    #[test]
    fn more_interfaces_than_are_listed_are_counted() {
        let many = LISTED as u32 + 40;
        let survey = Survey {
            links: (1..=many).map(|index| link(index, &format!("v{index}"))).collect(),
            addresses: Vec::new(),
        };
        let mut reading = Reading::new([5].into_iter());
        for at in [0.0, 1.0] {
            reading.add(at, (1..=many).map(|index| (index, LinkCounters::default())).collect());
        }
        let seen =
            compose(&survey, Some(&survey), &reading, None, Choice { index: 5, all: vec![5], alias: None }).unwrap();
        assert_eq!((seen.output.interfaces.len(), seen.output.interfaces_left_out), (LISTED, 40));
    }

    #[test]
    fn what_enters_by_other_interfaces_is_told_and_not_twice() {
        let up = |index, name| Link { flags: libc::IFF_UP as u32, ..link(index, name) };
        let links =
            [up(2, "eth0"), up(3, "eth1"), Link { kind: Some("vlan".into()), lower: Some(3), ..up(4, "eth1.7") }];
        let mut reading = Reading::new([2].into_iter());
        for (at, growth) in [(0.0, 0), (1.0, 1_000_000)] {
            let counters = |bytes| LinkCounters { rx_bytes: bytes, rx_packets: bytes / 100, ..LinkCounters::default() };
            reading.add(at, [(2, counters(growth / 10)), (3, counters(growth)), (4, counters(growth))].into());
        }
        let names = |watched| -> Vec<String> {
            unwatched(&links, &reading, &[watched], Some(2)).into_iter().map(|other| other.name).collect()
        };
        assert!(unwatched(&links, &reading, &[2, 3], Some(2)).is_empty(), "both were watched");
        assert_eq!(names(2), ["eth1"], "the VLAN's packets came by eth1");
        assert_eq!(names(4), ["eth0"], "eth1 carries what was watched");
    }

    #[test]
    fn machines_behind_other_ports_and_devices_on_the_interface_are_guests() {
        let links = [Link { master: Some(9), ..link(2, "eth0") }, Link { master: Some(9), ..link(3, "vnet0") }];
        let row = |index, last, taken: bool| Bridged {
            index,
            master: Some(9).filter(|_| !taken),
            address: [2, 0, 0, 0, 0, last],
            taken,
        };
        let rows = [row(2, 1, false), row(3, 2, false), row(2, 3, true), row(3, 4, true), row(3, 255, false)];
        let seen: Vec<_> = guests(&links, &rows, &[2]).into_iter().map(|guest| (guest.mac, guest.interface)).collect();
        let guest = |mac: &str, port: Option<&str>| (mac.to_owned(), port.map(str::to_owned));
        assert_eq!(seen, [guest("02:00:00:00:00:02", Some("vnet0")), guest("02:00:00:00:00:03", None)]);
    }

    #[test]
    fn a_queue_that_was_set_within_the_window_began_with_nothing() {
        let drops = |ingress, root| HashMap::from([(2, QueueDrops { ingress, root })]);
        let queues = QueueGrowth { before: drops(None, Some(u32::MAX)), after: drops(Some(7), Some(4)) };
        assert_eq!(queues.of(2), (Some(7), Some(5)));
        assert_eq!(queues.of(3), (None, None));
    }
}
