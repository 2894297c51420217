//! Where scripts of others run: a fresh Lua state on a thread of its own, which reaches nothing of the host, within limits
//! of time, memory and output that hold whatever the script does.

mod arguments;
mod build;
mod error;
mod failure;
mod globals;
mod host_loop;
mod limits;
mod load;
mod log;
mod modules;
mod outside;
mod pattern;
mod record;
mod regular;
mod script_stop;
mod tables;

pub use error::ScriptError;
pub use failure::find;
pub use host_loop::{Attempt, Caller, Ran, attempt, refusal, run};
pub use limits::Limits;
pub use load::{LONGEST_SCRIPT, load};
pub use modules::{Modules, shipped, shipped_text};
pub use outside::{Hold, Outside};
pub use record::take_log;
pub use script_stop::{NotKnown, ScriptStop, TooMuchOutput};

pub use crate::sys::lua_hook::Place;
