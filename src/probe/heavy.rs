//! A bounded table that keeps what is heavy: constant work per thing, whatever the number of keys.
//!
//! A key belongs to one bucket of eight places. A new key that finds its bucket full takes the place of the lightest
//! there, and with equal ones of the first. Millions of keys that come once chase each other out; a heavy one stays.

/// Places in a bucket: one cache line of tags and weights.
const PLACES: usize = 8;

/// A table of a fixed number of rows by key.
#[derive(Debug)]
pub struct Heavy<K, V> {
    buckets: Box<[Bucket]>,
    rows: Box<[Option<(K, V)>]>,
    evicted: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// A part of each key's hash, never 0; 0 is an empty place.
    tags: [u16; PLACES],
    weights: [u32; PLACES],
}

impl<K: PartialEq + Copy, V: Default> Heavy<K, V> {
    /// A table of `rows` rows, rounded up to a power of two.
    pub fn new(rows: usize) -> Self {
        let buckets = rows.div_ceil(PLACES).next_power_of_two();
        Heavy {
            buckets: vec![Bucket::default(); buckets].into_boxed_slice(),
            rows: (0..buckets * PLACES).map(|_| None).collect(),
            evicted: 0,
        }
    }

    /// The row of `key`, made if there is none, after adding `weight` to it. `hash` is the key's.
    pub fn add(&mut self, hash: u64, key: K, weight: u32) -> &mut V {
        let index = hash as usize & (self.buckets.len() - 1);
        let tag = ((hash >> 48) as u16).max(1);
        let bucket = &mut self.buckets[index];
        let rows = &mut self.rows[index * PLACES..(index + 1) * PLACES];
        let known = (0..PLACES)
            .find(|place| bucket.tags[*place] == tag && rows[*place].as_ref().is_some_and(|(known, _)| *known == key));
        let place = match known {
            Some(place) => {
                bucket.weights[place] = bucket.weights[place].saturating_add(weight);
                place
            }
            None => {
                // An empty place has weight 0: it is the lightest of all.
                let lightest = (0..PLACES).min_by_key(|place| bucket.weights[*place]).unwrap_or(0);
                self.evicted += u64::from(bucket.tags[lightest] != 0);
                bucket.tags[lightest] = tag;
                bucket.weights[lightest] = weight.max(1);
                rows[lightest] = None;
                lightest
            }
        };
        &mut rows[place].get_or_insert_with(|| (key, V::default())).1
    }

    /// How often a row made room for another.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// All rows, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &(K, V)> {
        self.rows.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::hash::Secret;

    #[test]
    fn a_heavy_key_survives_a_million_light_ones() {
        let secret = Secret::draw();
        let mut table: Heavy<u64, u64> = Heavy::new(1024);
        for light in 1..=1_000_000u64 {
            *table.add(secret.words(light, 0), light, 60) += 60;
            if light.is_multiple_of(1000) {
                *table.add(secret.words(0, 0), 0, 1500) += 1500;
            }
        }
        let heavy = table.rows().find(|(key, _)| *key == 0).map(|(_, bytes)| *bytes);
        assert_eq!(heavy, Some(1_500_000));
        assert_eq!(table.rows().count(), 1024);
        assert!(table.evicted() > 990_000);
    }

    #[test]
    fn few_keys_are_counted_exactly() {
        let secret = Secret::draw();
        let mut table: Heavy<u64, u64> = Heavy::new(1024);
        for round in 0..100 {
            for key in 0..64u64 {
                *table.add(secret.words(key, 0), key, 1) += key + round - round;
            }
        }
        assert_eq!(table.evicted(), 0);
        for (key, sum) in table.rows() {
            assert_eq!(*sum, key * 100);
        }
    }
}
