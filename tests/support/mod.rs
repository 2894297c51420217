//! What several test programs need. Each program uses a part of it.

#![allow(dead_code, unused_imports)]

pub mod accuracy;
pub mod command;
pub mod namespace;
pub mod need;
pub mod recorded;

/// The user `nobody`.
pub const NOBODY: u32 = 65534;
