//! The table of what services write into logs, as the manual shows it.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::patterns::Patterns;
use super::usual::{self, Usual};
use super::wanted::{Bound, Wanted};

/// A row of the table of what services write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLine {
    /// The service.
    pub service: &'static str,
    /// The pattern that counts such lines.
    pub pattern: &'static str,
    /// The programs that write them.
    pub programs: Vec<&'static str>,
    /// What they mean.
    pub means: &'static str,
    /// What is counted by value.
    pub captures: Vec<String>,
    /// How grave they are.
    pub weight: &'static str,
    /// The releases whose own lines it was tested with, or whose source says so.
    pub of: Vec<&'static str>,
}

/// The table of what services write.
pub fn service_lines() -> Vec<ServiceLine> {
    usual::table().map(row).collect()
}

fn row(usual: &'static Usual) -> ServiceLine {
    let alone = IndexMap::from([(usual.name.to_owned(), Wanted::Bound(Bound::default()))]);
    ServiceLine {
        service: usual.service,
        pattern: usual.name,
        programs: unique(usual.lines.iter().flat_map(|lines| lines.programs).copied()),
        means: usual.means,
        captures: Patterns::compile(&alone).map(|patterns| patterns.groups()).unwrap_or_default(),
        weight: usual.weight.name(),
        of: unique(usual.lines.iter().map(|lines| lines.of)),
    }
}

fn unique(names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}
