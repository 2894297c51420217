//! A fresh Lua state that reaches nothing of the host.

use std::sync::Arc;

use mlua::state::{GcIncParams, GcMode};
use mlua::{Lua, LuaOptions, StdLib};

use super::globals;
use super::limits::Limits;
use super::modules::{self, Modules};
use super::record::RunRecord;
use crate::sys::lua_hook::{self, Signal};

/// One part in so many of the memory goes to the allocator, which Lua does not count: small objects take more than they ask
/// for.
const ALLOCATOR: usize = 4;

/// Makes a state within its limits.
pub(super) fn fresh(
    limits: &Limits,
    modules: &Modules,
    record: &Arc<RunRecord>,
    signal: &Arc<Signal>,
) -> mlua::Result<Lua> {
    let libraries = StdLib::COROUTINE | StdLib::TABLE | StdLib::STRING | StdLib::UTF8 | StdLib::MATH;
    // This leaves `pcall` alone, which is wrapped below: `mlua`'s own could not be yielded across.
    let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(true))?;
    lua.set_memory_limit(limits.memory_bytes / ALLOCATOR * (ALLOCATOR - 1))?;
    // A pause of twice the live memory, which is the default, runs into the limit with half of it garbage.
    lua.gc_set_mode(GcMode::Incremental(GcIncParams::default().pause(150)));
    lua.set_app_data(Arc::clone(record));
    globals::install(&lua, limits, record, signal)?;
    modules::install(&lua, &lua.globals(), modules, record)?;
    globals::make_strict(&lua)?;
    lua_hook::obey(&lua, Arc::clone(signal))?;
    Ok(lua)
}
