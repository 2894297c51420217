//! Which other namespaces there are to look into: whose each is, and how busy it is now.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::container::Container;
use super::host_links::{HostLinks, growth};
use super::names::Names;
use super::residents::Residents;
use super::visit::{Depth, Look, Way};
use super::ways::{self, Numbers};
use crate::case::{Gap, Process, Reason};
use crate::printable::printable;
use crate::probe::{Context, process, watched};
use crate::sys::network_namespace::NetworkNamespace;
use crate::sys::rtnetlink::{Link, LinkCounters};
use crate::units;

/// For how long traffic is compared to tell which are busy; a tenth of the window at most.
const COMPARED: Duration = Duration::from_millis(200);
/// How long a round may take through those whose traffic no interface of this namespace tells.
const UNTOLD: Duration = Duration::from_millis(200);
/// How long names may be looked up.
const NAMES: Duration = Duration::from_millis(300);
/// How long it may take to tell which of them interfaces lead to.
const NUMBERS: Duration = Duration::from_millis(500);
/// A third of the window goes to all of this at most.
const SHARE: u32 = 9;
/// Most namespaces that `busiest` means.
const BUSIEST: usize = 8;
/// So many are looked into even if they rest at the moment.
const FEW: usize = 3;
/// A namespace that moves less than this share of the busiest one's traffic is not among the busiest.
const BUSY: u64 = 200;
/// Bytes that one which was not looked into must have moved to be missed: more than who only comes up says.
const MUCH: u64 = 10_000;
/// How long a second look may take into those whose traffic no interface of this namespace tells.
const AGAIN: Duration = Duration::from_millis(100);
/// Interfaces that lead to one namespace.
const ENDS: usize = 8;
/// Containers of one namespace.
const CONTAINERS: usize = 16;
/// Digits of a container's id that name it.
const SHORTEST_ID: usize = 8;
const TRIED: &str = "look into other network namespaces";

/// A namespace that can be looked into.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its number, as in `/proc/PID/ns/net`.
    pub number: u64,
    /// For people.
    pub label: String,
    /// The file that it is mounted on.
    name: Option<String>,
    containers: Vec<Container>,
    pub way: Way,
    /// Interfaces of this namespace that lead there, or that an interface of it stands on.
    pub ends: Vec<String>,
    /// The number by which this namespace knows it, and bytes that it had moved by then where none of its interfaces leads there.
    known_as: Option<i32>,
    inside: Option<u64>,
    /// Bytes that it moved while they were compared, and ever; none where that was not seen.
    moved: Option<(u64, u64)>,
}

/// All that are known, the busiest first.
#[derive(Debug, Default)]
pub struct Places {
    places: Vec<Place>,
    /// What could not be seen of them.
    pub gaps: Vec<Gap>,
    /// What the interfaces of this namespace had counted then; none without a window.
    counted: Option<HostLinks>,
    /// What was counted since, for all who ask.
    since: OnceLock<Option<Since>>,
}

/// Those that a probe looks into.
#[derive(Debug)]
pub struct Chosen {
    pub places: Vec<Place>,
    /// How many others there are.
    pub left_out: u64,
    pub gaps: Vec<Gap>,
}

/// Bytes that namespaces moved since they were compared.
#[derive(Debug, Default)]
struct Since {
    /// By the number of the place.
    moved: HashMap<u64, u64>,
    /// By those that came since.
    by_new: Vec<u64>,
}

impl Places {
    /// Finds them, and compares for a moment what they move; without a window they are compared by what they ever moved.
    pub fn find(window: Duration, cx: &Context) -> Result<Self, Gap> {
        let here = NetworkNamespace::current().map_err(|error| Gap::io("tell the own network namespace", &error))?;
        let mut door = watched::door()?;
        let residents =
            Residents::find(here.number, cx).map_err(|error| Gap::io("list the processes (/proc)", &error))?;
        let (all, mut gaps) = ways::ways(&residents, here.number);
        if residents.denied > 0 {
            let tried = format!(
                "see in which network namespaces {} of {} processes live (/proc/PID/ns/net)",
                units::count(residents.denied as f64),
                units::count(residents.seen as f64)
            );
            gaps.push(Gap::denied(tried, "CAP_SYS_PTRACE"));
        }
        if all.is_empty() {
            let counted = if window.is_zero() { None } else { Some(ways::links(&mut door)?) };
            return Ok(Places { gaps, counted, ..Places::default() });
        }
        let before = ways::links(&mut door)?;
        let within = |most: Duration| Instant::now() + if window.is_zero() { most } else { most.min(window / SHARE) };
        let numbers = Numbers::ask(&all, &mut door, within(NUMBERS));
        if numbers.not_reached > 0 {
            let tried = format!(
                "tell which interfaces lead to {} network namespaces (RTM_GETNSID)",
                units::count(numbers.not_reached as f64)
            );
            gaps.push(Gap::new(Reason::TimedOut, tried, "the time for it was over"));
        }
        let untold: Vec<&Way> = all.iter().filter(|way| !numbers.of.contains_key(&way.number)).collect();
        let look = || ways::look_around(&untold, |_| Depth::Links, within(UNTOLD), cx);
        let (mut early, mut after) = (None, None);
        if !window.is_zero() {
            early = Some(look()?);
            cx.sleep_until(Instant::now() + COMPARED.min(window / 10));
            after = Some(ways::links(&mut door)?);
        }
        let late = look()?;
        let now = after.as_ref().unwrap_or(&before);
        let seen_there = |way: &Way| {
            let at = untold.iter().position(|one| one.number == way.number)?;
            Some((late.looks.get(at)?.as_ref()?, early.as_ref().and_then(|early| early.looks.get(at)?.as_ref())))
        };
        let moved = |way: &Way| match numbers.of.get(&way.number) {
            Some(number) => {
                let ever = now.bytes_through(*number, None)?;
                let compared = after.as_ref().map(|after| after.bytes_through(*number, Some(&before)));
                Some((compared.map_or(ever, Option::unwrap_or_default), ever))
            }
            None => {
                let (late, early) = seen_there(way)?;
                let ever = moved_inside(late, None);
                Some((if window.is_zero() { ever } else { moved_inside(late, Some(early?)) }, ever))
            }
        };
        let ends = |way: &Way| -> Vec<String> {
            match numbers.of.get(&way.number) {
                Some(number) => now.leading_to(*number).take(ENDS).map(|link| link.name.clone()).collect(),
                None => {
                    let Some((look, _)) = seen_there(way) else { return Vec::new() };
                    let here = |link: &Link| link.elsewhere.filter(|other| Some(other.namespace) == look.here);
                    look.links.iter().filter_map(here).filter_map(|other| now.name(other.index)).take(ENDS).collect()
                }
            }
        };
        let mut names = Names::new(None);
        let mut known = process::Names::new();
        let until = within(NAMES);
        let mut places: Vec<Place> = all
            .iter()
            .map(|way| {
                let containers = containers(way, &residents, &mut names, until);
                let name = way.path.as_ref().and_then(|path| path.file_name());
                let name = name.map(|name| printable(name.as_encoded_bytes()));
                let first = residents.elsewhere.get(&way.number).and_then(|there| there.members.first());
                let needs_it = containers.is_empty() && name.is_none() && Instant::now() < until;
                let process = first.filter(|_| needs_it).and_then(|(pid, _)| known.get(*pid));
                let label = label(way.number, name.as_deref(), &containers, process);
                Place {
                    number: way.number,
                    label,
                    name,
                    containers,
                    way: way.clone(),
                    ends: ends(way),
                    known_as: numbers.of.get(&way.number).copied(),
                    inside: seen_there(way)
                        .filter(|(look, _)| !look.is_alone())
                        .map(|(look, _)| moved_inside(look, None)),
                    moved: moved(way),
                }
            })
            .collect();
        // What meets this host is its business first; what could not be seen of it may be busy.
        let unseen = (u64::MAX, u64::MAX);
        places.sort_by_key(|place| Reverse((!place.ends.is_empty(), place.moved.unwrap_or(unseen))));
        Ok(Places { places, gaps, counted: after, since: OnceLock::new() })
    }

    /// How many namespaces that are not among the `chosen` moved much since they were compared, as a gap: those that rested then, and
    /// those that came since.
    pub fn missed(&self, chosen: &[u64], cx: &Context) -> Option<Gap> {
        let since = self.since.get_or_init(|| self.count(cx).ok()).as_ref()?;
        let most = since.moved.values().copied().max().unwrap_or(0);
        let is_much = |moved: u64| moved >= MUCH && moved > most / BUSY;
        let woke = since.moved.iter().filter(|(number, moved)| !chosen.contains(number) && is_much(**moved)).count();
        let came = since.by_new.iter().filter(|moved| is_much(**moved)).count();
        if woke + came == 0 {
            return None;
        }
        let tried = format!(
            "look into {} network namespaces that were not busy, or not there, as the window began",
            units::count((woke + came) as f64)
        );
        let why = format!(
            "{} of them came within it; which are looked into is settled before, by what they move then",
            units::count(came as f64)
        );
        Some(Gap::new(Reason::Failed, tried, why).to_fix("run it again, or name one by the parameter `namespaces`"))
    }

    /// Counts what they moved since they were compared. What leads to one that came since was not there then.
    fn count(&self, cx: &Context) -> Result<Since, Gap> {
        let Some(before) = &self.counted else { return Ok(Since::default()) };
        let mut door = watched::door()?;
        let after = ways::links(&mut door)?;
        let mut since = Since::default();
        let mut known: HashSet<i32> = HashSet::new();
        for place in &self.places {
            let Some(number) = place.known_as else { continue };
            // The kernel gives the number of one that ended to the next.
            if after.leading_to(number).any(|link| before.get(link.index).is_some()) {
                known.insert(number);
                since.moved.insert(place.number, after.bytes_through(number, Some(before)).unwrap_or(0));
            }
        }
        since.by_new = after
            .numbers()
            .filter(|number| !known.contains(number))
            .map(|number| {
                let links = after.leading_to(number).filter(|link| before.get(link.index).is_none());
                let moved = links.map(|link| {
                    let (rx, tx) = growth(link, None);
                    rx.bytes.unwrap_or(0).saturating_add(tx.bytes.unwrap_or(0))
                });
                moved.fold(0, u64::saturating_add)
            })
            .collect();
        // Those that do not meet this host are no business of it.
        let untold = self.places.iter().filter(|place| !place.ends.is_empty());
        let untold: Vec<(&Place, u64)> = untold.filter_map(|place| Some((place, place.inside?))).collect();
        if !untold.is_empty() {
            let ways: Vec<&Way> = untold.iter().map(|(place, _)| &place.way).collect();
            let round = ways::look_around(&ways, |_| Depth::Links, Instant::now() + AGAIN, cx)?;
            for ((place, before), look) in untold.iter().zip(&round.looks) {
                if let Some(look) = look {
                    since.moved.insert(place.number, moved_inside(look, None).saturating_sub(*before));
                }
            }
        }
        Ok(since)
    }

    /// Those that are asked for.
    pub fn choose(&self, asked: &str) -> Chosen {
        let all = self.places.len();
        let mut gaps = self.gaps.clone();
        let places: Vec<Place> = match asked {
            "all" => self.places.clone(),
            "busiest" => {
                // Those that meet this host come first, whatever goes on elsewhere on the machine.
                let meets = |place: &&Place| !place.ends.is_empty();
                let moved = |place: &Place| place.moved.map_or(0, |(moved, _)| moved);
                let most = self.places.iter().filter(meets).map(moved).max();
                let most = most.or_else(|| self.places.iter().map(moved).max()).unwrap_or(0);
                let is_busy = |place: &Place| place.moved.is_none_or(|(moved, _)| moved > most / BUSY);
                let left_out = self.places.iter().filter(meets).filter(|place| is_busy(place)).skip(BUSIEST).count();
                // What rests for a moment may be busy in the next; so may one that meets this host and is new.
                let is_new = |place: &Place| meets(&place) && place.moved == Some((0, 0));
                let rests = |place: &Place| place.moved > Some((0, 0));
                let wanted = self.places.iter().enumerate();
                let wanted = wanted.filter(|(at, place)| is_busy(place) || is_new(place) || *at < FEW && rests(place));
                let busiest: Vec<Place> = wanted.take(BUSIEST).map(|(_, place)| place.clone()).collect();
                if left_out > 0 {
                    let tried = format!("look into {} busy network namespaces", units::count(left_out as f64));
                    let why = format!("the {BUSIEST} busiest are looked into");
                    let gap = Gap::new(Reason::Failed, tried, why);
                    gaps.push(gap.to_fix("name one by the parameter `namespaces`, or ask for `all`"));
                }
                busiest
            }
            name => {
                let named: Vec<Place> = self.places.iter().filter(|place| place.is_called(name)).cloned().collect();
                if named.is_empty() {
                    let why =
                        format!("nothing of that name lives in another network namespace: {}", name.escape_debug());
                    let gap = Gap::new(Reason::Absent, TRIED, why);
                    gaps.push(gap.to_fix("`casebook probe namespaces` lists them"));
                }
                named
            }
        };
        Chosen { left_out: (all - places.len()) as u64, places, gaps }
    }
}

impl Place {
    /// Whether it is called so: by its number or its file, or by a container or pod that lives there.
    fn is_called(&self, name: &str) -> bool {
        let is_it = |known: &Option<String>| known.as_deref() == Some(name);
        let of_container = |one: &Container| {
            let pod = one.pod_namespace.as_ref().zip(one.pod.as_ref()).map(|(space, pod)| format!("{space}/{pod}"));
            let by_id = name.len() >= SHORTEST_ID && one.id.as_ref().is_some_and(|id| id.starts_with(name));
            is_it(&one.name) || is_it(&one.pod) || is_it(&pod) || by_id
        };
        self.number.to_string() == name || is_it(&self.name) || self.containers.iter().any(of_container)
    }
}

/// Bytes that a namespace's interfaces moved, since the `early` look where there is one.
fn moved_inside(look: &Look, early: Option<&Look>) -> u64 {
    let never = Link { counters: Some(LinkCounters::default()), ..Link::default() };
    let interfaces = look.links.iter().filter(|link| link.name != "lo");
    let moved = interfaces.map(|link| {
        let (rx, tx) = match early {
            Some(early) => growth(link, early.links.iter().find(|other| other.index == link.index)),
            None => growth(link, Some(&never)),
        };
        rx.bytes.unwrap_or(0).saturating_add(tx.bytes.unwrap_or(0))
    });
    moved.fold(0, u64::saturating_add)
}

/// The containers that live in a namespace. Once the time is over, only what lies at hand is told of them.
pub fn containers(way: &Way, residents: &Residents, names: &mut Names, until: Instant) -> Vec<Container> {
    let Some(inhabitants) = residents.elsewhere.get(&way.number) else { return Vec::new() };
    let groups = inhabitants.groups();
    let mut containers: Vec<Container> =
        groups.iter().take(CONTAINERS).map(|group| names.container(group, Instant::now() < until)).collect();
    if containers.is_empty() && Instant::now() < until {
        containers.extend(names.started_by_hand(inhabitants.members.iter().map(|(pid, _)| *pid)));
    }
    containers
}

/// What a namespace is called, for people.
pub fn label(number: u64, name: Option<&str>, containers: &[Container], first: Option<&Process>) -> String {
    if let Some(pod) = containers.iter().find(|container| container.pod.is_some()) {
        return pod.label();
    }
    match (containers, name, first) {
        ([one], _, _) => one.label(),
        ([first, others @ ..], _, _) => format!("{} and {} more", first.label(), others.len()),
        ([], Some(name), _) => format!("network namespace {name}"),
        ([], None, Some(process)) => format!("the network namespace of {process}"),
        ([], None, None) => format!("network namespace {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u64, moved: Option<u64>, name: &str) -> Place {
        let container = Container {
            name: Some(name.to_owned()),
            id: Some(format!("{number:064x}")),
            pod: (number == 2).then(|| "web-7f".to_owned()),
            pod_namespace: (number == 2).then(|| "shop".to_owned()),
            ..Container::default()
        };
        let label = container.label();
        Place {
            number,
            label,
            name: None,
            containers: vec![container],
            way: Way::default(),
            ends: vec!["v".to_owned()],
            known_as: None,
            inside: None,
            moved: moved.map(|moved| (moved, 7)),
        }
    }

    fn numbers(chosen: &Chosen) -> Vec<u64> {
        chosen.places.iter().map(|place| place.number).collect()
    }

    #[test]
    fn the_busiest_are_those_that_move_something_and_a_name_is_that_of_its_container() {
        let mut places: Vec<Place> =
            (1..=12).map(|number| place(number, Some(1_000_000), &format!("c{number}"))).collect();
        places.push(place(13, Some(10), "idle"));
        let places = Places { places, ..Places::default() };
        let busiest = places.choose("busiest");
        assert_eq!((numbers(&busiest), busiest.left_out), ((1..=8).collect(), 5));
        assert!(busiest.gaps[0].tried.contains("4 busy network namespaces"), "{:?}", busiest.gaps);
        assert_eq!(numbers(&places.choose("all")).len(), 13);
        for name in ["web-7f", "shop/web-7f", "c2", "2"] {
            assert_eq!(numbers(&places.choose(name)), [2], "{name}");
        }
        assert_eq!(numbers(&places.choose(&format!("{:012x}", 0))).len(), 13, "ids that begin alike");
        let none = places.choose("c\u{1b}x");
        assert_eq!((none.places.len(), none.gaps[0].reason), (0, Reason::Absent));
        assert!(!none.gaps[0].why.contains('\u{1b}'));
        let rests = (1..=5).map(|number| place(number, Some(0), "idle")).collect();
        let idle = Places { places: rests, ..Places::default() };
        assert_eq!(numbers(&idle.choose("busiest")), [1, 2, 3], "one that rests may be busy in a moment");
        let still = |number: u64, ends: &[&str]| Place {
            moved: Some((0, 0)),
            ends: ends.iter().map(|end| (*end).to_owned()).collect(),
            ..place(number, None, "new")
        };
        let new = Places { places: vec![still(1, &["v1"]), still(2, &[])], ..Places::default() };
        assert_eq!(numbers(&new.choose("busiest")), [1], "one that is new and meets this host may be busy in a moment");
        let mut behind: Vec<Place> = (1..=4).map(|number| place(number, Some(0), "idle")).collect();
        behind.push(still(5, &["v5"]));
        let behind = Places { places: behind, ..Places::default() };
        assert_eq!(numbers(&behind.choose("busiest")), [1, 2, 3, 5], "so it is behind others that rest");
        let unseen = Places { places: vec![place(1, None, "unseen")], ..Places::default() };
        assert_eq!(numbers(&unseen.choose("busiest")), [1]);
    }
}
