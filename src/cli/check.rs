//! `casebook check`: one check, by hand.

use std::io::Write;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::arguments::{CheckArguments, key_and_value};
use super::{Usage, output, say};
use crate::case::Case;
use crate::nearest::nearest;
use crate::runbook::{self, Check, Kind, Problems};

/// The check of that name or file.
pub(super) fn load(arguments: &CheckArguments) -> Result<Arc<Check>, Usage> {
    let name = &arguments.check;
    let found = runbook::find(Kind::Check, name, None, arguments.scripts.trusting())
        .map_err(|error| Usage(error.to_string()))?;
    runbook::load_check(&found).map(Arc::new).map_err(|problems| cannot_run(name, &problems))
}

fn cannot_run(name: &str, problems: &Problems) -> Usage {
    Usage(format!("the check {name} cannot be run\n{}", problems.render(output::stderr_color())))
}

pub(super) fn check(arguments: &CheckArguments) -> anyhow::Result<u8> {
    let sinks = output::Sinks::prepare(&arguments.output, arguments.save.as_deref())?;
    let check = load(arguments)?;
    if arguments.help_params {
        explain(&check)?;
        return Ok(0);
    }
    let params = params(&check, &arguments.params)?;
    let runbook = runbook::around(&check, &params).map_err(|problems| cannot_run(&arguments.check, &problems))?;
    let case = super::run::live(&runbook, Map::new(), arguments.scripts.limits(), arguments.quiet)?;
    printed(&case);
    sinks.write(&case)?;
    Ok(case.verdict.exit_status())
}

/// The parameters as given, known to be right.
fn params(check: &Check, given: &[String]) -> Result<IndexMap<String, Value>, Usage> {
    let mut params = IndexMap::new();
    for text in given {
        let (key, value) = key_and_value(text)?;
        let Some(spec) = check.params.get(&key) else {
            let names = || check.params.keys().map(String::as_str);
            let help = match nearest(&key, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if check.params.is_empty() => "it takes none".to_owned(),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err(Usage(format!("the check {} has no parameter `{key}`; {help}", check.name)));
        };
        let read = spec.read(&key, &value).map_err(|error| Usage(error.to_string()))?;
        params.insert(key, read);
    }
    for (name, spec) in check.params.iter().filter(|(_, spec)| spec.required) {
        if !params.contains_key(name) {
            let help = &spec.help;
            return Err(Usage(format!("the check {} needs `{name}`: {help}; give {name}=…", check.name)));
        }
    }
    Ok(params)
}

fn explain(check: &Check) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} · {}", check.name, check.summary)?;
    writeln!(out, "from {}\n\nParameters (casebook check {} KEY=VALUE)", check.script.origin, check.name)?;
    for (name, spec) in &check.params {
        let default = spec.default_text.as_ref().map(|default| format!("{default}, ")).unwrap_or_default();
        writeln!(out, "  {name:<24} {} ({default}{})", spec.help, spec.kind.word())?;
    }
    writeln!(out, "\nProbes\n  {}", check.needs.join(", "))?;
    Ok(())
}

/// Says what the script printed.
fn printed(case: &Case) {
    let logs = case.evidence.values().filter_map(|evidence| evidence.output.as_ref()?.get("log")?.as_array());
    for line in logs.flatten().filter_map(Value::as_str) {
        say(line);
    }
}
