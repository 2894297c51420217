//! What lists of evidence hold outside Lua, where Lua's own limit of memory does not reach.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mlua::Lua;

/// Bytes that the lists of one Lua state may hold together, below a tenth of what a script may use: room for thirty lists
/// of 50,000 rows.
pub(super) const LIMIT: usize = 6 * 1024 * 1024;

struct Charged(Arc<AtomicUsize>);

/// The state's count of such bytes.
pub(super) fn of(lua: &Lua) -> Arc<AtomicUsize> {
    if let Some(charged) = lua.app_data_ref::<Charged>() {
        return Arc::clone(&charged.0);
    }
    let charged = Arc::new(AtomicUsize::new(0));
    lua.set_app_data(Charged(Arc::clone(&charged)));
    charged
}

/// Bytes that are held as long as this lives.
pub(super) struct Charge {
    charged: Arc<AtomicUsize>,
    bytes: usize,
}

impl Charge {
    pub fn none(charged: &Arc<AtomicUsize>) -> Self {
        Charge { charged: Arc::clone(charged), bytes: 0 }
    }

    /// Adds to it. Lists that nothing refers to any more are collected before it is refused.
    pub fn add(&mut self, lua: &Lua, bytes: usize) -> mlua::Result<()> {
        if self.charged.load(Ordering::Relaxed) + bytes > LIMIT {
            lua.gc_collect()?;
        }
        if self.charged.load(Ordering::Relaxed) + bytes > LIMIT {
            return Err(mlua::Error::runtime(
                "not enough memory: too many lists made of evidence are held at once; keep fewer, or take(n) of each",
            ));
        }
        self.charged.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.charged.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
