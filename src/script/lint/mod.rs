//! Finds mistakes in Lua checks and runbooks without running them.
//!
//! What a script decides while it runs is left alone: a mistake that is not found costs less than an alarm about none.

mod abstract_value;
mod commands;
mod globals;
mod header;
mod names;
mod probes;
mod tables;
mod walk;

use std::ops::Range;
use std::sync::mpsc;
use std::time::Duration;

use mlua::chunk::ChunkMode;
use mlua::{Lua, LuaOptions, StdLib};

use super::slips;
use super::syntax::{Failure, parse};
use crate::suggest::Suggestion;

/// The largest script that is looked at, in bytes.
pub const LARGEST: usize = 1024 * 1024;
/// How many findings of one script are told.
const MOST: usize = 50;
/// How long Lua may take to read a script.
const PATIENCE: Duration = Duration::from_secs(5);
/// Memory that Lua may use to read a script.
const MEMORY: usize = 256 * 1024 * 1024;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The script cannot work as it is.
    Error,
    /// It can, but was hardly meant so.
    Warning,
}

/// Something in a script that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Where, as a range of bytes in the text.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    fn error(range: Range<usize>, message: impl Into<String>) -> Self {
        Finding { level: Level::Error, range, message: message.into(), help: None }
    }

    fn warning(range: Range<usize>, message: impl Into<String>) -> Self {
        Finding { level: Level::Warning, ..Finding::error(range, message) }
    }

    fn help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }
}

/// What a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It ends with `return check { … }`.
    Check,
    /// It ends with `return runbook { … }`.
    Runbook,
    /// Something that others `require`.
    Module,
}

/// What a script is; a module, when it cannot be read.
pub fn kind(text: &str) -> Kind {
    let script = parse(text).unwrap_or_default();
    match header::declares(&script) {
        Some("check") => Kind::Check,
        Some("runbook") => Kind::Runbook,
        _ => Kind::Module,
    }
}

/// The names of the parameters that a check declares, as far as they are written out; the script does not run.
pub fn declared_params(text: &str) -> Vec<String> {
    let script = parse(text).unwrap_or_default();
    let names = names::Names::of(&script);
    let params = header::Header::of(&script, &names).params;
    params.into_iter().flatten().map(|(name, _)| name).collect()
}

/// What is wrong with a script, in the order of its text. `origin` is what messages of Lua call it.
pub fn lint(text: &str, origin: &str) -> Vec<Finding> {
    if text.len() > LARGEST {
        return vec![Finding::error(0..0, format!("the script is larger than {} MiB", LARGEST / 1024 / 1024))];
    }
    if let Err(message) = compile(text, origin) {
        return vec![unreadable(text, &message)];
    }
    // What Lua can read and we cannot, we say nothing about.
    let Ok(script) = parse(text) else { return Vec::new() };
    let names = names::Names::of(&script);
    let mut findings = globals::check(&names);
    for finding in &mut findings {
        let behind = text.get(finding.range.end..).unwrap_or_default();
        if matches!(text.get(finding.range.clone()), Some("f" | "F")) && behind.starts_with(['"', '\'']) {
            finding.help = Some(slips::F_STRINGS.to_owned());
        }
    }
    findings.extend(walk::check(&script, &names));
    findings.extend(header::unreturned(&script, &names));
    findings.sort_by_key(|finding| (finding.range.start, finding.level));
    findings.truncate(MOST);
    findings
}

/// Why Lua cannot read a script: what came from another language, else what the parser or Lua itself says.
fn unreadable(text: &str, message: &str) -> Finding {
    if let Some(slip) = slips::find(text, slips::Place::Script) {
        return Finding::error(slip.range, slip.message);
    }
    let finding = match parse(text) {
        Err(Failure::Syntax { message, range }) => Finding::error(range, message),
        _ => by_line(text, message),
    };
    let help = match text.get(finding.range.clone()) {
        Some("=") => Some("in a condition, `=` is no comparison: write `==`".to_owned()),
        _ if text.get(..finding.range.start).is_some_and(has_else_if) => {
            Some("`else if` opens a second `if`, which wants an `end` of its own: write `elseif`".to_owned())
        }
        _ => None,
    };
    finding.help(help)
}

fn has_else_if(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let mut before = "";
    words.any(|word| std::mem::replace(&mut before, word) == "else" && word == "if")
}

/// Whether Lua can read the script; its message, when not.
///
/// There are texts that Lua's compiler needs minutes for, and it cannot be stopped: a thread that takes too long is left
/// behind.
fn compile(text: &str, origin: &str) -> Result<(), String> {
    let (text, origin) = (text.to_owned(), origin.to_owned());
    let (say, answer) = mpsc::channel();
    let thread = std::thread::Builder::new().name("lint".into()).spawn(move || {
        // Nobody listens any more when it took too long.
        let _ = say.send(compile_here(&text, &origin));
    });
    thread.map_err(|error| format!("cannot start a thread to read the script: {error}"))?;
    answer
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| Err(format!("Lua needs more than {} s to read the script", PATIENCE.as_secs())))
}

fn compile_here(text: &str, origin: &str) -> Result<(), String> {
    let read = || -> mlua::Result<()> {
        let lua = Lua::new_with(StdLib::NONE, LuaOptions::default())?;
        lua.set_memory_limit(MEMORY)?;
        // Lua passes over the first line only when it reads a file itself.
        let body = if text.starts_with('#') { format!("--{text}") } else { text.to_owned() };
        lua.load(body).set_name(format!("={origin}")).set_mode(ChunkMode::Text).into_function().map(|_| ())
    };
    read().map_err(|error| match error {
        mlua::Error::SyntaxError { message, .. } => message,
        other => other.to_string(),
    })
}

/// A message of Lua, `origin:3: unfinished string near '"x'`, at its line.
fn by_line(text: &str, message: &str) -> Finding {
    let mut parts = message.splitn(2, ": ");
    let (place, rest) = (parts.next().unwrap_or_default(), parts.next());
    let number = place.rsplit(':').next().and_then(|digits| digits.parse::<usize>().ok());
    let (Some(number), Some(rest)) = (number, rest) else { return Finding::error(0..0, message) };
    let mut start = 0;
    for line in text.split_inclusive('\n').take(number.saturating_sub(1)) {
        start += line.len();
    }
    let line = text[start..].lines().next().unwrap_or_default();
    let indent = line.len() - line.trim_start().len();
    Finding::error(start + indent..start + line.trim_end().len().max(indent), rest)
}

/// "did you mean …?", or what there is.
fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    Suggestion::of(name, candidates).or_list()
}

#[cfg(test)]
mod tests;
