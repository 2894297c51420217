//! Where the inbound bytes went, or the outbound bytes came from, as one bar and a table that explains it.

use maud::{Markup, PreEscaped, html};

use crate::report::plot::{Ink, strip};
use crate::report::sections::{Bar, LedgerSection, Part};

pub(super) fn ledger(books: &LedgerSection) -> Markup {
    html! {
        section.ledger {
            h2 { (books.heading) @if books.nothing.is_none() { small { (books.total_in_full) } } }
            @match &books.nothing {
                Some(nothing) => p { (nothing) },
                None => { (bars(books)) }
            }
            @for note in &books.notes { p.notice { (note) } }
            @for disagreement in &books.disagreements { p.notice { "Sources disagree: " (disagreement) } }
        }
    }
}

fn bars(books: &LedgerSection) -> Markup {
    let inks: Vec<Ink> = books.bars.iter().enumerate().map(|(index, bar)| ink(index, bar.part)).collect();
    let parts: Vec<_> = books.bars.iter().zip(&inks).map(|(bar, ink)| (bar.share.unwrap_or(0.0), ink.light)).collect();
    let largest = books.bars.first().map(|bar| format!("{} {}", bar.percent, bar.label)).unwrap_or_default();
    let said = format!("The {} bytes as one bar, largest part first: {largest}", books.direction);
    html! {
        @if let Some(strip) = strip(&said, &parts) { div.strip { (PreEscaped(strip)) } }
        table.parts {
            tr { th.where { (books.column) } th { "Share" } th { "Bytes" } th.packets { "Packets" } }
            @for (bar, ink) in books.bars.iter().zip(&inks) { (row(bar, ink)) }
        }
    }
}

fn row(bar: &Bar, ink: &Ink) -> Markup {
    let much = bar.part == Part::MuchUnexplained;
    html! {
        tr.much[much].faint[bar.part == Part::Others || bar.part == Part::Unexplained] {
            td.where { span { i class=(ink.name) {} (bar.label) } }
            td { (bar.percent) }
            td { (bar.bytes) }
            td.packets { (bar.packets.as_deref().unwrap_or_default()) }
        }
    }
}

fn ink(index: usize, part: Part) -> Ink {
    match part {
        Part::Entry => Ink::PARTS[index % Ink::PARTS.len()],
        Part::Others => Ink::OTHERS,
        Part::Unexplained | Part::MuchUnexplained => Ink::UNEXPLAINED,
    }
}
