//! The Lua library that checks reach with `require` is tested by the Lua files beside this one, in a state that has no more
//! than checks have.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use casebook::units;
use mlua::{Lua, LuaOptions, StdLib};
use serde_json::Value;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A state without the host: what a test does here, a check can do.
fn state() -> mlua::Result<Lua> {
    let libraries = StdLib::COROUTINE | StdLib::TABLE | StdLib::STRING | StdLib::UTF8 | StdLib::MATH;
    let lua = Lua::new_with(libraries, LuaOptions::default())?;
    for name in ["load", "loadfile", "dofile", "collectgarbage", "warn"] {
        lua.globals().set(name, mlua::Nil)?;
    }
    let loaded = lua.create_table()?;
    let require = lua.create_function(move |lua, name: String| {
        if let Some(module) = loaded.get::<Option<mlua::Value>>(name.as_str())? {
            return Ok(module);
        }
        let known = name.strip_prefix("casebook.").filter(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase()));
        let Some(known) = known else { return Err(mlua::Error::runtime(format!("no module {name}"))) };
        let path = format!("lua/casebook/{known}.lua");
        let text = fs::read_to_string(project().join(&path)).map_err(mlua::Error::external)?;
        let module: mlua::Value = lua.load(text).set_name(format!("@{path}")).eval()?;
        loaded.set(name.as_str(), module.clone())?;
        Ok(module)
    })?;
    lua.globals().set("require", require)?;
    Ok(lua)
}

/// Runs the tests of one module.
fn passes(module: &str) {
    let path = format!("tests/lua/{module}.lua");
    let text = fs::read_to_string(project().join(&path)).expect("the test is there");
    let lua = state().expect("a state can be made");
    if let Err(error) = lua.load(text).set_name(format!("@{path}")).exec() {
        panic!("{error}");
    }
}

#[test]
fn rates_are_unknown_and_never_negative_after_a_reset() {
    passes("rates");
}

#[test]
fn shares_tell_one_sender_from_everybody() {
    passes("shares");
}

#[test]
fn entropy_is_that_of_shannon() {
    passes("entropy");
}

#[test]
fn addresses_are_read_and_written_as_the_rfcs_ask() {
    passes("net");
}

#[test]
fn tables_are_gone_through_in_order() {
    passes("tables");
}

#[test]
fn spans_and_moments_survive_there_and_back() {
    passes("spans");
}

#[test]
fn lines_that_say_the_same_have_one_template() {
    passes("text");
}

#[test]
fn daemons_are_found_by_their_sockets() {
    passes("daemons");
}

#[test]
fn an_owner_that_cannot_be_seen_is_said_and_not_guessed() {
    passes("owners");
}

#[test]
fn a_list_that_is_not_whole_shows_what_is_in_it() {
    passes("seen");
}

/// The modules that the library has, and those that are documented, are the same: every function tells what it takes and gives.
#[test]
fn every_module_has_tests_and_every_function_a_comment() {
    let mut modules: Vec<PathBuf> = fs::read_dir(project().join("lua/casebook"))
        .expect("the library is there")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "lua"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "expressions" && stem != "check"))
        .collect();
    modules.sort();
    assert!(!modules.is_empty(), "the library has modules");
    for path in modules {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name is text");
        assert!(project().join(format!("tests/lua/{name}.lua")).is_file(), "casebook.{name} has no tests");
        let text = fs::read_to_string(&path).expect("a module is text");
        assert!(text.starts_with("--- "), "casebook.{name} does not say what it is for");
        let mut previous = "";
        for line in text.lines() {
            if line.starts_with(&format!("function {name}."))
                || line.starts_with("function Set:")
                || line.starts_with("function Table:")
            {
                assert!(previous.starts_with("---"), "casebook.{name}: `{line}` has no comment");
            }
            previous = line;
        }
    }
}

/// The helpers of expressions, in the plain state.
fn helpers(lua: &Lua) -> mlua::Result<()> {
    let globals = lua.globals();
    type Figure = (&'static str, fn(f64) -> String);
    let figures: [Figure; 5] = [
        ("bitrate", units::bitrate),
        ("bytes", units::bytes),
        ("percent", units::percent),
        ("count", units::count),
        ("span", units::span),
    ];
    for (name, helper) in figures {
        globals.set(name, lua.create_function(move |_, figure: f64| Ok(helper(figure)))?)?;
    }
    let text = fs::read_to_string(project().join("lua/casebook/expressions.lua")).map_err(mlua::Error::external)?;
    let lists: mlua::Table = lua.load(text).set_name("@lua/casebook/expressions.lua").eval()?;
    lists
        .pairs::<String, mlua::Value>()
        .try_for_each(|pair| pair.and_then(|(name, helper)| globals.set(name, helper)))?;
    let re = lua.create_table()?;
    re.set("escape", lua.create_function(|_, text: String| Ok(regex::escape(&text)))?)?;
    globals.set("re", re)
}

/// A value of a test as Lua has it: null is nil.
fn to_lua(lua: &Lua, value: &Value) -> mlua::Result<mlua::Value> {
    use mlua::LuaSerdeExt as _;
    let options = mlua::serde::ser::Options::new().serialize_none_to_null(false).serialize_unit_to_null(false);
    lua.to_value_with(value, options)
}

/// Whether what was given holds all that is wanted.
fn holds(given: &Value, wanted: &Value) -> bool {
    match (given, wanted) {
        (Value::Object(given), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| given.get(key).is_some_and(|given| holds(given, wanted)))
        }
        (Value::Array(given), Value::Array(wanted)) => {
            given.len() == wanted.len() && given.iter().zip(wanted).all(|(given, wanted)| holds(given, wanted))
        }
        (Value::Number(given), Value::Number(wanted)) => given.as_f64() == wanted.as_f64(),
        _ => given == wanted,
    }
}

/// The value of a parameter as scripts get it: spans in seconds, shares from 0 to 1.
fn param(kind: &str, value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let figure = match kind {
        "duration" => text.parse::<units::Span>().ok().map(|span| span.0.as_secs_f64()),
        "bitrate" => text.parse::<units::BitRate>().ok().map(|rate| rate.0),
        "size" => text.parse::<units::Size>().ok().map(|size| size.0 as f64),
        "share" => text.trim_end_matches('%').parse::<f64>().ok().map(|percent| percent / 100.0),
        _ => None,
    };
    figure.map_or_else(|| value.clone(), Value::from)
}

/// What a check finds with the evidence of a test, the gravest first.
fn findings(check: &str, test: &Value) -> Result<Vec<Value>, String> {
    let path = format!("lua/checks/{check}.lua");
    let text = fs::read_to_string(project().join(&path)).map_err(|error| format!("{path}: {error}"))?;
    let run = || -> mlua::Result<Vec<Value>> {
        use mlua::LuaSerdeExt as _;
        let lua = state()?;
        helpers(&lua)?;
        let mock = fs::read_to_string(project().join("tests/lua/mock.lua")).map_err(mlua::Error::external)?;
        let mock: mlua::Function = lua.load(mock).set_name("@tests/lua/mock.lua").eval()?;
        lua.globals().set("who", lua.load(WHO).eval::<mlua::Value>()?)?;
        lua.globals().set("socket", lua.load(SOCKET).eval::<mlua::Value>()?)?;
        let header: mlua::Table = lua.load(text.as_str()).set_name(format!("@{path}")).eval()?;
        let params = lua.create_table()?;
        let declared: Option<mlua::Table> = header.get("params")?;
        for pair in declared.iter().flat_map(|declared| declared.pairs::<String, mlua::Table>()) {
            let (name, spec) = pair?;
            let kind: String = spec.get("type")?;
            let given = test.pointer(&format!("/params/{name}")).cloned();
            let value = match given {
                Some(given) => given,
                None => lua.from_value(spec.get::<mlua::Value>("default")?)?,
            };
            let help: String = spec.get("help")?;
            assert!(!help.is_empty(), "{name} of {check} says what it is for");
            params.set(name, to_lua(&lua, &param(&kind, &value))?)?;
        }
        let evidence = to_lua(&lua, test.get("evidence").unwrap_or(&Value::Null))?;
        let now = test.get("now").and_then(Value::as_str).unwrap_or("2026-11-22T15:04:05Z");
        let now: jiff::Timestamp = now.parse().map_err(mlua::Error::external)?;
        let found: Vec<mlua::Table> = mock.call((header, params, evidence, now.as_second()))?;
        found
            .into_iter()
            .map(|finding| {
                finding.set_metatable(None)?;
                lua.from_value(mlua::Value::Table(finding))
            })
            .collect()
    };
    let mut found = run().map_err(|error| error.to_string())?;
    let gravity = |finding: &Value| {
        let verdict = finding.get("verdict").and_then(Value::as_str).unwrap_or_default();
        ["skipped", "ok", "unknown", "warning", "critical"].iter().position(|known| *known == verdict)
    };
    found.sort_by_key(|finding| std::cmp::Reverse(gravity(finding)));
    Ok(found)
}

/// Runs one test of a check; gives what is wrong.
fn judge(check: &str, test: &Value) -> Result<(), String> {
    let found = findings(check, test)?;
    let text = |finding: &Value, key: &str| finding.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let expect = test.get("expect").ok_or("the test expects nothing")?;
    let gravest = found.first().ok_or("no finding")?;
    let (verdict, sentence) = (text(gravest, "verdict"), text(gravest, "sentence"));
    if verdict != text(expect, "verdict") {
        return Err(format!("verdict {verdict}: {sentence}"));
    }
    let wanted = text(expect, "sentence");
    let sentences: Vec<String> = found.iter().map(|finding| text(finding, "sentence")).collect();
    if !sentences.iter().any(|sentence| sentence.contains(&wanted)) {
        return Err(format!("no sentence has `{wanted}`: {sentences:#?}"));
    }
    if let Some(data) = expect.get("data")
        && !found.iter().any(|finding| finding.get("figures").is_some_and(|figures| holds(figures, data)))
    {
        return Err(format!("no finding has {data}: {found:#?}"));
    }
    let remedies: Vec<String> = found
        .iter()
        .filter_map(|finding| finding.get("remedies")?.as_array())
        .flatten()
        .map(|remedy| text(remedy, "do"))
        .collect();
    for wanted in expect.get("remedies").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !remedies.iter().any(|remedy| remedy.contains(wanted)) {
            return Err(format!("no remedy has `{wanted}`: {remedies:#?}"));
        }
    }
    Ok(())
}

const WHO: &str = r#"return function(process)
  local details = process.pid and { "pid " .. process.pid } or {}
  if process.unit then details[#details + 1] = process.unit end
  return (process.name or "a process") .. (#details > 0 and " (" .. table.concat(details, ", ") .. ")" or "")
end"#;

const SOCKET: &str = r#"return function(address, port)
  return (address:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(address, port)
end"#;

/// The shipped checks by name, each with its tests.
fn checks() -> Vec<(String, Vec<Value>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(project().join("lua/checks"))
        .expect("the checks are there")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "lua"))
        .collect();
    paths.sort();
    let tests_of = |path: PathBuf| {
        let check = path.file_stem().and_then(|stem| stem.to_str()).expect("a name is text").to_owned();
        let text = fs::read_to_string(path.with_extension("test.yaml")).expect("a check has tests beside it");
        let document: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{check}.test.yaml: {error}"));
        let tests = document.get("tests").and_then(Value::as_array).cloned().unwrap_or_default();
        assert!(!tests.is_empty(), "{check} has tests");
        (check, tests)
    };
    paths.into_iter().map(tests_of).collect()
}

#[test]
fn every_shipped_check_says_what_its_tests_expect() {
    let (mut wrong, mut run) = (Vec::new(), 0);
    for (check, tests) in checks() {
        for test in tests {
            run += 1;
            if let Err(why) = judge(&check, &test) {
                wrong.push(format!("{check} · {}\n    {why}", test.get("name").and_then(Value::as_str).unwrap_or("?")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {run} tests fail:\n{}", wrong.len(), wrong.join("\n"));
}

/// The paths of all fields below a value, without indices: `listeners.process.pid`.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                paths(field, &below, found);
                found.insert(below);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => {}
    }
}

/// Takes a field out, of every item of the lists on the way.
fn erase(value: &mut Value, path: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| erase(item, path)),
        Value::Object(fields) => match path.split_once('.') {
            Some((name, rest)) => fields.get_mut(name).into_iter().for_each(|field| erase(field, rest)),
            None => {
                fields.insert(path.to_owned(), Value::Null);
            }
        },
        _ => {}
    }
}

/// The test with each single piece of its evidence hidden by a gap.
fn erased(test: &Value) -> Vec<(String, Value)> {
    let gap = serde_json::json!({"tried": "look", "reason": "denied", "why": "it was taken out"});
    let mut all = Vec::new();
    for (probe, evidence) in test.get("evidence").and_then(Value::as_object).into_iter().flatten() {
        let place = format!("/evidence/{}", probe.replace('~', "~0").replace('/', "~1"));
        let mut whole = test.clone();
        *whole.pointer_mut(&place).expect("it is there") = serde_json::json!({"gap": gap});
        all.push((probe.clone(), whole));
        let Some(output) = evidence.get("output") else { continue };
        let mut fields = BTreeSet::new();
        paths(output, "", &mut fields);
        for field in fields {
            let mut less = test.clone();
            let changed = less.pointer_mut(&place).expect("it is there");
            erase(&mut changed["output"], &field);
            let mut missing = evidence.get("missing").and_then(Value::as_array).cloned().unwrap_or_default();
            missing.push(serde_json::json!({"fields": [field], "gap": gap}));
            changed["missing"] = Value::Array(missing);
            all.push((format!("{probe}.{field}"), less));
        }
    }
    all
}

#[test]
fn no_shipped_check_turns_fine_when_a_piece_of_evidence_is_taken_out() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (check, tests) in checks() {
        for test in tests {
            let verdict = test.pointer("/expect/verdict").and_then(Value::as_str).unwrap_or_default();
            if verdict != "warning" && verdict != "critical" {
                continue;
            }
            for (what, less) in erased(&test) {
                tried += 1;
                // A check that fails ends as unknown.
                let Ok(found) = findings(&check, &less) else { continue };
                let now = found.first().and_then(|finding| finding.get("verdict")?.as_str()).unwrap_or_default();
                if now == "ok" || now == "skipped" {
                    let name = test.get("name").and_then(Value::as_str).unwrap_or("?");
                    wrong.push(format!("{check} · {name}: {verdict} becomes {now} without {what}"));
                }
            }
        }
    }
    assert!(tried > 100, "evidence was taken out {tried} times");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
