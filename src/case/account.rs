//! The traffic ledger: where the inbound bytes of an interface went, and where its outbound bytes came from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The account of one window: of an interface, or of all by which traffic enters the host. Entries are in falling order of bytes; they and the unexplained
/// remainder add up to what the interface counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// The interface; of several the one that matters.
    pub interface: String,
    /// By which interfaces it came in, most bytes first. Each packet is counted once, at the outermost.
    #[serde(default)]
    pub interfaces: Vec<CameBy>,
    /// Bytes that the interfaces counted in the window, link headers included (`IFLA_STATS64` rx_bytes).
    pub bytes: u64,
    /// Packets that the interfaces counted in the window.
    pub packets: u64,
    /// Length of the window in seconds.
    pub seconds: f64,
    /// Where they went.
    pub entries: Vec<Entry>,
    /// Bytes that no entry explains.
    pub unexplained_bytes: u64,
    /// The same as a share of all; none when nothing came in.
    pub unexplained_share: Option<f64>,
    /// Figures of different sources that disagree, as sentences with both.
    pub disagreements: Vec<String>,
    /// The other side: what left by the same interfaces. None in records of versions that did not account for it, and where the
    /// counters do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Outbound>,
}

/// The account of what left by the interfaces. Entries are in falling order of bytes; they and the unexplained remainder add up to
/// what the interfaces counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outbound {
    /// By which interfaces it left, most bytes first. Each packet is counted once, at the outermost.
    pub interfaces: Vec<CameBy>,
    /// Bytes that the interfaces counted in the window, link headers included (`IFLA_STATS64` tx_bytes).
    pub bytes: u64,
    /// Packets that the interfaces counted in the window. Some drivers count what the kernel hands them to be cut into segments as
    /// one packet.
    pub packets: u64,
    /// Who sent them, or what made the kernel send them.
    pub entries: Vec<Entry>,
    /// Bytes that no entry explains.
    pub unexplained_bytes: u64,
    /// The same as a share of all; none when nothing left, and when no packet was looked at.
    pub unexplained_share: Option<f64>,
    /// What was to leave and did not: it is in no counter of an interface, and so in no sum here.
    pub lost: Vec<LostOnTheWay>,
    /// Bytes sent for each byte received, in the window; none when nothing was received.
    pub ratio: Option<f64>,
    /// The same since boot, or since the interfaces were made.
    pub ratio_since_boot: Option<f64>,
    /// Bytes that the interfaces sent since then.
    pub since_boot_bytes: u64,
    /// Figures of different sources that disagree, as sentences with both.
    pub disagreements: Vec<String>,
}

/// Packets that this host was to send and that never reached the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostOnTheWay {
    /// For people: where, and why.
    pub label: String,
    /// `queue` (the queueing discipline of an interface), `device` (its driver), `firewall_rule`, or `kernel`, for a reason that
    /// it gives.
    pub kind: String,
    /// Packets.
    pub packets: u64,
    /// Bytes, where they were counted.
    pub bytes: Option<u64>,
    /// The interface that they were to leave by, where it is known.
    pub interface: Option<String>,
    /// The firewall rule, as it is named in the report.
    pub rule: Option<String>,
    /// The kernel's name of the reason (`enum skb_drop_reason`).
    pub reason: Option<String>,
}

/// What came in or left by one interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CameBy {
    /// The interface.
    pub interface: String,
    /// Bytes that it counted in the window.
    pub bytes: u64,
    /// Packets that it counted in the window.
    pub packets: u64,
    /// Share of all.
    pub share: f64,
    /// The way of its packets within the host: itself, the bridge or bond that it belongs to, and so on.
    pub way: Vec<String>,
}

/// One line of the account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// What kind of end it is.
    pub kind: EntryKind,
    /// For people: "sshd (pid 1822, ssh.service)".
    pub label: String,
    /// Bytes on the wire, link headers included.
    pub bytes: u64,
    /// Packets on the wire.
    pub packets: u64,
    /// Share of all bytes.
    pub share: f64,
    /// Transport protocol, where one applies: `tcp`, `udp`, `icmp` …
    pub protocol: Option<String>,
    /// Local address, where one applies; of what is forwarded the address that it is for, outbound the one that it is of.
    pub address: Option<String>,
    /// Local port, where one applies.
    pub port: Option<u16>,
    /// The process that received or sent it.
    pub process: Option<Process>,
    /// The firewall rule that dropped it, as it is named in the report.
    pub rule: Option<String>,
    /// The container, pod or machine that it went to, or that the process lives in: `container web`, `pod shop/web-7f`, `VM db`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// Where inbound bytes can end, and where outbound bytes can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A socket of a process took it.
    Process,
    /// A firewall rule or policy dropped or rejected it.
    FirewallRule,
    /// The kernel dropped it, for a named reason.
    KernelDrop,
    /// Nothing listens on that port; the kernel answered with a reset or an ICMP error.
    NoListener,
    /// A socket is there but its queue was full.
    SocketFull,
    /// The kernel itself is the receiver: ICMP, IGMP, a SYN that waits in a backlog.
    Kernel,
    /// Routed on to somebody else.
    Forwarded,
    /// Unicast frames for another machine's link address.
    NotForUs,
    /// Broadcast.
    Broadcast,
    /// Multicast.
    Multicast,
    /// ARP and other protocols that are not IP.
    NonIp,
    /// A socket took or sent it, but its owner could not be seen.
    UnseenOwner,
    /// Outbound: the kernel's own answer to what came in: ICMP errors and echo replies, resets, SYN-ACKs of connections that never
    /// completed.
    Answer,
    /// Outbound: segments of TCP that had been sent before.
    SentAgain,
}

/// A process, as far as it could be identified.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// Its name (`/proc/PID/comm`, 15 bytes at most), control characters escaped.
    pub name: String,
    /// The user that it runs as.
    pub user: Option<String>,
    /// The systemd unit or container from its cgroup.
    pub unit: Option<String>,
}

impl std::fmt::Display for Process {
    /// `sshd (pid 1822, ssh.service)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.unit {
            Some(unit) => write!(f, "{} (pid {}, {unit})", self.name, self.pid),
            None => write!(f, "{} (pid {})", self.name, self.pid),
        }
    }
}
