//! The report for Nagios, Icinga and whatever else runs plugins: a line, figures, and a few lines more.
//!
//! The convention: the first line is the state and the conclusion, then `|` and the figures. What follows is shown on the
//! page of the service. A `|` in between would begin figures, so none stands there.

use std::io;

use super::sections::{Depth, Sections, Watched};
use super::{Options, Renderer};
use crate::case::{Case, Verdict};

/// A plugin's answer.
pub struct Nagios;

/// Characters of the conclusion: with the figures it stays below the kilobyte that NRPE 2 carries.
const LINE: usize = 400;
/// Characters of a line below.
const BELOW: usize = 300;
/// Bytes of all: Nagios 3 reads 4 kB, later ones twice that.
const MOST: usize = 4_000;

impl Renderer for Nagios {
    fn name(&self) -> &'static str {
        "nagios"
    }

    fn about(&self) -> &'static str {
        "for Nagios, Icinga, NRPE: one line with figures, a few lines more"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["nagios"]
    }

    fn render(&self, case: &Case, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(answer(case).as_bytes())
    }
}

fn answer(case: &Case) -> String {
    let sections = Sections::of(case, Depth::Short);
    // The first line is all that an overview and a page by phone show.
    let partial = if case.partial { "PARTIAL: " } else { "" };
    let mut text = format!(
        "{} - {partial}{} | {}\n",
        state(case.verdict),
        harmless(&sections.opening.summary, LINE),
        figures(case).join(" ")
    );
    for line in below(&sections) {
        let line = harmless(&line, BELOW);
        if text.len() + line.len() + "\n…\n".len() > MOST {
            text.push_str("…\n");
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The word that a monitor expects. A run in which nothing applied has not looked.
fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok | Verdict::Skipped => "OK",
        Verdict::Warning => "WARNING",
        Verdict::Critical => "CRITICAL",
        Verdict::Unknown => "UNKNOWN",
    }
}

/// Text in which a monitor finds no figures, its web page no markup, and the shell of a notification nothing to obey: each
/// sign that one of them reads is replaced by its wide likeness.
fn harmless(text: &str, most: usize) -> String {
    let replaced = text.chars().map(|c| match c {
        '|' => '｜',
        '<' => '＜',
        '>' => '＞',
        '&' => '＆',
        '$' => '＄',
        '`' => '｀',
        '\\' => '＼',
        '\'' => '’',
        '"' => '”',
        c => c,
    });
    // What a terminal obeys is spelled out already; it was done where the sections were made.
    super::escape::line(&replaced.collect::<String>(), most)
}

/// The figures: `'name'=value;warn;crit;min;max`. A figure that is not known is left out; 0 would be a lie.
fn figures(case: &Case) -> Vec<String> {
    let mut figures = Vec::new();
    if let Some(watched) = Watched::of(case) {
        let rates = [
            ("rx_bits_per_second", watched.rx_bits_per_second),
            ("rx_packets_per_second", watched.rx_packets_per_second),
            ("tx_bits_per_second", watched.tx_bits_per_second),
            ("tx_packets_per_second", watched.tx_packets_per_second),
        ];
        let known = rates.into_iter().filter_map(|(name, rate)| Some((name, rate?)));
        figures.extend(known.map(|(name, rate)| format!("{name}={};;;0;", rounded(rate))));
        figures.extend(watched.rx_dropped.map(|dropped| format!("rx_dropped={dropped:.0};;;0;")));
    }
    let unexplained = case.ledger.as_ref().and_then(|account| account.unexplained_share);
    figures.extend(
        unexplained
            .filter(|share| share.is_finite())
            .map(|share| format!("unexplained={:.2}%;;;0;100", (share * 100.0).clamp(0.0, 100.0))),
    );
    for verdict in [Verdict::Critical, Verdict::Warning, Verdict::Unknown] {
        let count = case.findings.iter().filter(|finding| finding.verdict == verdict).count();
        figures.push(format!("steps_{verdict}={count};;;0;{}", case.coverage.applicable));
    }
    figures.push(format!("run={:.2}s;;;0;", case.cost.wall_seconds));
    figures
}

/// A rate with the digits that count; a small one is not rounded to nothing.
fn rounded(rate: f64) -> String {
    if rate >= 100.0 { format!("{rate:.0}") } else { format!("{rate:.2}") }
}

/// The lines below: the headlines, what is wrong, what to do, what could not be seen. Commands are not among them: a monitor
/// takes quotes and dollars out of them.
fn below(sections: &Sections) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(sections.opening.partial.map(str::to_owned));
    lines.extend(sections.opening.vantage.clone());
    lines.extend(sections.opening.headlines.iter().cloned());
    for verdict in [Verdict::Critical, Verdict::Warning, Verdict::Unknown] {
        let of_it = sections.steps.steps.iter().filter(|step| step.verdict == verdict);
        lines.extend(of_it.map(|step| format!("[{}] {}: {}", state(verdict), step.title, step.sentence)));
    }
    lines.extend(sections.advice.warning.map(str::to_owned));
    lines.extend(sections.advice.remedies.iter().map(|it| format!("do ({}): {}", it.urgency.word(), it.action)));
    lines.extend(sections.unseen.blind.iter().map(|blind| blind.way.heading().trim_end_matches(':').to_owned()));
    lines.push(format!("{}; {}", sections.steps.coverage, sections.opening.header.join(", ")));
    lines
}
