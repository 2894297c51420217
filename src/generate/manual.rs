//! Manual pages in Markdown.

use std::fmt::Write;

use serde_json::Value;

use crate::probe::{AnyProbe, PROBES};
use crate::script::{HELPERS, item_schema, properties};

/// How deep fields are explained.
const DEPTH: usize = 6;

/// The list of all probes.
pub(super) fn probes() -> String {
    let mut page = String::from(
        "# The probes\n\nEach looks and never changes the host. `casebook probe NAME` runs one by hand.\n\n",
    );
    page.push_str("| probe | observes | by hand |\n|---|---|---|\n");
    for probe in PROBES {
        let by_hand = probe.replaces().join(", ");
        // Writing to a text cannot fail.
        let _ = writeln!(page, "| [{0}]({0}.md) | {1} | {2} |", probe.name(), probe.about(), by_hand);
    }
    page
}

/// The helpers of expressions.
pub(super) fn expressions() -> String {
    let mut page = String::from(
        "# Expressions\n\nConditions and `{{ }}` are Lua expressions over `params`, the steps' ids and these helpers. What could not be\n\
         seen makes a condition unknown, never false; `and`, `or` and `not` follow three-valued logic.\n\n| helper | gives |\n|---|---|\n",
    );
    for helper in HELPERS {
        let _ = writeln!(page, "| `{}` | {} |", helper.signature, helper.about);
    }
    page
}

/// The page of one probe: parameters, result, needs.
pub fn probe_page(probe: &dyn AnyProbe) -> String {
    let mut page = format!("# {}\n\n{}\n\nSource: {}.\n", probe.name(), probe.about(), probe.source());
    if !probe.replaces().is_empty() {
        let _ = writeln!(page, "By hand: {}.", probe.replaces().join(", "));
    }
    if !probe.derives_from().is_empty() {
        let _ = writeln!(page, "Derived from the evidence of: {}.", probe.derives_from().join(", "));
    }
    if !probe.needs().is_empty() {
        page.push_str("\n## Needs\n\n| what | without it |\n|---|---|\n");
        for need in probe.needs() {
            let _ = writeln!(page, "| {} | {} |", need.what, need.without);
        }
    }
    page.push_str("\n## Parameters\n\n");
    let params = probe.params_schema().to_value();
    let defaults = probe.complete_params(&Value::Object(serde_json::Map::new())).unwrap_or_default();
    for (name, schema) in properties(&params).into_iter().flatten() {
        let default = match defaults.get(name) {
            Some(Value::Null) | None => String::new(),
            Some(value) => format!(" (default `{value}`)"),
        };
        let _ = writeln!(page, "- `{name}`{default}: {}", description(schema));
    }
    page.push_str("\n## Result\n\n");
    fields(&mut page, &probe.output_schema().to_value(), 0);
    page
}

fn description(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn fields(page: &mut String, schema: &Value, depth: usize) {
    if depth > DEPTH {
        return;
    }
    for (name, field) in properties(schema).into_iter().flatten() {
        let item = item_schema(field);
        let list = if item.is_some() { "[]" } else { "" };
        let _ = writeln!(page, "{}- `{name}{list}`: {}", "  ".repeat(depth), description(field));
        fields(page, item.unwrap_or(field), depth + 1);
    }
}
