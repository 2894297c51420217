//! Why the work of a script failed.

use super::error::ScriptError;
use super::limits::Limits;
use super::record::RunRecord;
use super::script_stop::{NotKnown, ScriptStop, TooMuchOutput};
use crate::sys::lua_hook::Signal;

/// Why the work failed.
pub(super) fn reason(error: &mlua::Error, limits: &Limits, record: &RunRecord, signal: &Signal) -> ScriptStop {
    let names = record.chunks();
    let script = ScriptError::of(error, &names);
    if let Some(TooMuchOutput { limit }) = record.stop_reason().or_else(|| find(error).copied()) {
        return ScriptStop::Output { place: script.place().or_else(|| signal.place()), limit };
    }
    if let Some(NotKnown { path, gap }) = find(error) {
        return ScriptStop::NotKnown { path: path.clone(), gap: Box::new(gap.clone()), place: script.place() };
    }
    if is_out_of_memory(error) {
        return ScriptStop::Memory { place: script.place().or_else(|| signal.place()), limit: limits.memory_bytes };
    }
    // A call at the very end of a function leaves no trace of its line; the script's file is known all the same.
    let file = if script.file.is_empty() { names.first().cloned().unwrap_or_default() } else { script.file.clone() };
    let message = record.raised(&script.message).unwrap_or(script.message);
    ScriptStop::Failed(ScriptError { file, message, ..script })
}

/// The error of our own inside one of Lua.
pub fn find<E: std::error::Error + Send + Sync + 'static>(error: &mlua::Error) -> Option<&E> {
    match error {
        mlua::Error::CallbackError { cause, .. } | mlua::Error::WithContext { cause, .. } => find(cause),
        other => other.downcast_ref(),
    }
}

pub(super) fn is_out_of_memory(error: &mlua::Error) -> bool {
    match error {
        mlua::Error::CallbackError { cause, .. } | mlua::Error::WithContext { cause, .. } => is_out_of_memory(cause),
        mlua::Error::MemoryError(_) => true,
        mlua::Error::RuntimeError(message) => message.lines().next() == Some("not enough memory"),
        _ => false,
    }
}
