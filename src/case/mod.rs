//! What a case is made of: gaps, evidence, verdicts, findings, causes, remedies, the ledger, and the case itself.
//!
//! Plain data, no behaviour beyond its own meaning: everything here is serialised into the case and read back in a replay.

mod account;
pub mod advice;
mod choice;
mod clock;
mod diagnosis;
mod difference;
mod evidence;
mod finding;
mod fleet;
mod gap;
mod reading;
mod record;
mod redacted;
mod truth;
mod vantage;
mod verdict;

pub use account::{Account, CameBy, Entry, EntryKind, LostOnTheWay, Outbound, Process};
pub use choice::{Choice, FirstLook, Left, Picked};
pub use clock::Clock;
pub use diagnosis::{Cause, Diagnosis, Likelihood, Remedy, Sign, SignSide, Urgency, Weight};
pub use difference::{CauseChange, Changed, Difference, FindingChange, Side, SightChange, Trend};
pub use evidence::{Evidence, Missing, Observed, Typed};
pub use finding::{Coverage, Finding, Said};
pub use fleet::{AbsentHost, Agreed, Agreement, Between, Fleet, FleetCause, FleetHost, Named, Sources, Spread};
pub use gap::{Gap, Reason};
pub use reading::{Reading, Recognised};
pub use record::{CASE_FORMAT, Case, CheckRef, Cost, Host, LocalTime, NoCase, RunbookRef};
pub use redacted::Redacted;
pub use truth::Truth;
pub use vantage::Vantage;
pub use verdict::Verdict;
