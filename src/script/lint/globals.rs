//! Global names: those that nothing defines, those that checks do not have, and those that were meant to be local.

use std::collections::HashSet;

use super::names::Names;
use super::{Finding, MOST};
use crate::nearest::nearest;
use crate::script::HELPERS;
use crate::script::api::{BASE, BLOCKED, Blocked, Entry, GLOBALS, NOT_IN_CHECKS, STANDARD};

/// Every global name of scripts.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    let helpers = HELPERS.iter().map(|helper| helper.name());
    let here = helpers.filter(|name| !NOT_IN_CHECKS.iter().any(|not| not.name == *name));
    here.chain(GLOBALS.iter().map(Entry::name))
        .chain(BASE.iter().copied())
        .chain(STANDARD.iter().map(|module| module.name))
        .chain(["re"])
}

/// The sentence about a name that checks do not have.
pub(super) fn blocked(name: &str) -> Option<&'static Blocked> {
    BLOCKED.iter().chain(NOT_IN_CHECKS).find(|blocked| blocked.name == name)
}

pub(super) fn check(names: &Names) -> Vec<Finding> {
    if names.has_own_environment {
        return Vec::new();
    }
    let known: HashSet<&str> = all().collect();
    let written: HashSet<&str> = names.written.iter().map(|(name, _)| *name).collect();
    let mut findings = Vec::new();
    for (name, range) in &names.read {
        if known.contains(name) || written.contains(name) {
            continue;
        }
        findings.push(match blocked(name) {
            Some(blocked) => Finding::error(range.clone(), format!("`{name}` is not available in checks"))
                .help(blocked.instead.to_owned()),
            None => {
                let near = nearest(name, known.iter().copied().chain(written.iter().copied()));
                Finding::error(range.clone(), format!("nothing is named `{name}`"))
                    .help(near.map(|near| format!("did you mean `{near}`?")))
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
