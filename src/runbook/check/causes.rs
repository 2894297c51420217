//! Checks the causes of a runbook.

use super::Checker;
use crate::case::SignSide;
use crate::runbook::document::CauseDocument;
use crate::runbook::fields::Meaning;
use crate::runbook::model::{Binding, CausePlan, SignPlan};

impl Checker<'_> {
    pub(super) fn cause(&mut self, document: CauseDocument) -> Option<CausePlan> {
        self.identifier(&document.id, "cause", '-');
        let names = self.names.len();
        let bindings = self.bindings(document.bindings);
        let subject: Vec<Binding> = document
            .subject
            .into_iter()
            .filter_map(|(name, text)| {
                self.identifier(&name, "figure of the subject", '_');
                self.expression(&text).map(|value| Binding { name: name.value, value })
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
        let mut signs = Vec::new();
        for sign in document.signs {
            let (side, weight) = match (sign.speaks_for, sign.speaks_against) {
                (Some(weight), None) => (SignSide::For, weight),
                (None, Some(weight)) => (SignSide::Against, weight),
                _ => {
                    let range = self.range(&sign.when);
                    let help = Some("write `for: strong` or `against: strong`".to_owned());
                    self.report(Some(range), "a sign speaks either for or against its cause", help);
                    continue;
                }
            };
            let say = sign.say.as_ref().and_then(|text| self.template(text));
            if let Some(when) = self.condition(&sign.when) {
                signs.push(SignPlan { side, weight, when, say });
            }
        }
        let remedies = document.remedies.into_iter().filter_map(|remedy| self.remedy(remedy)).collect();
        self.names.truncate(names);
        Some(CausePlan {
            name: document.name.unwrap_or_else(|| document.id.value.replace('-', " ")),
            id: document.id.value,
            title: title?,
            severity: document.severity,
            rank: document.rank,
            bindings,
            subject,
            signs,
            remedies,
        })
    }
}
