//! A bounded table that keeps what is heavy: constant work per thing, whatever the number of keys.
//!
//! A key belongs to one bucket of eight places. A new key that finds its bucket full takes the place of the lightest
//! there, and with equal ones of the first. Millions of keys that come once chase each other out; a heavy one stays.
//!
//! [`Heavy::admit`] spares even the chase: while its bucket is full, a new key waits for its second thing before it gets a
//! row. What comes once then touches one line of the processor's cache and no row.

/// Places in a bucket: tags, weights and the keys that wait are one cache line.
const PLACES: usize = 8;

/// The bits of a waiting key's mark that are its note.
const NOTE: u16 = 7;

/// A table of a fixed number of rows by key.
#[derive(Debug)]
pub struct Heavy<K, V> {
    buckets: Box<[Bucket]>,
    rows: Box<[Option<(K, V)>]>,
    evicted: u64,
    waited: u64,
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket {
    /// A part of each key's hash, never 0; 0 is an empty place.
    tags: [u16; PLACES],
    weights: [u32; PLACES],
    /// A part of the hash of each key that waits, with its note; 0 is nobody.
    waiting: [u16; PLACES],
}

// Loops are written out here: in a program that is built for size, iterators are calls.
impl Bucket {
    /// The next place from `from` on that may be the key's.
    #[inline(always)]
    fn tagged(&self, tag: u16, from: usize) -> Option<usize> {
        let mut place = from;
        while place < PLACES {
            if self.tags[place] == tag {
                return Some(place);
            }
            place += 1;
        }
        None
    }

    /// The place of the lightest, the first of equal ones. An empty place has weight 0: it is the lightest of all.
    #[inline(always)]
    fn lightest(&self) -> usize {
        let (mut lightest, mut place) = (0, 1);
        while place < PLACES {
            if self.weights[place] < self.weights[lightest] {
                lightest = place;
            }
            place += 1;
        }
        lightest
    }
}

impl<K: PartialEq + Copy, V: Default> Heavy<K, V> {
    /// A table of `rows` rows, rounded up to a power of two.
    pub fn new(rows: usize) -> Self {
        let buckets = rows.div_ceil(PLACES).next_power_of_two();
        Heavy {
            buckets: vec![Bucket::default(); buckets].into_boxed_slice(),
            rows: (0..buckets * PLACES).map(|_| None).collect(),
            evicted: 0,
            waited: 0,
        }
    }

    /// The row of `key`, made if there is none, after adding `weight` to it. `hash` is the key's.
    pub fn add(&mut self, hash: u64, key: K, weight: u32) -> &mut V {
        let place = match self.find(hash, &key) {
            Some(place) => self.weigh(place, weight),
            None => self.make_room(hash, weight),
        };
        &mut self.rows[place].get_or_insert_with(|| (key, V::default())).1
    }

    /// The row of `key` after adding `weight` to it, made if there is room for it or if this is its second thing; none if
    /// the key waits for that. With a new row comes the note that was given with the thing before, or 0. A note has 3 bits.
    #[inline(always)]
    pub fn admit(&mut self, hash: u64, key: K, weight: u32, note: u8) -> Option<(&mut V, u8)> {
        let mut before = 0;
        let place = match self.find(hash, &key) {
            Some(place) => self.weigh(place, weight),
            None => {
                before = self.wait(hash, note)?;
                self.make_room(hash, weight)
            }
        };
        Some((&mut self.rows[place].get_or_insert_with(|| (key, V::default())).1, before))
    }

    #[inline(always)]
    fn bucket(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    /// The place of a key that has one.
    #[inline(always)]
    fn find(&self, hash: u64, key: &K) -> Option<usize> {
        let index = self.bucket(hash);
        let bucket = &self.buckets[index];
        let mut from = 0;
        while let Some(place) = bucket.tagged(tag(hash), from) {
            let place_of_all = index * PLACES + place;
            if matches!(&self.rows[place_of_all], Some((known, _)) if known == key) {
                return Some(place_of_all);
            }
            from = place + 1;
        }
        None
    }

    #[inline(always)]
    fn weigh(&mut self, place: usize, weight: u32) -> usize {
        let total = &mut self.buckets[place / PLACES].weights[place % PLACES];
        *total = total.saturating_add(weight);
        place
    }

    /// The place of the lightest of a key's bucket, emptied for the key.
    #[inline(always)]
    fn make_room(&mut self, hash: u64, weight: u32) -> usize {
        let index = self.bucket(hash);
        let bucket = &mut self.buckets[index];
        let lightest = bucket.lightest();
        self.evicted += u64::from(bucket.tags[lightest] != 0);
        bucket.tags[lightest] = tag(hash);
        bucket.weights[lightest] = weight.max(1);
        let place = index * PLACES + lightest;
        self.rows[place] = None;
        place
    }

    /// The note of the thing for which a key has waited, or 0 where it need not wait; none while it waits.
    #[inline(always)]
    fn wait(&mut self, hash: u64, note: u8) -> Option<u8> {
        let index = self.bucket(hash);
        let bucket = &mut self.buckets[index];
        // Places are taken from the first to the last.
        if bucket.tags[PLACES - 1] == 0 {
            return Some(0);
        }
        // Other bits than those that chose the bucket.
        let mark = ((hash >> 32) as u16 & !NOTE).max(NOTE + 1);
        let place = &mut bucket.waiting[(hash >> 48) as usize % PLACES];
        let before = *place;
        if before & !NOTE == mark {
            *place = 0;
            return Some((before & NOTE) as u8);
        }
        *place = mark | u16::from(note) & NOTE;
        self.waited += 1;
        None
    }

    /// How often a row made room for another.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How often a key had to wait for a row.
    pub fn waited(&self) -> u64 {
        self.waited
    }

    /// All rows, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &(K, V)> {
        self.rows.iter().flatten()
    }
}

/// What tells the keys of one bucket apart, nearly always.
#[inline(always)]
fn tag(hash: u64) -> u16 {
    ((hash >> 48) as u16).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::hash::KeyedHash;

    #[test]
    fn a_heavy_key_survives_a_million_light_ones() {
        let secret = KeyedHash::from_kernel();
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
        let secret = KeyedHash::from_kernel();
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

    #[test]
    fn what_comes_once_waits_while_there_is_no_room_and_its_note_is_kept() {
        let secret = KeyedHash::from_kernel();
        let mut table: Heavy<u64, u64> = Heavy::new(1024);
        for key in 1..=100_000u64 {
            if let Some((row, _)) = table.admit(secret.words(key, 0), key, 60, 0) {
                *row += 1;
            }
        }
        assert!(table.evicted() < 200, "{} of 100,000 were taken for others", table.evicted());
        assert!(table.waited() > 98_000, "{}", table.waited());
        let mut second = |key: u64, note| {
            let hash = secret.words(key, 0);
            table.admit(hash, key, 60, note).map(|(row, before)| {
                *row += 1;
                (*row, before)
            })
        };
        // One in 8,192 looks like another key that waits.
        let key = (200_000..).find(|key| second(*key, 5).is_none()).unwrap();
        assert_eq!(second(key, 2), Some((1, 5)), "a row with the second thing, and the first one's note");
        assert_eq!(second(key, 0), Some((2, 0)));
    }

    #[test]
    fn while_there_is_room_nobody_waits() {
        let secret = KeyedHash::from_kernel();
        let mut table: Heavy<u64, u64> = Heavy::new(1024);
        for key in 1..=64u64 {
            assert!(table.admit(secret.words(key, 0), key, 60, 7).is_some_and(|(_, note)| note == 0));
        }
        assert_eq!((table.waited(), table.evicted(), table.rows().count()), (0, 0, 64));
    }
}
