//! Packs what the binary carries: the runbooks, the checks, the Lua library, and the tests of the first two with the cases that
//! they go by. Each file by itself, so that a command unpacks only what it uses. A runbook is packed a second time as one document with
//! all that it includes: as JSON, which is read ten times as fast as YAML, of which its head alone as well, and as the YAML that a case keeps.
//! The rules of what a secret looks like become constants.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::noncontiguous;
use serde_json::{Map, Value};

/// The folders whose files are packed, not those of folders within.
const FOLDERS: [&str; 4] = ["runbooks", "lua/checks", "lua/casebook", "tests/cases"];
/// The fields of a whole runbook in their order; the first `HEAD` say what it is, what it is picked by, and its parameters.
const WHOLE: [&str; 17] = [
    "name",
    "title",
    "summary",
    "tags",
    "symptoms",
    "complaints",
    "suspect",
    "lines",
    "live_when",
    "params",
    "data",
    "let",
    "facts",
    "headlines",
    "all_clear",
    "steps",
    "causes",
];
const HEAD: usize = 10;
/// How hard the texts are packed: as small as Zstandard can.
const BEST: i32 = 22;
/// The folder of which the files of folders within are packed, too: a runbook may be a folder.
const DEEP: &str = "runbooks";

fn main() {
    let project = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the project's folder"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names a folder to write to"));
    let mut list = String::from("static FILES: &[(&str, &[u8])] = &[\n");
    let mut head_json = String::from("static HEAD_JSON: &[(&str, &[u8])] = &[\n");
    let mut whole_json = String::from("static WHOLE_JSON: &[(&str, &[u8])] = &[\n");
    let mut whole_yaml = String::from("static WHOLE_YAML: &[(&str, &[u8])] = &[\n");
    let within = folders(&project.join(DEEP)).into_iter().map(|name| format!("{DEEP}/{name}"));
    for folder in FOLDERS.into_iter().map(str::to_owned).chain(within) {
        // A file that was added to a folder is no change of the source.
        println!("cargo::rerun-if-changed={folder}");
        for (number, name) in files(&project.join(&folder)).iter().enumerate() {
            let text = fs::read(project.join(&folder).join(name)).expect("a file of the project can be read");
            let path = format!("{folder}/{name}");
            let place = out.join(format!("{}-{number}", folder.replace('/', "-")));
            list += &packed(&path, &place, &text);
            if Path::new(name).file_stem() == Path::new(&folder).file_name() && name.ends_with(".yaml") {
                let whole = whole(&project, &folder, &path);
                let head: Map<String, Value> =
                    whole.iter().filter(|(key, _)| WHOLE[..HEAD].contains(&key.as_str())).map(owned).collect();
                let json = |document| serde_json::to_vec(document).expect("what was read can be written");
                let yaml = serde_yaml::to_string(&whole).expect("what was read can be written");
                head_json += &packed(&path, &place.with_extension("head"), &json(&head));
                whole_json += &packed(&path, &place.with_extension("json"), &json(&whole));
                whole_yaml += &packed(&path, &place.with_extension("whole"), yaml.as_bytes());
            }
        }
    }
    for more in [head_json, whole_json, whole_yaml] {
        list += "];\n";
        list += &more;
    }
    list += "];\n";
    fs::write(out.join("embedded.rs"), list).expect("cargo's folder can be written");
    rules(&project, &out);
}

fn owned((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// The entry of a text that is packed to a place.
fn packed(path: &str, place: &Path, text: &[u8]) -> String {
    let packed = zstd::bulk::compress(text, BEST).expect("a text can be packed");
    fs::write(place, packed).expect("cargo's folder can be written");
    format!("    ({path:?}, include_bytes!({place:?})),\n")
}

/// A runbook and what it includes as one document, in the order in which `src/runbook/parts.rs` writes it. A mistake in a file
/// ends the build and says what it is.
fn whole(project: &Path, folder: &str, path: &str) -> Map<String, Value> {
    let document = |path: &str| -> Map<String, Value> {
        let text = fs::read_to_string(project.join(path)).expect("a file of the project can be read");
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let mut main = document(path);
    for part in main.remove("include").as_ref().and_then(Value::as_array).into_iter().flatten() {
        let part = part.as_str().expect("a part is a path");
        // Of another runbook.
        let path = part.strip_prefix('@').map_or_else(|| format!("{folder}/{part}"), |path| format!("{DEEP}/{path}"));
        for (key, value) in document(&path) {
            match (main.entry(key).or_insert(Value::Null), value) {
                (Value::Object(there), Value::Object(more)) => there.extend(more),
                (Value::Array(there), Value::Array(more)) => there.extend(more),
                (there, value) => *there = value,
            }
        }
    }
    let known = WHOLE.iter().filter_map(|key| main.shift_remove_entry(*key)).collect();
    assert!(main.is_empty(), "{path}: WHOLE in build.rs lacks {:?}", main.keys());
    known
}

/// The rules of `rules.toml` as constants. A mistake in the file ends the build and says what it is.
fn rules(project: &Path, out: &Path) {
    const FILE: &str = "src/redact/rules.toml";
    println!("cargo::rerun-if-changed={FILE}");
    let text = fs::read_to_string(project.join(FILE)).expect("a file of the project can be read");
    let file: toml::Table = text.parse().unwrap_or_else(|error| panic!("{FILE}: {error}"));
    let table =
        |value: &toml::Value| value.as_table().cloned().unwrap_or_else(|| panic!("{FILE}: {value:?} is no table"));
    let list =
        |table: &toml::Table, key: &str| table.get(key).and_then(|list| list.as_array().cloned()).unwrap_or_default();
    let word =
        |table: &toml::Table, key: &str| table.get(key).and_then(|word| word.as_str()).unwrap_or_default().to_owned();
    let words = |table: &toml::Table, key: &str| -> Vec<String> {
        list(table, key).iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let parts = table(&file["parts"]);
    let of_names = words(&file, "nameKeywords");
    let keywords = |rule: &toml::Table| -> Vec<String> {
        let filled = |word: String| if word == "{name}" { of_names.clone() } else { vec![word] };
        words(rule, "keywords").into_iter().flat_map(filled).collect()
    };
    let filled = |regex: &str| {
        parts.iter().fold(regex.to_owned(), |regex, (name, part)| {
            regex.replace(&format!("{{{name}}}"), part.as_str().expect("a part is an expression"))
        })
    };
    let filled = |regex: &str| ascii(&filled(regex));
    let mut allowlists = String::new();
    let mut count = 0;
    let mut allowlist = |given: &toml::Table| {
        let target = match word(given, "regexTarget").as_str() {
            "" | "secret" => "Secret",
            "match" => "Match",
            "line" => "Line",
            other => panic!("{FILE}: there is no regexTarget {other}"),
        };
        allowlists += &format!(
            "Allowlist {{ target: Target::{target}, regexes: &{:?}, stopwords: &{:?} }},\n",
            words(given, "regexes").iter().map(|regex| ascii(regex)).collect::<Vec<_>>(),
            words(given, "stopwords"),
        );
        count += 1;
        count - 1
    };
    let mut of_rules: Vec<(String, usize)> = Vec::new();
    for given in list(&file, "allowlists").iter().map(table) {
        let number: usize = allowlist(&given);
        of_rules.extend(words(&given, "targetRules").into_iter().map(|rule| (rule, number)));
    }
    let given: Vec<toml::Table> = list(&file, "rules").iter().map(table).collect();
    for (id, _) in &of_rules {
        assert!(given.iter().any(|rule| word(rule, "id") == *id), "{FILE}: there is no rule {id}");
    }
    let mut rules = String::new();
    for rule in &given {
        let (id, tags) = (word(rule, "id"), words(rule, "tags"));
        let name = tags.first().unwrap_or_else(|| panic!("{FILE}: the rule {id} has no tags"));
        let mut allowed: Vec<usize> =
            of_rules.iter().filter(|(rule, _)| *rule == id).map(|(_, number)| *number).collect();
        allowed.extend(list(rule, "allowlists").iter().map(|list| allowlist(&table(list))));
        let entropy = rule.get("entropy").and_then(|least| least.as_float()).unwrap_or(0.0);
        rules += &format!(
            "Rule {{ id: {id:?}, name: {name:?}, source: {}, regex: {:?}, group: {}, needs: &{:?}, behind: &{:?}, entropy: {entropy:?}, allowlists: &{allowed:?} }},\n",
            tags.iter().any(|tag| tag == "source"),
            filled(&word(rule, "regex")),
            rule.get("secretGroup").and_then(|group| group.as_integer()).unwrap_or(0),
            words(rule, "needs"),
            words(rule, "needsBehind"),
        );
    }
    let constants = format!(
        "/// Every rule; where two match, the one above has its way.\npub static RULES: &[Rule] = &[\n{rules}];\n\
         static ALLOWLISTS: &[Allowlist] = &[\n{allowlists}];\n\
         /// The whole name of a field that holds a secret.\nconst NAME: &str = {:?};\n\
         /// A rule that has the keywords of every such name, and no other.\n\
         const OF_NAMES: usize = {};\n",
        filled("(?i)^{before}{name}$"),
        given.iter().position(|rule| keywords(rule) == of_names).expect("a rule has the keywords of names"),
    );
    let of_rule = |rule: &toml::Table| [keywords(rule), words(rule, "secondKeywords"), words(rule, "needsBehind")];
    let constants = constants + &search(&given.iter().map(of_rule).collect::<Vec<_>>(), &out.join("redact_words"));
    fs::write(out.join("redact_rules.rs"), constants).expect("cargo's folder can be written");
}

/// The search for the keywords of all rules, in whatever case, as constants: for each state the next one by the class of a byte,
/// and for the states in which words end the rules of these. Given of each rule its keywords, its second ones, and what stands
/// behind them.
fn search(rules: &[[Vec<String>; 3]], table: &Path) -> String {
    /// Outside of ASCII, these two count as the same letter as an `s` and a `k`: they make every rule possible.
    const OTHER_LETTERS: [&str; 2] = ["\u{17f}", "\u{212a}"];
    assert!(rules.len() <= 128, "more rules than a set has bits");
    let mut words: Vec<(&str, u128, u128)> = OTHER_LETTERS.map(|letter| (letter, u128::MAX, u128::MAX)).to_vec();
    let (mut single, mut behind) = (0, 0);
    for (index, [keywords, second, signs]) in rules.iter().enumerate() {
        let bit = 1u128 << index;
        single |= if second.is_empty() { bit } else { 0 };
        behind |= if signs.is_empty() { 0 } else { bit };
        let second = second.iter().map(|word| (word.as_str(), 0, bit));
        for (word, first, second) in keywords.iter().map(|word| (word.as_str(), bit, 0)).chain(second) {
            match words.iter_mut().find(|(other, ..)| *other == word) {
                Some(there) => *there = (word, there.1 | first, there.2 | second),
                None => words.push((word, first, second)),
            }
        }
    }
    let automaton = noncontiguous::Builder::new()
        .ascii_case_insensitive(true)
        .build(words.iter().map(|(word, ..)| word))
        .expect("an automaton of the keywords");
    let next = |state, byte| automaton.next_state(Anchored::No, state, byte);
    let mut states = vec![automaton.start_state(Anchored::No).expect("a search that begins anywhere")];
    let mut seen: HashSet<StateID> = states.iter().copied().collect();
    let mut at = 0;
    while let Some(state) = states.get(at).copied() {
        let reached = (0..=u8::MAX).map(|byte| next(state, byte));
        states.extend(reached.filter(|next| seen.insert(*next)).collect::<Vec<_>>());
        at += 1;
    }
    // Those in which words end come last.
    states.sort_by_key(|state| automaton.is_match(*state));
    let places: HashMap<StateID, u16> =
        states.iter().enumerate().map(|(at, state)| (*state, u16::try_from(at).expect("few states"))).collect();
    // Bytes that lead to the same state from every state are of one class.
    let mut classes: Vec<Vec<u16>> = Vec::new();
    let of_bytes: Vec<usize> = (0..=u8::MAX)
        .map(|byte| {
            let column: Vec<u16> = states.iter().map(|state| places[&next(*state, byte)]).collect();
            classes.iter().position(|class| *class == column).unwrap_or_else(|| {
                classes.push(column);
                classes.len() - 1
            })
        })
        .collect();
    let width = classes.len().next_power_of_two();
    let mut bytes = Vec::new();
    for state in 0..states.len() {
        let row = (0..width).map(|class| classes.get(class).map_or(0, |column| column[state]));
        bytes.extend(row.flat_map(u16::to_le_bytes));
    }
    fs::write(table, &bytes).expect("cargo's folder can be written");
    let ends: Vec<(u128, u128, usize)> = states
        .iter()
        .filter(|state| automaton.is_match(**state))
        .map(|state| {
            let ending = (0..automaton.match_len(*state)).map(|index| automaton.match_pattern(*state, index));
            ending.fold((0, 0, 0), |(first, second, longest), pattern| {
                let (word, of, second_of) = words[pattern.as_usize()];
                let longest = if of & behind == 0 { longest } else { word.len().max(longest) };
                (first | of, second | second_of, longest)
            })
        })
        .collect();
    format!(
        "/// The next state by state and class of the byte, two bytes each.\nstatic NEXT: &[u8; {}] = include_bytes!({:?});\n\
         /// Classes of bytes, and places of a state in the table.\nstatic CLASSES: [u8; 256] = {of_bytes:?};\nconst WIDTH: usize = {width};\n\
         /// The first state in which a word ends.\nconst FIRST_END: u16 = {};\n\
         /// For each of them the rules of which a word is a keyword, those of which one is a second one, and the bytes of the longest\n\
         /// that is a keyword of a rule with signs behind it.\nstatic ENDS: &[(Set, Set, usize)] = &{ends:?};\n\
         /// The rules without second keywords.\nconst SINGLE: Set = {single};\n\
         {}",
        bytes.len(),
        table.to_str().expect("a path of text"),
        states.len() - ends.len(),
        format_args!(
            "#[cfg(test)]\nconst WORDS: &[(&str, Set, Set)] = &{words:?};\n#[cfg(test)]\nconst BEHIND: Set = {behind};\n"
        ),
    )
}

/// An expression whose words, figures, blanks and edges of words are those of ASCII alone: the automata of Unicode's are many
/// times as large.
fn ascii(regex: &str) -> String {
    let (mut out, mut inside, mut chars) = (String::new(), false, regex.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next().expect("an expression does not end in a backslash");
                match (escaped, inside) {
                    ('w', true) => out += "0-9A-Za-z_",
                    ('w', false) => out += "[0-9A-Za-z_]",
                    ('s', true) => out += r"\t\n\x0B\x0C\r ",
                    ('s', false) => out += r"[\t\n\x0B\x0C\r ]",
                    ('S', false) => out += r"[^\t\n\x0B\x0C\r ]",
                    ('W', false) => out += "[^0-9A-Za-z_]",
                    ('d', true) => out += "0-9",
                    ('d', false) => out += "[0-9]",
                    ('b', false) => out += r"(?-u:\b)",
                    ('S' | 'W' | 'D', true) => panic!("\\{escaped} in a class: {regex}"),
                    (other, _) => out.extend(['\\', other]),
                }
            }
            '[' if !inside => {
                inside = true;
                out.push('[');
                // The first sign of a class may be its own end.
                for first in ['^', ']'] {
                    out.extend(chars.next_if_eq(&first));
                }
            }
            ']' => {
                inside = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

/// The names of the folders in a folder, in their order.
fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let entries = entries.map(|entry| entry.expect("an entry of a folder"));
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The names of a folder's files, in their order.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()));
    let entries = entries.map(|entry| entry.expect("an entry of a folder"));
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}
