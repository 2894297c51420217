//! How right the clock of a host is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a kernel says of its own clock (`adjtimex`): how far the moments of a case can be held against those of other hosts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// Something keeps it by a time source (`STA_UNSYNC` is not set).
    pub synchronised: bool,
    /// How wrong it is at most by the bookkeeping of what keeps it, in seconds (`maxerror`); none when nothing keeps it.
    pub maximum_error_seconds: Option<f64>,
    /// How wrong it is probably, in seconds (`esterror`); none when nothing keeps it.
    pub estimated_error_seconds: Option<f64>,
}
