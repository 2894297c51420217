//! Evidence as Lua values: tables that refuse fields that do not exist and raise "not known" for what could not be seen.
//!
//! A list that a gap left incomplete raises it, too, when its end is reached: what is in it can be found, but nobody can say
//! that something is not in it, or how much it is in all.

use std::cell::RefCell;
use std::collections::HashMap;

use mlua::{Function, Lua, LuaString, Table, Value as LuaValue};
use serde_json::{Map, Value};

use crate::suggest::Suggestion;

/// A value that could not be seen was asked for. Ends the evaluation of an atom, which is then unknown.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path} is not known")]
pub(super) struct NotKnown {
    /// The path from the step's id: `traffic.ring.dropped`.
    pub path: String,
}

/// What was not known, when that is what an error says.
pub(super) fn not_known(error: &mlua::Error) -> Option<&NotKnown> {
    match error {
        mlua::Error::CallbackError { cause, .. } => not_known(cause),
        mlua::Error::WithContext { cause, .. } => not_known(cause),
        other => other.downcast_ref(),
    }
}

/// What a table stands for; kept in its metatable.
const PATH: &str = "path";
const UNSEEN: &str = "unseen";
const IS_MAP: &str = "is_map";
const HAS_GAP: &str = "has_gap";

/// Whether a gap was recorded for what stands at a path.
pub(super) type HasGap<'a> = &'a dyn Fn(&str) -> bool;

/// Makes Lua values out of evidence.
pub(super) struct Converter {
    index: Function,
    beyond: Function,
}

/// What the rows of a list have in common, made once.
#[derive(Default)]
struct Shared {
    /// The names of fields.
    names: HashMap<String, LuaString>,
    /// The metatables of tables, by their path and the fields that they do not have.
    metatables: HashMap<String, Table>,
}

impl Shared {
    fn name(&mut self, lua: &Lua, name: &str) -> mlua::Result<LuaString> {
        if let Some(known) = self.names.get(name) {
            return Ok(known.clone());
        }
        let made = lua.create_string(name)?;
        self.names.insert(name.to_owned(), made.clone());
        Ok(made)
    }
}

impl Converter {
    pub fn new(lua: &Lua) -> mlua::Result<Self> {
        let index = lua.create_function(|_, (table, key): (Table, LuaValue)| -> mlua::Result<LuaValue> {
            let Some(meta) = table.metatable() else { return Ok(LuaValue::Nil) };
            let path: String = meta.raw_get(PATH)?;
            let key = match key {
                LuaValue::String(key) => key.to_string_lossy(),
                LuaValue::Integer(_) | LuaValue::Number(_) => return Ok(LuaValue::Nil),
                other => {
                    return Err(mlua::Error::runtime(format!("{path} has no field of type {}", other.type_name())));
                }
            };
            let field = format!("{path}.{key}");
            let unseen: Option<Table> = meta.raw_get(UNSEEN)?;
            let is_unseen = unseen.as_ref().is_some_and(|unseen| unseen.contains_key(key.as_str()).unwrap_or(false));
            if is_unseen || meta.raw_get::<bool>(IS_MAP)? {
                return Err(mlua::Error::external(NotKnown { path: field }));
            }
            let mut names: Vec<String> =
                table.pairs::<LuaValue, LuaValue>().flatten().map(|(k, _)| k.to_string().unwrap_or_default()).collect();
            if let Some(unseen) = unseen {
                names.extend(unseen.pairs::<String, LuaValue>().flatten().map(|(name, _)| name));
            }
            Err(misspelt(&path, &key, &names))
        })?;
        let beyond = lua.create_function(|_, (table, _): (Table, LuaValue)| -> mlua::Result<LuaValue> {
            let path = table.metatable().map(|meta| meta.raw_get(PATH)).transpose()?.unwrap_or_default();
            Err(mlua::Error::external(NotKnown { path }))
        })?;
        Ok(Converter { index, beyond })
    }

    /// The Lua value of `value`, which the schema describes and which stands at `path`. The items of a list stand where it does.
    pub fn convert(
        &self,
        lua: &Lua,
        value: &Value,
        schema: Option<&Value>,
        path: &str,
        has_gap: HasGap,
    ) -> mlua::Result<LuaValue> {
        self.converted(lua, value, schema, path, has_gap, &RefCell::default())
    }

    fn converted(
        &self,
        lua: &Lua,
        value: &Value,
        schema: Option<&Value>,
        path: &str,
        has_gap: HasGap,
        shared: &RefCell<Shared>,
    ) -> mlua::Result<LuaValue> {
        Ok(match value {
            Value::Null => LuaValue::Nil,
            Value::Bool(flag) => LuaValue::Boolean(*flag),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => LuaValue::Integer(integer),
                None => LuaValue::Number(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => LuaValue::String(lua.create_string(text)?),
            Value::Array(items) => {
                let schema = schema.and_then(item_schema);
                let table = lua.create_table_with_capacity(items.len(), 0)?;
                for (index, item) in items.iter().enumerate() {
                    table.raw_set(index + 1, self.converted(lua, item, schema, path, has_gap, shared)?)?;
                }
                if has_gap(path) {
                    let meta = lua.create_table()?;
                    meta.raw_set("__index", &self.beyond)?;
                    meta.raw_set("__len", &self.beyond)?;
                    meta.raw_set(PATH, path)?;
                    table.set_metatable(Some(meta))?;
                }
                LuaValue::Table(table)
            }
            Value::Object(fields) => {
                let table = lua.create_table_with_capacity(0, fields.len())?;
                for (name, field) in fields.iter().filter(|(_, field)| !field.is_null()) {
                    let value = match field {
                        Value::Array(_) | Value::Object(_) => {
                            let schema = schema.and_then(|schema| field_schema(schema, name));
                            self.converted(lua, field, schema, &format!("{path}.{name}"), has_gap, shared)?
                        }
                        _ => self.converted(lua, field, None, "", has_gap, shared)?,
                    };
                    table.raw_set(shared.borrow_mut().name(lua, name)?, value)?;
                }
                table.set_metatable(Some(self.metatable(lua, fields, schema, path, has_gap, shared)?))?;
                LuaValue::Table(table)
            }
        })
    }

    /// The metatable of a table: what it stands for, and which fields it has no value for.
    fn metatable(
        &self,
        lua: &Lua,
        fields: &Map<String, Value>,
        schema: Option<&Value>,
        path: &str,
        has_gap: HasGap,
        shared: &RefCell<Shared>,
    ) -> mlua::Result<Table> {
        let nulls = || fields.iter().filter(|(_, field)| field.is_null()).map(|(name, _)| name);
        let declared = schema.and_then(properties).into_iter().flat_map(Map::keys);
        let absent = declared.filter(|name| !fields.contains_key(*name));
        let is_map = schema.is_some_and(is_map);
        let mut key = format!("{path}\0{is_map}");
        let mut lacking = Vec::new();
        for (name, is_null) in nulls().map(|name| (name, true)).chain(absent.map(|name| (name, false))) {
            key.push(if is_null { '\0' } else { '\u{1}' });
            key.push_str(name);
            lacking.push((name, is_null));
        }
        if let Some(known) = shared.borrow().metatables.get(&key) {
            return Ok(known.clone());
        }
        let unseen = lua.create_table()?;
        for (name, is_null) in lacking {
            let why = if is_null && has_gap(&format!("{path}.{name}")) { HAS_GAP } else { "" };
            unseen.raw_set(name.as_str(), why)?;
        }
        let meta = lua.create_table()?;
        meta.raw_set("__index", &self.index)?;
        meta.raw_set(PATH, path)?;
        meta.raw_set(UNSEEN, unseen)?;
        meta.raw_set(IS_MAP, is_map)?;
        shared.borrow_mut().metatables.insert(key, meta.clone());
        Ok(meta)
    }
}

fn misspelt(path: &str, key: &str, names: &[String]) -> mlua::Error {
    let suggestion = Suggestion::of(key, names.iter().map(String::as_str));
    mlua::Error::runtime(suggestion.behind(&format!("{path} has no field `{key}`")))
}

/// Bytes of a path into tables; each name is a step deeper.
const LONGEST_PATH: usize = 1000;

/// The field, or the path of fields, of a table: nil where the host said that there is none, an error where a gap says that it
/// could not be seen or where no such field exists.
pub(super) fn look(lua: &Lua, item: &LuaValue, field: &LuaValue) -> mlua::Result<LuaValue> {
    let table = match item {
        LuaValue::Nil => return Ok(LuaValue::Nil),
        LuaValue::Table(table) => table,
        other => {
            let message = format!("an item of evidence is wanted here, not a {}", other.type_name());
            return Err(mlua::Error::runtime(message));
        }
    };
    match table.raw_get::<LuaValue>(field.clone())? {
        LuaValue::Nil => {}
        value => return Ok(value),
    }
    let Some(meta) = table.metatable() else { return below(lua, table, field) };
    let path: String = meta.raw_get(PATH)?;
    let Some(unseen) = meta.raw_get::<Option<Table>>(UNSEEN)? else {
        // Beyond the end of a list of which a part was not seen.
        return Err(mlua::Error::external(NotKnown { path }));
    };
    match unseen.raw_get::<Option<String>>(field.clone())? {
        Some(why) if why == HAS_GAP => {
            Err(mlua::Error::external(NotKnown { path: format!("{path}.{}", field.to_string()?) }))
        }
        Some(_) => Ok(LuaValue::Nil),
        None if meta.raw_get::<bool>(IS_MAP)? => Ok(LuaValue::Nil),
        None => {
            let LuaValue::String(key) = field else { return Ok(LuaValue::Nil) };
            let key = key.to_string_lossy();
            if key.contains('.') {
                return below(lua, table, field);
            }
            let mut names: Vec<String> =
                table.pairs::<LuaValue, LuaValue>().flatten().map(|(k, _)| k.to_string().unwrap_or_default()).collect();
            names.extend(unseen.pairs::<String, LuaValue>().flatten().map(|(name, _)| name));
            Err(misspelt(&path, &key, &names))
        }
    }
}

/// What a path of fields leads to, below its first name.
fn below(lua: &Lua, table: &Table, field: &LuaValue) -> mlua::Result<LuaValue> {
    let LuaValue::String(path) = field else { return Ok(LuaValue::Nil) };
    let path = path.to_string_lossy();
    let Some((name, rest)) = path.split_once('.').filter(|_| path.len() <= LONGEST_PATH) else {
        return Ok(LuaValue::Nil);
    };
    let key = |name: &str| lua.create_string(name).map(LuaValue::String);
    let mut part = look(lua, &LuaValue::Table(table.clone()), &key(name)?)?;
    for name in rest.split('.') {
        if !part.is_table() {
            return Ok(LuaValue::Nil);
        }
        part = look(lua, &part, &key(name)?)?;
    }
    Ok(part)
}

/// The schema without its `null` alternative.
pub fn present(schema: &Value) -> &Value {
    for key in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(key).and_then(Value::as_array) {
            let is_null = |choice: &&Value| choice.get("type").and_then(Value::as_str) == Some("null");
            let mut others = choices.iter().filter(|choice| !is_null(choice));
            if let (Some(only), None) = (others.next(), others.next()) {
                return only;
            }
        }
    }
    schema
}

/// The schemas of an object's named fields.
pub fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    present(schema).get("properties").and_then(Value::as_object)
}

/// The schema of a list's items.
pub fn item_schema(schema: &Value) -> Option<&Value> {
    present(schema).get("items").filter(|items| items.is_object())
}

/// The schema of one field, named or of a map.
pub fn field_schema<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    properties(schema)
        .and_then(|properties| properties.get(name))
        .or_else(|| present(schema).get("additionalProperties").filter(|additional| additional.is_object()))
}

/// Whether the object's keys are data, not names of fields.
pub fn is_map(schema: &Value) -> bool {
    properties(schema).is_none() && present(schema).get("additionalProperties").is_some_and(Value::is_object)
}
