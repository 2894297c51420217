//! The reference of what Lua checks can use.

use std::fmt::Write;

use crate::script::HELPERS;
use crate::script::api::{
    ABOUT, BASE, BLOCKED, CHECK_KEYS, CX, EVIDENCE, Entry, FINDING, GAP, GLOBALS, Key, LIST, PARAM_KEYS, PARAM_TYPES,
    RE, REMEDY_KEYS, STANDARD,
};

/// The page.
pub(super) fn page() -> String {
    let mut page = String::from(
        "# What Lua checks can use\n\nA check is a file `NAME.lua` that ends with `return check { … }`. It runs in Lua 5.4 without access to the host: what it\n\
         wants to know it asks probes. The fields of their evidence are described [probe by probe](probes/README.md).\n",
    );
    keys(&mut page, "The header", "`check { … }` has these keys. Any other is an error.", CHECK_KEYS);
    keys(&mut page, "Parameters", "Each entry of `params` has these keys.", PARAM_KEYS);
    let _ = writeln!(
        page,
        "\nTypes: {}.",
        PARAM_TYPES.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ")
    );
    entries(&mut page, "cx", "The first argument of `run`.", CX);
    entries(&mut page, "Findings", "What `cx.ok` and its like give back. The methods chain.", FINDING);
    keys(&mut page, "Remedies", "`:remedy { … }` has these keys.", REMEDY_KEYS);
    let about = "The fields of the probe's result, and these. A field that does not exist is an error; one that could not be seen ends \
                 the check with the verdict unknown and the reason.";
    entries(&mut page, "Evidence", about, EVIDENCE);
    entries(&mut page, "Gaps", "Why something could not be seen.", GAP);
    entries(&mut page, "Provenance", "What `cx.about` gives.", ABOUT);
    let about = "Lists in evidence know `ipairs`, `#` and `[i]`, and these. A pattern is a table of fields that must be equal, or a \
                 function of the item. The end of a list that is not complete is unknown.";
    entries(&mut page, "Lists", about, LIST);
    entries(&mut page, "Regular expressions", "In the syntax of Rust's `regex`; time is linear in the text.", RE);
    entries(&mut page, "Global functions", "Beside Lua's own.", GLOBALS);
    page.push_str("\n## Helpers\n\nShared with [expressions](expressions.md).\n\n| helper | gives |\n|---|---|\n");
    for helper in HELPERS.iter().filter(|helper| !helper.is_lua() && helper.instead.is_none()) {
        let _ = writeln!(page, "| `{}` | {} |", helper.signature, helper.about);
    }
    page.push_str("\n## Lua's own\n\n| module | members |\n|---|---|\n");
    let _ = writeln!(page, "| global | {} |", words(BASE));
    for module in STANDARD {
        let _ = writeln!(page, "| `{}` | {} |", module.name, words(module.members));
    }
    page.push_str("\n## What is not there\n\n| name | instead |\n|---|---|\n");
    for blocked in BLOCKED {
        let _ = writeln!(page, "| `{}` | {} |", blocked.name, blocked.instead);
    }
    page
}

fn words(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ")
}

fn entries(page: &mut String, title: &str, about: &str, entries: &[Entry]) {
    let _ = writeln!(page, "\n## {title}\n\n{about}\n\n| | |\n|---|---|");
    for entry in entries {
        let _ = writeln!(page, "| `{}` | {} |", entry.signature, cell(entry.about));
    }
}

fn keys(page: &mut String, title: &str, about: &str, keys: &[Key]) {
    let _ = writeln!(page, "\n## {title}\n\n{about}\n\n| key | must | meaning |\n|---|---|---|");
    for key in keys {
        let must = if key.required { "yes" } else { "" };
        let _ = writeln!(page, "| `{}` | {must} | {} |", key.name, cell(key.about));
    }
}

/// A row of a table is one line, and its cells end at bars.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
