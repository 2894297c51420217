//! From where casebook looks: from the host itself, from inside a container, from a namespace.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::machine::{Traits, first_pid_namespace};
use crate::case::Vantage;
use crate::printable::printable;

/// A setting that only the host's own network has (kernel: net/core/sysctl_net_core.c, `net_core_table`), and the folder of those
/// that each network has.
const HOSTS_SETTING: &str = "/proc/sys/net/core/netdev_max_backlog";
const SETTINGS: &str = "/proc/sys/net/core";
/// Where `ip netns` keeps names, and how many are looked at.
const NAMED: &str = "/run/netns";
const MOST_NAMED: usize = 4096;

/// From where casebook looks; none from the host itself.
pub fn vantage() -> Option<Vantage> {
    let host_network = match (Path::new(SETTINGS).exists(), Path::new(HOSTS_SETTING).exists()) {
        (_, true) => Some(true),
        (true, false) => Some(false),
        (false, false) => None,
    };
    let container = Traits::now().container().map(|name| printable(&name));
    let host_processes = first_pid_namespace();
    if container.is_none() && host_network != Some(false) && host_processes != Some(false) {
        return None;
    }
    let network_namespace = (host_network == Some(false)).then(named).flatten();
    Some(Vantage { container, network_namespace, host_network, host_processes })
}

/// The name of this network namespace, where `ip netns` gave it one.
fn named() -> Option<String> {
    let own = fs::metadata("/proc/self/ns/net").ok()?;
    let named = fs::read_dir(NAMED).ok()?.flatten().take(MOST_NAMED).find(|entry| {
        fs::metadata(entry.path()).is_ok_and(|named| (named.dev(), named.ino()) == (own.dev(), own.ino()))
    })?;
    Some(printable(named.file_name().as_encoded_bytes()))
}
