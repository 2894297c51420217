//! What a script finds in the sandbox, and what it is told when it goes wrong.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use casebook::case::Gap;
use casebook::script::sandbox::{self, Caller, Limits, Modules, NotKnown, Ran, ScriptStop};
use casebook::script::{Bounds, to_json};
use casebook::sys::trust::Trust;
use serde_json::{Value, json};

const BOUNDS: Bounds = Bounds { depth: 16, items: 10_000, bytes: 100_000 };

fn run_with(limits: &Limits, modules: &Modules, text: &str) -> Result<Ran<Value>, ScriptStop> {
    let text = text.to_owned();
    let work = move |lua: &mlua::Lua, caller: &Caller<i64, i64>| {
        let caller = caller.clone();
        lua.globals().set("ask", lua.create_function(move |_, question: i64| caller.ask(question))?)?;
        let unseen = |_: &mlua::Lua, ()| -> mlua::Result<()> {
            Err(mlua::Error::external(NotKnown { path: "e.x".into(), gap: Gap::denied("see x", "CAP_X") }))
        };
        lua.globals().set("unseen", lua.create_function(unseen)?)?;
        let panics = |_: &mlua::Lua, ()| -> mlua::Result<()> { panic!("a callback panicked") };
        lua.globals().set("panics", lua.create_function(panics)?)?;
        let value: mlua::Value = sandbox::load(lua, &text, "checks/test.lua")?.call(())?;
        to_json(&value, BOUNDS)
    };
    sandbox::run(limits, modules, work, |question| question * 2)
}

fn run(text: &str) -> Result<Ran<Value>, ScriptStop> {
    run_with(&Limits::default(), &Modules::default(), text)
}

fn value(text: &str) -> Value {
    run(text).unwrap_or_else(|stopped| panic!("{stopped}")).value
}

fn failure(text: &str) -> sandbox::ScriptError {
    match run(text) {
        Err(ScriptStop::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_script_asks_and_logs_and_gives_back() {
    let ran = run("print('asked', ask(21), nil)\nreturn { answer = ask(1), list = { 1, 2 } }").unwrap();
    assert_eq!(ran.value, json!({"answer": 2, "list": [1, 2]}));
    assert_eq!(ran.printed, ["asked    42    nil"]);
    assert!(ran.loaded.is_empty());
}

#[test]
fn the_clock_stands_still_while_an_answer_is_worked_out() {
    let limits = Limits { script_time: Duration::from_millis(200), ..Limits::default() };
    let work = |lua: &mlua::Lua, caller: &Caller<(), u8>| {
        let caller = caller.clone();
        lua.globals().set("ask", lua.create_function(move |_, ()| caller.ask(()))?)?;
        lua.load("return ask() + ask()").eval::<u8>()
    };
    let began = Instant::now();
    let ran = sandbox::run(&limits, &Modules::default(), work, |()| {
        // More than the limit, and counted by the clock of the test itself.
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_millis(250) {
            std::thread::yield_now();
        }
        4
    });
    let ran = ran.unwrap_or_else(|stopped| panic!("{stopped}"));
    assert_eq!(ran.value, 8);
    assert!(ran.script_seconds < began.elapsed().as_secs_f64() / 2.0, "{}", ran.script_seconds);
}

#[test]
fn an_error_has_its_file_its_line_and_the_calls_of_the_script_alone() {
    let error = failure(
        "local function inner(x)\n  return x.y.z + 1\nend\nlocal function outer() local v = inner({}) return v end\nouter()",
    );
    assert_eq!((error.file.as_str(), error.line), ("checks/test.lua", Some(2)));
    assert_eq!(error.message, "attempt to index a nil value (field 'y')");
    let places: Vec<&str> = error.traceback.iter().map(|frame| frame.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["checks/test.lua:2", "checks/test.lua:4", "checks/test.lua:5"]);
    assert!(error.traceback[0].contains("inner"), "{:?}", error.traceback);
}

#[test]
fn an_error_of_a_function_of_ours_is_in_the_line_that_called_it() {
    for text in [
        "\nlocal x = ('x'):find('[')",
        "\nstring.gsub('x', 'x', '%9')",
        "\ntable.concat({ {} })",
        "\nrequire('../x')",
        "\nos.execute('x')",
    ] {
        let error = failure(text);
        assert_eq!((error.file.as_str(), error.line), ("checks/test.lua", Some(2)), "{text}: {error:?}");
        assert!(!error.to_string().contains("sandbox"), "{error}");
        assert!(error.traceback.iter().all(|frame| frame.starts_with("checks/test.lua:")), "{error:?}");
    }
}

#[test]
fn a_syntax_error_has_its_place_and_is_shown_with_its_line() {
    let text = "local x = 1\nlocal y = = 2\n";
    let error = failure(text);
    assert_eq!((error.line, error.message.as_str()), (Some(2), "unexpected symbol near '='"));
    let shown = error.snippet(text, false);
    assert!(shown.contains("checks/test.lua:2") && shown.contains("local y = = 2"), "{shown}");
}

#[test]
fn a_long_name_that_lua_shortens_is_whole_again() {
    let folder = "a-very-long-folder-name/".repeat(8);
    let (name, inner) = (format!("{folder}check.lua"), format!("{folder}check.lua"));
    let work = move |lua: &mlua::Lua, _: &Caller<(), ()>| sandbox::load(lua, "\nerror('x')", &inner)?.call::<()>(());
    let Err(ScriptStop::Failed(error)) = sandbox::run(&Limits::default(), &Modules::default(), work, |()| ()) else {
        panic!("it did not fail")
    };
    assert_eq!((error.file, error.line, error.message.as_str()), (name, Some(2), "x"));
}

#[test]
fn a_blocked_name_says_what_to_use_instead() {
    for (text, instead) in [
        ("return io.open('x')", "`io.open` is not available in checks; it reads no files; ask a probe"),
        ("return os.time()", "`os.time` is not available in checks; use cx.now"),
        ("return os.getenv('HOME')", "declare what it needs under `params`"),
        ("return load('return 1')", "`load` is not available in checks; put the code into a file beside the script"),
        ("return debug.traceback()", "`debug.traceback` is not available in checks"),
        ("return package.path", "use require"),
        ("return collectgarbage('collect')", "only tells \"count\""),
        ("return string.dump(print)", "`string.dump` is not available"),
    ] {
        let error = failure(&format!("\nlocal function f() {text} end\nlocal x = f()"));
        assert!(error.message.contains(instead), "{text}: {error}");
    }
}

#[test]
fn what_could_not_be_seen_makes_the_answer_unknown_unless_the_script_catches_it() {
    let stopped = run("local x = 1\nunseen()").unwrap_err();
    let ScriptStop::NotKnown { path, gap, place } = stopped else { panic!("{stopped}") };
    assert_eq!((path.as_str(), *gap, place.unwrap().line), ("e.x", Gap::denied("see x", "CAP_X"), 2));
    assert_eq!(value("local ok, e = pcall(unseen) return { ok, type(e) }"), json!([false, "userdata"]));
    assert!(matches!(run("local ok, e = pcall(unseen)\nerror(e, 0)"), Err(ScriptStop::NotKnown { .. })));
    assert!(matches!(run("coroutine.wrap(unseen)()"), Err(ScriptStop::NotKnown { .. })));
    assert!(matches!(run("table.sort({ 2, 1 }, unseen)"), Err(ScriptStop::NotKnown { .. })));
    assert!(matches!(run("string.gsub('x', 'x', unseen)"), Err(ScriptStop::NotKnown { .. })));
}

#[test]
fn a_panic_of_ours_ends_the_script_and_nothing_else() {
    assert!(matches!(run("panics()"), Err(ScriptStop::Failed(_))));
    assert!(matches!(run("pcall(panics) return 1"), Err(ScriptStop::Failed(_))));
    assert_eq!(value("return 1"), json!(1));
}

#[test]
fn limits_name_the_line_and_the_way_out() {
    let limits = Limits { script_time: Duration::from_millis(100), memory_bytes: 8 << 20, output_bytes: 1024 };
    let told = |text: &str| run_with(&limits, &Modules::default(), text).unwrap_err().to_string();
    assert_eq!(
        told("local x = 1\nwhile true do end"),
        "checks/test.lua:2: it ran longer than 100 ms of script time; make it do less, or raise the limit with `--script-time`"
    );
    assert!(
        told("return\n('x'):rep(1e9)")
            .starts_with("checks/test.lua:2: it wanted more memory than the 8 MiB it may have")
    );
    assert!(
        told("\nwhile true do print('xxxxxxxxxxxxxxxxxxxx') end")
            .starts_with("checks/test.lua:2: it put out more than the 1 KiB")
    );
}

#[test]
fn coroutines_and_protected_calls_work_as_everywhere() {
    let text = r##"
        local seen = {}
        local gen = coroutine.wrap(function(a)
          local ok, b = pcall(function() return coroutine.yield(a + 1) end)
          local _, c = xpcall(function(x) error({ code = x }) end, function(e) return e.code * 2 end, b)
          error("gone " .. c, 0)
        end)
        seen[1] = gen(1)
        local ok, e = pcall(gen, 5)
        seen[2] = e
        local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() seen[3] = "closed" end }) coroutine.yield() end)
        coroutine.resume(co)
        seen[4] = { coroutine.close(co) }
        seen[5] = select("#", pcall(function() return nil, nil end))
        seen[6] = { pcall(error) }
        seen[7] = tostring(select(2, pcall(string.find, "x", "[")))
        return seen
    "##;
    assert_eq!(
        value(text),
        json!([2, "gone 10", "closed", [true], 3, [false], "checks/test.lua:16: malformed pattern (missing ']')"])
    );
}

#[test]
fn the_guarded_libraries_do_their_work() {
    assert_eq!(
        value(
            "local t = { 3, 1, 2 } table.sort(t) table.insert(t, 4) table.insert(t, 1, 0) return { table.concat(t, ','), table.remove(t), #t, table.unpack(t, 2, 3) }"
        ),
        json!(["0,1,2,3,4", 4, 4, 1, 2])
    );
    assert_eq!(
        value("local t = { 'b', 'a' } table.sort(t, function(a, b) return a > b end) return table.move(t, 1, 2, 2)"),
        json!(["b", "b", "a"])
    );
    assert_eq!(
        value("return { ('ab'):rep(3, '-'), ('x'):rep(0), ('x'):rep(-1), (''):rep(1e9), #('x'):rep(1e6, ',') }"),
        json!(["ab-ab-ab", "", "", "", 1_999_999])
    );
}

#[test]
fn regular_expressions_find_what_is_in_logs() {
    assert_eq!(
        value(
            r#"local m = re.groups("sshd[12]: Failed password for root from 192.0.2.1 port 22", [[for (?P<user>\S+) from (\S+)(x)?]]) return { m[0], m.user, m[1], m[2], m[3] }"#
        ),
        json!(["for root from 192.0.2.1", "root", "root", "192.0.2.1", false])
    );
    assert_eq!(
        value(
            r#"local t = {} for a, b in re.gmatch("a1 b22", [[([a-z])(\d+)]]) do t[#t + 1] = a .. "=" .. b end return t"#
        ),
        json!(["a=1", "b=22"])
    );
    assert_eq!(
        value(
            r#"return { select(3, re.find("xxab", "a(b)")), (re.match("port 22", [[port (\d+)]])), (re.match("ab", "(x)?b")), (re.match("ab", "b")), (re.find("xxab", "a(b)")), re.test("x", "^y"), re.escape("a.b"), (re.gsub("a1b2", [[\d]], "<$0>")), (re.gsub("ab", "[ab]", { a = "x" })) }"#
        ),
        json!(["b", "22", false, "b", 3, false, "a\\.b", "a<1>b<2>", "xb"])
    );
    assert_eq!(value(r#"return re.test("\xff\xfe abc", "abc$")"#), json!(true));
    assert!(failure("\nre.test('x', '(')").message.contains("wrong regular expression"));
}

#[test]
fn require_reaches_the_folder_of_the_script_and_the_recorded_texts() {
    let stage = tempfile::tempdir().unwrap();
    let folder = stage.path().join("checks");
    fs::create_dir_all(folder.join("net")).unwrap();
    fs::write(stage.path().join("secret.lua"), "return 'secret'").unwrap();
    fs::write(folder.join("net/rates.lua"), "local name = ... return { name = name, n = (rawget(_G, 'N') or 0) }")
        .unwrap();
    fs::write(folder.join("broken.lua"), "local x\nreturn x.y").unwrap();
    fs::write(folder.join("kept.lua"), "return 'folder'").unwrap();
    std::os::unix::fs::symlink("../secret.lua", folder.join("out.lua")).unwrap();
    std::os::unix::fs::symlink("kept.lua", folder.join("within.lua")).unwrap();
    let recorded = BTreeMap::from([("kept".to_owned(), "return 'recorded'".to_owned())]);
    let modules = Modules { folder: Some(folder.clone()), recorded, trust: Trust::Required };
    let run = |text: &str| run_with(&Limits::default(), &modules, text);
    let ran = run("N = 3 local a, b = require('net.rates'), require('net.rates') return { a.name, a.n, a == b, require('kept'), require('within') }").unwrap();
    assert_eq!(ran.value, json!(["net.rates", 3, true, "recorded", "folder"]));
    assert_eq!(ran.loaded.keys().map(String::as_str).collect::<Vec<_>>(), ["kept", "net.rates", "within"]);
    let Err(ScriptStop::Failed(error)) = run("require('broken')") else { panic!() };
    assert_eq!((error.file.as_str(), error.line), (folder.join("broken.lua").to_str().unwrap(), Some(2)));
    for (name, why) in [
        ("out", "a link out of the script's folder"),
        ("../secret", "no name for require"),
        ("none", "no such file"),
        ("casebook.none", "the shipped library has no module"),
    ] {
        let Err(ScriptStop::Failed(error)) = run(&format!("require('{name}')")) else { panic!() };
        assert!(error.message.contains(why), "{name}: {error}");
    }
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs::set_permissions(folder.join("kept.lua"), open).unwrap();
    let strict = Modules { trust: Trust::RequiredOfAll, ..modules.clone() };
    let Err(ScriptStop::Failed(error)) = run_with(&Limits::default(), &strict, "require('within')") else { panic!() };
    assert!(error.message.contains("everybody may write to it"), "{error}");
}

#[test]
fn every_run_is_fresh_and_gives_the_same() {
    assert_eq!(value("X = 1 string.x = 2 return X"), json!(1));
    assert_eq!(value("return { rawget(_G, 'X') == nil, string.x == nil }"), json!([true, true]));
    assert_eq!(value("return math.random(1 << 40)"), value("return math.random(1 << 40)"));
}

#[test]
fn the_helpers_of_expressions_are_there_whatever_becomes_of_the_globals() {
    assert_eq!(
        value(
            "ipairs = nil table.concat = nil return { bitrate(2e6), plural(2, 'packet'), join({ 1, 2 }), sum({ { n = 1 }, { n = 2 } }, 'n'), who({ name = 'sshd', pid = 1 }), shell(\"it's\") }"
        ),
        json!(["2.00 Mbit/s", "2 packets", "1, 2", 3, "sshd (pid 1)", "'it'\\''s'"])
    );
}
