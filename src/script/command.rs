//! `sh(text, values)`: a command of a check, a text of the script with values filled in.

use std::collections::HashMap;

use mlua::{Lua, Table, UserData, Value as LuaValue};
use serde_json::Value;

use super::shell::push_value;
use crate::printable::printable;

/// Bytes that a command may have.
const LONGEST: usize = 64 * 1024;
/// Values that a command may have.
const MOST: usize = 256;

/// A command. Lua can hand it over, and neither take it apart nor put anything behind it.
#[derive(Debug, Clone)]
pub(super) struct Command {
    /// The text before values were filled in.
    pub template: String,
    /// The command, or why there is none: a value could not stand where the text wants it.
    pub text: Result<String, String>,
}

impl UserData for Command {}

/// Makes `sh` known.
pub(super) fn install(lua: &Lua, globals: &Table) -> mlua::Result<()> {
    let sh = |_: &Lua, (text, values): (LuaValue, Option<Table>)| {
        let LuaValue::String(text) = &text else {
            return Err(mlua::Error::runtime(format!(
                "sh wants a text, as in sh(\"ip link show {{{{ name }}}}\", {{ name = name }}), not a {}",
                text.type_name()
            )));
        };
        if text.as_bytes().len() > LONGEST {
            return Err(mlua::Error::runtime(format!("a command is at most {LONGEST} bytes long")));
        }
        fill(text.to_string_lossy(), values.as_ref())
    };
    globals.raw_set("sh", lua.create_function(sh)?)
}

fn fill(template: String, values: Option<&Table>) -> mlua::Result<Command> {
    let mut given: HashMap<String, Value> = HashMap::new();
    for pair in values.into_iter().flat_map(Table::pairs::<LuaValue, LuaValue>) {
        let (name, value) = pair?;
        let LuaValue::String(name) = &name else {
            return Err(mlua::Error::runtime("values of sh have names, as in { port = 53 }"));
        };
        given.insert(name.to_string_lossy(), of(&name.to_string_lossy(), &value)?);
    }
    let mut used = Vec::new();
    let mut text = Ok(String::new());
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else {
            return Err(mlua::Error::runtime("`{{` is not closed by `}}` in the text of sh"));
        };
        let name = name.trim();
        let Some(value) = given.get(name) else {
            let shown: String = printable(name.chars().take(60).collect::<String>());
            return Err(mlua::Error::runtime(format!(
                "sh has no value for {{{{ {shown} }}}}: give it, {{ {shown} = … }}"
            )));
        };
        used.push(name.to_owned());
        if used.len() > MOST {
            return Err(mlua::Error::runtime(format!("a command has at most {MOST} values")));
        }
        text = text.and_then(|mut text: String| {
            text.push_str(before);
            push_value(&mut text, value)?;
            Ok(text)
        });
        if text.as_ref().is_ok_and(|text| text.len() > LONGEST) {
            return Err(mlua::Error::runtime(format!("a command is at most {LONGEST} bytes long")));
        }
        rest = after;
    }
    if let Some(unused) = given.keys().find(|name| !used.contains(name)) {
        let unused = printable(unused.chars().take(60).collect::<String>());
        return Err(mlua::Error::runtime(format!("the text of sh has no {{{{ {unused} }}}}")));
    }
    let text = text.map(|text| text + rest);
    Ok(Command { template, text })
}

fn of(name: &str, value: &LuaValue) -> mlua::Result<Value> {
    Ok(match value {
        LuaValue::Integer(number) => (*number).into(),
        LuaValue::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => (*number as i64).into(),
        LuaValue::Number(number) => serde_json::Number::from_f64(*number).map_or(Value::Null, Value::Number),
        LuaValue::String(text) if text.as_bytes().len() <= LONGEST => Value::String(text.to_string_lossy()),
        LuaValue::String(_) => return Err(mlua::Error::runtime(format!("a command is at most {LONGEST} bytes long"))),
        other => {
            let name = printable(name.chars().take(60).collect::<String>());
            let kind = other.type_name();
            return Err(mlua::Error::runtime(format!("`{name}` of sh wants a text or a number, not a {kind}")));
        }
    })
}
