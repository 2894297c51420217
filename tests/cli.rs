//! The command line, by running the binary as an operator would: right and wrong input, and what comes of each.

#[path = "cli/archives.rs"]
mod archives;
#[path = "cli/bounds.rs"]
mod bounds;
#[path = "cli/captures.rs"]
mod captures;
#[path = "cli/checks.rs"]
mod checks;
#[path = "cli/command.rs"]
mod command;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/kept.rs"]
mod kept;
#[path = "cli/lint.rs"]
mod lint;
#[path = "cli/lint_lua.rs"]
mod lint_lua;
mod netns;
#[path = "cli/parameters.rs"]
mod parameters;
#[path = "cli/parts.rs"]
mod parts;
#[path = "cli/privileges.rs"]
mod privileges;
#[path = "cli/probes.rs"]
mod probes;
#[path = "cli/prompt.rs"]
mod prompt;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/testing.rs"]
mod testing;
#[path = "cli/unfinished.rs"]
mod unfinished;
#[path = "cli/usage.rs"]
mod usage;
