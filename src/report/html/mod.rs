//! The report as one page for a browser: attached to a ticket, sent by mail, printed.
//!
//! The page asks nobody for anything: no network, no script, no font. Its policy forbids them, so that a name that a stranger
//! chose could not ask either. Text becomes markup in `maud` alone, which escapes whatever is put into it.

mod about;
mod advice;
mod causes;
mod fleet;
mod ledger;
mod opening;
mod pictures;
mod read;
mod steps;
mod style;
mod unseen;

use std::io;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::sections::{Depth, Sections};
use super::{Options, Renderer};
use crate::case::{Case, Verdict};

/// One page that holds everything.
pub struct Html;

/// Nothing is fetched, run or sent; only what stands in the page is shown.
const POLICY: &str = include_str!("policy.txt");

impl Renderer for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn about(&self) -> &'static str {
        "one page for a browser, with pictures; needs no network and no script, light and dark, printable"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["html", "htm"]
    }

    fn render(&self, case: &Case, _: &Options, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all(page(case).into_string().as_bytes())
    }
}

fn page(case: &Case) -> Markup {
    let sections = Sections::of(case, Depth::Full);
    let opening = &sections.opening;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY.trim());
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                title { (opening.verdict) ": " (opening.title) @if !opening.host.is_empty() { " on " (opening.host) } }
                style { (PreEscaped(style::sheet())) }
            }
            body {
                main {
                    (opening::opening(&sections))
                    @if let Some(given) = &sections.read { (read::read(given)) }
                    @if let Some(books) = &sections.books { (ledger::ledger(books)) }
                    @if let Some(books) = &sections.sent_books { (ledger::ledger(books)) }
                    @if let Some(hosts) = &sections.fleet { (fleet::fleet(hosts)) }
                    (advice::advice(&sections.advice))
                    (pictures::pictures(&sections.pictures))
                    (steps::steps(&sections))
                    (causes::causes(&sections.causes))
                    (unseen::unseen(&sections.unseen))
                    (about::about(case, &sections))
                }
            }
        }
    }
}

/// The verdict as a word on its colour.
fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (verdict) } { (verdict) } }
}

/// Lines to paste; a click selects them all.
fn command(lines: &[String]) -> Markup {
    html! { pre.command tabindex="0" { (lines.join("\n")) } }
}
