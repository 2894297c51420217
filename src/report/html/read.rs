//! What was read in place of a host.

use maud::{Markup, html};

use super::command;
use crate::report::sections::Read;

pub(super) fn read(read: &Read) -> Markup {
    html! {
        section {
            h2 { "What was read and stands out" }
            @if !read.stands_out.is_empty() { ul { @for sentence in &read.stands_out { li { (sentence) } } } }
            p { "Made at: " (read.moment) }
            h3 { "What to run next, for what these outputs do not show" }
            (command(&read.next))
            details {
                summary { "What was recognised" }
                ul {
                    @for [tool, place, taken] in &read.recognised { li { b { (tool) } " (" (place) "): " (taken) } }
                    @for lines in &read.unrecognised { li { "not recognised: " (lines) } }
                }
            }
        }
    }
}
