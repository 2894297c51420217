//! The course of one observation: two looks, and what comes of them.

use std::io;
use std::time::{Duration, Instant};

use super::legacy::Look;
use super::nft::{FirstLook, MOST_RULES, SecondLook};
use super::nft_shown::Sets;
use super::output::{Backend, BackendKind, Firewall, HookedProgram, Standing, Tally};
use super::rule_counters::{RuleCounters, Source};
use super::{Context, MOST_CHAINS, MOST_SHOWN, MOST_UNCOUNTED, elsewhere};
use crate::case::{Gap, Observed, Reason};
use crate::printable::printable;
use crate::probe::elsewhere::{Looks, visit_beside};
use crate::sys::bpf_links;
use crate::sys::nftables::{self, NfTables};
use crate::sys::xtables::{Family, Table, XTables, table_names};

const TRIED: &str = "read the firewall's rules";
/// What is incomplete when a back end could not be read.
const FIELDS: [&str; 7] = ["backends", "rules", "rules_left_out", "chains", "dropped", "top_drop", "uncounted_drops"];

fn gap(tried: &str, error: &io::Error) -> Gap {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Gap::denied(tried, "CAP_NET_ADMIN"),
        _ => Gap::io(tried, error),
    }
}

/// The list of legacy tables belongs to root, whatever one may ask of the tables themselves.
fn list_gap(tool: &str, error: &io::Error) -> Gap {
    let tried = format!("list the tables of legacy {tool}");
    match error.kind() {
        io::ErrorKind::PermissionDenied => Gap::denied(tried, "CAP_DAC_READ_SEARCH"),
        _ => Gap::io(tried, error),
    }
}

/// Opens nftables and asks it something; none when this kernel does not have it.
fn open_nft() -> io::Result<Option<NfTables>> {
    if nftables::is_not_loaded() {
        return Ok(None);
    }
    let absent = |error: &io::Error| {
        matches!(
            error.raw_os_error(),
            Some(libc::EPROTONOSUPPORT | libc::EAFNOSUPPORT | libc::EINVAL | libc::EOPNOTSUPP)
        )
    };
    match NfTables::open().and_then(|mut nft| nft.generation().map(|_| nft)) {
        Ok(nft) => Ok(Some(nft)),
        Err(error) if absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a look at the legacy tables found.
#[derive(Default)]
struct Legacy {
    /// Whether the kernel has any legacy packet filter loaded.
    present: bool,
    looks: Vec<Look>,
    /// Why some table or family could not be read.
    failed: Option<Gap>,
}

fn look_at_legacy() -> Legacy {
    let mut legacy = Legacy::default();
    for (family, tool) in [(Family::V4, "iptables"), (Family::V6, "ip6tables"), (Family::Arp, "arptables")] {
        let names = match table_names(family) {
            Ok(Some(names)) => names,
            Ok(None) => continue,
            Err(error) => {
                legacy.present = true;
                legacy.failed.get_or_insert_with(|| list_gap(tool, &error));
                continue;
            }
        };
        legacy.present = true;
        if names.is_empty() {
            continue;
        }
        let read = |name: &String| XTables::open(family).and_then(|tables| tables.table(name));
        for name in &names {
            match read(name) {
                Ok(table) => legacy.looks.push(Look::new(family, table)),
                // Its module was unloaded since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let tried = format!("read table {name} of legacy {tool}");
                    legacy.failed.get_or_insert_with(|| gap(&tried, &error));
                }
            }
        }
    }
    legacy
}

fn interface_name(index: u32) -> Option<String> {
    let name = nix::net::if_::if_indextoname(index).ok().filter(|_| index != 0)?;
    Some(crate::printable::printable(name.to_bytes()))
}

/// Watches the firewall for so long, and those of the network namespaces that are `asked` for.
pub fn watch(window: Duration, asked: Option<&str>, cx: &Context) -> Result<Observed<Firewall>, Gap> {
    let (nft, seen, preview) = open()?;
    let begun = cx.start_window();
    let looks = Looks { first: look_first, last: |first: Option<Course>| look_last(first.map_or_else(open_here, Ok)?) };
    let (mut observed, others) = visit_beside(asked, (begun, window), cx, looks, || {
        let mut course = Course { nft, seen, legacy: Some(preview), ..Course::default() };
        if !window.is_zero() {
            course.legacy = None;
            let rules = course.take_first();
            cx.live(format!("{rules} rules"));
            cx.sleep_until(begun + window);
        }
        course.end()
    });
    if let Some(others) = others {
        elsewhere::add(&mut observed, others);
    }
    match hooked_programs() {
        Ok(programs) => observed.output.programs = Some(programs),
        Err(error) => {
            let tried = "list BPF programs at hooks of netfilter (BPF_LINK_GET_NEXT_ID)";
            let denied = error.kind() == io::ErrorKind::PermissionDenied;
            let gap = if denied { Gap::denied(tried, "CAP_SYS_ADMIN") } else { Gap::io(tried, &error) };
            observed.miss(&["programs"], gap);
        }
    }
    Ok(observed)
}

/// Opens the firewall of the calling thread's network namespace, with a look at its legacy tables. A gap where nothing can be
/// read.
fn open() -> Result<(Option<NfTables>, Seen, Legacy), Gap> {
    let nft = open_nft();
    let preview = look_at_legacy();
    // Who may read neither has seen nothing; that one of them does not exist is no sight of the other.
    let legacy_seen = preview.looks.len();
    match (&nft, &preview.failed) {
        (Err(error), _) if legacy_seen == 0 => return Err(gap(TRIED, error)),
        (Ok(None), Some(failed)) if legacy_seen == 0 => {
            let denied = failed.reason == Reason::Denied;
            return Err(if denied { Gap::denied(TRIED, "CAP_NET_ADMIN") } else { failed.clone() });
        }
        _ => {}
    }
    let mut seen = Seen::default();
    let nft = nft.unwrap_or_else(|error| {
        seen.nft_failed = Some(gap("read the rules of nftables", &error));
        None
    });
    Ok((nft, seen, preview))
}

/// One look without an earlier one, of another namespace.
fn open_here() -> Result<Course, Gap> {
    let (nft, seen, legacy) = open()?;
    Ok(Course { nft, seen, legacy: Some(legacy), ..Course::default() })
}

/// The first look at another namespace. Nothing of it stays open.
fn look_first() -> Result<Course, Gap> {
    let (nft, seen, _) = open()?;
    let mut course = Course { nft, seen, ..Course::default() };
    course.take_first();
    course.nft = None;
    Ok(course)
}

/// The last look at it.
fn look_last(mut course: Course) -> Result<Observed<Firewall>, Gap> {
    if course.first_at.is_some() {
        (course.nft, course.seen, course.legacy) = open().map(|(nft, seen, legacy)| (nft, seen, Some(legacy)))?;
    }
    Ok(course.end())
}

/// What was seen until now.
#[derive(Default)]
struct Course {
    nft: Option<NfTables>,
    seen: Seen,
    /// When the first look was, if there was one.
    first_at: Option<Instant>,
    first_nft: Option<FirstLook>,
    first_legacy: Option<Vec<Look>>,
    /// The look at the legacy tables that counts as the last; none where it is still to be.
    legacy: Option<Legacy>,
}

impl Course {
    /// Takes the first look, and says how many rules there are.
    fn take_first(&mut self) -> usize {
        self.first_at = Some(Instant::now());
        self.first_nft = self.nft.as_mut().and_then(|nft| self.seen.keep(FirstLook::take(nft)));
        self.first_legacy = Some(look_at_legacy().looks);
        let nft_rules = self.first_nft.as_ref().map_or(0, FirstLook::rules);
        let legacy_rules: usize = self.first_legacy.iter().flatten().map(Look::rules).sum();
        nft_rules + legacy_rules
    }

    /// Takes the last look.
    fn end(self) -> Observed<Firewall> {
        let Course { mut nft, mut seen, first_at, first_nft, first_legacy, legacy } = self;
        let second_at = Instant::now();
        let mut counters = RuleCounters::new(MOST_SHOWN, MOST_UNCOUNTED);
        let mut second = None;
        if let Some(nft) = nft.as_mut()
            && let Some((look, entered)) =
                seen.keep(SecondLook::take(nft, first_nft.as_ref(), || RuleCounters::new(MOST_SHOWN, MOST_UNCOUNTED)))
        {
            counters = entered;
            second = Some(look);
        }
        let legacy = legacy.unwrap_or_else(look_at_legacy);
        let mut changed = 0;
        for (number, look) in legacy.looks.iter().enumerate() {
            changed += look.enter(number, twin(first_legacy.as_deref(), look), &mut counters);
        }
        if first_legacy.is_some() && changed > 0 {
            seen.loss.push(format!(
                "the legacy tables changed while casebook watched: {changed} rules were not there before, so their growth \
                 is unknown"
            ));
        }
        let seconds = first_at.map_or(0.0, |first| (second_at - first).as_secs_f64());
        seen.note_changes(first_nft.as_ref(), second.as_ref());
        let shown = Shown { first: first_nft.as_ref(), first_legacy: first_legacy.as_deref(), second, legacy };
        shown.observed(seconds, counters, nft, seen)
    }
}

/// A kernel without such links has no such programs.
fn hooked_programs() -> io::Result<Vec<HookedProgram>> {
    const HOOKS: [&str; 5] = ["prerouting", "input", "forward", "output", "postrouting"];
    let links = match bpf_links::netfilter_links() {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => return Ok(Vec::new()),
        links => links?,
    };
    let programs = links.into_iter().map(|link| HookedProgram {
        number: link.program,
        name: Some(printable(&link.name)).filter(|name| !name.is_empty()),
        family: if link.family == 10 { "ip6" } else { "ip" }.to_owned(),
        hook: HOOKS.get(link.hook as usize).map_or_else(|| link.hook.to_string(), |hook| (*hook).to_owned()),
        priority: link.priority,
    });
    Ok(programs.collect())
}

/// What two looks at nftables find in messages of its dumps, one after another, as the kernel sends them.
pub fn of_dump(messages: Vec<u8>) -> io::Result<Observed<Firewall>> {
    let empty = || RuleCounters::new(MOST_SHOWN, MOST_UNCOUNTED);
    let mut nft = NfTables::recorded(messages);
    let first = FirstLook::take(&mut nft)?;
    let (second, counters) = SecondLook::take(&mut nft, Some(&first), empty)?;
    let shown = Shown { first: Some(&first), first_legacy: None, second: Some(second), legacy: Legacy::default() };
    Ok(shown.observed(1.0, counters, Some(nft), Seen::default()))
}

/// What two looks at a legacy table find in it.
pub fn of_table(family: Family, table: Table) -> Observed<Firewall> {
    let mut counters = RuleCounters::new(MOST_SHOWN, MOST_UNCOUNTED);
    let first = [Look::new(family, table.clone())];
    let legacy = Legacy { looks: vec![Look::new(family, table)], present: true, failed: None };
    for look in &legacy.looks {
        look.enter(0, twin(Some(&first), look), &mut counters);
    }
    let shown = Shown { first: None, first_legacy: Some(&first), second: None, legacy };
    shown.observed(1.0, counters, None, Seen::default())
}

fn twin<'a>(looks: Option<&'a [Look]>, of: &Look) -> Option<&'a Look> {
    looks?.iter().find(|look| (look.family, &look.table.name) == (of.family, &of.table.name))
}

/// What went wrong on the way.
#[derive(Default)]
struct Seen {
    nft_failed: Option<Gap>,
    loss: Vec<String>,
}

impl Seen {
    fn keep<T>(&mut self, result: io::Result<T>) -> Option<T> {
        result.map_err(|error| self.nft_failed = Some(gap("read the rules of nftables", &error))).ok()
    }

    fn note_changes(&mut self, first: Option<&FirstLook>, second: Option<&SecondLook>) {
        let Some(second) = second else { return };
        if second.frame.restless || first.is_some_and(|first| first.frame.restless) {
            self.loss.push("the nftables rules kept changing while they were read: some may be missing".to_owned());
        }
        if second.frame.overfull {
            self.loss.push("nftables has more tables, chains or named counters than casebook reads".to_owned());
        }
        if second.maps_left {
            self.loss.push("nftables has more verdict maps than casebook reads: some may drop".to_owned());
        }
        let Some(first) = first else { return };
        if first.overfull {
            self.loss.push(format!("nftables has more than {MOST_RULES} rules: the growth of the others is unknown"));
        }
        let (before, after) = (first.frame.generation, second.frame.generation);
        if before != after {
            self.loss.push(format!(
                "the nftables rules changed while casebook watched (generation {before} to {after}): \
                 {} rules were not there before, so their growth is unknown; what removed rules counted is lost",
                second.new_rules
            ));
        }
    }
}

/// The looks, from which the result is made.
struct Shown<'a> {
    first: Option<&'a FirstLook>,
    first_legacy: Option<&'a [Look]>,
    second: Option<SecondLook>,
    legacy: Legacy,
}

impl Shown<'_> {
    fn observed(
        self,
        seconds: f64,
        counters: RuleCounters,
        mut nft: Option<NfTables>,
        seen: Seen,
    ) -> Observed<Firewall> {
        let complete = counters.unknown_drops == 0 && seen.nft_failed.is_none() && self.legacy.failed.is_none();
        // A sum of nothing is zero only if no counter was lost.
        let watched = seconds > 0.0;
        let all_read = seen.nft_failed.is_none() && self.legacy.failed.is_none();
        let known = watched && (counters.dropped.packets > 0 || all_read && !counters.lost);
        let dropped = Tally {
            packets: known.then_some(counters.dropped.packets),
            bytes: known.then_some(counters.dropped.bytes),
            complete: complete && watched,
        };
        let reaches: Vec<_> = self.legacy.looks.iter().map(Look::reach).collect();
        let (kept, rules_left_out) = counters.rules.finish();
        let (uncounted, uncounted_drops_left_out) = counters.uncounted.finish();
        let mut sets = nft.as_mut().map(|nft| Sets::new(nft, &interface_name));
        let mut rule = |source: &Source| match source {
            Source::Legacy { table, chain, place, figures } => {
                self.legacy.looks.get(*table)?.rule(*chain, *place, figures, reaches.get(*table)?)
            }
            Source::Nft(candidate) => self.second.as_ref()?.rule(candidate, sets.as_mut()?),
        };
        let rules: Vec<_> = kept.iter().filter_map(&mut rule).collect();
        let uncounted_drops = uncounted.iter().filter_map(&mut rule).map(|rule| rule.name).collect();
        let top_drop = rules.iter().find(|rule| rule.drops && rule.counter_exact && rule.packets > Some(0)).cloned();
        let mut loss = seen.loss;
        let mut chains: Vec<_> = self.second.iter().flat_map(|second| second.base_chains(self.first)).collect();
        chains.extend(self.legacy.looks.iter().flat_map(|look| look.base_chains(twin(self.first_legacy, look))));
        if chains.len() > MOST_CHAINS {
            loss.push(format!("{} base chains are not listed", chains.len() - MOST_CHAINS));
            chains.truncate(MOST_CHAINS);
        }
        let output = Firewall {
            seconds,
            nftables: self.nft_standing(nft.is_some(), seen.nft_failed.is_some()),
            legacy: match (&self.legacy.failed, self.legacy.present, self.legacy.looks.is_empty()) {
                (Some(_), ..) => Standing::Unread,
                (None, false, _) => Standing::Absent,
                (None, true, true) => Standing::Empty,
                (None, true, false) => Standing::Read,
            },
            backends: self.backends(),
            rules,
            rules_left_out,
            chains,
            dropped,
            top_drop,
            uncounted_drops,
            uncounted_drops_left_out,
            programs: None,
            elsewhere: None,
            elsewhere_left_out: 0,
        };
        let mut observed = Observed { output, missing: Vec::new(), loss };
        if !watched {
            let gap = Gap::new(
                Reason::Absent,
                "measure the rates of the firewall's rules",
                "the counters were read only once",
            );
            observed.miss(&["dropped", "top_drop"], gap.to_fix("give a window of more than 0 s"));
        } else if !known && all_read {
            let gap = Gap::new(
                Reason::Absent,
                "sum up what the firewall dropped",
                "the counters of rules that drop were reset or made anew in the window, or conditions follow them",
            );
            observed.miss(&["dropped.packets", "dropped.bytes"], gap.to_fix("put `counter` right before the verdict"));
        }
        for failed in seen.nft_failed.into_iter().chain(self.legacy.failed) {
            observed.miss(&FIELDS, failed);
        }
        observed
    }

    fn nft_standing(&self, open: bool, failed: bool) -> Standing {
        match &self.second {
            _ if failed => Standing::Unread,
            Some(second) if second.frame.sizes().next().is_some() => Standing::Read,
            Some(_) => Standing::Empty,
            None if open => Standing::Unread,
            None => Standing::Absent,
        }
    }

    fn backends(&self) -> Vec<Backend> {
        let mut backends: Vec<Backend> = self
            .second
            .iter()
            .flat_map(|second| second.frame.sizes())
            .map(|(family, tables, rules)| Backend {
                family: family.to_owned(),
                kind: BackendKind::Nftables,
                tables,
                rules,
            })
            .collect();
        for (family, word) in [(Family::V4, "ip"), (Family::V6, "ip6"), (Family::Arp, "arp")] {
            let looks = || self.legacy.looks.iter().filter(|look| look.family == family);
            if looks().next().is_some() {
                let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                backends.push(Backend {
                    family: word.to_owned(),
                    kind: BackendKind::Legacy,
                    tables: number(looks().count()),
                    rules: number(looks().map(Look::rules).sum()),
                });
            }
        }
        backends
    }
}
