//! What a state holds outside Lua, where Lua's own limit of memory does not reach: handles of evidence, lists made of it,
//! iterators. It is counted, and Lua's limit goes down by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlua::Lua;

/// Bytes between two looks at the limit.
const STEP: usize = 256 * 1024;
/// The part of the limit that may be held outside without a word: a sixteenth, below the tenth that nobody minds.
const FREE: usize = 16;
/// Bytes that an object of Rust costs the allocator and Lua besides itself.
const OBJECT: usize = 112;

/// The count of one state.
#[derive(Debug)]
pub struct Outside {
    bytes: AtomicUsize,
    /// The count that Lua's limit was last set by.
    settled: AtomicUsize,
    /// What the state may use up in all; 0 without a limit.
    limit: usize,
}

struct Kept(Arc<Outside>);

impl Outside {
    /// The count of this state.
    pub fn of(lua: &Lua) -> Arc<Self> {
        if let Some(kept) = lua.app_data_ref::<Kept>() {
            return Arc::clone(&kept.0);
        }
        // Lua tells its limit only in exchange for another one.
        let limit = lua.set_memory_limit(0).unwrap_or_default();
        let _ = lua.set_memory_limit(limit);
        let outside = Arc::new(Outside { bytes: AtomicUsize::new(0), settled: AtomicUsize::new(0), limit });
        lua.set_app_data(Kept(Arc::clone(&outside)));
        outside
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts an object of this type.
    pub fn hold<T>(&self) {
        self.bytes.fetch_add(size_of::<T>() + OBJECT, Ordering::Relaxed);
    }

    /// An object of this type is gone.
    pub fn release<T>(&self) {
        self.bytes.fetch_sub(size_of::<T>() + OBJECT, Ordering::Relaxed);
    }

    /// Sets Lua's limit by the count, or raises when both together are over it and the collector frees nothing.
    pub fn settle(&self, lua: &Lua) -> mlua::Result<()> {
        let bytes = self.bytes.load(Ordering::Relaxed);
        if bytes.abs_diff(self.settled.load(Ordering::Relaxed)) < STEP || self.limit == 0 {
            return Ok(());
        }
        let mut left = self.left();
        if lua.used_memory() > left {
            lua.gc_collect()?;
            left = self.left();
        }
        if lua.used_memory() > left {
            return Err(mlua::Error::MemoryError("not enough memory".into()));
        }
        self.settled.store(self.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        lua.set_memory_limit(left.max(1)).map(|_| ())
    }

    /// What Lua may use up itself.
    fn left(&self) -> usize {
        self.limit.saturating_sub(self.bytes.load(Ordering::Relaxed).saturating_sub(self.limit / FREE))
    }
}

/// Bytes that are held as long as this lives.
#[derive(Debug)]
pub struct Hold {
    outside: Arc<Outside>,
    bytes: usize,
}

impl Hold {
    /// A hold of nothing yet.
    pub fn none(outside: &Arc<Outside>) -> Self {
        Hold { outside: Arc::clone(outside), bytes: 0 }
    }

    /// A hold of an object of this type.
    pub fn one<T>(lua: &Lua) -> mlua::Result<Self> {
        let mut hold = Hold::none(&Outside::of(lua));
        hold.add(lua, size_of::<T>() + OBJECT)?;
        Ok(hold)
    }

    /// Adds to it.
    pub fn add(&mut self, lua: &Lua, bytes: usize) -> mlua::Result<()> {
        self.outside.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        self.outside.settle(lua)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.outside.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
