//! Where runbooks are found: a path, the working directory, the user's and the system's folders, and the binary itself.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::nearest::nearest;
use crate::sys::text_file::{self, Unreadable};

/// The shipped runbooks.
static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/runbooks");

/// The largest runbook that is read, in bytes: some thirty times the largest that ships.
const LARGEST: u64 = 1024 * 1024;

/// A runbook that was found, not yet checked.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its name: the file's, without the ending.
    pub name: String,
    /// Where it is: a path, or "shipped".
    pub origin: String,
    /// Its text.
    pub text: String,
}

/// Why a runbook cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// A file that cannot be read.
    #[error("cannot read the runbook {}: {why}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: Unreadable,
    },
    /// A file is meant, but what names a file has a `/` or an ending in it.
    #[error("there is no runbook `{name}`; to run the file of that name, write ./{name}")]
    File {
        /// The name.
        name: String,
    },
    /// No runbook of that name.
    #[error("there is no runbook `{name}`; {}", .near.as_ref().map_or_else(|| "`casebook list` shows those there are".to_owned(), |near| format!("did you mean `{near}`?")))]
    Unknown {
        /// The name.
        name: String,
        /// The nearest.
        near: Option<String>,
    },
}

/// The folders that are searched for runbooks, in order.
fn folders() -> Vec<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    let mut folders = vec![PathBuf::from("runbooks")];
    folders.extend(config.map(|config| config.join("casebook/runbooks")));
    folders.push(PathBuf::from("/etc/casebook/runbooks"));
    folders
}

fn is_runbook(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    (name.ends_with(".yaml") || name.ends_with(".yml")) && !name.contains(".test.")
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The shipped runbooks.
pub fn embedded() -> Vec<Found> {
    EMBEDDED
        .files()
        .filter(|file| is_runbook(file.path()))
        .filter_map(|file| {
            let text = file.contents_utf8()?.to_owned();
            Some(Found { name: stem(file.path()), origin: "shipped".into(), text })
        })
        .collect()
}

/// Where a runbook is, before it is read.
enum Place {
    File(PathBuf),
    Shipped(Found),
}

impl Place {
    fn name(&self) -> String {
        match self {
            Place::File(path) => stem(path),
            Place::Shipped(found) => found.name.clone(),
        }
    }

    fn read(self) -> Result<Found, NotFound> {
        match self {
            Place::Shipped(found) => Ok(found),
            Place::File(path) => match text_file::read(&path, LARGEST) {
                Ok(text) => Ok(Found { name: stem(&path), origin: path.display().to_string(), text }),
                Err(why) => Err(NotFound::Unreadable { path, why }),
            },
        }
    }
}

/// Every place of a runbook that can be run by name; the first of a name wins.
fn places() -> Vec<Place> {
    let mut places = Vec::new();
    for folder in folders() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| is_runbook(path)).collect();
        paths.sort();
        places.extend(paths.into_iter().map(Place::File));
    }
    places.extend(embedded().into_iter().map(Place::Shipped));
    let mut names = std::collections::HashSet::new();
    places.retain(|place| names.insert(place.name()));
    places
}

/// Every runbook that can be run by name, and those that cannot be read.
pub fn list() -> Vec<Result<Found, NotFound>> {
    places().into_iter().map(Place::read).collect()
}

/// The runbook of that name, or in that file.
pub fn find(name: &str) -> Result<Found, NotFound> {
    let path = Path::new(name);
    if name.contains('/') || is_runbook(path) {
        return Place::File(path.to_owned()).read();
    }
    let mut places = places();
    if let Some(index) = places.iter().position(|place| place.name() == name) {
        return places.swap_remove(index).read();
    }
    if path.exists() {
        return Err(NotFound::File { name: name.to_owned() });
    }
    let names: Vec<String> = places.iter().map(Place::name).collect();
    let near = nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
    Err(NotFound::Unknown { name: name.to_owned(), near })
}
