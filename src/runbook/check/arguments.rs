//! Checks the parameters that a step gives to its probe or check.

use indexmap::IndexMap;
use serde_json::{Map, Value};
use serde_yaml::Spanned;

use super::Checker;
use crate::probe::{self, AnyProbe};
use crate::runbook::document::Text;
use crate::runbook::model::{Argument, Check, Target};
use crate::runbook::yaml::Depth;
use crate::suggest::Suggestion;

/// What takes the arguments.
enum Taker<'a> {
    Probe(&'static dyn AnyProbe),
    Check(&'a Check),
}

impl Taker<'_> {
    fn params(&self) -> Vec<String> {
        match self {
            Taker::Probe(probe) => probe
                .params_schema()
                .get("properties")
                .and_then(Value::as_object)
                .map(|all| all.keys().cloned().collect())
                .unwrap_or_default(),
            Taker::Check(check) => check.params.keys().cloned().collect(),
        }
    }

    /// Whether it can take this value, or why not.
    fn takes(&self, name: &str, value: &Value) -> Result<(), String> {
        match self {
            Taker::Probe(probe) => {
                let alone = Value::Object(Map::from_iter([(name.to_owned(), value.clone())]));
                probe.takes(&alone)
            }
            Taker::Check(check) => match check.params.get(name) {
                Some(spec) => spec.read(name, value).map(drop).map_err(|error| error.to_string()),
                None => Ok(()),
            },
        }
    }
}

impl Checker<'_> {
    pub(super) fn arguments(
        &mut self,
        target: &Target,
        with: IndexMap<Text, Spanned<Value>>,
    ) -> Vec<(String, Argument)> {
        let taker = match target {
            Target::Probe(name) => match probe::find(name) {
                Some(probe) => Taker::Probe(probe),
                None => return Vec::new(),
            },
            Target::Check(check) => Taker::Check(check),
        };
        let whose = match &taker {
            Taker::Probe(probe) => format!("probe {}", probe.name()),
            Taker::Check(check) => format!("check {}", check.name),
        };
        // What ships gives nothing that is not taken.
        let looks = self.depth == Depth::Whole;
        let known = if looks { taker.params() } else { Vec::new() };
        let mut arguments = Vec::new();
        for (key, value) in with {
            let name = key.value.clone();
            if looks && !known.contains(&name) {
                let help = Suggestion::of(&name, known.iter().map(String::as_str)).or_none();
                let message = format!("{whose} has no parameter `{name}`");
                self.report(Some(self.range_of(&key, 0, &name)), message, Some(help));
                continue;
            }
            let written = value.value.as_str().map_or_else(|| value.value.to_string(), str::to_owned);
            let text = Text::new(written, value.referenced, value.defined);
            let argument = match value.value {
                Value::String(template) if template.contains("{{") => match self.template(&text) {
                    Some(template) => match template.sole_expression() {
                        Some(expression) => Argument::Value(expression.clone()),
                        None => Argument::Text(template),
                    },
                    None => continue,
                },
                literal => {
                    if looks && let Err(why) = taker.takes(&name, &literal) {
                        let message = format!("parameter `{name}` of {whose}: {why}");
                        self.report(Some(self.range(&text)), message, None);
                    }
                    Argument::Literal(literal)
                }
            };
            arguments.push((name, argument));
        }
        self.missing_arguments(target, &arguments);
        arguments
    }

    /// What a check cannot do without must be given.
    fn missing_arguments(&mut self, target: &Target, arguments: &[(String, Argument)]) {
        let Target::Check(check) = target else { return };
        for (name, spec) in check.params.iter().filter(|(_, spec)| spec.required) {
            if !arguments.iter().any(|(given, _)| given == name) {
                let help = format!("give it under `with:`; it is for: {}", spec.help);
                self.report(None, format!("check {} needs the parameter `{name}`", check.name), Some(help));
            }
        }
    }
}
