//! Which addresses are this host's own.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::sys::rtnetlink::LinkAddress;

/// The addresses of this host.
#[derive(Debug, Default)]
pub(super) struct Locals {
    own: HashSet<IpAddr>,
    /// Broadcast addresses of its networks.
    broadcast: HashSet<IpAddr>,
}

impl Locals {
    /// Addresses without networks.
    #[cfg(test)]
    pub(super) fn of(own: impl IntoIterator<Item = IpAddr>) -> Self {
        Locals { own: own.into_iter().collect(), broadcast: HashSet::new() }
    }

    /// The addresses of the interfaces.
    pub(super) fn from_addresses(addresses: &[LinkAddress]) -> Self {
        let broadcast = |address: &LinkAddress| match address.address {
            IpAddr::V4(v4) if address.prefix < 31 => {
                Some(IpAddr::V4((v4.to_bits() | u32::MAX.checked_shr(address.prefix.into()).unwrap_or(0)).into()))
            }
            _ => None,
        };
        Locals {
            own: addresses.iter().map(|address| address.address).collect(),
            broadcast: addresses.iter().filter_map(broadcast).collect(),
        }
    }

    /// Whether an address is this host's own.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.own.contains(&address)
    }

    /// Whether packets to an address end on this host, and maybe on others.
    pub(super) fn hears(&self, address: IpAddr) -> bool {
        let all_ones = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
        self.holds(address) || address.is_multicast() || all_ones || self.broadcast.contains(&address)
    }
}
