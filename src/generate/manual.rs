//! Manual pages in Markdown.

use std::fmt::Write;

use serde_json::Value;

use super::fields::{FieldList, choices, default, description, kind};
use crate::probe::{AnyProbe, PROBES};
use crate::script::{HELPERS, item_schema, properties};

/// The list of all probes.
pub(super) fn probes() -> String {
    let mut page = String::from(
        "# The probes\n\nEach looks and never changes the host. `casebook probe NAME` runs one by hand, `casebook doctor` says what each can see\n\
         here. In a runbook a step names one, and conditions reach its result by the step's id.\n\n",
    );
    page.push_str("| probe | observes | instead of |\n|---|---|---|\n");
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
    page.push_str(&helpers());
    page
}

/// The rows of a table of the helpers.
pub(super) fn helpers() -> String {
    let mut rows = String::new();
    for helper in HELPERS.iter().filter(|helper| helper.instead.is_none()) {
        // Writing to a text cannot fail.
        let _ = writeln!(rows, "| `{}` | {} |", helper.signature, helper.about);
    }
    rows
}

/// The page of one probe: parameters, result, needs.
pub fn probe_page(probe: &dyn AnyProbe) -> String {
    let mut page = format!("# {0}\n\nObserves {1}.\n\n    casebook probe {0}\n\n", probe.name(), probe.about());
    let _ = writeln!(page, "- Source: {}.", probe.source());
    if !probe.replaces().is_empty() {
        let _ = writeln!(page, "- Instead of: {}.", probe.replaces().join(", "));
    }
    if !probe.derives_from().is_empty() {
        let _ = writeln!(page, "- Derived from the evidence of: {}.", probe.derives_from().join(", "));
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
    let fields = properties(&params).filter(|fields| !fields.is_empty());
    if fields.is_none() {
        page.push_str("None.\n");
    }
    for (name, schema) in fields.into_iter().flatten() {
        let kind = kind(schema).replace(", or none", "");
        let default = defaults.get(name).and_then(|value| default(schema, value));
        let default = default.map(|default| format!(", default `{default}`")).unwrap_or_default();
        let _ = writeln!(page, "- `{name}` ({kind}{default}): {}", description(schema));
        for (word, meaning) in choices(item_schema(schema).unwrap_or(schema)).into_iter().flatten() {
            let _ = writeln!(page, "  - `{word}`: {meaning}");
        }
    }
    page.push_str(
        "\n## Result\n\nA field that may be none is none when the host did not say; it is never 0 for that reason.\n\n",
    );
    page.push_str(&FieldList::of(&probe.output_schema().to_value()));
    page
}
