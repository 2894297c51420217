//! The names that a script finds: Lua's own, made safe, and `re`.

use std::sync::Arc;

use mlua::chunk::ChunkMode;
use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::error::ScriptError;
use super::failure::{find, is_out_of_memory};
use super::limits::Limits;
use super::record::{RunRecord, STOPPED};
use super::script_stop::{NotKnown, TooMuchOutput};
use super::{pattern, regular, tables};
use crate::printable::{printable, shell_word};
use crate::script::api::{BLOCKED, instead};
use crate::script::{Bounds, command, to_json, vocabulary};
use crate::suggest::Suggestion;
use crate::sys::lua_hook::Signal;

/// The Lua part of the guards.
const PRELUDE: &str = include_str!("prelude.lua");

/// Modules of Lua that are not there; what is asked of them says what to use instead.
const MODULES: &[&str] = &["io", "os", "debug", "package"];
/// Letters of a name that a message shows.
const SHOWN: usize = 80;
/// Names that a misspelt one is compared with.
const MOST_NAMES: usize = 1000;
/// How much of a table that is raised as an error is shown.
const RAISED: Bounds = Bounds { depth: 4, items: 50, bytes: 1000 };
/// Bytes of the sentences of a gap.
const ERROR_TEXT: usize = 300;
/// Bytes of one word of a command, as many as Linux takes (`MAX_ARG_STRLEN`).
const LONGEST_WORD: usize = 128 * 1024;

/// Puts the names into the state.
pub(super) fn install(lua: &Lua, limits: &Limits, record: &Arc<RunRecord>, signal: &Arc<Signal>) -> mlua::Result<()> {
    let globals = lua.globals();
    // First, so that the helpers keep Lua's own functions, whatever a script makes of its globals.
    vocabulary::install(lua, &globals)?;
    let shell = |_: &Lua, word: mlua::LuaString| match word.as_bytes().len() {
        0..=LONGEST_WORD => Ok(shell_word(&word.to_string_lossy())),
        _ => Err(mlua::Error::runtime(format!("a word of a shell command is at most {LONGEST_WORD} bytes long"))),
    };
    globals.raw_set("shell", lua.create_function(shell)?)?;
    command::install(lua, &globals)?;
    let string: Table = globals.get("string")?;
    pattern::install(lua, &string, limits.memory_bytes, signal)?;
    tables::install(lua, limits.memory_bytes, signal)?;
    globals.raw_set("re", regular::module(lua, limits.memory_bytes, signal)?)?;
    for blocked in BLOCKED {
        let refused = move |_: &Lua, _: MultiValue| refused(blocked.name);
        match blocked.name.split_once('.') {
            None if MODULES.contains(&blocked.name) => {}
            None => globals.raw_set(blocked.name, lua.create_function(refused)?)?,
            Some(("string", name)) => string.raw_set(name, lua.create_function(refused)?)?,
            Some(_) => {}
        }
    }
    let engine = engine(lua, record, signal)?;
    lua.load(PRELUDE).set_mode(ChunkMode::Text).set_name("=sandbox").call::<()>(engine)?;
    // The same evidence gives the same result.
    globals.get::<Table>("math")?.get::<mlua::Function>("randomseed")?.call::<()>(1)
}

/// What the prelude needs of Rust.
fn engine(lua: &Lua, record: &Arc<RunRecord>, signal: &Arc<Signal>) -> mlua::Result<Table> {
    let engine = lua.create_table()?;
    let stopped = || mlua::Error::runtime(STOPPED);
    let (book, stop) = (Arc::clone(record), Arc::clone(signal));
    let emit = lua.create_function(move |_, text: LuaString| book.print(&text.as_bytes(), &stop))?;
    engine.raw_set("emit", emit)?;
    let stop = Arc::clone(signal);
    let go_on = lua.create_function(move |_, ()| if stop.is_stopped() { Err(stopped()) } else { Ok(()) })?;
    engine.raw_set("go_on", go_on)?;
    let (book, stop) = (Arc::clone(record), Arc::clone(signal));
    let caught = lua.create_function(move |lua, errors: MultiValue| {
        if stop.is_stopped() {
            return Err(stopped());
        }
        let error = errors.into_iter().next().unwrap_or(Value::Nil);
        caught(lua, &book, error)
    })?;
    engine.raw_set("caught", caught)?;
    let book = Arc::clone(record);
    let raised = lua.create_function(move |_, error: Value| {
        let fields = to_json(&error, RAISED).map_or_else(|_| "a table".to_owned(), |value| value.to_string());
        if let Value::Table(table) = &error {
            book.note_raised(format!("table: {:p}", table.to_pointer()), fields);
        }
        Ok(())
    })?;
    engine.raw_set("raised", raised)?;
    let refuse = lua.create_function(|_, name: LuaString| {
        refused(&printable(name.to_string_lossy().chars().take(SHOWN).collect::<String>()))
    })?;
    engine.raw_set("refused", refuse)?;
    engine.raw_set("modules", MODULES.to_vec())?;
    Ok(engine)
}

/// What a script catches. Errors of ours become texts like Lua's own, but for those that say what could not be seen; memory
/// that is used up stays an error, because nothing can be done with it.
fn caught(lua: &Lua, record: &RunRecord, error: Value) -> mlua::Result<Value> {
    match &error {
        Value::Error(inner) => {
            let (bytes, kept) = texts(inner);
            if find::<TooMuchOutput>(inner).is_some() || is_out_of_memory(inner) {
                return Err((**inner).clone());
            }
            if find::<NotKnown>(inner).is_some() {
                let cause = kept.cloned().unwrap_or_else(|| Arc::new((**inner).clone()));
                record.count_caught(lua, bytes, Some(&cause))?;
                let traceback = match &**inner {
                    mlua::Error::CallbackError { traceback, .. } => traceback.clone(),
                    _ => String::new(),
                };
                return Ok(Value::Error(Box::new(mlua::Error::CallbackError { traceback, cause })));
            }
            record.count_caught(lua, bytes, None)?;
            let script = ScriptError::of(inner, &record.chunks());
            Ok(Value::String(lua.create_string(script.to_string())?))
        }
        Value::String(text) if text.as_bytes() == b"not enough memory".as_slice() => {
            Err(mlua::Error::MemoryError("not enough memory".into()))
        }
        _ => Ok(error),
    }
}

/// The bytes of an error's texts, and its cause.
fn texts(error: &mlua::Error) -> (usize, Option<&Arc<mlua::Error>>) {
    match error {
        mlua::Error::CallbackError { traceback, cause } => (traceback.len() + texts(cause).0, Some(cause)),
        mlua::Error::WithContext { context, cause } => (context.len() + texts(cause).0, Some(cause)),
        mlua::Error::RuntimeError(text) | mlua::Error::SyntaxError { message: text, .. } => (text.len(), None),
        other => (find::<NotKnown>(other).map_or(0, |unknown| 2 * unknown.path.len() + ERROR_TEXT), None),
    }
}

/// Says that a name is not there, and what to use instead.
fn refused(name: &str) -> mlua::Result<()> {
    let instead = instead(name).unwrap_or("`casebook show` and docs/lua.md name what there is");
    Err(mlua::Error::runtime(format!("`{name}` is not available in checks; {instead}")))
}

/// Makes the reading of a global name that nobody defined an error: it is a slip far more often than a question. The last
/// thing that is done, when all names are there.
pub(super) fn make_strict(lua: &Lua) -> mlua::Result<()> {
    let undefined = |_: &Lua, (globals, name): (Table, Value)| -> mlua::Result<()> {
        let Value::String(name) = name else { return Ok(()) };
        let name = name.to_string_lossy();
        let own = globals.pairs::<Value, Value>().flatten().filter_map(|(name, _)| match name {
            Value::String(name) => Some(name.to_string_lossy()),
            _ => None,
        });
        let names: Vec<String> = own.take(MOST_NAMES).collect();
        let shown: String = printable(name.chars().take(SHOWN).collect::<String>());
        let suggestion = Suggestion::of(&name, names.iter().map(String::as_str)).question();
        let help = suggestion.unwrap_or_else(|| "rawget(_G, name) asks without an error".to_owned());
        Err(mlua::Error::runtime(format!("nothing is named `{shown}`; {help}")))
    };
    let meta = lua.create_table()?;
    meta.raw_set("__index", lua.create_function(undefined)?)?;
    meta.raw_set("__metatable", false)?;
    lua.globals().set_metatable(Some(meta))
}
