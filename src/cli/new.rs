//! `casebook new`: a check or runbook to begin with, and its test beside it.
#![allow(clippy::disallowed_methods, reason = "the operator asked for these files")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Usage;
use super::arguments::{NewArguments, NewKind};
use crate::script::is_keyword;

const CHECK: &str = include_str!("../../lua/templates/check.lua");
const CHECK_TEST: &str = include_str!("../../lua/templates/check.test.yaml");
const RUNBOOK: &str = include_str!("../../lua/templates/runbook.yaml");
const RUNBOOK_TEST: &str = include_str!("../../lua/templates/runbook.test.yaml");
const LUA_RUNBOOK: &str = include_str!("../../lua/templates/runbook.lua");

pub(super) fn new(arguments: &NewArguments) -> anyhow::Result<u8> {
    let name = valid(&arguments.name, arguments.kind)?;
    let (folder, files): (_, Vec<(String, &str)>) = match (arguments.kind, arguments.lua) {
        (NewKind::Check, _) => {
            ("lua/checks", vec![(format!("{name}.lua"), CHECK), (format!("{name}.test.yaml"), CHECK_TEST)])
        }
        (NewKind::Runbook, false) => {
            ("runbooks", vec![(format!("{name}.yaml"), RUNBOOK), (format!("{name}.test.yaml"), RUNBOOK_TEST)])
        }
        (NewKind::Runbook, true) => ("runbooks", vec![(format!("{name}.lua"), LUA_RUNBOOK)]),
    };
    let folder = arguments.dir.clone().unwrap_or_else(|| PathBuf::from(folder));
    if let Some(taken) = files.iter().map(|(file, _)| folder.join(file)).find(|path| path.exists()) {
        return Err(Usage(format!("{} is there already; take another name", taken.display())).into());
    }
    let refused = |path: &Path, error: std::io::Error| Usage(format!("cannot write {}: {error}", path.display()));
    fs::create_dir_all(&folder).map_err(|error| refused(&folder, error))?;
    let mut out = std::io::stdout().lock();
    for (file, template) in &files {
        let path = folder.join(file);
        fs::write(&path, template.replace("NAME", name)).map_err(|error| refused(&path, error))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    let first = folder.join(&files[0].0);
    let run = match arguments.kind {
        NewKind::Check => "check",
        NewKind::Runbook => "run",
    };
    writeln!(out, "\nNow:\n  casebook lint {0}\n  casebook {run} {0}", shown(&first))?;
    if let Some((test, _)) = files.get(1) {
        writeln!(out, "  casebook test {}", shown(&folder.join(test)))?;
    }
    Ok(0)
}

/// A path as a command line takes it for a file.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains('/') { text } else { format!("./{text}") }
}

/// The name, when files and steps can have it.
fn valid(name: &str, kind: NewKind) -> Result<&str, Usage> {
    let (what, joint) = match kind {
        NewKind::Check => ("check", '_'),
        NewKind::Runbook => ("runbook", '-'),
    };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == joint;
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits) && !is_keyword(name) {
        return Ok(name);
    }
    Err(Usage(format!(
        "`{name}` cannot be the name of a {what}: use lower case letters, digits and `{joint}`, beginning with a letter"
    )))
}
