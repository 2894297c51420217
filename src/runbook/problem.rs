//! What is wrong with a runbook, shown with place and snippet.

use std::fmt;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::printable::printable;

/// A file of a runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it was read from.
    pub origin: String,
    /// Its text.
    pub text: String,
    /// Where the program carries the runbook with all that it includes as one document, which is read instead of the text.
    pub whole: Option<String>,
}

impl SourceFile {
    /// A text, by where it was read from.
    pub fn new(origin: &str, text: &str) -> Self {
        SourceFile { origin: origin.to_owned(), text: text.to_owned(), whole: None }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where, as a range of bytes in the text.
    pub range: Option<std::ops::Range<usize>>,
    /// The file that the range is of, when it is another one than the runbook's first.
    pub file: Option<Arc<SourceFile>>,
    /// It works as it is, but was hardly meant so, or has a newer name.
    pub is_warning: bool,
}

/// All that is wrong with one runbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// Where the runbook was read from.
    pub origin: String,
    /// Its text.
    pub text: String,
    /// What is wrong, in the order of the text.
    pub problems: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl Problem {
    /// A problem at a place.
    pub fn new(range: Option<std::ops::Range<usize>>, message: impl Into<String>) -> Self {
        Problem { message: message.into(), help: None, range, file: None, is_warning: false }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

impl Problems {
    /// Whether anything is more than a warning.
    pub fn are_grave(&self) -> bool {
        self.problems.iter().any(|problem| !problem.is_warning)
    }

    /// Line and column of a place, both from 1.
    pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// Shows the problems as a compiler would.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let groups = self.problems.iter().map(|problem| self.show(&renderer, problem));
        groups.collect::<Vec<_>>().join("\n\n")
    }

    fn show(&self, renderer: &Renderer, problem: &Problem) -> String {
        let level = if problem.is_warning { Level::WARNING } else { Level::ERROR };
        let title = level.primary_title(problem.message.as_str());
        let (text, origin) = match &problem.file {
            Some(file) => (&file.text, &file.origin),
            None => (&self.text, &self.origin),
        };
        let origin = printable(origin);
        let mut group = match &problem.range {
            Some(range) => {
                let end = range.end.clamp(range.start.min(text.len()), text.len());
                let range = range.start.min(end)..end;
                let snippet = Snippet::source(text.as_str())
                    .path(origin.as_str())
                    .annotation(AnnotationKind::Primary.span(range));
                Group::with_title(title).element(snippet)
            }
            None => Group::with_title(title).element(Level::NOTE.message(format!("in {origin}"))),
        };
        if let Some(help) = &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
