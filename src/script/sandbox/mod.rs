//! Where scripts of others run: a fresh Lua state on a thread of its own, which reaches nothing of the host, within limits
//! of time, memory and output that hold whatever the script does.

mod arguments;
mod error;
mod globals;
mod limits;
mod log;
mod modules;
mod outside;
mod pattern;
mod pump;
mod regular;
mod state;
mod stopped;
mod tables;

pub use error::ScriptError;
pub use limits::Limits;
pub use modules::{Modules, shipped, shipped_text};
pub use outside::{Hold, Outside};
pub use pump::{Attempt, Caller, Ran, attempt, refusal, run};
pub use state::{LONGEST_SCRIPT, find, load, take_log};
pub use stopped::{NotKnown, Stopped, TooMuchOutput};

pub use crate::sys::lua_hook::Place;
