//! stub
use crate::case::Evidence;
use mlua::{AnyUserData, Lua, Table, Value as LuaValue};
use serde_json::Value;
use std::sync::Arc;
pub fn install(_: &Lua, _: &Table) -> mlua::Result<()> {
    Ok(())
}
pub fn evidence_value(_: &Lua, _: &str, _: Arc<Evidence>, _: Option<Arc<Value>>) -> mlua::Result<LuaValue> {
    Ok(LuaValue::Nil)
}
pub fn handle_json(_: &AnyUserData) -> Option<Value> {
    None
}
