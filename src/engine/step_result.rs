//! What came of a step.

use std::sync::Arc;

use super::checks::Checked;
use crate::case::{Evidence, Gap};

/// What came of asking a step.
pub(super) enum StepResult {
    /// It does not apply here.
    Skipped(String),
    /// It could not be asked.
    Unasked(Vec<Gap>),
    /// It was asked.
    Evidence(Arc<Evidence>),
    /// A check was asked.
    Checked(Box<Checked>),
}
