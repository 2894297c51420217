//! Tracked connections: the table against its limit, what fills it, whom it translates addresses for.

mod elsewhere;
mod entry;
mod locals;
mod nat;
mod output;
mod table;
mod tally;
mod trouble;

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::entry::Entry;
use self::locals::Locals;
use self::nat::Baseline;
pub use self::output::{
    Conntrack, ConntrackElsewhere, Destination, Directions, Inner, Mapping, Nat, ProtocolEntries, Service, Source,
    StateEntries, Trouble,
};
use self::tally::Tally;
use self::trouble::Stat;
use super::elsewhere::{Looks, visit_beside};
use super::{Context, Need, Probe};
use crate::case::{Gap, Observed, Reason};
use crate::sys::rtnetlink::Rtnetlink;
use crate::units::{self, Span};

/// How often the count is looked at within the window.
const TICK: Duration = Duration::from_millis(500);
/// How long reading the table at the beginning of the window may take. A million entries take the kernel two seconds.
const FIRST_READING: Duration = Duration::from_secs(2);
/// How long it may take at the end, when the report waits for it.
const LAST_READING: Duration = Duration::from_millis(2500);
/// Most rows that may be asked for.
const MOST_ROWS: u32 = 1000;
/// The fields that are of the entries.
const OF_ENTRIES: [&str; 13] = [
    "entries_read",
    "complete",
    "protocols",
    "tcp_states",
    "unreplied",
    "assured",
    "offloaded",
    "directions",
    "distinct_sources",
    "top_sources",
    "top_destinations",
    "top_services",
    "nat",
];
/// The fields that are growth of the counters of translated entries.
const OF_GROWTH: [&str; 5] = [
    "nat.inner.rx_bytes",
    "nat.inner.tx_bytes",
    "nat.mappings.rx_bytes",
    "nat.mappings.rx_packets",
    "nat.mappings.tx_bytes",
];

/// The probe `conntrack`.
#[derive(Debug, Clone, Copy)]
pub struct ConntrackProbe;

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How long to watch the counters grow. 0 looks once.
    pub window: Span,
    /// Most sources, destinations, services and inner addresses in their lists: 1 to 1,000.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u32,
    /// Other network namespaces whose connections are wanted, too: `busiest` (at most eight, those that move most), `all` as
    /// far as there is time, or one by name: that of a container, a pod or `ip netns`, the number of the namespace, or eight
    /// and more digits of a container's id. None of them by default.
    pub namespaces: Option<String>,
}

impl Default for Params {
    fn default() -> Self {
        Params { window: Span::seconds(10), limit: 20, namespaces: None }
    }
}

impl Probe for ConntrackProbe {
    const NAME: &'static str = "conntrack";
    const ABOUT: &'static str = "tracked connections: the table against its limit, what fills it, address translation";
    const SOURCE: &'static str = "ctnetlink (IPCTNL_MSG_CT_GET), else /proc/net/nf_conntrack; /proc/net/stat/nf_conntrack, \
                                  /proc/sys/net/netfilter";
    const REPLACES: &'static [&'static str] =
        &["conntrack -L", "conntrack -S", "conntrack -C", "cat /proc/net/nf_conntrack"];
    const NEEDS: &'static [Need] = &[
        Need { what: "CAP_NET_ADMIN", without: "the entries: their protocols, states, addresses and translation" },
        Need {
            what: "CAP_SYS_ADMIN",
            without: "connections that other network namespaces track, where they are asked for",
        },
    ];
    type Params = Params;
    type Output = Conntrack;

    fn observe(&self, params: Params, cx: &Context) -> Result<Observed<Conntrack>, Gap> {
        if !(1..=MOST_ROWS).contains(&params.limit) {
            let why = format!("limit is {}, and must be 1 to {MOST_ROWS}", params.limit);
            return Err(Gap::new(Reason::Malformed, "list the tracked connections", why));
        }
        let tracking = is_tracking()?;
        let watched = !params.window.0.is_zero();
        let started = if watched { cx.start_window() } else { Instant::now() };
        if !tracking {
            // The window of the others passes, and nothing can begin to track within it but by a change of the rules.
            return Ok(Observed::whole(Conntrack {
                elsewhere: params.namespaces.is_some().then(Vec::new),
                ..Conntrack::default()
            }));
        }
        let looks = Looks {
            first: || Ok(Window::begin()),
            last: |window: Option<Window>| Ok(elsewhere::look(&params, window)),
        };
        let (mut observed, others) =
            visit_beside(params.namespaces.as_deref(), (started, params.window.0), cx, looks, || {
                let mut observed = Observed::whole(Conntrack { tracking, ..Conntrack::default() });
                let window = watched.then(|| Window::watch(started, &params, cx, &mut observed));
                look(&params, window.as_ref(), LAST_READING, &mut observed);
                observed.output.seconds = if watched { started.elapsed().as_secs_f64() } else { 0.0 };
                observed
            });
        if let Some(others) = others {
            elsewhere::add(&mut observed, others);
        }
        Ok(observed)
    }
}

/// What was seen until the end of the window.
#[derive(Debug)]
struct Window {
    stat: Option<Stat>,
    count: Option<u64>,
    peak: Option<u64>,
    baseline: Option<Baseline>,
}

impl Window {
    fn begin() -> Self {
        let (stat, count) = (stat().ok(), number("nf_conntrack_count").ok());
        Window { stat, count, peak: count, baseline: None }
    }

    fn watch(started: Instant, params: &Params, cx: &Context, observed: &mut Observed<Conntrack>) -> Self {
        let mut window = Window::begin();
        let count = window.count;
        let figure = |count: Option<u64>| {
            format!("{} entries", count.map_or("? ".to_owned(), |count| units::count(count as f64)))
        };
        // Only what is translated is remembered, and only for its bytes.
        if number("nf_conntrack_acct").is_ok_and(|on| on != 0) {
            window.baseline = baseline(FIRST_READING.min(params.window.0 / 2), observed);
        }
        cx.live(figure(count));
        let end = started + params.window.0;
        loop {
            let tick = Instant::now() + TICK;
            let rested = cx.sleep_until(tick.min(end));
            let now = number("nf_conntrack_count").ok();
            window.peak = window.peak.max(now);
            cx.live(figure(now));
            if !rested || tick >= end {
                return window;
            }
        }
    }
}

/// What translated entries have counted until now.
fn baseline(patience: Duration, observed: &mut Observed<Conntrack>) -> Option<Baseline> {
    let mut baseline = Baseline::default();
    let read = table::read(patience, |entry| match baseline.add(entry) {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    });
    // Why it was refused is said by the reading at the end, which will be refused too.
    let reading = read.ok()?;
    baseline.finish(reading.complete);
    if !reading.complete {
        let why = "there were too many entries to remember what each had counted at the beginning of the window";
        let gap = Gap::new(Reason::TimedOut, "tell how much each translated connection moved in the window", why);
        observed.miss(&OF_GROWTH, gap);
    }
    Some(baseline)
}

/// The look at the end; the entries are read for so long at most.
fn look(params: &Params, window: Option<&Window>, patience: Duration, observed: &mut Observed<Conntrack>) {
    let mut setting = |field: &'static str, name: &str| match number(name) {
        Ok(number) => Some(number),
        Err(error) => {
            observed.miss(&[field], Gap::io(format!("read the setting net.netfilter.{name}"), &error));
            None
        }
    };
    let count = setting("count", "nf_conntrack_count");
    let max = setting("max", "nf_conntrack_max");
    let buckets = setting("buckets", "nf_conntrack_buckets");
    let accounting = setting("accounting", "nf_conntrack_acct").map(|on| on != 0);
    let stat = stat();

    let output = &mut observed.output;
    (output.count, output.max, output.buckets, output.accounting) = (count, max, buckets, accounting);
    output.count_before = window.and_then(|window| window.count);
    output.count_peak = window.and_then(|window| window.peak).max(count);
    output.used_share =
        output.count_peak.zip(max).filter(|(_, max)| *max > 0).map(|(peak, max)| peak as f64 / max as f64);
    match &stat {
        Ok(stat) => {
            output.trouble_since_boot = Some(stat.since_boot());
            let before = window.and_then(|window| window.stat.as_ref());
            output.trouble = before.map(|before| stat.since(before));
        }
        Err(gap) => observed.miss(&["trouble", "trouble_since_boot"], gap.clone()),
    }

    let addresses = Rtnetlink::open().and_then(|mut door| door.addresses());
    let locals = addresses.as_deref().map(Locals::from_addresses);
    if let Err(error) = &addresses {
        let gap = Gap::io("list this host's addresses (RTM_GETADDR)", error);
        observed.miss(&["directions", "nat.mappings.inner_is_local"], gap);
    }
    let mut tally = Tally::new(locals.as_ref().ok(), window.and_then(|window| window.baseline.as_ref()));
    let reading = table::read(patience, |entry| {
        tally.add(entry);
        ControlFlow::Continue(())
    });
    let reading = match reading {
        Ok(reading) => reading,
        Err(gap) => return observed.miss(&OF_ENTRIES, gap),
    };
    tally.finish(params.limit as usize, &mut observed.output);
    observed.output.source = Some(reading.source.to_owned());
    observed.output.complete = Some(reading.complete);
    let translates = observed.output.nat.as_ref().is_some_and(|nat| !nat.mappings.is_empty());
    if window.is_some() && translates && accounting == Some(false) {
        const TRIED: &str = "tell how much each translated connection moved in the window";
        let gap = Gap::new(Reason::Absent, TRIED, "net.netfilter.nf_conntrack_acct is 0: the kernel does not count it");
        let to_fix = "`sysctl -w net.netfilter.nf_conntrack_acct=1` makes it count connections that begin afterwards";
        observed.miss(&OF_GROWTH, gap.to_fix(to_fix));
    }
    let read = observed.output.entries_read.unwrap_or_default();
    if !reading.complete {
        let all = count.map_or_else(|| "unknown many".to_owned(), |count| units::count(count as f64));
        observed.loss.push(format!(
            "{} of {all} tracked connections were read in {}, an arbitrary part of the table",
            units::count(read as f64),
            units::span(patience.as_secs_f64())
        ));
    }
    if reading.malformed > 0 {
        let entries = units::count(reading.malformed as f64);
        observed.loss.push(format!("{entries} entries of the table could not be understood"));
    }
}

/// What the entries of a dump come to, each given by the attributes of its message.
pub fn of_entries<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Conntrack {
    let locals = Locals::from_addresses(&[]);
    let mut tally = Tally::new(Some(&locals), None);
    entries.filter_map(Entry::from_attributes).for_each(|entry| tally.add(&entry));
    let mut output = Conntrack { tracking: true, ..Conntrack::default() };
    tally.finish(Params::default().limit as usize, &mut output);
    output
}

/// Whether the kernel can track connections.
fn is_tracking() -> Result<bool, Gap> {
    match number("nf_conntrack_count") {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::exists("/proc/sys/net/core") {
            Ok(true) => Ok(false),
            _ => Err(Gap::io("see whether connections are tracked (/proc/sys/net)", &error).to_fix("mount /proc")),
        },
        Err(error) => Err(Gap::io("read the setting net.netfilter.nf_conntrack_count", &error)),
    }
}

/// A setting of `net.netfilter`, of the network namespace of the calling thread.
fn number(name: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/sys/net/netfilter/{name}"))?;
    text.trim().parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not a number"))
}

/// The counters of the bookkeeping.
fn stat() -> Result<Stat, Gap> {
    const TRIED: &str = "read /proc/net/stat/nf_conntrack";
    let text = fs::read_to_string("/proc/thread-self/net/stat/nf_conntrack").map_err(|error| Gap::io(TRIED, &error))?;
    Stat::from_text(&text).ok_or_else(|| Gap::new(Reason::Malformed, TRIED, "it is not the table that it should be"))
}
