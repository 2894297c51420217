//! The files of a runbook: the first names the others under `include`, and all together are read as one document.

use std::path::{Component, Path};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;
use serde_yaml::Spanned;

use super::document::{CauseDocument, Document, ParamDocument, PartDocument, StepDocument, SuspectDocument, Text};
use super::problem::{Problem, SourceFile};
use super::yaml;

/// How many files a runbook can include.
const FILES: usize = 64;
/// The largest that a runbook may be with all its files, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Reads a file that a runbook includes, by its path from the runbook's folder; or says why it cannot be read.
pub(super) type ReadPart<'a> = &'a dyn Fn(&str) -> Result<SourceFile, String>;

/// One file's share of a runbook.
pub(super) struct Part {
    pub file: Arc<SourceFile>,
    pub document: PartDocument,
}

impl Part {
    /// It names no list that a probe knows.
    pub(super) fn writes_its_lists(&self) -> bool {
        self.document.data.values().all(|list| list.value.is_array())
    }
}

/// Reads the files that the runbook includes. What is wrong with one is told beside what is right with the others.
pub(super) fn read(main: &mut Document, file: &Arc<SourceFile>, read: ReadPart<'_>) -> (Vec<Part>, Vec<Refused>) {
    let own = PartDocument {
        params: std::mem::take(&mut main.params),
        data: std::mem::take(&mut main.data),
        bindings: std::mem::take(&mut main.bindings),
        facts: std::mem::take(&mut main.facts),
        steps: std::mem::take(&mut main.steps),
        causes: std::mem::take(&mut main.causes),
    };
    let mut parts = vec![Part { file: Arc::clone(file), document: own }];
    let mut refused = Vec::new();
    let mut size = file.text.len();
    for (place, path) in main.include.iter().enumerate() {
        let seen_before = main.include[..place].iter().any(|earlier| earlier.value == path.value);
        let found = match stays_inside(&path.value) {
            _ if place >= FILES => Err(format!("the runbook includes more than {FILES} files")),
            _ if seen_before => Err(format!("`{}` is included twice", path.value)),
            false => Err(format!(
                "`{}` cannot be included: it is no path below the runbook's own folder, and no `@RUNBOOK/FILE.yaml` of another",
                path.value
            )),
            true => read(&path.value).map_err(|why| format!("cannot include {}: {why}", path.value)),
        };
        match found {
            Err(message) => refused.push(Refused::Place(place, message)),
            Ok(found) => {
                size += found.text.len();
                if size > LARGEST {
                    let message = format!("the runbook and its files are larger than {} MiB", LARGEST / (1024 * 1024));
                    refused.push(Refused::Place(place, message));
                    break;
                }
                let file = Arc::new(found);
                match serde_yaml::from_str(&file.text) {
                    Ok(document) => parts.push(Part { file, document }),
                    Err(error) => {
                        let problem = yaml::problem(&file.text, &error, yaml::Form::Part);
                        refused.push(Refused::Text(Problem { file: Some(file), ..problem }));
                    }
                }
            }
        }
    }
    (parts, refused)
}

/// Why a file is no part of a runbook.
pub(super) enum Refused {
    /// The entry of `include` at this place is wrong.
    Place(usize, String),
    /// The file's text is wrong.
    Text(Problem),
}

/// A part of another runbook: the name of that, and the path from its folder.
pub(super) fn of_another(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('@')?.split_once('/')
}

/// Whether a path leads from a folder to a YAML file in or below it, by its words alone; of another runbook from that one's folder.
fn stays_inside(path: &str) -> bool {
    if let Some((runbook, part)) = of_another(path) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        return !runbook.is_empty() && runbook.chars().all(is_plain) && !part.starts_with('@') && stays_inside(part);
    }
    let is_name = |part: Component<'_>| matches!(part, Component::Normal(_));
    (path.ends_with(".yaml") || path.ends_with(".yml")) && Path::new(path).components().all(is_name)
}

/// The paths that a runbook's text includes; none, where it cannot be read.
pub fn included(text: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(default)]
        include: Vec<String>,
    }
    if !text.lines().any(|line| line.starts_with("include:")) {
        return Vec::new();
    }
    serde_yaml::from_str::<Head>(text).map(|head| head.include).unwrap_or_default()
}

/// The runbook as one document that needs no other file: what a case keeps.
pub(super) fn whole(main: &Document, parts: &[Part], data: &IndexMap<String, Value>) -> Result<String, String> {
    #[derive(Serialize)]
    struct Whole<'a> {
        name: &'a Text,
        title: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        summary: &'a str,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        tags: &'a [String],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        symptoms: &'a [String],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        complaints: &'a [Text],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        suspect: &'a [SuspectDocument],
        #[serde(skip_serializing_if = "IndexMap::is_empty")]
        lines: &'a IndexMap<Text, Spanned<Value>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        live_when: Option<&'a Text>,
        #[serde(skip_serializing_if = "IndexMap::is_empty")]
        params: IndexMap<&'a str, &'a ParamDocument>,
        #[serde(skip_serializing_if = "IndexMap::is_empty")]
        data: &'a IndexMap<String, Value>,
        #[serde(rename = "let", skip_serializing_if = "IndexMap::is_empty")]
        bindings: IndexMap<&'a str, &'a Text>,
        #[serde(skip_serializing_if = "IndexMap::is_empty")]
        facts: IndexMap<&'a str, &'a Text>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        headlines: &'a [Text],
        #[serde(skip_serializing_if = "Option::is_none")]
        all_clear: Option<&'a Text>,
        steps: Vec<&'a StepDocument>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        causes: Vec<&'a CauseDocument>,
    }
    fn joined<T>(parts: &[Part], of: fn(&PartDocument) -> &IndexMap<Text, T>) -> IndexMap<&str, &T> {
        parts.iter().flat_map(|part| of(&part.document)).map(|(name, value)| (name.value.as_str(), value)).collect()
    }
    let whole = Whole {
        name: &main.name,
        title: &main.title,
        summary: &main.summary,
        tags: &main.tags,
        symptoms: &main.symptoms,
        complaints: &main.complaints,
        suspect: &main.suspect,
        lines: &main.lines,
        live_when: main.live_when.as_ref(),
        params: joined(parts, |part| &part.params),
        data,
        bindings: joined(parts, |part| &part.bindings),
        facts: joined(parts, |part| &part.facts),
        headlines: &main.headlines,
        all_clear: main.all_clear.as_ref().or(main.calm.as_ref()),
        steps: parts.iter().flat_map(|part| &part.document.steps).collect(),
        causes: parts.iter().flat_map(|part| &part.document.causes).collect(),
    };
    serde_yaml::to_string(&whole).map_err(|error| error.to_string())
}

/// The lines of a YAML document from a key at its margin to the next.
pub(super) fn block<'t>(text: &'t str, key: &str) -> &'t str {
    let mut start = 0;
    let mut lines = text.split_inclusive('\n').skip_while(|line| {
        let before = !line.starts_with(key);
        start += if before { line.len() } else { 0 };
        before
    });
    let first = lines.next().map_or(0, str::len);
    let inside = |line: &&str| line.starts_with([' ', '-', '#', '\n', '\r']);
    let rest: usize = lines.take_while(inside).map(str::len).sum();
    text.get(start..start + first + rest).unwrap_or_default()
}

/// A whole runbook in YAML, with the lists that it names written in it.
pub(super) fn with_lists(whole: String, data: &[(String, Value)]) -> String {
    #[derive(Serialize)]
    struct Lists<'a> {
        data: IndexMap<&'a str, &'a Value>,
    }
    let names = block(&whole, "data:");
    if names.is_empty() {
        return whole;
    }
    let data = data.iter().map(|(name, list)| (name.as_str(), list)).collect();
    // With the names alone it says the same.
    serde_yaml::to_string(&Lists { data }).map(|lists| whole.replacen(names, &lists, 1)).unwrap_or(whole)
}

/// Lists that are written out, and those that probes know, by name. One that is neither is told by its place.
pub(super) fn data(value: &Spanned<Value>) -> Result<Value, NoList> {
    match &value.value {
        Value::Array(_) => Ok(value.value.clone()),
        Value::String(name) => crate::probe::known_list(name).ok_or(NoList::Unknown),
        _ => Err(NoList::Wrong),
    }
}

/// Why a value is no list.
pub(super) enum NoList {
    /// No probe knows a list of that name.
    Unknown,
    /// It is neither a list nor a name.
    Wrong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_in_the_runbooks_folder_or_below_it() {
        for path in ["floods.yaml", "causes/floods.yml", "@high-inbound-traffic/facts.yaml", "@x/causes/floods.yml"] {
            assert!(stays_inside(path), "{path}");
        }
        for path in [
            "../floods.yaml",
            "/etc/floods.yaml",
            "causes/../../x.yaml",
            "./x.yaml",
            "",
            "floods",
            "x.lua",
            "@../x.yaml",
            "@x",
            "@/x.yaml",
            "@x/../y.yaml",
            "@x//etc/y.yaml",
            "@./x.yaml",
            "@x/@y/z.yaml",
            "@x/y.lua",
        ] {
            assert!(!stays_inside(path), "{path}");
        }
    }
}
