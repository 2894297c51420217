//! The reference in `docs/reference` is what `casebook generate` writes: no list is kept twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const STALE: &str = "run `casebook generate` and commit what it writes";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.insert(path);
        }
    }
    files
}

#[test]
fn the_committed_reference_is_what_would_be_generated() {
    let mut stale = Vec::new();
    for (path, text) in casebook::generate::files(casebook::cli::command()) {
        if fs::read_to_string(root().join(&path)).ok().as_deref() != Some(text.as_str()) {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "{STALE}; stale: {}", stale.join(", "));
}

#[test]
fn nothing_else_lies_in_the_reference() {
    let generated: BTreeSet<PathBuf> =
        casebook::generate::files(casebook::cli::command()).into_iter().map(|(path, _)| root().join(path)).collect();
    let left: Vec<PathBuf> = files_below(&root().join("docs/reference")).difference(&generated).cloned().collect();
    assert!(left.is_empty(), "nothing generates {left:?}");
}

#[test]
fn every_field_of_the_reference_says_what_it_is() {
    let mut mute = Vec::new();
    for (path, text) in casebook::generate::files(casebook::cli::command()) {
        let lines = text.lines().filter(|line| line.trim_start().starts_with("- `") || line.starts_with("| `"));
        let silent = lines.filter(|line| line.ends_with(": ") || line.ends_with(':') || line.ends_with("|  |"));
        mute.extend(silent.map(|line| format!("{path}: {line}")));
    }
    assert!(mute.is_empty(), "\n{}", mute.join("\n"));
}
