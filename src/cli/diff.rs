//! `casebook diff`, and how a difference is shown.

use std::io::{self, Write};

use super::arguments::DiffArguments;
use super::{Usage, case_file, output, screen};
use crate::case::{CauseChange, Changed, Difference, Trend, Verdict};
use crate::printable;
use crate::sys::trust::Trust;
use crate::units;

/// Figures that are shown unless all are asked for.
const FIGURES: usize = 12;

pub(super) fn diff(arguments: &DiffArguments) -> anyhow::Result<u8> {
    if arguments.before == case_file::STDIN && arguments.after == case_file::STDIN {
        return Err(Usage("only one of the two cases can come by standard input".to_owned()).into());
    }
    let read = |named: &str| case_file::read(named, Trust::Waived, &mut arguments.reading.budget());
    let (before, after) = (read(&arguments.before)?.case, read(&arguments.after)?.case);
    if before.fleet.is_some() != after.fleet.is_some() {
        let why = "one is a case of many hosts, the other of one: compare two of the same kind";
        return Err(Usage(why.to_owned()).into());
    }
    let difference = Difference::between(&before, &after);
    output::read_enough(print(&difference, &arguments.format, arguments.verbose))?;
    Ok(difference.trend.exit_status())
}

/// Prints a difference as text or as JSON.
pub(super) fn print(difference: &Difference, format: &str, verbose: bool) -> io::Result<()> {
    let mut out = screen::stdout().of_data(format == "json");
    if format == "json" {
        serde_json::to_writer_pretty(&mut out, difference)?;
        writeln!(out)?;
    } else {
        out.write_all(text(difference, verbose).as_bytes())?;
    }
    out.flush()
}

/// The difference for people. What comes from the cases has its control characters spelled out.
fn text(difference: &Difference, verbose: bool) -> String {
    let mut lines = Vec::new();
    for (word, side) in [("before", &difference.before), ("after", &difference.after)] {
        let partial = if side.partial { " · PARTIAL" } else { "" };
        let at = side.started.strftime("%Y-%m-%d %H:%M:%S UTC");
        let window = units::span(side.window_seconds);
        lines.push(format!("{word:<7} {} · {} · {at} · window {window}{partial}", side.host, side.runbook));
        lines.push(format!("        {} · {}", side.verdict, side.summary));
    }
    lines.push(String::new());
    lines.push(match difference.trend {
        Trend::Same => "Nothing of note changed.".to_owned(),
        Trend::Changed => "It changed, though not for the worse.".to_owned(),
        Trend::Better => "It is better.".to_owned(),
        Trend::Worse => "It is worse.".to_owned(),
    });
    if difference.before.runbook != difference.after.runbook {
        lines.push(
            "These are cases of different runbooks: steps and causes compare only where they have the same name."
                .into(),
        );
    }
    section(
        &mut lines,
        "Parameters",
        difference.params.iter().map(|change| {
            let shown = |value: &Option<serde_json::Value>| {
                value.as_ref().map_or("not given".to_owned(), |value| value.to_string())
            };
            format!("{}: {} -> {}", change.name, shown(&change.before), shown(&change.after))
        }),
    );
    section(&mut lines, "Causes", difference.causes.iter().map(cause));
    section(
        &mut lines,
        "Steps",
        difference.findings.iter().flat_map(|finding| {
            let word = |verdict: Option<Verdict>| verdict.map_or("not there", Verdict::word);
            let change = if finding.before == finding.after {
                word(finding.before).to_owned()
            } else {
                format!("{} -> {}", word(finding.before), word(finding.after))
            };
            let said = |sentence: &str| if sentence.is_empty() { "nothing".to_owned() } else { sentence.to_owned() };
            [
                format!("{} ({change})", finding.title),
                format!("    before: {}", said(&finding.said_before)),
                format!("    after:  {}", said(&finding.said_after)),
            ]
        }),
    );
    section(
        &mut lines,
        "Where the inbound bytes went",
        difference.ledger.iter().map(|change| {
            let rate = |value: Option<f64>| value.map_or("nothing".to_owned(), units::bitrate);
            format!("{}: {} -> {}", change.name, rate(change.before), rate(change.after))
        }),
    );
    let shown = if verbose { difference.figures.len() } else { FIGURES };
    section(&mut lines, "Figures that changed most", difference.figures.iter().take(shown).map(figure));
    let others = difference.figures.len().saturating_sub(shown) + difference.other_figures;
    if others > 0 {
        lines.push(format!("  and {others} more: --verbose or --format json"));
    }
    section(
        &mut lines,
        "What could be seen",
        difference.sight.iter().map(|change| {
            let who = if change.gained { "only after" } else { "only before" };
            format!("{} {who}: {}", change.step, change.why)
        }),
    );
    lines.iter().map(|line| format!("{}\n", printable::printable(line))).collect()
}

fn section(lines: &mut Vec<String>, title: &str, of: impl Iterator<Item = String>) {
    let mut of = of.peekable();
    if of.peek().is_some() {
        lines.push(String::new());
        lines.push(title.to_owned());
        lines.extend(of.map(|line| format!("  {line}")));
    }
}

fn cause(change: &CauseChange) -> String {
    let word = |likelihood: Option<crate::case::Likelihood>| likelihood.map_or("not weighed", |l| l.word());
    format!("{} -> {}: {} ({})", word(change.before), word(change.after), change.title, change.id)
}

fn figure(change: &Changed<f64>) -> String {
    let number = |value: Option<f64>| match value {
        None => "none".to_owned(),
        Some(value) if change.name.ends_with("bits_per_second") => units::bitrate(value),
        Some(value) if change.name.ends_with("bytes") => units::bytes(value),
        Some(value) if change.name.ends_with("share") => units::percent(value),
        Some(value) => units::count(value),
    };
    format!("{}: {} -> {}", change.name, number(change.before), number(change.after))
}
