//! The absence of evidence, with its reason and how to fix it.

use std::fmt;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::advice;

/// Something that could not be looked at. Never the same as having looked and found nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
pub struct Gap {
    /// What was tried, as a phrase: "read /proc/1423/fd".
    pub tried: String,
    /// The kind of failure.
    pub reason: Reason,
    /// Why it failed, in words; for `denied`, what is missing.
    pub why: String,
    /// How to see it next time.
    #[serde(default, alias = "way_out", skip_serializing_if = "Option::is_none")]
    pub to_fix: Option<String>,
}

/// The kinds of gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The kernel refused: a capability or a permission is missing.
    Denied,
    /// What was looked for does not exist here.
    Absent,
    /// It did not answer by its deadline.
    TimedOut,
    /// It answered something that could not be understood.
    Malformed,
    /// The operator ended the run before it was done.
    Cancelled,
    /// Anything else went wrong.
    Failed,
}

impl Reason {
    /// The word that reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Reason::Denied => "denied",
            Reason::Absent => "absent",
            Reason::TimedOut => "timed out",
            Reason::Malformed => "malformed",
            Reason::Cancelled => "cancelled",
            Reason::Failed => "failed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.tried, self.why)?;
        if let Some(to_fix) = &self.to_fix {
            write!(f, "; {to_fix}")?;
        }
        Ok(())
    }
}

impl Gap {
    /// A gap of a given kind.
    pub fn new(reason: Reason, tried: impl Into<String>, why: impl Into<String>) -> Self {
        Gap { tried: tried.into(), reason, why: why.into(), to_fix: None }
    }

    /// The kernel refused for lack of `capability` ("CAP_NET_RAW").
    pub fn denied(tried: impl Into<String>, capability: &str) -> Self {
        Gap::new(Reason::Denied, tried, format!("it needs {capability}")).to_fix(advice::with_capabilities(capability))
    }

    /// An error of the operating system, sorted into its kind.
    pub fn io(tried: impl Into<String>, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::PermissionDenied => Reason::Denied,
            io::ErrorKind::NotFound => Reason::Absent,
            io::ErrorKind::TimedOut => Reason::TimedOut,
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Reason::Malformed,
            _ => Reason::Failed,
        };
        let gap = Gap::new(reason, tried, error.to_string());
        if reason == Reason::Denied { gap.to_fix(advice::AS_ROOT) } else { gap }
    }

    /// Gaps that are told of one thing.
    pub const MOST: usize = 32;

    /// Adds gaps that are not yet among those, as long as they are not too many.
    pub fn gather(into: &mut Vec<Gap>, more: impl IntoIterator<Item = Gap>) {
        for gap in more {
            if into.len() >= Gap::MOST {
                return;
            }
            if !into.contains(&gap) {
                into.push(gap);
            }
        }
    }

    /// Adds how to see it next time.
    #[must_use]
    pub fn to_fix(mut self, to_fix: impl Into<String>) -> Self {
        self.to_fix = Some(to_fix.into());
        self
    }
}
