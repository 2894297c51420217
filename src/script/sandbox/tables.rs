//! Functions of the table and string libraries that loop inside one C call, kept from looping without end.
//!
//! A metamethod can claim any length, and so can a plain table with a few keys far out.

use std::sync::Arc;

use mlua::{Function, Integer, Lua, LuaString, MultiValue, ObjectLike, Table, Value};

use super::arguments::{Arguments, room};
use super::record::STOPPED;
use crate::sys::lua_hook::Signal;

/// Items that one call may go through.
const MOST: usize = 10_000_000;
/// Metamethods that the C functions obey.
const OBEYED: [&str; 3] = ["__index", "__newindex", "__len"];

/// Puts the guards into the libraries.
pub(super) fn install(lua: &Lua, limit: usize, signal: &Arc<Signal>) -> mlua::Result<()> {
    let table: Table = lua.globals().raw_get("table")?;
    for name in ["concat", "unpack"] {
        let raw: Function = table.raw_get(name)?;
        let signal = Arc::clone(signal);
        let function = move |lua: &Lua, mut values: MultiValue| {
            let list = listed(lua, name, values.pop_front().unwrap_or(Value::Nil), &signal)?;
            values.push_front(Value::Table(list));
            raw.call::<MultiValue>(values)
        };
        table.raw_set(name, lua.create_function(function)?)?;
    }
    for name in ["insert", "remove"] {
        let raw: Function = table.raw_get(name)?;
        let function = move |_: &Lua, values: MultiValue| {
            own(name, values.front())?;
            raw.call::<MultiValue>(values)
        };
        table.raw_set(name, lua.create_function(function)?)?;
    }
    let raw: Function = table.raw_get("move")?;
    let function = move |lua: &Lua, values: MultiValue| {
        let mut arguments = Arguments::new(lua, "move", values.clone());
        arguments.any();
        let (first, last) = (arguments.integer_or(1)?, arguments.integer_or(0)?);
        if last.checked_sub(first).is_none_or(|count| count > Integer::try_from(MOST).unwrap_or(Integer::MAX)) {
            return Err(mlua::Error::runtime("the range is too long for table.move"));
        }
        raw.call::<MultiValue>(values)
    };
    table.raw_set("move", lua.create_function(function)?)?;

    let raw: Function = table.raw_get("sort")?;
    // Comparing two long texts, or a million short ones, takes long: with a function in between, it can be stopped.
    let less: Function = lua.load("local a, b = ... return a < b").set_name("=sandbox").into_function()?;
    let sort = move |lua: &Lua, values: MultiValue| {
        own("sort", values.front())?;
        let mut arguments = Arguments::new(lua, "sort", values);
        let list = arguments.any();
        match arguments.any() {
            Value::Nil => raw.call::<()>((list, &less)),
            Value::Function(before) => raw.call::<()>((list, before)),
            other => Err(arguments.mismatch("function", &other)),
        }
    };
    table.raw_set("sort", lua.create_function(sort)?)?;
    let string: Table = lua.globals().raw_get("string")?;
    string.raw_set("rep", lua.create_function(move |lua, values: MultiValue| rep(lua, limit, values))?)
}

fn wrong_kind(name: &str, value: Option<&Value>) -> mlua::Error {
    let kind = value.map_or("nil", Value::type_name);
    mlua::Error::runtime(format!("bad argument #1 to '{name}' (table expected, got {kind})"))
}

/// Whether the C functions work on the table itself.
fn is_plain(table: &Table) -> mlua::Result<bool> {
    let Some(meta) = table.metatable() else { return Ok(true) };
    for name in OBEYED {
        if !meta.raw_get::<Value>(name)?.is_nil() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The table itself, if it is one without metamethods, or a copy of what it shows as a list.
fn listed(lua: &Lua, name: &str, list: Value, signal: &Signal) -> mlua::Result<Table> {
    let (length, at): (Value, Box<dyn Fn(usize) -> mlua::Result<Value>>) = match list {
        Value::Table(table) if is_plain(&table)? => return Ok(table),
        Value::Table(table) => (Value::Integer(table.len()?), Box::new(move |index| table.get(index))),
        Value::UserData(rows) => (length_of(lua, &rows)?, Box::new(move |index| rows.get(index))),
        other => return Err(wrong_kind(name, Some(&other))),
    };
    let length = length.as_usize().filter(|length| *length <= MOST);
    let length = length.ok_or_else(|| mlua::Error::runtime(format!("the list is too long for table.{name}")))?;
    let copy = lua.create_table()?;
    for index in 1..=length {
        if signal.is_stopped() {
            return Err(mlua::Error::runtime(STOPPED));
        }
        copy.raw_set(index, at(index)?)?;
    }
    Ok(copy)
}

/// What `#rows` gives.
fn length_of(lua: &Lua, rows: &mlua::AnyUserData) -> mlua::Result<Value> {
    lua.load("return #...").set_name("=sandbox").call(rows)
}

/// Refuses anything but a table without metamethods and of a length that can be.
fn own(name: &str, list: Option<&Value>) -> mlua::Result<()> {
    let Some(Value::Table(table)) = list else { return Err(wrong_kind(name, list)) };
    if !is_plain(table)? {
        let message = format!("table.{name} wants a table without metamethods; make a copy of the list first");
        return Err(mlua::Error::runtime(message));
    }
    if table.raw_len() > MOST {
        return Err(mlua::Error::runtime(format!("the list is too long for table.{name}")));
    }
    Ok(())
}

fn rep(lua: &Lua, limit: usize, values: MultiValue) -> mlua::Result<LuaString> {
    let mut arguments = Arguments::new(lua, "rep", values);
    let text = arguments.string()?;
    let count = match arguments.any() {
        Value::Integer(count) => count,
        other => match lua.coerce_integer(other.clone())? {
            Some(count) => count,
            None => return Err(arguments.mismatch("number", &other)),
        },
    };
    let separator = match arguments.any() {
        Value::Nil => None,
        Value::String(separator) => Some(separator),
        other => Some(lua.coerce_string(other.clone())?.ok_or_else(|| arguments.mismatch("string", &other))?),
    };
    let text = text.as_bytes();
    let separator = separator.as_ref().map(LuaString::as_bytes);
    let separator: &[u8] = separator.as_deref().unwrap_or_default();
    let Some(count) = usize::try_from(count).ok().filter(|count| *count > 0) else { return lua.create_string("") };
    let size = text.len().checked_add(separator.len()).and_then(|size| size.checked_mul(count));
    match size {
        Some(0) => return lua.create_string(""),
        Some(size) if size <= room(lua, limit) => {}
        _ => return Err(mlua::Error::MemoryError("not enough memory".into())),
    }
    let mut whole = [&*text, separator].concat().repeat(count);
    whole.truncate(whole.len() - separator.len());
    lua.create_string(whole)
}
