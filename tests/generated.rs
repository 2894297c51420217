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
    for path in casebook::generate::PAGES_WITH_TABLES {
        let page = fs::read_to_string(root().join(path)).unwrap();
        if casebook::generate::filled(&page).as_deref() != Some(page.as_str()) {
            stale.push((*path).to_owned());
        }
    }
    assert!(stale.is_empty(), "{STALE}; stale: {}", stale.join(", "));
}

#[test]
fn nothing_else_lies_in_the_reference() {
    let generated: BTreeSet<PathBuf> =
        casebook::generate::files(casebook::cli::command()).into_iter().map(|(path, _)| root().join(path)).collect();
    let mut there = files_below(&root().join("docs/reference"));
    there.extend(files_below(&root().join("lua/types")));
    let left: Vec<PathBuf> = there.difference(&generated).cloned().collect();
    assert!(left.is_empty(), "nothing generates {left:?}");
}

#[test]
fn the_types_for_editors_are_lua_and_name_no_type_that_is_not_there() {
    let lua = mlua::Lua::new();
    let types = casebook::generate::lua_types();
    let all: String = types.iter().map(|(_, text)| text.as_str()).collect();
    let declared: BTreeSet<&str> = all
        .lines()
        .filter_map(|line| line.strip_prefix("---@class ").or_else(|| line.strip_prefix("---@alias ")))
        .filter_map(|rest| rest.split([':', ' ']).next())
        .collect();
    let name = regex::Regex::new(r"casebook\.[A-Za-z_.]*[A-Za-z_]").unwrap();
    for (file, text) in &types {
        lua.load(text).set_name(file).into_function().unwrap_or_else(|error| panic!("{file}: {error}"));
        for line in text.lines().filter(|line| line.starts_with("---@")) {
            // What follows two blanks or a `#` is a description, but no description speaks of types.
            for used in name.find_iter(line).map(|found| found.as_str()).filter(|used| *used != "casebook.NAME") {
                assert!(declared.contains(used), "{file}: {used} is not declared: {line}");
            }
        }
    }
    assert!(declared.contains("casebook.sockets.Listener"), "{declared:?}");
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
