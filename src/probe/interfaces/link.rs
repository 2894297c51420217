//! From what the kernel says of a link, and its growth, to the result.

use std::collections::HashMap;
use std::fs;

use super::rates::{Reading, Seen};
use super::{Address, Interface, Interfaces, LISTED};
use crate::case::{Gap, Observed, Reason};
use crate::probe::watched::{self, Survey};
use crate::sys::rtnetlink::Link;

/// Most addresses of an interface in the list; of the watched one and loopback, which tell what is ours, many more.
const ADDRESSES: usize = 64;
const ADDRESSES_WATCHED: usize = 4096;

/// How many interfaces that came or went are named.
const NAMED: usize = 8;

/// Puts the result together from the surveys around the window and the samples within it.
pub(super) fn compose(
    before: &Survey,
    after: &Survey,
    reading: &Reading,
    watched: u32,
    watched_alias: Option<String>,
) -> Result<Observed<Interfaces>, Gap> {
    let mut links: HashMap<u32, (&Link, &Survey)> = HashMap::new();
    for survey in [before, after] {
        links.extend(survey.links.iter().map(|link| (link.index, (link, survey))));
    }
    let name = |index: u32| links.get(&index).map(|(link, _)| link.name.clone());
    let describe = |index: u32, seen: &Seen, addresses: usize| {
        let (link, survey) = links.get(&index)?;
        let (addresses, addresses_left_out) = addresses_of(link, survey, addresses);
        Some(Interface { addresses, addresses_left_out, ..interface(link, seen, link.master.and_then(name)) })
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
    busy.sort_by_key(|(index, seen)| (std::cmp::Reverse(traffic(seen)), *index));
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
        watched,
        watched_alias,
        default_route: None,
        loopback: watched::loopback(&before.links).and_then(with_samples),
        interfaces_left_out: u32::try_from(busy.len() - interfaces.len()).unwrap_or(u32::MAX),
        interfaces,
    });
    observed.loss = loss;
    if seen.rx().bytes.is_none() {
        let why = "the counter went backwards within the window: the driver or the interface was reset";
        let gap = Gap::new(Reason::Malformed, format!("tell what {} received", observed.output.watched.name), why);
        observed.miss(&["watched.rx"], gap.to_fix("watch again"));
    }
    Ok(observed)
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
fn interface(link: &Link, seen: &Seen, master: Option<String>) -> Interface {
    let rx = seen.rx();
    let speed = speed(link);
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

/// The speed of an Ethernet link, from sysfs. What is mounted there may be another network namespace's, where the same
/// name means another interface: index and link address must agree.
fn speed(link: &Link) -> Option<u64> {
    if link.hardware != libc::ARPHRD_ETHER || link.flags & libc::IFF_UP as u32 == 0 {
        return None;
    }
    let read = |file: &str| fs::read_to_string(format!("/sys/class/net/{}/{file}", link.name)).ok();
    let same =
        read("ifindex")?.trim().parse() == Ok(link.index) && read("address")?.trim() == colons(&link.link_address);
    let megabits: i64 = read("speed").filter(|_| same)?.trim().parse().ok()?;
    u64::try_from(megabits).ok().filter(|speed| *speed > 0)?.checked_mul(1_000_000)
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
    use crate::sys::rtnetlink::LinkCounters;

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
        let seen = compose(&survey, &Survey::default(), &reading, 7, None).unwrap();
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
        let gap = compose(&survey, &Survey::default(), &reading, 7, None).unwrap_err();
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
        let seen = compose(&survey, &survey, &reading, 5, None).unwrap();
        assert_eq!((seen.output.interfaces.len(), seen.output.interfaces_left_out), (LISTED, 40));
    }
}
