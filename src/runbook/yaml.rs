//! What the YAML reader says, in a runbook author's words.

use serde_yaml::Error;

use super::place::byte_offset;
use super::problem::Problem;
use crate::nearest::nearest;

/// The reader's error as a problem with its place.
pub(super) fn problem(text: &str, error: &Error) -> Problem {
    let error = error.without_snippet();
    let range = error.location().map(|at| {
        let start = byte_offset(text, at.line() as usize, at.column() as usize);
        start..start + word(&text[start..])
    });
    let (message, help) = said(error);
    Problem::new(range, message).help(help)
}

/// The length of the word at the start of the text; one character at least, where there is one.
fn word(rest: &str) -> usize {
    let end = rest.find(|c: char| c.is_whitespace() || ":,]}".contains(c)).unwrap_or(rest.len());
    if end > 0 { end } else { rest.chars().next().map_or(0, char::len_utf8) }
}

fn said(error: &Error) -> (String, Option<String>) {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("there is no field `{field}` here"), Some(suggestion(field, expected)))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("`{variant}` is not a word that can stand here"), Some(suggestion(variant, expected)))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("the field `{field}` is missing"), Some(format!("add `{field}:` to what begins here")))
        }
        Error::DuplicateMappingKey { key, .. } => match key {
            Some(key) => (format!("`{key}` is given twice"), Some("remove one of the two".to_owned())),
            None => ("a field is given twice".to_owned(), None),
        },
        Error::UnknownAnchor { .. } => ("this alias has no anchor".to_owned(), Some(QUOTE_STAR.to_owned())),
        Error::Eof { .. } => ("the runbook is empty".to_owned(), Some(FIELDS.to_owned())),
        Error::MultipleDocuments { .. } => {
            ("there is more than one document in this file".to_owned(), Some("keep one runbook in a file".to_owned()))
        }
        Error::Unexpected { expected, .. } => (format!("{} is wanted here", form(expected)), None),
        Error::InvalidScalar { ty, .. } => (format!("{} is wanted here", form(ty)), None),
        Error::InvalidBooleanStrict { .. } => (format!("{} is wanted here", form("boolean")), None),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            let help = "it nests too deep, has too many parts, or its aliases multiply; split it or write it out";
            ("the runbook is too large from here on".to_owned(), Some(help.to_owned()))
        }
        Error::AliasError { error, .. } => said(error),
        other => (plain(&other.to_string()), None),
    }
}

const FIELDS: &str = "it begins with `name:`, `title:` and `steps:`; `casebook schema runbook` has them all";
const QUOTE_STAR: &str = "a text that begins with `*` is written in quotes";

fn form(expected: &str) -> String {
    match expected {
        "mapping start" => "a mapping (`field: value`)".to_owned(),
        "sequence start" => "a list (`- item`)".to_owned(),
        "string scalar" => "a text".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "i64" => "a whole number".to_owned(),
        other => other.to_owned(),
    }
}

fn suggestion(name: &str, expected: &[&str]) -> String {
    match nearest(name, expected.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", expected.join(", ")),
    }
}

/// The message without the place, which the snippet shows better.
fn plain(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    line.rsplit_once(" at line ").map_or(line, |(said, _)| said).to_owned()
}
