//! The hook by which a Lua state can be stopped from outside, whatever its script does.
//!
//! `mlua`'s own hook does not fit: it does not reach coroutines that a script makes itself, and to raise its error it runs
//! pending `<close>` variables inside the hook, where no hook is called. This one looks at a flag every few instructions and
//! at every call, is inherited by every coroutine, and raises with nothing of its own on the way.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mlua::{LightUserData, Lua, ffi};

/// Instructions between two looks at the flag. One instruction may compare or join strings of many megabytes, so few.
const EVERY: c_int = 100;
/// How far up a place in a script is looked for.
const DEEPEST: c_int = 64;

const RUN: u8 = 0;
const NOTE: u8 = 1;
const STOP: u8 = 2;

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chunk's name, without the `@`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// What the outside tells a script: to go on, to say where it is, or to stop. A stop is never taken back.
#[derive(Debug, Default)]
pub struct Signal {
    wish: AtomicU8,
    place: Mutex<Option<Place>>,
}

impl Signal {
    /// Makes the script stop at its next instruction.
    pub fn stop(&self) {
        self.wish.store(STOP, Ordering::Release);
    }

    /// Whether the script was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.wish.load(Ordering::Acquire) == STOP
    }

    /// Makes the script note where it is, soon.
    pub fn note(&self) {
        let _ = self.wish.compare_exchange(RUN, NOTE, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Where the script was when it was stopped or last made a note.
    pub fn place(&self) -> Option<Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_place(&self, place: Place) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }
}

thread_local! {
    /// The signal that hooks on this thread obey, and whether its stop has been seen.
    static OBEYED: RefCell<Option<(Arc<Signal>, bool)>> = const { RefCell::new(None) };
}

/// Makes the Lua state obey the signal, with all coroutines that it will make, as long as it runs on this thread.
pub fn obey(lua: &Lua, signal: Arc<Signal>) -> mlua::Result<()> {
    OBEYED.with(|obeyed| *obeyed.borrow_mut() = Some((signal, false)));
    // SAFETY: setting a hook neither touches the stack nor raises; `hook` lives as long as the program.
    unsafe { lua.exec_raw::<()>((), |state| arm(state, EVERY)) }
}

/// The error that a stop raises. Nothing that a script can make is equal to it.
pub fn stop_error() -> LightUserData {
    LightUserData(stop_address())
}

static STOP_ADDRESS: u8 = 0;

fn stop_address() -> *mut c_void {
    (&raw const STOP_ADDRESS).cast::<c_void>().cast_mut()
}

/// Calls the hook after that many instructions, and at every call of a function.
unsafe fn arm(state: *mut ffi::lua_State, every: c_int) {
    // SAFETY: the caller has a valid state; the hook has the type that Lua wants.
    unsafe { ffi::lua_sethook(state, Some(hook), ffi::LUA_MASKCOUNT | ffi::LUA_MASKCALL, every) }
}

unsafe extern "C-unwind" fn hook(state: *mut ffi::lua_State, _: *mut ffi::lua_Debug) {
    let wish = OBEYED.with(|obeyed| match obeyed.try_borrow().as_deref() {
        Ok(Some((signal, _))) => signal.wish.load(Ordering::Relaxed),
        _ => RUN,
    });
    if wish == RUN {
        return;
    }
    // SAFETY: Lua calls the hook with a valid state.
    unsafe { note_place(state) };
    if wish == STOP {
        // SAFETY: as above; Lua keeps room on the stack for a hook, nothing that needs dropping is alive in this function,
        // and a hook may raise. From here on every instruction of this coroutine raises, so no script can go on.
        unsafe {
            arm(state, 1);
            ffi::lua_pushlightuserdata(state, stop_address());
            ffi::lua_error(state);
        }
    }
}

/// Notes the innermost line of a script, the first time after a stop only.
unsafe fn note_place(state: *mut ffi::lua_State) {
    OBEYED.with(|obeyed| {
        let Ok(mut obeyed) = obeyed.try_borrow_mut() else { return };
        let Some((signal, has_stopped)) = obeyed.as_mut() else { return };
        if *has_stopped {
            return;
        }
        *has_stopped = signal.is_stopped();
        // SAFETY: the caller's state is valid.
        if let Some(place) = unsafe { place(state) } {
            signal.set_place(place);
            let _ = signal.wish.compare_exchange(NOTE, RUN, Ordering::AcqRel, Ordering::Relaxed);
        }
    });
}

/// The innermost line that is a script's: of a chunk whose name begins with `@`.
unsafe fn place(state: *mut ffi::lua_State) -> Option<Place> {
    for level in 0..DEEPEST {
        let mut record = MaybeUninit::<ffi::lua_Debug>::zeroed();
        // SAFETY: `lua_getstack` fills the record that `lua_getinfo` then reads; all zeros are a valid record. "Sl" allocates
        // nothing and does not raise, and `source` is a string that lives as long as the function.
        unsafe {
            if ffi::lua_getstack(state, level, record.as_mut_ptr()) == 0 {
                return None;
            }
            if ffi::lua_getinfo(state, c"Sl".as_ptr(), record.as_mut_ptr()) == 0 {
                continue;
            }
            let record = record.assume_init_ref();
            if record.source.is_null() {
                continue;
            }
            let source = CStr::from_ptr(record.source).to_bytes();
            if let (Some(file), Ok(line)) = (source.strip_prefix(b"@"), usize::try_from(record.currentline))
                && line > 0
            {
                return Some(Place { file: String::from_utf8_lossy(file).into_owned(), line });
            }
        }
    }
    None
}
