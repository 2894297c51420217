//! Two looks into each of some namespaces, beside what a probe sees in its own.

use std::io;
use std::sync::Arc;
use std::thread::Builder;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::places::{Chosen, Place, Places};
use super::visit::is_over;
use crate::case::{Gap, Missing, Reason, advice};
use crate::probe::Context;
use crate::sys::network_namespace::Visitor;
use crate::units;

/// How long the first looks may take; they are taken within the window, of which they take a third at most.
const FIRST_ROUND: Duration = Duration::from_millis(500);
/// How long the last looks may take, which hold the end up.
const LAST_ROUND: Duration = Duration::from_millis(250);

/// The fields of a probe's result that tell of other namespaces, and of how many they do not.
const ELSEWHERE: &str = "elsewhere";
const LEFT_OUT: &str = "elsewhere_left_out";

/// How a probe looks into a namespace. Both run in it, on a thread that has nothing else to do.
pub struct Looks<First, Last> {
    /// The look at the beginning of the window; there is none without a window.
    pub first: First,
    /// The look at its end, with what the first one saw.
    pub last: Last,
}

/// What was seen in other namespaces, the busiest first.
#[derive(Debug)]
pub struct Elsewhere<T> {
    /// What was seen in each.
    pub seen: Vec<There<T>>,
    /// How many others there are that were not asked for.
    pub left_out: u64,
    gaps: Vec<Gap>,
}

/// What was seen in one.
#[derive(Debug)]
pub struct There<T> {
    /// Its number, as in `/proc/PID/ns/net`.
    pub number: u64,
    /// For people.
    pub label: String,
    /// A process that lives there; none where it has only a name.
    pub pid: Option<i32>,
    /// Interfaces of this namespace that lead there, or that an interface of it stands on.
    pub ends: Vec<String>,
    /// Seconds between the two looks; 0 where there was one.
    pub seconds: f64,
    /// What the probe saw.
    pub seen: T,
}

impl<T> Elsewhere<T> {
    /// Whether it tells something: nothing at all was seen of others where something hindered all looks.
    pub fn tells(&self) -> bool {
        !self.seen.is_empty() || self.gaps.is_empty()
    }

    /// Why others are not in the result, into the list of what is missing; and what the looks themselves were not shown. What
    /// several namespaces lack alike is said once.
    pub fn say_what_is_missing(&self, inside: impl IntoIterator<Item = Missing>, missing: &mut Vec<Missing>) {
        // What is told of some holds, whatever else there is.
        let fields = if self.tells() { &[LEFT_OUT][..] } else { &[ELSEWHERE, LEFT_OUT] };
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        let own = self.gaps.iter().map(|gap| Missing { fields: fields.clone(), gap: gap.clone() });
        let inside = inside.into_iter().map(|part| Missing {
            fields: part.fields.iter().map(|name| format!("{ELSEWHERE}.{name}")).collect(),
            gap: part.gap,
        });
        for part in own.chain(inside) {
            if !missing.contains(&part) {
                missing.push(part);
            }
        }
    }
}

/// Looks into the namespaces that are `asked` for at both ends of the window, while `own` does the probe's own work. Nothing is
/// looked into where none are asked for.
pub fn visit_beside<A: Send, T: Send, R>(
    asked: Option<&str>,
    (begun, window): (Instant, Duration),
    cx: &Context,
    looks: Looks<impl Fn() -> Result<A, Gap> + Sync, impl Fn(Option<A>) -> Result<T, Gap> + Sync>,
    own: impl FnOnce() -> R,
) -> (R, Option<Elsewhere<T>>) {
    let Some(asked) = asked else { return (own(), None) };
    std::thread::scope(|scope| {
        let look = || cx.helping(|| look(asked, (begun, window), cx, &looks));
        let helper = Builder::new().name("elsewhere".to_owned()).spawn_scoped(scope, look);
        let done = own();
        let seen = match helper.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(seen)) => seen,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(Gap::io("start a thread that looks into other network namespaces", &error)),
        };
        let nothing = |gap| Elsewhere { seen: Vec::new(), left_out: 0, gaps: vec![gap] };
        (done, Some(seen.unwrap_or_else(nothing)))
    })
}

/// Looks once into the namespace that is `asked` for, of the busiest the first, with a thread that stays there until the look is over.
/// Gives what could not be seen beside it, too.
pub fn look_into<T: Send>(
    asked: &str,
    window: Duration,
    cx: &Context,
    look: impl Fn() -> Result<T, Gap> + Sync,
) -> Result<(There<T>, Vec<Gap>), Gap> {
    let found: Arc<Result<Places, Gap>> = cx.agree(|| Places::find(window, cx));
    let Chosen { mut places, mut gaps, .. } = found.as_ref().as_ref().map_err(Gap::clone)?.choose(asked);
    if asked == "busiest" {
        places.truncate(1);
        // That others were busy, too, is no gap of a look into one.
        gaps.retain(|gap| gap.reason != Reason::Failed);
    }
    if let [one, other, ..] = &places[..] {
        let why = format!(
            "{} are called so, {} ({}) and {} ({}) among them",
            places.len(),
            one.label,
            one.number,
            other.label,
            other.number
        );
        let gap = Gap::new(Reason::Malformed, "look into another network namespace", why);
        return Err(gap.to_fix("name one by its number"));
    }
    let mut trouble = Trouble { gaps, all: places.len(), ..Trouble::default() };
    let places = places.into_iter().map(|place| (place, ())).collect();
    // It is the only one: there is no time that it could take from others.
    let until = Instant::now() + LAST_ROUND;
    let looked = round(places, until, cx, &mut trouble, |()| look())?.into_iter().next();
    let mut gaps = trouble.gaps();
    match looked {
        Some((place, seen)) => Ok((place.told(0.0, seen), gaps)),
        None => {
            // What nobody was shown may be there.
            let denied = gaps.iter().rposition(|gap| gap.reason == Reason::Denied);
            let nothing = || Gap::new(Reason::Absent, "look into another network namespace", "there is none");
            Err(denied.map(|at| gaps.swap_remove(at)).or_else(|| gaps.pop()).unwrap_or_else(nothing))
        }
    }
}

fn look<A: Send, T: Send>(
    asked: &str,
    (begun, window): (Instant, Duration),
    cx: &Context,
    looks: &Looks<impl Fn() -> Result<A, Gap> + Sync, impl Fn(Option<A>) -> Result<T, Gap> + Sync>,
) -> Result<Elsewhere<T>, Gap> {
    let found: Arc<Result<Places, Gap>> = cx.agree(|| Places::find(window, cx));
    let known = found.as_ref().as_ref().map_err(Gap::clone)?;
    let Chosen { places, left_out, gaps } = known.choose(asked);
    let chosen: Vec<u64> = places.iter().map(|place| place.number).collect();
    let mut trouble = Trouble { gaps, all: places.len(), ..Trouble::default() };
    let places: Vec<(Place, ())> = places.into_iter().map(|place| (place, ())).collect();
    let waiting: Vec<(Place, Option<(Instant, A)>)> = if window.is_zero() {
        places.into_iter().map(|(place, ())| (place, None)).collect()
    } else {
        let until = Instant::now() + FIRST_ROUND.min(window / 3);
        let waiting = round(places, until, cx, &mut trouble, |()| Ok(Some((Instant::now(), (looks.first)()?))))?;
        cx.sleep_until(begun + window);
        waiting
    };
    let until = Instant::now() + LAST_ROUND;
    let looked = round(waiting, until, cx, &mut trouble, |first| {
        let seconds = first.as_ref().map_or(0.0, |(at, _)| at.elapsed().as_secs_f64());
        Ok((seconds, (looks.last)(first.map(|(_, first)| first))?))
    })?;
    let seen = looked.into_iter().map(|(place, (seconds, seen))| place.told(seconds, seen));
    // Who named some asked for no others.
    if ["busiest", "all"].contains(&asked)
        && let Some(gap) = known.missed(&chosen, cx)
    {
        trouble.add(gap);
    }
    Ok(Elsewhere { seen: seen.collect(), left_out, gaps: trouble.gaps() })
}

impl Place {
    /// What was seen there.
    fn told<T>(self, seconds: f64, seen: T) -> There<T> {
        let pid = self.way.pids.first().copied();
        There { number: self.number, label: self.label, pid, ends: self.ends, seconds, seen }
    }
}

/// What hindered the looks.
#[derive(Debug, Default)]
struct Trouble {
    gaps: Vec<Gap>,
    /// How many are to be looked into.
    all: usize,
    denied: u64,
    not_reached: u64,
    ended: u64,
}

/// Enters one place after the other, by their order, and looks there, with what was seen before.
fn round<P: Send, T: Send>(
    places: Vec<(Place, P)>,
    until: Instant,
    cx: &Context,
    trouble: &mut Trouble,
    look: impl Fn(P) -> Result<T, Gap> + Sync,
) -> Result<Vec<(Place, T)>, Gap> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let visit = |visitor: &mut Visitor, trouble: &mut Trouble| {
        let mut seen = Vec::new();
        let all = places.len();
        for (at, (place, before)) in places.into_iter().enumerate() {
            if is_over(until, at) {
                trouble.not_reached += (all - at) as u64;
                break;
            }
            cx.throttle();
            match place.way.open().and_then(|namespace| visitor.enter(&namespace)) {
                Ok(()) => match look(before) {
                    Ok(looked) => seen.push((place, looked)),
                    Err(gap) => trouble.add(gap),
                },
                Err(error) => trouble.note(&error),
            }
        }
        seen
    };
    Visitor::on_thread_of_its_own(|visitor| cx.helping(|| visit(visitor, trouble)))
        .map_err(|error| Gap::io("start a thread that enters network namespaces", &error))
}

impl Trouble {
    fn add(&mut self, gap: Gap) {
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    fn note(&mut self, error: &io::Error) {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EPERM | Errno::EACCES) => self.denied += 1,
            Some(Errno::ENOENT | Errno::ESRCH) => self.ended += 1,
            None if error.kind() == io::ErrorKind::NotFound => self.ended += 1,
            _ => self.add(Gap::io("enter a network namespace (setns)", error)),
        }
    }

    fn gaps(mut self) -> Vec<Gap> {
        let all = units::count(self.all as f64);
        if self.denied > 0 {
            let tried = format!("enter {} of {all} network namespaces (setns)", units::count(self.denied as f64));
            // No binary is given that right: it is as much as root's.
            self.add(Gap::new(Reason::Denied, tried, "it needs CAP_SYS_ADMIN").to_fix(advice::AS_ROOT));
        }
        if self.not_reached > 0 {
            let tried =
                format!("look into {} of {all} network namespaces twice", units::count(self.not_reached as f64));
            let why = "the time for it was over; those with most traffic come first";
            self.add(Gap::new(Reason::TimedOut, tried, why).to_fix("name one by the parameter `namespaces`"));
        }
        if self.ended > 0 {
            let tried = format!("look into {} of {all} network namespaces", units::count(self.ended as f64));
            self.add(Gap::new(Reason::Absent, tried, "they ended within the window"));
        }
        self.gaps
    }
}
