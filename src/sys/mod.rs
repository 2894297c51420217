//! Doors to the kernel. `unsafe` lives here only, each with its reason.

pub mod perf;
pub mod tally;
pub mod tracefs;
