//! `casebook lint`.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::arguments::LintArguments;
use super::{output, say};
use crate::runbook::{self, Problem, Problems};
use crate::script::lint::{self as script_lint, Kind, Level};
use crate::sys::text_file;

/// How deep folders are searched.
const DEPTH: usize = 8;

pub(super) fn lint(arguments: &LintArguments) -> anyhow::Result<u8> {
    let mut bad = 0;
    for name in &arguments.files {
        let path = Path::new(name);
        if !path.is_dir() {
            bad += usize::from(!is_good(name)?);
            continue;
        }
        let mut files = Vec::new();
        collect(path, 0, &mut files);
        files.sort();
        if files.is_empty() {
            say(format_args!("casebook: there are no runbooks and no Lua files in {name}"));
            bad += 1;
        }
        for file in files {
            bad += usize::from(!is_good(&file.display().to_string())?);
        }
    }
    Ok(if bad == 0 { 0 } else { super::BAD_USAGE })
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
    let found = match runbook::find(name) {
        Ok(found) => found,
        Err(error) => {
            say(format_args!("casebook: {error}"));
            return Ok(false);
        }
    };
    match runbook::load(&found.text, &found.origin) {
        Ok(runbook) => {
            let (steps, causes, params) = (runbook.steps.len(), runbook.causes.len(), runbook.params.len());
            good(name, &format!("{steps} steps, {causes} causes, {params} parameters"))?;
            Ok(true)
        }
        Err(problems) => {
            say(problems.render(output::stderr_color()));
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
    let findings = script_lint::lint(&text, name);
    let problems = findings.into_iter().map(|finding| Problem {
        message: finding.message,
        help: finding.help,
        range: Some(finding.range),
        is_warning: finding.level == Level::Warning,
    });
    let kind = match script_lint::kind(&text) {
        Kind::Check => "a check",
        Kind::Runbook => "a runbook",
        Kind::Module => "a module",
    };
    let problems = Problems { origin: name.to_owned(), problems: problems.collect(), text };
    if !problems.problems.is_empty() {
        say(problems.render(output::stderr_color()));
    }
    if problems.are_grave() {
        return Ok(false);
    }
    good(name, kind)?;
    Ok(true)
}

fn good(name: &str, what: &str) -> std::io::Result<()> {
    output::read_enough(writeln!(std::io::stdout(), "{name}: good: {what}"))
}
