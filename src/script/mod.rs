//! The Lua host: conditions, expressions and templates over evidence.
//!
//! An expression is Lua, evaluated in an environment that holds the parameters, the steps' evidence and a few helpers, and
//! nothing of the host. Evidence that is not there makes an expression unknown; `and`, `or` and `not` of a condition follow
//! three-valued logic.

pub mod api;
mod budget;
mod check;
mod command;
mod condition;
mod constants;
mod declare;
mod evidence;
mod expression;
mod json;
mod lexer;
pub mod lint;
mod outline;
pub mod rows;
pub mod sandbox;
mod scope;
mod session;
mod shell;
mod slips;
mod source;
mod syntax;
mod template;
mod verdicts;
mod vocabulary;

pub use check::{Call, CheckFinding, CheckRun, Given, run_check};
pub use condition::Condition;
pub use constants::constants;
pub use declare::{Declaration, Declared, declare};
pub use evidence::{field_schema, is_map, item_schema, properties};
pub use expression::{Care, Expression, NameUse, PathPart};
pub use json::{Bounds, to_json};
pub use lexer::{SyntaxError, is_keyword};
pub use outline::{outline, outlines};
pub use scope::{Judged, Scope, Unknown};
pub use session::{Answer, Question, Shown, session};
pub use slips::instead;
pub use source::Script;
pub use template::Template;
pub use verdicts::verdict_lines;
pub use vocabulary::{Gives, HELPERS, Helper, On, Takes, find as find_helper};
