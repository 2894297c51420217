//! `casebook new`: a check or runbook to begin with, and its test beside it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::arguments::{NewArguments, NewKind};
use super::{Usage, screen};
use crate::script::is_keyword;
use crate::sys::outlet;

const CHECK: &str = include_str!("../../lua/templates/check.lua");
const CHECK_TEST: &str = include_str!("../../lua/templates/check.test.yaml");
const RUNBOOK: &str = include_str!("../../lua/templates/runbook.yaml");
const RUNBOOK_TEST: &str = include_str!("../../lua/templates/runbook.test.yaml");
const LUA_RUNBOOK: &str = include_str!("../../lua/templates/runbook.lua");

/// The permissions of what is written, before the umask.
const FOLDER: u32 = 0o777;
const FILE: u32 = 0o666;

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
    let refused =
        |path: &Path, error: &dyn std::fmt::Display| Usage(format!("cannot write {}: {error}", path.display()));
    let taken = |path: &Path| Usage(format!("{} is there already; take another name", path.display()));
    // A link that leads nowhere has its name, too.
    if let Some(there) = files.iter().map(|(file, _)| folder.join(file)).find(|path| path.symlink_metadata().is_ok()) {
        return Err(taken(&there).into());
    }
    let made = outlet::folder(&folder, Some(FOLDER)).map_err(|error| refused(&folder, &error))?;
    let mut out = screen::stdout();
    for (file, template) in &files {
        let path = folder.join(file);
        let written = outlet::create_in(&made, file.as_ref(), FILE)
            .map_err(io::Error::from)
            .and_then(|mut new| new.write_all(template.replace("NAME", name).as_bytes()));
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(&path),
            _ => refused(&path, &error),
        })?;
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
