//! Lua scripts as people write them: lint has nothing to say about them.

use std::fs;
use std::path::Path;

use casebook::script::lint::{Kind, kind, lint};

fn scripts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let lua = paths.filter(|path| path.extension().is_some_and(|ending| ending == "lua"));
    let read = |path: &Path| fs::read_to_string(path).expect("a script is text");
    let mut all: Vec<_> = lua.map(|path| (path.display().to_string(), read(&path))).collect();
    all.sort();
    assert!(all.len() >= 6, "there are scripts");
    all
}

#[test]
fn honest_scripts_are_left_alone() {
    for (name, text) in scripts() {
        assert_eq!(lint(&text, &name), [], "{name}");
    }
}

#[test]
fn checks_runbooks_and_modules_are_told_apart() {
    let all: Vec<Kind> = scripts().iter().map(|(_, text)| kind(text)).collect();
    assert_eq!(all.iter().filter(|kind| **kind == Kind::Check).count(), 5);
    assert_eq!(all.iter().filter(|kind| **kind == Kind::Runbook).count(), 1);
}

#[test]
fn a_letter_that_is_lost_in_a_script_makes_nothing_panic() {
    for (name, text) in scripts() {
        for (at, letter) in text.char_indices().step_by(7) {
            let mut less = text.clone();
            less.replace_range(at..at + letter.len_utf8(), "");
            let _ = lint(&less, &name);
            let _ = lint(&text[..at], &name);
        }
    }
}

#[test]
fn the_shipped_library_is_left_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("lua/casebook");
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // The helpers of expressions see some names of their own.
        if !name.ends_with(".lua") || name.contains(".test.") || name == "expressions.lua" {
            continue;
        }
        let text = fs::read_to_string(entry.path()).expect("a module is text");
        assert_eq!(lint(&text, &name), [], "{name}");
    }
}
