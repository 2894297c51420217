//! Which interface is watched: by name, alias, address, or by itself. All probes that watch one ask here, so that the same
//! parameter means the same interface to each of them.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Context;
use crate::case::{Gap, Reason};
use crate::printable::printable;
use crate::suggest::Suggestion;
use crate::sys::rtnetlink::{DefaultRoute, Link, LinkAddress, Rtnetlink};

/// How many names an error lists.
const NAMED: usize = 12;

/// Interfaces that are watched at once.
const WATCHED: usize = 8;
/// How long `auto` looks at the counters where there are more. Less than the window's beginning waits for one probe.
const LOOK: Duration = Duration::from_millis(150);
/// What an interface must receive in a second to matter more than that of the default route: less is no trouble.
const LEAST_BITS: f64 = 1e6;
const LEAST_PACKETS: f64 = 200.0;
/// How many times as much as that of the default route it must receive.
const FAR_MORE: f64 = 2.0;

/// Kinds of interfaces whose packets come in by another one, or from this host itself.
const CARRIED: [&str; 33] = [
    "bareudp",
    "bridge",
    "dummy",
    "erspan",
    "fou",
    "geneve",
    "gre",
    "gretap",
    "gtp",
    "ifb",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ipip",
    "ipvlan",
    "ipvtap",
    "l2tp",
    "macsec",
    "macvlan",
    "macvtap",
    "netdevsim",
    "nlmon",
    "ppp",
    "sit",
    "vcan",
    "vlan",
    "vrf",
    "vti",
    "vti6",
    "vxlan",
    "wireguard",
    "xfrm",
];
/// Kinds of interfaces that lead to guests of this host, where it has hardware of its own.
const TO_GUESTS: [&str; 4] = ["netkit", "tap", "tun", "veth"];

/// What is known about the host's links at one moment.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Its links.
    pub(super) links: Vec<Link>,
    /// Their addresses.
    pub(super) addresses: Vec<LinkAddress>,
}

impl Survey {
    /// Asks the kernel.
    pub(super) fn take(door: &mut Rtnetlink) -> Result<Self, Gap> {
        let links = door.links().map_err(|error| Gap::io("list the network interfaces (RTM_GETLINK)", &error))?;
        let addresses = door.addresses().map_err(|error| Gap::io("list the addresses (RTM_GETADDR)", &error))?;
        Ok(Survey { links, addresses })
    }
}

/// The interfaces of this host, for those who must know before a probe looks.
#[derive(Debug)]
pub struct Interfaces(Survey);

impl Interfaces {
    /// Asks the kernel; nothing, where it does not answer.
    pub fn look() -> Option<Self> {
        door().and_then(|mut door| Survey::take(&mut door)).ok().map(Interfaces)
    }

    /// Why what a parameter names cannot be watched.
    pub fn gap(&self, wanted: &str) -> Option<Gap> {
        if wanted == "auto" { None } else { choose(wanted, &self.0, &[]).err() }
    }
}

/// Whether each of these is the name of an interface, asked one by one: of many interfaces that is far less than all.
pub fn are_interfaces<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    door().is_ok_and(|mut door| names.all(|name| door.is_link(name)))
}

/// The default routes of both families; those of IPv6 are not missed where the host has none of it.
pub(super) fn default_routes(door: &mut Rtnetlink) -> io::Result<Vec<DefaultRoute>> {
    let mut routes = door.default_routes(false)?;
    routes.extend(door.default_routes(true).unwrap_or_default());
    Ok(routes)
}

/// A netlink socket to ask.
pub(super) fn door() -> Result<Rtnetlink, Gap> {
    Rtnetlink::open().map_err(|error| Gap::io("open a netlink socket for routes", &error))
}

/// The interfaces that were chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The index of the one that was named; of several that `auto` means the one of the default route.
    pub(super) index: u32,
    /// The indices of all, that one first.
    pub(super) all: Vec<u32>,
    /// The alias, other name or address by which it was named.
    pub(super) alias: Option<String>,
}

impl Choice {
    /// One interface alone.
    fn one(index: u32, alias: Option<String>) -> Self {
        Choice { index, all: vec![index], alias }
    }

    /// Several, the one that matters first.
    fn several(all: Vec<u32>) -> Result<Self, Gap> {
        let index = all.first().copied().ok_or_else(nothing_to_watch)?;
        Ok(Choice { index, all, alias: None })
    }
}

/// The interface that the parameter names. What `auto` means, the probes of a window agree about: the interfaces through
/// which traffic enters the host.
pub(super) fn find(
    wanted: &str,
    door: &mut Rtnetlink,
    survey: &Survey,
    routes: &[DefaultRoute],
    cx: &Context,
) -> Result<Choice, Gap> {
    if wanted != "auto" {
        return choose(wanted, survey, routes);
    }
    Choice::several(cx.agree_on_interfaces(|| watch_all(door, survey, routes, cx)))
}

/// The same in another network namespace, where the calling thread is: about that one nobody agrees.
pub(super) fn find_elsewhere(
    wanted: &str,
    door: &mut Rtnetlink,
    survey: &Survey,
    routes: &[DefaultRoute],
    cx: &Context,
) -> Result<Choice, Gap> {
    if wanted != "auto" {
        return choose(wanted, survey, routes);
    }
    Choice::several(watch_all(door, survey, routes, cx))
}

/// The interfaces that `auto` means, that of the default route first.
fn watch_all(door: &mut Rtnetlink, survey: &Survey, routes: &[DefaultRoute], cx: &Context) -> Vec<u32> {
    let usual = usual(survey, routes);
    let mut entrances = entrances(&survey.links, usual, dials());
    if entrances.is_empty() {
        return usual.into_iter().collect();
    }
    if entrances.len() > WATCHED {
        let (before, begun) = (door.counters(), Instant::now());
        cx.sleep_until(begun + LOOK);
        if let (Ok(before), Ok(after)) = (before, door.counters()) {
            let received = |index: &u32| Some(after.get(index)?.rx_bytes.saturating_sub(before.get(index)?.rx_bytes));
            entrances.sort_by_key(|index| std::cmp::Reverse(received(index)));
        }
    }
    // That of the default route, or the one that brings its packets, comes first.
    let related = usual.map_or_else(HashSet::new, |usual| related(usual, &survey.links));
    entrances.sort_by_key(|index| (Some(*index) != usual, !related.contains(index)));
    entrances.truncate(WATCHED);
    entrances
}

/// The interface of the default route, else the one that is up and has received most since boot, else one that is down, for
/// that must be said, else loopback.
fn usual(survey: &Survey, routes: &[DefaultRoute]) -> Option<u32> {
    let links = &survey.links;
    default_route(routes).or_else(|| busiest(links)).or_else(|| idle(links)).or_else(|| loopback(links))
}

fn nothing_to_watch() -> Gap {
    Gap::new(Reason::Absent, "choose an interface to watch", "this network namespace has none at all")
}

/// Of interfaces that were watched together the one that matters: which received most, unless that is little or not far more
/// than what the first of them received. Given by index, with bits and packets per second.
pub(super) fn busiest_of(rates: &[(u32, f64, f64)]) -> Option<u32> {
    let (usual, usual_bits, _) = *rates.first()?;
    let (busiest, bits, packets) = *rates.iter().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let matters = bits >= LEAST_BITS || packets >= LEAST_PACKETS;
    Some(if matters && bits > FAR_MORE * usual_bits { busiest } else { usual })
}

/// The interfaces through which traffic enters the host: each packet comes in by one of them alone, the outermost. Those
/// that stand on others (bridges, VLANs, tunnels) are none, nor are members of a bond, nor, on a host with network hardware,
/// those that lead to its own guests. That of the default route is one, too, up or not, unless another one brings its packets:
/// those of a PPP link do where it goes over Ethernet (`dials`), and not where it goes over a modem.
pub(super) fn entrances(links: &[Link], default: Option<u32>, dials: bool) -> Vec<u32> {
    let is_up = |link: &&Link| link.flags & libc::IFF_UP as u32 != 0 && link.carrier != Some(false);
    let is_real = |link: &&Link| link.hardware != libc::ARPHRD_LOOPBACK;
    let hardware = links.iter().filter(is_up).filter(is_real).any(|link| link.kind.is_none());
    let kind_of = |index: u32| links.iter().find(|link| link.index == index).and_then(|link| link.kind.as_deref());
    let enters = |link: &&Link| {
        let kind = link.kind.as_deref().unwrap_or_default();
        // A TUN device without link addresses is a tunnel of a process; a TAP device leads to a guest.
        let is_tunnel = kind == "tun" && link.hardware == libc::ARPHRD_NONE;
        let stands_on_others = CARRIED.contains(&kind) || link.lower.is_some() || is_tunnel;
        let is_member = link.master.and_then(kind_of).is_some_and(|kind| matches!(kind, "bond" | "team"));
        !(stands_on_others || is_member || hardware && TO_GUESTS.contains(&kind))
    };
    let up = || links.iter().filter(is_up).filter(is_real);
    let mut found: Vec<u32> = up().filter(enters).map(|link| link.index).collect();
    // One that is down is watched, too: that nothing comes in by it must be said.
    let left_out = links.iter().find(|link| Some(link.index) == default && !found.contains(&link.index));
    if let Some(link) = left_out {
        let carriers = related(link.index, links);
        // What a tunnel stands on is not told; its packets come in by one of the others.
        let kind = link.kind.as_deref().unwrap_or_default();
        let is_tunnel = kind == "tun"
            || kind == "ppp" && dials
            || CARRIED.contains(&kind) && !matches!(kind, "bridge" | "ipvlan" | "macvlan" | "ppp" | "vlan");
        let brought = found.iter().any(|index| carriers.contains(index)) || is_tunnel && !found.is_empty();
        if !brought {
            found.push(link.index);
        }
    }
    found
}

/// Whether this network namespace has PPPoE sessions: then PPP goes over one of its other interfaces.
pub(super) fn dials() -> bool {
    let sessions = std::fs::read_to_string("/proc/thread-self/net/pppoe");
    // The first line names the columns.
    sessions.is_ok_and(|text| text.lines().count() > 1)
}

/// The way of packets that come in by the interface with that index: its name, then those of the bridge or bond that it
/// belongs to and so on.
pub(super) fn way(index: u32, links: &[Link]) -> Vec<String> {
    let mut way: Vec<(u32, String)> = Vec::new();
    let mut next = links.iter().find(|link| link.index == index);
    while let Some(link) = next.filter(|link| way.iter().all(|(index, _)| *index != link.index)) {
        way.push((link.index, link.name.clone()));
        next = links.iter().find(|other| link.master == Some(other.index));
    }
    way.into_iter().map(|(_, name)| name).collect()
}

/// The interfaces that carry packets of the one with that index: those that it stands on and those that stand on it, its
/// bridge or bond with all that stands on them; itself among them.
pub(super) fn related(index: u32, links: &[Link]) -> HashSet<u32> {
    let above = |index: u32| {
        let master = links.iter().find(|link| link.index == index).and_then(|link| link.master);
        master.into_iter().chain(links.iter().filter(move |link| link.lower == Some(index)).map(|link| link.index))
    };
    let below = |index: u32| {
        let lower = links.iter().find(|link| link.index == index).and_then(|link| link.lower);
        lower.into_iter().chain(links.iter().filter(move |link| link.master == Some(index)).map(|link| link.index))
    };
    let mut related = HashSet::from([index]);
    let mut left = vec![(index, true), (index, false)];
    while let Some((index, upwards)) = left.pop() {
        let next: Vec<u32> = if upwards { above(index).collect() } else { below(index).collect() };
        left.extend(next.into_iter().filter(|index| related.insert(*index)).map(|index| (index, upwards)));
    }
    related
}

/// The interface that the parameter names; of `auto` the usual one.
fn choose(wanted: &str, survey: &Survey, routes: &[DefaultRoute]) -> Result<Choice, Gap> {
    let links = &survey.links;
    if wanted == "auto" {
        return usual(survey, routes).map(|index| Choice::one(index, None)).ok_or_else(nothing_to_watch);
    }
    // The kernel's names come escaped.
    let escaped = printable(wanted.as_bytes());
    let is_wanted = |name: &str| name == wanted || name == escaped;
    if let Some(link) = links.iter().find(|link| is_wanted(&link.name)) {
        return Ok(Choice::one(link.index, None));
    }
    let by_name = links.iter().find(|link| link.other_names.iter().any(|name| is_wanted(name))).map(|link| link.index);
    let by_address = || {
        let as_address = wanted.parse::<IpAddr>().ok();
        let named = |address: &&LinkAddress| {
            address.label.as_deref().is_some_and(is_wanted) || Some(address.address) == as_address
        };
        survey.addresses.iter().find(named).map(|address| address.index)
    };
    match by_name.or_else(by_address) {
        Some(index) => Ok(Choice::one(index, Some(wanted.to_owned()))),
        None => Err(unknown(wanted, survey)),
    }
}

/// The interface of the default route: IPv4's with the lowest metric, else IPv6's.
pub(super) fn default_route(routes: &[DefaultRoute]) -> Option<u32> {
    routes.iter().min_by_key(|route| (route.v6, route.metric)).map(|route| route.index)
}

/// The loopback interface.
pub(super) fn loopback(links: &[Link]) -> Option<u32> {
    links.iter().find(|link| link.hardware == libc::ARPHRD_LOOPBACK).map(|link| link.index)
}

/// The name of an interface.
pub(super) fn name_of(index: u32, links: &[Link]) -> Option<String> {
    links.iter().find(|link| link.index == index).map(|link| link.name.clone())
}

/// The interface that has received most since boot, of those that are up and not loopback.
fn busiest(links: &[Link]) -> Option<u32> {
    links
        .iter()
        .filter(|link| link.hardware != libc::ARPHRD_LOOPBACK && link.flags & libc::IFF_UP as u32 != 0)
        .max_by_key(|link| link.counters.map(|counters| counters.rx_bytes))
        .map(|link| link.index)
}

/// Of interfaces that are down the one that has received most since boot; devices that stand on others are none.
fn idle(links: &[Link]) -> Option<u32> {
    let stands_alone = |link: &&Link| !CARRIED.contains(&link.kind.as_deref().unwrap_or_default());
    let real = links.iter().filter(|link| link.hardware != libc::ARPHRD_LOOPBACK).filter(stands_alone);
    real.max_by_key(|link| link.counters.map(|counters| counters.rx_bytes)).map(|link| link.index)
}

/// Says which interfaces there are, and which was probably meant.
fn unknown(wanted: &str, survey: &Survey) -> Gap {
    let names = survey.links.iter().map(|link| link.name.as_str());
    let labels = survey.addresses.iter().filter_map(|address| address.label.as_deref());
    let mut known: Vec<&str> = names.clone().collect();
    known.extend(labels.filter(|label| names.clone().all(|name| name != *label)));
    let mut listed = known.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if known.len() > NAMED {
        listed.push_str(&format!(" and {} more", known.len() - NAMED));
    }
    let gap = Gap::new(
        Reason::Absent,
        format!("watch interface `{}`", wanted.escape_debug()),
        format!("there is no such interface, alias or address; there are {listed}"),
    );
    let suggestion = Suggestion::of(wanted, known.iter().copied());
    gap.to_fix(suggestion.question().unwrap_or_else(|| "name one of them, or `auto`".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::rtnetlink::LinkCounters;

    fn link(index: u32, name: &str, up: bool, rx_bytes: u64) -> Link {
        Link {
            index,
            name: name.into(),
            hardware: if name == "lo" { libc::ARPHRD_LOOPBACK } else { 1 },
            flags: u32::from(up),
            counters: Some(LinkCounters { rx_bytes, ..LinkCounters::default() }),
            ..Link::default()
        }
    }

    fn survey() -> Survey {
        let alias = LinkAddress { index: 3, address: [192, 0, 2, 7].into(), prefix: 24, label: Some("eth1:1".into()) };
        let v6 = LinkAddress { index: 3, address: "2001:db8::10".parse().unwrap(), prefix: 64, label: None };
        let links = vec![
            link(1, "lo", true, 900),
            link(2, "eth0", true, 5),
            Link { other_names: vec!["uplink".into()], ..link(3, "eth1", true, 70) },
            link(4, "eth2", false, 80),
        ];
        Survey { links, addresses: vec![alias, v6] }
    }

    #[test]
    fn the_default_route_of_ipv4_with_the_lowest_metric_decides() {
        let route = |v6, index, metric| DefaultRoute { v6, index, metric };
        let routes = [route(true, 4, 1), route(false, 3, 600), route(false, 2, 100)];
        assert_eq!(choose("auto", &survey(), &routes).unwrap().index, 2);
        assert_eq!(choose("auto", &survey(), &routes[..1]).unwrap().index, 4);
    }

    #[test]
    fn without_a_default_route_it_is_the_busiest_that_is_up_and_at_last_loopback() {
        let mut survey = survey();
        assert_eq!(choose("auto", &survey, &[]).unwrap().index, 3);
        survey.links.truncate(1);
        assert_eq!(choose("auto", &survey, &[]).unwrap().index, 1);
        survey.links.clear();
        assert_eq!(choose("auto", &survey, &[]).unwrap_err().reason, Reason::Absent);
    }

    #[test]
    fn the_interface_that_received_far_more_than_the_usual_one_matters() {
        let of = |usual: f64, other: f64| busiest_of(&[(2, usual, 0.0), (3, other, other / 8000.0)]);
        assert_eq!(of(4e5, 8e7), Some(3));
        assert_eq!(of(7e7, 8e7), Some(2), "about as much is no reason");
        assert_eq!(of(0.0, 7e5), Some(2), "less than a megabit a second is no trouble");
        assert_eq!(busiest_of(&[]), None);
    }

    #[test]
    fn what_comes_in_by_a_port_a_bond_or_a_card_is_counted_there_once() {
        let of = |index, name: &str, kind: &str| Link {
            kind: Some(kind.to_owned()).filter(|kind| !kind.is_empty()),
            ..link(index, name, true, 0)
        };
        let links = [
            of(1, "lo", ""),
            Link { master: Some(5), ..of(2, "eth0", "") },
            Link { master: Some(6), ..of(3, "eth1", "") },
            of(4, "eth2", ""),
            of(5, "br0", "bridge"),
            of(6, "bond0", "bond"),
            Link { lower: Some(6), ..of(7, "bond0.30", "vlan") },
            Link { master: Some(5), ..of(8, "vnet0", "tun") },
            of(9, "wg0", "wireguard"),
            link(10, "down", false, 0),
        ];
        assert_eq!(entrances(&links, None, false), [2, 4, 6]);
        assert_eq!(
            entrances(&links, Some(5), false),
            [2, 4, 6],
            "its port brings what comes by the bridge of the default route"
        );
        assert_eq!(entrances(&links, Some(9), false), [2, 4, 6], "a tunnel's packets come in by another one");
        assert_eq!(way(2, &links), ["eth0", "br0"]);
        assert_eq!(entrances(&links[4..5], Some(5), false), [5], "nothing else brings its packets");
        let mut above: Vec<u32> = related(3, &links).into_iter().collect();
        above.sort_unstable();
        assert_eq!(above, [3, 6, 7]);
        // A PPP link is an entrance where it goes over a modem, and none over Ethernet.
        let dialled = [of(2, "eth0", ""), of(3, "ppp0", "ppp")];
        assert_eq!(entrances(&dialled, Some(3), true), [2]);
        assert_eq!(entrances(&dialled, Some(3), false), [2, 3]);
        // Within a container there is no hardware; a tunnel of a process is no entrance there, either.
        let tunnel = Link { hardware: libc::ARPHRD_NONE, ..of(3, "tun0", "tun") };
        assert_eq!(entrances(&[of(2, "eth0", "veth"), tunnel], Some(3), false), [2]);
        let inside = [of(1, "lo", ""), of(2, "eth0", "veth"), of(3, "eth1", "veth")];
        assert_eq!(entrances(&inside, Some(2), false), [2, 3]);
    }

    #[test]
    fn another_name_an_alias_or_an_address_means_its_interface() {
        for wanted in ["uplink", "eth1:1", "192.0.2.7", "2001:db8::10", "2001:DB8:0::10"] {
            let choice = choose(wanted, &survey(), &[]).unwrap();
            assert_eq!(choice, Choice::one(3, Some(wanted.into())));
        }
        assert_eq!(choose("eth1", &survey(), &[]).unwrap(), Choice::one(3, None));
    }

    #[test]
    fn a_wrong_name_gets_the_right_ones_and_a_guess() {
        let gap = choose("eht1", &survey(), &[]).unwrap_err();
        assert!(gap.why.contains("there are lo, eth0, eth1, eth2, eth1:1"), "{gap}");
        assert!(gap.to_fix.as_deref().unwrap().starts_with("did you mean `eth1"), "{gap}");
        assert!(choose("xyz", &survey(), &[]).unwrap_err().to_fix.unwrap().contains("auto"));
    }

    #[test]
    fn a_name_is_found_as_the_kernel_has_it_and_as_it_is_shown() {
        let survey = Survey { links: vec![link(5, &printable(b"a\x01b"), true, 0)], addresses: Vec::new() };
        let shown = survey.links[0].name.clone();
        assert_eq!(choose("a\x01b", &survey, &[]).unwrap().index, 5);
        assert_eq!(choose(&shown, &survey, &[]).unwrap().index, 5);
    }

    #[test]
    fn a_name_goes_before_an_alias_that_is_spelt_alike() {
        let mut survey = survey();
        survey.addresses[0].label = Some("eth0".into());
        assert_eq!(choose("eth0", &survey, &[]).unwrap(), Choice::one(2, None));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(wanted in "\\PC{0,40}|[a-f0-9:.%\\[\\]]{0,40}") {
            let _ = choose(&wanted, &survey(), &[]);
        }
    }
}
