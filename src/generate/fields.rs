//! JSON schemas for people: what type a value has, and which fields.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::script::{field_schema, is_map, item_schema, properties};
use crate::units;

/// How deep fields are explained.
const DEPTH: usize = 8;
/// An object with fewer fields than this is explained again wherever it stands.
const WORTH_A_REFERENCE: usize = 4;

/// The description in a schema, on one line.
pub(super) fn description(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The name of the definition that a schema refers to: `StepDocument`.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    let direct = schema.get("$ref").and_then(Value::as_str);
    let one_of = || {
        let choices = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        choices.filter_map(|choice| choice.get("$ref")).find_map(Value::as_str)
    };
    direct.or_else(one_of)?.strip_prefix("#/$defs/")
}

/// The words that a value can be, each with its meaning; none where it can be anything else.
pub(super) fn choices(schema: &Value) -> Option<Vec<(&str, String)>> {
    let listed = schema.get("oneOf").and_then(Value::as_array)?;
    listed.iter().map(|choice| Some((choice.get("const")?.as_str()?, description(choice)))).collect()
}

/// The type of a value in a word or two, and whether it may be absent.
pub(super) fn kind(schema: &Value) -> String {
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let null_choice = |choice: &Value| choice.get("type").and_then(Value::as_str) == Some("null");
    let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array());
    let optional = names.contains(&"null") || alternatives.is_some_and(|all| all.iter().any(null_choice));
    let only = alternatives.and_then(|all| all.iter().find(|choice| !null_choice(choice)));
    let mut words = match (schema.get("format").and_then(Value::as_str), names.first()) {
        (Some("span"), _) => "span of time".to_owned(),
        (Some("bitrate"), _) => "bit rate".to_owned(),
        (Some(quantity @ ("size" | "share")), _) => quantity.to_owned(),
        (_, _) if choices(schema).is_some() => "word".to_owned(),
        (_, None) if optional => only.map(kind).unwrap_or_default(),
        (_, None) => String::new(),
        (_, Some(&"array")) => match item_schema(schema).map(kind).as_deref() {
            None | Some("" | "fields" | "word") => "list".to_owned(),
            Some(item) => format!("list of {item}s"),
        },
        (_, Some(&"object")) if is_map(schema) => "map".to_owned(),
        (_, Some(&"object")) => "fields".to_owned(),
        (_, Some(&"string")) => "text".to_owned(),
        (_, Some(&"integer")) => "whole number".to_owned(),
        (_, Some(&"boolean")) => "yes or no".to_owned(),
        (_, Some(other)) => (*other).to_owned(),
    };
    if optional && !words.is_empty() {
        words.push_str(", or none");
    }
    words
}

/// A default as it would be typed.
pub(super) fn default(schema: &Value, value: &Value) -> Option<String> {
    let format = schema.get("format").and_then(Value::as_str);
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Object(fields) if fields.is_empty() => None,
        Value::Number(number) => match (format, number.as_f64()) {
            (Some("span"), Some(seconds)) => Some(units::span(seconds).replace(' ', "")),
            (Some("size"), Some(bytes)) if bytes % 1_048_576.0 == 0.0 => Some(format!("{}MiB", bytes / 1_048_576.0)),
            (Some("bitrate"), Some(rate)) => Some(units::bitrate(rate).replace(' ', "")),
            _ => Some(number.to_string()),
        },
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Writes the fields of a result as nested lists. Fields that were explained before are referred to.
#[derive(Default)]
pub(super) struct FieldList {
    page: String,
    explained: Vec<(Map<String, Value>, String)>,
}

impl FieldList {
    /// The fields of the schema as nested lists.
    pub fn of(schema: &Value) -> String {
        let mut list = FieldList::default();
        list.fields(schema, "", 0);
        list.page
    }

    fn fields(&mut self, schema: &Value, path: &str, depth: usize) {
        for (name, field) in properties(schema).into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.field(name, &path, field, depth);
        }
    }

    fn field(&mut self, name: &str, path: &str, field: &Value, depth: usize) {
        let item = item_schema(field);
        let inside = item.unwrap_or(field);
        let value = is_map(inside).then(|| field_schema(inside, "")).flatten();
        let mark = if item.is_some() { "[]" } else { "" };
        let kind = kind(field);
        let kind = if kind.is_empty() { kind } else { format!(" ({kind})") };
        let indent = "  ".repeat(depth);
        // Writing to a text cannot fail.
        let _ = writeln!(self.page, "{indent}- `{name}{mark}`{kind}: {}", description(field));
        for (word, meaning) in choices(inside).into_iter().flatten() {
            let _ = writeln!(self.page, "{indent}  - `{word}`: {meaning}");
        }
        if depth >= DEPTH {
            return;
        }
        match value {
            Some(value) if properties(value).is_some() => self.field("NAME", &format!("{path}.NAME"), value, depth + 1),
            _ => self.inside(inside, path, depth + 1),
        }
    }

    fn inside(&mut self, schema: &Value, path: &str, depth: usize) {
        let Some(fields) = properties(schema) else { return };
        if let Some((_, before)) = self.explained.iter().find(|(explained, _)| explained == fields) {
            let _ = writeln!(self.page, "{}- the same fields as `{before}`", "  ".repeat(depth));
            return;
        }
        if fields.len() >= WORTH_A_REFERENCE {
            self.explained.push((fields.clone(), path.to_owned()));
        }
        self.fields(schema, path, depth);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_said_in_words() {
        assert_eq!(kind(&json!({"type": ["integer", "null"]})), "whole number, or none");
        assert_eq!(kind(&json!({"type": "array", "items": {"type": "string"}})), "list of texts");
        assert_eq!(kind(&json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]})), "yes or no, or none");
        assert_eq!(kind(&json!({"type": ["string", "number"], "format": "span"})), "span of time");
        assert_eq!(kind(&json!({"oneOf": [{"const": "a"}, {"const": "b"}]})), "word");
    }

    #[test]
    fn defaults_read_as_they_are_typed() {
        let span = json!({"type": ["string", "number"], "format": "span"});
        assert_eq!(default(&span, &json!(900.0)).as_deref(), Some("15min"));
        let size = json!({"type": ["string", "number"], "format": "size"});
        assert_eq!(default(&size, &json!(16_777_216)).as_deref(), Some("16MiB"));
        assert_eq!(default(&json!({"type": "string"}), &json!("auto")).as_deref(), Some("auto"));
        assert_eq!(default(&json!({"type": "array"}), &json!([])), None);
    }

    #[test]
    fn fields_that_were_explained_are_referred_to() {
        let link = json!({"type": "object", "properties": {"a": {"type": "string", "description": "A."}, "b": {}, "c": {}, "d": {}}});
        let list = FieldList::of(&json!({"properties": {"first": link, "more": {"type": "array", "items": link}}}));
        assert_eq!(list.matches("`a` (text): A.").count(), 1);
        assert!(list.contains("- `more[]` (list): \n  - the same fields as `first`"), "{list}");
    }
}
