//! Completion at the prompt: global names, members, probes, their parameters, and the fields of what they gave.

use std::collections::BTreeMap;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use serde_json::Value;

use crate::probe::{self, PROBES};
use crate::script::{HELPERS, api, field_schema, item_schema, properties};

/// What can be completed.
#[derive(Default)]
pub(super) struct Names {
    /// Names that were given to the evidence of a probe.
    evidence: BTreeMap<String, &'static str>,
}

impl Names {
    /// Learns what a line names: `e = cx.probe("sockets")`.
    pub fn learn(&mut self, line: &str) {
        let Some((name, call)) = line.split_once('=') else { return };
        let name = name.trim().trim_start_matches("local ").trim();
        let probe = call.trim().strip_prefix("cx.probe").and_then(|rest| rest.split(['"', '\'']).nth(1));
        let known = probe.and_then(probe::find);
        if let (true, Some(probe)) = (name.chars().all(is_word), known) {
            self.evidence.insert(name.to_owned(), probe.name());
        }
    }

    /// Where the word to complete begins, and what it could become.
    fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let start =
            line.rfind(|c: char| !is_word(c)).map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
        let (before, word) = line.split_at(start);
        let names = self.names(before);
        (start, names.into_iter().filter(|name| name.starts_with(word)).collect())
    }

    fn names(&self, before: &str) -> Vec<String> {
        if let Some(quoted) = before.strip_suffix(['"', '\'']) {
            let asks = quoted.trim_end().trim_end_matches('(').ends_with("cx.probe");
            return if asks { PROBES.iter().map(|probe| probe.name().to_owned()).collect() } else { Vec::new() };
        }
        if let Some(path) = before.strip_suffix('.') {
            return self.members(path);
        }
        if before.ends_with(':') {
            return api::LIST.iter().chain(api::FINDING).map(|entry| entry.name().to_owned()).collect();
        }
        if let Some(params) = open_call(before).and_then(probe::find).map(|probe| probe.params_schema().to_value()) {
            return properties(&params).into_iter().flat_map(|all| all.keys().cloned()).collect();
        }
        let globals = api::GLOBALS.iter().map(api::Entry::name).chain(api::BASE.iter().copied());
        let modules = api::STANDARD.iter().map(|module| module.name);
        let own = self.evidence.keys().map(String::as_str);
        let helpers = HELPERS.iter().map(|helper| helper.name());
        let all = globals.chain(modules).chain(helpers).map(str::to_owned).chain(own.map(str::to_owned));
        let mut names: Vec<String> = all.chain(["cx".to_owned(), "re".to_owned()]).collect();
        names.sort();
        names.dedup();
        names
    }

    /// What can follow a path and a dot.
    fn members(&self, path: &str) -> Vec<String> {
        let start = path.rfind(|c: char| !is_word(c) && !".[]".contains(c)).map_or(0, |at| at + 1);
        let path = &path[start..];
        match path {
            "cx" => return api::CX.iter().map(|entry| entry.name().to_owned()).collect(),
            "re" => return api::RE.iter().map(|entry| entry.name().to_owned()).collect(),
            _ => {}
        }
        if let Some(module) = api::STANDARD.iter().find(|module| module.name == path) {
            return module.members.iter().map(|member| (*member).to_owned()).collect();
        }
        let mut parts = path.split('.');
        let probe = parts.next().and_then(|name| self.evidence.get(name)).and_then(|probe| probe::find(probe));
        let Some(schema) = probe.map(|probe| probe.output_schema().to_value()) else { return Vec::new() };
        let at = parts.try_fold(&schema, |schema: &Value, part| {
            let (name, is_item) = part.split_once('[').map_or((part, false), |(name, _)| (name, true));
            let field = field_schema(schema, name)?;
            if is_item { item_schema(field) } else { Some(field) }
        });
        at.and_then(properties).into_iter().flat_map(|all| all.keys().cloned()).collect()
    }
}

/// The probe whose parameters are being written: `cx.probe("sockets", { st`.
fn open_call(before: &str) -> Option<&str> {
    let (_, call) = before.rsplit_once("cx.probe")?;
    let (_, table) = call.rsplit_once('{')?;
    // A value is not a name.
    let key = !table.contains('}') && !table.rsplit(',').next().unwrap_or_default().contains('=');
    call.split(['"', '\'']).nth(1).filter(|_| key)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line.get(..at).unwrap_or(line)))
    }
}

impl Hinter for Names {
    type Hint = String;
}
impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        let mut names = Names::default();
        names.learn("e = cx.probe(\"sockets\")");
        names.candidates(line).1
    }

    #[test]
    fn probes_their_parameters_and_their_fields_are_completed() {
        assert_eq!(of("cx.probe(\"sock"), ["sockets"]);
        assert!(of("cx.probe(\"interfaces\", { int").contains(&"interface".to_owned()));
        assert_eq!(of("x = e.listen"), ["listeners", "listeners_left_out"]);
        assert!(of("e.listeners[1].process.").contains(&"pid".to_owned()));
        assert_eq!(of("e.listeners:wh"), ["where"]);
        assert_eq!(of("cx.tog"), ["together"]);
        assert_eq!(of("bitr"), ["bitrate"]);
        assert!(of("e.nothing.").is_empty());
    }
}
