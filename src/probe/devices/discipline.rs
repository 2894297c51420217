//! Queueing disciplines: what they counted between two readings.

use std::cmp::Reverse;

use super::output::Discipline;
use crate::sys::disciplines::{self, INGRESS, ROOT};

/// Disciplines of a device in a result.
const MOST: usize = 16;
/// A counter that stood above this and then lower went round; another one was reset.
const HIGH: u32 = 3 << 30;

/// The disciplines of the device with that index, that at the root first, then those that dropped most. Without a reading before
/// nothing is known of growth.
pub(super) fn of(
    index: u32,
    before: Option<&[disciplines::Discipline]>,
    after: &[disciplines::Discipline],
) -> Vec<Discipline> {
    let own = after.iter().filter(|discipline| discipline.index == index);
    let mut grown: Vec<(bool, Discipline)> = own
        .map(|now| {
            let same = |other: &&disciplines::Discipline| {
                (other.index, other.parent, other.handle, &other.kind) == (now.index, now.parent, now.handle, &now.kind)
            };
            (now.parent == ROOT, growth(before.map(|before| before.iter().find(same)), now))
        })
        .collect();
    grown.sort_by_key(|(root, discipline)| Reverse((*root, discipline.dropped)));
    grown.truncate(MOST);
    grown.into_iter().map(|(_, discipline)| discipline).collect()
}

fn growth(before: Option<Option<&disciplines::Discipline>>, now: &disciplines::Discipline) -> Discipline {
    let narrow = |of: fn(&disciplines::Discipline) -> Option<u32>| {
        let now = of(now)?;
        let Some(before) = before? else { return Some(now.into()) };
        let before = of(before)?;
        (now >= before || before > HIGH).then(|| now.wrapping_sub(before).into())
    };
    let wide = |of: fn(&disciplines::Discipline) -> Option<u64>| match before? {
        Some(before) => of(now)?.checked_sub(of(before)?),
        None => of(now),
    };
    Discipline {
        kind: now.kind.clone(),
        handle: (now.handle != 0).then(|| format!("{:x}:", now.handle >> 16)),
        parent: match now.parent {
            ROOT => "root".to_owned(),
            INGRESS => "ingress".to_owned(),
            class => format!("{:x}:{:x}", class >> 16, class & 0xffff),
        },
        dropped: narrow(|it| it.drops),
        overlimits: narrow(|it| it.overlimits),
        requeues: narrow(|it| it.requeues),
        packets: wide(|it| it.packets),
        bytes: wide(|it| it.bytes),
        waiting_before: before.flatten().and_then(|before| before.waiting_packets),
        waiting: now.waiting_packets,
        waiting_bytes: now.waiting_bytes,
        dropped_ever: now.drops,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(parent: u32, handle: u32, drops: u32) -> disciplines::Discipline {
        disciplines::Discipline {
            index: 3,
            parent,
            handle,
            kind: "tbf".into(),
            drops: Some(drops),
            ..Default::default()
        }
    }

    #[test]
    fn the_root_comes_first_and_growth_is_told_by_discipline() {
        let before = [counted(ROOT, 0x8001_0000, 10), counted(0x0001_0002, 0, 5)];
        let after = [counted(0x0001_0002, 0, 500), counted(ROOT, 0x8001_0000, 12), counted(INGRESS, 0xffff_0000, 4)];
        let seen = of(3, Some(&before), &after);
        let rows: Vec<(&str, Option<u64>)> = seen.iter().map(|it| (it.parent.as_str(), it.dropped)).collect();
        assert_eq!(rows, [("root", Some(2)), ("1:2", Some(495)), ("ingress", Some(4))]);
        assert_eq!(seen[0].handle.as_deref(), Some("8001:"));
        assert_eq!(of(4, Some(&before), &after), []);
    }

    #[test]
    fn a_counter_that_went_round_is_not_taken_for_one_that_was_reset() {
        let grown = |before, after| of(3, Some(&[counted(ROOT, 0, before)]), &[counted(ROOT, 0, after)])[0].dropped;
        assert_eq!(grown(u32::MAX - 1, 3), Some(5));
        assert_eq!(grown(900, 3), None);
        let once = &of(3, None, &[counted(ROOT, 0, 7)])[0];
        assert_eq!((once.dropped, once.dropped_ever), (None, Some(7)));
    }
}
