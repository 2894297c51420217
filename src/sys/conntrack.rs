//! The door to the table of tracked connections: a dump over nfnetlink, of this thread's network namespace.
//!
//! Only what reads is asked; entries and their counters stay as they are.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use nix::sys::socket::SockProtocol;

use super::netlink_dump::NetlinkDump;

/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_GET`.
const GET: u16 = 1 << 8 | 1;
/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_NEW`: what the entries of a dump come as.
const NEW: u16 = 1 << 8;
/// `struct nfgenmsg` of a question: any family, version 0.
const ANY_FAMILY: [u8; 4] = [0; 4];
/// Where the modules of netfilter are.
const MODULES: &str = "kernel/net/netfilter";

/// Hands over the attributes of each entry, until `each` breaks it off. Without `CAP_NET_ADMIN` the kernel refuses (EPERM).
pub fn dump(mut each: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<()> {
    let mut door = NetlinkDump::open(SockProtocol::NetlinkNetFilter)?;
    door.dump(GET, &ANY_FAMILY, |kind, payload| match payload.get(ANY_FAMILY.len()..) {
        Some(attributes) if kind == NEW => each(attributes),
        _ => ControlFlow::Continue(()),
    })?;
    Ok(())
}

/// Whether the part of the kernel that answers is a module that nobody has loaded. Asking would load it.
pub fn is_not_loaded() -> bool {
    let Ok(release) = std::fs::read_to_string("/proc/sys/kernel/osrelease") else { return false };
    let module = format!("/lib/modules/{}/{MODULES}/nf_conntrack_netlink.ko", release.trim());
    !Path::new("/sys/module/nf_conntrack_netlink").exists()
        && ["", ".xz", ".zst", ".gz"].iter().any(|packed| Path::new(&format!("{module}{packed}")).exists())
}
