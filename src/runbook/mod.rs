//! Runbooks: the document, its checks, its parameters, and where runbooks are found.

mod check;
mod document;
mod fields;
mod library;
mod model;
mod params;
mod place;
mod problem;
mod yaml;

pub use check::load;
pub use document::schema;
pub use library::{Found, NotFound, embedded, find, list};
pub use model::{Argument, Binding, CausePlan, Outcome, RemedyPlan, Runbook, SignPlan, Step};
pub use params::{BadParam, ParamSpec, ParamType};
pub use problem::{Problem, Problems};
