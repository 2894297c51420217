//! Checks the causes of a runbook.

use std::sync::Arc;

use serde_json::Value;

use super::{Checker, entry_schema};
use crate::case::{SignSide, Weight};
use crate::runbook::document::{CauseDocument, SignDocument, Text};
use crate::runbook::fields::Meaning;
use crate::runbook::model::{CausePlan, Each, Figure, SignPlan};
use crate::script::Template;
use crate::suggest::Suggestion;

/// How many causes one entry of a runbook can stand for.
const ENTRIES: usize = 256;
/// The weights of signs.
const WEIGHTS: [(&str, Weight); 4] = [
    ("weak", Weight::Weak),
    ("moderate", Weight::Moderate),
    ("strong", Weight::Strong),
    ("decisive", Weight::Decisive),
];

impl Checker<'_> {
    /// The causes that one entry of the runbook stands for: one, or one for each entry of a list.
    pub(super) fn causes(&mut self, mut document: CauseDocument) -> Vec<CausePlan> {
        let names = self.names.len();
        let entries = match document.each.take() {
            None => None,
            Some(list) => {
                let Some(entries) = self.entries(&list.value, &document.id) else { return Vec::new() };
                if self.names.iter().any(|(name, _)| name == "each") {
                    let help = Some("a cause with `each` needs the name for itself: take another".to_owned());
                    self.report(Some(self.range(&document.id)), "the name `each` is taken already", help);
                }
                self.names
                    .push(("each".into(), Meaning::Evidence(Arc::new(entry_schema(&Value::Array(entries.clone()))))));
                Some(entries)
            }
        };
        let written = document.id.clone();
        let named = document.name.take();
        let plan = self.cause(document);
        let plans = match (plan, entries) {
            (None, _) => Vec::new(),
            (Some(plan), None) => {
                self.identifier(&written, "cause", '-');
                let name = named.map_or_else(|| plan.id.replace('-', " "), |name| name.value);
                vec![CausePlan { name, ..plan }]
            }
            (Some(plan), Some(entries)) => self.filled(&plan, &written, named.as_ref(), entries),
        };
        self.names.truncate(names);
        plans
    }

    /// The entries that `each` names.
    fn entries(&mut self, list: &Value, at: &Text) -> Option<Vec<Value>> {
        let entries = match list {
            Value::Array(entries) => entries.clone(),
            Value::String(name) => match self.data.get(name).and_then(Value::as_array) {
                Some(entries) => entries.clone(),
                None => {
                    let help = match Suggestion::of(name, self.data.keys().map(String::as_str)).question() {
                        Some(help) => help,
                        None => format!("declare it in the head: `data: {{{name}: [...]}}`"),
                    };
                    self.report(Some(self.range(at)), format!("there is no list `{name}` for `each`"), Some(help));
                    return None;
                }
            },
            _ => {
                let help = Some("write a list, or the name of one under `data`".to_owned());
                self.report(Some(self.range(at)), "`each` wants a list", help);
                return None;
            }
        };
        if entries.len() > ENTRIES {
            let message = format!("`each` has {} entries, more than the {ENTRIES} there can be", entries.len());
            self.report(Some(self.range(at)), message, None);
            return None;
        }
        Some(entries)
    }

    /// A cause for each entry, its id and name filled in.
    fn filled(
        &mut self,
        plan: &CausePlan,
        written: &Text,
        named: Option<&Text>,
        entries: Vec<Value>,
    ) -> Vec<CausePlan> {
        let (Some(id), name) = (self.template(written), named.map(|text| (text, self.template(text)))) else {
            return Vec::new();
        };
        let mut plans = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(scope) = self.scope() else { break };
            scope.set_value("each", Ok(entry.clone()));
            let Some(id) = self.fill(&id, written) else { break };
            let name = match &name {
                Some((text, Some(name))) => self.fill(name, text),
                Some((_, None)) => None,
                None => Some(id.replace('-', " ")),
            };
            let Some(name) = name else { break };
            self.identifier(&Text::new(id.clone(), written.referenced, written.defined), "cause", '-');
            let each = Some(Each { written: written.value.clone(), entry });
            plans.push(CausePlan { id, name, each, ..plan.clone() });
        }
        self.scope.iter().for_each(|scope| scope.unset("each"));
        plans
    }

    /// A text that `each` fills in.
    fn fill(&mut self, template: &Template, text: &Text) -> Option<String> {
        let (filled, gaps) = self.scope()?.render(template);
        if let Some(gap) = gaps.first() {
            self.report(Some(self.range(text)), format!("an entry of the list cannot fill it in: {}", gap.why), None);
            return None;
        }
        Some(filled)
    }

    fn cause(&mut self, document: CauseDocument) -> Option<CausePlan> {
        let bindings = self.own_names(document.bindings, document.facts).into();
        let subject = document
            .subject
            .into_iter()
            .filter_map(|(name, text)| {
                self.identifier(&name, "figure of the subject", '_');
                self.expression(&text).map(|value| Figure { name: name.value, value })
            })
            .collect();
        self.names.push(("subject".into(), Meaning::Value));
        let title = self.template(&document.title);
        if document.signs.is_empty() {
            let range = self.range(&document.id);
            self.report(
                Some(range),
                format!("cause `{}` has no signs: nothing could make it likely", document.id.value),
                None,
            );
        }
        let signs = document.signs.into_iter().filter_map(|sign| self.sign(sign, &document.id)).collect();
        let remedies = document.remedies.into_iter().filter_map(|remedy| self.remedy(remedy)).collect();
        let when = self.live(document.live_only, None, &document.id);
        Some(CausePlan {
            name: String::new(),
            id: document.id.value,
            left_to: document.left_to.map(|text| text.value),
            runbooks: document.runbooks,
            when,
            each: None,
            title: title?,
            severity: document.severity,
            rank: document.rank,
            bindings,
            subject,
            signs,
            remedies,
        })
    }

    fn sign(&mut self, document: SignDocument, cause: &Text) -> Option<SignPlan> {
        let (side, head) = match (&document.speaks_for, &document.speaks_against) {
            (Some(head), None) => (SignSide::For, head),
            (None, Some(head)) => (SignSide::Against, head),
            (both, _) => {
                let range = self.range(document.when.as_ref().or(both.as_ref()).unwrap_or(cause));
                let help = Some("write `for: strong when …` or `against: strong when …`".to_owned());
                self.report(Some(range), "a sign speaks either for or against its cause", help);
                return None;
            }
        };
        let (weight, behind) = self.weight(head)?;
        let say = document.say.as_ref().and_then(|text| self.template(text));
        let when = match (behind, &document.when) {
            (Some(start), None) => self.condition_from(head, start),
            (None, Some(when)) => self.condition(when),
            (Some(_), Some(when)) => {
                let help = Some("keep the one behind the weight".to_owned());
                self.report(Some(self.range(when)), "the condition of the sign is given twice", help);
                None
            }
            (None, None) => {
                let help = Some(format!("write `{} when CONDITION`", head.value.trim()));
                self.report(Some(self.range(head)), "the sign has no condition", help);
                None
            }
        };
        let when = self.live(document.live_only, when, head)?;
        Some(SignPlan { side, weight, when, say })
    }

    /// The weight at the beginning of a text, and where the condition behind it begins.
    fn weight(&mut self, head: &Text) -> Option<(Weight, Option<usize>)> {
        let text = head.value.as_str();
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let Some((_, weight)) = WEIGHTS.iter().find(|(name, _)| *name == word) else {
            let help = Suggestion::of(word, WEIGHTS.iter().map(|(name, _)| *name)).or_list();
            self.report(Some(self.range_of(head, 0, word)), format!("`{word}` is not a weight"), help);
            return None;
        };
        if rest.trim().is_empty() {
            return Some((*weight, None));
        }
        let begin = end + (rest.len() - rest.trim_start().len());
        match text[begin..].strip_prefix("when").filter(|rest| rest.starts_with(char::is_whitespace)) {
            Some(condition) => Some((*weight, Some(text.len() - condition.len()))),
            None => {
                let help = Some(format!("write `{word} when CONDITION`"));
                let range = self.range_of(head, begin, text[begin..].split(' ').next().unwrap_or_default());
                self.report(Some(range), "`when` is wanted behind the weight", help);
                None
            }
        }
    }
}
