//! `casebook list` and `casebook show`.

use std::io::Write;

use super::arguments::{ListArguments, ShowArguments};
use super::run::load;
use crate::probe::PROBES;
use crate::runbook::{self, Runbook};

pub(super) fn list(arguments: &ListArguments) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    let words: Vec<String> =
        arguments.words.iter().flat_map(|word| word.split_whitespace()).map(str::to_lowercase).collect();
    let mut broken = Vec::new();
    let mut unread = Vec::new();
    let mut rows = Vec::new();
    for found in runbook::list() {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                unread.push(error);
                continue;
            }
        };
        match runbook::load(&found.text, &found.origin) {
            Ok(runbook) => {
                let fit = fit(&runbook, &words);
                if fit > 0 || words.is_empty() {
                    rows.push((fit, runbook));
                }
            }
            Err(problems) => broken.push((found, problems.problems.len())),
        }
    }
    rows.sort_by_key(|(fit, _)| std::cmp::Reverse(*fit));
    if rows.is_empty() && !words.is_empty() {
        writeln!(out, "No runbook fits `{}`; `casebook list` shows them all.", arguments.words.join(" "))?;
    }
    if !rows.is_empty() {
        writeln!(out, "Runbooks (casebook run NAME)")?;
    }
    for (_, runbook) in rows {
        writeln!(out, "  {:<24} {}", runbook.name, runbook.summary)?;
        if runbook.origin != "shipped" {
            writeln!(out, "  {:<24} from {}", "", runbook.origin)?;
        }
    }
    for (found, count) in broken {
        let problems = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
        writeln!(out, "  {:<24} BROKEN: {problems}; casebook lint {}", found.name, found.origin)?;
    }
    for error in unread {
        writeln!(out, "  {error}")?;
    }
    if words.is_empty() {
        writeln!(out, "\nProbes (casebook probe NAME)")?;
        for probe in PROBES {
            writeln!(out, "  {:<24} {}", probe.name(), probe.about())?;
        }
    }
    Ok(0)
}

/// How well a runbook fits the words: how many of them its texts hold.
fn fit(runbook: &Runbook, words: &[String]) -> usize {
    let texts =
        [&runbook.name, &runbook.title, &runbook.summary].into_iter().chain(&runbook.tags).chain(&runbook.symptoms);
    let all = texts.map(|text| text.to_lowercase()).collect::<Vec<_>>().join("\n");
    words.iter().filter(|word| all.contains(word.as_str())).count()
}

pub(super) fn show(arguments: &ShowArguments) -> anyhow::Result<u8> {
    let runbook = load(&arguments.runbook)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} · {}\n{}\n", runbook.name, runbook.title, runbook.summary)?;
    writeln!(out, "Parameters (--set KEY=VALUE)")?;
    for (name, param) in &runbook.params {
        let default = match (&param.default_text, param.required) {
            (Some(default), _) => format!("{default}, "),
            (None, true) => "must be given, ".into(),
            (None, false) => String::new(),
        };
        writeln!(out, "  {:<24} {} ({default}{})", name, param.help, param.kind.word())?;
    }
    writeln!(out, "\nSteps")?;
    for step in &runbook.steps {
        writeln!(out, "  {:<24} {} (probe {})", step.id, step.title, step.probe)?;
    }
    writeln!(out, "\nCauses")?;
    for cause in &runbook.causes {
        let signs = cause.signs.len();
        writeln!(out, "  {:<24} {signs} signs, {} remedies", cause.id, cause.remedies.len())?;
    }
    Ok(0)
}
