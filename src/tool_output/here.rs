//! A place in a text, and the command whose output begins there.

use jiff::civil::{Date, DateTime, Time};

use super::text::{Document, Words, words_of};

/// A place in a text, and the command whose output begins there, as far as it is known.
pub(super) struct Here<'a> {
    pub document: &'a Document,
    pub at: usize,
    /// The words of the command; of a file without prompts, the parts of its name.
    pub command: Vec<&'a str>,
    /// They are the parts of the file's name.
    pub by_name: bool,
    /// The words of the line at the place: nearly every recogniser asks for them.
    pub words: &'a [&'a str],
}

impl<'a> Here<'a> {
    /// The words of a line.
    pub(super) fn words(&self, at: usize) -> LineWords<'a> {
        match at == self.at {
            true => LineWords::Here(self.words),
            false => LineWords::Elsewhere(words_of(self.document.line(at))),
        }
    }
}

/// The words of a line, those of the place itself as they were found before.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack: a box would cost what it saves")]
pub(super) enum LineWords<'a> {
    Here(&'a [&'a str]),
    Elsewhere(Words<'a>),
}

impl<'a> LineWords<'a> {
    pub(super) fn as_slice(&self) -> &[&'a str] {
        match self {
            LineWords::Here(words) => words,
            LineWords::Elsewhere(words) => words,
        }
    }
}

impl<'a> std::ops::Deref for LineWords<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &[&'a str] {
        self.as_slice()
    }
}

/// The moment of a date and a second of the day.
pub(super) fn moment_of(date: Date, seconds: u32) -> Option<DateTime> {
    let part = |value: u32| i8::try_from(value).ok();
    Some(date.to_datetime(
        Time::new(part(seconds / 3600)?, part(seconds / 60 % 60)?, part((seconds % 60).min(59))?, 0).ok()?,
    ))
}
