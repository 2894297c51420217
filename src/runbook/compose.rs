//! Several runbooks as one: what they look at alike is looked at once, and each name stands for one thing.
//!
//! The result is a runbook like any other, with a text that needs no file, so that whoever runs, keeps, judges again or compares it
//! needs to know nothing of this. Names stay as they are where no two runbooks mean different things by one; else the later one's
//! begin with its runbook's name.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};
use serde_yaml::Spanned;

use super::check::{self, NoCheck};
use super::document::{AlsoDocument, CauseDocument, Document, OutcomeDocument, ParamDocument, StepDocument, Text};
use super::library::Kind;
use super::load;
use super::model::{Check, Runbook};
use super::params::ParamSpec;
use super::parts;
use super::problem::{Problem, Problems, SourceFile};
use super::rename::{Names, change};
use super::yaml::{self, Depth};
use crate::bounded_json;
use crate::case::{Choice, FirstLook, Verdict};
use crate::probe;
use crate::script::{Care, Condition, Expression, Template};
use crate::sys::trust::Trust;
use crate::units::{self, Span};

/// The name of a runbook that was made of several.
pub const COMPOSED: &str = "diagnose";
/// What each parameter of a runbook is called in the whole, by the runbook's name and its own.
pub type ParamNames = HashMap<(String, String), String>;

/// The parameter that all probes share: of several runbooks the longest window is taken.
const WINDOW: &str = "window";
/// Parameters that have flags of their own, and keep their names.
const PLAIN: [&str; 2] = [WINDOW, "interface"];
/// The parameter by which a runbook is told whether the complaint has a word of it: one that is run for what was seen, or because
/// all are, was not asked for.
const ASKED: &str = "asked";
/// The largest that a runbook may be that was made of several, in bytes: a case's is read to this size.
const LARGEST: usize = 1024 * 1024;

/// Makes one runbook of several, for what was chosen: `members` are those that were picked, in that order. Also: what each
/// parameter of a member is called in it, by the member's name and its own.
pub fn compose(members: &[&Runbook], choice: Choice) -> Result<(Runbook, ParamNames), Problems> {
    let mut whole = Composer::default();
    // What the first look saw has names of its own.
    whole.taken.extend(choice.look.iter().flat_map(|look| &look.probes).map(|probe| look_id(probe)));
    let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
    for member in members {
        let mut document = document_of(member)?;
        let picked = choice.picked.iter().find(|picked| picked.runbook == member.name);
        let mut apart = picked.map(|picked| picked.apart.clone()).unwrap_or_default();
        if let Some(asked) = document.params.iter_mut().find(|(name, _)| name.value == ASKED).map(|(_, param)| param) {
            let speaks = picked.is_none_or(|picked| !picked.words.is_empty());
            asked.default =
                Some(Spanned::new(json!(speaks), serde_yaml::Location::UNKNOWN, serde_yaml::Location::UNKNOWN));
            apart.push(ASKED.to_owned());
        }
        whole.add(member, document, &apart, &names);
    }
    let (document, params) = whole.end(&names, choice.look.as_ref());
    let ships = members.iter().all(|member| member.ships);
    let checks: Vec<Arc<Check>> = members.iter().flat_map(|member| member.checks()).cloned().collect();
    let find = |name: &str| {
        let mut named = checks.iter().filter(|check| check.name == name);
        match (named.next(), named.next()) {
            (Some(one), other) if other.is_none_or(|other| other.script.text == one.script.text) => Ok(Arc::clone(one)),
            (Some(_), _) => {
                Err(NoCheck { message: format!("two of the runbooks mean different checks by `{name}`"), help: None })
            }
            (None, _) => load::by_name(name, None, Trust::Required),
        }
    };
    let wrong = |why: String| Problems {
        origin: COMPOSED.to_owned(),
        text: String::new(),
        problems: vec![Problem::new(None, format!("{} cannot be run as one: {why}", names.join(", ")))],
    };
    // JSON is YAML, and is written in a fifth of the time.
    let text = bounded_json::in_lines(&document).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
    if text.len() > LARGEST {
        let size = units::bytes(text.len() as f64);
        return Err(wrong(format!(
            "together they have {size}, more than a case keeps; name fewer things in the complaint"
        )));
    }
    let file = SourceFile::new(COMPOSED, &text);
    let runbook = match ships {
        true => check::document(file, document, Depth::Form, &find)?,
        false => {
            let nowhere = |_: &str| Err("a runbook that was made of several includes nothing".to_owned());
            check::runbook(file, Depth::Whole, &find, &nowhere)?
        }
    };
    Ok((Runbook { ships, choice: Some(choice), ..runbook }, params))
}

/// The document of a runbook that was checked, with all that it includes.
fn document_of(runbook: &Runbook) -> Result<Document, Problems> {
    if runbook.ships {
        let path = Path::new(Kind::Runbook.folder()).join(&runbook.name).join(format!("{}.yaml", runbook.name));
        if let Some(document) = yaml::carried(&path.to_string_lossy(), Depth::Form) {
            return Ok(document);
        }
    }
    serde_yaml::from_str(runbook.text()).map_err(|error| Problems {
        origin: runbook.origin.clone(),
        text: runbook.text().to_owned(),
        problems: vec![Problem::new(None, format!("it cannot be read again: {error}"))],
    })
}

/// A text that stands nowhere.
fn text(value: impl Into<String>) -> Text {
    Spanned::new(value.into(), serde_yaml::Location::UNKNOWN, serde_yaml::Location::UNKNOWN)
}

/// What was made one so far.
#[derive(Default)]
struct Composer {
    document: Option<Document>,
    /// Every name that stands for something.
    taken: HashSet<String>,
    /// What each shared thing is called, by its content: a list, a value, a fact.
    known: HashMap<String, String>,
    /// What a parameter is called, by its name and declaration.
    declared: HashMap<String, String>,
    /// What the parameters of each runbook are called.
    params: ParamNames,
    /// The causes, with the names of their runbook and what it is called.
    causes: Vec<(Vec<CauseDocument>, Names, String)>,
    /// Where the causes of each id are that a runbook gave, in `causes`.
    meant: HashMap<String, Vec<(usize, usize)>>,
    /// When each list of outcomes is judged, of each step: that of `outcomes` first.
    judged: HashMap<String, Vec<Judged>>,
    clears: Vec<String>,
}

/// When a list of outcomes is judged, as the step says that it is from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Judged {
    when: Option<String>,
    live_only: bool,
    skip_message: Option<String>,
}

impl Composer {
    /// A name that stands for nothing yet: the plain one, or one with the runbook's name before it.
    fn free(&mut self, name: &str, prefix: &str) -> String {
        let with = std::iter::once(name.to_owned()).chain(std::iter::once(format!("{prefix}_{name}")));
        let mut free =
            with.chain((2..).map(|n| format!("{prefix}_{name}_{n}"))).filter(|name| !self.taken.contains(name));
        let free = free.next().unwrap_or_else(|| name.to_owned());
        self.taken.insert(free.clone());
        free
    }

    fn add(&mut self, member: &Runbook, mut from: Document, apart: &[String], picked: &[&str]) {
        let prefix = member.name.replace('-', "_");
        let mut whole = self.document.take().unwrap_or_else(empty);
        let mut names = Names::default();
        for (key, param) in std::mem::take(&mut from.params) {
            let name = self.param(&mut whole, &member.params, &prefix, &key, param, apart.contains(&key.value));
            self.params.insert((member.name.clone(), key.value.clone()), name.clone());
            names.params.insert(key.value, name);
        }
        for (key, mut list) in std::mem::take(&mut from.data) {
            if let Ok(rows) = parts::data(&list) {
                list.value = rows;
            }
            let content = format!("data {} {}", key.value, list.value);
            let name = self.known.get(&content).cloned().unwrap_or_else(|| {
                let name = self.free(&key.value, &prefix);
                self.known.insert(content, name.clone());
                whole.data.insert(text(name.clone()), list);
                name
            });
            names.called(key.value, name);
        }
        let live_when = from.live_when.take().map(|live| names.condition(&live.value));
        if whole.live_when.is_none() {
            whole.live_when = live_when.clone().map(text);
        }
        // A host is looked at now: where runbooks say that in different ways, the first one's is kept.
        let is_same = whole.live_when.as_ref().map(|live| &live.value) == live_when.as_ref();
        self.parts(&mut whole, &mut from, &mut names, &prefix, is_same);
        for headline in from.headlines.iter().take(1) {
            whole.headlines.push(text(names.template(&headline.value)));
        }
        let clear = from.all_clear.or(from.calm).map(|clear| names.template(&clear.value));
        self.clears.extend(clear);
        let mut causes = from.causes;
        causes.retain(|cause| !cause.left_to.as_ref().is_some_and(|to| picked.contains(&to.value.as_str())));
        for cause in &mut causes {
            cause.live_only &= is_same;
            cause.remedies.retain(|remedy| !remedy.run.as_ref().is_some_and(|run| only_runs(&run.value, picked)));
        }
        self.tell_apart(&mut causes, &member.name);
        self.causes.push((causes, names, member.name.clone()));
        self.document = Some(whole);
    }

    /// Gives causes another id by which one before means something else: each is judged by its own signs, and told by its own name.
    fn tell_apart(&mut self, causes: &mut [CauseDocument], runbook: &str) {
        let group = self.causes.len();
        for (place, cause) in causes.iter_mut().enumerate() {
            let written = cause.id.value.clone();
            let known = self.meant.get(&written).into_iter().flatten();
            let mut known = known.filter_map(|(group, place)| self.causes.get(*group)?.0.get(*place)).peekable();
            if known.peek().is_some() {
                let like = known.find(|known| alike(known, cause)).map(|known| known.id.value.clone());
                cause.id.value = like.unwrap_or_else(|| {
                    let mut other = format!("{runbook}-{written}");
                    while self.meant.contains_key(&other) {
                        other.push_str("-2");
                    }
                    other
                });
            }
            for name in BTreeSet::from([written, cause.id.value.clone()]) {
                self.meant.entry(name).or_default().push((group, place));
            }
        }
    }

    /// Adds a parameter, or finds one that is the same.
    fn param(
        &mut self,
        whole: &mut Document,
        specs: &IndexMap<String, ParamSpec>,
        prefix: &str,
        key: &Text,
        param: ParamDocument,
        apart: bool,
    ) -> String {
        let seconds = |name: &Text, specs: &IndexMap<String, ParamSpec>| {
            specs.get(&name.value).and_then(|spec| spec.default.as_ref()).and_then(Value::as_f64)
        };
        if key.value == WINDOW
            && let Some(known) = whole.params.iter_mut().find(|(name, _)| name.value == WINDOW).map(|(_, param)| param)
        {
            let longest = known.default.as_ref().and_then(|it| it.value.as_str()?.parse::<Span>().ok());
            let longer =
                longest.is_none_or(|longest| seconds(key, specs).is_some_and(|it| it > longest.0.as_secs_f64()));
            if longer && param.default.is_some() {
                known.default = param.default;
            }
            return WINDOW.to_owned();
        }
        let declared = json!([
            &key.value,
            &param.kind,
            &param.default,
            &param.min,
            &param.max,
            &param.choices,
            param.required,
            param.secret
        ]);
        let declared = if apart { format!("{prefix} {declared}") } else { declared.to_string() };
        if let Some(known) = self.declared.get(&declared) {
            return known.clone();
        }
        // A name never means one thing in one case and another in the next.
        let plain = !apart && PLAIN.contains(&key.value.as_str()) && !whole.params.contains_key(key);
        let mut name = if plain { key.value.clone() } else { format!("{prefix}_{}", key.value) };
        while whole.params.keys().any(|known| known.value == name) {
            name.push_str("_2");
        }
        self.declared.insert(declared, name.clone());
        whole.params.insert(text(name.clone()), param);
        name
    }

    /// Adds steps, values and facts, each behind those that it uses.
    fn parts(&mut self, whole: &mut Document, from: &mut Document, names: &mut Names, prefix: &str, is_same: bool) {
        let mut parts: Vec<(String, Part)> = Vec::new();
        let steps = std::mem::take(&mut from.steps).into_iter();
        parts.extend(steps.map(|step| (step.id.value.clone(), Part::Step(Box::new(step)))));
        let values = std::mem::take(&mut from.bindings).into_iter();
        parts.extend(values.map(|(key, value)| (key.value, Part::value(value.value))));
        let facts = std::mem::take(&mut from.facts).into_iter();
        parts.extend(facts.map(|(key, fact)| (key.value, Part::fact(fact.value))));
        // Steps of one runbook stay apart: it may want to look twice. Of two that could share a look, the one of the same name does.
        let ids: HashSet<String> = from_steps(&parts);
        let mut own: Vec<String> = Vec::new();
        let mut judged: Vec<(String, StepDocument)> = Vec::new();
        for place in in_order(&parts) {
            let (name, part) = (parts[place].0.clone(), std::mem::replace(&mut parts[place].1, Part::Added));
            let new = match part {
                Part::Added => continue,
                Part::Step(mut step) => {
                    step.live_only &= is_same;
                    names.with(&mut step.with);
                    change(&mut step.when, |text| names.condition(text));
                    step.needs.iter_mut().for_each(|need| need.value = names.root(&need.value).to_owned());
                    // One runbook's end is not that of the others.
                    step.stop = None;
                    let is_free = |known: &str| {
                        !own.iter().any(|taken| taken == known) && (known == name || !ids.contains(known))
                    };
                    let mut others = whole.steps.iter_mut().filter(|known| is_free(&known.id.value));
                    let shared = others.find_map(|known| shares(known, &step).then_some(known));
                    let id = match shared {
                        Some(known) => {
                            known.live_only &= step.live_only;
                            known.id.value.clone()
                        }
                        None => {
                            let id = self.free(&name, prefix);
                            // Two that look at different things under one title are told apart.
                            let title = match whole.steps.iter().any(|known| known.title == step.title) {
                                true => format!("{} ({})", step.title, from.name.value),
                                false => step.title.clone(),
                            };
                            whole.steps.push(StepDocument { id: text(id.clone()), title, ..looking(&step) });
                            id
                        }
                    };
                    own.push(id.clone());
                    judged.push((id.clone(), *step));
                    id
                }
                Part::Value(text, read) => {
                    let value = read.map_or_else(|| text.clone(), |read| names.expression_of(&text, &read));
                    self.named(&mut whole.bindings, "let", &name, value, prefix)
                }
                Part::Fact(text, read) => {
                    let fact = read.map_or_else(|| text.clone(), |read| names.condition_of(&text, &read));
                    self.named(&mut whole.facts, "fact", &name, fact, prefix)
                }
            };
            names.called(name, new);
        }
        // What a step says may use names that stand behind it.
        for (id, mut step) in judged {
            names.judging(&mut step);
            let Some(known) = whole.steps.iter_mut().find(|known| known.id.value == id) else { continue };
            let skip_message = step.skip_message.or(step.otherwise);
            let judged = Judged {
                when: step.when.map(|when| when.value),
                live_only: step.live_only,
                skip_message: skip_message.as_ref().map(|message| message.value.clone()),
            };
            let all = self.judged.entry(id).or_default();
            if known.outcomes.is_empty() && known.also.is_empty() {
                known.outcomes = step.outcomes;
                known.skip_message = skip_message;
                all.push(judged);
            } else if let Some(before) = said_already(known, &step.outcomes).and_then(|place| all.get_mut(place)) {
                before.when = either(before.when.take(), judged.when);
                before.live_only &= judged.live_only;
            } else if !step.outcomes.is_empty() {
                let title = (step.title != known.title).then_some(step.title);
                known.also.push(AlsoDocument { title, outcomes: step.outcomes });
                all.push(judged);
            }
        }
    }

    /// Adds a value or fact, or finds one that is the same.
    fn named(
        &mut self,
        to: &mut IndexMap<Text, Text>,
        kind: &str,
        name: &str,
        meaning: String,
        prefix: &str,
    ) -> String {
        let content = format!("{kind} {name} {meaning}");
        if let Some(known) = self.known.get(&content) {
            return known.clone();
        }
        let new = self.free(name, prefix);
        self.known.insert(content, new.clone());
        to.insert(text(new.clone()), text(meaning));
        new
    }

    /// The whole, with the causes of all, and the steps of the look that was taken before.
    fn end(mut self, names: &[&str], look: Option<&FirstLook>) -> (Document, ParamNames) {
        let mut whole = self.document.take().unwrap_or_else(empty);
        let mut seen: HashMap<String, Vec<usize>> = HashMap::new();
        for (causes, own, runbook) in std::mem::take(&mut self.causes) {
            for mut cause in causes {
                own.cause(&mut cause, &|name| self.taken.contains(name));
                // What a file says that both include is the same cause.
                let places = seen.entry(cause.id.value.clone()).or_default();
                let known =
                    places.iter().find(|place| whole.causes.get(**place).is_some_and(|known| same(known, &mut cause)));
                if let Some(known) = known.and_then(|place| whole.causes.get_mut(*place)) {
                    known.runbooks.push(runbook.clone());
                    continue;
                }
                places.push(whole.causes.len());
                cause.runbooks = vec![runbook.clone()];
                whole.causes.push(cause);
            }
        }
        let live_when = whole.live_when.as_ref().map(|live| live.value.clone());
        for step in &mut whole.steps {
            let judged = self.judged.remove(&step.id.value).unwrap_or_default();
            judge_apart(step, judged, live_when.as_deref());
        }
        whole.summary = format!("What {} look at, in one window and with one ranking of causes.", listed(names));
        whole.all_clear = Some(text(self.all_clear(names)));
        for probe in look.iter().flat_map(|look| &look.probes) {
            let window = look.map_or(0, |look| look.milliseconds);
            whole.steps.push(look_step(probe, window));
        }
        (whole, self.params)
    }

    /// The first sentence where no cause is likely. It is said where every figure is known that the runbooks themselves would give.
    fn all_clear(&self, names: &[&str]) -> String {
        let read = self.clears.iter().filter_map(|clear| Template::parse(clear, "").ok());
        let known: Vec<String> = read
            .flat_map(|clear| {
                clear.expressions().map(|(it, _)| format!("tostring({})", it.text.trim())).collect::<Vec<_>>()
            })
            .collect();
        let known = match known.is_empty() {
            true => String::new(),
            false => format!("{{{{ string.sub({}, 1, 0) }}}}", known.join(" .. ")),
        };
        let each = if names.len() == 1 { "finds" } else { "find" };
        format!("Nothing stands out: {} {each} no cause.{known}", listed(names))
    }
}

/// The ids of the steps among the parts.
fn from_steps(parts: &[(String, Part)]) -> HashSet<String> {
    parts.iter().filter(|(_, part)| matches!(part, Part::Step(_))).map(|(name, _)| name.clone()).collect()
}

/// What a runbook has that is put behind what it uses.
enum Part {
    Step(Box<StepDocument>),
    /// A value with what is read in its text, if it can be.
    Value(String, Option<Expression>),
    /// The same for a fact.
    Fact(String, Option<Condition>),
    Added,
}

impl Part {
    fn value(text: String) -> Self {
        let read = Expression::read(&text, "", Care::Form).ok();
        Part::Value(text, read)
    }

    fn fact(text: String) -> Self {
        let read = Condition::read(&text, "", Care::Form).ok();
        Part::Fact(text, read)
    }

    /// Says which names it needs before it is known.
    fn uses(&self, say: &mut dyn FnMut(&str)) {
        let mut of = |expression: &Expression| expression.uses().iter().for_each(|used| say(&used.name));
        match self {
            Part::Added => {}
            Part::Value(_, read) => read.iter().for_each(of),
            Part::Fact(_, read) => read.iter().flat_map(Condition::atoms).for_each(of),
            Part::Step(step) => {
                let when = step.when.as_ref().and_then(|when| Condition::read(&when.value, "", Care::Form).ok());
                when.iter().flat_map(Condition::atoms).for_each(&mut of);
                let mut open: Vec<&Value> = step.with.values().map(|value| &value.value).collect();
                while let Some(value) = open.pop() {
                    match value {
                        Value::String(text) if text.contains("{{") => {
                            let read = Template::read(text, "", Care::Form).ok();
                            read.iter().flat_map(Template::expressions).for_each(|(it, _)| of(it));
                        }
                        Value::Array(items) => open.extend(items),
                        Value::Object(fields) => open.extend(fields.values()),
                        _ => {}
                    }
                }
                step.needs.iter().for_each(|need| say(&need.value));
            }
        }
    }
}

/// The places of the parts, each behind those that it uses, else in the order in which they are written. What uses itself, which
/// no checked runbook has, comes last.
fn in_order(parts: &[(String, Part)]) -> Vec<usize> {
    let places: HashMap<&str, usize> =
        parts.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let mut open = vec![0_usize; parts.len()];
    for (place, (_, part)) in parts.iter().enumerate() {
        let mut used = BTreeSet::new();
        part.uses(&mut |name| used.extend(places.get(name).copied()));
        open[place] = used.len();
        used.into_iter().for_each(|used| users[used].push(place));
    }
    let mut ready: VecDeque<usize> = (0..parts.len()).filter(|place| open[*place] == 0).collect();
    let mut order = Vec::with_capacity(parts.len());
    while let Some(place) = ready.pop_front() {
        order.push(place);
        for user in &users[place] {
            open[*user] -= 1;
            if open[*user] == 0 {
                ready.push_back(*user);
            }
        }
    }
    order.extend((0..parts.len()).filter(|place| open[*place] > 0));
    order
}

/// Whether one look serves both steps. If so the known one is made to ask for what both want.
fn shares(known: &mut StepDocument, step: &StepDocument) -> bool {
    let name = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let needs = |step: &StepDocument| step.needs.iter().map(|need| need.value.clone()).collect::<HashSet<_>>();
    let judges_itself = step.outcomes.is_empty();
    if name(&known.probe) != name(&step.probe)
        || name(&known.check) != name(&step.check)
        || needs(known) != needs(step)
        || name(&known.timeout) != name(&step.timeout)
        || (judges_itself && (known.when.is_some() || step.when.is_some()))
    {
        return false;
    }
    let widened = name(&step.probe).and_then(|name| probe::find(&name)).map_or(&[][..], |probe| probe.widened_by());
    let Some(with) = together(&known.with, &step.with, widened) else { return false };
    known.with = with;
    known.when = either(name(&known.when), name(&step.when)).map(text);
    true
}

/// The condition that holds when one of two does; none where one always does.
fn either(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Some(format!("({one}) or ({other})")),
        (Some(one), Some(_)) => Some(one),
        _ => None,
    }
}

/// Lets each list of outcomes of a step count only when the step would have looked that it is from.
fn judge_apart(step: &mut StepDocument, judged: Vec<Judged>, live_when: Option<&str>) {
    let when = step.when.as_ref().map(|when| when.value.clone());
    let is_live = step.live_only;
    let lists = std::iter::once(&mut step.outcomes).chain(step.also.iter_mut().map(|also| &mut also.outcomes));
    for (outcomes, judged) in lists.zip(judged) {
        let live = live_when.filter(|_| judged.live_only && !is_live);
        let own = judged.when.filter(|own| when.as_ref() != Some(own));
        let condition = match (own, live) {
            (None, None) => continue,
            (Some(own), None) => own,
            (None, Some(live)) => live.to_owned(),
            (Some(own), Some(live)) => format!("({live}) and ({own})"),
        };
        let skipped = judged.skip_message.unwrap_or_else(|| "does not apply here".to_owned());
        let when = Some(text(format!("not ({condition})")));
        outcomes.insert(0, OutcomeDocument { when, skipped: Some(text(skipped)), ..nothing_said() });
    }
}

/// Whether two runbooks mean the same by a cause, as each writes it.
fn alike(known: &CauseDocument, cause: &mut CauseDocument) -> bool {
    // Both are written by the same id; one may have got another, or be for other cases.
    let (id, live_only) = (std::mem::replace(&mut cause.id, known.id.clone()), cause.live_only);
    cause.live_only = known.live_only;
    let alike = known == cause || json!(known) == json!(cause);
    (cause.id, cause.live_only) = (id, live_only);
    alike
}

/// Whether a cause is one that is known, but for the runbooks that it is of.
fn same(known: &CauseDocument, cause: &mut CauseDocument) -> bool {
    cause.runbooks.clone_from(&known.runbooks);
    known == cause || (known.title.value == cause.title.value && json!(known) == json!(cause))
}

/// The arguments of one look for two: the same but for those that only add to the result.
fn together(
    one: &IndexMap<Text, Spanned<Value>>,
    other: &IndexMap<Text, Spanned<Value>>,
    widened: &[&str],
) -> Option<IndexMap<Text, Spanned<Value>>> {
    let of = |with: &IndexMap<Text, Spanned<Value>>, name: &str| {
        with.iter().find(|(key, _)| key.value == name).map(|(_, value)| value.value.clone())
    };
    let mut all: Vec<&str> = one.keys().chain(other.keys()).map(|key| key.value.as_str()).collect();
    let mut seen = HashSet::new();
    all.retain(|name| seen.insert(*name));
    let mut with = IndexMap::new();
    for name in all {
        let value = match (of(one, name), of(other, name)) {
            (Some(one), Some(other)) if one == other => Some(one),
            _ if !widened.contains(&name) => return None,
            (Some(Value::Number(one)), Some(Value::Number(other))) => {
                Some(if one.as_f64() >= other.as_f64() { one.into() } else { other.into() })
            }
            (Some(Value::Object(mut one)), Some(Value::Object(other))) => {
                for (key, value) in other {
                    if one.get(&key).is_some_and(|known| *known != value) {
                        return None;
                    }
                    one.insert(key, value);
                }
                Some(one.into())
            }
            // Without a window of its own it watches as long as all do.
            (one, other) if name == WINDOW => one.and(other),
            (Some(value), None) | (None, Some(value)) => Some(value),
            _ => return None,
        };
        if let Some(value) = value {
            with.insert(text(name), Spanned::new(value, serde_yaml::Location::UNKNOWN, serde_yaml::Location::UNKNOWN));
        }
    }
    Some(with)
}

/// A step that looks and does not judge yet.
fn looking(step: &StepDocument) -> StepDocument {
    StepDocument {
        id: step.id.clone(),
        title: step.title.clone(),
        probe: step.probe.clone(),
        check: step.check.clone(),
        with: step.with.clone(),
        when: step.when.clone(),
        live_only: step.live_only,
        skip_message: None,
        otherwise: None,
        needs: step.needs.clone(),
        timeout: step.timeout.clone(),
        outcomes: Vec::new(),
        also: Vec::new(),
        stop: None,
    }
}

/// What that step is called.
fn look_id(probe: &str) -> String {
    format!("look_{probe}")
}

/// The step whose evidence is what a probe saw before runbooks were picked.
fn look_step(probe: &str, milliseconds: u64) -> StepDocument {
    let id = look_id(probe);
    let nothing: IndexMap<Text, Spanned<Value>> = IndexMap::new();
    let has_window = probe::find(probe).is_some_and(|probe| probe::takes(probe, WINDOW));
    let window =
        Spanned::new(json!(format!("{milliseconds}ms")), serde_yaml::Location::UNKNOWN, serde_yaml::Location::UNKNOWN);
    let with = if has_window { IndexMap::from_iter([(text(WINDOW), window)]) } else { nothing };
    let said = OutcomeDocument { ok: Some(text("looked at before the runbooks were picked")), ..nothing_said() };
    StepDocument {
        title: format!("First look: {probe}"),
        probe: Some(text(probe)),
        with,
        outcomes: vec![said],
        ..looking(&StepDocument {
            id: text(id),
            title: String::new(),
            probe: None,
            check: None,
            with: IndexMap::new(),
            when: None,
            live_only: false,
            skip_message: None,
            otherwise: None,
            needs: Vec::new(),
            timeout: None,
            outcomes: Vec::new(),
            also: Vec::new(),
            stop: None,
        })
    }
}

/// An outcome that says nothing.
fn nothing_said() -> OutcomeDocument {
    OutcomeDocument {
        when: None,
        ok: None,
        warning: None,
        critical: None,
        unknown: None,
        skipped: None,
        verdict: None::<Verdict>,
        say: None,
        remedy: None,
    }
}

/// Which of the step's lists of outcomes is this one.
fn said_already(known: &StepDocument, outcomes: &[OutcomeDocument]) -> Option<usize> {
    let mut lists = std::iter::once(&known.outcomes).chain(known.also.iter().map(|also| &also.outcomes));
    lists.position(|list| {
        let is_like = list.len() == outcomes.len();
        is_like && (list == outcomes || json!(list) == json!(outcomes))
    })
}

/// Whether commands do no more than run a runbook that is run anyway.
fn only_runs(commands: &str, picked: &[&str]) -> bool {
    commands.trim().strip_prefix("casebook run ").is_some_and(|name| picked.contains(&name.trim()))
}

/// `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn empty() -> Document {
    Document {
        name: text(COMPOSED),
        title: "Diagnosis".to_owned(),
        summary: String::new(),
        tags: Vec::new(),
        symptoms: Vec::new(),
        complaints: Vec::new(),
        suspect: Vec::new(),
        lines: IndexMap::new(),
        include: Vec::new(),
        live_when: None,
        params: IndexMap::new(),
        data: IndexMap::new(),
        bindings: IndexMap::new(),
        facts: IndexMap::new(),
        headlines: Vec::new(),
        all_clear: None,
        calm: None,
        steps: Vec::new(),
        causes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Picked;
    use crate::runbook::{Kind, embedded, inspect_found, is_shipped, load_found, load_head, load_recorded};

    fn picked(runbook: &str, words: &[&str]) -> Picked {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Picked { runbook: runbook.to_owned(), words, sign: None, apart: Vec::new() }
    }

    /// All runbooks that ship, as one.
    fn shelf() -> (Vec<Runbook>, Choice) {
        let heads: Vec<Runbook> =
            embedded(Kind::Runbook).iter().map(|found| load_head(found, Trust::Required).unwrap()).collect();
        let look = FirstLook { probes: vec!["host".to_owned(), "disk".to_owned()], milliseconds: 1000 };
        let picked = heads.iter().map(|head| picked(&head.name, &["slow"])).collect();
        (heads, Choice { picked, look: Some(look), ..Choice::default() })
    }

    #[test]
    fn all_that_ships_is_one_runbook_of_which_every_name_and_field_is_known() {
        let (heads, choice) = shelf();
        let (whole, _) = compose(&heads.iter().collect::<Vec<_>>(), choice.clone()).unwrap();
        let reference = whole.reference();
        let again = load_recorded(&reference).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        assert_eq!((again.steps.len(), again.causes.len()), (whole.steps.len(), whole.causes.len()));
        let titles: HashSet<&str> = whole.steps.iter().map(|step| step.title.as_str()).collect();
        assert_eq!(titles.len(), whole.steps.len(), "two steps have one title");
        assert!(again.text() == whole.text(), "its text is not read as it is written");
        assert!(is_shipped(&reference), "its commands are casebook's own");
        let other = crate::case::RunbookRef { text: whole.text().replacen("systemctl", "evilctl", 1), ..reference };
        assert!(!is_shipped(&other), "one that was changed is not");
    }

    #[test]
    fn what_runbooks_look_at_alike_is_looked_at_once_and_a_cause_is_there_once() {
        let (heads, choice) = shelf();
        let (whole, _) = compose(&heads.iter().collect::<Vec<_>>(), choice).unwrap();
        for probe in ["capture", "sockets", "drops", "firewall", "devices", "conntrack", "namespaces", "space"] {
            let steps: Vec<_> =
                whole.steps.iter().filter(|step| step.probe().is_some_and(|it| it.name() == probe)).collect();
            // The ports that wait for their time to end are a list of their own.
            let most = if probe == "sockets" { 2 } else { 1 };
            assert!(steps.len() <= most, "{probe} looks {} times: {steps:#?}", steps.len());
        }
        let of = |name: &str| {
            let found = embedded(Kind::Runbook).into_iter().find(|found| found.name == name).unwrap();
            load_found(&found, Trust::Required).unwrap()
        };
        let (inbound, outbound) = (of("high-inbound-traffic"), of("high-outbound-traffic"));
        let both = |id: &str| outbound.causes.iter().any(|cause| cause.id == id);
        for cause in inbound.causes.iter().filter(|cause| both(&cause.id)) {
            let in_whole: Vec<_> = whole.causes.iter().filter(|other| other.id == cause.id).collect();
            assert_eq!(in_whole.len(), 1, "{} is of one file", cause.id);
            assert_eq!(in_whole[0].runbooks.len(), 2, "{} is of two runbooks", cause.id);
        }
        assert!(!whole.causes.iter().any(|cause| cause.left_to.is_some()), "what another looks into is left to it");
    }

    #[test]
    fn one_runbook_alone_says_what_it_says_by_itself() {
        for found in embedded(Kind::Runbook) {
            let (head, alone) =
                (load_head(&found, Trust::Required).unwrap(), inspect_found(&found, Trust::Required).unwrap());
            let choice = Choice { picked: vec![picked(&head.name, &["x"])], ..Choice::default() };
            let (whole, _) = compose(&[&head], choice).unwrap();
            let ids = |runbook: &Runbook| runbook.causes.iter().map(|cause| cause.id.clone()).collect::<Vec<_>>();
            assert_eq!(ids(&whole), ids(&alone));
            assert_eq!(whole.steps.len(), alone.steps.len(), "{}: no two of its own steps become one", head.name);
            assert_eq!(whole.bindings.len(), alone.bindings.len(), "{}", head.name);
        }
    }

    #[test]
    fn a_parameter_that_is_set_for_one_runbook_is_its_own() {
        let (heads, mut choice) = shelf();
        let name = |names: &ParamNames, runbook: &str| names[&(runbook.to_owned(), "high".to_owned())].clone();
        let (inbound, outbound) = ("high-inbound-traffic", "high-outbound-traffic");
        let (_, names) = compose(&heads.iter().collect::<Vec<_>>(), choice.clone()).unwrap();
        assert_eq!(name(&names, inbound), name(&names, outbound), "both declare it in one file");
        choice.picked.iter_mut().filter(|it| it.runbook == outbound).for_each(|it| it.apart.push("high".to_owned()));
        let (whole, names) = compose(&heads.iter().collect::<Vec<_>>(), choice).unwrap();
        assert_ne!(name(&names, inbound), name(&names, outbound));
        assert!(names.values().all(|name| whole.params.contains_key(name)));
    }

    /// What the first look saw of a host is no complaint of logins.
    #[test]
    fn only_a_word_of_the_complaint_asks_for_a_runbook() {
        let (heads, mut choice) = shelf();
        let asked = |choice: &Choice| {
            let (whole, names) = compose(&heads.iter().collect::<Vec<_>>(), choice.clone()).unwrap();
            whole.params[&names[&("slow-ssh-login".to_owned(), ASKED.to_owned())]].default.clone()
        };
        assert_eq!(asked(&choice), Some(json!(true)));
        for picked in choice.picked.iter_mut().filter(|picked| picked.runbook == "slow-ssh-login") {
            (picked.words, picked.sign) = (Vec::new(), Some("a service accepts connections too slowly".to_owned()));
        }
        assert_eq!(asked(&choice), Some(json!(false)));
    }

    #[test]
    fn what_ships_means_one_thing_by_each_name_of_a_cause() {
        let (heads, choice) = shelf();
        let (whole, _) = compose(&heads.iter().collect::<Vec<_>>(), choice).unwrap();
        for cause in &whole.causes {
            let renamed = heads.iter().find(|head| cause.id.starts_with(&format!("{}-", head.name)));
            assert!(renamed.is_none(), "{}: two runbooks mean different things by it", cause.id);
        }
    }

    /// A runbook of one step, which looks when `when` holds, and one cause.
    fn small(name: &str, when: &str, sign: &str) -> Runbook {
        let text = format!(
            "name: {name}\ntitle: T\ncomplaints: [zebra]\nparams:\n  deep: {{type: boolean, default: false, help: H}}\nsteps:\n  - id: host\n    \
             title: As {name} sees it\n    probe: host\n{when}    outcomes:\n      - warning: {name} is alarmed\n  - id: look_host\n    title: Again\n    \
             probe: file\n    with: {{paths: [/etc/{name}]}}\n    outcomes:\n      - ok: fine\ncauses:\n  - id: trouble\n    name: N\n    title: {name} means this\n    \
             signs:\n      - {sign}\n"
        );
        crate::runbook::load(&text, name).unwrap_or_else(|problems| panic!("{}", problems.render(false)))
    }

    #[test]
    fn what_two_runbooks_judge_by_one_look_keeps_its_title_its_condition_and_its_causes() {
        let (one, two) = (
            small("one", "", "for: decisive when host.cpus > 0"),
            small("two", "    when: params.deep\n", "against: decisive when host.cpus > 0"),
        );
        let look = FirstLook { probes: vec!["host".to_owned()], milliseconds: 500 };
        let choice = Choice {
            picked: vec![picked("one", &["zebra"]), picked("two", &["zebra"])],
            look: Some(look),
            ..Choice::default()
        };
        let (whole, _) = compose(&[&one, &two], choice).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let ids: Vec<&str> = whole.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, ["host", "one_look_host", "two_look_host", "look_host"]);
        let host = &whole.steps[0];
        assert!(host.when.is_none() && host.outcomes.len() == 1, "the first looks always");
        let [also] = &host.also[..] else { panic!("{:#?}", host.also) };
        assert_eq!(also.title, "As two sees it");
        let first = &also.outcomes[0];
        assert_eq!((first.verdict, also.outcomes.len()), (Verdict::Skipped, 2));
        assert_eq!(first.when.as_ref().unwrap().text, "not (params.one_deep)");
        let causes: Vec<(&str, usize)> =
            whole.causes.iter().map(|cause| (cause.id.as_str(), cause.runbooks.len())).collect();
        assert_eq!(causes, [("trouble", 1), ("two-trouble", 1)]);
    }
}
