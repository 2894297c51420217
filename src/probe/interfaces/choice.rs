//! Which interface is watched: by name, alias, address, or by itself.

use std::net::IpAddr;

use super::Survey;
use crate::case::{Gap, Reason};
use crate::nearest::nearest;
use crate::sys::rtnetlink::{DefaultRoute, Link};

/// How many names an error lists.
const NAMED: usize = 12;

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
    if let Some(link) = links.iter().find(|link| link.name == wanted) {
        return Ok(Choice { index: link.index, alias: None });
    }
    let by_name = links.iter().find(|link| link.other_names.iter().any(|name| name == wanted)).map(|link| link.index);
    let by_address = || {
        let as_address = wanted.parse::<IpAddr>().ok();
        let named = |address: &&crate::sys::rtnetlink::LinkAddress| {
            address.label.as_deref() == Some(wanted) || Some(address.address) == as_address
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
    match nearest(wanted, known.iter().copied()) {
        Some(name) => gap.way_out(format!("did you mean `{name}`?")),
        None => gap.way_out("name one of them, or `auto`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::rtnetlink::{LinkAddress, LinkCounters};

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
        let links = vec![
            link(1, "lo", true, 900),
            link(2, "eth0", true, 5),
            link(3, "eth1", true, 70),
            link(4, "eth2", false, 80),
        ];
        Survey { links, addresses: vec![alias] }
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
    fn an_alias_or_an_address_means_its_interface() {
        for wanted in ["eth1:1", "192.0.2.7"] {
            let choice = choose(wanted, &survey(), &[]).unwrap();
            assert_eq!(choice, Choice { index: 3, alias: Some(wanted.into()) });
        }
        assert_eq!(choose("eth1", &survey(), &[]).unwrap(), Choice { index: 3, alias: None });
    }

    #[test]
    fn a_wrong_name_gets_the_right_ones_and_a_guess() {
        let gap = choose("eht1", &survey(), &[]).unwrap_err();
        assert!(gap.why.contains("there are lo, eth0, eth1, eth2, eth1:1"), "{gap}");
        assert!(gap.way_out.as_deref().unwrap().starts_with("did you mean `eth1"), "{gap}");
        assert!(choose("xyz", &survey(), &[]).unwrap_err().way_out.unwrap().contains("auto"));
    }
}
