//! What the YAML reader says, in an author's words.

use serde::de::DeserializeOwned;
use serde_yaml::Error;

use super::place::byte_offset;
use super::problem::{Problem, SourceFile};
use crate::embedded;
use crate::suggest::Suggestion;

/// How much of a runbook is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// All of it.
    Whole,
    /// Its form alone: a test has checked the names and the grammar of the expressions of what ships.
    Form,
    /// Only its parameters and what it is picked by; nothing else of it is there then.
    Head,
}

/// What a document is, for messages about the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Runbook,
    /// A file that a runbook includes.
    Part,
    Tests,
}

impl Form {
    /// What it is called, and that several of it are too many in one file.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Form::Runbook => ("the runbook is", "keep one runbook in a file"),
            Form::Part => ("the part of a runbook is", "keep one part of a runbook in a file, as one document"),
            Form::Tests => ("the tests are", "keep the tests of one check or runbook in a file, as one document"),
        }
    }

    const fn beginning(self) -> &'static str {
        match self {
            Form::Runbook => "it begins with `name:`, `title:` and `steps:`; `casebook schema runbook` has them all",
            Form::Part => "it holds any of `params:`, `data:`, `let:`, `facts:`, `steps:` and `causes:`",
            Form::Tests => {
                "they begin with `check:` or `runbook:`, and `tests:`; `casebook schema test` has all fields"
            }
        }
    }
}

/// What a runbook says: as it is written, where all is to be checked with its place; or else as far as it is wanted of what the
/// program carries.
pub(super) fn document<D: DeserializeOwned>(file: &SourceFile, depth: Depth) -> Result<D, Error> {
    match file.whole.as_deref().and_then(|path| carried(path, depth)) {
        Some(document) => Ok(document),
        None => serde_yaml::from_str(&file.text),
    }
}

/// A runbook with all that it includes, as the program carries it without places, by the path of its first file.
#[expect(clippy::disallowed_methods, reason = "the program carries the text")]
pub(super) fn carried<D: DeserializeOwned>(path: &str, depth: Depth) -> Option<D> {
    let json = match depth {
        Depth::Whole => None,
        Depth::Form => embedded::whole_json(path),
        Depth::Head => embedded::head_json(path),
    };
    json.and_then(|json| serde_json::from_str(&json).ok())
}

/// The reader's error as a problem with its place.
pub(crate) fn problem(text: &str, error: &Error, form: Form) -> Problem {
    let error = error.without_snippet();
    if let Some(problem) = unquoted_template(text, error) {
        return problem;
    }
    let range = error.location().map(|at| {
        let start = byte_offset(text, at.line() as usize, at.column() as usize);
        start..start + word(&text[start..])
    });
    let (message, help) = said(error, form);
    Problem::new(range, message).help(help)
}

/// A value that begins with `{{` and stands in no quotes, at or right above the place of an error: YAML takes it for a mapping.
fn unquoted_template(text: &str, error: &Error) -> Option<Problem> {
    let line = usize::try_from(error.location()?.line()).ok()?;
    let mut start = 0;
    let mut found = None;
    for (number, written) in (1..=line).zip(text.split_inclusive('\n')) {
        let value = written.find(": {{").map(|at| at + 2).or_else(|| written.find("- {{").map(|at| at + 2));
        if let Some(at) = value.filter(|at| number + 1 >= line && !written[..*at].contains(['"', '\'', '#'])) {
            found = Some(start + at..start + written.trim_end().len());
        }
        start += written.len();
    }
    let range = found?;
    let message = "YAML takes `{{` for the beginning of a mapping";
    let value = text[range.clone()].replace('"', "'");
    Some(Problem::new(Some(range), message).help(Some(format!("write the text in quotes: \"{value}\""))))
}

/// The length of the word at the start of the text; one character at least, where there is one.
fn word(rest: &str) -> usize {
    let end = rest.find(|c: char| c.is_whitespace() || ":,]}".contains(c)).unwrap_or(rest.len());
    if end > 0 { end } else { rest.chars().next().map_or(0, char::len_utf8) }
}

fn said(error: &Error, form: Form) -> (String, Option<String>) {
    let (subject, one) = form.words();
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
        Error::Eof { .. } => (format!("{subject} empty"), Some(form.beginning().to_owned())),
        Error::MultipleDocuments { .. } => {
            ("there is more than one document in this file".to_owned(), Some(one.to_owned()))
        }
        Error::Unexpected { expected, .. } => (format!("{} is wanted here", wanted(expected)), None),
        Error::InvalidScalar { ty, .. } => (format!("{} is wanted here", wanted(ty)), None),
        Error::InvalidBooleanStrict { .. } => (format!("{} is wanted here", wanted("boolean")), None),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            let help = "it nests too deep, has too many parts, or its aliases multiply; split it or write it out";
            (format!("{subject} too large from here on"), Some(help.to_owned()))
        }
        Error::AliasError { error, .. } => said(error, form),
        other => (plain(&other.to_string()), None),
    }
}

const QUOTE_STAR: &str = "a text that begins with `*` is written in quotes";

fn wanted(expected: &str) -> String {
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
    Suggestion::of(name, expected.iter().copied()).or_list().unwrap_or_default()
}

/// The message without the place, which the snippet shows better.
fn plain(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    line.rsplit_once(" at line ").map_or(line, |(said, _)| said).to_owned()
}
