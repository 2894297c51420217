//! What the probe gives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::Rule;

/// The firewall of this network namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Firewall {
    /// Seconds between the two looks at the counters; 0 when there was one look.
    pub seconds: f64,
    /// How it stands with nftables.
    pub nftables: Standing,
    /// How it stands with legacy iptables and ip6tables.
    pub legacy: Standing,
    /// Who holds rules, by family and kind. Both kinds may do so at once.
    pub backends: Vec<Backend>,
    /// Rules and policies that counted packets in the window or that can drop: those that counted most first.
    pub rules: Vec<Rule>,
    /// Rules of that sort that are not in the list, for lack of room; those that dropped are kept first.
    pub rules_left_out: u32,
    /// The base chains, with their hooks and policies.
    pub chains: Vec<Chain>,
    /// What rules and policies that drop or reject counted in the window, at all hooks, outbound ones too.
    pub dropped: Tally,
    /// The rule or policy that dropped most packets in the window, if any did.
    pub top_drop: Option<Rule>,
    /// Names of rules and policies that can drop without a counter that tells what: they have none, or conditions
    /// stand between counter and verdict. Native nftables policies never have one.
    pub uncounted_drops: Vec<String>,
    /// Rules and policies of that sort that are not in the list, for lack of room.
    pub uncounted_drops_left_out: u32,
    /// BPF programs at hooks of netfilter, of the whole machine: the kernel does not tell of which network namespace they
    /// are, nor counts what they drop. None where they could not be listed.
    #[serde(default)]
    pub programs: Option<Vec<HookedProgram>>,
    /// The rules of other network namespaces, the busiest first; null where nobody asked for them, and where none could be
    /// looked into.
    #[serde(default)]
    pub elsewhere: Option<Vec<FirewallElsewhere>>,
    /// How many other namespaces are not in it.
    #[serde(default)]
    pub elsewhere_left_out: u64,
}

/// A BPF program at a hook of netfilter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookedProgram {
    /// Its number, as `bpftool prog` lists it.
    pub number: u32,
    /// Its name; none where it has none.
    pub name: Option<String>,
    /// `ip` or `ip6`.
    pub family: String,
    /// As of chains.
    pub hook: String,
    /// Its place among the chains of the hook.
    pub priority: i32,
}

/// How it stands with one kind of packet filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its rules were read.
    Read,
    /// It has no table: it filters nothing.
    Empty,
    /// This kernel does not have it, or has not loaded it: it filters nothing.
    Absent,
    /// It could not be read, or only in part; the gap says why.
    Unread,
}

/// The kinds of packet filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// nf_tables; rules made with iptables-nft are here too.
    Nftables,
    /// ip_tables and ip6_tables.
    Legacy,
}

impl BackendKind {
    /// As other fields name it.
    pub const fn word(self) -> &'static str {
        match self {
            BackendKind::Nftables => "nftables",
            BackendKind::Legacy => "legacy",
        }
    }
}

/// A holder of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backend {
    /// `ip`, `ip6`, `inet`, `netdev`, `bridge` or `arp`.
    pub family: String,
    /// Its kind.
    pub kind: BackendKind,
    /// How many tables it has.
    pub tables: u32,
    /// How many rules it has; policies are none.
    pub rules: u32,
}

/// A base chain: one that the kernel calls at a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Chain {
    /// `nftables` or `legacy`.
    pub backend: String,
    /// The family of its table.
    pub family: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// Where the kernel calls it: `ingress` `prerouting` `input` `forward` `output` `postrouting` `egress`.
    pub hook: String,
    /// Its place among the chains of the hook: lower ones are called first.
    pub priority: i32,
    /// What becomes of packets on which no rule decided: `accept` or `drop`.
    pub policy: String,
    /// Packets that met the policy in the window. None where the policy has no counter: native nftables chains have
    /// none, those of iptables-nft and of legacy tables do.
    pub packets: Option<u64>,
    /// Bytes that met the policy in the window, as lengths of IP packets.
    pub bytes: Option<u64>,
    /// Of a netdev chain or an inet ingress chain, its devices.
    pub device: Option<String>,
}

/// Packets and bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Packets that were counted. None when none were seen and some could not be.
    pub packets: Option<u64>,
    /// Bytes that were counted: IP packets with their IP header, without the link layer's. None as for packets.
    pub bytes: Option<u64>,
    /// Whether this is all: every rule and policy that drops has a counter that says exactly what it dropped in the
    /// window. When false, the figures say "at least".
    pub complete: bool,
}

/// The firewall of another network namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FirewallElsewhere {
    /// Its number, as in `/proc/PID/ns/net`, and in the result of `namespaces`.
    pub namespace: u64,
    /// For people: `container web`.
    pub label: String,
    /// A process that lives there, by its id on this host; null where the namespace has only a name.
    pub pid: Option<i32>,
    /// Interfaces of the namespace that is looked from that lead there, or that an interface of it stands on; at most 8. Empty
    /// where it does not meet this one.
    pub ends: Vec<String>,
    /// Seconds between the two looks at the counters.
    pub seconds: f64,
    /// How it stands with nftables.
    pub nftables: Standing,
    /// How it stands with legacy iptables and ip6tables.
    pub legacy: Standing,
    /// Rules and policies that counted packets in the window or that can drop: those that counted most first, at most 50.
    pub rules: Vec<Rule>,
    /// Rules of that sort that are not in the list.
    pub rules_left_out: u32,
    /// What rules and policies that drop or reject counted in the window.
    pub dropped: Tally,
    /// The rule or policy that dropped most packets in the window, if any did.
    pub top_drop: Option<Rule>,
    /// Names of rules and policies that can drop without a counter that tells what.
    pub uncounted_drops: Vec<String>,
}
