//! A runbook's document with other names: where several runbooks become one, each name stands for one thing.

use std::borrow::Cow;
use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;
use serde_yaml::Spanned;

use super::document::{CauseDocument, OutcomeDocument, RemedyDocument, SignDocument, StepDocument, Text};
use crate::script::{Care, Condition, Expression, NameUse, PathPart, Template};

/// The name of the parameters in expressions.
const PARAMS: &str = "params";

/// What names become. A name that is not here stays.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    /// Names of steps, lists, values and facts.
    pub roots: HashMap<String, String>,
    /// Names of parameters.
    pub params: HashMap<String, String>,
}

impl Names {
    /// Says what a thing is called from now on. What keeps its name needs no mention.
    pub fn called(&mut self, name: String, new: String) {
        if name != new {
            self.roots.insert(name, new);
        }
    }

    /// Whether a name that becomes another may be in a text.
    fn may_be_in(&self, text: &str) -> bool {
        (!self.params.is_empty() && text.contains(PARAMS)) || self.roots.keys().any(|name| text.contains(name.as_str()))
    }

    /// What a name becomes.
    pub fn root<'a>(&'a self, name: &'a str) -> &'a str {
        self.roots.get(name).map_or(name, String::as_str)
    }

    fn replaced<'u>(&self, text: &str, uses: impl Iterator<Item = (&'u NameUse, usize)>) -> String {
        let mut places: Vec<(usize, usize, &str)> = Vec::new();
        for (used, offset) in uses {
            if let Some(new) = self.roots.get(used.name.as_str()) {
                places.push((offset + used.offset, used.name.len(), new));
            }
            if let (PARAMS, Some(PathPart::Field(name, at))) = (used.name.as_str(), used.path.first())
                && let Some(new) = self.params.get(name.as_str())
            {
                places.push((offset + at, name.len(), new));
            }
        }
        places.sort_unstable();
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (start, length, new) in places {
            out.push_str(text.get(at..start).unwrap_or_default());
            out.push_str(new);
            at = start + length;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    /// An expression. What cannot be read stays: whoever checks the whole will say so.
    pub fn expression(&self, text: &str) -> String {
        if !self.may_be_in(text) {
            return text.to_owned();
        }
        Expression::read(text, "", Care::Form).map_or_else(|_| text.to_owned(), |read| self.expression_of(text, &read))
    }

    /// An expression that was read from that text.
    pub fn expression_of(&self, text: &str, read: &Expression) -> String {
        self.replaced(text, read.uses().iter().map(|used| (used, 0)))
    }

    /// A condition.
    pub fn condition(&self, text: &str) -> String {
        if !self.may_be_in(text) {
            return text.to_owned();
        }
        Condition::read(text, "", Care::Form).map_or_else(|_| text.to_owned(), |read| self.condition_of(text, &read))
    }

    /// A condition that was read from that text.
    pub fn condition_of(&self, text: &str, read: &Condition) -> String {
        self.replaced(text, read.atoms().into_iter().flat_map(Expression::uses).map(|used| (used, 0)))
    }

    /// A text with expressions in it.
    pub fn template(&self, text: &str) -> String {
        if !self.may_be_in(text) {
            return text.to_owned();
        }
        let read = Template::read(text, "", Care::Form);
        read.map_or_else(
            |_| text.to_owned(),
            |it| {
                let uses = it.expressions().flat_map(|(one, offset)| one.uses().iter().map(move |used| (used, offset)));
                self.replaced(text, uses)
            },
        )
    }

    /// A value of `with`: texts in it, however deep, may have expressions in them.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.contains("{{") => Value::String(self.template(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (key.clone(), self.value(value))).collect())
            }
            other => other.clone(),
        }
    }

    /// The arguments of a step.
    pub fn with(&self, with: &mut IndexMap<Text, Spanned<Value>>) {
        for value in with.values_mut() {
            value.value = self.value(&value.value);
        }
    }

    /// The outcomes of a step.
    pub fn outcome(&self, outcome: &mut OutcomeDocument) {
        let OutcomeDocument { when, ok, warning, critical, unknown, skipped, verdict: _, say, remedy } = outcome;
        change(when, |text| self.condition(text));
        for text in [ok, warning, critical, unknown, skipped, say] {
            change(text, |text| self.template(text));
        }
        remedy.iter_mut().for_each(|remedy| self.remedy(remedy));
    }

    /// All that a step says but for its id, its arguments and its condition.
    pub fn judging(&self, step: &mut StepDocument) {
        let also = step.also.iter_mut().flat_map(|also| &mut also.outcomes);
        step.outcomes.iter_mut().chain(also).for_each(|outcome| self.outcome(outcome));
        change(&mut step.skip_message, |text| self.template(text));
    }

    fn remedy(&self, remedy: &mut RemedyDocument) {
        let RemedyDocument { now, lasting, upstream, urgency: _, action, when, live_only: _, run, undo, risk } = remedy;
        change(when, |text| self.condition(text));
        for text in [now, lasting, upstream, action, run, undo, risk] {
            change(text, |text| self.template(text));
        }
    }

    fn sign(&self, sign: &mut SignDocument) {
        let SignDocument { speaks_for, speaks_against, when, live_only: _, say } = sign;
        for text in [speaks_for, speaks_against] {
            change(text, |text| match text.find("when ") {
                Some(at) => format!("{}{}", &text[..at + 5], self.condition(&text[at + 5..])),
                None => text.to_owned(),
            });
        }
        change(when, |text| self.condition(text));
        change(say, |text| self.template(text));
    }

    /// A cause. Its own names that `taken` has get others, the same whichever runbook it is from.
    pub fn cause(&self, cause: &mut CauseDocument, taken: &dyn Fn(&str) -> bool) {
        let has_own = !(cause.bindings.is_empty() && cause.facts.is_empty());
        let mut names = if has_own { Cow::Owned(self.clone()) } else { Cow::Borrowed(self) };
        for own in cause.bindings.keys().chain(cause.facts.keys()) {
            let names = names.to_mut();
            names.roots.remove(&own.value);
            if taken(&own.value) {
                let mut free = format!("own_{}", own.value);
                while taken(&free) {
                    free.insert_str(0, "own_");
                }
                names.roots.insert(own.value.clone(), free);
            }
        }
        if let Some(Value::String(list)) = cause.each.as_mut().map(|each| &mut each.value) {
            *list = self.root(list).to_owned();
        }
        names.pairs(&mut cause.bindings, |names, text| names.expression(text));
        names.pairs(&mut cause.facts, |names, text| names.condition(text));
        for text in cause.subject.values_mut() {
            text.value = names.expression(&text.value);
        }
        cause.title.value = names.template(&cause.title.value);
        cause.signs.iter_mut().for_each(|sign| names.sign(sign));
        cause.remedies.iter_mut().for_each(|remedy| names.remedy(remedy));
    }

    /// Names with what they stand for.
    fn pairs(&self, pairs: &mut IndexMap<Text, Text>, text: fn(&Names, &str) -> String) {
        let old = std::mem::take(pairs);
        pairs.extend(old.into_iter().map(|(mut key, mut value)| {
            value.value = text(self, &value.value);
            key.value = self.root(&key.value).to_owned();
            (key, value)
        }));
    }
}

/// Changes a text, where there is one.
pub(super) fn change(text: &mut Option<Text>, with: impl Fn(&str) -> String) {
    if let Some(text) = text {
        text.value = with(&text.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let one = |old: &str, new: &str| HashMap::from([(old.to_owned(), new.to_owned())]);
        Names { roots: one("words", "b_words"), params: one("since", "b_since") }
    }

    #[test]
    fn a_name_is_renamed_where_it_is_used_and_nowhere_else() {
        let names = names();
        for (old, new) in [
            ("words(a.words)[1] == words", "b_words(a.words)[1] == b_words"),
            ("span(params.since) .. since", "span(params.b_since) .. since"),
            ("map(l, function(words) return words.x end)", "map(l, function(words) return words.x end)"),
            ("{words = words}", "{words = b_words}"),
            ("'words' == \"words\"", "'words' == \"words\""),
        ] {
            assert_eq!(names.expression(old), new);
        }
        assert_eq!(names.condition("a and words(1)\n or not params.since"), "a and b_words(1)\n or not params.b_since");
        assert_eq!(
            names.template("words: {{ words(\"é\") }} {{ params.since }}"),
            "words: {{ b_words(\"é\") }} {{ params.b_since }}"
        );
    }
}
