//! What is wrong with a file of tests, each with its place.

use std::ops::Range;

use serde_yaml::{Location, Spanned};

use super::node::{Node, Text};
use crate::runbook::{Problem, byte_offset};

/// How many problems are told at once.
const PROBLEMS: usize = 50;

/// What is wrong with a file of tests, found so far.
pub(super) struct Faults<'a> {
    pub text: &'a str,
    pub problems: Vec<Problem>,
}

impl<'a> Faults<'a> {
    /// Nothing is wrong yet.
    pub fn new(text: &'a str) -> Self {
        Faults { text, problems: Vec::new() }
    }

    /// What is wrong, without places.
    #[cfg(test)]
    pub fn messages(self) -> Vec<String> {
        self.problems.into_iter().map(|problem| problem.message).collect()
    }

    /// Something is wrong with a value.
    pub fn at(&mut self, node: &Spanned<Node>, message: String, help: Option<String>) {
        let written = match &node.value {
            Node::Text(text) => text.clone(),
            Node::Number(number) => number.to_string(),
            _ => String::new(),
        };
        self.report(&node.referenced, &written, message, help);
    }

    /// Something is wrong with a name.
    pub fn name(&mut self, text: &Text, message: String, help: Option<String>) {
        self.report(&text.referenced, &text.value, message, help);
    }

    /// Something is wrong here.
    pub fn report(&mut self, at: &Location, written: &str, message: String, help: Option<String>) {
        if self.problems.len() < PROBLEMS {
            let range = self.range(at, written);
            self.problems.push(Problem::new(Some(range), message).help(help));
        }
    }

    /// The whole of what is written there, or its first word.
    fn range(&self, at: &Location, written: &str) -> Range<usize> {
        let start = byte_offset(self.text, at.line() as usize, at.column() as usize);
        let rest = &self.text[start..];
        let bare = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        let skipped = rest.len() - bare.len();
        if !written.is_empty() && bare.starts_with(written) {
            return start..start + written.len() + 2 * skipped;
        }
        let word = rest.find(|c: char| c.is_whitespace() || ":,]}".contains(c)).unwrap_or(rest.len());
        start..start + word.max(rest.chars().next().map_or(0, char::len_utf8))
    }
}
