//! Runbooks and checks: the documents, how they are checked, their parameters, and where they are found.

mod authorship;
mod bindings;
mod check;
mod complaint;
mod compose;
mod document;
mod fields;
mod library;
mod load;
mod model;
mod params;
mod parts;
mod place;
mod problem;
mod rename;
mod yaml;

pub use authorship::is_shipped;
pub use complaint::{matching, words_in};
pub use compose::{COMPOSED, ParamNames, compose};
pub use document::schema;
pub(crate) use library::tested;
pub use library::{
    Found, Home, Kind, Language, Listed, NotFound, SHIPPED, embedded, embedded_tests, find, list, names, neighbours,
};
pub(crate) use load::load_tests;
pub use load::{
    Summary, declared_params, inspect_found, load, load_check, load_found, load_head, load_recorded, summary,
    wrap_check,
};
pub use model::{
    Argument, Binding, Bound, CausePlan, Check, Each, Figure, Outcome, RemedyPlan, Runbook, SignPlan, Step, Suspect,
    Target,
};
pub use params::{BadParam, ParamSpec, ParamType};
pub use parts::included;
pub(crate) use place::byte_offset;
pub use problem::{Problem, Problems, SourceFile};
pub(crate) use yaml::{Form, problem as yaml_problem};
