//! The reference manual and schemas, out of the probes' own types and doc comments.

mod command_line;
mod document;
mod fields;
mod logs;
mod lua_api;
mod luals;
mod man;
mod manual;
mod pastes;

pub use luals::files as lua_types;
pub use man::pages as man_pages;
pub use manual::probe_page;

use crate::case::Case;
use crate::probe::PROBES;
use crate::{runbook, script, testing};

/// Every generated file: its path in the project, and its text. `command` is the command line.
pub fn files(command: clap::Command) -> Vec<(String, String)> {
    let mut files = vec![
        ("docs/logs.md".to_owned(), logs::page()),
        ("docs/pastes.md".to_owned(), pastes::page()),
        ("docs/reference/cli.md".to_owned(), command_line::page(command)),
        ("docs/reference/config.md".to_owned(), man::config_page()),
        ("docs/reference/expressions.md".to_owned(), manual::expressions()),
        ("docs/reference/lua-api.md".to_owned(), lua_api::page()),
        ("docs/reference/runbook.md".to_owned(), document::runbook_page(&runbook::schema().to_value())),
        ("docs/reference/test.md".to_owned(), document::test_page(&testing::schema().to_value())),
    ];
    for probe in PROBES {
        files.push((format!("docs/reference/probes/{}.md", probe.name()), manual::probe_page(*probe)));
    }
    files.push(("docs/reference/probes/README.md".to_owned(), manual::probes()));
    files.push(("docs/reference/case.schema.json".to_owned(), pretty(&schemars::schema_for!(Case))));
    files.push(("docs/reference/runbook.schema.json".to_owned(), pretty(&runbook::schema())));
    files.push(("docs/reference/test.schema.json".to_owned(), pretty(&testing::schema())));
    files.push(("src/script/outlines.txt".to_owned(), script::outlines()));
    files.extend(lua_types().into_iter().map(|(name, text)| (format!("lua/types/{name}"), text)));
    files
}

/// Written pages that hold generated tables, by their paths in the project.
pub const PAGES_WITH_TABLES: &[&str] = &["docs/runbooks.md"];

/// A written page with its generated tables filled in: what stands between `<!-- generated: helpers -->` and
/// `<!-- end of helpers -->` is made from the table of helpers. None, where the page has no such place.
pub fn filled(page: &str) -> Option<String> {
    let (before, rest) = page.split_once("<!-- generated: helpers -->\n")?;
    let (_, after) = rest.split_once("<!-- end of helpers -->")?;
    let rows = manual::helpers();
    Some(format!(
        "{before}<!-- generated: helpers -->\n| helper | gives |\n|---|---|\n{rows}<!-- end of helpers -->{after}"
    ))
}

fn pretty(schema: &schemars::Schema) -> String {
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    format!("{text}\n")
}
