//! Counting the drops, in the best of the ways that this kernel and our privileges allow.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::case::{Gap, Reason, advice};
use crate::sys::bpf::btf::KernelTypes;
use crate::sys::bpf::kernel::Refusal;
use crate::sys::perf::TracepointCounter;
use crate::sys::tracefs::Tracefs;

use super::format::{Reasons, reasons_of_text, reasons_of_types};
use super::meaning;
use super::places::{self, Counted, PlaceCounters};
use super::program::DropCounters;

/// The most descriptors that counting by filters may take.
const MOST_DESCRIPTORS: usize = 1024;
/// The most reasons that are told apart by filters. Each costs every dropped packet some 25 ns, so that these stay below
/// half a microsecond.
const MOST_FILTERS: usize = 16;
/// More CPUs than Linux supports.
const MOST_CPUS: u32 = 8192;

/// What is counting.
pub enum Watch {
    /// A program in the kernel counts all places; the best way.
    Places(PlaceCounters, Reasons),
    /// A program in the kernel counts all reasons.
    Program(DropCounters, BTreeMap<u32, String>),
    /// Without CAP_BPF: one counter for each CPU and each of the most telling reasons, and one per CPU for all drops.
    Filters(Vec<TracepointCounter>, Vec<(String, Vec<TracepointCounter>)>),
    /// Without reasons: one counter for each CPU.
    Totals(Vec<TracepointCounter>),
}

/// What was counted since the watch began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// All drops.
    pub total: u64,
    /// The drops of each reason that is told apart, also those of which there were none.
    pub reasons: BTreeMap<String, u64>,
    /// The same by place, where places are told apart.
    pub places: Option<Counted>,
}

impl Counts {
    /// What was counted between an earlier reading of the same watch and this one.
    pub fn since(&self, earlier: &Counts) -> Counts {
        let grown = |name: &String, count: &u64| count.saturating_sub(earlier.reasons.get(name).copied().unwrap_or(0));
        Counts {
            total: self.total.saturating_sub(earlier.total),
            reasons: self.reasons.iter().map(|(name, count)| (name.clone(), grown(name, count))).collect(),
            places: self.places.as_ref().zip(earlier.places.as_ref()).map(|(now, was)| now.since(was)),
        }
    }
}

impl Watch {
    /// Starts to count. What could not be told apart is added to `loss`; the second answer says why places are not.
    pub fn start(loss: &mut Vec<String>) -> Result<(Self, Option<Gap>), Gap> {
        let types = KernelTypes::of_running_kernel();
        let reasons = match &types {
            Ok(types) => reasons_of_types(types),
            // Without its types the kernel names its reasons in tracefs.
            Err(_) => Tracefs::open()
                .and_then(|tracefs| tracefs.read("events/skb/kfree_skb/format"))
                .ok()
                .and_then(|format| reasons_of_text(&format)),
        };
        let by_place = match (&types, &reasons) {
            (Ok(types), Some(reasons)) => PlaceCounters::start(types, reasons),
            (Ok(_), None) => Err(no_reasons(places::TRIED)),
            (Err(error), _) => Err(no_types(error)),
        };
        drop(types);
        match (by_place, reasons) {
            (Ok(counters), Some(reasons)) => Ok((Watch::Places(counters, reasons), None)),
            (by_place, reasons) => Ok((Watch::by_reason(reasons, loss)?, by_place.err())),
        }
    }

    /// Counts by reason alone.
    fn by_reason(reasons: Option<Reasons>, loss: &mut Vec<String>) -> Result<Self, Gap> {
        let values = reasons.as_ref().and_then(|it| it.names.keys().max()).map_or(1, |last| last.saturating_add(1));
        let refused = match DropCounters::start(reasons.as_ref().map(|it| it.argument), values) {
            Ok(counters) => return Ok(Watch::Program(counters, reasons.map_or_else(BTreeMap::new, |it| it.names))),
            Err(refused) => refused,
        };
        let fallen_back = Watch::by_perf_events(&refused, loss);
        // What the program needs is less than what the ways without it need.
        fallen_back.map_err(|gap| if is_denied(&refused.error) { refusal(&refused.error) } else { gap })
    }

    /// Counts without a program.
    fn by_perf_events(refused: &Refusal, loss: &mut Vec<String>) -> Result<Self, Gap> {
        let tracefs = Tracefs::open()?;
        let id = tracefs.read("events/skb/kfree_skb/id")?;
        let id = id.trim().parse().map_err(|_| {
            let tried = "read the number of tracepoint skb:kfree_skb";
            Gap::new(Reason::Malformed, tried, format!("`{}`", id.escape_debug()))
        })?;
        let reasons = reasons_of_text(&tracefs.read("events/skb/kfree_skb/format")?);
        let cpus = online_cpus()?;
        let open = |cpu: u32| TracepointCounter::open(id, cpu);
        let Some(reasons) = reasons else {
            return Ok(Watch::Totals(on_each(&cpus, open).map_err(|error| refusal(&error))?));
        };
        loss.push(format!(
            "a counting program in the kernel was refused ({refused}; it needs CAP_BPF and CAP_PERFMON): only the most \
             telling reasons are told apart, the rest is in other_packets"
        ));
        Watch::filters(&cpus, &reasons, open, loss).map_err(|error| refusal(&error))
    }

    /// Counts by event filters, as many reasons as the budget allows.
    fn filters(
        cpus: &[u32],
        given: &Reasons,
        open: impl Fn(u32) -> io::Result<TracepointCounter>,
        loss: &mut Vec<String>,
    ) -> io::Result<Self> {
        let totals = on_each(cpus, &open)?;
        let mut reasons: Vec<(&u32, &String)> = given.names.iter().collect();
        reasons.sort_by_key(|(_, name)| meaning::rank(name));
        let known = reasons.len();
        let room = descriptors(MOST_DESCRIPTORS).saturating_sub(totals.len()) / cpus.len().max(1);
        reasons.truncate(room.min(MOST_FILTERS));
        let mut watched = Vec::new();
        for (number, name) in reasons {
            let condition = CString::new(format!("reason=={number}"))?;
            let filtered = |cpu| open(cpu).and_then(|counter| counter.only(&condition).map(|()| counter));
            match on_each(cpus, filtered) {
                Ok(counters) => watched.push((name.clone(), counters)),
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    // Others in this process need descriptors too: give those of the last reason back.
                    watched.pop();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        loss.push(format!("{} of the kernel's {known} drop reasons were told apart", watched.len()));
        Ok(Watch::Filters(totals, watched))
    }

    /// Whether drops are told apart by reason.
    pub fn tells_reasons(&self) -> bool {
        match self {
            Watch::Places(..) => true,
            Watch::Program(_, names) => !names.is_empty(),
            Watch::Filters(_, reasons) => !reasons.is_empty(),
            Watch::Totals(_) => false,
        }
    }

    /// Reads the counters. The total is read first at the beginning of a window and last at its end, so that it never
    /// covers less than the reasons do.
    pub fn read(&self, first: bool) -> io::Result<Counts> {
        match self {
            Watch::Places(counters, given) => {
                let counted = counters.read()?;
                let sums = counted.by_reason();
                let of = |number: &u32| sums.get(number).copied().unwrap_or(0);
                let reasons = given.names.iter().map(|(number, name)| (name.clone(), of(number))).collect();
                Ok(Counts { total: sums.values().sum(), reasons, places: Some(counted) })
            }
            Watch::Program(tally, names) => {
                let counts = tally.counts()?;
                let of = |number: u32| usize::try_from(number).ok().and_then(|at| counts.get(at)).copied().unwrap_or(0);
                let reasons = names.iter().map(|(number, name)| (name.clone(), of(*number))).collect();
                Ok(Counts { total: counts.iter().sum(), reasons, places: None })
            }
            Watch::Totals(totals) => Ok(Counts { total: count(totals)?, ..Counts::default() }),
            Watch::Filters(totals, reasons) => {
                let mut counts = Counts::default();
                if first {
                    counts.total = count(totals)?;
                }
                for (name, counters) in reasons {
                    counts.reasons.insert(name.clone(), count(counters)?);
                }
                if !first {
                    counts.total = count(totals)?;
                }
                Ok(counts)
            }
        }
    }
}

/// What the counters of all CPUs have counted together.
fn count(counters: &[TracepointCounter]) -> io::Result<u64> {
    counters.iter().map(TracepointCounter::count).sum()
}

/// None for a CPU that went offline: it has nothing to count.
fn if_online(opened: io::Result<TracepointCounter>) -> io::Result<Option<TracepointCounter>> {
    match opened {
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Opens a counter on each CPU that is still online.
fn on_each(cpus: &[u32], open: impl Fn(u32) -> io::Result<TracepointCounter>) -> io::Result<Vec<TracepointCounter>> {
    cpus.iter().filter_map(|cpu| if_online(open(*cpu)).transpose()).collect()
}

/// How many descriptors counting may take, of at most `wanted`: half of what the process may open. The soft limit, which
/// is our own, is raised as far as the hard limit allows when that helps.
fn descriptors(wanted: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted / 4;
    };
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_mul(2);
    let raised = needed.min(hard);
    let limit = if soft < raised && setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() { raised } else { soft };
    usize::try_from(limit / 2).unwrap_or(usize::MAX).min(wanted)
}

/// The CPUs that are online.
fn online_cpus() -> Result<Vec<u32>, Gap> {
    const PATH: &str = "/sys/devices/system/cpu/online";
    let text = std::fs::read_to_string(PATH).map_err(|error| Gap::io(format!("read {PATH}"), &error))?;
    Ok(cpu_list(&text))
}

/// Reads a list of CPUs: `0-3,8`.
fn cpu_list(text: &str) -> Vec<u32> {
    let ranges = text.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?.min(MOST_CPUS))
    });
    ranges.take(MOST_DESCRIPTORS).flatten().take(MOST_DESCRIPTORS).collect()
}

/// What cannot be done without the kernel's types.
fn no_types(error: &io::Error) -> Gap {
    let gap = Gap::io(places::TRIED, error);
    let hidden = gap.reason == Reason::Absent;
    if hidden { gap.to_fix("a kernel with CONFIG_DEBUG_INFO_BTF=y describes its types") } else { gap }
}

/// What a kernel before 5.17 cannot do.
pub fn no_reasons(tried: &str) -> Gap {
    Gap::new(Reason::Absent, tried, "this kernel's tracepoint skb:kfree_skb does not give reasons")
        .to_fix("Linux 5.17 and newer do")
}

/// Whether the kernel refused for want of a right.
fn is_denied(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}

/// The kernel's refusal to count, with what it wants.
fn refusal(error: &io::Error) -> Gap {
    const TRIED: &str = "count the tracepoint skb:kfree_skb";
    const NEEDS: &str = "CAP_BPF and CAP_PERFMON";
    if !is_denied(error) {
        return Gap::io(TRIED, error);
    }
    let mut gap = Gap::denied(TRIED, NEEDS).to_fix(advice::with_capabilities(NEEDS));
    if let Ok(paranoid) = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid") {
        // Without a program the kernel's perf events would do, which from 3 on are root's.
        gap.why = format!("it needs {NEEDS} (kernel.perf_event_paranoid is {})", paranoid.trim());
    }
    let locked = std::fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if locked.contains("[confidentiality]") {
        gap.why = "the kernel is locked down (confidentiality), which forbids counting tracepoints to everybody".into();
        gap.to_fix = Some("boot without lockdown=confidentiality".into());
    }
    gap
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cpus_are_listed_in_ranges() {
        assert_eq!(cpu_list("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
        assert_eq!(cpu_list("0\n"), [0]);
    }

    #[test]
    fn only_what_was_counted_inside_the_window_counts() {
        let counts = |total, one| {
            let reasons = BTreeMap::from([("NO_SOCKET".to_owned(), one)]);
            Counts { total, reasons, places: None }
        };
        assert_eq!(counts(110, 53).since(&counts(100, 50)), counts(10, 3));
    }

    #[test]
    fn a_missing_capability_is_named_with_what_would_grant_it() {
        let gap = refusal(&io::Error::from_raw_os_error(libc::EACCES));
        assert_eq!(gap.reason, crate::case::Reason::Denied);
        assert!(gap.to_string().contains("CAP_PERFMON") || gap.to_string().contains("lockdown"), "{gap}");
    }

    #[test]
    fn filters_count_what_the_programs_count() {
        let ready = || {
            let tracefs = Tracefs::open()?;
            let format = tracefs.read("events/skb/kfree_skb/format")?;
            let id = tracefs.read("events/skb/kfree_skb/id")?.trim().parse().unwrap_or(u64::MAX);
            let given = reasons_of_text(&format).unwrap();
            let types = KernelTypes::of_running_kernel().map_err(|error| refusal(&error))?;
            let program = Watch::by_reason(reasons_of_types(&types), &mut Vec::new())?;
            let (places, _) = Watch::start(&mut Vec::new())?;
            let cpus = online_cpus()?;
            let open = |cpu| TracepointCounter::open(id, cpu);
            let mut loss = Vec::new();
            let filters = Watch::filters(&cpus, &given, open, &mut loss).map_err(|error| refusal(&error))?;
            Ok::<_, Gap>((places, program, filters, loss))
        };
        let (places, program, filters, loss) = match ready() {
            Ok(ready) => ready,
            Err(gap) => {
                assert!(std::env::var_os("CI").is_none(), "CI has the privileges for this test: {gap}");
                println!("skipped: {gap}");
                return;
            }
        };
        assert!(matches!(program, Watch::Program(..)));
        assert_eq!(loss.len(), 1, "what is not told apart is said: {loss:?}");
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let before = (places.read(true).unwrap(), program.read(true).unwrap(), filters.read(true).unwrap());
        for _ in 0..100 {
            // A refusal of an earlier datagram is of no interest.
            let _ = socket.send_to(&[0], closed);
        }
        for (watch, before) in [(places, before.0), (program, before.1), (filters, before.2)] {
            let seen = watch.read(false).unwrap().since(&before);
            assert!(seen.reasons["NO_SOCKET"] >= 50, "{seen:?}");
            assert!(seen.total >= seen.reasons.values().sum());
        }
    }

    proptest! {
        #[test]
        fn no_list_of_cpus_makes_it_panic_or_grow_without_bound(text in "[0-9,-]*") {
            prop_assert!(cpu_list(&text).len() <= MOST_DESCRIPTORS);
        }
    }
}
