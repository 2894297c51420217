//! Files of `/sys/class/net` that are surely about a link. What is mounted there may be another network namespace's, where the
//! same name means another interface: index and link address must agree with what netlink says.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sys::rtnetlink::Link;

/// The folder of a link; none where there is none, or where it is another interface's.
pub(super) fn folder(link: &Link) -> Option<PathBuf> {
    let folder = PathBuf::from("/sys/class/net").join(&link.name);
    let address = link.link_address.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    // An address of zeroes is every loopback interface's.
    let is_own = link.link_address.iter().any(|byte| *byte != 0);
    let same = is_own && text(&folder, "ifindex")?.parse() == Ok(link.index) && text(&folder, "address")? == address;
    same.then_some(folder)
}

/// What a file in the folder of a link says, without the end of its line.
pub(super) fn text(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok().map(|text| text.trim().to_owned())
}
