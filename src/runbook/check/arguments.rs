//! Checks the parameters that a step gives to its probe.

use indexmap::IndexMap;
use serde_json::{Map, Value};
use serde_yaml::Spanned;

use super::Check;
use crate::nearest::nearest;
use crate::probe::AnyProbe;
use crate::runbook::document::Text;
use crate::runbook::model::Argument;

impl Check<'_> {
    pub(super) fn arguments(
        &mut self,
        probe: &dyn AnyProbe,
        with: IndexMap<Text, Spanned<Value>>,
    ) -> Vec<(String, Argument)> {
        let schema = probe.params_schema().to_value();
        let known: Vec<String> = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default();
        let mut arguments = Vec::new();
        for (key, value) in with {
            let name = key.value.clone();
            if !known.contains(&name) {
                let help = match nearest(&name, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "it takes none".to_owned(),
                    None => format!("there are: {}", known.join(", ")),
                };
                let message = format!("probe {} has no parameter `{name}`", probe.name());
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
                    let alone = Map::from_iter([(name.clone(), literal.clone())]);
                    if let Err(why) = probe.complete_params(&Value::Object(alone)) {
                        let message = format!("parameter `{name}` of probe {}: {why}", probe.name());
                        self.report(Some(self.range(&text)), message, None);
                    }
                    Argument::Literal(literal)
                }
            };
            arguments.push((name, argument));
        }
        arguments
    }
}
