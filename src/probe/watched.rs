//! Which interface is watched: by name, alias, address, or by itself. All probes that watch one ask here, so that the same
//! parameter means the same interface to each of them.

use std::io;
use std::net::IpAddr;

use crate::case::{Gap, Reason};
use crate::printable::printable;
use crate::suggest::Suggestion;
use crate::sys::rtnetlink::{DefaultRoute, Link, LinkAddress, Rtnetlink};

/// How many names an error lists.
const NAMED: usize = 12;

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

/// The interface that was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its index.
    pub(super) index: u32,
    /// The alias, other name or address by which it was named.
    pub(super) alias: Option<String>,
}

/// The interface that the parameter names.
pub(super) fn choose(wanted: &str, survey: &Survey, routes: &[DefaultRoute]) -> Result<Choice, Gap> {
    let links = &survey.links;
    if wanted == "auto" {
        let index = default_route(routes).or_else(|| busiest(links)).or_else(|| loopback(links));
        return index.map(|index| Choice { index, alias: None }).ok_or_else(|| {
            Gap::new(Reason::Absent, "choose an interface to watch", "this network namespace has none at all")
        });
    }
    // The kernel's names come escaped.
    let escaped = printable(wanted.as_bytes());
    let is_wanted = |name: &str| name == wanted || name == escaped;
    if let Some(link) = links.iter().find(|link| is_wanted(&link.name)) {
        return Ok(Choice { index: link.index, alias: None });
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
        Some(index) => Ok(Choice { index, alias: Some(wanted.to_owned()) }),
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
    fn another_name_an_alias_or_an_address_means_its_interface() {
        for wanted in ["uplink", "eth1:1", "192.0.2.7", "2001:db8::10", "2001:DB8:0::10"] {
            let choice = choose(wanted, &survey(), &[]).unwrap();
            assert_eq!(choice, Choice { index: 3, alias: Some(wanted.into()) });
        }
        assert_eq!(choose("eth1", &survey(), &[]).unwrap(), Choice { index: 3, alias: None });
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
        assert_eq!(choose("eth0", &survey, &[]).unwrap(), Choice { index: 2, alias: None });
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(wanted in "\\PC{0,40}|[a-f0-9:.%\\[\\]]{0,40}") {
            let _ = choose(&wanted, &survey(), &[]);
        }
    }
}
