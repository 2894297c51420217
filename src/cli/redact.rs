//! `--redact`: pseudonyms in all that is written, and the map that undoes them.

use std::cell::RefCell;
use std::path::Path;

use super::arguments::RedactArguments;
use super::place::Place;
use super::{Usage, say};
use crate::case::Case;
use crate::redact::{Kind, Map, Pseudonyms};
use crate::sys::text_file::{self, Unreadable};
use crate::sys::trust;

/// The largest map that is read.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The pseudonyms of one call of casebook.
pub(super) struct Redaction {
    pseudonyms: RefCell<Pseudonyms>,
    map: Option<Place>,
}

impl Redaction {
    /// Settles what gets pseudonyms and where they are kept; none when nothing does.
    pub fn prepare(arguments: &RedactArguments) -> Result<Option<Self>, Usage> {
        let kinds: Vec<Kind> =
            Kind::ALL.into_iter().filter(|kind| arguments.redact.iter().any(|word| word == kind.word())).collect();
        if kinds.is_empty() {
            return Ok(None);
        }
        let (map, place) = match &arguments.redact_map {
            Some(path) => (read(path)?, Some(Place::prepare_private(path)?)),
            None => (None, None),
        };
        let map = match map {
            Some(map) => map,
            None => Map::new().map_err(|error| Usage(error.to_string()))?,
        };
        Ok(Some(Redaction { pseudonyms: RefCell::new(Pseudonyms::new(kinds, map)), map: place }))
    }

    /// The case under pseudonyms. The map is kept before anything else is written; where it cannot be, the case is no less
    /// worth having.
    pub fn apply(&self, mut case: Case) -> (Case, anyhow::Result<()>) {
        let mut pseudonyms = self.pseudonyms.borrow_mut();
        pseudonyms.apply(&mut case);
        let Some(place) = &self.map else { return (case, Ok(())) };
        let written = place.write(|out| {
            serde_json::to_writer_pretty(&mut *out, pseudonyms.map())?;
            out.write_all(b"\n")
        });
        if written.is_ok() {
            say(format_args!("map of the pseudonyms written: {}", place.path().display()));
        }
        (case, written)
    }
}

/// The map of that file, if there is one. Nobody else may have written it, or the pseudonyms would be theirs; nor read it: it
/// undoes the redaction for them, too.
fn read(path: &Path) -> Result<Option<Map>, Usage> {
    match trust::open_private(path).and_then(|file| text_file::text_of(file, LARGEST)) {
        Err(Unreadable::Absent) => Ok(None),
        Err(error) => Err(Usage(format!("cannot use the map {}: {error}", path.display()))),
        Ok(text) => Map::from_json(&text).map(Some).map_err(|error| Usage(format!("{} {error}", path.display()))),
    }
}

/// The map of that file, which must be there.
pub(super) fn read_map(path: &Path) -> Result<Map, Usage> {
    read(path)?.ok_or_else(|| Usage(format!("there is no map {}", path.display())))
}
