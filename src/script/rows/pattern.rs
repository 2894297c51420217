//! Which items are meant: those whose fields equal a table's, or for which a function says yes.

use mlua::{Function, Lua, MultiValue, Value as LuaValue};
use serde_json::Value;

use super::field::call;
use super::item::type_of;
use super::list::List;
use super::not_known;

/// What items must be like.
pub(super) enum Pattern {
    /// Any item.
    Any,
    /// Items that are this themselves, in lists of numbers or texts.
    Equal(Wanted),
    /// Items whose fields, by name or path, are these.
    Fields(Vec<(String, Wanted)>),
    /// Items for which a function gives neither nil nor false.
    Function(Function),
}

/// A value that evidence is compared with.
pub(super) enum Wanted {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(Vec<u8>),
}

impl Wanted {
    fn read(value: &LuaValue) -> Option<Self> {
        Some(match value {
            LuaValue::Boolean(flag) => Wanted::Flag(*flag),
            LuaValue::Integer(integer) => Wanted::Integer(*integer),
            LuaValue::Number(number) => Wanted::Number(*number),
            LuaValue::String(text) => Wanted::Text(text.as_bytes().to_vec()),
            _ => return None,
        })
    }

    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Wanted::Flag(wanted), Value::Bool(flag)) => wanted == flag,
            (Wanted::Integer(wanted), Value::Number(number)) => match number.as_i64() {
                Some(integer) => *wanted == integer,
                None => number.as_f64() == Some(*wanted as f64),
            },
            (Wanted::Number(wanted), Value::Number(number)) => number.as_f64() == Some(*wanted),
            (Wanted::Text(wanted), Value::String(text)) => wanted == text.as_bytes(),
            _ => false,
        }
    }
}

impl Pattern {
    /// Reads a method's only argument. A nil that was passed is a mistake of the script's, not a wish for everything.
    pub fn read(method: &str, arguments: &MultiValue) -> mlua::Result<Self> {
        let wrong = |what: String| Err(mlua::Error::runtime(format!("{method} {what}")));
        match arguments.front() {
            None => Ok(Pattern::Any),
            Some(LuaValue::Function(function)) => Ok(Pattern::Function(function.clone())),
            Some(LuaValue::Table(table)) => {
                let mut fields = Vec::new();
                for pair in table.pairs::<LuaValue, LuaValue>() {
                    let (name, value) = pair?;
                    let LuaValue::String(name) = name else {
                        return wrong("takes a table of fields: { port = 53 }".to_owned());
                    };
                    let name = name.to_string_lossy();
                    let Some(wanted) = Wanted::read(&value) else {
                        return wrong(format!(
                            "compares `{name}` with texts, numbers and booleans, not with a {}; a function can do more",
                            type_of(&value)
                        ));
                    };
                    fields.push((name, wanted));
                }
                // Lua's tables have no order of their own, and the first error should be the same each time.
                fields.sort_by(|(a, _), (b, _)| a.cmp(b));
                Ok(Pattern::Fields(fields))
            }
            Some(value) => match Wanted::read(value) {
                Some(wanted) => Ok(Pattern::Equal(wanted)),
                None => {
                    wrong(format!("takes a pattern, a table of fields or a function, and got a {}", type_of(value)))
                }
            },
        }
    }

    /// Says whether a field is misspelt, where no item is there to say so.
    pub fn check(&self, list: &List) -> mlua::Result<()> {
        match self {
            Pattern::Fields(fields) => fields.iter().try_for_each(|(path, _)| list.check_path(path)),
            Pattern::Any | Pattern::Equal(_) | Pattern::Function(_) => Ok(()),
        }
    }

    /// Whether the list's item at a position fits. A field that differs settles it, whatever else is not known.
    pub fn fits(&self, lua: &Lua, list: &List, position: usize) -> mlua::Result<bool> {
        match self {
            Pattern::Any => Ok(true),
            Pattern::Equal(wanted) => Ok(wanted.equals(list.value(position)?)),
            Pattern::Fields(fields) => {
                let mut unknown = None;
                for (path, wanted) in fields {
                    match list.part(position, path) {
                        Ok(value) if value.is_some_and(|value| wanted.equals(value)) => {}
                        Ok(_) => return Ok(false),
                        Err(error) if not_known(&error).is_some() => unknown = unknown.or(Some(error)),
                        Err(error) => return Err(error),
                    }
                }
                unknown.map_or(Ok(true), Err)
            }
            Pattern::Function(function) => {
                Ok(!matches!(call(function, list.get(lua, position)?)?, LuaValue::Nil | LuaValue::Boolean(false)))
            }
        }
    }
}
