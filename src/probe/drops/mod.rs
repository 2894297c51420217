//! Why the kernel dropped packets, by its own reasons.

mod format;
mod meaning;
mod program;
mod watch;

use std::io;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason};
use crate::units::{self, Span};
use watch::{Counts, Watch};

/// The probe `drops`.
pub struct DropsProbe;

/// What the probe `drops` is asked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch.
    pub window: Span,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10) }
    }
}

/// Packets that the kernel freed without delivering them, by reason (tracepoint `skb:kfree_skb`).
///
/// The figures are of the whole machine, all network namespaces and interfaces together, and of both directions. Not
/// every drop has a reason of its own, and some are not reported at all: a native XDP program's, a SYN refused because
/// the queue is full with cookies off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drops {
    /// Length of the window in seconds, as measured.
    pub seconds: f64,
    /// What the figures cover: "all network namespaces of the machine, both directions".
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
}

/// What the figures cover.
const SCOPE: &str = "all network namespaces of the machine, both directions";
/// How often the live figure is renewed.
const TICK: Duration = Duration::from_secs(1);

impl Probe for DropsProbe {
    const NAME: &'static str = "drops";
    const ABOUT: &'static str = "why the kernel dropped packets in the window, by its own reasons";
    const SOURCE: &'static str = "tracepoint skb:kfree_skb, counted in the kernel (bpf, BPF_RAW_TRACEPOINT_OPEN), /sys/kernel/btf/vmlinux; \
                                  where that is refused perf_event_open and tracefs";
    const REPLACES: &'static [&'static str] = &["dropwatch", "perf trace -e skb:kfree_skb"];
    const NEEDS: &'static [Need] = &[
        Need {
            what: "CAP_PERFMON",
            without: "nothing is known of drops by reason; the counters of probe kernel remain",
        },
        Need {
            what: "CAP_BPF",
            without: "only the most telling reasons are told apart, each drop costs more, and the tracepoint is looked up \
                      in tracefs, which takes CAP_SYS_ADMIN",
        },
        Need { what: "Linux 5.17", without: "drops are counted in total, without reasons" },
    ];
    type Params = Params;
    type Output = Drops;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Drops>, Gap> {
        let mut loss = Vec::new();
        let watch = Watch::start(&mut loss)?;

        let failed = |error: io::Error| Gap::io("read the counters of tracepoint skb:kfree_skb", &error);
        let end = cx.start_window() + params.window.0;
        let started = Instant::now();
        let before = watch.read(true).map_err(failed)?;
        cx.live("0 dropped");
        loop {
            let tick = Instant::now() + TICK;
            if !cx.sleep_until(tick.min(end)) || tick >= end {
                break;
            }
            if let Ok(now) = watch.read(false) {
                cx.live(format!("{} dropped", units::count(now.since(&before).total as f64)));
            }
        }
        let seconds = started.elapsed().as_secs_f64();
        let after = watch.read(false).map_err(failed)?;

        let told = watch.tells_reasons();
        let output = derive(&after.since(&before), told, seconds);
        let mut seen = Observed { output, missing: Vec::new(), loss };
        if !told {
            const TRIED: &str = "tell drops apart by reason";
            let gap = if matches!(watch, Watch::Filters(..)) {
                Gap::new(Reason::Failed, TRIED, "that takes more descriptors than this process may open")
                    .to_fix("run with CAP_BPF, or a higher limit of open files (ulimit -n)")
            } else {
                Gap::new(Reason::Absent, TRIED, "this kernel's tracepoint skb:kfree_skb does not give reasons")
                    .to_fix("Linux 5.17 and newer do")
            };
            let fields = ["reasons", "other_packets", "netfilter_packets", "no_socket_packets", "socket_full_packets"];
            seen.miss(&fields, gap);
        }
        Ok(seen)
    }
}

/// The result, from what was counted inside the window.
fn derive(counts: &Counts, told: bool, seconds: f64) -> Drops {
    let of = |name: &str| counts.reasons.get(name).copied();
    let either = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
    };
    let mut reasons: Vec<DropReason> = counts
        .reasons
        .iter()
        .filter(|(_, packets)| **packets > 0)
        .map(|(name, packets)| DropReason {
            reason: name.clone(),
            meaning: meaning::of(name).to_owned(),
            packets: *packets,
        })
        .collect();
    reasons.sort_by_key(|it| std::cmp::Reverse(it.packets));
    let explained: u64 = counts.reasons.values().sum();
    Drops {
        seconds,
        scope: SCOPE.to_owned(),
        reasons: told.then_some(reasons),
        reasons_watched: u32::try_from(counts.reasons.len()).unwrap_or(u32::MAX),
        total_packets: counts.total,
        other_packets: told.then(|| counts.total.saturating_sub(explained)),
        netfilter_packets: of("NETFILTER_DROP"),
        no_socket_packets: of("NO_SOCKET"),
        socket_full_packets: either(of("SOCKET_RCVBUFF"), of("SOCKET_BACKLOG")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(total: u64, reasons: &[(&str, u64)]) -> Counts {
        Counts { total, reasons: reasons.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect() }
    }

    #[test]
    fn drops_are_listed_most_first_and_the_rest_is_a_figure() {
        let counts = counted(100, &[("NO_SOCKET", 20), ("NETFILTER_DROP", 70), ("SOCKET_RCVBUFF", 0)]);
        let drops = derive(&counts, true, 2.0);
        let names: Vec<_> = drops.reasons.unwrap().into_iter().map(|it| it.reason).collect();
        assert_eq!(names, ["NETFILTER_DROP", "NO_SOCKET"]);
        assert_eq!(drops.other_packets, Some(10));
        assert_eq!(drops.netfilter_packets, Some(70));
        assert_eq!(drops.socket_full_packets, Some(0), "watched, and none");
    }

    #[test]
    fn a_reason_that_this_kernel_does_not_have_is_unknown_not_none() {
        let drops = derive(&counted(5, &[("NO_SOCKET", 5)]), true, 1.0);
        assert_eq!(drops.netfilter_packets, None);
        assert_eq!(drops.socket_full_packets, None);
    }

    #[test]
    fn without_reasons_only_the_total_is_known() {
        let drops = derive(&counted(7, &[]), false, 1.0);
        assert_eq!((drops.total_packets, drops.reasons, drops.other_packets), (7, None, None));
    }
}
