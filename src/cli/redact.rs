//! `--redact`: pseudonyms in all that is written, and the map that undoes them.

use std::cell::RefCell;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Uid;

use super::arguments::RedactArguments;
use super::place::Place;
use super::{Usage, say};
use crate::case::Case;
use crate::redact::{Kind, Left, Map, Originals, Pseudonyms};
use crate::sys::text_file;

/// The largest map that is read.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The pseudonyms of one call of casebook.
pub(super) struct Redaction {
    pseudonyms: RefCell<Pseudonyms>,
    /// What must not leave, once a case was redacted.
    originals: RefCell<Option<Originals>>,
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
        Ok(Some(Redaction {
            pseudonyms: RefCell::new(Pseudonyms::new(kinds, map)),
            originals: RefCell::new(None),
            map: place,
        }))
    }

    /// The case under pseudonyms, and whether the map could be kept. It is kept before anything else is written; where it
    /// cannot be, the case is no less worth having. An error: the case must not leave.
    pub fn apply(&self, mut case: Case) -> anyhow::Result<(Case, anyhow::Result<()>)> {
        let mut pseudonyms = self.pseudonyms.borrow_mut();
        pseudonyms.apply(&mut case).map_err(refused)?;
        *self.originals.borrow_mut() = Some(pseudonyms.originals());
        let Some(place) = &self.map else { return Ok((case, Ok(()))) };
        let written = place.write(|out| {
            serde_json::to_writer_pretty(&mut *out, pseudonyms.map())?;
            out.write_all(b"\n")
        });
        if written.is_ok() {
            say(format_args!("map of the pseudonyms written: {}", place.path().display()));
        }
        Ok((case, written))
    }

    /// The bytes as they may leave: looked through for every original of the case, in every form.
    pub fn clean(&self, bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        match &*self.originals.borrow() {
            Some(originals) => originals.replaced(&bytes).map(|(bytes, _)| bytes).map_err(refused),
            None => Ok(bytes),
        }
    }
}

fn refused(left: Left) -> anyhow::Error {
    anyhow::anyhow!("nothing was written: {left}; write the report without --redact, or take that text out of the case")
}

/// The map of that file, if there is one.
fn read(path: &Path) -> Result<Option<Map>, Usage> {
    match text_file::read(path, LARGEST) {
        Err(text_file::Unreadable::Absent) => Ok(None),
        Err(error) => Err(Usage(format!("cannot read the map {}: {error}", path.display()))),
        Ok(text) => {
            keeps_to_its_owner(path)?;
            Map::from_json(&text).map(Some).map_err(|error| Usage(format!("{} {error}", path.display())))
        }
    }
}

/// The map of that file, which must be there.
pub(super) fn read_map(path: &Path) -> Result<Map, Usage> {
    read(path)?.ok_or_else(|| Usage(format!("there is no map {}", path.display())))
}

/// A map that others can read undoes the redaction for them, too.
fn keeps_to_its_owner(path: &Path) -> Result<(), Usage> {
    let refused = |why: String| Usage(format!("the map {} {why}", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(refused(format!(
            "has mode {:04o}, so others can read it; run `chmod 600` on it",
            metadata.mode() & 0o7777
        )));
    }
    if metadata.uid() != Uid::effective().as_raw() && metadata.uid() != 0 && !Uid::effective().is_root() {
        return Err(refused(format!("belongs to user {}", metadata.uid())));
    }
    Ok(())
}
