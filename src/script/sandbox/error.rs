//! What a script did wrong: the message, the place, and the way there through the script's own functions.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::printable::printable;
use crate::sys::lua_hook::Place;

/// Bytes of a message that are kept: a script may raise what it likes.
const MESSAGE_BYTES: usize = 2_000;
/// Frames that are kept.
const FRAMES: usize = 20;

/// An error that a script raised, or that its text has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// What is wrong, without the place.
    pub message: String,
    /// The script's file, as it was named; empty when it cannot be told.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The calls that led there, innermost first, each as `file:line: in function 'name'`; those of the engine left out.
    pub traceback: Vec<String>,
    /// What may help.
    pub hint: Option<String>,
}

impl std::error::Error for ScriptError {}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, Some(line)) => write!(f, "{file}:{line}: ")?,
            (file, None) => write!(f, "{file}: ")?,
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl ScriptError {
    /// Where it is.
    pub fn place(&self) -> Option<Place> {
        self.line.filter(|_| !self.file.is_empty()).map(|line| Place { file: self.file.clone(), line })
    }

    /// The error out of one of Lua. `names` are the names of all chunks, because Lua shortens long ones.
    pub(crate) fn of(error: &mlua::Error, names: &[String]) -> Self {
        let mut traceback = String::new();
        let mut cause = error;
        loop {
            match cause {
                mlua::Error::CallbackError { traceback: outer, cause: inner } => {
                    // The innermost callback is nearest to the cause.
                    outer.clone_into(&mut traceback);
                    cause = inner;
                }
                mlua::Error::WithContext { cause: inner, .. } => cause = inner,
                _ => break,
            }
        }
        let text = match cause {
            mlua::Error::SyntaxError { message, .. } => message.clone(),
            mlua::Error::RuntimeError(message) => message.clone(),
            other => other.to_string(),
        };
        let text = match text.split_once("\nstack traceback:\n") {
            Some((message, frames)) => {
                frames.clone_into(&mut traceback);
                message.to_owned()
            }
            None => text,
        };
        let frames: Vec<String> = traceback.lines().filter_map(|line| frame(line, names)).take(FRAMES).collect();
        let (place, message) = match placed(&text, names) {
            Some((place, message)) => (Some(place), message),
            None => (frames.first().and_then(|frame| placed(frame, names)).map(|(place, _)| place), text.as_str()),
        };
        let message = bounded(message);
        ScriptError {
            message,
            line: place.as_ref().map(|place| place.line),
            file: place.map(|place| place.file).unwrap_or_default(),
            traceback: frames,
            hint: None,
        }
    }

    /// An error without a place.
    pub(super) fn plain(message: impl Into<String>) -> Self {
        ScriptError { message: message.into(), file: String::new(), line: None, traceback: Vec::new(), hint: None }
    }

    /// The error with the line of the script that it is in, as a compiler would show it; `text` is the script's.
    pub fn snippet(&self, text: &str, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut group = Group::with_title(Level::ERROR.primary_title(self.message.as_str()));
        let line = self.line.and_then(|line| span_of_line(text, line));
        group = match line {
            Some(span) => group
                .element(Snippet::source(text).path(self.file.as_str()).annotation(AnnotationKind::Primary.span(span))),
            None if self.file.is_empty() => group,
            None => group.element(Level::NOTE.message(format!("in {}", self.file))),
        };
        // The first frame is the line that is shown.
        for frame in self.traceback.iter().skip(usize::from(self.line.is_some())) {
            group = group.element(Level::NOTE.message(format!("called from {frame}")));
        }
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        renderer.render(&[group])
    }
}

/// The bytes of a line without its indent.
fn span_of_line(text: &str, line: usize) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    for (index, content) in text.split_inclusive('\n').enumerate() {
        if index + 1 == line {
            let begin = start + (content.len() - content.trim_start().len());
            return Some(begin..(start + content.trim_end().len()).max(begin));
        }
        start += content.len();
    }
    None
}

/// A message that can be shown: of bounded length, without control characters but line ends.
fn bounded(message: &str) -> String {
    let mut end = message.len().min(MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let cut = if end < message.len() { "…" } else { "" };
    let lines: Vec<String> = message[..end].lines().map(printable).collect();
    format!("{}{cut}", lines.join("\n"))
}

/// A line of Lua's traceback, if it is a frame of a script.
fn frame(line: &str, names: &[String]) -> Option<String> {
    let line = line.trim();
    let (place, rest) = placed(line, names)?;
    // Lua names a function by the place of its definition where it has no better name.
    Some(bounded(&format!("{}:{}: {rest}", place.file, place.line)))
}

/// Splits `file:line: rest`, where the file is a chunk's name, maybe shortened by Lua to `...its end`.
fn placed<'t>(text: &'t str, names: &[String]) -> Option<(Place, &'t str)> {
    names.iter().find_map(|name| {
        let rest = match text.strip_prefix(name.as_str()) {
            Some(rest) => rest,
            None => {
                let shortened = text.strip_prefix("...")?;
                let (end, _) =
                    shortened.match_indices(':').find(|(end, _)| name.ends_with(&shortened[..*end]) && *end > 0)?;
                &shortened[end..]
            }
        };
        let rest = rest.strip_prefix(':')?;
        let (line, rest) = rest.split_once(':')?;
        let line = line.parse().ok()?;
        Some((Place { file: name.clone(), line }, rest.strip_prefix(' ').unwrap_or(rest)))
    })
}
