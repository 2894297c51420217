//! What must not leave the host: secrets, which are always left out of a case, and addresses, users and host names, which get
//! pseudonyms when the operator asks for it.
//!
//! Secrets go before anything is judged, written or sent: [`evidence`] takes them out of what a probe observed, so that a
//! replay judges the same texts as the run did, and [`secrets`] takes out what is left in the whole case. The rules are
//! data: `rules.toml`; what they are measured by is in `tests/redaction`.

mod address;
#[cfg(test)]
mod corpus;
mod forms;
mod name;
mod originals;
mod pseudonyms;
mod rules;
mod scrub;
mod seal;
mod secret;
mod texts;

pub use originals::{Left, Originals};
pub use pseudonyms::{Kind, Map, NoMap, Pseudonyms};
pub use scrub::scan;

use serde_json::Value;

use crate::case::{Case, Evidence, Redacted};
use scrub::{Counter, Scrubber};
use texts::Place;

/// Takes the secrets out of the case, and notes in it how many are left out of what was observed.
pub fn secrets(case: &mut Case) {
    texts::of_case(case, &mut Scrubber::default());
    // Counted by what stands in their place: a replay of the case finds the same number.
    let mut counter = Counter::default();
    case.evidence.values_mut().for_each(|evidence| texts::of_evidence(evidence, &mut counter));
    case.redacted.secrets = counter.count;
}

/// Takes the secrets out of what was observed.
pub fn evidence(evidence: &mut Evidence) {
    texts::of_evidence(evidence, &mut Scrubber::default());
}

/// Takes the secrets out of a value.
pub fn value(value: &mut Value) {
    texts::of_value(value, Place::Field(""), &mut Scrubber::default());
}

/// How many secrets are still in the case: none, unless it was written by something else.
pub fn remaining(case: &Case) -> u64 {
    let mut scrubber = Scrubber::default();
    texts::of_case(&mut case.clone(), &mut scrubber);
    scrubber.count
}

/// Notes in a case that was judged again what had been redacted in the record: what the record says of itself, which may be the
/// headline of casebook 0.1.
pub fn carry(recorded: &Case, judged: &mut Case) {
    let secrets = judged.redacted.secrets.max(recorded.redacted.secrets);
    judged.redacted = Redacted { secrets, ..recorded.redacted.clone() };
    judged.diagnosis.headlines.extend(recorded.said_redacted().cloned());
}
