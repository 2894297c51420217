//! `casebook lint`.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Map;

use super::arguments::LintArguments;
use super::list::counted;
use super::{Usage, output, say, screen};
use crate::engine;
use crate::printable::printable;
use crate::probe::Right;
use crate::runbook::{self, Found, Kind, Problem, Problems, Runbook};
use crate::script::lint::{self as script_lint, Kind as ScriptKind, Level};
use crate::sys::text_file;
use crate::sys::trust::Trust;

/// How deep folders are searched.
const DEPTH: usize = 8;

pub(super) fn lint(arguments: &LintArguments) -> anyhow::Result<u8> {
    if arguments.files.is_empty() {
        return lint_here();
    }
    let mut bad = 0;
    for name in &arguments.files {
        let path = Path::new(name);
        if !path.is_dir() {
            bad += usize::from(!is_good(name)?);
            continue;
        }
        let files = below(path);
        if files.is_empty() {
            say(format_args!("casebook: there are no runbooks and no Lua files in {name}"));
            bad += 1;
        }
        bad += count_bad(&files)?;
    }
    Ok(if bad == 0 { 0 } else { super::BAD_USAGE })
}

/// Judges what lies in this folder and looks like a runbook or script, and what the folders hold in which runbooks and checks
/// are found by name.
fn lint_here() -> anyhow::Result<u8> {
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.file_name().into()).collect();
    files.retain(|file| is_ours(file));
    files.sort();
    let mut folders: Vec<PathBuf> = [Kind::Runbook, Kind::Check].iter().flat_map(|kind| kind.folders(None)).collect();
    folders.dedup();
    folders.iter().for_each(|folder| files.extend(below(folder)));
    if files.is_empty() {
        let searched = folders.iter().map(|folder| printable(folder.as_os_str().as_encoded_bytes()));
        let searched = searched.collect::<Vec<_>>().join(", ");
        return Err(
            Usage(format!("nothing to judge here, nor in {searched}; name a runbook, a file or a folder")).into()
        );
    }
    Ok(if count_bad(&files)? == 0 { 0 } else { super::BAD_USAGE })
}

/// Whether a file of a folder that may hold anything is a runbook, a check or a test of ours, by what is written in it.
fn is_ours(file: &Path) -> bool {
    let name = file.to_string_lossy();
    let read = || text_file::read(file, script_lint::LARGEST as u64).unwrap_or_default();
    let has = |line: fn(&str) -> bool| read().lines().any(line);
    match file.extension().and_then(|ending| ending.to_str()) {
        _ if name.contains(".test.") || name.starts_with('.') => false,
        Some("yaml" | "yml") => has(|line| line.starts_with("steps:")) && has(|line| line.starts_with("name:")),
        Some("lua") => has(|line| {
            let line = line.trim_start();
            let line = line.strip_prefix("return ").unwrap_or(line);
            let words = ["check", "runbook"].iter().find_map(|word| line.strip_prefix(word));
            words.is_some_and(|rest| rest.trim_start().starts_with(['{', '(']))
        }),
        _ => false,
    }
}

/// The runbooks and scripts below a folder, in their order.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files);
    files.sort();
    files
}

/// Judges files; a file that a runbook includes is judged with the runbook.
fn count_bad(files: &[PathBuf]) -> anyhow::Result<usize> {
    let included: Vec<PathBuf> = files.iter().flat_map(|file| included(file)).collect();
    let mut bad = 0;
    for file in files.iter().filter(|file| !included.contains(file)) {
        bad += usize::from(!is_good(&file.display().to_string())?);
    }
    Ok(bad)
}

/// The files that a runbook includes.
fn included(runbook: &Path) -> Vec<PathBuf> {
    let Some(folder) = runbook.parent() else { return Vec::new() };
    let text = text_file::read(runbook, script_lint::LARGEST as u64).unwrap_or_default();
    runbook::included(&text).iter().map(|path| folder.join(path)).collect()
}

/// The first file of the runbook that a file is a part of, where the folder that it lies in is one.
fn whole(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    let first = folder.join(format!("{}.yaml", folder.file_name()?.to_str()?));
    included(&first).iter().any(|part| part == path).then_some(first)
}

/// The runbooks and scripts below a folder, without tests of them and without type definitions.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if name.starts_with('.') || name.contains(".test.") {
            continue;
        }
        if kind.is_dir() && depth < DEPTH && name != "types" {
            collect(&path, depth + 1, files);
        } else if !kind.is_dir() && [".lua", ".yaml", ".yml"].iter().any(|ending| name.ends_with(ending)) {
            files.push(path);
        }
    }
}

/// Says what is wrong with a runbook or script, or that it is good.
fn is_good(name: &str) -> anyhow::Result<bool> {
    if name.ends_with(".lua") {
        return is_good_script(name);
    }
    if let Some(whole) = whole(Path::new(name)) {
        return is_good(&whole.display().to_string());
    }
    match find(Kind::Runbook, name) {
        Ok(found) => is_good_runbook(name, &found),
        Err(error) => match find(Kind::Check, name) {
            Ok(found) => is_good_text(&found.text, &found.origin, Some(&found)),
            Err(_) => {
                say(format_args!("casebook: {error}"));
                Ok(false)
            }
        },
    }
}

fn find(kind: Kind, name: &str) -> Result<Found, runbook::NotFound> {
    runbook::find(kind, name, None, Trust::Waived)
}

fn is_good_runbook(name: &str, found: &Found) -> anyhow::Result<bool> {
    match runbook::inspect_found(found, Trust::Waived) {
        Ok(runbook) => {
            let parts =
                [(runbook.steps.len(), "step"), (runbook.causes.len(), "cause"), (runbook.params.len(), "parameter")];
            let parts = parts.map(|(count, one)| counted(count, one)).join(", ");
            let asks = asked(&runbook);
            if !runbook.warnings.is_empty() {
                let warnings =
                    Problems { origin: found.origin.clone(), text: found.text.clone(), problems: runbook.warnings };
                say(warnings.render(screen::stderr_color()));
            }
            good(name, &format!("{parts}{asks}"))?;
            Ok(true)
        }
        Err(problems) => {
            say(problems.render(screen::stderr_color()));
            Ok(false)
        }
    }
}

/// The rights that a runbook asks for, for those who are to run it.
fn asked(runbook: &Runbook) -> String {
    // One that cannot do without a parameter is planned with it: `casebook plan`.
    let foresights = engine::foresee(runbook, &Map::new()).unwrap_or_default();
    let asks = |right: &Right| foresights.iter().any(|foresight| foresight.rights().contains(right));
    let rights: Vec<&str> = Right::ALL.into_iter().filter(asks).map(Right::word).collect();
    if rights.is_empty() { String::new() } else { format!("; it asks for --allow {}", rights.join(",")) }
}

fn is_good_check(name: &str, found: &Found) -> anyhow::Result<bool> {
    match runbook::load_check(found, Trust::Waived) {
        Ok(check) => {
            good(
                name,
                &format!(
                    "a check, {}, {}",
                    counted(check.params.len(), "parameter"),
                    counted(check.needs.len(), "probe")
                ),
            )?;
            Ok(true)
        }
        Err(problems) => {
            say(problems.render(screen::stderr_color()));
            Ok(false)
        }
    }
}

fn is_good_script(name: &str) -> anyhow::Result<bool> {
    let text = match text_file::read(Path::new(name), script_lint::LARGEST as u64) {
        Ok(text) => text,
        Err(why) => {
            say(format_args!("casebook: cannot read the script {name}: {why}"));
            return Ok(false);
        }
    };
    is_good_text(&text, name, find(Kind::Runbook, name).ok().as_ref())
}

/// What stands in a script is judged first; then it is read as it will be when it runs.
fn is_good_text(text: &str, name: &str, found: Option<&Found>) -> anyhow::Result<bool> {
    let findings = script_lint::lint(text, name);
    let problems = findings.into_iter().map(|finding| Problem {
        message: finding.message,
        help: finding.help,
        range: Some(finding.range),
        file: None,
        is_warning: finding.level == Level::Warning,
    });
    let problems = Problems { origin: name.to_owned(), problems: problems.collect(), text: text.to_owned() };
    if !problems.problems.is_empty() {
        say(problems.render(screen::stderr_color()));
    }
    if problems.are_grave() {
        return Ok(false);
    }
    match (script_lint::kind(text), found) {
        (ScriptKind::Check, Some(found)) => is_good_check(name, found),
        (ScriptKind::Runbook, Some(found)) => is_good_runbook(name, found),
        _ => {
            good(name, "a module")?;
            Ok(true)
        }
    }
}

fn good(name: &str, what: &str) -> std::io::Result<()> {
    output::read_enough(writeln!(screen::stdout(), "{}: good: {what}", printable(name)))
}
