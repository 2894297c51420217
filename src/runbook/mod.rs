//! Runbooks and checks: the documents, how they are checked, their parameters, and where they are found.

mod authorship;
mod check;
mod document;
mod fields;
mod library;
mod load;
mod model;
mod params;
mod place;
mod problem;
mod yaml;

pub use authorship::is_shipped;
pub use document::schema;
pub(crate) use library::tested;
pub use library::{Found, Kind, Language, Listed, NotFound, SHIPPED, embedded, embedded_tests, find, list};
pub(crate) use load::load_tests;
pub use load::{Summary, around, load, load_check, load_found, load_recorded, summary};
pub use model::{Argument, Binding, CausePlan, Check, Outcome, RemedyPlan, Runbook, SignPlan, Step, Target};
pub use params::{BadParam, ParamSpec, ParamType};
pub(crate) use place::byte_offset;
pub use problem::{Problem, Problems};
pub(crate) use yaml::{Form, problem as yaml_problem};
