//! What two readings of a driver's statistics tell: growth by name, with the queues added up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::drivers;
use super::meaning::{Meaning, Row};
use super::output::{Loss, Unknown};

/// Rows of known names in a result.
const MOST_KNOWN: usize = 32;
/// Rows of unknown names in a result.
const MOST_UNKNOWN: usize = 16;

/// The statistics of a driver at one moment: names in the driver's order, some of them more than once.
pub type Reading = Vec<(String, u64)>;

/// What statistics tell.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// Names that are known.
    pub losses: Vec<Loss>,
    /// Names that no table knows, and that sound of loss.
    pub unknown: Vec<Unknown>,
    /// Rows beyond those.
    pub left_out: u32,
    /// The names were others at the end: queues came or went, and nothing can be said of growth.
    pub changed: bool,
    /// What means loss went backwards: the device was reset within the window.
    pub went_back: bool,
}

/// The same statistic of all queues.
#[derive(Default)]
struct Sum<'a> {
    first_name: &'a str,
    summed: u32,
    ever: u64,
    /// None as soon as one of them went backwards.
    grew: Option<u64>,
}

/// What a driver's statistics tell, read once (`before` is none) or twice. They are compared by their place: names repeat.
pub fn told(driver: &str, before: Option<&Reading>, after: &Reading) -> Told {
    let same =
        |before: &Reading| before.len() == after.len() && before.iter().zip(after).all(|(one, other)| one.0 == other.0);
    let changed = before.is_some_and(|before| !same(before));
    let before = before.filter(|before| same(before));
    let mut sums: BTreeMap<String, Sum<'_>> = BTreeMap::new();
    for (place, (name, now)) in after.iter().enumerate() {
        let sum = sums.entry(drivers::shape(name).into_owned()).or_default();
        if sum.summed == 0 {
            (sum.first_name, sum.grew) = (name.trim(), before.map(|_| 0));
        }
        sum.summed += 1;
        sum.ever = sum.ever.saturating_add(*now);
        let grew = before.and_then(|before| now.checked_sub(before.get(place)?.1));
        sum.grew = sum.grew.zip(grew).map(|(sum, grew)| sum.saturating_add(grew));
    }
    let mut told = Told { changed, ..Told::default() };
    for (shape, sum) in &sums {
        let name = || if sum.summed == 1 { sum.first_name.to_owned() } else { shape.replace('#', "*") };
        let row = drivers::of(driver, shape);
        let means_loss = row.map_or_else(|| drivers::sounds_of_loss(shape), Row::is_loss);
        told.went_back |= means_loss && before.is_some() && sum.grew.is_none();
        match row {
            Some(row) => told.losses.extend(loss(row, sum, name)),
            None if drivers::sounds_of_loss(shape) => {
                let grew = sum.grew.filter(|grew| *grew > 0);
                told.unknown.extend(grew.map(|grew| Unknown { name: name(), grew, ever: sum.ever }));
            }
            None => {}
        }
    }
    told.losses.sort_by_key(|loss| Reverse((loss.lost && loss.grew > Some(0), loss.grew, loss.lost, loss.ever)));
    told.unknown.sort_by_key(|unknown| Reverse(unknown.grew));
    let left_out = told.losses.len().saturating_sub(MOST_KNOWN) + told.unknown.len().saturating_sub(MOST_UNKNOWN);
    told.left_out = u32::try_from(left_out).unwrap_or(u32::MAX);
    told.losses.truncate(MOST_KNOWN);
    told.unknown.truncate(MOST_UNKNOWN);
    told
}

fn loss(row: &Row, sum: &Sum<'_>, name: impl Fn() -> String) -> Option<Loss> {
    let matters = sum.grew > Some(0) || row.is_loss() && sum.ever > 0;
    (matters && row.meaning != Meaning::Harmless).then(|| Loss {
        name: name(),
        summed: sum.summed,
        grew: sum.grew,
        ever: sum.ever,
        meaning: row.meaning,
        way: row.way,
        lost: row.is_loss(),
        unit: row.unit.to_owned(),
        says: row.says.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::devices::meaning::Way;

    fn reading(rows: &[(&str, u64)]) -> Reading {
        rows.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect()
    }

    #[test]
    fn a_device_that_was_reset_within_the_window_is_not_one_that_lost_nothing() {
        let before = reading(&[("rx_packets", 900), ("rx_queue_0_drops", 40)]);
        let after = reading(&[("rx_packets", 3), ("rx_queue_0_drops", 2)]);
        assert!(told("virtio_net", Some(&before), &after).went_back);
        let of_traffic = reading(&[("rx_packets", 3), ("rx_queue_0_drops", 41)]);
        assert!(!told("virtio_net", Some(&before), &of_traffic).went_back);
    }

    #[test]
    fn queues_are_added_up_by_their_place_where_names_repeat() {
        let before = reading(&[("  pkts rx OOB", 5), ("     err", 0), ("  pkts rx OOB", 100), ("     err", 1)]);
        let after = reading(&[("  pkts rx OOB", 7), ("     err", 0), ("  pkts rx OOB", 140), ("     err", 1)]);
        let told = told("vmxnet3", Some(&before), &after);
        let first = &told.losses[0];
        assert_eq!((first.name.as_str(), first.summed, first.grew, first.ever), ("pkts rx OOB", 2, Some(42), 147));
        assert_eq!((first.meaning, first.way, first.lost), (Meaning::RingFull, Way::In, true));
        assert_eq!(told.losses[1].name, "err");
        assert_eq!(told.losses.len(), 2);
    }

    #[test]
    fn a_queue_that_was_reset_makes_the_growth_unknown_and_not_the_sum() {
        let before = reading(&[("rx_queue_0_drops", 50), ("rx_queue_1_drops", 10)]);
        let after = reading(&[("rx_queue_0_drops", 2), ("rx_queue_1_drops", 30)]);
        let told = told("virtio_net", Some(&before), &after);
        assert_eq!((told.losses[0].grew, told.losses[0].ever), (None, 32));
        assert_eq!(told.losses[0].name, "rx_queue_*_drops");
    }

    #[test]
    fn queues_that_came_make_all_growth_unknown() {
        let before = reading(&[("rx_queue_0_drops", 50)]);
        let after = reading(&[("rx_queue_0_drops", 60), ("rx_queue_1_drops", 9)]);
        let told = told("virtio_net", Some(&before), &after);
        assert!(told.changed && told.losses[0].grew.is_none() && told.losses[0].ever == 69, "{told:?}");
    }

    #[test]
    fn what_no_table_knows_is_shown_when_it_grew_and_sounds_of_loss() {
        let before =
            reading(&[("rx_strange_drops", 1), ("rx_silent_drops", 9), ("rx_packets", 0), ("rx_cache_full", 0)]);
        let after =
            reading(&[("rx_strange_drops", 8), ("rx_silent_drops", 9), ("rx_packets", 70), ("rx_cache_full", 9)]);
        let told = told("mlx5_core", Some(&before), &after);
        assert_eq!(told.unknown, [Unknown { name: "rx_strange_drops".into(), grew: 7, ever: 8 }]);
        assert_eq!(told.losses, []);
    }

    #[test]
    fn one_reading_tells_what_there_is_since_boot() {
        let told = told("ena", None, &reading(&[("pps_allowance_exceeded", 12_400), ("queue_0_tx_queue_stop", 4)]));
        assert_eq!(told.losses.len(), 1, "a queue that waited lost nothing");
        assert_eq!((told.losses[0].grew, told.losses[0].ever), (None, 12_400));
    }

    proptest::proptest! {
        #[test]
        fn any_names_and_figures_give_a_bounded_answer(rows in proptest::collection::vec(("[a-z_0-9#\\[\\]: ]{0,40}", 0u64.., 0u64..), 0..200)) {
            let before: Reading = rows.iter().map(|(name, before, _)| (name.clone(), *before)).collect();
            let after: Reading = rows.iter().map(|(name, _, after)| (name.clone(), *after)).collect();
            let told = told("igb", Some(&before), &after);
            assert!(told.losses.len() <= MOST_KNOWN && told.unknown.len() <= MOST_UNKNOWN && !told.changed);
        }
    }
}
