//! The header of a Lua file: what `return check { … }`, `return runbook { … }` or `return test { … }` declares, as JSON, read without a probe at
//! hand.

use std::collections::BTreeMap;

use mlua::{Lua, Table, UserData, Value as LuaValue};
use serde_json::{Map, Value};

use super::sandbox::{self, Caller, Limits, ScriptStop};
use super::source::Script;

/// How deep and how large a declaration may be.
const DEPTH: usize = 24;
const ITEMS: usize = 20_000;
/// Bytes of all its texts: as much as a file can have.
const BYTES: usize = 256 * 1024;

/// What a Lua file declares.
#[derive(Debug, Clone, PartialEq)]
pub enum Declared {
    /// A check's header, without its function.
    Check(Value),
    /// A runbook.
    Runbook(Value),
    /// Tests.
    Test(Value),
}

/// A declaration and the modules of its folder that it required, by name, with their texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// What is declared.
    pub declared: Declared,
    /// The modules.
    pub modules: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Check,
    Runbook,
    Test,
}

/// What `check { … }` gives inside the file.
pub(super) struct Declaring {
    kind: Kind,
    /// The table.
    pub table: Table,
}

impl UserData for Declaring {}

/// Puts `check`, `runbook` and `test` among the global names.
pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    for (name, kind) in [("check", Kind::Check), ("runbook", Kind::Runbook), ("test", Kind::Test)] {
        let declare = move |lua: &Lua, value: LuaValue| match value {
            LuaValue::Table(table) => lua.create_userdata(Declaring { kind, table }),
            other => Err(mlua::Error::runtime(format!("{name} wants a table, not a {}", other.type_name()))),
        };
        lua.globals().raw_set(name, lua.create_function(declare)?)?;
    }
    Ok(())
}

/// Runs the file and gives what it returns.
pub(super) fn evaluate(lua: &Lua, script: &Script) -> mlua::Result<mlua::UserDataRef<Declaring>> {
    install(lua)?;
    let value: LuaValue = sandbox::load(lua, &script.text, &script.origin)?.call(())?;
    let missing =
        || mlua::Error::runtime("it ends without `return check { … }`, `return runbook { … }` or `return test { … }`");
    match value {
        LuaValue::UserData(data) => data.borrow::<Declaring>().map_err(|_| missing()),
        _ => Err(missing()),
    }
}

/// What a Lua file declares.
pub fn declare(script: &Script, limits: &Limits) -> Result<Declaration, ScriptStop> {
    let file = script.clone();
    let work = move |lua: &Lua, _: &Caller<(), ()>| {
        let declaring = evaluate(lua, &file)?;
        let mut left = Left { items: ITEMS, bytes: BYTES };
        let mut value = header(&declaring, &mut left)?;
        Ok(match declaring.kind {
            Kind::Check => {
                // What runs is not part of what is declared; that it is there is.
                if !matches!(value.remove("run"), Some(Value::Bool(true))) {
                    return Err(mlua::Error::runtime("the check has no `run = function(cx, params) … end`"));
                }
                Declared::Check(Value::Object(value))
            }
            Kind::Runbook => Declared::Runbook(Value::Object(value)),
            Kind::Test => Declared::Test(Value::Object(value)),
        })
    };
    let ran = sandbox::run(limits, &script.modules, work, |()| ())?;
    Ok(Declaration { declared: ran.value, modules: ran.loaded })
}

fn header(declaring: &Declaring, left: &mut Left) -> mlua::Result<Map<String, Value>> {
    let mut fields = Map::new();
    for pair in declaring.table.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair?;
        let key = text_key(&key, "", left)?;
        if declaring.kind == Kind::Check && key == "run" {
            fields.insert(key, Value::Bool(matches!(value, LuaValue::Function(_))));
        } else if let Some(value) = json(&value, &key, 0, left, declaring.kind)? {
            fields.insert(key, value);
        }
    }
    fields.sort_keys();
    Ok(fields)
}

/// What a declaration may still have. A table that is met twice is there twice.
struct Left {
    items: usize,
    bytes: usize,
}

impl Left {
    fn take(&mut self, text: &mlua::LuaString) -> mlua::Result<()> {
        let message = || mlua::Error::runtime(format!("what it declares is larger than {} KiB", BYTES / 1024));
        self.bytes = self.bytes.checked_sub(text.as_bytes().len()).ok_or_else(message)?;
        Ok(())
    }
}

fn text_key(key: &LuaValue, path: &str, left: &mut Left) -> mlua::Result<String> {
    match key {
        LuaValue::String(text) => left.take(text).map(|()| text.to_string_lossy()),
        other => {
            let place = if path.is_empty() { "the table" } else { path };
            Err(mlua::Error::runtime(format!("{place} mixes a list with names: {} stands there", other.type_name())))
        }
    }
}

/// A part of a declaration; none for an empty table, which could be a list as well as a map. In what a test says a probe saw
/// it is a list: one that is empty is something else than one that is missing.
fn json(value: &LuaValue, path: &str, depth: usize, left: &mut Left, kind: Kind) -> mlua::Result<Option<Value>> {
    left.items = left.items.saturating_sub(1);
    if depth > DEPTH || left.items == 0 {
        return Err(mlua::Error::runtime(format!("{path} is too large, or refers to itself")));
    }
    Ok(Some(match value {
        LuaValue::Boolean(flag) => Value::Bool(*flag),
        LuaValue::Integer(integer) => (*integer).into(),
        LuaValue::Number(number) => serde_json::Number::from_f64(*number)
            .map(Value::Number)
            .ok_or_else(|| mlua::Error::runtime(format!("{path} is not a finite number")))?,
        LuaValue::String(text) => {
            left.take(text)?;
            match text.to_str() {
                Ok(text) => Value::String(text.to_owned()),
                Err(_) => return Err(mlua::Error::runtime(format!("{path} is not UTF-8"))),
            }
        }
        LuaValue::Table(table) => {
            let length = table.raw_len();
            if length > 0 {
                let mut list = Vec::new();
                for index in 1..=length {
                    let place = format!("{path}[{index}]");
                    let item = json(&table.raw_get(index)?, &place, depth + 1, left, kind)?;
                    list.push(item.ok_or_else(|| mlua::Error::runtime(format!("{place} is empty")))?);
                }
                if table.pairs::<LuaValue, LuaValue>().count() > length {
                    return Err(mlua::Error::runtime(format!("{path} mixes a list with names")));
                }
                return Ok(Some(Value::Array(list)));
            }
            let mut fields = Map::new();
            for pair in table.pairs::<LuaValue, LuaValue>() {
                let (key, value) = pair?;
                let key = text_key(&key, path, left)?;
                if let Some(value) = json(&value, &format!("{path}.{key}"), depth + 1, left, kind)? {
                    fields.insert(key, value);
                }
            }
            if fields.is_empty() {
                let says = kind == Kind::Test && [".output", ".data"].iter().any(|part| path.contains(part));
                return Ok(says.then(|| Value::Array(Vec::new())));
            }
            fields.sort_keys();
            Value::Object(fields)
        }
        LuaValue::Nil => return Ok(None),
        LuaValue::UserData(_) => {
            return Err(mlua::Error::runtime(format!("{path}: write the check's name there, as a text")));
        }
        other => return Err(mlua::Error::runtime(format!("{path} cannot be a {}", other.type_name()))),
    }))
}
