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

/// What one device counted, all its queues together; none where its driver does not count it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueStatistics {
    /// Times that there was no memory for a packet that came (`rx-alloc-fail`).
    pub rx_alloc_fail: Option<u64>,
    /// Packets that came to the device and never left it, for whatever reason (`rx-hw-drops`).
    pub rx_hw_drops: Option<u64>,
    /// Those of them for want of room or buffers (`rx-hw-drop-overruns`).
    pub rx_hw_drop_overruns: Option<u64>,
    /// Those of them over the rate that the device is allowed (`rx-hw-drop-ratelimits`).
    pub rx_hw_drop_ratelimits: Option<u64>,
    /// Packets with a wrong checksum (`rx-csum-bad`).
    pub rx_csum_bad: Option<u64>,
    /// Packets to be sent that the device dropped (`tx-hw-drops`).
    pub tx_hw_drops: Option<u64>,
    /// Those of them over the rate that the device is allowed (`tx-hw-drop-ratelimits`).
    pub tx_hw_drop_ratelimits: Option<u64>,
    /// How often a queue was full and sending stopped (`tx-stop`).
    pub tx_stop: Option<u64>,
}

/// The devices of this network namespace whose drivers count so, by index. None where the kernel knows no such question.
pub fn read() -> io::Result<Option<BTreeMap<u32, QueueStatistics>>> {
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

/// `struct genlmsghdr` and attributes.
fn parse(payload: &[u8]) -> Option<(u32, QueueStatistics)> {
    let mut counted = QueueStatistics::default();
    let mut index = None;
    for (kind, value) in attributes(payload.get(4..)?) {
        let figure = || read_u64(value, 0).or_else(|| read_u32(value, 0).map(u64::from));
        match kind {
            1 => index = read_u32(value, 0),
            12 => counted.rx_alloc_fail = figure(),
            13 => counted.rx_hw_drops = figure(),
            14 => counted.rx_hw_drop_overruns = figure(),
            18 => counted.rx_csum_bad = figure(),
            23 => counted.rx_hw_drop_ratelimits = figure(),
            24 => counted.tx_hw_drops = figure(),
            32 => counted.tx_hw_drop_ratelimits = figure(),
            33 => counted.tx_stop = figure(),
            _ => {}
        }
    }
    Some((index?, counted))
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
        let wanted = QueueStatistics { rx_hw_drops: Some(9), tx_stop: Some(1 << 40), ..QueueStatistics::default() };
        assert_eq!(parse(&payload), Some((4, wanted)));
    }

    #[test]
    fn this_kernel_answers_or_says_that_it_does_not_know_the_question() {
        if let Some(devices) = read().unwrap() {
            assert!(devices.keys().all(|index| *index > 0));
        }
    }
}
