//! What is kept of a run outside of its Lua state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use mlua::Lua;

use super::log::Log;
use super::script_stop::TooMuchOutput;
use crate::sys::lua_hook::Signal;

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
    pub fn raised(&self, shown: &str) -> Option<String> {
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

    /// Notes the name of a chunk.
    pub fn add_chunk(&self, name: &str) {
        let mut chunks = locked(&self.chunks);
        if !chunks.iter().any(|chunk| chunk == name) {
            chunks.push(name.to_owned());
        }
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

/// Takes what was logged so far.
pub fn take_log(lua: &Lua) -> Vec<String> {
    lua.app_data_ref::<Arc<RunRecord>>().map(|record| locked(&record.log).take()).unwrap_or_default()
}
