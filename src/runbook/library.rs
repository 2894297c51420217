//! Where runbooks are found: a path, the working directory, the user's and the system's folders, and the binary itself.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::nearest::nearest;

/// The shipped runbooks.
static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/runbooks");

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
    #[error("cannot read the runbook {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// No runbook of that name.
    #[error("there is no runbook `{name}`{}; `casebook list` shows those there are", .near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
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

/// Every runbook that can be run by name; the first of a name wins.
pub fn list() -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for folder in folders() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| is_runbook(path)).collect();
        paths.sort();
        for path in paths {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            found.push(Found { name: stem(&path), origin: path.display().to_string(), text });
        }
    }
    found.extend(embedded());
    let mut names = std::collections::HashSet::new();
    found.retain(|runbook| names.insert(runbook.name.clone()));
    found
}

/// The runbook of that name, or in that file.
pub fn find(name: &str) -> Result<Found, NotFound> {
    let path = Path::new(name);
    if name.contains('/') || is_runbook(path) {
        return match std::fs::read_to_string(path) {
            Ok(text) => Ok(Found { name: stem(path), origin: name.to_owned(), text }),
            Err(error) => Err(NotFound::Unreadable { path: path.to_owned(), error }),
        };
    }
    let all = list();
    if let Some(found) = all.iter().find(|runbook| runbook.name == name) {
        return Ok(found.clone());
    }
    let near = nearest(name, all.iter().map(|runbook| runbook.name.as_str())).map(str::to_owned);
    Err(NotFound::Unknown { name: name.to_owned(), near })
}
