//! What tests are about.

use std::sync::Arc;

use crate::runbook::Check;

/// What is tested.
#[derive(Debug)]
pub enum Subject {
    /// A check.
    Check(Arc<Check>),
    /// A runbook.
    Runbook,
}
