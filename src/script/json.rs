//! Lua values as JSON, and JSON in sentences.

use mlua::Value as LuaValue;
use serde_json::Value;

use super::sandbox::TooMuchOutput;
use crate::units;

/// How large a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Tables inside tables.
    pub depth: usize,
    /// Values in all.
    pub items: usize,
    /// Bytes of all texts.
    pub bytes: usize,
}

/// The value as JSON. A table with a first item is a list; the keys of any other are sorted. Metamethods are not called.
pub fn to_json(value: &LuaValue, bounds: Bounds) -> mlua::Result<Value> {
    convert(value, bounds.depth, &mut Bounds { ..bounds }, bounds.bytes)
}

/// `depth` is what may follow; `left` what is left in all.
fn convert(value: &LuaValue, depth: usize, left: &mut Bounds, limit: usize) -> mlua::Result<Value> {
    let too_large = || mlua::Error::runtime("the value is too large or refers to itself");
    left.items = left.items.checked_sub(1).ok_or_else(too_large)?;
    let mut text = |text: &mlua::LuaString| {
        left.bytes = left
            .bytes
            .checked_sub(text.as_bytes().len())
            .ok_or_else(|| mlua::Error::external(TooMuchOutput { limit }))?;
        Ok::<_, mlua::Error>(text.to_string_lossy())
    };
    Ok(match value {
        LuaValue::Boolean(flag) => Value::Bool(*flag),
        LuaValue::Integer(integer) => (*integer).into(),
        LuaValue::Number(number) => serde_json::Number::from_f64(*number).map_or(Value::Null, Value::Number),
        LuaValue::String(string) => Value::String(text(string)?),
        LuaValue::Table(table) => {
            let depth = depth.checked_sub(1).ok_or_else(too_large)?;
            let length = table.raw_len();
            if length > 0 {
                let list = (1..=length).map(|index| convert(&table.raw_get(index)?, depth, left, limit));
                return list.collect::<mlua::Result<Vec<_>>>().map(Value::Array);
            }
            let mut map = serde_json::Map::new();
            for pair in table.pairs::<LuaValue, LuaValue>() {
                let (key, value) = pair?;
                let key = match &key {
                    LuaValue::String(key) => {
                        left.bytes = left
                            .bytes
                            .checked_sub(key.as_bytes().len())
                            .ok_or_else(|| mlua::Error::external(TooMuchOutput { limit }))?;
                        key.to_string_lossy()
                    }
                    LuaValue::Integer(_) | LuaValue::Number(_) | LuaValue::Boolean(_) => key.to_string()?,
                    other => {
                        return Err(mlua::Error::runtime(format!("a {} is not a key for a report", other.type_name())));
                    }
                };
                map.insert(key, convert(&value, depth, left, limit)?);
            }
            map.sort_keys();
            Value::Object(map)
        }
        LuaValue::Nil => Value::Null,
        other => return Err(mlua::Error::runtime(format!("a {} is not a value for a report", other.type_name()))),
    })
}

/// A value inside a sentence.
pub(super) fn display(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() => units::count(float),
            _ => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(display).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map.iter().map(|(k, v)| format!("{k} {}", display(v))).collect::<Vec<_>>().join(", "),
    }
}
