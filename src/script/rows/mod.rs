//! Evidence for checks: Lua values that stand for parts of it, and convert nothing until a script touches it.
//!
//! A field that does not exist is an error that names the nearest one. What a gap kept from being seen raises [`NotKnown`],
//! which carries the gap; a null without a gap is nil. A list that a gap left incomplete raises when its end is reached: what
//! is in it can be found, but nobody can say that something is not in it, or how much it is in all.

mod field;
mod functions;
mod item;
mod key;
mod list;
mod methods;
mod pattern;
mod place;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use mlua::{AnyUserData, Lua, Value as LuaValue};
use serde_json::Value;

use super::sandbox::{NotKnown, Outside};
use crate::case::{Evidence, Gap};

pub use functions::install;
use item::Item;
use list::List;
use place::{Place, Source};

/// The gap that a script ran into, when that is why it failed; also when the script caught the error and raised it again.
pub fn gap_of(error: &mlua::Error) -> Option<Gap> {
    not_known(error).map(|unknown| unknown.gap.clone())
}

fn not_known(error: &mlua::Error) -> Option<&NotKnown> {
    error.downcast_ref()
}

/// The Lua value that stands for a probe's evidence; scripts know it as `name`, and `schema` describes its output.
pub fn evidence_value(
    lua: &Lua,
    name: &str,
    evidence: Arc<Evidence>,
    schema: Option<Arc<Value>>,
) -> mlua::Result<LuaValue> {
    let source = Source { name: name.to_owned(), evidence, schema, outside: Outside::of(lua) };
    let item = Item::at(Place::root(Arc::new(source)));
    lua.create_userdata(item).map(LuaValue::UserData)
}

/// The JSON that an item or a list of evidence stands for; none for any other userdata.
pub fn handle_json(handle: &AnyUserData) -> Option<Value> {
    if let Ok(item) = handle.borrow::<Item>() {
        return Some(item.place.value().clone());
    }
    handle.borrow::<List>().ok().map(|list| list.json())
}

/// How many values are in what a handle stands for, and the bytes of its texts; none for any other userdata.
pub fn handle_size(handle: &AnyUserData) -> Option<(usize, usize)> {
    let mut size = (0, 0);
    if let Ok(item) = handle.borrow::<Item>() {
        add_size(item.place.value(), &mut size);
        return Some(size);
    }
    let list = handle.borrow::<List>().ok()?;
    (0..list.len()).filter_map(|position| list.value(position).ok()).for_each(|value| add_size(value, &mut size));
    Some(size)
}

fn add_size(value: &Value, size: &mut (usize, usize)) {
    size.0 += 1;
    match value {
        Value::String(text) => size.1 += text.len(),
        Value::Array(items) => items.iter().for_each(|item| add_size(item, size)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            size.1 += name.len();
            add_size(field, size);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
