//! The patterns that lines are searched for, compiled once for all files, and whose lines they are about.
//!
//! What a pattern needs is looked for in the whole line first, which is fast. Only a line that has it is taken apart: then its
//! author must be the pattern's, and its message must begin with the expression. A built-in pattern has several forms where
//! several daemons, or their versions, say the same in other words.

mod form;
mod groups;
mod reading;
mod searcher;
mod sieve;
mod words;

use std::sync::OnceLock;

use indexmap::IndexMap;

use crate::case::{Gap, Reason};
use crate::probe::hash::KeyedHash;

use super::wanted::Wanted;
use form::Form;
use sieve::Sieve;

pub(super) use searcher::{Look, Searcher, Seen};

/// The longest line that is matched, in bytes; the rest of a longer one is not looked at.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// Patterns, compiled together; of many, what a single one needs is compiled when a line matches it.
#[derive(Debug)]
pub(super) struct Patterns {
    each: Vec<Pattern>,
    forms: Vec<Form>,
    /// What finds lines in logs whose lines have frames, and in access logs.
    framed: Sieve,
    requests: OnceLock<Sieve>,
    /// Tells lines apart; keyed anew in each run, so that nobody can write lines that look the same.
    key: KeyedHash,
}

/// One pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Its name.
    pub name: String,
    /// Whether only lines of its authors count.
    pub bound: bool,
    /// The names of what is counted by value.
    pub groups: Vec<String>,
}

impl Patterns {
    /// Compiles them: bytes, not characters (`.` is any byte, `\w` and `\d` are ASCII), a line at a time.
    pub(super) fn compile(patterns: &IndexMap<String, Wanted>) -> Result<Self, Gap> {
        let (mut each, mut forms): (Vec<Pattern>, Vec<Form>) = (Vec::new(), Vec::new());
        for (name, wanted) in patterns {
            let mut groups = Vec::new();
            forms.extend(Form::of(name, each.len(), wanted, &mut groups)?);
            each.push(Pattern { name: name.clone(), bound: wanted.names_author(), groups });
        }
        let names: Vec<&str> = each.iter().map(|pattern| pattern.name.as_str()).collect();
        let framed = Sieve::of_framed(&names, &forms)?;
        let requests = OnceLock::new();
        // Few hosts have access logs. What was asked for must compile all the same.
        if forms.iter().any(|form| !form.built_in) {
            let asked = Sieve::of_requests(&names, &forms)?;
            requests.get_or_init(|| asked);
        }
        Ok(Patterns { each, forms, framed, requests, key: KeyedHash::from_kernel() })
    }

    /// What finds lines in access logs.
    fn requests(&self) -> &Sieve {
        self.requests.get_or_init(|| Sieve::of_requests(&[], &self.forms).unwrap_or_default())
    }

    /// Each of them.
    pub(super) fn each(&self) -> &[Pattern] {
        &self.each
    }

    /// What all of them count by value, by name.
    pub(super) fn groups(&self) -> Vec<String> {
        self.each.iter().flat_map(|pattern| pattern.groups.iter().cloned()).collect()
    }

    /// What hashes whatever comes from lines.
    pub(super) fn key(&self) -> KeyedHash {
        self.key
    }

    /// One thread's tool to search for them: what threads share, they wait for.
    pub(super) fn searcher(&self) -> Searcher<'_> {
        Searcher::new(self)
    }
}

fn bad(name: &str, error: &str) -> Gap {
    Gap::new(Reason::Malformed, format!("compile the pattern `{name}`"), error)
        .to_fix("write it as a Rust regular expression for one line; (?u) turns Unicode classes on")
}

#[cfg(test)]
mod tests;
