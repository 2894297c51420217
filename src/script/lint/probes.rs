//! Calls of probes: names, needs and parameters that are written out.

use std::ops::Range;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::abstract_value::{AbstractValue, Observer};
use super::header::{key_of, literal_text};
use super::walk::Walk;
use super::{Finding, suggestion};
use crate::probe::AnyProbe;
use crate::script::properties;
use crate::script::syntax::{Expression, Form, Item, ItemKey, number};
use crate::suggest::Suggestion;

impl<'w, 'a> Walk<'w, 'a> {
    pub fn observer(&self, name: &str) -> Option<&'w Observer> {
        self.observers.iter().find(|observer| observer.probe.name() == name)
    }

    pub fn unknown_probe(&mut self, name: &str, range: Range<usize>) {
        let names = self.observers.iter().map(|observer| observer.probe.name());
        let finding = Finding::error(range, format!("there is no probe `{name}`")).help(suggestion(name, names));
        self.report(finding);
    }

    /// `cx.probe(name, params)`.
    pub fn probe_call(&mut self, arguments: &[Expression<'a>]) -> AbstractValue<'w> {
        self.all(arguments);
        let Some(name) = arguments.first().and_then(literal_text) else {
            self.hides_probes = true;
            return AbstractValue::Nothing;
        };
        let range = arguments.first().map_or(0..0, |argument| argument.range.clone());
        self.asked(&name, range, arguments.get(1))
    }

    /// `cx.together { sockets = {…} }`, or a list of pairs.
    pub fn together_call(&mut self, arguments: &[Expression<'a>]) -> AbstractValue<'w> {
        self.all(arguments);
        let [Expression { form: Form::Table(items), .. }] = arguments else {
            self.hides_probes = true;
            return AbstractValue::Nothing;
        };
        let mut all = Vec::new();
        let mut is_whole = true;
        for item in items {
            let pair = match (&item.key, &item.value.form) {
                (ItemKey::Position, Form::Table(pair)) => named_in_pair(pair),
                _ => None,
            };
            let key = key_of(item);
            let known = match (&key, pair) {
                (_, Some((name, range, params))) => self.asked(&name, range, params),
                (Some((name, range)), None) => self.asked(name, range.clone(), Some(&item.value)),
                (None, None) => {
                    self.hides_probes = true;
                    is_whole = false;
                    AbstractValue::Nothing
                }
            };
            all.push((key.map(|(name, _)| name), known));
        }
        if is_whole { AbstractValue::Together(Rc::new(all)) } else { AbstractValue::Nothing }
    }

    /// A probe is asked by a name that is written out.
    fn asked(&mut self, name: &str, range: Range<usize>, params: Option<&Expression<'a>>) -> AbstractValue<'w> {
        let Some(observer) = self.observer(name) else {
            self.unknown_probe(name, range);
            return AbstractValue::Nothing;
        };
        self.asked.insert(observer.probe.name());
        self.check_need(name, range);
        if let Some(Expression { form: Form::Table(items), range }) = params {
            self.check_arguments(observer, items, range);
        }
        AbstractValue::Evidence(observer)
    }

    fn check_need(&mut self, name: &str, range: Range<usize>) {
        let header = self.header;
        let (Some((at, _)), Some(needs)) = (&header.table, &header.needs) else { return };
        if needs.iter().any(|(need, _)| need == name) {
            return;
        }
        if needs.is_empty() {
            if std::mem::take(&mut self.tells_needs) {
                let finding = Finding::error(at.clone(), format!("the check calls probe `{name}`, but needs none"));
                self.report(finding.help(format!("add `needs = {{ \"{name}\" }}`")));
            }
            return;
        }
        let all: Vec<String> = needs.iter().map(|(need, _)| need.as_str()).chain([name]).map(quoted).collect();
        let finding = Finding::error(range, format!("probe `{name}` is not in `needs`"));
        self.report(finding.help(format!("write `needs = {{ {} }}`", all.join(", "))));
    }

    /// The parameters that a probe is given.
    fn check_arguments(&mut self, observer: &Observer, items: &[Item<'a>], range: &Range<usize>) {
        let probe = observer.probe;
        let known: Vec<&str> =
            properties(&observer.params).into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let mut whole = Some(Map::new());
        for item in items {
            let Some((name, at)) = key_of(item) else {
                whole = None;
                if matches!(item.key, ItemKey::Position) && !matches!(item.value.form, Form::Path { .. } | Form::Rest) {
                    let message = format!("this has no name: parameters of probe {} are `name = value`", probe.name());
                    self.report(Finding::error(item.value.range.clone(), message));
                }
                continue;
            };
            if !known.contains(&name.as_str()) {
                let help = Suggestion::of(&name, known.iter().copied()).or_none();
                let message = format!("probe {} has no parameter `{name}`", probe.name());
                self.report(Finding::error(at, message).help(help));
                whole = None;
                continue;
            }
            let Some(value) = json(&item.value) else {
                whole = None;
                continue;
            };
            match refused(probe, Map::from_iter([(name.clone(), value.clone())])) {
                Some(why) => {
                    whole = None;
                    let message = format!("parameter `{name}` of probe {}: {why}", probe.name());
                    self.report(Finding::error(item.value.range.clone(), message));
                }
                None => {
                    whole.as_mut().map(|whole| whole.insert(name, value));
                }
            }
        }
        if let Some(why) = whole.and_then(|whole| refused(probe, whole)) {
            self.report(Finding::error(range.clone(), format!("parameters of probe {}: {why}", probe.name())));
        }
    }
}

fn refused(probe: &dyn AnyProbe, params: Map<String, Value>) -> Option<String> {
    probe.complete_params(&Value::Object(params)).err()
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// `{"sockets", {…}}`: the name, where it stands, the parameters.
fn named_in_pair<'t, 'a>(pair: &'t [Item<'a>]) -> Option<(String, Range<usize>, Option<&'t Expression<'a>>)> {
    let mut positional = pair.iter().filter(|item| item.key == ItemKey::Position).map(|item| &item.value);
    let name = positional.next()?;
    Some((literal_text(name)?, name.range.clone(), positional.next()))
}

/// The value of a literal as JSON; none when it is none, or could be a list as well as a map.
fn json(expression: &Expression) -> Option<Value> {
    match &expression.form {
        Form::Boolean(flag) => Some(Value::Bool(*flag)),
        Form::Text(_) => literal_text(expression).map(Value::String),
        Form::Number(digits) => number(digits),
        Form::Signed { signs, operand } if signs.as_slice() == ["-"] => match json(operand)? {
            Value::Number(positive) => match positive.as_i64() {
                Some(whole) => Some(Value::from(-whole)),
                None => positive.as_f64().map(|float| Value::from(-float)),
            },
            _ => None,
        },
        Form::Table(items) if items.is_empty() => None,
        Form::Table(items) if items.iter().all(|item| item.key == ItemKey::Position) => {
            items.iter().map(|item| json(&item.value)).collect::<Option<Vec<_>>>().map(Value::Array)
        }
        Form::Table(items) => {
            let fields = items.iter().map(|item| Some((key_of(item)?.0, json(&item.value)?)));
            fields.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => None,
    }
}
