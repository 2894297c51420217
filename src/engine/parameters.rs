//! The parameters of a run: checked before anything is asked, and what a case keeps of them.

use serde_json::{Map, Value, json};

use super::run::RunError;
use super::secret::{Secrets, stand_in};
use crate::runbook::{BadParam, Runbook};
use crate::suggest::Suggestion;

/// The parameters of a run as a case records them.
pub struct ResolvedParams {
    /// The secrets among them.
    pub secrets: Secrets,
    /// All parameters.
    pub params: Map<String, Value>,
    /// The parameters as they were given.
    pub given: Map<String, Value>,
}

/// Checks parameters as a run would.
pub fn resolve_params(runbook: &Runbook, given: &Map<String, Value>) -> Result<ResolvedParams, RunError> {
    let mut params = check_params(runbook, given)?;
    let secrets = Secrets::take(runbook, &mut params);
    Ok(ResolvedParams { secrets, params: shown(runbook, &params), given: shown(runbook, given) })
}

pub(super) fn check_params(runbook: &Runbook, given: &Map<String, Value>) -> Result<Map<String, Value>, BadParam> {
    for name in given.keys() {
        if !runbook.params.contains_key(name) {
            let help = Suggestion::of(name, runbook.params.keys().map(String::as_str)).or_none();
            return Err(BadParam::Unknown { name: name.clone(), help });
        }
    }
    let mut params = Map::new();
    for (name, spec) in &runbook.params {
        let value = match given.get(name) {
            // A case holds the stand-in of a secret; judging it again needs no more.
            Some(value) if spec.secret && value.as_str() == Some(stand_in(name).as_str()) => value.clone(),
            Some(value) => spec.read(name, value)?,
            None if spec.required => return Err(BadParam::Missing { name: name.clone(), help: spec.help.clone() }),
            None => spec.default.clone().unwrap_or(Value::Null),
        };
        params.insert(name.clone(), value);
    }
    Ok(params)
}

/// Parameters as expressions see them: one that was not given and has no default is false, so that `params.x` can be
/// asked for.
pub(super) fn visible(params: &Map<String, Value>) -> Map<String, Value> {
    params
        .iter()
        .map(|(name, value)| (name.clone(), if value.is_null() { json!(false) } else { value.clone() }))
        .collect()
}

/// Parameters as the case records them: secrets are left out.
pub(super) fn shown(runbook: &Runbook, params: &Map<String, Value>) -> Map<String, Value> {
    params
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let secret = runbook.params.get(name).is_some_and(|spec| spec.secret);
            (name.clone(), if secret { json!(stand_in(name)) } else { value.clone() })
        })
        .collect()
}
