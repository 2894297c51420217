//! Tracked connections that the kernel may not push out of its table, made by `ctnetlink`.

use std::net::Ipv4Addr;

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sendto, socket};
use std::os::fd::AsRawFd;

/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_NEW`.
const NEW: u16 = 1 << 8;
/// `NLM_F_REQUEST` and `NLM_F_CREATE`.
const CREATE: u16 = 0x401;
/// A nested attribute.
const NESTED: u16 = 1 << 15;
/// `IPS_SEEN_REPLY`, `IPS_ASSURED`, `IPS_CONFIRMED`: such an entry stays until its time is up.
const ASSURED: u32 = 2 | 4 | 8;
/// Seconds that an entry stays.
const STAYS: u32 = 300;
/// Entries in one call.
const BATCH: u32 = 256;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// `CTA_TUPLE_…`: addresses and ports of one direction of a UDP flow.
fn tuple(kind: u16, (from, from_port): (Ipv4Addr, u16), (to, to_port): (Ipv4Addr, u16)) -> Vec<u8> {
    let addresses = [attribute(1, &from.octets()), attribute(2, &to.octets())].concat();
    let ports =
        [attribute(1, &[17]), attribute(2, &from_port.to_be_bytes()), attribute(3, &to_port.to_be_bytes())].concat();
    attribute(kind | NESTED, &[attribute(1 | NESTED, &addresses), attribute(2 | NESTED, &ports)].concat())
}

/// Has the kernel track so many flows, from other addresses to `to`, in the network namespace of the calling thread.
pub fn track(flows: u32, to: (Ipv4Addr, u16)) {
    let door = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter)
        .expect("there is nfnetlink");
    for batch in (0..flows).collect::<Vec<u32>>().chunks(BATCH as usize) {
        let mut messages = Vec::new();
        for number in batch {
            let from = (Ipv4Addr::from(0xc612_0000 + number / 50_000), 10_000 + (number % 50_000) as u16);
            // `struct nfgenmsg`: IPv4, version 0.
            let mut body = vec![libc::AF_INET as u8, 0, 0, 0];
            body.extend(tuple(1, from, to));
            body.extend(tuple(2, to, from));
            body.extend(attribute(3, &ASSURED.to_be_bytes()));
            body.extend(attribute(7, &STAYS.to_be_bytes()));
            messages.extend((16 + body.len() as u32).to_ne_bytes());
            messages.extend(NEW.to_ne_bytes());
            messages.extend(CREATE.to_ne_bytes());
            messages.extend([0; 8]);
            messages.extend(body);
        }
        sendto(door.as_raw_fd(), &messages, &NetlinkAddr::new(0, 0), MsgFlags::empty()).expect("the kernel takes them");
    }
}
