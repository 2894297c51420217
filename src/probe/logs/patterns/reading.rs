//! What is read in an expression before any line is searched: its groups and the words that it needs. The built-in ones are read once,
//! however many looks into logs a run takes at the same time.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use super::groups::{Named, named, parsed};
use super::words::words_of;

/// What is read in an expression, when it is first asked for.
#[derive(Debug)]
pub(super) struct Reading {
    text: String,
    read: OnceLock<Result<Read, String>>,
}

#[derive(Debug)]
struct Read {
    groups: Vec<Named>,
    words: Option<Vec<Vec<u8>>>,
}

/// What is read in that expression. What is read in those of the built-in patterns, which are so many as their table has, is remembered.
pub(super) fn reading(text: &str, built_in: bool) -> Arc<Reading> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Reading>>>> = LazyLock::new(Mutex::default);
    let new = || Arc::new(Reading { text: text.to_owned(), read: OnceLock::new() });
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
    fn read(&self) -> Result<&Read, &str> {
        let read = self.read.get_or_init(|| {
            let ast = parsed(&self.text).map_err(|error| error.to_string())?;
            Ok(Read { groups: named(&ast), words: words_of(&self.text, &ast) })
        });
        read.as_ref().map_err(String::as_str)
    }

    /// Its named groups, in their order; or why it is no expression.
    pub(super) fn groups(&self) -> Result<&[Named], &str> {
        self.read().map(|read| &read.groups[..])
    }

    /// Words of which every line has one that matches; none where it needs none.
    pub(super) fn words(&self) -> Option<&[Vec<u8>]> {
        self.read().ok()?.words.as_deref()
    }
}
