//! casebook: a diagnostic runbook engine for Linux hosts.
//!
//! The modules stand in layer order: each uses only those above it.

// What `clippy.toml` forbids is forbidden here; tests stage their own hosts and may do more.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod abreast;
pub mod embedded;
pub mod glyphs;
pub mod printable;
pub mod suggest;
pub mod units;

pub mod bounded_json;

pub mod case;

pub mod redact;

pub mod archive;
pub mod sys;

pub mod fleet;
pub mod probe;
pub mod report;
pub mod ticket;

pub mod script;

pub mod runbook;

pub mod engine;

pub mod config;
pub mod testing;
pub mod tool_output;

#[doc(hidden)]
pub mod fuzz;
pub mod generate;

pub mod cli;
