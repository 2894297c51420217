//! Frames that nothing on this host takes: the kernel drops them before any layer counts them.

use super::WindowEvidence;
use super::buckets::{Bucket, End, Entries, Recipient};
use super::counted::Counted;
use crate::case::EntryKind;
use crate::probe::capture::Capture;
use crate::units;

/// Frames of the usual chatter of a link (LLDP, spanning tree), which are no trouble.
const FEW: u64 = 50;

/// Books frames of ether types that nothing here takes. The interface's own figure for them stands still while packets are watched:
/// the capture takes them, so both figures are said.
pub(super) fn book_untaken(
    evidence: &WindowEvidence<'_>,
    capture: &Capture,
    counted: &[Counted<'_>],
    buckets: &mut [Bucket<'_>],
    entries: &mut Entries,
    disagreements: &mut Vec<String>,
) {
    let Some(untaken) = capture.untaken.as_ref().filter(|untaken| untaken.packets > FEW) else { return };
    let not_ip = |bucket: &&mut Bucket<'_>| bucket.recipient == Recipient::Class(EntryKind::NonIp);
    let Some(bucket) = buckets.iter_mut().find(not_ip) else { return };
    let label = "dropped: frames of protocols that nothing on this host takes".to_owned();
    entries.book(
        EntryKind::KernelDrop,
        End { label, ..End::default() },
        bucket.allocate(bucket.standing_for(untaken.packets)),
    );
    let interfaces = &evidence.interfaces.interfaces;
    let of = |name: &str| interfaces.iter().find(|interface| interface.name == name)?.rx.dropped;
    let dropped: u64 = counted.iter().filter_map(|counted| of(counted.name)).sum();
    if dropped < untaken.packets / 2 {
        disagreements.push(format!(
            "{} frames that nothing here takes came in, and rx_dropped grew by {dropped}: it stands still while packets are watched, by \
             whomever",
            units::count(untaken.packets as f64),
        ));
    }
}
