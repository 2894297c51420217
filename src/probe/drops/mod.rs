//! Why the kernel dropped packets, by its own reasons.

mod format;
mod list;
mod meaning;
mod output;
mod place_program;
mod places;
mod program;
mod watch;

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use output::{DropPlace, DropReason, Drops};

use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::sys::kernel_symbols::functions_at;
use crate::units::{self, Span};
use list::Names;
use places::Counted;
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

/// What the figures cover.
const SCOPE: &str = "all network namespaces of the machine, both directions";
/// How often the live figure is renewed.
const TICK: Duration = Duration::from_secs(1);

impl Probe for DropsProbe {
    const NAME: &'static str = "drops";
    const ABOUT: &'static str = "why the kernel dropped packets in the window, by its own reasons";
    const SOURCE: &'static str = "tracepoint skb:kfree_skb, counted in the kernel (bpf, BPF_RAW_TRACEPOINT_OPEN), /sys/kernel/btf/vmlinux, \
                                  /proc/kallsyms; where that is refused perf_event_open and tracefs";
    const REPLACES: &'static [&'static str] = &["dropwatch", "perf trace -e skb:kfree_skb"];
    const NEEDS: &'static [Need] = &[
        Need {
            what: "CAP_PERFMON",
            without: "nothing is known of drops by reason; the counters of probe kernel remain",
        },
        Need {
            what: "CAP_BPF",
            without: "drops are not told apart by place, and only the most telling reasons are; each drop costs more, and the \
                      tracepoint is looked up in tracefs, which takes CAP_SYS_ADMIN",
        },
        Need { what: "Linux 5.17", without: "drops are counted in total, without reasons and places" },
    ];
    type Params = Params;
    type Output = Drops;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Drops>, Gap> {
        let mut loss = Vec::new();
        let (watch, no_places) = Watch::start(&mut loss)?;

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
        let counts = after.since(&before);
        let mut output = derive(&counts, told, seconds);
        if let (Watch::Places(_, reasons), Some(counted)) = (&watch, &counts.places) {
            let interface = |number| {
                let name = nix::net::if_::if_indextoname(number).ok()?;
                Some(printable(name.to_bytes())).filter(|name| !name.is_empty())
            };
            tell_places(&mut output, counted, &Names { reasons, interface: &interface, functions: &functions_at });
            loss.extend(lost(counted));
        }
        let mut seen = Observed { output, missing: Vec::new(), loss };
        if let Some(gap) = no_places {
            seen.miss(&["places", "own_packets", "other_namespaces_packets", "reasons.own_packets"], gap);
        }
        if !told {
            const TRIED: &str = "tell drops apart by reason";
            let gap = if matches!(watch, Watch::Filters(..)) {
                Gap::new(Reason::Failed, TRIED, "that takes more descriptors than this process may open")
                    .to_fix("run with CAP_BPF, or a higher limit of open files (ulimit -n)")
            } else {
                watch::no_reasons(TRIED)
            };
            let fields = ["reasons", "other_packets", "netfilter_packets", "no_socket_packets", "socket_full_packets"];
            seen.miss(&fields, gap);
        }
        Ok(seen)
    }
}

/// What was lost of the places, as sentences.
fn lost(counted: &Counted) -> Vec<String> {
    let beyond = counted.beyond();
    let mut sentences = Vec::new();
    if beyond > 0 {
        sentences.push(format!(
            "packets were dropped at more places than the {} for which there is room: {} are told apart by reason alone",
            units::count(f64::from(places::MOST_PLACES)),
            units::count(beyond as f64),
        ));
    }
    if counted.missed > 0 {
        sentences.push(format!(
            "packets that were dropped while another was being counted on the same CPU are not counted: {}",
            units::count(counted.missed as f64)
        ));
    }
    sentences
}

/// Adds what is known of the places to the result.
fn tell_places(drops: &mut Drops, counted: &Counted, names: &Names<'_>) {
    let own = counted.own_by_reason();
    let by_name: HashMap<String, u64> =
        own.iter().map(|(number, packets)| (names.reasons.called(*number), *packets)).collect();
    for reason in drops.reasons.iter_mut().flatten() {
        reason.own_packets = Some(by_name.get(&reason.reason).copied().unwrap_or(0));
    }
    drops.own_packets = Some(own.values().sum());
    drops.other_namespaces_packets = Some(counted.elsewhere());
    let listed = list::list(counted, names);
    drops.places = Some(listed.places);
    (drops.places_left_out, drops.places_left_out_packets) = (listed.left_out, listed.left_out_packets);
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
            own_packets: None,
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
        own_packets: None,
        other_namespaces_packets: None,
        places: None,
        places_left_out: 0,
        places_left_out_packets: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(total: u64, reasons: &[(&str, u64)]) -> Counts {
        let reasons = reasons.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Counts { total, reasons, places: None }
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
