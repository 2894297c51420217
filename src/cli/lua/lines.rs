//! Where the lines of a session come from: the command line, a terminal with editing and history, or a pipe.
#![allow(clippy::disallowed_methods, reason = "the prompt keeps its history")]

use std::collections::VecDeque;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::complete::Names;
use crate::cli::say;

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
            if let Some(history) = history() {
                // The first time there is none.
                let _ = editor.load_history(&history);
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
        if let (From::Terminal(editor), Some(path)) = (&mut self.from, history()) {
            let kept = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            // A home that cannot be written to is no reason to complain at the end.
            let _ = kept.map(|()| editor.save_history(&path));
        }
    }
}

/// Where the lines of earlier sessions are kept.
pub(in crate::cli) fn history() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|state| !state.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("casebook/lua_history"))
}
