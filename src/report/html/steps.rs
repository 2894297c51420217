//! The steps with their verdicts; what is behind each opens on a click.

use maud::{Markup, html};

use super::badge;
use super::opening::coverage;
use crate::case::Verdict;
use crate::report::sections::{Sections, Step};

/// Findings of a check besides its gravest that are shown at once; the others open on a click.
const AT_ONCE: usize = 4;
/// Of findings and of figures so many are in the page; the case has them all.
const MOST: usize = 200;

pub(super) fn steps(sections: &Sections) -> Markup {
    html! {
        section {
            h2 { "Steps" small { (coverage(sections)) } }
            @if sections.steps.steps.is_empty() { p.faint { "No step ran." } }
            ol.steps { @for step in &sections.steps.steps { (one(step)) } }
        }
    }
}

fn one(step: &Step) -> Markup {
    let (shown, folded) = step.besides.split_at(step.besides.len().min(AT_ONCE));
    html! {
        li.skipped-step[step.verdict == Verdict::Skipped] id={ "step-" (step.id) } {
            span { (badge(step.verdict)) }
            h3 { (step.title) }
            div.found {
                p { (step.sentence) }
                (besides(shown))
                @if !folded.is_empty() {
                    details {
                        summary { (folded.len()) " more findings" }
                        (besides(&folded[..folded.len().min(MOST)]))
                        @if folded.len() > MOST { p.faint.small { "and " (folded.len() - MOST) " more in the case" } }
                    }
                }
                @if !step.data.is_empty() { (data(&step.data)) }
            }
        }
    }
}

fn besides(said: &[(Verdict, String)]) -> Markup {
    html! {
        @if !said.is_empty() {
            ul.besides { @for (verdict, sentence) in said { li { (badge(*verdict)) (sentence) } } }
        }
    }
}

fn data(data: &[(String, String)]) -> Markup {
    html! {
        details {
            summary { "Figures" }
            dl.data { @for (name, value) in data.iter().take(MOST) { dt { (name) } dd { (value) } } }
            @if data.len() > MOST { p.faint.small { "and " (data.len() - MOST) " more in the case" } }
        }
    }
}
