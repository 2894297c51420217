//! What could not be seen, and how to see it next time.

use maud::{Markup, html};

use crate::report::sections::Unseen;

pub(super) fn unseen(unseen: &Unseen) -> Markup {
    html! {
        @if !unseen.is_empty() {
            section {
                h2 { "What could not be seen" }
                @for blind in &unseen.blind { (list(&blind.way.heading(), &blind.gaps)) }
                @if !unseen.lost.is_empty() { (list("Lost while looking:", &unseen.lost)) }
            }
        }
    }
}

fn list(heading: &str, gaps: &[(String, String)]) -> Markup {
    html! {
        div.blind {
            h3 { (heading) }
            ul { @for (title, what) in gaps { li { b { (title) } ": " (what) } } }
        }
    }
}
