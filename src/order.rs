//! Putting lists in order, with one sorting algorithm for the whole program.
//!
//! The standard library's sort is compiled anew for each type and each order, 4 kB at a time; a list here is short, and what is
//! compiled for it is the comparison.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Lists that can be put in order. Equal things keep theirs.
pub trait Order<T> {
    /// Puts the list in order.
    fn order(&mut self)
    where
        T: Ord;

    /// Puts the list in the order that `compare` tells.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// Puts the list in the order of its things' keys, each of which is made once.
    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);
}

impl<T> Order<T> for [T] {
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }

    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let order = first_of(self.len(), self.len(), &mut |one, other| compare(&self[one], &self[other]));
        arrange(order, &mut |one, other| self.swap(one, other));
    }

    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K) {
        let keys: Vec<K> = self.iter().map(key).collect();
        let order = first_of(keys.len(), keys.len(), &mut |one, other| keys[one].cmp(&keys[other]));
        arrange(order, &mut |one, other| self.swap(one, other));
    }
}

/// Keeps the first `count` of a list in the order of its things' keys, and puts these in order. Of equal things the first
/// stay.
pub fn keep_first<T, K: Ord>(list: &mut Vec<T>, count: usize, key: impl FnMut(&T) -> K) {
    let keys: Vec<K> = list.iter().map(key).collect();
    let order = first_of(keys.len(), count, &mut |one, other| keys[one].cmp(&keys[other]).then(one.cmp(&other)));
    arrange(order, &mut |one, other| list.swap(one, other));
    list.truncate(count);
}

/// The pairs as a map, put in one by one: `collect` would sort them first, for which each type has code of its own.
pub fn map<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}

/// The places of `length` things, the first `count` in their order, the others in none.
fn first_of(length: usize, count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..length).collect();
    if count < length {
        order.select_nth_unstable_by(count, |one, other| compare(*one, *other));
    }
    let first = &mut order[..count.min(length)];
    #[cfg_attr(not(test), expect(clippy::disallowed_methods, reason = "this is the one sort"))]
    first.sort_by(|one, other| compare(*one, *other));
    order
}

/// Brings to each place what `order` names for it.
fn arrange(mut order: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for first in 0..order.len() {
        let mut place = first;
        // Around the circle in which the things stand in each other's places.
        while let from = std::mem::replace(&mut order[place], place)
            && from != first
            && from != place
        {
            swap(place, from);
            place = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_keep_their_order() {
        let mut list = ["bb", "a", "cc", "b", "aa"];
        list.order_by_key(|text| text.len());
        assert_eq!(list, ["a", "b", "bb", "cc", "aa"]);
        list.order_by(|one, other| other.len().cmp(&one.len()));
        assert_eq!(list, ["bb", "cc", "aa", "a", "b"]);
    }

    proptest::proptest! {
        #[test]
        fn it_orders_as_the_standard_library_does(
            mut list in proptest::collection::vec((0u8..20, 0u8..), 0..200),
            count in 0usize..220,
        ) {
            let mut other = list.clone();
            list.order_by_key(|thing| thing.0);
            other.sort_by_key(|thing| thing.0);
            proptest::prop_assert_eq!(&list, &other);
            let mut first = list.clone();
            keep_first(&mut first, count, |thing| thing.1);
            let mut whole = list.clone();
            whole.sort_by_key(|thing| thing.1);
            whole.truncate(count);
            proptest::prop_assert_eq!(first, whole);
            list.order();
            other.sort();
            proptest::prop_assert_eq!(list, other);
        }
    }
}
