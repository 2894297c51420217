//! Tests of checks and runbooks: given this evidence, they must say that.
//!
//! A file of tests is read like a runbook, every field of its evidence is held against the probe's schema, each test is run
//! by the engine with an observer that answers from it, and what came of it is compared with what was expected.

mod coverage;
mod document;
mod evidence;
mod expect;
mod faults;
mod find;
mod junit;
mod node;
mod read;
mod show;
mod subject;
mod trial;

pub use coverage::{Coverage, Part};
pub use document::schema;
pub use expect::Difference;
pub use find::{Source, by_name, in_folder, in_places, of_file, shipped};
pub use junit::junit;
pub use read::{Test, TestFile, read};
pub use show::{Shown, failures, line, summary};
pub use subject::Subject;
pub use trial::{Trial, run};
