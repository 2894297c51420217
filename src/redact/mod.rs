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
mod printer;
mod pseudonyms;
mod rules;
mod scrub;
mod seal;
mod secret;
mod texts;

pub use originals::{Left, Originals};
pub use printer::{Fields, object};
pub use pseudonyms::{Kind, Map, NoMap, Pseudonyms};
pub use scrub::scan;

use serde_json::Value;

use crate::case::{Case, Evidence, Named};
use name::Names;
use scrub::{Counter, Scrubber};
use texts::{Place, Visitor as _};

/// Takes the secrets out of the case, and notes in it how many are left out of what was observed.
pub fn secrets(case: &mut Case) {
    texts::of_case(case, &mut Scrubber::default());
    count(case);
}

fn count(case: &mut Case) {
    // Counted by what stands in their place: a replay of the case finds the same number, and a record may say more.
    let mut counter = Counter::default();
    case.evidence.values_mut().for_each(|evidence| texts::of_evidence(evidence, &mut counter));
    case.redacted.secrets = case.redacted.secrets.max(counter.count);
}

/// The same, where the secrets were taken out of the evidence before it was judged.
pub fn secrets_concluded(case: &mut Case) {
    let evidence = std::mem::take(&mut case.evidence);
    texts::of_case(case, &mut Scrubber::default());
    case.evidence = evidence;
    count(case);
}

/// Takes the secrets out of what was observed.
pub fn evidence(evidence: &mut Evidence) {
    texts::of_evidence(evidence, &mut Scrubber::default());
}

/// Takes the secrets out of a value.
pub fn value(value: &mut Value) {
    texts::of_value(value, Place::Field(""), &mut Scrubber::default());
}

/// A sentence without its secrets.
pub fn text(mut text: String) -> String {
    Scrubber::default().text(Place::Said, &mut text);
    text
}

/// The most users and hosts of many cases that get pseudonyms together.
pub const MOST_NAMED: usize = 50_000;

/// Adds the users and hosts that a case names, until there are more than [`MOST_NAMED`].
pub fn name_all(case: &mut Case, named: &mut Named) {
    if named.count() <= MOST_NAMED {
        let mut names = Names::known(std::mem::take(named));
        texts::of_case(case, &mut names);
        *named = Named { users: names.users, hosts: names.hosts, domains: names.domains };
    }
}

/// How many secrets are still in the case: none, unless it was written by something else.
pub fn remaining(case: &Case) -> u64 {
    let mut scrubber = Scrubber::default();
    texts::of_case(&mut case.clone(), &mut scrubber);
    scrubber.count
}
