//! Reading a script's text.

use std::sync::Arc;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua};

use super::record::RunRecord;

/// Bytes of a script's text. Reading one cannot be stopped, and a long one can be made to take very long.
pub const LONGEST_SCRIPT: usize = 256 * 1024;

/// Reads a script's text; `name` is the file that its errors name.
pub fn load(lua: &Lua, text: &str, name: &str) -> mlua::Result<Function> {
    if text.len() > LONGEST_SCRIPT {
        let message =
            format!("the text of {name} is longer than {} KiB, more than a script may be", LONGEST_SCRIPT / 1024);
        return Err(mlua::Error::runtime(message));
    }
    if let Some(record) = lua.app_data_ref::<Arc<RunRecord>>() {
        record.add_chunk(name);
    }
    // A first line for the shell is not Lua's.
    let shebang = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = if shebang.starts_with('#') {
        shebang.split_once('\n').map_or("", |(line, _)| &shebang[line.len()..])
    } else {
        shebang
    };
    lua.load(text).set_mode(ChunkMode::Text).set_name(format!("@{name}")).into_function()
}
