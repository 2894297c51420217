//! The house rules that a compiler does not know: what may use what, and where things may stand.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The modules of the library, a row for each layer. A row uses only rows above it; neighbours don't use each other.
const LAYERS: &[&[&str]] = &[
    &["abreast", "units", "glyphs", "printable", "embedded", "suggest"],
    &["bounded_json"],
    &["case"],
    &["redact"],
    &["archive", "sys"],
    &["fleet", "probe", "report", "ticket"],
    &["script"],
    &["runbook"],
    &["engine"],
    &["config", "tool_output", "testing"],
    &["generate", "fuzz"],
    &["cli"],
];
/// Names that say nothing of what is inside.
const NAMELESS: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "types", "imp"];

struct Source {
    /// The path below `src`, without the ending: `["probe", "ledger", "mod"]`.
    path: Vec<String>,
    text: String,
}

impl Source {
    /// The module that the file is: `["probe", "ledger"]`.
    fn module(&self) -> &[String] {
        match self.path.last().map(String::as_str) {
            Some("mod" | "lib" | "main") => &self.path[..self.path.len() - 1],
            _ => &self.path,
        }
    }

    fn layer(&self) -> &str {
        self.module().first().map_or("", String::as_str)
    }

    /// The lines that are code, with their numbers from 1: comments are left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.map(|(number, line)| (number, without_comment(line))).filter(|(_, line)| !line.trim().is_empty())
    }

    /// The lines that are code, up to the tests at the end.
    fn before_tests(&self) -> impl Iterator<Item = &str> {
        let end = self.text.find("#[cfg(test)]\nmod tests").unwrap_or(self.text.len());
        self.text[..end].lines().map(without_comment).filter(|line| !line.trim().is_empty())
    }

    /// What it uses of its own crate, each with the line: `["probe", "capture", "Capture"]`.
    fn uses(&self) -> Vec<(usize, Vec<String>)> {
        let code: String = self.text.lines().map(|line| format!("{}\n", without_comment(line))).collect();
        used_in(&code, self.module())
    }
}

/// What the code of a module uses of its own crate, each with the line.
fn used_in(code: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let start = Regex::new(r"\b(?:crate|super)::(?:super::)*").unwrap();
    let mut uses = Vec::new();
    for found in start.find_iter(code) {
        let number = code[..found.end()].matches('\n').count() + 1;
        // Inside `mod tests` one more `super` leads to where the file itself stands: what is called too high here is
        // then only a module of the same layer.
        let up = found.as_str().matches("super").count();
        let from = if up == 0 { &[][..] } else { &module[..module.len().saturating_sub(up)] };
        for path in paths(&code[found.end()..]) {
            uses.push((number, from.iter().cloned().chain(path).collect()));
        }
    }
    uses
}

/// The paths at the start of the code, with every group written out: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let Some(group) = code.strip_prefix('{') else {
        let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
        let name = code[..end].to_owned();
        let rest = code[end..].strip_prefix("::").map(paths).unwrap_or_default();
        if rest.is_empty() {
            return vec![vec![name]];
        }
        return rest.into_iter().map(|path| std::iter::once(name.clone()).chain(path).collect()).collect();
    };
    let (mut all, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (index, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let part = group[begin..index].trim();
                if !part.is_empty() {
                    all.extend(paths(part));
                }
                begin = index + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    all
}

/// The line up to `//`, unless that stands in a string.
fn without_comment(line: &str) -> &str {
    let mut inside = false;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match c {
            '"' if before != '\\' && before != '\'' => inside = !inside,
            '/' if before == '/' && !inside => return &line[..index - 1],
            _ => {}
        }
        before = c;
    }
    line
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files.sort();
    let read = |path: PathBuf| Source {
        path: path
            .strip_prefix(&root)
            .unwrap()
            .with_extension("")
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect(),
        text: fs::read_to_string(&path).unwrap(),
    };
    files.into_iter().map(read).collect()
}

fn row(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&layer))
}

/// Fails with a line for each fault.
fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn faults_of_code(allowed: impl Fn(&Source) -> bool, is_fault: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !allowed(source)) {
        let found = source.code().filter(|(_, line)| is_fault(line));
        faults.extend(found.map(|(number, line)| format!("{}:{number}: {}", source.path.join("/"), line.trim())));
    }
    faults
}

#[test]
fn every_module_has_its_layer_and_the_library_lists_them_in_order() {
    let sources = sources();
    let library = sources.iter().find(|source| source.path == ["lib"]).unwrap();
    let listed: Vec<&str> =
        library.code().filter_map(|(_, line)| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let rows: Vec<usize> =
        listed.iter().map(|name| row(name).unwrap_or_else(|| panic!("`{name}` is in no layer"))).collect();
    assert!(rows.is_sorted(), "src/lib.rs lists {listed:?}");
    assert_eq!(listed.len(), LAYERS.iter().map(|row| row.len()).sum::<usize>());
}

#[test]
fn a_layer_uses_only_those_above_it() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !matches!(source.path[0].as_str(), "lib" | "main")) {
        let own = row(source.layer()).unwrap();
        for (number, used) in source.uses() {
            let Some(other) = row(&used[0]) else { continue };
            if used[0] != source.layer() && other >= own {
                faults.push(format!("{}.rs:{number}: {} uses {}", source.path.join("/"), source.layer(), used[0]));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn a_probe_uses_another_only_when_it_derives_its_result_from_it() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.layer() == "probe" && source.module().len() > 1) {
        let own = source.module()[1].as_str();
        let derives = casebook::probe::find(own).map(|probe| probe.derives_from()).unwrap_or_default();
        for (number, used) in source.uses() {
            let other = used.get(1).map_or("", String::as_str);
            let is_probe = used[0] == "probe" && casebook::probe::find(other).is_some();
            if is_probe && other != own && !derives.contains(&other) {
                faults.push(format!("{}.rs:{number}: probe {own} uses probe {other}", source.path.join("/")));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_binary_only_hands_over_to_the_command_line() {
    let faults = faults_of_code(
        |source| source.path != ["main"],
        |line| line.contains("casebook::") && !line.contains("casebook::cli"),
    );
    assert_none(&faults);
}

#[test]
fn unsafe_code_lives_in_sys_only_and_says_why_it_is_sound() {
    let unsafe_word = Regex::new(r"\bunsafe\b").unwrap();
    assert_none(&faults_of_code(|source| source.layer() == "sys", |line| unsafe_word.is_match(line)));
    let mut faults = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in
            source.code().filter(|(_, line)| line.contains("unsafe {") || line.contains("unsafe impl"))
        {
            // The reason may explain a whole statement that began some lines before.
            let explained = lines[number.saturating_sub(8)..number].iter().any(|line| line.contains("SAFETY:"));
            if !explained {
                faults.push(format!("{}.rs:{number}: {}", source.path.join("/"), line.trim()));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn everything_of_a_module_is_imported_in_its_tests_only() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.path.last().is_none_or(|name| name != "tests")) {
        let tests =
            source.code().find(|(_, line)| line.trim() == "#[cfg(test)]").map_or(usize::MAX, |(number, _)| number);
        let early = source.code().filter(|(number, line)| line.contains("use super::*") && *number < tests);
        faults.extend(early.map(|(number, _)| format!("{}.rs:{number}: use super::*", source.path.join("/"))));
    }
    assert_none(&faults);
}

/// Files that open others than by `sys::trust`, or waive its judgement: how often, and why that is no way in for a stranger.
/// What only names files of the kernel (`"/proc/…"`, `"/sys/…"`) on the same line is not listed.
const OTHER_OPENS: &[(&str, usize, &str)] = &[
    ("cli/arguments", 1, "what --trust means"),
    ("cli/attach", 1, "a case is sent, not acted by"),
    ("cli/cases", 1, "an attachment is shown, not acted by"),
    ("cli/diff", 1, "cases are compared, not acted by"),
    ("cli/generate", 1, "a page of the project is read, its table replaced"),
    (
        "cli/lint",
        6,
        "a script is read and not run; a header is run without probes; a file is looked at to see whether it is ours",
    ),
    ("cli/replay", 1, "a case is judged by its own evidence: no probe looks at the host"),
    ("cli/merge", 2, "cases are merged, and a list of hosts is held against them: nothing is acted by"),
    ("cli/report", 1, "a case is shown, not acted by"),
    ("cli/test", 1, "tests bring their own evidence: no probe looks at the host"),
    ("cli/unredact", 1, "a text is changed, not acted by"),
    ("probe/capture/file", 1, "evidence, with the operator's rights"),
    ("probe/conntrack/table", 1, "the kernel's"),
    ("probe/dns/system", 4, "evidence, with the operator's rights"),
    ("probe/group_files", 1, "the kernel's"),
    ("probe/drops/watch", 1, "the kernel's"),
    ("probe/file/mod", 1, "evidence, with the operator's rights"),
    ("probe/host/machine", 2, "the kernel's and the distribution's"),
    ("probe/host/mod", 1, "the kernel's"),
    ("probe/host/pressure", 1, "the kernel's"),
    ("probe/kernel/sample", 1, "the kernel's"),
    ("probe/kernel/settings", 1, "the kernel's"),
    ("probe/place", 1, "evidence, with the operator's rights where the operator names it"),
    ("probe/process", 1, "names of users"),
    ("probe/sockets/sink", 1, "the kernel's"),
    ("probe/socket_owners", 1, "the kernel's"),
    ("probe/sysctl", 1, "the kernel's, with the operator's rights"),
    ("probe/sysfs", 1, "the kernel's own files about an interface"),
    ("probe/units/unit_files", 1, "evidence: what the files of units say is shown, not acted by"),
    ("sys/caller", 1, "accounts and processes, by fixed names"),
    ("sys/text_file", 2, "for readers that do not act by a file: they are in this list themselves"),
    ("sys/time_zone", 1, "a time zone, of bounded size"),
    ("sys/trust", 2, "the one place"),
    ("sys/xtables", 1, "the kernel's"),
    ("tool_output/input", 1, "evidence that the operator names, with the operator's rights"),
];

/// How often a source opens a file, or waives trust, outside of its tests.
fn opens(source: &Source) -> usize {
    let open = Regex::new(
        r"\b(?:File::open|File::options|OpenOptions::new|fs::read|fs::read_to_string|text_file::(?:read|read_bytes))\(|\bTrust::Waived\b",
    )
    .unwrap();
    let is_test = source.path.last().is_some_and(|name| name == "tests");
    let tests = source.code().find(|(_, line)| line.trim() == "#[cfg(test)]").map_or(usize::MAX, |(number, _)| number);
    let lines = source.code().filter(|(number, line)| {
        !is_test && *number < tests && !line.contains("\"/proc/") && !line.contains("\"/sys/")
    });
    lines.map(|(_, line)| open.find_iter(line).count()).sum()
}

#[test]
fn files_are_opened_in_one_place_that_judges_them_or_in_a_listed_one_with_its_reason() {
    let mut faults = Vec::new();
    let sources = sources();
    let found = sources.iter().map(|source| (source.path.join("/"), opens(source)));
    for (name, count) in found.filter(|(_, count)| *count > 0) {
        let listed = OTHER_OPENS.iter().find(|(listed, ..)| *listed == name).map_or(0, |(_, count, _)| *count);
        if count != listed {
            faults.push(format!(
                "{name}.rs opens files, or waives trust, at {count} places, {listed} of which are known: use \
                 sys::trust::open_trusted, or give a reason in OTHER_OPENS"
            ));
        }
    }
    let gone = OTHER_OPENS
        .iter()
        .filter(|(listed, ..)| !sources.iter().any(|source| source.path.join("/") == *listed && opens(source) > 0));
    faults.extend(gone.map(|(listed, ..)| format!("{listed}.rs opens no file any more: take it out of OTHER_OPENS")));
    assert_none(&faults);
}

#[test]
fn nothing_is_left_to_be_done() {
    assert_none(&faults_of_code(
        |_| false,
        |line| ["todo!", "unimplemented!", "dbg!"].iter().any(|left| line.contains(left)),
    ));
}

#[test]
fn every_file_is_one_concept_with_a_name_and_says_what_it_is() {
    let mut faults = Vec::new();
    for source in sources() {
        let name = source.path.join("/");
        if !source.text.starts_with("//! ") {
            faults.push(format!("{name}.rs does not begin with what it is"));
        }
        if source.path.iter().any(|part| NAMELESS.contains(&part.as_str())) {
            faults.push(format!("{name}.rs has a name that says nothing"));
        }
    }
    assert_none(&faults);
}

mod reading {
    use super::*;

    fn file(path: &[&str], text: &str) -> Source {
        Source { path: path.iter().map(|part| (*part).to_owned()).collect(), text: text.to_owned() }
    }

    #[test]
    fn uses_are_found_whole_in_groups_and_by_super() {
        let source = file(
            &["probe", "ledger", "close"],
            "use crate::{units,\n case::{Gap, Reason}};\nlet x = crate::sys::usage(); // crate::cli\nuse super::super::capture::X;",
        );
        let uses: Vec<String> =
            source.uses().into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect();
        assert_eq!(uses, ["1 units", "1 case::Gap", "1 case::Reason", "3 sys::usage", "4 probe::capture::X"]);
    }

    #[test]
    fn what_opens_a_file_is_counted_outside_of_tests_and_beside_the_kernels_files() {
        let text = "use std::fs;\nlet a = fs::read(path); let b = File::open(path);\nfs::read(\"/proc/stat\");\nfs::read_dir(x);\n\
                    // fs::read(path)\nf(Trust::Waived);\n#[cfg(test)]\nmod tests { fs::read(path) }";
        assert_eq!(opens(&file(&["cli", "x"], text)), 3);
        assert_eq!(opens(&file(&["cli", "x", "tests"], text)), 0);
    }

    #[test]
    fn a_comment_is_no_code_and_a_string_is_no_comment() {
        assert_eq!(without_comment("a(\"http://b\") // c"), "a(\"http://b\") ");
        assert_eq!(without_comment("/// unsafe"), "");
    }
}

/// Files that use each other because what they do is recursive: a list holds items, and an item holds lists.
const RECURSIONS: &[[&str; 2]] = &[
    ["script/rows/item", "script/rows/list"],
    // An argument names what completes it, and what completes the names of commands goes through all arguments.
    ["cli/arguments", "cli/complete"],
];

/// What each file uses of its own crate, as files. What a folder's `mod.rs` gives away from below is the file below, and what a
/// file takes from the `mod.rs` of a folder around it does not count: there stands what the files of a folder share.
fn uses_of_files(sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let by_module: BTreeMap<&[String], &Source> = sources.iter().map(|source| (source.module(), source)).collect();
    let mut given: BTreeMap<(&[String], String), Vec<String>> = BTreeMap::new();
    let export = Regex::new(r"(?m)^\s*pub(?:\([a-z]+\))? use ((?:(?:self|crate|super)::)*)([^;]+);").unwrap();
    let lines = |source: &Source| -> String { source.before_tests().map(|line| format!("{line}\n")).collect() };
    for source in sources {
        for found in export.captures_iter(&lines(source)) {
            let (up, module) = (found[1].matches("super").count(), source.module());
            let from = if found[1].contains("crate") { &[][..] } else { &module[..module.len().saturating_sub(up)] };
            for path in paths(&found[2]) {
                let name = path.last().cloned().unwrap_or_default();
                given.insert((module, name), from.iter().cloned().chain(path).collect());
            }
        }
    }
    let file_of = |mut path: Vec<String>| -> Option<&Source> {
        for _ in 0..8 {
            let deepest = (1..=path.len()).rev().find(|end| by_module.contains_key(&path[..*end]))?;
            let next = path.get(deepest).and_then(|name| given.get(&(&path[..deepest], name.clone())));
            let Some(next) = next else { return by_module.get(&path[..deepest]).copied() };
            path = next.iter().cloned().chain(path[deepest + 1..].iter().cloned()).collect();
        }
        None
    };
    let children = Regex::new(r"(?m)^\s*(?:pub(?:\([a-z]+\))? )?mod (\w+);").unwrap();
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        let own = files.entry(source.path.join("/")).or_default();
        let code = export.replace_all(&lines(source), "").into_owned();
        let mut used: Vec<Vec<String>> = used_in(&code, source.module()).into_iter().map(|(_, path)| path).collect();
        for child in children.captures_iter(&code) {
            let start = Regex::new(&format!(r"(?:^|[^:\w]){}::", &child[1])).unwrap();
            let below =
                |path: Vec<String>| source.module().iter().cloned().chain([child[1].to_owned()]).chain(path).collect();
            used.extend(start.find_iter(&code).flat_map(|found| paths(&code[found.end()..])).map(below));
        }
        let around = |other: &Source| {
            other.path.last().is_some_and(|name| name == "mod") && source.module().starts_with(other.module())
        };
        let others = used.into_iter().filter_map(&file_of).filter(|other| other.path != source.path && !around(other));
        own.extend(others.map(|other| other.path.join("/")));
    }
    files
}

#[test]
fn files_use_each_other_in_one_direction() {
    let sources = sources();
    let uses = uses_of_files(&sources);
    assert!(uses["engine/judge"].contains("engine/step_result") && uses["cli/retest"].contains("cli/replay"));
    // Whoever uses nothing that is left, or is used by nothing that is left, is in no circle.
    let mut left: BTreeSet<&str> = uses.keys().map(String::as_str).collect();
    loop {
        let uses_some = |file: &str| uses[file].iter().any(|other| left.contains(other.as_str()));
        let is_used = |file: &str| left.iter().any(|other| uses[*other].contains(file));
        let kept: BTreeSet<&str> = left.iter().copied().filter(|file| uses_some(file) && is_used(file)).collect();
        if kept.len() == left.len() {
            break;
        }
        left = kept;
    }
    let listed: BTreeSet<&str> = RECURSIONS.iter().flatten().copied().collect();
    let faults: Vec<String> = left
        .difference(&listed)
        .map(|file| {
            let others: Vec<&str> =
                uses[*file].iter().map(String::as_str).filter(|other| left.contains(other)).collect();
            format!(
                "{file}.rs is in a circle by its use of {}: move what both need into a file of its own",
                others.join(", ")
            )
        })
        .collect();
    assert_none(&faults);
    assert_eq!(left, listed, "the list of recursions names files that are in no circle");
}

/// Programs that every Linux has.
const EVERYWHERE: &[&str] = &["/bin/sh", "/bin/true", "cat", "sh", "sleep", "true"];

#[test]
fn every_tool_that_a_test_starts_is_listed_and_installed_for_ci() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let started = Regex::new(r#"Command::new\("([^"]+)"\)|\btool\("([^"]+)"\)"#).unwrap();
    let (mut faults, mut folders) = (Vec::new(), vec![project.join("tests")]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let names = started.captures_iter(&text).filter_map(|found| found.get(1).or(found.get(2)));
                let unknown = names.map(|name| name.as_str()).filter(|name| {
                    !EVERYWHERE.contains(name) && !support::need::TOOLS.iter().any(|(tool, _)| tool == name)
                });
                faults.extend(unknown.map(|name| format!("{} starts {name}", path.display())));
            }
        }
    }
    let ci = fs::read_to_string(project.join(".ci/run")).unwrap();
    let installed: Vec<&str> = ci.split(|c: char| c.is_whitespace() || "()".contains(c)).collect();
    let missing = support::need::TOOLS.iter().filter(|(_, package)| !installed.contains(package));
    faults.extend(missing.map(|(tool, package)| format!(".ci/run does not install {package}, which has {tool}")));
    assert_none(&faults);
}
