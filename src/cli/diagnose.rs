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
        let choice = shelf.choose(&complaint, None);
        let mut out = Vec::new();
        said(&choice).iter().try_for_each(|line| writeln!(out, "{}", printable(line)))?;
        if !choice.picked.is_empty() && choice.picked.len() < shelf.members.len() {
            writeln!(out, "A look of a second or two at what else there is may add to them.\n")?;
        }
        let (runbook, params) = shelf.composed(choice, &given, arguments.timeout)?;
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
        if !arguments.quiet {
            said(&choice).iter().for_each(|line| say(format_args!("casebook: {line}")));
        }
        let (runbook, params) = shelf.composed(choice, &given, arguments.timeout)?;
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
    store.keep(&file);
    map.and(written)?;
    Ok(file.case.verdict.exit_status())
}

/// What is said while it goes on: what is run, and what is not.
fn said(choice: &Choice) -> Vec<String> {
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
                let own =
                    name.strip_prefix(member.runbook.name.as_str()).and_then(|rest| rest.strip_prefix(['.', '_']));
                let under = name.strip_prefix(&format!("{}_", member.runbook.name.replace('-', "_")));
                [Some(name.as_str()), own, under]
                    .into_iter()
                    .flatten()
                    .any(|name| member.runbook.params.contains_key(name))
            });
            if !known {
                let why = format!("no runbook has a parameter `{name}`; `casebook show RUNBOOK` lists them");
                return Err(Usage(why));
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

    /// The picked runbooks as one, and its parameters.
    fn composed(
        &self,
        choice: Choice,
        given: &Map<String, Value>,
        timeout: Option<Span>,
    ) -> Result<(Runbook, Map<String, Value>), Usage> {
        let member = |name: &str| self.members.iter().find(|member| member.runbook.name == name);
        let picked: Vec<&Member> = choice.picked.iter().filter_map(|picked| member(&picked.runbook)).collect();
        let runbooks: Vec<&Runbook> = picked.iter().map(|member| &member.runbook).collect();
        let (mut runbook, names) = runbook::compose(&runbooks, choice)
            .map_err(|problems| Usage(format!("{COMPOSED}: {}", problems.render(super::screen::stderr_color()))))?;
        if let Some(timeout) = timeout {
            for step in &mut runbook.steps {
                step.timeout_seconds.get_or_insert(timeout.0.as_secs_f64());
            }
        }
        Ok((runbook, params(&picked, &names, given)))
    }
}

/// The parameters of the one runbook that was made of these.
fn params(picked: &[&Member], names: &ParamNames, given: &Map<String, Value>) -> Map<String, Value> {
    let mut params = Map::new();
    for member in picked {
        for (name, value) in &member.params {
            if let Some(name) = names.get(&(member.runbook.name.clone(), name.clone())) {
                params.insert(name.clone(), value.clone());
            }
        }
    }
    // What a report advises to set again has the name that it has in the whole.
    for (name, value) in given {
        if names.values().any(|known| known == name) {
            params.insert(name.clone(), value.clone());
        }
    }
    params
}
