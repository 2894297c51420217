//! Where the lines of a session come from: the command line, a terminal with editing and history, or a pipe.

use std::collections::VecDeque;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::complete::Names;
use crate::cli::say;
use crate::sys::outlet::{self, Part};

/// Lines that the history keeps.
const KEPT: usize = 1_000;

/// Lines, one after the other.
pub(super) struct Lines {
    from: From,
    over: bool,
}

enum From {
    Given(VecDeque<String>),
    Pipe(std::io::Lines<std::io::StdinLock<'static>>),
    Terminal(Box<Editor<Names, FileHistory>>),
}

impl Lines {
    /// Lines that were given, else those of standard input.
    pub fn open(given: &[String]) -> anyhow::Result<Self> {
        let from = if !given.is_empty() {
            From::Given(given.iter().cloned().collect())
        } else if std::io::stdin().is_terminal() {
            let config = Config::builder().max_history_size(KEPT)?.auto_add_history(true).build();
            let mut editor = Editor::with_config(config)?;
            editor.set_helper(Some(Names::default()));
            for line in history().map(|folder| kept(&folder)).unwrap_or_default() {
                // A line that it does not want is no loss.
                let _ = editor.add_history_entry(line);
            }
            say("casebook lua: cx.probe(\"sockets\") asks a probe, Tab completes, Ctrl-D ends.");
            From::Terminal(Box::new(editor))
        } else {
            From::Pipe(std::io::stdin().lock().lines())
        };
        Ok(Lines { from, over: false })
    }

    /// The next line; none at the end.
    pub fn next(&mut self, goes_on: bool) -> Option<String> {
        let line = match &mut self.from {
            From::Given(lines) => lines.pop_front(),
            From::Pipe(lines) => lines.next().and_then(Result::ok),
            From::Terminal(editor) => loop {
                match editor.readline(if goes_on { ">> " } else { "> " }) {
                    Ok(line) => {
                        if let Some(names) = editor.helper_mut() {
                            names.learn(&line);
                        }
                        break Some(line);
                    }
                    // Ctrl-C drops the line.
                    Err(ReadlineError::Interrupted) => {}
                    Err(_) => break None,
                }
            },
        };
        self.over = line.is_none();
        line
    }

    /// Whether the last line was read.
    pub fn are_over(&self) -> bool {
        self.over || matches!(&self.from, From::Given(lines) if lines.is_empty())
    }

    /// Whether somebody types them.
    pub fn are_typed(&self) -> bool {
        matches!(self.from, From::Terminal(_))
    }

    /// Keeps the history for the next session.
    pub fn keep(&mut self) {
        if let (From::Terminal(editor), Some(folder)) = (&mut self.from, history()) {
            // A home that cannot be written to is no reason to complain at the end.
            let _ = keep(&folder, editor.history().iter());
        }
    }
}

/// The name of the history.
const HISTORY: &str = "lua_history";
/// The largest history that is read.
const LARGEST: u64 = 1024 * 1024;

/// The lines of the history; none the first time.
fn kept(folder: &Path) -> Vec<String> {
    let read = outlet::folder(folder, None).ok().and_then(|folder| folder.read(Path::new(HISTORY), LARGEST).ok());
    let text = read.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.lines().filter(|line| *line != "#V2").map(str::to_owned).collect()
}

/// Writes the history, for this user's eyes only: what somebody tried may hold secrets.
fn keep<'l>(folder: &Path, lines: impl Iterator<Item = &'l String>) -> io::Result<()> {
    let folder = outlet::folder(folder, Some(0o700))?;
    let part = Part::begin(&folder, 0o600)?;
    let text: String = lines.filter(|line| !line.contains('\n')).map(|line| format!("{line}\n")).collect();
    part.file().write_all(text.as_bytes())?;
    part.place(HISTORY.as_ref())
}

/// The folder that the history lies in.
pub(in crate::cli) fn history() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|state| !state.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("casebook"))
}
