//! The interfaces of the namespace that is looked from, by where they lead.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sys::rtnetlink::{Link, LinkCounters};

/// Packets and bytes in the window; null for a window of 0, where they were not counted at both of its ends, and where a counter
/// went backwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// Bytes, link headers included.
    pub bytes: Option<u64>,
    /// Packets.
    pub packets: Option<u64>,
}

/// Links at one moment.
#[derive(Debug)]
pub struct HostLinks {
    pub links: Vec<Link>,
    by_index: HashMap<u32, usize>,
    /// Those that lead to another namespace, by the number by which this one knows it.
    by_namespace: HashMap<i32, Vec<usize>>,
}

impl HostLinks {
    pub fn new(links: Vec<Link>) -> Self {
        let by_index = links.iter().enumerate().map(|(at, link)| (link.index, at)).collect();
        let mut by_namespace: HashMap<i32, Vec<usize>> = HashMap::new();
        for (at, link) in links.iter().enumerate() {
            if let Some(other) = link.elsewhere {
                by_namespace.entry(other.namespace).or_default().push(at);
            }
        }
        HostLinks { links, by_index, by_namespace }
    }

    /// The link with that index.
    pub fn get(&self, index: u32) -> Option<&Link> {
        self.links.get(*self.by_index.get(&index)?)
    }

    /// Its name.
    pub fn name(&self, index: u32) -> Option<String> {
        self.get(index).map(|link| link.name.clone())
    }

    /// The numbers of the namespaces that links lead to.
    pub fn numbers(&self) -> impl Iterator<Item = i32> {
        self.by_namespace.keys().copied()
    }

    /// The links that lead to the namespace of that number.
    pub fn leading_to(&self, number: i32) -> impl Iterator<Item = &Link> {
        let places = self.by_namespace.get(&number).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|at| self.links.get(*at))
    }

    /// Bytes that went both ways by the links that lead to a namespace: since `before`, or since they were made; none where
    /// there is no such link.
    pub fn bytes_through(&self, number: i32, before: Option<&HostLinks>) -> Option<u64> {
        let through = self.leading_to(number).map(|link| {
            let (rx, tx) = match before {
                Some(before) => growth(link, before.get(link.index)),
                None => growth(link, Some(&Link { counters: Some(LinkCounters::default()), ..Link::default() })),
            };
            rx.bytes.unwrap_or(0).saturating_add(tx.bytes.unwrap_or(0))
        });
        through.reduce(u64::saturating_add)
    }
}

/// What came in and went out by a link since it was `earlier`. One that is new since then has counted all of it since, unless it
/// was moved there from elsewhere, as hardware is.
pub fn growth(link: &Link, earlier: Option<&Link>) -> (Traffic, Traffic) {
    let was = match earlier {
        Some(earlier) => earlier.counters,
        None => link.kind.is_some().then(LinkCounters::default),
    };
    let Some((now, was)) = link.counters.zip(was) else { return Default::default() };
    let rx =
        Traffic { bytes: now.rx_bytes.checked_sub(was.rx_bytes), packets: now.rx_packets.checked_sub(was.rx_packets) };
    let tx =
        Traffic { bytes: now.tx_bytes.checked_sub(was.tx_bytes), packets: now.tx_packets.checked_sub(was.tx_packets) };
    (rx, tx)
}

/// The sum; none where one is not known, and nothing of nothing.
pub fn sum(parts: impl Iterator<Item = Traffic>) -> Traffic {
    let none = Traffic { bytes: Some(0), packets: Some(0) };
    parts.fold(none, |sum, part| Traffic {
        bytes: sum.bytes.zip(part.bytes).map(|(sum, part)| sum.saturating_add(part)),
        packets: sum.packets.zip(part.packets).map(|(sum, part)| sum.saturating_add(part)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::rtnetlink::Elsewhere;

    fn link(index: u32, namespace: i32, rx_bytes: u64) -> Link {
        Link {
            index,
            name: format!("v{index}"),
            kind: Some("veth".to_owned()),
            elsewhere: Some(Elsewhere { index: 2, namespace }),
            counters: Some(LinkCounters { rx_bytes, rx_packets: rx_bytes / 100, ..LinkCounters::default() }),
            ..Link::default()
        }
    }

    #[test]
    fn traffic_is_told_apart_by_where_links_lead() {
        let before = HostLinks::new(vec![link(3, 0, 1000), link(4, 1, 500)]);
        let after = HostLinks::new(vec![link(3, 0, 9000), link(4, 1, 500), link(5, 1, 70)]);
        assert_eq!(after.bytes_through(0, Some(&before)), Some(8000));
        assert_eq!(after.bytes_through(1, Some(&before)), Some(70), "the new one has counted since it was made");
        assert_eq!((after.bytes_through(1, None), after.bytes_through(7, None)), (Some(570), None));
        assert_eq!(after.leading_to(1).map(|link| link.index).collect::<Vec<_>>(), [4, 5]);
    }

    #[test]
    fn a_counter_that_went_backwards_is_unknown_and_so_is_hardware_that_was_moved_here() {
        assert_eq!(growth(&link(3, 0, 10), Some(&link(3, 0, 20))).0.bytes, None);
        let moved = Link { kind: None, ..link(3, 0, 10) };
        assert_eq!(growth(&moved, None).0, Traffic::default());
        assert_eq!(growth(&link(3, 0, 10), None).0.bytes, Some(10));
        assert_eq!(sum([Traffic::default(), growth(&link(3, 0, 10), None).0].into_iter()), Traffic::default());
    }
}
