//! The reference of what people write as YAML, out of its schema.

use std::fmt::Write;

use serde_json::Value;

use super::fields::{choices, description, kind, reference};
use crate::script::{field_schema, is_map, item_schema, properties};

/// The page of runbooks.
pub(super) fn runbook_page(schema: &Value) -> String {
    let mut page = format!("# The runbook\n\n{} As YAML; the JSON schema for editors is\n", description(schema));
    page.push_str("[runbook.schema.json](runbook.schema.json). A field that is not listed here is an error.\n\n");
    page.push_str("Conditions and `{{ }}` are [expressions](expressions.md) over `params` and the steps' evidence, whose fields\n");
    page.push_str("[the probes](probes/README.md) describe.\n");
    sections(&mut page, schema);
    page
}

/// The page of tests.
pub(super) fn test_page(schema: &Value) -> String {
    let mut page = format!("# Tests\n\n{} As YAML in a file `NAME.test.yaml`, or\n", description(schema));
    page.push_str(
        "as `return test { … }` with the same fields in a file `NAME.test.lua`; the JSON schema for editors is\n",
    );
    page.push_str("[test.schema.json](test.schema.json). A field that is not listed here is an error.\n");
    sections(&mut page, schema);
    page
}

fn sections(page: &mut String, schema: &Value) {
    table(page, schema);
    for (name, definition) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
        let _ = writeln!(page, "\n## {}\n\n{}", title(name), description(definition));
        match choices(definition) {
            Some(choices) => {
                page.push_str("\n| word | meaning |\n|---|---|\n");
                for (word, meaning) in choices {
                    let _ = writeln!(page, "| `{word}` | {meaning} |");
                }
            }
            None => table(page, definition),
        }
    }
}

/// `StepDocument` is a step.
fn title(definition: &str) -> String {
    let name = definition.strip_suffix("Document").unwrap_or(definition);
    let mut title = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !title.is_empty() {
            title.push(' ');
        }
        title.extend(c.to_lowercase());
    }
    title
}

fn table(page: &mut String, schema: &Value) {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(fields) = properties(schema) else { return };
    page.push_str("\n| field | type | must | default | meaning |\n|---|---|---|---|---|\n");
    for (name, field) in fields {
        let must = if required.contains(&name.as_str()) { "yes" } else { "" };
        let default = match field.get("default") {
            Some(Value::String(text)) if !text.is_empty() => format!("`{text}`"),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => format!("`{value}`"),
            _ => String::new(),
        };
        // A row of a table is one line, and its cells end at bars.
        let meaning = description(field).replace('|', "\\|");
        let _ = writeln!(page, "| `{name}` | {} | {must} | {default} | {meaning} |", kind_of(field));
    }
}

/// The type, with a link where it has a section of its own.
fn kind_of(field: &Value) -> String {
    if let Some(definition) = reference(field) {
        let title = title(definition);
        return format!("[{title}](#{})", title.replace(' ', "-"));
    }
    if let Some(item) = item_schema(field) {
        return format!("list of {}", kind_of(item));
    }
    if is_map(field) {
        let value = field_schema(field, "").map(kind_of).unwrap_or_default();
        return format!("map from names to {value}");
    }
    match kind(field).replace(", or none", "") {
        kind if kind.is_empty() => "any value".to_owned(),
        kind if kind == "fields" => "map from names to any value".to_owned(),
        kind => kind,
    }
}
