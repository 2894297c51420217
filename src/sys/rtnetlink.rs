//! Links, their counters, addresses and default routes, from rtnetlink. None of it needs a privilege.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use super::disciplines::{self, Discipline};
use super::netlink_dump::{NetlinkDump, attributes, read_i32, read_u16, read_u32, read_u64};
use crate::printable::printable;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
const RTM_NEWNSID: u16 = 88;
const RTM_GETNSID: u16 = 90;
const RTM_NEWSTATS: u16 = 92;
const RTM_GETSTATS: u16 = 94;

/// `RT_TABLE_MAIN`.
const MAIN_TABLE: u8 = 254;

/// `RTEXT_FILTER_SKIP_STATS`: no per-interface snmp6 tables, which are most of a link's description.
const SKIP_SNMP6: u32 = 8;

/// How many routes are looked through for default ones. The routing tables are tries: 0.0.0.0/0 and ::/0 are their
/// first leaves, and a host with a full Internet table shall not pay for a million more.
const ROUTES_LOOKED_AT: usize = 20_000;

/// How many rows of forwarding tables are read: bridges of large hosts have some ten thousand.
const BRIDGED_READ: usize = 65_536;

/// A network interface as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Name, control characters escaped.
    pub name: String,
    /// Further names (`IFLA_PROP_LIST`).
    pub other_names: Vec<String>,
    /// Link type (`ARPHRD_…`).
    pub hardware: u16,
    /// `IFF_…` flags.
    pub flags: u32,
    /// MTU in bytes.
    pub mtu: u32,
    /// Link address, empty where the link has none.
    pub link_address: Vec<u8>,
    /// Index of the bridge or bond that it belongs to.
    pub master: Option<u32>,
    /// Whether there is a carrier, if the kernel says.
    pub carrier: Option<bool>,
    /// Kind of a virtual interface: `veth`, `bridge` (`IFLA_INFO_KIND`).
    pub kind: Option<String>,
    /// Index of the interface that it stands on, or the other end of a veth pair, when that is in this network namespace
    /// (`IFLA_LINK` without `IFLA_LINK_NETNSID`).
    pub lower: Option<u32>,
    /// The same, when that is in another network namespace.
    pub elsewhere: Option<Elsewhere>,
    /// Of a VLAN, its number (`IFLA_VLAN_ID`).
    pub vlan_id: Option<u16>,
    /// The number of the XDP program that is attached, 0 where the kernel names none (`IFLA_XDP`).
    pub xdp_program: Option<u32>,
    /// Where it sees packets (`IFLA_XDP_ATTACHED`): 1 in the driver, 2 in the kernel behind it, 3 in the device, 4 in several places.
    pub xdp_place: Option<u8>,
    /// Counters (`IFLA_STATS64`).
    pub counters: Option<LinkCounters>,
}

/// An interface of another network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Elsewhere {
    /// Its index there; 0 where the kernel does not tell (`IFLA_LINK`).
    pub index: u32,
    /// The number by which this namespace knows that one (`IFLA_LINK_NETNSID`); negative where it has none.
    pub namespace: i32,
}

/// `struct rtnl_link_stats64`: counters since the interface was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in the kernel's header")]
pub struct LinkCounters {
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
    pub multicast: u64,
    pub rx_crc_errors: u64,
    pub rx_frame_errors: u64,
    pub rx_fifo_errors: u64,
    pub rx_missed_errors: u64,
    pub tx_fifo_errors: u64,
    pub rx_nohandler: Option<u64>,
    pub rx_otherhost_dropped: Option<u64>,
}

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkAddress {
    /// Index of the interface.
    pub index: u32,
    /// The local address.
    pub address: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u8,
    /// Label: the interface's name, or that of an alias, `eth0:1`. IPv4 only.
    pub label: Option<String>,
}

/// A link address in a forwarding table: of a bridge, or one that an interface takes besides its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bridged {
    /// Index of the port behind which it is; of the interface that takes it.
    pub index: u32,
    /// Index of the bridge.
    pub master: Option<u32>,
    /// The address.
    pub address: [u8; 6],
    /// The interface itself takes it, as for a macvlan on it (`NTF_SELF`).
    pub taken: bool,
}

/// Who has an address on the network of an interface, as the kernel learned it by ARP or neighbour discovery, or was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Index of the interface.
    pub index: u32,
    /// The address.
    pub address: IpAddr,
    /// The link address there.
    pub link_address: [u8; 6],
}

/// A default route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRoute {
    /// Whether it is for IPv6.
    pub v6: bool,
    /// Index of the interface; of the first one, where it has several paths.
    pub index: u32,
    /// Its metric: the lowest wins.
    pub metric: u32,
}

/// What the queueing disciplines of an interface have dropped since they were set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueDrops {
    /// By filters and policers of its `ingress` or `clsact`.
    pub ingress: Option<u32>,
    /// By the one at its root.
    pub root: Option<u32>,
}

/// Networks all of whose addresses are the host's own, without being given to an interface: routes of type local in the table
/// `local` (`ip route add local 192.0.2.0/24 dev lo`), as address and length of prefix. Hosts are not among them, nor is
/// 127.0.0.0/8. Fails on kernels before 4.20, which cannot be asked for one table alone.
pub fn local_networks(v6: bool) -> io::Result<Vec<(IpAddr, u8)>> {
    const LOCAL_TABLE: u8 = 255;
    const LOCAL: u8 = 2;
    let mut netlink = NetlinkDump::open_strict(SockProtocol::NetlinkRoute)?;
    let mut request = vec![0; 12];
    request[0] = if v6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
    request[4] = LOCAL_TABLE;
    request[7] = LOCAL;
    let routes =
        netlink.list(
            RTM_GETROUTE,
            &request,
            |kind, payload| {
                if kind == RTM_NEWROUTE { parse_local_network(payload) } else { None }
            },
        )?;
    Ok(routes)
}

/// `RTM_NEWROUTE` of a local network.
fn parse_local_network(payload: &[u8]) -> Option<(IpAddr, u8)> {
    let header: &[u8; 12] = payload.first_chunk()?;
    let [_, prefix, _, _, table, _, _, kind, ..] = *header;
    let (_, destination) = attributes(payload.get(12..)?).find(|(kind, _)| *kind == 1)?;
    let address = ip_address(destination)?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    (table == 255 && kind == 2 && (1..whole).contains(&prefix) && !address.is_loopback()).then_some((address, prefix))
}

/// A door to rtnetlink.
#[derive(Debug)]
pub struct Rtnetlink {
    netlink: NetlinkDump,
    /// The kernel knows `RTM_GETSTATS` (4.7).
    stats_messages: bool,
}

impl Rtnetlink {
    /// Opens it in the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        Ok(Rtnetlink { netlink: NetlinkDump::open(SockProtocol::NetlinkRoute)?, stats_messages: true })
    }

    /// All interfaces.
    pub fn links(&mut self) -> io::Result<Vec<Link>> {
        self.netlink.list(RTM_GETLINK, &links_request(), link_in)
    }

    /// Whether there is an interface of this name, other names left out.
    pub fn is_link(&mut self, name: &str) -> bool {
        let mut request = links_request();
        request.extend_from_slice(&(4 + name.len() as u16 + 1).to_ne_bytes());
        request.extend_from_slice(&3u16.to_ne_bytes()); // IFLA_IFNAME
        request.extend_from_slice(name.as_bytes());
        request.resize((request.len() + 1).next_multiple_of(4), 0);
        let asked =
            if name.len() < libc::IFNAMSIZ { self.netlink.ask(RTM_GETLINK, &request, link_in) } else { Ok(None) };
        asked.is_ok_and(|link| link.is_some_and(|link| link.name == name))
    }

    /// At most so many interfaces, as far as they are told until `deadline`; and whether there are more.
    pub fn links_at_most(&mut self, most: usize, deadline: Instant) -> io::Result<(Vec<Link>, bool)> {
        self.netlink.list_at_most(RTM_GETLINK, &links_request(), most, Some(deadline), link_in)
    }

    /// The counters of all interfaces, by index.
    pub fn counters(&mut self) -> io::Result<HashMap<u32, LinkCounters>> {
        if self.stats_messages {
            let mut request = vec![0; 8];
            request.extend_from_slice(&1u32.to_ne_bytes()); // IFLA_STATS_LINK_64
            match self.netlink.list(RTM_GETSTATS, &request, |kind, payload| {
                if kind == RTM_NEWSTATS { parse_stats(payload) } else { None }
            }) {
                Ok(counters) => return Ok(counters.into_iter().collect()),
                Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => self.stats_messages = false,
                Err(error) => return Err(error),
            }
        }
        Ok(self.links()?.into_iter().filter_map(|link| Some((link.index, link.counters?))).collect())
    }

    /// The counters of one interface; none where it is gone, or the kernel has none of it.
    pub fn counters_of(&mut self, index: u32) -> io::Result<Option<LinkCounters>> {
        if self.stats_messages {
            let mut request = vec![0; 4];
            request.extend_from_slice(&index.to_ne_bytes());
            request.extend_from_slice(&1u32.to_ne_bytes()); // IFLA_STATS_LINK_64
            match self.netlink.ask(RTM_GETSTATS, &request, |kind, payload| {
                if kind == RTM_NEWSTATS { parse_stats(payload) } else { None }
            }) {
                Ok(counters) => return Ok(counters.map(|(_, counters)| counters)),
                Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => self.stats_messages = false,
                Err(error) => return Err(error),
            }
        }
        let mut request = links_request();
        request[4..8].copy_from_slice(&index.to_ne_bytes());
        Ok(self.netlink.ask(RTM_GETLINK, &request, link_in)?.and_then(|link| link.counters))
    }

    /// The queueing disciplines of all interfaces.
    pub fn disciplines(&mut self) -> io::Result<Vec<Discipline>> {
        self.netlink.list(
            RTM_GETQDISC,
            &[0; 20],
            |kind, payload| {
                if kind == RTM_NEWQDISC { disciplines::parse(payload) } else { None }
            },
        )
    }

    /// What the queueing disciplines have dropped, by index of the interface.
    pub fn queue_drops(&mut self) -> io::Result<HashMap<u32, QueueDrops>> {
        let mut drops: HashMap<u32, QueueDrops> = HashMap::new();
        for discipline in self.disciplines()? {
            let place = match discipline.parent {
                disciplines::ROOT => &mut drops.entry(discipline.index).or_default().root,
                disciplines::INGRESS => &mut drops.entry(discipline.index).or_default().ingress,
                _ => continue,
            };
            *place = discipline.drops.or(*place);
        }
        Ok(drops)
    }

    /// The forwarding tables of bridges, and the link addresses that interfaces take besides their own.
    pub fn bridged(&mut self) -> io::Result<Vec<Bridged>> {
        let mut request = vec![0; 12];
        request[0] = libc::AF_BRIDGE as u8;
        let mut rows = Vec::new();
        self.netlink.dump(RTM_GETNEIGH, &request, |kind, payload| {
            if kind == RTM_NEWNEIGH {
                rows.extend(parse_bridged(payload));
            }
            if rows.len() < BRIDGED_READ { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }

    /// The neighbours on these interfaces, IPv4 (`v6` false) or IPv6: at most so many, as far as they are told until `deadline`;
    /// and whether there are more. Those whose link address is not known are none.
    pub fn neighbours_on(
        &mut self,
        interfaces: &HashSet<u32>,
        v6: bool,
        most: usize,
        deadline: Instant,
    ) -> io::Result<(Vec<Neighbour>, bool)> {
        let mut request = vec![0; 12];
        request[0] = if v6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
        self.netlink.list_at_most(RTM_GETNEIGH, &request, most, Some(deadline), |kind, payload| {
            let row = if kind == RTM_NEWNEIGH { parse_neighbour(payload) } else { None };
            row.filter(|row| interfaces.contains(&row.index))
        })
    }

    /// The forwarding tables of these bridges: at most so many rows, as far as they are told until `deadline`; and whether there
    /// are more.
    pub fn bridged_by(
        &mut self,
        bridges: &HashSet<u32>,
        most: usize,
        deadline: Instant,
    ) -> io::Result<(Vec<Bridged>, bool)> {
        let mut request = vec![0; 12];
        request[0] = libc::AF_BRIDGE as u8;
        self.netlink.list_at_most(RTM_GETNEIGH, &request, most, Some(deadline), |kind, payload| {
            let row = if kind == RTM_NEWNEIGH { parse_bridged(payload) } else { None };
            row.filter(|row| row.master.is_some_and(|master| bridges.contains(&master)))
        })
    }

    /// The index of the interface on whose network the kernel finds an address without a router between; none where it goes
    /// elsewhere, or nowhere.
    pub fn network_of(&mut self, address: IpAddr) -> io::Result<Option<u32>> {
        let mut request = vec![0; 12];
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        request[0] = if address.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET } as u8;
        request[1] = (bytes.len() * 8) as u8;
        request.extend_from_slice(&(4 + bytes.len() as u16).to_ne_bytes());
        request.extend_from_slice(&1u16.to_ne_bytes()); // RTA_DST
        request.extend_from_slice(&bytes);
        let asked = self.netlink.ask(RTM_GETROUTE, &request, |kind, payload| {
            if kind == RTM_NEWROUTE { Some(parse_network(payload)) } else { None }
        });
        match asked {
            Ok(network) => Ok(network.flatten()),
            // An unreachable one, a prohibited one, a black hole.
            Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EACCES | Errno::EINVAL) => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// The number by which this namespace knows another one; none where no link leads there. Numbers are given by the kernel
    /// when links are listed.
    pub fn number_of(&mut self, namespace: BorrowedFd<'_>) -> io::Result<Option<i32>> {
        const BY_DESCRIPTOR: u16 = 3; // NETNSA_FD
        let mut request = vec![0; 4];
        request.extend_from_slice(&8u16.to_ne_bytes());
        request.extend_from_slice(&BY_DESCRIPTOR.to_ne_bytes());
        request.extend_from_slice(&namespace.as_raw_fd().to_ne_bytes());
        let number = self.netlink.ask(RTM_GETNSID, &request, |kind, payload| {
            if kind == RTM_NEWNSID { parse_namespace_number(payload) } else { None }
        })?;
        Ok(number.filter(|number| *number >= 0))
    }

    /// All addresses of all interfaces.
    pub fn addresses(&mut self) -> io::Result<Vec<LinkAddress>> {
        self.netlink.list(RTM_GETADDR, &[0; 8], address_in)
    }

    /// At most so many addresses, as far as they are told until `deadline`; and whether there are more.
    pub fn addresses_at_most(&mut self, most: usize, deadline: Instant) -> io::Result<(Vec<LinkAddress>, bool)> {
        self.netlink.list_at_most(RTM_GETADDR, &[0; 8], most, Some(deadline), address_in)
    }

    /// The default routes of the main table, IPv4 (`v6` false) or IPv6. Kernels before 4.20 cannot be asked for one table alone,
    /// and tell the routes of all; of IPv6 each address has some in the table `local`.
    pub fn default_routes(&mut self, v6: bool) -> io::Result<Vec<DefaultRoute>> {
        let family = if v6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
        let Ok(mut of_table) = NetlinkDump::open_strict(SockProtocol::NetlinkRoute) else {
            return default_routes(&mut self.netlink, family, 0);
        };
        match default_routes(&mut of_table, family, MAIN_TABLE) {
            // A namespace without routes may have no table.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(Vec::new()),
            routes => routes,
        }
    }
}

/// The default routes in a dump of a table, or of all where it is 0.
fn default_routes(netlink: &mut NetlinkDump, family: u8, table: u8) -> io::Result<Vec<DefaultRoute>> {
    let mut request = vec![0; 12];
    (request[0], request[4]) = (family, table);
    let (mut routes, mut seen) = (Vec::new(), 0);
    netlink.dump(RTM_GETROUTE, &request, |kind, payload| {
        if kind == RTM_NEWROUTE {
            seen += 1;
            routes.extend(parse_default_route(payload));
        }
        if seen < ROUTES_LOOKED_AT { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(routes)
}

fn links_request() -> Vec<u8> {
    let mut request = vec![0; 16];
    request.extend_from_slice(&8u16.to_ne_bytes());
    request.extend_from_slice(&29u16.to_ne_bytes()); // IFLA_EXT_MASK
    request.extend_from_slice(&SKIP_SNMP6.to_ne_bytes());
    request
}

fn link_in(kind: u16, payload: &[u8]) -> Option<Link> {
    if kind == RTM_NEWLINK { parse_link(payload) } else { None }
}

fn address_in(kind: u16, payload: &[u8]) -> Option<LinkAddress> {
    if kind == RTM_NEWADDR { parse_address(payload) } else { None }
}

/// What one message of a dump says (`RTM_NEWLINK`, `RTM_NEWSTATS`, `RTM_NEWADDR`, `RTM_NEWROUTE`).
#[derive(Debug)]
pub enum News {
    /// An interface.
    Link(Link),
    /// The counters of the interface with that index.
    Counters(u32, LinkCounters),
    /// An address.
    Address(LinkAddress),
    /// A default route.
    Route(DefaultRoute),
}

/// Reads one message of a dump, by its type; none when it says nothing that is wanted here.
pub fn read(kind: u16, payload: &[u8]) -> Option<News> {
    match kind {
        RTM_NEWLINK => parse_link(payload).map(News::Link),
        RTM_NEWSTATS => parse_stats(payload).map(|(index, counters)| News::Counters(index, counters)),
        RTM_NEWADDR => parse_address(payload).map(News::Address),
        RTM_NEWROUTE => parse_default_route(payload).map(News::Route),
        _ => None,
    }
}

/// Text of an attribute, without its terminating zero.
fn text(value: &[u8]) -> String {
    printable(value.split(|byte| *byte == 0).next().unwrap_or_default())
}

/// `RTM_NEWLINK`: `struct ifinfomsg` and attributes.
fn parse_link(payload: &[u8]) -> Option<Link> {
    let mut link = Link {
        hardware: read_u16(payload, 2)?,
        index: u32::try_from(read_i32(payload, 4)?).ok()?,
        flags: read_u32(payload, 8)?,
        ..Link::default()
    };
    let (mut index, mut namespace) = (0, None);
    for (kind, value) in attributes(payload.get(16..)?) {
        match kind {
            5 => index = read_u32(value, 0)?,
            37 => namespace = Some(read_i32(value, 0)?), // IFLA_LINK_NETNSID
            43 => {
                let (place, program) = parse_xdp(value).unzip();
                (link.xdp_place, link.xdp_program) = (place, program);
            }
            1 => link.link_address = value.to_vec(),
            3 => link.name = text(value),
            4 => link.mtu = read_u32(value, 0)?,
            10 => link.master = read_u32(value, 0),
            18 => {
                link.kind = attributes(value).find(|(kind, _)| *kind == 1).map(|(_, kind)| text(kind));
                let data = attributes(value).find(|(kind, _)| *kind == 2).map(|(_, data)| data);
                if let Some(data) = data.filter(|_| link.kind.as_deref() == Some("vlan")) {
                    link.vlan_id = attributes(data).find(|(kind, _)| *kind == 1).and_then(|(_, id)| read_u16(id, 0));
                }
            }
            23 => link.counters = parse_counters(value),
            33 => link.carrier = value.first().map(|carrier| *carrier != 0),
            52 => link.other_names = attributes(value).filter(|(kind, _)| *kind == 53).map(|(_, v)| text(v)).collect(),
            _ => {}
        }
    }
    match namespace {
        Some(namespace) => link.elsewhere = Some(Elsewhere { index, namespace }),
        None => link.lower = (index != 0 && index != link.index).then_some(index),
    }
    (!link.name.is_empty()).then_some(link)
}

/// `IFLA_XDP`: where a program is attached, and its number.
fn parse_xdp(value: &[u8]) -> Option<(u8, u32)> {
    let attached = attributes(value).find(|(kind, _)| *kind == 2)?.1.first().copied()?;
    let number = attributes(value).find(|(kind, _)| *kind == 4).and_then(|(_, number)| read_u32(number, 0));
    (attached != 0).then(|| (attached, number.unwrap_or(0)))
}

/// `RTM_NEWNEIGH` of family `AF_BRIDGE`: `struct ndmsg` and attributes; none for groups.
fn parse_bridged(payload: &[u8]) -> Option<Bridged> {
    const SELF: u8 = 2;
    let index = u32::try_from(read_i32(payload, 4)?).ok()?;
    let taken = payload.get(10)? & SELF != 0;
    let (mut address, mut master) = (None, None);
    for (kind, value) in attributes(payload.get(12..)?) {
        match kind {
            2 => address = value.try_into().ok(),
            9 => master = read_u32(value, 0),
            _ => {}
        }
    }
    let address: [u8; 6] = address?;
    (address[0] & 1 == 0).then_some(Bridged { index, master, address, taken })
}

/// `RTM_NEWNEIGH` of a protocol: `struct ndmsg` and attributes; none for groups, and none whose state is not one in which the link
/// address counts (`NUD_VALID` without `NUD_NOARP`).
fn parse_neighbour(payload: &[u8]) -> Option<Neighbour> {
    const COUNTS: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80; // reachable, stale, delay, probe, permanent
    let index = u32::try_from(read_i32(payload, 4)?).ok()?;
    if read_u16(payload, 8)? & COUNTS == 0 {
        return None;
    }
    let (mut address, mut link_address) = (None, None);
    for (kind, value) in attributes(payload.get(12..)?) {
        match kind {
            1 => address = ip_address(value),
            2 => link_address = value.try_into().ok(),
            _ => {}
        }
    }
    let (address, link_address): (IpAddr, [u8; 6]) = (address?, link_address?);
    let is_one = !address.is_multicast() && !address.is_unspecified() && link_address[0] & 1 == 0;
    is_one.then_some(Neighbour { index, address, link_address })
}

/// `RTM_NEWROUTE` in answer to one address: the interface of a unicast route without a router.
fn parse_network(payload: &[u8]) -> Option<u32> {
    const UNICAST: u8 = 1;
    let mut index = None;
    for (kind, value) in attributes(payload.get(12..)?) {
        match kind {
            4 => index = read_u32(value, 0),
            5 | 18 => return None, // RTA_GATEWAY, RTA_VIA
            _ => {}
        }
    }
    index.filter(|_| payload.get(7) == Some(&UNICAST))
}

/// `RTM_NEWSTATS`: `struct if_stats_msg` and attributes.
fn parse_stats(payload: &[u8]) -> Option<(u32, LinkCounters)> {
    let (_, value) = attributes(payload.get(12..)?).find(|(kind, _)| *kind == 1)?;
    Some((read_u32(payload, 4)?, parse_counters(value)?))
}

/// `struct rtnl_link_stats64`, whose last members older kernels lack.
fn parse_counters(value: &[u8]) -> Option<LinkCounters> {
    let at = |position: usize| read_u64(value, position * 8);
    Some(LinkCounters {
        rx_packets: at(0)?,
        tx_packets: at(1)?,
        rx_bytes: at(2)?,
        tx_bytes: at(3)?,
        rx_errors: at(4)?,
        tx_errors: at(5)?,
        rx_dropped: at(6)?,
        tx_dropped: at(7)?,
        multicast: at(8)?,
        rx_crc_errors: at(12)?,
        rx_frame_errors: at(13)?,
        rx_fifo_errors: at(14)?,
        rx_missed_errors: at(15)?,
        tx_fifo_errors: at(18)?,
        rx_nohandler: at(23),
        rx_otherhost_dropped: at(24),
    })
}

/// An address of four or sixteen bytes.
pub(super) fn ip_address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => bytes.first_chunk().map(|bytes: &[u8; 4]| Ipv4Addr::from(*bytes).into()),
        16 => bytes.first_chunk().map(|bytes: &[u8; 16]| Ipv6Addr::from(*bytes).into()),
        _ => None,
    }
}

/// `RTM_NEWNSID`: `struct rtgenmsg` and attributes.
fn parse_namespace_number(payload: &[u8]) -> Option<i32> {
    attributes(payload.get(4..)?).find(|(kind, _)| *kind == 1).and_then(|(_, number)| read_i32(number, 0))
}

/// `RTM_NEWADDR`: `struct ifaddrmsg` and attributes. On a point-to-point link `IFA_ADDRESS` is the peer's.
fn parse_address(payload: &[u8]) -> Option<LinkAddress> {
    let (mut address, mut local, mut label) = (None, None, None);
    for (kind, value) in attributes(payload.get(8..)?) {
        match kind {
            1 => address = ip_address(value),
            2 => local = ip_address(value),
            3 => label = Some(text(value)),
            _ => {}
        }
    }
    Some(LinkAddress { index: read_u32(payload, 4)?, address: local.or(address)?, prefix: *payload.get(1)?, label })
}

/// `RTM_NEWROUTE`: `struct rtmsg` and attributes; none unless it is a unicast default route of the main table.
fn parse_default_route(payload: &[u8]) -> Option<DefaultRoute> {
    const UNICAST: u8 = 1;
    let header: &[u8; 12] = payload.first_chunk()?;
    let [family, prefix, _, _, short_table, _, _, kind, ..] = *header;
    let (mut table, mut index, mut metric) = (u32::from(short_table), None, 0);
    for (kind, value) in attributes(payload.get(12..)?) {
        match kind {
            4 => index = read_u32(value, 0),
            6 => metric = read_u32(value, 0)?,
            9 if index.is_none() => index = read_u32(value, 4), // rtnh_ifindex of the first path
            15 => table = read_u32(value, 0)?,
            _ => {}
        }
    }
    let default = prefix == 0 && kind == UNICAST && table == u32::from(MAIN_TABLE);
    default.then_some(DefaultRoute { v6: i32::from(family) == libc::AF_INET6, index: index?, metric })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn the_main_table_alone_has_the_default_routes_that_all_tables_have() {
        let mut door = Rtnetlink::open().unwrap();
        for (v6, family) in [(false, libc::AF_INET), (true, libc::AF_INET6)] {
            let of_all = default_routes(&mut door.netlink, family as u8, 0);
            assert_eq!(door.default_routes(v6).ok(), of_all.ok());
        }
    }

    #[test]
    fn a_default_route_of_another_table_is_none_of_ours() {
        let route = |table: u8| {
            let mut bytes = vec![2, 0, 0, 0, table, 0, 0, 1, 0, 0, 0, 0];
            bytes.extend(attribute(4, &3u32.to_ne_bytes()));
            bytes.extend(attribute(6, &100u32.to_ne_bytes()));
            parse_default_route(&bytes)
        };
        assert_eq!(route(254), Some(DefaultRoute { v6: false, index: 3, metric: 100 }));
        assert_eq!(route(100), None);
    }

    #[test]
    fn a_kernel_without_the_newest_counters_says_nothing_about_them() {
        let mut bytes = Vec::new();
        for position in 0..23u64 {
            bytes.extend(position.to_ne_bytes());
        }
        let counters = parse_counters(&bytes).unwrap();
        assert_eq!((counters.rx_bytes, counters.rx_missed_errors, counters.tx_fifo_errors), (2, 15, 18));
        assert_eq!((counters.rx_nohandler, counters.rx_otherhost_dropped), (None, None));
        assert_eq!(parse_counters(&bytes[..100]), None);
    }

    #[test]
    fn a_point_to_point_link_shows_its_own_address_not_the_peers() {
        let mut bytes = vec![2, 32, 0, 0, 5, 0, 0, 0];
        bytes.extend(attribute(1, &[10, 0, 0, 2]));
        bytes.extend(attribute(2, &[10, 0, 0, 1]));
        bytes.extend(attribute(3, b"tun0:vpn\0"));
        let seen = parse_address(&bytes).unwrap();
        assert_eq!(seen.address, IpAddr::from([10, 0, 0, 1]));
        assert_eq!((seen.index, seen.prefix, seen.label.as_deref()), (5, 32, Some("tun0:vpn")));
    }

    #[test]
    fn a_neighbour_counts_where_its_link_address_is_known() {
        let row = |state: u16, address: &[u8], link_address: &[u8]| {
            let mut bytes = vec![2, 0, 0, 0, 7, 0, 0, 0];
            bytes.extend(state.to_ne_bytes());
            bytes.extend([0, 1]);
            bytes.extend(attribute(1, address));
            bytes.extend(attribute(2, link_address));
            parse_neighbour(&bytes)
        };
        let (address, link_address) = ([192, 168, 122, 5], [0x52, 0x54, 0, 0, 0, 1]);
        let known = Some(Neighbour { index: 7, address: address.into(), link_address });
        for state in [0x02, 0x04, 0x08, 0x10, 0x80] {
            assert_eq!(row(state, &address, &link_address), known);
        }
        for incomplete_failed_noarp_none in [0x01, 0x20, 0x40, 0] {
            assert_eq!(row(incomplete_failed_noarp_none, &address, &link_address), None);
        }
        assert_eq!(row(0x02, &[224, 0, 0, 1], &link_address), None, "a group is nobody");
        assert_eq!(row(0x02, &address, &[]), None, "without a link address it is behind nothing");
    }

    #[test]
    fn what_a_router_is_between_is_on_no_network_of_this_host() {
        let route = |kind: u8, gateway: bool| {
            let mut bytes = vec![2, 32, 0, 0, 254, 0, 0, kind, 0, 0, 0, 0];
            bytes.extend(attribute(4, &7u32.to_ne_bytes()));
            if gateway {
                bytes.extend(attribute(5, &[192, 0, 2, 1]));
            }
            parse_network(&bytes)
        };
        assert_eq!((route(1, false), route(1, true), route(2, false)), (Some(7), None, None));
        let mut door = Rtnetlink::open().unwrap();
        assert_eq!(door.network_of("127.0.0.1".parse().unwrap()).unwrap(), None, "it is this host's own");
    }

    #[test]
    fn the_kernel_shows_the_loopback_link_with_its_counters() {
        let mut door = Rtnetlink::open().unwrap();
        let links = door.links().unwrap();
        let lo = links.iter().find(|link| link.name == "lo").unwrap();
        assert_eq!((lo.index, lo.hardware), (1, libc::ARPHRD_LOOPBACK));
        assert!(door.counters().unwrap().contains_key(&1));
        assert!(door.counters_of(1).unwrap().is_some());
        door.stats_messages = false;
        assert!(door.counters_of(1).unwrap().is_some(), "as kernels before 4.7 are asked");
        assert!(door.counters_of(0x7fff_fff0).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(0u8.., 0..320)) {
            let _ = (parse_link(&bytes), parse_stats(&bytes), parse_address(&bytes), parse_default_route(&bytes), disciplines::parse(&bytes), parse_bridged(&bytes), parse_neighbour(&bytes), parse_network(&bytes), parse_namespace_number(&bytes));
        }
    }
}
