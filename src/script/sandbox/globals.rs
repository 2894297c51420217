//! The names that a script finds: Lua's own, made safe, and `re`.

use std::sync::Arc;

use mlua::chunk::ChunkMode;
use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::error::ScriptError;
use super::limits::Limits;
use super::state::{Ledger, STOPPED, find, is_out_of_memory};
use super::stopped::{NotKnown, TooMuchOutput};
use super::{pattern, regular, tables};
use crate::printable::shell_word;
use crate::script::vocabulary;
use crate::sys::lua_hook::Signal;

/// The Lua part of the guards.
const PRELUDE: &str = include_str!("prelude.lua");

/// Functions that other Lua programs have.
const BLOCKED: &[&str] =
    &["load", "loadstring", "loadfile", "dofile", "setfenv", "getfenv", "module", "newproxy", "string.dump"];

/// Puts the names into the state.
pub(super) fn install(lua: &Lua, limits: &Limits, ledger: &Arc<Ledger>, signal: &Arc<Signal>) -> mlua::Result<()> {
    let globals = lua.globals();
    // First, so that the helpers keep Lua's own functions, whatever a script makes of its globals.
    vocabulary::install(lua, &globals)?;
    globals.raw_set("shell", lua.create_function(|_, word: String| Ok(shell_word(&word)))?)?;
    let string: Table = globals.get("string")?;
    pattern::install(lua, &string, limits.memory_bytes, signal)?;
    tables::install(lua, limits.memory_bytes, signal)?;
    globals.raw_set("re", regular::module(lua, limits.memory_bytes, signal)?)?;
    for name in BLOCKED {
        let refused = move |_: &Lua, _: MultiValue| -> mlua::Result<()> {
            Err(mlua::Error::runtime(format!("`{name}` is not available in checks; {}", instead(name))))
        };
        globals.raw_set(*name, lua.create_function(refused)?)?;
    }
    string.raw_set("dump", globals.raw_get::<Value>("string.dump")?)?;
    globals.raw_remove("string.dump")?;
    let engine = engine(lua, ledger, signal)?;
    lua.load(PRELUDE).set_mode(ChunkMode::Text).set_name("=sandbox").call::<()>(engine)?;
    // The same evidence gives the same result.
    globals.get::<Table>("math")?.get::<mlua::Function>("randomseed")?.call::<()>(1)
}

/// What the prelude needs of Rust.
fn engine(lua: &Lua, ledger: &Arc<Ledger>, signal: &Arc<Signal>) -> mlua::Result<Table> {
    let engine = lua.create_table()?;
    let stopped = || mlua::Error::runtime(STOPPED);
    let (book, stop) = (Arc::clone(ledger), Arc::clone(signal));
    let emit = lua.create_function(move |_, text: LuaString| book.print(&text.as_bytes(), &stop))?;
    engine.raw_set("emit", emit)?;
    let stop = Arc::clone(signal);
    let go_on = lua.create_function(move |_, ()| if stop.is_stopped() { Err(stopped()) } else { Ok(()) })?;
    engine.raw_set("go_on", go_on)?;
    let (book, stop) = (Arc::clone(ledger), Arc::clone(signal));
    let caught = lua.create_function(move |lua, errors: MultiValue| {
        if stop.is_stopped() {
            return Err(stopped());
        }
        let error = errors.into_iter().next().unwrap_or(Value::Nil);
        caught(lua, &book, error)
    })?;
    engine.raw_set("caught", caught)?;
    engine.raw_set("instead", lua.create_function(|_, name: String| Ok(instead(&name)))?)?;
    Ok(engine)
}

/// What a script catches. Errors of ours become texts like Lua's own, but for those that say what could not be seen; memory
/// that is used up stays an error, because nothing can be done with it.
fn caught(lua: &Lua, ledger: &Ledger, error: Value) -> mlua::Result<Value> {
    match &error {
        Value::Error(inner) => {
            if find::<TooMuchOutput>(inner).is_some() || is_out_of_memory(inner) {
                return Err((**inner).clone());
            }
            if find::<NotKnown>(inner).is_some() {
                return Ok(error);
            }
            let script = ScriptError::of(inner, &ledger.chunks());
            Ok(Value::String(lua.create_string(script.to_string())?))
        }
        Value::String(text) if text.as_bytes() == b"not enough memory".as_slice() => {
            Err(mlua::Error::MemoryError("not enough memory".into()))
        }
        _ => Ok(error),
    }
}

/// What a check does instead.
fn instead(name: &str) -> &'static str {
    match name {
        "os.time" | "os.clock" | "os.date" | "os.difftime" => "use cx.now, seconds since the epoch",
        "os.getenv" => "declare what it needs under `params`",
        "os.execute" | "io.popen" => {
            "it runs no commands; ask a probe: cx.probe(\"sockets\", {…}), `casebook list` names them"
        }
        "os.exit" => "return a finding, or call error(…)",
        "os.remove" | "os.rename" | "os.tmpname" => "it changes nothing on the host",
        "io.write" | "io.stdout" | "io.stderr" => "use log(…), or return a finding",
        "load" | "loadstring" | "loadfile" | "dofile" | "module" => {
            "put the code into a file beside the script and use require(\"name\")"
        }
        "string.dump" => "compiled code cannot be loaded here",
        "setfenv" | "getfenv" => "give values as arguments",
        "newproxy" => "use setmetatable",
        _ => match name.split('.').next().unwrap_or(name) {
            "io" => "it reads no files; ask a probe: cx.probe(\"logs\", {…}), `casebook list` names them",
            "os" => "ask a probe: cx.probe(\"host\", {…}), `casebook list` names them",
            "debug" => "errors name the file, the line and the calls by themselves; use log(…) to see values",
            _ => "use require(\"name\") for a file beside the script or the shipped library (`casebook.…`)",
        },
    }
}
