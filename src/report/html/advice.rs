//! What to do, with commands to paste.

use maud::{Markup, html};

use super::command;
use crate::report::sections::{Advice, Advised};

pub(super) fn advice(advice: &Advice) -> Markup {
    let pasted = advice.remedies.iter().any(|advised| !advised.run.is_empty());
    html! {
        section.advice {
            h2 { "What to do" @if pasted { small { "a click on a command selects all of it" } } }
            @if let Some(instead) = &advice.instead { p { (instead) } }
            @if let Some(warning) = advice.warning { p.risk { (warning) } }
            @for advised in &advice.remedies { (remedy(advised)) }
            @if advice.more > 0 { p.faint.small { (advice.more) " more in the case" } }
        }
    }
}

fn remedy(advised: &Advised) -> Markup {
    html! {
        div class={ "remedy " (advised.urgency.word()) } {
            span { (advised.urgency.word()) }
            div {
                p { (advised.action) }
                @if let Some(risk) = &advised.risk { p.risk { "Risk: " (risk.trim_start_matches("risk ")) } }
                @if let Some(warning) = advised.warning { p.risk { (warning) } }
                @if !advised.run.is_empty() { (command(&advised.run)) }
                @if !advised.undo.is_empty() { span.label { "To undo it" } (command(&advised.undo)) }
            }
        }
    }
}
