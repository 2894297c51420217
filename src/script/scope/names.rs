//! The names that expressions can use: evidence that is converted, and values and facts that are worked out, when they are first used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::{Lua, Value as LuaValue};
use serde_json::Value;

use crate::case::{Evidence, Gap};
use crate::script::condition::Condition;
use crate::script::evidence::{Converter, NotKnown};
use crate::script::expression::Expression;
use crate::script::vocabulary::HELPERS;
use crate::suggest::Suggestion;

/// A name that expressions can use.
pub(super) enum Root {
    /// Evidence that is converted when it is first used.
    Evidence { evidence: Arc<Evidence>, schema: Option<Arc<Value>>, converted: Option<LuaValue> },
    /// What is worked out when it is first used: of a runbook's values and facts, most are asked for by no cause that is weighed.
    Later(Later),
    /// A value; nil is a value too.
    Value(LuaValue),
    /// A value that could not be told.
    Unknown(Vec<Gap>),
}

/// A name was met that stands for something that is not worked out yet.
#[derive(Debug, thiserror::Error)]
#[error("{name} is not worked out yet")]
pub(super) struct Unsettled {
    pub name: String,
}

/// The name, when that is what an error says.
pub(super) fn unsettled(error: &mlua::Error) -> Option<&Unsettled> {
    match error {
        mlua::Error::CallbackError { cause, .. } => unsettled(cause),
        mlua::Error::WithContext { cause, .. } => unsettled(cause),
        other => other.downcast_ref(),
    }
}

/// What a name stands for that was not asked for yet.
pub(super) enum Later {
    /// The value of an expression.
    Value(Expression),
    /// What a condition comes to.
    Fact(Condition),
    /// A table of what is known of these.
    Table(Vec<(String, Expression)>),
}

impl Later {
    /// The names that it uses.
    pub(super) fn uses(&self) -> Vec<&str> {
        fn of(expression: &Expression) -> impl Iterator<Item = &str> {
            expression.uses().iter().map(|used| used.name.as_str())
        }
        match self {
            Later::Value(expression) => of(expression).collect(),
            Later::Fact(condition) => condition.atoms().into_iter().flat_map(of).collect(),
            Later::Table(fields) => fields.iter().flat_map(|(_, expression)| of(expression)).collect(),
        }
    }
}

pub(super) type Roots = Arc<Mutex<HashMap<String, Root>>>;

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `listeners[3].process` as probes name it in their gaps: `listeners.process`.
pub(super) fn without_indices(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

pub(super) fn look_up(lua: &Lua, converter: &Converter, roots: &Roots, name: &str) -> mlua::Result<LuaValue> {
    let mut roots = locked(roots);
    match roots.get_mut(name) {
        Some(Root::Value(value)) => Ok(value.clone()),
        Some(Root::Later(_)) => Err(mlua::Error::external(Unsettled { name: name.to_owned() })),
        Some(Root::Unknown(_)) => Err(mlua::Error::external(NotKnown { path: name.to_owned() })),
        Some(Root::Evidence { evidence, schema, converted }) => {
            let Some(output) = &evidence.output else {
                return Err(mlua::Error::external(NotKnown { path: name.to_owned() }));
            };
            if let Some(value) = converted {
                return Ok(value.clone());
            }
            let rest = |path: &str| without_indices(path.get(name.len() + 1..).unwrap_or_default());
            let has_gap = |path: &str| !evidence.missing.is_empty() && evidence.gap_at(&rest(path)).is_some();
            let value = converter.convert(lua, output, schema.as_deref(), name, &has_gap)?;
            *converted = Some(value.clone());
            Ok(value)
        }
        None => {
            let mut names: Vec<&str> = roots.keys().map(String::as_str).collect();
            for helper in HELPERS {
                names.push(helper.name());
            }
            Err(mlua::Error::runtime(Suggestion::of(name, names).behind(&format!("nothing is named `{name}`"))))
        }
    }
}
