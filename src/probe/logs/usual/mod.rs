//! The patterns that are searched when none are given: what services write that bears on inbound traffic and on what it does to a
//! host, each bound to the programs that write such lines.
//!
//! A file for each kind of service. Where a stranger's words stand before an address, an expression goes to the end of the message,
//! so that the last address counts, which is the program's own. Where a stranger's words stand before anything else, nothing is
//! captured behind them.

mod bans;
mod clocks;
mod containers;
mod disks;
mod dns;
mod files;
mod kernel;
mod loggers;
mod mail;
mod ssh;
mod telephony;
mod units;
mod web;

use indexmap::IndexMap;

use super::kind::Kind;
use super::wanted::{Bound, Wanted};

/// A built-in pattern.
pub(super) struct Usual {
    /// Its name.
    pub name: &'static str,
    /// The service, as its people call it.
    pub service: &'static str,
    /// What a line of it means.
    pub means: &'static str,
    /// How grave it is.
    pub weight: Weight,
    /// What one line tells of, and several.
    pub one: &'static str,
    pub many: &'static str,
    /// The captures by which lines are told apart, the one that matters most first.
    pub by: &'static [By],
    /// The lines that it counts, by who writes them.
    pub lines: &'static [Lines],
}

/// How grave lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// What happens all day on a healthy host.
    Aside,
    /// Trouble when there are many.
    Trouble,
    /// One is one too many.
    Grave,
}

impl Weight {
    /// As the evidence names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Weight::Aside => "aside",
            Weight::Trouble => "trouble",
            Weight::Grave => "grave",
        }
    }
}

/// The capture by which lines are told apart: `from 6 addresses`, `from 203.0.113.9`.
#[derive(Debug, Clone, Copy)]
pub(super) struct By {
    pub group: &'static str,
    pub preposition: &'static str,
    pub many: &'static str,
}

/// Lines of some programs.
pub(super) struct Lines {
    /// Who writes them; of none, requests of web servers.
    pub programs: &'static [&'static str],
    /// What their messages begin with.
    pub expression: &'static str,
    /// The releases whose own lines it was tested with, or whose source says so.
    pub of: &'static str,
}

/// `from` an address, by the group that captures it.
const fn from(group: &'static str) -> By {
    By { group, preposition: "from", many: "addresses" }
}

/// All of them, in the order in which they are shown.
pub(super) fn table() -> impl Iterator<Item = &'static Usual> {
    [
        ssh::USUAL,
        web::USUAL,
        dns::USUAL,
        mail::USUAL,
        files::USUAL,
        telephony::USUAL,
        kernel::USUAL,
        units::USUAL,
        containers::USUAL,
        disks::USUAL,
        clocks::USUAL,
        bans::USUAL,
        loggers::USUAL,
    ]
    .into_iter()
    .flatten()
}

impl Usual {
    /// What is asked for, in each form.
    fn forms(&self) -> Vec<Bound> {
        let bound = |lines: &Lines| Bound {
            expression: (!lines.expression.is_empty()).then(|| lines.expression.to_owned()),
            program: lines.programs.iter().map(|program| (*program).to_owned()).collect(),
            kind: lines.programs.is_empty().then_some(Kind::Access),
        };
        self.lines.iter().map(bound).collect()
    }
}

/// The patterns that are searched when none are given.
pub(super) fn all() -> IndexMap<String, Wanted> {
    table().map(|usual| (usual.name.to_owned(), Wanted::Bound(Bound::default()))).collect()
}

/// The built-in pattern of that name.
pub(super) fn named(name: &str) -> Option<&'static Usual> {
    table().find(|usual| usual.name == name)
}

/// The forms of the built-in pattern of that name.
pub(super) fn by_name(name: &str) -> Option<Vec<Bound>> {
    named(name).map(Usual::forms)
}

#[cfg(test)]
mod tests;
