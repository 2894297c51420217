//! The runbooks that a complaint or what was pasted is held against, and those that are picked as one.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Usage;
use super::run::say_override;
use crate::case::{Choice, Evidence, FirstLook, Left, Picked};
use crate::config::Config;
use crate::engine::{self, Observer, ResolvedParams, Suspicion};
use crate::redact;
use crate::runbook::{self, COMPOSED, Kind, Listed, ParamNames, Runbook};
use crate::sys::trust::Trust;
use crate::tool_output::ToolOutput;
use crate::units::Span;

/// The runbook that outputs of tools are judged by where they show the network, and where they show nothing that another is for.
pub(super) const USUAL: &str = "high-inbound-traffic";
/// The one that judges what is sent.
const OUTBOUND: &str = "high-outbound-traffic";
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

/// A complaint in one line, as long as is kept of it.
pub(super) fn complaint(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_COMPLAINT).collect()
}

/// What is said while it goes on: what is run, and what is not.
pub(super) fn said(choice: &Choice) -> Vec<String> {
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
pub(super) struct Shelf {
    pub members: Vec<Member>,
    /// Those that cannot, and why.
    unfit: Vec<Left>,
}

/// A runbook that can be picked.
pub(super) struct Member {
    pub runbook: Runbook,
    /// Its parameters as they were given or are configured.
    pub params: Map<String, Value>,
    resolved: ResolvedParams,
    /// Its parameters that are set for it alone.
    apart: Vec<String>,
}

/// What the first look showed.
pub(super) struct Looked {
    window: Duration,
    pub evidence: Vec<(String, Evidence)>,
    /// What it says of each member of the shelf.
    suspicions: Vec<Suspicion>,
}

impl Shelf {
    /// All runbooks that say what they are picked by.
    pub(super) fn find(trust: Trust, config: &Config, given: &Map<String, Value>) -> Result<Self, Usage> {
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
                let why = "several runbooks are judged by one window";
                return Err(Usage(format!(
                    "{why}: `{name}` cannot be set for one of them; `--set window=...` sets it for all"
                )));
            }
        }
        Ok(())
    }

    /// Looks, unless all runbooks are picked anyway.
    pub(super) fn look(&self, complaint: &str, observer: &dyn Observer) -> Result<Option<Looked>, Usage> {
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
    pub(super) fn choose(&self, complaint: &str, looked: Option<&Looked>) -> Choice {
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
        choice.picked.sort_by_key(weight);
        choice
    }

    /// Picks by what outputs of tools show, by the words of a complaint, and the usual one where they show the network. Where they show
    /// no trouble, the words between the outputs pick, and then those runbooks that what they show is the business of. None where only
    /// the usual one is left.
    pub(super) fn choose_for(&self, complaint: &str, read: &ToolOutput) -> Result<Option<Choice>, Usage> {
        let runbooks: Vec<_> = self.members.iter().map(|member| (&member.runbook, &member.resolved)).collect();
        let mut shown = engine::shown(&runbooks, read).map_err(|error| Usage(error.to_string()))?;
        let of_network = read.shows_network();
        // The usual one judges traffic in both directions and what the kernel counts of it: others add what is theirs, and what is no
        // trouble to the usual one. Where next to nothing comes in beside what is sent, that is what it is about.
        let usual = |member: &Member| member.runbook.name == USUAL;
        let suspected = self.members.iter().zip(&shown).any(|(member, shown)| usual(member) && shown.sign.is_some());
        let sends = read.sends_most();
        for (member, shown) in self.members.iter().zip(&mut shown).filter(|(_, shown)| shown.of_network) {
            let its_own = usual(member) || !suspected || sends && member.runbook.name == OUTBOUND;
            shown.sign = shown.sign.take().filter(|_| its_own);
        }
        let mut words = self.words(&format!("{complaint} {}", read.about()));
        let signs = shown.iter().any(|shown| shown.sign.is_some());
        let mut by_prose = false;
        if !signs && !of_network && words.iter().all(Vec::is_empty) {
            words = self.words(&read.prose());
            // Of what people write beside what they paste, what they write most of.
            let most = words.iter().map(Vec::len).max().unwrap_or_default();
            words.iter_mut().filter(|words| words.len() < most).for_each(Vec::clear);
            by_prose = true;
        }
        let nothing = !signs && !of_network && words.iter().all(Vec::is_empty);
        // Those first of which they show all that is told where nothing is suspected.
        let whole = shown.iter().any(|shown| shown.calm.as_ref().is_some_and(|calm| !calm.is_empty()));
        // Beside words of which nobody knows whether they complain, what they show is told all the same.
        let is_shown = |calm: &String| (nothing || by_prose && whole) && !(whole && calm.is_empty());
        let mut choice = Choice { complaint: complaint.to_owned(), left: self.unfit.clone(), ..Choice::default() };
        for ((member, words), shown) in self.members.iter().zip(words).zip(shown) {
            let runbook = member.runbook.name.clone();
            let network = (of_network && runbook == USUAL).then(|| "outputs of the network were read".to_owned());
            let sign = shown.sign.or(network).or(shown.calm.clone().filter(is_shown));
            if words.is_empty() && sign.is_none() {
                choice.left.push(Left { runbook, why: shown.unseen.or(shown.calm).unwrap_or_default() });
                continue;
            }
            // It is said before the case is made, and what was pasted may hold a secret.
            let sign = sign.filter(|sign| !sign.is_empty()).map(redact::text);
            choice.picked.push(Picked { runbook, words, sign, apart: member.apart.clone() });
        }
        choice.picked.sort_by_key(weight);
        let usual = choice.picked.iter().all(|picked| picked.runbook == USUAL);
        Ok((!usual).then_some(choice))
    }

    /// What outputs of tools are judged by, and its parameters. One runbook that was picked alone is itself, as `load` finds it.
    pub(super) fn for_outputs(
        &self,
        choice: Option<Choice>,
        given: &Map<String, Value>,
        load: impl FnOnce(&str) -> Result<Runbook, Usage>,
    ) -> Result<(Runbook, Map<String, Value>), Usage> {
        match choice {
            Some(choice) if choice.picked.len() > 1 => self.composed(choice, given, None),
            choice => {
                let name = choice.as_ref().and_then(|choice| choice.picked.first()).map_or(USUAL, |it| &it.runbook);
                let mut loaded = load(name)?;
                // A parameter that another runbook has is none of this one.
                let known = |name: &str| loaded.params.contains_key(name);
                let own = |key: &String| {
                    let rest = key.strip_prefix(loaded.name.as_str()).and_then(|rest| rest.strip_prefix('.'));
                    rest.unwrap_or(key).to_owned()
                };
                // What is set for this runbook goes before what is set for all.
                let (all, its_own): (Vec<_>, Vec<_>) = given.iter().partition(|(key, _)| own(key) == **key);
                let params = all.into_iter().chain(its_own).map(|(key, value)| (own(key), value.clone()));
                let params: Map<String, Value> = params.collect();
                if let Some(unheard) = params.keys().find(|name| !known(name)) {
                    let why = format!("the outputs are judged by {name}, which has no parameter `{unheard}`");
                    return Err(Usage(format!("{why}; --runbook names another")));
                }
                loaded.choice = choice;
                Ok((loaded, params))
            }
        }
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
    pub(super) fn composed(
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

/// What most speaks for comes first.
fn weight(picked: &Picked) -> std::cmp::Reverse<usize> {
    std::cmp::Reverse(picked.words.len() + 2 * usize::from(picked.sign.is_some()))
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
