//! The causes that were considered, with the signs for and against each.

use maud::{Markup, html};

use crate::case::SignSide;
use crate::report::sections::{Causes, Considered, Why};

pub(super) fn causes(causes: &Causes) -> Markup {
    html! {
        @if !causes.is_empty() {
            section {
                h2 { "Causes considered" }
                @for cause in &causes.standing { div.cause { (head(cause)) (signs(cause)) } }
                (quiet(&causes.open))
                @if !causes.dismissed.is_empty() {
                    details open[causes.standing.is_empty() && causes.open.is_empty()] {
                        summary { (causes.dismissed.len()) " unlikely or ruled out" }
                        div { (quiet(&causes.dismissed)) }
                    }
                }
            }
        }
    }
}

fn head(cause: &Considered) -> Markup {
    html! {
        div.head {
            span class={ "badge likelihood " (cause.likelihood) } { (cause.likelihood_word()) }
            h3 { (cause.titled()) }
        }
    }
}

/// Causes in two lines each; their signs open on a click.
fn quiet(causes: &[Considered]) -> Markup {
    html! {
        @for cause in causes {
            div.cause.quiet {
                (head(cause))
                @if let Some(reason) = cause.reason() { p.faint { (reason) } }
                @if !cause.has_no_signs() {
                    details { summary { "Signs" } (signs(cause)) }
                }
            }
        }
    }
}

fn signs(cause: &Considered) -> Markup {
    html! {
        ul.signs {
            @for sign in &cause.speaks_for { (one(sign, "for", "+")) }
            @for sign in &cause.speaks_against { (one(sign, "against", "−")) }
            @for sign in &cause.unobserved { (one(sign, "unobserved", "?")) }
        }
        @if let Some(left_out) = cause.left_out() { p.faint.small { (left_out) } }
    }
}

fn one(sign: &Why, class: &str, mark: &str) -> Markup {
    let side = match sign.side {
        SignSide::For => "for",
        SignSide::Against => "against",
    };
    html! {
        li class=(class) {
            b aria-hidden="true" { (mark) }
            span {
                (sign.say) " "
                span.weight { "(" (side) ", " (sign.weight_word()) ")" }
            }
        }
    }
}
