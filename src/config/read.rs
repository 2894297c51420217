//! From the text of a file to its entries: TOML, every key known, every value in its form.

use std::path::Path;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Entry;
use super::keys::{KEYS, Key, SECRETS, SECTIONS, Takes};
use crate::printable::printable;
use crate::suggest::Suggestion;

/// A problem is a sentence that begins with the file and the line.
type Problems = Vec<String>;

/// The entries of a file, by their keys with dots.
pub(super) fn entries(text: &str, path: &Path) -> Result<Vec<(String, Entry)>, Problems> {
    let mut reader = Reader { text, path, entries: Vec::new(), problems: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => reader.file(table.get_ref()),
        Err(error) => reader.problem(error.span().map_or(0, |span| span.start), error.message().trim()),
    }
    if reader.problems.is_empty() { Ok(reader.entries) } else { Err(reader.problems) }
}

struct Reader<'t> {
    text: &'t str,
    path: &'t Path,
    entries: Vec<(String, Entry)>,
    problems: Problems,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.get(..at).unwrap_or(self.text).matches('\n').count() + 1
    }

    fn problem(&mut self, at: usize, what: &str) {
        let path = printable(self.path.as_os_str().as_encoded_bytes());
        self.problems.push(format!("{path}:{}: {}", self.line(at), printable(what)));
    }

    fn entry(&mut self, key: String, at: usize, value: Value) {
        self.entries.push((key, Entry { value, file: self.path.to_owned(), line: self.line(at) }));
    }

    fn file(&mut self, table: &DeTable) {
        for (key, value) in table.iter() {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let known = SECTIONS.iter().any(|(section, _)| *section == name);
            match value.get_ref() {
                DeValue::Table(inner) if name == "params" => self.params(inner),
                DeValue::Table(inner) if name == "tracker" => self.trackers(inner),
                DeValue::Table(inner) if known => self.section(name, inner),
                _ if known => self.problem(at, &format!("`{name}` is a section: write [{name}]")),
                _ => {
                    let sections = SECTIONS.iter().map(|(section, _)| *section);
                    let said = format!("there is no section `{name}`");
                    self.problem(at, &Suggestion::of(name, sections).or_list_behind(&said));
                }
            }
        }
    }

    /// `[params]` and `[params.RUNBOOK]`.
    fn params(&mut self, table: &DeTable) {
        for (key, value) in table.iter() {
            match value.get_ref() {
                DeValue::Table(inner) => {
                    for (name, value) in inner.iter() {
                        self.param(&format!("{}.{}", key.get_ref(), name.get_ref()), name.span().start, value);
                    }
                }
                _ => self.param(key.get_ref(), key.span().start, value),
            }
        }
    }

    fn param(&mut self, name: &str, at: usize, value: &Spanned<DeValue>) {
        match single(value.get_ref()) {
            Some(text) => self.entry(format!("params.{name}"), at, Value::String(text)),
            None => self.problem(at, &format!("`{name}` takes one value: a text in quotes, a number, true or false")),
        }
    }

    fn trackers(&mut self, table: &DeTable) {
        let mut known: Vec<&str> = KEYS.iter().filter_map(|key| key.section.strip_prefix("tracker.")).collect();
        known.dedup();
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(inner) if known.contains(&name) => self.section(&format!("tracker.{name}"), inner),
                _ => {
                    let said = format!("there is no section `tracker.{name}`");
                    self.problem(key.span().start, &Suggestion::of(name, known.iter().copied()).or_list_behind(&said));
                }
            }
        }
    }

    fn section(&mut self, section: &str, table: &DeTable) {
        for (key, value) in table.iter() {
            let (name, at) = (key.get_ref().as_ref(), key.span().start);
            let names = || KEYS.iter().filter(|key| key.section == section).map(|key| key.name);
            let Some(known) = KEYS.iter().find(|key| key.section == section && key.name == name) else {
                let said = format!("there is no key `{name}` in [{section}]");
                self.problem(
                    at,
                    &match SECRETS.iter().find(|(secret, _)| *secret == name) {
                        Some((_, instead)) => format!("{said}: a secret has no place in this file; write {instead}"),
                        None => Suggestion::of(name, names()).or_list_behind(&said),
                    },
                );
                continue;
            };
            match read(known, value.get_ref()) {
                Ok(value) => self.entry(known.path(), at, value),
                Err(why) => self.problem(at, &format!("{}: {why}", known.path())),
            }
        }
    }
}

/// A single value as somebody would type it.
fn single(value: &DeValue) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().replace('_', "")).filter(|_| number.radix() == 10),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn read(key: &Key, value: &DeValue) -> Result<Value, String> {
    let wanted = || format!("it takes {}", key.takes_word().replace('`', ""));
    let one_of = |word: &str, words: Vec<&'static str>| match words.contains(&word) {
        true => Ok(Value::String(word.to_owned())),
        false => Err(Suggestion::of(word, words).or_list_behind(&format!("`{word}` is none of its words"))),
    };
    match (key.takes, value) {
        (Takes::Text | Takes::Path, DeValue::String(text)) if !text.trim().is_empty() => {
            Ok(Value::String(text.to_string()))
        }
        (Takes::Flag, DeValue::Boolean(flag)) => Ok(Value::Bool(*flag)),
        (Takes::Word(words), DeValue::String(word)) => one_of(word, words()),
        (Takes::Words(words), DeValue::Array(items)) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().ok_or_else(wanted));
            texts.map(|text| one_of(text?, words())).collect()
        }
        _ => Err(wanted()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(text: &str, said: &str) {
        let problems = entries(text, Path::new("/c")).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(said)), "{problems:?}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_nearest() {
        says("[report]\n\nformt = \"text\"\n", "/c:3: there is no key `formt` in [report]; did you mean `format`?");
        says("[reprt]\n", "/c:1: there is no section `reprt`; did you mean `report`?");
        says("[tracker.githb]\n", "there is no section `tracker.githb`; did you mean `github`?");
        says("[report]\nformat = \"pdf\"\n", "/c:2: report.format: `pdf` is none of its words; there are: terminal");
        says("[report]\nverbose = 1\n", "report.verbose: it takes true or false");
        says("[report]\nredact = [\"adresses\"]\n", "did you mean `addresses`?");
        says("[tracker.github]\ntoken = \"x\"\n", "a secret has no place in this file; write token_file or token_env");
        says("report = 3\n", "`report` is a section: write [report]");
        says("[params]\nhigh = [1]\n", "/c:2: `high` takes one value");
        says("[params\n", "/c:1: ");
    }

    #[test]
    fn several_problems_are_told_at_once() {
        assert_eq!(entries("[report]\na = 1\nb = 2\n[x]\n", Path::new("/c")).unwrap_err().len(), 3);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
            let _ = entries(&text, Path::new("/c"));
        }
    }
}
