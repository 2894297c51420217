//! Functions over parts of evidence: whether something is known, what to say when it is not, and where evidence came from.

use mlua::{Lua, Table, Value as LuaValue, Variadic};
use serde_json::json;

use super::item::{Item, plain_table, type_of};
use super::list::List;
use super::not_known;
use crate::case::Evidence;
use crate::script::vocabulary::choose;

/// Bytes of a path into tables; each name is a call deeper.
const LONGEST_PATH: usize = 1000;

/// Puts `known`, `value_or`, `seen_or` and `about` into a table of names that a script can use.
pub fn install(lua: &Lua, names: &Table) -> mlua::Result<()> {
    let known = |lua: &Lua, (item, field): (LuaValue, LuaValue)| {
        if let (LuaValue::UserData(handle), LuaValue::String(path)) = (&item, &field)
            && let Ok(item) = handle.borrow::<Item>()
            && let Some(known) = item.place.is_known_of_items(&path.to_string_lossy())
        {
            return known;
        }
        match look(lua, &item, &field) {
            Ok(value) => Ok(!value.is_nil()),
            Err(error) if not_known(&error).is_some() => Ok(false),
            Err(error) => Err(error),
        }
    };
    names.raw_set("known", lua.create_function(known)?)?;
    type Choice = (LuaValue, LuaValue, LuaValue, Variadic<LuaValue>);
    let value_or = |lua: &Lua, (item, field, absent, unseen): Choice| {
        choose(look(lua, &item, &field), absent, unseen.first().cloned(), |error| not_known(error).is_some())
    };
    names.raw_set("value_or", lua.create_function(value_or)?)?;
    let seen_or = |lua: &Lua, (item, field, default): (LuaValue, LuaValue, LuaValue)| {
        choose(look(lua, &item, &field), default.clone(), Some(default), |error| not_known(error).is_some())
    };
    names.raw_set("seen_or", lua.create_function(seen_or)?)?;
    names.raw_set("about", lua.create_function(|lua, item: LuaValue| about(lua, &item))?)
}

/// The field, or the path of fields, of an item of evidence or of a table of the script's own.
fn look(lua: &Lua, item: &LuaValue, field: &LuaValue) -> mlua::Result<LuaValue> {
    match (item, field) {
        (LuaValue::Nil, LuaValue::String(_) | LuaValue::Integer(_)) => Ok(LuaValue::Nil),
        (LuaValue::UserData(handle), field) if handle.is::<Item>() || handle.is::<List>() => match field {
            LuaValue::String(path) if handle.is::<Item>() => handle.borrow::<Item>()?.get(lua, &path.to_string_lossy()),
            LuaValue::String(_) | LuaValue::Integer(_) => mlua::ObjectLike::get(handle, field.clone()),
            other => Err(wrong("a field's name", other)),
        },
        (LuaValue::Table(table), LuaValue::String(path)) => {
            let whole: LuaValue = table.get(path)?;
            let path = path.to_string_lossy();
            if !whole.is_nil() || !path.contains('.') {
                return Ok(whole);
            }
            if path.len() > LONGEST_PATH {
                return Err(mlua::Error::runtime(format!("a path of fields is at most {LONGEST_PATH} bytes long")));
            }
            // Below the first name the path may lead into evidence.
            let (name, below) = path.split_once('.').unwrap_or((&path, ""));
            look(lua, &table.get(name)?, &LuaValue::String(lua.create_string(below)?))
        }
        (LuaValue::Table(table), LuaValue::Integer(number)) => table.get(*number),
        (LuaValue::Nil | LuaValue::Table(_), other) => Err(wrong("a field's name", other)),
        (other, _) => Err(wrong("an item of evidence", other)),
    }
}

fn wrong(wanted: &str, given: &LuaValue) -> mlua::Error {
    mlua::Error::runtime(format!("{wanted} is wanted here, not a {}", type_of(given)))
}

/// Where evidence came from: `probe`, `started` in seconds since the epoch, `seconds`, `params`, `loss`, `missing`.
fn about(lua: &Lua, item: &LuaValue) -> mlua::Result<LuaValue> {
    let Some(handle) = item.as_userdata() else { return Err(wrong("evidence", item)) };
    let evidence = if let Ok(item) = handle.borrow::<Item>() {
        item.place.source().evidence.clone()
    } else if let Ok(list) = handle.borrow::<List>() {
        list.place.source().evidence.clone()
    } else {
        return Err(wrong("evidence", item));
    };
    let Evidence { probe, started, seconds, params, loss, missing, .. } = &*evidence;
    let started = started.as_millisecond() as f64 / 1e3;
    plain_table(
        lua,
        &json!({
            "probe": probe, "started": started, "seconds": seconds, "params": params, "loss": loss, "missing": missing,
        }),
    )
}
