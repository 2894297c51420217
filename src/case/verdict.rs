//! The five words of judgement.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a step concludes: the Nagios words, plus skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Looked, and fine.
    Ok,
    /// Looked, and worth attention.
    Warning,
    /// Looked, and bad.
    Critical,
    /// Could not look, or could not judge.
    Unknown,
    /// Does not apply here.
    Skipped,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 5] =
        [Verdict::Ok, Verdict::Warning, Verdict::Critical, Verdict::Unknown, Verdict::Skipped];

    /// The word in reports and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Critical => "critical",
            Verdict::Unknown => "unknown",
            Verdict::Skipped => "skipped",
        }
    }

    /// The exit status that stands for it, in the plugin convention of Nagios.
    pub const fn exit_status(self) -> u8 {
        match self {
            Verdict::Ok | Verdict::Skipped => 0,
            Verdict::Warning => 1,
            Verdict::Critical => 2,
            Verdict::Unknown => 3,
        }
    }

    /// How much a verdict outweighs another when a run has several: critical, warning, unknown, ok, skipped.
    pub const fn gravity(self) -> u8 {
        match self {
            Verdict::Skipped => 0,
            Verdict::Ok => 1,
            Verdict::Unknown => 2,
            Verdict::Warning => 3,
            Verdict::Critical => 4,
        }
    }

    /// The gravest of several. A run in which every step was skipped, or none ran, has not looked: unknown.
    pub fn gravest(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        match verdicts.into_iter().max_by_key(|verdict| verdict.gravity()) {
            None | Some(Verdict::Skipped) => Verdict::Unknown,
            Some(verdict) => verdict,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, *};

    #[test]
    fn a_run_that_never_looked_is_unknown() {
        assert_eq!(Verdict::gravest([]), Unknown);
        assert_eq!(Verdict::gravest([Skipped, Skipped]), Unknown);
    }

    #[test]
    fn unknown_outweighs_ok_and_nothing_outweighs_critical() {
        assert_eq!(Verdict::gravest([Ok, Unknown, Skipped]), Unknown);
        assert_eq!(Verdict::gravest([Unknown, Warning]), Warning);
        assert_eq!(Verdict::gravest([Unknown, Critical, Warning]), Critical);
    }
}
