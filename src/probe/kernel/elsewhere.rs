//! The counters of other network namespaces.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Conntrack, Icmp, Ip, Ip6, KernelCounters, Settings, Sockets, SynProxy, Tcp, Udp};
use crate::case::Observed;
use crate::probe::elsewhere::Elsewhere;

/// Counters of the whole machine, which are in the result once.
const OF_THE_MACHINE: [&str; 2] = ["Softnet.", "RtCache."];
/// Fields that a namespace's counters lack here.
const NOT_SHOWN: [&str; 4] = ["softnet", "martian_sources", "unroutable", "multicast_groups"];

/// How much the counters of another network namespace grew, its settings, and its sockets' memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelElsewhere {
    /// Its number, as in `/proc/PID/ns/net`, and in the result of `namespaces`.
    pub namespace: u64,
    /// For people: `container web`.
    pub label: String,
    /// A process that lives there, by its id on this host; null where the namespace has only a name.
    pub pid: Option<i32>,
    /// Interfaces of the namespace that is looked from that lead there, or that an interface of it stands on; at most 8. Empty
    /// where it does not meet this one.
    pub ends: Vec<String>,
    /// Length of the window in seconds, as measured.
    pub seconds: f64,
    /// IPv4.
    pub ip: Ip,
    /// IPv6; null where it has none.
    pub ip6: Option<Ip6>,
    /// TCP.
    pub tcp: Tcp,
    /// UDP.
    pub udp: Udp,
    /// ICMP.
    pub icmp: Icmp,
    /// Its sockets and their memory.
    pub sockets: Sockets,
    /// Its connection tracking; null where it tracks none.
    pub conntrack: Option<Conntrack>,
    /// Its SYNPROXY.
    pub synproxy: Option<SynProxy>,
    /// Its settings.
    pub settings: Settings,
    /// Every counter of its own that grew.
    pub grew: BTreeMap<String, u64>,
}

/// Adds what was seen elsewhere to the result.
pub(super) fn add(seen: &mut Observed<KernelCounters>, others: Elsewhere<Observed<KernelCounters>>) {
    let is_shown = |field: &String| !NOT_SHOWN.iter().any(|hidden| field.starts_with(hidden));
    let inside = others.seen.iter().flat_map(|there| there.seen.missing.clone()).filter_map(|mut part| {
        part.fields.retain(is_shown);
        (!part.fields.is_empty()).then_some(part)
    });
    // What this namespace lacks as well is said there.
    let known: Vec<_> = seen.missing.iter().map(|part| part.gap.clone()).collect();
    let inside = inside.filter(|part| !known.contains(&part.gap));
    others.say_what_is_missing(inside, &mut seen.missing);
    seen.output.elsewhere_left_out = others.left_out;
    let tells = others.tells();
    let rows = others.seen.into_iter().map(|there| {
        let counters = there.seen.output;
        KernelElsewhere {
            namespace: there.number,
            label: there.label,
            pid: there.pid,
            ends: there.ends,
            seconds: counters.seconds,
            ip: counters.ip,
            ip6: counters.ip6,
            tcp: counters.tcp,
            udp: counters.udp,
            icmp: counters.icmp,
            sockets: counters.sockets,
            conntrack: counters.conntrack,
            synproxy: counters.synproxy,
            settings: counters.settings,
            grew: counters
                .grew
                .into_iter()
                .filter(|(name, _)| !OF_THE_MACHINE.iter().any(|of| name.starts_with(of)))
                .collect(),
        }
    });
    seen.output.elsewhere = tells.then(|| rows.collect());
}
