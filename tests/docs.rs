//! The runbooks that the documentation shows can be run, and its links lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use casebook::runbook;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder with that ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(project().join(folder)).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut found: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    found.sort();
    found
}

fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", "md");
    pages.extend(["README.md", "CHANGELOG.md"].map(|name| project().join(name)));
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is text")
}

/// The fenced blocks of a language, each with the line on which it begins.
fn blocks(page: &str, language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let mut fenced = false;
    for (number, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(info) if !fenced => {
                fenced = true;
                open = (info == language).then(|| (number + 2, String::new()));
            }
            Some(_) => {
                fenced = false;
                found.extend(open.take());
            }
            None => {
                if let Some((_, text)) = &mut open {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    found
}

fn good(text: &str, origin: &str) {
    if let Err(problems) = runbook::load(text, origin) {
        panic!("{origin} is not a good runbook\n{problems}");
    }
}

#[test]
fn the_example_runbooks_are_good() {
    let examples = files("docs/examples", "yaml");
    assert!(!examples.is_empty(), "there are examples");
    for path in examples {
        good(&read(&path), &path.display().to_string());
    }
}

#[test]
fn whole_runbooks_in_the_pages_are_good() {
    let mut whole = 0;
    for path in pages() {
        for (line, text) in blocks(&read(&path), "yaml") {
            // A fragment shows a part; a runbook begins with its name.
            if text.starts_with("name:") {
                whole += 1;
                good(&text, &format!("{}:{line}", path.display()));
            }
        }
    }
    assert!(whole > 0, "the pages show at least one whole runbook");
}

#[test]
fn links_between_pages_lead_to_files() {
    for path in pages() {
        let text = read(&path);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let folder = path.parent().expect("a page lies in a folder");
            assert!(folder.join(file).exists(), "{} links to {target}, which is not there", path.display());
        }
    }
}
