//! Runs a check: gives it `cx`, answers its calls of probes, and reads what it found.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, Table, Value as LuaValue};
use serde_json::{Map, Value};

use super::api;
use super::command::Command;
use super::constants::constants;
use super::declare;
use super::rows;
use super::sandbox::{self, Caller, Limits, ScriptStop, TooMuchOutput};
use super::source::Script;
use crate::case::{Evidence, Remedy, Urgency, Verdict};
use crate::printable::printable;
use crate::probe;
use crate::suggest::Suggestion;

/// How often a check may call probes: each call may watch for a window of its own.
const CALLS: usize = 64;
/// How many findings a check can have, and how many remedies each.
const FINDINGS: usize = 100;
const REMEDIES: usize = 16;
/// How many lines the commands of a remedy can have.
const LINES: usize = 256;
/// How deep and how large the figures of all findings may be together.
const DEPTH: usize = 16;
const ITEMS: usize = 20_000;
/// Bytes of the parameters of all calls of one moment together.
const PARAMS_BYTES: usize = 1024 * 1024;
/// Bytes of a name that a message shows.
const LONGEST_NAME: usize = 80;

/// A call of a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The probe.
    pub probe: &'static str,
    /// Its parameters as they were given, known to be right.
    pub params: Map<String, Value>,
}

/// What a check is run with.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its parameters, all of them; null for one that was not given and has no default.
    pub params: Map<String, Value>,
    /// The probes that it may call.
    pub needs: Vec<&'static str>,
    /// When the run began; the recorded time in a replay.
    pub now: Timestamp,
    /// The window of the run, in seconds.
    pub window_seconds: f64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckFinding {
    /// The judgement.
    pub verdict: Verdict,
    /// The sentence.
    pub sentence: String,
    /// Figures.
    pub data: Map<String, Value>,
    /// What to do.
    pub remedies: Vec<Remedy>,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckRun {
    /// What it found, the gravest first, or why it found nothing.
    pub outcome: Result<Vec<CheckFinding>, ScriptStop>,
    /// What it printed.
    pub printed: Vec<String>,
    /// The modules of its folder that it required, with their texts.
    pub modules: BTreeMap<String, String>,
    /// The lines of its file that gave a verdict.
    pub said_at: BTreeSet<usize>,
    /// Time that the script itself took, in seconds.
    pub script_seconds: f64,
}

impl CheckRun {
    /// A check that was not started.
    pub fn refused(why: ScriptStop) -> Self {
        CheckRun {
            outcome: Err(why),
            printed: Vec::new(),
            modules: BTreeMap::new(),
            said_at: BTreeSet::new(),
            script_seconds: 0.0,
        }
    }
}

/// Where the lines of a script that give a verdict are noted while it runs.
struct Saying {
    origin: String,
    lines: Arc<Mutex<BTreeSet<usize>>>,
}

/// Runs a check. `answer` observes the calls of one moment together, in their order.
pub fn run_check(
    script: &Script,
    given: Given,
    limits: &Limits,
    answer: impl FnMut(Vec<Call>) -> Vec<Evidence>,
) -> CheckRun {
    let file = script.clone();
    let output_bytes = limits.output_bytes;
    let lines: Arc<Mutex<BTreeSet<usize>>> = Arc::default();
    let noted = Arc::clone(&lines);
    let work = move |lua: &Lua, caller: &Caller<Vec<Call>, Vec<Evidence>>| {
        let declaring = declare::evaluate(lua, &file)?;
        let run: Function = declaring
            .table
            .raw_get("run")
            .map_err(|_| mlua::Error::runtime("the check has no `run = function(cx, params) … end`"))?;
        lua.set_app_data(Saying { origin: file.origin.clone(), lines: noted });
        let caller = caller.clone();
        let (cx, finding_meta, params) = context(lua, &given, move |calls| caller.ask(calls))?;
        let found = run.call::<LuaValue>((cx, params))?;
        findings(&found, &finding_meta, output_bytes)
    };
    let ran = sandbox::attempt(limits, &script.modules, work, answer);
    let said_at = lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let outcome = ran.outcome.map(|found| {
        // Asked outside of the script's reach, and only where a check has a command at all.
        let mut own: Option<HashSet<String>> = None;
        let mark = |(mut finding, texts): Found| {
            for (remedy, texts) in finding.remedies.iter_mut().zip(texts).filter(|(_, texts)| !texts.is_empty()) {
                let own = own.get_or_insert_with(|| {
                    std::iter::once(&script.text).chain(ran.loaded.values()).flat_map(|text| constants(text)).collect()
                });
                remedy.unquoted = !texts.iter().all(|text| own.contains(text));
            }
            finding
        };
        found.into_iter().map(mark).collect::<Vec<_>>()
    });
    let outcome = outcome.map_err(|stopped| match stopped {
        ScriptStop::Failed(mut error) if error.line.is_none() && error.file == script.origin => {
            error.line = line_of_word(&error.message, &script.text);
            ScriptStop::Failed(error)
        }
        other => other,
    });
    CheckRun { outcome, printed: ran.printed, modules: ran.loaded, said_at, script_seconds: ran.script_seconds }
}

/// Notes the line of the script that looks a verdict up, where somebody wants to know.
fn said(lua: &Lua, (): ()) -> mlua::Result<()> {
    let Some(saying) = lua.app_data_ref::<Saying>() else { return Ok(()) };
    // This function is on level 0, `cx` on level 1, and the script on level 2.
    let line = lua.inspect_stack(2, |frame| {
        let source = frame.source().source?;
        source.strip_prefix('@').filter(|source| *source == saying.origin)?;
        frame.current_line()
    });
    if let Some(line) = line.flatten() {
        saying.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(line);
    }
    Ok(())
}

/// The line that a message means by a word in backquotes, where only one line has that word: a call at the end of a function,
/// as in `return cx.ok("…"):remedy { … }`, leaves no trace of its own.
fn line_of_word(message: &str, text: &str) -> Option<usize> {
    let word = message.split('`').nth(1)?;
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    if word.is_empty() || !word.chars().all(is_part) {
        return None;
    }
    let has = |line: &str| line.split(|c| !is_part(c)).any(|part| part == word);
    let mut lines = text.lines().enumerate().filter(|(_, line)| has(line)).map(|(index, _)| index + 1);
    lines.next().filter(|_| lines.next().is_none())
}

/// `cx`, the metatable of its findings, and the parameters. `answer` asks the probes.
pub(super) fn context(
    lua: &Lua,
    given: &Given,
    answer: impl Fn(Vec<Call>) -> mlua::Result<Vec<Evidence>> + Send + 'static,
) -> mlua::Result<(Table, Table, Table)> {
    let params = parameters(lua, &given.params)?;
    let needs = given.needs.clone();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let ask = lua.create_function(move |lua, calls: Table| {
        // Before they are read: ten thousand calls may share one large text, and each would have a copy of its own.
        let before = asked.load(std::sync::atomic::Ordering::Relaxed);
        if before.saturating_add(calls.raw_len()) > CALLS {
            return Err(mlua::Error::runtime(format!("a check can call probes {CALLS} times, not more")));
        }
        let mut left = Left::new(PARAMS_BYTES);
        let calls = calls
            .sequence_values::<Table>()
            .map(|call| read_call(&call?, &needs, &mut left))
            .collect::<mlua::Result<Vec<_>>>()?;
        asked.fetch_add(calls.len(), std::sync::atomic::Ordering::Relaxed);
        let probes: Vec<&str> = calls.iter().map(|call| call.probe).collect();
        let answers = lua.create_table()?;
        for (probe, evidence) in probes.into_iter().zip(answer(calls)?) {
            let schema = probe::find(probe).map(probe::output_schema);
            answers.raw_push(rows::evidence_value(lua, probe, Arc::new(evidence), schema)?)?;
        }
        Ok(answers)
    })?;
    let unknown_member =
        lua.create_function(|_, (what, name, members): (String, LuaValue, Table)| -> mlua::Result<()> {
            let name = name_of(&name);
            let mut names: Vec<String> = members.pairs::<String, LuaValue>().flatten().map(|(name, _)| name).collect();
            names.sort();
            let suggestion = Suggestion::of(&name, names.iter().map(String::as_str));
            Err(mlua::Error::runtime(suggestion.or_list_behind(&format!("{what} has no `{name}`"))))
        })?;
    let said = lua.create_function(said)?;
    // Read at once, so that a mistake is told in its line.
    let vet_remedy = lua.create_function(|_, table: Table| remedy(&table, &mut Left::new(PARAMS_BYTES)).map(|_| ()))?;
    let globals = lua.globals();
    rows::install(lua, &globals)?;
    let (about, known) = (globals.raw_get::<LuaValue>("about")?, globals.raw_get::<LuaValue>("known")?);
    let now = given.now.as_duration().as_secs_f64();
    let (cx, finding): (Table, Table) = lua
        .load(include_str!("../../lua/casebook/check.lua"))
        .set_mode(ChunkMode::Text)
        .set_name("=[engine]")
        .call((ask, unknown_member, said, about, known, params.clone(), now, given.window_seconds, vet_remedy))?;
    Ok((cx, finding, params))
}

/// The parameters as a table that refuses names that were not declared.
fn parameters(lua: &Lua, params: &Map<String, Value>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (name, value) in params {
        let value = match value {
            Value::Null => continue,
            Value::Bool(flag) => LuaValue::Boolean(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => LuaValue::Integer(integer),
                None => LuaValue::Number(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => LuaValue::String(lua.create_string(text)?),
            other => LuaValue::String(lua.create_string(other.to_string())?),
        };
        table.raw_set(name.as_str(), value)?;
    }
    let names: Vec<String> = params.keys().cloned().collect();
    let meta = lua.create_table()?;
    let missing = move |_: &Lua, (_, name): (Table, LuaValue)| {
        let name = name_of(&name);
        if names.contains(&name) {
            return Ok(LuaValue::Nil);
        }
        let suggestion = Suggestion::of(&name, names.iter().map(String::as_str));
        Err(mlua::Error::runtime(suggestion.behind(&format!("the check has no parameter `{name}`"))))
    };
    meta.raw_set("__index", lua.create_function(missing)?)?;
    meta.raw_set("__metatable", "params")?;
    table.set_metatable(Some(meta))?;
    Ok(table)
}

fn read_call(call: &Table, needs: &[&'static str], left: &mut Left) -> mlua::Result<Call> {
    let name = name_of(&call.raw_get(1)?);
    let Some(probe) = probe::find(&name) else {
        let suggestion = Suggestion::of(&name, probe::PROBES.iter().map(|probe| probe.name()));
        return Err(mlua::Error::runtime(suggestion.or_list_behind(&format!("there is no probe `{name}`"))));
    };
    if !needs.contains(&probe.name()) {
        return Err(mlua::Error::runtime(format!(
            "the check calls probe {name}, which its header does not name: write needs = {{ {} }}",
            needs.iter().chain([&probe.name()]).map(|need| format!("{need:?}")).collect::<Vec<_>>().join(", ")
        )));
    }
    let given: Table = call.raw_get(2)?;
    let schema = probe.params_schema().to_value();
    let mut params = Map::new();
    for pair in given.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair?;
        let LuaValue::String(key) = key else {
            return Err(mlua::Error::runtime(format!(
                "parameters of probe {name} have names, as in {{ window = \"5s\" }}"
            )));
        };
        let key = left.text(&key)?;
        let mut value = left.json(&value, DEPTH)?;
        // An empty table is a list where the probe wants one.
        let wanted =
            schema.pointer("/properties").and_then(|all| all.get(&key)).and_then(|property| property.get("type"));
        let wants_list = wanted.is_some_and(|kind| {
            kind == "array" || kind.as_array().is_some_and(|kinds| kinds.contains(&"array".into()))
        });
        if wants_list && value.as_object().is_some_and(Map::is_empty) {
            value = Value::Array(Vec::new());
        }
        params.insert(key, value);
    }
    probe::complete(probe, &Value::Object(params.clone())).map_err(mlua::Error::runtime)?;
    Ok(Call { probe: probe.name(), params })
}

/// A finding, and for each of its remedies the texts that must be the script's own.
type Found = (CheckFinding, Vec<Vec<String>>);

fn findings(found: &LuaValue, meta: &Table, output_bytes: usize) -> mlua::Result<Vec<Found>> {
    let is_finding = |table: &Table| table.metatable().is_some_and(|own| own == *meta);
    let list: Vec<Table> = match found {
        LuaValue::Table(table) if is_finding(table) => vec![table.clone()],
        LuaValue::Table(table) if table.raw_len() > FINDINGS => {
            let count = table.raw_len();
            return Err(mlua::Error::runtime(format!("the check has {count} findings; {FINDINGS} are the most")));
        }
        LuaValue::Table(table) => table.sequence_values::<Table>().take(FINDINGS).collect::<mlua::Result<_>>()?,
        _ => Vec::new(),
    };
    if list.is_empty() || !list.iter().all(is_finding) {
        return Err(mlua::Error::runtime(
            "the check's run must return a finding, as in `return cx.ok(\"…\")`, or a list of them",
        ));
    }
    let mut left = Left::new(output_bytes);
    let mut findings = list.iter().map(|table| finding(table, &mut left)).collect::<mlua::Result<Vec<_>>>()?;
    findings.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.verdict.gravity()));
    Ok(findings)
}

fn finding(table: &Table, left: &mut Left) -> mlua::Result<Found> {
    let word: String = table.raw_get("verdict")?;
    let verdict = Verdict::ALL
        .into_iter()
        .find(|verdict| verdict.word() == word)
        .ok_or_else(|| mlua::Error::runtime(format!("`{word}` is not a verdict")))?;
    let sentence: mlua::LuaString = table.raw_get("sentence")?;
    let figures: Table = table.raw_get("figures")?;
    let data = match left.json(&LuaValue::Table(figures), DEPTH)? {
        Value::Object(data) => data,
        list => Map::from_iter([("list".to_owned(), list)]),
    };
    let remedies: Table = table.raw_get("remedies")?;
    if remedies.raw_len() > REMEDIES {
        let count = remedies.raw_len();
        return Err(mlua::Error::runtime(format!("a finding has {count} remedies; {REMEDIES} are the most")));
    }
    let remedies = remedies.sequence_values::<Table>().take(REMEDIES);
    let remedies = remedies.map(|table| remedy(&table?, left)).collect::<mlua::Result<Vec<_>>>()?;
    let (remedies, texts) = remedies.into_iter().unzip();
    Ok((CheckFinding { verdict, sentence: printable(left.text(&sentence)?), data, remedies }, texts))
}

/// A remedy, and the texts that its commands were made of: they are safe where the script holds them as they are.
fn remedy(table: &Table, left: &mut Left) -> mlua::Result<(Remedy, Vec<String>)> {
    let names = || api::REMEDY_KEYS.iter().map(|key| key.name);
    let mut urgency = Urgency::Now;
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut commands: BTreeMap<&str, Vec<Command>> = BTreeMap::new();
    for pair in table.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair?;
        let key = name_of(&key);
        let Some(key) = names().find(|known| **known == key) else {
            let suggestion = Suggestion::of(&key, names());
            return Err(mlua::Error::runtime(suggestion.behind(&format!("a remedy has no `{key}`"))));
        };
        if let "run" | "undo" = key {
            commands.insert(key, lines(key, &value, left)?);
            continue;
        }
        let LuaValue::String(text) = &value else {
            return Err(mlua::Error::runtime(format!("`{key}` of a remedy wants a text, not a {}", value.type_name())));
        };
        let text = left.text(text)?;
        if key == "urgency" {
            urgency = serde_json::from_value(Value::String(text.clone())).map_err(|_| {
                mlua::Error::runtime(format!("`{text}` is not an urgency: there are now, lasting and upstream"))
            })?;
        } else {
            texts.insert(key, printable_lines(&text));
        }
    }
    let action = texts
        .remove("do")
        .ok_or_else(|| mlua::Error::runtime("a remedy needs a sentence: [\"do\"] = \"Restart the resolver\""))?;
    let templates = commands.values().flatten().map(|line| line.template.clone()).collect();
    // Where a value cannot stand in one of its commands, the sentence has to do.
    let whole = commands.values().flatten().all(|line| line.text.is_ok());
    let mut command = |key| {
        let lines = commands.remove(key).filter(|_| whole)?;
        let lines: Vec<String> = lines.into_iter().filter_map(|line| line.text.ok()).collect();
        Some(printable_lines(&lines.join("\n")))
    };
    let (run, undo) = (command("run"), command("undo"));
    Ok((Remedy { urgency, action, run, undo, risk: texts.remove("risk"), unquoted: false }, templates))
}

/// The commands of a remedy: a text, what `sh` made, or a list of both.
fn lines(key: &str, value: &LuaValue, left: &mut Left) -> mlua::Result<Vec<Command>> {
    let line = |value: &LuaValue, left: &mut Left| match value {
        LuaValue::String(text) => {
            let text = left.text(text)?;
            Ok(Command { template: text.clone(), text: Ok(text) })
        }
        LuaValue::UserData(handle) if handle.is::<Command>() => {
            let command = handle.borrow::<Command>()?;
            left.bytes(command.template.len() + command.text.as_ref().map_or(0, String::len))?;
            Ok(command.clone())
        }
        other => Err(mlua::Error::runtime(format!(
            "`{key}` of a remedy wants a text, sh(…) or a list of them, not a {}",
            other.type_name()
        ))),
    };
    match value {
        LuaValue::Table(list) if list.raw_len() > LINES => {
            Err(mlua::Error::runtime(format!("`{key}` of a remedy has at most {LINES} lines")))
        }
        LuaValue::Table(list) => (1..=list.raw_len()).map(|at| line(&list.raw_get(at)?, left)).collect(),
        one => Ok(vec![line(one, left)?]),
    }
}

/// The text with control characters escaped, but for the ends of its lines.
fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// A name that a script chose, for a message: no longer than names are.
fn name_of(name: &LuaValue) -> String {
    let mut text = match name {
        LuaValue::String(text) => {
            String::from_utf8_lossy(text.as_bytes().get(..LONGEST_NAME).unwrap_or(&text.as_bytes())).into_owned()
        }
        LuaValue::Integer(_) | LuaValue::Number(_) | LuaValue::Boolean(_) => name.to_string().unwrap_or_default(),
        other => other.type_name().to_owned(),
    };
    if text.len() >= LONGEST_NAME {
        text.push('…');
    }
    printable(text)
}

/// What a script may still hand over. Its tables may share what becomes a copy here each time that it is met.
struct Left {
    items: usize,
    bytes: usize,
    limit: usize,
}

impl Left {
    fn new(bytes: usize) -> Self {
        Left { items: ITEMS, bytes, limit: bytes }
    }

    fn bytes(&mut self, bytes: usize) -> mlua::Result<()> {
        let limit = self.limit;
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| mlua::Error::external(TooMuchOutput { limit }))?;
        Ok(())
    }

    fn items(&mut self, items: usize) -> mlua::Result<()> {
        let too_many = || mlua::Error::runtime("the figures are too many or too deep, or refer to themselves");
        self.items = self.items.checked_sub(items).ok_or_else(too_many)?;
        Ok(())
    }

    fn text(&mut self, text: &mlua::LuaString) -> mlua::Result<String> {
        self.bytes(text.as_bytes().len())?;
        Ok(text.to_string_lossy())
    }

    /// A value of a script as data of a report.
    fn json(&mut self, value: &LuaValue, depth: usize) -> mlua::Result<Value> {
        self.items(if depth == 0 { usize::MAX } else { 1 })?;
        Ok(match value {
            LuaValue::Boolean(flag) => Value::Bool(*flag),
            LuaValue::Integer(integer) => (*integer).into(),
            LuaValue::Number(number) => serde_json::Number::from_f64(*number).map_or(Value::Null, Value::Number),
            LuaValue::String(text) => Value::String(printable(self.text(text)?)),
            LuaValue::Table(table) => {
                let length = table.raw_len();
                if length > 0 {
                    let list = (1..=length).map(|index| self.json(&table.raw_get(index)?, depth - 1));
                    return list.collect::<mlua::Result<Vec<_>>>().map(Value::Array);
                }
                let mut map = Map::new();
                for pair in table.pairs::<LuaValue, LuaValue>() {
                    let (key, value) = pair?;
                    let key = match &key {
                        LuaValue::String(key) => self.text(key)?,
                        other => name_of(other),
                    };
                    map.insert(printable(key), self.json(&value, depth - 1)?);
                }
                map.sort_keys();
                Value::Object(map)
            }
            LuaValue::UserData(handle) => match rows::handle_size(handle) {
                // Counted before it is copied: evidence may be large.
                Some((items, bytes)) => {
                    self.items(items)?;
                    self.bytes(bytes)?;
                    rows::handle_json(handle).unwrap_or_default()
                }
                None => return Err(mlua::Error::runtime("this is not a value for a report")),
            },
            LuaValue::Nil => Value::Null,
            other => return Err(mlua::Error::runtime(format!("a {} is not a value for a report", other.type_name()))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::line_of_word;

    #[test]
    fn a_word_that_stands_in_one_line_tells_the_line() {
        let text = "return cx.ok('x')\n  :remedy { urgnecy = 'now' }\n-- urgnecies";
        assert_eq!(line_of_word("a remedy has no `urgnecy`; did you mean `urgency`?", text), Some(2));
        assert_eq!(line_of_word("a remedy has no `x`", "x\nx"), None);
        assert_eq!(line_of_word("no word", text), None);
    }
}
