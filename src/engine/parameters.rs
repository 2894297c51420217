//! The parameters of a run: checked before anything is asked, and what a case keeps of them.

use serde_json::{Map, Value, json};

use super::secret::{Secrets, stand_in};
use crate::case::Case;
use crate::runbook::{BadParam, Runbook};
use crate::suggest::Suggestion;

/// The parameters of a run, resolved once.
#[derive(Clone)]
pub struct ResolvedParams {
    /// The secrets among them.
    pub secrets: Secrets,
    /// All parameters, with stand-ins for secrets; null for one that was not given and has no default.
    pub all: Map<String, Value>,
    /// The parameters as they were given, with stand-ins for secrets.
    pub given: Map<String, Value>,
}

/// Reads the parameters that were given, and fills in the defaults of the others.
pub fn resolve_params(runbook: &Runbook, given: &Map<String, Value>) -> Result<ResolvedParams, BadParam> {
    let mut all = check_params(runbook, given)?;
    let secrets = Secrets::take(runbook, &mut all);
    Ok(ResolvedParams { secrets, all, given: shown(runbook, given) })
}

impl ResolvedParams {
    /// The parameters of a record, some of which are set anew. What was given is what somebody typed, then or now: it stands as
    /// it was typed, so that the same command is advised again. Another runbook may call something else by the same name: it gets
    /// what was typed, as far as it can have it, and its own defaults.
    pub fn again(runbook: &Runbook, recorded: &Case, set: Map<String, Value>) -> Result<Self, BadParam> {
        let is_same = runbook.name == recorded.runbook.name;
        let is_meant = |(name, value): &(&String, &Value)| {
            let Some(spec) = runbook.params.get(*name) else { return false };
            is_same || (recorded.given.contains_key(*name) && spec.read(name, value).is_ok())
        };
        let known = recorded.params.iter().filter(is_meant);
        let mut params: Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        params.extend(set.clone());
        let mut resolved = resolve_params(runbook, &params)?;
        let mut typed = std::mem::take(&mut resolved.given);
        typed.retain(|name, _| recorded.given.contains_key(name) || set.contains_key(name));
        for (name, given) in &recorded.given {
            let Some(value) = typed.shift_remove(name) else { continue };
            resolved.given.insert(name.clone(), if set.contains_key(name) { value } else { given.clone() });
        }
        resolved.given.extend(typed);
        Ok(resolved)
    }

    /// All parameters that have a value, as a case records them.
    pub fn recorded(&self) -> Map<String, Value> {
        self.all
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The parameters as expressions see them: one that was not given and has no default is false, so that `params.x` can be
    /// asked for.
    pub(super) fn visible(&self) -> Map<String, Value> {
        let seen = |value: &Value| if value.is_null() { json!(false) } else { value.clone() };
        self.all.iter().map(|(name, value)| (name.clone(), seen(value))).collect()
    }
}

fn check_params(runbook: &Runbook, given: &Map<String, Value>) -> Result<Map<String, Value>, BadParam> {
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

/// Parameters as the case records them: secrets are left out.
fn shown(runbook: &Runbook, params: &Map<String, Value>) -> Map<String, Value> {
    params
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let secret = runbook.params.get(name).is_some_and(|spec| spec.secret);
            (name.clone(), if secret { json!(stand_in(name)) } else { value.clone() })
        })
        .collect()
}
