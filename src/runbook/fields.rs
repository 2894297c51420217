//! Whether the names and fields that expressions use exist.

use std::sync::Arc;

use serde_json::Value;

use crate::probe::{self, AnyProbe};
use crate::script::{HELPERS, Helper, NameUse, PathPart, field_schema, instead, is_map, item_schema, properties};
use crate::suggest::Suggestion;

/// What a name can stand for, in one place of a runbook.
pub(super) enum Meaning {
    /// The evidence of a probe. The schema of its result is made when a field of it is asked for.
    Probe(&'static dyn AnyProbe),
    /// Values with the schema of what they have.
    Evidence(Arc<Value>),
    /// The parameters, by name.
    Params(Vec<String>),
    /// A value whose form is not known: a binding.
    Value,
}

/// The names that an expression can use.
pub(super) type Names = Vec<(String, Meaning)>;

/// A name or field that does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misnomer {
    /// What is wrong.
    pub message: String,
    /// The name, and where it stands in the expression.
    pub name: String,
    pub offset: usize,
    /// What was probably meant, or what there is.
    pub help: Option<String>,
}

/// Global names that are neither helpers nor evidence.
const MODULES: &[&str] = &["math", "string", "table"];

/// Whether a name is a helper's or a module's, so that a runbook cannot give it to something else.
pub(super) fn is_built_in(name: &str) -> bool {
    MODULES.contains(&name) || HELPERS.iter().any(|helper| helper.name() == name)
}

/// Checks one use of a name.
pub(super) fn check(used: &NameUse, names: &Names) -> Result<(), Misnomer> {
    let meaning = names.iter().find(|(name, _)| *name == used.name).map(|(_, meaning)| meaning);
    match meaning {
        Some(Meaning::Probe(_)) if used.path.is_empty() => Ok(()),
        Some(Meaning::Probe(probe)) => check_path(used, &probe::output_schema(*probe)),
        Some(Meaning::Evidence(schema)) => check_path(used, schema),
        Some(Meaning::Params(params)) => match used.path.first() {
            Some(PathPart::Field(name, offset)) if params.iter().all(|known| known != name) => Err(Misnomer {
                message: format!("the runbook has no parameter `{name}`"),
                name: name.to_string(),
                offset: *offset,
                help: Suggestion::of(name, params.iter().map(String::as_str)).or_list(),
            }),
            _ => Ok(()),
        },
        Some(Meaning::Value) => Ok(()),
        None if is_built_in(&used.name) => Ok(()),
        None => {
            let all = names
                .iter()
                .map(|(name, _)| name.as_str())
                .chain(HELPERS.iter().map(|helper: &Helper| -> &str { helper.name() }));
            Err(Misnomer {
                message: format!("nothing is named `{}`", used.name),
                name: used.name.to_string(),
                offset: used.offset,
                help: instead(&used.name).map(str::to_owned).or_else(|| Suggestion::of(&used.name, all).or_list()),
            })
        }
    }
}

/// Follows the path through the schema of a probe's result.
fn check_path(used: &NameUse, schema: &Value) -> Result<(), Misnomer> {
    let mut schema = schema;
    let mut path = used.name.to_string();
    for part in &used.path {
        match part {
            PathPart::Index => {
                let Some(items) = item_schema(schema) else { return Ok(()) };
                schema = items;
                path.push_str("[…]");
            }
            PathPart::Field(name, offset) => {
                if let Some(field) = field_schema(schema, name) {
                    schema = field;
                    path = format!("{path}.{name}");
                    continue;
                }
                let Some(fields) = properties(schema) else {
                    // The schema leaves the form open, or a plain value is indexed: Lua will tell.
                    return if is_map(schema) || schema.as_bool() == Some(true) {
                        Ok(())
                    } else {
                        no_fields(&path, name, *offset, schema)
                    };
                };
                return Err(Misnomer {
                    message: format!("{path} has no field `{name}`"),
                    name: name.to_string(),
                    offset: *offset,
                    help: Suggestion::of(name, fields.keys().map(String::as_str)).or_list(),
                });
            }
        }
    }
    Ok(())
}

fn no_fields(path: &str, name: &str, offset: usize, schema: &Value) -> Result<(), Misnomer> {
    let is_list = item_schema(schema).is_some();
    Err(Misnomer {
        message: format!("{path} is {}, it has no field `{name}`", if is_list { "a list" } else { "a single value" }),
        name: name.to_owned(),
        offset,
        help: is_list.then(|| format!("take an item: first({path}, {{…}}).{name}")),
    })
}
