//! What a method looks at in every item: a field, a dotted path of fields, the result of a function, or the item itself.

use mlua::{Function, Lua, Value as LuaValue};
use serde_json::Value;

use super::item::{to_lua, type_of};
use super::list::List;

/// What to look at in an item.
pub(super) enum Field {
    /// The item itself.
    Own,
    /// A field, or a path of them: `process.name`.
    Path(String),
    /// What a function of the item gives.
    Function(Function),
}

/// What was found in an item.
pub(super) enum Part<'v> {
    Json(&'v Value),
    Lua(LuaValue),
}

impl Field {
    /// Reads a method's argument.
    pub fn read(method: &str, argument: Option<&LuaValue>) -> mlua::Result<Self> {
        match argument {
            None => Ok(Field::Own),
            Some(LuaValue::String(path)) => Ok(Field::Path(path.to_string_lossy())),
            Some(LuaValue::Function(function)) => Ok(Field::Function(function.clone())),
            Some(other) => Err(mlua::Error::runtime(format!(
                "{method} takes a field's name or a function, and got a {}",
                type_of(other)
            ))),
        }
    }

    /// Says whether the field is misspelt, where no item is there to say so.
    pub fn check(&self, list: &List) -> mlua::Result<()> {
        match self {
            Field::Path(path) => list.check_path(path),
            Field::Own | Field::Function(_) => Ok(()),
        }
    }

    /// What it is in the list's item at a position; none where the host has none.
    pub fn of<'v>(&self, lua: &Lua, list: &'v List, position: usize) -> mlua::Result<Option<Part<'v>>> {
        match self {
            Field::Own => list.value(position).map(|value| Some(Part::Json(value))),
            Field::Path(path) => Ok(list.part(position, path)?.map(Part::Json)),
            Field::Function(function) => match call(function, list.get(lua, position)?)? {
                LuaValue::Nil => Ok(None),
                value => Ok(Some(Part::Lua(value))),
            },
        }
    }

    /// The Lua value of it; nil where the host has none.
    pub fn lua_value(&self, lua: &Lua, list: &List, position: usize) -> mlua::Result<LuaValue> {
        match self {
            Field::Own => list.get(lua, position),
            Field::Path(path) => match list.part(position, path)? {
                Some(_) => to_lua(lua, list.place_of(position).below(path)),
                None => Ok(LuaValue::Nil),
            },
            Field::Function(function) => call(function, list.get(lua, position)?),
        }
    }
}

/// Calls a script's function. It cannot yield: what calls it is not Lua.
pub(super) fn call(function: &Function, item: LuaValue) -> mlua::Result<LuaValue> {
    function.call(item).map_err(|error| match &error {
        mlua::Error::RuntimeError(message)
            if message.contains("attempt to yield across") || message.contains("attempt to yield from outside") =>
        {
            mlua::Error::runtime("a function that a list calls cannot yield; go through the list with ipairs instead")
        }
        _ => error,
    })
}
