//! The causes that were considered, and what speaks for and against each.

use super::{name, sentence};
use crate::case::{Cause, Diagnosis, Likelihood, Sign, SignSide, Truth, Weight};

/// The causes in three groups, each in the order of the diagnosis.
pub struct Causes {
    /// Likely or certain.
    pub standing: Vec<Considered>,
    /// Possible.
    pub open: Vec<Considered>,
    /// Unlikely or ruled out.
    pub dismissed: Vec<Considered>,
}

/// One cause, with its signs sorted by what they say. Each list has the weightiest sign first.
pub struct Considered {
    /// Its id.
    pub id: String,
    /// What happens.
    pub title: String,
    /// How sure it is.
    pub likelihood: Likelihood,
    /// Signs for it that hold.
    pub speaks_for: Vec<Why>,
    /// Signs against it that hold.
    pub speaks_against: Vec<Why>,
    /// Signs that could not be observed.
    pub unobserved: Vec<Why>,
    /// Signs that do not hold.
    pub absent: Vec<Why>,
}

/// One sign.
pub struct Why {
    /// The side that it speaks for when it holds.
    pub side: SignSide,
    /// How much it counts.
    pub weight: Weight,
    /// The sentence.
    pub say: String,
    /// Why it could not be observed.
    pub gap: Option<String>,
}

impl Causes {
    pub(super) fn of(diagnosis: &Diagnosis) -> Self {
        let group = |belongs: fn(Likelihood) -> bool| {
            diagnosis.causes.iter().filter(|cause| belongs(cause.likelihood)).map(Considered::of).collect()
        };
        Causes {
            standing: group(|likelihood| likelihood >= Likelihood::Likely),
            open: group(|likelihood| likelihood == Likelihood::Possible),
            dismissed: group(|likelihood| likelihood <= Likelihood::Unlikely),
        }
    }

    /// The runbook names no cause.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// All of them, the likeliest group first.
    pub fn all(&self) -> impl Iterator<Item = &Considered> {
        self.standing.iter().chain(&self.open).chain(&self.dismissed)
    }
}

impl Considered {
    fn of(cause: &Cause) -> Self {
        let sorted = |belongs: fn(&Sign) -> bool| {
            let mut signs: Vec<Why> = cause.signs.iter().filter(|sign| belongs(sign)).map(Why::of).collect();
            signs.sort_by_key(|sign| std::cmp::Reverse(sign.weight));
            signs
        };
        let id = name(&cause.id);
        let title = name(&cause.title);
        Considered {
            title: if title.is_empty() { id.clone() } else { title },
            id,
            likelihood: cause.likelihood,
            speaks_for: sorted(|sign| sign.holds == Truth::Yes && sign.side == SignSide::For),
            speaks_against: sorted(|sign| sign.holds == Truth::Yes && sign.side == SignSide::Against),
            unobserved: sorted(|sign| sign.holds == Truth::Unknown),
            absent: sorted(|sign| sign.holds == Truth::No),
        }
    }

    /// How sure it is, for people.
    pub fn likelihood_word(&self) -> String {
        self.likelihood.word().replace('-', " ")
    }

    /// The case has no sign of it.
    pub fn has_no_signs(&self) -> bool {
        [&self.speaks_for, &self.speaks_against, &self.unobserved, &self.absent].into_iter().all(Vec::is_empty)
    }

    /// Why it is as likely as it is, in one clause: of a dismissed cause what speaks against it, of another what speaks
    /// for it, and else how much could not be observed.
    pub fn reason(&self) -> Option<String> {
        let held = if self.likelihood <= Likelihood::Unlikely { &self.speaks_against } else { &self.speaks_for };
        held.first().map(|sign| sign.say.clone()).or_else(|| {
            // Which ones would be conditions, not sentences; why stands where it is said what could not be seen.
            let all = self.speaks_for.len() + self.speaks_against.len() + self.unobserved.len() + self.absent.len();
            let unobserved = self.unobserved.len();
            match all - unobserved {
                _ if unobserved == 0 => None,
                0 => Some("none of its signs could be observed".to_owned()),
                _ => Some(format!("{unobserved} of its {all} signs could not be observed")),
            }
        })
    }
}

impl Why {
    fn of(sign: &Sign) -> Self {
        Why {
            side: sign.side,
            weight: sign.weight,
            say: sentence(&sign.say),
            gap: sign.gaps.first().map(|gap| sentence(&format!("could not {}: {}", gap.tried, gap.why))),
        }
    }

    /// The word for its weight.
    pub fn weight_word(&self) -> &'static str {
        match self.weight {
            Weight::Weak => "weak",
            Weight::Moderate => "moderate",
            Weight::Strong => "strong",
            Weight::Decisive => "decisive",
        }
    }
}
