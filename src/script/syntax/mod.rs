//! The syntax of a Lua script as a tree, for those who look at scripts without running them.
//!
//! Lua itself is the judge of what is a script. This reads what Lua accepts, and has better words and places for what it does
//! not. Operators are not ranked: nobody here asks which of two binds tighter.

mod literal;
mod parser;
mod tree;

pub(super) use literal::{constant, number, text};
pub(super) use parser::{Failure, parse};
pub(super) use tree::{Block, Expression, Form, Function, Item, ItemKey, Name, Statement, Step, StepForm};
