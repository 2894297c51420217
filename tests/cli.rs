//! The command line, by running the binary as an operator would: right and wrong input, and what comes of each.

#[path = "cli/archives.rs"]
mod archives;
#[path = "cli/authors.rs"]
mod authors;
#[path = "cli/bounds.rs"]
mod bounds;
#[path = "cli/captures.rs"]
mod captures;
#[path = "cli/checks.rs"]
mod checks;
#[path = "cli/complete.rs"]
mod complete;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/confined.rs"]
mod confined;
#[path = "cli/diagnose.rs"]
mod diagnose;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/foreign.rs"]
mod foreign;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/limits.rs"]
mod limits;
#[path = "cli/lint.rs"]
mod lint;
#[path = "cli/lint_lua.rs"]
mod lint_lua;
#[path = "cli/manual.rs"]
mod manual;
#[path = "cli/merge.rs"]
mod merge;
#[path = "cli/outlets.rs"]
mod outlets;
#[path = "cli/parameters.rs"]
mod parameters;
#[path = "cli/parts.rs"]
mod parts;
#[path = "cli/piped.rs"]
mod piped;
#[path = "cli/privileges.rs"]
mod privileges;
#[path = "cli/probes.rs"]
mod probes;
#[path = "cli/prompt.rs"]
mod prompt;
#[path = "cli/rights.rs"]
mod rights;
#[path = "cli/rotated.rs"]
mod rotated;
#[path = "cli/scarce.rs"]
mod scarce;
#[path = "cli/screen.rs"]
mod screen;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/situations/mod.rs"]
mod situations;
mod support;
#[path = "cli/testing.rs"]
mod testing;
#[path = "cli/trust.rs"]
mod trust;
#[path = "cli/unfinished.rs"]
mod unfinished;
#[path = "cli/usage.rs"]
mod usage;
#[path = "cli/vantage.rs"]
mod vantage;

use support::command;
