//! What devices count by queue in the kernel's own words (generic netlink `netdev`, `qstats-get`; Linux 6.10), for the drivers
//! that know them. Takes no privilege.

use std::collections::BTreeMap;
use std::io;

use nix::sys::socket::SockProtocol;

use super::netlink_dump::{NetlinkDump, attributes, read_u32, read_u64};

/// The family of generic netlink that knows the others (`GENL_ID_CTRL`), and its question for them.
const CONTROL: u16 = 0x10;
const GET_FAMILY: u8 = 3;
/// `NETDEV_CMD_QSTATS_GET`.
const GET_STATISTICS: u8 = 12;
/// `NETDEV_A_QSTATS_RX_PACKETS`: the first attribute that counts.
const FIRST_FIGURE: u16 = 8;

/// What one device counted, all its queues together, by the kernel's number of each figure (`NETDEV_A_QSTATS_…`). What its driver does
/// not count is not there.
pub type QueueFigures = BTreeMap<u16, u64>;

/// The devices of this network namespace whose drivers count so, by index. None where the kernel knows no such question.
pub fn read() -> io::Result<Option<BTreeMap<u32, QueueFigures>>> {
    let mut netlink = NetlinkDump::open(SockProtocol::NetlinkGeneric)?;
    let families = netlink.list(CONTROL, &[GET_FAMILY, 1, 0, 0], |_, payload| {
        let parts = || attributes(payload.get(4..).unwrap_or_default());
        let name = parts().find(|(kind, _)| *kind == 2)?.1; // CTRL_ATTR_FAMILY_NAME
        let is_wanted = name.strip_suffix(b"\0").unwrap_or(name) == b"netdev";
        let (_, number) = parts().find(|(kind, _)| *kind == 1)?; // CTRL_ATTR_FAMILY_ID
        is_wanted.then(|| number.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes)))?
    })?;
    let Some(family) = families.first() else { return Ok(None) };
    match netlink.list(*family, &[GET_STATISTICS, 1, 0, 0], |_, payload| parse(payload)) {
        Ok(devices) => Ok(Some(devices.into_iter().collect())),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOENT)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `struct genlmsghdr` and attributes. The first ones say which device and queue it is.
fn parse(payload: &[u8]) -> Option<(u32, QueueFigures)> {
    let of = || attributes(payload.get(4..).unwrap_or_default());
    let index = of().find(|(kind, _)| *kind == 1).and_then(|(_, value)| read_u32(value, 0))?;
    let figure = |value: &[u8]| read_u64(value, 0).or_else(|| read_u32(value, 0).map(u64::from));
    let figures = of().filter(|(kind, _)| *kind >= FIRST_FIGURE);
    Some((index, figures.filter_map(|(kind, value)| Some((kind, figure(value)?))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_both_widths_are_read() {
        let mut payload = vec![GET_STATISTICS, 1, 0, 0];
        for (kind, value) in [
            (1u16, 4u32.to_ne_bytes().to_vec()),
            (13, 9u32.to_ne_bytes().to_vec()),
            (33, (1u64 << 40).to_ne_bytes().to_vec()),
        ] {
            payload.extend((4 + value.len() as u16).to_ne_bytes());
            payload.extend(kind.to_ne_bytes());
            payload.extend(value);
        }
        assert_eq!(parse(&payload), Some((4, QueueFigures::from([(13, 9), (33, 1 << 40)]))));
    }

    #[test]
    fn this_kernel_answers_or_says_that_it_does_not_know_the_question() {
        if let Some(devices) = read().unwrap() {
            assert!(devices.keys().all(|index| *index > 0));
        }
    }
}
