//! Queueing disciplines and what they counted (`RTM_GETQDISC`). Takes no privilege.

use super::netlink_dump::{attributes, read_i32, read_u32, read_u64};
use crate::printable::printable;

/// Where the discipline at the root of an interface hangs (`TC_H_ROOT`).
pub const ROOT: u32 = 0xffff_ffff;
/// Where `ingress` and `clsact` hang (`TC_H_INGRESS`).
pub const INGRESS: u32 = 0xffff_fff1;

/// A queueing discipline. Counters of 32 bits wrap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discipline {
    /// Index of its interface.
    pub index: u32,
    /// Its number (`tcm_handle`), 0 for those that the kernel set by itself.
    pub handle: u32,
    /// The class above it, [`ROOT`] or [`INGRESS`].
    pub parent: u32,
    /// Its name: `fq_codel`.
    pub kind: String,
    /// Bytes and packets that left it.
    pub bytes: Option<u64>,
    /// See `bytes`.
    pub packets: Option<u64>,
    /// Packets that it dropped.
    pub drops: Option<u32>,
    /// How often it held a packet back that was over a limit.
    pub overlimits: Option<u32>,
    /// How often the device refused a packet and got it again.
    pub requeues: Option<u32>,
    /// Packets that wait in it, a state.
    pub waiting_packets: Option<u32>,
    /// Bytes that wait in it, a state.
    pub waiting_bytes: Option<u32>,
}

/// `RTM_NEWQDISC`: `struct tcmsg` and attributes.
pub(super) fn parse(payload: &[u8]) -> Option<Discipline> {
    let mut discipline = Discipline {
        index: u32::try_from(read_i32(payload, 4)?).ok()?,
        handle: read_u32(payload, 8)?,
        parent: read_u32(payload, 12)?,
        ..Discipline::default()
    };
    for (kind, value) in attributes(payload.get(20..)?) {
        match kind {
            1 => discipline.kind = printable(value.split(|byte| *byte == 0).next().unwrap_or_default()),
            7 => statistics(&mut discipline, value), // TCA_STATS2
            _ => {}
        }
    }
    Some(discipline)
}

fn statistics(discipline: &mut Discipline, value: &[u8]) {
    let mut of_64_bits = None;
    for (kind, value) in attributes(value) {
        match kind {
            // TCA_STATS_BASIC, TCA_STATS_QUEUE, TCA_STATS_PKT64
            1 => {
                discipline.bytes = read_u64(value, 0);
                discipline.packets = read_u32(value, 8).map(u64::from);
            }
            3 => {
                discipline.waiting_packets = read_u32(value, 0);
                discipline.waiting_bytes = read_u32(value, 4);
                discipline.drops = read_u32(value, 8);
                discipline.requeues = read_u32(value, 12);
                discipline.overlimits = read_u32(value, 16);
            }
            8 => of_64_bits = read_u64(value, 0),
            _ => {}
        }
    }
    discipline.packets = of_64_bits.or(discipline.packets);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_message_of_the_kernel_is_read() {
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<_>>();
        let mut payload = numbers(&[0, 7, 0x8001_0000, ROOT, 2]);
        payload.extend(attribute(1, b"tbf\0"));
        let basic = [9_000u64.to_ne_bytes().as_slice(), &numbers(&[90, 0])].concat();
        let queue = numbers(&[3, 300, 12, 1, 40]);
        payload.extend(attribute(7, &[attribute(1, &basic), attribute(3, &queue)].concat()));
        let seen = parse(&payload).unwrap();
        assert_eq!((seen.index, seen.parent, seen.kind.as_str()), (7, ROOT, "tbf"));
        assert_eq!((seen.bytes, seen.packets), (Some(9_000), Some(90)));
        assert_eq!((seen.drops, seen.requeues, seen.overlimits), (Some(12), Some(1), Some(40)));
        assert_eq!((seen.waiting_packets, seen.waiting_bytes), (Some(3), Some(300)));
        assert_eq!(parse(&payload[..10]), None);
    }
}
