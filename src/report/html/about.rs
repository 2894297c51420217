//! The small print, and the evidence itself as far as a page can hold it.

use maud::{Markup, html};

use super::command;
use crate::case::Case;
use crate::report::sections::Sections;
use crate::report::table;

/// Lines of one result that are in the page; the case has it whole.
const MOST_LINES: usize = 120;
/// Bytes of evidence that are in the page; the case has all of it.
const MOST_BYTES: usize = 400_000;
/// Columns of a result.
const COLUMNS: usize = 110;

pub(super) fn about(case: &Case, sections: &Sections) -> Markup {
    let about = &sections.about;
    let facts = [
        ("Host", &about.host),
        ("Run", &about.when),
        ("Runbook", &about.runbook),
        ("Versions", &about.versions),
        ("Cost", &about.cost),
    ];
    html! {
        section.about {
            h2 { "About this run" }
            dl {
                @for (label, text) in facts { dt { (label) } dd { (text) } }
                @if !about.params.is_empty() {
                    dt { "Parameters" }
                    dd { @for (index, (key, value)) in about.params.iter().enumerate() { @if index > 0 { ", " } (key) "=" (value) } }
                }
            }
            p.faint.small { (if about.read { "To look at the host itself:" } else { "To run it again:" }) }
            (command(std::slice::from_ref(&about.again)))
            @if !about.provenance.is_empty() { (provenance(sections)) }
            (evidence(case, sections))
        }
        footer { "Made by casebook out of one run's case. This page fetches nothing and runs no script." }
    }
}

fn provenance(sections: &Sections) -> Markup {
    html! {
        details {
            summary { "Where the figures come from" }
            div.wide {
                table.plain {
                    tr { @for head in ["Step", "Probe", "Parameters", "Began", "Looked for", "Saw"] { th { (head) } } }
                    @for from in &sections.about.provenance {
                        tr {
                            td { (from.title) }
                            td { code { (from.probe) } }
                            td { (from.params) }
                            td { (from.started) }
                            td { (from.looked) }
                            td { (from.complete) }
                        }
                    }
                }
            }
        }
    }
}

/// What the probes saw, in text.
fn evidence(case: &Case, sections: &Sections) -> Markup {
    let mut room = MOST_BYTES;
    let mut shown = Vec::new();
    let mut left_out = 0;
    for (evidence, from) in case.evidence.values().zip(&sections.about.provenance) {
        let Some(output) = &evidence.output else { continue };
        let text = table(output, COLUMNS);
        let mut lines = text.trim_matches('\n').lines();
        let mut kept = lines.by_ref().take(MOST_LINES).collect::<Vec<_>>().join("\n");
        match lines.count() {
            0 => {}
            more => kept.push_str(&format!("\n\n… {more} more lines in the case")),
        }
        if kept.len() > room {
            left_out += 1;
            continue;
        }
        room -= kept.len();
        shown.push((format!("{} ({})", from.title, from.probe), kept));
    }
    html! {
        @if !shown.is_empty() {
            details.bulky {
                summary { "The evidence" }
                div {
                    @for (title, text) in &shown {
                        details { summary { (title) } pre { (text) } }
                    }
                    @if left_out > 0 { p.faint.small { "The case has " (left_out) " more." } }
                }
            }
        }
    }
}
