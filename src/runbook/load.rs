//! From what was found to what can be run: YAML and Lua runbooks come to the same model, with the checks that they call.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::check::{self, NoCheck};
use super::library::{self, Found, Kind, LARGEST, Language, SHIPPED};
use super::model::{Check, Runbook};
use super::parts;
use super::problem::{Problem, Problems, SourceFile};
use super::yaml::Depth;
use crate::bounded_json;
use crate::case::{CheckRef, RunbookRef};
use crate::script::sandbox::{self, Limits, Modules, ScriptStop};
use crate::script::{Declared, Script, declare};
use crate::sys::trust::Trust;
use crate::units;

/// Checks a YAML runbook that lies nowhere.
pub fn load(text: &str, origin: &str) -> Result<Runbook, Problems> {
    check::runbook(SourceFile::new(origin, text), Depth::Whole, &|name| by_name(name, None, Trust::Required), &nowhere)
}

/// Checks a runbook that was found, but for the expressions of what ships: a test does. Its checks must be as trustworthy as
/// `trust` wants.
pub fn load_found(found: &Found, trust: Trust) -> Result<Runbook, Problems> {
    let depth = if found.folder().is_none() { Depth::Form } else { Depth::Whole };
    load_found_to(found, trust, depth)
}

/// Checks all of a runbook that was found, whoever wrote it, with its warnings.
pub fn inspect_found(found: &Found, trust: Trust) -> Result<Runbook, Problems> {
    load_found_to(found, trust, Depth::Whole)
}

/// Of a runbook that ships its parameters and what it is picked by, without its steps and causes, which a test has checked; of any
/// other all, as [`load_found`].
pub fn load_head(found: &Found, trust: Trust) -> Result<Runbook, Problems> {
    let depth = if found.folder().is_none() { Depth::Head } else { Depth::Whole };
    load_found_to(found, trust, depth)
}

fn load_found_to(found: &Found, trust: Trust, depth: Depth) -> Result<Runbook, Problems> {
    let find = |name: &str| by_name(name, found.folder(), trust);
    let part = |path: &str| found.part(path, trust);
    let runbook = match found.language {
        Language::Yaml => check::runbook(found.file(), depth, &find, &part),
        Language::Lua => {
            let script = script(found, trust);
            let document = match declared(&script)? {
                Declared::Runbook(document) => document,
                Declared::Test(_) => return Err(tests(&script)),
                Declared::Check(_) => {
                    let problem = Problem::new(None, "this is a check, not a runbook");
                    let help = format!("run it with `casebook check {}`", found.origin);
                    return Err(problems(&script, vec![problem.help(Some(help))]));
                }
            };
            let text = pretty(&document);
            let runbook = check::runbook(SourceFile::new(&found.origin, &text), depth, &find, &part);
            let mut runbook = runbook.map_err(|problems| in_lua(problems, &script))?;
            let warnings = std::mem::take(&mut runbook.warnings);
            let Problems { problems: warnings, .. } =
                in_lua(Problems { origin: found.origin.clone(), text, problems: warnings }, &script);
            Ok(Runbook { warnings, ..runbook })
        }
    }?;
    Ok(Runbook { overrides_embedded: found.overrides_embedded, ships: found.folder().is_none(), ..runbook })
}

/// What a list tells of a runbook. One that ships is known to be good, so that only its head is read; any other is checked
/// whole, to say when it is broken.
pub fn summary(found: &Found, trust: Trust) -> Result<Summary, Problems> {
    if found.origin == SHIPPED
        && found.language == Language::Yaml
        && let Ok(summary) = serde_yaml::from_str(head(&found.text))
    {
        return Ok(summary);
    }
    let Runbook { name, title, summary, tags, symptoms, complaints, .. } = load_found(found, trust)?;
    Ok(Summary { name, title, summary, tags, symptoms, complaints })
}

/// The lines of a YAML document above the first of its long parts.
fn head(text: &str) -> &str {
    let long = |line: &str| {
        ["suspect:", "lines:", "params:", "include:", "data:", "let:", "facts:", "steps:", "causes:"]
            .iter()
            .any(|key| line.starts_with(key))
    };
    let lines = text.split_inclusive('\n').take_while(|line| !long(line));
    text.get(..lines.map(str::len).sum()).unwrap_or(text)
}

/// What a list tells of a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub summary: String,
    /// What it is about.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What an operator sees who needs it.
    #[serde(default)]
    pub symptoms: Vec<String>,
    /// Words and phrases of the complaints that it is picked by.
    #[serde(default)]
    pub complaints: Vec<String>,
}

/// The parameters that a runbook in YAML declares, with what each is for: as far as can be read, and without a check of
/// the rest. Of one in Lua there are none, for that is a program.
pub fn declared_params(found: &Found, trust: Trust) -> Vec<(String, String)> {
    if found.language != Language::Yaml {
        return Vec::new();
    }
    let parts = parts::included(parts::block(&found.text, "include:"));
    let parts = parts.iter().filter_map(|path| found.part(path, trust).ok()).map(|part| part.text);
    let texts = std::iter::once(found.text.clone()).chain(parts);
    texts
        .filter_map(|text| serde_yaml::from_str::<Params>(parts::block(&text, "params:")).ok())
        .flat_map(|document| document.params)
        .map(|(name, param)| (name, param.help))
        .collect()
}

/// The part of a document that declares parameters.
#[derive(Deserialize)]
struct Params {
    #[serde(default)]
    params: IndexMap<String, Help>,
}

#[derive(Deserialize)]
struct Help {
    #[serde(default)]
    help: String,
}

/// Checks the runbook of a case, with the checks that the case holds.
pub fn load_recorded(recorded: &RunbookRef) -> Result<Runbook, Problems> {
    let origin = format!("{} (in the case)", recorded.name);
    if recorded.text.len() as u64 > LARGEST {
        let message =
            format!("the runbook in the case is larger than {}, more than is read", units::bytes(LARGEST as f64));
        return Err(Problems { origin, text: String::new(), problems: vec![Problem::new(None, message)] });
    }
    let find = |name: &str| match recorded.checks.get(name) {
        Some(kept) => in_case(name, kept),
        None => Err(NoCheck { message: format!("the case does not hold the check `{name}`"), help: None }),
    };
    let runbook = check::runbook(SourceFile::new(&origin, &recorded.text), Depth::Whole, &find, &nowhere)?;
    let overrides_embedded = recorded.overrides_embedded.is_some();
    let origin = recorded.overrides_embedded.clone().unwrap_or(runbook.origin);
    let (wraps_check, choice) = (recorded.wraps_check.clone(), recorded.choice.clone());
    Ok(Runbook { wraps_check, choice, overrides_embedded, origin, ..runbook })
}

/// Checks a check that was found. Its modules must be as trustworthy as `trust` wants.
pub fn load_check(found: &Found, trust: Trust) -> Result<Check, Problems> {
    let script = script(found, trust);
    let check = checked(&script)?;
    if check.name != found.name {
        let problem = Problem::new(
            place_in(&script.text, &check.name),
            format!("the check calls itself `{}`, but its file is `{}.lua`", check.name, found.name),
        );
        return Err(problems(
            &script,
            vec![problem.help(Some("give both the same name, by which it is found".into()))],
        ));
    }
    Ok(Check { overrides_embedded: found.overrides_embedded, ..check })
}

/// A runbook of one step that runs a check, so that it leaves the same trail as any other. Its parameters are the check's.
pub fn wrap_check(check: &Arc<Check>) -> Result<Runbook, Problems> {
    let with: Map<String, Value> =
        check.params.keys().map(|name| (name.clone(), json!(format!("{{{{ params.{name} }}}}")))).collect();
    let mut document = json!({
        "name": check.name.replace('_', "-"),
        "title": check.summary,
        "summary": check.summary,
        "steps": [{"id": check.name, "title": check.summary, "check": check.name, "with": with}],
    });
    if check.declared_params.is_object() {
        document["params"] = check.declared_params.clone();
    }
    let only = |name: &str| match name == check.name {
        true => Ok(Arc::clone(check)),
        false => Err(NoCheck { message: format!("there is no check `{name}`"), help: None }),
    };
    let runbook =
        check::runbook(SourceFile::new(&check.script.origin, &pretty(&document)), Depth::Whole, &only, &nowhere)?;
    let origin = &check.script.origin;
    let wrapped = if origin == SHIPPED { &check.name } else { origin };
    Ok(Runbook { wraps_check: Some(wrapped.clone()), ..runbook })
}

/// What lies in no folder includes nothing.
fn nowhere(_: &str) -> Result<SourceFile, String> {
    Err("this text lies in no folder from which a file could be read".to_owned())
}

fn script(found: &Found, trust: Trust) -> Script {
    let modules = Modules { folder: found.folder().map(Path::to_owned), trust, ..Modules::default() };
    Script { origin: found.origin.clone(), text: found.text.clone(), modules }
}

/// The check of that name, wherever it is found first.
pub(super) fn by_name(name: &str, beside: Option<&Path>, trust: Trust) -> Result<Arc<Check>, NoCheck> {
    if name.contains(['/', '.']) {
        let help = Some("a step names a check as `casebook list --checks` does".to_owned());
        return Err(NoCheck { message: format!("`{name}` cannot be the name of a check"), help });
    }
    let found = library::find(Kind::Check, name, beside, trust)
        .map_err(|error| NoCheck { message: error.to_string(), help: None })?;
    load_check(&found, trust).map(Arc::new).map_err(|problems| broken(name, &problems))
}

fn in_case(name: &str, kept: &CheckRef) -> Result<Arc<Check>, NoCheck> {
    if kept.text.len() as u64 > LARGEST {
        let message = format!("the check `{name}` in the case is larger than {}", units::bytes(LARGEST as f64));
        return Err(NoCheck { message, help: None });
    }
    let modules = Modules { recorded: kept.modules.clone(), ..Modules::default() };
    let script = Script { origin: kept.origin.clone(), text: kept.text.clone(), modules };
    let check = checked(&script).map_err(|problems| broken(name, &problems))?;
    Ok(Arc::new(Check { overrides_embedded: kept.overrides_embedded, ..check }))
}

fn broken(name: &str, problems: &Problems) -> NoCheck {
    let first = problems.problems.first().map(|problem| problem.message.as_str()).unwrap_or_default();
    NoCheck {
        message: format!("the check `{name}` is broken: {first}"),
        help: Some(format!("`casebook lint {}` shows all that is wrong with it", problems.origin)),
    }
}

fn checked(script: &Script) -> Result<Check, Problems> {
    match declared(script)? {
        Declared::Check(header) => {
            let check = check::header(SourceFile::new(&script.origin, &pretty(&header)), script);
            let declared_params = header.get("params").cloned().unwrap_or_default();
            check.map(|check| Check { declared_params, ..check }).map_err(|problems| in_lua(problems, script))
        }
        Declared::Test(_) => Err(tests(script)),
        Declared::Runbook(_) => {
            let problem = Problem::new(None, "this is a runbook, not a check");
            let help = format!("run it with `casebook run {}`", script.origin);
            Err(problems(script, vec![problem.help(Some(help))]))
        }
    }
}

/// What is wrong with tests where a runbook or a check is wanted.
fn tests(script: &Script) -> Problems {
    let problem = Problem::new(None, "these are tests");
    problems(script, vec![problem.help(Some(format!("run them with `casebook test {}`", script.origin)))])
}

/// What a Lua file of tests declares, as YAML.
pub(crate) fn load_tests(found: &Found, trust: Trust) -> Result<LuaTests, Problems> {
    let script = script(found, trust);
    match declared(&script)? {
        Declared::Test(document) => Ok(LuaTests { yaml: pretty(&document), script }),
        _ => {
            let help = Some("a file of tests ends with `return test { … }`".to_owned());
            Err(problems(&script, vec![Problem::new(None, "this file holds no tests").help(help)]))
        }
    }
}

/// Tests that were written in Lua, as YAML.
pub(crate) struct LuaTests {
    /// What they declare.
    pub yaml: String,
    script: Script,
}

impl LuaTests {
    /// Problems of the YAML, shown in the Lua file.
    pub fn in_lua(&self, problems: Problems) -> Problems {
        in_lua(problems, &self.script)
    }
}

/// What reading a header may use up: it declares and does not compute, and is read before the script's own time begins.
const HEADER: Limits =
    Limits { memory_bytes: 32 * 1024 * 1024, script_time: Duration::from_secs(1), output_bytes: 64 * 1024 };

fn declared(script: &Script) -> Result<Declared, Problems> {
    let declaration = sandbox::refusal().map_or_else(|| declare(script, &HEADER), Err);
    declaration.map(|declaration| declaration.declared).map_err(|stopped| {
        let used_up = |what: &str| {
            let line = stopped.place().filter(|place| place.file == script.origin).map(|place| place.line);
            let message = format!("reading what it declares took more than {what}");
            Problem::new(line.and_then(|line| line_range(&script.text, line)), message)
                .help(Some("a header only declares: move what computes and prints into run".to_owned()))
        };
        let problem = match &stopped {
            ScriptStop::Time { limit, .. } | ScriptStop::Hung { limit, .. } => {
                used_up(&crate::units::span(limit.as_secs_f64()))
            }
            ScriptStop::Memory { limit, .. } => used_up(&format!("{} MiB of memory", limit / (1024 * 1024))),
            ScriptStop::Output { limit, .. } => used_up(&format!("{} KiB of output", limit / 1024)),
            ScriptStop::Failed(error) => {
                Problem::new(error.line.and_then(|line| line_range(&script.text, line)), error.message.clone())
            }
            other => Problem::new(None, other.to_string()),
        };
        problems(script, vec![problem])
    })
}

fn problems(script: &Script, problems: Vec<Problem>) -> Problems {
    Problems { origin: script.origin.clone(), text: script.text.clone(), problems }
}

/// A value as YAML that the loader reads; JSON is YAML.
fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Problems of what a Lua file declares, shown where the file says it, as far as the same words stand there.
fn in_lua(problems: Problems, script: &Script) -> Problems {
    let Problems { origin, text: declared, problems } = problems;
    // What stands in a file that is included is YAML and has its place already.
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let problems = problems
        .into_iter()
        .map(|problem| {
            if problem.file.is_some() {
                return problem;
            }
            let words = problem.range.clone().and_then(|range| declared.get(range)).unwrap_or_default();
            let words = bounded_json::counted::<String>(words.as_bytes())
                .unwrap_or_else(|_| words.trim_matches('"').to_owned());
            let from = places.get(&words).copied().unwrap_or_default();
            let range = script.text.get(from..).and_then(|rest| place_in(rest, &words)).map(|range| {
                places.insert(words.clone(), from + range.end);
                from + range.start..from + range.end
            });
            Problem { range, ..problem }
        })
        .collect();
    Problems { origin, text: script.text.clone(), problems }
}

/// Where the text says the words, as whole words.
fn place_in(text: &str, words: &str) -> Option<std::ops::Range<usize>> {
    if words.trim().is_empty() {
        return None;
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(words)
        .map(|(start, _)| start..start + words.len())
        .find(|range| !text[..range.start].ends_with(is_part) && !text[range.end..].starts_with(is_part))
}

fn line_range(text: &str, line: usize) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    for (number, content) in text.split_inclusive('\n').enumerate() {
        if number + 1 == line {
            let shown = content.trim_end();
            let indent = shown.len() - shown.trim_start().len();
            return Some(start + indent..start + shown.len());
        }
        start += content.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::super::model::Written;
    use super::*;
    use crate::embedded;

    /// A runbook without the places of its expressions, and with its names in the order of the alphabet: what is included stands
    /// behind the names of its own file or behind all.
    fn placeless(runbook: &Runbook) -> String {
        let written = Written::Here(runbook.text().to_owned());
        let mut runbook = Runbook { ships: false, written, ..runbook.clone() };
        runbook.bindings.sort_by(|one, other| one.name.cmp(&other.name));
        runbook.steps.iter_mut().for_each(|step| step.bindings.clear());
        let shown = format!("{runbook:#?}");
        shown.lines().filter(|line| !line.trim_start().starts_with("place: ")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_ships_is_the_same_as_json_as_in_its_files() {
        for found in library::embedded(Kind::Runbook) {
            let path = found.file().whole.expect("the build has made it");
            for json in [embedded::head_json(&path), embedded::whole_json(&path)] {
                let document = serde_json::from_str::<Document>(&json.expect("the build has made it"));
                document.unwrap_or_else(|error| panic!("{}: {error}", found.name));
            }
            let (soon, written) = (load_found(&found, Trust::Required), inspect_found(&found, Trust::Required));
            let soon = soon.unwrap();
            let kept = load(soon.text(), SHIPPED).unwrap();
            for other in [written.unwrap(), kept] {
                assert!(soon.text() == other.text(), "{} is written otherwise", found.name);
                let (soon, other) = (placeless(&soon), placeless(&other));
                let differs = soon.lines().zip(other.lines()).find(|(soon, other)| soon != other);
                assert!(soon == other, "{}: {differs:?}", found.name);
            }
        }
    }

    #[test]
    fn the_list_tells_of_what_ships_what_the_whole_runbook_says() {
        for found in library::embedded(Kind::Runbook) {
            let whole = load_found(&found, Trust::Required).unwrap();
            assert!(found.language == Language::Lua || head(&found.text).len() < whole.text().len() / 10);
            let told = summary(&found, Trust::Required).unwrap();
            assert_eq!(
                (told.name, told.title, told.summary, told.tags, told.symptoms, told.complaints),
                (whole.name, whole.title, whole.summary, whole.tags, whole.symptoms, whole.complaints)
            );
        }
    }
}
