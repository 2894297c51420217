//! The engine: plan, observe, judge, weigh, conclude. Data flows one way; progress is a stream of events beside it.

mod asker;
mod checks;
mod differential;
mod judge;
mod observer;
mod plan;
mod progress;
mod run;
mod secret;

pub use asker::Asker;
pub use observer::{Ask, Live, Observer, Recorded, observe_one};
pub use plan::{Plan, PlannedStep, plan};
pub use progress::{Event, Progress};
pub use run::{Request, RunError, run};
pub use secret::Secrets;
