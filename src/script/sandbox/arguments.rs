//! Arguments of functions that stand in for Lua's own, with Lua's own words for wrong ones.

use mlua::{Integer, Lua, LuaString, MultiValue, Value};

/// The arguments of a call, taken one by one.
pub(super) struct Arguments<'l> {
    lua: &'l Lua,
    function: &'l str,
    values: MultiValue,
    taken: usize,
}

impl<'l> Arguments<'l> {
    pub fn new(lua: &'l Lua, function: &'l str, values: MultiValue) -> Self {
        Arguments { lua, function, values, taken: 0 }
    }

    /// The next one, whatever it is.
    pub fn any(&mut self) -> Value {
        self.taken += 1;
        self.values.pop_front().unwrap_or(Value::Nil)
    }

    /// A string, or a number as a string.
    pub fn string(&mut self) -> mlua::Result<LuaString> {
        match self.any() {
            Value::String(text) => Ok(text),
            number @ (Value::Integer(_) | Value::Number(_)) => {
                self.lua.coerce_string(number)?.ok_or_else(|| mlua::Error::runtime("a number is no string"))
            }
            other => Err(self.mismatch("string", &other)),
        }
    }

    /// An integer, or a default where there is none.
    pub fn integer_or(&mut self, default: Integer) -> mlua::Result<Integer> {
        match self.any() {
            Value::Nil => Ok(default),
            Value::Integer(integer) => Ok(integer),
            other => match self.lua.coerce_integer(other.clone())? {
                Some(integer) => Ok(integer),
                None if matches!(other, Value::Number(_)) => Err(self.wrong("number has no integer representation")),
                None => Err(self.mismatch("number", &other)),
            },
        }
    }

    /// Whether the next one is true.
    pub fn flag(&mut self) -> bool {
        !matches!(self.any(), Value::Nil | Value::Boolean(false))
    }

    /// The last one taken is of the wrong kind.
    pub fn mismatch(&self, wanted: &str, got: &Value) -> mlua::Error {
        let kind = match got {
            Value::Nil => "no value",
            Value::Integer(_) => "number",
            Value::LightUserData(_) | Value::Error(_) => "userdata",
            other => other.type_name(),
        };
        self.wrong(&format!("{wanted} expected, got {kind}"))
    }

    /// The last one taken is wrong.
    pub fn wrong(&self, why: &str) -> mlua::Error {
        mlua::Error::runtime(format!("bad argument #{} to '{}' ({why})", self.taken, self.function))
    }
}

/// Bytes of a text that may still be made outside Lua: half of what the script may still take, because for a moment the text
/// is there twice.
pub(super) fn room(lua: &Lua, limit: usize) -> usize {
    limit.saturating_sub(lua.used_memory()) / 2
}
