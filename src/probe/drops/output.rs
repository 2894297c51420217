//! What the probe `drops` answers.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Packets that the kernel freed without delivering them, by reason (tracepoint `skb:kfree_skb`).
///
/// The figures by reason are of all network namespaces and interfaces together, and of both directions; `places` tells them
/// apart. Not every drop has a reason of its own, and some are not reported at all: a native XDP program's, a SYN refused
/// because the queue is full with cookies off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drops {
    /// Length of the window in seconds, as measured.
    pub seconds: f64,
    /// What the figures by reason cover: "all network namespaces of the machine, both directions".
    pub scope: String,
    /// Reasons whose count grew in the window, most packets first; null when the kernel gives no reasons (before 5.17).
    pub reasons: Option<Vec<DropReason>>,
    /// How many reasons were told apart, including those that did not occur.
    pub reasons_watched: u32,
    /// Packets dropped in the window, whatever the reason.
    pub total_packets: u64,
    /// Packets dropped for reasons that are not told apart.
    pub other_packets: Option<u64>,
    /// Packets dropped by firewall rules and policies (`NETFILTER_DROP`).
    pub netfilter_packets: Option<u64>,
    /// Packets that no socket wanted (`NO_SOCKET`).
    pub no_socket_packets: Option<u64>,
    /// Packets whose socket had no room (`SOCKET_RCVBUFF`, `SOCKET_BACKLOG`).
    pub socket_full_packets: Option<u64>,
    /// Packets that were dropped in the network namespace that casebook runs in. With `other_namespaces_packets` it may be
    /// less than `total_packets`: what belongs to no interface and to no socket that the kernel tells of is in neither.
    #[serde(default)]
    pub own_packets: Option<u64>,
    /// Packets that were dropped in other network namespaces: containers, pods, and the host where casebook runs in one.
    #[serde(default)]
    pub other_namespaces_packets: Option<u64>,
    /// Where packets were dropped and for whom they were, most packets first: at most 64 places in this network namespace,
    /// and 32 in others and in none that is known. Who sent them is not told apart, so that forged sources make no more places.
    #[serde(default)]
    pub places: Option<Vec<DropPlace>>,
    /// Places that were counted and are not in `places`.
    #[serde(default)]
    pub places_left_out: u64,
    /// Packets that are not in `places`: those of the places that are left out, and of all beyond the 4,096 places for
    /// which the kernel has room. They are in the figures by reason.
    #[serde(default)]
    pub places_left_out_packets: u64,
}

/// One place, and what was dropped there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DropPlace {
    /// The kernel's name of the reason (`enum skb_drop_reason`): `NETFILTER_DROP`. Of a subsystem, whose module alone knows the
    /// name, its own name and the number: `OPENVSWITCH 3`.
    pub reason: String,
    /// Packets, as the kernel had them: what was merged on its way in (GRO) or is not yet cut into frames counts once.
    pub packets: u64,
    /// The protocol: `tcp`, `udp`, `icmp`, `icmpv6`, `gre`, `arp` …; `ip-N` or `ethertype-0xN` for one without a name. Of IPv6
    /// it is what follows the first header. None for what never was on a wire: messages of local sockets and of netlink.
    pub protocol: Option<String>,
    /// The address of this side, as it stood in the packet when it was dropped: the destination; of what this host sends, the
    /// source.
    pub address: Option<IpAddr>,
    /// The port at that address; none where the protocol has none, and for fragments but the first.
    pub port: Option<u16>,
    /// The interface: by which they came in, or were to leave. None where the kernel does not tell, or it is of another network
    /// namespace or gone.
    pub interface: Option<String>,
    /// `in`: they came in. `out`: this host was to send them. `forwarded`: they had come in, and were on their way out by
    /// another interface; what is dropped before, also at the firewall's forward hook, is `in`.
    pub direction: String,
    /// The network namespace: `this`, where casebook runs, or the number of another, which `lsns -t net` and
    /// `readlink /proc/PID/ns/net` show. None where the packet belonged to no interface and no socket.
    pub namespace: Option<String>,
    /// Their bytes: of IP the total length that the header says, else what was left of the packet (`skb->len`). Link headers
    /// do not count.
    pub bytes: u64,
    /// What the reason means.
    pub meaning: String,
    /// The function of the kernel that dropped them, where the reason says nothing (`NOT_SPECIFIED`): `do_xdp_generic`. None
    /// for fewer than 100 packets, and where the kernel does not show where its functions stand (`/proc/kallsyms`, for root).
    pub function: Option<String>,
    /// The number of the interface (`ifindex`) in its network namespace.
    pub interface_number: Option<u32>,
    /// The version of IP: 4 or 6; none for what is not IP.
    pub ip_version: Option<u8>,
}

/// One reason and how often it occurred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DropReason {
    /// The kernel's name of it (`enum skb_drop_reason`): `NETFILTER_DROP`.
    pub reason: String,
    /// What it means.
    pub meaning: String,
    /// Packets dropped for it in the window.
    pub packets: u64,
    /// Those of them that were dropped in the network namespace that casebook runs in.
    #[serde(default)]
    pub own_packets: Option<u64>,
}
