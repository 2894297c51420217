//! What a step will ask for, as far as it can be told before anything was observed.

use serde_json::{Map, Value, json};

use super::parameters::resolve_params;
use super::request::RunError;
use crate::probe::{Right, Use};
use crate::runbook::{Argument, Runbook, Step, Target};
use crate::script::Scope;

/// A parameter of a step before the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Foreseen {
    /// Its value.
    Known(Value),
    /// It is filled from the evidence of these steps, as this is written.
    Derived {
        /// The steps, by id.
        from: Vec<String>,
        /// The expression or text.
        written: String,
    },
    /// Its expression has no value here.
    Wrong(String),
}

/// What a step will ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Foresight {
    /// Its parameters, as far as they are given.
    pub params: Vec<(String, Foreseen)>,
    /// What it does with them.
    pub uses: Vec<Use>,
    /// Rights that its check may ask for with parameters that it chooses itself, each with the probe.
    pub open: Vec<(Right, &'static str)>,
}

impl Foresight {
    /// The rights that are asked for.
    pub fn rights(&self) -> Vec<Right> {
        Right::ALL.into_iter().filter(|right| self.uses.iter().any(|it| it.right == Some(*right))).collect()
    }
}

/// What each step of a runbook will ask for, with these parameters; in the order of the runbook.
pub fn foresee(runbook: &Runbook, given: &Map<String, Value>) -> Result<Vec<Foresight>, RunError> {
    let params = resolve_params(runbook, given)?;
    let scope = Scope::new().map_err(|error| RunError::Lua(error.to_string()))?;
    scope.set_value("params", Ok(Value::Object(params.visible())));
    let is_shipped = runbook.is_shipped();
    Ok(runbook.steps.iter().map(|step| of_step(step, runbook, &scope, is_shipped)).collect())
}

fn of_step(step: &Step, runbook: &Runbook, scope: &Scope, is_shipped: bool) -> Foresight {
    let mut params = Vec::new();
    for (name, argument) in &step.arguments {
        let from = argument.derived_from(&runbook.steps);
        let foreseen = match argument {
            _ if !from.is_empty() => Foreseen::Derived { from, written: argument.written() },
            Argument::Literal(value) => Foreseen::Known(value.clone()),
            Argument::Value(expression) => match scope.value(expression) {
                Ok(value) => Foreseen::Known(value),
                Err(_) => Foreseen::Wrong(argument.written()),
            },
            Argument::Text(template) => match scope.render(template) {
                (text, gaps) if gaps.is_empty() => Foreseen::Known(json!(text)),
                _ => Foreseen::Wrong(argument.written()),
            },
        };
        // As in a run: what was not given leaves the default in place.
        if !matches!(foreseen, Foreseen::Known(Value::Null | Value::Bool(false))) {
            params.push((name.clone(), foreseen));
        }
    }
    let known: Map<String, Value> = params
        .iter()
        .filter_map(|(name, foreseen)| match foreseen {
            Foreseen::Known(value) => Some((name.clone(), value.clone())),
            _ => None,
        })
        .collect();
    let derived: Vec<String> = params
        .iter()
        .filter(|(_, foreseen)| matches!(foreseen, Foreseen::Derived { .. }))
        .map(|(name, _)| name.clone())
        .filter(|_| !is_shipped)
        .collect();
    let (uses, open) = match &step.target {
        Target::Probe(_) => {
            (step.probe().map(|probe| probe.uses(&Value::Object(known), &derived)).unwrap_or_default(), Vec::new())
        }
        Target::Check(check) if check.is_shipped() => (Vec::new(), Vec::new()),
        Target::Check(check) => {
            let probes = check.needs.iter().filter_map(|name| crate::probe::find(name));
            let open = probes.flat_map(|probe| probe.rights().iter().map(|right| (*right, probe.name()))).collect();
            (Vec::new(), open)
        }
    };
    Foresight { params, uses, open }
}
