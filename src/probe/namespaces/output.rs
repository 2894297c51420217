//! The result of the probe `namespaces`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::Process;
use crate::probe::elsewhere::{Container, Traffic};

/// Who lives in other network namespaces of this host, and what came and went there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Namespaces {
    /// Seconds between the two looks; 0 where there was one.
    pub seconds: f64,
    /// The namespace that is looked from: the number in `/proc/PID/ns/net`.
    pub here: u64,
    /// How many others were found: by their processes, and by names in `/run/netns` and `/run/docker/netns`. Null
    /// where none was found and not all processes could be looked at.
    pub found: Option<u64>,
    /// How many of them were looked into.
    pub visited: u64,
    /// The others, those with most traffic in the window first, at most `limit`.
    pub namespaces: Vec<Namespace>,
    /// How many are not in `namespaces`.
    pub left_out: u64,
    /// Containers whose processes live in the network namespace that is looked from (host network), at most 256.
    pub host_network: Vec<HostContainer>,
    /// Virtual machines and other processes that hold a TAP or TUN device of this namespace, most bytes first, at most 256.
    pub machines: Vec<Machine>,
    /// Interfaces of this namespace that lead to another one which was not found, or is not told; at most 256.
    pub unknown_ends: Vec<HostEnd>,
}

/// A network namespace other than the one that is looked from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Namespace {
    /// Its number, as in `/proc/PID/ns/net`.
    pub number: u64,
    /// For people: `pod shop/web-7f`, `container web`, `network namespace blue`.
    pub label: String,
    /// Its name in `/run/netns` or `/run/docker/netns`.
    pub name: Option<String>,
    /// The containers that live in it, at most 16.
    pub containers: Vec<Container>,
    /// How many processes live in it, as far as they could be seen.
    pub processes_count: u64,
    /// Some of them: those that hold its listening sockets and connections first, at most 8.
    pub processes: Vec<Process>,
    /// Whether it was looked into. If not, only what its ends in this namespace tell is known.
    pub visited: bool,
    /// What came into it in the window.
    pub rx: Traffic,
    /// What left it in the window.
    pub tx: Traffic,
    /// Its interfaces but loopback, at most 32.
    pub interfaces: Vec<NamespaceInterface>,
    /// Interfaces of the namespace that is looked from that lead into it, at most 32.
    pub ends: Vec<HostEnd>,
    /// Its listening TCP sockets and its UDP sockets, at most 64; null where they were not read.
    pub listeners: Option<Vec<NamespaceListener>>,
    /// How many listeners are not in the list.
    pub listeners_left_out: u64,
    /// Its TCP connections, those that received most since they were made first, at most 64; null where they were not read: of
    /// the busiest namespaces only.
    pub connections: Option<Vec<NamespaceConnection>>,
    /// How many connections are not in the list.
    pub connections_left_out: u64,
}

/// A container in the network namespace that is looked from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostContainer {
    /// The container.
    pub container: Container,
    /// Its processes by their ids, at most 64.
    pub pids: Vec<i32>,
}

/// An interface of another namespace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamespaceInterface {
    /// Its name there.
    pub name: String,
    /// Its kind: `veth`, `macvlan`, `ipvlan`, `netkit`, `tun` … (`IFLA_INFO_KIND`); null for hardware.
    pub kind: Option<String>,
    /// Its link address; null where it has none.
    pub mac: Option<String>,
    /// Its addresses, at most 32.
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<IpAddr>,
    /// The interface of the namespace that is looked from by which it meets this host: the other end of a pair (veth, netkit),
    /// or the interface that it stands on (macvlan, ipvlan, VLAN).
    pub meets: Option<String>,
    /// What came in by it in the window.
    pub rx: Traffic,
    /// What left by it in the window.
    pub tx: Traffic,
}

/// An interface of the namespace that is looked from that leads elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostEnd {
    /// Its name.
    pub name: String,
    /// Its kind: `veth`, `netkit`, `tun`.
    pub kind: Option<String>,
    /// The bridge that it is a port of.
    pub bridge: Option<String>,
    /// What went out by it, into the other side, in the window.
    pub sent: Traffic,
    /// What came from the other side in the window.
    pub received: Traffic,
}

/// A listening TCP socket, or a UDP socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamespaceListener {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Its address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Who holds it; null where that was not found.
    pub process: Option<Process>,
    /// Connections that wait to be accepted; bytes that wait to be read.
    pub queue: u32,
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamespaceConnection {
    /// Its local address.
    #[schemars(with = "String")]
    pub local_address: IpAddr,
    /// Its local port.
    pub local_port: u16,
    /// Its remote address.
    #[schemars(with = "String")]
    pub remote_address: IpAddr,
    /// Its remote port.
    pub remote_port: u16,
    /// Who holds it; null where that was not found.
    pub process: Option<Process>,
    /// Bytes that it received since it was made (`tcpi_bytes_received`).
    pub received_bytes: Option<u64>,
}

/// A virtual machine, or another process that sends and receives frames by a TAP or TUN device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// For people: `VM db`, `openvpn (pid 812)`.
    pub label: String,
    /// Its name, by the command line of the process (`-name`), or by what Proxmox keeps on disk.
    pub name: Option<String>,
    /// What runs it: `qemu`, `libvirt`, `proxmox`; null for another process.
    pub manager: Option<String>,
    /// Its number, where Proxmox gave it one.
    pub number: Option<u32>,
    /// The process.
    pub process: Process,
    /// Its devices.
    pub ends: Vec<HostEnd>,
    /// Its addresses, at most 8: what the kernel's table of neighbours says is on its device, or behind its port of a bridge, and
    /// what this host sends there without a router between. A guest tells them itself by ARP or neighbour discovery, and may lie
    /// within its network: they are a hint. What two machines claim is neither's; link-local ones are not told.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<IpAddr>,
}
