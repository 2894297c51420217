//! Evidence that takes more memory than its share of what the run may take: its largest lists end earlier, with a note.

use std::mem::size_of;

use serde_json::Value;

use crate::case::{Evidence, Typed};
use crate::units;

/// The part of the run's memory that the evidence of one probe may take: it is held as values, as text when it is written,
/// and by Lua as far as somebody looks at it.
const PART: u64 = 16;
/// What a key of an object costs beside its text and its value.
const KEY_BYTES: u64 = 48;

/// What the evidence of one probe may take of the memory that a run may take, both in bytes.
pub fn most_evidence(memory_bytes: u64) -> u64 {
    memory_bytes / PART
}

/// Shortens the largest lists until the evidence takes no more than its share of `memory_bytes`.
pub fn trim(evidence: &mut Evidence, memory_bytes: u64) {
    let most = most_evidence(memory_bytes);
    let Some(output) = &mut evidence.output else { return };
    let mut taken = bytes(output);
    while taken > most {
        let Some((path, list)) = largest(output, String::new()).filter(|(_, list)| list.len() > 1) else { return };
        let (before, of_list) = (list.len(), list.iter().map(bytes).sum::<u64>());
        let room = most.saturating_sub(taken - of_list);
        let kept = ((before as u64).saturating_mul(room) / of_list.max(1)).clamp(1, before as u64 - 1) as usize;
        list.truncate(kept);
        evidence.typed = Typed::default();
        evidence.loss.push(format!(
            "only the first {kept} of {before} `{path}` are kept: all of them take more memory than this run may \
             (--max-memory {})",
            units::bytes(memory_bytes as f64).replace(' ', "")
        ));
        taken = bytes(output);
    }
}

/// About how much memory an observation takes.
pub(super) fn memory(evidence: &Evidence) -> u64 {
    evidence.output.as_ref().map_or(0, bytes) + bytes(&evidence.params)
}

/// About how much memory a value takes.
fn bytes(value: &Value) -> u64 {
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len() as u64,
        Value::Array(list) => list.iter().map(bytes).sum(),
        Value::Object(object) => object.iter().map(|(key, value)| KEY_BYTES + key.len() as u64 + bytes(value)).sum(),
    };
    size_of::<Value>() as u64 + inside
}

/// The list that takes most memory by itself, not by a list within it, and its path.
fn largest(value: &mut Value, path: String) -> Option<(String, &mut Vec<Value>)> {
    match value {
        Value::Object(object) => {
            let (key, value) = object.iter_mut().max_by_key(|(_, value)| bytes(value))?;
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            largest(value, path)
        }
        Value::Array(list) => {
            // Of a list of few large things one of these is the large one.
            let whole: u64 = list.iter().map(bytes).sum();
            let heaviest = (0..list.len()).max_by_key(|place| bytes(&list[*place]))?;
            let has_list = bytes(&list[heaviest]) > whole / 2 && holds_a_list(&list[heaviest]);
            if has_list { largest(&mut list[heaviest], format!("{path}[{heaviest}]")) } else { Some((path, list)) }
        }
        _ => None,
    }
}

fn holds_a_list(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.len() > 1 || list.iter().any(holds_a_list),
        Value::Object(object) => object.values().any(holds_a_list),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn evidence(output: Value) -> Evidence {
        Evidence {
            probe: "sockets".to_owned(),
            params: Value::Null,
            started: Timestamp::UNIX_EPOCH,
            seconds: 0.0,
            cpu_seconds: None,
            peak_memory_bytes: None,
            output: Some(output),
            gap: None,
            missing: Vec::new(),
            loss: Vec::new(),
            typed: Default::default(),
        }
    }

    #[test]
    fn the_longest_list_ends_earlier_and_the_loss_says_so() {
        let rows: Vec<Value> = (0..10_000).map(|port| json!({ "port": port, "state": "established" })).collect();
        let mut seen = evidence(json!({ "seconds": 3.0, "counts": { "list": [1, 2, 3] }, "connections": rows }));
        trim(&mut seen, 16_000_000);
        let output = seen.output.as_ref().unwrap();
        let kept = output["connections"].as_array().unwrap();
        assert!(bytes(output) <= 1_000_000 && bytes(output) > 900_000, "{} bytes", bytes(output));
        assert_eq!(
            (&kept[0]["port"], &output["counts"]["list"], &output["seconds"]),
            (&json!(0), &json!([1, 2, 3]), &json!(3.0))
        );
        let note = format!("only the first {} of 10000 `connections` are kept", kept.len());
        assert!(
            seen.loss.iter().any(|loss| loss.starts_with(&note) && loss.contains("--max-memory 16.0MB")),
            "{:?}",
            seen.loss
        );
    }

    #[test]
    fn what_is_within_its_share_stays_as_it_is() {
        let whole = evidence(json!({ "connections": [{ "port": 1 }, { "port": 2 }] }));
        let mut seen = whole.clone();
        trim(&mut seen, 128_000_000);
        assert_eq!(seen, whole);
    }

    #[test]
    fn a_list_within_a_list_is_found_and_what_cannot_be_shortened_is_left() {
        let long: Vec<u32> = (0..5_000).collect();
        let mut seen = evidence(json!({ "chains": [{ "name": "INPUT", "rules": long }] }));
        trim(&mut seen, 1_000_000);
        assert!(seen.loss[0].contains("`chains[0].rules`"), "{:?}", seen.loss);
        let mut text = evidence(json!({ "text": "x".repeat(100_000) }));
        trim(&mut text, 1_000);
        assert!(text.loss.is_empty());
    }
}
