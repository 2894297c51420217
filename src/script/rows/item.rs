//! An object of evidence as a Lua value: fields by name, pairs in the data's order, nothing to write.

use std::io;

use mlua::{Lua, MetaMethod, MultiValue, UserData, UserDataMethods, UserDataRef, Value as LuaValue};
use serde_json::Value;

use super::NotKnown;
use super::list::List;
use super::place::{Place, kind, part};
use crate::case::Gap;

/// How long a text `tostring` gives.
const SHORT: usize = 200;

/// An object of evidence.
pub(super) struct Item {
    pub place: Place,
}

impl Item {
    pub fn at(place: Place) -> Self {
        place.source().outside.hold::<Self>();
        Item { place }
    }

    /// What a field or a path of fields holds, nil where the host has none.
    pub fn get(&self, lua: &Lua, path: &str) -> mlua::Result<LuaValue> {
        let value = self.place.value();
        if self.place.is_root() {
            match path {
                "available" => return Ok(LuaValue::Boolean(self.place.source().gap().is_none())),
                "gap" => return self.place.source().gap().map_or(Ok(LuaValue::Nil), |gap| gap_table(lua, &gap)),
                _ => self.check_available(path)?,
            }
        }
        if let Value::Object(fields) = value
            && let Some(field) = fields.get(path)
            && let Some(plain) = scalar(lua, field)?
        {
            return Ok(plain);
        }
        match part(value, path, self.place.source().is_whole(), || self.place.trail())? {
            None => Ok(LuaValue::Nil),
            Some(_) => to_lua(lua, self.place.below(path)),
        }
    }

    /// Raises the gap of evidence that is none.
    fn check_available(&self, path: &str) -> mlua::Result<()> {
        let source = self.place.source();
        match source.gap() {
            Some(gap) if self.place.is_root() => {
                let path = if path.is_empty() { source.name.clone() } else { format!("{}.{path}", source.name) };
                Err(mlua::Error::external(NotKnown { path, gap }))
            }
            _ => Ok(()),
        }
    }

    /// The name and value of the first field at or after a position that is not nil, and the position after it.
    fn next(&self, lua: &Lua, mut position: usize) -> mlua::Result<Option<(usize, String, LuaValue)>> {
        while let Some((name, place)) = self.place.nth_field(position) {
            position += 1;
            if !place.value().is_null() {
                return Ok(Some((position, name.to_owned(), to_lua(lua, place)?)));
            }
            if let Some(unknown) = place.incomplete() {
                return Err(mlua::Error::external(unknown));
            }
        }
        match self.place.incomplete() {
            Some(unknown) if self.place.trail().is_map() => Err(mlua::Error::external(unknown)),
            _ => Ok(None),
        }
    }
}

/// The Lua value of what has no parts; null is none of that kind.
pub(super) fn scalar(lua: &Lua, value: &Value) -> mlua::Result<Option<LuaValue>> {
    Ok(Some(match value {
        Value::Bool(flag) => LuaValue::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => LuaValue::Integer(integer),
            None => LuaValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => LuaValue::String(lua.create_string(text)?),
        Value::Null | Value::Array(_) | Value::Object(_) => return Ok(None),
    }))
}

/// The Lua value of what stands at a place. A null is nobody's field here: it raises.
pub(super) fn to_lua(lua: &Lua, place: Place) -> mlua::Result<LuaValue> {
    match place.value() {
        Value::Array(_) => {
            place.source().outside.settle(lua)?;
            lua.create_userdata(List::at(place)).map(LuaValue::UserData)
        }
        Value::Object(_) => {
            place.source().outside.settle(lua)?;
            lua.create_userdata(Item::at(place)).map(LuaValue::UserData)
        }
        value => match scalar(lua, value)? {
            Some(plain) => Ok(plain),
            None => Err(mlua::Error::external(place.trail().unsaid())),
        },
    }
}

/// A table with the value's parts, all of them; nulls are left out.
pub(super) fn plain_table(lua: &Lua, value: &Value) -> mlua::Result<LuaValue> {
    match value {
        Value::Null => Ok(LuaValue::Nil),
        Value::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for item in items {
                table.raw_push(plain_table(lua, item)?)?;
            }
            Ok(LuaValue::Table(table))
        }
        Value::Object(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (name, field) in fields {
                table.raw_set(name.as_str(), plain_table(lua, field)?)?;
            }
            Ok(LuaValue::Table(table))
        }
        value => Ok(scalar(lua, value)?.unwrap_or(LuaValue::Nil)),
    }
}

/// A gap as scripts see it: `tried`, `reason`, `why`, `to_fix`; as a text it is the sentence.
pub(super) fn gap_table(lua: &Lua, gap: &Gap) -> mlua::Result<LuaValue> {
    let json = serde_json::to_value(gap).map_err(mlua::Error::external)?;
    let value = plain_table(lua, &json)?;
    if let LuaValue::Table(table) = &value {
        let sentence = gap.to_string();
        let meta = lua.create_table()?;
        // A function of Lua's, so that the sentence is in its memory.
        let say = lua.load("local sentence = ... return function() return sentence end").set_name("=gap");
        meta.raw_set("__tostring", say.call::<mlua::Function>(sentence)?)?;
        meta.raw_set("__metatable", false)?;
        table.set_metatable(Some(meta))?;
    }
    Ok(value)
}

/// What a Lua value is, as scripts call it.
pub(super) fn type_of(value: &LuaValue) -> &'static str {
    match value {
        LuaValue::Integer(_) => "number",
        value => value.type_name(),
    }
}

/// JSON, but not more than a line of it.
pub(super) fn short(value: &Value) -> String {
    let mut line = Line(Vec::new());
    let whole = serde_json::to_writer(&mut line, value).is_ok();
    let text = String::from_utf8_lossy(&line.0);
    if whole { text.into_owned() } else { format!("{}…", text.trim_end_matches('\u{fffd}')) }
}

/// Takes so much and no more.
struct Line(Vec<u8>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = SHORT - self.0.len();
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        self.0.extend(bytes.iter().take(taken));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What all values of evidence do when a script tries to change them.
pub(super) fn refuse_writing<T, M: UserDataMethods<T>>(methods: &mut M) {
    methods.add_meta_method(MetaMethod::NewIndex, |_, _, _: MultiValue| -> mlua::Result<()> {
        Err(mlua::Error::runtime("evidence is read-only"))
    });
}

impl Drop for Item {
    fn drop(&mut self) {
        self.place.source().outside.release::<Self>();
    }
}

impl UserData for Item {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::Index, |lua, this, key: LuaValue| match key {
            LuaValue::String(key) => match key.to_str() {
                Ok(name) => this.get(lua, &name),
                Err(_) => this.get(lua, &key.to_string_lossy()),
            },
            // The keys of maps are texts, also those that are numbers: ports.
            LuaValue::Integer(key) => this.get(lua, &key.to_string()),
            other => {
                let path = this.place.trail().shown;
                Err(mlua::Error::runtime(format!("{path} has no field of type {}", type_of(&other))))
            }
        });
        methods.add_meta_method(MetaMethod::Pairs, |lua, this, ()| {
            this.check_available("")?;
            this.place.source().outside.settle(lua)?;
            let item = Item::at(this.place.clone());
            let mut position = 0;
            let next = lua.create_function_mut(move |lua, _: MultiValue| {
                Ok(match item.next(lua, position)? {
                    Some((after, name, value)) => {
                        position = after;
                        (LuaValue::String(lua.create_string(name)?), value)
                    }
                    None => (LuaValue::Nil, LuaValue::Nil),
                })
            })?;
            Ok((next, LuaValue::Nil, LuaValue::Nil))
        });
        methods.add_meta_method(MetaMethod::Len, |_, this, ()| -> mlua::Result<i64> {
            let path = this.place.trail().shown;
            Err(mlua::Error::runtime(format!("{path} is {} and has no length", kind(this.place.value()))))
        });
        methods.add_meta_method(MetaMethod::ToString, |_, this, ()| {
            Ok(match this.place.source().gap() {
                Some(gap) => format!("{} is not known: {gap}", this.place.source().name),
                None => short(this.place.value()),
            })
        });
        methods.add_meta_method(MetaMethod::Eq, |_, this, other: LuaValue| {
            let other: Option<UserDataRef<Item>> = other.as_userdata().and_then(|other| other.borrow().ok());
            Ok(other.is_some_and(|other| this.place.is(&other.place)))
        });
        refuse_writing(methods);
    }
}
