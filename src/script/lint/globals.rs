//! Global names: those that nothing defines, those that checks do not have, and those that were meant to be local.

use std::collections::HashSet;

use super::names::Names;
use super::{Finding, MOST};
use crate::script::api::{BASE, BLOCKED, Blocked, Entry, GLOBALS, STANDARD};
use crate::script::{HELPERS, find_helper, slips};
use crate::suggest::Suggestion;

/// Every global name of scripts.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let helpers = HELPERS.iter().map(|helper| helper.name());
    helpers
        .chain(GLOBALS.iter().map(Entry::name))
        .chain(BASE.iter().copied())
        .chain(STANDARD.iter().map(|module| module.name))
        .chain(["re"])
}

/// The sentence about a name that checks do not have.
pub(super) fn blocked(name: &str) -> Option<&'static Blocked> {
    BLOCKED.iter().find(|blocked| blocked.name == name)
}

pub(super) fn check(names: &Names) -> Vec<Finding> {
    if names.has_own_environment {
        return Vec::new();
    }
    let known: HashSet<&str> = all().collect();
    let written: HashSet<&str> = names.written.iter().map(|(name, _)| *name).collect();
    let mut findings = Vec::new();
    for (name, range) in &names.read {
        if let Some((helper, instead)) = find_helper(name).and_then(|helper| Some((helper, helper.instead?)))
            && !written.contains(name)
        {
            let finding = Finding::warning(range.clone(), format!("`{name}` is {}", helper.about));
            findings.push(finding.help(instead.to_owned()));
            continue;
        }
        if known.contains(name) || written.contains(name) {
            continue;
        }
        findings.push(match blocked(name) {
            Some(blocked) => Finding::error(range.clone(), format!("`{name}` is not available in checks"))
                .help(blocked.instead.to_owned()),
            None => {
                let suggestion = Suggestion::of(name, known.iter().copied().chain(written.iter().copied()));
                let help = slips::instead(name).map(str::to_owned).or_else(|| suggestion.question());
                Finding::error(range.clone(), format!("nothing is named `{name}`")).help(help)
            }
        });
        if findings.len() >= MOST {
            return findings;
        }
    }
    let mut told = HashSet::new();
    for (name, range) in names.written.iter().filter(|(name, _)| told.insert(*name)).take(MOST) {
        let finding = match known.contains(name) {
            true => Finding::warning(range.clone(), format!("`{name}` gets another meaning for the whole script")),
            false => Finding::warning(range.clone(), format!("`{name}` is global")),
        };
        findings.push(finding.help(format!("write `local {name}`")));
    }
    findings
}
