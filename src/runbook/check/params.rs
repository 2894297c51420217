//! Checks the declared parameters of a runbook.

use indexmap::IndexMap;
use serde_json::Value;
use serde_yaml::Spanned;

use super::Checker;
use crate::runbook::document::{ParamDocument, Text};
use crate::runbook::params::{ParamSpec, ParamType};
use crate::suggest::Suggestion;

impl Checker<'_> {
    pub(super) fn params(&mut self, documents: IndexMap<Text, ParamDocument>) -> IndexMap<String, ParamSpec> {
        documents
            .into_iter()
            .map(|(name, document)| {
                self.lua_name(&name, "parameter");
                let spec = self.param(&name.value, document);
                (name.value, spec)
            })
            .collect()
    }

    fn param(&mut self, name: &str, document: ParamDocument) -> ParamSpec {
        let kind = self.kind(&document.kind);
        // The values of a type that does not exist are not judged.
        let judged = kind.is_some();
        let kind = kind.unwrap_or(ParamType::String);
        let mut spec = ParamSpec {
            kind,
            default: None,
            default_text: None,
            min: None,
            max: None,
            choices: Vec::new(),
            help: document.help,
            required: document.required,
            secret: document.secret,
        };
        if spec.secret && judged && !kind.can_be_secret() {
            let help = "its figure would stand among others; make it a string";
            let message = format!("`{name}` cannot be secret: only texts can be kept out of reports");
            self.report(Some(self.range(&document.kind)), message, Some(help.to_owned()));
        }
        if judged {
            spec.min = self.bound(kind, name, "the least value", document.min.as_ref());
            spec.max = self.bound(kind, name, "the greatest value", document.max.as_ref());
            for choice in &document.choices {
                match spec.read(name, &choice.value) {
                    Ok(_) => {}
                    Err(error) => self.report(Some(self.value_range(choice)), format!("the choice of {error}"), None),
                }
            }
            spec.choices = document.choices.into_iter().map(|choice| choice.value).collect();
        }
        if let Some(default) = document.default.filter(|default| !default.value.is_null() && judged) {
            if spec.secret {
                let message = format!("the secret `{name}` has a default, which anybody can read here");
                let help = "remove the default, and write `required: true` where it must be given";
                self.report(Some(self.value_range(&default)), message, Some(help.to_owned()));
            }
            spec.default_text = Some(default.value.as_str().map_or_else(|| default.value.to_string(), str::to_owned));
            match spec.read(name, &default.value) {
                Ok(value) => spec.default = Some(value),
                Err(error) => self.report(Some(self.value_range(&default)), format!("the default of {error}"), None),
            }
        }
        spec
    }

    fn kind(&mut self, written: &Text) -> Option<ParamType> {
        let kind = ParamType::ALL.iter().copied().find(|kind| kind.word() == written.value);
        if kind.is_none() {
            let help = Suggestion::of(&written.value, ParamType::ALL.iter().map(|kind| kind.word())).or_list();
            self.report(Some(self.range(written)), format!("`{}` is not a type", written.value), help);
        }
        kind
    }

    fn bound(&mut self, kind: ParamType, name: &str, what: &str, written: Option<&Spanned<Value>>) -> Option<Value> {
        let written = written.filter(|written| !written.value.is_null())?;
        if !kind.has_range() {
            let message = format!("{what} of `{name}` means nothing: a {} has no order", kind.word());
            self.report(Some(self.value_range(written)), message, None);
            return None;
        }
        let read = kind.read(&written.value);
        read.map_err(|why| self.report(Some(self.value_range(written)), format!("{what} of `{name}`: {why}"), None))
            .ok()
    }

    fn value_range(&self, value: &Spanned<Value>) -> std::ops::Range<usize> {
        let written = value.value.as_str().map_or_else(|| value.value.to_string(), str::to_owned);
        self.range(&Text::new(written, value.referenced, value.defined))
    }
}
