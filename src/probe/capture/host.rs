//! The host's interfaces and addresses, as far as a capture needs them.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_indextoname;

use crate::case::{Gap, Reason};
use crate::probe::watched::{self, Survey};

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
}

impl Interface {
    /// Whether it is still there, maybe under another name.
    pub fn exists(&self) -> bool {
        // nix gives an empty name for an index that nobody has.
        if_indextoname(self.index).is_ok_and(|name| !name.is_empty())
    }
}

/// The interface that `wanted` names.
pub fn interface(wanted: &str) -> Result<Interface, Gap> {
    let mut door = watched::door()?;
    let survey = Survey::take(&mut door)?;
    let routes = watched::default_routes(&mut door).unwrap_or_default();
    let index = watched::choose(wanted, &survey, &routes)?.index;
    let name = watched::name_of(index, &survey.links).ok_or_else(|| {
        let tried = format!("capture packets on {}", wanted.escape_debug());
        Gap::new(Reason::Absent, tried, format!("the interface with index {index} vanished"))
    })?;
    Ok(Interface { name, index })
}

/// The host's own addresses, over all interfaces.
pub fn addresses() -> Result<Vec<IpAddr>, Gap> {
    let interfaces = getifaddrs().map_err(|error| Gap::io("list the host's own addresses", &error.into()))?;
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    });
    Ok(addresses.collect())
}
