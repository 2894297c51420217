//! The kernel's own counters of protocols, queues and connection tracking, and how much they grew.

mod counters;
mod elsewhere;
mod groups;
mod internet;
mod per_cpu;
mod queues;
mod sample;
mod settings;
mod transport;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::{Looks, visit_beside};
use super::{Context, Need, Probe};
use crate::case::{Gap, Observed};
use crate::units::Span;
use sample::{Growth, Sample, Table};

pub use elsewhere::KernelElsewhere;
pub use groups::JoinedGroup;
pub use internet::{Icmp, Ip, Ip6};
pub use queues::{Conntrack, Sockets, Softnet, SynProxy};
pub use settings::Settings;
pub use transport::{Tcp, Udp};

/// The probe `kernel`.
pub struct KernelProbe;

/// What the probe `kernel` is asked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch.
    pub window: Span,
    /// Other network namespaces whose counters are wanted, too: `busiest` (at most eight, those that move most), `all` as
    /// far as there is time, or one by name: that of a container, a pod or `ip netns`, the number of the namespace, or eight
    /// and more digits of a container's id. None of them by default.
    pub namespaces: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10), namespaces: None }
    }
}

/// How much the kernel's counters grew over the window, in this network namespace unless a part says otherwise. A figure
/// is null when this kernel has no such counter or when the counter went backwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelCounters {
    /// Length of the window in seconds, as measured.
    pub seconds: f64,
    /// IPv4.
    pub ip: Ip,
    /// IPv6; null where this kernel has no IPv6, and sums over both are then those of IPv4.
    pub ip6: Option<Ip6>,
    /// TCP.
    pub tcp: Tcp,
    /// UDP, over IPv4 and IPv6 together (`Udp`, `Udp6`).
    pub udp: Udp,
    /// ICMP, of IPv4 and IPv6 together.
    pub icmp: Icmp,
    /// Packet processing per CPU; of the whole machine.
    pub softnet: Softnet,
    /// Sockets and their memory at the end of the window.
    pub sockets: Sockets,
    /// Connection tracking; null where the kernel does not track connections, which is no gap.
    pub conntrack: Option<Conntrack>,
    /// The firewall's SYNPROXY; null where there is none.
    #[serde(default)]
    pub synproxy: Option<SynProxy>,
    /// Packets with an impossible source address (`rt_cache: in_martian_src`); of the whole machine, all network
    /// namespaces together.
    pub martian_sources: Option<u64>,
    /// Packets for which there was no route (`rt_cache: in_no_route`); of the whole machine.
    pub unroutable: Option<u64>,
    /// The multicast groups that this host wants, at the end of the window; at most 1,024. Null where that could not be read.
    pub multicast_groups: Option<Vec<JoinedGroup>>,
    /// Settings that decide what happens to inbound traffic.
    pub settings: Settings,
    /// Every counter that grew, by the kernel's name for it: `TcpExt.ListenDrops`.
    pub grew: BTreeMap<String, u64>,
    /// The same of other network namespaces, the busiest first; null where nobody asked for them, and where none could be
    /// looked into.
    #[serde(default)]
    pub elsewhere: Option<Vec<KernelElsewhere>>,
    /// How many other namespaces are not in it.
    #[serde(default)]
    pub elsewhere_left_out: u64,
}

impl KernelCounters {
    /// The same with what grew multiplied by `ratio`: what a window of another length is taken to have counted. Settings, and what is
    /// as it is at a moment, stay.
    pub fn stretched(&self, ratio: f64) -> Self {
        fn multiply(value: &mut serde_json::Value, ratio: f64) {
            match value {
                serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| multiply(field, ratio)),
                serde_json::Value::Number(number) => {
                    if let Some(whole) = number.as_i64() {
                        *value = ((whole as f64 * ratio).round() as i64).into();
                    }
                }
                _ => {}
            }
        }
        let longer = || {
            let mut whole = serde_json::to_value(self).ok()?;
            for part in ["ip", "ip6", "tcp", "udp", "icmp", "synproxy", "martian_sources", "unroutable", "grew"] {
                multiply(whole.get_mut(part)?, ratio);
            }
            for counter in [
                "softnet/dropped",
                "conntrack/drop",
                "conntrack/early_drop",
                "conntrack/insert_failed",
                "conntrack/invalid",
            ] {
                if let Some(counter) = whole.pointer_mut(&format!("/{counter}")) {
                    multiply(counter, ratio);
                }
            }
            let mut longer: KernelCounters = serde_json::from_value(whole).ok()?;
            longer.seconds = self.seconds * ratio;
            longer.tcp.established = self.tcp.established;
            Some(longer)
        };
        longer().unwrap_or_else(|| self.clone())
    }
}

impl Probe for KernelProbe {
    const NAME: &'static str = "kernel";
    const ABOUT: &'static str = "protocol, softnet and conntrack counters that grew in the window";
    const SOURCE: &'static str = "/proc/net/{snmp,snmp6,netstat,softnet_stat,sockstat,stat/nf_conntrack,stat/synproxy,stat/rt_cache,igmp,igmp6}, /proc/sys/net";
    const REPLACES: &'static [&'static str] = &["nstat", "netstat -s", "conntrack -S", "sysctl"];
    const NEEDS: &'static [Need] = &[Need {
        what: "CAP_SYS_ADMIN",
        without: "the counters of other network namespaces, where they are asked for",
    }];
    const WIDENED_BY: &'static [&'static str] = &["namespaces"];
    type Params = Params;
    type Output = KernelCounters;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<KernelCounters>, Gap> {
        let begun = cx.start_window();
        let looks = Looks {
            first: || Ok(Sample::take()),
            last: |before: Option<Sample>| counted(before.unwrap_or_else(Sample::take)),
        };
        let (own, others) = visit_beside(params.namespaces.as_deref(), (begun, params.window.0), cx, looks, || {
            let before = Sample::take();
            cx.live("counting");
            cx.sleep_until(begun + params.window.0);
            counted(before)
        });
        let mut seen = own?;
        if let Some(others) = others {
            elsewhere::add(&mut seen, others);
        }
        Ok(seen)
    }
}

/// How much the counters of the calling thread's network namespace grew since then.
fn counted(before: Sample) -> Result<Observed<KernelCounters>, Gap> {
    let after = Sample::take();
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    let established = queues::established(&after);
    let mut growth = Growth::between(before, after);
    if let Some(gap) = growth.nothing() {
        return Err(gap);
    }
    let mut missed = settings::Missed::default();
    let sockets = Sockets::now();
    let joined = groups::joined();
    let output = KernelCounters {
        seconds,
        ip: Ip::from_growth(&mut growth),
        ip6: growth.has(Table::Snmp6).then(|| Ip6::from_growth(&mut growth)),
        tcp: Tcp::from_growth(&mut growth, established),
        udp: Udp::from_growth(&mut growth),
        icmp: Icmp::from_growth(&mut growth),
        softnet: Softnet::from_growth(&mut growth),
        sockets: sockets.clone().unwrap_or_default(),
        conntrack: Conntrack::from_growth(&mut growth, &mut missed),
        synproxy: SynProxy::from_growth(&mut growth),
        martian_sources: growth.of("martian_sources", Table::RouteCache, "RtCache.in_martian_src"),
        unroutable: growth.of("unroutable", Table::RouteCache, "RtCache.in_no_route"),
        multicast_groups: joined.as_ref().ok().cloned(),
        settings: Settings::now(&mut missed),
        grew: growth.grown(),
        elsewhere: None,
        elsewhere_left_out: 0,
    };
    let mut seen = Observed::whole(output);
    growth.note_missing(&mut seen);
    missed.note(&mut seen);
    if let Err(gap) = joined {
        seen.miss(&["multicast_groups"], gap);
    }
    if let Err(gap) = sockets {
        seen.miss(&["sockets"], gap);
    }
    Ok(seen)
}
