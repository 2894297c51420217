//! What the fields of a probe's result are called: all that conditions need to know of its schema.
//!
//! To make a schema takes milliseconds, which a run has no use for. So the names stand in `outlines.txt`, which `casebook
//! generate` writes from the schemas: a line for each probe, its name and the outline as JSON.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::evidence::{field_schema, is_map, item_schema, properties};
use crate::probe::{AnyProbe, PROBES, output_schema};

static OUTLINES: &str = include_str!("outlines.txt");

/// A schema of a probe's result that says no more than which fields there are, what is a list and what a map. Made once.
pub fn outline(probe: &dyn AnyProbe) -> Arc<Value> {
    static READ: Mutex<BTreeMap<&'static str, Arc<Value>>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let written = || {
        let line = OUTLINES.lines().find_map(|line| line.strip_prefix(probe.name())?.strip_prefix(' '))?;
        #[expect(clippy::disallowed_methods, reason = "the text is casebook's own")]
        serde_json::from_str(line).ok().map(Arc::new)
    };
    Arc::clone(read.entry(probe.name()).or_insert_with(|| written().unwrap_or_else(|| output_schema(probe))))
}

/// What `outlines.txt` holds.
pub fn outlines() -> String {
    PROBES.iter().map(|probe| format!("{} {}\n", probe.name(), of(&probe.output_schema().to_value()))).collect()
}

fn of(schema: &Value) -> Value {
    if let Some(item) = item_schema(schema) {
        return json!({ "items": of(item) });
    }
    if is_map(schema) {
        return json!({ "additionalProperties": field_schema(schema, "").map_or_else(|| json!({}), of) });
    }
    let Some(fields) = properties(schema) else { return json!({}) };
    let fields: Map<String, Value> = fields.iter().map(|(name, field)| (name.clone(), of(field))).collect();
    json!({ "properties": fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_says_of_fields_what_the_schema_says() {
        fn same(schema: &Value, outline: &Value) {
            assert_eq!(is_map(schema), is_map(outline));
            let names = |of| properties(of).map(|fields| fields.keys().cloned().collect::<Vec<_>>());
            assert_eq!(names(schema), names(outline));
            for name in names(schema).unwrap_or_default() {
                same(field_schema(schema, &name).unwrap(), field_schema(outline, &name).unwrap());
            }
            match (item_schema(schema), item_schema(outline)) {
                (Some(schema), Some(outline)) => same(schema, outline),
                (of_schema, of_outline) => assert_eq!(of_schema, of_outline),
            }
        }
        for probe in PROBES {
            same(&output_schema(*probe), &outline(*probe));
        }
    }
}
