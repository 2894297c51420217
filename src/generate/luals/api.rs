//! What scripts see beside evidence: `check`, `cx`, findings, remedies, helpers, `re`.

use std::fmt::Write;

use super::class::members;
use super::fun::declare;
use crate::probe::PROBES;
use crate::script::api::{
    ABOUT, BASE, CHECK_KEYS, CX, EVIDENCE, FINDING, GAP, GLOBALS, Key, PARAM_KEYS, PARAM_TYPES, RE, REMEDY_KEYS,
};
use crate::script::{HELPERS, is_keyword};

pub(super) fn page() -> String {
    let mut page = String::new();
    alias(&mut page, "casebook.ProbeName", "The name of a probe.", PROBES.iter().map(|probe| probe.name()));
    alias(&mut page, "casebook.ParamType", "The type of a parameter.", PARAM_TYPES.iter().copied());
    table(&mut page, "casebook.Check", "What `check` is given.", CHECK_KEYS);
    table(&mut page, "casebook.Param", "A parameter.", PARAM_KEYS);
    page.push_str(
        "---A command that `sh` made.\n---@class casebook.Command\n\n---A text of the script, what `sh` made, or a list of both.\n\
         ---@alias casebook.Commands string|casebook.Command|(string|casebook.Command)[]\n\n",
    );
    table(&mut page, "casebook.Remedy", "What to do about a finding.", REMEDY_KEYS);
    page.push_str("---What `runbook` is given.\n---@class casebook.Runbook: casebook.runbook.Runbook\n\n");
    page.push_str(&members("casebook.Gap", "Gap", "Why something could not be seen.", GAP, &[]));
    page.push_str(&members("casebook.About", "About", "Where evidence comes from.", ABOUT, &[]));
    page.push_str(&members("casebook.Evidence", "Evidence", "What a probe saw.", EVIDENCE, &[]));
    page.push_str(&members("casebook.Finding", "Finding", "A verdict with its sentence.", FINDING, &[]));
    together(&mut page);
    let overloads: Vec<String> = PROBES
        .iter()
        .map(|probe| {
            let name = probe.name();
            format!("fun(name: \"{name}\", params?: casebook.{name}.Params): casebook.{name}.Evidence")
        })
        .collect();
    let overloads = [("probe", overloads)];
    page.push_str(&members("casebook.Context", "Context", "What `run` works with.", CX, &overloads));
    for entry in GLOBALS.iter().filter(|entry| !BASE.contains(&entry.name())) {
        page.push_str(&declare(entry.name(), entry.luals, entry.about, &[]).unwrap_or_default());
    }
    for helper in HELPERS.iter().filter(|helper| !helper.is_lua() && helper.instead.is_none()) {
        page.push_str(&declare(helper.name(), helper.luals, helper.about, &[]).unwrap_or_default());
    }
    page.push_str(&members("casebook.re", "re", "Regular expressions in linear time.", RE, &[]));
    page
}

fn alias(page: &mut String, name: &str, about: &str, words: impl Iterator<Item = &'static str>) {
    let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    let _ = writeln!(page, "---{about}\n---@alias {name} {}\n", words.join("|"));
}

fn table(page: &mut String, class: &str, about: &str, keys: &[Key]) {
    let _ = writeln!(page, "---{about}\n---@class {class}");
    for key in keys {
        let mark = if key.required { "" } else { "?" };
        let _ = match is_keyword(key.name) {
            true => writeln!(page, "---@field [\"{}\"] {}{mark} {}", key.name, key.luals, key.about),
            false => writeln!(page, "---@field {}{mark} {} {}", key.name, key.luals, key.about),
        };
    }
    page.push('\n');
}

/// What `cx.together` is given and gives back.
fn together(page: &mut String) {
    page.push_str("---Calls of probes, by the probe's name.\n---@class casebook.Calls\n");
    for probe in PROBES {
        let _ = writeln!(page, "---@field {0}? casebook.{0}.Params {1}", probe.name(), probe.about());
    }
    page.push_str("---@field [integer] table a probe's name and its parameters\n\n---Evidence, by the probe's name.\n---@class casebook.Answers\n");
    for probe in PROBES {
        let _ = writeln!(page, "---@field {0} casebook.{0}.Evidence {1}", probe.name(), probe.about());
    }
    page.push_str("---@field [integer] table in the order of the calls\n\n");
}
