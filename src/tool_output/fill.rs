//! What an output does not show becomes null, with its path, so that it reads as not seen and never as zero.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::script::{item_schema, properties};

/// Adds the fields of the schema that are not there as null, and returns their paths. A field that is null already says
/// that there is none.
pub(super) fn fill(output: &mut Value, schema: &Value) -> Vec<String> {
    let mut missing = BTreeSet::new();
    descend(output, schema, "", &mut missing);
    missing.into_iter().collect()
}

fn descend(value: &mut Value, schema: &Value, path: &str, missing: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, schema) in properties(schema).into_iter().flatten() {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match fields.get_mut(name) {
                    Some(field) => descend(field, schema, &path, missing),
                    None => {
                        fields.insert(name.clone(), Value::Null);
                        missing.insert(path);
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = item_schema(schema) {
                items.iter_mut().for_each(|item| descend(item, schema, path, missing));
            }
        }
        _ => {}
    }
}
