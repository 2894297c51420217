//! `casebook diagnose`: from a complaint to the runbooks that it is for, and these as one.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use serde_json::{Map, Value};

use super::arguments::DiagnoseArguments;
use super::begin::Begin;
use super::confinement::Start;
use super::run::{Bounds, Chosen, How, live_chosen, say_override};
use super::{Usage, given, output, plan, say};
use crate::case::{Choice, Evidence, FirstLook, Left, Picked};
use crate::config::Config;
use crate::engine::{self, Observer, ResolvedParams, Suspicion};
use crate::printable::printable;
use crate::runbook::{self, COMPOSED, Kind, Listed, ParamNames, Runbook};
use crate::sys::trust::Trust;
use crate::units::Span;

/// The longest first look. It takes no more than a fifth of the window.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// The shortest: what a second shows in bursts, less may miss.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);
/// The window where no runbook says how long it watches.
const WINDOW: Duration = Duration::from_secs(10);
/// How it begins why a runbook that was picked is left out.
const NO_PART: &str = "it cannot be part of the whole: ";
/// Characters of a complaint that are kept.
const LONGEST_COMPLAINT: usize = 2000;

pub(super) fn diagnose(arguments: &DiagnoseArguments, start: Start) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let complaint = arguments.complaint.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let complaint: String = complaint.chars().take(LONGEST_COMPLAINT).collect();
    let flags = [(given::INTERFACE, arguments.watch.interface.clone()), ("window", arguments.window.clone())];
    let given = given::params(&arguments.set, flags)?;
    let shelf = Shelf::find(arguments.scripts.trusting(), &arguments.config, &given)?;
    for member in &shelf.members {
        given::refuse_bare_rates(&member.params, &member.runbook.params)?;
        start.surroundings.refuse(&member.params, &member.runbook.params)?;
    }
    if arguments.plan {
        let (runbook, params) = shelf.composed(shelf.choose(&complaint, None), &given, arguments.timeout)?;
        let mut out = Vec::new();
        said(&runbook).iter().try_for_each(|line| writeln!(out, "{}", printable(line)))?;
        let picked = runbook.choice.as_ref().map_or(0, |choice| choice.picked.len());
        if picked > 0 && picked < shelf.members.len() {
            writeln!(out, "A look of a second or two at what else there is may add to them.\n")?;
        }
        return plan::show(&runbook, &params, &arguments.allow.rights(), out);
    }
    let Start { threads, mut store, clock, vantage, .. } = start;
    let bounds = Bounds {
        limits: arguments.scripts.limits(),
        resources: arguments.resources.limits(),
        rights: arguments.allow.rights(),
    };
    let how = How { quiet: arguments.quiet, begin: arguments.begin.map(Begin::moment).transpose()?, clock, vantage };
    let choose = |observer: &engine::Live| {
        let looked = shelf.look(&complaint, observer)?;
        let choice = shelf.choose(&complaint, looked.as_ref());
        let (runbook, params) = shelf.composed(choice, &given, arguments.timeout)?;
        if !arguments.quiet {
            said(&runbook).iter().for_each(|line| say(format_args!("casebook: {line}")));
        }
        Ok(Chosen {
            runbook: Cow::Owned(runbook),
            params,
            looked: looked.map(|looked| looked.evidence).unwrap_or_default(),
        })
    };
    let case = live_chosen(choose, bounds, how, threads, &mut store)?;
    let (file, map) = sinks.leaving(case)?;
    let written = sinks.write(&file);
    // What could not be written where it was wanted is all the more worth keeping.
    let status = file.case.verdict.exit_status();
    store.keep(file);
    map.and(written)?;
    Ok(status)
}

/// What is said while it goes on: what is run, and what is not.
fn said(runbook: &Runbook) -> Vec<String> {
    let Some(choice) = &runbook.choice else { return Vec::new() };
    let picked: Vec<&str> = choice.picked.iter().map(|picked| picked.runbook.as_str()).collect();
    let left: Vec<&str> = choice.left.iter().map(|left| left.runbook.as_str()).collect();
    let mut said = Vec::new();
    if choice.unknown {
        said.push("no runbook knows a word of the complaint: everything is looked at".to_owned());
    }
    said.push(format!("looks at {}", picked.join(", ")));
    if !left.is_empty() {
        said.push(format!("not at {}", left.join(", ")));
    }
    let broken = choice.left.iter().filter(|left| left.why.starts_with(NO_PART));
    said.extend(broken.map(|left| format!("{} is left out: {}", left.runbook, left.why)));
    said
}

/// The runbooks that can be picked.
struct Shelf {
    members: Vec<Member>,
    /// Those that cannot, and why.
    unfit: Vec<Left>,
}

/// A runbook that can be picked.
struct Member {
    runbook: Runbook,
    /// Its parameters as they were given or are configured.
    params: Map<String, Value>,
    resolved: ResolvedParams,
    /// Its parameters that are set for it alone.
    apart: Vec<String>,
}

/// What the first look showed.
struct Looked {
    window: Duration,
    evidence: Vec<(String, Evidence)>,
    /// What it says of each member of the shelf.
    suspicions: Vec<Suspicion>,
}

impl Shelf {
    /// All runbooks that say what they are picked by.
    fn find(trust: Trust, config: &Config, given: &Map<String, Value>) -> Result<Self, Usage> {
        let mut shelf = Shelf { members: Vec::new(), unfit: Vec::new() };
        for Listed { found, .. } in runbook::list(Kind::Runbook, trust) {
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    shelf.unfit.push(Left { runbook: "a file that cannot be read".to_owned(), why: error.to_string() });
                    continue;
                }
            };
            let unfit = |why: &str| Left { runbook: found.name.clone(), why: why.to_owned() };
            let Ok(runbook) = runbook::load_head(&found, trust) else {
                shelf.unfit.push(unfit(&format!("it is broken: casebook lint {}", found.origin)));
                continue;
            };
            if runbook.complaints.is_empty() && runbook.suspect.is_empty() {
                shelf.unfit.push(unfit("it does not say what it is picked by"));
                continue;
            }
            if runbook.overrides_embedded {
                say_override("runbook", &runbook.name, &runbook.origin);
            }
            for check in runbook.checks().filter(|check| check.overrides_embedded) {
                say_override("check", &check.name, &check.script.origin);
            }
            let mut params = config.params(&runbook).map_err(|bad| Usage(bad.to_string()))?;
            let mut apart = Vec::new();
            for name in runbook.params.keys() {
                let own = format!("{}.{name}", runbook.name);
                params.extend(given.get(name).or(given.get(&own)).map(|value| (name.clone(), value.clone())));
                params.extend(given.get(&own).map(|value| (name.clone(), value.clone())));
                let is_configured = config.entries().any(|(key, _)| key == format!("params.{own}"));
                if given.contains_key(&own) || (is_configured && !given.contains_key(name)) {
                    apart.push(name.clone());
                }
            }
            let lacks = runbook.params.iter().find(|(name, spec)| spec.required && !params.contains_key(*name));
            if let Some((name, spec)) = lacks {
                shelf.unfit.push(unfit(&format!("it needs --set {}.{name}=...: {}", runbook.name, spec.help)));
                continue;
            }
            let resolved = engine::resolve_params(&runbook, &params)
                .map_err(|error| Usage(format!("{}: {error}", runbook.name)))?;
            shelf.members.push(Member { runbook, params, resolved, apart });
        }
        if shelf.members.is_empty() {
            return Err(Usage("there is no runbook that says what it is picked by".to_owned()));
        }
        shelf.refuse_unknown(given)?;
        Ok(shelf)
    }

    /// Refuses a parameter that no runbook has.
    fn refuse_unknown(&self, given: &Map<String, Value>) -> Result<(), Usage> {
        for name in given.keys() {
            let known = self.members.iter().any(|member| {
                let own = name.strip_prefix(member.runbook.name.as_str()).and_then(|rest| rest.strip_prefix('.'));
                [Some(name.as_str()), own, own_in_whole(&member.runbook, name)]
                    .into_iter()
                    .flatten()
                    .any(|name| member.runbook.params.contains_key(name))
            });
            if !known {
                let why = format!("no runbook has a parameter `{name}`; `casebook show RUNBOOK` lists them");
                return Err(Usage(why));
            }
            if name.ends_with(".window") {
                let why = "what is looked at by `diagnose` is looked at in one window";
                return Err(Usage(format!("{why}: `{name}` cannot be set for one runbook; --window sets it for all")));
            }
        }
        Ok(())
    }

    /// Looks, unless all runbooks are picked anyway.
    fn look(&self, complaint: &str, observer: &dyn Observer) -> Result<Option<Looked>, Usage> {
        let by_words = self.words(complaint);
        if by_words.iter().all(Vec::is_empty) || by_words.iter().all(|words| !words.is_empty()) {
            return Ok(None);
        }
        let picked = self.members.iter().zip(&by_words).filter(|(_, words)| !words.is_empty());
        let windows = picked.filter_map(|(member, _)| member.resolved.all.get("window")?.as_f64());
        let longest = windows.fold(0.0, f64::max);
        let longest = if longest > 0.0 { Duration::from_secs_f64(longest) } else { WINDOW };
        let window = (longest / 5).clamp(SHORTEST_LOOK, LONGEST_LOOK);
        let runbooks: Vec<_> = self.members.iter().map(|member| (&member.runbook, &member.resolved)).collect();
        let looked = engine::first_look(&runbooks, window, observer).map_err(|error| Usage(error.to_string()));
        looked.map(|(evidence, suspicions)| Some(Looked { window, evidence, suspicions }))
    }

    /// The words of the complaint that each runbook knows.
    fn words(&self, complaint: &str) -> Vec<Vec<String>> {
        let of = |member: &Member| {
            let known = runbook::matching(complaint, &member.runbook.complaints);
            known.into_iter().map(str::to_owned).collect()
        };
        self.members.iter().map(of).collect()
    }

    /// Picks runbooks by the complaint's words and by what the first look showed; all of them, where no word says anything.
    fn choose(&self, complaint: &str, looked: Option<&Looked>) -> Choice {
        let by_words = self.words(complaint);
        let all = by_words.iter().all(Vec::is_empty);
        let mut choice = Choice {
            complaint: complaint.to_owned(),
            unknown: all && !complaint.is_empty(),
            picked: Vec::new(),
            left: self.unfit.clone(),
            look: looked.map(|looked| FirstLook {
                probes: looked.evidence.iter().map(|(probe, _)| probe.clone()).collect(),
                milliseconds: u64::try_from(looked.window.as_millis()).unwrap_or(u64::MAX),
            }),
        };
        for (place, (member, words)) in self.members.iter().zip(by_words).enumerate() {
            let runbook = member.runbook.name.clone();
            let suspicion = looked.and_then(|looked| looked.suspicions.get(place));
            let sign = suspicion.filter(|it| it.suspected).map(|it| it.said.clone());
            if all || !words.is_empty() || sign.is_some() {
                choice.picked.push(Picked { runbook, words, sign, apart: member.apart.clone() });
                continue;
            }
            let calm = suspicion.map(|it| it.said.as_str()).filter(|said| !said.is_empty());
            let why = calm.map_or_else(|| "no word of it".to_owned(), |said| format!("no word of it, and {said}"));
            choice.left.push(Left { runbook, why });
        }
        // What most speaks for comes first.
        choice
            .picked
            .sort_by_key(|picked| std::cmp::Reverse(picked.words.len() + 2 * usize::from(picked.sign.is_some())));
        choice
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.runbook.name == name)
    }

    /// The picked runbooks as one, without those that cannot be part of it: these are left, and why.
    fn whole(&self, choice: Choice) -> Result<(Runbook, ParamNames), Usage> {
        let compose = |choice: &Choice| {
            let picked = choice.picked.iter().filter_map(|picked| self.member(&picked.runbook));
            let runbooks: Vec<&Runbook> = picked.map(|member| &member.runbook).collect();
            runbook::compose(&runbooks, choice.clone())
        };
        let problems = match compose(&choice) {
            Ok(whole) => return Ok(whole),
            Err(problems) => problems,
        };
        let refused = || Usage(format!("{COMPOSED}: {}", problems.render(super::screen::stderr_color())));
        // One that does not fit does not end the diagnosis: each is added to those that do.
        let mut kept = Choice { picked: Vec::new(), ..choice.clone() };
        let mut whole = None;
        for picked in choice.picked {
            kept.picked.push(picked);
            match compose(&kept) {
                Ok(composed) => whole = Some(composed),
                Err(problems) => {
                    let why = problems.problems.first().map_or("", |problem| problem.message.as_str());
                    let left = kept.picked.pop();
                    kept.left.extend(left.map(|left| Left { runbook: left.runbook, why: format!("{NO_PART}{why}") }));
                }
            }
        }
        let (mut runbook, names) = whole.ok_or_else(refused)?;
        runbook.choice = Some(kept);
        Ok((runbook, names))
    }

    /// The picked runbooks as one, and its parameters.
    fn composed(
        &self,
        choice: Choice,
        given: &Map<String, Value>,
        timeout: Option<Span>,
    ) -> Result<(Runbook, Map<String, Value>), Usage> {
        let (mut runbook, names) = self.whole(choice)?;
        let picked = runbook.choice.iter().flat_map(|choice| &choice.picked);
        let picked: Vec<&Member> = picked.filter_map(|picked| self.member(&picked.runbook)).collect();
        refuse_unheard(&picked, &names, given)?;
        if let Some(timeout) = timeout {
            for step in &mut runbook.steps {
                step.timeout_seconds.get_or_insert(timeout.0.as_secs_f64());
            }
        }
        Ok((runbook, params(&picked, &names, given)))
    }
}

/// The parameter of a runbook that is meant by a name that it may have in the whole: `timeouts_port`.
fn own_in_whole<'n>(runbook: &Runbook, name: &'n str) -> Option<&'n str> {
    name.strip_prefix(&format!("{}_", runbook.name.replace('-', "_")))
}

/// Refuses a name that no parameter has in the whole, though a runbook that is part of it has one that reads so.
fn refuse_unheard(picked: &[&Member], names: &ParamNames, given: &Map<String, Value>) -> Result<(), Usage> {
    let is_known = |name: &str| {
        names.values().any(|known| known == name)
            || picked.iter().any(|member| member.runbook.params.contains_key(name))
    };
    for name in given.keys().filter(|name| !is_known(name)) {
        for runbook in picked.iter().map(|member| &member.runbook) {
            let own = own_in_whole(runbook, name).filter(|own| runbook.params.contains_key(*own));
            if let Some(own) = own {
                let why = format!("nothing here is called `{name}`: set `{}.{own}`", runbook.name);
                return Err(Usage(why));
            }
        }
    }
    Ok(())
}

/// The parameters of the one runbook that was made of these. All watch as long as the one that watches longest.
fn params(picked: &[&Member], names: &ParamNames, given: &Map<String, Value>) -> Map<String, Value> {
    let mut params = Map::new();
    for member in picked {
        for (name, value) in &member.params {
            if let Some(name) = names.get(&(member.runbook.name.clone(), name.clone())) {
                params.insert(name.clone(), value.clone());
            }
        }
    }
    if params.contains_key("window") {
        let seconds = |member: &&&Member| member.resolved.all.get("window").and_then(Value::as_f64);
        let longest = picked.iter().filter_map(|member| Some((seconds(&member)?, member)));
        let longest = longest.max_by(|(one, _), (other, _)| one.total_cmp(other));
        params.extend(longest.map(|(seconds, _)| ("window".to_owned(), Value::from(seconds))));
    }
    // What a report advises to set again has the name that it has in the whole.
    for (name, value) in given {
        if names.values().any(|known| known == name) {
            params.insert(name.clone(), value.clone());
        }
    }
    params
}
