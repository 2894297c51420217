//! A case taken apart into members, and put together again.

use serde_json::Value;

use super::manifest::{Form, is_plain};
use super::{Attached, Broken};
use crate::bounded_json;
use crate::case::Case;

/// A member with its content.
pub(super) struct Part {
    pub name: String,
    pub form: Form,
    pub at: Option<String>,
    pub bytes: Vec<u8>,
}

/// Takes a case apart: each step's evidence, the texts of the runbook and of the checks, and the rest.
pub(super) fn take_apart(mut case: Case) -> serde_json::Result<Vec<Part>> {
    let mut parts = Vec::new();
    let evidence = std::mem::take(&mut case.evidence);
    let mut case = serde_json::to_value(case)?;
    if let Some(text) = take_text(&mut case, "/runbook", "text") {
        parts.push(Part {
            name: "runbook.yaml".into(),
            form: Form::Text,
            at: Some("/runbook/text".into()),
            bytes: text,
        });
    }
    for check in keys(&case, "/runbook/checks") {
        let place = format!("/runbook/checks/{}", escaped(&check));
        let folder = format!("checks/{check}");
        if let Some(text) = take_text(&mut case, &place, "text") {
            let name = named(&parts, format!("{folder}.lua"), "lua");
            parts.push(Part { name, form: Form::Text, at: Some(format!("{place}/text")), bytes: text });
        }
        let modules = format!("{place}/modules");
        for module in keys(&case, &modules) {
            if let Some(text) = take_text(&mut case, &modules, &module) {
                let at = Some(format!("{modules}/{}", escaped(&module)));
                let name = named(&parts, format!("{folder}/{module}.lua"), "lua");
                parts.push(Part { name, form: Form::Text, at, bytes: text });
            }
        }
    }
    for (step, evidence) in evidence {
        let name = named(&parts, format!("evidence/{step}.json"), "json");
        let at = Some(format!("/evidence/{}", escaped(&step)));
        parts.push(Part { name, form: Form::Json, at, bytes: bounded_json::in_lines(&evidence)? });
    }
    let bytes = bounded_json::in_lines(&case)?;
    parts.insert(0, Part { name: "case.json".into(), form: Form::Json, at: Some(String::new()), bytes });
    Ok(parts)
}

/// The wished name, unless it is odd or taken: then one with a number.
fn named(parts: &[Part], wished: String, ending: &str) -> String {
    if is_plain(&wished) && parts.iter().all(|part| part.name != wished) {
        return wished;
    }
    let folder = wished.split('/').next().unwrap_or_default();
    format!("{folder}/_{}.{ending}", parts.len())
}

fn keys(case: &Value, place: &str) -> Vec<String> {
    case.pointer(place).and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

fn take_text(case: &mut Value, place: &str, key: &str) -> Option<Vec<u8>> {
    let map = case.pointer_mut(place)?.as_object_mut()?;
    match map.get(key) {
        Some(Value::String(_)) => {}
        _ => return None,
    }
    match map.shift_remove(key) {
        Some(Value::String(text)) => Some(text.into_bytes()),
        _ => None,
    }
}

/// A key as a JSON pointer writes it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Puts a case together again, and what is attached to it.
pub(super) fn put_together(parts: Vec<Part>) -> Result<(Value, Vec<Attached>), Broken> {
    let mut case: Option<Value> = None;
    let mut attached = Vec::new();
    for Part { name, form, at, bytes } in parts {
        let Some(at) = at else {
            attached.push(Attached { name, bytes });
            continue;
        };
        let value = match form {
            // Its values were counted while it was unpacked.
            Form::Json => bounded_json::counted(&bytes).map_err(|_| Broken::member(&name, "is not JSON"))?,
            Form::Text => Value::String(String::from_utf8(bytes).map_err(|_| Broken::member(&name, "is not text"))?),
            Form::Bytes => return Err(Broken::member(&name, "cannot be a part of the case")),
        };
        match &mut case {
            None if at.is_empty() => case = Some(value),
            None => return Err(Broken::Manifest("what the case consists of does not begin with the case".to_owned())),
            Some(_) if !is_named_after(&name, &at) => {
                return Err(Broken::member(&name, "has not the name that its place in the case has"));
            }
            Some(case) => put(case, &at, value).ok_or_else(|| Broken::member(&name, "has no place in the case"))?,
        }
    }
    let case = case.ok_or_else(|| Broken::Manifest("no case is in it".to_owned()))?;
    Ok((case, attached))
}

/// Whether evidence has the name of its step, or one with a number in place of an odd one. The manifest has no digest: a place that was
/// damaged would be that of a step that never was.
fn is_named_after(name: &str, at: &str) -> bool {
    let Some(step) = at.strip_prefix("/evidence/") else { return true };
    let wished = format!("evidence/{}.json", plain_key(step));
    name == wished || (name.starts_with("evidence/_") && !is_plain(&wished))
}

/// A key out of a JSON pointer.
fn plain_key(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// Puts a value where nothing is yet. No part of a case is one of its own fields: what had such a place would be a field that nobody
/// reads.
fn put(case: &mut Value, at: &str, value: Value) -> Option<()> {
    let (place, key) = at.rsplit_once('/').filter(|(place, _)| !place.is_empty())?;
    let key = plain_key(key);
    let map = case.pointer_mut(place)?.as_object_mut()?;
    if map.contains_key(&key) {
        return None;
    }
    map.insert(key, value);
    Some(())
}
