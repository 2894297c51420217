//! The names that a script finds.

use std::sync::Arc;

use mlua::{Lua, LuaString, Value};

use super::limits::Limits;
use super::state::Ledger;
use crate::sys::lua_hook::Signal;

/// Puts the names into the state.
pub(super) fn install(lua: &Lua, _limits: &Limits, ledger: &Arc<Ledger>, signal: &Arc<Signal>) -> mlua::Result<()> {
    let globals = lua.globals();
    for name in ["load", "loadfile", "dofile", "require", "warn", "collectgarbage"] {
        globals.raw_set(name, Value::Nil)?;
    }
    let (log, flag) = (Arc::clone(ledger), Arc::clone(signal));
    let print = lua.create_function(move |_, text: LuaString| log.print(&text.as_bytes(), &flag))?;
    globals.raw_set("print", &print)?;
    globals.raw_set("log", print)
}
