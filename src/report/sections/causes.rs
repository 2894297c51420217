//! The causes that were considered, and what speaks for and against each.

use std::collections::HashSet;

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
    /// The runbooks that say so, where several were run as one: `[slow-ssh-login]`; else nothing.
    pub from: String,
    /// How sure it is.
    pub likelihood: Likelihood,
    /// Signs for it that hold.
    pub speaks_for: Vec<Why>,
    /// Signs against it that hold.
    pub speaks_against: Vec<Why>,
    /// Signs that hold and have no sentence. A condition is code, and code is no answer.
    pub unsaid: usize,
    /// Why signs could not be observed, each reason once.
    pub unobserved: Vec<Why>,
    /// How many signs could not be observed.
    pub unseen: usize,
    /// How many signs do not hold. A runbook has sentences for what holds, so they are counted.
    pub absent: usize,
}

/// One sign.
pub struct Why {
    /// The side that it speaks for when it holds.
    pub side: SignSide,
    /// How much it counts.
    pub weight: Weight,
    /// The sentence: of a sign that holds its own, of another why it could not be observed.
    pub say: String,
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

    /// How many there are of each kind: `48: 1 likely, 2 possible, 45 dismissed`.
    pub fn counts(&self) -> String {
        let likely = self.standing.iter().filter(|cause| cause.likelihood == Likelihood::Likely).count();
        let kinds = [
            (self.standing.len() - likely, "certain"),
            (likely, "likely"),
            (self.open.len(), "possible"),
            (self.dismissed.len(), "dismissed"),
        ];
        let none = if self.standing.is_empty() { vec!["none likely".to_owned()] } else { Vec::new() };
        let kinds = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}"));
        format!("{}: {}", self.all().count(), none.into_iter().chain(kinds).collect::<Vec<_>>().join(", "))
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
            signs.retain(|sign| !sign.say.is_empty());
            signs.sort_by_key(|sign| std::cmp::Reverse(sign.weight));
            signs
        };
        let count = |holds: Truth| cause.signs.iter().filter(|sign| sign.holds == holds).count();
        let unsaid =
            cause.signs.iter().filter(|sign| sign.holds == Truth::Yes && sentence(&sign.say).is_empty()).count();
        let mut unobserved = sorted(|sign| sign.holds == Truth::Unknown);
        let mut reasons = HashSet::new();
        unobserved.retain(|sign| reasons.insert(sign.say.clone()));
        let id = name(&cause.id);
        let title = name(&cause.title);
        Considered {
            title: if title.is_empty() { id.clone() } else { title },
            from: match cause.runbooks.as_slice() {
                [] => String::new(),
                runbooks => format!("[{}]", name(&runbooks.join(", "))),
            },
            id,
            likelihood: cause.likelihood,
            speaks_for: sorted(|sign| sign.holds == Truth::Yes && sign.side == SignSide::For),
            speaks_against: sorted(|sign| sign.holds == Truth::Yes && sign.side == SignSide::Against),
            unsaid,
            unobserved,
            unseen: count(Truth::Unknown),
            absent: count(Truth::No),
        }
    }

    /// What happens, and which runbook says so.
    pub fn titled(&self) -> String {
        if self.from.is_empty() { self.title.clone() } else { format!("{} {}", self.title, self.from) }
    }

    /// How sure it is, for people.
    pub fn likelihood_word(&self) -> String {
        self.likelihood.word().replace('-', " ")
    }

    /// The case has no sign of it.
    pub fn has_no_signs(&self) -> bool {
        self.all_signs() == 0
    }

    fn all_signs(&self) -> usize {
        self.speaks_for.len() + self.speaks_against.len() + self.unsaid + self.unseen + self.absent
    }

    /// How many signs have no sentence of their own in a report, by what is known of them.
    pub fn left_out(&self) -> Option<String> {
        let unseen = self.unseen.saturating_sub(self.unobserved.len());
        let parts =
            [(self.absent, "not there"), (unseen, "not observable"), (self.unsaid, "there, without a sentence")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {} {what}", if count == 1 { "sign is" } else { "signs are" }))
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Why it is as likely as it is, in one clause: of a dismissed cause what speaks against it, of another what speaks
    /// for it, and else how much could not be observed.
    pub fn reason(&self) -> Option<String> {
        let held = if self.likelihood <= Likelihood::Unlikely { &self.speaks_against } else { &self.speaks_for };
        held.first().map(|sign| sign.say.clone()).or_else(|| {
            // Which ones would be conditions, not sentences; why stands where it is said what could not be seen.
            let (all, unobserved) = (self.all_signs(), self.unseen);
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
            say: match (sign.holds, sign.gaps.first()) {
                (Truth::Yes, _) => sentence(&sign.say),
                (_, Some(gap)) => sentence(&format!("could not {}: {}", gap.tried, gap.why)),
                (_, None) => String::new(),
            },
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
