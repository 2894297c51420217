//! How names become known to a scope, and how what they stand for is worked out when one of them is first used.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mlua::Value as LuaValue;
use serde_json::Value;

use super::names::{Later, Root, locked};
use super::{Judged, Scope, Unknown, failure};
use crate::case::{Evidence, Gap, Reason, Truth};
use crate::script::condition::Condition;
use crate::script::evidence::Converter;
use crate::script::expression::Expression;

/// How many names may hide behind one another's parameters.
const DEEPEST: usize = 32;

impl Scope {
    /// Makes evidence known under a step's id. `schema` describes its output.
    pub fn set_evidence(&self, name: &str, evidence: Arc<Evidence>, schema: Option<Arc<Value>>) {
        locked(&self.roots).insert(name.to_owned(), Root::Evidence { evidence, schema, converted: None });
    }

    /// Makes a value known under a name.
    pub fn set_value(&self, name: &str, value: Result<Value, Unknown>) {
        let root = match value {
            Ok(value) => self.root_of(name, &value),
            Err(unknown) => Root::Unknown(unknown.gaps),
        };
        locked(&self.roots).insert(name.to_owned(), root);
    }

    fn root_of(&self, name: &str, value: &Value) -> Root {
        match Converter::new(&self.lua).and_then(|c| c.convert(&self.lua, value, None, name, &|_| false)) {
            Ok(value) => Root::Value(value),
            Err(error) => Root::Unknown(vec![failure(name, &error)]),
        }
    }

    /// Makes the value of an expression known under a name, without a way through JSON. It is worked out when the name is first used.
    pub fn set_expression(&self, name: &str, expression: &Expression) {
        self.set_later(name, Later::Value(expression.clone()));
    }

    /// Makes what a condition comes to known under a name: yes, no, or unknown for the same reasons. It is judged when the name is
    /// first used.
    pub fn set_fact(&self, name: &str, condition: &Condition) {
        self.set_later(name, Later::Fact(condition.clone()));
    }

    /// Makes a table known under a name, of the values that are known when it is first used.
    pub fn set_table(&self, name: &str, fields: Vec<(String, Expression)>) {
        self.set_later(name, Later::Table(fields));
    }

    fn set_later(&self, name: &str, later: Later) {
        locked(&self.roots).insert(name.to_owned(), Root::Later(later));
    }

    /// Works out what a name stands for, if nobody has yet, and before it what that uses: one after another, however many hang on each
    /// other.
    pub(super) fn settle(&self, name: &str) {
        if !matches!(locked(&self.roots).get(name), Some(Root::Later(_))) {
            return;
        }
        let mut open = vec![name.to_owned()];
        let mut seen = HashSet::from([name.to_owned()]);
        while let Some(last) = open.last() {
            let before: Vec<String> = {
                let roots = locked(&self.roots);
                let is_later = |name: &&str| matches!(roots.get(*name), Some(Root::Later(_)));
                let used = match roots.get(last.as_str()) {
                    Some(Root::Later(later)) => later.uses(),
                    _ => Vec::new(),
                };
                let new = used.into_iter().filter(is_later).filter(|name| seen.insert((*name).to_owned()));
                new.map(str::to_owned).collect()
            };
            if !before.is_empty() {
                open.extend(before);
            } else if let Some(name) = open.pop() {
                self.work_out(&name);
            }
        }
    }

    /// Works out what a name stands for. Until then it is not known: what uses itself, which no checked runbook has, ends there.
    fn work_out(&self, name: &str) {
        let later = {
            let mut roots = locked(&self.roots);
            let Some(root @ Root::Later(_)) = roots.get_mut(name) else { return };
            let itself =
                Gap::new(Reason::Failed, format!("work out `{name}`"), "it uses itself, or hangs on too many others");
            match std::mem::replace(root, Root::Unknown(vec![itself])) {
                Root::Later(later) => later,
                _ => return,
            }
        };
        if self.depth.fetch_add(1, Ordering::Relaxed) < DEEPEST {
            let root = self.worked_out(later, name);
            locked(&self.roots).insert(name.to_owned(), root);
        }
        self.depth.fetch_sub(1, Ordering::Relaxed);
    }

    fn worked_out(&self, later: Later, name: &str) -> Root {
        match later {
            Later::Value(expression) => match self.evaluate(&expression) {
                Ok(value) => Root::Value(value),
                Err(unknown) => Root::Unknown(unknown.gaps),
            },
            Later::Fact(condition) => {
                let Judged { truth, gaps } = self.judge(&condition);
                match truth {
                    Truth::Yes => Root::Value(LuaValue::Boolean(true)),
                    Truth::No => Root::Value(LuaValue::Boolean(false)),
                    Truth::Unknown => Root::Unknown(gaps),
                }
            }
            Later::Table(fields) => {
                let table = self.table(fields.iter().map(|(name, value)| (name.as_str(), value)));
                self.root_of(name, &Value::Object(table))
            }
        }
    }

    /// Forgets a name.
    pub fn unset(&self, name: &str) {
        locked(&self.roots).remove(name);
    }
}
