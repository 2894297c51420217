//! The conclusion, where and when.

use maud::{Markup, html};

use super::badge;
use crate::report::sections::Sections;

pub(super) fn opening(sections: &Sections) -> Markup {
    let opening = &sections.opening;
    html! {
        p.top {
            span { b { (opening.title) } @if !opening.host.is_empty() { " on " b { (opening.host) } } }
            span { (opening.header.join(" · ")) }
        }
        header class={ "opening " (opening.verdict) } {
            div.line {
                span class={ "badge large " (opening.verdict) } { (opening.verdict) }
                span { (sections.steps.coverage) }
            }
            @if let Some(vantage) = &opening.vantage { p.notice { (vantage) } }
            h1 { (opening.summary) }
            @if !opening.headlines.is_empty() {
                ul.headlines { @for headline in &opening.headlines { li { (headline) } } }
            }
            @if let Some(partial) = opening.partial { p.notice { (partial) } }
        }
    }
}

/// The steps' gravest verdict with how many could look.
pub(super) fn coverage(sections: &Sections) -> Markup {
    html! { (badge(sections.steps.verdict)) " " (sections.steps.coverage) }
}
