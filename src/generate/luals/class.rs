//! JSON schemas as LuaLS classes.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::fun::declare;
use super::has_fields;
use crate::generate::fields::{choices, description, reference};
use crate::script::api::LIST;
use crate::script::{field_schema, is_keyword, is_map, item_schema, properties};

/// Classes of one name space, each written once.
pub(super) struct Classes<'s> {
    space: String,
    definitions: &'s Value,
    /// What is written is given by scripts, not to them: lists are plain, and fields can be left out.
    is_input: bool,
    /// What was named: the fields or words that it stands for, and the name.
    named: Vec<(Value, String)>,
    page: String,
}

impl<'s> Classes<'s> {
    pub fn new(space: String, definitions: &'s Value) -> Self {
        Classes { space, definitions, is_input: false, named: Vec::new(), page: String::new() }
    }

    pub fn page(self) -> String {
        self.page
    }

    /// A class whose name is given. `is_input` says that scripts give such tables, not get them.
    pub fn root(&mut self, name: &str, parent: Option<&str>, about: &str, schema: &Value, is_input: bool) {
        let full = format!("{}.{name}", self.space);
        self.is_input = is_input;
        self.class(&full, parent, about, schema);
    }

    fn class(&mut self, full: &str, parent: Option<&str>, about: &str, schema: &Value) {
        let parent = parent.map(|parent| format!(": {parent}")).unwrap_or_default();
        let mut text = format!("{}---@class {full}{parent}\n", comment(about));
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in properties(schema).into_iter().flatten() {
            // In evidence every field is there; one that may be null is nil then.
            let optional = is_null(field) || (self.is_input && !required.contains(&name.as_str()));
            let kind = self.kind(field, name, full);
            let about = description(field);
            let mark = if optional { "?" } else { "" };
            let _ = match is_keyword(name) {
                true => writeln!(text, "---@field [\"{name}\"] {}{mark} {about}", bracketed(&kind)),
                false => writeln!(text, "---@field {name}{mark} {kind} {about}"),
            };
        }
        self.page.push_str(&text);
        self.page.push('\n');
    }

    /// The type of a field's value.
    fn kind(&mut self, schema: &Value, field: &str, parent: &str) -> String {
        if let Some(definition) = reference(schema).map(str::to_owned) {
            let Some(target) = self.definitions.get(&definition).cloned() else { return "any".to_owned() };
            let short = definition.strip_suffix("Document").unwrap_or(&definition).to_owned();
            return self.kind(&target, &short, &self.space.clone());
        }
        if let Some(words) = choices(schema) {
            return self.alias(&words, field, parent);
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            let words: Vec<String> = words.iter().filter(|word| !word.is_null()).map(Value::to_string).collect();
            return words.join("|");
        }
        if has_fields(schema) {
            return self.named_class(schema, field, parent);
        }
        if let Some(item) = item_schema(schema) {
            let item = self.kind(&item.clone(), &singular(field), parent);
            return if self.is_input { array(&item) } else { self.list(&item) };
        }
        if is_map(schema) {
            let value = field_schema(schema, "").cloned().unwrap_or_default();
            return format!("table<string, {}>", self.kind(&value, &singular(field), parent));
        }
        let only = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array());
        if let Some(all) = only {
            let present: Vec<Value> = all.iter().filter(|choice| !is_null(choice)).cloned().collect();
            let mut kinds: Vec<String> = present.iter().map(|choice| self.kind(choice, field, parent)).collect();
            kinds.dedup();
            return kinds.join("|");
        }
        simple(schema)
    }

    /// A class for fields that stand inside others: one for all places that have the same.
    fn named_class(&mut self, schema: &Value, field: &str, parent: &str) -> String {
        let fields = Value::Object(properties(schema).cloned().unwrap_or_else(Map::new));
        if let Some((_, name)) = self.named.iter().find(|(known, _)| *known == fields) {
            return name.clone();
        }
        let name = self.free_name(field, parent);
        self.named.push((fields, name.clone()));
        self.class(&name, None, &description(schema), schema);
        name
    }

    /// The words that a value can be.
    fn alias(&mut self, words: &[(&str, String)], field: &str, parent: &str) -> String {
        let key = Value::from(words.iter().map(|(word, _)| *word).collect::<Vec<_>>());
        if let Some((_, name)) = self.named.iter().find(|(known, _)| *known == key) {
            return name.clone();
        }
        let name = self.free_name(field, parent);
        self.named.push((key, name.clone()));
        let mut text = format!("---@alias {name}\n");
        for (word, about) in words {
            let _ = writeln!(text, "---| \"{word}\" # {about}");
        }
        self.page.push_str(&text);
        self.page.push('\n');
        name
    }

    /// `Process`, or `ListenerProcess` where that means something else already.
    fn free_name(&self, field: &str, parent: &str) -> String {
        let short = format!("{}.{}", self.space, camel(field));
        let is_taken = |name: &String| self.named.iter().any(|(_, taken)| taken == name);
        if !is_taken(&short) && !["Params", "Evidence"].iter().any(|root| short.ends_with(&format!(".{root}"))) {
            return short;
        }
        let parent = parent.rsplit('.').next().unwrap_or_default();
        let mut long = format!("{}.{parent}{}", self.space, camel(field));
        while is_taken(&long) {
            long.push('_');
        }
        long
    }

    /// A list in evidence, with its methods.
    fn list(&mut self, item: &str) -> String {
        if !item.starts_with(&self.space) {
            return array(item);
        }
        let name = format!("{item}s");
        if self.named.iter().any(|(_, known)| *known == name) {
            return name;
        }
        self.named.push((Value::from(name.as_str()), name.clone()));
        self.page.push_str(&list_class(&name, item));
        name
    }
}

/// The class of a list of items of that type.
fn list_class(name: &str, item: &str) -> String {
    let mut text = format!("---A list of `{item}` in evidence.\n---@class {name}\n---@field [integer] {item}\n");
    for method in LIST {
        let _ = writeln!(text, "---@field {} {} {}", method.name(), filled(method.luals, name, item), method.about);
    }
    text.push('\n');
    text
}

/// The type of a method with its placeholders filled in: `T` the item, `L` the list, `P` a pattern.
fn filled(luals: &str, list: &str, item: &str) -> String {
    let mut text = String::new();
    let mut rest = luals;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        text.push_str(&rest[..at]);
        let word = &rest[at..];
        let length = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        match &word[..length] {
            "T" => text.push_str(item),
            "L" => text.push_str(list),
            "P" => {
                let _ = write!(text, "table|fun(item: {item}): boolean");
            }
            other => text.push_str(other),
        }
        rest = &word[length..];
    }
    text + rest
}

fn is_null(schema: &Value) -> bool {
    let is = |word: &Value| word.as_str() == Some("null");
    match schema.get("type") {
        Some(Value::Array(words)) => words.iter().any(is),
        Some(word) => is(word),
        None => ["anyOf", "oneOf"]
            .iter()
            .any(|key| schema.get(*key).and_then(Value::as_array).into_iter().flatten().any(is_null)),
    }
}

fn simple(schema: &Value) -> String {
    let words: Vec<&str> = match schema.get("type") {
        Some(Value::String(word)) => vec![word],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kinds: Vec<&str> = words
        .into_iter()
        .filter(|word| *word != "null")
        .map(|word| match word {
            "object" => "table<string, any>",
            "array" => "any[]",
            other => other,
        })
        .collect();
    if kinds.is_empty() { "any".to_owned() } else { kinds.join("|") }
}

fn array(item: &str) -> String {
    format!("{}[]", bracketed(item))
}

fn bracketed(kind: &str) -> String {
    if kind.contains('|') { format!("({kind})") } else { kind.to_owned() }
}

fn comment(about: &str) -> String {
    if about.is_empty() { String::new() } else { format!("---{about}\n") }
}

/// `local_ports` is `LocalPorts`.
fn camel(name: &str) -> String {
    let mut text = String::new();
    for part in name.split('_') {
        let mut rest = part.chars();
        text.extend(rest.next().map(|first| first.to_ascii_uppercase()));
        text.extend(rest);
    }
    text
}

/// `listeners` is `listener`.
fn singular(name: &str) -> String {
    match name {
        _ if name.ends_with("ies") => format!("{}y", &name[..name.len() - 3]),
        _ if name.ends_with("sses") || name.ends_with("ches") => name[..name.len() - 2].to_owned(),
        _ if name.ends_with('s') && !name.ends_with("ss") => name[..name.len() - 1].to_owned(),
        _ => name.to_owned(),
    }
}

/// A declaration of each function of a table of entries, and the fields of its class.
pub(super) fn members(
    class: &str,
    variable: &str,
    about: &str,
    entries: &[crate::script::api::Entry],
    overloads: &[(&str, Vec<String>)],
) -> String {
    let mut fields = format!("---{about}\n---@class {class}\n");
    let mut functions = String::new();
    for entry in entries {
        let joint = if entry.signature.starts_with(':') { ":" } else { "." };
        let more = overloads.iter().find(|(name, _)| *name == entry.name()).map(|(_, all)| all.as_slice());
        let path = format!("{variable}{joint}{}", entry.name());
        match declare(&path, entry.luals, entry.about, more.unwrap_or_default()) {
            Some(text) => functions.push_str(&text),
            None => {
                let _ = writeln!(fields, "---@field {} {} {}", entry.name(), entry.luals, entry.about);
            }
        }
    }
    let local = if variable.chars().next().is_some_and(char::is_uppercase) { "local " } else { "" };
    format!("{fields}{local}{variable} = {{}}\n\n{functions}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_items_are_singular() {
        let all = ["listeners", "processes", "entries", "addresses", "pots", "loss"].map(singular);
        assert_eq!(all, ["listener", "process", "entry", "address", "pot", "loss"]);
    }

    #[test]
    fn placeholders_of_methods_are_filled_in() {
        assert_eq!(
            filled("fun(self: L, pattern?: P): T?", "a.Rows", "a.Row"),
            "fun(self: a.Rows, pattern?: table|fun(item: a.Row): boolean): a.Row?"
        );
    }
}
