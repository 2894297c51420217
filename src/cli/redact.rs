//! `--redact`: pseudonyms in all that is written, and the map that undoes them.

use std::cell::RefCell;
use std::path::Path;

use super::arguments::RedactArguments;
use super::place::{Place, Readers};
use super::{Usage, say};
use crate::case::{Case, Named};
use crate::redact::{Kind, Left, MOST_NAMED, Map, Originals, Pseudonyms};
use crate::sys::text_file::{self, Unreadable};
use crate::sys::trust;

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
            Some(path) => (read(path)?, Some(Place::prepare_for(path, Readers::Owner)?)),
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
        if let Some(fleet) = &case.fleet {
            let named = fleet.named.as_ref().map(Named::count).ok_or_else(|| {
                let why = "nothing was written: this JSON has what hosts have in common, and not their cases, by which users and other \
                           hosts are known: give --redact the file that `casebook merge … --save fleet.case` wrote";
                Usage(why.to_owned())
            })?;
            anyhow::ensure!(
                named <= MOST_NAMED,
                "nothing was written: the cases name more than {MOST_NAMED} users and hosts, more than can be hidden together; \
                 merge them in parts, or write the report without --redact"
            );
        }
        {
            let mut pseudonyms = self.pseudonyms.borrow_mut();
            pseudonyms.apply(&mut case).map_err(refused)?;
            *self.originals.borrow_mut() = Some(pseudonyms.originals());
        }
        let kept = self.keep();
        if let (Some(place), Ok(())) = (&self.map, &kept) {
            say(format_args!("map of the pseudonyms written: {}", place.path().display()));
        }
        Ok((case, kept))
    }

    /// One of many cases under the same pseudonyms. An error: the case must not leave.
    pub fn hide(&self, mut case: Case) -> anyhow::Result<Case> {
        self.pseudonyms.borrow_mut().apply(&mut case).map_err(refused)?;
        Ok(case)
    }

    /// Keeps the map of all that was given until now, where one is wanted.
    pub fn keep(&self) -> anyhow::Result<()> {
        let Some(place) = &self.map else { return Ok(()) };
        let pseudonyms = self.pseudonyms.borrow();
        place.write(|out| {
            serde_json::to_writer_pretty(&mut *out, pseudonyms.map())?;
            out.write_all(b"\n")
        })
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
