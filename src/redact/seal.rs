//! What shows that the pseudonyms of a case are those of a map: only who has its key can make it.

use ring::hmac;

use super::texts::{self, Place, Visitor};
use crate::case::Case;

/// Puts every text that it is shown under the seal.
struct Sealer(hmac::Context);

impl Sealer {
    fn add(&mut self, text: &[u8]) {
        self.0.update(&(text.len() as u64).to_be_bytes());
        self.0.update(text);
    }
}

impl Visitor for Sealer {
    fn text(&mut self, _: Place<'_>, text: &mut String) {
        self.add(text.as_bytes());
    }
}

/// The seal of a case under a key: of which kinds have pseudonyms, and of all texts of the evidence. What is judged from that may
/// be judged again.
pub(super) fn of(case: &Case, key: &hmac::Key) -> String {
    let mut sealer = Sealer(hmac::Context::with_key(key));
    let kinds = [case.redacted.addresses, case.redacted.users, case.redacted.hosts].map(|figure| u8::from(figure > 0));
    sealer.add(b"casebook redaction");
    sealer.add(&kinds);
    for (step, evidence) in &case.evidence {
        sealer.add(step.as_bytes());
        texts::of_evidence(&mut evidence.clone(), &mut sealer);
    }
    sealer.0.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
