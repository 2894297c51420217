//! A Lua file before it runs.

use super::sandbox::Modules;

/// A Lua file that was read, and where its modules are.
#[derive(Debug, Clone)]
pub struct Script {
    /// Where it was read from.
    pub origin: String,
    /// Its text.
    pub text: String,
    /// Where `require` finds its modules.
    pub modules: Modules,
}
