//! Type definitions for the Lua language server, so that editors complete and check what scripts use.

mod api;
mod class;
mod fun;

use serde_json::Value;

use self::class::Classes;
use crate::probe::{AnyProbe, PROBES};
use crate::script::properties;
use crate::{runbook, testing};

const HEAD: &str = "---@meta\n\n-- Written by `casebook generate`. Changes here are lost.\n\n";

/// Every definition file: its name, and its text.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![
        ("casebook.lua".to_owned(), format!("{HEAD}{}", api::page())),
        ("runbook.lua".to_owned(), format!("{HEAD}{}", runbook_page(&runbook::schema().to_value()))),
        ("test.lua".to_owned(), format!("{HEAD}{}", test_page(&testing::schema().to_value()))),
    ];
    files.extend(PROBES.iter().map(|probe| (format!("{}.lua", probe.name()), format!("{HEAD}{}", probe_page(*probe)))));
    files
}

/// The parameters and the evidence of a probe.
fn probe_page(probe: &dyn AnyProbe) -> String {
    let name = probe.name();
    let mut classes = Classes::new(format!("casebook.{name}"), &Value::Null);
    let params = probe.params_schema().to_value();
    classes.root("Params", None, &format!("The parameters of probe `{name}`."), &params, true);
    let about = format!("What probe `{name}` observes: {}.", probe.about());
    classes.root("Evidence", Some("casebook.Evidence"), &about, &probe.output_schema().to_value(), false);
    classes.page()
}

/// The table of `runbook { … }`.
fn runbook_page(schema: &Value) -> String {
    let definitions = schema.get("$defs").cloned().unwrap_or_default();
    let mut classes = Classes::new("casebook.runbook".to_owned(), &definitions);
    classes.root("Runbook", None, &super::fields::description(schema), schema, true);
    classes.page()
}

/// The table of `test { … }`.
fn test_page(schema: &Value) -> String {
    let definitions = schema.get("$defs").cloned().unwrap_or_default();
    let mut classes = Classes::new("casebook.test".to_owned(), &definitions);
    classes.root("Tests", None, &super::fields::description(schema), schema, true);
    classes.page()
}

/// Whether a schema has fields at all.
fn has_fields(schema: &Value) -> bool {
    properties(schema).is_some_and(|fields| !fields.is_empty())
}
