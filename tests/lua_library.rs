//! The Lua library that checks reach with `require` is tested by the Lua files beside this one, in a state that has no more
//! than checks have.

use std::fs;
use std::path::{Path, PathBuf};

use mlua::{Lua, LuaOptions, StdLib};

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

/// The modules that the library has, and those that are documented, are the same: every function tells what it takes and gives.
#[test]
fn every_module_has_tests_and_every_function_a_comment() {
    let mut modules: Vec<PathBuf> = fs::read_dir(project().join("lua/casebook"))
        .expect("the library is there")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "lua"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "expressions"))
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
