//! Checks what `casebook diagnose` picks a runbook by: the words of complaints, and the signs in its first look.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use serde_yaml::Spanned;

use super::Checker;
use crate::probe;
use crate::runbook::complaint;
use crate::runbook::document::{SuspectDocument, Text};
use crate::runbook::fields::{Meaning, Names};
use crate::runbook::model::Suspect;
use crate::runbook::yaml::Depth;

/// How many words and phrases a runbook can be picked by, and how many signs.
const MOST: usize = 128;
/// The name of the parameters in expressions.
const PARAMS: &str = "params";

impl Checker<'_> {
    /// The words and phrases of complaints.
    pub(super) fn complaints(&mut self, complaints: &[Text]) -> Vec<String> {
        if let Some(first_too_many) = complaints.get(MOST) {
            let message = format!("there are more than {MOST} complaints");
            self.report(Some(self.range(first_too_many)), message, Some("name tools and things, not sentences".into()));
        }
        // No two of what ships say the same.
        let looked_at = if self.depth == Depth::Whole { complaints } else { &[] };
        for text in looked_at.iter().take(MOST) {
            let said = complaint::words_in(&text.value);
            if said.is_empty() {
                let message = format!("`{}` has no word that a complaint could be known by", text.value);
                self.report(Some(self.range(text)), message, Some("name a tool, a thing or what it does".into()));
            } else if complaints
                .iter()
                .take_while(|other| !std::ptr::eq(*other, text))
                .any(|other| complaint::words_in(&other.value) == said)
            {
                let help = Some("leave it out: endings and small words do not matter".to_owned());
                self.report(Some(self.range(text)), format!("`{}` says what one above says", text.value), help);
            }
        }
        complaints.iter().map(|text| text.value.clone()).collect()
    }

    /// The patterns that lines of pasted logs are held against.
    pub(super) fn lines(&mut self, lines: IndexMap<Text, Spanned<Value>>) -> Map<String, Value> {
        let mut patterns = Map::new();
        for (name, wanted) in lines {
            if self.depth == Depth::Whole {
                let alone = json!({"patterns": {name.value.as_str(): &wanted.value}});
                let taken = probe::find("logs").map(|logs| logs.takes(&alone));
                if let Some(Err(why)) = taken {
                    let help = "write it as in a step of the probe logs: `out_of_memory: {}`, or with `match` and `program` or `kind`";
                    self.report(
                        Some(self.range(&name)),
                        format!("`lines` cannot take this: {why}"),
                        Some(help.to_owned()),
                    );
                }
            }
            patterns.insert(name.value, wanted.value);
        }
        patterns
    }

    /// The signs in the first look. They know the probes by their names, and the runbook's parameters.
    pub(super) fn suspects(&mut self, suspects: Vec<SuspectDocument>, at: &Text) -> Vec<Suspect> {
        if suspects.is_empty() {
            return Vec::new();
        }
        if suspects.len() > MOST || suspects.last().is_some_and(|last| last.when.is_some()) {
            let help = "add one that says what was seen where nothing is suspected: `- say: SENTENCE`";
            let message = format!("`suspect` needs a last entry without a condition, and at most {MOST}");
            self.report(Some(self.range(at)), message, Some(help.to_owned()));
            return Vec::new();
        }
        let (mut names, outer): (Names, Names) =
            std::mem::take(&mut self.names).into_iter().partition(|(name, _)| name == PARAMS);
        if self.depth == Depth::Whole {
            names.extend(probe::PROBES.iter().map(|probe| (probe.name().to_owned(), Meaning::Probe(*probe))));
        }
        self.names = names;
        let checked = suspects.into_iter().filter_map(|suspect| {
            let when = match &suspect.when {
                Some(text) => Some(self.condition(text)?),
                None => None,
            };
            Some(Suspect { when, say: self.template(&suspect.say)? })
        });
        let checked = checked.collect();
        self.names.retain(|(name, _)| name == PARAMS);
        self.names.extend(outer);
        checked
    }
}
