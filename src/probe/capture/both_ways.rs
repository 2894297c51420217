//! Lists that are drawn up alike of what was received and of what was sent.

use super::count::{Count, Direction};
use super::names;
use super::output::{Entered, IcmpType};

/// What went by each interface: its sums, the tags that a device had taken off, and `counted`, in the order of the interfaces, by the
/// interface itself.
pub(super) fn by_interface(
    interfaces: &[String],
    sums: impl Iterator<Item = (Direction, u64)>,
    counted: impl Iterator<Item = Option<u64>>,
) -> Vec<Entered> {
    let by_place = interfaces.iter().zip(sums).zip(counted.chain(std::iter::repeat(None)));
    let entered = by_place.map(|((interface, (direction, stripped)), counted_bytes)| Entered {
        interface: interface.clone(),
        packets: direction.count.packets,
        wire_packets: direction.wire_packets,
        bytes: direction.count.bytes,
        merged_header_bytes: direction.merged_header_bytes,
        stripped_tag_bytes: stripped * 4,
        counted_bytes,
    });
    entered.collect()
}

/// ICMP and ICMPv6 by type, most packets first.
pub(super) fn icmp_types(families: &[[Count; 256]; 2]) -> Vec<IcmpType> {
    let families = [(false, "ipv4"), (true, "ipv6")].into_iter().zip(families);
    let types = families.flat_map(|((v6, family), counts)| {
        (0..=255u8).zip(counts).filter(|(_, count)| count.packets > 0).map(move |(kind, count)| IcmpType {
            family: family.to_owned(),
            kind,
            name: names::icmp_type(v6, kind),
            packets: count.packets,
            bytes: count.bytes,
        })
    });
    let mut types: Vec<IcmpType> = types.collect();
    types.sort_by_key(|kind| std::cmp::Reverse(kind.packets));
    types
}
