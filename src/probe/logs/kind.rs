//! What kind of log a line is from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What programs hand to the logger: each line names the program that wrote it.
    Syslog,
    /// The kernel's own log, as dmesg shows it.
    Kernel,
    /// Requests to a web server: address, status and bytes are the server's words, the rest is the client's.
    Access,
    /// The log of one application, in a form of its own.
    Application,
}
