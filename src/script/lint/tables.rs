//! The tables that a script writes: the header of a check, remedies, patterns.

use std::ops::Range;

use super::abstract_value::{Part, Shape};
use super::header::{key_of, literal_text, value_of};
use super::walk::Walk;
use super::{Finding, suggestion};
use crate::script::api::{CHECK_KEYS, Key, PARAM_KEYS, PARAM_TYPES, REMEDY_KEYS, URGENCIES};
use crate::script::sandbox::shipped;
use crate::script::syntax::{Expression, Form, Item, ItemKey};
use crate::suggest::Suggestion;

impl<'w, 'a> Walk<'w, 'a> {
    /// The keys of the table that `check` is given.
    pub fn check_header(&mut self) {
        let Some((at, items)) = self.header.table.clone() else { return };
        self.check_keys(items, CHECK_KEYS, "a check");
        for missing in missing(items, CHECK_KEYS) {
            let finding = Finding::error(at.clone(), format!("the check has no `{}`", missing.name));
            self.report(finding.help(missing.about.to_owned()));
        }
        for (need, range) in self.header.needs.iter().flatten() {
            if self.observer(need).is_none() {
                self.unknown_probe(need, range.clone());
            }
        }
        let Some(Expression { form: Form::Table(params), .. }) = value_of(items, "params") else { return };
        for param in params {
            if let (Some((name, range)), Form::Table(keys)) = (key_of(param), &param.value.form) {
                self.check_param(&name, range, keys);
            }
        }
    }

    fn check_param(&mut self, name: &str, range: Range<usize>, keys: &[Item<'a>]) {
        self.check_keys(keys, PARAM_KEYS, "a parameter");
        for missing in missing(keys, PARAM_KEYS) {
            let finding = Finding::error(range.clone(), format!("parameter `{name}` has no `{}`", missing.name));
            self.report(finding.help(format!("{}: {}", missing.about, PARAM_TYPES.join(", "))));
        }
        let Some(kind) = value_of(keys, "type") else { return };
        if let Some(word) = literal_text(kind).filter(|word| !PARAM_TYPES.contains(&word.as_str())) {
            let finding = Finding::error(kind.range.clone(), format!("there is no type `{word}` of parameters"));
            self.report(finding.help(suggestion(&word, PARAM_TYPES.iter().copied())));
        }
    }

    fn check_keys(&mut self, items: &[Item<'a>], keys: &'static [Key], what: &str) {
        for item in items {
            let Some((name, range)) = key_of(item) else {
                if matches!(item.key, ItemKey::Position) && !matches!(item.value.form, Form::Path { .. } | Form::Rest) {
                    let range = item.value.range.clone();
                    self.report(Finding::error(range, format!("this has no key: {what} is a table of `key = value`")));
                }
                continue;
            };
            if !keys.iter().any(|key| key.name == name) {
                let help = suggestion(&name, keys.iter().map(|key| key.name));
                self.report(Finding::error(range, format!("{what} has no key `{name}`")).help(help));
            }
        }
    }

    /// The keys of a remedy.
    pub fn check_remedy(&mut self, items: &[Item<'a>], range: &Range<usize>) {
        self.check_keys(items, REMEDY_KEYS, "a remedy");
        for missing in missing(items, REMEDY_KEYS) {
            let at = range.start..range.start + 1;
            let finding = Finding::error(at, format!("the remedy has no `{}`", missing.name));
            self.report(finding.help(missing.about.to_owned()));
        }
        let Some(urgency) = value_of(items, "urgency") else { return };
        if let Some(word) = literal_text(urgency).filter(|word| !URGENCIES.contains(&word.as_str())) {
            let finding = Finding::error(urgency.range.clone(), format!("there is no urgency `{word}`"));
            self.report(finding.help(suggestion(&word, URGENCIES.iter().copied())));
        }
    }

    /// The fields that a pattern names.
    pub fn check_pattern(&mut self, item: &Part<'w>, pattern: &[Item<'a>]) {
        if let Shape::Fields(_) = item.shape() {
            for (name, range) in pattern.iter().filter_map(key_of) {
                self.part_field(item, &name, range);
            }
        }
    }

    /// A parameter that the script uses.
    pub fn param(&mut self, name: &str, range: Range<usize>) {
        self.params_used.insert(name.to_owned());
        let Some(declared) = &self.header.params else { return };
        if self.header.table.is_none() || declared.iter().any(|(declared, _)| declared == name) {
            return;
        }
        let help = suggestion(name, declared.iter().map(|(declared, _)| declared.as_str()));
        self.report(Finding::error(range, format!("the check has no parameter `{name}`")).help(help));
    }

    /// What is declared and never used, as far as that can be told.
    pub fn check_unused(&mut self) {
        if self.header.table.is_none() || self.header.run.is_none() {
            return;
        }
        let header = self.header;
        if !self.hides_params {
            for (name, range) in header.params.iter().flatten() {
                if !self.params_used.contains(name) {
                    self.report(Finding::warning(range.clone(), format!("parameter `{name}` is never used")));
                }
            }
        }
        if !self.hides_probes {
            for (name, range) in header.needs.iter().flatten() {
                if self.observer(name).is_some() && !self.asked.contains(name.as_str()) {
                    self.report(Finding::warning(range.clone(), format!("probe `{name}` is never called")));
                }
            }
        }
    }

    /// A module that is required by a name that is written out.
    pub fn check_require(&mut self, arguments: &[Expression<'a>]) {
        let [argument] = arguments else { return };
        let Some(name) = literal_text(argument).filter(|name| name.starts_with("casebook.")) else { return };
        let modules = shipped();
        if modules.contains(&name) {
            return;
        }
        let help = Suggestion::of(&name, modules.iter().map(String::as_str)).or_list();
        self.report(Finding::error(argument.range.clone(), format!("there is no module `{name}`")).help(help));
    }
}

/// The keys that a table must have and has not, when all its keys are written out.
fn missing(items: &[Item], keys: &'static [Key]) -> Vec<&'static Key> {
    let written: Option<Vec<String>> = items.iter().map(|item| key_of(item).map(|(name, _)| name)).collect();
    let Some(written) = written else { return Vec::new() };
    keys.iter().filter(|key| key.required && !written.iter().any(|name| name == key.name)).collect()
}
