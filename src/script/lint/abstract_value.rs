//! What is known of a value in a script, and what its fields are.

use std::rc::Rc;

use serde_json::Value;

use crate::probe::{AnyProbe, PROBES};
use crate::script::{field_schema, is_map, item_schema, properties};

/// A probe with its schemas.
pub(super) struct Observer {
    pub probe: &'static dyn AnyProbe,
    pub params: Value,
    pub output: Value,
}

/// Every probe with its schemas.
pub(super) fn observers() -> Vec<Observer> {
    let of = |probe: &&'static dyn AnyProbe| Observer {
        probe: *probe,
        params: probe.params_schema().to_value(),
        output: probe.output_schema().to_value(),
    };
    PROBES.iter().map(of).collect()
}

/// What is known of a value.
#[derive(Clone)]
pub(super) enum AbstractValue<'s> {
    Nothing,
    /// The first argument of `run`.
    Cx,
    /// A member of it.
    Member(&'static str),
    Params,
    Finding,
    /// A text that was made of others.
    Raw,
    /// What a probe saw.
    Evidence(&'s Observer),
    /// A part of it.
    Part(Part<'s>),
    /// Lists of items, by a field's value.
    Groups(Part<'s>),
    Gap,
    About,
    /// What `cx.together` gives, by key.
    Together(Rc<Vec<(Option<String>, AbstractValue<'s>)>>),
}

/// A part of evidence.
#[derive(Clone)]
pub(super) struct Part<'s> {
    pub schema: &'s Value,
    /// As in messages: `sockets.listeners[…]`.
    pub path: String,
}

/// What a part is, as far as fields go.
pub(super) enum Shape<'s> {
    Fields(&'s serde_json::Map<String, Value>),
    Map,
    List(&'s Value),
    /// A number, a text, a flag.
    Single,
    /// The schema leaves it open.
    Open,
}

impl<'s> Part<'s> {
    pub fn shape(&self) -> Shape<'s> {
        if let Some(fields) = properties(self.schema) {
            return Shape::Fields(fields);
        }
        if let Some(item) = item_schema(self.schema) {
            return Shape::List(item);
        }
        match is_map(self.schema) {
            true => Shape::Map,
            false if is_single(self.schema) => Shape::Single,
            false => Shape::Open,
        }
    }

    /// The items, when it is a list.
    pub fn item(&self) -> Option<Part<'s>> {
        match self.shape() {
            Shape::List(schema) => Some(Part { schema, path: format!("{}[…]", self.path) }),
            _ => None,
        }
    }

    pub fn field(&self, name: &str) -> Option<Part<'s>> {
        field_schema(self.schema, name).map(|schema| Part { schema, path: format!("{}.{name}", self.path) })
    }

    /// What stands under any key of a map.
    pub fn entry(&self) -> Option<Part<'s>> {
        match self.shape() {
            Shape::Map => self.field("…"),
            _ => None,
        }
    }
}

/// Whether the schema allows numbers, texts and flags only, or none.
fn is_single(schema: &Value) -> bool {
    let is_word = |word: &Value| matches!(word.as_str(), Some("string" | "number" | "integer" | "boolean" | "null"));
    match schema.get("type") {
        Some(Value::Array(words)) => words.iter().all(is_word),
        Some(word) => is_word(word),
        None => {
            let choices = schema.get("oneOf").and_then(Value::as_array);
            choices
                .is_some_and(|choices| choices.iter().all(|choice| choice.get("const").is_some_and(Value::is_string)))
        }
    }
}
