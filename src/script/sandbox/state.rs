//! A fresh Lua state that reaches nothing of the host.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use mlua::chunk::ChunkMode;
use mlua::state::{GcIncParams, GcMode};
use mlua::{Function, Lua, LuaOptions, StdLib};

use super::error::ScriptError;
use super::globals;
use super::limits::Limits;
use super::log::Log;
use super::modules::{self, Modules};
use super::script_stop::{NotKnown, ScriptStop, TooMuchOutput};
use crate::sys::lua_hook::{self, Signal};

/// What functions of ours raise once the script was told to stop.
pub(super) const STOPPED: &str = "the script was stopped";

/// What is kept of a run outside of its state, where it is safe from what the script does.
#[derive(Debug)]
pub(super) struct RunRecord {
    log: Mutex<Log>,
    loaded: Mutex<BTreeMap<String, String>>,
    /// The names of all chunks.
    chunks: Mutex<Vec<String>>,
    /// Why the script was stopped, when it was not for its time.
    stop: Mutex<Option<TooMuchOutput>>,
    /// Errors that the script caught and may keep, each with its bytes outside Lua.
    caught: Mutex<Caught>,
    /// The last table that was raised as an error: how Lua shows it, and what is in it.
    raised: Mutex<Option<(String, String)>>,
}

#[derive(Debug, Default)]
struct Caught {
    bytes: usize,
    kept: Vec<(Weak<mlua::Error>, usize)>,
}

/// One part in so many of the memory goes to the allocator, which Lua does not count: small objects take more than they ask
/// for.
const ALLOCATOR: usize = 4;
/// Bytes of caught errors that may wait for the collector, or be kept.
const CAUGHT: usize = 4 * 1024 * 1024;
/// Bytes of an error besides its texts.
const ERROR: usize = 512;

impl RunRecord {
    pub fn new(log: Log) -> Self {
        RunRecord {
            log: Mutex::new(log),
            loaded: Mutex::default(),
            chunks: Mutex::default(),
            stop: Mutex::default(),
            caught: Mutex::default(),
            raised: Mutex::default(),
        }
    }

    /// Counts an error of ours that the script caught: its texts are outside Lua's memory. `kept` is its cause, when the
    /// script gets the error itself.
    pub fn count_caught(&self, lua: &Lua, bytes: usize, kept: Option<&Arc<mlua::Error>>) -> mlua::Result<()> {
        let mut caught = locked(&self.caught);
        caught.bytes += bytes + ERROR;
        caught.kept.extend(kept.map(|cause| (Arc::downgrade(cause), bytes + ERROR)));
        if caught.bytes <= CAUGHT {
            return Ok(());
        }
        lua.gc_collect()?;
        caught.kept.retain(|(cause, _)| cause.strong_count() > 0);
        caught.bytes = caught.kept.iter().map(|(_, bytes)| bytes).sum();
        if caught.bytes > CAUGHT / 2 {
            return Err(mlua::Error::MemoryError("not enough memory".into()));
        }
        Ok(())
    }

    /// Notes a table that is raised as an error.
    pub fn note_raised(&self, shown: String, fields: String) {
        *locked(&self.raised) = Some((shown, fields));
    }

    /// What is in the table that Lua shows so.
    fn raised(&self, shown: &str) -> Option<String> {
        locked(&self.raised).as_ref().filter(|(known, _)| known == shown).map(|(_, fields)| fields.clone())
    }

    /// Adds to the log; a script that floods it is stopped.
    pub fn print(&self, text: &[u8], signal: &Signal) -> mlua::Result<()> {
        let mut log = locked(&self.log);
        if log.add(text) {
            return Ok(());
        }
        let limit = log.limit();
        *locked(&self.stop) = Some(TooMuchOutput { limit });
        signal.stop();
        Err(mlua::Error::external(TooMuchOutput { limit }))
    }

    pub fn add_loaded(&self, name: &str, text: &str) {
        locked(&self.loaded).insert(name.to_owned(), text.to_owned());
    }

    pub fn loaded(&self) -> BTreeMap<String, String> {
        locked(&self.loaded).clone()
    }

    pub fn printed(&self) -> Vec<String> {
        locked(&self.log).lines()
    }

    pub fn chunks(&self) -> Vec<String> {
        locked(&self.chunks).clone()
    }

    pub fn stop_reason(&self) -> Option<TooMuchOutput> {
        *locked(&self.stop)
    }
}

pub(super) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        let mut chunks = locked(&record.chunks);
        if !chunks.iter().any(|chunk| chunk == name) {
            chunks.push(name.to_owned());
        }
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

/// Takes what was logged so far.
pub fn take_log(lua: &Lua) -> Vec<String> {
    lua.app_data_ref::<Arc<RunRecord>>().map(|record| locked(&record.log).take()).unwrap_or_default()
}

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
