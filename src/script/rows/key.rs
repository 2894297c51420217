//! Values by which items are sorted and grouped, and their sum.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use mlua::{Lua, Value as LuaValue};
use serde_json::Value;

use super::field::Part;
use super::item::type_of;
use super::place::kind;

/// A value that has an order.
#[derive(Debug, Clone)]
pub(super) enum Key<'v> {
    Flag(bool),
    /// As a float, and exactly as far as an integer can be: large integers are one float, but not the same.
    Number(f64, i64),
    Text(Cow<'v, str>),
}

impl<'v> Key<'v> {
    /// The key that was found, or what it is instead.
    pub fn read(part: Part<'v>) -> Result<Self, &'static str> {
        match part {
            Part::Json(Value::Bool(flag)) => Ok(Key::Flag(*flag)),
            Part::Json(Value::Number(number)) => Ok(match number.as_i64() {
                Some(integer) => Key::integer(integer),
                None => Key::number(number.as_f64().unwrap_or(f64::NAN)),
            }),
            Part::Json(Value::String(text)) => Ok(Key::Text(Cow::Borrowed(text))),
            Part::Json(other) => Err(kind(other)),
            Part::Lua(LuaValue::Boolean(flag)) => Ok(Key::Flag(flag)),
            Part::Lua(LuaValue::Integer(integer)) => Ok(Key::integer(integer)),
            Part::Lua(LuaValue::Number(number)) => Ok(Key::number(number)),
            Part::Lua(LuaValue::String(text)) => Ok(Key::Text(Cow::Owned(text.to_string_lossy()))),
            Part::Lua(other) => Err(type_of(&other)),
        }
    }

    fn integer(integer: i64) -> Self {
        Key::Number(integer as f64, integer)
    }

    fn number(number: f64) -> Self {
        // Both zeros are the same number.
        let number = number + 0.0;
        Key::Number(number, number as i64)
    }

    /// The Lua value that it is as a table's key.
    pub fn to_lua(&self, lua: &Lua) -> mlua::Result<LuaValue> {
        Ok(match self {
            Key::Flag(flag) => LuaValue::Boolean(*flag),
            Key::Number(number, integer) if *integer as f64 == *number => LuaValue::Integer(*integer),
            Key::Number(number, _) => LuaValue::Number(*number),
            Key::Text(text) => LuaValue::String(lua.create_string(text.as_bytes())?),
        })
    }

    /// Bytes that it holds besides itself.
    pub fn held(&self) -> usize {
        match self {
            Key::Text(Cow::Owned(text)) => text.capacity(),
            _ => 0,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Key::Flag(_) => 0,
            Key::Number(..) => 1,
            Key::Text(_) => 2,
        }
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Key::Flag(a), Key::Flag(b)) => a.cmp(b),
            (Key::Number(a, exact), Key::Number(b, other)) => a.total_cmp(b).then(exact.cmp(other)),
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Key::Flag(flag) => flag.hash(state),
            Key::Number(number, exact) => (number.to_bits(), exact).hash(state),
            Key::Text(text) => text.hash(state),
        }
    }
}

/// A sum that stays an integer as long as Lua would keep it one, and does not wrap.
#[derive(Default)]
pub(super) struct Sum {
    integers: i128,
    floats: Option<f64>,
}

impl Sum {
    /// Adds what was found, or says what it is instead of a number.
    pub fn add(&mut self, part: Part<'_>) -> Result<(), &'static str> {
        let number = match part {
            Part::Json(Value::Number(number)) => match number.as_i64() {
                Some(integer) => Ok(integer),
                None => Err(number.as_f64().unwrap_or(f64::NAN)),
            },
            Part::Lua(LuaValue::Integer(integer)) => Ok(integer),
            Part::Lua(LuaValue::Number(number)) => Err(number),
            Part::Json(other) => return Err(kind(other)),
            Part::Lua(other) => return Err(type_of(&other)),
        };
        match number {
            Ok(integer) => self.integers += i128::from(integer),
            Err(float) => *self.floats.get_or_insert(0.0) += float,
        }
        Ok(())
    }

    pub fn total(&self) -> LuaValue {
        match (self.floats, i64::try_from(self.integers)) {
            (None, Ok(integer)) => LuaValue::Integer(integer),
            (floats, _) => LuaValue::Number(self.integers as f64 + floats.unwrap_or_default()),
        }
    }
}
