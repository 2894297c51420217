//! Which addresses machines have, by the kernel's tables of neighbours: what a guest told by ARP or neighbour discovery, or was set.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::case::{Gap, Reason};
use crate::probe::elsewhere::HostLinks;
use crate::sys::rtnetlink::{Bridged, Neighbour, Rtnetlink};

/// How long the tables may be read, and routes asked for.
const PATIENCE: Duration = Duration::from_millis(60);
/// Rows that are kept of each table: the kernel holds 1,024 neighbours of a family, where nobody raised `gc_thresh3`.
const ROWS: usize = 4096;
/// Addresses of one machine.
const ADDRESSES: usize = 8;
/// Addresses of one machine that are looked at: it may claim as many as it likes.
const CLAIMS: usize = 32;

/// A device that a machine is behind.
#[derive(Debug, Clone, Copy)]
struct Device {
    pid: i32,
    index: u32,
    bridge: Option<u32>,
}

/// The addresses of machines, by their processes.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    pub(super) of: HashMap<i32, Vec<IpAddr>>,
    /// Why some may be missing.
    pub(super) gap: Option<Gap>,
}

impl Addresses {
    /// Reads those of the machines that hold these devices, by name.
    pub(super) fn read(holders: &HashMap<String, i32>, links: &HostLinks, door: &mut Rtnetlink) -> Self {
        let held = links.links.iter().filter_map(|link| Some((link, *holders.get(&link.name)?)));
        let devices: Vec<Device> =
            held.map(|(link, pid)| Device { pid, index: link.index, bridge: link.master }).collect();
        let mut addresses = Addresses::default();
        if devices.is_empty() {
            return addresses;
        }
        let tried = "read which addresses machines have (RTM_GETNEIGH)";
        match addresses.find(&devices, door, Instant::now() + PATIENCE) {
            Ok(false) => {}
            Ok(true) => {
                let why = "there are more neighbours than are kept, or the time for it was over";
                addresses.gap = Some(Gap::new(Reason::Failed, tried, why));
            }
            Err(error) => addresses.gap = Some(Gap::io(tried, &error)),
        }
        addresses
    }

    /// Says whether there was more than was looked at.
    fn find(&mut self, devices: &[Device], door: &mut Rtnetlink, deadline: Instant) -> std::io::Result<bool> {
        let bridges: HashSet<u32> = devices.iter().filter_map(|device| device.bridge).collect();
        let interfaces = devices.iter().map(|device| device.bridge.unwrap_or(device.index)).collect();
        let (mut neighbours, mut cut) = door.neighbours_on(&interfaces, false, ROWS, deadline)?;
        let (more, cut_too) = door.neighbours_on(&interfaces, true, ROWS, deadline)?;
        neighbours.extend(more);
        cut |= cut_too;
        let mut bridged = Vec::new();
        if !bridges.is_empty() {
            let (rows, cut_too) = door.bridged_by(&bridges, ROWS, deadline)?;
            bridged = rows;
            cut |= cut_too;
        }
        let mut looked_at: HashMap<i32, usize> = HashMap::new();
        for (pid, neighbour) in claims(devices, &neighbours, &bridged) {
            let looked_at = looked_at.entry(pid).or_default();
            let known = self.of.entry(pid).or_default();
            *looked_at += 1;
            if known.len() == ADDRESSES || *looked_at > CLAIMS || Instant::now() >= deadline {
                cut = true;
                continue;
            }
            // A guest may claim any address: those count to which this host itself sends there.
            if door.network_of(neighbour.address)? == Some(neighbour.index) {
                known.push(neighbour.address);
            }
        }
        Ok(cut)
    }
}

/// What the tables say of each machine, its process first: each address once, and none that two of them claim.
fn claims(devices: &[Device], neighbours: &[Neighbour], bridged: &[Bridged]) -> Vec<(i32, Neighbour)> {
    // A link address that was seen behind two ports (in two VLANs) is behind neither.
    let mut ports: HashMap<(u32, [u8; 6]), Option<u32>> = HashMap::new();
    for row in bridged.iter().filter(|row| !row.taken) {
        let Some(bridge) = row.master else { continue };
        ports
            .entry((bridge, row.address))
            .and_modify(|port| *port = port.filter(|port| *port == row.index))
            .or_insert(Some(row.index));
    }
    let by_index: HashMap<u32, &Device> = devices.iter().map(|device| (device.index, device)).collect();
    let holder = |neighbour: &Neighbour| {
        let on_it = by_index.get(&neighbour.index).filter(|device| device.bridge.is_none());
        let port = ports.get(&(neighbour.index, neighbour.link_address)).copied().flatten();
        let behind = port.and_then(|port| by_index.get(&port));
        on_it.or(behind).map(|device| device.pid)
    };
    let mut order = Vec::new();
    let mut claimed: HashMap<IpAddr, Option<i32>> = HashMap::new();
    for neighbour in neighbours.iter().filter(|neighbour| !is_link_local(neighbour.address)) {
        let Some(pid) = holder(neighbour) else { continue };
        claimed.entry(neighbour.address).and_modify(|of| *of = of.filter(|of| *of == pid)).or_insert(Some(pid));
        order.push((pid, *neighbour));
    }
    order.retain(|(pid, neighbour)| claimed.get(&neighbour.address) == Some(&Some(*pid)));
    order
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIDGE: u32 = 9;

    fn neighbour(index: u32, address: &str, last: u8) -> Neighbour {
        Neighbour { index, address: address.parse().unwrap(), link_address: [0x52, 0x54, 0, 0, 0, last] }
    }

    fn row(port: u32, last: u8) -> Bridged {
        Bridged { index: port, master: Some(BRIDGE), address: [0x52, 0x54, 0, 0, 0, last], taken: false }
    }

    /// Machines 700 and 701 behind a bridge by devices 3 and 4, machine 702 by device 5 alone.
    fn told(neighbours: &[Neighbour], bridged: &[Bridged]) -> Vec<(i32, String)> {
        let device = |pid, index, bridge| Device { pid, index, bridge };
        let devices = [device(700, 3, Some(BRIDGE)), device(701, 4, Some(BRIDGE)), device(702, 5, None)];
        let claims = claims(&devices, neighbours, bridged);
        claims.into_iter().map(|(pid, of)| (pid, of.address.to_string())).collect()
    }

    #[test]
    fn a_machine_has_what_is_behind_its_port_or_on_its_device() {
        let neighbours = [
            neighbour(BRIDGE, "192.168.122.5", 1),
            neighbour(BRIDGE, "192.168.122.6", 2),
            neighbour(BRIDGE, "192.168.122.7", 3),
            neighbour(BRIDGE, "fe80::1", 1),
            neighbour(5, "172.16.0.2", 9),
            neighbour(2, "203.0.113.9", 1),
        ];
        let expected = [(700, "192.168.122.5"), (701, "192.168.122.6"), (702, "172.16.0.2")];
        let expected = expected.map(|(pid, address)| (pid, address.to_owned()));
        assert_eq!(told(&neighbours, &[row(3, 1), row(4, 2), row(8, 3)]), expected);
        // What is only said to be on the device of a port is nowhere: frames go by the bridge.
        assert_eq!(told(&[neighbour(3, "192.168.122.5", 1)], &[row(3, 1)]), []);
    }

    #[test]
    fn what_two_machines_claim_is_neithers() {
        let neighbours = [neighbour(BRIDGE, "192.168.122.5", 1), neighbour(5, "192.168.122.5", 9)];
        assert_eq!(told(&neighbours, &[row(3, 1)]), []);
        let one = [neighbour(BRIDGE, "192.168.122.5", 1)];
        assert_eq!(told(&one, &[row(3, 1), row(4, 1)]), [], "one link address behind two ports");
        let itself = Bridged { taken: true, ..row(3, 1) };
        assert_eq!(told(&one, &[itself]), []);
    }
}
