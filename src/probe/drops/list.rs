//! The places that are listed, with their names.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::format::Reasons;
use super::meaning;
use super::output::DropPlace;
use super::places::{Counted, Direction, Lost, Place, Protocol};
use crate::probe::protocol;

/// How many places are listed: of this network namespace, and of all others.
const MOST_LISTED: [usize; 2] = [64, 32];

/// Packets from which on it is worth its while to look up where in the kernel they were dropped: some 60 ms of CPU time.
const WORTH_A_NAME: u64 = 100;

/// What the names are found by.
pub struct Names<'a> {
    /// The reasons of the kernel that counted.
    pub reasons: &'a Reasons,
    /// The name of an interface of this network namespace.
    pub interface: &'a dyn Fn(u32) -> Option<String>,
    /// The functions of the kernel that stand at some places in it.
    pub functions: &'a dyn Fn(&[u64]) -> HashMap<u64, String>,
}

/// What is listed of the places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub places: Vec<DropPlace>,
    pub left_out: u64,
    pub left_out_packets: u64,
}

/// Lists the places with the most packets.
pub fn list(counted: &Counted, names: &Names<'_>) -> Listed {
    let mut places: Vec<(&Place, Lost)> = counted.places.iter().map(|(place, lost)| (place, *lost)).collect();
    places.sort_by_cached_key(|(place, lost)| (Reverse(lost.packets), format!("{place:?}")));
    let mut room = MOST_LISTED;
    let (mut listed, mut left_out, mut left_out_packets) = (Vec::new(), 0u64, 0u64);
    for (place, lost) in places {
        let room = &mut room[usize::from(place.namespace != Some(counted.own_namespace))];
        if *room == 0 {
            left_out += 1;
            left_out_packets += lost.packets;
        } else {
            *room -= 1;
            listed.push((place, lost));
        }
    }
    left_out_packets += counted.beyond();
    let worth = listed.iter().filter(|(_, lost)| lost.packets >= WORTH_A_NAME);
    let locations: Vec<u64> = worth.filter_map(|(place, _)| place.location).collect();
    let functions = if locations.is_empty() { HashMap::new() } else { (names.functions)(&locations) };
    let places = listed.into_iter().map(|(place, lost)| {
        let own = place.namespace == Some(counted.own_namespace);
        let reason = names.reasons.called(place.reason);
        let (ip_version, protocol) = match place.protocol {
            Protocol::Ip(version, number) => (Some(version), Some(protocol::ip_protocol(number))),
            Protocol::Ether(0) => (None, None),
            Protocol::Ether(number) => (None, Some(protocol::ether_type(number))),
        };
        DropPlace {
            meaning: meaning::of(&reason).to_owned(),
            reason,
            function: place.location.and_then(|location| functions.get(&location).cloned()),
            packets: lost.packets,
            bytes: lost.bytes,
            interface: place.interface.filter(|_| own).and_then(names.interface),
            interface_number: place.interface,
            namespace: place.namespace.map(|number| if own { "this".to_owned() } else { number.to_string() }),
            ip_version,
            protocol,
            address: place.address,
            port: place.port,
            direction: match place.direction {
                Direction::In => "in",
                Direction::Out => "out",
                Direction::SentOn => "forwarded",
            }
            .to_owned(),
        }
    });
    Listed { places: places.collect(), left_out, left_out_packets }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn place(namespace: Option<u32>, port: u16, reason: u32) -> Place {
        Place {
            reason,
            interface: Some(2),
            namespace,
            protocol: Protocol::Ip(4, 17),
            address: Some("192.0.2.1".parse().unwrap()),
            port: Some(port),
            direction: Direction::In,
            location: (reason == 2).then_some(4096),
        }
    }

    fn listed(places: impl Iterator<Item = (Place, u64)>) -> Listed {
        let names = [(2, "NOT_SPECIFIED".to_owned()), (3, "NO_SOCKET".to_owned())];
        let subsystems = BTreeMap::from([(3, "OPENVSWITCH".to_owned())]);
        let reasons = Reasons { argument: 2, names: BTreeMap::from(names), subsystems };
        let places = places.map(|(place, packets)| (place, Lost { packets, bytes: packets * 100 }));
        let counted = Counted { places: places.collect(), own_namespace: 7, ..Counted::default() };
        let functions = |places: &[u64]| places.iter().map(|place| (*place, "do_xdp_generic".to_owned())).collect();
        list(&counted, &Names { reasons: &reasons, interface: &|_| Some("eth0".to_owned()), functions: &functions })
    }

    #[test]
    fn the_places_of_other_namespaces_do_not_crowd_out_the_own_ones() {
        let many = |namespace| (1..=100).map(move |port| (place(namespace, port, 3), u64::from(port)));
        let listed = listed(many(Some(7)).chain(many(Some(8)).map(|(place, packets)| (place, packets * 1000))));
        let own = listed.places.iter().filter(|place| place.namespace.as_deref() == Some("this"));
        assert_eq!((own.count(), listed.places.len(), listed.left_out), (64, 96, 104));
        assert_eq!(listed.left_out_packets, (1..=36).sum::<u64>() + (1..=68).map(|port| port * 1000).sum::<u64>());
        assert!(listed.places.is_sorted_by_key(|place| Reverse(place.packets)));
        assert_eq!((listed.places[0].namespace.as_deref(), listed.places[0].interface.as_deref()), (Some("8"), None));
    }

    #[test]
    fn a_place_is_named_as_the_kernel_names_it() {
        let strange = place(None, 3, (3 << 16) + 5);
        let listed = listed([(place(Some(7), 1, 2), 300), (place(Some(7), 2, 3), 2), (strange, 1)].into_iter());
        let said: Vec<_> =
            listed.places.iter().map(|place| (place.reason.as_str(), place.function.as_deref())).collect();
        let expected = [("NOT_SPECIFIED", Some("do_xdp_generic")), ("NO_SOCKET", None), ("OPENVSWITCH 5", None)];
        assert_eq!(said, expected);
        assert_eq!(
            (listed.places[0].interface.as_deref(), listed.places[0].protocol.as_deref()),
            (Some("eth0"), Some("udp"))
        );
        assert_eq!((listed.places[2].namespace.as_deref(), listed.places[2].interface.as_deref()), (None, None));
    }
}
