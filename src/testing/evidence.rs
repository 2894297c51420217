//! Literal evidence held against the schema of its probe: a test must not speak of fields that no probe has.

use serde_json::{Map, Value};
use serde_yaml::Spanned;

use super::faults::Faults;
use super::node::Node;
use super::node::Text;
use crate::script::{field_schema, is_map, item_schema, properties};
use crate::suggest::Suggestion;

/// The value that the node stands for in a probe's output, with null for every field that it does not give.
pub(super) fn fit(node: &Spanned<Node>, schema: &Value, path: &str, faults: &mut Faults<'_>) -> Value {
    if let Some(words) = words(schema) {
        return one_of(node, &words, path, faults);
    }
    match (&node.value, wanted(schema)) {
        (Node::Null, _) => Value::Null,
        (Node::Map(fields), Wanted::Fields | Wanted::Any) => fit_fields(fields, schema, path, faults),
        // Lua does not tell an empty list from an empty map.
        (Node::List(items), Wanted::Fields) if items.is_empty() => fit_fields(&[], schema, path, faults),
        (Node::List(items), Wanted::List | Wanted::Any) => {
            let item_schema = item_schema(schema).unwrap_or(&Value::Null);
            let fitted = items.iter().enumerate().map(|(index, item)| {
                let path = format!("{path}[{}]", index + 1);
                fit(item, item_schema, &path, faults)
            });
            fitted.collect()
        }
        (Node::Flag(flag), Wanted::Flag | Wanted::Any) => Value::Bool(*flag),
        (Node::Text(text), Wanted::Text | Wanted::Any) => Value::String(text.clone()),
        (Node::Number(number), Wanted::Number | Wanted::Any) => Value::Number(number.clone()),
        (Node::Number(number), Wanted::Integer) => {
            let least = schema.get("minimum").and_then(Value::as_f64);
            let whole = number.as_f64().filter(|number| number.fract() == 0.0);
            match whole {
                Some(value) if least.is_some_and(|least| value < least) => {
                    let message = format!("{path} cannot be {number}: it counts something");
                    faults.at(node, message, None);
                }
                Some(_) => {}
                None => faults.at(node, format!("{path} is a whole number, not {number}"), None),
            }
            Value::Number(number.clone())
        }
        (other, wanted) => {
            let help = match (wanted, other) {
                (Wanted::Text, Node::Number(_) | Node::Flag(_)) => Some("write it in quotes".to_owned()),
                _ => None,
            };
            faults.at(node, format!("{path} is {}, not {}", wanted.name(), other.kind()), help);
            Value::Null
        }
    }
}

fn fit_fields(fields: &[(Text, Spanned<Node>)], schema: &Value, path: &str, faults: &mut Faults<'_>) -> Value {
    let known = properties(schema);
    let mut map = Map::new();
    for (name, field) in fields {
        let inside = format!("{path}.{}", name.value);
        match field_schema(schema, &name.value) {
            Some(field_schema) => {
                map.insert(name.value.clone(), fit(field, field_schema, &inside, faults));
            }
            None if known.is_none() => {
                map.insert(name.value.clone(), field.value.value());
            }
            None => faults.name(
                name,
                format!("{path} has no field `{}`", name.value),
                suggestion(&name.value, known.into_iter().flat_map(|known| known.keys())),
            ),
        }
    }
    for name in known.into_iter().flat_map(|known| known.keys()) {
        map.entry(name.as_str()).or_insert(Value::Null);
    }
    Value::Object(map)
}

/// Checks a path of what could not be seen: `connections.process`. Indexes of lists may be there or not.
pub(super) fn path_exists(written: &Text, schema: &Value, probe: &str, faults: &mut Faults<'_>) {
    let mut schema = schema;
    let mut path = probe.to_owned();
    for part in written.value.split('.') {
        let name = part.split('[').next().unwrap_or_default();
        while let Some(item) = item_schema(schema) {
            schema = item;
        }
        let Some(field) = field_schema(schema, name) else {
            let Some(known) = properties(schema) else {
                if !is_map(schema) {
                    faults.name(written, format!("{path} has no fields"), None);
                }
                return;
            };
            let help = suggestion(name, known.keys());
            return faults.name(written, format!("{path} has no field `{name}`"), help);
        };
        schema = field;
        path = format!("{path}.{name}");
    }
}

/// What was probably meant, or what there is.
pub(super) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<String> {
    Suggestion::of(name, known.map(String::as_str)).or_list()
}

/// The form that a value must have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Any,
    Fields,
    List,
    Flag,
    Text,
    Number,
    Integer,
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Wanted::Any => "any value",
            Wanted::Fields => "a mapping",
            Wanted::List => "a list",
            Wanted::Flag => "`true` or `false`",
            Wanted::Text => "a text",
            Wanted::Number => "a number",
            Wanted::Integer => "a whole number",
        }
    }
}

fn wanted(schema: &Value) -> Wanted {
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => {
            let mut others = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            match (others.next(), others.next()) {
                (Some(only), None) => only,
                _ => return Wanted::Any,
            }
        }
        _ if properties(schema).is_some() => "object",
        _ => return Wanted::Any,
    };
    match kind {
        "object" => Wanted::Fields,
        "array" => Wanted::List,
        "boolean" => Wanted::Flag,
        "string" => Wanted::Text,
        "number" => Wanted::Number,
        "integer" => Wanted::Integer,
        _ => Wanted::Any,
    }
}

/// The words that a value must be one of.
fn words(schema: &Value) -> Option<Vec<String>> {
    let word = |choice: &Value| choice.get("const").and_then(Value::as_str).map(str::to_owned);
    if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
        return listed.iter().filter(|word| !word.is_null()).map(|word| word.as_str().map(str::to_owned)).collect();
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return choices.iter().map(word).collect();
    }
    let choices = schema.get("anyOf").and_then(Value::as_array)?;
    let mut present = choices.iter().filter(|choice| choice.get("type").and_then(Value::as_str) != Some("null"));
    present.next().filter(|_| present.next().is_none()).and_then(words)
}

fn one_of(node: &Spanned<Node>, words: &[String], path: &str, faults: &mut Faults<'_>) -> Value {
    match &node.value {
        Node::Null => Value::Null,
        Node::Text(text) if words.contains(text) => Value::String(text.clone()),
        Node::Text(text) => {
            faults.at(node, format!("{path} cannot be `{text}`"), suggestion(text, words.iter()));
            Value::Null
        }
        other => {
            faults.at(node, format!("{path} is a word, not {}", other.kind()), suggestion("", words.iter()));
            Value::Null
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::node::from_yaml;

    fn fitted(schema: &Value, yaml: &str) -> (Value, Vec<String>) {
        let node: Spanned<Node> = from_yaml(yaml).unwrap();
        let mut faults = Faults::new(yaml);
        let value = fit(&node, schema, "probe", &mut faults);
        (value, faults.messages())
    }

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "count": {"type": ["integer", "null"], "minimum": 0},
            "share": {"type": "number"},
            "state": {"oneOf": [{"const": "up"}, {"const": "down"}]},
            "rows": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}, "port": {"type": "integer"}}}},
            "by_name": {"type": "object", "additionalProperties": {"type": "integer"}},
        }})
    }

    #[test]
    fn what_is_not_given_the_host_did_not_say() {
        let (value, faults) = fitted(&schema(), "{count: 3, rows: [{name: a}], by_name: {x: 1}}");
        assert_eq!(faults, [""; 0]);
        let wanted = json!({"count": 3, "rows": [{"name": "a", "port": null}], "by_name": {"x": 1}, "share": null, "state": null});
        assert_eq!(value, wanted);
    }

    #[test]
    fn an_empty_list_is_another_thing_than_none() {
        assert_eq!(fitted(&schema(), "rows: []").0["rows"], json!([]));
        assert_eq!(fitted(&schema(), "rows:").0["rows"], Value::Null);
        // Lua's empty table.
        assert_eq!(fitted(&schema(), "[]").0["count"], Value::Null);
        assert!(fitted(&schema(), "[]").0.is_object());
    }

    #[test]
    fn fields_and_forms_that_the_probe_does_not_have_are_told() {
        let faults = |yaml: &str| fitted(&schema(), yaml).1;
        assert_eq!(faults("cuont: 3"), ["probe has no field `cuont`"]);
        assert_eq!(faults("rows: [{}, {nme: a}]"), ["probe.rows[2] has no field `nme`"]);
        assert_eq!(faults("count: -1"), ["probe.count cannot be -1: it counts something"]);
        assert_eq!(faults("count: 1.5"), ["probe.count is a whole number, not 1.5"]);
        assert_eq!(faults("rows: {}"), ["probe.rows is a list, not a mapping"]);
        assert_eq!(faults("rows: [{name: 5}]"), ["probe.rows[1].name is a text, not a number"]);
        assert_eq!(faults("state: sideways"), ["probe.state cannot be `sideways`"]);
        assert_eq!(faults("by_name: {x: y}"), ["probe.by_name.x is a whole number, not a text"]);
    }

    #[test]
    fn figures_of_shares_may_be_whole() {
        assert_eq!(fitted(&schema(), "{share: 1, count: 2.0}").1, [""; 0]);
    }

    #[test]
    fn a_schema_that_leaves_the_form_open_takes_anything() {
        assert_eq!(fitted(&json!({}), "{a: [1, x]}"), (json!({"a": [1, "x"]}), Vec::new()));
    }

    #[test]
    fn what_is_missing_is_a_path_that_exists() {
        let faults = |path: &str| {
            let text: Text = from_yaml(path).unwrap();
            let mut faults = Faults::new(path);
            path_exists(&text, &schema(), "probe", &mut faults);
            faults.messages()
        };
        assert_eq!(faults("rows.port"), [""; 0]);
        assert_eq!(faults("'rows[3].port'"), [""; 0]);
        assert_eq!(faults("by_name.anything"), [""; 0]);
        assert_eq!(faults("rows.prt"), ["probe.rows has no field `prt`"]);
        assert_eq!(faults("count.x"), ["probe.count has no fields"]);
    }
}
