//! What is read in an expression before any line is searched: its groups and the words that it needs. The built-in ones are read once,
//! however many looks into logs a run takes at the same time.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use super::groups::{Named, named};
use super::words::words_of;

/// What is read in an expression, when it is first asked for.
#[derive(Debug)]
pub(super) struct Reading {
    text: String,
    groups: OnceLock<Result<Vec<Named>, String>>,
    words: OnceLock<Option<Vec<Vec<u8>>>>,
}

/// What is read in that expression. What is read in those of the built-in patterns, which are so many as their table has, is remembered.
pub(super) fn reading(text: &str, built_in: bool) -> Arc<Reading> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Reading>>>> = LazyLock::new(Mutex::default);
    let new = || Arc::new(Reading { text: text.to_owned(), groups: OnceLock::new(), words: OnceLock::new() });
    if !built_in {
        return new();
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match known.get(text) {
        Some(known) => Arc::clone(known),
        None => Arc::clone(known.entry(text.to_owned()).or_insert_with(new)),
    }
}

impl Reading {
    /// Its named groups, in their order; or why it is no expression.
    pub(super) fn groups(&self) -> Result<&[Named], &str> {
        let groups = self.groups.get_or_init(|| named(&self.text).map_err(|error| error.to_string()));
        groups.as_deref().map_err(String::as_str)
    }

    /// Words of which every line has one that matches; none where it needs none.
    pub(super) fn words(&self) -> Option<&[Vec<u8>]> {
        self.words.get_or_init(|| words_of(&self.text)).as_deref()
    }
}
