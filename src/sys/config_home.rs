//! Where users and the system keep what configures casebook.

use std::path::{Path, PathBuf};

/// The folder of the system.
pub const SYSTEM: &str = "/etc/casebook";

/// The folder of the user: `$XDG_CONFIG_HOME/casebook`, or `~/.config/casebook` when that is not set.
pub fn user() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").filter(|config| !config.is_empty()).map(PathBuf::from);
    let usual =
        || std::env::var_os("HOME").filter(|home| !home.is_empty()).map(|home| Path::new(&home).join(".config"));
    named.or_else(usual).map(|config| config.join("casebook"))
}
