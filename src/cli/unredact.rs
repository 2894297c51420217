//! `casebook unredact`.

use std::io::{self, IsTerminal, Write};
use std::sync::LazyLock;

use regex::Regex;

use super::arguments::UnredactArguments;
use super::output::read_enough;
use super::place::{Place, Readers};
use super::{Usage, case_file, redact, say, screen};
use crate::archive::{self, CaseFile};
use crate::bounded_json::Budget;
use crate::case::{Case, Redacted};
use crate::redact::Map;
use crate::sys::text_file;

/// The largest text that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

pub(super) fn unredact(arguments: &UnredactArguments) -> anyhow::Result<u8> {
    let place = arguments.output.as_deref().map(|path| Place::prepare_for(path, Readers::Owner)).transpose()?;
    let map = redact::read_map(&arguments.map)?;
    let named = arguments.file.display();
    let budget = || arguments.reading.budget();
    let is_stdin = arguments.file.as_os_str() == case_file::STDIN;
    let read = if is_stdin { text_file::read_stdin(LARGEST) } else { text_file::read_bytes(&arguments.file, LARGEST) };
    let bytes = read.map_err(|error| Usage(format!("cannot read {named}: {error}")))?;
    if archive::is_fleet(&bytes) {
        let why = format!(
            "{named} is a case of many hosts: put the pseudonyms back in a report of it, or in its cases one by one"
        );
        return Err(Usage(format!("{why} (`tar -xf` gives them)")).into());
    }
    let (bytes, count) = match String::from_utf8(bytes) {
        Ok(text) => match Case::from_json(&text) {
            Ok(case) => {
                let (case, count) = whole(&case, &map, &mut budget())?;
                (format!("{}\n", serde_json::to_string_pretty(&case)?).into_bytes(), count)
            }
            Err(_) => {
                let (text, count) = report(&text, &map);
                (text.into_bytes(), count)
            }
        },
        // What is no text is a packed case.
        Err(packed) => {
            if place.is_none() && io::stdout().is_terminal() {
                return Err(Usage(format!("{named} is packed: name a file for it, as in -o whole.case")).into());
            }
            let file = archive::read_within(packed.as_bytes(), &mut budget())
                .map_err(|why| Usage(format!("{named} {why}")))?;
            unpacked(file, &map, budget)?
        }
    };
    match &place {
        Some(place) => {
            place.write(|out| out.write_all(&bytes))?;
            say(format_args!("written: {}", place.path().display()));
        }
        None => read_enough(screen::out().write_all(&bytes))?,
    }
    say(format_args!("{count} pseudonyms put back"));
    Ok(0)
}

/// A case with what the map knows put back. One that had all its pseudonyms from this map has none any more, and says so.
fn whole(case: &Case, map: &Map, budget: &mut Budget) -> anyhow::Result<(Case, u64)> {
    let (text, count) = map.undo(&serde_json::to_string(case)?);
    let mut whole = Case::from_json_within(&text, budget)?;
    if map.sealed(case) {
        whole.redacted = Redacted { secrets: case.redacted.secrets, ..Redacted::default() };
    }
    Ok((whole, count))
}

/// A text with what the map knows put back, and the sentence of a report about its pseudonyms as it is true then.
fn report(text: &str, map: &Map) -> (String, u64) {
    static SENTENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(Redacted:\s[^.\n]{0,60}?(?:\d+\s(?:address(?:es)?|users?|host\snames?)(?:,\s)?){1,3}\s)under\spseudonyms").ok()
    });
    let (text, count) = map.undo(text);
    match SENTENCE.as_ref().filter(|_| count > 0) {
        Some(sentence) => (sentence.replace_all(&text, "${1}put back").into_owned(), count),
        None => (text, count),
    }
}

/// A packed case with what the map knows put back, also in the texts that lie in it.
fn unpacked(mut file: CaseFile, map: &Map, budget: impl Fn() -> Budget) -> anyhow::Result<(Vec<u8>, u64)> {
    let (case, mut count) = whole(&file.case, map, &mut budget())?;
    file.case = case;
    for attached in &mut file.attached {
        if let Ok(text) = std::str::from_utf8(&attached.bytes) {
            let (text, more) = report(text, map);
            (attached.bytes, count) = (text.into_bytes(), count + more);
        }
    }
    Ok((archive::pack(file)?, count))
}
