//! A place in a text, and the command whose output begins there.

use jiff::civil::{Date, DateTime, Time};

use super::text::Document;

/// A place in a text, and the command whose output begins there, as far as it is known.
pub(super) struct Here<'a> {
    pub document: &'a Document,
    pub at: usize,
    /// The words of the command; of a file without prompts, the parts of its name.
    pub command: Vec<&'a str>,
    /// They are the parts of the file's name.
    pub by_name: bool,
}

/// The moment of a date and a second of the day.
pub(super) fn moment_of(date: Date, seconds: u32) -> Option<DateTime> {
    let part = |value: u32| i8::try_from(value).ok();
    Some(date.to_datetime(
        Time::new(part(seconds / 3600)?, part(seconds / 60 % 60)?, part((seconds % 60).min(59))?, 0).ok()?,
    ))
}
