//! The engine: plan, observe, judge, weigh, conclude. Data flows one way; progress is a stream of events beside it.

mod checks;
mod conclusion;
mod differential;
mod execute;
mod first_look;
mod foresee;
mod judge;
mod literal;
mod observer;
mod parameters;
mod plan;
mod probe_threads;
mod progress;
mod remedy;
mod request;
mod run;
mod script_probe_bridge;
mod secret;
mod step_result;
mod trace;
mod trim;
mod wait;

pub use first_look::{LookedBefore, Shown, Suspicion, first_look, shown};
pub use foresee::{Foreseen, Foresight, foresee};
pub use literal::{Literal, LiteralEvidence, Unanswered};
pub use observer::{Live, Observer, OnEvidence, ProbeRequest, Recorded, derive, observe_one};
pub use parameters::{ResolvedParams, resolve_params};
pub use plan::{Plan, PlannedStep, plan};
pub use probe_threads::ProbeThreads;
pub use progress::{Event, Progress};
pub use request::{Provenance, ReadingOf, Record, Request, RunError};
pub use run::{run, run_traced};
pub use script_probe_bridge::ScriptProbeBridge;
pub use secret::Secrets;
pub use trace::Trace;
pub use trim::{most_evidence, trim};
