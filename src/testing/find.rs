//! Where tests are: files named `NAME.test.yaml` or `NAME.test.lua`, beside what they test, and those that are shipped.

use std::path::{Component, Path, PathBuf};

use crate::case::Case;
use crate::embedded;
use crate::runbook::{self, Found, Home, Kind, NotFound, tested};
use crate::sys::beneath::Folder;
use crate::sys::text_file::{self, Unreadable};
use crate::sys::trust::Trust;

/// The folders that are searched when nothing is named.
const PLACES: &[&str] = &["runbooks", "lua/checks"];
/// The largest file of tests that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;
/// The largest case that is read.
const LARGEST_CASE: u64 = 256 * 1024 * 1024;
/// How deep folders are searched, and how many files there may be.
const DEPTH: usize = 8;
const FILES: usize = 10_000;

/// A file of tests that was found, not yet read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its text; the name is that of what it tests.
    pub found: Found,
}

impl Source {
    /// The case at a path from the file's folder. It lies in the project of the file: no name leads out of that, and no link
    /// is followed.
    pub(super) fn case(&self, path: &str) -> Result<Case, String> {
        let text = match &self.found.home {
            Home::Folder(folder) => in_project(folder, path),
            Home::Shipped(home) => {
                shipped_case(home, path).ok_or_else(|| "it is not among the shipped cases".to_owned())
            }
        };
        let text = text.map_err(|why| format!("cannot read the case {path}: {why}"))?;
        Case::from_json(&text).map_err(|error| format!("{path} {error}"))
    }
}

/// The text of a file at a path from a folder of a project: the folder that holds `runbooks` or `lua/checks`, else the folder
/// itself.
fn in_project(folder: &Path, path: &str) -> Result<String, String> {
    let folder = std::fs::canonicalize(folder).map_err(|error| error.to_string())?;
    // A runbook may have a folder of its own in one of these.
    let project = folder.ancestors().take(2).find_map(|at| {
        let place = PLACES.iter().find(|place| at.ends_with(place))?;
        at.ancestors().nth(Path::new(place).components().count())
    });
    let project = project.unwrap_or(&folder);
    let mut below = folder.strip_prefix(project).unwrap_or(Path::new("")).to_owned();
    let out = || format!("it leads out of {}; put the case there", project.display());
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => below.push(part),
            Component::CurDir => {}
            Component::ParentDir if below.pop() => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(out()),
        }
    }
    let opened = Folder::open(project).map_err(|error| error.to_string())?;
    let (bytes, _) = opened.read(&below, LARGEST_CASE).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| Unreadable::NotText(error.utf8_error().valid_up_to()).to_string())
}

fn shipped_case(home: &Path, path: &str) -> Option<String> {
    let mut whole = PathBuf::from(home);
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::Normal(part) => whole.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    embedded::text(whole.to_str()?)
}

/// One file of tests.
pub fn of_file(path: &Path, trust: Trust) -> Result<Source, String> {
    let refused = |why: String| format!("cannot read the tests {}: {why}", path.display());
    let Some((name, language)) = tested(path) else {
        return Err(refused("tests are named NAME.test.yaml or NAME.test.lua".to_owned()));
    };
    let text = text_file::read_trusted(path, LARGEST, trust).map_err(|error| refused(error.to_string()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let home = Home::Folder(folder.to_owned());
    let origin = path.display().to_string();
    Ok(Source { found: Found { name, origin, text, language, home, overrides_embedded: false } })
}

/// The files of tests below a folder, in the order of their paths.
pub fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    search(folder, DEPTH, &mut found)
        .map_err(|error| format!("cannot look for tests in {}: {error}", folder.display()))?;
    found.sort();
    Ok(found)
}

fn search(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && depth > 0 && !entry.file_name().to_string_lossy().starts_with('.') {
            search(&path, depth - 1, found)?;
        } else if !kind.is_dir() && tested(&path).is_some() && found.len() < FILES {
            found.push(path);
        }
    }
    Ok(())
}

/// The files of tests in the folders of the working directory.
pub fn in_places() -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for place in PLACES.iter().map(Path::new).filter(|place| place.is_dir()) {
        found.extend(in_folder(place)?);
    }
    Ok(found)
}

/// The tests of the check or runbook of that name, wherever that is found first; none, when nothing has the name.
pub fn by_name(name: &str, trust: Trust) -> Result<Option<Vec<Source>>, String> {
    let mut known = false;
    let mut sources = Vec::new();
    for kind in [Kind::Check, Kind::Runbook] {
        let found = match runbook::find(kind, name, None, trust) {
            Ok(found) => found,
            Err(error @ (NotFound::Unreadable { .. } | NotFound::Override { .. })) => return Err(error.to_string()),
            Err(_) => continue,
        };
        known = true;
        match found.folder() {
            Some(folder) => {
                for ending in ["yaml", "yml", "lua"] {
                    let path = folder.join(format!("{}.test.{ending}", found.name));
                    if path.exists() {
                        sources.push(of_file(&path, trust)?);
                    }
                }
            }
            None => sources.extend(shipped_of(kind, Some(name))),
        }
    }
    Ok(known.then_some(sources))
}

/// All tests that are shipped.
pub fn shipped() -> Vec<Source> {
    [Kind::Runbook, Kind::Check].into_iter().flat_map(|kind| shipped_of(kind, None)).collect()
}

fn shipped_of(kind: Kind, name: Option<&str>) -> Vec<Source> {
    runbook::embedded_tests(kind, name).into_iter().map(|found| Source { found }).collect()
}
