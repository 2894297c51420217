//! The elements of sets and maps that rules look up.

use std::ops::ControlFlow;

use super::nft_verdict::Verdict;
use crate::sys::nftables::{Ask, Attributes, NfTables, big_u32};

/// Elements of one set that are read.
const MOST_ELEMENTS: usize = 4096;

const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_DATA: u16 = 2;
const NFTA_SET_ELEM_FLAGS: u16 = 3;
const NFTA_SET_ELEM_KEY_END: u16 = 10;
const NFTA_DATA_VALUE: u16 = 1;
const INTERVAL_END: u32 = 1;
const CATCH_ALL: u32 = 2;

/// What a set holds.
#[derive(Debug, Clone, Default)]
pub struct Set {
    /// Its elements, in the order of their keys.
    pub items: Vec<Item>,
    /// Whether it holds more than was read.
    pub more: bool,
}

/// One element, or an interval of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The first key.
    pub first: Vec<u8>,
    /// The last key, which is the first again for a single element. Empty keys stand for any other (`*`).
    pub last: Vec<u8>,
    /// Of a verdict map, its verdict.
    pub verdict: Option<Verdict>,
}

/// A message's element, as the kernel keeps it: intervals are two of them.
#[derive(Debug, Clone)]
pub struct Element {
    key: Vec<u8>,
    end_key: Option<Vec<u8>>,
    ends_interval: bool,
    verdict: Option<Verdict>,
}

/// The elements in one message of the dump.
pub fn elements(message: Attributes<'_>) -> impl Iterator<Item = Element> {
    let list = message.inside(NFTA_SET_ELEM_LIST_ELEMENTS);
    list.filter(|(kind, _)| *kind == NFTA_LIST_ELEM).filter_map(|(_, payload)| {
        let attributes = Attributes(payload);
        let flags = attributes.find(NFTA_SET_ELEM_FLAGS).and_then(big_u32).unwrap_or_default();
        let key = attributes.inside(NFTA_SET_ELEM_KEY).find(NFTA_DATA_VALUE);
        let key = if flags & CATCH_ALL != 0 { &[] } else { key? };
        Some(Element {
            key: key.to_vec(),
            end_key: attributes.inside(NFTA_SET_ELEM_KEY_END).find(NFTA_DATA_VALUE).map(<[u8]>::to_vec),
            ends_interval: flags & INTERVAL_END != 0,
            verdict: Verdict::in_data(attributes.inside(NFTA_SET_ELEM_DATA)).map(|verdict| verdict.owned()),
        })
    })
}

/// The key before this one.
fn before(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        let (less, borrow) = byte.overflowing_sub(1);
        *byte = less;
        if !borrow {
            break;
        }
    }
    key
}

/// Joins the ends of intervals: each begins at an element and ends before the next one that is marked as an end.
pub fn items(mut elements: Vec<Element>) -> Vec<Item> {
    // An interval may begin where another ends; the end comes first.
    elements.sort_by(|a, b| a.key.cmp(&b.key).then(b.ends_interval.cmp(&a.ends_interval)));
    let intervals = elements.iter().any(|element| element.ends_interval);
    let mut items = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        if element.ends_interval {
            continue;
        }
        let last = if let Some(end) = &element.end_key {
            end.clone()
        } else if intervals && !element.key.is_empty() {
            match elements.get(index + 1) {
                Some(next) => before(&next.key),
                None => vec![0xff; element.key.len()],
            }
        } else {
            element.key.clone()
        };
        items.push(Item { first: element.key.clone(), last, verdict: element.verdict.clone() });
    }
    items
}

/// Reads the elements of a set, so many at most.
pub fn read_set(nft: &mut NfTables, family: u8, table: &[u8], set: &[u8]) -> Option<Set> {
    let mut found = Vec::new();
    let mut more = false;
    nft.dump(Ask::Elements { family, table, set }, &mut |message| {
        found.extend(elements(message.attributes));
        more = found.len() > MOST_ELEMENTS;
        if more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .ok()?;
    Some(Set { items: items(found), more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(key: &[u8], ends_interval: bool) -> Element {
        Element { key: key.to_vec(), end_key: None, ends_interval, verdict: None }
    }

    fn joined(elements: Vec<Element>) -> Vec<(Vec<u8>, Vec<u8>)> {
        items(elements).into_iter().map(|item| (item.first, item.last)).collect()
    }

    #[test]
    fn an_interval_ends_before_the_element_that_is_marked_as_its_end() {
        let elements = vec![
            element(&[0, 10], true),
            element(&[0, 5], false),
            element(&[0, 3], true),
            element(&[0, 1], false),
            element(&[0, 0], true),
        ];
        assert_eq!(joined(elements), [(vec![0, 1], vec![0, 2]), (vec![0, 5], vec![0, 9])]);
    }

    #[test]
    fn an_interval_without_an_end_goes_on_to_the_last_key() {
        assert_eq!(joined(vec![element(&[0, 0], true), element(&[1, 0], false)]), [(vec![1, 0], vec![0xff, 0xff])]);
    }

    #[test]
    fn elements_of_a_plain_set_are_single() {
        assert_eq!(joined(vec![element(&[2], false), element(&[1], false)]), [(vec![1], vec![1]), (vec![2], vec![2])]);
    }
}
